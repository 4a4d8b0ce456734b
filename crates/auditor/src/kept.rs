//! What an audit keeps of a list: the epochs that it has verified, and how it stands with the others.

use std::collections::BTreeMap;

use ceknik_core::encoding::hex;
use ceknik_core::manifest::Id;
use serde::{Deserialize, Serialize};

use crate::epoch::AuditedEpoch;
use crate::figures::Files;
use crate::history::LoggedEpoch;
use crate::state::{State, StateError};

/// Most bytes of what is kept of a list: some KiB for each epoch.
const MOST_STATE_BYTES: usize = 64 << 20;

/// What is kept of a list.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    format: u32,
    /// Epochs whose files were verified, in order.
    pub(crate) audited: Vec<AuditedEpoch>,
    /// The others, as they stood when they were asked for last.
    #[serde(default)]
    others: BTreeMap<u64, Standing>,
}

/// How it stands with an epoch whose files were not verified.
#[derive(Debug, Serialize, Deserialize)]
struct Standing {
    /// SHA-256 of its manifest, in hex.
    sha256: String,
    files: Files,
}

impl Kept {
    const FORMAT: u32 = 1;

    fn name(dataset: &Id) -> String {
        format!("lists/{dataset}/state.json")
    }

    pub(crate) fn read(state: &State, dataset: &Id) -> Result<Self, StateError> {
        let name = Self::name(dataset);
        let Some(bytes) = state.read(&name, MOST_STATE_BYTES)? else {
            return Ok(Self { format: Self::FORMAT, audited: Vec::new(), others: BTreeMap::new() });
        };
        let kept: Option<Self> = serde_json::from_slice(&bytes).ok();
        kept.filter(|kept| kept.format == Self::FORMAT).ok_or_else(|| state.damaged(&name))
    }

    pub(crate) fn write(&self, state: &State, dataset: &Id) -> Result<(), StateError> {
        // Numbers, texts and lists of them: always encodable.
        state.write(&Self::name(dataset), &serde_json::to_vec(self).unwrap_or_default())
    }

    /// What was counted in the files of an epoch, where they were verified.
    pub(crate) fn audited(&self, logged: &LoggedEpoch) -> Option<&AuditedEpoch> {
        let place = self.audited.binary_search_by_key(&logged.manifest.epoch, |audited| audited.epoch).ok()?;
        self.audited.get(place).filter(|audited| audited.sha256 == hex(&logged.sha256))
    }

    /// How it stands with an epoch's files; none where they were never asked for.
    pub(crate) fn files(&self, logged: &LoggedEpoch) -> Option<Files> {
        if self.audited(logged).is_some() {
            return Some(Files::Verified);
        }
        let other = self.others.get(&logged.manifest.epoch)?;
        (other.sha256 == hex(&logged.sha256)).then_some(other.files)
    }

    /// An epoch was verified.
    pub(crate) fn add(&mut self, audited: AuditedEpoch) {
        self.others.remove(&audited.epoch);
        match self.audited.binary_search_by_key(&audited.epoch, |audited| audited.epoch) {
            Ok(place) => self.audited[place] = audited,
            Err(place) => self.audited.insert(place, audited),
        }
    }

    /// An epoch was not verified.
    pub(crate) fn stands(&mut self, logged: &LoggedEpoch, files: Files) {
        self.others.insert(logged.manifest.epoch, Standing { sha256: hex(&logged.sha256), files });
    }
}
