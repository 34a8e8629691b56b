//! Everybody walks through everything that is shown to them: behind no link and no button there is a refusal.

use std::collections::{BTreeMap, BTreeSet};

use purser_core::access::Role;

use super::in_browser;
use crate::http::probe::Reply;
use crate::site::{Asker, Site};
use crate::sweep::work::with_work;

/// No walk is longer.
const LONGEST: usize = 400;

/// How many statements a page may read.
const HANDFUL: u64 = 8;

/// A form as it stands in a page.
#[derive(Clone, Debug)]
struct Form {
    /// The page it stands in.
    on: String,
    action: String,
    posts: bool,
    fields: Vec<(String, String)>,
}

/// What a walk has come upon.
#[derive(Default)]
struct Walk {
    /// Each page, and the page that leads to it.
    pages: BTreeMap<String, String>,
    /// One form of each shape.
    forms: BTreeMap<String, Form>,
    /// What was refused.
    refused: Vec<String>,
    /// How what concerns one's own account begins.
    own: String,
}

impl Walk {
    /// Goes wherever a link leads.
    async fn through(asker: &Asker<'_>, start: &str, own: &str) -> Self {
        let mut walk = Self { own: own.to_owned(), ..Self::default() };
        let mut ahead = vec![(start.to_owned(), "the start".to_owned())];
        while let Some((path, from)) = ahead.pop() {
            if walk.pages.contains_key(&path) || walk.pages.len() > LONGEST {
                continue;
            }
            let reply = asker.visit(&path).await;
            walk.pages.insert(path.clone(), from.clone());
            match reply.status {
                200 => {}
                303 => ahead.push((reply.header("location").unwrap().to_owned(), path.clone())),
                status => walk.refused.push(format!("{from} shows {path}: {status}")),
            }
            ahead.extend(links(&reply).into_iter().map(|link| (link, path.clone())));
            for form in forms(&reply, &path) {
                if !form.posts {
                    ahead.push((query(&form), path.clone()));
                }
                // One's own account is pressed last, and beside another's.
                let whose = if form.action.starts_with(own) { "own " } else { "" };
                walk.forms.entry(format!("{whose}{}", shape(&form.action))).or_insert(form);
            }
        }
        assert!(walk.pages.len() <= LONGEST, "the walk does not end");
        walk
    }

    /// Sends every form as it stands there, what cannot be undone last.
    async fn and_press_everything(&mut self, asker: &Asker<'_>) {
        let mut forms: Vec<_> = self.forms.values().filter(|form| form.posts).cloned().collect();
        let own = self.own.clone();
        let rank = |action: &str| if action.starts_with(&own) { OWN } else { rank(action) };
        forms.sort_by_key(|form| rank(&form.action));
        for form in forms {
            let fields: Vec<_> = form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let reply = asker.submit(&form.action, &fields).await;
            // What is filled in wrongly, or is no longer as it was, is no refusal of the right.
            let gone =
                reply.status == 404 && rank(&form.action) > 0 || reply.status == 401 && rank(&form.action) == OWN;
            if !(matches!(reply.status, 200 | 303 | 400 | 409) || reply.status == 401 && asks_password(&form) || gone) {
                self.refused.push(format!("{} posts to {}: {}", form.on, form.action, reply.status));
            }
        }
    }
}

/// A form that asks for one's password, or for a code, is refused without it.
fn asks_password(form: &Form) -> bool {
    form.fields.iter().any(|(name, _)| ["password", "current", "code"].contains(&name.as_str()))
}

/// The last of all: nothing may come after it.
const OWN: u8 = 9;

/// How little is left after it.
fn rank(action: &str) -> u8 {
    let act = action.rsplit('/').next().unwrap_or_default();
    match act {
        "sign-out" | "sign-out-everywhere" | "end-all" => 4,
        "delete" | "remove" | "revoke-invitation" => 3,
        "disable" | "cancel" | "archive" | "end-sessions" | "end" | "reset-two-factor" => 2,
        "submit" | "approve" | "reject" | "publish" | "restore" | "start" | "step" | "assign" => 1,
        _ => 0,
    }
}

/// A path with all that is particular taken out.
fn shape(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let plain =
        |part: &str| if part.bytes().any(|byte| byte.is_ascii_digit()) { "#".to_owned() } else { part.to_owned() };
    path.split('/').map(plain).collect::<Vec<_>>().join("/")
}

fn query(form: &Form) -> String {
    let fields = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&form.fields).finish();
    format!("{}?{fields}", form.action)
}

/// Where the page's links lead, as far as it is here.
fn links(page: &Reply) -> BTreeSet<String> {
    let found = tags(&page.body, "a").filter_map(|tag| attribute(tag, "href"));
    found.filter(|href| href.starts_with('/')).collect()
}

fn forms(page: &Reply, on: &str) -> Vec<Form> {
    let mut all = Vec::new();
    for (at, _) in page.body.match_indices("<form ") {
        let whole = page.body[at..].split("</form>").next().unwrap();
        let head = whole.split('>').next().unwrap();
        let action = attribute(head, "action").unwrap_or_else(|| on.split('?').next().unwrap().to_owned());
        let posts = attribute(head, "method").as_deref() == Some("post");
        all.push(Form { on: on.to_owned(), action, posts, fields: fields(whole) });
    }
    all
}

/// What the form would send if one pressed its first button.
fn fields(form: &str) -> Vec<(String, String)> {
    let mut sent = Vec::new();
    for input in tags(form, "input") {
        let chosen =
            !matches!(attribute(input, "type").as_deref(), Some("checkbox" | "radio")) || input.contains(" checked");
        if chosen && let Some(name) = attribute(input, "name") {
            sent.push((name, attribute(input, "value").unwrap_or_default()));
        }
    }
    for (at, _) in form.match_indices("<select ") {
        let whole = form[at..].split("</select>").next().unwrap();
        let options: Vec<_> = tags(whole, "option").collect();
        let chosen = options.iter().find(|it| it.contains(" selected")).or(options.first());
        let value = chosen.and_then(|it| attribute(it, "value")).unwrap_or_default();
        sent.push((attribute(whole, "name").unwrap(), value));
    }
    for (at, _) in form.match_indices("<textarea ") {
        let whole = form[at..].split("</textarea>").next().unwrap();
        let (head, text) = whole.split_once('>').unwrap();
        sent.push((attribute(head, "name").unwrap(), plain(text)));
    }
    let button = tags(form, "button").next().and_then(|it| Some((attribute(it, "name")?, attribute(it, "value")?)));
    sent.extend(button);
    sent
}

/// The insides of every tag of this name.
fn tags<'a>(html: &'a str, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let start = format!("<{name} ");
    html.match_indices(&start)
        .map(|(at, _)| at)
        .collect::<Vec<_>>()
        .into_iter()
        .map(|at| html[at..].split('>').next().unwrap())
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(plain(rest.split('"').next().unwrap()))
}

fn plain(text: &str) -> String {
    [
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

/// A tenant with something in every state.
async fn furnished(role: Role) -> (Site, purser_core::users::User) {
    let site = Site::on_sqlite().await;
    let user = site.user("acme", &[role]).await;
    for other in Role::ALL {
        site.user("acme", &[other]).await;
    }
    site.user_named("acme", "invited@acme.test", &[Role::Viewer], None).await;
    let all = "$DRAFT $REVIEW $APPROVED $PUBLISHED $ARCHIVED $OPEN $GIVEN $BEGUN $DONE";
    let performs = matches!(role, Role::Admin | Role::Operator);
    with_work(&site, "acme", all, performs.then_some(&user)).await;
    site.provider("acme").await;
    (site, user)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_shown_that_is_refused_when_it_is_pressed() {
    let mut refused = Vec::new();
    for role in Role::ALL {
        let (site, user) = furnished(role).await;
        let member = site.sign_in(&user).await;
        // Another session, to be ended.
        site.sign_in(&user).await;
        let mut walk = Walk::through(&in_browser(&member), "/", &format!("/people/{}/", user.id)).await;
        assert!(walk.pages.len() > 20 && walk.forms.len() > 5, "{role}: {:?}", walk.pages);
        walk.and_press_everything(&in_browser(&member)).await;
        refused.extend(walk.refused.into_iter().map(|it| format!("{role}: {it}")));
    }
    assert!(refused.is_empty(), "{refused:#?}");
}

/// Whatever a page shows, it asks the store a handful of things, and not one for each thing it lists.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_asks_the_store_more_than_a_handful_of_things() {
    let (site, user) = furnished(Role::Admin).await;
    let (member, keeper) = (site.sign_in(&user).await, site.admin().await);
    let keeper = keeper.by_cookie_alone().with("Origin: http://localhost");
    let mut many = Vec::new();
    for (asker, start) in [(in_browser(&member), "/"), (keeper, "/admin")] {
        let walk = Walk::through(&asker, start, "nobody's").await;
        // What is read out whole is no page.
        for path in walk.pages.keys().filter(|path| !path.starts_with("/api/")) {
            let before = site.app.figures().statements_read;
            asker.visit(path).await;
            let read = site.app.figures().statements_read - before;
            if read > HANDFUL {
                many.push(format!("{path} reads {read} statements"));
            }
        }
    }
    assert!(many.is_empty(), "{many:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_finds_nothing_that_is_refused_either() {
    let (site, _) = furnished(Role::Admin).await;
    site.new_admin("other").await;
    let keeper = site.admin().await;
    let asker = keeper.by_cookie_alone().with("Origin: http://localhost");
    let mut walk = Walk::through(&asker, "/admin", &format!("/admin/admins/{}/", keeper.id)).await;
    for page in ["/admin/tenants/acme/people", "/admin/tenants/acme/providers", "/admin/health", "/admin/mail"] {
        assert!(walk.pages.contains_key(page), "nothing leads to {page}");
    }
    walk.and_press_everything(&asker).await;
    assert!(walk.refused.is_empty(), "{:#?}", walk.refused);
}
