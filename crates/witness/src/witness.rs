//! The witness: what it remembers, how it judges, what it signs.
//!
//! Whatever happens, these hold:
//! - Of one log it never cosigns two trees neither of which begins with the other: a checkpoint is judged, remembered on the
//!   disk and only then answered, one at a time.
//! - It never cosigns a smaller tree than before, nor at an earlier time.
//! - A process that is killed has remembered either the old checkpoint or the new one, and no cosignature left it that is not
//!   remembered.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ceknik_core::log::{
    CheckpointError, Cosigner, EMPTY_ROOT, NoteKeyError, TreeHead, VerifiedCheckpoint, VerifierKey, proves_beginning,
};
use ceknik_core::time::Timestamp;
use serde::Serialize;
use thiserror::Error;

use crate::request::{AddCheckpoint, RequestError};

mod evidence;
mod followed;
mod state;
#[cfg(test)]
mod tests;

pub use evidence::{Evidence, EvidenceKind};
pub use followed::{Followed, FollowedError};
use state::{Kept, Latest, State};
pub use state::{StateError, create_state};

/// How far the clock may stand behind the last cosignature, in seconds, before nothing is signed any more: the accuracy that
/// machines without a good clock have.
const MOST_SECONDS_BACK: u64 = 300;

/// Why a checkpoint is not cosigned. Nothing changed.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The body is none.
    #[error("{0}")]
    Malformed(#[from] RequestError),
    /// No log of that name is followed.
    #[error("this witness does not follow the log {origin:?}")]
    UnknownLog {
        /// The checkpoint's first line.
        origin: String,
    },
    /// The log did not sign it.
    #[error("{0}")]
    NotSigned(CheckpointError),
    /// The old tree is larger than the new one.
    #[error("the old size {old} is more than the checkpoint's size {size}")]
    OldBeyond {
        /// As given.
        old: u64,
        /// The checkpoint's.
        size: u64,
    },
    /// Another size was cosigned last.
    #[error("{known}")]
    Conflict {
        /// That size; 0 for none.
        known: u64,
    },
    /// Size 0, and not the root of the empty tree.
    #[error("a tree of size 0 has the root of the empty tree, and this checkpoint has another")]
    EmptyRoot,
    /// Same size, another root: the log was forked.
    #[error("a checkpoint of size {size} with another root was cosigned before")]
    Forked {
        /// The size of both.
        size: u64,
    },
    /// The proof shows nothing.
    #[error("the consistency proof does not show that the tree of size {size} begins with the tree of size {old}")]
    Unproven {
        /// The size cosigned last.
        old: u64,
        /// The checkpoint's.
        size: u64,
    },
    /// The clock was set back.
    #[error(
        "this witness's clock stands {behind} seconds before its last cosignature: it signs nothing until that is put right"
    )]
    Clock {
        /// By how much.
        behind: u64,
    },
    /// The signing key refuses.
    #[error("{0}")]
    Sign(#[from] NoteKeyError),
    /// The state cannot be read or written.
    #[error("{0}")]
    State(#[from] StateError),
}

/// A cosignature that may leave: it is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The signature line, with its newline.
    pub line: Vec<u8>,
    /// What was cosigned.
    pub head: TreeHead,
}

/// What a witness has of a log, for everybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogStatus {
    /// The log's name.
    pub origin: String,
    /// Its key.
    pub key: String,
    /// SHA-256 of its name in hex, which its addresses begin with.
    pub origin_hash: String,
    /// Size of the checkpoint cosigned last. `None` when none was.
    pub size: Option<u64>,
    /// Its root, in standard base64.
    pub root: Option<String>,
    /// When it was cosigned.
    pub cosigned_at: Option<String>,
    /// Names of the files of evidence against this log.
    pub evidence: Vec<String>,
}

/// A witness. One process has a state at a time.
#[derive(Debug)]
pub struct Witness {
    cosigner: Cosigner,
    followed: Followed,
    /// Held while one checkpoint is judged, remembered and signed, so that no other comes between.
    state: Mutex<State>,
}

impl Witness {
    /// Takes possession of a state that [`create_state`] made, and checks all that it needs of it.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn open(directory: &Path, cosigner: Cosigner, followed: Followed) -> Result<Self, StateError> {
        let state = Mutex::new(State::open(directory, &cosigner.verifier_key(), &followed)?);
        Ok(Self { cosigner, followed, state })
    }

    /// The key by which policies name this witness.
    pub fn verifier_key(&self) -> VerifierKey {
        self.cosigner.verifier_key()
    }

    /// Judges a request; gives the cosignature once it is on the disk. `now` is the time that it states.
    ///
    /// # Errors
    /// [`Refusal`]; the order of the checks is that of tlog-witness, "add-checkpoint".
    pub fn add_checkpoint(&self, body: &[u8], now: Timestamp) -> Result<Answer, Refusal> {
        let request = AddCheckpoint::parse(body)?;
        let checkpoint = self.followed.verify(&request.checkpoint)?;
        let mut state = self.state();
        let latest = state.latest(checkpoint.origin())?;
        self.keep_fork(&mut state, latest.as_ref(), &request, now)?;
        let known = latest.as_ref().map_or(EMPTY, |latest| latest.head());
        if let Err(refusal) = judge(&request, &known) {
            // What was cosigned before is no attempt of anything, whatever proof somebody sends with it.
            if matches!(refusal, Refusal::Unproven { .. }) && request.checkpoint.head() != known {
                self.keep(&mut state, EvidenceKind::Unproven, latest.as_ref(), &request, now)?;
            }
            return Err(refusal);
        }
        self.cosign(&mut state, latest, &checkpoint, now)
    }

    /// Signs and remembers a checkpoint that was judged.
    fn cosign(
        &self,
        state: &mut State,
        latest: Option<Latest>,
        checkpoint: &VerifiedCheckpoint,
        now: Timestamp,
    ) -> Result<Answer, Refusal> {
        let now = now.unix().unsigned_abs();
        let before = latest.as_ref().map_or(0, |latest| latest.time);
        let behind = before.saturating_sub(now);
        if behind > MOST_SECONDS_BACK {
            return Err(Refusal::Clock { behind });
        }
        let time = now.max(before);
        let line = self.cosigner.cosign(checkpoint, time)?;
        let note = self.followed.alone(checkpoint, &line)?;
        state.remember(latest, Latest { note, time })?;
        Ok(Answer { line, head: checkpoint.head() })
    }

    /// Keeps the proof that the log signed two trees of one size, where this checkpoint is the second. Whatever the request is
    /// answered.
    fn keep_fork(
        &self,
        state: &mut State,
        latest: Option<&Latest>,
        request: &AddCheckpoint,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let (origin, head) = (request.checkpoint.origin(), request.checkpoint.head());
        let earlier = state.cosigned(latest, origin, head.size)?;
        match earlier.filter(|earlier| earlier.head().root != head.root) {
            Some(earlier) => self.keep(state, EvidenceKind::Fork, Some(&earlier), request, now),
            None => Ok(()),
        }
    }

    fn keep(
        &self,
        state: &mut State,
        kind: EvidenceKind,
        cosigned: Option<&Latest>,
        request: &AddCheckpoint,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let evidence = Evidence {
            kind,
            origin: request.checkpoint.origin().to_owned(),
            witness: self.verifier_key().to_string(),
            received_at: now.to_string(),
            cosigned: cosigned.map(|latest| text(latest.note.as_bytes())).unwrap_or_default(),
            request: text(&request.to_bytes()),
        };
        let (log, size) = (&evidence.origin, request.checkpoint.head().size);
        match (state.keep_evidence(&evidence, &request.checkpoint)?, kind) {
            (Kept::New, EvidenceKind::Fork) => {
                tracing::error!(log, size, "the log signed a fork; the evidence is kept")
            }
            (Kept::New, EvidenceKind::Unproven) => {
                tracing::warn!(log, size, "a signed checkpoint came without a valid proof");
            }
            (Kept::Dropped { first: true }, _) => {
                tracing::error!(
                    log,
                    ?kind,
                    "there is more evidence than is kept: move what is there to another place and restart"
                );
            }
            (Kept::Before | Kept::Dropped { first: false }, _) => {}
        }
        Ok(())
    }

    /// The checkpoint of a log that was cosigned last, with the signatures of log and witness. `None` when the log is not
    /// followed, or none was cosigned. `origin_hash`: SHA-256 of the log's name in lower-case hex.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn checkpoint(&self, origin_hash: &str) -> Result<Option<Vec<u8>>, StateError> {
        let Some(origin) = self.followed.origin_of(origin_hash) else { return Ok(None) };
        Ok(self.state().latest(origin)?.map(|latest| latest.note.as_bytes().to_vec()))
    }

    /// A file of evidence against a log, as JSON.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn evidence(&self, origin_hash: &str, name: &str) -> Result<Option<Vec<u8>>, StateError> {
        let Some(origin) = self.followed.origin_of(origin_hash) else { return Ok(None) };
        self.state().evidence(origin, name)
    }

    /// What there is of every log.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn status(&self) -> Result<Vec<LogStatus>, StateError> {
        let mut state = self.state();
        let mut logs: BTreeMap<&str, LogStatus> = BTreeMap::new();
        for key in self.followed.keys() {
            let latest = state.latest(key.name())?;
            let head = latest.as_ref().map(Latest::head);
            let status = LogStatus {
                origin: key.name().to_owned(),
                key: key.to_string(),
                origin_hash: followed::origin_hash(key.name()),
                size: head.map(|head| head.size),
                root: head.map(|head| state::base64(&head.root)),
                cosigned_at: latest.as_ref().map(Latest::shown_time),
                evidence: state.evidence_names(key.name()),
            };
            logs.entry(key.name()).or_insert(status);
        }
        Ok(logs.into_values().collect())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What a thread left that panicked is what lies on the disk, or less: it is changed in one step after that.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const EMPTY: TreeHead = TreeHead { size: 0, root: EMPTY_ROOT };

/// Whether a checkpoint that its log signed may follow the tree that was cosigned last.
fn judge(request: &AddCheckpoint, known: &TreeHead) -> Result<(), Refusal> {
    let (old, head) = (request.old, request.checkpoint.head());
    if old > head.size {
        return Err(Refusal::OldBeyond { old, size: head.size });
    }
    if old != known.size {
        return Err(Refusal::Conflict { known: known.size });
    }
    if head.size == 0 && head.root != EMPTY_ROOT {
        return Err(Refusal::EmptyRoot);
    }
    if old == head.size && known.root != head.root {
        return Err(Refusal::Forked { size: old });
    }
    if proves_beginning(&request.proof, known, &head) {
        Ok(())
    } else {
        Err(Refusal::Unproven { old, size: head.size })
    }
}
