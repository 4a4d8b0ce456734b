//! From a NIK to its place in a generation: everything between the list and the store (spec, steps 2 to 5).

use ceknik_core::filter::{Cell, FilterGeometry};
use ceknik_core::oprf::OprfSecretKey;
use ceknik_core::record::{Locator, SealKey};
use ceknik_core::{Nik, StretchError, Stretcher};
use thiserror::Error;

use crate::store::{Generation, StoreError};

/// Where a person's record and cell are, and the key of the record.
pub(crate) struct Place {
    pub(crate) locator: Locator,
    pub(crate) seal_key: SealKey,
    /// None without a filter.
    pub(crate) cell: Option<Cell>,
}

/// Why places cannot be found.
#[derive(Debug, Error)]
pub enum LocateError {
    /// Stretching is not possible.
    #[error(transparent)]
    Stretch(#[from] StretchError),
    /// The key is another generation's, or another dataset's.
    #[error(
        "the evaluation key is not the one of dataset {dataset}, generation {generation}: were two files in keys/oprf \
         swapped?"
    )]
    Key {
        /// Of which dataset.
        dataset: ceknik_core::manifest::Id,
        /// Of which generation.
        generation: u32,
    },
    /// What the store has of the generation cannot be.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Finds places in one generation, one after another; as many of them work beside each other as there are threads. Holds
/// the memory of a stretch.
pub(crate) struct Finder<'a> {
    stretcher: Stretcher,
    key: &'a OprfSecretKey,
    geometry: Option<FilterGeometry>,
}

impl<'a> Finder<'a> {
    pub(crate) fn new(generation: &Generation, key: &'a OprfSecretKey) -> Result<Self, LocateError> {
        if *key.public_key() != generation.public_key {
            return Err(LocateError::Key { dataset: generation.dataset.clone(), generation: generation.number });
        }
        let geometry = generation.definition.filter_geometry(generation.seed);
        let geometry = geometry.map_err(|_| StoreError::Damaged { what: "a filter seed is none" })?;
        Ok(Self { stretcher: Stretcher::new(generation.definition.stretch, generation.salt)?, key, geometry })
    }

    pub(crate) fn find(&mut self, nik: &Nik) -> Result<Place, StretchError> {
        let stretched = self.stretcher.stretch(nik)?;
        let cell = self.geometry.as_ref().map(|geometry| geometry.cell(&stretched.filter_item()));
        let output = self.key.evaluate(&stretched.oprf_input());
        Ok(Place { locator: output.locator(), seal_key: output.seal_key(), cell })
    }
}

/// Jobs that are handed to threads together: a cheap stretch makes the handing over cost more than the work.
pub(crate) fn niks_a_job(generation: &Generation) -> usize {
    const CHEAP_KIB: u64 = 4096;
    let cost = generation.definition.stretch;
    if u64::from(cost.memory_kib) * u64::from(cost.passes) < CHEAP_KIB { 64 } else { 1 }
}

/// How many jobs are under way at once: some seconds of work at full cost, so that a slow disk leaves no thread idle, in
/// some megabytes of memory at any.
pub(crate) fn jobs_under_way(niks_a_job: usize) -> usize {
    const NIKS: usize = 4096;
    (NIKS / niks_a_job.max(1)).min(1024)
}

/// Threads to stretch on: as told, else one for each core.
pub(crate) fn threads(told: Option<std::num::NonZeroUsize>) -> usize {
    told.or_else(|| std::thread::available_parallelism().ok()).map_or(1, std::num::NonZeroUsize::get)
}
