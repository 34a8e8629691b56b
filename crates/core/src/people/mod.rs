//! People coming and staying by mail: invitations, forgotten passwords, new addresses, and the one-time links that lead to them.

mod address;
mod forgotten;
mod invitations;
mod link;
mod room;
pub(crate) mod sql;

pub use address::EmailChange;
pub use forgotten::Forgotten;
pub use invitations::Invitation;
pub(crate) use link::{Linked, Purpose};
