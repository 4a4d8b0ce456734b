//! What an audit keeps for the next one: one directory, in which one audit works at a time.
//!
//! ```text
//! DIR/lock                            held while an audit runs
//! DIR/policy                          the policy that was taken on first use
//! DIR/log/checkpoint                  the state of the log up to which everything was followed
//! DIR/log/entries/N.W                 its entries: bundle N with W of them
//! DIR/log/told                        how many of them an audit has told of
//! DIR/lists/ID/state.json             what was found of each epoch, and which files the last one left:
//! DIR/lists/ID/shard-SHA256           shards of the filter
//! DIR/lists/ID/table-N                of every record of epoch N 16 bytes of locator and 16 of a hash
//! DIR/evidence/…                      checkpoints that contradict each other, or may, as they were signed
//! ```
//!
//! Files are replaced whole (written beside, synced, renamed, the directory synced). No NIK is in here.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};
use thiserror::Error;

/// How the name of a file begins that is being written.
const UNFINISHED_PREFIX: &str = ".unfinished-";

/// Why the state cannot be used.
#[derive(Debug, Error)]
pub enum StateError {
    /// A file operation failed.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another audit holds the directory.
    #[error("another audit is using {}: wait for its end, or give another --state", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// A file is not what was written.
    #[error("{} is damaged: remove the directory {} to audit from the beginning", path.display(), root.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The state's directory.
        root: PathBuf,
    },
    /// The directory is of another log.
    #[error(
        "{} was begun with another log than {log}, or its log/checkpoint is damaged: give each publisher a directory of its own",
        root.display()
    )]
    OtherLog {
        /// The state's directory.
        root: PathBuf,
        /// The log that is shown now.
        log: String,
    },
}

pub(crate) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError + use<> {
    let path = path.to_owned();
    move |source| StateError::File { action, path, source }
}

/// The directory, locked.
#[derive(Debug)]
pub struct State {
    root: PathBuf,
    _lock: File,
    /// Where nothing is to be kept.
    _temporary: Option<TempDir>,
}

impl State {
    /// Opens a directory, which is created where it is not there.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StateError> {
        Self::lock(root.into(), None)
    }

    /// A directory that goes with the audit.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn temporary() -> Result<Self, StateError> {
        let dir = tempfile::tempdir().map_err(failed("create a directory in", &std::env::temp_dir()))?;
        Self::lock(dir.path().to_owned(), Some(dir))
    }

    fn lock(root: PathBuf, temporary: Option<TempDir>) -> Result<Self, StateError> {
        fs::create_dir_all(&root).map_err(failed("create the directory", &root))?;
        let path = root.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(failed("open", &path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { root, _lock: lock, _temporary: temporary }),
            Err(fs::TryLockError::WouldBlock) => Err(StateError::Locked { path: root }),
            Err(fs::TryLockError::Error(error)) => Err(failed("lock", &path)(error)),
        }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether it is kept after the audit.
    pub fn is_kept(&self) -> bool {
        self._temporary.is_none()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn damaged(&self, name: &str) -> StateError {
        StateError::Damaged { path: self.path(name), root: self.root.clone() }
    }

    /// A file; none when it is not there. One of more than `most` bytes is damaged.
    pub(crate) fn read(&self, name: &str, most: usize) -> Result<Option<Vec<u8>>, StateError> {
        let path = self.path(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("open", &path)(error)),
        };
        let mut bytes = Vec::new();
        file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(failed("read", &path))?;
        if bytes.len() > most { Err(self.damaged(name)) } else { Ok(Some(bytes)) }
    }

    /// Replaces a file, or creates it and the directories above.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StateError> {
        let mut file = self.begin(name)?;
        file.write_all(bytes).map_err(failed("write", &self.path(name)))?;
        self.finish(name, file)
    }

    /// A file that is put into place by [`State::finish`].
    pub(crate) fn begin(&self, name: &str) -> Result<NamedTempFile, StateError> {
        let path = self.path(name);
        let dir = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(dir).map_err(failed("create the directory", dir))?;
        NamedTempFile::with_prefix_in(UNFINISHED_PREFIX, dir).map_err(failed("create a file in", dir))
    }

    pub(crate) fn finish(&self, name: &str, file: NamedTempFile) -> Result<(), StateError> {
        let path = self.path(name);
        file.as_file().sync_all().map_err(failed("write", &path))?;
        file.persist(&path).map_err(|error| failed("replace", &path)(error.error))?;
        let dir = path.parent().unwrap_or(&self.root);
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed("sync", dir))
    }

    /// The length of a file; 0 when it is not there.
    pub(crate) fn size(&self, name: &str) -> u64 {
        fs::metadata(self.path(name)).map_or(0, |file| file.len())
    }

    /// The names of the directories in a directory, in order.
    pub(crate) fn directories(&self, name: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(name)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    /// Gives a directory another name; where that is taken, what is there has the same name for the same content, and stays.
    pub(crate) fn rename_directory(&self, from: &str, to: &str) -> Result<(), StateError> {
        if self.path(to).exists() {
            return self.remove_directory(from);
        }
        fs::rename(self.path(from), self.path(to)).map_err(failed("rename", &self.path(from)))?;
        let dir = self.path(to).parent().map_or_else(|| self.root.clone(), Path::to_owned);
        File::open(&dir).and_then(|file| file.sync_all()).map_err(failed("sync", &dir))
    }

    /// Removes a directory with its files.
    pub(crate) fn remove_directory(&self, name: &str) -> Result<(), StateError> {
        let path = self.path(name);
        fs::remove_dir_all(&path).map_err(failed("remove", &path))
    }

    /// Removes all files of a directory whose names `keep` does not want: what an interrupted audit left, and what is needed no
    /// more. One that stays for whatever reason takes room and does no harm.
    pub(crate) fn tidy(&self, name: &str, keep: impl Fn(&str) -> bool) {
        for file in fs::read_dir(self.path(name)).into_iter().flatten().flatten() {
            if !file.file_name().to_str().is_some_and(&keep) {
                let _ = fs::remove_file(file.path());
            }
        }
    }
}

/// Replaces a file whole, on the disk: for what an audit writes elsewhere.
///
/// # Errors
/// [`StateError`].
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // A report is for everybody whom the umask lets read it, as any file that a command writes.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.prefix(UNFINISHED_PREFIX).tempfile_in(dir);
    let mut file = file.map_err(failed("create a file in", dir))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(failed("write", path))?;
    file.persist(path).map_err(|error| failed("replace", path)(error.error))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed("sync", dir))
}
