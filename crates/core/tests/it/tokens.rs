//! Access tokens: what they say, how long they live, and what ends them at once.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use purser_core::access::{Role, right};
use purser_core::app::App;
use purser_core::error::Error;
use purser_core::ids::{TenantId, UserId};
use purser_core::secret::Secret;
use purser_core::session::token::Algorithm;
use purser_core::session::{Extent, Shown};
use purser_core::signin::AdminClaim;
use purser_core::tenants::TenantStatus;
use serde_json::Value as Json;

use crate::on_both;
use crate::world::{PASSWORD, World, caller, command_line, cookie_caller, refresh, soon, stranger, visit};

/// John of acme.
async fn john(world: &World) -> (TenantId, UserId) {
    let acme = world.tenant("acme").await;
    let user = world.user(&acme, "john", &[Role::Viewer]).await;
    (acme, user.id)
}

async fn assert_dead(node: &App, token: &Secret) {
    let refused = caller(node, token).await;
    assert!(matches!(refused, Err(Error::InvalidToken)), "{refused:?}");
}

/// A part of a token: 0 the header, 1 the claims.
fn part(token: &Secret, at: usize) -> Json {
    let text = token.reveal().split('.').nth(at).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

on_both! {
    async fn an_access_token_says_what_the_contract_names(world) {
        let (_, id) = john(&world).await;
        let handed = world.sign_in("john@acme.test").await.handed;
        let session = world.caller(&handed.token).await.unwrap().session().unwrap();
        let (header, claims) = (part(&handed.token, 0), part(&handed.token, 1));
        assert_eq!((&header["typ"], &header["alg"]), (&"at+jwt".into(), &"ES256".into()));
        let names: Vec<&String> = claims.as_object().unwrap().keys().collect();
        assert_eq!(names, ["amr", "aud", "cid", "exp", "iat", "iss", "jti", "roles", "sid", "sub"]);
        assert_eq!(claims["sub"], id.to_string());
        assert_eq!(claims["cid"], "acme");
        assert_eq!(claims["sid"], session.to_string());
        assert_eq!(claims["roles"], serde_json::json!(["VIEWER"]));
        assert_eq!(claims["amr"], serde_json::json!(["pwd"]));
        assert_eq!(claims["iat"], 1_800_000_000);
        assert_eq!(claims["exp"], 1_800_086_400);
        assert_eq!(handed.expires_in, Duration::from_hours(24));
        assert_eq!(header["kid"], world.app.jwks().await.unwrap()["keys"][0]["kid"]);
    }

    async fn an_access_token_lives_to_the_second_and_no_leeway(world) {
        john(&world).await;
        let handed = world.sign_in("john@acme.test").await.handed;
        let unseen = world.sign_in("john@acme.test").await.handed;
        world.wait(86_399);
        world.caller(&handed.token).await.unwrap();
        world.wait(1);
        for token in [&handed.token, &unseen.token] {
            assert!(matches!(world.caller(token).await, Err(Error::TokenExpired)));
        }
        cookie_caller(&world.app, &handed.cookie.unwrap()).await.unwrap();
        world.caller(&refresh(&world.app, &handed.refresh_token).await.unwrap().handed.token).await.unwrap();
    }

    async fn a_tenant_can_shorten_the_life_of_access_tokens_but_not_lengthen_it(world) {
        let (acme, _) = john(&world).await;
        for (asked, given) in [("15m", 900), ("30d", 86_400)] {
            world.settle(&acme, |settings| settings.access_ttl = Some(asked.parse().unwrap())).await;
            let handed = world.sign_in("john@acme.test").await.handed;
            assert_eq!(handed.expires_in, Duration::from_secs(given));
            world.wait(given - 1);
            world.caller(&handed.token).await.unwrap();
            world.wait(1);
            assert!(matches!(world.caller(&handed.token).await, Err(Error::TokenExpired)));
        }
    }

    async fn a_token_of_another_deployment_or_realm_or_changed_is_refused(world) {
        john(&world).await;
        let token = world.sign_in("john@acme.test").await.handed.token;
        let name = purser_core::admins::Username::parse("root").unwrap();
        world.app.create_admin(&command_line(), name, &Secret::new(PASSWORD)).await.unwrap();
        let claim = AdminClaim { username: "root".into(), password: Secret::new(PASSWORD) };
        let admin = world.app.sign_in_admin(claim, &visit()).await.unwrap().handed;
        let other = World::elsewhere().await;
        john(&other).await;
        let foreign = other.sign_in("john@acme.test").await.handed.token;
        let text = token.reveal();
        let (said, signature) = text.rsplit_once('.').unwrap();
        let last = if text.ends_with('A') { "B" } else { "A" };
        let junk = [
            String::new(),
            "null".into(),
            said.into(),
            format!("{said}."),
            format!("{}{last}", &text[..text.len() - 1]),
            format!("{text}."),
            format!(" {text}"),
            format!("eyJhbGciOiJub25lIn0.{}.", text.split('.').nth(1).unwrap()),
            format!("{}.{signature}", foreign.reveal().rsplit_once('.').unwrap().0),
            "a.".repeat(100_000),
        ];
        let junk = junk.map(Secret::new);
        for refused in junk.iter().chain([&foreign, &admin.token, &admin.refresh_token, admin.cookie.as_ref().unwrap()])
        {
            assert_dead(&world.app, refused).await;
            assert!(matches!(cookie_caller(&world.app, refused).await, Err(Error::InvalidToken)));
        }
        world.caller(&token).await.unwrap();
        let crossed = world.app.system_admin(Shown::Bearer(text), visit()).await;
        assert!(matches!(crossed, Err(Error::InvalidToken)));
    }

    async fn another_tenant_named_is_forbidden(world) {
        john(&world).await;
        world.tenant("other").await;
        let token = world.sign_in("john@acme.test").await.handed.token;
        for name in ["other", "unknown", "ACME", " acme", ""] {
            let refused = world.app.caller(Shown::Bearer(token.reveal()), Some(name), visit()).await;
            assert!(matches!(refused, Err(Error::Forbidden)), "{name}");
        }
        world.app.caller(Shown::Bearer(token.reveal()), Some("acme"), visit()).await.unwrap();
    }

    async fn sign_out_ends_all_three_handles_at_the_next_request_and_for_good(world) {
        john(&world).await;
        let handed = world.sign_in("john@acme.test").await.handed;
        let other = world.sign_in("john@acme.test").await.handed;
        let cookie = handed.cookie.unwrap();
        let john = world.caller(&handed.token).await.unwrap();
        cookie_caller(&world.app, &cookie).await.unwrap();
        world.app.sign_out(&john, Extent::This).await.unwrap();
        let world = assert_over(world, &handed.token, &cookie, &handed.refresh_token).await;
        world.caller(&other.token).await.unwrap();
        let world = world.restarted().await;
        assert_over(world, &handed.token, &cookie, &handed.refresh_token).await;
    }

    async fn sign_out_of_all_spares_the_sign_in_of_the_same_instant(world) {
        john(&world).await;
        let before = [(); 3].map(|()| "john@acme.test");
        let mut tokens = Vec::new();
        for email in before {
            tokens.push(world.sign_in(email).await.handed.token);
        }
        let john = world.caller(&tokens[0]).await.unwrap();
        world.app.sign_out(&john, Extent::All).await.unwrap();
        let after = world.sign_in("john@acme.test").await.handed.token;
        for token in &tokens {
            assert_dead(&world.app, token).await;
        }
        world.caller(&after).await.unwrap();
        let world = world.restarted().await;
        assert_dead(&world.app, &tokens[1]).await;
        world.caller(&after).await.unwrap();
    }

    async fn sign_out_of_all_ends_nobody_elses_sessions(world) {
        let (acme, _) = john(&world).await;
        world.user(&acme, "jane", &[Role::Viewer]).await;
        let jane = world.sign_in("jane@acme.test").await.handed.token;
        let john = world.caller(&world.sign_in("john@acme.test").await.handed.token).await.unwrap();
        world.app.sign_out(&john, Extent::All).await.unwrap();
        world.caller(&jane).await.unwrap();
    }

    async fn a_change_of_roles_holds_at_the_next_request(world) {
        let (acme, id) = john(&world).await;
        let token = world.sign_in("john@acme.test").await.handed.token;
        let grant = world.caller(&token).await.unwrap().grant::<right::AuditRead>();
        assert!(matches!(grant, Err(Error::Forbidden)));
        world.app.set_user_roles(&world.managing(&acme).await, id, [Role::Admin]).await.unwrap();
        world.caller(&token).await.unwrap().grant::<right::AuditRead>().unwrap();
        world.user(&acme, "other", &[Role::Admin]).await;
        world.app.set_user_roles(&world.managing(&acme).await, id, []).await.unwrap();
        let now = world.caller(&token).await.unwrap();
        assert!(matches!(now.grant::<right::WorkRead>(), Err(Error::Forbidden)));
        let fresh = world.sign_in("john@acme.test").await.handed.token;
        assert_eq!(part(&fresh, 1)["roles"], serde_json::json!([]));
    }

    async fn a_disabled_user_is_out_at_once_and_old_sessions_stay_over_when_enabled(world) {
        let (acme, id) = john(&world).await;
        let handed = world.sign_in("john@acme.test").await.handed;
        world.caller(&handed.token).await.unwrap();
        world.app.disable_user(&world.managing(&acme).await, id).await.unwrap();
        assert_dead(&world.app, &handed.token).await;
        assert!(matches!(world.try_sign_in("john@acme.test", PASSWORD).await, Err(Error::InvalidCredentials)));
        world.app.enable_user(&world.managing(&acme).await, id).await.unwrap();
        let world = assert_over(world, &handed.token, &handed.cookie.unwrap(), &handed.refresh_token).await;
        world.sign_in("john@acme.test").await;
    }

    async fn a_deleted_users_handles_are_dead_at_once(world) {
        let (acme, id) = john(&world).await;
        let handed = world.sign_in("john@acme.test").await.handed;
        world.caller(&handed.token).await.unwrap();
        world.app.delete_user(&world.managing(&acme).await, id).await.unwrap();
        world.user(&acme, "john", &[Role::Viewer]).await;
        assert_over(world, &handed.token, &handed.cookie.unwrap(), &handed.refresh_token).await;
    }

    async fn a_disabled_tenants_sessions_are_over_and_stay_over(world) {
        let (acme, _) = john(&world).await;
        let handed = world.sign_in("john@acme.test").await.handed;
        world.caller(&handed.token).await.unwrap();
        world.switch(&acme, TenantStatus::Disabled).await;
        assert_dead(&world.app, &handed.token).await;
        assert!(matches!(world.try_sign_in("john@acme.test", PASSWORD).await, Err(Error::InvalidCredentials)));
        world.switch(&acme, TenantStatus::Active).await;
        let world = assert_over(world, &handed.token, &handed.cookie.unwrap(), &handed.refresh_token).await;
        world.sign_in("john@acme.test").await;
    }

    async fn a_deleted_tenants_handles_are_dead_even_when_its_name_is_used_again(world) {
        let (acme, _) = john(&world).await;
        let handed = world.sign_in("john@acme.test").await.handed;
        world.caller(&handed.token).await.unwrap();
        world.app.delete_tenant(&command_line(), &acme).await.unwrap();
        assert_dead(&world.app, &handed.token).await;
        john_again(&world).await;
        assert_over(world, &handed.token, &handed.cookie.unwrap(), &handed.refresh_token).await;
    }

    async fn an_administrator_can_end_one_session_a_users_a_tenants_and_everybodys(world) {
        let (acme, id) = john(&world).await;
        let begin = async || world.sign_in("john@acme.test").await.handed.token;
        let (one, other) = (begin().await, begin().await);
        let session = world.caller(&one).await.unwrap().session().unwrap();
        world.app.end_session(&command_line(), session).await.unwrap();
        assert_dead(&world.app, &one).await;
        let again = world.app.end_session(&command_line(), session).await;
        assert!(matches!(again, Err(Error::NotFound)), "{again:?}");
        world.caller(&other).await.unwrap();
        world.app.end_user_sessions(&world.managing(&acme).await, id).await.unwrap();
        assert_dead(&world.app, &other).await;
        let third = begin().await;
        world.app.end_tenant_sessions(&command_line(), &acme).await.unwrap();
        assert_dead(&world.app, &third).await;
        let fourth = begin().await;
        world.app.end_all_sessions(&command_line()).await.unwrap();
        assert_dead(&world.app, &fourth).await;
        let fifth = begin().await;
        world.caller(&fifth).await.unwrap();
    }

    async fn what_one_node_ends_the_other_refuses_within_a_second(world) {
        let (acme, id) = john(&world).await;
        let other = world.another_node().await;
        let begin = async || {
            let handed =
                world.app.sign_in(crate::world::claim("john@acme.test", PASSWORD), &stranger()).await.unwrap().handed;
            // The other node knows it well.
            caller(&other, &handed.token).await.unwrap();
            cookie_caller(&other, handed.cookie.as_ref().unwrap()).await.unwrap();
            handed.token
        };
        let ends = async |what: &str, token: Secret| {
            assert_dead(&world.app, &token).await;
            soon(what, async || matches!(caller(&other, &token).await, Err(Error::InvalidToken))).await;
        };
        let token = begin().await;
        world.app.sign_out(&world.caller(&token).await.unwrap(), Extent::This).await.unwrap();
        ends("sign-out", token).await;
        let token = begin().await;
        world.app.sign_out(&world.caller(&token).await.unwrap(), Extent::All).await.unwrap();
        ends("sign-out of all", token).await;
        let token = begin().await;
        world.app.set_user_roles(&world.managing(&acme).await, id, [Role::UserAdmin]).await.unwrap();
        let promoted = async || caller(&other, &token).await.unwrap().grant::<right::UsersManage>().is_ok();
        soon("new roles", promoted).await;
        world.app.disable_user(&world.managing(&acme).await, id).await.unwrap();
        ends("disabling", token).await;
        world.app.enable_user(&world.managing(&acme).await, id).await.unwrap();
        let token = begin_soon(&world, &other).await;
        world.switch(&acme, TenantStatus::Disabled).await;
        ends("disabling the tenant", token).await;
        world.switch(&acme, TenantStatus::Active).await;
        let token = begin_soon(&world, &other).await;
        world.app.delete_user(&world.managing(&acme).await, id).await.unwrap();
        ends("deleting", token).await;
        world.user(&acme, "john", &[Role::Viewer]).await;
        let token = begin().await;
        world.app.delete_tenant(&command_line(), &acme).await.unwrap();
        ends("deleting the tenant", token).await;
    }
}

/// A session that the other node knows, as soon as it has heard that it may.
async fn begin_soon(world: &World, other: &Arc<App>) -> Secret {
    let token = world.sign_in("john@acme.test").await.handed.token;
    soon("enabling", async || caller(other, &token).await.is_ok()).await;
    token
}

async fn john_again(world: &World) {
    let acme = world.tenant("acme").await;
    world.user(&acme, "john", &[Role::Viewer]).await;
}

/// Every handle of the session is refused, and nothing of it is left in a list.
async fn assert_over(world: World, token: &Secret, cookie: &Secret, refresh_token: &Secret) -> World {
    assert_dead(&world.app, token).await;
    assert!(matches!(cookie_caller(&world.app, cookie).await, Err(Error::InvalidToken)));
    let refused = refresh(&world.app, refresh_token).await;
    assert!(matches!(refused, Err(Error::InvalidToken)), "{refused:?}");
    world
}

on_both! {
    async fn under_each_algorithm_tokens_work_and_others_can_verify_what_they_may(world) {
        let mut world = world;
        for algorithm in [Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256, Algorithm::HS256] {
            world = world.with(|settings| settings.tokens.algorithm = algorithm).await;
            if algorithm == Algorithm::ES256 {
                john(&world).await;
            }
            let handed = world.sign_in("john@acme.test").await.handed;
            assert_eq!(part(&handed.token, 0)["alg"], algorithm.as_str());
            world.caller(&handed.token).await.unwrap();
            world.caller(&refresh(&world.app, &handed.refresh_token).await.unwrap().handed.token).await.unwrap();
            let jwks: jsonwebtoken::jwk::JwkSet = serde_json::from_value(world.app.jwks().await.unwrap()).unwrap();
            let kid = part(&handed.token, 0)["kid"].as_str().unwrap().to_owned();
            let Some(key) = jwks.find(&kid) else {
                assert_eq!(algorithm, Algorithm::HS256, "a shared secret is not published");
                continue;
            };
            let mut rules = jsonwebtoken::Validation::new(algorithm.as_str().parse().unwrap());
            rules.set_audience(&["purser:client"]);
            rules.validate_exp = false;
            let key = jsonwebtoken::DecodingKey::from_jwk(key).unwrap();
            jsonwebtoken::decode::<Json>(handed.token.reveal(), &key, &rules).unwrap();
        }
    }

    async fn tokens_signed_under_the_former_algorithm_stay_good(world) {
        john(&world).await;
        let token = world.sign_in("john@acme.test").await.handed.token;
        let world = world.with(|settings| settings.tokens.algorithm = Algorithm::EdDSA).await;
        world.caller(&token).await.unwrap();
    }
}
