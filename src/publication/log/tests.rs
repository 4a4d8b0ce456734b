use std::fs;

use ceknik_core::log::{EMPTY_ROOT, LogSigner, TreeHead};
use ceknik_core::merkle::leaf_hash;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::TempDir;

use super::*;

/// A log of some leaves with all tiles that it ever had, and its checkpoints by size.
struct Log {
    public: TempDir,
    checkpoints: Vec<VerifiedCheckpoint>,
}

impl Log {
    fn new(size: u64, leaf: impl Fn(u64) -> String) -> Self {
        let public = tempfile::tempdir().unwrap();
        let signer = LogSigner::generate("log.example.org", &mut ChaCha20Rng::seed_from_u64(1)).unwrap();
        let policy = Policy::for_log(signer.verifier_key());
        let sign = |head| signer.sign(&head).unwrap().verify(&policy).unwrap();
        let mut head = TreeHead { size: 0, root: EMPTY_ROOT };
        let mut checkpoints = vec![sign(head)];
        for index in 0..size {
            let plan = TilePlan::edge(head.size);
            let tiles = plan.authenticate(&head, &read_tiles(public.path(), plan.tiles()).unwrap()).unwrap();
            let appended = tiles.append(leaf_hash(leaf(index).as_bytes())).unwrap();
            for (tile, bytes) in appended.tiles {
                let path = public.path().join("log").join(tile.path());
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            }
            head = appended.head;
            checkpoints.push(sign(head));
        }
        Self { public, checkpoints }
    }

    fn check(&self, size: usize, held: Option<usize>) -> Result<(), String> {
        let entry = (size as u64).checked_sub(1);
        let held = held.map(|held| &self.checkpoints[held]);
        check_tiles(self.public.path(), &self.checkpoints[size], entry, held).map_err(|error| error.to_string())
    }

    fn remove(&self, tile: &str) -> Vec<u8> {
        let path = self.public.path().join("log").join(tile);
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(path).unwrap();
        bytes
    }

    fn put(&self, tile: &str, bytes: &[u8]) {
        fs::write(self.public.path().join("log").join(tile), bytes).unwrap();
    }
}

#[test]
fn every_tile_that_a_reader_needs_must_be_here() {
    let log = Log::new(300, |index| index.to_string());
    for (size, held) in
        [(0, None), (1, None), (256, None), (300, None), (300, Some(1)), (300, Some(299)), (7, Some(300))]
    {
        assert_eq!(log.check(size, held), Ok(()), "{size} {held:?}");
    }
    for (size, held, tile) in [
        (300, None, "tile/0/001.p/44"),
        (300, None, "tile/1/000.p/1"),
        // Where the tree ends with a full tile, the entry is in that.
        (256, None, "tile/0/000"),
        // Whoever was here before the tile was full, or before the next one began, needs both.
        (300, Some(100), "tile/0/000"),
        (300, Some(256), "tile/0/001.p/44"),
    ] {
        let bytes = log.remove(tile);
        let want = format!("log/{tile}: is missing: was the directory copied whole?");
        assert_eq!(log.check(size, held), Err(want), "{size} {held:?}");
        log.put(tile, &bytes);
        assert_eq!(log.check(size, held), Ok(()), "{size} {held:?}");
    }
    // A partial tile that was removed after it grew full is not missed.
    log.remove("tile/0/000.p/100");
    assert_eq!(log.check(100, Some(300)), Ok(()));
}

#[test]
fn tiles_that_are_cut_altered_or_of_another_tree_are_not_enough() {
    let log = Log::new(300, |index| index.to_string());
    let edge = log.remove("tile/0/001.p/44");
    log.put("tile/0/001.p/44", &edge[1..]);
    let error = log.check(300, None).unwrap_err();
    assert_eq!(error, "log/tile: tile/0/001.p/44 has 1407 bytes instead of 1408; copy the log again");
    let altered: Vec<u8> = edge.iter().map(|byte| byte ^ 1).collect();
    log.put("tile/0/001.p/44", &altered);
    let error = log.check(300, None).unwrap_err();
    let want =
        "log/tile: the tiles at the right edge of the tree of size 300 do not hash to its root; copy the log again";
    assert_eq!(error, want);

    let other = Log::new(300, |index| format!("other {index}"));
    let held = &other.checkpoints[280];
    log.put("tile/0/001.p/44", &edge);
    let error = check_tiles(log.public.path(), &log.checkpoints[300], Some(299), Some(held)).unwrap_err();
    let want = "log: the log rewrote its history: the tree of size 300 does not begin with the tree of size 280";
    assert_eq!(error.to_string(), want);
    let held = &other.checkpoints[300];
    let error = check_tiles(log.public.path(), &log.checkpoints[300], Some(299), Some(held)).unwrap_err();
    assert_eq!(error.to_string(), "log: the log was forked: two checkpoints of size 300 have different roots");
}
