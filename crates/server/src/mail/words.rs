//! What letters say.

use askama::Template;
use purser_core::mail::{Kind, Letter};

/// A letter's words, without their form.
pub(super) struct Words {
    pub(super) subject: String,
    greeting: String,
    /// One paragraph each.
    before: Vec<String>,
    /// What to follow, and how it is called.
    link: Option<(String, &'static str)>,
    after: Vec<String>,
    sender: String,
}

/// As plain text.
#[derive(Template)]
#[template(path = "mail/letter.txt")]
pub(super) struct Plain<'a>(pub(super) &'a Words);

/// As HTML.
#[derive(Template)]
#[template(path = "mail/letter.html")]
pub(super) struct Html<'a>(pub(super) &'a Words);

/// The words of a letter; `home` is where people sign in.
pub(super) fn words(letter: &Letter, home: Option<&str>) -> Words {
    let Said { subject, before, call, after } = said(letter);
    let link = letter.link.as_ref().zip(call).map(|(link, call)| (link.reveal().to_owned(), call));
    let tenant = &letter.tenant_name;
    let sender = home.map_or_else(|| tenant.clone(), |home| format!("{tenant}, {home}"));
    Words { subject, greeting: letter.first_name.clone(), before, link, after, sender }
}

/// What one kind of letter says.
struct Said {
    subject: String,
    before: Vec<String>,
    call: Option<&'static str>,
    after: Vec<String>,
}

impl Said {
    /// A letter that tells something.
    fn told(subject: String, paragraphs: [String; 2]) -> Self {
        Self { subject, before: paragraphs.into(), call: None, after: Vec::new() }
    }

    /// A letter that asks somebody to follow a link.
    fn asked(subject: String, why: String, call: &'static str, letter: &Letter, otherwise: &str) -> Self {
        let until = letter.expires_at.map_or_else(String::new, |end| format!(", until {}", spoken(&end.to_string())));
        let after = vec![format!("The link works once{until}."), otherwise.to_owned()];
        Self { subject, before: vec![why], call: Some(call), after }
    }
}

const NOT_YOU: &str = "If that was not you, tell whoever manages users in your organisation at once.";

fn said(letter: &Letter) -> Said {
    let Letter { tenant_name: tenant, about, mailbox, .. } = letter;
    let forgotten = || format!("Somebody, you we hope, said that the password of {mailbox} at {tenant} was forgotten.");
    match letter.kind {
        Kind::Invitation => Said::asked(
            format!("You are invited to {tenant}"),
            format!("You have been invited to {tenant}, with the address {mailbox}."),
            "Accept the invitation",
            letter,
            "If it is too late, ask whoever invited you for another. If you did not expect this, you need not do anything.",
        ),
        Kind::PasswordReset => Said::asked(
            format!("Choose a new password for {tenant}"),
            forgotten(),
            "Choose a new password",
            letter,
            "If that was not you, you need not do anything: your password stays as it is.",
        ),
        Kind::AddressConfirmation => Said::asked(
            format!("Confirm your new address for {tenant}"),
            format!("You asked to use the address {mailbox} at {tenant} from now on."),
            "Confirm the address",
            letter,
            "If you did not ask for this, you need not do anything.",
        ),
        Kind::SignInElsewhere => Said::told(
            format!("How to sign in to {tenant}"),
            [
                forgotten(),
                "There is none: you sign in through your organisation, as always. If that does not work, ask its help desk."
                    .to_owned(),
            ],
        ),
        Kind::PasswordChanged
        | Kind::AddressAsked
        | Kind::AddressChanged
        | Kind::AccountDisabled
        | Kind::TwoFactorReset
        | Kind::TwoFactorChanged => notice(letter.kind, tenant, mailbox, about),
    }
}

/// What has happened to an account.
fn notice(kind: Kind, tenant: &str, mailbox: &str, about: &str) -> Said {
    match kind {
        Kind::AddressAsked => Said::told(
            format!("A new address for {tenant} was asked for"),
            [
                format!("Somebody, you we hope, asked to use the address {about} instead of {mailbox} at {tenant}."),
                "Nothing changes until that address is confirmed. If it was not you, change your password now."
                    .to_owned(),
            ],
        ),
        Kind::AddressChanged => Said::told(
            format!("Your address for {tenant} was changed"),
            [
                format!("Your address at {tenant} is {about} from now on; {mailbox} is not used any more."),
                NOT_YOU.to_owned(),
            ],
        ),
        Kind::AccountDisabled => Said::told(
            format!("Your account at {tenant} was disabled"),
            [
                format!("The account {mailbox} at {tenant} was disabled. You cannot sign in any more."),
                "If you think that is a mistake, ask whoever manages users in your organisation.".to_owned(),
            ],
        ),
        Kind::TwoFactorReset => Said::told(
            format!("Your second factors for {tenant} were removed"),
            [
                format!(
                    "Whoever manages users at {tenant} removed the app, keys and codes of {mailbox}. Set them up anew when you sign in."
                ),
                NOT_YOU.to_owned(),
            ],
        ),
        Kind::TwoFactorChanged => Said::told(
            format!("Your second factors for {tenant} were changed"),
            [format!("An app or a passkey of {mailbox} at {tenant} was added or removed."), NOT_YOU.to_owned()],
        ),
        _ => Said::told(
            format!("Your password for {tenant} was changed"),
            [format!("The password of {mailbox} at {tenant} was changed."), NOT_YOU.to_owned()],
        ),
    }
}

/// `2026-11-21T19:17:00Z` as people read it.
fn spoken(moment: &str) -> String {
    let minute = moment.get(..16).unwrap_or(moment);
    format!("{} UTC", minute.replace('T', " at "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_to_the_minute() {
        assert_eq!(spoken("2026-11-21T19:17:00Z"), "2026-11-21 at 19:17 UTC");
    }
}
