//! How the server fares.

use askama::Template;
use axum::extract::State;

use super::keeper::Keeper;
use crate::console::page::{Chrome, shown};
use crate::console::parts::{Chip, Tone};
use crate::fault::Answer;
use crate::site::Site;

#[derive(Template)]
#[template(path = "console/system/health.html")]
struct Health {
    chrome: Chrome,
    store: Chip,
    hears: Chip,
    instance: String,
    figures: Vec<(&'static str, String)>,
}

/// Shows it, as this node sees it.
pub(in crate::console) async fn page(State(site): State<Site>, keeper: Keeper) -> Answer {
    let store = if site.app.ready().await.is_ok() { ("Answers", Tone::Green) } else { ("Does not answer", Tone::Red) };
    let figures = site.app.figures();
    let hears = if figures.hears_other_nodes { ("Heard", Tone::Green) } else { ("Not heard", Tone::Amber) };
    shown(&Health {
        chrome: keeper.chrome("/admin/health", "Health"),
        store: store.into(),
        hears: hears.into(),
        instance: site.app.instance().to_owned(),
        figures: vec![
            ("Passwords waiting to be hashed", figures.hashes_waiting.to_string()),
            ("Passwords hashed since the start", figures.hashes_done.to_string()),
            ("Sign-ins turned away because it was busy", figures.hashes_refused.to_string()),
            ("Statements read since the start", figures.statements_read.to_string()),
        ],
    })
}
