//! The licence, and installing one.

use askama::Template;
use axum::extract::State;

use super::keeper::Keeper;
use crate::console::form::Fields;
use crate::console::page::{Chrome, done, shown};
use crate::console::parts::{Chip, Field, Moment};
use crate::console::trouble::Trouble;
use crate::console::words::{self, Said};
use crate::extract::Form;
use crate::fault::Answer;
use crate::site::Site;

#[derive(Template)]
#[template(path = "console/system/license.html")]
struct Licence {
    chrome: Chrome,
    stage: Chip,
    instance: String,
    seats_used: i64,
    license: Option<Held>,
    sentence: &'static str,
    key: Field,
}

/// The licence in force.
struct Held {
    licensee: String,
    seats: u32,
    from: Moment,
    until: Moment,
}

/// Shows it.
pub(in crate::console) async fn page(State(site): State<Site>, keeper: Keeper) -> Answer {
    form(&site, &keeper, "", &Trouble::default()).await
}

async fn form(site: &Site, keeper: &Keeper, typed: &str, trouble: &Trouble) -> Answer {
    let state = site.app.license_state(&keeper.admin.grant()).await?;
    let held = state.license.map(|it| Held {
        licensee: it.licensee,
        seats: it.seats,
        from: it.valid_from.into(),
        until: it.expires_at.into(),
    });
    shown(&Licence {
        chrome: keeper.chrome("/admin/license", "Licence"),
        stage: words::stage(state.stage).into(),
        instance: state.instance,
        seats_used: state.seats_used,
        license: held,
        sentence: trouble.sentence,
        key: Field::text("key", "Licence key", 4).filled(typed).wrong(trouble.about("key")),
    })
}

/// Installs one.
pub(in crate::console) async fn install(
    State(site): State<Site>,
    keeper: Keeper,
    Form(fields): Form<Fields>,
) -> Answer {
    match site.app.install_license(&keeper.admin.grant(), fields.text("key")).await {
        Ok(_) => done("/admin/license", Said::LicenseInstalled, &site),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = form(&site, &keeper, fields.text("key"), &trouble).await;
            trouble.answer(page)
        }
    }
}
