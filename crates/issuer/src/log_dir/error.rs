use std::path::PathBuf;

use ceknik_core::log::{CheckpointError, NoteKeyError, TileError};
use thiserror::Error;

use crate::durable::FileError;

/// Why the log on disk cannot be read or extended.
#[derive(Debug, Error)]
pub enum LogDirError {
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file that the checkpoint needs is not there.
    #[error("{} is missing from the log: put it back from a backup or a mirror", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// There are tiles, but no checkpoint that says what they are.
    #[error(
        "{} is missing, but the log has entries: put it back from a backup or a mirror; starting the log anew would fork it",
        path.display()
    )]
    NoCheckpoint {
        /// Where it should be.
        path: PathBuf,
    },
    /// The checkpoint is malformed, or not signed by the log's key.
    #[error("{}: {reason}: {}", path.display(), remedy(reason))]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: CheckpointError,
    },
    /// A file does not belong to the tree that the checkpoint states.
    #[error("{} was altered: it does not belong to the log's checkpoint; put it back from a backup or a mirror", path.display())]
    Altered {
        /// The file.
        path: PathBuf,
    },
    /// Some of several files do not belong to the tree that the checkpoint states.
    #[error(
        "the log's checkpoint does not belong to its tiles: at least one of these is another than it was: {}",
        paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    Mismatch {
        /// The checkpoint, and the tiles of the tree's right edge.
        paths: Vec<PathBuf>,
    },
    /// There are tiles of a later state: the checkpoint is an old one.
    #[error(
        "{} belongs to a later state of the log than its checkpoint of size {size}: an old checkpoint was put back; going on would fork the log",
        path.display()
    )]
    BeyondCheckpoint {
        /// A file that the checkpoint's state cannot have.
        path: PathBuf,
        /// The checkpoint's size.
        size: u64,
    },
    /// The leaf does not fit.
    #[error("the entry has {bytes} bytes; a log takes at most 65535")]
    LeafTooLong {
        /// Its length.
        bytes: usize,
    },
    /// The log holds another leaf at that place.
    #[error("the log holds another entry at position {index}; what is logged cannot be changed")]
    LeafDiffers {
        /// The place, from 0.
        index: u64,
    },
    /// A file to be added exists with other content: an append of another leaf was begun here, and its checkpoint may
    /// have been shown.
    #[error(
        "{} exists with other content: another entry was begun at this position and may have been published; finish that one first",
        path.display()
    )]
    Conflict {
        /// The file.
        path: PathBuf,
    },
    /// The log is shorter than the place asked for.
    #[error(
        "position {index} was asked for, but the log has {size} entries: is this the right log, or an old copy of it?"
    )]
    Gap {
        /// The place, from 0.
        index: u64,
        /// The log's size.
        size: u64,
    },
    /// The log changed between preparing and writing.
    #[error("the log has {size} entries by now, and the append was prepared to make it {prepared}: prepare it again")]
    Moved {
        /// The size that the append leads to.
        prepared: u64,
        /// The log's size.
        size: u64,
    },
    /// The signing key is not the log's.
    #[error("the signing key is not the log's key {expected}")]
    OtherKey {
        /// The log's verifier key.
        expected: String,
    },
    /// The signing key refuses.
    #[error(transparent)]
    Sign(#[from] NoteKeyError),
    /// The tree refuses.
    #[error(transparent)]
    Tree(#[from] TileError),
}

fn remedy(reason: &CheckpointError) -> &'static str {
    match reason {
        CheckpointError::UnknownOrigin { .. }
        | CheckpointError::NoLogSignature { .. }
        | CheckpointError::BadLogSignature { .. } => "use the keys/log.key that made this log",
        _ => "put it back from a backup or a mirror",
    }
}
