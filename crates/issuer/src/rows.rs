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
mod header;
mod reason;
mod records;
mod terms;

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use ceknik_core::Nik;
use thiserror::Error;

use encoding::Survey;
use header::{DATA_DIGITS, Header};
use records::{Fault, Records};

pub use columns::{Column, ColumnMap, MapError};
pub use encoding::Encoding;
pub use header::HEADER_ROWS;
pub use reason::{RefusedRow, RowReason};
pub use records::{MAX_ROW_BYTES, MAX_ROW_CELLS, MAX_ROW_LINES};
pub use terms::{Terms, TermsError};

/// So many NIKs that all end in 0 are no coincidence: one list in 10^20.
const NUMERIC_COLUMN_ROWS: u64 = 20;

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
        "all {rows} NIKs end in 0: a spreadsheet kept the column as numbers and lost every last digit; take the NIKs from the source again, into a column formatted as text"
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

/// What the rows of a list mean.
struct Layout {
    encoding: Encoding,
    header: Header,
    candidates: Vocabulary,
    statuses: Vocabulary,
    trust_final_zeros: bool,
}

/// Where a candidate or status comes from.
enum Vocabulary {
    /// One for the whole file.
    Fixed(Arc<str>),
    /// A column.
    Column(Terms),
}

impl Vocabulary {
    fn new(column: Column, terms: &Terms, given: Option<&str>, map: &ColumnMap) -> Result<Self, ReadError> {
        let Some(given) = given else { return Ok(Self::Column(terms.clone())) };
        if map.get(column).is_some() {
            return Err(ReadError::GivenTwice { column });
        }
        terms.id(given).map(Self::Fixed).ok_or_else(|| ReadError::UnknownTerm {
            column,
            given: given.to_owned(),
            ids: terms.ids().map(str::to_owned).collect(),
        })
    }

    fn is_column(&self) -> bool {
        matches!(self, Self::Column(_))
    }
}

impl Layout {
    fn find(source: &mut (impl Read + Seek), survey: &Survey, options: &ReaderOptions) -> Result<Self, ReadError> {
        let ReaderOptions { map, candidates, statuses, candidate, status, trust_final_zeros } = options;
        let candidates = Vocabulary::new(Column::Candidate, candidates, candidate.as_deref(), map)?;
        let statuses = Vocabulary::new(Column::Status, statuses, status.as_deref(), map)?;
        let wanted: Vec<_> = Column::ALL
            .into_iter()
            .filter(|column| match column {
                Column::Candidate => candidates.is_column(),
                Column::Status => statuses.is_column(),
                Column::Nik | Column::Submitted => true,
            })
            .collect();
        let header = header::find(source, survey, map, &wanted)?;
        Ok(Self { encoding: survey.encoding, header, candidates, statuses, trust_final_zeros: *trust_final_zeros })
    }

    fn scan<R: Read>(&self, mut records: Records<R>, survey: &Survey) -> Result<Scan, ReadError> {
        let columns = Column::ALL.into_iter();
        let columns = columns.filter_map(|column| Some((column, self.header.name(column)?.to_owned()))).collect();
        let mut scan = Scan {
            encoding: self.encoding,
            delimiter: char::from(self.header.delimiter),
            header_row: self.header.row,
            columns,
            bytes: survey.bytes,
            rows: 0,
            refused: 0,
            final_zeros: 0,
        };
        let mut niks = 0;
        while self.advance(&mut records)? {
            scan.rows += 1;
            let zero = match self.read(&records) {
                Row::Support(support) => Some(support.nik.expose_digits().ends_with(b"0")),
                Row::Refused(refused) => {
                    scan.refused += 1;
                    (refused.reason == RowReason::NikFalseZero).then_some(true)
                }
            };
            niks += u64::from(zero.is_some());
            scan.final_zeros += u64::from(zero == Some(true));
        }
        if survey.cut_in_character {
            return Err(ReadError::Truncated { row: records.row() });
        }
        if niks >= NUMERIC_COLUMN_ROWS && scan.final_zeros == niks && !self.trust_final_zeros {
            return Err(ReadError::NumericColumn { rows: niks });
        }
        Ok(scan)
    }

    /// Goes to the next row under the header that is not empty.
    fn advance<R: Read>(&self, records: &mut Records<R>) -> Result<bool, ReadError> {
        while records.advance()? {
            if records.row() <= self.header.row || self.is_empty(records) {
                continue;
            }
            let cut_off = !records.ended_by_line() && records.cells() < self.header.named;
            if cut_off && records.fault().is_none() {
                return Err(ReadError::Truncated { row: records.row() });
            }
            return Ok(true);
        }
        Ok(false)
    }

    fn is_empty<R: Read>(&self, records: &Records<R>) -> bool {
        records.fault().is_none() && (0..records.cells()).all(|cell| self.is_empty_cell(records.cell(cell)))
    }

    fn is_empty_cell(&self, cell: &[u8]) -> bool {
        cell.trim_ascii().is_empty() || (cell.len() < 64 && self.encoding.decode(cell).trim().is_empty())
    }

    fn read<R: Read>(&self, records: &Records<R>) -> Row {
        let row = records.row();
        match self.read_cells(records) {
            Ok(support) => Row::Support(support),
            Err((column, reason)) => {
                let column = column.and_then(|column| self.header.name(column)).map(str::to_owned);
                Row::Refused(RefusedRow { row, column, reason })
            }
        }
    }

    fn read_cells<R: Read>(&self, records: &Records<R>) -> Result<SupportRow, (Option<Column>, RowReason)> {
        match records.fault() {
            Some(Fault::TooLong) => return Err((None, RowReason::RowTooLong)),
            Some(Fault::Nul) => return Err((None, RowReason::Nul)),
            Some(Fault::Quotes) => return Err((None, RowReason::Quotes { lines: records.lines() })),
            None => self.check_width(records).map_err(|reason| (None, reason))?,
        }
        let cell = |column| self.header.index(column).map(|index| self.encoding.decode(records.cell(index)));
        let in_column = |column| move |reason| (Some(column), reason);

        let nik = cell(Column::Nik).unwrap_or_default();
        let nik = cell::nik(&nik, self.trust_final_zeros).map_err(in_column(Column::Nik))?;
        let candidate = self.candidates.read(
            &cell(Column::Candidate).unwrap_or_default(),
            RowReason::CandidateEmpty,
            RowReason::CandidateUnknown,
        );
        let candidate = candidate.map_err(in_column(Column::Candidate))?;
        let status = self.statuses.read(
            &cell(Column::Status).unwrap_or_default(),
            RowReason::StatusEmpty,
            RowReason::StatusUnknown,
        );
        let status = status.map_err(in_column(Column::Status))?;
        let submitted = match cell(Column::Submitted).filter(|cell| !cell.trim().is_empty()) {
            Some(cell) => Some(date::day(&cell).ok_or((Some(Column::Submitted), RowReason::DateInvalid))?),
            None => None,
        };
        Ok(SupportRow { row: records.row(), nik, candidate, status, submitted })
    }

    /// Whether the cells stand under the header's names. Empty ones may follow.
    fn check_width<R: Read>(&self, records: &Records<R>) -> Result<(), RowReason> {
        let Header { width, named, .. } = self.header;
        let found = records.cells();
        let used = (0..found).rposition(|cell| !self.is_empty_cell(records.cell(cell))).map_or(0, |index| index + 1);
        let reason = if found < named {
            RowReason::CellsMissing { found, expected: named }
        } else if used > width {
            RowReason::CellsExtra { found: used, expected: width }
        } else {
            return Ok(());
        };
        Err(if records.lines() > 1 { RowReason::Quotes { lines: records.lines() } } else { reason })
    }
}

impl Vocabulary {
    fn read(&self, cell: &str, empty: RowReason, unknown: RowReason) -> Result<Arc<str>, RowReason> {
        match self {
            Self::Fixed(id) => Ok(id.clone()),
            Self::Column(_) if cell.trim().is_empty() => Err(empty),
            Self::Column(terms) => terms.id(cell).ok_or(unknown),
        }
    }
}

#[cfg(test)]
mod tests;
