//! A running server, from its settings to its last answer.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use purser_core::app::App;
use purser_core::config::Settings;
use purser_core::env::SystemEntropy;
use purser_graphql::Answerer;
use tokio::sync::watch;

use crate::http_settings::{HttpSettings, Reach, TlsFiles};
use crate::layers::{Routes, Shell};
use crate::listener::Listener;
use crate::pulse::Pulse;
use crate::site::{Extras, Parts, Site};
use crate::{background, mail, operations, router};

/// Whether a page to try GraphQL on is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Playground {
    /// For a demo.
    Shown,
    /// Otherwise.
    Hidden,
}

/// Serves until it is told to stop by a signal; then finishes what is in flight. `ready` hears the address once requests are taken.
///
/// # Errors
/// What keeps it from starting.
pub async fn run(app: Arc<App>, playground: Playground, ready: impl FnOnce(SocketAddr)) -> anyhow::Result<()> {
    let settings = app.settings().clone();
    let figures = meters().install_recorder().context("the metrics cannot be set up")?;
    let http = Arc::new(http_settings(&settings)?);
    let post = mail::open(&settings)?;
    let shell = Shell::new(&http, &SystemEntropy::default());
    let listener = Listener::bind(settings.server.listen, Arc::clone(&http), Arc::clone(&shell))
        .await
        .with_context(|| format!("cannot listen on {}", settings.server.listen))?;
    let address = listener.address()?;
    let pulse = Arc::new(Pulse::default());
    let extras = Extras {
        pulse: Arc::clone(&pulse),
        graphiql: playground == Playground::Shown,
        metrics: Some((figures.clone(), settings.metrics.token.clone())),
    };
    let site = Site::new(Parts {
        graphql: Answerer::new(Arc::clone(&app)),
        app: Arc::clone(&app),
        http: Arc::clone(&http),
        extras,
    });
    let housekeeping = tokio::spawn(background::keep_house(Arc::clone(&app)));
    let clearing = tokio::spawn(background::clear_away(Arc::clone(&app)));
    let upkeep = tokio::spawn(background::keep_figures(figures.clone()));
    let beating = tokio::spawn(background::keep_pulse(Arc::clone(&app), pulse));
    let relays = background::relays(&app);
    let metrics = metrics_listener(&settings, &app, figures, &http).await?;
    let (done, stopping) = watch::channel(());
    let letters = post.map(|post| tokio::spawn(background::carry_mail(Arc::clone(&app), post, stopping)));
    let stop = stop_signal()?;
    tracing::info!(%address, "listening");
    ready(address);
    listener.serve(router::routes(site), stop).await;
    drop(done);
    if let Some(letters) = letters {
        // Whoever is cut off in the middle of a letter never knows whether it went.
        let _late = tokio::time::timeout(settings.server.shutdown_grace.0, letters).await;
    }
    for task in
        [Some(housekeeping), Some(clearing), Some(upkeep), Some(beating), metrics].into_iter().flatten().chain(relays)
    {
        task.abort();
    }
    app.keep_house().await.context("the last housekeeping failed")?;
    Ok(())
}

/// Where times are counted: in fixed steps. Those of several nodes can be added up, and counting costs next to nothing.
fn meters() -> PrometheusBuilder {
    let steps = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    PrometheusBuilder::new().set_buckets(&steps).expect("there are steps")
}

/// Figures on a listener of their own, if the settings name one.
async fn metrics_listener(
    settings: &Settings,
    app: &Arc<App>,
    figures: PrometheusHandle,
    http: &HttpSettings,
) -> anyhow::Result<Option<tokio::task::JoinHandle<()>>> {
    let Some(address) = settings.metrics.listen else {
        return Ok(None);
    };
    // Plain HTTP, whatever the main listener speaks.
    let http = Arc::new(HttpSettings { tls: None, public_url: None, ..http.clone() });
    let shell = Shell::new(&http, &SystemEntropy::default());
    let listener = Listener::bind(address, http, shell)
        .await
        .with_context(|| format!("cannot listen on {address} for metrics"))?;
    let app = Arc::clone(app);
    let page = move || {
        background::measure(&app);
        std::future::ready(operations::figures_page(figures.render()))
    };
    let router = Router::new().route("/metrics", get(page));
    let routes = Routes { router, patterns: vec!["/metrics"], pulse: Arc::default() };
    Ok(Some(tokio::spawn(listener.serve(routes, std::future::pending()))))
}

/// What the HTTP side needs of the settings.
///
/// # Errors
/// Settings that contradict themselves.
pub fn http_settings(settings: &Settings) -> anyhow::Result<HttpSettings> {
    let server = &settings.server;
    let parsed = |proxy: &String| {
        let net = crate::settings::trusted_proxy(proxy);
        net.map_err(|reason| anyhow::anyhow!("server.trusted_proxies: {reason}"))
    };
    Ok(HttpSettings {
        public_url: server.public_url.as_deref().map(str::parse).transpose().context("server.public_url")?,
        trusted_proxies: server.trusted_proxies.iter().map(parsed).collect::<anyhow::Result<_>>()?,
        reach: if server.listen.ip().is_loopback() { Reach::Loopback } else { Reach::Network },
        tls: tls(server.tls_certificate.clone(), server.tls_key.clone())?,
        max_connections: settings.limits.connections,
        head_patience: settings.limits.header_timeout.0,
        body_patience: settings.limits.body_timeout.0,
        grace: server.shutdown_grace.0,
        ..HttpSettings::default()
    })
}

fn tls(certificate: Option<PathBuf>, key: Option<PathBuf>) -> anyhow::Result<Option<TlsFiles>> {
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
        _ => anyhow::bail!("server.tls_certificate and server.tls_key go together: set both or neither"),
    }
}

/// SIGINT or SIGTERM. From the call on they are ours, not only once it is waited for.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping");
    })
}
