//! What the holder of a leaked population database pays and learns, and what importing costs.

use serde::Serialize;

use ceknik_core::StretchCost;

use super::rates::{HitRates, empty_share};

const MILLISECONDS_PER_HOUR: f64 = 3_600_000.0;

/// How long one stretch takes on one core.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StretchTiming {
    /// Its cost.
    pub cost: StretchCost,
    /// Measured milliseconds.
    pub milliseconds: f64,
}

/// A cost of the stretch: what it makes an import pay, and what a holder of the whole population pays.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StretchFigures {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// One stretch on one core, in milliseconds.
    pub milliseconds: f64,
    /// Core-hours to import all records.
    pub import_core_hours: f64,
    /// Core-hours to stretch everybody of the population.
    pub population_core_hours: f64,
}

impl StretchFigures {
    pub(super) fn of(timing: &StretchTiming, records: u64, population: u64) -> Self {
        let core_hours = |people: u64| people as f64 * timing.milliseconds / MILLISECONDS_PER_HOUR;
        Self {
            memory_kib: timing.cost.memory_kib,
            passes: timing.cost.passes,
            milliseconds: timing.milliseconds,
            import_core_hours: core_hours(records),
            population_core_hours: core_hours(population),
        }
    }
}

/// What somebody gets who holds everybody's NIK and the public filter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LeakFigures {
    /// Core-hours for everybody of the population, once for a generation.
    pub core_hours: f64,
    /// People who miss: certainly not listed, as of the epoch.
    pub misses: f64,
    /// People who hit.
    pub hits: f64,
    /// How many of those who hit are listed.
    pub listed_given_hit: f64,
    /// People who hit and are alone in their cells: whom he asks the service about first.
    pub alone_hits: f64,
    /// How many of those are listed: the promise.
    pub listed_given_alone_hit: f64,
    /// The evaluation budget, a day.
    pub evaluations_per_day: u64,
    /// Hours until every hit is evaluated, and the list known, could he use the whole budget.
    pub hours_at_full_budget: f64,
    /// Days until then, at one network's share of the budget.
    pub days_at_network_share: f64,
    /// That share, in percent.
    pub network_percent: f64,
}

impl LeakFigures {
    /// Expected counts. Of A listed people all hit, of the others a share f. Somebody is alone when none of the P - 1
    /// others falls into his cell, `(1 - 1/M)^(P-1)`; alone, an unlisted one hits with q. Evaluating is exact, so the
    /// list is known when all hits are evaluated: `hits / budget` days.
    pub(super) fn of(
        rates: &HitRates,
        cells: u64,
        population: u64,
        core_hours: f64,
        evaluations_per_day: u64,
        network_percent: f64,
    ) -> Self {
        let people = population as f64;
        let hits = people * rates.hit();
        let alone = people * empty_share(cells, population.saturating_sub(1));
        let hit_alone = rates.base_rate + (1.0 - rates.base_rate) * rates.noise_share;
        let days = hits / evaluations_per_day as f64;
        Self {
            core_hours,
            misses: people - hits,
            hits,
            listed_given_hit: rates.posterior_average(rates.base_rate),
            alone_hits: alone * hit_alone,
            listed_given_alone_hit: rates.posterior_alone(rates.base_rate),
            evaluations_per_day,
            hours_at_full_budget: days * 24.0,
            days_at_network_share: days * 100.0 / network_percent,
            network_percent,
        }
    }
}
