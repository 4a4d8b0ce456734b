//! The second stage: stretch every NIK, ask the filter, decide who is confirmed.

use ceknik_core::encoding::hex;
use ceknik_core::filter::{FilterError, FilterShard};
use ceknik_core::manifest::FilterSpec;
use ceknik_core::{StretchError, Stretched, covers};

use super::{Action, Confirm, Context, Item, Next, Progress};
use crate::answer::{Answer, Local, NoAnswer, Unconfirmed};
use crate::exchange::{CacheMode, Method, Request, Tells, Ticket};
use crate::failure::Failure;
use crate::reason::Reason;
use crate::stretching::StretchJob;
use crate::wire::Purpose;

#[derive(Default)]
pub(super) struct LocalStage {
    /// At most 256, by number.
    shards: Vec<(u32, Shard)>,
}

enum Shard {
    Coming,
    Open(Box<FilterShard>),
    Failed(Box<NoAnswer>),
}

impl LocalStage {
    /// `context.list` is the list.
    pub(super) fn begin(context: &mut Context) -> (Self, Next) {
        let mut stage = Self::default();
        let Some(list) = &context.list else { return (stage, Next::Stay) };
        let spec = list.manifest().stretch.clone();
        for (place, subject) in context.subjects.iter_mut().enumerate() {
            if subject.outcome.is_some() {
                continue;
            }
            (subject.local, subject.cover, subject.block) = (None, false, None);
            if subject.stretched.as_ref().is_none_or(|(of, _)| *of != spec) {
                subject.stretched = None;
                let ticket = context.wire.expect_stretch(place);
                let job = StretchJob::new(ticket, subject.nik.clone(), spec.cost, spec.salt);
                context.wire.push(Action::Stretch(job));
            }
        }
        if one_shard(context) {
            // It will be needed by whoever it is, and can come while the stretch is computed.
            stage.want(context, 0);
        }
        let next = stage.advance(context);
        (stage, next)
    }

    pub(super) fn stretched(
        &mut self,
        context: &mut Context,
        place: usize,
        result: Result<Stretched, StretchError>,
    ) -> Next {
        let Some(list) = &context.list else { return Next::Stay };
        match result {
            Ok(stretched) => {
                let spec = list.manifest().stretch.clone();
                if let Some(subject) = context.subjects.get_mut(place) {
                    subject.stretched = Some((spec, stretched));
                }
                let done = context.subjects.iter().filter(|subject| subject.stretched.is_some()).count();
                context.wire.push(Action::Progress(Progress::Stretched { done, of: context.subjects.len() }));
            }
            Err(error) => {
                let reason = match error {
                    StretchError::Memory { .. } => Reason::OutOfMemory,
                    StretchError::Cost { .. } => Reason::StretchRefused,
                };
                context.settle(place, Answer::NoAnswer(NoAnswer::because(reason, error)), &[]);
            }
        }
        self.advance(context)
    }

    /// Looks for a shard, in the cache first.
    fn want(&mut self, context: &mut Context, shard: u32) {
        if self.shard(shard).is_some() {
            return;
        }
        let digest = filter(context).and_then(|filter| filter.shards.get(shard as usize));
        let Some(sha256) = digest.map(|digest| digest.sha256) else { return };
        let ticket = context.wire.expect_load(shard);
        context.wire.push(Action::Load { ticket, sha256 });
        self.shards.push((shard, Shard::Coming));
    }

    fn shard(&self, number: u32) -> Option<&Shard> {
        self.shards.iter().find(|(of, _)| *of == number).map(|(_, shard)| shard)
    }

    /// What became of a shard that was wanted.
    fn set(&mut self, number: u32, now: Shard) {
        if let Some((_, shard)) = self.shards.iter_mut().find(|(of, _)| *of == number) {
            *shard = now;
        }
    }

    pub(super) fn loaded(&mut self, context: &mut Context, shard: u32, file: Option<Vec<u8>>) -> Next {
        // What the cache holds is checked like what the service sends; damaged, it is fetched again.
        let opened = file.and_then(|file| open(context, shard, file).ok());
        match opened {
            Some(opened) => self.open(context, shard, opened, true),
            None if context.cut_off.is_some() => {
                let reason = match context.cut_off {
                    Some(Unconfirmed::Unreachable) => Reason::Unreachable,
                    _ => Reason::Offline,
                };
                self.set(shard, Shard::Failed(NoAnswer::plain(reason)));
            }
            None => _ = fetch(context, shard, 0),
        }
        self.advance(context)
    }

    pub(super) fn reply(&mut self, context: &mut Context, purpose: Purpose, reply: Result<Vec<u8>, Failure>) -> Next {
        let Purpose::Shard { shard, source } = purpose else { return Next::Stay };
        let (failure, gone) = match reply {
            Ok(file) => match open(context, shard, file.clone()) {
                Ok(opened) => {
                    let digest = filter(context).and_then(|filter| filter.shards.get(shard as usize));
                    if let (Some(list), Some(digest)) = (&context.list, digest) {
                        let log = list.checkpoint().log().to_string();
                        let item = Item::Shard { log, sha256: digest.sha256, file };
                        context.wire.push(Action::Store(item));
                    }
                    self.open(context, shard, opened, false);
                    return self.advance(context);
                }
                Err(error) => (NoAnswer::because(filter_reason(&error), error), false),
            },
            Err(failure) => (failure.no_answer(Reason::FilterUnavailable), matches!(failure, Failure::Gone { .. })),
        };
        if fetch(context, shard, source + 1) {
            return Next::Stay;
        }
        let failure = context.unsourced(one_shard(context), failure);
        // The publisher may have removed the filter of an epoch that is no longer the current one.
        if gone && !context.restarted {
            return Next::Renew(failure);
        }
        self.set(shard, Shard::Failed(failure));
        self.advance(context)
    }

    fn open(&mut self, context: &mut Context, shard: u32, opened: FilterShard, from_cache: bool) {
        let bytes = filter(context).map_or(0, |filter| filter.geometry.shard_bytes());
        context.wire.push(Action::Progress(Progress::Filter { bytes, from_cache }));
        self.set(shard, Shard::Open(Box::new(opened)));
    }

    /// Asks the filter for everybody whose stretch and shard are there. Ends when nobody's is still to come.
    fn advance(&mut self, context: &mut Context) -> Next {
        let geometry = filter(context).map(|filter| filter.geometry);
        let mut waiting = false;
        for place in 0..context.subjects.len() {
            let Some(subject) = context.subjects.get_mut(place) else { continue };
            if subject.outcome.is_some() || subject.local.is_some() {
                continue;
            }
            let (Some((_, stretched)), Some(geometry)) = (&subject.stretched, &geometry) else {
                waiting |= subject.stretched.is_none();
                continue;
            };
            let item = stretched.filter_item();
            let shard = geometry.shard(&item);
            match self.shard(shard) {
                None | Some(Shard::Coming) => {
                    waiting = true;
                    self.want(context, shard);
                }
                Some(Shard::Open(opened)) => {
                    // None is impossible: the shard is the item's.
                    subject.local = opened.contains(&item).map(|hit| if hit { Local::Hit } else { Local::Miss });
                    if context.settings.evidence {
                        subject.block = opened.block(&item);
                    }
                }
                Some(Shard::Failed(failure)) => {
                    let failure = failure.clone();
                    context.settle(place, Answer::NoAnswer(failure), &[]);
                }
            }
        }
        // Without any NIK the one shard is fetched for those to come.
        waiting |= self.shards.iter().any(|(_, shard)| matches!(shard, Shard::Coming));
        if waiting { Next::Stay } else { Next::Local }
    }
}

fn filter(context: &Context) -> Option<&FilterSpec> {
    context.list.as_ref().and_then(|list| list.manifest().filter.as_ref())
}

fn open(context: &Context, shard: u32, file: Vec<u8>) -> Result<FilterShard, FilterError> {
    let Some(filter) = filter(context) else { return Err(FilterError::Digest) };
    let digest = filter.shards.get(shard as usize).ok_or(FilterError::Digest)?;
    FilterShard::open(&filter.geometry, shard, digest, file)
}

fn filter_reason(error: &FilterError) -> Reason {
    match error {
        FilterError::Length { .. } | FilterError::ShardBytes { .. } | FilterError::ShardBits { .. } => {
            Reason::FilterLength
        }
        FilterError::Header { .. } | FilterError::SeedHalves => Reason::FilterHeader,
        FilterError::Digest => Reason::FilterDigest,
        FilterError::Root => Reason::FilterRoot,
    }
}

/// Whether there is one shard, so that everybody asks for the same file.
fn one_shard(context: &Context) -> bool {
    filter(context).is_some_and(|filter| filter.geometry.shards() == 1)
}

/// Asks the `source`-th who has it for a shard, if there is one.
fn fetch(context: &mut Context, shard: u32, source: usize) -> bool {
    let Some(from) = context.source(source, one_shard(context)) else { return false };
    let Some(list) = &context.list else { return false };
    let Some(filter) = &list.manifest().filter else { return false };
    let Some(digest) = filter.shards.get(shard as usize) else { return false };
    let tells = match filter.geometry.shards() {
        1 => Tells::PublicFile,
        shards => Tells::FilterShard { shards, people: list.manifest().disclosure.people_per_bucket },
    };
    let request = Request {
        ticket: Ticket::from_number(0),
        method: Method::Get,
        mirror: from.mirror(),
        path: format!("/v1/{}/filter/{}", context.dataset, hex(&digest.sha256)),
        body: None,
        max_bytes: filter.geometry.shard_bytes(),
        cache: CacheMode::Immutable,
        tells,
    };
    context.wire.fetch(Purpose::Shard { shard, source }, request);
    true
}

/// Answers those who need no confirmation, and gives the others in order.
pub(super) fn decide(context: &mut Context) -> Vec<usize> {
    let mut queue = Vec::new();
    let Some(list) = &context.list else { return queue };
    let manifest = list.manifest();
    let cover_percent = manifest.disclosure.cover_percent;
    let generation = manifest.filter.as_ref().map(|filter| filter.generation);
    let only_bucket = manifest.buckets.geometry.count() == 1
        && manifest.filter.as_ref().is_none_or(|filter| filter.geometry.shards() == 1);
    let too_few = !only_bucket && manifest.disclosure.people_per_bucket < context.settings.least_people;
    let cut_off = match (context.cut_off, context.settings.confirm) {
        (Some(cut_off), _) => Some(cut_off),
        (None, Confirm::Never) => Some(Unconfirmed::LocalOnly),
        (None, Confirm::AsNeeded | Confirm::Everyone) => too_few.then_some(Unconfirmed::TooFewPeople),
    };
    context.tossed_coins =
        cut_off.is_none() && context.settings.confirm == Confirm::AsNeeded && (1..=99).contains(&cover_percent);
    for place in 0..context.subjects.len() {
        if !context.no_outcome(place) {
            continue;
        }
        let local = context.subjects.get(place).and_then(|subject| subject.local);
        match (cut_off, local) {
            (Some(because), Some(Local::Hit)) => context.settle(place, Answer::Maybe { because }, &[]),
            (Some(_), Some(Local::Miss)) => context.settle(place, Answer::NotListed, &[]),
            (Some(because), None) => {
                let reason = match because {
                    Unconfirmed::TooFewPeople => Reason::TooFewPeople,
                    _ => Reason::ConfirmationNeeded,
                };
                context.settle(place, Answer::NoAnswer(NoAnswer::plain(reason)), &[])
            }
            (None, Some(Local::Hit) | None) => queue.push(place),
            (None, Some(Local::Miss)) => {
                let everyone = context.settings.confirm == Confirm::Everyone;
                let cover = generation.is_some_and(|generation| coin(context, place, generation, cover_percent));
                if everyone || cover {
                    if let Some(subject) = context.subjects.get_mut(place) {
                        subject.cover = !everyone;
                    }
                    queue.push(place);
                } else {
                    context.settle(place, Answer::NotListed, &[]);
                }
            }
        }
    }
    let count = |local| context.subjects.iter().filter(|subject| subject.local == Some(local)).count();
    let progress = Progress::Local { hits: count(Local::Hit), misses: count(Local::Miss), confirming: queue.len() };
    context.wire.push(Action::Progress(progress));
    queue
}

/// The sticky coin of the device.
fn coin(context: &Context, place: usize, generation: u32, percent: u8) -> bool {
    let stretched = context.subjects.get(place).and_then(|subject| subject.stretched.as_ref());
    stretched.is_some_and(|(_, stretched)| covers(&context.cover_secret, generation, stretched, percent))
}
