//! The world of the stories about single sign-on: a browser with a jar of cookies, and providers set up at the site.

use std::sync::Mutex;

use jiff::Timestamp;
use purser_core::access::{Role, SystemAdmin};
use purser_core::providers::{Credential, Draft, MicrosoftDraft, OidcDraft, ProtocolDraft, SamlDraft};
use purser_core::secret::Secret;
use purser_standin::microsoft::{self, Microsoft};
use purser_standin::oidc::Provider;
use purser_standin::saml;

use super::cookies;
use crate::http::probe::Reply;
use crate::site::{Asker, NOW, Site};

/// The secret of the client at OpenID providers.
pub(super) const CLIENT_SECRET: &str = "client-secret-of-the-stories";

/// The name of the SAML provider.
pub(super) const IDP: &str = "https://idp.test/saml";

/// Our assertion consumer service.
pub(super) const ACS: &str = "https://sp.test/api/client/auth/okta-saml";

/// A browser: it goes where it is sent, and keeps cookies for the hosts and paths they are for.
pub(super) struct Browser<'s> {
    site: &'s Site,
    jar: Mutex<Vec<Cookie>>,
}

#[derive(Clone, Debug)]
pub(super) struct Cookie {
    host: String,
    pub(super) name: String,
    value: String,
    path: String,
    from_anywhere: bool,
}

impl<'s> Browser<'s> {
    pub(super) fn new(site: &'s Site) -> Self {
        Self { site, jar: Mutex::default() }
    }

    /// The same browser, in front of another node.
    pub(super) fn at<'o>(&self, site: &'o Site) -> Browser<'o> {
        Browser { site, jar: Mutex::new(self.jar.lock().unwrap().clone()) }
    }

    /// The names of the cookies it holds.
    pub(super) fn holds(&self) -> Vec<String> {
        self.jar.lock().unwrap().iter().map(|cookie| cookie.name.clone()).collect()
    }

    /// Follows a link or a redirect.
    pub(super) async fn go(&self, address: &str) -> Reply {
        let (host, target) = parts(address);
        let reply = self.at_host(&host, target, |_| true).visit(target).await;
        self.keep(&host, &reply);
        reply
    }

    /// Sends a form from a page of another site.
    pub(super) async fn sent_from_elsewhere(&self, address: &str, fields: &[(&str, &str)]) -> Reply {
        let (host, target) = parts(address);
        let asker = self.at_host(&host, target, |cookie| cookie.from_anywhere);
        let asker = asker.with("Origin: https://idp.test").with("Sec-Fetch-Site: cross-site");
        let reply = asker.submit(target, fields).await;
        self.keep(&host, &reply);
        reply
    }

    /// What a script of ours would be told about who is signed in.
    pub(super) async fn me(&self) -> Reply {
        self.at_host("sp.test", "/api/client/auth/me", |_| true).me().await
    }

    /// A request with this browser's cookies, from our own page.
    pub(super) fn own_page(&self, target: &str) -> Asker<'s> {
        self.at_host("sp.test", target, |_| true).with("Origin: https://sp.test")
    }

    fn at_host(&self, host: &str, target: &str, goes: impl Fn(&Cookie) -> bool) -> Asker<'s> {
        let jar = self.jar.lock().unwrap();
        let fits = |it: &&Cookie| it.host == host && target.starts_with(&it.path) && goes(it);
        let pairs: Vec<String> = jar.iter().filter(fits).map(|it| format!("{}={}", it.name, it.value)).collect();
        let asker = self.site.anyone().with(&format!("Host: {host}"));
        if pairs.is_empty() { asker } else { asker.with(&format!("Cookie: {}", pairs.join("; "))) }
    }

    fn keep(&self, host: &str, reply: &Reply) {
        let mut jar = self.jar.lock().unwrap();
        for line in cookies(reply) {
            let (name, rest) = line.split_once('=').unwrap();
            let attribute = |key: &str| line.split("; ").find_map(|it| it.strip_prefix(key)).unwrap_or_default();
            jar.retain(|it| !(it.host == host && it.name == name));
            if attribute("Max-Age=") == "0" {
                continue;
            }
            jar.push(Cookie {
                host: host.to_owned(),
                name: name.to_owned(),
                value: rest.split(';').next().unwrap().to_owned(),
                path: attribute("Path=").to_owned(),
                from_anywhere: attribute("SameSite=") == "None",
            });
        }
    }
}

/// The host and the target of an address; without a host that of the site.
fn parts(address: &str) -> (String, &str) {
    let Some(rest) = address.strip_prefix("https://") else { return ("sp.test".to_owned(), address) };
    let at = rest.find('/').unwrap();
    (rest[..at].to_owned(), &rest[at..])
}

impl Site {
    /// Sets a provider up for a tenant.
    pub(super) async fn set_up(&self, tenant: &str, name: &str, draft: Draft) {
        let tenant = self.tenant(tenant).await;
        let by = self.app.settling_of(&SystemAdmin::at_the_command_line().grant(), &tenant).await.unwrap();
        Box::pin(self.app.create_provider(&by, name, draft)).await.unwrap();
    }

    /// Changes one.
    pub(super) async fn change_provider(&self, tenant: &str, name: &str, draft: Draft) {
        let tenant = self.tenant(tenant).await;
        let by = self.app.settling_of(&SystemAdmin::at_the_command_line().grant(), &tenant).await.unwrap();
        Box::pin(self.app.update_provider(&by, name, draft)).await.unwrap();
    }

    /// Changes what the tenant allows.
    pub(super) async fn allow(&self, return_to: &[&str], native: &[&str]) {
        let admin = self.admin().await;
        let settings = serde_json::json!({"settings": {"returnTo": return_to, "nativeRedirects": native}});
        let reply = admin.patch("/api/admin/clients/acme", &settings).await;
        assert_eq!(reply.status, 200, "{reply}");
    }

    /// An OpenID provider of this tenant, which makes accounts for whoever it proves.
    pub(super) async fn openid(&self, tenant: &str, name: &str) -> Provider {
        let idp = Provider::start().await;
        idp.script(|script| {
            script.now = NOW;
            script.client_secret = Some(CLIENT_SECRET.into());
        });
        let oidc = OidcDraft {
            issuer: Some(idp.issuer()),
            client_id: Some("purser".into()),
            credential: Some(Credential::Secret(Secret::new(CLIENT_SECRET))),
            ..OidcDraft::default()
        };
        self.set_up(tenant, name, welcoming(ProtocolDraft::Oidc(oidc))).await;
        idp
    }

    /// A SAML provider of this tenant, with these ways of its own.
    pub(super) async fn saml(&self, tenant: &str, name: &str, ways: SamlDraft) -> saml::Key {
        let key = saml::Key::rsa();
        let draft = SamlDraft { metadata: Some(metadata(IDP, &key)), ..ways };
        let draft =
            Draft { trusted_domains: Some(vec!["customer.test".into()]), ..welcoming(ProtocolDraft::Saml(draft)) };
        self.set_up(tenant, name, draft).await;
        key
    }

    /// A Microsoft directory of this tenant, with Dynamics and one Power App.
    pub(super) async fn directory(&self, tenant: &str, name: &str, entra: &Microsoft) {
        entra.stop_clock_at(NOW);
        entra.register(microsoft::App {
            redirect_uris: vec!["https://sp.test/api/client/auth/ms-dynamics/callback".into()],
            ..microsoft::App::default()
        });
        let directory = MicrosoftDraft {
            directory: Some(microsoft::DIRECTORY.into()),
            app_id: Some(microsoft::APP.into()),
            credential: Some(Credential::Secret(Secret::new(microsoft::SECRET))),
            dataverse_url: Some(entra.url().into()),
            organization_id: Some(microsoft::ORGANIZATION.into()),
            allowed_apps: Some(vec![microsoft::POWER_APP.into()]),
            ..MicrosoftDraft::default()
        };
        self.set_up(tenant, name, welcoming(ProtocolDraft::Microsoft(directory))).await;
    }

    /// The time by the site's clock.
    pub(super) fn moment(&self) -> Timestamp {
        use purser_core::env::Clock as _;
        Timestamp::from_second(self.clock.now().seconds()).unwrap()
    }
}

fn welcoming(protocol: ProtocolDraft) -> Draft {
    Draft {
        create_users: Some(true),
        default_roles: Some(vec![Role::Viewer]),
        protocol: Some(protocol),
        ..Draft::default()
    }
}

/// Metadata of a provider that wants requests posted.
fn metadata(entity_id: &str, key: &saml::Key) -> String {
    format!(
        r#"<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity_id}"><md:IDPSSODescriptor WantAuthnRequestsSigned="false" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.test/sso"/></md:IDPSSODescriptor></md:EntityDescriptor>"#,
        key.certificate_base64()
    )
}
