//! From the document to the manifest, field by field.

use super::boxed::{Checked, field};
use super::wire::{ALGORITHM, FILTER_FORMAT, SUITE};
use super::{
    BucketsSpec, Disclosure, FilterSpec, Guidance, Id, IdError, Manifest, ManifestError, NextKey, OprfSpec, PROTOCOL,
    StretchSpec, Text, Texts,
};
use crate::bucket::BucketGeometry;
use crate::encoding::{from_base64url, from_hex};
use crate::filter::{FilterGeometry, ShardDigest};
use crate::json::{Json, Object};
use crate::oprf::OprfPublicKey;
use crate::stretch::StretchCost;
use crate::time::Timestamp;

/// An object, taken apart by the names of its members.
struct Fields<'a>(Object<'a>);

impl<'a> Fields<'a> {
    fn of(json: &'a Json) -> Checked<Self> {
        Ok(Self(json.object()?))
    }

    fn json(&mut self, name: &str) -> Checked<&'a Json> {
        Ok(self.0.take(name)?)
    }

    fn nullable(&mut self, name: &str) -> Checked<Option<&'a Json>> {
        Ok(self.0.take(name)?.nullable())
    }

    fn fields(&mut self, name: &str) -> Checked<Self> {
        Self::of(self.json(name)?)
    }

    fn text(&mut self, name: &str) -> Checked<&'a str> {
        Ok(self.0.take(name)?.text()?)
    }

    fn string(&mut self, name: &str) -> Checked<String> {
        Ok(self.text(name)?.to_owned())
    }

    fn whole(&mut self, name: &str) -> Checked<u64> {
        Ok(self.0.take(name)?.whole(u64::MAX)?)
    }

    fn whole32(&mut self, name: &str) -> Checked<u32> {
        Ok(self.0.take(name)?.whole32()?)
    }

    fn whole8(&mut self, name: &str) -> Checked<u8> {
        Ok(self.0.take(name)?.whole8()?)
    }

    fn factor(&mut self, name: &str) -> Checked<Option<f64>> {
        Ok(match self.nullable(name)? {
            Some(factor) => Some(factor.decimal()?),
            None => None,
        })
    }

    /// A text that must be this one. `path` is the name with those around it.
    fn constant(&mut self, name: &str, path: &'static str, want: &str) -> Checked<()> {
        if self.text(name)? == want { Ok(()) } else { Err(field(path, &["must be ", want].concat())) }
    }

    fn bytes32(&mut self, name: &str, path: &'static str) -> Checked<[u8; 32]> {
        from_base64url(self.text(name)?).ok_or_else(|| field(path, "not 32 bytes of base64url without padding"))
    }

    fn public_key(&mut self, name: &str, path: &'static str) -> Checked<OprfPublicKey> {
        OprfPublicKey::from_bytes(&self.bytes32(name, path)?).map_err(|error| field(path, &error.to_string()))
    }

    fn timestamp(&mut self, name: &'static str) -> Checked<Timestamp> {
        Timestamp::parse(self.text(name)?).map_err(|error| field(name, &error.to_string()))
    }

    /// The two languages of a text.
    fn languages(&mut self) -> Checked<Text> {
        Ok(Text { id: self.string("id")?, en: self.string("en")? })
    }

    fn both(&mut self, name: &str) -> Checked<Text> {
        both(self.json(name)?)
    }

    fn texts(&mut self, name: &str) -> Checked<Texts> {
        let mut texts = Texts::default();
        for (told, json) in self.0.take(name)?.members()? {
            texts.insert(id(told, json)?, both(json)?);
        }
        Ok(texts)
    }

    fn end(self) -> Checked<()> {
        Ok(self.0.end()?)
    }
}

/// An id, which stands at a value or is its name.
fn id(text: &str, json: &Json) -> Checked<Id> {
    Id::new(text).map_err(|IdError| json.wrong(&IdError.to_string()).into())
}

fn sha256(json: &Json, path: &'static str) -> Checked<[u8; 32]> {
    from_hex(json.text()?).ok_or_else(|| field(path, "not 64 lower-case hexadecimal digits"))
}

fn both(json: &Json) -> Checked<Text> {
    let mut both = Fields::of(json)?;
    let text = both.languages()?;
    both.end()?;
    Ok(text)
}

pub(super) fn manifest(bytes: &[u8]) -> Checked<Manifest> {
    let json = Json::parse(bytes)?;
    let mut document = Fields::of(&json)?;
    if document.text("protocol")? != PROTOCOL {
        return Err(Box::new(ManifestError::Protocol));
    }
    let dataset = document.json("dataset")?;
    let previous = match document.nullable("previous")? {
        Some(hash) => Some(sha256(hash, "previous")?),
        None => None,
    };
    let filter = match document.nullable("filter")? {
        Some(json) => Some(filter(json)?),
        None => None,
    };
    let manifest = Manifest {
        epoch: document.whole("epoch")?,
        previous,
        published_at: document.timestamp("published_at")?,
        valid_until: document.timestamp("valid_until")?,
        records: document.whole("records")?,
        population: document.whole("population")?,
        stretch: stretch(document.fields("stretch")?)?,
        oprf: oprf(document.fields("oprf")?)?,
        buckets: buckets(document.fields("buckets")?)?,
        disclosure: disclosure(document.fields("disclosure")?)?,
        filter,
        log: document.string("log")?,
        dataset: id(dataset.text()?, dataset)?,
        title: document.both("title")?,
        coverage: document.both("coverage")?,
        candidates: document.texts("candidates")?,
        statuses: document.texts("statuses")?,
        guidance: guidance(document.json("guidance")?)?,
        mirrors: mirrors(document.json("mirrors")?)?,
    };
    // An object of any content, which is passed over.
    document.json("extensions")?.members()?;
    document.end()?;
    Ok(manifest)
}

fn guidance(json: &Json) -> Checked<Vec<Guidance>> {
    let mut all = Vec::new();
    for json in json.elements()? {
        let mut guidance = Fields::of(json)?;
        let region = match guidance.nullable("region")? {
            Some(region) => Some(region.text()?.to_owned()),
            None => None,
        };
        all.push(Guidance { region, text: guidance.languages()?, url: guidance.string("url")? });
        guidance.end()?;
    }
    Ok(all)
}

fn mirrors(json: &Json) -> Checked<Vec<String>> {
    let mut mirrors = Vec::new();
    for mirror in json.elements()? {
        mirrors.push(mirror.text()?.to_owned());
    }
    Ok(mirrors)
}

fn stretch(mut stretch: Fields<'_>) -> Checked<StretchSpec> {
    stretch.constant("algorithm", "stretch.algorithm", ALGORITHM)?;
    if stretch.whole32("lanes")? != 1 {
        return Err(field("stretch.lanes", "must be 1"));
    }
    let (memory_kib, passes) = (stretch.whole32("memory_kib")?, stretch.whole32("passes")?);
    let weak = stretch.json("weak")?.truth()?;
    let cost = StretchCost { memory_kib, passes, weak }.check()?;
    let salt = stretch.bytes32("salt", "stretch.salt")?;
    stretch.end()?;
    Ok(StretchSpec { cost, salt })
}

fn filter(json: &Json) -> Checked<FilterSpec> {
    let mut filter = Fields::of(json)?;
    filter.constant("format", "filter.format", FILTER_FORMAT)?;
    let generation = filter.whole32("generation")?;
    let shard_bits = filter.whole8("shard_bits")?;
    let seed = filter.bytes32("seed", "filter.seed")?;
    let (members, noise) = (filter.whole("members")?, filter.whole("noise")?);
    let mut first = None;
    let mut unequal = false;
    let mut shards = Vec::new();
    for json in filter.json("shards")?.elements()? {
        let mut shard = Fields::of(json)?;
        let bytes = shard.whole("bytes")?;
        unequal |= *first.get_or_insert(bytes) != bytes;
        let sha256 = sha256(shard.json("sha256")?, "filter.shards.sha256")?;
        shards.push(ShardDigest { sha256, root: shard.bytes32("root", "filter.shards.root")? });
        shard.end()?;
    }
    filter.end()?;
    let Some(bytes) = first else { return Err(field("filter.shards", "empty")) };
    let geometry = FilterGeometry::new(shard_bits, bytes, seed)?;
    if shards.len() as u64 != u64::from(geometry.shards()) {
        return Err(field("filter.shards", "there must be 2^shard_bits of them"));
    }
    if unequal {
        return Err(field("filter.shards", "shards must be of equal length"));
    }
    Ok(FilterSpec { generation, geometry, members, noise, shards })
}

fn oprf(mut oprf: Fields<'_>) -> Checked<OprfSpec> {
    oprf.constant("suite", "oprf.suite", SUITE)?;
    let next = match oprf.nullable("next")? {
        Some(json) => {
            let mut next = Fields::of(json)?;
            let public_key = next.public_key("public_key", "oprf.next.public_key")?;
            let from_epoch = next.whole("from_epoch")?;
            next.end()?;
            Some(NextKey { public_key, from_epoch })
        }
        None => None,
    };
    let public_key = oprf.public_key("public_key", "oprf.public_key")?;
    oprf.end()?;
    Ok(OprfSpec { public_key, next })
}

fn buckets(mut buckets: Fields<'_>) -> Checked<BucketsSpec> {
    let bits = buckets.whole8("bits")?;
    let geometry = BucketGeometry::new(bits, buckets.whole32("payload_bytes")?, buckets.whole32("response_bytes")?)?;
    let root = buckets.bytes32("root", "buckets.root")?;
    buckets.end()?;
    Ok(BucketsSpec { geometry, root })
}

fn disclosure(mut disclosure: Fields<'_>) -> Checked<Disclosure> {
    let posterior_percent = match disclosure.nullable("posterior_percent")? {
        Some(percent) => Some(percent.whole8()?),
        None => None,
    };
    let told = Disclosure {
        posterior_percent,
        odds_factor: disclosure.factor("odds_factor")?,
        epoch_odds_factor: disclosure.factor("epoch_odds_factor")?,
        people_per_bucket: disclosure.whole("people_per_bucket")?,
        cover_percent: disclosure.whole8("cover_percent")?,
        evaluations_per_day: disclosure.whole("evaluations_per_day")?,
    };
    disclosure.end()?;
    Ok(told)
}
