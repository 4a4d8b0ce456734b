//! The logs that a witness follows.

use ceknik_core::encoding::hex;
use ceknik_core::log::{
    CheckpointError, KeyType, Policy, PolicyError, SignedCheckpoint, VerifiedCheckpoint, VerifierKey,
};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::Refusal;

/// Why logs cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FollowedError {
    /// None at all.
    #[error("no log to follow was given")]
    None,
    /// A key that is not verified here.
    #[error("the key of the log {origin:?} is not an Ed25519 note key (type 0x01), and no other is verified")]
    KeyType {
        /// The key's name.
        origin: String,
    },
    /// A key was given twice, or two that cannot be told apart.
    #[error("the logs cannot be followed together: {0}")]
    Together(PolicyError),
}

/// The logs that a witness follows, each by its key. A log may have several keys under one name.
#[derive(Clone, Debug)]
pub struct Followed {
    policy: Policy,
}

impl Followed {
    /// Logs with these keys.
    ///
    /// # Errors
    /// [`FollowedError`].
    pub fn new(keys: impl IntoIterator<Item = VerifierKey>) -> Result<Self, FollowedError> {
        let mut text = String::new();
        for key in keys {
            if key.key_type() != KeyType::Ed25519 {
                return Err(FollowedError::KeyType { origin: key.name().to_owned() });
            }
            text.push_str(&format!("log {key}\n"));
        }
        if text.is_empty() {
            return Err(FollowedError::None);
        }
        text.push_str("quorum none\n");
        let policy = Policy::parse(text.as_bytes()).map_err(FollowedError::Together)?;
        Ok(Self { policy })
    }

    /// Their keys, in the order given.
    pub fn keys(&self) -> impl Iterator<Item = &VerifierKey> {
        self.policy.logs().iter().map(|log| log.key())
    }

    /// Verifies that a followed log signed a checkpoint. Signatures of others are passed over.
    pub(super) fn verify(&self, checkpoint: &SignedCheckpoint) -> Result<VerifiedCheckpoint, Refusal> {
        checkpoint.verify(&self.policy).map_err(|error| match error {
            CheckpointError::UnknownOrigin { origin } => Refusal::UnknownLog { origin },
            error => Refusal::NotSigned(error),
        })
    }

    /// The note of a verified checkpoint with its log's signatures and a witness's line, and no others: what strangers added to
    /// what they sent is neither kept nor shown.
    pub(super) fn alone(&self, checkpoint: &VerifiedCheckpoint, line: &[u8]) -> Result<SignedCheckpoint, Refusal> {
        let malformed = Refusal::NotSigned;
        let mut note = [checkpoint.text(), b"\n"].concat();
        for signature in checkpoint.as_bytes()[checkpoint.text().len() + 1..].split_inclusive(|&byte| byte == b'\n') {
            let alone = SignedCheckpoint::parse(&[checkpoint.text(), b"\n", signature].concat()).map_err(malformed)?;
            if alone.verify(&self.policy).is_ok() {
                note.extend_from_slice(signature);
            }
        }
        note.extend_from_slice(line);
        SignedCheckpoint::parse(&note).map_err(malformed)
    }

    /// The log whose name has this hash.
    pub(super) fn origin_of(&self, hash: &str) -> Option<&str> {
        self.keys().map(VerifierKey::name).find(|origin| origin_hash(origin) == hash)
    }
}

/// SHA-256 of a log's name in lower-case hex: how its files and addresses are named (tlog-witness, "Monitor Retrieval").
pub(super) fn origin_hash(origin: &str) -> String {
    hex(&Sha256::digest(origin.as_bytes()))
}
