//! From bytes that somebody sent to a manifest that is believed.

use std::sync::Arc;

use thiserror::Error;

use super::{CLOCK_SKEW_SECONDS, Manifest, ManifestError, manifest_sha256};
use crate::log::{Policy, ProofError, TlogProof, VerifiedCheckpoint};
use crate::time::Timestamp;

/// A manifest that parses and agrees with itself. Anybody could have written it.
#[derive(Clone, Debug)]
pub struct UnverifiedManifest(Arc<Parsed>);

/// Some kilobytes, which are handed on as they are.
#[derive(Debug)]
struct Parsed {
    bytes: Vec<u8>,
    manifest: Manifest,
}

/// A manifest that is in the log which the verifier's policy names, under a checkpoint with that policy's quorum.
#[derive(Clone, Debug)]
pub struct VerifiedManifest {
    parsed: Arc<Parsed>,
    proof: Vec<u8>,
    index: u64,
    checkpoint: VerifiedCheckpoint,
}

/// Why a manifest is not believed.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// The proof does not show the manifest in a log of the policy.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The manifest names another log than the one that it is in.
    #[error("the manifest names another log than the one that it was found in")]
    Origin,
}

/// Why a manifest that is believed does not answer for the present.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum FreshnessError {
    /// Past its validity.
    #[error("the list expired at {valid_until} and no newer one was given")]
    Expired {
        /// Of the manifest.
        valid_until: Timestamp,
    },
    /// Published in the reader's future.
    #[error("the list was published at {published_at}, which lies ahead: the clock of this device may be wrong")]
    Ahead {
        /// Of the manifest.
        published_at: Timestamp,
    },
    /// The stretch is marked weak, and the reader was not told to accept that.
    #[error("the list has a weak stretch, for tests only: it protects nobody")]
    Weak,
}

impl UnverifiedManifest {
    /// Parses exact bytes, strictly.
    ///
    /// # Errors
    /// As [`Manifest::parse`].
    pub fn parse(bytes: Vec<u8>) -> Result<Self, ManifestError> {
        let manifest = Manifest::parse(&bytes)?;
        Ok(Self(Arc::new(Parsed { bytes, manifest })))
    }

    /// What the bytes claim.
    pub fn claimed(&self) -> &Manifest {
        &self.0.manifest
    }

    /// SHA-256 of the exact bytes.
    pub fn sha256(&self) -> [u8; 32] {
        manifest_sha256(&self.0.bytes)
    }

    /// Verifies the manifest's tlog-proof under `policy`: log signature, quorum, inclusion, origin (spec, step 9).
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(self, policy: &Policy, proof: &TlogProof) -> Result<VerifiedManifest, VerifyError> {
        let inclusion = proof.verify(policy, &self.0.bytes)?;
        if inclusion.checkpoint().origin() != self.0.manifest.log {
            return Err(VerifyError::Origin);
        }
        Ok(VerifiedManifest {
            parsed: self.0,
            proof: proof.to_bytes(),
            index: inclusion.index(),
            checkpoint: inclusion.checkpoint().clone(),
        })
    }
}

impl VerifiedManifest {
    /// What the manifest says.
    pub fn manifest(&self) -> &Manifest {
        &self.parsed.manifest
    }

    /// The exact bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.parsed.bytes
    }

    /// The tlog-proof that it was verified by.
    pub fn proof(&self) -> &[u8] {
        &self.proof
    }

    /// SHA-256 of the exact bytes.
    pub fn sha256(&self) -> [u8; 32] {
        manifest_sha256(&self.parsed.bytes)
    }

    /// Its place in the log, from 0.
    pub fn log_index(&self) -> u64 {
        self.index
    }

    /// The checkpoint that it was verified under.
    pub fn checkpoint(&self) -> &VerifiedCheckpoint {
        &self.checkpoint
    }

    /// Whether the manifest answers for the present: neither expired nor ahead, and not weak unless that is accepted.
    ///
    /// # Errors
    /// [`FreshnessError`].
    pub fn check_fresh(&self, now: Timestamp, accept_weak: bool) -> Result<(), FreshnessError> {
        let Manifest { published_at, valid_until, .. } = *self.manifest();
        if self.manifest().stretch.cost.weak && !accept_weak {
            return Err(FreshnessError::Weak);
        }
        if published_at.unix() > now.unix() + CLOCK_SKEW_SECONDS {
            return Err(FreshnessError::Ahead { published_at });
        }
        if now > valid_until {
            return Err(FreshnessError::Expired { valid_until });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
