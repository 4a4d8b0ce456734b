//! The sealed table: how many buckets, how many people share one, how long a response gets.

use serde::Serialize;

use ceknik_core::bucket::{BucketGeometry, MOST_BUCKET_BITS, MOST_RESPONSE_BYTES};
use ceknik_core::deniability;
use ceknik_core::record::{LOCATOR_BYTES, TAG_BYTES};

use super::SLOW_LINE_BYTES_PER_SECOND;

/// Longest response that is suggested: a third of a second on a slow line.
pub const RESPONSE_TARGET_BYTES: u32 = 65_536;
/// How likely the fullest bucket may exceed the room that a plan gives it.
const OVERFULL: f64 = 0.01;
/// People on the cards of the pairs and families below.
const CARD: f64 = 4.0;
/// Elements of a request for two to four NIKs.
const ELEMENTS: f64 = 4.0;

/// The table at one number of bucket bits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BucketFigures {
    /// Bits of a bucket number.
    pub bits: u8,
    /// `P / 2^(bits + shard_bits)`, rounded down: how many people share one NIK's bucket (and shard).
    pub people: u64,
    /// Of those, how many would contact the service: all who hit, and by cover the others with a cover rate's weight. Its
    /// inverse is the most that a request for this bucket says of any one of them, to who knows everybody's bucket.
    pub people_who_contact: f64,
    /// Whether the floor K is kept, so that an epoch can be published.
    pub keeps_floor: bool,
    /// Records in a bucket, on average.
    pub records: f64,
    /// Bytes of every response, with room for the fullest bucket; none when a client would not fetch so much.
    pub response_bytes: Option<u32>,
    /// What a response takes on a slow line, in seconds.
    pub slow_line_seconds: Option<f64>,
    /// How many *other* pairs of one card fit four buckets that a pair and two random elements fetched.
    pub other_pairs: f64,
    /// How many other threes of one card fit four buckets, one of them random.
    pub other_threes: f64,
    /// How many other cards of four fit the four buckets of a family.
    pub other_families: f64,
}

/// The figures at `bits`, where a share `contact` of the visitors contacts the service.
///
/// Locators are pseudorandom, so people spread over the `T = 2^(bits + shard_bits)` combinations of bucket and shard
/// uniformly and independently. Who can compute everybody's locator (he needs a leaked population database *and* the
/// dataset's key) and sees four different buckets fetched together asks which cards fit. A given pair does when both
/// fall into the four, into different ones: `4·3/T²`; a given three with `4·3·2/T³`; a given four with `4·3·2·1/T⁴`. With
/// the population on cards of four there are `6P/4` pairs, `4P/4` threes and `P/4` fours, which gives how many *others*
/// fit by chance. Under one, the family is as good as named.
pub fn bucket_figures(of: &TableShape, contact: f64, bits: u8) -> BucketFigures {
    let together = bits.saturating_add(of.shard_bits);
    let parts = 2f64.powi(i32::from(together));
    let cards = of.population as f64 / CARD;
    let fit = |people: i32, ways: f64| {
        let ordered: f64 = (0..people).map(|i| ELEMENTS - f64::from(i)).product();
        (cards * ways - 1.0).max(0.0) * (ordered / parts.powi(people)).min(1.0)
    };
    let response_bytes = response_bytes(of.records, of.payload_bytes, bits);
    let people = deniability::people_per_bucket(of.population, bits, of.shard_bits);
    BucketFigures {
        bits,
        people,
        people_who_contact: people as f64 * contact,
        keeps_floor: deniability::bucket_bits_allowed(of.population, bits, of.shard_bits, of.k),
        records: of.records as f64 / 2f64.powi(i32::from(bits)),
        response_bytes,
        slow_line_seconds: response_bytes.map(|bytes| f64::from(bytes) / SLOW_LINE_BYTES_PER_SECOND),
        other_pairs: fit(2, 6.0),
        other_threes: fit(3, 4.0),
        other_families: fit(4, 1.0),
    }
}

/// What decides over the table's buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableShape {
    /// Sealed records.
    pub records: u64,
    /// People who could be listed.
    pub population: u64,
    /// Bytes of a payload.
    pub payload_bytes: u32,
    /// Bits of a shard number: who fetches one shard of several tells that much of himself.
    pub shard_bits: u8,
    /// Least people who share a bucket.
    pub k: u64,
}

/// Most bucket bits that keep the floor K.
pub fn most_bucket_bits(population: u64, shard_bits: u8, k: u64) -> u8 {
    let allowed = |bits: &u8| deniability::bucket_bits_allowed(population, *bits, shard_bits, k);
    (0..=MOST_BUCKET_BITS).take_while(allowed).last().unwrap_or(0)
}

/// The bucket bits to publish with: the fewest whose responses stay within [`RESPONSE_TARGET_BYTES`], and never more than
/// keep the floor. Fewer bits hide a person among more; more bits save visitors a download.
pub fn suggested_bucket_bits(of: &TableShape) -> u8 {
    let most = most_bucket_bits(of.population, of.shard_bits, of.k);
    let short = |bits: &u8| {
        response_bytes(of.records, of.payload_bytes, *bits).is_some_and(|bytes| bytes <= RESPONSE_TARGET_BYTES)
    };
    (0..=most).find(short).unwrap_or(most)
}

/// The response's length that almost surely has room for the fullest bucket; none over what a client fetches.
fn response_bytes(records: u64, payload_bytes: u32, bits: u8) -> Option<u32> {
    let entry_bytes = (LOCATOR_BYTES + TAG_BYTES) as u64 + u64::from(payload_bytes);
    let fullest = fullest_bucket(records, bits);
    if fullest.saturating_mul(entry_bytes) > u64::from(MOST_RESPONSE_BYTES) {
        return None;
    }
    BucketGeometry::for_fullest(bits, payload_bytes, fullest).ok().map(|geometry| geometry.response_bytes())
}

/// Entries that the fullest of 2^bits buckets exceeds with a probability of at most one in a hundred.
///
/// A bucket's number of records is binomial with mean `λ = records / 2^bits`, and by Chernoff's bound reaches n > λ with
/// probability at most `exp(-(n ln(n/λ) - n + λ))`; the union over all buckets multiplies by 2^bits. The least n that
/// brings this under the hundredth is found by bisection, and is a few entries above the true quantile.
pub fn fullest_bucket(records: u64, bits: u8) -> u64 {
    if bits == 0 || records == 0 {
        return records;
    }
    let buckets = 2f64.powi(i32::from(bits));
    let mean = records as f64 / buckets;
    let enough = |n: u64| {
        let n = n as f64;
        n > mean && n * (n / mean).ln() - n + mean >= (buckets / OVERFULL).ln()
    };
    let (mut low, mut high) = (0, records);
    while low < high {
        let middle = low + (high - low) / 2;
        if enough(middle) { high = middle } else { low = middle + 1 }
    }
    high
}
