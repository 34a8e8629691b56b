//! [`Visitor`], a browser of the plainest kind: follows redirects, keeps cookies, fills forms, runs no script.

use std::collections::BTreeMap;

use reqwest::header::{COOKIE, HOST, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, RequestBuilder, Url};
use serde_json::Value as Json;
use tokio::runtime::Runtime;

/// More redirects than any sign-in has.
const MOST: usize = 15;

/// Somebody with a browser.
pub(crate) struct Visitor {
    runtime: Runtime,
    client: Client,
    /// By host (as RFC 6265 has it, ports do not matter), path and name.
    cookies: BTreeMap<(String, String, String), String>,
    /// Requests for the first origin go to the second, as if a balancer stood before it.
    detour: Option<(String, String)>,
}

/// An answer, and where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// A form as it stands in a page.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) action: Url,
    pub(crate) fields: Vec<(String, String)>,
}

impl Visitor {
    /// Somebody who has no cookies yet.
    pub(crate) fn new() -> Self {
        // The client wants one even for plain HTTP; somebody else may have been faster.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().pool_max_idle_per_host(0);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { runtime, client: client.build().unwrap(), cookies: BTreeMap::new(), detour: None }
    }

    /// The same browser once more, to do two things at once.
    pub(crate) fn twin(&self) -> Self {
        Self { cookies: self.cookies.clone(), detour: self.detour.clone(), ..Self::new() }
    }

    /// Somebody who knows what the cookies are called, and not what is in them.
    pub(crate) fn forger(&self) -> Self {
        let mut forger = self.twin();
        for value in forger.cookies.values_mut() {
            *value = value.chars().rev().collect();
        }
        forger
    }

    /// From now on what is meant for an address goes to another node.
    pub(crate) fn detour(&mut self, from: &str, to: &str) {
        self.detour = Some((from.to_owned(), to.to_owned()));
    }

    /// Asks once, and follows nothing.
    #[track_caller]
    pub(crate) fn ask(&mut self, url: &str) -> Page {
        let url: Url = url.parse().unwrap();
        let request = self.request(Method::GET, &url);
        self.send(request, url)
    }

    /// Asks once, with a token.
    #[track_caller]
    pub(crate) fn ask_as(&mut self, token: &str, url: &str) -> Page {
        let url: Url = url.parse().unwrap();
        let request = self.request(Method::GET, &url).bearer_auth(token);
        self.send(request, url)
    }

    /// Asks, and goes where it is sent.
    #[track_caller]
    pub(crate) fn open(&mut self, url: &str) -> Page {
        let page = self.ask(url);
        self.follow(page, |_| true)
    }

    /// Posts JSON, as a program does.
    #[track_caller]
    pub(crate) fn post(&mut self, url: &str, body: &Json) -> Page {
        let url: Url = url.parse().unwrap();
        let request = self.request(Method::POST, &url).json(body);
        self.send(request, url)
    }

    /// Sends a form once, and follows nothing.
    #[track_caller]
    pub(crate) fn send_form(&mut self, form: &Form) -> Page {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&form.fields).finish();
        let request = self.request(Method::POST, &form.action);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        self.send(request, form.action.clone())
    }

    /// Follows redirects as long as they lead to addresses that are wanted; gives the answer that leads elsewhere, or a page.
    #[track_caller]
    pub(crate) fn follow(&mut self, mut page: Page, wanted: impl Fn(&Url) -> bool) -> Page {
        for _ in 0..MOST {
            match page.leads_to() {
                Some(next) if wanted(&next) => page = self.ask(next.as_str()),
                _ => return page,
            }
        }
        panic!("it leads in circles: {}", page.url)
    }

    /// Signs in with the form that a provider shows, and goes on until an answer leads away from the provider, or a page is there.
    #[track_caller]
    pub(crate) fn sign_in_at(&mut self, login: &Page, name: &str, password: &str) -> Page {
        let form = login.form().with("login", name).with("password", password).with("answer", "sign-in");
        let home = login.url.origin();
        let page = self.send_form(&form);
        self.follow(page, |next| next.origin() == home)
    }

    /// A cookie kept for an address.
    pub(crate) fn cookie(&self, host: &str, name: &str) -> Option<&str> {
        let mut kept = self.cookies.iter().filter(|((at, _, called), _)| at == host && called == name);
        kept.next().map(|(_, value)| value.as_str())
    }

    fn request(&self, method: Method, url: &Url) -> RequestBuilder {
        let origin = url.origin().ascii_serialization();
        let (target, host) = match &self.detour {
            Some((from, to)) if *from == origin => (url.as_str().replacen(from, to, 1), Some(authority(url))),
            _ => (url.to_string(), None),
        };
        let request = self.client.request(method, target).header(COOKIE, self.cookies_for(url));
        match host {
            Some(host) => request.header(HOST, host),
            None => request,
        }
    }

    fn cookies_for(&self, url: &Url) -> String {
        let host = url.host_str().unwrap();
        let sent = self.cookies.iter().filter(|((at, path, _), _)| at == host && url.path().starts_with(path.as_str()));
        sent.map(|((_, _, name), value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    #[track_caller]
    fn send(&mut self, request: RequestBuilder, url: Url) -> Page {
        let (status, headers, body) = self.runtime.block_on(async {
            let answer = request.send().await.unwrap();
            let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
            let headers: Vec<_> =
                answer.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
            (answer.status().as_u16(), headers, answer.text().await.unwrap())
        });
        let page = Page { url, status, headers, body };
        for line in page.all(SET_COOKIE.as_str()) {
            self.keep(&page.url, line);
        }
        page
    }

    fn keep(&mut self, url: &Url, line: &str) {
        let mut parts = line.split(';').map(str::trim);
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: Vec<_> = parts.map(|part| part.split_once('=').unwrap_or((part, ""))).collect();
        let attribute = |wanted: &str| attributes.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        let path = attribute("path").map_or("/", |(_, path)| path).to_owned();
        let key = (url.host_str().unwrap().to_owned(), path, name.to_owned());
        let gone = attribute("max-age").is_some_and(|(_, age)| age.trim_start_matches('-') == "0")
            || attribute("expires").is_some_and(|(_, at)| at.contains("1970"));
        if gone {
            self.cookies.remove(&key)
        } else {
            self.cookies.insert(key, value.to_owned())
        };
    }
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

impl Page {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(it, _)| it == name).map(|(_, value)| value.as_str()).collect()
    }

    /// Where a redirect leads.
    pub(crate) fn leads_to(&self) -> Option<Url> {
        let redirects = matches!(self.status, 302 | 303 | 307);
        self.header(LOCATION.as_str()).filter(|_| redirects).map(|to| self.url.join(to).unwrap())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|fault| panic!("{fault}: {self:?}"))
    }

    /// The code of a refusal.
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The page's form, with what is hidden in it.
    #[track_caller]
    pub(crate) fn form(&self) -> Form {
        let (_, form) = self.body.split_once("<form").unwrap_or_else(|| panic!("there is no form: {self:?}"));
        let (head, rest) = form.split_once('>').unwrap();
        let (inside, _) = rest.split_once("</form>").unwrap();
        let action = attribute(head, "action").map_or(self.url.clone(), |action| self.url.join(&action).unwrap());
        let inputs = inside.split("<input").skip(1).filter_map(|it| it.split_once('>')).map(|(tag, _)| tag);
        let hidden = inputs.filter(|tag| attribute(tag, "type").as_deref() == Some("hidden"));
        let field = |tag: &str| (attribute(tag, "name").unwrap(), attribute(tag, "value").unwrap_or_default());
        Form { action, fields: hidden.map(field).collect() }
    }
}

impl Form {
    /// The same with something filled in.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(it, _)| it != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    #[track_caller]
    pub(crate) fn value(&self, name: &str) -> &str {
        let field = self.fields.iter().find(|(it, _)| it == name);
        field.map_or_else(|| panic!("there is no field {name}: {self:?}"), |(_, value)| value)
    }
}

/// An attribute of a tag, unescaped.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    let escapes = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#34;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    Some(escapes.iter().fold(value.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain)))
}
