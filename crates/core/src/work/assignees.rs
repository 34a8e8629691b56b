//! Whom a job can be given to.

use crate::access::{Grant, Right, Role, Roles, right};
use crate::app::App;
use crate::error::Result;
use crate::store::args;
use crate::users::{User, UserStatus, pattern, sql};

/// So many are offered at once. Who is not among them is looked for.
pub const OFFERED: usize = 100;

impl App {
    /// People who can be given a job, by id: active, with a role that performs. `search` is a part of e-mail or name. One more than
    /// [`OFFERED`] says that there are others.
    pub async fn assignees(&self, by: &Grant<right::JobsManage>, search: &str) -> Result<Vec<User>> {
        let perform = Role::ALL.into_iter().filter(|role| Roles::from_iter([*role]).hold(Right::JobsPerform));
        let roles: Roles = perform.collect();
        let mut found: Vec<User> = Vec::new();
        let mut after = 0;
        // Who is disabled is passed over here; a few pages are enough to fill the list in any likely case.
        for _ in 0..5 {
            let page: Vec<User> =
                self.store.all(by, sql::PAGE, args![after, pattern(search), roles.bits(), 500_i64]).await?;
            let whole = page.len() == 500;
            after = page.last().map_or(after, |user| user.id.0);
            found.extend(page.into_iter().filter(|user| user.status == UserStatus::Active));
            if !whole || found.len() > OFFERED {
                break;
            }
        }
        found.truncate(OFFERED + 1);
        Ok(found)
    }
}
