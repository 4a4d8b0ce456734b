//! The log beside the epochs: a checkpoint is given out when the tiles are here that its readers need.

use std::cmp::Ordering;
use std::path::Path;

use ceknik_core::log::{
    CheckpointError, ConsistencyCheck, ConsistencyError, MAX_CHECKPOINT_BYTES, Policy, SignedCheckpoint, TILE_HASHES,
    TileError, TileId, TilePlan, VerifiedCheckpoint,
};
use thiserror::Error;

use super::files::{FileError, read_at_most};

/// The checkpoint's file.
pub(super) const CHECKPOINT: &str = "log/checkpoint";

/// Why a checkpoint is not given out. Files are named relative to the public directory.
#[derive(Debug, Error)]
pub(crate) enum LogError {
    #[error("{file}: {source}")]
    File { file: String, source: FileError },
    #[error("{CHECKPOINT}: {0}")]
    Checkpoint(#[from] CheckpointError),
    #[error("log/tile: {0}; copy the log again")]
    Tiles(#[from] TileError),
    #[error("log: {0}")]
    Consistency(#[from] ConsistencyError),
}

/// Reads the checkpoint that lies on disk, and verifies it under the policy.
pub(super) fn read_checkpoint(public: &Path, policy: &Policy) -> Result<VerifiedCheckpoint, LogError> {
    let read = read_at_most(&public.join(CHECKPOINT), MAX_CHECKPOINT_BYTES as u64);
    let (bytes, _) = read.map_err(|source| LogError::File { file: CHECKPOINT.to_owned(), source })?;
    Ok(SignedCheckpoint::parse(&bytes)?.verify(policy)?)
}

/// The tiles at the right edge of a tree, which determine its root, and what leads from there to an entry.
pub(super) fn plan(size: u64, entry: Option<u64>) -> TilePlan {
    let edge = TilePlan::edge(size);
    entry.into_iter().fold(edge, TilePlan::with_leaf)
}

/// Checks that the tiles of a checkpoint are here and are its own: those at the right edge, those that lead to `entry`, and
/// those by which whoever has `held`, the checkpoint given out so far, finds that the log was only appended to.
pub(super) fn check_tiles(
    public: &Path,
    checkpoint: &VerifiedCheckpoint,
    entry: Option<u64>,
    held: Option<&VerifiedCheckpoint>,
) -> Result<(), LogError> {
    let plan = plan(checkpoint.head().size, entry);
    plan.authenticate(&checkpoint.head(), &read_tiles(public, plan.tiles())?)?;
    if let Some(held) = held {
        // The proof of an epoch may be under an earlier checkpoint than another that is given out.
        let (smaller, larger) = match checkpoint.head().size.cmp(&held.head().size) {
            Ordering::Less => (checkpoint, held),
            _ => (held, checkpoint),
        };
        let check = ConsistencyCheck::new(smaller, larger)?;
        check.verify(&read_tiles(public, check.tiles())?)?;
    }
    Ok(())
}

fn read_tiles(public: &Path, tiles: &[TileId]) -> Result<Vec<Vec<u8>>, LogError> {
    tiles.iter().map(|tile| read_tile(public, *tile)).collect()
}

/// A partial tile may be gone once the full one is there (C2SP tlog-tiles), as clients know.
fn read_tile(public: &Path, tile: TileId) -> Result<Vec<u8>, LogError> {
    let read = |path: String| {
        let file = format!("log/{path}");
        let read = read_at_most(&public.join(&file), u64::from(TILE_HASHES) * 32);
        read.map(|(bytes, _)| bytes).map_err(|source| LogError::File { file, source })
    };
    match read(tile.path()) {
        Err(missing @ LogError::File { source: FileError::Missing, .. }) if !tile.is_full() => {
            read(tile.full_path()).map_err(|_| missing)
        }
        read => read,
    }
}

#[cfg(test)]
mod tests;
