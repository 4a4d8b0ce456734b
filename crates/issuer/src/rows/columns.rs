//! The columns that the importer reads, and how a header names them.

use std::fmt;

use serde::Serialize;
use thiserror::Error;

/// A column that is read from a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    /// The NIK.
    Nik,
    /// The candidate supported.
    Candidate,
    /// The state of the support.
    Status,
    /// The day of submission.
    Submitted,
}

impl Column {
    /// All columns, in the order in which they are looked for and read.
    pub const ALL: [Self; 4] = [Self::Nik, Self::Candidate, Self::Status, Self::Submitted];

    /// The name of this column in a `--map`: `nik`, `candidate`, `status` or `submitted`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Nik => "nik",
            Self::Candidate => "candidate",
            Self::Status => "status",
            Self::Submitted => "submitted",
        }
    }

    /// The headers that are understood without a map: only lower-case letters and digits are compared, so that
    /// `No. KTP`, `NO KTP` and `no_ktp` are one. `No KK`, the number of the family card, has 16 digits too and is none.
    pub fn synonyms(self) -> &'static [&'static str] {
        match self {
            Self::Nik => &[
                "nik",
                "nonik",
                "nomornik",
                "nikktp",
                "nikpendukung",
                "niknit",
                "nomorindukkependudukan",
                "nomorindukkependudukannik",
                "niknomorindukkependudukan",
                "noktp",
                "nomorktp",
                "noktpel",
                "noektp",
                "nomorektp",
                "nikektp",
                "ktp",
                "ektp",
                "noktpnik",
                "niknoktp",
                "nationalid",
                "nationalidnumber",
                "identitynumber",
                "identitycardnumber",
                "idcardnumber",
            ],
            Self::Candidate => &[
                "candidate",
                "candidates",
                "candidateid",
                "candidatename",
                "candidatepair",
                "supportedcandidate",
                "kandidat",
                "namakandidat",
                "kandidatyangdidukung",
                "calon",
                "namacalon",
                "calonyangdidukung",
                "calonperseorangan",
                "bakalcalon",
                "namabakalcalon",
                "paslon",
                "namapaslon",
                "paslonyangdidukung",
                "pasangancalon",
                "namapasangancalon",
                "pasangancalonyangdidukung",
                "pasangancalonperseorangan",
                "bapaslon",
                "bakalpasangancalon",
                "namabakalpasangancalon",
            ],
            Self::Status => &[
                "status",
                "supportstatus",
                "statusdukungan",
                "statuspendukung",
                "statusverifikasi",
                "hasilverifikasi",
                "statushasilverifikasi",
                "verificationstatus",
                "verificationresult",
                "mstms",
            ],
            Self::Submitted => &[
                "submitted",
                "submittedat",
                "submittedon",
                "datesubmitted",
                "submissiondate",
                "dateofsubmission",
                "date",
                "tanggal",
                "tgl",
                "tanggalpenyerahan",
                "tglpenyerahan",
                "tanggaldiserahkan",
                "tanggalserah",
                "tanggalpenyampaian",
                "tanggalpengajuan",
                "tglpengajuan",
                "tanggaldukungan",
                "tgldukungan",
                "tanggalsubmit",
            ],
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nik => "the NIK",
            Self::Candidate => "the candidate",
            Self::Status => "the status",
            Self::Submitted => "the submission date",
        })
    }
}

/// What of a header's name is compared: its letters and digits, in lower case.
pub(super) fn folded(name: &str) -> String {
    name.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What stands for a column in a map when none is to be read.
const NO_COLUMN: &str = "-";

/// Which header names which column: what `--map` says. What it leaves out is found by [`Column::synonyms`].
///
/// ```
/// use ceknik_issuer::{Column, ColumnMap};
///
/// let mut map = ColumnMap::default();
/// map.add("nik=Nomor Identitas,candidate=#7")?;
/// map.add("status=Hasil")?;
/// assert_eq!(map.get(Column::Candidate), Some("#7"));
/// assert_eq!(map.get(Column::Submitted), None);
/// # Ok::<(), ceknik_issuer::MapError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnMap {
    names: [Option<String>; 4],
}

/// Why a `--map` is not understood.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum MapError {
    /// No `key=`, or an unknown key, or no column for the NIK.
    #[error(
        "`{part}` is no mapping: write nik=COLUMN, candidate=COLUMN, status=COLUMN or submitted=COLUMN, COLUMN being a name in the \
         header or #N; for all but the NIK - says that no column is meant"
    )]
    Form {
        /// The part that is not understood.
        part: String,
    },
    /// One key twice.
    #[error("the column {key} is mapped twice; leave one of them")]
    Twice {
        /// The key.
        key: &'static str,
    },
}

impl ColumnMap {
    /// Adds mappings `key=COLUMN`, several separated by commas. `COLUMN` is a name in the header, of which letters and
    /// digits are compared without case, or `#N`, the column's number from 1. A name may have commas in it. `-` says that no
    /// column is meant, whatever the header has.
    ///
    /// # Errors
    /// [`MapError`].
    pub fn add(&mut self, text: &str) -> Result<(), MapError> {
        let mut mappings: Vec<(Column, String)> = Vec::new();
        for part in text.split(',') {
            match (mapping(part), mappings.last_mut()) {
                (Some((column, name)), _) => mappings.push((column, name.to_owned())),
                // The comma was part of the name.
                (None, Some((_, name))) => {
                    name.push(',');
                    name.push_str(part);
                }
                (None, None) => return Err(MapError::Form { part: part.to_owned() }),
            }
        }
        for (column, name) in mappings {
            let name = name.trim();
            let none = name == NO_COLUMN && column != Column::Nik;
            if !none && column_number(name).is_none() && folded(name).is_empty() {
                return Err(MapError::Form { part: format!("{}={name}", column.key()) });
            }
            let place = &mut self.names[column as usize];
            if place.replace(name.to_owned()).is_some() {
                return Err(MapError::Twice { key: column.key() });
            }
        }
        Ok(())
    }

    /// What a column is mapped to: a name, `#N`, or `-`.
    pub fn get(&self, column: Column) -> Option<&str> {
        self.names[column as usize].as_deref()
    }

    /// Whether no column is to be read.
    pub(super) fn excludes(&self, column: Column) -> bool {
        self.get(column) == Some(NO_COLUMN)
    }
}

fn mapping(part: &str) -> Option<(Column, &str)> {
    let (key, name) = part.split_once('=')?;
    let column = Column::ALL.into_iter().find(|column| column.key() == key.trim())?;
    Some((column, name))
}

/// The index from 0 that `#N` means.
pub(super) fn column_number(name: &str) -> Option<usize> {
    name.strip_prefix('#')?.parse::<usize>().ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> Result<ColumnMap, MapError> {
        let mut map = ColumnMap::default();
        map.add(text).map(|()| map)
    }

    #[test]
    fn names_may_have_commas_and_signs() {
        let map = map("nik=No, NIK = KTP, candidate=Paslon (A, B)").unwrap();
        assert_eq!(map.get(Column::Nik), Some("No, NIK = KTP"));
        assert_eq!(map.get(Column::Candidate), Some("Paslon (A, B)"));
    }

    #[test]
    fn what_is_no_mapping_is_refused() {
        for text in ["", "nik", "NIK=x", "name=Nama", "nik=", "nik=...", "nik=#", "nik=-", "status=--"] {
            assert!(matches!(map(text), Err(MapError::Form { .. })), "{text}");
        }
        assert_eq!(map("nik=A,nik=B"), Err(MapError::Twice { key: "nik" }));
        assert!(map("status=-,nik=A").unwrap().excludes(Column::Status));
        assert_eq!(column_number("#1"), Some(0));
        assert_eq!(column_number("#0"), None);
        assert_eq!(column_number("1"), None);
    }

    #[test]
    fn synonyms_are_folded_and_belong_to_one_column() {
        let all: Vec<_> = Column::ALL.iter().flat_map(|column| column.synonyms()).collect();
        for (index, synonym) in all.iter().enumerate() {
            assert_eq!(folded(synonym), **synonym);
            assert!(!all[..index].contains(synonym), "{synonym}");
        }
        for other in ["No", "No KK", "NKK", "Nomor Kartu Keluarga", "Status Perkawinan", "Tanggal Lahir", "Tgl. Lahir"]
        {
            assert!(!all.contains(&&folded(other).as_str()), "{other}");
        }
    }
}
