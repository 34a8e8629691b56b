//! [`Site`], what every handler can reach: the system, its GraphQL face, and how this server is seen from outside.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;
use metrics_exporter_prometheus::PrometheusHandle;
use purser_core::app::App;
use purser_core::secret::Secret;
use purser_graphql::Answerer;

use crate::http_settings::HttpSettings;
use crate::pulse::Pulse;

/// The state of the router: one pointer, for every request takes a copy.
#[derive(Clone)]
pub struct Site(Arc<Parts>);

impl Site {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for Site {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What a site is made of.
pub struct Parts {
    /// The system.
    pub app: Arc<App>,
    /// Its GraphQL face.
    pub graphql: Answerer,
    /// How this server is reached.
    pub http: Arc<HttpSettings>,
    /// What is shown besides the API.
    pub extras: Extras,
}

impl FromRef<Site> for Arc<HttpSettings> {
    fn from_ref(site: &Site) -> Self {
        Arc::clone(&site.http)
    }
}

/// What is shown besides the API.
#[derive(Default)]
pub struct Extras {
    /// GraphiQL, for a demo.
    pub graphiql: bool,
    /// The metrics, and the token that opens them on this listener.
    pub metrics: Option<(PrometheusHandle, Option<Secret>)>,
    /// How the server has fared of late.
    pub pulse: Arc<Pulse>,
}
