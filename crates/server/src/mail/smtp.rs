//! Handing letters to a mail server (RFC 5321), in TLS wherever the line leaves this machine.

use std::time::Duration;

use anyhow::Context as _;
use lettre::Message;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::{Code, Severity};
use purser_core::config::Mail;
use purser_core::mail::Undelivered;
use tokio::time::timeout;
use url::Url;

use crate::settings::is_this_machine;

/// For everything up to the letter itself.
const OPENING: Duration = Duration::from_mins(1);
/// For the letter, and the server's word for it. Well below the time after which a letter in hand counts as lost.
const HANDING_OVER: Duration = Duration::from_mins(5);
/// For a farewell that nobody has to answer.
const LEAVING: Duration = Duration::from_secs(2);

/// How the line is kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cover {
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// TLS before anything is said (RFC 3207); a server that does not offer it gets nothing.
    StartTls,
    /// None: the line does not leave this machine.
    Loopback,
}

/// A mail server as `mail.url` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    host: String,
    port: u16,
    cover: Cover,
}

/// Reads `mail.url`.
///
/// # Errors
/// What would be right instead.
pub(crate) fn server_of(text: &str) -> Result<Server, &'static str> {
    let wrong = "write smtp://HOST:PORT or smtps://HOST:PORT, with nothing after the port";
    let url = Url::parse(text).map_err(|_| wrong)?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or(wrong)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("put name and password into mail.user and mail.password");
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong);
    }
    let (cover, usual) = match url.scheme() {
        "smtps" => (Cover::Tls, 465),
        "smtp" if is_this_machine(host) => (Cover::Loopback, 587),
        "smtp" => (Cover::StartTls, 587),
        _ => return Err(wrong),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    Ok(Server { host, port: url.port().unwrap_or(usual), cover })
}

/// The way through a mail server.
pub(super) struct Smtp {
    server: Server,
    tls: TlsParameters,
    credentials: Option<Credentials>,
    hello: ClientId,
}

impl Smtp {
    /// As the settings say; `hello` is the name we go by.
    pub(super) fn of(mail: &Mail, hello: &str) -> anyhow::Result<Self> {
        let server =
            server_of(mail.url.as_deref().unwrap_or_default()).map_err(anyhow::Error::msg).context("mail.url")?;
        let mut tls = TlsParameters::builder(server.host.clone());
        if let Some(file) = &mail.ca_file {
            let pem = std::fs::read(file).with_context(|| format!("mail.ca_file {} cannot be read", file.display()))?;
            tls = tls.add_root_certificate(Certificate::from_pem(&pem).context("mail.ca_file")?);
        }
        let tls = tls.build_rustls().context("mail")?;
        let credentials = match (&mail.user, &mail.password) {
            (Some(user), Some(password)) => Some(Credentials::new(user.clone(), password.reveal().to_owned())),
            _ => None,
        };
        Ok(Self { server, tls, credentials, hello: ClientId::Domain(hello.to_owned()) })
    }

    /// Hands one letter over. Until its first byte nothing can have been accepted, so whatever fails may be tried again; from then on
    /// only the server's own word counts, and without it nobody knows.
    pub(super) async fn hand_over(&self, message: &Message) -> Result<(), Undelivered> {
        let opened = timeout(OPENING, self.open(message)).await;
        let mut line = opened.map_err(|_| Undelivered::Later("the mail server is too slow".into()))??;
        match timeout(HANDING_OVER, line.message(&message.formatted())).await {
            Ok(Ok(_)) => {
                let _answered = timeout(LEAVING, line.quit()).await;
                Ok(())
            }
            Ok(Err(fault)) if fault.status().is_some() => Err(refused(&fault)),
            Ok(Err(fault)) => Err(Undelivered::Uncertain(told(&fault))),
            Err(_) => Err(Undelivered::Uncertain("the mail server took the letter and said nothing".into())),
        }
    }

    /// A line on which the server waits for the letter itself.
    async fn open(&self, message: &Message) -> Result<AsyncSmtpConnection, Undelivered> {
        let Server { host, port, cover } = &self.server;
        let tls = (*cover == Cover::Tls).then(|| self.tls.clone());
        let mut line =
            AsyncSmtpConnection::connect_tokio1((host.as_str(), *port), Some(OPENING), &self.hello, tls, None)
                .await
                .map_err(|fault| Undelivered::Later(told(&fault)))?;
        if *cover == Cover::StartTls {
            // Without the offer this fails, and nothing more is said on the open line.
            let upgraded = line.starttls(self.tls.clone(), &self.hello).await;
            upgraded.map_err(|fault| Undelivered::Later(told(&fault)))?;
        }
        if let Some(credentials) = &self.credentials {
            let signed_in = line.auth(&[Mechanism::Plain, Mechanism::Login], credentials).await;
            signed_in.map_err(|fault| Undelivered::Later(told(&fault)))?;
        }
        let envelope = message.envelope();
        line.command(MailFrom::new(envelope.from().cloned(), Vec::new())).await.map_err(|fault| refused(&fault))?;
        for to in envelope.to() {
            line.command(Rcpt::new(to.clone(), Vec::new())).await.map_err(|fault| refused(&fault))?;
        }
        line.command(Data).await.map_err(|fault| refused(&fault))?;
        Ok(line)
    }
}

type Fault = lettre::transport::smtp::Error;

/// What the server says of one letter. Only of the mailbox does it speak for good (550, 551, 553); anything else may be mended here or
/// there (RFC 5321 section 4.2.3).
fn refused(fault: &Fault) -> Undelivered {
    let about_the_mailbox = |code: Code| {
        code.severity == Severity::PermanentNegativeCompletion
            && matches!(code.to_string().as_str(), "550" | "551" | "553")
    };
    if fault.status().is_some_and(about_the_mailbox) {
        Undelivered::Never(told(fault))
    } else {
        Undelivered::Later(told(fault))
    }
}

/// The chain of causes in one line. It may hold what the server said, and never what we did.
fn told(fault: &Fault) -> String {
    let first: Option<&dyn std::error::Error> = Some(fault);
    let causes = std::iter::successors(first, |fault| fault.source());
    let mut words: Vec<String> = causes.map(ToString::to_string).collect();
    words.dedup();
    words.join(": ")
}

#[cfg(test)]
mod tests;
