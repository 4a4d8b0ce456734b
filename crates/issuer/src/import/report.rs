//! The report of an import: the rows that were refused, by number and reason. No NIK, nothing of a cell.

use std::io::Write;
use std::path::Path;

use thiserror::Error;

use crate::durable::{FileError, what_to_do, write_atomic_0600};
use crate::store::{Store, StoreError};

/// Why a report cannot be written. It is written when the same command is run again.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The file cannot be written.
    #[error("the report {} cannot be written: {source}{}", path.display(), what_to_do(source))]
    Io {
        /// Where.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What was refused cannot be read from the store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<FileError> for ReportError {
    fn from(FileError { path, source, .. }: FileError) -> Self {
        Self::Io { path, source }
    }
}

/// Writes the report whole or not at all, readable by its owner alone. Memory does not grow with it.
pub(super) fn write(store: &Store, import: u64, path: &Path) -> Result<(), ReportError> {
    let failed = |source| ReportError::Io { path: path.to_owned(), source };
    let written = write_atomic_0600(path, |out| {
        out.write_all(b"row,column,code,reason\n").map_err(failed)?;
        store.for_each_refused(import, |row, column, code, reason| {
            writeln!(out, "{row},{},{code},{}", quoted(column.unwrap_or_default()), quoted(reason)).map_err(failed)
        })
    });
    written.map_err(|error| match error {
        // Not that of the file under its temporary name.
        ReportError::Io { source, .. } => failed(source),
        error => error,
    })
}

/// A cell of CSV (RFC 4180). One that a spreadsheet would take for a formula is marked as text.
fn quoted(text: &str) -> String {
    let mark = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{mark}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted() {
        assert_eq!(quoted("No. \"NIK\", lama"), "\"No. \"\"NIK\"\", lama\"");
        assert_eq!(quoted("=1+1"), "\"'=1+1\"");
        assert_eq!(quoted(""), "\"\"");
    }
}
