//! What there is of a dataset, for showing.

use std::collections::BTreeMap;

use ceknik_core::encoding::base64url;
use ceknik_core::filter::FilterError;
use ceknik_core::manifest::{Id, Text};
use serde::Serialize;

use super::Definition;
use crate::import::doubtful_import;
use crate::store::{EpochState, Generation, Store, StoreError};

/// A dataset, its figures and how far it has come.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct DatasetSummary {
    /// Its id.
    pub id: Id,
    /// The latest epoch; none before the first.
    pub epoch: Option<EpochSummary>,
    /// The generations in use: the current one, then the next one if it was begun.
    pub generations: Vec<GenerationSummary>,
    /// The import that has not ended, if there is one.
    pub open_import: Option<u64>,
    /// An import that is held back: its rows are in, and what it lacks is not withdrawn.
    pub held_import: Option<u64>,
}

/// An epoch, in short.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct EpochSummary {
    /// From 1.
    pub number: u64,
    /// Of which generation.
    pub generation: u32,
    /// When.
    pub published_at: String,
    /// Sealed records.
    pub records: u64,
    /// Begun and not finished: `ceknik publish` finishes it.
    pub pending: bool,
}

/// A generation: what was decided, and what there is.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct GenerationSummary {
    /// From 1.
    pub number: u32,
    /// Key of the evaluation, base64url.
    pub public_key: String,
    /// What follows from the definition.
    pub figures: Figures,
    /// The candidates that a list may name, by id.
    pub candidates: BTreeMap<Id, Text>,
    /// The statuses that a list may name, by id.
    pub statuses: BTreeMap<Id, Text>,
    /// People ever added in epochs that were begun.
    pub members_published: u64,
    /// People added since then.
    pub members_unpublished: u64,
    /// Records that the next epoch would have.
    pub records: u64,
    /// Records that were withdrawn.
    pub withdrawn: u64,
}

/// Figures of a definition, with what follows from them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Figures {
    /// People who could be listed.
    pub population: u64,
    /// The filter's; none: everybody confirms.
    pub filter: Option<FilterSize>,
    /// Bits of a bucket number.
    pub bucket_bits: u8,
    /// People for each bucket, on average, rounded down.
    pub people_per_bucket: u64,
    /// K.
    pub least_people_per_bucket: u64,
    /// Bytes of a record before sealing.
    pub payload_bytes: u32,
    /// The evaluation budget of a day.
    pub evaluations_per_day: u64,
    /// How long an epoch answers for the present.
    pub validity_seconds: i64,
    /// Memory of the stretch in KiB.
    pub memory_kib: u32,
    /// Passes of the stretch.
    pub passes: u32,
    /// Whether the stretch is weak, for tests only.
    pub weak: bool,
    /// Shard bits that would be better: the filter is long. See
    /// [`Definition::suggested_shard_bits`](crate::Definition::suggested_shard_bits).
    pub suggested_shard_bits: Option<u8>,
    /// Supports for which every record has room.
    pub supports_per_record: usize,
    /// Payload bytes that would have room for all candidates. See
    /// [`Definition::suggested_payload_bytes`](crate::Definition::suggested_payload_bytes).
    pub suggested_payload_bytes: Option<u32>,
}

/// A filter's figures, with its size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FilterSize {
    /// The promised posterior.
    pub posterior_percent: u8,
    /// Most people ever added.
    pub capacity: u64,
    /// Cells in all.
    pub cells: u64,
    /// Number of files.
    pub shards: u32,
    /// Bytes of each file: what a client downloads.
    pub shard_bytes: u64,
    /// Of a hundred whom the filter misses, how many confirm.
    pub cover_percent: u8,
}

impl Definition {
    /// The figures, with what follows from them.
    ///
    /// # Errors
    /// None for a definition that was read: it was checked then.
    pub fn figures(&self) -> Result<Figures, FilterError> {
        let filter = self.filter.zip(self.filter_geometry(super::probe::SEED)?).map(|(figures, geometry)| FilterSize {
            posterior_percent: figures.posterior_percent,
            capacity: figures.capacity,
            cells: geometry.cells(),
            shards: geometry.shards(),
            shard_bytes: geometry.shard_bytes(),
            cover_percent: figures.cover_percent,
        });
        Ok(Figures {
            population: self.population,
            filter,
            bucket_bits: self.bucket_bits,
            people_per_bucket: self.people_per_bucket(),
            least_people_per_bucket: self.least_people_per_bucket,
            payload_bytes: self.payload_bytes,
            evaluations_per_day: self.evaluations_per_day,
            validity_seconds: self.validity_seconds,
            memory_kib: self.stretch.memory_kib,
            passes: self.stretch.passes,
            weak: self.stretch.weak,
            suggested_shard_bits: self.suggested_shard_bits(),
            supports_per_record: self.supports_per_record(),
            suggested_payload_bytes: self.suggested_payload_bytes(),
        })
    }
}

/// What there is of a dataset.
///
/// # Errors
/// [`StoreError::NoDataset`].
pub fn summarize_dataset(store: &Store, dataset: &Id) -> Result<DatasetSummary, StoreError> {
    let generations = store.generations_in_use(dataset)?;
    let epoch = store.latest_epoch(dataset)?.map(|epoch| EpochSummary {
        number: epoch.number,
        generation: epoch.generation,
        published_at: epoch.published_at.to_string(),
        records: epoch.records,
        pending: epoch.state == EpochState::Pending,
    });
    Ok(DatasetSummary {
        id: dataset.clone(),
        epoch,
        generations: generations.iter().map(|generation| summarize(store, generation)).collect::<Result<_, _>>()?,
        open_import: store.open_import(dataset)?,
        held_import: match store.held_import(dataset)? {
            None => doubtful_import(store, &store.newest_generation(dataset)?)?,
            held => held,
        },
    })
}

fn summarize(store: &Store, generation: &Generation) -> Result<GenerationSummary, StoreError> {
    let figures = generation.definition.figures();
    let members = store.members(generation)?;
    let records = store.record_counts(generation)?;
    Ok(GenerationSummary {
        number: generation.number,
        public_key: base64url(&generation.public_key.to_bytes()),
        figures: figures.map_err(|_| StoreError::Damaged { what: "a filter's figures cannot be" })?,
        candidates: generation.definition.candidates.clone(),
        statuses: generation.definition.statuses.clone(),
        members_published: members.published,
        members_unpublished: members.unpublished,
        records: records.live,
        withdrawn: records.withdrawn,
    })
}
