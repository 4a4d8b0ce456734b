//! Progress with rate and time left, on standard error, of what takes longer than a moment: a bar on a terminal, a line now and
//! then elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

/// What is done sooner needs no progress.
const MOMENT: Duration = Duration::from_secs(2);
/// Between two lines where there is no terminal.
const QUIET: Duration = Duration::from_secs(10);

/// Progress of something that is counted.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    what: &'static str,
    /// None where nobody knows it before the end.
    total: Option<u64>,
    began: Instant,
    last: Instant,
}

impl Progress {
    /// Begins at 0 of `total` of `what`.
    pub(crate) fn new(total: Option<u64>, what: &'static str) -> Self {
        let now = Instant::now();
        Self { bar: None, what, total, began: now, last: now }
    }

    /// Shows how far it is, at the rate since it began.
    pub(crate) fn advance(&mut self, done: u64) {
        let per_second = done as f64 / self.began.elapsed().as_secs_f64().max(f64::EPSILON);
        let left = self.total.map(|total| total.saturating_sub(done) as f64 / per_second);
        let left = left.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        self.at(done, per_second, left);
    }

    /// Shows how far it is.
    pub(crate) fn at(&mut self, done: u64, per_second: f64, left: Option<Duration>) {
        if self.began.elapsed() < MOMENT {
            return;
        }
        let mut message = format!("{per_second:.0} a second");
        match (left, self.total) {
            (Some(left), _) => message.push_str(&format!(", {} left", HumanDuration(left))),
            (None, Some(_)) => message.push_str(", time left unknown"),
            (None, None) => {}
        }
        if std::io::stderr().is_terminal() {
            let bar = self.bar.get_or_insert_with(|| bar(self.total, self.what));
            bar.set_position(done);
            bar.set_message(message);
        } else if self.last.elapsed() >= QUIET {
            let of = self.total.map_or_else(String::new, |total| format!(" of {total}"));
            eprintln!("{done}{of} {}: {message}", self.what);
            self.last = Instant::now();
        }
    }
}

/// Takes the bar away.
impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(total: Option<u64>, what: &'static str) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (ProgressBar::new(total), "{bar:30} {pos}/{len} {prefix}, {msg}"),
        None => (ProgressBar::no_length(), "{pos} {prefix}, {msg}"),
    };
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(what);
    bar
}

/// Progress of one phase after another.
pub(crate) struct Phases<P> {
    shown: Option<(P, Progress)>,
}

impl<P: PartialEq> Phases<P> {
    pub(crate) fn new() -> Self {
        Self { shown: None }
    }

    /// The progress of a phase, which begins when it was another's before.
    pub(crate) fn of(&mut self, phase: P, total: u64, what: &'static str) -> &mut Progress {
        let shown = self.shown.take().filter(|(before, _)| *before == phase);
        &mut self.shown.insert(shown.unwrap_or_else(|| (phase, Progress::new(Some(total), what)))).1
    }

    /// Takes away what is shown.
    pub(crate) fn end(&mut self) {
        self.shown = None;
    }
}
