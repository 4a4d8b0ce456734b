//! JSON (RFC 8259), strictly: read into a tree, from which each reader takes what it knows by name, and written as Serde
//! writes it.
//!
//! Readers of one document must not differ in what it says. So a name may stand once in an object, at any depth; an object
//! has the members that its reader asks for and no others; an array is no object; and a whole number is digits alone.
//! Structures derived by Serde would read an array's elements for an object's members, and are ten times as much code in a
//! browser. The tests hold this reader to Serde's.

use core::fmt;

use thiserror::Error;

mod number;
mod object;
mod parser;
mod writer;

#[cfg(test)]
mod tests;

pub use object::JsonObject;
pub use writer::JsonWriter;

/// Why bytes are no JSON, or not of the form that a reader expects. What it says of the document are names of members alone.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{} at {}", _0.reason, _0.place)]
pub struct JsonError(Box<Fault>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    place: Place,
    reason: String,
}

impl JsonError {
    #[cold]
    fn new(place: Place, reason: &str) -> Self {
        Self(Box::new(Fault { place, reason: reason.to_owned() }))
    }

    /// Where.
    pub fn place(&self) -> Place {
        self.0.place
    }

    /// What is wrong.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }
}

/// A place in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// In bytes, from 1; 0 where the line is empty.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} column {}", self.line, self.column)
    }
}

/// A value of JSON, with the place where it ends.
pub struct Json {
    place: Place,
    value: Value,
}

enum Value {
    Null,
    Bool(bool),
    /// As it is spelt.
    Number(String),
    Text(String),
    Array(Vec<Json>),
    /// In the document's order; no name stands twice.
    Object(Vec<(String, Json)>),
}

/// It may hold what a record says.
impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Json(REDACTED)")
    }
}

impl Json {
    /// Parses a document: one value, and white space around it.
    ///
    /// # Errors
    /// [`JsonError`] where it is not one, names something twice in one object, has more than 16,384 members in one, or nests
    /// more than 127 levels deep.
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        parser::parse(bytes)
    }

    /// The error that something is wrong with this value.
    pub fn wrong(&self, reason: &str) -> JsonError {
        JsonError::new(self.place, reason)
    }

    /// The error that this value is not what its reader expects.
    pub fn unexpected(&self, expected: &str) -> JsonError {
        self.wrong(&["invalid value: expected ", expected].concat())
    }

    /// The value; none where it is null.
    pub fn nullable(&self) -> Option<&Self> {
        if let Value::Null = self.value { None } else { Some(self) }
    }

    /// A string.
    ///
    /// # Errors
    /// [`JsonError`] where it is none.
    pub fn text(&self) -> Result<&str, JsonError> {
        if let Value::Text(text) = &self.value { Ok(text) } else { Err(self.unexpected("a string")) }
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// [`JsonError`] where it is neither.
    pub fn truth(&self) -> Result<bool, JsonError> {
        if let Value::Bool(truth) = self.value { Ok(truth) } else { Err(self.unexpected("a boolean")) }
    }

    /// A whole number, from 0 to `most`.
    ///
    /// # Errors
    /// [`JsonError`] where it is none: 1.0 and 1e0 are not whole here.
    pub fn whole(&self, most: u64) -> Result<u64, JsonError> {
        let number =
            if let Value::Number(digits) = &self.value { crate::encoding::decimal(digits.as_bytes()) } else { None };
        number
            .filter(|number| *number <= most)
            .ok_or_else(|| self.unexpected(&format!("a whole number from 0 to {most}")))
    }

    /// A whole number that fits into 32 bits.
    ///
    /// # Errors
    /// As [`Json::whole`].
    pub fn whole32(&self) -> Result<u32, JsonError> {
        self.whole(u32::MAX.into()).map(|number| number as u32)
    }

    /// A whole number that fits into 8 bits.
    ///
    /// # Errors
    /// As [`Json::whole`].
    pub fn whole8(&self) -> Result<u8, JsonError> {
        self.whole(u8::MAX.into()).map(|number| number as u8)
    }

    /// A number in whatever spelling, as the double nearest to it. What is under 0.01 is taken as 0, and what is not under
    /// 10^16 as infinite: nothing is read by this whose value lies near there.
    ///
    /// # Errors
    /// [`JsonError`] where it is none.
    pub fn decimal(&self) -> Result<f64, JsonError> {
        if let Value::Number(number) = &self.value {
            Ok(number::nearest(number))
        } else {
            Err(self.unexpected("a number"))
        }
    }

    /// The elements of an array.
    ///
    /// # Errors
    /// [`JsonError`] where it is none.
    pub fn elements(&self) -> Result<&[Self], JsonError> {
        if let Value::Array(elements) = &self.value { Ok(elements) } else { Err(self.unexpected("an array")) }
    }

    /// The members of an object whose names its author chose, in the document's order.
    ///
    /// # Errors
    /// [`JsonError`] where it is none.
    pub fn members(&self) -> Result<&[(String, Self)], JsonError> {
        match &self.value {
            Value::Object(members) => Ok(members),
            Value::Array(_) => Err(JsonError::new(self.place, "an array stands where none belongs")),
            _ => Err(self.unexpected("an object")),
        }
    }

    /// An object, to be taken apart member by member.
    ///
    /// # Errors
    /// [`JsonError`] where it is none.
    pub fn object(&self) -> Result<Object<'_>, JsonError> {
        Ok(Object { place: self.place, rest: self.members()?.iter().collect() })
    }
}

/// An object that is being taken apart. Whoever is done asks [`Object::end`] whether something is left.
pub struct Object<'a> {
    place: Place,
    rest: Vec<&'a (String, Json)>,
}

impl fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Object(REDACTED)")
    }
}

impl<'a> Object<'a> {
    /// Takes a member that may be there.
    pub fn optional(&mut self, name: &str) -> Option<&'a Json> {
        let at = self.rest.iter().position(|(found, _)| found == name)?;
        Some(&self.rest.remove(at).1)
    }

    /// Takes a member that must be there.
    ///
    /// # Errors
    /// [`JsonError`] where it is not.
    pub fn take(&mut self, name: &str) -> Result<&'a Json, JsonError> {
        match self.optional(name) {
            Some(json) => Ok(json),
            None => Err(JsonError::new(self.place, &["missing field `", name, "`"].concat())),
        }
    }

    /// That every member was taken.
    ///
    /// # Errors
    /// [`JsonError`] with the name of one that was not.
    pub fn end(self) -> Result<(), JsonError> {
        match self.rest.first() {
            Some((name, json)) => Err(JsonError::new(json.place, &["unknown field `", name, "`"].concat())),
            None => Ok(()),
        }
    }
}
