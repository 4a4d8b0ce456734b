//! The definition as a file has it, key by key. The store keeps the same form, with every default filled in, as JSON.

use std::collections::BTreeMap;

use ceknik_core::Nik;
use ceknik_core::manifest::{Guidance, Id, Text};
use serde::{Deserialize, Serialize};

use super::DefinitionError;

/// Longest definition that is read, in bytes: far more than a manifest can hold.
pub const MAX_DEFINITION_BYTES: usize = 262_144;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DefinitionFile {
    pub(super) id: String,
    pub(super) population: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) filter: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) capacity: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) posterior_percent: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cells_per_record: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) shard_bits: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cover_percent: Option<u8>,
    pub(super) least_people_per_bucket: Option<u64>,
    pub(super) bucket_bits: Option<u8>,
    pub(super) payload_bytes: Option<u32>,
    pub(super) evaluations_per_day: Option<u64>,
    pub(super) validity: Option<String>,
    pub(super) mirrors: Option<Vec<String>>,
    pub(super) stretch: Option<StretchTable>,
    pub(super) title: Text,
    pub(super) coverage: Text,
    pub(super) candidates: BTreeMap<String, Text>,
    pub(super) statuses: BTreeMap<String, Text>,
    pub(super) guidance: Option<Vec<GuidanceTable>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StretchTable {
    pub(super) memory_kib: Option<u32>,
    pub(super) passes: Option<u32>,
    pub(super) weak: Option<bool>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GuidanceTable {
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    id: String,
    en: String,
    url: String,
}

impl DefinitionFile {
    pub(super) fn from_toml(text: &str) -> Result<Self, DefinitionError> {
        if text.len() > MAX_DEFINITION_BYTES {
            return Err(DefinitionError::TooLong { bytes: text.len() });
        }
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = 1 + before.matches('\n').count();
            let key = text.lines().nth(line - 1).and_then(|line| line.split_once('='));
            if let Some((key, _)) = key.filter(|(_, value)| is_separated_number(value)) {
                let message = "write the number in digits alone, or with _ between them: 8214007 or 8_214_007";
                return DefinitionError::Toml { line, message: format!("{}: {message}", key.trim()) };
            }
            DefinitionError::Toml { line, message: readable(error.message(), key.map(|(key, _)| key.trim())) }
        })
    }

    /// The dataset that it defines.
    pub(super) fn dataset(&self) -> Result<Id, DefinitionError> {
        let reason = "is 1 to 63 of the characters a-z, 0-9 and -, and does not start with -";
        let value = |reason: &str| DefinitionError::Value { key: "id", reason: reason.to_owned() };
        if Nik::parse(&self.id).is_ok() {
            return Err(value("has the sixteen digits of a NIK: give the dataset a name"));
        }
        Id::new(&self.id).map_err(|_| value(reason))
    }
}

/// Whether a value is a number with separators that TOML has not, as in `8,214,007` and `8.214.007`.
fn is_separated_number(value: &str) -> bool {
    let value = value.split('#').next().unwrap_or_default().trim();
    let groups: Vec<&str> = value.split([',', '.', ' ']).collect();
    groups.len() > 1
        && groups.iter().all(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()))
        && groups[1..].iter().all(|group| group.len() == 3)
}

/// The parser's message, without the types of its language, and with the key whose value has another type.
fn readable(message: &str, key: Option<&str>) -> String {
    let whole_number = |message: String, kind| message.replace(&format!("expected {kind}"), "expected a whole number");
    let message = ["u8", "u32", "u64"].into_iter().fold(message.to_owned(), whole_number);
    let message = message.replace("expected a boolean", "expected true or false");
    match key {
        Some(key) if message.starts_with("invalid type") || message.starts_with("invalid value") => {
            format!("{key}: {message}")
        }
        _ => message,
    }
}

impl From<GuidanceTable> for Guidance {
    fn from(GuidanceTable { region, id, en, url }: GuidanceTable) -> Self {
        Self { region, text: Text { id, en }, url }
    }
}

impl From<&Guidance> for GuidanceTable {
    fn from(Guidance { region, text: Text { id, en }, url }: &Guidance) -> Self {
        Self { region: region.clone(), id: id.clone(), en: en.clone(), url: url.clone() }
    }
}

/// Reads `12h` or `7d`, as seconds.
pub(super) fn parse_validity(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let hours = match unit {
        "h" => 1,
        "d" => 24,
        _ => return None,
    };
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number.parse::<i64>().ok()?.checked_mul(hours * 3600).filter(|seconds| *seconds > 0)
}

/// Writes whole days as `7d`, anything else as hours.
pub(super) fn format_validity(seconds: i64) -> String {
    if seconds % 86_400 == 0 { format!("{}d", seconds / 86_400) } else { format!("{}h", seconds / 3600) }
}
