//! The audit log: one line for each deed, written with it or not at all, and never a secret.

use purser_core::access::Role;
use purser_core::admins::Username;
use purser_core::audit::{Filter, Log, Record};
use purser_core::env::Timestamp;
use purser_core::error::Error;
use purser_core::ids::TenantId;
use purser_core::secret::Secret;
use purser_core::session::{Extent, Shown};
use purser_core::signin::{AdminClaim, PasswordChange};
use purser_core::tenants::{NewTenant, TenantStatus, TenantUpdate};
use purser_core::users::{NewUser, UserUpdate};

use crate::on_both;
use crate::world::{PASSWORD, World, command_line, named, refresh, short, stranger, visit};

const NEW: &str = "another password of mine";

/// The lines written meanwhile, the admin realm's marked, ids of sessions and keys left out.
async fn lines_of(world: &World, tenant: &TenantId, deed: impl AsyncFnOnce()) -> Vec<String> {
    let read = async || {
        let filter = Filter { first: Some(500), ..Filter::default() };
        world.app.audit_logs(&command_line(), &Log::All, &filter).await.unwrap()
    };
    let before = read().await.len();
    world.wait(1);
    deed().await;
    let mut lines = read().await;
    lines.truncate(lines.len() - before);
    let known = |id: &str| {
        if id.starts_with("session:0") {
            "session:ID"
        } else if id.starts_with("key:") {
            "key:ID"
        } else {
            id
        }
        .to_owned()
    };
    let marked = |line: &Record| {
        let realm = if line.tenant.as_ref() == Some(tenant) { "" } else { "admin realm: " };
        format!("{realm}{}", short(line).split(' ').map(known).collect::<Vec<_>>().join(" "))
    };
    let mut lines: Vec<String> = lines.iter().map(marked).collect();
    lines.sort();
    lines
}

on_both! {
    async fn each_deed_of_a_user_or_manager_writes_its_line(world) {
        let acme = world.tenant("acme").await;
        let admin = world.as_role(Role::Admin).await;
        let by = || admin.grant().unwrap();
        let a = admin.user().id;
        let new = NewUser::parse(
            "john@acme.test",
            "John",
            "Doe",
            "",
            [Role::Viewer, Role::Author],
            Some(Secret::new(PASSWORD)),
        )
        .unwrap();
        let lines = lines_of(&world, &acme, async || drop(world.app.create_user(&by(), new).await.unwrap())).await;
        let john = a.0 + 1;
        let j = purser_core::ids::UserId(john);
        assert_eq!(lines, [format!("user {a} user.created user:{john} done: AUTHOR VIEWER")]);
        let update = UserUpdate { title: Some("Fitter".into()), ..UserUpdate::default() };
        let lines =
            lines_of(&world, &acme, async || drop(world.app.update_user(&by(), j, update).await.unwrap())).await;
        assert_eq!(lines, [format!("user {a} user.updated user:{john} done")]);
        let lines =
            lines_of(&world, &acme, async || drop(world.app.set_user_roles(&by(), j, [Role::Viewer]).await.unwrap()))
                .await;
        assert_eq!(lines, [format!("user {a} user.roles-set user:{john} done: VIEWER")]);
        let lines = lines_of(&world, &acme, async || drop(world.sign_in("john@acme.test").await)).await;
        assert_eq!(lines, [format!("user {john} session.sign-in user:{john} done: password")]);
        let begin = async || world.caller(&world.sign_in("john@acme.test").await.handed.token).await.unwrap();
        let [one, two, three] = [begin().await, begin().await, begin().await];
        let lines =
            lines_of(&world, &acme, async || world.app.end_own_session(&one, two.session().unwrap()).await.unwrap()).await;
        assert_eq!(lines, [format!("user {john} session.ended session:ID done")]);
        let lines = lines_of(&world, &acme, async || world.app.sign_out(&one, Extent::This).await.unwrap()).await;
        assert_eq!(lines, [format!("user {john} session.sign-out session:ID done")]);
        let lines = lines_of(&world, &acme, async || world.app.sign_out(&three, Extent::All).await.unwrap()).await;
        assert_eq!(lines, [format!("user {john} session.sign-out-all user:{john} done")]);
        let lines = lines_of(&world, &acme, async || drop(world.app.end_user_sessions(&by(), j).await.unwrap())).await;
        assert_eq!(lines, [format!("user {a} session.sign-out-all user:{john} done")]);
        let four = begin().await;
        let wish = PasswordChange { current: Secret::new(PASSWORD), new: Secret::new(NEW) };
        let lines = lines_of(&world, &acme, async || world.app.change_password(&four, wish).await.unwrap()).await;
        assert_eq!(lines, [format!("user {john} user.password-changed user:{john} done")]);
        let lines = lines_of(&world, &acme, async || drop(world.app.disable_user(&by(), j).await.unwrap())).await;
        assert_eq!(lines, [format!("user {a} user.disabled user:{john} done")]);
        let lines = lines_of(&world, &acme, async || drop(world.app.enable_user(&by(), j).await.unwrap())).await;
        assert_eq!(lines, [format!("user {a} user.enabled user:{john} done")]);
        let lines = lines_of(&world, &acme, async || drop(world.app.delete_user(&by(), j).await.unwrap())).await;
        assert_eq!(lines, [format!("user {a} user.deleted user:{john} done")]);
    }

    async fn each_deed_of_an_administrator_writes_its_line(world) {
        let acme: TenantId = "acme".parse().unwrap();
        let make = async |name: &str| {
            let name = Username::parse(name).unwrap();
            world.app.create_admin(&command_line(), name, &Secret::new(PASSWORD)).await.unwrap()
        };
        let lines = lines_of(&world, &acme, async || drop(make("root").await)).await;
        assert_eq!(lines, ["admin realm: command-line admin.created admin:1 done: root"]);
        make("other").await;
        let sign_in = async || {
            let claim = AdminClaim { username: "root".into(), password: Secret::new(PASSWORD) };
            world.app.sign_in_admin(claim, &visit()).await.unwrap().handed.token
        };
        let lines = lines_of(&world, &acme, async || drop(sign_in().await)).await;
        assert_eq!(lines, ["admin realm: admin 1 session.sign-in admin:1 done"]);
        let root = world.app.system_admin(Shown::Bearer(sign_in().await.reveal()), visit()).await.unwrap();
        let new = NewTenant::parse("acme", "Acme").unwrap();
        let lines =
            lines_of(&world, &acme, async || drop(world.app.create_tenant(&root.grant(), new).await.unwrap())).await;
        assert_eq!(lines, ["admin realm: admin 1 client.created client:acme done"]);
        let name = TenantUpdate { name: Some("New".into()), ..TenantUpdate::default() };
        let off = TenantUpdate { status: Some(TenantStatus::Disabled), ..TenantUpdate::default() };
        let on = TenantUpdate { status: Some(TenantStatus::Active), ..TenantUpdate::default() };
        for (update, word) in [(name, "updated"), (off, "disabled"), (on, "enabled")] {
            let lines = lines_of(&world, &acme, async || {
                drop(world.app.update_tenant(&root.grant(), &acme, update).await.unwrap());
            })
            .await;
            assert_eq!(lines, [format!("admin realm: admin 1 client.{word} client:acme done")]);
        }
        let by = world.app.managing_users_of(&root.grant(), &acme).await.unwrap();
        let new =
            NewUser::parse("john@acme.test", "John", "Doe", "", [Role::Admin], Some(Secret::new(PASSWORD))).unwrap();
        let lines = lines_of(&world, &acme, async || drop(world.app.create_user(&by, new).await.unwrap())).await;
        assert_eq!(lines, ["admin 1 user.created user:1 done: ADMIN"]);
        let session = world.caller(&world.sign_in("john@acme.test").await.handed.token).await.unwrap().session().unwrap();
        let lines =
            lines_of(&world, &acme, async || world.app.end_session(&root.grant(), session).await.unwrap()).await;
        assert_eq!(lines, ["admin realm: admin 1 session.ended session:ID done"]);
        let lines =
            lines_of(&world, &acme, async || world.app.end_tenant_sessions(&root.grant(), &acme).await.unwrap()).await;
        assert_eq!(lines, ["admin realm: admin 1 session.sign-out-all client:acme done"]);
        let lines = lines_of(&world, &acme, async || world.app.end_all_sessions(&root.grant()).await.unwrap()).await;
        assert_eq!(lines, ["admin realm: admin 1 session.sign-out-all deployment:all done"]);
        let lines = lines_of(&world, &acme, async || drop(world.app.rotate_keys(&root.grant()).await.unwrap())).await;
        assert_eq!(lines, ["admin realm: admin 1 keys.rotated key:ID done"; 2]);
        let other = purser_core::ids::AdminId(2);
        let lines =
            lines_of(&world, &acme, async || drop(world.app.disable_admin(&root.grant(), other).await.unwrap())).await;
        assert_eq!(lines, ["admin realm: admin 1 admin.disabled admin:2 done"]);
        let lines =
            lines_of(&world, &acme, async || drop(world.app.enable_admin(&root.grant(), other).await.unwrap())).await;
        assert_eq!(lines, ["admin realm: admin 1 admin.enabled admin:2 done"]);
        let lines = lines_of(&world, &acme, async || world.app.delete_admin(&root.grant(), other).await.unwrap()).await;
        assert_eq!(lines, ["admin realm: admin 1 admin.deleted admin:2 done"]);
        let lines =
            lines_of(&world, &acme, async || world.app.sign_out_admin(&root, Extent::This).await.unwrap()).await;
        assert_eq!(lines, ["admin realm: admin 1 session.sign-out session:ID done"]);
    }

    async fn a_line_says_whence_and_under_which_request(world) {
        let acme = world.tenant("acme").await;
        world.user(&acme, "john", &[]).await;
        let mut visit = stranger();
        visit.request = "request-7".into();
        world.wait(5);
        world.app.sign_in(named("john@acme.test", PASSWORD, "acme"), &visit).await.unwrap();
        let line = world.log(&acme).await.pop().unwrap();
        assert_eq!((line.address, line.request.as_str()), (visit.address.to_string(), "request-7"));
        assert_eq!(line.at, Timestamp::from_seconds(1_800_000_005));
        assert_eq!(line.tenant, Some(acme.clone()));
        assert_eq!(world.log(&acme).await[0].address, "", "the command line comes from nowhere");
    }

    async fn a_filter_by_each_field_finds_its_lines_and_pages_hold_each_once(world) {
        let acme = world.tenant("acme").await;
        let admin = world.as_role(Role::Admin).await;
        for at in 0..10 {
            world.wait(10);
            let user = world.user(&acme, &format!("user{at}"), &[]).await;
            world.app.disable_user(&admin.grant().unwrap(), user.id).await.unwrap();
            world.try_sign_in(&format!("user{at}@acme.test"), "x").await.unwrap_err();
        }
        let found = async |filter: Filter| world.app.audit_log(&admin.grant().unwrap(), &filter).await.unwrap();
        let count = async |filter: Filter| found(filter).await.len();
        let all = found(Filter::default()).await;
        assert_eq!(all.len(), 32);
        assert!(all.windows(2).all(|two| two[0].at >= two[1].at), "newest first");
        let none = Filter::default;
        assert_eq!(count(Filter { action: "user.disabled".into(), ..none() }).await, 10);
        assert_eq!(count(Filter { action: "user.%".into(), ..none() }).await, 0);
        assert_eq!(count(Filter { actor: admin.user().id.to_string(), ..none() }).await, 11);
        assert_eq!(count(Filter { target: "user:3".into(), ..none() }).await, 3);
        assert_eq!(count(Filter { outcome: "refused".into(), ..none() }).await, 10);
        let at = |seconds: i64| Some(Timestamp::from_seconds(1_800_000_000 + seconds));
        assert_eq!(count(Filter { since: at(91), ..none() }).await, 3);
        assert_eq!(count(Filter { since: at(100), ..none() }).await, 3);
        assert_eq!(count(Filter { until: at(10), ..none() }).await, 2);
        assert_eq!(count(Filter { since: at(10), until: at(30), outcome: "done".into(), ..none() }).await, 4);
        assert_eq!(count(Filter { action: "\0".into(), ..none() }).await, 0);
        let mut paged = Vec::new();
        loop {
            let page =
                found(Filter { first: Some(7), before: paged.last().map(|line: &Record| line.id), ..none() }).await;
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        let ids = |lines: &[Record]| lines.iter().map(|line| line.id).collect::<Vec<_>>();
        assert_eq!(ids(&paged), ids(&all));
        assert_eq!(count(Filter { first: Some(0), ..none() }).await, 1);
    }

    async fn lines_of_one_moment_stand_in_the_order_in_which_they_were_written(world) {
        let acme = world.tenant("acme").await;
        let mut made = Vec::new();
        for at in 0..20 {
            made.push(format!("user:{}", world.user(&acme, &format!("user{at}"), &[]).await.id));
        }
        let logged: Vec<String> = world.log(&acme).await.into_iter().map(|line| line.target).collect();
        assert_eq!(logged, made);
    }

    async fn a_tenant_reads_its_own_log_only_and_an_administrator_any(world) {
        let admin = world.as_role(Role::Admin).await;
        let other = world.tenant("other").await;
        world.user(&other, "john", &[]).await;
        let own = world.app.audit_log(&admin.grant().unwrap(), &Filter::default()).await.unwrap();
        assert!(own.iter().all(|line| line.tenant.as_ref().unwrap().as_str() == "acme"));
        let read = async |log: Log| world.app.audit_logs(&command_line(), &log, &Filter::default()).await.unwrap();
        assert!(read(Log::AdminRealm).await.iter().all(|line| line.tenant.is_none()));
        assert_eq!(read(Log::Tenant(other)).await.len(), 1);
        let sum = read(Log::AdminRealm).await.len() + own.len() + 1;
        assert_eq!(read(Log::All).await.len(), sum);
    }

    /// If the log cannot be written, nothing is done.
    async fn without_its_line_no_deed_is_done(world) {
        let admin = world.as_role(Role::Admin).await;
        let acme = admin.tenant().id.clone();
        let user = world.user(&acme, "john", &[Role::Viewer]).await;
        let handed = world.sign_in("john@acme.test").await.handed;
        let john = world.caller(&handed.token).await.unwrap();
        // A sign-in would also bring John's hash up to these parameters.
        let world = world.with(|settings| settings.passwords.memory_kib = 128).await;
        world
            .database
            .run(if world.database.is_postgres() {
                "CREATE FUNCTION full_log() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''full''; END';
                     CREATE TRIGGER full_log BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION full_log()"
            } else {
                "CREATE TRIGGER full_log BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'full'); END"
            })
            .await;
        let before = world.database.rows("SELECT * FROM users").await;
        let sessions = world.database.rows("SELECT * FROM sessions").await;
        let by = || admin.grant().unwrap();
        let new = NewUser::parse("new@acme.test", "New", "Comer", "", [], None).unwrap();
        let wish = PasswordChange { current: Secret::new(PASSWORD), new: Secret::new(NEW) };
        let claim = named("john@acme.test", PASSWORD, "acme");
        let refusals: Vec<Error> = vec![
            world.app.create_user(&by(), new).await.unwrap_err(),
            world.app.set_user_roles(&by(), user.id, []).await.unwrap_err(),
            world.app.disable_user(&by(), user.id).await.unwrap_err(),
            world.app.delete_user(&by(), user.id).await.unwrap_err(),
            world.app.end_user_sessions(&by(), user.id).await.unwrap_err(),
            world.app.change_password(&john, wish).await.unwrap_err(),
            world.app.sign_out(&john, Extent::This).await.unwrap_err(),
            world.app.sign_out(&john, Extent::All).await.unwrap_err(),
            world.app.sign_in(claim, &visit()).await.unwrap_err(),
            world.app.create_tenant(&command_line(), NewTenant::parse("new", "New").unwrap()).await.unwrap_err(),
            world.app.delete_tenant(&command_line(), &acme).await.unwrap_err(),
        ];
        // SQLite counts what a trigger raises among the broken constraints.
        assert!(refusals.iter().all(|it| matches!(it, Error::StoreUnavailable(_) | Error::Conflict)), "{refusals:?}");
        assert_eq!(world.database.rows("SELECT * FROM users").await, before);
        assert_eq!(world.database.rows("SELECT * FROM sessions").await, sessions);
        assert_eq!(world.database.value("SELECT count(*) FROM tenants").await, "1");
        world.caller(&handed.token).await.unwrap();
    }

    async fn no_secret_is_ever_in_the_log(world) {
        let acme = world.tenant("acme").await;
        world.user(&acme, "john", &[Role::Admin]).await;
        let root = Username::parse("root").unwrap();
        world.app.create_admin(&command_line(), root, &Secret::new("canary of an admin")).await.unwrap();
        let handed = world.sign_in("john@acme.test").await.handed;
        let second = refresh(&world.app, &handed.refresh_token).await.unwrap().handed;
        let third = refresh(&world.app, &second.refresh_token).await.unwrap().handed;
        let john = world.caller(&third.token).await.unwrap();
        for current in ["canary of a wrong one", PASSWORD] {
            let wish = PasswordChange { current: Secret::new(current), new: Secret::new("canary of a new one") };
            let _either = world.app.change_password(&john, wish).await;
        }
        world.try_sign_in("john@acme.test", "canary of a guess").await.unwrap_err();
        world.try_sign_in("canary of the wrong field", "x").await.unwrap_err();
        let admin = AdminClaim { username: "root".into(), password: Secret::new("canary of an admin") };
        let admin = world.app.sign_in_admin(admin, &visit()).await.unwrap().handed;
        refresh(&world.app, &handed.refresh_token).await.unwrap_err();
        let log: Vec<String> =
            world.database.rows("SELECT * FROM audit").await.into_iter().map(|row| row.join(" ")).collect();
        let log = log.join("\n");
        assert!(log.contains("session.refresh-replayed") && log.contains("user.password-changed"));
        let tokens = [&handed, &second, &third, &admin].map(|it| [&it.token, &it.refresh_token]);
        let cookies = [&handed, &admin].map(|it| it.cookie.as_ref().unwrap());
        for secret in tokens.iter().flatten().copied().chain(cookies) {
            let body = secret.reveal().rsplit('.').next().unwrap();
            assert!(!log.contains(&body[body.len() / 2..]), "a handle or its seal is in the log");
        }
        assert!(!log.contains("canary") && !log.contains(PASSWORD) && !log.contains("$argon2"), "{log}");
    }
}
