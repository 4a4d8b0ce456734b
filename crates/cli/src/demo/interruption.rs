//! Ctrl-C and the signal to terminate, at whatever step of the demo.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot::Sender;

/// Times that the directory is removed, while the step under way may still put files into it.
const ATTEMPTS: u32 = 100;

/// What a signal does.
enum State {
    /// A step is under way. Keys and list are in the temporary directory, if there is one.
    Working { temporary: Option<PathBuf> },
    /// It ends the service, and the demo with it.
    Serving(Sender<()>),
    /// There was one.
    Ended,
}

/// Notices signals until the process ends.
pub(super) struct Interruption(Arc<Mutex<State>>);

impl Interruption {
    /// From now on.
    pub(super) fn watch(runtime: &Runtime) -> io::Result<Self> {
        let state = Arc::new(Mutex::new(State::Working { temporary: None }));
        let (mut interrupt, mut terminate) = {
            let _entered = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        let noticed = Arc::clone(&state);
        runtime.spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            // Held until the process ends: what the step under way makes of its vanished files is not told.
            let mut state = lock(&noticed);
            match std::mem::replace(&mut *state, State::Ended) {
                State::Working { temporary } => give_up(temporary.as_deref()),
                State::Serving(stop) => drop(stop.send(())),
                State::Ended => {}
            }
        });
        Ok(Self(state))
    }

    /// A directory that a signal removes too.
    pub(super) fn temporary(&self) -> io::Result<TempDir> {
        let mut state = lock(&self.0);
        let made = tempfile::Builder::new().prefix("ceknik-demo-").tempdir()?;
        *state = State::Working { temporary: Some(made.path().to_owned()) };
        Ok(made)
    }

    /// From now on a signal is told by `stop`.
    pub(super) fn serve(&self, stop: Sender<()>) {
        *lock(&self.0) = State::Serving(stop);
    }

    /// Whether there was a signal. Does not return while one ends the process.
    pub(super) fn happened(&self) -> bool {
        matches!(*lock(&self.0), State::Ended)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn give_up(temporary: Option<&Path>) -> ! {
    match temporary {
        Some(dir) if removed(dir) => eprintln!("ceknik: interrupted; the demo's temporary directory was removed"),
        Some(dir) => eprintln!("ceknik: interrupted; remove {}, the demo's temporary directory", dir.display()),
        None => eprintln!("ceknik: interrupted; what was made so far is kept"),
    }
    std::process::exit(1)
}

fn removed(dir: &Path) -> bool {
    (0..ATTEMPTS).any(|_| fs::remove_dir_all(dir).is_err_and(|error| error.kind() == ErrorKind::NotFound))
}
