//! What can go wrong with the store, and what to do then.

use std::path::PathBuf;

use ceknik_core::manifest::Id;
use rusqlite::ErrorCode;
use rusqlite::ffi::{SQLITE_IOERR_FSYNC, SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_TRUNCATE, SQLITE_IOERR_WRITE};
use thiserror::Error;

use super::schema::SCHEMA_VERSION;

/// Why the store cannot do what it was asked. Whatever it says, what was stored before is untouched: every change is one
/// transaction.
#[derive(Debug, Error)]
pub enum StoreError {
    /// No file.
    #[error("there is no record store at {}: put it back from a copy, or name the right home with --home; `ceknik keygen` makes a new home", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A file where a new store should go.
    #[error("{} exists already and is left as it is", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// Not SQLite, or another program's.
    #[error("{} is no record store of ceknik: put it back from a copy, or name the right home with --home", path.display())]
    NotOurs {
        /// Which file.
        path: PathBuf,
    },
    /// A store that another version of this program wrote.
    #[error(
        "the record store {} is of version {found}, and this program reads version {SCHEMA_VERSION}: use the version of \
         ceknik that wrote it",
        path.display()
    )]
    Version {
        /// Which file.
        path: PathBuf,
        /// What it says.
        found: i32,
    },
    /// Files or directory cannot be written.
    #[error("the record store cannot be written: give this user write permission to store.sqlite and its directory")]
    ReadOnly,
    /// The file cannot be opened.
    #[error("the record store {} cannot be opened: {reason}", path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// No space left.
    #[error(
        "the disk is full: nothing that was stored is lost and nothing is half done; free some space and run the same \
         command again"
    )]
    DiskFull,
    /// There is space, and writing failed all the same.
    #[error(
        "the record store cannot be written: the system's limits allow no more (a quota, or `ulimit -f`), or the disk has a \
         fault. Nothing that was stored is lost and nothing is half done; remedy that and run the same command again"
    )]
    NotWritten,
    /// Another program holds the file.
    #[error("another program has the record store locked: close it and run the same command again")]
    Busy,
    /// The store key belongs to another store.
    #[error("the store key does not belong to this record store: use the keys/store.key that was made with it")]
    WrongKey,
    /// Content that cannot be as it is.
    #[error("the record store is damaged ({what}): restore it from a copy, with the keys that belong to it")]
    Damaged {
        /// What was found.
        what: &'static str,
    },
    /// No such dataset.
    #[error(
        "there is no dataset {id} here; {}",
        if known.is_empty() { "`ceknik dataset create FILE.toml` makes one".to_owned() } else { format!("there are: {}", join(known)) }
    )]
    NoDataset {
        /// As asked for.
        id: Id,
        /// What there is.
        known: Vec<Id>,
    },
    /// A dataset of that id is there.
    #[error(
        "there is a dataset {id} already: `ceknik dataset update` changes it, `ceknik dataset new-generation` begins it anew"
    )]
    DatasetExists {
        /// Which.
        id: Id,
    },
    /// No such generation, or its records were erased.
    #[error("dataset {dataset} has no generation {number}")]
    NoGeneration {
        /// Of which dataset.
        dataset: Id,
        /// As asked for.
        number: u32,
    },
    /// A salt, seed or key that some generation has already.
    #[error("a salt, filter seed or evaluation key would be used twice: nothing was created")]
    UsedTwice,
    /// An import that has not ended stands in the way.
    #[error(
        "import {import} of dataset {dataset} has not ended: run the same `ceknik import` again to finish it, or \
         `ceknik import {dataset} --abandon` to end it as it stands"
    )]
    ImportOpen {
        /// Of which dataset.
        dataset: Id,
        /// Which.
        import: u64,
    },
    /// The epoch exists with other content, or is not the next one.
    #[error("epoch {number} of dataset {dataset} cannot be begun: {reason}")]
    Epoch {
        /// Of which dataset.
        dataset: Id,
        /// As asked for.
        number: u64,
        /// What stands in the way.
        reason: &'static str,
    },
    /// Whatever else SQLite reports. Its messages name tables and columns, never values.
    #[error("the record store: {0}")]
    Sqlite(rusqlite::Error),
}

fn join(ids: &[Id]) -> String {
    ids.iter().map(Id::as_str).collect::<Vec<_>>().join(", ")
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            // The shared memory beside the file could not grow.
            Some(_) if error.sqlite_extended_error_code() == Some(SQLITE_IOERR_SHMSIZE) => Self::DiskFull,
            Some(ErrorCode::SystemIoFailure)
                if [SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC, SQLITE_IOERR_TRUNCATE]
                    .contains(&error.sqlite_extended_error_code().unwrap_or_default()) =>
            {
                Self::NotWritten
            }
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged { what: "SQLite cannot read it" }
            }
            _ => match error {
                rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::InvalidColumnType(..) => Self::Damaged { what: "a column of another type" },
                error => Self::Sqlite(error),
            },
        }
    }
}
