//! The statements that list people: by id, by role, and by the beginnings of words.

use crate::access::Role;
use crate::store::statement::{TenantSql, statements};

// Conditions are written as the indexes of migration 11 have them.

/// Arguments: after, up to, a `LIKE` pattern or nothing, how many.
macro_rules! people {
    ($role:literal) => {
        concat!(
            "SELECT tenant_id, id, email, first_name, last_name, title, status, roles, epoch, last_sign_in_at, created_at,
                two_factor_required_at, two_factor_since
            FROM users WHERE tenant_id = ?1 AND id > ?2 AND id <= ?3", $role, "
              AND (?4 = '' OR search LIKE ?4 ESCAPE '\\') ORDER BY id LIMIT ?5"
        )
    };
}

/// Arguments: after, how many less one.
macro_rules! stretch {
    ($role:literal) => {
        concat!("SELECT id FROM users WHERE tenant_id = ?1 AND id > ?2", $role, " ORDER BY id LIMIT 1 OFFSET ?3")
    };
}

statements! {
    /// Anybody.
    tenant ALL_PEOPLE = people!("");
    /// Admins.
    tenant ADMINS = people!(" AND roles & 1 = 1");
    /// User Admins.
    tenant USER_ADMINS = people!(" AND roles & 2 = 2");
    /// Authors.
    tenant AUTHORS = people!(" AND roles & 4 = 4");
    /// Operators.
    tenant OPERATORS = people!(" AND roles & 8 = 8");
    /// Approvers.
    tenant APPROVERS = people!(" AND roles & 16 = 16");
    /// Publishers.
    tenant PUBLISHERS = people!(" AND roles & 32 = 32");
    /// Viewers.
    tenant VIEWERS = people!(" AND roles & 64 = 64");
    /// Where a stretch of all people ends; nothing if they end before.
    tenant END_OF_ALL_PEOPLE = stretch!("");
    /// The same of Admins.
    tenant END_OF_ADMINS = stretch!(" AND roles & 1 = 1");
    /// The same of User Admins.
    tenant END_OF_USER_ADMINS = stretch!(" AND roles & 2 = 2");
    /// The same of Authors.
    tenant END_OF_AUTHORS = stretch!(" AND roles & 4 = 4");
    /// The same of Operators.
    tenant END_OF_OPERATORS = stretch!(" AND roles & 8 = 8");
    /// The same of Approvers.
    tenant END_OF_APPROVERS = stretch!(" AND roles & 16 = 16");
    /// The same of Publishers.
    tenant END_OF_PUBLISHERS = stretch!(" AND roles & 32 = 32");
    /// The same of Viewers.
    tenant END_OF_VIEWERS = stretch!(" AND roles & 64 = 64");
    /// The first active ones of two roles, those that perform jobs: Admins and Operators.
    tenant PERFORMERS = "SELECT u.tenant_id, u.id, u.email, u.first_name, u.last_name, u.title, u.status, u.roles, u.epoch,
            u.last_sign_in_at, u.created_at, u.two_factor_required_at, u.two_factor_since
        FROM (SELECT id FROM (SELECT id FROM users WHERE tenant_id = ?1 AND roles & 1 = 1 AND status = 'active' ORDER BY id LIMIT ?2) a
            UNION SELECT id FROM (SELECT id FROM users WHERE tenant_id = ?1 AND roles & 8 = 8 AND status = 'active'
                ORDER BY id LIMIT ?2) o) l
        CROSS JOIN users u WHERE u.tenant_id = ?1 AND u.id = l.id";
    /// Whether more words than so many begin like this.
    tenant MORE_WORDS = "SELECT user_id FROM user_words WHERE tenant_id = ?1 AND word >= ?2 AND word < ?3
        ORDER BY word, user_id LIMIT 1 OFFSET ?4";
    /// Those with a word that begins like this, and those whose words are still to be made and who are like the pattern; with a role
    /// of some, or 0 for any. What has an OFFSET is looked up for each alone, as far as it takes: as a join PostgreSQL might read
    /// everybody for it.
    tenant WITH_WORD = "SELECT u.tenant_id, u.id, u.email, u.first_name, u.last_name, u.title, u.status, u.roles, u.epoch,
            u.last_sign_in_at, u.created_at, u.two_factor_required_at, u.two_factor_since
        FROM (SELECT s.user_id FROM (SELECT m.user_id FROM (
                    SELECT user_id FROM user_words WHERE tenant_id = ?1 AND word >= ?3 AND word < ?4 AND user_id > ?2
                    UNION SELECT id FROM users WHERE tenant_id = ?1 AND id > ?2 AND CASE WHEN worded = search THEN 0 ELSE 1 END = 1
                        AND search LIKE ?5 ESCAPE '\\') m
                ORDER BY m.user_id LIMIT 1000000000) s
            WHERE CAST(?6 AS BIGINT) = 0 OR EXISTS (SELECT 1 FROM users o
                WHERE o.tenant_id = ?1 AND o.id = s.user_id AND o.roles & CAST(?6 AS BIGINT) <> 0 LIMIT 1 OFFSET 0)
            ORDER BY s.user_id LIMIT ?7) l
        CROSS JOIN users u WHERE u.tenant_id = ?1 AND u.id = l.user_id";
    /// Some whose words are to be made.
    system UNWORDED = "SELECT tenant_id, id, search FROM users
        WHERE CASE WHEN worded = search THEN 0 ELSE 1 END = 1 ORDER BY tenant_id, id LIMIT ?1";
    /// The words are made of this text, if it still is what is searched.
    system WORDED = "UPDATE users SET worded = ?3 WHERE tenant_id = ?1 AND id = ?2 AND search = ?3 AND worded <> ?3";
    /// The words of before.
    system FORGET_WORDS = "DELETE FROM user_words WHERE tenant_id = ?1 AND user_id = ?2";
    /// A word.
    system ADD_WORD = "INSERT INTO user_words (tenant_id, word, user_id) VALUES (?1, ?2, ?3)";
}

/// Those with a role, or all; and where a stretch of them ends.
pub(super) fn people(role: Option<Role>) -> (TenantSql, TenantSql) {
    match role {
        None => (ALL_PEOPLE, END_OF_ALL_PEOPLE),
        Some(Role::Admin) => (ADMINS, END_OF_ADMINS),
        Some(Role::UserAdmin) => (USER_ADMINS, END_OF_USER_ADMINS),
        Some(Role::Author) => (AUTHORS, END_OF_AUTHORS),
        Some(Role::Operator) => (OPERATORS, END_OF_OPERATORS),
        Some(Role::Approver) => (APPROVERS, END_OF_APPROVERS),
        Some(Role::Publisher) => (PUBLISHERS, END_OF_PUBLISHERS),
        Some(Role::Viewer) => (VIEWERS, END_OF_VIEWERS),
    }
}
