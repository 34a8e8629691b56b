//! Tenants: making, changing and deleting them, and what a name used again inherits: nothing.

use purser_core::access::Role;
use purser_core::app::App;
use purser_core::error::Error;
use purser_core::ids::TenantId;
use purser_core::tenants::{NewTenant, TenantSettings, TenantStatus, TenantUpdate};
use purser_core::users::UserFilter;

use crate::on_both;
use crate::world::{PASSWORD, World, caller, command_line, named, short, soon, stranger};

async fn found(app: &App, after: Option<&str>, search: &str, first: u32) -> Vec<String> {
    let after = after.map(|id| id.parse::<TenantId>().unwrap());
    let tenants = app.tenants(&command_line(), after.as_ref(), search, first).await.unwrap();
    tenants.into_iter().map(|tenant| tenant.id.to_string()).collect()
}

async fn admin_lines(world: &World) -> Vec<String> {
    let lines = world.admin_log().await;
    lines.iter().filter(|line| line.action.starts_with("client.")).map(short).collect()
}

on_both! {
    async fn a_tenant_is_made_once(world) {
        let made =
            world.app.create_tenant(&command_line(), NewTenant::parse("acme", " Acme Ltd ").unwrap()).await.unwrap();
        assert_eq!((made.id.as_str(), made.name.as_str(), made.status), ("acme", "Acme Ltd", TenantStatus::Active));
        assert_eq!(made.settings, TenantSettings::default());
        let again = world.app.create_tenant(&command_line(), NewTenant::parse("acme", "Other").unwrap()).await;
        assert!(matches!(again, Err(Error::Conflict)));
        assert_eq!(world.app.tenant(&command_line(), &made.id).await.unwrap().name, "Acme Ltd");
        assert_eq!(admin_lines(&world).await, ["command-line client.created client:acme done"]);
        let nowhere: TenantId = "nowhere".parse().unwrap();
        assert!(matches!(world.app.tenant(&command_line(), &nowhere).await, Err(Error::NotFound)));
        let update = world.app.update_tenant(&command_line(), &nowhere, TenantUpdate::default()).await;
        assert!(matches!(update, Err(Error::NotFound)));
        assert!(matches!(world.app.delete_tenant(&command_line(), &nowhere).await, Err(Error::NotFound)));
        assert!(matches!(world.app.end_tenant_sessions(&command_line(), &nowhere).await, Err(Error::NotFound)));
        assert_eq!(admin_lines(&world).await.len(), 1);
    }

    async fn a_change_is_logged_once_and_what_changes_nothing_is_not(world) {
        let acme = world.tenant("acme").await;
        let update = async |update: TenantUpdate| {
            world.wait(1);
            world.app.update_tenant(&command_line(), &acme, update).await
        };
        update(TenantUpdate { name: Some("New".into()), ..TenantUpdate::default() }).await.unwrap();
        update(TenantUpdate { name: Some(" New ".into()), ..TenantUpdate::default() }).await.unwrap();
        update(TenantUpdate { status: Some(TenantStatus::Active), ..TenantUpdate::default() }).await.unwrap();
        update(TenantUpdate { status: Some(TenantStatus::Disabled), ..TenantUpdate::default() }).await.unwrap();
        update(TenantUpdate { status: Some(TenantStatus::Disabled), ..TenantUpdate::default() }).await.unwrap();
        update(TenantUpdate { status: Some(TenantStatus::Active), ..TenantUpdate::default() }).await.unwrap();
        let log = ["created", "updated", "disabled", "enabled"]
            .map(|it| format!("command-line client.{it} client:acme done"));
        assert_eq!(admin_lines(&world).await, log);
    }

    async fn every_field_of_a_change_is_checked(world) {
        let acme = world.tenant("acme").await;
        let before = world.database.dump().await;
        let settings = |change: fn(&mut TenantSettings)| {
            let mut settings = TenantSettings::default();
            change(&mut settings);
            TenantUpdate { settings: Some(settings.into()), ..TenantUpdate::default() }
        };
        let bad = [
            TenantUpdate { name: Some(" ".into()), ..TenantUpdate::default() },
            TenantUpdate { name: Some("a\u{7}".into()), ..TenantUpdate::default() },
            TenantUpdate { name: Some("x".repeat(201)), ..TenantUpdate::default() },
            settings(|it| it.forbidden_words = vec![String::new()]),
            settings(|it| it.forbidden_words = vec!["x".repeat(101)]),
            settings(|it| it.forbidden_words = vec!["x".into(); 1_001]),
            settings(|it| it.password_min_length = Some(65)),
        ];
        for update in bad {
            let refused = world.app.update_tenant(&command_line(), &acme, update).await;
            assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
        }
        assert_eq!(world.database.dump().await, before);
    }

    async fn changes_of_name_and_settings_at_once_both_hold(world) {
        let acme = world.tenant("acme").await;
        for turn in 0..10 {
            let name = TenantUpdate { name: Some(format!("Name {turn}")), ..TenantUpdate::default() };
            let settings = TenantSettings { forbidden_words: vec![format!("word{turn}")], ..TenantSettings::default() };
            let settings = TenantUpdate { settings: Some(settings.into()), ..TenantUpdate::default() };
            let by = command_line();
            let both = [name, settings].map(|update| world.app.update_tenant(&by, &acme, update));
            let outcomes = futures::future::join_all(both).await;
            assert!(outcomes.iter().all(|it| matches!(it, Ok(_) | Err(Error::Conflict))), "{outcomes:?}");
            let now = world.app.tenant(&command_line(), &acme).await.unwrap();
            assert_eq!(outcomes[0].is_ok(), now.name == format!("Name {turn}"));
            assert_eq!(outcomes[1].is_ok(), now.settings.forbidden_words == [format!("word{turn}")]);
        }
    }

    async fn tenants_are_listed_by_id_and_found_by_id_or_name(world) {
        for (id, name) in [("b-1", "50% off"), ("a", "Acme_Ltd"), ("c", "\u{d6}l & S\u{f6}hne"), ("b-2", "back\\slash")]
        {
            world.app.create_tenant(&command_line(), NewTenant::parse(id, name).unwrap()).await.unwrap();
        }
        assert_eq!(found(&world.app, None, "", 500).await, ["a", "b-1", "b-2", "c"]);
        assert_eq!(found(&world.app, None, "", 2).await, ["a", "b-1"]);
        assert_eq!(found(&world.app, Some("b-1"), "", 2).await, ["b-2", "c"]);
        assert_eq!(found(&world.app, Some("c"), "", 2).await.len(), 0);
        assert_eq!(found(&world.app, None, "", 0).await, ["a"]);
        let cases = [
            ("B-", 2),
            ("%", 1),
            ("_", 1),
            ("\\", 1),
            ("acme_ltd", 1),
            ("acmexltd", 0),
            ("\u{f6}L &", 1),
            ("\u{d6}l", 1),
            ("\0", 0),
        ];
        for (search, count) in cases {
            assert_eq!(found(&world.app, None, search, 500).await.len(), count, "{search:?}");
        }
    }

    async fn a_deleted_tenant_leaves_nothing_and_its_name_inherits_nothing(world) {
        let world = world.with(|settings| settings.limits.guesses_per_tenant = 1).await;
        let acme = world.tenant("acme").await;
        let other = world.tenant("other").await;
        world.user(&other, "john", &[Role::Viewer]).await;
        world.settle(&acme, |settings| settings.strict_refresh = true).await;
        world.user(&acme, "john", &[Role::Admin]).await;
        world.app.sign_in(named("john@acme.test", PASSWORD, "acme"), &stranger()).await.unwrap();
        world.app.sign_in(named("nobody@acme.test", "x", "acme"), &stranger()).await.unwrap_err();
        world.app.delete_tenant(&command_line(), &acme).await.unwrap();
        for table in ["users", "sessions", "known_addresses", "audit", "tenants"] {
            let left = world.database.value(&format!("SELECT count(*) FROM {table} WHERE tenant_id = 'acme'")).await;
            assert_eq!(left, "0", "{table}");
        }
        let by = command_line();
        let gone = world.app.users_of(&by, &acme, &UserFilter::default()).await;
        assert!(matches!(gone, Err(Error::NotFound)));
        let acme = world.tenant("acme").await;
        assert_eq!(world.app.tenant(&command_line(), &acme).await.unwrap().settings, TenantSettings::default());
        assert_eq!(world.log(&acme).await.len(), 0);
        world.user(&acme, "john", &[]).await;
        world.app.sign_in(named("john@acme.test", PASSWORD, "acme"), &stranger()).await.unwrap();
        let lines = admin_lines(&world).await;
        assert!(lines.contains(&"command-line client.deleted client:acme done".into()), "{lines:?}");
        assert!(world.app.sign_in(named("john@other.test", PASSWORD, "other"), &stranger()).await.is_ok());
    }

    /// Somebody's guess was being looked at while the tenant was deleted, and is logged after it.
    async fn what_was_written_about_a_tenant_too_late_is_not_inherited_either(world) {
        let acme = world.tenant("acme").await;
        world.user(&acme, "john", &[]).await;
        let (node, gate) = world.gated_node().await;
        let guess = tokio::spawn(async move { node.sign_in(named("john@acme.test", "x", "acme"), &stranger()).await });
        let pending = async || world.database.value("SELECT count(*) FROM guesses WHERE pending > 0").await == "1";
        soon("the guess to wait for the hash", pending).await;
        world.app.delete_tenant(&command_line(), &acme).await.unwrap();
        gate.open();
        assert!(matches!(guess.await.unwrap(), Err(Error::InvalidCredentials)));
        let acme = world.tenant("acme").await;
        assert_eq!(world.log(&acme).await.len(), 0);
        assert_eq!(world.database.value("SELECT count(*) FROM guesses WHERE id = 'tenant/acme'").await, "0");
    }

    async fn a_tenant_disabled_and_enabled_keeps_what_it_held(world) {
        let acme = world.tenant("acme").await;
        let user = world.user(&acme, "john", &[Role::Admin]).await;
        world.switch(&acme, TenantStatus::Disabled).await;
        let held = world.app.users_of(&command_line(), &acme, &UserFilter::default()).await.unwrap();
        assert_eq!(held[0].id, user.id);
        world.switch(&acme, TenantStatus::Active).await;
        world.sign_in("john@acme.test").await;
    }

    async fn settings_hold_on_the_other_node_within_a_second(world) {
        let acme = world.tenant("acme").await;
        world.user(&acme, "john", &[Role::Viewer]).await;
        let other = world.another_node().await;
        let token = world.sign_in("john@acme.test").await.handed.token;
        caller(&other, &token).await.unwrap();
        world.settle(&acme, |settings| settings.sso_only = true).await;
        let heard = async || caller(&other, &token).await.unwrap().tenant().settings.sso_only;
        soon("the new settings", heard).await;
        let refused = other.sign_in(named("john@acme.test", PASSWORD, "acme"), &stranger()).await;
        assert!(matches!(refused, Err(Error::SsoRequired)));
    }
}

#[test]
fn an_id_is_a_dns_label_and_a_name_is_text() {
    let long = "x".repeat(64);
    for id in ["", "-a", "a-", "A", "a_b", "a.b", "a b", "\u{f6}", "a\0", "*", "a/b", "a'--", "admin", "all", &long] {
        let refused = NewTenant::parse(id, "Name");
        assert!(matches!(&refused, Err(Error::Invalid(it)) if it[0].field == "id"), "{id:?}");
    }
    for name in ["", " ", "a\nb", &"x".repeat(201)] {
        let refused = NewTenant::parse("acme", name);
        assert!(matches!(&refused, Err(Error::Invalid(it)) if it[0].field == "name"), "{name:?}");
    }
    for id in ["a", "0", "a-b-1", &"x".repeat(63)] {
        assert!(NewTenant::parse(id, &"\u{1f511}".repeat(200)).is_ok());
    }
}
