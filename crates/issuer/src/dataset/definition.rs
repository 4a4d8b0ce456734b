//! What a dataset is: figures, texts, ids, checked against each other.

use std::collections::BTreeMap;

use ceknik_core::StretchCost;
use ceknik_core::deniability;
use ceknik_core::filter::{FilterError, FilterGeometry, MOST_SHARD_BITS};
use ceknik_core::manifest::{Guidance, Id, MOST_MANIFEST_BYTES, MOST_VALIDITY_SECONDS, Text};
use ceknik_core::record::MOST_SUPPORTS;
use thiserror::Error;

use super::file::{self, DefinitionFile, MAX_DEFINITION_BYTES, StretchTable};
use super::probe;
use super::resolve::{PAYLOAD_STEP, longest_record};
use crate::rows::{Terms, TermsError};

/// Promised posterior unless set, in percent.
pub const DEFAULT_POSTERIOR_PERCENT: u8 = 50;
/// Cells for each record of the capacity unless set (spec, "Deniability").
pub const DEFAULT_CELLS_PER_RECORD: u32 = 8;
/// Fewest and most cells for each record: with one cell each, half of all would be set by members alone.
pub const CELLS_PER_RECORD: std::ops::RangeInclusive<u32> = 2..=64;
/// Share of those whom the filter misses and who confirm all the same, unless set, in percent.
pub const DEFAULT_COVER_PERCENT: u8 = 10;
/// K unless set: least people who share a bucket (spec, step 7).
pub const DEFAULT_LEAST_PEOPLE_PER_BUCKET: u64 = 1000;
/// Validity of an epoch unless set, in seconds: the longest, 7 days.
pub const DEFAULT_VALIDITY_SECONDS: i64 = MOST_VALIDITY_SECONDS;
/// From this length of the filter on shards are suggested, in bytes.
const LONG_FILTER_BYTES: u64 = 4 << 20;

/// What a dataset is, as `dataset create FILE.toml` reads it. Made by [`Definition::from_toml`] alone, so that its values
/// were checked, each by itself and beside the others.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Definition {
    /// The dataset's id: `[a-z0-9][a-z0-9-]{0,62}`.
    pub id: Id,
    /// The list's name.
    pub title: Text,
    /// Which list and area: what "not listed" does and does not mean.
    pub coverage: Text,
    /// People who could be listed. Fixed within a generation.
    pub population: u64,
    /// The filter's figures, fixed within a generation. None: everybody confirms.
    pub filter: Option<FilterFigures>,
    /// K, the least people who share a bucket. Fixed within a generation.
    pub least_people_per_bucket: u64,
    /// Bits of a bucket number. Unless set, what a plan suggests for as many records as the capacity: the fewest whose
    /// responses stay within 64 KiB ([`RESPONSE_TARGET_BYTES`](crate::plan::RESPONSE_TARGET_BYTES)), and no more than K
    /// allows. Fewer bits hide a person among more.
    pub bucket_bits: u8,
    /// Bytes of a record before sealing. Unless set, the smallest multiple of 32 that holds two supports with the longest
    /// ids and a date (one, if there is one candidate). Fixed within a generation.
    pub payload_bytes: u32,
    /// The evaluation budget of a day, in elements: half is there at once, half comes back over the day. Unless set, a third
    /// of the population and at least 100,000: about what it takes when everybody looks in the course of one day, of whom 34 %
    /// contact the service at the default figures. Of a surge within hours it bears half.
    pub evaluations_per_day: u64,
    /// How long an epoch answers for the present, in seconds: at most 7 days.
    pub validity_seconds: i64,
    /// The cost of the stretch. Fixed within a generation.
    pub stretch: StretchCost,
    /// What the ids of candidates mean. Within a generation none is taken away.
    pub candidates: BTreeMap<Id, Text>,
    /// What the ids of statuses mean. Within a generation none is taken away.
    pub statuses: BTreeMap<Id, Text>,
    /// Where and how to object.
    pub guidance: Vec<Guidance>,
    /// Addresses of plain copies, run by others than who has the keys: clients take filter and buckets there.
    pub mirrors: Vec<String>,
}

/// The figures of a filter (spec, "Deniability").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterFigures {
    /// The promised posterior, in percent. 50 unless set.
    pub posterior_percent: u8,
    /// Cells for each record of the capacity. 8 unless set.
    pub cells_per_record: u32,
    /// Most people ever added within the generation. Unless set, a tenth of the population and at least 8,192, but no more
    /// than the population.
    pub capacity: u64,
    /// Bits of the shard number. 0 unless set.
    pub shard_bits: u8,
    /// Of a hundred whom the filter misses, how many confirm all the same. 10 unless set.
    pub cover_percent: u8,
}

/// Why a definition is not acceptable.
#[derive(Debug, Error)]
pub enum DefinitionError {
    /// Longer than is read.
    #[error("the definition is {bytes} bytes long, at most {MAX_DEFINITION_BYTES} are read")]
    TooLong {
        /// As given.
        bytes: usize,
    },
    /// Not TOML, an unknown key, a key missing, or a value of another type.
    #[error("line {line}: {message}")]
    Toml {
        /// From 1.
        line: usize,
        /// What is wrong; names the key.
        message: String,
    },
    /// A value is impossible by itself or beside another.
    #[error("{key}: {reason}")]
    Value {
        /// The key, with the table around it.
        key: &'static str,
        /// What is wrong and what is possible.
        reason: String,
    },
    /// One word means two candidates or two statuses.
    #[error("{key}: {source}")]
    Terms {
        /// `candidates` or `statuses`.
        key: &'static str,
        /// Which.
        source: TermsError,
    },
    /// A weak stretch that the caller did not allow.
    #[error(
        "stretch.weak: a weak stretch is for tests and benchmarks, it protects nobody; say --weak-stretch to create such a \
         dataset all the same"
    )]
    Weak,
    /// The texts, or the hashes of the shards, would make a manifest that is longer than one may be.
    #[error("the manifest could be {over} bytes longer than the {MOST_MANIFEST_BYTES} that it may have: {remedy}")]
    ManifestTooLong {
        /// By so many bytes.
        over: usize,
        /// What to do.
        remedy: &'static str,
    },
    /// The figures or texts would make a manifest that no reader accepts.
    #[error("no manifest can be made of this: {0}")]
    Manifest(ceknik_core::manifest::ManifestError),
    /// An update changes what is fixed within a generation.
    #[error(
        "{key} is fixed within a generation: `ceknik dataset new-generation` begins one with another value, for which the \
         whole list is imported again"
    )]
    Fixed {
        /// The key.
        key: &'static str,
    },
    /// An update takes an id away.
    #[error(
        "{key}.{id} cannot be taken away within a generation, as records may name it: keep it, or begin a generation with \
         `ceknik dataset new-generation`"
    )]
    Removed {
        /// `candidates` or `statuses`.
        key: &'static str,
        /// The id.
        id: Id,
    },
}

impl Definition {
    /// Reads a definition file. Unknown keys are refused; what is left out has the default that its field documents.
    ///
    /// A stretch that is marked weak is accepted only where `weak_stretch` says so: a file alone never weakens a list.
    ///
    /// # Errors
    /// [`DefinitionError`]: the first thing that is wrong.
    pub fn from_toml(text: &str, weak_stretch: bool) -> Result<Self, DefinitionError> {
        Self::resolve(DefinitionFile::from_toml(text)?, None, weak_stretch)
    }

    /// Reads a definition file for this dataset's present generation. What is left out keeps its value.
    ///
    /// # Errors
    /// [`DefinitionError::Fixed`] and [`DefinitionError::Removed`] for what cannot change within a generation, and those of
    /// [`Definition::from_toml`].
    pub fn updated_from_toml(&self, text: &str) -> Result<Self, DefinitionError> {
        let updated = Self::resolve(DefinitionFile::from_toml(text)?, Some(self), self.stretch.weak)?;
        self.check_update(&updated)?;
        Ok(updated)
    }

    fn check_update(&self, updated: &Self) -> Result<(), DefinitionError> {
        let fixed = [
            ("id", self.id == updated.id),
            ("population", self.population == updated.population),
            ("least_people_per_bucket", self.least_people_per_bucket == updated.least_people_per_bucket),
            ("payload_bytes", self.payload_bytes == updated.payload_bytes),
            ("stretch", self.stretch == updated.stretch),
        ];
        if let Some((key, _)) = fixed.into_iter().find(|(_, same)| !same) {
            return Err(DefinitionError::Fixed { key });
        }
        let ids =
            [("candidates", &self.candidates, &updated.candidates), ("statuses", &self.statuses, &updated.statuses)];
        for (key, old, new) in ids {
            if let Some(id) = old.keys().find(|id| !new.contains_key(id)) {
                return Err(DefinitionError::Removed { key, id: id.clone() });
            }
        }
        Ok(())
    }

    /// This generation's figures and ids with the texts of a later generation's definition: what the generation that is
    /// still published shows while the next is being filled.
    ///
    /// # Errors
    /// [`DefinitionError`] when ids that only this one has cannot stand beside the new texts.
    pub(super) fn with_texts_of(&self, later: &Self) -> Result<Self, DefinitionError> {
        let texts = |own: &BTreeMap<Id, Text>, later: &BTreeMap<Id, Text>| {
            own.iter().map(|(id, text)| (id.clone(), later.get(id).unwrap_or(text).clone())).collect()
        };
        let merged = Self {
            title: later.title.clone(),
            coverage: later.coverage.clone(),
            evaluations_per_day: later.evaluations_per_day,
            validity_seconds: later.validity_seconds,
            candidates: texts(&self.candidates, &later.candidates),
            statuses: texts(&self.statuses, &later.statuses),
            guidance: later.guidance.clone(),
            mirrors: later.mirrors.clone(),
            ..self.clone()
        };
        merged.candidate_terms().map_err(|source| DefinitionError::Terms { key: "candidates", source })?;
        merged.status_terms().map_err(|source| DefinitionError::Terms { key: "statuses", source })?;
        probe::check(&merged)?;
        Ok(merged)
    }

    /// The words that mean its candidates in a list: ids and titles.
    ///
    /// # Errors
    /// None for a definition that was read: it was checked then.
    pub fn candidate_terms(&self) -> Result<Terms, TermsError> {
        terms(&self.candidates)
    }

    /// The words that mean its statuses in a list: ids and titles.
    ///
    /// # Errors
    /// None for a definition that was read: it was checked then.
    pub fn status_terms(&self) -> Result<Terms, TermsError> {
        terms(&self.statuses)
    }

    /// Cells, shards and their length, under a generation's seed. None without a filter.
    ///
    /// # Errors
    /// [`FilterError::SeedHalves`]; the figures were checked when the definition was read.
    pub fn filter_geometry(&self, seed: [u8; 32]) -> Result<Option<FilterGeometry>, FilterError> {
        let Some(FilterFigures { cells_per_record, capacity, shard_bits, .. }) = self.filter else { return Ok(None) };
        FilterGeometry::for_capacity(cells_per_record, capacity, shard_bits, seed).map(Some)
    }

    /// People for each bucket, rounded down, as the manifest discloses it.
    pub fn people_per_bucket(&self) -> u64 {
        deniability::people_per_bucket(self.population, self.bucket_bits, self.shard_bits())
    }

    /// Bits of the shard number; 0 without a filter.
    pub fn shard_bits(&self) -> u8 {
        self.filter.map_or(0, |filter| filter.shard_bits)
    }

    /// Supports for which every record has room, with the longest ids and dates.
    pub fn supports_per_record(&self) -> usize {
        let fits = |supports: &usize| longest_record(&self.candidates, &self.statuses, *supports) <= self.payload_bytes;
        (1..=MOST_SUPPORTS.min(self.candidates.len())).take_while(fits).last().unwrap_or(0)
    }

    /// Payload bytes that would have room for a support of every candidate, or as many as a record may have, where the
    /// present ones do not.
    pub fn suggested_payload_bytes(&self) -> Option<u32> {
        let most = longest_record(&self.candidates, &self.statuses, MOST_SUPPORTS);
        (most > self.payload_bytes).then(|| most.next_multiple_of(PAYLOAD_STEP))
    }

    /// Shard bits that would keep what a client fetches under 4 MiB, where the filter is longer and K allows as many. A
    /// client that fetches one shard of several tells its number, which counts with the bucket's.
    pub fn suggested_shard_bits(&self) -> Option<u8> {
        let figures = self.filter?;
        let bytes = |bits: u8| {
            FilterGeometry::for_capacity(figures.cells_per_record, figures.capacity, bits, probe::SEED)
                .map_or(u64::MAX, |geometry| geometry.shard_bytes())
        };
        if bytes(figures.shard_bits) <= LONG_FILTER_BYTES {
            return None;
        }
        let allowed =
            |bits: u8| deniability::bucket_bits_allowed(self.population, 0, bits, self.least_people_per_bucket);
        (figures.shard_bits + 1..=MOST_SHARD_BITS).find(|bits| bytes(*bits) <= LONG_FILTER_BYTES && allowed(*bits))
    }

    /// The form in which the store keeps it: every default filled in, so that other defaults in a later version of this
    /// program change nothing.
    pub(crate) fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&DefinitionFile {
            id: self.id.to_string(),
            population: self.population,
            filter: Some(self.filter.is_some()),
            capacity: self.filter.map(|filter| filter.capacity),
            posterior_percent: self.filter.map(|filter| filter.posterior_percent),
            cells_per_record: self.filter.map(|filter| filter.cells_per_record),
            shard_bits: self.filter.map(|filter| filter.shard_bits),
            cover_percent: self.filter.map(|filter| filter.cover_percent),
            least_people_per_bucket: Some(self.least_people_per_bucket),
            bucket_bits: Some(self.bucket_bits),
            payload_bytes: Some(self.payload_bytes),
            evaluations_per_day: Some(self.evaluations_per_day),
            validity: Some(file::format_validity(self.validity_seconds)),
            mirrors: Some(self.mirrors.clone()),
            stretch: Some(StretchTable {
                memory_kib: Some(self.stretch.memory_kib),
                passes: Some(self.stretch.passes),
                weak: Some(self.stretch.weak),
            }),
            title: self.title.clone(),
            coverage: self.coverage.clone(),
            candidates: self.candidates.iter().map(|(id, text)| (id.to_string(), text.clone())).collect(),
            statuses: self.statuses.iter().map(|(id, text)| (id.to_string(), text.clone())).collect(),
            guidance: Some(self.guidance.iter().map(Into::into).collect()),
        })
    }

    /// Reads what [`Definition::to_json`] wrote. None for anything else.
    pub(crate) fn from_json(json: &str) -> Option<Self> {
        Self::resolve(serde_json::from_str(json).ok()?, None, true).ok()
    }
}

pub(super) fn terms(ids: &BTreeMap<Id, Text>) -> Result<Terms, TermsError> {
    Terms::new(ids.iter().map(|(id, text)| (id.as_str(), [text.id.as_str(), text.en.as_str()])))
}
