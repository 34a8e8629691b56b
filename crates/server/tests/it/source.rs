//! The public description of the API, example by example, exactly as it is written.

use std::time::Duration;

use purser_core::access::Role;
use serde_json::{Value, json};

use crate::http::probe::Reply;
use crate::on_both;
use crate::site::{Asker, DAY, SECOND, Site};

/// A deployment as the examples see it: one tenant, one user, one administrator.
async fn as_described(site: &Site) {
    site.user_named("acme", "user@example.com", &[Role::Author], Some("your-password")).await;
}

/// Sends what an example shows, line for line.
async fn sent(site: &Site, example: &str) -> Reply {
    let (head, body) =
        example.split_once('{').map_or((example, String::new()), |(head, rest)| (head, format!("{{{rest}")));
    let mut lines = head.trim().lines();
    let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
    let asker = lines.fold(site.anyone(), |asker, line| asker.with(line));
    asker.send_raw(method, target, &body).await
}

const SIGN_IN: &str = r#"POST /api/client/auth/sign-in
Content-Type: application/json
{
"email": "user@example.com",
"password": "your-password"
}"#;

fn text(reply: &Reply, pointer: &str) -> String {
    reply.json().pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {reply}")).to_owned()
}

/// The client of the examples: `apiRequest` and `refreshAccessToken`, step by step. It keeps one refresh token for life.
struct Script<'s> {
    asker: Asker<'s>,
    access_token: String,
    refresh_token: String,
    refreshes: u32,
}

impl<'s> Script<'s> {
    async fn started(site: &'s Site) -> Self {
        let reply = sent(site, SIGN_IN).await;
        let (access_token, refresh_token) = (text(&reply, "/data/token"), text(&reply, "/data/refreshToken"));
        Self { asker: site.anyone(), access_token, refresh_token, refreshes: 0 }
    }

    async fn refresh_access_token(&mut self) -> String {
        self.refreshes += 1;
        let response = self.asker.refresh(&self.refresh_token).await;
        text(&response, "/token")
    }

    async fn api_request(&mut self, target: &str) -> Reply {
        let response = self.asker.bearing(&self.access_token).get(target).await;
        if response.status != 401 {
            return response;
        }
        self.access_token = self.refresh_access_token().await;
        self.asker.bearing(&self.access_token).get(target).await
    }
}

on_both! {
    async fn sign_in_answers_as_shown(site) {
        as_described(&site).await;
        let reply = sent(&site, SIGN_IN).await;
        assert_eq!(reply.status, 200);
        let json = reply.json();
        assert_eq!(json["success"], true);
        let data = &json["data"];
        assert!(data["token"].as_str().unwrap().starts_with("eyJ"));
        assert!(data["refreshToken"].is_string());
        assert_eq!(data["expiresIn"], 86_400);
        assert_eq!(
            data["user"],
            json!({
                "id": data["user"]["id"].as_i64().unwrap(), "email": "user@example.com", "firstName": "John", "lastName": "Doe",
                "title": "", "roles": ["AUTHOR"], "clientId": "acme",
            })
        );
        assert_eq!(json.as_object().unwrap().len(), 2);
    }

    async fn the_token_goes_into_the_authorization_header(site) {
        as_described(&site).await;
        let token = text(&sent(&site, SIGN_IN).await, "/data/token");
        let reply = sent(&site, &format!("GET /api/client/auth/me\nAuthorization: Bearer {token}")).await;
        assert_eq!(text(&reply, "/data/user/email"), "user@example.com");
    }

    async fn a_refresh_gives_new_tokens_in_both_places(site) {
        as_described(&site).await;
        let token = text(&sent(&site, SIGN_IN).await, "/data/refreshToken");
        let example = format!("POST /api/client/auth/refresh\nContent-Type: application/json\n{{\n\"refreshToken\": \"{token}\"\n}}");
        let reply = sent(&site, &example).await;
        assert_eq!(reply.status, 200);
        assert_eq!(text(&reply, "/token"), text(&reply, "/data/token"));
        assert_eq!(text(&reply, "/refreshToken"), text(&reply, "/data/refreshToken"));
        assert_ne!(text(&reply, "/refreshToken"), token);
        assert_eq!(reply.json()["data"]["expiresIn"], 86_400);
        assert_eq!(site.anyone().bearing(&text(&reply, "/token")).me().await.status, 200);
    }

    async fn a_cookie_sent_along_with_sign_in_is_ignored_and_a_new_one_set(site) {
        as_described(&site).await;
        let example = SIGN_IN.replace("json\n", "json\nCookie: session=session-cookie-value\n");
        let reply = sent(&site, &example).await;
        assert_eq!(reply.status, 200);
        let line = reply.header("set-cookie").unwrap();
        let cookie = line.split(';').next().unwrap();
        assert!(cookie.starts_with("session=") && cookie != "session=session-cookie-value", "{line}");
        // The seven days without use are counted by the server, for it alone sees every use; the browser keeps the cookie until
        // no use could help.
        assert!(line.contains("HttpOnly") && line.contains("Max-Age=7776000"), "{line}");
        let me = sent(&site, &format!("GET /api/client/auth/me\nCookie: {cookie}")).await;
        assert_eq!(text(&me, "/data/user/email"), "user@example.com");
    }

    async fn a_graphql_request_lists_the_users(site) {
        as_described(&site).await;
        let token = text(&sent(&site, SIGN_IN).await, "/data/token");
        let example = format!(
            "POST /api/client/graphql\nAuthorization: Bearer {token}\nContent-Type: application/json\n{{\n\"query\": \"query {{ users {{ id email }} }}\"\n}}"
        );
        let reply = sent(&site, &example).await;
        assert_eq!(reply.status, 200);
        let id = text(&reply, "/data/users/0/id");
        assert_eq!(reply.json(), json!({"data": {"users": [{"id": id, "email": "user@example.com"}]}}));
    }

    async fn an_administrator_signs_in_by_name(site) {
        let example = "POST /api/admin/auth/sign-in\nContent-Type: application/json\n{\n\"username\": \"admin\",\n\"password\": \"admin-password\"\n}";
        assert_eq!(sent(&site, example).await.refusal(), (401, "INVALID_CREDENTIALS".to_owned()));
        site.new_admin("admin").await;
        let made = example.replace("admin-password", crate::site::PASSWORD);
        let reply = sent(&site, &made).await;
        assert_eq!(reply.status, 200);
        let token = text(&reply, "/data/token");
        assert_eq!(site.anyone().bearing(&token).get("/api/admin/clients").await.status, 200);
    }

    async fn sign_out_invalidates_the_token_on_the_server(site) {
        as_described(&site).await;
        let token = text(&sent(&site, SIGN_IN).await, "/data/token");
        let example = format!("POST /api/client/auth/sign-out\nAuthorization: Bearer {token}");
        assert_eq!(sent(&site, &example).await.to_string(), r#"200 {"success":true,"data":{}}"#);
        assert_eq!(sent(&site, &example).await.refusal(), (401, "INVALID_TOKEN".to_owned()));
    }

    async fn the_three_refusals_read_as_shown(site) {
        as_described(&site).await;
        let wrong = sent(&site, &SIGN_IN.replace("your-password", "not-my-password")).await;
        assert_eq!(wrong.status, 401);
        assert_eq!(
            wrong.json(),
            json!({"success": false, "error": {"message": "Invalid email or password", "code": "INVALID_CREDENTIALS"}})
        );
        let token = text(&sent(&site, SIGN_IN).await, "/data/token");
        let mine = site.anyone().bearing(&token);
        let denied = mine.with("X-Client-ID: another").me().await;
        assert_eq!(denied.status, 403);
        assert_eq!(
            denied.json(),
            json!({"success": false, "error": {"message": "Insufficient permissions", "code": "FORBIDDEN"}})
        );
        site.wait(DAY);
        let late = mine.me().await;
        assert_eq!(late.status, 401);
        assert_eq!(
            late.json(),
            json!({"success": false, "error": {"message": "Token has expired", "code": "TOKEN_EXPIRED"}})
        );
    }

    async fn the_client_is_named_by_the_token_and_the_header_must_agree(site) {
        as_described(&site).await;
        let token = text(&sent(&site, SIGN_IN).await, "/data/token");
        let mine = site.anyone().bearing(&token);
        assert_eq!(text(&mine.me().await, "/data/client/id"), "acme");
        assert_eq!(mine.with("X-Client-ID: acme").me().await.status, 200);
        assert_eq!(mine.with("X-Client-ID: client-identifier").me().await.refusal(), (403, "FORBIDDEN".to_owned()));
    }

    async fn the_three_handles_live_as_long_as_described(site) {
        as_described(&site).await;
        let reply = sent(&site, SIGN_IN).await;
        let (token, refresh) = (text(&reply, "/data/token"), text(&reply, "/data/refreshToken"));
        let cookie = reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let by_token = site.anyone().bearing(&token);
        let by_cookie = site.anyone().with(&format!("Cookie: {cookie}"));
        site.wait_almost(DAY);
        assert_eq!(by_token.me().await.status, 200);
        site.wait(SECOND);
        assert_eq!(by_token.me().await.refusal(), (401, "TOKEN_EXPIRED".to_owned()));
        assert_eq!(by_cookie.me().await.status, 200);
        site.wait(7 * DAY);
        assert_eq!(by_cookie.me().await.refusal(), (401, "TOKEN_EXPIRED".to_owned()));
        site.wait_almost(22 * DAY);
        assert_eq!(site.anyone().refresh(&refresh).await.status, 200);
        site.wait(SECOND);
        assert_eq!(site.anyone().refresh(&refresh).await.refusal(), (401, "TOKEN_EXPIRED".to_owned()));
    }

    async fn the_examples_script_keeps_one_refresh_token_for_life(site) {
        let site = site.with(|settings| settings.tokens.access_ttl = "2s".parse().unwrap()).await;
        as_described(&site).await;
        let mut script = Script::started(&site).await;
        for _ in 0..40 {
            // Two requests beside each other in time, then a pause in which the token dies.
            assert_eq!(script.api_request("/api/client/auth/me").await.status, 200);
            assert_eq!(script.api_request("/api/client/auth/sessions").await.status, 200);
            site.wait(Duration::from_secs(15));
        }
        assert_eq!(script.refreshes, 39);
        site.wait(29 * DAY);
        assert_eq!(script.api_request("/api/client/auth/me").await.status, 200);
        // The script cannot tell a denied request from any other: 401 is never used for a lack of permission.
        let refreshes = script.refreshes;
        let named = script.asker.with("X-Client-ID: another");
        script.asker = named;
        assert_eq!(script.api_request("/api/client/auth/me").await.refusal().0, 403);
        assert_eq!(script.refreshes, refreshes);
    }

    async fn the_doors_of_single_sign_on_stand(site) {
        as_described(&site).await;
        let oidc = sent(&site, "GET /api/client/auth/oidc?provider=provider-name").await;
        assert_eq!(oidc.refusal(), (404, "UNKNOWN_PROVIDER".to_owned()));
        let saml = "POST /api/client/auth/okta-saml\nContent-Type: application/json\n{\n\"samlResponse\": \"base64-encoded-saml-response\"\n}";
        assert_eq!(sent(&site, saml).await.refusal(), (401, "SAML_INVALID".to_owned()));
        assert_eq!(sent(&site, "GET /api/client/auth/ms-dynamics").await.refusal(), (404, "UNKNOWN_PROVIDER".to_owned()));
        let entra = site.anyone().bearing("entra-id-token").me().await;
        assert_eq!(entra.refusal(), (401, "INVALID_TOKEN".to_owned()));
    }

    async fn a_licence_key_needs_an_administrator(site) {
        let example = "POST /api/admin/license-on-prem\nContent-Type: application/json\n{\n\"licenseKey\": \"your-license-key\"\n}";
        assert_eq!(sent(&site, example).await.refusal(), (401, "INVALID_TOKEN".to_owned()));
        let admin = site.admin().await;
        let reply = admin.post("/api/admin/license-on-prem", &json!({"licenseKey": "your-license-key"})).await;
        assert_eq!(reply.refusal(), (400, "LICENSE_INVALID".to_owned()));
    }
}
