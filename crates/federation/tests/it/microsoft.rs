//! [`Site`]: our side of a stand-in for Microsoft, on which Entra tokens and sign-in for Dynamics are tried.

mod dynamics;
mod examine;

use std::sync::OnceLock;

use jiff::Timestamp;
use purser_federation::fetch::{Bounds, Outbound};
use purser_federation::microsoft::{Cloud, Dataverse, Directory, Microsoft, Mode};
use purser_federation::oidc::{Callback, ClientAuth, Secrets, SignedIn};
use purser_federation::{Check, Outcome, Refusal, Result, Secret};
use purser_standin::microsoft::{
    self as standin, APP, DIRECTORY, Fault, ORGANIZATION, POWER_APP, REDIRECT_URI, SECRET,
};
use url::Url;

/// The time of every story.
pub(crate) const NOW: i64 = 1_795_288_620;

/// Our side of a stand-in for Microsoft, and a directory that is set up rightly.
pub(crate) struct Site {
    pub(crate) them: standin::Microsoft,
    pub(crate) us: Microsoft,
    pub(crate) directory: Directory,
}

impl Site {
    pub(crate) async fn new() -> Self {
        let them = standin::Microsoft::start().await;
        them.stop_clock_at(NOW);
        let bounds = Bounds { loopback: true, ..Bounds::default() };
        let cloud = Cloud { login_url: them.url().into(), graph_url: them.url().into(), ..Cloud::default() };
        let us = Microsoft::new(Outbound::new(bounds).unwrap(), cloud);
        let directory = Directory {
            key: "contoso".into(),
            tid: DIRECTORY.into(),
            app_id: APP.into(),
            auth: ClientAuth::Secret(Secret::new(SECRET)),
            dataverse: Some(Dataverse { url: them.url().into(), organization_id: ORGANIZATION.into() }),
            allowed_apps: vec![POWER_APP.into()],
            mode: Mode::Graph,
            guests: false,
            redirect_uri: REDIRECT_URI.into(),
        };
        Self { them, us, directory }
    }

    /// How many calls went out so far, of whatever kind.
    pub(crate) fn calls(&self) -> usize {
        self.them.requests().len()
    }

    /// Signs in for Dynamics as a browser would.
    async fn sign_in(&self) -> Result<SignedIn> {
        let code = self.code().await;
        self.answer(&code).await
    }

    /// A code, fetched by a browser.
    async fn code(&self) -> String {
        let url = self.us.begin(&self.directory, &secrets()).unwrap();
        let back = visit(&url).await;
        back.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned()
    }

    async fn answer(&self, code: &str) -> Result<SignedIn> {
        let callback = Callback { code: Some(code), ..Callback::default() };
        self.us.answer(&self.directory, &secrets(), &callback, now()).await
    }

    async fn examine(&self) -> Vec<(&'static str, Outcome)> {
        self.checks().await.iter().map(|check| (check.name, check.outcome)).collect()
    }

    async fn checks(&self) -> Vec<Check> {
        self.us.examine(&self.directory, now()).await
    }
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

/// Whether something was refused as not to be believed; the reason, for a closer look.
#[track_caller]
pub(crate) fn invalid<T: std::fmt::Debug>(name: &str, result: Result<T>) -> String {
    match result {
        Err(Refusal::Invalid(reason)) => reason,
        other => panic!("{name}: {other:?}"),
    }
}

#[track_caller]
pub(crate) fn misconfigured<T: std::fmt::Debug>(name: &str, result: Result<T>) -> String {
    match result {
        Err(Refusal::Misconfigured(reason)) => reason,
        other => panic!("{name}: {other:?}"),
    }
}

/// Whether it was refused for now; for how many seconds, if that was said.
#[track_caller]
pub(crate) fn unavailable<T: std::fmt::Debug>(name: &str, result: Result<T>) -> Option<u64> {
    match result {
        Err(Refusal::Unavailable { retry_after, .. }) => retry_after.map(|wait| wait.as_secs()),
        other => panic!("{name}: {other:?}"),
    }
}

fn secrets() -> Secrets {
    Secrets {
        state: "state-of-this-attempt".into(),
        nonce: "nonce-of-this-attempt".into(),
        verifier: Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
    }
}

/// A browser that follows nothing by itself. One for all stories, without connections that could outlive one of them.
fn browser() -> &'static reqwest::Client {
    static BROWSER: OnceLock<reqwest::Client> = OnceLock::new();
    BROWSER.get_or_init(|| {
        // The product names its provider to each client; this one takes the process's.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        client.pool_max_idle_per_host(0).build().unwrap()
    })
}

/// Where a browser is sent when it visits an address.
async fn visit(url: &Url) -> Url {
    let answer = browser().get(url.clone()).send().await.unwrap();
    assert_eq!(answer.status(), 302);
    Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap()
}

pub(crate) fn page(status: u16) -> Fault {
    Fault::Answer { status, content_type: "text/html", body: "<h1>Sorry</h1>".into() }
}
