//! What an organisation settles for itself, for its admins.

use async_graphql::Object;
use async_graphql::{Context, Enum, InputObject, MaybeUndefined, SimpleObject};
use purser_core::config::Span;
use purser_core::error::{Error, Result};
use purser_core::tenants::{TenantSettings, TwoFactor};

use crate::ask::ask;

/// What an organisation has settled for itself. Times are written as `90s`, `10m`, `24h` or `30d`, and only shorten the deployment's,
/// which hold where they are null.
#[derive(SimpleObject)]
pub(crate) struct ClientSettings {
    /// Life of an access token, for those made from now on.
    access_ttl: Option<String>,
    /// Life of the refresh tokens of one sign-in, counted from the sign-in.
    refresh_ttl: Option<String>,
    /// A cookie dies after so long without use.
    cookie_idle: Option<String>,
    /// A cookie dies so long after the sign-in.
    cookie_max: Option<String>,
    /// Fewest characters of a new password; never fewer than the deployment asks.
    password_min_length: Option<i32>,
    /// Words on which no new password may lean.
    forbidden_words: Vec<String>,
    /// A refresh token shown again later than 60 s after its child was issued ends the session.
    strict_refresh: bool,
    /// Whether everybody must have a second factor.
    two_factor: TwoFactorDemand,
    /// How long they may take to enrol one, from when it is demanded or they are made; a week where this is null.
    two_factor_grace: Option<String>,
    /// Nobody signs in with a password, admins included.
    sso_only: bool,
    /// Whoever wrote or edited a version may not approve it, and whoever approved it may not publish it; admins included.
    separation_of_duties: bool,
    /// Origins and addresses, besides our own paths, where people may be sent after signing in.
    return_to: Vec<String>,
    /// Addresses, letter for letter, where native apps take their one-time code.
    native_redirects: Vec<String>,
}

/// Whether everybody of an organisation must have a second factor.
#[derive(Clone, Copy, Enum, PartialEq, Eq)]
#[graphql(remote = "TwoFactor")]
pub(crate) enum TwoFactorDemand {
    /// Nobody must, but whom those who manage users ask.
    Off,
    /// Everybody must, once the time to enrol one is over.
    Required,
}

impl From<TenantSettings> for ClientSettings {
    fn from(settings: TenantSettings) -> Self {
        let time = |span: Option<Span>| span.map(|span| span.to_string());
        Self {
            access_ttl: time(settings.access_ttl),
            refresh_ttl: time(settings.refresh_ttl),
            cookie_idle: time(settings.cookie_idle),
            cookie_max: time(settings.cookie_max),
            password_min_length: settings.password_min_length.and_then(|least| i32::try_from(least).ok()),
            forbidden_words: settings.forbidden_words,
            strict_refresh: settings.strict_refresh,
            two_factor: settings.two_factor.into(),
            two_factor_grace: time(settings.two_factor_grace),
            sso_only: settings.sso_only,
            separation_of_duties: settings.separation_of_duties,
            return_to: settings.return_to,
            native_redirects: settings.native_redirects,
        }
    }
}

#[derive(Default)]
pub(crate) struct SettingsQuery;

#[Object]
impl SettingsQuery {
    /// What the organisation has settled for itself; for its admins.
    async fn client_settings(&self, ctx: &Context<'_>) -> Result<Option<ClientSettings>> {
        let (app, by) = ask(ctx)?;
        app.own_settings(&by).await.map(ClientSettings::from).map(Some)
    }
}

#[derive(Default)]
pub(crate) struct SettingsMutation;

#[Object]
impl SettingsMutation {
    /// Changes what the organisation has settled. What is absent stays.
    async fn update_client_settings(
        &self,
        ctx: &Context<'_>,
        input: UpdateClientSettingsInput,
    ) -> Result<Option<ClientSettings>> {
        let (app, by) = ask(ctx)?;
        let settled = app.settle_own(&by, |settings| input.settle(settings)).await;
        settled.map(ClientSettings::from).map(Some).map_err(as_asked)
    }
}

/// A refusal that names fields as they stand in the input, and not as they stand in an organisation.
fn as_asked(refusal: Error) -> Error {
    let Error::Invalid(mut problems) = refusal else { return refusal };
    for problem in &mut problems {
        if let Some(field) = problem.field.strip_prefix("settings.") {
            problem.field = field.to_owned();
        }
    }
    Error::Invalid(problems)
}

/// What to settle anew. Absent: as it is. Null, for times and the length: as the deployment has it.
#[derive(InputObject)]
pub(crate) struct UpdateClientSettingsInput {
    /// Life of an access token, for those made from now on.
    access_ttl: MaybeUndefined<String>,
    /// Life of the refresh tokens of one sign-in, of living sessions too.
    refresh_ttl: MaybeUndefined<String>,
    /// A cookie dies after so long without use, those of living sessions too.
    cookie_idle: MaybeUndefined<String>,
    /// A cookie dies so long after the sign-in, those of living sessions too.
    cookie_max: MaybeUndefined<String>,
    /// Fewest characters of a new password, at most 64.
    password_min_length: MaybeUndefined<i64>,
    /// All words on which no new password may lean.
    forbidden_words: Option<Vec<String>>,
    /// Whether a refresh token shown again later than 60 s after its child was issued ends the session.
    strict_refresh: Option<bool>,
    /// Whether everybody must have a second factor.
    two_factor: Option<TwoFactorDemand>,
    /// How long they may take to enrol one.
    two_factor_grace: MaybeUndefined<String>,
    /// Whether nobody signs in with a password; needs an identity provider that is on.
    sso_only: Option<bool>,
    /// Whether writing, approving and publishing a version take different people.
    separation_of_duties: Option<bool>,
    /// All origins and addresses where people may be sent after signing in.
    return_to: Option<Vec<String>>,
    /// All addresses where native apps take their one-time code.
    native_redirects: Option<Vec<String>>,
}

impl UpdateClientSettingsInput {
    fn settle(self, settings: &mut TenantSettings) -> Result<()> {
        time("accessTtl", self.access_ttl, &mut settings.access_ttl)?;
        time("refreshTtl", self.refresh_ttl, &mut settings.refresh_ttl)?;
        time("cookieIdle", self.cookie_idle, &mut settings.cookie_idle)?;
        time("cookieMax", self.cookie_max, &mut settings.cookie_max)?;
        length(self.password_min_length, &mut settings.password_min_length)?;
        set(self.forbidden_words, &mut settings.forbidden_words);
        set(self.strict_refresh, &mut settings.strict_refresh);
        set(self.two_factor.map(TwoFactor::from), &mut settings.two_factor);
        time("twoFactorGrace", self.two_factor_grace, &mut settings.two_factor_grace)?;
        set(self.sso_only, &mut settings.sso_only);
        set(self.separation_of_duties, &mut settings.separation_of_duties);
        set(self.return_to, &mut settings.return_to);
        set(self.native_redirects, &mut settings.native_redirects);
        Ok(())
    }
}

fn set<T>(wanted: Option<T>, setting: &mut T) {
    if let Some(wanted) = wanted {
        *setting = wanted;
    }
}

fn time(field: &str, wanted: MaybeUndefined<String>, setting: &mut Option<Span>) -> Result<()> {
    match wanted {
        MaybeUndefined::Undefined => {}
        MaybeUndefined::Null => *setting = None,
        MaybeUndefined::Value(text) => {
            *setting = Some(text.parse().map_err(|reason: String| Error::invalid(field, reason))?);
        }
    }
    Ok(())
}

fn length(wanted: MaybeUndefined<i64>, setting: &mut Option<usize>) -> Result<()> {
    match wanted {
        MaybeUndefined::Undefined => {}
        MaybeUndefined::Null => *setting = None,
        MaybeUndefined::Value(least) => {
            let least = usize::try_from(least).map_err(|_| Error::invalid("passwordMinLength", "at least 0"))?;
            *setting = Some(least);
        }
    }
    Ok(())
}
