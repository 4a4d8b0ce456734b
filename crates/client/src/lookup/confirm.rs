//! The third stage: the blind evaluation, the buckets, the records.
//!
//! What an onlooker sees is the same for a hit, for a miss that is confirmed as cover and, as far as numbers of elements
//! and buckets go, for an element that fills up a request:
//!
//! * A request holds 1, 4 or 16 elements. Its size tells between which of these the number of NIKs to confirm lies.
//! * Every element has its bucket: an own one's from its locator, a filler's from one that the device's secret gives, so
//!   that the same people have the same fillers at every visit: of buckets that are drawn anew each time, those that come
//!   again are the people's. The buckets are fetched in ascending order, each number once. Locators are as good as random
//!   numbers, so that the set of numbers is distributed the same whoever is own; to fetch a number twice would tell in
//!   addition that two elements share it.
//! * Where evidence is wanted, each of these elements, fillers too, has a request of its own and is proved alone. Everybody is
//!   confirmed then, so that the requests are the same whatever the filter said.
//! * Answers are given when every bucket is in and is the list's, the fillers' too. Where one of them cannot be had or is
//!   forged, nobody of the request is answered: whoever comes back, by himself or because he was told to, would else tell
//!   by that whether the bucket was a filler's. Where one is gone, and a newer list is there, the whole request is made
//!   again, for the same reason.
//!
//! When the evaluation for cover cannot be had, and nobody did wrong (no connection, too many requests, budget), the
//! local miss stands: to turn it into "no answer" would send one in ten of those who are not listed back into the queue of
//! an overloaded service. Whoever can refuse service and sees who comes back may then leave the cover out of his reckoning;
//! the retries made here are the same for all. Once the service has evaluated, a bucket that cannot be had is no matter of
//! load: whoever left somebody out of the filter alone knows which bucket to withhold. Then, and where a check *fails*, the
//! answer is "no answer", cover or not: a party that lies about the table is not believed about the filter.

use ceknik_core::bucket::BucketError;
use ceknik_core::evidence::EvidenceFile;
use ceknik_core::manifest::Manifest;
use ceknik_core::oprf::{Blind, BlindedElement, EvaluatedElement, OprfInput, Proof, blind};
use ceknik_core::record::{self, Locator, SealKey};
use ceknik_core::{Stretched, filler_locator};
use rand_core::CryptoRngCore;

use super::{Action, Context, Next, Progress};
use crate::answer::{Answer, Local, NoAnswer, Warning};
use crate::evaluation::{
    Evaluated, EvaluationError, MOST_ELEMENTS, MOST_RESPONSE_BYTES, open_response, request_body, request_size,
};
use crate::exchange::{CacheMode, Method, Request, Tells, Ticket};
use crate::failure::Failure;
use crate::reason::Reason;
use crate::wire::{Purpose, Retry};

pub(super) struct ConfirmStage {
    queue: std::vec::IntoIter<usize>,
    round: Round,
    /// Set when something is gone: the round is finished first, like any other.
    renew: Option<Box<NoAnswer>>,
}

/// What is evaluated in one request, or for evidence in as many as there are elements, and what follows from it.
#[derive(Default)]
struct Round {
    own: Vec<Own>,
    /// What was sent in the latest attempt: the own elements, then random ones, the fillers.
    sent: Vec<BlindedElement>,
    /// How many of them stand in one request.
    together: usize,
    /// The requests that were answered, each with the place of its first element.
    evaluated: Vec<(usize, Evaluated)>,
    /// Ascending by number.
    buckets: Vec<(u32, Vec<Target>)>,
    outstanding: usize,
    /// What the buckets that are in said, until all are.
    found: Vec<Found>,
    /// Why one of the buckets, whosever it is, could not be used: the answer of all.
    failed: Option<Box<NoAnswer>>,
}

/// What a bucket said of somebody.
struct Found {
    subject: usize,
    answer: Answer,
    warnings: Vec<Warning>,
    evidence: Option<EvidenceFile>,
}

impl Round {
    /// Whom to look for in a bucket.
    fn targets(&mut self, index: u32) -> &mut Vec<Target> {
        let at = match self.buckets.binary_search_by_key(&index, |(index, _)| *index) {
            Ok(at) => at,
            Err(at) => {
                self.buckets.insert(at, (index, Vec::new()));
                at
            }
        };
        &mut self.buckets[at].1
    }

    /// The first failure of a bucket is told.
    fn fail(&mut self, why: Box<NoAnswer>) {
        self.failed.get_or_insert(why);
    }
}

struct Own {
    subject: usize,
    input: OprfInput,
    /// Of the latest attempt.
    blind: Option<Blind>,
}

/// What to look for in a bucket.
struct Target {
    subject: usize,
    locator: Locator,
    seal_key: SealKey,
    /// Where evidence is wanted.
    alone: Option<Alone>,
}

/// An evaluation of one element by itself, and what it was blinded with.
struct Alone {
    blind: Blind,
    blinded: BlindedElement,
    evaluated: EvaluatedElement,
    proof: Proof,
}

impl ConfirmStage {
    pub(super) fn begin(context: &mut Context, queue: Vec<usize>, rng: &mut impl CryptoRngCore) -> (Self, Next) {
        let mut stage = Self { queue: queue.into_iter(), round: Round::default(), renew: None };
        let next = stage.next_round(context, rng);
        (stage, next)
    }

    fn next_round(&mut self, context: &mut Context, rng: &mut impl CryptoRngCore) -> Next {
        if let Some(failure) = self.renew.take() {
            return Next::Renew(failure);
        }
        self.round = Round::default();
        while self.round.own.len() < MOST_ELEMENTS {
            let Some(subject) = self.queue.next() else { break };
            let stretched = context.subjects.get(subject).and_then(|subject| subject.stretched.as_ref());
            if let Some((_, stretched)) = stretched {
                self.round.own.push(Own { subject, input: stretched.oprf_input(), blind: None });
            }
        }
        if self.round.own.is_empty() {
            return Next::Done;
        }
        let size = request_size(self.round.own.len());
        self.round.together = if context.settings.evidence { 1 } else { size };
        for place in (0..size).step_by(self.round.together) {
            match self.draft(context, place, rng) {
                Some(request) => context.wire.fetch(Purpose::Evaluate { place }, request),
                None => return Next::Fail(NoAnswer::plain(Reason::StretchRefused)),
            }
        }
        Next::Stay
    }

    /// A request for the elements from a place on, with fresh blinds and fresh random elements. Every attempt gets its own, so
    /// that no two requests can be told to be about the same NIK.
    fn draft(&mut self, context: &Context, place: usize, rng: &mut impl CryptoRngCore) -> Option<Request> {
        let manifest = manifest(context)?;
        let Round { own, sent, together, .. } = &mut self.round;
        for at in place..place + *together {
            let element = match own.get_mut(at) {
                Some(own) => {
                    let fresh = Blind::random(rng);
                    // An input that hashes to the identity is a discrete logarithm that nobody knows.
                    let element = blind(&own.input, &fresh).ok()?;
                    own.blind = Some(fresh);
                    element
                }
                None => BlindedElement::random(rng),
            };
            match sent.get_mut(at) {
                Some(before) => *before = element,
                None => sent.push(element),
            }
        }
        let elements = sent.get(place..place + *together)?;
        let evidence = context.settings.evidence;
        Some(Request {
            ticket: Ticket::from_number(0),
            method: Method::Post,
            mirror: None,
            path: format!("/v1/{}/evaluate", context.dataset),
            body: Some(request_body(&manifest.oprf.public_key, elements, context.settings.alone || evidence)),
            max_bytes: MOST_RESPONSE_BYTES,
            cache: CacheMode::NoStore,
            tells: if evidence { Tells::EvidenceElement } else { Tells::BlindedElements { elements: elements.len() } },
        })
    }

    pub(super) fn rebuild(
        &mut self,
        context: &mut Context,
        purpose: Purpose,
        retry: Retry,
        rng: &mut impl CryptoRngCore,
    ) -> Next {
        let Purpose::Evaluate { place } = purpose else { return Next::Stay };
        match self.draft(context, place, rng) {
            Some(request) => {
                context.wire.resend(retry, request);
                Next::Stay
            }
            None => Next::Fail(NoAnswer::plain(Reason::StretchRefused)),
        }
    }

    pub(super) fn reply(
        &mut self,
        context: &mut Context,
        purpose: Purpose,
        reply: Result<Vec<u8>, Failure>,
        rng: &mut impl CryptoRngCore,
    ) -> Next {
        match (purpose, reply) {
            (Purpose::Evaluate { place }, Ok(body)) => self.evaluated(context, place, &body),
            (Purpose::Evaluate { .. }, Err(Failure::Gone { status: 410 })) => {
                Next::Renew(NoAnswer::because(Reason::KeyRetired, "status 410"))
            }
            // Whoever is left would be told the same.
            (Purpose::Evaluate { .. }, Err(failure)) => Next::Fail(failure.no_answer(Reason::UnexpectedStatus)),
            (Purpose::Bucket { index, source }, reply) => self.bucket(context, index, source, reply, rng),
            _ => Next::Stay,
        }
    }

    fn evaluated(&mut self, context: &mut Context, place: usize, body: &[u8]) -> Next {
        let Some(manifest) = manifest(context) else { return Next::Stay };
        let settings = &context.settings;
        let alone = settings.alone || settings.evidence;
        let sent = self.round.sent.get(place..place + self.round.together).unwrap_or_default();
        match open_response(body, &manifest.oprf.public_key, sent, alone) {
            Ok(evaluated) => self.round.evaluated.push((place, evaluated)),
            Err(error) => return Next::Fail(NoAnswer::because(evaluation_reason(&error), error)),
        }
        // Buckets are asked for when all elements are evaluated, as if they had been sent together.
        if self.round.evaluated.len() * self.round.together < self.round.sent.len() {
            return Next::Stay;
        }
        let Some(targets) = self.own_targets(settings.evidence) else {
            return Next::Fail(NoAnswer::plain(Reason::EvaluationForeign));
        };
        let geometry = manifest.buckets.geometry;
        let fillers = self.round.sent.len() - targets.len();
        for target in targets {
            self.round.targets(target.locator.bucket(geometry.bits())).push(target);
        }
        self.want_fillers(context, fillers, geometry.bits());
        let progress = Progress::Evaluated {
            elements: self.round.sent.len(),
            batch: self.round.evaluated.iter().map(|(_, evaluated)| evaluated.batch.len()).max().unwrap_or_default(),
            buckets: self.round.buckets.len(),
        };
        context.wire.push(Action::Progress(progress));
        self.round.outstanding = self.round.buckets.len();
        for &(index, _) in &self.round.buckets {
            fetch(context, index, 0);
        }
        Next::Stay
    }

    /// What to look for of everybody, for whom there is an evaluation.
    fn own_targets(&mut self, evidence: bool) -> Option<Vec<Target>> {
        let Round { own, evaluated, together, .. } = &mut self.round;
        let mut targets = Vec::with_capacity(own.len());
        for (place, own) in own.iter_mut().enumerate() {
            let within = place % *together;
            let (_, evaluation) = evaluated.iter().find(|(first, _)| *first == place - within)?;
            let (batch, at) = (&evaluation.batch, evaluation.first + within);
            let blind = own.blind.take()?;
            let output = batch.finalize(at, &own.input, &blind)?;
            let alone = if evidence {
                let (blinded, evaluated) = (*batch.blinded(at)?, *batch.evaluated(at)?);
                Some(Alone { blind, blinded, evaluated, proof: evaluation.proof })
            } else {
                None
            };
            let (locator, seal_key) = (output.locator(), output.seal_key());
            targets.push(Target { subject: own.subject, locator, seal_key, alone });
        }
        Some(targets)
    }

    /// Adds the buckets of `count` fillers.
    fn want_fillers(&mut self, context: &Context, count: usize, bits: u8) {
        let mut people: Vec<&Stretched> = Vec::new();
        for own in &self.round.own {
            people.extend(context.subjects.get(own.subject).and_then(|subject| Some(&subject.stretched.as_ref()?.1)));
        }
        for place in 0..u8::try_from(count).unwrap_or(u8::MAX) {
            self.round.targets(filler_locator(&context.cover_secret, &people, place).bucket(bits));
        }
    }

    fn bucket(
        &mut self,
        context: &mut Context,
        index: u32,
        source: usize,
        reply: Result<Vec<u8>, Failure>,
        rng: &mut impl CryptoRngCore,
    ) -> Next {
        let Ok(at) = self.round.buckets.binary_search_by_key(&index, |(index, _)| *index) else { return Next::Stay };
        let looked_up = match reply {
            Ok(response) => self.look_up(context, at, &response).map_err(|error| (error, false)),
            Err(failure) => {
                Err((failure.no_answer(Reason::BucketUnavailable), matches!(failure, Failure::Gone { .. })))
            }
        };
        if let Err((failure, gone)) = looked_up {
            // A filler's bucket counts as much as an own one's: whatever is done for the latter alone would tell which it is.
            if fetch(context, index, source + 1) {
                return Next::Stay;
            }
            let failure = context.unsourced(one_bucket(context), failure);
            // The publisher may have removed the buckets of an epoch that is no longer the current one.
            if gone && !context.restarted {
                self.renew = Some(failure);
            } else {
                self.round.fail(failure);
            }
        }
        self.round.buckets.remove(at);
        self.round.outstanding = self.round.outstanding.saturating_sub(1);
        if self.round.outstanding > 0 {
            return Next::Stay;
        }
        // With a bucket gone, nothing of this round counts: all of it is asked again, or none is answered.
        if self.renew.is_none() {
            if let Some(failed) = self.round.failed.take() {
                self.round.found.clear();
                for own in &self.round.own {
                    context.settle_failed(own.subject, &failed);
                }
            }
            for Found { subject, answer, warnings, evidence } in std::mem::take(&mut self.round.found) {
                if let Some(subject) = context.subjects.get_mut(subject) {
                    subject.evidence = evidence;
                }
                context.settle(subject, answer, &warnings);
            }
        }
        self.next_round(context, rng)
    }

    /// What the bucket at a place says of those who are to be looked for in it; of a filler's it is only seen whether it is the
    /// list's.
    fn look_up(&mut self, context: &Context, at: usize, response: &[u8]) -> Result<(), Box<NoAnswer>> {
        let (Some(manifest), Some((index, targets))) = (manifest(context), self.round.buckets.get(at)) else {
            return Ok(());
        };
        let bucket = manifest.buckets.geometry.open_response(*index, &manifest.buckets.root, response);
        let bucket = bucket.map_err(|error| NoAnswer::because(bucket_reason(&error), &error))?;
        for target in targets {
            let (answer, warnings) = match bucket.find(&target.locator) {
                None => (Answer::NotListed, Vec::new()),
                Some(sealed) => read(context, target, sealed),
            };
            let evidence = evidence(context, target, response);
            self.round.found.push(Found { subject: target.subject, answer, warnings, evidence });
        }
        Ok(())
    }
}

/// Whether there is one bucket, so that everybody asks for the same.
fn one_bucket(context: &Context) -> bool {
    manifest(context).is_some_and(|manifest| manifest.buckets.geometry.count() == 1)
}

/// Asks the `source`-th who has it for a bucket, if there is one.
fn fetch(context: &mut Context, index: u32, source: usize) -> bool {
    let (Some(from), Some(manifest)) = (context.source(source, one_bucket(context)), manifest(context)) else {
        return false;
    };
    let geometry = manifest.buckets.geometry;
    let request = Request {
        ticket: Ticket::from_number(0),
        method: Method::Get,
        mirror: from.mirror(),
        path: format!("/v1/{}/epochs/{}/buckets/{index}", context.dataset, manifest.epoch),
        body: None,
        max_bytes: u64::from(geometry.response_bytes()),
        cache: CacheMode::NoStore,
        tells: Tells::Bucket { buckets: geometry.count(), people: manifest.disclosure.people_per_bucket },
    };
    context.wire.fetch(Purpose::Bucket { index, source }, request);
    true
}

fn manifest(context: &Context) -> Option<&Manifest> {
    context.list.as_ref().map(|list| list.manifest())
}

fn evidence(context: &Context, target: &Target, response: &[u8]) -> Option<EvidenceFile> {
    let (list, alone) = (context.list.as_ref()?, target.alone.as_ref()?);
    let block = context.subjects.get(target.subject)?.block.clone();
    let evaluation = (&alone.blinded, &alone.evaluated);
    Some(EvidenceFile::new(list, block, &alone.blind, evaluation, &alone.proof, response.to_vec()))
}

/// A record is there: listed, or no answer, whatever the filter said.
fn read(context: &Context, target: &Target, sealed: &[u8]) -> (Answer, Vec<Warning>) {
    let mut warnings = Vec::new();
    let local = context.subjects.get(target.subject).and_then(|subject| subject.local);
    if local == Some(Local::Miss) {
        warnings.push(Warning::FilterLacksRecord);
    }
    match record::open(&target.seal_key, context.dataset.as_str(), sealed) {
        // Candidates and statuses in it are ids, which may be shown: what holds anything else is no record.
        Ok(record) => {
            let explained = manifest(context).is_some_and(|manifest| {
                record.supports.iter().all(|support| {
                    manifest.candidates.get(&support.candidate).is_some()
                        && manifest.statuses.get(&support.status).is_some()
                })
            });
            if !explained {
                warnings.push(Warning::UnexplainedId);
            }
            (Answer::Listed { supports: record.supports }, warnings)
        }
        Err(error) => (Answer::NoAnswer(NoAnswer::because(Reason::RecordUnreadable, error)), warnings),
    }
}

fn evaluation_reason(error: &EvaluationError) -> Reason {
    match error {
        EvaluationError::Malformed { .. } => Reason::EvaluationInvalid,
        EvaluationError::Foreign { .. } => Reason::EvaluationForeign,
        EvaluationError::Proof(_) => Reason::ProofInvalid,
    }
}

fn bucket_reason(error: &BucketError) -> Reason {
    match error {
        BucketError::ResponseLength { .. }
        | BucketError::Geometry { .. }
        | BucketError::Index { .. }
        | BucketError::TooFull { .. } => Reason::BucketLength,
        BucketError::Hashes { .. } => Reason::BucketHashes,
        BucketError::EntriesLength { .. } => Reason::BucketEntries,
        BucketError::Padding => Reason::BucketPadding,
        BucketError::Root => Reason::BucketRoot,
        BucketError::Order { .. } => Reason::BucketOrder,
    }
}
