//! A proof that was replaced beside an epoch that is served.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use ceknik_core::log::Policy;
use ceknik_core::manifest::Id;

use super::{Loader, Refusal, Slot, is_new, reparse, rests};
use crate::publication::dataset::{CurrentEpoch, Dataset};
use crate::publication::files::FileStamp;
use crate::publication::load::{LoadError, read_proof, verify};
use crate::publication::log::check_tiles;

impl Loader {
    /// The proof of the current epoch may gain cosignatures.
    pub(super) fn look_at_proof(&mut self, id: &Id, slot: &mut Slot, policy: &Policy, dir: &Path) -> bool {
        let Some(served) = &slot.served else { return false };
        let number = served.current.number();
        let stamp = FileStamp::at(&dir.join(format!("epochs/{number}/proof")));
        if stamp.is_none_or(|stamp| stamp == served.current.proof_stamp) || rests(slot.proof_refusal.as_ref(), &[stamp])
        {
            return false;
        }
        let read = || {
            let (proof, proof_stamp) = read_proof(dir, number)?;
            let verified = verify(policy, number, reparse(&served.current)?, &proof)?;
            let (checkpoint, held) = (verified.checkpoint(), self.log.held.as_ref());
            check_tiles(&self.public, checkpoint, Some(verified.log_index()), held)?;
            Ok::<_, LoadError>((proof, proof_stamp, verified))
        };
        match read() {
            Ok((proof, proof_stamp, verified)) => {
                self.log.advance(verified.checkpoint(), false);
                let current = CurrentEpoch {
                    verified,
                    manifest_document: served.current.manifest_document.clone(),
                    proof,
                    proof_stamp,
                    buckets: Arc::clone(&served.current.buckets),
                };
                slot.served = Some(Arc::new(Dataset {
                    id: id.clone(),
                    dir: served.dir.clone(),
                    current,
                    past: Arc::clone(&served.past),
                    keys: Arc::clone(&served.keys),
                    filters: Arc::clone(&served.filters),
                    filter_names: Arc::clone(&served.filter_names),
                }));
                slot.proof_refusal = None;
                true
            }
            Err(error) => {
                let message = error.to_string();
                if is_new(slot.proof_refusal.as_ref(), &message) {
                    self.metrics.load_errors(Some(id));
                    tracing::error!(dataset = %id, epoch = number, reason = %message, "proof refused; the one before goes on being served");
                }
                slot.proof_refusal = Some(Refusal { message, looked_at: vec![stamp], when: Instant::now() });
                false
            }
        }
    }
}
