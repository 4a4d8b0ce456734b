//! What JSON says and Serde does not ask for, for native readers that derive their structures.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A structure that is read from an object alone. Serde's own reading would take an array too, its members in order for the
/// fields, so that two readers could disagree on one document.
#[derive(Clone, Copy, Debug)]
pub struct JsonObject<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for JsonObject<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = JsonObject<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(JsonObject)
            }
        }

        d.deserialize_map(ObjectVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Pair<'a> {
        a: u8,
        #[serde(borrow)]
        b: std::borrow::Cow<'a, str>,
    }

    #[test]
    fn an_array_is_no_object() {
        let read = |json| serde_json::from_str::<JsonObject<Pair<'_>>>(json).map(|object| object.0).ok();
        assert_eq!(serde_json::from_str::<Pair<'_>>(r#"[1,"x"]"#).unwrap(), Pair { a: 1, b: "x".into() });
        assert_eq!(read(r#"[1,"x"]"#), None);
        assert_eq!(read(r#"{"b":"\u0078","a":1}"#), Some(Pair { a: 1, b: "x".into() }));
        for wrong in [r#"{"a":1}"#, r#"{"a":1,"b":"x","c":1}"#, r#"{"a":1,"b":"x","a":1}"#, "null", r#""a""#, "{} {}"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
