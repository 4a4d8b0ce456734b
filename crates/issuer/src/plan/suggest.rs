//! The numbers to publish with.

use serde::Serialize;

use ceknik_core::deniability;
use ceknik_core::filter::{HEADER_BYTES, LEAST_CELLS, MOST_SHARD_BITS};
use ceknik_core::record::{LEAST_PAYLOAD_BYTES, MOST_SUPPORTS, Record, RecordError, Support};

use super::contact::ContactFigures;
use super::input::figure;
use super::table::{TableShape, suggested_bucket_bits};
use super::{PlanError, PlanInput};

/// Longest shard that is suggested, 4 MiB: some twenty seconds on a slow line, once for an epoch that changes the filter.
pub const SHARD_TARGET_BYTES: u64 = 4 << 20;
/// Payloads are suggested in steps of this.
const PAYLOAD_STEP: u32 = 32;

/// The numbers to publish with: those of the input, and suggestions where it has none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Suggested {
    /// Bits of a shard number.
    pub shard_bits: u8,
    /// Bits of a bucket number.
    pub bucket_bits: u8,
    /// Bytes of a payload.
    pub payload_bytes: u32,
    /// The evaluation budget.
    pub evaluations_per_day: u64,
    /// Half of it, which is there at once; the other half comes back over the day.
    pub evaluations_at_once: u64,
    /// Evaluations of the busiest day when everybody checks one NIK.
    pub expected_evaluations: f64,
    /// Evaluations of the busiest day when everybody checks in families of four; the random elements that fill requests
    /// up count.
    pub expected_evaluations_in_families: f64,
}

impl Suggested {
    /// The budget is what the expected visitors need when each checks one NIK, rounded up to one digit: of the visitors
    /// of the busiest day the share that contacts the service, an element each. In families of four it takes
    /// `elements / 4` a person. The service gives half of a day's budget at once and lets half come back over the day, so
    /// that a surge within hours has half of it. A larger budget serves a larger wave, and whoever reads the list by evaluating alike.
    pub(super) fn of(input: &PlanInput, shard_bits: u8, contact: &ContactFigures) -> Result<Self, PlanError> {
        let PlanInput { records, population, k, .. } = *input;
        let payload_bytes = match input.payload_bytes {
            Some(bytes) => bytes,
            None => suggested_payload_bytes(input.supports, input.id_bytes)?,
        };
        let shape = TableShape { records, population, payload_bytes, shard_bits, k };
        let visitors = population as f64 * f64::from(input.visitors_percent) / 100.0;
        let expected_evaluations = visitors * contact.single.contact;
        let evaluations_per_day = input.evaluations_per_day.unwrap_or_else(|| one_digit_up(expected_evaluations));
        Ok(Self {
            shard_bits,
            bucket_bits: input.bucket_bits.unwrap_or_else(|| suggested_bucket_bits(&shape)),
            payload_bytes,
            evaluations_per_day,
            evaluations_at_once: evaluations_per_day / 2,
            expected_evaluations,
            expected_evaluations_in_families: visitors * contact.family.elements / 4.0,
        })
    }
}

/// The shard bits of a filter: the fewest whose shards stay within [`SHARD_TARGET_BYTES`]. Who fetches one shard of several
/// tells a part of where his NIK falls, which counts with the bucket; so never more than keep the floor K alone.
pub fn suggested_shard_bits(cells: u64, population: u64, k: u64) -> u8 {
    let bytes = |bits: u8| cells.max(LEAST_CELLS).div_ceil(8).div_ceil(1 << bits) + HEADER_BYTES;
    let allowed = |bits: &u8| deniability::bucket_bits_allowed(population, 0, *bits, k);
    let most = (0..=MOST_SHARD_BITS).take_while(allowed).last().unwrap_or(0);
    (0..=most).find(|bits| bytes(*bits) <= SHARD_TARGET_BYTES).unwrap_or(most)
}

/// The payload that holds a record of so many supports, in steps of 32 bytes.
fn suggested_payload_bytes(supports: usize, id_bytes: usize) -> Result<u32, PlanError> {
    let what = "the number of supports in a record";
    if !(1..=MOST_SUPPORTS).contains(&supports) {
        return figure(what, supports, "it must be between 1 and 8");
    }
    if !(1..=64).contains(&id_bytes) {
        return figure("the length of an id", id_bytes, "it must be between 1 and 64 bytes");
    }
    let support = |i: usize| Support {
        // Ascending, as the record wants them.
        candidate: format!("{i:0id_bytes$}"),
        status: "s".repeat(id_bytes),
        submitted: Some("2024-08-15".to_owned()),
    };
    let record = Record { supports: (0..supports).map(support).collect() };
    let needs = match record.to_payload(0) {
        Err(RecordError::TooLong { needs, .. }) => u32::try_from(needs).ok(),
        _ => None,
    };
    needs
        .map(|needs| needs.next_multiple_of(PAYLOAD_STEP).max(LEAST_PAYLOAD_BYTES))
        .filter(|bytes| *bytes <= ceknik_core::record::MOST_PAYLOAD_BYTES)
        .ok_or(PlanError::PayloadTooLong { supports, id_bytes })
}

/// Rounds up to one significant digit.
fn one_digit_up(x: f64) -> u64 {
    let unit = 10f64.powf(x.max(1.0).log10().floor());
    ((x / unit).ceil().max(1.0) * unit) as u64
}
