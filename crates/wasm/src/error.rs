//! What is thrown at JavaScript.

use core::fmt;

use wasm_bindgen::JsValue;

/// Why something was not taken in: a mistake of whoever calls. It is thrown as text, and repeats nothing that was given.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal(pub(crate) String);

impl Refusal {
    pub(crate) fn because(what: &str, error: &dyn fmt::Display) -> Self {
        Self(format!("{what}: {error}"))
    }
}

impl From<Refusal> for JsValue {
    fn from(Refusal(text): Refusal) -> Self {
        Self::from_str(&text)
    }
}
