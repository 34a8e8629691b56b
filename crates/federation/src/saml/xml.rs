//! The one way XML is read here: guarded, parsed once, and read without guessing.

use std::collections::{BTreeMap, HashSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bergshamra::c14n::{C14nMode, C14nSink, canonicalize_doc_to};
use bergshamra::xml::NodeSet;
use uppsala::{Document, NodeId, NodeKind};

use crate::{Refusal, Result};

/// The protocol's own elements.
pub(super) const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// The elements of assertions.
pub(super) const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// The elements of metadata.
pub(super) const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
/// The elements of signatures.
pub(super) const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";
/// The elements of encryption.
pub(super) const ENCRYPTION: &str = "http://www.w3.org/2001/04/xmlenc#";

/// What may be in a document, before anything is parsed. Every limit is far above what real providers send, and low enough that no
/// step after it, some of which take time squared, takes long.
pub(super) struct Guard {
    /// Bytes.
    bytes: usize,
    /// `<`, twice the number of elements at most.
    tags: usize,
    /// `=` in all.
    equals: usize,
    /// Comments: metadata is full of them, messages have no use for them but to deceive.
    comments: Comments,
}

#[derive(PartialEq, Eq)]
enum Comments {
    Refused,
    Skipped,
}

impl Guard {
    /// For messages.
    pub(super) const MESSAGE: Self =
        Self { bytes: MESSAGE_BYTES, tags: 20_000, equals: 20_000, comments: Comments::Refused };

    /// For metadata.
    pub(super) const METADATA: Self =
        Self { bytes: 1 << 20, tags: 40_000, equals: 40_000, comments: Comments::Skipped };

    /// Lets a document pass as text without its XML declaration, or says why not. After this there is no document type, entity, processing
    /// instruction or CDATA in it.
    pub(super) fn check<'a>(&self, bytes: &'a [u8]) -> Result<&'a str> {
        if bytes.len() > self.bytes {
            return Err(Refusal::invalid(format!("size: more than {} bytes", self.bytes)));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Refusal::invalid("encoding: not UTF-8"))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let text = after_declaration(text)?;
        self.check_markup(text)?;
        self.check_counts(text)?;
        Ok(text)
    }

    fn check_markup(&self, text: &str) -> Result<()> {
        if text.contains("<?") {
            return Err(Refusal::invalid("processing instruction: not allowed"));
        }
        for (at, _) in text.match_indices("<!") {
            let rest = text.get(at..).unwrap_or_default();
            if rest.starts_with("<!--") {
                if self.comments == Comments::Refused {
                    return Err(Refusal::invalid("comment: not allowed in a message"));
                }
            } else if rest.starts_with("<![CDATA[") {
                return Err(Refusal::invalid("CDATA: not allowed"));
            } else {
                return Err(Refusal::invalid("document type: not allowed, nor are entities"));
            }
        }
        Ok(())
    }

    /// An attribute cannot hold a `<`, so all of a tag stands between two of them.
    fn check_counts(&self, text: &str) -> Result<()> {
        let (mut tags, mut equals) = (0, 0);
        for piece in text.split('<') {
            let equals_here = piece.bytes().filter(|it| *it == b'=').count();
            tags += 1;
            equals += equals_here;
            if tags > self.tags {
                return Err(Refusal::invalid("size: too many elements"));
            }
            if equals > self.equals || equals_here > EQUALS_IN_A_TAG {
                return Err(Refusal::invalid("size: too many attributes"));
            }
            if piece.matches("xmlns").count() > NAMESPACES_IN_A_TAG {
                return Err(Refusal::invalid("size: too many namespaces"));
            }
        }
        Ok(())
    }
}

/// `=` between two `<`: at least the number of attributes of an element, which are compared with each other.
const EQUALS_IN_A_TAG: usize = 200;

/// Namespaces declared by an element. Those of all elements around are searched for every name.
const NAMESPACES_IN_A_TAG: usize = 32;

/// Bytes of a namespace's name. Canonicalisation writes it again and again, so that a long one makes a short document huge.
const NAMESPACE: usize = 512;

/// The most a message may have, unpacked: what the endpoint accepts.
pub(super) const MESSAGE_BYTES: usize = 512 << 10;

/// Elements in elements. The deepest that is known, an encrypted assertion with its key, has nine; values of attributes may be XML.
const DEPTH: u32 = 32;

/// What comes after the XML declaration, which may only be of version 1.0 and UTF-8.
fn after_declaration(text: &str) -> Result<&str> {
    let Some(rest) = text.strip_prefix("<?xml") else { return Ok(text) };
    let (declaration, rest) = rest.split_once("?>").ok_or_else(|| Refusal::invalid("declaration: not closed"))?;
    let plain: String = declaration.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let plain = plain.to_ascii_lowercase().replace('\'', "\"");
    let plain = plain.trim_end_matches("standalone=\"yes\"").trim_end_matches("standalone=\"no\"");
    if plain != "version=\"1.0\"" && plain != "version=\"1.0\"encoding=\"utf-8\"" {
        return Err(Refusal::invalid("encoding: the declaration is not of XML 1.0 in UTF-8"));
    }
    Ok(rest)
}

/// A parsed document.
pub(super) struct Tree<'a>(Document<'a>);

impl<'a> Tree<'a> {
    /// Parses what a [`Guard`] let pass, or canonical bytes made from it. Identifiers have to be unambiguous.
    pub(super) fn parse(text: &'a str) -> Result<Self> {
        let parser = uppsala::Parser::new().with_forbid_dtd(true).with_max_depth(DEPTH);
        let tree =
            Self(parser.parse(text).map_err(|error| Refusal::invalid(format!("XML: {}", short(&error.to_string()))))?);
        tree.check_namespaces()?;
        tree.check_ids()?;
        Ok(tree)
    }

    /// The document's element.
    pub(super) fn root(&self) -> Result<Node<'_, 'a>> {
        let id = self.0.document_element().ok_or_else(|| Refusal::invalid("XML: no element"))?;
        Ok(Node { document: &self.0, id })
    }

    fn check_namespaces(&self) -> Result<()> {
        let mut declared = self.root()?.all().filter_map(Node::element).flat_map(|it| &it.namespace_declarations);
        if declared.any(|(_, name)| name.len() > NAMESPACE) {
            return Err(Refusal::invalid("size: a namespace's name is too long"));
        }
        Ok(())
    }

    /// No two elements under one identifier, whatever the attribute is called, and no element under two (XSW by duplicate or rival ids).
    fn check_ids(&self) -> Result<()> {
        let mut seen = HashSet::new();
        for node in self.root()?.all() {
            let mut ids =
                node.element().into_iter().flat_map(|it| &it.attributes).filter(|it| is_id(&it.name.local_name));
            let Some(id) = ids.next() else { continue };
            if ids.next().is_some() {
                return Err(Refusal::invalid("identifier: an element has two"));
            }
            if !seen.insert(id.value.as_ref()) {
                return Err(Refusal::invalid("identifier: two elements share one"));
            }
        }
        Ok(())
    }
}

fn is_id(name: &str) -> bool {
    name.eq_ignore_ascii_case("id") || name.eq_ignore_ascii_case("AssertionID")
}

/// An element of a [`Tree`].
#[derive(Clone, Copy)]
pub(super) struct Node<'d, 'a> {
    document: &'d Document<'a>,
    id: NodeId,
}

impl<'d, 'a> Node<'d, 'a> {
    fn element(self) -> Option<&'d uppsala::Element<'a>> {
        self.document.element(self.id)
    }

    /// Its name without the prefix.
    pub(super) fn name(self) -> &'d str {
        self.element().map_or("", |it| it.name.local_name.as_ref())
    }

    /// Whether this is that element.
    pub(super) fn is(self, namespace: &str, name: &str) -> bool {
        self.element().is_some_and(|it| it.matches_name_ns(namespace, name))
    }

    /// The namespaces in scope, as they would be declared again: prefix (or nothing, for the default) and name.
    pub(super) fn namespaces(self) -> BTreeMap<&'d str, &'d str> {
        let mut scope = BTreeMap::new();
        for node in std::iter::successors(Some(self), |it| it.parent()) {
            for (prefix, name) in node.element().into_iter().flat_map(|it| &it.namespace_declarations) {
                scope.entry(prefix.as_ref()).or_insert(name.as_ref());
            }
        }
        scope
    }

    /// Whether both are one element of the tree.
    pub(super) fn is_same(self, other: Self) -> bool {
        self.id == other.id
    }

    /// The element around it.
    pub(super) fn parent(self) -> Option<Self> {
        let id = self.document.parent(self.id)?;
        self.document.element(id).map(|_| Self { document: self.document, id })
    }

    /// An attribute without a namespace, as all of SAML's are: `evil:ID` is not `ID`.
    pub(super) fn attribute(self, name: &str) -> Option<&'d str> {
        let attributes = &self.element()?.attributes;
        attributes
            .iter()
            .find(|it| it.name.namespace_uri.is_none() && it.name.local_name == name)
            .map(|it| it.value.as_ref())
    }

    /// The same, for one that has to be there.
    pub(super) fn required(self, name: &str) -> Result<&'d str> {
        self.attribute(name).ok_or_else(|| Refusal::invalid(format!("{name}: missing on {}", self.name())))
    }

    /// The elements directly in it.
    pub(super) fn children(self) -> impl Iterator<Item = Self> + 'd
    where
        'a: 'd,
    {
        let document = self.document;
        document
            .children_iter(self.id)
            .filter(|it| document.element(*it).is_some())
            .map(move |id| Self { document, id })
    }

    /// Those of one name.
    pub(super) fn named(self, namespace: &'d str, name: &'d str) -> impl Iterator<Item = Self> + 'd {
        self.children().filter(move |it| it.is(namespace, name))
    }

    /// The only element of that name directly in it, if there is any.
    pub(super) fn optional(self, namespace: &'d str, name: &'d str) -> Result<Option<Self>> {
        let mut found = self.named(namespace, name);
        let first = found.next();
        if found.next().is_some() {
            return Err(Refusal::invalid(format!("{name}: more than one in {}", self.name())));
        }
        Ok(first)
    }

    /// The only element of that name directly in it.
    pub(super) fn only(self, namespace: &'d str, name: &'d str) -> Result<Self> {
        self.optional(namespace, name)?.ok_or_else(|| Refusal::invalid(format!("{name}: missing in {}", self.name())))
    }

    /// Itself and all elements in it, at any depth.
    pub(super) fn all(self) -> impl Iterator<Item = Self> + 'd
    where
        'a: 'd,
    {
        let document = self.document;
        let mut waiting = vec![self.id];
        std::iter::from_fn(move || {
            let id = waiting.pop()?;
            waiting.extend(document.children_iter(id).filter(|it| document.element(*it).is_some()));
            Some(Self { document, id })
        })
    }

    /// The text in it, without the space around. Anything but text in it is refused: half a text is how names are forged.
    pub(super) fn text(self) -> Result<String> {
        let mut text = String::new();
        for child in self.document.children_iter(self.id) {
            match self.document.node_kind(child) {
                Some(NodeKind::Text(part)) => text.push_str(part),
                _ => return Err(Refusal::invalid(format!("text: {} holds more than text", self.name()))),
            }
        }
        Ok(text.trim_matches([' ', '\t', '\r', '\n']).to_owned())
    }

    /// Its exclusive canonical form (without comments), leaving out one element in it.
    pub(super) fn canonical(self, without: Option<Self>, prefixes: &[String]) -> Result<String> {
        let mut visible = NodeSet::new();
        let mut waiting = vec![self.id];
        while let Some(id) = waiting.pop() {
            if without.is_some_and(|it| it.id == id) {
                continue;
            }
            visible.insert_id(id);
            waiting.extend(self.document.children_iter(id));
        }
        let mut canonical = Canonical::default();
        canonicalize_doc_to(self.document, C14nMode::Exclusive, Some(&visible), prefixes, &mut canonical)
            .map_err(|_| Refusal::invalid("canonical form: cannot be made"))?;
        canonical.text()
    }
}

/// Canonical bytes as they are written, up to a limit.
#[derive(Default)]
struct Canonical {
    bytes: Vec<u8>,
    overflown: bool,
}

impl C14nSink for Canonical {
    fn write(&mut self, bytes: &[u8]) {
        if self.bytes.len() + bytes.len() > CANONICAL {
            self.overflown = true;
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }
}

/// Bytes of a canonical form: namespaces are repeated in it and characters escaped, but not that much.
const CANONICAL: usize = 2 << 20;

impl Canonical {
    fn text(self) -> Result<String> {
        if self.overflown {
            return Err(Refusal::invalid("canonical form: too long"));
        }
        // A reference that canonicalises to nothing has a digest that anybody knows.
        if !self.bytes.starts_with(b"<") {
            return Err(Refusal::invalid("canonical form: empty"));
        }
        String::from_utf8(self.bytes).map_err(|_| Refusal::invalid("canonical form: not UTF-8"))
    }
}

/// Somebody else's words for our log: one line, not much of it.
pub(super) fn quoted(text: &str) -> String {
    format!("“{}”", short(text))
}

fn short(text: &str) -> String {
    let mut short: String = text.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Bytes as XML and forms carry them.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Text made safe to stand in an element or an attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\t' => safe.push_str("&#9;"),
            '\n' => safe.push_str("&#10;"),
            '\r' => safe.push_str("&#13;"),
            // No other control character can stand in XML at all.
            c if c < ' ' || c == '\u{fffe}' || c == '\u{ffff}' => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// Whether a text can be an `xs:ID`: what signatures refer to.
pub(super) fn is_ncname(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|it| it.is_ascii_alphabetic() || it == b'_')
        && bytes.all(|it| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'-' | b'.'))
        && text.len() <= 256
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canonical_form_of_nothing_is_refused() {
        assert_eq!(Canonical::default().text(), Err(Refusal::invalid("canonical form: empty")));
        let tree = Tree::parse("<a><b/></a>").unwrap();
        let root = tree.root().unwrap();
        assert_eq!(root.canonical(Some(root), &[]), Err(Refusal::invalid("canonical form: empty")));
        assert_eq!(root.canonical(root.children().next(), &[]), Ok("<a></a>".into()));
    }

    #[test]
    fn somebody_elses_words_stay_on_one_short_line() {
        assert_eq!(quoted("a\nb\u{1b}[31m"), "“a b [31m”");
        assert_eq!(quoted(&"x".repeat(1000)).chars().count(), 203);
    }

    #[test]
    fn escaped_text_comes_back_as_it_was() {
        let text = "<&>'\"\t\r\n é";
        let xml = format!("<a b=\"{0}\">{0}</a>", escaped(text));
        let tree = Tree::parse(&xml).unwrap();
        assert_eq!(tree.root().unwrap().attribute("b"), Some(text));
        assert_eq!(tree.root().unwrap().text().unwrap(), text.trim());
        assert_eq!(escaped("a\u{0}b\u{1f}"), "a\u{fffd}b\u{fffd}");
    }
}
