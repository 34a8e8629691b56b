//! [`SettingsPatch`], some of a tenant's settings to be settled anew.

use serde::{Deserialize, Deserializer};

use super::{TenantSettings, TwoFactor};
use crate::config::Span;

/// Lists the settings once: for the patch, for applying it, and for making one of whole settings. A setting that is not listed does
/// not compile.
macro_rules! settled {
    ($($field:ident: $type:ty),* $(,)?) => {
        /// Some of a tenant's settings, as a JSON merge patch says them (RFC 7396): what is absent stays, null is the default, and a list
        /// takes the place of the former. Since when a second factor is demanded is kept by the server, and not among them.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        pub struct SettingsPatch {
            $(#[serde(deserialize_with = "wished")] $field: Option<$type>,)*
        }

        impl SettingsPatch {
            /// The settings with what the patch says.
            pub(super) fn applied_to(self, settings: &TenantSettings) -> TenantSettings {
                let settings = settings.clone();
                TenantSettings {
                    $($field: self.$field.unwrap_or(settings.$field),)*
                    two_factor_since: settings.two_factor_since,
                }
            }
        }

        impl From<TenantSettings> for SettingsPatch {
            fn from(settings: TenantSettings) -> Self {
                let TenantSettings { $($field,)* two_factor_since: _ } = settings;
                Self { $($field: Some($field)),* }
            }
        }
    };
}

settled! {
    access_ttl: Option<Span>,
    refresh_ttl: Option<Span>,
    cookie_idle: Option<Span>,
    cookie_max: Option<Span>,
    password_min_length: Option<usize>,
    forbidden_words: Vec<String>,
    strict_refresh: bool,
    sso_only: bool,
    separation_of_duties: bool,
    two_factor: TwoFactor,
    two_factor_grace: Option<Span>,
    return_to: Vec<String>,
    native_redirects: Vec<String>,
}

/// What is there and null is wished to be the default.
fn wished<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<Option<T>, D::Error> {
    Option::<T>::deserialize(from).map(|it| Some(it.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(settings: &TenantSettings, patch: &str) -> TenantSettings {
        serde_json::from_str::<SettingsPatch>(patch).unwrap().applied_to(settings)
    }

    #[test]
    fn what_is_absent_stays_and_null_is_the_default() {
        let strict = TenantSettings {
            cookie_idle: Some("2h".parse().unwrap()),
            forbidden_words: vec!["acme".into(), "rocket".into()],
            two_factor: TwoFactor::Required,
            strict_refresh: true,
            ..TenantSettings::default()
        };
        assert_eq!(patched(&strict, "{}"), strict);
        let worded =
            patched(&strict, r#"{"forbiddenWords":["anvil"],"unknown":1,"twoFactorSince":"2001-01-01T00:00:00Z"}"#);
        assert_eq!(worded, TenantSettings { forbidden_words: vec!["anvil".into()], ..strict.clone() });
        let nothing = r#"{"cookieIdle":null,"forbiddenWords":null,"twoFactor":null,"strictRefresh":null}"#;
        assert_eq!(patched(&strict, nothing), TenantSettings::default());
    }

    #[test]
    fn whole_settings_are_a_patch_of_everything() {
        let settings = TenantSettings { sso_only: true, ..TenantSettings::default() };
        let other = TenantSettings { strict_refresh: true, ..TenantSettings::default() };
        assert_eq!(SettingsPatch::from(settings.clone()).applied_to(&other), settings);
    }
}
