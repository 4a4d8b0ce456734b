//! The header of a list: which row it is, what separates its cells, and which column is which.

use std::io::{Read, Seek, SeekFrom};

use zeroize::Zeroizing;

use super::columns::{column_number, folded};
use super::encoding::Survey;
use super::records::Records;
use super::{Column, ColumnMap, ReadError};

/// How far down a header is looked for: titles and empty rows stand above it in exports.
pub const HEADER_ROWS: u64 = 20;

const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];
/// Longest name and most names of a header that an error shows.
const SHOWN_CHARS: usize = 40;
const SHOWN_NAMES: usize = 40;
/// A name of a column has fewer digits than this. What has more may be a NIK.
pub(super) const DATA_DIGITS: usize = 5;

/// Where the columns of a list are.
#[derive(Debug)]
pub(super) struct Header {
    /// Number of its row.
    pub(super) row: u64,
    pub(super) delimiter: u8,
    /// Columns, those without a name at the end included.
    pub(super) width: usize,
    /// Columns up to the last that has a name.
    pub(super) named: usize,
    columns: [Option<(usize, String)>; 4],
}

impl Header {
    /// Index of a column, if there is one.
    pub(super) fn index(&self, column: Column) -> Option<usize> {
        self.columns[column as usize].as_ref().map(|(index, _)| *index)
    }

    /// Name of a column, shortened.
    pub(super) fn name(&self, column: Column) -> Option<&str> {
        self.columns[column as usize].as_ref().map(|(_, name)| name.as_str())
    }
}

/// A row that may be the header.
struct Candidate {
    row: u64,
    delimiter: u8,
    names: Vec<Zeroizing<String>>,
    matches: [Vec<usize>; 4],
}

impl Candidate {
    fn new(row: u64, delimiter: u8, names: Vec<Zeroizing<String>>, map: &ColumnMap, wanted: &[Column]) -> Self {
        let mut matches: [Vec<usize>; 4] = Default::default();
        for &column in wanted {
            matches[column as usize] = match map.get(column) {
                Some(_) if map.excludes(column) => vec![],
                Some(name) => match column_number(name) {
                    Some(index) if index < names.len() && looks_like_header(&names) => vec![index],
                    Some(_) => vec![],
                    None => indices(&names, |found| found == folded(name)),
                },
                None => indices(&names, |found| column.synonyms().contains(&found)),
            };
        }
        Self { row, delimiter, names, matches }
    }

    /// How many columns it has found, then how many names it has. The header is the first row with the most.
    fn rank(&self) -> (usize, usize) {
        let found = self.matches.iter().filter(|indices| !indices.is_empty()).count();
        (found, self.names.iter().filter(|name| !name.trim().is_empty()).count())
    }
}

/// Finds the header in the first [`HEADER_ROWS`] rows, trying each delimiter.
///
/// # Errors
/// [`ReadError::NoHeader`], [`ReadError::NoColumn`], [`ReadError::NoMappedColumn`], [`ReadError::AmbiguousColumn`],
/// [`ReadError::GivenBesideColumn`], and those of reading.
pub(super) fn find(
    source: &mut (impl Read + Seek),
    survey: &Survey,
    map: &ColumnMap,
    wanted: &[Column],
) -> Result<Header, ReadError> {
    let mut best: Option<Candidate> = None;
    let mut failed = None;
    // By the delimiter that shows the most cells, what is a header but for the NIK.
    let mut widest = 0;
    let mut without_nik: Option<Candidate> = None;
    for delimiter in DELIMITERS {
        source.seek(SeekFrom::Start(survey.mark))?;
        let mut records = Records::new(&mut *source, delimiter, survey.mark);
        let mut resembling: Option<Candidate> = None;
        let mut in_the_list = false;
        let mut width = 0;
        loop {
            match records.advance() {
                Ok(true) if records.row() <= HEADER_ROWS => {}
                Ok(_) => break,
                Err(ReadError::Io(error)) => return Err(error.into()),
                Err(error) => {
                    failed.get_or_insert(error);
                    break;
                }
            }
            let names = (0..records.cells()).map(|cell| survey.encoding.decode(records.cell(cell))).collect();
            let row = Candidate::new(records.row(), delimiter, names, map, wanted);
            width = width.max(row.names.len());
            // By the usual names alone a row of the list may pass for a header: "KTP" is what a cell says too.
            let named = map.get(Column::Nik).is_some() || looks_like_header(&row.names);
            let place = if named && !row.matches[Column::Nik as usize].is_empty() {
                &mut best
            } else if !in_the_list && looks_like_header(&row.names) {
                &mut resembling
            } else {
                in_the_list |= row.rank().1 > 1;
                continue;
            };
            if place.as_ref().is_none_or(|other| row.rank() > other.rank()) {
                *place = Some(row);
            }
        }
        if width > widest {
            (widest, without_nik) = (width, resembling);
        }
    }
    match (best, failed, without_nik) {
        (Some(header), ..) => located(header, map, wanted),
        (None, Some(error), _) => Err(error),
        (None, None, Some(header)) => Err(missing(Column::Nik, &header.names, map)),
        (None, None, None) => Err(ReadError::NoHeader),
    }
}

fn located(header: Candidate, map: &ColumnMap, wanted: &[Column]) -> Result<Header, ReadError> {
    let Candidate { row, delimiter, names, matches } = header;
    let mut columns: [Option<(usize, String)>; 4] = Default::default();
    for &column in wanted {
        match matches[column as usize][..] {
            [index] => columns[column as usize] = Some((index, shown(&names[index]))),
            [] if column == Column::Submitted && (map.get(column).is_none() || map.excludes(column)) => {}
            [] => return Err(missing(column, &names, map)),
            ref several => {
                let found = several.iter().map(|index| format!("#{} {}", index + 1, shown(&names[*index]))).collect();
                return Err(ReadError::AmbiguousColumn { column, found });
            }
        }
    }
    // One value for the whole file, and a column that says something of every row: the one would silently win.
    for column in Column::ALL.into_iter().filter(|column| !wanted.contains(column) && !map.excludes(*column)) {
        if let Some(&index) = indices(&names, |found| column.synonyms().contains(&found)).first() {
            return Err(ReadError::GivenBesideColumn { column, name: shown(&names[index]), row });
        }
    }
    let named = names.iter().rposition(|name| !name.trim().is_empty()).map_or(0, |index| index + 1);
    // A column may be chosen by its number though it has no name.
    let named = columns.iter().flatten().map(|(index, _)| index + 1).fold(named, usize::max);
    Ok(Header { row, delimiter, width: names.len(), named, columns })
}

fn missing(column: Column, names: &[Zeroizing<String>], map: &ColumnMap) -> ReadError {
    let found = names.iter().filter(|name| !name.trim().is_empty()).take(SHOWN_NAMES).map(|name| shown(name)).collect();
    match map.get(column).filter(|_| !map.excludes(column)) {
        Some(name) => ReadError::NoMappedColumn { column, name: name.to_owned(), found },
        None => ReadError::NoColumn { column, found },
    }
}

fn indices(names: &[Zeroizing<String>], is: impl Fn(&str) -> bool) -> Vec<usize> {
    names.iter().enumerate().filter(|(_, name)| is(&folded(name))).map(|(index, _)| index).collect()
}

/// Whether a row is made of names, and of nothing that may be a person's data: a header is shown, in an error that it lacks a
/// column too, and a row of the list never is.
fn looks_like_header(cells: &[Zeroizing<String>]) -> bool {
    let mut names = cells.iter().filter(|cell| !cell.trim().is_empty()).peekable();
    names.peek().is_some() && names.all(|name| name.chars().any(char::is_alphabetic) && digits(name) < DATA_DIGITS)
}

fn digits(name: &str) -> usize {
    name.chars().filter(|char| char.is_numeric()).count()
}

/// A name on one line, shortened; of one that may be a person's data, nothing.
fn shown(name: &str) -> String {
    if digits(name) >= DATA_DIGITS {
        return "…".to_owned();
    }
    let name = name.split(|char: char| char.is_whitespace() || char.is_control());
    let name = name.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    match name.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name,
    }
}

#[cfg(test)]
mod tests;
