//! A small OpenID provider with one person and one client, whose every endpoint can be made to lie.

mod answer;
mod signer;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use aws_lc_rs::digest;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Response, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use url::{Url, form_urlencoded};

pub use self::answer::Answer;
pub use self::signer::{Signer, unsigned, with_secret, with_signature};

/// Where the discovery document lies.
pub const DISCOVERY: &str = "/.well-known/openid-configuration";
/// The token endpoint.
pub const TOKEN: &str = "/token";
/// The key set.
pub const KEYS: &str = "/keys";
/// The userinfo endpoint.
pub const USERINFO: &str = "/userinfo";
/// The access token that everybody gets.
pub const ACCESS_TOKEN: &str = "access-token-of-the-stand-in";

/// Makes a token out of honest parts.
type Forge = Box<dyn Fn(&Signer, Value, Value) -> String + Send>;

/// A running provider. It stops when dropped.
pub struct Provider {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    script: Mutex<Script>,
    calls: Mutex<HashMap<String, Vec<Sent>>>,
    codes: Mutex<HashMap<String, Asked>>,
    called: Notify,
}

/// What the provider says. Everything may be changed while it runs.
pub struct Script {
    /// The discovery document.
    pub discovery: Map<String, Value>,
    /// What signs ID tokens.
    pub signer: Signer,
    /// The key set; `None`: the signer's key alone.
    pub keys: Option<Value>,
    /// Claims of the ID token besides the usual ones; `null` takes one away.
    pub claims: Map<String, Value>,
    /// What the userinfo endpoint tells.
    pub userinfo: Value,
    /// Members of the token endpoint's answer besides the usual ones; `null` takes one away.
    pub tokens: Map<String, Value>,
    /// Makes the ID token instead of signing what it ought to say.
    pub forge: Option<Forge>,
    /// How endpoints answer instead.
    pub answers: HashMap<&'static str, Answer>,
    /// Headers that endpoints add.
    pub headers: Vec<(&'static str, String)>,
    /// The one client.
    pub client_id: String,
    /// Its secret; with `None`, no proof is looked at.
    pub client_secret: Option<String>,
    /// The time, in seconds since 1970.
    pub now: i64,
}

/// A call as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Accept-Encoding`.
    pub accept_encoding: Option<String>,
    /// The fields of the form or query.
    pub fields: HashMap<String, String>,
}

/// What an authorization request asked for.
#[derive(Clone, Debug)]
struct Asked {
    nonce: String,
    challenge: String,
    redirect_uri: String,
}

impl Provider {
    /// Starts one that is honest.
    ///
    /// # Panics
    /// If this machine cannot listen on its own address.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback can be listened on");
        let address = listener.local_addr().expect("a listener has an address");
        let script = Script::honest(&format!("http://{address}"));
        let (script, calls, codes) = (Mutex::new(script), Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { script, calls, codes, called: Notify::new() });
        let router = Router::new().fallback(serve).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { address, shared, server }
    }

    /// Its issuer.
    pub fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address of one of its endpoints.
    ///
    /// # Panics
    /// If the path is none.
    pub fn url(&self, path: &str) -> Url {
        format!("{}{path}", self.issuer()).parse().expect("an address")
    }

    /// Changes what it says.
    pub fn script(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.shared.script.lock());
    }

    /// Makes an endpoint answer like this.
    pub fn answer(&self, path: &'static str, answer: Answer) {
        self.script(|script| {
            script.answers.insert(path, answer);
        });
    }

    /// Makes the ID token from its honest header and claims.
    pub fn forge(&self, forge: impl Fn(&Signer, Value, Value) -> String + Send + 'static) {
        self.script(|script| script.forge = Some(Box::new(forge)));
    }

    /// The calls of one endpoint so far.
    pub fn calls(&self, path: &str) -> Vec<Sent> {
        self.shared.calls.lock().get(path).cloned().unwrap_or_default()
    }

    /// Waits until an endpoint has been called so often.
    pub async fn called(&self, path: &str, times: usize) {
        loop {
            let called = self.shared.called.notified();
            if self.calls(path).len() >= times {
                return;
            }
            called.await;
        }
    }

    /// What a browser and a person do with an authorization request: gives the code that comes back.
    ///
    /// # Panics
    /// If the request lacks what the standard asks for.
    pub fn sign_in(&self, request: &Url) -> String {
        let fields: HashMap<_, _> = request.query_pairs().into_owned().collect();
        let field = |name: &str| fields.get(name).cloned().unwrap_or_else(|| panic!("the request has no {name}"));
        assert_eq!((field("response_type"), field("code_challenge_method")), ("code".into(), "S256".into()));
        let mut codes = self.shared.codes.lock();
        let code = format!("code-{}", codes.len());
        let (nonce, challenge) = (field("nonce"), field("code_challenge"));
        codes.insert(code.clone(), Asked { nonce, challenge, redirect_uri: field("redirect_uri") });
        code
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Script {
    fn honest(issuer: &str) -> Self {
        let discovery = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}{TOKEN}"),
            "jwks_uri": format!("{issuer}{KEYS}"),
            "userinfo_endpoint": format!("{issuer}{USERINFO}"),
            "end_session_endpoint": format!("{issuer}/logout"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["ES256"],
        });
        let userinfo = json!({ "sub": "248289761001", "email": "jane@corp.test", "email_verified": true });
        Self {
            discovery: discovery.as_object().cloned().unwrap_or_default(),
            signer: Signer::p256("first"),
            keys: None,
            claims: Map::new(),
            userinfo,
            tokens: Map::new(),
            forge: None,
            answers: HashMap::new(),
            headers: Vec::new(),
            client_id: "purser".into(),
            client_secret: None,
            now: 1_795_288_620,
        }
    }

    fn published(&self) -> Value {
        self.keys.clone().unwrap_or_else(|| json!({ "keys": [self.signer.jwk()] }))
    }

    fn id_token(&self, nonce: &str) -> String {
        let mut claims = json!({
            "iss": self.discovery.get("issuer"), "sub": "248289761001", "aud": self.client_id, "nonce": nonce,
            "iat": self.now, "exp": self.now + 300, "email": "jane@corp.test", "email_verified": true,
            "given_name": "Jane", "family_name": "Doe", "at_hash": self.signer.at_hash(ACCESS_TOKEN),
        });
        overlay(&mut claims, &self.claims);
        match &self.forge {
            Some(forge) => forge(&self.signer, self.signer.header(), claims),
            None => self.signer.sign(&self.signer.header(), &claims),
        }
    }

    fn token(&self, sent: &Sent, asked: Option<Asked>) -> Answer {
        let refused = |error: &str| Answer::json(400, &json!({ "error": error, "error_description": "as told" }));
        if !self.knows(sent) {
            return Answer::json(401, &json!({ "error": "invalid_client" }));
        }
        let Some(asked) = asked else { return refused("invalid_grant") };
        let field = |name: &str| sent.fields.get(name).map(String::as_str).unwrap_or_default();
        let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, field("code_verifier").as_bytes()));
        let good = field("grant_type") == "authorization_code" && field("redirect_uri") == asked.redirect_uri;
        if !good || challenge != asked.challenge {
            return refused("invalid_grant");
        }
        let mut tokens = json!({
            "token_type": "Bearer", "access_token": ACCESS_TOKEN, "expires_in": 300, "id_token": self.id_token(&asked.nonce),
        });
        overlay(&mut tokens, &self.tokens);
        Answer::json(200, &tokens)
    }

    /// Whether the client has shown its secret, in either of the two places.
    fn knows(&self, sent: &Sent) -> bool {
        let Some(secret) = &self.client_secret else { return true };
        let urlencoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let basic = format!("{}:{}", urlencoded(&self.client_id), urlencoded(secret));
        let by_header = sent.authorization == Some(format!("Basic {}", STANDARD.encode(basic)));
        let by_form =
            sent.fields.get("client_secret") == Some(secret) && sent.fields.get("client_id") == Some(&self.client_id);
        by_header || by_form
    }
}

fn overlay(onto: &mut Value, changes: &Map<String, Value>) {
    let Some(members) = onto.as_object_mut() else { return };
    for (name, value) in changes {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
}

async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let sent = read(request).await;
    shared.calls.lock().entry(path.clone()).or_default().push(sent.clone());
    shared.called.notify_waiters();
    answer(&shared, &path, &sent).give().await
}

async fn read(request: Request) -> Sent {
    let (head, body) = request.into_parts();
    let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = to_bytes(body, 1024 * 1024).await.unwrap_or_default();
    let query = head.uri.query().unwrap_or_default().as_bytes();
    let fields = form_urlencoded::parse(query).into_owned().chain(form_urlencoded::parse(&body).into_owned()).collect();
    Sent {
        authorization: header(header::AUTHORIZATION),
        content_type: header(header::CONTENT_TYPE),
        accept_encoding: header(header::ACCEPT_ENCODING),
        fields,
    }
}

fn answer(shared: &Shared, path: &str, sent: &Sent) -> Answer {
    let script = shared.script.lock();
    if let Some(answer) = script.answers.get(path) {
        return answer.clone();
    }
    let honest = match path {
        DISCOVERY => Answer::json(200, &Value::Object(script.discovery.clone())),
        KEYS => Answer::json(200, &script.published()),
        TOKEN => {
            // Codes are good once.
            let asked = sent.fields.get("code").and_then(|code| shared.codes.lock().remove(code));
            script.token(sent, asked)
        }
        USERINFO if sent.authorization == Some(format!("Bearer {ACCESS_TOKEN}")) => Answer::json(200, &script.userinfo),
        USERINFO => Answer::status(401),
        _ => Answer::status(404),
    };
    script.headers.iter().fold(honest, |honest, (name, value)| honest.with(name, value))
}
