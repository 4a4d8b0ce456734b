//! Checkpoints: signed statements of a log's size and root (C2SP tlog-checkpoint, signed-note).

use std::sync::Arc;

use super::cosignature::verify_cosignature;
use super::note::{CheckpointText, SignatureLine, parse_note};
use super::policy::{Policy, QuorumShortfall};
use super::vkey::{KeyType, VerifierKey};
use super::{EMPTY_ROOT, MAX_CHECKPOINT_BYTES, MAX_ORIGIN_BYTES, MAX_TREE_SIZE};
use crate::encoding::{base64, escaped};
use crate::merkle::NodeHash;

#[cfg(test)]
mod tests;

/// Size and root of a tree: what a checkpoint states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeHead {
    /// Number of leaves.
    pub size: u64,
    /// Root hash (RFC 6962, section 2.1).
    pub root: NodeHash,
}

/// Why a checkpoint was not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Longer than [`MAX_CHECKPOINT_BYTES`].
    #[error("the checkpoint has {bytes} bytes, more than the {MAX_CHECKPOINT_BYTES} that are read")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Not a signed note, or not written as one is written.
    #[error("the checkpoint is not a signed note")]
    MalformedNote,
    /// A signed note whose text is no checkpoint.
    #[error("the note's text is not a checkpoint: origin, size and root, a line each")]
    MalformedText,
    /// An origin line that no key could have as its name.
    #[error("the checkpoint's origin has more than {MAX_ORIGIN_BYTES} bytes")]
    OriginTooLong,
    /// A size that no log has.
    #[error("the checkpoint's size {size} is more than any log has")]
    SizeTooLarge {
        /// The size.
        size: u64,
    },
    /// Size 0, but not the root of the empty tree.
    #[error("the checkpoint has size 0, but its root is not that of the empty tree")]
    EmptyRoot,
    /// The policy names no log with this origin.
    #[error("the policy names no log with the origin \"{}\"", escaped(origin.as_bytes()))]
    UnknownOrigin {
        /// The checkpoint's first line.
        origin: String,
    },
    /// The policy's keys for this origin are of algorithms that are not verified here.
    #[error("the policy's key for the log \"{}\" is not an Ed25519 note key (type 0x01)", escaped(origin.as_bytes()))]
    UnsupportedLogKey {
        /// The checkpoint's first line.
        origin: String,
    },
    /// No signature by the log's key.
    #[error("the checkpoint is not signed by the policy's key for the log \"{}\"", escaped(origin.as_bytes()))]
    NoLogSignature {
        /// The checkpoint's first line.
        origin: String,
    },
    /// A signature under the log key's name and ID that is not its signature.
    #[error("the signature of the log \"{}\" on the checkpoint is false", escaped(origin.as_bytes()))]
    BadLogSignature {
        /// The checkpoint's first line.
        origin: String,
    },
    /// A cosignature under the name and ID of a witness's key that is not its cosignature.
    #[error("the cosignature of the witness \"{}\" on the checkpoint is false", escaped(key_name.as_bytes()))]
    BadCosignature {
        /// The name of the witness's key.
        key_name: String,
    },
    /// Too few witnesses cosigned.
    #[error("too few witnesses cosigned the checkpoint: {0}")]
    Quorum(QuorumShortfall),
}

/// A checkpoint as it was received: well-formed, and nothing known about its signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint(Arc<Parsed>);

/// Some kilobytes, which are handed on as they are.
#[derive(Debug, PartialEq, Eq)]
struct Parsed {
    note: Vec<u8>,
    text_bytes: usize,
    origin: String,
    head: TreeHead,
    extensions: Vec<String>,
    signatures: Vec<SignatureLine>,
}

impl SignedCheckpoint {
    /// Parses a signed note that holds a checkpoint. Signatures are not verified.
    ///
    /// # Errors
    /// The size and form variants of [`CheckpointError`].
    pub fn parse(note: &[u8]) -> Result<Self, CheckpointError> {
        let parsed = Self::parse_with_any_root(note)?;
        if parsed.0.head.size == 0 && parsed.0.head.root != EMPTY_ROOT {
            Err(CheckpointError::EmptyRoot)
        } else {
            Ok(parsed)
        }
    }

    /// As [`SignedCheckpoint::parse`], but for the root at size 0, of which nothing is asked: a witness looks at the signatures
    /// before it, and answers of its own (tlog-witness, "add-checkpoint").
    ///
    /// # Errors
    /// The size and form variants of [`CheckpointError`], all but [`CheckpointError::EmptyRoot`].
    pub fn parse_with_any_root(note: &[u8]) -> Result<Self, CheckpointError> {
        if note.len() > MAX_CHECKPOINT_BYTES {
            return Err(CheckpointError::TooLarge { bytes: note.len() });
        }
        let (text, signatures) = parse_note(note).ok_or(CheckpointError::MalformedNote)?;
        let checkpoint = CheckpointText::parse(text).ok_or(CheckpointError::MalformedText)?;
        if checkpoint.origin.len() > MAX_ORIGIN_BYTES {
            return Err(CheckpointError::OriginTooLong);
        }
        let head = TreeHead { size: checkpoint.size, root: checkpoint.root };
        if head.size > MAX_TREE_SIZE {
            return Err(CheckpointError::SizeTooLarge { size: head.size });
        }
        Ok(Self(Arc::new(Parsed {
            note: note.to_vec(),
            text_bytes: text.len(),
            origin: checkpoint.origin.to_owned(),
            head,
            extensions: checkpoint.extensions,
            signatures,
        })))
    }

    /// The text of a checkpoint without extension lines, final newline included.
    pub(super) fn text_for(origin: &str, head: &TreeHead) -> Vec<u8> {
        format!("{origin}\n{}\n{}\n", head.size, base64(&head.root)).into_bytes()
    }

    /// The log that this checkpoint claims to be of.
    pub fn origin(&self) -> &str {
        &self.0.origin
    }

    /// The size and root that it states.
    pub fn head(&self) -> TreeHead {
        self.0.head
    }

    /// Lines after the root. Logs should not have any; they mean nothing here.
    pub fn extensions(&self) -> &[String] {
        &self.0.extensions
    }

    /// The whole note, as it was parsed.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0.note
    }

    /// The text that is signed: origin, size, root and extension lines, each with its newline.
    pub fn text(&self) -> &[u8] {
        &self.0.note[..self.0.text_bytes]
    }

    /// This checkpoint with what a witness answered: `lines` are signature lines, of which the latest by `witness` that verifies
    /// takes the place of those that this checkpoint has of it. Others are passed over. Gives the time stated in it too; `None`
    /// when no line is of that key.
    ///
    /// # Errors
    /// [`CheckpointError::BadCosignature`] for a line under that key's name and ID that is not its cosignature on this checkpoint;
    /// the size and form variants for lines that are none.
    pub fn with_cosignature(
        &self,
        lines: &[u8],
        witness: &VerifierKey,
    ) -> Result<Option<(Self, u64)>, CheckpointError> {
        let answered = Self::parse_with_any_root(&[self.text(), b"\n", lines].concat())?;
        let mut latest: Option<(&SignatureLine, u64)> = None;
        for line in answered.0.signatures.iter().filter(|line| witness.signs_as(line)) {
            let time = verify_cosignature(witness, self.text(), &line.signature)
                .ok_or_else(|| CheckpointError::BadCosignature { key_name: witness.name().to_owned() })?;
            if latest.is_none_or(|(_, latest)| time > latest) {
                latest = Some((line, time));
            }
        }
        let Some((line, time)) = latest else { return Ok(None) };
        let mut note = [self.text(), b"\n"].concat();
        for other in self.0.signatures.iter().filter(|other| !witness.signs_as(other)) {
            note.extend_from_slice(&other.to_bytes());
        }
        note.extend_from_slice(&line.to_bytes());
        Ok(Some((Self::parse_with_any_root(&note)?, time)))
    }

    /// Verifies the log's signature, then all cosignatures by witnesses of the policy, then the quorum.
    ///
    /// Signatures under unknown names or IDs are ignored. A signature under the name and ID of a key of the policy
    /// that does not verify makes the whole checkpoint refused (signed-note, "Signatures"), save for keys of
    /// algorithms that are not verified here, which are as good as absent. A witness that cosigned twice counts once,
    /// with its latest time.
    ///
    /// # Errors
    /// The trust variants of [`CheckpointError`].
    pub fn verify(&self, policy: &Policy) -> Result<VerifiedCheckpoint, CheckpointError> {
        let log = Arc::new(self.verify_log(policy)?.clone());
        let witnesses = policy.witnesses();
        let mut times: Vec<Option<u64>> = vec![None; witnesses.len()];
        for line in &self.0.signatures {
            let Some(at) = witnesses.iter().position(|w| w.key().signs_as(line)) else {
                continue;
            };
            let key = witnesses[at].key();
            if key.key_type() != KeyType::Ed25519Cosignature {
                continue;
            }
            let time = verify_cosignature(key, self.text(), &line.signature)
                .ok_or_else(|| CheckpointError::BadCosignature { key_name: key.name().to_owned() })?;
            times[at] = times[at].max(Some(time));
        }
        let mut cosigned = vec![false; witnesses.len()];
        let mut witnessed = Vec::new();
        for (at, witness) in witnesses.iter().enumerate() {
            let Some(time) = times[at] else { continue };
            cosigned[at] = true;
            let key_name = witness.key().name().to_owned();
            witnessed.push(Witnessed { witness: witness.name().to_vec(), key_name, time });
        }
        policy.check_quorum(&cosigned).map_err(CheckpointError::Quorum)?;
        Ok(VerifiedCheckpoint { witnessed: witnessed.into(), signed: self.clone(), log })
    }

    /// The first key of the policy that signed.
    fn verify_log<'a>(&self, policy: &'a Policy) -> Result<&'a VerifierKey, CheckpointError> {
        let origin = || self.0.origin.clone();
        let keys: Vec<_> =
            policy.logs().iter().map(|log| log.key()).filter(|key| key.name() == self.0.origin).collect();
        if keys.is_empty() {
            return Err(CheckpointError::UnknownOrigin { origin: origin() });
        }
        if keys.iter().all(|key| key.key_type() != KeyType::Ed25519) {
            return Err(CheckpointError::UnsupportedLogKey { origin: origin() });
        }
        let mut signed = None;
        for line in &self.0.signatures {
            let Some(key) = keys.iter().find(|key| key.signs_as(line)) else {
                continue;
            };
            if key.key_type() != KeyType::Ed25519 {
                continue;
            }
            if !key.verify_ed25519(self.text(), &line.signature) {
                return Err(CheckpointError::BadLogSignature { origin: origin() });
            }
            signed = signed.or(Some(*key));
        }
        signed.ok_or_else(|| CheckpointError::NoLogSignature { origin: origin() })
    }
}

/// That a witness vouched for a checkpoint at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed {
    /// The witness's name in the policy.
    pub witness: Vec<u8>,
    /// The name of its key.
    pub key_name: String,
    /// When it cosigned, in seconds since 1970-01-01T00:00:00Z: its own clock, not checked against any other.
    pub time: u64,
}

/// A checkpoint that satisfies a policy. Comes from [`SignedCheckpoint::verify`] alone.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedCheckpoint {
    signed: SignedCheckpoint,
    log: Arc<VerifierKey>,
    witnessed: Arc<[Witnessed]>,
}

impl VerifiedCheckpoint {
    /// The log that signed it.
    pub fn origin(&self) -> &str {
        self.signed.origin()
    }

    /// The key of the policy that it is signed by: what tells two logs of one name apart.
    pub fn log(&self) -> &VerifierKey {
        &self.log
    }

    /// Its size and root.
    pub fn head(&self) -> TreeHead {
        self.signed.head()
    }

    /// The witnesses of the policy that cosigned it, in the policy's order.
    pub fn witnessed(&self) -> &[Witnessed] {
        &self.witnessed
    }

    /// The note with all its signatures, to be kept and verified again later.
    pub fn as_bytes(&self) -> &[u8] {
        self.signed.as_bytes()
    }

    /// The text that log and witnesses signed.
    pub fn text(&self) -> &[u8] {
        self.signed.text()
    }
}
