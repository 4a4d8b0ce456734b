//! The tables, and what every connection is set to.

use rusqlite::Connection;

use super::StoreError;

/// Marks an SQLite file as a record store: `ceNK`.
pub(super) const APPLICATION_ID: i32 = 0x6365_4e4b;
/// Version of the tables. There is no other yet, so there is nothing to migrate.
pub(super) const SCHEMA_VERSION: i32 = 1;
/// Memory that SQLite keeps pages in, in KiB. A small list fills it too, so that memory does not grow with the list.
const CACHE_KIB: i64 = 16_384;
/// How long a connection waits for another program that looks into the file, in milliseconds.
const BUSY_MS: u64 = 5_000;

/// Nothing nearer to a NIK than a locator stands in clear, and no table tells in which order rows came: `record` is ordered
/// by locator. `detail`, `cells.sealed` are encrypted under the store key, `list_mac` is keyed by it.
pub(super) const TABLES: &str = "
    CREATE TABLE store (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        key_check BLOB NOT NULL
    ) STRICT;

    CREATE TABLE dataset (
        id TEXT PRIMARY KEY,
        current_generation INTEGER NOT NULL,
        next_generation INTEGER
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE generation (
        key INTEGER PRIMARY KEY AUTOINCREMENT,
        dataset TEXT NOT NULL REFERENCES dataset (id),
        number INTEGER NOT NULL,
        definition TEXT NOT NULL,
        salt BLOB NOT NULL UNIQUE,
        seed BLOB NOT NULL UNIQUE,
        public_key BLOB NOT NULL UNIQUE,
        UNIQUE (dataset, number)
    ) STRICT;

    -- Candidates by number, because numbers are of one length under encryption and ids are not.
    CREATE TABLE candidate (
        dataset TEXT NOT NULL REFERENCES dataset (id),
        number INTEGER NOT NULL,
        id TEXT NOT NULL,
        PRIMARY KEY (dataset, number),
        UNIQUE (dataset, id)
    ) STRICT, WITHOUT ROWID;

    -- sealed is NULL for a record that was withdrawn: its locator stays, so that adding it again is no addition.
    CREATE TABLE record (
        generation INTEGER NOT NULL REFERENCES generation (key),
        locator BLOB NOT NULL,
        sealed BLOB,
        detail BLOB,
        PRIMARY KEY (generation, locator),
        CHECK ((sealed IS NULL) = (detail IS NULL))
    ) STRICT, WITHOUT ROWID;

    -- The cells of people added, by chunk of an import, sorted, not linked to records. epoch is NULL until it is published.
    CREATE TABLE cells (
        generation INTEGER NOT NULL REFERENCES generation (key),
        chunk INTEGER NOT NULL,
        epoch INTEGER,
        count INTEGER NOT NULL,
        sealed BLOB NOT NULL,
        PRIMARY KEY (generation, chunk)
    ) STRICT, WITHOUT ROWID;

    -- AUTOINCREMENT: details name imports, whose numbers are therefore never given out again.
    CREATE TABLE import (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        generation INTEGER NOT NULL REFERENCES generation (key),
        state TEXT NOT NULL CHECK (state IN ('rows', 'snapshot', 'report', 'held', 'ended', 'abandoned')),
        list_mac BLOB,
        options TEXT NOT NULL,
        rows_done INTEGER NOT NULL,
        snapshot_after BLOB,
        counters TEXT NOT NULL,
        CHECK ((list_mac IS NULL) = (state IN ('ended', 'abandoned')))
    ) STRICT;

    -- Column and reason as the report shows them: names of the header and fixed words, nothing of a cell.
    CREATE TABLE refused (
        import INTEGER NOT NULL REFERENCES import (id),
        row INTEGER NOT NULL,
        column_name TEXT,
        code TEXT NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (import, row)
    ) STRICT, WITHOUT ROWID;

    -- How concentrated additions are, by run of an import: the district itself is never stored.
    CREATE TABLE addition_segment (
        import INTEGER NOT NULL REFERENCES import (id),
        segment INTEGER NOT NULL,
        epoch INTEGER,
        additions INTEGER NOT NULL,
        top_district_additions INTEGER NOT NULL,
        PRIMARY KEY (import, segment)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE epoch (
        dataset TEXT NOT NULL REFERENCES dataset (id),
        number INTEGER NOT NULL,
        generation INTEGER NOT NULL REFERENCES generation (key),
        state TEXT NOT NULL CHECK (state IN ('pending', 'published')),
        manifest BLOB NOT NULL,
        sha256 BLOB NOT NULL,
        published_at INTEGER NOT NULL,
        members INTEGER NOT NULL,
        noise INTEGER NOT NULL,
        records INTEGER NOT NULL,
        log_index INTEGER NOT NULL UNIQUE,
        PRIMARY KEY (dataset, number)
    ) STRICT, WITHOUT ROWID;

    -- One publication at a time in the whole store.
    CREATE UNIQUE INDEX one_pending_epoch ON epoch (state) WHERE state = 'pending';
";

/// Settings of a connection, some of which a file does not keep.
///
/// `secure_delete` overwrites what is removed, `temp_store` keeps sorting out of files, `synchronous = FULL` makes every
/// commit outlive a power cut.
pub(super) fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_MS))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}
