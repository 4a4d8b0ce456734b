//! The record store: one SQLite file in the publisher's home, for all datasets.
//!
//! It holds locators and sealed records, and apart from them, not linked to any record, the cells of the filter, encrypted
//! under the store key. Nothing else in it is derived from a NIK; in particular there is no index of fast hashes by which
//! rows would be known again, since that would undo the stretch. What a thief of the file learns is argued in
//! `docs/threat-model.md`.
//!
//! Every change is one transaction, synced to the disk before it counts. Whoever writes holds the home's lock
//! ([`Home::lock`](crate::Home::lock)).

mod cells;
mod cipher;
mod detail;
mod epochs;
mod error;
mod generations;
mod imports;
mod records;
mod schema;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ceknik_core::key_file::StoreKey;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use crate::durable;
use schema::{APPLICATION_ID, SCHEMA_VERSION};

pub use cells::{Concentration, Members};
pub use cipher::StoreCipher;
pub use epochs::{Epoch, EpochState, NewEpoch};
pub use error::StoreError;
pub use generations::{DatasetEntry, Generation};
pub use records::RecordCounts;

pub(crate) use cipher::ListTag;
#[doc(hidden)]
pub use detail::rewrite_detail;
pub(crate) use detail::{Detail, Remainder, Seen, variant_has, variant_numbers};
pub(crate) use generations::NewGeneration;
pub(crate) use imports::{ImportRow, ImportState, Segment};
pub(crate) use records::{Batch, Stored};

/// An open record store.
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Store {
    /// Makes an empty store, readable by its owner alone, that belongs to `store_key`.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when there is a file; others when the disk does not let it.
    pub fn create(path: &Path, store_key: &StoreKey) -> Result<Self, StoreError> {
        let opening = |error: std::io::Error| StoreError::Open { path: path.to_owned(), reason: error.to_string() };
        if path.try_exists().map_err(opening)? {
            return Err(StoreError::Exists { path: path.to_owned() });
        }
        // Made under another name, so that an interrupted creation leaves no store rather than half of one.
        let unfinished = path.with_extension("new");
        match std::fs::remove_file(&unfinished) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(opening(error)),
            _ => {}
        }
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished).map_err(opening)?;
        Self::fill(&unfinished, store_key)?;
        durable::rename_file(&unfinished, path).map_err(|error| opening(error.source))?;
        Self::open(path)
    }

    /// Writes an empty store into an empty file.
    fn fill(path: &Path, store_key: &StoreKey) -> Result<(), StoreError> {
        let mut connection = connect(path)?;
        schema::configure(&connection)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(schema::TABLES)?;
        transaction.execute("INSERT INTO store (one, key_check) VALUES (1, ?1)", [cipher::key_check(store_key)])?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.commit()?;
        // Closing brings the log into the file and removes it.
        connection.close().map_err(|(_, error)| error.into())
    }

    /// Opens a store.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::NotOurs`], [`StoreError::Version`], [`StoreError::ReadOnly`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing { path: path.to_owned() });
        }
        let not_ours = || StoreError::NotOurs { path: path.to_owned() };
        let connection = connect(path)?;
        let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        let application = number("application_id").map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => not_ours(),
            _ => error.into(),
        })?;
        if application != APPLICATION_ID {
            return Err(not_ours());
        }
        let found = number("user_version")?;
        if found != SCHEMA_VERSION {
            return Err(StoreError::Version { path: path.to_owned(), found });
        }
        if connection.is_readonly(rusqlite::MAIN_DB)? {
            return Err(StoreError::ReadOnly);
        }
        schema::configure(&connection)?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// What encrypts under the store key.
    ///
    /// # Errors
    /// [`StoreError::WrongKey`] when the key belongs to another store.
    pub fn cipher(&self, store_key: &StoreKey) -> Result<StoreCipher, StoreError> {
        let check: Vec<u8> = self.connection.query_row("SELECT key_check FROM store", [], |row| row.get(0)).map_err(
            |error| match error {
                rusqlite::Error::QueryReturnedNoRows => StoreError::Damaged { what: "it names no key" },
                error => error.into(),
            },
        )?;
        StoreCipher::new(store_key, &check)
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Brings everything from the write-ahead log into the file and empties the log, so that what was removed does not
    /// linger there. To be called at the end of an operation.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when another program reads the file just now.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        let busy: i64 = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy == 0 { Ok(()) } else { Err(StoreError::Busy) }
    }

    /// [`Store::checkpoint`] after what was asked is done for good: to fail now would have it done again. Gives what is left
    /// for the next command, and why.
    pub(crate) fn checkpoint_or_tell(&self) -> Option<String> {
        let why = match self.checkpoint() {
            Ok(()) => return None,
            Err(StoreError::Busy) => "another program reads the record store",
            Err(_) => "the disk is full or has a fault",
        };
        Some(format!("{why}, so that what was removed lingers in store.sqlite-wal: the next command empties it"))
    }

    /// Leaves room for so many pages more, as a disk does that is nearly full; SQLite reports both alike.
    #[cfg(test)]
    pub(crate) fn leave_room(&self, pages: i64) -> Result<(), StoreError> {
        let used: i64 = self.connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        Ok(self.connection.pragma_update(None, "max_page_count", used + pages)?)
    }

    fn begin(&mut self) -> Result<Transaction<'_>, StoreError> {
        Ok(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
    }
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    // Not SQLITE_OPEN_URI: a path is a path. Not SQLITE_OPEN_CREATE: a store is made by `Store::create` alone.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
    Connection::open_with_flags(path, flags)
        .map_err(|error| StoreError::Open { path: path.to_owned(), reason: error.to_string() })
}

#[cfg(test)]
mod tests;
