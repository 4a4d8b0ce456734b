//! Why a row is refused. Fixed codes and messages; nothing of a cell is repeated.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use thiserror::Error;

use super::records::{MAX_ROW_BYTES, MAX_ROW_CELLS};
use ceknik_core::NikError;

/// Why a row is refused. The message is this type's `Display`.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum RowReason {
    /// `nik_empty`: nothing in the cell, or only what is stripped.
    #[error("the NIK is empty")]
    NikEmpty,
    /// `nik_character`: a letter, or a sign that is not stripped.
    #[error("character {position} of the NIK is neither a digit nor a space, dot or hyphen")]
    NikCharacter {
        /// Its place, from 1.
        position: usize,
    },
    /// `nik_length`: digits, but not 16.
    #[error("the NIK has {digits} digits, not 16")]
    NikLength {
        /// How many digits there are.
        digits: usize,
    },
    /// `nik_too_long`: a cell longer than any way of writing a NIK.
    #[error("the NIK cell holds {bytes} bytes, too many for a NIK")]
    NikTooLong {
        /// Length of the cell in bytes.
        bytes: usize,
    },
    /// `nik_scientific`: such as 3.17101E+15.
    #[error(
        "the NIK is in scientific notation and its last digits are lost: take it from the source again, into a column \
         formatted as text"
    )]
    NikScientific,
    /// `nik_number`: a decimal part, or groups of thousands. A spreadsheet keeps 15 digits of a number, and which were
    /// lost cannot be told.
    #[error(
        "the NIK is written as a number and its last digits may be lost: take it from the source again, into a column \
         formatted as text"
    )]
    NikNumber,
    /// `nik_false_zero`: ends in 0000, what a spreadsheet makes of the serial numbers 0001 to 0009 in a numeric cell.
    #[error(
        "the NIK ends in 0000, which is never given out: its last digit was most likely lost in a numeric cell; take it \
         from the source again, into a column formatted as text"
    )]
    NikFalseZero,
    /// `candidate_empty`.
    #[error("the candidate is empty")]
    CandidateEmpty,
    /// `candidate_unknown`: neither id nor title of a candidate of the dataset.
    #[error("the candidate is none of the dataset's, which `ceknik dataset show` lists")]
    CandidateUnknown,
    /// `status_empty`.
    #[error("the status is empty")]
    StatusEmpty,
    /// `status_unknown`: neither id nor title of a status of the dataset.
    #[error("the status is none of the dataset's, which `ceknik dataset show` lists")]
    StatusUnknown,
    /// `date_invalid`: not empty, and no day of 2000 to 2099 in a form that is read.
    #[error("the submission date is no date like 2024-08-15, 15/08/2024 or 15 Agustus 2024")]
    DateInvalid,
    /// `cells_missing`: fewer cells than the header names, so that columns may be shifted.
    #[error("the row has {found} cells where the header names {expected}: a cell with a line break in it needs quotes")]
    CellsMissing {
        /// Cells in the row.
        found: usize,
        /// Columns up to the last that has a name.
        expected: usize,
    },
    /// `cells_extra`: more cells than the header has, so that columns may be shifted. Most often a comma in a cell
    /// without quotes.
    #[error("the row has {found} cells where the header has {expected}: a cell with the separator in it needs quotes")]
    CellsExtra {
        /// Cells in the row, up to the last that is not empty.
        found: usize,
        /// Columns of the header.
        expected: usize,
    },
    /// `quotes`: a quoted cell goes on after its closing quote, or runs over several lines in a row whose cells do not fit
    /// the header. Most often a quote was not closed, and other rows lie within it.
    #[error(
        "the quotes in this row do not match (lines taken together: {lines}) and nothing of it was read: close every quote, \
         and write a quote within a cell twice"
    )]
    Quotes {
        /// How many lines.
        lines: u64,
    },
    /// `nul`: a NUL byte.
    #[error("the row has a NUL byte in it: it is damaged, or the file is no plain text; export it again")]
    Nul,
    /// `row_too_long`: over [`MAX_ROW_BYTES`](super::MAX_ROW_BYTES) or [`MAX_ROW_CELLS`](super::MAX_ROW_CELLS).
    #[error(
        "the row is longer than {MAX_ROW_BYTES} bytes or {MAX_ROW_CELLS} cells: line ends are missing, or it is damaged"
    )]
    RowTooLong,
}

impl RowReason {
    /// All codes.
    pub const CODES: [&str; 17] = [
        "nik_empty",
        "nik_character",
        "nik_length",
        "nik_too_long",
        "nik_scientific",
        "nik_number",
        "nik_false_zero",
        "candidate_empty",
        "candidate_unknown",
        "status_empty",
        "status_unknown",
        "date_invalid",
        "cells_missing",
        "cells_extra",
        "quotes",
        "nul",
        "row_too_long",
    ];

    /// The fixed code of this reason, for machines and for counting.
    pub fn code(self) -> &'static str {
        match self {
            Self::NikEmpty => "nik_empty",
            Self::NikCharacter { .. } => "nik_character",
            Self::NikLength { .. } => "nik_length",
            Self::NikTooLong { .. } => "nik_too_long",
            Self::NikScientific => "nik_scientific",
            Self::NikNumber => "nik_number",
            Self::NikFalseZero => "nik_false_zero",
            Self::CandidateEmpty => "candidate_empty",
            Self::CandidateUnknown => "candidate_unknown",
            Self::StatusEmpty => "status_empty",
            Self::StatusUnknown => "status_unknown",
            Self::DateInvalid => "date_invalid",
            Self::CellsMissing { .. } => "cells_missing",
            Self::CellsExtra { .. } => "cells_extra",
            Self::Quotes { .. } => "quotes",
            Self::Nul => "nul",
            Self::RowTooLong => "row_too_long",
        }
    }
}

impl From<NikError> for RowReason {
    fn from(error: NikError) -> Self {
        match error {
            NikError::TooLong { bytes } => Self::NikTooLong { bytes },
            NikError::Character { position } => Self::NikCharacter { position },
            NikError::Empty => Self::NikEmpty,
            NikError::Length { digits } => Self::NikLength { digits },
        }
    }
}

/// A row that is refused. Serialised as `row`, `column`, `code` and `message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRow {
    /// Number of the row, as a spreadsheet shows it: from 1, header and empty rows counted.
    pub row: u64,
    /// The header's name of the column, when the reason lies in one.
    pub column: Option<String>,
    /// Why.
    pub reason: RowReason,
}

impl std::fmt::Display for RefusedRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.column {
            Some(column) => write!(f, "row {}, column {column}: {}", self.row, self.reason),
            None => write!(f, "row {}: {}", self.row, self.reason),
        }
    }
}

impl Serialize for RefusedRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("RefusedRow", 4)?;
        fields.serialize_field("row", &self.row)?;
        fields.serialize_field("column", &self.column)?;
        fields.serialize_field("code", self.reason.code())?;
        fields.serialize_field("message", &self.reason.to_string())?;
        fields.end()
    }
}
