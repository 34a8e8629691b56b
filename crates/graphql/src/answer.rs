//! [`Answer`], a GraphQL response as it goes out, and the one place where refusals become entries of `errors`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_graphql::indexmap::IndexMap;
use async_graphql::{ErrorExtensionValues, Name, PathSegment, Response, ServerError, Value, parser};
use purser_core::audit::Visit;
use purser_core::error::{Error, Problem};
use serde::Serialize;

use crate::limits::{Plan, Root};
use crate::outline::Outline;

/// A GraphQL response (GraphQL section 7.1).
#[derive(Debug, Serialize)]
pub struct Answer {
    /// What was asked for; absent if nothing ran, null if something that is never null failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    /// What was refused, field by field. Past the hundredth they are left out; their fields are null all the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ServerError>,
}

/// Errors in one answer. A list of 500 rows with a denied field would otherwise say the same 500 times.
const ERRORS: usize = 100;
/// Letters of a reason, which may quote what was sent.
const REASON: usize = 200;

impl Answer {
    /// The answer to a document that is refused before it runs.
    pub(crate) fn refused(refusal: &Error) -> Self {
        let mut error = ServerError::new("", None);
        tell(&mut error, refusal);
        Self { data: None, errors: vec![error] }
    }

    /// The answer to a document that is no GraphQL.
    pub(crate) fn unread(fault: &parser::Error) -> Self {
        let reason = match fault {
            // The parser's own words draw the document, line by line.
            parser::Error::Syntax { .. } => "not a GraphQL document".to_owned(),
            _ => fault.to_string(),
        };
        let mut error = ServerError::new("", None);
        error.locations = fault.positions().collect();
        tell(&mut error, &Error::invalid("query", reason));
        Self { data: None, errors: vec![error] }
    }

    /// The answer to a document that was validated and, if valid, has run.
    pub(crate) fn shape(response: Response, plan: &Plan, outline: &Outline, visit: &Visit) -> Self {
        let Response { data, mut errors, .. } = response;
        log_faults(&errors, visit);
        // Only what ran has a path.
        let ran = errors.iter().all(|error| !error.path.is_empty());
        let data = ran.then(|| complete(data, &errors, plan, outline));
        errors.truncate(ERRORS);
        errors.iter_mut().for_each(explain);
        Self { data, errors }
    }
}

/// The root fields, by their names in the schema, that were denied, whole or in part: each once, whatever it is called in the answer.
pub(crate) fn denied(response: &Response, plan: &Plan) -> BTreeSet<String> {
    let denied = response.errors.iter().filter(|error| matches!(error.source::<Error>(), Some(Error::Forbidden)));
    let keys = denied.filter_map(|error| match error.path.first() {
        Some(PathSegment::Field(key)) => Some(key),
        _ => None,
    });
    let field =
        |key: &String| plan.roots.iter().find(|root| root.key.as_str() == key).map(|root| root.field.to_string());
    keys.filter_map(field).collect()
}

/// The data with its root fields in the order of the document (GraphQL section 7.2.2), and null where one failed, which the
/// executor leaves out (section 6.4.4).
fn complete(data: Value, errors: &[ServerError], plan: &Plan, outline: &Outline) -> Value {
    let mut fields = match data {
        Value::Object(fields) => fields,
        // Every field failed.
        _ => IndexMap::default(),
    };
    let roots: HashMap<&str, (usize, &Root)> =
        plan.roots.iter().enumerate().rev().map(|(place, root)| (root.key.as_str(), (place, root))).collect();
    for error in errors {
        let [PathSegment::Field(key)] = error.path.as_slice() else {
            continue;
        };
        if roots.get(key.as_str()).is_some_and(|(_, root)| outline.requires(&root.field)) {
            return Value::Null;
        }
        fields.entry(Name::new(key)).or_default();
    }
    fields.sort_by_key(|key, _| roots.get(key.as_str()).map(|(place, _)| *place));
    Value::Object(fields)
}

/// Gives an error the words of the refusal behind it. One without comes from validation: the request is not valid.
fn explain(error: &mut ServerError) {
    if let Some(refusal) = error.source.take().and_then(|source| source.downcast::<Error>().ok()) {
        return tell(error, &refusal);
    }
    let refusal = misfit(&error.message).unwrap_or_else(|| Error::invalid("query", reason(&error.message)));
    tell(error, &refusal);
}

/// The member of an argument that validation says does not fit, named as every other refusal names it: without the `input` of mutations.
fn misfit(message: &str) -> Option<Error> {
    let (place, told) = message.strip_prefix("Invalid value for argument \"")?.split_once("\", ")?;
    // What is missing or unknown is said of the object around it.
    let (member, told) = match told.strip_prefix("field \"").and_then(|rest| rest.split_once('"')) {
        Some((member, _)) => (Some(member), "is required"),
        None => match told.strip_prefix("unknown field \"").and_then(|rest| rest.split_once('"')) {
            Some((member, _)) => (Some(member), "there is no such field"),
            None => (None, told),
        },
    };
    let steps = place.split('.').skip(usize::from(place == "input" || place.starts_with("input."))).chain(member);
    let path = steps.collect::<Vec<_>>().join(".");
    let field = if path.is_empty() || path.len() > REASON { place.to_owned() } else { path };
    Some(Error::invalid(field, reason(told)))
}

/// One message for each code; what varies stands beside it.
fn tell(error: &mut ServerError, refusal: &Error) {
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", refusal.code().as_str());
    if let Error::Invalid(problems) = refusal {
        extensions.set("details", details(problems));
    }
    error.message = refusal.to_string();
    error.extensions = Some(extensions);
}

/// Field to reason; the first reason for a field stands.
fn details(problems: &[Problem]) -> Value {
    let reasons = problems.iter().rev().map(|problem| (problem.field.as_str(), problem.reason.as_str()));
    let reasons: BTreeMap<&str, &str> = reasons.collect();
    Value::Object(reasons.into_iter().map(|(field, reason)| (Name::new(field), reason.into())).collect())
}

/// What validation says, shortened and without guesses at what was meant: who may not know a name must not be told it.
fn reason(message: &str) -> String {
    let told = message.split("Did you mean").next().unwrap_or_default();
    let line = told.lines().next().unwrap_or_default().trim_end();
    line.chars().take(REASON).collect()
}

/// Writes down what is ours to mend, once for each answer.
fn log_faults(errors: &[ServerError], visit: &Visit) {
    let refusals = errors.iter().filter_map(ServerError::source::<Error>);
    let fault = refusals.into_iter().find(|refusal| matches!(refusal, Error::Internal(_) | Error::StoreUnavailable(_)));
    if let Some(fault) = fault {
        let cause = fault as &dyn std::error::Error;
        tracing::error!(request = &*visit.request, cause, "a GraphQL field could not be answered");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(refusal: Error) -> serde_json::Value {
        let mut error = async_graphql::Error::from(refusal).into_server_error(async_graphql::Pos::default());
        explain(&mut error);
        serde_json::to_value(error).unwrap()
    }

    #[test]
    fn a_fault_of_ours_says_its_code_and_nothing_of_its_cause() {
        let told = explained(Error::store("no such file: /var/lib/purser.db"));
        assert_eq!(told["extensions"]["code"], "STORE_UNAVAILABLE");
        assert_eq!(told["message"], "The store is unavailable");
        let told = explained(Error::internal("row 7 of users is torn"));
        assert_eq!(told["extensions"]["code"], "INTERNAL");
        assert!(!told.to_string().contains("users"), "{told}");
    }

    #[test]
    fn the_first_reason_for_a_field_stands() {
        let problem = |reason: &str| Problem { field: "email".into(), reason: reason.into() };
        let told = explained(Error::Invalid(vec![problem("first"), problem("second")]));
        assert_eq!(told["extensions"]["details"]["email"], "first");
    }

    #[test]
    fn what_does_not_fit_is_named_as_other_refusals_name_it() {
        let told = |message: &str| match misfit(&format!("Invalid value for argument {message}")) {
            Some(Error::Invalid(problems)) => problems.into_iter().map(|it| (it.field, it.reason)).next().unwrap(),
            other => panic!("{other:?}"),
        };
        for (message, field, reason) in [
            (r#""since", expected type "DateTime""#, "since", r#"expected type "DateTime""#),
            (r#""input.steps.1.min", expected type "Float""#, "steps.1.min", r#"expected type "Float""#),
            (r#""input", expected type "CreateUserInput""#, "input", r#"expected type "CreateUserInput""#),
            (r#""input", field "email" of type "String!" is required but not provided"#, "email", "is required"),
            (r#""input.oidc", unknown field "foo" of type "OidcInput""#, "oidc.foo", "there is no such field"),
        ] {
            assert_eq!(told(message), (field.to_owned(), reason.to_owned()), "{message}");
        }
        assert!(misfit("Unknown type \"Foo\"").is_none());
    }

    #[test]
    fn reasons_are_short_and_never_suggest() {
        assert_eq!(
            reason("Unknown argument \"iff\" on directive \"skip\". Did you mean \"if\"?"),
            "Unknown argument \"iff\" on directive \"skip\"."
        );
        assert_eq!(reason(&"x".repeat(10_000)).len(), REASON);
    }
}
