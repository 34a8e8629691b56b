//! [`Microsoft`], sign-in with Entra tokens from Power Apps, and with Microsoft accounts for Dynamics.

mod credentials;
mod dynamics;
pub mod entra;
mod examine;
mod graph;
mod published;

use std::sync::Arc;

use jiff::Timestamp;
use url::Url;

use self::published::Published;
use crate::fetch::{Fetched, Line, Outbound};
use crate::jwt::{Claims, Token};
use crate::oidc::{Callback, ClientAuth, Secrets, SignedIn};
use crate::{Check, Refusal, Result, Secret};

pub use dynamics::OTHER_ORGANIZATION;
pub use entra::{Entra, Glance};

/// The directory of private Microsoft accounts, which anybody may open.
pub const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// Where Microsoft's services are: the same for a whole deployment, another in national clouds and in tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cloud {
    /// Where people sign in and tokens are issued; also the beginning of the issuer in tokens of version 2.0.
    pub login_url: String,
    /// How the same service calls itself in tokens of version 1.0. Nothing is ever fetched there.
    pub sts_url: String,
    /// Microsoft Graph.
    pub graph_url: String,
}

impl Default for Cloud {
    /// The cloud of the whole world.
    fn default() -> Self {
        Self {
            login_url: "https://login.microsoftonline.com".to_owned(),
            sts_url: "https://sts.windows.net".to_owned(),
            graph_url: "https://graph.microsoft.com".to_owned(),
        }
    }
}

/// A Microsoft directory as a tenant has set it up.
#[derive(Clone, Debug)]
pub struct Directory {
    /// What its calls, its caches and its breaker are kept under.
    pub key: String,
    /// The directory's id, a GUID in small letters; never `common`, `organizations` or `consumers`, which are no directories. The
    /// directory of private accounts ([`CONSUMERS`]) is meant only if it stands here.
    pub tid: String,
    /// Our application's (client) id there.
    pub app_id: String,
    /// How we prove to be that application. For a certificate the private key comes together with the certificate, in one PEM text, or
    /// with the certificate's thumbprint as `kid` (SHA-256 or SHA-1, hexadecimal).
    pub auth: ClientAuth,
    /// The Dataverse organisation whose people may sign in, if sign-in with Dynamics is set up.
    pub dataverse: Option<Dataverse>,
    /// The applications whose access tokens are accepted (`appid`, `azp`).
    pub allowed_apps: Vec<String>,
    /// Which access tokens are accepted, and what makes them believable.
    pub mode: Mode,
    /// Whether people of other directories who are guests in this one may sign in.
    pub guests: bool,
    /// Where Microsoft sends people back to.
    pub redirect_uri: String,
}

/// A Dataverse organisation (an environment of Power Platform).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataverse {
    /// Its address, such as `https://contoso.crm4.dynamics.com`.
    pub url: String,
    /// Its `OrganizationId`, a GUID.
    pub organization_id: String,
}

/// Which access tokens are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Tokens for Microsoft Graph. Their signature is not for us to check (Graph alone can); they are believed once Graph has answered
    /// for this very token, and has named the same person.
    Graph,
    /// Tokens for our own API, checked by the directory's published keys.
    Api {
        /// The audience, as the tokens spell it: the application's id, or its `api://` name in tokens of version 1.0.
        audience: String,
    },
}

/// Our side of Microsoft. One for the whole program: it remembers what directories publish.
#[derive(Debug)]
pub struct Microsoft {
    outbound: Arc<Outbound>,
    cloud: Cloud,
    published: Published,
}

impl Microsoft {
    /// Our side of this cloud, calling out this way.
    pub fn new(outbound: Arc<Outbound>, mut cloud: Cloud) -> Self {
        for url in [&mut cloud.login_url, &mut cloud.sts_url, &mut cloud.graph_url] {
            url.truncate(url.trim_end_matches('/').len());
        }
        Self { outbound, cloud, published: Published::default() }
    }

    /// What an access token says about where it comes from; nothing if it is none of Entra's. Believed by nobody: only for choosing
    /// whose settings apply.
    pub fn glance(&self, token: &str) -> Option<Glance> {
        entra::glance(&self.cloud, token)
    }

    /// Who an access token stands for. Nothing is kept: whoever asks may remember the answer until it expires.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] if the token cannot be believed, [`Refusal::Unavailable`] if Microsoft cannot be asked,
    /// [`Refusal::Misconfigured`] if the directory's settings make no sense.
    pub async fn check(&self, directory: &Directory, token: &Secret, now: Timestamp) -> Result<Entra> {
        directory.is_one()?;
        let read = Token::read(token.reveal())?;
        let mut said = entra::read(&self.cloud, directory, &read, now)?;
        match directory.mode {
            Mode::Graph => {
                let me = address(&self.cloud.graph_url, "/v1.0/me")?;
                let line = self.line(directory, Service::Graph, &self.cloud.graph_url)?;
                said = graph::confirm(&line, &me, directory, token, said).await?;
            }
            Mode::Api { .. } => {
                let line = self.line(directory, Service::Login, &self.cloud.login_url)?;
                self.published.verify(&self.cloud, directory, &line, said.version, &read, now).await?;
            }
        }
        Ok(Entra { identity: said.identity, expires: said.expires })
    }

    /// Where to send the browser to sign in for Dynamics. Asks nobody.
    ///
    /// # Errors
    /// [`Refusal::Misconfigured`] if the directory's settings make no sense.
    pub fn begin(&self, directory: &Directory, secrets: &Secrets) -> Result<Url> {
        directory.is_one()?;
        dynamics::begin(&self.cloud, directory, secrets)
    }

    /// Who came back from signing in for Dynamics: somebody of this directory who belongs to its Dataverse organisation.
    ///
    /// # Errors
    /// [`Refusal::Denied`] if Microsoft says no or the organisation is another, the others as for [`check`](Self::check).
    pub async fn answer(
        &self,
        directory: &Directory,
        secrets: &Secrets,
        callback: &Callback<'_>,
        now: Timestamp,
    ) -> Result<SignedIn> {
        directory.is_one()?;
        dynamics::answer(self, directory, secrets, callback, now).await
    }

    /// Looks a directory's settings over, step by step, as far as it can. Leaves no trace there but entries in its sign-in log.
    pub async fn examine(&self, directory: &Directory, now: Timestamp) -> Vec<Check> {
        examine::examine(self, directory, now).await
    }

    /// Forgets what directories published whose keys begin like this, because their settings have changed.
    pub fn forget(&self, keys: &str) {
        self.published.forget(keys);
    }

    /// The line to one of Microsoft's services on behalf of a directory. Each has its own share and breaker, and leads to its own host
    /// only: Graph asking for a pause must not keep people from signing in for Dynamics, and no token strays.
    fn line(&self, directory: &Directory, service: Service, base: &str) -> Result<Line> {
        let host = address(base, "")?.host_str().unwrap_or_default().to_owned();
        Ok(self.outbound.line(&format!("{}{}", directory.key, service.suffix()), [host]))
    }
}

#[derive(Clone, Copy, Debug)]
enum Service {
    Login,
    Graph,
    Dataverse,
}

impl Service {
    const fn suffix(self) -> &'static str {
        match self {
            // What is published is kept under the directory's own key.
            Self::Login => "",
            Self::Graph => " graph",
            Self::Dataverse => " dataverse",
        }
    }
}

impl Directory {
    /// Refuses `common` and its like: a token of any directory at all would be good there.
    fn is_one(&self) -> Result<()> {
        if is_guid(&self.tid) {
            return Ok(());
        }
        Err(Refusal::misconfigured(
            "the directory's id must be a GUID in small letters, not a name that stands for many",
        ))
    }
}

/// Whether a text is an id in Microsoft's spelling: hexadecimal in small letters, grouped 8-4-4-4-12.
fn is_guid(text: &str) -> bool {
    let is_hex = |group: &str| group.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && text.split('-').all(is_hex)
}

fn address(base: &str, path: &str) -> Result<Url> {
    let url = Url::parse(&format!("{}{path}", base.trim_end_matches('/')));
    url.map_err(|_| Refusal::misconfigured(format!("{base} is no address")))
}

/// An answer of JSON.
fn answered(answer: &Fetched, who: &str) -> Result<Claims> {
    let is_json = answer.content_type.as_deref().is_some_and(|kind| kind.starts_with("application/json"));
    let body = if is_json { Claims::read(&answer.body) } else { None };
    body.ok_or_else(|| Refusal::unavailable(format!("{who}'s answer cannot be read: it is not a JSON object")))
}
