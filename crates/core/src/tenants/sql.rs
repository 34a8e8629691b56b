//! The tenants' statements.

use crate::store::statement::statements;

statements! {
    /// One tenant, unless it leaves.
    system FIND = "SELECT tenant_id, name, status, settings, version, epoch, created_at, accent, logo FROM tenants
        WHERE tenant_id = ?1 AND status <> 'leaving'";
    /// One tenant, even if it leaves.
    system FIND_ANY = "SELECT tenant_id, name, status, settings, version, epoch, created_at, accent, logo FROM tenants WHERE tenant_id = ?1";
    /// A page of tenants, by id.
    system PAGE = "SELECT tenant_id, name, status, settings, version, epoch, created_at, accent, logo FROM tenants
        WHERE tenant_id > ?1 AND (?2 = '' OR tenant_id LIKE ?2 ESCAPE '\\' OR search LIKE ?2 ESCAPE '\\')
        ORDER BY tenant_id LIMIT ?3";
    /// Enough to tell whether there is just one.
    system ANY_TWO = "SELECT tenant_id FROM tenants WHERE status <> 'leaving' LIMIT 2";
    /// A new tenant.
    system ADD = "INSERT INTO tenants (tenant_id, name, search, status, settings, version, epoch, created_at)
        VALUES (?1, ?2, ?3, 'active', ?4, 1, 1, ?5)";
    /// Name and settings, if they are still what the decision was made on.
    system UPDATE = "UPDATE tenants SET name = ?2, search = ?3, settings = ?4, version = version + 1
        WHERE tenant_id = ?1 AND version = ?5 AND status <> 'leaving'";
    /// Disabled: every session is over.
    system DISABLE = "UPDATE tenants SET status = 'disabled', epoch = epoch + 1, version = version + 1
        WHERE tenant_id = ?1 AND status = 'active'";
    /// Enabled again.
    system ENABLE = "UPDATE tenants SET status = 'active', version = version + 1 WHERE tenant_id = ?1 AND status = 'disabled'";
    /// Every session of the tenant is over.
    system END_SESSIONS = "UPDATE tenants SET epoch = epoch + 1 WHERE tenant_id = ?1 AND status <> 'leaving'";
    /// Every session of every tenant is over.
    system END_ALL_SESSIONS = "UPDATE tenants SET epoch = epoch + 1";
    /// Deleted for everybody: every session is over, and what the tenant settled is nobody's.
    system LEAVE = "UPDATE tenants SET status = 'leaving', settings = '{}', epoch = epoch + 1, version = version + 1
        WHERE tenant_id = ?1 AND status <> 'leaving'";
    /// Some tenant that leaves.
    system ANY_LEAVING = "SELECT tenant_id, version FROM tenants WHERE status = 'leaving' ORDER BY tenant_id LIMIT 1";
    /// This one, if it leaves.
    system FIND_LEAVING = "SELECT tenant_id, version FROM tenants WHERE tenant_id = ?1 AND status = 'leaving'";
    /// The next step of its leaving, unless another node made it.
    system TAKE_TURN = "UPDATE tenants SET version = version + 1 WHERE tenant_id = ?1 AND version = ?2 AND status = 'leaving'";
    /// The tenant, with the little that is left of it.
    system DELETE = "DELETE FROM tenants WHERE tenant_id = ?1 AND status = 'leaving'";
}

/// What a tenant that leaves held, some rows of a table at once.
pub(crate) mod leaving {
    use crate::store::statement::statements;
    use crate::tenants::leaving::Piece;

    /// Arguments: the tenant, how many rows.
    macro_rules! some_of {
        ($table:literal, $key:literal) => {
            concat!(
                "DELETE FROM ",
                $table,
                " WHERE tenant_id = ?1 AND (",
                $key,
                ") IN (SELECT ",
                $key,
                " FROM ",
                $table,
                " WHERE tenant_id = ?1 LIMIT ?2)"
            )
        };
    }

    statements! {
        /// Domains, all at once: others may have them from now on.
        system DOMAINS = "DELETE FROM domains WHERE tenant_id = ?1";
        /// What its providers claimed, likewise.
        system PROVIDER_CLAIMS = "DELETE FROM provider_claims WHERE tenant_id = ?1";
        /// Records.
        system RECORDS = some_of!("records", "job_id, number");
        /// History of jobs.
        system JOB_HISTORY = some_of!("job_history", "job_id, number");
        /// Words of jobs.
        system JOB_WORDS = some_of!("job_words", "word, job_id");
        /// Jobs.
        system JOBS = some_of!("jobs", "id");
        /// History of templates.
        system TEMPLATE_HISTORY = some_of!("template_history", "template_id, number");
        /// Words of templates.
        system TEMPLATE_WORDS = some_of!("template_words", "word, template_id");
        /// Editors of versions.
        system VERSION_EDITORS = some_of!("version_editors", "template_id, number, user_id");
        /// Versions.
        system VERSIONS = some_of!("template_versions", "template_id, number");
        /// Templates.
        system TEMPLATES = some_of!("templates", "id");
        /// Through which providers sessions were opened.
        system SESSION_PROVIDERS = some_of!("session_providers", "session_id");
        /// Sessions.
        system SESSIONS = some_of!("sessions", "id");
        /// What was counted about people at the addresses below.
        system GUESSES_BY_ADDRESS = "DELETE FROM guesses WHERE id IN (SELECT kind.word || k.user_id || '/' || k.address
            FROM (SELECT user_id, address FROM known_addresses WHERE tenant_id = ?1 ORDER BY user_id, address LIMIT ?2) k
            CROSS JOIN (SELECT 'known/' AS word UNION ALL SELECT 'second/') kind)";
        /// Addresses people signed in from.
        system KNOWN_ADDRESSES = "DELETE FROM known_addresses WHERE tenant_id = ?1 AND (user_id, address) IN (SELECT user_id, address
            FROM known_addresses WHERE tenant_id = ?1 ORDER BY user_id, address LIMIT ?2)";
        /// How many letters went to which mailbox.
        system MAILBOXES = "DELETE FROM guesses WHERE id IN (SELECT id FROM guesses WHERE id LIKE 'mailbox/' || ?1 || '/%' LIMIT ?2)";
        /// Letters.
        system LETTERS = some_of!("letters", "id");
        /// Identities at providers.
        system EXTERNAL_IDENTITIES = some_of!("external_identities", "provider_id, issuer, subject");
        /// Proofs used up.
        system SPENT_PROOFS = some_of!("spent_proofs", "issuer, proof");
        /// What was counted about the people below, but for addresses of others too.
        system GUESSES = "DELETE FROM guesses WHERE id IN (
                SELECT kind.word || u.email_key FROM (SELECT email_key FROM users WHERE tenant_id = ?1 ORDER BY id LIMIT ?2) u
                CROSS JOIN (SELECT 'account/' AS word UNION ALL SELECT 'forgotten/') kind
                WHERE NOT EXISTS (SELECT 1 FROM users o WHERE o.email_key = u.email_key AND o.tenant_id <> ?1)
                UNION ALL SELECT kind.word || u.id FROM (SELECT id FROM users WHERE tenant_id = ?1 ORDER BY id LIMIT ?2) u
                CROSS JOIN (SELECT 'change/' AS word UNION ALL SELECT 'second/' UNION ALL SELECT 'enrol/'
                    UNION ALL SELECT 'wisher/') kind)";
        /// People, with the few other things each has.
        system USERS = "DELETE FROM users WHERE tenant_id = ?1
            AND id IN (SELECT id FROM users WHERE tenant_id = ?1 ORDER BY id LIMIT ?2)";
    }

    /// In this order: what refers to others before what it refers to, so that no row takes many others along.
    pub(crate) const ALL_OF_IT: &[Piece] = &[
        &[RECORDS],
        &[JOB_HISTORY],
        &[JOB_WORDS],
        &[JOBS],
        &[TEMPLATE_HISTORY],
        &[TEMPLATE_WORDS],
        &[VERSION_EDITORS],
        &[VERSIONS],
        &[TEMPLATES],
        &[SESSION_PROVIDERS],
        &[SESSIONS],
        &[GUESSES_BY_ADDRESS, KNOWN_ADDRESSES],
        &[MAILBOXES],
        &[LETTERS],
        &[EXTERNAL_IDENTITIES],
        &[SPENT_PROOFS],
        &[GUESSES, USERS],
    ];
}
