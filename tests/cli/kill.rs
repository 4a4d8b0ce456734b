//! kill -9, at any moment: nothing is lost, nothing half published, nothing counted twice.
//!
//! Imports and publications are killed fifty times each: most of them run in a process that says which phase it is in
//! ([`child`]), so that every phase is hit and the test can print where; the others are the commands themselves, killed
//! after a random time. Which moments are tried follows from seeds; where exactly they hit is up to the machine.

#![allow(clippy::unwrap_used, reason = "a failure is to be seen where it happens")]

#[path = "kill/cache.rs"]
mod cache;
#[path = "kill/child.rs"]
mod child;
#[path = "kill/import.rs"]
mod import;
#[path = "kill/killer.rs"]
mod killer;
#[path = "kill/publish.rs"]
mod publish;
#[path = "kill/published.rs"]
mod published;
#[path = "kill/service.rs"]
mod service;
mod support;

/// Started by the other tests; run as one of them, it does nothing.
#[test]
fn the_process_that_is_killed() {
    child::work_if_told();
}
