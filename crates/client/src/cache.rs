//! The cache on disk.
//!
//! ```text
//! DIR/lock                            held for moments, while something is compared and replaced
//! DIR/cover-secret                    32 bytes of this device, readable by its owner alone
//! DIR/servers/HOST-HASH/policy        the policy pinned for a service, HASH from its address
//! DIR/logs/ORIGIN-HASH/               what was seen of a log, through whatever service, HASH from its key
//!     checkpoint                      the largest
//!     lists/DATASET/list              the manifest seen last, its proof
//!     lists/DATASET/filter/SHA256     shards of that manifest
//! ```
//!
//! Files are replaced whole (written beside, synced, renamed, the directory synced) and begin with a hash or are named by
//! it: what a crash or a fault of the disk left is noticed, and fetched again. A damaged policy is not: the lookup ends. A
//! file that a killed process did not finish is removed by the next that uses the list.
//!
//! No NIK is in here, and nothing that was derived from one but this: where the filter has several shards, those
//! are here into which the NIKs fell that were checked.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use ceknik_core::CoverSecret;
use ceknik_core::encoding::{base64url, from_base64url, hex};
use ceknik_core::filter::MOST_SHARD_BYTES;
use ceknik_core::log::{MAX_CHECKPOINT_BYTES, MAX_POLICY_BYTES, MAX_PROOF_BYTES};
use ceknik_core::manifest::{Id, MOST_MANIFEST_BYTES, Manifest};
use rand::RngCore;
use rand::rngs::OsRng;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::lookup::{Cached, Item, SeenList, larger_checkpoint};
use crate::server_url::ServerUrl;

mod frame;

use frame::Frame;
#[doc(hidden)]
pub use frame::rewrite_cached_file;

/// What stands before the cover secret in its file.
const COVER_SECRET_PREFIX: &str = "ceknik-cover-secret-v1:";

/// How the name of a file begins that is being written.
const UNFINISHED_PREFIX: &str = ".unfinished-";

/// Most logs whose memory is read.
const MOST_LOGS: usize = 64;
const MOST_LIST_BYTES: usize = MOST_MANIFEST_BYTES + MAX_PROOF_BYTES + frame::MOST_HEADER_BYTES;
const MOST_CHECKPOINT_BYTES: usize = MAX_CHECKPOINT_BYTES + frame::MOST_HEADER_BYTES;

/// Why the cache cannot be used.
#[derive(Debug, Error)]
#[error("cache, {path}: cannot {action}: {source}")]
pub struct CacheError {
    /// The file or directory.
    path: String,
    /// What was to be done with it.
    action: &'static str,
    /// Why it was not.
    source: io::Error,
}

/// Makes an error of a file from one of the system.
fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CacheError + use<> {
    let path = path.display().to_string();
    move |source| CacheError { path, action, source }
}

/// A cache for any number of services. Several processes may use it at once.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
}

/// The part of a [`Cache`] that belongs to one service and one dataset.
#[derive(Clone, Debug)]
pub struct Shelf {
    root: PathBuf,
    server: PathBuf,
    dataset: Id,
}

/// A directory's name: for people to find, with a hash that tells apart what looks alike.
fn named(name: &str, of: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '_' };
    let name: String = name.chars().map(plain).take(60).collect();
    format!("{name}-{}", hex(&Sha256::digest(of)[..8]))
}

impl Cache {
    /// The cache in a directory, which is created where it is not there.
    ///
    /// # Errors
    /// [`CacheError`] when it cannot be created, or others can write to it: whoever can replace a pinned policy is trusted
    /// like whoever it names.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, CacheError> {
        let root = root.into();
        create_private_dir(&root)?;
        if may_others(&root, 0o022) {
            let reason = "others can write to it, and so could choose whom you trust; take that right away from them";
            let source = io::Error::new(io::ErrorKind::PermissionDenied, reason);
            return Err(failed("use the directory", &root)(source));
        }
        Ok(Self { root })
    }

    /// The place of a list.
    pub fn shelf(&self, server: &ServerUrl, dataset: &Id) -> Shelf {
        let address = server.as_str();
        let host = address.split_once("://").map_or(address, |(_, rest)| rest);
        let server = self.root.join("servers").join(named(host, address));
        Shelf { root: self.root.clone(), server, dataset: dataset.clone() }
    }
}

impl Shelf {
    fn log_dir(&self, log: &str) -> PathBuf {
        let origin = log.split('+').next().unwrap_or_default();
        self.root.join("logs").join(named(origin, log))
    }

    /// Of all logs that were seen.
    fn log_dirs(&self) -> Vec<PathBuf> {
        let mut dirs: Vec<_> =
            fs::read_dir(self.root.join("logs")).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        dirs.sort_unstable();
        dirs.truncate(MOST_LOGS);
        dirs
    }

    fn dataset_dir(&self, log_dir: &Path) -> PathBuf {
        log_dir.join("lists").join(self.dataset.as_str())
    }

    /// Where the policy that was pinned for the service is kept, if one was.
    pub fn policy_path(&self) -> PathBuf {
        self.server.join("policy")
    }

    /// What is there; a cover secret is drawn where there is none.
    ///
    /// # Errors
    /// [`CacheError`] when a file that is there cannot be read, or the secret cannot be written. A damaged file is no error.
    pub fn load(&self) -> Result<Cached, CacheError> {
        create_private_dir(&self.server)?;
        let _lock = self.lock()?;
        self.remove_unfinished();
        let mut cached = Cached { cover_secret: Some(self.cover_secret()?), ..Cached::default() };
        if let Some(bytes) = read(&self.policy_path(), MAX_POLICY_BYTES + frame::MOST_HEADER_BYTES)? {
            match Frame::parse(&bytes).and_then(|frame| frame.parts(["policy"])) {
                Some([policy]) => cached.policy = Some(policy.to_vec()),
                None => cached.policy_damaged = true,
            }
        }
        for log_dir in self.log_dirs() {
            let seen = &mut cached.seen;
            if let Some(bytes) = read(&self.dataset_dir(&log_dir).join("list"), MOST_LIST_BYTES)? {
                match parse_list(&bytes) {
                    Some(list) => seen.lists.push(list),
                    None => seen.damaged = true,
                }
            }
            if let Some(bytes) = read(&log_dir.join("checkpoint"), MOST_CHECKPOINT_BYTES)? {
                match parse_checkpoint(&bytes) {
                    Some(checkpoint) => seen.checkpoints.push(checkpoint),
                    None => seen.damaged = true,
                }
            }
        }
        Ok(cached)
    }

    /// The file of a shard, unchecked; none when there is none that can be read.
    pub fn shard(&self, sha256: &[u8; 32]) -> Option<Vec<u8>> {
        let most = usize::try_from(MOST_SHARD_BYTES).ok()?;
        let path = |log_dir: PathBuf| self.dataset_dir(&log_dir).join("filter").join(hex(sha256));
        self.log_dirs().into_iter().find_map(|log_dir| read(&path(log_dir), most).ok()?)
    }

    /// Keeps something.
    ///
    /// # Errors
    /// [`CacheError`] when it cannot be written.
    pub fn store(&self, item: &Item) -> Result<(), CacheError> {
        create_private_dir(&self.server)?;
        let _lock = self.lock()?;
        match item {
            Item::Policy(text) => write_first(&self.policy_path(), &Frame::write(&[("policy", text)])),
            Item::List { log, list } => self.store_list(&self.log_dir(log), list),
            Item::Checkpoint { log, checkpoint } => store_checkpoint(&self.log_dir(log), checkpoint),
            Item::Shard { log, sha256, file } => {
                let dir = self.dataset_dir(&self.log_dir(log)).join("filter");
                create_private_dir(&dir)?;
                write(&dir.join(hex(sha256)), file)
            }
        }
    }

    /// Another process may have stored a later list meanwhile: what was seen is never forgotten for something older.
    fn store_list(&self, log_dir: &Path, new: &SeenList) -> Result<(), CacheError> {
        let dir = self.dataset_dir(log_dir);
        create_private_dir(&dir)?;
        let path = dir.join("list");
        let old = read(&path, MOST_LIST_BYTES)?.and_then(|bytes| parse_list(&bytes));
        let kept = match &old {
            Some(old) => SeenList::later(old, new.clone()),
            None => new.clone(),
        };
        if old.as_ref() != Some(&kept) {
            write(&path, &Frame::write(&[("manifest", &kept.manifest), ("proof", &kept.proof)]))?;
        }
        remove_other_shards(&dir, &kept);
        Ok(())
    }

    /// What processes left that were killed while they wrote: nobody else writes while this one holds the lock.
    fn remove_unfinished(&self) {
        let of_log = |log: PathBuf| {
            let dataset = self.dataset_dir(&log);
            [dataset.join("filter"), dataset, log]
        };
        let dirs = self.log_dirs().into_iter().flat_map(of_log);
        for dir in dirs.chain([self.root.clone(), self.server.clone()]) {
            for file in fs::read_dir(dir).into_iter().flatten().flatten() {
                if file.file_name().to_str().is_some_and(|name| name.starts_with(UNFINISHED_PREFIX)) {
                    let _ = fs::remove_file(file.path());
                }
            }
        }
    }

    fn cover_secret(&self) -> Result<CoverSecret, CacheError> {
        let path = self.root.join("cover-secret");
        let text = if may_others(&path, 0o077) { None } else { read(&path, 256)?.map(Zeroizing::new) };
        let text = text.as_deref().and_then(|text| core::str::from_utf8(text).ok());
        let encoded = text.and_then(|text| text.trim_end().strip_prefix(COVER_SECRET_PREFIX));
        if let Some(bytes) = encoded.and_then(from_base64url::<32>) {
            return Ok(CoverSecret::from_bytes(bytes));
        }
        // There is none, or it is damaged, or others could read it: a new one, and new coins.
        let mut bytes = Zeroizing::new([0u8; 32]);
        OsRng.fill_bytes(&mut *bytes);
        let secret = CoverSecret::from_bytes(*bytes);
        write(&path, secret_text(&secret).as_bytes())?;
        Ok(secret)
    }

    fn lock(&self) -> Result<File, CacheError> {
        let path = self.root.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(failed("open", &path))?;
        file.lock().map_err(failed("lock", &path))?;
        Ok(file)
    }
}

fn secret_text(secret: &CoverSecret) -> Zeroizing<String> {
    Zeroizing::new(format!("{COVER_SECRET_PREFIX}{}\n", base64url(secret.expose_bytes())))
}

fn parse_list(bytes: &[u8]) -> Option<SeenList> {
    let [manifest, proof] = Frame::parse(bytes)?.parts(["manifest", "proof"])?;
    Some(SeenList { manifest: manifest.to_vec(), proof: proof.to_vec() })
}

fn parse_checkpoint(bytes: &[u8]) -> Option<Vec<u8>> {
    let [checkpoint] = Frame::parse(bytes)?.parts(["checkpoint"])?;
    Some(checkpoint.to_vec())
}

/// As with lists: the larger stays.
fn store_checkpoint(log_dir: &Path, new: &[u8]) -> Result<(), CacheError> {
    create_private_dir(log_dir)?;
    let path = log_dir.join("checkpoint");
    let old = read(&path, MOST_CHECKPOINT_BYTES)?.and_then(|bytes| parse_checkpoint(&bytes));
    let kept = match &old {
        Some(old) => larger_checkpoint(old, new.to_vec()),
        None => new.to_vec(),
    };
    if old.as_ref() == Some(&kept) {
        return Ok(());
    }
    write(&path, &Frame::write(&[("checkpoint", &kept)]))
}

/// Removes shards of earlier epochs. One that stays for whatever reason takes room and does no harm.
fn remove_other_shards(dataset_dir: &Path, list: &SeenList) {
    let Ok(manifest) = Manifest::parse(&list.manifest) else { return };
    let named: Vec<String> = manifest.filter.iter().flat_map(|f| &f.shards).map(|shard| hex(&shard.sha256)).collect();
    let Ok(files) = fs::read_dir(dataset_dir.join("filter")) else { return };
    for file in files.flatten() {
        let name = file.file_name();
        let shard = name.to_str().filter(|name| name.len() == 64);
        if shard.is_some_and(|shard| !named.iter().any(|named| named == shard)) {
            let _ = fs::remove_file(file.path());
        }
    }
}

/// Creates a directory, and those above it, that others cannot look into.
fn create_private_dir(path: &Path) -> Result<(), CacheError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(failed("create the directory", path))
}

/// Whether others than the owner have one of these rights to what may be at a path.
fn may_others(path: &Path, rights: u32) -> bool {
    #[cfg(unix)]
    if let Ok(metadata) = fs::metadata(path) {
        return std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & rights != 0;
    }
    let _ = (path, rights);
    false
}

/// A file of at most `most` bytes; none when it is not there. A longer one is cut, which its hash will tell.
fn read(path: &Path, most: usize) -> Result<Option<Vec<u8>>, CacheError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("open", path)(error)),
    };
    let mut bytes = Vec::new();
    file.take(most as u64).read_to_end(&mut bytes).map_err(failed("read", path))?;
    Ok(Some(bytes))
}

/// Writes a file beside, in whose place it is then put. Nobody but the owner can read it.
fn prepare(path: &Path, bytes: &[u8]) -> Result<NamedTempFile, CacheError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = NamedTempFile::with_prefix_in(UNFINISHED_PREFIX, dir).map_err(failed("create a file in", dir))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(failed("write", path))?;
    Ok(file)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), CacheError> {
    prepare(path, bytes)?.persist(path).map_err(|error| failed("replace", path)(error.error))?;
    sync_dir(path)
}

/// Makes the name of a file last: a pinned policy that a loss of power takes away would be pinned anew, from whoever answers.
fn sync_dir(path: &Path) -> Result<(), CacheError> {
    #[cfg(unix)]
    if let Some(dir) = path.parent() {
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed("sync", dir))?;
    }
    let _ = path;
    Ok(())
}

/// Writes a file unless it is there already.
fn write_first(path: &Path, bytes: &[u8]) -> Result<(), CacheError> {
    match prepare(path, bytes)?.persist_noclobber(path) {
        Ok(_) => sync_dir(path),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed("create", path)(error.error)),
    }
}

#[cfg(test)]
mod tests;
