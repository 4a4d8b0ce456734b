//! Progress with rate and time left, on standard error: a bar on a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

/// Between two lines where there is no terminal.
const QUIET: Duration = Duration::from_secs(10);

/// Progress of something that is counted.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    what: &'static str,
    total: u64,
    last: Instant,
}

impl Progress {
    /// Begins at 0 of `total` of `what`.
    pub(crate) fn new(total: u64, what: &'static str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total);
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {prefix}, {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(what);
            bar
        });
        Self { bar, what, total, last: Instant::now() }
    }

    /// Shows how far it is.
    pub(crate) fn at(&mut self, done: u64, per_second: f64, left: Option<Duration>) {
        let left = left.map_or_else(|| "time left unknown".to_owned(), |left| format!("{} left", HumanDuration(left)));
        let message = format!("{per_second:.0} a second, {left}");
        match &self.bar {
            Some(bar) => {
                bar.set_position(done);
                bar.set_message(message);
            }
            None if self.last.elapsed() >= QUIET => {
                eprintln!("{done} of {} {}: {message}", self.total, self.what);
                self.last = Instant::now();
            }
            None => {}
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
