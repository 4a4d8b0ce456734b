//! Publishing: the next epoch of a dataset, from the store to the files that the service reads.
//!
//! An epoch is drafted, staged beside the public directory, recorded in the store as pending, and only then put into place
//! file by file: the log's entry first, then, once witnesses have cosigned, what shows the epoch. Killed before it is pending, nothing has happened; killed after, the next run finishes the very same
//! epoch. The same store, keys and time give the same bytes.

use std::path::Path;

use ceknik_core::filter::NoiseKey;
use ceknik_core::log::LogSigner;
use ceknik_core::manifest::{Id, Manifest};
use ceknik_core::time::Timestamp;

use crate::store::{Concentration, Epoch, NewEpoch, Store, StoreCipher};

mod draft;
mod error;
mod place;
mod table;
mod witnesses;

use draft::Draft;
pub use draft::{NotAnnounced, Unannounced};
pub use error::PublishError;
pub use table::Changes;
pub use witnesses::{CosignRequest, CosignedEpoch, WitnessOutcome, WitnessToAsk, Witnesses};

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
    /// Writing the entry into the log, without the checkpoint.
    Log,
    /// Asking witnesses to cosign the checkpoint.
    Witnesses,
    /// Putting the epoch's directory into place.
    PlaceEpoch,
    /// Replacing the log's checkpoint, and pointing `current` to the epoch.
    Current,
    /// Recording the epoch as published.
    Finish,
}

impl PublishPhase {
    /// All phases, in order.
    pub const ALL: [Self; 10] = [
        Self::Survey,
        Self::Filter,
        Self::Stage,
        Self::Begin,
        Self::PlaceFilter,
        Self::Log,
        Self::Witnesses,
        Self::PlaceEpoch,
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
            Self::Log => "log",
            Self::Witnesses => "witnesses",
            Self::PlaceEpoch => "place_epoch",
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
    /// Publish although an import into the generation has not ended: what the store has of its list, and no more.
    pub despite_unfinished_import: bool,
    /// Publish although the epoch has no record at all, and the one before, if there is one, has.
    pub despite_empty: bool,
    /// Announce a generation that was begun although it has many fewer people than are published.
    pub despite_missing: bool,
    /// Publish only what is the same as before but for its time.
    pub renew: bool,
    /// The witnesses whose cosignatures the epoch needs. Without them nobody is asked, and no quorum is checked.
    pub witnesses: Option<Witnesses<'a>>,
    /// Told of every phase as it begins.
    pub observer: &'a mut dyn FnMut(PublishPhase),
    /// Told how many buckets of how many a phase is through: [`PublishPhase::Survey`] and [`PublishPhase::Stage`], which go
    /// through all records.
    pub progress: &'a mut dyn FnMut(PublishPhase, u64, u64),
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
    /// An import that has not ended, of whose list the epoch has only what was read so far.
    pub unfinished_import: Option<u64>,
    /// An import that may be of a wrong list, and is held back therefore; the epoch has what it brought.
    pub doubtful_import: Option<u64>,
    /// Whether nobody is on the list, while somebody was before, or there was no epoch before.
    pub newly_empty: bool,
    /// A generation that was begun and is not announced by this epoch, and why.
    pub unannounced: Option<Unannounced>,
    /// Whether this is the end of an earlier run that was interrupted.
    pub resumed: bool,
    /// What came of each witness of the policy.
    pub witnesses: Vec<WitnessOutcome>,
    /// What was left for the next command, and why. The epoch is published all the same.
    pub left: Vec<String>,
}

impl Publisher<'_> {
    /// Finishes the publication that an earlier run began, if there is one.
    ///
    /// # Errors
    /// [`PublishError`]; what is in place stays, and the next run goes on from there.
    pub fn finish_pending(&mut self) -> Result<Option<Publication>, PublishError> {
        let Some(epoch) = self.store.pending_epoch()? else { return Ok(None) };
        let manifest = Manifest::parse(&epoch.manifest)?;
        if place::is_lost(self.staging, self.public, &epoch) {
            self.stage_again(&epoch)?;
        }
        let Placed { left, witnesses } = self.place(&epoch)?;
        Ok(Some(Publication {
            manifest,
            bytes: epoch.manifest,
            generation: epoch.generation,
            changes: Changes::default(),
            concentration: Concentration::default(),
            unfinished_import: None,
            doubtful_import: None,
            newly_empty: false,
            unannounced: None,
            resumed: true,
            witnesses,
            left,
        }))
    }

    /// What [`Publisher::publish`] would publish at `now`, were no import unfinished and the list not empty. Nothing is written.
    ///
    /// # Errors
    /// [`PublishError`]; [`PublishError::Pending`] when an earlier run was interrupted, which is to be finished first.
    pub fn dry_run(&mut self, dataset: &Id, now: Timestamp) -> Result<Publication, PublishError> {
        if let Some(pending) = self.store.pending_epoch()? {
            return Err(PublishError::Pending { dataset: pending.dataset, epoch: pending.number });
        }
        let before = self.store.latest_epoch(dataset)?;
        Ok(self.draft(dataset, now, before)?.into_publication())
    }

    /// Publishes the next epoch of a dataset at `now`. Where its publication was interrupted, that is finished and returned,
    /// and that is all.
    ///
    /// # Errors
    /// [`PublishError`]; [`PublishError::Pending`] when another dataset's publication was interrupted:
    /// [`Publisher::finish_pending`] comes first then.
    pub fn publish(&mut self, dataset: &Id, now: Timestamp) -> Result<Publication, PublishError> {
        match self.store.pending_epoch()? {
            Some(pending) if pending.dataset != *dataset => {
                return Err(PublishError::Pending { dataset: pending.dataset, epoch: pending.number });
            }
            _ => {}
        }
        if let Some(finished) = self.finish_pending()? {
            return Ok(finished);
        }
        let before = self.store.latest_epoch(dataset)?;
        let draft = self.draft(dataset, now, before)?;
        if let Some(import) = draft.unfinished_import.filter(|_| !self.despite_unfinished_import) {
            return Err(PublishError::ImportUnfinished { import, dataset: dataset.clone() });
        }
        if let Some(import) = draft.doubtful_import.filter(|_| !self.despite_unfinished_import) {
            return Err(PublishError::SnapshotHeld { import, dataset: dataset.clone() });
        }
        if draft.is_newly_empty() && !self.despite_empty {
            return Err(PublishError::Empty { dataset: dataset.clone() });
        }
        if self.renew && !draft.is_renewal() {
            return Err(PublishError::NoRenewal { dataset: dataset.clone() });
        }
        let log_index = self.store.epoch_count()?;
        self.stage(&draft, log_index)?;
        (self.observer)(PublishPhase::Begin);
        self.store.begin_epoch(&NewEpoch {
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
        let Placed { left, witnesses } = self.place(&epoch)?;
        Ok(Publication { left, witnesses, ..draft.into_publication() })
    }

    /// Makes the files of an epoch that was begun anew: the same store, keys and time give the same bytes.
    fn stage_again(&mut self, epoch: &Epoch) -> Result<(), PublishError> {
        let before = self.store.epoch(&epoch.dataset, epoch.number - 1)?;
        // Whatever it was told then.
        let announces = Manifest::parse(&epoch.manifest)?.oprf.next.is_some();
        self.despite_missing |= announces;
        self.despite_unfinished_import |= announces;
        match self.draft(&epoch.dataset, epoch.published_at, before) {
            Ok(draft) if draft.bytes == epoch.manifest => self.stage(&draft, epoch.log_index),
            // What the store has now may even be more than an epoch can be.
            Ok(_) | Err(PublishError::GenerationFull { .. } | PublishError::UnpublishedFull { .. }) => {
                let (staging, dataset) = (self.staging.to_owned(), epoch.dataset.clone());
                Err(PublishError::StagedLost { staging, dataset, epoch: epoch.number })
            }
            Err(error) => Err(error),
        }
    }

    fn stage(&mut self, draft: &Draft, log_index: u64) -> Result<(), PublishError> {
        (self.observer)(PublishPhase::Stage);
        let table = self.table_before(draft)?;
        let buckets = u64::from(draft.survey.geometry.count());
        let mut progress = |done| (self.progress)(PublishPhase::Stage, done, buckets);
        place::stage(self.staging, self.public, self.signer, draft, log_index, |path| {
            table::write(path, self.store, &draft.generation, &draft.survey, table, draft.hold, &mut progress)
        })
    }

    fn place(&mut self, epoch: &Epoch) -> Result<Placed, PublishError> {
        let prepared = place::place_entry(self.staging, self.public, self.signer, epoch, self.observer)?;
        (self.observer)(PublishPhase::Witnesses);
        let gathered = self.gather(&prepared, &epoch.dataset, epoch.number)?;
        let checkpoint = &gathered.checkpoint;
        place::place_rest(self.staging, self.public, self.signer, epoch, &prepared, checkpoint, self.observer)?;
        (self.observer)(PublishPhase::Finish);
        // Now, when to run the command again finishes this epoch. Once it is finished, that would publish another: what fails
        // from there on is told, and left to the next.
        self.store.checkpoint()?;
        self.store.finish_epoch(&epoch.dataset, epoch.number)?;
        let mut left = Vec::new();
        // A generation that is published no more has no use for records.
        if self.store.erase_unused_generations(&epoch.dataset).is_err() {
            left.push(
                "the records of the generation before could not be erased: the next publication does it".to_owned(),
            );
        }
        left.extend(self.store.checkpoint_or_tell());
        if let Err(error) = place::clear(self.staging) {
            left.push(format!("{error}: the next publication does it"));
        }
        Ok(Placed { left, witnesses: gathered.outcomes })
    }
}

/// What came of putting an epoch into place.
struct Placed {
    /// What was left for the next command.
    left: Vec<String>,
    witnesses: Vec<WitnessOutcome>,
}

impl Draft {
    fn into_publication(self) -> Publication {
        Publication {
            generation: self.generation.number,
            changes: self.survey.changes,
            concentration: self.concentration,
            unfinished_import: self.unfinished_import,
            doubtful_import: self.doubtful_import,
            newly_empty: self.is_newly_empty(),
            unannounced: self.unannounced,
            manifest: self.manifest,
            bytes: self.bytes,
            resumed: false,
            witnesses: Vec::new(),
            left: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
