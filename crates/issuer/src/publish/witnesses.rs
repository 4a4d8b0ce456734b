//! Cosignatures of witnesses, gathered before anybody is shown the epoch.
//!
//! A witness is shown a checkpoint only once its entry is in the log on the disk. An epoch becomes current only once the policy
//! that is served is satisfied: clients under it would have no answer otherwise. What was gathered is kept in
//! `staging/checkpoint` until then, and the next run asks those who are missing.

use std::fs;
use std::path::Path;

use ceknik_core::log::{
    CheckpointError, MAX_CHECKPOINT_BYTES, Policy, SignedCheckpoint, TlogProof, TreeHead, VerifierKey,
};
use ceknik_core::manifest::Id;
use ceknik_core::merkle::NodeHash;

use super::{PublishError, PublishPhase, Publisher, place};
use crate::durable;
use crate::log_dir::{LogDir, LogDirError, PreparedAppend};
use crate::store::EpochState;

/// Whom to ask, and how.
pub struct Witnesses<'a> {
    /// The policy that is served: its witnesses are asked, its quorum must be met.
    pub policy: &'a Policy,
    /// Asks the witnesses of a request, and gives an outcome for each, in their order: the checkpoint with its cosignature, or in
    /// words why there is none. What it gives is verified.
    pub ask: &'a mut dyn FnMut(&CosignRequest) -> Vec<Result<SignedCheckpoint, String>>,
}

/// A checkpoint to be cosigned.
#[derive(Clone, Debug)]
pub struct CosignRequest {
    /// The checkpoint. Its entry is on the disk.
    pub checkpoint: SignedCheckpoint,
    /// Who is to be asked.
    pub witnesses: Vec<WitnessToAsk>,
    log: LogDir,
    policy: Policy,
    /// With the cosignatures that there are already.
    so_far: SignedCheckpoint,
}

/// A witness to be asked.
#[derive(Clone, Debug)]
pub struct WitnessToAsk {
    /// Its name in the policy, escaped.
    pub name: String,
    /// Its key.
    pub key: VerifierKey,
    /// Where it is, by the policy. Octets: the format does not promise UTF-8.
    pub url: Option<Vec<u8>>,
    /// Size of the checkpoint that it cosigned last as far as this log knows; 0 when it does not.
    pub old: u64,
}

impl CosignRequest {
    /// The proof that the tree of size `old` is the beginning of the checkpoint's.
    ///
    /// # Errors
    /// [`LogDirError`], with the file that is missing or altered.
    pub fn prove(&self, old: u64) -> Result<Vec<NodeHash>, LogDirError> {
        self.log.prove_beginning(&self.checkpoint.head(), old)
    }

    /// Whether these answers satisfy the policy, so that nobody else need be waited for.
    pub fn is_enough(&self, answers: &[&SignedCheckpoint]) -> bool {
        let all = answers.iter().fold(self.so_far.clone(), |all, answer| with_all(&all, Some(answer), &self.policy));
        all.verify(&self.policy).is_ok()
    }
}

/// What came of a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessOutcome {
    /// Its name in the policy, escaped.
    pub name: String,
    /// When it cosigned, in seconds since 1970; or why it did not.
    pub cosigned: Result<u64, String>,
}

/// The checkpoint that is put into place.
pub(super) struct Gathered {
    pub(super) checkpoint: SignedCheckpoint,
    pub(super) outcomes: Vec<WitnessOutcome>,
}

/// What `--cosign` added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CosignedEpoch {
    /// The dataset's current epoch.
    pub epoch: u64,
    /// The log's tree whose checkpoint was cosigned, and which the epoch's proof leads to.
    pub head: TreeHead,
    /// All witnesses of the policy.
    pub witnesses: Vec<WitnessOutcome>,
}

impl Publisher<'_> {
    /// Gathers cosignatures on a checkpoint whose entry was written. Those that it has already are not asked for.
    pub(super) fn gather(
        &mut self,
        prepared: &PreparedAppend,
        dataset: &Id,
        epoch: u64,
    ) -> Result<Gathered, PublishError> {
        let log = place::log(self.public, self.signer);
        let signed = SignedCheckpoint::parse(prepared.checkpoint_note()).map_err(damaged(&log))?;
        let Some(witnesses) = &mut self.witnesses else {
            return Ok(Gathered { checkpoint: signed, outcomes: Vec::new() });
        };
        let policy = witnesses.policy;
        let kept = self.staging.join("checkpoint");
        let before = read_checkpoint(&log.root().join("checkpoint"))?;
        let mut checkpoint = with_all(&signed, read_checkpoint(&kept)?.as_ref(), policy);
        let missing: Vec<usize> = (0..policy.witnesses().len())
            .filter(|at| cosigned_by(&checkpoint, policy.witnesses()[*at].key()).is_none())
            .collect();
        let to_ask = missing.iter().map(|at| {
            let witness = &policy.witnesses()[*at];
            let old = before.as_ref().filter(|before| cosigned_by(before, witness.key()).is_some());
            WitnessToAsk {
                name: name(witness.name()),
                key: witness.key().clone(),
                url: witness.url().map(<[u8]>::to_vec),
                old: old.map_or(0, |before| before.head().size),
            }
        });
        let request = CosignRequest {
            checkpoint: signed,
            witnesses: to_ask.collect(),
            log: log.clone(),
            policy: policy.clone(),
            so_far: checkpoint.clone(),
        };
        let answers = if missing.is_empty() { Vec::new() } else { (witnesses.ask)(&request) };
        let mut failures: Vec<(usize, String)> = Vec::new();
        for (place, at) in missing.iter().enumerate() {
            match answers.get(place) {
                Some(Ok(answer)) => match with_line_of(&checkpoint, answer, policy.witnesses()[*at].key()) {
                    Some(more) => checkpoint = more,
                    None => failures.push((*at, "what it answered is no cosignature by its key".to_owned())),
                },
                Some(Err(reason)) => failures.push((*at, reason.clone())),
                None => failures.push((*at, "it was not asked".to_owned())),
            }
        }
        let outcomes = policy.witnesses().iter().enumerate().map(|(at, witness)| {
            let failure = failures.iter().find(|(failed, _)| *failed == at).map(|(_, reason)| reason.clone());
            let cosigned = failure.map_or_else(|| Ok(cosigned_by(&checkpoint, witness.key()).unwrap_or_default()), Err);
            WitnessOutcome { name: name(witness.name()), cosigned }
        });
        let outcomes: Vec<WitnessOutcome> = outcomes.collect();
        // Whatever comes now: a witness that cosigned need not be there a second time.
        durable::write_atomic(&kept, checkpoint.as_bytes())?;
        match checkpoint.verify(policy) {
            Ok(_) => Ok(Gathered { checkpoint, outcomes }),
            Err(CheckpointError::Quorum(shortfall)) => {
                Err(PublishError::Quorum { dataset: dataset.clone(), epoch, shortfall, outcomes })
            }
            Err(reason) => Err(PublishError::Policy { reason }),
        }
    }

    /// Asks the witnesses that are missing from the log's present checkpoint, and puts that with its cosignatures into the log and
    /// into the proof of the dataset's current epoch.
    ///
    /// # Errors
    /// [`PublishError`]; [`PublishError::Quorum`] when the policy is not satisfied even so: nothing changed then.
    pub fn cosign(&mut self, dataset: &Id) -> Result<CosignedEpoch, PublishError> {
        if let Some(pending) = self.store.pending_epoch()? {
            return Err(PublishError::Pending { dataset: pending.dataset, epoch: pending.number });
        }
        let latest = self.store.latest_epoch(dataset)?.filter(|epoch| epoch.state == EpochState::Published);
        let epoch = latest.ok_or_else(|| PublishError::NothingPublished { dataset: dataset.clone() })?;
        let log = place::log(self.public, self.signer);
        let prepared = log.prepare(self.signer, epoch.log_index, &epoch.manifest)?;
        (self.observer)(PublishPhase::Witnesses);
        let gathered = self.gather(&prepared, dataset, epoch.number)?;
        let head = gathered.checkpoint.head();
        log.write_checkpoint(&gathered.checkpoint)?;
        let proof = place::epoch_dir(self.public, dataset, epoch.number).join("proof");
        durable::write_atomic(&proof, &proof_under(&prepared, &gathered.checkpoint, &log)?)?;
        place::clear(self.staging)?;
        Ok(CosignedEpoch { epoch: epoch.number, head, witnesses: gathered.outcomes })
    }
}

/// The proof of a prepared append under its checkpoint with cosignatures.
pub(super) fn proof_under(
    prepared: &PreparedAppend,
    checkpoint: &SignedCheckpoint,
    log: &LogDir,
) -> Result<Vec<u8>, PublishError> {
    let damaged = |_| PublishError::Damaged { path: log.root().to_owned(), reason: "no proof can be made from it" };
    let proof = TlogProof::parse(prepared.proof()).map_err(damaged)?;
    Ok(TlogProof::new(proof.index(), proof.hashes().to_vec(), checkpoint.clone()).to_bytes())
}

fn damaged(log: &LogDir) -> impl FnOnce(CheckpointError) -> PublishError {
    let path = log.root().join("checkpoint");
    move |reason| LogDirError::Checkpoint { path, reason }.into()
}

/// A checkpoint on the disk. One that does not parse is as good as none: what it is needed for is only to ask less.
fn read_checkpoint(path: &Path) -> Result<Option<SignedCheckpoint>, PublishError> {
    let note = durable::read_limited(path, MAX_CHECKPOINT_BYTES)?;
    Ok(note.and_then(|note| SignedCheckpoint::parse(&note).ok()))
}

/// When a witness cosigned a checkpoint.
fn cosigned_by(checkpoint: &SignedCheckpoint, key: &VerifierKey) -> Option<u64> {
    checkpoint.with_cosignature(signatures(checkpoint), key).ok().flatten().map(|(_, time)| time)
}

fn signatures(checkpoint: &SignedCheckpoint) -> &[u8] {
    &checkpoint.as_bytes()[checkpoint.text().len() + 1..]
}

/// A checkpoint with the cosignature of `key` that another of the same text has.
fn with_line_of(
    checkpoint: &SignedCheckpoint,
    other: &SignedCheckpoint,
    key: &VerifierKey,
) -> Option<SignedCheckpoint> {
    let same = checkpoint.text() == other.text();
    let with = same.then(|| checkpoint.with_cosignature(signatures(other), key).ok().flatten()).flatten();
    with.map(|(checkpoint, _)| checkpoint)
}

/// A checkpoint with all cosignatures of the policy's witnesses that a kept one has.
fn with_all(checkpoint: &SignedCheckpoint, kept: Option<&SignedCheckpoint>, policy: &Policy) -> SignedCheckpoint {
    let Some(kept) = kept else { return checkpoint.clone() };
    let keys = policy.witnesses().iter().map(|witness| witness.key());
    keys.fold(checkpoint.clone(), |checkpoint, key| with_line_of(&checkpoint, kept, key).unwrap_or(checkpoint))
}

/// Safe for a terminal.
fn name(octets: &[u8]) -> String {
    octets.escape_ascii().to_string()
}

/// Whether staged files of an epoch are there.
pub(super) fn is_staged(epoch: &Path) -> bool {
    fs::metadata(epoch.join("manifest")).is_ok()
}
