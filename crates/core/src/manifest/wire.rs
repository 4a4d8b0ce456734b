//! The document as JSON has it, field by field in its published order.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    BucketsSpec, Disclosure, FilterSpec, Guidance, Id, Manifest, ManifestError, NextKey, OprfSpec, PROTOCOL,
    StretchSpec, Text,
};
use crate::bucket::BucketGeometry;
use crate::encoding::{base64url, from_base64url, from_hex, hex};
use crate::filter::{FilterGeometry, ShardDigest};
use crate::oprf::OprfPublicKey;
use crate::stretch::StretchCost;
use crate::time::Timestamp;

const ALGORITHM: &str = "argon2id";
const FILTER_FORMAT: &str = "bloom/1";
const SUITE: &str = "ristretto255-SHA512";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    protocol: String,
    log: String,
    dataset: Id,
    epoch: u64,
    #[serde(deserialize_with = "nullable")]
    previous: Option<String>,
    published_at: String,
    valid_until: String,
    title: Text,
    coverage: Text,
    records: u64,
    population: u64,
    stretch: Stretch,
    #[serde(deserialize_with = "nullable")]
    filter: Option<Filter>,
    oprf: Oprf,
    buckets: Buckets,
    disclosure: WireDisclosure,
    candidates: BTreeMap<Id, Text>,
    statuses: BTreeMap<Id, Text>,
    guidance: Vec<WireGuidance>,
    mirrors: Vec<String>,
    extensions: Extensions,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stretch {
    algorithm: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
    weak: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    format: String,
    generation: u32,
    shard_bits: u8,
    seed: String,
    members: u64,
    noise: u64,
    shards: Vec<Shard>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shard {
    bytes: u64,
    sha256: String,
    root: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Oprf {
    suite: String,
    public_key: String,
    #[serde(deserialize_with = "nullable")]
    next: Option<Next>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Next {
    public_key: String,
    from_epoch: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Buckets {
    bits: u8,
    payload_bytes: u32,
    root: String,
    response_bytes: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireDisclosure {
    #[serde(deserialize_with = "nullable")]
    posterior_percent: Option<u8>,
    #[serde(deserialize_with = "nullable")]
    odds_factor: Option<f64>,
    #[serde(deserialize_with = "nullable")]
    epoch_odds_factor: Option<f64>,
    people_per_bucket: u64,
    cover_percent: u8,
    evaluations_per_day: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireGuidance {
    #[serde(deserialize_with = "nullable")]
    region: Option<String>,
    id: String,
    en: String,
    url: String,
}

/// Present, and maybe null. Serde takes an absent `Option` for null, which a manifest does not.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(d)
}

/// An object of any content, which this reader passes over and this writer leaves empty.
struct Extensions;

impl Serialize for Extensions {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_map(Some(0))?.end()
    }
}

impl<'de> Deserialize<'de> for Extensions {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct AnyObject;
        impl<'de> Visitor<'de> for AnyObject {
            type Value = Extensions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Extensions, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Extensions)
            }
        }
        d.deserialize_map(AnyObject)
    }
}

fn field<T>(field: &'static str, reason: &str) -> impl FnOnce() -> Result<T, ManifestError> {
    move || Err(ManifestError::Field { field, reason: reason.to_owned() })
}

fn constant(name: &'static str, got: &str, want: &str) -> Result<(), ManifestError> {
    if got == want { Ok(()) } else { field(name, &format!("must be {want}"))() }
}

fn sha256(name: &'static str, text: &str) -> Result<[u8; 32], ManifestError> {
    from_hex(text).map_or_else(field(name, "not 64 lower-case hexadecimal digits"), Ok)
}

fn bytes32(name: &'static str, text: &str) -> Result<[u8; 32], ManifestError> {
    from_base64url(text).map_or_else(field(name, "not 32 bytes of base64url without padding"), Ok)
}

fn public_key(name: &'static str, text: &str) -> Result<OprfPublicKey, ManifestError> {
    OprfPublicKey::from_bytes(&bytes32(name, text)?)
        .map_err(|error| ManifestError::Field { field: name, reason: error.to_string() })
}

fn timestamp(name: &'static str, text: &str) -> Result<Timestamp, ManifestError> {
    Timestamp::parse(text).map_err(|error| ManifestError::Field { field: name, reason: error.to_string() })
}

impl Document {
    pub(super) fn into_manifest(self) -> Result<Manifest, ManifestError> {
        if self.protocol != PROTOCOL {
            return Err(ManifestError::Protocol);
        }
        Ok(Manifest {
            log: self.log,
            dataset: self.dataset,
            epoch: self.epoch,
            previous: self.previous.map(|text| sha256("previous", &text)).transpose()?,
            published_at: timestamp("published_at", &self.published_at)?,
            valid_until: timestamp("valid_until", &self.valid_until)?,
            title: self.title,
            coverage: self.coverage,
            records: self.records,
            population: self.population,
            stretch: self.stretch.into_spec()?,
            filter: self.filter.map(Filter::into_spec).transpose()?,
            oprf: self.oprf.into_spec()?,
            buckets: BucketsSpec {
                geometry: BucketGeometry::new(
                    self.buckets.bits,
                    self.buckets.payload_bytes,
                    self.buckets.response_bytes,
                )?,
                root: bytes32("buckets.root", &self.buckets.root)?,
            },
            disclosure: Disclosure {
                posterior_percent: self.disclosure.posterior_percent,
                odds_factor: self.disclosure.odds_factor,
                epoch_odds_factor: self.disclosure.epoch_odds_factor,
                people_per_bucket: self.disclosure.people_per_bucket,
                cover_percent: self.disclosure.cover_percent,
                evaluations_per_day: self.disclosure.evaluations_per_day,
            },
            candidates: self.candidates,
            statuses: self.statuses,
            guidance: self
                .guidance
                .into_iter()
                .map(|WireGuidance { region, id, en, url }| Guidance { region, text: Text { id, en }, url })
                .collect(),
            mirrors: self.mirrors,
        })
    }

    pub(super) fn from_manifest(manifest: &Manifest) -> Self {
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

impl Stretch {
    fn into_spec(self) -> Result<StretchSpec, ManifestError> {
        constant("stretch.algorithm", &self.algorithm, ALGORITHM)?;
        if self.lanes != 1 {
            return field("stretch.lanes", "must be 1")();
        }
        let cost = StretchCost { memory_kib: self.memory_kib, passes: self.passes, weak: self.weak }.check()?;
        Ok(StretchSpec { cost, salt: bytes32("stretch.salt", &self.salt)? })
    }
}

impl Filter {
    fn into_spec(self) -> Result<FilterSpec, ManifestError> {
        constant("filter.format", &self.format, FILTER_FORMAT)?;
        let Some(first) = self.shards.first() else { return field("filter.shards", "empty")() };
        let geometry = FilterGeometry::new(self.shard_bits, first.bytes, bytes32("filter.seed", &self.seed)?)?;
        if self.shards.len() as u64 != u64::from(geometry.shards()) {
            return field("filter.shards", "there must be 2^shard_bits of them")();
        }
        if self.shards.iter().any(|shard| shard.bytes != geometry.shard_bytes()) {
            return field("filter.shards", "shards must be of equal length")();
        }
        let digest = |shard: &Shard| {
            Ok(ShardDigest {
                sha256: sha256("filter.shards.sha256", &shard.sha256)?,
                root: bytes32("filter.shards.root", &shard.root)?,
            })
        };
        Ok(FilterSpec {
            generation: self.generation,
            geometry,
            members: self.members,
            noise: self.noise,
            shards: self.shards.iter().map(digest).collect::<Result<_, ManifestError>>()?,
        })
    }

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

impl Oprf {
    fn into_spec(self) -> Result<OprfSpec, ManifestError> {
        constant("oprf.suite", &self.suite, SUITE)?;
        let next = self
            .next
            .map(|next| {
                let public_key = public_key("oprf.next.public_key", &next.public_key)?;
                Ok::<_, ManifestError>(NextKey { public_key, from_epoch: next.from_epoch })
            })
            .transpose()?;
        Ok(OprfSpec { public_key: public_key("oprf.public_key", &self.public_key)?, next })
    }
}
