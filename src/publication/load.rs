//! From a directory that somebody copied here to an epoch that is served: every check that can be made without the raw
//! list, the cheap ones first.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use ceknik_core::bucket::BucketError;
use ceknik_core::filter::FilterError;
use ceknik_core::log::{MAX_PROOF_BYTES, Policy, ProofError, TlogProof, VerifiedCheckpoint};
use ceknik_core::manifest::{
    Id, MOST_MANIFEST_BYTES, Manifest, ManifestError, SuccessionError, UnverifiedManifest, VerifiedManifest,
    VerifyError,
};
use ceknik_core::oprf::OprfPublicKey;
use ceknik_core::time::Timestamp;
use thiserror::Error;

use super::dataset::{CurrentEpoch, Dataset, Document, PastEpoch, ServedKey};
use super::files::{FileError, FileStamp, decimal, read_at_most};
use super::filter_files::FilterFiles;
use super::log::{LogError, check_tiles};
use crate::key_ring::{KeyError, KeyRing};

/// Why an epoch is not served. Files are named relative to the dataset's directory, the log's to the public directory.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    #[error("{file}: {source}")]
    File { file: String, source: FileError },
    #[error("the state directory cannot be written: {0}")]
    State(io::Error),
    #[error("current: not a decimal number and a line feed")]
    Current,
    #[error("current: names epoch {number}, but epoch {served} is served: epochs do not go back")]
    Back { number: u64, served: u64 },
    #[error("{file}: {source}")]
    Manifest { file: String, source: ManifestError },
    #[error("{file}: is the manifest of epoch {epoch} of dataset {dataset}: were directories mixed up?")]
    Misplaced { file: String, dataset: Id, epoch: u64 },
    #[error("{file}: {source}")]
    Proof { file: String, source: ProofError },
    #[error("{file}: does not vouch for the manifest beside it: {source}")]
    Verify { file: String, source: VerifyError },
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("{file}: does not follow epoch {before}: {source}")]
    Succession { file: String, before: u64, source: SuccessionError },
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("{file}: {source}")]
    Filter { file: String, source: FilterError },
    #[error("{file}: is {got} bytes long, {count} responses of {response_bytes} make {want}: was it copied whole?")]
    BucketsLength { file: String, got: u64, want: u64, count: u32, response_bytes: u32 },
    #[error("{file}: bucket {index}: {source}")]
    Bucket { file: String, index: u32, source: BucketError },
    #[error("{file}: holds {got} records, the manifest says {want}")]
    Records { file: String, got: u64, want: u64 },
}

/// What loading needs to know.
pub(crate) struct Loading<'a> {
    pub(crate) id: &'a Id,
    /// The dataset's directory.
    pub(crate) dir: &'a Path,
    pub(crate) policy: &'a Policy,
    /// The public directory, for the log in it.
    pub(crate) public: &'a Path,
    /// The checkpoint that is given out.
    pub(crate) held: Option<&'a VerifiedCheckpoint>,
    pub(crate) keys: &'a mut KeyRing,
    pub(crate) filters: &'a Arc<FilterFiles>,
    /// What is served now.
    pub(crate) served: Option<&'a Dataset>,
    pub(crate) now: Timestamp,
}

impl Loading<'_> {
    /// Verifies an epoch wholly and makes it the current one.
    pub(crate) fn load(mut self, number: u64) -> Result<Dataset, LoadError> {
        if let Some(served) = self.served.filter(|served| number < served.current.number()) {
            return Err(LoadError::Back { number, served: served.current.number() });
        }
        let unverified = self.read_manifest(number)?;
        let (proof, proof_stamp) = read_proof(self.dir, number)?;
        let verified = verify(self.policy, number, unverified, &proof)?;
        check_tiles(self.public, verified.checkpoint(), Some(verified.log_index()), self.held)?;
        let past = self.past(verified.manifest())?;
        let keys = self.served_keys(verified.manifest(), &past)?;
        let buckets = self.open_buckets(verified.manifest())?;
        if let Some(filter) = &verified.manifest().filter {
            for (shard, digest) in (0..).zip(&filter.shards) {
                self.filters.verify(&filter.geometry, shard, digest)?;
            }
        }
        verify_buckets(verified.manifest(), &buckets)?;
        let manifest_document = Document::new(verified.as_bytes().to_vec());
        let current = CurrentEpoch { verified, manifest_document, proof, proof_stamp, buckets: Arc::new(buckets) };
        let filter_names = Arc::new(Dataset::filter_names(&current, &past));
        Ok(Dataset {
            id: self.id.clone(),
            dir: self.dir.to_owned(),
            current,
            past: Arc::new(past),
            keys: keys.into(),
            filters: Arc::clone(self.filters),
            filter_names,
        })
    }

    fn read_manifest(&self, number: u64) -> Result<UnverifiedManifest, LoadError> {
        let file = format!("epochs/{number}/manifest");
        let (bytes, _) = read_at_most(&self.dir.join(&file), MOST_MANIFEST_BYTES as u64)
            .map_err(|source| LoadError::File { file: file.clone(), source })?;
        let manifest =
            UnverifiedManifest::parse(bytes).map_err(|source| LoadError::Manifest { file: file.clone(), source })?;
        let Manifest { dataset, epoch, .. } = manifest.claimed();
        if dataset != self.id || *epoch != number {
            return Err(LoadError::Misplaced { file, dataset: dataset.clone(), epoch: *epoch });
        }
        Ok(manifest)
    }

    /// The epochs before, newest first, down to those that are known already. Each must be what the one after it names, or
    /// be in the log itself. What is neither is passed over; what is in the log and contradicts the new epoch refuses it.
    fn past(&self, newest: &Manifest) -> Result<BTreeMap<u64, PastEpoch>, LoadError> {
        let mut past = BTreeMap::new();
        let mut above = (newest.clone(), None);
        for number in self.numbers_on_disk().into_iter().rev() {
            let known = self.served.map_or(0, |served| served.current.number());
            if number >= newest.epoch || number <= known {
                continue;
            }
            match self.past_epoch(number, &above.0) {
                Ok(below) => {
                    let kept = PastEpoch::of(below.claimed(), below.sha256(), above.1.as_ref());
                    past.insert(number, kept.clone());
                    above = (below.claimed().clone(), Some(kept));
                }
                Err(error @ LoadError::Succession { .. }) if above.0.epoch == newest.epoch => return Err(error),
                Err(error) => {
                    tracing::warn!(dataset = %self.id, epoch = number, reason = %error, "an older epoch is not served");
                }
            }
        }
        if let Some(served) = self.served.filter(|served| served.current.number() < newest.epoch) {
            let before = &served.current;
            let manifest = before.manifest();
            check_succession(&above.0, manifest, &before.verified.sha256())?;
            past.extend(served.past.iter().map(|(number, epoch)| (*number, epoch.clone())));
            past.insert(manifest.epoch, PastEpoch::of(manifest, before.verified.sha256(), above.1.as_ref()));
        }
        Ok(past)
    }

    fn past_epoch(&self, number: u64, above: &Manifest) -> Result<UnverifiedManifest, LoadError> {
        let below = self.read_manifest(number)?;
        let succession = check_succession(above, below.claimed(), &below.sha256());
        if succession.is_ok() && above.epoch == number + 1 {
            return Ok(below);
        }
        let (proof, _) = read_proof(self.dir, number)?;
        verify(self.policy, number, below.clone(), &proof)?;
        succession.map(|()| below)
    }

    fn numbers_on_disk(&self) -> Vec<u64> {
        let names =
            fs::read_dir(self.dir.join("epochs")).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let mut numbers: Vec<u64> = names.filter_map(|name| decimal(name.to_str()?)).collect();
        numbers.sort_unstable();
        numbers
    }

    /// The current epoch's key, and those of earlier epochs that have not expired.
    fn served_keys(&mut self, newest: &Manifest, past: &BTreeMap<u64, PastEpoch>) -> Result<Vec<ServedKey>, LoadError> {
        let public_key = &newest.oprf.public_key;
        let secret = match self.keys.find(self.id, public_key) {
            Ok(secret) => secret,
            Err(_) => {
                self.keys.read_again()?;
                self.keys.find(self.id, public_key)?
            }
        };
        let mut served = vec![ServedKey { public_key: public_key.to_bytes(), secret, until: None }];
        for epoch in past.values().filter(|epoch| self.now <= epoch.valid_until) {
            if let Some(key) = served.iter_mut().find(|key| key.public_key == epoch.public_key) {
                key.until = key.until.map(|until| until.max(epoch.valid_until));
                continue;
            }
            let found = OprfPublicKey::from_bytes(&epoch.public_key).ok().map(|key| self.keys.find(self.id, &key));
            match found {
                Some(Ok(secret)) => {
                    served.push(ServedKey { public_key: epoch.public_key, secret, until: Some(epoch.valid_until) });
                }
                Some(Err(error)) => {
                    tracing::warn!(dataset = %self.id, reason = %error, "the key of an epoch that is still valid is not served");
                }
                None => {}
            }
        }
        Ok(served)
    }

    fn open_buckets(&self, manifest: &Manifest) -> Result<File, LoadError> {
        let geometry = manifest.buckets.geometry;
        let file = buckets_file(manifest);
        let open = || {
            let buckets = File::open(self.dir.join(&file))?;
            let metadata = buckets.metadata()?;
            if metadata.is_file() { Ok((buckets, metadata.len())) } else { Err(FileError::Missing) }
        };
        let (buckets, got) = open().map_err(|source| LoadError::File { file: file.clone(), source })?;
        let (count, response_bytes) = (geometry.count(), geometry.response_bytes());
        let want = u64::from(count) * u64::from(response_bytes);
        if got != want {
            return Err(LoadError::BucketsLength { file, got, want, count, response_bytes });
        }
        Ok(buckets)
    }
}

/// Reads an epoch's proof. Nothing is verified.
pub(crate) fn read_proof(dir: &Path, number: u64) -> Result<(Document, FileStamp), LoadError> {
    let file = format!("epochs/{number}/proof");
    let read = read_at_most(&dir.join(&file), MAX_PROOF_BYTES as u64);
    let (bytes, stamp) = read.map_err(|source| LoadError::File { file, source })?;
    Ok((Document::new(bytes), stamp))
}

/// Verifies a manifest by its proof.
pub(crate) fn verify(
    policy: &Policy,
    number: u64,
    manifest: UnverifiedManifest,
    proof: &Document,
) -> Result<VerifiedManifest, LoadError> {
    let file = format!("epochs/{number}/proof");
    let proof = TlogProof::parse(&proof.bytes).map_err(|source| LoadError::Proof { file: file.clone(), source })?;
    manifest.verify(policy, &proof).map_err(|source| LoadError::Verify { file, source })
}

fn check_succession(later: &Manifest, before: &Manifest, before_sha256: &[u8; 32]) -> Result<(), LoadError> {
    let adjacent = before.epoch.checked_add(1) == Some(later.epoch);
    let checked = if adjacent { later.check_follows(before, before_sha256) } else { later.check_later(before) };
    let file = format!("epochs/{}/manifest", later.epoch);
    checked.map_err(|source| LoadError::Succession { file, before: before.epoch, source })
}

fn buckets_file(manifest: &Manifest) -> String {
    format!("epochs/{}/buckets", manifest.epoch)
}

/// Checks every response against the root: path, order, padding, length; then the number of records. Memory: one response.
fn verify_buckets(manifest: &Manifest, buckets: &File) -> Result<(), LoadError> {
    let (geometry, file) = (manifest.buckets.geometry, buckets_file(manifest));
    let mut reader = BufReader::with_capacity(1 << 20, buckets);
    let mut response = vec![0; geometry.response_bytes() as usize];
    let mut records = 0;
    for index in 0..geometry.count() {
        reader
            .read_exact(&mut response)
            .map_err(|error| LoadError::File { file: file.clone(), source: error.into() })?;
        let bucket = geometry
            .open_response(index, &manifest.buckets.root, &response)
            .map_err(|source| LoadError::Bucket { file: file.clone(), index, source })?;
        records += bucket.len() as u64;
    }
    if records == manifest.records {
        Ok(())
    } else {
        Err(LoadError::Records { file, got: records, want: manifest.records })
    }
}
