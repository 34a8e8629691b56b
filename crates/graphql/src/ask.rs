//! How a resolver asks the system for something: with the caller of this request, and the grant that the use case wants.

use std::sync::Arc;

use async_graphql::Context;
use purser_core::access::{Caller, Grant, Permission};
use purser_core::app::App;
use purser_core::error::Result;

/// The system, with the caller's proof of a right. Which right is inferred from the use case it is handed to.
///
/// # Errors
/// [`purser_core::error::Error::Forbidden`] if the caller does not hold it.
pub(crate) fn ask<'a, P: Permission>(ctx: &Context<'a>) -> Result<(&'a App, Grant<P>)> {
    Ok((app(ctx), caller(ctx).grant()?))
}

/// The system, for what a caller may do with their own.
pub(crate) fn app<'a>(ctx: &Context<'a>) -> &'a App {
    ctx.data_unchecked::<Arc<App>>()
}

/// Who asks.
pub(crate) fn caller<'a>(ctx: &Context<'a>) -> &'a Caller {
    ctx.data_unchecked::<Caller>()
}
