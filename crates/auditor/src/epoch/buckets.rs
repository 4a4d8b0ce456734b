//! Buckets as they are served, and what is wrong with them.

use ceknik_client::CacheMode;
use ceknik_core::bucket::{Bucket, BucketError};
use ceknik_core::manifest::Manifest;

use super::{Checked, Epochs, Stop, bucket_code};
use crate::findings::{Code, Finding};
use crate::source::Missing;

/// Why a bucket was not had.
pub(super) enum Fault {
    Missing(Missing),
    Refused(BucketError),
}

/// What is wrong with buckets: each kind once, with the first and how many more.
#[derive(Default)]
pub(super) struct Faults {
    kinds: Vec<(Code, u32, String, u64)>,
    /// Some are not there, or refused, or not to be had now.
    pub(super) missing: Option<Checked>,
}

impl Faults {
    /// One more.
    pub(super) fn add(&mut self, index: u32, fault: Fault) {
        let (code, why) = match fault {
            Fault::Missing(Missing::Failed { why }) => {
                self.missing.get_or_insert(Checked::NotNow(format!("bucket {index}: {why}")));
                return;
            }
            Fault::Missing(why @ Missing::TooLong) => (Code::BucketLength, why.to_string()),
            Fault::Missing(why) => {
                let is_gone = matches!(why, Missing::Gone { .. });
                let checked = if is_gone { Checked::Gone } else { Checked::Withheld(format!("bucket {index}: {why}")) };
                self.missing.get_or_insert(checked);
                (Code::BucketWithheld, why.to_string())
            }
            Fault::Refused(error) => (bucket_code(&error), error.to_string()),
        };
        match self.kinds.iter_mut().find(|(found, ..)| *found == code) {
            Some((.., times)) => *times += 1,
            None => self.kinds.push((code, index, why, 1)),
        }
    }

    /// Says what was found, if anything was. What was wrong weighs more than what could not be had.
    pub(super) fn end(self, findings: &mut Vec<Finding>) -> Result<(), Stop> {
        let only_missing = self.kinds.iter().all(|(code, ..)| *code == Code::BucketWithheld);
        if self.kinds.is_empty() && self.missing.is_none() {
            return Ok(());
        }
        for (code, index, why, times) in self.kinds {
            let more = if times > 1 { format!(", and {} more", times - 1) } else { String::new() };
            findings.push(Finding::new(code, format_args!("bucket {index}: {why}{more}")));
        }
        Err(Stop::Checked(self.missing.filter(|_| only_missing).unwrap_or(Checked::Wrong)))
    }
}

impl Epochs<'_> {
    /// A bucket of an epoch against the manifest's tree; or its index, and why not.
    pub(super) async fn fetch_bucket(&self, manifest: &Manifest, index: u32) -> Result<Bucket, (u32, Fault)> {
        let (geometry, root) = (manifest.buckets.geometry, manifest.buckets.root);
        let path = format!("/v1/{}/epochs/{}/buckets/{index}", self.dataset, manifest.epoch);
        let fetched = self.source.get(&path, u64::from(geometry.response_bytes()), CacheMode::NoStore).await;
        let response = fetched.map_err(|missing| (index, Fault::Missing(missing)))?;
        match tokio::task::spawn_blocking(move || geometry.open_response(index, &root, &response)).await {
            Ok(opened) => opened.map_err(|error| (index, Fault::Refused(error))),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}
