//! Evidence, from `ceknik check --evidence` to `ceknik verify`, with the real service between them.

#![allow(clippy::unwrap_used, reason = "a failure is to be seen where it happens")]

#[path = "evidence/altered.rs"]
mod altered;
#[path = "evidence/round_trip.rs"]
mod round_trip;
#[path = "evidence/terms.rs"]
mod terms;
#[path = "evidence/vectors.rs"]
mod vectors;
#[path = "evidence/world.rs"]
mod world;

mod support;
