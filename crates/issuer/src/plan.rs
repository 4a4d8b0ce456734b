//! The privacy arithmetic for publishers: what a planned list promises, costs, and gives away.
//!
//! [`Plan::compute`] turns the figures of a list into those that a publisher decides by, and that `docs/threat-model.md`
//! quotes. Every formula stands with its derivation at the function that computes it; [`HitRates`] is where they start.
//! Figures are expectations over the random salt, seed and noise of a generation, of people of whom nothing is known but
//! the base rate, unless their documentation says otherwise. Nothing here touches a list or a NIK.
//!
//! [`measure_promise`] is the other direction: what published files give away in fact, for one who has the raw list.

use serde::Serialize;

use ceknik_core::deniability::{self, Promise};
use ceknik_core::filter::{FilterGeometry, MOST_SHARD_BITS};

mod additions;
mod card;
mod contact;
mod generations;
mod input;
mod leak;
mod measure;
mod rates;
mod suggest;
mod table;
mod warning;

pub use additions::{AREA_PEOPLE, AdditionFigures};
pub use card::{CardFigures, LISTED_ON_A_CARD, card_posterior};
pub use contact::{COVER_PERCENTS, Contact, ContactFigures, FamilyContact, contact_figures};
pub use generations::{GenerationFigures, Intersection, intersection};
pub use input::{
    DEFAULT_ID_BYTES, DEFAULT_NETWORK_PERCENT, DEFAULT_SUPPORTS, DEFAULT_VISITORS_PERCENT, PlanError, PlanInput,
    REFERENCE_TIMINGS,
};
pub use leak::{LeakFigures, StretchFigures, StretchTiming};
pub use measure::{
    CardHits, MeasureError, Measured, Person, PublishedFilter, Subgroup, SubgroupFigures, measure_promise,
};
pub use rates::HitRates;
pub use suggest::{SHARD_TARGET_BYTES, Suggested, suggested_shard_bits};
pub use table::{
    BucketFigures, RESPONSE_TARGET_BYTES, TableShape, bucket_figures, fullest_bucket, most_bucket_bits,
    suggested_bucket_bits,
};
pub use warning::PlanWarning;

/// A slow quarter of 4G: 1.6 Mbit/s.
pub const SLOW_LINE_BYTES_PER_SECOND: f64 = 200_000.0;
/// Cells per record of the filter table, beside the planned number.
pub const FILTER_SIZES: [u32; 4] = [5, 8, 12, 16];
/// Priors of the promise's table.
pub const PRIORS: [f64; 4] = [0.01, 0.08, 0.20, 0.50];
/// How many people of one cell the promise's table goes to.
const MOST_SHARING: u32 = 3;
/// How many generations the table of generations goes to.
const MOST_GENERATIONS: usize = 3;

/// The promise and what is left of it for those who know more.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PromiseFigures {
    /// Rates of the planned filter.
    pub rates: HitRates,
    /// Cells of the planned filter.
    pub cells: u64,
    /// Cells set by noise: at least 64, at least `cells × q`.
    pub noise: u64,
    /// By how much a hit multiplies the prior odds of a person alone in the cell, as the manifest says it.
    pub odds_factor: f64,
    /// What a hit leaves at several priors.
    pub posteriors: Vec<PriorFigures>,
    /// What a hit leaves at the base rate for people who share their cell.
    pub sharing: Vec<SharingFigures>,
}

/// What a hit leaves at one prior.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PriorFigures {
    /// What was believed before.
    pub prior: f64,
    /// What is believed after a hit of a person who is alone in the cell.
    pub alone: f64,
    /// What is believed after a hit when it is not known who shares the cell.
    pub average: f64,
}

/// What a hit leaves for one of several people in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SharingFigures {
    /// People in the cell.
    pub people: u32,
    /// Posterior for each of them.
    pub posterior: f64,
}

/// A filter with some number of cells per record.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FilterFigures {
    /// Cells for each record of the capacity.
    pub cells_per_record: u32,
    /// Whether this is the planned number.
    pub planned: bool,
    /// Cells, rounded up to whole bytes in every shard.
    pub cells: u64,
    /// Shards that it is published in.
    pub shards: u32,
    /// Bytes of all shards' files.
    pub bytes: u64,
    /// What one shard takes on a slow line, in seconds.
    pub slow_line_seconds: f64,
    /// Entropy, in bits for each record: what compression cannot go below.
    pub entropy_bits_per_record: f64,
    /// Share of set cells: how many of the unlisted hit.
    pub unlisted_hit: f64,
    /// Share of visitors who hit and must confirm.
    pub visitors_confirm: f64,
    /// Share of visitors who contact the service at the planned cover rate.
    pub visitors_contact: f64,
    /// Members up to which a generation with these cells can grow: by promise, half of the cells, and capacity.
    pub room: u64,
}

/// A publisher's plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// People on the list.
    pub records: u64,
    /// People who could be on it.
    pub population: u64,
    /// The promise, in percent.
    pub posterior_percent: u8,
    /// Least people who share a bucket.
    pub k: u64,
    /// Members that a generation has room for.
    pub capacity: u64,
    /// The planned cover rate, in percent.
    pub cover_percent: u8,
    /// The numbers to publish with: those given, and suggestions for those not given.
    pub suggested: Suggested,
    /// The promise.
    pub promise: PromiseFigures,
    /// Filters of several sizes.
    pub filters: Vec<FilterFigures>,
    /// Contacts at several cover rates.
    pub contacts: Vec<ContactFigures>,
    /// Contacts at the planned cover rate.
    pub contact: ContactFigures,
    /// What the hits of a family card leave.
    pub cards: Vec<CardFigures>,
    /// What two and three such generations leave.
    pub generations: Vec<Intersection>,
    /// What the additions of one epoch tell.
    pub additions: Vec<AdditionFigures>,
    /// The sealed table at several numbers of bucket bits.
    pub buckets: Vec<BucketFigures>,
    /// The sealed table as planned.
    pub bucket: BucketFigures,
    /// Costs of the stretch.
    pub stretches: Vec<StretchFigures>,
    /// What a holder of a leaked population database pays and learns.
    pub leak: LeakFigures,
    /// Figures that are bad.
    pub warnings: Vec<PlanWarning>,
}

impl Plan {
    /// Computes a plan.
    ///
    /// # Errors
    /// [`PlanError`], when there is no such list or no way to keep the promise; it says what to change.
    pub fn compute(input: &PlanInput) -> Result<Self, PlanError> {
        input.check()?;
        let PlanInput { records, population, posterior_percent, k, cells_per_record, cover_percent, .. } = *input;
        let capacity = input.capacity.unwrap_or(records);
        let cover = f64::from(cover_percent) / 100.0;

        let shard_bits = |cells_per_record| {
            input
                .shard_bits
                .unwrap_or_else(|| suggested_shard_bits(wanted_cells(cells_per_record, capacity), population, k))
        };
        let filter = |cells_per_record: u32| -> Result<(FilterGeometry, Promise, HitRates, u64), PlanError> {
            let shard_bits = shard_bits(cells_per_record);
            let geometry =
                geometry(cells_per_record, capacity, shard_bits).ok_or_else(|| PlanError::FilterTooLarge {
                    cells: wanted_cells(cells_per_record, capacity),
                    shards: 1 << shard_bits.min(MOST_SHARD_BITS),
                })?;
            let promise = Promise::new(population, posterior_percent, geometry.cells()).map_err(PlanError::Promise)?;
            let noise = promise.first_noise(records).map_err(PlanError::Promise)?.min(geometry.cells());
            Ok((geometry, promise, HitRates::of(geometry.cells(), noise, records, population), noise))
        };

        let (geometry, promise, rates, noise) = filter(cells_per_record)?;
        let cells = geometry.cells();
        let mut sizes: Vec<u32> = FILTER_SIZES.into_iter().chain([cells_per_record]).collect();
        sizes.sort_unstable();
        sizes.dedup();
        let filters = sizes.into_iter().filter_map(|size| Some((size, filter(size).ok()?))).map(|(size, filter)| {
            let (geometry, promise, rates, _) = filter;
            FilterFigures {
                cells_per_record: size,
                planned: size == cells_per_record,
                cells: geometry.cells(),
                shards: geometry.shards(),
                bytes: geometry.shard_bytes() * u64::from(geometry.shards()),
                slow_line_seconds: geometry.shard_bytes() as f64 / SLOW_LINE_BYTES_PER_SECOND,
                entropy_bits_per_record: rates::entropy(rates.set_share) * geometry.cells() as f64 / records as f64,
                unlisted_hit: rates.set_share,
                visitors_confirm: rates.hit(),
                visitors_contact: rates.contact(cover),
                room: room(&promise, geometry.cells(), population, capacity),
            }
        });

        let contact = contact_figures(&rates, cover_percent);
        let suggested = Suggested::of(input, geometry.shard_bits(), &contact)?;
        let shape = TableShape {
            records,
            population,
            payload_bytes: suggested.payload_bytes,
            shard_bits: suggested.shard_bits,
            k,
        };
        let bucket = bucket_figures(&shape, contact.single.contact, suggested.bucket_bits);
        let bits = suggested.bucket_bits.saturating_sub(2)..=suggested.bucket_bits.saturating_add(2);
        let stretches: Vec<_> =
            input.stretches.iter().map(|timing| StretchFigures::of(timing, records, population)).collect();
        let core_hours = stretches.first().map_or(0.0, |figures| figures.population_core_hours);
        let generation = GenerationFigures { cells, noise, members: records };

        let mut plan = Self {
            records,
            population,
            posterior_percent,
            k,
            capacity,
            cover_percent,
            promise: PromiseFigures {
                rates,
                cells,
                noise,
                odds_factor: deniability::odds_factor(cells, noise),
                posteriors: PRIORS
                    .into_iter()
                    .map(|prior| PriorFigures {
                        prior,
                        alone: rates.posterior_alone(prior),
                        average: rates.posterior_average(prior),
                    })
                    .collect(),
                sharing: (1..=MOST_SHARING)
                    .map(|people| SharingFigures {
                        people,
                        posterior: deniability::posterior_sharing(rates.base_rate, rates.noise_share, people),
                    })
                    .collect(),
            },
            filters: filters.collect(),
            contacts: COVER_PERCENTS.into_iter().map(|percent| contact_figures(&rates, percent)).collect(),
            contact,
            cards: card::card_table(&rates),
            generations: (2..=MOST_GENERATIONS)
                .filter_map(|count| intersection(records, population, &vec![generation; count]))
                .collect(),
            additions: additions::addition_table(&promise, cells, population, records).map_err(PlanError::Promise)?,
            buckets: bits.map(|bits| bucket_figures(&shape, contact.single.contact, bits)).collect(),
            bucket,
            stretches,
            leak: LeakFigures::of(
                &rates,
                cells,
                population,
                core_hours,
                suggested.evaluations_per_day,
                input.network_percent,
            ),
            suggested,
            warnings: Vec::new(),
        };
        plan.warnings = plan.judge();
        Ok(plan)
    }
}

fn wanted_cells(cells_per_record: u32, capacity: u64) -> u64 {
    u64::from(cells_per_record).saturating_mul(capacity)
}

/// The geometry that the generation would have; its seed does not matter to any figure.
fn geometry(cells_per_record: u32, capacity: u64, shard_bits: u8) -> Option<FilterGeometry> {
    let mut seed = [0; 32];
    seed[0] = 1;
    FilterGeometry::for_capacity(cells_per_record, capacity, shard_bits, seed).ok()
}

/// Members up to which a generation keeps its promise with at most half of the cells set; at most its capacity.
fn room(promise: &Promise, cells: u64, population: u64, capacity: u64) -> u64 {
    let fits = |members: u64| {
        promise.first_noise(members).is_ok_and(|noise| HitRates::of(cells, noise, members, population).set_share <= 0.5)
    };
    let (mut low, mut high) = (0, capacity.min(population));
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if fits(middle) { low = middle } else { high = middle - 1 }
    }
    low
}

/// The least posterior, in whole percent, with which at most half of the cells are set; none when there is none.
fn least_posterior(cells: u64, records: u64, population: u64) -> Option<u8> {
    (1..=99).find(|percent| {
        Promise::new(population, *percent, cells)
            .and_then(|promise| promise.first_noise(records))
            .is_ok_and(|noise| HitRates::of(cells, noise.min(cells), records, population).set_share <= 0.5)
    })
}

#[cfg(test)]
mod tests;
