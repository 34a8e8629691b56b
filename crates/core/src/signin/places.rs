//! Where somebody may be sent after signing in: paths of ours, and what the tenant has listed, letter for letter.

use url::form_urlencoded::byte_serialize;
use url::{Position, Url};

use super::Native;
use crate::error::{Error, Result};
use crate::providers::Base;
use crate::tenants::{Tenant, TenantSettings};

/// Longer addresses than this are nobody's.
const LONGEST: usize = 2_048;

/// The place to return to, in a spelling that no browser reads otherwise.
///
/// # Errors
/// [`Error::Invalid`] for any place that is neither a path of ours nor on the tenant's list.
pub(super) fn return_to(asked: Option<&str>, tenant: &TenantSettings, base: &Base) -> Result<String> {
    let Some(asked) = asked.filter(|it| !it.is_empty()) else { return Ok("/".into()) };
    if is_plain(asked) {
        if asked.starts_with('/') {
            return own_path(asked, base).ok_or_else(refused);
        }
        if let Some(listed) = listed(asked, &tenant.return_to) {
            return Ok(listed);
        }
    }
    Err(refused())
}

/// Checks where a code may be sent, and that a challenge came with it.
///
/// # Errors
/// [`Error::Invalid`] naming `redirect` or `codeChallenge`.
pub(super) fn demand_native(native: &Native, tenant: &Tenant, base: &Base) -> Result<()> {
    let landing = landing(&base.with_tenant(&tenant.id));
    if native.redirect != landing && !tenant.settings.native_redirects.contains(&native.redirect) {
        return Err(Error::invalid("redirect", "is not on the client's list"));
    }
    let letters = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if native.challenge.len() != 43 || !letters(&native.challenge) {
        return Err(Error::invalid("codeChallenge", "use the SHA-256 of the verifier, base64url: 43 letters"));
    }
    if native.state.as_ref().is_some_and(|state| state.len() > LONGEST) {
        return Err(Error::invalid("state", "is too long"));
    }
    Ok(())
}

/// The address with a code in it, and with the state that was given. The address is one that was checked when it was listed.
pub(super) fn with_code(native: &Native, code: &str) -> String {
    let redirect = &native.redirect;
    let joint = if redirect.contains('?') { '&' } else { '?' };
    let state = native.state.as_deref().map(|state| byte_serialize(state.as_bytes()).collect::<String>());
    let state = state.map(|state| format!("&state={state}")).unwrap_or_default();
    format!("{redirect}{joint}code={code}{state}")
}

/// Where a sub-domain takes its session.
fn landing(base: &Base) -> String {
    format!("{}/api/client/auth/landing", base.as_str())
}

/// Checks a tenant's lists, which only name whole places.
///
/// # Errors
/// [`Error::Invalid`] naming the list.
pub(crate) fn check_lists(settings: &TenantSettings) -> Result<()> {
    let fine = |text: &String| is_plain(text) && web_address(text).is_some();
    if settings.return_to.len() > 100 || !settings.return_to.iter().all(fine) {
        return Err(Error::invalid(
            "settings.returnTo",
            "at most 100 origins or addresses, as https://app.example.com",
        ));
    }
    let native = |text: &String| is_plain(text) && Url::parse(text).is_ok_and(|url| may_take_codes(&url));
    if settings.native_redirects.len() > 100 || !settings.native_redirects.iter().all(native) {
        let advice = "at most 100 addresses: https, the app's own scheme (com.example.app:/done), or http on 127.0.0.1";
        return Err(Error::invalid("settings.nativeRedirects", advice));
    }
    Ok(())
}

/// An app's own scheme is a domain of its maker, written backwards (RFC 8252 section 7.1); what browsers run or read is none.
fn may_take_codes(url: &Url) -> bool {
    let here = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
    let of_an_app = url.scheme().contains('.');
    url.fragment().is_none() && (url.scheme() == "https" || (url.scheme() == "http" && here) || of_an_app)
}

/// Nothing that one reader drops and another does not.
fn is_plain(text: &str) -> bool {
    text.len() <= LONGEST && text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
}

/// A path as our own origin resolves it. What begins with two strokes after that would lead elsewhere: `/..//evil.test`.
fn own_path(text: &str, base: &Base) -> Option<String> {
    let origin = Url::parse(base.as_str()).ok()?;
    let url = origin.join(text).ok()?;
    let path = &url[Position::BeforePath..];
    let ours = url.origin() == origin.origin() && url.username().is_empty() && url.password().is_none();
    (ours && path.starts_with('/') && !path.starts_with("//")).then(|| path.to_owned())
}

fn listed(text: &str, list: &[String]) -> Option<String> {
    let url = web_address(text)?;
    list.iter().filter_map(|entry| web_address(entry)).any(|entry| covers(&entry, &url)).then(|| url.to_string())
}

/// An origin stands for all its pages, an address for itself only.
fn covers(entry: &Url, url: &Url) -> bool {
    let bare = &entry[Position::BeforePath..] == "/";
    entry == url || (bare && entry.origin() == url.origin())
}

fn web_address(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let whole = text.starts_with("https://") || text.starts_with("http://");
    let nameless = url.username().is_empty() && url.password().is_none();
    (whole && nameless && url.has_host()).then_some(url)
}

fn refused() -> Error {
    Error::invalid("returnTo", "is neither a path of this server nor on the client's list")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn base() -> Base {
        Base::parse("https://sp.test").unwrap()
    }

    fn go(asked: &str) -> Result<String> {
        let settings = TenantSettings {
            return_to: vec!["https://app.test".into(), "https://other.test/done?x=1".into()],
            ..TenantSettings::default()
        };
        return_to(Some(asked), &settings, &base())
    }

    #[test]
    fn own_paths_and_listed_places_are_gone_to() {
        for (asked, place) in [
            ("", "/"),
            ("/", "/"),
            ("/work?a=1&b=2#top", "/work?a=1&b=2#top"),
            ("/a/../b", "/b"),
            ("/%2f%2fevil.test", "/%2f%2fevil.test"),
            ("/@evil.test", "/@evil.test"),
            ("https://app.test", "https://app.test/"),
            ("https://app.test/deep?x", "https://app.test/deep?x"),
            ("https://other.test/done?x=1", "https://other.test/done?x=1"),
        ] {
            assert_eq!(go(asked).unwrap(), place, "{asked}");
        }
        assert_eq!(return_to(None, &TenantSettings::default(), &base()).unwrap(), "/");
    }

    #[test]
    fn any_other_place_is_refused() {
        for asked in [
            "https://evil.test",
            "//evil.test",
            "/\\evil.test",
            "\\\\evil.test",
            "https:evil.test",
            "https:/evil.test",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://app.test@evil.test",
            "https://user@app.test/",
            "https://app.test.evil.test",
            "https://app.test:8443/",
            "http://app.test/",
            "https://other.test/done",
            "https://other.test/done?x=1#y",
            "%2f%2fevil.test",
            "evil.test",
            "/a\r\nSet-Cookie: x=y",
            "/\t/evil.test",
            "\t//evil.test",
            " //evil.test",
            "/..//evil.test",
            "/.//evil.test",
            "/a/..//evil.test",
            "/%2e%2e//evil.test",
            "///evil.test",
            "/é",
        ] {
            assert!(go(asked).is_err(), "{asked:?} leads to {:?}", go(asked));
        }
        assert!(go(&format!("/{}", "a".repeat(3_000))).is_err());
    }

    #[test]
    fn lists_name_whole_places_only() {
        let check = |return_to: &str, native: &str| {
            let settings = TenantSettings {
                return_to: vec![return_to.into()],
                native_redirects: vec![native.into()],
                ..TenantSettings::default()
            };
            check_lists(&settings)
        };
        for native in ["com.example.app:/done", "https://app.test/done", "http://127.0.0.1:9000/", "http://[::1]/x"] {
            assert!(check("https://app.test", native).is_ok(), "{native}");
        }
        for native in
            ["javascript:alert(1)", "data:x", "http://app.test/", "app:/done", "", "https://a.test/#x", "file:///x"]
        {
            assert!(check("https://app.test", native).is_err(), "{native}");
        }
        for place in ["/path", "app.test", "https://u@app.test", "javascript:x", "ftp://a.test", "https:app.test", ""] {
            assert!(check(place, "https://app.test/").is_err(), "{place}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_asked_leads_home_or_to_a_listed_host(asked in "[/\\\\.:@?#%a-z\\t ]{0,30}|https?:[/\\\\@.:a-z]{0,30}") {
            if let Ok(place) = go(&asked) {
                let url = Url::parse("https://sp.test/here").unwrap().join(&place).unwrap();
                let host = url.host_str().unwrap();
                prop_assert!(["sp.test", "app.test", "other.test"].contains(&host), "{asked:?} leads to {place:?}");
            }
        }
    }
}
