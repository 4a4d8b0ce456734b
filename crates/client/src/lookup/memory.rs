//! What is remembered of earlier lists, verified again.
//!
//! Memory is kept by log, that is by the key that signs it: what one log signed is compared with what the same log signs
//! later, through whatever address it comes, and nobody who calls his log by another's name can make that forgotten.

use ceknik_core::log::{Policy, SignedCheckpoint, TlogProof, VerifiedCheckpoint, VerifierKey};
use ceknik_core::manifest::{Id, Manifest, UnverifiedManifest, VerifiedManifest};

use super::{Seen, SeenList};

impl SeenList {
    /// Which of two lists of one log and dataset to remember, one of which may have been stored by another process or page
    /// meanwhile: the later. Where the old one is damaged, the new one.
    #[must_use]
    pub fn later(old: &Self, new: Self) -> Self {
        match (Manifest::parse(&old.manifest), Manifest::parse(&new.manifest)) {
            (Ok(before), Ok(after)) if before.epoch > after.epoch => old.clone(),
            _ => new,
        }
    }
}

/// Which of two checkpoints of one log to remember: the larger. Where the old one is damaged, the new one.
#[must_use]
pub fn larger_checkpoint(old: &[u8], new: Vec<u8>) -> Vec<u8> {
    let size = |note: &[u8]| SignedCheckpoint::parse(note).map_or(0, |checkpoint| checkpoint.head().size);
    if size(old) > size(&new) { old.to_vec() } else { new }
}

/// A list that one log of the policy signed, whoever witnessed that: a later list must continue it.
pub(super) struct Recalled {
    pub(super) list: VerifiedManifest,
    /// Whether it satisfies the policy as it is: it can answer.
    pub(super) satisfies: bool,
    /// As it was kept.
    pub(super) kept: SeenList,
}

/// What was kept, as far as it verifies.
#[derive(Default)]
pub(super) struct Memory {
    lists: Vec<Recalled>,
    /// The largest checkpoints seen.
    checkpoints: Vec<VerifiedCheckpoint>,
    /// Whether something was there that could not be used.
    pub(super) lost: bool,
}

impl Memory {
    pub(super) fn recall(policy: &Policy, dataset: &Id, seen: Seen) -> Self {
        // A policy that asks for other witnesses than it did is no reason to forget what the log has signed.
        let logs = policy.without_witnesses();
        let kept = seen.lists.len();
        let mut memory = Self { lost: seen.damaged, ..Self::default() };
        for list in seen.lists {
            if let Some(recalled) = recall(policy, &logs, dataset, list) {
                memory.lists.push(recalled);
            }
        }
        for note in seen.checkpoints {
            match SignedCheckpoint::parse(&note) {
                Ok(signed) => memory.checkpoints.extend(signed.verify(&logs).ok()),
                Err(_) => memory.lost = true,
            }
        }
        // Lists of other logs than the policy's are none of its business, but where there are those alone, it is told.
        memory.lost |= kept > 0 && memory.lists.is_empty();
        memory
    }

    /// The memory of a lookup that begins again.
    pub(super) fn of(list: VerifiedManifest, latest: VerifiedCheckpoint) -> Self {
        let kept = SeenList { manifest: list.as_bytes().to_vec(), proof: Vec::new() };
        let lists = vec![Recalled { list, satisfies: true, kept }];
        Self { lists, checkpoints: vec![latest], lost: false }
    }

    /// The list last seen of a log.
    pub(super) fn list_of(&self, log: &VerifierKey) -> Option<&Recalled> {
        self.lists.iter().find(|recalled| recalled.list.checkpoint().log() == log)
    }

    /// The largest checkpoint seen of a log; that of the list counts as well.
    pub(super) fn checkpoint_of(&self, log: &VerifierKey) -> Option<&VerifiedCheckpoint> {
        let mut largest = None;
        for checkpoint in &self.checkpoints {
            largest = larger(largest, checkpoint, log);
        }
        for recalled in &self.lists {
            largest = larger(largest, recalled.list.checkpoint(), log);
        }
        largest
    }

    /// The list that can answer and has these bytes.
    pub(super) fn same(&self, bytes: &[u8]) -> Option<&VerifiedManifest> {
        self.able().find(|list| list.as_bytes() == bytes)
    }

    /// The list that can answer and was published last.
    pub(super) fn latest(&self) -> Option<&VerifiedManifest> {
        self.able().max_by_key(|list| list.manifest().published_at)
    }

    fn able(&self) -> impl Iterator<Item = &VerifiedManifest> {
        self.lists.iter().filter(|recalled| recalled.satisfies).map(|recalled| &recalled.list)
    }
}

fn larger<'a>(
    largest: Option<&'a VerifiedCheckpoint>,
    next: &'a VerifiedCheckpoint,
    log: &VerifierKey,
) -> Option<&'a VerifiedCheckpoint> {
    let is_larger = next.log() == log && largest.is_none_or(|largest| next.head().size >= largest.head().size);
    if is_larger { Some(next) } else { largest }
}

fn recall(policy: &Policy, logs: &Policy, dataset: &Id, kept: SeenList) -> Option<Recalled> {
    let proof = TlogProof::parse(&kept.proof).ok()?;
    let manifest = UnverifiedManifest::parse(kept.manifest.clone()).ok()?;
    if manifest.claimed().dataset != *dataset {
        return None;
    }
    let satisfying = manifest.clone().verify(policy, &proof).ok();
    let satisfies = satisfying.is_some();
    let list = satisfying.or_else(|| manifest.verify(logs, &proof).ok())?;
    Some(Recalled { list, satisfies, kept })
}
