//! The statements of signing in: guesses, and the addresses an account is known from.

use crate::store::statement::statements;

statements! {
    /// The guesses counted under a key.
    system GUESSES = "SELECT failed, pending, streak, window_since, pending_since, next_at FROM guesses WHERE id = ?1";
    /// Writes the next state, in place of the one the decision was made on.
    system COUNT = "INSERT INTO guesses (id, failed, pending, streak, window_since, pending_since, next_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        ON CONFLICT (id) DO UPDATE SET failed = excluded.failed, pending = excluded.pending, streak = excluded.streak,
            window_since = excluded.window_since, pending_since = excluded.pending_since, next_at = excluded.next_at
        WHERE guesses.failed = ?8 AND guesses.pending = ?9 AND guesses.streak = ?10
          AND guesses.window_since = ?11 AND guesses.pending_since = ?12 AND guesses.next_at = ?13";
    /// A guess that failed; the waits begin after the free ones of a streak (see [`super::throttle`]).
    system FAILED = "UPDATE guesses SET failed = failed + 1, streak = streak + 1,
            pending = CASE WHEN pending > 0 THEN pending - 1 ELSE 0 END,
            next_at = CAST(?2 AS BIGINT) + CASE WHEN streak < CAST(?3 AS BIGINT) THEN 0 WHEN streak = CAST(?3 AS BIGINT) THEN 1000000
                WHEN streak = CAST(?3 AS BIGINT) + 1 THEN 3000000 WHEN streak = CAST(?3 AS BIGINT) + 2 THEN 5000000 ELSE 10000000 END
        WHERE id = ?1";
    /// A guess that was right.
    system SUCCEEDED = "UPDATE guesses SET streak = 0, next_at = CASE WHEN next_at > ?2 THEN ?2 ELSE next_at END,
            pending = CASE WHEN pending > 0 THEN pending - 1 ELSE 0 END
        WHERE id = ?1";
    /// A guess that never reached the hash.
    system RELEASED = "UPDATE guesses SET pending = CASE WHEN pending > 0 THEN pending - 1 ELSE 0 END WHERE id = ?1";
    /// A failure of an address or a tenant.
    system BUDGET_FAILED = "INSERT INTO guesses (id, failed, pending, streak, window_since, pending_since, next_at)
        VALUES (?1, 1, 0, 0, ?2, 0, 0)
        ON CONFLICT (id) DO UPDATE SET
            failed = CASE WHEN guesses.window_since <= ?3 THEN 1 ELSE guesses.failed + 1 END,
            window_since = CASE WHEN guesses.window_since <= ?3 THEN ?2 ELSE guesses.window_since END";
    /// What no window needs any more.
    system SWEEP = "DELETE FROM guesses WHERE id IN
        (SELECT id FROM guesses WHERE window_since < ?1 AND pending_since < ?1 AND next_at < ?1 LIMIT 500)";
    /// What was counted under a key.
    system FORGET = "DELETE FROM guesses WHERE id = ?1";
    /// When an account was last seen signing in from an address.
    system KNOWN = "SELECT seen_at FROM known_addresses WHERE tenant_id = ?1 AND user_id = ?2 AND address = ?3";
    /// An account signed in from an address, if it is still there: whether it may sign in is decided by the session's own row.
    tenant KNOW = "INSERT INTO known_addresses (tenant_id, user_id, address, seen_at)
        SELECT ?1, id, ?3, ?4 FROM users WHERE tenant_id = ?1 AND id = ?2
        ON CONFLICT (tenant_id, user_id, address) DO UPDATE SET seen_at = excluded.seen_at";
}
