//! Looks at files and processes all the while: what is there for a moment only is seen as well.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::searcher::{Hit, Place, Searcher};

/// Between two looks: enough for the processes to get on.
const PAUSE: Duration = Duration::from_millis(3);
/// Where else temporary files are put.
const ELSEWHERE: [&str; 3] = ["/tmp/", "/var/tmp/", "/dev/shm/"];

/// What was seen.
#[derive(Default)]
struct Seen {
    hits: BTreeSet<Hit>,
    /// Files outside of the stage that a process had open where temporary files are put.
    strangers: BTreeSet<String>,
    /// Files by path, so that only what changed is read again.
    known: BTreeMap<PathBuf, Version>,
    /// Removed files and how much of them was searched.
    removed: BTreeMap<(u64, u64), u64>,
}

/// Size, time of the last change in nanoseconds, inode.
type Version = (u64, i128, u64);

struct Shared {
    root: PathBuf,
    searcher: Searcher,
    processes: Mutex<BTreeSet<u32>>,
    seen: Mutex<Seen>,
    looks: AtomicU64,
    ended: AtomicBool,
}

pub(crate) struct Watcher {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

/// What a watcher has to tell in the end.
pub(crate) struct Watched {
    pub(crate) hits: BTreeSet<Hit>,
    pub(crate) strangers: BTreeSet<String>,
    pub(crate) looks: u64,
}

impl Watcher {
    /// Watches everything below a directory, its lists excepted.
    pub(crate) fn start(root: &Path, searcher: Searcher) -> Self {
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            searcher,
            processes: Mutex::default(),
            seen: Mutex::default(),
            looks: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        });
        let watching = shared.clone();
        let thread = thread::spawn(move || {
            while !watching.ended.load(Ordering::SeqCst) {
                watching.look();
                thread::sleep(PAUSE);
            }
        });
        Self { shared, thread }
    }

    /// Watches a process from now on. It is looked at once before this returns.
    pub(crate) fn watch(&self, process: u32) {
        self.shared.processes.lock().unwrap().insert(process);
        self.shared.look_at(process, &mut self.shared.seen.lock().unwrap());
    }

    pub(crate) fn forget(&self, process: u32) {
        self.shared.processes.lock().unwrap().remove(&process);
    }

    /// Looks once more at everything, and ends.
    pub(crate) fn end(self) -> Watched {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.thread.join().unwrap();
        self.shared.look();
        let seen = std::mem::take(&mut *self.shared.seen.lock().unwrap());
        Watched { hits: seen.hits, strangers: seen.strangers, looks: self.shared.looks.load(Ordering::SeqCst) }
    }
}

impl Shared {
    fn look(&self) {
        let mut seen = self.seen.lock().unwrap();
        let processes = self.processes.lock().unwrap().clone();
        processes.iter().for_each(|process| self.look_at(*process, &mut seen));
        for path in files(&self.root) {
            let Ok(metadata) = fs::metadata(&path) else { continue };
            let changed = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
            let version = (metadata.size(), changed, metadata.ino());
            if seen.known.get(&path) == Some(&version) {
                continue;
            }
            let Ok(bytes) = fs::read(&path) else { continue };
            self.searcher.search(&place(&self.root, &path), &bytes, &mut seen.hits);
            seen.known.insert(path, version);
        }
        self.looks.fetch_add(1, Ordering::SeqCst);
    }

    /// Arguments, environment, and open files that have no name any more. Processes end meanwhile.
    fn look_at(&self, process: u32, seen: &mut Seen) {
        let proc = PathBuf::from(format!("/proc/{process}"));
        for (name, place) in [("cmdline", Place::Arguments), ("environ", Place::Environment)] {
            let bytes = fs::read(proc.join(name)).unwrap_or_default();
            self.searcher.search(&place, &bytes, &mut seen.hits);
        }
        for descriptor in fs::read_dir(proc.join("fd")).into_iter().flatten().flatten() {
            let Ok(target) = fs::read_link(descriptor.path()) else { continue };
            let name = target.display().to_string();
            let inside = target.starts_with(&self.root);
            if !inside && ELSEWHERE.iter().any(|dir| name.starts_with(dir)) {
                seen.strangers.insert(name.clone());
            }
            let Some(removed) = name.strip_suffix(" (deleted)") else { continue };
            // Through the descriptor: there is no other way to it.
            let Ok(metadata) = fs::metadata(descriptor.path()) else { continue };
            let searched = seen.removed.entry((metadata.dev(), metadata.ino())).or_default();
            if metadata.is_file() && *searched != metadata.size() {
                *searched = metadata.size();
                let bytes = fs::read(descriptor.path()).unwrap_or_default();
                let name = Path::new(removed).strip_prefix(&self.root).unwrap_or(Path::new(removed));
                self.searcher.search(&Place::Unnamed(name.display().to_string()), &bytes, &mut seen.hits);
            }
        }
    }
}

/// All files below a directory but those of its `lists`, which are what is not to be found elsewhere.
pub(crate) fn files(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(dir) = waiting.pop() {
        // They come and go.
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && path != root.join("lists") => waiting.push(path),
                Ok(kind) if kind.is_file() => files.push(path),
                _ => {}
            }
        }
    }
    files.sort();
    files
}

pub(crate) fn place(root: &Path, path: &Path) -> Place {
    Place::File(path.strip_prefix(root).unwrap().display().to_string())
}

/// Searches every file below a directory once.
pub(crate) fn sweep(root: &Path, searcher: &Searcher, hits: &mut BTreeSet<Hit>) {
    for path in files(root) {
        searcher.search(&place(root, &path), &fs::read(&path).unwrap(), hits);
    }
}
