//! Trees as their tiles show them: which tiles are needed, whether they belong to the root, what follows from them.
//!
//! The reader of authenticated tiles in `tlog_tiles` is not used: it skips the check of a tile against its parent
//! where several subtrees of the right edge lie in one tile, and so takes altered tiles for genuine.

use super::checkpoint::TreeHead;
use super::tile::{TILE_HASHES, TileId};
use super::{EMPTY_ROOT, MAX_TREE_SIZE};
use crate::merkle::{self, NodeHash, largest_power_of_two_below, node_hash};

#[cfg(test)]
mod tests;

/// Why tiles were not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// Not as many tiles as were asked for.
    #[error("{got} tiles were given instead of the {want} asked for")]
    Count {
        /// How many were given.
        got: usize,
        /// How many the plan names.
        want: usize,
    },
    /// A tile of a length that it cannot have.
    #[error("{} has {got} bytes instead of {}", tile.path(), tile.bytes())]
    Length {
        /// The tile.
        tile: TileId,
        /// The length of what was given for it.
        got: usize,
    },
    /// The tiles at the tree's right edge do not hash to its root. Any of them may be the one that is wrong.
    #[error("the tiles at the right edge of the tree of size {size} do not hash to its root")]
    Edge {
        /// The tree's size.
        size: u64,
    },
    /// A full tile that is not the one its parent names.
    #[error("{} does not hash to what the tile above it says", tile.path())]
    Altered {
        /// The tile.
        tile: TileId,
    },
    /// A leaf or tree that lies outside, or in tiles that were not planned for.
    #[error("that part of the tree is not among the tiles at hand")]
    OutOfReach,
    /// A tree that may not grow.
    #[error("the tree has the largest size there is")]
    Full,
}

/// The tiles to fetch in order to know some part of a tree, each after the one that authenticates it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TilePlan {
    size: u64,
    tiles: Vec<TileId>,
}

impl TilePlan {
    /// The tiles at the right edge: on each level the partial one, if any. They determine the root. None for size 0.
    pub fn edge(size: u64) -> Self {
        let size = size.min(MAX_TREE_SIZE);
        let mut tiles = Vec::new();
        for level in (0..8).rev() {
            tiles.extend(TileId::in_tree(level, edge_index(level, size), size));
        }
        Self { size, tiles }
    }

    /// Adds what proves the leaf `index` to be in the tree. Nothing where the tree has no such leaf.
    pub fn with_leaf(mut self, index: u64) -> Self {
        self.add(0, index >> 8);
        self
    }

    /// Adds what proves a tree of size `old` to be the beginning of this one. Nothing where this one is smaller.
    pub fn with_beginning(mut self, old: u64) -> Self {
        for level in 0..8 {
            if edge_width(level, old) > 0 {
                self.add(level, edge_index(level, old));
            }
        }
        self
    }

    /// Adds a tile, after those above it that are not planned yet. Those are full, since they have a tile below the
    /// right edge; the climb ends at the edge.
    fn add(&mut self, level: u8, index: u64) {
        let mut missing = Vec::new();
        let (mut level, mut index) = (level, index);
        while let Some(tile) = TileId::in_tree(level, index, self.size) {
            if self.tiles.contains(&tile) {
                break;
            }
            missing.push(tile);
            (level, index) = (level + 1, index >> 8);
        }
        while let Some(tile) = missing.pop() {
            self.tiles.push(tile);
        }
    }

    /// The tiles, in the order in which [`TilePlan::authenticate`] takes them.
    pub fn tiles(&self) -> &[TileId] {
        &self.tiles
    }

    /// Checks the tiles against the root of the tree, from the top down. `tiles` are the contents of
    /// [`TilePlan::tiles`], in that order; for a partial tile the full one that it grew into may be given
    /// ([`TileId::full_path`]).
    ///
    /// # Errors
    /// [`TileError`], also when `head` is of another size than the plan.
    pub fn authenticate<B: AsRef<[u8]>>(&self, head: &TreeHead, tiles: &[B]) -> Result<AuthenticTiles, TileError> {
        if head.size != self.size {
            return Err(TileError::Edge { size: head.size });
        }
        if tiles.len() != self.tiles.len() {
            return Err(TileError::Count { got: tiles.len(), want: self.tiles.len() });
        }
        let mut held = AuthenticTiles { head: *head, tiles: Vec::new() };
        let mut below_edge = Vec::new();
        for (&tile, bytes) in self.tiles.iter().zip(tiles) {
            let bytes = bytes.as_ref();
            if bytes.len() != tile.bytes() && bytes.len() != usize::from(TILE_HASHES) * 32 {
                return Err(TileError::Length { tile, got: bytes.len() });
            }
            held.tiles.push(((tile.level(), tile.index()), bytes[..tile.bytes()].to_vec()));
            if tile.is_full() {
                below_edge.push(tile);
            }
        }
        // The partial tiles of the edge, which are in every plan, give the root; every full tile is named by the one
        // above it, which is either of the edge or full itself. So each is checked exactly once.
        if held.root()? != head.root {
            return Err(TileError::Edge { size: head.size });
        }
        for tile in below_edge {
            if held.subtree(8 * (tile.level() + 1), tile.index())? != held.full_tile_hash(tile)? {
                return Err(TileError::Altered { tile });
            }
        }
        Ok(held)
    }
}

/// Tiles that were found to belong to a tree: from [`TilePlan::authenticate`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticTiles {
    head: TreeHead,
    /// By level and index: sixteen or so.
    tiles: Vec<((u8, u64), Vec<u8>)>,
}

/// What appending a leaf gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendedLeaf {
    /// The tree after it.
    pub head: TreeHead,
    /// The tiles that the new tree has and the old one had not, the leaf's first, each with its bytes.
    pub tiles: Vec<(TileId, Vec<u8>)>,
    /// The proof that the leaf is in the new tree, its sibling first (RFC 6962, section 2.1.1).
    pub proof: Vec<NodeHash>,
}

impl AuthenticTiles {
    /// The tree that they belong to.
    pub fn head(&self) -> TreeHead {
        self.head
    }

    /// The hash of the leaf `index`.
    ///
    /// # Errors
    /// [`TileError::OutOfReach`] unless the plan was made with this leaf or it lies at the edge.
    pub fn leaf(&self, index: u64) -> Result<NodeHash, TileError> {
        self.subtree(0, index)
    }

    /// The proof that the leaf `index` is in the tree, its sibling first (RFC 6962, section 2.1.1).
    ///
    /// # Errors
    /// [`TileError::OutOfReach`] unless the plan was made with this leaf or it lies at the edge.
    pub fn prove_leaf(&self, index: u64) -> Result<Vec<NodeHash>, TileError> {
        let (mut start, mut end) = (0, self.head.size);
        if index >= end {
            return Err(TileError::OutOfReach);
        }
        let mut proof = Vec::new();
        while end - start > 1 {
            let split = start + largest_power_of_two_below(end - start);
            if index < split {
                proof.push(self.range(split, end)?);
                end = split;
            } else {
                proof.push(self.range(start, split)?);
                start = split;
            }
        }
        proof.reverse();
        Ok(proof)
    }

    /// The proof that the tree of size `old` is the beginning of this one (RFC 6962, section 2.1.2). Empty for the empty tree
    /// and for the same size.
    ///
    /// # Errors
    /// [`TileError::OutOfReach`] unless the plan was made for it ([`TilePlan::with_beginning`]).
    pub fn prove_beginning(&self, old: u64) -> Result<Vec<NodeHash>, TileError> {
        let (mut start, mut end) = (0, self.head.size);
        if old > end {
            return Err(TileError::OutOfReach);
        }
        let mut proof = Vec::new();
        if old == 0 {
            return Ok(proof);
        }
        while old < end {
            let split = start + largest_power_of_two_below(end - start);
            if old <= split {
                proof.push(self.range(split, end)?);
                end = split;
            } else {
                proof.push(self.range(start, split)?);
                start = split;
            }
        }
        // Where the old tree is no whole subtree of the new one, its last part is told as well.
        if start > 0 {
            proof.push(self.range(start, end)?);
        }
        proof.reverse();
        Ok(proof)
    }

    /// The root that the tree had at an earlier size.
    ///
    /// # Errors
    /// [`TileError::OutOfReach`] unless the plan was made for it.
    pub(super) fn root_at(&self, size: u64) -> Result<NodeHash, TileError> {
        if size > self.head.size {
            return Err(TileError::OutOfReach);
        }
        self.range(0, size)
    }

    fn root(&self) -> Result<NodeHash, TileError> {
        self.root_at(self.head.size)
    }

    /// Appends a leaf. Needs the tiles of the edge alone, and takes time logarithmic in the size.
    ///
    /// # Errors
    /// [`TileError::Full`].
    pub fn append(&self, leaf_hash: NodeHash) -> Result<AppendedLeaf, TileError> {
        let index = self.head.size;
        if index >= MAX_TREE_SIZE {
            return Err(TileError::Full);
        }
        let size = index + 1;
        let mut grown = self.clone();
        let mut tiles = Vec::new();
        let (mut level, mut hash) = (0, leaf_hash);
        loop {
            let at = edge_index(level, index);
            let old_bytes = usize::from(edge_width(level, index)) * 32;
            let mut bytes = match self.tile(level, at) {
                Some(held) => held.get(..old_bytes).ok_or(TileError::OutOfReach)?.to_vec(),
                None if old_bytes == 0 => Vec::new(),
                None => return Err(TileError::OutOfReach),
            };
            bytes.extend_from_slice(&hash);
            let tile = TileId::in_tree(level, at, size).ok_or(TileError::OutOfReach)?;
            grown.tiles.retain(|(place, _)| *place != (level, at));
            grown.tiles.push(((level, at), bytes.clone()));
            tiles.push((tile, bytes));
            if !tile.is_full() {
                break;
            }
            hash = grown.full_tile_hash(tile)?;
            level += 1;
        }
        grown.head.size = size;
        grown.head.root = grown.root()?;
        let proof = grown.prove_leaf(index)?;
        Ok(AppendedLeaf { head: grown.head, tiles, proof })
    }

    /// Root of the tree over the leaves from `start` to `end` (RFC 6962, section 2.1). `start` is a multiple of a power of
    /// two that is not smaller than their number: such are the trees that a tree splits into.
    fn range(&self, start: u64, end: u64) -> Result<NodeHash, TileError> {
        if start == end {
            return Ok(EMPTY_ROOT);
        }
        // The complete subtrees, the smallest and last one first.
        let (mut rest, mut hash) = (end, None);
        while rest > start {
            let level = (rest - start).trailing_zeros() as u8;
            rest -= 1 << level;
            let left = self.subtree(level, rest >> level)?;
            hash = Some(match hash {
                Some(right) => node_hash(&left, &right),
                None => left,
            });
        }
        hash.ok_or(TileError::OutOfReach)
    }

    /// Hash of the complete subtree `n` on a level of the tree: the leaves from `n * 2^level` on, `2^level` of them.
    fn subtree(&self, level: u8, n: u64) -> Result<NodeHash, TileError> {
        let within = level % 8;
        let first = n << within;
        let start = usize::try_from(first % u64::from(TILE_HASHES)).map_err(|_| TileError::OutOfReach)? * 32;
        self.tile(level / 8, first >> 8)
            .and_then(|tile| tile.get(start..start + (32 << within)))
            .map(merkle::root_of_hashes)
            .ok_or(TileError::OutOfReach)
    }

    fn tile(&self, level: u8, index: u64) -> Option<&Vec<u8>> {
        self.tiles.iter().find(|(place, _)| *place == (level, index)).map(|(_, bytes)| bytes)
    }

    fn full_tile_hash(&self, tile: TileId) -> Result<NodeHash, TileError> {
        match self.tile(tile.level(), tile.index()) {
            Some(bytes) if bytes.len() == usize::from(TILE_HASHES) * 32 => Ok(merkle::root_of_hashes(bytes)),
            _ => Err(TileError::OutOfReach),
        }
    }
}

/// Width of the partial tile at the right edge on a level: 0 where that level has only full tiles.
fn edge_width(level: u8, size: u64) -> u8 {
    // The low byte is the remainder by 256.
    (size >> (8 * u32::from(level))).to_le_bytes()[0]
}

/// Index of the tile at the right edge on a level into which the next hash goes.
fn edge_index(level: u8, size: u64) -> u64 {
    size >> (8 * u32::from(level)) >> 8
}
