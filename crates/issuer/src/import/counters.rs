//! What an import counts. Stored with every chunk, so that an interruption counts nothing twice.

use std::collections::{BTreeMap, BTreeSet};

use ceknik_core::NikWarnings;
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};

use super::merge::{Effect, WITHDRAWN};

/// What an import did. Every row is one of refused, added, changed, unchanged and repeated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportCounters {
    /// Rows of the list, empty ones not counted.
    pub rows: u64,
    /// Rows refused, by the code of the reason.
    pub refused: BTreeMap<String, u64>,
    /// Supports that were not there.
    pub added: u64,
    /// Supports whose status or date of submission changed.
    pub changed: u64,
    /// Supports that stayed as they were.
    pub unchanged: u64,
    /// Rows whose NIK and candidate an earlier row of this import had. The later row won.
    pub repeated: u64,
    /// Of these, rows that said something else than the earlier one.
    pub repeated_differing: u64,
    /// People who were never in this generation before: they count as members from now on.
    pub people_added: u64,
    /// People who were withdrawn before, and are listed again by this import.
    pub people_returned: u64,
    /// Accepted rows with something odd about the NIK, by the code of the warning.
    pub warnings: BTreeMap<String, u64>,
    /// Supports that a snapshot withdrew.
    pub withdrawn: u64,
    /// People of whom that left nothing.
    pub people_withdrawn: u64,
    /// Supports that were listed before and that a snapshot would have withdrawn, where they are too many to do so untold.
    #[serde(default)]
    pub missing: u64,
    /// Of so many that were listed before.
    #[serde(default)]
    pub listed_before: u64,
    /// Supports that this import left or changed and that were last seen by an import which is held back for missing ones: it
    /// may have brought them.
    #[serde(default)]
    pub(super) of_held: u64,
    /// Numbers of the candidates that accepted rows name, and in the end of the one given for the whole file: those a
    /// snapshot is the whole truth for.
    pub(super) candidates: BTreeSet<u16>,
    /// What became of a snapshot.
    pub snapshot: SnapshotOutcome,
}

/// What became of a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotOutcome {
    /// The list was not said to be the whole truth.
    #[default]
    NotAsked,
    /// It was, and is yet to be carried out.
    Asked,
    /// Rows were refused, so nothing was withdrawn: a person whose row could not be read would have been.
    Held,
    /// So much of what was listed is missing in the list that it may be another one, so nothing was withdrawn.
    HeldMissing,
    /// What the list has not was withdrawn.
    Done,
}

impl SnapshotOutcome {
    /// Whether nothing was withdrawn, for now.
    pub fn is_held(self) -> bool {
        matches!(self, Self::Held | Self::HeldMissing)
    }
}

impl ImportCounters {
    /// Whether so much of what was listed is missing in the list that it may be a wrong one, and nobody has said otherwise.
    pub(super) fn is_doubtful(&self) -> bool {
        self.snapshot.is_held() && self.missing > 0
    }

    /// Rows refused, for whatever reason.
    pub fn refused_rows(&self) -> u64 {
        self.refused.values().sum()
    }

    /// Rows refused whose person is not known, so that they may be of anybody.
    pub fn unread_rows(&self) -> u64 {
        self.refused_rows() - self.refused.get(WITHDRAWN).copied().unwrap_or_default()
    }

    /// For whoever reads a summary: all but what the import reckons with.
    pub(super) fn told<S: Serializer>(counters: &Self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut told = serde_json::to_value(counters).map_err(S::Error::custom)?;
        if let Some(fields) = told.as_object_mut() {
            fields.remove("candidates");
            fields.remove("of_held");
        }
        told.serialize(serializer)
    }

    pub(super) fn refuse(&mut self, code: &str) {
        self.rows += 1;
        match self.refused.get_mut(code) {
            Some(count) => *count += 1,
            None => drop(self.refused.insert(code.to_owned(), 1)),
        }
    }

    pub(super) fn accept(&mut self, effect: Effect, candidate: u16, of_held: bool, warnings: NikWarnings) {
        self.rows += 1;
        self.of_held += u64::from(of_held);
        match effect {
            Effect::Added => self.added += 1,
            Effect::Changed => self.changed += 1,
            Effect::Unchanged => self.unchanged += 1,
            Effect::Repeated { differing } => {
                self.repeated += 1;
                self.repeated_differing += u64::from(differing);
            }
        }
        self.candidates.insert(candidate);
        for warning in warnings.iter() {
            *self.warnings.entry(warning.code().to_owned()).or_default() += 1;
        }
    }
}
