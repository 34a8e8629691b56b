//! Signing in through a real OpenID provider, over HTTP: from the first click to `auth/me`.

use serde_json::json;

use crate::deployment::{Deployment, Node, until};
use crate::on_both;
use crate::providers::{ANN, BEN, CLEO, OpenId};
use crate::visitor::{Page, Visitor};

/// Where a person wants to be in the end: the answer to who they are.
const ME: &str = "/api/client/auth/me";

/// A click on the button of the provider.
pub(crate) const CLICK: &str = "/api/client/auth/oidc?provider=acme-openid&returnTo=/api/client/auth/me";

/// A server whose client has the provider, set up so.
pub(crate) fn set_up(here: &Deployment, settings: &[&str]) -> (Node, OpenId) {
    let node = here.start();
    let mut provider = OpenId::start();
    provider.answer_to(&node.at("/api/client/auth/oidc/callback"));
    provider.let_go_to(&node.at("/"));
    here.with_openid(&provider, settings);
    (node, provider)
}

/// Goes to the provider, signs in there, and stands before the way back.
pub(crate) fn until_the_way_back(visitor: &mut Visitor, node: &Node, provider: &OpenId, name: &str) -> String {
    let click = visitor.ask(&node.at(CLICK));
    let login = visitor.follow(click, |_| true);
    assert_eq!(login.status, 200, "{login:?}");
    let sent = visitor.sign_in_at(&login, name, provider.password());
    sent.leads_to().unwrap_or_else(|| panic!("{sent:?}")).into()
}

/// All the way, as far as it leads.
fn sign_in(visitor: &mut Visitor, node: &Node, provider: &OpenId, name: &str) -> Page {
    let back = until_the_way_back(visitor, node, provider, name);
    visitor.open(&back)
}

on_both! {
    fn from_the_first_click_to_who_one_is(here: Deployment) {
        here.with_user("ann@acme.test", "Author");
        here.with_verified_domain("acme.test");
        let (node, provider) = set_up(&here, &[]);
        let mut visitor = Visitor::new();

        let click = visitor.ask(&node.at(CLICK));
        let to = click.leads_to().unwrap_or_else(|| panic!("{click:?}"));
        assert_eq!((click.status, click.header("cache-control")), (303, Some("no-store")));
        assert!(to.as_str().starts_with(provider.issuer()), "{to}");
        let query = |name: &str| to.query_pairs().find(|(it, _)| it == name).map(|(_, value)| value.into_owned());
        assert_eq!(query("response_type").as_deref(), Some("code"));
        assert_eq!(query("code_challenge_method").as_deref(), Some("S256"));
        assert_eq!(query("redirect_uri"), Some(node.at("/api/client/auth/oidc/callback")));
        for name in ["state", "nonce", "code_challenge"] {
            assert!(query(name).is_some_and(|value| value.len() >= 22), "{name}: {to}");
        }

        let login = visitor.follow(click, |_| true);
        let back = visitor.sign_in_at(&login, ANN, provider.password()).leads_to().unwrap();
        let arrived = visitor.ask(back.as_str());
        assert_eq!((arrived.status, arrived.leads_to().map(String::from)), (303, Some(node.at(ME))), "{arrived:?}");
        let cookie = arrived.all("set-cookie").into_iter().find(|line| line.starts_with("session=")).unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");

        let me = visitor.open(&node.at(ME));
        assert_eq!(me.status, 200, "{me:?}");
        assert_eq!(me.json()["data"]["user"]["email"], "ann@acme.test");
        assert_eq!(me.json()["data"]["user"]["roles"], json!(["AUTHOR"]));
    }

    fn the_way_back_is_gone_once_and_in_no_other_browser(here: Deployment) {
        let (node, provider) = set_up(&here, &["--create-users", "--default-role", "Viewer"]);
        let mut owner = Visitor::new();
        let back = until_the_way_back(&mut owner, &node, &provider, ANN);
        for mut thief in [Visitor::new(), owner.forger()] {
            let stolen = thief.ask(&back);
            assert_eq!((stolen.status, stolen.code()), (400, "OIDC_STATE_INVALID".into()));
            assert_eq!(thief.cookie("127.0.0.1", "session"), None);
        }
        assert_eq!(owner.ask(&back).status, 303, "another browser's try spoils nothing");
        let again = owner.ask(&back);
        assert_eq!((again.status, again.code()), (400, "OIDC_STATE_INVALID".into()));
    }

    fn whom_nobody_knows_is_let_in_only_where_accounts_are_made(here: Deployment) {
        let (node, provider) = set_up(&here, &[]);
        let refused = sign_in(&mut Visitor::new(), &node, &provider, CLEO);
        assert_eq!((refused.status, refused.code()), (403, "ACCOUNT_UNKNOWN".into()));
        here.change_provider("oidc", "acme-openid", &["--create-users", "--default-role", "Viewer"]);
        let me = until("the change is noticed", || {
            Some(sign_in(&mut Visitor::new(), &node, &provider, CLEO)).filter(|page| page.status != 403)
        });
        assert_eq!((me.status, me.json()["data"]["user"]["roles"].clone()), (200, json!(["VIEWER"])), "{me:?}");
    }

    fn an_address_that_the_provider_has_not_verified_opens_nobodys_account(here: Deployment) {
        here.with_user("ben@acme.test", "Admin");
        here.with_verified_domain("acme.test");
        let (node, provider) = set_up(&here, &["--create-users", "--default-role", "Viewer"]);
        let mut visitor = Visitor::new();
        let refused = sign_in(&mut visitor, &node, &provider, BEN);
        assert_eq!((refused.status, refused.code()), (409, "ACCOUNT_EXISTS".into()));
        assert_eq!(visitor.cookie("127.0.0.1", "session"), None);
    }

    fn a_provider_may_go_over_to_keys_it_has_published_before(here: Deployment) {
        let (node, mut provider) = set_up(&here, &["--create-users", "--default-role", "Viewer"]);
        assert_eq!(sign_in(&mut Visitor::new(), &node, &provider, ANN).status, 200);
        provider.rotate();
        assert_eq!(sign_in(&mut Visitor::new(), &node, &provider, ANN).status, 200);
    }

    fn who_presses_cancel_is_not_signed_in(here: Deployment) {
        let (node, provider) = set_up(&here, &["--create-users", "--default-role", "Viewer"]);
        let mut visitor = Visitor::new();
        let login = visitor.open(&node.at(CLICK));
        let sent = visitor.send_form(&login.form().with("answer", "cancel"));
        let back = visitor.follow(sent, |next| next.origin() == login.url.origin()).leads_to().unwrap();
        assert!(back.query_pairs().any(|(name, value)| name == "error" && value == "access_denied"), "{back}");
        let refused = visitor.ask(back.as_str());
        assert!((400..500).contains(&refused.status), "{refused:?}");
        assert_eq!(visitor.cookie("127.0.0.1", "session"), None);
        drop(provider);
    }

    fn nobody_is_sent_to_another_site_in_the_end(here: Deployment) {
        let (node, _provider) = set_up(&here, &["--create-users", "--default-role", "Viewer"]);
        for to in ["https://evil.test", "//evil.test", "/\\evil.test", "javascript:alert(1)", "/%0d%0aX: y"] {
            let query = [("provider", "acme-openid"), ("returnTo", to)];
            let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
            let click = Visitor::new().ask(&node.at(&format!("/api/client/auth/oidc?{query}")));
            assert_eq!((click.status, click.leads_to()), (400, None), "{to}: {click:?}");
        }
    }
}
