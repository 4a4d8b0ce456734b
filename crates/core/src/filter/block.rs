//! One block of a shard's file with its path: it shows one cell to somebody who has the manifest alone.

use thiserror::Error;

use super::{BLOCK_BYTES, FilterGeometry, FilterItem, FilterShard, HEADER_BYTES, ShardDigest};
use crate::merkle::{self, NodeHash};

/// Why a block does not show its cell.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum BlockError {
    /// Not as long as the block of that number.
    #[error("the filter block is {got} bytes long, the one with this NIK's cell has {want}")]
    Length {
        /// As the shard's length and the block's number demand.
        want: u64,
        /// As given.
        got: u64,
    },
    /// The path does not lead to the shard's root.
    #[error("the filter block is not the one with this NIK's cell in the manifest's filter")]
    Root,
}

/// A block of a shard's file, 1,024 bytes or at the end fewer, and its path. It tells nearly what the cell's number tells, and
/// so does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct FilterBlock {
    bytes: Vec<u8>,
    path: Vec<NodeHash>,
}

impl core::fmt::Debug for FilterBlock {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("FilterBlock(REDACTED)")
    }
}

/// Where the bit of a cell stands.
struct Place {
    block: u64,
    /// Within the block.
    byte: usize,
    mask: u8,
}

impl FilterGeometry {
    fn place(&self, item: &FilterItem) -> Place {
        let cell = self.cell(item).expose_number() % self.shard_cells();
        let byte = HEADER_BYTES + cell / 8;
        let block_bytes = BLOCK_BYTES as u64;
        // Within a block of 1,024 bytes.
        Place { block: byte / block_bytes, byte: (byte % block_bytes) as usize, mask: 1 << (cell % 8) }
    }

    fn blocks(&self) -> u64 {
        self.shard_bytes().div_ceil(BLOCK_BYTES as u64)
    }
}

impl FilterShard {
    /// The block that holds the item's cell. It costs what hashing the whole shard costs. None when the item falls into
    /// another shard.
    pub fn block(&self, item: &FilterItem) -> Option<FilterBlock> {
        if self.geometry.shard(item) != self.shard {
            return None;
        }
        let index = usize::try_from(self.geometry.place(item).block).ok()?;
        let file = &self.file;
        let leaves: Vec<NodeHash> = file.chunks(BLOCK_BYTES).map(merkle::leaf_hash).collect();
        let bytes = file.chunks(BLOCK_BYTES).nth(index)?.to_vec();
        Some(FilterBlock { bytes, path: merkle::path(&leaves, index)? })
    }
}

impl FilterBlock {
    /// A block as it was received.
    pub fn new(bytes: Vec<u8>, path: Vec<NodeHash>) -> Self {
        Self { bytes, path }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The path, the block's own sibling first.
    pub fn path(&self) -> &[NodeHash] {
        &self.path
    }

    /// Whether the item's cell is set, once it is certain that this is its block: shard, cell and block number follow from the
    /// item, and length and path must fit them. `digest` is that of the item's shard ([`FilterGeometry::shard`]).
    ///
    /// # Errors
    /// [`BlockError`]: the first check that fails.
    pub fn open(&self, geometry: &FilterGeometry, digest: &ShardDigest, item: &FilterItem) -> Result<bool, BlockError> {
        let place = geometry.place(item);
        let rest = geometry.shard_bytes() - place.block * BLOCK_BYTES as u64;
        let (want, got) = (rest.min(BLOCK_BYTES as u64), self.bytes.len() as u64);
        if got != want {
            return Err(BlockError::Length { want, got });
        }
        let leaf = merkle::leaf_hash(&self.bytes);
        if merkle::root_from_path(leaf, place.block, geometry.blocks(), &self.path) != Some(digest.root) {
            return Err(BlockError::Root);
        }
        // The cell lies within the file, and so within a block of the right length.
        Ok(self.bytes.get(place.byte).is_some_and(|byte| byte & place.mask != 0))
    }
}
