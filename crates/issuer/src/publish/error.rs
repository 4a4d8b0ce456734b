//! Why an epoch is not published.

use std::path::{Path, PathBuf};

use ceknik_core::bucket::BucketError;
use ceknik_core::deniability::PromiseError;
use ceknik_core::log::{CheckpointError, QuorumShortfall};
use ceknik_core::manifest::{Id, ManifestError, SuccessionError};
use ceknik_core::time::Timestamp;
use thiserror::Error;

use super::witnesses::WitnessOutcome;
use crate::durable::{FileError, what_to_do};
use crate::log_dir::LogDirError;
use crate::plan::Intersection;
use crate::store::StoreError;

/// Why an epoch is not published. Unless it says otherwise, nothing changed.
#[derive(Debug, Error)]
pub enum PublishError {
    /// The generation takes no more members, for `reason`.
    #[error(
        "{reason}. Begin a new generation with `ceknik dataset new-generation {dataset} FILE`, FILE being a definition with a larger \
         capacity, and import the whole list into it{}",
        after_intersection(.intersection)
    )]
    GenerationFull {
        /// Of which dataset.
        dataset: Id,
        /// Which bound.
        reason: String,
        /// What whoever holds both filters and everybody's NIK would know, where that can be said.
        intersection: Option<Intersection>,
    },
    /// The generation has more members than it takes, for `reason`, and nothing of it was published.
    #[error(
        "{reason}. Nothing of it was published yet: `ceknik dataset new-generation {dataset} FILE --erase-unpublished`, FILE being a \
         definition with a larger capacity, puts another in its place; then import the whole list again"
    )]
    UnpublishedFull {
        /// Of which dataset.
        dataset: Id,
        /// Which bound.
        reason: String,
    },
    /// The promise cannot be kept whatever the noise: no definition that is accepted comes to that.
    #[error(transparent)]
    Promise(#[from] PromiseError),
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
    /// The epoch would have a part of a list.
    #[error(
        "import {import} into {dataset} has not ended, and only a part of its list would be published: who is missing would be \
         told that he is not listed. Import the same list again to finish it, or end it as it stands with \
         `ceknik import {dataset} --abandon`; --despite-unfinished-import publishes what the store has now, to renew meanwhile"
    )]
    ImportUnfinished {
        /// Which import.
        import: u64,
        /// Of which dataset.
        dataset: Id,
    },
    /// What a list brought may be of the wrong people.
    #[error(
        "import {import} into {dataset} lacks much of what was listed, and may be of a wrong list: what it brought would be \
         published. Run the same command with --despite-missing, or import the right list with --snapshot, or keep what it brought \
         with `ceknik import {dataset} --abandon`; --despite-unfinished-import publishes what the store has now"
    )]
    SnapshotHeld {
        /// Which import.
        import: u64,
        /// Of which dataset.
        dataset: Id,
    },
    /// The epoch would have no record, and the one before had some, or there was none.
    #[error(
        "nobody is on {dataset}, and everybody who checks would be told that he is not listed: import a list first, with \
         `ceknik import {dataset} FILE`; --despite-empty publishes an empty list"
    )]
    Empty {
        /// Which dataset.
        dataset: Id,
    },
    /// Too few witnesses have cosigned. The epoch is begun, its entry is in the log, and nobody is shown it.
    #[error(
        "epoch {epoch} of {dataset} waits for witnesses: {shortfall}. {}. What was published before stays; run the same command \
         again once they can be reached",
        failures(outcomes)
    )]
    Quorum {
        /// Of which dataset.
        dataset: Id,
        /// Which epoch.
        epoch: u64,
        /// What the policy asks for.
        shortfall: QuorumShortfall,
        /// All witnesses of the policy.
        outcomes: Vec<WitnessOutcome>,
    },
    /// The policy that is served is not this log's.
    #[error("public/policy does not accept this log's checkpoint: {reason}. Put the right policy there")]
    Policy {
        /// Why not.
        reason: CheckpointError,
    },
    /// There is no epoch to cosign.
    #[error("nothing is published of {dataset} that could be cosigned: `ceknik publish {dataset}` comes first")]
    NothingPublished {
        /// Which dataset.
        dataset: Id,
    },
    /// More than the time would change.
    #[error(
        "the next epoch of {dataset} would not be the same as the one before: `ceknik publish {dataset} --dry-run` shows what \
         changes, and without --renew it is published"
    )]
    NoRenewal {
        /// Which dataset.
        dataset: Id,
    },
    /// A publication was interrupted.
    #[error(
        "the publication of epoch {epoch} of {dataset} was interrupted: `ceknik publish {dataset}` finishes it; this is possible \
         then"
    )]
    Pending {
        /// Of which dataset.
        dataset: Id,
        /// Which epoch.
        epoch: u64,
    },
    /// What was staged of an epoch that was begun is gone, and the store has changed since.
    #[error(
        "epoch {epoch} of {dataset} was begun, its files are no longer in {}, and the store has changed since, so that they cannot be \
         made again as they were: put that directory back, or restore the record store from a copy of before that publication",
        staging.display()
    )]
    StagedLost {
        /// Where they were.
        staging: PathBuf,
        /// Of which dataset.
        dataset: Id,
        /// Which epoch.
        epoch: u64,
    },
    /// What is staged cannot be renamed into its place.
    #[error(
        "{} and {} lie on different file systems, and an epoch is put into place by renaming, whole or not at all: let both lie on \
         one. Nothing was published",
        staging.display(),
        public.display()
    )]
    OtherFileSystem {
        /// Where epochs are staged.
        staging: PathBuf,
        /// Where they should go.
        public: PathBuf,
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

/// Each witness that did not cosign, with its reason.
fn failures(outcomes: &[WitnessOutcome]) -> String {
    let failed = |outcome: &WitnessOutcome| Some(format!("{}: {}", outcome.name, outcome.cosigned.as_ref().err()?));
    outcomes.iter().filter_map(failed).collect::<Vec<_>>().join("; ")
}

fn after_intersection(intersection: &Option<Intersection>) -> String {
    intersection.map_or_else(String::new, |both| {
        format!(
            ". Know before you do: whoever kept this generation's filter and has everybody's NIK can intersect the two; a hit in \
             both leaves {:.2} on average, and {:.2} for a person alone in both cells",
            both.average, both.alone
        )
    })
}

impl PublishError {
    pub(super) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }
}
