//! Examining a provider: step by step, in words for the person who set it up.

use std::time::Duration;

use purser_federation::{Check, Outcome, saml};

use super::{Base, Protocol, Provider, sql};
use crate::access::{Grant, Scope, right};
use crate::app::App;
use crate::audit::{Action, Entry, Target};
use crate::env::Timestamp;
use crate::error::Result;
use crate::ids::AuditId;
use crate::store::{Change, FromRow, Row, args};

/// How far back a trial sign-in is looked for.
const TRIED_WITHIN: Duration = Duration::from_hours(24);

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
        checks.extend(self.trial(by, &provider, base, now).await?);
        let entry = Entry::done(now, by.actor(), by.visit(), Action::ProviderExamined, Target::provider(name));
        let failed: Vec<_> = checks.iter().filter(|it| it.outcome == Outcome::Failed).map(|it| it.name).collect();
        let entry = if failed.is_empty() { entry } else { entry.because(format!("failed: {}", failed.join(", "))) };
        // To look something over changes nothing of it.
        self.apply(by, Change::within(by, entry).taking_away()).await?;
        Ok(checks)
    }

    /// How it went when somebody last tried to sign in, since the settings are what they are. Nothing for a provider that only vouches
    /// for bearer tokens.
    async fn trial(
        &self,
        by: &Grant<right::SettingsManage>,
        provider: &Provider,
        base: &Base,
        now: Timestamp,
    ) -> Result<Option<Check>> {
        let Some(place) = self.provider_addresses(provider, base).sign_in else { return Ok(None) };
        let since = AuditId::first_of(provider.updated_at.max(now.before(TRIED_WITHIN)));
        let how = format!("{} {}", method(&provider.protocol), provider.name);
        let admitted: Option<Line> = self.store.one(by, sql::LAST_ADMITTED, args![since, how]).await?;
        let refused: Option<Line> = self.store.one(by, sql::LAST_REFUSED, args![since, &provider.name]).await?;
        let again = format!("open {place} in a private window, sign in, and run this test again");
        Ok(Some(match (admitted, refused) {
            // Anybody can have themselves refused; that somebody gets in counts for more.
            (Some(Line { at, said: user }), Some(Line { at: later, said: reason })) if later > at => Check::warned(
                "sign-in",
                format!("{user} signed in at {at}, but at {later} somebody was refused: {reason}"),
                "look into the reason if it was one of your people",
            ),
            (Some(Line { at, said: user }), _) => Check::passed("sign-in", format!("{user} signed in at {at}")),
            (None, Some(Line { at, said: reason })) => {
                Check::failed("sign-in", format!("the last try, at {at}, was refused: {reason}"), again)
            }
            (None, None) => {
                Check::warned("sign-in", "nobody has tried since the settings were changed, or for a day", again)
            }
        }))
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

/// As the log names a sign-in through this protocol.
fn method(protocol: &Protocol) -> &'static str {
    match protocol {
        Protocol::Oidc(_) => "oidc",
        Protocol::Saml(_) => "saml",
        Protocol::Microsoft(_) => "ms-dynamics",
    }
}

/// What a line of the log tells of a sign-in: when, and who or why not.
struct Line {
    at: Timestamp,
    said: String,
}

impl FromRow for Line {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { at: row.time(0)?, said: row.text(1)?.into() })
    }
}
