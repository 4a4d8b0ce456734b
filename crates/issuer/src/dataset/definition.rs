//! What a dataset is: figures, texts, ids, checked against each other.

use std::collections::BTreeMap;

use ceknik_core::StretchCost;
use ceknik_core::bucket::{BucketGeometry, MOST_BUCKET_BITS};
use ceknik_core::deniability::{self, MOST_PEOPLE, Promise};
use ceknik_core::filter::{FilterError, FilterGeometry, MOST_SHARD_BITS};
use ceknik_core::manifest::{Guidance, Id, MOST_VALIDITY_SECONDS, Text};
use ceknik_core::record::{LEAST_PAYLOAD_BYTES, MOST_PAYLOAD_BYTES, Record, Support};
use thiserror::Error;

use super::file::{self, DefinitionFile, MAX_DEFINITION_BYTES, StretchTable};
use super::probe;
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
/// Smallest capacity that is taken without being set: what the smallest filter has room for.
const LEAST_DEFAULT_CAPACITY: u64 = 8192;
/// Smallest evaluation budget that is taken without being set, a day.
const LEAST_DEFAULT_EVALUATIONS: u64 = 10_000;
/// A payload that was not set is a multiple of this, in bytes.
const PAYLOAD_STEP: u32 = 32;
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
    /// Bits of a bucket number. Unless set, the most that K allows.
    pub bucket_bits: u8,
    /// Bytes of a record before sealing. Unless set, the smallest multiple of 32 that holds two supports with the longest
    /// ids and a date (one, if there is one candidate). Fixed within a generation.
    pub payload_bytes: u32,
    /// The evaluation budget of a day, in elements. Unless set, a third of the population and at least 10,000: about what
    /// it takes when everybody looks on one day, of whom 34 % contact the service at the default figures.
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

fn value<T>(key: &'static str, reason: impl Into<String>) -> Result<T, DefinitionError> {
    Err(DefinitionError::Value { key, reason: reason.into() })
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
        let figures = |definition: &Self| definition.filter;
        let fixed = [
            ("id", self.id == updated.id),
            ("population", self.population == updated.population),
            ("filter", self.filter.is_some() == updated.filter.is_some()),
            ("least_people_per_bucket", self.least_people_per_bucket == updated.least_people_per_bucket),
            ("payload_bytes", self.payload_bytes == updated.payload_bytes),
            ("stretch", self.stretch == updated.stretch),
        ];
        let of_filter = figures(self).zip(figures(updated)).map_or(vec![], |(old, new)| {
            vec![
                ("posterior_percent", old.posterior_percent == new.posterior_percent),
                ("cells_per_record", old.cells_per_record == new.cells_per_record),
                ("capacity", old.capacity == new.capacity),
                ("shard_bits", old.shard_bits == new.shard_bits),
                ("cover_percent", old.cover_percent == new.cover_percent),
            ]
        });
        if let Some((key, _)) = fixed.into_iter().chain(of_filter).find(|(_, same)| !same) {
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

    /// This generation's figures with the texts of a later generation's definition: what the generation that is still
    /// published shows while the next is being filled. Ids that only this one knows are kept.
    pub(super) fn with_texts_of(&self, later: &Self) -> Self {
        let merged = |own: &BTreeMap<Id, Text>, later: &BTreeMap<Id, Text>| {
            let mut all = own.clone();
            all.extend(later.iter().map(|(id, text)| (id.clone(), text.clone())));
            all
        };
        Self {
            title: later.title.clone(),
            coverage: later.coverage.clone(),
            evaluations_per_day: later.evaluations_per_day,
            validity_seconds: later.validity_seconds,
            candidates: merged(&self.candidates, &later.candidates),
            statuses: merged(&self.statuses, &later.statuses),
            guidance: later.guidance.clone(),
            ..self.clone()
        }
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

    fn resolve(file: DefinitionFile, keep: Option<&Self>, weak_stretch: bool) -> Result<Self, DefinitionError> {
        let Ok(id) = Id::new(&file.id) else {
            return value("id", "is 1 to 63 of the characters a-z, 0-9 and -, and does not start with -");
        };
        let population = file.population;
        if !(1..=MOST_PEOPLE).contains(&population) {
            return value("population", format!("must be 1 to {MOST_PEOPLE} people"));
        }
        let candidates = ids("candidates", &file.candidates)?;
        let statuses = ids("statuses", &file.statuses)?;
        let filter = filter_figures(&file, keep)?;
        let shard_bits = filter.map_or(0, |filter| filter.shard_bits);
        let least_people = file
            .least_people_per_bucket
            .or(keep.map(|keep| keep.least_people_per_bucket))
            .unwrap_or(DEFAULT_LEAST_PEOPLE_PER_BUCKET);
        if !(1..=MOST_PEOPLE).contains(&least_people) {
            return value("least_people_per_bucket", "must be at least 1");
        }
        let bucket_bits = file.bucket_bits.or(keep.map(|keep| keep.bucket_bits));
        let bucket_bits = bucket_bits_of(population, shard_bits, least_people, bucket_bits)?;
        let payload_bytes = file.payload_bytes.or(keep.map(|keep| keep.payload_bytes));
        let payload_bytes = payload_bytes_of(&candidates, &statuses, payload_bytes)?;
        let most_records = filter.map_or(population, |filter| filter.capacity);
        check_responses(bucket_bits, payload_bytes, most_records)?;
        let definition = Self {
            id,
            population,
            filter,
            least_people_per_bucket: least_people,
            bucket_bits,
            payload_bytes,
            evaluations_per_day: file
                .evaluations_per_day
                .or(keep.map(|keep| keep.evaluations_per_day))
                .unwrap_or_else(|| population.div_ceil(3).max(LEAST_DEFAULT_EVALUATIONS)),
            validity_seconds: match &file.validity {
                Some(text) => validity_seconds(text)?,
                None => keep.map_or(DEFAULT_VALIDITY_SECONDS, |keep| keep.validity_seconds),
            },
            stretch: stretch_cost(file.stretch.as_ref(), keep, weak_stretch)?,
            title: file.title,
            coverage: file.coverage,
            candidates,
            statuses,
            guidance: match file.guidance {
                Some(guidance) => guidance.into_iter().map(Into::into).collect(),
                None => keep.map(|keep| keep.guidance.clone()).unwrap_or_default(),
            },
        };
        probe::check(&definition)?;
        Ok(definition)
    }
}

fn terms(ids: &BTreeMap<Id, Text>) -> Result<Terms, TermsError> {
    Terms::new(ids.iter().map(|(id, text)| (id.as_str(), [text.id.as_str(), text.en.as_str()])))
}

fn ids(key: &'static str, table: &BTreeMap<String, Text>) -> Result<BTreeMap<Id, Text>, DefinitionError> {
    if table.is_empty() || table.len() > usize::from(u16::MAX) {
        return value(key, "there must be at least one, and at most 65,535");
    }
    let id = |(id, text): (&String, &Text)| match Id::new(id) {
        Ok(id) => Ok((id, text.clone())),
        Err(error) => value(key, format!("`{}` is no id: {error}", id.escape_debug())),
    };
    let ids = table.iter().map(id).collect::<Result<_, _>>()?;
    match terms(&ids) {
        Ok(_) => Ok(ids),
        Err(source) => Err(DefinitionError::Terms { key, source }),
    }
}

fn filter_figures(file: &DefinitionFile, keep: Option<&Definition>) -> Result<Option<FilterFigures>, DefinitionError> {
    let kept = keep.and_then(|keep| keep.filter);
    if !file.filter.unwrap_or(keep.is_none_or(|keep| keep.filter.is_some())) {
        let given = [
            ("capacity", file.capacity.is_some()),
            ("posterior_percent", file.posterior_percent.is_some()),
            ("cells_per_record", file.cells_per_record.is_some()),
            ("shard_bits", file.shard_bits.is_some()),
            ("cover_percent", file.cover_percent.is_some()),
        ];
        return match given.into_iter().find(|(_, given)| *given) {
            Some((key, _)) => value(key, "has no meaning without a filter, where everybody confirms: leave it out"),
            None => Ok(None),
        };
    }
    let population = file.population;
    let figures = FilterFigures {
        posterior_percent: file
            .posterior_percent
            .or(kept.map(|kept| kept.posterior_percent))
            .unwrap_or(DEFAULT_POSTERIOR_PERCENT),
        cells_per_record: file
            .cells_per_record
            .or(kept.map(|kept| kept.cells_per_record))
            .unwrap_or(DEFAULT_CELLS_PER_RECORD),
        capacity: file
            .capacity
            .or(kept.map(|kept| kept.capacity))
            .unwrap_or_else(|| population.div_ceil(10).max(LEAST_DEFAULT_CAPACITY).min(population)),
        shard_bits: file.shard_bits.or(kept.map(|kept| kept.shard_bits)).unwrap_or(0),
        cover_percent: file.cover_percent.or(kept.map(|kept| kept.cover_percent)).unwrap_or(DEFAULT_COVER_PERCENT),
    };
    if !(1..=99).contains(&figures.posterior_percent) {
        return value("posterior_percent", "must be 1 to 99");
    }
    if !CELLS_PER_RECORD.contains(&figures.cells_per_record) {
        return value("cells_per_record", "must be 2 to 64");
    }
    if !(1..=population).contains(&figures.capacity) {
        return value("capacity", "must be at least 1 and at most the population");
    }
    if figures.cover_percent > 100 {
        return value("cover_percent", "must be 0 to 100");
    }
    let geometry =
        FilterGeometry::for_capacity(figures.cells_per_record, figures.capacity, figures.shard_bits, probe::SEED);
    let geometry = match geometry {
        Ok(geometry) => geometry,
        Err(error @ FilterError::ShardBits { .. }) => return value("shard_bits", error.to_string()),
        Err(error) => return value("capacity", format!("{error}; set more shard_bits")),
    };
    let promise = Promise::new(population, figures.posterior_percent, geometry.cells());
    match promise.and_then(|promise| promise.first_noise(1)) {
        Ok(_) => Ok(Some(figures)),
        Err(error) => value("population", error.to_string()),
    }
}

fn bucket_bits_of(
    population: u64,
    shard_bits: u8,
    least_people: u64,
    given: Option<u8>,
) -> Result<u8, DefinitionError> {
    let allowed = |bits| deniability::bucket_bits_allowed(population, bits, shard_bits, least_people);
    let Some(most) = (0..=MOST_BUCKET_BITS).rev().find(|bits| allowed(*bits)) else {
        let people = deniability::people_per_bucket(population, 0, shard_bits);
        return value(
            "shard_bits",
            format!(
                "leave {people} people to a shard, where at least {:.0} must share one for least_people_per_bucket to hold",
                deniability::people_for_floor(least_people).ceil()
            ),
        );
    };
    match given {
        None => Ok(most),
        Some(bits) if bits <= most => Ok(bits),
        Some(bits) => value(
            "bucket_bits",
            format!(
                "{bits} bits leave {} people to a bucket, where at least {:.0} must share one for least_people_per_bucket to \
                 hold: at most {most} bits are possible",
                deniability::people_per_bucket(population, bits, shard_bits),
                deniability::people_for_floor(least_people).ceil()
            ),
        ),
    }
}

/// Bytes of a record with the `supports` longest candidate ids, the longest status and a date.
fn longest_record(candidates: &BTreeMap<Id, Text>, statuses: &BTreeMap<Id, Text>, supports: usize) -> u32 {
    let mut longest: Vec<&str> = candidates.keys().map(Id::as_str).collect();
    longest.sort_by_key(|id| std::cmp::Reverse(id.len()));
    let status = statuses.keys().map(Id::as_str).max_by_key(|id| id.len()).unwrap_or_default();
    let support = |candidate: &&str| Support {
        candidate: (*candidate).to_owned(),
        status: status.to_owned(),
        submitted: Some("2024-08-15".to_owned()),
    };
    let record = Record { supports: longest.iter().take(supports).map(support).collect() };
    // Ids and dates are ASCII without quotes: the JSON is never longer than a payload may be.
    serde_json::to_vec(&record).ok().and_then(|json| u32::try_from(json.len()).ok()).unwrap_or(u32::MAX)
}

fn payload_bytes_of(
    candidates: &BTreeMap<Id, Text>,
    statuses: &BTreeMap<Id, Text>,
    given: Option<u32>,
) -> Result<u32, DefinitionError> {
    let Some(given) = given else {
        return Ok(longest_record(candidates, statuses, 2).next_multiple_of(PAYLOAD_STEP));
    };
    let least = longest_record(candidates, statuses, 1).max(LEAST_PAYLOAD_BYTES);
    if !(least..=MOST_PAYLOAD_BYTES).contains(&given) {
        return value(
            "payload_bytes",
            format!(
                "must be {least} (one support with the longest ids and a date) to {MOST_PAYLOAD_BYTES}, not {given}"
            ),
        );
    }
    Ok(given)
}

/// Refuses buckets that clients would not fetch. `most_records` over all buckets are spread evenly but for chance.
fn check_responses(bits: u8, payload_bytes: u32, most_records: u64) -> Result<(), DefinitionError> {
    let mean = most_records >> bits;
    let fullest = mean.saturating_add(6 * mean.isqrt()).saturating_add(1);
    match BucketGeometry::for_fullest(bits, payload_bytes, fullest) {
        Ok(_) => Ok(()),
        Err(_) => value(
            "bucket_bits",
            format!(
                "{bits} bits make buckets of {fullest} records of {payload_bytes} bytes, more than the 16 MiB that clients \
                 fetch: more bits are needed, for which least_people_per_bucket may have to be lower"
            ),
        ),
    }
}

fn validity_seconds(text: &str) -> Result<i64, DefinitionError> {
    match file::parse_validity(text) {
        Some(seconds) if seconds <= MOST_VALIDITY_SECONDS => Ok(seconds),
        _ => value("validity", "must be hours or days, such as \"12h\" or \"7d\", and at most \"7d\""),
    }
}

fn stretch_cost(
    table: Option<&StretchTable>,
    keep: Option<&Definition>,
    weak_stretch: bool,
) -> Result<StretchCost, DefinitionError> {
    let kept = keep.map(|keep| keep.stretch);
    let weak = table.and_then(|table| table.weak).or(kept.map(|kept| kept.weak)).unwrap_or(false);
    if weak && !weak_stretch {
        return Err(DefinitionError::Weak);
    }
    let default = kept.unwrap_or(if weak { StretchCost::WEAK } else { StretchCost::default() });
    let cost = StretchCost {
        memory_kib: table.and_then(|table| table.memory_kib).unwrap_or(default.memory_kib),
        passes: table.and_then(|table| table.passes).unwrap_or(default.passes),
        weak,
    };
    match cost.check() {
        Ok(cost) => Ok(cost),
        Err(error) => value("stretch", error.to_string()),
    }
}
