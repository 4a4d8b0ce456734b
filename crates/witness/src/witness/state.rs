//! What a witness remembers, on the disk.
//!
//! ```text
//! witness                         the key whose state this is
//! lock                            held by the process that has it
//! logs/H/checkpoint               the checkpoint cosigned last, with the signatures of log and witness
//! logs/H/cosigned/SIZE            each one before
//! logs/H/evidence/KIND-ID.json    what the log signed and should not have
//! ```
//!
//! H is the SHA-256 of the log's name in hex, ID that of the submitted checkpoint's text.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ceknik_core::encoding::hex;
use ceknik_core::log::{MAX_CHECKPOINT_BYTES, SignedCheckpoint, TreeHead, VerifierKey};
use ceknik_core::time::Timestamp;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::evidence::{Evidence, EvidenceKind};
use super::followed::{Followed, origin_hash};
use crate::durable;
use crate::request::MAX_REQUEST_BYTES;

/// Most files of evidence of each kind that are kept of a log: anybody can send a good checkpoint with a wrong proof, and a log
/// can sign any number of forks, of which one is proof enough.
const MOST_EVIDENCE: usize = 64;
/// Longest file of evidence, in bytes: note and request as JSON, in which a byte takes six at most.
const MOST_EVIDENCE_BYTES: usize = 6 * (MAX_REQUEST_BYTES + MAX_CHECKPOINT_BYTES) + 4096;
/// Longest file `witness`: a key's name and the rest of it.
const MOST_KEY_BYTES: usize = 1024;

/// Why a witness's state cannot be used.
#[derive(Debug, Error)]
pub enum StateError {
    /// There is none.
    #[error(
        "{} is no state of a witness: `ceknik keygen witness` makes one with its key. A state that was lost cannot be made anew: \
         without it the witness could cosign a second history. Restore the newest, or make a new witness",
        directory.display()
    )]
    Missing {
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// There is something already.
    #[error("{} exists and is not empty: a witness begins with a state of its own", directory.display())]
    Exists {
        /// Where it should be made.
        directory: PathBuf,
    },
    /// It belongs to another key.
    #[error("{} is the state of the witness {of}, not of {key}: give the state and the key of one witness", directory.display())]
    OtherKey {
        /// The state.
        directory: PathBuf,
        /// Whose it is.
        of: String,
        /// The key given.
        key: String,
    },
    /// Another process has it.
    #[error("another process has {}: one witness runs at a time", directory.display())]
    Locked {
        /// The state.
        directory: PathBuf,
    },
    /// A file is not what was written.
    #[error(
        "{} was altered: {reason}. Nothing is cosigned while this log is followed: restore the newest state, \
         follow the others alone, or make a new witness",
        path.display()
    )]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Checkpoints were cosigned, and the last of them is gone.
    #[error(
        "{} is missing, but checkpoints of this log were cosigned: nothing is cosigned while it is followed. Restore the newest \
         state, follow the others alone, or make a new witness",
        path.display()
    )]
    NoCheckpoint {
        /// Where it should be.
        path: PathBuf,
    },
    /// A file operation.
    #[error("{}: {source}", path.display())]
    Io {
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |source| StateError::Io { path, source }
}

/// Makes the empty state of a new witness, for its owner alone.
///
/// # Errors
/// [`StateError::Exists`], [`StateError::Io`].
pub fn create_state(directory: &Path, key: &VerifierKey) -> Result<(), StateError> {
    match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed(directory))?;
        }
        Err(error) => return Err(failed(directory)(error)),
        Ok(entries) => {
            if entries.count() > 0 {
                return Err(StateError::Exists { directory: directory.to_owned() });
            }
        }
    }
    let logs = directory.join("logs");
    durable::create_dir(&logs).map_err(failed(&logs))?;
    let path = directory.join("witness");
    durable::replace(&path, format!("{key}\n").as_bytes()).map_err(failed(&path))
}

/// A checkpoint that was cosigned.
#[derive(Clone, Debug)]
pub(super) struct Latest {
    /// With the signatures of log and witness.
    pub(super) note: SignedCheckpoint,
    /// What the cosignature states, in seconds since 1970.
    pub(super) time: u64,
}

impl Latest {
    pub(super) fn head(&self) -> TreeHead {
        self.note.head()
    }

    pub(super) fn shown_time(&self) -> String {
        let time = i64::try_from(self.time).ok().and_then(|time| Timestamp::from_unix(time).ok());
        time.map_or_else(|| self.time.to_string(), |time| time.to_string())
    }
}

#[derive(Debug)]
pub(super) struct State {
    directory: PathBuf,
    key: VerifierKey,
    followed: Followed,
    /// What lies on the disk. A log that is not in it is read again.
    latest: BTreeMap<String, Option<Latest>>,
    evidence: BTreeMap<String, BTreeSet<String>>,
    /// Whose evidence was more than is kept, so that this is told once.
    overflowed: BTreeSet<(String, EvidenceKind)>,
    _lock: File,
}

/// What became of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    New,
    Before,
    /// There is more than is kept.
    Dropped {
        first: bool,
    },
}

impl State {
    pub(super) fn open(directory: &Path, key: &VerifierKey, followed: &Followed) -> Result<Self, StateError> {
        let path = directory.join("witness");
        let of = durable::read_at_most(&path, MOST_KEY_BYTES).map_err(failed(&path))?;
        let of = of.ok_or_else(|| StateError::Missing { directory: directory.to_owned() })?;
        if of != format!("{key}\n").as_bytes() {
            let of = String::from_utf8_lossy(&of).trim_end().to_owned();
            return Err(StateError::OtherKey { directory: directory.to_owned(), of, key: key.to_string() });
        }
        let path = directory.join("lock");
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(failed(&path))?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(StateError::Locked { directory: directory.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(failed(&path)(source)),
            Ok(()) => {}
        }
        let mut state = Self {
            directory: directory.to_owned(),
            key: key.clone(),
            followed: followed.clone(),
            latest: BTreeMap::new(),
            evidence: BTreeMap::new(),
            overflowed: BTreeSet::new(),
            _lock: lock,
        };
        for origin in followed.keys().map(VerifierKey::name) {
            let log = state.log(origin);
            for dir in [&log, &log.join("cosigned"), &log.join("evidence")] {
                durable::create_dir(dir).map_err(failed(dir))?;
            }
            state.latest(origin)?;
            let evidence = names(&log.join("evidence"))?.into_iter().filter(|name| is_evidence(name)).collect();
            state.evidence.insert(origin.to_owned(), evidence);
        }
        Ok(state)
    }

    fn log(&self, origin: &str) -> PathBuf {
        self.directory.join("logs").join(origin_hash(origin))
    }

    /// The checkpoint cosigned last of a log that is followed.
    pub(super) fn latest(&mut self, origin: &str) -> Result<Option<Latest>, StateError> {
        if let Some(latest) = self.latest.get(origin) {
            return Ok(latest.clone());
        }
        let path = self.log(origin).join("checkpoint");
        let latest = self.read(&path, origin)?;
        let before = names(&self.log(origin).join("cosigned"))?;
        if latest.is_none() && before.iter().any(|name| !name.starts_with('.')) {
            return Err(StateError::NoCheckpoint { path });
        }
        self.latest.insert(origin.to_owned(), latest.clone());
        Ok(latest)
    }

    /// The checkpoint of this size, if one was cosigned.
    pub(super) fn cosigned(
        &self,
        latest: Option<&Latest>,
        origin: &str,
        size: u64,
    ) -> Result<Option<Latest>, StateError> {
        match latest.filter(|latest| latest.head().size == size) {
            Some(latest) => Ok(Some(latest.clone())),
            None => self.read(&self.log(origin).join("cosigned").join(size.to_string()), origin),
        }
    }

    /// Reads a checkpoint, which log and witness must have signed.
    fn read(&self, path: &Path, origin: &str) -> Result<Option<Latest>, StateError> {
        let Some(note) = durable::read_at_most(path, MAX_CHECKPOINT_BYTES).map_err(failed(path))? else {
            return Ok(None);
        };
        let damaged = |reason: String| StateError::Damaged { path: path.to_owned(), reason };
        let note = SignedCheckpoint::parse(&note).map_err(|error| damaged(error.to_string()))?;
        self.followed.verify(&note).map_err(|error| damaged(error.to_string()))?;
        if note.origin() != origin {
            return Err(damaged(format!("it is a checkpoint of the log {:?}", note.origin())));
        }
        let lines = &note.as_bytes()[note.text().len() + 1..];
        let cosigned = note.with_cosignature(lines, &self.key).map_err(|error| damaged(error.to_string()))?;
        let (note, time) = cosigned.ok_or_else(|| damaged("this witness did not cosign it".to_owned()))?;
        Ok(Some(Latest { note, time }))
    }

    /// Remembers a checkpoint in place of the one before, which is kept beside. When this returns, it is on the disk.
    pub(super) fn remember(&mut self, before: Option<Latest>, new: Latest) -> Result<(), StateError> {
        let origin = new.note.origin().to_owned();
        let log = self.log(&origin);
        if let Some(before) = before.filter(|before| before.head().size != new.head().size) {
            let path = log.join("cosigned").join(before.head().size.to_string());
            durable::replace(&path, before.note.as_bytes()).map_err(failed(&path))?;
        }
        // Should it fail, nobody knows which of the two is on the disk: it is read again before anything is judged.
        self.latest.remove(&origin);
        let path = log.join("checkpoint");
        durable::replace(&path, new.note.as_bytes()).map_err(failed(&path))?;
        self.clear_up(&new)?;
        self.latest.insert(origin, Some(new));
        Ok(())
    }

    /// A checkpoint that is cosigned after all was no attempt of anything.
    fn clear_up(&mut self, cosigned: &Latest) -> Result<(), StateError> {
        let name = evidence_name(EvidenceKind::Unproven, &cosigned.note);
        let path = self.log(cosigned.note.origin()).join("evidence").join(&name);
        let kept = self.evidence.get_mut(cosigned.note.origin()).is_some_and(|names| names.remove(&name));
        if kept { durable::remove(&path).map_err(failed(&path)) } else { Ok(()) }
    }

    /// Keeps evidence, unless it is kept already, or there is enough of it.
    pub(super) fn keep_evidence(
        &mut self,
        evidence: &Evidence,
        submitted: &SignedCheckpoint,
    ) -> Result<Kept, StateError> {
        let name = evidence_name(evidence.kind, submitted);
        let path = self.log(&evidence.origin).join("evidence").join(&name);
        let names = self.evidence.entry(evidence.origin.clone()).or_default();
        if names.contains(&name) {
            return Ok(Kept::Before);
        }
        if names.iter().filter(|name| name.starts_with(word(evidence.kind))).count() >= MOST_EVIDENCE {
            let first = self.overflowed.insert((evidence.origin.clone(), evidence.kind));
            return Ok(Kept::Dropped { first });
        }
        let mut text = serde_json::to_vec_pretty(evidence)
            .map_err(|error| StateError::Io { path: path.clone(), source: error.into() })?;
        text.push(b'\n');
        durable::replace(&path, &text).map_err(failed(&path))?;
        names.insert(name);
        Ok(Kept::New)
    }

    pub(super) fn evidence_names(&self, origin: &str) -> Vec<String> {
        self.evidence.get(origin).into_iter().flatten().cloned().collect()
    }

    pub(super) fn evidence(&self, origin: &str, name: &str) -> Result<Option<Vec<u8>>, StateError> {
        // Only names that are known lead to a file, so none leads anywhere else.
        if !self.evidence.get(origin).is_some_and(|names| names.contains(name)) {
            return Ok(None);
        }
        let path = self.log(origin).join("evidence").join(name);
        durable::read_at_most(&path, MOST_EVIDENCE_BYTES).map_err(failed(&path))
    }
}

fn names(dir: &Path) -> Result<Vec<String>, StateError> {
    let entries = fs::read_dir(dir).map_err(failed(dir))?;
    let names: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.file_name().into_string())).collect();
    Ok(names.map_err(failed(dir))?.into_iter().flatten().collect())
}

fn is_evidence(name: &str) -> bool {
    let id = name.strip_suffix(".json").and_then(|name| name.split_once('-'));
    let kinds = [EvidenceKind::Fork, EvidenceKind::Unproven].map(word);
    id.is_some_and(|(kind, id)| kinds.contains(&kind) && id.len() == 64)
}

fn evidence_name(kind: EvidenceKind, submitted: &SignedCheckpoint) -> String {
    format!("{}-{}.json", word(kind), hex(&Sha256::digest(submitted.text())))
}

fn word(kind: EvidenceKind) -> &'static str {
    match kind {
        EvidenceKind::Fork => "fork",
        EvidenceKind::Unproven => "unproven",
    }
}

/// Standard base64.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
