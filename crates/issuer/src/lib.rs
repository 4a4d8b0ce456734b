//! The issuer.

mod rows;

pub use rows::{
    Column, ColumnMap, Encoding, HEADER_ROWS, MAX_ROW_BYTES, MAX_ROW_CELLS, MAX_ROW_LINES, MapError, ReadError,
    ReaderOptions, RefusedRow, Row, RowReader, RowReason, Scan, SupportRow, Terms, TermsError, read_bytes,
};
