//! `POST /api/client/graphql`. Who may do what stands in the sweep's table.

use std::fmt::Write as _;

use purser_core::access::Role;
use serde_json::{Value, json};

use super::is;
use crate::http::probe::Reply;
use crate::on_both;

const TARGET: &str = "/api/client/graphql";

fn codes(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{reply}");
    let errors = reply.json()["errors"].as_array().cloned().unwrap_or_default();
    errors.iter().map(|error| error["extensions"]["code"].as_str().unwrap().to_owned()).collect()
}

fn aliases(what: &str, count: usize) -> String {
    (0..count).fold(String::new(), |mut all, n| {
        let _ = write!(all, "a{n}: {what} ");
        all
    })
}

/// Documents that would cost more than they may.
fn hostile() -> Vec<String> {
    vec![
        format!("{}{}{}", "{ users ".repeat(25), "{ id }", "}".repeat(25)),
        format!("{}{}{}", "{ a ".repeat(5_000), "{ id }", "}".repeat(5_000)),
        "{a".repeat(20_000),
        format!("{{ {} }}", aliases("users { id }", 1_000)),
        format!("mutation {{ {} }}", aliases("endUserSessions(input: {id: 1}) { id }", 1_000)),
        "{ me { ...A } } fragment A on Me { ...B } fragment B on Me { ...A }".to_owned(),
        (0..700).fold("{ me { ...f0 } }".to_owned(), |mut all, n| {
            let _ = write!(all, " fragment f{n} on Me {{ ...f{} }}", n + 1);
            all
        }),
        format!("{{ me {{ {} }} }}", "id ".repeat(20_000)),
        format!("{{ me {{ id {} }} }}", "@skip(if: false) ".repeat(3_000)),
        format!("query({}) {{ me {{ id }} }}", "$a: Int ".repeat(7_000)),
    ]
}

on_both! {
    async fn a_viewer_sees_their_tenants_people_and_nobodys_roles(site) {
        let member = site.as_role(Role::Viewer).await;
        let colleague = site.user("acme", &[Role::Admin]).await;
        site.other_tenant().await;
        let reply = member.graphql("query { users { id email roles } }").await;
        let users = reply.json()["data"]["users"].as_array().unwrap().clone();
        let emails: Vec<&str> = users.iter().map(|user| user["email"].as_str().unwrap()).collect();
        assert_eq!(emails, [&member.user.email, &colleague.email]);
        // One's own roles are one's own business.
        assert_eq!(users[0]["roles"], json!(["VIEWER"]));
        assert_eq!(users[1]["roles"], Value::Null);
        assert_eq!(codes(&reply), ["FORBIDDEN"]);
    }

    async fn no_argument_leads_to_another_tenant_or_a_hidden_field(site) {
        let member = site.as_role(Role::Admin).await;
        let stranger = site.other_tenant().await;
        let before = site.holdings().await;
        for query in [
            r#"{ users(clientId: "globex") { id } }"#.to_owned(),
            format!(r#"{{ node(id: "{}") {{ id }} }}"#, stranger.user.id),
            r#"{ users(filter: {passwordHash: "a"}) { id } }"#.to_owned(),
            "{ users(orderBy: passwordHash) { id } }".to_owned(),
            "{ users { id passwordHash } }".to_owned(),
            "{ me { id password } }".to_owned(),
            "{ users { id client { id } } }".to_owned(),
            r#"mutation { updateUser(input: {id: 1, clientId: "globex"}) { id } }"#.to_owned(),
            "mutation { updateUser(input: {id: 1, roles: [ADMIN]}) { id } }".to_owned(),
            r#"mutation { updateUser(input: {id: 1, passwordHash: "x", emailVerified: true}) { id } }"#.to_owned(),
        ] {
            let reply = member.graphql(&query).await;
            assert!(codes(&reply).iter().all(|code| code == "VALIDATION_ERROR"), "{query}: {reply}");
            assert!(!codes(&reply).is_empty() && reply.json().get("data").is_none(), "{query}: {reply}");
        }
        let found = member.graphql(&format!(r#"{{ users(search: "{}") {{ id }} }}"#, stranger.user.email)).await;
        assert_eq!(found.json(), json!({"data": {"users": []}}));
        assert_eq!(site.holdings().await, before);
    }

    async fn what_is_past_a_limit_is_refused_before_it_runs(site) {
        let member = site.as_role(Role::Admin).await;
        let before = site.holdings().await;
        for document in hostile() {
            let reply = member.graphql(&document).await;
            assert_eq!(reply.refusal(), is(400, "QUERY_TOO_COMPLEX"), "{}", &document[..60]);
        }
        let megabyte = format!("{{ me {{ id }} }}{}", " ".repeat(1 << 20));
        assert_eq!(member.graphql(&megabyte).await.refusal(), is(413, "PAYLOAD_TOO_LARGE"));
        assert_eq!(site.holdings().await, before);
        assert_eq!(member.me().await.status, 200);
    }

    async fn a_batch_is_refused(site) {
        let member = site.as_role(Role::Viewer).await;
        for count in [1, 100] {
            let batch = Value::from(vec![json!({"query": "{ me { id } }"}); count]);
            assert_eq!(member.post(TARGET, &batch).await.refusal(), is(400, "VALIDATION_ERROR"));
        }
    }

    async fn the_schema_is_told_to_those_signed_in_alone(site) {
        let query = "{ __schema { queryType { name } } __type(name: \"User\") { name } }";
        assert_eq!(site.anyone().graphql(query).await.refusal(), is(401, "INVALID_TOKEN"));
        let told = site.as_role(Role::Viewer).await.graphql(query).await;
        assert_eq!(told.json()["data"]["__type"]["name"], "User");
    }

    async fn a_wrong_name_is_not_helped_to_a_right_one(site) {
        let member = site.as_role(Role::Viewer).await;
        for query in ["{ usres { id } }", "{ users { emial } }", "{ users(frist: 1) { id } }", "mutation { createUsr { id } }", "{"] {
            let reply = member.graphql(query).await;
            assert_eq!(codes(&reply), ["VALIDATION_ERROR"], "{query}");
            for hint in ["Did you mean", "users\"", "email", "createUser", "first"] {
                assert!(!reply.body.contains(hint), "{query}: {reply}");
            }
        }
    }

    async fn a_query_comes_as_json_by_post_and_in_no_other_way(site) {
        let member = site.as_role(Role::Viewer).await;
        assert_eq!(member.get("/api/client/graphql?query=%7Bme%7Bid%7D%7D").await.refusal(), is(405, "METHOD_NOT_ALLOWED"));
        let text = member.with("Content-Type: text/plain");
        assert_eq!(text.send_raw("POST", TARGET, r#"{"query":"{me{id}}"}"#).await.refusal().0, 415);
        for body in [json!({}), json!({"query": null}), json!({"query": 1}), json!({"query": "{ me { id } }", "variables": []}), json!({"query": "{ me { id } }", "operationName": 1})] {
            assert_eq!(member.post(TARGET, &body).await.refusal(), is(400, "VALIDATION_ERROR"), "{body}");
        }
        let whole = json!({"query": "query A($n: Int) { users(first: $n) { id } } query B { me { id } }", "variables": {"n": 1}, "operationName": "A", "extensions": {}});
        assert!(member.post(TARGET, &whole).await.json()["data"]["users"].is_array());
        let nulls = json!({"query": "{ me { id } }", "variables": null, "operationName": null});
        assert_eq!(member.post(TARGET, &nulls).await.status, 200);
    }

    async fn a_role_is_given_by_those_above_it(site) {
        let (admin, user_admin) = (site.as_role(Role::Admin).await, site.as_role(Role::UserAdmin).await);
        let target = site.user("acme", &[Role::Viewer]).await;
        let set = |roles: &str| format!("mutation {{ setUserRoles(input: {{id: {}, roles: [{roles}]}}) {{ roles }} }}", target.id);
        assert_eq!(codes(&user_admin.graphql(&set("VIEWER, ADMIN")).await), ["FORBIDDEN"]);
        assert_eq!(codes(&user_admin.graphql(&set("AUTHOR, USER_ADMIN")).await), Vec::<String>::new());
        assert_eq!(codes(&admin.graphql(&set("ADMIN")).await), Vec::<String>::new());
        assert_eq!(codes(&user_admin.graphql(&set("VIEWER")).await), ["FORBIDDEN"], "an Admin is out of their reach");
        assert_eq!(codes(&admin.graphql(&set("OWNER")).await), ["VALIDATION_ERROR"]);
    }
}
