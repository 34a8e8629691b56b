//! How long the console's pages take, each of them, on the data of the demo.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{Bench, Results};
use crate::report::{Figure, Rate};
use crate::sample::{Latencies, Sample, median};
use crate::{clock, http};

/// How often a page is asked for in a round. The worst of so many but one is the ninety-ninth of a hundred.
const EACH: u32 = 200;
/// How often before it counts.
const WARM_UP: u32 = 10;
/// No walk is longer.
const LONGEST: usize = 500;

/// Walks through the console as an Admin and as a system administrator, and measures a page of every shape, one request at a
/// time: what a person waits for the server. Only on SQLite, which is what the demo runs on, and only the real program.
pub(super) fn measure(bench: &Bench<'_>, results: &mut Results) -> Result<()> {
    let Some((server, folder)) = bench.purser.demo()? else { return Ok(()) };
    let passwords = fs::read_to_string(folder.join("demo-passwords")).context("the demo has left no passwords")?;
    let (users, admin) = passwords.split_once('\n').context("the demo's passwords are not as they were")?;
    let mut guests = [
        Guest::signed_in(server.at, "/api/client", &json("email", "admin@acme.test", users), "/")?,
        Guest::signed_in(server.at, "/api/admin", &json("username", "root", admin.trim()), "/admin")?,
    ];
    let mut pages = Vec::new();
    for (guest, visitor) in guests.iter_mut().enumerate() {
        pages.extend(visitor.walk()?.into_values().map(|path| (guest, path)));
    }
    let mut samples: Vec<Vec<Sample>> = pages.iter().map(|_| Vec::new()).collect();
    for _ in 0..bench.plan.rounds {
        bench.progress.set_message(format!("{} pages", pages.len()));
        for ((guest, path), samples) in pages.iter().zip(&mut samples) {
            let Some(guest) = guests.get_mut(*guest) else { continue };
            let before = server.cpu()?;
            let sample = guest.time(path)?;
            samples.push(sample.costing(server.cpu()?.saturating_sub(before), u64::from(EACH + WARM_UP)));
        }
        bench.progress.inc(1);
    }
    server.stop();
    let mut rates: Vec<_> = pages.iter().zip(samples).map(|((_, path), rounds)| (shape(path), rounds)).collect();
    rates.sort_by(|(_, a), (_, b)| p99(b).total_cmp(&p99(a)));
    let worst: Vec<f64> = rates.first().into_iter().flat_map(|(_, rounds)| rounds).map(|it| it.p99_ms).collect();
    results.figures.push(Figure::new("pages_p99_ms", median(&worst), "ms", worst));
    results.rates.extend(rates.into_iter().map(|(shape, rounds)| Rate::new(format!("page {shape}"), &rounds)));
    Ok(())
}

fn p99(rounds: &[Sample]) -> f64 {
    Sample::median(rounds).p99_ms
}

fn json(name: &str, value: &str, password: &str) -> String {
    serde_json::json!({ name: value, "password": password }).to_string()
}

/// Somebody in front of a browser that keeps its connection.
struct Guest {
    at: SocketAddr,
    stream: TcpStream,
    cookie: String,
    start: &'static str,
}

impl Guest {
    fn signed_in(at: SocketAddr, realm: &str, claim: &str, start: &'static str) -> Result<Self> {
        let stream = TcpStream::connect(at)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut guest = Self { at, stream, cookie: String::new(), start };
        let length = claim.len();
        let request = format!(
            "POST {realm}/auth/sign-in HTTP/1.1\r\nHost: {at}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{claim}"
        );
        let answer = guest.answer(request.as_bytes())?;
        ensure!(answer.status == 200, "{realm}: the demo's own account is refused with {}", answer.status);
        let cookie = answer.head.lines().find_map(|line| line.strip_prefix("set-cookie: "));
        let cookie = cookie.and_then(|line| line.split(';').next()).context("signing in sets no cookie")?;
        cookie.clone_into(&mut guest.cookie);
        Ok(guest)
    }

    /// A page of every shape that a link leads to.
    fn walk(&mut self) -> Result<BTreeMap<String, String>> {
        let (mut shapes, mut seen) = (BTreeMap::new(), BTreeSet::new());
        let mut ahead = vec![self.start.to_owned()];
        while let Some(path) = ahead.pop() {
            let elsewhere = path.starts_with("/api/") || path.starts_with("/assets/");
            if elsewhere || shapes.contains_key(&shape(&path)) || !seen.insert(path.clone()) || seen.len() > LONGEST {
                continue;
            }
            let page = self.visit(&path)?;
            match page.status {
                200 => {
                    ahead.extend(links(&page.body));
                    shapes.insert(shape(&path), path);
                }
                303 => ahead.extend(page.head.lines().find_map(|it| it.strip_prefix("location: ")).map(str::to_owned)),
                status => anyhow::bail!("{path} is answered with {status}"),
            }
        }
        Ok(shapes)
    }

    /// How long a page takes, one request after the other.
    fn time(&mut self, path: &str) -> Result<Sample> {
        for _ in 0..WARM_UP {
            self.visit(path)?;
        }
        let (mut latencies, begun) = (Latencies::new(), clock::now());
        for _ in 0..EACH {
            let asked = clock::now();
            let page = self.visit(path)?;
            ensure!(page.status == 200, "{path} is answered with {} after a while", page.status);
            latencies.record(asked.elapsed());
        }
        Ok(Sample::new(latencies.count(), begun.elapsed(), &latencies))
    }

    fn visit(&mut self, path: &str) -> Result<Page> {
        let (at, cookie) = (self.at, &self.cookie);
        let request = format!("GET {path} HTTP/1.1\r\nHost: {at}\r\nAccept: text/html\r\nCookie: {cookie}\r\n\r\n");
        self.answer(request.as_bytes())
    }

    fn answer(&mut self, request: &[u8]) -> Result<Page> {
        self.stream.write_all(request)?;
        let (mut bytes, mut chunk) = (Vec::new(), [0; 16_384]);
        loop {
            if let Some(head) = http::head(&bytes)?
                && bytes.len() >= head.ends
            {
                let text = |part: Option<&[u8]>| String::from_utf8_lossy(part.unwrap_or_default()).into_owned();
                let (first, body) = (bytes.get(..head.body_starts), bytes.get(head.body_starts..head.ends));
                return Ok(Page { status: head.status, head: text(first), body: text(body) });
            }
            let count = self.stream.read(&mut chunk)?;
            ensure!(count > 0, "the server hung up");
            bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
        }
    }
}

/// An answer, whole.
struct Page {
    status: u16,
    head: String,
    body: String,
}

/// Where the page's links lead, as far as it is here.
fn links(page: &str) -> Vec<String> {
    let hrefs =
        page.split("<a ").skip(1).filter_map(|tag| tag.split('>').next()?.split("href=\"").nth(1)?.split('"').next());
    hrefs.filter(|href| href.starts_with('/')).map(|href| href.replace("&#38;", "&").replace("&amp;", "&")).collect()
}

/// A path with all that is particular taken out.
fn shape(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let plain = |part| if str::bytes(part).any(|byte| byte.is_ascii_digit()) { "#" } else { part };
    path.split('/').map(plain).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_one_shape_are_one() {
        assert_eq!(shape("/templates/0189-7a/versions/2?x=1"), "/templates/#/versions/#");
        assert_eq!(shape("/admin"), "/admin");
    }

    #[test]
    fn only_what_is_here_is_walked_to() {
        let page = r#"<a class="x" href="/a?b=1&#38;c=2">A</a><a href="https://elsewhere.test/">B</a><abbr>"#;
        assert_eq!(links(page), ["/a?b=1&c=2"]);
    }
}
