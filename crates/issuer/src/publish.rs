//! Publishing: the next epoch of a dataset, from the store to the files that the service reads.
//!
//! An epoch is drafted, staged beside the public directory, recorded in the store as pending, and only then put into place
//! file by file. Killed before it is pending, nothing has happened; killed after, the next run finishes the very same
//! epoch. The same store, keys and time give the same bytes.

use std::path::{Path, PathBuf};

use ceknik_core::bucket::BucketError;
use ceknik_core::deniability::{self, Promise, PromiseError};
use ceknik_core::filter::{FilterBits, NoiseKey, NoiseSequence, ShardDigest};
use ceknik_core::log::LogSigner;
use ceknik_core::manifest::{
    BucketsSpec, Disclosure, FilterSpec, Id, Manifest, ManifestError, NextKey, OprfSpec, StretchSpec, SuccessionError,
};
use ceknik_core::oprf::OprfPublicKey;
use ceknik_core::time::Timestamp;
use thiserror::Error;

use crate::durable::{FileError, what_to_do};
use crate::log_dir::LogDirError;
use crate::plan::{GenerationFigures, Intersection, intersection};
use crate::store::{Concentration, Epoch, Generation, Members, Store, StoreCipher, StoreError};

mod place;
mod table;

pub use table::Changes;
use table::{PublishedTable, Survey};

/// The steps of a publication, in order, for whoever watches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishPhase {
    /// Going through the records for the table's tree, and what changed.
    Survey,
    /// Setting the filter's cells.
    Filter,
    /// Writing the staged files.
    Stage,
    /// Recording the epoch as pending.
    Begin,
    /// Putting the filter's files into place.
    PlaceFilter,
    /// Putting the epoch's directory into place.
    PlaceEpoch,
    /// Appending to the log.
    Log,
    /// Pointing `current` to the epoch.
    Current,
    /// Recording the epoch as published.
    Finish,
}

impl PublishPhase {
    /// All phases, in order.
    pub const ALL: [Self; 9] = [
        Self::Survey,
        Self::Filter,
        Self::Stage,
        Self::Begin,
        Self::PlaceFilter,
        Self::PlaceEpoch,
        Self::Log,
        Self::Current,
        Self::Finish,
    ];

    /// Its name: `survey`, `filter` and so on.
    pub fn name(self) -> &'static str {
        match self {
            Self::Survey => "survey",
            Self::Filter => "filter",
            Self::Stage => "stage",
            Self::Begin => "begin",
            Self::PlaceFilter => "place_filter",
            Self::PlaceEpoch => "place_epoch",
            Self::Log => "log",
            Self::Current => "current",
            Self::Finish => "finish",
        }
    }
}

/// What a publication works with.
pub struct Publisher<'a> {
    /// The record store, under the home's lock.
    pub store: &'a mut Store,
    /// What opens the cells.
    pub cipher: &'a StoreCipher,
    /// The store key, from which the noise follows.
    pub noise_key: &'a NoiseKey,
    /// Signs checkpoints.
    pub signer: &'a LogSigner,
    /// `public/`.
    pub public: &'a Path,
    /// Where epochs are staged: on the same file system as `public`, and not served.
    pub staging: &'a Path,
    /// Told of every phase as it begins.
    pub observer: &'a mut dyn FnMut(PublishPhase),
}

/// What was published, or would be.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The manifest.
    pub manifest: Manifest,
    /// Its exact bytes.
    pub bytes: Vec<u8>,
    /// Generation of the epoch.
    pub generation: u32,
    /// Against the epoch before; against nothing when a generation begins.
    pub changes: Changes,
    /// How concentrated the additions are.
    pub concentration: Concentration,
    /// Whether this is the end of an earlier run that was interrupted.
    pub resumed: bool,
}

/// Why an epoch is not published. Unless it says otherwise, nothing changed.
#[derive(Debug, Error)]
pub enum PublishError {
    /// The generation takes no more members, for `reason`.
    #[error(
        "{reason}. Begin a new generation with `ceknik dataset new-generation` and import the whole list into it. \
         {}", after_intersection(.intersection)
    )]
    GenerationFull {
        /// Which bound.
        reason: String,
        /// What whoever holds both filters and everybody's NIK would know, where that can be said.
        intersection: Option<Intersection>,
    },
    /// The promise cannot be kept whatever the noise.
    #[error("{source}. A new generation needs another promise: whoever knows the base rate knows that much already")]
    Promise {
        /// Why.
        source: PromiseError,
    },
    /// Too few people share a bucket.
    #[error(
        "{people} people would share a bucket, and least_people_per_bucket asks for {floor} almost surely in every one: set \
         bucket_bits to at most {most} with `ceknik dataset update`"
    )]
    TooFewPeople {
        /// On average.
        people: u64,
        /// K.
        floor: u64,
        /// What would do.
        most: u8,
    },
    /// The clock stands still or runs back.
    #[error("the time {now} is not after {before}, when epoch {epoch} was published: check the clock, or --now")]
    Clock {
        /// As given.
        now: Timestamp,
        /// Of the last epoch.
        before: Timestamp,
        /// The last epoch.
        epoch: u64,
    },
    /// The generation that must take over is not full yet.
    #[error(
        "generation {generation} was announced and takes over with this epoch, but import {import} into it was interrupted: \
         finish it first, with the same command"
    )]
    ImportOpen {
        /// Which import.
        import: u64,
        /// Which generation.
        generation: u32,
    },
    /// A publication was interrupted.
    #[error(
        "the publication of epoch {epoch} of {dataset} was interrupted: `ceknik publish` finishes it; a dry run of what comes \
         after is possible then"
    )]
    Pending {
        /// Of which dataset.
        dataset: Id,
        /// Which epoch.
        epoch: u64,
    },
    /// The epoch's place is taken by something else.
    #[error(
        "{} exists already, with other content than this publication's: this store is not the one that published it, or an \
         old copy of it. Nothing is overwritten: restore the newest store, or publish from another home",
        path.display()
    )]
    Exists {
        /// The place.
        path: PathBuf,
    },
    /// A published file is missing or not what was published.
    #[error("{} is not what was published: {reason}. Restore it from a copy of the public directory", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// The table of the epoch before cannot be read as it was published.
    #[error("the sealed table of the epoch before cannot be read: {0}. Restore it from a copy of the public directory")]
    PublishedTable(std::io::Error),
    /// Records changed between two passes, although the home is locked.
    #[error("the records changed while they were read: is another program writing to the store? Run the command again")]
    Changed,
    /// The epoch would break a rule that every reader checks.
    #[error("the epoch would not follow from the one before: {0}")]
    Succession(#[from] SuccessionError),
    /// The manifest would not parse.
    #[error("no manifest can be made of this: {0}")]
    Manifest(#[from] ManifestError),
    /// The table does not fit its responses.
    #[error("the sealed table: {0}")]
    Bucket(#[from] BucketError),
    /// The filter's geometry.
    #[error("the filter: {0}")]
    Filter(#[from] ceknik_core::filter::FilterError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogDirError),
    /// A file operation.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file operation of the staging area.
    #[error("cannot {action} {}: {source}{}", path.display(), what_to_do(source))]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

fn after_intersection(intersection: &Option<Intersection>) -> String {
    intersection.map_or_else(String::new, |both| {
        format!(
            "Know before you do: whoever kept this generation's filter and has everybody's NIK can intersect the two; a hit in \
             both leaves {:.2} on average, and {:.2} for a person alone in both cells",
            both.average, both.alone
        )
    })
}

impl PublishError {
    fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }
}

/// Everything of an epoch that is decided before a file is written.
struct Draft {
    generation: Generation,
    manifest: Manifest,
    bytes: Vec<u8>,
    filter: Option<FilterBits>,
    survey: Survey,
    members: u64,
    noise: u64,
    hold: bool,
    concentration: Concentration,
}

/// The epoch before, as published.
struct Before {
    epoch: Epoch,
    manifest: Manifest,
}

impl Publisher<'_> {
    /// Finishes the publication that an earlier run began, if there is one.
    ///
    /// # Errors
    /// [`PublishError`]; what is in place stays, and the next run goes on from there.
    pub fn finish_pending(&mut self) -> Result<Option<Publication>, PublishError> {
        let Some(epoch) = self.store.pending_epoch()? else { return Ok(None) };
        let manifest = Manifest::parse(&epoch.manifest)?;
        self.place(&epoch)?;
        Ok(Some(Publication {
            manifest,
            bytes: epoch.manifest,
            generation: epoch.generation,
            changes: Changes::default(),
            concentration: Concentration::default(),
            resumed: true,
        }))
    }

    /// What [`Publisher::publish`] would publish at `now`. Nothing is written.
    ///
    /// # Errors
    /// [`PublishError`]; [`PublishError::Pending`] when an earlier run was interrupted, which is to be finished first.
    pub fn dry_run(&mut self, dataset: &Id, now: Timestamp) -> Result<Publication, PublishError> {
        if let Some(pending) = self.store.pending_epoch()? {
            return Err(PublishError::Pending { dataset: pending.dataset, epoch: pending.number });
        }
        Ok(self.draft(dataset, now)?.into_publication())
    }

    /// Publishes the next epoch of a dataset at `now`. A publication that was interrupted is finished first, and if it was
    /// this dataset's, that is all: what it published is returned.
    ///
    /// # Errors
    /// [`PublishError`].
    pub fn publish(&mut self, dataset: &Id, now: Timestamp) -> Result<Publication, PublishError> {
        if let Some(finished) = self.finish_pending()?
            && finished.manifest.dataset == *dataset
        {
            return Ok(finished);
        }
        let draft = self.draft(dataset, now)?;
        let log_index = self.store.epoch_count()?;
        self.stage(&draft, log_index)?;
        (self.observer)(PublishPhase::Begin);
        self.store.begin_epoch(&crate::store::NewEpoch {
            generation: &draft.generation,
            number: draft.manifest.epoch,
            manifest: &draft.bytes,
            published_at: now,
            members: draft.members,
            noise: draft.noise,
            records: draft.survey.records,
            log_index,
        })?;
        let epoch = self.store.pending_epoch()?.ok_or(PublishError::Changed)?;
        self.place(&epoch)?;
        Ok(draft.into_publication())
    }

    fn before(&self, dataset: &Id) -> Result<Option<Before>, PublishError> {
        let Some(epoch) = self.store.latest_epoch(dataset)? else { return Ok(None) };
        let manifest = Manifest::parse(&epoch.manifest)?;
        Ok(Some(Before { epoch, manifest }))
    }

    /// The generation that the next epoch has, and what it does about one that was begun: such a one is announced once the
    /// list is in it, and takes over with the epoch after; before anything was published it takes over at once.
    fn generation(&self, dataset: &Id, before: Option<&Before>) -> Result<(Generation, Begun), PublishError> {
        let mut in_use = self.store.generations_in_use(dataset)?.into_iter();
        let current = in_use.next().ok_or(PublishError::Changed)?;
        let Some(next) = in_use.next() else { return Ok((current, Begun::None)) };
        let open_import = self.store.open_import(dataset)?;
        let announced = before.map(|before| before.manifest.oprf.next.as_ref());
        match announced {
            None => Ok((next, Begun::None)),
            Some(Some(key)) if key.public_key == next.public_key => match open_import {
                None => Ok((next, Begun::None)),
                Some(import) => Err(PublishError::ImportOpen { import, generation: next.number }),
            },
            // Whoever announces must go on with the new key next time, so it is not announced before it can.
            Some(_) if open_import.is_some() || self.store.members(&next)?.ever() == 0 => Ok((current, Begun::Filling)),
            Some(_) => Ok((current, Begun::Announced(next.public_key))),
        }
    }

    fn draft(&mut self, dataset: &Id, now: Timestamp) -> Result<Draft, PublishError> {
        let before = self.before(dataset)?;
        let (generation, begun) = self.generation(dataset, before.as_ref())?;
        let number = before.as_ref().map_or(1, |before| before.epoch.number + 1);
        if let Some(before) = before.as_ref().filter(|before| now <= before.manifest.published_at) {
            let Before { epoch, manifest } = before;
            return Err(PublishError::Clock { now, before: manifest.published_at, epoch: epoch.number });
        }
        // An old generation takes no more additions once the next was begun: they were imported there.
        let hold = !matches!(begun, Begun::None);
        let same_generation = before.as_ref().filter(|before| before.epoch.generation == generation.number);
        check_people(&generation)?;

        (self.observer)(PublishPhase::Survey);
        let survey = table::survey(self.store, &generation, self.published_table(same_generation)?, hold)?;
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
                    Begun::None | Begun::Filling => None,
                },
            },
            buckets: BucketsSpec { geometry: survey.geometry, root: survey.tree.root() },
            disclosure: built.disclosure,
            filter: built.spec,
            candidates: generation.definition.candidates.clone(),
            statuses: generation.definition.statuses.clone(),
            guidance: generation.definition.guidance.clone(),
            mirrors: Vec::new(),
        };
        let bytes = manifest.to_bytes()?;
        if let Some(before) = &before {
            manifest.check_follows(&before.manifest, &before.epoch.sha256)?;
        }
        let concentration = if hold { Concentration::default() } else { self.store.concentration(&generation)? };
        let filter = built.bits;
        Ok(Draft { generation, manifest, bytes, filter, survey, members, noise: built.noise, hold, concentration })
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
        let full = |reason: String, noise: u64| {
            let figures = GenerationFigures { cells, noise, members };
            // What comes next is not known yet: as good as this one, at best.
            let intersection = intersection(members, definition.population, &[figures, figures]);
            PublishError::GenerationFull { reason, intersection }
        };
        let promise = Promise::new(definition.population, figures.posterior_percent, cells)
            .map_err(|source| PublishError::Promise { source })?;
        let (noise_before, added) = match before {
            Some(before) => (before.epoch.noise, promise.added_noise(before.epoch.members, members)),
            None => (0, promise.first_noise(members)),
        };
        let added = added.map_err(|source| PublishError::Promise { source })?;
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

    fn stage(&mut self, draft: &Draft, log_index: u64) -> Result<(), PublishError> {
        (self.observer)(PublishPhase::Stage);
        let before = self.before(&draft.manifest.dataset)?;
        let same_generation = before.as_ref().filter(|before| before.epoch.generation == draft.generation.number);
        let table = self.published_table(same_generation)?;
        place::stage(self.staging, self.public, self.signer, draft, log_index, |path| {
            table::write(path, self.store, &draft.generation, &draft.survey, table, draft.hold)
        })
    }

    fn place(&mut self, epoch: &Epoch) -> Result<(), PublishError> {
        place::place(self.staging, self.public, self.signer, epoch, self.observer)?;
        (self.observer)(PublishPhase::Finish);
        self.store.finish_epoch(&epoch.dataset, epoch.number)?;
        // A generation that is published no more has no use for records; an interrupted run leaves this to the next.
        self.store.erase_unused_generations(&epoch.dataset)?;
        self.store.checkpoint()?;
        place::clear(self.staging)
    }
}

/// What there is of a generation after the one that is published.
enum Begun {
    /// Nothing.
    None,
    /// It was begun, and the list is not in it yet.
    Filling,
    /// The list is in it: its key is announced.
    Announced(OprfPublicKey),
}

struct Built {
    bits: Option<FilterBits>,
    spec: Option<FilterSpec>,
    noise: u64,
    disclosure: Disclosure,
}

impl Draft {
    fn into_publication(self) -> Publication {
        Publication {
            generation: self.generation.number,
            changes: self.survey.changes,
            concentration: self.concentration,
            manifest: self.manifest,
            bytes: self.bytes,
            resumed: false,
        }
    }
}

fn check_people(generation: &Generation) -> Result<(), PublishError> {
    let definition = &generation.definition;
    let (population, floor) = (definition.population, definition.least_people_per_bucket);
    let allowed = |bits| deniability::bucket_bits_allowed(population, bits, definition.shard_bits(), floor);
    if allowed(definition.bucket_bits) {
        return Ok(());
    }
    let most = (0..definition.bucket_bits).rev().find(|bits| allowed(*bits)).unwrap_or(0);
    Err(PublishError::TooFewPeople { people: definition.people_per_bucket(), floor, most })
}

#[cfg(test)]
mod tests;
