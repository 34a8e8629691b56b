//! The signing keys, and making new ones.

use askama::Template;
use axum::extract::State;
use purser_core::session::KeyView;

use super::keeper::Keeper;
use crate::console::page::{Chrome, done, shown};
use crate::console::parts::Moment;
use crate::console::words::Said;
use crate::fault::Answer;
use crate::site::Site;

#[derive(Template)]
#[template(path = "console/system/keys.html")]
struct Keys {
    chrome: Chrome,
    keys: Vec<Line>,
}

struct Line {
    kid: String,
    realm: &'static str,
    algorithm: String,
    signs_from: Moment,
    verifies_until: Option<Moment>,
}

impl From<KeyView> for Line {
    fn from(key: KeyView) -> Self {
        Self {
            realm: if key.realm == "admin" { "Administrators" } else { "Tenants" },
            signs_from: key.signs_from.into(),
            verifies_until: key.verify_until.map(Moment::from),
            kid: key.kid,
            algorithm: key.algorithm,
        }
    }
}

/// Shows them.
pub(in crate::console) async fn page(State(site): State<Site>, keeper: Keeper) -> Answer {
    let keys = site.app.signing_keys(&keeper.admin.grant()).await?;
    let chrome = keeper.chrome("/admin/keys", "Signing keys");
    shown(&Keys { chrome, keys: keys.into_iter().map(Line::from).collect() })
}

#[derive(Template)]
#[template(path = "console/system/ask-keys.html")]
struct AskKeys {
    chrome: Chrome,
}

/// Asks before new ones are made.
pub(in crate::console) async fn ask(keeper: Keeper) -> Answer {
    shown(&AskKeys { chrome: keeper.chrome("/admin/keys", "New signing keys") })
}

/// Makes new ones.
pub(in crate::console) async fn rotate(State(site): State<Site>, keeper: Keeper) -> Answer {
    site.app.rotate_keys(&keeper.admin.grant()).await?;
    done("/admin/keys", Said::KeysRotated, &site)
}
