//! A policy that was replaced.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use ceknik_core::log::{MAX_POLICY_BYTES, Policy};

use super::{Loader, Refusal, is_new, reparse, rests};
use crate::publication::catalog::PolicyText;
use crate::publication::dataset::Document;
use crate::publication::files::{FileStamp, read_at_most};
use crate::publication::load::verify;

impl Loader {
    /// A new policy is served as soon as every current epoch verifies under it.
    pub(super) fn look_at_policy(&mut self) -> bool {
        let path = self.public.join("policy");
        let stamp = FileStamp::at(&path);
        if self.policy.as_ref().map(|policy| policy.stamp) == stamp && stamp.is_some() {
            return false;
        }
        let proofs = self.slots.values().map(|slot| slot.served.as_ref().map(|served| served.current.proof_stamp));
        let looked_at: Vec<_> = std::iter::once(stamp).chain(proofs).collect();
        if rests(self.policy_refusal.as_ref(), &looked_at) {
            return false;
        }
        match self.read_policy(&path) {
            Ok(policy) => {
                self.policy = Some(Arc::new(policy));
                self.policy_refusal = None;
                tracing::info!("policy served");
                true
            }
            Err(message) => {
                if is_new(self.policy_refusal.as_ref(), &message) {
                    self.metrics.load_errors(None);
                    tracing::error!(reason = %message, "policy refused");
                }
                self.policy_refusal = Some(Refusal { message, looked_at, when: Instant::now() });
                false
            }
        }
    }

    fn read_policy(&self, path: &Path) -> Result<PolicyText, String> {
        let (bytes, stamp) = read_at_most(path, MAX_POLICY_BYTES as u64).map_err(|error| format!("policy: {error}"))?;
        let policy = Policy::parse(&bytes).map_err(|error| format!("policy: {error}"))?;
        for served in self.slots.values().filter_map(|slot| slot.served.as_ref()) {
            let current = &served.current;
            let verified =
                reparse(current).and_then(|manifest| verify(&policy, current.number(), manifest, &current.proof));
            verified.map_err(|error| {
                format!("policy: the epoch served of dataset {} fails under it: {error}", served.id)
            })?;
        }
        Ok(PolicyText { policy, document: Document::new(bytes), stamp })
    }
}
