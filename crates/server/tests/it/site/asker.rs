//! [`Asker`], who sends requests, and the two who have proven something: [`Member`] and [`System`].

use std::ops::Deref;

use purser_core::users::User;
use serde_json::{Value, json};

use super::Site;
use crate::http::probe::{Reply, request};

/// What browsers ask for when they go somewhere.
const NAVIGATION: &str = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// Whoever sends requests, with the header lines that go along with each.
#[derive(Clone)]
pub(crate) struct Asker<'s> {
    site: &'s Site,
    headers: Vec<String>,
}

impl<'s> Asker<'s> {
    pub(super) fn nobody(site: &'s Site) -> Self {
        Self { site, headers: Vec::new() }
    }

    /// The same, with another header line.
    pub(crate) fn with(&self, line: &str) -> Self {
        let mut headers = self.headers.clone();
        headers.push(line.to_owned());
        Self { site: self.site, headers }
    }

    /// The same, with this access token.
    pub(crate) fn bearing(&self, token: &str) -> Self {
        self.with(&format!("Authorization: Bearer {token}"))
    }

    /// The same at another node.
    pub(crate) fn at<'o>(&self, other: &'o Site) -> Asker<'o> {
        Asker { site: other, headers: self.headers.clone() }
    }

    /// Sends a request without a body.
    pub(crate) async fn ask(&self, method: &str, target: &str) -> Reply {
        self.send_text(method, target, "", &Value::Null).await
    }

    /// Sends JSON.
    pub(crate) async fn send(&self, method: &str, target: &str, body: &Value) -> Reply {
        self.with("Content-Type: application/json").send_text(method, target, &body.to_string(), body).await
    }

    /// Sends a text under whatever headers there are.
    pub(crate) async fn send_raw(&self, method: &str, target: &str, body: &str) -> Reply {
        self.send_text(method, target, body, &Value::Null).await
    }

    async fn send_text(&self, method: &str, target: &str, text: &str, body: &Value) -> Reply {
        let reply = self.go(method, target, text, body).await;
        if reply.status >= 400 {
            reply.code();
        }
        reply
    }

    /// Goes somewhere as a browser does: what is refused may be a page.
    pub(crate) async fn visit(&self, target: &str) -> Reply {
        self.with(NAVIGATION).go("GET", target, "", &Value::Null).await
    }

    /// Posts a form as a browser does.
    pub(crate) async fn submit(&self, target: &str, fields: &[(&str, &str)]) -> Reply {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let asker = self.with(NAVIGATION).with("Content-Type: application/x-www-form-urlencoded");
        let body = fields.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
        asker.go("POST", target, &form, &Value::Object(body)).await
    }

    /// Posts a form of another kind as a browser does.
    pub(crate) async fn post_form(&self, target: &str, media: &str, form: &str) -> Reply {
        let asker = self.with(NAVIGATION).with(&format!("Content-Type: {media}"));
        asker.go("POST", target, form, &Value::Null).await
    }

    async fn go(&self, method: &str, target: &str, text: &str, body: &Value) -> Reply {
        let headers: Vec<&str> = self.headers.iter().map(String::as_str).collect();
        let reply = self.site.probe.send(request(method, target, &headers, text)).await;
        self.site.ground.remember(body, &reply);
        assert_ne!(reply.status, 500, "{method} {target}: {reply}");
        reply
    }

    pub(crate) async fn get(&self, target: &str) -> Reply {
        self.ask("GET", target).await
    }

    pub(crate) async fn post(&self, target: &str, body: &Value) -> Reply {
        self.send("POST", target, body).await
    }

    pub(crate) async fn patch(&self, target: &str, body: &Value) -> Reply {
        self.send("PATCH", target, body).await
    }

    pub(crate) async fn delete(&self, target: &str) -> Reply {
        self.ask("DELETE", target).await
    }

    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> Reply {
        self.post("/api/client/auth/sign-in", &json!({"email": email, "password": password})).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Reply {
        self.post("/api/client/auth/refresh", &json!({"refreshToken": token})).await
    }

    pub(crate) async fn refresh_admin(&self, token: &str) -> Reply {
        self.post("/api/admin/auth/refresh", &json!({"refreshToken": token})).await
    }

    pub(crate) async fn me(&self) -> Reply {
        self.get("/api/client/auth/me").await
    }

    pub(crate) async fn graphql(&self, query: &str) -> Reply {
        self.post("/api/client/graphql", &json!({"query": query})).await
    }
}

/// A signed-in user. Asks with the access token.
pub(crate) struct Member<'s> {
    asker: Asker<'s>,
    pub(crate) user: User,
    pub(crate) token: String,
    pub(crate) refresh_token: String,
    /// The cookie's value.
    pub(crate) cookie: String,
}

impl<'s> Member<'s> {
    pub(super) fn of(site: &'s Site, reply: &Reply, user: &User) -> Self {
        let Handles { token, refresh_token, cookie } = Handles::of(reply, "session");
        Self { asker: site.anyone().bearing(&token), user: user.clone(), token, refresh_token, cookie }
    }

    /// The same with the cookie instead, from our own pages.
    pub(crate) fn by_cookie(&self) -> Asker<'s> {
        self.by_cookie_alone().with("Origin: http://localhost")
    }

    /// The same with the cookie and nothing that says where the request comes from.
    pub(crate) fn by_cookie_alone(&self) -> Asker<'s> {
        self.asker.site.anyone().with(&format!("Cookie: session={}", self.cookie))
    }

    /// The id of the session.
    pub(crate) async fn session(&self) -> String {
        self.me().await.json()["data"]["session"]["id"].as_str().unwrap().to_owned()
    }
}

impl<'s> Deref for Member<'s> {
    type Target = Asker<'s>;

    fn deref(&self) -> &Asker<'s> {
        &self.asker
    }
}

/// A signed-in system administrator. Asks with the access token.
pub(crate) struct System<'s> {
    asker: Asker<'s>,
    pub(crate) id: i64,
    pub(crate) token: String,
    pub(crate) refresh_token: String,
    /// The cookie's value.
    pub(crate) cookie: String,
}

impl<'s> System<'s> {
    pub(super) fn of(site: &'s Site, reply: &Reply) -> Self {
        let Handles { token, refresh_token, cookie } = Handles::of(reply, "admin_session");
        let id = reply.json()["data"]["admin"]["id"].as_i64().unwrap();
        Self { asker: site.anyone().bearing(&token), id, token, refresh_token, cookie }
    }

    /// The same with the cookie and nothing that says where the request comes from.
    pub(crate) fn by_cookie_alone(&self) -> Asker<'s> {
        self.asker.site.anyone().with(&format!("Cookie: admin_session={}", self.cookie))
    }
}

impl<'s> Deref for System<'s> {
    type Target = Asker<'s>;

    fn deref(&self) -> &Asker<'s> {
        &self.asker
    }
}

/// What a sign-in gives.
struct Handles {
    token: String,
    refresh_token: String,
    cookie: String,
}

impl Handles {
    fn of(reply: &Reply, cookie_name: &str) -> Self {
        assert_eq!(reply.status, 200, "{reply}");
        let data = &reply.json()["data"];
        let text = |name: &str| data[name].as_str().unwrap().to_owned();
        let line = reply.header("set-cookie").unwrap();
        let (name, rest) = line.split_once('=').unwrap();
        assert_eq!(name, cookie_name);
        let cookie = rest.split(';').next().unwrap().to_owned();
        Self { token: text("token"), refresh_token: text("refreshToken"), cookie }
    }
}
