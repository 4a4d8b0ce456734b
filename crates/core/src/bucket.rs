//! Buckets and their responses (spec, step 7).
//!
//! ```text
//! response  = hashes (u8) || hash × hashes || length (u32 BE) || entries || zeros up to response_bytes
//! entries   = (locator (16) || sealed (payload_bytes + 16)) × n, strictly ascending by locator
//! ```

use thiserror::Error;

use crate::merkle::{self, NodeHash};
use crate::record::{LOCATOR_BYTES, Locator, MOST_PAYLOAD_BYTES, TAG_BYTES};

/// Most bits of a bucket number.
pub const MOST_BUCKET_BITS: u8 = 24;
/// Most bytes of a response that a client fetches: 16 MiB.
pub const MOST_RESPONSE_BYTES: u32 = 16 << 20;
/// Responses are padded to a multiple of this, so that an epoch's constant does not tell its fullest bucket.
pub const RESPONSE_STEP: u32 = 4096;

/// Why a bucket response is not believed.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BucketError {
    /// Geometry out of bounds.
    #[error("{what} is out of bounds")]
    Geometry {
        /// Which figure.
        what: &'static str,
    },
    /// The number of the bucket is not below 2^bits.
    #[error("bucket {index} of {count}")]
    Index {
        /// As asked.
        index: u32,
        /// Buckets of the epoch.
        count: u32,
    },
    /// The response is not as long as the epoch's constant.
    #[error("the bucket response is {got} bytes long, the manifest says {want}")]
    ResponseLength {
        /// In the manifest.
        want: u32,
        /// As fetched.
        got: u64,
    },
    /// The number of hashes is not the number of bits.
    #[error("the bucket response holds {got} proof hashes, the tree has {want} levels")]
    Hashes {
        /// Bits of a bucket number.
        want: u8,
        /// In the response.
        got: u8,
    },
    /// The entries are not whole, or longer than the response.
    #[error("the bucket's entries are {bytes} bytes long, which is no whole number of entries that fits")]
    EntriesLength {
        /// As in the response.
        bytes: u32,
    },
    /// A byte of the padding is not zero.
    #[error("the bucket response's padding is not zero")]
    Padding,
    /// The path does not lead to the manifest's root.
    #[error("the bucket does not belong to the manifest's tree")]
    Root,
    /// An entry is not above the one before, or belongs to another bucket.
    #[error("entry {place} of the bucket is out of order or belongs to another bucket")]
    Order {
        /// From 0.
        place: usize,
    },
    /// More entries than `response_bytes` has room for.
    #[error("a bucket of {bytes} bytes does not fit into a response of {response_bytes}")]
    TooFull {
        /// Of the entries.
        bytes: usize,
        /// Of the epoch.
        response_bytes: u32,
    },
}

/// The figures that the manifest gives for an epoch's buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketGeometry {
    bits: u8,
    payload_bytes: u32,
    response_bytes: u32,
}

impl BucketGeometry {
    /// Checks the figures.
    ///
    /// # Errors
    /// [`BucketError::Geometry`]: more than 24 bits, a payload outside of 32 to 4096 bytes, a response that has no room
    /// for its own proof or exceeds 16 MiB.
    pub fn new(bits: u8, payload_bytes: u32, response_bytes: u32) -> Result<Self, BucketError> {
        let geometry = Self { bits, payload_bytes, response_bytes };
        if bits > MOST_BUCKET_BITS {
            return Err(BucketError::Geometry { what: "buckets.bits" });
        }
        if !(crate::record::LEAST_PAYLOAD_BYTES..=MOST_PAYLOAD_BYTES).contains(&payload_bytes) {
            return Err(BucketError::Geometry { what: "buckets.payload_bytes" });
        }
        if response_bytes < geometry.frame_bytes() || response_bytes > MOST_RESPONSE_BYTES {
            return Err(BucketError::Geometry { what: "buckets.response_bytes" });
        }
        Ok(geometry)
    }

    /// The geometry whose responses have room for `fullest` entries, and no more than the step that they are padded to.
    ///
    /// # Errors
    /// As [`BucketGeometry::new`].
    pub fn for_fullest(bits: u8, payload_bytes: u32, fullest: u64) -> Result<Self, BucketError> {
        let bare = Self { bits, payload_bytes, response_bytes: 0 };
        let bytes = fullest.saturating_mul(bare.entry_bytes() as u64).saturating_add(u64::from(bare.frame_bytes()));
        let response_bytes = bytes
            .checked_next_multiple_of(u64::from(RESPONSE_STEP))
            .and_then(|bytes| u32::try_from(bytes).ok())
            .ok_or(BucketError::Geometry { what: "buckets.response_bytes" })?;
        Self::new(bits, payload_bytes, response_bytes)
    }

    /// Bits of a bucket number.
    pub fn bits(&self) -> u8 {
        self.bits
    }

    /// Number of buckets.
    pub fn count(&self) -> u32 {
        1 << self.bits
    }

    /// Bytes of a payload.
    pub fn payload_bytes(&self) -> u32 {
        self.payload_bytes
    }

    /// Bytes of every response.
    pub fn response_bytes(&self) -> u32 {
        self.response_bytes
    }

    /// Bytes of an entry: locator and sealed payload.
    pub fn entry_bytes(&self) -> usize {
        LOCATOR_BYTES + self.payload_bytes as usize + TAG_BYTES
    }

    fn frame_bytes(&self) -> u32 {
        1 + 32 * u32::from(self.bits) + 4
    }

    /// Lays a response out: the proof, the entries, the padding.
    ///
    /// # Errors
    /// [`BucketError::TooFull`]; [`BucketError::Hashes`] when the path is not of this tree.
    pub fn encode_response(&self, path: &[NodeHash], entries: &[u8]) -> Result<Vec<u8>, BucketError> {
        let hashes = u8::try_from(path.len()).unwrap_or(u8::MAX);
        if hashes != self.bits {
            return Err(BucketError::Hashes { want: self.bits, got: hashes });
        }
        let too_full = BucketError::TooFull { bytes: entries.len(), response_bytes: self.response_bytes };
        let length =
            u32::try_from(entries.len()).map_err(|_| BucketError::Geometry { what: "buckets.response_bytes" })?;
        if length > self.response_bytes - self.frame_bytes() {
            return Err(too_full);
        }
        let mut out = Vec::with_capacity(self.response_bytes as usize);
        out.push(hashes);
        out.extend(path.iter().flatten());
        out.extend(length.to_be_bytes());
        out.extend(entries);
        out.resize(self.response_bytes as usize, 0);
        Ok(out)
    }

    /// Checks a response from outside in every point: length, hashes, padding, tree, order, prefix.
    ///
    /// # Errors
    /// [`BucketError`]: the first check that fails.
    pub fn open_response(&self, index: u32, root: &NodeHash, response: &[u8]) -> Result<Bucket, BucketError> {
        if index >= self.count() {
            return Err(BucketError::Index { index, count: self.count() });
        }
        if response.len() as u64 != u64::from(self.response_bytes) {
            return Err(BucketError::ResponseLength { want: self.response_bytes, got: response.len() as u64 });
        }
        let (hashes, rest) = (response[0], &response[1..]);
        if hashes != self.bits {
            return Err(BucketError::Hashes { want: self.bits, got: hashes });
        }
        let (path, rest) = rest.split_at(32 * usize::from(hashes));
        let (path, _) = path.as_chunks::<32>();
        let (length, rest) = rest.split_at(4);
        let length = length.iter().fold(0u32, |n, byte| n << 8 | u32::from(*byte));
        let entries_len = length as usize;
        if entries_len > rest.len() || !entries_len.is_multiple_of(self.entry_bytes()) {
            return Err(BucketError::EntriesLength { bytes: length });
        }
        let (entries, padding) = rest.split_at(entries_len);
        if padding.iter().any(|byte| *byte != 0) {
            return Err(BucketError::Padding);
        }
        let leaf = merkle::leaf_hash(entries);
        if merkle::root_from_path(leaf, u64::from(index), u64::from(self.count()), path) != Some(*root) {
            return Err(BucketError::Root);
        }
        self.check_entries(index, entries)?;
        Ok(Bucket { geometry: *self, entries: entries.to_vec() })
    }

    /// Checks that entries are strictly ascending and all belong to bucket `index`. `entries` is a whole number of them.
    ///
    /// # Errors
    /// [`BucketError::Order`].
    pub fn check_entries(&self, index: u32, entries: &[u8]) -> Result<(), BucketError> {
        let mut before = None;
        for (place, entry) in entries.chunks_exact(self.entry_bytes()).enumerate() {
            let mut bytes = [0u8; LOCATOR_BYTES];
            bytes.copy_from_slice(&entry[..LOCATOR_BYTES]);
            let locator = Locator::from_bytes(bytes);
            if before.is_some_and(|before| before >= locator) || locator.bucket(self.bits) != index {
                return Err(BucketError::Order { place });
            }
            before = Some(locator);
        }
        Ok(())
    }
}

/// The entries of a bucket that was verified.
#[derive(Clone)]
pub struct Bucket {
    geometry: BucketGeometry,
    entries: Vec<u8>,
}

impl core::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Bucket").field("entries", &self.len()).finish_non_exhaustive()
    }
}

impl Bucket {
    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len() / self.geometry.entry_bytes()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries in order: locator and sealed record. For publishers and auditors, who go through whole tables.
    pub fn into_entries(self) -> Vec<(Locator, Vec<u8>)> {
        let entry = |entry: &[u8]| {
            let mut locator = [0u8; LOCATOR_BYTES];
            locator.copy_from_slice(&entry[..LOCATOR_BYTES]);
            (Locator::from_bytes(locator), entry[LOCATOR_BYTES..].to_vec())
        };
        self.entries.chunks_exact(self.geometry.entry_bytes()).map(entry).collect()
    }

    /// The sealed record under a locator. None is an answer: no record is stored under it.
    pub fn find(&self, locator: &Locator) -> Option<&[u8]> {
        // Every entry is compared, so that the time tells no neighbour on the device where in the bucket the person stands.
        let mut found = None;
        for entry in self.entries.chunks_exact(self.geometry.entry_bytes()) {
            let (key, sealed) = entry.split_at(LOCATOR_BYTES);
            if locator.ct_eq(key) {
                found = Some(sealed);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests;
