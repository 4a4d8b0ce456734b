//! The filter shards of a dataset: files named by their SHA-256, each verified before it is served.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ceknik_core::encoding::{from_hex, hex};
use ceknik_core::filter::{FilterGeometry, FilterShard, MOST_SHARD_BYTES, ShardDigest};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::dataset::NotRead;
use super::files::{FileStamp, read_at_most};
use super::load::LoadError;
use crate::durable;

/// gzip's middle: a default filter shrinks to 0.77 at levels 4 to 9 alike (its entropy is 0.72).
const GZIP_LEVEL: u32 = 4;
/// A shard is served compressed when that saves at least one part in this many.
const WORTH_PART: u64 = 16;

/// An open file and its length.
#[derive(Debug)]
pub(crate) struct OpenFile {
    pub(crate) file: File,
    pub(crate) bytes: u64,
}

/// What a file was found to be that stands under a shard's name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Good(FileStamp),
    Damaged(FileStamp),
}

/// Where the shards are and what is known of them.
pub(crate) struct FilterFiles {
    dir: PathBuf,
    gzip_dir: PathBuf,
    found: Mutex<HashMap<[u8; 32], Found>>,
}

impl FilterFiles {
    /// The shards in `dir`; compressed copies are kept in `gzip_dir`.
    pub(crate) fn new(dir: PathBuf, gzip_dir: PathBuf) -> Self {
        Self { dir, gzip_dir, found: Mutex::default() }
    }

    fn path(&self, sha256: &[u8; 32]) -> PathBuf {
        self.dir.join(hex(sha256))
    }

    fn gzip_path(&self, sha256: &[u8; 32]) -> PathBuf {
        self.gzip_dir.join(format!("{}.gz", hex(sha256)))
    }

    fn found(&self) -> MutexGuard<'_, HashMap<[u8; 32], Found>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, sha256: &[u8; 32]) -> Option<Found> {
        self.found().get(sha256).copied()
    }

    /// Whether that was not known.
    fn remember(&self, sha256: &[u8; 32], found: Found) -> bool {
        self.found().insert(*sha256, found) != Some(found)
    }

    /// Verifies a shard of an epoch in every point, unless this very file was verified before, and compresses it.
    pub(crate) fn verify(&self, geometry: &FilterGeometry, shard: u32, digest: &ShardDigest) -> Result<(), LoadError> {
        let path = self.path(&digest.sha256);
        if let Some(Found::Good(stamp)) = self.known(&digest.sha256)
            && FileStamp::at(&path) == Some(stamp)
        {
            return Ok(());
        }
        let file = || format!("filter/{}", hex(&digest.sha256));
        let (bytes, stamp) =
            read_at_most(&path, MOST_SHARD_BYTES).map_err(|source| LoadError::File { file: file(), source })?;
        let compressed = self.compressed(&bytes, &digest.sha256);
        FilterShard::open(geometry, shard, digest, bytes)
            .map_err(|source| LoadError::Filter { file: file(), source })?;
        self.remember(&digest.sha256, Found::Good(stamp));
        if let Some(compressed) = compressed {
            // Without it the shard is served as it is.
            if let Err(error) = durable::replace(&self.gzip_path(&digest.sha256), &compressed) {
                tracing::warn!(%error, "a compressed filter shard could not be stored; it is served uncompressed");
            }
        }
        Ok(())
    }

    /// A compressed copy, when there is none yet and when it is worth it.
    fn compressed(&self, bytes: &[u8], sha256: &[u8; 32]) -> Option<Vec<u8>> {
        if self.gzip_path(sha256).exists() {
            return None;
        }
        let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len()), Compression::new(GZIP_LEVEL));
        encoder.write_all(bytes).ok()?;
        let compressed = encoder.finish().ok()?;
        (compressed.len() as u64 <= bytes.len() as u64 * (WORTH_PART - 1) / WORTH_PART).then_some(compressed)
    }

    /// Opens a shard for a reader. A file that is not what its name says is gone, once that was told.
    pub(crate) fn open(&self, sha256: &[u8; 32]) -> io::Result<Result<OpenFile, NotRead>> {
        let Some(mut file) = existing(File::open(self.path(sha256)))? else { return Ok(Err(NotRead::Gone)) };
        let metadata = file.metadata()?;
        let stamp = FileStamp::of(&metadata);
        let found = match self.known(sha256) {
            Some(known @ (Found::Good(seen) | Found::Damaged(seen))) if seen == stamp => known,
            // The shard of an epoch before the current one, asked for for the first time; or another file.
            _ => {
                let may_be = metadata.is_file() && metadata.len() <= MOST_SHARD_BYTES;
                let good = may_be && sha256_of(&mut file)? == *sha256;
                let found = if good { Found::Good(stamp) } else { Found::Damaged(stamp) };
                if self.remember(sha256, found) && !good {
                    let (file, reason) = (format!("filter/{}", hex(sha256)), "is not what its name says".to_owned());
                    return Ok(Err(NotRead::Damaged { file, reason }));
                }
                found
            }
        };
        Ok(match found {
            Found::Good(_) => Ok(OpenFile { file, bytes: metadata.len() }),
            Found::Damaged(_) => Err(NotRead::Gone),
        })
    }

    /// Opens the compressed copy of a shard, if one is kept.
    pub(crate) fn open_gzip(&self, sha256: &[u8; 32]) -> io::Result<Option<OpenFile>> {
        let Some(file) = existing(File::open(self.gzip_path(sha256)))? else { return Ok(None) };
        let bytes = file.metadata()?.len();
        Ok(Some(OpenFile { file, bytes }))
    }

    /// Forgets the shards that no epoch names, and removes compressed copies of those that are published no more.
    pub(crate) fn retain(&self, named: &HashSet<[u8; 32]>) -> io::Result<()> {
        self.found().retain(|sha256, _| named.contains(sha256));
        for entry in fs::read_dir(&self.gzip_dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let sha256 = name.to_str().and_then(|name| from_hex(name.strip_suffix(".gz")?));
            if !sha256.is_some_and(|sha256| named.contains(&sha256) && self.path(&sha256).exists()) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

fn existing(result: io::Result<File>) -> io::Result<Option<File>> {
    match result {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn sha256_of(file: &mut File) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0u8; 64 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hash.finalize().into());
        }
        hash.update(&buffer[..read]);
    }
}

/// Makes the directory in which compressed copies of a dataset's shards are kept.
pub(crate) fn create_gzip_dir(state: &Path, dataset: &str) -> io::Result<PathBuf> {
    let dir = state.join("gzip").join(dataset);
    fs::create_dir_all(&dir)?;
    Ok(dir)
}
