//! How the server fares, and what to do where it does not fare well.

pub(in crate::console) mod findings;

use std::time::Duration;

use askama::Template;
use askama::filters::HtmlSafe;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use purser_core::access::SystemGrant;
use purser_core::app::{Figures, LastCall, ProviderLine};
use purser_core::config::{Mode, Settings};
use purser_core::durations::Counts;
use purser_core::mail::MailFigures;
use serde::Deserialize;
use tokio::time::Instant;

use super::keeper::Keeper;
use crate::console::page::{Chrome, shown};
use crate::console::parts::{Chip, Moment, Tone};
use crate::console::words;
use crate::extract::Query;
use crate::fault::Answer;
use crate::pulse::{Lately, While};
use crate::site::Site;
use findings::Finding;

/// How the page is looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct Asked {
    /// Whether it comes anew by itself. Only if one asks for it: nobody's reading is to be broken off (WCAG 2.2.1).
    keep: String,
}

/// How often it comes anew, in seconds.
const ANEW: HeaderValue = HeaderValue::from_static("15");
/// The header that says so (HTML, section 7.4.2.5, shared declarative refresh steps).
const REFRESH: HeaderName = HeaderName::from_static("refresh");
/// How many providers are listed.
const LISTED: usize = 20;
/// How many changes may wait for the writer.
const WRITER: u64 = 8_192;

/// What was found out for one look.
struct Look {
    figures: Figures,
    lately: Lately,
    /// How long the store took to answer; none if it did not.
    ping: Option<Duration>,
    size: Option<u64>,
    mail: Option<MailFigures>,
    sends_mail: bool,
    lines: Vec<ProviderLine>,
    license: Option<purser_core::license::Notice>,
    queue: usize,
}

impl Look {
    /// A handful of questions, none of which grows with what is stored. A store that is down is a finding and no refusal.
    async fn at(site: &Site, keeper: &Keeper) -> Self {
        let (app, by): (_, SystemGrant<_>) = (&site.app, keeper.admin.grant());
        let begun = Instant::now();
        let ping = app.ready().await.is_ok().then(|| begun.elapsed());
        let figures = app.figures();
        Self {
            lately: site.extras.pulse.lately(&figures),
            figures,
            size: if ping.is_some() { app.store_size(&by).await.ok() } else { None },
            mail: if ping.is_some() { app.mail_figures().await.ok() } else { None },
            ping,
            sends_mail: app.sends_mail(),
            lines: app.provider_lines(&by, None, LISTED),
            license: app.license_notices().await.unwrap_or_default().into_iter().next(),
            queue: app.settings().passwords.queue,
        }
    }
}

#[derive(Template)]
#[template(path = "console/system/health.html")]
struct Health {
    chrome: Chrome,
    state: Chip,
    keeps: bool,
    over: String,
    findings: Vec<Told>,
    rates: Vec<Rate>,
    times: Bars,
    store: Vec<(&'static str, String)>,
    writer: Meter,
    hashing: Vec<(&'static str, String)>,
    hasher: Meter,
    mail: Option<MailFigures>,
    oldest: Option<Moment>,
    sends_mail: bool,
    lines: Vec<Line>,
    server: Vec<(&'static str, String)>,
}

/// A finding in words.
struct Told {
    state: Chip,
    what: String,
    advice: &'static str,
}

impl From<Finding> for Told {
    fn from(finding: Finding) -> Self {
        let tone = if finding.is_grave() { ("Trouble", Tone::Red) } else { ("Look at this", Tone::Amber) };
        Self { state: tone.into(), what: words::finding(&finding), advice: words::finding_advice(&finding) }
    }
}

/// How often something happened, and how that went up and down.
struct Rate {
    name: &'static str,
    value: String,
    unit: &'static str,
    more: String,
    course: Course,
}

/// The last minutes as a row of bars.
#[derive(Template)]
#[template(path = "console/parts/course.html")]
struct Course {
    /// In percent of the highest.
    bars: Vec<(usize, u64)>,
}

impl HtmlSafe for Course {}

impl Course {
    fn of(pieces: &[While], count: impl Fn(&While) -> u64) -> Self {
        let counts: Vec<u64> = pieces.iter().map(count).collect();
        let most = counts.iter().copied().max().unwrap_or(0).max(1);
        // The latest stands at the right edge, also while there are few.
        let first = PIECES.saturating_sub(counts.len());
        let bars = counts.into_iter().enumerate().map(|(at, count)| ((first + at) * 2, (count * 100).div_ceil(most)));
        Self { bars: bars.collect() }
    }
}

/// How many bars there is room for.
const PIECES: usize = 60;

/// How many requests took how long.
#[derive(Template)]
#[template(path = "console/parts/bars.html")]
struct Bars {
    total: u64,
    bars: Vec<Bar>,
}

struct Bar {
    height: u64,
    label: String,
    count: u64,
}

impl HtmlSafe for Bars {}

impl Bars {
    fn of(counts: Counts) -> Self {
        let most = counts.steps().map(|(_, count)| count).max().unwrap_or(0).max(1);
        let bar = |(end, count): (Option<Duration>, u64)| Bar {
            height: (count * 100).div_ceil(most),
            label: end.map_or_else(|| "more".to_owned(), words::time),
            count,
        };
        Self { total: counts.total(), bars: counts.steps().map(bar).collect() }
    }
}

/// How full something is.
#[derive(Template)]
#[template(
    source = r#"<span class="metered"><meter min="0" max="{{ most }}" high="{{ high }}" value="{{ value }}" aria-label="{{ label }}"></meter><span class="num">{{ value }}</span> <span class="muted">of {{ most }}</span></span>"#,
    ext = "html"
)]
struct Meter {
    label: &'static str,
    value: u64,
    most: u64,
    high: u64,
}

impl HtmlSafe for Meter {}

impl Meter {
    fn of(label: &'static str, value: u64, most: u64) -> Self {
        Self { label, value, most, high: most / 2 }
    }
}

/// How the last call to a provider went.
struct Line {
    href: String,
    name: String,
    tenant: String,
    breaker: Chip,
    last: String,
}

impl From<ProviderLine> for Line {
    fn from(line: ProviderLine) -> Self {
        let breaker = match (line.open_for, line.last) {
            (Some(_), _) => ("Left alone", Tone::Red),
            (None, LastCall::Answered) => ("Answers", Tone::Green),
            (None, _) => ("Failed", Tone::Amber),
        };
        let last = words::last_call(&line);
        Self {
            href: format!("/admin/tenants/{}/providers", line.tenant),
            name: line.provider,
            tenant: line.tenant,
            breaker: breaker.into(),
            last,
        }
    }
}

/// Shows it, as this node sees it.
pub(in crate::console) async fn page(State(site): State<Site>, keeper: Keeper, Query(asked): Query<Asked>) -> Answer {
    let look = Look::at(&site, &keeper).await;
    let keeps = !asked.keep.is_empty();
    let mut response = shown(&view(&site, &keeper, look, keeps))?;
    if keeps {
        response.headers_mut().insert(REFRESH, ANEW);
    }
    Ok(response)
}

fn view(site: &Site, keeper: &Keeper, look: Look, keeps: bool) -> Health {
    let found = findings::of(&look);
    let state = match found.iter().any(Finding::is_grave) {
        true => ("Trouble", Tone::Red),
        false if !found.is_empty() => ("Look at this", Tone::Amber),
        false => ("All is well", Tone::Green),
    };
    Health {
        chrome: keeper.chrome("/admin/health", "Health"),
        state: state.into(),
        keeps,
        over: words::span(look.lately.whole.time),
        findings: found.into_iter().map(Told::from).collect(),
        rates: rates(&look.lately),
        times: Bars::of(look.lately.whole.requests),
        store: store(site.app.settings(), &look),
        writer: Meter::of("Changes waiting to be written", look.figures.writes_waiting, WRITER),
        hashing: hashing(&look.figures),
        hasher: Meter::of(
            "Passwords waiting to be hashed",
            u64::try_from(look.figures.hashes_waiting).unwrap_or(u64::MAX),
            u64::try_from(look.queue).unwrap_or(u64::MAX),
        ),
        oldest: look.mail.as_ref().and_then(|mail| mail.waiting_since).map(Moment::from),
        mail: look.mail,
        sends_mail: look.sends_mail,
        lines: look.lines.into_iter().map(Line::from).collect(),
        server: vec![
            ("Version", env!("CARGO_PKG_VERSION").to_owned()),
            ("Running for", words::span(site.extras.pulse.uptime())),
            ("Licence", license(site.app.settings().deployment.mode, look.license.as_ref())),
            ("Deployment", site.app.instance().to_owned()),
        ],
    }
}

fn rates(lately: &Lately) -> Vec<Rate> {
    let (whole, pieces) = (&lately.whole, &lately.pieces);
    let seconds = whole.time.as_secs_f64().max(1.0);
    #[expect(clippy::cast_precision_loss, reason = "a rate is rounded anyway")]
    let every = |count: u64, time: f64| words::rate(count as f64 * time / seconds);
    vec![
        Rate {
            name: "Requests",
            value: every(whole.requests.total(), 1.0),
            unit: "a second",
            more: words::most(whole.requests),
            course: Course::of(pieces, |piece| piece.requests.total()),
        },
        Rate {
            name: "Sign-ins",
            value: every(whole.sign_ins, 60.0),
            unit: "a minute",
            more: words::count(whole.sign_ins),
            course: Course::of(pieces, |piece| piece.sign_ins),
        },
        Rate {
            name: "Refreshes",
            value: every(whole.refreshes, 60.0),
            unit: "a minute",
            more: words::count(whole.refreshes),
            course: Course::of(pieces, |piece| piece.refreshes),
        },
        Rate {
            name: "Changes written",
            value: every(whole.writes.total(), 1.0),
            unit: "a second",
            more: words::most(whole.writes),
            course: Course::of(pieces, |piece| piece.writes.total()),
        },
    ]
}

fn store(settings: &Settings, look: &Look) -> Vec<(&'static str, String)> {
    let engine = if settings.database.url.reveal().starts_with("sqlite:") { "SQLite" } else { "PostgreSQL" };
    let hears = if look.figures.hears_other_nodes { "Heard" } else { "Not heard: every check reads the store" };
    vec![
        ("Engine", engine.to_owned()),
        ("Size on disk", look.size.map_or_else(|| "Unknown".to_owned(), words::bytes)),
        ("Answered in", look.ping.map_or_else(|| "Not at all".to_owned(), words::time)),
        ("Other nodes’ changes", hears.to_owned()),
        ("Statements read since the start", words::number(look.figures.statements_read)),
    ]
}

fn hashing(figures: &Figures) -> Vec<(&'static str, String)> {
    vec![
        ("Threads", figures.hash_threads.to_string()),
        ("Hashed since the start", words::number(figures.hashes_done)),
        ("Turned away since the start", words::number(figures.hashes_refused)),
    ]
}

fn license(mode: Mode, notice: Option<&purser_core::license::Notice>) -> String {
    match (mode, notice) {
        (Mode::Hosted, _) => "None is needed".to_owned(),
        (_, None) => "Valid".to_owned(),
        (_, Some(notice)) => notice.to_string(),
    }
}
