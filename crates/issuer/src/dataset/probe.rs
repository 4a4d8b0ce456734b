//! A manifest made of a definition before there is a list: what readers would refuse is refused when it is defined.

use ceknik_core::bucket::BucketGeometry;
use ceknik_core::deniability::{self, Promise};
use ceknik_core::filter::ShardDigest;
use ceknik_core::manifest::{
    BucketsSpec, Disclosure, FilterSpec, MOST_MANIFEST_BYTES, MOST_NUMBER, Manifest, ManifestError, NextKey, OprfSpec,
    StretchSpec,
};
use ceknik_core::oprf::OprfSecretKey;
use ceknik_core::time::Timestamp;

use super::{Definition, DefinitionError, FilterFigures};

/// A filter seed for arithmetic that does not depend on it.
pub(super) const SEED: [u8; 32] = {
    let mut seed = [0; 32];
    seed[0] = 1;
    seed
};

/// Left free for what is not known yet: a longer name of the log, larger figures.
const SLACK_BYTES: usize = 1024;

pub(super) fn check(definition: &Definition) -> Result<(), DefinitionError> {
    let over = excess(definition).map_err(DefinitionError::Manifest)?;
    if over == 0 {
        return Ok(());
    }
    // One shard is what the figures may not allow; what counts is whether it is the texts that do not fit.
    let filter = definition.filter.map(|filter| FilterFigures { shard_bits: 0, ..filter });
    let remedy = match excess(&Definition { filter, ..definition.clone() }) {
        Ok(over) if over > 0 => "shorten title, coverage, candidates, statuses, guidance or mirrors",
        _ => "set fewer shard_bits",
    };
    Err(DefinitionError::ManifestTooLong { over, remedy })
}

/// Bytes by which the manifest could be too long.
fn excess(definition: &Definition) -> Result<usize, ManifestError> {
    let bytes = match manifest(definition).and_then(|manifest| manifest.to_bytes()) {
        Ok(bytes) => bytes.len(),
        Err(ManifestError::TooLong { bytes }) => bytes,
        Err(error) => return Err(error),
    };
    Ok((bytes + SLACK_BYTES).saturating_sub(MOST_MANIFEST_BYTES))
}

/// The manifest of a list with one record.
fn manifest(definition: &Definition) -> Result<Manifest, ManifestError> {
    let time = |seconds| Timestamp::from_unix(seconds).map_err(|_| impossible("published_at"));
    let key = |scalar: u8| {
        let mut bytes = [0; 32];
        bytes[0] = scalar;
        OprfSecretKey::from_bytes(&bytes).map(|key| *key.public_key()).map_err(|_| impossible("oprf"))
    };
    let published_at = time(1_800_000_000)?;
    let geometry = definition.filter_geometry(SEED)?;
    let filter = geometry
        .zip(definition.filter)
        .map(|(geometry, figures)| {
            let promise = Promise::new(definition.population, figures.posterior_percent, geometry.cells())?;
            Ok::<_, ManifestError>(FilterSpec {
                generation: u32::MAX,
                geometry,
                members: 1,
                noise: promise.first_noise(1)?,
                shards: vec![ShardDigest { sha256: [0; 32], root: [0; 32] }; geometry.shards() as usize],
            })
        })
        .transpose()?;
    let odds_factor = filter.as_ref().map(|filter| deniability::odds_factor(filter.geometry.cells(), filter.noise));
    Ok(Manifest {
        log: "ceknik.example.org/log".to_owned(),
        dataset: definition.id.clone(),
        epoch: MOST_NUMBER - 1,
        previous: Some([0; 32]),
        published_at,
        valid_until: time(published_at.unix() + definition.validity_seconds)?,
        title: definition.title.clone(),
        coverage: definition.coverage.clone(),
        records: 1,
        population: definition.population,
        stretch: StretchSpec { cost: definition.stretch, salt: [0; 32] },
        filter,
        oprf: OprfSpec { public_key: key(1)?, next: Some(NextKey { public_key: key(2)?, from_epoch: MOST_NUMBER }) },
        buckets: BucketsSpec {
            geometry: BucketGeometry::for_fullest(definition.bucket_bits, definition.payload_bytes, 1)?,
            root: [0; 32],
        },
        disclosure: Disclosure {
            posterior_percent: definition.filter.map(|filter| filter.posterior_percent),
            odds_factor,
            epoch_odds_factor: odds_factor,
            people_per_bucket: definition.people_per_bucket(),
            cover_percent: definition.filter.map_or(100, |filter| filter.cover_percent),
            evaluations_per_day: definition.evaluations_per_day,
        },
        candidates: definition.candidates.clone().into_iter().collect(),
        statuses: definition.statuses.clone().into_iter().collect(),
        guidance: definition.guidance.clone(),
        mirrors: definition.mirrors.clone(),
    })
}

fn impossible(field: &'static str) -> ManifestError {
    ManifestError::Field { field, reason: "cannot be".to_owned() }
}
