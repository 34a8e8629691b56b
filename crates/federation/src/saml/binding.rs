//! How messages travel: packed into addresses and forms, and unpacked again.

use url::Url;

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
