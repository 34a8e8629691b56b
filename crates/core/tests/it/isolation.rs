//! The second wall: on PostgreSQL, row security keeps tenants apart even from a statement that forgot to.

use purser_core::access::Role;

use crate::database::rows_of;
use crate::world::{World, visit};

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
        let tenant = world.tenant(id).await;
        world.user(&tenant, "john", &[Role::Admin]).await;
        let claim = crate::world::named(&format!("john@{id}.test"), crate::world::PASSWORD, id);
        world.app.sign_in(claim, &visit()).await.unwrap();
    }
    with_providers(&world).await;
    world
}

/// What identity providers leave behind. Written by hand: a row is a row.
async fn with_providers(world: &World) {
    for (number, id) in [(1, "acme"), (2, "other")] {
        let user = format!("(SELECT id FROM users WHERE tenant_id = '{id}')");
        let session = format!("(SELECT id FROM sessions WHERE tenant_id = '{id}')");
        let bytes = format!("'\\x0{number}'::bytea");
        let rows = format!(
            "INSERT INTO identity_providers VALUES ('{id}', {number}, 'corp', 'OIDC', '', 'on', '{{}}', NULL, 1, 0, 0);
             INSERT INTO provider_claims (claim, tenant_id, provider_id) VALUES ('oidc {id}', '{id}', {number});
             INSERT INTO service_keys (tenant_id, id, sealed, certificate, created_at) VALUES ('{id}', {number}, {bytes}, {bytes}, 0);
             INSERT INTO domains (tenant_id, domain, token, created_at) VALUES ('{id}', '{id}.test', 't', 0);
             INSERT INTO external_identities VALUES ('{id}', {number}, 'i', 's', {user}, 0, 0);
             INSERT INTO attempts (id, tenant_id, provider_id, browser, sealed, expires_at) VALUES ({bytes}, '{id}', {number}, {bytes}, {bytes}, 0);
             INSERT INTO exchange_codes (id, tenant_id, user_id, challenge, sealed, expires_at) VALUES ({bytes}, '{id}', {user}, '', {bytes}, 0);
             INSERT INTO spent_proofs (tenant_id, issuer, proof, until) VALUES ('{id}', 'i', 'p', 0);
             INSERT INTO session_providers (tenant_id, session_id, provider_id, subject, created_at) VALUES ('{id}', {session}, {number}, 's', 0);"
        );
        world.database.run(&rows).await;
    }
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
        assert_eq!(client.execute(&update, &[]).await.unwrap(), 0, "{table}");
        let removal = format!("DELETE FROM {table} WHERE tenant_id = 'other'");
        assert_eq!(client.execute(&removal, &[]).await.unwrap(), 0, "{table}");
        let moving = format!("UPDATE {table} SET tenant_id = 'other'");
        assert!(client.execute(&moving, &[]).await.is_err(), "{table}");
        let after =
            world.database.rows(&format!("SELECT * FROM {table} WHERE tenant_id = 'other' ORDER BY 1, 2")).await;
        assert_eq!(after, before, "{table}");
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
