//! Honest responses, in the ways that the identity providers of this world write them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};

use super::{Encryption, Signing, encrypt, sign};

/// What a response says.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The identity provider.
    pub issuer: String,
    /// The service provider.
    pub audience: String,
    /// Where the response is posted to.
    pub acs: String,
    /// Which request it answers.
    pub asked: Option<String>,
    /// When.
    pub now: Timestamp,
    /// The response's identifier.
    pub response_id: String,
    /// The assertion's identifier.
    pub assertion_id: String,
    /// The person's name.
    pub name: String,
    /// What kind of name that is.
    pub format: String,
    /// What else is known of the person.
    pub attributes: Vec<(String, Vec<String>)>,
}

impl Facts {
    /// About one Ada, who signed in just now.
    pub fn new(issuer: &str, audience: &str, acs: &str, asked: Option<&str>, now: Timestamp) -> Self {
        let attribute =
            |name: &str, values: &[&str]| (name.to_owned(), values.iter().map(|it| (*it).to_owned()).collect());
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            acs: acs.into(),
            asked: asked.map(str::to_owned),
            now,
            response_id: "_response-1".into(),
            assertion_id: "_assertion-1".into(),
            name: "ada@customer.test".into(),
            format: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress".into(),
            attributes: vec![
                attribute("Email", &["ada@customer.test"]),
                attribute("FirstName", &["Ada"]),
                attribute("LastName", &["Lovelace"]),
                attribute("groups", &["Operators", "Authors & Editors"]),
            ],
        }
    }
}

/// How a provider writes XML: prefixes, where namespaces are declared, spaces, how its signatures look.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// What it is like.
    pub name: &'static str,
    protocol: &'static str,
    assertion: &'static str,
    declares: Declares,
    layout: Layout,
    /// The prefix in its signatures.
    pub signature: &'static str,
    /// The prefixes it has canonicalisation keep.
    pub prefixes: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Declares {
    AtTheRoot,
    WhereUsed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    OneLine,
    Pretty,
    WindowsPretty,
}

impl Dialect {
    /// Java libraries of OpenSAML's kin, with a prefix list.
    pub const OKTA: Self = Self {
        name: "okta",
        protocol: "saml2p",
        assertion: "saml2",
        declares: Declares::WhereUsed,
        layout: Layout::OneLine,
        signature: "ds",
        prefixes: &["xs"],
    };
    /// Default namespaces, signature without a prefix.
    pub const ENTRA: Self = Self {
        name: "entra",
        protocol: "samlp",
        assertion: "",
        declares: Declares::WhereUsed,
        layout: Layout::OneLine,
        signature: "",
        prefixes: &[],
    };
    /// As Entra, its signature with a prefix.
    pub const ADFS: Self = Self {
        name: "adfs",
        protocol: "samlp",
        assertion: "",
        declares: Declares::WhereUsed,
        layout: Layout::OneLine,
        signature: "ds",
        prefixes: &[],
    };
    /// All namespaces at the root.
    pub const KEYCLOAK: Self = Self {
        name: "keycloak",
        protocol: "samlp",
        assertion: "saml",
        declares: Declares::AtTheRoot,
        layout: Layout::OneLine,
        signature: "dsig",
        prefixes: &[],
    };
    /// Pretty-printed, with a prefix list.
    pub const SHIBBOLETH: Self = Self {
        name: "shibboleth",
        protocol: "saml2p",
        assertion: "saml2",
        declares: Declares::AtTheRoot,
        layout: Layout::Pretty,
        signature: "ds",
        prefixes: &["xs", "xsi"],
    };
    /// Small libraries for Node.
    pub const SAMLP: Self = Self {
        name: "samlp",
        protocol: "samlp",
        assertion: "saml",
        declares: Declares::WhereUsed,
        layout: Layout::OneLine,
        signature: "",
        prefixes: &[],
    };
    /// Lines that end as on Windows.
    pub const WINDOWS: Self = Self { name: "windows", layout: Layout::WindowsPretty, ..Self::KEYCLOAK };

    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::OKTA, Self::ENTRA, Self::ADFS, Self::KEYCLOAK, Self::SHIBBOLETH, Self::SAMLP, Self::WINDOWS];

    fn tag(prefix: &str) -> String {
        if prefix.is_empty() { String::new() } else { format!("{prefix}:") }
    }

    fn declaration(prefix: &str, namespace: &str) -> String {
        let name = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
        format!(r#" {name}="{namespace}""#)
    }

    fn write(&self, facts: &Facts) -> String {
        let (p, a) = (Self::tag(self.protocol), Self::tag(self.assertion));
        let protocol = Self::declaration(self.protocol, PROTOCOL);
        let assertion = Self::declaration(self.assertion, ASSERTION);
        let schema = format!("{}{}", Self::declaration("xs", SCHEMA), Self::declaration("xsi", INSTANCE));
        let (root, local, local_schema) = match self.declares {
            Declares::AtTheRoot => (format!("{protocol}{assertion}{schema}"), String::new(), String::new()),
            Declares::WhereUsed => (protocol, assertion, schema),
        };
        // With prefix lists, providers declare the schema where the assertion begins.
        let (assertion_schema, value_schema) =
            if self.prefixes.is_empty() { (String::new(), local_schema) } else { (local_schema, String::new()) };
        let asked = facts.asked.as_ref().map(|it| format!(r#" InResponseTo="{it}""#)).unwrap_or_default();
        let (now, soon) = (moment(facts.now, 0), moment(facts.now, 300));
        let (before, evening) = (moment(facts.now, -300), moment(facts.now, 36_000));
        let Facts { issuer, audience, acs, response_id, assertion_id, name, format, .. } = facts;
        let attributes = facts.attributes.iter().map(|(name, values)| attribute(&a, &value_schema, name, values));
        let attributes = attributes.collect::<Vec<_>>().concat();
        let text = format!(
            r#"<{p}Response{root} Destination="{acs}" ID="{response_id}"{asked} IssueInstant="{now}" Version="2.0"><{a}Issuer{local}>{issuer}</{a}Issuer><!--response-signature--><{p}Status><{p}StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></{p}Status><{a}Assertion{local}{assertion_schema} ID="{assertion_id}" IssueInstant="{now}" Version="2.0"><{a}Issuer>{issuer}</{a}Issuer><!--assertion-signature--><{a}Subject><{a}NameID Format="{format}">{name}</{a}NameID><{a}SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><{a}SubjectConfirmationData{asked} NotOnOrAfter="{soon}" Recipient="{acs}"/></{a}SubjectConfirmation></{a}Subject><{a}Conditions NotBefore="{before}" NotOnOrAfter="{soon}"><{a}AudienceRestriction><{a}Audience>{audience}</{a}Audience></{a}AudienceRestriction></{a}Conditions><{a}AuthnStatement AuthnInstant="{now}" SessionIndex="session-7" SessionNotOnOrAfter="{evening}"><{a}AuthnContext><{a}AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</{a}AuthnContextClassRef></{a}AuthnContext></{a}AuthnStatement><{a}AttributeStatement>{attributes}</{a}AttributeStatement></{a}Assertion></{p}Response>"#
        );
        match self.layout {
            Layout::OneLine => text,
            Layout::Pretty => format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n", text.replace("><", ">\n  <")),
            Layout::WindowsPretty => text.replace("><", ">\r\n  <"),
        }
    }
}

const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const SCHEMA: &str = "http://www.w3.org/2001/XMLSchema";
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

fn moment(now: Timestamp, seconds: i64) -> String {
    let then = now.checked_add(SignedDuration::from_secs(seconds)).expect("tests stay away from the end of time");
    then.strftime("%Y-%m-%dT%H:%M:%S.123Z").to_string()
}

/// An attribute; `a` is the prefix with its colon.
fn attribute(a: &str, schema: &str, name: &str, values: &[String]) -> String {
    let value =
        |it: &String| format!(r#"<{a}AttributeValue{schema} xsi:type="xs:string">{}</{a}AttributeValue>"#, escaped(it));
    let values = values.iter().map(value).collect::<Vec<_>>().concat();
    format!(
        r#"<{a}Attribute Name="{name}" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified">{values}</{a}Attribute>"#
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// A response while it is being made. Where signatures go, comments stand until then.
#[derive(Clone, Debug)]
pub struct Draft {
    xml: String,
    response_id: String,
    assertion_id: String,
}

impl Draft {
    /// What such a provider would write, before signing.
    pub fn new(facts: &Facts, dialect: &Dialect) -> Self {
        Self {
            xml: dialect.write(facts),
            response_id: facts.response_id.clone(),
            assertion_id: facts.assertion_id.clone(),
        }
    }

    /// Changes every place where `old` stands.
    ///
    /// # Panics
    /// If it stands nowhere: the test would test nothing.
    #[must_use]
    pub fn with(self, old: &str, new: &str) -> Self {
        assert!(self.xml.contains(old), "there is no {old} in {}", self.xml);
        self.map(|xml| xml.replace(old, new))
    }

    /// Changes the whole text.
    #[must_use]
    pub fn map(self, change: impl FnOnce(String) -> String) -> Self {
        Self { xml: change(self.xml), ..self }
    }

    /// Signs the assertion.
    #[must_use]
    pub fn sign_assertion(self, how: &Signing) -> Self {
        let id = self.assertion_id.clone();
        self.map(|xml| sign(&xml, "<!--assertion-signature-->", &id, how))
    }

    /// Signs the response.
    #[must_use]
    pub fn sign_response(self, how: &Signing) -> Self {
        let id = self.response_id.clone();
        self.map(|xml| sign(&xml, "<!--response-signature-->", &id, how))
    }

    /// Signs both.
    #[must_use]
    pub fn sign_both(self, how: &Signing) -> Self {
        self.sign_assertion(how).sign_response(how)
    }

    /// Encrypts the assertion.
    #[must_use]
    pub fn encrypt(self, how: &Encryption) -> Self {
        let id = self.assertion_id.clone();
        self.map(|xml| encrypt::encrypt(&xml, &id, how))
    }

    /// The document.
    pub fn xml(&self) -> String {
        self.xml.replace("<!--response-signature-->", "").replace("<!--assertion-signature-->", "")
    }

    /// The document as a form carries it.
    pub fn posted(&self) -> String {
        STANDARD.encode(self.xml())
    }
}
