//! The document as it is published, field by field in its order.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{FilterSpec, Id, Manifest, ManifestError, PROTOCOL, Text, Texts};
use crate::encoding::{base64url, hex};

pub(super) const ALGORITHM: &str = "argon2id";
pub(super) const FILTER_FORMAT: &str = "bloom/1";
pub(super) const SUITE: &str = "ristretto255-SHA512";

/// The document's bytes, without the newline at their end.
pub(super) fn to_json(manifest: &Manifest) -> Result<Vec<u8>, ManifestError> {
    serde_json::to_vec_pretty(&Document::from_manifest(manifest)).map_err(|error| ManifestError::Json {
        line: error.line(),
        column: error.column(),
        reason: error.to_string(),
    })
}

#[derive(Serialize)]
struct Document {
    protocol: String,
    log: String,
    dataset: Id,
    epoch: u64,
    previous: Option<String>,
    published_at: String,
    valid_until: String,
    title: Text,
    coverage: Text,
    records: u64,
    population: u64,
    stretch: Stretch,
    filter: Option<Filter>,
    oprf: Oprf,
    buckets: Buckets,
    disclosure: WireDisclosure,
    candidates: Texts,
    statuses: Texts,
    guidance: Vec<WireGuidance>,
    mirrors: Vec<String>,
    extensions: Extensions,
}

#[derive(Serialize)]
struct Stretch {
    algorithm: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
    weak: bool,
}

#[derive(Serialize)]
struct Filter {
    format: String,
    generation: u32,
    shard_bits: u8,
    seed: String,
    members: u64,
    noise: u64,
    shards: Vec<Shard>,
}

#[derive(Serialize)]
struct Shard {
    bytes: u64,
    sha256: String,
    root: String,
}

#[derive(Serialize)]
struct Oprf {
    suite: String,
    public_key: String,
    next: Option<Next>,
}

#[derive(Serialize)]
struct Next {
    public_key: String,
    from_epoch: u64,
}

#[derive(Serialize)]
struct Buckets {
    bits: u8,
    payload_bytes: u32,
    root: String,
    response_bytes: u32,
}

#[derive(Serialize)]
struct WireDisclosure {
    posterior_percent: Option<u8>,
    odds_factor: Option<f64>,
    epoch_odds_factor: Option<f64>,
    people_per_bucket: u64,
    cover_percent: u8,
    evaluations_per_day: u64,
}

#[derive(Serialize)]
struct WireGuidance {
    region: Option<String>,
    id: String,
    en: String,
    url: String,
}

/// An object of any content, which readers pass over and this writer leaves empty.
struct Extensions;

impl Serialize for Extensions {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_map(Some(0))?.end()
    }
}

impl Document {
    fn from_manifest(manifest: &Manifest) -> Self {
        let m = manifest;
        Self {
            protocol: PROTOCOL.to_owned(),
            log: m.log.clone(),
            dataset: m.dataset.clone(),
            epoch: m.epoch,
            previous: m.previous.as_ref().map(|hash| hex(hash)),
            published_at: m.published_at.to_string(),
            valid_until: m.valid_until.to_string(),
            title: m.title.clone(),
            coverage: m.coverage.clone(),
            records: m.records,
            population: m.population,
            stretch: Stretch {
                algorithm: ALGORITHM.to_owned(),
                memory_kib: m.stretch.cost.memory_kib,
                passes: m.stretch.cost.passes,
                lanes: 1,
                salt: base64url(&m.stretch.salt),
                weak: m.stretch.cost.weak,
            },
            filter: m.filter.as_ref().map(Filter::from_spec),
            oprf: Oprf {
                suite: SUITE.to_owned(),
                public_key: base64url(&m.oprf.public_key.to_bytes()),
                next: m.oprf.next.as_ref().map(|next| Next {
                    public_key: base64url(&next.public_key.to_bytes()),
                    from_epoch: next.from_epoch,
                }),
            },
            buckets: Buckets {
                bits: m.buckets.geometry.bits(),
                payload_bytes: m.buckets.geometry.payload_bytes(),
                root: base64url(&m.buckets.root),
                response_bytes: m.buckets.geometry.response_bytes(),
            },
            disclosure: WireDisclosure {
                posterior_percent: m.disclosure.posterior_percent,
                odds_factor: m.disclosure.odds_factor,
                epoch_odds_factor: m.disclosure.epoch_odds_factor,
                people_per_bucket: m.disclosure.people_per_bucket,
                cover_percent: m.disclosure.cover_percent,
                evaluations_per_day: m.disclosure.evaluations_per_day,
            },
            candidates: m.candidates.clone(),
            statuses: m.statuses.clone(),
            guidance: m
                .guidance
                .iter()
                .map(|guidance| WireGuidance {
                    region: guidance.region.clone(),
                    id: guidance.text.id.clone(),
                    en: guidance.text.en.clone(),
                    url: guidance.url.clone(),
                })
                .collect(),
            mirrors: m.mirrors.clone(),
            extensions: Extensions,
        }
    }
}

impl Filter {
    fn from_spec(spec: &FilterSpec) -> Self {
        Self {
            format: FILTER_FORMAT.to_owned(),
            generation: spec.generation,
            shard_bits: spec.geometry.shard_bits(),
            seed: base64url(spec.geometry.seed()),
            members: spec.members,
            noise: spec.noise,
            shards: spec
                .shards
                .iter()
                .map(|digest| Shard {
                    bytes: spec.geometry.shard_bytes(),
                    sha256: hex(&digest.sha256),
                    root: base64url(&digest.root),
                })
                .collect(),
        }
    }
}
