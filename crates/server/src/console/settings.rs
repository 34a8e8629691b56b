//! What the organisation settles for itself: how long a sign-in lasts, what passwords must be, who needs a second factor.

use askama::Template;
use axum::extract::State;
use purser_core::config::Span;
use purser_core::error::{Error, Result};
use purser_core::tenants::{TenantSettings, TwoFactor};

use super::desk::{Desk, Top};
use super::form::Fields;
use super::page::{Chrome, done, shown};
use super::parts::Field;
use super::trouble::Trouble;
use super::words::Said;
use crate::extract::Form;
use crate::fault::Answer;
use crate::site::Site;

#[derive(Template)]
#[template(path = "console/settings.html")]
struct Settings {
    chrome: Chrome,
    top: Top,
    root: String,
    sentence: &'static str,
    /// How they stood when the form was first shown.
    stood: String,
    parts: Vec<Part>,
}

/// Fields that belong together.
struct Part {
    title: &'static str,
    text: &'static str,
    fields: Vec<Field>,
}

/// Shows them.
pub(super) async fn page(State(site): State<Site>, desk: Desk) -> Answer {
    let stands = written(&site.app.own_settings(&desk.by).await?);
    form(desk, &stands, stands.mark(), &Trouble::default())
}

/// Takes them.
pub(super) async fn save(State(site): State<Site>, desk: Desk, Form(fields): Form<Fields, 262_144>) -> Answer {
    match site.app.settle_own(&desk.by, |settings| take(&fields, settings)).await {
        Ok(_) => done(&format!("{}/settings", desk.root), Said::SettingsSaved, &site),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = form(desk, &fields, fields.text("stood").to_owned(), &trouble);
            trouble.answer(page)
        }
    }
}

/// The settings as the form's fields have them.
fn written(settings: &TenantSettings) -> Fields {
    let span = |span: Option<Span>| span.map(|it| it.to_string()).unwrap_or_default();
    let least = settings.password_min_length.map(|it| it.to_string()).unwrap_or_default();
    let mut fields = vec![
        ("accessTtl", span(settings.access_ttl)),
        ("refreshTtl", span(settings.refresh_ttl)),
        ("cookieIdle", span(settings.cookie_idle)),
        ("cookieMax", span(settings.cookie_max)),
        ("twoFactorGrace", span(settings.two_factor_grace)),
        ("passwordMinLength", least),
        ("forbiddenWords", settings.forbidden_words.join("\n")),
        ("returnTo", settings.return_to.join("\n")),
        ("nativeRedirects", settings.native_redirects.join("\n")),
    ];
    let ticks = [
        ("strictRefresh", settings.strict_refresh),
        ("ssoOnly", settings.sso_only),
        ("separationOfDuties", settings.separation_of_duties),
        ("twoFactor", settings.two_factor == TwoFactor::Required),
    ];
    fields.extend(ticks.into_iter().filter(|(_, on)| *on).map(|(name, _)| (name, "on".to_owned())));
    fields.into_iter().collect()
}

/// The fields that every sending holds; ticks are not sent when off.
const TEXTS: [&str; 9] = [
    "accessTtl",
    "refreshTtl",
    "cookieIdle",
    "cookieMax",
    "twoFactorGrace",
    "passwordMinLength",
    "forbiddenWords",
    "returnTo",
    "nativeRedirects",
];

/// Takes them, if nobody has settled anything since they were shown: the form holds all of it. To send the same once more is fine.
fn take(fields: &Fields, settings: &mut TenantSettings) -> Result<()> {
    let stands = settings.clone();
    read(fields, settings)?;
    if *settings == stands { Ok(()) } else { fields.demand_still(&written(&stands)) }
}

/// The other way round.
fn read(fields: &Fields, settings: &mut TenantSettings) -> Result<()> {
    // A page from before an update, or half a request, must not make what it does not know of the default.
    if let Some(name) = TEXTS.into_iter().find(|name| !fields.has(name)) {
        return Err(Error::invalid(format!("settings.{name}"), "was not sent; load the page again"));
    }
    settings.access_ttl = span(fields, "accessTtl")?;
    settings.refresh_ttl = span(fields, "refreshTtl")?;
    settings.cookie_idle = span(fields, "cookieIdle")?;
    settings.cookie_max = span(fields, "cookieMax")?;
    settings.two_factor_grace = span(fields, "twoFactorGrace")?;
    settings.two_factor = if fields.ticked("twoFactor") { TwoFactor::Required } else { TwoFactor::Off };
    settings.password_min_length = least(fields)?;
    settings.forbidden_words = fields.lines("forbiddenWords");
    settings.strict_refresh = fields.ticked("strictRefresh");
    settings.sso_only = fields.ticked("ssoOnly");
    settings.separation_of_duties = fields.ticked("separationOfDuties");
    settings.return_to = fields.lines("returnTo");
    settings.native_redirects = fields.lines("nativeRedirects");
    Ok(())
}

fn span(fields: &Fields, name: &str) -> Result<Option<Span>> {
    let read = fields.said(name).map(str::parse).transpose();
    read.map_err(|reason: String| Error::invalid(format!("settings.{name}"), reason))
}

fn least(fields: &Fields) -> Result<Option<usize>> {
    let read = fields.said("passwordMinLength").map(str::parse).transpose();
    read.map_err(|_| Error::invalid("settings.passwordMinLength", "write a whole number"))
}

fn form(desk: Desk, typed: &Fields, stood: String, trouble: &Trouble) -> Answer {
    let with = |field: Field| {
        let name = field.name().to_owned();
        field.filled(typed.raw(&name)).wrong(trouble.about(&format!("settings.{name}"))).optional()
    };
    let span = |name, label| with(Field::line(name, label));
    let tick = |name, label, hint| {
        Field::tick(name, label, typed.ticked(name).into()).hint(hint).wrong(trouble.about(&format!("settings.{name}")))
    };
    let parts = vec![
        Part {
            title: "Second factor",
            text: "A code of an app, or a passkey, after the password.",
            fields: vec![
                tick(
                    "twoFactor",
                    "Everybody must have one",
                    "Whoever has none is asked to set one up when signing in.",
                ),
                with(Field::line("twoFactorGrace", "Time to set one up").hint("As 3d. Empty: a week.")),
            ],
        },
        Part {
            title: "Passwords",
            text: "They hold for passwords that are chosen from now on.",
            fields: vec![
                tick("ssoOnly", "No passwords", "People sign in through your own sign-in service only."),
                with(
                    Field::number("passwordMinLength", "Fewest characters")
                        .hint("Never fewer than this server asks for."),
                ),
                with(
                    Field::text("forbiddenWords", "Words that no password may contain", 4)
                        .hint("One a line: your organisation’s name, your products."),
                ),
            ],
        },
        Part {
            title: "How long a sign-in lasts",
            text: "Write 10m, 8h or 30d. Shorter than this server has it, never longer; empty is as this server has it.",
            fields: vec![
                span("cookieIdle", "Browser not used"),
                span("cookieMax", "Browser in any case"),
                span("accessTtl", "Access token of an application"),
                span("refreshTtl", "Refresh token of an application"),
                tick(
                    "strictRefresh",
                    "Strict refresh tokens",
                    "A refresh token that is shown a second time ends the session, a minute after its successor was given out.",
                ),
            ],
        },
        Part {
            title: "Work",
            text: "Who may do what with templates.",
            fields: vec![tick(
                "separationOfDuties",
                "Four eyes",
                "Nobody approves what they wrote, and nobody publishes what they approved. This holds for Admins too.",
            )],
        },
        Part {
            title: "Applications",
            text: "Where people may be sent after signing in, besides these pages.",
            fields: vec![
                with(Field::text("returnTo", "Web applications", 3).hint("One a line, as https://app.example.com.")),
                with(
                    Field::text("nativeRedirects", "Apps on phones and computers", 3)
                        .hint("One a line, letter for letter, as com.example.app:/done."),
                ),
            ],
        },
    ];
    let Desk { chrome, top, root, .. } = desk;
    shown(&Settings { chrome, top, root, sentence: trouble.sentence, stood, parts })
}
