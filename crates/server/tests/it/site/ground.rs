//! [`Ground`], what a site stands on: a database of its own, and the memory of every secret that crossed its sockets.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use purser_core::secret::Secret;
use serde_json::Value;
use tempfile::TempDir;

use crate::http::probe::Reply;
use crate::log;

/// Tables, each with the columns that a refusal must leave as they are. Left out: the audit log, the counts of guesses and
/// of numbers, and when sessions were last used.
const HELD: &[(&str, &str)] = &[
    ("signing_keys", "kid, realm, algorithm, signs_from, verify_until"),
    ("tenants", "tenant_id, name, status, settings, epoch"),
    (
        "users",
        "tenant_id, id, email, first_name, last_name, title, status, roles, epoch, password_hash, last_sign_in_at, two_factor_required_at, two_factor_since",
    ),
    ("totp", "tenant_id, user_id, sealed, last_step, pending"),
    ("recovery_codes", "tenant_id, user_id, code"),
    ("passkeys", "tenant_id, id, user_id, credential, public_key, counter, name"),
    ("sessions", "id, tenant_id, user_id, generation, branch, child, child_since, user_epoch, ended_at"),
    ("admins", "id, username, password_hash, status, epoch, last_sign_in_at"),
    ("admin_sessions", "id, admin_id, generation, branch, child, child_since, admin_epoch, ended_at"),
    ("licenses", "serial, license_key"),
    ("identity_providers", "tenant_id, id, name, kind, label, status, settings, sealed, version, updated_at"),
    ("provider_claims", "claim, tenant_id, provider_id"),
    ("service_keys", "tenant_id, id, sealed, certificate"),
    ("domains", "tenant_id, domain, token, verified_at, verified_by"),
    ("external_identities", "tenant_id, provider_id, issuer, subject, user_id"),
    ("exchange_codes", "id, tenant_id, user_id, challenge, expires_at"),
    ("spent_proofs", "tenant_id, issuer, proof, until"),
    ("session_providers", "tenant_id, session_id, provider_id, subject"),
    ("links", "tenant_id, id, kind, user_id, mailbox, address, expires_at"),
    ("letters", "tenant_id, id, cause, kind, user_id, mailbox, state"),
    ("forgotten", "id, email, client"),
    ("templates", "tenant_id, id, title, asset_class, state, published, last_number, changes"),
    ("template_versions", "tenant_id, template_id, number, state, steps, revision, reviewer, comment"),
    ("template_history", "tenant_id, template_id, number, actor, action, part"),
    ("jobs", "tenant_id, id, version, title, assignee, state, next_step, records, changes"),
    ("records", "tenant_id, job_id, number, step, act, value"),
    ("job_history", "tenant_id, job_id, number, actor, action, part"),
];

/// Members of JSON whose values nobody may read in a log.
const SECRET: &[&str] = &[
    "password",
    "currentPassword",
    "newPassword",
    "token",
    "refreshToken",
    "licenseKey",
    "clientSecret",
    "privateKey",
    "samlResponse",
    "SAMLResponse",
    "SAMLRequest",
    "RelayState",
    "codeVerifier",
    "challenge",
    "secret",
    "uri",
    "qr",
];

/// Parameters of addresses that we send browsers to, of which the same holds.
const SECRET_ON_THE_WAY: &[&str] = &["code", "state", "nonce", "id_token_hint", "SAMLRequest"];

pub(super) struct Ground {
    folder: TempDir,
    schema: Option<(String, tokio_postgres::Client)>,
    seeds: AtomicU64,
    names: AtomicU64,
    secrets: Mutex<Vec<String>>,
    log_start: usize,
}

impl Ground {
    pub(super) fn sqlite() -> Self {
        Self::with(None)
    }

    pub(super) async fn postgres() -> Self {
        Self::with(Some(new_schema().await))
    }

    fn with(schema: Option<(String, tokio_postgres::Client)>) -> Self {
        log::keep();
        Self {
            folder: TempDir::new().unwrap(),
            schema,
            seeds: AtomicU64::new(1),
            names: AtomicU64::new(1),
            secrets: Mutex::default(),
            log_start: log::length(),
        }
    }

    pub(super) fn url(&self) -> Secret {
        match &self.schema {
            Some((url, _)) => Secret::new(url.clone()),
            None => Secret::new(format!("sqlite:{}", self.file().display())),
        }
    }

    pub(super) fn master_key(&self) -> PathBuf {
        self.folder.path().join("purser.key")
    }

    /// Where letters are put.
    pub(super) fn outbox(&self) -> PathBuf {
        self.folder.path().join("outbox")
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("purser.db")
    }

    /// Every node draws chance of its own.
    pub(super) fn next_seed(&self) -> u64 {
        self.seeds.fetch_add(1, Ordering::SeqCst)
    }

    pub(super) fn next_name(&self) -> u64 {
        self.names.fetch_add(1, Ordering::SeqCst)
    }

    pub(super) async fn holdings(&self) -> String {
        let mut text = String::new();
        for (table, columns) in HELD {
            text.push_str(table);
            text.push('\n');
            for row in self.rows(table, columns).await {
                text.push_str(&row);
                text.push('\n');
            }
        }
        text
    }

    async fn rows(&self, table: &str, columns: &str) -> Vec<String> {
        match &self.schema {
            Some((_, client)) => {
                let statement = format!("SELECT ROW({columns})::text FROM {table} ORDER BY 1");
                client.query(&statement, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
            }
            None => self.rows_of_file(&format!("SELECT {columns} FROM {table} ORDER BY 1, 2")),
        }
    }

    fn rows_of_file(&self, statement: &str) -> Vec<String> {
        let file = rusqlite::Connection::open(self.file()).unwrap();
        let mut statement = file.prepare(statement).unwrap();
        let width = statement.column_count();
        let shown = |row: &rusqlite::Row<'_>| {
            let values: Vec<rusqlite::types::Value> = (0..width).map(|at| row.get(at).unwrap()).collect();
            Ok(format!("{values:?}"))
        };
        statement.query_map([], shown).unwrap().map(Result::unwrap).collect()
    }

    /// Remembers what nobody may ever read in the log.
    pub(super) fn remember(&self, sent: &Value, reply: &Reply) {
        let mut secrets = self.secrets.lock().unwrap();
        collect(sent, &mut secrets);
        if reply.header("content-type").is_some_and(|media| media == "application/json") {
            collect(&reply.json(), &mut secrets);
        }
        let (_, query) = reply.header("location").and_then(|to| to.split_once('?')).unwrap_or_default();
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        let said = pairs.filter(|(name, value)| SECRET_ON_THE_WAY.contains(&&**name) && value.len() > 9);
        secrets.extend(said.map(|(_, value)| value.into_owned()));
        let cookies = reply.headers.iter().filter(|(name, _)| name == "set-cookie");
        let values = cookies.filter_map(|(_, line)| line.split_once('=')?.1.split(';').next());
        secrets.extend(values.filter(|value| value.len() > 9).map(ToOwned::to_owned));
    }

    pub(super) fn logged(&self, word: &str) -> Vec<String> {
        log::after(self.log_start, word)
    }
}

/// At the end of every story: none of its secrets stands in the log.
impl Drop for Ground {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let mut secrets = std::mem::take(&mut *self.secrets.lock().unwrap());
        secrets.sort();
        secrets.dedup();
        for secret in secrets {
            // The end of a token is the part that proves something, and the part that differs.
            let end = secret.len().saturating_sub(24);
            let part = secret.get(end..).unwrap_or(&secret);
            assert_eq!(self.logged(part), Vec::<String>::new(), "a secret stands in the log");
        }
    }
}

fn collect(json: &Value, into: &mut Vec<String>) {
    match json {
        Value::Object(members) => {
            for (name, value) in members {
                if let (Some(listed), "recoveryCodes") = (value.as_array(), name.as_str()) {
                    into.extend(listed.iter().filter_map(Value::as_str).map(ToOwned::to_owned));
                }
                match value.as_str() {
                    Some(text) if text.len() > 9 && SECRET.contains(&name.as_str()) => into.push(text.to_owned()),
                    _ => collect(value, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        _ => {}
    }
}

/// A database address whose search path is a schema nobody else uses, and a connection to look into it.
async fn new_schema() -> (String, tokio_postgres::Client) {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let url = std::env::var("TEST_POSTGRES_URL")
        .expect("TEST_POSTGRES_URL names the PostgreSQL to test on; ./test starts one");
    let name = format!("s{}_{}", std::process::id(), SERIAL.fetch_add(1, Ordering::SeqCst));
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    // The star sees over the walls between tenants.
    client
        .batch_execute(&format!("CREATE SCHEMA {name}; SET search_path TO {name}; SET purser.tenant = '*'"))
        .await
        .unwrap();
    let joint = if url.contains('?') { '&' } else { '?' };
    (format!("{url}{joint}options=-csearch_path%3D{name}"), client)
}
