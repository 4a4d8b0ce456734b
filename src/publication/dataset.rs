//! A dataset as it is served at one moment.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Bytes;
use ceknik_core::bucket::BucketGeometry;
use ceknik_core::encoding::hex;
use ceknik_core::log::{MAX_PROOF_BYTES, Policy, TlogProof};
use ceknik_core::manifest::{Id, MOST_MANIFEST_BYTES, Manifest, UnverifiedManifest, VerifiedManifest, manifest_sha256};
use ceknik_core::merkle::NodeHash;
use ceknik_core::oprf::OprfSecretKey;
use ceknik_core::time::Timestamp;
use sha2::{Digest, Sha256};

use super::files::{FileError, FileStamp, read_at_most};
use super::filter_files::FilterFiles;

/// Bytes that are served as they are, with what names them.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) bytes: Bytes,
    /// Lower-case hex of their SHA-256.
    pub(crate) sha256: String,
}

impl Document {
    /// Hashes bytes.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        let sha256 = hex(&Sha256::digest(&bytes));
        Self { bytes: bytes.into(), sha256 }
    }
}

/// The epoch that is current, wholly verified.
pub(crate) struct CurrentEpoch {
    pub(crate) verified: VerifiedManifest,
    pub(crate) manifest_document: Document,
    pub(crate) proof: Document,
    pub(crate) proof_stamp: FileStamp,
    /// The very file that was verified.
    pub(crate) buckets: Arc<File>,
}

impl CurrentEpoch {
    pub(crate) fn manifest(&self) -> &Manifest {
        self.verified.manifest()
    }

    pub(crate) fn number(&self) -> u64 {
        self.manifest().epoch
    }
}

/// What is kept in memory of an epoch before the current one.
#[derive(Clone)]
pub(crate) struct PastEpoch {
    sha256: [u8; 32],
    pub(crate) valid_until: Timestamp,
    pub(crate) public_key: [u8; 32],
    geometry: BucketGeometry,
    root: NodeHash,
    pub(crate) filters: Arc<[[u8; 32]]>,
}

/// The digests of a manifest's filter shards.
fn shard_names(manifest: &Manifest) -> impl Iterator<Item = [u8; 32]> + '_ {
    manifest.filter.iter().flat_map(|filter| filter.shards.iter().map(|shard| shard.sha256))
}

impl PastEpoch {
    /// What to keep of a manifest with this hash. `above`, the epoch after it, mostly names the same filter.
    pub(crate) fn of(manifest: &Manifest, sha256: [u8; 32], above: Option<&Self>) -> Self {
        let shared = above.filter(|above| shard_names(manifest).eq(above.filters.iter().copied()));
        Self {
            sha256,
            valid_until: manifest.valid_until,
            public_key: manifest.oprf.public_key.to_bytes(),
            geometry: manifest.buckets.geometry,
            root: manifest.buckets.root,
            filters: shared.map_or_else(|| shard_names(manifest).collect(), |above| Arc::clone(&above.filters)),
        }
    }
}

/// A key that is served, and until when.
pub(crate) struct ServedKey {
    pub(crate) public_key: [u8; 32],
    pub(crate) secret: Arc<OprfSecretKey>,
    /// When the last manifest that names it expires; none for the current epoch's.
    pub(crate) until: Option<Timestamp>,
}

/// Why a file of a past epoch is not given out.
#[derive(Debug)]
pub(crate) enum NotRead {
    /// It was removed, or never copied here.
    Gone,
    /// It is not what the chain of manifests says, or cannot be read: for the log.
    Damaged {
        /// Relative to the dataset's directory.
        file: String,
        reason: String,
    },
}

/// Where a bucket response is.
pub(crate) enum BucketSource {
    /// In the file that was verified when the epoch became current: the response begins at this byte.
    Verified(Arc<File>, u64),
    /// In the file of a past epoch from this byte on: to be verified by [`Dataset::open_past_bucket`].
    Past(u64),
}

/// A dataset as it is served. It does not change; a new epoch makes a new one.
pub(crate) struct Dataset {
    pub(crate) id: Id,
    pub(crate) dir: PathBuf,
    pub(crate) current: CurrentEpoch,
    pub(crate) past: Arc<BTreeMap<u64, PastEpoch>>,
    pub(crate) keys: Arc<[ServedKey]>,
    pub(crate) filters: Arc<FilterFiles>,
    pub(crate) filter_names: Arc<HashSet<[u8; 32]>>,
}

impl Dataset {
    /// Names all shards that some epoch's manifest names.
    pub(crate) fn filter_names(current: &CurrentEpoch, past: &BTreeMap<u64, PastEpoch>) -> HashSet<[u8; 32]> {
        let of_past = past.values().flat_map(|epoch| epoch.filters.iter().copied());
        shard_names(current.manifest()).chain(of_past).collect()
    }

    /// The secret of a public key, if that key is served at this time.
    pub(crate) fn key(&self, public_key: &[u8; 32], now: Timestamp) -> Option<Arc<OprfSecretKey>> {
        let key = self.keys.iter().find(|key| key.public_key == *public_key)?;
        key.until.is_none_or(|until| now <= until).then(|| Arc::clone(&key.secret))
    }

    /// The geometry of an epoch's buckets.
    pub(crate) fn geometry(&self, epoch: u64) -> Option<BucketGeometry> {
        if epoch == self.current.number() {
            return Some(self.current.manifest().buckets.geometry);
        }
        self.past.get(&epoch).map(|past| past.geometry)
    }

    /// Where the response of a bucket is, whose number is below the geometry's count.
    pub(crate) fn bucket_source(&self, epoch: u64, geometry: &BucketGeometry, index: u32) -> BucketSource {
        let offset = u64::from(index) * u64::from(geometry.response_bytes());
        if epoch == self.current.number() {
            BucketSource::Verified(Arc::clone(&self.current.buckets), offset)
        } else {
            BucketSource::Past(offset)
        }
    }

    fn epoch_file(&self, epoch: u64, name: &str) -> (PathBuf, String) {
        let file = format!("epochs/{epoch}/{name}");
        (self.dir.join(&file), file)
    }

    fn past(&self, epoch: u64) -> Result<&PastEpoch, NotRead> {
        self.past.get(&epoch).ok_or(NotRead::Gone)
    }

    /// The manifest of a past epoch. Blocks on the disk.
    pub(crate) fn read_past_manifest(&self, epoch: u64) -> Result<Document, NotRead> {
        let past = self.past(epoch)?;
        let (path, file) = self.epoch_file(epoch, "manifest");
        let bytes = read(&path, &file, MOST_MANIFEST_BYTES as u64)?;
        if manifest_sha256(&bytes) != past.sha256 {
            return Err(NotRead::Damaged { file, reason: "is not the manifest that the next epoch names".to_owned() });
        }
        Ok(Document::new(bytes))
    }

    /// The tlog-proof of a past epoch, verified under the policy. Blocks on the disk.
    pub(crate) fn read_past_proof(&self, epoch: u64, policy: &Policy) -> Result<Document, NotRead> {
        let manifest = self.read_past_manifest(epoch)?;
        let (path, file) = self.epoch_file(epoch, "proof");
        let bytes = read(&path, &file, MAX_PROOF_BYTES as u64)?;
        let damaged = |reason: String| NotRead::Damaged { file: file.clone(), reason };
        let proof = TlogProof::parse(&bytes).map_err(|error| damaged(error.to_string()))?;
        let manifest =
            UnverifiedManifest::parse(manifest.bytes.to_vec()).map_err(|error| damaged(error.to_string()))?;
        manifest.verify(policy, &proof).map_err(|error| damaged(error.to_string()))?;
        Ok(Document::new(bytes))
    }

    /// The file of a past epoch's buckets, in which the response that begins at `offset` was verified against the epoch's
    /// root. Blocks on the disk. Memory: one response, until this returns.
    pub(crate) fn open_past_bucket(&self, epoch: u64, index: u32, offset: u64) -> Result<Arc<File>, NotRead> {
        let past = self.past(epoch)?;
        let (path, file) = self.epoch_file(epoch, "buckets");
        let damaged = |reason: String| NotRead::Damaged { file: file.clone(), reason };
        let io = |error: io::Error| match FileError::from(error) {
            FileError::Missing => NotRead::Gone,
            error => damaged(error.to_string()),
        };
        let buckets = File::open(path).map_err(io)?;
        let mut response = vec![0; past.geometry.response_bytes() as usize];
        buckets.read_exact_at(&mut response, offset).map_err(io)?;
        past.geometry.open_response(index, &past.root, &response).map_err(|error| damaged(error.to_string()))?;
        Ok(Arc::new(buckets))
    }
}

fn read(path: &Path, file: &str, most: u64) -> Result<Vec<u8>, NotRead> {
    match read_at_most(path, most) {
        Ok((bytes, _)) => Ok(bytes),
        Err(FileError::Missing) => Err(NotRead::Gone),
        Err(error) => Err(NotRead::Damaged { file: file.to_owned(), reason: error.to_string() }),
    }
}
