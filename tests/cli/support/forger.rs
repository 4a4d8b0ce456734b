//! Whoever holds a publisher's log key and signs whatever suits him.

use std::fs;

use ceknik_core::log::{EMPTY_ROOT, LogSigner, SignedCheckpoint, TileId, TilePlan, TlogProof, TreeHead};
use ceknik_core::manifest::Manifest;
use ceknik_core::merkle::leaf_hash;

use super::home::TestHome;

/// A log of his own making, signed by the publisher's key.
pub(crate) struct Forger {
    signer: LogSigner,
    head: TreeHead,
    /// The tiles of the log, by path.
    pub(crate) tiles: Vec<(TileId, Vec<u8>)>,
}

impl Forger {
    /// With a log that is empty yet.
    pub(crate) fn with_empty_log(home: &TestHome) -> Self {
        let key = fs::read_to_string(home.path().join("keys/log.key")).unwrap();
        let signer = LogSigner::from_skey(key.trim_end()).unwrap();
        Self { signer, head: TreeHead { size: 0, root: EMPTY_ROOT }, tiles: Vec::new() }
    }

    /// With the log as the home has published it.
    pub(crate) fn with_log_of(home: &TestHome) -> Self {
        let log = home.public().join("log");
        let checkpoint = SignedCheckpoint::parse(&fs::read(log.join("checkpoint")).unwrap()).unwrap();
        let head = checkpoint.head();
        let tiles = TilePlan::edge(head.size).tiles().to_vec().into_iter();
        let tiles = tiles.map(|tile| (tile, fs::read(log.join(tile.path())).unwrap())).collect();
        Self { head, tiles, ..Self::with_empty_log(home) }
    }

    /// Appends a leaf to the log; gives its tlog-proof.
    pub(crate) fn log(&mut self, leaf: &[u8]) -> Vec<u8> {
        let plan = TilePlan::edge(self.head.size);
        let tile = |wanted: &TileId| self.tiles.iter().find(|(tile, _)| tile == wanted).unwrap().1.clone();
        let edge: Vec<Vec<u8>> = plan.tiles().iter().map(tile).collect();
        let appended = plan.authenticate(&self.head, &edge).unwrap().append(leaf_hash(leaf)).unwrap();
        self.tiles.extend(appended.tiles);
        let index = self.head.size;
        self.head = appended.head;
        TlogProof::new(index, appended.proof, self.signer.sign(&self.head).unwrap()).to_bytes()
    }
}

/// The manifest of an epoch, as published.
pub(crate) fn manifest(home: &TestHome, epoch: u64) -> Manifest {
    Manifest::parse(&fs::read(home.epoch_dir(epoch).join("manifest")).unwrap()).unwrap()
}
