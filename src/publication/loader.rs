//! Looks for what is new in the public directory, and keeps what is served up to date.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ceknik_core::log::{Policy, TlogProof};
use ceknik_core::manifest::{Id, UnverifiedManifest};
use ceknik_core::time::Timestamp;

use super::catalog::{PolicyText, Publication, listing};
use super::dataset::{CurrentEpoch, Dataset};
use super::files::{FileStamp, decimal, read_at_most};
use super::filter_files::{FilterFiles, create_gzip_dir};
use super::load::{LoadError, Loading, read_proof};
use super::log::plan;
use crate::key_ring::KeyRing;
use crate::metrics::Metrics;

mod log;
mod policy;
mod proof;

/// How long a refused epoch whose files have not changed rests before it is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(10);
/// Most bytes of a file `current`: 20 digits and a line feed.
const MOST_CURRENT_BYTES: u64 = 21;

/// A refusal, remembered so that it is reported once and not worked off at every look.
struct Refusal {
    message: String,
    looked_at: Vec<Option<FileStamp>>,
    when: Instant,
}

#[derive(Default)]
struct Slot {
    served: Option<Arc<Dataset>>,
    filters: Option<Arc<FilterFiles>>,
    refusal: Option<Refusal>,
    proof_refusal: Option<Refusal>,
}

/// Looks for what is new.
pub(crate) struct Loader {
    public: PathBuf,
    state: PathBuf,
    keys: KeyRing,
    keys_dir: PathBuf,
    metrics: Arc<Metrics>,
    policy: Option<Arc<PolicyText>>,
    policy_refusal: Option<Refusal>,
    log: log::Log,
    slots: BTreeMap<Id, Slot>,
    /// Whether something changed that was not given to be served yet.
    changed: bool,
}

impl Loader {
    /// A loader that has looked at nothing yet.
    pub(crate) fn new(public: &Path, state: &Path, keys_dir: &Path, keys: KeyRing, metrics: Arc<Metrics>) -> Self {
        Self {
            public: public.to_owned(),
            state: state.to_owned(),
            keys,
            keys_dir: keys_dir.to_owned(),
            metrics,
            policy: None,
            policy_refusal: None,
            log: log::Log::default(),
            slots: BTreeMap::new(),
            changed: false,
        }
    }

    /// Looks at everything once. Gives what is to be served from now on.
    pub(crate) fn first_look(&mut self, now: Timestamp) -> Publication {
        self.look(now);
        self.changed = false;
        self.publication()
    }

    /// Looks for changes. None when what is served stays as it is. Blocks on the disk, and on hashing a new epoch.
    pub(crate) fn look_again(&mut self, now: Timestamp) -> Option<Publication> {
        self.look(now);
        std::mem::take(&mut self.changed).then(|| self.publication())
    }

    fn look(&mut self, now: Timestamp) {
        self.changed |= self.look_at_policy();
        self.changed |= self.look_at_log();
        for id in self.ids_on_disk() {
            let found = self.slots.remove(&id);
            self.changed |= found.is_none();
            let mut slot = found.unwrap_or_else(|| {
                self.metrics.found(&id);
                Slot::default()
            });
            // A slot is changed in one step at the end. One dataset keeps no other from being looked at.
            let look = catch_unwind(AssertUnwindSafe(|| self.look_at_dataset(&id, &mut slot, now)));
            self.slots.insert(id, slot);
            self.changed |= look.unwrap_or_else(|_| ended_in_panic(&self.metrics));
        }
    }

    /// The datasets that were published, be it in part. One that vanishes goes on being served until a restart.
    fn ids_on_disk(&self) -> Vec<Id> {
        let datasets = self.public.join("datasets");
        let entries = fs::read_dir(&datasets).into_iter().flatten().flatten();
        let ids = entries.filter_map(|entry| Id::new(entry.file_name().to_str()?).ok());
        ids.filter(|id| self.slots.contains_key(id) || datasets.join(id.as_str()).join("current").exists()).collect()
    }

    fn publication(&self) -> Publication {
        let datasets: BTreeMap<Id, Arc<Dataset>> =
            self.slots.iter().filter_map(|(id, slot)| Some((id.clone(), Arc::clone(slot.served.as_ref()?)))).collect();
        let complete = !datasets.is_empty() && datasets.len() == self.slots.len();
        let (policy, checkpoint) = (self.policy.clone(), self.log.document.clone());
        Publication { policy, checkpoint, listing: listing(&datasets), datasets, complete }
    }

    fn look_at_dataset(&mut self, id: &Id, slot: &mut Slot, now: Timestamp) -> bool {
        let Some(policy) = self.policy.clone() else { return false };
        let dir = self.public.join("datasets").join(id.as_str());
        let number = match read_current(&dir) {
            Ok(number) => number,
            Err(error) => {
                let looked_at = vec![FileStamp::at(&dir.join("current"))];
                if !rests(slot.refusal.as_ref(), &looked_at) {
                    self.refuse(id, slot, None, error.to_string(), looked_at);
                }
                return false;
            }
        };
        if slot.served.as_ref().is_some_and(|served| served.current.number() == number) {
            slot.refusal = None;
            return self.look_at_proof(id, slot, &policy.policy, &dir);
        }
        let looked_at = self.stamps(&dir, number);
        if rests(slot.refusal.as_ref(), &looked_at) {
            return false;
        }
        match self.load(id, slot, number, &policy.policy, &dir, now) {
            Ok(dataset) => {
                slot.refusal = None;
                self.serve(id, slot, dataset);
                true
            }
            Err(error) => {
                self.refuse(id, slot, Some(number), error.to_string(), looked_at);
                slot.served.is_none() && self.fall_back(id, slot, number, &policy.policy, &dir, now)
            }
        }
    }

    fn load(
        &mut self,
        id: &Id,
        slot: &mut Slot,
        number: u64,
        policy: &Policy,
        dir: &Path,
        now: Timestamp,
    ) -> Result<Dataset, LoadError> {
        let filters = match &slot.filters {
            Some(filters) => Arc::clone(filters),
            None => {
                let gzip_dir = create_gzip_dir(&self.state, id.as_str()).map_err(LoadError::State)?;
                Arc::clone(slot.filters.insert(Arc::new(FilterFiles::new(dir.join("filter"), gzip_dir))))
            }
        };
        let filters = &filters;
        let (keys, public, held) = (&mut self.keys, &*self.public, self.log.held.as_ref());
        let served = slot.served.as_deref();
        Loading { id, dir, policy, public, held, keys, filters, served, now }.load(number)
    }

    /// At the start, when the current epoch is refused: the newest before it that can be served.
    fn fall_back(&mut self, id: &Id, slot: &mut Slot, below: u64, policy: &Policy, dir: &Path, now: Timestamp) -> bool {
        let names = fs::read_dir(dir.join("epochs")).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let mut numbers: Vec<u64> = names.filter_map(|name| decimal(name.to_str()?)).filter(|n| *n < below).collect();
        numbers.sort_unstable();
        for number in numbers.into_iter().rev() {
            if let Ok(dataset) = self.load(id, slot, number, policy, dir, now) {
                tracing::warn!(dataset = %id, epoch = number, current = below, "an older epoch is served in its place");
                self.serve(id, slot, dataset);
                return true;
            }
        }
        false
    }

    fn serve(&mut self, id: &Id, slot: &mut Slot, dataset: Dataset) {
        if let Err(error) = dataset.filters.retain(&dataset.filter_names) {
            tracing::warn!(dataset = %id, %error, "compressed filter shards of old epochs could not be removed");
        }
        self.log.advance(dataset.current.verified.checkpoint(), false);
        slot.served = Some(Arc::new(dataset));
    }

    fn refuse(&self, id: &Id, slot: &mut Slot, epoch: Option<u64>, message: String, looked_at: Vec<Option<FileStamp>>) {
        if is_new(slot.refusal.as_ref(), &message) {
            self.metrics.load_errors(Some(id));
            let served = slot.served.as_ref().map(|served| served.current.number());
            tracing::error!(dataset = %id, epoch, served, reason = %message, "epoch refused; what was served goes on being served");
        }
        slot.refusal = Some(Refusal { message, looked_at, when: Instant::now() });
    }

    /// Everything whose change may make a refused epoch acceptable.
    fn stamps(&self, dir: &Path, number: u64) -> Vec<Option<FileStamp>> {
        let epoch = dir.join("epochs").join(number.to_string());
        let paths = [
            dir.join("current"),
            epoch.join("manifest"),
            epoch.join("proof"),
            epoch.join("buckets"),
            dir.join("filter"),
            self.public.join("policy"),
            self.keys_dir.clone(),
        ];
        let tiles = self.tiles(dir, number);
        paths.iter().chain(&tiles).map(|path| FileStamp::at(path)).collect()
    }

    /// The tiles that the proof of an epoch on disk asks for, whether or not it is a good one.
    fn tiles(&self, dir: &Path, number: u64) -> Vec<PathBuf> {
        let proof = read_proof(dir, number).ok().and_then(|(proof, _)| TlogProof::parse(&proof.bytes).ok());
        let plan = proof.map(|proof| plan(proof.checkpoint().head().size, Some(proof.index())));
        let tiles = plan.iter().flat_map(|plan| plan.tiles());
        tiles.map(|tile| self.public.join("log").join(tile.path())).collect()
    }
}

fn is_new(before: Option<&Refusal>, message: &str) -> bool {
    before.is_none_or(|before| before.message != message)
}

fn rests(refusal: Option<&Refusal>, looked_at: &[Option<FileStamp>]) -> bool {
    refusal.is_some_and(|refusal| refusal.looked_at == looked_at && refusal.when.elapsed() < TRY_AGAIN)
}

fn reparse(current: &CurrentEpoch) -> Result<UnverifiedManifest, LoadError> {
    let file = format!("epochs/{}/manifest", current.number());
    UnverifiedManifest::parse(current.verified.as_bytes().to_vec())
        .map_err(|source| LoadError::Manifest { file, source })
}

fn read_current(dir: &Path) -> Result<u64, LoadError> {
    let read = read_at_most(&dir.join("current"), MOST_CURRENT_BYTES);
    let (bytes, _) = read.map_err(|source| LoadError::File { file: "current".to_owned(), source })?;
    let text = std::str::from_utf8(&bytes).ok().and_then(|text| text.strip_suffix('\n'));
    text.and_then(decimal).ok_or(LoadError::Current)
}

/// Looks every so often until the service is gone.
pub(crate) fn watch(
    mut loader: Loader,
    every: Duration,
    mut publish: impl FnMut(Option<Publication>) -> bool + Send + 'static,
) -> io::Result<()> {
    let metrics = Arc::clone(&loader.metrics);
    let look = move || publish(crate::clock::now().and_then(|now| loader.look_again(now)));
    let looking = move || repeat(look, every, &metrics);
    std::thread::Builder::new().name("publication".to_owned()).spawn(looking).map(|_| ())
}

/// Repeats a look until it says that it was the last. One that ends in a panic is not.
fn repeat(mut look: impl FnMut() -> bool, every: Duration, metrics: &Metrics) {
    loop {
        std::thread::sleep(every);
        match catch_unwind(AssertUnwindSafe(&mut look)) {
            Ok(true) => {}
            Ok(false) => return,
            Err(_) => {
                ended_in_panic(metrics);
            }
        }
    }
}

/// Nothing changed by such a look.
fn ended_in_panic(metrics: &Metrics) -> bool {
    metrics.look_panics.inc();
    tracing::error!("a look at the public directory ended in a panic; what was served goes on being served");
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_panics_is_counted_and_not_the_last() {
        let metrics = Metrics::new();
        let mut looks = 0;
        let look = || {
            looks += 1;
            assert!(looks != 2, "the panic of this test");
            looks < 4
        };
        repeat(look, Duration::ZERO, &metrics);
        assert_eq!((looks, metrics.look_panics.get()), (4, 1));
    }
}
