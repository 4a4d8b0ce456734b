//! Witnesses as processes: killed, asked by publishers, demanded by clients.

#![allow(clippy::unwrap_used, reason = "a failure is to be seen where it happens")]

#[path = "witness/compare.rs"]
mod compare;
#[path = "witness/kill.rs"]
mod kill;
#[path = "../fixture/log.rs"]
mod log;
#[path = "witness/publish.rs"]
mod publish;
#[path = "witness/serve.rs"]
mod serve;
mod support;
