//! Logs for tests, with fixed keys: one that is honest, and others that differ from it in one leaf.

use std::collections::BTreeMap;

use ceknik_core::log::{
    AuthenticTiles, Cosigner, EMPTY_ROOT, LogSigner, SignedCheckpoint, TileId, TilePlan, TreeHead, VerifierKey,
};
use ceknik_core::merkle::{NodeHash, leaf_hash};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::{AddCheckpoint, Followed};

pub(crate) const ORIGIN: &str = "ceknik.example.org/log";

/// The key of the logs.
pub(crate) fn signer() -> LogSigner {
    LogSigner::generate(ORIGIN, &mut ChaCha20Rng::seed_from_u64(7)).unwrap()
}

pub(crate) fn cosigner(number: u8) -> Cosigner {
    Cosigner::from_seed(&format!("w{number}.example"), &[number; 32]).unwrap()
}

pub(crate) fn followed() -> Followed {
    Followed::new([signer().verifier_key()]).unwrap()
}

pub(crate) fn witness_key(number: u8) -> VerifierKey {
    cosigner(number).verifier_key()
}

/// A log that is held as a whole.
pub(crate) struct TestLog {
    heads: Vec<TreeHead>,
    tiles: BTreeMap<(u8, u64), Vec<u8>>,
}

impl TestLog {
    pub(crate) fn new(size: u64) -> Self {
        Self::forked(size, u64::MAX)
    }

    /// With another leaf than the honest log at a place.
    pub(crate) fn forked(size: u64, place: u64) -> Self {
        let empty = TreeHead { size: 0, root: EMPTY_ROOT };
        let mut edge: AuthenticTiles = TilePlan::edge(0).authenticate::<&[u8]>(&empty, &[]).unwrap();
        let mut log = Self { heads: vec![empty], tiles: BTreeMap::new() };
        for index in 0..size {
            let leaf = if index == place { "forked".to_owned() } else { format!("leaf {index}") };
            let appended = edge.append(leaf_hash(leaf.as_bytes())).unwrap();
            for (tile, bytes) in &appended.tiles {
                log.tiles.insert((tile.level(), tile.index()), bytes.clone());
            }
            log.heads.push(appended.head);
            edge = log.authentic(&TilePlan::edge(index + 1), index + 1);
        }
        log
    }

    fn authentic(&self, plan: &TilePlan, size: u64) -> AuthenticTiles {
        let content = |tile: &TileId| self.tiles[&(tile.level(), tile.index())][..tile.bytes()].to_vec();
        let tiles: Vec<_> = plan.tiles().iter().map(content).collect();
        plan.authenticate(&self.head(size), &tiles).unwrap()
    }

    pub(crate) fn head(&self, size: u64) -> TreeHead {
        self.heads[usize::try_from(size).unwrap()]
    }

    pub(crate) fn signed(&self, size: u64) -> SignedCheckpoint {
        signer().sign(&self.head(size)).unwrap()
    }

    pub(crate) fn proof(&self, old: u64, size: u64) -> Vec<NodeHash> {
        self.authentic(&TilePlan::edge(size).with_beginning(old), size).prove_beginning(old).unwrap()
    }

    pub(crate) fn request(&self, old: u64, size: u64) -> AddCheckpoint {
        let proof = if old <= size { self.proof(old, size) } else { Vec::new() };
        AddCheckpoint { old, proof, checkpoint: self.signed(size) }
    }

    pub(crate) fn body(&self, old: u64, size: u64) -> Vec<u8> {
        self.request(old, size).to_bytes()
    }
}
