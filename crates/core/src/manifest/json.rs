//! What JSON allows and a manifest does not.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::ManifestError;

/// Refuses a document in which an object, at any depth, names a field twice: readers disagree on which one counts. And one
/// with an array in the place of an object, whose members Serde would take in order for the fields.
pub(super) fn refuse_loose_forms(bytes: &[u8]) -> Result<(), ManifestError> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    Form::Document.deserialize(&mut json).and_then(|()| json.end()).map_err(describe)
}

/// Where and what, without the parser's own "at line … column …".
pub(super) fn describe(error: serde_json::Error) -> ManifestError {
    let text = error.to_string();
    let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason).to_owned();
    ManifestError::Json { line: error.line(), column: error.column(), reason }
}

/// What may stand at a place of the document. Ids of candidates are names too, so that names alone do not tell.
#[derive(Clone, Copy)]
enum Form {
    /// The whole.
    Document,
    /// The object of that name.
    Filter,
    /// Anything but an array.
    Object,
    /// An array of objects and strings.
    Array,
    /// Anything: inside `extensions`.
    Free,
}

impl Form {
    fn below(self, name: &str) -> Self {
        match (self, name) {
            (Self::Free, _) | (Self::Document, "extensions") => Self::Free,
            (Self::Document, "filter") => Self::Filter,
            (Self::Document, "guidance" | "mirrors") | (Self::Filter, "shards") => Self::Array,
            _ => Self::Object,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Form {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Form {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let element = match self {
            Self::Document | Self::Filter | Self::Object => {
                return Err(A::Error::custom("an array stands where none belongs"));
            }
            Self::Array => Self::Object,
            Self::Free => Self::Free,
        };
        while seq.next_element_seed(element)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            map.next_value_seed(self.below(&name))?;
            if !names.insert(name) {
                return Err(A::Error::custom("a name stands twice in one object"));
            }
        }
        Ok(())
    }
}
