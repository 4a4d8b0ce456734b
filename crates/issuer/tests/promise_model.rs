//! The promise, measured: one tenth of Jakarta, three epochs of one generation, published files, and an onlooker who holds
//! everybody's filter item. Random items stand for stretched NIKs, which are as random.

// A helper that fails is a test that fails.
#![allow(clippy::unwrap_used)]

use ceknik_core::StretchCost;
use ceknik_core::bucket::BucketGeometry;
use ceknik_core::deniability::{self, Promise};
use ceknik_core::filter::{FilterBits, FilterError, FilterGeometry, FilterItem, NoiseKey, NoiseSequence, ShardDigest};
use ceknik_core::manifest::{
    BucketsSpec, Disclosure, FilterSpec, Id, Manifest, OprfSpec, StretchSpec, Text, Texts, manifest_sha256,
};
use ceknik_core::oprf::OprfSecretKey;
use ceknik_core::time::Timestamp;
use ceknik_issuer::plan::{
    HitRates, LISTED_ON_A_CARD, MeasureError, Measured, Person, PublishedFilter, Subgroup, SubgroupFigures,
    card_posterior, measure_promise,
};
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;

const POPULATION: usize = 821_400;
const LISTED: usize = 67_706;
/// How far a measured share may lie above the promise.
const STANDARD_ERRORS: f64 = 3.0;

/// What a dishonest publisher does differently.
#[derive(Clone, Copy, PartialEq)]
enum Publisher {
    Honest,
    /// Announces the noise and sets half of it.
    HalfTheNoise,
    /// Leaves every hundredth member out.
    LeavesOut,
    /// Clears the cells of those who are withdrawn.
    Clears,
}

/// A generation as its publisher keeps it.
struct Generation {
    publisher: Publisher,
    geometry: FilterGeometry,
    noise: NoiseSequence,
    cells_of_noise: FilterBits,
    announced_noise: u64,
    manifests: Vec<Manifest>,
}

impl Generation {
    fn new(rng: &mut ChaCha20Rng, publisher: Publisher, shard_bits: u8) -> Self {
        let (mut seed, mut key) = ([0; 32], [0; 32]);
        rng.fill_bytes(&mut seed);
        rng.fill_bytes(&mut key);
        let geometry = FilterGeometry::for_capacity(8, LISTED as u64, shard_bits, seed).unwrap();
        let noise = NoiseSequence::new(&NoiseKey::from_bytes(key), "model", 1, &geometry);
        let cells_of_noise = FilterBits::new(geometry);
        Self { publisher, geometry, noise, cells_of_noise, announced_noise: 0, manifests: Vec::new() }
    }

    /// The next epoch, as its files and manifest say it: parsed again from its bytes, and checked to follow the one before.
    fn publish(&mut self, people: &[Person]) -> PublishedFilter {
        let epoch = self.manifests.len() as u64 + 1;
        let is_member = |person: &&Person| person.added.is_some_and(|added| added <= epoch);
        let is_gone = |person: &Person| person.withdrawn.is_some_and(|withdrawn| withdrawn <= epoch);
        let members = people.iter().filter(is_member).count() as u64;
        let records = people.iter().filter(is_member).filter(|person| !is_gone(person)).count() as u64;

        let population = people.len() as u64;
        let cells = self.geometry.cells();
        let promise = Promise::new(population, 50, cells).unwrap();
        let before = self.manifests.last().and_then(|manifest| manifest.filter.as_ref()).map(|filter| filter.members);
        let (noise_before, added_noise) = match before {
            None => (0, promise.first_noise(members).unwrap()),
            Some(before) => (self.announced_noise, promise.added_noise(before, members).unwrap()),
        };
        self.announced_noise += added_noise;
        let set =
            if self.publisher == Publisher::HalfTheNoise { self.announced_noise / 2 } else { self.announced_noise };
        while self.noise.distinct() < set {
            self.cells_of_noise.set(self.noise.next().unwrap());
        }

        let mut bits = self.cells_of_noise.clone();
        for (place, person) in people.iter().filter(is_member).enumerate() {
            let left_out = match self.publisher {
                Publisher::LeavesOut => place % 100 == 0,
                Publisher::Clears => is_gone(person),
                Publisher::Honest | Publisher::HalfTheNoise => false,
            };
            if !left_out {
                bits.set(self.geometry.cell(&person.item));
            }
        }
        let files: Vec<_> = bits.files().collect();
        let shards = files.iter().map(|file| ShardDigest::of(file)).collect();
        let filter =
            FilterSpec { generation: 1, geometry: self.geometry, members, noise: self.announced_noise, shards };
        let manifest = self.manifest(epoch, population, records, filter, noise_before, added_noise);
        let bytes = manifest.to_bytes().unwrap();
        let manifest = Manifest::parse(&bytes).unwrap();
        if let Some(before) = self.manifests.last() {
            manifest.check_follows(before, &manifest_sha256(&before.to_bytes().unwrap())).unwrap();
        }
        let published = PublishedFilter::open(&manifest, files).unwrap();
        self.manifests.push(manifest);
        published
    }

    fn manifest(
        &self,
        epoch: u64,
        population: u64,
        records: u64,
        filter: FilterSpec,
        noise_before: u64,
        added_noise: u64,
    ) -> Manifest {
        let text = |of: &str| Text { id: of.to_owned(), en: of.to_owned() };
        let time = |hours: i64| Timestamp::from_unix(1_790_000_000 + 3600 * (epoch as i64 + hours)).unwrap();
        let shard_bits = filter.geometry.shard_bits();
        Manifest {
            log: "model.example/log".into(),
            dataset: Id::new("model").unwrap(),
            epoch,
            previous: self.manifests.last().map(|manifest| manifest_sha256(&manifest.to_bytes().unwrap())),
            published_at: time(0),
            valid_until: time(24),
            title: text("Model"),
            coverage: text("Model"),
            records,
            population,
            stretch: StretchSpec { cost: StretchCost::default(), salt: [1; 32] },
            oprf: OprfSpec {
                public_key: *OprfSecretKey::generate(&mut ChaCha20Rng::seed_from_u64(1)).public_key(),
                next: None,
            },
            buckets: BucketsSpec { geometry: BucketGeometry::new(5, 96, 409_600).unwrap(), root: [4; 32] },
            disclosure: Disclosure {
                posterior_percent: Some(50),
                odds_factor: Some(deniability::odds_factor(filter.geometry.cells(), filter.noise)),
                epoch_odds_factor: deniability::epoch_odds_factor(filter.geometry.cells(), noise_before, added_noise),
                people_per_bucket: deniability::people_per_bucket(population, 5, shard_bits),
                cover_percent: 10,
                evaluations_per_day: 300_000,
            },
            filter: Some(filter),
            candidates: Texts::from([(Id::new("a").unwrap(), text("A"))]),
            statuses: Texts::from([(Id::new("ms").unwrap(), text("MS"))]),
            guidance: vec![],
            mirrors: vec![],
        }
    }
}

fn item(rng: &mut ChaCha20Rng) -> FilterItem {
    let mut bytes = [0; 24];
    rng.fill_bytes(&mut bytes);
    FilterItem::from_bytes(bytes)
}

/// A population in which who is listed, when, and who is withdrawn is independent of everything else.
fn independent(rng: &mut ChaCha20Rng) -> Vec<Person> {
    let mut people: Vec<_> =
        (0..POPULATION).map(|_| Person { item: item(rng), added: None, withdrawn: None, card: None }).collect();
    for (place, person) in rand::seq::index::sample(rng, POPULATION, LISTED).into_iter().enumerate() {
        // The first epoch brings most, the second a few hundred, the third some thousands.
        let added = match place {
            0..60_000 => 1,
            60_000..60_800 => 2,
            _ => 3,
        };
        let withdrawn = match place {
            0..4_000 => Some(2),
            4_000..6_000 => Some(3),
            60_000..60_100 => Some(3),
            _ => None,
        };
        people[person].added = Some(added);
        people[person].withdrawn = withdrawn;
    }
    people
}

/// Three epochs of one generation by a publisher, and what its files give away.
fn measured(seed: u64, publisher: Publisher, shard_bits: u8) -> Measured {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let people = independent(&mut rng);
    let mut generation = Generation::new(&mut rng, publisher, shard_bits);
    let epochs: Vec<_> = (0..3).map(|_| generation.publish(&people)).collect();
    measure_promise(&epochs, &people).unwrap()
}

fn print(measured: &Measured) {
    for row in &measured.subgroups {
        let SubgroupFigures { epoch, subgroup, hits, posterior, standard_error, .. } = row;
        println!("epoch {epoch}  {subgroup:?}: {:.4} ± {standard_error:.4} of {hits}", posterior.unwrap_or(f64::NAN));
    }
}

fn find(measured: &Measured, epoch: u64, subgroup: Subgroup) -> SubgroupFigures {
    *measured.subgroups.iter().find(|row| (row.epoch, row.subgroup) == (epoch, subgroup)).unwrap()
}

#[test]
fn the_promise_holds_in_every_subgroup() {
    for (seed, shard_bits) in [(1, 0), (2, 2)] {
        let measured = measured(seed, Publisher::Honest, shard_bits);
        print(&measured);
        assert_eq!((measured.missing_members, measured.cleared), (0, 0));
        for row in &measured.subgroups {
            assert!(row.keeps_promise(STANDARD_ERRORS), "{row:?}");
        }
        // Every subgroup is there, and large enough to say something.
        for epoch in 1..=3 {
            for subgroup in [Subgroup::Hit, Subgroup::Sharing(1), Subgroup::Sharing(2), Subgroup::Sharing(3)] {
                assert!(find(&measured, epoch, subgroup).hits > 10_000);
            }
        }
        for epoch in 2..=3 {
            for subgroup in [
                Subgroup::NewlySetAlone,
                Subgroup::NewlySet,
                Subgroup::SetLaterAlone,
                Subgroup::SetLater,
                Subgroup::WithdrawnAlone,
                Subgroup::Withdrawn,
            ] {
                assert!(find(&measured, epoch, subgroup).hits > 200, "{epoch} {subgroup:?}");
            }
        }
        // Alone in the cell the promise is met, not merely kept: no more noise was spent than it costs.
        let alone = find(&measured, 1, Subgroup::Sharing(1));
        assert!(alone.posterior.unwrap() > alone.promised - STANDARD_ERRORS * alone.standard_error, "{alone:?}");
        // Those who share their cell are hidden better, by what the formula says.
        let base_rate = 60_000.0 / POPULATION as f64;
        let noise_share = 60_000.0 / (POPULATION as f64 - 60_000.0);
        for people in 1..=3 {
            let row = find(&measured, 1, Subgroup::Sharing(people));
            let expected = deniability::posterior_sharing(base_rate, noise_share, people);
            assert!((row.posterior.unwrap() - expected).abs() < 4.0 * row.standard_error, "{row:?} for {expected}");
        }
        // Who was withdrawn still hits, and nothing tells him from who was not: his share is his part of the members.
        let (gone, members) = (find(&measured, 3, Subgroup::WithdrawnAlone), find(&measured, 3, Subgroup::Sharing(1)));
        let part = 6_100.0 / LISTED as f64 * members.posterior.unwrap();
        assert!((gone.posterior.unwrap() - part).abs() < 4.0 * gone.standard_error, "{gone:?} for {part}");
    }
}

#[test]
fn too_little_noise_is_noticed() {
    let measured = measured(3, Publisher::HalfTheNoise, 0);
    for epoch in 1..=3 {
        assert!(!find(&measured, epoch, Subgroup::Sharing(1)).keeps_promise(10.0));
    }
    for epoch in 2..=3 {
        assert!(!find(&measured, epoch, Subgroup::NewlySetAlone).keeps_promise(1.0));
    }
}

#[test]
fn members_left_out_and_cells_cleared_are_counted() {
    let left_out = measured(4, Publisher::LeavesOut, 0);
    // One of a hundred of 60,000, 60,800 and 67,706, but for those whose cell is set all the same (a fifth).
    let (members, missing) = (1_886.0, left_out.missing_members as f64);
    assert!((0.75..0.85).contains(&(missing / members)), "{missing}");
    let cleared = measured(5, Publisher::Clears, 0);
    assert!(cleared.cleared > 4_000, "{}", cleared.cleared);
}

/// Who is listed comes by cards of five, on which four are listed on average. What the promise does not cover.
#[test]
fn cards_of_five_give_away_more_than_the_promise() {
    let mut rng = ChaCha20Rng::seed_from_u64(6);
    let mut people: Vec<_> = (0..POPULATION as u32)
        .map(|person| Person { item: item(&mut rng), added: None, withdrawn: None, card: Some(person / 5) })
        .collect();
    // A few cards fewer, so that the members of all do not exceed the capacity.
    let cards = (LISTED as f64 / (5.0 * LISTED_ON_A_CARD)) as usize - 100;
    for card in rand::seq::index::sample(&mut rng, POPULATION / 5, cards) {
        for person in &mut people[5 * card..5 * card + 5] {
            person.added = rng.gen_bool(LISTED_ON_A_CARD).then_some(1);
        }
    }
    let mut generation = Generation::new(&mut rng, Publisher::Honest, 0);
    let epochs = [generation.publish(&people)];
    let measured = measure_promise(&epochs, &people).unwrap();
    let filter = generation.manifests[0].filter.clone().unwrap();
    let rates = HitRates::of(filter.geometry.cells(), filter.noise, filter.members, POPULATION as u64);
    for (hits, stated) in [(4, "0.84"), (5, "0.95")] {
        let row = measured.cards.iter().find(|row| (row.size, row.hits) == (5, hits)).unwrap();
        println!("cards of five with {hits} hits: {:.4} ± {:.4} of {}", row.posterior, row.standard_error, row.cards);
        let expected = card_posterior(&rates, 5, hits).average;
        assert!((row.posterior - expected).abs() < 4.0 * row.standard_error, "{row:?} for {expected}");
        assert_eq!(format!("{expected:.2}"), stated);
    }
    // Without the cards, the same filter keeps its promise to everybody of whom nothing else is known.
    let alone = find(&measured, 1, Subgroup::Sharing(1));
    assert!(alone.keeps_promise(STANDARD_ERRORS), "{alone:?}");
}

/// Why the filter has one hash: the usual one, four hashes and no noise but what members make, of the same size as five
/// cells a record, has about as many false positives. But a set bit must come from somebody who hits, and where only one
/// does, from him.
#[test]
fn the_usual_filter_exposes_a_third_of_its_members() {
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    let bits = 5 * LISTED;
    let people: Vec<[usize; 4]> = (0..POPULATION).map(|_| [(); 4].map(|()| rng.gen_range(0..bits))).collect();
    let (members, others) = people.split_at(LISTED);
    let mut set = vec![false; bits];
    members.iter().flatten().for_each(|bit| set[*bit] = true);
    let hits = |person: &&[usize; 4]| person.iter().all(|bit| set[*bit]);
    let mut explained_by = vec![0u32; bits];
    people.iter().filter(hits).flatten().for_each(|bit| explained_by[*bit] += 1);
    let false_hits = others.iter().filter(hits).count() as f64 / others.len() as f64;
    let exposed = members.iter().filter(|member| member.iter().any(|bit| explained_by[*bit] == 1)).count() as f64;
    println!("false positives {false_hits:.4}, members exposed {:.4}", exposed / LISTED as f64);
    assert!((0.088..0.096).contains(&false_hits), "{false_hits}");
    assert!((0.34..0.36).contains(&(exposed / LISTED as f64)), "{exposed}");
    // With certainty: nobody who is not listed has such a bit.
    assert!(!others.iter().filter(hits).any(|other| other.iter().any(|bit| explained_by[*bit] == 1)));
}

#[test]
fn files_and_manifests_must_belong_together() {
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let people: Vec<_> = (0..40_000)
        .map(|i| Person { item: item(&mut rng), added: (i % 100 == 0).then_some(1), withdrawn: None, card: None })
        .collect();
    let mut generation = Generation::new(&mut rng, Publisher::Honest, 1);
    let first = generation.publish(&people);
    let second = generation.publish(&people);
    let manifest = generation.manifests[0].clone();
    let files: Vec<_> = generation.cells_of_noise.files().collect();

    let error = PublishedFilter::open(&manifest, files.clone()).unwrap_err();
    assert_eq!(error, MeasureError::Filter { epoch: 1, shard: 0, error: FilterError::Digest });
    let error = PublishedFilter::open(&manifest, files[..1].to_vec()).unwrap_err();
    assert_eq!(error.to_string(), "epoch 1 has 2 filter shards, 1 were given");
    let error = PublishedFilter::open(&Manifest { filter: None, ..manifest }, vec![]).unwrap_err();
    assert_eq!(error.to_string(), "epoch 1 has no filter: there is no promise to measure");

    assert!(measure_promise(&[], &people).unwrap().subgroups.is_empty());
    let other = Generation::new(&mut rng, Publisher::Honest, 0).publish(&people);
    let epochs = [second, first];
    assert_eq!(measure_promise(&epochs, &people).unwrap_err(), MeasureError::Sequence { epoch: 1 });
    let [second, _] = epochs;
    assert!(measure_promise(&[other, second], &people).is_err());
}
