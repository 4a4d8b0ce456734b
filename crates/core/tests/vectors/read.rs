//! Reading the files.

use std::path::Path;

use ceknik_core::encoding::hex;
use serde_json::Value;

/// A file of `tests/vectors`, opening with what it is.
pub(crate) fn file(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    let opening: Vec<&str> = text.lines().skip(1).take(5).map(|line| line.trim().split('"').nth(1).unwrap()).collect();
    assert_eq!(opening, ["about", "spec", "made_by", "conventions", "members"], "{name}");
    serde_json::from_str(&text).unwrap()
}

/// The items of a list that is not empty.
pub(crate) fn list(value: &Value) -> &[Value] {
    let items = value.as_array().unwrap();
    assert!(!items.is_empty());
    items
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub(crate) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

/// A number that fits.
pub(crate) fn small<T: TryFrom<u64>>(value: &Value) -> T
where
    T::Error: std::fmt::Debug,
{
    number(value).try_into().unwrap()
}

pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    let text = text(value);
    let bytes: Vec<u8> =
        (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect();
    assert_eq!(hex(&bytes), text);
    bytes
}

pub(crate) fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

/// base64url without padding, of any length.
pub(crate) fn base64url(value: &Value) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text(value)).unwrap()
}

/// The error's name; none where none is expected.
pub(crate) fn error(case: &Value) -> Option<&str> {
    case["error"].as_str()
}

/// What is compared where an outcome is wrong: the case without its long parts.
pub(crate) fn what(case: &Value) -> String {
    case["what"].as_str().map_or_else(|| case.to_string(), str::to_owned)
}
