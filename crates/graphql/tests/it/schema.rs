//! The schema: its printed form, and what tools ask of it.

use purser_core::access::Role;
use purser_graphql::sdl;

use crate::world::{World, codes};

#[test]
fn the_printed_schema_is_the_one_that_is_checked_in() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&file, sdl()).unwrap();
    }
    let printed = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(printed, sdl(), "run the test again with UPDATE_SCHEMA=1 and read the difference");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_question_that_every_tool_asks_is_answered() {
    let world = World::on_sqlite().await;
    let viewer = world.as_role(Role::Viewer).await;
    let answer = world.ask(&viewer, INTROSPECTION).await;
    assert!(codes(&answer).is_empty(), "{answer}");
    let types = answer["data"]["__schema"]["types"].as_array().unwrap();
    assert!(types.iter().any(|it| it["name"] == "User"));
}

#[test]
fn no_field_of_the_schema_can_hold_a_secret() {
    let sdl = sdl();
    let mut shown = Vec::new();
    for block in sdl.split("\n}").filter_map(|block| block.split_once("\ntype ")) {
        let lines = block.1.lines().skip(1).map(str::trim);
        let fields = lines.filter(|line| line.starts_with(|letter: char| letter.is_ascii_lowercase()));
        shown.extend(fields.map(|line| line.split(['(', ':']).next().unwrap().to_lowercase()));
    }
    assert!(shown.len() > 50 && shown.contains(&"issuer".to_owned()), "{shown:?}");
    for secret in ["hash", "token", "secret", "epoch", "password", "privatekey"] {
        // How long a password is, is no secret.
        let told = |field: &&String| field.contains(secret) && *field != "passwordminlength";
        assert_eq!(shown.iter().find(told), None);
    }
    assert_eq!(sdl.matches("password: ").count(), 1, "a password goes in at createUser and nowhere else");
    assert_eq!(sdl.matches("clientSecret: ").count(), 2, "a client secret goes in at OpenID and Microsoft providers");
}

/// As the reference implementation's tools send it, in its longest form.
const INTROSPECTION: &str = "
    query IntrospectionQuery {
      __schema {
        description
        queryType { name kind } mutationType { name kind } subscriptionType { name kind }
        types { ...FullType }
        directives { name description isRepeatable locations args(includeDeprecated: true) { ...InputValue } }
      }
    }
    fragment FullType on __Type {
      kind name description specifiedByURL isOneOf
      fields(includeDeprecated: true) {
        name description args(includeDeprecated: true) { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason
      }
      inputFields(includeDeprecated: true) { ...InputValue }
      interfaces { ...TypeRef }
      enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
      possibleTypes { ...TypeRef }
    }
    fragment InputValue on __InputValue {
      name description type { ...TypeRef } defaultValue isDeprecated deprecationReason
    }
    fragment TypeRef on __Type {
      kind name
      ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
        ofType { kind name ofType { kind name ofType { kind name } } } } } } } } }
    }";
