//! Records by locator.

use ceknik_core::record::{LOCATOR_BYTES, Locator};
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::{Generation, Store, StoreError};

/// How many records there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordCounts {
    /// Records that the next epoch would have.
    pub live: u64,
    /// Locators of records that were withdrawn.
    pub withdrawn: u64,
}

/// What is stored under a locator.
pub(crate) enum Stored {
    /// Nothing ever was.
    Absent,
    /// A record that was withdrawn.
    Withdrawn,
    /// A record and its encrypted detail.
    Record { sealed: Vec<u8>, detail: Vec<u8> },
}

impl Store {
    /// Gives every live record of a generation, in ascending order of locator: `locator`, `sealed` of payload_bytes + 16
    /// bytes. Says how many there were. Memory does not grow with the list.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], or the first error of `each`.
    pub fn for_each_record<E: From<StoreError>>(
        &self,
        generation: &Generation,
        mut each: impl FnMut(Locator, &[u8]) -> Result<(), E>,
    ) -> Result<u64, E> {
        let sealed_bytes = generation.sealed_bytes();
        let sql = "SELECT locator, sealed FROM record WHERE generation = ?1 AND sealed IS NOT NULL ORDER BY locator";
        let mut statement = self.connection.prepare_cached(sql).map_err(StoreError::from)?;
        let mut rows = statement.query([generation.key]).map_err(StoreError::from)?;
        let mut count = 0;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            let locator = locator(row, 0)?;
            let sealed = row.get_ref(1).map_err(StoreError::from)?.as_blob().unwrap_or_default();
            if sealed.len() != sealed_bytes {
                return Err(StoreError::Damaged { what: "a sealed record is of another length" }.into());
            }
            each(locator, sealed)?;
            count += 1;
        }
        Ok(count)
    }

    /// How many records there are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn record_counts(&self, generation: &Generation) -> Result<RecordCounts, StoreError> {
        let sql = "SELECT count(sealed), count(*) - count(sealed) FROM record WHERE generation = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let counts = |row: &Row<'_>| Ok(RecordCounts { live: row.get(0)?, withdrawn: row.get(1)? });
        Ok(statement.query_row([generation.key], counts)?)
    }

    /// Begins a transaction on a generation's records.
    pub(crate) fn batch<'a>(&'a mut self, generation: &'a Generation) -> Result<Batch<'a>, StoreError> {
        Ok(Batch { transaction: self.begin()?, generation })
    }
}

impl Generation {
    /// Bytes of a sealed record.
    pub(crate) fn sealed_bytes(&self) -> usize {
        self.definition.payload_bytes as usize + ceknik_core::record::TAG_BYTES
    }
}

/// Changes of one generation that are stored together or not at all: dropped without [`Batch::commit`], they are undone.
pub(crate) struct Batch<'a> {
    pub(super) transaction: Transaction<'a>,
    pub(super) generation: &'a Generation,
}

impl Batch<'_> {
    pub(crate) fn record(&self, locator: &Locator) -> Result<Stored, StoreError> {
        let sql = "SELECT sealed, detail FROM record WHERE generation = ?1 AND locator = ?2";
        let row = self
            .transaction
            .prepare_cached(sql)?
            .query_row(params![self.generation.key, locator.expose_bytes()], |row| {
                Ok((row.get::<_, Option<Vec<u8>>>(0)?, row.get::<_, Option<Vec<u8>>>(1)?))
            })
            .optional()?;
        Ok(match row {
            None => Stored::Absent,
            Some((Some(sealed), Some(detail))) => Stored::Record { sealed, detail },
            Some(_) => Stored::Withdrawn,
        })
    }

    pub(crate) fn put(&self, locator: &Locator, sealed: &[u8], detail: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT INTO record (generation, locator, sealed, detail) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT DO UPDATE SET sealed = excluded.sealed, detail = excluded.detail";
        let mut statement = self.transaction.prepare_cached(sql)?;
        statement.execute(params![self.generation.key, locator.expose_bytes(), sealed, detail])?;
        Ok(())
    }

    /// Removes the record. Its locator stays.
    pub(crate) fn withdraw(&self, locator: &Locator) -> Result<(), StoreError> {
        let sql = "UPDATE record SET sealed = NULL, detail = NULL WHERE generation = ?1 AND locator = ?2";
        self.transaction.prepare_cached(sql)?.execute(params![self.generation.key, locator.expose_bytes()])?;
        Ok(())
    }

    /// Up to `most` live records after a locator, with their encrypted details, in order.
    pub(crate) fn details_after(
        &self,
        after: Option<&Locator>,
        most: u32,
    ) -> Result<Vec<(Locator, Vec<u8>)>, StoreError> {
        let sql = "SELECT locator, detail FROM record
                   WHERE generation = ?1 AND locator > ?2 AND detail IS NOT NULL ORDER BY locator LIMIT ?3";
        let mut statement = self.transaction.prepare_cached(sql)?;
        // The empty blob is below every locator.
        let after = after.map_or(&[][..], |after| after.expose_bytes());
        let mut rows = statement.query(params![self.generation.key, after, most])?;
        let mut details = Vec::new();
        while let Some(row) = rows.next()? {
            details.push((locator(row, 0)?, row.get(1)?));
        }
        Ok(details)
    }

    pub(crate) fn commit(self) -> Result<(), StoreError> {
        Ok(self.transaction.commit()?)
    }
}

pub(super) fn locator(row: &Row<'_>, column: usize) -> Result<Locator, StoreError> {
    let bytes: [u8; LOCATOR_BYTES] = row.get(column)?;
    Ok(Locator::from_bytes(bytes))
}
