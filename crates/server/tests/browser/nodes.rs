//! Two processes of the server on one PostgreSQL: a sign-in begins at one and ends at the other, once.

use std::sync::Barrier;
use std::thread;

use crate::deployment::{Deployment, Node, free_address};
use crate::microsoft::{self, Entra};
use crate::openid;
use crate::providers::{ANN, OpenId, Saml};
use crate::saml;
use crate::visitor::{Page, Visitor};

/// How often the same thing is presented at once.
const TIMES: usize = 20;

/// Two nodes that are reached under one address.
struct Pair {
    here: Deployment,
    public: String,
    nodes: [Node; 2],
}

impl Pair {
    fn start() -> Self {
        Self::of(Deployment::on_postgres())
    }

    fn of(mut here: Deployment) -> Self {
        let address = free_address();
        let public = format!("http://{address}");
        here.set("PURSER_SERVER__PUBLIC_URL", &public);
        let nodes = [here.start_at(&address), here.start()];
        Self { here, public, nodes }
    }

    /// From now on the balancer sends this visitor there.
    fn send(&self, visitor: &mut Visitor, turn: usize) {
        visitor.detour(&self.public, &self.nodes[turn % 2].base);
    }

    /// What comes of it if many with the same cookies do the same at once, at both nodes.
    fn at_once(&self, visitor: &Visitor, act: impl Fn(&mut Visitor) -> Page + Sync) -> Vec<Page> {
        let together = Barrier::new(TIMES);
        thread::scope(|scope| {
            let one = |turn: usize| {
                let (mut twin, act, together) = (visitor.twin(), &act, &together);
                self.send(&mut twin, turn);
                scope.spawn(move || {
                    together.wait();
                    act(&mut twin)
                })
            };
            let all: Vec<_> = (0..TIMES).map(one).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        })
    }
}

/// One of them was let in; all others were told the same.
#[track_caller]
fn assert_once(answers: &[Page], refusal: (u16, &str)) {
    let (good, bad): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 303);
    assert_eq!(good.len(), 1, "{answers:?}");
    for answer in bad {
        assert_eq!((answer.status, &*answer.code()), refusal);
    }
}

#[test]
fn an_openid_sign_in_that_begins_at_one_node_ends_at_the_other_once() {
    let pair = Pair::start();
    let mut provider = OpenId::start();
    provider.answer_to(&format!("{}/api/client/auth/oidc/callback", pair.public));
    pair.here.with_openid(&provider, &["--create-users", "--default-role", "Viewer"]);
    let mut visitor = Visitor::new();
    pair.send(&mut visitor, 0);
    let login = visitor.open(&format!("{}{}", pair.public, openid::CLICK));
    let back = visitor.sign_in_at(&login, ANN, provider.password()).leads_to().unwrap();
    let answers = pair.at_once(&visitor, |twin| twin.ask(back.as_str()));
    assert_once(&answers, (400, "OIDC_STATE_INVALID"));
}

#[test]
fn a_sign_in_with_dynamics_that_begins_at_one_node_ends_at_the_other_once() {
    let mut here = Deployment::on_postgres();
    let entra = Entra::start_for(&mut here);
    let pair = Pair::of(here);
    entra.set_up(&pair.here, &pair.public);
    let mut visitor = Visitor::new();
    pair.send(&mut visitor, 0);
    let click = visitor.ask(&format!("{}{}", pair.public, microsoft::CLICK));
    let consent = visitor.ask(click.leads_to().unwrap().as_str());
    let back = consent.leads_to().unwrap();
    let answers = pair.at_once(&visitor, |twin| twin.ask(back.as_str()));
    assert_once(&answers, (400, "OIDC_STATE_INVALID"));
}

#[test]
fn a_token_of_power_apps_is_good_at_both_nodes() {
    let mut here = Deployment::on_postgres();
    let entra = Entra::start_for(&mut here);
    let pair = Pair::of(here);
    entra.set_up(&pair.here, &pair.public);
    let token = entra.token();
    let ids = pair.nodes.each_ref().map(|node| {
        let me = Visitor::new().ask_as(&token, &node.at("/api/client/auth/me"));
        assert_eq!(me.status, 200, "{me:?}");
        me.json()["data"]["user"]["id"].clone()
    });
    assert_eq!(ids[0], ids[1], "one person has one account");
}

#[test]
fn a_saml_response_to_a_request_of_one_node_is_taken_by_the_other_once() {
    let pair = Pair::start();
    let mut provider = Saml::start();
    pair.here.with_saml(&provider, &["--create-users", "--default-role", "Viewer"]);
    provider.trust(&format!("{}/api/client/auth/okta-saml/metadata?provider=acme-saml", pair.public));
    let mut visitor = Visitor::new();
    pair.send(&mut visitor, 0);
    let login = visitor.open(&format!("{}{}", pair.public, saml::CLICK));
    let form = visitor.sign_in_at(&login, ANN, provider.password()).form();
    assert_eq!(visitor.send_form(&form).status, 303, "there is an account from now on");
    // Known to the provider, they come back at once.
    let form = visitor.open(&format!("{}{}", pair.public, saml::CLICK)).form();
    let answers = pair.at_once(&visitor, |twin| twin.send_form(&form));
    assert_once(&answers, (401, "SAML_INVALID"));
}
