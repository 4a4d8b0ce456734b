//! Reading the log, with everything checked against its checkpoint.

use ceknik_core::log::{
    AuthenticTiles, BundleId, CheckpointError, MAX_CHECKPOINT_BYTES, MAX_LEAF_BYTES, SignedCheckpoint, TileError,
    TileId, TilePlan, TreeHead, VerifiedCheckpoint, parse_bundle,
};
use ceknik_core::merkle::{NodeHash, leaf_hash, root};

use super::{CHECKPOINT, EMPTY_LOG, LogDir, LogDirError};
use crate::durable::read_limited;

/// What an append starts from.
pub(super) struct LogState {
    pub(super) head: TreeHead,
    /// `None` for a log that was never written.
    pub(super) checkpoint: Option<VerifiedCheckpoint>,
    /// The tiles of the right edge.
    pub(super) edge: AuthenticTiles,
    /// The partial entry bundle at the end, checked against its tile. Empty when the last bundle is full.
    pub(super) last_bundle: Vec<u8>,
}

/// An entry with its path in the present tree.
pub(super) struct LoggedEntry {
    pub(super) entry: Vec<u8>,
    pub(super) path: Vec<NodeHash>,
}

impl LogDir {
    pub(super) fn bad_checkpoint(&self) -> impl FnOnce(CheckpointError) -> LogDirError {
        let path = self.root.join(CHECKPOINT);
        |reason| LogDirError::Checkpoint { path, reason }
    }

    /// The checkpoint as it is, its signatures not verified.
    pub(super) fn read_checkpoint(&self) -> Result<Option<SignedCheckpoint>, LogDirError> {
        let note = read_limited(&self.root.join(CHECKPOINT), MAX_CHECKPOINT_BYTES)?;
        note.map(|note| SignedCheckpoint::parse(&note).map_err(self.bad_checkpoint())).transpose()
    }

    pub(super) fn read(&self) -> Result<LogState, LogDirError> {
        let signed = self.read_checkpoint()?;
        let checkpoint = signed.map(|c| c.verify(&self.policy).map_err(self.bad_checkpoint())).transpose()?;
        let head = checkpoint.as_ref().map_or(EMPTY_LOG, VerifiedCheckpoint::head);
        self.refuse_later_state(head.size, checkpoint.is_some())?;

        let edge = self.authenticate(&TilePlan::edge(head.size), &head)?;
        let last_bundle = match BundleId::in_tree(head.size >> 8, head.size) {
            Some(bundle) => self.read_bundle(bundle, |at| edge.leaf((head.size & !0xff) + at))?,
            None => Vec::new(),
        };
        Ok(LogState { head, checkpoint, edge, last_bundle })
    }

    /// An append that was killed before its checkpoint leaves tiles for one more leaf, no others.
    fn refuse_later_state(&self, size: u64, has_checkpoint: bool) -> Result<(), LogDirError> {
        let Some(tile) = TileId::in_tree(0, (size + 1) >> 8, size + 2) else { return Ok(()) };
        let path = self.root.join(tile.path());
        if path.symlink_metadata().is_err() {
            return Ok(());
        }
        if has_checkpoint {
            return Err(LogDirError::BeyondCheckpoint { path, size });
        }
        Err(LogDirError::NoCheckpoint { path: self.root.join(CHECKPOINT) })
    }

    /// Reads the tiles of a plan and checks them against a tree.
    pub(super) fn authenticate(&self, plan: &TilePlan, head: &TreeHead) -> Result<AuthenticTiles, LogDirError> {
        let tiles = self.read_tiles(plan)?;
        plan.authenticate(head, &tiles).map_err(|error| match error {
            TileError::Edge { .. } => self.name_altered(plan, head, &tiles),
            TileError::Altered { tile } => LogDirError::Altered { path: self.root.join(tile.path()) },
            other => other.into(),
        })
    }

    fn read_tiles(&self, plan: &TilePlan) -> Result<Vec<Vec<u8>>, LogDirError> {
        plan.tiles().iter().map(|tile| self.read_tile(*tile)).collect()
    }

    fn read_tile(&self, tile: TileId) -> Result<Vec<u8>, LogDirError> {
        let bytes = self.read_file(&tile.path(), tile.bytes())?;
        if bytes.len() == tile.bytes() {
            return Ok(bytes);
        }
        Err(LogDirError::Altered { path: self.root.join(tile.path()) })
    }

    /// A file of the log, of at most `limit` bytes.
    fn read_file(&self, path: &str, limit: usize) -> Result<Vec<u8>, LogDirError> {
        let path = self.root.join(path);
        match read_limited(&path, limit) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(LogDirError::Missing { path }),
            Err(error) if error.source.kind() == std::io::ErrorKind::FileTooLarge => Err(LogDirError::Altered { path }),
            Err(error) => Err(error.into()),
        }
    }

    /// A bundle whose entries have the hashes that `expected` gives for their place in it.
    fn read_bundle(
        &self,
        bundle: BundleId,
        expected: impl Fn(u64) -> Result<NodeHash, TileError>,
    ) -> Result<Vec<u8>, LogDirError> {
        let altered = || LogDirError::Altered { path: self.root.join(bundle.path()) };
        let bytes = self.read_file(&bundle.path(), usize::from(bundle.width()) * (MAX_LEAF_BYTES + 2))?;
        let entries = parse_bundle(bundle, &bytes).map_err(|_| altered())?;
        for (at, entry) in (0u64..).zip(entries) {
            if leaf_hash(entry) != expected(at)? {
                return Err(altered());
            }
        }
        Ok(bytes)
    }

    /// Reads the entry `index`, which is in the tree, and proves it.
    pub(super) fn read_entry(&self, state: &LogState, index: u64) -> Result<LoggedEntry, LogDirError> {
        let size = state.head.size;
        let plan = TilePlan::edge(size).with_leaf(index);
        let tiles = self.authenticate(&plan, &state.head)?;
        let bundle = BundleId::in_tree(index >> 8, size).ok_or(LogDirError::Gap { index, size })?;
        let bytes = self.read_bundle(bundle, |at| tiles.leaf((index & !0xff) + at))?;
        let entries = parse_bundle(bundle, &bytes).map_err(|_| TileError::OutOfReach)?;
        let entry = usize::try_from(index & 0xff).ok().and_then(|at| entries.get(at));
        let entry = entry.ok_or(TileError::OutOfReach)?.to_vec();
        Ok(LoggedEntry { entry, path: tiles.prove_leaf(index)? })
    }

    /// The right edge does not hash to the root: finds the tile that is to blame, by what lies below each. If one tile,
    /// made anew from below, gives the root, it was that one.
    fn name_altered(&self, plan: &TilePlan, head: &TreeHead, tiles: &[Vec<u8>]) -> LogDirError {
        for (at, &tile) in plan.tiles().iter().enumerate() {
            let Ok(below) = self.hashes_below(tile, head.size) else { continue };
            let mut repaired = tiles.to_vec();
            repaired[at] = below.concat();
            if plan.authenticate(head, &repaired).is_ok() {
                return LogDirError::Altered { path: self.root.join(tile.path()) };
            }
        }
        let checkpoint = std::iter::once(self.root.join(CHECKPOINT));
        let edge = plan.tiles().iter().map(|tile| self.root.join(tile.path()));
        LogDirError::Mismatch { paths: checkpoint.chain(edge).collect() }
    }

    /// The hashes that a tile should hold: of the entries of its bundle, or of the full tiles below it.
    fn hashes_below(&self, tile: TileId, size: u64) -> Result<Vec<NodeHash>, LogDirError> {
        if tile.level() == 0 {
            let bundle = BundleId::in_tree(tile.index(), size).ok_or(TileError::OutOfReach)?;
            let bytes = self.read_file(&bundle.path(), usize::from(bundle.width()) * (MAX_LEAF_BYTES + 2))?;
            let entries = parse_bundle(bundle, &bytes);
            return Ok(entries.map_err(|_| TileError::OutOfReach)?.into_iter().map(leaf_hash).collect());
        }
        let first = tile.index() << 8;
        let children = (first..).take(usize::from(tile.width()));
        let full = |index| TileId::in_tree(tile.level() - 1, index, size).ok_or(TileError::OutOfReach);
        children.map(|index| Ok(root(self.read_tile(full(index)?)?.as_chunks::<32>().0.iter().copied()))).collect()
    }
}
