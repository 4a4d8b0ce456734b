use proptest::prelude::*;
use rand::SeedableRng;
use serde_json::{Value, json};

use super::*;
use crate::deniability;
use crate::oprf::OprfSecretKey;

fn key(seed: u64) -> OprfPublicKey {
    *OprfSecretKey::generate(&mut rand_chacha::ChaCha20Rng::seed_from_u64(seed)).public_key()
}

fn text(of: &str) -> Text {
    Text { id: format!("{of} (id)"), en: format!("{of} (en)") }
}

pub(crate) fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// Jakarta's figures, as in the specification's example.
pub(crate) fn example() -> Manifest {
    let geometry = FilterGeometry::for_capacity(8, 677_065, 0, core::array::from_fn(|i| i as u8)).unwrap();
    Manifest {
        log: "ceknik.example.org/log".into(),
        dataset: Id::new("jakarta-2024").unwrap(),
        epoch: 1,
        previous: None,
        published_at: time("2026-11-22T08:00:00Z"),
        valid_until: time("2026-11-29T08:00:00Z"),
        title: text("Title"),
        coverage: text("Coverage"),
        records: 677_065,
        population: 8_214_007,
        stretch: StretchSpec { cost: StretchCost::default(), salt: [1; 32] },
        filter: Some(FilterSpec {
            generation: 1,
            geometry,
            members: 677_065,
            noise: 486_582,
            shards: vec![ShardDigest { sha256: [2; 32], root: [3; 32] }],
        }),
        oprf: OprfSpec { public_key: key(1), next: None },
        buckets: BucketsSpec { geometry: BucketGeometry::new(11, 96, 57_344).unwrap(), root: [4; 32] },
        disclosure: Disclosure {
            posterior_percent: Some(50),
            odds_factor: Some(11.1),
            epoch_odds_factor: Some(11.1),
            people_per_bucket: 4010,
            cover_percent: 10,
            evaluations_per_day: 3_000_000,
        },
        candidates: [(Id::new("dk").unwrap(), text("DK"))].into(),
        statuses: [(Id::new("ms").unwrap(), text("MS"))].into(),
        guidance: vec![Guidance { region: None, text: text("Object"), url: "https://example.org/".into() }],
        mirrors: vec!["https://mirror.example.net/ceknik".into()],
    }
}

/// The epoch after, with `added` new members.
fn after(before: &Manifest, added: u64) -> Manifest {
    let mut next = before.clone();
    next.epoch += 1;
    next.previous = Some(manifest_sha256(&before.to_bytes().unwrap()));
    next.published_at = Timestamp::from_unix(before.published_at.unix() + 3600).unwrap();
    next.valid_until = Timestamp::from_unix(before.valid_until.unix() + 3600).unwrap();
    if let (Some(old), Some(new)) = (&before.filter, &mut next.filter) {
        let cells = new.geometry.cells();
        new.members += added;
        let promise = deniability::Promise::new(before.population, 50, cells).unwrap();
        let noise = promise.added_noise(old.members, new.members).unwrap();
        new.noise += noise;
        next.disclosure.odds_factor = Some(deniability::odds_factor(cells, new.noise));
        next.disclosure.epoch_odds_factor = deniability::epoch_odds_factor(cells, old.noise, noise);
    }
    next
}

fn example_json() -> Value {
    serde_json::from_slice(&example().to_bytes().unwrap()).unwrap()
}

fn parse(value: &Value) -> Result<Manifest, ManifestError> {
    Manifest::parse(&serde_json::to_vec(value).unwrap())
}

fn at<'a>(value: &'a mut Value, path: &str) -> &'a mut Value {
    path.split('.').fold(value, |value, name| match name.parse::<usize>() {
        Ok(index) => &mut value[index],
        Err(_) => &mut value[name],
    })
}

#[test]
fn round_trip() {
    let manifest = example();
    let bytes = manifest.to_bytes().unwrap();
    assert_eq!(Manifest::parse(&bytes).unwrap(), manifest);
    let names: Vec<_> = String::from_utf8(bytes)
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("  \"").and_then(|line| line.split('"').next().map(str::to_owned)))
        .collect();
    assert_eq!(
        names.join(" "),
        "protocol log dataset epoch previous published_at valid_until title coverage records population stretch filter oprf buckets disclosure candidates statuses guidance mirrors extensions"
    );

    let mut without = example();
    without.filter = None;
    without.disclosure = Disclosure {
        posterior_percent: None,
        odds_factor: None,
        epoch_odds_factor: None,
        cover_percent: 100,
        ..without.disclosure
    };
    assert_eq!(Manifest::parse(&without.to_bytes().unwrap()).unwrap(), without);
}

#[test]
fn every_field_is_required_and_no_other_is_allowed() {
    fn objects(value: &Value, path: &str, out: &mut Vec<(String, String)>) {
        if let Value::Object(map) = value {
            for (name, inner) in map {
                out.push((path.to_owned(), name.clone()));
                objects(inner, &format!("{path}{name}."), out);
            }
        }
        if let Value::Array(list) = value {
            for (i, inner) in list.iter().enumerate() {
                objects(inner, &format!("{path}{i}."), out);
            }
        }
    }
    let mut fields = Vec::new();
    objects(&example_json(), "", &mut fields);
    assert_eq!(fields.len(), 64, "{fields:?}");
    for (path, name) in fields {
        let mut value = example_json();
        let parent = if path.is_empty() { &mut value } else { at(&mut value, path.trim_end_matches('.')) };
        parent.as_object_mut().unwrap().remove(&name);
        let named_by_the_publisher = ["candidates.", "statuses."].contains(&path.as_str());
        assert!(parse(&value).is_err(), "without {path}{name}");
        let mut value = example_json();
        let parent = if path.is_empty() { &mut value } else { at(&mut value, path.trim_end_matches('.')) };
        parent.as_object_mut().unwrap().insert("surplus".into(), json!(1));
        assert!(parse(&value).is_err() || named_by_the_publisher, "beside {path}{name}");
    }
    let mut value = example_json();
    value["extensions"] = json!({"org.example": {"any": [1, "thing", null, 1.5, true]}});
    assert_eq!(parse(&value).unwrap(), example());
    value["extensions"] = json!([]);
    assert!(parse(&value).is_err());
}

#[test]
fn duplicate_names_are_refused_at_any_depth() {
    let text = String::from_utf8(example().to_bytes().unwrap()).unwrap();
    for (from, to) in [
        ("\"epoch\": 1,", "\"epoch\": 1, \"epoch\": 1,"),
        ("\"dk\": {", "\"dk\": {\"id\": \"x\", \"en\": \"y\"}, \"dk\": {"),
        ("\"extensions\": {", "\"extensions\": {\"a\": [{\"b\": 1, \"b\": 2}]"),
        ("\"passes\": 2,", "\"passes\": 2, \"p\\u0061sses\": 2,"),
    ] {
        assert!(text.contains(from));
        let refused = Manifest::parse(text.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert!(
            matches!(&refused, ManifestError::Json { reason, .. } if reason == "a name stands twice in one object"),
            "{refused}"
        );
    }
}

/// Serde reads a structure from an array as well; a manifest's reader must not.
#[test]
fn arrays_are_no_objects() {
    let text = String::from_utf8(example().to_bytes().unwrap()).unwrap();
    let title = "{\n    \"id\": \"Title (id)\",\n    \"en\": \"Title (en)\"\n  }";
    let guidance = text.split_once("\"guidance\": [").and_then(|(_, rest)| rest.split_once("],")).unwrap().0;
    let candidate = "\"candidates\": {\n    \"dk\": {\n      \"id\": \"DK (id)\",\n      \"en\": \"DK (en)\"\n    }";
    for (from, to) in [
        (candidate, "\"candidates\": {\"extensions\": [\"x\", \"y\"]"),
        (candidate, "\"candidates\": {\"shards\": [\"x\", \"y\"]"),
        (title, "[\"Title (id)\", \"Title (en)\"]"),
        (guidance, "[null, \"Object (id)\", \"Object (en)\", \"https://example.org/\"]"),
    ] {
        assert!(text.contains(from), "{from}");
        let refused = Manifest::parse(text.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert!(
            matches!(&refused, ManifestError::Json { reason, .. } if reason == "an array stands where none belongs"),
            "{refused}"
        );
    }
    assert!(Manifest::parse(b"[1]").is_err());
}

#[test]
fn lengths_and_leftovers() {
    let mut bytes = example().to_bytes().unwrap();
    bytes.resize(MOST_MANIFEST_BYTES, b' ');
    assert!(Manifest::parse(&bytes).is_ok());
    bytes.push(b' ');
    let refused = Manifest::parse(&bytes).unwrap_err();
    assert_eq!(refused, ManifestError::TooLong { bytes: 65_536 });
    assert_eq!(refused.to_string(), "a manifest is at most 65535 bytes long, this one is 65536");
    let mut bytes = example().to_bytes().unwrap();
    bytes.extend(b"{}");
    assert!(Manifest::parse(&bytes).is_err());
    assert!(Manifest::parse(b"").is_err() && Manifest::parse(b"\xef\xbb\xbf{}").is_err());
    assert!(Manifest::parse(&[b'['; 60_000]).is_err(), "deep nesting");
    let mut long = example();
    long.coverage.id = "x".repeat(66_000);
    assert!(matches!(long.to_bytes(), Err(ManifestError::TooLong { .. })));
}

/// Each wrong value with the message that names it.
#[test]
fn wrong_values_are_named() {
    let zeros = "A".repeat(43);
    for (path, value, message) in [
        ("protocol", json!("ceknik/2"), "the manifest is not of protocol ceknik/1; a newer reader may be needed"),
        ("log", json!("with space"), "log: not the origin of a log"),
        ("epoch", json!(0), "epoch: must be at least 1"),
        ("epoch", json!(2), "previous: null in epoch 1 and nowhere else"),
        ("previous", json!("00"), "previous: not 64 lower-case hexadecimal digits"),
        ("published_at", json!("2026-11-22"), "published_at: not a time of the form 2026-11-22T08:00:00Z"),
        (
            "valid_until",
            json!("2026-11-29T08:00:01Z"),
            "valid_until: must be after published_at, by 7 days at the most",
        ),
        (
            "valid_until",
            json!("2026-11-22T08:00:00Z"),
            "valid_until: must be after published_at, by 7 days at the most",
        ),
        ("title.id", json!(""), "title: empty, or with a control character in it"),
        ("title.en", json!("a\u{1b}[2J"), "title: empty, or with a control character in it"),
        ("coverage.id", json!("a\u{202e}b"), "coverage: empty, or with a control character in it"),
        ("records", json!(8_214_008), "records: more than the population"),
        ("population", json!(1u64 << 53), "population: over 2^53 - 1"),
        ("stretch.algorithm", json!("argon2i"), "stretch.algorithm: must be argon2id"),
        ("stretch.lanes", json!(2), "stretch.lanes: must be 1"),
        ("stretch.salt", json!("AA"), "stretch.salt: not 32 bytes of base64url without padding"),
        (
            "stretch.passes",
            json!(1),
            "stretch: stretch of 19456 KiB and 1 passes is out of bounds: at least 19456 KiB, and memory times passes at least 38912, unless marked weak",
        ),
        ("filter.format", json!("bloom/2"), "filter.format: must be bloom/1"),
        ("filter.generation", json!(0), "filter.generation: must be at least 1"),
        ("filter.shard_bits", json!(1), "filter.shards: there must be 2^shard_bits of them"),
        ("filter.shard_bits", json!(9), "filter: 9 shard bits; at most 8"),
        ("filter.shards", json!([]), "filter.shards: empty"),
        ("filter.shards.0.bytes", json!(45), "filter: a shard of 45 bytes; 46 to 67108864 are possible"),
        ("filter.shards.0.sha256", json!("0"), "filter.shards.sha256: not 64 lower-case hexadecimal digits"),
        ("filter.seed", json!(zeros), "filter: the two halves of the filter's seed are equal"),
        ("filter.members", json!(677_064), "filter.members: fewer than records"),
        (
            "filter.members",
            json!(4_107_004),
            "disclosure: 4107004 of 8214007 people are listed, which is 50 % or more: nothing can promise less than the base rate; promise a higher posterior in a new generation",
        ),
        ("filter.noise", json!(486_581), "filter.noise: too little for disclosure.posterior_percent"),
        ("filter.noise", json!(2_708_261), "filter.noise: more than half of the cells"),
        ("oprf.suite", json!("P256-SHA256"), "oprf.suite: must be ristretto255-SHA512"),
        ("oprf.public_key", json!(zeros), "oprf.public_key: the identity element is refused"),
        ("buckets.bits", json!(12), "disclosure.people_per_bucket: is not population / buckets"),
        ("buckets.response_bytes", json!(356), "buckets: buckets.response_bytes is out of bounds"),
        ("disclosure.posterior_percent", json!(49), "filter.noise: too little for disclosure.posterior_percent"),
        ("disclosure.posterior_percent", json!(null), "disclosure: posterior_percent is out of bounds"),
        ("disclosure.odds_factor", json!(11.0), "disclosure.odds_factor: is not cells / noise to three digits"),
        (
            "disclosure.epoch_odds_factor",
            json!(11.2),
            "disclosure.epoch_odds_factor: in the first epoch all noise is new: it is odds_factor",
        ),
        ("disclosure.people_per_bucket", json!(4011), "disclosure.people_per_bucket: is not population / buckets"),
        ("disclosure.cover_percent", json!(101), "disclosure.cover_percent: over 100"),
        ("disclosure.evaluations_per_day", json!(0), "disclosure.evaluations_per_day: must be at least 1"),
        ("candidates", json!({}), "candidates: empty, or with a control character in it"),
        ("guidance.0.url", json!("javascript:alert(1)"), "guidance.url: not an http or https address"),
        ("mirrors.0", json!("https://"), "mirrors: not an http or https address"),
    ] {
        let mut altered = example_json();
        *at(&mut altered, path) = value.clone();
        let refused = parse(&altered).expect_err(path);
        assert_eq!(refused.to_string(), message, "{path} = {value}");
    }
    let mut second = after(&example(), 1000);
    second.disclosure.epoch_odds_factor = Some(0.5);
    let refused = second.to_bytes().unwrap_err();
    assert_eq!(refused.to_string(), "disclosure.epoch_odds_factor: is not possible with these cells");
    let mut weak = example();
    weak.stretch.cost = StretchCost::WEAK;
    assert!(Manifest::parse(&weak.to_bytes().unwrap()).is_ok(), "weak, and marked");
}

#[test]
fn an_epoch_follows() {
    let first = example();
    let hash = manifest_sha256(&first.to_bytes().unwrap());
    let renewal = after(&first, 0);
    assert_eq!(renewal.disclosure.epoch_odds_factor, None);
    assert_eq!(renewal.check_follows(&first, &hash), Ok(()));
    assert_eq!(after(&first, 1000).check_follows(&first, &hash), Ok(()));
    assert_eq!(Manifest::parse(&after(&first, 1000).to_bytes().unwrap()).unwrap(), after(&first, 1000));

    let broken = |change: &dyn Fn(&mut Manifest)| {
        let mut next = after(&first, 1000);
        change(&mut next);
        next.check_follows(&first, &hash).unwrap_err()
    };
    assert_eq!(broken(&|m| m.dataset = Id::new("x").unwrap()), SuccessionError::Identity { field: "dataset" });
    assert_eq!(broken(&|m| m.log = "x".into()), SuccessionError::Identity { field: "log" });
    assert_eq!(broken(&|m| m.epoch = 3), SuccessionError::Epoch { before: 1, got: 3 });
    assert_eq!(broken(&|m| m.epoch = 1), SuccessionError::Epoch { before: 1, got: 1 });
    assert_eq!(broken(&|m| m.previous = Some([0; 32])), SuccessionError::Previous { before: 1 });
    assert_eq!(broken(&|m| m.published_at = first.published_at), SuccessionError::Time { before: 1 });
    // Of two faults the first in the specification's order is told.
    let skipped = broken(&|m| (m.epoch, m.published_at) = (3, first.published_at));
    assert_eq!(skipped, SuccessionError::Epoch { before: 1, got: 3 });
    assert_eq!(broken(&|m| m.oprf.public_key = key(2)), SuccessionError::Key);
    assert_eq!(broken(&|m| m.stretch.salt = [9; 32]), SuccessionError::Generation { field: "stretch" });
    assert_eq!(broken(&|m| m.population += 1), SuccessionError::Generation { field: "population" });
    assert_eq!(
        broken(&|m| m.disclosure.posterior_percent = Some(60)),
        SuccessionError::Generation { field: "disclosure.posterior_percent" }
    );
    assert_eq!(
        broken(&|m| m.disclosure.cover_percent = 11),
        SuccessionError::Generation { field: "disclosure.cover_percent" }
    );
    let filter = |change: &dyn Fn(&mut FilterSpec)| broken(&|m| change(m.filter.as_mut().unwrap()));
    assert_eq!(filter(&|f| f.members = 677_064), SuccessionError::Noise { field: "members" });
    assert_eq!(filter(&|f| f.noise += 1), SuccessionError::Noise { field: "noise" });
    assert_eq!(filter(&|f| f.generation = 3), SuccessionError::Reuse { field: "stretch.salt" });
    let other = FilterGeometry::for_capacity(9, 677_065, 0, core::array::from_fn(|i| i as u8)).unwrap();
    assert_eq!(filter(&|f| f.geometry = other), SuccessionError::Generation { field: "filter" });
    assert_eq!(broken(&|m| m.disclosure.epoch_odds_factor = Some(11.1)), SuccessionError::EpochFactor);
}

#[test]
fn a_new_generation_follows_its_announcement() {
    let mut first = example();
    first.oprf.next = Some(NextKey { public_key: key(2), from_epoch: 2 });
    let hash = manifest_sha256(&first.to_bytes().unwrap());
    let mut second = after(&first, 0);
    second.oprf = OprfSpec { public_key: key(2), next: None };
    second.stretch.salt = [9; 32];
    let filter = second.filter.as_mut().unwrap();
    filter.generation = 2;
    filter.geometry = FilterGeometry::for_capacity(8, 677_065, 0, core::array::from_fn(|i| 7 + i as u8)).unwrap();
    second.disclosure.epoch_odds_factor = second.disclosure.odds_factor;
    assert_eq!(second.check_follows(&first, &hash), Ok(()));

    let broken = |change: &dyn Fn(&mut Manifest)| {
        let mut next = second.clone();
        change(&mut next);
        next.check_follows(&first, &hash).unwrap_err()
    };
    assert_eq!(broken(&|m| m.oprf.public_key = key(3)), SuccessionError::Announced);
    assert_eq!(broken(&|m| m.oprf.public_key = first.oprf.public_key), SuccessionError::Announced);
    assert_eq!(broken(&|m| m.stretch.salt = [1; 32]), SuccessionError::Reuse { field: "stretch.salt" });
    assert_eq!(
        broken(&|m| m.filter.as_mut().unwrap().geometry = first.filter.as_ref().unwrap().geometry),
        SuccessionError::Reuse { field: "filter.seed" }
    );
    let mut skipping = second.clone();
    skipping.filter.as_mut().unwrap().generation = 9;
    assert_eq!(skipping.check_follows(&first, &hash), Ok(()));
    let (mut before, mut lower) = (first.clone(), second.clone());
    before.filter.as_mut().unwrap().generation = 3;
    lower.previous = Some(manifest_sha256(&before.to_bytes().unwrap()));
    let number = SuccessionError::GenerationNumber { before: 3, got: 2 };
    assert_eq!(lower.check_follows(&before, &lower.previous.unwrap()), Err(number));
    assert_eq!(broken(&|m| m.disclosure.epoch_odds_factor = None), SuccessionError::EpochFactor);

    // Announced for later: it stays announced, unaltered.
    first.oprf.next = Some(NextKey { public_key: key(2), from_epoch: 3 });
    let hash = manifest_sha256(&first.to_bytes().unwrap());
    let waiting = after(&first, 0);
    assert_eq!(waiting.check_follows(&first, &hash), Ok(()));
    let mut dropped = waiting.clone();
    dropped.oprf.next = None;
    assert_eq!(dropped.check_follows(&first, &hash), Err(SuccessionError::Announced));
}

proptest! {
    /// Whatever parses is written and read as the same, and follows no rule of luck.
    #[test]
    fn altered_bytes_are_refused_or_round_trip(place: prop::sample::Index, byte: u8) {
        let mut bytes = example().to_bytes().unwrap();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok(manifest) = Manifest::parse(&bytes) {
            prop_assert_eq!(Manifest::parse(&manifest.to_bytes().unwrap()).unwrap(), manifest);
        }
    }
}
