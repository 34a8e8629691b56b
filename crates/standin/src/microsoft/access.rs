//! Access tokens and ID tokens as Entra issues them, in both versions.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{API, DIRECTORY, GRAPH_ADDRESS, GRAPH_ID, POWER_APP, Person, STS, State};
use crate::tokens::{Draft, Key, encode, guid, sha256, sign_text};

/// The version of a token's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `ver` 1.0.
    V1,
    /// `ver` 2.0.
    V2,
}

/// Whom an access token is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Graph, by its id.
    Graph,
    /// Graph, by its address.
    GraphAddress,
    /// This stand-in as Dataverse.
    Dataverse,
    /// An API, by whatever it is called.
    Api(String),
}

/// How a token tells of groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Groups {
    /// Not at all.
    Silent,
    /// By their ids.
    Listed(Vec<String>),
    /// There are too many; it says where to ask.
    Overage,
}

/// Whom a token was issued to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To an application in the name of a person.
    Delegated,
    /// To an application in its own name.
    AppOnly,
}

/// An access token to be issued.
#[derive(Clone, Debug)]
pub struct Access {
    /// The version.
    pub version: Version,
    /// Whom it is for.
    pub audience: Audience,
    /// The directory.
    pub tid: String,
    /// The application that asks.
    pub app: String,
    /// In whose name.
    pub kind: Kind,
    /// The scopes, as Microsoft writes them in `scp`.
    pub scopes: String,
    /// The person; the stand-in's first one if not said.
    pub person: Option<Person>,
    /// How they signed in.
    pub amr: Vec<String>,
    /// Their groups.
    pub groups: Groups,
    /// How long it lives, in seconds.
    pub lifetime: i64,
}

impl Access {
    /// A token for Graph.
    pub fn graph(version: Version) -> Self {
        Self {
            version,
            audience: Audience::Graph,
            tid: DIRECTORY.to_owned(),
            app: POWER_APP.to_owned(),
            kind: Kind::Delegated,
            scopes: "User.Read profile openid email".to_owned(),
            person: None,
            amr: vec!["pwd".to_owned()],
            groups: Groups::Silent,
            lifetime: 4_500,
        }
    }

    /// A token for an API of one's own.
    pub fn api(version: Version) -> Self {
        let audience = match version {
            Version::V1 => format!("api://{API}"),
            Version::V2 => API.to_owned(),
        };
        Self { audience: Audience::Api(audience), scopes: "access_as_user".to_owned(), ..Self::graph(version) }
    }
}

/// A token the services know of.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    pub(crate) audience: Audience,
    pub(crate) kind: Kind,
    pub(crate) scopes: String,
    pub(crate) person: Person,
    pub(crate) expires: i64,
}

pub(crate) fn issue(state: &mut State, url: &str, access: &Access) -> String {
    let draft = draft(state, url, access);
    issue_draft(state, &draft, access)
}

pub(crate) fn issue_draft(state: &mut State, draft: &Draft, access: &Access) -> String {
    let token = sign(draft, signing_key(state, access.version));
    let issued = Issued {
        audience: access.audience.clone(),
        kind: access.kind,
        scopes: access.scopes.clone(),
        person: access.person.clone().unwrap_or_else(|| state.person()),
        expires: state.now() + access.lifetime,
    };
    state.issued.insert(token.clone(), issued);
    token
}

pub(crate) fn signing_key(state: &State, version: Version) -> &Arc<Key> {
    match version {
        Version::V1 => &state.keys.v1,
        Version::V2 => &state.keys.v2,
    }
}

/// Signs as Microsoft does: a token for Graph has a `nonce` in its header and is signed over the nonce's hash, so that nobody but
/// Graph can check it.
fn sign(draft: &Draft, key: &Key) -> String {
    let Some(nonce) = draft.header.get("nonce").and_then(Value::as_str) else { return draft.sign(key) };
    let hashed = draft.clone().header("nonce", encode(&sha256(nonce.as_bytes())));
    let (header, payload) = hashed.texts(key, key.algorithm());
    let signed = sign_text(header.as_bytes(), payload.as_bytes(), key, key.algorithm());
    let seal = signed.rsplit_once('.').map(|(_, seal)| seal.to_owned()).unwrap_or_default();
    let (header, payload) = draft.texts(key, key.algorithm());
    format!("{}.{}.{seal}", encode(header.as_bytes()), encode(payload.as_bytes()))
}

/// The claims of an access token (the access token claims reference; version 1.0 and 2.0 differ in half of them).
pub(crate) fn draft(state: &State, url: &str, access: &Access) -> Draft {
    let now = state.now();
    let person = access.person.clone().unwrap_or_else(|| state.person());
    let mut draft = Draft::new(json!({
        "aud": audience(url, &access.audience),
        "iss": issuer(url, access.version, &access.tid),
        "iat": now, "nbf": now, "exp": now + access.lifetime,
        "aio": encode(&sha256(person.oid.as_bytes())),
        "oid": person.oid,
        "rh": "0.ARoA",
        "sub": encode(&sha256(format!("{}{}", person.oid, access.app).as_bytes())),
        "tid": access.tid,
        "uti": encode(&crate::tokens::chance::<16>()),
    }));
    draft = match access.version {
        Version::V1 => version_1(draft, access),
        Version::V2 => version_2(draft, access),
    };
    if matches!(access.audience, Audience::Graph | Audience::GraphAddress) {
        draft = draft.header("nonce", encode(&crate::tokens::chance::<32>()));
    }
    match access.kind {
        Kind::Delegated => delegated(draft, access, &person),
        Kind::AppOnly => draft.claim("idtyp", "app").claim("roles", json!(["User.Read.All"])),
    }
}

fn version_1(draft: Draft, access: &Access) -> Draft {
    draft.claim("ver", "1.0").claim("appid", access.app.clone()).claim("appidacr", "0")
}

fn version_2(draft: Draft, access: &Access) -> Draft {
    draft.claim("ver", "2.0").claim("azp", access.app.clone()).claim("azpacr", "0")
}

fn delegated(draft: Draft, access: &Access, person: &Person) -> Draft {
    let mut draft = draft.claim("scp", access.scopes.clone()).claim("name", person.display_name());
    draft = match access.version {
        Version::V1 => draft
            .claim("acr", "1")
            .claim("amr", json!(access.amr))
            .claim("upn", person.upn.clone())
            .claim("unique_name", person.upn.clone())
            .claim("given_name", person.given_name.clone())
            .claim("family_name", person.family_name.clone())
            .claim("ipaddr", "192.0.2.17"),
        Version::V2 => draft.claim("preferred_username", person.upn.clone()),
    };
    if let Some(idp) = &person.guest_of {
        draft = draft.claim("idp", idp.clone());
    }
    match &access.groups {
        Groups::Silent => draft,
        Groups::Listed(groups) => draft.claim("groups", json!(groups)),
        Groups::Overage => draft.claim("_claim_names", json!({ "groups": "src1" })).claim(
            "_claim_sources",
            json!({ "src1": {
                "endpoint": format!("https://graph.windows.net/{}/users/{}/getMemberObjects", access.tid, person.oid),
            } }),
        ),
    }
}

pub(crate) fn issuer(url: &str, version: Version, tid: &str) -> String {
    match version {
        Version::V1 => format!("{STS}/{tid}/"),
        Version::V2 => format!("{url}/{tid}/v2.0"),
    }
}

fn audience(url: &str, audience: &Audience) -> String {
    match audience {
        Audience::Graph => GRAPH_ID.to_owned(),
        Audience::GraphAddress => GRAPH_ADDRESS.to_owned(),
        Audience::Dataverse => url.to_owned(),
        Audience::Api(name) => name.clone(),
    }
}

/// An ID token of version 2.0 (OpenID Connect Core section 2, and Microsoft's own claims).
pub(crate) fn id_token(state: &State, url: &str, tid: &str, app: &str, person: &Person, nonce: Option<&str>) -> String {
    let now = state.now();
    let mut draft = Draft::new(json!({
        "aud": app,
        "iss": issuer(url, Version::V2, tid),
        "iat": now, "nbf": now, "exp": now + 3_600,
        "name": person.display_name(),
        "oid": person.oid,
        "preferred_username": person.upn,
        "rh": "0.ARoA",
        "sid": guid(),
        "sub": encode(&sha256(format!("{}{app}", person.oid).as_bytes())),
        "tid": tid,
        "uti": encode(&crate::tokens::chance::<16>()),
        "ver": "2.0",
    }));
    if let Some(nonce) = nonce {
        draft = draft.claim("nonce", nonce);
    }
    if let Some(mail) = &person.mail {
        draft = draft.claim("email", mail.clone());
    }
    if let Some(idp) = &person.guest_of {
        draft = draft.claim("idp", idp.clone());
    }
    match &state.id_tokens {
        Some(signer) => signer(draft, &state.keys.v2),
        None => draft.sign(&state.keys.v2),
    }
}
