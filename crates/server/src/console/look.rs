//! How an organisation's own pages look: its colour and its logo as browsers fetch them, and the form where an Admin settles both.

use askama::Template;
use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::{Path, Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::IntoResponse as _;
use purser_core::access::{Grant, right};
use purser_core::error::{Error, Result};
use purser_core::ids::TenantId;
use purser_core::tenants::{Accent, Logo, LogoWish, Look, Tenant};

use super::form::Fields;
use super::page::{Chrome, Person, Place, done, shown};
use super::parts::{Field, Tick};
use super::shades::stylesheet;
use super::trouble::Trouble;
use super::words::Said;
use crate::extract::Upload;
use crate::fault::Answer;
use crate::site::Site;

/// Where a tenant's own stylesheet is.
pub(super) fn shades_path(tenant: &TenantId, accent: Accent) -> String {
    format!("/assets/brand/{tenant}.{}", shades_name(&stylesheet(accent)))
}

/// Where its logo is.
pub(super) fn logo_path(tenant: &TenantId, logo: &str) -> String {
    format!("/assets/brand/{tenant}.{logo}")
}

fn shades_name(sheet: &str) -> String {
    let hash = digest(&SHA256, sheet.as_bytes());
    let start = hash.as_ref().first_chunk().copied().unwrap_or_default();
    format!("{:016x}.css", u64::from_be_bytes(start))
}

/// One of them, to be kept for ever: another colour or logo has another name. Whoever asks need not be signed in, for the sign-in page is
/// dressed so too.
pub(super) async fn part(State(site): State<Site>, Path(name): Path<String>) -> Answer {
    let (tenant, file) = name.split_once('.').ok_or(Error::NotFound)?;
    let tenant = site.app.dressed(&tenant.parse().map_err(|_| Error::NotFound)?).await?;
    let sheet = tenant.accent.map(stylesheet).filter(|sheet| shades_name(sheet) == file);
    let (media, bytes) = match sheet {
        Some(sheet) => ("text/css; charset=utf-8".to_owned(), sheet.into_bytes()),
        None => site.app.logo(&tenant, file).await?,
    };
    let head = [
        (CONTENT_TYPE, HeaderValue::try_from(media).map_err(Error::internal)?),
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
        // A picture somebody sent stays a picture, also when it is opened by itself.
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
    ];
    Ok((head, bytes).into_response())
}

#[derive(Template)]
#[template(path = "console/look.html")]
struct LookForm {
    chrome: Chrome,
    sentence: &'static str,
    name: Field,
    own_colour: Field,
    /// What the colour's field shows.
    accent: String,
    accent_problem: String,
    /// Where the present logo is.
    logo: Option<String>,
    remove: Field,
    logo_problem: String,
}

/// The colour of the program's own pages.
const OWN: &str = "#14556b";
/// A picture, and what goes around it in a form.
const LONGEST: usize = 128 * 1024;

/// Shows how it looks now.
pub(super) async fn page(person: Person) -> Answer {
    let _may: Grant<right::SettingsManage> = person.caller.grant()?;
    form(&person, &written(person.caller.tenant()), &Trouble::default())
}

fn written(tenant: &Tenant) -> Fields {
    let colour = tenant.accent.map(|it| ("accent", it.to_string()));
    let own = tenant.accent.map(|_| ("ownColour", "on".to_owned()));
    [("name", tenant.name.clone())].into_iter().chain(colour).chain(own).collect()
}

fn form(person: &Person, typed: &Fields, trouble: &Trouble) -> Answer {
    let tenant = person.caller.tenant();
    shown(&LookForm {
        chrome: person.chrome(Place::Settings, "Name, colour and logo"),
        sentence: trouble.sentence,
        name: Field::line("name", "Name of the organisation").filled(typed.raw("name")).wrong(trouble.about("name")),
        own_colour: Field::tick("ownColour", "A colour of your own", typed.ticked("ownColour").into())
            .hint("For buttons and links. Where it would be hard to read, a darker or lighter shade of it is shown."),
        accent: typed.said("accent").unwrap_or(OWN).to_owned(),
        accent_problem: trouble.about("accent").to_owned(),
        logo: tenant.logo.as_deref().map(|logo| logo_path(&tenant.id, logo)),
        remove: Field::tick("removeLogo", "Take the logo away", Tick::Off),
        logo_problem: trouble.about("logo").to_owned(),
    })
}

/// Takes another look.
pub(super) async fn save(State(site): State<Site>, person: Person, request: Request) -> Answer {
    let by: Grant<right::SettingsManage> = person.caller.grant()?;
    let upload = Upload::read(request, LONGEST, site.http.body_patience).await?;
    let fields: Fields = upload.texts.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    let dressed = match read(&fields, &upload) {
        Ok(look) => site.app.dress(&by, look).await,
        Err(refused) => Err(refused),
    };
    match dressed {
        Ok(()) => done("/settings/look", Said::Dressed, &site),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = form(&person, &fields, &trouble);
            trouble.answer(page)
        }
    }
}

fn read(fields: &Fields, upload: &Upload) -> Result<Look> {
    let accent = fields.ticked("ownColour").then(|| fields.text("accent").parse()).transpose()?;
    let logo = match upload.file("logo") {
        Some(picture) => LogoWish::Set(Logo::parse(picture.to_vec())?),
        None if fields.ticked("removeLogo") => LogoWish::Remove,
        None => LogoWish::Keep,
    };
    Ok(Look { name: fields.text("name").to_owned(), accent, logo })
}
