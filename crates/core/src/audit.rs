//! What an auditor expects of published figures: how many cells of a filter are set where members and noise are as many as the
//! manifest says (spec, "Deniability").
//!
//! Who sees a filter alone cannot tell a member's cell from one of noise. But members fall where a keyed hash throws them, and
//! noise is drawn without looking at them, so that the number of cells which both set together is known but for chance. Fewer
//! are set: members are missing in the filter, or noise is. More are set: somebody's cell was set who is no member.

/// Largest variance for which the distribution is computed exactly; beyond it the normal one is as good.
const MOST_EXACT_VARIANCE: f64 = 1000.0;
/// Most steps of the exact computation, each some hundred multiplications.
const MOST_EXACT_STEPS: u64 = 1 << 22;
/// Probabilities below this are nothing beside the tails that are asked for.
const NEGLIGIBLE: f64 = 1e-18;
/// Of an [`Interval`]: the chance that an honest filter lies outside of it, half on either side.
pub const INTERVAL_TAILS: f64 = 0.001;
/// Standard deviations of the normal distribution between the tails of [`INTERVAL_TAILS`].
const INTERVAL_DEVIATIONS: f64 = 3.290_526_731_491_9;
/// The same of the wide interval: what lies outside of it is no chance.
pub const WIDE_TAILS: f64 = 0.000_001;
/// Standard deviations of the normal distribution between the tails of [`WIDE_TAILS`].
const WIDE_DEVIATIONS: f64 = 4.891_638_475_699;

/// How a filter of one generation grew: what was set before, and what the manifests say that came.
///
/// A whole filter has grown from nothing: `set_before` and `noise_before` are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellGrowth {
    /// Cells in all.
    pub cells: u64,
    /// Cells that were set.
    pub set_before: u64,
    /// Cells of these that noise set.
    pub noise_before: u64,
    /// Cells of noise that came: distinct, and none of `noise_before`.
    pub noise_added: u64,
    /// Members that came. Several may have one cell.
    pub members_added: u64,
}

/// How many cells are expected to be newly set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The expectation.
    pub expected: f64,
    /// The standard deviation.
    pub deviation: f64,
    /// The least number within which 99.9 % of all honest filters lie, or all but one in a million of the wide one.
    pub low: u64,
    /// The largest.
    pub high: u64,
}

impl Interval {
    /// Where a number lies that was counted.
    pub fn place(&self, counted: u64) -> Place {
        if counted < self.low {
            Place::Below
        } else if counted > self.high {
            Place::Above
        } else {
            Place::Within
        }
    }
}

/// Where a number lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Under the interval.
    Below,
    /// In it.
    Within,
    /// Over it.
    Above,
}

impl CellGrowth {
    /// A whole filter, of one generation's members ever and noise.
    pub fn whole(cells: u64, members: u64, noise: u64) -> Self {
        Self { cells, set_before: 0, noise_before: 0, noise_added: noise, members_added: members }
    }

    /// The number of newly set cells. None for figures that no filter has: more set than there are, more noise than is set.
    ///
    /// Of the N cells S were set, c of them by noise; U = N − S are not. First d cells of noise are drawn, distinct, from the
    /// N − c that noise had not: H of them were unset, which is hypergeometric,
    ///
    /// ```text
    /// E H = d·U/(N−c)      Var H = d · U/(N−c) · (1 − U/(N−c)) · (N−c−d)/(N−c−1)
    /// ```
    ///
    /// Then a members fall on any of the N cells, each on one of the U − H that are still unset or on a set one. With
    /// p = (1 − 1/N)^a, the chance that a cell is met by nobody, and r = (1 − 2/N)^a, that neither of two is, m = U − H cells
    /// lose all but Y of themselves:
    ///
    /// ```text
    /// E Y = m·p            Var Y = m·(p − r) + m²·(r − p²)
    /// ```
    ///
    /// D = U − Y cells are newly set. Given H the mean is U − (U − H)·p, so
    ///
    /// ```text
    /// E D = U − (U − E H)·p
    /// Var D = p²·Var H + (U − E H)·(p − r) + ((U − E H)² + Var H)·(r − p²)
    /// ```
    ///
    /// The interval leaves out 0.05 % on either side, by the exact distribution of D, cell after cell, where the variance is
    /// small, and else by the normal one with half a cell for its steps.
    pub fn expected(&self) -> Option<Interval> {
        self.interval(INTERVAL_TAILS, INTERVAL_DEVIATIONS)
    }

    /// The same with an interval that leaves out one honest filter in a million.
    pub fn expected_widely(&self) -> Option<Interval> {
        self.interval(WIDE_TAILS, WIDE_DEVIATIONS)
    }

    fn interval(&self, tails: f64, deviations: f64) -> Option<Interval> {
        let Self { cells, set_before, noise_before, noise_added, members_added } = *self;
        let unset = cells.checked_sub(set_before)?;
        let free = cells.checked_sub(noise_before)?;
        if cells == 0 || noise_before > set_before || noise_added > free {
            return None;
        }
        let (n, u, d, a) = (cells as f64, unset as f64, noise_added as f64, members_added as f64);
        let share = if free == 0 { 0.0 } else { u / free as f64 };
        let mean_noise = d * share;
        let variance_noise =
            if free > 1 { d * share * (1.0 - share) * (free as f64 - d) / (free as f64 - 1.0) } else { 0.0 };
        let p = power(-1.0 / n, a);
        // r / p² = (1 − 1/(N−1)²)^a: computed apart, since r and p² are nearly equal.
        let excess = if cells == 1 { 0.0 } else { (a * (-1.0 / ((n - 1.0) * (n - 1.0))).ln_1p()).exp_m1() };
        let r_less_p_squared = p * p * excess;
        let r = p * p + r_less_p_squared;
        let left = u - mean_noise;
        let expected = u - left * p;
        let variance = p * p * variance_noise + left * (p - r) + (left * left + variance_noise) * r_less_p_squared;
        let deviation = variance.max(0.0).sqrt();
        let steps = members_added.saturating_add(if set_before > noise_before { noise_added } else { 0 });
        let (low, high) = if variance <= MOST_EXACT_VARIANCE && steps <= MOST_EXACT_STEPS {
            self.exact_bounds(tails)
        } else {
            let reach = deviations * deviation + 0.5;
            ((expected - reach).ceil().max(0.0) as u64, (expected + reach).floor().min(u) as u64)
        };
        Some(Interval { expected, deviation, low, high })
    }

    /// The quantiles of the exact distribution.
    ///
    /// What is followed is how many of the cells that came fell on set ones. A cell of noise does so with probability
    /// (S − c − lost) / (N − c − drawn), a member with (S + newly set so far) / N.
    fn exact_bounds(&self, tails: f64) -> (u64, u64) {
        let Self { cells, set_before, noise_before, noise_added, members_added } = *self;
        let mut lost = Losses::none();
        // Where members have set nothing yet, noise loses nothing.
        let of_members = set_before - noise_before;
        if of_members > 0 {
            for drawn in 0..noise_added {
                let left = (cells - noise_before - drawn) as f64;
                lost.step(|lost| of_members.saturating_sub(lost) as f64 / left);
            }
        }
        for fallen in 0..members_added {
            let came = set_before + noise_added + fallen;
            lost.step(|lost| came.saturating_sub(lost) as f64 / cells as f64);
        }
        let (fewest, most) = lost.quantiles(tails / 2.0);
        let came = noise_added + members_added;
        (came.saturating_sub(most), came.saturating_sub(fewest))
    }

    /// Cells of noise that so many newly set cells speak for, members being as many as the manifest says: the solution of
    /// `E D = newly_set` for the noise.
    pub fn noise_from(&self, newly_set: u64) -> Option<f64> {
        let Self { cells, set_before, noise_before, members_added, .. } = *self;
        let (unset, free) = (cells.checked_sub(set_before)?, cells.checked_sub(noise_before)?);
        if unset == 0 || newly_set > unset {
            return None;
        }
        let p = power(-1.0 / cells as f64, members_added as f64);
        let on_unset = unset as f64 - (unset - newly_set) as f64 / p;
        Some((on_unset * free as f64 / unset as f64).max(0.0))
    }
}

/// `(1 + x)^a` for x near 0 and large a.
fn power(x: f64, a: f64) -> f64 {
    if a == 0.0 { 1.0 } else { (a * x.ln_1p()).exp() }
}

/// The distribution of how many cells fell on set ones: probabilities from `first` on.
struct Losses {
    first: u64,
    probabilities: Vec<f64>,
}

impl Losses {
    fn none() -> Self {
        Self { first: 0, probabilities: vec![1.0] }
    }

    /// One cell more, which is lost with a probability that depends on how many were.
    fn step(&mut self, chance: impl Fn(u64) -> f64) {
        self.probabilities.push(0.0);
        for place in (0..self.probabilities.len()).rev() {
            let stays = self.probabilities[place] * (1.0 - chance(self.first + place as u64));
            let comes = match place.checked_sub(1) {
                Some(before) => self.probabilities[before] * chance(self.first + before as u64),
                None => 0.0,
            };
            self.probabilities[place] = stays + comes;
        }
        while self.probabilities.last().is_some_and(|last| *last < NEGLIGIBLE) {
            self.probabilities.pop();
        }
        let negligible = self.probabilities.iter().take_while(|probability| **probability < NEGLIGIBLE).count();
        self.probabilities.drain(..negligible);
        self.first += negligible as u64;
    }

    /// The least number that is exceeded from below with a chance of more than `tail`, and the same from above.
    fn quantiles(&self, tail: f64) -> (u64, u64) {
        let within = |probabilities: &mut dyn Iterator<Item = &f64>| {
            let mut sum = 0.0;
            probabilities
                .take_while(|probability| {
                    sum += **probability;
                    sum <= tail
                })
                .count() as u64
        };
        let low = self.first + within(&mut self.probabilities.iter());
        let last = self.first + self.probabilities.len() as u64 - 1;
        (low, last - within(&mut self.probabilities.iter().rev()))
    }
}

#[cfg(test)]
mod tests;
