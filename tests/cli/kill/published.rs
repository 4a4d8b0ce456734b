//! Is everything that a public directory shows whole? Judged by the core alone, from the files, as a stranger would.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ceknik_core::encoding::hex;
use ceknik_core::filter::FilterShard;
use ceknik_core::log::{
    BundleId, ConsistencyCheck, Policy, SignedCheckpoint, TileId, TlogProof, VerifiedCheckpoint, parse_bundle,
};
use ceknik_core::manifest::{Manifest, UnverifiedManifest};
use ceknik_core::merkle;
use ceknikd::{Config, ServiceState};

use super::support::home::{DATASET, TestHome};

/// What a public directory shows.
pub(crate) struct Published {
    pub(crate) checkpoint: VerifiedCheckpoint,
    pub(crate) current: u64,
}

/// Checks a home's public directory in full: every epoch that is there, the log, and that it extends what was seen before.
pub(crate) fn verify(home: &TestHome, before: Option<&Published>) -> Published {
    let public = home.public();
    let policy = Policy::parse(&fs::read(home.policy()).unwrap()).unwrap();
    let note = fs::read(public.join("log/checkpoint")).unwrap();
    let checkpoint = SignedCheckpoint::parse(&note).unwrap().verify(&policy).unwrap();
    let leaves = leaves(&public.join("log"), &checkpoint);
    if let Some(before) = before {
        let consistency = ConsistencyCheck::new(&before.checkpoint, &checkpoint).unwrap();
        let tile = |tile: &TileId| fs::read(public.join("log").join(tile.path())).unwrap();
        consistency.verify(&consistency.tiles().iter().map(tile).collect::<Vec<_>>()).unwrap();
    }
    let dataset = public.join("datasets").join(DATASET);
    let current: u64 = read_current(&dataset);
    let epochs = names(&dataset.join("epochs"));
    let mut last: Option<(Manifest, [u8; 32])> = None;
    for number in 1..=epochs.len() as u64 {
        assert!(epochs.contains(&number.to_string()), "{epochs:?}");
        let (manifest, sha256) = verify_epoch(&dataset, number, &policy, &leaves);
        if let Some((before, before_sha256)) = &last {
            manifest.check_follows(before, before_sha256).unwrap();
        }
        last = Some((manifest, sha256));
    }
    // An epoch may be there that is not current yet, or not even in the log; the current one is in both.
    assert!((1..=epochs.len() as u64).contains(&current) && current <= leaves.len() as u64);
    assert!(epochs.len() as u64 <= current + 1);
    if let Some(before) = before {
        assert!(current >= before.current);
    }
    assert_eq!(served(home), current);
    Published { checkpoint, current }
}

fn read_current(dataset: &Path) -> u64 {
    let text = fs::read_to_string(dataset.join("current")).unwrap();
    text.strip_suffix('\n').unwrap().parse().unwrap()
}

/// The entries of the log, which hash to the checkpoint's root.
fn leaves(log: &Path, checkpoint: &VerifiedCheckpoint) -> Vec<Vec<u8>> {
    let head = checkpoint.head();
    let bundle = BundleId::in_tree(0, head.size).unwrap();
    assert_eq!(u64::from(bundle.width()), head.size, "the log of these tests is short");
    let bytes = fs::read(log.join(bundle.path())).unwrap();
    let leaves: Vec<Vec<u8>> = parse_bundle(bundle, &bytes).unwrap().into_iter().map(<[u8]>::to_vec).collect();
    assert_eq!(merkle::root(leaves.iter().map(|leaf| merkle::leaf_hash(leaf))), head.root);
    leaves
}

/// Checks manifest, proof, filter and all buckets of an epoch.
fn verify_epoch(dataset: &Path, number: u64, policy: &Policy, leaves: &[Vec<u8>]) -> (Manifest, [u8; 32]) {
    let dir = dataset.join("epochs").join(number.to_string());
    assert_eq!(names(&dir), ["buckets", "manifest", "proof"]);
    let proof = TlogProof::parse(&fs::read(dir.join("proof")).unwrap()).unwrap();
    let unverified = UnverifiedManifest::parse(fs::read(dir.join("manifest")).unwrap()).unwrap();
    let verified = unverified.verify(policy, &proof).unwrap();
    let manifest = verified.manifest();
    assert_eq!(manifest.epoch, number);
    assert_eq!(verified.log_index(), number - 1);
    if let Some(leaf) = leaves.get(number as usize - 1) {
        assert!(*leaf == verified.as_bytes());
    }

    let filter = manifest.filter.as_ref().unwrap();
    for (shard, digest) in (0..).zip(&filter.shards) {
        let file = fs::read(dataset.join("filter").join(hex(&digest.sha256))).unwrap();
        FilterShard::open(&filter.geometry, shard, digest, file).unwrap();
    }

    let geometry = &manifest.buckets.geometry;
    let buckets = fs::read(dir.join("buckets")).unwrap();
    let responses = buckets.chunks_exact(geometry.response_bytes() as usize);
    assert_eq!((responses.len(), responses.remainder().len()), (geometry.count() as usize, 0));
    let open = |(index, response)| geometry.open_response(index, &manifest.buckets.root, response).unwrap().len();
    let records: usize = (0..).zip(responses).map(open).sum();
    assert_eq!(records as u64, manifest.records);
    (manifest.clone(), verified.sha256())
}

/// The epoch that the service serves from these files; it must have nothing to object to.
fn served(home: &TestHome) -> u64 {
    let state = tempfile::tempdir().unwrap();
    let mut config = Config::new(home.public(), home.oprf_keys(), state.path().to_owned());
    config.threads = Some(std::num::NonZeroUsize::MIN);
    let metrics = ServiceState::open(config).unwrap().metrics_text().unwrap();
    let figure = |name: &str| {
        let name = format!("ceknikd_{name}{{dataset=\"{DATASET}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&name)).map(|figure| figure.parse::<u64>().unwrap())
    };
    assert_eq!(figure("load_errors_total"), Some(0), "{metrics}");
    figure("epoch").unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Every file below a directory, by its path there.
pub(crate) fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(dir) = waiting.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}
