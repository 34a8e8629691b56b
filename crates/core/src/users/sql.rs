//! The users' statements.

use crate::store::statement::statements;

statements! {
    /// One user.
    tenant FIND = "SELECT tenant_id, id, email, first_name, last_name, title, status, roles, epoch, last_sign_in_at, created_at,
            two_factor_required_at, two_factor_since
        FROM users WHERE tenant_id = ?1 AND id = ?2";
    /// How many seats of a licence the tenant takes.
    tenant SEATS = "SELECT count(*) FROM users WHERE tenant_id = ?1 AND status IN ('active', 'invited')";
    /// The last of the next numbers; numbers are never given back.
    system NEXT_NUMBERS = "INSERT INTO counters (name, value) VALUES (?1, ?2)
        ON CONFLICT (name) DO UPDATE SET value = counters.value + CAST(?2 AS BIGINT) RETURNING value";
    /// Leaves out more numbers than can have been given since a backup.
    system SKIP_NUMBERS = "UPDATE counters SET value = value + 1000000";
    /// A new user.
    tenant ADD = "INSERT INTO users (tenant_id, id, email, email_key, first_name, last_name, title, search, status, roles, epoch,
            password_hash, password_changed_at, created_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1, ?11, ?12, ?13)";
    /// The user, if still what a decision was made on.
    tenant STILL = "UPDATE users SET roles = roles
        WHERE tenant_id = ?1 AND id = ?2 AND roles = ?3 AND email = ?4 AND first_name = ?5 AND last_name = ?6 AND title = ?7";
    /// Whoever acts, if they are still as they were when their right was looked at.
    tenant STILL_ACTING = "SELECT u.id FROM users u JOIN tenants t ON t.tenant_id = u.tenant_id
        WHERE u.tenant_id = ?1 AND u.id = ?2 AND u.roles = ?3 AND u.status = 'active' AND t.status = 'active'";
    /// E-mail, names, title.
    tenant UPDATE = "UPDATE users SET email = ?3, email_key = ?4, first_name = ?5, last_name = ?6, title = ?7, search = ?8
        WHERE tenant_id = ?1 AND id = ?2";
    /// Roles, if they are still what the decision was made on, and an Admin remains.
    tenant SET_ROLES = "UPDATE users SET roles = ?3
        WHERE tenant_id = ?1 AND id = ?2 AND roles = ?4
          AND (status <> 'active' OR roles & 1 = 0 OR CAST(?3 AS BIGINT) & 1 = 1 OR (SELECT count(*) FROM users u
               WHERE u.tenant_id = ?1 AND u.status = 'active' AND u.roles & 1 = 1) > 1)";
    /// Disabled, sessions over, if an Admin remains.
    tenant DISABLE = "UPDATE users SET status = 'disabled', epoch = epoch + 1
        WHERE tenant_id = ?1 AND id = ?2 AND roles = ?3 AND status <> 'disabled'
          AND (status <> 'active' OR roles & 1 = 0 OR (SELECT count(*) FROM users u
               WHERE u.tenant_id = ?1 AND u.status = 'active' AND u.roles & 1 = 1) > 1)";
    /// Enabled: back to what they were.
    tenant ENABLE = "UPDATE users SET status = CASE WHEN password_hash IS NULL THEN 'invited' ELSE 'active' END
        WHERE tenant_id = ?1 AND id = ?2 AND roles = ?3 AND status = 'disabled'";
    /// Gone, if an Admin remains.
    tenant DELETE = "DELETE FROM users
        WHERE tenant_id = ?1 AND id = ?2 AND roles = ?3
          AND (status <> 'active' OR roles & 1 = 0 OR (SELECT count(*) FROM users u
               WHERE u.tenant_id = ?1 AND u.status = 'active' AND u.roles & 1 = 1) > 1)";
    /// Every session of the user is over.
    tenant END_SESSIONS = "UPDATE users SET epoch = epoch + 1 WHERE tenant_id = ?1 AND id = ?2 AND roles = ?3";
    /// Every session of the user is over, whatever the roles: their own wish.
    tenant END_OWN_SESSIONS = "UPDATE users SET epoch = epoch + 1 WHERE tenant_id = ?1 AND id = ?2";
    /// What checking a password takes.
    tenant PASSWORD = "SELECT tenant_id, id, email, status, password_hash, epoch FROM users WHERE tenant_id = ?1 AND id = ?2";
    /// A new password ends every session but those given the new epoch.
    tenant SET_PASSWORD = "UPDATE users SET password_hash = ?3, password_changed_at = ?4, epoch = epoch + 1
        WHERE tenant_id = ?1 AND id = ?2 AND epoch = ?5 AND status = 'active'";
    /// The same password under better parameters.
    tenant REHASH = "UPDATE users SET password_hash = ?3 WHERE tenant_id = ?1 AND id = ?2 AND epoch = ?4";
    /// When they last signed in.
    tenant SIGNED_IN = "UPDATE users SET last_sign_in_at = ?3 WHERE tenant_id = ?1 AND id = ?2";
    /// The accounts with an e-mail, over all tenants; one more than we would try.
    system BY_EMAIL = "SELECT tenant_id, id, email, status, password_hash, epoch FROM users WHERE email_key = ?1
        ORDER BY tenant_id LIMIT 4";
    /// The account with an e-mail in one tenant.
    system BY_EMAIL_IN = "SELECT tenant_id, id, email, status, password_hash, epoch FROM users WHERE email_key = ?1 AND tenant_id = ?2";
}
