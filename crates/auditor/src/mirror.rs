//! A verified copy of a publisher's public files, for any static host: the same follower, and files under the paths of the
//! protocol.
//!
//! ```text
//! DIR/v1/…, DIR/log/…     what a service answers to GET (spec, "HTTP")
//! DIR/.mirror/            the state of the follower, which need not be served
//! ```
//!
//! Files of an epoch come before what points to it, and the checkpoint is last: whoever looks meanwhile sees the old state or the
//! new one. A file that is there is verified, and not fetched again.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ceknik_client::CacheMode;
use ceknik_core::encoding::hex;
use ceknik_core::filter::FilterShard;
use ceknik_core::log::{
    MAX_POLICY_BYTES, MAX_PROOF_BYTES, Policy, SignedCheckpoint, TlogProof, VerifiedCheckpoint, VerifierKey,
};
use ceknik_core::manifest::{Id, MOST_MANIFEST_BYTES, Manifest, UnverifiedManifest, VerifyError, manifest_sha256};
use futures_util::stream::{self, StreamExt};
use serde::Serialize;
use thiserror::Error;

use crate::AT_ONCE;
use crate::history::{History, LoggedEpoch};
use crate::log::{FollowError, bundle_bytes, follow, for_each_entry, hold_to, tile_bytes};
use crate::source::{Missing, Source};
use crate::state::{State, StateError, failed, write_whole};

/// Where the state of the follower is, below the mirror's directory.
const STATE: &str = ".mirror";
/// Epochs of a list that a mirror without an archive keeps: the current one, and the one before, which somebody may be using.
const EPOCHS_KEPT: usize = 2;

/// What is to be copied, and where to.
#[derive(Debug)]
pub struct Mirror {
    /// The service, or another mirror.
    pub source: Source,
    /// The directory.
    pub dir: PathBuf,
    /// Whom to trust.
    pub policy: Policy,
    /// Which lists; none: all that are in the log.
    pub datasets: Vec<Id>,
    /// Whether every epoch is copied whose files are there, and none is removed.
    pub archive: bool,
}

/// Why a copy is not whole. What was copied by then is verified, and nothing points to what is missing.
#[derive(Debug, Error)]
pub enum MirrorError {
    /// The log was not followed.
    #[error("the log: {0}")]
    Log(#[from] FollowError),
    /// The state or a file of the mirror cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// A list that is not in the log.
    #[error("the log has no list {dataset}")]
    NoSuchList {
        /// As asked.
        dataset: Id,
    },
    /// A file cannot be had.
    #[error("{path} cannot be had: {why}")]
    Missing {
        /// Which.
        path: String,
        /// Why.
        why: Missing,
    },
    /// A file is not the one that the log vouches for.
    #[error("{path} is not what the log vouches for: {why}; `ceknik audit` says more")]
    Wrong {
        /// Which.
        path: String,
        /// Why.
        why: String,
    },
}

/// What was copied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Mirrored {
    /// Entries of the log.
    pub log_size: u64,
    /// Lists.
    pub lists: u64,
    /// Epochs that are whole here.
    pub epochs: u64,
    /// Epochs whose files are served no more.
    pub gone: u64,
    /// Files that were fetched.
    pub fetched: u64,
    /// Files that were here, and verified.
    pub kept: u64,
    /// Files that are the same as in another epoch, and linked to it.
    pub linked: u64,
}

impl Mirror {
    /// Copies. `progress` is told how many files of an epoch are there, of how many.
    ///
    /// # Errors
    /// [`MirrorError`].
    pub async fn run(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Mirrored, MirrorError> {
        let state = State::open(self.dir.join(STATE))?;
        let followed = follow(&self.source, &state, &self.policy, &mut |_, _| {}).await?;
        let head = followed.checkpoint.head();
        let mut history = History::new(followed.checkpoint.origin(), 0);
        for_each_entry(&state, head, |index, entry| history.read(index, entry))?;
        let wanted: Vec<&Id> = match &self.datasets[..] {
            [] => history.lists().keys().collect(),
            named => named.iter().collect(),
        };
        let mut run = Run {
            state: &state,
            followed: &followed.checkpoint,
            sizes: BTreeSet::from([head.size]),
            done: Mirrored { log_size: head.size, ..Mirrored::default() },
        };
        let mut current = Vec::new();
        for dataset in wanted {
            let no_such_list = || MirrorError::NoSuchList { dataset: dataset.clone() };
            let epochs = history.lists().get(dataset).ok_or_else(no_such_list)?;
            let newest = epochs.last().ok_or_else(no_such_list)?;
            // The newest first: it is what people need.
            let older = if self.archive { &epochs[..epochs.len() - 1] } else { &[] };
            let mut before: Option<&LoggedEpoch> = self.whole_before(dataset, epochs);
            for epoch in [newest].into_iter().chain(older.iter().rev()) {
                let is_current = epoch.index == newest.index;
                let copied = match self.copy_epoch(dataset, epoch, before, &mut run, progress).await {
                    Ok(manifest) => self.copy_proof(dataset, epoch, manifest, is_current, &mut run).await,
                    Err(error) => Err(error),
                };
                match copied {
                    Ok(()) => {
                        before = Some(epoch);
                        run.done.epochs += 1;
                    }
                    Err(MirrorError::Missing { why: Missing::Gone { .. }, .. }) if !is_current => run.done.gone += 1,
                    Err(error) => return Err(error),
                }
            }
            current.push((dataset, newest));
            run.done.lists += 1;
        }
        self.copy_log(head.size, &mut run)?;
        self.copy_policy(followed.checkpoint.log()).await?;
        for (dataset, newest) in &current {
            let manifest = fs::read(self.path(&format!("v1/{dataset}/epochs/{}/manifest", newest.manifest.epoch)));
            let path = format!("v1/{dataset}/manifest");
            self.put(&path, &manifest.map_err(failed("read", &self.path(&path)))?)?;
        }
        self.put("v1/datasets", datasets(&current).as_bytes())?;
        self.put_checkpoint(&followed.checkpoint)?;
        if !self.archive {
            for (dataset, _) in current {
                self.remove_old(dataset, &history.lists()[dataset]);
            }
        }
        Ok(run.done)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.join(path)
    }

    /// Puts a file into its place, whole.
    fn put(&self, path: &str, bytes: &[u8]) -> Result<(), StateError> {
        let path = self.path(path);
        if fs::read(&path).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).map_err(failed("create the directory", dir))?;
        }
        write_whole(&path, bytes)
    }

    /// The epoch that was current here, with its files.
    fn whole_before<'a>(&self, dataset: &Id, epochs: &'a [LoggedEpoch]) -> Option<&'a LoggedEpoch> {
        let manifest = fs::read(self.path(&format!("v1/{dataset}/manifest"))).ok()?;
        let sha256 = manifest_sha256(&manifest);
        epochs.iter().find(|epoch| epoch.sha256 == sha256)
    }

    /// A file that is here and passes, or else is fetched and has to.
    async fn copy<T>(
        &self,
        path: &str,
        most: u64,
        cache: CacheMode,
        done: &mut Mirrored,
        check: impl Fn(Vec<u8>) -> Result<T, String>,
    ) -> Result<T, MirrorError> {
        if let Ok(there) = fs::read(self.path(path))
            && let Ok(checked) = check(there)
        {
            done.kept += 1;
            return Ok(checked);
        }
        let address = format!("/{path}");
        let fetched = self.source.get(&address, most, cache).await;
        let fetched = fetched.map_err(|why| MirrorError::Missing { path: address.clone(), why })?;
        let checked = check(fetched.clone()).map_err(|why| MirrorError::Wrong { path: address, why })?;
        self.put(path, &fetched)?;
        done.fetched += 1;
        Ok(checked)
    }

    /// Everything of an epoch but its proof. Gives its manifest.
    async fn copy_epoch(
        &self,
        dataset: &Id,
        epoch: &LoggedEpoch,
        before: Option<&LoggedEpoch>,
        run: &mut Run<'_>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Vec<u8>, MirrorError> {
        let done = &mut run.done;
        let Manifest { epoch: number, filter, buckets, .. } = &epoch.manifest;
        let shards = filter.iter().flat_map(|filter| filter.shards.iter().map(move |digest| (filter, digest)));
        for (shard, (filter, digest)) in (0..).zip(shards) {
            let path = format!("v1/{dataset}/filter/{}", hex(&digest.sha256));
            let check = |file| {
                FilterShard::open(&filter.geometry, shard, digest, file).map(drop).map_err(|error| error.to_string())
            };
            self.copy(&path, filter.geometry.shard_bytes(), CacheMode::Immutable, done, check).await?;
        }
        let (geometry, root) = (buckets.geometry, buckets.root);
        let bucket = |number: u64, index: u32| format!("v1/{dataset}/epochs/{number}/buckets/{index}");
        let count = geometry.count();
        let check = |index: u32| {
            move |response: Vec<u8>| {
                geometry.open_response(index, &root, &response).map(drop).map_err(|error| error.to_string())
            }
        };
        let same = before.filter(|before| before.manifest.buckets == *buckets && before.manifest.epoch != *number);
        let mut missing = Vec::new();
        for index in 0..count {
            let path = self.path(&bucket(*number, index));
            let is_here = || fs::read(&path).is_ok_and(|there| check(index)(there).is_ok());
            if is_here() {
                done.kept += 1;
            } else if same.is_some_and(|same| link(&self.path(&bucket(same.manifest.epoch, index)), &path).is_ok())
                && is_here()
            {
                done.linked += 1;
            } else {
                missing.push(index);
            }
        }
        let mut came = u64::from(count) - missing.len() as u64;
        let fetch = |index: u32| async move {
            let mut fetched = Mirrored::default();
            let most = u64::from(geometry.response_bytes());
            self.copy(&bucket(*number, index), most, CacheMode::NoStore, &mut fetched, check(index)).await?;
            Ok::<_, MirrorError>(fetched)
        };
        let mut arriving = stream::iter(missing.into_iter().map(fetch)).buffer_unordered(AT_ONCE);
        while let Some(fetched) = arriving.next().await {
            done.fetched += fetched?.fetched;
            came += 1;
            progress(came, u64::from(count));
        }
        drop(arriving);
        let path = format!("v1/{dataset}/epochs/{number}/manifest");
        let check = |bytes: Vec<u8>| {
            let right = manifest_sha256(&bytes) == epoch.sha256;
            if right { Ok(bytes) } else { Err("it is another manifest than the logged one".to_owned()) }
        };
        self.copy(&path, MOST_MANIFEST_BYTES as u64, CacheMode::Immutable, done, check).await
    }

    /// An epoch's proof, which may gain cosignatures: of the current epoch the service is asked again each time, and whichever says
    /// more stays.
    async fn copy_proof(
        &self,
        dataset: &Id,
        epoch: &LoggedEpoch,
        manifest: Vec<u8>,
        is_current: bool,
        run: &mut Run<'_>,
    ) -> Result<(), MirrorError> {
        let path = format!("v1/{dataset}/epochs/{}/proof", epoch.manifest.epoch);
        let address = format!("/{path}");
        let mut kept = None;
        if let Ok(there) = fs::read(self.path(&path)) {
            kept = self.open_proof(&manifest, &there, run).await?.ok();
        }
        if let (Some(kept), false) = (&kept, is_current) {
            return run.keep(kept);
        }
        let fetched = match (self.source.get(&address, MAX_PROOF_BYTES as u64, CacheMode::Revalidate).await, &kept) {
            (Ok(fetched), _) => fetched,
            (Err(_), Some(kept)) => return run.keep(kept),
            (Err(why), None) => return Err(MirrorError::Missing { path: address, why }),
        };
        let shown = self.open_proof(&manifest, &fetched, run).await?;
        let shown = shown.map_err(|why| MirrorError::Wrong { path: address, why })?;
        if let Some(kept) = kept.filter(|kept| !says_more(&shown, kept)) {
            return run.keep(&kept);
        }
        self.put(&path, &fetched)?;
        run.done.fetched += 1;
        run.sizes.insert(shown.head().size);
        Ok(())
    }

    /// The checkpoint of a proof that shows a manifest in the log that was followed. The inner error says why it does not.
    async fn open_proof(
        &self,
        manifest: &[u8],
        proof: &[u8],
        run: &Run<'_>,
    ) -> Result<Result<VerifiedCheckpoint, String>, MirrorError> {
        let verify = |parsed: TlogProof| {
            let manifest = UnverifiedManifest::parse(manifest.to_vec()).map_err(|error| error.to_string())?;
            let verified = manifest.verify(&self.policy, &parsed).map_err(|error: VerifyError| error.to_string())?;
            Ok(verified.checkpoint().clone())
        };
        let shown = match TlogProof::parse(proof).map_err(|error| error.to_string()).and_then(verify) {
            Ok(shown) => shown,
            Err(why) => return Ok(Err(why)),
        };
        let with: [(&str, &[u8]); 2] = [("manifest", manifest), ("proof", proof)];
        match hold_to(&self.source, run.state, run.followed, &shown, &with).await {
            Ok(()) => {}
            Err(FollowError::State(error)) => return Err(error.into()),
            Err(error) => return Ok(Err(error.to_string())),
        }
        let (size, followed) = (shown.head().size, run.followed.head().size);
        // Its edge is computed from the entries that were followed.
        let beyond = format!("its log has {size} entries, and the one that is shown {followed}");
        Ok(if size > followed { Err(beyond) } else { Ok(shown) })
    }

    /// The newest checkpoint, or the one of the same tree that is here and says more.
    fn put_checkpoint(&self, shown: &VerifiedCheckpoint) -> Result<(), StateError> {
        let there = fs::read(self.path("log/checkpoint"))
            .ok()
            .and_then(|note| SignedCheckpoint::parse(&note).ok()?.verify(&self.policy).ok());
        match there.filter(|there| there.head() == shown.head() && !says_more(shown, there)) {
            Some(_) => Ok(()),
            None => self.put("log/checkpoint", shown.as_bytes()),
        }
    }

    /// The policy that the publisher hands out. Nothing vouches for it but that it is one, of this log; where it is not, the mirror
    /// has none.
    async fn copy_policy(&self, log: &VerifierKey) -> Result<(), StateError> {
        let fetched = self.source.get("/v1/policy", MAX_POLICY_BYTES as u64, CacheMode::Revalidate).await;
        let Ok(text) = fetched else { return Ok(()) };
        let is_of_log = Policy::parse(&text).is_ok_and(|policy| policy.logs().iter().any(|own| own.key() == log));
        if is_of_log { self.put("v1/policy", &text) } else { Ok(()) }
    }

    /// Tiles and bundles, computed from the entries that were followed: what they hash to is in the checkpoint.
    fn copy_log(&self, size: u64, run: &mut Run<'_>) -> Result<(), StateError> {
        let Run { state, sizes, done, .. } = run;
        let mut put = |path: String, bytes: Vec<u8>| {
            let path = format!("log/{path}");
            match fs::read(self.path(&path)).is_ok_and(|there| there == bytes) {
                true => done.kept += 1,
                false => {
                    self.put(&path, &bytes)?;
                    done.fetched += 1;
                }
            }
            Ok::<_, StateError>(())
        };
        for of in sizes.iter().filter(|of| **of <= size) {
            for (path, bytes) in bundle_bytes(state, size, *of)? {
                put(path, bytes)?;
            }
            for (tile, bytes) in tile_bytes(state, size, *of)? {
                put(tile.path(), bytes)?;
            }
        }
        Ok(())
    }

    /// Removes what no current epoch needs. What stays for whatever reason takes room and does no harm.
    fn remove_old(&self, dataset: &Id, epochs: &[LoggedEpoch]) {
        let kept = &epochs[epochs.len().saturating_sub(EPOCHS_KEPT)..];
        let numbers: BTreeSet<String> = kept.iter().map(|epoch| epoch.manifest.epoch.to_string()).collect();
        let shards = kept.iter().flat_map(|epoch| epoch.manifest.filter.iter().flat_map(|filter| &filter.shards));
        let shards: BTreeSet<String> = shards.map(|shard| hex(&shard.sha256)).collect();
        let entries =
            |dir: &str| fs::read_dir(self.path(&format!("v1/{dataset}/{dir}"))).into_iter().flatten().flatten();
        for epoch in
            entries("epochs").filter(|entry| entry.file_name().to_str().is_none_or(|name| !numbers.contains(name)))
        {
            // Manifests and proofs stay.
            let _ = fs::remove_dir_all(epoch.path().join("buckets"));
        }
        for shard in
            entries("filter").filter(|entry| entry.file_name().to_str().is_none_or(|name| !shards.contains(name)))
        {
            let _ = fs::remove_file(shard.path());
        }
    }
}

/// One copy under way.
struct Run<'a> {
    state: &'a State,
    followed: &'a VerifiedCheckpoint,
    /// The sizes of which somebody may want the edge: of the newest checkpoint, and of those in proofs.
    sizes: BTreeSet<u64>,
    done: Mirrored,
}

impl Run<'_> {
    /// A proof that is here stays.
    fn keep(&mut self, kept: &VerifiedCheckpoint) -> Result<(), MirrorError> {
        self.done.kept += 1;
        self.sizes.insert(kept.head().size);
        Ok(())
    }
}

/// Whether a checkpoint has more cosignatures than another: by witnesses of the policy, or, with all of the other's, by further
/// ones, whom somebody else may know.
fn says_more(new: &VerifiedCheckpoint, old: &VerifiedCheckpoint) -> bool {
    fn lines(checkpoint: &VerifiedCheckpoint) -> BTreeSet<&[u8]> {
        checkpoint.as_bytes()[checkpoint.text().len()..].split(|byte| *byte == b'\n').collect()
    }
    match new.witnessed().len().cmp(&old.witnessed().len()) {
        Ordering::Greater => true,
        Ordering::Less => false,
        Ordering::Equal => new.text() == old.text() && lines(new).is_superset(&lines(old)) && lines(new) != lines(old),
    }
}

/// A second name for a file.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(dir) = to.parent() {
        fs::create_dir_all(dir)?;
    }
    match fs::hard_link(from, to) {
        // It is there, and is not what it should be.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(to).and_then(|()| fs::hard_link(from, to))
        }
        linked => linked,
    }
}

/// The list of datasets as a service writes it (spec, "HTTP").
fn datasets(current: &[(&Id, &LoggedEpoch)]) -> String {
    let list: Vec<serde_json::Value> = current
        .iter()
        .map(|(dataset, newest)| {
            serde_json::json!({
                "id": dataset.as_str(),
                "title": newest.manifest.title,
                "epoch": newest.manifest.epoch,
                "manifest": hex(&newest.sha256),
                "valid_until": newest.manifest.valid_until.to_string(),
            })
        })
        .collect();
    serde_json::json!({ "datasets": list }).to_string()
}
