//! The statements about invitations, forgotten passwords and new addresses, and about the links that lead to them.

use crate::store::statement::statements;

statements! {
    /// A link for a user as they are now, in place of an older one of its kind.
    tenant ADD_LINK = "INSERT INTO links (tenant_id, id, kind, user_id, mailbox, epoch, address, expires_at, created_at)
        SELECT ?1, ?2, ?3, u.id, u.email_key, u.epoch, ?5, CAST(?6 AS BIGINT), CAST(?7 AS BIGINT)
        FROM users u WHERE u.tenant_id = ?1 AND u.id = ?4
        ON CONFLICT (tenant_id, user_id, kind) DO UPDATE SET id = excluded.id, mailbox = excluded.mailbox, epoch = excluded.epoch,
            address = excluded.address, expires_at = excluded.expires_at, created_at = excluded.created_at";
    /// A link that still leads somewhere, and to whom. Whoever shows one names no tenant.
    system LINK = "SELECT k.tenant_id, k.user_id, k.address, k.epoch, k.expires_at, u.email, u.first_name, u.last_name, u.status
        FROM links k JOIN users u ON u.tenant_id = k.tenant_id AND u.id = k.user_id AND u.email_key = k.mailbox AND u.epoch = k.epoch
        WHERE k.id = ?1 AND k.kind = ?2 AND k.expires_at > ?3";
    /// A link is used, once.
    tenant SPEND_LINK = "DELETE FROM links WHERE tenant_id = ?1 AND id = ?2 AND expires_at > ?3";
    /// A link of a kind leads nowhere any more.
    tenant END_LINK = "DELETE FROM links WHERE tenant_id = ?1 AND user_id = ?2 AND kind = ?3";
    /// Links whose time is over.
    system SWEEP_LINKS = "DELETE FROM links WHERE id IN (SELECT id FROM links WHERE expires_at <= ?1 ORDER BY expires_at LIMIT 500)";
    /// One more under a key, if the window has room for it.
    system TAKE_ROOM = "INSERT INTO guesses (id, failed, pending, streak, window_since, pending_since, next_at)
        VALUES (?1, 1, 0, 0, ?2, 0, 0)
        ON CONFLICT (id) DO UPDATE SET
            failed = CASE WHEN guesses.window_since <= ?3 THEN 1 ELSE guesses.failed + 1 END,
            window_since = CASE WHEN guesses.window_since <= ?3 THEN ?2 ELSE guesses.window_since END
        WHERE guesses.window_since <= ?3 OR guesses.failed < CAST(?4 AS BIGINT)";
    /// Somebody forgot a password, they say.
    system ADD_FORGOTTEN = "INSERT INTO forgotten (id, email, client, address, request, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    /// Whoever said so first.
    system FORGOTTEN = "SELECT id, email, client, address, request FROM forgotten ORDER BY id LIMIT ?1";
    /// It is dealt with, by one node.
    system END_FORGOTTEN = "DELETE FROM forgotten WHERE id = ?1";
    /// Whoever was invited is here: a password, names, and nothing of before.
    tenant ACTIVATE = "UPDATE users SET status = 'active', password_hash = ?5, password_changed_at = ?6, epoch = epoch + 1,
            first_name = ?7, last_name = ?8, search = ?9
        WHERE tenant_id = ?1 AND id = ?2 AND epoch = ?3 AND email = ?4 AND status = 'invited'";
    /// A new password for whoever had one, in the mailbox that was asked. Every session ends.
    tenant RESET_PASSWORD = "UPDATE users SET password_hash = ?5, password_changed_at = ?6, epoch = epoch + 1
        WHERE tenant_id = ?1 AND id = ?2 AND epoch = ?3 AND email = ?4 AND status = 'active' AND password_hash IS NOT NULL";
    /// The user is still whom a link was made for.
    tenant STILL_LINKED = "UPDATE users SET epoch = epoch
        WHERE tenant_id = ?1 AND id = ?2 AND epoch = ?3 AND email = ?4 AND status = 'active'";
    /// Who has an address.
    tenant HOLDER = "SELECT id FROM users WHERE tenant_id = ?1 AND email_key = ?2";
    /// Another address. What is searched begins with the address in lower case.
    tenant SET_EMAIL = "UPDATE users SET email = ?3, email_key = ?4, search = ?4 || substr(search, length(email) + 1)
        WHERE tenant_id = ?1 AND id = ?2";
    /// Whoever was invited and never came is gone.
    tenant DELETE_INVITED = "DELETE FROM users WHERE tenant_id = ?1 AND id = ?2 AND roles = ?3 AND status = 'invited' AND last_sign_in_at IS NULL";
    /// Whoever has been here before is only not invited any more.
    tenant STILL_INVITED = "UPDATE users SET roles = roles WHERE tenant_id = ?1 AND id = ?2 AND roles = ?3 AND status = 'invited'";
    /// After a restore no link may live again that was used, or taken back, since the backup.
    system DROP_LINKS = "DELETE FROM links";
    /// The same of wishes that were dealt with.
    system DROP_FORGOTTEN = "DELETE FROM forgotten";
}
