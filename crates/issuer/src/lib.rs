//! The publisher's side: lists in, record store, epochs and log entries out.
//!
//! [`RowReader`] reads a list row by row; an import stretches and evaluates every NIK and files its record under a locator
//! in the [`Store`];
//! [`Publisher`] makes the next epoch of the store and puts it, with its entry of the [`LogDir`], where the service reads.
//! [`plan`] is the arithmetic with which a publisher chooses the figures.
//!
//! This crate touches raw lists, so the service does not link it. May be imported by the CLI and by tests.

mod dataset;
mod durable;
mod home;
mod import;
mod keys;
mod locate;
mod log_dir;
mod loss;
mod publish;
mod rows;
mod sample;
mod store;
mod withdraw;

pub mod plan;

pub use dataset::{
    BegunGeneration, CELLS_PER_RECORD, DEFAULT_CELLS_PER_RECORD, DEFAULT_COVER_PERCENT,
    DEFAULT_LEAST_PEOPLE_PER_BUCKET, DEFAULT_POSTERIOR_PERCENT, DEFAULT_VALIDITY_SECONDS, DatasetError, DatasetSummary,
    DatasetUpdate, Definition, DefinitionError, DeletedDataset, EpochSummary, Figures, FilterFigures, FilterSize,
    GenerationSummary, MAX_DEFINITION_BYTES, begin_generation, create_dataset, delete_dataset, summarize_dataset,
    update_dataset,
};
pub use durable::FileError;
pub use home::{Home, HomeError, HomeLock};
pub use import::{
    AbandonedImport, ImportCounters, ImportError, ImportObserver, ImportOptions, ImportPhase, ImportSummary, Importer,
    Progress, ReportError, SnapshotOutcome, UNFIT_CODES, abandon_import,
};
pub use keys::{KeyDir, KeyError, Passphrase, create_witness_key, witness_key};
pub use locate::LocateError;
pub use log_dir::{LogDir, LogDirError, PreparedAppend};
pub use publish::{
    Changes, CosignRequest, CosignedEpoch, NotAnnounced, Publication, PublishError, PublishPhase, Publisher,
    Unannounced, WitnessOutcome, WitnessToAsk, Witnesses,
};
pub use rows::{
    Column, ColumnMap, Encoding, HEADER_ROWS, MAX_ROW_BYTES, MAX_ROW_CELLS, MAX_ROW_LINES, MapError, ReadError,
    ReaderOptions, RefusedRow, Row, RowReader, RowReason, Scan, SupportRow, Terms, TermsError, read_bytes,
};
pub use sample::{
    BadRow, OddForm, SAMPLE_CANDIDATES, SAMPLE_PAYLOAD_BYTES, SAMPLE_STATUSES, SampleOptions, SampleStats, SampleTerm,
    sample_outsiders, write_sample,
};
#[doc(hidden)]
pub use store::rewrite_detail;
pub use store::{
    Concentration, DatasetEntry, Epoch, EpochState, Generation, Members, NewEpoch, RecordCounts, Store, StoreCipher,
    StoreError,
};
pub use withdraw::{MAX_NIK_LINE_BYTES, NikLine, NikLines, WithdrawError, WithdrawSummary, Withdrawal};
