//! The GraphQL face of the system: schema, objects, limits. No HTTP, no SQL.
//!
//! A request is *scanned* before it is parsed and *measured* before it is run, so that no document costs more than the limits allow,
//! not even to refuse it. What runs is one call into the core per root field, made with a grant that the caller either has or has not.

mod answer;
mod ask;
mod audit;
mod domains;
mod invitations;
mod jobs;
mod limits;
mod loaders;
mod moment;
mod operation;
mod outline;
mod paging;
mod providers;
mod scan;
mod sessions;
mod settings;
mod templates;
mod users;

use std::sync::Arc;

use async_graphql::parser::parse_query;
use async_graphql::{EmptySubscription, MergedObject, SDLExportOptions, Schema, Variables};
use futures::future::{BoxFuture, FutureExt as _};
use purser_core::access::Caller;
use purser_core::app::App;
use purser_core::error::{Error, Result};
use serde::Deserialize;

pub use crate::answer::Answer;
use crate::limits::Limits;
use crate::outline::Outline;

/// One GraphQL request, as its JSON body spells it. It does not print: documents and variables may hold passwords.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// The document.
    pub query: String,
    /// Values for the document's variables.
    #[serde(default)]
    pub variables: Option<serde_json::Map<String, serde_json::Value>>,
    /// Which of the document's operations to run, if it has several.
    #[serde(default)]
    pub operation_name: Option<String>,
}

/// Answers GraphQL requests of signed-in users.
pub struct Answerer {
    app: Arc<App>,
    schema: Schema<Query, Mutation, EmptySubscription>,
    outline: Outline,
    limits: Limits,
}

impl Answerer {
    /// Builds the schema over the system, with the limits of its settings.
    pub fn new(app: Arc<App>) -> Self {
        let limits = Limits::of(&app.settings().limits);
        let schema = Schema::build(Query::default(), Mutation::default(), EmptySubscription)
            .disable_suggestions()
            .data(Arc::clone(&app))
            .finish();
        Self { app, outline: Outline::read(&schema.sdl()), schema, limits }
    }

    /// Answers one request. Who asks is decided before and stays decided: nothing in the request can change it.
    ///
    /// # Errors
    /// [`Error::QueryTooComplex`] if the document is past the limits; then nothing of it has run. Every other refusal is part of the
    /// answer.
    pub fn answer(&self, caller: Caller, request: Request) -> BoxFuture<'_, Result<Answer>> {
        async move {
            match self.run(caller, request).await {
                Err(Error::QueryTooComplex) => Err(Error::QueryTooComplex),
                Err(refusal) => Ok(Answer::refused(&refusal)),
                Ok(answer) => Ok(answer),
            }
        }
        .boxed()
    }

    async fn run(&self, caller: Caller, request: Request) -> Result<Answer> {
        scan::admit(&request.query)?;
        let document = match parse_query(&request.query) {
            Ok(document) => document,
            Err(fault) => return Ok(Answer::unread(&fault)),
        };
        let values = request.variables.map_or_else(Variables::default, |values| Variables::from_json(values.into()));
        let chosen = operation::chosen(&document, request.operation_name.as_deref());
        let plan = self.limits.measure(&document, chosen, &values, &self.outline)?;
        if let Some(operation) = chosen {
            operation::demand_values(operation, &values)?;
        }
        let asker = caller.clone();
        let beside = loaders::loader(Arc::clone(&self.app), caller.clone());
        let mut asked = async_graphql::Request::new("").variables(values).data(beside).data(caller);
        asked.operation_name = request.operation_name;
        asked.set_parsed_query(document);
        let response = self.schema.execute(asked).await;
        for field in answer::denied(&response, &plan) {
            self.app.note_denial(&asker, &format!("GraphQL {field}"));
        }
        Ok(Answer::shape(response, &plan, &self.outline, asker.visit()))
    }
}

/// The schema in its own language (GraphQL section 3).
pub fn sdl() -> String {
    let form = SDLExportOptions::new().prefer_single_line_descriptions().use_space_ident().include_specified_by();
    Schema::new(Query::default(), Mutation::default(), EmptySubscription).sdl_with_options(form)
}

#[derive(Default, MergedObject)]
struct Query(
    users::UsersQuery,
    sessions::SessionsQuery,
    audit::AuditQuery,
    providers::ProvidersQuery,
    domains::DomainsQuery,
    templates::TemplatesQuery,
    jobs::JobsQuery,
    settings::SettingsQuery,
);

#[derive(Default, MergedObject)]
struct Mutation(
    users::UsersMutation,
    invitations::InvitationsMutation,
    sessions::SessionsMutation,
    providers::ProvidersMutation,
    domains::DomainsMutation,
    templates::TemplatesMutation,
    jobs::JobsMutation,
    settings::SettingsMutation,
);
