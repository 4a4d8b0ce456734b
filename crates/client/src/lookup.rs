//! The lookup as a state machine.
//!
//! ```text
//! policy -> manifest -> its log proof -> what was seen before -> filter, stretch -> evaluation -> buckets -> answers
//! ```
//!
//! A driver does what [`Lookup::next_action`] says, in any order and as many at once as it likes, and tells what came of
//! it by [`Lookup::handle`]. It needs to know nothing of the protocol.

use core::fmt;

use ceknik_core::evidence::EvidenceFile;
use ceknik_core::filter::FilterBlock;
use ceknik_core::log::{Policy, VerifiedCheckpoint};
use ceknik_core::manifest::{Id, StretchSpec, VerifiedManifest};
use ceknik_core::time::Timestamp;
use ceknik_core::{CoverSecret, Nik, StretchError, Stretched, mirror_rank};
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use crate::answer::{Answer, Local, NoAnswer, Outcome, Report, Trust, TrustBasis, Unconfirmed, Warning};
use crate::exchange::{Request, Response, Ticket};
use crate::reason::Reason;
use crate::stretching::StretchJob;
use crate::wire::{Arrival, Wire};

mod confirm;
mod local;
mod memory;
mod trust;

pub use memory::larger_checkpoint;

use confirm::ConfirmStage;
use local::LocalStage;
use trust::{Accepted, TrustStage};

/// Whether mirrors are asked: not without the driver, in a browser, which would have to allow its page every address that a
/// manifest may name.
const ASKS_MIRRORS: bool = cfg!(feature = "driver");

/// Most mirrors that a device asks: a list of hundreds would have its visitors knock at as many doors.
const MOST_MIRRORS: usize = 8;

/// Whom to confirm with the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Confirm {
    /// Nobody: the service is never contacted about a NIK. A hit stays *maybe*.
    Never,
    /// Hits, and as many misses as the manifest wants for cover.
    #[default]
    AsNeeded,
    /// Everybody: for whoever wants the absence confirmed as well.
    Everyone,
}

/// How to look up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether lists with a weak stretch, which are for tests, are looked at.
    pub accept_weak: bool,
    /// Whether to make no request at all.
    pub offline: bool,
    /// Whom to confirm.
    pub confirm: Confirm,
    /// Whether the evaluation must be proved by itself, not together with other callers'.
    pub alone: bool,
    /// Whether to gather evidence of every answer. Everybody is confirmed then, unless nobody may be, and each element is sent
    /// in a request of its own and proved alone; as many are sent as otherwise, those that fill up included.
    pub evidence: bool,
    /// Most seconds that one request may be waited with, when the service asks to come back later.
    pub patience_seconds: u32,
    /// Whether a bucket, or one of several shards, may be taken from the service where the list names mirrors and none of them
    /// gives it. The service then sees it beside the evaluation, as with a list that names none.
    pub without_mirrors: bool,
    /// Fewest people who may share a bucket that is fetched, unless it is the only one: with fewer, nobody is confirmed.
    pub least_people: u64,
}

impl Settings {
    /// What [`Settings::least_people`] is unless set. Publishers have a thousand and more to a bucket; a list with fewer
    /// than these was made to find out who asks, or by mistake.
    pub const LEAST_PEOPLE: u64 = 100;
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            accept_weak: false,
            offline: false,
            confirm: Confirm::AsNeeded,
            alone: false,
            evidence: false,
            patience_seconds: 60,
            without_mirrors: false,
            least_people: Self::LEAST_PEOPLE,
        }
    }
}

/// What to look up.
#[derive(Clone, Debug)]
pub struct Inquiry {
    /// The list.
    pub dataset: Id,
    /// Whom. Without any, the lookup verifies the list and, where its filter is one shard, has that cached.
    pub niks: Vec<Nik>,
    /// Which log, and which witnesses of it, are trusted. Without one the policy counts that was pinned for the service;
    /// without that the service's own is fetched, and pinned once a list verified under it.
    pub policy: Option<Policy>,
    /// How.
    pub settings: Settings,
}

/// What a lookup begins with, of what earlier ones left on the device. All of it is public but the cover secret, and none
/// of it is believed: it is verified like what comes from the service.
#[derive(Clone, Debug, Default)]
pub struct Cached {
    /// The policy that was pinned for this service.
    pub policy: Option<Vec<u8>>,
    /// Whether a pinned policy is there and damaged. It is not replaced then: the lookup ends.
    pub policy_damaged: bool,
    /// What was seen of logs and lists.
    pub seen: Seen,
    /// The device's secret for cover traffic: 32 random bytes that whoever drives a lookup drew once and keeps. Without one,
    /// coins and fillers are this lookup's alone, and the report warns of it ([`Warning::CoverForgotten`]).
    pub cover_secret: Option<CoverSecret>,
    /// Whether that secret goes with the process or page that drew it, as on a device that others use as well: the report
    /// warns as it does without one.
    pub cover_passes: bool,
}

/// What was seen of logs and lists, through whatever address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The list of this dataset that was seen last, of every log.
    pub lists: Vec<SeenList>,
    /// The largest checkpoint seen, of every log.
    pub checkpoints: Vec<Vec<u8>>,
    /// Whether something is there and damaged.
    pub damaged: bool,
}

/// A list that was believed once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenList {
    /// The manifest's exact bytes.
    pub manifest: Vec<u8>,
    /// Its tlog-proof.
    pub proof: Vec<u8>,
}

/// What is to be kept on the device.
#[derive(Clone)]
pub enum Item {
    /// The policy, for this service. One that is there already is not to be replaced.
    Policy(Vec<u8>),
    /// The list, for this log and dataset. Where there is one already, [`SeenList::later`] of both is to be kept.
    List {
        /// The verifier key of its log.
        log: String,
        /// The list.
        list: SeenList,
    },
    /// A checkpoint, for this log. Where there is one already, [`larger_checkpoint`] of both is to be kept.
    Checkpoint {
        /// The log's verifier key.
        log: String,
        /// The note.
        checkpoint: Vec<u8>,
    },
    /// A shard of the filter, to be found again by its SHA-256.
    Shard {
        /// The verifier key of its list's log.
        log: String,
        /// Of the file.
        sha256: [u8; 32],
        /// The file.
        file: Vec<u8>,
    },
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Policy(_) => "Policy",
            Self::List { .. } => "List",
            Self::Checkpoint { .. } => "Checkpoint",
            Self::Shard { .. } => "Shard",
        })
    }
}

/// How far a lookup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The list is verified.
    List {
        /// Its epoch.
        epoch: u64,
        /// When it was published.
        published_at: Timestamp,
        /// Until when it answers for the present.
        valid_until: Timestamp,
        /// Whether it was in the cache already.
        from_cache: bool,
    },
    /// A shard of the filter is verified.
    Filter {
        /// Length of its file in bytes.
        bytes: u64,
        /// Whether it was in the cache already.
        from_cache: bool,
    },
    /// NIKs are stretched.
    Stretched {
        /// How many are.
        done: usize,
        /// How many will be.
        of: usize,
    },
    /// The filter was asked for all NIKs.
    Local {
        /// How many hit.
        hits: usize,
        /// How many miss.
        misses: usize,
        /// How many will be confirmed.
        confirming: usize,
    },
    /// An evaluation was verified, and buckets are fetched.
    Evaluated {
        /// Elements sent, those that fill up included.
        elements: usize,
        /// Elements that the service proved together.
        batch: usize,
        /// Buckets to fetch.
        buckets: usize,
    },
    /// A request will be made again.
    Waiting {
        /// In so many milliseconds.
        milliseconds: u64,
        /// Why.
        because: Reason,
    },
    /// The list changed meanwhile: the lookup begins again with the new one.
    Restarted,
}

/// What a driver is to do.
#[derive(Debug)]
pub enum Action {
    /// Make a request; answer with [`Event::Responded`].
    Fetch(Request),
    /// Stretch a NIK, somewhere where its 20 to 500 milliseconds block nothing; answer with [`Event::Stretched`].
    Stretch(StretchJob),
    /// Find the shard with this SHA-256 in the cache; answer with [`Event::Loaded`].
    Load {
        /// To be handed back.
        ticket: Ticket,
        /// Of the file.
        sha256: [u8; 32],
    },
    /// Keep something. Nothing is to be answered.
    Store(Item),
    /// Answer with [`Event::Woke`] after so long.
    Wait {
        /// To be handed back.
        ticket: Ticket,
        /// How long.
        milliseconds: u64,
    },
    /// Show something, if wanted.
    Progress(Progress),
    /// The end. There is no further action.
    Done(Box<Report>),
}

/// What came of an action.
#[derive(Debug)]
pub enum Event {
    /// Of [`Action::Fetch`].
    Responded {
        /// The request's.
        ticket: Ticket,
        /// What became of it.
        response: Response,
    },
    /// Of [`Action::Stretch`].
    Stretched {
        /// The job's.
        ticket: Ticket,
        /// The stretched NIK.
        result: Result<Stretched, StretchError>,
    },
    /// Of [`Action::Load`].
    Loaded {
        /// The action's.
        ticket: Ticket,
        /// The file as it was stored; none when there is none.
        file: Option<Vec<u8>>,
    },
    /// Of [`Action::Wait`].
    Woke {
        /// The action's.
        ticket: Ticket,
    },
}

/// A NIK on its way to an answer.
struct Subject {
    nik: Nik,
    /// With the stretch that it is of: a newer list may have another.
    stretched: Option<(StretchSpec, Stretched)>,
    local: Option<Local>,
    /// Whether a miss is confirmed nevertheless.
    cover: bool,
    /// The block of the filter that decided, where evidence is wanted.
    block: Option<FilterBlock>,
    evidence: Option<EvidenceFile>,
    outcome: Option<Outcome>,
}

/// What all stages share.
struct Context {
    dataset: Id,
    settings: Settings,
    subjects: Vec<Subject>,
    trust: Option<Trust>,
    /// The device's, or one for this lookup.
    cover_secret: CoverSecret,
    /// Whether it is this lookup's alone, or goes soon after.
    cover_forgotten: bool,
    list: Option<VerifiedManifest>,
    /// The list's mirrors, in this device's order.
    mirrors: Vec<String>,
    /// The largest checkpoint seen of the list's log.
    latest: Option<VerifiedCheckpoint>,
    /// Why nothing is confirmed although it was to be.
    cut_off: Option<Unconfirmed>,
    memory_lost: bool,
    /// Whether coins decided who is confirmed.
    tossed_coins: bool,
    restarted: bool,
    wire: Wire,
}

/// Who has a file.
enum Source {
    Mirror(String),
    Service,
}

impl Source {
    fn mirror(self) -> Option<String> {
        match self {
            Self::Mirror(address) => Some(address),
            Self::Service => None,
        }
    }
}

/// Where a stage leaves the lookup.
enum Next {
    /// Waiting for more.
    Stay,
    /// A list is believed.
    Accepted(Box<Accepted>),
    /// Every NIK that will have a local answer has one.
    Local,
    /// No answer for whoever has none.
    Fail(Box<NoAnswer>),
    /// Something is gone that the list promises: look whether there is a newer list, and else fail with this.
    Renew(Box<NoAnswer>),
    /// Every NIK has an answer.
    Done,
}

enum Stage {
    Trust(Box<TrustStage>),
    Local(LocalStage),
    Confirm(ConfirmStage),
    Done,
}

/// One lookup of any number of NIKs in one list. See the module's text.
pub struct Lookup {
    context: Context,
    stage: Stage,
    /// For each NIK given, its place among the subjects: equal ones are one.
    lines: Vec<usize>,
    /// The answer that a second look for a newer list may yet save.
    pending_failure: Option<Box<NoAnswer>>,
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::Trust(_) => "trust",
            Stage::Local(_) => "local",
            Stage::Confirm(_) => "confirm",
            Stage::Done => "done",
        };
        f.debug_struct("Lookup").field("stage", &stage).field("niks", &self.lines.len()).finish_non_exhaustive()
    }
}

impl Lookup {
    /// Begins a lookup. `rng` gives blinds, random elements and the spread of waits; it must be the system's.
    pub fn new(inquiry: Inquiry, cached: Cached, now: Timestamp, rng: &mut impl CryptoRngCore) -> Self {
        let Inquiry { dataset, niks, policy, mut settings } = inquiry;
        if settings.evidence && settings.confirm == Confirm::AsNeeded {
            settings.confirm = Confirm::Everyone;
        }
        let (subjects, lines) = subjects(niks);
        let trust = policy.map(|policy| Trust { basis: TrustBasis::Given, policy });
        let cover_forgotten = cached.cover_secret.is_none() || cached.cover_passes;
        let cover_secret = cached.cover_secret.clone().unwrap_or_else(|| {
            let mut bytes = Zeroizing::new([0u8; 32]);
            rng.fill_bytes(&mut *bytes);
            CoverSecret::from_bytes(*bytes)
        });
        let mut context = Context {
            dataset,
            settings,
            subjects,
            trust,
            cover_secret,
            cover_forgotten,
            list: None,
            mirrors: Vec::new(),
            latest: None,
            cut_off: None,
            memory_lost: false,
            tossed_coins: false,
            restarted: false,
            wire: Wire::new(settings.patience_seconds, now),
        };
        let (stage, next) = TrustStage::begin(&mut context, cached);
        let mut lookup = Self { context, stage: Stage::Trust(Box::new(stage)), lines, pending_failure: None };
        lookup.advance(next, rng);
        lookup
    }

    /// What to do next; none when an event must come first, or after [`Action::Done`].
    pub fn next_action(&mut self) -> Option<Action> {
        self.context.wire.pop()
    }

    /// Takes in what came of an action. Events that were not waited for are passed over. `rng` is as for [`Lookup::new`].
    pub fn handle(&mut self, event: Event, now: Timestamp, rng: &mut impl CryptoRngCore) {
        self.context.wire.now = now;
        let context = &mut self.context;
        let next = match event {
            Event::Responded { ticket, response } => match context.wire.take_response(ticket, response, rng) {
                Some(arrival) => self.arrive(arrival, rng),
                None => Next::Stay,
            },
            Event::Woke { ticket } => match context.wire.take_wake(ticket) {
                Some(arrival) => self.arrive(arrival, rng),
                None => Next::Stay,
            },
            Event::Stretched { ticket, result } => match (context.wire.take_stretch(ticket), &mut self.stage) {
                (Some(subject), Stage::Local(stage)) => stage.stretched(context, subject, result),
                _ => Next::Stay,
            },
            Event::Loaded { ticket, file } => match (context.wire.take_load(ticket), &mut self.stage) {
                (Some(shard), Stage::Local(stage)) => stage.loaded(context, shard, file),
                _ => Next::Stay,
            },
        };
        self.advance(next, rng);
    }

    fn arrive(&mut self, arrival: Arrival, rng: &mut impl CryptoRngCore) -> Next {
        let context = &mut self.context;
        match (arrival, &mut self.stage) {
            (Arrival::Reply { purpose, reply }, Stage::Trust(stage)) => stage.reply(context, purpose, reply),
            (Arrival::Reply { purpose, reply }, Stage::Local(stage)) => stage.reply(context, purpose, reply),
            (Arrival::Reply { purpose, reply }, Stage::Confirm(stage)) => stage.reply(context, purpose, reply, rng),
            (Arrival::Rebuild { purpose, retry }, Stage::Confirm(stage)) => stage.rebuild(context, purpose, retry, rng),
            _ => Next::Stay,
        }
    }

    fn advance(&mut self, mut next: Next, rng: &mut impl CryptoRngCore) {
        loop {
            next = match next {
                Next::Stay => return,
                Next::Accepted(accepted) => self.accept(*accepted),
                Next::Local => self.settle_local(rng),
                Next::Renew(failure) if self.context.restarted => Next::Fail(failure),
                Next::Renew(failure) => self.renew(failure),
                Next::Fail(failure) => {
                    self.context.fail_rest(&failure);
                    Next::Done
                }
                Next::Done => return self.finish(),
            }
        }
    }

    fn accept(&mut self, accepted: Accepted) -> Next {
        let context = &mut self.context;
        let same = context.list.as_ref().is_some_and(|list| list.sha256() == accepted.list.sha256());
        if let Some(failure) = self.pending_failure.take().filter(|_| same) {
            return Next::Fail(failure);
        }
        context.cut_off = accepted.cut_off;
        if ASKS_MIRRORS {
            context.mirrors = accepted.list.manifest().mirrors.clone();
            context.mirrors.sort_by_key(|mirror| mirror_rank(&context.cover_secret, mirror));
            context.mirrors.truncate(MOST_MIRRORS);
        }
        context.list = Some(accepted.list);
        context.latest = Some(accepted.latest);
        let (stage, next) = LocalStage::begin(context);
        self.stage = Stage::Local(stage);
        next
    }

    fn settle_local(&mut self, rng: &mut impl CryptoRngCore) -> Next {
        let context = &mut self.context;
        let queue = local::decide(context);
        let (stage, next) = ConfirmStage::begin(context, queue, rng);
        self.stage = Stage::Confirm(stage);
        next
    }

    fn renew(&mut self, failure: Box<NoAnswer>) -> Next {
        let context = &mut self.context;
        context.restarted = true;
        context.wire.forget_all();
        context.wire.push(Action::Progress(Progress::Restarted));
        self.pending_failure = Some(failure);
        let (Some(list), Some(latest)) = (context.list.clone(), context.latest.clone()) else { return Next::Done };
        let (stage, next) = TrustStage::again(context, list, latest);
        self.stage = Stage::Trust(Box::new(stage));
        next
    }

    fn finish(&mut self) {
        self.stage = Stage::Done;
        let context = &mut self.context;
        context.wire.forget_all();
        let no_answer = || Answer::NoAnswer(NoAnswer::plain(Reason::Unreachable));
        let outcomes =
            self.lines.iter().map(|&line| match context.subjects.get(line).and_then(|s| s.outcome.clone()) {
                Some(outcome) => outcome,
                None => Outcome {
                    answer: no_answer(),
                    local: None,
                    as_of: None,
                    epoch: None,
                    warnings: Vec::new(),
                    evidence: None,
                },
            });
        let outcomes = outcomes.collect();
        let list = context.list.take();
        // A policy under which no list verified was not pinned.
        let trust = context.trust.take().filter(|trust| list.is_some() || trust.basis != TrustBasis::PinnedNow);
        let exchanges = std::mem::take(&mut context.wire.exchanges);
        // NIKs and what was derived from them are wiped here, not when the driver lets go of the lookup.
        context.subjects.clear();
        context.wire.push(Action::Done(Box::new(Report { outcomes, list, trust, exchanges })));
    }
}

impl Context {
    /// Gives a subject its answer. The first one stays.
    fn settle(&mut self, subject: usize, answer: Answer, warnings: &[Warning]) {
        let Some(subject) = self.subjects.get_mut(subject).filter(|subject| subject.outcome.is_none()) else { return };
        let mut all = Vec::new();
        for warning in subject.nik.warnings().iter() {
            all.push(Warning::Nik(warning));
        }
        let manifest = self.list.as_ref().map(VerifiedManifest::manifest);
        if manifest.is_some_and(|manifest| manifest.stretch.cost.weak) {
            all.push(Warning::Weak);
        }
        if self.cut_off == Some(Unconfirmed::Unreachable) {
            all.push(Warning::ServiceUnreachable);
        }
        if self.memory_lost && manifest.is_some() {
            all.push(Warning::MemoryLost);
        }
        if self.cover_forgotten && self.tossed_coins {
            all.push(Warning::CoverForgotten);
        }
        all.extend(warnings);
        subject.outcome = Some(Outcome {
            answer,
            local: subject.local,
            as_of: manifest.map(|manifest| manifest.published_at),
            epoch: manifest.map(|manifest| manifest.epoch),
            warnings: all,
            evidence: subject.evidence.take(),
        });
    }

    /// No answer for whoever has none yet. A miss that was to be confirmed for cover alone stays a miss where the
    /// evaluation could not be had and nobody did wrong (see `confirm`).
    fn fail_rest(&mut self, failure: &NoAnswer) {
        for place in 0..self.subjects.len() {
            let covered =
                self.subjects.get(place).is_some_and(|subject| subject.cover && subject.local == Some(Local::Miss));
            if covered && failure.reason.is_passing() {
                self.settle(place, Answer::NotListed, &[Warning::CoverUnconfirmed]);
            } else {
                self.settle_failed(place, failure);
            }
        }
    }

    /// No answer; but *maybe* for a hit for which only a mirror is missing.
    fn settle_failed(&mut self, place: usize, failure: &NoAnswer) {
        let hit = self.subjects.get(place).is_some_and(|subject| subject.local == Some(Local::Hit));
        let answer = if hit && failure.reason == Reason::NoMirror {
            Answer::Maybe { because: Unconfirmed::NoMirror }
        } else {
            Answer::NoAnswer(Box::new(failure.clone()))
        };
        self.settle(place, answer, &[]);
    }

    /// Whom to ask for a file, the `place`-th in order: the mirrors, and then the service, which `alike` says may be asked in any
    /// case, since everybody asks for the same. `None` when nobody is left.
    fn source(&self, place: usize, alike: bool) -> Option<Source> {
        if !ASKS_MIRRORS {
            return (place == 0).then_some(Source::Service);
        }
        match self.mirrors.get(place) {
            Some(mirror) => Some(Source::Mirror(mirror.clone())),
            None if place > self.mirrors.len() => None,
            None => (alike || self.settings.without_mirrors || self.mirrors.is_empty()).then_some(Source::Service),
        }
    }

    /// Why a file was not to be had after the last source, whose failure is `failure`.
    fn unsourced(&self, alike: bool, failure: Box<NoAnswer>) -> Box<NoAnswer> {
        if self.source(self.mirrors.len(), alike).is_some() {
            failure
        } else {
            NoAnswer::because(Reason::NoMirror, failure)
        }
    }

    fn no_outcome(&self, place: usize) -> bool {
        self.subjects.get(place).is_some_and(|subject| subject.outcome.is_none())
    }
}

/// One subject for each different NIK, and for each NIK given the place of its subject.
fn subjects(niks: Vec<Nik>) -> (Vec<Subject>, Vec<usize>) {
    let mut subjects: Vec<Subject> = Vec::with_capacity(niks.len());
    let mut lines = Vec::with_capacity(niks.len());
    // Their places, in ascending order of the NIKs.
    let mut order: Vec<usize> = Vec::with_capacity(niks.len());
    for nik in niks {
        match order.binary_search_by(|&place| subjects[place].nik.expose_digits().cmp(nik.expose_digits())) {
            Ok(at) => lines.push(order[at]),
            Err(at) => {
                order.insert(at, subjects.len());
                lines.push(subjects.len());
                subjects.push(Subject {
                    nik,
                    stretched: None,
                    local: None,
                    cover: false,
                    block: None,
                    evidence: None,
                    outcome: None,
                });
            }
        }
    }
    (subjects, lines)
}
