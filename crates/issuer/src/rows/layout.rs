//! What the rows of a list mean, once its header is found.

use std::io::{Read, Seek};
use std::sync::Arc;

use super::encoding::Survey;
use super::header::{self, Header};
use super::records::{Fault, Records};
use super::{
    Column, ColumnMap, Encoding, ReadError, ReaderOptions, RefusedRow, Row, RowReason, Scan, SupportRow, Terms, cell,
    date,
};

/// So many NIKs that all end in 0 are no coincidence: one list in 10^20.
const NUMERIC_COLUMN_ROWS: u64 = 20;

/// What the rows of a list mean.
pub(super) struct Layout {
    encoding: Encoding,
    pub(super) header: Header,
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
        if map.get(column).is_some() && !map.excludes(column) {
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
    pub(super) fn find(
        source: &mut (impl Read + Seek),
        survey: &Survey,
        options: &ReaderOptions,
    ) -> Result<Self, ReadError> {
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

    pub(super) fn scan<R: Read>(&self, mut records: Records<R>, survey: &Survey) -> Result<Scan, ReadError> {
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
    pub(super) fn advance<R: Read>(&self, records: &mut Records<R>) -> Result<bool, ReadError> {
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

    pub(super) fn read<R: Read>(&self, records: &Records<R>) -> Row {
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
