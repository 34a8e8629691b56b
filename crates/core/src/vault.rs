//! [`Vault`]: the deployment's master key, from which every other key is derived and under which secrets are sealed.

use std::fmt;
use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::env::Entropy;
use crate::error::Error;
use crate::secret::{self, Secret};

/// A key of 256 bits, wiped from memory when dropped.
pub(crate) type Key = Zeroizing<[u8; 32]>;

/// Where the master key comes from. Nodes that share a database share the key.
#[derive(Clone, Debug)]
pub(crate) enum MasterKey {
    /// A file that only its owner may read; made on the first start.
    File(PathBuf),
    /// The key itself, as base64, from the environment or the settings.
    Inline(Secret),
}

/// The master key, opened. What the database holds is worth nothing without it.
pub(crate) struct Vault {
    root: Prk,
    sealing: LessSafeKey,
}

/// Why the master key, or what lies under it, cannot be used. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VaultError {
    /// The file is there but cannot be read.
    #[error("the master key {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not there and cannot be made.
    #[error("the master key {} cannot be made", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than the owner have access to the file.
    #[error("the master key {0} is open to others (mode {mode:03o}): run `chmod 600 {0}`, and think of who may have read it", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Neither the file nor the setting holds 32 bytes of base64.
    #[error(
        "{0} holds no master key: it must be the base64 of 32 random bytes, as `openssl rand -base64 32` prints them"
    )]
    Malformed(String),
    /// Sealed under another master key, for another purpose, or damaged.
    #[error("the secret {0:?} does not open with this master key")]
    Sealed(String),
}

impl From<VaultError> for Error {
    fn from(fault: VaultError) -> Self {
        Self::internal(fault)
    }
}

impl Vault {
    /// Opens the vault; a key file that does not exist is made, readable by its owner only.
    ///
    /// # Errors
    /// Any [`VaultError`] but [`VaultError::Sealed`]; the server must not start then.
    pub(crate) fn open(from: &MasterKey, entropy: &dyn Entropy) -> Result<Self, VaultError> {
        let master = match from {
            MasterKey::File(path) => read_or_make(path, entropy)?,
            MasterKey::Inline(text) => {
                parse(text.reveal().as_bytes()).ok_or_else(|| VaultError::Malformed("secrets.master_key".to_owned()))?
            }
        };
        Ok(Self::holding(&master))
    }

    /// The key for one purpose (HKDF, RFC 5869). Different purposes give keys that tell nothing about each other.
    pub(crate) fn derive(&self, purpose: &str) -> Key {
        expand(&self.root, "use/", purpose)
    }

    /// A public value that two vaults share only if they hold the same key. The store keeps it, so that a node
    /// with another key refuses to start instead of sealing what its neighbours cannot open.
    pub(crate) fn fingerprint(&self) -> String {
        secret::encode(expand(&self.root, "vault/", "fingerprint").as_slice())
    }

    /// Seals a secret for the database: AES-256-GCM, tied to `context` (say, which row it belongs to).
    ///
    /// Nonces are drawn, not counted: nodes need not agree on a counter, and a deployment seals far fewer than the
    /// 2³² secrets at which that would become unsafe (SP 800-38D section 8.3).
    pub(crate) fn seal(&self, context: &str, plain: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce);
        self.seal_with(nonce, context, plain)
    }

    /// Opens what [`Vault::seal`] sealed for the same context.
    ///
    /// # Errors
    /// [`VaultError::Sealed`] if it was sealed under another key or context, or was changed.
    pub(crate) fn open_sealed(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.unseal(context, sealed).ok_or_else(|| VaultError::Sealed(context.to_owned()))
    }

    fn seal_with(&self, nonce: [u8; NONCE_LEN], context: &str, plain: &[u8]) -> Vec<u8> {
        let mut body = plain.to_vec();
        self.sealing
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut body)
            .expect("AES-GCM takes any text that fits into memory");
        [&[VERSION], nonce.as_slice(), &body].concat()
    }

    fn unseal(&self, context: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (&VERSION, rest) = sealed.split_first()? else { return None };
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>()?;
        let mut body = Zeroizing::new(body.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.sealing.open_in_place(nonce, Aad::from(context), &mut body).ok()?.len();
        body.truncate(length);
        Some(body)
    }

    fn holding(master: &Key) -> Self {
        let root = Salt::new(HKDF_SHA256, b"purser master key").extract(master.as_slice());
        let key = UnboundKey::new(&AES_256_GCM, expand(&root, "vault/", "seal").as_slice());
        Self { sealing: LessSafeKey::new(key.expect("AES-256 takes 32 bytes")), root }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[vault]")
    }
}

/// The form of what [`Vault::seal`] makes: this byte, the nonce, the ciphertext with its tag.
const VERSION: u8 = 1;

/// More than any key file holds; a wrong path must not fill the memory.
const LONGEST_FILE: u64 = 256;

/// What the vault needs for itself has a root of its own, so that no purpose can collide with it.
fn expand(root: &Prk, kind: &str, purpose: &str) -> Key {
    let mut key = Key::default();
    root.expand(&[kind.as_bytes(), purpose.as_bytes()], HKDF_SHA256)
        .and_then(|material| material.fill(key.as_mut_slice()))
        .expect("HKDF-SHA256 gives up to 8160 bytes, and 32 are asked for");
    key
}

fn parse(text: &[u8]) -> Option<Key> {
    let bytes = Zeroizing::new(STANDARD.decode(text.trim_ascii()).ok()?);
    Some(Key::new(bytes.as_slice().try_into().ok()?))
}

fn read_or_make(path: &Path, entropy: &dyn Entropy) -> Result<Key, VaultError> {
    if let Some(key) = read(path)? {
        return Ok(key);
    }
    make(path, entropy).map_err(|source| VaultError::Unwritable { path: path.to_owned(), source })?;
    // What counts is what lies there now: another process may have been faster.
    let gone = || VaultError::Unreadable { path: path.to_owned(), source: ErrorKind::NotFound.into() };
    read(path)?.ok_or_else(gone)
}

/// The key in the file, or nothing if there is no file.
fn read(path: &Path) -> Result<Option<Key>, VaultError> {
    let unreadable = |source| VaultError::Unreadable { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(fault) if fault.kind() == ErrorKind::NotFound => return Ok(None),
        Err(fault) => return Err(unreadable(fault)),
    };
    // Asked of the open file, not of the path, which could mean another file by now.
    let about = file.metadata().map_err(unreadable)?;
    let mode = about.permissions().mode() & 0o777;
    if about.is_file() && mode & 0o077 != 0 {
        return Err(VaultError::Exposed { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(Vec::with_capacity(512));
    file.take(LONGEST_FILE).read_to_end(&mut text).map_err(unreadable)?;
    parse(&text).map(Some).ok_or_else(|| VaultError::Malformed(path.display().to_string()))
}

/// Puts a new key at `path` unless something is there. It appears whole and on disk or not at all: a process that
/// starts at the same moment, or after a crash in between, never finds half a key.
fn make(path: &Path, entropy: &dyn Entropy) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut key = Key::default();
    entropy.fill(key.as_mut_slice());
    // Made with O_EXCL and mode 0600, removed again if it cannot take its place.
    let mut draft = tempfile::Builder::new().prefix(".master-key-").tempfile_in(folder)?;
    draft.write_all(Zeroizing::new(STANDARD.encode(key.as_slice()) + "\n").as_bytes())?;
    draft.as_file().sync_all()?;
    match draft.persist_noclobber(path) {
        Err(fault) if fault.error.kind() != ErrorKind::AlreadyExists => return Err(fault.error),
        _ => {}
    }
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use proptest::prelude::*;

    use super::*;
    use crate::env::{SeededEntropy, SystemEntropy};

    fn vault(seed: u64) -> Vault {
        let folder = tempfile::tempdir().unwrap();
        Vault::open(&MasterKey::File(folder.path().join("key")), &SeededEntropy::new(seed)).unwrap()
    }

    fn file(content: impl AsRef<[u8]>, mode: u32) -> (tempfile::TempDir, MasterKey) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        (folder, MasterKey::File(path))
    }

    #[test]
    fn a_missing_key_file_is_made_for_its_owner_only_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/folder/key");
        let first = Vault::open(&MasterKey::File(path.clone()), &SystemEntropy::default()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!((text.len(), text.ends_with("=\n")), (45, true));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = Vault::open(&MasterKey::File(path.clone()), &SystemEntropy::default()).unwrap();
        let inline = Vault::open(&MasterKey::Inline(Secret::new(text)), &SystemEntropy::default()).unwrap();
        assert_eq!(first.fingerprint(), again.fingerprint());
        assert_eq!(first.fingerprint(), inline.fingerprint());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft is left behind");
    }

    #[test]
    fn processes_that_start_at_the_same_moment_agree_on_one_key() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let key = MasterKey::File(folder.path().join("key"));
            let gate = std::sync::Barrier::new(8);
            let open = || {
                gate.wait();
                Vault::open(&key, &SystemEntropy::default()).unwrap().fingerprint()
            };
            let found: Vec<String> = std::thread::scope(|scope| {
                let started: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
                started.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(found.iter().all(|one| *one == found[0]));
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_key_file_that_others_may_touch_is_refused_with_the_command_that_mends_it() {
        for mode in [0o640, 0o604, 0o644, 0o660, 0o602, 0o610] {
            let (_folder, key) = file(STANDARD.encode([7; 32]), mode);
            let fault = Vault::open(&key, &SystemEntropy::default()).unwrap_err();
            assert!(matches!(fault, VaultError::Exposed { mode: found, .. } if found == mode));
            assert!(fault.to_string().contains("chmod 600"), "{fault}");
        }
        let (_folder, key) = file(STANDARD.encode([7; 32]), 0o400);
        assert!(Vault::open(&key, &SystemEntropy::default()).is_ok());
    }

    #[test]
    fn what_is_not_32_bytes_of_base64_is_refused_and_left_as_it_is() {
        let long = STANDARD.encode([7; 33]);
        let short = STANDARD.encode([7; 31]);
        let twice = STANDARD.encode([7; 32]).repeat(20);
        for content in ["", "\n", "password", "not base64 at all!", &long, &short, &twice] {
            let (_folder, key) = file(content, 0o600);
            let fault = Vault::open(&key, &SystemEntropy::default()).unwrap_err();
            assert!(matches!(fault, VaultError::Malformed(_)), "{content}: {fault}");
            let MasterKey::File(path) = key else { unreachable!() };
            assert_eq!(fs::read_to_string(path).unwrap(), content);
            let inline = Vault::open(&MasterKey::Inline(Secret::new(content)), &SystemEntropy::default());
            assert!(matches!(inline, Err(VaultError::Malformed(_))), "{content}");
        }
    }

    #[test]
    fn a_path_that_is_a_folder_or_cannot_be_made_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let inside_a_file = folder.path().join("file/key");
        fs::write(folder.path().join("file"), "").unwrap();
        for path in [folder.path().to_owned(), inside_a_file] {
            assert!(Vault::open(&MasterKey::File(path), &SystemEntropy::default()).is_err());
        }
    }

    /// What is derived today must be derived tomorrow. Computed apart, with Python's `hmac`.
    #[test]
    fn derived_keys_are_those_of_hkdf_sha256_and_never_change() {
        let vault = Vault::holding(&Key::new([7; 32]));
        assert_eq!(secret::encode(vault.derive("test").as_slice()), "6B0YC8lEh5QpwOouIqYQ3getiLCupa6pfu4IhU4MegI");
        assert_eq!(vault.fingerprint(), "ztEuA26cXSuDQOmK7yGcKcM-CN9Kf0_T7JRVWFM9KQM");
    }

    #[test]
    fn purposes_and_master_keys_give_different_keys() {
        let (one, other) = (vault(1), vault(2));
        assert_ne!(one.derive("a"), one.derive("b"));
        assert_ne!(one.derive("a"), other.derive("a"));
        assert_ne!(one.fingerprint(), other.fingerprint());
        assert_eq!(one.derive("a"), vault(1).derive("a"));
    }

    #[test]
    fn a_sealed_secret_opens_only_in_its_context_and_under_its_key() {
        let (one, other) = (vault(1), vault(2));
        let sealed = one.seal("signing-key/client/1", b"secret", &SystemEntropy::default());
        assert_eq!(one.open_sealed("signing-key/client/1", &sealed).unwrap().as_slice(), b"secret");
        assert!(matches!(one.open_sealed("signing-key/admin/1", &sealed), Err(VaultError::Sealed(_))));
        assert!(matches!(other.open_sealed("signing-key/client/1", &sealed), Err(VaultError::Sealed(_))));
        assert_ne!(sealed, one.seal("signing-key/client/1", b"secret", &SystemEntropy::default()));
    }

    /// Sealed apart, with Node's `crypto`.
    #[test]
    fn the_sealed_form_never_changes() {
        let sealed = secret::decode("AQkJCQkJCQkJCQkJCc9igBDjXMRBBNlD_jjB5ezTnXfZCxjLPA").unwrap();
        let opened = Vault::holding(&Key::new([7; 32])).open_sealed("context", &sealed).unwrap();
        assert_eq!(opened.as_slice(), b"a secret");
    }

    #[test]
    fn a_vault_prints_nothing_of_its_key() {
        assert_eq!(format!("{:?}", vault(1)), "[vault]");
        assert_eq!(format!("{:?}", MasterKey::Inline(Secret::new("key"))), "Inline([secret])");
    }

    proptest! {
        #[test]
        fn anything_sealed_opens_again(plain: Vec<u8>, context: String) {
            let vault = vault(1);
            let sealed = vault.seal(&context, &plain, &SystemEntropy::default());
            let opened = vault.open_sealed(&context, &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), plain);
        }

        #[test]
        fn a_changed_or_cut_secret_does_not_open(place: prop::sample::Index, flip in 1_u8.., cut: prop::sample::Index) {
            let vault = vault(1);
            let sealed = vault.seal("context", b"a secret", &SystemEntropy::default());
            let mut changed = sealed.clone();
            changed[place.index(sealed.len())] ^= flip;
            prop_assert!(vault.open_sealed("context", &changed).is_err());
            prop_assert!(vault.open_sealed("context", &sealed[..cut.index(sealed.len())]).is_err());
        }
    }
}
