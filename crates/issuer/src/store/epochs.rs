//! Epochs: begun as pending, so that a publication that was killed is finished identically; published when all is in place.

use ceknik_core::manifest::{Id, Manifest, manifest_sha256};
use ceknik_core::time::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

use super::generations::id;
use super::{Generation, Store, StoreError};

/// How far the publication of an epoch has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpochState {
    /// Its manifest is decided, and not everything of it is in place.
    Pending,
    /// Everything is in place.
    Published,
}

/// An epoch in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Of which dataset.
    pub dataset: Id,
    /// From 1.
    pub number: u64,
    /// Number of its generation.
    pub generation: u32,
    /// Whether it is published.
    pub state: EpochState,
    /// The exact manifest bytes.
    pub manifest: Vec<u8>,
    /// Their SHA-256.
    pub sha256: [u8; 32],
    /// As in the manifest.
    pub published_at: Timestamp,
    /// Everyone ever added in the generation.
    pub members: u64,
    /// Cells set by noise; 0 without a filter.
    pub noise: u64,
    /// Sealed records.
    pub records: u64,
    /// Its leaf in the log, from 0.
    pub log_index: u64,
}

/// What an epoch begins with.
#[derive(Clone, Copy, Debug)]
pub struct NewEpoch<'a> {
    /// Of which generation: the current one, or the next, which becomes the current one when the epoch is published.
    pub generation: &'a Generation,
    /// The number after the last epoch's.
    pub number: u64,
    /// The exact manifest bytes.
    pub manifest: &'a [u8],
    /// As in the manifest.
    pub published_at: Timestamp,
    /// Everyone ever added in the generation, all of whom belong to the epoch; or those of the epochs before alone, when
    /// this epoch holds additions back for the next generation.
    pub members: u64,
    /// Cells set by noise; 0 without a filter.
    pub noise: u64,
    /// Sealed records.
    pub records: u64,
    /// Its leaf in the log, from 0.
    pub log_index: u64,
}

const COLUMNS: &str =
    "e.dataset, e.number, g.number, e.state, e.manifest, e.sha256, e.published_at, e.members, e.noise,
    e.records, e.log_index FROM epoch e JOIN generation g ON g.key = e.generation";

impl Store {
    /// The latest epoch of a dataset, pending or published.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn latest_epoch(&self, dataset: &Id) -> Result<Option<Epoch>, StoreError> {
        let sql = format!("SELECT {COLUMNS} WHERE e.dataset = ?1 ORDER BY e.number DESC LIMIT 1");
        one_epoch(self.connection.prepare_cached(&sql)?.query([dataset.as_str()])?)
    }

    /// Whether the dataset's latest epoch announces a generation's key, so that the next one has it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn is_announced(&self, generation: &Generation) -> Result<bool, StoreError> {
        let Some(latest) = self.latest_epoch(&generation.dataset)? else { return Ok(false) };
        let manifest = Manifest::parse(&latest.manifest);
        let manifest = manifest.map_err(|_| StoreError::Damaged { what: "a manifest does not parse" })?;
        Ok(manifest.oprf.next.is_some_and(|next| next.public_key == generation.public_key))
    }

    /// One epoch of a dataset.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn epoch(&self, dataset: &Id, number: u64) -> Result<Option<Epoch>, StoreError> {
        let sql = format!("SELECT {COLUMNS} WHERE e.dataset = ?1 AND e.number = ?2");
        one_epoch(self.connection.prepare_cached(&sql)?.query(params![dataset.as_str(), number])?)
    }

    /// The epoch, of whichever dataset, whose publication was begun and not finished. There is one at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn pending_epoch(&self) -> Result<Option<Epoch>, StoreError> {
        let sql = format!("SELECT {COLUMNS} WHERE e.state = 'pending'");
        one_epoch(self.connection.prepare_cached(&sql)?.query([])?)
    }

    /// How many epochs of all datasets there are, pending ones included: the leaves of the log.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn epoch_count(&self) -> Result<u64, StoreError> {
        Ok(self.connection.query_row("SELECT count(*) FROM epoch", [], |row| row.get(0))?)
    }

    /// Begins an epoch as pending, and in the same transaction makes every person added so far a part of it, unless it holds
    /// additions back. Whatever the epoch needs must be on the disk by now: imports may change the records before it is
    /// finished.
    ///
    /// To begin the pending epoch again with the same manifest changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Epoch`] when its number is not the next, when it exists with another manifest, when another epoch is
    /// pending, when its members are neither everyone ever added nor those published before, or when its leaf of the log is
    /// taken.
    pub fn begin_epoch(&mut self, epoch: &NewEpoch<'_>) -> Result<(), StoreError> {
        let generation = epoch.generation;
        let dataset = &generation.dataset;
        let refuse = |reason| Err(StoreError::Epoch { dataset: dataset.clone(), number: epoch.number, reason });
        let sha256 = manifest_sha256(epoch.manifest);
        if let Some(pending) = self.pending_epoch()? {
            return if pending.dataset == *dataset && pending.number == epoch.number && pending.sha256 == sha256 {
                Ok(())
            } else {
                refuse("another epoch is being published: run `ceknik publish` to finish it first")
            };
        }
        let before = self.latest_epoch(dataset)?;
        if self.epoch(dataset, epoch.number)?.is_some() {
            return refuse("it exists already");
        }
        if epoch.number != before.map_or(1, |before| before.number + 1) {
            return refuse("it is not the next one");
        }
        let members = self.members(generation)?;
        let takes_additions = members.ever() == epoch.members;
        if !takes_additions && members.published != epoch.members {
            return refuse("its members are not everyone ever added");
        }
        if !self.generations_in_use(dataset)?.iter().any(|used| used.key == generation.key) {
            return refuse("its generation is published no more");
        }
        let transaction = self.begin()?;
        let taken: Option<i64> = transaction
            .query_row("SELECT 1 FROM epoch WHERE log_index = ?1", [epoch.log_index], |row| row.get(0))
            .optional()?;
        if taken.is_some() {
            return refuse("its place in the log is taken");
        }
        transaction.execute(
            "INSERT INTO epoch (dataset, number, generation, state, manifest, sha256, published_at, members, noise, records,
             log_index) VALUES (?1, ?2, ?3, 'pending', ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                dataset.as_str(),
                epoch.number,
                generation.key,
                epoch.manifest,
                sha256,
                epoch.published_at.unix(),
                epoch.members,
                epoch.noise,
                epoch.records,
                epoch.log_index,
            ],
        )?;
        if !takes_additions {
            return Ok(transaction.commit()?);
        }
        let cells = "UPDATE cells SET epoch = ?2 WHERE generation = ?1 AND epoch IS NULL";
        transaction.execute(cells, params![generation.key, epoch.number])?;
        let segments = "UPDATE addition_segment SET epoch = ?2
                        WHERE epoch IS NULL AND import IN (SELECT id FROM import WHERE generation = ?1)";
        transaction.execute(segments, params![generation.key, epoch.number])?;
        Ok(transaction.commit()?)
    }

    /// Marks the pending epoch as published. If its generation was the next one, it is the current one from now on, and the
    /// records of the old one can be erased ([`Store::erase_unused_generations`]).
    ///
    /// # Errors
    /// [`StoreError::Epoch`] when the epoch is not there. Finishing it twice changes nothing.
    pub fn finish_epoch(&mut self, dataset: &Id, number: u64) -> Result<(), StoreError> {
        let missing = StoreError::Epoch { dataset: dataset.clone(), number, reason: "it was not begun" };
        let epoch = self.epoch(dataset, number)?.ok_or(missing)?;
        let transaction = self.begin()?;
        transaction.execute(
            "UPDATE epoch SET state = 'published' WHERE dataset = ?1 AND number = ?2",
            params![dataset.as_str(), number],
        )?;
        transaction.execute(
            "UPDATE dataset SET current_generation = next_generation, next_generation = NULL
             WHERE id = ?1 AND next_generation = ?2",
            params![dataset.as_str(), epoch.generation],
        )?;
        Ok(transaction.commit()?)
    }
}

fn one_epoch(mut rows: rusqlite::Rows<'_>) -> Result<Option<Epoch>, StoreError> {
    rows.next()?.map(read_epoch).transpose()
}

fn read_epoch(row: &Row<'_>) -> Result<Epoch, StoreError> {
    let state = match row.get_ref(3)?.as_str().unwrap_or_default() {
        "pending" => EpochState::Pending,
        "published" => EpochState::Published,
        _ => return Err(StoreError::Damaged { what: "an epoch's state is none" }),
    };
    let published_at = Timestamp::from_unix(row.get(6)?);
    Ok(Epoch {
        dataset: id(row, 0)?,
        number: row.get(1)?,
        generation: row.get(2)?,
        state,
        manifest: row.get(4)?,
        sha256: row.get(5)?,
        published_at: published_at.map_err(|_| StoreError::Damaged { what: "an epoch's time is none" })?,
        members: row.get(7)?,
        noise: row.get(8)?,
        records: row.get(9)?,
        log_index: row.get(10)?,
    })
}
