//! The downloadable filter: a Bloom filter with one hash and deliberate noise (spec, step 3 and "Deniability").
//!
//! A file is the byte format of the crate `bloomfilter` 3 with k = 1: version, length of the bits in bytes (u64 LE), k
//! (u32 LE), 32 bytes of seed, the bits. Bit i is bit i mod 8 of byte i div 8. Its false positives are not an error to
//! minimise; they are what a listed person can point to.

use core::hash::Hasher;

use sha2::{Digest, Sha256};
use siphasher::sip::SipHasher13;
use thiserror::Error;

use crate::merkle::{self, NodeHash};
use crate::secret::secret_bytes;

mod block;
mod noise;

pub use block::{BlockError, FilterBlock};
pub use noise::{NoiseKey, NoiseSequence};

/// Bytes before the bits.
pub const HEADER_BYTES: u64 = 45;
/// Bytes of a block: one block and its path are evidence, and updates can be fetched by block.
pub const BLOCK_BYTES: usize = 1024;
/// Least cells of a generation (spec, "Deniability").
pub const LEAST_CELLS: u64 = 65_536;
/// Most bits of a shard number: a manifest has room for the digests of 461 shards.
pub const MOST_SHARD_BITS: u8 = 8;
/// Most bytes of a shard that a client fetches: 64 MiB.
pub const MOST_SHARD_BYTES: u64 = 64 << 20;
const FORMAT_VERSION: u8 = 1;
const HASHES: u32 = 1;

secret_bytes! {
    /// `f`, what the filter is asked for: 8 bytes that choose the shard, 16 that choose the cell.
    FilterItem, 24
}

impl FilterItem {
    fn shard(&self, shard_bits: u8) -> u32 {
        let mut selector = [0u8; 4];
        selector.copy_from_slice(&self.expose_bytes()[..4]);
        // `>> 32` would overflow: no shard bits means the one shard there is.
        if shard_bits == 0 { 0 } else { u32::from_be_bytes(selector) >> (32 - u32::from(shard_bits)) }
    }

    /// What is hashed to choose the cell. Just these bytes: an array's own `Hash` writes a length first, as wide as the
    /// platform's pointers.
    fn hashed(&self) -> &[u8] {
        &self.expose_bytes()[8..]
    }
}

/// Why a filter's geometry or file is not acceptable.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FilterError {
    /// More shards than there may be.
    #[error("{shard_bits} shard bits; at most {MOST_SHARD_BITS}")]
    ShardBits {
        /// As given.
        shard_bits: u8,
    },
    /// Shards too short to hold a cell, or longer than a client fetches.
    #[error("a shard of {bytes} bytes; 46 to {MOST_SHARD_BYTES} are possible")]
    ShardBytes {
        /// Length of a shard's file.
        bytes: u64,
    },
    /// The two halves of the seed are equal, with which the format's hashes would be one.
    #[error("the two halves of the filter's seed are equal")]
    SeedHalves,
    /// The file's length is not the manifest's.
    #[error("the filter shard is {got} bytes long, the manifest says {want}")]
    Length {
        /// In the manifest.
        want: u64,
        /// As fetched.
        got: u64,
    },
    /// The header differs from what the manifest says.
    #[error("the filter shard's header disagrees with the manifest: {field}")]
    Header {
        /// Which field: `version`, `length`, `k` or `seed`.
        field: &'static str,
    },
    /// The file's SHA-256 is not the manifest's.
    #[error("the filter shard's SHA-256 is not the manifest's")]
    Digest,
    /// The tree over the file's blocks is not the manifest's.
    #[error("the filter shard's tree root is not the manifest's")]
    Root,
}

/// How many cells there are and where an item falls: what stays fixed within a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterGeometry {
    shard_bits: u8,
    shard_bytes: u64,
    seed: [u8; 32],
}

/// A cell of the whole filter: `shard × cells per shard + index within the shard`.
///
/// Derived from a NIK, and so kept as carefully as one wherever it is not a cell of noise.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell(u64);

impl core::fmt::Debug for Cell {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Cell(REDACTED)")
    }
}

impl Cell {
    /// A cell by its number. Numbers from elsewhere are checked against [`FilterGeometry::cells`] where they are used.
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The cell's number.
    pub fn expose_number(self) -> u64 {
        self.0
    }
}

impl FilterGeometry {
    /// A geometry as a manifest gives it: `shard_bytes` is the length of each shard's file, header included.
    ///
    /// # Errors
    /// [`FilterError::ShardBits`], [`FilterError::ShardBytes`], [`FilterError::SeedHalves`].
    pub fn new(shard_bits: u8, shard_bytes: u64, seed: [u8; 32]) -> Result<Self, FilterError> {
        if shard_bits > MOST_SHARD_BITS {
            return Err(FilterError::ShardBits { shard_bits });
        }
        if shard_bytes <= HEADER_BYTES || shard_bytes > MOST_SHARD_BYTES {
            return Err(FilterError::ShardBytes { bytes: shard_bytes });
        }
        if seed[..16] == seed[16..] {
            return Err(FilterError::SeedHalves);
        }
        Ok(Self { shard_bits, shard_bytes, seed })
    }

    /// The geometry of a new generation: `cells_per_record × capacity` cells, at least [`LEAST_CELLS`], rounded up to
    /// whole bytes in every shard.
    ///
    /// # Errors
    /// As [`FilterGeometry::new`].
    pub fn for_capacity(
        cells_per_record: u32,
        capacity: u64,
        shard_bits: u8,
        seed: [u8; 32],
    ) -> Result<Self, FilterError> {
        let wanted = u64::from(cells_per_record).saturating_mul(capacity).max(LEAST_CELLS);
        let bytes = wanted.div_ceil(8).div_ceil(1 << shard_bits.min(MOST_SHARD_BITS));
        Self::new(shard_bits, bytes.saturating_add(HEADER_BYTES), seed)
    }

    /// Bits of the shard number.
    pub fn shard_bits(&self) -> u8 {
        self.shard_bits
    }

    /// Number of shards.
    pub fn shards(&self) -> u32 {
        1 << self.shard_bits
    }

    /// Length of each shard's file in bytes, header included.
    pub fn shard_bytes(&self) -> u64 {
        self.shard_bytes
    }

    /// The filter's seed.
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// Cells in a shard.
    pub fn shard_cells(&self) -> u64 {
        8 * (self.shard_bytes - HEADER_BYTES)
    }

    /// Cells in all.
    pub fn cells(&self) -> u64 {
        self.shard_cells() << self.shard_bits
    }

    /// The shard an item falls into. Who fetches one shard of several tells this much, and it counts with the bucket.
    pub fn shard(&self, item: &FilterItem) -> u32 {
        item.shard(self.shard_bits)
    }

    /// The cell an item falls into: `SipHash-1-3(first half of the seed, item) mod cells of a shard`, in the item's shard.
    pub fn cell(&self, item: &FilterItem) -> Cell {
        let mut key = [0u8; 16];
        key.copy_from_slice(&self.seed[..16]);
        let mut sip = SipHasher13::new_with_key(&key);
        sip.write(item.hashed());
        Cell(u64::from(item.shard(self.shard_bits)) * self.shard_cells() + sip.finish() % self.shard_cells())
    }

    /// The header of every shard's file.
    pub fn header(&self) -> [u8; HEADER_BYTES as usize] {
        let mut header = [0u8; HEADER_BYTES as usize];
        header[0] = FORMAT_VERSION;
        header[1..9].copy_from_slice(&(self.shard_bytes - HEADER_BYTES).to_le_bytes());
        header[9..13].copy_from_slice(&HASHES.to_le_bytes());
        header[13..].copy_from_slice(&self.seed);
        header
    }

    fn check_file(&self, file: &[u8]) -> Result<(), FilterError> {
        let got = file.len() as u64;
        if got != self.shard_bytes {
            return Err(FilterError::Length { want: self.shard_bytes, got });
        }
        let want = self.header();
        let fields = [("version", 0..1), ("length", 1..9), ("k", 9..13), ("seed", 13..HEADER_BYTES as usize)];
        for (field, range) in fields {
            if file[range.clone()] != want[range] {
                return Err(FilterError::Header { field });
            }
        }
        Ok(())
    }
}

/// What the manifest says of a shard's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardDigest {
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
    /// Root of the RFC 6962 tree over the file's blocks.
    pub root: NodeHash,
}

impl ShardDigest {
    /// Hashes a file.
    pub fn of(file: &[u8]) -> Self {
        Self {
            sha256: Sha256::digest(file).into(),
            root: merkle::root(file.chunks(BLOCK_BYTES).map(merkle::leaf_hash)),
        }
    }
}

/// Whether a bit is set; false where there is none.
fn is_set(bits: &[u8], at: u64) -> bool {
    let byte = usize::try_from(at / 8).ok().and_then(|byte| bits.get(byte));
    byte.is_some_and(|byte| byte & (1 << (at % 8)) != 0)
}

/// A shard whose file was checked: it can be asked.
pub struct FilterShard {
    geometry: FilterGeometry,
    shard: u32,
    file: Vec<u8>,
}

impl core::fmt::Debug for FilterShard {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("FilterShard").field("shard", &self.shard).finish_non_exhaustive()
    }
}

impl FilterShard {
    /// Checks a fetched file against the manifest, then parses it: length, header, SHA-256, tree root.
    ///
    /// # Errors
    /// [`FilterError`]: the first check that fails.
    pub fn open(
        geometry: &FilterGeometry,
        shard: u32,
        digest: &ShardDigest,
        file: Vec<u8>,
    ) -> Result<Self, FilterError> {
        geometry.check_file(&file)?;
        let got = ShardDigest::of(&file);
        if got.sha256 != digest.sha256 {
            return Err(FilterError::Digest);
        }
        if got.root != digest.root {
            return Err(FilterError::Root);
        }
        Ok(Self { geometry: *geometry, shard, file })
    }

    /// Whether the item's cell is set. None when the item falls into another shard.
    pub fn contains(&self, item: &FilterItem) -> Option<bool> {
        if self.geometry.shard(item) != self.shard {
            return None;
        }
        let within = self.geometry.cell(item).0 - u64::from(self.shard) * self.geometry.shard_cells();
        Some(is_set(&self.file[HEADER_BYTES as usize..], within))
    }
}

/// The bits of a whole filter while it is built. Cells are only ever set.
#[derive(Clone, Debug)]
pub struct FilterBits {
    geometry: FilterGeometry,
    /// Shard after shard, without headers.
    bits: Vec<u8>,
    set: u64,
}

impl FilterBits {
    /// An empty filter. Memory: an eighth of a byte a cell.
    pub fn new(geometry: FilterGeometry) -> Self {
        let bytes = usize::try_from(geometry.cells() / 8).unwrap_or(usize::MAX);
        Self { geometry, bits: vec![0; bytes], set: 0 }
    }

    /// Sets a cell; true when it was not set before. A number outside of the geometry is refused as false.
    pub fn set(&mut self, cell: Cell) -> bool {
        let Some(byte) = usize::try_from(cell.0 / 8).ok().and_then(|i| self.bits.get_mut(i)) else { return false };
        let mask = 1 << (cell.0 % 8);
        let fresh = *byte & mask == 0;
        *byte |= mask;
        self.set += u64::from(fresh);
        fresh
    }

    /// Whether a cell is set.
    pub fn is_set(&self, cell: Cell) -> bool {
        is_set(&self.bits, cell.0)
    }

    /// Cells set.
    pub fn count(&self) -> u64 {
        self.set
    }

    /// The geometry it was made for.
    pub fn geometry(&self) -> &FilterGeometry {
        &self.geometry
    }

    /// The files, one for each shard in order.
    pub fn files(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        let header = self.geometry.header();
        let shard_len = self.bits.len() >> self.geometry.shard_bits;
        self.bits.chunks_exact(shard_len).map(move |bits| [&header[..], bits].concat())
    }
}

#[cfg(test)]
mod tests;
