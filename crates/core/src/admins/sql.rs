//! The system administrators' statements.

use crate::store::statement::statements;

statements! {
    /// One administrator.
    system FIND = "SELECT id, username, status, epoch, created_at, last_sign_in_at FROM admins WHERE id = ?1";
    /// All administrators.
    system ALL_ADMINS = "SELECT id, username, status, epoch, created_at, last_sign_in_at FROM admins ORDER BY id LIMIT 1000";
    /// What checking a password takes.
    system BY_NAME = "SELECT id, status, password_hash, epoch FROM admins WHERE username = ?1";
    /// A new administrator.
    system ADD = "INSERT INTO admins (id, username, password_hash, status, epoch, created_at) VALUES (?1, ?2, ?3, 'active', 1, ?4)";
    /// Disabled, sessions over, if another remains.
    system DISABLE = "UPDATE admins SET status = 'disabled', epoch = epoch + 1
        WHERE id = ?1 AND status = 'active' AND (SELECT count(*) FROM admins a WHERE a.status = 'active') > 1";
    /// Enabled.
    system ENABLE = "UPDATE admins SET status = 'active' WHERE id = ?1 AND status = 'disabled'";
    /// Gone, if another remains.
    system DELETE = "DELETE FROM admins
        WHERE id = ?1 AND (status <> 'active' OR (SELECT count(*) FROM admins a WHERE a.status = 'active') > 1)";
    /// Touches the realm's own counter, so that changes which must count administrators queue up.
    system GUARD = "UPDATE counters SET value = value WHERE name = 'admin'";
    /// Whoever acts, if they still may.
    system STILL_ACTING = "SELECT id FROM admins WHERE id = ?1 AND status = 'active'";
    /// Every session of the administrator is over.
    system END_SESSIONS = "UPDATE admins SET epoch = epoch + 1 WHERE id = ?1";
    /// Every session of every administrator is over.
    system END_ALL_SESSIONS = "UPDATE admins SET epoch = epoch + 1";
    /// When they last signed in.
    system SIGNED_IN = "UPDATE admins SET last_sign_in_at = ?2 WHERE id = ?1";
    /// The same password under better parameters.
    system REHASH = "UPDATE admins SET password_hash = ?2 WHERE id = ?1 AND epoch = ?3";
}
