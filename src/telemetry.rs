//! Logs that could be published: JSON lines about the service, none about who asked for what.
//!
//! Requests are counted, not logged; at level `debug` a line names a request's route (as a template), method, status and
//! duration. The lines of libraries are left out at every level, since they may name addresses.

use std::io;

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// Faults alone.
    Error,
    /// And what needs attention.
    Warn,
    /// And what happens: start, epochs, stop.
    #[default]
    Info,
    /// And a line for each request.
    Debug,
    /// Everything.
    Trace,
}

impl From<LogLevel> for Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

/// Writes the log of this process as JSON lines to `writer`, and panics without their messages, which may hold anything.
///
/// # Errors
/// When a log is set up already.
pub fn init_logging<W>(level: LogLevel, writer: W) -> io::Result<()>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines =
        tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false);
    let ours = Targets::new().with_target("ceknik", Level::from(level)).with_target("ceknikd", Level::from(level));
    let set = tracing_subscriber::registry().with(lines.with_writer(writer)).with(ours).try_init();
    set.map_err(|_| io::Error::other("a log is set up already"))?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| format!("{}:{}", place.file(), place.line()));
        tracing::error!(place, "panic");
    }));
    Ok(())
}
