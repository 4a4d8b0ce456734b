//! Follows a log from the state that was seen last to the newest: checkpoint, consistency, every entry.

use ceknik_client::CacheMode;
use ceknik_core::log::{
    AuthenticTiles, BundleId, CheckpointError, ConsistencyCheck, ConsistencyError, MAX_CHECKPOINT_BYTES,
    MAX_LEAF_BYTES, Policy, SignedCheckpoint, TILE_HASHES, TileError, TileId, TilePlan, TreeHead, VerifiedCheckpoint,
    parse_bundle,
};
use ceknik_core::merkle::{NodeHash, leaf_hash, root};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use thiserror::Error;

use crate::AT_ONCE;
use crate::evidence::{OpenCase, contradiction, settle};
use crate::findings::{Code, Finding};
use crate::source::{Missing, Source};
use crate::state::{State, StateError};

const CHECKPOINT: &str = "log/checkpoint";
/// Bundles whose tiles are fetched and checked together.
const BUNDLES_TOGETHER: usize = 16;
const MOST_TILE_BYTES: u64 = TILE_HASHES as u64 * 32;
const MOST_BUNDLE_BYTES: u64 = TILE_HASHES as u64 * (2 + MAX_LEAF_BYTES as u64);

/// Entries of a log that an audit follows: forty years of nine a day.
const MOST_ENTRIES: u64 = 1 << 17;
/// Bytes of these: manifests of 2 KiB each, all of which are held in memory.
const MOST_LOG_BYTES: u64 = 256 << 20;

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
/// [`FollowError`]. What the log signed is kept beneath `evidence` from when its signature is verified until it is known to be one
/// history, and contradicting checkpoints for good.
pub async fn follow(
    source: &Source,
    state: &State,
    policy: &Policy,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Followed, FollowError> {
    let shown = newest(source, policy).await?;
    let kept = kept_checkpoint(state, &shown)?;
    if kept.as_ref().map(VerifiedCheckpoint::head) != Some(shown.head()) {
        begin_case(source, state, kept.as_ref(), &shown).await?;
    }
    within(shown.head().size, 0)?;
    let before = kept.map(|kept| kept.head().size);
    fetch_entries(source, state, before.unwrap_or(0), &shown, progress).await?;
    if let Some((case, error)) = settle(state, &shown)? {
        return Err(convicted(state, case, error)?);
    }
    state.write(CHECKPOINT, shown.as_bytes())?;
    let needed = |name: &str| {
        let bundle = name.split_once('.').and_then(|(index, width)| {
            let bundle = BundleId::in_tree(index.parse().ok()?, shown.head().size)?;
            (width.parse() == Ok(bundle.width())).then_some(bundle)
        });
        bundle.is_some()
    };
    state.tidy("log/entries", needed);
    Ok(Followed { checkpoint: shown, before })
}

/// Whoever signs a log decides how large it is; an audit has an end.
fn within(entries: u64, bytes: u64) -> Result<(), FollowError> {
    let too_large = |has: String| Err(wrong(Code::LogTooLarge, has));
    if entries > MOST_ENTRIES {
        return too_large(format!("it has {entries} entries, and an audit follows {MOST_ENTRIES} at most"));
    }
    if bytes > MOST_LOG_BYTES {
        return too_large(format!("its entries have more than the {MOST_LOG_BYTES} bytes that an audit follows"));
    }
    Ok(())
}

/// Keeps a state that was not followed yet, and holds it to what was signed before. The case stays open until its entries are here.
async fn begin_case(
    source: &Source,
    state: &State,
    kept: Option<&VerifiedCheckpoint>,
    shown: &VerifiedCheckpoint,
) -> Result<(), FollowError> {
    if let Some((case, error)) = contradiction(state, shown)? {
        return Err(convicted(state, case, error)?);
    }
    let case = OpenCase::begin(state, kept, shown, &[])?;
    let Some(kept) = kept else { return Ok(()) };
    if shown.head().size < kept.head().size {
        let error = shorter(state, kept, shown)?;
        return Err(convicted(state, case, error)?);
    }
    match extends(source, kept, shown).await? {
        Ok(()) => Ok(()),
        Err(ConsistencyError::Tiles(error)) => Err(wrong(Code::LogTiles, ConsistencyError::Tiles(error))),
        Err(error) => Err(convicted(state, case, error)?),
    }
}

/// Whether one state extends another, by tiles. What they are asked with is the outer error.
async fn extends(
    source: &Source,
    old: &VerifiedCheckpoint,
    new: &VerifiedCheckpoint,
) -> Result<Result<(), ConsistencyError>, FollowError> {
    let check = match ConsistencyCheck::new(old, new) {
        Ok(check) => check,
        Err(error) => return Ok(Err(error)),
    };
    let tiles = fetch_tiles(source, check.tiles()).await?;
    Ok(check.verify(&tiles))
}

/// Holds another state that the log signed, with what brought it, to the log that was followed. One that is beyond it is kept as
/// an open case even where it extends it, until the log is followed that far.
///
/// # Errors
/// [`FollowError`].
pub(crate) async fn hold_to(
    source: &Source,
    state: &State,
    followed: &VerifiedCheckpoint,
    shown: &VerifiedCheckpoint,
    with: &[(&str, &[u8])],
) -> Result<(), FollowError> {
    let (head, other) = (followed.head(), shown.head());
    if other == head {
        return Ok(());
    }
    if other.size > head.size {
        let case = OpenCase::begin(state, Some(followed), shown, with)?;
        return match extends(source, followed, shown).await? {
            Ok(()) => Ok(()),
            Err(ConsistencyError::Tiles(error)) => Err(wrong(Code::LogTiles, ConsistencyError::Tiles(error))),
            Err(error) => Err(convicted(state, case, error)?),
        };
    }
    let hashes = leaf_hashes(state, head)?;
    let beginning = usize::try_from(other.size).ok().and_then(|size| hashes.get(..size)).unwrap_or_default();
    if root(beginning.iter().copied()) == other.root {
        return Ok(());
    }
    let case = OpenCase::begin(state, Some(followed), shown, with)?;
    let kept = case.convict(state, Code::LogForked)?;
    let size = other.size;
    Err(wrong(
        Code::LogForked,
        format_args!("the proof's checkpoint of size {size} is of another log than the one followed{kept}"),
    ))
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
fn shorter(
    state: &State,
    kept: &VerifiedCheckpoint,
    shown: &VerifiedCheckpoint,
) -> Result<ConsistencyError, StateError> {
    let (old, new) = (shown.head().size, kept.head().size);
    let mut hashes = leaf_hashes(state, kept.head())?;
    hashes.truncate(usize::try_from(old).unwrap_or(usize::MAX));
    Ok(if root(hashes) == shown.head().root {
        ConsistencyError::RolledBack { old: new, new: old }
    } else {
        ConsistencyError::Rewritten { old, new }
    })
}

/// Two states that contradict each other stay as they were signed; says what and where.
fn convicted(state: &State, case: OpenCase, error: ConsistencyError) -> Result<FollowError, StateError> {
    let code = match &error {
        ConsistencyError::Tiles(_) => Code::LogTiles,
        ConsistencyError::RolledBack { .. } => Code::LogRolledBack,
        ConsistencyError::Forked { .. } => Code::LogForked,
        ConsistencyError::Rewritten { .. } | ConsistencyError::Origin { .. } => Code::LogRewritten,
    };
    let kept = case.convict(state, code)?;
    Ok(wrong(code, format_args!("{error}{kept}")))
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
        Missing::Gone { .. } | Missing::Withheld { .. } | Missing::TooLong => {
            wrong(code, format_args!("{what}: {why}"))
        }
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
    let mut bytes: u64 = (0..next).map(|index| state.size(&format!("log/entries/{index}.{TILE_HASHES}"))).sum();
    loop {
        let some: Vec<BundleId> =
            (next..).map_while(|index| BundleId::in_tree(index, head.size)).take(BUNDLES_TOGETHER).collect();
        let Some(last) = some.last() else { break };
        next = last.index() + 1;
        let plan = some.iter().fold(TilePlan::edge(head.size), |plan, bundle| plan.with_leaf(bundle.index() << 8));
        let tiles = fetch_tiles(source, plan.tiles()).await?;
        let tiles_wrong = |error: TileError| wrong(Code::LogTiles, error);
        let authentic = plan.authenticate(&head, &tiles).map_err(tiles_wrong)?;
        let mut fetched =
            stream::iter(some.iter().copied().map(|bundle| fetch_bundle(source, state, bundle, &authentic)))
                .buffered(AT_ONCE);
        while let Some((bundle, length)) = fetched.next().await.transpose()? {
            bytes += length;
            within(head.size, bytes)?;
            progress((bundle.index() << 8) + u64::from(bundle.width()), head.size);
        }
    }
    if root(leaf_hashes(state, head)?) == head.root { Ok(()) } else { Err(state.damaged("log/entries").into()) }
}

/// A bundle that is here and in the tree, or else is fetched and has to be; gives its length. What is here may be of a state that
/// was shown once and never proved.
async fn fetch_bundle(
    source: &Source,
    state: &State,
    bundle: BundleId,
    authentic: &AuthenticTiles,
) -> Result<(BundleId, u64), FollowError> {
    if let Some(bytes) = state.read(&entries_file(bundle), MOST_BUNDLE_BYTES as usize)?
        && check_bundle(bundle, &bytes, authentic).is_ok()
    {
        return Ok((bundle, bytes.len() as u64));
    }
    let fetched = fetch_either(source, &bundle.path(), &bundle.full_path(), MOST_BUNDLE_BYTES).await;
    let (bytes, is_full) =
        fetched.map_err(|why| gone(Code::LogEntryWithheld, format!("the log's {}", bundle.path()), why))?;
    let bytes = if is_full { first_entries(bytes, bundle.width()) } else { bytes };
    check_bundle(bundle, &bytes, authentic)?;
    state.write(&entries_file(bundle), &bytes)?;
    Ok((bundle, bytes.len() as u64))
}

/// Every entry of a bundle against the tree.
fn check_bundle(bundle: BundleId, bytes: &[u8], authentic: &AuthenticTiles) -> Result<(), FollowError> {
    let path = bundle.path();
    let entries =
        parse_bundle(bundle, bytes).map_err(|error| wrong(Code::LogEntry, format_args!("{path}: {error}")))?;
    for (index, entry) in (bundle.index() << 8..).zip(entries) {
        if authentic.leaf(index).map_err(|error| wrong(Code::LogTiles, error))? != leaf_hash(entry) {
            return Err(wrong(Code::LogEntry, format_args!("entry {index} in {path} is not the one in the tree")));
        }
    }
    Ok(())
}

/// The hashes of all entries of a log that was followed, in order.
pub(crate) fn leaf_hashes(state: &State, head: TreeHead) -> Result<Vec<NodeHash>, StateError> {
    let mut hashes = Vec::new();
    for_each_entry(state, head, |_, entry| hashes.push(leaf_hash(entry)))?;
    Ok(hashes)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_has_an_end() {
        within(MOST_ENTRIES, MOST_LOG_BYTES).unwrap();
        for (entries, bytes, detail) in [
            (131_073, 0, "it has 131073 entries, and an audit follows 131072 at most"),
            (1, 268_435_457, "its entries have more than the 268435456 bytes that an audit follows"),
        ] {
            let FollowError::Wrong(found) = within(entries, bytes).unwrap_err() else { panic!("{detail}") };
            assert_eq!((found.code, &*found.detail), (Code::LogTooLarge, detail));
        }
    }
}
