//! A publisher's desk: a home with keys and a dataset, in a temporary directory.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::Path;

use ceknik_core::Nik;
use ceknik_core::filter::Cell;
use ceknik_core::manifest::Id;
use ceknik_core::oprf::OprfSecretKey;
use ceknik_core::record::{self, Locator, SealKey};
use ceknik_core::{StretchCost, Stretched, Stretcher};
use ceknik_issuer::{
    Definition, Generation, Home, ImportCounters, ImportError, ImportObserver, ImportOptions, ImportSummary, Importer,
    KeyDir, NikLines, Store, StoreCipher, StoreError, WithdrawSummary, Withdrawal, create_dataset,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::TempDir;

pub(crate) const DEFINITION: &str = r#"
id = "list"
population = 100000
payload_bytes = 320

[stretch]
weak = true

[title]
id = "Daftar"
en = "List"

[coverage]
id = "Kota"
en = "City"

[candidates.a]
id = "Anggrek"
en = "Orchid"

[candidates.b]
id = "Bougenvil"
en = "Bougainvillea"

[candidates.c]
id = "Cempaka"
en = "Champaca"

[statuses.ms]
id = "Memenuhi syarat"
en = "Eligible"

[statuses.tms]
id = "Tidak memenuhi syarat"
en = "Not eligible"
"#;

/// The header that lists in these tests have.
pub(crate) const HEADER: &str = "NIK,Calon,Status,Tanggal";

pub(crate) struct Desk {
    /// Removed when the desk is.
    directory: TempDir,
    pub(crate) home: Home,
    pub(crate) store: Store,
    pub(crate) cipher: StoreCipher,
}

/// What an epoch is made of.
#[derive(Debug, PartialEq)]
pub(crate) struct Content {
    records: BTreeMap<[u8; 16], Vec<u8>>,
    cells: Vec<u64>,
    members: u64,
    withdrawn: u64,
}

/// The same home elsewhere, in every byte.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

pub(crate) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self::with_definition(DEFINITION)
    }

    pub(crate) fn with_definition(definition: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::create(directory.path()).unwrap();
        let key = home.keys().create_store_key(&mut rng(1), None).unwrap();
        let mut store = home.create_store(&key).unwrap();
        let definition = Definition::from_toml(definition, true).unwrap();
        create_dataset(&mut store, &home.keys(), &definition, None, &mut rng(2)).unwrap();
        drop(store);
        Self::open(directory)
    }

    fn open(directory: TempDir) -> Self {
        let home = Home::open(directory.path()).unwrap();
        let store = home.open_store().unwrap();
        let cipher = store.cipher(&home.keys().store_key(None).unwrap()).unwrap();
        Self { directory, home, store, cipher }
    }

    /// Another desk with the same keys and the same store.
    pub(crate) fn twin(&self) -> Self {
        self.store.checkpoint().unwrap();
        let directory = tempfile::tempdir().unwrap();
        copy(self.directory.path(), directory.path());
        Self::open(directory)
    }

    /// The store as another process left it.
    pub(crate) fn reopen(&mut self) {
        self.store = self.home.open_store().unwrap();
    }

    pub(crate) fn dataset(&self) -> Id {
        Id::new("list").unwrap()
    }

    pub(crate) fn keys(&self) -> KeyDir {
        self.home.keys()
    }

    pub(crate) fn generation(&self) -> Generation {
        self.store.newest_generation(&self.dataset()).unwrap()
    }

    pub(crate) fn key(&self, generation: &Generation) -> OprfSecretKey {
        self.keys().oprf_key(&generation.dataset, generation.number, None).unwrap()
    }

    pub(crate) fn import(&mut self, list: &str) -> ImportCounters {
        self.try_import(list, ImportOptions::default()).unwrap().counters
    }

    pub(crate) fn snapshot(&mut self, list: &str) -> ImportCounters {
        self.try_import(list, ImportOptions { snapshot: true, despite_missing: true, ..ImportOptions::default() })
            .unwrap()
            .counters
    }

    pub(crate) fn try_import(&mut self, list: &str, options: ImportOptions) -> Result<ImportSummary, ImportError> {
        self.import_watched(list, options, &())
    }

    pub(crate) fn import_watched(
        &mut self,
        list: &str,
        options: ImportOptions,
        observer: &dyn ImportObserver,
    ) -> Result<ImportSummary, ImportError> {
        let generation = self.generation();
        let key = self.key(&generation);
        let home = &self.home;
        let importer = Importer::new(&mut self.store, &self.cipher, &generation, &key, options, observer)?;
        importer.import(Cursor::new(list.as_bytes()), |dataset, import| home.report(dataset, import))
    }

    pub(crate) fn withdraw(&mut self, niks: &str, candidate: Option<&str>) -> WithdrawSummary {
        let generations = self.store.generations_in_use(&self.dataset()).unwrap();
        let keys: Vec<_> =
            generations.into_iter().map(|generation| (generation.clone(), self.key(&generation))).collect();
        let withdrawal =
            Withdrawal { store: &mut self.store, cipher: &self.cipher, generations: &keys, candidate, threads: None };
        withdrawal.withdraw(NikLines::new(niks.as_bytes()), |_| {}).unwrap()
    }

    /// What a client would find of a NIK: (candidate, status, date), none when it has no record.
    pub(crate) fn look_up(&self, nik: &str) -> Option<Vec<(String, String, Option<String>)>> {
        self.look_up_in(&self.generation(), nik)
    }

    pub(crate) fn look_up_in(
        &self,
        generation: &Generation,
        nik: &str,
    ) -> Option<Vec<(String, String, Option<String>)>> {
        let (locator, seal_key) = self.secrets(generation, nik).place();
        let sealed = self.records_of(generation).remove(locator.expose_bytes())?;
        let record = record::open(&seal_key, generation.dataset.as_str(), &sealed).unwrap();
        Some(
            record.supports.into_iter().map(|support| (support.candidate, support.status, support.submitted)).collect(),
        )
    }

    pub(crate) fn secrets(&self, generation: &Generation, nik: &str) -> Secrets {
        let mut stretcher = Stretcher::new(generation.definition.stretch, generation.salt).unwrap();
        let stretched = stretcher.stretch(&Nik::parse(nik).unwrap()).unwrap();
        Secrets { key: self.key(generation), stretched }
    }

    pub(crate) fn records(&self) -> BTreeMap<[u8; 16], Vec<u8>> {
        self.records_of(&self.generation())
    }

    pub(crate) fn records_of(&self, generation: &Generation) -> BTreeMap<[u8; 16], Vec<u8>> {
        let mut records = BTreeMap::new();
        let each = |locator: Locator, sealed: &[u8]| {
            records.insert(*locator.expose_bytes(), sealed.to_vec());
            Ok::<_, StoreError>(())
        };
        self.store.for_each_record(generation, each).unwrap();
        records
    }

    pub(crate) fn cells(&self) -> Vec<u64> {
        let mut cells = vec![];
        self.store
            .for_each_cell(&self.generation(), &self.cipher, false, |cell: Cell| cells.push(cell.expose_number()))
            .unwrap();
        cells.sort_unstable();
        cells
    }

    /// Everything that an epoch is made of.
    pub(crate) fn content(&self) -> Content {
        let generation = self.generation();
        Content {
            records: self.records(),
            cells: self.cells(),
            members: self.store.members(&generation).unwrap().ever(),
            withdrawn: self.store.record_counts(&generation).unwrap().withdrawn,
        }
    }

    /// The bytes of every file of the home, keys excepted.
    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = vec![];
        gather(self.directory.path(), &mut files);
        files.retain(|(name, _)| !name.contains("/keys/"));
        files
    }
}

fn gather(directory: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, files);
        } else {
            files.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}

/// What follows from a NIK.
pub(crate) struct Secrets {
    key: OprfSecretKey,
    pub(crate) stretched: Stretched,
}

impl Secrets {
    pub(crate) fn place(&self) -> (Locator, SealKey) {
        let output = self.key.evaluate(&self.stretched.oprf_input());
        (output.locator(), output.seal_key())
    }

    pub(crate) fn output(&self) -> Vec<u8> {
        self.key.evaluate(&self.stretched.oprf_input()).expose_bytes().to_vec()
    }
}

/// The NIK of nobody in particular: distinct for each number below 9,000,000.
pub(crate) fn nik(number: u32) -> String {
    format!(
        "3171{:02}{:02}0{}{:02}{:04}",
        1 + number % 8,
        1 + number / 8 % 28,
        1 + number / 224 % 9,
        number / 2016 % 100,
        1 + number / 201_600 % 9_999
    )
}

/// A list of these lines under the header.
pub(crate) fn list<T: AsRef<str>>(rows: impl IntoIterator<Item = T>) -> String {
    let mut text = format!("{HEADER}\n");
    for row in rows {
        text.push_str(row.as_ref());
        text.push('\n');
    }
    text
}

/// `nik,candidate,ms,` for each of these numbers.
pub(crate) fn supporters(candidate: &str, numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
    numbers.into_iter().map(|number| format!("{},{candidate},ms,", nik(number))).collect()
}

pub(crate) fn support(candidate: &str, status: &str, submitted: Option<&str>) -> (String, String, Option<String>) {
    (candidate.to_owned(), status.to_owned(), submitted.map(str::to_owned))
}

#[test]
fn niks_are_distinct() {
    let niks: std::collections::BTreeSet<_> = (0..300_000).map(nik).collect();
    assert_eq!(niks.len(), 300_000);
    assert!(niks.iter().all(|nik| Nik::parse(nik).is_ok()));
    assert_eq!(Desk::new().generation().definition.stretch, StretchCost::WEAK);
}
