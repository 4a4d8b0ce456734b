//! The publisher's home directory: where everything is, and who works in it.
//!
//! ```text
//! keys/log.key, keys/log.pub   the log's signing key and its public half
//! keys/store.key               the store key
//! keys/oprf/ID.G.key           the evaluation key of dataset ID, generation G
//! store.sqlite                 the record store of all datasets
//! reports/                     what imports refused, without any NIK
//! public/                      what is served; the service reads only this and keys/oprf
//! staging/                     an epoch on its way into public/
//! home.lock                    held by whoever writes
//! ```

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ceknik_core::key_file::StoreKey;
use ceknik_core::manifest::Id;
use thiserror::Error;

use crate::durable::{FileError, write_atomic};
use crate::keys::KeyDir;
use crate::store::{Store, StoreError};

/// Longest description of a task in the lock, in bytes.
const MAX_TASK_BYTES: u64 = 200;
/// How often it is looked for, and how long after each time: between taking the lock and writing into it there is a moment.
const MOST_LOOKS: u32 = 100;
const LOOK_PAUSE: Duration = Duration::from_millis(10);

/// A publisher's home directory.
#[derive(Clone, Debug)]
pub struct Home {
    directory: PathBuf,
}

/// Why a home cannot be used.
#[derive(Debug, Error)]
pub enum HomeError {
    /// Nothing there that looks like one.
    #[error("there is no publisher's home at {}: `ceknik keygen` makes one, --home DIR names another", directory.display())]
    Missing {
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// Somebody else writes.
    #[error("{task} is at work in {}: wait until it has ended and run this again", directory.display())]
    Locked {
        /// Which home.
        directory: PathBuf,
        /// What the other does.
        task: String,
    },
    /// A directory or the lock cannot be made.
    #[error("{}: {source}", path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The right to write in a home, until it is dropped or the process ends.
#[derive(Debug)]
pub struct HomeLock {
    file: File,
}

impl Drop for HomeLock {
    fn drop(&mut self) {
        // Nobody who has the lock next is told of under this name, unless this process is killed. Its room is kept: on a full disk
        // the next one would have none.
        let bytes = self.file.metadata().map_or(0, |file| file.len().min(MAX_TASK_BYTES));
        let _ = self.file.rewind().and_then(|()| self.file.write_all(&vec![b'\n'; bytes as usize]));
    }
}

impl Home {
    /// Makes the directories of a home, as far as they are not there. Keys and reports are their owner's alone.
    ///
    /// # Errors
    /// [`HomeError::Io`].
    pub fn create(directory: &Path) -> Result<Self, HomeError> {
        let home = Self { directory: directory.to_owned() };
        let keys = home.key_directory();
        let private = [keys.join("oprf"), keys, home.reports()];
        let directories = [(home.directory.clone(), 0o755), (home.public(), 0o755)];
        for (path, mode) in directories.into_iter().chain(private.map(|path| (path, 0o700))) {
            let made = DirBuilder::new().recursive(true).mode(mode).create(&path);
            made.map_err(|source| HomeError::Io { path, source })?;
        }
        Ok(home)
    }

    /// A home that was made before.
    ///
    /// # Errors
    /// [`HomeError::Missing`].
    pub fn open(directory: &Path) -> Result<Self, HomeError> {
        let home = Self { directory: directory.to_owned() };
        if home.key_directory().is_dir() { Ok(home) } else { Err(HomeError::Missing { directory: home.directory }) }
    }

    /// Takes the right to write, for a `task` such as "the import of jakarta-2024". Another process that wants it is told
    /// that task; when this process ends, however it ends, the right is free again.
    ///
    /// # Errors
    /// [`HomeError::Locked`] while somebody else has it.
    pub fn lock(&self, task: &str) -> Result<HomeLock, HomeError> {
        let path = self.directory.join("home.lock");
        let io = |source| HomeError::Io { path: path.clone(), source };
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = options.map_err(io)?;
        let mut looks = 0;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {
                    let mut task = String::new();
                    // Without the text it is still told that somebody is at work.
                    let _ = file.rewind().and_then(|()| (&file).take(MAX_TASK_BYTES).read_to_string(&mut task));
                    task.retain(|c| !c.is_control());
                    looks += 1;
                    if task.is_empty() && looks < MOST_LOOKS {
                        // Whoever has it writes its name just now.
                        std::thread::sleep(LOOK_PAUSE);
                        continue;
                    }
                    if task.is_empty() {
                        task.push_str("another command");
                    }
                    return Err(HomeError::Locked { directory: self.directory.clone(), task });
                }
                Err(TryLockError::Error(source)) => return Err(io(source)),
            }
        }
        file.rewind().map_err(io)?;
        file.set_len(0).and_then(|()| file.write_all(task.as_bytes())).map_err(io)?;
        Ok(HomeLock { file })
    }

    /// Makes the record store, which belongs to `store_key` from then on.
    ///
    /// # Errors
    /// As [`Store::create`].
    pub fn create_store(&self, store_key: &StoreKey) -> Result<Store, StoreError> {
        Store::create(&self.store(), store_key)
    }

    /// Writes the policy that is served, whole or not at all.
    ///
    /// # Errors
    /// [`FileError`]; the policy is as it was.
    pub fn write_policy(&self, policy: &[u8]) -> Result<(), FileError> {
        write_atomic(&self.policy(), policy)
    }

    /// Opens the record store.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_store(&self) -> Result<Store, StoreError> {
        Store::open(&self.store())
    }

    /// The directory itself.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn key_directory(&self) -> PathBuf {
        self.directory.join("keys")
    }

    /// The keys.
    pub fn keys(&self) -> KeyDir {
        KeyDir::of_home(&self.directory)
    }

    /// The record store.
    pub fn store(&self) -> PathBuf {
        self.directory.join("store.sqlite")
    }

    /// The directory of import reports.
    pub fn reports(&self) -> PathBuf {
        self.directory.join("reports")
    }

    /// What an import refused.
    pub fn report(&self, dataset: &Id, import: u64) -> PathBuf {
        self.reports().join(format!("{dataset}-import-{import}.csv"))
    }

    /// Where an epoch is put together before it is served.
    pub fn staging(&self) -> PathBuf {
        self.directory.join("staging")
    }

    /// The policy for trust on first use, which is served.
    pub fn policy(&self) -> PathBuf {
        self.public().join("policy")
    }

    /// What is served.
    pub fn public(&self) -> PathBuf {
        self.directory.join("public")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn keys_and_reports_are_private() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::create(&dir.path().join("new/home")).unwrap();
        for (name, mode) in [("keys", 0o700), ("keys/oprf", 0o700), ("reports", 0o700), ("public", 0o755)] {
            let path = home.directory().join(name);
            assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, mode, "{name}");
        }
        // Making it again leaves it as it is.
        Home::create(home.directory()).unwrap();
        Home::open(home.directory()).unwrap();
    }

    #[test]
    fn a_directory_without_keys_is_no_home() {
        let dir = tempfile::tempdir().unwrap();
        let error = Home::open(dir.path()).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "there is no publisher's home at {}: `ceknik keygen` makes one, --home DIR names another",
                dir.path().display()
            )
        );
    }

    #[test]
    fn the_second_is_told_who_works() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::create(dir.path()).unwrap();
        let lock = home.lock("the import of jakarta-2024 into generation 1").unwrap();
        let error = home.lock("a publication").unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "the import of jakarta-2024 into generation 1 is at work in {}: wait until it has ended and run this again",
                dir.path().display()
            )
        );
        drop(lock);
        let _lock = home.lock("a publication").unwrap();
        assert!(home.lock("x").unwrap_err().to_string().starts_with("a publication is at work"));
    }
}
