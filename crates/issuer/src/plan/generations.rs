//! What two generations of one list tell together.

use serde::Serialize;

use super::rates::HitRates;

/// A generation as far as an onlooker's arithmetic needs it: taken from a manifest, or planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenerationFigures {
    /// Cells of the whole filter.
    pub cells: u64,
    /// Cells set by noise.
    pub noise: u64,
    /// Everyone ever added in the generation.
    pub members: u64,
}

/// What is left of the promise for a person who hits in every one of several generations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Intersection {
    /// How many generations.
    pub generations: usize,
    /// Posterior when it is not known who shares the person's cells.
    pub average: f64,
    /// Posterior for a person who is alone in his cell in each of them.
    pub alone: f64,
}

/// The posterior that hits in all of `generations` leave, where `listed` of `population` people are listed.
///
/// Generations have salts and seeds of their own, so that for a person who is in none of them the hits are independent:
/// he hits in all with probability `f₁·f₂·…`, or `q₁·q₂·…` when alone in each cell. One who is in all of them hits
/// always. Hence `odds = listed / (population - listed) / (f₁·f₂·…)`.
///
/// This is an upper bound. Whoever was listed in some of the generations only hits more often than by chance, and one who
/// came in late hits less often than always; both make a hit in all of them say less about being listed now.
///
/// None when there is no generation, or when nobody or everybody is listed: then nothing is left to learn.
pub fn intersection(listed: u64, population: u64, generations: &[GenerationFigures]) -> Option<Intersection> {
    if generations.is_empty() || listed == 0 || listed >= population {
        return None;
    }
    let rates = generations.iter().map(|g| HitRates::of(g.cells, g.noise, g.members, population));
    let (set, noise) = rates.fold((1.0, 1.0), |(set, noise), r| (set * r.set_share, noise * r.noise_share));
    let (listed, others) = (listed as f64, (population - listed) as f64);
    Some(Intersection {
        generations: generations.len(),
        average: listed / (listed + others * set),
        alone: listed / (listed + others * noise),
    })
}
