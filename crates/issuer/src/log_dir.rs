//! The publisher's log on disk: an append-only directory of C2SP tlog-tiles that any static host can serve.
//!
//! ```text
//! checkpoint                     the signed head: everything else belongs to it
//! tile/<L>/<N>[.p/<W>]           hash tiles
//! tile/entries/<N>[.p/<W>]       the leaves themselves
//! ```
//!
//! An append reads the right edge of the tree and no more, checks it against the signed checkpoint, and adds a few files
//! before it replaces the checkpoint; so whoever is killed in between leaves the old log, and the same append completes it.
//! What a checkpoint may have been signed for is never written over, nor is it removed: partial tiles and bundles stay, since
//! clients may hold the checkpoint that needs them. (256 leaves of 3 KB leave some 100 MB of partial bundles behind.)
//!
//! One process appends at a time; the caller sees to that.

mod error;
mod read;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use ceknik_core::log::{
    BundleId, LogSigner, Policy, SignedCheckpoint, TilePlan, TlogProof, TreeHead, VerifiedCheckpoint, VerifierKey,
    append_entry,
};
use ceknik_core::merkle::{NodeHash, leaf_hash};

use crate::durable::{read_limited, sync_existing, write_atomic};
pub use error::LogDirError;
use read::LogState;

const CHECKPOINT: &str = "checkpoint";

/// A log directory, and the key that its checkpoints are signed with.
#[derive(Clone, Debug)]
pub struct LogDir {
    root: PathBuf,
    key: VerifierKey,
    policy: Policy,
}

/// A leaf that is ready to be logged, or that is in the log already: all bytes are computed, nothing is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedAppend {
    index: u64,
    base: TreeHead,
    head: TreeHead,
    files: Vec<(String, Vec<u8>)>,
    checkpoint_note: Vec<u8>,
    proof: Vec<u8>,
}

impl PreparedAppend {
    /// The leaf's place in the log, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The tree that holds the leaf: that of [`PreparedAppend::checkpoint_note`].
    pub fn head(&self) -> TreeHead {
        self.head
    }

    /// The files to add before the checkpoint, in that order: paths relative to the log's directory, and contents. None
    /// when the leaf is in the log already.
    pub fn files(&self) -> &[(String, Vec<u8>)] {
        &self.files
    }

    /// The signed checkpoint.
    pub fn checkpoint_note(&self) -> &[u8] {
        &self.checkpoint_note
    }

    /// The leaf's tlog-proof under that checkpoint.
    pub fn proof(&self) -> &[u8] {
        &self.proof
    }
}

impl LogDir {
    /// The log in a directory, which need not exist yet: then the log is empty. Nothing is read.
    pub fn new(root: impl Into<PathBuf>, key: VerifierKey) -> Self {
        Self { root: root.into(), policy: Policy::for_log(key.clone()), key }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Reads and checks the present state: the checkpoint's signature, all tiles of the right edge against its root, and
    /// the last entry bundle against its tile. `None` for a log without any checkpoint.
    ///
    /// # Errors
    /// [`LogDirError`], with the path of the file that is missing or altered.
    pub fn checkpoint(&self) -> Result<Option<VerifiedCheckpoint>, LogDirError> {
        Ok(self.read()?.checkpoint)
    }

    /// Reads the entry at a place, checked against the checkpoint.
    ///
    /// # Errors
    /// [`LogDirError`]; [`LogDirError::Gap`] for a place beyond the end.
    pub fn entry(&self, index: u64) -> Result<Vec<u8>, LogDirError> {
        let state = self.read()?;
        if index >= state.head.size {
            return Err(LogDirError::Gap { index, size: state.head.size });
        }
        Ok(self.read_entry(&state, index)?.entry)
    }

    /// Computes what logging `leaf` at the place `index` takes, writing nothing. `index` is the log's size for a new leaf;
    /// for a leaf that is there already, the result has no files and the present checkpoint.
    ///
    /// The same log, key and leaf give the same bytes. The checkpoint that this signs binds the publisher from the moment
    /// it is shown to anyone, even if it is never written: whoever prepares an append records the leaf first, and goes on
    /// with this leaf after a crash.
    ///
    /// # Errors
    /// [`LogDirError`]: among them [`LogDirError::LeafDiffers`] and [`LogDirError::Conflict`] when the place is taken by
    /// another leaf, [`LogDirError::Gap`] when the log is shorter than that, and all of [`LogDir::checkpoint`].
    pub fn prepare(&self, signer: &LogSigner, index: u64, leaf: &[u8]) -> Result<PreparedAppend, LogDirError> {
        if signer.verifier_key() != self.key {
            return Err(LogDirError::OtherKey { expected: self.key.to_string() });
        }
        let state = self.read()?;
        let size = state.head.size;
        if index > size {
            return Err(LogDirError::Gap { index, size });
        }
        if index < size { self.find(&state, index, leaf) } else { self.extend(&state, signer, leaf) }
    }

    /// The leaf is said to be in the log: it must be.
    fn find(&self, state: &LogState, index: u64, leaf: &[u8]) -> Result<PreparedAppend, LogDirError> {
        let logged = self.read_entry(state, index)?;
        if logged.entry != leaf {
            return Err(LogDirError::LeafDiffers { index });
        }
        let checkpoint_note = state.checkpoint.as_ref().map_or(Vec::new(), |c| c.as_bytes().to_vec());
        let signed = SignedCheckpoint::parse(&checkpoint_note).map_err(self.bad_checkpoint())?;
        Ok(PreparedAppend {
            index,
            base: state.head,
            head: state.head,
            files: Vec::new(),
            checkpoint_note,
            proof: TlogProof::new(index, logged.path, signed).to_bytes(),
        })
    }

    fn extend(&self, state: &LogState, signer: &LogSigner, leaf: &[u8]) -> Result<PreparedAppend, LogDirError> {
        let index = state.head.size;
        let mut bundle_bytes = state.last_bundle.clone();
        append_entry(&mut bundle_bytes, leaf).map_err(|_| LogDirError::LeafTooLong { bytes: leaf.len() })?;
        let appended = state.edge.append(leaf_hash(leaf))?;
        let bundle = BundleId::in_tree(index >> 8, appended.head.size);
        let bundle = bundle.ok_or(LogDirError::Gap { index, size: index })?;
        let mut files = vec![(bundle.path(), bundle_bytes)];
        files.extend(appended.tiles.into_iter().map(|(tile, bytes)| (tile.path(), bytes)));
        for (path, bytes) in &files {
            self.is_there(path, bytes)?;
        }
        let checkpoint = signer.sign(&appended.head)?;
        Ok(PreparedAppend {
            index,
            base: state.head,
            head: appended.head,
            files,
            checkpoint_note: checkpoint.as_bytes().to_vec(),
            proof: TlogProof::new(index, appended.proof, checkpoint).to_bytes(),
        })
    }

    /// Writes a prepared append: bundle, tiles, and when all of them are on the disk, the checkpoint. Doing it again, after
    /// a crash or for no reason, completes it or changes nothing; a checkpoint of the same tree that has gained signatures
    /// since is left alone.
    ///
    /// # Errors
    /// [`LogDirError::Moved`] when the log has another size by now, [`LogDirError::Conflict`] when a file holds something
    /// else, [`LogDirError::File`]. The log is then what it was, with some files of the new one.
    pub fn write(&self, prepared: &PreparedAppend) -> Result<(), LogDirError> {
        self.write_entry(prepared)?;
        let present = self.read_checkpoint()?;
        if present.is_some_and(|present| present.head() == prepared.head) {
            return Ok(sync_existing(&self.root.join(CHECKPOINT))?);
        }
        Ok(write_atomic(&self.root.join(CHECKPOINT), &prepared.checkpoint_note)?)
    }

    /// The first half of [`LogDir::write`]: bundle and tiles, without the checkpoint. From then on its checkpoint may be shown:
    /// the entry is not lost any more, and nothing else takes its place.
    ///
    /// # Errors
    /// As [`LogDir::write`].
    pub fn write_entry(&self, prepared: &PreparedAppend) -> Result<(), LogDirError> {
        let head = self.read_checkpoint()?.as_ref().map_or(EMPTY_LOG, SignedCheckpoint::head);
        if head != prepared.base && head != prepared.head {
            return Err(LogDirError::Moved { prepared: prepared.head.size, size: head.size });
        }
        for (path, bytes) in &prepared.files {
            let file = self.root.join(path);
            if self.is_there(path, bytes)? { sync_existing(&file)? } else { write_atomic(&file, bytes)? }
        }
        Ok(())
    }

    /// Puts a checkpoint into place that has gained cosignatures: of the log's present tree, or of that of a prepared append
    /// whose entry was written.
    ///
    /// # Errors
    /// [`LogDirError`]; [`LogDirError::Mismatch`] and its like when its tree is not what lies on the disk.
    pub fn write_checkpoint(&self, checkpoint: &SignedCheckpoint) -> Result<(), LogDirError> {
        checkpoint.verify(&self.policy).map_err(self.bad_checkpoint())?;
        // Its tiles are there and belong to it.
        self.prove_beginning(&checkpoint.head(), checkpoint.head().size)?;
        let path = self.root.join(CHECKPOINT);
        let present = self.read_checkpoint()?;
        if let Some(present) = present.as_ref().filter(|present| present.head().size > checkpoint.head().size) {
            return Err(LogDirError::Moved { prepared: checkpoint.head().size, size: present.head().size });
        }
        if present.is_some_and(|present| present.as_bytes() == checkpoint.as_bytes()) {
            return Ok(sync_existing(&path)?);
        }
        Ok(write_atomic(&path, checkpoint.as_bytes())?)
    }

    /// The proof that the tree of size `old` is the beginning of `head` (RFC 6962, section 2.1.2), from tiles that belong to
    /// `head`: the present tree, or that of an append whose entry was written.
    ///
    /// # Errors
    /// [`LogDirError`], with the file that is missing or altered.
    pub fn prove_beginning(&self, head: &TreeHead, old: u64) -> Result<Vec<NodeHash>, LogDirError> {
        let plan = TilePlan::edge(head.size).with_beginning(old);
        let tiles = self.authenticate(&plan, head)?;
        Ok(tiles.prove_beginning(old)?)
    }

    /// Whether a file is there with this content; an error if it is there with another.
    fn is_there(&self, path: &str, bytes: &[u8]) -> Result<bool, LogDirError> {
        let file = self.root.join(path);
        match read_limited(&file, bytes.len()) {
            Ok(None) => Ok(false),
            Ok(Some(found)) if found == bytes => Ok(true),
            Ok(Some(_)) => Err(LogDirError::Conflict { path: file }),
            Err(error) if error.source.kind() == std::io::ErrorKind::FileTooLarge => {
                Err(LogDirError::Conflict { path: file })
            }
            Err(error) => Err(error.into()),
        }
    }
}

const EMPTY_LOG: TreeHead = TreeHead { size: 0, root: ceknik_core::log::EMPTY_ROOT };
