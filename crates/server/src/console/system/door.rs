//! Signing a system administrator in and out.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use purser_core::session::Extent;
use purser_core::signin::AdminClaim;
use serde::Deserialize;

use super::keeper::Keeper;
use crate::console::form::Fields;
use crate::console::page::{Dress, go, shown};
use crate::console::parts::Field;
use crate::console::trouble::Trouble;
use crate::cookie;
use crate::extract::{Form, Query, Visitor, same_origin};
use crate::fault::{Answer, Fault};
use crate::site::Site;

/// Where to go afterwards.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::console) struct Asked {
    return_to: String,
}

#[derive(Template)]
#[template(path = "console/system/sign-in.html")]
struct Door<'a> {
    dress: Dress,
    return_to: &'a str,
    sentence: &'static str,
    username: Field,
    password: Field,
}

/// The page of whoever is not signed in. Whoever is goes on.
pub(in crate::console) async fn page(keeper: Result<Keeper, Fault>, Query(asked): Query<Asked>) -> Answer {
    if keeper.is_ok() {
        return go(place(&asked.return_to));
    }
    form(&Fields::default(), &asked.return_to, &Trouble::default())
}

fn form(typed: &Fields, return_to: &str, trouble: &Trouble) -> Answer {
    let username = Field::line("username", "Name")
        .filled(typed.text("username"))
        .wrong(trouble.about("username"))
        .known_as("username");
    let password =
        Field::password("password", "Password").wrong(trouble.about("password")).known_as("current-password");
    let named = typed.said("username").is_some();
    shown(&Door {
        dress: Dress::new(),
        return_to: place(return_to),
        sentence: trouble.sentence,
        username: if named { username } else { username.focused() },
        password: if named { password.focused() } else { password },
    })
}

/// A page of this realm; its start for any other place.
fn place(asked: &str) -> &str {
    let ours = asked.strip_prefix("/admin").is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    let plain = asked.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if ours && plain { asked } else { "/admin" }
}

/// Takes name and password.
pub(in crate::console) async fn enter(
    State(site): State<Site>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(fields): Form<Fields, 16_384>,
) -> Answer {
    same_origin(&headers, &site.http)?;
    let claim = AdminClaim { username: fields.text("username").to_owned(), password: fields.secret("password") };
    match site.app.sign_in_admin(claim, &visitor.into()).await {
        Ok(signed_in) => {
            let mut response = go(place(fields.text("returnTo")))?;
            let line = |value| cookie::given(cookie::ADMIN, value, signed_in.handed.cookie_max_age, &site.http);
            response.headers_mut().extend(signed_in.handed.cookie.as_ref().map(|value| (SET_COOKIE, line(value))));
            Ok(response)
        }
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = form(&fields, fields.text("returnTo"), &trouble);
            trouble.answer(page)
        }
    }
}

/// Ends the session. The cookie goes in any case; only another site's page is refused.
pub(in crate::console) async fn leave(
    State(site): State<Site>,
    keeper: Result<Keeper, Fault>,
    headers: HeaderMap,
) -> Answer {
    same_origin(&headers, &site.http)?;
    if let Ok(keeper) = keeper {
        site.app.sign_out_admin(&keeper.admin, Extent::This).await?;
    }
    let mut response = go("/admin/sign-in")?;
    response.headers_mut().append(SET_COOKIE, cookie::taken_away(cookie::ADMIN, &site.http));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_out_of_the_realm() {
        for ours in ["/admin", "/admin/keys", "/admin?search=a"] {
            assert_eq!(place(ours), ours);
        }
        for other in [
            "",
            "/",
            "/people",
            "/administrator",
            "//evil.test/admin",
            "https://evil.test",
            "/admin\\..",
            "/admin/\r\nx",
        ] {
            assert_eq!(place(other), "/admin", "{other}");
        }
    }
}
