//! A snapshot: supports that the list has not are withdrawn.

use std::time::{Duration, Instant};

use super::counters::{ImportCounters, SnapshotOutcome};
use super::observer::{ImportPhase, Meter};
use super::{ImportError, Importer, encode_counters};
use crate::store::{Batch, Detail, Generation, ImportRow, ImportState, Remainder, Seen, StoreCipher, StoreError};
use ceknik_core::record::Locator;

/// Records looked at together.
const AT_ONCE: u32 = 1024;
/// How long a transaction goes on: what an interruption can lose.
const TRANSACTION_TIME: Duration = Duration::from_secs(2);

impl Importer<'_> {
    /// How many supports of the list's candidates this import has not seen.
    pub(super) fn unlisted(&mut self, import: &ImportRow, counters: &ImportCounters) -> Result<u64, ImportError> {
        let generation = self.generation;
        let live = self.store.record_counts(generation)?.live;
        let mut meter = Meter::new(self.observer, ImportPhase::Compare, 0, live);
        let batch = self.store.batch(generation)?;
        let (mut after, mut missing, mut seen_records) = (None, 0, 0);
        loop {
            self.observer.phase(ImportPhase::Compare);
            let details = batch.details_after(after.as_ref(), AT_ONCE)?;
            let Some((last, _)) = details.last() else { return Ok(missing) };
            for (locator, detail) in &details {
                let detail = open(self.cipher, generation, locator, detail)?;
                let unlisted = |seen: &&Seen| is_unlisted(seen, import, counters);
                missing += detail.supports.iter().filter(unlisted).count() as u64;
            }
            after = Some(*last);
            seen_records += details.len() as u64;
            meter.tell(seen_records);
        }
    }

    /// Goes through all live records in the order of their locators, from where it last stood, and takes away the supports
    /// of the list's candidates that this import has not seen.
    pub(super) fn withdraw_unlisted(
        &mut self,
        import: &mut ImportRow,
        counters: &mut ImportCounters,
    ) -> Result<(), ImportError> {
        let generation = self.generation;
        let mut meter = Meter::new(self.observer, ImportPhase::Snapshot, 0, self.store.record_counts(generation)?.live);
        let mut seen_records = 0;
        while import.state == ImportState::Snapshot {
            let batch = self.store.batch(generation)?;
            let deadline = Instant::now() + TRANSACTION_TIME;
            while import.state == ImportState::Snapshot && Instant::now() < deadline {
                self.observer.phase(ImportPhase::Snapshot);
                let details = batch.details_after(import.snapshot_after.as_ref(), AT_ONCE)?;
                seen_records += details.len() as u64;
                for (locator, detail) in &details {
                    let unlisted = |seen: &Seen| is_unlisted(seen, import, counters);
                    let removal = remove(&batch, self.cipher, generation, locator, detail, unlisted)?;
                    counters.withdrawn += removal.supports;
                    counters.people_withdrawn += u64::from(removal.nothing_left);
                }
                match details.last() {
                    Some((locator, _)) => import.snapshot_after = Some(*locator),
                    None => {
                        import.snapshot_after = None;
                        import.state = ImportState::Report;
                        counters.snapshot = SnapshotOutcome::Done;
                    }
                }
                meter.tell(seen_records);
            }
            self.observer.phase(ImportPhase::Commit);
            import.counters = encode_counters(counters)?;
            batch.save_import(import)?;
            batch.commit()?;
        }
        Ok(())
    }
}

fn is_unlisted(seen: &Seen, import: &ImportRow, counters: &ImportCounters) -> bool {
    seen.import != import.id && counters.candidates.contains(&seen.candidate)
}

fn open(cipher: &StoreCipher, generation: &Generation, locator: &Locator, detail: &[u8]) -> Result<Detail, StoreError> {
    let plain = cipher.open_detail(&generation.dataset, generation.number, locator, detail)?;
    Detail::decode(&plain, generation.sealed_bytes())
}

/// What taking supports away did to a record.
pub(crate) struct Removal {
    /// Supports taken away.
    pub(crate) supports: u64,
    /// Whether the record is gone.
    pub(crate) nothing_left: bool,
}

/// Takes supports away from a stored record, whose NIK need not be known.
pub(crate) fn remove(
    batch: &Batch<'_>,
    cipher: &StoreCipher,
    generation: &Generation,
    locator: &Locator,
    detail: &[u8],
    gone: impl Fn(&Seen) -> bool,
) -> Result<Removal, StoreError> {
    let detail = open(cipher, generation, locator, detail)?;
    let before = detail.supports.len() as u64;
    match detail.without(gone) {
        Remainder::Unchanged => Ok(Removal { supports: 0, nothing_left: false }),
        Remainder::Nothing => {
            batch.withdraw(locator)?;
            Ok(Removal { supports: before, nothing_left: true })
        }
        Remainder::Record { sealed, detail } => {
            let after = detail.supports.len() as u64;
            let detail = cipher.seal_detail(&generation.dataset, generation.number, locator, &detail.encode())?;
            batch.put(locator, &sealed, &detail)?;
            Ok(Removal { supports: before - after, nothing_left: false })
        }
    }
}
