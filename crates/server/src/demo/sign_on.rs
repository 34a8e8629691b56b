//! Single sign-on in a demo: the identity providers beside it are set up for its client, and told where to send people.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use purser_core::access::{Role, SystemAdmin};
use purser_core::app::App;
use purser_core::error::{Error, Result};
use purser_core::ids::TenantId;
use purser_core::providers::{Base, Credential, Draft, OidcDraft, ProtocolDraft, SamlDraft};

use super::neighbours::{About, Neighbours};
use crate::cli::Failure;

/// The domain of the people whom both providers know, but for one.
const DOMAIN: &str = "acme.test";

/// The names that the providers have here.
const OPENID: &str = "openid";
const SAML: &str = "saml";

/// The providers beside a demo.
pub(super) struct SignOn {
    about: About,
    /// Gone with the demo.
    neighbours: Mutex<Neighbours>,
}

impl SignOn {
    /// Starts the providers, if that is asked for.
    ///
    /// # Errors
    /// If what they need is missing, or the demo is to be reached from other machines.
    pub(super) fn start(tools: Option<&PathBuf>, listen: SocketAddr) -> std::result::Result<Option<Self>, Failure> {
        let Some(tools) = tools else { return Ok(None) };
        if !listen.ip().is_loopback() {
            return Err(Failure::usage("the identity providers of a demo can only be reached from this machine")
                .hint("leave --listen away, or listen on 127.0.0.1"));
        }
        Self::beside(tools).map(Some)
    }

    fn beside(tools: &Path) -> std::result::Result<Self, Failure> {
        let (neighbours, about) = Neighbours::start(tools)?;
        Ok(Self { about, neighbours: Mutex::new(neighbours) })
    }

    /// Sets them up for the client, or anew in a demo that was kept: their addresses and secrets are others each time.
    pub(super) async fn provide(&self, app: &App, client: &TenantId) -> Result<()> {
        let operator = SystemAdmin::at_the_command_line();
        let by = app.settling_of(&operator.grant(), client).await?;
        super::there(app.add_domain(&by, DOMAIN).await)?;
        app.confirm_domain(&operator.grant(), client, DOMAIN).await?;
        for (name, draft) in [(OPENID, openid(&self.about)), (SAML, saml(&self.about))] {
            match app.create_provider(&by, name, draft.clone()).await {
                Err(Error::Conflict) => app.update_provider(&by, name, draft).await?,
                made => made?,
            };
        }
        Ok(())
    }

    /// Tells them of the server, which answers by now: the SAML provider reads its metadata.
    ///
    /// # Errors
    /// If they do not find there what they need.
    pub(super) fn introduce(&self, base: &str) -> std::result::Result<(), Failure> {
        let base = Base::parse(base)?;
        let metadata = format!("{}?provider={SAML}", base.metadata());
        let mut neighbours = self.neighbours.lock().unwrap_or_else(PoisonError::into_inner);
        neighbours.trust(&base.oidc_callback(), &metadata)
    }

    /// Where to click, and what to say there.
    pub(super) fn invitation(&self, base: &str) -> String {
        let about = &self.about.saml;
        let begin = |path: &str, name: &str| {
            format!("{base}/api/client/auth/{path}?provider={name}&returnTo=/api/client/auth/me")
        };
        [
            format!(
                "\nSign in as {}, with the password \"{}\", in a browser:\n",
                names(&about.accounts),
                about.password
            ),
            format!("OpenID    {}", begin("oidc", OPENID)),
            format!("SAML      {}", begin("okta-saml", SAML)),
            format!("          {}   (begun at the provider)\n", about.start),
            format!("Who is not of {DOMAIN} (cleo) can use one of the two only: the second cannot prove whose the account is.\n"),
        ]
        .join("\n")
    }
}

/// Names as people list them: `ann, ben or cleo`.
fn names(all: &[String]) -> String {
    match all.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => all.concat(),
    }
}

fn openid(about: &About) -> Draft {
    let about = &about.oidc;
    let protocol = OidcDraft {
        issuer: Some(about.issuer.clone()),
        client_id: Some(about.client_id.clone()),
        credential: Some(Credential::Secret(about.client_secret.clone())),
        scopes: Some(["openid", "email", "profile", "groups"].map(str::to_owned).into()),
        ..OidcDraft::default()
    };
    Draft { label: Some("Acme OpenID".into()), protocol: Some(ProtocolDraft::Oidc(protocol)), ..rules() }
}

fn saml(about: &About) -> Draft {
    let protocol = SamlDraft {
        metadata_url: Some(about.saml.metadata.clone()),
        idp_initiated: Some(true),
        groups_attribute: Some("groups".into()),
        ..SamlDraft::default()
    };
    Draft { label: Some("Acme SAML".into()), protocol: Some(ProtocolDraft::Saml(protocol)), ..rules() }
}

/// Whoever comes is let in, and is what their groups make them.
fn rules() -> Draft {
    let groups = [("admins", Role::Admin), ("authors", Role::Author)];
    Draft {
        enabled: Some(true),
        create_users: Some(true),
        default_roles: Some(vec![Role::Viewer]),
        trusted_domains: Some(vec![DOMAIN.into()]),
        group_roles: Some(
            groups.map(|(group, role)| (group.to_owned(), vec![role])).into_iter().collect::<BTreeMap<_, _>>(),
        ),
        ..Draft::default()
    }
}
