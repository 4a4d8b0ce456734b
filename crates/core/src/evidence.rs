//! Evidence: what a lookup saw, in one file, for somebody who was not there (spec, "Evidence").
//!
//! The person who looked has an [`EvidenceFile`]: the manifest with its log proof, the block of the filter, the blind, one
//! evaluation with its proof, the bucket. No NIK is in it. Whoever is shown the file types the NIK from the identity card,
//! and every step is computed again:
//!
//! ```text
//! let examination = evidence::examine(&file, &terms)?;     all that needs no NIK; Err is a verdict already
//! let stretched = …                                        of the NIK, with examination.stretch()
//! let verdict = examination.conclude(&stretched);
//! ```
//!
//! [`verify`] does the three together. What failed is told as a [`Check`]; how to say it to people is the caller's matter.
//!
//! A file names its person to whoever can guess the NIK: with the blind, each guess can be tested against the blinded
//! element, for the price of a stretch. Whoever makes or shows one has to say so.
//!
//! Not in scope: whether the list is the latest, or still valid today. Evidence is of what was published, and does not expire.

use sha2::{Digest, Sha256};

mod check;
mod examination;
mod file;

pub use check::{Check, CheckResult};
pub use examination::{Examination, Finding, Terms, Verdict, examine, verify};
pub use file::{EvidenceError, EvidenceFile, MOST_EVIDENCE_BYTES};

/// SHA-256 of a file: what is on paper beside it.
pub fn evidence_sha256(file: &[u8]) -> [u8; 32] {
    Sha256::digest(file).into()
}

/// What stands before the hash in a QR code. Only characters that a QR code packs tightly.
const QR_PREFIX: &str = "CEKNIK-EVIDENCE-1:";

/// The content of the QR code that ties a printed sheet to the file with this SHA-256. It holds nothing else of the file.
pub fn qr_content(sha256: &[u8; 32]) -> String {
    format!("{QR_PREFIX}{}", crate::encoding::hex(sha256).to_ascii_uppercase())
}

#[cfg(test)]
mod tests;
