//! Ending sessions: one that the audit log names, or everybody's at once.

use askama::Template;
use axum::extract::State;
use purser_core::error::Error;
use purser_core::ids::SessionId;

use super::keeper::Keeper;
use crate::console::form::Fields;
use crate::console::page::{Chrome, done, shown};
use crate::console::parts::Field;
use crate::console::trouble::Trouble;
use crate::console::words::Said;
use crate::extract::Form;
use crate::fault::Answer;
use crate::site::Site;

#[derive(Template)]
#[template(path = "console/system/sessions.html")]
struct Sessions {
    chrome: Chrome,
    sentence: &'static str,
    session: Field,
}

/// What can be done.
pub(in crate::console) async fn page(keeper: Keeper) -> Answer {
    form(&keeper, "", &Trouble::default())
}

fn form(keeper: &Keeper, typed: &str, trouble: &Trouble) -> Answer {
    shown(&Sessions {
        chrome: keeper.chrome("/admin/sessions", "Sessions"),
        sentence: trouble.sentence,
        session: Field::line("session", "Number of the session")
            .hint("As the audit log names it behind “session:”.")
            .filled(typed)
            .wrong(trouble.about("session")),
    })
}

/// Ends one.
pub(in crate::console) async fn end(State(site): State<Site>, keeper: Keeper, Form(fields): Form<Fields>) -> Answer {
    let typed = fields.text("session").trim_start_matches("session:");
    let ended = match typed.parse::<SessionId>() {
        Ok(id) => site.app.end_session(&keeper.admin.grant(), id).await,
        Err(_) => Err(Error::NotFound),
    };
    match ended {
        Ok(()) => done("/admin/sessions", Said::SessionEnded, &site),
        Err(Error::NotFound) => {
            let trouble = Trouble::of(Error::invalid("session", "there is no such session, or it is over"))?;
            let page = form(&keeper, typed, &trouble);
            trouble.answer(page)
        }
        Err(other) => Err(other.into()),
    }
}

#[derive(Template)]
#[template(path = "console/system/ask-sessions.html")]
struct AskSessions {
    chrome: Chrome,
    sentence: &'static str,
    confirm: Field,
}

/// What has to be typed in before everybody is signed out.
const WORD: &str = "everybody";

/// Asks before everybody is signed out.
pub(in crate::console) async fn ask(keeper: Keeper) -> Answer {
    asking(&keeper, &Trouble::default())
}

fn asking(keeper: &Keeper, trouble: &Trouble) -> Answer {
    shown(&AskSessions {
        chrome: keeper.chrome("/admin/sessions", "End all sessions"),
        sentence: trouble.sentence,
        confirm: Field::line("confirm", "Type in: everybody").wrong(trouble.about("confirm")),
    })
}

/// Ends all of them. Administrators' own go on.
pub(in crate::console) async fn end_all(
    State(site): State<Site>,
    keeper: Keeper,
    Form(fields): Form<Fields>,
) -> Answer {
    if fields.text("confirm") != WORD {
        let trouble = Trouble::of(Error::invalid("confirm", "is not the word"))?;
        let page = asking(&keeper, &trouble);
        return trouble.answer(page);
    }
    site.app.end_all_sessions(&keeper.admin.grant()).await?;
    done("/admin/sessions", Said::AllEnded, &site)
}
