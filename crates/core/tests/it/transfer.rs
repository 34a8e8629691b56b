//! People in bulk: taken in line by line, given out again, and nothing lost on the way.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use purser_core::access::{Grant, Role, right};
use purser_core::error::{Error, Result};
use purser_core::ids::TenantId;
use purser_core::transfer::{Existing, Format, RefusedLine, Run, Source, Tally, Wish};
use purser_core::users::{User, UserFilter, UserStatus};

use crate::on_both;
use crate::world::{PASSWORD, World, named, visit};

/// `correct horse battery staple`, hashed by another system.
const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuuuQYs2ceEmFGa6lmVE2DmIl7SVDGoYcq";

async fn taken_in(
    world: &World,
    by: &Grant<right::UsersManage>,
    text: &str,
    wish: Wish,
) -> Result<(Tally, Vec<String>)> {
    let format = if text.starts_with('{') { Format::JsonLines } else { Format::Csv };
    let mut told = Vec::new();
    let line = |it: RefusedLine| format!("{} {}: {}", it.line, it.field, it.reason);
    let source = Source::new(text.as_bytes(), format);
    let tally = world.app.import_users(by, source, wish, |_, lines| told.extend(lines.into_iter().map(line))).await?;
    Ok((tally, told))
}

async fn given_out(world: &World, by: &Grant<right::UsersManage>, format: Format) -> String {
    let (mut text, mut after) = (Vec::new(), None);
    loop {
        let (page, next) = world.app.export_users(by, format, after).await.unwrap();
        text.extend(page.0);
        if next.is_none() {
            return String::from_utf8(text).unwrap();
        }
        after = next;
    }
}

/// Everybody of a tenant, by address, in what an export says of them.
async fn people(
    world: &World,
    tenant: &TenantId,
) -> BTreeMap<String, (String, String, String, Vec<Role>, &'static str)> {
    let filter = UserFilter { first: Some(500), ..UserFilter::default() };
    let all: Vec<User> = world.app.users_of(&crate::world::command_line(), tenant, &filter).await.unwrap();
    let of =
        |it: User| (it.email, (it.first_name, it.last_name, it.title, it.roles.iter().collect(), it.status.as_str()));
    all.into_iter().map(of).collect()
}

const THREE: &str = "email,firstName,lastName,title,roles,status\n\
    ann@acme.test,Ann,Lee,Foreman,ADMIN AUTHOR,ACTIVE\n\
    bob@acme.test,Bob,Ray,,Viewer,\n\
    cy@acme.test,Cy,Fox,,,DISABLED\n";

on_both! {
    async fn an_import_whose_sender_is_shut_out_meanwhile_makes_nobody_any_more(world) {
        let acme = world.tenant("acme").await;
        world.user(&acme, "boss", &[Role::Admin]).await;
        let sender = world.user(&acme, "sender", &[Role::Admin]).await;
        let token = world.sign_in("sender@acme.test").await.handed.token;
        let by: Grant<right::UsersManage> = world.caller(&token).await.unwrap().grant().unwrap();
        world.app.disable_user(&world.managing(&acme).await, sender.id).await.unwrap();
        let (tally, told) = taken_in(&world, &by, THREE, Wish::default()).await.unwrap();
        assert_eq!((tally.created, tally.refused), (0, 3), "{told:?}");
        assert_eq!(people(&world, &acme).await.len(), 2);
    }

    async fn people_are_taken_in_and_each_is_told_in_the_log(world) {
        let acme = world.tenant("acme").await;
        let by = world.managing(&acme).await;
        let (tally, refused) = taken_in(&world, &by, THREE, Wish::default()).await.unwrap();
        assert_eq!((tally.lines, tally.created, refused.len()), (3, 3, 0));
        let found = people(&world, &acme).await;
        assert_eq!(found["ann@acme.test"], ("Ann".into(), "Lee".into(), "Foreman".into(), vec![Role::Admin, Role::Author], "ACTIVE"));
        assert_eq!((found["bob@acme.test"].4, found["cy@acme.test"].4), ("INVITED", "DISABLED"));
        assert_eq!(world.database.value("SELECT count(*) FROM audit WHERE action = 'user.created'").await, "3");
        assert!(world.last(&acme, "user.created").await.unwrap().contains("(imported, line 4)"));
        let told = world.last(&acme, "users.imported").await.unwrap();
        assert!(told.ends_with("3 created, 0 updated, 0 unchanged, 0 refused"), "{told}");
        let again = taken_in(&world, &by, THREE, Wish::default()).await.unwrap().0;
        assert_eq!((again.created, again.unchanged), (0, 3), "an import is taken up by repeating it");
    }

    async fn a_file_taken_in_twice_at_once_is_refused_nowhere(world) {
        let acme = world.tenant("acme").await;
        let by = world.managing(&acme).await;
        let line = |number| format!("u{number}@acme.test,Ann,Lee,,VIEWER,INVITED\n");
        let file = format!("email,firstName,lastName,title,roles,status\n{}", (0..400).map(line).collect::<String>());
        let taken = || taken_in(&world, &by, &file, Wish::default());
        let rivals = tokio::join!(taken(), taken(), taken(), taken());
        let mut created = 0;
        for (tally, refused) in [rivals.0, rivals.1, rivals.2, rivals.3].map(Result::unwrap) {
            assert_eq!((refused.as_slice(), tally.created + tally.unchanged), ([].as_slice(), 400));
            created += tally.created;
        }
        assert_eq!(created, 400);
    }

    async fn a_refused_line_harms_no_other(world) {
        let acme = world.tenant("acme").await;
        let by = world.managing(&acme).await;
        let text = "email,firstName,lastName,roles,passwordHash\n\
            ann@acme.test,Ann,Lee,Admin,\n\
            nobody,No,Body,,\n\
            ANN@acme.test,Ann,Lee,Admin,\n\
            bob@acme.test,Bob,Ray,Emperor,\n\
            cy@acme.test,Cy,Fox,,hunter2\n\
            di@acme.test,Di,Fox,,\n";
        let (tally, refused) = taken_in(&world, &by, text, Wish::default()).await.unwrap();
        assert_eq!((tally.created, tally.refused), (2, 4));
        assert_eq!(refused.iter().map(|it| it.split(':').next().unwrap()).collect::<Vec<_>>(), ["3 email", "4 email", "5 roles", "6 passwordHash"]);
        assert!(refused.iter().all(|it| !it.contains("hunter2")));
        assert_eq!(people(&world, &acme).await.len(), 2);
        let stopping = Wish { most_refused: Some(2), ..Wish::default() };
        let wrong = "email,firstName,lastName\n".to_owned() + &"x,y,z\n".repeat(500);
        let tally = taken_in(&world, &by, &wrong, stopping).await.unwrap().0;
        assert_eq!((tally.lines, tally.stopped), (200, true));
        let before = world.database.dump().await;
        assert!(matches!(taken_in(&world, &by, "email,name\n", Wish::default()).await, Err(Error::Invalid(_))));
        assert_eq!(world.database.dump().await, before);
    }

    async fn a_dry_run_changes_nothing(world) {
        let acme = world.tenant("acme").await;
        world.user(&acme, "ann", &[Role::Admin]).await;
        let by = world.managing(&acme).await;
        let before = world.database.dump().await;
        let wish = Wish { run: Run::Dry, existing: Existing::Update, ..Wish::default() };
        let tally = taken_in(&world, &by, THREE, wish).await.unwrap().0;
        assert_eq!((tally.created, tally.updated, tally.unchanged), (2, 1, 0));
        assert_eq!(world.database.dump().await, before);
    }

    async fn who_is_there_is_changed_only_if_that_is_wished_for(world) {
        let acme = world.tenant("acme").await;
        let (ann, bob) = (world.user(&acme, "ann", &[Role::Admin]).await, world.user(&acme, "bob", &[Role::Author]).await);
        let by = world.managing(&acme).await;
        let text = "email,firstName,lastName,roles,status\nann@acme.test,Ann,Lee,Admin,ACTIVE\nbob@acme.test,John,Doe,Viewer,DISABLED\n";
        let (tally, refused) = taken_in(&world, &by, text, Wish::default()).await.unwrap();
        assert_eq!((tally.updated, refused.len()), (0, 2));
        let update = Wish { existing: Existing::Update, ..Wish::default() };
        assert_eq!(taken_in(&world, &by, text, update).await.unwrap().0.updated, 2);
        let found = people(&world, &acme).await;
        assert_eq!((found["ann@acme.test"].0.as_str(), found["bob@acme.test"].4), ("Ann", "DISABLED"));
        for (user, action) in [(ann.id, "user.updated"), (bob.id, "user.roles-set"), (bob.id, "user.disabled")] {
            assert!(world.last(&acme, action).await.unwrap().contains(&format!("user:{user}")), "{action}");
        }
        let last = "email,firstName,lastName,roles,status\nann@acme.test,Ann,Lee,Viewer,ACTIVE\n";
        let before = people(&world, &acme).await;
        assert_eq!(taken_in(&world, &by, last, update).await.unwrap().0.refused, 1, "the last Admin remains");
        assert_eq!(people(&world, &acme).await, before);
    }

    async fn nobody_imports_above_their_rank_nor_themselves(world) {
        let manager = world.as_role(Role::UserAdmin).await;
        let acme = manager.tenant().id.clone();
        let boss = world.as_role(Role::Admin).await;
        let by = manager.grant().unwrap();
        let (own, theirs) = (manager.user().email.clone(), boss.user().email.clone());
        let text = format!(
            "email,firstName,lastName,roles,status\nnew@acme.test,A,B,Admin,\n{theirs},A,B,Viewer,ACTIVE\n{own},John,Doe,Viewer,ACTIVE\n"
        );
        let before = people(&world, &acme).await;
        let update = Wish { existing: Existing::Update, ..Wish::default() };
        let (tally, refused) = taken_in(&world, &by, &text, update).await.unwrap();
        assert_eq!((tally.refused, tally.created, tally.updated), (3, 0, 0), "{refused:?}");
        assert_eq!(people(&world, &acme).await, before);
        assert!(world.as_role(Role::Author).await.grant::<right::UsersManage>().is_err());
    }

    async fn a_foreign_hash_opens_to_its_password_and_goes_along_only_with_the_deployment(world) {
        let acme = world.tenant("acme").await;
        let ann = world.user(&acme, "ann", &[Role::Admin]).await;
        let by = world.managing(&acme).await;
        let line = "{\"email\":\"bob@acme.test\",\"firstName\":\"Bob\",\"lastName\":\"Ray\",\"passwordHash\":\"HASH\"}\n";
        let own = world.database.value(&format!("SELECT password_hash FROM users WHERE id = {}", ann.id)).await;
        taken_in(&world, &by, &line.replace("HASH", &own), Wish::default()).await.unwrap();
        world.app.sign_in(named("bob@acme.test", PASSWORD, "acme"), &visit()).await.unwrap();
        let text = "email,firstName,lastName,passwordHash\ncy@acme.test,Cy,Fox,".to_owned() + BCRYPT;
        assert_eq!(taken_in(&world, &by, &text, Wish::default()).await.unwrap().0.created, 1);
        for format in [Format::Csv, Format::JsonLines] {
            let without = given_out(&world, &by, format).await;
            assert!(without.contains("cy@acme.test") && !without.contains('$') && !without.contains("passwordHash"));
            let (with, next) = world.app.export_users_with_hashes(&crate::world::command_line(), &acme, format, None).await.unwrap();
            assert!(String::from_utf8(with.0).unwrap().contains(BCRYPT) && next.is_none());
        }
        assert!(world.last(&acme, "users.exported").await.unwrap().ends_with("with password hashes"));
    }

    async fn what_is_given_out_is_taken_in_elsewhere_as_it_was(world) {
        let (acme, globex) = (world.tenant("acme").await, world.tenant("globex").await);
        let (here, there) = (world.managing(&acme).await, world.managing(&globex).await);
        let line = |it: u32| format!("p{it}@acme.test,\"Fir,st\",'=Last \"\"{it}\"\",,VIEWER,\r\n");
        let many = (0..1_100).map(line).collect::<Vec<_>>().concat();
        let tally = taken_in(&world, &here, &format!("email,firstName,lastName,title,roles,status\r\n{many}"), Wish::default()).await.unwrap().0;
        assert_eq!(tally.created, 1_100);
        let text = given_out(&world, &here, Format::Csv).await;
        assert_eq!(text.lines().count(), 1_101);
        let tally = taken_in(&world, &there, &text, Wish::default()).await.unwrap().0;
        assert_eq!((tally.created, tally.refused), (1_100, 0));
        assert_eq!(given_out(&world, &there, Format::JsonLines).await, given_out(&world, &here, Format::JsonLines).await);
    }
}

#[test]
fn an_export_taken_in_by_an_empty_tenant_gives_the_same_people() {
    let name = "[-=+@'\"a-zÄé,;][-=+@'\"a-zÄé,; ]{0,6}[a-zé]";
    let person = (name, name, prop::option::of(name), 0_u8..128, 0_usize..3);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 10, failure_persistence: None, ..Config::default() });
    runner
        .run(&prop::collection::vec(person, 1..12), |drawn| {
            runtime.block_on(async {
                let world = World::on_sqlite().await;
                let (acme, globex) = (world.tenant("acme").await, world.tenant("globex").await);
                let (here, there) = (world.managing(&acme).await, world.managing(&globex).await);
                for (number, (first, last, title, roles, status)) in drawn.into_iter().enumerate() {
                    let roles: Vec<&str> =
                        Role::ALL.into_iter().filter(|role| roles & *role as u8 != 0).map(Role::as_str).collect();
                    let status = [UserStatus::Active, UserStatus::Invited, UserStatus::Disabled][status].as_str();
                    let line = serde_json::json!({
                        "email": format!("+{number}@acme.test"), "firstName": first, "lastName": last,
                        "title": title.unwrap_or_default(), "roles": roles, "status": status,
                    });
                    let tally = taken_in(&world, &here, &format!("{line}\n"), Wish::default()).await.unwrap().0;
                    assert_eq!(tally.created, 1, "{line}");
                }
                for format in [Format::Csv, Format::JsonLines] {
                    let text = given_out(&world, &here, format).await;
                    taken_in(&world, &there, &text, Wish::default()).await.unwrap();
                    assert_eq!(people(&world, &globex).await, people(&world, &acme).await);
                }
            });
            Ok(())
        })
        .unwrap();
}
