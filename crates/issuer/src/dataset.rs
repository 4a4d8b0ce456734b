//! Datasets: what they are, how they begin, and what may change later.

mod definition;
mod file;
mod probe;
mod resolve;

pub use definition::{
    CELLS_PER_RECORD, DEFAULT_CELLS_PER_RECORD, DEFAULT_COVER_PERCENT, DEFAULT_LEAST_PEOPLE_PER_BUCKET,
    DEFAULT_POSTERIOR_PERCENT, DEFAULT_VALIDITY_SECONDS, Definition, DefinitionError, FilterFigures,
};
pub use file::MAX_DEFINITION_BYTES;

#[cfg(test)]
pub(crate) mod tests;
