//! Sessions: the caller's own.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use purser_core::access::Caller;
use purser_core::error::{Error, Result};
use purser_core::ids::SessionId;
use purser_core::session::{Extent, SessionView};

use crate::ask::{app, caller};
use crate::moment::DateTime;
use crate::users::Me;

/// A sign-in that lives.
#[derive(SimpleObject)]
pub(crate) struct Session {
    /// Its id.
    id: ID,
    /// How it was opened: `password`, `oidc`, …
    method: String,
    /// The address it was last refreshed from.
    address: String,
    /// What the program there said it is.
    agent: String,
    /// Since when.
    created_at: DateTime,
    /// When it was last used, to half a minute.
    last_seen_at: DateTime,
    /// Whether this request uses it.
    current: bool,
}

impl Session {
    fn of(view: SessionView, caller: &Caller) -> Self {
        Self {
            current: view.is_current(caller),
            id: view.id.into(),
            method: view.method,
            address: view.address,
            agent: view.agent,
            created_at: DateTime(view.created_at),
            last_seen_at: DateTime(view.last_seen_at),
        }
    }
}

#[derive(Default)]
pub(crate) struct SessionsQuery;

#[Object]
impl SessionsQuery {
    /// Your own sessions, newest first.
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Vec<Session>> {
        let caller = caller(ctx);
        let sessions = app(ctx).own_sessions(caller).await?;
        Ok(sessions.into_iter().map(|view| Session::of(view, caller)).collect())
    }
}

#[derive(Default)]
pub(crate) struct SessionsMutation;

#[Object]
impl SessionsMutation {
    /// Ends one of your own sessions, and gives it as it was.
    async fn end_session(&self, ctx: &Context<'_>, input: EndSessionInput) -> Result<Option<Session>> {
        let caller = caller(ctx);
        let id: SessionId = input.id.parse()?;
        let sessions = app(ctx).own_sessions(caller).await?;
        let session = sessions.into_iter().find(|session| session.id == id).ok_or(Error::NotFound)?;
        app(ctx).end_own_session(caller, id).await?;
        Ok(Some(Session::of(session, caller)))
    }

    /// Ends all your sessions, this one included.
    async fn sign_out_everywhere(&self, ctx: &Context<'_>) -> Result<Option<Me>> {
        app(ctx).sign_out(caller(ctx), Extent::All).await?;
        Ok(Some(Me))
    }
}

/// A session.
#[derive(InputObject)]
pub(crate) struct EndSessionInput {
    /// Which of your sessions.
    id: ID,
}
