//! What an overview counts: sign-ins day by day, people, seats.

use purser_core::access::Role;
use purser_core::audit::{SignInDay, SignInDays};
use purser_core::error::Error;
use purser_core::users::PeopleTally;

use crate::on_both;
use crate::world::{World, named, visit};

const DAY: u64 = 86_400;

/// Password and refused sign-ins of each of the last days, today last.
async fn counted(world: &World, admin: &purser_core::access::Caller) -> Vec<(i64, i64)> {
    let SignInDays { days, whole } = world.app.sign_in_days(&admin.grant().unwrap(), 4).await.unwrap();
    assert!(whole);
    days.iter().map(|day| (day.password, day.refused)).collect()
}

async fn sign_in_wrongly(world: &World) {
    let claim = named("ann@acme.test", "not the password at all", "acme");
    assert!(matches!(world.app.sign_in(claim, &visit()).await, Err(Error::InvalidCredentials)));
    world.wait(20);
}

on_both! {
    async fn each_sign_in_is_counted_once_whenever_it_is_asked(world) {
        let acme = world.tenant("acme").await;
        world.user(&acme, "ann", &[Role::Viewer]).await;
        let admin = world.as_role(Role::Admin).await;
        // The Admin's own is one of them.
        assert_eq!(counted(&world, &admin).await, [(0, 0), (0, 0), (0, 0), (1, 0)]);
        world.sign_in("ann@acme.test").await;
        sign_in_wrongly(&world).await;
        assert_eq!(counted(&world, &admin).await, [(0, 0), (0, 0), (0, 0), (2, 1)]);
        // What is settled is kept, and what comes after is added to it.
        for _ in 0..3 {
            world.wait(1_500);
            world.sign_in("ann@acme.test").await;
            counted(&world, &admin).await;
        }
        assert_eq!(counted(&world, &admin).await, [(0, 0), (0, 0), (0, 0), (5, 1)]);
        world.wait(2 * DAY);
        world.sign_in("ann@acme.test").await;
        assert_eq!(counted(&world, &admin).await, [(0, 0), (5, 1), (0, 0), (1, 0)]);
        // Once kept, it is two statements, however long the log is.
        let before = world.app.figures().statements_read;
        counted(&world, &admin).await;
        assert_eq!(world.app.figures().statements_read - before, 2);
        world.wait(40 * DAY);
        assert_eq!(counted(&world, &admin).await, [(0, 0); 4]);
        assert_eq!(world.database.rows("SELECT * FROM sign_in_days").await, Vec::<Vec<String>>::new(), "old days go");
    }

    async fn a_long_log_is_counted_piece_by_piece_and_whole(world) {
        let admin = world.as_role(Role::Admin).await;
        // Two days ago, a hundred a second: more than are counted at once, and the last piece is not full.
        let begun: i64 = (1_800_000_000 - 2 * 86_400) * 1_000;
        let (series, id) = if world.database.is_postgres() {
            ("SELECT generate_series(1, 60001) AS i".to_owned(),
             format!("decode(lpad(to_hex({begun} + i * 10), 12, '0') || lpad(to_hex(i), 20, '0'), 'hex')"))
        } else {
            ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60001) SELECT i FROM n".to_owned(),
             format!("unhex(printf('%012x%020x', {begun} + i * 10, i))"))
        };
        world.database.run(&format!(
            "INSERT INTO audit (tenant_id, id, at, actor_kind, actor, address, request, action, target, outcome, reason)
             SELECT 'acme', {id}, ({begun} + i * 10) * 1000, 'user', '1', '', '', 'session.sign-in', 'user:1',
                 CASE WHEN i % 4 = 0 THEN 'refused' ELSE 'done' END, 'password' FROM ({series}) AS all_of_them"
        )).await;
        let expected = [(0, 0), (45_001, 15_000), (0, 0), (1, 0)];
        assert_eq!(counted(&world, &admin).await, expected);
        let before = world.app.figures().statements_read;
        assert_eq!(counted(&world, &admin).await, expected);
        assert_eq!(world.app.figures().statements_read - before, 2);
    }

    async fn two_who_ask_at_once_count_nothing_twice(world) {
        let admin = world.as_role(Role::Admin).await;
        let other = world.another_node().await;
        for _ in 0..5 {
            world.wait(2 * 3_600);
            let (one, two) = (admin.grant().unwrap(), admin.grant().unwrap());
            let (one, two) = tokio::join!(world.app.sign_in_days(&one, 4), other.sign_in_days(&two, 4));
            assert_eq!(one.unwrap(), two.unwrap());
        }
        let sum: i64 = world.app.sign_in_days(&admin.grant().unwrap(), 30).await.unwrap().days.iter().map(SignInDay::done).sum();
        assert_eq!(sum, 1);
    }

    async fn another_tenants_sign_ins_are_not_counted(world) {
        let other = world.tenant("other").await;
        world.user(&other, "bob", &[Role::Admin]).await;
        world.app.sign_in(named("bob@other.test", crate::world::PASSWORD, "other"), &visit()).await.unwrap();
        let admin = world.as_role(Role::Admin).await;
        assert_eq!(counted(&world, &admin).await.last(), Some(&(1, 0)));
    }

    async fn people_are_counted_by_whether_they_come(world) {
        let acme = world.tenant("acme").await;
        let admin = world.as_role(Role::Admin).await;
        world.user(&acme, "ann", &[]).await;
        let ben = world.user(&acme, "ben", &[]).await;
        world.app.disable_user(&admin.grant().unwrap(), ben.id).await.unwrap();
        let tally = world.app.people_tally(&admin.grant().unwrap()).await.unwrap();
        assert_eq!(tally, PeopleTally { active: 2, invited: 0, disabled: 1, seen: 1, more: false });
        // Hosted deployments have no seats to run out of.
        assert_eq!(world.app.seats(&admin.grant().unwrap()).await.unwrap(), None);
    }
}
