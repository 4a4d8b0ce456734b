//! Reads publishers' lists: CSV of several encodings and forms, row by row, in bounded memory.
//!
//! A list is read twice before a row is given out: once to know its encoding, once to know that it is whole and what it
//! holds ([`Scan`]). What is wrong with the file as a whole is a [`ReadError`] then, before anything was imported. What
//! is wrong with one row refuses that row ([`RefusedRow`]), by its number and reason and without a word of what it
//! says, and reading goes on.

mod cell;
mod columns;
mod date;
mod encoding;
mod error;
mod header;
mod layout;
mod reason;
mod records;
mod terms;

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use ceknik_core::Nik;
use layout::Layout;
use records::Records;

pub use columns::{Column, ColumnMap, MapError};
pub use encoding::Encoding;
pub use error::ReadError;
pub use header::HEADER_ROWS;
pub use reason::{RefusedRow, RowReason};
pub use records::{MAX_ROW_BYTES, MAX_ROW_CELLS, MAX_ROW_LINES};
pub use terms::{Terms, TermsError};

/// How to read a list.
#[derive(Clone, Debug, Default)]
pub struct ReaderOptions {
    /// Which header names which column, where the usual names do not fit.
    pub map: ColumnMap,
    /// The dataset's candidates.
    pub candidates: Terms,
    /// The dataset's statuses.
    pub statuses: Terms,
    /// The candidate of the whole file, id or title. No column is read for it then.
    pub candidate: Option<String>,
    /// The status of the whole file, id or title. No column is read for it then.
    pub status: Option<String>,
    /// Believe NIKs that end in 0 even where a numeric cell is the likelier reason: the serial number 0000, and a whole
    /// list of them.
    pub trust_final_zeros: bool,
}

/// A row of a list that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// A support.
    Support(SupportRow),
    /// A row that cannot be used.
    Refused(RefusedRow),
}

/// One person's support of one candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupportRow {
    /// Number of the row, as a spreadsheet shows it: from 1, header and empty rows counted, a row with line breaks in
    /// its cells counted once.
    pub row: u64,
    /// Whose.
    pub nik: Nik,
    /// Id of the candidate.
    pub candidate: Arc<str>,
    /// Id of the status.
    pub status: Arc<str>,
    /// Day of submission, `YYYY-MM-DD`, if the list has one.
    pub submitted: Option<String>,
}

/// What reading a list through tells of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Scan {
    /// Its encoding.
    pub encoding: Encoding,
    /// What separates its cells: `,`, `;` or a tab.
    pub delimiter: char,
    /// Number of the header's row.
    pub header_row: u64,
    /// The columns that are read, by what the header calls them.
    pub columns: Vec<(Column, String)>,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// Rows that are not empty, refused ones included: what the reader gives out.
    pub rows: u64,
    /// Rows of these that are refused.
    pub refused: u64,
    /// Rows of these with a NIK of 16 digits that ends in 0. Of genuine NIKs it is less than a tenth; more are the mark
    /// of numeric cells, whose last digit a spreadsheet has lost.
    pub final_zeros: u64,
}

impl Scan {
    /// How many NIKs more end in 0 than chance explains (a tenth and five standard deviations): so many at least have
    /// most likely lost their last digit, and which ones cannot be told.
    pub fn suspected_zeros(&self) -> u64 {
        let expected = self.rows.div_ceil(10);
        // Five times the root of n · 0.1 · 0.9.
        let deviations = (5 * self.rows.saturating_mul(9).isqrt()).div_ceil(10);
        self.final_zeros.saturating_sub(expected + deviations)
    }
}

/// A list that is read row by row.
///
/// ```
/// use ceknik_issuer::{ReaderOptions, Row, RowReader, Terms};
///
/// let list = "No;NIK;Pasangan Calon;Status\n1;3171011708900001;Melati;MS\n2;317101170890;Melati;MS\n";
/// let options = ReaderOptions {
///     candidates: Terms::new([("ml", ["Melati"])])?,
///     statuses: Terms::new([("ms", ["Memenuhi syarat"])])?,
///     ..ReaderOptions::default()
/// };
/// let reader = RowReader::from_source(std::io::Cursor::new(list), &options)?;
/// assert_eq!((reader.scanned().rows, reader.scanned().refused), (2, 1));
/// let rows = reader.collect::<Result<Vec<_>, _>>()?;
/// assert!(matches!(&rows[0], Row::Support(support) if support.row == 2 && &*support.candidate == "ml"));
/// let Row::Refused(refused) = &rows[1] else { unreachable!() };
/// assert_eq!(refused.to_string(), "row 3, column NIK: the NIK has 12 digits, not 16");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RowReader<R> {
    records: Records<R>,
    layout: Layout,
    scan: Scan,
    ended: bool,
}

impl RowReader<File> {
    /// Opens a file and reads it through.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn open(path: &Path, options: &ReaderOptions) -> Result<Self, ReadError> {
        Self::from_source(File::open(path)?, options)
    }
}

impl<R: Read + Seek> RowReader<R> {
    /// Reads a list through from its start, and goes back there. It must not change while it is read.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn from_source(mut source: R, options: &ReaderOptions) -> Result<Self, ReadError> {
        source.rewind()?;
        let survey = encoding::survey(&mut source)?;
        let layout = Layout::find(&mut source, &survey, options)?;
        source.seek(SeekFrom::Start(survey.mark))?;
        let scan = layout.scan(Records::new(&mut source, layout.header.delimiter, survey.mark), &survey)?;
        source.seek(SeekFrom::Start(survey.mark))?;
        let records = Records::new(source, layout.header.delimiter, survey.mark);
        Ok(Self { records, layout, scan, ended: false })
    }

    /// What reading it through told.
    pub fn scanned(&self) -> &Scan {
        &self.scan
    }

    /// Bytes of the file up to the end of the last row that was given out or skipped.
    pub fn bytes_read(&self) -> u64 {
        self.records.bytes_read()
    }

    /// Passes over the next `count` rows that would be given out, without reading what is in them. Says how many there
    /// were, fewer at the end of the list.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn skip_rows(&mut self, count: u64) -> Result<u64, ReadError> {
        let mut skipped = 0;
        while skipped < count && self.layout.advance(&mut self.records)? {
            skipped += 1;
        }
        Ok(skipped)
    }
}

impl<R: Read + Seek> Iterator for RowReader<R> {
    type Item = Result<Row, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.layout.advance(&mut self.records);
        self.ended = !matches!(next, Ok(true));
        match next {
            Ok(true) => Some(Ok(self.layout.read(&self.records))),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

/// Reads a whole list from memory.
///
/// # Errors
/// [`ReadError`].
pub fn read_bytes(list: &[u8], options: &ReaderOptions) -> Result<Vec<Row>, ReadError> {
    RowReader::from_source(Cursor::new(list), options)?.collect()
}

#[cfg(test)]
mod tests;
