use std::io::Cursor;
use std::num::NonZeroU64;

use ceknik_core::key_file::StoreKey;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::*;
use crate::dataset::{create_dataset, tests::definition};
use crate::keys::KeyDir;

#[test]
fn a_full_disk_interrupts_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let key = StoreKey::from_bytes([1; 32]);
    let mut store = Store::create(&directory.path().join("store.sqlite"), &key).unwrap();
    let cipher = store.cipher(&key).unwrap();
    let keys = KeyDir::of_home(directory.path());
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let generation = create_dataset(&mut store, &keys, &definition(""), None, &mut rng).unwrap();
    let key = keys.oprf_key(&generation.dataset, 1, None).unwrap();
    let rows = (1..=2000).map(|serial| format!("317101170890{serial:04},dk,ms\n"));
    let list: String = std::iter::once("NIK,Calon,Status\n".to_owned()).chain(rows).collect();
    let import = |store: &mut Store| {
        let options = ImportOptions { chunk_rows: NonZeroU64::new(100), ..ImportOptions::default() };
        let importer = Importer::new(store, &cipher, &generation, &key, options, &()).unwrap();
        importer.import(Cursor::new(&list), |_, import| directory.path().join(format!("{import}.csv")))
    };
    store.leave_room(40).unwrap();
    let error = import(&mut store).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the disk is full: nothing that was stored is lost and nothing is half done; free some space and run the same \
         command again"
    );
    let stored = store.record_counts(&generation).unwrap().live;
    assert!((1..2000).contains(&stored), "{stored}");
    assert_eq!(store.members(&generation).unwrap().ever(), stored);
    store.leave_room(10_000).unwrap();
    let summary = import(&mut store).unwrap();
    assert_eq!(summary.resumed_at, stored);
    assert_eq!((summary.counters.rows, summary.counters.people_added, summary.records), (2000, 2000, 2000));
}
