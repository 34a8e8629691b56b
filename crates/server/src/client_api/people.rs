//! `users/import` and `users/export`: the organisation's people in bulk, as CSV or JSON lines.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use futures::stream;
use purser_core::access::right;
use purser_core::error::Error;
use purser_core::ids::UserId;
use purser_core::transfer::{Existing, Format, RefusedLine, Run, Source, Wish};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::extract::{Query, With, read_body, takes};
use crate::fault::{Answer, Envelope, Fault, Refused, success};
use crate::site::Site;

/// The longest file that is taken.
const LONGEST: usize = 5 * 1024 * 1024;
/// After so many refused lines it is the wrong file.
const MOST_REFUSED: u64 = 1_000;

const CSV: &str = "text/csv";
const JSON_LINES: &str = "application/jsonl";
/// The other name of the same.
const ND_JSON: &str = "application/x-ndjson";

/// How an import goes about it.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct Importing {
    /// Change people who are there already with other data; without it such lines are refused.
    #[serde(default)]
    update: bool,
    /// Check every line and change nothing.
    #[serde(default)]
    dry_run: bool,
}

/// What became of an import.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    /// Lines looked at.
    lines: u64,
    /// Accounts made.
    created: u64,
    /// People changed.
    updated: u64,
    /// People who were there already, just so.
    unchanged: u64,
    /// Every line that was not taken.
    refused: Vec<NotTaken>,
    /// Whether it stopped before the end, because a thousand lines were refused.
    stopped: bool,
}

/// A line that was not taken.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotTaken {
    /// Its number in the file, from 1.
    line: u64,
    /// The field that is wrong; `line` if it is the whole.
    field: String,
    /// Why.
    reason: String,
}

impl From<RefusedLine> for NotTaken {
    fn from(it: RefusedLine) -> Self {
        Self { line: it.line, field: it.field, reason: it.reason }
    }
}

/// Takes people in from a file of at most 5 MiB. The columns, or members, are `email`, `firstName`, `lastName`, `title`, `roles`,
/// `status` and `passwordHash`; the first three are needed. Sent again, it goes on where it broke off.
#[utoipa::path(post, path = "/api/client/users/import", tag = "client: people",
    params(Importing),
    request_body(content(
        (String = "text/csv", example = "email,firstName,lastName,roles\r\nann@acme.test,Ann,Lee,AUTHOR VIEWER"),
        (String = "application/jsonl", example = "{\"email\":\"ann@acme.test\",\"firstName\":\"Ann\",\"lastName\":\"Lee\"}"))),
    responses(
        (status = 200, description = "What became of each line", body = Envelope<Imported>),
        (status = 400, description = "`VALIDATION_ERROR`: the columns are not understood", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`FORBIDDEN`, `CSRF_REJECTED`", body = Refused)),
    security(("bearer" = []), ("cookie" = [])))]
pub async fn import(
    State(site): State<Site>,
    With(by): With<right::UsersManage>,
    Query(asked): Query<Importing>,
    request: Request,
) -> Answer {
    let format = named(request.headers()).ok_or(Fault::UnsupportedMediaType)?;
    let file = read_body(request, LONGEST, site.http.body_patience).await?;
    let wish = Wish {
        existing: if asked.update { Existing::Update } else { Existing::Keep },
        run: if asked.dry_run { Run::Dry } else { Run::Real },
        most_refused: Some(MOST_REFUSED),
    };
    let mut refused = Vec::new();
    let source = Source::new(std::io::Cursor::new(file), format);
    let tally = site
        .app
        .import_users(&by, source, wish, |_, lines| refused.extend(lines.into_iter().map(NotTaken::from)))
        .await?;
    success(Imported {
        lines: tally.lines,
        created: tally.created,
        updated: tally.updated,
        unchanged: tally.unchanged,
        refused,
        stopped: tally.stopped,
    })
}

/// The format that a file is said to have.
fn named(headers: &HeaderMap) -> Option<Format> {
    if takes(headers, CSV) {
        return Some(Format::Csv);
    }
    [JSON_LINES, ND_JSON].into_iter().any(|media| takes(headers, media)).then_some(Format::JsonLines)
}

/// In which format to give people out.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Wanted {
    /// RFC 4180, with a header.
    #[default]
    Csv,
    /// A JSON object on each line.
    Jsonl,
}

/// How people are given out.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Exporting {
    /// `csv` or `jsonl`.
    #[serde(default)]
    #[param(inline)]
    format: Wanted,
}

/// Gives all of the organisation's people as a file that an import takes, without passwords. Cells that a spreadsheet would calculate
/// begin with an apostrophe.
#[utoipa::path(get, path = "/api/client/users/export", tag = "client: people",
    params(Exporting),
    responses(
        (status = 200, description = "The file, in pieces",
            content((String = "text/csv"), (String = "application/jsonl"))),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`FORBIDDEN`", body = Refused)),
    security(("bearer" = []), ("cookie" = [])))]
pub async fn export(
    State(site): State<Site>,
    With(by): With<right::UsersManage>,
    Query(asked): Query<Exporting>,
) -> Answer {
    let (format, media, name) = match asked.format {
        Wanted::Csv => (Format::Csv, "text/csv; charset=utf-8", "attachment; filename=\"users.csv\""),
        Wanted::Jsonl => (Format::JsonLines, JSON_LINES, "attachment; filename=\"users.jsonl\""),
    };
    // The first page is read before anything is answered: what is refused is refused as usual.
    let (first, next) = site.app.export_users(&by, format, None).await?;
    let app = Arc::clone(&site.app);
    let rest = stream::try_unfold((next, app, by), move |(next, app, by)| async move {
        let Some(after) = next else { return Ok::<_, Error>(None) };
        let (page, next): (_, Option<UserId>) = app.export_users(&by, format, Some(after)).await?;
        Ok(Some((Bytes::from(page.0), (next, app, by))))
    });
    let all = stream::StreamExt::chain(stream::once(async { Ok(Bytes::from(first.0)) }), rest);
    let mut response = Response::new(Body::from_stream(all));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    response.headers_mut().insert(CONTENT_DISPOSITION, HeaderValue::from_static(name));
    Ok(response)
}
