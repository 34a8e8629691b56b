//! The statements of bulk import and export.

use crate::store::statement::statements;

statements! {
    /// Who has an address.
    tenant BY_ADDRESS = "SELECT tenant_id, id, email, first_name, last_name, title, status, roles, epoch, last_sign_in_at, created_at,
            two_factor_required_at, two_factor_since
        FROM users WHERE tenant_id = ?1 AND email_key = ?2";
    /// People with their password hashes, by id.
    tenant PEOPLE = "SELECT tenant_id, id, email, first_name, last_name, title, status, roles, epoch, last_sign_in_at, created_at,
            two_factor_required_at, two_factor_since, password_hash
        FROM users WHERE tenant_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
}
