//! [`Limits`]: what a parsed document may ask for, measured before any of it runs.
//!
//! Fragments are followed where they are spread, as running the document would follow them: a few small ones that multiply one
//! another are as dear here as they would be there. Every step counts and the first limit ends it, so measuring itself is cheap.

use std::collections::HashSet;

use async_graphql::parser::types::{
    ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet, VariableDefinition,
};
use async_graphql::{Name, Positioned, Value, Variables};
use purser_core::config;
use purser_core::error::{Error, Result};

use crate::outline::{Outline, weight};
use crate::paging::MOST;

/// How much one document may ask for.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    depth: usize,
    aliases: usize,
    cost: u64,
}

/// Selections of any kind, fragments followed.
const SELECTIONS: usize = 2_000;
/// Selections inside one another, fragments included: measuring recurses, and so does running.
const LEVELS: usize = 32;
/// Mutations in one operation.
const MUTATIONS: usize = 20;
/// Depth of a question about the schema itself. The one every tool asks is 15 deep.
const SCHEMA_DEPTH: usize = 20;
/// Cost of questions about the schema itself. It is in memory, so a row of it is far cheaper than a row of the store.
const SCHEMA_COST: u64 = 200_000;

/// The root fields of the operation that will run, in the order in which its answer gives them.
#[derive(Default)]
pub(crate) struct Plan {
    /// Each root field, fragments followed.
    pub(crate) roots: Vec<Root>,
}

/// A field at the root of an operation.
pub(crate) struct Root {
    /// Its name in the answer.
    pub(crate) key: Name,
    /// Its name in the schema.
    pub(crate) field: Name,
}

impl Limits {
    /// The limits that an operator has set.
    pub(crate) fn of(settings: &config::Limits) -> Self {
        Self {
            depth: settings.graphql_depth,
            aliases: settings.graphql_aliases,
            cost: u64::try_from(settings.graphql_cost).unwrap_or(u64::MAX),
        }
    }

    /// Measures a document: all of it, since all of it is validated, whichever operation runs.
    ///
    /// # Errors
    /// [`Error::QueryTooComplex`] past a limit, or for a fragment within itself; [`Error::Invalid`] for a root field that would be
    /// asked twice under one name.
    pub(crate) fn measure(
        self,
        document: &ExecutableDocument,
        chosen: Option<&OperationDefinition>,
        values: &Variables,
        outline: &Outline,
    ) -> Result<Plan> {
        let mut walk = Walk::over(self, document, values, outline);
        let mut plan = Plan::default();
        for (_, operation) in document.operations.iter() {
            let roots = walk.operation(&operation.node)?;
            if chosen.is_some_and(|chosen| std::ptr::eq(chosen, &raw const operation.node)) {
                plan = Plan { roots };
            }
        }
        walk.unspread_fragments()?;
        Ok(plan)
    }
}

/// Where in the document the walk is.
#[derive(Clone, Copy)]
struct Place {
    /// Selections around it.
    levels: usize,
    /// Fields around it.
    depth: usize,
    /// Rows it may stand in.
    rows: u64,
    /// What it is a question about.
    about: About,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    /// The tenant's records.
    Records,
    /// The schema itself (GraphQL section 4).
    Schema,
}

impl Place {
    const ROOT: Self = Self { levels: 0, depth: 0, rows: 1, about: About::Records };

    fn within_fragment(self) -> Self {
        Self { levels: self.levels + 1, ..self }
    }
}

struct Walk<'a> {
    limits: Limits,
    outline: &'a Outline,
    document: &'a ExecutableDocument,
    values: &'a Variables,
    definitions: &'a [Positioned<VariableDefinition>],
    /// The fragments around the present place.
    trail: Vec<&'a Name>,
    /// The fragments met so far.
    met: HashSet<&'a Name>,
    roots: Vec<Root>,
    selections: usize,
    aliases: usize,
    cost: u64,
    schema_cost: u64,
}

impl<'a> Walk<'a> {
    fn over(limits: Limits, document: &'a ExecutableDocument, values: &'a Variables, outline: &'a Outline) -> Self {
        Self {
            limits,
            outline,
            document,
            values,
            definitions: &[],
            trail: Vec::new(),
            met: HashSet::new(),
            roots: Vec::new(),
            selections: 0,
            aliases: 0,
            cost: 0,
            schema_cost: 0,
        }
    }

    fn operation(&mut self, operation: &'a OperationDefinition) -> Result<Vec<Root>> {
        self.definitions = &operation.variable_definitions;
        self.selection_set(&operation.selection_set.node, Place::ROOT)?;
        let roots = std::mem::take(&mut self.roots);
        self.demand_single(&roots, operation.ty)?;
        Ok(roots)
    }

    /// Fragments that no operation spreads make a document invalid; until that is found they must not be dear either.
    fn unspread_fragments(&mut self) -> Result<()> {
        for (name, fragment) in &self.document.fragments {
            if self.met.insert(name) {
                self.trail.push(name);
                self.selection_set(&fragment.node.selection_set.node, Place::ROOT)?;
                self.trail.pop();
            }
        }
        Ok(())
    }

    fn selection_set(&mut self, set: &'a SelectionSet, at: Place) -> Result<()> {
        demand(at.levels <= LEVELS)?;
        for selection in &set.items {
            self.selections += 1;
            demand(self.selections <= SELECTIONS)?;
            match &selection.node {
                Selection::Field(field) => self.field(&field.node, at)?,
                Selection::InlineFragment(inline) => {
                    self.selection_set(&inline.node.selection_set.node, at.within_fragment())?;
                }
                Selection::FragmentSpread(spread) => self.spread(&spread.node.fragment_name.node, at)?,
            }
        }
        Ok(())
    }

    /// Follows a fragment. An unknown one is for validation to refuse.
    fn spread(&mut self, name: &'a Name, at: Place) -> Result<()> {
        let Some(fragment) = self.document.fragments.get(name) else {
            return Ok(());
        };
        demand(!self.trail.contains(&name))?;
        self.met.insert(name);
        self.trail.push(name);
        self.selection_set(&fragment.node.selection_set.node, at.within_fragment())?;
        self.trail.pop();
        Ok(())
    }

    fn field(&mut self, field: &'a Field, at: Place) -> Result<()> {
        if field.alias.is_some() {
            self.aliases += 1;
            demand(self.aliases <= self.limits.aliases)?;
        }
        if at.depth == 0 {
            self.roots.push(Root { key: field.response_key().node.clone(), field: field.name.node.clone() });
        }
        let inside = self.inside(field, at);
        self.charge(at.rows.saturating_mul(weight(&field.name.node)), inside)?;
        self.selection_set(&field.selection_set.node, inside)
    }

    fn charge(&mut self, rows: u64, at: Place) -> Result<()> {
        match at.about {
            About::Records => {
                self.cost = self.cost.saturating_add(rows);
                demand(at.depth <= self.limits.depth && self.cost <= self.limits.cost)
            }
            About::Schema => {
                self.schema_cost = self.schema_cost.saturating_add(rows);
                demand(at.depth <= SCHEMA_DEPTH && self.schema_cost <= SCHEMA_COST)
            }
        }
    }

    /// The place inside a field's braces.
    fn inside(&self, field: &Field, at: Place) -> Place {
        let name = field.name.node.as_str();
        let about = if matches!(name, "__schema" | "__type") { About::Schema } else { at.about };
        let rows = match about {
            _ if field.selection_set.node.items.is_empty() => 1,
            About::Records => self.rows(field, name),
            About::Schema => schema_rows(name),
        };
        Place { levels: at.levels + 1, depth: at.depth + 1, rows: at.rows.saturating_mul(rows), about }
    }

    /// The rows a field may give: what `first` says, or what the schema says for it. What is no number of rows counts as the most.
    fn rows(&self, field: &Field, name: &str) -> u64 {
        let Some(usual) = self.outline.rows(name) else {
            return 1;
        };
        let given = field.get_argument("first").map(|first| {
            first.node.clone().into_const_with(|variable| Ok::<_, std::convert::Infallible>(self.variable(&variable)))
        });
        match given {
            None | Some(Ok(Value::Null)) => usual,
            Some(Ok(Value::Number(count))) => count.as_u64().unwrap_or(1).clamp(1, u64::from(MOST)),
            Some(_) => u64::from(MOST),
        }
    }

    fn variable(&self, name: &Name) -> Value {
        let default = || {
            let definition = self.definitions.iter().find(|definition| definition.node.name.node == *name)?;
            definition.node.default_value().cloned()
        };
        self.values.get(name).cloned().or_else(default).unwrap_or_default()
    }

    /// Refuses what the executor would run twice and then mix: a mutation done twice, or rows of two readings of one list put
    /// together by their place in it. Selections that can be merged should be run once (GraphQL section 6.3.2).
    fn demand_single(&self, roots: &[Root], kind: OperationType) -> Result<()> {
        let writes = kind == OperationType::Mutation;
        demand(!writes || roots.len() <= MUTATIONS)?;
        let mut keys = HashSet::new();
        for Root { key, field } in roots {
            if !keys.insert(key) && (writes || self.outline.rows(field).is_some()) {
                return Err(Error::invalid("query", format!("`{key}` is selected twice; select it once")));
            }
        }
        Ok(())
    }
}

/// How many rows the lists of the schema about itself give, rounded up.
fn schema_rows(name: &str) -> u64 {
    match name {
        "types" => 64,
        "fields" | "inputFields" | "enumValues" => 12,
        "directives" | "args" | "interfaces" | "possibleTypes" => 4,
        _ => 1,
    }
}

fn demand(holds: bool) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::QueryTooComplex) }
}
