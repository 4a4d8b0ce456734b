//! What a filter answers, as probabilities: the figures that all others of a plan are computed from.

use serde::Serialize;

use ceknik_core::deniability;

/// What one published filter answers for somebody of the population.
///
/// With M cells, c of them set by noise, and A members whose items fall into cells uniformly and independently:
///
/// - a listed person hits, always;
/// - an unlisted person who is *alone* in his cell hits when noise set it: with probability `q = c/M`;
/// - an unlisted person of whom nothing is known hits when noise or at least one of A members set his cell:
///   `f = 1 - (1 - c/M) (1 - 1/M)^A`. The noise cells are distinct and drawn without regard to the members, so the two
///   causes are independent and the expression is exact in expectation. It is also the expected share of set cells.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct HitRates {
    /// `b = A/P`, the share of the population that is listed.
    pub base_rate: f64,
    /// `q`, the share of cells that are set by noise.
    pub noise_share: f64,
    /// `f`, the share of cells that are set: how often the filter is wrong about an unlisted person.
    pub set_share: f64,
}

impl HitRates {
    /// The rates of a filter of `cells`, `noise` of them set by noise, holding `members` of `population` people.
    pub fn of(cells: u64, noise: u64, members: u64, population: u64) -> Self {
        let noise_share = noise as f64 / cells as f64;
        Self {
            base_rate: members as f64 / population as f64,
            noise_share,
            set_share: 1.0 - (1.0 - noise_share) * empty_share(cells, members),
        }
    }

    /// How many visitors hit, when those who are listed visit as often as those who are not: `b + (1 - b) f`.
    pub fn hit(&self) -> f64 {
        self.base_rate + (1.0 - self.base_rate) * self.set_share
    }

    /// How many visitors contact the service at a cover rate: those who hit, and the cover rate's share of all others.
    pub fn contact(&self, cover: f64) -> f64 {
        self.hit() + (1.0 - self.hit()) * cover
    }

    /// The posterior that a hit leaves for somebody alone in his cell: prior odds times `1/q`.
    pub fn posterior_alone(&self, prior: f64) -> f64 {
        deniability::posterior(prior, 1.0 / self.noise_share)
    }

    /// The posterior that a hit leaves when it is not known who else shares the cell: prior odds times `1/f`.
    pub fn posterior_average(&self, prior: f64) -> f64 {
        deniability::posterior(prior, 1.0 / self.set_share)
    }
}

/// `(1 - 1/M)^n`: how likely none of n items falls into a given cell of M.
pub(super) fn empty_share(cells: u64, items: u64) -> f64 {
    (items as f64 * (-1.0 / cells as f64).ln_1p()).exp()
}

/// Entropy of a bit that is set with probability `p`, in bits: what no compression of the filter goes below.
pub(super) fn entropy(p: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 { 0.0 } else { -(p * p.log2() + (1.0 - p) * (1.0 - p).log2()) }
}
