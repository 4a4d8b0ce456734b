//! The rows of a list into the store: stretched on all cores, applied in the order of the list, committed in chunks.

use std::collections::HashMap;
use std::io::{Read, Seek};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ceknik_core::record::{Locator, Support};
use ceknik_core::{District, NikWarnings, StretchError};

use super::counters::ImportCounters;
use super::merge::{Sealing, Unfit};
use super::observer::{ImportPhase, Meter};
use super::pipeline::{self, Next, Results};
use super::snapshot::HeldImport;
use super::{ImportError, Importer, encode_counters};
use crate::locate::{self, Finder, Place};
use crate::rows::{ReadError, RefusedRow, Row, RowReader, SupportRow};
use crate::store::{Batch, Detail, Generation, ImportRow, Seen, Segment, StoreCipher, StoreError, Stored};

/// How long a chunk is filled before it is committed: what an interruption can lose.
const CHUNK_TIME: Duration = Duration::from_secs(2);
/// Rows at which a chunk is committed before that.
const CHUNK_ROWS: u64 = 8192;

/// A row whose place was found.
struct LocatedRow {
    row: u64,
    place: Place,
    /// Counted in memory, never stored.
    district: District,
    warnings: NikWarnings,
    candidate: Arc<str>,
    status: Arc<str>,
    submitted: Option<String>,
}

enum Outcome {
    Located(LocatedRow),
    Refused(RefusedRow),
    Unread(ReadError),
}

impl Importer<'_> {
    /// Imports the rows that are left of a list. `import` and `counters` are what was stored, and again in the end.
    pub(super) fn import_rows<R: Read + Seek + Send>(
        &mut self,
        reader: &mut RowReader<R>,
        import: &mut ImportRow,
        counters: &mut ImportCounters,
    ) -> Result<(), ImportError> {
        let total = reader.scanned().rows;
        if reader.skip_rows(import.rows_done)? != import.rows_done {
            return Err(StoreError::Damaged { what: "an import has more rows than its list" }.into());
        }
        let (generation, key, observer) = (self.generation, self.key, self.observer);
        let finders = (0..locate::threads(self.options.threads)).map(|_| Finder::new(generation, key));
        let finders = finders.collect::<Result<Vec<_>, _>>()?;
        let workers = finders.into_iter().map(|mut finder| {
            move |rows: Vec<Result<Row, ReadError>>| {
                observer.phase(ImportPhase::Stretch);
                rows.into_iter().map(|row| locate(&mut finder, row)).collect::<Result<Vec<_>, _>>()
            }
        });
        let niks = locate::niks_a_job(generation);
        let jobs = std::iter::from_fn(|| {
            let rows: Vec<_> = reader.by_ref().take(niks).collect();
            (!rows.is_empty()).then_some(rows)
        });
        let mut writer = Writer {
            generation,
            cipher: self.cipher,
            candidates: self.candidates.clone(),
            keep_withdrawn: self.options.keep_withdrawn,
            held: self.held_for_missing(import.id)?,
            segment: Segment {
                import: import.id,
                number: self.store.next_segment(import.id)?,
                additions: 0,
                most_from_one_district: 0,
            },
            districts: HashMap::new(),
            import,
            counters,
        };
        let chunk_rows = self.options.chunk_rows.map_or(CHUNK_ROWS, NonZeroU64::get);
        let mut meter = Meter::new(observer, ImportPhase::Apply, writer.import.rows_done, total);
        let store = &mut *self.store;
        pipeline::ordered(jobs, workers.collect(), locate::jobs_under_way(niks), |results| {
            while let Some(first) = next(results, None)? {
                let mut chunk = Chunk::new(store.batch(generation)?);
                let deadline = Instant::now() + CHUNK_TIME;
                let mut rows = Some(first);
                while let Some(batch) = rows {
                    observer.phase(ImportPhase::Apply);
                    for row in batch? {
                        writer.apply(&mut chunk, row)?;
                    }
                    meter.tell(writer.import.rows_done);
                    let full = chunk.rows >= chunk_rows || Instant::now() >= deadline;
                    rows = if full { None } else { next(results, Some(deadline))? };
                }
                observer.phase(ImportPhase::Commit);
                writer.commit(chunk)?;
            }
            Ok(())
        })
    }
}

type Located = Result<Vec<Outcome>, StretchError>;

/// The next rows in order; none at the end of the list, or of the time.
fn next(results: &mut Results<Located>, deadline: Option<Instant>) -> Result<Option<Located>, ImportError> {
    let next = match deadline {
        Some(deadline) => results.next_until(deadline),
        None => results.next(),
    };
    match next {
        Next::Result(rows) => Ok(Some(rows)),
        Next::NotYet | Next::End => Ok(None),
        Next::Lost => Err(ImportError::Worker),
    }
}

fn locate(finder: &mut Finder<'_>, row: Result<Row, ReadError>) -> Result<Outcome, StretchError> {
    Ok(match row {
        Ok(Row::Support(SupportRow { row, nik, candidate, status, submitted })) => Outcome::Located(LocatedRow {
            row,
            place: finder.find(&nik)?,
            district: nik.district(),
            warnings: nik.warnings(),
            candidate,
            status,
            submitted,
        }),
        Ok(Row::Refused(refused)) => Outcome::Refused(refused),
        Err(error) => Outcome::Unread(error),
    })
}

/// What is committed together.
struct Chunk<'a> {
    batch: Batch<'a>,
    rows: u64,
    people: u64,
    cells: Vec<ceknik_core::filter::Cell>,
}

impl<'a> Chunk<'a> {
    fn new(batch: Batch<'a>) -> Self {
        Self { batch, rows: 0, people: 0, cells: Vec::new() }
    }
}

/// Applies rows one after another.
struct Writer<'a> {
    generation: &'a Generation,
    cipher: &'a StoreCipher,
    candidates: HashMap<Arc<str>, u16>,
    keep_withdrawn: bool,
    held: Vec<HeldImport>,
    import: &'a mut ImportRow,
    counters: &'a mut ImportCounters,
    segment: Segment,
    districts: HashMap<District, u64>,
}

impl Writer<'_> {
    fn apply(&mut self, chunk: &mut Chunk<'_>, outcome: Outcome) -> Result<(), ImportError> {
        match outcome {
            Outcome::Located(row) => self.apply_support(chunk, row)?,
            Outcome::Refused(refused) => {
                let RefusedRow { row, column, reason } = refused;
                self.refuse(chunk, row, column.as_deref(), reason.code(), &reason.to_string())?;
            }
            Outcome::Unread(error) => return Err(error.into()),
        }
        chunk.rows += 1;
        self.import.rows_done += 1;
        Ok(())
    }

    fn refuse(
        &mut self,
        chunk: &Chunk<'_>,
        row: u64,
        column: Option<&str>,
        code: &str,
        reason: &str,
    ) -> Result<(), StoreError> {
        self.counters.refuse(code);
        chunk.batch.refuse(self.import.id, row, column, code, reason)
    }

    fn apply_support(&mut self, chunk: &mut Chunk<'_>, row: LocatedRow) -> Result<(), ImportError> {
        let LocatedRow {
            row,
            place: Place { locator, seal_key, cell },
            district,
            warnings,
            candidate,
            status,
            submitted,
        } = row;
        let Some(&number) = self.candidates.get(&candidate) else {
            return Err(StoreError::Damaged { what: "a candidate has no number" }.into());
        };
        let stored = chunk.batch.record(&locator)?;
        let (known, withdrawn) = (!matches!(stored, Stored::Absent), matches!(stored, Stored::Withdrawn));
        if withdrawn && self.keep_withdrawn {
            return Ok(self.refuse(chunk, row, None, Unfit::Withdrawn.code(), &Unfit::Withdrawn.to_string())?);
        }
        let stored = match stored {
            Stored::Absent | Stored::Withdrawn => None,
            Stored::Record { sealed, detail } => Some((sealed, self.open(&locator, &detail)?)),
        };
        let support = Support { candidate: candidate.to_string(), status: status.to_string(), submitted };
        let sealing = Sealing {
            dataset: &self.generation.dataset,
            payload_bytes: self.generation.definition.payload_bytes,
            key: &seal_key,
        };
        let merged = sealing.merge(stored, support, Seen { candidate: number, import: self.import.id })?;
        let merged = match merged {
            Ok(merged) => merged,
            Err(unfit) => return Ok(self.refuse(chunk, row, None, unfit.code(), &unfit.to_string())?),
        };
        let Generation { dataset, number: generation, .. } = self.generation;
        let detail = self.cipher.seal_detail(dataset, *generation, &locator, &merged.detail.encode())?;
        chunk.batch.put(&locator, &merged.sealed, &detail)?;
        let of_held = merged.last_seen.is_some_and(|import| self.held.iter().any(|held| held.import == import));
        self.counters.accept(merged.effect, number, of_held, warnings);
        if !known {
            self.counters.people_added += 1;
            chunk.people += 1;
            chunk.cells.extend(cell);
            self.segment.additions += 1;
            let here = self.districts.entry(district).or_default();
            *here += 1;
            self.segment.most_from_one_district = self.segment.most_from_one_district.max(*here);
        } else if withdrawn {
            self.counters.people_returned += 1;
        }
        Ok(())
    }

    fn open(&self, locator: &Locator, sealed: &[u8]) -> Result<Detail, StoreError> {
        let plain = self.cipher.open_detail(&self.generation.dataset, self.generation.number, locator, sealed)?;
        Detail::decode(&plain, self.generation.sealed_bytes())
    }

    fn commit(&mut self, chunk: Chunk<'_>) -> Result<(), StoreError> {
        let Chunk { batch, people, cells, .. } = chunk;
        batch.add_cells(self.cipher, people, cells)?;
        if self.segment.additions > 0 {
            batch.save_segment(&self.segment)?;
        }
        self.import.counters = encode_counters(self.counters)?;
        batch.save_import(self.import)?;
        batch.commit()
    }
}
