//! [`Outline`]: what limits and answers must know of the schema, read from its own text so that no field can be forgotten.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, FieldDefinition, TypeDefinition, TypeKind, TypeSystemDefinition};
use async_graphql::{Positioned, Value};

use crate::paging::USUAL;

/// The lists of the schema and its root fields that are never null.
pub(crate) struct Outline {
    lists: HashMap<String, u64>,
    required: HashSet<String>,
}

impl Outline {
    /// Reads the schema's text.
    pub(crate) fn read(sdl: &str) -> Self {
        let document = parse_schema(sdl).expect("the schema's own text is GraphQL");
        let mut outline = Self { lists: HashMap::new(), required: HashSet::new() };
        for definition in document.definitions {
            if let TypeSystemDefinition::Type(definition) = definition {
                outline.note_type(&definition.node);
            }
        }
        outline
    }

    /// How many rows a field gives if nothing is said; none for a field that gives one thing.
    pub(crate) fn rows(&self, field: &str) -> Option<u64> {
        self.lists.get(field).copied()
    }

    /// Whether a root field is never null, so that its failure leaves no data at all (GraphQL section 6.4.4).
    pub(crate) fn requires(&self, root: &str) -> bool {
        self.required.contains(root)
    }

    fn note_type(&mut self, definition: &TypeDefinition) {
        let TypeKind::Object(object) = &definition.kind else {
            return;
        };
        let is_root = matches!(definition.name.node.as_str(), "Query" | "Mutation");
        for field in &object.fields {
            self.note_field(&field.node, is_root);
        }
    }

    fn note_field(&mut self, field: &FieldDefinition, is_root: bool) {
        let name = field.name.node.as_str();
        if is_root && !field.ty.node.nullable {
            self.required.insert(name.to_owned());
        }
        if let BaseType::List(_) = field.ty.node.base {
            // Two types may have a list of the same name; the longer one counts for both.
            let rows = self.lists.entry(name.to_owned()).or_default();
            let short = SHORT.iter().find(|(list, _)| *list == name).map(|(_, most)| *most);
            *rows = short.unwrap_or_else(|| usual_rows(field)).max(*rows);
        }
    }
}

/// Lists that the core keeps short, with what they hold at most. Steps come in their version's own row and cost no reading: they count
/// as many as versions usually have.
const SHORT: &[(&str, u64)] =
    &[("identityProviders", 50), ("certificates", 10), ("sso", 10), ("slo", 10), ("versions", 20), ("steps", 20)];

/// Fields that give a whole at once, with the most rows that are read for it: a job's records.
const WHOLE: &[(&str, u64)] = &[("jobExport", 2_000)];

/// What a field costs by itself, in each row it stands in.
pub(crate) fn weight(field: &str) -> u64 {
    WHOLE.iter().find(|(whole, _)| *whole == field).map_or(1, |(_, rows)| *rows)
}

/// What the list's `first` says by default; a list without one counts as an ordinary page.
fn usual_rows(field: &FieldDefinition) -> u64 {
    let first = field.arguments.iter().find(|argument| argument.node.name.node == "first");
    match first.and_then(|first| first.node.default_value.as_ref()) {
        Some(Positioned { node: Value::Number(count), .. }) => count.as_u64().unwrap_or(u64::from(USUAL)),
        _ => u64::from(USUAL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_count_their_default_page_and_single_things_count_nothing() {
        let outline = Outline::read("type Query { many(first: Int = 7): [Int!]! more: [Int] one: Int! none: Int }");
        assert_eq!([outline.rows("many"), outline.rows("more"), outline.rows("one")], [Some(7), Some(100), None]);
    }

    #[test]
    fn root_fields_that_are_never_null_are_known() {
        let outline = Outline::read("type Query { one: Int! maybe: Int } type User { id: ID! }");
        assert_eq!(["one", "maybe", "id"].map(|name| outline.requires(name)), [true, false, false]);
    }
}
