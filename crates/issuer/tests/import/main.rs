//! Lists into the store: rows, repeats, snapshots, withdrawals, interruptions, and what the store's file holds then.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod content;
mod desk;
mod generations;
mod interrupted;
mod rows;
mod snapshot;
mod withdrawals;
