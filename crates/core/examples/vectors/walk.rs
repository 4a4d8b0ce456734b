//! A whole small list, two epochs of it, as a service has it, and the way of a few NIKs through it.

use std::collections::BTreeMap;

use ceknik_core::bucket::BucketGeometry;
use ceknik_core::deniability::{Promise, epoch_odds_factor, odds_factor, people_per_bucket};
use ceknik_core::encoding::{base64url, hex};
use ceknik_core::filter::{FilterBits, FilterGeometry, NoiseKey, NoiseSequence, ShardDigest};
use ceknik_core::log::{SignedCheckpoint, TlogProof};
use ceknik_core::manifest::{
    BucketsSpec, Disclosure, FilterSpec, Guidance, Id, Manifest, OprfSpec, StretchSpec, Text, Texts, manifest_sha256,
};
use ceknik_core::merkle::{PerfectTree, leaf_hash};
use ceknik_core::oprf::{BatchEvaluation, OprfOutput, OprfSecretKey, blind, verify_batch};
use ceknik_core::record::{Record, Support, seal};
use ceknik_core::time::Timestamp;
use ceknik_core::{CoverSecret, Nik, StretchCost, Stretched, Stretcher, covers};

use crate::Vectors;
use crate::fixed::{self, Made, bytes, nik, oprf_key, text};
use crate::json::{Json, object};
use crate::log::{Log, ORIGIN, TIME, policy_text};
use crate::record::{record_json, support};

const DATASET: &str = "contoh";
/// So few people that the noise is thick enough for a false positive among a few NIKs.
const POPULATION: u64 = 100;
const BUCKET_BITS: u8 = 2;
const PAYLOAD_BYTES: u32 = 160;

/// A person of the list: number, and the supports by epoch; none in an epoch: not listed then.
struct Person {
    nik: String,
    h: Stretched,
    y: OprfOutput,
    supports: [Vec<Support>; 2],
}

/// What does not change from epoch to epoch.
struct Generation {
    key: OprfSecretKey,
    cost: StretchCost,
    salt: [u8; 32],
    geometry: FilterGeometry,
    store_key: [u8; 32],
}

/// An epoch as it is served.
struct Epoch {
    manifest: Manifest,
    bytes: Vec<u8>,
    filter: FilterBits,
    responses: Vec<Vec<u8>>,
    entries: Vec<Vec<u8>>,
}

fn person(
    generation: &Generation,
    stretcher: &mut Stretcher,
    number: u32,
    supports: [Vec<Support>; 2],
) -> Made<Person> {
    let nik = nik(number);
    let h = stretcher.stretch(&Nik::parse(&nik)?)?;
    let y = generation.key.evaluate(&h.oprf_input());
    Ok(Person { nik, h, y, supports })
}

/// Twelve people; one is withdrawn in the second epoch, one changes, one comes.
fn people(generation: &Generation, stretcher: &mut Stretcher) -> Made<Vec<Person>> {
    let ms = || vec![support("a", "ms", Some("2024-08-15"))];
    let mut people = Vec::new();
    for number in 0..12 {
        let supports = match number {
            1 => [ms(), Vec::new()],
            2 => [
                vec![support("a", "ms", None)],
                vec![support("a", "tms", None), support("b", "ms", Some("2024-09-01"))],
            ],
            3 => [Vec::new(), ms()],
            _ => [ms(), ms()],
        };
        people.push(person(generation, stretcher, number, supports)?);
    }
    Ok(people)
}

fn texts(id: &str, en: &str) -> Text {
    Text { id: id.into(), en: en.into() }
}

fn epoch(generation: &Generation, people: &[Person], before: Option<&Epoch>) -> Made<Epoch> {
    let number = before.map_or(1, |before| before.manifest.epoch + 1);
    let at = usize::try_from(number - 1)?;
    let Generation { key, geometry, .. } = generation;
    let old = before.and_then(|before| before.manifest.filter.as_ref());
    let ever = people.iter().filter(|person| person.supports[..=at].iter().any(|supports| !supports.is_empty()));
    let members = ever.clone().count() as u64;
    let promise = Promise::new(POPULATION, 50, geometry.cells())?;
    let added = match old {
        None => promise.first_noise(members)?,
        Some(old) => promise.added_noise(old.members, members)?,
    };
    let noise = old.map_or(0, |old| old.noise) + added;
    let mut filter = FilterBits::new(*geometry);
    for person in ever {
        filter.set(geometry.cell(&person.h.filter_item()));
    }
    let sequence = NoiseSequence::new(&NoiseKey::from_bytes(generation.store_key), DATASET, 1, geometry);
    for cell in sequence.take(usize::try_from(noise)?) {
        filter.set(cell);
    }
    let files: Vec<Vec<u8>> = filter.files().collect();

    let mut sealed = BTreeMap::new();
    for person in people.iter().filter(|person| !person.supports[at].is_empty()) {
        let record = Record { supports: person.supports[at].clone() };
        sealed.insert(person.y.locator(), seal(&person.y.seal_key(), DATASET, &record, PAYLOAD_BYTES)?);
    }
    let mut entries = vec![Vec::new(); 1 << BUCKET_BITS];
    for (locator, sealed) in &sealed {
        entries[locator.bucket(BUCKET_BITS) as usize].extend([&locator.expose_bytes()[..], sealed].concat());
    }
    let entry_bytes = 16 + PAYLOAD_BYTES as usize + 16;
    let fullest = entries.iter().map(|entries| entries.len() / entry_bytes).max().unwrap_or(0);
    let buckets = BucketGeometry::for_fullest(BUCKET_BITS, PAYLOAD_BYTES, fullest as u64)?;
    let tree = PerfectTree::new(entries.iter().map(|entries| leaf_hash(entries)).collect()).ok_or("no power of two")?;
    let mut responses = Vec::new();
    for (index, entries) in entries.iter().enumerate() {
        responses.push(buckets.encode_response(&tree.path(index).ok_or("no such bucket")?, entries)?);
    }

    let first = Timestamp::parse("2026-11-22T08:00:00Z")?;
    let day = i64::try_from(number - 1)? * 24 * 3600;
    let factor = odds_factor(geometry.cells(), noise);
    let manifest = Manifest {
        log: ORIGIN.into(),
        dataset: Id::new(DATASET)?,
        epoch: number,
        previous: before.map(|before| manifest_sha256(&before.bytes)),
        published_at: Timestamp::from_unix(first.unix() + day)?,
        valid_until: Timestamp::from_unix(first.unix() + day + 7 * 24 * 3600)?,
        title: texts("Daftar contoh", "Example list"),
        coverage: texts("Dua belas orang yang tidak ada.", "Twelve people who do not exist."),
        records: sealed.len() as u64,
        population: POPULATION,
        stretch: StretchSpec { cost: generation.cost, salt: generation.salt },
        filter: Some(FilterSpec {
            generation: 1,
            geometry: *geometry,
            members,
            noise,
            shards: files.iter().map(|file| ShardDigest::of(file)).collect(),
        }),
        oprf: OprfSpec { public_key: *key.public_key(), next: None },
        buckets: BucketsSpec { geometry: buckets, root: tree.root() },
        disclosure: Disclosure {
            posterior_percent: Some(50),
            odds_factor: Some(factor),
            epoch_odds_factor: epoch_odds_factor(geometry.cells(), old.map_or(0, |old| old.noise), added),
            people_per_bucket: people_per_bucket(POPULATION, BUCKET_BITS, 0),
            cover_percent: 30,
            evaluations_per_day: 1000,
        },
        candidates: Texts::from([
            (Id::new("a")?, texts("Calon A", "Candidate A")),
            (Id::new("b")?, texts("Calon B", "Candidate B")),
        ]),
        statuses: Texts::from([
            (Id::new("ms")?, texts("Memenuhi syarat", "Counted as valid")),
            (Id::new("tms")?, texts("Tidak memenuhi syarat", "Not counted as valid")),
        ]),
        guidance: vec![Guidance {
            region: None,
            text: texts("Ini hanya contoh.", "This is an example only."),
            url: "https://example.org/".into(),
        }],
        mirrors: Vec::new(),
    };
    let bytes = manifest.to_bytes()?;
    Ok(Epoch { manifest, bytes, filter, responses, entries })
}

/// What a service answers to GET, by path.
fn served(epochs: &[Epoch; 2], policy: &str) -> Made<Json> {
    // Another dataset's manifest lies between in the log, as far as this one can tell.
    let leaves = vec![epochs[0].bytes.clone(), b"the manifest of another list".to_vec(), epochs[1].bytes.clone()];
    let log = Log::new(&leaves);
    let mut get: Vec<(String, Json)> = Vec::new();
    let mut file = |path: String, bytes: &[u8]| {
        let content = match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => object! { "text": text },
            _ => object! { "base64url": base64url(bytes) },
        };
        get.push((path, content));
    };
    file("/v1/policy".into(), policy.as_bytes());
    file(format!("/v1/{DATASET}/manifest"), &epochs[1].bytes);
    for (at, (epoch, index, size)) in [(&epochs[0], 0usize, 1usize), (&epochs[1], 2, 3)].into_iter().enumerate() {
        let number = epoch.manifest.epoch;
        let note = log.note(size, &[(1, TIME + 86_400 * at as u64), (3, TIME + 86_400 * at as u64 + 1)])?;
        let proof = TlogProof::new(index as u64, log.path(index, size)?, SignedCheckpoint::parse(note.as_bytes())?);
        file(format!("/v1/{DATASET}/epochs/{number}/manifest"), &epoch.bytes);
        file(format!("/v1/{DATASET}/epochs/{number}/proof"), &proof.to_bytes());
        for filter in epoch.filter.files() {
            file(format!("/v1/{DATASET}/filter/{}", hex(&ShardDigest::of(&filter).sha256)), &filter);
        }
        for (index, response) in epoch.responses.iter().enumerate() {
            file(format!("/v1/{DATASET}/epochs/{number}/buckets/{index}"), response);
        }
    }
    for size in [1usize, 3] {
        let tile = ceknik_core::log::TileId::in_tree(0, 0, size as u64).ok_or("no such tile")?;
        file(format!("/log/{}", tile.path()), &log.tile(tile));
    }
    file("/log/checkpoint".into(), log.note(3, &[(1, TIME + 86_400), (3, TIME + 86_401)])?.as_bytes());
    Ok(Json::Object(get))
}

/// The way of one NIK through the second epoch.
fn walk(generation: &Generation, epoch: &Epoch, what: &str, nik: &str, h: &Stretched) -> Made<Json> {
    let (item, input) = (h.filter_item(), h.oprf_input());
    let cell = generation.geometry.cell(&item);
    let hit = epoch.filter.is_set(cell);
    let secret = CoverSecret::from_bytes(bytes("device secret"));
    let covered = !hit && covers(&secret, 1, h, epoch.manifest.disclosure.cover_percent);
    let local = object! {
        "what": what,
        "nik": nik,
        "h": text(h.expose_bytes()),
        "filter_item": text(item.expose_bytes()),
        "cell": cell.expose_number(),
        "local": if hit { "hit" } else { "miss" },
        "covers": covered,
    };
    if !hit && !covered {
        return Ok(local.with(object! { "answer": "not_listed", "record": Json::Null }));
    }
    let r = fixed::blind(&format!("blind for {nik}"))?;
    let c = blind(&input, &r)?;
    let nonce = fixed::scalar(&format!("nonce for {nik}"));
    let BatchEvaluation { evaluated, proof } =
        generation.key.evaluate_batch_with_nonce(&[c], nonce).ok_or("no nonce")?;
    let verified = verify_batch(generation.key.public_key(), vec![(c, evaluated[0])], &proof)?;
    let y = verified.finalize(0, &input, &r).ok_or("no such place")?;
    let bucket = y.locator().bucket(BUCKET_BITS);
    let buckets = &epoch.manifest.buckets;
    let opened = buckets.geometry.open_response(bucket, &buckets.root, &epoch.responses[bucket as usize])?;
    let record = opened.find(&y.locator()).map(|sealed| ceknik_core::record::open(&y.seal_key(), DATASET, sealed));
    let record = record.transpose()?;
    let (key, sent, back) = (
        base64url(&generation.key.public_key().to_bytes()),
        base64url(&c.to_bytes()),
        base64url(&evaluated[0].to_bytes()),
    );
    Ok(local.with(object! {
        "oprf_input": text(input.expose_bytes()),
        "blind": text(fixed::scalar(&format!("blind for {nik}"))),
        "request": format!("{{\"key\":\"{key}\",\"blinded\":[\"{sent}\"],\"alone\":true}}"),
        "response": format!(
            "{{\"batch\":[{{\"blinded\":\"{sent}\",\"evaluated\":\"{back}\"}}],\"first\":0,\"proof\":\"{}\"}}",
            base64url(&proof.to_bytes()),
        ),
        "y": text(y.expose_bytes()),
        "locator": text(y.locator().expose_bytes()),
        "seal_key": text(y.seal_key().expose_bytes()),
        "bucket": bucket,
        "answer": if record.is_some() { "listed" } else { "not_listed" },
        "record": record.as_ref().map(record_json),
    }))
}

pub(crate) fn vectors() -> Made<Vectors> {
    let generation = Generation {
        key: oprf_key("key of the walk")?,
        cost: StretchCost::default(),
        salt: bytes("salt of the walk"),
        geometry: FilterGeometry::for_capacity(8, 12, 0, bytes("filter seed of the walk"))?,
        store_key: bytes("store key of the walk"),
    };
    let mut stretcher = Stretcher::new(generation.cost, generation.salt)?;
    let people = people(&generation, &mut stretcher)?;
    let first = epoch(&generation, &people, None)?;
    let second = epoch(&generation, &people, Some(&first))?;
    second.manifest.check_follows(&first.manifest, &manifest_sha256(&first.bytes))?;

    let mut walks = Vec::new();
    for (number, what) in [
        (0usize, "listed"),
        (1, "withdrawn: still a hit, and not listed"),
        (2, "listed for two candidates, changed since the first epoch"),
        (3, "new in this epoch"),
    ] {
        let person = &people[number];
        walks.push(walk(&generation, &second, what, &person.nik, &person.h)?);
    }
    // Strangers until there was one of each kind.
    let secret = CoverSecret::from_bytes(bytes("device secret"));
    let mut wanted = vec![
        "not listed, and a miss",
        "not listed, a miss, confirmed as cover",
        "not listed, and a hit: a false positive",
    ];
    for number in 20..80 {
        if wanted.is_empty() {
            break;
        }
        let nik = nik(number);
        let h = stretcher.stretch(&Nik::parse(&nik)?)?;
        let hit = second.filter.is_set(generation.geometry.cell(&h.filter_item()));
        let kind = match (hit, covers(&secret, 1, &h, second.manifest.disclosure.cover_percent)) {
            (true, _) => "not listed, and a hit: a false positive",
            (false, true) => "not listed, a miss, confirmed as cover",
            (false, false) => "not listed, and a miss",
        };
        if let Some(place) = wanted.iter().position(|what| *what == kind) {
            walks.push(walk(&generation, &second, wanted.remove(place), &nik, &h)?);
        }
    }
    if !wanted.is_empty() {
        return Err(format!("no stranger is {wanted:?}").into());
    }
    let policy = policy_text(3, "group g 2 w1 w2 w3\nquorum g\n")?;
    let entries = second.entries.iter().map(|entries| entries.len() / (32 + PAYLOAD_BYTES as usize));
    Ok(Vectors {
        file: "walk.json",
        about: "A list of twelve people in two epochs: everything that a service serves for it, and the way of NIKs through it, from the digits to the answer.",
        spec: "All steps; \"Write a client\"",
        members: &[
            ("now", "the time on the reader's clock"),
            ("dataset", "its id"),
            ("oprf_key", "the service's secret key, k"),
            ("store_key", "the publisher's, of which the noise is derived"),
            ("device_secret", "the device's, for the coin"),
            ("entries_per_bucket", "of the second epoch's table, in order"),
            ("walks", "the ways of NIKs through the second epoch. What a NIK does not come to is missing"),
            ("nik", "16 digits"),
            ("h", "the stretched NIK"),
            ("filter_item", "f"),
            ("cell", "numbered in the whole filter"),
            ("local", "what the filter says of it: `hit` or `miss`"),
            ("covers", "whether it is a miss and the coin says to confirm it"),
            ("oprf_input", "x"),
            ("blind", "r"),
            ("request", "the body that is sent, exactly, with one element alone"),
            ("response", "the body that comes back, exactly"),
            ("y", "what the evaluation gives"),
            ("locator", "the locator"),
            ("seal_key", "the key"),
            ("bucket", "the number of the bucket"),
            ("answer", "the answer, of a hit once it is confirmed"),
            ("record", "the record, or null where there is none"),
            ("supports", "of the record"),
            ("candidate", "of the record"),
            ("status", "of the record"),
            ("submitted", "of the record"),
            ("get", "by path, what the service answers to GET: as `text` or as `base64url`"),
            ("text", "the exact body"),
            ("base64url", "the exact body"),
        ],
        body: object! {
            "now": "2026-11-24T12:00:00Z",
            "dataset": DATASET,
            "oprf_key": text(*generation.key.expose_bytes()),
            "store_key": text(generation.store_key),
            "device_secret": text(bytes::<32>("device secret")),
            "entries_per_bucket": entries.collect::<Vec<_>>(),
            "walks": walks,
            "get": served(&[first, second], &policy)?,
        },
    })
}
