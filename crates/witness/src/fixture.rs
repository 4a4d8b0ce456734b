//! What the tests share: logs and witnesses with fixed keys.

use ceknik_core::log::{Cosigner, VerifierKey};

use crate::{AddCheckpoint, Followed};

#[path = "../../../tests/fixture/log.rs"]
mod log;

pub(crate) use log::{ORIGIN, TestLog, signer};

pub(crate) fn cosigner(number: u8) -> Cosigner {
    Cosigner::from_seed(&format!("w{number}.example"), &[number; 32]).unwrap()
}

pub(crate) fn followed() -> Followed {
    Followed::new([signer().verifier_key()]).unwrap()
}

pub(crate) fn witness_key(number: u8) -> VerifierKey {
    cosigner(number).verifier_key()
}

impl TestLog {
    pub(crate) fn request(&self, old: u64, size: u64) -> AddCheckpoint {
        AddCheckpoint::parse(&self.body(old, size)).unwrap()
    }
}
