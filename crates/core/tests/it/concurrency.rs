//! Many at once, on one node and on two: one decision holds, and everybody is told the same.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use purser_core::access::Role;
use purser_core::app::App;
use purser_core::error::{Error, Result};
use purser_core::ids::{TenantId, UserId};
use purser_core::secret::Secret;
use purser_core::session::{Extent, SignedIn};
use purser_core::tenants::NewTenant;
use purser_core::users::NewUser;

use crate::on_both;
use crate::world::{PASSWORD, World, caller, command_line, refresh, soon, stranger};

async fn john(world: &World) -> (TenantId, Secret) {
    let acme = world.tenant("acme").await;
    world.user(&acme, "john", &[Role::Viewer]).await;
    (acme, world.sign_in("john@acme.test").await.handed.refresh_token)
}

/// Presents tokens all at once, over the nodes in turn.
async fn present(nodes: &[Arc<App>], tokens: &[Secret]) -> Vec<Result<SignedIn>> {
    let all = tokens.iter().enumerate().map(|(at, token)| {
        let (node, token) = (Arc::clone(&nodes[at % nodes.len()]), token.clone());
        tokio::spawn(async move { refresh(&node, &token).await })
    });
    join_all(all).await.into_iter().map(|answer| answer.unwrap()).collect()
}

fn children(answers: &[Result<SignedIn>]) -> HashSet<String> {
    answers.iter().map(|it| it.as_ref().unwrap().handed.refresh_token.reveal().to_owned()).collect()
}

/// Everybody who could be removed is, at the same moment; how many removals were done.
async fn remove_all(nodes: &[Arc<App>], tenant: &TenantId, admins: &[UserId]) -> usize {
    let removals = admins.iter().enumerate().map(|(at, id)| {
        let (node, tenant, id) = (Arc::clone(&nodes[at % nodes.len()]), tenant.clone(), *id);
        tokio::spawn(async move {
            let by = node.managing_users_of(&command_line(), &tenant).await.unwrap();
            match at % 3 {
                0 => node.set_user_roles(&by, id, [Role::Viewer]).await,
                1 => node.disable_user(&by, id).await,
                _ => node.delete_user(&by, id).await,
            }
        })
    });
    let outcomes: Vec<Result<_>> = join_all(removals).await.into_iter().map(|it| it.unwrap()).collect();
    assert!(outcomes.iter().all(|it| matches!(it, Ok(_) | Err(Error::Conflict))), "{outcomes:?}");
    outcomes.iter().filter(|it| it.is_ok()).count()
}

on_both! {
    async fn fifty_presentations_at_once_give_one_child_and_leave_one_branch(world) {
        let (_, first) = john(&world).await;
        let mut token = first;
        for nodes in [vec![world.app.clone()], vec![world.app.clone(), world.another_node().await]] {
            let answers = present(&nodes, &vec![token.clone(); 50]).await;
            let given = children(&answers);
            assert_eq!(given.len(), 1);
            for answer in &answers {
                world.caller(&answer.as_ref().unwrap().handed.token).await.unwrap();
            }
            token = Secret::new(given.into_iter().next().unwrap());
            world.wait(60);
        }
        refresh(&world.app, &token).await.unwrap();
    }

    async fn fifty_late_repetitions_at_once_give_one_new_child(world) {
        let (_, first) = john(&world).await;
        let old = refresh(&world.app, &first).await.unwrap().handed.refresh_token;
        let nodes = [world.app.clone(), world.another_node().await];
        world.wait(61);
        let given = children(&present(&nodes, &vec![first.clone(); 50]).await);
        assert_eq!(given.len(), 1);
        assert!(!given.contains(old.reveal()));
    }

    async fn two_children_at_once_never_both_live(world) {
        let (acme, first) = john(&world).await;
        let nodes = [world.app.clone(), world.another_node().await];
        let one = refresh(&world.app, &first).await.unwrap().handed.refresh_token;
        world.wait(61);
        let two = refresh(&world.app, &first).await.unwrap().handed.refresh_token;
        let tokens: Vec<Secret> = (0..40).map(|at| if at % 4 < 2 { one.clone() } else { two.clone() }).collect();
        let answers = present(&nodes, &tokens).await;
        let given: Vec<_> = answers.iter().filter_map(|it| it.as_ref().ok()).collect();
        assert!(given.len() < 40);
        for answer in given {
            assert!(matches!(refresh(&world.app, &answer.handed.refresh_token).await, Err(Error::InvalidToken)));
            assert!(matches!(world.caller(&answer.handed.token).await, Err(Error::InvalidToken)));
        }
        assert!(world.last(&acme, "session.refresh-replayed").await.is_some());
    }

    async fn many_sessions_refreshed_on_both_nodes_at_once_do_not_block_one_another(world) {
        let (_, first) = john(&world).await;
        let nodes = [world.app.clone(), world.another_node().await];
        let mut tokens = vec![first];
        for _ in 0..15 {
            tokens.push(world.sign_in("john@acme.test").await.handed.refresh_token);
        }
        for _ in 0..5 {
            let backwards: Vec<Secret> = tokens.iter().rev().cloned().collect();
            let (here, there) = tokio::join!(present(&nodes[..1], &tokens), present(&nodes[1..], &backwards));
            let there: Vec<_> = there.into_iter().rev().collect();
            for (one, other) in here.iter().zip(&there) {
                assert_eq!(one.as_ref().unwrap().handed.refresh_token, other.as_ref().unwrap().handed.refresh_token);
            }
            tokens = here.into_iter().map(|it| it.unwrap().handed.refresh_token).collect();
        }
    }

    async fn of_admins_removed_at_once_one_remains(world) {
        let acme = world.tenant("acme").await;
        for nodes in [vec![world.app.clone()], vec![world.app.clone(), world.another_node().await]] {
            let mut admins = Vec::new();
            for old in world.database.rows("SELECT id FROM users").await {
                world.database.run(&format!("DELETE FROM users WHERE id = {}", old[0])).await;
            }
            for at in 0..6 {
                admins.push(world.user(&acme, &format!("admin{at}"), &[Role::Admin, Role::Viewer]).await.id);
            }
            assert_eq!(remove_all(&nodes, &acme, &admins).await, 5);
            let left = "SELECT count(*) FROM users WHERE status = 'active' AND roles & 1 = 1";
            assert_eq!(world.database.value(left).await, "1");
        }
    }

    async fn of_accounts_made_at_once_with_one_address_one_is_made(world) {
        let acme = world.tenant("acme").await;
        let nodes = [world.app.clone(), world.another_node().await];
        let makings = (0..20).map(|at| {
            let (node, acme) = (nodes[at % 2].clone(), acme.clone());
            tokio::spawn(async move {
                let by = node.managing_users_of(&command_line(), &acme).await.unwrap();
                let email = if at % 3 == 0 { "John@Acme.test" } else { "john@acme.test" };
                node.create_user(&by, NewUser::parse(email, "John", "Doe", "", [], None).unwrap()).await
            })
        });
        let outcomes: Vec<Result<_>> = join_all(makings).await.into_iter().map(|it| it.unwrap()).collect();
        assert_eq!(outcomes.iter().filter(|it| it.is_ok()).count(), 1);
        assert!(outcomes.iter().all(|it| matches!(it, Ok(_) | Err(Error::AccountExists))), "{outcomes:?}");
        let created = world.log(&acme).await.into_iter().filter(|line| line.action == "user.created");
        assert_eq!(created.count(), 1);
    }

    async fn of_tenants_made_at_once_with_one_id_one_is_made(world) {
        let nodes = [world.app.clone(), world.another_node().await];
        let makings = (0..10).map(|at| {
            let node = nodes[at % 2].clone();
            tokio::spawn(
                async move { node.create_tenant(&command_line(), NewTenant::parse("acme", "Acme").unwrap()).await },
            )
        });
        let outcomes: Vec<Result<_>> = join_all(makings).await.into_iter().map(|it| it.unwrap()).collect();
        assert_eq!(outcomes.iter().filter(|it| it.is_ok()).count(), 1);
        assert!(outcomes.iter().all(|it| matches!(it, Ok(_) | Err(Error::Conflict))), "{outcomes:?}");
    }

    /// Their transactions take the same few rows, the tenant's and the counter's, in whatever order they come.
    async fn users_made_at_once_over_two_nodes_are_all_made_and_have_ids_of_their_own(world) {
        let nodes = [world.app.clone(), world.another_node().await];
        let tenants = [world.tenant("one").await, world.tenant("two").await];
        let mut ids: HashSet<UserId> = HashSet::new();
        for round in 0..4 {
            let makings = (0..60).map(|at| {
                let (node, tenant) = (nodes[at % 2].clone(), tenants[at / 2 % 2].clone());
                tokio::spawn(async move {
                    let by = node.managing_users_of(&command_line(), &tenant).await.unwrap();
                    let email = format!("user{round}-{at}@acme.test");
                    node.create_user(&by, NewUser::parse(&email, "A", "B", "", [], None).unwrap()).await.unwrap().id
                })
            });
            ids.extend(join_all(makings).await.into_iter().map(|it| it.unwrap()));
        }
        assert_eq!(ids.len(), 240);
    }

    async fn crowds_of_strangers_on_two_nodes_break_no_transaction(world) {
        let (acme, _) = john(&world).await;
        world.user(&acme, "jane", &[]).await;
        let nodes = [world.app.clone(), world.another_node().await];
        let tries = (0..120).map(|at| {
            let node = nodes[at % 2].clone();
            let email = ["john@acme.test", "jane@acme.test", "nobody@acme.test"][at / 2 % 3];
            tokio::spawn(async move {
                node.sign_in(crate::world::claim(email, "a wrong password"), &stranger()).await.map(drop)
            })
        });
        for outcome in join_all(tries).await {
            let outcome = outcome.unwrap();
            assert!(
                matches!(outcome, Err(Error::InvalidCredentials | Error::RateLimited(_) | Error::ServerBusy)),
                "{outcome:?}"
            );
        }
    }

    async fn no_request_that_begins_after_a_sign_out_succeeds(world) {
        let (_, _) = john(&world).await;
        for extent in [Extent::This, Extent::All] {
            let token = world.sign_in("john@acme.test").await.handed.token;
            let john = world.caller(&token).await.unwrap();
            let over = Arc::new(AtomicBool::new(false));
            let requests = (0..100).map(|_| {
                let (app, token, over) = (world.app.clone(), token.clone(), Arc::clone(&over));
                tokio::spawn(async move {
                    loop {
                        let late = over.load(Ordering::SeqCst);
                        match caller(&app, &token).await {
                            Ok(_) => assert!(!late, "a request that began after the sign-out succeeded"),
                            Err(Error::InvalidToken) => return,
                            Err(other) => panic!("{other:?}"),
                        }
                        tokio::task::yield_now().await;
                    }
                })
            });
            let requests: Vec<_> = requests.collect();
            world.app.sign_out(&john, extent).await.unwrap();
            over.store(true, Ordering::SeqCst);
            for request in requests {
                request.await.unwrap();
            }
        }
    }

    async fn whoever_signs_in_while_being_disabled_has_no_session_afterwards(world) {
        let (acme, _) = john(&world).await;
        let id = world.sign_in("john@acme.test").await.user.id;
        let nodes = [world.app.clone(), world.another_node().await];
        for _ in 0..3 {
            let tries = (0..20).map(|at| {
                let node = nodes[at % 2].clone();
                tokio::spawn(
                    async move { node.sign_in(crate::world::claim("john@acme.test", PASSWORD), &stranger()).await },
                )
            });
            let tries: Vec<_> = tries.collect();
            world.app.disable_user(&world.managing(&acme).await, id).await.unwrap();
            for answer in join_all(tries).await {
                match answer.unwrap() {
                    Ok(signed_in) => {
                        let dead = async || {
                            matches!(caller(&nodes[1], &signed_in.handed.token).await, Err(Error::InvalidToken))
                        };
                        assert!(matches!(world.caller(&signed_in.handed.token).await, Err(Error::InvalidToken)));
                        soon("the end on the other node", dead).await;
                    }
                    Err(Error::InvalidCredentials | Error::ServerBusy | Error::RateLimited(_)) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
            world.app.enable_user(&world.managing(&acme).await, id).await.unwrap();
            world.wait(3_700);
        }
    }
}
