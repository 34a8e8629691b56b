//! An authenticator with its browser: makes passkeys and signs with them, honestly or as a test wants it.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsBigEndian as _, EcPublicKeyUncompressedBin};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Somebody touched it.
pub const PRESENT: u8 = 0x01;
/// It knows who.
pub const VERIFIED: u8 = 0x04;
/// The passkey may leave the device.
pub const MOVABLE: u8 = 0x08;

/// One passkey, and the browser around it. Whatever is changed here is what it lies about.
pub struct Authenticator {
    key: EcdsaKeyPair,
    /// How it calls its passkey.
    pub credential: Vec<u8>,
    /// The page that asks, as the browser vouches for it.
    pub origin: String,
    /// The domain that the passkey is for.
    pub domain: String,
    /// What happened at the device.
    pub flags: u8,
    /// How often it signed. Counts only if `counting`.
    pub counter: u32,
    /// Whether it counts.
    pub counting: bool,
    /// Whose the passkey is, as it was told.
    pub handle: Option<String>,
}

impl Authenticator {
    /// A new one, for the page at this address.
    ///
    /// # Panics
    /// For an address without a host, and if no key can be made.
    pub fn at(origin: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("the system gives chance");
        let mut credential = vec![0; 20];
        aws_lc_rs::rand::fill(&mut credential).expect("the system gives chance");
        let url = url::Url::parse(origin).expect("an origin is an address");
        Self {
            key,
            credential,
            origin: origin.to_owned(),
            domain: url.host_str().expect("an origin has a host").to_owned(),
            flags: PRESENT | VERIFIED,
            counter: 0,
            counting: true,
            handle: None,
        }
    }

    /// Makes its passkey, as `navigator.credentials.create` would be asked to.
    ///
    /// # Panics
    /// If the options are none.
    pub fn make(&mut self, options: &Value) -> Value {
        self.handle = Some(text(options, "/user/id"));
        let data = [self.head(0x40).as_slice(), &self.attested()].concat();
        // {"fmt": "none", "attStmt": {}, "authData": data}
        let object = [
            b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData".as_slice(),
            &[0x58, u8::try_from(data.len()).expect("it is short")],
            &data,
        ]
        .concat();
        json!({
            "id": coded(&self.credential),
            "rawId": coded(&self.credential),
            "type": "public-key",
            "response": {
                "clientDataJSON": coded(&self.client_data("webauthn.create", options)),
                "attestationObject": coded(&object),
            },
            "clientExtensionResults": {},
        })
    }

    /// Signs, as `navigator.credentials.get` would be asked to.
    ///
    /// # Panics
    /// If no signature can be made.
    pub fn show(&mut self, options: &Value) -> Value {
        if self.counting {
            self.counter += 1;
        }
        let (data, client_data) = (self.head(0), self.client_data("webauthn.get", options));
        let message = [data.as_slice(), digest(&SHA256, &client_data).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &message).expect("the key signs");
        json!({
            "id": coded(&self.credential),
            "rawId": coded(&self.credential),
            "type": "public-key",
            "response": {
                "clientDataJSON": coded(&client_data),
                "authenticatorData": coded(&data),
                "signature": coded(signature.as_ref()),
                "userHandle": self.handle,
            },
            "clientExtensionResults": {},
        })
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let challenge = text(options, "/challenge");
        json!({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false})
            .to_string()
            .into_bytes()
    }

    fn head(&self, more: u8) -> Vec<u8> {
        let hash = digest(&SHA256, self.domain.as_bytes());
        [hash.as_ref(), &[self.flags | more], &self.counter.to_be_bytes()].concat()
    }

    fn attested(&self) -> Vec<u8> {
        let point: EcPublicKeyUncompressedBin<'_> = self.key.public_key().as_be_bytes().expect("a point has bytes");
        let (x, y) = point.as_ref().split_at(1).1.split_at(32);
        let length = u16::try_from(self.credential.len()).expect("it is short");
        [
            [0; 16].as_slice(),
            &length.to_be_bytes(),
            &self.credential,
            // {1: 2, 3: -7, -1: 1, -2: x, -3: y}
            b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20",
            x,
            b"\x22\x58\x20",
            y,
        ]
        .concat()
    }
}

fn text(options: &Value, pointer: &str) -> String {
    options.pointer(pointer).and_then(Value::as_str).expect("options name what is wanted").to_owned()
}

fn coded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
