//! Entra's token endpoint: codes and credentials in, tokens or the documented refusals out.

use axum::response::Response;
use serde_json::{Map, Value, json};

use super::access::{self, Access, Audience, Kind, Version};
use super::login::{Code, error, known, no_such_tenant, tenant};
use super::serve::{Recorded, json as answer};
use super::{App, State, World};
use crate::tokens::{claims, decode, encode, rsa_verifies, sha256};

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// `POST /{tenant}/oauth2/v2.0/token`.
pub(crate) fn token(world: &World, request: &Recorded) -> Response {
    let mut state = world.state.lock();
    let tenant = tenant(request);
    if !known(&state, tenant) {
        return no_such_tenant(tenant);
    }
    if let Err(refusal) = client(&state, &world.url, request) {
        return *refusal;
    }
    match request.field("grant_type") {
        Some("authorization_code") => trade(&mut state, &world.url, request),
        Some("client_credentials") => own_name(&mut state, &world.url, request),
        Some(_) => error(400, "unsupported_grant_type", 70_003, "The app requested an unsupported grant type."),
        None => error(400, "invalid_request", 900_144, "The request body must contain the parameter: 'grant_type'."),
    }
}

/// Looks at who asks: the application is known, and proves itself by secret or certificate.
fn client(state: &State, url: &str, request: &Recorded) -> Result<(), Box<Response>> {
    let id = request.field("client_id").unwrap_or_default();
    let Some(app) = state.app(id) else {
        let text = format!("Application with identifier '{id}' was not found in the directory.");
        return Err(error(400, "unauthorized_client", 700_016, &text).into());
    };
    if request.field("client_assertion_type") == Some(ASSERTION) {
        return assertion(state, url, app, request);
    }
    match (request.field("client_secret"), &app.secret) {
        (None, _) => Err(error(
            401,
            "invalid_client",
            7_000_218,
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        )
        .into()),
        (Some(shown), Some(secret)) if shown == secret => Ok(()),
        _ => Err(error(
            401,
            "invalid_client",
            7_000_215,
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client \
             secret ID, for a secret added to app.",
        )
        .into()),
    }
}

/// An assertion signed with the application's certificate (RFC 7523; the certificate is named by `x5t` or `x5t#S256`).
fn assertion(state: &State, url: &str, app: &App, request: &Recorded) -> Result<(), Box<Response>> {
    let refused = |code: u32, text: &str| Box::new(error(401, "invalid_client", code, text));
    let token = request.field("client_assertion").unwrap_or_default();
    let (signed, seal) = token.rsplit_once('.').unwrap_or_default();
    let header: Value =
        serde_json::from_slice(&decode(signed.split('.').next().unwrap_or_default())).unwrap_or_default();
    let named = |member: &str| header.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(certificate) = &app.certificate else {
        return Err(refused(700_027, "Client assertion failed signature validation. No keys are registered."));
    };
    if named("x5t#S256") != certificate.sha256 && named("x5t") != certificate.sha1 {
        return Err(refused(
            700_027,
            "The certificate with identifier used to sign the client assertion is not registered.",
        ));
    }
    if !rsa_verifies(&certificate.public_der, &named("alg"), signed.as_bytes(), &decode(seal)) {
        return Err(refused(700_027, "Client assertion failed signature validation."));
    }
    let claims = claims(token);
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    if text("aud") != format!("{url}{}", request.path) {
        return Err(refused(700_023, "Client assertion audience claim does not match Realm issuer."));
    }
    if text("iss") != app.id || text("sub") != app.id || text("jti").is_empty() {
        return Err(refused(700_021, "Client assertion application identifier doesn't match 'client_id' parameter."));
    }
    let expires = claims.get("exp").and_then(Value::as_i64).unwrap_or_default();
    if expires <= state.now() || expires > state.now() + 86_400 {
        return Err(refused(700_024, "Client assertion is not within its valid time range."));
    }
    Ok(())
}

fn trade(state: &mut State, url: &str, request: &Recorded) -> Response {
    let code = match spend(state, request) {
        Ok(code) => code,
        Err(refusal) => return *refusal,
    };
    let scopes: Vec<&str> = code.scope.split(' ').collect();
    let mut body = Map::new();
    body.insert("token_type".into(), json!("Bearer"));
    body.insert("scope".into(), json!(code.scope));
    body.insert("expires_in".into(), json!(3_599));
    body.insert("ext_expires_in".into(), json!(3_599));
    let access = access_for(url, &code);
    body.insert("access_token".into(), json!(access::issue(state, url, &access)));
    if scopes.contains(&"offline_access") {
        body.insert("refresh_token".into(), json!(format!("0.AR{}", encode(&crate::tokens::chance::<64>()))));
    }
    if scopes.contains(&"openid") {
        let id_token = access::id_token(state, url, &code.tid, &code.app, &code.person, code.nonce.as_deref());
        body.insert("id_token".into(), json!(id_token));
    }
    answer(200, &Value::Object(body))
}

/// The code, if it is good, spent from now on.
fn spend(state: &mut State, request: &Recorded) -> Result<Code, Box<Response>> {
    let grant = |code: u32, text: &str| Box::new(error(400, "invalid_grant", code, text));
    let now = state.now();
    let Some(code) = state.codes.get_mut(request.field("code").unwrap_or_default()) else {
        return Err(grant(9_002_313, "Invalid request. Request is malformed or invalid."));
    };
    if code.spent {
        return Err(grant(
            54_005,
            "OAuth2 Authorization code was already redeemed, please retry with a new valid code.",
        ));
    }
    if code.expires <= now {
        return Err(grant(70_008, "The provided authorization code or refresh token has expired due to inactivity."));
    }
    if code.tid != tenant(request) {
        return Err(grant(
            700_005,
            "Provided Authorization Code is intended to use against other tenant, thus rejected.",
        ));
    }
    if Some(code.app.as_str()) != request.field("client_id") {
        return Err(grant(700_030, "The code was issued to another application."));
    }
    if Some(code.redirect_uri.as_str()) != request.field("redirect_uri") {
        return Err(grant(500_112, "The reply address does not match the one provided when requesting the code."));
    }
    if let Some(challenge) = &code.challenge {
        let verifier = request.field("code_verifier").unwrap_or_default();
        if encode(&sha256(verifier.as_bytes())) != *challenge {
            return Err(grant(501_481, "The Code_Verifier does not match the code_challenge supplied in the request."));
        }
    }
    code.spent = true;
    Ok(code.clone())
}

/// What the access token of a code is for: the service whose scope was asked for, Graph if none.
fn access_for(url: &str, code: &Code) -> Access {
    let asked = code.scope.split(' ').find_map(|scope| scope.rsplit_once('/')).map(|(service, _)| service);
    let audience = match asked {
        Some(service) if service == url => Audience::Dataverse,
        Some(service) if service.starts_with("api://") => Audience::Api(service.to_owned()),
        _ => Audience::Graph,
    };
    Access {
        audience,
        tid: code.tid.clone(),
        app: code.app.clone(),
        person: Some(code.person.clone()),
        scopes: code.scope.clone(),
        lifetime: 3_599,
        ..Access::graph(Version::V1)
    }
}

/// A token in the application's own name (client credentials grant).
fn own_name(state: &mut State, url: &str, request: &Recorded) -> Response {
    if !request.field("scope").unwrap_or_default().ends_with("/.default") {
        return error(
            400,
            "invalid_scope",
            1_002_012,
            "The provided value for scope is not valid: it must end in /.default.",
        );
    }
    let access = Access {
        kind: Kind::AppOnly,
        tid: tenant(request).to_owned(),
        app: request.field("client_id").unwrap_or_default().to_owned(),
        ..Access::graph(Version::V1)
    };
    let token = access::issue(state, url, &access);
    let body = json!({ "token_type": "Bearer", "expires_in": 3_599, "ext_expires_in": 3_599, "access_token": token });
    answer(200, &body)
}
