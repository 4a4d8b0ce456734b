//! The cache on disk.
//!
//! ```text
//! DIR/lock                            held for moments, while something is compared and replaced
//! DIR/cover-secret                    32 bytes of this device, readable by its owner alone
//! DIR/HOST-HASH/                      one for each service, HASH from its address
//!     policy                          the pinned policy
//!     DATASET/list                    the manifest seen last, its proof, the largest checkpoint
//!     DATASET/filter/SHA256           shards of that manifest
//! ```
//!
//! Files are replaced whole (written beside, then renamed) and begin with a hash or are named by it: what a crash or a
//! fault of the disk left is noticed, and fetched again. A damaged policy is not: the lookup ends. A file that a killed
//! process did not finish is removed by the next that uses the list.
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

use crate::lookup::{Cached, Item, SeenList};
use crate::server_url::ServerUrl;

mod frame;

use frame::Frame;

/// What stands before the cover secret in its file.
const COVER_SECRET_PREFIX: &str = "ceknik-cover-secret-v1:";

/// How the name of a file begins that is being written.
const UNFINISHED_PREFIX: &str = ".unfinished-";

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

/// The part of a [`Cache`] that belongs to one list of one service.
#[derive(Clone, Debug)]
pub struct Shelf {
    root: PathBuf,
    server: PathBuf,
    dataset: Id,
}

impl Cache {
    /// The cache in a directory, which is created where it is not there.
    ///
    /// # Errors
    /// [`CacheError`] when it cannot be created.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, CacheError> {
        let root = root.into();
        create_private_dir(&root)?;
        Ok(Self { root })
    }

    /// The place of a list.
    pub fn shelf(&self, server: &ServerUrl, dataset: &Id) -> Shelf {
        let address = server.as_str();
        let host = address.split_once("://").map_or(address, |(_, rest)| rest);
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '_' };
        // The name is for people to find; the hash tells addresses apart that look alike.
        let host: String = host.chars().map(plain).take(60).collect();
        let hash = hex(&Sha256::digest(address)[..8]);
        Shelf { root: self.root.clone(), server: self.root.join(format!("{host}-{hash}")), dataset: dataset.clone() }
    }
}

impl Shelf {
    fn dataset_dir(&self) -> PathBuf {
        self.server.join(self.dataset.as_str())
    }

    /// Where the policy that was pinned for the service is kept, if one was.
    pub fn policy_path(&self) -> PathBuf {
        self.server.join("policy")
    }

    fn list_path(&self) -> PathBuf {
        self.dataset_dir().join("list")
    }

    fn shard_path(&self, sha256: &[u8; 32]) -> PathBuf {
        self.dataset_dir().join("filter").join(hex(sha256))
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
        let most = MOST_MANIFEST_BYTES + MAX_PROOF_BYTES + MAX_CHECKPOINT_BYTES + frame::MOST_HEADER_BYTES;
        if let Some(bytes) = read(&self.list_path(), most)? {
            cached.list = parse_list(&bytes);
            cached.list_damaged = cached.list.is_none();
        }
        Ok(cached)
    }

    /// The file of a shard, unchecked; none when there is none that can be read.
    pub fn shard(&self, sha256: &[u8; 32]) -> Option<Vec<u8>> {
        read(&self.shard_path(sha256), usize::try_from(MOST_SHARD_BYTES).ok()?).ok()?
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
            Item::List(list) => self.store_list(list),
            Item::Shard { sha256, file } => {
                let path = self.shard_path(sha256);
                create_private_dir(&self.dataset_dir())?;
                create_private_dir(&self.dataset_dir().join("filter"))?;
                write(&path, file)
            }
            Item::CoverSecret(secret) => write_first(&self.root.join("cover-secret"), secret_text(secret).as_bytes()),
        }
    }

    /// Another process may have stored a later list meanwhile: what was seen is never forgotten for something older.
    fn store_list(&self, new: &SeenList) -> Result<(), CacheError> {
        create_private_dir(&self.dataset_dir())?;
        let path = self.list_path();
        let most = MOST_MANIFEST_BYTES + MAX_PROOF_BYTES + MAX_CHECKPOINT_BYTES + frame::MOST_HEADER_BYTES;
        let old = read(&path, most)?.and_then(|bytes| parse_list(&bytes));
        let kept = match &old {
            Some(old) => SeenList::merge(old, new.clone()),
            None => new.clone(),
        };
        if old.as_ref() != Some(&kept) {
            let parts: [(&str, &[u8]); 3] =
                [("manifest", &kept.manifest), ("proof", &kept.proof), ("checkpoint", &kept.checkpoint)];
            write(&path, &Frame::write(&parts))?;
        }
        self.remove_other_shards(&kept);
        Ok(())
    }

    /// Shards of earlier epochs. One that stays for whatever reason takes room and does no harm.
    fn remove_other_shards(&self, list: &SeenList) {
        let Ok(manifest) = Manifest::parse(&list.manifest) else { return };
        let named: Vec<String> =
            manifest.filter.iter().flat_map(|f| &f.shards).map(|shard| hex(&shard.sha256)).collect();
        let Ok(files) = fs::read_dir(self.dataset_dir().join("filter")) else { return };
        for file in files.flatten() {
            let name = file.file_name();
            let shard = name.to_str().filter(|name| name.len() == 64);
            if shard.is_some_and(|shard| !named.iter().any(|named| named == shard)) {
                let _ = fs::remove_file(file.path());
            }
        }
    }

    /// What processes left that were killed while they wrote: nobody else writes while this one holds the lock.
    fn remove_unfinished(&self) {
        for dir in [&self.root, &self.server, &self.dataset_dir(), &self.dataset_dir().join("filter")] {
            for file in fs::read_dir(dir).into_iter().flatten().flatten() {
                if file.file_name().to_str().is_some_and(|name| name.starts_with(UNFINISHED_PREFIX)) {
                    let _ = fs::remove_file(file.path());
                }
            }
        }
    }

    fn cover_secret(&self) -> Result<CoverSecret, CacheError> {
        let path = self.root.join("cover-secret");
        let text = if is_private(&path) { read(&path, 256)?.map(Zeroizing::new) } else { None };
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
    let [manifest, proof, checkpoint] = Frame::parse(bytes)?.parts(["manifest", "proof", "checkpoint"])?;
    Some(SeenList { manifest: manifest.to_vec(), proof: proof.to_vec(), checkpoint: checkpoint.to_vec() })
}

/// Creates a directory, and those above it, that others cannot look into.
fn create_private_dir(path: &Path) -> Result<(), CacheError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(failed("create the directory", path))
}

/// Whether nobody but the owner can read a file that may be there.
fn is_private(path: &Path) -> bool {
    #[cfg(unix)]
    if let Ok(metadata) = fs::metadata(path) {
        return std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 == 0;
    }
    true
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
    Ok(())
}

/// Writes a file unless it is there already.
fn write_first(path: &Path, bytes: &[u8]) -> Result<(), CacheError> {
    match prepare(path, bytes)?.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed("create", path)(error.error)),
    }
}

#[cfg(test)]
mod tests;
