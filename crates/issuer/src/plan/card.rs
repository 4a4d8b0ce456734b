//! What the hits of one family card tell together.

use serde::Serialize;

use super::rates::HitRates;

/// Of the people on a card that is listed at all, how many are listed: four of five, as victims of 2024 found.
pub const LISTED_ON_A_CARD: f64 = 0.8;
/// Largest card of the table.
const MOST_ON_A_CARD: u32 = 5;

/// What is left of the promise for one who hits, on a card of `size` people of whom `hits` hit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CardFigures {
    /// People on the card.
    pub size: u32,
    /// How many of them hit.
    pub hits: u32,
    /// Posterior for each of them when it is not known who shares their cells.
    pub average: f64,
    /// Posterior when each is alone in his cell: the worst case.
    pub alone: f64,
}

/// The posterior for each of `hits` people who hit on a card of `size`, for one who holds a leaked table of family cards.
///
/// Lists are clustered, and the model is the simplest that is. A share `c = b/w` of the cards is listed at all; on such
/// a card each person is listed with probability `w` ([`LISTED_ON_A_CARD`]), independently; on all other cards nobody is.
/// So the base rate is b as before, and only what ties people together is new. With x how often an unlisted person
/// hits (f, or q when alone) and `l = w + (1 - w) x` how often somebody on a listed card hits, j hits of n are
///
/// ```text
/// on a listed card   l^j ((1 - w)(1 - x))^(n-j)      on another   x^j (1 - x)^(n-j)
/// ```
///
/// times the same binomial coefficient. Bayes gives the card; a person who hits on a listed card is listed with `w/l`.
pub fn card_posterior(rates: &HitRates, size: u32, hits: u32) -> CardFigures {
    let of = |unlisted_hit: f64| {
        // More than w of a population can only be listed when cards are listed more than w.
        let within = LISTED_ON_A_CARD.max(rates.base_rate);
        let card = rates.base_rate / within;
        let listed_hit = within + (1.0 - within) * unlisted_hit;
        let (hits, misses) = (f64::from(hits.min(size)), f64::from(size.saturating_sub(hits)));
        let on_listed = card * listed_hit.powf(hits) * ((1.0 - within) * (1.0 - unlisted_hit)).powf(misses);
        let on_other = (1.0 - card) * unlisted_hit.powf(hits) * (1.0 - unlisted_hit).powf(misses);
        on_listed / (on_listed + on_other) * within / listed_hit
    };
    CardFigures { size, hits, average: of(rates.set_share), alone: of(rates.noise_share) }
}

/// The table: whole cards of one to five people, and cards on which one misses.
pub(super) fn card_table(rates: &HitRates) -> Vec<CardFigures> {
    let one_misses = (3..=MOST_ON_A_CARD).map(|size| (size, size - 1));
    let sizes = (1..=MOST_ON_A_CARD).map(|size| (size, size)).chain(one_misses);
    sizes.map(|(size, hits)| card_posterior(rates, size, hits)).collect()
}
