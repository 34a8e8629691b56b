//! What the server does by itself: keeping house, and looking at its own figures.

use std::sync::Arc;

use purser_core::app::{App, HOUSEKEEPING};
use purser_core::env::{Entropy as _, SystemEntropy};

use crate::relay::{self, Place};

/// Keeps house until the task is dropped.
pub async fn keep_house(app: Arc<App>) {
    let mut turn = tokio::time::interval(HOUSEKEEPING);
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        turn.tick().await;
        if let Err(fault) = app.keep_house().await {
            tracing::warn!(cause = &fault as &dyn std::error::Error, "housekeeping failed; trying again soon");
        }
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

/// Lets the histograms forget what they need not keep.
pub async fn keep_figures(figures: metrics_exporter_prometheus::PrometheusHandle) {
    let mut turn = tokio::time::interval(std::time::Duration::from_secs(5));
    loop {
        turn.tick().await;
        figures.run_upkeep();
    }
}
