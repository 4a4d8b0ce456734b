//! What goes into a plan, and what makes none.

use thiserror::Error;

use ceknik_core::StretchCost;
use ceknik_core::bucket::MOST_BUCKET_BITS;
use ceknik_core::deniability::{self, PromiseError};
use ceknik_core::filter::{LEAST_CELLS, MOST_SHARD_BITS};
use ceknik_core::record::{LEAST_PAYLOAD_BYTES, MOST_PAYLOAD_BYTES};

use super::leak::StretchTiming;
use super::{least_posterior, wanted_cells};
use crate::dataset::{
    CELLS_PER_RECORD, DEFAULT_CELLS_PER_RECORD, DEFAULT_COVER_PERCENT, DEFAULT_LEAST_PEOPLE_PER_BUCKET,
};

/// Costs of the stretch with the milliseconds of one core of a server (AMD EPYC, Zen 4; all in one run, the first set to
/// 18 ms). Other machines differ: what counts is the ratio between them.
pub const REFERENCE_TIMINGS: [StretchTiming; 4] = [
    StretchTiming { cost: StretchCost { memory_kib: 19_456, passes: 2, weak: false }, milliseconds: 18.0 },
    StretchTiming { cost: StretchCost { memory_kib: 47_104, passes: 1, weak: false }, milliseconds: 23.0 },
    StretchTiming { cost: StretchCost { memory_kib: 65_536, passes: 1, weak: false }, milliseconds: 35.0 },
    StretchTiming { cost: StretchCost { memory_kib: 65_536, passes: 3, weak: false }, milliseconds: 114.0 },
];

/// Supports of one record unless set.
pub const DEFAULT_SUPPORTS: usize = 1;
/// Longest id of a candidate or status unless set, in bytes.
pub const DEFAULT_ID_BYTES: usize = 8;
/// How many of the population look on the busiest day unless set, in percent: everybody.
pub const DEFAULT_VISITORS_PERCENT: u8 = 100;
/// Most of the budget that one network may take unless set, in percent: as the service's setting.
pub const DEFAULT_NETWORK_PERCENT: f64 = 1.0;

/// What a publisher plans. [`PlanInput::new`] has the defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanInput {
    /// People on the list: members of the filter and sealed records.
    pub records: u64,
    /// People who could be on it.
    pub population: u64,
    /// The promise, in percent.
    pub posterior_percent: u8,
    /// Least people who share a bucket.
    pub k: u64,
    /// Cells of the filter for each record of the capacity.
    pub cells_per_record: u32,
    /// Members that a generation has room for; none: as many as there are records.
    pub capacity: Option<u64>,
    /// Of a hundred whom the filter misses, how many confirm all the same.
    pub cover_percent: u8,
    /// Bytes of a record's payload; none: as suggested for `supports` and `id_bytes`.
    pub payload_bytes: Option<u32>,
    /// Most supports of one record.
    pub supports: usize,
    /// Longest id of a candidate or status, in bytes.
    pub id_bytes: usize,
    /// Bits of a shard number; none: as suggested.
    pub shard_bits: Option<u8>,
    /// Bits of a bucket number; none: as suggested.
    pub bucket_bits: Option<u8>,
    /// The evaluation budget; none: as suggested for `visitors_percent`.
    pub evaluations_per_day: Option<u64>,
    /// How many of the population are expected on the busiest day, in percent.
    pub visitors_percent: u8,
    /// Most of the budget that one network may take, in percent.
    pub network_percent: f64,
    /// Costs of the stretch; the first is the planned one.
    pub stretches: Vec<StretchTiming>,
}

impl PlanInput {
    /// A plan with a dataset's defaults for K, cells per record and cover rate, no spare capacity, one
    /// support in a record, ids of up to 8 bytes, everybody visiting on one day, 1 % of the budget for a network,
    /// [`REFERENCE_TIMINGS`].
    pub fn new(records: u64, population: u64, posterior_percent: u8) -> Self {
        Self {
            records,
            population,
            posterior_percent,
            k: DEFAULT_LEAST_PEOPLE_PER_BUCKET,
            cells_per_record: DEFAULT_CELLS_PER_RECORD,
            capacity: None,
            cover_percent: DEFAULT_COVER_PERCENT,
            payload_bytes: None,
            supports: DEFAULT_SUPPORTS,
            id_bytes: DEFAULT_ID_BYTES,
            shard_bits: None,
            bucket_bits: None,
            evaluations_per_day: None,
            visitors_percent: DEFAULT_VISITORS_PERCENT,
            network_percent: DEFAULT_NETWORK_PERCENT,
            stretches: REFERENCE_TIMINGS.to_vec(),
        }
    }
}

/// Why nothing can be planned.
#[derive(Debug, Error, PartialEq)]
pub enum PlanError {
    /// A figure that makes no list.
    #[error("{what} is {got}; {wants}")]
    Figure {
        /// Which.
        what: &'static str,
        /// As given.
        got: String,
        /// What it must be, or what to do.
        wants: String,
    },
    /// No noise keeps the promise.
    #[error(
        "{records} of {population} people are listed, {base_percent:.1} %: whoever knows only that believes it of everybody, \
         and no filter leaves less; {remedy}"
    )]
    BaseRate {
        /// As given.
        records: u64,
        /// As given.
        population: u64,
        /// In percent.
        base_percent: f64,
        /// What to do.
        remedy: String,
    },
    /// The arithmetic's own bounds.
    #[error(transparent)]
    Promise(PromiseError),
    /// The filter cannot be published.
    #[error(
        "the filter of {cells} cells does not fit into {shards} shards of 64 MiB: use fewer cells per record or more shard bits"
    )]
    FilterTooLarge {
        /// Cells wanted.
        cells: u64,
        /// Shards.
        shards: u32,
    },
    /// A record with that many supports does not fit into any payload.
    #[error(
        "a record with {supports} supports and ids of {id_bytes} bytes does not fit into {MOST_PAYLOAD_BYTES} bytes: shorten the ids"
    )]
    PayloadTooLong {
        /// As given.
        supports: usize,
        /// As given.
        id_bytes: usize,
    },
}

pub(super) fn figure<T>(what: &'static str, got: impl ToString, wants: &str) -> Result<T, PlanError> {
    Err(PlanError::Figure { what, got: got.to_string(), wants: wants.to_owned() })
}

impl PlanInput {
    /// Refuses figures that make no list, and promises that no noise keeps.
    pub(super) fn check(&self) -> Result<(), PlanError> {
        let PlanInput { records, population, capacity, .. } = *self;
        if records == 0 {
            return figure("the number of records", records, "a list has at least one");
        }
        if !(1..=deniability::MOST_PEOPLE).contains(&population) {
            return figure("the population", population, "it must be between 1 and 2^36 people");
        }
        if records > population {
            return figure(
                "the number of records",
                records,
                "it cannot exceed the population: count people, not supports, and everybody who could have been listed",
            );
        }
        if !(1..=99).contains(&self.posterior_percent) {
            return figure("the posterior", self.posterior_percent, "it must be between 1 and 99 percent");
        }
        if self.k == 0 {
            return figure("K", self.k, "at least one person is in a bucket");
        }
        if !CELLS_PER_RECORD.contains(&self.cells_per_record) {
            return figure("cells per record", self.cells_per_record, "it must be between 2 and 64; 8 is usual");
        }
        if capacity.is_some_and(|capacity| capacity < records) {
            return figure("the capacity", capacity.unwrap_or(0), "it must be at least the number of records");
        }
        if capacity.is_some_and(|capacity| capacity > population) {
            return figure("the capacity", capacity.unwrap_or(0), "more than the population can never be listed");
        }
        if self.cover_percent > 100 {
            return figure("the cover rate", self.cover_percent, "it must be between 0 and 100 percent");
        }
        if !(self.network_percent > 0.0 && self.network_percent <= 100.0) {
            return figure(
                "one network's share of the budget",
                self.network_percent,
                "it must be over 0 and at most 100 percent",
            );
        }
        if !(1..=100).contains(&self.visitors_percent) {
            return figure("the share of visitors", self.visitors_percent, "it must be between 1 and 100 percent");
        }
        if self.evaluations_per_day == Some(0) {
            return figure("the evaluation budget", 0, "with none nobody can confirm");
        }
        if self.shard_bits.is_some_and(|bits| bits > MOST_SHARD_BITS) {
            return figure("the number of shard bits", self.shard_bits.unwrap_or(0), "it must be between 0 and 12");
        }
        if self.bucket_bits.is_some_and(|bits| bits > MOST_BUCKET_BITS) {
            return figure("the number of bucket bits", self.bucket_bits.unwrap_or(0), "it must be between 0 and 24");
        }
        let payload_bytes = self.payload_bytes.unwrap_or(LEAST_PAYLOAD_BYTES);
        if !(LEAST_PAYLOAD_BYTES..=MOST_PAYLOAD_BYTES).contains(&payload_bytes) {
            return figure("the payload", payload_bytes, "it must be between 32 and 4096 bytes");
        }
        if self.stretches.is_empty() {
            return figure("the number of costs of the stretch", 0, "at least the planned one must be there");
        }
        let positive = |timing: &StretchTiming| timing.milliseconds.is_finite() && timing.milliseconds > 0.0;
        if let Some(timing) = self.stretches.iter().find(|timing| !positive(timing)) {
            return figure("the time of a stretch", timing.milliseconds, "it must be more than 0 ms");
        }
        self.check_base_rate()
    }

    fn check_base_rate(&self) -> Result<(), PlanError> {
        let PlanInput { records, population, posterior_percent, .. } = *self;
        if u128::from(records) * 100 < u128::from(population) * u128::from(posterior_percent) {
            return Ok(());
        }
        let cells = wanted_cells(self.cells_per_record, self.capacity.unwrap_or(records))
            .clamp(LEAST_CELLS, deniability::MOST_CELLS);
        let remedy = match least_posterior(cells, records, population) {
            Some(percent) => {
                format!("promise at least {percent} %, or publish without a filter, so that everybody confirms")
            }
            None => "publish without a filter, so that everybody confirms".to_owned(),
        };
        let base_percent = 100.0 * records as f64 / population as f64;
        Err(PlanError::BaseRate { records, population, base_percent, remedy })
    }
}
