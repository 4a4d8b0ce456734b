//! The manifest's form as a schema, to be checked by machines and to make types from. What its members mean, and how they depend
//! on each other, is in docs/spec.md, step 8; nothing here reads one.

use std::collections::BTreeMap;

use utoipa::ToSchema;

/// The manifest of an epoch (docs/spec.md, step 8).
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the publisher writes")]
pub(crate) struct Manifest {
    #[schema(pattern = "^ceknik/1$")]
    protocol: String,
    /// Origin of the log.
    log: String,
    #[schema(pattern = "^[a-z0-9][a-z0-9-]{0,62}$")]
    dataset: String,
    #[schema(minimum = 1)]
    epoch: u64,
    /// SHA-256 of the previous epoch's manifest; null in epoch 1.
    #[schema(required, pattern = "^[0-9a-f]{64}$")]
    previous: Option<String>,
    #[schema(format = DateTime)]
    published_at: String,
    #[schema(format = DateTime)]
    valid_until: String,
    title: Text,
    coverage: Text,
    records: u64,
    #[schema(minimum = 1)]
    population: u64,
    stretch: Stretch,
    /// Null: everybody confirms.
    #[schema(required)]
    filter: Option<Filter>,
    oprf: Oprf,
    buckets: Buckets,
    disclosure: Disclosure,
    #[schema(inline)]
    candidates: BTreeMap<String, Text>,
    #[schema(inline)]
    statuses: BTreeMap<String, Text>,
    guidance: Vec<Guidance>,
    mirrors: Vec<String>,
    /// Anything; to be passed over.
    #[schema(value_type = Object)]
    extensions: (),
}

/// A text of the publisher's, in both languages.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the publisher writes")]
struct Text {
    /// In Indonesian.
    id: String,
    /// In English.
    en: String,
}

/// What each NIK is stretched by.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the publisher writes")]
struct Stretch {
    #[schema(pattern = "^argon2id$")]
    algorithm: String,
    #[schema(minimum = 1)]
    memory_kib: u32,
    #[schema(minimum = 1)]
    passes: u32,
    #[schema(minimum = 1, maximum = 1)]
    lanes: u32,
    #[schema(pattern = "^[A-Za-z0-9_-]{43}$")]
    salt: String,
    /// For tests: it protects nobody.
    weak: bool,
}

/// The public filter.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the publisher writes")]
struct Filter {
    #[schema(pattern = "^bloom/1$")]
    format: String,
    #[schema(minimum = 1)]
    generation: u32,
    shard_bits: u8,
    #[schema(pattern = "^[A-Za-z0-9_-]{43}$")]
    seed: String,
    members: u64,
    noise: u64,
    /// 2^shard_bits of them, of equal length.
    #[schema(min_items = 1)]
    shards: Vec<Shard>,
}

/// A file of the filter.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the publisher writes")]
struct Shard {
    #[schema(minimum = 46)]
    bytes: u64,
    /// Of the file; its name.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    sha256: String,
    #[schema(pattern = "^[A-Za-z0-9_-]{43}$")]
    root: String,
}

/// The key of the evaluation.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the publisher writes")]
struct Oprf {
    #[schema(pattern = "^ristretto255-SHA512$")]
    suite: String,
    #[schema(pattern = "^[A-Za-z0-9_-]{43}$")]
    public_key: String,
    /// Null unless a new key is announced.
    #[schema(required)]
    next: Option<NextKey>,
}

/// A key that is announced.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the publisher writes")]
struct NextKey {
    #[schema(pattern = "^[A-Za-z0-9_-]{43}$")]
    public_key: String,
    /// The first epoch that has it.
    #[schema(minimum = 2)]
    from_epoch: u64,
}

/// The sealed table.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the publisher writes")]
struct Buckets {
    #[schema(maximum = 24)]
    bits: u8,
    payload_bytes: u32,
    #[schema(pattern = "^[A-Za-z0-9_-]{43}$")]
    root: String,
    response_bytes: u32,
}

/// What is told to whom, and what the service promises.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the publisher writes")]
struct Disclosure {
    /// Null without a filter, as the next is.
    #[schema(required, minimum = 1, maximum = 99)]
    posterior_percent: Option<u8>,
    #[schema(required)]
    odds_factor: Option<f64>,
    /// Null as well where the epoch added no noise.
    #[schema(required)]
    epoch_odds_factor: Option<f64>,
    people_per_bucket: u64,
    #[schema(maximum = 100)]
    cover_percent: u8,
    #[schema(minimum = 1)]
    evaluations_per_day: u64,
}

/// Where and how to object.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the publisher writes")]
struct Guidance {
    /// The region that it is for; null: for all.
    #[schema(required)]
    region: Option<String>,
    /// In Indonesian.
    id: String,
    /// In English.
    en: String,
    #[schema(pattern = "^https?://[!-~]+$")]
    url: String,
}
