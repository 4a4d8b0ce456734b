//! The arithmetic of the promise: how many cells must be set by noise alone (spec, "Deniability").
//!
//! For A members ever in a population of P and a promised posterior π, `q(A) = A(1-π) / (π(P-A))` is the share of cells that
//! noise sets. A person alone in a cell, found set, is then listed with probability π *to somebody who knows of him the base
//! rate A/P and nothing that ties him to others*.

use thiserror::Error;

/// Least cells of noise that an epoch adds when it adds members.
pub const LEAST_NOISE: u64 = 64;
/// Most people in a population, and most members: keeps the exact arithmetic within 128 bits.
pub const MOST_PEOPLE: u64 = 1 << 36;
/// Most cells of a filter: likewise.
pub const MOST_CELLS: u64 = 1 << 40;

/// Why no noise can keep the promise.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PromiseError {
    /// Figures outside of what can be computed exactly.
    #[error("{what} is out of bounds")]
    Bounds {
        /// Which figure.
        what: &'static str,
    },
    /// The base rate alone is at or over the promised posterior.
    #[error(
        "{members} of {population} people are listed, which is {posterior_percent} % or more: nothing can promise less than the \
         base rate; promise a higher posterior in a new generation"
    )]
    BaseRate {
        /// Members ever.
        members: u64,
        /// People.
        population: u64,
        /// The promise.
        posterior_percent: u8,
    },
}

/// The promise of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    population: u64,
    posterior_percent: u8,
    cells: u64,
}

impl Promise {
    /// A promise over `population` people, of `posterior_percent` / 100, in a filter of `cells`.
    ///
    /// # Errors
    /// [`PromiseError::Bounds`]: percent outside 1 to 99, no or more than 2^36 people, no or more than 2^40 cells.
    pub fn new(population: u64, posterior_percent: u8, cells: u64) -> Result<Self, PromiseError> {
        if !(1..=99).contains(&posterior_percent) {
            return Err(PromiseError::Bounds { what: "posterior_percent" });
        }
        if !(1..=MOST_PEOPLE).contains(&population) {
            return Err(PromiseError::Bounds { what: "population" });
        }
        if !(1..=MOST_CELLS).contains(&cells) {
            return Err(PromiseError::Bounds { what: "cells" });
        }
        Ok(Self { population, posterior_percent, cells })
    }

    /// Most members whose base rate is under the promised posterior: the largest A with A/P < π.
    pub fn most_members(&self) -> u64 {
        let most = (u128::from(self.population) * u128::from(self.posterior_percent)).saturating_sub(1) / 100;
        u64::try_from(most).unwrap_or(u64::MAX)
    }

    fn check(&self, members: u64) -> Result<(), PromiseError> {
        let Self { population, posterior_percent, .. } = *self;
        if members > MOST_PEOPLE {
            return Err(PromiseError::Bounds { what: "members" });
        }
        if u128::from(members) * 100 >= u128::from(population) * u128::from(posterior_percent) {
            return Err(PromiseError::BaseRate { members, population, posterior_percent });
        }
        Ok(())
    }

    /// `q(A)`, the share of cells that noise sets, for showing.
    ///
    /// # Errors
    /// [`PromiseError::BaseRate`].
    pub fn noise_share(&self, members: u64) -> Result<f64, PromiseError> {
        self.check(members)?;
        let odds_against = f64::from(100 - self.posterior_percent) / f64::from(self.posterior_percent);
        Ok(members as f64 * odds_against / (self.population - members) as f64)
    }

    /// The noise of a generation's first epoch: `max(64, ⌈cells·q(A)⌉)`.
    ///
    /// # Errors
    /// [`PromiseError::BaseRate`].
    pub fn first_noise(&self, members: u64) -> Result<u64, PromiseError> {
        self.check(members)?;
        let Self { population, posterior_percent, cells } = *self;
        let numerator = u128::from(cells) * u128::from(members) * u128::from(100 - posterior_percent);
        let denominator = u128::from(posterior_percent) * u128::from(population - members);
        Ok(LEAST_NOISE.max(ceil_div(numerator, denominator)))
    }

    /// The noise that an epoch adds: `max(64, ⌈cells·(q(A') - q(A))⌉)`, and none when it adds no member.
    ///
    /// # Errors
    /// [`PromiseError::BaseRate`].
    pub fn added_noise(&self, before: u64, after: u64) -> Result<u64, PromiseError> {
        self.check(before)?;
        self.check(after)?;
        if after <= before {
            return Ok(0);
        }
        let Self { population, posterior_percent, cells } = *self;
        // q(A') - q(A) = (1-π)/π · P(A'-A) / ((P-A)(P-A'))
        let numerator = u128::from(cells)
            * u128::from(100 - posterior_percent)
            * u128::from(population)
            * u128::from(after - before);
        let denominator =
            u128::from(posterior_percent) * u128::from(population - before) * u128::from(population - after);
        Ok(LEAST_NOISE.max(ceil_div(numerator, denominator)))
    }
}

fn ceil_div(numerator: u128, denominator: u128) -> u64 {
    u64::try_from(numerator.div_ceil(denominator)).unwrap_or(u64::MAX)
}

/// `odds_factor`: by how much a hit multiplies the prior odds of one person alone in his cell, cells / noise to three
/// digits.
pub fn odds_factor(cells: u64, noise: u64) -> f64 {
    three_digits(cells, noise)
}

/// `epoch_odds_factor`: the same for a cell that this epoch set, to three digits. None when the epoch added no noise.
pub fn epoch_odds_factor(cells: u64, noise_before: u64, noise_added: u64) -> Option<f64> {
    (noise_added > 0).then(|| three_digits(cells.saturating_sub(noise_before), noise_added))
}

/// A quotient to three significant decimal digits, half rounded up. In whole numbers: formatting a double would round some
/// ties down, and languages differ on which.
fn three_digits(numerator: u64, denominator: u64) -> f64 {
    if numerator == 0 || denominator == 0 {
        return 0.0;
    }
    // One of the two stays 1. Powers of ten up to the 22nd, which no quotient of two u64 goes beyond, are doubles; so there
    // is one rounding, the last, and the result is the double nearest to the three digits.
    let (mut n, mut d, mut times, mut over) = (u128::from(numerator), u128::from(denominator), 1.0, 1.0);
    while n >= 1000 * d {
        d *= 10;
        times *= 10.0;
    }
    while n < 100 * d {
        n *= 10;
        over *= 10.0;
    }
    let digits = ((2 * n + d) / (2 * d)) as f64;
    digits * times / over
}

/// The posterior that a hit leaves at a given prior, for a person alone in the cell: prior odds times the factor.
pub fn posterior(prior: f64, odds_factor: f64) -> f64 {
    let odds = prior / (1.0 - prior) * odds_factor;
    odds / (1.0 + odds)
}

/// The posterior of one of `sharing` people in a set cell, each listed with probability `base_rate` independently of all
/// others, where noise alone sets a share `noise_share` of the cells: `r / (1 - (1-r)^n (1-q))`.
pub fn posterior_sharing(base_rate: f64, noise_share: f64, sharing: u32) -> f64 {
    base_rate / (1.0 - (1.0 - base_rate).powi(sharing.min(i32::MAX as u32) as i32) * (1.0 - noise_share))
}

/// Least people whose locators must share a bucket for the floor `k` to hold almost surely in every one: `K + 5√K`.
pub fn people_for_floor(k: u64) -> f64 {
    let k = k as f64;
    k + 5.0 * k.sqrt()
}

/// `people_per_bucket`: `P / 2^(bits + shard_bits)`, rounded down.
pub fn people_per_bucket(population: u64, bits: u8, shard_bits: u8) -> u64 {
    population.checked_shr(u32::from(bits) + u32::from(shard_bits)).unwrap_or(0)
}

/// Whether a number of bucket bits keeps the floor. No bits, with one shard, is always allowed.
pub fn bucket_bits_allowed(population: u64, bits: u8, shard_bits: u8, k: u64) -> bool {
    let together = u32::from(bits) + u32::from(shard_bits);
    together == 0 || population as f64 / 2f64.powi(together as i32) >= people_for_floor(k)
}

#[cfg(test)]
mod tests;
