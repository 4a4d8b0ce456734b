//! The issuer.

mod dataset;
mod home;
mod rows;
mod sample;
mod store;

pub mod plan;

pub use rows::{
    Column, ColumnMap, Encoding, HEADER_ROWS, MAX_ROW_BYTES, MAX_ROW_CELLS, MAX_ROW_LINES, MapError, ReadError,
    ReaderOptions, RefusedRow, Row, RowReader, RowReason, Scan, SupportRow, Terms, TermsError, read_bytes,
};
pub use dataset::{
    CELLS_PER_RECORD, DEFAULT_CELLS_PER_RECORD, DEFAULT_COVER_PERCENT, DEFAULT_LEAST_PEOPLE_PER_BUCKET,
    DEFAULT_POSTERIOR_PERCENT, DEFAULT_VALIDITY_SECONDS, Definition, DefinitionError, FilterFigures, MAX_DEFINITION_BYTES,
};
pub use home::{Home, HomeError, HomeLock};
pub use store::{
    Concentration, DatasetEntry, Epoch, EpochState, Generation, Members, NewEpoch, RecordCounts, Store, StoreCipher,
    StoreError,
};
pub use sample::{
    BadRow, OddForm, SAMPLE_CANDIDATES, SAMPLE_PAYLOAD_BYTES, SAMPLE_STATUSES, SampleOptions, SampleStats, SampleTerm,
    sample_outsiders, write_sample,
};
