//! [`Source`]: a file of people, read line by line. What a line says is a [`Person`], valid, or a refusal.

use std::io::{BufRead as _, BufReader, Read};

use csv::StringRecord;
use serde::{Deserialize, Deserializer};

use super::RefusedLine;
use super::text::freed;
use crate::access::{Role, Roles};
use crate::error::{Error, Result};
use crate::secret::Secret;
use crate::signin::stored::Stored;
use crate::users::{Email, NewUser, UserStatus};

/// How people are written into a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180, with a header that names the columns.
    Csv,
    /// A JSON object on each line.
    JsonLines,
}

/// The columns, in the order in which they are exported.
pub(super) const COLUMNS: [&str; 7] = ["email", "firstName", "lastName", "title", "roles", "status", "passwordHash"];
/// Those that every file has.
const NEEDED: [&str; 3] = ["email", "firstName", "lastName"];
/// Letters of a line of JSON.
const LONGEST: u64 = 64 * 1024;
/// So much is repeated of what is no column.
const LONGEST_TOLD: usize = 100;

/// Somebody as a line describes them.
pub(super) struct Person {
    pub(super) line: u64,
    pub(super) email: Email,
    pub(super) first_name: String,
    pub(super) last_name: String,
    pub(super) title: String,
    pub(super) roles: Roles,
    pub(super) status: UserStatus,
    pub(super) hash: Option<Secret>,
}

/// A file of people.
pub struct Source<R: Read>(Reading<R>);

/// A table whose last line ends too. The reader skips empty lines without saying so: only where a line ends is it sure where it is.
type Rows<R> = csv::Reader<Ended<R>>;

/// A file with one more line feed at its end.
struct Ended<R> {
    file: R,
    is_ended: bool,
    /// Whether more was asked for after that.
    is_over: bool,
}

impl<R: Read> Read for Ended<R> {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(room)?;
        let Some(first) = room.first_mut().filter(|_| read == 0) else { return Ok(read) };
        if self.is_ended {
            self.is_over = true;
            return Ok(0);
        }
        self.is_ended = true;
        *first = b'\n';
        Ok(1)
    }
}

enum Reading<R: Read> {
    Csv { rows: Rows<R>, columns: Option<Vec<String>> },
    Json { lines: BufReader<R>, line: u64 },
}

/// What stands in a line, not checked yet.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Raw {
    email: String,
    first_name: String,
    last_name: String,
    #[serde(default, deserialize_with = "or_unsaid")]
    title: String,
    #[serde(default, deserialize_with = "or_unsaid")]
    roles: Named,
    #[serde(default, deserialize_with = "or_unsaid")]
    status: String,
    #[serde(default)]
    password_hash: Option<Secret>,
}

/// Roles, as a list or in one text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Named {
    Text(String),
    List(Vec<String>),
}

impl Default for Named {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

/// Null says as little as nothing at all.
fn or_unsaid<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> std::result::Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

impl<R: Read + Send> Source<R> {
    /// A file in a format. Nothing is read yet.
    pub fn new(reader: R, format: Format) -> Self {
        Self(match format {
            Format::Csv => {
                let mut table = csv::ReaderBuilder::new();
                // What stands before the line feed of CRLF is taken off later: as a pair the reader would count them late.
                table.has_headers(false).flexible(true).terminator(csv::Terminator::Any(b'\n'));
                let rows = table.from_reader(Ended { file: reader, is_ended: false, is_over: false });
                Reading::Csv { rows, columns: None }
            }
            Format::JsonLines => Reading::Json { lines: BufReader::new(reader), line: 0 },
        })
    }

    /// What the next line says; nothing at the end. Empty lines are passed over.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a header that is not understood, or a file that cannot be read on.
    pub(super) fn next(&mut self) -> Result<Option<Result<Person, RefusedLine>>> {
        match &mut self.0 {
            Reading::Csv { rows, columns } => next_row(rows, columns),
            Reading::Json { lines, line } => next_object(lines, line),
        }
    }
}

fn next_row<R: Read>(
    rows: &mut Rows<R>,
    columns: &mut Option<Vec<String>>,
) -> Result<Option<Result<Person, RefusedLine>>> {
    let mut row = StringRecord::new();
    let columns = match columns {
        Some(columns) => &*columns,
        none => {
            let found = rows.read_record(&mut row).map_err(|fault| unreadable(&fault))?;
            none.insert(header(found.then_some(&row))?)
        }
    };
    loop {
        match rows.read_record(&mut row) {
            Ok(false) => return Ok(None),
            Ok(true) => {}
            Err(fault) => match fault.kind() {
                csv::ErrorKind::Utf8 { pos, .. } => {
                    let line = pos.as_ref().map_or(0, csv::Position::line);
                    return Ok(Some(Err(refused(line, "line", "is not UTF-8"))));
                }
                _ => return Err(unreadable(&fault)),
            },
        }
        if row.iter().any(|cell| !cell.trim().is_empty()) {
            break;
        }
    }
    let inside = row.iter().flat_map(str::bytes).filter(|&byte| byte == b'\n').count() as u64;
    // Every line ends: a row that asks for more than there is was still quoting.
    if rows.get_ref().is_over {
        let line = rows.position().line().saturating_sub(inside);
        return Ok(Some(Err(refused(line, "line", "has a quotation mark that is never closed"))));
    }
    let line = rows.position().line().saturating_sub(1 + inside);
    if row.len() != columns.len() {
        let reason = format!("has {} cells and the header {}", row.len(), columns.len());
        return Ok(Some(Err(refused(line, "line", &reason))));
    }
    let mut raw = Raw::default();
    for (column, cell) in columns.iter().zip(&row) {
        let cell = freed(cell.trim_end_matches('\r'));
        match column.as_str() {
            "email" => raw.email = cell,
            "firstName" => raw.first_name = cell,
            "lastName" => raw.last_name = cell,
            "title" => raw.title = cell,
            "roles" => raw.roles = Named::Text(cell),
            "status" => raw.status = cell,
            _ => raw.password_hash = Some(Secret::new(cell)),
        }
    }
    Ok(Some(checked(line, raw)))
}

/// The columns of a file. One that is misspelled would be data lost, so it is refused.
fn header(row: Option<&StringRecord>) -> Result<Vec<String>> {
    let invalid = |reason: String| Error::invalid("header", reason);
    let Some(row) = row else { return Err(invalid("the file is empty".into())) };
    let mut columns: Vec<String> = Vec::with_capacity(row.len());
    for cell in row {
        let cell = cell.trim_start_matches('\u{feff}').trim();
        let known = COLUMNS.into_iter().find(|column| column.eq_ignore_ascii_case(cell));
        let column = known.ok_or_else(|| invalid(no_column(cell)))?;
        if columns.iter().any(|other| other == column) {
            return Err(invalid(format!("`{column}` is there twice")));
        }
        columns.push(column.to_owned());
    }
    match NEEDED.into_iter().find(|needed| !columns.iter().any(|column| column == needed)) {
        Some(missing) => Err(invalid(format!("`{missing}` is missing"))),
        None => Ok(columns),
    }
}

/// Why a cell of the header is none, with what to do about the usual reasons: what European spreadsheets and old ones write.
fn no_column(cell: &str) -> String {
    if cell.contains([';', '\t']) {
        "cells have to be parted by commas".into()
    } else if cell.contains('\r') {
        "lines have to end with a line feed".into()
    } else {
        // Of a file of another kind, the whole may be one cell.
        let begins: String = cell.chars().take(LONGEST_TOLD).collect();
        format!("there is no column `{begins}`; use {}", COLUMNS.join(","))
    }
}

fn unreadable(fault: &csv::Error) -> Error {
    match fault.kind() {
        csv::ErrorKind::Utf8 { .. } => Error::invalid("header", "is not UTF-8; save the file as CSV in UTF-8"),
        _ => Error::invalid("header", format!("the file cannot be read: {fault}")),
    }
}

fn next_object<R: Read>(lines: &mut BufReader<R>, line: &mut u64) -> Result<Option<Result<Person, RefusedLine>>> {
    let unreadable = |fault: std::io::Error| Error::invalid("line", format!("the file cannot be read on: {fault}"));
    loop {
        let mut bytes = Vec::new();
        let read = lines.by_ref().take(LONGEST).read_until(b'\n', &mut bytes);
        if read.map_err(unreadable)? == 0 {
            return Ok(None);
        }
        *line += 1;
        if bytes.len() as u64 == LONGEST && !bytes.ends_with(b"\n") {
            lines.skip_until(b'\n').map_err(unreadable)?;
            return Ok(Some(Err(refused(*line, "line", &format!("is longer than {LONGEST} bytes")))));
        }
        let text = if *line == 1 { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes) } else { &bytes };
        if text.trim_ascii().is_empty() {
            continue;
        }
        return Ok(Some(
            object(text).map_err(|(field, reason)| refused(*line, &field, &reason)).and_then(|raw| checked(*line, raw)),
        ));
    }
}

/// What stands in a line of JSON, or the field that is wrong and why.
fn object(text: &[u8]) -> Result<Raw, (String, String)> {
    let whole = |reason: &str| ("line".to_owned(), reason.to_owned());
    // An array would be read as an object whose members have this order.
    if !text.trim_ascii().starts_with(b"{") {
        return Err(whole("is not a JSON object of a person"));
    }
    let mut reader = serde_json::Deserializer::from_slice(text);
    let raw = serde_path_to_error::deserialize(&mut reader).map_err(|fault| {
        let field = fault.path().to_string();
        let fault = fault.into_inner();
        if !fault.is_data() {
            return whole("is not a JSON object of a person");
        }
        if COLUMNS.contains(&field.as_str()) && !is_about_names(&fault) {
            // Not in the reader's words: they repeat what stands there, and a hash must not get into a report.
            let reason = if field == "roles" { "is no list of roles" } else { "is not a text" };
            return (field, reason.to_owned());
        }
        match fault.to_string() {
            words if words.contains('$') => whole("is not a JSON object of a person"),
            words => whole(words.split(" at line ").next().unwrap_or_default()),
        }
    })?;
    reader.end().map_err(|_| whole("is not a JSON object of a person"))?;
    Ok(raw)
}

/// Whether a member is missing, unknown or there twice, which the reader says well.
fn is_about_names(fault: &serde_json::Error) -> bool {
    let words = fault.to_string();
    ["missing field", "unknown field", "duplicate field"].iter().any(|start| words.starts_with(start))
}

/// A line's person, or the first thing that is wrong with it.
fn checked(line: u64, raw: Raw) -> Result<Person, RefusedLine> {
    let hash = raw.password_hash.filter(|hash| !hash.reveal().trim().is_empty());
    if hash.as_ref().is_some_and(|hash| !Stored::parse(hash.reveal()).is_readable()) {
        return Err(refused(line, "passwordHash", "is no argon2, bcrypt, scrypt or PBKDF2 hash that can be read"));
    }
    let roles = roles(raw.roles).map_err(|reason| refused(line, "roles", &reason))?;
    let status = status(&raw.status, hash.is_some()).map_err(|reason| refused(line, "status", reason))?;
    let parsed = NewUser::parse(&raw.email, &raw.first_name, &raw.last_name, &raw.title, roles.iter(), None);
    match parsed {
        Ok(NewUser { email, first_name, last_name, title, roles, .. }) => {
            Ok(Person { line, email, first_name, last_name, title, roles, status, hash })
        }
        Err(Error::Invalid(problems)) => {
            let first = problems.into_iter().next();
            Err(first.map_or_else(|| refused(line, "line", "is not valid"), |it| refused(line, &it.field, &it.reason)))
        }
        Err(other) => Err(refused(line, "line", &other.to_string())),
    }
}

/// `ADMIN AUTHOR`, `Admin|User Admin`, or one after the other in a list.
fn roles(named: Named) -> std::result::Result<Roles, String> {
    let words: Vec<String> = match named {
        Named::List(words) => words,
        Named::Text(text) if text.contains('|') => text.split('|').map(str::to_owned).collect(),
        Named::Text(text) if text.parse::<Role>().is_ok() => vec![text],
        Named::Text(text) => text.split_whitespace().map(str::to_owned).collect(),
    };
    words.iter().map(|word| word.parse::<Role>()).collect()
}

/// Who says nothing is active if they bring a password, and invited otherwise.
fn status(text: &str, has_password: bool) -> std::result::Result<UserStatus, &'static str> {
    match (text.trim().to_ascii_uppercase().as_str(), has_password) {
        ("", true) | ("ACTIVE", _) => Ok(UserStatus::Active),
        ("INVITED", true) => Err("somebody with a password is not INVITED"),
        ("" | "INVITED", false) => Ok(UserStatus::Invited),
        ("DISABLED", _) => Ok(UserStatus::Disabled),
        _ => Err("is not ACTIVE, INVITED or DISABLED"),
    }
}

fn refused(line: u64, field: &str, reason: &str) -> RefusedLine {
    RefusedLine { line, field: field.into(), reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, format: Format) -> Vec<String> {
        let mut source = Source::new(text.as_bytes(), format);
        let mut told = Vec::new();
        loop {
            match source.next() {
                Ok(None) => return told,
                Ok(Some(Ok(it))) => {
                    let roles = crate::users::words(it.roles);
                    told.push(format!(
                        "{} {} {} {roles} {}",
                        it.line,
                        it.email.as_str(),
                        it.first_name,
                        it.status.as_str()
                    ));
                }
                Ok(Some(Err(it))) => told.push(format!("{} {}: {}", it.line, it.field, it.reason)),
                Err(Error::Invalid(problems)) => {
                    told.push(format!("{}: {}", problems[0].field, problems[0].reason));
                    return told;
                }
                Err(other) => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn each_line_of_a_table_is_read_or_refused_alone() {
        let text = "\u{feff}EMAIL,firstName,lastName,roles,status,passwordHash\r\n\
            ann@acme.test,Ann,\"Lee, \"\"the\"\"\nfirst\",User Admin,,\r\n\
            \r\n\
            bob@acme.test,'=Bob,Ray,AUTHOR viewer,DISABLED,\n\
            cy@acme.test,Cy\n\
            di@acme.test,Di,Fox,King,,\n\
            ed@acme.test,Ed,Fox,Admin|User Admin,gone,\n\
            fay@acme.test,Fay,Fox,,,letmein\n\
            not an address,Gus,Fox,,,\n\
            hal@acme.test,\"Hal\nFox,,,\n\
            ida@acme.test,Ida,Fox,,,\n";
        assert_eq!(
            read(text, Format::Csv),
            [
                "2 lastName: use 1 to 200 characters, none of them control characters",
                "5 bob@acme.test =Bob AUTHOR VIEWER DISABLED",
                "6 line: has 2 cells and the header 6",
                "7 roles: `King` is not a role; roles are Admin, User Admin, Author, Operator, Approver, Publisher, Viewer",
                "8 status: is not ACTIVE, INVITED or DISABLED",
                "9 passwordHash: is no argon2, bcrypt, scrypt or PBKDF2 hash that can be read",
                "10 email: not an e-mail address",
                "11 line: has a quotation mark that is never closed",
            ]
        );
    }

    #[test]
    fn each_line_of_json_is_read_or_refused_alone() {
        let text = r#"{"email":"ann@acme.test","firstName":"Ann","lastName":"Lee","roles":["Admin","USER_ADMIN"]}

{"email":"bob@acme.test","firstName":"Bob","lastName":"Ray","roles":"Viewer","status":"active"}
{"email":"cy@acme.test","firstName":"Cy"}
{"email":"di@acme.test","firstName":"Di","lastName":"Fox","pasword":"$argon2id$secret"}
[1]
{"email":"ed@acme.test","firstName":"Ed","lastName":"Fox","title":null,"roles":null,"status":null,"passwordHash":null}
{"email":"fay@acme.test","firstName":7,"lastName":"Fox"}
{"email":"fay@acme.test","firstName":"Fay","lastName":"Fox","roles":[1]}
{"email":"fay@acme.test","firstName":"Fay","lastName":"Fox","passwordHash":["$argon2id$secret"]}
{"email":"fay@acme.test","email":"gus@acme.test","firstName":"Fay","lastName":"Fox"}
{"email":"fay@acme.test","firstName":"Fay","lastName":"Fox"} {}
{"email":"#;
        assert_eq!(
            read(text, Format::JsonLines),
            [
                "1 ann@acme.test Ann ADMIN USER_ADMIN INVITED",
                "3 bob@acme.test Bob VIEWER ACTIVE",
                "4 line: missing field `lastName`",
                "5 line: unknown field `pasword`, expected one of `email`, `firstName`, `lastName`, `title`, `roles`, `status`, `passwordHash`",
                "6 line: is not a JSON object of a person",
                "7 ed@acme.test Ed  INVITED",
                "8 firstName: is not a text",
                "9 roles: is no list of roles",
                "10 passwordHash: is not a text",
                "11 line: duplicate field `email`",
                "12 line: is not a JSON object of a person",
                "13 line: is not a JSON object of a person",
            ]
        );
    }

    #[test]
    fn a_line_that_is_too_long_is_refused_alone() {
        let long = |letters: usize| format!(r#"{{"email":"{}"#, "x".repeat(letters));
        let ann = r#"{"email":"ann@acme.test","firstName":"Ann","lastName":"Lee"}"#;
        for letters in [65_526, 65_527, 200_000] {
            assert_eq!(
                read(&format!("{}\n{ann}\n{}", long(letters), long(letters)), Format::JsonLines),
                [
                    "1 line: is longer than 65536 bytes",
                    "2 ann@acme.test Ann  INVITED",
                    "3 line: is longer than 65536 bytes"
                ],
                "{letters}"
            );
        }
    }

    #[test]
    fn a_file_whose_columns_are_not_understood_is_refused_whole() {
        let of = |text| read(text, Format::Csv);
        assert_eq!(of(""), ["header: the file is empty"]);
        assert_eq!(of("email,firstName\n"), ["header: `lastName` is missing"]);
        assert_eq!(of("email,email,firstName,lastName\n"), ["header: `email` is there twice"]);
        assert!(
            of("email,firstName,lastName,phone\n")[0].starts_with("header: there is no column `phone`; use email,")
        );
        let long = format!("email,firstName,lastName,{}\n", "x".repeat(100_000));
        assert!(of(&long)[0].len() < 300);
        for parted in ["email;firstName;lastName\n", "email\tfirstName\tlastName\n"] {
            assert_eq!(of(parted), ["header: cells have to be parted by commas"]);
        }
        assert_eq!(
            of("email,firstName,lastName\rann@acme.test,Ann,Lee"),
            ["header: lines have to end with a line feed"]
        );
        let mut wide = Source::new(b"\xff\xfee\0m\0a\0i\0l\0".as_slice(), Format::Csv);
        let refusal = wide.next().err().unwrap();
        assert!(matches!(refusal, Error::Invalid(problems) if problems[0].reason.starts_with("is not UTF-8; save")));
    }
}
