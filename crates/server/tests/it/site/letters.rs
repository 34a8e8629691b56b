//! The letters of a [`Site`]: carried into its outbox and read there, as their readers see them.

use std::fs;

use purser_core::access::{Role, SystemAdmin};
use purser_core::users::NewUser;
use serde_json::json;

use super::{Member, PASSWORD, Site};

/// A letter as it lay in the outbox.
#[derive(Debug)]
pub(crate) struct Mail {
    /// The whole file.
    pub(crate) file: String,
    /// Its plain text.
    pub(crate) text: String,
}

impl Mail {
    fn read(file: String) -> Self {
        let plain = file.split("Content-Type: text/plain").nth(1).unwrap();
        let (head, rest) = plain.split_once("\r\n\r\n").unwrap();
        let body = rest.split("\r\n--").next().unwrap();
        let text = if head.contains("quoted-printable") { unquoted(body) } else { body.to_owned() };
        Self { file, text }
    }

    /// A line of its head.
    pub(crate) fn head(&self, name: &str) -> &str {
        let (head, _) = self.file.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines().filter_map(|line| line.strip_prefix(&format!("{name}: ")));
        let value = lines.next().unwrap_or_else(|| panic!("no {name}: {head}"));
        assert_eq!(lines.next(), None);
        value
    }

    /// The link in it.
    pub(crate) fn link(&self) -> &str {
        self.text.lines().map(str::trim).find(|line| line.contains("?token=")).expect("a link")
    }

    /// What the link holds.
    pub(crate) fn token(&self) -> String {
        self.link().split_once("?token=").unwrap().1.to_owned()
    }
}

/// Quoted-printable (RFC 2045 section 6.7).
fn unquoted(text: &str) -> String {
    let joined = text.replace("=\r\n", "");
    let mut parts = joined.split('=');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}

impl Site {
    /// The same, with an address of its own for links: that of the requests of these stories.
    pub(crate) async fn with_mail(self) -> Self {
        self.with(|settings| settings.server.public_url = Some("http://localhost".into())).await
    }

    /// Carries away what is due, and takes what lies in the outbox, in the order of writing.
    pub(crate) async fn letters(&self) -> Vec<Mail> {
        let post = purser_server::mail::open(&self.settings).unwrap().unwrap();
        while self.app.post_letters(&*post).await.unwrap() > 0 {}
        let folder = fs::read_dir(self.ground.outbox()).unwrap();
        let mut files: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let taken = files.iter().map(|file| {
            let text = fs::read_to_string(file).unwrap();
            fs::remove_file(file).unwrap();
            Mail::read(text)
        });
        taken.collect()
    }

    /// The one letter to somebody that holds a link.
    pub(crate) async fn letter_to(&self, mailbox: &str) -> Mail {
        let letters = self.letters().await;
        let mut to = letters.into_iter().filter(|it| it.head("To") == mailbox && it.text.contains("?token="));
        let letter = to.next().unwrap_or_else(|| panic!("no letter to {mailbox}"));
        assert!(to.next().is_none());
        letter
    }

    /// Invites somebody to tenant `acme`; gives what their link holds.
    pub(crate) async fn invitation_link(&self, email: &str) -> String {
        let tenant = self.tenant("acme").await;
        let by = self.app.managing_users_of(&SystemAdmin::at_the_command_line().grant(), &tenant).await.unwrap();
        let new = NewUser::parse(email, "John", "Doe", "", [Role::Viewer], None).unwrap();
        self.app.invite_user(&by, new).await.unwrap();
        self.letter_to(email).await.token()
    }

    /// Says that a password was forgotten; gives what the link holds.
    pub(crate) async fn reset_link(&self, email: &str) -> String {
        let wish = purser_core::people::Forgotten { email: email.into(), client: Some("acme".into()) };
        self.app.forgot_password(&wish, &purser_core::audit::Visit::none()).await.unwrap();
        self.letter_to(email).await.token()
    }

    /// Asks for another address; gives what the link holds.
    pub(crate) async fn address_link(&self, member: &Member<'_>, email: &str) -> String {
        let wish = json!({"email": email, "password": PASSWORD});
        let reply = member.post("/api/client/auth/email/change", &wish).await;
        assert_eq!(reply.status, 202, "{reply}");
        self.letter_to(email).await.token()
    }
}
