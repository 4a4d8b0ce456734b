//! Cells of the filter and how many people they were set for.

use ceknik_core::filter::Cell;
use rusqlite::params;

use super::{Batch, Generation, Store, StoreCipher, StoreError};

/// How many people were ever added to a generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// In epochs that were begun.
    pub published: u64,
    /// Since then.
    pub unpublished: u64,
}

impl Members {
    /// A, everyone ever added in the generation.
    pub fn ever(&self) -> u64 {
        self.published + self.unpublished
    }
}

/// How concentrated the unpublished additions are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Concentration {
    /// People added.
    pub additions: u64,
    /// No more than so many of them come from one district. Exact when they were imported in one run; over several runs each
    /// run's largest district counts, whichever that was, because nothing by district is stored.
    pub most_from_one_district: u64,
}

impl Store {
    /// How many people were ever added.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn members(&self, generation: &Generation) -> Result<Members, StoreError> {
        let sql = "SELECT coalesce(sum(count) FILTER (WHERE epoch IS NOT NULL), 0),
                          coalesce(sum(count) FILTER (WHERE epoch IS NULL), 0) FROM cells WHERE generation = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let members = |row: &rusqlite::Row<'_>| Ok(Members { published: row.get(0)?, unpublished: row.get(1)? });
        Ok(statement.query_row([generation.key], members)?)
    }

    /// Gives the cell of everyone ever added, or with `published_only` of those whom an epoch has already, one for each, in
    /// no telling order: people who share a cell come with it each. Without a filter there are none. Memory: one chunk of an
    /// import.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when a chunk does not open, or has not as many cells as people.
    pub fn for_each_cell(
        &self,
        generation: &Generation,
        cipher: &StoreCipher,
        published_only: bool,
        mut each: impl FnMut(Cell),
    ) -> Result<(), StoreError> {
        let sql = "SELECT chunk, count, sealed FROM cells
                   WHERE generation = ?1 AND (epoch IS NOT NULL OR NOT ?2) ORDER BY chunk";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![generation.key, published_only])?;
        while let Some(row) = rows.next()? {
            let (chunk, count): (u64, u64) = (row.get(0)?, row.get(1)?);
            let sealed = row.get_ref(2)?.as_blob().map_err(|_| StoreError::Damaged { what: "a chunk is no blob" })?;
            let cells = cipher.open_cells(&generation.dataset, generation.number, chunk, sealed)?;
            if generation.definition.filter.is_some() && cells.len() as u64 != count {
                return Err(StoreError::Damaged { what: "a chunk has not as many cells as people" });
            }
            cells.into_iter().for_each(&mut each);
        }
        Ok(())
    }

    /// How concentrated the additions are that no epoch has yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn concentration(&self, generation: &Generation) -> Result<Concentration, StoreError> {
        let sql = "SELECT coalesce(sum(additions), 0), coalesce(sum(top_district_additions), 0) FROM addition_segment
                   WHERE epoch IS NULL AND import IN (SELECT id FROM import WHERE generation = ?1)";
        let mut statement = self.connection.prepare_cached(sql)?;
        let read =
            |row: &rusqlite::Row<'_>| Ok(Concentration { additions: row.get(0)?, most_from_one_district: row.get(1)? });
        Ok(statement.query_row([generation.key], read)?)
    }
}

impl Batch<'_> {
    /// Adds the cells of `people` who were added together. Without a filter there are no cells, and people all the same.
    pub(crate) fn add_cells(&self, cipher: &StoreCipher, people: u64, cells: Vec<Cell>) -> Result<(), StoreError> {
        if people == 0 {
            return Ok(());
        }
        let generation = self.generation;
        let sql = "SELECT coalesce(max(chunk) + 1, 0) FROM cells WHERE generation = ?1";
        let chunk: u64 = self.transaction.prepare_cached(sql)?.query_row([generation.key], |row| row.get(0))?;
        let sealed = cipher.seal_cells(&generation.dataset, generation.number, chunk, cells)?;
        let sql = "INSERT INTO cells (generation, chunk, count, sealed) VALUES (?1, ?2, ?3, ?4)";
        self.transaction.prepare_cached(sql)?.execute(params![generation.key, chunk, people, sealed])?;
        Ok(())
    }
}
