//! Taking people in from a file: first what would happen, line by line, and nothing is done; then the same for real.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::IntoResponse as _;
use purser_core::access::{Grant, right};
use purser_core::error::Error;
use purser_core::transfer::{Existing, Format, RefusedLine, Run, Source, Tally, Wish};

use super::charts::grouped;
use super::form::Fields;
use super::page::{Chrome, Person, Place, shown};
use super::parts::Field;
use super::trouble::Trouble;
use crate::extract::{Form, Upload};
use crate::fault::{Answer, Fault};
use crate::site::Site;

/// The longest file that is taken here. It stands in the page while one looks at what would happen.
const LONGEST: usize = 1024 * 1024;
/// A form with such a file twice, letter by letter in the longest spelling.
const LONGEST_FORM: usize = 4 * LONGEST;
/// After so many refused lines it is the wrong file.
const MOST_REFUSED: u64 = 1_000;

#[derive(Template)]
#[template(path = "console/import.html")]
struct Import {
    chrome: Chrome,
    sentence: &'static str,
    file_problem: String,
    text: Field,
    update: Field,
}

/// The form for a file.
pub(super) async fn blank(person: Person) -> Answer {
    let _may: Grant<right::UsersManage> = person.caller.grant()?;
    form(&person, &Fields::default(), &Trouble::default())
}

fn form(person: &Person, typed: &Fields, trouble: &Trouble) -> Answer {
    shown(&Import {
        chrome: person.chrome(Place::People, "Import people"),
        sentence: trouble.sentence,
        file_problem: ["header", "file"].map(|field| trouble.about(field)).concat(),
        text: Field::text("text", "Or paste the lines here", 8)
            .filled(typed.raw("text"))
            .wrong(trouble.about("text"))
            .optional(),
        update: Field::tick("update", "Change people who are there already", typed.ticked("update").into())
            .hint("Names, position, roles and status become what the line says. Without it such lines are refused."),
    })
}

#[derive(Template)]
#[template(path = "console/imported.html")]
struct Imported {
    chrome: Chrome,
    run: Run,
    facts: Vec<(&'static str, String)>,
    /// Whether there is anything to do.
    anything: bool,
    stopped: bool,
    refused: Vec<RefusedLine>,
    refused_count: String,
    /// The same to be taken along.
    report: String,
    /// What was sent, to be sent again.
    text: String,
    update: bool,
}

/// Refused lines that a page shows; the report has all.
const SHOWN_LINES: usize = 200;

/// Says what would happen, or lets it happen.
pub(super) async fn take(State(site): State<Site>, person: Person, request: Request) -> Answer {
    let by: Grant<right::UsersManage> = person.caller.grant()?;
    let upload = Upload::read(request, LONGEST_FORM, site.http.body_patience).await?;
    let fields: Fields = upload.texts.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    let run = if fields.text("do") == "import" { Run::Real } else { Run::Dry };
    let update = fields.ticked("update");
    let outcome = match lines(&upload, &fields) {
        Ok(text) => import(&site, &by, &text, run, update).await.map(|(tally, refused)| (text, tally, refused)),
        Err(refused) => Err(refused),
    };
    match outcome {
        Ok((text, tally, refused)) => result(&person, run, tally, refused, text, update),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = form(&person, &fields, &trouble);
            trouble.answer(page)
        }
    }
}

/// The lines of the file, or those that were pasted.
fn lines(upload: &Upload, fields: &Fields) -> Result<String, Error> {
    let text = match upload.file("file") {
        Some(file) => std::str::from_utf8(file)
            .map_err(|_| Error::invalid("file", "is not UTF-8; save it as “CSV UTF-8”"))?
            .to_owned(),
        None => fields.raw("text").to_owned(),
    };
    match text.len() {
        0 => Err(Error::invalid("file", "choose a file, or paste its lines")),
        length if length > LONGEST => {
            Err(Error::invalid("file", "is longer than 1 MB; use the command line or the API for one so long"))
        }
        _ => Ok(text),
    }
}

async fn import(
    site: &Site,
    by: &Grant<right::UsersManage>,
    text: &str,
    run: Run,
    update: bool,
) -> Result<(Tally, Vec<RefusedLine>), Error> {
    let object = text.trim_start_matches('\u{feff}').trim_start().starts_with('{');
    let format = if object { Format::JsonLines } else { Format::Csv };
    let existing = if update { Existing::Update } else { Existing::Keep };
    let wish = Wish { existing, run, most_refused: Some(MOST_REFUSED) };
    let mut refused = Vec::new();
    let source = Source::new(std::io::Cursor::new(text.as_bytes()), format);
    let tally = site.app.import_users(by, source, wish, |_, lines| refused.extend(lines)).await?;
    Ok((tally, refused))
}

fn result(
    person: &Person,
    run: Run,
    tally: Tally,
    mut refused: Vec<RefusedLine>,
    text: String,
    update: bool,
) -> Answer {
    let count = |count: u64| grouped(i64::try_from(count).unwrap_or(i64::MAX));
    let report = report_of(&refused);
    refused.truncate(SHOWN_LINES);
    let title = if run == Run::Dry { "What would happen" } else { "What was done" };
    shown(&Imported {
        chrome: person.chrome(Place::People, title),
        run,
        facts: vec![
            (if run == Run::Dry { "To be added" } else { "Added" }, count(tally.created)),
            (if run == Run::Dry { "To be changed" } else { "Changed" }, count(tally.updated)),
            ("Already so", count(tally.unchanged)),
            ("Refused", count(tally.refused)),
        ],
        anything: tally.created + tally.updated > 0,
        stopped: tally.stopped,
        refused,
        refused_count: count(tally.refused),
        report,
        text,
        update,
    })
}

/// The refused lines as a table that a spreadsheet reads. None of its cells is calculated.
fn report_of(refused: &[RefusedLine]) -> String {
    let cell = |text: &str| {
        let freed =
            if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() };
        format!("\"{}\"", freed.replace('"', "\"\""))
    };
    let rows = refused.iter().map(|it| format!("{},{},{}\r\n", it.line, cell(&it.field), cell(&it.reason)));
    std::iter::once("line,field,reason\r\n".to_owned()).chain(rows).collect()
}

/// Gives the report back as a file: what the page was made of is kept nowhere else.
pub(super) async fn report(person: Person, Form(fields): Form<Fields, LONGEST>) -> Answer {
    let _may: Grant<right::UsersManage> = person.caller.grant()?;
    let head = [
        (CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8")),
        (CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"refused-lines.csv\"")),
    ];
    Ok::<_, Fault>((head, fields.raw("report").to_owned()).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_calculates_nothing_of_a_report() {
        let line = |reason: &str| RefusedLine { line: 2, field: "line".into(), reason: reason.into() };
        let report = report_of(&[line("=1+1"), line("has \"2\" cells,\nnot 3")]);
        assert_eq!(
            report,
            "line,field,reason\r\n2,\"line\",\"'=1+1\"\r\n2,\"line\",\"has \"\"2\"\" cells,\nnot 3\"\r\n"
        );
    }
}
