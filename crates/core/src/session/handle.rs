//! The opaque handles on a session, refresh token and cookie: sealed with keys the database does not hold, so that
//! nothing stored there can be turned into one.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::lineage::{Branch, Presented};
use crate::env::Entropy;
use crate::ids::SessionId;
use crate::secret::{self, Secret};
use crate::vault::Vault;

/// The two worlds that never meet: those who use the platform, and those who run it. No token crosses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Realm {
    /// Users of tenants, under `/api/client`.
    Client,
    /// System administrators, under `/api/admin`.
    Admin,
}

impl Realm {
    /// Its name in the store and in the purposes of keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Admin => "admin",
        }
    }
}

/// What a refresh token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RefreshToken {
    /// Whose handle it is.
    pub(crate) session: SessionId,
    /// Its place in the session's lineage.
    pub(crate) place: Presented,
}

/// Makes and reads the handles of one realm.
pub(crate) struct Handles {
    refresh: hmac::Key,
    cookie: hmac::Key,
}

impl Handles {
    /// The handles of a realm, under keys of its own.
    pub(crate) fn of(realm: Realm, vault: &Vault) -> Self {
        let key = |kind| {
            let purpose = format!("handle/{kind}/{}", realm.as_str());
            hmac::Key::new(hmac::HMAC_SHA256, vault.derive(&purpose).as_slice())
        };
        Self { refresh: key("refresh"), cookie: key("cookie") }
    }

    /// Writes a refresh token: version, session, generation, branch and their HMAC.
    pub(crate) fn write_refresh(&self, token: RefreshToken) -> Secret {
        let RefreshToken { session, place: Presented { generation, branch } } = token;
        let said = [&[REFRESH], session.0.as_slice(), &generation.to_be_bytes(), &branch.0].concat();
        seal(&self.refresh, said)
    }

    /// Reads a refresh token; nothing for whatever we did not write. Asks no database, so that junk costs one HMAC.
    pub(crate) fn read_refresh(&self, text: &str) -> Option<RefreshToken> {
        let mut bytes = [0; REFRESH_LENGTH];
        let said = unseal(&self.refresh, text, &mut bytes)?;
        let (&[version], said) = said.split_first_chunk()?;
        let (session, said) = said.split_first_chunk()?;
        let (generation, branch) = said.split_first_chunk()?;
        let generation = u32::from_be_bytes(*generation);
        let place = Presented { generation, branch: Branch(branch.try_into().ok()?) };
        (version == REFRESH).then_some(RefreshToken { session: SessionId(*session), place })
    }

    /// Writes a cookie's value: version, session, 128 random bits and their HMAC.
    pub(crate) fn write_cookie(&self, session: SessionId, entropy: &dyn Entropy) -> Secret {
        let mut random = [0; 16];
        entropy.fill(&mut random);
        seal(&self.cookie, [&[COOKIE], session.0.as_slice(), &random].concat())
    }

    /// The session a cookie's value belongs to; nothing for whatever we did not write.
    pub(crate) fn read_cookie(&self, text: &str) -> Option<SessionId> {
        let mut bytes = [0; COOKIE_LENGTH];
        let said = unseal(&self.cookie, text, &mut bytes)?;
        let (&[version], said) = said.split_first_chunk()?;
        let (session, _random) = said.split_first_chunk()?;
        (version == COOKIE).then_some(SessionId(*session))
    }
}

/// Versions and kinds in one byte: no value is ever used for another form.
const REFRESH: u8 = 1;
const COOKIE: u8 = 2;

/// The length of the seal under every handle.
pub(crate) const SEAL: usize = 32;
const REFRESH_LENGTH: usize = 1 + 16 + 4 + 8 + SEAL;
const COOKIE_LENGTH: usize = 1 + 16 + 16 + SEAL;

/// Writes what is said, with its seal.
pub(crate) fn seal(key: &hmac::Key, mut said: Vec<u8>) -> Secret {
    let tag = hmac::sign(key, &said);
    said.extend_from_slice(tag.as_ref());
    Secret::new(secret::encode(&said))
}

/// What was said under the seal. The text must be the one canonical spelling of exactly as many bytes as fit into
/// `bytes`: two spellings of one token would be two keys in every cache and limit. The seal is compared in constant time.
pub(crate) fn unseal<'a>(key: &hmac::Key, text: &str, bytes: &'a mut [u8]) -> Option<&'a [u8]> {
    if base64::encoded_len(bytes.len(), false) != Some(text.len()) {
        return None;
    }
    if URL_SAFE_NO_PAD.decode_slice(text, bytes) != Ok(bytes.len()) {
        return None;
    }
    let (said, tag) = bytes.split_last_chunk::<SEAL>()?;
    hmac::verify(key, said, tag).ok()?;
    Some(said)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::env::{SeededEntropy, SystemEntropy};
    use crate::vault::MasterKey;

    fn vault(letter: &str) -> Vault {
        let key = MasterKey::Inline(Secret::new(letter.repeat(43) + "="));
        Vault::open(&key, &SystemEntropy::default()).unwrap()
    }

    fn handles() -> Handles {
        Handles::of(Realm::Client, &vault("A"))
    }

    fn token() -> RefreshToken {
        let place = Presented { generation: 7, branch: Branch([9; 8]) };
        RefreshToken { session: SessionId([5; 16]), place }
    }

    fn cookie() -> Secret {
        handles().write_cookie(SessionId([5; 16]), &SeededEntropy::new(1))
    }

    /// Handles outlive releases: what was written yesterday must be read tomorrow. Computed apart, with Python's `hmac`.
    #[test]
    fn the_written_forms_never_change() {
        assert_eq!(
            handles().write_refresh(token()).reveal(),
            "AQUFBQUFBQUFBQUFBQUFBQUAAAAHCQkJCQkJCQkYVH4TO2lbRD7n1jDtQQdGNbhbhnwD_7zer7sPS91xow"
        );
        assert_eq!(
            handles()
                .read_cookie("AgUFBQUFBQUFBQUFBQUFBQULCwsLCwsLCwsLCwsLCwsLeJ9R0COMs5Jom3b7nlHiWa2ZImyrV3E-uezQOv9DBh0"),
            Some(SessionId([5; 16]))
        );
    }

    #[test]
    fn a_handle_of_another_realm_kind_or_deployment_is_refused() {
        let (refresh, cookie) = (handles().write_refresh(token()), cookie());
        for others in [Handles::of(Realm::Admin, &vault("A")), Handles::of(Realm::Client, &vault("E"))] {
            assert_eq!(others.read_refresh(refresh.reveal()), None);
            assert_eq!(others.read_cookie(cookie.reveal()), None);
        }
        assert_eq!(handles().read_refresh(cookie.reveal()), None);
        assert_eq!(handles().read_cookie(refresh.reveal()), None);
    }

    /// Even if one key served both kinds and all versions, the first byte would keep them apart.
    #[test]
    fn another_kind_or_version_under_a_good_seal_is_refused() {
        for version in (0..=255).filter(|version| *version != REFRESH) {
            let said = [&[version], [5; 28].as_slice()].concat();
            assert_eq!(handles().read_refresh(seal(&handles().refresh, said).reveal()), None);
        }
        for version in (0..=255).filter(|version| *version != COOKIE) {
            let said = [&[version], [5; 32].as_slice()].concat();
            assert_eq!(handles().read_cookie(seal(&handles().cookie, said).reveal()), None);
        }
    }

    #[test]
    fn two_cookies_of_one_session_differ() {
        let entropy = SeededEntropy::new(1);
        let [one, other] = [(); 2].map(|()| handles().write_cookie(SessionId([5; 16]), &entropy));
        assert_ne!(one, other);
        assert_eq!(handles().read_cookie(one.reveal()), handles().read_cookie(other.reveal()));
    }

    #[test]
    fn a_handle_without_its_seal_or_in_another_spelling_is_refused() {
        for text in [handles().write_refresh(token()), cookie()] {
            let text = text.reveal();
            let last = text.chars().last().unwrap();
            let trailing_bits = char::from(last as u8 + 1);
            let others = [
                String::new(),
                text[..text.len() - 43].to_owned(),
                format!("{text}="),
                format!("{text}=="),
                format!("{text}A"),
                format!("{text}\n"),
                format!(" {text}"),
                format!("{}{trailing_bits}", &text[..text.len() - 1]),
                text.replace('-', "+").replace('_', "/") + if text.contains(['-', '_']) { "" } else { "=" },
                text.to_ascii_lowercase(),
                "A".repeat(text.len()),
                "é".repeat(text.len() / 2),
                text.repeat(10_000),
            ];
            for other in others {
                assert_eq!(handles().read_refresh(&other), None, "{other:.200}");
                assert_eq!(handles().read_cookie(&other), None, "{other:.200}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(session: [u8; 16], generation: u32, branch: [u8; 8]) {
            let place = Presented { generation, branch: Branch(branch) };
            let token = RefreshToken { session: SessionId(session), place };
            prop_assert_eq!(handles().read_refresh(handles().write_refresh(token).reveal()), Some(token));
            let cookie = handles().write_cookie(token.session, &SystemEntropy::default());
            prop_assert_eq!(handles().read_cookie(cookie.reveal()), Some(token.session));
        }

        #[test]
        fn a_handle_with_any_letter_changed_left_out_or_added_is_refused(
            place: prop::sample::Index, letter in any::<char>(), one in 0_u8..128, change in 0..4,
        ) {
            for good in [handles().write_refresh(token()), cookie()] {
                let mut letters: Vec<char> = good.reveal().chars().collect();
                let place = place.index(letters.len());
                match change {
                    0 => letters[place] = letter,
                    1 => letters[place] = char::from(one),
                    2 => letters.insert(place, char::from(one)),
                    _ => letters.truncate(place),
                }
                let changed = String::from_iter(letters);
                prop_assume!(changed != good.reveal());
                prop_assert_eq!(handles().read_refresh(&changed), None);
                prop_assert_eq!(handles().read_cookie(&changed), None);
            }
        }

        #[test]
        fn no_other_text_is_a_handle(text: String, bytes in prop::collection::vec(any::<u8>(), 60..67)) {
            for text in [text, secret::encode(&bytes)] {
                prop_assert_eq!(handles().read_refresh(&text), None);
                prop_assert_eq!(handles().read_cookie(&text), None);
            }
        }
    }
}
