//! Signing in at Microsoft, over HTTP and in a browser: with Dynamics, and with a token of Power Apps. Microsoft itself cannot be run
//! here; a stand-in of our own speaks as it is documented to.

use purser_standin::microsoft::{
    APP, Access, App, Consent, DIRECTORY, Microsoft, ORGANIZATION, POWER_APP, SECRET, Version,
};
use tokio::runtime::Runtime;

use crate::chromium::Browser;
use crate::deployment::{Deployment, Node};
use crate::on_both;
use crate::visitor::Visitor;

const ME: &str = "/api/client/auth/me";

/// A click on the button.
pub(crate) const CLICK: &str = "/api/client/auth/ms-dynamics?provider=contoso&returnTo=/api/client/auth/me";

/// Whom the stand-in signs in.
const ADELE: &str = "adelev@contoso.com";

/// A running stand-in.
pub(crate) struct Entra {
    stand_in: Microsoft,
    /// In which it runs.
    _runtime: Runtime,
}

impl Entra {
    /// Starts one, for whom the deployment takes it.
    pub(crate) fn start_for(here: &mut Deployment) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let stand_in = runtime.block_on(Microsoft::start());
        for name in ["PURSER_MICROSOFT__LOGIN_URL", "PURSER_MICROSOFT__GRAPH_URL"] {
            here.set(name, stand_in.url());
        }
        Self { stand_in, _runtime: runtime }
    }

    /// Sets the directory up, as `contoso`, for a server at this origin.
    pub(crate) fn set_up(&self, here: &Deployment, base: &str) {
        let redirect_uris = vec![format!("{base}/api/client/auth/ms-dynamics/callback")];
        self.stand_in.register(App { redirect_uris, ..App::default() });
        let named = ["provider", "add", "microsoft", "--client", "acme", "contoso", "--client-secret-stdin"];
        let directory = ["--directory", DIRECTORY, "--app-id", APP, "--allowed-app", POWER_APP];
        let dynamics = ["--dataverse-url", self.stand_in.url(), "--organization-id", ORGANIZATION];
        let welcome = ["--create-users", "--default-role", "Viewer"];
        here.done(SECRET, &[&named[..], &directory, &dynamics, &welcome].concat());
    }

    /// A token as Power Apps has it.
    pub(crate) fn token(&self) -> String {
        self.stand_in.issue(&Access::graph(Version::V1))
    }
}

fn world(mut here: Deployment) -> (Deployment, Node, Entra) {
    let entra = Entra::start_for(&mut here);
    let node = here.start();
    entra.set_up(&here, &node.base);
    (here, node, entra)
}

on_both! {
    fn from_the_first_click_with_dynamics_to_who_one_is(here: Deployment) {
        let (_here, node, _entra) = world(here);
        let mut visitor = Visitor::new();
        let me = visitor.open(&node.at(CLICK));
        assert_eq!((me.status, me.url.as_str()), (200, &*node.at(ME)), "{me:?}");
        assert_eq!(me.json()["data"]["user"]["email"].as_str().unwrap().to_lowercase(), ADELE);
    }

    fn a_token_of_power_apps_tells_who_one_is(here: Deployment) {
        let (_here, node, entra) = world(here);
        let me = Visitor::new().ask_as(&entra.token(), &node.at(ME));
        assert_eq!(me.status, 200, "{me:?}");
        assert_eq!(me.json()["data"]["user"]["email"].as_str().unwrap().to_lowercase(), ADELE);
    }
}

#[test]
fn somebody_signs_in_with_dynamics_in_a_browser() {
    let (_here, node, entra) = world(Deployment::on_sqlite());
    entra.stand_in.consent(Consent::Form);
    let mut browser = Browser::start();
    browser.open(&node.at(CLICK));
    browser.fill("login", ADELE);
    browser.click("Sign in");
    let seen = browser.arrive(&node.at(ME));
    assert!(seen.text.to_lowercase().contains(ADELE), "{seen:?}");
}
