//! The lookup against a service in memory: every answer, every way in which the service can lie or fail, and what is sent.

// What the fixtures make is theirs: a failure to make it is a failed test.
#![allow(clippy::unwrap_used)]

mod answers;
#[cfg(feature = "driver")]
mod driver;
mod evidence;
mod history;
mod hostile;
#[cfg(feature = "driver")]
mod mirrors;
mod privacy;
mod publisher;
mod retries;
mod service;
