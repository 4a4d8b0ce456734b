//! The transparency log, from a verifier's and a signer's side (spec, step 9).
//!
//! The formats are the public ones of [C2SP](https://c2sp.org): signed-note, tlog-checkpoint, tlog-cosignature,
//! tlog-policy, tlog-proof and tlog-tiles. Hashes are SHA-256 in the tree of RFC 6962, section 2.1.
//!
//! In scope: is this leaf in the log that the policy names, and did enough witnesses see it ([`TlogProof::verify`]);
//! does a newer checkpoint extend an older one ([`ConsistencyCheck`]); which tiles say so and are they genuine
//! ([`TilePlan`]); signing checkpoints ([`LogSigner`]) and cosigning them ([`Cosigner`]). Not in scope: fetching or
//! storing anything, the state that a witness must keep, and the meaning of a leaf.
//!
//! Tree sizes and indexes are `u64` everywhere; only what is counted within one tile is a `usize`.

use crate::merkle::NodeHash;

#[cfg(test)]
mod fixture;

mod checkpoint;
mod consistency;
mod cosignature;
mod note;
mod phrase;
mod policy;
mod proof;
mod signer;
mod tile;
mod tree;
mod vkey;

pub use checkpoint::{CheckpointError, SignedCheckpoint, TreeHead, VerifiedCheckpoint, Witnessed};
pub use consistency::{ConsistencyCheck, ConsistencyError, MAX_CONSISTENCY_HASHES, proves_beginning};
pub use cosignature::Cosigner;
pub use phrase::CheckpointPhrase;
pub use policy::{Policy, PolicyError, PolicyFault, PolicyLog, PolicyWitness, QuorumShortfall};
pub use proof::{ProofError, TlogProof, VerifiedInclusion};
pub use signer::{LogSigner, NoteKeyError};
pub use tile::{BundleError, BundleId, TILE_HASHES, TileId, append_entry, parse_bundle};
pub use tree::{AppendedLeaf, AuthenticTiles, TileError, TilePlan};
pub(crate) use vkey::check_name;
pub use vkey::{KeyType, VerifierKey, VkeyError};

/// Longest policy read, in bytes: room for several times the 32 logs, 32 witnesses and 32 groups that tlog-policy
/// wants supported, with ML-DSA keys of 1.8 KB each.
pub const MAX_POLICY_BYTES: usize = 256 * 1024;

/// Longest checkpoint read, in bytes: signed-note wants 16 signatures supported, of up to 5 kB each.
pub const MAX_CHECKPOINT_BYTES: usize = 128 * 1024;

/// Longest tlog-proof read, in bytes: a checkpoint, 64 hashes of 45 bytes, and the rest for extra data.
pub const MAX_PROOF_BYTES: usize = MAX_CHECKPOINT_BYTES + 64 * 1024;

/// Longest leaf, in bytes: entry bundles of tlog-tiles give each a length of two bytes.
pub const MAX_LEAF_BYTES: usize = 65_535;

/// Largest tree believed to be one. Positions in a tree are counted with up to twice this number, so that it leaves
/// every sum within `u64`.
pub const MAX_TREE_SIZE: u64 = 1 << 62;

/// Longest origin line and key name, in bytes: the cosigned message of ML-DSA keys has no room for a longer one.
pub const MAX_ORIGIN_BYTES: usize = 255;

/// Root of the empty tree: the SHA-256 of nothing (RFC 6962, section 2.1).
pub const EMPTY_ROOT: NodeHash = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];
