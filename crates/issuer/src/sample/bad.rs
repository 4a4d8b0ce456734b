//! What real spreadsheets contain besides plain rows.

use std::borrow::Cow;
use std::fmt;

use ceknik_core::MAX_NIK_INPUT_BYTES;
use time::{Date, Month};

use super::people::PERSON_COLUMNS;
use super::{HEADER, SampleTerm, quoted};
use crate::rows::MAX_ROW_BYTES;

/// A number that real lists hold in place of a NIK.
pub(super) const PLACEHOLDER: &str = "2222222222222222";

/// A row that must be refused. [`BadRow::reason`] says with which code, and every one of
/// [`RowReason::CODES`](crate::RowReason::CODES) has a kind here. Those of [`UNFIT_CODES`](crate::UNFIT_CODES) have none: they
/// are of records, and three candidates are neither more than a record holds nor longer than
/// [`SAMPLE_PAYLOAD_BYTES`](crate::SAMPLE_PAYLOAD_BYTES).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BadRow {
    /// A numeric cell that lost its last digit: the serial number is 0000.
    NikFalseZero,
    /// A numeric cell shown as 3.17101E+15.
    NikScientific,
    /// A numeric cell shown with a decimal part.
    NikDecimal,
    /// A numeric cell shown with groups of thousands.
    NikThousands,
    /// A digit lost.
    NikShort,
    /// A digit twice.
    NikLong,
    /// No NIK.
    NikEmpty,
    /// Letters O for zeros.
    NikLetters,
    /// The column shifted: a name where the NIK belongs.
    NikName,
    /// The NIKs of a household in one cell.
    NikSeveral,
    /// No candidate.
    CandidateEmpty,
    /// A candidate that the dataset does not have.
    CandidateUnknown,
    /// No status.
    StatusEmpty,
    /// A status of another kind: marital.
    StatusUnknown,
    /// 31 June.
    DateImpossible,
    /// A day as the number that a spreadsheet holds for it.
    DateNumber,
    /// A row that ends early.
    CellsMissing,
    /// A comma in a cell without quotes.
    CellsExtra,
    /// Text after a closing quote.
    Quotes,
    /// A NUL byte.
    Nul,
    /// The header again, as on every printed page.
    Header,
    /// The total at the end of a page.
    Total,
    /// A cell with a whole document in it.
    TooLong,
}

impl BadRow {
    /// All kinds.
    pub const ALL: [Self; 23] = [
        Self::NikFalseZero,
        Self::NikScientific,
        Self::NikDecimal,
        Self::NikThousands,
        Self::NikShort,
        Self::NikLong,
        Self::NikEmpty,
        Self::NikLetters,
        Self::NikName,
        Self::NikSeveral,
        Self::CandidateEmpty,
        Self::CandidateUnknown,
        Self::StatusEmpty,
        Self::StatusUnknown,
        Self::DateImpossible,
        Self::DateNumber,
        Self::CellsMissing,
        Self::CellsExtra,
        Self::Quotes,
        Self::Nul,
        Self::Header,
        Self::Total,
        Self::TooLong,
    ];

    /// The code of the [`RowReason`](crate::RowReason) with which such a row is refused.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NikFalseZero => "nik_false_zero",
            Self::NikScientific => "nik_scientific",
            Self::NikDecimal | Self::NikThousands => "nik_number",
            Self::NikShort | Self::NikLong => "nik_length",
            Self::NikEmpty | Self::Total => "nik_empty",
            Self::NikLetters | Self::NikName | Self::Header => "nik_character",
            Self::NikSeveral => "nik_too_long",
            Self::CandidateEmpty => "candidate_empty",
            Self::CandidateUnknown => "candidate_unknown",
            Self::StatusEmpty => "status_empty",
            Self::StatusUnknown => "status_unknown",
            Self::DateImpossible | Self::DateNumber => "date_invalid",
            Self::CellsMissing => "cells_missing",
            Self::CellsExtra => "cells_extra",
            Self::Quotes => "quotes",
            Self::Nul => "nul",
            Self::TooLong => "row_too_long",
        }
    }

    /// Spoils a good row in this way, and gives its line.
    pub(super) fn line(self, mut cells: Cells) -> String {
        match self {
            Self::NikFalseZero => cells.nik.replace_range(12.., "0000"),
            Self::NikScientific => cells.nik = scientific(&cells.nik),
            Self::NikDecimal => cells.nik.push_str(".0"),
            Self::NikThousands => cells.nik = thousands(&cells.nik),
            Self::NikShort => cells.nik.truncate(15),
            Self::NikLong => cells.nik.insert(3, '1'),
            Self::NikEmpty => cells.nik.clear(),
            Self::NikLetters => cells.nik.replace_range(12.., "9OO1"),
            Self::NikName => std::mem::swap(&mut cells.nik, &mut cells.person[0]),
            Self::NikSeveral => cells.nik = vec![cells.nik; 1 + MAX_NIK_INPUT_BYTES / 16].join(", "),
            Self::CandidateEmpty => cells.candidate.clear(),
            Self::CandidateUnknown => cells.candidate = "Pasangan Mawar".to_owned(),
            Self::StatusEmpty => cells.status.clear(),
            Self::StatusUnknown => cells.status = "Kawin".to_owned(),
            Self::DateImpossible => cells.submitted = "31/06/2024".to_owned(),
            Self::DateNumber => cells.submitted = "45511".to_owned(),
            Self::Nul => cells.person[0].insert(1, '\0'),
            Self::TooLong => cells.person[6] = "Jl. Melati ".repeat(MAX_ROW_BYTES / 10),
            Self::CellsMissing | Self::CellsExtra | Self::Quotes | Self::Header | Self::Total => {}
        }
        let mut row: Vec<Cow<'_, str>> = cells.in_order().map(Cow::Borrowed).collect();
        match self {
            Self::CellsMissing => row.truncate(12),
            Self::CellsExtra => row.insert(9, Cow::Borrowed(" Blok C")),
            Self::Header => row = HEADER.map(Cow::Borrowed).into(),
            Self::Total => row = std::iter::once("Jumlah").chain([""; HEADER.len() - 1]).map(Cow::Borrowed).collect(),
            _ => {}
        }
        let row = row.iter().enumerate().map(|(index, cell)| match (self, index) {
            // Quotes within a quoted cell that are not doubled.
            (Self::Quotes, 2) => Cow::Owned(format!("\"{cell}\" alias")),
            _ => quoted(cell),
        });
        row.collect::<Vec<_>>().join(",") + "\n"
    }
}

/// In a few words, for a person.
impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NikFalseZero => "a NIK that lost its last digit to a numeric cell, and has a zero for it",
            Self::NikScientific => "a NIK as 3.17101E+15",
            Self::NikDecimal => "a NIK with a decimal part",
            Self::NikThousands => "a NIK with groups of thousands",
            Self::NikShort => "a NIK with a digit lost",
            Self::NikLong => "a NIK with a digit twice",
            Self::NikEmpty => "no NIK",
            Self::NikLetters => "a NIK with letters O for zeros",
            Self::NikName => "a name where the NIK belongs",
            Self::NikSeveral => "the NIKs of a household in one cell",
            Self::CandidateEmpty => "no candidate",
            Self::CandidateUnknown => "a candidate that the dataset does not have",
            Self::StatusEmpty => "no status",
            Self::StatusUnknown => "a status of another kind: marital",
            Self::DateImpossible => "31 June",
            Self::DateNumber => "a day as a spreadsheet's number",
            Self::CellsMissing => "a row that ends early",
            Self::CellsExtra => "a comma in a cell without quotes",
            Self::Quotes => "text after a closing quote",
            Self::Nul => "a NUL byte",
            Self::Header => "the header again",
            Self::Total => "the total at the end of a page",
            Self::TooLong => "a cell with a whole document in it",
        })
    }
}

/// An odd way of writing a row that is good all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OddForm {
    /// An apostrophe before the NIK, which marks a cell as text.
    Apostrophe,
    /// The NIK as `="…"`.
    Formula,
    /// Spaces in the NIK.
    Spaces,
    /// Dots in the NIK.
    Dots,
    /// No-break spaces around the NIK.
    NoBreakSpaces,
    /// Full-width digits.
    FullWidth,
    /// The candidate's id.
    CandidateId,
    /// The candidate in capitals.
    CandidateCapitals,
    /// The day as 2024-08-15.
    DateIso,
    /// The day as 15 Agustus 2024.
    DateInWords,
    /// A time after the day.
    DateAndTime,
    /// No day.
    DateEmpty,
    /// 2222222222222222 for the NIK, which real lists hold and which is warned about.
    Placeholder,
}

impl OddForm {
    /// All forms.
    pub const ALL: [Self; 13] = [
        Self::Apostrophe,
        Self::Formula,
        Self::Spaces,
        Self::Dots,
        Self::NoBreakSpaces,
        Self::FullWidth,
        Self::CandidateId,
        Self::CandidateCapitals,
        Self::DateIso,
        Self::DateInWords,
        Self::DateAndTime,
        Self::DateEmpty,
        Self::Placeholder,
    ];

    pub(super) fn apply(self, cells: &mut Cells, candidate: &SampleTerm, submitted: Date) {
        let nik = &mut cells.nik;
        match self {
            Self::Apostrophe => nik.insert(0, '\''),
            Self::Formula => *nik = format!("=\"{nik}\""),
            Self::Spaces => *nik = grouped(nik, &[4, 8, 12], " "),
            Self::Dots => *nik = grouped(nik, &[2, 4, 6, 12], "."),
            Self::NoBreakSpaces => *nik = format!("\u{A0}{nik}\u{A0}"),
            Self::FullWidth => {
                *nik = nik.chars().filter_map(|digit| char::from_u32(u32::from(digit) - 0x30 + 0xFF10)).collect();
            }
            Self::CandidateId => cells.candidate = candidate.id.to_owned(),
            Self::CandidateCapitals => cells.candidate = candidate.indonesian.to_uppercase(),
            Self::DateIso => cells.submitted = submitted.to_string(),
            Self::DateInWords => {
                let month = match submitted.month() {
                    Month::May => "Mei",
                    Month::June => "Juni",
                    _ => "Agustus",
                };
                cells.submitted = format!("{} {month} {}", submitted.day(), submitted.year());
            }
            Self::DateAndTime => cells.submitted.push_str(" 09:30"),
            Self::DateEmpty => cells.submitted.clear(),
            Self::Placeholder => PLACEHOLDER.clone_into(nik),
        }
    }
}

/// The cells of a row.
#[derive(Clone, Debug)]
pub(super) struct Cells {
    pub(super) number: String,
    pub(super) nik: String,
    pub(super) person: [String; PERSON_COLUMNS],
    pub(super) candidate: String,
    pub(super) status: String,
    pub(super) submitted: String,
}

impl Cells {
    /// In the order of the header.
    pub(super) fn in_order(&self) -> impl Iterator<Item = &str> {
        let Self { number, nik, person, candidate, status, submitted } = self;
        [number, nik].into_iter().chain(person).chain([candidate, status, submitted]).map(String::as_str)
    }
}

/// As Indonesian lists write a day.
pub(super) fn day_month_year(day: Date) -> String {
    format!("{:02}/{:02}/{}", day.day(), u8::from(day.month()), day.year())
}

/// As a spreadsheet shows a number of 16 digits in a narrow column.
fn scientific(nik: &str) -> String {
    format!("{}.{}E+15", &nik[..1], &nik[1..6])
}

/// As a spreadsheet shows a number with groups of thousands, of which it kept 15 digits.
fn thousands(nik: &str) -> String {
    grouped(&format!("{}0", &nik[..15]), &[1, 4, 7, 10, 13], ".")
}

fn grouped(digits: &str, places: &[usize], separator: &str) -> String {
    let ends = places.iter().copied().chain([digits.len()]);
    let starts = std::iter::once(0).chain(places.iter().copied());
    starts.zip(ends).map(|(start, end)| &digits[start..end]).collect::<Vec<_>>().join(separator)
}
