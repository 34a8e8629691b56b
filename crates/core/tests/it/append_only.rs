//! The audit log only grows: what nobody can change or remove, not even with the program's own connection, and the two ways out of it.

use purser_core::access::Role;
use purser_core::audit::{Filter, Log, RELAY_DELAY, Record};
use purser_core::config::Span;
use purser_core::error::Error;

use crate::on_both;
use crate::world::{World, command_line, short};

const DAY: u64 = 86_400;

/// A place that takes lines, and those it took.
async fn relayed(world: &World, place: &str, node: &str) -> Vec<String> {
    let mut taken = Vec::new();
    loop {
        let lines = world.app.lines_to_relay(place, node).await.unwrap();
        let Some(last) = lines.last() else { return taken };
        taken.extend(lines.iter().map(short));
        world.app.relayed(place, node, last.id).await.unwrap();
    }
}

/// A year's retention.
async fn with_retention(world: World, span: &str) -> World {
    let span: Span = span.parse().unwrap();
    world.with(|settings| settings.audit.retention = Some(span)).await
}

on_both! {
    async fn no_line_is_changed_or_removed_by_sql(world) {
        let acme = world.tenant("acme").await;
        world.user(&acme, "john", &[Role::Admin]).await;
        let before = world.database.rows("SELECT * FROM audit ORDER BY id").await;
        assert!(before.len() >= 2);
        for sql in [
            "UPDATE audit SET reason = 'nothing happened'",
            "UPDATE audit SET reason = reason WHERE tenant_id = ''",
            "DELETE FROM audit",
            "DELETE FROM audit WHERE tenant_id = ''",
            "DELETE FROM audit WHERE tenant_id = 'acme'",
        ] {
            assert!(world.database.try_run(sql).await.is_err(), "{sql}");
        }
        if world.database.is_postgres() {
            assert!(world.database.try_run("TRUNCATE audit").await.is_err());
            let may = "SELECT has_table_privilege('audit', 'UPDATE'), has_table_privilege('audit', 'DELETE'),
                has_table_privilege('audit', 'TRUNCATE') FROM pg_roles WHERE rolname = current_user AND NOT rolsuper";
            assert_eq!(world.database.rows(may).await, [["f", "f", "f"]]);
        }
        // Not even by the way for lines that may go: its tenant is there, and the admin realm's never goes.
        for log in ["acme", ""] {
            let sql = format!("INSERT INTO audit_removals (log, before, below, most) VALUES ('{log}', 0, '', 0)");
            world.database.run(&sql).await;
        }
        assert_eq!(world.database.rows("SELECT * FROM audit ORDER BY id").await, before);
        assert_eq!(world.database.value("SELECT count(*) FROM audit_removals").await, "0");
    }

    /// A privilege that the owner gives back to itself opens nothing.
    async fn no_line_is_removed_by_who_takes_the_privilege_back(world) {
        world.tenant("acme").await;
        if world.database.is_postgres() {
            world.database.run("GRANT UPDATE, DELETE, TRUNCATE ON audit TO CURRENT_USER").await;
        }
        for sql in ["UPDATE audit SET reason = ''", "DELETE FROM audit"] {
            let refused = world.database.try_run(sql).await.unwrap_err();
            assert!(refused.contains("the audit log is only added to"), "{refused}");
        }
    }

    async fn a_log_goes_with_its_tenant_and_every_other_stays(world) {
        let (acme, beta) = (world.tenant("acme").await, world.tenant("beta").await);
        for tenant in [&acme, &beta] {
            world.user(tenant, "john", &[Role::Admin]).await;
        }
        world.app.delete_tenant(&command_line(), &acme).await.unwrap();
        assert_eq!(world.log(&acme).await.len(), 0);
        assert_eq!(world.log(&beta).await.len(), 1);
        assert!(world.admin_log().await.iter().any(|line| short(line) == "command-line client.deleted client:acme done"));
        assert!(world.database.try_run("DELETE FROM audit WHERE tenant_id = 'beta'").await.is_err());
    }

    async fn lines_past_the_retention_go_by_whole_days_and_that_is_written_down_once(world) {
        let world = with_retention(world, "30d").await;
        let acme = world.tenant("acme").await;
        world.user(&acme, "old", &[]).await;
        world.wait(DAY);
        world.user(&acme, "young", &[]).await;
        world.app.keep_house().await.unwrap();
        assert_eq!(world.log(&acme).await.len(), 2);
        world.wait(30 * DAY);
        for _ in 0..3 {
            world.app.keep_house().await.unwrap();
        }
        let left: Vec<String> = world.log(&acme).await.iter().map(short).collect();
        assert_eq!(left, ["command-line user.created user:2 done"]);
        let told: Vec<String> = world.admin_log().await.iter().map(short).collect();
        assert_eq!(told, ["system audit.trimmed audit:all done: lines from before 2027-01-16T00:00:00Z"]);
        assert_eq!(world.database.value("SELECT count(*) FROM audit_removals").await, "0");
    }

    async fn without_a_retention_no_line_ever_goes(world) {
        let acme = world.tenant("acme").await;
        world.user(&acme, "old", &[]).await;
        world.wait(3_650 * DAY);
        world.app.keep_house().await.unwrap();
        assert_eq!(world.log(&acme).await.len(), 1);
    }

    async fn the_log_is_read_out_oldest_first_and_each_line_once(world) {
        let acme = world.tenant("acme").await;
        let admin = world.as_role(Role::Admin).await;
        for at in 0..20 {
            world.wait(1);
            world.user(&acme, &format!("user{at}"), &[]).await;
        }
        let filter = || Filter { first: Some(7), action: "user.created".into(), ..Filter::default() };
        let mut read: Vec<Record> = Vec::new();
        loop {
            let after = read.last().map(|line| line.id);
            let piece = world.app.export_audit(&admin.grant().unwrap(), &filter(), after).await.unwrap();
            if piece.is_empty() {
                break;
            }
            read.extend(piece);
        }
        let expected: Vec<String> = world.log(&acme).await.iter().filter(|it| it.action == "user.created").map(short).collect();
        assert_eq!(read.iter().map(short).collect::<Vec<_>>(), expected);
        assert_eq!(expected.len(), 21);
        let noted = world.last(&acme, "audit.exported").await.unwrap();
        assert_eq!(noted, format!("user {} audit.exported audit:own done: action user.created", admin.user().id));
        let since = Filter { since: Some(read[10].at), ..filter() };
        let by = command_line();
        let all = world.app.export_audits(&by, &Log::All, &since, None).await.unwrap();
        assert_eq!(all[0].id, read[10].id);
        assert_eq!(world.last_of_admins("audit.exported").await, "command-line audit.exported audit:all done: action user.created, since 2027-01-15T08:00:10Z");
    }

    async fn what_is_sent_on_comes_in_order_and_goes_on_after_a_restart(world) {
        let delay = RELAY_DELAY.as_secs();
        world.wait(delay + 1);
        let acme = world.tenant("acme").await;
        assert_eq!(relayed(&world, "here", "one").await, [""; 0], "a new place begins with the present");
        world.user(&acme, "john", &[]).await;
        assert_eq!(relayed(&world, "here", "one").await, [""; 0], "not yet: another node may still be writing");
        world.wait(delay + 1);
        let first = relayed(&world, "here", "one").await;
        assert_eq!(first, ["command-line client.created client:acme done", "command-line user.created user:1 done"]);
        assert_eq!(relayed(&world, "here", "one").await, [""; 0]);
        let world = world.restarted().await;
        world.user(&acme, "jane", &[]).await;
        world.wait(delay + 31);
        assert_eq!(relayed(&world, "here", "two").await, ["command-line user.created user:2 done"]);
    }

    async fn what_could_not_be_sent_is_sent_again(world) {
        let acme = world.tenant("acme").await;
        relayed(&world, "here", "one").await;
        world.user(&acme, "john", &[]).await;
        world.wait(20);
        let lost = world.app.lines_to_relay("here", "one").await.unwrap();
        assert!(!lost.is_empty());
        assert_eq!(relayed(&world, "here", "one").await.last().unwrap(), "command-line user.created user:1 done");
    }

    async fn one_node_sends_while_it_lives_and_another_when_it_is_gone(world) {
        let acme = world.tenant("acme").await;
        relayed(&world, "here", "one").await;
        relayed(&world, "here", "one").await;
        world.user(&acme, "john", &[]).await;
        world.wait(20);
        assert_eq!(relayed(&world, "here", "two").await, [""; 0], "it is the other's turn");
        assert_eq!(relayed(&world, "elsewhere", "two").await, [""; 0]);
        world.wait(31);
        assert_eq!(relayed(&world, "here", "two").await.last().unwrap(), "command-line user.created user:1 done");
        assert_eq!(relayed(&world, "here", "one").await, [""; 0]);
        let last = world.log(&acme).await.pop().unwrap().id;
        assert!(matches!(world.app.relayed("here", "one", last).await, Err(Error::Conflict)));
    }
}
