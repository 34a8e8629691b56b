//! Mail: letters are queued in the store by the change that causes them, and carried away by whoever asks for those that are due.
//!
//! A letter in the queue says *what* is to be said to whom; its words, and the way it goes, belong to a [`Post`] outside this crate.
//! No link lies in the queue: it is made from the letter's link id and the master key at the moment of sending.

mod round;
pub(crate) mod sql;

use futures::future::BoxFuture;

pub use round::{MailFigures, MailReport, Troubled};

use crate::access::Scope;
use crate::app::App;
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{LetterId, LinkId, TenantId, UserId};
use crate::people::Purpose;
use crate::secret::Secret;
use crate::store::{Change, args};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $word:literal $(to $purpose:ident)?,)*) => {
        /// What a letter is about. Its words are the [`Post`]'s.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// As it stands in the store and in reports.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What the link in it is for, if it has one.
            fn purpose(self) -> Option<Purpose> {
                match self { $(Self::$name => kinds!(@purpose $($purpose)?),)* }
            }
        }
    };
    (@purpose) => { None };
    (@purpose $purpose:ident) => { Some(Purpose::$purpose) };
}

kinds! {
    /// Come aboard: a link to choose a password.
    Invitation = "invitation" to Invitation,
    /// A link to choose another password.
    PasswordReset = "password-reset" to Reset,
    /// There is no password to choose: sign in through your organisation.
    SignInElsewhere = "sign-in-elsewhere",
    /// Your password was changed.
    PasswordChanged = "password-changed",
    /// Is this address yours? A link to say so, sent to the address itself. `about` holds nothing.
    AddressConfirmation = "address-confirmation" to Address,
    /// Somebody asked that `about` be your address from now on. Sent to the present one.
    AddressAsked = "address-asked",
    /// `about` is your address from now on. Sent to the former one.
    AddressChanged = "address-changed",
    /// Your account was disabled.
    AccountDisabled = "account-disabled",
    /// Your second factors were taken away.
    TwoFactorReset = "two-factor-reset",
    /// You added or removed a second factor (ASVS 6.3.7).
    TwoFactorChanged = "two-factor-changed",
}

impl Kind {
    fn stored(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }
}

/// A letter about to be sent.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Its id, for the `Message-ID`.
    pub id: LetterId,
    /// What it is about.
    pub kind: Kind,
    /// The tenant it comes from.
    pub tenant: TenantId,
    /// That tenant's name, for people.
    pub tenant_name: String,
    /// Where it goes. An address that was parsed: it holds no blanks, controls or line ends.
    pub mailbox: String,
    /// The person's first name.
    pub first_name: String,
    /// What there is to tell beside; see [`Kind`].
    pub about: String,
    /// The address to follow.
    pub link: Option<Secret>,
    /// Until when that leads somewhere.
    pub expires_at: Option<Timestamp>,
    /// Since when it has been waiting.
    pub created_at: Timestamp,
}

/// Why a letter did not go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// It was not accepted. Trying again may help.
    Later(String),
    /// It was refused for good.
    Never(String),
    /// Nobody knows: the line went dead when it may have been accepted already. It is not sent again.
    Uncertain(String),
}

/// Carries letters away.
pub trait Post: Send + Sync {
    /// Carries one letter away, once; retrying is not its business.
    fn carry<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<(), Undelivered>>;
}

/// A letter to be queued.
#[derive(Debug)]
pub(crate) struct NewLetter<'a> {
    pub(crate) kind: Kind,
    pub(crate) user: UserId,
    pub(crate) mailbox: &'a str,
    /// What it is written for, unique within the tenant for all time: by an id, or by the user's epoch.
    pub(crate) cause: String,
    pub(crate) about: &'a str,
    pub(crate) link: Option<LinkId>,
}

impl<'a> NewLetter<'a> {
    /// A letter that tells what has happened, and asks for nothing.
    pub(crate) fn notice(kind: Kind, user: UserId, mailbox: &'a str, occasion: impl std::fmt::Display) -> Self {
        Self { kind, user, mailbox, cause: format!("{}/{user}/{occasion}", kind.as_str()), about: "", link: None }
    }
}

impl App {
    /// Whether letters leave from here. Where they do not, notices are left out, and whatever cannot do without a letter is refused.
    pub fn sends_mail(&self) -> bool {
        self.settings.mail.is_set_up()
    }

    /// Whether letters with links in them leave from here: those need an address of ours to lead to.
    pub fn sends_links(&self) -> bool {
        self.demand_mail().is_ok()
    }

    /// Refuses what cannot do without a letter with a link in it.
    ///
    /// # Errors
    /// [`Error::MailUnavailable`] if there is no way for mail, or no address of ours to put into it.
    pub(crate) fn demand_mail(&self) -> Result<()> {
        let missing = match &self.settings.server.public_url {
            _ if !self.sends_mail() => "no mail is sent from here: set mail.url and mail.from",
            None => "letters need server.public_url: set it to the address people use, as https://id.example.com",
            Some(_) => return Ok(()),
        };
        Err(Error::MailUnavailable(missing.into()))
    }

    /// Adds a letter to the change that is its cause. A change whose letter was written before is refused as
    /// [`Error::Conflict`]: it was made before. Where no letters leave, nothing is added.
    pub(crate) fn posting(&self, change: Change, letter: NewLetter<'_>, now: Timestamp) -> Change {
        if !self.sends_mail() {
            return change;
        }
        let id = LetterId::mint(now, &*self.entropy);
        let NewLetter { kind, user, mailbox, cause, about, link } = letter;
        let row = args![id, cause, kind.as_str(), user, mailbox, about, link, now];
        change.must(sql::ADD, row, || Error::Conflict)
    }
}

/// A letter in the store, which belongs to a tenant.
#[derive(Debug)]
struct Queued {
    tenant: TenantId,
    id: LetterId,
}

impl Scope for Queued {
    fn tenant(&self) -> &TenantId {
        &self.tenant
    }
}
