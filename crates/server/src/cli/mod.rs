//! The command line: what can be said, and who carries it out.

mod commands;
mod export;
mod failure;
mod license;
mod password;
mod people;
mod provider;
mod providers;
mod table;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use purser_core::access::Role;
use purser_core::app::App;
use purser_core::env::Timestamp;

pub use failure::Failure;

use crate::demo;
use crate::log;
use crate::router;
use crate::serve::{self, Playground};
use crate::settings::{Loaded, Sources};

pub(crate) use password::make as make_password;
pub(crate) use table::table;

/// Purser checks who comes aboard: a self-hosted identity-and-access server for organisations ("clients") and their users.
#[derive(Debug, Parser)]
#[command(name = "purser", version, arg_required_else_help = true, after_help = GLOBAL_HELP, max_term_width = 100)]
pub struct CommandLine {
    /// Settings file; it must exist. Without it, purser.toml in the working folder is read if it is there
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

const GLOBAL_HELP: &str = "\
Settings come from built-in defaults, overruled by the settings file, overruled by variables as
PURSER_DATABASE__URL (section, two underscores, key), overruled by flags. `purser config` shows them.

To look around:      purser demo
To begin in earnest: purser admin create root
                     purser client create acme --name 'Acme Industries'
                     purser user create --client acme --email ann@acme.test \\
                         --first-name Ann --last-name Lee --role Admin
                     purser serve

Exit status: 0 done, 1 refused or failed, 2 wrong usage.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server until it is told to stop (Ctrl-C or SIGTERM)
    #[command(after_help = "Example:\n  purser serve --listen 127.0.0.1:8080 --config /etc/purser.toml")]
    Serve {
        /// Address and port to listen on, instead of the setting server.listen
        #[arg(long, value_name = "ADDRESS:PORT", value_parser = address)]
        listen: Option<SocketAddr>,
    },
    /// Run a server with made-up accounts to try things out; reads no settings
    #[command(after_help = DEMO_HELP)]
    Demo(demo::Options),
    #[command(flatten)]
    Errand(Errand),
    /// Show the licence of a deployment; for vendors: make keys and licences
    #[command(subcommand)]
    License(license::License),
    /// Print the GraphQL schema, or with --openapi the description of the REST API
    #[command(after_help = "Examples:\n  purser schema > schema.graphql\n  purser schema --openapi > openapi.json")]
    Schema {
        /// The description of the REST API (OpenAPI 3.1, JSON) instead
        #[arg(long)]
        openapi: bool,
    },
    /// Show the settings in force as TOML, secrets hidden, each with where it comes from
    #[command(after_help = "Example:\n  PURSER_TOKENS__ACCESS_TTL=1h purser config")]
    Config,
}

/// What takes a moment, and may be done while a server is running on the same database.
#[derive(Debug, Subcommand)]
enum Errand {
    /// Create and list clients: the organisations whose people sign in here
    #[command(subcommand)]
    Client(Client),
    /// Create the users of a client, take them in from a file, write them into one, help those who lost their second factor
    #[command(subcommand)]
    User(User),
    /// Create system administrators, who look after the whole deployment
    #[command(subcommand)]
    Admin(Admin),
    /// Set up the identity providers of a client: OpenID Connect, SAML, Microsoft
    #[command(subcommand)]
    Provider(provider::Provider),
    /// Name and prove the domains of a client
    #[command(subcommand)]
    Domain(provider::Domain),
    /// Read the audit log out
    #[command(subcommand)]
    Audit(export::Audit),
    /// List and rotate the keys that sign access tokens
    #[command(subcommand)]
    Keys(Keys),
    /// Bring the database's tables up to date; every other command does so too
    #[command(after_help = "Example:\n  PURSER_DATABASE__URL=postgres://purser@db.example.com/purser purser migrate")]
    Migrate,
    /// Say that this database was brought back from a backup: ends every session, so that none lives that was ended since
    #[command(
        after_help = "Run it after putting the database back and before starting the server.\n\nExample:\n  purser restore && purser serve"
    )]
    Restore,
}

const DEMO_HELP: &str = "\
Starts on 127.0.0.1:8080, or the next free port, with the client `acme`, one user for each role and the
administrator `root`. Everything is gone when it stops, unless --dir names a folder to keep it in.

Examples:
  purser demo
  purser demo --dir ./demo --listen 127.0.0.1:9000";

#[derive(Debug, Subcommand)]
enum Client {
    /// Create a client
    #[command(after_help = "Example:\n  purser client create acme --name 'Acme Industries'")]
    Create {
        /// Its ID: 1 to 63 of a-z, 0-9 and inner hyphens. It is the value of X-Client-ID and the sub-domain, and never changes
        id: String,
        /// Its name, for people
        #[arg(long)]
        name: String,
    },
    /// Read out all that is kept of a client, one JSON object a line
    #[command(
        after_help = "Neither password hashes nor anything sealed is read out.\n\nExample:\n  purser client export acme --output acme.jsonl"
    )]
    Export {
        /// ID of the client
        id: String,
        /// File to write, made with mode 0600; must not exist yet. `-` is standard output
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
    },
    /// List all clients
    #[command(after_help = "Example:\n  purser client list")]
    List,
}

#[derive(Debug, Subcommand)]
enum User {
    /// Create a user who can sign in
    #[command(after_help = USER_HELP)]
    Create(NewUser),
    /// Take people in from a file, CSV or JSON lines
    #[command(after_help = people::IMPORT_HELP)]
    Import(people::Import),
    /// Write all people of a client to standard output, as a file that an import takes
    #[command(after_help = people::EXPORT_HELP)]
    Export(people::Export),
    /// Take every second factor of a user away, so that they can come in again
    #[command(after_help = people::RESET_TWO_FACTOR_HELP)]
    ResetTwoFactor(people::ResetTwoFactor),
}

const USER_HELP: &str = "\
Roles: Admin, User Admin, Author, Operator, Approver, Publisher, Viewer; in any case, several with
several --role. A password is never taken from the command line, where others could read it.

Examples:
  purser user create --client acme --email ann@acme.test --first-name Ann --last-name Lee \\
      --role Author --role 'User Admin'
  purser user create … --password-stdin < password.txt";

#[derive(Args, Debug)]
struct NewUser {
    /// ID of the client the user belongs to
    #[arg(long, value_name = "ID")]
    client: String,
    /// E-mail address, with which the user signs in
    #[arg(long)]
    email: String,
    /// First name
    #[arg(long, value_name = "NAME")]
    first_name: String,
    /// Last name
    #[arg(long, value_name = "NAME")]
    last_name: String,
    /// A role; may be said several times
    #[arg(long = "role", value_name = "ROLE", required = true, value_delimiter = ',')]
    roles: Vec<Role>,
    /// Read the password from standard input, one line. Without this a password is made and printed, once
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, Subcommand)]
enum Admin {
    /// Create a system administrator
    #[command(
        after_help = "Examples:\n  purser admin create root\n  purser admin create root --password-stdin < password.txt"
    )]
    Create {
        /// Name to sign in with: 1 to 64 of a-z, 0-9, dot, underscore, hyphen and @
        username: String,
        /// Read the password from standard input, one line. Without this a password is made and printed, once
        #[arg(long)]
        password_stdin: bool,
    },
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Keys {
    /// List the signing keys' public side
    #[command(after_help = "Example:\n  purser keys list")]
    List,
    /// Make new signing keys. Tokens signed with the former ones stay good until they expire
    #[command(after_help = "Example:\n  purser keys rotate")]
    Rotate,
}

impl CommandLine {
    /// Carries out what was said.
    ///
    /// # Errors
    /// [`Failure`], with what to do next.
    pub async fn run(self) -> Result<(), Failure> {
        let sources = Sources { file: self.config.clone(), ..Sources::of_this_process() };
        match self.command {
            Command::Serve { listen } => serve(Sources { listen, ..sources }).await,
            Command::Demo(_) if self.config.is_some() => {
                Err(Failure::usage("demo reads no settings").hint("leave --config out, or use `purser serve`"))
            }
            Command::Demo(options) => demo::run(options).await,
            Command::License(which) => license::run(which, sources).await,
            Command::Schema { openapi } => schema(openapi),
            Command::Config => show(&sources.load()?),
            Command::Errand(errand) => errand.run(sources.load()?).await,
        }
    }
}

async fn serve(sources: Sources) -> Result<(), Failure> {
    let loaded = sources.load()?;
    log::start(&loaded.settings.log);
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let app = Arc::new(Box::pin(App::open(loaded.settings)).await?);
    Ok(serve::run(app, Playground::Hidden, |_| ()).await?)
}

fn schema(openapi: bool) -> Result<(), Failure> {
    let text = if openapi {
        router::description().to_pretty_json().map_err(|fault| Failure::new(fault.to_string()))?
    } else {
        purser_graphql::sdl()
    };
    say(text.trim_end())
}

fn show(loaded: &Loaded) -> Result<(), Failure> {
    for warning in &loaded.warnings {
        note(&format!("warning: {warning}"));
    }
    say(loaded.to_toml().trim_end())
}

impl Errand {
    async fn run(self, mut loaded: Loaded) -> Result<(), Failure> {
        quieten(&mut loaded);
        match self {
            Self::Client(Client::Create { id, name }) => commands::create_client(loaded, &id, &name).await,
            Self::Client(Client::Export { id, output }) => export::export_client(loaded, &id, &output).await,
            Self::Client(Client::List) => commands::list_clients(loaded).await,
            Self::User(User::Create(user)) => commands::create_user(loaded, user).await,
            Self::User(User::Import(import)) => Box::pin(import.run(loaded)).await,
            Self::User(User::Export(export)) => Box::pin(export.run(loaded)).await,
            Self::User(User::ResetTwoFactor(reset)) => Box::pin(reset.run(loaded)).await,
            Self::Admin(Admin::Create { username, password_stdin }) => {
                commands::create_admin(loaded, &username, password::from(password_stdin)?).await
            }
            Self::Provider(command) => Box::pin(providers::run(loaded, command)).await,
            Self::Domain(command) => Box::pin(providers::run_domain(loaded, command)).await,
            Self::Audit(which) => export::run(loaded, which).await,
            Self::Keys(which) => commands::keys(loaded, which).await,
            Self::Migrate => commands::migrate(loaded).await,
            Self::Restore => commands::restore(loaded).await,
        }
    }
}

/// What a server logs day by day would only be in the way of an answer.
fn quieten(loaded: &mut Loaded) {
    if loaded.origin("log.level").is_none() {
        "warn".clone_into(&mut loaded.settings.log.level);
    }
    log::start(&loaded.settings.log);
}

/// Answers on standard output. A reader who has gone away is no failure of ours.
///
/// # Errors
/// If the output cannot be written, to a full disk for instance.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    match print(text) {
        Err(fault) if fault.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("the answer cannot be written: {fault}")))
        }
        _ => Ok(()),
    }
}

/// Answers on standard output what has to arrive.
///
/// # Errors
/// If it cannot be written, or nobody reads it.
fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush())
}

/// Tells a person something besides the answer, on standard error. Nobody may be listening.
pub(crate) fn note(text: &str) {
    drop(writeln!(std::io::stderr(), "{}", failure::plain(text)));
}

/// A date or a moment, in whole seconds.
fn moment(text: &str) -> Result<Timestamp, String> {
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let moment = whole.parse::<Timestamp>();
    let moment = moment.map_err(|_| "write a date or a moment, as 2028-01-31 or 2028-01-31T12:00:00Z".to_owned())?;
    Ok(Timestamp::from_seconds(moment.seconds()))
}

/// An address and a port.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write an address and a port, as 127.0.0.1:8080".to_owned())
}
