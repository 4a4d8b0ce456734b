//! A snapshot: supports that the list has not are withdrawn.

use std::time::{Duration, Instant};

use super::counters::{ImportCounters, SnapshotOutcome};
use super::observer::{ImportPhase, Meter};
use super::{ImportError, Importer, decode_counters, encode_counters};
use crate::store::{Batch, Detail, Generation, ImportRow, ImportState, Remainder, Seen, StoreCipher, StoreError};
use ceknik_core::record::Locator;

/// Records looked at together.
const AT_ONCE: u32 = 1024;
/// How long a transaction goes on: what an interruption can lose.
const TRANSACTION_TIME: Duration = Duration::from_secs(2);

impl Importer<'_> {
    /// What this import has not seen of the list's candidates. An import that was held back because it lacked too much may have
    /// been of a wrong list: what it brought is no part of what was listed before.
    pub(super) fn compare(&mut self, import: &ImportRow, counters: &ImportCounters) -> Result<Compared, ImportError> {
        let held = self.held_for_missing(import.id)?;
        let brought: u64 = held.iter().map(|held| held.added).sum();
        let generation = self.generation;
        let live = self.store.record_counts(generation)?.live;
        let mut meter = Meter::new(self.observer, ImportPhase::Compare, 0, live);
        let batch = self.store.batch(generation)?;
        let (mut after, mut missing, mut missing_of_held, mut seen_records) = (None, 0, 0, 0);
        loop {
            self.observer.phase(ImportPhase::Compare);
            let details = batch.details_after(after.as_ref(), AT_ONCE)?;
            let Some((last, _)) = details.last() else { break };
            for (locator, detail) in &details {
                let detail = open(self.cipher, generation, locator, detail)?;
                for seen in detail.supports.iter().filter(|seen| is_unlisted(seen, import, counters)) {
                    missing += 1;
                    missing_of_held += u64::from(held.iter().any(|held| held.import == seen.import));
                }
            }
            after = Some(*last);
            seen_records += details.len() as u64;
            meter.tell(seen_records);
        }
        let missing = missing - missing_of_held.min(brought);
        let kept = counters.changed + counters.unchanged - counters.of_held.min(brought);
        Ok(Compared { missing, listed: missing + kept })
    }

    /// The imports into this generation, but for `but`, that are held back for what their lists lack.
    pub(super) fn held_for_missing(&self, but: u64) -> Result<Vec<HeldImport>, ImportError> {
        let mut held = Vec::new();
        for (import, counters) in self.store.imports_not_abandoned(self.generation)? {
            let counters = decode_counters(&counters)?;
            if import != but && counters.is_doubtful() {
                held.push(HeldImport { import, added: counters.added });
            }
        }
        Ok(held)
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

/// What a snapshot lacks.
pub(super) struct Compared {
    /// Supports that were listed before and that it does not have.
    pub(super) missing: u64,
    /// Supports that were listed before.
    pub(super) listed: u64,
}

/// An import that is held back for what its list lacks.
pub(super) struct HeldImport {
    pub(super) import: u64,
    /// Supports that it brought.
    pub(super) added: u64,
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
