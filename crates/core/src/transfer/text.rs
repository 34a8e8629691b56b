//! People as text: a page of an export in either format, with cells that no spreadsheet takes for a formula.

use serde::Serialize;

use super::Leaving;
use super::lines::{COLUMNS, Format};
use crate::access::Role;
use crate::secret::Secret;

/// A piece of an export. It may hold password hashes, and does not print.
pub struct Written(pub Vec<u8>);

/// Whether password hashes are written too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hashes {
    With,
    Without,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    email: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    title: &'a str,
    roles: Vec<&'static str>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<&'a str>,
}

/// A page; the first with the header.
pub(super) fn page(people: &[Leaving], format: Format, hashes: Hashes, first: bool) -> Written {
    let mut text = Vec::with_capacity(people.len() * 128);
    if format == Format::Csv && first {
        let columns = COLUMNS.len() - usize::from(hashes == Hashes::Without);
        text.extend(COLUMNS.iter().take(columns).copied().collect::<Vec<_>>().join(",").bytes().chain(*b"\r\n"));
    }
    for person in people {
        match format {
            Format::Csv => row(&mut text, person, hashes),
            Format::JsonLines => object(&mut text, person, hashes),
        }
    }
    Written(text)
}

fn row(to: &mut Vec<u8>, person: &Leaving, hashes: Hashes) {
    let line = Line::of(person, hashes);
    let roles = line.roles.join(" ");
    let mut cells = vec![line.email, line.first_name, line.last_name, line.title, &roles, line.status];
    if hashes == Hashes::With {
        cells.push(line.password_hash.unwrap_or_default());
    }
    for (place, cell) in cells.into_iter().enumerate() {
        if place > 0 {
            to.push(b',');
        }
        to.extend(quoted(&guarded(cell)).bytes());
    }
    to.extend(b"\r\n");
}

/// RFC 4180 section 2.
fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

fn object(to: &mut Vec<u8>, person: &Leaving, hashes: Hashes) {
    if serde_json::to_writer(&mut *to, &Line::of(person, hashes)).is_ok() {
        to.push(b'\n');
    }
}

impl<'a> Line<'a> {
    fn of(person: &'a Leaving, hashes: Hashes) -> Self {
        let user = &person.user;
        Self {
            email: &user.email,
            first_name: &user.first_name,
            last_name: &user.last_name,
            title: &user.title,
            roles: user.roles.iter().map(Role::as_str).collect(),
            status: user.status.as_str(),
            password_hash: person.hash.as_ref().filter(|_| hashes == Hashes::With).map(Secret::reveal),
        }
    }
}

/// A cell that a spreadsheet would calculate is given an apostrophe, and so is one that looks as if it had been given one. The same for
/// what follows a semicolon: where that parts cells, as in most of Europe, a cell begins there.
fn guarded(cell: &str) -> String {
    let part =
        |part: &str| if is_dangerous(part.trim_start_matches('\'')) { format!("'{part}") } else { part.to_owned() };
    cell.split(';').map(part).collect::<Vec<_>>().join(";")
}

/// Takes the apostrophes off again.
pub(super) fn freed(cell: &str) -> String {
    let part = |part| match str::strip_prefix(part, '\'') {
        Some(rest) if is_dangerous(rest.trim_start_matches('\'')) => rest,
        _ => part,
    };
    cell.split(';').map(part).collect::<Vec<_>>().join(";")
}

/// As OWASP lists them under "CSV Injection".
fn is_dangerous(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for cell in ["=1+1", "+x@acme.test", "-Anne", "@home", "'=1"] {
            assert_eq!(guarded(cell), format!("'{cell}"));
        }
        assert_eq!(guarded("x;=cmd|' /C calc'!A0;-1"), "x;'=cmd|' /C calc'!A0;'-1");
        assert_eq!(guarded("'t Hart"), "'t Hart");
        assert_eq!(quoted("a \"b\", c"), "\"a \"\"b\"\", c\"");
    }

    proptest! {
        #[test]
        fn what_is_guarded_is_freed_as_it_was(cell in "['=+@a;-]{0,6}") {
            let safe = guarded(&cell);
            prop_assert_eq!(freed(&safe), cell);
            prop_assert!(!safe.split(';').any(is_dangerous));
        }
    }
}
