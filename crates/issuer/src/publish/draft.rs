//! What an epoch will be, decided before a file of it is written.

use ceknik_core::deniability::{self, Promise};
use ceknik_core::filter::{FilterBits, NoiseSequence, ShardDigest};
use ceknik_core::manifest::{
    BucketsSpec, Disclosure, FilterSpec, Id, Manifest, ManifestError, NextKey, OprfSpec, StretchSpec,
};
use ceknik_core::oprf::OprfPublicKey;
use ceknik_core::time::Timestamp;
use thiserror::Error;

use super::table::{self, PublishedTable, Survey};
use super::{PublishError, PublishPhase, Publisher, place};
use crate::import::doubtful_import;
use crate::loss;
use crate::plan::{GenerationFigures, intersection};
use crate::store::{Concentration, Epoch, Generation, Members};

/// Everything of an epoch that is decided before a file is written.
pub(super) struct Draft {
    before: Option<Before>,
    pub(super) generation: Generation,
    pub(super) manifest: Manifest,
    pub(super) bytes: Vec<u8>,
    pub(super) filter: Option<FilterBits>,
    pub(super) survey: Survey,
    pub(super) members: u64,
    pub(super) noise: u64,
    pub(super) hold: bool,
    pub(super) concentration: Concentration,
    pub(super) unfinished_import: Option<u64>,
    pub(super) doubtful_import: Option<u64>,
    pub(super) unannounced: Option<Unannounced>,
}

/// A generation that was begun and is not announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unannounced {
    /// Which.
    pub generation: u32,
    /// Why.
    pub because: NotAnnounced,
}

/// Why a generation is not announced: whatever was announced must be published next, as it is then.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotAnnounced {
    /// Nobody is in it, or an import into it has not ended.
    #[error("the list is not in it yet: import the whole list into it first")]
    Unfilled,
    /// It has many fewer people than the list that is published.
    #[error(
        "it has {records} records where {published} are published: import the rest, or publish with --despite-missing if that is \
         meant"
    )]
    Fewer {
        /// Records that it has.
        records: u64,
        /// Records that are published.
        published: u64,
    },
    /// An import into it may be of a wrong list.
    #[error("import {import} into it is held back: decide on that first")]
    Doubtful {
        /// Which import.
        import: u64,
    },
    /// It could not be published, for `reason`.
    #[error(
        "{reason}. `ceknik dataset new-generation {dataset} FILE --erase-unpublished`, FILE being a definition with a larger \
         capacity, puts another in its place"
    )]
    Full {
        /// Of which dataset.
        dataset: Id,
        /// Which bound.
        reason: String,
    },
}

/// The epoch before, as published.
struct Before {
    epoch: Epoch,
    manifest: Manifest,
}

impl Before {
    fn new(epoch: Epoch) -> Result<Self, ManifestError> {
        Ok(Self { manifest: Manifest::parse(&epoch.manifest)?, epoch })
    }
}

/// What there is of a generation after the one that is published.
enum Begun {
    /// Nothing.
    None,
    /// This one was begun, and cannot take over yet.
    Filling(Unannounced),
    /// The list is in it: its key is announced.
    Announced(OprfPublicKey),
}

impl Draft {
    /// Whether nobody is on the list, while somebody was before, or there was no epoch before.
    pub(super) fn is_newly_empty(&self) -> bool {
        let was_empty = self.before.as_ref().is_some_and(|before| before.manifest.records == 0);
        self.manifest.records == 0 && !was_empty
    }

    /// Whether this is the epoch before but for its place in time: number, times, and what its cells tell, which is nothing.
    pub(super) fn is_renewal(&self) -> bool {
        let Some(Before { manifest: before, .. }) = &self.before else { return false };
        let new = &self.manifest;
        let disclosure =
            Disclosure { epoch_odds_factor: new.disclosure.epoch_odds_factor, ..before.disclosure.clone() };
        let renewed = Manifest {
            epoch: new.epoch,
            previous: new.previous,
            published_at: new.published_at,
            valid_until: new.valid_until,
            disclosure,
            ..before.clone()
        };
        renewed == *new
    }
}

struct Built {
    bits: Option<FilterBits>,
    spec: Option<FilterSpec>,
    noise: u64,
    disclosure: Disclosure,
}

impl Publisher<'_> {
    /// The generation that the next epoch has, and what it does about one that was begun: such a one is announced once the
    /// list is in it, and takes over with the epoch after; before anything was published it takes over at once.
    fn generation(&self, dataset: &Id, before: Option<&Before>) -> Result<(Generation, Begun), PublishError> {
        let mut in_use = self.store.generations_in_use(dataset)?.into_iter();
        let current = in_use.next().ok_or(PublishError::Changed)?;
        let Some(next) = in_use.next() else { return Ok((current, Begun::None)) };
        let Some(before) = before else { return Ok((next, Begun::None)) };
        if before.manifest.oprf.next.as_ref().is_some_and(|announced| announced.public_key == next.public_key) {
            return Ok((next, Begun::None));
        }
        Ok(match self.not_announced(before, &current, &next)? {
            None => (current, Begun::Announced(next.public_key)),
            Some(because) => (current, Begun::Filling(Unannounced { generation: next.number, because })),
        })
    }

    /// Why a generation that was begun is not announced yet.
    fn not_announced(
        &self,
        before: &Before,
        current: &Generation,
        next: &Generation,
    ) -> Result<Option<NotAnnounced>, PublishError> {
        let dataset = &next.dataset;
        let all = self.store.members(next)?;
        if self.store.open_import(dataset)?.is_some() || all.ever() == 0 {
            return Ok(Some(NotAnnounced::Unfilled));
        }
        if let Some(import) = doubtful_import(self.store, next)?.filter(|_| !self.despite_unfinished_import) {
            return Ok(Some(NotAnnounced::Doubtful { import }));
        }
        match self.build_filter(next, None, all.ever(), all) {
            Ok(_) => {}
            Err(PublishError::UnpublishedFull { dataset, reason }) => {
                return Ok(Some(NotAnnounced::Full { dataset, reason }));
            }
            Err(error) => return Err(error),
        }
        let records = self.store.record_counts(next)?.live;
        // Without those who were withdrawn since, or added and never published.
        let published = self.store.record_counts(current)?.live.min(before.manifest.records);
        let fewer = loss::is_large(published.saturating_sub(records), published);
        Ok((fewer && !self.despite_missing).then_some(NotAnnounced::Fewer { records, published }))
    }

    /// The epoch of `dataset` at `now`, to follow the epoch `before`.
    pub(super) fn draft(&mut self, dataset: &Id, now: Timestamp, before: Option<Epoch>) -> Result<Draft, PublishError> {
        let before = before.map(Before::new).transpose()?;
        let (generation, begun) = self.generation(dataset, before.as_ref())?;
        let number = before.as_ref().map_or(1, |before| before.epoch.number + 1);
        if let Some(before) = before.as_ref().filter(|before| now <= before.manifest.published_at) {
            let Before { epoch, manifest } = before;
            return Err(PublishError::Clock { now, before: manifest.published_at, epoch: epoch.number });
        }
        // An old generation takes no more additions once the next was begun: they were imported there.
        let hold = !matches!(begun, Begun::None);
        let unannounced = if let Begun::Filling(next) = &begun { Some(next.clone()) } else { None };
        let same_generation = before.as_ref().filter(|before| before.epoch.generation == generation.number);
        check_people(&generation)?;

        (self.observer)(PublishPhase::Survey);
        let table = self.published_table(same_generation)?;
        let buckets = 1 << generation.definition.bucket_bits;
        let mut progress = |done| (self.progress)(PublishPhase::Survey, done, buckets);
        let survey = table::survey(self.store, &generation, table, hold, &mut progress)?;
        let all = self.store.members(&generation)?;
        let members = if hold { all.published } else { all.ever() };
        (self.observer)(PublishPhase::Filter);
        let built = self.build_filter(&generation, same_generation, members, all)?;
        let manifest = Manifest {
            log: self.signer.origin().to_owned(),
            dataset: dataset.clone(),
            epoch: number,
            previous: before.as_ref().map(|before| before.epoch.sha256),
            published_at: now,
            valid_until: Timestamp::from_unix(now.unix() + generation.definition.validity_seconds)
                .map_err(|error| ManifestError::Field { field: "valid_until", reason: error.to_string() })?,
            title: generation.definition.title.clone(),
            coverage: generation.definition.coverage.clone(),
            records: survey.records,
            population: generation.definition.population,
            stretch: StretchSpec { cost: generation.definition.stretch, salt: generation.salt },
            oprf: OprfSpec {
                public_key: generation.public_key,
                next: match begun {
                    Begun::Announced(public_key) => Some(NextKey { public_key, from_epoch: number + 1 }),
                    Begun::None | Begun::Filling(_) => None,
                },
            },
            buckets: BucketsSpec { geometry: survey.geometry, root: survey.tree.root() },
            disclosure: built.disclosure,
            filter: built.spec,
            candidates: generation.definition.candidates.clone().into_iter().collect(),
            statuses: generation.definition.statuses.clone().into_iter().collect(),
            guidance: generation.definition.guidance.clone(),
            mirrors: generation.definition.mirrors.clone(),
        };
        let bytes = manifest.to_bytes()?;
        if let Some(before) = &before {
            manifest.check_follows(&before.manifest, &before.epoch.sha256)?;
        }
        let concentration = if hold { Concentration::default() } else { self.store.concentration(&generation)? };
        let filter = built.bits;
        // Lists go to the newest generation: what is half read there is no part of an epoch of the one before.
        let unfinished_import = if hold { None } else { self.store.open_import(dataset)? };
        let doubtful_import = if hold { None } else { doubtful_import(self.store, &generation)? };
        Ok(Draft {
            before,
            generation,
            manifest,
            bytes,
            filter,
            survey,
            members,
            noise: built.noise,
            hold,
            concentration,
            unfinished_import,
            doubtful_import,
            unannounced,
        })
    }

    /// The table of the epoch before, where the draft goes on from it.
    pub(super) fn table_before(&self, draft: &Draft) -> Result<Option<PublishedTable>, PublishError> {
        let same_generation = |before: &&Before| before.epoch.generation == draft.generation.number;
        self.published_table(draft.before.as_ref().filter(same_generation))
    }

    fn published_table(&self, before: Option<&Before>) -> Result<Option<PublishedTable>, PublishError> {
        let Some(before) = before else { return Ok(None) };
        let dir = place::epoch_dir(self.public, &before.epoch.dataset, before.epoch.number);
        PublishedTable::open(&dir.join("buckets"), &before.manifest.buckets).map(Some)
    }

    fn build_filter(
        &self,
        generation: &Generation,
        before: Option<&Before>,
        members: u64,
        all: Members,
    ) -> Result<Built, PublishError> {
        let definition = &generation.definition;
        let people_per_bucket = definition.people_per_bucket();
        let evaluations_per_day = definition.evaluations_per_day;
        let geometry = definition.filter_geometry(generation.seed)?;
        let Some((figures, geometry)) = definition.filter.zip(geometry) else {
            let disclosure = Disclosure {
                posterior_percent: None,
                odds_factor: None,
                epoch_odds_factor: None,
                people_per_bucket,
                cover_percent: 100,
                evaluations_per_day,
            };
            return Ok(Built { bits: None, spec: None, noise: 0, disclosure });
        };
        let cells = geometry.cells();
        let kept =
            before.map(|Before { epoch, .. }| GenerationFigures { cells, noise: epoch.noise, members: epoch.members });
        let full = |reason: String, noise: u64| {
            let dataset = generation.dataset.clone();
            let Some(kept) = kept else { return PublishError::UnpublishedFull { dataset, reason } };
            // What comes next is not known yet: as good as this one would be, at best.
            let next = GenerationFigures { cells, noise, members };
            let intersection = intersection(members, definition.population, &[kept, next]);
            PublishError::GenerationFull { dataset, reason, intersection }
        };
        // A definition keeps its capacity under what the promise allows: up to there every noise can be computed.
        let promise = Promise::new(definition.population, figures.posterior_percent, cells)?;
        let room = members.min(figures.capacity);
        let (noise_before, added) = match before {
            Some(before) => (before.epoch.noise, promise.added_noise(before.epoch.members, room)?),
            None => (0, promise.first_noise(room)?),
        };
        let noise = noise_before + added;
        if members > figures.capacity {
            let reason = format!(
                "{members} people were added to generation {}, whose capacity is {}",
                generation.number, figures.capacity
            );
            return Err(full(reason, noise));
        }
        let mut bits = FilterBits::new(geometry);
        self.store.for_each_cell(generation, self.cipher, members < all.ever(), |cell| {
            bits.set(cell);
        })?;
        for cell in NoiseSequence::new(self.noise_key, generation.dataset.as_str(), generation.number, &geometry)
            .take(usize::try_from(noise).unwrap_or(usize::MAX))
        {
            bits.set(cell);
        }
        if bits.count() > cells / 2 {
            let reason =
                format!("{} of the filter's {cells} cells would be set, which is more than half", bits.count());
            return Err(full(reason, noise));
        }
        let shards = bits.files().map(|file| ShardDigest::of(&file)).collect();
        let disclosure = Disclosure {
            posterior_percent: Some(figures.posterior_percent),
            odds_factor: Some(deniability::odds_factor(cells, noise)),
            epoch_odds_factor: deniability::epoch_odds_factor(cells, noise_before, added),
            people_per_bucket,
            cover_percent: figures.cover_percent,
            evaluations_per_day,
        };
        let spec = FilterSpec { generation: generation.number, geometry, members, noise, shards };
        Ok(Built { bits: Some(bits), spec: Some(spec), noise, disclosure })
    }
}

/// Whether buckets hide as many people as the definition says. The store checked it too, when it read the definition.
pub(super) fn check_people(generation: &Generation) -> Result<(), PublishError> {
    let definition = &generation.definition;
    let (population, floor) = (definition.population, definition.least_people_per_bucket);
    let allowed = |bits| deniability::bucket_bits_allowed(population, bits, definition.shard_bits(), floor);
    if allowed(definition.bucket_bits) {
        return Ok(());
    }
    let most = (0..definition.bucket_bits).rev().find(|bits| allowed(*bits)).unwrap_or(0);
    Err(PublishError::TooFewPeople { people: definition.people_per_bucket(), floor, most })
}
