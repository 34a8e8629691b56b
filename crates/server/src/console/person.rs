//! One person of the organisation: names, roles, and whether they may sign in.

use askama::Template;
use axum::extract::{Path, State};
use purser_core::access::{Grant, Right, Role, Roles, right};
use purser_core::error::Error;
use purser_core::ids::UserId;
use purser_core::signin::TwoFactorWish;
use purser_core::users::{User, UserStatus, UserUpdate};

use super::form::Fields;
use super::page::{Chrome, Person, Place, done, shown};
use super::parts::{Chip, Field, Moment, RoleBoxes, full_name};
use super::trouble::Trouble;
use super::words::{self, Said};
use crate::extract::Form;
use crate::fault::Answer;
use crate::site::Site;

#[derive(Template)]
#[template(path = "console/person.html")]
struct OnePerson {
    chrome: Chrome,
    id: UserId,
    name: String,
    email: String,
    title: String,
    /// What only those see who manage people.
    managed: Option<Managed>,
    /// Whether the audit log says more to whoever looks.
    logged: bool,
}

/// What can be done about somebody.
struct Managed {
    roles: Vec<Chip>,
    status: Chip,
    disabled: bool,
    /// Whether an invitation waits that can be sent again; none if they are here.
    invited: Option<bool>,
    /// Since when they have a second factor.
    second: Option<Moment>,
    /// Whether they must have one, whatever holds for all.
    must: bool,
    own: bool,
    seen: Option<Moment>,
    since: Moment,
    /// The forms; none about an Admin, for those who are not.
    forms: Option<Forms>,
}

struct Forms {
    sentence: &'static str,
    /// How names and address stood when the form was first shown.
    stood: String,
    fields: Vec<Field>,
    /// None about oneself.
    roles: Option<RoleBoxes>,
    /// How the roles stand.
    roles_stand: String,
}

/// Shows one.
pub(super) async fn page(State(site): State<Site>, person: Person, Path(id): Path<String>) -> Answer {
    let user = site.app.user(&person.caller.grant()?, id.parse()?).await?;
    form(&site, &person, &user, None, &Trouble::default())
}

fn form(site: &Site, person: &Person, user: &User, typed: Option<&Fields>, trouble: &Trouble) -> Answer {
    let managed = person.may(Right::UsersManage).then(|| Managed {
        roles: Chip::of_roles(user.roles),
        status: words::status(user.status).into(),
        disabled: user.status == UserStatus::Disabled,
        invited: (user.status == UserStatus::Invited).then(|| site.app.sends_links()),
        second: user.two_factor_since.map(Moment::from),
        must: user.two_factor_required_at.is_some(),
        own: person.caller.user().id == user.id,
        seen: user.last_sign_in_at.map(Moment::from),
        since: user.created_at.into(),
        forms: outranks(person, user).then(|| forms(person, user, typed, trouble)),
    });
    shown(&OnePerson {
        chrome: person.chrome(Place::People, full_name(user)),
        id: user.id,
        name: full_name(user),
        email: user.email.clone(),
        title: user.title.clone(),
        managed,
        logged: person.may(Right::AuditRead),
    })
}

/// A User Admin never touches an Admin.
fn outranks(person: &Person, user: &User) -> bool {
    !user.roles.contain(Role::Admin) || person.caller.user().roles.contain(Role::Admin)
}

fn forms(person: &Person, user: &User, typed: Option<&Fields>, trouble: &Trouble) -> Forms {
    let with = |field: Field, name: &str, stored: &str| {
        field.filled(typed.map_or(stored, |typed| typed.text(name))).wrong(trouble.about(name))
    };
    let own = person.caller.user().id == user.id;
    Forms {
        sentence: trouble.sentence,
        stood: typed.map_or_else(|| named(user).mark(), |typed| typed.text("stood").to_owned()),
        fields: vec![
            with(Field::line("firstName", "First name"), "firstName", &user.first_name),
            with(Field::line("lastName", "Last name"), "lastName", &user.last_name),
            with(Field::email("email", "E-mail address"), "email", &user.email),
            with(Field::line("title", "Position").optional(), "title", &user.title),
        ],
        roles: (!own).then(|| RoleBoxes::of(user.roles, person.caller.user().roles)),
        roles_stand: ranked(user).mark(),
    }
}

/// Somebody's names and address, as the form has them.
fn named(user: &User) -> Fields {
    let User { first_name, last_name, email, title, .. } = user;
    Fields::of([("firstName", first_name), ("lastName", last_name), ("email", email), ("title", title)])
}

/// Somebody's roles, as their form has them.
fn ranked(user: &User) -> Fields {
    user.roles.iter().map(|role| (role.as_str(), "on".to_owned())).collect()
}

/// Changes names, title and address.
pub(super) async fn save(
    State(site): State<Site>,
    person: Person,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    let (by, id): (Grant<right::UsersManage>, UserId) = (person.caller.grant()?, id.parse()?);
    let text = |name| Some(fields.text(name).to_owned());
    let update = UserUpdate {
        email: text("email"),
        first_name: text("firstName"),
        last_name: text("lastName"),
        title: text("title"),
    };
    let stands = named(&site.app.user(&person.caller.grant()?, id).await?);
    let same = ["firstName", "lastName", "email", "title"].iter().all(|name| fields.text(name) == stands.raw(name));
    let saved = match fields.demand_still(&stands) {
        Err(late) if !same => Err(late),
        _ => site.app.update_user(&by, id, update).await,
    };
    match saved {
        Ok(_) => done(&format!("/people/{id}"), Said::PersonSaved, &site),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let user = site.app.user(&person.caller.grant()?, id).await?;
            let page = form(&site, &person, &user, Some(&fields), &trouble);
            trouble.answer(page)
        }
    }
}

/// Sets the roles.
pub(super) async fn set_roles(
    State(site): State<Site>,
    person: Person,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    let (by, id): (Grant<right::UsersManage>, UserId) = (person.caller.grant()?, id.parse()?);
    let (user, wished) = (site.app.user(&person.caller.grant()?, id).await?, Roles::from_iter(fields.roles()));
    if wished != user.roles {
        fields.demand_still(&ranked(&user))?;
    }
    site.app.set_user_roles(&by, id, wished.iter()).await?;
    done(&format!("/people/{id}"), Said::RolesSet, &site)
}

/// What can be done to an account.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Disable,
    Enable,
    Delete,
    EndSessions,
    Resend,
    Revoke,
    RequireTwoFactor,
    WaiveTwoFactor,
    ResetTwoFactor,
}

impl Act {
    fn read(word: &str) -> Result<Self, Error> {
        match word {
            "disable" => Ok(Self::Disable),
            "enable" => Ok(Self::Enable),
            "delete" => Ok(Self::Delete),
            "end-sessions" => Ok(Self::EndSessions),
            "resend-invitation" => Ok(Self::Resend),
            "revoke-invitation" => Ok(Self::Revoke),
            "require-two-factor" => Ok(Self::RequireTwoFactor),
            "waive-two-factor" => Ok(Self::WaiveTwoFactor),
            "reset-two-factor" => Ok(Self::ResetTwoFactor),
            _ => Err(Error::NotFound),
        }
    }
}

#[derive(Template)]
#[template(path = "console/ask-person.html")]
struct AskPerson {
    chrome: Chrome,
    id: UserId,
    name: String,
    act: Act,
}

/// Asks before it is done.
pub(super) async fn ask(State(site): State<Site>, person: Person, Path((id, act)): Path<(String, String)>) -> Answer {
    let _may: Grant<right::UsersManage> = person.caller.grant()?;
    let act = Act::read(&act)?;
    let user = site.app.user(&person.caller.grant()?, id.parse()?).await?;
    if !outranks(&person, &user) {
        return Err(Error::Forbidden.into());
    }
    let title = full_name(&user);
    shown(&AskPerson { chrome: person.chrome(Place::People, &title), id: user.id, name: title, act })
}

/// Does it.
pub(super) async fn act(State(site): State<Site>, person: Person, Path((id, act)): Path<(String, String)>) -> Answer {
    let (act, id): (_, UserId) = (Act::read(&act)?, id.parse()?);
    let (app, by) = (&site.app, person.caller.grant()?);
    let said = match act {
        Act::Disable => app.disable_user(&by, id).await.map(|_| Said::PersonDisabled),
        Act::Enable => app.enable_user(&by, id).await.map(|_| Said::PersonEnabled),
        Act::EndSessions => app.end_user_sessions(&by, id).await.map(|_| Said::SessionsEnded),
        Act::Delete => app.delete_user(&by, id).await.map(|_| Said::PersonDeleted),
        Act::Resend => app.resend_invitation(&by, id).await.map(|_| Said::InvitationSent),
        Act::Revoke => app.revoke_invitation(&by, id).await.map(|_| Said::InvitationRevoked),
        Act::RequireTwoFactor => {
            app.require_two_factor(&by, id, TwoFactorWish::Required).await.map(|_| Said::TwoFactorRequired)
        }
        Act::WaiveTwoFactor => {
            app.require_two_factor(&by, id, TwoFactorWish::Optional).await.map(|_| Said::TwoFactorWaived)
        }
        Act::ResetTwoFactor => app.reset_two_factor(&by, id).await.map(|_| Said::TwoFactorReset),
    }?;
    // Whoever was invited and never came is gone with the invitation.
    let place = if matches!(act, Act::Delete | Act::Revoke) { "/people".to_owned() } else { format!("/people/{id}") };
    done(&place, said, &site)
}
