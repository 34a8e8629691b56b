//! `purser demo`: a server with made-up accounts, ready in a moment, that tells how to try it.

mod neighbours;
mod sign_on;
mod work;

use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use futures::future::try_join_all;
use purser_core::access::{Role, SystemAdmin};
use purser_core::admins::Username;
use purser_core::app::App;
use purser_core::config::Settings;
use purser_core::env::SystemEntropy;
use purser_core::error::{Error, Result};
use purser_core::ids::TenantId;
use purser_core::secret::Secret;
use purser_core::tenants::NewTenant;
use purser_core::users::NewUser;
use tempfile::TempDir;

use self::sign_on::SignOn;
use crate::cli::{Failure, address, make_password, note, say, table};
use crate::log;
use crate::serve::{self, Playground};

/// The demo's one client.
const CLIENT: (&str, &str) = ("acme", "Acme Industries");
/// The demo's system administrator.
const ADMIN: &str = "root";
/// Where a kept demo remembers its passwords, which the database could not tell.
const PASSWORDS: &str = "demo-passwords";
/// The ports to try, in this order.
const PORTS: std::ops::Range<u16> = 8_080..8_180;

/// What a demo can be asked for.
#[derive(Args, Debug)]
pub struct Options {
    /// Folder to keep the data in; used again if it is there. Without it everything is gone when the demo stops
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    /// Address and port to listen on. Without it 127.0.0.1:8080, or the next free port
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = address)]
    listen: Option<SocketAddr>,
    /// Start a real OpenID provider and a real SAML identity provider beside it, to sign in with. They run on Node, from the
    /// folder `tools` of the sources, which is looked for here unless it is named
    #[arg(long, value_name = "TOOLS", num_args = 0..=1, require_equals = true, default_missing_value = "tools")]
    with_idp: Option<PathBuf>,
}

/// Runs the demo until it is told to stop.
///
/// # Errors
/// If the folder cannot be used, or no address be listened on.
pub async fn run(options: Options) -> Result<(), Failure> {
    let listen = options.listen.map_or_else(free_address, Ok)?;
    let sign_on = SignOn::start(options.with_idp.as_ref(), listen)?.map(Arc::new);
    let folder = Folder::open(options.dir.as_deref())?;
    let passwords = folder.passwords()?;
    let settings = settings(&folder, listen)?;
    log::start(&settings.log);
    let app = Arc::new(Box::pin(App::open(settings)).await?);
    provide_accounts(&app, &passwords).await?;
    work::provide(&app, &passwords.users).await?;
    if let Some(sign_on) = &sign_on {
        sign_on.provide(&app, &CLIENT.0.parse()?).await?;
    }
    if !listen.ip().is_loopback() {
        note("warning: whoever can reach this machine can reach this demo");
    }
    let welcome = |address| {
        // Nobody may be reading; the server runs all the same.
        drop(say(&welcome(address, &passwords, &folder, options.listen)));
        if let Some(sign_on) = &sign_on {
            invite(sign_on, base_of(address));
        }
    };
    Ok(serve::run(app, Playground::Shown, welcome).await?)
}

/// Lets the providers know the server, and says where to click. They ask it something, so it must not wait for them.
fn invite(sign_on: &Arc<SignOn>, base: String) {
    let sign_on = Arc::clone(sign_on);
    tokio::task::spawn_blocking(move || match sign_on.introduce(&base) {
        // Nobody may be reading.
        Ok(()) => drop(say(&sign_on.invitation(&base))),
        Err(fault) => note(&fault.to_string()),
    });
}

/// Where this machine reaches what listens there.
fn base_of(bound: SocketAddr) -> String {
    let reached = if bound.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { bound.ip() };
    format!("http://{}", SocketAddr::new(reached, bound.port()))
}

/// The first free port on this machine.
fn free_address() -> Result<SocketAddr, Failure> {
    let addresses = PORTS.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let mut free = addresses.filter(|address| TcpListener::bind(address).is_ok());
    free.next().ok_or_else(|| {
        Failure::new(format!("no port from {} to {} is free", PORTS.start, PORTS.end - 1))
            .hint("name a free one: purser demo --listen 127.0.0.1:PORT")
    })
}

/// The defaults, which nobody can have overruled: a demo must never reach a real database.
fn settings(folder: &Folder, listen: SocketAddr) -> Result<Settings, Failure> {
    let database = folder.path().join("purser.db");
    let database = database.to_str().ok_or_else(|| Failure::new("the folder's name is not UTF-8"))?;
    let mut settings = Settings::default();
    settings.database.url = Secret::new(format!("sqlite:{database}"));
    settings.secrets.master_key_file = folder.path().join("purser.key");
    settings.server.listen = listen;
    // Whoever leaves the port to chance has no address to put into a letter.
    if listen.port() != 0 {
        settings.server.public_url = Some(base_of(listen));
        settings.mail.outbox = Some(folder.outbox());
    }
    "warn".clone_into(&mut settings.log.level);
    Ok(settings)
}

/// Where the demo's data lies.
enum Folder {
    /// Gone when dropped.
    Passing(TempDir),
    Kept(PathBuf),
}

impl Folder {
    fn open(kept: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = kept else {
            let made = tempfile::Builder::new().prefix("purser-demo-").tempdir();
            return made.map(Self::Passing).map_err(|fault| Failure::new(format!("no temporary folder: {fault}")));
        };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|fault| cannot_use(path, &fault))?;
        Ok(Self::Kept(path.to_owned()))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Passing(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }

    /// Where its letters go.
    fn outbox(&self) -> PathBuf {
        self.path().join("outbox")
    }

    /// The passwords of a demo kept here; new ones for a new demo.
    fn passwords(&self) -> Result<Passwords, Failure> {
        let file = self.path().join(PASSWORDS);
        match std::fs::read_to_string(&file) {
            Ok(text) => Passwords::parse(&text).ok_or_else(|| foreign(self.path())),
            Err(fault) if fault.kind() == ErrorKind::NotFound => self.new_passwords(&file),
            Err(fault) => Err(cannot_use(&file, &fault)),
        }
    }

    fn new_passwords(&self, file: &Path) -> Result<Passwords, Failure> {
        // Somebody's own data, perhaps: accounts with known passwords have no place there.
        if self.path().join("purser.db").exists() {
            return Err(foreign(self.path()));
        }
        let made = Passwords {
            users: make_password(&SystemEntropy::default(), 0),
            admin: make_password(&SystemEntropy::default(), 0),
        };
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
        opened
            .and_then(|mut file| {
                file.write_all(format!("{}\n{}\n", made.users.reveal(), made.admin.reveal()).as_bytes())
            })
            .map_err(|fault| cannot_use(file, &fault))?;
        Ok(made)
    }
}

fn cannot_use(path: &Path, fault: &std::io::Error) -> Failure {
    Failure::new(format!("{} cannot be used: {fault}", path.display())).hint("choose another folder with --dir")
}

fn foreign(folder: &Path) -> Failure {
    Failure::new(format!("{} holds a database that no demo made", folder.display()))
        .hint("choose an empty folder with --dir, or `purser serve` to run what is there")
}

/// What one signs in with.
struct Passwords {
    /// All users share it.
    users: Secret,
    admin: Secret,
}

impl Passwords {
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let (users, admin) = (lines.next()?, lines.next()?);
        let plain = |it: &str| !it.is_empty() && it.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        (plain(users) && plain(admin)).then(|| Self { users: Secret::new(users), admin: Secret::new(admin) })
    }
}

/// Makes what is not there yet, all at once: hashing is what takes time, and there are several threads for it.
async fn provide_accounts(app: &App, passwords: &Passwords) -> Result<()> {
    let operator = SystemAdmin::at_the_command_line();
    let made = app.create_tenant(&operator.grant(), NewTenant::parse(CLIENT.0, CLIENT.1)?).await;
    there(made)?;
    let client: TenantId = CLIENT.0.parse()?;
    let grant = app.managing_users_of(&operator.grant(), &client).await?;
    let users = Role::ALL.map(async |role| {
        let (first, last) = name(role);
        let password = Some(passwords.users.clone());
        there(app.create_user(&grant, NewUser::parse(&email(role), first, last, "", [role], password)?).await)
    });
    let by = operator.grant();
    let admin = async { there(app.create_admin(&by, Username::parse(ADMIN)?, &passwords.admin).await) };
    futures::try_join!(try_join_all(users), admin).map(drop)
}

/// A demo that was kept has its accounts already.
fn there<T>(made: Result<T>) -> Result<()> {
    match made {
        Ok(_) | Err(Error::Conflict | Error::AccountExists) => Ok(()),
        Err(fault) => Err(fault),
    }
}

fn email(role: Role) -> String {
    format!("{}@{}.test", role.as_str().to_lowercase().replace('_', "-"), CLIENT.0)
}

fn name(role: Role) -> (&'static str, &'static str) {
    match role {
        Role::Admin => ("Ada", "Admin"),
        Role::UserAdmin => ("Uma", "Useradmin"),
        Role::Author => ("Arthur", "Author"),
        Role::Operator => ("Olga", "Operator"),
        Role::Approver => ("Aaron", "Approver"),
        Role::Publisher => ("Paula", "Publisher"),
        Role::Viewer => ("Victor", "Viewer"),
    }
}

fn welcome(bound: SocketAddr, passwords: &Passwords, folder: &Folder, asked: Option<SocketAddr>) -> String {
    let base = base_of(bound);
    let moved = if asked.is_none() && bound.port() != PORTS.start {
        format!(" (port {} is taken)", PORTS.start)
    } else {
        String::new()
    };
    let kept = match folder {
        Folder::Passing(_) => "Nothing is kept: all of this is gone when you stop it with Ctrl-C.".to_owned(),
        Folder::Kept(path) => {
            format!("Kept in {}; the same command brings it back. Stop it with Ctrl-C.", path.display())
        }
    };
    format!(
        "Purser is ready at {base}{moved}\n{kept}\n\n{accounts}\n\n{addresses}\n\nTry it:\n\n{trials}\n",
        accounts = accounts(passwords),
        addresses = addresses(&base, asked.is_none_or(|asked| asked.port() != 0).then(|| folder.outbox())),
        trials = trials(&base, passwords)
    )
}

fn accounts(passwords: &Passwords) -> String {
    let users = Role::ALL.map(|role| {
        [email(role), passwords.users.reveal().to_owned(), format!("{} of client {}", spoken(role), CLIENT.0)]
    });
    let admin = [ADMIN.to_owned(), passwords.admin.reveal().to_owned(), "system administrator".to_owned()];
    table(["ACCOUNT", "PASSWORD", "IS"], &[&users[..], &[admin]].concat())
}

/// A role as people write it: `User Admin`.
fn spoken(role: Role) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(1);
        format!("{first}{}", rest.to_lowercase())
    };
    role.as_str().split('_').map(word).collect::<Vec<_>>().join(" ")
}

fn addresses(base: &str, outbox: Option<PathBuf>) -> String {
    let mut lines = vec![
        format!("Console   {base}/   (in a browser: sign in as one of the accounts above)"),
        format!("API       {base}/api/client   described in {base}/api/openapi.json"),
        format!("GraphiQL  {base}/graphiql   (in a browser)"),
        format!("Admin     {base}/admin   (in a browser; its API is at {base}/api/admin)"),
    ];
    lines.extend(outbox.map(|folder| format!("Letters   {}   (one file each)", folder.display())));
    lines.join("\n")
}

/// Lines to paste: a sign-in, two questions that carry the token of another one, and an administrator's sign-in.
fn trials(base: &str, passwords: &Passwords) -> String {
    let json = "-H 'Content-Type: application/json'";
    let body = format!(r#"{{"email":"{}","password":"{}"}}"#, email(Role::Admin), passwords.users.reveal());
    let sign_in = format!("curl -sS {base}/api/client/auth/sign-in {json} -d '{body}'");
    let token = format!(r#"$({sign_in} | sed 's/.*"token":"\([^"]*\)".*/\1/')"#);
    let ask = |query: &str| {
        format!(
            r#"curl -sS {base}/api/client/graphql {json} -H "Authorization: Bearer {token}" -d '{{"query":"{query}"}}'"#
        )
    };
    let people = ask("{ users { id email } }");
    let work = ask("{ templates { title state } jobs { title asset state assignee { firstName } } }");
    let body = format!(r#"{{"username":"{ADMIN}","password":"{}"}}"#, passwords.admin.reveal());
    let admin = format!("curl -sS {base}/api/admin/auth/sign-in {json} -d '{body}'");
    [sign_in, people, work, admin].join("\n\n")
}
