//! Tenants and roles, on whatever endpoint. Ids of other tenants stand in the sweep.

use purser_core::access::{Right, Role, Roles};
use serde_json::{Value, json};

use super::is;
use crate::on_both;
use crate::site::{Member, Site};

fn set_roles(of: &Member<'_>, roles: &str) -> String {
    format!("mutation {{ setUserRoles(input: {{id: {}, roles: [{roles}]}}) {{ id }} }}", of.user.id)
}

async fn is_dead(site: &Site, member: &Member<'_>) {
    assert_eq!(member.me().await.refusal(), is(401, "INVALID_TOKEN"));
    assert_eq!(member.by_cookie().me().await.refusal(), is(401, "INVALID_TOKEN"));
    assert_eq!(site.anyone().refresh(&member.refresh_token).await.refusal(), is(401, "INVALID_TOKEN"));
}

on_both! {
    async fn a_client_id_that_is_none_is_refused(site) {
        let member = site.as_role(Role::Viewer).await;
        for value in ["", " ", "ACME", "Acme", "ac me", "acme,globex", "acme\u{0}", "-acme", "../acme", "acme.", "äcme", &"a".repeat(64), &"a".repeat(10_000)] {
            let named = format!("X-Client-ID: {value}");
            let reply = member.with(&named).me().await;
            assert!(matches!(reply.refusal().0, 400 | 403 | 431), "{value:?}: {reply}");
            let reply = site.anyone().with(&named).sign_in(&member.user.email, crate::site::PASSWORD).await;
            assert!(matches!(reply.refusal().0, 400 | 431), "{value:?}: {reply}");
        }
        let twice = member.with("X-Client-ID: acme").with("X-Client-ID: acme");
        assert_eq!(twice.me().await.refusal(), is(400, "VALIDATION_ERROR"));
        assert_eq!(member.with("X-Client-ID:   acme  ").me().await.status, 200);
    }

    async fn a_role_given_or_taken_counts_from_the_next_request(site) {
        let admin = site.as_role(Role::Admin).await;
        let member = site.as_role(Role::UserAdmin).await;
        let permitted = |reply: crate::http::probe::Reply| {
            reply.json()["data"]["permissions"].as_array().unwrap().contains(&json!("users.manage"))
        };
        assert!(permitted(member.me().await));
        assert_eq!(admin.graphql(&set_roles(&member, "VIEWER")).await.status, 200);
        // The token in hand still says otherwise, and lives for a day.
        assert!(!permitted(member.me().await));
        assert_eq!(member.me().await.json()["data"]["user"]["roles"], json!(["VIEWER"]));
        let denied = member.graphql("{ auditLog { id } }").await;
        assert_eq!(denied.json()["errors"][0]["extensions"]["code"], "FORBIDDEN");
        assert_eq!(admin.graphql(&set_roles(&member, "USER_ADMIN")).await.status, 200);
        assert!(permitted(member.me().await));
    }

    async fn me_tells_exactly_the_rights_of_the_role(site) {
        for role in Role::ALL {
            let told = site.as_role(role).await.me().await.json();
            let rights: Vec<&str> = Roles::from_iter([role]).rights().map(Right::name).collect();
            assert_eq!(told["data"]["permissions"], json!(rights));
        }
    }

    async fn of_the_last_two_admins_only_one_can_go(site) {
        for (demote, delete) in [(true, true), (true, false), (false, false)] {
            let tenant = site.new_tenant().await;
            let (one, two) = (site.member(tenant.as_str(), &[Role::Admin]).await, site.member(tenant.as_str(), &[Role::Admin]).await);
            let go = |of: &Member<'_>, demoted: bool| if demoted {
                set_roles(of, "VIEWER")
            } else {
                format!("mutation {{ deleteUser(input: {{id: {}}}) {{ id }} }}", of.user.id)
            };
            let (by_one, by_two) = (go(&two, demote), go(&one, delete));
            let (first, second) = tokio::join!(one.graphql(&by_one), two.graphql(&by_two));
            let done = [first, second].iter().filter(|reply| reply.status == 200 && reply.json().get("errors").is_none()).count();
            assert_eq!(done, 1, "exactly one of two Admins removed the other");
            let admin = site.admin().await;
            let listed = admin.get(&format!("/api/admin/clients/{tenant}/users?role=ADMIN")).await.json();
            assert_eq!(listed["data"]["users"].as_array().unwrap().len(), 1, "{listed}");
        }
    }

    async fn an_address_used_again_elsewhere_inherits_nothing(site) {
        let former = site.member("acme", &[Role::Admin]).await;
        site.user("acme", &[Role::Admin]).await;
        let system = site.admin().await;
        let target = format!("/api/admin/clients/acme/users/{}", former.user.id);
        assert_eq!(system.delete(&target).await.status, 200);
        let again = site.user_named("globex", &former.user.email, &[Role::Viewer], Some(crate::site::PASSWORD)).await;
        let back = site.user_named("acme", &former.user.email, &[Role::Viewer], Some(crate::site::PASSWORD)).await;
        assert!(again.id > former.user.id && back.id > again.id, "numbers are never used again");
        is_dead(&site, &former).await;
        let signed_in = site.sign_in(&again).await;
        let me = signed_in.me().await.json();
        assert_eq!((&me["data"]["user"]["roles"], &me["data"]["client"]["id"]), (&json!(["VIEWER"]), &json!("globex")));
        let sessions = signed_in.get("/api/client/auth/sessions").await.json();
        assert_eq!(sessions["data"]["sessions"].as_array().unwrap().len(), 1);
    }

    async fn with_its_tenant_everything_of_it_is_gone_at_once(site) {
        let (member, bystander) = (site.as_role(Role::Admin).await, site.other_tenant().await);
        let admin = site.admin().await;
        assert_eq!(admin.delete("/api/admin/clients/acme").await.status, 200);
        is_dead(&site, &member).await;
        let named = site.anyone().with("X-Client-ID: acme");
        assert_eq!(named.sign_in(&member.user.email, crate::site::PASSWORD).await.refusal(), is(401, "INVALID_CREDENTIALS"));
        assert_eq!(named.get("/api/client/auth/providers").await.refusal(), is(404, "NOT_FOUND"));
        assert_eq!(admin.get("/api/admin/clients/acme").await.refusal(), is(404, "NOT_FOUND"));
        assert_eq!(bystander.me().await.status, 200);
        // A tenant of the same name begins with nothing.
        site.user("acme", &[Role::Viewer]).await;
        is_dead(&site, &member).await;
    }

    async fn a_disabled_tenant_lets_nobody_in_until_it_is_enabled(site) {
        let member = site.as_role(Role::Viewer).await;
        let admin = site.admin().await;
        assert_eq!(admin.patch("/api/admin/clients/acme", &json!({"status": "DISABLED"})).await.status, 200);
        is_dead(&site, &member).await;
        let named = site.anyone().with("X-Client-ID: acme");
        assert_eq!(named.sign_in(&member.user.email, crate::site::PASSWORD).await.refusal(), is(401, "INVALID_CREDENTIALS"));
        assert_eq!(admin.patch("/api/admin/clients/acme", &json!({"status": "ACTIVE"})).await.status, 200);
        is_dead(&site, &member).await;
        assert_eq!(site.sign_in(&member.user).await.me().await.status, 200);
    }

    async fn members_nobody_asked_for_change_no_user(site) {
        let user = site.user("acme", &[Role::Viewer]).await;
        site.tenant("globex").await;
        let admin = site.admin().await;
        let target = format!("/api/admin/clients/acme/users/{}", user.id);
        let body = json!({
            "status": "ACTIVE", "clientId": "globex", "roles": ["ADMIN"], "passwordHash": "x", "emailVerified": true, "id": 1,
        });
        // Already active: even the member that is asked for changes nothing.
        let reply = admin.patch(&target, &body).await;
        assert!(matches!(reply.status, 200 | 409), "{reply}");
        let present = site.present(&user).await;
        assert_eq!((present.tenant, present.roles, present.id), (user.tenant.clone(), user.roles, user.id));
        let listed = admin.get("/api/admin/clients/globex/users").await.json();
        assert_eq!(listed["data"]["users"], Value::from(Vec::<Value>::new()));
        assert_eq!(site.sign_in(&user).await.me().await.status, 200);
    }

    async fn ones_own_password_is_changed_by_its_owner_alone(site) {
        let member = site.as_role(Role::Viewer).await;
        let target = "/api/client/auth/password/change";
        for (current, new, refusal) in [
            ("wrong password 1", "another horse battery 4711", is(401, "INVALID_CREDENTIALS")),
            (crate::site::PASSWORD, "short", is(400, "VALIDATION_ERROR")),
            (crate::site::PASSWORD, "password123", is(400, "VALIDATION_ERROR")),
            (crate::site::PASSWORD, &member.user.email, is(400, "VALIDATION_ERROR")),
        ] {
            let before = site.holdings().await;
            let reply = member.post(target, &json!({"currentPassword": current, "newPassword": new})).await;
            assert_eq!(reply.refusal(), refusal, "{new}");
            assert_eq!(site.holdings().await, before);
        }
    }
}
