//! JSON from strangers: no member twice, nothing after the end.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Reads a JSON object. Two members of one name are refused at any depth, since two readers may each believe another one (RFC 8259
/// section 4); so is anything after the object.
pub(crate) fn read_object(bytes: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(bytes) {
        Ok(Strict(Value::Object(members))) => Some(members),
        _ => None,
    }
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, it: bool) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_i64<E>(self, it: i64) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_u64<E>(self, it: u64) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_f64<E>(self, it: f64) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_str<E>(self, it: &str) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_string<E>(self, it: String) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, Strict(member))) = entries.next_entry::<String, Strict>()? {
            if members.insert(name, member).is_some() {
                return Err(A::Error::custom("a member stands there twice"));
            }
        }
        Ok(members.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_objects_are_read_as_they_are() {
        let text = r#"{"a":1,"b":-2,"c":1.5,"d":"x\n","e":[true,null,{"a":{}}],"f":18446744073709551615}"#;
        assert_eq!(Value::Object(read_object(text.as_bytes()).unwrap()).to_string(), text);
    }

    #[test]
    fn members_that_stand_there_twice_are_refused_at_any_depth() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"{"b":[{"c":{"a":1,"a":2}}]}"#] {
            assert_eq!(read_object(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_object_and_nothing_else_is_refused() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(5000), "]".repeat(5000));
        for text in
            ["", "null", "[]", "\"{}\"", "{} {}", "{}x", "{\"a\":NaN}", "\u{feff}{}", "{'a':1}", "{\"a\":1,}", &deep]
        {
            assert_eq!(read_object(text.as_bytes()), None, "{text:.20}");
        }
        assert_eq!(read_object(b"{\"a\":\"\xff\"}"), None);
        assert_eq!(read_object(br#"{"a":"\ud800"}"#), None);
    }
}
