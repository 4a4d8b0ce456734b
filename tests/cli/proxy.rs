//! A proxy between the real client and the real service that lies in every possible way, or breaks: the client says *no
//! answer* and which check failed, and never a wrong *listed* or *not listed*.

#![allow(clippy::unwrap_used, reason = "a failure is to be seen where it happens")]

mod support;

#[path = "proxy/cached.rs"]
mod cached;
#[path = "proxy/forged.rs"]
mod forged;
#[path = "proxy/lies.rs"]
mod lies;
#[path = "proxy/mirrors.rs"]
mod mirrors;
#[path = "proxy/mutations.rs"]
mod mutations;
#[path = "proxy/transport.rs"]
mod transport;
#[path = "proxy/world.rs"]
mod world;
