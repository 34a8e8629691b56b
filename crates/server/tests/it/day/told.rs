//! What the log tells of the day, once it is read out.

use purser_core::access::{Right, Role};
use serde_json::Value;

use super::cast::Day;
use super::deed::{Deed, code_of};

impl Day<'_> {
    /// Reads the organisation's log out, after all who may not have tried.
    pub(super) async fn exported(&self, role: Role) -> Vec<Value> {
        let deed = Deed::get("reads-the-log-out", Right::AuditRead, "/api/client/audit/export");
        self.everybody_else_is_refused(&deed, role).await;
        let reply = self.sent(&deed, &self.one(role).asker).await;
        assert_eq!((code_of(&reply).as_str(), reply.header("content-type")), ("done", Some("application/x-ndjson")));
        reply.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The log, line for line: which step of the day, who, what, on what, and the outcome.
    pub(super) fn told(&self, log: &[Value]) -> String {
        let lines = log.iter().map(|line| {
            assert_eq!(line["clientId"], "acme");
            let text = |member: &str| line[member].as_str().unwrap();
            let actor = match text("actorKind") {
                "user" => self.name_of(text("actor")),
                kind => kind.to_owned(),
            };
            let (kind, id) = text("target").split_once(':').unwrap_or_default();
            let (step, action, outcome) = (text("requestId"), text("action"), text("outcome"));
            format!("{step:23} {actor:15} {action:20} {kind} {}: {outcome}", self.name_of(id))
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}
