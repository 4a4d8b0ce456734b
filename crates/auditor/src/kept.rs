//! What an audit keeps of a list: the epochs that it has verified, and how it stands with the others.

use std::collections::{BTreeMap, BTreeSet};

use ceknik_core::encoding::hex;
use ceknik_core::manifest::Id;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::epoch::AuditedEpoch;
use crate::figures::Files;
use crate::findings::Finding;
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
    /// Verified epochs of which no audit has told yet: one was broken off.
    #[serde(default)]
    untold: BTreeSet<u64>,
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
            return Ok(Self {
                format: Self::FORMAT,
                audited: Vec::new(),
                others: BTreeMap::new(),
                untold: BTreeSet::new(),
            });
        };
        let kept = whole(&bytes).and_then(|json| serde_json::from_slice(json).ok());
        kept.filter(|kept: &Self| kept.format == Self::FORMAT).ok_or_else(|| state.damaged(&name))
    }

    pub(crate) fn write(&self, state: &State, dataset: &Id) -> Result<(), StateError> {
        // Numbers, texts and lists of them: always encodable.
        let json = serde_json::to_vec(self).unwrap_or_default();
        let digest = hex(&Sha256::digest(&json));
        state.write(&Self::name(dataset), &[&json[..], b"\n", digest.as_bytes(), b"\n"].concat())
    }

    /// What was counted in the files of an epoch, where they were verified.
    pub(crate) fn audited(&self, logged: &LoggedEpoch) -> Option<&AuditedEpoch> {
        let place = self.audited.binary_search_by_key(&logged.manifest.epoch, |audited| audited.epoch).ok()?;
        self.audited.get(place).filter(|audited| audited.sha256 == hex(&logged.sha256))
    }

    /// What was found of verified epochs, and stays true.
    pub(crate) fn findings(&self) -> impl Iterator<Item = Finding> {
        self.audited.iter().flat_map(|audited| {
            let told_before = !self.untold.contains(&audited.epoch);
            audited.findings.iter().map(move |finding| finding.clone().told(told_before))
        })
    }

    /// An audit has told all that is kept of a list.
    pub(crate) fn told(state: &State, dataset: &Id) -> Result<(), StateError> {
        let mut kept = Self::read(state, dataset)?;
        if kept.untold.is_empty() {
            return Ok(());
        }
        kept.untold.clear();
        kept.write(state, dataset)
    }

    /// Whether the filter of an epoch was counted already, in another one of `all` that says the same of it.
    pub(crate) fn is_judged(&self, logged: &LoggedEpoch, all: &[LoggedEpoch]) -> bool {
        let Some(filter) = &logged.manifest.filter else { return false };
        let same = |other: &&LoggedEpoch| {
            other.index != logged.index && other.manifest.filter.as_ref().is_some_and(|other| other == filter)
        };
        all.iter().filter(same).any(|other| self.audited(other).is_some())
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
        self.untold.insert(audited.epoch);
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

/// The JSON of a file that has its SHA-256 on a second line: a digit that a disk altered is a digit. Files of before have none.
fn whole(file: &[u8]) -> Option<&[u8]> {
    let Some(line) = file.len().checked_sub(66).filter(|line| file[*line] == b'\n') else { return Some(file) };
    let (json, digest) = (&file[..line], &file[line + 1..file.len() - 1]);
    (hex(&Sha256::digest(json)).as_bytes() == digest).then_some(json)
}
