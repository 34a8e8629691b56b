//! Entra access tokens: recognising them, and judging what they say.

use jiff::Timestamp;
use serde_json::Value;

use super::{Cloud, Directory, Mode, is_guid};
use crate::jwt::{Algorithm, Claims, Token};
use crate::{Identity, Refusal, Result};

/// Microsoft Graph's application id, the same in every cloud.
const GRAPH: &str = "00000003-0000-0000-c000-000000000000";
/// How tokens also spell Graph.
const GRAPH_ADDRESS: &str = "https://graph.microsoft.com";

/// What an access token says about where it comes from. Nothing of it is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    /// The directory, `tid`.
    pub tid: String,
    /// The application that asked for the token, `appid` or `azp`.
    pub app: String,
}

/// Somebody an access token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entra {
    /// Who. The issuer is the directory's id, the subject the person's object id there (`tid`, `oid`).
    pub identity: Identity,
    /// When the token ceases to be valid.
    pub expires: Timestamp,
}

/// Recognises an Entra token and says where it claims to come from; nothing for any other text. Reads 16 KiB at most, asks nobody, and
/// is believed by nobody.
pub fn glance(cloud: &Cloud, token: &str) -> Option<Glance> {
    // Every JWT begins like this: an object's first brace and quotation mark.
    if !token.starts_with("eyJ") {
        return None;
    }
    let token = Token::read(token).ok()?;
    let claims = token.unverified();
    let (version, tid) = issued_by(cloud, claims.text("iss")?)?;
    let app = claims.text(version.app())?;
    let consistent = claims.text("tid") == Some(tid) && is_guid(app);
    consistent.then(|| Glance { tid: tid.to_owned(), app: app.to_owned() })
}

/// The two formats of Entra's tokens, which are told apart by `ver` and by the issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

impl Version {
    const fn name(self) -> &'static str {
        match self {
            Self::V1 => "1.0",
            Self::V2 => "2.0",
        }
    }

    /// The claim that names the application.
    const fn app(self) -> &'static str {
        match self {
            Self::V1 => "appid",
            Self::V2 => "azp",
        }
    }

    /// The issuer of a directory's tokens, to the letter.
    pub(super) fn issuer(self, cloud: &Cloud, tid: &str) -> String {
        match self {
            Self::V1 => format!("{}/{tid}/", cloud.sts_url),
            Self::V2 => format!("{}/{tid}/v2.0", cloud.login_url),
        }
    }
}

/// The format and the directory that an issuer stands for.
fn issued_by<'t>(cloud: &Cloud, issuer: &'t str) -> Option<(Version, &'t str)> {
    let between = |begin: &str, end: &str| issuer.strip_prefix(begin)?.strip_prefix('/')?.strip_suffix(end);
    let (version, tid) = match between(&cloud.sts_url, "/") {
        Some(tid) => (Version::V1, tid),
        None => (Version::V2, between(&cloud.login_url, "/v2.0")?),
    };
    is_guid(tid).then_some((version, tid))
}

/// What an access token says, once nothing in it speaks against it. It is believed only when its signature was checked, or Graph has
/// honoured it.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) version: Version,
    pub(super) identity: Identity,
    pub(super) expires: Timestamp,
}

/// Reads an access token and holds it against the directory's settings, as far as that goes without asking anybody.
pub(super) fn read(cloud: &Cloud, directory: &Directory, token: &Token, now: Timestamp) -> Result<Said> {
    let claims = token.unverified();
    signed_as_entra_signs(token)?;
    let version = from_directory(cloud, directory, claims)?;
    if !is_audience(cloud, &directory.mode, claims.text("aud")) {
        return Err(Refusal::invalid("the token is for somebody else: its audience (aud) is not the one expected"));
    }
    let app = claims.text(version.app()).filter(|app| is_guid(app)).unwrap_or_default();
    if app.is_empty() || !directory.allowed_apps.iter().any(|allowed| allowed.eq_ignore_ascii_case(app)) {
        return Err(Refusal::invalid(format!(
            "the token was issued to an application that is not allowed ({})",
            version.app()
        )));
    }
    let expires = claims.timely(now)?;
    in_a_persons_name(claims)?;
    let identity = person(cloud, directory, claims)?;
    let expires = Timestamp::from_second(expires).map_err(|_| Refusal::invalid("the token never expires"))?;
    Ok(Said { version, identity, expires })
}

/// Entra signs with RS256 only, and what it signs is called `JWT`.
pub(super) fn signed_as_entra_signs(token: &Token) -> Result<()> {
    if token.algorithm() != Algorithm::RS256 {
        return Err(Refusal::invalid("the token is not signed as Entra signs (RS256)"));
    }
    match token.typ() {
        None | Some("JWT") => Ok(()),
        Some(_) => Err(Refusal::invalid("the token is of another kind (typ)")),
    }
}

/// Checks that the token is one of this directory: `tid`, `ver` and `iss` must tell the same story.
pub(super) fn from_directory(cloud: &Cloud, directory: &Directory, claims: &Claims) -> Result<Version> {
    let tid = claims.text("tid").unwrap_or_default();
    if tid != directory.tid.as_str() {
        return Err(Refusal::invalid("the token comes from another directory (tid)"));
    }
    let version = [Version::V1, Version::V2].into_iter().find(|it| claims.text("ver") == Some(it.name()));
    let version = version.ok_or_else(|| Refusal::invalid("the token is of no known version (ver)"))?;
    if claims.text("iss") != Some(version.issuer(cloud, tid).as_str()) {
        return Err(Refusal::invalid("the token names another issuer than its directory and version have (iss)"));
    }
    Ok(version)
}

fn is_audience(cloud: &Cloud, mode: &Mode, audience: Option<&str>) -> bool {
    match (mode, audience) {
        (_, None) => false,
        // As it was asked for as a resource: Entra writes the slash at the end if there was one.
        (Mode::Graph, Some(audience)) => {
            let address = audience.strip_suffix('/').unwrap_or(audience);
            audience == GRAPH || [GRAPH_ADDRESS, &cloud.graph_url].contains(&address)
        }
        (Mode::Api { audience: ours }, Some(audience)) => audience == ours,
    }
}

/// Refuses what an application was given in its own name (`scp` is missing, or `idtyp` says so), and ID tokens, which have no `scp`.
fn in_a_persons_name(claims: &Claims) -> Result<()> {
    let own = claims.value("idtyp").is_some_and(|kind| kind != "user");
    let scopes = claims.text("scp").unwrap_or_default();
    if own || scopes.trim().is_empty() {
        return Err(Refusal::invalid("the token was not issued in a person's name (scp, idtyp)"));
    }
    Ok(())
}

/// The person a token of this directory names. Nothing in it but `oid` tells for certain who they are: names and addresses can be
/// changed and given to others, and are never a reason to let anybody in.
pub(super) fn person(cloud: &Cloud, directory: &Directory, claims: &Claims) -> Result<Identity> {
    let oid = claims.text("oid").filter(|oid| is_guid(oid));
    let oid = oid.ok_or_else(|| Refusal::invalid("the token does not say whose it is (oid)"))?;
    let invited = is_guest(cloud, directory, claims);
    if invited && !directory.guests {
        return Err(guest());
    }
    let own = |name: &str| claims.text(name).map(str::to_owned);
    let amr = texts(claims.value("amr")).unwrap_or_default();
    Ok(Identity {
        issuer: directory.tid.clone(),
        subject: oid.to_owned(),
        email: ["email", "preferred_username", "upn"]
            .into_iter()
            .filter_map(|name| claims.text(name))
            .find_map(address),
        email_verified: false,
        guest: invited,
        first_name: own("given_name"),
        last_name: own("family_name"),
        groups: groups(claims),
        second_factor: amr.iter().any(|method| method == "mfa"),
        amr,
        session: own("sid"),
    })
}

/// The refusal of a guest.
pub(super) fn guest() -> Refusal {
    Refusal::invalid("the person is a guest of the directory, and guests are not allowed in")
}

/// Whether a person comes from another directory: `idp` is another's, `acct` says so, or their name is that of somebody invited.
fn is_guest(cloud: &Cloud, directory: &Directory, claims: &Claims) -> bool {
    let home = [Version::V1, Version::V2].map(|version| version.issuer(cloud, &directory.tid));
    let elsewhere = claims.value("idp").is_some_and(|idp| !home.iter().any(|home| idp == home.as_str()));
    let account = claims.value("acct").is_some_and(|kind| kind != 0 && kind != "0");
    let names = ["upn", "unique_name", "preferred_username"];
    elsewhere || account || names.into_iter().filter_map(|name| claims.text(name)).any(is_invited)
}

/// Whether a user principal name is that of somebody invited from elsewhere.
pub(super) fn is_invited(name: &str) -> bool {
    name.to_ascii_uppercase().contains("#EXT#")
}

/// A name that is also an address. What stands for a guest is none.
pub(super) fn address(name: &str) -> Option<String> {
    (name.contains('@') && !is_invited(name)).then(|| name.to_owned())
}

/// The groups, if the token lists them all. If there are too many it says only where to ask (`_claim_names`), and then it says nothing:
/// half a list must not decide about roles.
fn groups(claims: &Claims) -> Option<Vec<String>> {
    let elsewhere = claims.value("_claim_names").is_some_and(|names| names.get("groups").is_some());
    if elsewhere || claims.value("hasgroups").is_some() {
        return None;
    }
    texts(claims.value("groups"))
}

fn texts(list: Option<&Value>) -> Option<Vec<String>> {
    list?.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}
