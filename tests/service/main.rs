//! The service from outside: its router without sockets, its sockets, its process.

#![allow(clippy::unwrap_used, reason = "tests and their support: a failure is to be seen where it happens")]

#[path = "../fixture/publication.rs"]
#[allow(dead_code, reason = "each user needs a part of it")]
mod publication;

mod copying;
mod epochs;
mod evaluate;
mod http;
mod metrics;
mod openapi;
mod operations;
mod page;
mod process;
mod routes;
mod sockets;
mod support;
