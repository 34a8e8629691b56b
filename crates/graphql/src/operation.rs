//! Which of a document's operations runs, and whether its variables have the values they need.

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition};
use async_graphql::{Value, Variables};
use purser_core::error::{Error, Problem, Result};

/// The operation that a request names, or the only one (GraphQL section 6.1). None is for validation to refuse.
pub(crate) fn chosen<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Option<&'a OperationDefinition> {
    let operation = match (&document.operations, name) {
        (DocumentOperations::Single(only), None) => Some(only),
        (DocumentOperations::Multiple(all), Some(name)) => all.get(name),
        (DocumentOperations::Multiple(all), None) if all.len() == 1 => all.values().next(),
        (DocumentOperations::Single(_), Some(_)) | (DocumentOperations::Multiple(_), None) => None,
    };
    operation.map(|operation| &operation.node)
}

/// Refuses an operation that lacks a value before any of it runs (GraphQL section 6.1.2): the executor would notice at the field that
/// wants it, when earlier mutations are done already.
///
/// # Errors
/// [`Error::Invalid`] naming each variable without a value.
pub(crate) fn demand_values(operation: &OperationDefinition, values: &Variables) -> Result<()> {
    let definitions = operation.variable_definitions.iter().map(|definition| &definition.node);
    let missing = definitions.filter(|definition| {
        let given = values.get(&definition.name.node).or(definition.default_value.as_ref().map(|value| &value.node));
        !definition.var_type.node.nullable && given.is_none_or(|value| *value == Value::Null)
    });
    let problem = |name: &str| Problem { field: format!("variables.{name}"), reason: "a value is needed".into() };
    let problems: Vec<Problem> = missing.map(|definition| problem(&definition.name.node)).collect();
    if problems.is_empty() { Ok(()) } else { Err(Error::Invalid(problems)) }
}
