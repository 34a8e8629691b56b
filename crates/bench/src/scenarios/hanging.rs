//! Whether passwords open as quickly as ever while every identity provider hangs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Bench, Plan, Results, round};
use crate::load::{Shape, Until};
use crate::process::Server;
use crate::purser::TENANT;
use crate::report::{Figure, Rate};
use crate::sample::{Sample, median};
use crate::talks::SignIn;
use crate::{clock, http};

/// People at doors that lead to a provider: more than a provider may be asked at once.
const WAITING: usize = 64;
/// Sign-ins by password come at their own pace, well below what can be hashed: 4 connections, 10 a second each.
const SIGNING_IN: usize = 4;
const PACE: Duration = Duration::from_millis(100);
/// Ninety-nine of a hundred mean something only where there are hundreds.
const ROUND: Duration = Duration::from_secs(6);

const DIRECTORY: &str = "11111111-2222-3333-4444-555555555555";
const APP: &str = "66666666-7777-8888-9999-aaaaaaaaaaaa";

/// How often it is measured.
pub(super) fn rounds(plan: &Plan) -> usize {
    plan.rounds.min(3)
}

/// Sign-ins by password, in turn with nobody else there and with every provider hanging that others want to sign in through.
pub(super) fn measure(bench: &Bench<'_>, results: &mut Results) -> Result<()> {
    bench.progress.set_message("sign-in while providers hang");
    let silence = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", silence.local_addr()?);
    set_up(bench, &url)?;
    let server = bench.purser.start_with(None, &[("PURSER_MICROSOFT__GRAPH_URL", &url)])?;
    let (mut idle, mut hanging) = (Vec::new(), Vec::new());
    for _ in 0..rounds(&bench.plan) {
        idle.push(sign_in(bench, &server)?);
        bench.progress.inc(1);
        hanging.push(while_hanging(bench, &server, &silence)?);
        bench.progress.inc(1);
    }
    server.stop();
    let ratios: Vec<f64> = hanging.iter().zip(&idle).map(|(hanging, idle)| hanging.p99_ms / idle.p99_ms).collect();
    results.figures.push(Figure::new("signin_p99_while_providers_hang", median(&ratios), "×", ratios));
    results.rates.push(Rate::new("sign-in, paced", &idle));
    results.rates.push(Rate::new("sign-in while providers hang, paced", &hanging));
    Ok(())
}

/// A provider of each kind that calls are made to.
fn set_up(bench: &Bench<'_>, url: &str) -> Result<()> {
    let add = ["provider", "add"];
    let oidc = ["oidc", "--client", TENANT, "hangs", "--issuer", url, "--client-id", "bench", "--public-client"];
    let microsoft = ["microsoft", "--client", TENANT, "entra", "--directory", DIRECTORY, "--app-id", APP];
    bench.purser.run(&[&add[..], &oidc].concat(), "")?;
    bench.purser.run(&[&add[..], &microsoft, &["--public-client", "--allowed-app", APP]].concat(), "")
}

fn sign_in(bench: &Bench<'_>, server: &Server) -> Result<Sample> {
    let shape = Shape { every: Some(PACE), until: Until::Passed(ROUND), ..bench.plan.shape(server) };
    Ok(round(server, SignIn::talks(server.at, SIGNING_IN, &bench.purser.emails()), shape)?.0)
}

fn while_hanging(bench: &Bench<'_>, server: &Server, silence: &TcpListener) -> Result<Sample> {
    let over = AtomicBool::new(false);
    let tokens = AtomicU64::new(0);
    silence.set_nonblocking(true)?;
    std::thread::scope(|scope| {
        scope.spawn(|| hang(silence, &over));
        for place in 0..WAITING {
            let (over, tokens) = (&over, &tokens);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    wait_at(server.at, &knock(server.at, place, tokens), over);
                    clock::pause(Duration::from_millis(20));
                }
            });
        }
        let signed_in = sign_in(bench, server);
        over.store(true, Ordering::Relaxed);
        signed_in
    })
}

/// Takes every connection, and never says anything.
fn hang(silence: &TcpListener, over: &AtomicBool) {
    let mut held = Vec::new();
    while !over.load(Ordering::Relaxed) {
        match silence.accept() {
            Ok((connection, _)) => held.push(connection),
            Err(_) => clock::pause(Duration::from_millis(5)),
        }
    }
}

/// A sign-in that needs discovery, or a token that Graph is to be asked about.
fn knock(at: SocketAddr, place: usize, tokens: &AtomicU64) -> Vec<u8> {
    if place.is_multiple_of(2) {
        return http::get(at, &format!("/api/client/auth/oidc?client={TENANT}&provider=hangs"), None);
    }
    let token = entra_token(tokens.fetch_add(1, Ordering::Relaxed));
    http::get(at, "/api/client/auth/me", Some(&token))
}

/// A token for Graph, whose signature nobody but Microsoft can check. Each is another.
fn entra_token(number: u64) -> String {
    let now = clock::since_1970();
    let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let header = json!({ "typ": "JWT", "alg": "RS256", "kid": "k", "x5t": "k" });
    let claims = json!({
        "iss": format!("https://sts.windows.net/{DIRECTORY}/"), "tid": DIRECTORY, "ver": "1.0", "appid": APP, "appidacr": "1",
        "aud": "00000003-0000-0000-c000-000000000000", "oid": DIRECTORY, "sub": "s", "scp": "User.Read", "uti": number.to_string(),
        "iat": now, "nbf": now, "exp": now + 3600,
    });
    format!("{}.{}.{}", part(header), part(claims), URL_SAFE_NO_PAD.encode([7; 256]))
}

/// Asks, and waits for any answer as long as the round lasts.
fn wait_at(at: SocketAddr, request: &[u8], over: &AtomicBool) {
    let Ok(mut stream) = TcpStream::connect(at) else { return };
    let patience = stream.set_read_timeout(Some(Duration::from_millis(100)));
    if patience.and_then(|()| stream.write_all(request)).is_err() {
        return;
    }
    let mut chunk = [0; 1024];
    while !over.load(Ordering::Relaxed) {
        match stream.read(&mut chunk) {
            Err(fault) if matches!(fault.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            _ => return,
        }
    }
}
