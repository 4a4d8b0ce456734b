//! How datasets and generations begin, and how texts change.

use std::path::PathBuf;

use ceknik_core::manifest::Id;
use rand_core::{CryptoRng, RngCore};
use thiserror::Error;

use super::file::DefinitionFile;
use super::{Definition, DefinitionError};
use crate::keys::{KeyDir, KeyError, Passphrase};
use crate::store::{Generation, NewGeneration, Store, StoreError};

/// Why a dataset or a generation is not begun or changed.
#[derive(Debug, Error)]
pub enum DatasetError {
    /// The definition is not acceptable.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The evaluation key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key file without its generation.
    #[error(
        "{} exists, and the record store knows no such generation: an interrupted command left it, or the store is an older \
         copy than the keys. If nothing was ever published with this key, move the file away and run this again",
        path.display()
    )]
    LeftoverKey {
        /// Which file.
        path: PathBuf,
    },
    /// Imported, never published, and to be erased.
    #[error(
        "nothing of generation {generation} of {dataset} was published yet, so that a new one takes its place at once, and the \
         {records} records that were imported into it are erased: publish them first, or say --erase-unpublished and import the \
         whole list again"
    )]
    Unpublished {
        /// Which dataset.
        dataset: Id,
        /// Which generation.
        generation: u32,
        /// How many records.
        records: u64,
    },
    /// Published, so that it cannot be removed.
    #[error(
        "epochs of {dataset} are published, and the log forgets none: it cannot be removed. Publish no more of it, and take it off \
         the service: its last epoch then expires"
    )]
    Published {
        /// Which dataset.
        dataset: Id,
    },
    /// Imported, and to be erased.
    #[error("{records} records were imported into {dataset}: say --erase-unpublished, and they are erased with it")]
    Imported {
        /// Which dataset.
        dataset: Id,
        /// How many records.
        records: u64,
    },
    /// Another generation is on its way into publication.
    #[error(
        "generation {generation} of {dataset} was announced and takes over with the next epoch: publish that first with \
         `ceknik publish {dataset}`, then begin another"
    )]
    Announced {
        /// Which dataset.
        dataset: Id,
        /// Which generation.
        generation: u32,
    },
    /// A definition of another dataset.
    #[error("the definition is of dataset {found}, not {wanted}")]
    OtherDataset {
        /// The dataset asked for.
        wanted: Id,
        /// The one defined.
        found: Id,
    },
}

/// Creates a dataset with its first generation: salt, filter seed and evaluation key are fresh random values.
///
/// # Errors
/// [`DatasetError`]; nothing was created.
pub fn create_dataset(
    store: &mut Store,
    keys: &KeyDir,
    definition: &Definition,
    passphrase: Option<&Passphrase>,
    rng: &mut (impl CryptoRng + RngCore),
) -> Result<Generation, DatasetError> {
    match store.dataset(&definition.id) {
        Err(StoreError::NoDataset { .. }) => {}
        Err(error) => return Err(error.into()),
        Ok(entry) => return Err(StoreError::DatasetExists { id: entry.id }.into()),
    }
    begin(store, keys, definition, 1, passphrase, rng, Store::insert_dataset)
}

/// What of a dataset was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedDataset {
    /// Records that had been imported.
    pub records: u64,
    /// What was left for the next command or for hand, and why.
    pub left: Vec<String>,
}

/// Removes a dataset of which nothing was ever published: a mistaken one, or one that was tried out. Its evaluation keys are
/// removed too; another dataset may take its id. What was imported is erased, where `erase_unpublished` allows it.
///
/// # Errors
/// [`DatasetError`]; nothing was removed.
pub fn delete_dataset(
    store: &mut Store,
    keys: &KeyDir,
    dataset: &Id,
    erase_unpublished: bool,
) -> Result<DeletedDataset, DatasetError> {
    let newest = store.newest_generation(dataset)?;
    if store.latest_epoch(dataset)?.is_some() {
        return Err(DatasetError::Published { dataset: dataset.clone() });
    }
    let records = store.record_counts(&newest)?.live;
    if records > 0 && !erase_unpublished {
        return Err(DatasetError::Imported { dataset: dataset.clone(), records });
    }
    let mut left = Vec::new();
    for generation in store.delete_dataset(dataset)? {
        left.extend(remove_unused_key(keys, dataset, generation));
    }
    left.extend(store.checkpoint_or_tell());
    Ok(DeletedDataset { records, left })
}

/// Removes the key of a generation of which nothing was published. Says what is left when it cannot.
fn remove_unused_key(keys: &KeyDir, dataset: &Id, generation: u32) -> Option<String> {
    let path = keys.oprf_path(dataset, generation);
    keys.remove_oprf_key(dataset, generation)
        .err()
        .map(|_| format!("{} could not be removed: remove it by hand, nothing needs it", path.display()))
}

/// A generation that was begun.
#[derive(Clone, Debug)]
pub struct BegunGeneration {
    /// The generation.
    pub generation: Generation,
    /// What was left for the next command, and why.
    pub left: Vec<String>,
}

/// Begins the next generation of a dataset, with fresh random values and with `definition`, or with that of the newest one. From
/// then on imports go to it, beginning with the whole list; the current generation goes on being published, with
/// withdrawals but without additions, until the first epoch of the new one. A newest generation of which nothing was published
/// yet, be it the first or one that was begun and not announced, gives way at once and what was imported into it is erased,
/// where `erase_unpublished` allows it.
///
/// # Errors
/// [`DatasetError`]; among them [`DatasetError::Announced`], [`StoreError::ImportOpen`], [`DatasetError::Unpublished`].
/// Nothing was begun.
pub fn begin_generation(
    store: &mut Store,
    keys: &KeyDir,
    dataset: &Id,
    definition: Option<&Definition>,
    erase_unpublished: bool,
    passphrase: Option<&Passphrase>,
    rng: &mut (impl CryptoRng + RngCore),
) -> Result<BegunGeneration, DatasetError> {
    let entry = store.dataset(dataset)?;
    let newest = store.newest_generation(dataset)?;
    if store.is_announced(&newest)? {
        return Err(DatasetError::Announced { dataset: dataset.clone(), generation: newest.number });
    }
    let definition = definition.unwrap_or(&newest.definition);
    if definition.id != *dataset {
        return Err(DatasetError::OtherDataset { wanted: dataset.clone(), found: definition.id.clone() });
    }
    store.refuse_open_import(dataset)?;
    let records = store.record_counts(&newest)?.live;
    let unpublished = entry.next.is_some() || store.latest_epoch(dataset)?.is_none();
    if records > 0 && !erase_unpublished && unpublished {
        return Err(DatasetError::Unpublished { dataset: dataset.clone(), generation: newest.number, records });
    }
    let generation = begin(store, keys, definition, newest.number + 1, passphrase, rng, Store::insert_next_generation)?;
    let mut left = Vec::new();
    if store.erase_unused_generations(dataset).is_err() {
        left.push("the records of the generation before could not be erased: the next publication does it".to_owned());
    }
    if unpublished {
        left.extend(remove_unused_key(keys, dataset, newest.number));
    }
    left.extend(store.checkpoint_or_tell());
    Ok(BegunGeneration { generation, left })
}

fn begin(
    store: &mut Store,
    keys: &KeyDir,
    definition: &Definition,
    number: u32,
    passphrase: Option<&Passphrase>,
    rng: &mut (impl CryptoRng + RngCore),
    insert: impl FnOnce(&mut Store, &NewGeneration<'_>) -> Result<(), StoreError>,
) -> Result<Generation, DatasetError> {
    let mut salt = [0; 32];
    rng.fill_bytes(&mut salt);
    let mut seed = [0u8; 32];
    // With equal halves the format's two hashes would be one.
    while seed[..16] == seed[16..] {
        rng.fill_bytes(&mut seed);
    }
    // The key first: a generation without its key could never be used.
    let key = match keys.create_oprf_key(&definition.id, number, rng, passphrase) {
        Err(KeyError::Exists { path }) => return Err(DatasetError::LeftoverKey { path }),
        key => key?,
    };
    let inserted = insert(store, &NewGeneration { number, definition, salt, seed, public_key: key.public_key() });
    let generation = store.generation(&definition.id, number);
    if matches!((&inserted, &generation), (Err(_), Err(StoreError::NoGeneration { .. }))) {
        // Without its generation it would stand in the way of the next attempt, which says so should it still be there.
        let _ = keys.remove_oprf_key(&definition.id, number);
    }
    inserted?;
    Ok(generation?)
}

/// What an update changed.
#[derive(Clone, Debug, PartialEq)]
pub struct DatasetUpdate {
    /// As it was.
    pub before: Definition,
    /// As it is.
    pub after: Definition,
}

impl DatasetUpdate {
    /// The keys of the file whose values changed.
    pub fn changed(&self) -> Vec<&'static str> {
        let Self { before, after } = self;
        let keys = [
            ("title", before.title != after.title),
            ("coverage", before.coverage != after.coverage),
            ("bucket_bits", before.bucket_bits != after.bucket_bits),
            ("evaluations_per_day", before.evaluations_per_day != after.evaluations_per_day),
            ("validity", before.validity_seconds != after.validity_seconds),
            ("candidates", before.candidates != after.candidates),
            ("statuses", before.statuses != after.statuses),
            ("guidance", before.guidance != after.guidance),
            ("mirrors", before.mirrors != after.mirrors),
        ];
        keys.into_iter().filter(|(_, changed)| *changed).map(|(key, _)| key).collect()
    }
}

/// Changes what may change of a dataset, from a definition file that names it: titles, coverage, guidance, mirrors,
/// ids of candidates and statuses added, the evaluation budget, validity, bits of buckets. What the file leaves out stays. The
/// next epoch shows it; of two generations in use, the texts change in both.
///
/// # Errors
/// [`DatasetError`]; nothing was changed. Figures that are fixed within a generation: [`DefinitionError::Fixed`].
pub fn update_dataset(store: &mut Store, toml: &str) -> Result<DatasetUpdate, DatasetError> {
    let dataset = DefinitionFile::from_toml(toml)?.dataset()?;
    let generations = store.generations_in_use(&dataset)?;
    let Some((newest, older)) = generations.split_last() else {
        return Err(StoreError::Damaged { what: "a dataset has no generation" }.into());
    };
    let after = newest.definition.updated_from_toml(toml)?;
    let older: Vec<_> = older
        .iter()
        .map(|generation| Ok::<_, DefinitionError>((generation, generation.definition.with_texts_of(&after)?)))
        .collect::<Result<_, _>>()?;
    let changes: Vec<_> = older
        .iter()
        .map(|(generation, definition)| (*generation, definition))
        .chain(std::iter::once((newest, &after)))
        .collect();
    store.update_definitions(&changes)?;
    Ok(DatasetUpdate { before: newest.definition.clone(), after })
}
