//! Imports: what is needed to go on after an interruption, and to report in the end.

use ceknik_core::manifest::Id;
use ceknik_core::record::Locator;
use rusqlite::{Row, params};

use super::records::locator;
use super::{Batch, Generation, ListTag, Store, StoreError};

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ImportState {
    /// Rows are being read.
    Rows,
    /// All rows are in; supports that the list has not are being withdrawn.
    Snapshot,
    /// The report is to be written.
    Report,
    /// All rows are in; rows were refused or many supports are missing, and nothing is withdrawn unless told.
    Held,
    /// Over.
    Ended,
    /// Ended before all rows were in.
    Abandoned,
}

impl ImportState {
    const ALL: [Self; 6] = [Self::Rows, Self::Snapshot, Self::Report, Self::Held, Self::Ended, Self::Abandoned];

    fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Snapshot => "snapshot",
            Self::Report => "report",
            Self::Held => "held",
            Self::Ended => "ended",
            Self::Abandoned => "abandoned",
        }
    }
}

/// An import as the store has it.
#[derive(Clone)]
pub(crate) struct ImportRow {
    pub(crate) id: u64,
    /// Key of the generation.
    pub(crate) generation: i64,
    pub(crate) state: ImportState,
    /// Which list; none once it has ended.
    pub(crate) list: Option<ListTag>,
    /// What was asked for, as JSON, to be compared.
    pub(crate) options: String,
    pub(crate) rows_done: u64,
    pub(crate) snapshot_after: Option<Locator>,
    /// As JSON.
    pub(crate) counters: String,
}

/// What one run of an import added.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub(crate) import: u64,
    pub(crate) number: u64,
    pub(crate) additions: u64,
    pub(crate) most_from_one_district: u64,
}

const COLUMNS: &str = "i.id, i.state, i.list_mac, i.options, i.rows_done, i.snapshot_after, i.counters, i.generation
    FROM import i JOIN generation g ON g.key = i.generation";

impl Store {
    /// The number of the dataset's import that has not ended, if there is one: its effects so far are stored, and it is to
    /// be finished or abandoned before anything is published of it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open_import(&self, dataset: &Id) -> Result<Option<u64>, StoreError> {
        Ok(self.unfinished_import(dataset)?.filter(|import| import.state != ImportState::Held).map(|import| import.id))
    }

    pub(crate) fn refuse_open_import(&self, dataset: &Id) -> Result<(), StoreError> {
        match self.open_import(dataset)? {
            Some(import) => Err(StoreError::ImportOpen { dataset: dataset.clone(), import }),
            None => Ok(()),
        }
    }

    /// The dataset's import that has not ended, a held one included.
    pub(crate) fn unfinished_import(&self, dataset: &Id) -> Result<Option<ImportRow>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS} WHERE g.dataset = ?1 AND i.list_mac IS NOT NULL ORDER BY i.id DESC LIMIT 1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([dataset.as_str()])?;
        rows.next()?.map(read_import).transpose()
    }

    /// One import.
    pub(crate) fn import(&self, import: u64) -> Result<ImportRow, StoreError> {
        let sql = format!("SELECT {COLUMNS} WHERE i.id = ?1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([import])?;
        rows.next()?.map(read_import).transpose()?.ok_or(StoreError::Damaged { what: "an import is gone" })
    }

    /// The imports into a generation in their order, with their counters, but for those that were abandoned: whoever abandoned one keeps what
    /// it did.
    pub(crate) fn imports_not_abandoned(&self, generation: &Generation) -> Result<Vec<(u64, String)>, StoreError> {
        let sql = "SELECT id, counters FROM import WHERE generation = ?1 AND state != 'abandoned' ORDER BY id";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([generation.key], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The number of the dataset's import that is held back: all its rows are in, and nothing was withdrawn.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn held_import(&self, dataset: &Id) -> Result<Option<u64>, StoreError> {
        Ok(self.unfinished_import(dataset)?.filter(|import| import.state == ImportState::Held).map(|import| import.id))
    }

    /// Begins an import.
    pub(crate) fn begin_import(
        &mut self,
        generation: &Generation,
        list: ListTag,
        options: String,
        counters: String,
    ) -> Result<ImportRow, StoreError> {
        let transaction = self.begin()?;
        let sql = "INSERT INTO import (generation, state, list_mac, options, rows_done, counters)
                   VALUES (?1, 'rows', ?2, ?3, 0, ?4)";
        transaction.execute(sql, params![generation.key, list.expose_bytes(), options, counters])?;
        let id = transaction.last_insert_rowid();
        transaction.commit()?;
        let id = u64::try_from(id).map_err(|_| StoreError::Damaged { what: "an import's number is none" })?;
        Ok(ImportRow {
            id,
            generation: generation.key,
            state: ImportState::Rows,
            list: Some(list),
            options,
            rows_done: 0,
            snapshot_after: None,
            counters,
        })
    }

    /// The number of the next run of an import.
    pub(crate) fn next_segment(&self, import: u64) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(max(segment) + 1, 0) FROM addition_segment WHERE import = ?1";
        Ok(self.connection.query_row(sql, [import], |row| row.get(0))?)
    }

    /// Gives the rows that an import refused, in order: number, name of the column, code, reason.
    pub(crate) fn for_each_refused<E: From<StoreError>>(
        &self,
        import: u64,
        mut each: impl FnMut(u64, Option<&str>, &str, &str) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = "SELECT row, column_name, code, reason FROM refused WHERE import = ?1 ORDER BY row";
        let mut statement = self.connection.prepare_cached(sql).map_err(StoreError::from)?;
        let mut rows = statement.query([import]).map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            let text = |column| row.get_ref(column).map_err(StoreError::from)?.as_str_or_null().map_err(|_| NOT_TEXT);
            let number = row.get(0).map_err(StoreError::from)?;
            each(number, text(1)?, text(2)?.unwrap_or_default(), text(3)?.unwrap_or_default())?;
        }
        Ok(())
    }

    /// Stores how far an import has come.
    pub(crate) fn save_import(&mut self, import: &ImportRow) -> Result<(), StoreError> {
        let transaction = self.begin()?;
        save_import(&transaction, import)?;
        Ok(transaction.commit()?)
    }

    /// Ends an import: what would know its list again and what it refused is removed.
    pub(crate) fn end_import(&mut self, import: &mut ImportRow, state: ImportState) -> Result<(), StoreError> {
        import.state = state;
        import.list = None;
        import.snapshot_after = None;
        let transaction = self.begin()?;
        save_import(&transaction, import)?;
        transaction.execute("DELETE FROM refused WHERE import = ?1", [import.id])?;
        Ok(transaction.commit()?)
    }
}

const NOT_TEXT: StoreError = StoreError::Damaged { what: "a refused row's reason is no text" };

/// Ends a held import of the dataset: what it held back was decided under what changes now.
pub(super) fn end_held(transaction: &rusqlite::Transaction<'_>, dataset: &Id) -> Result<(), StoreError> {
    let held = "SELECT i.id FROM import i JOIN generation g ON g.key = i.generation
                WHERE g.dataset = ?1 AND i.state = 'held'";
    transaction.execute(&format!("DELETE FROM refused WHERE import IN ({held})"), [dataset.as_str()])?;
    let end = format!("UPDATE import SET state = 'ended', list_mac = NULL WHERE id IN ({held})");
    transaction.execute(&end, [dataset.as_str()])?;
    Ok(())
}

impl Batch<'_> {
    pub(crate) fn save_import(&self, import: &ImportRow) -> Result<(), StoreError> {
        save_import(&self.transaction, import)
    }

    pub(crate) fn save_segment(&self, segment: &Segment) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO addition_segment (import, segment, additions, top_district_additions) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT DO UPDATE SET additions = excluded.additions,
                   top_district_additions = excluded.top_district_additions";
        let Segment { import, number, additions, most_from_one_district } = *segment;
        self.transaction.prepare_cached(sql)?.execute(params![import, number, additions, most_from_one_district])?;
        Ok(())
    }

    pub(crate) fn refuse(
        &self,
        import: u64,
        row: u64,
        column: Option<&str>,
        code: &str,
        reason: &str,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO refused (import, row, column_name, code, reason) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.transaction.prepare_cached(sql)?.execute(params![import, row, column, code, reason])?;
        Ok(())
    }
}

fn save_import(transaction: &rusqlite::Transaction<'_>, import: &ImportRow) -> Result<(), StoreError> {
    let sql =
        "UPDATE import SET state = ?2, list_mac = ?3, rows_done = ?4, snapshot_after = ?5, counters = ?6 WHERE id = ?1";
    transaction.prepare_cached(sql)?.execute(params![
        import.id,
        import.state.name(),
        import.list.as_ref().map(ListTag::expose_bytes),
        import.rows_done,
        import.snapshot_after.as_ref().map(Locator::expose_bytes),
        import.counters,
    ])?;
    Ok(())
}

fn read_import(row: &Row<'_>) -> Result<ImportRow, StoreError> {
    let name = row.get_ref(1)?.as_str().unwrap_or_default();
    let state = ImportState::ALL.into_iter().find(|state| state.name() == name);
    let after: Option<Vec<u8>> = row.get(5)?;
    Ok(ImportRow {
        id: row.get(0)?,
        generation: row.get(7)?,
        state: state.ok_or(StoreError::Damaged { what: "an import's state is none" })?,
        list: row.get::<_, Option<[u8; 32]>>(2)?.map(ListTag::from_bytes),
        options: row.get(3)?,
        rows_done: row.get(4)?,
        snapshot_after: after.map(|_| locator(row, 5)).transpose()?,
        counters: row.get(6)?,
    })
}
