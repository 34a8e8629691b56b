//! What the server does by itself: keeping house, and looking at its own figures.

use std::sync::Arc;

use purser_core::app::{App, HOUSEKEEPING};
use purser_core::env::{Entropy as _, SystemEntropy};
use purser_core::mail::Post;
use purser_core::tenants::CLEARED_AT_ONCE;
use tokio::sync::watch;

use crate::pulse::{BEAT, Pulse};
use crate::relay::{self, Place};

/// How often it is looked whether letters are due.
const MAIL: std::time::Duration = std::time::Duration::from_secs(2);
/// How often it is looked whether a deleted tenant is still to be cleared away.
const LEAVING: std::time::Duration = std::time::Duration::from_secs(5);

/// Keeps house until the task is dropped.
pub async fn keep_house(app: Arc<App>) {
    let mut turn = tokio::time::interval(HOUSEKEEPING);
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        turn.tick().await;
        if let Err(fault) = app.keep_house().await {
            tracing::warn!(cause = &fault as &dyn std::error::Error, "housekeeping failed; trying again soon");
        }
        measure_mail(&app).await;
    }
}

/// Clears away what deleted tenants held, until the task is dropped; whatever is under way then is another node's or the next start's.
pub async fn clear_away(app: Arc<App>) {
    let mut turn = tokio::time::interval(LEAVING);
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        turn.tick().await;
        loop {
            match app.clear_leaving(CLEARED_AT_ONCE, 1_000).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(fault) => {
                    tracing::warn!(
                        cause = &fault as &dyn std::error::Error,
                        "a client cannot be cleared away; trying again soon"
                    );
                    break;
                }
            }
        }
    }
}

/// Carries letters away until it is told to stop; those in hand are finished first.
pub async fn carry_mail(app: Arc<App>, post: Arc<dyn Post>, mut stop: watch::Receiver<()>) {
    let mut turn = tokio::time::interval(MAIL);
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = turn.tick() => {}
            _ = stop.changed() => return,
        }
        // Not again at once if the store fails: there is nothing to be gained.
        while !stop.has_changed().unwrap_or(true) && posted(&app, &*post).await {}
    }
}

/// Whether there was anything to carry, so that there may be more.
async fn posted(app: &App, post: &dyn Post) -> bool {
    match app.post_letters(post).await {
        Ok(count) => count > 0,
        Err(fault) => {
            tracing::warn!(cause = &fault as &dyn std::error::Error, "letters cannot be sent; trying again soon");
            false
        }
    }
}

/// Brings the gauges of the mail up to date. They are the whole deployment's, whichever node shows them.
async fn measure_mail(app: &App) {
    let Ok(figures) = app.mail_figures().await else { return };
    for (name, count) in [
        ("purser_letters_waiting", figures.waiting),
        ("purser_letters_uncertain", figures.uncertain),
        ("purser_letters_given_up", figures.given_up),
    ] {
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and no queue is that long")]
        metrics::gauge!(name).set(count as f64);
    }
}

/// Sends the audit log on to each place that the settings name.
pub fn relays(app: &Arc<App>) -> Vec<tokio::task::JoinHandle<()>> {
    let mut name = [0; 8];
    SystemEntropy::default().fill(&mut name);
    let node = format!("{:016x}", u64::from_be_bytes(name));
    let places = Place::of(&app.settings().audit).into_iter();
    places.map(|place| tokio::spawn(relay::carry_on(Arc::clone(app), place, node.clone()))).collect()
}

/// Brings the gauges up to date.
pub fn measure(app: &App) {
    let figures = app.figures();
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and no queue is that long")]
    metrics::gauge!("purser_hashes_waiting").set(figures.hashes_waiting as f64);
    metrics::counter!("purser_hashes_total").absolute(figures.hashes_done);
    metrics::counter!("purser_hashes_refused_total").absolute(figures.hashes_refused);
    metrics::gauge!("purser_hears_other_nodes").set(if figures.hears_other_nodes { 1.0 } else { 0.0 });
}

/// Writes down now and then how the server fares.
pub async fn keep_pulse(app: Arc<App>, pulse: Arc<Pulse>) {
    let mut turn = tokio::time::interval(BEAT);
    // The first turn comes at once, and there is nothing to write down yet.
    turn.tick().await;
    loop {
        turn.tick().await;
        pulse.beat(&app.figures());
    }
}

/// Lets the histograms forget what they need not keep.
pub async fn keep_figures(figures: metrics_exporter_prometheus::PrometheusHandle) {
    let mut turn = tokio::time::interval(std::time::Duration::from_secs(5));
    loop {
        turn.tick().await;
        figures.run_upkeep();
    }
}
