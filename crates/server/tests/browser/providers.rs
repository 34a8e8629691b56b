//! Real identity providers, each a process of its own on this machine.

use serde_json::json;

use crate::helper::Helper;

/// The names of the people whom both providers know; what they are stands in `tools/idp/accounts.mjs`.
pub(crate) const ANN: &str = "ann";
/// His address is not verified.
pub(crate) const BEN: &str = "ben";
/// Her address is of another company's domain.
pub(crate) const CLEO: &str = "cleo";
/// His name has to be escaped.
pub(crate) const EVAN: &str = "evan";

/// An OpenID provider: npm's `oidc-provider`.
pub(crate) struct OpenId(Helper);

impl OpenId {
    /// Starts one. It is called `localhost`, which for browsers is another site than the server's `127.0.0.1`.
    pub(crate) fn start() -> Self {
        Self(Helper::start("idp/oidc.mjs", &["--host", "localhost"]))
    }

    pub(crate) fn issuer(&self) -> &str {
        self.0.text("issuer")
    }

    pub(crate) fn client_id(&self) -> &str {
        self.0.text("clientId")
    }

    pub(crate) fn client_secret(&self) -> &str {
        self.0.text("clientSecret")
    }

    pub(crate) fn password(&self) -> &str {
        self.0.text("password")
    }

    /// Registers the one address to which it answers.
    pub(crate) fn answer_to(&mut self, redirect_uri: &str) {
        self.0.tell("trust", json!({"redirectUris": [redirect_uri]}));
    }

    /// Registers the one address to which it sends those who have signed out.
    pub(crate) fn let_go_to(&mut self, logout_uri: &str) {
        self.0.tell("trust", json!({"logoutUris": [logout_uri]}));
    }

    /// Signs with the keys it had published as its next ones, and forgets the old ones.
    pub(crate) fn rotate(&mut self) {
        self.0.tell("rotate", json!({}));
    }
}

/// A SAML identity provider: npm's `samlp`.
pub(crate) struct Saml(Helper);

impl Saml {
    /// Starts one, called `localhost`.
    pub(crate) fn start() -> Self {
        Self(Helper::start("idp/saml.mjs", &["--host", "localhost"]))
    }

    /// Its metadata's address.
    pub(crate) fn metadata(&self) -> &str {
        self.0.text("metadata")
    }

    /// Where a sign-in begins that nobody asked for.
    pub(crate) fn start_here(&self) -> &str {
        self.0.text("start")
    }

    /// Where its sessions are ended.
    pub(crate) fn logout(&self) -> &str {
        self.0.text("logout")
    }

    pub(crate) fn password(&self) -> &str {
        self.0.text("password")
    }

    /// Answers the service provider that tells of itself there.
    pub(crate) fn trust(&mut self, metadata: &str) {
        self.0.tell("trust", json!({ "metadata": metadata }));
    }

    /// Encrypts from now on what it says of people.
    pub(crate) fn encrypt(&mut self) {
        self.0.tell("set", json!({"encrypt": true}));
    }

    /// Signs with a new key, and forgets the old one.
    pub(crate) fn rotate(&mut self) {
        self.0.tell("rotate", json!({}));
    }

    /// Answers there, without knowing more.
    pub(crate) fn answer_to(&mut self, acs: &str) {
        self.0.tell("trust", json!({ "acs": acs }));
    }
}
