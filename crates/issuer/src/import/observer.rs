//! Who watches an import, and what there is to see.

use std::io::{self, Read, Seek, SeekFrom};
use std::time::{Duration, Instant};

use serde::Serialize;

/// The steps of an import. Stretching goes on in threads of its own while rows are applied and chunks committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportPhase {
    /// Reading the list through before anything is stored.
    Scan,
    /// A stretch, on some thread.
    Stretch,
    /// Putting rows into a transaction, in the order of the list.
    Apply,
    /// Committing a transaction.
    Commit,
    /// Counting what a snapshot does not list.
    Compare,
    /// Withdrawing it.
    Snapshot,
    /// Writing the report.
    Report,
    /// Emptying the write-ahead log.
    Checkpoint,
}

impl ImportPhase {
    /// All phases, in order.
    pub const ALL: [Self; 8] = [
        Self::Scan,
        Self::Stretch,
        Self::Apply,
        Self::Commit,
        Self::Compare,
        Self::Snapshot,
        Self::Report,
        Self::Checkpoint,
    ];

    /// Its name: `scan`, `stretch` and so on.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Stretch => "stretch",
            Self::Apply => "apply",
            Self::Commit => "commit",
            Self::Compare => "compare",
            Self::Snapshot => "snapshot",
            Self::Report => "report",
            Self::Checkpoint => "checkpoint",
        }
    }
}

/// How far a phase has come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Progress {
    /// [`ImportPhase::Scan`] for bytes of the list, each of which is read several times; [`ImportPhase::Apply`] for rows,
    /// [`ImportPhase::Compare`] and [`ImportPhase::Snapshot`] for records looked at.
    pub phase: ImportPhase,
    /// Bytes, rows or records done, those of earlier runs included.
    pub done: u64,
    /// Bytes, rows or records in all.
    pub total: u64,
    /// Bytes, rows or records a second since this run began with them.
    pub rate: f64,
    /// Seconds left at that rate; none at the very start.
    pub seconds_left: Option<f64>,
}

/// Watches an import. Every method does nothing unless implemented.
pub trait ImportObserver: Sync {
    /// A phase begins. Called on the thread that does the work, for [`ImportPhase::Stretch`] on several at once and for
    /// every job, so it should be quick.
    fn phase(&self, phase: ImportPhase) {
        let _ = phase;
    }

    /// Some progress, at most ten times a second, and at the end of a phase.
    fn progress(&self, progress: &Progress) {
        let _ = progress;
    }
}

/// Nobody watches.
impl ImportObserver for () {}

const BETWEEN_PROGRESS: Duration = Duration::from_millis(100);

/// Reckons rates and tells them, not too often.
pub(super) struct Meter<'a> {
    observer: &'a dyn ImportObserver,
    phase: ImportPhase,
    before: u64,
    total: u64,
    began: Instant,
    told: Option<Instant>,
}

impl<'a> Meter<'a> {
    pub(super) fn new(observer: &'a dyn ImportObserver, phase: ImportPhase, before: u64, total: u64) -> Self {
        Self { observer, phase, before, total, began: Instant::now(), told: None }
    }

    pub(super) fn tell(&mut self, done: u64) {
        if done < self.total && self.told.is_some_and(|told| told.elapsed() < BETWEEN_PROGRESS) {
            return;
        }
        let now = Instant::now();
        self.told = Some(now);
        let seconds = now.duration_since(self.began).as_secs_f64();
        let rate = if seconds > 0.0 { done.saturating_sub(self.before) as f64 / seconds } else { 0.0 };
        let seconds_left = (rate > 0.0).then(|| self.total.saturating_sub(done) as f64 / rate);
        self.observer.progress(&Progress { phase: self.phase, done, total: self.total, rate, seconds_left });
    }
}

/// How often a list is read before anything of it is stored: for its tag, for its encoding, for what it holds.
const SCANS: u64 = 3;

/// A list that tells how far it was read, until it was read as often as that.
pub(super) struct Scanned<'a, R> {
    list: R,
    meter: Meter<'a>,
    read: u64,
}

impl<'a, R: Read + Seek> Scanned<'a, R> {
    pub(super) fn new(mut list: R, observer: &'a dyn ImportObserver) -> io::Result<Self> {
        let bytes = list.seek(SeekFrom::End(0))?;
        Ok(Self { list, meter: Meter::new(observer, ImportPhase::Scan, 0, SCANS.saturating_mul(bytes)), read: 0 })
    }
}

impl<R: Read> Read for Scanned<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.list.read(buffer)?;
        self.read += read as u64;
        if self.read < self.meter.total {
            self.meter.tell(self.read);
        }
        Ok(read)
    }
}

impl<R: Seek> Seek for Scanned<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.list.seek(to)
    }
}
