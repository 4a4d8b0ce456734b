//! A witness of transparency logs, and the asking of witnesses: both sides of C2SP tlog-witness.
//!
//! A witness remembers the largest checkpoint of each log that it follows, and cosigns another only when that begins with the
//! one before. So a log that shows two histories finds no witness for the second. [`Witness`] is that memory and judgement,
//! bytes in and bytes out; [`serve`] puts it behind HTTP. [`collect`] is the log's side: it asks witnesses for cosignatures.
//!
//! Not in scope: what the leaves of a log mean, copies of a log (C2SP tlog-mirror), cosignatures of subtrees and ML-DSA keys.
//! Of the project's crates it may import `ceknik-core`; the command `ceknik` imports it.

mod collect;
mod durable;
mod request;
mod serve;
mod witness;

#[cfg(test)]
mod fixture;

pub use collect::{Asked, Failure, Patience, Prove, Request, collect, fetch_checkpoint};
pub use request::{AddCheckpoint, MAX_REQUEST_BYTES, RequestError};
pub use serve::{ServeError, ServeLimits, router, serve};
pub use witness::{
    Answer, Evidence, EvidenceKind, Followed, FollowedError, LogStatus, Refusal, StateError, Witness, create_state,
};
