//! What an audit says: as data, as text, as a page that stands alone.

use ceknik_core::encoding::base64url;
use ceknik_core::log::Policy;
use ceknik_core::manifest::Text;
use ceknik_core::time::Timestamp;
use serde::Serialize;

use crate::epoch::Again;
use crate::figures::{LoggedFigures, PromiseFigures};
use crate::findings::{Finding, Unchecked, Weight};
use crate::list::ListFigures;
use crate::log::Followed;
use crate::probe::Probes;

mod html;
mod picture;
mod text;
mod words;

pub use html::html;
pub use text::text;

/// Version of the report as JSON: it goes up when a member goes or means something else.
pub const REPORT_VERSION: u32 = 1;

/// All that an audit found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// [`REPORT_VERSION`].
    pub version: u32,
    /// When it was made.
    pub at: String,
    /// The service.
    pub server: String,
    /// In one word.
    pub verdict: Verdict,
    /// What the audit rests on.
    pub trust: Trust,
    /// The log; none where it was not followed to its end.
    pub log: Option<LogFigures>,
    /// The lists.
    pub lists: Vec<ListReport>,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
    /// What was not checked, and why.
    pub unchecked: Vec<Unchecked>,
}

/// The outcome in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything was checked that can be, and keeps the rules.
    AllWell,
    /// Nothing wrong was found, and something could not be checked.
    NotWhole,
    /// Figures that chance gives one honest epoch in 1,000, and no earlier audit told so.
    Unlikely,
    /// The publisher or service broke a rule.
    Problem,
    /// The log shows two histories, or an old one.
    Fork,
}

/// What the audit rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trust {
    /// Where the policy came from.
    pub basis: TrustBasis,
    /// The keys of its logs, and the names of its witnesses' keys.
    pub logs: Vec<String>,
    /// See `logs`.
    pub witnesses: Vec<String>,
    /// Whether the quorum asks for witnesses at all.
    pub needs_witnesses: bool,
}

/// Where a policy came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TrustBasis {
    /// The auditor gave it.
    Given,
    /// The service did, just now.
    FirstUse,
    /// The service did, at an earlier audit.
    Kept,
}

impl Trust {
    pub(crate) fn new(basis: TrustBasis, policy: &Policy) -> Self {
        Self {
            basis,
            logs: policy.logs().iter().map(|log| log.key().to_string()).collect(),
            witnesses: policy.witnesses().iter().map(|witness| witness.key().name().to_owned()).collect(),
            needs_witnesses: policy.needs_witnesses(),
        }
    }
}

/// The log as it was followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogFigures {
    /// Its name.
    pub origin: String,
    /// Entries.
    pub size: u64,
    /// Root of the tree, in base64url.
    pub root: String,
    /// Entries at the audit before; none at the first.
    pub size_before: Option<u64>,
    /// Witnesses of the policy that cosigned this state.
    pub witnessed: Vec<String>,
}

impl LogFigures {
    pub(crate) fn new(followed: &Followed) -> Self {
        let head = followed.checkpoint.head();
        Self {
            origin: followed.checkpoint.origin().to_owned(),
            size: head.size,
            root: base64url(&head.root),
            size_before: followed.before,
            witnessed: followed.checkpoint.witnessed().iter().map(|witness| witness.key_name.clone()).collect(),
        }
    }
}

/// One list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ListReport {
    /// Its id.
    pub dataset: String,
    /// Its name.
    pub title: Text,
    /// People who could be listed.
    pub population: u64,
    /// The budget that is disclosed.
    pub evaluations_per_day: u64,
    /// Its epochs in order.
    pub epochs: Vec<LoggedFigures>,
    /// What was looked at again of the newest epoch, which an earlier audit verified; none where this one saw all of it.
    pub again: Option<Again>,
    /// What the newest filter tells; none without one, or where it was not verified.
    pub promise: Option<PromiseFigures>,
    /// What was asked of the evaluation; none where nothing was.
    pub probes: Option<Probes>,
    /// The raw list beside it; none where none was given.
    pub list: Option<ListFigures>,
}

impl ListReport {
    /// The newest epoch. There is one: a list is known by its epochs.
    pub fn newest(&self) -> Option<&LoggedFigures> {
        self.epochs.last()
    }
}

impl Report {
    pub(crate) fn new(
        at: Timestamp,
        server: String,
        trust: Trust,
        log: Option<LogFigures>,
        lists: Vec<ListReport>,
        mut findings: Vec<Finding>,
        unchecked: Vec<Unchecked>,
    ) -> Self {
        findings.sort_by_key(|finding| core::cmp::Reverse(finding.code.weight()));
        // What chance may have done is no standing reproach: it decides once.
        let counts = |finding: &&Finding| finding.code.weight() != Weight::Chance || !finding.told_before;
        let worst = findings.iter().filter(counts).map(|finding| finding.code.weight()).max();
        let verdict = match worst {
            Some(Weight::Fork) => Verdict::Fork,
            Some(Weight::Problem) => Verdict::Problem,
            Some(Weight::Chance) => Verdict::Unlikely,
            _ if unchecked.iter().any(|unchecked| !unchecked.expected) => Verdict::NotWhole,
            _ => Verdict::AllWell,
        };
        Self { version: REPORT_VERSION, at: at.to_string(), server, verdict, trust, log, lists, findings, unchecked }
    }

    /// The report as JSON.
    pub fn to_json(&self) -> String {
        // Texts, numbers and lists of them; factors and chances are finite.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}
