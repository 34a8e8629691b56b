//! A client of the plainest kind: one connection a request, nothing tried again, every answer timed.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::patience::{LONG, Watch};

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) json: Json,
    pub(crate) took: Duration,
}

impl Reply {
    /// Reads an answer to its end.
    pub(crate) fn read_from(mut line: &TcpStream, since: Watch) -> io::Result<Self> {
        let mut bytes = Vec::new();
        line.read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        // An answer cut off in the middle is none.
        let json = serde_json::from_str(body).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        Ok(Self { status, head: head.to_ascii_lowercase(), json, took: since.reading() })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(crate) fn code(&self) -> &str {
        self.json["error"]["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn is_ok(&self) -> bool {
        self.status == 200
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{self:?}");
        self
    }

    /// Refused as a token is that opens nothing.
    pub(crate) fn is_dead(&self) -> bool {
        self.status == 401 && self.code() == "INVALID_TOKEN"
    }

    pub(crate) fn tokens(&self) -> Tokens {
        let text = |name: &str| self.json["data"][name].as_str().unwrap().to_owned();
        Tokens { access: text("token"), refresh: text("refreshToken") }
    }
}

/// What a sign-in hands out.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// A server's address, and what is said to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door(pub(crate) SocketAddr);

/// The password everybody has.
pub(crate) const PASSWORD: &str = "correct horse battery staple 9";

impl Door {
    pub(crate) fn get(self, path: &str, token: &str) -> io::Result<Reply> {
        self.ask("GET", path, token, "", "")
    }

    pub(crate) fn post(self, path: &str, token: &str, body: &Json) -> io::Result<Reply> {
        self.ask("POST", path, token, "", &body.to_string())
    }

    pub(crate) fn sign_in(self, email: &str) -> io::Result<Reply> {
        self.post("/api/client/auth/sign-in", "", &json!({"email": email, "password": PASSWORD}))
    }

    pub(crate) fn sign_in_to(self, client: &str, email: &str) -> io::Result<Reply> {
        let body = json!({"email": email, "password": PASSWORD}).to_string();
        self.ask("POST", "/api/client/auth/sign-in", "", &format!("X-Client-ID: {client}\r\n"), &body)
    }

    pub(crate) fn refresh(self, token: &str) -> io::Result<Reply> {
        self.post("/api/client/auth/refresh", "", &json!({"refreshToken": token}))
    }

    pub(crate) fn sign_out(self, token: &str) -> io::Result<Reply> {
        self.post("/api/client/auth/sign-out", token, &json!({}))
    }

    pub(crate) fn me(self, token: &str) -> io::Result<Reply> {
        self.get("/api/client/auth/me", token)
    }

    pub(crate) fn ready(self) -> io::Result<Reply> {
        self.get("/readyz", "")
    }

    pub(crate) fn graphql(self, token: &str, query: &str, variables: &Json) -> io::Result<Reply> {
        self.post("/api/client/graphql", token, &json!({"query": query, "variables": variables}))
    }

    /// Makes a user who can sign in, and gives their number.
    pub(crate) fn create_user(self, token: &str, email: &str, role: &str) -> io::Result<String> {
        let input = json!({"email": email, "firstName": "A", "lastName": "B", "roles": [role], "password": PASSWORD});
        let query = "mutation($input: CreateUserInput!) { createUser(input: $input) { id } }";
        let reply = self.graphql(token, query, &json!({ "input": input }))?;
        let id = reply.json["data"]["createUser"]["id"].as_str();
        Ok(id.unwrap_or_else(|| panic!("no user was made: {reply:?}")).to_owned())
    }

    /// Gives a user one role, and nothing else.
    pub(crate) fn set_role(self, token: &str, user: &str, role: &str) -> io::Result<()> {
        let query = "mutation($input: SetUserRolesInput!) { setUserRoles(input: $input) { id } }";
        let reply = self.graphql(token, query, &json!({"input": {"id": user, "roles": [role]}}))?;
        assert!(reply.json["data"]["setUserRoles"]["id"].is_string(), "no role was given: {reply:?}");
        Ok(())
    }

    pub(crate) fn disable(self, token: &str, user: &str) -> io::Result<()> {
        let query = "mutation($input: UserInput!) { disableUser(input: $input) { id } }";
        let reply = self.graphql(token, query, &json!({"input": {"id": user}}))?;
        assert!(reply.json["data"]["disableUser"]["id"].is_string(), "nobody was disabled: {reply:?}");
        Ok(())
    }

    /// A user as the list shows them: their one role.
    pub(crate) fn role_of(self, token: &str, user: &str) -> io::Result<Option<String>> {
        let reply = self.graphql(token, "query($id: ID!) { user(id: $id) { roles } }", &json!({ "id": user }))?;
        Ok(reply.json["data"]["user"]["roles"][0].as_str().map(str::to_owned))
    }

    fn ask(self, method: &str, path: &str, token: &str, headers: &str, body: &str) -> io::Result<Reply> {
        let since = Watch::start();
        let mut line = self.connect()?;
        line.write_all(request(method, path, token, headers, body).as_bytes())?;
        Reply::read_from(&line, since)
    }

    pub(crate) fn connect(self) -> io::Result<TcpStream> {
        let line = TcpStream::connect_timeout(&self.0, LONG)?;
        line.set_read_timeout(Some(LONG))?;
        Ok(line)
    }
}

/// A request as it stands on the wire.
pub(crate) fn request(method: &str, path: &str, token: &str, headers: &str, body: &str) -> String {
    let bearer = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{bearer}{headers}Content-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}
