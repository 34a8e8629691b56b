//! What a page of each list costs at a hundred times the size: every filter, search and order that is offered.

#![expect(clippy::indexing_slicing, reason = "JSON is asked by name: what is not there is null")]

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::lists_of_all::{self, Line, Person as Whom};
use super::{Plan, Results};
use crate::crowd::Crowd;
use crate::http;
use crate::lists::{CLASSES, PARTS, VERBS, Work, class, id_text, part, serial, verb};
use crate::load::{self, Heard, Shape, Talk, Until};
use crate::process::Server;
use crate::purser::Purser;
use crate::report::{Figure, Rate};
use crate::sample::{Sample, median};
use crate::scale::scatter;
use crate::talks::{Say, Tokens};

/// Questions said in one round, drawn anew for each: the hundredth part of them is what the figure tells.
const DRAWN: usize = 400;
/// Rows of a page: what a screen shows. The hundredth part of the lists has as many, so pages are as long on either.
const FIRST: u64 = 20;
/// Rounds and connections. Few connections: it is pages that are measured, not queues.
const ROUNDS: usize = 3;
const CONNECTIONS: usize = 2;

/// What a list is narrowed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// A state that many are in.
    CommonState,
    /// A state that few are in.
    RareState,
    Priority,
    Person,
    Class,
    /// A word that one in fifty has.
    Part,
    /// One that one in twenty has, together with [`By::Part`].
    VerbAndPart,
    /// One that only a few have.
    Serial,
    /// The two together: the rare one is not the longest.
    PartAndSerial,
}

use By::{Class, CommonState, Part, PartAndSerial, Person, Priority, RareState, Serial, VerbAndPart};

const TEMPLATES: &[(&str, &[By])] = &[
    ("all", &[]),
    ("published", &[CommonState]),
    ("in review", &[RareState]),
    ("class", &[Class]),
    ("class, in review", &[Class, RareState]),
    ("word", &[Part]),
    ("two words", &[VerbAndPart]),
    ("rare word", &[Serial]),
    ("word and rare word", &[PartAndSerial]),
    ("word, in review", &[Part, RareState]),
    ("word, class", &[Part, Class]),
    ("word, class, published", &[Part, Class, CommonState]),
];

const JOBS: &[(&str, &[By])] = &[
    ("all", &[]),
    ("completed", &[CommonState]),
    ("in progress", &[RareState]),
    ("priority", &[Priority]),
    ("in progress, priority", &[RareState, Priority]),
    ("assignee", &[Person]),
    ("assignee, in progress", &[Person, RareState]),
    ("assignee, priority", &[Person, Priority]),
    ("class", &[Class]),
    ("class, in progress", &[Class, RareState]),
    ("class, priority", &[Class, Priority]),
    ("assignee, class", &[Person, Class]),
    ("word", &[Part]),
    ("two words", &[VerbAndPart]),
    ("rare word", &[Serial]),
    ("word and rare word", &[PartAndSerial]),
    ("word, in progress", &[Part, RareState]),
    ("word, assignee", &[Part, Person]),
    ("word, class", &[Part, Class]),
    ("everything", &[Part, Person, Class, RareState, Priority]),
];

/// A list as it is asked for: its name, its filters, its order.
#[derive(Clone, Copy)]
struct Asked {
    list: List,
    by: &'static [By],
    order: &'static str,
}

#[derive(Clone, Copy)]
enum List {
    Templates,
    Jobs,
    Records,
    People(Whom),
    Log(Line),
}

fn combinations(size: Work) -> Vec<(String, Asked)> {
    let mut all = if size.jobs > 0 { of_work() } else { Vec::new() };
    let other = |list| Asked { list, by: &[], order: "" };
    if size.users > 0 {
        all.extend(Whom::ALL.iter().map(|(name, whom)| (format!("lists people: {name}"), other(List::People(*whom)))));
    }
    if size.lines > 0 {
        all.extend(Line::ALL.iter().map(|(name, line)| (format!("lists audit: {name}"), other(List::Log(*line)))));
    }
    all
}

fn of_work() -> Vec<(String, Asked)> {
    let mut all = Vec::new();
    for (list, name, filters, orders) in [
        (List::Templates, "templates", TEMPLATES, ["NEWEST", "TITLE"].as_slice()),
        (List::Jobs, "jobs", JOBS, ["NEWEST", "OLDEST"].as_slice()),
    ] {
        for (what, by) in filters {
            for order in orders {
                let said = format!("lists {name}: {what}; {}", order.to_lowercase());
                all.push((said, Asked { list, by, order }));
            }
        }
    }
    all.push(("lists records".to_owned(), Asked { list: List::Records, by: &[], order: "" }));
    all
}

/// How many steps the progress bar has.
pub(crate) fn steps(size: Work) -> u64 {
    let tables = [(size.jobs, 6), (size.users, 2), (size.lines, 1)];
    let tables: usize = tables.iter().filter(|(count, _)| *count > 0).map(|(_, tables)| tables).sum();
    (2 + 2 * tables + combinations(size).len() * ROUNDS) as u64
}

/// Fills both installations, then measures each page on the one and on the other in turn.
///
/// # Errors
/// When a database cannot be filled, or an answer is not as it should be.
pub(crate) fn measure(purser: [&Purser; 2], sizes: [Work; 2], plan: &Plan, progress: &ProgressBar) -> Result<Results> {
    let [small, large] = purser;
    let [few, many] = sizes;
    let all = combinations(many);
    let small = Stocked::fill(small, few, progress)?;
    let large = Stocked::fill(large, many, progress)?;
    let mut results = Results::default();
    for (name, asked) in all {
        progress.set_message(name.clone());
        let (mut ratios, mut few, mut many) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let one = small.round(asked, round, plan)?;
            let other = large.round(asked, round, plan)?;
            ratios.push(other.p99_ms / one.p99_ms);
            few.push(one);
            many.push(other);
            progress.inc(1);
        }
        results.figures.push(Figure::new(name.clone(), median(&ratios), "×", ratios));
        results.rates.push(Rate::new(format!("{name} (few)"), &few));
        results.rates.push(Rate::new(format!("{name} (many)"), &many));
    }
    Ok(results)
}

/// A filled installation, running.
struct Stocked {
    server: Server,
    size: Work,
    token: String,
    people: Vec<String>,
    crowd: Crowd,
}

impl Stocked {
    fn fill(purser: &Purser, size: Work, progress: &ProgressBar) -> Result<Self> {
        progress.set_message("making one of each");
        purser.create_person("boss@acme.test", "Admin")?;
        let server = purser.start(None)?;
        let token = sign_in(&server)?;
        make_one_of_each(&server, &token)?;
        let users = graphql(&server, &token, "{ users(first: 500) { id } }", &json!({}))?;
        server.stop();
        progress.inc(1);
        purser.stock(size, progress)?;
        let server = purser.start(None)?;
        let token = sign_in(&server)?;
        let people = users["users"].as_array().into_iter().flatten().filter_map(|user| user["id"].as_str());
        let people: Vec<String> = people.map(str::to_owned).collect();
        let last: i64 = people.last().context("nobody was made")?.parse()?;
        Ok(Self { server, size, token, people, crowd: Crowd { first: last + 1, count: size.users } })
    }

    /// A round: as many pages as are drawn, at the beginning of the list and deep inside it.
    fn round(&self, asked: Asked, round: usize, plan: &Plan) -> Result<Sample> {
        let talk = |place: usize| {
            let draws =
                (0..DRAWN / CONNECTIONS).map(|draw| scatter((round * DRAWN + draw * CONNECTIONS + place) as u64));
            Pages(Say::once(draws.map(|draw| self.request(asked, draw)).collect()))
        };
        // What a list is asked for the first time in a process is prepared once.
        let until = Until::Said(Duration::from_mins(2));
        let shape = Shape { warm_up: Duration::ZERO, until, threads: 1, ..plan.shape(&self.server) };
        let warming = Pages(Say::once((0..8).map(|draw| self.request(asked, scatter(draw))).collect()));
        load::run(vec![warming], shape)?;
        Ok(load::run((0..CONNECTIONS).map(talk).collect(), shape)?.0.sample)
    }

    fn request(&self, asked: Asked, draw: u64) -> Vec<u8> {
        let (document, values) = match asked.list {
            List::Templates => (TEMPLATES_PAGE, self.page(asked, draw, self.size.templates)),
            List::Jobs => (JOBS_PAGE, self.page(asked, draw, self.size.jobs)),
            List::Records => (RECORDS_PAGE, json!({"job": id_text(draw % self.size.jobs)})),
            List::People(whom) => (lists_of_all::PEOPLE_PAGE, whom.page(draw, self.crowd, FIRST)),
            List::Log(line) => (lists_of_all::LOG_PAGE, line.page(draw, self.size.lines, FIRST)),
        };
        question(self.server.at, &self.token, document, &values)
    }

    fn page(&self, asked: Asked, draw: u64, count: u64) -> Value {
        let mut values = json!({"order": asked.order, "first": FIRST});
        let is_job = matches!(asked.list, List::Jobs);
        // Every other one lies somewhere inside the list.
        if draw % 2 == 1 {
            values["after"] = id_text((draw >> 1) % count).into();
        }
        for by in asked.by {
            let (field, value) = match by {
                CommonState if is_job => ("state", "COMPLETED".to_owned()),
                RareState if is_job => ("state", "IN_PROGRESS".to_owned()),
                CommonState => ("state", "PUBLISHED".to_owned()),
                RareState => ("state", "IN_REVIEW".to_owned()),
                Priority => ("priority", if draw.is_multiple_of(3) { "HIGH" } else { "LOW" }.to_owned()),
                Person => ("assignee", self.person(draw >> 8)),
                Class => ("assetClass", class((draw >> 16) % CLASSES)),
                Part => ("search", part((draw >> 24) % PARTS)),
                VerbAndPart => ("search", format!("{} {}", verb((draw >> 32) % VERBS), part((draw >> 24) % PARTS))),
                Serial => ("search", serial((draw >> 5) % self.serials(is_job))),
                PartAndSerial => ("search", part_and_serial((draw >> 5) % self.serials(is_job))),
            };
            values[field] = value.into();
        }
        values
    }

    fn serials(&self, is_job: bool) -> u64 {
        if is_job { self.size.assets() } else { self.size.templates }
    }

    fn person(&self, draw: u64) -> String {
        let place = usize::try_from(draw).unwrap_or(0) % self.people.len().max(1);
        self.people.get(place).cloned().unwrap_or_default()
    }
}

/// Words that one thing has in common.
fn part_and_serial(thing: u64) -> String {
    format!("{} {}", part(scatter(thing) / VERBS), serial(thing))
}

const TEMPLATES_PAGE: &str = "query($first: Int!, $order: TemplateOrder!, $after: ID, $search: String, $state: VersionState, $assetClass: String) \
    { templates(first: $first, order: $order, after: $after, search: $search, state: $state, assetClass: $assetClass) \
    { id title assetClass state published updatedAt } }";

const JOBS_PAGE: &str = "query($first: Int!, $order: JobOrder!, $after: ID, $search: String, $state: JobState, $priority: Priority, $assignee: ID, \
    $assetClass: String) { jobs(first: $first, order: $order, after: $after, search: $search, state: $state, priority: $priority, \
    assignee: $assignee, assetClass: $assetClass) { id title asset assetClass priority state assigneeId nextStep stepCount } }";

const RECORDS_PAGE: &str =
    "query($job: ID!) { records(job: $job) { number step act value note authorId at corrects } }";

/// Pages, each of which has to be one.
struct Pages(Say);

impl Talk for Pages {
    fn ask(&mut self, request: &mut Vec<u8>) -> bool {
        self.0.ask(request)
    }

    fn hear(&mut self, status: u16, body: &[u8]) -> Result<Heard> {
        if memchr::memmem::find(body, b"\"errors\"").is_some() {
            bail!("a page was refused: {}", String::from_utf8_lossy(body.get(..300).unwrap_or(body)));
        }
        self.0.hear(status, body)
    }
}

/// One question, and its answer.
struct Once {
    request: Option<Vec<u8>>,
    answer: Vec<u8>,
}

impl Talk for Once {
    fn ask(&mut self, request: &mut Vec<u8>) -> bool {
        let Some(asked) = self.request.take() else { return false };
        request.extend_from_slice(&asked);
        true
    }

    fn hear(&mut self, status: u16, body: &[u8]) -> Result<Heard> {
        ensure!(status == 200, "answered with {status}: {}", String::from_utf8_lossy(body));
        self.answer = body.to_vec();
        Ok(Heard::Served)
    }
}

fn ask(server: &Server, request: Vec<u8>) -> Result<Value> {
    let until = Until::Said(Duration::from_secs(30));
    let shape = Shape { to: server.at, threads: 1, on: None, warm_up: Duration::ZERO, until, every: None };
    let (_, talks) = load::run(vec![Once { request: Some(request), answer: Vec::new() }], shape)?;
    let once = talks.into_iter().next().context("nobody asked")?;
    Ok(serde_json::from_slice(&once.answer)?)
}

fn sign_in(server: &Server) -> Result<String> {
    let mut request = Vec::new();
    let body = json!({"email": "boss@acme.test", "password": crate::purser::PASSWORD}).to_string();
    http::post(&mut request, server.at, crate::purser::TENANT, "/api/client/auth/sign-in", &body);
    let tokens: Tokens = serde_json::from_value(ask(server, request)?["data"].take())?;
    Ok(tokens.access)
}

fn question(at: SocketAddr, token: &str, document: &str, values: &Value) -> Vec<u8> {
    let body = json!({"query": document, "variables": values}).to_string();
    let head = format!(
        "POST /api/client/graphql HTTP/1.1\r\nHost: {at}\r\nContent-Type: application/json\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body.into_bytes()].concat()
}

fn graphql(server: &Server, token: &str, document: &str, values: &Value) -> Result<Value> {
    let mut answer = ask(server, question(server.at, token, document, values))?;
    ensure!(answer["errors"].is_null(), "{document}: {}", answer["errors"]);
    Ok(answer["data"].take())
}

/// Rows for the others to be copies of: a published template, a job that is begun, a record.
fn make_one_of_each(server: &Server, token: &str) -> Result<()> {
    let ask = |document: &str, values: Value| graphql(server, token, document, &values);
    let me = ask("{ me { id } }", json!({}))?;
    let made = ask(
        "mutation { createTemplate(input: {title: \"Replace the seal\", assetClass: \"Pumps\", steps: [{title: \"Look\"}, \
         {title: \"Read\", kind: NUMBER, unit: \"bar\"}]}) { id } }",
        json!({}),
    )?;
    let template = &made["createTemplate"]["id"];
    for step in ["submitVersion", "approveVersion", "publishVersion"] {
        let kind = if step == "approveVersion" { "ReviewInput" } else { "VersionInput" };
        let document = format!("mutation($input: {kind}!) {{ {step}(input: $input) {{ state }} }}");
        ask(&document, json!({"input": {"templateId": template, "number": 1}}))?;
    }
    let input = json!({"input": {"templateId": template, "asset": "P-1", "assigneeId": me["me"]["id"]}});
    let job = ask("mutation($input: CreateJobInput!) { createJob(input: $input) { id } }", input)?;
    let id = &job["createJob"]["id"];
    ask("mutation($input: JobInput!) { startJob(input: $input) { state } }", json!({"input": {"id": id}}))?;
    let input = json!({"input": {"jobId": id, "step": 1, "value": "as it should be", "idempotencyKey": "first"}});
    ask("mutation($input: PerformInput!) { addRecord(input: $input) { number } }", input)?;
    Ok(())
}
