//! What is remembered of earlier lists, verified again.

use ceknik_core::log::{Policy, SignedCheckpoint, TlogProof, VerifiedCheckpoint};
use ceknik_core::manifest::{Id, Manifest, UnverifiedManifest, VerifiedManifest};

use super::SeenList;

impl SeenList {
    /// What to remember of two lists, one of which may have been stored by another process or page meanwhile: the later
    /// list, and the larger checkpoint. Where they are of different logs or lists, or the old one is damaged, the new one.
    #[must_use]
    pub fn merge(old: &Self, new: Self) -> Self {
        let (Ok(before), Ok(after)) = (Manifest::parse(&old.manifest), Manifest::parse(&new.manifest)) else {
            return new;
        };
        if before.log != after.log || before.dataset != after.dataset {
            return new;
        }
        let size =
            |list: &Self| SignedCheckpoint::parse(&list.checkpoint).map_or(0, |checkpoint| checkpoint.head().size);
        let checkpoint = if size(old) > size(&new) { old.checkpoint.clone() } else { new.checkpoint.clone() };
        let list = if before.epoch > after.epoch { old.clone() } else { new };
        Self { checkpoint, ..list }
    }
}

/// What the cache knows, as far as it verifies.
#[derive(Default)]
pub(super) struct Memory {
    /// What the cache holds, byte for byte.
    pub(super) cached: Option<SeenList>,
    /// The list, if it satisfies the policy: it can answer.
    pub(super) known: Option<VerifiedManifest>,
    /// The list, if a log of the policy signed it, whoever witnessed that: a later list must continue it.
    pub(super) seen: Option<VerifiedManifest>,
    /// The largest checkpoint seen, likewise.
    pub(super) checkpoint: Option<VerifiedCheckpoint>,
    /// Whether something was there that could not be used.
    pub(super) lost: bool,
}

impl Memory {
    pub(super) fn recall(policy: &Policy, dataset: &Id, cached: Option<SeenList>, damaged: bool) -> Self {
        let Some(cached) = cached else { return Self { lost: damaged, ..Self::default() } };
        // A policy that asks for other witnesses than it did is no reason to forget what the log has signed.
        let logs = logs_alone(policy);
        let proof = TlogProof::parse(&cached.proof).ok();
        let manifest = UnverifiedManifest::parse(cached.manifest.clone()).ok();
        let manifest = manifest.filter(|manifest| manifest.claimed().dataset == *dataset);
        let verify = |policy| manifest.clone()?.verify(policy, proof.as_ref()?).ok();
        let (known, seen) = (verify(policy), verify(&logs));
        let checkpoint = SignedCheckpoint::parse(&cached.checkpoint).ok().and_then(|signed| signed.verify(&logs).ok());
        let lost = damaged || seen.is_none() || checkpoint.is_none();
        Self { cached: Some(cached), known, seen, checkpoint, lost }
    }
}

/// The policy's logs, with no witness asked for.
fn logs_alone(policy: &Policy) -> Policy {
    let mut text = String::new();
    for log in policy.logs() {
        text.push_str(&format!("log {}\n", log.key()));
    }
    text.push_str("quorum none\n");
    Policy::parse(text.as_bytes()).unwrap_or_else(|_| policy.clone())
}
