//! The statements of second factors.

use crate::store::statement::statements;

statements! {
    /// A sign-in that waits for its second factor.
    tenant ADD_CHALLENGE = "INSERT INTO challenges (tenant_id, id, user_id, sealed, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)";
    /// One that may still be answered. Whoever shows it names no tenant.
    system CHALLENGE = "SELECT tenant_id, user_id, sealed, expires_at FROM challenges WHERE id = ?1 AND expires_at > ?2";
    /// It is answered, once.
    tenant SPEND_CHALLENGE = "DELETE FROM challenges WHERE tenant_id = ?1 AND id = ?2 AND expires_at > ?3";
    /// Those that nobody answered.
    system SWEEP_CHALLENGES = "DELETE FROM challenges WHERE id IN (SELECT id FROM challenges WHERE expires_at <= ?1 LIMIT 5000)";

    /// A user's authenticator app.
    tenant TOTP = "SELECT sealed, last_step, pending, pending_at FROM totp WHERE tenant_id = ?1 AND user_id = ?2";
    /// A secret was shown; it waits for its first code beside the one in force.
    tenant OFFER_TOTP = "INSERT INTO totp (tenant_id, user_id, last_step, pending, pending_at) VALUES (?1, ?2, 0, ?3, ?4)
        ON CONFLICT (tenant_id, user_id) DO UPDATE SET pending = excluded.pending, pending_at = excluded.pending_at";
    /// The secret that was shown is the one in force, if it is the one whose code was checked.
    tenant CONFIRM_TOTP = "UPDATE totp SET sealed = pending, pending = NULL, pending_at = NULL, last_step = ?4
        WHERE tenant_id = ?1 AND user_id = ?2 AND pending = ?3";
    /// A code is used, and all before it with it.
    tenant USE_STEP = "UPDATE totp SET last_step = ?4
        WHERE tenant_id = ?1 AND user_id = ?2 AND sealed = ?3 AND last_step < CAST(?4 AS BIGINT)";
    /// The app is not asked any more.
    tenant DROP_TOTP = "DELETE FROM totp WHERE tenant_id = ?1 AND user_id = ?2 AND sealed IS NOT NULL";
    /// The same, with one that was never confirmed.
    tenant FORGET_TOTP = "DELETE FROM totp WHERE tenant_id = ?1 AND user_id = ?2";

    /// A recovery code.
    tenant ADD_RECOVERY = "INSERT INTO recovery_codes (tenant_id, user_id, code) VALUES (?1, ?2, ?3)";
    /// How many are left.
    tenant RECOVERY_LEFT = "SELECT count(*) FROM recovery_codes WHERE tenant_id = ?1 AND user_id = ?2";
    /// A recovery code is used, once.
    tenant USE_RECOVERY = "DELETE FROM recovery_codes WHERE tenant_id = ?1 AND user_id = ?2 AND code = ?3";
    /// None of them is good any more.
    tenant FORGET_RECOVERY = "DELETE FROM recovery_codes WHERE tenant_id = ?1 AND user_id = ?2";
    /// Codes in place of nothing are none.
    tenant SETTLE_RECOVERY = "DELETE FROM recovery_codes WHERE tenant_id = ?1 AND user_id = ?2
          AND NOT EXISTS (SELECT 1 FROM totp f WHERE f.tenant_id = ?1 AND f.user_id = ?2 AND f.sealed IS NOT NULL)
          AND NOT EXISTS (SELECT 1 FROM passkeys p WHERE p.tenant_id = ?1 AND p.user_id = ?2)";

    /// A user's passkeys, oldest first.
    tenant PASSKEYS = "SELECT id, user_id, tenant_id, credential, public_key, counter, name, created_at, last_used_at
        FROM passkeys WHERE tenant_id = ?1 AND user_id = ?2 ORDER BY id";
    /// The passkey that an authenticator names. Whoever shows it names no tenant.
    system PASSKEY = "SELECT id, user_id, tenant_id, credential, public_key, counter, name, created_at, last_used_at
        FROM passkeys WHERE credential = ?1";
    /// Another passkey, if there is room for it.
    tenant ADD_PASSKEY = "INSERT INTO passkeys (tenant_id, id, user_id, credential, public_key, counter, name, created_at)
        SELECT ?1, ?2, u.id, ?4, ?5, CAST(?6 AS BIGINT), ?7, CAST(?8 AS BIGINT) FROM users u
        WHERE u.tenant_id = ?1 AND u.id = ?3
          AND (SELECT count(*) FROM passkeys p WHERE p.tenant_id = ?1 AND p.user_id = ?3) < 20";
    /// A passkey was used, if it was not used elsewhere meanwhile.
    tenant USE_PASSKEY = "UPDATE passkeys SET counter = ?4, last_used_at = ?5 WHERE tenant_id = ?1 AND id = ?2 AND counter = ?3";
    /// A passkey is called otherwise.
    tenant RENAME_PASSKEY = "UPDATE passkeys SET name = ?4 WHERE tenant_id = ?1 AND user_id = ?2 AND id = ?3";
    /// A passkey is good no more.
    tenant DROP_PASSKEY = "DELETE FROM passkeys WHERE tenant_id = ?1 AND user_id = ?2 AND id = ?3";
    /// None of them is.
    tenant FORGET_PASSKEYS = "DELETE FROM passkeys WHERE tenant_id = ?1 AND user_id = ?2";

    /// The user has a second factor from now on: sessions end but those given the new epoch. Queues rivals, and so comes first.
    tenant GUARD = "UPDATE users SET two_factor_since = COALESCE(two_factor_since, CAST(?3 AS BIGINT)), epoch = epoch + 1
        WHERE tenant_id = ?1 AND id = ?2 AND epoch = ?4 AND status = 'active'";
    /// The user's row, if still what a decision was made on. Queues rivals, and so comes first.
    tenant QUEUE = "UPDATE users SET epoch = epoch WHERE tenant_id = ?1 AND id = ?2 AND epoch = ?3 AND status = 'active'";
    /// The same, and sessions end but those given the new epoch.
    tenant TOUCH = "UPDATE users SET epoch = epoch + 1 WHERE tenant_id = ?1 AND id = ?2 AND epoch = ?3 AND status = 'active'";
    /// Whether the user still has a second factor, after one was removed.
    tenant SETTLE = "UPDATE users SET two_factor_since = NULL WHERE tenant_id = ?1 AND id = ?2
          AND NOT EXISTS (SELECT 1 FROM totp f WHERE f.tenant_id = ?1 AND f.user_id = ?2 AND f.sealed IS NOT NULL)
          AND NOT EXISTS (SELECT 1 FROM passkeys p WHERE p.tenant_id = ?1 AND p.user_id = ?2)";
    /// The user, if a second factor remains.
    tenant STILL_GUARDED = "UPDATE users SET epoch = epoch WHERE tenant_id = ?1 AND id = ?2 AND two_factor_since IS NOT NULL";
    /// Nothing is left of their second factors, and sessions are over, whatever the roles were that this was decided on.
    tenant RESET = "UPDATE users SET two_factor_since = NULL, epoch = epoch + 1 WHERE tenant_id = ?1 AND id = ?2 AND roles = ?3";
    /// Whether this very user must have one.
    tenant REQUIRE = "UPDATE users SET two_factor_required_at = CAST(?4 AS BIGINT) WHERE tenant_id = ?1 AND id = ?2 AND roles = ?3";
}
