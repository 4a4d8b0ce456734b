//! The first stage: a list that is believed, and that continues what was seen before.

use ceknik_core::log::{
    ConsistencyCheck, ConsistencyError, MAX_POLICY_BYTES, MAX_PROOF_BYTES, Policy, TileId, TlogProof,
    VerifiedCheckpoint,
};
use ceknik_core::manifest::{
    FreshnessError, MOST_MANIFEST_BYTES, Manifest, SuccessionError, UnverifiedManifest, VerifiedManifest, VerifyError,
    manifest_sha256,
};

use super::memory::Memory;
use super::{Action, Cached, Context, Item, Next, Progress, SeenList};
use crate::answer::{NoAnswer, Trust, TrustBasis, Unconfirmed};
use crate::exchange::{CacheMode, Method, Request, Tells, Ticket};
use crate::failure::Failure;
use crate::reason::Reason;
use crate::wire::Purpose;

mod unverified;

use unverified::unverified;

/// Most manifests that are fetched to follow a change of key: a year of daily epochs, and some.
const MOST_EPOCHS_WALKED: u64 = 400;
/// Bytes of a full tile of the log.
const TILE_BYTES: u64 = 256 * 32;

/// A list to go on with.
pub(super) struct Accepted {
    pub(super) list: VerifiedManifest,
    /// The largest checkpoint seen of its log.
    pub(super) latest: VerifiedCheckpoint,
    /// Why nothing will be confirmed.
    pub(super) cut_off: Option<Unconfirmed>,
}

pub(super) struct TrustStage {
    memory: Memory,
    step: Step,
    /// Kept until there is a policy to verify it under.
    cached: Cached,
}

enum Step {
    Policy,
    Manifest,
    Proof(Box<UnverifiedManifest>),
    History(Box<History>),
}

/// A list that is verified by itself, while it is compared with what was seen before.
struct History {
    list: VerifiedManifest,
    proof: Vec<u8>,
    /// The larger of the checkpoint seen and the list's.
    latest: VerifiedCheckpoint,
    check: Option<ConsistencyCheck>,
    tiles: Vec<Option<Vec<u8>>>,
    /// Manifests between the one seen and this one, where the key changed.
    walked: Vec<(u64, Option<Vec<u8>>)>,
}

/// A request for a public file.
fn public_file(path: String, max_bytes: u64, cache: CacheMode) -> Request {
    let ticket = Ticket::from_number(0);
    Request { ticket, method: Method::Get, mirror: None, path, body: None, max_bytes, cache, tells: Tells::PublicFile }
}

/// A request for a public file that depends on what this device saw before.
fn history_file(path: String, max_bytes: u64) -> Request {
    Request { tells: Tells::History, ..public_file(path, max_bytes, CacheMode::Immutable) }
}

fn fail(reason: Reason) -> Next {
    Next::Fail(NoAnswer::plain(reason))
}

fn fail_with(reason: Reason, error: impl core::fmt::Display) -> Next {
    Next::Fail(NoAnswer::because(reason, error))
}

impl TrustStage {
    pub(super) fn begin(context: &mut Context, cached: Cached) -> (Self, Next) {
        let mut stage = Self { memory: Memory::default(), step: Step::Policy, cached };
        let next = stage.find_policy(context);
        (stage, next)
    }

    /// Looks for a newer list than one that was believed in this lookup.
    pub(super) fn again(context: &mut Context, list: VerifiedManifest, latest: VerifiedCheckpoint) -> (Self, Next) {
        let mut stage = Self { memory: Memory::of(list, latest), step: Step::Manifest, cached: Cached::default() };
        let next = stage.fetch_manifest(context);
        (stage, next)
    }

    fn find_policy(&mut self, context: &mut Context) -> Next {
        if context.trust.is_some() {
            return self.recall(context);
        }
        if self.cached.policy_damaged {
            return fail(Reason::PolicyDamaged);
        }
        if let Some(text) = &self.cached.policy {
            return match Policy::parse(text) {
                Ok(policy) => {
                    context.trust = Some(Trust { basis: TrustBasis::PinnedBefore, policy });
                    self.recall(context)
                }
                Err(error) => fail_with(Reason::PolicyDamaged, error),
            };
        }
        if context.settings.offline {
            return fail(Reason::Offline);
        }
        let request = public_file("/v1/policy".into(), MAX_POLICY_BYTES as u64, CacheMode::Revalidate);
        context.wire.fetch(Purpose::Policy, request);
        Next::Stay
    }

    fn recall(&mut self, context: &mut Context) -> Next {
        let Some(trust) = &context.trust else { return fail(Reason::PolicyUnavailable) };
        let seen = std::mem::take(&mut self.cached.seen);
        self.memory = Memory::recall(&trust.policy, &context.dataset, seen);
        context.memory_lost = self.memory.lost;
        if context.settings.offline {
            return self.use_known(context, Unconfirmed::Offline, NoAnswer::plain(Reason::Offline));
        }
        self.fetch_manifest(context)
    }

    fn fetch_manifest(&mut self, context: &mut Context) -> Next {
        self.step = Step::Manifest;
        let path = format!("/v1/{}/manifest", context.dataset);
        context.wire.fetch(Purpose::Manifest, public_file(path, MOST_MANIFEST_BYTES as u64, CacheMode::Revalidate));
        Next::Stay
    }

    /// Goes on with the list of the cache, if there is one that answers for the present.
    fn use_known(&mut self, context: &mut Context, cut_off: Unconfirmed, otherwise: Box<NoAnswer>) -> Next {
        let Some(list) = self.memory.latest().cloned() else { return Next::Fail(otherwise) };
        if let Err(error) = list.check_fresh(context.wire.now, context.settings.accept_weak) {
            // Offline there is nothing else to say; with the service out of reach, that is what to say.
            return match cut_off {
                Unconfirmed::Offline => Next::Fail(not_fresh(&error)),
                _ => Next::Fail(otherwise),
            };
        }
        let latest = self.latest(&list);
        self.accept(context, list, latest, Some(cut_off), true)
    }

    fn accept(
        &mut self,
        context: &mut Context,
        list: VerifiedManifest,
        latest: VerifiedCheckpoint,
        cut_off: Option<Unconfirmed>,
        from_cache: bool,
    ) -> Next {
        // A policy is pinned once a list verified under it, and not before.
        let pinned_now = context.trust.as_ref().is_some_and(|trust| trust.basis == TrustBasis::PinnedNow);
        if let (true, Some(text)) = (pinned_now, self.cached.policy.take()) {
            context.wire.push(Action::Store(Item::Policy(text)));
        }
        let Manifest { epoch, published_at, valid_until, .. } = *list.manifest();
        context.wire.push(Action::Progress(Progress::List { epoch, published_at, valid_until, from_cache }));
        Next::Accepted(Box::new(Accepted { list, latest, cut_off }))
    }

    /// The largest checkpoint that was remembered of a list's log, or else its own.
    fn latest(&self, list: &VerifiedManifest) -> VerifiedCheckpoint {
        self.memory.checkpoint_of(list.checkpoint().log()).unwrap_or(list.checkpoint()).clone()
    }

    pub(super) fn reply(&mut self, context: &mut Context, purpose: Purpose, reply: Result<Vec<u8>, Failure>) -> Next {
        let bytes = match reply {
            Ok(bytes) => bytes,
            Err(failure) => return self.failed(context, purpose, &failure),
        };
        match (purpose, &mut self.step) {
            (Purpose::Policy, Step::Policy) => match Policy::parse(&bytes) {
                Ok(policy) => {
                    context.trust = Some(Trust { basis: TrustBasis::PinnedNow, policy });
                    self.cached.policy = Some(bytes);
                    self.recall(context)
                }
                Err(error) => fail_with(Reason::PolicyInvalid, error),
            },
            (Purpose::Manifest, Step::Manifest) => self.manifest(context, bytes),
            (Purpose::Proof, Step::Proof(_)) => self.proof(context, bytes),
            (Purpose::Tile { place, .. }, Step::History(history)) => {
                if let Some(tile) = history.tiles.get_mut(place) {
                    *tile = Some(bytes);
                }
                self.compare(context)
            }
            (Purpose::Epoch { number }, Step::History(history)) => {
                if let Some((_, manifest)) = history.walked.iter_mut().find(|(of, _)| *of == number) {
                    *manifest = Some(bytes);
                }
                self.compare(context)
            }
            _ => Next::Stay,
        }
    }

    fn failed(&mut self, context: &mut Context, purpose: Purpose, failure: &Failure) -> Next {
        if let (Purpose::Tile { place, full: false }, Failure::Gone { .. }, Step::History(history)) =
            (purpose, failure, &self.step)
        {
            // A log may remove a partial tile once the full one is there.
            let tile = history.check.as_ref().and_then(|check| check.tiles().get(place));
            if let Some(&tile) = tile.filter(|tile| !tile.is_full()) {
                fetch_tile(context, place, tile, true);
                return Next::Stay;
            }
        }
        let gone = match purpose {
            Purpose::Policy => Reason::PolicyUnavailable,
            Purpose::Manifest => Reason::NotCovered,
            Purpose::Epoch { .. } => Reason::KeyChangeUnproven,
            _ => Reason::LogUnavailable,
        };
        let no_answer = failure.no_answer(gone);
        // Once a newer list verified, the one before answers no more.
        if failure.is_passing() && !matches!(self.step, Step::History(_)) {
            self.use_known(context, Unconfirmed::Unreachable, no_answer)
        } else {
            Next::Fail(no_answer)
        }
    }

    fn manifest(&mut self, context: &mut Context, bytes: Vec<u8>) -> Next {
        if let Some(list) = self.memory.same(&bytes).cloned() {
            return match list.check_fresh(context.wire.now, context.settings.accept_weak) {
                Ok(()) => {
                    let latest = self.latest(&list);
                    if self.memory.lost {
                        // It may be the checkpoint that was damaged: what is left of it takes its place.
                        let log = list.checkpoint().log().to_string();
                        let checkpoint = latest.as_bytes().to_vec();
                        context.wire.push(Action::Store(Item::Checkpoint { log, checkpoint }));
                    }
                    self.accept(context, list, latest, None, true)
                }
                Err(error) => Next::Fail(not_fresh(&error)),
            };
        }
        let candidate = match UnverifiedManifest::parse(bytes) {
            Ok(candidate) => candidate,
            Err(error) => return fail_with(Reason::ManifestInvalid, error),
        };
        if candidate.claimed().dataset != context.dataset {
            return fail(Reason::WrongDataset);
        }
        let path = format!("/v1/{}/epochs/{}/proof", context.dataset, candidate.claimed().epoch);
        context.wire.fetch(Purpose::Proof, public_file(path, MAX_PROOF_BYTES as u64, CacheMode::Revalidate));
        self.step = Step::Proof(Box::new(candidate));
        Next::Stay
    }

    fn proof(&mut self, context: &mut Context, bytes: Vec<u8>) -> Next {
        let Step::Proof(candidate) = std::mem::replace(&mut self.step, Step::Manifest) else { return Next::Stay };
        let Some(trust) = &context.trust else { return fail(Reason::PolicyUnavailable) };
        let verified = TlogProof::parse(&bytes).map_err(VerifyError::from);
        let list = match verified.and_then(|proof| candidate.verify(&trust.policy, &proof)) {
            Ok(list) => list,
            Err(error) => return Next::Fail(unverified(&trust.policy, &error)),
        };
        let walk = match self.compare_with_seen(&list) {
            Ok(walk) => walk,
            Err(failure) => return Next::Fail(failure),
        };
        let (check, latest) = match self.order_checkpoints(list.checkpoint()) {
            Ok(ordered) => ordered,
            Err(error) => return Next::Fail(NoAnswer::because(inconsistent(&error), error)),
        };
        let planned = check.as_ref().map_or(Vec::new(), |check| check.tiles().to_vec());
        for (place, &tile) in planned.iter().enumerate() {
            fetch_tile(context, place, tile, false);
        }
        let mut walked = Vec::new();
        for number in walk {
            walked.push((number, None));
            let path = format!("/v1/{}/epochs/{number}/manifest", context.dataset);
            context.wire.fetch(Purpose::Epoch { number }, history_file(path, MOST_MANIFEST_BYTES as u64));
        }
        let tiles = vec![None; planned.len()];
        self.step = Step::History(Box::new(History { list, proof: bytes, latest, check, tiles, walked }));
        self.compare(context)
    }

    /// The list of the same log that was seen last.
    fn seen_before(&self, list: &VerifiedManifest) -> Option<&VerifiedManifest> {
        self.memory.list_of(list.checkpoint().log()).map(|recalled| &recalled.list)
    }

    /// Compares a list with the one that was seen last. Gives the epochs whose manifests must be fetched to follow a
    /// change of key.
    fn compare_with_seen(&self, list: &VerifiedManifest) -> Result<core::ops::Range<u64>, Box<NoAnswer>> {
        let Some(seen) = self.seen_before(list) else { return Ok(0..0) };
        let (new, old) = (list.manifest(), seen.manifest());
        if new.epoch < old.epoch {
            let detail = format!("epoch {} after epoch {}", new.epoch, old.epoch);
            return Err(NoAnswer::because(Reason::Rollback, detail));
        }
        if new.epoch == old.epoch {
            let same = list.as_bytes() == seen.as_bytes();
            let second = || NoAnswer::because(Reason::SecondManifest, format_args!("epoch {}", new.epoch));
            return if same { Ok(0..0) } else { Err(second()) };
        }
        let follows =
            if new.epoch == old.epoch + 1 { new.check_follows(old, &seen.sha256()) } else { new.check_later(old) };
        follows.map_err(|error| NoAnswer::because(broken(&error), error))?;
        if new.epoch == old.epoch + 1 || new.oprf.public_key == old.oprf.public_key {
            return Ok(0..0);
        }
        if new.epoch - old.epoch > MOST_EPOCHS_WALKED {
            let detail = format!("{} epochs lie between", new.epoch - old.epoch - 1);
            return Err(NoAnswer::because(Reason::AwayTooLong, detail));
        }
        Ok(old.epoch + 1..new.epoch)
    }

    /// The check that the smaller of two checkpoints is the beginning of the larger, which is given as well. That the new
    /// one is the smaller is no rollback: the proof of an epoch may be kept under an earlier checkpoint than one that was
    /// seen with another epoch or with the same. What counts as a rollback is an older epoch.
    fn order_checkpoints(
        &self,
        new: &VerifiedCheckpoint,
    ) -> Result<(Option<ConsistencyCheck>, VerifiedCheckpoint), ConsistencyError> {
        let Some(seen) = self.memory.checkpoint_of(new.log()) else { return Ok((None, new.clone())) };
        let (smaller, larger) = if new.head().size < seen.head().size { (new, seen) } else { (seen, new) };
        Ok((Some(ConsistencyCheck::new(smaller, larger)?), larger.clone()))
    }

    /// Compares with what was seen before, once everything needed for it is there.
    fn compare(&mut self, context: &mut Context) -> Next {
        let Step::History(history) = &self.step else { return Next::Stay };
        if history.tiles.iter().any(Option::is_none) || history.walked.iter().any(|(_, bytes)| bytes.is_none()) {
            return Next::Stay;
        }
        let Step::History(history) = std::mem::replace(&mut self.step, Step::Manifest) else { return Next::Stay };
        let mut tiles = Vec::new();
        for tile in history.tiles {
            tiles.extend(tile);
        }
        if let Some(Err(error)) = history.check.map(|check| check.verify(&tiles)) {
            return Next::Fail(NoAnswer::because(inconsistent(&error), error));
        }
        if let Some(seen) = self.seen_before(&history.list)
            && let Err(failure) = follow(seen, &history.list, &history.walked)
        {
            return Next::Fail(failure);
        }
        let History { list, proof, latest, .. } = *history;
        let fresh = list.check_fresh(context.wire.now, context.settings.accept_weak);
        // A list that has expired, or is weak, is no less the one that an older must not follow. But of a log that nobody
        // vouched for, and that is not pinned, nothing is kept: whoever answers could fill the memory with logs of his.
        let pinned_now = context.trust.as_ref().is_some_and(|trust| trust.basis == TrustBasis::PinnedNow);
        if fresh.is_ok() || !pinned_now {
            self.remember(context, &list, proof, &latest);
        }
        match fresh {
            Ok(()) => self.accept(context, list, latest, None, false),
            Err(error) => Next::Fail(not_fresh(&error)),
        }
    }

    fn remember(&self, context: &mut Context, list: &VerifiedManifest, proof: Vec<u8>, latest: &VerifiedCheckpoint) {
        let key = list.checkpoint().log();
        let log = key.to_string();
        let checkpoint = latest.as_bytes().to_vec();
        context.wire.push(Action::Store(Item::Checkpoint { log: log.clone(), checkpoint }));
        let seen = SeenList { manifest: list.as_bytes().to_vec(), proof };
        if self.memory.list_of(key).is_none_or(|recalled| recalled.kept != seen) {
            context.wire.push(Action::Store(Item::List { log, list: seen }));
        }
    }
}

fn fetch_tile(context: &mut Context, place: usize, tile: TileId, full: bool) {
    let path = if full { tile.full_path() } else { tile.path() };
    context.wire.fetch(Purpose::Tile { place, full }, history_file(format!("/log/{path}"), TILE_BYTES));
}

/// Follows `previous` from a list back to the one seen, through the manifests between them, and checks every step.
fn follow(
    seen: &VerifiedManifest,
    list: &VerifiedManifest,
    walked: &[(u64, Option<Vec<u8>>)],
) -> Result<(), Box<NoAnswer>> {
    if walked.is_empty() {
        return Ok(());
    }
    let mut earliest = None;
    for (number, bytes) in walked.iter().rev() {
        let unproven = |error: &dyn core::fmt::Display| {
            NoAnswer::because(Reason::KeyChangeUnproven, format_args!("epoch {number}: {error}"))
        };
        let later = earliest.as_ref().unwrap_or(list.manifest());
        let bytes = bytes.as_deref().unwrap_or_default();
        let sha256 = manifest_sha256(bytes);
        if later.previous != Some(sha256) {
            return Err(unproven(&"these are not the bytes that the next epoch names"));
        }
        let manifest = Manifest::parse(bytes).map_err(|error| unproven(&error))?;
        later.check_follows(&manifest, &sha256).map_err(|error| NoAnswer::because(broken(&error), error))?;
        earliest = Some(manifest);
    }
    let later = earliest.as_ref().unwrap_or(list.manifest());
    later.check_follows(seen.manifest(), &seen.sha256()).map_err(|error| NoAnswer::because(broken(&error), error))
}

fn not_fresh(error: &FreshnessError) -> Box<NoAnswer> {
    let reason = match error {
        FreshnessError::Expired { .. } => Reason::Stale,
        FreshnessError::Ahead { .. } => Reason::PublishedAhead,
        FreshnessError::Weak => Reason::Weak,
    };
    NoAnswer::because(reason, error)
}

fn inconsistent(error: &ConsistencyError) -> Reason {
    match error {
        ConsistencyError::Forked { .. } => Reason::Fork,
        ConsistencyError::RolledBack { .. } => Reason::Rollback,
        ConsistencyError::Rewritten { .. } => Reason::LogInconsistent,
        ConsistencyError::Tiles(_) => Reason::LogTilesInvalid,
        ConsistencyError::Origin { .. } => Reason::SuccessionBroken,
    }
}

fn broken(error: &SuccessionError) -> Reason {
    match error {
        SuccessionError::Key | SuccessionError::Announced => Reason::WrongKey,
        // The log names another manifest for that epoch than the one that is at hand and was in the log too.
        SuccessionError::Previous { .. } => Reason::SecondManifest,
        _ => Reason::SuccessionBroken,
    }
}

#[cfg(test)]
mod tests {
    use ceknik_core::log::MAX_CHECKPOINT_BYTES;

    use super::*;
    use crate::evaluation::MOST_RESPONSE_BYTES;
    use crate::exchange::MOST_PROBLEM_BYTES;
    use crate::lookup::Settings;

    fn with_commas(number: u64) -> String {
        let digits = number.to_string();
        let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|g| core::str::from_utf8(g).unwrap()).collect();
        groups.join(",")
    }

    #[test]
    fn caps_are_the_specifications() {
        let text = include_str!("../../../../docs/spec.md").split_whitespace().collect::<Vec<_>>().join(" ");
        let n = with_commas;
        for sentence in [
            format!(
                "policy {} bytes, proof {}, checkpoint {}, tile {}, evaluate response {}, problem document {}, filter",
                n(MAX_POLICY_BYTES as u64),
                n(MAX_PROOF_BYTES as u64),
                n(MAX_CHECKPOINT_BYTES as u64),
                n(TILE_BYTES),
                n(MOST_RESPONSE_BYTES),
                n(MOST_PROBLEM_BYTES)
            ),
            format!("**Manifest**: at most {} bytes", n(MOST_MANIFEST_BYTES as u64)),
            format!("give up on more than {MOST_EPOCHS_WALKED} of them"),
            format!("`people_per_bucket` is under {}, a client MUST NOT confirm", Settings::LEAST_PEOPLE),
        ] {
            assert!(text.contains(&sentence), "not in the specification: {sentence}");
        }
    }

    /// The table of names is whole, and each refusal has the name that it says.
    #[test]
    fn names_are_the_specifications() {
        let text = include_str!("../../../../docs/spec.md");
        let (_, table) = text.split_once("\n| name | when |\n").unwrap();
        let rows = table.lines().take_while(|line| line.starts_with('|')).skip(1);
        let rows: Vec<(&str, &str)> = rows.filter_map(|row| row.strip_prefix("| ")?.split_once(" | ")).collect();
        let names = |cell: &'static str| cell.split('`').skip(1).step_by(2);
        let mut told: Vec<&str> = rows.iter().flat_map(|(cell, _)| names(cell)).collect();
        told.sort_unstable();
        let mut all: Vec<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        all.sort_unstable();
        assert_eq!(told, all);

        let when = |name: &str| rows.iter().find(|(cell, _)| names(cell).any(|told| told == name)).unwrap().1;
        let given = [
            (broken(&SuccessionError::Previous { before: 1 }), "succession_previous"),
            (broken(&SuccessionError::Key), "succession_key"),
            (broken(&SuccessionError::Announced), "succession_announced"),
            (broken(&SuccessionError::EpochFactor), "succession_…"),
            (inconsistent(&ConsistencyError::Forked { size: 1 }), "log_forked"),
            (inconsistent(&ConsistencyError::Rewritten { old: 1, new: 2 }), "log_rewritten"),
        ];
        for (reason, refusal) in given {
            assert!(when(reason.code()).contains(&format!("`{refusal}`")), "{refusal}: {}", reason.code());
        }
    }
}
