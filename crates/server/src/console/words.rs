//! The console's words that do not stand in a template: names of things, what was done, what went wrong. To speak another language is to
//! translate this file and the templates.

use std::time::Duration;

use purser_core::access::Role;
use purser_core::app::{LastCall, ProviderLine};
use purser_core::durations::{Counts, Within};
use purser_core::error::{Error, Problem};
use purser_core::license::Stage;
use purser_core::providers::Kind as Protocol;
use purser_core::tenants::{TenantSettings, TwoFactor};
use purser_core::users::UserStatus;
use purser_core::work::{JobState, Kind, Priority, VersionState};

use super::parts::Tone;
use super::system::health::findings::Finding;
use crate::fault::Verdict;

macro_rules! said {
    ($($name:ident = $word:literal, $sentence:literal;)*) => {
        /// What has just been done, to be said once.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Said { $($name,)* }

        impl Said {
            /// As it travels in its cookie.
            pub(super) fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// As it stands on the page.
            pub(super) fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)* }
            }

            /// The word of a cookie; strangers' words say nothing.
            pub(super) fn read(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$name),)* _ => None }
            }
        }
    };
}

said! {
    SignInExpired = "sign-in-expired", "That took too long. Please sign in once more.";
    PasswordReset = "password-reset", "Your password is changed. Sign in with it.";
    PasswordChanged = "password-changed", "Your password is changed. Your other sessions are ended.";
    AddressAsked = "address-asked", "A link is on its way to the new address. Nothing changes until you open it.";
    AppSetUp = "app-set-up", "The app is set up. Your other sessions are ended.";
    FactorRemoved = "factor-removed", "Removed. Your other sessions are ended.";
    PasskeyAdded = "passkey-added", "The passkey is kept. You can sign in with it.";
    PasskeyRenamed = "passkey-renamed", "Saved.";
    SessionEnded = "session-ended", "The session is ended.";
    PersonAdded = "person-added", "The account is made.";
    PersonInvited = "person-invited", "The account is made, and an invitation is on its way.";
    InvitationSent = "invitation-sent", "A new invitation is on its way. The former link is dead.";
    InvitationRevoked = "invitation-revoked", "The invitation is taken back.";
    TwoFactorRequired = "two-factor-required", "They must have a second factor from now on.";
    TwoFactorWaived = "two-factor-waived", "They need no second factor of their own any more.";
    TwoFactorReset = "two-factor-reset", "Their second factors are taken away, and their sessions are ended.";
    PersonSaved = "person-saved", "Saved.";
    RolesSet = "roles-set", "The roles are changed. They count from now on.";
    PersonDisabled = "person-disabled", "The account is disabled, and its sessions are ended.";
    PersonEnabled = "person-enabled", "The account is enabled.";
    PersonDeleted = "person-deleted", "The account is deleted.";
    SessionsEnded = "sessions-ended", "All of their sessions are ended.";
    ProviderAdded = "provider-added", "Saved. Now tell the other side the addresses below, and test it.";
    ProviderSaved = "provider-saved", "Saved. Test it before you rely on it.";
    ProviderEnabled = "provider-enabled", "Switched on: people can sign in this way.";
    ProviderDisabled = "provider-disabled", "Switched off: nobody can sign in this way.";
    ProviderDeleted = "provider-deleted", "The way to sign in is deleted.";
    ProviderRefreshed = "provider-refreshed", "The metadata has been read anew.";
    DomainAdded = "domain-added", "The domain is noted. Now prove that it is yours.";
    DomainVerified = "domain-verified", "The domain is proven to be yours.";
    DomainUnproven = "domain-unproven", "The record is not there yet. It can take a while until a new record is seen everywhere.";
    DomainRemoved = "domain-removed", "The domain is removed.";
    SettingsSaved = "settings-saved", "Saved. It holds from now on.";
    Dressed = "dressed", "Saved. This is how your pages look from now on.";
    TemplateMade = "template-made", "The template is made. Now write down its steps.";
    TemplateSaved = "template-saved", "Saved.";
    VersionSaved = "version-saved", "The steps are saved.";
    VersionDrafted = "version-drafted", "A new draft is begun with these steps.";
    VersionSubmitted = "version-submitted", "Submitted for review. The steps are frozen from here on.";
    VersionApproved = "version-approved", "Approved. It can be published now.";
    VersionRejected = "version-rejected", "Sent back to its author.";
    VersionPublished = "version-published", "Published. New jobs are made from this version.";
    VersionArchived = "version-archived", "Withdrawn. Jobs under way go on.";
    VersionRestored = "version-restored", "Published again.";
    DraftDeleted = "draft-deleted", "The draft is deleted.";
    JobMade = "job-made", "The job is made.";
    JobAssigned = "job-assigned", "The job is assigned.";
    JobUnassigned = "job-unassigned", "The job is nobody’s again.";
    JobStarted = "job-started", "The job is started.";
    JobCancelled = "job-cancelled", "The job is cancelled. What was recorded stays.";
    StepDone = "step-done", "The step is done.";
    JobDone = "job-done", "The last step is done, and so is the job.";
    Recorded = "recorded", "Recorded.";
    TenantMade = "tenant-made", "The tenant is made. Now add its first Admin, among its people.";
    TenantSaved = "tenant-saved", "Saved.";
    TenantDisabled = "tenant-disabled", "The tenant is disabled, and its sessions are ended.";
    TenantEnabled = "tenant-enabled", "The tenant is enabled.";
    TenantDeleted = "tenant-deleted", "The tenant is deleted with everything it held.";
    TenantEnded = "tenant-ended", "All of its sessions are ended.";
    AllEnded = "all-ended", "Every session of every tenant is ended.";
    AdminMade = "admin-made", "The administrator is made.";
    AdminDisabled = "admin-disabled", "The administrator is disabled, and their sessions are ended.";
    AdminEnabled = "admin-enabled", "The administrator is enabled.";
    AdminDeleted = "admin-deleted", "The administrator is deleted.";
    KeysRotated = "keys-rotated", "New keys are made. The former ones verify until their last token has run out.";
    LicenseInstalled = "license-installed", "The licence is installed.";
    Corrected = "corrected", "The correction is recorded. What was there before stays on record.";
}

/// A role as people call it.
pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::Admin => "Admin",
        Role::UserAdmin => "User Admin",
        Role::Author => "Author",
        Role::Operator => "Operator",
        Role::Approver => "Approver",
        Role::Publisher => "Publisher",
        Role::Viewer => "Viewer",
    }
}

/// What a role is for.
pub(super) fn role_hint(role: Role) -> &'static str {
    match role {
        Role::Admin => "Everything within the organisation",
        Role::UserAdmin => "Manages people, but no Admins",
        Role::Author => "Writes templates",
        Role::Operator => "Makes, assigns and performs jobs",
        Role::Approver => "Approves or rejects what was submitted",
        Role::Publisher => "Publishes, archives and restores",
        Role::Viewer => "Reads",
    }
}

/// Whether an account may be used.
pub(super) fn status(status: UserStatus) -> (&'static str, Tone) {
    match status {
        UserStatus::Invited => ("Invited", Tone::Blue),
        UserStatus::Active => ("Active", Tone::Green),
        UserStatus::Disabled => ("Disabled", Tone::Red),
    }
}

/// Where a version stands.
pub(super) fn version_state(state: VersionState) -> (&'static str, Tone) {
    match state {
        VersionState::Draft => ("Draft", Tone::Grey),
        VersionState::InReview => ("In review", Tone::Amber),
        VersionState::Approved => ("Approved", Tone::Blue),
        VersionState::Published => ("Published", Tone::Green),
        VersionState::Archived => ("Archived", Tone::Grey),
    }
}

/// Where a job stands.
pub(super) fn job_state(state: JobState) -> (&'static str, Tone) {
    match state {
        JobState::Unassigned => ("Unassigned", Tone::Grey),
        JobState::Assigned => ("Assigned", Tone::Blue),
        JobState::InProgress => ("In progress", Tone::Amber),
        JobState::Completed => ("Completed", Tone::Green),
        JobState::Cancelled => ("Cancelled", Tone::Red),
    }
}

/// How urgent a job is.
pub(super) fn priority(priority: Priority) -> (&'static str, Tone) {
    match priority {
        Priority::Low => ("Low", Tone::Grey),
        Priority::Medium => ("Medium", Tone::Grey),
        Priority::High => ("High", Tone::Red),
    }
}

/// What a step wants recorded: the word in forms, and what people read.
pub(super) const KINDS: [(&str, &str); 5] = [
    ("TEXT", "Text"),
    ("NUMBER", "Number"),
    ("YES_NO", "Yes or no"),
    ("CHOICE", "One of several"),
    ("PHOTO", "Reference to a photo"),
];

/// The same of one step.
pub(super) fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Text => "Text".into(),
        Kind::Number { unit, min, max } => {
            let unit = if unit.is_empty() { String::new() } else { format!(" in {unit}") };
            let bounds = match (min, max) {
                (Some(min), Some(max)) => format!(", {min} to {max}"),
                (Some(min), None) => format!(", at least {min}"),
                (None, Some(max)) => format!(", at most {max}"),
                (None, None) => String::new(),
            };
            format!("Number{unit}{bounds}")
        }
        Kind::YesNo => "Yes or no".into(),
        Kind::Choice { options } => format!("One of: {}", options.join(", ")),
        Kind::Photo => "Reference to a photo".into(),
    }
}

/// A recorded value as people read it.
pub(super) fn value(value: &str) -> &str {
    match value {
        "YES" => "Yes",
        "NO" => "No",
        other => other,
    }
}

/// What a provider speaks.
pub(super) fn protocol(kind: Protocol) -> &'static str {
    match kind {
        Protocol::Oidc => "OpenID Connect",
        Protocol::Saml => "SAML 2.0",
        Protocol::Microsoft => "Microsoft Entra",
    }
}

/// How a session was opened.
pub(super) fn method(method: &str) -> &str {
    match method.split(' ').next().unwrap_or_default() {
        "password" => "Password",
        "passkey" => "Passkey",
        "invitation" => "Invitation",
        "oidc" => "Single sign-on (OpenID)",
        "saml" => "Single sign-on (SAML)",
        "microsoft" | "dynamics" => "Microsoft",
        _ => method,
    }
}

/// What a browser is, as far as it says so: `Firefox on Linux`.
pub(super) fn agent(agent: &str) -> String {
    const BROWSERS: [(&str, &str); 6] = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ];
    const SYSTEMS: [(&str, &str); 6] = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS", "Mac"),
        ("Linux", "Linux"),
    ];
    let find = |all: &[(&str, &'static str)]| all.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(only), None) | (None, Some(only)) => only.into(),
        (None, None) if agent.is_empty() => "Unknown program".into(),
        (None, None) => agent.chars().take(60).collect(),
    }
}

/// Words of the audit log that say little to people as they stand.
const TOLD_OTHERWISE: [(&str, &str); 14] = [
    ("session.sign-in", "Sign-in"),
    ("session.sign-out", "Sign-out"),
    ("session.sign-out-all", "Sign-out everywhere"),
    ("session.refresh-replayed", "Refresh token shown twice"),
    ("session.moved", "Session seen from another place"),
    ("session.two-factor-asked", "Second factor asked for"),
    ("user.password-rehashed", "Password hash renewed"),
    ("user.totp-added", "Authenticator app added"),
    ("user.totp-removed", "Authenticator app removed"),
    ("user.email-asked", "Another address asked for"),
    ("user.email-changed", "Address changed"),
    ("link.shown", "Link of a letter opened"),
    ("provider.examined", "Provider tested"),
    ("client.updated", "Organisation changed"),
];

/// A word of the audit log or of a history as people read it: `version.submitted` becomes `Version submitted`.
pub(super) fn action(word: &str) -> String {
    if let Some((_, told)) = TOLD_OTHERWISE.iter().find(|(it, _)| *it == word) {
        return (*told).to_owned();
    }
    // A step's own word says already whose it is.
    let plain = word.strip_prefix("job.step-").map_or_else(|| word.to_owned(), |rest| format!("step-{rest}"));
    capital(&plain.replace(['.', '-'], " "))
}

/// A word as a text begins with it: `MEDIUM` becomes `Medium`.
pub(super) fn capital(word: &str) -> String {
    let plain = word.to_lowercase();
    let mut letters = plain.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What the sign-in page says of a wrong password, and of an account that there is none of.
pub(super) const WRONG_AT_THE_DOOR: &str = "The e-mail address or the password is not right.";

/// A refusal that a form itself says, with everything that was typed in still there.
pub(super) fn in_a_form(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::Invalid(problems) if blames_the_form(problems) => "Please look at what is marked below.",
        Error::AccountExists => "There is an account with this e-mail address already.",
        Error::ClientRequired => "Please say also for which organisation you want to sign in.",
        Error::InvalidCredentials => "That is not right. Please check what you typed in.",
        Error::SsoRequired => {
            "This organisation does not use passwords. Please sign in through its own sign-in service, below."
        }
        Error::RateLimited(_) => "Too many tries. Please wait a few minutes before you try again.",
        Error::ServerBusy => "Many people are signing in just now. Please try again in a moment.",
        Error::Conflict => "Somebody was faster, or this exists already. Reload the page to see how it stands.",
        Error::LicenseInvalid => {
            "This key is not accepted: not by the vendor, not for this deployment, not for now, or not newer than the one in force. The audit log says which."
        }
        Error::LicenseSeats => "All places that the licence has are taken.",
        _ => return None,
    })
}

/// What is said of a link that is dead: why, and the way on.
#[derive(Clone, Copy)]
pub(super) struct Dead {
    pub(super) text: &'static str,
    pub(super) href: &'static str,
    pub(super) label: &'static str,
}

/// One to another password.
pub(super) const DEAD_RESET: Dead = Dead {
    text: "It was used already, it is older than ten minutes, or you have asked for another one since. Nothing was changed.",
    href: "/forgot",
    label: "Ask for another link",
};

/// One to another address.
pub(super) const DEAD_ADDRESS: Dead = Dead {
    text: "It was used already, it is older than a day, or you have asked for another one since. Nothing was changed.",
    href: "/account",
    label: "To your account",
};

/// One to a new account.
pub(super) const DEAD_INVITATION: Dead = Dead {
    text: "It was used already, it is older than three days, or it was taken back. Whoever invited you can send you another one.",
    href: "/sign-in",
    label: "To the sign-in",
};

fn blames_the_form(problems: &[Problem]) -> bool {
    problems.iter().all(|it| it.field != "server.public_url")
}

/// How far along its life a licence is.
pub(super) fn stage(stage: Stage) -> (&'static str, Tone) {
    match stage {
        Stage::Unlicensed => ("None", Tone::Grey),
        Stage::Valid => ("In force", Tone::Green),
        Stage::Notice => ("Runs out soon", Tone::Amber),
        Stage::Grace => ("Run out, still working", Tone::Amber),
        Stage::ReadOnly => ("Run out, read only", Tone::Red),
    }
}

/// What a person is told when there is no page for them.
pub(super) struct Refusal {
    pub(super) title: &'static str,
    pub(super) advice: &'static str,
}

/// Constant words for each code, so that a page tells no more than the API does.
pub(super) fn refusal(verdict: &Verdict) -> Refusal {
    let say = |title, advice| Refusal { title, advice };
    match verdict.code {
        "INVALID_TOKEN" | "TOKEN_EXPIRED" => {
            say("You are not signed in any more", "Nothing was changed. Sign in again, and do it once more.")
        }
        "FORBIDDEN" => say(
            "This is not yours to do",
            "Your roles do not carry the right for it, or somebody else has to do it. Ask an Admin of your organisation.",
        ),
        "NOT_FOUND" | "UNKNOWN_PROVIDER" => {
            say("There is nothing here", "It may have been deleted, or the address is not quite right.")
        }
        "CONFLICT" => say(
            "It could not be done",
            "Somebody was faster, or a rule forbids it: one Admin must always remain, for one. Nothing was changed. Look at how it stands now.",
        ),
        "CSRF_REJECTED" => say(
            "This did not come from our own page",
            "For your safety nothing was changed. Open the page again, and do it there.",
        ),
        "SSO_REQUIRED" => say("No passwords here", "This organisation signs in through its own sign-in service."),
        "RATE_LIMITED" => say("Too many tries", "Please wait a few minutes before you try again."),
        "SERVER_BUSY" | "STORE_UNAVAILABLE" => {
            say("A moment, please", "The server has more to do than it can just now. Nothing was lost; try again.")
        }
        "MAIL_UNAVAILABLE" => {
            say("This server sends no mail", "Its administrator has not set that up yet. Ask them for what you need.")
        }
        "IDP_UNAVAILABLE" => {
            say("The other side does not answer", "That is usually over in a moment. Please try again.")
        }
        "LICENSE_REQUIRED" | "LICENSE_EXPIRED" | "LICENSE_SEATS" => say(
            "The licence does not allow it",
            "There is no licence, it has run out, or all its places are taken. Reading goes on; please tell your administrator.",
        ),
        "VALIDATION_ERROR" if verdict.field.as_deref() == Some("server.public_url") => say(
            "This server does not know its own address",
            "Its administrator has to set server.public_url to the address that people use, as https://id.example.com.",
        ),
        "VALIDATION_ERROR"
        | "CLIENT_REQUIRED"
        | "PAYLOAD_TOO_LARGE"
        | "UNSUPPORTED_MEDIA_TYPE"
        | "METHOD_NOT_ALLOWED" => {
            say("That could not be understood", "Something in the address or in what was sent is missing or wrong.")
        }
        _ => say(
            "Something went wrong on our side",
            "You have done nothing wrong. Please try again in a moment; if it stays, tell your administrator the number below.",
        ),
    }
}

// The deployment's pages.

/// What a tenant has settled that others have to know.
pub(super) fn settled(settings: &TenantSettings) -> [(&'static str, &'static str); 3] {
    let either = |so: bool, yes, no| if so { yes } else { no };
    [
        ("Passwords", either(settings.sso_only, "Off: its own sign-in only", "On")),
        (
            "Second factor",
            either(settings.two_factor == TwoFactor::Required, "Required of everybody", "As everybody likes"),
        ),
        (
            "Writing, approving, publishing",
            either(settings.separation_of_duties, "In different hands", "May be in one hand"),
        ),
    ]
}

/// How a letter fares.
pub(super) fn letter_state(state: &str) -> (&'static str, Tone) {
    match state {
        "waiting" => ("Waiting", Tone::Blue),
        "uncertain" => ("Uncertain", Tone::Amber),
        _ => ("Given up", Tone::Red),
    }
}

/// A short time: `2.5 ms`.
pub(super) fn time(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        0..10_000 => format!("{} ms", tenths(micros / 100, 10)),
        10_000..1_000_000 => format!("{} ms", micros / 1_000),
        _ => format!("{} s", tenths(micros / 100_000, 10)),
    }
}

/// A number given in tenths, without a tenth that is none.
fn tenths(number: u128, ten: u128) -> String {
    match (number / ten, number % ten) {
        (whole, 0) => whole.to_string(),
        (whole, tenth) => format!("{whole}.{tenth}"),
    }
}

/// A long time, as people say it: `3 days 4 hours`.
pub(super) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let said = |count: u64, one: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") };
    match (days, hours, minutes) {
        (0, 0, 0) => said(seconds, "second"),
        (0, 0, _) => said(minutes, "minute"),
        (0, ..) if minutes % 60 == 0 => said(hours, "hour"),
        (0, ..) => format!("{} {}", said(hours, "hour"), said(minutes % 60, "minute")),
        _ if hours % 24 == 0 => said(days, "day"),
        _ => format!("{} {}", said(days, "day"), said(hours % 24, "hour")),
    }
}

/// How much room something takes: `1.4 MB`.
pub(super) fn bytes(bytes: u64) -> String {
    let bytes = u128::from(bytes);
    let steps = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    let fits = steps.into_iter().find(|(size, _)| bytes >= *size);
    fits.map_or_else(|| format!("{bytes} bytes"), |(size, unit)| format!("{} {unit}", tenths(bytes * 10 / size, 10)))
}

/// A number with its thousands apart: `12,345`.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut told = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            told.push(',');
        }
        told.push(digit);
    }
    told
}

/// How often something happens.
pub(super) fn rate(rate: f64) -> String {
    if rate >= 10.0 || rate == 0.0 { format!("{rate:.0}") } else { format!("{rate:.1}") }
}

/// How often something happened.
pub(super) fn count(count: u64) -> String {
    match count {
        0 => "none of late".to_owned(),
        _ => format!("{} of late", number(count)),
    }
}

/// Within what time half of them and nearly all of them stayed.
pub(super) fn most(counts: Counts) -> String {
    let told = |within| match within {
        Within::This(end) => format!("within {}", time(end)),
        Within::Beyond(end) => format!("beyond {}", time(end)),
    };
    match (counts.percentile(50), counts.percentile(99)) {
        (Some(half), Some(nearly)) => format!("half {}, 99 % {}", told(half), told(nearly)),
        _ => "none of late".to_owned(),
    }
}

/// How the last call to a provider went.
pub(super) fn last_call(line: &ProviderLine) -> String {
    let how = match line.last {
        LastCall::Answered => "answered",
        LastCall::Failed => "failed",
        LastCall::Paused => "asked for a pause",
    };
    let ago = span(line.ago);
    match line.open_for {
        Some(left) => format!("{how} {ago} ago; tried again in {}", span(left)),
        None => format!("{how} {ago} ago"),
    }
}

/// What is not as it should be.
pub(super) fn finding(finding: &Finding) -> String {
    match finding {
        Finding::StoreSilent => "The store does not answer.".to_owned(),
        Finding::NotHeard => "Other nodes’ changes are not heard.".to_owned(),
        Finding::WriterBehind(waiting) => format!("{} changes wait to be written.", number(*waiting)),
        Finding::WritesSlow(time) => format!("One change in a hundred takes up to {}.", self::time(*time)),
        Finding::Failed(count) => format!("Requests that failed by a fault of ours: {}.", number(*count)),
        Finding::RequestsSlow(time) => format!("One request in a hundred takes up to {}.", self::time(*time)),
        Finding::HasherBehind(waiting) => format!("{waiting} passwords wait to be hashed."),
        Finding::TurnedAway(count) => format!("Sign-ins turned away since the start: {}.", number(*count)),
        Finding::LettersGivenUp(count) => format!("Letters given up in the last two weeks: {count}."),
        Finding::LettersWaiting(count) => format!("{count} letters wait to be sent."),
        Finding::NoMail => "No mail is sent from here.".to_owned(),
        Finding::ProvidersSilent(1) => "An identity provider does not answer.".to_owned(),
        Finding::ProvidersSilent(count) => format!("{count} identity providers do not answer."),
        Finding::License(Stage::Notice) => "The licence runs out soon.".to_owned(),
        Finding::License(Stage::Grace) => "The licence has run out.".to_owned(),
        Finding::License(_) => "Nothing can be changed: there is no licence in force.".to_owned(),
    }
}

/// What to do about it.
pub(super) fn finding_advice(finding: &Finding) -> &'static str {
    match finding {
        Finding::StoreSilent => {
            "Nobody can sign in. See whether the database runs and is reached from here, and whether its disk is full; the log says why it failed."
        }
        Finding::NotHeard => {
            "Nothing goes wrong, but every check reads the store and costs more. See whether the connection to PostgreSQL holds; it is tried again by itself."
        }
        Finding::WriterBehind(_) | Finding::WritesSlow(_) => {
            "The disk of the database is what counts here: see what else writes to it, and how long it takes to make something durable."
        }
        Finding::Failed(_) => "The log has a line for each, with the number that people saw on their page.",
        Finding::RequestsSlow(_) => {
            "Signing in takes its time by design. If more than that is slow, see whether the processors or the disk are busy."
        }
        Finding::HasherBehind(_) | Finding::TurnedAway(_) => {
            "More people sign in at once than the processors can hash passwords for. If it stays so, give the server more of them, or raise passwords.threads; if one address tries many, see the audit log."
        }
        Finding::LettersGivenUp(_) => "The page about mail says which, and what the mail server answered.",
        Finding::LettersWaiting(_) => {
            "See whether the mail server answers; the page about mail says what it said last."
        }
        Finding::NoMail => {
            "Set mail.url and mail.from. Until then nobody is invited by e-mail, and nobody who forgot a password can help themselves."
        }
        Finding::ProvidersSilent(_) => {
            "Their people cannot sign in meanwhile. The list below says whose; the provider’s own page tests it step by step."
        }
        Finding::License(_) => "Ask the vendor for a new one, and install it on the page about the licence.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_read_back_and_strangers_words_say_nothing() {
        assert_eq!(Said::read(Said::RolesSet.word()), Some(Said::RolesSet));
        assert_eq!(Said::read("<script>"), None);
    }

    #[test]
    fn browsers_are_called_by_their_names() {
        let chrome =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36";
        assert_eq!(agent(chrome), "Chrome on Linux");
        assert_eq!(agent("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/605.1"), "Safari on iPhone");
        assert_eq!(agent(""), "Unknown program");
    }

    #[test]
    fn actions_are_read_as_words() {
        assert_eq!(action("version.submitted"), "Version submitted");
        assert_eq!(action("job.step-completed"), "Step completed");
        assert_eq!(action("session.sign-out-all"), "Sign-out everywhere");
    }

    #[test]
    fn times_sizes_and_numbers_are_told_shortly() {
        let times = [(400, "0.4 ms"), (1_000, "1 ms"), (2_500, "2.5 ms"), (25_000, "25 ms"), (1_500_000, "1.5 s")];
        for (micros, told) in times {
            assert_eq!(time(Duration::from_micros(micros)), told);
        }
        let spans =
            [(1, "1 second"), (600, "10 minutes"), (3_600, "1 hour"), (90_000, "1 day 1 hour"), (172_800, "2 days")];
        for (seconds, told) in spans {
            assert_eq!(span(Duration::from_secs(seconds)), told);
        }
        assert_eq!([bytes(999), bytes(1_450_000), bytes(2_000_000_000)], ["999 bytes", "1.4 MB", "2 GB"]);
        assert_eq!([number(7), number(1_234), number(1_234_567)], ["7", "1,234", "1,234,567"]);
    }
}
