//! The ceknik protocol: everything that an auditor must trust, bytes in, bytes out.
//!
//! One question is answered here: does the holder of a national identity number (NIK) stand on a published list? The answer
//! is computed from public files and one blind evaluation, and the NIK stays with whoever asks. The modules follow the steps
//! of `docs/spec.md`:
//!
//! 1. [`Nik`], the identifier, normalised;
//! 2. [`Stretcher`], Argon2id;
//! 3. [`filter`], the public filter and its noise, with the arithmetic of the promise in [`deniability`];
//! 4. [`oprf`], the blind evaluation;
//! 5. and 6. [`record`], the keyed hash and the sealed record;
//! 7. [`bucket`], the sealed table in pieces that people share;
//! 8. [`manifest`], what an epoch is;
//! 9. [`log`], the transparency log that makes it the same for everybody.
//!
//! Beside them stand [`audit`], what published figures must look like from outside, and [`evidence`], all of it in one file, for
//! somebody who was not there.
//!
//! No I/O, no clock, no randomness of the system, no async: random numbers and times are parameters. It builds for
//! `wasm32-unknown-unknown` and gives the same bytes on every platform. Whoever needs a part of the protocol depends on this
//! crate; it depends on no other crate of the project. Lists, stores, sockets and files are not its business.

mod cover;
mod label;
mod nik;
mod secret;
mod stretch;

pub mod audit;
pub mod bucket;
pub mod deniability;
pub mod encoding;
pub mod evidence;
pub mod filter;
pub mod json;
pub mod key_file;
pub mod log;
pub mod manifest;
pub mod merkle;
pub mod oprf;
pub mod record;
pub mod time;

pub use cover::{CoverSecret, covers, filler_locator, mirror_rank};
pub use nik::{
    BirthDate, District, DistrictStanding, MAX_NIK_INPUT_BYTES, Nik, NikError, NikWarning, NikWarnings, Sex,
};
pub use stretch::{StretchCost, StretchError, Stretched, Stretcher, cost};
