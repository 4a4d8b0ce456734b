//! Copies in every order: what is served is whole, the log included.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ceknik_core::log::{LogSigner, SignedCheckpoint, TilePlan, TlogProof, TreeHead};
use ceknikd::Config;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::epochs::{CURRENT, copy, later, load_errors};
use crate::publication::{EpochPlan, ORIGIN, replace};
use crate::support::{Home, JAKARTA, Service};

/// The paths of all files below a directory, those of deeper directories in order of names.
fn files(dir: &Path, below: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(below).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let found = entries.into_iter().map(|path| match path.is_dir() {
        true => files(dir, &path),
        false => vec![path.strip_prefix(dir).unwrap().to_owned()],
    });
    found.flatten().collect()
}

/// Whoever follows a checkpoint that the service gives out finds the tiles that it leads to.
async fn assert_tiles_of(service: &Service, checkpoint: &SignedCheckpoint) {
    let plan = TilePlan::edge(checkpoint.head().size).with_leaf(0);
    let mut tiles = Vec::new();
    for tile in plan.tiles() {
        let answer = service.get(&format!("/log/{}", tile.path())).await;
        assert_eq!(answer.status, 200, "{}", tile.path());
        tiles.push(answer.body);
    }
    plan.authenticate(&checkpoint.head(), &tiles).unwrap();
}

async fn assert_whole(service: &Service) -> u64 {
    let epoch = service.get(CURRENT).await.json()["epoch"].as_u64().unwrap();
    let proof = service.get(&format!("/v1/jakarta-2024/epochs/{epoch}/proof")).await.body;
    assert_tiles_of(service, TlogProof::parse(&proof).unwrap().checkpoint()).await;
    let checkpoint = service.get("/log/checkpoint").await.body;
    assert_tiles_of(service, &SignedCheckpoint::parse(&checkpoint).unwrap()).await;
    epoch
}

/// A service of a first epoch, and the second, which is published elsewhere and not copied to it yet.
struct Copying {
    service: Service,
    /// Where the second epoch is.
    public: PathBuf,
    /// What is served.
    copied: PathBuf,
    /// Below `public`.
    all: Vec<PathBuf>,
}

impl Copying {
    fn begin(home: &mut Home) -> Self {
        let copied = home.path().join("copied");
        copy(&home.publisher.public(), &copied);
        let service = home.open_with(Config { public: copied.clone(), ..home.config() });
        home.publisher.publish(JAKARTA, &EpochPlan { members: 150, ..later(60) });
        let public = home.publisher.public();
        let all = files(&public, &public);
        Self { service, public, copied, all }
    }
}

/// Copies a second epoch to a service of the first one, file by file, those under each prefix before those under the next.
/// After each file, and after each half of one, what is served is whole.
async fn copied_in_order(prefixes: [&str; 3]) {
    let mut home = Home::published();
    let Copying { service, public, copied, all } = Copying::begin(&mut home);
    let place = |path: &PathBuf| prefixes.iter().position(|prefix| path.starts_with(prefix)).unwrap_or(3);
    let mut ordered: Vec<&PathBuf> = all.iter().collect();
    ordered.sort_by_key(|path| place(path));
    for path in ordered {
        let (from, to) = (fs::read(public.join(path)).unwrap(), copied.join(path));
        if fs::read(&to).is_ok_and(|there| there == from) {
            continue;
        }
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        for part in [&from[..from.len() / 2], &from] {
            fs::write(&to, part).unwrap();
            // More than a look.
            tokio::time::sleep(Duration::from_millis(600)).await;
            assert_whole(&service).await;
        }
    }
    service.wait_for_epoch(JAKARTA, 2).await;
    let checkpoint = fs::read(public.join("log/checkpoint")).unwrap();
    service.wait_until("/log/checkpoint", |answer| answer.body == checkpoint).await;
}

#[tokio::test]
async fn copied_with_the_log_last() {
    copied_in_order(["datasets", "log/checkpoint", "log/tile"]).await;
}

#[tokio::test]
async fn copied_with_the_checkpoint_first() {
    copied_in_order(["log/checkpoint", "log/tile/entries", "datasets"]).await;
}

#[tokio::test]
async fn copied_with_the_log_first() {
    copied_in_order(["log/tile", "log/checkpoint", "datasets"]).await;
}

/// The two commands that operators are given.
#[tokio::test]
async fn copied_as_told_nothing_is_refused_meanwhile() {
    let told = "    rsync -a --delay-updates --exclude='/datasets/*/current' --exclude=/log/checkpoint public/ SERVICE:public/\n    \
                rsync -a --delay-updates public/ SERVICE:public/\n";
    assert!(include_str!("../../docs/operations.md").contains(told));
    let mut home = Home::published();
    let Copying { service, public, copied, all } = Copying::begin(&mut home);
    let (last, first): (Vec<&PathBuf>, Vec<&PathBuf>) =
        all.iter().partition(|path| path.ends_with("current") || path.ends_with("log/checkpoint"));
    assert_eq!(last.len(), 2);
    for path in first.into_iter().chain(last) {
        fs::create_dir_all(copied.join(path).parent().unwrap()).unwrap();
        replace(&copied.join(path), &fs::read(public.join(path)).unwrap());
        // More than a look.
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert_whole(&service).await;
    }
    service.wait_for_epoch(JAKARTA, 2).await;
    assert_eq!((load_errors(&service), log_errors(&service)), (0, 0));
}

/// A start in the midst of a copy.
#[tokio::test]
async fn an_epoch_whose_tiles_are_not_here_is_not_served() {
    let mut home = Home::published();
    home.publisher.publish(JAKARTA, &later(60));
    let tile = home.publisher.public().join("log/tile/0/000.p/2");
    let bytes = fs::read(&tile).unwrap();
    fs::remove_file(&tile).unwrap();
    let service = home.open();
    assert_eq!(assert_whole(&service).await, 1);
    assert_eq!(load_errors(&service), 1);
    replace(&tile, &bytes);
    service.wait_for_epoch(JAKARTA, 2).await;
    assert_whole(&service).await;
}

fn log_errors(service: &Service) -> u64 {
    let metrics = service.state.metrics_text().unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix("ceknikd_log_errors_total "));
    line.unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_checkpoint_that_is_not_the_logs_does_not_replace_a_good_one() {
    let home = Home::published();
    let service = home.open();
    let (path, file) = ("/log/checkpoint", home.publisher.public().join("log/checkpoint"));
    let good = fs::read(&file).unwrap();
    let other_key = LogSigner::generate(ORIGIN, &mut ChaCha20Rng::seed_from_u64(1)).unwrap();
    let other_key = other_key.sign(&TreeHead { size: 9, root: [7; 32] }).unwrap().as_bytes().to_vec();
    let mut altered = good.clone();
    let last = altered.len() - 6;
    altered[last] = if altered[last] == b'A' { b'B' } else { b'A' };
    for (errors, bad) in (1..).zip([b"rubbish".to_vec(), other_key, altered, home.publisher.forked_checkpoint()]) {
        replace(&file, &bad);
        service.wait_until("/healthz", |_| log_errors(&service) == errors).await;
        assert!(service.get(path).await.body == good);
    }
    // Reported once, not at every look.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(log_errors(&service), 4);
    fs::remove_file(&file).unwrap();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(service.get(path).await.body == good);
}
