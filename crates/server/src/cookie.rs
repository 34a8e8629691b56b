//! The cookies, written: those that carry a session, and the short-lived ones that tie a sign-in to the browser it began in.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use purser_core::secret::Secret;
use purser_core::signin::{Door, Flow};

use crate::extract::cookie_names;
use crate::http_settings::{HttpSettings, Reach};

/// The cookie of a client's session.
pub const CLIENT: &str = "session";

/// The cookie of a system administrator's session.
pub const ADMIN: &str = "admin_session";

/// The cookie with what a page is to say once: a word that the console knows, and no more.
pub const SAID: &str = "said";

/// What the names of flow cookies begin with: one for each sign-in under way, so that two tabs do not meet.
const FLOW: &str = "flow_";

/// What the names of the cookies begin with that wait on a sub-domain for their sign-in to come back.
const HOP: &str = "hop_";

/// How many sign-ins may be under way in one browser. Those begun before are given up: every cookie travels with every request.
const UNDER_WAY: usize = 10;

/// The `Set-Cookie` that gives a browser its session: out of scripts' reach, not sent along from other sites, for this host
/// only (no `Domain`), and by https only wherever there is https (ASVS 3.3).
pub fn given(name: &str, value: &Secret, lifetime: Duration, settings: &HttpSettings) -> HeaderValue {
    written(name, value.reveal(), lifetime.as_secs(), "/", attributes(Sites::Ours, settings))
}

/// The `Set-Cookie` that takes it away again.
pub fn taken_away(name: &str, settings: &HttpSettings) -> HeaderValue {
    written(name, "", 0, "/", attributes(Sites::Ours, settings))
}

/// The `Set-Cookie` with what the next page is to say. Nobody looks at it for longer than a redirect takes.
pub fn said(word: &str, settings: &HttpSettings) -> HeaderValue {
    written(SAID, word, 60, "/", attributes(Sites::Ours, settings))
}

/// The `Set-Cookie` that takes it away once it was said.
pub fn said_already(settings: &HttpSettings) -> HeaderValue {
    taken_away(SAID, settings)
}

/// The `Set-Cookie` that ties a sign-in to this browser. One whose answer is posted by the provider's page must be sent along from
/// another site. Browsers grant that by https only, and on this machine, which they trust as much; elsewhere it is as any other.
pub fn flow(flow: &Flow, door: Door, settings: &HttpSettings) -> HeaderValue {
    let trusted = settings.is_https() || settings.reach == Reach::Loopback;
    let sites = if flow.cross_site && trusted { Sites::All } else { Sites::Ours };
    let lifetime = flow.lifetime.as_secs();
    written(&flow.cookie, flow.value.reveal(), lifetime, path(door), attributes(sites, settings))
}

/// The `Set-Cookie` for a sign-in that was sent from a sub-domain to the main address and is to come back.
pub fn hop(state: &str, verifier: &Secret, lifetime: Duration, settings: &HttpSettings) -> HeaderValue {
    let name = format!("{HOP}{state}");
    written(&name, verifier.reveal(), lifetime.as_secs(), path(Door::Own), attributes(Sites::Ours, settings))
}

/// The cookie of a sign-in that waits for its second factor.
pub const TWO_FACTOR: &str = "two_factor";

/// The `Set-Cookie` that keeps a challenge for the page that asks for the second factor, as long as it can be answered.
pub fn challenge(challenge: &Secret, settings: &HttpSettings) -> HeaderValue {
    let lifetime = purser_core::signin::CHALLENGE_LIFETIME.as_secs();
    written(TWO_FACTOR, challenge.reveal(), lifetime, "/", attributes(Sites::Ours, settings))
}

/// The name of a cookie of a hop; nothing for a state that none of ours can be.
pub fn hop_name(state: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let ours = (1..=64).contains(&state.len()) && state.bytes().all(plain);
    ours.then(|| format!("{HOP}{state}"))
}

/// The `Set-Cookie` that takes the cookie of a sign-in away.
pub fn done_with(name: &str, door: Door, settings: &HttpSettings) -> HeaderValue {
    written(name, "", 0, path(door), attributes(Sites::Ours, settings))
}

/// The `Set-Cookie`s that make room for one more sign-in: the oldest come first in a request, and go first.
pub fn room_for_one(headers: &HeaderMap, door: Door, settings: &HttpSettings) -> Vec<HeaderValue> {
    let names: Vec<&str> = [FLOW, HOP].into_iter().flat_map(|prefix| cookie_names(headers, prefix)).collect();
    let surplus = (names.len() + 1).saturating_sub(UNDER_WAY);
    let ours = names
        .into_iter()
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')));
    ours.take(surplus).map(|name| done_with(name, door, settings)).collect()
}

/// Where a cookie of a sign-in under way is sent along: only to the doors at which the sign-in arrives.
fn path(door: Door) -> &'static str {
    match door {
        Door::Own => "/api/client/auth",
        Door::Rest => "/rest",
    }
}

/// From whose pages a cookie is sent along.
#[derive(Clone, Copy)]
enum Sites {
    /// From our own, and when a link or redirect leads here.
    Ours,
    /// From any.
    All,
}

fn attributes(sites: Sites, settings: &HttpSettings) -> &'static str {
    match sites {
        Sites::All => "HttpOnly; SameSite=None; Secure",
        Sites::Ours if settings.is_https() => "HttpOnly; SameSite=Lax; Secure",
        Sites::Ours => "HttpOnly; SameSite=Lax",
    }
}

fn written(name: &str, value: &str, max_age: u64, path: &str, attributes: &str) -> HeaderValue {
    let line = format!("{name}={value}; Max-Age={max_age}; Path={path}; {attributes}");
    let mut line = HeaderValue::try_from(line).expect("names and values of our cookies are visible ASCII");
    line.set_sensitive(true);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public() -> HttpSettings {
        HttpSettings { public_url: Some("https://sp.test".parse().unwrap()), ..HttpSettings::default() }
    }

    fn text(line: &HeaderValue) -> &str {
        line.to_str().unwrap()
    }

    fn under_way(cross_site: bool) -> Flow {
        Flow {
            cookie: "flow_0123456789abcdef".into(),
            value: Secret::new("v-1"),
            lifetime: Duration::from_mins(10),
            cross_site,
        }
    }

    #[test]
    fn a_session_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let week = Duration::from_hours(7 * 24);
        insta::assert_snapshot!(text(&given(CLIENT, &Secret::new("v1.abc"), week, &public())), @"session=v1.abc; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax; Secure");
        insta::assert_snapshot!(text(&taken_away(ADMIN, &HttpSettings::default())), @"admin_session=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn a_flow_cookie_goes_along_from_another_site_only_if_the_provider_posts() {
        let plain = HttpSettings::default();
        insta::assert_snapshot!(text(&flow(&under_way(false), Door::Own, &public())), @"flow_0123456789abcdef=v-1; Max-Age=600; Path=/api/client/auth; HttpOnly; SameSite=Lax; Secure");
        insta::assert_snapshot!(text(&flow(&under_way(true), Door::Own, &public())), @"flow_0123456789abcdef=v-1; Max-Age=600; Path=/api/client/auth; HttpOnly; SameSite=None; Secure");
        let here = HttpSettings { reach: Reach::Loopback, ..HttpSettings::default() };
        insta::assert_snapshot!(text(&flow(&under_way(true), Door::Own, &here)), @"flow_0123456789abcdef=v-1; Max-Age=600; Path=/api/client/auth; HttpOnly; SameSite=None; Secure");
        insta::assert_snapshot!(text(&flow(&under_way(true), Door::Rest, &plain)), @"flow_0123456789abcdef=v-1; Max-Age=600; Path=/rest; HttpOnly; SameSite=Lax");
        insta::assert_snapshot!(text(&done_with("flow_0123456789abcdef", Door::Own, &public())), @"flow_0123456789abcdef=; Max-Age=0; Path=/api/client/auth; HttpOnly; SameSite=Lax; Secure");
    }

    #[test]
    fn the_oldest_sign_ins_make_room() {
        let mut headers = HeaderMap::new();
        let many: Vec<String> = (0..12).map(|at| format!("flow_{at}=x")).collect();
        headers.insert("cookie", HeaderValue::try_from(many.join("; ")).unwrap());
        let gone = room_for_one(&headers, Door::Own, &HttpSettings::default());
        let names: Vec<&str> = gone.iter().map(|line| text(line).split('=').next().unwrap()).collect();
        assert_eq!(names, ["flow_0", "flow_1", "flow_2"]);
        headers.insert("cookie", HeaderValue::try_from(many[..9].join("; ")).unwrap());
        assert!(room_for_one(&headers, Door::Own, &HttpSettings::default()).is_empty());
    }

    #[test]
    fn a_name_that_no_server_would_give_is_not_written_back() {
        let mut headers = HeaderMap::new();
        let many: Vec<String> = (0..12).map(|at| format!("flow_{at}\"{{=x")).collect();
        headers.insert("cookie", HeaderValue::try_from(many.join("; ")).unwrap());
        assert!(room_for_one(&headers, Door::Own, &HttpSettings::default()).is_empty());
    }
}
