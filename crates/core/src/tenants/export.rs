//! All that is kept of a tenant, read out as JSON, one object a line: for whoever moves out, or asks what there is.
//!
//! The first line is of kind `export`, the last of kind `end` with the number of lines before it, so that a part is not taken for the
//! whole. In between stand the rows of each kind. Neither passwords' hashes nor anything sealed is among them.

use serde_json::{Map, Value as Json, json};

use super::Tenant;
use crate::access::{Role, Roles, SystemGrant, system_right};
use crate::app::App;
use crate::audit::Action;
use crate::env::Timestamp;
use crate::error::Result;
use crate::ids::TenantId;
use crate::store::statement::{Listed, TenantSql};
use crate::store::{Change, Row, Value};

/// What the lines are written by; rises with what a reader would have to know.
const FORMAT: u32 = 1;

/// How a column is written.
#[derive(Clone, Copy)]
enum As {
    Text,
    Int,
    Time,
    /// 16 bytes that are a UUID.
    Uuid,
    /// Other bytes, in base64url.
    Bytes,
    /// A text that is JSON itself.
    Object,
    Roles,
}

/// One kind of rows.
struct Kind {
    name: &'static str,
    table: &'static str,
    sql: TenantSql,
    /// The first so many columns are the key that rows are read by.
    key: usize,
    columns: &'static [(&'static str, As)],
}

/// Each kind: its name, its table, the key its rows are read by, its other columns. The statements are made of the same list.
macro_rules! kinds {
    ($($name:literal of $table:literal by ($($key:ident $key_as:ident),+) > $marks:literal: $($column:ident $as:ident),*;)*) => {
        const KINDS: &[Kind] = &[$(Kind {
            name: $name,
            table: $table,
            sql: TenantSql::new(kinds!(@text $table ($($key)+) $marks $($column)*)),
            key: [$(stringify!($key)),+].len(),
            columns: &[$((stringify!($key), As::$key_as),)+ $((stringify!($column), As::$as)),*],
        }),*];
        pub(crate) const ALL: &[Listed] = &[
            $(Listed { kind: "tenant", name: $name, text: kinds!(@text $table ($($key)+) $marks $($column)*) }),*
        ];
    };
    (@text $table:literal ($first:ident $($key:ident)*) $marks:literal $($column:ident)*) => {
        concat!(
            "SELECT ", stringify!($first), $(", ", stringify!($key),)* $(", ", stringify!($column),)* " FROM ", $table,
            " WHERE tenant_id = ?1 AND (", stringify!($first), $(", ", stringify!($key),)* ") > (", $marks, ") ORDER BY ",
            stringify!($first), $(", ", stringify!($key),)* " LIMIT 500"
        )
    };
}

kinds! {
    "user" of "users" by (id Int) > "?2": email Text, first_name Text, last_name Text, title Text, status Text, roles Roles,
        password_changed_at Time, two_factor_required_at Time, two_factor_since Time, last_sign_in_at Time, created_at Time;
    "knownAddress" of "known_addresses" by (user_id Int, address Text) > "?2, ?3": seen_at Time, both_at Time;
    "session" of "sessions" by (user_id Int, id Uuid) > "?2, ?3": method Text, amr Text, address Text, agent Text, created_at Time,
        last_seen_at Time, ended_at Time;
    "identityProvider" of "identity_providers" by (id Int) > "?2": name Text, kind Text, label Text, status Text, settings Object,
        created_at Time, updated_at Time;
    "serviceKey" of "service_keys" by (id Int) > "?2": certificate Bytes, created_at Time;
    "logo" of "logos" by (name Text) > "?2": media Text, image Bytes;
    "domain" of "domains" by (domain Text) > "?2": verified_at Time, verified_by Text, created_at Time;
    "externalIdentity" of "external_identities" by (provider_id Int, issuer Text, subject Text) > "?2, ?3, ?4": user_id Int,
        vouched Int, created_at Time, last_sign_in_at Time;
    "passkey" of "passkeys" by (id Uuid) > "?2": user_id Int, credential Bytes, counter Int, name Text, created_at Time, last_used_at Time;
    "letter" of "letters" by (id Bytes) > "?2": kind Text, user_id Int, mailbox Text, about Text, state Text, attempts Int,
        due_at Time, created_at Time;
    "template" of "templates" by (id Uuid) > "?2": title Text, asset_class Text, state Text, published Int, created_by Int,
        created_at Time, updated_at Time;
    "templateVersion" of "template_versions" by (template_id Uuid, number Int) > "?2, ?3": state Text, steps Object, revision Int,
        author Int, created_at Time, updated_at Time, submitted_by Int, submitted_at Time, reviewer Int, reviewed_at Time, comment Text,
        publisher Int, published_at Time, archived_at Time;
    "versionEditor" of "version_editors" by (template_id Uuid, number Int, user_id Int) > "?2, ?3, ?4":;
    "templateHistory" of "template_history" by (template_id Uuid, number Int) > "?2, ?3": at Time, actor Int, action Text, part Int,
        note Text;
    "job" of "jobs" by (id Uuid) > "?2": template_id Uuid, version Int, title Text, asset Text, asset_class Text, priority Int,
        assignee Int, state Text, next_step Int, step_count Int, created_by Int, created_at Time, started_at Time, ended_at Time;
    "record" of "records" by (job_id Uuid, number Int) > "?2, ?3": step Int, act Text, value Text, note Text, author Int, at Time,
        corrects Int, idempotency_key Text;
    "jobHistory" of "job_history" by (job_id Uuid, number Int) > "?2, ?3": at Time, actor Int, action Text, part Int, note Text;
    "audit" of "audit" by (id Uuid) > "?2": at Time, actor_kind Text, actor Text, address Text, request Text, action Text, target Text,
        outcome Text, reason Text;
}

/// Tables with rows of tenants that are not read out, and why. Every other one is.
pub const LEFT_OUT: &[(&str, &str)] = &[
    ("tenants", "read out first, as `client`"),
    ("provider_claims", "follows from the providers' settings"),
    ("attempts", "sign-ins under way, sealed"),
    ("exchange_codes", "sign-ins under way, sealed"),
    ("challenges", "sign-ins under way, sealed"),
    ("totp", "secrets of authenticator apps, sealed; `twoFactorSince` tells who has a second factor"),
    ("recovery_codes", "hashes of codes"),
    ("links", "one-time links that still open something"),
    ("spent_proofs", "remembered for minutes, so that no proof is used twice"),
    ("session_providers", "what signing out at a provider takes, sealed"),
    ("template_words", "words of the templates, to search by"),
    ("job_words", "words of the jobs, to search by"),
    ("user_words", "words of the people, to search by"),
    ("sign_ins_counted", "follows from the log"),
    ("sign_in_days", "follows from the log"),
];

/// The tables that are read out.
pub fn exported_tables() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.table)
}

/// How far an export has come.
#[derive(Clone, Debug)]
pub struct ExportPlace {
    kind: usize,
    after: Option<Vec<Value>>,
    /// Lines given so far.
    pub lines: u64,
    /// What is being read.
    pub reading: &'static str,
}

impl App {
    /// Reads a tenant out, piece by piece: the lines from a place on, without their ends, and the next place. Without a place it begins,
    /// and that is written down in the admin realm's log. Nothing comes after the end.
    ///
    /// What is changed meanwhile is read before or after its change.
    ///
    /// # Errors
    /// [`crate::error::Error::NotFound`], also if the tenant is deleted meanwhile.
    pub async fn export_tenant(
        &self,
        by: &SystemGrant<system_right::TenantsRead>,
        id: &TenantId,
        place: Option<ExportPlace>,
    ) -> Result<Option<(Vec<String>, ExportPlace)>> {
        let tenant = self.find_tenant(id).await?;
        let Some(place) = place else {
            let now = self.now();
            self.store.carry_out(Change::system(super::entry(now, by, Action::TenantExported, id))).await?;
            let next = ExportPlace { kind: 0, after: None, lines: 2, reading: "client" };
            return Ok(Some((beginning(&tenant, now), next)));
        };
        let Some(kind) = KINDS.get(place.kind) else {
            let end = json!({"kind": "end", "lines": place.lines}).to_string();
            let over = ExportPlace { kind: usize::MAX, ..place };
            return Ok((place.kind == KINDS.len()).then(|| (vec![end], over)));
        };
        let after = place.after.unwrap_or_else(|| kind.before_all());
        let rows: Vec<Row> = self.store.all(&tenant, kind.sql, after).await?;
        let lines: Vec<String> = rows.iter().map(|row| kind.line(row)).collect();
        let next = match rows.last() {
            Some(last) => (place.kind, Some(last.0.iter().take(kind.key).cloned().collect())),
            None => (place.kind + 1, None),
        };
        let count = place.lines + u64::try_from(lines.len()).unwrap_or(0);
        Ok(Some((lines, ExportPlace { kind: next.0, after: next.1, lines: count, reading: kind.name })))
    }
}

fn beginning(tenant: &Tenant, now: Timestamp) -> Vec<String> {
    let status = if tenant.is_active() { "active" } else { "disabled" };
    let client = json!({
        "kind": "client", "id": tenant.id.as_str(), "name": tenant.name, "status": status, "settings": tenant.settings,
        "accent": tenant.accent.map(|it| it.to_string()), "logo": tenant.logo.as_deref(), "createdAt": tenant.created_at.to_string(),
    });
    let head = json!({"kind": "export", "format": FORMAT, "client": tenant.id.as_str(), "at": now.to_string()});
    vec![head.to_string(), client.to_string()]
}

impl Kind {
    /// A key before that of every row.
    fn before_all(&self) -> Vec<Value> {
        let least = |(_, as_it_is): &(&str, As)| match as_it_is {
            As::Text => Value::Text(String::new()),
            As::Uuid | As::Bytes => Value::Bytes(Vec::new()),
            _ => Value::Int(i64::MIN),
        };
        self.columns.iter().take(self.key).map(least).collect()
    }

    /// A column's name in a line. `kind` says what the line is, so what a row is of its own kind is called after that: `letterKind`.
    fn member(&self, column: &str) -> String {
        if column == "kind" { format!("{}Kind", self.name) } else { camel(column) }
    }

    fn line(&self, row: &Row) -> String {
        let mut object = Map::from_iter([("kind".to_owned(), self.name.into())]);
        for ((name, as_it_is), value) in self.columns.iter().zip(&row.0) {
            object.insert(self.member(name), as_it_is.json(value));
        }
        Json::Object(object).to_string()
    }
}

impl As {
    fn json(self, value: &Value) -> Json {
        match (self, value) {
            (_, Value::Null) => Json::Null,
            (Self::Time, Value::Int(micros)) => Timestamp(*micros).to_string().into(),
            (Self::Roles, Value::Int(bits)) => Roles::stored(*bits).iter().map(Role::as_str).collect(),
            (_, Value::Int(number)) => (*number).into(),
            (_, Value::Bool(it)) => (*it).into(),
            (Self::Object, Value::Text(text)) => serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()),
            (_, Value::Text(text)) => text.as_str().into(),
            (Self::Uuid, Value::Bytes(bytes)) => {
                uuid::Uuid::from_slice(bytes).map_or(Json::Null, |id| id.hyphenated().to_string().into())
            }
            (_, Value::Bytes(bytes)) => crate::secret::encode(bytes).into(),
        }
    }
}

/// `first_name` as `firstName`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_says_what_it_is_and_each_column_under_a_name_of_its_own() {
        for kind in KINDS {
            let row = Row(kind.columns.iter().map(|_| Value::Null).collect());
            let line: Map<String, Json> = serde_json::from_str(&kind.line(&row)).unwrap();
            assert_eq!((&line["kind"], line.len()), (&kind.name.into(), kind.columns.len() + 1), "{}", kind.name);
        }
    }
}
