//! Whoever holds everybody's NIK and every published file: he asks the client about each of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use ceknik_client::{
    Action, Answer, Cached, Confirm, Event, Inquiry, Local, Lookup, Method, Progress, Report, Request, Response,
    Settings, StretchWorker, Unconfirmed,
};
use ceknik_core::encoding::hex;
use ceknik_core::filter::FilterItem;
use ceknik_core::log::Policy;
use ceknik_core::manifest::{Id, Manifest};
use ceknik_core::oprf::OprfSecretKey;
use ceknik_core::record::Locator;
use ceknik_core::{CoverSecret, Nik, Stretched, Stretcher};
use ceknik_issuer::plan::PublishedFilter;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::publisher::{DATASET, Desk};

/// People whom one lookup is asked about. Each lookup verifies the list; within one, work grows with the square of them.
const TOGETHER: usize = 16;

/// An epoch as it lies in the public directory, which keeps all of them.
pub(crate) struct Archive {
    public: PathBuf,
    policy: Policy,
    /// Exactly as published, and parsed.
    pub(crate) manifest: Manifest,
}

impl Archive {
    /// Opens an epoch, which must be the one that was published.
    pub(crate) fn open(desk: &Desk, published: &Manifest) -> Self {
        let public = desk.public().join("datasets").join(DATASET);
        let bytes = fs::read(public.join(format!("epochs/{}/manifest", published.epoch))).unwrap();
        let manifest = Manifest::parse(&bytes).unwrap();
        assert_eq!(manifest.to_bytes().unwrap(), published.to_bytes().unwrap());
        Self { public, policy: desk.policy(), manifest }
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.public.join(name)
    }

    fn shard(&self, sha256: &[u8; 32]) -> Vec<u8> {
        fs::read(self.path("filter").join(hex(sha256))).unwrap()
    }

    /// The filter's files with their manifest, for measuring.
    pub(crate) fn filter(&self) -> PublishedFilter {
        let shards = &self.manifest.filter.as_ref().unwrap().shards;
        PublishedFilter::open(&self.manifest, shards.iter().map(|shard| self.shard(&shard.sha256)).collect()).unwrap()
    }

    /// The locators of all sealed records, bucket by bucket, each verified against the manifest.
    pub(crate) fn buckets(&self) -> Vec<Vec<Locator>> {
        let epoch = self.manifest.epoch;
        let (geometry, root) = (&self.manifest.buckets.geometry, &self.manifest.buckets.root);
        let responses = fs::read(self.path(format!("epochs/{epoch}/buckets"))).unwrap();
        let open = |(index, response)| geometry.open_response(index, root, response).unwrap().into_entries();
        let buckets = (0..).zip(responses.chunks_exact(geometry.response_bytes() as usize)).map(open);
        buckets.map(|entries| entries.into_iter().map(|(locator, _)| locator).collect()).collect()
    }

    /// Answers as a service would that has this as its current epoch, and knows nothing but public files.
    fn serve(&self, request: &Request) -> Response {
        assert_eq!(request.method, Method::Get, "who only looks at the filter sends nothing");
        let below = request.path.strip_prefix(&format!("/v1/{DATASET}/")).unwrap();
        let file = match below {
            "manifest" => self.path(format!("epochs/{}/manifest", self.manifest.epoch)),
            other => self.path(other),
        };
        Response::Received { status: 200, retry_after: None, body: fs::read(file).unwrap() }
    }

    /// Runs a lookup until it is done, or for as long as `watch` wants.
    fn look_up(
        &self,
        niks: &[Nik],
        confirm: Confirm,
        cover_secret: Option<CoverSecret>,
        mut watch: impl FnMut(&Progress) -> bool,
    ) -> Option<Report> {
        let inquiry = Inquiry {
            dataset: Id::new(DATASET).unwrap(),
            niks: niks.to_vec(),
            policy: Some(self.policy.clone()),
            settings: Settings { accept_weak: true, confirm, ..Settings::default() },
        };
        // Blinds and the spread of waits come from here; neither bears on what the filter says.
        let mut rng = ChaCha20Rng::seed_from_u64(0);
        let now = self.manifest.published_at;
        let mut lookup = Lookup::new(inquiry, Cached { cover_secret, ..Cached::default() }, now, &mut rng);
        let mut worker = StretchWorker::new();
        loop {
            let event = match lookup.next_action().unwrap() {
                Action::Fetch(request) => Event::Responded { ticket: request.ticket, response: self.serve(&request) },
                Action::Stretch(job) => Event::Stretched { ticket: job.ticket(), result: worker.run(&job) },
                Action::Load { ticket, .. } => Event::Loaded { ticket, file: None },
                Action::Wait { ticket, .. } => Event::Woke { ticket },
                Action::Store(_) => continue,
                Action::Progress(progress) => {
                    if watch(&progress) {
                        continue;
                    }
                    return None;
                }
                Action::Done(report) => return Some(*report),
            };
            lookup.handle(event, now, &mut rng);
        }
    }

    /// What the client's filter answers for each of these people.
    pub(crate) fn local_answers(&self, niks: &[Nik]) -> Vec<bool> {
        in_parallel(niks, |niks| {
            let report = self.look_up(niks, Confirm::Never, None, |_| true).unwrap();
            let hit = |outcome: &ceknik_client::Outcome| {
                assert_eq!(outcome.epoch, Some(self.manifest.epoch));
                match (&outcome.answer, outcome.local) {
                    (Answer::NotListed, Some(Local::Miss)) => false,
                    (Answer::Maybe { because: Unconfirmed::LocalOnly }, Some(Local::Hit)) => true,
                    other => panic!("{other:?}"),
                }
            };
            report.outcomes.iter().map(hit).collect()
        })
    }

    /// How many of these people the filter misses on a device with this secret, and how many of those the client would
    /// confirm for cover.
    pub(crate) fn covered(&self, niks: &[Nik], secret: &CoverSecret) -> (usize, usize) {
        let mut counts = None;
        self.look_up(niks, Confirm::AsNeeded, Some(secret.clone()), |progress| {
            if let Progress::Local { hits, misses, confirming } = progress {
                counts = Some((*misses, confirming - hits));
            }
            counts.is_none()
        });
        counts.unwrap()
    }

    /// Everybody's stretched NIK.
    pub(crate) fn stretch(&self, niks: &[Nik]) -> Vec<Stretched> {
        let spec = &self.manifest.stretch;
        in_parallel(niks, |niks| {
            let mut stretcher = Stretcher::new(spec.cost, spec.salt).unwrap();
            niks.iter().map(|nik| stretcher.stretch(nik).unwrap()).collect()
        })
    }

    /// The shard into which a person falls, as a number.
    pub(crate) fn shard_number(&self, item: &FilterItem) -> u32 {
        self.manifest.filter.as_ref().unwrap().geometry.shard(item)
    }
}

/// Everybody's locator, for one who has the key.
pub(crate) fn locators(key: &OprfSecretKey, stretched: &[Stretched]) -> Vec<Locator> {
    in_parallel(stretched, |some| some.iter().map(|h| key.evaluate(&h.oprf_input()).locator()).collect())
}

/// Does work on all cores, some pieces at a time, and gives the results in order.
fn in_parallel<T: Sync, R: Send>(work: &[T], some: impl Fn(&[T]) -> Vec<R> + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = work.len().div_ceil(threads).max(1);
    let some = &some;
    thread::scope(|scope| {
        let mut workers = Vec::new();
        for part in work.chunks(share) {
            workers.push(scope.spawn(move || part.chunks(TOGETHER).flat_map(some).collect::<Vec<R>>()));
        }
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
}
