//! Trees as their tiles show them: which tiles are needed, whether they belong to the root, what follows from them.
//!
//! The reader of authenticated tiles in `tlog_tiles` is not used: it skips the check of a tile against its parent
//! where several subtrees of the right edge lie in one tile, and so takes altered tiles for genuine.

use std::collections::BTreeMap;

use tlog_tiles::{Error, Hash, HashReader, Tile, prove_record, prove_tree, split_stored_hash_index, tree_hash};

use super::MAX_TREE_SIZE;
use super::checkpoint::TreeHead;
use super::tile::{TILE_HASHES, TileId};
use crate::merkle::NodeHash;

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
        let partial = |level: u8| TileId::in_tree(level, edge_index(level, size), size);
        Self { size, tiles: (0..8).rev().filter_map(partial).collect() }
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
        self.tiles.extend(missing.into_iter().rev());
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
        let mut held = AuthenticTiles { head: *head, tiles: BTreeMap::new() };
        let mut below_edge = Vec::new();
        for (&tile, bytes) in self.tiles.iter().zip(tiles) {
            let bytes = bytes.as_ref();
            if bytes.len() != tile.bytes() && bytes.len() != usize::from(TILE_HASHES) * 32 {
                return Err(TileError::Length { tile, got: bytes.len() });
            }
            held.tiles.insert((tile.level(), tile.index()), bytes[..tile.bytes()].to_vec());
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
    tiles: BTreeMap<(u8, u64), Vec<u8>>,
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
        Ok(self.subtree(0, index)?.0)
    }

    /// The proof that the leaf `index` is in the tree, its sibling first (RFC 6962, section 2.1.1).
    ///
    /// # Errors
    /// [`TileError::OutOfReach`] unless the plan was made with this leaf or it lies at the edge.
    pub fn prove_leaf(&self, index: u64) -> Result<Vec<NodeHash>, TileError> {
        let proof = prove_record(self.head.size, index, &Reader(self)).map_err(|_| TileError::OutOfReach)?;
        Ok(proof.into_iter().map(|hash| hash.0).collect())
    }

    /// The proof that the tree of size `old` is the beginning of this one (RFC 6962, section 2.1.2). Empty for the empty tree
    /// and for the same size.
    ///
    /// # Errors
    /// [`TileError::OutOfReach`] unless the plan was made for it ([`TilePlan::with_beginning`]).
    pub fn prove_beginning(&self, old: u64) -> Result<Vec<NodeHash>, TileError> {
        if old == 0 {
            return Ok(Vec::new());
        }
        let proof = prove_tree(self.head.size, old, &Reader(self)).map_err(|_| TileError::OutOfReach)?;
        Ok(proof.into_iter().map(|hash| hash.0).collect())
    }

    /// The root that the tree had at an earlier size.
    ///
    /// # Errors
    /// [`TileError::OutOfReach`] unless the plan was made for it.
    pub(super) fn root_at(&self, size: u64) -> Result<NodeHash, TileError> {
        if size > self.head.size {
            return Err(TileError::OutOfReach);
        }
        Ok(tree_hash(size, &Reader(self)).map_err(|_| TileError::OutOfReach)?.0)
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
            let mut bytes = match self.tiles.get(&(level, at)) {
                Some(held) => held.get(..old_bytes).ok_or(TileError::OutOfReach)?.to_vec(),
                None if old_bytes == 0 => Vec::new(),
                None => return Err(TileError::OutOfReach),
            };
            bytes.extend_from_slice(&hash);
            let tile = TileId::in_tree(level, at, size).ok_or(TileError::OutOfReach)?;
            grown.tiles.insert((level, at), bytes.clone());
            tiles.push((tile, bytes));
            if !tile.is_full() {
                break;
            }
            hash = grown.full_tile_hash(tile)?.0;
            level += 1;
        }
        grown.head.size = size;
        grown.head.root = grown.root()?;
        let proof = grown.prove_leaf(index)?;
        Ok(AppendedLeaf { head: grown.head, tiles, proof })
    }

    /// Hash of the complete subtree `n` on a level of the tree: the leaves from `n * 2^level` on, `2^level` of them.
    fn subtree(&self, level: u8, n: u64) -> Result<Hash, TileError> {
        let within = level % 8;
        let first = n << within;
        let start = usize::try_from(first % u64::from(TILE_HASHES)).map_err(|_| TileError::OutOfReach)? * 32;
        self.tiles
            .get(&(level / 8, first >> 8))
            .and_then(|tile| tile.get(start..start + (32 << within)))
            .map(Tile::subtree_hash)
            .ok_or(TileError::OutOfReach)
    }

    fn full_tile_hash(&self, tile: TileId) -> Result<Hash, TileError> {
        match self.tiles.get(&(tile.level(), tile.index())) {
            Some(bytes) if bytes.len() == usize::from(TILE_HASHES) * 32 => Ok(Tile::subtree_hash(bytes)),
            _ => Err(TileError::OutOfReach),
        }
    }
}

/// The library's proof functions ask for hashes by their place in a linear order.
struct Reader<'a>(&'a AuthenticTiles);

impl HashReader for Reader<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let read = |&index: &u64| {
            let (level, n) = split_stored_hash_index(index);
            self.0.subtree(level, n).map_err(|_| Error::IndexesNotInTree)
        };
        indexes.iter().map(read).collect()
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
