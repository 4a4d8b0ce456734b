//! Proofs that a leaf is in a log (C2SP tlog-proof).

use super::MAX_PROOF_BYTES;
use super::checkpoint::{CheckpointError, SignedCheckpoint, VerifiedCheckpoint};
use super::policy::Policy;
use crate::encoding::{base64, decimal, from_base64};
use crate::merkle::{NodeHash, leaf_hash, root_from_path};

#[cfg(test)]
mod tests;

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Longest path in a tree, in hashes: one for each of the 64 bits of an index.
const MAX_HASHES: usize = 64;

/// Why a tlog-proof was not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Longer than [`MAX_PROOF_BYTES`].
    #[error("the log proof has {bytes} bytes, more than the {MAX_PROOF_BYTES} that are read")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// A line that is not what it should be.
    #[error("log proof, line {line}: expected {expected}")]
    Malformed {
        /// The line, from 1.
        line: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// The checkpoint in it is malformed or does not satisfy the policy.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The index lies outside the tree.
    #[error("the log proof is for entry {index}, but the checkpoint has {size} entries")]
    IndexOutside {
        /// The index, from 0.
        index: u64,
        /// The checkpoint's size.
        size: u64,
    },
    /// The hashes do not lead from the leaf to the root: it is another leaf, or it is not in the log.
    #[error("the log proof does not show this entry at position {index} of the log")]
    NotIncluded {
        /// The index, from 0.
        index: u64,
    },
}

/// A tlog-proof as it was received: well-formed, and nothing verified.
#[derive(Clone, Debug, PartialEq)]
pub struct TlogProof {
    extra: Option<Vec<u8>>,
    index: u64,
    hashes: Vec<NodeHash>,
    checkpoint: SignedCheckpoint,
}

/// That a leaf is in a log that a policy trusts. Comes from [`TlogProof::verify`] alone.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedInclusion {
    index: u64,
    leaf_hash: NodeHash,
    checkpoint: VerifiedCheckpoint,
}

impl VerifiedInclusion {
    /// The leaf's index, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The hash of the leaf ([`leaf_hash`](crate::merkle::leaf_hash)).
    pub fn leaf_hash(&self) -> NodeHash {
        self.leaf_hash
    }

    /// The checkpoint whose tree holds the leaf.
    pub fn checkpoint(&self) -> &VerifiedCheckpoint {
        &self.checkpoint
    }
}

impl TlogProof {
    /// The proof that the leaf `index` is in the tree of `checkpoint`: `hashes` is the path from the leaf's sibling
    /// upwards. Nothing is verified.
    pub fn new(index: u64, hashes: Vec<NodeHash>, checkpoint: SignedCheckpoint) -> Self {
        Self { extra: None, index, hashes, checkpoint }
    }

    /// Parses a tlog-proof. Nothing is verified but the form, the checkpoint's included.
    ///
    /// # Errors
    /// [`ProofError::TooLarge`], [`ProofError::Malformed`], and the form variants of [`CheckpointError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofError> {
        if bytes.len() > MAX_PROOF_BYTES {
            return Err(ProofError::TooLarge { bytes: bytes.len() });
        }
        let mut lines = Lines { rest: bytes, line: 0 };
        if lines.next()? != HEADER.as_bytes() {
            return Err(lines.expected("\"c2sp.org/tlog-proof@v1\""));
        }
        let mut line = lines.next()?;
        let mut extra = None;
        if let Some(data) = line.strip_prefix(b"extra ") {
            let data = from_base64(data).filter(|data| !data.is_empty());
            extra = Some(data.ok_or(lines.expected("\"extra\" and data in standard base64"))?);
            line = lines.next()?;
        }
        let index = line.strip_prefix(b"index ").and_then(decimal);
        let index = index.ok_or(lines.expected("\"index\" and the entry's number in decimal"))?;
        let mut hashes = Vec::new();
        loop {
            let line = lines.next()?;
            if line.is_empty() {
                break;
            }
            if hashes.len() == MAX_HASHES {
                return Err(lines.expected("an empty line: no path has more than 64 hashes"));
            }
            let hash = from_base64(line).and_then(|hash| <NodeHash>::try_from(hash).ok());
            hashes.push(hash.ok_or(lines.expected("a SHA-256 hash in standard base64, or an empty line"))?);
        }
        Ok(Self { extra, index, hashes, checkpoint: SignedCheckpoint::parse(lines.rest)? })
    }

    /// Writes the proof. Gives back the very bytes that [`TlogProof::parse`] read.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = format!("{HEADER}\n");
        if let Some(extra) = &self.extra {
            out.push_str(&format!("extra {}\n", base64(extra)));
        }
        out.push_str(&format!("index {}\n", self.index));
        for hash in &self.hashes {
            out.push_str(&format!("{}\n", base64(hash)));
        }
        out.push('\n');
        let mut out = out.into_bytes();
        out.extend_from_slice(self.checkpoint.as_bytes());
        out
    }

    /// The index of the entry, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The path, the leaf's sibling first.
    pub fn hashes(&self) -> &[NodeHash] {
        &self.hashes
    }

    /// The extra data, if any. It is authenticated by nothing, and unused here.
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }

    /// The checkpoint, not verified.
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// Verifies that exactly these bytes are a leaf of a log that the policy trusts, seen by a quorum of its
    /// witnesses (tlog-proof, "Verifying a tlog proof").
    ///
    /// # Errors
    /// The trust variants of [`CheckpointError`], [`ProofError::IndexOutside`], [`ProofError::NotIncluded`].
    pub fn verify(&self, policy: &Policy, leaf: &[u8]) -> Result<VerifiedInclusion, ProofError> {
        let leaf_hash = leaf_hash(leaf);
        let checkpoint = self.checkpoint.verify(policy)?;
        let (index, head) = (self.index, checkpoint.head());
        if index >= head.size {
            return Err(ProofError::IndexOutside { index, size: head.size });
        }
        if root_from_path(leaf_hash, index, head.size, &self.hashes) != Some(head.root) {
            return Err(ProofError::NotIncluded { index });
        }
        Ok(VerifiedInclusion { index, leaf_hash, checkpoint })
    }
}

struct Lines<'a> {
    rest: &'a [u8],
    line: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Result<&'a [u8], ProofError> {
        self.line += 1;
        let end = self.rest.iter().position(|&b| b == b'\n');
        let end = end.ok_or(self.expected("a line that ends with a newline"))?;
        let (line, rest) = self.rest.split_at(end);
        self.rest = &rest[1..];
        Ok(line)
    }

    fn expected(&self, expected: &'static str) -> ProofError {
        ProofError::Malformed { line: self.line, expected }
    }
}
