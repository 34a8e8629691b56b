//! What handlers take from a request: who sent it ([`Visitor`]), with which credential ([`Credential`]), for which
//! client ([`NamedClient`]), from which site ([`same_origin`]), under which address of ours ([`At`]), and what it says ([`Body`],
//! [`Form`], [`Upload`]).

mod base;
mod body;
mod caller;
mod client;
mod credential;
mod json;
mod origin;
mod query;
mod upload;
mod visitor;

pub use base::{At, base};
pub use body::{Body, DEFAULT_LIMIT, Form, read_body, takes};
pub use caller::{AdminWho, SystemWith, Who, With, granted};
pub use client::NamedClient;
pub use credential::{Credential, cookie_names, lone_cookie};
pub use json::{object, read as read_json};
pub use origin::{allowed_origin_if_sent, own_origin, same_origin};
pub use query::Query;
pub use upload::Upload;
pub use visitor::Visitor;
