use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use ceknik_core::deniability;
use ceknik_core::filter::{Cell, FilterShard};
use ceknik_core::key_file::StoreKey;
use ceknik_core::log::{Policy, TlogProof};
use ceknik_core::manifest::{FilterSpec, UnverifiedManifest};
use ceknik_core::oprf::OprfSecretKey;
use ceknik_core::record::Locator;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use tempfile::TempDir;

use super::*;
use crate::Home;
use crate::dataset::tests::definition;
use crate::store::{NewGeneration, Store};

mod generations;

struct Press {
    dir: TempDir,
    home: Home,
    store: Store,
    cipher: StoreCipher,
    signer: LogSigner,
    dataset: Id,
}

fn public_key(scalar: u8) -> ceknik_core::oprf::OprfPublicKey {
    let mut bytes = [0; 32];
    bytes[0] = scalar;
    *OprfSecretKey::from_bytes(&bytes).unwrap().public_key()
}

fn seed(byte: u8) -> [u8; 32] {
    let mut seed = [byte; 32];
    seed[0] ^= 0x55;
    seed
}

fn time(hour: i64) -> Timestamp {
    Timestamp::from_unix(1_800_000_000 + 3600 * hour).unwrap()
}

/// A press on 100,000 people with `lines` added to the definition.
fn press(lines: &str) -> Press {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::create(dir.path()).unwrap();
    let key = StoreKey::from_bytes([5; 32]);
    let mut store = home.create_store(&key).unwrap();
    let definition = definition(lines);
    let first =
        NewGeneration { number: 1, definition: &definition, salt: [1; 32], seed: seed(1), public_key: &public_key(1) };
    store.insert_dataset(&first).unwrap();
    let cipher = store.cipher(&key).unwrap();
    let signer = LogSigner::generate("ceknik.example/log", &mut ChaCha20Rng::seed_from_u64(1)).unwrap();
    Press { dir, home, store, cipher, signer, dataset: definition.id.clone() }
}

fn locator(number: u32) -> Locator {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&number.wrapping_mul(2_654_435_761).to_be_bytes());
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    Locator::from_bytes(bytes)
}

fn cell(number: u32) -> Cell {
    Cell::from_number(u64::from(number.wrapping_mul(40_503)) % 65_536)
}

impl Press {
    fn publisher<'a>(
        &'a mut self,
        observer: &'a mut dyn FnMut(PublishPhase),
        paths: &'a [PathBuf; 2],
    ) -> Publisher<'a> {
        static NOISE: std::sync::OnceLock<NoiseKey> = std::sync::OnceLock::new();
        Publisher {
            store: &mut self.store,
            cipher: &self.cipher,
            noise_key: NOISE.get_or_init(|| NoiseKey::from_bytes([5; 32])),
            signer: &self.signer,
            public: &paths[0],
            staging: &paths[1],
            despite_unfinished_import: false,
            despite_empty: false,
            despite_missing: false,
            renew: false,
            witnesses: None,
            observer,
            progress: Box::leak(Box::new(|_, _, _| ())),
        }
    }

    fn paths(&self) -> [PathBuf; 2] {
        [self.home.public(), self.home.staging()]
    }

    fn publish(&mut self, hour: i64) -> Result<Publication, PublishError> {
        let (paths, dataset) = (self.paths(), self.dataset.clone());
        self.publisher(&mut |_| (), &paths).publish(&dataset, time(hour))
    }

    fn dry_run(&mut self, hour: i64) -> Result<Publication, PublishError> {
        let (paths, dataset) = (self.paths(), self.dataset.clone());
        self.publisher(&mut |_| (), &paths).dry_run(&dataset, time(hour))
    }

    fn add(&mut self, people: std::ops::Range<u32>) {
        let generation = self.store.newest_generation(&self.dataset).unwrap();
        let cells = people.clone().map(cell).collect();
        let count = u64::from(people.end - people.start);
        let batch = self.store.batch(&generation).unwrap();
        for number in people {
            batch.put(&locator(number), &vec![1; generation.sealed_bytes()], b"detail").unwrap();
        }
        batch.add_cells(&self.cipher, count, cells).unwrap();
        batch.commit().unwrap();
    }

    fn change(&mut self, number: u32) {
        let generation = self.store.newest_generation(&self.dataset).unwrap();
        let batch = self.store.batch(&generation).unwrap();
        batch.put(&locator(number), &vec![2; generation.sealed_bytes()], b"detail").unwrap();
        batch.commit().unwrap();
    }

    fn withdraw(&mut self, number: u32) {
        let generation = self.store.newest_generation(&self.dataset).unwrap();
        let batch = self.store.batch(&generation).unwrap();
        batch.withdraw(&locator(number)).unwrap();
        batch.commit().unwrap();
    }

    fn begin_generation(&mut self, number: u32, lines: &str) {
        let definition = definition(lines);
        let byte = u8::try_from(number).unwrap();
        let next = NewGeneration {
            number,
            definition: &definition,
            salt: [byte; 32],
            seed: seed(byte),
            public_key: &public_key(byte),
        };
        self.store.insert_next_generation(&next).unwrap();
    }

    fn epoch_file(&self, epoch: u64, name: &str) -> Vec<u8> {
        fs::read(place::epoch_dir(&self.home.public(), &self.dataset, epoch).join(name)).unwrap()
    }

    fn current(&self) -> Option<String> {
        fs::read_to_string(self.home.public().join("datasets/list/current")).ok()
    }

    /// All of the public directory, by path.
    fn published(&self) -> Vec<(String, Vec<u8>)> {
        tree(&self.home.public())
    }
}

fn tree(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(dir) = waiting.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                files.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn an_epoch_is_what_a_reader_verifies() {
    let mut press = press("");
    press.add(0..3000);
    let publication = press.publish(0).unwrap();
    let manifest = &publication.manifest;
    assert_eq!((manifest.epoch, manifest.records, manifest.previous), (1, 3000, None));
    assert_eq!(publication.changes, Changes { added: 3000, ..Changes::default() });
    assert_eq!(press.current().as_deref(), Some("1\n"));

    let policy = Policy::for_log(press.signer.verifier_key());
    let proof = TlogProof::parse(&press.epoch_file(1, "proof")).unwrap();
    let verified = UnverifiedManifest::parse(press.epoch_file(1, "manifest")).unwrap().verify(&policy, &proof).unwrap();
    assert_eq!(verified.as_bytes(), publication.bytes);

    let filter = manifest.filter.as_ref().unwrap();
    assert_eq!(filter.members, 3000);
    let name = ceknik_core::encoding::hex(&filter.shards[0].sha256);
    let file = fs::read(press.home.public().join("datasets/list/filter").join(name)).unwrap();
    let set = file[45..].iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>();
    assert!(set >= filter.noise && set <= filter.noise + 3000);
    for number in 0..3000 {
        let cell = cell(number).expose_number();
        assert!(file[45 + (cell / 8) as usize] & 1 << (cell % 8) != 0);
    }
    FilterShard::open(&filter.geometry, 0, &filter.shards[0], file).unwrap();

    let buckets = press.epoch_file(1, "buckets");
    let geometry = manifest.buckets.geometry;
    let mut found = 0;
    for (index, response) in buckets.chunks(geometry.response_bytes() as usize).enumerate() {
        found += geometry.open_response(index as u32, &manifest.buckets.root, response).unwrap().len();
    }
    assert_eq!(found, 3000);
}

#[test]
fn the_same_store_keys_and_time_give_the_same_bytes() {
    let run = || {
        let mut press = press("");
        press.add(0..1000);
        press.publish(0).unwrap();
        press.add(1000..1200);
        press.withdraw(5);
        press.publish(1).unwrap();
        press.published()
    };
    assert_eq!(run(), run());
}

#[test]
fn a_dry_run_says_what_would_come_and_writes_nothing() {
    let mut press = press("");
    press.add(0..1000);
    let would = press.dry_run(0).unwrap();
    assert!(press.published().is_empty() && !press.home.staging().exists());
    assert_eq!(press.store.latest_epoch(&press.dataset).unwrap(), None);
    let did = press.publish(0).unwrap();
    assert_eq!((would.bytes, would.changes), (did.bytes, did.changes));
}

#[test]
fn changes_are_told_exactly_and_cells_only_come() {
    let mut press = press("");
    press.add(0..1000);
    let first = press.publish(0).unwrap();
    press.add(1000..1300);
    for number in 0..7 {
        press.withdraw(number);
    }
    for number in 10..14 {
        press.change(number);
    }
    let second = press.publish(1).unwrap();
    assert_eq!(second.changes, Changes { added: 300, removed: 7, changed: 4, unchanged: 989, held: 0 });
    let (old, new) = (first.manifest.filter.unwrap(), second.manifest.filter.unwrap());
    assert_eq!(new.members, 1300);
    assert!(new.noise >= old.noise + deniability::LEAST_NOISE);
    let factor = second.manifest.disclosure.epoch_odds_factor;
    assert_eq!(factor, deniability::epoch_odds_factor(old.geometry.cells(), old.noise, new.noise - old.noise));
    let file = |sha256: &[u8; 32]| {
        let name = ceknik_core::encoding::hex(sha256);
        fs::read(press.home.public().join("datasets/list/filter").join(name)).unwrap()
    };
    let (old, new) = (file(&old.shards[0].sha256), file(&new.shards[0].sha256));
    assert!(old[45..].iter().zip(&new[45..]).all(|(old, new)| old & !new == 0), "a cell was cleared");

    // Adding one who was withdrawn is no addition, and an epoch without additions adds no noise.
    press.change(3);
    let third = press.publish(2).unwrap();
    assert_eq!(third.changes, Changes { added: 1, unchanged: 1293, ..Changes::default() });
    assert_eq!(third.manifest.disclosure.epoch_odds_factor, None);
    assert_eq!(third.manifest.filter, second_filter(&press));
}

fn second_filter(press: &Press) -> Option<FilterSpec> {
    Manifest::parse(&press.epoch_file(2, "manifest")).unwrap().filter
}

/// A run that dies in any phase is finished by the next, to the bytes of a run that did not.
#[test]
fn a_publication_that_was_interrupted_is_finished_identically() {
    let prepared = || {
        let mut press = press("");
        press.add(0..500);
        press.publish(0).unwrap();
        press.add(500..700);
        press
    };
    let mut whole = prepared();
    whole.publish(1).unwrap();
    let expected = whole.published();
    for dies_in in PublishPhase::ALL {
        let mut press = prepared();
        let (paths, dataset) = (press.paths(), press.dataset.clone());
        let before = press.published();
        let died = catch_unwind(AssertUnwindSafe(|| {
            let mut observer = |phase| assert_ne!(phase, dies_in, "dies here");
            press.publisher(&mut observer, &paths).publish(&dataset, time(1))
        }));
        assert!(died.is_err(), "{dies_in:?}");
        let begun = press.store.pending_epoch().unwrap().is_some();
        if !begun {
            assert_eq!(press.published(), before, "{dies_in:?}: nothing happened");
        } else {
            assert!(matches!(press.dry_run(2), Err(PublishError::Pending { epoch: 2, .. })));
        }
        // A later clock must not make a second epoch of it.
        let publication = press.publish(if begun { 99 } else { 1 }).unwrap();
        assert_eq!(publication.resumed, begun, "{dies_in:?}");
        assert_eq!(press.published(), expected, "{dies_in:?}");
        assert!(!press.home.staging().exists());
        assert_eq!(press.publish(100).unwrap().manifest.epoch, 3);
    }
}

#[test]
fn progress_goes_through_all_buckets() {
    let mut press = press("");
    press.add(0..1000);
    let (paths, dataset) = (press.paths(), press.dataset.clone());
    let mut told = Vec::new();
    let mut progress = |phase, done, buckets| told.push((phase, done, buckets));
    let mut observer = |_| ();
    let mut publisher = press.publisher(&mut observer, &paths);
    publisher.progress = &mut progress;
    let manifest = publisher.publish(&dataset, time(0)).unwrap().manifest;
    let buckets = u64::from(manifest.buckets.geometry.count());
    let expected = [PublishPhase::Survey, PublishPhase::Stage]
        .into_iter()
        .flat_map(|phase| (1..=buckets).map(move |done| (phase, done, buckets)));
    assert_eq!(told, expected.collect::<Vec<_>>());
}

/// One dataset's publication does not silently finish another's.
#[test]
fn another_datasets_publication_is_finished_by_whoever_says_so() {
    let mut press = press("");
    press.add(0..100);
    let first = press.dataset.clone();
    let definition = definition("id = \"other\"");
    let other =
        NewGeneration { number: 1, definition: &definition, salt: [2; 32], seed: seed(2), public_key: &public_key(2) };
    press.store.insert_dataset(&other).unwrap();
    let paths = press.paths();
    let died = catch_unwind(AssertUnwindSafe(|| {
        let mut observer = |phase| assert_ne!(phase, PublishPhase::Log, "dies here");
        press.publisher(&mut observer, &paths).publish(&first, time(1))
    }));
    assert!(died.is_err());
    press.dataset = definition.id.clone();
    press.add(0..100);
    assert!(matches!(press.publish(2), Err(PublishError::Pending { dataset, epoch: 1 }) if dataset == first));
    let finished = press.publisher(&mut |_| (), &paths).finish_pending().unwrap().unwrap();
    assert_eq!((finished.manifest.dataset, finished.resumed), (first, true));
    let epoch = press.publish(2).unwrap().manifest;
    assert_eq!((epoch.dataset, epoch.epoch), (press.dataset, 1));
}

/// Whoever is killed before the epoch is in its place, and then loses `staging/`, makes it anew.
#[test]
fn staged_files_that_are_lost_are_made_again() {
    for (dies_in, first) in [(PublishPhase::PlaceFilter, true), (PublishPhase::PlaceEpoch, false)] {
        let prepared = || {
            let mut press = press("");
            press.add(0..1000);
            if !first {
                press.publish(0).unwrap();
                press.add(1000..1010);
            }
            press
        };
        let mut whole = prepared();
        let epoch = whole.publish(1).unwrap().manifest.epoch;
        let killed = || {
            let mut press = prepared();
            let (paths, dataset) = (press.paths(), press.dataset.clone());
            let died = catch_unwind(AssertUnwindSafe(|| {
                let mut observer = |phase| assert_ne!(phase, dies_in, "dies here");
                press.publisher(&mut observer, &paths).publish(&dataset, time(1))
            }));
            assert!(died.is_err());
            fs::remove_dir_all(press.home.staging()).unwrap();
            press
        };
        let mut press = killed();
        assert!(press.publish(99).unwrap().resumed);
        assert_eq!(press.published(), whole.published());

        let mut changed = killed();
        changed.add(2000..2001);
        let staging = changed.home.staging();
        assert_eq!(
            changed.publish(99).unwrap_err().to_string(),
            format!(
                "epoch {epoch} of {} was begun, its files are no longer in {}, and the store has changed since, so that they cannot \
                 be made again as they were: put that directory back, or restore the record store from a copy of before that \
                 publication",
                changed.dataset,
                staging.display()
            )
        );
    }
}

#[test]
fn staging_on_another_file_system_is_told_before_an_epoch_is_begun() {
    use std::os::unix::fs::MetadataExt;
    let mut press = press("");
    press.add(0..100);
    let device = |path: &Path| fs::metadata(path).unwrap().dev();
    // A file system in memory, where there is one.
    let Ok(elsewhere) = TempDir::new_in("/dev/shm") else { return };
    if device(elsewhere.path()) == device(press.dir.path()) {
        return;
    }
    let (mut paths, dataset) = (press.paths(), press.dataset.clone());
    paths[1] = elsewhere.path().join("staging");
    let text = press.publisher(&mut |_| (), &paths).publish(&dataset, time(0)).unwrap_err().to_string();
    assert!(text.contains(" lie on different file systems, "), "{text}");
    assert!(press.store.pending_epoch().unwrap().is_none());
    assert_eq!(press.publish(0).unwrap().manifest.epoch, 1);
}

#[test]
fn without_a_filter_everybody_confirms() {
    let mut press = press("filter = false");
    press.add(0..100);
    let manifest = press.publish(0).unwrap().manifest;
    assert_eq!((manifest.filter, manifest.disclosure.cover_percent), (None, 100));
    press.publish(1).unwrap();
}

/// An empty list is published by whoever means it, and renewed without a word.
#[test]
fn a_list_can_be_emptied() {
    let mut press = press("");
    press.add(0..3);
    press.publish(0).unwrap();
    (0..3).for_each(|number| press.withdraw(number));
    assert!(matches!(press.publish(1), Err(PublishError::Empty { .. })));
    let (paths, dataset) = (press.paths(), press.dataset.clone());
    let mut observer = |_| ();
    let despite =
        Publisher { despite_empty: true, ..press.publisher(&mut observer, &paths) }.publish(&dataset, time(1));
    assert_eq!(despite.unwrap().changes, Changes { removed: 3, ..Changes::default() });
    assert!(!press.publish(2).unwrap().newly_empty);
}

#[test]
fn what_is_refused() {
    let message = |press: &mut Press, hour| press.publish(hour).unwrap_err().to_string();

    let mut full = press("capacity = 100");
    full.add(0..101);
    let text = message(&mut full, 0);
    assert!(
        text.starts_with("101 people were added to generation 1, whose capacity is 100. Nothing of it was"),
        "{text}"
    );
    assert!(full.published().is_empty());
    let mut full = press("capacity = 100");
    full.add(0..100);
    full.publish(0).unwrap();
    full.add(100..101);
    let text = message(&mut full, 1);
    assert!(
        text.starts_with(
            "101 people were added to generation 1, whose capacity is 100. Begin a new generation with `ceknik dataset \
             new-generation list FILE`, FILE being a definition with a larger capacity, and import the whole list into it"
        ),
        "{text}"
    );
    assert!(text.contains("a hit in both leaves"), "{text}");

    let mut empty = press("");
    assert_eq!(
        message(&mut empty, 0),
        "nobody is on list, and everybody who checks would be told that he is not listed: import a list first, with `ceknik \
         import list FILE`; --despite-empty publishes an empty list"
    );
    assert!(empty.dry_run(0).unwrap().newly_empty);
    assert!(empty.published().is_empty());

    let mut clock = press("");
    clock.add(0..100);
    clock.publish(5).unwrap();
    assert_eq!(
        message(&mut clock, 5),
        format!("the time {} is not after {}, when epoch 1 was published: check the clock, or --now", time(5), time(5))
    );
    assert_eq!(clock.current().as_deref(), Some("1\n"));
}

/// No definition that the store gives would do that: it is refused where it is read. Here it is made behind its back.
#[test]
fn too_few_people_for_a_bucket_are_refused() {
    let press = press("");
    let mut generation = press.store.newest_generation(&press.dataset).unwrap();
    draft::check_people(&generation).unwrap();
    generation.definition.bucket_bits = 9;
    let refusal = draft::check_people(&generation).unwrap_err();
    assert!(matches!(refusal, PublishError::TooFewPeople { people: 195, floor: 1000, most: 6 }), "{refusal:?}");
    assert_eq!(
        refusal.to_string(),
        "195 people would share a bucket, and least_people_per_bucket asks for 1000 almost surely in every one: set bucket_bits \
         to at most 6 with `ceknik dataset update`"
    );
}

#[test]
fn an_epoch_that_exists_is_never_overwritten() {
    let mut press = press("");
    press.add(0..100);
    let taken = place::epoch_dir(&press.home.public(), &press.dataset, 1);
    fs::create_dir_all(&taken).unwrap();
    fs::write(taken.join("manifest"), b"another's").unwrap();
    let text = press.publish(0).unwrap_err().to_string();
    assert!(text.starts_with(&format!("{} exists already, with other content", taken.display())), "{text}");
    assert_eq!(fs::read(taken.join("manifest")).unwrap(), b"another's");

    // An old copy of the store, with the public directory gone on without it.
    let mut press = self::press("");
    press.add(0..100);
    press.store.checkpoint().unwrap();
    let old = press.dir.path().join("old.sqlite");
    fs::copy(press.home.store(), &old).unwrap();
    press.publish(0).unwrap();
    let expected = press.published();
    press.store = Store::open(&old).unwrap();
    assert!(matches!(press.publish(1), Err(PublishError::Exists { .. })));
    assert_eq!(press.published(), expected);
}

#[test]
fn a_published_table_that_was_altered_is_told() {
    let mut press = press("");
    press.add(0..1000);
    press.publish(0).unwrap();
    let path = place::epoch_dir(&press.home.public(), &press.dataset, 1).join("buckets");
    let good = fs::read(&path).unwrap();
    fs::write(&path, &good[1..]).unwrap();
    assert!(matches!(press.publish(1), Err(PublishError::Damaged { .. })));
    let mut altered = good.clone();
    altered[good.len() / 3] ^= 1;
    fs::write(&path, &altered).unwrap();
    assert!(matches!(press.publish(1), Err(PublishError::PublishedTable(_))));
    fs::write(&path, &good).unwrap();
    assert_eq!(press.publish(1).unwrap().manifest.epoch, 2);
}
