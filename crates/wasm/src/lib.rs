//! The lookup for JavaScript: [`ceknik_client::Lookup`], through `wasm-bindgen`, for the npm package `ceknik`.
//!
//! Actions go out and events come in as they are there, by ticket. An action is an object of JSON, and what it holds of
//! bytes (a job, a file to keep) is taken out beside it, by [`Lookup::take_part`]. What JavaScript decides is nothing: it
//! fetches, waits, keeps and computes what it is told to, and shows the report.
//!
//! ```text
//! Inquiry ──begin──► Lookup ──next_action──► fetch, stretch, load, store, wait, progress, done
//!                       ▲                                │
//!                       └── responded, stretched, … ◄────┘          Stretcher: the slow hash, in a worker
//! ```
//!
//! A NIK comes in as text and is kept in here, where it is wiped; it goes out in a job for the worker alone, and so does the
//! stretch from there. Random numbers are those of the browser.
//!
//! Not in here: the protocol (`ceknik-core`), its order (`ceknik-client`), and requests, storage and words for people, which
//! are `js/`. Imported by nobody.

#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

mod error;
#[cfg(any(feature = "verify", test))]
mod evidence;
mod forms;
mod inquiry;
mod lookup;
mod nik;
mod paper;
mod random;
mod remembered;
mod stretcher;

pub use error::Refusal;
#[cfg(any(feature = "verify", test))]
pub use evidence::verify_evidence;
pub use inquiry::Inquiry;
pub use lookup::Lookup;
pub use nik::describe_nik;
pub use paper::evidence_qr;
pub use remembered::{larger_checkpoint_is_old, later_list_is_old};
pub use stretcher::Stretcher;

#[cfg(test)]
mod tests;
