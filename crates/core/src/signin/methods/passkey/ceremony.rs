//! What a passkey is asked to sign: a challenge that says itself what it is for and until when, so that nothing has to be kept of it.

use std::time::Duration;

use aws_lc_rs::hmac;

use crate::access::Caller;
use crate::app::App;
use crate::env::Timestamp;
use crate::secret;
use crate::signin::second::Challenge;

/// How long a browser has to answer.
pub(super) const LIFETIME: Duration = Duration::from_mins(5);

/// What a passkey signs for. What was signed for one ceremony is worth nothing in another.
pub(super) struct Ceremony(String);

impl Ceremony {
    /// To be registered, for this session.
    pub(super) fn of_registering(caller: &Caller) -> Self {
        let session = caller.session.map_or_else(String::new, |session| session.to_string());
        Self(format!("register/{}/{session}", caller.user.id))
    }

    /// To complete one sign-in.
    pub(super) fn of_second_factor(challenge: &Challenge) -> Self {
        Self(challenge.purpose())
    }

    /// To sign in, whoever it is.
    pub(super) fn of_signing_in() -> Self {
        Self("sign-in".to_owned())
    }
}

const NONCE: usize = 16;

impl App {
    /// A challenge for a ceremony: chance, the end of its time, and a tag over both that only we can make.
    pub(super) fn begin(&self, ceremony: &Ceremony, now: Timestamp) -> Vec<u8> {
        let until = now.after(LIFETIME).0.to_be_bytes();
        let open = [self.draw::<NONCE>().as_slice(), &until].concat();
        let tag = self.tag_of(ceremony, &open);
        [open.as_slice(), &tag].concat()
    }

    /// Whether a challenge is one of ours for this ceremony, and in time.
    pub(super) fn is_of(&self, challenge: &[u8], ceremony: &Ceremony, now: Timestamp) -> bool {
        let Some((open, tag)) = challenge.split_at_checked(NONCE + 8) else { return false };
        let Some(until) = open.last_chunk::<8>() else { return false };
        secret::same(tag, &self.tag_of(ceremony, open)) && now < Timestamp(i64::from_be_bytes(*until))
    }

    fn tag_of(&self, ceremony: &Ceremony, open: &[u8]) -> [u8; 32] {
        self.tag("passkey-challenges", &[ceremony.0.as_bytes(), b"/", open].concat())
    }

    /// A tag that only this deployment can make, under a key of its own for each purpose.
    pub(super) fn tag(&self, purpose: &str, text: &[u8]) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.vault.derive(purpose).as_slice());
        let mut tag = [0; 32];
        for (to, from) in tag.iter_mut().zip(hmac::sign(&key, text).as_ref()) {
            *to = *from;
        }
        tag
    }
}
