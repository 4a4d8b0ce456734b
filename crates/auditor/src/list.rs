//! The raw list against what is published, for one who was given it: no secret key is needed.
//!
//! Everybody on the list is stretched, which takes hours for a long one. What stays in memory of it is a number for each person,
//! to know him again, a bit for each cell, and of a few sampled people what an evaluation needs.

use std::collections::HashSet;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::num::NonZeroUsize;
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use ceknik_client::{CacheMode, ClientError, Response, evaluation};
use ceknik_core::audit::CellGrowth;
use ceknik_core::filter::{Cell, FilterBits, FilterShard};
use ceknik_core::manifest::{FilterSpec, Manifest};
use ceknik_core::oprf::{Blind, BlindedElement, OprfInput, blind};
use ceknik_core::record;
use ceknik_core::{Nik, StretchError, Stretched, Stretcher};
use rand::Rng;
use rand::rngs::OsRng;
use serde::Serialize;

use crate::epoch::{AuditedEpoch, Epochs, Expected, Judged, judge};
use crate::findings::{Code, Finding, Unchecked};
use crate::history::LoggedEpoch;
use crate::source::{Missing, describe};
use crate::state::{StateError, failed};
use crate::table;

/// Stretched people who wait to be compared, for each thread.
const WAITING: usize = 64;
/// Pause between two requests for evaluations, so that a sample is no load.
const BETWEEN_REQUESTS: Duration = Duration::from_millis(500);
/// How often an evaluation that is turned away is asked for again.
const MOST_ATTEMPTS: u32 = 4;

/// People as they are read from a list: those of its rows that name one, or why it cannot be read on. Repeated ones may come.
pub type People<'a> = Box<dyn Iterator<Item = Result<Nik, String>> + Send + 'a>;

/// What a comparison needs.
pub struct RawList<'a> {
    /// The people.
    pub people: People<'a>,
    /// Rows, or people at most, for progress.
    pub total: u64,
    /// Rows that name nobody.
    pub refused: u64,
    /// People to be sampled for an evaluation.
    pub sample: usize,
    /// Threads that stretch; all cores unless set.
    pub threads: Option<NonZeroUsize>,
}

impl core::fmt::Debug for RawList<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RawList").field("total", &self.total).field("sample", &self.sample).finish_non_exhaustive()
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ListFigures {
    /// The epoch that the list was compared with.
    pub epoch: u64,
    /// Different people.
    pub people: u64,
    /// Rows that name nobody.
    pub refused: u64,
    /// Of these, those whom the filter hits.
    pub hits: u64,
    /// Cells that they have.
    pub cells: u64,
    /// Set cells that are none of theirs; none without a filter.
    pub remaining: Option<u64>,
    /// How many of those noise, and members who are not on the list, explain.
    pub expected: Option<Expected>,
    /// People who were evaluated.
    pub sampled: u64,
    /// Of these, those whose record is in the sealed table, and opens.
    pub in_table: u64,
}

/// Somebody who was drawn.
struct Drawn {
    input: OprfInput,
}

/// Compares the list with an epoch whose files were checked.
pub(crate) async fn compare(
    epochs: &Epochs<'_>,
    logged: &LoggedEpoch,
    audited: &AuditedEpoch,
    list: RawList<'_>,
    findings: &mut Vec<Finding>,
    unchecked: &mut Vec<Unchecked>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<ListFigures, ListError> {
    let manifest = &logged.manifest;
    let place = |finding: Finding| finding.of(epochs.dataset).at(manifest.epoch);
    let mut filter = manifest.filter.as_ref().map(|filter| Filter::open(epochs, filter)).transpose()?;
    let refused = list.refused;
    let (people, hits, drawn) = stretch_all(manifest, list, filter.as_mut(), progress)?;
    let mut figures = ListFigures {
        epoch: manifest.epoch,
        people,
        refused,
        hits,
        cells: 0,
        remaining: None,
        expected: None,
        sampled: 0,
        in_table: 0,
    };
    if let (Some(filter), Some(spec), Some(cells)) = (&filter, &manifest.filter, &audited.cells) {
        if hits < people {
            findings
                .push(place(Finding::new(Code::ListRowMisses, format_args!("{} of {people} people", people - hits))));
        }
        figures.cells = filter.theirs.count();
        // Of those who miss, the cells are not set.
        let set_theirs = figures.cells - filter.unset;
        let remaining = cells.set - set_theirs;
        figures.remaining = Some(remaining);
        if people > spec.members {
            let detail = format_args!("{people} people, and {} members are disclosed", spec.members);
            findings.push(place(Finding::new(Code::ListMoreMembers, detail)));
        }
        let growth = CellGrowth {
            cells: cells.cells,
            set_before: set_theirs,
            noise_before: 0,
            noise_added: spec.noise,
            members_added: spec.members.saturating_sub(people),
        };
        let mut lasting = Vec::new();
        let words = "are set beside those of the list";
        figures.expected = Some(judge(&growth, remaining, words, Judged::BesideList, &mut lasting));
        findings.extend(lasting.into_iter().map(place));
    }
    drop(filter);
    let sample = Sample { epochs, manifest, audited };
    if refused > 0 {
        let (dataset, epoch) = (Some(epochs.dataset.to_string()), Some(manifest.epoch));
        let why =
            "they name nobody, as in an import: no NIK, one that ends in 0000, or words that the list does not explain";
        unchecked.push(Unchecked {
            dataset,
            epoch,
            what: format!("{refused} rows of the raw list"),
            why: why.to_owned(),
            expected: true,
        });
    }
    if let Err(why) = sample.look(&drawn, &mut figures, findings).await? {
        let (dataset, epoch) = (Some(epochs.dataset.to_string()), Some(manifest.epoch));
        let what = format!("{} of {} sampled people", drawn.len() as u64 - figures.sampled, drawn.len());
        unchecked.push(Unchecked { dataset, epoch, what, why, expected: false });
    }
    Ok(figures)
}

/// Why a list was not compared.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// A stretch failed.
    #[error(transparent)]
    Stretch(#[from] StretchError),
    /// The list cannot be read on.
    #[error("the raw list: {0}")]
    Unreadable(String),
    /// The state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// No request can be made.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// The filter with the cells of the people on the list.
struct Filter {
    shards: Vec<FilterShard>,
    theirs: FilterBits,
    /// Cells of theirs that the filter has not set.
    unset: u64,
}

impl Filter {
    fn open(epochs: &Epochs<'_>, spec: &FilterSpec) -> Result<Self, StateError> {
        let mut shards = Vec::new();
        for (number, digest) in (0..).zip(&spec.shards) {
            let name = epochs.shard_file(&digest.sha256);
            let file = epochs.state.read(&name, spec.geometry.shard_bytes() as usize)?;
            let file = file.ok_or_else(|| epochs.state.damaged(&name))?;
            let shard = FilterShard::open(&spec.geometry, number, digest, file);
            shards.push(shard.map_err(|_| epochs.state.damaged(&name))?);
        }
        Ok(Self { shards, theirs: FilterBits::new(spec.geometry), unset: 0 })
    }

    /// Whether somebody hits.
    fn add(&mut self, stretched: &Stretched) -> bool {
        let item = stretched.filter_item();
        let cell: Cell = self.theirs.geometry().cell(&item);
        let shard = self.theirs.geometry().shard(&item);
        let hit = self.shards.get(shard as usize).and_then(|shard| shard.contains(&item)).unwrap_or(false);
        if self.theirs.set(cell) && !hit {
            self.unset += 1;
        }
        hit
    }
}

/// Stretches everybody once, on all cores.
fn stretch_all(
    manifest: &Manifest,
    list: RawList<'_>,
    mut filter: Option<&mut Filter>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(u64, u64, Vec<Drawn>), ListError> {
    let RawList { people, total, sample, threads, .. } = list;
    let threads = threads.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let stretchers: Result<Vec<Stretcher>, StretchError> =
        (0..threads).map(|_| Stretcher::new(manifest.stretch.cost, manifest.stretch.salt)).collect();
    // A number for each, by a hash whose key goes with this process.
    let known = RandomState::new();
    let mut seen: HashSet<u64> = HashSet::new();
    let unseen = people.filter(move |nik| {
        let Ok(nik) = nik else { return true };
        let mut hasher = known.build_hasher();
        hasher.write(nik.expose_digits());
        seen.insert(hasher.finish())
    });
    let unseen = Mutex::new(unseen);
    let (mut people, mut hits, mut drawn) = (0u64, 0u64, Vec::new());
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel::<Result<Stretched, ListError>>(threads * WAITING);
        for mut stretcher in stretchers? {
            let (sender, unseen) = (sender.clone(), &unseen);
            scope.spawn(move || {
                loop {
                    let next = unseen.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(nik) = next else { return };
                    let stretched = match nik {
                        Ok(nik) => stretcher.stretch(&nik).map_err(ListError::Stretch),
                        Err(unreadable) => Err(ListError::Unreadable(unreadable)),
                    };
                    if sender.send(stretched).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for stretched in receiver {
            let stretched = stretched?;
            people += 1;
            hits += u64::from(filter.as_mut().is_none_or(|filter| filter.add(&stretched)));
            // Everybody so far is among the drawn with the same chance (reservoir sampling).
            if drawn.len() < sample {
                drawn.push(Drawn { input: stretched.oprf_input() });
            } else if let Some(place) = usize::try_from(OsRng.gen_range(0..people)).ok().filter(|place| *place < sample)
            {
                drawn[place] = Drawn { input: stretched.oprf_input() };
            }
            progress(people, total);
        }
        Ok((people, hits, drawn))
    })
}

/// Sampled people by real evaluations.
struct Sample<'a, 'b> {
    epochs: &'a Epochs<'b>,
    manifest: &'a Manifest,
    audited: &'a AuditedEpoch,
}

impl Sample<'_, '_> {
    /// Looks for all of them. The inner error says why not.
    async fn look(
        &self,
        drawn: &[Drawn],
        figures: &mut ListFigures,
        findings: &mut Vec<Finding>,
    ) -> Result<Result<(), String>, ListError> {
        let (mut missing, mut unreadable) = (0u64, 0u64);
        let mut ended = Ok(());
        for (place, some) in drawn.chunks(evaluation::MOST_ELEMENTS).enumerate() {
            if place > 0 {
                tokio::time::sleep(BETWEEN_REQUESTS).await;
            }
            match self.look_for(some).await? {
                Ok((in_table, opens)) => {
                    figures.sampled += some.len() as u64;
                    figures.in_table += opens;
                    missing += some.len() as u64 - in_table;
                    unreadable += in_table - opens;
                }
                Err(Refused::Wrong(finding)) => {
                    findings.push(finding.of(self.epochs.dataset));
                    ended = Err("an evaluation was wrong".to_owned());
                    break;
                }
                Err(Refused::NotNow(why)) => {
                    ended = Err(why);
                    break;
                }
            }
        }
        for (code, count) in [(Code::ListSampleMissing, missing), (Code::ListSampleUnreadable, unreadable)] {
            if count > 0 {
                let finding = Finding::new(code, format_args!("{count} of {} sampled people", figures.sampled));
                findings.push(finding.of(self.epochs.dataset).at(self.manifest.epoch));
            }
        }
        Ok(ended)
    }

    /// How many of these are in the table, and of how many the record opens.
    async fn look_for(&self, some: &[Drawn]) -> Result<Result<(u64, u64), Refused>, ListError> {
        let mut attempt = 0;
        let (batch, blinds) = loop {
            attempt += 1;
            match self.evaluate(some).await {
                Ok(evaluated) => break evaluated,
                Err((Refused::NotNow(_), Some(wait))) if attempt < MOST_ATTEMPTS => tokio::time::sleep(wait).await,
                Err((refused, _)) => return Ok(Err(refused)),
            }
        };
        let name = self.epochs.table_file(self.audited.table_epoch);
        let path = self.epochs.state.path(&name);
        let mut file = File::open(&path).map_err(failed("open", &path))?;
        let (mut in_table, mut opens) = (0, 0);
        for (place, (drawn, blind)) in some.iter().zip(&blinds).enumerate() {
            let Some(output) = batch.batch.finalize(batch.first + place, &drawn.input, blind) else { continue };
            let locator = output.locator();
            if !table::holds(&mut file, self.audited.records, &locator).map_err(failed("read", &path))? {
                continue;
            }
            in_table += 1;
            let geometry = self.manifest.buckets.geometry;
            let index = locator.bucket(geometry.bits());
            let address = format!("/v1/{}/epochs/{}/buckets/{index}", self.epochs.dataset, self.manifest.epoch);
            let fetched =
                self.epochs.source.get(&address, u64::from(geometry.response_bytes()), CacheMode::NoStore).await;
            let response = match fetched {
                Ok(response) => response,
                Err(Missing::Failed { why }) => return Ok(Err(Refused::NotNow(why))),
                Err(why) => return Ok(Err(Refused::NotNow(why.to_string()))),
            };
            let bucket = geometry.open_response(index, &self.manifest.buckets.root, &response).ok();
            let sealed = bucket.as_ref().and_then(|bucket| bucket.find(&locator));
            let opened = sealed.map(|sealed| record::open(&output.seal_key(), self.epochs.dataset.as_str(), sealed));
            opens += u64::from(opened.is_some_and(|opened| opened.is_ok()));
        }
        Ok(Ok((in_table, opens)))
    }

    async fn evaluate(
        &self,
        some: &[Drawn],
    ) -> Result<(evaluation::Evaluated, Vec<Blind>), (Refused, Option<Duration>)> {
        let blinds: Vec<Blind> = some.iter().map(|_| Blind::random(&mut OsRng)).collect();
        let not_blinded = |_| (Refused::NotNow("an input hashes to the identity".to_owned()), None);
        let own = some.iter().zip(&blinds).map(|(drawn, with)| blind(&drawn.input, with));
        let mut sent = own.collect::<Result<Vec<BlindedElement>, _>>().map_err(not_blinded)?;
        sent.resize_with(evaluation::request_size(some.len()), || BlindedElement::random(&mut OsRng));
        let key = &self.manifest.oprf.public_key;
        let fetcher = self.epochs.source.fresh().map_err(|error| (Refused::NotNow(error.to_string()), None))?;
        let path = format!("/v1/{}/evaluate", self.epochs.dataset);
        let body = evaluation::request_body(key, &sent, false);
        match fetcher.post(&path, body, evaluation::MOST_RESPONSE_BYTES).await.response {
            Response::Received { status: 200, body, .. } => {
                let opened = evaluation::open_response(&body, key, &sent, false);
                opened.map(|evaluated| (evaluated, blinds)).map_err(|error| {
                    (Refused::Wrong(Finding::new(Code::ProofInvalid, format_args!("of the sample: {error}"))), None)
                })
            }
            Response::Received { status, retry_after, .. } => {
                let wait = retry_after.map_or(Duration::from_secs(1), Duration::from_secs);
                let passing = matches!(status, 408 | 429 | 500..=599) && wait <= Duration::from_secs(120);
                let why = format!("the service answered with status {status}");
                Err((Refused::NotNow(why), passing.then_some(wait)))
            }
            Response::TooLong => {
                Err((Refused::Wrong(Finding::new(Code::EvaluationInvalid, "of the sample: too long")), None))
            }
            Response::Failed(failure) => {
                Err((Refused::NotNow(describe(failure).to_owned()), Some(Duration::from_secs(1))))
            }
        }
    }
}

/// Why an evaluation was not had.
enum Refused {
    Wrong(Finding),
    NotNow(String),
}
