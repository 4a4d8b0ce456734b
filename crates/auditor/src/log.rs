//! Follows a log from the state that was seen last to the newest: checkpoint, consistency, every entry.

use ceknik_client::CacheMode;
use ceknik_core::log::{
    BundleId, CheckpointError, ConsistencyCheck, ConsistencyError, MAX_CHECKPOINT_BYTES, MAX_LEAF_BYTES, Policy,
    SignedCheckpoint, TILE_HASHES, TileError, TileId, TilePlan, TreeHead, VerifiedCheckpoint, parse_bundle,
};
use ceknik_core::merkle::{NodeHash, leaf_hash, root};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use thiserror::Error;

use crate::AT_ONCE;
use crate::findings::{Code, Finding};
use crate::source::{Missing, Source};
use crate::state::{State, StateError};

const CHECKPOINT: &str = "log/checkpoint";
/// Bundles whose tiles are fetched and checked together.
const BUNDLES_TOGETHER: usize = 16;
const MOST_TILE_BYTES: u64 = TILE_HASHES as u64 * 32;
const MOST_BUNDLE_BYTES: u64 = TILE_HASHES as u64 * (2 + MAX_LEAF_BYTES as u64);

/// A log that was followed to its end, as it is shown.
#[derive(Debug)]
pub struct Followed {
    /// Its newest state.
    pub checkpoint: VerifiedCheckpoint,
    /// Entries that it had when it was followed last.
    pub before: Option<u64>,
}

/// Why a log was not followed to its end.
#[derive(Debug, Error)]
pub enum FollowError {
    /// The publisher, or who serves the log, did wrong.
    #[error("{}", .0.detail)]
    Wrong(Finding),
    /// Something could not be had.
    #[error("{what} cannot be had: {why}")]
    Unavailable {
        /// What.
        what: String,
        /// Why.
        why: Missing,
    },
    /// The state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
}

fn wrong(code: Code, detail: impl core::fmt::Display) -> FollowError {
    FollowError::Wrong(Finding::new(code, detail))
}

fn entries_file(bundle: BundleId) -> String {
    format!("log/entries/{}.{}", bundle.index(), bundle.width())
}

/// Follows the log to its newest state under `policy`. `progress` is told how many entries are there, of how many.
///
/// # Errors
/// [`FollowError`]. Contradicting checkpoints are kept beneath `evidence` before that is said.
pub async fn follow(
    source: &Source,
    state: &State,
    policy: &Policy,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Followed, FollowError> {
    let shown = newest(source, policy).await?;
    let Some(kept) = kept_checkpoint(state, &shown)? else {
        fetch_entries(source, state, 0, &shown, progress).await?;
        state.write(CHECKPOINT, shown.as_bytes())?;
        return Ok(Followed { checkpoint: shown, before: None });
    };
    let before = kept.head().size;
    if shown.head().size < before {
        return Err(shorter(state, &kept, &shown)?);
    }
    let check = ConsistencyCheck::new(&kept, &shown).map_err(|error| inconsistent(state, &kept, &shown, error))?;
    let tiles = fetch_tiles(source, check.tiles()).await?;
    check.verify(&tiles).map_err(|error| inconsistent(state, &kept, &shown, error))?;
    fetch_entries(source, state, before, &shown, progress).await?;
    state.write(CHECKPOINT, shown.as_bytes())?;
    let needed = |name: &str| {
        let bundle = name.split_once('.').and_then(|(index, width)| {
            let bundle = BundleId::in_tree(index.parse().ok()?, shown.head().size)?;
            (width.parse() == Ok(bundle.width())).then_some(bundle)
        });
        bundle.is_some()
    };
    state.tidy("log/entries", needed);
    Ok(Followed { checkpoint: shown, before: Some(before) })
}

async fn newest(source: &Source, policy: &Policy) -> Result<VerifiedCheckpoint, FollowError> {
    let note = source.get("/log/checkpoint", MAX_CHECKPOINT_BYTES as u64, CacheMode::Revalidate).await;
    let note = note.map_err(|why| FollowError::Unavailable { what: "the log's checkpoint".to_owned(), why })?;
    let refused = |error: CheckpointError| wrong(Code::CheckpointRefused, error);
    SignedCheckpoint::parse(&note).map_err(refused)?.verify(policy).map_err(refused)
}

/// What was followed last. Its cosignatures were counted then; what binds the log is its own signature.
fn kept_checkpoint(state: &State, shown: &VerifiedCheckpoint) -> Result<Option<VerifiedCheckpoint>, FollowError> {
    let Some(note) = state.read(CHECKPOINT, MAX_CHECKPOINT_BYTES)? else { return Ok(None) };
    let kept = SignedCheckpoint::parse(&note).map_err(|_| state.damaged(CHECKPOINT))?;
    match kept.verify(&Policy::for_log(shown.log().clone())) {
        Ok(kept) => Ok(Some(kept)),
        Err(CheckpointError::UnknownOrigin { .. } | CheckpointError::NoLogSignature { .. }) => {
            Err(StateError::OtherLog { root: state.root().to_owned(), log: shown.log().to_string() }.into())
        }
        Err(_) => Err(state.damaged(CHECKPOINT).into()),
    }
}

/// A smaller tree than the one that was followed: an old state, or another log. All entries are at hand.
fn shorter(state: &State, kept: &VerifiedCheckpoint, shown: &VerifiedCheckpoint) -> Result<FollowError, FollowError> {
    let size = shown.head().size;
    let mut hashes = Vec::new();
    for_each_entry(state, kept.head(), |index, entry| {
        if index < size {
            hashes.push(leaf_hash(entry));
        }
    })?;
    let (old, new) = (shown.head().size, kept.head().size);
    let error = if root(hashes) == shown.head().root {
        ConsistencyError::RolledBack { old: new, new: old }
    } else {
        ConsistencyError::Rewritten { old, new }
    };
    Ok(inconsistent(state, kept, shown, error))
}

/// Keeps both checkpoints, where they prove something, and says what.
fn inconsistent(
    state: &State,
    kept: &VerifiedCheckpoint,
    shown: &VerifiedCheckpoint,
    error: ConsistencyError,
) -> FollowError {
    let code = match &error {
        ConsistencyError::Tiles(_) => return wrong(Code::LogTiles, error),
        ConsistencyError::RolledBack { .. } => Code::LogRolledBack,
        ConsistencyError::Forked { .. } => Code::LogForked,
        ConsistencyError::Rewritten { .. } | ConsistencyError::Origin { .. } => Code::LogRewritten,
    };
    let dir = format!("evidence/{code}-{}-{}", kept.head().size, shown.head().size);
    let files = [("seen-before", kept), ("shown-now", shown)];
    for (name, checkpoint) in files {
        if let Err(error) = state.write(&format!("{dir}/{name}"), checkpoint.as_bytes()) {
            return error.into();
        }
    }
    let kept = if state.is_kept() {
        format!("; both checkpoints are in {}", state.path(&dir).display())
    } else {
        String::new()
    };
    wrong(code, format_args!("{error}{kept}"))
}

/// The contents of tiles, of the full ones where partial ones are gone.
async fn fetch_tiles(source: &Source, tiles: &[TileId]) -> Result<Vec<Vec<u8>>, FollowError> {
    let fetch = |tile: TileId| async move {
        fetch_either(source, &tile.path(), &tile.full_path(), MOST_TILE_BYTES)
            .await
            .map(|(bytes, _)| bytes)
            .map_err(|why| gone(Code::LogTiles, format!("the log's {}", tile.path()), why))
    };
    stream::iter(tiles.iter().copied().map(fetch)).buffered(AT_ONCE).try_collect().await
}

/// A file, or in its place the full one that it grew into, and whether it is that.
async fn fetch_either(source: &Source, path: &str, full: &str, most: u64) -> Result<(Vec<u8>, bool), Missing> {
    match source.get(&format!("/log/{path}"), most, CacheMode::Immutable).await {
        Err(Missing::Gone { .. }) if path != full => {
            source.get(&format!("/log/{full}"), most, CacheMode::Immutable).await.map(|bytes| (bytes, true))
        }
        fetched => fetched.map(|bytes| (bytes, false)),
    }
}

/// What the log does not have is withheld; what cannot be had now is another matter.
fn gone(code: Code, what: String, why: Missing) -> FollowError {
    match why {
        Missing::Gone { .. } | Missing::TooLong => wrong(code, format_args!("{what}: {why}")),
        why @ Missing::Failed { .. } => FollowError::Unavailable { what, why },
    }
}

/// Fetches the entries from `before` on and checks each against the tree; what an interrupted audit fetched is not fetched
/// again, but checked. At the end everything that is kept is the whole log.
async fn fetch_entries(
    source: &Source,
    state: &State,
    before: u64,
    shown: &VerifiedCheckpoint,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), FollowError> {
    let head = shown.head();
    // One piece after another: the size is what the log says, and what it says last.
    let mut next = before >> 8;
    loop {
        let some: Vec<BundleId> =
            (next..).map_while(|index| BundleId::in_tree(index, head.size)).take(BUNDLES_TOGETHER).collect();
        let Some(last) = some.last() else { break };
        next = last.index() + 1;
        let plan = some.iter().fold(TilePlan::edge(head.size), |plan, bundle| plan.with_leaf(bundle.index() << 8));
        let tiles = fetch_tiles(source, plan.tiles()).await?;
        let tiles_wrong = |error: TileError| wrong(Code::LogTiles, error);
        let authentic = plan.authenticate(&head, &tiles).map_err(tiles_wrong)?;
        let fetched = stream::iter(some.iter().copied().map(|bundle| fetch_bundle(source, state, bundle)));
        let mut fetched = fetched.buffered(AT_ONCE);
        while let Some(fetched) = fetched.next().await {
            let (bundle, bytes, is_kept) = fetched?;
            // What is on this disk and wrong is no fault of the log.
            let wrong_entries = |detail: String| match is_kept {
                true => state.damaged(&entries_file(bundle)).into(),
                false => wrong(Code::LogEntry, detail),
            };
            let entries = parse_bundle(bundle, &bytes);
            let entries = entries.map_err(|error| wrong_entries(format!("{}: {error}", bundle.path())))?;
            for (index, entry) in (bundle.index() << 8..).zip(entries) {
                if authentic.leaf(index).map_err(tiles_wrong)? != leaf_hash(entry) {
                    return Err(wrong_entries(format!(
                        "entry {index} in {} is not the one in the tree",
                        bundle.path()
                    )));
                }
            }
            if !is_kept {
                state.write(&entries_file(bundle), &bytes)?;
            }
            progress((bundle.index() << 8) + u64::from(bundle.width()), head.size);
        }
    }
    let mut hashes: Vec<NodeHash> = Vec::new();
    for_each_entry(state, head, |_, entry| hashes.push(leaf_hash(entry)))?;
    if root(hashes) == head.root { Ok(()) } else { Err(state.damaged("log/entries").into()) }
}

async fn fetch_bundle(
    source: &Source,
    state: &State,
    bundle: BundleId,
) -> Result<(BundleId, Vec<u8>, bool), FollowError> {
    if let Some(bytes) = state.read(&entries_file(bundle), MOST_BUNDLE_BYTES as usize)? {
        return Ok((bundle, bytes, true));
    }
    let bytes = fetch_either(source, &bundle.path(), &bundle.full_path(), MOST_BUNDLE_BYTES).await;
    let bytes = bytes.map_err(|why| gone(Code::LogEntryWithheld, format!("the log's {}", bundle.path()), why))?;
    Ok((bundle, if bytes.1 { first_entries(bytes.0, bundle.width()) } else { bytes.0 }, false))
}

/// A full bundle serves for a partial one: its first entries.
fn first_entries(mut bytes: Vec<u8>, width: u16) -> Vec<u8> {
    let mut end = 0;
    for _ in 0..width {
        let Some(length) = bytes.get(end..end + 2) else { return bytes };
        end += 2 + usize::from(u16::from_be_bytes([length[0], length[1]]));
    }
    if end <= bytes.len() {
        bytes.truncate(end);
    }
    bytes
}

/// Gives every entry of a log that was followed, in order. Memory: one bundle.
///
/// # Errors
/// [`StateError`].
pub fn for_each_entry(state: &State, head: TreeHead, mut each: impl FnMut(u64, &[u8])) -> Result<(), StateError> {
    for bundle in (0..).map_while(|index| BundleId::in_tree(index, head.size)) {
        let name = entries_file(bundle);
        let bytes = state.read(&name, MOST_BUNDLE_BYTES as usize)?.ok_or_else(|| state.damaged(&name))?;
        let entries = parse_bundle(bundle, &bytes).map_err(|_| state.damaged(&name))?;
        for (index, entry) in (bundle.index() << 8..).zip(entries) {
            each(index, entry);
        }
    }
    Ok(())
}

/// The entry bundles that a log had at an earlier size, by their paths: the full ones, and the partial one at the end. Memory: all
/// of what is given.
pub(crate) fn bundle_bytes(state: &State, size: u64, of: u64) -> Result<Vec<(String, Vec<u8>)>, StateError> {
    let mut bundles = Vec::new();
    for index in 0.. {
        let (Some(now), Some(then)) = (BundleId::in_tree(index, size), BundleId::in_tree(index, of)) else { break };
        let name = entries_file(now);
        let bytes = state.read(&name, MOST_BUNDLE_BYTES as usize)?.ok_or_else(|| state.damaged(&name))?;
        bundles.push((then.path(), first_entries(bytes, then.width())));
    }
    Ok(bundles)
}

/// The hash tiles that a log had at an earlier size: of every level, computed from the entries.
pub(crate) fn tile_bytes(state: &State, size: u64, of: u64) -> Result<Vec<(TileId, Vec<u8>)>, StateError> {
    let mut hashes: Vec<NodeHash> = Vec::new();
    for bundle in (0..).map_while(|index| BundleId::in_tree(index, size)) {
        let name = entries_file(bundle);
        let bytes = state.read(&name, MOST_BUNDLE_BYTES as usize)?.ok_or_else(|| state.damaged(&name))?;
        let entries = parse_bundle(bundle, &bytes).map_err(|_| state.damaged(&name))?;
        hashes.extend(entries.into_iter().map(leaf_hash));
    }
    hashes.truncate(usize::try_from(of).unwrap_or(usize::MAX));
    let mut tiles = Vec::new();
    for level in 0u8..8 {
        let of_level = hashes.chunks(usize::from(TILE_HASHES));
        tiles.extend(
            (0..).zip(of_level).filter_map(|(index, tile)| Some((TileId::in_tree(level, index, of)?, tile.concat()))),
        );
        hashes = hashes.chunks_exact(usize::from(TILE_HASHES)).map(|tile| root(tile.iter().copied())).collect();
    }
    Ok(tiles)
}
