//! The commands that make and show things. Each is one use case of the core, with words around it.

use std::path::PathBuf;

use purser_core::access::{Role, SystemAdmin};
use purser_core::admins::Username;
use purser_core::app::App;
use purser_core::env::{SystemEntropy, Timestamp};
use purser_core::error::Error;
use purser_core::ids::TenantId;
use purser_core::secret::Secret;
use purser_core::session::KeyView;
use purser_core::tenants::{NewTenant, Tenant, TenantStatus};
use purser_core::users;

use super::password::{self, Given};
use super::{Failure, Keys, NewUser, note, print, say, table};
use crate::settings::Loaded;

/// How many clients are read at once.
const PAGE: u32 = 500;

pub(super) async fn create_client(loaded: Loaded, id: &str, name: &str) -> Result<(), Failure> {
    let new = NewTenant::parse(id, name)?;
    let app = open(loaded).await?;
    let made = app.create_tenant(&operator().grant(), new).await.map_err(|error| match error {
        Error::Conflict => Failure::new(format!("there is a client {id} already"))
            .hint("choose another ID; `purser client list` shows those that are taken"),
        other => other.into(),
    })?;
    say(&format!("Created client {} ({}).", made.id, made.name))
}

pub(super) async fn list_clients(loaded: Loaded) -> Result<(), Failure> {
    let app = open(loaded).await?;
    let mut found: Vec<Tenant> = Vec::new();
    loop {
        let page = app.tenants(&operator().grant(), found.last().map(|tenant| &tenant.id), "", PAGE).await?;
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    if found.is_empty() {
        note("There is no client yet; `purser client create ID --name NAME` makes one.");
        return Ok(());
    }
    let rows: Vec<_> = found.iter().map(client_row).collect();
    say(&table(["ID", "NAME", "STATUS", "CREATED"], &rows))
}

fn client_row(tenant: &Tenant) -> [String; 4] {
    let status = match tenant.status {
        TenantStatus::Active => "active",
        TenantStatus::Disabled => "disabled",
        TenantStatus::Leaving => "deleted, being cleared away",
    };
    [tenant.id.to_string(), tenant.name.clone(), status.into(), tenant.created_at.to_string()]
}

pub(super) async fn create_user(loaded: Loaded, user: NewUser) -> Result<(), Failure> {
    let given = password::from(user.password_stdin)?;
    let client: TenantId = user.client.parse().map_err(|_| no_client(&user.client))?;
    // What is wrong with the rest is told before anything is opened or made.
    let parse = |password| {
        let roles = user.roles.iter().copied();
        users::NewUser::parse(&user.email, &user.first_name, &user.last_name, "", roles, Some(password))
    };
    parse(Secret::default())?;
    let app = open(loaded).await?;
    let tenant = match app.tenant(&operator().grant(), &client).await {
        Err(Error::NotFound) => return Err(no_client(&user.client)),
        tenant => tenant?,
    };
    let least = tenant.settings.password_min_length.unwrap_or(0).max(app.settings().passwords.min_length);
    let chosen = Chosen::by(given, least);
    let grant = app.managing_users_of(&operator().grant(), &client).await?;
    let made = app.create_user(&grant, parse(chosen.password.clone())?).await.map_err(|error| match error {
        Error::AccountExists => Failure::new(format!("{} has an account in client {client} already", user.email))
            .hint("choose another e-mail address"),
        other => other.into(),
    })?;
    let roles: Vec<_> = made.roles.iter().map(Role::as_str).collect();
    chosen.tell(&format!("Created user {} {} in client {client}: {}.", made.id, made.email, roles.join(", ")))
}

pub(super) async fn create_admin(loaded: Loaded, username: &str, given: Given) -> Result<(), Failure> {
    let username = Username::parse(username)?;
    let name = username.as_str().to_owned();
    let app = open(loaded).await?;
    let chosen = Chosen::by(given, app.settings().passwords.min_length);
    app.create_admin(&operator().grant(), username, &chosen.password).await.map_err(|error| match error {
        Error::Conflict => {
            Failure::new(format!("there is an administrator {name} already")).hint("choose another USERNAME")
        }
        other => other.into(),
    })?;
    chosen.tell(&format!("Created administrator {name}."))
}

pub(super) async fn keys(loaded: Loaded, which: Keys) -> Result<(), Failure> {
    let app = open(loaded).await?;
    let keys = match which {
        Keys::List => app.signing_keys(&operator().grant()).await?,
        Keys::Rotate => {
            let keys = app.rotate_keys(&operator().grant()).await?;
            say(
                "Made new keys for both realms. They begin to sign in a moment; the former ones verify until their last token has expired.",
            )?;
            keys
        }
    };
    let rows: Vec<_> = keys.iter().map(key_row).collect();
    say(&table(["REALM", "KEY", "ALGORITHM", "SIGNS FROM", "VERIFIES UNTIL"], &rows))
}

fn key_row(key: &KeyView) -> [String; 5] {
    let until = key.verify_until.as_ref().map_or_else(|| "no end yet".to_owned(), Timestamp::to_string);
    [key.realm.clone(), key.kid.clone(), key.algorithm.clone(), key.signs_from.to_string(), until]
}

pub(super) async fn migrate(loaded: Loaded) -> Result<(), Failure> {
    let database = loaded.database();
    open(loaded).await?;
    say(&format!("The tables of {database} are up to date."))
}

pub(super) async fn restore(loaded: Loaded) -> Result<(), Failure> {
    let app = open(loaded).await?;
    app.begin_after_restore(&operator().grant()).await?;
    say(
        "Every session is over, of users and administrators. People sign in again; numbers given since the backup are not given again.",
    )
}

/// Opens the system, and says so if that made a new database: whoever is in a wrong folder should notice.
pub(super) async fn open(loaded: Loaded) -> Result<App, Failure> {
    let file = loaded.settings.database.url.reveal().strip_prefix("sqlite:").map(PathBuf::from);
    let new = file.filter(|file| !file.exists());
    let app = Box::pin(App::open(loaded.settings)).await?;
    if let Some(file) = new {
        note(&format!("Made a new database: {}", file.display()));
    }
    Ok(app)
}

/// A client that is not there, and the command that makes it if there could be one of that ID.
pub(super) fn no_client(id: &str) -> Failure {
    let list = "`purser client list` shows those there are";
    Failure::new(format!("there is no client {id}")).hint(match id.parse::<TenantId>() {
        Ok(id) => format!("{list}; `purser client create {id} --name NAME` makes it"),
        Err(_) => list.to_owned(),
    })
}

pub(super) fn operator() -> SystemAdmin {
    SystemAdmin::at_the_command_line()
}

/// A new account's password, and whether its owner knows it yet.
struct Chosen {
    password: Secret,
    made: bool,
}

impl Chosen {
    fn by(given: Given, least: usize) -> Self {
        match given {
            Given::Typed(password) => Self { password, made: false },
            Given::Nothing => Self { password: password::make(&SystemEntropy::default(), least), made: true },
        }
    }

    /// Says what was made, and prints a password that was made with it; it can never be shown again.
    fn tell(&self, done: &str) -> Result<(), Failure> {
        if !self.made {
            return say(done);
        }
        self.show(done).map_err(|fault| {
            Failure::new(format!("the account was made, but its password cannot be written: {fault}"))
                .hint("nobody knows the password: make another account, and delete this one")
        })
    }

    fn show(&self, done: &str) -> std::io::Result<()> {
        print(done)?;
        note("This is the password. It is not shown again:");
        print(self.password.reveal())
    }
}
