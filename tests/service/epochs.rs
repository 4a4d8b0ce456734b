//! New epochs, bad epochs, old epochs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use ceknik_core::log::Cosigner;
use ceknikd::{Config, ServiceState, StartError};

use crate::publication::{EpochPlan, Publisher, replace};
use crate::support::{Home, JAKARTA, Service, body, elements, good_body};

pub(crate) const CURRENT: &str = "/v1/jakarta-2024/manifest";

pub(crate) fn later(seconds: i64) -> EpochPlan {
    EpochPlan { published_at: EpochPlan::now().published_at + seconds, ..EpochPlan::now() }
}

/// Waits for some looks at the directory, in which nothing may change.
async fn assert_stays(service: &Service, epoch: u64) {
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(service.get(CURRENT).await.json()["epoch"], epoch);
    }
}

pub(crate) fn load_errors(service: &Service) -> u64 {
    let metrics = service.state.metrics_text().unwrap();
    let line =
        metrics.lines().find_map(|line| line.strip_prefix("ceknikd_load_errors_total{dataset=\"jakarta-2024\"} "));
    line.map_or(0, |count| count.parse().unwrap())
}

#[tokio::test]
async fn a_new_epoch_is_served_and_the_old_one_stays() {
    let mut home = Home::published();
    let service = home.open();
    let old_manifest = service.get(CURRENT).await;
    let old_bucket = service.get("/v1/jakarta-2024/epochs/1/buckets/3").await;
    let old_filter = format!("/v1/jakarta-2024/filter/{}", shard(&home.publisher));
    let old_shard = service.get(&old_filter).await;
    let plan = EpochPlan { records: 140, members: 150, ..later(60) };
    home.publisher.publish(JAKARTA, &plan);
    service.wait_for_epoch(JAKARTA, 2).await;
    let new_filter = format!("/v1/jakarta-2024/filter/{}", shard(&home.publisher));
    assert_ne!(old_filter, new_filter);
    assert_eq!(service.get(&new_filter).await.status, 200);
    assert!(service.get("/v1/jakarta-2024/epochs/1/manifest").await.body == old_manifest.body);
    assert!(service.get("/v1/jakarta-2024/epochs/1/buckets/3").await.body == old_bucket.body);
    assert!(service.get(&old_filter).await.body == old_shard.body);
    assert_eq!(service.get("/v1/datasets").await.json()["datasets"][0]["epoch"], 2);

    // The publisher's retention time is over: buckets and filter go, manifest and proof stay.
    fs::remove_file(home.publisher.epoch_dir(JAKARTA, 1).join("buckets")).unwrap();
    fs::remove_file(home.publisher.dataset_dir(JAKARTA).join("filter").join(old_filter.rsplit('/').next().unwrap()))
        .unwrap();
    service.get("/v1/jakarta-2024/epochs/1/buckets/3").await.problem(404, "not-found");
    service.get(&old_filter).await.problem(404, "not-found");
    let gzip = [("accept-encoding", "gzip")];
    service.ask("GET", &old_filter, &gzip).await.problem(404, "not-found");
    assert!(service.get("/v1/jakarta-2024/epochs/1/manifest").await.body == old_manifest.body);
    assert_eq!(service.get("/v1/jakarta-2024/epochs/1/proof").await.status, 200);
}

fn shard(publisher: &Publisher) -> String {
    ceknik_core::encoding::hex(&publisher.manifest(JAKARTA).filter.as_ref().unwrap().shards[0].sha256)
}

/// Damages a staged epoch in one way, makes it current, and expects the old one to stay; then repairs it.
async fn refuses(damage: impl Fn(&Publisher, &Path), why: &str) {
    let mut home = Home::published();
    let service = home.open();
    let plan = EpochPlan { records: 140, members: 150, ..later(60) };
    let epoch = home.publisher.stage(JAKARTA, &plan);
    let dir = home.publisher.epoch_dir(JAKARTA, epoch);
    let good = home.path().join("good");
    copy(&home.publisher.dataset_dir(JAKARTA), &good);
    fs::remove_file(good.join("current")).unwrap();
    damage(&home.publisher, &dir);
    let before = load_errors(&service);
    home.publisher.make_current(JAKARTA, epoch);
    service.wait_until("/healthz", |_| load_errors(&service) > before).await;
    assert_stays(&service, 1).await;
    // Reported once, not at every look.
    assert_eq!(load_errors(&service), before + 1, "{why}");
    assert_eq!(service.evaluate(JAKARTA, good_body(&home.publisher, 1)).await.status, 200);
    assert_eq!(service.get("/readyz").await.status, 200);
    service.get("/v1/jakarta-2024/epochs/2/manifest").await.problem(404, "not-found");

    // A start in this state serves the old epoch too, and says why.
    drop(service);
    let service = open_when_free(&home).await;
    assert_eq!(service.get(CURRENT).await.json()["epoch"], 1, "{why}");
    copy(&good, &home.publisher.dataset_dir(JAKARTA));
    service.wait_for_epoch(JAKARTA, 2).await;
}

/// The watching thread of a dropped service lets go of the state within a look.
async fn open_when_free(home: &Home) -> Service {
    for _ in 0..100 {
        match ServiceState::open(home.config()) {
            Ok(state) => return Service::new(state),
            Err(StartError::StateInUse { .. }) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the state is not let go of");
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            replace(&target, &fs::read(entry.path()).unwrap());
        }
    }
}

fn cut(path: &Path, bytes: u64) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() - bytes).unwrap();
}

fn flip(path: &Path, at: impl Fn(usize) -> usize) {
    let mut bytes = fs::read(path).unwrap();
    let at = at(bytes.len());
    bytes[at] ^= 1;
    replace(path, &bytes);
}

#[tokio::test]
async fn half_copied_epoch_without_buckets() {
    refuses(|_, dir| fs::remove_file(dir.join("buckets")).unwrap(), "no buckets").await;
}

#[tokio::test]
async fn half_copied_epoch_with_cut_buckets() {
    refuses(|_, dir| cut(&dir.join("buckets"), 1), "cut buckets").await;
}

#[tokio::test]
async fn half_copied_epoch_without_proof() {
    refuses(|_, dir| fs::remove_file(dir.join("proof")).unwrap(), "no proof").await;
}

#[tokio::test]
async fn half_copied_epoch_without_filter() {
    refuses(
        |publisher, _| fs::remove_file(publisher.dataset_dir(JAKARTA).join("filter").join(shard(publisher))).unwrap(),
        "no filter",
    )
    .await;
}

#[tokio::test]
async fn half_copied_epoch_with_cut_manifest() {
    refuses(|_, dir| cut(&dir.join("manifest"), 20), "cut manifest").await;
}

#[tokio::test]
async fn altered_bucket_locator() {
    refuses(|_, dir| flip(&dir.join("buckets"), |_| 1 + 3 * 32 + 4 + 3), "a locator").await;
}

#[tokio::test]
async fn altered_bucket_padding() {
    refuses(|_, dir| flip(&dir.join("buckets"), |len| len - 1), "padding").await;
}

#[tokio::test]
async fn altered_filter() {
    let alter = |publisher: &Publisher, _: &Path| {
        flip(&publisher.dataset_dir(JAKARTA).join("filter").join(shard(publisher)), |len| len / 2);
    };
    refuses(alter, "a cell").await;
}

#[tokio::test]
async fn altered_manifest() {
    let alter = |_: &Publisher, dir: &Path| {
        let text = fs::read_to_string(dir.join("manifest")).unwrap();
        replace(&dir.join("manifest"), text.replace("All of the example's area.", "All of another area.").as_bytes());
    };
    refuses(alter, "not what was logged").await;
}

#[tokio::test]
async fn proof_of_another_epoch() {
    let alter = |publisher: &Publisher, dir: &Path| {
        replace(&dir.join("proof"), &fs::read(publisher.epoch_dir(JAKARTA, 1).join("proof")).unwrap());
    };
    refuses(alter, "another proof").await;
}

#[tokio::test]
async fn directory_of_another_epoch() {
    let alter = |publisher: &Publisher, dir: &Path| {
        for name in ["manifest", "proof", "buckets"] {
            replace(&dir.join(name), &fs::read(publisher.epoch_dir(JAKARTA, 1).join(name)).unwrap());
        }
    };
    refuses(alter, "another epoch's files").await;
}

/// The publisher breaks a rule: a new key that nobody was told of.
#[tokio::test]
async fn an_epoch_that_does_not_follow_is_refused() {
    let mut home = Home::published();
    let service = home.open();
    let old_key = home.publisher.key(JAKARTA).public_key().to_bytes();
    home.publisher.publish(JAKARTA, &EpochPlan { new_generation: true, ..later(60) });
    service.wait_until("/healthz", |_| load_errors(&service) == 1).await;
    assert_stays(&service, 1).await;
    assert_eq!(service.evaluate(JAKARTA, body(&old_key, &elements(1, 1))).await.status, 200);
}

#[tokio::test]
async fn epochs_do_not_go_back() {
    let mut home = Home::published();
    home.publisher.publish(JAKARTA, &later(60));
    let service = home.open();
    home.publisher.make_current(JAKARTA, 1);
    service.wait_until("/healthz", |_| load_errors(&service) == 1).await;
    assert_stays(&service, 2).await;
    for wrong in ["", "x\n", "2", "02\n", "-2\n", "99999999999999999999\n", "2\n2\n"] {
        replace(&home.publisher.dataset_dir(JAKARTA).join("current"), wrong.as_bytes());
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert_eq!(service.get(CURRENT).await.json()["epoch"], 2, "{wrong:?}");
    }
    fs::remove_file(home.publisher.dataset_dir(JAKARTA).join("current")).unwrap();
    assert_stays(&service, 2).await;
}

/// Some epochs may never have been copied here.
#[tokio::test]
async fn a_gap_in_the_epochs_is_passed_over() {
    let mut home = Home::published();
    for i in 1..4 {
        home.publisher.publish(JAKARTA, &later(60 * i));
    }
    fs::remove_dir_all(home.publisher.epoch_dir(JAKARTA, 2)).unwrap();
    let service = home.open();
    for (epoch, status) in [(1, 200), (2, 404), (3, 200), (4, 200)] {
        for name in ["manifest", "proof", "buckets/0"] {
            let answer = service.get(&format!("/v1/jakarta-2024/epochs/{epoch}/{name}")).await;
            assert_eq!(answer.status, status, "{epoch} {name}");
        }
    }
    // And below a gap, only the log vouches for an epoch.
    flip(&home.publisher.epoch_dir(JAKARTA, 1).join("proof"), |len| len - 20);
    drop(service);
    let service = open_when_free(&home).await;
    service.get("/v1/jakarta-2024/epochs/1/manifest").await.problem(404, "not-found");
    assert_eq!(service.get("/v1/jakarta-2024/epochs/3/manifest").await.status, 200);
}

/// Files of past epochs are compared when they are asked for.
#[tokio::test]
async fn altered_files_of_past_epochs_are_not_given_out() {
    let mut home = Home::published();
    home.publisher.publish(JAKARTA, &EpochPlan { members: 150, ..later(60) });
    let service = home.open();
    let dir = home.publisher.epoch_dir(JAKARTA, 1);
    let other = "/v1/jakarta-2024/epochs/1/buckets/1";
    assert_eq!(service.get(other).await.status, 200);
    for (name, path) in [("buckets", "buckets/0"), ("proof", "proof"), ("manifest", "manifest")] {
        flip(&dir.join(name), |_| 130);
        service.get(&format!("/v1/jakarta-2024/epochs/1/{path}")).await.problem(404, "not-found");
    }
    assert_eq!(service.get(other).await.status, 200);
    let metrics = service.state.metrics_text().unwrap();
    assert!(metrics.contains("ceknikd_damaged_files_total 3"), "{metrics}");
}

/// A damaged shard is told of once, however often it is asked for, and noticed when it is put right.
#[tokio::test]
async fn altered_filters_of_past_epochs_are_not_given_out() {
    let mut home = Home::published();
    let name = shard(&home.publisher);
    home.publisher.publish(JAKARTA, &EpochPlan { members: 150, ..later(60) });
    let (path, file) = (format!("/v1/jakarta-2024/filter/{name}"), home.publisher.dataset_dir(JAKARTA).join("filter"));
    let (file, service) = (file.join(&name), home.open());
    let good = fs::read(&file).unwrap();
    for (count, at) in [(1, 100), (2, 200)] {
        flip(&file, |_| at);
        for _ in 0..3 {
            service.get(&path).await.problem(404, "not-found");
        }
        let metrics = service.state.metrics_text().unwrap();
        assert!(metrics.contains(&format!("ceknikd_damaged_files_total {count}\n")), "{metrics}");
    }
    replace(&file, &good);
    assert!(service.get(&path).await.body == good);
}

#[tokio::test]
async fn a_proof_may_gain_cosignatures_and_a_policy_ask_for_them() {
    let home = Home::published();
    let service = home.open();
    let cosigner = Cosigner::from_seed("paper.example.org/witness", &[9; 32]).unwrap();
    let (proof, policy) = ("/v1/jakarta-2024/epochs/1/proof", "/v1/policy");
    let before = (service.get(proof).await, service.get(policy).await);

    // A policy that the epoch does not meet is not served.
    let asked = home.publisher.policy_with_witness(&cosigner);
    replace(&home.publisher.public().join("policy"), &asked);
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(service.get(policy).await.body == before.1.body);

    let cosigned = home.publisher.cosigned_proof(JAKARTA, 1, &cosigner);
    replace(&home.publisher.epoch_dir(JAKARTA, 1).join("proof"), &cosigned);
    let after = service.wait_until(proof, |answer| answer.body == cosigned).await;
    assert_ne!(before.0.header("etag"), after.header("etag"));
    service.wait_until(policy, |answer| answer.body == asked).await;

    // A worse proof does not replace a good one.
    replace(&home.publisher.epoch_dir(JAKARTA, 1).join("proof"), b"rubbish");
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(service.get(proof).await.body == cosigned);
}

#[tokio::test]
async fn a_list_without_a_filter_is_served() {
    let mut home = Home::empty();
    home.publisher.publish(JAKARTA, &EpochPlan { filter: false, bits: 0, ..EpochPlan::now() });
    let service = home.open();
    assert_eq!(service.get(CURRENT).await.json()["filter"], serde_json::Value::Null);
    assert_eq!(service.get("/v1/jakarta-2024/epochs/1/buckets/0").await.status, 200);
    let detail = service.get("/v1/jakarta-2024/epochs/1/buckets/1").await.problem(404, "bucket-out-of-range");
    assert_eq!(detail, "This epoch has one bucket, number 0.");
}

fn start_error(home: &Home) -> String {
    error_of(home, home.config())
}

fn error_of(home: &Home, config: Config) -> String {
    let error = ServiceState::open(config).map(|_| ()).unwrap_err();
    error.to_string().replace(&home.path().display().to_string(), "HOME")
}

#[tokio::test]
async fn keys_readable_by_others() {
    let home = Home::published();
    let path = home.publisher.keys().join("jakarta-2024.1.key");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(
        start_error(&home),
        "HOME/keys/oprf/jakarta-2024.1.key can be used by others than its owner (mode 0640): run `chmod 600` on it, and replace what it holds if they may have read it"
    );
}

#[tokio::test]
async fn swapped_keys() {
    let mut home = Home::published();
    home.publisher.publish("other", &EpochPlan::now());
    let (a, b) = (home.publisher.keys().join("jakarta-2024.1.key"), home.publisher.keys().join("other.1.key"));
    let between = home.path().join("between");
    fs::rename(&a, &between).unwrap();
    fs::rename(&b, &a).unwrap();
    fs::rename(&between, &b).unwrap();
    let service = home.open();
    // Neither list can be evaluated, so neither is served.
    service.get(CURRENT).await.problem(404, "not-found");
    service.get("/v1/other/manifest").await.problem(404, "not-found");
    service.get("/readyz").await.problem(503, "not-ready");
    assert_eq!(load_errors(&service), 1);
    // Put right, they are found without a restart.
    fs::rename(&b, &between).unwrap();
    fs::rename(&a, &b).unwrap();
    fs::rename(&between, &a).unwrap();
    service.wait_for_epoch(JAKARTA, 1).await;
    service.wait_for_epoch("other", 1).await;
}

#[tokio::test]
async fn a_key_that_comes_later_is_found() {
    let home = Home::published();
    let key = home.publisher.keys().join("jakarta-2024.1.key");
    let aside = home.path().join("aside");
    fs::rename(&key, &aside).unwrap();
    let service = home.open();
    service.get(CURRENT).await.problem(404, "not-found");
    fs::rename(&aside, &key).unwrap();
    service.wait_for_epoch(JAKARTA, 1).await;
    assert_eq!(service.evaluate(JAKARTA, good_body(&home.publisher, 1)).await.status, 200);
}

#[tokio::test]
async fn directories_that_cannot_be_used_are_named() {
    let home = Home::published();
    let service = home.open();
    assert_eq!(start_error(&home), "--state HOME/state: another ceknikd uses this state directory; each needs its own");
    drop(service);
    let mut config = home.config();
    config.public = home.path().join("nowhere");
    config.state = home.path().join("state2");
    assert_eq!(error_of(&home, config.clone()), "--public HOME/nowhere: No such file or directory (os error 2)");
    config.public = home.publisher.public();
    config.keys = home.path().join("nokeys");
    assert_eq!(
        error_of(&home, config.clone()),
        "--keys HOME/nokeys: cannot be read: No such file or directory (os error 2)"
    );
    config.state = home.path().join("file/state");
    fs::write(home.path().join("file"), "").unwrap();
    assert_eq!(error_of(&home, config), "--state HOME/file/state: Not a directory (os error 20)");
}
