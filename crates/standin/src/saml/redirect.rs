//! Messages in addresses, signed or not.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded::byte_serialize;

use super::Signing;

/// The query of an address that carries a message: `field` is `SAMLRequest` or `SAMLResponse`. Signed, if it is said how.
pub fn redirected(field: &str, xml: &str, relay_state: Option<&str>, how: Option<&Signing>) -> String {
    let encoded = |bytes: &[u8]| byte_serialize(bytes).collect::<String>();
    let packed = STANDARD.encode(miniz_oxide::deflate::compress_to_vec(xml.as_bytes(), 6));
    let state = relay_state.map(|it| format!("&RelayState={}", encoded(it.as_bytes()))).unwrap_or_default();
    let message = format!("{field}={}{state}", encoded(packed.as_bytes()));
    let Some(how) = how else { return message };
    let signed = format!("{message}&SigAlg={}", encoded(how.method.as_bytes()));
    let value = STANDARD.encode(how.value(signed.as_bytes()));
    format!("{signed}&Signature={}", encoded(value.as_bytes()))
}
