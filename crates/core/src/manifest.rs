//! The manifest: one JSON document for each epoch, published as exact bytes (spec, step 8).
//!
//! [`UnverifiedManifest`] is one that parses and agrees with itself; [`VerifiedManifest`] is one that is also in the log
//! that the verifier's policy names. Only the second is believed.

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::bucket::{BucketError, BucketGeometry};
use crate::deniability::PromiseError;
use crate::filter::{FilterError, FilterGeometry, ShardDigest};
use crate::merkle::NodeHash;
use crate::oprf::OprfPublicKey;
use crate::stretch::{StretchCost, StretchError};
use crate::time::Timestamp;

mod boxed;
mod check;
mod id;
mod read;
mod succession;
mod texts;
mod verified;
mod wire;

pub use id::{Id, IdError};
pub use succession::SuccessionError;
pub use texts::Texts;
pub use verified::{FreshnessError, UnverifiedManifest, VerifiedManifest, VerifyError};

/// The value of `protocol`.
pub const PROTOCOL: &str = "ceknik/1";
/// Most bytes of a manifest: what an entry bundle of the log can hold.
pub const MOST_MANIFEST_BYTES: usize = 65_535;
/// Longest validity, in seconds: 7 days.
pub const MOST_VALIDITY_SECONDS: i64 = 7 * 24 * 3600;
/// How far ahead of the reader's clock a manifest may be, in seconds.
pub const CLOCK_SKEW_SECONDS: i64 = 5 * 60;
/// Largest whole number in a manifest: what a double holds exactly.
pub const MOST_NUMBER: u64 = (1 << 53) - 1;

/// A text in both languages.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// In Indonesian.
    pub id: String,
    /// In English.
    pub en: String,
}

/// Where and how to object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guidance {
    /// The region it is for; none: everywhere.
    pub region: Option<String>,
    /// What to do.
    pub text: Text,
    /// Where to read on: `https://` or `http://`.
    pub url: String,
}

/// Which stretch (step 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StretchSpec {
    /// Its cost, and whether that is marked weak.
    pub cost: StretchCost,
    /// Its salt, never used for another generation.
    pub salt: [u8; 32],
}

/// The filter of an epoch (step 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterSpec {
    /// From 1; salt, seed, cells, population, posterior and cover rate are fixed within one.
    pub generation: u32,
    /// Shards, cells, seed.
    pub geometry: FilterGeometry,
    /// Everyone ever added in the generation.
    pub members: u64,
    /// Cells that are set by noise.
    pub noise: u64,
    /// One for each shard.
    pub shards: Vec<ShardDigest>,
}

/// The key of the blind evaluation (step 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OprfSpec {
    /// The key of this epoch.
    pub public_key: OprfPublicKey,
    /// The key that a later epoch will have.
    pub next: Option<NextKey>,
}

/// An announced key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextKey {
    /// The key.
    pub public_key: OprfPublicKey,
    /// The epoch that has it first.
    pub from_epoch: u64,
}

/// The sealed table of an epoch (step 7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketsSpec {
    /// Bits and lengths.
    pub geometry: BucketGeometry,
    /// Root of the tree over all buckets.
    pub root: NodeHash,
}

/// What the publisher discloses of the promise.
#[derive(Clone, Debug, PartialEq)]
pub struct Disclosure {
    /// The promised posterior for the base rate as the only knowledge; none without a filter.
    pub posterior_percent: Option<u8>,
    /// cells / noise, to three digits; none without a filter.
    pub odds_factor: Option<f64>,
    /// (cells - noise before) / (noise added), to three digits; none when this epoch added none.
    pub epoch_odds_factor: Option<f64>,
    /// `P / 2^(bits + shard_bits)`, rounded down.
    pub people_per_bucket: u64,
    /// How many of a hundred whom the filter misses confirm all the same; 100 without a filter.
    pub cover_percent: u8,
    /// The evaluation budget.
    pub evaluations_per_day: u64,
}

/// What a manifest says. Fields have the document's names and meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Origin of the log.
    pub log: String,
    /// The dataset's id.
    pub dataset: Id,
    /// From 1, without gaps.
    pub epoch: u64,
    /// SHA-256 of the epoch before; none in the first.
    pub previous: Option<[u8; 32]>,
    /// When it was published.
    pub published_at: Timestamp,
    /// Until when it answers for the present.
    pub valid_until: Timestamp,
    /// The list's name.
    pub title: Text,
    /// Which list and area: what "not listed" does and does not mean.
    pub coverage: Text,
    /// Sealed records.
    pub records: u64,
    /// People who could be listed.
    pub population: u64,
    /// The stretch.
    pub stretch: StretchSpec,
    /// The filter; none: everybody confirms.
    pub filter: Option<FilterSpec>,
    /// The key.
    pub oprf: OprfSpec,
    /// The sealed table.
    pub buckets: BucketsSpec,
    /// The promise.
    pub disclosure: Disclosure,
    /// What the ids of candidates mean.
    pub candidates: Texts,
    /// What the ids of statuses mean.
    pub statuses: Texts,
    /// Where and how to object.
    pub guidance: Vec<Guidance>,
    /// Plain copies elsewhere.
    pub mirrors: Vec<String>,
}

/// Why bytes are no manifest.
#[derive(Debug, Error, PartialEq)]
pub enum ManifestError {
    /// Longer than a manifest may be.
    #[error("a manifest is at most {MOST_MANIFEST_BYTES} bytes long, this one is {bytes}")]
    TooLong {
        /// As given.
        bytes: usize,
    },
    /// Not JSON, or not of the manifest's form.
    #[error("line {line}, column {column}: {reason}")]
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// A protocol that this reader does not speak.
    #[error("the manifest is not of protocol {PROTOCOL}; a newer reader may be needed")]
    Protocol,
    /// A field's value is impossible by itself or beside another's.
    #[error("{field}: {reason}")]
    Field {
        /// Its name, with the names around it.
        field: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The stretch is out of bounds.
    #[error("stretch: {0}")]
    Stretch(#[from] StretchError),
    /// The filter's geometry is impossible.
    #[error("filter: {0}")]
    Filter(#[from] FilterError),
    /// The buckets' geometry is impossible.
    #[error("buckets: {0}")]
    Buckets(#[from] BucketError),
    /// The figures break the promise.
    #[error("disclosure: {0}")]
    Promise(#[from] PromiseError),
}

impl Manifest {
    /// Parses exact bytes, strictly: length, JSON without duplicate names, no unknown field outside of `extensions`, no
    /// field missing, every figure that follows from others recomputed.
    ///
    /// # Errors
    /// [`ManifestError`]: the first thing that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MOST_MANIFEST_BYTES {
            return Err(ManifestError::TooLong { bytes: bytes.len() });
        }
        let manifest = read::manifest(bytes).and_then(|manifest| manifest.check().map(|()| manifest));
        manifest.map_err(|error| *error)
    }

    /// The bytes that are published. The same manifest gives the same bytes.
    ///
    /// # Errors
    /// [`ManifestError`], when it would not parse.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ManifestError> {
        self.check().map_err(|error| *error)?;
        let mut bytes = wire::to_json(self)?;
        bytes.push(b'\n');
        if bytes.len() > MOST_MANIFEST_BYTES {
            return Err(ManifestError::TooLong { bytes: bytes.len() });
        }
        Ok(bytes)
    }
}

/// SHA-256 of a manifest's exact bytes, by which the next epoch names it.
pub fn manifest_sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
pub(crate) mod tests;
