//! The second wall: on PostgreSQL, row security keeps tenants apart even from a statement that forgot to.

use purser_core::access::Role;
use purser_core::providers::{Draft, ProtocolDraft, SamlDraft};
use purser_standin::saml;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::database::rows_of;
use crate::world::{World, command_line, visit};

/// Every table with a tenant, from the catalogue: a new one is covered by itself.
async fn walled(world: &World) -> Vec<String> {
    let tables = format!(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
         WHERE c.relkind IN ('r', 'p') AND c.relnamespace = '{}'::regnamespace AND NOT a.attisdropped ORDER BY 1",
        world.database.schema()
    );
    world.database.rows(&tables).await.into_iter().map(|mut row| row.remove(0)).collect()
}

/// Two tenants with a row in every table.
async fn two_tenants() -> World {
    let world = World::on_postgres().await;
    for id in ["acme", "other"] {
        fill(&world, id).await;
    }
    world
}

/// A tenant with a row in every table.
pub async fn fill(world: &World, id: &str) {
    let tenant = world.tenant(id).await;
    world.user(&tenant, "john", &[Role::Admin]).await;
    let claim = crate::world::named(&format!("john@{id}.test"), crate::world::PASSWORD, id);
    world.app.sign_in(claim, &visit()).await.unwrap();
    let by = world.app.settling_of(&command_line(), &tenant).await.unwrap();
    let certificate = saml::Key::rsa().certificate_base64();
    let saml = SamlDraft {
        entity_id: Some(format!("https://idp.{id}.test")),
        sso_url: Some("https://idp.test/sso".into()),
        certificates: Some(vec![certificate]),
        ..SamlDraft::default()
    };
    let draft = Draft { protocol: Some(ProtocolDraft::Saml(saml)), ..Draft::default() };
    world.app.create_provider(&by, "saml", draft).await.unwrap();
    world.app.add_domain(&by, "acme.test").await.unwrap();
    for rows in [
        what_sign_ins_leave(id),
        what_second_factors_leave(id),
        what_work_leaves(id),
        what_mail_leaves(id),
        what_the_overview_leaves(id),
    ] {
        // SQLite takes texts for bytes without being told.
        let rows = if world.database.is_postgres() { rows } else { rows.replace("::bytea", "") };
        world.database.run(&rows).await;
    }
}

/// Rows as signing in through a provider leaves them behind.
fn what_sign_ins_leave(tenant: &str) -> String {
    format!(
        "INSERT INTO external_identities (tenant_id, provider_id, issuer, subject, user_id, created_at)
             SELECT p.tenant_id, p.id, 'issuer', 'subject', u.id, 1 FROM identity_providers p, users u
             WHERE p.tenant_id = '{tenant}' AND u.tenant_id = '{tenant}';
         INSERT INTO attempts (id, tenant_id, provider_id, browser, sealed, expires_at)
             SELECT '{tenant}'::bytea, tenant_id, id, 'b', 's', 1 FROM identity_providers WHERE tenant_id = '{tenant}';
         INSERT INTO exchange_codes (id, tenant_id, user_id, challenge, sealed, expires_at)
             SELECT '{tenant}'::bytea, tenant_id, id, 'c', 's', 1 FROM users WHERE tenant_id = '{tenant}';
         INSERT INTO spent_proofs (tenant_id, issuer, proof, until) VALUES ('{tenant}', 'issuer', 'proof', 1);
         INSERT INTO session_providers (tenant_id, session_id, provider_id, subject, created_at)
             SELECT s.tenant_id, s.id, p.id, 'subject', 1 FROM sessions s, identity_providers p
             WHERE s.tenant_id = '{tenant}' AND p.tenant_id = '{tenant}'"
    )
}

/// A letter that waits, and the link in it.
fn what_mail_leaves(tenant: &str) -> String {
    format!(
        "INSERT INTO links (tenant_id, id, kind, user_id, mailbox, epoch, address, expires_at, created_at)
             SELECT tenant_id, '{tenant}'::bytea, 'reset', id, email_key, 1, '', 1, 1 FROM users WHERE tenant_id = '{tenant}';
         INSERT INTO letters (tenant_id, id, cause, kind, user_id, mailbox, about, link, state, attempts, due_at, created_at, trouble)
             SELECT tenant_id, '{tenant}'::bytea, 'c', 'password-reset', id, email, '', '{tenant}'::bytea, 'waiting', 0, 1, 1, ''
             FROM users WHERE tenant_id = '{tenant}'"
    )
}

/// Counts of sign-ins, a logo, and a word to find somebody by.
fn what_the_overview_leaves(tenant: &str) -> String {
    format!(
        "INSERT INTO sign_ins_counted (tenant_id, upto) VALUES ('{tenant}', '{tenant}'::bytea);
         INSERT INTO sign_in_days (tenant_id, day, way, done, refused) VALUES ('{tenant}', 1, 'password', 1, 0);
         INSERT INTO logos (tenant_id, name, media, image) VALUES ('{tenant}', 'a.png', 'image/png', '{tenant}'::bytea);
         INSERT INTO user_words (tenant_id, word, user_id) SELECT tenant_id, '{tenant}'::bytea, id FROM users
             WHERE tenant_id = '{tenant}'"
    )
}

/// Every kind of second factor, and a sign-in that waits for one.
fn what_second_factors_leave(tenant: &str) -> String {
    let user = format!("FROM users WHERE tenant_id = '{tenant}'");
    format!(
        "INSERT INTO totp (tenant_id, user_id, last_step) SELECT tenant_id, id, 0 {user};
         INSERT INTO recovery_codes (tenant_id, user_id, code) SELECT tenant_id, id, 'c' {user};
         INSERT INTO passkeys (tenant_id, id, user_id, credential, public_key, counter, name, created_at)
             SELECT tenant_id, 'p', id, '{tenant}'::bytea, 'k', 0, 'Phone', 1 {user};
         INSERT INTO challenges (id, tenant_id, user_id, sealed, expires_at)
             SELECT '{tenant}'::bytea, tenant_id, id, 's', 1 {user}"
    )
}

/// A job that is half done.
fn what_work_leaves(tenant: &str) -> String {
    format!(
        "INSERT INTO templates (tenant_id, id, title, title_key, asset_class, class_key, state, published, last_number, changes,
             created_by, created_at, updated_at) VALUES ('{tenant}', 't', 'T', 't', '', '', 'published', 1, 1, 1, 1, 1, 1);
         INSERT INTO template_words (tenant_id, word, template_id, title_key) VALUES ('{tenant}', 't', 't', 't');
         INSERT INTO template_versions (tenant_id, template_id, number, state, steps, step_count, revision, author, created_at,
             updated_at, comment) VALUES ('{tenant}', 't', 1, 'published', '[]', 0, 1, 1, 1, 1, '');
         INSERT INTO version_editors (tenant_id, template_id, number, user_id) VALUES ('{tenant}', 't', 1, 1);
         INSERT INTO template_history (tenant_id, template_id, number, at, actor, action, part, note)
             VALUES ('{tenant}', 't', 1, 1, 1, 'template.created', 0, '');
         INSERT INTO jobs (tenant_id, id, template_id, version, title, asset, asset_class, class_key, priority, state, next_step,
             step_count, records, changes, created_by, created_at)
             VALUES ('{tenant}', 'j', 't', 1, 'T', '', '', '', 2, 'unassigned', 1, 1, 1, 1, 1, 1);
         INSERT INTO job_words (tenant_id, word, job_id) VALUES ('{tenant}', 't', 'j');
         INSERT INTO records (tenant_id, job_id, number, step, act, note, author, at)
             VALUES ('{tenant}', 'j', 1, 1, 'completed', '', 1, 1);
         INSERT INTO job_history (tenant_id, job_id, number, at, actor, action, part, note)
             VALUES ('{tenant}', 'j', 1, 1, 1, 'job.created', 0, '')"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_of_these_tests_stands_below_row_security() {
    let world = World::on_postgres().await;
    let above = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user";
    assert_eq!(world.database.value(above).await, "f", "give TEST_POSTGRES_URL an ordinary role");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_setting_no_table_shows_a_tenants_row() {
    let world = two_tenants().await;
    let tables = walled(&world).await;
    let known = ["audit", "known_addresses", "sessions", "tenants", "users"];
    assert!(known.iter().all(|it| tables.iter().any(|table| table == it)), "{tables:?}");
    for setting in ["", "nowhere", "acme "] {
        let client = world.database.client(setting).await;
        for table in &tables {
            let seen = rows_of(&client, &format!("SELECT count(*) FROM {table}")).await;
            assert_eq!(seen[0], ["0"], "{table} under {setting:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_setting_every_table_shows_that_tenants_rows_only() {
    let world = two_tenants().await;
    for id in ["acme", "other"] {
        let client = world.database.client(id).await;
        for table in walled(&world).await {
            let seen = rows_of(&client, &format!("SELECT DISTINCT tenant_id FROM {table}")).await;
            assert_eq!(seen, [[id]], "{table}: give two_tenants() a row in it");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_setting_no_other_tenants_row_can_be_changed_removed_or_made() {
    let world = two_tenants().await;
    let client = world.database.client("acme").await;
    for table in walled(&world).await {
        let before =
            world.database.rows(&format!("SELECT * FROM {table} WHERE tenant_id = 'other' ORDER BY 1, 2")).await;
        // Whatever is let through touches nothing; what would move a row over the wall is refused.
        let update = format!("UPDATE {table} SET tenant_id = tenant_id WHERE tenant_id = 'other'");
        assert_eq!(touched(&client, &update).await, 0, "{table}");
        let removal = format!("DELETE FROM {table} WHERE tenant_id = 'other'");
        assert_eq!(touched(&client, &removal).await, 0, "{table}");
        let moving = format!("UPDATE {table} SET tenant_id = 'other'");
        assert!(client.execute(&moving, &[]).await.is_err(), "{table}");
        let after =
            world.database.rows(&format!("SELECT * FROM {table} WHERE tenant_id = 'other' ORDER BY 1, 2")).await;
        assert_eq!(after, before, "{table}");
    }
}

/// How many rows a statement touched; none where nobody has the privilege, as on the audit log.
async fn touched(client: &Client, sql: &str) -> u64 {
    match client.execute(sql, &[]).await {
        Err(refused) if refused.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => 0,
        outcome => outcome.unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_made_later_is_walled_off_at_the_next_start() {
    let world = two_tenants().await;
    world
        .database
        .run("CREATE TABLE late (tenant_id TEXT NOT NULL, id BIGINT NOT NULL); INSERT INTO late VALUES ('acme', 1)")
        .await;
    let world = world.restarted().await;
    let client = world.database.client("").await;
    assert_eq!(rows_of(&client, "SELECT count(*) FROM late").await[0], ["0"]);
    let client = world.database.client("acme").await;
    assert_eq!(rows_of(&client, "SELECT count(*) FROM late").await[0], ["1"]);
}
