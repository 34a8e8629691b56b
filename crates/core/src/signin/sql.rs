//! The statements of signing in: guesses, the addresses an account is known from, and journeys through providers.

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
    /// Whether an account has shown two factors from an address.
    system KNOWN_BY_BOTH = "SELECT both_at FROM known_addresses
        WHERE tenant_id = ?1 AND user_id = ?2 AND address = ?3 AND both_at IS NOT NULL";
    /// It has, from one that it is known from.
    tenant KNOW_BY_BOTH = "UPDATE known_addresses SET both_at = ?4 WHERE tenant_id = ?1 AND user_id = ?2 AND address = ?3";
    /// A journey that was counted has ended well.
    system BUDGET_FORGIVEN = "UPDATE guesses SET failed = failed - 1 WHERE id = ?1 AND failed > 0";
    /// An attempt, if its provider is still there and on.
    tenant ADD_ATTEMPT = "INSERT INTO attempts (tenant_id, id, provider_id, browser, sealed, expires_at)
        SELECT ?1, ?2, p.id, ?4, ?5, CAST(?6 AS BIGINT) FROM identity_providers p
        WHERE p.tenant_id = ?1 AND p.id = ?3 AND p.status = 'on'";
    /// An attempt that is still waited for. Whoever comes back names no tenant.
    system ATTEMPT = "SELECT tenant_id, provider_id, browser, sealed FROM attempts WHERE id = ?1 AND expires_at > ?2";
    /// An attempt ends, once.
    system SPEND_ATTEMPT = "DELETE FROM attempts WHERE id = ?1 AND browser = ?2 AND expires_at > ?3";
    /// Attempts that nobody came back from.
    system SWEEP_ATTEMPTS = "DELETE FROM attempts WHERE id IN (SELECT id FROM attempts WHERE expires_at <= ?1 LIMIT 5000)";
    /// A one-time code.
    tenant ADD_CODE = "INSERT INTO exchange_codes (tenant_id, id, user_id, challenge, sealed, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    /// A code that may still be used. Whoever shows it names no tenant.
    system CODE = "SELECT tenant_id, user_id, challenge, sealed FROM exchange_codes WHERE id = ?1 AND expires_at > ?2";
    /// A code is used, once.
    system SPEND_CODE = "DELETE FROM exchange_codes WHERE id = ?1 AND expires_at > ?2";
    /// Codes that nobody used.
    system SWEEP_CODES = "DELETE FROM exchange_codes WHERE id IN (SELECT id FROM exchange_codes WHERE expires_at <= ?1 LIMIT 5000)";
    /// A proof is used, once.
    tenant SPEND_PROOF = "INSERT INTO spent_proofs (tenant_id, issuer, proof, until) VALUES (?1, ?2, ?3, ?4)";
    /// Proofs that would be refused for their age by now.
    system SWEEP_PROOFS = "DELETE FROM spent_proofs WHERE until <= ?1";
    /// The account that an identity is linked to.
    tenant LINKED = "SELECT u.id, u.status, u.roles, u.epoch, CAST(0 AS BIGINT) FROM external_identities e
        JOIN users u ON u.tenant_id = e.tenant_id AND u.id = e.user_id
        WHERE e.tenant_id = ?1 AND e.provider_id = ?2 AND e.issuer = ?3 AND e.subject = ?4";
    /// The account with an address, and how many others of a provider and issuer open it by a word that counted.
    tenant NAMESAKE = "SELECT u.id, u.status, u.roles, u.epoch, (SELECT count(*) FROM external_identities e
             WHERE e.tenant_id = ?1 AND e.user_id = u.id AND e.provider_id = ?3 AND e.issuer = ?4 AND e.vouched = 1)
        FROM users u WHERE u.tenant_id = ?1 AND u.email_key = ?2";
    /// An identity opens an account from now on, if its provider is on and no other identity of it does.
    tenant ADD_LINK = "INSERT INTO external_identities (tenant_id, provider_id, issuer, subject, user_id, created_at, last_sign_in_at, vouched)
        SELECT ?1, p.id, ?3, ?4, u.id, CAST(?6 AS BIGINT), CAST(?6 AS BIGINT), CAST(?7 AS BIGINT)
        FROM identity_providers p JOIN users u ON u.tenant_id = p.tenant_id
        WHERE p.tenant_id = ?1 AND p.id = ?2 AND p.status = 'on' AND u.id = ?5
          AND NOT EXISTS (SELECT 1 FROM external_identities e
              WHERE e.tenant_id = ?1 AND e.user_id = ?5 AND e.provider_id = ?2 AND e.issuer = ?3)";
    /// Identities that open an account though nobody's word for its address counted open it no more.
    tenant DROP_UNVOUCHED = "DELETE FROM external_identities WHERE tenant_id = ?1 AND user_id = ?2 AND vouched = 0";
    /// A linked identity was used, if its provider is still on; from now on perhaps by a word that counts.
    tenant LINK_USED = "UPDATE external_identities SET last_sign_in_at = ?6,
            vouched = CASE WHEN CAST(?7 AS BIGINT) = 1 THEN 1 ELSE vouched END
        WHERE tenant_id = ?1 AND provider_id = ?2 AND issuer = ?3 AND subject = ?4 AND user_id = ?5
          AND EXISTS (SELECT 1 FROM identity_providers p WHERE p.tenant_id = ?1 AND p.id = ?2 AND p.status = 'on')";
    /// An account comes into the hands of whoever was proven: its sessions end, and a password never used goes.
    tenant HAND_OVER = "UPDATE users SET epoch = epoch + 1, status = 'active',
            password_hash = CASE WHEN last_sign_in_at IS NULL THEN NULL ELSE password_hash END,
            password_changed_at = CASE WHEN last_sign_in_at IS NULL THEN NULL ELSE password_changed_at END
        WHERE tenant_id = ?1 AND id = ?2 AND epoch = ?3 AND status <> 'disabled'";
    /// Whoever was invited has come.
    tenant WAKE = "UPDATE users SET status = 'active' WHERE tenant_id = ?1 AND id = ?2 AND epoch = ?3 AND status = 'invited'";
    /// How many active Admins there are besides one.
    tenant OTHER_ADMINS = "SELECT count(*) FROM users WHERE tenant_id = ?1 AND id <> ?2 AND status = 'active' AND roles & 1 = 1";
    /// Through which provider a session was opened.
    tenant THROUGH = "SELECT provider_id, subject, provider_session, sealed FROM session_providers WHERE tenant_id = ?1 AND session_id = ?2";
    /// The living sessions of a provider's person, or one of them by the provider's name for it.
    tenant SESSIONS_THERE = "SELECT s.id FROM session_providers t JOIN sessions s ON s.tenant_id = t.tenant_id AND s.id = t.session_id
        WHERE t.tenant_id = ?1 AND t.provider_id = ?2 AND t.subject = ?3 AND (?4 = '' OR t.provider_session = ?4) AND s.ended_at IS NULL
        LIMIT 500";
}
