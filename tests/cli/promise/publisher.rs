//! A publisher at work: a home in a temporary directory, lists in, epochs out.

use std::io::Cursor;
use std::path::PathBuf;

use ceknik_core::Nik;
use ceknik_core::filter::NoiseKey;
use ceknik_core::log::{LogSigner, Policy};
use ceknik_core::manifest::{Id, Manifest};
use ceknik_core::oprf::OprfSecretKey;
use ceknik_core::time::Timestamp;
use ceknik_issuer::{
    Definition, Home, ImportOptions, Importer, NikLines, Publisher, Store, StoreCipher, Withdrawal, create_dataset,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::TempDir;

pub(crate) const DATASET: &str = "list";
/// When the first epoch is published, and how long after it the next.
const FIRST_EPOCH: i64 = 1_790_000_000;
const BETWEEN_EPOCHS: i64 = 3600;

/// What the publisher fixes of the generation.
pub(crate) struct Figures {
    /// People, as the publisher says it.
    pub(crate) population: u64,
    /// Members that the filter is made for.
    pub(crate) capacity: u64,
    pub(crate) shard_bits: u8,
    /// K.
    pub(crate) least_people_per_bucket: u64,
}

/// A publisher's desk. Its keys, salt and seeds follow from `seed`, so that every run publishes the same bytes.
pub(crate) struct Desk {
    /// Removed when the desk is.
    _directory: TempDir,
    home: Home,
    store: Store,
    cipher: StoreCipher,
    noise_key: NoiseKey,
    signer: LogSigner,
    epochs: i64,
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn id() -> Id {
    Id::new(DATASET).unwrap()
}

fn definition(figures: &Figures) -> Definition {
    let Figures { population, capacity, shard_bits, least_people_per_bucket } = figures;
    let text = format!(
        "id = \"{DATASET}\"\npopulation = {population}\ncapacity = {capacity}\nshard_bits = {shard_bits}\n\
         posterior_percent = 50\nleast_people_per_bucket = {least_people_per_bucket}\n\n\
         [stretch]\nweak = true\n\n\
         [title]\nid = \"Daftar\"\nen = \"List\"\n\n[coverage]\nid = \"Kota\"\nen = \"City\"\n\n\
         [candidates.a]\nid = \"Anggrek\"\nen = \"Orchid\"\n\n\
         [statuses.ms]\nid = \"Memenuhi syarat\"\nen = \"Eligible\"\n"
    );
    Definition::from_toml(&text, true).unwrap()
}

fn digits(nik: &Nik) -> &str {
    std::str::from_utf8(nik.expose_digits()).unwrap()
}

impl Desk {
    pub(crate) fn new(seed: u64, figures: &Figures) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::create(directory.path()).unwrap();
        let keys = home.keys();
        let signer = keys.create_log_key("promise.example/log", &mut rng(seed + 1), None).unwrap();
        let store_key = keys.create_store_key(&mut rng(seed + 2), None).unwrap();
        let mut store = home.create_store(&store_key).unwrap();
        create_dataset(&mut store, &keys, &definition(figures), None, &mut rng(seed + 3)).unwrap();
        let cipher = store.cipher(&store_key).unwrap();
        let noise_key = NoiseKey::from_bytes(*store_key.expose_bytes());
        Self { _directory: directory, home, store, cipher, noise_key, signer, epochs: 0 }
    }

    /// The policy under which its lists are believed.
    pub(crate) fn policy(&self) -> Policy {
        Policy::for_log(self.signer.verifier_key())
    }

    /// What is served.
    pub(crate) fn public(&self) -> PathBuf {
        self.home.public()
    }

    pub(crate) fn oprf_key(&self) -> OprfSecretKey {
        self.home.keys().oprf_key(&id(), 1, None).unwrap()
    }

    /// Imports a list of these people. Gives how many of them are new in the generation.
    pub(crate) fn import<'a>(&mut self, niks: impl IntoIterator<Item = &'a Nik>) -> u64 {
        let mut list = String::from("NIK,Calon,Status,Tanggal\n");
        for nik in niks {
            list.push_str(digits(nik));
            list.push_str(",a,ms,2024-08-15\n");
        }
        let generation = self.store.newest_generation(&id()).unwrap();
        let (key, home) = (self.oprf_key(), &self.home);
        let options = ImportOptions::default();
        let importer = Importer::new(&mut self.store, &self.cipher, &generation, &key, options, &()).unwrap();
        let report = |dataset: &Id, import| home.report(dataset, import);
        let summary = importer.import(Cursor::new(list.into_bytes()), report).unwrap();
        assert_eq!(summary.counters.refused_rows(), 0);
        summary.counters.people_added
    }

    pub(crate) fn withdraw<'a>(&mut self, niks: impl IntoIterator<Item = &'a Nik>) -> u64 {
        let lines: String = niks.into_iter().flat_map(|nik| [digits(nik), "\n"]).collect();
        let generations = self.store.generations_in_use(&id()).unwrap();
        let generations: Vec<_> = generations.into_iter().map(|generation| (generation, self.oprf_key())).collect();
        let withdrawal = Withdrawal {
            store: &mut self.store,
            cipher: &self.cipher,
            generations: &generations,
            candidate: None,
            threads: None,
        };
        let summary = withdrawal.withdraw(NikLines::new(lines.as_bytes()), |_| {}).unwrap();
        assert!(summary.not_listed.is_empty() && summary.refused.is_empty());
        summary.withdrawn
    }

    /// Publishes the next epoch, an hour after the one before.
    pub(crate) fn publish(&mut self) -> Manifest {
        let now = Timestamp::from_unix(FIRST_EPOCH + BETWEEN_EPOCHS * self.epochs).unwrap();
        self.epochs += 1;
        let mut publisher = Publisher {
            store: &mut self.store,
            cipher: &self.cipher,
            noise_key: &self.noise_key,
            signer: &self.signer,
            public: &self.home.public(),
            staging: &self.home.staging(),
            despite_unfinished_import: false,
            despite_empty: false,
            despite_missing: false,
            renew: false,
            witnesses: None,
            observer: &mut |_| (),
            progress: &mut |_, _, _| (),
        };
        publisher.publish(&id(), now).unwrap().manifest
    }
}
