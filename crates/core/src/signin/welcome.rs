//! [`Welcome`], what a sign-in page has to know before anybody has signed in.

use std::sync::Arc;

use super::places;
use super::{Button, methods};
use crate::app::App;
use crate::error::{Error, Result};
use crate::ids::TenantId;
use crate::providers::Base;
use crate::tenants::{Accent, Tenant};

/// A tenant's sign-in page.
#[derive(Clone, Debug)]
pub struct Welcome {
    /// The tenant.
    pub tenant: TenantId,
    /// Its name.
    pub name: String,
    /// The colour of its pages, if it has one of its own.
    pub accent: Option<Accent>,
    /// The name of its logo.
    pub logo: Option<Arc<str>>,
    /// Whether people sign in through its identity provider only.
    pub sso_only: bool,
    /// Its providers that are switched on.
    pub buttons: Vec<Button>,
    /// Where to go afterwards, in a spelling that no browser reads otherwise.
    pub return_to: String,
}

impl App {
    /// What a tenant's sign-in page shows.
    ///
    /// # Errors
    /// [`Error::ClientRequired`] if no tenant is named and there are several; [`Error::NotFound`] if there is no such tenant;
    /// [`Error::Invalid`] for a place that nobody may be sent to.
    pub async fn welcome(&self, named: Option<&TenantId>, return_to: Option<&str>, base: &Base) -> Result<Welcome> {
        let id = match named {
            Some(id) => id.clone(),
            None => self.only_tenant().await?.ok_or(Error::ClientRequired)?,
        };
        let tenant = self.living_tenant(&id).await?.filter(|it| it.is_active()).ok_or(Error::NotFound)?;
        let return_to = places::return_to(return_to, &tenant.settings, base)?;
        let all = self.providers_of(&id).await?;
        let offered = all.iter().filter(|it| it.enabled && methods::is_offered(&it.protocol));
        let buttons = offered.map(|it| Button { name: it.name.clone(), kind: it.kind(), label: it.label.clone() });
        let Tenant { name, settings, accent, logo, .. } = &*tenant;
        Ok(Welcome {
            name: name.clone(),
            accent: *accent,
            logo: logo.clone(),
            sso_only: settings.sso_only,
            buttons: buttons.collect(),
            tenant: id,
            return_to,
        })
    }

    /// Where somebody of a tenant may be sent who has just signed in: the place asked for, or the start if it is no such place.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`].
    pub async fn place_after_sign_in(&self, tenant: &TenantId, asked: Option<&str>, base: &Base) -> Result<String> {
        let tenant = self.living_tenant(tenant).await?.ok_or(Error::NotFound)?;
        Ok(places::return_to(asked, &tenant.settings, base).unwrap_or_else(|_| "/".into()))
    }
}
