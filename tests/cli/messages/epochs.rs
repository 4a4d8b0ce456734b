//! Epochs that were copied to the service in part or in error: what its log says, while the epoch before is served.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use ceknik_core::encoding::hex;
use serde_json::Value;

use crate::support::forger;
use crate::support::home::{DATASET, TestHome, list};
use crate::support::service::Ceknikd;

/// A service of a first epoch, and the publisher's directory with the second one, which is copied over piece by piece.
struct Copying {
    publisher: TestHome,
    copy: TestHome,
    service: Ceknikd,
}

impl Copying {
    fn new() -> Self {
        let copy = TestHome::published(0..100);
        let publisher = copy.copy();
        publisher.import(list(100..150));
        publisher.publish();
        let log = publisher.public().join("log");
        assert!(Command::new("cp").arg("-a").arg(log).arg(copy.public()).status().unwrap().success());
        let service = Ceknikd::start(&copy);
        Self { publisher, copy, service }
    }

    fn dataset(home: &TestHome) -> PathBuf {
        home.public().join("datasets").join(DATASET)
    }

    fn filter(&self) -> String {
        let manifest = forger::manifest(&self.publisher, 2);
        format!("filter/{}", hex(&manifest.filter.unwrap().shards[0].sha256))
    }

    /// Copies files of the dataset's directory, and makes the second epoch the current one at last.
    fn copy(&self, files: &[&str]) {
        let to = Self::dataset(&self.copy);
        fs::create_dir_all(to.join("epochs/2")).unwrap();
        for file in files.iter().chain(&["current"]) {
            self.put(file, |bytes| bytes);
        }
    }

    /// Copies a file with a change.
    fn put(&self, file: &str, change: impl Fn(Vec<u8>) -> Vec<u8>) {
        let bytes = fs::read(Self::dataset(&self.publisher).join(file)).unwrap();
        let path = Self::dataset(&self.copy).join(file);
        let temporary = path.with_extension("new");
        fs::write(&temporary, change(bytes)).unwrap();
        fs::rename(temporary, path).unwrap();
    }

    /// The line of the log that says why the second epoch is not served. The first one is, all the while.
    fn refusal(&mut self, reason: &str) {
        let line = self.service.wait_for_log(|line| line["reason"] == reason);
        assert_eq!(line["level"], "ERROR");
        assert_eq!(line["message"], "epoch refused; what was served goes on being served");
        assert_eq!((&line["dataset"], &line["epoch"], &line["served"]), (&DATASET.into(), &2.into(), &1.into()));
        assert_eq!(self.served_epoch(), 1);
    }

    fn served_epoch(&self) -> u64 {
        let manifest: Value = self.service.get("/v1/jakarta-2024/manifest").json();
        manifest["epoch"].as_u64().unwrap()
    }

    /// Copies the whole, which heals everything.
    fn heal(mut self) {
        let whole = Self::dataset(&self.publisher);
        let copied = Command::new("cp").arg("-a").arg(whole.join(".")).arg(Self::dataset(&self.copy)).status().unwrap();
        assert!(copied.success());
        self.service.wait_for_log(|line| line["message"] == "epoch served" && line["epoch"] == 2);
        // It is told before it is given out.
        let begun = Instant::now();
        while self.served_epoch() != 2 {
            assert!(begun.elapsed() < Duration::from_secs(30));
            thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn half_copied_epoch_directory() {
    let mut copying = Copying::new();
    let filter = copying.filter();
    let (manifest, proof, buckets) = ("epochs/2/manifest", "epochs/2/proof", "epochs/2/buckets");
    copying.copy(&[]);
    copying.refusal("epochs/2/manifest: is missing: was the directory copied whole?");
    copying.copy(&[manifest]);
    copying.refusal("epochs/2/proof: is missing: was the directory copied whole?");
    copying.copy(&[manifest, proof]);
    copying.refusal("epochs/2/buckets: is missing: was the directory copied whole?");
    copying.put(buckets, |bytes| bytes[..5000].to_vec());
    let response_bytes = forger::manifest(&copying.publisher, 2).buckets.geometry.response_bytes();
    copying.refusal(&format!(
        "epochs/2/buckets: is 5000 bytes long, 16 responses of {response_bytes} make {}: was it copied whole?",
        16 * response_bytes
    ));
    copying.copy(&[manifest, proof, buckets]);
    copying.refusal(&format!("{filter}: is missing: was the directory copied whole?"));
    copying.put(&filter, |bytes| bytes[..1000].to_vec());
    copying.refusal(&format!("{filter}: the filter shard is 1000 bytes long, the manifest says 8237"));
    copying.heal();
}

#[test]
fn altered_epoch_directory() {
    let mut copying = Copying::new();
    let filter = copying.filter();
    copying.copy(&["epochs/2/proof", "epochs/2/buckets", &filter]);
    copying.put("epochs/2/manifest", |bytes| bytes[..60].to_vec());
    copying.refusal("epochs/2/manifest: line 3, column 32: EOF while parsing a string");
    copying.put("epochs/2/manifest", |mut bytes| {
        bytes.insert(2, b' ');
        bytes
    });
    copying.refusal(
        "epochs/2/proof: does not vouch for the manifest beside it: the log proof does not show this entry at position 1 of \
         the log",
    );
    copying.put("epochs/2/manifest", |bytes| bytes);
    copying.put("epochs/2/buckets", |mut bytes| {
        bytes[200] ^= 1;
        bytes
    });
    copying.refusal("epochs/2/buckets: bucket 0: the bucket does not belong to the manifest's tree");
    let first = forger::manifest(&copying.publisher, 1);
    copying.put("epochs/2/buckets", |bytes| bytes);
    copying.put("epochs/2/manifest", |_| first.to_bytes().unwrap());
    copying
        .refusal("epochs/2/manifest: is the manifest of epoch 1 of dataset jakarta-2024: were directories mixed up?");
    copying.heal();
}

#[test]
fn manifest_of_65536_bytes() {
    let mut copying = Copying::new();
    let filter = copying.filter();
    copying.copy(&["epochs/2/proof", "epochs/2/buckets", &filter]);
    copying.put("epochs/2/manifest", |mut bytes| {
        bytes.resize(65_536, b'\n');
        bytes
    });
    copying.refusal("epochs/2/manifest: is longer than 65535 bytes, which no such file is");
    copying.heal();
}

#[test]
fn filter_of_zero_length_or_with_too_many_hashes() {
    let mut copying = Copying::new();
    let filter = copying.filter();
    copying.copy(&["epochs/2/manifest", "epochs/2/proof", "epochs/2/buckets"]);
    copying.put(&filter, |_| Vec::new());
    copying.refusal(&format!("{filter}: the filter shard is 0 bytes long, the manifest says 8237"));
    copying.put(&filter, |mut bytes| {
        bytes[1..9].fill(0);
        bytes
    });
    copying.refusal(&format!("{filter}: the filter shard's header disagrees with the manifest: length"));
    copying.put(&filter, |mut bytes| {
        bytes[9..13].copy_from_slice(&u32::MAX.to_le_bytes());
        bytes
    });
    copying.refusal(&format!("{filter}: the filter shard's header disagrees with the manifest: k"));
    copying.put(&filter, |mut bytes| {
        bytes[4000] ^= 1;
        bytes
    });
    copying.refusal(&format!("{filter}: the filter shard's SHA-256 is not the manifest's"));
    copying.heal();
}

/// Keys come to the service beside the epochs, and can be mistaken as well.
#[test]
fn swapped_keys_of_two_datasets() {
    let home = TestHome::published(0..20);
    home.create_dataset(&crate::support::home::definition("bandung-2024", ""));
    let key = |name: &str| home.oprf_keys().join(name);
    let swap = |one: &Path, other: &Path| {
        let aside = home.beside("aside");
        fs::rename(one, &aside).unwrap();
        fs::rename(other, one).unwrap();
        fs::rename(aside, other).unwrap();
    };
    let (jakarta, bandung) = (key("jakarta-2024.1.key"), key("bandung-2024.1.key"));
    let public_key: Value = serde_json::from_slice(&fs::read(home.epoch_dir(1).join("manifest")).unwrap()).unwrap();
    let public_key = public_key["oprf"]["public_key"].as_str().unwrap();
    swap(&jakarta, &bandung);
    let mut service = Ceknikd::start(&home);
    let reason = format!(
        "the secret of the manifest's key {public_key} of dataset jakarta-2024 is in bandung-2024.1.key: were two key files \
         swapped?"
    );
    service.wait_for_log(|line| line["level"] == "ERROR" && line["reason"] == reason);
    assert_eq!(service.get("/readyz").problem(503, "not-ready"), "Not every dataset has an epoch that can be served.");
    swap(&jakarta, &bandung);
    service.wait_for_log(|line| line["message"] == "epoch served");
    assert_eq!(service.get("/readyz").status, 200);
    fs::remove_file(&jakarta).unwrap();
    let mut service = Ceknikd::start(&home);
    let reason = format!(
        "no key file of dataset jakarta-2024 holds the secret of the manifest's key {public_key}; put it into {}",
        home.oprf_keys().display()
    );
    service.wait_for_log(|line| line["level"] == "ERROR" && line["reason"] == reason);
}
