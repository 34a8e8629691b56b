//! The tenants' statements.

use crate::store::statement::statements;

statements! {
    /// One tenant.
    system FIND = "SELECT tenant_id, name, status, settings, version, epoch, created_at, accent, logo FROM tenants WHERE tenant_id = ?1";
    /// A page of tenants, by id.
    system PAGE = "SELECT tenant_id, name, status, settings, version, epoch, created_at, accent, logo FROM tenants
        WHERE tenant_id > ?1 AND (?2 = '' OR tenant_id LIKE ?2 ESCAPE '\\' OR search LIKE ?2 ESCAPE '\\')
        ORDER BY tenant_id LIMIT ?3";
    /// Enough to tell whether there is just one.
    system ANY_TWO = "SELECT tenant_id FROM tenants LIMIT 2";
    /// A new tenant.
    system ADD = "INSERT INTO tenants (tenant_id, name, search, status, settings, version, epoch, created_at)
        VALUES (?1, ?2, ?3, 'active', ?4, 1, 1, ?5)";
    /// Name and settings, if they are still what the decision was made on.
    system UPDATE = "UPDATE tenants SET name = ?2, search = ?3, settings = ?4, version = version + 1 WHERE tenant_id = ?1 AND version = ?5";
    /// Disabled: every session is over.
    system DISABLE = "UPDATE tenants SET status = 'disabled', epoch = epoch + 1, version = version + 1
        WHERE tenant_id = ?1 AND status = 'active'";
    /// Enabled again.
    system ENABLE = "UPDATE tenants SET status = 'active', version = version + 1 WHERE tenant_id = ?1 AND status = 'disabled'";
    /// Every session of the tenant is over.
    system END_SESSIONS = "UPDATE tenants SET epoch = epoch + 1 WHERE tenant_id = ?1";
    /// Every session of every tenant is over.
    system END_ALL_SESSIONS = "UPDATE tenants SET epoch = epoch + 1";
    /// The tenant, its users and their sessions.
    system DELETE = "DELETE FROM tenants WHERE tenant_id = ?1";
}
