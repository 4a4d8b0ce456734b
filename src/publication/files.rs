//! Reading published files: bounded, and with a mark by which a change is noticed.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ceknik_core::encoding;
use thiserror::Error;

/// What tells a file from the one that was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileStamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl FileStamp {
    /// The mark of an open file, or of a path just looked at.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }

    /// The mark of what a path leads to now. None when it leads nowhere.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|metadata| Self::of(&metadata))
    }
}

/// Why a published file was not read.
#[derive(Debug, Error)]
pub(crate) enum FileError {
    /// It is not there.
    #[error("is missing: was the directory copied whole?")]
    Missing,
    /// Longer than any such file.
    #[error("is longer than {most} bytes, which no such file is")]
    TooLong {
        /// What is read at most.
        most: u64,
    },
    /// Something else.
    #[error("cannot be read: {0}")]
    Io(io::Error),
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // A path through a file that should be a directory leads nowhere either.
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing,
            _ => Self::Io(error),
        }
    }
}

/// Reads a whole file of at most `most` bytes.
pub(crate) fn read_at_most(path: &Path, most: u64) -> Result<(Vec<u8>, FileStamp), FileError> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(FileError::Missing);
    }
    if metadata.len() > most {
        return Err(FileError::TooLong { most });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    // It may grow while it is read.
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(FileError::TooLong { most });
    }
    Ok((bytes, FileStamp::of(&metadata)))
}

/// A decimal number in its one spelling: in names of directories, in `current`, in paths of requests.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    encoding::decimal(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_spelling() {
        assert_eq!(decimal("0"), Some(0));
        assert_eq!(decimal("18446744073709551615"), Some(u64::MAX));
        for wrong in ["", "-0", "+1", "01", " 1", "1 ", "1_0", "18446744073709551616", "\u{661}"] {
            assert_eq!(decimal(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn reads_are_bounded_and_changes_are_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        assert!(matches!(read_at_most(&path, 4), Err(FileError::Missing)));
        assert!(matches!(read_at_most(&path.join("below"), 4), Err(FileError::Missing)));
        assert!(matches!(read_at_most(dir.path(), 4), Err(FileError::Missing)));
        std::fs::write(&path, b"1234").unwrap();
        let (bytes, stamp) = read_at_most(&path, 4).unwrap();
        assert_eq!(bytes, b"1234");
        assert_eq!(FileStamp::at(&path), Some(stamp));
        std::fs::write(&path, b"12345").unwrap();
        assert_ne!(FileStamp::at(&path), Some(stamp));
        assert!(matches!(read_at_most(&path, 4), Err(FileError::TooLong { most: 4 })));
    }
}
