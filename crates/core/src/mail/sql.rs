//! The statements of mail. Whoever carries letters away carries those of every tenant; hence the system ones.

use crate::store::statement::statements;

statements! {
    /// A letter, if none was written for its cause.
    tenant ADD = "INSERT INTO letters (tenant_id, id, cause, kind, user_id, mailbox, about, link, state, attempts, due_at, created_at, trouble)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'waiting', 0, ?9, ?9, '')";
    /// Letters to be sent by now, the longest due first, with what they tell of tenant, person and link.
    system DUE = "SELECT l.tenant_id, l.id, l.kind, l.mailbox, l.about, l.link, l.attempts, l.created_at, t.name, u.first_name, k.expires_at
        FROM letters l JOIN tenants t ON t.tenant_id = l.tenant_id JOIN users u ON u.tenant_id = l.tenant_id AND u.id = l.user_id
        LEFT JOIN links k ON k.tenant_id = l.tenant_id AND k.id = l.link
        WHERE l.state = 'waiting' AND l.due_at <= ?1 AND t.status <> 'leaving' ORDER BY l.due_at LIMIT ?2";
    /// A letter is taken in hand, by whoever is first.
    tenant CLAIM = "UPDATE letters SET state = 'sending', attempts = attempts + 1, due_at = ?4
        WHERE tenant_id = ?1 AND id = ?2 AND state = 'waiting' AND attempts = ?3";
    /// A letter in hand is sent, uncertain or given up: it is over.
    tenant END = "UPDATE letters SET state = ?3, due_at = ?4, trouble = ?5 WHERE tenant_id = ?1 AND id = ?2 AND state = 'sending'";
    /// A letter in hand is to be tried again later.
    tenant PUT_BACK = "UPDATE letters SET state = 'waiting', due_at = ?3, trouble = ?4
        WHERE tenant_id = ?1 AND id = ?2 AND state = 'sending'";
    /// A letter whose link has become useless.
    tenant DROP = "DELETE FROM letters WHERE tenant_id = ?1 AND id = ?2 AND state = 'waiting'";
    /// Letters taken in hand so long ago that whoever did must have died.
    system LOST = "SELECT tenant_id, id FROM letters WHERE state = 'sending' AND due_at <= ?1 LIMIT 100";
    /// Letters of which enough time has passed since they were over.
    system SWEEP = "DELETE FROM letters WHERE state IN ('sent', 'uncertain', 'given-up') AND due_at <= ?1";
    /// How many letters there are in each state that matters, and since when the oldest is.
    system COUNT = "SELECT state, count(*), min(created_at) FROM letters
        WHERE state IN ('waiting', 'sending', 'uncertain', 'given-up') GROUP BY state";
    /// Letters that were not sent for certain, the latest first.
    system TROUBLED = "SELECT tenant_id, id, kind, user_id, state, attempts, created_at, due_at, trouble FROM letters
        WHERE state IN ('uncertain', 'given-up') OR (state = 'waiting' AND attempts > 0) ORDER BY due_at DESC LIMIT ?1";
    /// After a restore nobody knows which letters have gone since the backup.
    system DROP_WAITING = "DELETE FROM letters WHERE state IN ('waiting', 'sending')";
}
