//! Managing users: who may touch whom, what every tenant keeps to itself, and what every field must be.

use purser_core::access::{Caller, Grant, Role, right};
use purser_core::app::App;
use purser_core::error::{Error, Result};
use purser_core::ids::{TenantId, UserId};
use purser_core::secret::Secret;
use purser_core::users::{NewUser, User, UserFilter, UserStatus, UserUpdate};

use crate::on_both;
use crate::world::{PASSWORD, World, caller, command_line, named, visit};

fn acme() -> TenantId {
    "acme".parse().unwrap()
}

fn new(email: &str, roles: &[Role]) -> NewUser {
    NewUser::parse(email, "New", "Comer", "", roles.iter().copied(), Some(Secret::new(PASSWORD))).unwrap()
}

fn managing(caller: &Caller) -> Grant<right::UsersManage> {
    caller.grant().unwrap()
}

/// Every way to touch a user.
const DEEDS: [&str; 7] = ["update", "roles", "promote", "disable", "enable", "end sessions", "delete"];

async fn touch(world: &World, by: &Grant<right::UsersManage>, deed: &str, id: UserId) -> Result<User> {
    let app = &world.app;
    match deed {
        "update" => app.update_user(by, id, UserUpdate { title: Some("Fitter".into()), ..UserUpdate::default() }).await,
        "roles" => app.set_user_roles(by, id, [Role::Viewer]).await,
        "promote" => app.set_user_roles(by, id, [Role::Admin]).await,
        "disable" => app.disable_user(by, id).await,
        "enable" => app.enable_user(by, id).await,
        "end sessions" => app.end_user_sessions(by, id).await,
        "delete" => app.delete_user(by, id).await,
        other => unreachable!("{other}"),
    }
}

fn word<T>(outcome: &Result<T>) -> &'static str {
    outcome.as_ref().map_or_else(|refusal| refusal.code().as_str(), |_| "ok")
}

/// So many accounts, half of them taken over late.
async fn crowd(world: &World, count: i64) {
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}),
         named(i, first, last) AS (SELECT i, CASE i % 3 WHEN 0 THEN 'Anna' WHEN 1 THEN 'Bert' ELSE 'Anneke' END,
             CASE WHEN i > {count} / 2 THEN 'Latecomer' WHEN i % 2 = 0 THEN 'Berg ' || (i % 5) ELSE 'Garber' END FROM n)
         INSERT INTO users (tenant_id, id, email, email_key, first_name, last_name, title, search, status, roles, epoch, created_at)
         SELECT 'acme', i, 'u' || i || '@acme.test', 'u' || i || '@acme.test', first, last, '',
             lower('u' || i || '@acme.test ' || first || ' ' || last), 'invited',
             64 + CASE WHEN i % 10 = 0 THEN 8 ELSE 0 END + CASE WHEN i % 4000 = 0 THEN 1 ELSE 0 END, 1, 1 FROM named"
    );
    world.database.run(&sql).await;
}

on_both! {
    async fn only_admins_and_user_admins_manage_users_and_everybody_sees_them(world) {
        for role in Role::ALL {
            let caller = world.as_role(role).await;
            let may = matches!(role, Role::Admin | Role::UserAdmin);
            assert_eq!(caller.grant::<right::UsersManage>().is_ok(), may, "{role}");
            assert_eq!(caller.grant::<right::AuditRead>().is_ok(), may, "{role}");
            world.app.users(&caller.grant().unwrap(), &UserFilter::default()).await.unwrap();
            let by_role = UserFilter { role: Some(Role::Admin), ..UserFilter::default() };
            assert_eq!(world.app.users(&caller.grant().unwrap(), &by_role).await.is_ok(), may, "{role}");
        }
    }

    async fn a_user_admin_never_touches_an_admin_nor_makes_one(world) {
        let (admin, user_admin) = (world.as_role(Role::Admin).await, world.as_role(Role::UserAdmin).await);
        let mut serial = 0;
        for (by, may_touch_admins) in [(&admin, true), (&user_admin, false)] {
            for roles in [&[Role::Admin][..], &[Role::Admin, Role::Viewer], &[Role::UserAdmin], &[Role::Viewer], &[]] {
                for deed in DEEDS {
                    serial += 1;
                    let target = world.user(&acme(), &format!("target{serial}"), roles).await;
                    let outcome = touch(&world, &managing(by), deed, target.id).await;
                    let free = may_touch_admins || (!roles.contains(&Role::Admin) && deed != "promote");
                    let expected = if free { "ok" } else { "FORBIDDEN" };
                    assert_eq!(word(&outcome), expected, "{deed} {roles:?} by admin: {may_touch_admins}");
                }
            }
            for roles in [&[Role::Admin][..], &[Role::Viewer, Role::Admin], &[Role::UserAdmin], &[]] {
                serial += 1;
                let made = world.app.create_user(&managing(by), new(&format!("made{serial}@acme.test"), roles)).await;
                let free = may_touch_admins || !roles.contains(&Role::Admin);
                assert_eq!(word(&made), if free { "ok" } else { "FORBIDDEN" }, "{roles:?}");
            }
        }
    }

    async fn a_refused_touch_changes_and_logs_nothing(world) {
        let (admin, user_admin) = (world.as_role(Role::Admin).await, world.as_role(Role::UserAdmin).await);
        let before = world.database.dump().await;
        for deed in DEEDS {
            let refused = touch(&world, &managing(&user_admin), deed, admin.user().id).await;
            assert!(matches!(refused, Err(Error::Forbidden)), "{deed}");
        }
        assert_eq!(world.database.dump().await, before);
    }

    async fn nobody_changes_their_own_roles(world) {
        world.as_role(Role::Admin).await;
        for role in [Role::Admin, Role::UserAdmin] {
            let caller = world.as_role(role).await;
            for roles in [&[][..], &[role], &[Role::Viewer], &[Role::UserAdmin, Role::Viewer], &[Role::Admin]] {
                let id = caller.user().id;
                let refused = world.app.set_user_roles(&managing(&caller), id, roles.iter().copied()).await;
                assert!(matches!(refused, Err(Error::Forbidden)), "{role} {roles:?}: {refused:?}");
            }
        }
    }

    async fn the_last_active_admin_cannot_be_removed_in_any_way(world) {
        let last = world.as_role(Role::Admin).await;
        let helper = world.as_role(Role::UserAdmin).await;
        let disabled = world.user(&acme(), "disabled", &[Role::Admin]).await;
        world.app.disable_user(&managing(&last), disabled.id).await.unwrap();
        let invited = NewUser::parse("invited@acme.test", "In", "Vited", "", [Role::Admin], None).unwrap();
        world.app.create_user(&managing(&last), invited).await.unwrap();
        let before = world.database.dump().await;
        for deed in ["roles", "disable", "delete"] {
            let outcome = touch(&world, &world.managing(&acme()).await, deed, last.user().id).await;
            assert!(matches!(outcome, Err(Error::Conflict)), "{deed}: {outcome:?}");
        }
        assert_eq!(world.database.dump().await, before);
        // Those who are no Admins any more do not count, and are free to go.
        touch(&world, &managing(&last), "delete", disabled.id).await.unwrap();
        touch(&world, &managing(&last), "disable", helper.user().id).await.unwrap();
        let second = world.user(&acme(), "second", &[Role::Admin]).await;
        touch(&world, &world.managing(&acme()).await, "delete", last.user().id).await.unwrap();
        let outcome = touch(&world, &world.managing(&acme()).await, "roles", second.id).await;
        assert!(matches!(outcome, Err(Error::Conflict)));
    }

    async fn whoever_lost_their_rights_a_moment_ago_takes_nobody_elses(world) {
        let acme = world.tenant("acme").await;
        let other = world.another_node().await;
        for (turn, deed) in ["roles", "disable", "delete"].into_iter().enumerate() {
            let (one, two) = (format!("one{turn}"), format!("two{turn}"));
            let first = world.user(&acme, &one, &[Role::Admin]).await;
            let second = world.user(&acme, &two, &[Role::Admin]).await;
            world.user(&acme, &format!("three{turn}"), &[Role::Admin]).await;
            let by = async |node: &App, name: &str| {
                let token = world.sign_in(&format!("{name}@acme.test")).await.handed.token;
                managing(&caller(node, &token).await.unwrap())
            };
            let (by_first, by_second) = (by(&world.app, &one).await, by(&other, &two).await);
            let take = async |node: &App, by: &Grant<right::UsersManage>, id: UserId| match deed {
                "roles" => node.set_user_roles(by, id, [Role::Viewer]).await,
                "disable" => node.disable_user(by, id).await,
                _ => node.delete_user(by, id).await,
            };
            take(&world.app, &by_first, second.id).await.unwrap();
            let late = take(&other, &by_second, first.id).await;
            assert!(matches!(late, Err(Error::Conflict)), "{deed}: {late:?}");
            let accomplice = new("eve@acme.test", &[Role::Admin]);
            assert!(matches!(other.create_user(&by_second, accomplice).await, Err(Error::Conflict)), "{deed}");
        }
    }

    async fn another_tenants_ids_are_as_ids_that_never_existed(world) {
        let admin = world.as_role(Role::Admin).await;
        let other = world.tenant("other").await;
        let foreign = world.user(&other, "john", &[Role::Viewer]).await;
        let before = world.database.dump().await;
        for id in [foreign.id, UserId(999_999), UserId(0), UserId(-1), UserId(i64::MAX)] {
            assert!(matches!(world.app.user(&admin.grant().unwrap(), id).await, Err(Error::NotFound)));
            for deed in DEEDS {
                let outcome = touch(&world, &managing(&admin), deed, id).await;
                assert!(matches!(outcome, Err(Error::NotFound)), "{deed} {id}: {outcome:?}");
            }
        }
        assert_eq!(world.database.dump().await, before);
        let seen = world.app.users(&admin.grant().unwrap(), &UserFilter::default()).await.unwrap();
        assert!(seen.iter().all(|user| user.tenant == acme()));
    }

    async fn an_address_stands_once_in_a_tenant_in_whatever_case(world) {
        let acme = world.tenant("acme").await;
        let other = world.tenant("other").await;
        world.user_called(&acme, "John@Acme.test", PASSWORD, &[]).await;
        let by = world.managing(&acme).await;
        let before = world.database.rows("SELECT * FROM users").await;
        for email in ["john@acme.test", "JOHN@ACME.TEST", " John@Acme.test "] {
            let taken = world.app.create_user(&by, new(email, &[])).await;
            assert!(matches!(taken, Err(Error::AccountExists)), "{email}: {taken:?}");
        }
        assert_eq!(world.database.rows("SELECT * FROM users").await, before);
        let jane = world.user_called(&acme, "jane@acme.test", PASSWORD, &[]).await;
        let renaming = UserUpdate { email: Some("JOHN@acme.test".into()), ..UserUpdate::default() };
        assert!(matches!(world.app.update_user(&by, jane.id, renaming).await, Err(Error::AccountExists)));
        let respelling = UserUpdate { email: Some("Jane@ACME.test".into()), ..UserUpdate::default() };
        assert_eq!(world.app.update_user(&by, jane.id, respelling).await.unwrap().email, "Jane@ACME.test");
        world.user_called(&other, "john@acme.test", PASSWORD, &[]).await;
    }

    async fn a_new_address_is_the_one_to_sign_in_with(world) {
        let acme = world.tenant("acme").await;
        let user = world.user(&acme, "john", &[]).await;
        let token = world.sign_in("john@acme.test").await.handed.token;
        let renaming = UserUpdate { email: Some("johnny@acme.test".into()), ..UserUpdate::default() };
        world.app.update_user(&world.managing(&acme).await, user.id, renaming).await.unwrap();
        assert!(world.try_sign_in("john@acme.test", PASSWORD).await.is_err());
        assert_eq!(world.sign_in("johnny@acme.test").await.user.id, user.id);
        assert_eq!(world.caller(&token).await.unwrap().user().email, "johnny@acme.test");
    }

    async fn ids_are_never_used_again(world) {
        let [one, two] = [world.tenant("one").await, world.tenant("two").await];
        let mut last = UserId(0);
        for turn in 0..6 {
            let tenant = if turn % 2 == 0 { &one } else { &two };
            let user = world.user(tenant, "john", &[]).await;
            assert!(user.id > last);
            last = user.id;
            world.app.delete_user(&world.managing(tenant).await, user.id).await.unwrap();
        }
        world.app.delete_tenant(&command_line(), &one).await.unwrap();
        let world = world.restarted().await;
        assert!(world.user(&two, "john", &[]).await.id > last);
    }

    async fn a_user_made_again_inherits_nothing(world) {
        let acme = world.tenant("acme").await;
        let old = world.user(&acme, "john", &[Role::Admin]).await;
        world.user(&acme, "other", &[Role::Admin]).await;
        world.sign_in("john@acme.test").await;
        world.app.delete_user(&world.managing(&acme).await, old.id).await.unwrap();
        assert_eq!(world.database.value("SELECT count(*) FROM known_addresses").await, "0");
        assert_eq!(world.database.value("SELECT count(*) FROM sessions").await, "0");
        let again = NewUser::parse("john@acme.test", "John", "Doe", "", [], None).unwrap();
        let again = world.app.create_user(&world.managing(&acme).await, again).await.unwrap();
        assert_eq!((again.status, again.roles.iter().count(), again.last_sign_in_at), (UserStatus::Invited, 0, None));
        assert!(world.try_sign_in("john@acme.test", PASSWORD).await.is_err());
    }

    async fn without_a_password_a_user_is_invited_before_and_after_being_disabled(world) {
        let acme = world.tenant("acme").await;
        let by = world.managing(&acme).await;
        let made =
            world.app.create_user(&by, NewUser::parse("a@acme.test", "A", "B", "", [], None).unwrap()).await.unwrap();
        assert_eq!(made.status, UserStatus::Invited);
        assert_eq!(world.app.disable_user(&by, made.id).await.unwrap().status, UserStatus::Disabled);
        assert_eq!(world.app.disable_user(&by, made.id).await.unwrap().status, UserStatus::Disabled);
        assert_eq!(world.app.enable_user(&by, made.id).await.unwrap().status, UserStatus::Invited);
        assert_eq!(world.app.enable_user(&by, made.id).await.unwrap().status, UserStatus::Invited);
        let log = world.log(&acme).await;
        let switches = log.iter().filter(|line| line.action == "user.disabled" || line.action == "user.enabled");
        assert_eq!(switches.count(), 2, "what changes nothing is not logged as a change");
    }

    async fn a_password_for_somebody_else_is_judged_like_any(world) {
        let acme = world.tenant("acme").await;
        world.settle(&acme, |settings| settings.password_min_length = Some(12)).await;
        let by = world.managing(&acme).await;
        for bad in ["", "elevenchars", "password", "john@acme.test", "with\0nul inside"] {
            let new = NewUser::parse("john@acme.test", "John", "Doe", "", [], Some(Secret::new(bad))).unwrap();
            let refused = world.app.create_user(&by, new).await;
            assert!(matches!(&refused, Err(Error::Invalid(it)) if it[0].field == "password"), "{bad:?}: {refused:?}");
        }
        assert_eq!(world.database.value("SELECT count(*) FROM users").await, "0");
    }

    async fn a_page_of_users_is_by_id_and_bounded(world) {
        let acme = world.tenant("acme").await;
        let mut ids = Vec::new();
        for at in 0..7 {
            ids.push(world.user(&acme, &format!("user{at}"), &[]).await.id);
        }
        let caller = world.caller(&world.sign_in("user0@acme.test").await.handed.token).await.unwrap();
        assert!(caller.grant::<right::UsersRead>().is_err(), "without a role nobody sees anybody");
        let page = async |filter: UserFilter| -> Vec<UserId> {
            let found = world.app.users_of(&command_line(), &acme, &filter).await.unwrap();
            found.iter().map(|user| user.id).collect()
        };
        assert_eq!(page(UserFilter::default()).await, ids);
        let after = |after: Option<UserId>, first| UserFilter { after, first, ..UserFilter::default() };
        assert_eq!(page(after(None, Some(3))).await, ids[..3]);
        assert_eq!(page(after(Some(ids[2]), Some(3))).await, ids[3..6]);
        assert_eq!(page(after(Some(ids[5]), Some(3))).await, ids[6..]);
        assert!(page(after(Some(ids[6]), None)).await.is_empty());
        assert_eq!(page(after(Some(UserId(-5)), Some(0))).await, ids[..1]);
        assert_eq!(page(after(None, Some(u32::MAX))).await, ids);
    }

    async fn a_search_looks_for_beginnings_in_address_and_names_and_takes_no_letter_for_a_wildcard(world) {
        let acme = world.tenant("acme").await;
        let by = world.managing(&acme).await;
        let people = [
            ("ann@acme.test", "Ann", "Lee"),
            ("b_b@acme.test", "Bo%b", "O'Neil"),
            ("bxb@acme.test", "Back\\slash", "\u{d6}deg\u{e5}rd"),
        ];
        for (email, first, last) in people {
            let new = NewUser::parse(email, first, last, "Turbine", [Role::Viewer], None).unwrap();
            world.app.create_user(&by, new).await.unwrap();
        }
        world
            .app
            .create_user(&world.managing(&world.tenant("other").await).await, new("ann@other.test", &[]))
            .await
            .unwrap();
        let long = "x".repeat(100_000);
        let cases = [
            ("", 3),
            ("ann", 1),
            ("ANN@ACME", 1),
            ("acme.test", 3),
            ("lee", 1),
            ("ann lee", 1),
            ("turbine", 0),
            ("le", 1),
            ("ee", 0),
            ("lee ann", 0),
            ("@acme", 3),
            ("%", 0),
            ("_", 0),
            ("b%b", 0),
            ("bo%b", 1),
            ("b_b", 1),
            ("\\", 0),
            ("\\s", 1),
            ("back\\sl", 1),
            ("neil", 1),
            ("'", 0),
            ("o'neil' OR '1'='1", 0),
            ("\u{f6}DEG\u{c5}rd", 1),
            ("  lee  ", 1),
            ("\0", 0),
            ("lee\0", 0),
            (&long, 0),
        ];
        // Alike before and after housekeeping has made the words to find them by.
        for _ in 0..2 {
            for (search, count) in cases {
                let filter = UserFilter { search: search.into(), ..UserFilter::default() };
                let found = world.app.users_of(&command_line(), &acme, &filter).await;
                assert_eq!(found.as_ref().map(Vec::len).map_err(ToString::to_string), Ok(count), "{search:.30}");
            }
            world.app.keep_house().await.unwrap();
        }
        let renamed = world
            .app
            .users_of(&command_line(), &acme, &UserFilter { search: "lee".into(), ..UserFilter::default() })
            .await
            .unwrap();
        let marrying = UserUpdate { last_name: Some("Stone".into()), ..UserUpdate::default() };
        world.app.update_user(&by, renamed[0].id, marrying).await.unwrap();
        for _ in 0..2 {
            for (search, count) in [("lee", 0), ("stone", 1)] {
                let filter = UserFilter { search: search.into(), ..UserFilter::default() };
                assert_eq!(world.app.users_of(&command_line(), &acme, &filter).await.unwrap().len(), count);
            }
            world.app.keep_house().await.unwrap();
        }
    }

    async fn a_page_of_a_crowd_is_what_a_naive_filter_leaves_of_all(world) {
        let acme = world.tenant("acme").await;
        crowd(&world, 9_000).await;
        let page = async |filter: UserFilter| world.app.users_of(&command_line(), &acme, &filter).await.unwrap();
        let mut all: Vec<User> = Vec::new();
        loop {
            let after = all.last().map(|user| user.id);
            let more = page(UserFilter { after, first: Some(500), ..UserFilter::default() }).await;
            if more.is_empty() {
                break;
            }
            all.extend(more);
        }
        assert_eq!(all.len(), 9_000);
        let texts = ["acme.test", "a", "anna", "anna b", "latecomer", "berg 1", "u7", "u77", "u777", "berg", "er", "test anna", "xyz", "b"];
        let roles = [None, Some(Role::Viewer), Some(Role::Operator), Some(Role::Admin)];
        // None has words, some have, all have.
        for round in 0..3 {
            for (text, role) in texts.iter().flat_map(|text| roles.map(|role| (*text, role))) {
                let is_meant = |user: &&User| {
                    let about = format!(" {} {} {}", user.email, user.first_name, user.last_name).to_lowercase();
                    let begins = [' ', '@', '.'].iter().any(|before| about.contains(&format!("{before}{text}")));
                    begins && role.is_none_or(|role| user.roles.contain(role))
                };
                for start in [0, 4_400, 8_990] {
                    let expected: Vec<UserId> =
                        all.iter().filter(is_meant).map(|user| user.id).filter(|id| id.0 > start).take(30).collect();
                    let filter = UserFilter { after: Some(UserId(start)), first: Some(30), search: text.into(), role };
                    let found: Vec<UserId> = page(filter).await.iter().map(|user| user.id).collect();
                    assert_eq!(found, expected, "{round}: {text} {role:?} after {start}");
                }
            }
            world.app.keep_house().await.unwrap();
        }
        assert_eq!(world.database.value("SELECT count(*) FROM users WHERE worded <> search").await, "0");
    }

    async fn a_filter_by_role_finds_whoever_has_it_among_others(world) {
        let acme = world.tenant("acme").await;
        let both = world.user(&acme, "both", &[Role::Author, Role::Viewer]).await;
        let one = world.user(&acme, "one", &[Role::Viewer]).await;
        world.user(&acme, "none", &[]).await;
        let with = async |role| -> Vec<UserId> {
            let filter = UserFilter { role: Some(role), ..UserFilter::default() };
            world.app.users_of(&command_line(), &acme, &filter).await.unwrap().iter().map(|user| user.id).collect()
        };
        assert_eq!(with(Role::Viewer).await, [both.id, one.id]);
        assert_eq!(with(Role::Author).await, [both.id]);
        assert!(with(Role::Admin).await.is_empty());
    }

    async fn updates_of_different_fields_at_once_all_hold(world) {
        let acme = world.tenant("acme").await;
        let by = world.managing(&acme).await;
        let user = world.user(&acme, "john", &[]).await;
        for turn in 0..10 {
            let name = format!("Name{turn}");
            let first = UserUpdate { first_name: Some(name.clone()), ..UserUpdate::default() };
            let last = UserUpdate { last_name: Some(name.clone()), ..UserUpdate::default() };
            let title = UserUpdate { title: Some(name.clone()), ..UserUpdate::default() };
            let all = [first, last, title].map(|update| world.app.update_user(&by, user.id, update));
            let outcomes = futures::future::join_all(all).await;
            assert!(outcomes.iter().all(|it| matches!(it, Ok(_) | Err(Error::Conflict))), "{outcomes:?}");
            let now = world.app.users_of(&command_line(), &acme, &UserFilter::default()).await.unwrap().remove(0);
            let held = [now.first_name, now.last_name, now.title];
            for (outcome, value) in outcomes.iter().zip(held) {
                assert_eq!(outcome.is_ok(), value == name, "a change that was acknowledged is lost");
            }
        }
    }
}

#[test]
fn every_field_of_a_new_user_is_checked_and_all_problems_are_told() {
    let problems =
        |email: &str, first: &str, last: &str, title: &str| match NewUser::parse(email, first, last, title, [], None) {
            Ok(_) => Vec::new(),
            Err(Error::Invalid(problems)) => problems.into_iter().map(|it| it.field).collect(),
            Err(other) => panic!("{other:?}"),
        };
    let long = "x".repeat(201);
    assert_eq!(problems("", "", " ", "a\u{7}"), ["email", "firstName", "lastName", "title"]);
    assert_eq!(problems("a@b.test", &long, "a\nb", &long), ["firstName", "lastName", "title"]);
    assert_eq!(problems("a@b.test\r\nBcc: c@d.test", "A", "B", ""), ["email"]);
    // What turns letters round, or begins a line, is no part of a name; a mark that a right-to-left one needs is.
    assert_eq!(problems("a@b.test", "a\u{202e}b", "a\u{2028}b", "a\u{2067}b"), ["firstName", "lastName", "title"]);
    assert!(problems("a@b.test", "\u{5d0}\u{200f}", "B", "").is_empty());
    assert!(problems("a@b.test", &"\u{1f511}".repeat(200), "O'Neil-\u{d8}deg\u{e5}rd", "").is_empty());
}

on_both! {
    async fn every_field_of_an_update_is_checked_and_all_problems_are_told(world) {
        let acme = world.tenant("acme").await;
        let user = world.user(&acme, "john", &[]).await;
        let by = world.managing(&acme).await;
        let before = world.database.dump().await;
        let bad = || Some("\u{7}".to_owned());
        let update = UserUpdate { email: bad(), first_name: bad(), last_name: Some(String::new()), title: bad() };
        let Err(Error::Invalid(problems)) = world.app.update_user(&by, user.id, update).await else { panic!("taken") };
        let fields: Vec<&str> = problems.iter().map(|it| it.field.as_str()).collect();
        assert_eq!(fields, ["email", "firstName", "lastName", "title"]);
        assert_eq!(world.database.dump().await, before);
    }

    async fn the_admin_realm_manages_users_of_the_tenant_it_names_and_no_other(world) {
        let acme = world.tenant("acme").await;
        let other = world.tenant("other").await;
        let john = world.user(&acme, "john", &[Role::Admin]).await;
        let by_other = world.managing(&other).await;
        assert!(matches!(world.app.delete_user(&by_other, john.id).await, Err(Error::NotFound)));
        let nowhere = world.app.managing_users_of(&command_line(), &"nowhere".parse().unwrap()).await;
        assert!(matches!(nowhere, Err(Error::NotFound)));
        let users = world.app.users_of(&command_line(), &"nowhere".parse().unwrap(), &UserFilter::default()).await;
        assert!(matches!(users, Err(Error::NotFound)));
        world.app.sign_in(named("john@acme.test", PASSWORD, "acme"), &visit()).await.unwrap();
    }
}
