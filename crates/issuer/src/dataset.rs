//! Datasets: what they are, how they begin, and what may change later.

mod begin;
mod definition;
mod file;
mod probe;
mod resolve;
mod summary;

pub use begin::{
    BegunGeneration, DatasetError, DatasetUpdate, DeletedDataset, begin_generation, create_dataset, delete_dataset,
    update_dataset,
};
pub use definition::{
    CELLS_PER_RECORD, DEFAULT_CELLS_PER_RECORD, DEFAULT_COVER_PERCENT, DEFAULT_LEAST_PEOPLE_PER_BUCKET,
    DEFAULT_POSTERIOR_PERCENT, DEFAULT_VALIDITY_SECONDS, Definition, DefinitionError, FilterFigures,
};
pub use file::MAX_DEFINITION_BYTES;
pub use summary::{DatasetSummary, EpochSummary, Figures, FilterSize, GenerationSummary, summarize_dataset};

#[cfg(test)]
pub(crate) mod tests;
