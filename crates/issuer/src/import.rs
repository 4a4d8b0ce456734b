//! Import: a publisher's list into the record store.
//!
//! A list is read through first: what is wrong with it as a whole is told before anything is stored. Then every NIK is
//! stretched, on all cores, and the supports are stored in the order of the list. A support is keyed by (NIK, candidate),
//! and the later row wins, within a list and from one import to the next. All effects of a chunk of rows, the count of rows
//! done among them, are one transaction: an import that is interrupted at any moment goes on where it stood when the same
//! list is imported again, and counts nothing twice.
//!
//! There is no index by which a NIK would be known without stretching it, since such an index would undo the stretch. So a
//! list costs the same every time it is imported, and a status that changed in one row of it costs a stretch of that row.

mod counters;
mod merge;
mod observer;
pub(crate) mod pipeline;
mod report;
mod rows;
pub(crate) mod snapshot;

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Seek};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ceknik_core::manifest::Id;
use ceknik_core::oprf::OprfSecretKey;
use serde::Serialize;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::dataset::DefinitionError;
use crate::locate::{Finder, LocateError};
use crate::loss;
use crate::rows::{Column, ColumnMap, ReadError, ReaderOptions, RowReader, Scan};
use crate::store::{Generation, ImportRow, ImportState, ListTag, Store, StoreCipher, StoreError};

use observer::Scanned;
use snapshot::Compared;

pub use counters::{ImportCounters, SnapshotOutcome};
pub use merge::UNFIT_CODES;
pub use observer::{ImportObserver, ImportPhase, Progress};
pub use report::ReportError;

/// What to import how.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Which header names which column, where the usual names do not fit.
    pub map: ColumnMap,
    /// The candidate of the whole file, id or title.
    pub candidate: Option<String>,
    /// The status of the whole file, id or title.
    pub status: Option<String>,
    /// Believe NIKs that end in 0 where a numeric cell is the likelier reason: those in 0000, and a list with more of them than
    /// chance explains.
    pub trust_final_zeros: bool,
    /// Refuse rows of people who were withdrawn, rather than list them again. It knows those whose whole record was taken away,
    /// by a withdrawal or by a snapshot.
    pub keep_withdrawn: bool,
    /// The list is the whole truth for its candidates, those that accepted rows name or that is given for the whole file:
    /// their supports that it has not are withdrawn in the end. One whom it does not name at all keeps them.
    pub snapshot: bool,
    /// Carry a snapshot out although rows were refused.
    pub despite_refused: bool,
    /// Carry a snapshot out although much of what was listed of its candidates is missing in it.
    pub despite_missing: bool,
    /// Threads to stretch on; one for each core unless set. Each holds the memory of a stretch.
    pub threads: Option<NonZeroUsize>,
    /// Rows after which a chunk is committed, if it was not for the time already: 8192 unless set.
    pub chunk_rows: Option<NonZeroU64>,
}

impl ImportOptions {
    /// What must be the same for an import to go on, as JSON.
    fn identity(&self) -> String {
        let map: serde_json::Map<String, serde_json::Value> = Column::ALL
            .into_iter()
            .filter_map(|column| Some((column.key().to_owned(), self.map.get(column)?.into())))
            .collect();
        serde_json::json!({
            "map": map,
            "candidate": self.candidate,
            "status": self.status,
            "trust_final_zeros": self.trust_final_zeros,
            "keep_withdrawn": self.keep_withdrawn,
            "snapshot": self.snapshot,
        })
        .to_string()
    }

    fn reader(&self, generation: &Generation) -> Result<ReaderOptions, ImportError> {
        let definition = &generation.definition;
        let terms = |key| move |source| DefinitionError::Terms { key, source };
        Ok(ReaderOptions {
            map: self.map.clone(),
            candidates: definition.candidate_terms().map_err(terms("candidates"))?,
            statuses: definition.status_terms().map_err(terms("statuses"))?,
            candidate: self.candidate.clone(),
            status: self.status.clone(),
            trust_final_zeros: self.trust_final_zeros,
        })
    }
}

/// What an import came to.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ImportSummary {
    /// Number of the import.
    pub import: u64,
    /// Generation that it went to.
    pub generation: u32,
    /// What the list is.
    pub scan: Scan,
    /// Rows that earlier runs of this import had done; 0 when it was not interrupted.
    pub resumed_at: u64,
    /// What was done, over all runs.
    #[serde(serialize_with = "ImportCounters::told")]
    pub counters: ImportCounters,
    /// Where the refused rows are told.
    pub report: PathBuf,
    /// Everyone ever added in the generation.
    pub members_ever: u64,
    /// Most people that the generation has room for; none without a filter. Over it nothing is published.
    pub capacity: Option<u64>,
    /// Records that the next epoch would have.
    pub records: u64,
    /// What was left for the next command, and why. The import is done all the same.
    pub left: Vec<String>,
}

/// What was done of an import that was abandoned.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct AbandonedImport {
    /// Number of the import.
    pub import: u64,
    /// Rows that were done, and stay done.
    pub rows_done: u64,
    /// What was done.
    #[serde(serialize_with = "ImportCounters::told")]
    pub counters: ImportCounters,
    /// Where the rows refused so far are told.
    pub report: PathBuf,
    /// What was left for the next command, and why.
    pub left: Vec<String>,
}

/// Why a list is not imported.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The list as a whole cannot be read. Nothing was stored.
    #[error(transparent)]
    List(#[from] ReadError),
    /// A header and nothing else.
    #[error(
        "the list has a header and no row under it: export it again. To take people off the list there is `ceknik withdraw`"
    )]
    NoRows,
    /// More NIKs end in 0 than chance explains.
    #[error(
        "{zeros} of {rows} NIKs end in 0, {suspected} more than chance explains: a spreadsheet kept some as numbers and lost their \
         last digits, so that other people would be listed in place of those meant. Nothing was stored. Take the NIKs from the \
         source again, into a column formatted as text; if they are right as they are, say --trust-final-zeros"
    )]
    SuspectedZeros {
        /// How many end in 0.
        zeros: u64,
        /// Of how many rows.
        rows: u64,
        /// How many of them chance does not explain.
        suspected: u64,
    },
    /// The generation must be published next, and more people than it has room for could not be.
    #[error(
        "generation {generation} of {dataset} was announced and takes over with the next epoch: publish that first with \
         `ceknik publish {dataset}`, then import"
    )]
    Announced {
        /// Which dataset.
        dataset: Id,
        /// Which generation.
        generation: u32,
    },
    /// It changed while it was read.
    #[error(
        "the list changed while it was imported: put back what it was and run the same command again, or end this import as \
         it stands with `ceknik import {dataset} --abandon`"
    )]
    ListChanged {
        /// The import's dataset.
        dataset: Id,
    },
    /// Another list stands in the middle.
    #[error(
        "import {import} of another list into {dataset} was interrupted after {rows_done} rows: import that list again to \
         finish it, or end it as it stands with `ceknik import {dataset} --abandon`"
    )]
    OtherList {
        /// Which import.
        import: u64,
        /// Of which dataset.
        dataset: Id,
        /// Rows that were done.
        rows_done: u64,
    },
    /// This list stands in the middle, imported otherwise.
    #[error(
        "import {import} of this list into {dataset} was begun with other options and interrupted after {rows_done} rows: run \
         it with those options to finish it ({options}), or end it as it stands with `ceknik import {dataset} --abandon`"
    )]
    OtherOptions {
        /// Which import.
        import: u64,
        /// Of which dataset.
        dataset: Id,
        /// Rows that were done.
        rows_done: u64,
        /// Those options, as JSON.
        options: String,
    },
    /// NIKs cannot be stretched, or with the wrong key.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The report.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// What the store has of the dataset cannot be.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// A thread ended over its work.
    #[error("a worker thread ended unexpectedly: everything up to it is stored; run the same command again to go on")]
    Worker,
}

impl From<ceknik_core::StretchError> for ImportError {
    fn from(error: ceknik_core::StretchError) -> Self {
        Self::Locate(error.into())
    }
}

/// Imports lists into one generation. Whoever has one holds the home's lock.
pub struct Importer<'a> {
    store: &'a mut Store,
    cipher: &'a StoreCipher,
    generation: &'a Generation,
    key: &'a OprfSecretKey,
    options: ImportOptions,
    observer: &'a dyn ImportObserver,
    /// The store's numbers of the candidates.
    candidates: HashMap<Arc<str>, u16>,
}

impl<'a> Importer<'a> {
    /// Checks that key and generation belong together. The generation is to be the dataset's newest
    /// ([`Store::newest_generation`]).
    ///
    /// # Errors
    /// [`ImportError::Locate`], [`ImportError::Store`].
    pub fn new(
        store: &'a mut Store,
        cipher: &'a StoreCipher,
        generation: &'a Generation,
        key: &'a OprfSecretKey,
        options: ImportOptions,
        observer: &'a dyn ImportObserver,
    ) -> Result<Self, ImportError> {
        Finder::new(generation, key)?;
        let numbers = store.candidate_numbers(&generation.dataset)?;
        let candidates = numbers.into_iter().map(|(id, number)| (Arc::from(id.as_str()), number)).collect();
        Ok(Self { store, cipher, generation, key, options, observer, candidates })
    }

    /// Imports a list from its start, or goes on with it. `report` gives the path of an import's report.
    ///
    /// # Errors
    /// [`ImportError`]; whatever it says, the same call again goes on where this one stood.
    pub fn import<R: Read + Seek + Send>(
        mut self,
        list: R,
        report: impl Fn(&Id, u64) -> PathBuf,
    ) -> Result<ImportSummary, ImportError> {
        let Generation { dataset, number, .. } = self.generation;
        if self.store.is_announced(self.generation)? {
            return Err(ImportError::Announced { dataset: dataset.clone(), generation: *number });
        }
        self.observer.phase(ImportPhase::Scan);
        let mut list = Scanned::new(list, self.observer).map_err(ReadError::from)?;
        let tag = self.tag(&mut list)?;
        let mut reader = RowReader::from_source(&mut list, &self.options.reader(self.generation)?)?;
        let scan = reader.scanned().clone();
        self.refuse_unusable(&scan)?;
        let mut import = self.begin_or_resume(&tag)?;
        let mut counters = decode_counters(&import.counters)?;
        let resumed_at = import.rows_done;
        if import.state == ImportState::Rows {
            self.import_rows(&mut reader, &mut import, &mut counters)?;
            drop(reader);
            if self.tag(&mut list)? != tag {
                return Err(ImportError::ListChanged { dataset: self.generation.dataset.clone() });
            }
            self.end_rows(&mut import, &mut counters)?;
        }
        if import.state == ImportState::Snapshot {
            self.withdraw_unlisted(&mut import, &mut counters)?;
        }
        let report = report(&self.generation.dataset, import.id);
        let left = self.end(&mut import, &counters, &report)?;
        Ok(ImportSummary {
            import: import.id,
            generation: self.generation.number,
            scan,
            resumed_at,
            counters,
            report,
            members_ever: self.store.members(self.generation)?.ever(),
            capacity: self.generation.definition.filter.map(|filter| filter.capacity),
            records: self.store.record_counts(self.generation)?.live,
            left,
        })
    }

    /// What is wrong with the list as a whole, and can be told before anything is stored.
    fn refuse_unusable(&self, scan: &Scan) -> Result<(), ImportError> {
        if scan.rows == 0 {
            return Err(ImportError::NoRows);
        }
        match scan.suspected_zeros() {
            suspected @ 1.. if !self.options.trust_final_zeros => {
                Err(ImportError::SuspectedZeros { zeros: scan.final_zeros, rows: scan.rows, suspected })
            }
            _ => Ok(()),
        }
    }

    /// The keyed hash of the list's bytes. The list is then at its end.
    fn tag(&self, list: &mut (impl Read + Seek)) -> Result<ListTag, ImportError> {
        list.rewind().map_err(ReadError::from)?;
        let mut mac = self.cipher.list_mac();
        let mut buffer = Zeroizing::new(vec![0; 65_536]);
        loop {
            match list.read(&mut buffer) {
                Ok(0) => return Ok(mac.finish()),
                Ok(read) => mac.update(&buffer[..read]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(ReadError::from(error).into()),
            }
        }
    }

    fn begin_or_resume(&mut self, tag: &ListTag) -> Result<ImportRow, ImportError> {
        let dataset = &self.generation.dataset;
        let options = self.options.identity();
        if let Some(mut import) = self.store.unfinished_import(dataset)? {
            let same_list = import.list.as_ref() == Some(tag) && import.generation == self.generation.key;
            if import.state == ImportState::Held {
                // All its rows are in. What was held back is decided anew now, or never.
                let despite = self.options.despite_refused || self.options.despite_missing;
                if same_list && import.options == options && despite {
                    let mut counters = decode_counters(&import.counters)?;
                    counters.snapshot = SnapshotOutcome::Asked;
                    import.counters = encode_counters(&counters)?;
                    import.state = ImportState::Rows;
                    self.store.save_import(&import)?;
                    return Ok(import);
                }
                if same_list && import.options == options {
                    // Nothing is different: it is told again what is held back and why.
                    import.state = ImportState::Report;
                    return Ok(import);
                }
                self.store.end_import(&mut import, ImportState::Ended)?;
            } else {
                let (import_number, rows_done, dataset) = (import.id, import.rows_done, dataset.clone());
                if !same_list {
                    return Err(ImportError::OtherList { import: import_number, dataset, rows_done });
                }
                if import.options != options {
                    let options = import.options;
                    return Err(ImportError::OtherOptions { import: import_number, dataset, rows_done, options });
                }
                return Ok(import);
            }
        }
        let snapshot = if self.options.snapshot { SnapshotOutcome::Asked } else { SnapshotOutcome::NotAsked };
        let counters = encode_counters(&ImportCounters { snapshot, ..ImportCounters::default() })?;
        Ok(self.store.begin_import(self.generation, tag.clone(), options, counters)?)
    }

    /// The store's number of the candidate of the whole file, which the list is of though all its rows were refused.
    fn given_candidate(&self) -> Result<Option<u16>, ImportError> {
        let Some(given) = &self.options.candidate else { return Ok(None) };
        let id = self.options.reader(self.generation)?.candidates.id(given);
        let number = id.and_then(|id| self.candidates.get(&id).copied());
        number.map(Some).ok_or_else(|| StoreError::Damaged { what: "a candidate has no number" }.into())
    }

    /// All rows are in: what comes next.
    fn end_rows(&mut self, import: &mut ImportRow, counters: &mut ImportCounters) -> Result<(), ImportError> {
        import.state = ImportState::Report;
        counters.candidates.extend(self.given_candidate()?);
        if counters.snapshot == SnapshotOutcome::Asked {
            let Compared { missing, listed } = self.compare(import, counters)?;
            let too_many = loss::is_large(missing, listed) && !self.options.despite_missing;
            (counters.missing, counters.listed_before) = if too_many { (missing, listed) } else { (0, 0) };
            if counters.unread_rows() > 0 && !self.options.despite_refused {
                counters.snapshot = SnapshotOutcome::Held;
            } else if too_many {
                counters.snapshot = SnapshotOutcome::HeldMissing;
            } else {
                import.state = ImportState::Snapshot;
            }
        }
        import.counters = encode_counters(counters)?;
        Ok(self.store.save_import(import)?)
    }

    /// Writes the report and ends the import, unless its snapshot is held back. Gives what was left for the next command.
    fn end(
        &mut self,
        import: &mut ImportRow,
        counters: &ImportCounters,
        report: &Path,
    ) -> Result<Vec<String>, ImportError> {
        self.observer.phase(ImportPhase::Report);
        report::write(self.store, import.id, report)?;
        self.observer.phase(ImportPhase::Checkpoint);
        // Now, when to run the command again goes on from here. Once the import has ended, that would stretch the list anew.
        self.store.checkpoint()?;
        if counters.snapshot.is_held() {
            import.state = ImportState::Held;
            self.store.save_import(import)?;
        } else {
            self.store.end_import(import, ImportState::Ended)?;
        }
        Ok(self.store.checkpoint_or_tell().into_iter().collect())
    }
}

/// The generation's last import whose list lacked much of what was listed and may be a wrong one, while nothing decided on it: what
/// it brought is there, whatever was imported or changed since. A snapshot of its candidates that was carried out decides, and so
/// does whoever ends it as it stands.
pub(crate) fn doubtful_import(store: &Store, generation: &Generation) -> Result<Option<u64>, StoreError> {
    let mut doubtful: Vec<(u64, ImportCounters)> = Vec::new();
    for (import, counters) in store.imports_not_abandoned(generation)? {
        let counters = decode_counters(&counters)?;
        if counters.is_doubtful() {
            doubtful.push((import, counters));
        } else if counters.snapshot == SnapshotOutcome::Done {
            doubtful.retain(|(_, earlier)| !earlier.candidates.is_subset(&counters.candidates));
        }
    }
    Ok(doubtful.last().map(|(import, _)| *import))
}

/// Ends the dataset's import that has not ended or that is in doubt, as it stands: what it did stays done. None when there is none.
///
/// # Errors
/// [`ImportError::Store`], [`ImportError::Report`].
pub fn abandon_import(
    store: &mut Store,
    dataset: &Id,
    report: impl Fn(&Id, u64) -> PathBuf,
) -> Result<Option<AbandonedImport>, ImportError> {
    store.dataset(dataset)?;
    let mut import = store.unfinished_import(dataset)?;
    if import.is_none() {
        let doubtful = doubtful_import(store, &store.newest_generation(dataset)?)?;
        import = doubtful.map(|doubtful| store.import(doubtful)).transpose()?;
    }
    let Some(mut import) = import else { return Ok(None) };
    let counters = decode_counters(&import.counters)?;
    let report = report(dataset, import.id);
    if import.list.is_some() {
        // Else it has ended, and its report is there.
        report::write(store, import.id, &report)?;
    }
    store.end_import(&mut import, ImportState::Abandoned)?;
    let left = store.checkpoint_or_tell().into_iter().collect();
    Ok(Some(AbandonedImport { import: import.id, rows_done: import.rows_done, counters, report, left }))
}

fn encode_counters(counters: &ImportCounters) -> Result<String, StoreError> {
    serde_json::to_string(counters).map_err(|_| StoreError::Damaged { what: "an import's counters are not encodable" })
}

fn decode_counters(json: &str) -> Result<ImportCounters, StoreError> {
    serde_json::from_str(json).map_err(|_| StoreError::Damaged { what: "an import's counters do not parse" })
}

#[cfg(test)]
mod tests;
