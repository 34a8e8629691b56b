//! Examining a provider: step by step, in words for the person who set it up.

use purser_federation::{Check, Outcome, saml};

use super::{Base, Protocol, Provider};
use crate::access::{Grant, Scope, right};
use crate::app::App;
use crate::audit::{Action, Entry, Target};
use crate::error::Result;
use crate::store::Change;

impl App {
    /// Walks a provider's settings step by step, calls the provider where there is something to call, and says what to change.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::error::Error::NotFound).
    pub async fn examine_provider(
        &self,
        by: &Grant<right::SettingsManage>,
        name: &str,
        base: &Base,
    ) -> Result<Vec<Check>> {
        let now = self.now();
        let provider = self.provider(by, name).await?;
        let mut checks = vec![switched(&provider), self.domains_fit(by, &provider).await?];
        checks.extend(match &provider.protocol {
            Protocol::Oidc(_) => self.federation.oidc.examine(&self.oidc_of(&provider, base)?, now.moment()).await,
            Protocol::Saml(_) => {
                let (sp, idp) = self.saml_of(&provider, base).await?;
                saml::examine(&sp, &idp, now.moment())
            }
            Protocol::Microsoft(_) => {
                self.federation.microsoft.examine(&self.directory_of(&provider, base)?, now.moment()).await
            }
        });
        let entry = Entry::done(now, by.actor(), by.visit(), Action::ProviderExamined, Target::provider(name));
        let failed: Vec<_> = checks.iter().filter(|it| it.outcome == Outcome::Failed).map(|it| it.name).collect();
        let entry = if failed.is_empty() { entry } else { entry.because(format!("failed: {}", failed.join(", "))) };
        self.store.apply(by, Change::within(by, entry)).await?;
        Ok(checks)
    }

    /// Whether the domains a provider is trusted with are the tenant's.
    async fn domains_fit(&self, by: &Grant<right::SettingsManage>, provider: &Provider) -> Result<Check> {
        let mut unproven = Vec::new();
        for domain in &provider.rules.trusted_domains {
            if !self.has_verified(by.tenant(), domain).await? {
                unproven.push(domain.as_str());
            }
        }
        Ok(if unproven.is_empty() {
            Check::passed("domains", "every domain it is trusted with is proven")
        } else {
            let found = format!("trusted with {}, not proven to be yours", unproven.join(", "));
            let advice =
                "add the domain and prove it by its TXT record; until then nobody is linked by an address of it";
            Check::warned("domains", found, advice)
        })
    }
}

fn switched(provider: &Provider) -> Check {
    if provider.enabled {
        Check::passed("switch", "switched on")
    } else {
        Check::warned("switch", "switched off: nobody can sign in through it", "switch it on when the rest is in order")
    }
}
