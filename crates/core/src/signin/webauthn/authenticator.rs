//! The authenticator's own data: bytes at fixed places (WebAuthn section 6.1), and CBOR around and after them.

use coset::cbor::value::Value;
use sha2::{Digest as _, Sha256};

use super::Flaw;

/// What an authenticator says.
#[derive(Debug)]
pub(super) struct AuthenticatorData {
    domain_hash: [u8; 32],
    pub(super) flags: Flags,
    pub(super) counter: u32,
    pub(super) attested: Option<Attested>,
}

/// A passkey that was just made.
#[derive(Debug)]
pub(super) struct Attested {
    pub(super) credential: Vec<u8>,
    /// Its public key, as COSE writes it.
    pub(super) key: Vec<u8>,
}

/// What happened at the authenticator, a bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flags(u8);

impl Flags {
    /// Somebody touched it (UP).
    pub(crate) fn present(self) -> bool {
        self.0 & 0x01 != 0
    }

    /// It knows who: by PIN, finger or face (UV).
    pub(crate) fn verified(self) -> bool {
        self.0 & 0x04 != 0
    }

    /// The passkey may leave the device (BE).
    pub(crate) fn may_be_backed_up(self) -> bool {
        self.0 & 0x08 != 0
    }

    /// It has (BS).
    pub(super) fn backed_up(self) -> bool {
        self.0 & 0x10 != 0
    }

    fn has_credential(self) -> bool {
        self.0 & 0x40 != 0
    }

    fn has_extensions(self) -> bool {
        self.0 & 0x80 != 0
    }
}

const CUT_SHORT: Flaw = Flaw("the authenticator's data is cut short");
const UNREADABLE: Flaw = Flaw("the authenticator's data cannot be read");

impl AuthenticatorData {
    /// Reads the data inside an attestation object.
    pub(super) fn attested(object: &[u8]) -> Result<Self, Flaw> {
        let mut rest = object;
        let Value::Map(members) = next(&mut rest)? else { return Err(UNREADABLE) };
        let named = |member: &&(Value, Value)| member.0.as_text() == Some("authData");
        let mut data = members.iter().filter(named);
        match (data.next(), data.next(), rest.is_empty()) {
            (Some((_, Value::Bytes(data))), None, true) => Self::read(data),
            _ => Err(UNREADABLE),
        }
    }

    /// Reads the data itself: what is announced must be there, and nothing after it.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Flaw> {
        let mut rest = bytes;
        let domain_hash = *take::<32>(&mut rest)?;
        let [flags] = *take::<1>(&mut rest)?;
        let flags = Flags(flags);
        let counter = u32::from_be_bytes(*take::<4>(&mut rest)?);
        let attested = if flags.has_credential() { Some(credential(&mut rest)?) } else { None };
        if flags.has_extensions() && !matches!(next(&mut rest)?, Value::Map(_)) {
            return Err(UNREADABLE);
        }
        if !rest.is_empty() {
            return Err(Flaw("something follows the authenticator's data"));
        }
        Ok(Self { domain_hash, flags, counter, attested })
    }

    /// Whether it speaks of a passkey for this domain.
    pub(super) fn is_for(&self, domain: &str) -> bool {
        Sha256::digest(domain).as_slice() == self.domain_hash
    }
}

fn credential(rest: &mut &[u8]) -> Result<Attested, Flaw> {
    let _model = take::<16>(rest)?;
    let length = usize::from(u16::from_be_bytes(*take::<2>(rest)?));
    let (credential, after) = rest.split_at_checked(length).ok_or(CUT_SHORT)?;
    *rest = after;
    let start = *rest;
    next(rest)?;
    let key = start.get(..start.len() - rest.len()).ok_or(UNREADABLE)?;
    Ok(Attested { credential: credential.to_vec(), key: key.to_vec() })
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], Flaw> {
    let (taken, after) = rest.split_first_chunk::<N>().ok_or(CUT_SHORT)?;
    *rest = after;
    Ok(taken)
}

/// The next thing in CBOR.
fn next(rest: &mut &[u8]) -> Result<Value, Flaw> {
    /// No authenticator nests deeper; a stranger might.
    const DEEPEST: usize = 16;
    coset::cbor::de::from_reader_with_recursion_limit(rest, DEEPEST).map_err(|_| UNREADABLE)
}
