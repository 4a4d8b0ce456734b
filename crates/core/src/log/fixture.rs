//! A log for tests, with fixed keys. Its tiles come from the definition in tlog-tiles, not from the code under test.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;
use crate::merkle::{leaf_hash, root};

pub(super) const ORIGIN: &str = "ceknik.example.org/log";

pub(super) fn signer() -> LogSigner {
    LogSigner::generate(ORIGIN, &mut ChaCha20Rng::seed_from_u64(7)).unwrap()
}

pub(super) fn cosigner(number: u8) -> Cosigner {
    Cosigner::from_seed(&format!("w{number}.example"), &[number; 32]).unwrap()
}

/// A policy with the test log, the cosigners 1 to `witnesses` as `w1`, `w2`..., and the given last lines.
pub(super) fn policy(witnesses: u8, rest: &str) -> Policy {
    let mut text = format!("log {}\n", signer().verifier_key());
    for number in 1..=witnesses {
        text.push_str(&format!("witness w{number} {}\n", cosigner(number).verifier_key()));
    }
    text.push_str(rest);
    Policy::parse(text.as_bytes()).unwrap()
}

pub(super) fn leaf(index: u64) -> Vec<u8> {
    format!("leaf {index}").into_bytes()
}

/// All hashes of a log whose leaves are [`leaf`], level by level of tiles.
pub(super) struct TestLog {
    levels: Vec<Vec<NodeHash>>,
}

impl TestLog {
    pub(super) fn new(size: u64) -> Self {
        Self::with_leaves((0..size).map(|index| leaf_hash(&leaf(index))).collect())
    }

    pub(super) fn with_leaves(leaves: Vec<NodeHash>) -> Self {
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|level| level.len() >= 256) {
            let above = below.chunks_exact(256).map(|tile| root(tile.iter().copied())).collect();
            levels.push(above);
        }
        Self { levels }
    }

    pub(super) fn head(&self, size: u64) -> TreeHead {
        let leaves = &self.levels[0][..usize::try_from(size).unwrap()];
        TreeHead { size, root: root(leaves.iter().copied()) }
    }

    pub(super) fn tile(&self, tile: TileId) -> Vec<u8> {
        let start = usize::try_from(tile.index()).unwrap() * 256;
        let level = &self.levels[usize::from(tile.level())];
        level[start..start + usize::from(tile.width())].concat()
    }

    pub(super) fn contents(&self, tiles: &[TileId]) -> Vec<Vec<u8>> {
        tiles.iter().map(|&tile| self.tile(tile)).collect()
    }

    pub(super) fn authentic(&self, plan: &TilePlan, size: u64) -> AuthenticTiles {
        plan.authenticate(&self.head(size), &self.contents(plan.tiles())).unwrap()
    }

    /// The note of a checkpoint of this log, signed, with cosignatures at the given times.
    pub(super) fn note(&self, size: u64, cosigners: &[(u8, u64)]) -> Vec<u8> {
        let signed = signer().sign(&self.head(size)).unwrap();
        let seen = signed.verify(&Policy::for_log(signer().verifier_key())).unwrap();
        let mut note = signed.as_bytes().to_vec();
        for &(number, time) in cosigners {
            note.extend(cosigner(number).cosign(&seen, time).unwrap());
        }
        note
    }

    pub(super) fn checkpoint(&self, size: u64) -> VerifiedCheckpoint {
        let policy = Policy::for_log(signer().verifier_key());
        SignedCheckpoint::parse(&self.note(size, &[])).unwrap().verify(&policy).unwrap()
    }

    pub(super) fn proof(&self, index: u64, size: u64, cosigners: &[(u8, u64)]) -> TlogProof {
        let tiles = self.authentic(&TilePlan::edge(size).with_leaf(index), size);
        let checkpoint = SignedCheckpoint::parse(&self.note(size, cosigners)).unwrap();
        TlogProof::new(index, tiles.prove_leaf(index).unwrap(), checkpoint)
    }
}
