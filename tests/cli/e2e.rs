//! From end to end over real sockets: `ceknik` and `ceknikd` as processes, from a spreadsheet to answers and back.
//!
//! Import, check and demo are done at the full cost of the stretch here; where a test is about epochs and generations, the
//! stretch is weak. Twenty thousand rows at full cost are in `long.rs`.

#![allow(clippy::unwrap_used, reason = "a failure is to be seen where it happens")]

#[path = "e2e/demo.rs"]
mod demo;
#[path = "e2e/epochs.rs"]
mod epochs;
#[path = "e2e/full_cost.rs"]
mod full_cost;
#[path = "e2e/generations.rs"]
mod generations;
#[path = "e2e/validity.rs"]
mod validity;

mod support;
