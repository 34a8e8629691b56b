//! [`Deed`], a thing that can be done over HTTP: what it asks, and which right it asks for.

use purser_core::access::{Right, Role, Roles};
use serde_json::json;

use crate::http::probe::Reply;
use crate::site::Asker;

/// A request that anybody can send. `$NAME` in it stands for an id that the day knows.
pub(super) struct Deed {
    /// What it is called in the log: the id of its request.
    pub(super) name: String,
    ask: Ask,
    right: Right,
    whose: Whose,
}

enum Ask {
    Get(String),
    Graphql(String),
}

/// For whom a deed is, of those who hold its right.
enum Whose {
    Any,
    /// Nobody performs another's job.
    Assignees,
}

impl Deed {
    pub(super) fn graphql(name: &str, right: Right, document: &str) -> Self {
        Self { name: name.to_owned(), ask: Ask::Graphql(document.to_owned()), right, whose: Whose::Any }
    }

    pub(super) fn get(name: &str, right: Right, target: &str) -> Self {
        Self { name: name.to_owned(), ask: Ask::Get(target.to_owned()), right, whose: Whose::Any }
    }

    /// The same, for the assignee of its job alone.
    pub(super) fn of_the_assignee(self) -> Self {
        Self { whose: Whose::Assignees, ..self }
    }

    /// Whether the table of rights lets a role do it, whoever of that role it is.
    pub(super) fn is_open_to(&self, role: Role) -> bool {
        matches!(self.whose, Whose::Any) && Roles::from_iter([role]).hold(self.right)
    }

    /// Whether it names something that belongs to the organisation.
    pub(super) fn names_something(&self) -> bool {
        let (Ask::Get(text) | Ask::Graphql(text)) = &self.ask;
        text.contains('$')
    }

    /// Sends it, with its names made ids by whoever knows them.
    pub(super) async fn sent_by(&self, asker: &Asker<'_>, with_ids: impl Fn(&str) -> String) -> Reply {
        let asker = asker.with(&format!("X-Request-Id: {}", self.name));
        match &self.ask {
            Ask::Get(target) => asker.get(&with_ids(target)).await,
            Ask::Graphql(document) => asker.post("/api/client/graphql", &json!({"query": with_ids(document)})).await,
        }
    }
}

/// What became of a deed: done, or the code of its one refusal.
pub(super) fn code_of(reply: &Reply) -> String {
    if reply.status >= 400 {
        return reply.code();
    }
    if reply.header("content-type") != Some("application/json") {
        return "done".to_owned();
    }
    let json = reply.json();
    match json["errors"].as_array().map(Vec::as_slice) {
        None => "done".to_owned(),
        Some([refusal]) => refusal["extensions"]["code"].as_str().unwrap().to_owned(),
        Some(refusals) => panic!("{refusals:?}"),
    }
}
