//! Entra's login host: what a directory publishes about itself, and where its people sign in.

use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::response::Response;
use serde_json::{Value, json};
use url::Url;

use super::serve::{Recorded, json as answer, plain, see};
use super::{CONSUMERS, Consent, Person, STS, State, World, trace};
use crate::tokens::{Key, chance, encode};

/// What a code stands for.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) tid: String,
    pub(crate) app: String,
    pub(crate) redirect_uri: String,
    pub(crate) scope: String,
    pub(crate) nonce: Option<String>,
    pub(crate) challenge: Option<String>,
    pub(crate) person: Person,
    pub(crate) expires: i64,
    pub(crate) spent: bool,
}

/// `GET /{tenant}[/v2.0]/.well-known/openid-configuration`.
pub(crate) fn discovery(world: &World, request: &Recorded) -> Response {
    let tenant = tenant(request);
    if !known(&world.state.lock(), tenant) {
        return no_such_tenant(tenant);
    }
    let url = &world.url;
    let document = if request.path.contains("/v2.0/") { version_2(url, tenant) } else { version_1(url, tenant) };
    kept(answer(200, &document))
}

fn version_2(url: &str, tenant: &str) -> Value {
    let issuer = if is_shared(tenant) { "{tenantid}" } else { tenant };
    json!({
        "token_endpoint": format!("{url}/{tenant}/oauth2/v2.0/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": format!("{url}/{tenant}/discovery/v2.0/keys"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": format!("{url}/{issuer}/v2.0"),
        "request_uri_parameter_supported": false,
        "userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo",
        "authorization_endpoint": format!("{url}/{tenant}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{url}/{tenant}/oauth2/v2.0/devicecode"),
        "http_logout_supported": true,
        "frontchannel_logout_supported": true,
        "end_session_endpoint": format!("{url}/{tenant}/oauth2/v2.0/logout"),
        "claims_supported": [
            "sub", "iss", "aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name", "tid", "ver",
            "at_hash", "c_hash", "email",
        ],
        "tenant_region_scope": "EU",
        "cloud_instance_name": "microsoftonline.com",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": "graph.microsoft.com",
        "rbac_url": "https://pas.windows.net",
    })
}

fn version_1(url: &str, tenant: &str) -> Value {
    let issuer = if is_shared(tenant) { "{tenantid}" } else { tenant };
    json!({
        "token_endpoint": format!("{url}/{tenant}/oauth2/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": format!("{url}/common/discovery/keys"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "token id_token", "token"],
        "scopes_supported": ["openid"],
        "issuer": format!("{STS}/{issuer}/"),
        "authorization_endpoint": format!("{url}/{tenant}/oauth2/authorize"),
        "end_session_endpoint": format!("{url}/{tenant}/oauth2/logout"),
    })
}

/// `GET /{tenant}/discovery[/v2.0]/keys`. Unlike Microsoft's, a directory's own set also holds the key of private accounts, which only
/// its `issuer` keeps from being good for everybody: readers who overlook it shall be found out.
pub(crate) fn keys(world: &World, request: &Recorded) -> Response {
    let state = world.state.lock();
    let tenant = tenant(request);
    if !known(&state, tenant) {
        return no_such_tenant(tenant);
    }
    let issuer = if is_shared(tenant) { "{tenantid}" } else { tenant };
    let own = if request.path.contains("/v2.0/") { &state.keys.v2 } else { &state.keys.v1 };
    let set = json!({ "keys": [
        published(own, &format!("{}/{issuer}/v2.0", world.url)),
        published(&state.keys.consumers, &format!("{}/{CONSUMERS}/v2.0", world.url)),
    ] });
    kept(answer(200, &set))
}

fn published(key: &Key, issuer: &str) -> Value {
    let mut jwk = key.jwk();
    if let Some(members) = jwk.as_object_mut() {
        let certificate = key.certificate_pem();
        let x5c: String = certificate.lines().filter(|line| !line.starts_with('-')).collect();
        members.insert("x5t".to_owned(), json!(key.kid));
        members.insert("x5c".to_owned(), json!([x5c]));
        members.insert("issuer".to_owned(), json!(issuer));
    }
    jwk
}

fn kept(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("max-age=86400, private"));
    response
}

/// `/{tenant}/oauth2/v2.0/authorize`: `GET` asks, `POST` is the form sent in.
pub(crate) fn authorize(world: &World, request: &Recorded) -> Response {
    let mut state = world.state.lock();
    let asked = match Asked::read(&state, request) {
        Ok(asked) => asked,
        Err(page) => return *page,
    };
    if let Some(error) = asked.fault() {
        return asked.send_back(&[("error", "invalid_request"), ("error_description", error)]);
    }
    if request.method == "POST" {
        return sign_in(&mut state, &asked, request);
    }
    match state.consent {
        Consent::AtOnce => grant(&mut state, &asked, None),
        Consent::Form => form(&asked, ""),
        Consent::Refused => refused(&asked),
    }
}

/// An authorization request whose application and way back are known.
struct Asked {
    tid: String,
    parameters: Vec<(String, String)>,
}

impl Asked {
    /// Reads a request; the refusal is a page, since nobody may be sent back to an address that is not registered.
    fn read(state: &State, request: &Recorded) -> Result<Self, Box<Response>> {
        let tenant = tenant(request);
        if !known(state, tenant) {
            return Err(no_such_tenant(tenant).into());
        }
        let parameters = if request.method == "POST" { &request.form } else { &request.query };
        let asked = Self { tid: tenant.to_owned(), parameters: parameters.clone() };
        let Some(app) = state.app(asked.parameter("client_id").unwrap_or_default()) else {
            return Err(page(
                400,
                "AADSTS700016: Application with identifier was not found in the directory. It has not been installed by the \
                 administrator of the tenant.",
            )
            .into());
        };
        let way_back = asked.parameter("redirect_uri").unwrap_or_default();
        if !app.redirect_uris.iter().any(|known| known == way_back) {
            return Err(page(
                400,
                "AADSTS50011: The redirect URI specified in the request does not match the redirect URIs configured for the application.",
            )
            .into());
        }
        Ok(asked)
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What is wrong with the request, in Microsoft's words.
    fn fault(&self) -> Option<&'static str> {
        if self.parameter("response_type") != Some("code") {
            return Some("AADSTS900144: The request body must contain the following parameter: 'response_type'.");
        }
        if !self.parameter("scope").unwrap_or_default().split(' ').any(|scope| scope == "openid") {
            return Some("AADSTS900144: The request body must contain the following parameter: 'scope'.");
        }
        let challenge = self.parameter("code_challenge");
        if challenge.is_some_and(|challenge| challenge.len() != 43)
            || (challenge.is_some() && self.parameter("code_challenge_method") != Some("S256"))
        {
            return Some("AADSTS501491: Invalid size or method of Code_Challenge parameter.");
        }
        None
    }

    /// Sends the browser back with these parameters and the state.
    fn send_back(&self, parameters: &[(&str, &str)]) -> Response {
        let way_back = self.parameter("redirect_uri").unwrap_or_default();
        let mut all = parameters.to_vec();
        if let Some(state) = self.parameter("state") {
            all.push(("state", state));
        }
        if self.parameter("response_mode") == Some("form_post") {
            return post_back(way_back, &all);
        }
        let Ok(mut place) = Url::parse(way_back) else { return page(400, "AADSTS90023: Invalid redirect URI.") };
        place.query_pairs_mut().extend_pairs(all);
        see(place.as_str())
    }
}

/// Gives out a code, and sends the browser back with it.
fn grant(state: &mut State, asked: &Asked, person: Option<Person>) -> Response {
    let own = |name: &str| asked.parameter(name).map(str::to_owned);
    let code = format!("0.AVYA{}", encode(&chance::<48>()));
    let stands_for = Code {
        tid: asked.tid.clone(),
        app: own("client_id").unwrap_or_default(),
        redirect_uri: own("redirect_uri").unwrap_or_default(),
        scope: own("scope").unwrap_or_default(),
        nonce: own("nonce"),
        challenge: own("code_challenge"),
        person: person.unwrap_or_else(|| state.person()),
        expires: state.now() + 600,
        spent: false,
    };
    state.codes.insert(code.clone(), stands_for);
    asked.send_back(&[("code", &code), ("session_state", &trace().0)])
}

fn refused(asked: &Asked) -> Response {
    asked.send_back(&[
        ("error", "access_denied"),
        ("error_description", "AADSTS65004: User declined to consent to access the app."),
    ])
}

fn sign_in(state: &mut State, asked: &Asked, request: &Recorded) -> Response {
    if request.field("decision") == Some("cancel") {
        return refused(asked);
    }
    let name = request.field("login").unwrap_or_default();
    match state.people.iter().find(|person| person.upn.eq_ignore_ascii_case(name)).cloned() {
        Some(person) => grant(state, asked, Some(person)),
        None => form(asked, "AADSTS50034: This username may be incorrect. Make sure that you typed it correctly."),
    }
}

/// A login form that needs no script, for browsers in tests and for people trying things out.
fn form(asked: &Asked, complaint: &str) -> Response {
    let kept = asked.parameters.iter().filter(|(name, _)| name != "login" && name != "decision");
    let hidden: String = kept.map(|(name, value)| hidden(name, value)).collect();
    let hint = escaped(asked.parameter("login_hint").unwrap_or_default());
    page(
        200,
        &format!(
            "<h1>Sign in</h1><p role=\"alert\">{}</p><form method=\"post\">{hidden}\
             <label>User name <input name=\"login\" value=\"{hint}\" autofocus></label>\
             <button name=\"decision\" value=\"accept\">Sign in</button>\
             <button name=\"decision\" value=\"cancel\">Cancel</button></form>",
            escaped(complaint)
        ),
    )
}

fn post_back(place: &str, fields: &[(&str, &str)]) -> Response {
    let hidden: String = fields.iter().map(|(name, value)| hidden(name, value)).collect();
    page(
        200,
        &format!(
            "<form method=\"POST\" name=\"hiddenform\" action=\"{}\">{hidden}<noscript><button>Submit</button></noscript>\
             </form><script>document.forms[0].submit()</script>",
            escaped(place)
        ),
    )
}

fn hidden(name: &str, value: &str) -> String {
    format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escaped(name), escaped(value))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn page(status: u16, body: &str) -> Response {
    let text =
        format!("<!DOCTYPE html><html lang=\"en\"><title>Sign in to your account</title><body>{body}</body></html>");
    plain(status, "text/html; charset=utf-8", text)
}

/// The tenant that a path names: its first part.
pub(crate) fn tenant(request: &Recorded) -> &str {
    request.path.trim_start_matches('/').split('/').next().unwrap_or_default()
}

pub(crate) fn known(state: &State, tenant: &str) -> bool {
    is_shared(tenant) || state.directories.iter().any(|known| known == tenant)
}

fn is_shared(tenant: &str) -> bool {
    ["common", "organizations", "consumers"].contains(&tenant)
}

pub(crate) fn no_such_tenant(tenant: &str) -> Response {
    let text = format!(
        "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."
    );
    error(400, "invalid_tenant", 90_002, &text)
}

/// An error of the login host, in all the words it has.
pub(crate) fn error(status: u16, error: &str, code: u32, text: &str) -> Response {
    let (trace, correlation) = trace();
    let moment = "2026-01-09 02:02:12Z";
    answer(
        status,
        &json!({
            "error": error,
            "error_description": format!(
                "AADSTS{code}: {text}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {moment}"
            ),
            "error_codes": [code],
            "timestamp": moment,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        }),
    )
}

/// The login host's answer of a status when it is the service that fails.
pub(crate) fn failure(status: u16) -> Response {
    match status {
        429 => error(429, "temporarily_unavailable", 90_055, "Tenant throttled: too many requests."),
        401 => error(401, "invalid_client", 7_000_215, "Invalid client secret provided."),
        400 => error(400, "invalid_grant", 70_008, "The provided authorization code or refresh token has expired."),
        _ => error(status, "temporarily_unavailable", 90_033, "A transient error has occurred. Please try again."),
    }
}
