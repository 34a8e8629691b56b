//! The sessions' statements. Sessions are found by their id, which only a checked handle can name; hence the system ones.

use crate::store::statement::statements;

statements! {
    /// A session of the client realm.
    system FIND = "SELECT id, tenant_id, user_id, method, amr, address, agent, created_at, last_seen_at,
            generation, branch, child, child_since, user_epoch, tenant_epoch, ended_at
        FROM sessions WHERE id = ?1";
    /// A session of the admin realm.
    system FIND_ADMIN = "SELECT id, '', admin_id, 'password', 'pwd', address, agent, created_at, last_seen_at,
            generation, branch, child, child_since, admin_epoch, 0, ended_at
        FROM admin_sessions WHERE id = ?1";
    /// A new session, if the user and the tenant are alive and nothing has ended sessions since the proof was made.
    tenant OPEN = "INSERT INTO sessions (tenant_id, id, user_id, method, amr, address, agent, created_at, last_seen_at,
            generation, branch, child, child_since, user_epoch, tenant_epoch)
        SELECT ?1, ?2, u.id, ?4, ?5, ?6, ?7, ?8, ?8, 0, ?9, ?10, ?8, u.epoch, t.epoch
        FROM users u JOIN tenants t ON t.tenant_id = u.tenant_id
        WHERE u.tenant_id = ?1 AND u.id = ?3 AND u.epoch = ?11 AND u.status = 'active' AND t.status = 'active'";
    /// Through which provider it was opened, if that is on.
    tenant OPENED_THROUGH = "INSERT INTO session_providers (tenant_id, session_id, provider_id, subject, provider_session, sealed, created_at)
        SELECT ?1, ?2, p.id, ?4, ?5, ?6, ?7 FROM identity_providers p WHERE p.tenant_id = ?1 AND p.id = ?3 AND p.status = 'on'";
    /// The same in the admin realm.
    system OPEN_ADMIN = "INSERT INTO admin_sessions (id, admin_id, address, agent, created_at, last_seen_at,
            generation, branch, child, child_since, admin_epoch)
        SELECT ?1, a.id, ?3, ?4, ?5, ?5, 0, ?6, ?7, ?5, a.epoch
        FROM admins a WHERE a.id = ?2 AND a.epoch = ?8 AND a.status = 'active'";
    /// The refresh rule's step, if the session still is what the decision was made on.
    system ADVANCE = "UPDATE sessions SET generation = ?5, branch = ?6, child = ?7, child_since = ?8, last_seen_at = ?9
        WHERE id = ?1 AND generation = ?2 AND branch = ?3 AND child = ?4 AND ended_at IS NULL";
    /// The same in the admin realm.
    system ADVANCE_ADMIN = "UPDATE admin_sessions SET generation = ?5, branch = ?6, child = ?7, child_since = ?8, last_seen_at = ?9
        WHERE id = ?1 AND generation = ?2 AND branch = ?3 AND child = ?4 AND ended_at IS NULL";
    /// A session used from elsewhere than before.
    system MOVE = "UPDATE sessions SET address = ?2, agent = ?3
        WHERE id = ?1 AND ended_at IS NULL AND (address <> ?2 OR agent <> ?3)";
    /// The end of a session.
    system END = "UPDATE sessions SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL";
    /// The same in the admin realm.
    system END_ADMIN = "UPDATE admin_sessions SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL";
    /// When a session was last used.
    system SEEN = "UPDATE sessions SET last_seen_at = ?2 WHERE id = ?1 AND last_seen_at < ?2";
    /// The same in the admin realm.
    system SEEN_ADMIN = "UPDATE admin_sessions SET last_seen_at = ?2 WHERE id = ?1 AND last_seen_at < ?2";
    /// A user's living sessions, newest first.
    tenant OF_USER = "SELECT s.id, s.method, s.amr, s.address, s.agent, s.created_at, s.last_seen_at
        FROM sessions s JOIN users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id
        JOIN tenants t ON t.tenant_id = s.tenant_id
        WHERE s.tenant_id = ?1 AND s.user_id = ?2 AND s.ended_at IS NULL AND s.user_epoch = u.epoch AND s.tenant_epoch = t.epoch
          AND s.created_at > ?3
        ORDER BY s.id DESC LIMIT 200";
    /// The end of one of a user's own sessions.
    tenant END_OWN = "UPDATE sessions SET ended_at = ?4
        WHERE tenant_id = ?1 AND user_id = ?2 AND id = ?3 AND ended_at IS NULL
          AND user_epoch = (SELECT epoch FROM users WHERE tenant_id = ?1 AND id = ?2)";
    /// A session that outlives the end of its user's others.
    tenant KEEP = "UPDATE sessions SET user_epoch = (SELECT epoch FROM users WHERE tenant_id = ?1 AND id = ?2)
        WHERE tenant_id = ?1 AND user_id = ?2 AND id = ?3 AND ended_at IS NULL";
    /// Sessions begun so long ago that no handle of theirs can be alive.
    system SWEEP = "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE id < ?1 ORDER BY id LIMIT 500)";
    /// The same in the admin realm.
    system SWEEP_ADMIN = "DELETE FROM admin_sessions WHERE id IN (SELECT id FROM admin_sessions WHERE id < ?1 ORDER BY id LIMIT 500)";
    /// The signing keys of both realms.
    system KEYS = "SELECT kid, realm, algorithm, public, sealed, created_at, signs_from, verify_until FROM signing_keys ORDER BY signs_from, kid";
    /// A new signing key.
    system ADD_KEY = "INSERT INTO signing_keys (kid, realm, algorithm, public, sealed, created_at, signs_from)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    /// The first signing key of a realm: another node may have been faster.
    system ADD_FIRST_KEY = "INSERT INTO signing_keys (kid, realm, algorithm, public, sealed, created_at, signs_from)
        SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
        WHERE NOT EXISTS (SELECT 1 FROM signing_keys WHERE realm = ?2 AND algorithm = ?3 AND verify_until IS NULL)";
    /// The former keys of a realm only verify, and not for ever.
    system RETIRE_KEYS = "UPDATE signing_keys SET verify_until = ?3 WHERE realm = ?1 AND kid <> ?2 AND verify_until IS NULL";
    /// Keys whose last token has run out.
    system SWEEP_KEYS = "DELETE FROM signing_keys WHERE verify_until < ?1";
}
