use std::os::unix::fs::PermissionsExt;

use ceknik_core::filter::Cell;
use ceknik_core::manifest::Id;
use ceknik_core::oprf::OprfSecretKey;
use ceknik_core::record::Locator;
use ceknik_core::time::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::dataset::tests::definition;

fn key() -> StoreKey {
    StoreKey::from_bytes([5; 32])
}

fn new_store() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(&dir.path().join("store.sqlite"), &key()).unwrap();
    (dir, store)
}

fn public_key(scalar: u8) -> ceknik_core::oprf::OprfPublicKey {
    let mut bytes = [0; 32];
    bytes[0] = scalar;
    *OprfSecretKey::from_bytes(&bytes).unwrap().public_key()
}

/// A store with a dataset, its generation and its cipher.
fn with_dataset() -> (TempDir, Store, Generation, StoreCipher) {
    let (dir, mut store) = new_store();
    let definition = definition("");
    store.insert_dataset(&new_generation(&definition, 1, 1, &public_key(1))).unwrap();
    let generation = store.generation(&definition.id, 1).unwrap();
    let cipher = store.cipher(&key()).unwrap();
    (dir, store, generation, cipher)
}

fn new_generation<'a>(
    definition: &'a crate::Definition,
    number: u32,
    byte: u8,
    public_key: &'a ceknik_core::oprf::OprfPublicKey,
) -> NewGeneration<'a> {
    let mut seed = [byte; 32];
    seed[0] = 0;
    NewGeneration { number, definition, salt: [byte; 32], seed, public_key }
}

fn locator(number: u32) -> Locator {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&number.wrapping_mul(2_654_435_761).to_be_bytes());
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    Locator::from_bytes(bytes)
}

fn sealed(generation: &Generation, byte: u8) -> Vec<u8> {
    vec![byte; generation.sealed_bytes()]
}

fn sqlite(store: &Store) -> rusqlite::Connection {
    rusqlite::Connection::open(store.path()).unwrap()
}

#[test]
fn a_store_is_private_and_set_to_lose_and_keep_nothing() {
    let (dir, store) = new_store();
    assert_eq!(std::fs::metadata(store.path()).unwrap().permissions().mode() & 0o777, 0o600);
    let pragma = |name: &str| -> String {
        store
            .connection
            .pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
            .map(|value| match value {
                rusqlite::types::Value::Text(text) => text,
                rusqlite::types::Value::Integer(number) => number.to_string(),
                _ => unreachable!(),
            })
            .unwrap()
    };
    let want = [
        ("journal_mode", "wal"),
        ("synchronous", "2"),
        ("secure_delete", "1"),
        ("foreign_keys", "1"),
        ("temp_store", "2"),
        ("user_version", "1"),
    ];
    for (name, value) in want {
        assert_eq!(pragma(name), value, "{name}");
    }
    assert!(!dir.path().join("store.new").exists());
    // The log beside it is no more open than the store.
    store.connection.execute("UPDATE store SET one = 1", []).unwrap();
    for beside in ["store.sqlite-wal", "store.sqlite-shm"] {
        assert_eq!(std::fs::metadata(dir.path().join(beside)).unwrap().permissions().mode() & 0o777, 0o600, "{beside}");
    }
}

#[test]
fn what_is_no_store_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sqlite");
    let shown = path.display().to_string();
    let error = || Store::open(&path).unwrap_err().to_string();
    assert_eq!(
        error(),
        format!(
            "there is no record store at {shown}: put it back from a copy, or name the right home with --home; `ceknik keygen` makes a new home"
        )
    );

    std::fs::write(
        &path,
        b"not SQLite at all, but long enough to be looked at as if it were, by its first hundred bytes",
    )
    .unwrap();
    assert_eq!(
        error(),
        format!("{shown} is no record store of ceknik: put it back from a copy, or name the right home with --home")
    );
    std::fs::write(&path, b"").unwrap();
    assert_eq!(
        error(),
        format!("{shown} is no record store of ceknik: put it back from a copy, or name the right home with --home")
    );

    std::fs::remove_file(&path).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE other (a)").unwrap();
    assert_eq!(
        error(),
        format!("{shown} is no record store of ceknik: put it back from a copy, or name the right home with --home")
    );
    assert_eq!(
        Store::create(&path, &key()).unwrap_err().to_string(),
        format!("{shown} exists already and is left as it is")
    );
}

#[test]
fn a_store_of_another_version_is_told() {
    let (_dir, store) = new_store();
    let path = store.path().to_owned();
    store.connection.pragma_update(None, "user_version", 2).unwrap();
    drop(store);
    assert_eq!(
        Store::open(&path).unwrap_err().to_string(),
        format!(
            "the record store {} is of version 2, and this program reads version 1: use the version of ceknik that wrote it",
            path.display()
        )
    );
}

#[test]
fn an_interrupted_creation_leaves_no_store() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sqlite");
    std::fs::write(dir.path().join("store.new"), b"what a killed creation left").unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::Missing { .. })));
    Store::create(&path, &key()).unwrap();
    Store::open(&path).unwrap();
}

#[test]
fn another_store_key_is_told() {
    let (_dir, store) = new_store();
    let error = store.cipher(&StoreKey::from_bytes([6; 32])).unwrap_err().to_string();
    assert_eq!(
        error,
        "the store key does not belong to this record store: use the keys/store.key that was made with it"
    );
}

#[test]
fn a_full_disk_loses_nothing() {
    let (_dir, mut store, generation, _) = with_dataset();
    let batch = store.batch(&generation).unwrap();
    batch.put(&locator(0), &sealed(&generation, 1), &[1]).unwrap();
    batch.commit().unwrap();
    store.leave_room(2).unwrap();
    let batch = store.batch(&generation).unwrap();
    let error = (1..10_000).find_map(|n| batch.put(&locator(n), &sealed(&generation, 2), &[2]).err()).unwrap();
    assert_eq!(
        error.to_string(),
        "the disk is full: nothing that was stored is lost and nothing is half done; free some space and run the same \
         command again"
    );
    drop(batch);
    assert_eq!(store.record_counts(&generation).unwrap(), RecordCounts { live: 1, withdrawn: 0 });
    store.leave_room(10_000).unwrap();
    let batch = store.batch(&generation).unwrap();
    (1..10_000).for_each(|n| batch.put(&locator(n), &sealed(&generation, 2), &[2]).unwrap());
    batch.commit().unwrap();
    assert_eq!(store.record_counts(&generation).unwrap().live, 10_000);
}

#[test]
fn records_come_in_order_of_locator_and_the_withdrawn_keep_theirs() {
    let (_dir, mut store, generation, _) = with_dataset();
    let batch = store.batch(&generation).unwrap();
    for number in 0..1000 {
        batch.put(&locator(number), &sealed(&generation, (number % 251) as u8), &[1]).unwrap();
    }
    for number in (0..1000).step_by(10) {
        batch.withdraw(&locator(number)).unwrap();
    }
    assert!(matches!(batch.record(&locator(10)).unwrap(), Stored::Withdrawn));
    assert!(matches!(batch.record(&locator(1001)).unwrap(), Stored::Absent));
    batch.commit().unwrap();
    let mut expected: Vec<_> =
        (0..1000).filter(|number| number % 10 != 0).map(|n| (locator(n), (n % 251) as u8)).collect();
    expected.sort();
    let mut seen = Vec::new();
    let count = store
        .for_each_record(&generation, |locator, sealed| {
            seen.push((locator, sealed[0]));
            Ok::<_, StoreError>(())
        })
        .unwrap();
    assert_eq!((count, seen), (900, expected));
    assert_eq!(store.record_counts(&generation).unwrap(), RecordCounts { live: 900, withdrawn: 100 });
}

#[test]
fn what_is_not_committed_is_undone() {
    let (_dir, mut store, generation, cipher) = with_dataset();
    let batch = store.batch(&generation).unwrap();
    batch.put(&locator(1), &sealed(&generation, 1), &[1]).unwrap();
    batch.add_cells(&cipher, 1, vec![Cell::from_number(5)]).unwrap();
    drop(batch);
    assert_eq!(store.record_counts(&generation).unwrap(), RecordCounts::default());
    assert_eq!(store.members(&generation).unwrap(), Members::default());
}

fn add(store: &mut Store, generation: &Generation, cipher: &StoreCipher, numbers: &[u64]) {
    let batch = store.batch(generation).unwrap();
    let cells = numbers.iter().copied().map(Cell::from_number).collect();
    batch.add_cells(cipher, numbers.len() as u64, cells).unwrap();
    batch.commit().unwrap();
}

fn cells(store: &Store, generation: &Generation, cipher: &StoreCipher) -> Vec<u64> {
    let mut cells = Vec::new();
    store.for_each_cell(generation, cipher, false, |cell| cells.push(cell.expose_number())).unwrap();
    cells.sort_unstable();
    cells
}

#[test]
fn cells_are_kept_encrypted_one_for_each_person() {
    let (_dir, mut store, generation, cipher) = with_dataset();
    add(&mut store, &generation, &cipher, &[7_777_777, 3, 3]);
    add(&mut store, &generation, &cipher, &[]);
    add(&mut store, &generation, &cipher, &[3, 1]);
    assert_eq!(cells(&store, &generation, &cipher), [1, 3, 3, 3, 7_777_777]);
    assert_eq!(store.members(&generation).unwrap(), Members { published: 0, unpublished: 5 });
    let chunks: Vec<Vec<u8>> = {
        let connection = sqlite(&store);
        let mut statement = connection.prepare("SELECT sealed FROM cells").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    assert_eq!(chunks.len(), 2);
    let canary = 7_777_777u64.to_be_bytes();
    assert!(!chunks.iter().any(|chunk| chunk.windows(8).any(|window| window == canary)));
}

fn epoch<'a>(generation: &'a Generation, number: u64, manifest: &'a [u8], members: u64) -> NewEpoch<'a> {
    let published_at = Timestamp::from_unix(1_800_000_000 + number as i64).unwrap();
    NewEpoch { generation, number, manifest, published_at, members, noise: 64, records: members, log_index: number - 1 }
}

#[test]
fn an_epoch_takes_in_all_that_was_added_before_and_nothing_after() {
    let (_dir, mut store, generation, cipher) = with_dataset();
    add(&mut store, &generation, &cipher, &[1, 2]);
    let dataset = generation.dataset.clone();
    assert_eq!(store.latest_epoch(&dataset).unwrap(), None);
    store.begin_epoch(&epoch(&generation, 1, b"one", 2)).unwrap();
    add(&mut store, &generation, &cipher, &[3]);
    assert_eq!(store.members(&generation).unwrap(), Members { published: 2, unpublished: 1 });
    let pending = store.pending_epoch().unwrap().unwrap();
    assert_eq!((pending.number, pending.state, &*pending.manifest), (1, EpochState::Pending, &b"one"[..]));
    // Again, as a publication does that was killed.
    store.begin_epoch(&epoch(&generation, 1, b"one", 2)).unwrap();
    let error = store.begin_epoch(&epoch(&generation, 1, b"other", 3)).unwrap_err().to_string();
    assert_eq!(
        error,
        "epoch 1 of dataset list cannot be begun: another epoch is being published: run `ceknik publish` to finish it first"
    );
    store.finish_epoch(&dataset, 1).unwrap();
    store.finish_epoch(&dataset, 1).unwrap();
    assert_eq!(store.pending_epoch().unwrap(), None);
    assert_eq!(store.latest_epoch(&dataset).unwrap().unwrap().state, EpochState::Published);

    let refused = |store: &mut Store, new: &NewEpoch<'_>| match store.begin_epoch(new).unwrap_err() {
        StoreError::Epoch { reason, .. } => reason,
        other => panic!("{other}"),
    };
    assert_eq!(refused(&mut store, &epoch(&generation, 1, b"other", 3)), "it exists already");
    assert_eq!(refused(&mut store, &epoch(&generation, 3, b"three", 3)), "it is not the next one");
    assert_eq!(refused(&mut store, &epoch(&generation, 2, b"two", 1)), "its members are not everyone ever added");
    let taken = NewEpoch { log_index: 0, ..epoch(&generation, 2, b"two", 3) };
    assert_eq!(refused(&mut store, &taken), "its place in the log is taken");
    store.begin_epoch(&epoch(&generation, 2, b"two", 3)).unwrap();
    assert!(matches!(store.finish_epoch(&dataset, 3), Err(StoreError::Epoch { reason: "it was not begun", .. })));
    assert_eq!(store.epoch_count().unwrap(), 2);
}

#[test]
fn an_epoch_may_hold_additions_back() {
    let (_dir, mut store, generation, cipher) = with_dataset();
    add(&mut store, &generation, &cipher, &[1, 2]);
    store.begin_epoch(&epoch(&generation, 1, b"one", 2)).unwrap();
    store.finish_epoch(&generation.dataset, 1).unwrap();
    add(&mut store, &generation, &cipher, &[3]);
    store.begin_epoch(&epoch(&generation, 2, b"two", 2)).unwrap();
    store.finish_epoch(&generation.dataset, 2).unwrap();
    assert_eq!(store.members(&generation).unwrap(), Members { published: 2, unpublished: 1 });
    store.begin_epoch(&epoch(&generation, 3, b"three", 3)).unwrap();
    assert_eq!(store.members(&generation).unwrap(), Members { published: 3, unpublished: 0 });
}

#[test]
fn a_generation_is_switched_to_when_it_is_published() {
    let (_dir, mut store, first, cipher) = with_dataset();
    let dataset = first.dataset.clone();
    add(&mut store, &first, &cipher, &[1, 2]);
    let batch = store.batch(&first).unwrap();
    batch.put(&locator(1), &sealed(&first, 1), &[1]).unwrap();
    batch.commit().unwrap();
    store.begin_epoch(&epoch(&first, 1, b"one", 2)).unwrap();
    store.finish_epoch(&dataset, 1).unwrap();

    let definition = definition("");
    store.insert_next_generation(&new_generation(&definition, 2, 2, &public_key(2))).unwrap();
    let entry = store.dataset(&dataset).unwrap();
    assert_eq!((entry.current, entry.next, entry.newest()), (1, Some(2), 2));
    let again = store.insert_next_generation(&new_generation(&definition, 1, 3, &public_key(3))).unwrap_err();
    assert!(matches!(again, StoreError::Damaged { .. }), "{again}");
    let second = store.newest_generation(&dataset).unwrap();
    assert_eq!(second.number, 2);
    // The old one goes on meanwhile.
    store.begin_epoch(&epoch(&first, 2, b"two", 2)).unwrap();
    store.finish_epoch(&dataset, 2).unwrap();
    store.erase_unused_generations(&dataset).unwrap();
    assert_eq!(store.record_counts(&first).unwrap().live, 1);
    store.begin_epoch(&epoch(&second, 3, b"three", 0)).unwrap();
    assert_eq!(store.dataset(&dataset).unwrap().current, 1);
    store.finish_epoch(&dataset, 3).unwrap();
    let entry = store.dataset(&dataset).unwrap();
    assert_eq!((entry.current, entry.next), (2, None));
    assert!(matches!(
        store.begin_epoch(&epoch(&first, 4, b"four", 2)),
        Err(StoreError::Epoch { reason: "its generation is published no more", .. })
    ));
    store.erase_unused_generations(&dataset).unwrap();
    assert_eq!(store.record_counts(&first).unwrap(), RecordCounts::default());
    assert_eq!(store.members(&first).unwrap(), Members::default());
}

#[test]
fn nothing_random_is_used_twice() {
    let (_dir, mut store, first, _) = with_dataset();
    let mut other = first.definition.clone();
    other.id = Id::new("other").unwrap();
    for (salt, seed, key) in [(1, 9, 9), (9, 1, 9), (9, 9, 1)] {
        let key = public_key(key);
        let mut new = new_generation(&other, 1, salt, &key);
        new.seed = new_generation(&other, 1, seed, &key).seed;
        let error = store.insert_dataset(&new).unwrap_err();
        assert_eq!(error.to_string(), "a salt, filter seed or evaluation key would be used twice: nothing was created");
    }
    assert_eq!(store.datasets().unwrap().len(), 1);
    let key = public_key(9);
    store.insert_dataset(&new_generation(&other, 1, 9, &key)).unwrap();
    let again = store.insert_dataset(&new_generation(&other, 1, 10, &public_key(10))).unwrap_err();
    assert!(matches!(again, StoreError::DatasetExists { .. }));
}

#[test]
fn an_unknown_dataset_is_told_with_those_there_are() {
    let (_dir, store) = new_store();
    let ask = |store: &Store| store.dataset(&Id::new("nope").unwrap()).unwrap_err().to_string();
    assert_eq!(ask(&store), "there is no dataset nope here; `ceknik dataset create FILE.toml` makes one");
    let (_dir, store, ..) = with_dataset();
    assert_eq!(ask(&store), "there is no dataset nope here; there are: list");
}

#[test]
fn what_was_removed_is_in_no_file() {
    let (dir, mut store, generation, cipher) = with_dataset();
    let canary = b"a canary of the record's content";
    let mut content = sealed(&generation, 0);
    content[..canary.len()].copy_from_slice(canary);
    // Long enough to spill into pages of its own.
    let long = canary.repeat(1000);
    let batch = store.batch(&generation).unwrap();
    for number in 0..300 {
        batch.put(&locator(number), &content, if number == 7 { &long } else { &canary[..] }).unwrap();
    }
    batch.add_cells(&cipher, 1, vec![Cell::from_number(1)]).unwrap();
    batch.commit().unwrap();
    let found = |name: &str| {
        let bytes = std::fs::read(dir.path().join(name)).unwrap_or_default();
        bytes.windows(canary.len()).filter(|window| window == canary).count()
    };
    assert!(found("store.sqlite") + found("store.sqlite-wal") > 300);
    let batch = store.batch(&generation).unwrap();
    (0..300).for_each(|number| batch.withdraw(&locator(number)).unwrap());
    batch.commit().unwrap();
    store.checkpoint().unwrap();
    assert_eq!((found("store.sqlite"), found("store.sqlite-wal")), (0, 0));
    assert_eq!(store.record_counts(&generation).unwrap(), RecordCounts { live: 0, withdrawn: 300 });
}
