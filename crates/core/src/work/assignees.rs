//! Whom a job can be given to.

use crate::access::{Grant, Right, Role, Roles, right};
use crate::app::App;
use crate::error::Result;
use crate::store::args;
use crate::users::found::{Wanted, sql};
use crate::users::{User, UserStatus};

/// So many are offered at once. Who is not among them is looked for.
pub const OFFERED: usize = 100;

impl App {
    /// People who can be given a job, by id: active, with a role that performs. `search` is how a word of e-mail or name begins. One
    /// more than [`OFFERED`] says that there are others.
    pub async fn assignees(&self, by: &Grant<right::JobsManage>, search: &str) -> Result<Vec<User>> {
        let mut found: Vec<User> = Vec::new();
        if search.trim().is_empty() {
            let most = i64::try_from(OFFERED + 1).unwrap_or(i64::MAX);
            found = self.store.all(by, sql::PERFORMERS, args![most]).await?;
        } else {
            for role in performing() {
                found.extend(self.active_people(by, search, role).await?);
            }
        }
        found.sort_by_key(|user| user.id);
        found.dedup_by_key(|user| user.id);
        found.truncate(OFFERED + 1);
        Ok(found)
    }

    async fn active_people(&self, by: &Grant<right::JobsManage>, search: &str, role: Role) -> Result<Vec<User>> {
        let mut found: Vec<User> = Vec::new();
        let mut after = 0;
        // Who is disabled is passed over here; a few pages are enough to fill the list in any likely case.
        for first in [150_u32, 500, 500, 500, 500] {
            let page = self.people_found(by, &Wanted { after, first, search, role: Some(role) }).await?;
            let is_all = page.len() < usize::try_from(first).unwrap_or(usize::MAX);
            after = page.last().map_or(after, |user| user.id.0);
            found.extend(page.into_iter().filter(|user| user.status == UserStatus::Active));
            if is_all || found.len() > OFFERED {
                break;
            }
        }
        Ok(found)
    }
}

/// The roles that perform jobs.
fn performing() -> impl Iterator<Item = Role> {
    Role::ALL.into_iter().filter(|role| Roles::from_iter([*role]).hold(Right::JobsPerform))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_reads_just_the_roles_that_perform() {
        assert_eq!(performing().collect::<Vec<_>>(), [Role::Admin, Role::Operator]);
    }
}
