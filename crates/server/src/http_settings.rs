//! [`HttpSettings`], what the HTTP side needs to know of the configuration.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use purser_core::error::Error;
use url::{Host, Url};

/// The settings of listening, reading and answering. `Default` is what a server without any configuration uses.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Where the world finds this server.
    pub public_url: Option<PublicUrl>,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether the listener is bound to this machine only. Decides what may stand in for an absent `public_url`.
    pub reach: Reach,
    /// Certificate and key, when this server speaks TLS itself.
    pub tls: Option<TlsFiles>,
    /// Connections open at the same time; who comes after them waits in the kernel's queue.
    pub max_connections: usize,
    /// From the first byte of a request (or from the connecting) to the end of its head.
    pub head_patience: Duration,
    /// For the whole of a request's body.
    pub body_patience: Duration,
    /// Between two requests on one connection.
    pub idle_patience: Duration,
    /// For a client that takes nothing of an answer.
    pub write_patience: Duration,
    /// For the TLS handshake.
    pub handshake_patience: Duration,
    /// For requests in flight when the server is told to stop.
    pub grace: Duration,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            public_url: None,
            trusted_proxies: Vec::new(),
            reach: Reach::Network,
            tls: None,
            max_connections: 10_000,
            head_patience: Duration::from_secs(10),
            body_patience: Duration::from_secs(10),
            idle_patience: Duration::from_secs(75),
            write_patience: Duration::from_secs(30),
            handshake_patience: Duration::from_secs(10),
            grace: Duration::from_secs(30),
        }
    }
}

impl HttpSettings {
    /// Whether browsers reach this server by https, so that cookies can be `Secure` and HSTS is true.
    pub fn is_https(&self) -> bool {
        self.public_url.as_ref().map_or(self.tls.is_some(), |url| url.secure)
    }
}

/// Who can connect to the listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Programs on this machine only.
    Loopback,
    /// Whoever can route to it.
    Network,
}

/// The files of a TLS identity, both PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate and those between it and the root, in that order.
    pub certificate: PathBuf,
    /// The private key: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// The address the world uses: scheme, host and port, nothing after them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    host: String,
    secure: bool,
}

impl PublicUrl {
    /// Its origin as browsers write it (RFC 6454 section 6.2): `https://purser.example`, the scheme's own port left out.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Its host without the port, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is https.
    pub fn is_https(&self) -> bool {
        self.secure
    }
}

impl FromStr for PublicUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = || Error::invalid("server.public_url", "use a scheme and a host, like https://purser.example");
        let url = Url::parse(text).map_err(|_| refused())?;
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let nameless = url.username().is_empty() && url.password().is_none();
        let host = match url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => format!("[{address}]"),
            None => return Err(refused()),
        };
        if !(bare && nameless && matches!(url.scheme(), "http" | "https")) {
            return Err(refused());
        }
        Ok(Self { origin: url.origin().ascii_serialization(), host, secure: url.scheme() == "https" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_an_origin_as_browsers_write_it() {
        for (text, origin, host) in [
            ("https://Purser.Example/", "https://purser.example", "purser.example"),
            ("https://purser.example:443", "https://purser.example", "purser.example"),
            ("http://localhost:8080", "http://localhost:8080", "localhost"),
            ("https://[::1]:8443", "https://[::1]:8443", "[::1]"),
            ("https://bücher.example", "https://xn--bcher-kva.example", "xn--bcher-kva.example"),
        ] {
            let url: PublicUrl = text.parse().unwrap();
            assert_eq!((url.origin(), url.host()), (origin, host));
        }
    }

    #[test]
    fn a_public_url_with_anything_after_its_port_is_refused() {
        for text in [
            "purser.example",
            "ftp://a.example",
            "https://a.example/x",
            "https://u@a.example",
            "https://",
            "https://a?b",
        ] {
            assert!(text.parse::<PublicUrl>().is_err(), "{text}");
        }
    }
}
