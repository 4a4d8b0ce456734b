//! JSON whose objects keep the order in which they were written, for people to read.

use serde::ser::{Serialize, SerializeMap, Serializer};

/// A value.
#[derive(Clone)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Whole(u64),
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// An object, its fields in the order given.
macro_rules! object {
    ($($name:literal: $value:expr),* $(,)?) => {
        $crate::json::Json::Object(vec![$(($name.to_owned(), $crate::json::Json::from($value))),*])
    };
}

pub(crate) use object;

impl Json {
    /// The object with more fields at its end. Anything else is given back as it is.
    pub(crate) fn with(mut self, more: Json) -> Json {
        if let (Json::Object(fields), Json::Object(more)) = (&mut self, more) {
            fields.extend(more);
        }
        self
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => s.serialize_unit(),
            Json::Bool(value) => s.serialize_bool(*value),
            Json::Whole(value) => s.serialize_u64(*value),
            Json::Number(value) => s.serialize_f64(*value),
            Json::Text(value) => s.serialize_str(value),
            Json::List(items) => s.collect_seq(items),
            Json::Object(fields) => {
                let mut map = s.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Json::Bool(value)
    }
}

macro_rules! from_whole {
    ($($type:ty)*) => {
        $(impl From<$type> for Json {
            fn from(value: $type) -> Self {
                Json::Whole(u64::from(value))
            }
        })*
    };
}

from_whole!(u8 u16 u32 u64);

impl From<usize> for Json {
    fn from(value: usize) -> Self {
        Json::Whole(value as u64)
    }
}

impl From<f64> for Json {
    fn from(value: f64) -> Self {
        Json::Number(value)
    }
}

impl From<&str> for Json {
    fn from(value: &str) -> Self {
        Json::Text(value.to_owned())
    }
}

impl From<String> for Json {
    fn from(value: String) -> Self {
        Json::Text(value)
    }
}

impl<T: Into<Json>> From<Vec<T>> for Json {
    fn from(items: Vec<T>) -> Self {
        Json::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Json::Null, Into::into)
    }
}
