//! What the tests of the commands share: `ceknik` and `ceknikd` as child processes, a publisher's home with a small list,
//! a sample list with everything that is in real ones, people who check, a proxy that lies.

#![allow(dead_code, reason = "each file of tests uses a part of it")]

pub(crate) mod citizen;
pub(crate) mod command;
pub(crate) mod forger;
pub(crate) mod home;
pub(crate) mod http;
pub(crate) mod proxy;
pub(crate) mod sample;
pub(crate) mod service;
pub(crate) mod witness;
