//! The evaluation budget of a dataset, which survives a restart and a crash without ever growing by one.
//!
//! What may be given away is first taken out of the file, in leases: `taken from the file >= given away` holds at every
//! moment, so that a process that is killed loses the rest of its lease and the next one starts with less, never with more.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ceknik_core::manifest::Id;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::Mutex as AsyncMutex;
use tokio::task::spawn_blocking;

use super::token_bucket::{Quota, Rate, TokenBucket};
use crate::durable;

/// A lease is this part of what the bucket holds when full: a crash loses no more than that.
const LEASES: f64 = 64.0;
/// Least elements in a lease: the largest request.
const LEAST_LEASE: f64 = 16.0;
/// Somebody else may take what was just leased; nobody is unlucky this often.
const MOST_RENEWALS: usize = 16;
/// Most bytes of a budget file.
const MOST_FILE_BYTES: u64 = 1024;

/// Why the budget's file cannot be used.
#[derive(Debug, Error)]
#[error("{}: {reason}", path.display())]
pub(crate) struct BudgetError {
    path: PathBuf,
    reason: String,
}

/// Why a request for elements got none.
#[derive(Debug)]
pub(crate) enum NotObtained {
    /// Not enough is left.
    Spent {
        /// Until there is.
        wait: Duration,
    },
    /// Others were quicker each time.
    Crowded,
    /// What may be given away could not be written down.
    Unwritten(BudgetError),
}

/// What is there without the disk.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Take {
    /// They are the caller's.
    Taken,
    /// [`Budget::renew`] must be called first, where it may block.
    Renew,
    /// Not enough left.
    Spent {
        /// Until there is.
        wait: Duration,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    version: u32,
    dataset: Id,
    /// Elements left in the file, the lease not among them.
    elements: f64,
    /// Milliseconds since 1970.
    at: u64,
}

const VERSION: u32 = 1;

struct Inner {
    rate: Rate,
    /// What the file holds, grown since.
    shelf: TokenBucket,
    /// Taken out of the file and not yet given away.
    lease: f64,
}

/// A dataset's budget.
pub(crate) struct Budget {
    path: PathBuf,
    dataset: Id,
    inner: Mutex<Inner>,
    /// Held while the file is written, so that files are written in the order of what they say.
    writing: Mutex<()>,
    /// Held by the one request that waits for the disk on behalf of all.
    renewing: Arc<AsyncMutex<()>>,
}

impl Budget {
    /// Continues the budget that the file keeps, or begins a full one where there is no file. With a file that cannot be
    /// read it begins empty: a fresh budget is never a consequence of a fault. The error is for the log.
    pub(crate) fn open(
        dir: &Path,
        dataset: &Id,
        per_day: u64,
        now: Instant,
        wall: SystemTime,
    ) -> (Self, Option<BudgetError>) {
        let path = dir.join(format!("{dataset}.json"));
        let rate = Rate::daily(per_day as f64);
        let (elements, error) = match read(&path, dataset) {
            Ok(None) => (rate.capacity, None),
            Ok(Some(saved)) => {
                let since = wall.duration_since(UNIX_EPOCH + Duration::from_millis(saved.at)).unwrap_or_default();
                (saved.elements + since.as_secs_f64() * rate.per_second, None)
            }
            Err(reason) => {
                let reason = format!("{reason}; the budget starts empty and fills up");
                (0.0, Some(BudgetError { path: path.clone(), reason }))
            }
        };
        let shelf = TokenBucket::holding(elements.min(rate.capacity), now);
        let inner = Mutex::new(Inner { rate, shelf, lease: 0.0 });
        let budget = Self { path, dataset: dataset.clone(), inner, writing: Mutex::new(()), renewing: Arc::default() };
        (budget, error)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes elements, and a lease out of the file where that is needed. However many wait for a slow disk, they take one
    /// thread.
    pub(crate) async fn obtain(self: &Arc<Self>, elements: usize) -> Result<(), NotObtained> {
        let mut turn = None;
        for _ in 0..=MOST_RENEWALS {
            match self.take(elements, Instant::now()) {
                Take::Taken => return Ok(()),
                Take::Spent { wait } => return Err(NotObtained::Spent { wait }),
                Take::Renew => {}
            }
            // Whoever had the turn before may have renewed for this one too.
            let Some(held) = turn.take() else {
                turn = Some(Arc::clone(&self.renewing).lock_owned().await);
                continue;
            };
            let budget = Arc::clone(self);
            // The turn goes along: it ends with the writing, though the caller may be gone by then.
            let renewal =
                spawn_blocking(move || (budget.renew(elements, Instant::now(), SystemTime::now()), held)).await;
            let (renewed, held) =
                renewal.map_err(|_| NotObtained::Unwritten(self.error("the writing was broken off")))?;
            renewed.map_err(NotObtained::Unwritten)?;
            turn = Some(held);
        }
        Err(NotObtained::Crowded)
    }

    fn error(&self, reason: impl Into<String>) -> BudgetError {
        BudgetError { path: self.path.clone(), reason: reason.into() }
    }

    /// Takes elements, when they are there.
    fn take(&self, elements: usize, now: Instant) -> Take {
        let elements = elements as f64;
        let mut inner = self.inner();
        inner.fill(now);
        if inner.lease >= elements {
            inner.lease -= elements;
            return Take::Taken;
        }
        match inner.shelf.wait_for(&inner.rate, elements - inner.lease) {
            None => Take::Renew,
            Some(wait) => Take::Spent { wait },
        }
    }

    /// Takes a lease out of the file. Blocks on the disk.
    fn renew(&self, elements: usize, now: Instant, wall: SystemTime) -> Result<(), BudgetError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let (lease, left) = {
            let mut inner = self.inner();
            inner.fill(now);
            if inner.lease >= elements as f64 {
                // Somebody else was quicker.
                return Ok(());
            }
            let lease = (inner.rate.capacity / LEASES).max(LEAST_LEASE).min(inner.shelf.tokens());
            inner.shelf.add(-lease);
            (lease, inner.shelf.tokens())
        };
        let written = self.write(left, wall);
        let mut inner = self.inner();
        match written {
            Ok(()) => inner.lease += lease,
            Err(_) => inner.shelf.add(lease),
        }
        written
    }

    /// Puts the rest of the lease back. Blocks on the disk. For the end of a process.
    pub(crate) fn close(&self, now: Instant, wall: SystemTime) -> Result<(), BudgetError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let left = {
            let mut inner = self.inner();
            inner.fill(now);
            let lease = std::mem::take(&mut inner.lease);
            inner.shelf.add(lease);
            inner.shelf.tokens()
        };
        self.write(left, wall)
    }

    /// Another epoch may publish another budget. What is left does not grow by that.
    pub(crate) fn set_per_day(&self, per_day: u64, now: Instant) {
        let mut inner = self.inner();
        inner.fill(now);
        inner.rate = Rate::daily(per_day as f64);
        inner.fill(now);
    }

    /// What is left.
    pub(crate) fn quota(&self, now: Instant) -> Quota {
        let mut inner = self.inner();
        inner.fill(now);
        Quota { rate: inner.rate, remaining: (inner.shelf.tokens() + inner.lease).max(0.0) }
    }

    fn write(&self, elements: f64, wall: SystemTime) -> Result<(), BudgetError> {
        let since_1970 = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        // Rounded up: time that has not passed gives nothing.
        let at = u64::try_from(since_1970.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        let saved = Saved { version: VERSION, dataset: self.dataset.clone(), elements: elements.max(0.0), at };
        serde_json::to_vec(&saved)
            .map_err(io::Error::from)
            .and_then(|bytes| durable::replace(&self.path, &bytes))
            .map_err(|error| self.error(format!("cannot be written: {error}")))
    }
}

impl Inner {
    fn fill(&mut self, now: Instant) {
        let most = (self.rate.capacity - self.lease).max(0.0);
        self.shelf.fill(&self.rate, most, now);
    }
}

fn read(path: &Path, dataset: &Id) -> Result<Option<Saved>, String> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot be read: {error}")),
    };
    if metadata.len() > MOST_FILE_BYTES {
        return Err("is no budget file".to_owned());
    }
    let bytes = fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    parse(&bytes, dataset).map(Some)
}

fn parse(bytes: &[u8], dataset: &Id) -> Result<Saved, String> {
    let saved: Saved = serde_json::from_slice(bytes).map_err(|_| "is no budget file".to_owned())?;
    if saved.version != VERSION {
        return Err(format!("has version {}, this program writes {VERSION}", saved.version));
    }
    if saved.dataset != *dataset || !saved.elements.is_finite() || saved.elements < 0.0 {
        return Err("is not this dataset's budget".to_owned());
    }
    Ok(saved)
}

/// What is written of a budget's file as it is read; none where it is refused. For the fuzz target.
#[doc(hidden)]
pub fn rewrite_budget(bytes: &[u8]) -> Option<Vec<u8>> {
    let saved = parse(bytes, &Id::new("jakarta-2024").ok()?).ok()?;
    serde_json::to_vec(&saved).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PER_DAY: u64 = 86_400 * 2;

    struct Clock {
        now: Instant,
        wall: SystemTime,
    }

    impl Clock {
        fn new() -> Self {
            Self { now: Instant::now(), wall: SystemTime::now() }
        }

        fn pass(&mut self, seconds: u64) {
            self.now += Duration::from_secs(seconds);
            self.wall += Duration::from_secs(seconds);
        }
    }

    fn open(dir: &Path, clock: &Clock) -> Budget {
        let (budget, error) = Budget::open(dir, &Id::new("jakarta").unwrap(), PER_DAY, clock.now, clock.wall);
        assert!(error.is_none());
        budget
    }

    fn take(budget: &Budget, elements: usize, clock: &Clock) -> Take {
        match budget.take(elements, clock.now) {
            Take::Renew => {
                budget.renew(elements, clock.now, clock.wall).unwrap();
                budget.take(elements, clock.now)
            }
            other => other,
        }
    }

    fn take_all(budget: &Budget, clock: &Clock) -> usize {
        let mut taken = 0;
        while take(budget, 16, clock) == Take::Taken {
            taken += 16;
        }
        taken
    }

    #[test]
    fn half_a_day_at_once_then_what_comes_in() {
        let dir = tempfile::tempdir().unwrap();
        let mut clock = Clock::new();
        let budget = open(dir.path(), &clock);
        assert_eq!(take_all(&budget, &clock), 86_400);
        assert_eq!(take(&budget, 16, &clock), Take::Spent { wait: Duration::from_secs(16) });
        clock.pass(16);
        assert_eq!(take(&budget, 16, &clock), Take::Taken);
        assert!(matches!(take(&budget, 1, &clock), Take::Spent { .. }));
        clock.pass(7 * 86_400);
        assert_eq!(take_all(&budget, &clock), 86_400);
    }

    #[test]
    fn a_killed_process_leaves_less_and_a_closed_one_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::new();
        let budget = open(dir.path(), &clock);
        for _ in 0..500 {
            assert_eq!(take(&budget, 16, &clock), Take::Taken);
        }
        let left = budget.quota(clock.now).remaining;
        assert_eq!(left, 86_400.0 - 8000.0);
        // Killed: nothing is written at the end.
        drop(budget);
        let budget = open(dir.path(), &clock);
        let after_kill = budget.quota(clock.now).remaining;
        assert!(after_kill <= left && after_kill >= left - 86_400.0 / LEASES, "{after_kill} of {left}");
        assert_eq!(take(&budget, 16, &clock), Take::Taken);
        budget.close(clock.now, clock.wall).unwrap();
        let budget = open(dir.path(), &clock);
        let after_close = budget.quota(clock.now).remaining;
        assert!(after_close <= after_kill - 16.0 && after_close > after_kill - 16.1, "{after_close} of {after_kill}");
    }

    #[test]
    fn a_restart_gives_what_came_in_meanwhile_and_a_clock_set_back_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut clock = Clock::new();
        let budget = open(dir.path(), &clock);
        take_all(&budget, &clock);
        budget.close(clock.now, clock.wall).unwrap();
        clock.pass(100);
        let left = open(dir.path(), &clock).quota(clock.now).remaining;
        assert!((99.9..=100.1).contains(&left), "{left}");
        clock.wall -= Duration::from_secs(1000);
        assert_eq!(open(dir.path(), &clock).quota(clock.now).remaining, 0.0);
    }

    #[test]
    fn a_damaged_file_gives_no_fresh_budget() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::new();
        let path = dir.path().join("jakarta.json");
        for content in [
            "",
            "{}",
            r#"{"version":2,"dataset":"jakarta","elements":5,"at":0}"#,
            r#"{"version":1,"dataset":"other","elements":5,"at":0}"#,
            r#"{"version":1,"dataset":"jakarta","elements":-5,"at":0}"#,
        ] {
            fs::write(&path, content).unwrap();
            let (budget, error) =
                Budget::open(dir.path(), &Id::new("jakarta").unwrap(), PER_DAY, clock.now, clock.wall);
            assert!(error.unwrap().to_string().ends_with("; the budget starts empty and fills up"));
            assert_eq!(budget.quota(clock.now).remaining, 0.0);
        }
    }

    /// A disk that does not answer keeps one thread, and nobody who needs another.
    #[test]
    fn whoever_waits_for_the_disk_takes_one_thread_together() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().max_blocking_threads(2).build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let budget = Arc::new(open(dir.path(), &Clock::new()));
        let disk = budget.writing.lock().unwrap();
        let asking = runtime.block_on(async {
            let mut asking = Vec::new();
            for place in 0..20 {
                let budget = Arc::clone(&budget);
                let one = tokio::spawn(async move { budget.obtain(16).await });
                tokio::task::yield_now().await;
                // Some leave while they wait.
                if place % 2 == 0 { one.abort() } else { asking.push(one) }
            }
            let other = tokio::time::timeout(Duration::from_secs(10), spawn_blocking(|| ())).await;
            other.unwrap().unwrap();
            asking
        });
        drop(disk);
        for asking in asking {
            runtime.block_on(asking).unwrap().unwrap();
        }
        assert_eq!(budget.quota(Instant::now()).remaining.round(), 86_400.0 - 160.0);
    }

    #[test]
    fn another_budget_in_a_new_epoch_is_no_fresh_one() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::new();
        let budget = open(dir.path(), &clock);
        take_all(&budget, &clock);
        budget.set_per_day(PER_DAY * 10, clock.now);
        assert_eq!(budget.quota(clock.now).remaining, 0.0);
        budget.set_per_day(PER_DAY, clock.now);
        let fresh = open(tempfile::tempdir().unwrap().path(), &clock);
        fresh.set_per_day(PER_DAY / 10, clock.now);
        assert_eq!(fresh.quota(clock.now).remaining, 8640.0);
    }

    #[test]
    fn nothing_is_given_that_could_not_be_written_down() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::new();
        let budget = open(&dir.path().join("missing"), &clock);
        assert_eq!(budget.take(16, clock.now), Take::Renew);
        let error = budget.renew(16, clock.now, clock.wall).unwrap_err();
        assert!(error.to_string().contains("cannot be written"), "{error}");
        assert_eq!(budget.take(16, clock.now), Take::Renew);
        assert_eq!(budget.quota(clock.now).remaining, 86_400.0);
    }
}
