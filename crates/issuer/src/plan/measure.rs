//! What published files give away in fact, measured by one who has the raw list.

use std::collections::BTreeMap;

use serde::Serialize;
use thiserror::Error;

use ceknik_core::filter::{FilterError, FilterGeometry, FilterItem, FilterShard};
use ceknik_core::manifest::{FilterSpec, Manifest};

/// Why nothing can be measured.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum MeasureError {
    /// An epoch without a filter promises nothing.
    #[error("epoch {epoch} has no filter: there is no promise to measure")]
    NoFilter {
        /// The epoch.
        epoch: u64,
    },
    /// Not as many files as the manifest has shards.
    #[error("epoch {epoch} has {want} filter shards, {got} were given")]
    Shards {
        /// The epoch.
        epoch: u64,
        /// In the manifest.
        want: usize,
        /// As given.
        got: usize,
    },
    /// A file is not the manifest's.
    #[error("epoch {epoch}, shard {shard}: {error}")]
    Filter {
        /// The epoch.
        epoch: u64,
        /// The shard, from 0.
        shard: u32,
        /// What is wrong.
        error: FilterError,
    },
    /// The epochs are not of one generation, or not in ascending order.
    #[error("epoch {epoch} is not a later epoch of the same generation, population and promise as the one before")]
    Sequence {
        /// The epoch.
        epoch: u64,
    },
}

/// The filter of an epoch, as published.
#[derive(Debug)]
pub struct PublishedFilter {
    epoch: u64,
    generation: u32,
    population: u64,
    posterior_percent: u8,
    geometry: FilterGeometry,
    shards: Vec<FilterShard>,
}

impl PublishedFilter {
    /// Checks the files of all shards, in order, against the manifest.
    ///
    /// # Errors
    /// [`MeasureError::NoFilter`], [`MeasureError::Shards`], [`MeasureError::Filter`].
    pub fn open(manifest: &Manifest, files: Vec<Vec<u8>>) -> Result<Self, MeasureError> {
        let epoch = manifest.epoch;
        let (Some(FilterSpec { generation, geometry, shards, .. }), Some(posterior_percent)) =
            (&manifest.filter, manifest.disclosure.posterior_percent)
        else {
            return Err(MeasureError::NoFilter { epoch });
        };
        if files.len() != shards.len() {
            return Err(MeasureError::Shards { epoch, want: shards.len(), got: files.len() });
        }
        let open = |(shard, (file, digest))| {
            FilterShard::open(geometry, shard, digest, file).map_err(|error| MeasureError::Filter {
                epoch,
                shard,
                error,
            })
        };
        let shards = (0u32..).zip(files.into_iter().zip(shards)).map(open).collect::<Result<_, _>>()?;
        let population = manifest.population;
        Ok(Self { epoch, generation: *generation, population, posterior_percent, geometry: *geometry, shards })
    }

    /// Whether a person hits.
    pub fn contains(&self, item: &FilterItem) -> bool {
        let shard = usize::try_from(self.geometry.shard(item)).ok().and_then(|shard| self.shards.get(shard));
        shard.and_then(|shard| shard.contains(item)).unwrap_or(false)
    }
}

/// A person of the population, as the one who has the raw list knows him.
#[derive(Clone, Debug)]
pub struct Person {
    /// The filter item of the person's NIK in this generation.
    pub item: FilterItem,
    /// The epoch that added him; none when he never was on the list.
    pub added: Option<u64>,
    /// The epoch from which he is withdrawn.
    pub withdrawn: Option<u64>,
    /// Number of his family card.
    pub card: Option<u32>,
}

/// People whom an onlooker with everybody's NIK can tell apart by the published files, and of whom he asks the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case", tag = "subgroup", content = "people")]
pub enum Subgroup {
    /// All who hit: are they listed, or have they been?
    Hit,
    /// Those who hit with so many people in their cell.
    Sharing(u32),
    /// Those whose cell this epoch set, alone in it.
    NewlySetAlone,
    /// All whose cell this epoch set.
    NewlySet,
    /// Those whose cell some later epoch than the first set, alone in it.
    SetLaterAlone,
    /// All whose cell some later epoch than the first set.
    SetLater,
    /// Those who hit alone in their cell: have they been withdrawn?
    WithdrawnAlone,
    /// All who hit: have they been withdrawn?
    Withdrawn,
}

/// What is found in a subgroup.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SubgroupFigures {
    /// The epoch.
    pub epoch: u64,
    /// The subgroup.
    #[serde(flatten)]
    pub subgroup: Subgroup,
    /// People in it.
    pub hits: u64,
    /// How many of them are what is asked: members ever, or withdrawn.
    pub true_hits: u64,
    /// Their share, none when there is nobody in it.
    pub posterior: Option<f64>,
    /// Standard error of the share.
    pub standard_error: f64,
    /// The promise.
    pub promised: f64,
}

impl SubgroupFigures {
    /// Whether the share is at most the promise, within so many standard errors. In a small subgroup, where the share's own
    /// error means little, it is at least the error that as many people at the promised share would have.
    pub fn keeps_promise(&self, standard_errors: f64) -> bool {
        let at_promise = (self.promised * (1.0 - self.promised) / self.hits.max(1) as f64).sqrt();
        let error = self.standard_error.max(at_promise);
        self.posterior.is_none_or(|posterior| posterior <= self.promised + standard_errors * error)
    }
}

/// What the people who hit on a card are found to be, by size of the card and by how many of it hit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CardHits {
    /// The epoch.
    pub epoch: u64,
    /// People on the card.
    pub size: u32,
    /// How many of them hit.
    pub hits: u32,
    /// Such cards.
    pub cards: u64,
    /// Share of those who hit on them that is listed, or has been.
    pub posterior: f64,
    /// Standard error of the share.
    pub standard_error: f64,
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Measured {
    /// By epoch, then by subgroup.
    pub subgroups: Vec<SubgroupFigures>,
    /// By epoch, size and hits; empty when no person has a card.
    pub cards: Vec<CardHits>,
    /// Members who miss: each is an error of the publisher.
    pub missing_members: u64,
    /// Cells of people that were set and are no more: each is an error of the publisher.
    pub cleared: u64,
}

/// Counts clusters: people of one cell, or of one card, who are not independent of each other.
///
/// The share is `Σy / Σn` over clusters of n people of whom y are what is asked, and its standard error that of a ratio
/// of cluster totals, `√(Σ (y - share·n)²) / Σn`.
#[derive(Clone, Copy, Debug, Default)]
struct Ratio {
    clusters: u64,
    n: f64,
    y: f64,
    nn: f64,
    ny: f64,
    yy: f64,
}

impl Ratio {
    fn add(&mut self, people: u64, asked: u64) {
        let (n, y) = (people as f64, asked as f64);
        self.clusters += 1;
        self.n += n;
        self.y += y;
        self.nn += n * n;
        self.ny += n * y;
        self.yy += y * y;
    }

    fn share(&self) -> Option<f64> {
        (self.n > 0.0).then(|| self.y / self.n)
    }

    fn standard_error(&self) -> f64 {
        let Some(share) = self.share() else { return 0.0 };
        (self.yy - 2.0 * share * self.ny + share * share * self.nn).max(0.0).sqrt() / self.n
    }
}

/// Asks the published filters of one generation, in order of epochs, about everybody of the population, and counts how many
/// of those whom an onlooker cannot tell apart are listed, or have been.
///
/// `people` should be the whole population: who shares a cell is counted among them. An epoch's membership is that of the
/// published rule: who was added in it or before, whether withdrawn since or not. That is the stricter question; of those
/// who hit, never more are listed now.
///
/// Memory: about 40 bytes a person beside `people` themselves. Nothing of a person is in what is returned.
///
/// # Errors
/// [`MeasureError::Sequence`].
pub fn measure_promise(epochs: &[PublishedFilter], people: &[Person]) -> Result<Measured, MeasureError> {
    for pair in epochs.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        let same = before.generation == after.generation
            && before.geometry == after.geometry
            && before.population == after.population
            && before.posterior_percent == after.posterior_percent
            && before.epoch < after.epoch;
        if !same {
            return Err(MeasureError::Sequence { epoch: after.epoch });
        }
    }
    let Some(first) = epochs.first() else { return Ok(Measured::default()) };

    let mut by_cell: Vec<_> =
        people.iter().enumerate().map(|(i, person)| (first.geometry.cell(&person.item), i)).collect();
    by_cell.sort_unstable();

    let mut measured = Measured::default();
    for (place, filter) in epochs.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|before| epochs.get(before));
        let mut counts: BTreeMap<Subgroup, Ratio> = BTreeMap::new();
        let mut cards: BTreeMap<u32, [u64; 3]> = BTreeMap::new();
        for cell in by_cell.chunk_by(|a, b| a.0 == b.0) {
            let mut inhabitants = cell.iter().filter_map(|(_, i)| people.get(*i));
            let Some(one) = inhabitants.clone().next() else { continue };
            let set = filter.contains(&one.item);
            let was_set = before.is_some_and(|before| before.contains(&one.item));
            measured.cleared += u64::from(was_set && !set);
            let member = |person: &&Person| person.added.is_some_and(|added| added <= filter.epoch);
            let members = inhabitants.clone().filter(member).count() as u64;
            let withdrawn = |person: &&Person| person.withdrawn.is_some_and(|withdrawn| withdrawn <= filter.epoch);
            let gone = inhabitants.clone().filter(member).filter(withdrawn).count() as u64;
            let n = cell.len() as u64;
            for person in inhabitants.by_ref() {
                let Some(card) = person.card else { continue };
                let [size, hits, listed] = cards.entry(card).or_default();
                *size += 1;
                *hits += u64::from(set);
                *listed += u64::from(set && member(&person));
            }
            if !set {
                measured.missing_members += members;
                continue;
            }
            let mut add = |subgroup, asked| counts.entry(subgroup).or_default().add(n, asked);
            add(Subgroup::Hit, members);
            add(Subgroup::Sharing(u32::try_from(n).unwrap_or(u32::MAX)), members);
            add(Subgroup::Withdrawn, gone);
            let newly_set = before.is_some() && !was_set;
            let set_later = !first.contains(&one.item);
            if newly_set {
                add(Subgroup::NewlySet, members);
            }
            if set_later {
                add(Subgroup::SetLater, members);
            }
            if n == 1 {
                add(Subgroup::WithdrawnAlone, gone);
                if newly_set {
                    add(Subgroup::NewlySetAlone, members);
                }
                if set_later {
                    add(Subgroup::SetLaterAlone, members);
                }
            }
        }
        let promised = f64::from(filter.posterior_percent) / 100.0;
        measured.subgroups.extend(counts.into_iter().map(|(subgroup, ratio)| SubgroupFigures {
            epoch: filter.epoch,
            subgroup,
            hits: ratio.n as u64,
            true_hits: ratio.y as u64,
            posterior: ratio.share(),
            standard_error: ratio.standard_error(),
            promised,
        }));
        measured.cards.extend(by_card(filter.epoch, cards.into_values()));
    }
    Ok(measured)
}

/// Cards of one size with as many hits are alike to an onlooker; each is a cluster.
fn by_card(epoch: u64, cards: impl Iterator<Item = [u64; 3]>) -> impl Iterator<Item = CardHits> {
    let mut counts: BTreeMap<(u64, u64), Ratio> = BTreeMap::new();
    for [size, hits, listed] in cards {
        if hits > 0 {
            counts.entry((size, hits)).or_default().add(hits, listed);
        }
    }
    let figures = move |((size, hits), ratio): ((u64, u64), Ratio)| CardHits {
        epoch,
        size: u32::try_from(size).unwrap_or(u32::MAX),
        hits: u32::try_from(hits).unwrap_or(u32::MAX),
        cards: ratio.clusters,
        posterior: ratio.share().unwrap_or(0.0),
        standard_error: ratio.standard_error(),
    };
    counts.into_iter().map(figures)
}
