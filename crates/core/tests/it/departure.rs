//! A tenant that moves out: what is read out of it, and that nothing stays behind.

use std::collections::BTreeSet;

use purser_core::access::Role;
use purser_core::error::Error;
use purser_core::tenants::{LEFT_OUT, NewTenant, TenantStatus, TenantUpdate, exported_tables};
use purser_core::users::UserFilter;
use serde_json::Value;

use crate::isolation::fill;
use crate::on_both;
use crate::work::crew::Crew;
use crate::world::{PASSWORD, World, command_line, named, short, stranger};

/// A tenant, read out.
async fn export(world: &World, id: &str) -> Vec<Value> {
    let tenant = id.parse().unwrap();
    let mut read = Vec::new();
    let mut place = None;
    while let Some((lines, next)) = world.app.export_tenant(&command_line(), &tenant, place).await.unwrap() {
        read.extend(lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()));
        place = Some(next);
    }
    read
}

/// Something counted, unless it is already.
fn counting(key: &str) -> String {
    format!(
        "INSERT INTO guesses (id, failed, pending, streak, window_since, pending_since, next_at) VALUES ('{key}', 1, 0, 0, 1, 0, 0)
         ON CONFLICT (id) DO NOTHING"
    )
}

fn kinds(lines: &[Value]) -> BTreeSet<&str> {
    lines.iter().map(|line| line["kind"].as_str().unwrap()).collect()
}

on_both! {
    async fn nothing_of_a_deleted_tenant_remains_but_the_lines_that_say_so(world) {
        for id in ["quagga", "other"] {
            fill(&world, id).await;
            for (email, times) in [("john", 3), ("nobody", 1)] {
                for _ in 0..times {
                    world.app.sign_in(named(&format!("{email}@{id}.test"), "x", id), &stranger()).await.unwrap_err();
                    world.wait(60);
                }
            }
        }
        // What is counted about its people, wherever: each is a key of its own.
        for kind in ["account/john@quagga.test", "forgotten/john@quagga.test", "mailbox/quagga/former@elsewhere.test"] {
            world.database.run(&counting(kind)).await;
        }
        let john = world.database.value("SELECT id FROM users WHERE tenant_id = 'quagga' ORDER BY id LIMIT 1").await;
        let address = world.database.value(&format!("SELECT address FROM known_addresses WHERE user_id = {john}")).await;
        let keys = ["change", "second", "enrol", "wisher"].map(|kind| format!("{kind}/{john}"));
        for key in keys.iter().chain(&[format!("known/{john}/{address}"), format!("second/{john}/{address}")]) {
            world.database.run(&counting(key)).await;
        }
        let tables = world.database.tables_of_tenants().await;
        assert!(tables.len() > 20, "{tables:?}");
        let count = async |table: &str, id: &str| {
            world.database.value(&format!("SELECT count(*) FROM {table} WHERE tenant_id = '{id}'")).await
        };
        for table in &tables {
            assert_ne!(count(table, "quagga").await, "0", "{table}: give isolation::fill() a row in it");
        }
        let mut before = Vec::new();
        for table in &tables {
            before.push(count(table, "other").await);
        }
        world.app.delete_tenant(&command_line(), &"quagga".parse().unwrap()).await.unwrap();
        for table in &tables {
            assert_eq!(count(table, "quagga").await, "0", "{table}");
        }
        let counted = format!("SELECT count(*) FROM guesses WHERE id LIKE '%/{john}' OR id LIKE '%/{john}/%' OR id LIKE 'mailbox/quagga/%'");
        assert_eq!(world.database.value(&counted).await, "0");
        let hex = "717561676761";
        let dump = world.database.dump().await.to_lowercase();
        let left: Vec<&str> = dump.lines().filter(|line| line.contains("quagga") || line.contains(hex)).collect();
        let told: Vec<String> = world.admin_log().await.iter().map(short).filter(|line| line.contains("quagga")).collect();
        assert_eq!(told, ["command-line client.created client:quagga done", "command-line client.deleted client:quagga done"]);
        // And, for a day, that somebody guessed at an address nobody had.
        let guessed = left.iter().filter(|line| line.starts_with("guesses: account/nobody@quagga.test")).count();
        assert_eq!(left.len(), told.len() + guessed, "{left:#?}");
        for (table, before) in tables.iter().zip(&before) {
            assert_eq!(&count(table, "other").await, before, "{table}");
        }
    }

    async fn a_tenant_that_leaves_by_stages_is_gone_at_once_and_its_id_is_nobodys_until_the_last(world) {
        let (quagga, other) = (world.tenant("quagga").await, world.tenant("other").await);
        for tenant in [&quagga, &other] {
            for person in ["john", "jane", "jim"] {
                world.user(tenant, person, &[Role::Admin]).await;
                world.sign_in(&format!("{person}@{tenant}.test")).await;
            }
        }
        let count = async |table: &str, id: &str| {
            world.database.value(&format!("SELECT count(*) FROM {table} WHERE tenant_id = '{id}'")).await
        };
        let held = async |id: &str| [count("users", id).await, count("sessions", id).await, count("audit", id).await];
        let (before, kept) = (held("quagga").await, held("other").await);
        assert_eq!(before[..2], ["3", "3"]);
        let by = command_line();
        world.app.begin_deleting(&by, &quagga).await.unwrap();
        assert_eq!(held("quagga").await, before);
        for changes in [1, 3, 12] {
            // One row of a table in a change, so few changes, and the next time by another node: as if each were killed.
            assert!(world.another_node().await.clear_leaving(1, changes).await.unwrap());
            let refused = world.app.sign_in(named("john@quagga.test", PASSWORD, "quagga"), &stranger()).await;
            assert!(matches!(refused, Err(Error::InvalidCredentials)));
            assert!(matches!(world.app.users_of(&command_line(), &quagga, &UserFilter::default()).await, Err(Error::NotFound)));
            assert!(matches!(world.app.update_tenant(&by, &quagga, TenantUpdate::default()).await, Err(Error::NotFound)));
            assert_eq!(world.app.tenant(&command_line(), &quagga).await.unwrap().status, TenantStatus::Leaving);
            let again = world.app.create_tenant(&by, NewTenant::parse("quagga", "Another").unwrap()).await;
            assert!(matches!(again, Err(Error::Invalid(fields)) if fields[0].field == "id"));
        }
        assert_eq!(count("sessions", "quagga").await, "1");
        // Whoever deletes it again goes on, and it is not told twice.
        world.app.begin_deleting(&by, &quagga).await.unwrap();
        let (one, two) = (world.another_node().await, world.another_node().await);
        while count("tenants", "quagga").await != "0" {
            let (one, two) = tokio::join!(one.clear_leaving(2, 400), two.clear_leaving(2, 400));
            assert!(one.unwrap() || two.unwrap());
        }
        assert!(!one.clear_leaving(2, 40).await.unwrap());
        for table in world.database.tables_of_tenants().await {
            assert_eq!(count(&table, "quagga").await, "0", "{table}");
        }
        assert_eq!(held("other").await, kept);
        let told: Vec<String> = world.admin_log().await.iter().map(short).filter(|line| line.contains("deleted")).collect();
        assert_eq!(told, ["command-line client.deleted client:quagga done"]);
        world.tenant("quagga").await;
        assert_eq!(held("quagga").await, ["0", "0", "0"]);
        world.sign_in("john@other.test").await;
    }

    async fn every_table_of_tenants_is_read_out_or_left_out_for_a_reason(world) {
        let known: BTreeSet<&str> = exported_tables().chain(LEFT_OUT.iter().map(|(table, _)| *table)).collect();
        let tables = world.database.tables_of_tenants().await;
        let tables: BTreeSet<&str> = tables.iter().map(String::as_str).collect();
        assert_eq!(known, tables, "put a new table among the kinds of tenants/export.rs, or into LEFT_OUT");
    }

    async fn what_is_read_out_is_whole_and_holds_no_secret(world) {
        let crew = Crew::of(&world).await;
        for at in 0..3 {
            crew.write(&format!("Template {at}")).await;
        }
        let job = crew.begun().await;
        crew.complete(&crew.operator, job, 1, Some("3")).await.unwrap();
        let by = world.app.settling_of(&command_line(), &crew.admin.tenant().id).await.unwrap();
        world.app.add_domain(&by, "acme.test").await.unwrap();
        fill(&world, "other").await;
        let users = world.database.value("SELECT count(*) FROM users WHERE tenant_id = 'acme'").await;
        for at in 0..510 {
            let sql = format!(
                "INSERT INTO users (tenant_id, id, email, email_key, first_name, last_name, title, search, status, roles, epoch, created_at)
                 VALUES ('acme', {}, 'u{at}', 'u{at}', 'A', 'B', '', '', 'disabled', 3, 1, 1)", 10_000 + at);
            world.database.run(&sql).await;
        }
        let lines = export(&world, "acme").await;
        assert_eq!((&lines[0]["kind"], &lines[0]["client"], &lines[0]["format"]), (&"export".into(), &"acme".into(), &1.into()));
        assert_eq!((&lines[1]["kind"], &lines[1]["status"]), (&"client".into(), &"active".into()));
        let end = lines.last().unwrap();
        assert_eq!((&end["kind"], end["lines"].as_u64()), (&"end".into(), Some(lines.len() as u64 - 1)));
        let of = |kind: &str| lines.iter().filter(|line| line["kind"] == *kind).collect::<Vec<_>>();
        assert_eq!(of("user").len(), users.parse::<usize>().unwrap() + 510);
        assert_eq!(of("template").len(), 4);
        assert_eq!(of("record")[0]["value"], "3");
        assert_eq!(of("record")[0]["jobId"], job.to_string());
        assert_eq!(of("user").last().unwrap()["roles"], serde_json::json!(["ADMIN", "USER_ADMIN"]));
        assert!(of("templateVersion")[0]["steps"].is_array());
        let expected = ["audit", "client", "domain", "end", "export", "job", "jobHistory", "knownAddress", "record", "session", "template",
            "templateHistory", "templateVersion", "user", "versionEditor"];
        assert_eq!(kinds(&lines), BTreeSet::from(expected));
        let text = lines.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
        for secret in ["$argon2", "sealed", "passwordHash", "other.test", "epoch", "branch"] {
            assert!(!text.contains(secret), "{secret}");
        }
        assert_eq!(world.last_of_admins("client.exported").await, "command-line client.exported client:acme done");
    }

    async fn what_is_not_there_is_not_read_out(world) {
        let nowhere = world.app.export_tenant(&command_line(), &"nowhere".parse().unwrap(), None).await;
        assert!(matches!(nowhere, Err(Error::NotFound)));
        let acme = world.tenant("acme").await;
        world.user(&acme, "john", &[Role::Viewer]).await;
        let (_, place) = world.app.export_tenant(&command_line(), &acme, None).await.unwrap().unwrap();
        world.app.delete_tenant(&command_line(), &acme).await.unwrap();
        let gone = world.app.export_tenant(&command_line(), &acme, Some(place)).await;
        assert!(matches!(gone, Err(Error::NotFound)));
    }
}
