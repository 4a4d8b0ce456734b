//! Manifests: documents that are believed to be one, that follow one another, that answer for the present; and others.

use ceknik_core::StretchCost;
use ceknik_core::bucket::BucketGeometry;
use ceknik_core::deniability::{Promise, epoch_odds_factor, odds_factor, people_per_bucket};
use ceknik_core::encoding::base64url;
use ceknik_core::filter::{FilterGeometry, HEADER_BYTES, ShardDigest};
use ceknik_core::manifest::{
    BucketsSpec, Disclosure, FilterSpec, Guidance, Id, MOST_MANIFEST_BYTES, Manifest, NextKey, OprfSpec, StretchSpec,
    Text, Texts, manifest_sha256,
};
use ceknik_core::time::Timestamp;

use crate::Vectors;
use crate::fixed::{Made, bytes, oprf_key, text};
use crate::json::{Json, object};

mod refusals;

use refusals::{BROKEN, FIELDS, FORMS};

fn both(id: &str, en: &str) -> Text {
    Text { id: id.into(), en: en.into() }
}

/// A filter of a first epoch, with as much noise as it must have and files that nobody has.
fn filter(generation: u32, geometry: FilterGeometry, population: u64, members: u64) -> Made<FilterSpec> {
    let noise = Promise::new(population, 50, geometry.cells())?.first_noise(members)?;
    let shards = (0..geometry.shards()).map(|shard| digest(generation, members, shard)).collect();
    Ok(FilterSpec { generation, geometry, members, noise, shards })
}

fn digest(generation: u32, members: u64, shard: u32) -> ShardDigest {
    let name = format!("shard {shard} of generation {generation} with {members} members");
    ShardDigest { sha256: bytes(&name), root: bytes(&format!("root of {name}")) }
}

/// Sets what follows from population, filter and buckets, as in a first epoch.
fn disclose(manifest: &mut Manifest) {
    let shard_bits = manifest.filter.as_ref().map_or(0, |filter| filter.geometry.shard_bits());
    let factor = manifest.filter.as_ref().map(|filter| odds_factor(filter.geometry.cells(), filter.noise));
    let disclosure = &mut manifest.disclosure;
    disclosure.people_per_bucket = people_per_bucket(manifest.population, manifest.buckets.geometry.bits(), shard_bits);
    (disclosure.odds_factor, disclosure.epoch_odds_factor) = (factor, factor);
    if factor.is_none() {
        (disclosure.posterior_percent, disclosure.cover_percent) = (None, 100);
    }
}

fn first_epoch() -> Made<Manifest> {
    let population = 8_214_007;
    let geometry = FilterGeometry::for_capacity(8, 677_065, 0, bytes("filter seed of jakarta-2024"))?;
    let mut manifest = Manifest {
        log: "ceknik.example.org/log".into(),
        dataset: Id::new("jakarta-2024")?,
        epoch: 1,
        previous: None,
        published_at: Timestamp::parse("2026-11-08T08:00:00Z")?,
        valid_until: Timestamp::parse("2026-11-15T08:00:00Z")?,
        title: both("Dukungan calon perseorangan, Jakarta 2024", "Support for independent candidates, Jakarta 2024"),
        coverage: both(
            "Contoh: dukungan yang diserahkan untuk pemilihan gubernur Jakarta 2024, semua tahap. Daerah lain tidak tercakup.",
            "Example: support submitted for the Jakarta governor election of 2024, all rounds. Other regions are not covered.",
        ),
        records: 660_000,
        population,
        stretch: StretchSpec { cost: StretchCost::default(), salt: bytes("salt of jakarta-2024") },
        filter: Some(filter(1, geometry, population, 660_000)?),
        oprf: OprfSpec { public_key: *oprf_key("key of jakarta-2024")?.public_key(), next: None },
        buckets: BucketsSpec {
            geometry: BucketGeometry::new(11, 96, 57_344)?,
            root: bytes("buckets 1 of jakarta-2024"),
        },
        disclosure: Disclosure {
            posterior_percent: Some(50),
            odds_factor: None,
            epoch_odds_factor: None,
            people_per_bucket: 0,
            cover_percent: 10,
            evaluations_per_day: 3_000_000,
        },
        candidates: Texts::from([(
            Id::new("dk")?,
            both("Pasangan calon perseorangan (contoh)", "Independent pair (example)"),
        )]),
        statuses: Texts::from([
            (Id::new("ms")?, both("Memenuhi syarat", "Counted as valid")),
            (Id::new("tms")?, both("Tidak memenuhi syarat", "Not counted as valid")),
        ]),
        guidance: vec![Guidance {
            region: None,
            text: both(
                "Ajukan keberatan dalam 7 hari sejak Anda mengetahuinya. Bawa KTP dan bukti ini.",
                "Object within 7 days of finding out. Bring your identity card and this evidence.",
            ),
            url: "https://bawaslu.example.org/lapor".into(),
        }],
        mirrors: vec!["https://mirror.example.net/ceknik".into()],
    };
    disclose(&mut manifest);
    Ok(manifest)
}

/// The exact bytes of the first manifest.
pub(crate) fn first() -> Made<Vec<u8>> {
    Ok(first_epoch()?.to_bytes()?)
}

/// The epoch a week later, with `added` new members.
fn after(before: &Manifest, added: u64) -> Made<Manifest> {
    const WEEK: i64 = 7 * 24 * 3600;
    let mut next = before.clone();
    next.epoch += 1;
    next.previous = Some(manifest_sha256(&before.to_bytes()?));
    next.published_at = Timestamp::from_unix(before.published_at.unix() + WEEK)?;
    next.valid_until = Timestamp::from_unix(before.valid_until.unix() + WEEK)?;
    if let (Some(old), Some(new)) = (&before.filter, &mut next.filter) {
        let cells = new.geometry.cells();
        new.members += added;
        next.records += added;
        let percent = before.disclosure.posterior_percent.ok_or("no promise")?;
        let noise = Promise::new(before.population, percent, cells)?.added_noise(old.members, new.members)?;
        new.noise += noise;
        if added > 0 {
            new.shards = (0..new.geometry.shards()).map(|shard| digest(new.generation, new.members, shard)).collect();
            next.buckets.root = bytes(&format!("buckets {} of {}", next.epoch, next.dataset));
        }
        next.disclosure.odds_factor = Some(odds_factor(cells, new.noise));
        next.disclosure.epoch_odds_factor = epoch_odds_factor(cells, old.noise, noise);
    }
    Ok(next)
}

fn new_generation(before: &Manifest, number: u32, ordinal: &str) -> Made<Manifest> {
    let mut next = after(before, 0)?;
    let announced = before.oprf.next.as_ref().ok_or("no key announced")?;
    next.oprf = OprfSpec { public_key: announced.public_key, next: None };
    next.stretch.salt = bytes(&format!("{ordinal} salt of jakarta-2024"));
    let seed = bytes(&format!("{ordinal} filter seed of jakarta-2024"));
    let geometry = FilterGeometry::for_capacity(8, 700_000, 0, seed)?;
    next.filter = Some(filter(number, geometry, next.population, next.records)?);
    disclose(&mut next);
    Ok(next)
}

struct Documents {
    named: Vec<(&'static str, Vec<u8>)>,
}

impl Documents {
    fn new() -> Made<Self> {
        let first = first_epoch()?;
        let renewal = after(&first, 0)?;
        let third = after(&renewal, 17_065)?;
        let mut announcing = after(&third, 0)?;
        announcing.oprf.next =
            Some(NextKey { public_key: *oprf_key("second key of jakarta-2024")?.public_key(), from_epoch: 6 });
        let mut waiting = after(&announcing, 0)?;
        waiting.mirrors.clear();
        let second_generation = new_generation(&waiting, 2, "second")?;
        // One generation was begun between, and given up.
        let mut announcing_fourth = after(&second_generation, 0)?;
        announcing_fourth.oprf.next =
            Some(NextKey { public_key: *oprf_key("fourth key of jakarta-2024")?.public_key(), from_epoch: 8 });
        let fourth_generation = new_generation(&announcing_fourth, 4, "fourth")?;

        let mut without_filter = first_epoch()?;
        without_filter.dataset = Id::new("tanpa-filter")?;
        without_filter.filter = None;
        disclose(&mut without_filter);
        let without_filter_renewed = after(&without_filter, 0)?;

        let mut sharded = first_epoch()?;
        sharded.dataset = Id::new("sharded")?;
        let geometry = FilterGeometry::for_capacity(12, 677_065, 2, bytes("filter seed of sharded"))?;
        sharded.filter = Some(filter(1, geometry, sharded.population, 660_000)?);
        sharded.buckets.geometry = BucketGeometry::new(9, 96, 200_704)?;
        disclose(&mut sharded);

        let mut weak = first_epoch()?;
        weak.dataset = Id::new("weak")?;
        weak.stretch.cost = StretchCost::WEAK;

        let least = FilterGeometry::new(0, HEADER_BYTES + 8192, bytes("filter seed of least"))?;
        let mut small = first_epoch()?;
        (small.dataset, small.population, small.records) = (Id::new("least")?, 100, 0);
        small.filter = Some(filter(1, least, 100, 0)?);
        small.buckets.geometry = BucketGeometry::new(0, 32, 5)?;
        small.guidance.clear();
        small.mirrors.clear();
        disclose(&mut small);

        let named = [
            ("first", first),
            ("renewal", renewal),
            ("third", third),
            ("announcing", announcing),
            ("waiting", waiting),
            ("second_generation", second_generation),
            ("announcing_fourth", announcing_fourth),
            ("fourth_generation", fourth_generation),
            ("without_filter", without_filter),
            ("without_filter_renewed", without_filter_renewed),
            ("sharded", sharded),
            ("weak", weak),
            ("least", small),
        ];
        let named = named.into_iter().map(|(name, manifest)| Ok((name, manifest.to_bytes()?)));
        Ok(Self { named: named.collect::<Made<_>>()? })
    }

    fn text(&self, name: &str) -> Made<&str> {
        let (_, bytes) = self.named.iter().find(|(known, _)| *known == name).ok_or("no such manifest")?;
        Ok(std::str::from_utf8(bytes)?)
    }

    /// One occurrence replaced. More or none would make another vector than meant.
    fn altered(&self, name: &str, find: &str, put: &str) -> Made<()> {
        let found = self.text(name)?.matches(find).count();
        if found == 1 { Ok(()) } else { Err(format!("{find:?} stands {found} times in {name}, to put {put:?}").into()) }
    }
}

/// Spellings of a document that say the same.
fn respelled(documents: &Documents) -> Made<Vec<Json>> {
    let mut cases = Vec::new();
    let nested = |levels: usize| format!("\"extensions\": {{\"x\": {}1{}}}", "[".repeat(levels), "]".repeat(levels));
    for (what, find, put) in [
        ("as it is", "\"epoch\": 1", "\"epoch\": 1"),
        ("more white space", "\"epoch\": 1", "\"epoch\"\t:\r\n 1"),
        ("an escape in a name", "\"epoch\": 1", "\"\\u0065poch\": 1"),
        ("an escape in a text", "Jakarta 2024\",", "Jakarta\\u00202024\","),
        ("a factor with more digits", "\"odds_factor\": 11.4,\n    \"epoch", "\"odds_factor\": 1.140e1,\n    \"epoch"),
        (
            "extensions",
            "\"extensions\": {}",
            "\"extensions\": {\"org.example\": {\"any\": [1, [\"thing\", null], -1.5e3, true]}}",
        ),
        ("127 objects and arrays around a value", "\"extensions\": {}", &nested(125)),
        ("a line feed in a text", "Example: support", "Example:\\nsupport"),
    ] {
        documents.altered("first", find, put)?;
        cases.push(object! { "what": what, "manifest": "first", "find": find, "put": put });
    }
    Ok(cases)
}

fn refused(documents: &Documents) -> Made<Vec<Json>> {
    let mut cases = Vec::new();
    let mut case = |what: &str, find: &str, put: &str, error: &str, field: Option<&str>| -> Made<()> {
        documents.altered("first", find, put)?;
        cases.push(object! {
            "what": what, "manifest": "first", "find": find, "put": put, "error": error, "field": field,
        });
        Ok(())
    };
    case("another protocol", "\"ceknik/1\"", "\"ceknik/2\"", "manifest_protocol", None)?;
    for (what, find, put) in FORMS {
        case(what, find, put, "manifest_json", None)?;
    }
    let deep = format!("\"extensions\": {{\"x\": {}1{}}}", "[".repeat(126), "]".repeat(126));
    case("128 objects and arrays around a value", "\"extensions\": {}", &deep, "manifest_json", None)?;
    for (find, put, field) in FIELDS {
        // What breaks is said by the field.
        case(&format!("{field}: {put}"), find, put, "manifest_field", Some(field))?;
    }
    let origin = format!("\"log\": \"{}\"", "o".repeat(256));
    case("log: 256 bytes", "\"log\": \"ceknik.example.org/log\"", &origin, "manifest_field", Some("log"))?;
    let key = base64url(&oprf_key("key of jakarta-2024")?.public_key().to_bytes());
    let next = |epoch: u8, key: &str| format!("\"next\": {{\"public_key\": \"{key}\", \"from_epoch\": {epoch}}}");
    case(
        "the present key as the next",
        "\"next\": null",
        &next(2, &key),
        "manifest_field",
        Some("oprf.next.public_key"),
    )?;
    let other = base64url(&oprf_key("second key of jakarta-2024")?.public_key().to_bytes());
    case("the next key for now", "\"next\": null", &next(1, &other), "manifest_field", Some("oprf.next.from_epoch"))?;
    let identity = base64url(&[0; 32]);
    case("the identity as the key", &key, &identity, "manifest_field", Some("oprf.public_key"))?;
    let seed = base64url(&bytes::<32>("filter seed of jakarta-2024"));
    let root = base64url(&digest(1, 660_000, 0).root);
    case("a root that is no base64url", &root, &format!("{root}="), "manifest_field", Some("filter.shards.root"))?;
    case("a seed of equal halves", &seed, &identity, "manifest_field", Some("filter"))?;
    let noise = |put: u64| format!("\"noise\": {put}");
    let first = first_epoch()?.filter.ok_or("no filter")?;
    let (least, most) = (first.noise, first.geometry.cells() / 2);
    case("noise: one too few", &noise(least), &noise(least - 1), "manifest_field", Some("filter.noise"))?;
    case("noise: over half of the cells", &noise(least), &noise(most + 1), "manifest_field", Some("filter.noise"))?;
    Ok(cases)
}

fn lengths(documents: &Documents) -> Made<Vec<Json>> {
    let length = documents.text("first")?.len();
    let spaces = MOST_MANIFEST_BYTES - length;
    Ok(vec![
        object! { "what": "as long as possible", "manifest": "first", "spaces_after": spaces, "error": Json::Null },
        object! { "what": "a byte longer", "manifest": "first", "spaces_after": spaces + 1, "error": "manifest_too_long" },
    ])
}

fn whole_refused() -> Vec<Json> {
    [
        ("empty", base64url(b"")),
        ("a byte order mark", base64url(b"\xef\xbb\xbf{}")),
        ("no UTF-8", base64url(b"{\"protocol\": \"\xff\"}")),
        ("an array", base64url(b"[]")),
        ("two documents", base64url(b"{}{}")),
    ]
    .map(|(what, bytes)| object! { "what": what, "manifest_base64url": bytes, "error": "manifest_json" })
    .to_vec()
}

fn followed() -> Vec<Json> {
    [
        ("first", "renewal"),
        ("renewal", "third"),
        ("third", "announcing"),
        ("announcing", "waiting"),
        ("waiting", "second_generation"),
        ("second_generation", "announcing_fourth"),
        ("announcing_fourth", "fourth_generation"),
        ("without_filter", "without_filter_renewed"),
    ]
    .map(|(before, after)| object! { "before": before, "after": after })
    .to_vec()
}

/// Pairs with epochs between.
fn later() -> Vec<Json> {
    [
        ("first", "third"),
        ("first", "waiting"),
        ("renewal", "announcing"),
        ("third", "second_generation"),
        ("announcing", "second_generation"),
        ("third", "fourth_generation"),
    ]
    .map(|(before, after)| object! { "before": before, "after": after })
    .to_vec()
}

fn later_broken(documents: &Documents) -> Made<Vec<Json>> {
    let key = |name: &str| -> Made<String> { Ok(base64url(&oprf_key(name)?.public_key().to_bytes())) };
    let salt = |name: &str| base64url(&bytes::<32>(name));
    let (first_key, second_key) = (key("key of jakarta-2024")?, key("second key of jakarta-2024")?);
    let (first_salt, second_salt) = (salt("salt of jakarta-2024"), salt("second salt of jakarta-2024"));
    let (first_seed, second_seed) = (salt("filter seed of jakarta-2024"), salt("second filter seed of jakarta-2024"));
    let third_key = key("a third key")?;
    let identity = |find: &str, put: &str| (find.to_owned(), put.to_owned());
    let cases = [
        (
            "first",
            "third",
            identity("\"dataset\": \"jakarta-2024\"", "\"dataset\": \"jakarta\""),
            "succession_identity",
            Some("dataset"),
        ),
        ("third", "third", identity("\"epoch\": 3", "\"epoch\": 3 "), "succession_epoch", None),
        (
            "first",
            "third",
            identity(
                "\"2026-11-22T08:00:00Z\",\n  \"valid_until\": \"2026-11-29",
                "\"2026-11-08T08:00:00Z\",\n  \"valid_until\": \"2026-11-15",
            ),
            "succession_time",
            None,
        ),
        ("first", "third", identity(&first_salt, &second_salt), "succession_generation", Some("stretch")),
        ("first", "third", identity(&first_key, &second_key), "succession_generation", Some("oprf.public_key")),
        ("first", "third", identity(&first_seed, &second_seed), "succession_generation", Some("filter")),
        (
            "first",
            "third",
            identity("\"cover_percent\": 10", "\"cover_percent\": 0"),
            "succession_generation",
            Some("disclosure.cover_percent"),
        ),
        (
            "first",
            "third",
            identity("\"generation\": 1", "\"generation\": 2"),
            "succession_reuse",
            Some("stretch.salt"),
        ),
        ("third", "second_generation", identity(&second_salt, &first_salt), "succession_reuse", Some("stretch.salt")),
        ("third", "second_generation", identity(&second_key, &first_key), "succession_reuse", Some("oprf.public_key")),
        ("third", "second_generation", identity(&second_seed, &first_seed), "succession_reuse", Some("filter.seed")),
        (
            "second_generation",
            "fourth_generation",
            identity("\"generation\": 4", "\"generation\": 1"),
            "succession_generation_number",
            None,
        ),
        ("announcing", "second_generation", identity(&second_key, &third_key), "succession_announced", None),
        ("announcing", "second_generation", identity(&second_key, &first_key), "succession_announced", None),
    ];
    let mut made = Vec::new();
    for (before, after, (find, put), error, field) in cases {
        documents.altered(after, &find, &put)?;
        made.push(object! {
            "before": before, "after": after, "find": find, "put": put, "error": error, "field": field,
        });
    }
    Ok(made)
}

fn broken(documents: &Documents) -> Made<Vec<Json>> {
    let mut cases = Vec::new();
    let mut case = |before: &str, after: &str, find: &str, put: &str, error: &str, field: Option<&str>| -> Made<()> {
        documents.altered(after, find, put)?;
        cases.push(object! {
            "before": before, "after": after, "find": find, "put": put, "error": error, "field": field,
        });
        Ok(())
    };
    for (before, after, find, put, error, field) in BROKEN {
        case(before, after, find, put, error, *field)?;
    }
    let previous = text(manifest_sha256(documents.text("renewal")?.as_bytes()));
    case("renewal", "third", &previous, &"0f".repeat(32), "succession_previous", None)?;

    let key = |name: &str| -> Made<String> { Ok(base64url(&oprf_key(name)?.public_key().to_bytes())) };
    let (first_key, second_key) = (key("key of jakarta-2024")?, key("second key of jakarta-2024")?);
    case("renewal", "third", &first_key, &second_key, "succession_key", None)?;
    case("waiting", "second_generation", &second_key, &key("a third key")?, "succession_announced", None)?;
    case("waiting", "second_generation", &second_key, &first_key, "succession_announced", None)?;
    let salt = |name: &str| base64url(&bytes::<32>(name));
    let (old, new) = (salt("salt of jakarta-2024"), salt("second salt of jakarta-2024"));
    case("renewal", "third", &old, &new, "succession_generation", Some("stretch"))?;
    case("waiting", "second_generation", &new, &old, "succession_reuse", Some("stretch.salt"))?;
    let (old, new) = (salt("filter seed of jakarta-2024"), salt("second filter seed of jakarta-2024"));
    case("renewal", "third", &old, &new, "succession_generation", Some("filter"))?;
    case("waiting", "second_generation", &new, &old, "succession_reuse", Some("filter.seed"))?;

    let filter = |name: &str| -> Made<FilterSpec> {
        Ok(Manifest::parse(documents.text(name)?.as_bytes())?.filter.ok_or("no filter")?)
    };
    let third = filter("third")?;
    let noise = |put: u64| format!("\"noise\": {put}");
    case("renewal", "third", &noise(third.noise), &noise(third.noise + 1), "succession_noise", Some("noise"))?;
    Ok(cases)
}

fn fresh() -> Vec<Json> {
    let week: [(&str, &str, bool, Option<&str>); 8] = [
        ("third", "2026-11-22T08:00:00Z", false, None),
        ("third", "2026-11-29T08:00:00Z", false, None),
        ("third", "2026-11-29T08:00:01Z", false, Some("stale")),
        ("third", "2026-11-22T07:55:00Z", false, None),
        ("third", "2026-11-22T07:54:59Z", false, Some("published_ahead")),
        ("weak", "2026-11-08T08:00:00Z", false, Some("weak")),
        ("weak", "2026-11-08T08:00:00Z", true, None),
        ("weak", "2027-01-01T00:00:00Z", true, Some("stale")),
    ];
    week.map(|(manifest, now, accept_weak, error)| {
        object! { "manifest": manifest, "now": now, "accept_weak": accept_weak, "error": error }
    })
    .to_vec()
}

pub(crate) fn vectors() -> Made<Vectors> {
    let documents = Documents::new()?;
    let manifests = documents.named.iter().map(|(name, bytes)| {
        Ok(object! {
            "name": *name,
            "text": std::str::from_utf8(bytes)?,
            "sha256": text(manifest_sha256(bytes)),
        })
    });
    Ok(Vectors {
        file: "manifest.json",
        about: "Manifests with their exact bytes; the same ones altered in one place, where the one occurrence of `find` becomes `put`; which follow one another, and which may come later, with epochs between; and when they answer for the present.",
        spec: "Step 8, Manifest",
        members: &[
            ("manifests", "manifests that are accepted"),
            ("name", "by which the other lists name them"),
            ("text", "the exact bytes"),
            ("sha256", "of those"),
            ("spellings", "other spellings that are accepted too"),
            ("refused", "manifests that are refused by themselves"),
            ("manifest", "the name of one above"),
            ("find", "a text that stands in it once; in the lists of pairs, in `after`"),
            ("put", "what stands there instead"),
            ("field", "the member that is at fault, or null; to help, and no rule"),
            ("lengths", "manifests with white space at their end"),
            ("spaces_after", "how many spaces follow the document's last byte"),
            ("bytes_refused", "bytes that are no manifest"),
            ("manifest_base64url", "the bytes"),
            ("follow", "pairs of which `after` follows `before`; it comes later too"),
            ("before", "the name of the earlier manifest"),
            ("after", "the name of the later one"),
            ("follow_refused", "pairs of which `after`, once altered, does not follow `before`"),
            ("later", "pairs of which `after` comes later than `before`, with epochs between"),
            ("later_refused", "pairs of which `after`, once altered, does not come later"),
            ("fresh", "whether a manifest answers for the present"),
            ("now", "the time on the reader's clock"),
            ("accept_weak", "whether the reader was told to take weak lists"),
        ],
        body: object! {
            "manifests": manifests.collect::<Made<Vec<Json>>>()?,
            "spellings": respelled(&documents)?,
            "refused": refused(&documents)?,
            "lengths": lengths(&documents)?,
            "bytes_refused": whole_refused(),
            "follow": followed(),
            "follow_refused": broken(&documents)?,
            "later": later(),
            "later_refused": later_broken(&documents)?,
            "fresh": fresh(),
        },
    })
}
