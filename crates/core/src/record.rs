//! The keyed hash and the sealed record (spec, steps 5 and 6).

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::json::{Json, JsonError, JsonWriter};
use crate::label;
use crate::manifest::Id;
use crate::oprf::OprfOutput;
use crate::secret::{hkdf, secret_bytes};

/// Bytes of a locator.
pub const LOCATOR_BYTES: usize = 16;
/// Bytes that sealing adds to a payload: the tag.
pub const TAG_BYTES: usize = 16;
/// Least bytes of a payload: one support with ids of a few letters does not fit into less.
pub const LEAST_PAYLOAD_BYTES: u32 = 32;
/// Most bytes of a payload.
pub const MOST_PAYLOAD_BYTES: u32 = 4096;
/// Most supports in a record.
pub const MOST_SUPPORTS: usize = 8;

/// `HKDF(y, "ceknik/1/locator", 16)`: what a record is stored under, and nothing nearer to the NIK is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Locator([u8; LOCATOR_BYTES]);

impl core::fmt::Debug for Locator {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Locator(REDACTED)")
    }
}

impl Locator {
    /// From 16 bytes of a bucket or a store.
    pub fn from_bytes(bytes: [u8; LOCATOR_BYTES]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    pub fn expose_bytes(&self) -> &[u8; LOCATOR_BYTES] {
        &self.0
    }

    /// Compares in constant time, for the one comparison whose subject is the person asking.
    pub fn ct_eq(&self, other: &[u8]) -> bool {
        self.0.ct_eq(other).into()
    }

    /// The top `bits` bits: the number of the bucket. `bits` is at most 32.
    pub fn bucket(&self, bits: u8) -> u32 {
        let mut top = [0u8; 4];
        top.copy_from_slice(&self.0[..4]);
        if bits == 0 { 0 } else { u32::from_be_bytes(top) >> (32 - u32::from(bits.min(32))) }
    }
}

secret_bytes! {
    /// `HKDF(y, "ceknik/1/seal", 32)`: opens one record in all its versions.
    SealKey, 32
}

impl OprfOutput {
    /// The keyed hash (spec, step 5).
    pub fn locator(&self) -> Locator {
        Locator(hkdf(self.expose_bytes(), &[label::LOCATOR]))
    }

    /// The key of the sealed record (spec, step 5).
    pub fn seal_key(&self) -> SealKey {
        SealKey::from_bytes(hkdf(self.expose_bytes(), &[label::SEAL]))
    }
}

/// One support: for whom, in which state, as of when. Ids are explained by the manifest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Support {
    /// Id of the candidate.
    pub candidate: String,
    /// Id of the status.
    pub status: String,
    /// Day of submission, `YYYY-MM-DD`; null when the list has none.
    #[serde(deserialize_with = "required_option")]
    pub submitted: Option<String>,
}

impl Support {
    /// Writes it as a record has it.
    pub fn write(&self, json: &mut JsonWriter) {
        json.open('{');
        json.member("candidate", &self.candidate);
        json.member("status", &self.status);
        json.name("submitted").maybe_text(self.submitted.as_deref());
        json.close('}');
    }
}

/// Without this, an absent field would pass as null.
fn required_option<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(d)
}

/// What a record says: supports in strictly ascending order of candidate. No name, no birth date, no address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// At least one, at most [`MOST_SUPPORTS`].
    pub supports: Vec<Support>,
}

/// Why a record cannot be sealed or opened.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RecordError {
    /// The record does not fit into the dataset's payload.
    #[error("the record needs {needs} bytes and the dataset's payload_bytes is {payload_bytes}")]
    TooLong {
        /// Bytes of the JSON.
        needs: usize,
        /// Of the dataset.
        payload_bytes: u32,
    },
    /// The sealed bytes do not open: altered, or sealed under another key or for another dataset.
    #[error("the sealed record does not open")]
    Sealed,
    /// The payload is no record.
    #[error("the record's content is malformed: {reason}")]
    Malformed {
        /// What is wrong, without what it says.
        reason: &'static str,
    },
}

impl Record {
    /// The payload: JSON without white space, padded with spaces to `payload_bytes`.
    ///
    /// # Errors
    /// [`RecordError::TooLong`], or [`RecordError::Malformed`] for supports out of order, none, or too many.
    pub fn to_payload(&self, payload_bytes: u32) -> Result<Zeroizing<Vec<u8>>, RecordError> {
        self.check()?;
        let mut json = self.to_json();
        if json.len() as u64 > u64::from(payload_bytes) {
            return Err(RecordError::TooLong { needs: json.len(), payload_bytes });
        }
        json.resize(payload_bytes as usize, b' ');
        Ok(json)
    }

    /// Without white space. The buffer holds any record, so that no copy is left behind by growing.
    fn to_json(&self) -> Zeroizing<Vec<u8>> {
        let mut json = JsonWriter::with_capacity(MOST_PAYLOAD_BYTES as usize);
        json.open('{');
        json.name("supports").open('[');
        for support in &self.supports {
            support.write(&mut json);
        }
        json.close(']');
        json.close('}');
        Zeroizing::new(json.finish().into_bytes())
    }

    fn read(json: &[u8]) -> Result<Self, JsonError> {
        let json = Json::parse(json)?;
        let mut record = json.object()?;
        let mut supports = Vec::new();
        for json in record.take("supports")?.elements()? {
            let mut support = json.object()?;
            supports.push(Support {
                candidate: support.take("candidate")?.text()?.to_owned(),
                status: support.take("status")?.text()?.to_owned(),
                submitted: match support.take("submitted")?.nullable() {
                    Some(day) => Some(day.text()?.to_owned()),
                    None => None,
                },
            });
            support.end()?;
        }
        record.end()?;
        Ok(Self { supports })
    }

    /// Parses a payload, strictly: it must be what [`Record::to_payload`] writes, byte for byte.
    ///
    /// # Errors
    /// [`RecordError::Malformed`].
    pub fn from_payload(payload: &[u8]) -> Result<Self, RecordError> {
        let json = payload.trim_ascii_end();
        if payload[json.len()..].iter().any(|byte| *byte != b' ') {
            return Err(RecordError::Malformed { reason: "the padding is not spaces" });
        }
        let record = Self::read(json).map_err(|_| RecordError::Malformed { reason: "not the JSON of a record" })?;
        record.check()?;
        // White space, escapes, the order of fields: JSON has many spellings, a record one.
        if *record.to_json() != json {
            return Err(RecordError::Malformed { reason: "not spelled as a record is" });
        }
        Ok(record)
    }

    fn check(&self) -> Result<(), RecordError> {
        let reason = if self.supports.is_empty() {
            "no support in it"
        } else if self.supports.len() > MOST_SUPPORTS {
            "more than 8 supports in it"
        } else if !self.supports.iter().all(|support| is_id(&support.candidate) && is_id(&support.status)) {
            "a candidate or status is no id"
        } else if !self.supports.is_sorted_by(|a, b| a.candidate < b.candidate) {
            "supports are not in ascending order of candidate"
        } else if !self.supports.iter().all(|support| support.submitted.as_deref().is_none_or(crate::time::is_date)) {
            "a submission date is not YYYY-MM-DD"
        } else {
            return Ok(());
        };
        Err(RecordError::Malformed { reason })
    }
}

fn is_id(text: &str) -> bool {
    Id::new(text).is_ok()
}

fn cipher(key: &SealKey) -> Aes256GcmSiv {
    Aes256GcmSiv::new(key.expose_bytes().into())
}

/// The nonce is constant: a key seals the versions of one record, and SIV tells no more of two versions than whether they
/// are equal, which publishing them tells anyway.
fn nonce() -> Nonce {
    Nonce::default()
}

/// `AES-256-GCM-SIV(seal key, nonce = 12 zero bytes, aad = dataset id, payload)`: `payload_bytes + 16` bytes.
///
/// # Errors
/// As [`Record::to_payload`].
pub fn seal(key: &SealKey, dataset: &str, record: &Record, payload_bytes: u32) -> Result<Vec<u8>, RecordError> {
    let payload = record.to_payload(payload_bytes)?;
    cipher(key)
        .encrypt(&nonce(), Payload { msg: &payload, aad: dataset.as_bytes() })
        .map_err(|_| RecordError::Malformed { reason: "too long to seal" })
}

/// Opens and parses a sealed record.
///
/// # Errors
/// [`RecordError::Sealed`] or [`RecordError::Malformed`]: to a client both are *no answer*, never "not listed".
pub fn open(key: &SealKey, dataset: &str, sealed: &[u8]) -> Result<Record, RecordError> {
    let payload = cipher(key)
        .decrypt(&nonce(), Payload { msg: sealed, aad: dataset.as_bytes() })
        .map(Zeroizing::new)
        .map_err(|_| RecordError::Sealed)?;
    Record::from_payload(&payload)
}

#[cfg(test)]
mod tests;
