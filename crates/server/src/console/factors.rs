//! The reader's own second factors: the app, the recovery codes, the passkeys.

use askama::Template;
use axum::extract::{Path, State};
use purser_core::error::Error;
use purser_core::secret::Secret;
use purser_core::signin::Passkey;

use super::form::Fields;
use super::page::{Chrome, Person, Place, done, shown};
use super::parts::{Field, Moment};
use super::trouble::Trouble;
use super::two_factor::{Offered, first_code};
use super::words::Said;
use crate::extract::Form;
use crate::fault::Answer;
use crate::site::Site;

const HERE: &str = "/account/two-factor";

#[derive(Template)]
#[template(path = "console/factors.html")]
struct Factors {
    chrome: Chrome,
    required: bool,
    due: Option<Moment>,
    app: bool,
    codes: u32,
    /// Whether there is anything that codes could stand in for.
    any: bool,
    passkeys: Vec<PasskeyLine>,
}

/// One of them.
struct PasskeyLine {
    id: String,
    name: String,
    since: Moment,
    used: Option<Moment>,
}

impl From<Passkey> for PasskeyLine {
    fn from(it: Passkey) -> Self {
        Self {
            id: it.id.to_string(),
            name: it.name,
            since: it.created_at.into(),
            used: it.last_used_at.map(Moment::from),
        }
    }
}

/// Shows them.
pub(super) async fn page(State(site): State<Site>, person: Person) -> Answer {
    let factors = site.app.own_factors(&person.caller).await?;
    shown(&Factors {
        chrome: person.chrome(Place::Account, "Second factors"),
        required: factors.required,
        due: factors.due_at.map(Moment::from),
        app: factors.totp,
        codes: factors.recovery_codes,
        any: factors.totp || !factors.passkeys.is_empty(),
        passkeys: factors.passkeys.into_iter().map(PasskeyLine::from).collect(),
    })
}

/// What takes a second look.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    RemoveApp,
    RenewCodes,
}

impl Act {
    fn read(word: &str) -> Result<Self, Error> {
        match word {
            "remove-app" => Ok(Self::RemoveApp),
            "renew-codes" => Ok(Self::RenewCodes),
            _ => Err(Error::NotFound),
        }
    }
}

#[derive(Template)]
#[template(path = "console/ask-factor.html")]
struct AskFactor {
    chrome: Chrome,
    act: Act,
}

/// Asks before it is done.
pub(super) async fn ask(person: Person, Path(act): Path<String>) -> Answer {
    shown(&AskFactor { chrome: person.chrome(Place::Account, "Second factors"), act: Act::read(&act)? })
}

/// Does it.
pub(super) async fn act(
    State(site): State<Site>,
    person: Person,
    Path(word): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    let password = password(&fields);
    let did = match Act::read(&word)? {
        Act::RemoveApp => site.app.remove_totp(&person.caller, password.as_ref()).await.map(|()| Vec::new()),
        Act::RenewCodes => site.app.renew_recovery_codes(&person.caller, password.as_ref()).await,
    };
    match did {
        Ok(codes) if codes.is_empty() => done(HERE, Said::FactorRemoved, &site),
        Ok(codes) => show_codes(&person, &codes),
        Err(refused) => again(&person, &format!("{HERE}/{word}"), refused),
    }
}

/// The password, if it was asked for.
fn password(fields: &Fields) -> Option<Secret> {
    fields.said("password").map(|_| fields.secret("password"))
}

#[derive(Template)]
#[template(path = "console/again.html")]
struct Again<'a> {
    chrome: Chrome,
    sentence: &'static str,
    action: &'a str,
    password: Field,
}

/// Asks for the password once more, where the sign-in is too long ago for this.
fn again(person: &Person, action: &str, refused: Error) -> Answer {
    let needed = matches!(&refused, Error::Invalid(problems) if problems.iter().any(|it| it.field == "password"));
    let sentence = match &refused {
        Error::Invalid(_) if needed => "",
        Error::InvalidCredentials | Error::RateLimited(_) | Error::ServerBusy => Trouble::in_words(&refused),
        _ => return Err(refused.into()),
    };
    let page = shown(&Again {
        chrome: person.chrome(Place::Account, "Your password, once more"),
        sentence,
        action,
        password: Field::password("password", "Password").known_as("current-password"),
    });
    Trouble::saying(refused, sentence).answer(page)
}

#[derive(Template)]
#[template(path = "console/codes.html")]
struct Codes {
    chrome: Chrome,
    codes: Vec<String>,
}

fn show_codes(person: &Person, codes: &[Secret]) -> Answer {
    let codes = codes.iter().map(|code| code.reveal().to_owned()).collect();
    shown(&Codes { chrome: person.chrome(Place::Account, "Your recovery codes"), codes })
}

#[derive(Template)]
#[template(path = "console/set-up-app.html")]
struct SetUpApp {
    chrome: Chrome,
    sentence: &'static str,
    /// Shown once.
    offer: Option<Offered>,
    code: Field,
}

fn set_up(person: &Person, offer: Option<Offered>, trouble: &Trouble) -> Answer {
    let chrome = person.chrome(Place::Account, "Set up an app");
    shown(&SetUpApp { chrome, sentence: trouble.sentence, offer, code: first_code(trouble) })
}

/// Shows what an app is set up with.
pub(super) async fn offer_app(State(site): State<Site>, person: Person, Form(fields): Form<Fields>) -> Answer {
    match site.app.start_totp(&person.caller, password(&fields).as_ref()).await {
        Ok(offer) => set_up(&person, Some(offer.into()), &Trouble::default()),
        Err(refused) => again(&person, "/account/two-factor/app", refused),
    }
}

/// Takes the app's first code.
pub(super) async fn confirm_app(State(site): State<Site>, person: Person, Form(fields): Form<Fields>) -> Answer {
    match site.app.confirm_totp(&person.caller, &fields.secret("code")).await {
        Ok(codes) if codes.is_empty() => done(HERE, Said::AppSetUp, &site),
        Ok(codes) => show_codes(&person, &codes),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = set_up(&person, None, &trouble);
            trouble.answer(page)
        }
    }
}

#[derive(Template)]
#[template(path = "console/add-passkey.html")]
struct AddPasskey {
    chrome: Chrome,
    sentence: &'static str,
    /// What the browser is asked to make.
    options: String,
    /// What it has made already, if only the name was wrong.
    made: Option<String>,
    name: Field,
}

/// Begins to add a passkey.
pub(super) async fn offer_passkey(State(site): State<Site>, person: Person, Form(fields): Form<Fields>) -> Answer {
    match site.app.start_passkey(&person.caller, password(&fields).as_ref()).await {
        Ok(options) => shown(&AddPasskey {
            chrome: person.chrome(Place::Account, "Add a passkey"),
            sentence: "",
            options: options.to_string(),
            made: None,
            name: passkey_name("Passkey"),
        }),
        Err(refused) => again(&person, "/account/two-factor/passkeys", refused),
    }
}

/// Keeps what the browser has made.
pub(super) async fn add_passkey(
    State(site): State<Site>,
    person: Person,
    Form(fields): Form<Fields, 65_536>,
) -> Answer {
    let made = serde_json::from_str(fields.raw("passkey"))
        .map_err(|_| Error::invalid("passkey", "was not made; begin again"))?;
    match site.app.add_passkey(&person.caller, fields.text("name"), &made).await {
        Ok((_, codes)) if codes.is_empty() => done(HERE, Said::PasskeyAdded, &site),
        Ok((_, codes)) => show_codes(&person, &codes),
        Err(Error::Invalid(problems)) if problems.iter().all(|it| it.field == "name") => {
            let trouble = Trouble::of(Error::Invalid(problems))?;
            let page = shown(&AddPasskey {
                chrome: person.chrome(Place::Account, "Add a passkey"),
                sentence: trouble.sentence,
                options: String::new(),
                made: Some(fields.raw("passkey").to_owned()),
                name: passkey_name(fields.text("name")).wrong(trouble.about("name")),
            });
            trouble.answer(page)
        }
        Err(refused) => Err(refused.into()),
    }
}

fn passkey_name(name: &str) -> Field {
    Field::line("name", "What to call it").filled(name).hint("As “Phone” or “Key on my key ring”.")
}

#[derive(Template)]
#[template(path = "console/passkey.html")]
struct OnePasskey {
    chrome: Chrome,
    id: String,
    name: Field,
    sentence: &'static str,
}

/// Shows one.
pub(super) async fn passkey(State(site): State<Site>, person: Person, Path(id): Path<String>) -> Answer {
    let all = site.app.own_factors(&person.caller).await?.passkeys;
    let found = all.into_iter().find(|it| it.id.to_string() == id).ok_or(Error::NotFound)?;
    one_passkey(&person, id, &found.name, &Trouble::default())
}

fn one_passkey(person: &Person, id: String, name: &str, trouble: &Trouble) -> Answer {
    shown(&OnePasskey {
        chrome: person.chrome(Place::Account, "Passkey"),
        id,
        name: Field::line("name", "What to call it").filled(name).wrong(trouble.about("name")),
        sentence: trouble.sentence,
    })
}

/// Calls it otherwise.
pub(super) async fn rename_passkey(
    State(site): State<Site>,
    person: Person,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    match site.app.rename_passkey(&person.caller, id.parse()?, fields.text("name")).await {
        Ok(()) => done(HERE, Said::PasskeyRenamed, &site),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = one_passkey(&person, id, fields.text("name"), &trouble);
            trouble.answer(page)
        }
    }
}

/// Removes it.
pub(super) async fn remove_passkey(
    State(site): State<Site>,
    person: Person,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    match site.app.remove_passkey(&person.caller, id.parse()?, password(&fields).as_ref()).await {
        Ok(()) => done(HERE, Said::FactorRemoved, &site),
        Err(refused) => again(&person, &format!("/account/two-factor/passkeys/{id}/remove"), refused),
    }
}
