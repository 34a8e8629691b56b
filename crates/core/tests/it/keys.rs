//! Signing keys: made at the first start, rotated without a single false refusal, gone when their last token is.

use purser_core::access::Role;
use purser_core::app::App;
use purser_core::error::Error;
use purser_core::secret::Secret;
use purser_core::session::KeyView;
use purser_core::session::token::Algorithm;

use crate::on_both;
use crate::world::{PASSWORD, World, caller, claim, command_line, soon, visit};

/// How long a retired key verifies: until every node has heard, its last token has run out, and a little more.
const RETIREMENT: u64 = 2 + 86_400 + 300;

async fn john(world: &World) {
    let acme = world.tenant("acme").await;
    world.user(&acme, "john", &[Role::Viewer]).await;
}

async fn token(node: &App) -> Secret {
    node.sign_in(claim("john@acme.test", PASSWORD), &visit()).await.unwrap().handed.token
}

fn kid(token: &Secret) -> String {
    let header = jsonwebtoken::decode_header(token.reveal()).unwrap();
    header.kid.unwrap()
}

async fn published(node: &App) -> Vec<String> {
    let set = node.jwks().await.unwrap();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().into()).collect()
}

async fn of_realm(world: &World, realm: &str) -> Vec<KeyView> {
    let keys = world.app.signing_keys(&command_line()).await.unwrap();
    keys.into_iter().filter(|key| key.realm == realm).collect()
}

on_both! {
    async fn there_is_one_key_for_each_realm_from_the_first_start(world) {
        john(&world).await;
        let second = world.another_node().await;
        let keys = world.app.signing_keys(&command_line()).await.unwrap();
        let mut realms: Vec<&str> = keys.iter().map(|key| key.realm.as_str()).collect();
        realms.sort_unstable();
        assert_eq!(realms, ["admin", "client"]);
        assert_eq!(published(&world.app).await, [kid(&token(&second).await)]);
        let world = world.restarted().await;
        assert_eq!(world.app.signing_keys(&command_line()).await.unwrap().len(), 2);
    }

    async fn nodes_that_start_at_the_same_moment_agree_on_the_keys(world) {
        john(&world).await;
        world.database.run("DELETE FROM signing_keys").await;
        let nodes = futures::future::join_all((0..4).map(|_| world.another_node())).await;
        for realm in ["client", "admin"] {
            assert_eq!(of_realm(&world, realm).await.len(), 1, "{realm}");
        }
        let token = token(&nodes[0]).await;
        for node in &nodes {
            caller(node, &token).await.unwrap();
        }
    }

    async fn a_rotation_refuses_no_token_on_any_node_at_any_moment(world) {
        john(&world).await;
        let second = world.another_node().await;
        let nodes = [&world.app, &second];
        let mut tokens = vec![token(&world.app).await, token(&second).await];
        let old = kid(&tokens[0]);
        world.app.rotate_keys(&command_line()).await.unwrap();
        for _ in 0..8 {
            for node in nodes {
                tokens.push(token(node).await);
            }
            for token in &tokens {
                for node in nodes {
                    caller(node, token).await.unwrap();
                }
            }
            world.clock.advance(std::time::Duration::from_millis(500));
        }
        let new = kid(&token(&world.app).await);
        assert_ne!(new, old);
        soon("the new key on the other node", async || kid(&token(&second).await) == new).await;
        for node in nodes {
            let keys = published(node).await;
            assert!(keys.contains(&old) && keys.contains(&new));
        }
    }

    async fn a_new_key_signs_only_when_every_node_has_had_time_to_hear(world) {
        john(&world).await;
        let old = kid(&token(&world.app).await);
        let rotated = world.app.rotate_keys(&command_line()).await.unwrap();
        let new = &rotated.iter().find(|key| key.realm == "client" && key.verify_until.is_none()).unwrap().kid;
        assert!(published(&world.app).await.contains(new), "published before it signs");
        world.clock.advance(std::time::Duration::from_millis(1_999));
        assert_eq!(kid(&token(&world.app).await), old);
        world.clock.advance(std::time::Duration::from_millis(1));
        assert_eq!(kid(&token(&world.app).await), *new);
    }

    async fn a_retired_keys_tokens_are_good_to_their_end_and_then_the_key_goes(world) {
        john(&world).await;
        world.app.rotate_keys(&command_line()).await.unwrap();
        world.clock.advance(std::time::Duration::from_millis(1_999));
        let last = token(&world.app).await;
        let retired = kid(&last);
        assert_eq!(retired, published(&world.app).await.into_iter().min_by_key(|it| *it != retired).unwrap());
        let world = world.restarted().await;
        world.wait(86_399);
        world.caller(&last).await.unwrap();
        world.wait(RETIREMENT - 86_399 - 2);
        assert!(matches!(world.caller(&last).await, Err(Error::TokenExpired)));
        assert!(published(&world.app).await.contains(&retired));
        world.wait(1);
        assert!(!published(&world.app).await.contains(&retired));
        world.wait(1);
        world.app.keep_house().await.unwrap();
        assert_eq!(world.app.signing_keys(&command_line()).await.unwrap().len(), 2);
        world.caller(&token(&world.app).await).await.unwrap();
    }

    async fn two_rotations_in_a_row_leave_one_key_that_signs(world) {
        john(&world).await;
        let first = token(&world.app).await;
        let second = world.another_node().await;
        let [here, there] = [world.app.clone(), second]
            .map(|node| tokio::spawn(async move { node.rotate_keys(&command_line()).await.map(drop) }));
        here.await.unwrap().unwrap();
        there.await.unwrap().unwrap();
        world.app.rotate_keys(&command_line()).await.unwrap();
        world.wait(2);
        let fresh = token(&world.app).await;
        for good in [&first, &fresh] {
            world.caller(good).await.unwrap();
        }
        for realm in ["client", "admin"] {
            let signing = of_realm(&world, realm).await.into_iter().filter(|key| key.verify_until.is_none());
            assert_eq!(signing.count(), 1, "{realm}");
        }
    }

    async fn a_node_with_another_master_key_refuses_to_start(world) {
        let mut settings = world.settings();
        settings.secrets.master_key = Some(Secret::new("A".repeat(43) + "="));
        let entropy = std::sync::Arc::new(purser_core::env::SeededEntropy::new(99));
        let refused = App::open_with(settings, world.clock.clone(), entropy).await.err().unwrap();
        let Error::Internal(cause) = refused else { panic!("{refused:?}") };
        assert!(cause.to_string().contains("master key"), "{cause}");
    }

    async fn a_key_that_was_tampered_with_in_the_store_is_not_believed(world) {
        john(&world).await;
        let zeros = if world.database.is_postgres() { "'\\x00'" } else { "x'00'" };
        world.database.run(&format!("UPDATE signing_keys SET public = {zeros}")).await;
        let entropy = std::sync::Arc::new(purser_core::env::SeededEntropy::new(99));
        assert!(App::open_with(world.settings(), world.clock.clone(), entropy).await.is_err());
    }

    async fn a_longer_life_of_tokens_keeps_retired_keys_longer(world) {
        let world = world
            .with(|settings| {
                settings.tokens.access_ttl = "48h".parse().unwrap();
                settings.tokens.algorithm = Algorithm::EdDSA;
            })
            .await;
        john(&world).await;
        let last = token(&world.app).await;
        world.app.rotate_keys(&command_line()).await.unwrap();
        world.wait(2 * 86_400 - 1);
        world.caller(&last).await.unwrap();
    }
}
