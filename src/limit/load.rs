//! How busy the service is, in a word that everybody may read and nobody can count by.
//!
//! A word that followed exact figures would be a counter: whoever brings the figure near a step himself, and sees the word
//! change, knows what others did meanwhile. So each step lies at a place that is drawn at random from a band, is drawn anew
//! whenever the word changes, and is left as far below that place as the band is wide. A change tells no more than that the
//! figure is somewhere in the band, which must be many requests: of figures too small for that no word is made.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ceknik_core::manifest::Id;
use rand::Rng;
use serde::Serialize;
use utoipa::ToSchema;

/// How long a word stands before the figures are looked at again.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Where `busy` begins, as used part of the whole, and the width of its band.
const BUSY: (f64, f64) = (5.0 / 8.0, 1.0 / 8.0);
/// The same for `full`.
const FULL: (f64, f64) = (15.0 / 16.0, 1.0 / 16.0);
/// Least elements of a full budget that a word is made of: the narrower band is 64 of the largest requests.
const LEAST_BUDGET: f64 = 16_384.0;
/// Least places for evaluations that a word is made of: the narrower band is 32 requests at one moment.
const LEAST_PLACES: usize = 512;

/// How busy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Load {
    /// Nothing stands in the way.
    #[default]
    Calm,
    /// More than half of what there is is used.
    Busy,
    /// Hardly anything is left: who asks now may be told to come back later.
    Full,
}

/// Where a word begins.
#[derive(Clone, Copy, Debug)]
struct Step {
    at: f64,
    band: f64,
}

impl Step {
    fn draw((from, band): (f64, f64), rng: &mut impl Rng) -> Self {
        Self { at: rng.gen_range(from..from + band), band }
    }

    fn is_reached(&self, used: f64) -> bool {
        used >= self.at
    }

    fn is_left(&self, used: f64) -> bool {
        used < self.at - self.band
    }
}

/// A word and the steps at which it changes.
#[derive(Clone, Copy, Debug)]
struct Word {
    load: Load,
    busy: Step,
    full: Step,
}

impl Word {
    fn new(load: Load, rng: &mut impl Rng) -> Self {
        Self { load, busy: Step::draw(BUSY, rng), full: Step::draw(FULL, rng) }
    }

    /// Follows the used part, from 0 to 1.
    fn look(&mut self, used: f64, rng: &mut impl Rng) {
        let word = |full, busy| {
            if full {
                Load::Full
            } else if busy {
                Load::Busy
            } else {
                Load::Calm
            }
        };
        let least = word(self.full.is_reached(used), self.busy.is_reached(used));
        let most = word(!self.full.is_left(used), !self.busy.is_left(used));
        let load = self.load.max(least).min(most);
        if load != self.load {
            *self = Self::new(load, rng);
        }
    }
}

/// Something of which a part is used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Used(f64);

impl Used {
    /// Of a dataset's budget. None when it is too small.
    pub(crate) fn of_budget(remaining: f64, capacity: f64) -> Option<Self> {
        (capacity >= LEAST_BUDGET).then(|| Self(1.0 - remaining / capacity))
    }

    /// Of the places for evaluations. None when there are too few.
    pub(crate) fn of_places(free: usize, places: usize) -> Option<Self> {
        (places >= LEAST_PLACES).then(|| Self(1.0 - free as f64 / places as f64))
    }
}

/// The words of all datasets.
#[derive(Default)]
pub(crate) struct Loads {
    looked_at: Option<Instant>,
    queue: Option<Word>,
    budgets: HashMap<Id, Word>,
}

impl Loads {
    /// Looks at the figures, unless that was done a moment ago.
    pub(crate) fn look<'a>(
        &mut self,
        now: Instant,
        queue: Option<Used>,
        budgets: impl Iterator<Item = (&'a Id, Option<Used>)>,
        rng: &mut impl Rng,
    ) {
        if self.looked_at.is_some_and(|before| now.saturating_duration_since(before) < LOOK_EVERY) {
            return;
        }
        self.looked_at = Some(now);
        if let Some(Used(used)) = queue {
            self.queue.get_or_insert_with(|| Word::new(Load::Calm, rng)).look(used, rng);
        }
        for (dataset, used) in budgets {
            let Some(Used(used)) = used else {
                // Another epoch may publish a smaller budget.
                self.budgets.remove(dataset);
                continue;
            };
            if !self.budgets.contains_key(dataset) {
                self.budgets.insert(dataset.clone(), Word::new(Load::Calm, rng));
            }
            if let Some(word) = self.budgets.get_mut(dataset) {
                word.look(used, rng);
            }
        }
    }

    /// The word for a dataset: the queue's, which serves all, or its own budget's if that is worse.
    pub(crate) fn of(&self, dataset: &Id) -> Load {
        let words = [self.queue.as_ref(), self.budgets.get(dataset)];
        words.into_iter().flatten().map(|word| word.load).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    /// Looks at used parts one after another, in thousandths, and gives those at which the word changed.
    fn changes(word: &mut Word, used: impl Iterator<Item = u32>, rng: &mut ChaCha20Rng) -> Vec<(Load, u32)> {
        let mut changes = Vec::new();
        for used in used {
            let before = word.load;
            word.look(f64::from(used) / 1000.0, rng);
            if word.load != before {
                changes.push((word.load, used));
            }
        }
        changes
    }

    #[test]
    fn words_change_somewhere_in_their_bands() {
        let mut seen = Vec::new();
        for seed in 0..200 {
            let rng = &mut ChaCha20Rng::seed_from_u64(seed);
            let mut word = Word::new(Load::Calm, rng);
            let up = changes(&mut word, 0..=1000, rng);
            let [(Load::Busy, busy), (Load::Full, full)] = up[..] else { panic!("{up:?}") };
            assert!((625..=750).contains(&busy) && (937..=1000).contains(&full), "{up:?}");
            let down = changes(&mut word, (0..=1000).rev(), rng);
            let [(Load::Busy, busy_again), (Load::Calm, calm)] = down[..] else { panic!("{down:?}") };
            assert!((874..=938).contains(&busy_again) && (499..=625).contains(&calm), "{down:?}");
            seen.extend([busy - 625, 625 - calm]);
        }
        // All over the bands, as well upwards as downwards.
        for part in 0..5 {
            let places = seen.iter().filter(|place| (part * 25..part * 25 + 25).contains(*place)).count();
            assert!(places > 40, "{part}: {places}");
        }
    }

    #[test]
    fn a_word_does_not_change_to_and_fro() {
        for seed in 0..200 {
            let rng = &mut ChaCha20Rng::seed_from_u64(seed);
            let mut word = Word::new(Load::Calm, rng);
            let (_, busy) = changes(&mut word, 0..700, rng).pop().unwrap_or((Load::Busy, 0));
            if busy > 0 {
                // The next place is another, and never above the band.
                let left = changes(&mut word, (0..busy).rev(), rng);
                assert!(left[0].1 < 625, "{left:?}");
                assert_eq!(changes(&mut word, left[0].1..625, rng), [], "{left:?}");
            }
        }
    }

    /// What a single request can do to the word, where it can do most.
    #[test]
    fn one_request_hardly_ever_makes_the_difference() {
        for (used, most) in [(0.7, 0.0079), (0.97, 0.0157)] {
            let with = used + 16.0 / LEAST_BUDGET;
            let mut differ = 0;
            const SEEDS: u64 = 50_000;
            for seed in 0..SEEDS {
                let words = [used, with].map(|used| {
                    let rng = &mut ChaCha20Rng::seed_from_u64(seed);
                    let mut word = Word::new(Load::Calm, rng);
                    word.look(used, rng);
                    word.load
                });
                differ += u32::from(words[0] != words[1]);
            }
            let share = f64::from(differ) / SEEDS as f64;
            assert!(share > 0.0 && share < most + 0.002, "{used}: {share}");
        }
    }

    #[test]
    fn of_small_figures_no_word_is_made() {
        assert_eq!(Used::of_budget(0.0, 16_383.0), None);
        assert_eq!(Used::of_budget(0.0, 16_384.0), Some(Used(1.0)));
        assert_eq!(Used::of_budget(12_288.0, 16_384.0), Some(Used(0.25)));
        assert_eq!(Used::of_places(0, 511), None);
        assert_eq!(Used::of_places(512, 512), Some(Used(0.0)));
        assert_eq!(Used::of_places(0, 512), Some(Used(1.0)));
    }

    #[test]
    fn a_dataset_has_the_worse_of_both_words_for_half_a_minute() {
        let rng = &mut ChaCha20Rng::seed_from_u64(1);
        let [one, other] = ["one", "other"].map(|id| Id::new(id).unwrap());
        let mut loads = Loads::default();
        let mut now = Instant::now();
        let mut look = |queue: f64, budget: Option<f64>, seconds: u64| {
            now += Duration::from_secs(seconds);
            let budgets = [(&one, budget.map(Used)), (&other, Some(Used(0.0)))];
            loads.look(now, Some(Used(queue)), budgets.into_iter(), rng);
            (loads.of(&one), loads.of(&other))
        };
        assert_eq!(look(0.0, Some(0.8), 0), (Load::Busy, Load::Calm));
        assert_eq!(look(1.0, Some(1.0), 29), (Load::Busy, Load::Calm));
        assert_eq!(look(0.8, Some(1.0), 1), (Load::Full, Load::Busy));
        assert_eq!(look(0.0, None, 30), (Load::Calm, Load::Calm));
        assert_eq!(loads.of(&Id::new("third").unwrap()), Load::Calm);
    }
}
