//! Strict JSON: one reading for every reader, or none.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use purser_core::error::{Error, Result};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize as _, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::Deserializer;

/// Objects and arrays inside each other, the outermost counted.
const MAX_DEPTH: u8 = 32;

/// Reads an object, and refuses all that RFC 8259 leaves to the reader: a name given twice at any depth (section 4), lone
/// surrogates (section 8.2), a byte order mark (section 8.1), anything after the end. Two programs that read a document
/// differently are how a check is walked around. Unknown members are ignored.
///
/// # Errors
/// `VALIDATION_ERROR`, naming the field that is missing or of the wrong type, or `body` if the document itself is refused.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::invalid("body", "is not UTF-8"))?;
    if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
        return Err(Error::invalid("body", "must be a JSON object"));
    }
    check(text)?;
    serde_path_to_error::deserialize(&mut Deserializer::from_str(text)).map_err(|error| misfit(&error))
}

/// Goes through the whole document without keeping any of it.
fn check(text: &str) -> Result<()> {
    let mut reader = Deserializer::from_str(text);
    Once { room: MAX_DEPTH }.deserialize(&mut reader).and_then(|()| reader.end()).map_err(|error| {
        let place = format!("at line {}, column {}", error.line(), error.column());
        match error.classify() {
            serde_json::error::Category::Data => Error::invalid("body", format!("{} {place}", first_words(&error))),
            _ => Error::invalid("body", format!("is not valid JSON {place}")),
        }
    })
}

/// Our own words of a refusal, without the place the library adds.
fn first_words(error: &serde_json::Error) -> &'static str {
    if error.to_string().starts_with(TOO_DEEP) { TOO_DEEP } else { TWICE }
}

const TOO_DEEP: &str = "is nested too deeply";
const TWICE: &str = "names a member twice";

/// A value in which no object names a member twice, with room for so many more levels.
struct Once {
    room: u8,
}

impl Once {
    fn inner<E: de::Error>(&self) -> Result<Self, E> {
        let room = self.room.checked_sub(1).ok_or_else(|| E::custom(TOO_DEEP))?;
        Ok(Self { room })
    }
}

impl<'de> DeserializeSeed<'de> for Once {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        // Not `deserialize_ignored_any`: that skips over strings without looking for lone surrogates.
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let inner = self.inner::<A::Error>()?.room;
        let mut seen = HashSet::new();
        while let Some(Name(name)) = object.next_key()? {
            if !seen.insert(name) {
                return Err(de::Error::custom(TWICE));
            }
            object.next_value_seed(Self { room: inner })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        let inner = self.inner::<A::Error>()?.room;
        while array.next_element_seed(Self { room: inner })?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A member's name with its escapes undone, copied only if it has any.
#[derive(PartialEq, Eq, Hash)]
struct Name<'de>(Cow<'de, str>);

impl<'de> de::Deserialize<'de> for Name<'de> {
    fn deserialize<D: de::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Borrowed(name)))
    }

    fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Owned(name.to_owned())))
    }
}

/// A member that is an object: null counts as absent, and an array is refused, which a derived reading would take for the members in
/// their order.
///
/// # Errors
/// For whatever is not an object, or does not fit.
pub fn object<'de, D: de::Deserializer<'de>, T: de::Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Option::<Object<T>>::deserialize(from).map(|it| it.map(|Object(it)| it))
}

struct Object<T>(T);

impl<'de, T: de::Deserialize<'de>> de::Deserialize<'de> for Object<T> {
    fn deserialize<D: de::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(ObjectVisitor(PhantomData)).map(Self)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: de::Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(object))
    }
}

/// The field that does not fit, with a reason in our own words: the library's words quote the value, which may be a secret.
pub(super) fn misfit(error: &serde_path_to_error::Error<serde_json::Error>) -> Error {
    let words = error.inner().to_string();
    let path = match error.path().to_string() {
        root if root == "." => String::new(),
        path => path,
    };
    if let Some(name) = words.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        let dot = if path.is_empty() { "" } else { "." };
        return Error::invalid(format!("{path}{dot}{name}"), "is required");
    }
    let field = if path.is_empty() { "body".to_owned() } else { path };
    Error::invalid(field, reason(&words))
}

fn reason(words: &str) -> &'static str {
    if words.starts_with("invalid type: null") {
        "must not be null"
    } else if words.starts_with("invalid type") || words.starts_with("invalid length") {
        "has the wrong type"
    } else if words.starts_with("unknown variant") || words.starts_with("expected value") {
        "is not one of the known values"
    } else if words.contains("is not a duration; ") {
        "write a whole number and a unit, as 90s, 10m, 24h or 30d"
    } else {
        "is not valid"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::{Map, Value};

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read, never looked at")]
    struct SignIn {
        email: String,
        password: String,
        #[serde(default, deserialize_with = "super::object")]
        extra: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read, never looked at")]
    struct Inner {
        roles: Vec<Role>,
    }

    #[derive(Debug, Deserialize)]
    enum Role {
        Admin,
    }

    fn refusal(text: &str) -> (String, String) {
        match read::<SignIn>(text.as_bytes()).unwrap_err() {
            Error::Invalid(mut problems) => problems.pop().map(|p| (p.field, p.reason)).unwrap(),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn the_field_that_is_missing_or_wrong_is_named() {
        for (text, field, reason) in [
            (r#"{"email":"a"}"#, "password", "is required"),
            (r#"{"email":"a","password":null}"#, "password", "must not be null"),
            (r#"{"email":"a","password":7}"#, "password", "has the wrong type"),
            (r#"{"email":["a"],"password":"b"}"#, "email", "has the wrong type"),
            (r#"{"email":"a","password":"b","extra":{}}"#, "extra.roles", "is required"),
            (
                r#"{"email":"a","password":"b","extra":{"roles":["X"]}}"#,
                "extra.roles[0]",
                "is not one of the known values",
            ),
            (
                r#"{"email":"a","password":"b","extra":{"roles":[null]}}"#,
                "extra.roles[0]",
                "is not one of the known values",
            ),
            (r#"{"email":"a","password":"b","extra":[["Admin"]]}"#, "extra", "has the wrong type"),
            (r#"{"email":"a","password":"b","extra":"x"}"#, "extra", "has the wrong type"),
            (r#"["a","b"]"#, "body", "must be a JSON object"),
            ("", "body", "must be a JSON object"),
        ] {
            assert_eq!(refusal(text), (field.to_owned(), reason.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_refused_value_is_not_repeated() {
        let (_, reason) = refusal(r#"{"email":"a","password":31337}"#);
        assert!(!reason.contains("31337"));
    }

    #[test]
    fn what_readers_could_read_differently_is_refused() {
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":[{"a":1,"a":1}]}"#,
            r#"{"a":1} {}"#,
            r#"{"a":1}x"#,
            r#"{"a":1,}"#,
            r#"{"a":NaN}"#,
            r#"{"a":01}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"\udc00":1}"#,
            r#"{"a":"\ud800\u0041"}"#,
            "{\"a\":\"\u{1}\"}",
            "\u{feff}{}",
            r#"{"a":1e999}"#,
            r#"{"a":1"#,
            "{'a':1}",
            r#"{"a":1}/*"#,
        ] {
            assert!(read::<Value>(text.as_bytes()).is_err(), "{text}");
        }
        assert!(read::<Value>(b"{\"a\":\"\xff\"}").is_err());
        assert!(read::<Value>(b"{\0\"\0a\0\"\0:\0" as &[u8]).is_err());
    }

    #[test]
    fn depth_ends_at_its_limit() {
        let nested = |levels: usize| format!("{{\"a\":{}1{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert!(read::<Value>(nested(usize::from(MAX_DEPTH)).as_bytes()).is_ok());
        assert!(read::<Value>(nested(usize::from(MAX_DEPTH) + 1).as_bytes()).is_err());
        assert!(read::<Value>(nested(30_000).as_bytes()).is_err());
    }

    /// A JSON value of at most `depth` more levels.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1e300..1e300f64).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    fn object() -> impl Strategy<Value = Value> {
        prop::collection::btree_map(any::<String>(), value(), 1..5)
            .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>()))
    }

    /// Writes a value with the last member of one object written once more, its name in escapes; `turn` says in which of
    /// the objects that have members.
    fn with_a_double(value: &Value, turn: &mut usize) -> String {
        match value {
            Value::Array(items) => {
                let items: Vec<_> = items.iter().map(|item| with_a_double(item, turn)).collect();
                format!("[{}]", items.join(","))
            }
            Value::Object(members) if !members.is_empty() => {
                let mine = *turn == 0;
                *turn = turn.wrapping_sub(1);
                let mut written: Vec<_> = members
                    .iter()
                    .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), with_a_double(value, turn)))
                    .collect();
                if let Some(name) = members.keys().next_back().filter(|_| mine) {
                    let escaped: Vec<_> = name.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
                    written.push(format!("\"{}\":null", escaped.concat()));
                }
                format!("{{{}}}", written.join(","))
            }
            leaf => leaf.to_string(),
        }
    }

    fn objects_with_members(value: &Value) -> usize {
        match value {
            Value::Array(items) => items.iter().map(objects_with_members).sum(),
            Value::Object(members) if members.is_empty() => 0,
            Value::Object(members) => 1 + members.values().map(objects_with_members).sum::<usize>(),
            _ => 0,
        }
    }

    proptest! {
        #[test]
        fn a_document_without_doubles_reads_as_serde_json_reads_it(value in object()) {
            let text = value.to_string();
            let plain: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read::<Value>(text.as_bytes()).unwrap(), plain);
        }

        #[test]
        fn a_document_that_names_a_member_twice_anywhere_is_refused(value in object(), pick in any::<prop::sample::Index>()) {
            let mut turn = pick.index(objects_with_members(&value));
            let text = with_a_double(&value, &mut turn);
            prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
            prop_assert!(read::<Value>(text.as_bytes()).is_err(), "{}", text);
        }

        #[test]
        fn bytes_that_serde_json_refuses_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if serde_json::from_slice::<Value>(&bytes).is_err() {
                prop_assert!(read::<Value>(&bytes).is_err());
            }
        }
    }
}
