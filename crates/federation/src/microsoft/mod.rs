//! [`Microsoft`], sign-in with Entra tokens from Power Apps, and with Microsoft accounts for Dynamics.

pub mod entra;

use std::sync::Arc;

use jiff::Timestamp;
use url::Url;

use crate::fetch::Outbound;
use crate::oidc::{Callback, ClientAuth, Secrets, SignedIn};
use crate::{Check, Refusal, Result, Secret};

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
    /// The directory's id; never `common`, `organizations` or `consumers`, which are no directories.
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
    /// Its `OrganizationId`.
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
    _outbound: Arc<Outbound>,
    cloud: Cloud,
}

impl Microsoft {
    /// Our side of this cloud, calling out this way.
    pub fn new(outbound: Arc<Outbound>, cloud: Cloud) -> Self {
        Self { _outbound: outbound, cloud }
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
    pub async fn check(&self, _directory: &Directory, _token: &Secret, _now: Timestamp) -> Result<Entra> {
        Err(Refusal::unavailable("not yet"))
    }

    /// Where to send the browser to sign in for Dynamics.
    ///
    /// # Errors
    /// [`Refusal::Misconfigured`] if the directory's settings make no sense.
    pub fn begin(&self, _directory: &Directory, _secrets: &Secrets, _now: Timestamp) -> Result<Url> {
        Err(Refusal::unavailable("not yet"))
    }

    /// Who came back from signing in for Dynamics: somebody of this directory who belongs to its Dataverse organisation.
    ///
    /// # Errors
    /// [`Refusal::Denied`] if Microsoft says no or the organisation is another, the others as for [`check`](Self::check).
    pub async fn answer(
        &self,
        _directory: &Directory,
        _secrets: &Secrets,
        _callback: &Callback<'_>,
        _now: Timestamp,
    ) -> Result<SignedIn> {
        Err(Refusal::unavailable("not yet"))
    }

    /// Looks a directory's settings over, step by step, as far as it can.
    pub async fn examine(&self, _directory: &Directory, _now: Timestamp) -> Vec<Check> {
        Vec::new()
    }

    /// Forgets what the directory published, because its settings have changed.
    pub fn forget(&self, _key: &str) {}
}
