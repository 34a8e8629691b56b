//! How an organisation's pages look: its name, its colour, its logo.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::picture::Logo;
use super::{Tenant, tenant_name};
use crate::access::{Grant, Scope, right};
use crate::app::App;
use crate::audit::{Action, Entry, Target};
use crate::error::{Error, Result};
use crate::ids::TenantId;
use crate::store::{Change, FromRow, Row, Stale, args};

pub(crate) mod sql {
    use crate::store::statement::statements;

    statements! {
        /// Name, colour and the logo's name, if they are still what the decision was made on.
        tenant DRESS = "UPDATE tenants SET name = ?2, search = ?3, accent = ?4, logo = ?5, version = version + 1
            WHERE tenant_id = ?1 AND version = ?6";
        /// The logo itself.
        tenant LOGO = "SELECT media, image FROM logos WHERE tenant_id = ?1 AND name = ?2";
        /// Another logo, in the place of the former.
        tenant SET_LOGO = "INSERT INTO logos (tenant_id, name, media, image) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (tenant_id) DO UPDATE SET name = excluded.name, media = excluded.media, image = excluded.image";
        /// No logo any more.
        tenant REMOVE_LOGO = "DELETE FROM logos WHERE tenant_id = ?1";
    }
}

/// A colour, as `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accent {
    /// How much red.
    pub red: u8,
    /// How much green.
    pub green: u8,
    /// How much blue.
    pub blue: u8,
}

impl FromStr for Accent {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::invalid("accent", "write it as #1a2b3c: a number sign and six digits from 0 to f");
        let digits = text.strip_prefix('#').filter(|it| it.len() == 6 && it.bytes().all(|b| b.is_ascii_hexdigit()));
        let number = digits.and_then(|it| u32::from_str_radix(it, 16).ok()).ok_or_else(wrong)?;
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Self { red, green, blue })
    }
}

impl fmt::Display for Accent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

/// What is to become of the logo.
#[derive(Clone, Debug)]
pub enum LogoWish {
    /// It stays as it is.
    Keep,
    /// There is none any more.
    Remove,
    /// This one.
    Set(Logo),
}

/// How the pages are to look.
#[derive(Clone, Debug)]
pub struct Look {
    /// The organisation's name.
    pub name: String,
    /// Its colour; none for the program's own.
    pub accent: Option<Accent>,
    /// Its logo.
    pub logo: LogoWish,
}

/// A logo as it is sent.
struct Stored {
    media: String,
    image: Vec<u8>,
}

impl FromRow for Stored {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { media: row.text(0)?.into(), image: row.bytes(1)?.into() })
    }
}

impl App {
    /// Changes how the pages of the caller's organisation look. What is as it was is not logged as changed.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `name`; [`Error::Conflict`] if someone was faster.
    pub async fn dress(&self, by: &Grant<right::SettingsManage>, look: Look) -> Result<()> {
        let tenant = self.find_tenant(by.tenant()).await?;
        let name = tenant_name(&look.name)?;
        let logo = match &look.logo {
            LogoWish::Keep => tenant.logo.clone(),
            LogoWish::Remove => None,
            LogoWish::Set(logo) => Some(logo.name().into()),
        };
        let changed = changes(&tenant, &name, look.accent, logo.as_ref());
        if changed.is_empty() {
            return Ok(());
        }
        let entry = Entry::done(self.now(), by.actor(), by.visit(), Action::TenantUpdated, Target::tenant(&tenant.id));
        let accent = look.accent.map(|it| it.to_string());
        let row = args![&name, name.to_lowercase(), accent, logo.as_deref(), tenant.version];
        let change = Change::within(by, entry.because(changed.join(", ")))
            .must(sql::DRESS, row, || Error::Conflict)
            .forgetting(Stale::Tenant(tenant.id));
        let change = match look.logo {
            LogoWish::Keep => change,
            LogoWish::Remove => change.run(sql::REMOVE_LOGO, args![]),
            LogoWish::Set(logo) => {
                let row = args![logo.name(), logo.media(), logo.bytes().to_vec()];
                change.must(sql::SET_LOGO, row, || Error::Conflict)
            }
        };
        self.apply(by, change).await.map(drop)
    }

    /// A tenant as everybody may know it who stands before its door: by that, nobody learns more than its sign-in page says.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none, or nobody may sign in to it.
    pub async fn dressed(&self, id: &TenantId) -> Result<Arc<Tenant>> {
        self.living_tenant(id).await?.filter(|it| it.is_active()).ok_or(Error::NotFound)
    }

    /// A tenant's logo by its name: its media type and its bytes.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it has none of that name.
    pub async fn logo(&self, tenant: &Tenant, name: &str) -> Result<(String, Vec<u8>)> {
        if tenant.logo.as_deref() != Some(name) {
            return Err(Error::NotFound);
        }
        let Stored { media, image } = self.store.one(tenant, sql::LOGO, args![name]).await?.ok_or(Error::NotFound)?;
        Ok((media, image))
    }
}

/// What another look changes, as the log says it.
fn changes(tenant: &Tenant, name: &str, accent: Option<Accent>, logo: Option<&Arc<str>>) -> Vec<&'static str> {
    let all =
        [("name", name != tenant.name), ("colour", accent != tenant.accent), ("logo", logo != tenant.logo.as_ref())];
    all.into_iter().filter(|(_, changed)| *changed).map(|(what, _)| what).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_read_as_it_is_written() {
        let colour: Accent = "#1A2b3c".parse().unwrap();
        assert_eq!((colour.red, colour.green, colour.blue), (0x1a, 0x2b, 0x3c));
        assert_eq!(colour.to_string(), "#1a2b3c");
        for text in ["", "#", "1a2b3c", "#1a2b3", "#1a2b3c4", "#1a2b3g", "#+12345", "red", "#12345é"] {
            assert!(text.parse::<Accent>().is_err(), "{text}");
        }
    }
}
