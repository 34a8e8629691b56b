//! What a tenant's own Admins settle, by the rules that hold for a system administrator too.

use serde_json::Value as Json;

use super::{TenantSettings, sql};
use crate::access::{Grant, Scope, right};
use crate::app::App;
use crate::audit::{Action, Entry, Target};
use crate::error::{Error, Result};
use crate::providers;
use crate::store::{Change, Stale, args};

impl TenantSettings {
    /// Which settings another state of them changes, by their names on the wire; that state is checked first.
    pub(super) fn changed(&self, new: &Self) -> Result<Vec<String>> {
        new.check()?;
        let (was, new) = (tree(self)?, tree(new)?);
        let names: std::collections::BTreeSet<&String> = was.keys().chain(new.keys()).collect();
        Ok(names.into_iter().filter(|name| was.get(*name) != new.get(*name)).cloned().collect())
    }
}

fn tree(settings: &TenantSettings) -> Result<serde_json::Map<String, Json>> {
    match serde_json::to_value(settings) {
        Ok(Json::Object(tree)) => Ok(tree),
        _ => Err(Error::internal("settings are an object")),
    }
}

/// For the log: which settings, never what they say.
pub(super) fn said(changed: &[String]) -> String {
    if changed.is_empty() { String::new() } else { format!("settings: {}", changed.join(", ")) }
}

impl App {
    /// What the tenant has settled for itself.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it has just been deleted.
    pub async fn own_settings(&self, by: &Grant<right::SettingsManage>) -> Result<TenantSettings> {
        self.find_tenant(by.tenant()).await.map(|tenant| tenant.settings)
    }

    /// Changes what the tenant has settled. What is as it was is not logged as changed.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming each wrong setting, and `settings.ssoOnly` if nobody could sign in any more;
    /// [`Error::Conflict`] if someone was faster.
    pub async fn settle_own(
        &self,
        by: &Grant<right::SettingsManage>,
        change: impl FnOnce(&mut TenantSettings) -> Result<()> + Send,
    ) -> Result<TenantSettings> {
        let tenant = self.find_tenant(by.tenant()).await?;
        let mut new = tenant.settings.clone();
        change(&mut new)?;
        let new = new.following(&tenant.settings, self.now());
        let changed = tenant.settings.changed(&new)?;
        if changed.is_empty() {
            return Ok(new);
        }
        let entry = Entry::done(self.now(), by.actor(), by.visit(), Action::TenantUpdated, Target::tenant(&tenant.id));
        let settings = serde_json::to_string(&new).map_err(Error::internal)?;
        let row = args![&tenant.id, &tenant.name, tenant.name.to_lowercase(), settings, tenant.version];
        let written = Change::within(by, entry.because(said(&changed)))
            .must_system(sql::UPDATE, row, || Error::Conflict)
            .forgetting(Stale::Tenant(tenant.id.clone()));
        let shuts_passwords_out = new.sso_only && !tenant.settings.sso_only;
        let written = if shuts_passwords_out { leaving_a_door(written) } else { written };
        self.apply(by, written).await?;
        Ok(new)
    }
}

/// Adds to a change that some provider is on: an Admin who shut passwords out without one would stand outside with all the others.
fn leaving_a_door(change: Change) -> Change {
    change.must(providers::sql::SOME_ON, args![], || {
        Error::invalid("settings.ssoOnly", "switch an identity provider on first, and see that it works")
    })
}
