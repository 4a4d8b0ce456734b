//! Files that survive a crash: whole or not at all.
//!
//! Whoever is killed, or loses power, at any moment leaves each path in its old state or its new one. A file is written
//! under another name beside its place, brought to the disk, and renamed; then the directory is brought to the disk too,
//! since until then the rename itself may be lost. When a function returns `Ok`, what it did survives a loss of power.
//! When it returns an error, or never returns, it did all of it or nothing, except for:
//!
//! - a leftover `.NAME.tmp` beside the file, which the next write of that file replaces;
//! - directories that were created and hold nothing yet.
//!
//! One process writes to a path at a time: two at once would share the temporary name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

#[cfg(test)]
pub(crate) mod fault;
#[cfg(not(test))]
mod fault {
    /// Where the tests make operations fail.
    pub(super) fn step(_: super::Operation, _: &std::path::Path) -> std::io::Result<()> {
        Ok(())
    }
}
#[cfg(test)]
mod tests;

/// A file operation that failed.
#[derive(Debug, Error)]
#[error("cannot {action} {}: {source}{}", path.display(), what_to_do(source))]
pub struct FileError {
    /// What was tried.
    pub action: &'static str,
    /// On what.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

/// What helps where a file cannot grow, for the end of a message.
pub(crate) fn what_to_do(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull => "; free some space and run the same command again",
        io::ErrorKind::QuotaExceeded => "; free some space of the quota and run the same command again",
        // Not those that stand for a file found too long.
        io::ErrorKind::FileTooLarge if error.raw_os_error().is_some() => {
            "; lift the limit on the length of files (`ulimit -f`) and run the same command again"
        }
        _ => "",
    }
}

/// The operations that change what is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A file is created, empty.
    Create,
    /// Bytes are written to it.
    Write,
    /// A file's content is brought to the disk.
    SyncFile,
    /// Something gets a new name.
    Rename,
    /// A file gets a second name.
    Link,
    /// A name is removed.
    Remove,
    /// A directory is created.
    CreateDir,
    /// A directory's names are brought to the disk.
    SyncDir,
}

impl Operation {
    fn action(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Write => "write",
            Self::SyncFile | Self::SyncDir => "bring to the disk",
            Self::Rename => "rename",
            Self::Link => "put into place",
            Self::Remove => "remove",
            Self::CreateDir => "create the directory",
        }
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_owned();
    move |source| FileError { action, path, source }
}

/// Does one operation, unless a test makes it fail.
fn perform<T>(operation: Operation, path: &Path, run: impl FnOnce() -> io::Result<T>) -> Result<T, FileError> {
    fault::step(operation, path).and_then(|()| run()).map_err(failed(operation.action(), path))
}

/// Replaces a file's content, or creates the file; its directory is created when missing.
///
/// # Errors
/// [`FileError`]; the file is as it was.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let dir = directory(path)?;
    create_dir_all(dir)?;
    let temporary = write_temporary(path, bytes, false)?;
    rename_file(&temporary, path).inspect_err(|_| discard(&temporary))
}

/// Replaces a file's content with what `write` writes, or creates the file, for its owner alone (mode 0600). For what is too
/// long to be held in memory. Its directory must exist.
///
/// # Errors
/// What `write` gives, or [`FileError`]; the file is as it was.
pub(crate) fn write_atomic_0600<E: From<FileError>>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>,
) -> Result<(), E> {
    let (temporary, file) = create_temporary(path, true)?;
    let written = || {
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        let flushed = out.into_inner().map_err(io::IntoInnerError::into_error);
        let file = flushed.map_err(failed(Operation::Write.action(), &temporary))?;
        perform(Operation::SyncFile, &temporary, || file.sync_all())?;
        Ok::<_, E>(rename_file(&temporary, path)?)
    };
    written().inspect_err(|_| discard(&temporary))
}

/// Gives a file that was written and brought to the disk its final name, in place of what has it.
///
/// # Errors
/// [`FileError`].
pub(crate) fn rename_file(from: &Path, to: &Path) -> Result<(), FileError> {
    perform(Operation::Rename, to, || fs::rename(from, to))?;
    sync_dir(directory(to)?)
}

/// Creates a file that only its owner can read and write (mode 0600). Never replaces one: an existing file is an error of
/// kind `AlreadyExists`. Its directory must exist.
///
/// # Errors
/// [`FileError`]; nothing was created.
pub(crate) fn create_new_0600(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let dir = directory(path)?;
    let temporary = write_temporary(path, bytes, true)?;
    // Unlike a rename, a link fails when the name is taken.
    let linked = perform(Operation::Link, path, || fs::hard_link(&temporary, path));
    linked.inspect_err(|_| discard(&temporary))?;
    perform(Operation::Remove, &temporary, || fs::remove_file(&temporary))?;
    sync_dir(dir)
}

/// Removes a file.
///
/// # Errors
/// [`FileError`]; the file may be there still.
pub(crate) fn remove(path: &Path) -> Result<(), FileError> {
    perform(Operation::Remove, path, || fs::remove_file(path))?;
    sync_dir(directory(path)?)
}

/// Creates a directory, and those above it, where missing.
///
/// # Errors
/// [`FileError`]; some of the directories may exist now, empty.
pub(crate) fn create_dir_all(dir: &Path) -> Result<(), FileError> {
    if dir.as_os_str().is_empty() {
        return Ok(());
    }
    if dir.is_dir() {
        // Perhaps created by a run that was killed before it brought the name to the disk. Where the directory above may
        // not be read, it is not one that we create things in.
        let parent = dir.parent().map_or(Ok(()), sync_dir);
        return parent.or_else(|e| if e.source.kind() == io::ErrorKind::PermissionDenied { Ok(()) } else { Err(e) });
    }
    let parent = directory(dir)?;
    create_dir_all(parent)?;
    perform(Operation::CreateDir, dir, || match fs::create_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        created => created,
    })?;
    sync_dir(parent)
}

/// Brings the names in a directory to the disk.
///
/// # Errors
/// [`FileError`].
pub(crate) fn sync_dir(dir: &Path) -> Result<(), FileError> {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    perform(Operation::SyncDir, dir, || File::open(dir)?.sync_all())
}

/// Brings an existing file to the disk, content and name: for one that an interrupted run may have left in the system's
/// memory only.
///
/// # Errors
/// [`FileError`].
pub(crate) fn sync_existing(path: &Path) -> Result<(), FileError> {
    perform(Operation::SyncFile, path, || File::open(path)?.sync_all())?;
    sync_dir(directory(path)?)
}

/// Gives a prepared directory its final place, with all that is in it brought to the disk first. Never replaces
/// anything: an existing path is an error of kind `AlreadyExists`. Both places must lie on one file system.
///
/// # Errors
/// [`FileError`]; the directory is where it was.
pub(crate) fn rename_dir(from: &Path, to: &Path) -> Result<(), FileError> {
    sync_tree(from)?;
    let (old_parent, new_parent) = (directory(from)?, directory(to)?);
    create_dir_all(new_parent)?;
    // A rename would silently take the place of an empty directory.
    if to.symlink_metadata().is_ok() {
        return Err(failed("create", to)(io::ErrorKind::AlreadyExists.into()));
    }
    perform(Operation::Rename, to, || fs::rename(from, to))?;
    sync_dir(new_parent)?;
    if old_parent == new_parent { Ok(()) } else { sync_dir(old_parent) }
}

fn sync_tree(dir: &Path) -> Result<(), FileError> {
    for entry in fs::read_dir(dir).map_err(failed("read", dir))? {
        let path = entry.map_err(failed("read", dir))?.path();
        if path.is_dir() {
            sync_tree(&path)?;
        } else {
            perform(Operation::SyncFile, &path, || File::open(&path)?.sync_all())?;
        }
    }
    sync_dir(dir)
}

/// Reads a file of at most `limit` bytes. `None` where there is none.
///
/// # Errors
/// [`FileError`], of kind `FileTooLarge` for a longer file.
pub(crate) fn read_limited(path: &Path, limit: usize) -> Result<Option<Vec<u8>>, FileError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(failed("read", path)(error)),
    };
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).map_err(failed("read", path))?;
    if bytes.len() > limit {
        return Err(failed("read", path)(io::ErrorKind::FileTooLarge.into()));
    }
    Ok(Some(bytes))
}

/// The directory that a path lies in.
fn directory(path: &Path) -> Result<&Path, FileError> {
    path.parent().ok_or_else(|| failed("find the directory of", path)(io::ErrorKind::InvalidInput.into()))
}

/// Writes and syncs `.NAME.tmp` beside `path`.
fn write_temporary(path: &Path, bytes: &[u8], private: bool) -> Result<PathBuf, FileError> {
    let (temporary, file) = create_temporary(path, private)?;
    fill(&temporary, file, bytes).inspect_err(|_| discard(&temporary))?;
    Ok(temporary)
}

/// Creates `.NAME.tmp` beside `path`, in place of one that an interrupted run left.
fn create_temporary(path: &Path, private: bool) -> Result<(PathBuf, File), FileError> {
    let name = path.file_name().ok_or_else(|| failed("write", path)(io::ErrorKind::InvalidInput.into()))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(".tmp");
    let temporary = path.with_file_name(hidden);
    if temporary.symlink_metadata().is_ok() {
        perform(Operation::Remove, &temporary, || fs::remove_file(&temporary))?;
    }
    let mut options = OpenOptions::new();
    // Created anew, so that the permissions are ours from the first byte.
    options.write(true).create_new(true);
    if private {
        options.mode(0o600);
    }
    let file = perform(Operation::Create, &temporary, || options.open(&temporary))?;
    Ok((temporary, file))
}

fn fill(temporary: &Path, mut file: File, bytes: &[u8]) -> Result<(), FileError> {
    if let Err(error) = fault::step(Operation::Write, temporary) {
        // A crash while writing leaves a part.
        let _ = file.write_all(&bytes[..bytes.len() / 2]);
        return Err(failed(Operation::Write.action(), temporary)(error));
    }
    file.write_all(bytes).map_err(failed(Operation::Write.action(), temporary))?;
    perform(Operation::SyncFile, temporary, || file.sync_all())
}

/// Best effort: the error that led here matters more.
fn discard(temporary: &Path) {
    let _ = perform(Operation::Remove, temporary, || fs::remove_file(temporary));
}
