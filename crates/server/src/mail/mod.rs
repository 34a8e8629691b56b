//! The way of letters out of here: their words, and the two ends they can go to.

mod outbox;
mod smtp;
mod words;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use askama::Template as _;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use purser_core::config::{Mail, Settings};
use purser_core::mail::{Letter, Post, Undelivered};

use outbox::Outbox;
use smtp::Smtp;
pub(crate) use smtp::server_of;
use words::{Html, Plain, words};

/// Whom letters come from where nobody said: no real address, and good enough for a folder.
const NOBODY: &str = "Purser <purser@localhost>";

/// What carries letters away as the settings say; nothing, if they name no way.
///
/// # Errors
/// Settings that cannot be followed.
pub fn open(settings: &Settings) -> anyhow::Result<Option<Arc<dyn Post>>> {
    let mail = &settings.mail;
    if !mail.is_set_up() {
        return Ok(None);
    }
    let from = sender(mail)?;
    let way = match &mail.outbox {
        Some(folder) => Way::Outbox(Outbox::open(folder).context("mail.outbox")?),
        None => Way::Smtp(Smtp::of(mail, from.email.domain())?),
    };
    Ok(Some(Arc::new(Office { from, home: settings.server.public_url.clone(), way })))
}

/// Whom letters come from.
///
/// # Errors
/// If it is no mailbox.
pub(crate) fn sender(mail: &Mail) -> anyhow::Result<Mailbox> {
    mail.from.as_deref().unwrap_or(NOBODY).parse().context("mail.from")
}

enum Way {
    Smtp(Smtp),
    Outbox(Outbox),
}

/// Writes letters, and hands them over.
struct Office {
    from: Mailbox,
    home: Option<String>,
    way: Way,
}

impl Post for Office {
    fn carry<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<(), Undelivered>> {
        async move {
            let message = self.written(letter).map_err(|fault| Undelivered::Never(format!("{fault:#}")))?;
            match &self.way {
                Way::Smtp(smtp) => smtp.hand_over(&message).await,
                Way::Outbox(outbox) => outbox.put(letter, message.formatted()).await,
            }
        }
        .boxed()
    }
}

impl Office {
    /// The letter as it goes over the line (RFC 5322). Whatever comes from people stands in bodies and encoded words only, and the
    /// address was parsed: no line of the head can be added by anybody.
    fn written(&self, letter: &Letter) -> anyhow::Result<Message> {
        let words = words(letter, self.home.as_deref());
        let to = Mailbox::new(None, letter.mailbox.parse().context("the mailbox")?);
        let id = format!("<{}@{}>", letter.id, self.from.email.domain());
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .date(written_at(letter))
            .message_id(Some(id))
            .subject(words.subject.as_str())
            // No machine shall answer (RFC 3834 section 5).
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
            .multipart(MultiPart::alternative_plain_html(Plain(&words).render()?, Html(&words).render()?))
            .context("the letter")
    }
}

fn written_at(letter: &Letter) -> SystemTime {
    let seconds = u64::try_from(letter.created_at.seconds()).unwrap_or(0);
    UNIX_EPOCH + Duration::from_secs(seconds)
}
