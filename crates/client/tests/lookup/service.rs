//! A service in memory, and a driver without a network, a clock or a disk.

use std::cell::RefCell;
use std::collections::BTreeMap;

use ceknik_client::{
    Action, Cached, Event, Inquiry, Item, Lookup, Method, Progress, Report, Request, Response, Seen, SeenList,
    Settings, StretchWorker, larger_checkpoint,
};
use ceknik_core::encoding::{base64url, from_base64url};
use ceknik_core::log::Policy;
use ceknik_core::manifest::Id;
use ceknik_core::oprf::BlindedElement;
use ceknik_core::time::Timestamp;
use ceknik_core::{CoverSecret, Nik};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::{Value, json};

use crate::publisher::{DATASET, Publisher, nik, oprf_key};

/// Serves what a publisher laid out.
pub(crate) struct Service<'a> {
    pub(crate) publisher: &'a Publisher,
    /// Strangers' elements before and after the caller's in a batch.
    pub(crate) strangers: (usize, usize),
    /// The key that evaluates; the manifest names that of the publisher.
    pub(crate) key_seed: u64,
    rng: RefCell<ChaCha20Rng>,
}

pub(crate) fn ok(body: Vec<u8>) -> Response {
    Response::Received { status: 200, retry_after: None, body }
}

pub(crate) fn status(status: u16) -> Response {
    Response::Received { status, retry_after: None, body: Vec::new() }
}

impl<'a> Service<'a> {
    pub(crate) fn new(publisher: &'a Publisher) -> Self {
        let rng = RefCell::new(ChaCha20Rng::seed_from_u64(77));
        Self { publisher, strangers: (0, 0), key_seed: publisher.key_seed, rng }
    }

    pub(crate) fn serve(&self, request: &Request) -> Response {
        match request.method {
            Method::Get => self.publisher.files.get(&request.path).map_or(status(404), |file| ok(file.clone())),
            Method::Post => self.evaluate(request),
        }
    }

    fn evaluate(&self, request: &Request) -> Response {
        assert_eq!(request.path, format!("/v1/{}/evaluate", self.publisher.dataset));
        let body: Value = serde_json::from_str(request.body.as_ref().unwrap()).unwrap();
        let key = oprf_key(self.key_seed);
        if body["key"] != base64url(&oprf_key(self.publisher.key_seed).public_key().to_bytes()) {
            return status(410);
        }
        let mut blinded: Vec<BlindedElement> = elements(&body);
        assert!([1, 4, 16].contains(&blinded.len()));
        let mut rng = self.rng.borrow_mut();
        let (before, after) = if body["alone"] == true { (0, 0) } else { self.strangers };
        for _ in 0..before {
            blinded.insert(0, BlindedElement::random(&mut *rng));
        }
        for _ in 0..after {
            blinded.push(BlindedElement::random(&mut *rng));
        }
        let evaluation = key.evaluate_batch(&blinded, &mut *rng).unwrap();
        let batch: Vec<Value> = blinded
            .iter()
            .zip(&evaluation.evaluated)
            .map(|(c, d)| json!({"blinded": base64url(&c.to_bytes()), "evaluated": base64url(&d.to_bytes())}))
            .collect();
        let body = json!({"batch": batch, "first": before, "proof": base64url(&evaluation.proof.to_bytes())});
        ok(serde_json::to_vec(&body).unwrap())
    }
}

/// The elements of an evaluate request.
pub(crate) fn elements(body: &Value) -> Vec<BlindedElement> {
    let texts = body["blinded"].as_array().unwrap();
    let decode = |text: &Value| BlindedElement::from_bytes(&from_base64url(text.as_str().unwrap()).unwrap()).unwrap();
    texts.iter().map(decode).collect()
}

/// A device's cache.
#[derive(Clone, Default)]
pub(crate) struct Device {
    pub(crate) policy: Option<Vec<u8>>,
    /// By the key of the log.
    pub(crate) lists: BTreeMap<String, SeenList>,
    pub(crate) checkpoints: BTreeMap<String, Vec<u8>>,
    pub(crate) shards: BTreeMap<[u8; 32], Vec<u8>>,
    pub(crate) secret: Option<CoverSecret>,
    /// Whether the secret goes with the page.
    pub(crate) passes: bool,
}

impl Device {
    pub(crate) fn cached(&self) -> Cached {
        Cached {
            policy: self.policy.clone(),
            seen: Seen {
                lists: self.lists.values().cloned().collect(),
                checkpoints: self.checkpoints.values().cloned().collect(),
                damaged: false,
            },
            cover_secret: self.secret.clone(),
            cover_passes: self.passes,
            ..Cached::default()
        }
    }

    /// The list of the one log that was seen.
    pub(crate) fn list(&mut self) -> &mut SeenList {
        assert_eq!(self.lists.len(), 1);
        self.lists.values_mut().next().unwrap()
    }

    /// The checkpoint of the one log that was seen.
    pub(crate) fn checkpoint(&mut self) -> &mut Vec<u8> {
        assert_eq!(self.checkpoints.len(), 1);
        self.checkpoints.values_mut().next().unwrap()
    }

    /// With a secret for cover traffic.
    pub(crate) fn with_secret(secret: u8) -> Self {
        Self { secret: Some(CoverSecret::from_bytes([secret; 32])), ..Self::default() }
    }

    fn store(&mut self, item: Item) {
        match item {
            Item::Policy(text) => self.policy = Some(text),
            Item::List { log, list } => {
                let kept = self.lists.remove(&log);
                let list = kept.map_or(list.clone(), |kept| SeenList::later(&kept, list));
                self.lists.insert(log, list);
            }
            Item::Checkpoint { log, checkpoint } => {
                let kept = self.checkpoints.remove(&log);
                let checkpoint = kept.map_or(checkpoint.clone(), |kept| larger_checkpoint(&kept, checkpoint));
                self.checkpoints.insert(log, checkpoint);
            }
            Item::Shard { sha256, file, .. } => drop(self.shards.insert(sha256, file)),
        }
    }
}

/// One check.
pub(crate) struct Check {
    pub(crate) niks: Vec<Nik>,
    pub(crate) policy: Option<Policy>,
    pub(crate) settings: Settings,
    pub(crate) now: Timestamp,
    pub(crate) seed: u64,
}

/// What came of it.
pub(crate) struct Checked {
    pub(crate) report: Report,
    pub(crate) requests: Vec<Request>,
    pub(crate) progress: Vec<Progress>,
    /// Seconds that were waited.
    pub(crate) waited: f64,
}

impl Check {
    pub(crate) fn of(niks: impl IntoIterator<Item = u32>, publisher: &Publisher, now: Timestamp) -> Self {
        Self {
            niks: niks.into_iter().map(nik).collect(),
            policy: Some(Policy::parse(publisher.policy_text().as_bytes()).unwrap()),
            // Small lists: some have a few people to a bucket.
            settings: Settings { accept_weak: true, least_people: 0, ..Settings::default() },
            now,
            seed: 1,
        }
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Runs against a service, altered or not.
    pub(crate) fn run(&self, device: &mut Device, mut serve: impl FnMut(&Request) -> Response) -> Checked {
        let mut rng = ChaCha20Rng::seed_from_u64(self.seed);
        let inquiry = Inquiry {
            dataset: Id::new(DATASET).unwrap(),
            niks: self.niks.clone(),
            policy: self.policy.clone(),
            settings: self.settings,
        };
        let mut lookup = Lookup::new(inquiry, device.cached(), self.now, &mut rng);
        let (mut requests, mut progress, mut waited) = (Vec::new(), Vec::new(), 0.0);
        let mut worker = StretchWorker::new();
        // More than any lookup of the tests needs; a machine that loops fails here.
        for _ in 0..20_000 {
            let event = match lookup.next_action().expect("a lookup always waits for something until it is done") {
                Action::Fetch(request) => {
                    let response = serve(&request);
                    let ticket = request.ticket;
                    requests.push(request);
                    Event::Responded { ticket, response }
                }
                Action::Stretch(job) => Event::Stretched { ticket: job.ticket(), result: worker.run(&job) },
                Action::Load { ticket, sha256 } => Event::Loaded { ticket, file: device.shards.get(&sha256).cloned() },
                Action::Wait { ticket, milliseconds } => {
                    waited += milliseconds as f64 / 1000.0;
                    Event::Woke { ticket }
                }
                Action::Store(item) => {
                    device.store(item);
                    continue;
                }
                Action::Progress(step) => {
                    progress.push(step);
                    continue;
                }
                Action::Done(report) => {
                    assert!(lookup.next_action().is_none());
                    assert_eq!(report.exchanges.len(), requests.len());
                    return Checked { report: *report, requests, progress, waited };
                }
            };
            lookup.handle(event, self.now, &mut rng);
        }
        panic!("the lookup does not end");
    }
}

impl Checked {
    /// The codes of the answers, with the reason of "no answer".
    pub(crate) fn codes(&self) -> Vec<String> {
        self.report
            .outcomes
            .iter()
            .map(|outcome| match &outcome.answer {
                ceknik_client::Answer::NoAnswer(no_answer) => format!("no_answer {}", no_answer.reason.code()),
                answer => answer.code().to_owned(),
            })
            .collect()
    }

    /// The code of the one answer.
    pub(crate) fn code(&self) -> String {
        let codes = self.codes();
        assert_eq!(codes.len(), 1);
        codes[0].clone()
    }

    pub(crate) fn paths(&self) -> Vec<&str> {
        self.requests.iter().map(|request| request.path.as_str()).collect()
    }

    pub(crate) fn evaluations(&self) -> Vec<Vec<[u8; 32]>> {
        let bodies = self.requests.iter().filter_map(|request| request.body.as_ref());
        let elements = |body: &String| elements(&serde_json::from_str(body).unwrap());
        bodies.map(|body| elements(body).iter().map(BlindedElement::to_bytes).collect()).collect()
    }

    pub(crate) fn bucket_paths(&self) -> Vec<&str> {
        self.paths().into_iter().filter(|path| path.contains("/buckets/")).collect()
    }
}
