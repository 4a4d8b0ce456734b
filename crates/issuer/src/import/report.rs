//! The report of an import: the rows that were refused, by number and reason. No NIK, nothing of a cell.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use thiserror::Error;

use crate::durable::what_to_do;
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

enum Failure {
    Io(std::io::Error),
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// Writes the report whole or not at all, readable by its owner alone. Memory does not grow with it.
pub(super) fn write(store: &Store, import: u64, path: &Path) -> Result<(), ReportError> {
    try_write(store, import, path).map_err(|failure| match failure {
        Failure::Io(source) => ReportError::Io { path: path.to_owned(), source },
        Failure::Store(error) => error.into(),
    })
}

fn try_write(store: &Store, import: u64, path: &Path) -> Result<(), Failure> {
    let temporary = path.with_extension("csv.tmp");
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    let mut out = BufWriter::new(file);
    out.write_all(b"row,column,code,reason\n")?;
    store.for_each_refused(import, |row, column, code, reason| -> Result<(), Failure> {
        Ok(writeln!(out, "{row},{},{code},{}", quoted(column.unwrap_or_default()), quoted(reason))?)
    })?;
    let file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(File::open(directory)?.sync_all()?)
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
