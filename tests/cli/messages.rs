//! Bad input, and what whoever gave it is told: what is wrong, where, and what to do next. Exact messages, of the real
//! commands and the real service. Full disks, two publishers and another version's store are in `faults.rs`.

#![allow(clippy::unwrap_used, reason = "a failure is to be seen where it happens")]

mod support;

#[path = "messages/definitions.rs"]
mod definitions;
#[path = "messages/epochs.rs"]
mod epochs;
#[path = "messages/keys.rs"]
mod keys;
#[path = "messages/lists.rs"]
mod lists;
#[path = "messages/requests.rs"]
mod requests;
