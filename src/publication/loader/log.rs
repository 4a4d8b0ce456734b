//! The checkpoint that is given out: the largest that was verified and whose tiles are here.

use ceknik_core::log::VerifiedCheckpoint;

use super::Loader;
use crate::publication::dataset::Document;
use crate::publication::files::FileStamp;
use crate::publication::log::{self, CHECKPOINT};

/// What is given out of the log, and what was seen of it on disk.
#[derive(Default)]
pub(super) struct Log {
    pub(super) held: Option<VerifiedCheckpoint>,
    pub(super) document: Option<Document>,
    /// Stamps of the checkpoint's file that was looked at last without a complaint, and of the policy then.
    seen: Option<[FileStamp; 2]>,
    complaint: Option<String>,
}

impl Log {
    /// Gives out a checkpoint whose tiles were checked, unless it is smaller than the one that is given out. Whether there
    /// was a change.
    pub(super) fn advance(&mut self, checkpoint: &VerifiedCheckpoint, replace_equal: bool) -> bool {
        let (size, held) = (checkpoint.head().size, self.held.as_ref().map(|held| held.head().size));
        if held.is_some_and(|held| size < held || (size == held && !replace_equal)) {
            return false;
        }
        self.document = Some(Document::new(checkpoint.as_bytes().to_vec()));
        self.held = Some(checkpoint.clone());
        true
    }
}

impl Loader {
    /// A new checkpoint is given out as soon as it verifies and its tiles are here. That is cheap enough to be tried at
    /// every look.
    pub(super) fn look_at_log(&mut self) -> bool {
        let Some(policy) = &self.policy else { return false };
        let Some(stamp) = FileStamp::at(&self.public.join(CHECKPOINT)) else { return false };
        let seen = [stamp, policy.stamp];
        if self.log.seen == Some(seen) {
            return false;
        }
        let read = log::read_checkpoint(&self.public, &policy.policy).and_then(|checkpoint| {
            log::check_tiles(&self.public, &checkpoint, None, self.log.held.as_ref())?;
            Ok(checkpoint)
        });
        match read {
            Ok(checkpoint) => {
                self.log.seen = Some(seen);
                self.log.complaint = None;
                // Of the same size it may have gained cosignatures.
                self.log.advance(&checkpoint, true)
            }
            Err(error) => {
                let message = error.to_string();
                if self.log.complaint.as_ref() != Some(&message) {
                    self.metrics.log_errors.inc();
                    tracing::error!(reason = %message, "checkpoint refused; the one before goes on being served");
                }
                self.log.complaint = Some(message);
                false
            }
        }
    }
}
