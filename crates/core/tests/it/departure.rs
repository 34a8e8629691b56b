//! A tenant that moves out: what is read out of it, and that nothing stays behind.

use std::collections::BTreeSet;

use purser_core::access::Role;
use purser_core::error::Error;
use purser_core::tenants::{LEFT_OUT, exported_tables};
use serde_json::Value;

use crate::isolation::fill;
use crate::on_both;
use crate::work::crew::Crew;
use crate::world::{World, command_line, named, short, stranger};

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
