//! The caller's own sessions.

use insta::{allow_duplicates, assert_snapshot};
use purser_core::access::Role;
use serde_json::json;

use crate::on_both;
use crate::world::codes;

const END: &str = "mutation($id: ID!) { endSession(input: {id: $id}) { id current } }";

on_both! {
    async fn ones_own_sessions_are_listed_and_ended(world) {
        let john = world.user("acme", "john", &[Role::Viewer]).await;
        let first = world.sign_in(&john.email).await;
        let second = world.sign_in(&john.email).await;
        let all = "{ sessions { id current } }";
        let answer = world.ask(&second, all).await;
        let expected = json!([{"id": second.session().unwrap().to_string(), "current": true}, {"id": first.session().unwrap().to_string(), "current": false}]);
        assert_eq!(answer["data"]["sessions"], expected);
        let ended = world.ask_with(&second, END, json!({"id": first.session().unwrap().to_string()})).await;
        assert_eq!(ended["data"]["endSession"], json!({"id": first.session().unwrap().to_string(), "current": false}));
        let answer = world.ask(&second, all).await;
        assert_eq!(answer["data"]["sessions"], json!([{"id": second.session().unwrap().to_string(), "current": true}]));
        assert_eq!(world.ask(&second, "mutation { signOutEverywhere { email } }").await["data"]["signOutEverywhere"]["email"], "john@acme.test");
        assert_eq!(world.ask(&second, all).await["data"]["sessions"], json!([]));
    }

    async fn sessions_of_others_are_nobodys_business(world) {
        let jane = world.as_role(Role::Viewer).await;
        let admin = world.as_role(Role::Admin).await;
        let foreign = world.ask_with(&admin, END, json!({"id": jane.session().unwrap().to_string()})).await;
        assert_eq!(codes(&foreign), ["NOT_FOUND"]);
        for id in ["00000000-0000-7000-8000-000000000000", "x", "", "7"] {
            assert_eq!(world.ask_with(&admin, END, json!({"id": id})).await, foreign, "{id:?}");
        }
        assert_eq!(world.ask(&jane, "{ sessions { current } }").await["data"]["sessions"], json!([{"current": true}]));
    }

    async fn a_session_says_where_it_is_used(world) {
        let jane = world.as_role(Role::Viewer).await;
        let answer = world.ask(&jane, "{ sessions { method address agent createdAt lastSeenAt current } }").await;
        allow_duplicates! { assert_snapshot!(answer, @r#"{"data":{"sessions":[{"address":"192.0.2.1","agent":"test","createdAt":"2027-01-15T08:00:00Z","current":true,"lastSeenAt":"2027-01-15T08:00:00Z","method":"password"}]}}"#); }
    }
}
