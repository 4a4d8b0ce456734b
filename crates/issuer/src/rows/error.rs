//! Why a list cannot be read at all.

use thiserror::Error;

use super::header::DATA_DIGITS;
use super::{Column, HEADER_ROWS, MAX_ROW_LINES};

/// Why a list cannot be read at all. Shows names of columns, never a row.
#[derive(Debug, Error)]
pub enum ReadError {
    /// Reading failed.
    #[error("the list cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// No bytes.
    #[error("the list is empty: export it again")]
    Empty,
    /// XLSX or XLS.
    #[error("this is a spreadsheet workbook, not CSV: export its sheet as \"CSV UTF-8\" and import that file")]
    Workbook,
    /// UTF-16.
    #[error("this is UTF-16 text: export the list as \"CSV UTF-8\" and import that file")]
    Utf16,
    /// Bytes that text has not: a database, an archive, a picture.
    #[error("this is no text: export the list as \"CSV UTF-8\" and import that file")]
    Binary,
    /// No row that could be a header.
    #[error(
        "no header in the first {HEADER_ROWS} rows: put a row with the names of the columns above the list, each in words and with \
         fewer than {DATA_DIGITS} digits, or name the NIK's with --map nik=COLUMN"
    )]
    NoHeader,
    /// The header has no column that is needed.
    #[error("no column for {column} in the header; its columns are: {}. {}", found.join(" | "), remedy(*column))]
    NoColumn {
        /// Which.
        column: Column,
        /// The header's names.
        found: Vec<String>,
    },
    /// The header has no column of the name that was given.
    #[error("no column \"{name}\" for {column} in the header; its columns are: {}. Correct --map {}=COLUMN", found.join(" | "), column.key())]
    NoMappedColumn {
        /// For which.
        column: Column,
        /// The name given, or `#N`.
        name: String,
        /// The header's names.
        found: Vec<String>,
    },
    /// Several columns of the header fit.
    #[error("several columns could be {column}: {}. Choose one by its name or number: --map {}=#N", found.join(" | "), column.key())]
    AmbiguousColumn {
        /// Which.
        column: Column,
        /// Numbers and names of those that fit.
        found: Vec<String>,
    },
    /// The candidate or status for the whole file is none of the dataset's.
    #[error("\"{given}\" is none of the dataset's for {column}; there are: {}", ids.join(", "))]
    UnknownTerm {
        /// Which.
        column: Column,
        /// What was given.
        given: String,
        /// The dataset's ids.
        ids: Vec<String>,
    },
    /// A column was mapped that the whole file has one value for.
    #[error("{column} is given for the whole file and by a column: leave out --{} or --map {}=COLUMN", column.key(), column.key())]
    GivenTwice {
        /// Which.
        column: Column,
    },
    /// One value was given for the whole file, and the header has a column for it.
    #[error(
        "row {row} has a column \"{name}\" for {column}, and --{} was given for the whole file: leave --{} out, so that what each row \
         says counts; if the column means something else, add --map {}=-",
        column.key(), column.key(), column.key()
    )]
    GivenBesideColumn {
        /// Which.
        column: Column,
        /// The header's name for it.
        name: String,
        /// The header's row.
        row: u64,
    },
    /// A quote that is never closed.
    #[error(
        "row {row} opens a quote that is not closed within {MAX_ROW_LINES} lines or before the end of the file, so that the rows after it cannot be told apart: close the quote or take it out, and import again"
    )]
    UnclosedQuote {
        /// Number of the row.
        row: u64,
    },
    /// The file ends within a row.
    #[error("the list ends in the middle of row {row}: it was cut short; export or copy it again")]
    Truncated {
        /// Number of the row.
        row: u64,
    },
    /// Every NIK ends in 0.
    #[error(
        "all {rows} NIKs end in 0: a spreadsheet kept the column as numbers and lost every last digit; take the NIKs from the source again, into a column formatted as text; if they are right as they are, say --trust-final-zeros"
    )]
    NumericColumn {
        /// How many NIKs there are.
        rows: u64,
    },
}

fn remedy(column: Column) -> String {
    let key = column.key();
    match column {
        Column::Candidate | Column::Status => {
            format!("Name it with --map {key}=COLUMN, or give --{key} ID for the whole file")
        }
        Column::Nik | Column::Submitted => format!("Name it with --map {key}=COLUMN"),
    }
}
