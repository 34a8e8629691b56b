//! How messages travel: packed into addresses and forms, and unpacked again.

use std::fmt::Write as _;

use url::Url;
use url::form_urlencoded::{byte_serialize, parse};

use super::xml::{Guard, MESSAGE_BYTES, base64};
use super::{Binding, Certificate, Endpoint, ServiceKey, signature};
use crate::{Refusal, Result};

/// A message on its way to the identity provider: what the browser has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// Go to this address.
    Redirect(Url),
    /// Post this form.
    Post {
        /// Where to.
        location: String,
        /// The hidden fields, name and value, not escaped.
        fields: Vec<(String, String)>,
    },
}

/// A sign-out message that came through the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// In the address: everything after the `?`, exactly as received, because that is what was signed.
    Redirect {
        /// The raw query.
        query: &'a str,
    },
    /// In a form.
    Post {
        /// The field `SAMLRequest` or `SAMLResponse`.
        message: &'a str,
    },
}

/// Which of the two a message is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    Response,
}

impl Kind {
    fn field(self) -> &'static str {
        match self {
            Self::Request => "SAMLRequest",
            Self::Response => "SAMLResponse",
        }
    }
}

/// A message of ours, not signed yet.
pub(super) struct Draft<'a> {
    pub(super) kind: Kind,
    pub(super) to: &'a Endpoint,
    pub(super) relay_state: &'a str,
    /// Signs it; without, it goes unsigned.
    pub(super) key: Option<&'a ServiceKey>,
}

impl Draft<'_> {
    /// What stands where the signature goes, in the message itself: only forms carry it there.
    pub(super) fn signature(&self, id: &str) -> String {
        match (self.to.binding, self.key) {
            (Binding::Post, Some(_)) => signature::template(id),
            _ => String::new(),
        }
    }

    pub(super) fn send(&self, message: String) -> Result<Outgoing> {
        // The browser is sent there: `javascript:` would run in our name.
        if !Url::parse(&self.to.location).is_ok_and(|it| matches!(it.scheme(), "https" | "http")) {
            return Err(Refusal::misconfigured("the identity provider's address is not one of the web"));
        }
        match self.to.binding {
            Binding::Redirect => self.redirect(&message),
            Binding::Post => self.post(message),
        }
    }

    /// SAML bindings 3.4.4.1: deflated, and the signature over the query beside it.
    fn redirect(&self, message: &str) -> Result<Outgoing> {
        let packed = base64(&miniz_oxide::deflate::compress_to_vec(message.as_bytes(), 6));
        let mut query = format!("{}={}", self.kind.field(), encoded(&packed));
        if !self.relay_state.is_empty() {
            let _ = write!(query, "&RelayState={}", encoded(self.relay_state));
        }
        if let Some(key) = self.key {
            let _ = write!(query, "&SigAlg={}", encoded(signature::DETACHED));
            let value = signature::sign_detached(key, query.as_bytes())?;
            let _ = write!(query, "&Signature={}", encoded(&base64(&value)));
        }
        let base = self.to.location.split('#').next().unwrap_or_default();
        let joint = if base.contains('?') { '&' } else { '?' };
        let url = Url::parse(&format!("{base}{joint}{query}"))
            .map_err(|_| Refusal::misconfigured("the identity provider's address cannot be used"))?;
        Ok(Outgoing::Redirect(url))
    }

    /// SAML bindings 3.5.4: the signature is in the message.
    fn post(&self, message: String) -> Result<Outgoing> {
        let message = match self.key {
            Some(key) => signature::sign(key, message)?,
            None => message,
        };
        let mut fields = vec![(self.kind.field().to_owned(), base64(message.as_bytes()))];
        if !self.relay_state.is_empty() {
            fields.push(("RelayState".to_owned(), self.relay_state.to_owned()));
        }
        Ok(Outgoing::Post { location: self.to.location.clone(), fields })
    }
}

fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

/// Takes a message out of a form: base64, guarded.
pub(super) fn posted(packed: &str) -> Result<String> {
    // Four characters for three bytes, and some space between them.
    if packed.len() > MESSAGE_BYTES * 3 / 2 {
        return Err(Refusal::invalid(format!("size: more than {MESSAGE_BYTES} bytes")));
    }
    text(&signature::from_base64(packed)?)
}

fn text(bytes: &[u8]) -> Result<String> {
    Guard::MESSAGE.check(bytes).map(str::to_owned)
}

/// The parts of a query that carries a message, still as received.
pub(super) struct Query<'a> {
    message: &'a str,
    relay_state: Option<&'a str>,
    method: Option<&'a str>,
    value: Option<&'a str>,
    kind: Kind,
}

impl<'a> Query<'a> {
    /// Takes the query apart without decoding; what stands in it twice is refused, for it could be read one way and checked another.
    pub(super) fn read(query: &'a str, kind: Kind) -> Result<Self> {
        if query.len() > MESSAGE_BYTES {
            return Err(Refusal::invalid(format!("size: more than {MESSAGE_BYTES} bytes")));
        }
        let find = |name: &str| {
            let mut found = query.split('&').filter_map(|it| it.split_once('=')).filter(|(it, _)| decoded(it) == name);
            let first = found.next();
            if found.next().is_some() {
                return Err(Refusal::invalid(format!("query: {name} stands there twice")));
            }
            // A name in disguise would not be in what is signed.
            if first.is_some_and(|(it, _)| it != name) {
                return Err(Refusal::invalid(format!("query: {name} is written in an odd way")));
            }
            Ok(first.map(|(_, value)| value))
        };
        if find("SAMLEncoding")?
            .is_some_and(|it| decoded(it) != "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE")
        {
            return Err(Refusal::invalid("query: the encoding is not DEFLATE"));
        }
        let message = find(kind.field())?.ok_or_else(|| Refusal::invalid(format!("query: no {}", kind.field())))?;
        Ok(Self { message, relay_state: find("RelayState")?, method: find("SigAlg")?, value: find("Signature")?, kind })
    }

    /// The message, unpacked.
    pub(super) fn unpacked(&self) -> Result<String> {
        let packed = signature::from_base64(&decoded(self.message))?;
        let bytes = miniz_oxide::inflate::decompress_to_vec_with_limit(&packed, MESSAGE_BYTES)
            .map_err(|_| Refusal::invalid("query: the message cannot be unpacked"))?;
        text(&bytes)
    }

    /// Checks the signature over the parts as received, in the order of the standard (SAML bindings 3.4.4.1).
    pub(super) fn verify(&self, keys: &[Certificate]) -> Result<()> {
        let (Some(method), Some(value)) = (self.method, self.value) else {
            return Err(Refusal::invalid("query signature: missing"));
        };
        let mut signed = format!("{}={}", self.kind.field(), self.message);
        if let Some(state) = self.relay_state {
            let _ = write!(signed, "&RelayState={state}");
        }
        let _ = write!(signed, "&SigAlg={method}");
        let value = signature::from_base64(&decoded(value))?;
        signature::verify_detached(&decoded(method), signed.as_bytes(), &value, keys).map_err(|problem| match problem {
            Refusal::Invalid(reason) => Refusal::Invalid(format!("query signature: {reason}")),
            other => other,
        })
    }
}

/// A name or value of a query as plain text: `+` is a space, `%` begins a byte.
fn decoded(part: &str) -> String {
    parse(format!("={part}").as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}
