//! What is killed: this test binary, started once more to import or publish with the libraries alone.
//!
//! It says on standard output which phase begins, and holds one of them up at its beginning, or panics there, if it is told
//! to.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use ceknik_core::filter::NoiseKey;
use ceknik_core::manifest::Id;
use ceknik_core::time::Timestamp;
use ceknik_issuer::{Home, ImportObserver, ImportOptions, ImportPhase, Importer, PublishPhase, Publisher};
use serde::{Deserialize, Serialize};

use super::support::home::DATASET;

/// The environment variable that holds a [`Task`], as JSON.
pub(crate) const TASK: &str = "CEKNIK_TEST_TASK";
/// Before every line that is meant for the parent; the test harness writes lines of its own.
pub(crate) const MARK: &str = "@";
/// The line after the work.
pub(crate) const OVER: &str = "over";

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) home: PathBuf,
    pub(crate) work: Work,
    pub(crate) hold: Option<Hold>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Work {
    /// A list as the whole truth, committed after so many rows.
    Import { list: PathBuf, chunk_rows: NonZeroU64 },
    /// An epoch at a time.
    Publish { now: String },
}

/// Where to pause: at the nth beginning of a phase.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Hold {
    pub(crate) phase: String,
    pub(crate) nth: u64,
    pub(crate) milliseconds: u64,
    /// Whether it then panics rather than going on.
    pub(crate) panics: bool,
}

/// What the parent is told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Line {
    /// A phase begins for the nth time.
    Begins { phase: String, nth: u64 },
    /// A phase that was held up goes on.
    GoesOn,
    /// All is done.
    Over,
}

impl Line {
    pub(crate) fn parse(line: &str) -> Option<Self> {
        // The harness begins a line with the test's name, and does not end it.
        let words: Vec<&str> = line.split_once(MARK)?.1.split(' ').collect();
        match words[..] {
            ["begins", phase, nth] => Some(Self::Begins { phase: phase.to_owned(), nth: nth.parse().ok()? }),
            ["goes-on"] => Some(Self::GoesOn),
            [OVER] => Some(Self::Over),
            _ => None,
        }
    }
}

struct Announcer {
    hold: Option<Hold>,
    begun: Mutex<BTreeMap<&'static str, u64>>,
}

impl Announcer {
    fn begins(&self, phase: &'static str) {
        let nth = {
            // Under the lock, so that the lines stand in the order of the beginnings.
            let mut begun = self.begun.lock().unwrap();
            let nth = begun.entry(phase).or_default();
            *nth += 1;
            say(&format!("begins {phase} {nth}"));
            *nth
        };
        if let Some(hold) = self.hold.as_ref().filter(|hold| hold.phase == phase && hold.nth == nth) {
            std::thread::sleep(Duration::from_millis(hold.milliseconds));
            assert!(!hold.panics, "as the test wants it");
            say("goes-on");
        }
    }
}

impl ImportObserver for Announcer {
    fn phase(&self, phase: ImportPhase) {
        self.begins(phase.name());
    }
}

/// Past the harness, which would hold it back.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{MARK}{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// Does the task that this process was started for. Nothing when the test is run as one of all.
pub(crate) fn work_if_told() {
    let Ok(task) = std::env::var(TASK) else { return };
    let Task { home, work, hold } = serde_json::from_str(&task).unwrap();
    let announcer = Announcer { hold, begun: Mutex::default() };
    let home = Home::open(&home).unwrap();
    let dataset = Id::new(DATASET).unwrap();
    // The tasks under which the command takes the lock.
    let (task, options) = match &work {
        Work::Import { chunk_rows, .. } => (format!("an import into {dataset}"), Some(import_options(*chunk_rows))),
        Work::Publish { .. } => (format!("the publication of {dataset}"), None),
    };
    let _lock = home.lock(&task).unwrap();
    let mut store = home.open_store().unwrap();
    let store_key = home.keys().store_key(None).unwrap();
    let cipher = store.cipher(&store_key).unwrap();
    match work {
        Work::Import { list, .. } => {
            let generation = store.newest_generation(&dataset).unwrap();
            let key = home.keys().oprf_key(&dataset, generation.number, None).unwrap();
            let options = options.unwrap_or_default();
            let importer = Importer::new(&mut store, &cipher, &generation, &key, options, &announcer).unwrap();
            importer.import(File::open(list).unwrap(), |dataset, import| home.report(dataset, import)).unwrap();
        }
        Work::Publish { now } => {
            let mut publisher = Publisher {
                store: &mut store,
                cipher: &cipher,
                noise_key: &NoiseKey::from_bytes(*store_key.expose_bytes()),
                signer: &home.keys().log_key(None).unwrap(),
                public: &home.public(),
                staging: &home.staging(),
                despite_unfinished_import: false,
                despite_empty: false,
                despite_missing: false,
                renew: false,
                witnesses: None,
                observer: &mut |phase: PublishPhase| announcer.begins(phase.name()),
                progress: &mut |_, _, _| (),
            };
            publisher.publish(&dataset, Timestamp::parse(&now).unwrap()).unwrap();
        }
    }
    say(OVER);
}

/// As `ceknik import --snapshot --despite-refused --despite-missing`, but for the rows of a chunk.
fn import_options(chunk_rows: NonZeroU64) -> ImportOptions {
    ImportOptions {
        snapshot: true,
        despite_refused: true,
        despite_missing: true,
        chunk_rows: Some(chunk_rows),
        ..ImportOptions::default()
    }
}
