//! Datasets and their generations.

use ceknik_core::manifest::Id;
use ceknik_core::oprf::OprfPublicKey;
use rusqlite::{ErrorCode, OptionalExtension, Row, Transaction, params};

use super::imports::end_held;
use super::{Store, StoreError};
use crate::dataset::Definition;

/// A dataset and which of its generations are in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetEntry {
    /// Its id.
    pub id: Id,
    /// The generation that is published, or will be first.
    pub current: u32,
    /// One that was begun and is published from some later epoch on. Imports go there.
    pub next: Option<u32>,
}

impl DatasetEntry {
    /// The generation that imports go to.
    pub fn newest(&self) -> u32 {
        self.next.unwrap_or(self.current)
    }
}

/// One generation of a dataset: a salt, a filter seed, an evaluation key, and what is fixed with them.
#[derive(Clone, Debug)]
pub struct Generation {
    pub(crate) key: i64,
    /// Of which dataset.
    pub dataset: Id,
    /// From 1.
    pub number: u32,
    /// Figures and texts.
    pub definition: Definition,
    /// Salt of the stretch.
    pub salt: [u8; 32],
    /// Seed of the filter.
    pub seed: [u8; 32],
    /// Key of the evaluation.
    pub public_key: OprfPublicKey,
}

/// What a generation begins with.
pub(crate) struct NewGeneration<'a> {
    pub(crate) number: u32,
    pub(crate) definition: &'a Definition,
    pub(crate) salt: [u8; 32],
    pub(crate) seed: [u8; 32],
    pub(crate) public_key: &'a OprfPublicKey,
}

impl Store {
    /// All datasets, by id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn datasets(&self) -> Result<Vec<DatasetEntry>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT id, current_generation, next_generation FROM dataset ORDER BY id")?;
        let mut rows = statement.query([])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            entries.push(DatasetEntry { id: id(row, 0)?, current: row.get(1)?, next: row.get(2)? });
        }
        Ok(entries)
    }

    /// One dataset.
    ///
    /// # Errors
    /// [`StoreError::NoDataset`].
    pub fn dataset(&self, dataset: &Id) -> Result<DatasetEntry, StoreError> {
        let known = self.datasets()?;
        let found = known.iter().find(|entry| entry.id == *dataset).cloned();
        found.ok_or_else(|| StoreError::NoDataset {
            id: dataset.clone(),
            known: known.into_iter().map(|entry| entry.id).collect(),
        })
    }

    /// One generation of a dataset.
    ///
    /// # Errors
    /// [`StoreError::NoGeneration`].
    pub fn generation(&self, dataset: &Id, number: u32) -> Result<Generation, StoreError> {
        let sql = "SELECT key, definition, salt, seed, public_key FROM generation WHERE dataset = ?1 AND number = ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![dataset.as_str(), number])?;
        let Some(row) = rows.next()? else {
            return Err(StoreError::NoGeneration { dataset: dataset.clone(), number });
        };
        let definition = row.get_ref(1)?.as_str().ok().and_then(Definition::from_json);
        let public_key = OprfPublicKey::from_bytes(&row.get(4)?);
        Ok(Generation {
            key: row.get(0)?,
            dataset: dataset.clone(),
            number,
            definition: definition.ok_or(StoreError::Damaged { what: "a definition does not parse" })?,
            salt: row.get(2)?,
            seed: row.get(3)?,
            public_key: public_key.map_err(|_| StoreError::Damaged { what: "a public key is none" })?,
        })
    }

    /// The generation that imports go to: the next one if it was begun, else the current one.
    ///
    /// # Errors
    /// [`StoreError::NoDataset`].
    pub fn newest_generation(&self, dataset: &Id) -> Result<Generation, StoreError> {
        let number = self.dataset(dataset)?.newest();
        self.generation(dataset, number)
    }

    /// The generations in use: the current one, then the next one if it was begun.
    ///
    /// # Errors
    /// [`StoreError::NoDataset`].
    pub fn generations_in_use(&self, dataset: &Id) -> Result<Vec<Generation>, StoreError> {
        let entry = self.dataset(dataset)?;
        std::iter::once(entry.current).chain(entry.next).map(|number| self.generation(dataset, number)).collect()
    }

    /// Adds a dataset with its first generation.
    pub(crate) fn insert_dataset(&mut self, first: &NewGeneration<'_>) -> Result<(), StoreError> {
        let dataset = &first.definition.id;
        let transaction = self.begin()?;
        let sql = "INSERT INTO dataset (id, current_generation) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        if transaction.execute(sql, params![dataset.as_str(), first.number])? == 0 {
            return Err(StoreError::DatasetExists { id: dataset.clone() });
        }
        insert_generation(&transaction, first)?;
        Ok(transaction.commit()?)
    }

    /// Adds a generation that is to come, in place of one that was begun before. Where nothing was published yet, it is the
    /// current one at once.
    pub(crate) fn insert_next_generation(&mut self, next: &NewGeneration<'_>) -> Result<(), StoreError> {
        let dataset = next.definition.id.clone();
        self.refuse_open_import(&dataset)?;
        let column = if self.latest_epoch(&dataset)?.is_some() { "next_generation" } else { "current_generation" };
        let transaction = self.begin()?;
        let sql = format!(
            "UPDATE dataset SET {column} = ?2 WHERE id = ?1 AND max(current_generation, coalesce(next_generation, 0)) < ?2"
        );
        if transaction.execute(&sql, params![dataset.as_str(), next.number])? == 0 {
            return Err(StoreError::Damaged { what: "generations are not numbered as they began" });
        }
        end_held(&transaction, &dataset)?;
        insert_generation(&transaction, next)?;
        Ok(transaction.commit()?)
    }

    /// Removes a dataset of which nothing was published, with everything that was imported into it. Gives the numbers of its
    /// generations. What was removed lingers in the write-ahead log until a [`Store::checkpoint`].
    pub(crate) fn delete_dataset(&mut self, dataset: &Id) -> Result<Vec<u32>, StoreError> {
        const OF_GENERATIONS: &str = "generation IN (SELECT key FROM generation WHERE dataset = ?1)";
        let of_imports = format!("import IN (SELECT id FROM import WHERE {OF_GENERATIONS})");
        let transaction = self.begin()?;
        let numbers = transaction
            .prepare("SELECT number FROM generation WHERE dataset = ?1 ORDER BY number")?
            .query_map([dataset.as_str()], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for (table, condition) in [
            ("refused", &*of_imports),
            ("addition_segment", &*of_imports),
            ("import", OF_GENERATIONS),
            ("cells", OF_GENERATIONS),
            ("record", OF_GENERATIONS),
            ("candidate", "dataset = ?1"),
            ("generation", "dataset = ?1"),
            ("dataset", "id = ?1"),
        ] {
            transaction.execute(&format!("DELETE FROM {table} WHERE {condition}"), [dataset.as_str()])?;
        }
        // An epoch would refer to what is gone: the database itself refuses that.
        transaction.commit()?;
        Ok(numbers)
    }

    /// Replaces the definitions of generations of one dataset, all or none.
    pub(crate) fn update_definitions(&mut self, changes: &[(&Generation, &Definition)]) -> Result<(), StoreError> {
        for (generation, _) in changes {
            self.refuse_open_import(&generation.dataset)?;
        }
        let transaction = self.begin()?;
        for (generation, definition) in changes {
            transaction.execute(
                "UPDATE generation SET definition = ?2 WHERE key = ?1",
                params![generation.key, definition_json(definition)?],
            )?;
            number_candidates(&transaction, definition)?;
            end_held(&transaction, &generation.dataset)?;
        }
        Ok(transaction.commit()?)
    }

    /// The store's numbers of a dataset's candidates.
    pub(crate) fn candidate_numbers(&self, dataset: &Id) -> Result<Vec<(Id, u16)>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT id, number FROM candidate WHERE dataset = ?1")?;
        let mut rows = statement.query([dataset.as_str()])?;
        let mut numbers = Vec::new();
        while let Some(row) = rows.next()? {
            numbers.push((id(row, 0)?, row.get(1)?));
        }
        Ok(numbers)
    }

    /// Erases the records and cells of all of a dataset's generations that are neither current nor next: they are published
    /// no more. Salts, seeds and keys stay known, so that none is used again. In transactions of bounded size; interrupted,
    /// it is to be called again. They linger in the write-ahead log until a [`Store::checkpoint`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn erase_unused_generations(&mut self, dataset: &Id) -> Result<(), StoreError> {
        const AT_ONCE: u32 = 8192;
        let unused = "SELECT g.key FROM generation g JOIN dataset d ON d.id = g.dataset
                      WHERE d.id = ?1 AND g.number != d.current_generation AND g.number IS NOT d.next_generation";
        let records = format!(
            "DELETE FROM record WHERE (generation, locator) IN
             (SELECT generation, locator FROM record WHERE generation IN ({unused}) LIMIT ?2)"
        );
        let cells = format!(
            "DELETE FROM cells WHERE (generation, chunk) IN
             (SELECT generation, chunk FROM cells WHERE generation IN ({unused}) LIMIT ?2)"
        );
        for sql in [records, cells] {
            while self.connection.execute(&sql, params![dataset.as_str(), AT_ONCE])? > 0 {}
        }
        Ok(())
    }
}

fn insert_generation(transaction: &Transaction<'_>, new: &NewGeneration<'_>) -> Result<(), StoreError> {
    let inserted = transaction.execute(
        "INSERT INTO generation (dataset, number, definition, salt, seed, public_key) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            new.definition.id.as_str(),
            new.number,
            definition_json(new.definition)?,
            new.salt,
            new.seed,
            new.public_key.to_bytes(),
        ],
    );
    match inserted {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => Err(StoreError::UsedTwice),
        Err(error) => Err(error.into()),
        Ok(_) => number_candidates(transaction, new.definition),
    }
}

/// Gives every candidate that has none a number.
fn number_candidates(transaction: &Transaction<'_>, definition: &Definition) -> Result<(), StoreError> {
    let dataset = definition.id.as_str();
    for candidate in definition.candidates.keys() {
        let known = "SELECT 1 FROM candidate WHERE dataset = ?1 AND id = ?2";
        let known: Option<i64> =
            transaction.query_row(known, [dataset, candidate.as_str()], |row| row.get(0)).optional()?;
        if known.is_some() {
            continue;
        }
        let sql = "SELECT coalesce(max(number) + 1, 0) FROM candidate WHERE dataset = ?1";
        let number: i64 = transaction.query_row(sql, [dataset], |row| row.get(0))?;
        let number = u16::try_from(number).map_err(|_| StoreError::Damaged { what: "too many candidates" })?;
        transaction.execute(
            "INSERT INTO candidate (dataset, number, id) VALUES (?1, ?2, ?3)",
            params![dataset, number, candidate.as_str()],
        )?;
    }
    Ok(())
}

fn definition_json(definition: &Definition) -> Result<String, StoreError> {
    definition.to_json().map_err(|_| StoreError::Damaged { what: "a definition is not encodable" })
}

pub(super) fn id(row: &Row<'_>, column: usize) -> Result<Id, StoreError> {
    let text: String = row.get(column)?;
    Id::new(&text).map_err(|_| StoreError::Damaged { what: "an id is none" })
}
