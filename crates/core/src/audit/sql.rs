//! The audit log's statements. None changes an entry; entries leave only with their tenant.

use crate::store::statement::statements;

statements! {
    /// Writes an entry. Its tenant is part of the entry: the admin realm's own have none.
    system ADD = "INSERT INTO audit (tenant_id, id, at, actor_kind, actor, address, request, action, target, outcome, reason)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    /// A page of one tenant's entries, newest first, before the id given.
    tenant PAGE = "SELECT id, at, actor_kind, actor, address, request, action, target, outcome, reason, tenant_id
        FROM audit
        WHERE tenant_id = ?1 AND id < ?2
          AND (?3 = '' OR action = ?3) AND (?4 = '' OR actor = ?4) AND (?5 = '' OR target = ?5) AND (?6 = '' OR outcome = ?6)
          AND at >= ?7 AND at < ?8
        ORDER BY id DESC LIMIT ?9";
    /// The same over every tenant and the admin realm.
    system PAGE_OF_ALL = "SELECT id, at, actor_kind, actor, address, request, action, target, outcome, reason, tenant_id
        FROM audit
        WHERE id < ?1 AND (?2 = '*' OR tenant_id = ?2)
          AND (?3 = '' OR action = ?3) AND (?4 = '' OR actor = ?4) AND (?5 = '' OR target = ?5) AND (?6 = '' OR outcome = ?6)
          AND at >= ?7 AND at < ?8
        ORDER BY id DESC LIMIT ?9";
}
