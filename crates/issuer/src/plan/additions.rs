//! What the additions of one epoch tell.

use serde::Serialize;

use ceknik_core::deniability::{self, Promise, PromiseError};

use super::rates::HitRates;

/// The area of the table: a large village or urban ward.
pub const AREA_PEOPLE: u64 = 30_000;
const SIZES: [u64; 5] = [10, 100, 1_000, 10_000, 100_000];

/// An epoch that brings in the last of the planned records.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AdditionFigures {
    /// Members that the epoch adds.
    pub added: u64,
    /// Cells of noise that it adds.
    pub noise_added: u64,
    /// By how much a cell that this epoch set multiplies the prior odds, for a person alone in it.
    pub epoch_odds_factor: f64,
    /// Posterior of "added in this epoch" for a person alone in a cell it set, when additions come from everywhere.
    pub alone: f64,
    /// The same when it is not known who shares the cell. It is also what a first contact in this epoch tells, of a device
    /// that was silent before: its coin did not fall on cover.
    pub average: f64,
    /// Posterior for a person alone, when it is known that all additions come from his area of [`AREA_PEOPLE`]; none when
    /// the area has fewer people than the epoch adds.
    pub one_area: Option<f64>,
}

/// The figures of an epoch that adds n members to `members - n`.
///
/// Somebody who missed before and is not added hits now with probability `(c' - c)/(M - c)` when alone, the inverse of
/// `epoch_odds_factor`, and with `(f' - f)/(1 - f)` when it is not known who shares his cell. Somebody added whose cell was
/// not yet set always does. So a newly set cell multiplies the odds of "added" by the inverse, over a prior of n among all
/// not yet listed, `n : P - A - n`, or among the area's.
pub(super) fn addition(
    promise: &Promise,
    cells: u64,
    population: u64,
    members: u64,
    added: u64,
) -> Result<Option<AdditionFigures>, PromiseError> {
    let before = members.saturating_sub(added);
    let noise_before = promise.first_noise(before)?;
    let noise_added = promise.added_noise(before, members)?;
    // A filter that is all noise sets nothing new.
    if noise_added == 0 || noise_before + noise_added > cells {
        return Ok(None);
    }
    let old = HitRates::of(cells, noise_before, before, population);
    let new = HitRates::of(cells, noise_before + noise_added, members, population);
    let newly_set = (new.set_share - old.set_share) / (1.0 - old.set_share);
    let newly_noise = noise_added as f64 / (cells - noise_before) as f64;
    let Some(epoch_odds_factor) = deniability::epoch_odds_factor(cells, noise_before, noise_added) else {
        return Ok(None);
    };
    let listed = added as f64;
    let posterior = |others: f64, by_chance: f64| listed / (listed + others * by_chance);
    let others = (population - members) as f64;
    let area_others = AREA_PEOPLE.min(population) as f64 * (1.0 - old.base_rate) - listed;
    Ok(Some(AdditionFigures {
        added,
        noise_added,
        epoch_odds_factor,
        alone: posterior(others, newly_noise),
        average: posterior(others, newly_set),
        one_area: (area_others > 0.0).then(|| posterior(area_others, newly_noise)),
    }))
}

/// The table: epochs that bring in the last ten to hundred thousand records, half of them at the most.
pub(super) fn addition_table(
    promise: &Promise,
    cells: u64,
    population: u64,
    members: u64,
) -> Result<Vec<AdditionFigures>, PromiseError> {
    let sizes = SIZES.into_iter().filter(|added| added * 2 <= members);
    let rows = sizes.map(|added| addition(promise, cells, population, members, added).transpose());
    rows.flatten().collect()
}
