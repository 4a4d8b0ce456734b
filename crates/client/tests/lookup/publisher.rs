//! A small publisher: epochs of a list of made-up NIKs, with a weak stretch, as the files that a service serves.

use std::collections::{BTreeMap, BTreeSet};

use ceknik_core::bucket::BucketGeometry;
use ceknik_core::deniability::{self, Promise};
use ceknik_core::encoding::hex;
use ceknik_core::filter::{Cell, FilterBits, FilterGeometry, NoiseKey, NoiseSequence, ShardDigest};
use ceknik_core::log::{EMPTY_ROOT, LogSigner, SignedCheckpoint, TileId, TilePlan, TlogProof, TreeHead};
use ceknik_core::manifest::{
    BucketsSpec, Disclosure, FilterSpec, Guidance, Id, Manifest, NextKey, OprfSpec, StretchSpec, Text, Texts,
    manifest_sha256,
};
use ceknik_core::merkle::{PerfectTree, leaf_hash};
use ceknik_core::oprf::OprfSecretKey;
use ceknik_core::record::{self, Record, Support};
use ceknik_core::time::Timestamp;
use ceknik_core::{Nik, StretchCost, Stretched, Stretcher};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

pub(crate) const DATASET: &str = "jakarta-2024";
pub(crate) const ORIGIN: &str = "ceknik.example.org/log";
/// When epoch 1 is published; every later one comes a day after the one before.
pub(crate) const FIRST_DAY: &str = "2026-11-22T08:00:00Z";
const DAY: i64 = 24 * 3600;
const POPULATION: u64 = 4000;
const PAYLOAD_BYTES: u32 = 96;

pub(crate) fn nik(n: u32) -> Nik {
    Nik::parse(&format!("3171011708{n:06}")).unwrap()
}

pub(crate) fn at(day: i64) -> Timestamp {
    Timestamp::from_unix(Timestamp::parse(FIRST_DAY).unwrap().unix() + day * DAY + 60).unwrap()
}

/// What an epoch is made of.
#[derive(Clone)]
pub(crate) struct Epoch {
    /// Numbers of the NIKs listed.
    pub(crate) listed: BTreeSet<u32>,
    /// Listed, and left out of the filter.
    pub(crate) left_out_of_filter: BTreeSet<u32>,
    /// Listed, and sealed under a key that is not theirs.
    pub(crate) sealed_wrongly: BTreeSet<u32>,
    pub(crate) candidate: String,
    pub(crate) bits: u8,
    pub(crate) shard_bits: u8,
    pub(crate) cover_percent: u8,
    pub(crate) has_filter: bool,
    pub(crate) weak: bool,
    pub(crate) mirrors: Vec<String>,
    /// Announce the key of this seed for this epoch.
    pub(crate) next_key: Option<(u64, u64)>,
}

impl Default for Epoch {
    fn default() -> Self {
        Self {
            listed: (0..40).collect(),
            left_out_of_filter: BTreeSet::new(),
            sealed_wrongly: BTreeSet::new(),
            candidate: "dk".into(),
            bits: 3,
            shard_bits: 0,
            cover_percent: 0,
            has_filter: true,
            weak: true,
            mirrors: Vec::new(),
            next_key: None,
        }
    }
}

/// Keys, log and files.
#[derive(Clone)]
pub(crate) struct Publisher {
    pub(crate) dataset: String,
    signer_seed: u64,
    pub(crate) key_seed: u64,
    generation: u32,
    head: TreeHead,
    /// Everything that a GET may ask for, by path.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) manifests: Vec<Manifest>,
}

fn text(id: &str) -> Text {
    Text { id: id.into(), en: id.into() }
}

pub(crate) fn oprf_key(seed: u64) -> OprfSecretKey {
    OprfSecretKey::generate(&mut ChaCha20Rng::seed_from_u64(1000 + seed))
}

impl Publisher {
    pub(crate) fn new() -> Self {
        Self::with_log_key(1)
    }

    pub(crate) fn with_log_key(signer_seed: u64) -> Self {
        let mut publisher = Self {
            dataset: DATASET.into(),
            signer_seed,
            key_seed: 1,
            generation: 1,
            head: TreeHead { size: 0, root: EMPTY_ROOT },
            files: BTreeMap::new(),
            manifests: Vec::new(),
        };
        publisher.files.insert("/v1/policy".into(), publisher.policy_text().into_bytes());
        publisher
    }

    pub(crate) fn signer(&self) -> LogSigner {
        LogSigner::generate(ORIGIN, &mut ChaCha20Rng::seed_from_u64(self.signer_seed)).unwrap()
    }

    pub(crate) fn policy_text(&self) -> String {
        format!("log {}\nquorum none\n", self.signer().verifier_key())
    }

    fn salt(&self) -> [u8; 32] {
        [self.generation as u8; 32]
    }

    pub(crate) fn stretched(&self, n: u32) -> Stretched {
        Stretcher::new(StretchCost::WEAK, self.salt()).unwrap().stretch(&nik(n)).unwrap()
    }

    fn seed(&self) -> [u8; 32] {
        core::array::from_fn(|i| i as u8 + self.generation as u8)
    }

    /// A new salt, seed and key.
    pub(crate) fn new_generation(&mut self, key_seed: u64) {
        self.generation += 1;
        self.key_seed = key_seed;
    }

    /// Publishes an epoch; gives its number.
    pub(crate) fn publish(&mut self, epoch: &Epoch) -> u64 {
        let number = self.manifests.len() as u64 + 1;
        let manifest = self.lay_out(number, epoch);
        self.log(manifest);
        number
    }

    /// The manifest of an epoch, whose filter and buckets are put among the files.
    pub(crate) fn lay_out(&mut self, number: u64, epoch: &Epoch) -> Manifest {
        let cost = if epoch.weak { StretchCost::WEAK } else { StretchCost::default() };
        let mut stretcher = Stretcher::new(cost, self.salt()).unwrap();
        let key = oprf_key(self.key_seed);
        let mut cells = BTreeSet::new();
        let mut entries = BTreeMap::new();
        let geometry = FilterGeometry::for_capacity(8, 4000, epoch.shard_bits, self.seed()).unwrap();
        for &n in &epoch.listed {
            let h = stretcher.stretch(&nik(n)).unwrap();
            if !epoch.left_out_of_filter.contains(&n) {
                cells.insert(geometry.cell(&h.filter_item()));
            }
            let y = key.evaluate(&h.oprf_input());
            let support = Support {
                candidate: epoch.candidate.clone(),
                status: "ms".into(),
                submitted: (n % 2 == 0).then(|| "2024-08-15".into()),
            };
            let mut seal_key = y.seal_key();
            if epoch.sealed_wrongly.contains(&n) {
                seal_key = record::SealKey::from_bytes([9; 32]);
            }
            let sealed = record::seal(&seal_key, &self.dataset, &Record { supports: vec![support] }, PAYLOAD_BYTES);
            entries.insert(y.locator(), sealed.unwrap());
        }
        let buckets = self.lay_out_buckets(number, epoch.bits, &entries);
        let members = epoch.listed.len() as u64;
        let filter = epoch.has_filter.then(|| self.lay_out_filter(geometry, members, cells));
        let disclosure = self.disclose(epoch, filter.as_ref());
        let published_at = at(number as i64 - 1).unix() - 60;
        Manifest {
            log: ORIGIN.into(),
            dataset: Id::new(&self.dataset).unwrap(),
            epoch: number,
            previous: self.manifests.last().map(|before| manifest_sha256(&before.to_bytes().unwrap())),
            published_at: Timestamp::from_unix(published_at).unwrap(),
            valid_until: Timestamp::from_unix(published_at + 7 * DAY).unwrap(),
            title: text("Daftar"),
            coverage: text("Jakarta"),
            records: members,
            population: POPULATION,
            stretch: StretchSpec { cost, salt: self.salt() },
            filter,
            oprf: OprfSpec {
                public_key: *key.public_key(),
                next: epoch
                    .next_key
                    .map(|(seed, from_epoch)| NextKey { public_key: *oprf_key(seed).public_key(), from_epoch }),
            },
            buckets,
            disclosure,
            candidates: Texts::from([(Id::new("dk").unwrap(), text("DK"))]),
            statuses: Texts::from([(Id::new("ms").unwrap(), text("MS"))]),
            guidance: vec![Guidance { region: None, text: text("Lapor"), url: "https://example.org/".into() }],
            mirrors: epoch.mirrors.clone(),
        }
    }

    fn lay_out_filter(&mut self, geometry: FilterGeometry, members: u64, cells: BTreeSet<Cell>) -> FilterSpec {
        let promise = Promise::new(POPULATION, 50, geometry.cells()).unwrap();
        // The same rule whether the epoch is the first: the tests only ever grow members from epoch to epoch.
        let before = self.manifests.last().and_then(|manifest| manifest.filter.as_ref());
        let before = before.filter(|filter| filter.generation == self.generation);
        let noise = match before {
            Some(before) => before.noise + promise.added_noise(before.members, members).unwrap(),
            None => promise.first_noise(members).unwrap(),
        };
        let mut bits = FilterBits::new(geometry);
        let key = NoiseKey::from_bytes([5; 32]);
        for cell in NoiseSequence::new(&key, &self.dataset, self.generation, &geometry).take(noise as usize) {
            bits.set(cell);
        }
        for cell in cells {
            bits.set(cell);
        }
        let mut shards = Vec::new();
        for file in bits.files() {
            let digest = ShardDigest::of(&file);
            self.files.insert(format!("/v1/{}/filter/{}", self.dataset, hex(&digest.sha256)), file);
            shards.push(digest);
        }
        FilterSpec { generation: self.generation, geometry, members, noise, shards }
    }

    fn lay_out_buckets(&mut self, number: u64, bits: u8, entries: &BTreeMap<record::Locator, Vec<u8>>) -> BucketsSpec {
        let mut buckets = vec![Vec::new(); 1 << bits];
        for (locator, sealed) in entries {
            let bucket: &mut Vec<u8> = &mut buckets[locator.bucket(bits) as usize];
            bucket.extend(locator.expose_bytes());
            bucket.extend(sealed);
        }
        let entry_bytes = 16 + PAYLOAD_BYTES as usize + 16;
        let fullest = buckets.iter().map(|bucket| bucket.len() / entry_bytes).max().unwrap_or(0) as u64;
        let geometry = BucketGeometry::for_fullest(bits, PAYLOAD_BYTES, fullest).unwrap();
        let tree = PerfectTree::new(buckets.iter().map(|bucket| leaf_hash(bucket)).collect()).unwrap();
        for (index, bucket) in buckets.iter().enumerate() {
            let response = geometry.encode_response(&tree.path(index).unwrap(), bucket).unwrap();
            self.files.insert(format!("/v1/{}/epochs/{number}/buckets/{index}", self.dataset), response);
        }
        BucketsSpec { geometry, root: tree.root() }
    }

    fn disclose(&self, epoch: &Epoch, filter: Option<&FilterSpec>) -> Disclosure {
        let people = deniability::people_per_bucket(POPULATION, epoch.bits, epoch.shard_bits);
        let mut disclosure = Disclosure {
            posterior_percent: None,
            odds_factor: None,
            epoch_odds_factor: None,
            people_per_bucket: people,
            cover_percent: 100,
            evaluations_per_day: 100_000,
        };
        if let Some(filter) = filter {
            let cells = filter.geometry.cells();
            let before = self.manifests.last().and_then(|manifest| manifest.filter.as_ref());
            let before =
                before.filter(|before| before.generation == filter.generation).map_or(0, |before| before.noise);
            disclosure.posterior_percent = Some(50);
            disclosure.odds_factor = Some(deniability::odds_factor(cells, filter.noise));
            disclosure.epoch_odds_factor = deniability::epoch_odds_factor(cells, before, filter.noise - before);
            disclosure.cover_percent = epoch.cover_percent;
        }
        disclosure
    }

    /// Appends a manifest to the log and makes it the current one.
    pub(crate) fn log(&mut self, manifest: Manifest) {
        let bytes = manifest.to_bytes().unwrap();
        let number = manifest.epoch;
        self.manifests.push(manifest);
        let proof = self.append(bytes.clone());
        self.files.insert(format!("/v1/{}/manifest", self.dataset), bytes.clone());
        self.files.insert(format!("/v1/{}/epochs/{number}/manifest", self.dataset), bytes);
        self.files.insert(format!("/v1/{}/epochs/{number}/proof", self.dataset), proof.to_bytes());
    }

    /// Appends a leaf to the log; gives its proof.
    pub(crate) fn append(&mut self, leaf: Vec<u8>) -> TlogProof {
        let plan = TilePlan::edge(self.head.size);
        let tiles: Vec<Vec<u8>> = plan.tiles().iter().map(|tile| self.files[&tile_path(*tile)].clone()).collect();
        let appended = plan.authenticate(&self.head, &tiles).unwrap().append(leaf_hash(&leaf)).unwrap();
        for (tile, bytes) in appended.tiles {
            self.files.insert(tile_path(tile), bytes);
        }
        let index = self.head.size;
        self.head = appended.head;
        let checkpoint = self.signer().sign(&self.head).unwrap();
        self.files.insert("/log/checkpoint".into(), checkpoint.as_bytes().to_vec());
        TlogProof::new(index, appended.proof, checkpoint)
    }

    pub(crate) fn checkpoint(&self) -> SignedCheckpoint {
        self.signer().sign(&self.head).unwrap()
    }

    pub(crate) fn current(&self) -> &Manifest {
        self.manifests.last().unwrap()
    }

    /// Numbers from `from` on whose NIK is not listed, by whether the filter of the current epoch hits.
    pub(crate) fn unlisted(&self, epoch: &Epoch, hit: bool) -> impl Iterator<Item = u32> + '_ {
        let filter = self.current().filter.clone().unwrap();
        let shards: Vec<_> = filter
            .shards
            .iter()
            .enumerate()
            .map(|(shard, digest)| {
                let file = self.files[&format!("/v1/{}/filter/{}", self.dataset, hex(&digest.sha256))].clone();
                ceknik_core::filter::FilterShard::open(&filter.geometry, shard as u32, digest, file).unwrap()
            })
            .collect();
        let listed = epoch.listed.clone();
        let mut stretcher = Stretcher::new(StretchCost::WEAK, self.salt()).unwrap();
        (1000u32..).filter(move |n| {
            let item = stretcher.stretch(&nik(*n)).unwrap().filter_item();
            let shard = &shards[filter.geometry.shard(&item) as usize];
            !listed.contains(n) && shard.contains(&item) == Some(hit)
        })
    }
}

pub(crate) fn tile_path(tile: TileId) -> String {
    format!("/log/{}", tile.path())
}
