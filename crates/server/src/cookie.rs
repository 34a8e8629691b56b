//! The cookie that carries a session, written.

use std::time::Duration;

use axum::http::HeaderValue;
use purser_core::secret::Secret;

use crate::http_settings::HttpSettings;

/// The cookie of a client's session.
pub const CLIENT: &str = "session";

/// The cookie of a system administrator's session.
pub const ADMIN: &str = "admin_session";

/// The `Set-Cookie` that gives a browser its session: out of scripts' reach, not sent along from other sites, for this host
/// only (no `Domain`), and by https only wherever there is https (ASVS 3.3).
pub fn given(name: &str, value: &Secret, lifetime: Duration, settings: &HttpSettings) -> HeaderValue {
    written(name, value.reveal(), lifetime.as_secs(), settings)
}

/// The `Set-Cookie` that takes it away again.
pub fn taken_away(name: &str, settings: &HttpSettings) -> HeaderValue {
    written(name, "", 0, settings)
}

fn written(name: &str, value: &str, max_age: u64, settings: &HttpSettings) -> HeaderValue {
    let secure = if settings.is_https() { "; Secure" } else { "" };
    let line = format!("{name}={value}; Max-Age={max_age}; Path=/; HttpOnly; SameSite=Lax{secure}");
    let mut line = HeaderValue::try_from(line).expect("session values are base64url, which every header may hold");
    line.set_sensitive(true);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let public = HttpSettings { public_url: Some("https://sp.test".parse().unwrap()), ..HttpSettings::default() };
        let week = Duration::from_hours(7 * 24);
        insta::assert_snapshot!(given(CLIENT, &Secret::new("v1.abc"), week, &public).to_str().unwrap(), @"session=v1.abc; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax; Secure");
        insta::assert_snapshot!(taken_away(ADMIN, &HttpSettings::default()).to_str().unwrap(), @"admin_session=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
    }
}
