//! From a staged epoch to files in their places.
//!
//! ```text
//! staging/filter/SHA256       shard files that the public directory may not have yet
//! staging/epoch/manifest, proof, buckets
//! ```

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ceknik_core::encoding::hex;
use ceknik_core::filter::ShardDigest;
use ceknik_core::log::{LogSigner, SignedCheckpoint};
use ceknik_core::manifest::Id;

use super::draft::Draft;
use super::witnesses::{is_staged, proof_under};
use super::{PublishError, PublishPhase};
use crate::durable;
use crate::log_dir::{LogDir, PreparedAppend};
use crate::store::Epoch;

pub(super) fn epoch_dir(public: &Path, dataset: &Id, number: u64) -> PathBuf {
    public.join("datasets").join(dataset.as_str()).join("epochs").join(number.to_string())
}

fn filter_dir(public: &Path, dataset: &Id) -> PathBuf {
    public.join("datasets").join(dataset.as_str()).join("filter")
}

/// The file system that a path lies on, or will when it is created.
fn device(path: &Path) -> Result<u64, PublishError> {
    let mut metadata = fs::metadata(path);
    for above in path.ancestors().skip(1) {
        match &metadata {
            Err(error) if error.kind() == io::ErrorKind::NotFound => metadata = fs::metadata(above),
            _ => break,
        }
    }
    metadata.map(|metadata| metadata.dev()).map_err(|source| PublishError::io("read", path, source))
}

/// Whether a pending epoch is neither in its place nor staged.
pub(super) fn is_lost(staging: &Path, public: &Path, epoch: &Epoch) -> bool {
    let places = [staging.join("epoch"), epoch_dir(public, &epoch.dataset, epoch.number)];
    !places.iter().any(|place| place.join("manifest").exists())
}

pub(super) fn log(public: &Path, signer: &LogSigner) -> LogDir {
    LogDir::new(public.join("log"), signer.verifier_key())
}

/// Writes everything of a draft into `staging`, in place of whatever an interrupted run left there, and to the disk.
///
/// The checkpoint within the staged proof is shown to nobody before the store has the epoch as pending.
pub(super) fn stage(
    staging: &Path,
    public: &Path,
    signer: &LogSigner,
    draft: &Draft,
    log_index: u64,
    write_table: impl FnOnce(&Path) -> Result<(), PublishError>,
) -> Result<(), PublishError> {
    clear(staging)?;
    let taken = epoch_dir(public, &draft.manifest.dataset, draft.manifest.epoch);
    if taken.exists() {
        return Err(PublishError::Exists { path: taken });
    }
    let (filter, epoch) = (staging.join("filter"), staging.join("epoch"));
    durable::create_dir_all(&filter)?;
    durable::create_dir_all(&epoch)?;
    // Told before the epoch is begun, since one that was begun must be finished.
    for place in [taken, filter_dir(public, &draft.manifest.dataset)] {
        if device(&place)? != device(staging)? {
            return Err(PublishError::OtherFileSystem { staging: staging.to_owned(), public: place });
        }
    }
    if let Some(bits) = &draft.filter {
        for file in bits.files() {
            let path = filter.join(hex(&ShardDigest::of(&file).sha256));
            durable::write_atomic(&path, &file)?;
        }
    }
    write_table(&epoch.join("buckets"))?;
    let append = log(public, signer).prepare(signer, log_index, &draft.bytes)?;
    durable::write_atomic(&epoch.join("proof"), append.proof())?;
    durable::write_atomic(&epoch.join("manifest"), &draft.bytes)?;
    durable::sync_dir(&epoch)?;
    Ok(())
}

/// The first half: filter and the log's entry. Every step may have been done by a run that was killed, wholly or not at all.
/// From then on the checkpoint of what this gives may be shown.
pub(super) fn place_entry(
    staging: &Path,
    public: &Path,
    signer: &LogSigner,
    epoch: &Epoch,
    observer: &mut dyn FnMut(PublishPhase),
) -> Result<PreparedAppend, PublishError> {
    observer(PublishPhase::PlaceFilter);
    place_filter(&staging.join("filter"), &filter_dir(public, &epoch.dataset))?;

    observer(PublishPhase::Log);
    let log = log(public, signer);
    let prepared = log.prepare(signer, epoch.log_index, &epoch.manifest)?;
    log.write_entry(&prepared)?;
    Ok(prepared)
}

/// The second half, with the checkpoint as witnesses have cosigned it: what shows the epoch.
pub(super) fn place_rest(
    staging: &Path,
    public: &Path,
    signer: &LogSigner,
    epoch: &Epoch,
    prepared: &PreparedAppend,
    checkpoint: &SignedCheckpoint,
    observer: &mut dyn FnMut(PublishPhase),
) -> Result<(), PublishError> {
    let log = log(public, signer);
    let proof = proof_under(prepared, checkpoint, &log)?;

    observer(PublishPhase::PlaceEpoch);
    let (staged, placed) = (staging.join("epoch"), epoch_dir(public, &epoch.dataset, epoch.number));
    if is_staged(&staged) {
        durable::write_atomic(&staged.join("proof"), &proof)?;
    }
    place_epoch(&staged, &placed, &epoch.manifest)?;
    // Placed by a run that had fewer cosignatures, perhaps.
    let path = placed.join("proof");
    if fs::read(&path).map_err(|source| PublishError::io("read", &path, source))? != proof {
        durable::write_atomic(&path, &proof)?;
    }

    observer(PublishPhase::Current);
    log.write_checkpoint(checkpoint)?;
    let current = public.join("datasets").join(epoch.dataset.as_str()).join("current");
    durable::write_atomic(&current, format!("{}\n", epoch.number).as_bytes())?;
    Ok(())
}

fn place_filter(staged: &Path, public: &Path) -> Result<(), PublishError> {
    durable::create_dir_all(public)?;
    let entries = match fs::read_dir(staged) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|source| PublishError::io("read", staged, source))?,
    };
    for entry in entries {
        let from = entry.map_err(|source| PublishError::io("read", staged, source))?.path();
        let Some(name) = from.file_name() else { continue };
        let to = public.join(name);
        // The name is the content's hash, so a file of that name is the same or damaged, and is the same afterwards.
        fs::rename(&from, &to).map_err(|source| PublishError::io("put into place", &to, source))?;
    }
    durable::sync_dir(public)?;
    Ok(())
}

fn place_epoch(staged: &Path, public: &Path, manifest: &[u8]) -> Result<(), PublishError> {
    if public.exists() {
        let path = public.join("manifest");
        let there = fs::read(&path).map_err(|source| PublishError::io("read", &path, source))?;
        return if there == manifest { Ok(()) } else { Err(PublishError::Exists { path: public.to_owned() }) };
    }
    let path = staged.join("manifest");
    let ours = fs::read(&path).map_err(|source| PublishError::io("read", &path, source))?;
    if ours != manifest {
        return Err(PublishError::Damaged { path, reason: "it is not the epoch that the store has begun" });
    }
    durable::rename_dir(staged, public)?;
    Ok(())
}

/// Removes what is staged.
pub(super) fn clear(staging: &Path) -> Result<(), PublishError> {
    match fs::remove_dir_all(staging) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(PublishError::io("remove", staging, error)),
        _ => Ok(()),
    }
}
