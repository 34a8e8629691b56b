//! The look at a document's letters before anything parses it: the parser recurses, so what is too deep or too long must not reach it.

use std::collections::HashSet;

use purser_core::error::{Error, Result};

/// Bytes of a document. A request body is bounded elsewhere; this holds whatever the way in.
const BYTES: usize = 64 * 1024;
/// Names, numbers, texts and marks in a document.
const TOKENS: usize = 5_000;
/// Brackets of any kind inside one another. A selection may be 12 deep, one of the schema itself 20, and arguments nest a little more.
const NESTING: usize = 40;
/// Directives in a document.
const DIRECTIVES: usize = 100;

/// Admits a document to the parser.
///
/// # Errors
/// [`Error::QueryTooComplex`] past a limit; [`Error::Invalid`] for a block string without an end, after which letters cannot be told
/// from marks, and for an object that names a member twice (GraphQL section 5.6.3), which the parser would read as its last.
pub(crate) fn admit(document: &str) -> Result<()> {
    if document.len() > BYTES {
        return Err(Error::QueryTooComplex);
    }
    let mut seen = Seen::default();
    let mut rest = document.as_bytes();
    while let Some((&letter, after)) = rest.split_first() {
        rest = match letter {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => after,
            b'#' => skip_line(after),
            b'"' => {
                seen.token()?;
                skip_string(after)?
            }
            _ if is_word(letter) => {
                let length = rest.iter().take_while(|letter| is_word(**letter)).count();
                let (word, after) = rest.split_at(length);
                seen.word(word)?;
                after
            }
            _ => {
                seen.mark(letter)?;
                after
            }
        };
    }
    Ok(())
}

/// What a bracket holds.
enum Open<'a> {
    /// Fields.
    Selection,
    /// Arguments, variables, or the values of a list.
    Values,
    /// An object written out, with the members it has named so far.
    Object(HashSet<&'a [u8]>),
}

#[derive(Default)]
struct Seen<'a> {
    tokens: usize,
    directives: usize,
    open: Vec<Open<'a>>,
    word: &'a [u8],
}

impl<'a> Seen<'a> {
    fn token(&mut self) -> Result<()> {
        self.tokens += 1;
        within(self.tokens, TOKENS)
    }

    fn word(&mut self, word: &'a [u8]) -> Result<()> {
        self.word = word;
        self.token()
    }

    fn mark(&mut self, letter: u8) -> Result<()> {
        match letter {
            b'{' => self.open.push(self.brace()),
            b'(' | b'[' => self.open.push(Open::Values),
            // Closing what was never opened is for the parser to refuse; it must not make room here.
            b'}' | b')' | b']' => drop(self.open.pop()),
            b':' => self.member()?,
            b'@' => self.directives += 1,
            _ => {}
        }
        within(self.open.len(), NESTING)?;
        within(self.directives, DIRECTIVES)?;
        self.token()
    }

    /// What a brace holds: among values an object, elsewhere fields.
    fn brace(&self) -> Open<'a> {
        match self.open.last() {
            Some(Open::Values | Open::Object(_)) => Open::Object(HashSet::new()),
            Some(Open::Selection) | None => Open::Selection,
        }
    }

    /// Within an object, the word before a colon is the name of a member.
    fn member(&mut self) -> Result<()> {
        let Some(Open::Object(named)) = self.open.last_mut() else {
            return Ok(());
        };
        if named.insert(self.word) { Ok(()) } else { Err(Error::invalid("query", "an object names a member twice")) }
    }
}

fn within(count: usize, limit: usize) -> Result<()> {
    if count > limit { Err(Error::QueryTooComplex) } else { Ok(()) }
}

fn is_word(letter: u8) -> bool {
    letter.is_ascii_alphanumeric() || letter == b'_'
}

fn skip_while(text: &[u8], wanted: impl Fn(u8) -> bool) -> &[u8] {
    let length = text.iter().take_while(|letter| wanted(**letter)).count();
    text.split_at(length).1
}

fn skip_line(text: &[u8]) -> &[u8] {
    skip_while(text, |letter| letter != b'\n' && letter != b'\r')
}

/// What follows a string (GraphQL section 2.9.4), given what follows its first quotation mark.
fn skip_string(text: &[u8]) -> Result<&[u8]> {
    if let Some(block) = text.strip_prefix(b"\"\"") {
        return skip_block(block);
    }
    let mut rest = text;
    while let Some((&letter, after)) = rest.split_first() {
        rest = match letter {
            b'"' => return Ok(after),
            // A string ends with its line. The parser refuses it there; what follows is counted all the same.
            b'\n' | b'\r' => return Ok(rest),
            b'\\' => after.split_first().map_or(after, |(_, after)| after),
            _ => after,
        };
    }
    Ok(rest)
}

fn skip_block(text: &[u8]) -> Result<&[u8]> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(b"\"\"\"") {
            return Ok(after);
        }
        rest = rest.strip_prefix(b"\\\"\"\"").unwrap_or(after);
    }
    Err(Error::invalid("query", "a block string has no end"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(document: &str) -> bool {
        matches!(admit(document), Err(Error::QueryTooComplex))
    }

    #[test]
    fn brackets_count_wherever_they_are_not_text() {
        let deep = "{".repeat(NESTING + 1);
        assert!(admit(&"{".repeat(NESTING)).is_ok());
        assert!(refused(&deep));
        assert!(refused(&"([{".repeat(NESTING / 3 + 1)));
        assert!(
            admit(&format!("# {deep}\n{{ a(b: \"{deep}\", c: \"\\\"{deep}\", d: \"\"\"{deep}\\\"\"\"{deep}\"\"\") }}"))
                .is_ok()
        );
        for ended in ["\"\"", "\"\\\\\"", "\"\"\"\"\"\"", "# a\r", "\"a\n", "\"a\r"] {
            assert!(refused(&format!("{ended}{deep}")), "{ended:?}");
        }
    }

    #[test]
    fn a_block_string_without_an_end_hides_nothing() {
        assert!(matches!(admit(&format!("\"\"\"{}", "{".repeat(NESTING + 1))), Err(Error::Invalid(_))));
    }

    #[test]
    fn closing_brackets_make_no_room_beforehand() {
        assert!(refused(&format!("{}{}", "}".repeat(NESTING), "{".repeat(NESTING + 1))));
    }

    #[test]
    fn an_object_names_each_member_once() {
        let twice = |document: &str| matches!(admit(document), Err(Error::Invalid(_)));
        assert!(twice("{ a(b: {c: 1, c: 2}) }"));
        assert!(twice("{ a(b: {c: {d: 1}, c #c\n : 2}) }"));
        assert!(twice("{ a(b: [{c: 1}, {c: [1], d: E, c: 2}]) }"));
        assert!(twice("query($b: C = {d: 1, d: 1}) { a(b: $b) }"));
        assert!(twice("{ a @b(c: {d: 1, d: 1}) }"));
        for once in [
            "{ a(b: {c: 1, d: {c: 2}, e: [{c: 1}, {c: 2}]}) a: f a: f }",
            "query($b: C, $d: C) { a(b: {c: c, d: \"c: c:\"}) { b: c b: c } }",
            "{ a(b: {c: 1}) d(b: {c: 1}) }",
        ] {
            assert!(admit(once).is_ok(), "{once}");
        }
    }

    #[test]
    fn long_documents_and_many_directives_are_refused() {
        assert!(refused(&"a ".repeat(TOKENS + 1)));
        assert!(refused(&"@a".repeat(DIRECTIVES + 1)));
        assert!(refused(&" ".repeat(BYTES + 1)));
        assert!(admit(&" ".repeat(BYTES)).is_ok());
    }
}
