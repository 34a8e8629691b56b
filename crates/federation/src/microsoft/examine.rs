//! Looking a directory's settings over, in words for the person who set it up.

use jiff::Timestamp;
use url::Url;

use super::credentials::Trouble;
use super::entra::Version;
use super::published::{Document, description};
use super::{Directory, Microsoft, Mode, Service, address, dynamics, is_guid};
use crate::fetch::{Call, Fetched};
use crate::jwt::SKEW;
use crate::oidc::ClientAuth;
use crate::{Check, Refusal, Secret};

/// All checks, in the order in which one depends on another.
pub(super) async fn examine(microsoft: &Microsoft, directory: &Directory, now: Timestamp) -> Vec<Check> {
    let mut checks = vec![settings(directory)];
    if directory.is_one().is_err() {
        checks.extend(["discovery", "clock", "keys", "credentials", "graph", "dataverse"].map(Check::skipped));
        return checks;
    }
    let (discovery, answer) = discovery(microsoft, directory).await;
    checks.push(discovery);
    checks.push(answer.as_ref().map_or_else(|| Check::skipped("clock"), |answer| clock(answer, now)));
    checks.push(keys(microsoft, directory, answer.is_some(), now).await);
    checks.push(credentials(microsoft, directory, answer.is_some(), now).await);
    // Dataverse knows who people are by itself.
    if directory.mode == Mode::Graph && !directory.allowed_apps.is_empty() {
        checks.push(graph(microsoft, directory).await);
    }
    if directory.dataverse.is_some() {
        checks.push(dataverse(microsoft, directory).await);
    }
    checks
}

/// What can be seen without asking anybody.
fn settings(directory: &Directory) -> Check {
    let failed = |found: &str, advice: &str| Check::failed("settings", found, advice);
    if !is_guid(&directory.tid) {
        return failed(
            "the directory's id is no GUID in small letters",
            "enter the Directory (tenant) ID of the app registration's overview; common and organizations stand for any directory",
        );
    }
    if !is_guid(&directory.app_id) {
        return failed(
            "the application's id is no GUID in small letters",
            "enter the Application (client) ID of the app registration's overview",
        );
    }
    if directory.dataverse.as_ref().is_some_and(|it| !is_guid(&it.organization_id.to_ascii_lowercase())) {
        return failed(
            "the Dataverse organisation's id is no GUID",
            "enter the Organization ID from the Power Platform admin center (the environment's details)",
        );
    }
    if directory.allowed_apps.is_empty() && directory.dataverse.is_none() {
        return Check::warned(
            "settings",
            "nobody can sign in: no application's tokens are accepted, and no Dataverse organisation is set up",
            "name the applications whose tokens are accepted, by their client ids",
        );
    }
    Check::passed("settings", "the ids are well-formed")
}

async fn discovery(microsoft: &Microsoft, directory: &Directory) -> (Check, Option<Fetched>) {
    let failed = |found: String, advice: &str| (Check::failed("discovery", found, advice), None);
    let fetched = async {
        let url = description(&microsoft.cloud, directory, Version::V2)?;
        let line = microsoft.line(directory, Service::Login, &microsoft.cloud.login_url)?;
        line.call(&url, Call::default()).await
    };
    let answer = match fetched.await {
        Ok(answer) => answer,
        Err(refusal) => {
            return failed(refusal.to_string(), "let this server reach the login address of the deployment");
        }
    };
    if answer.status != 200 {
        let advice = Trouble::read(&answer).and_then(|trouble| trouble.advice());
        let (found, advice) = advice.unwrap_or(("the directory does not describe itself", "try again later"));
        return failed(format!("{found} (status {})", answer.status), advice);
    }
    match Document::read(&answer.body) {
        Ok(document) if document.issuer == Version::V2.issuer(&microsoft.cloud, &directory.tid) => {
            (Check::passed("discovery", "the directory describes itself"), Some(answer))
        }
        Ok(_) => failed(
            "the directory's description names another issuer".to_owned(),
            "the login address of the deployment must be the one Entra calls itself by in this cloud",
        ),
        Err(refusal) => failed(refusal.to_string(), "check the login address of the deployment"),
    }
}

fn clock(answer: &Fetched, now: Timestamp) -> Check {
    let Some(theirs) = answer.date else {
        return Check::warned("clock", "the directory does not say what time it is", "");
    };
    let apart = now.as_second() - theirs;
    if apart.abs() <= SKEW {
        return Check::passed("clock", "this machine's clock agrees with the directory's");
    }
    let direction = if apart > 0 { "ahead" } else { "behind" };
    let found = format!("this machine's clock is {} s {direction}", apart.abs());
    Check::failed("clock", found, "set it by a time server; tokens are judged by it")
}

async fn keys(microsoft: &Microsoft, directory: &Directory, reachable: bool, now: Timestamp) -> Check {
    if !reachable {
        return Check::skipped("keys");
    }
    let counted = async {
        let line = microsoft.line(directory, Service::Login, &microsoft.cloud.login_url)?;
        let jwks = microsoft.published.jwks(&microsoft.cloud, directory, &line, Version::V2, now).await?;
        microsoft.published.count(&line, &jwks, now).await
    };
    match counted.await {
        Ok(0) => Check::failed("keys", "the directory publishes no usable keys", "try again later"),
        Ok(count) => Check::passed("keys", format!("the directory publishes {count} usable keys")),
        Err(refusal) => Check::failed("keys", refusal.to_string(), "let this server reach the login address"),
    }
}

/// Asks for a token in the application's own name, which any known application gets, and throws it away: the one request whose refusal
/// is certain to be about the credentials.
async fn credentials(microsoft: &Microsoft, directory: &Directory, reachable: bool, now: Timestamp) -> Check {
    if !reachable {
        return Check::skipped("credentials");
    }
    if matches!(directory.auth, ClientAuth::None) {
        return if directory.dataverse.is_none() {
            Check::passed("credentials", "none are needed for checking access tokens")
        } else {
            Check::warned("credentials", "there is no secret or certificate", "enter one of the app registration's")
        };
    }
    let scope = format!("{}/.default", microsoft.cloud.graph_url);
    let fields = [("grant_type", "client_credentials"), ("scope", scope.as_str())];
    let asked = async {
        let line = microsoft.line(directory, Service::Login, &microsoft.cloud.login_url)?;
        dynamics::ask(microsoft, directory, &line, &fields, &now.as_nanosecond().to_string(), now).await
    };
    match asked.await {
        Ok(_) => Check::passed("credentials", "the directory knows the application and its secret or certificate"),
        Err(Refusal::Misconfigured(reason)) => {
            let (found, advice) = reason.split_once(": ").unwrap_or((&reason, "check the app registration"));
            Check::failed("credentials", found, advice)
        }
        Err(refusal @ Refusal::Unavailable { .. }) => {
            Check::failed("credentials", refusal.to_string(), "try again later")
        }
        Err(refusal) => Check::failed("credentials", refusal.to_string(), "look the AADSTS number up at Microsoft"),
    }
}

/// Whether Graph answers: without a token it must say 401.
async fn graph(microsoft: &Microsoft, directory: &Directory) -> Check {
    let url = address(&microsoft.cloud.graph_url, "/v1.0/me");
    let headers = &[("accept", "application/json")];
    reached("graph", microsoft, directory, (Service::Graph, &microsoft.cloud.graph_url, url, headers)).await
}

/// Whether the Dataverse organisation answers: without a token it must say 401.
async fn dataverse(microsoft: &Microsoft, directory: &Directory) -> Check {
    let base = directory.dataverse.as_ref().map_or("", |it| it.url.as_str());
    let url = address(base, "/api/data/v9.2/WhoAmI");
    reached("dataverse", microsoft, directory, (Service::Dataverse, base, url, dynamics::ODATA)).await
}

type Way<'w> = (Service, &'w str, crate::Result<Url>, &'w [(&'static str, &'static str)]);

async fn reached(name: &'static str, microsoft: &Microsoft, directory: &Directory, way: Way<'_>) -> Check {
    let (service, base, url, headers) = way;
    let nobody: Option<&Secret> = None;
    let asked = async {
        let line = microsoft.line(directory, service, base)?;
        line.call(&url?, Call { bearer: nobody, headers, ..Call::default() }).await
    };
    match asked.await {
        Ok(answer) if answer.status == 401 => Check::passed(name, "answers, and asks who is there"),
        Ok(answer) => {
            let found = format!("answered with status {} instead of asking who is there", answer.status);
            Check::failed(name, found, "check its address; if it is right, try again later")
        }
        Err(refusal) => Check::failed(name, refusal.to_string(), "check its address, and let this server reach it"),
    }
}
