//! What a witness keeps of a log that signed what it should not have.

use serde::{Deserialize, Serialize};

/// What the evidence shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EvidenceKind {
    /// Two checkpoints of one size with different roots, both signed by the log: proof that it shows two histories.
    Fork,
    /// A checkpoint signed by the log, with a proof that does not lead to it from the one cosigned last. Either the log rewrote
    /// its history, or somebody sent a wrong proof with a good checkpoint; the log's tiles decide. Removed once the checkpoint is
    /// cosigned after all.
    Unproven,
}

/// A file of evidence: JSON, complete in itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// What it shows.
    pub kind: EvidenceKind,
    /// The log's name.
    pub origin: String,
    /// The key of the witness that keeps it.
    pub witness: String,
    /// When the request came, by the witness's clock: RFC 3339, UTC.
    pub received_at: String,
    /// The checkpoint that was cosigned before: the note, with the signatures of log and witness.
    pub cosigned: String,
    /// The request: old size, consistency proof and checkpoint, as they came.
    pub request: String,
}
