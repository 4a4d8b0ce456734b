//! From the keys of a file to a definition: defaults, bounds, and what figures demand of each other.

use std::collections::BTreeMap;

use ceknik_core::StretchCost;
use ceknik_core::bucket::{BucketGeometry, MOST_BUCKET_BITS};
use ceknik_core::deniability::{self, MOST_PEOPLE, Promise};
use ceknik_core::filter::{FilterError, FilterGeometry};
use ceknik_core::manifest::{Id, MOST_VALIDITY_SECONDS, Text};
use ceknik_core::record::{LEAST_PAYLOAD_BYTES, MOST_PAYLOAD_BYTES, Record, Support};

use super::definition::{
    CELLS_PER_RECORD, DEFAULT_CELLS_PER_RECORD, DEFAULT_COVER_PERCENT, DEFAULT_LEAST_PEOPLE_PER_BUCKET,
    DEFAULT_POSTERIOR_PERCENT, DEFAULT_VALIDITY_SECONDS, terms,
};
use super::file::{self, DefinitionFile, StretchTable};
use super::{Definition, DefinitionError, FilterFigures, probe};
use crate::plan::{TableShape, suggested_bucket_bits};

/// Smallest capacity that is taken without being set: what the smallest filter has room for.
const LEAST_DEFAULT_CAPACITY: u64 = 8192;
/// Smallest evaluation budget that is taken without being set, a day.
const LEAST_DEFAULT_EVALUATIONS: u64 = 100_000;
/// A payload that was not set is a multiple of this, in bytes.
pub(super) const PAYLOAD_STEP: u32 = 32;
fn value<T>(key: &'static str, reason: impl Into<String>) -> Result<T, DefinitionError> {
    Err(DefinitionError::Value { key, reason: reason.into() })
}

impl Definition {
    /// `keep`: what keys that are left out keep their value of.
    pub(super) fn resolve(
        file: DefinitionFile,
        keep: Option<&Self>,
        weak_stretch: bool,
    ) -> Result<Self, DefinitionError> {
        let id = file.dataset()?;
        let population = file.population;
        if !(1..=MOST_PEOPLE).contains(&population) {
            return value("population", format!("must be 1 to {MOST_PEOPLE} people"));
        }
        let candidates = ids("candidates", &file.candidates)?;
        let statuses = ids("statuses", &file.statuses)?;
        let filter = filter_figures(&file, keep)?;
        if let Some(keep) = keep {
            // Before anything is reckoned from them, so that a change is told as what it is.
            check_filter_fixed(keep.filter, filter)?;
        }
        let shard_bits = filter.map_or(0, |filter| filter.shard_bits);
        let least_people = file
            .least_people_per_bucket
            .or(keep.map(|keep| keep.least_people_per_bucket))
            .unwrap_or(DEFAULT_LEAST_PEOPLE_PER_BUCKET);
        if !(1..=MOST_PEOPLE).contains(&least_people) {
            return value("least_people_per_bucket", "must be at least 1");
        }
        let payload_bytes = file.payload_bytes.or(keep.map(|keep| keep.payload_bytes));
        let payload_bytes = payload_bytes_of(&candidates, &statuses, payload_bytes)?;
        let most_records = filter.map_or(population, |filter| filter.capacity);
        let bucket_bits = file.bucket_bits.or(keep.map(|keep| keep.bucket_bits));
        let shape = TableShape { records: most_records, population, payload_bytes, shard_bits, k: least_people };
        let bucket_bits = bucket_bits_of(&shape, bucket_bits)?;
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
            mirrors: match file.mirrors {
                Some(mirrors) => mirrors,
                None => keep.map(|keep| keep.mirrors.clone()).unwrap_or_default(),
            },
        };
        probe::check(&definition)?;
        Ok(definition)
    }
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
    let posterior_percent =
        file.posterior_percent.or(kept.map(|kept| kept.posterior_percent)).unwrap_or(DEFAULT_POSTERIOR_PERCENT);
    if !(1..=99).contains(&posterior_percent) {
        return value("posterior_percent", "must be 1 to 99");
    }
    // With more the base rate alone says more than the promise allows, whatever the filter.
    let most_members = match Promise::new(population, posterior_percent, 1).and_then(|promise| {
        promise.first_noise(1)?;
        Ok(promise.most_members())
    }) {
        Ok(most) => most,
        Err(error) => return value("population", error.to_string()),
    };
    let figures = FilterFigures {
        posterior_percent,
        cells_per_record: file
            .cells_per_record
            .or(kept.map(|kept| kept.cells_per_record))
            .unwrap_or(DEFAULT_CELLS_PER_RECORD),
        capacity: file
            .capacity
            .or(kept.map(|kept| kept.capacity))
            .unwrap_or_else(|| population.div_ceil(10).max(LEAST_DEFAULT_CAPACITY).min(most_members)),
        shard_bits: file.shard_bits.or(kept.map(|kept| kept.shard_bits)).unwrap_or(0),
        cover_percent: file.cover_percent.or(kept.map(|kept| kept.cover_percent)).unwrap_or(DEFAULT_COVER_PERCENT),
    };
    if !CELLS_PER_RECORD.contains(&figures.cells_per_record) {
        return value("cells_per_record", "must be 2 to 64");
    }
    if figures.capacity == 0 {
        return value("capacity", "must be at least 1");
    }
    if figures.capacity > most_members {
        return value(
            "capacity",
            format!(
                "must be at most {most_members} of {population} people, not {}: with more on the list {posterior_percent} % of \
                 the people are, and nothing can promise less than that",
                figures.capacity
            ),
        );
    }
    if figures.cover_percent > 100 {
        return value("cover_percent", "must be 0 to 100");
    }
    let geometry =
        FilterGeometry::for_capacity(figures.cells_per_record, figures.capacity, figures.shard_bits, probe::SEED);
    match geometry {
        Ok(_) => Ok(Some(figures)),
        Err(error @ FilterError::ShardBits { .. }) => value("shard_bits", error.to_string()),
        Err(error) => value("capacity", format!("{error}; set more shard_bits")),
    }
}

fn check_filter_fixed(old: Option<FilterFigures>, new: Option<FilterFigures>) -> Result<(), DefinitionError> {
    let changed = match (old, new) {
        (None, None) => return Ok(()),
        (Some(old), Some(new)) => [
            ("posterior_percent", old.posterior_percent == new.posterior_percent),
            ("cells_per_record", old.cells_per_record == new.cells_per_record),
            ("capacity", old.capacity == new.capacity),
            ("shard_bits", old.shard_bits == new.shard_bits),
            ("cover_percent", old.cover_percent == new.cover_percent),
        ]
        .into_iter()
        .find(|(_, same)| !same),
        _ => Some(("filter", false)),
    };
    changed.map_or(Ok(()), |(key, _)| Err(DefinitionError::Fixed { key }))
}

fn bucket_bits_of(table: &TableShape, given: Option<u8>) -> Result<u8, DefinitionError> {
    let TableShape { population, shard_bits, k: least_people, .. } = *table;
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
        None => Ok(suggested_bucket_bits(table)),
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
pub(super) fn longest_record(candidates: &BTreeMap<Id, Text>, statuses: &BTreeMap<Id, Text>, supports: usize) -> u32 {
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
