//! The four answers and what is said beside them.

use ceknik_client::{Answer, Confirm, Local, Progress, SeenList, TrustBasis, Unconfirmed, Warning, larger_checkpoint};
use ceknik_core::log::{Cosigner, Policy};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::publisher::{Epoch, Publisher, at};
use crate::service::{Check, Device, Service};

fn published(epoch: &Epoch) -> Publisher {
    let mut publisher = Publisher::new();
    publisher.publish(epoch);
    publisher
}

#[test]
fn listed_not_listed_and_false_positive() {
    let epoch = Epoch::default();
    let publisher = published(&epoch);
    let service = Service::new(&publisher);
    let miss = publisher.unlisted(&epoch, false).next().unwrap();
    let hit = publisher.unlisted(&epoch, true).next().unwrap();
    let mut device = Device::default();
    let checked = Check::of([7, miss, hit, 8], &publisher, at(0)).run(&mut device, |request| service.serve(request));
    assert_eq!(checked.codes(), ["listed", "not_listed", "not_listed", "listed"]);
    let outcomes = &checked.report.outcomes;
    let local: Vec<_> = outcomes.iter().map(|outcome| outcome.local).collect();
    assert_eq!(local, [Some(Local::Hit), Some(Local::Miss), Some(Local::Hit), Some(Local::Hit)]);
    let Answer::Listed { supports } = &outcomes[3].answer else { panic!("not listed") };
    assert_eq!((supports[0].candidate.as_str(), supports[0].status.as_str()), ("dk", "ms"));
    assert_eq!(supports[0].submitted.as_deref(), Some("2024-08-15"));
    assert!(outcomes.iter().all(|outcome| outcome.epoch == Some(1)));
    assert!(outcomes.iter().all(|outcome| outcome.as_of.unwrap().to_string() == "2026-11-22T08:00:00Z"));
    assert!(outcomes.iter().all(|outcome| outcome.warnings.contains(&Warning::Weak)));
    assert_eq!(checked.report.trust.as_ref().unwrap().basis, TrustBasis::Given);
    assert!(checked.progress.contains(&Progress::Local { hits: 3, misses: 1, confirming: 3 }));
    assert!(checked.progress.contains(&Progress::Stretched { done: 4, of: 4 }));
}

#[test]
fn a_second_check_uses_the_cache() {
    let epoch = Epoch::default();
    let publisher = published(&epoch);
    let service = Service::new(&publisher);
    let mut device = Device::default();
    let miss = publisher.unlisted(&epoch, false).next().unwrap();
    Check::of([7], &publisher, at(0)).run(&mut device, |request| service.serve(request));
    let checked = Check::of([miss], &publisher, at(0)).run(&mut device, |request| service.serve(request));
    assert_eq!(checked.code(), "not_listed");
    assert_eq!(checked.paths(), ["/v1/jakarta-2024/manifest"]);
}

#[test]
fn equal_niks_are_one_and_are_answered_as_often_as_asked() {
    let epoch = Epoch::default();
    let publisher = published(&epoch);
    let service = Service::new(&publisher);
    let miss = publisher.unlisted(&epoch, false).next().unwrap();
    let check = Check::of([8, miss, 8, 3, miss], &publisher, at(0));
    let checked = check.run(&mut Device::default(), |request| service.serve(request));
    assert_eq!(checked.codes(), ["listed", "not_listed", "listed", "listed", "not_listed"]);
    assert!(checked.progress.contains(&Progress::Stretched { done: 3, of: 3 }));
    assert_eq!(checked.report.outcomes[0].answer, checked.report.outcomes[2].answer);
    assert_ne!(checked.report.outcomes[0].answer, checked.report.outcomes[3].answer);
}

#[test]
fn more_than_sixteen_take_several_evaluations() {
    let epoch = Epoch::default();
    let publisher = published(&epoch);
    let mut service = Service::new(&publisher);
    service.strangers = (3, 5);
    let check = Check::of(0..40, &publisher, at(0));
    let checked = check.run(&mut Device::default(), |request| service.serve(request));
    assert!(checked.codes().iter().all(|code| code == "listed"));
    let sizes: Vec<usize> = checked.evaluations().iter().map(Vec::len).collect();
    assert_eq!(sizes, [16, 16, 16]);
}

#[test]
fn a_withdrawn_one_hits_and_is_not_listed() {
    let mut publisher = Publisher::new();
    let epoch = Epoch::default();
    publisher.publish(&epoch);
    // The next epoch keeps every cell; the record of 5 is gone, members ever stay.
    let mut manifest = publisher.lay_out(2, &epoch);
    let without = Epoch { listed: (0..40).filter(|n| *n != 5).collect(), ..epoch };
    let buckets = publisher.clone().lay_out(2, &without).buckets;
    let files = {
        let mut other = publisher.clone();
        other.lay_out(2, &without);
        other.files
    };
    publisher.files.extend(files.into_iter().filter(|(path, _)| path.contains("/epochs/2/buckets/")));
    manifest.buckets = buckets;
    manifest.records = 39;
    publisher.log(manifest);
    let service = Service::new(&publisher);
    let checked = Check::of([5, 6], &publisher, at(1)).run(&mut Device::default(), |request| service.serve(request));
    assert_eq!(checked.codes(), ["not_listed", "listed"]);
    assert_eq!(checked.report.outcomes[0].local, Some(Local::Hit));
}

#[test]
fn never_contact_stops_at_maybe() {
    let epoch = Epoch { cover_percent: 100, ..Epoch::default() };
    let publisher = published(&epoch);
    let service = Service::new(&publisher);
    let miss = publisher.unlisted(&epoch, false).next().unwrap();
    let check = Check::of([7, miss], &publisher, at(0)).with(|check| check.settings.confirm = Confirm::Never);
    let checked = check.run(&mut Device::default(), |request| service.serve(request));
    assert_eq!(checked.codes(), ["maybe", "not_listed"]);
    assert_eq!(checked.report.outcomes[0].answer, Answer::Maybe { because: Unconfirmed::LocalOnly });
    assert!(checked.evaluations().is_empty() && checked.bucket_paths().is_empty());
}

#[test]
fn offline_answers_from_the_cache_and_makes_no_request() {
    let epoch = Epoch { cover_percent: 100, ..Epoch::default() };
    let publisher = published(&epoch);
    let service = Service::new(&publisher);
    let miss = publisher.unlisted(&epoch, false).next().unwrap();
    let mut device = Device::default();
    let offline = |day| Check::of([7, miss], &publisher, at(day)).with(|check| check.settings.offline = true);
    let nothing = offline(0).run(&mut device, |_| panic!("a request"));
    assert_eq!(nothing.codes(), ["no_answer offline", "no_answer offline"]);
    Check::of([], &publisher, at(0)).run(&mut device, |request| service.serve(request));
    assert_eq!(device.shards.len(), 1, "a check of nobody has the filter cached");
    let checked = offline(6).run(&mut device, |_| panic!("a request"));
    assert_eq!(checked.codes(), ["maybe", "not_listed"]);
    assert_eq!(checked.report.outcomes[0].answer, Answer::Maybe { because: Unconfirmed::Offline });
    let late = offline(7).run(&mut device, |_| panic!("a request"));
    assert_eq!(late.codes(), ["no_answer stale", "no_answer stale"]);
    device.shards.clear();
    let no_filter = offline(0).run(&mut device, |_| panic!("a request"));
    assert_eq!(no_filter.codes(), ["no_answer offline", "no_answer offline"]);
}

#[test]
fn an_unreachable_service_leaves_the_cached_list() {
    use ceknik_client::{Response, TransportFailure};
    let epoch = Epoch { cover_percent: 100, ..Epoch::default() };
    let publisher = published(&epoch);
    let service = Service::new(&publisher);
    let miss = publisher.unlisted(&epoch, false).next().unwrap();
    let mut device = Device::default();
    let down = |_: &ceknik_client::Request| Response::Failed(TransportFailure::Unreachable);
    let checked = Check::of([7, miss], &publisher, at(0)).run(&mut device, down);
    assert_eq!(checked.codes(), ["no_answer unreachable", "no_answer unreachable"]);
    Check::of([7], &publisher, at(0)).run(&mut device, |request| service.serve(request));
    let checked = Check::of([7, miss], &publisher, at(0)).run(&mut device, down);
    assert_eq!(checked.codes(), ["maybe", "not_listed"]);
    assert!(checked.report.outcomes.iter().all(|outcome| outcome.warnings.contains(&Warning::ServiceUnreachable)));
    let late = Check::of([7, miss], &publisher, at(7)).run(&mut device, down);
    assert_eq!(late.codes(), ["no_answer unreachable", "no_answer unreachable"]);
}

#[test]
fn without_a_filter_everybody_confirms() {
    let epoch = Epoch { has_filter: false, ..Epoch::default() };
    let publisher = published(&epoch);
    let service = Service::new(&publisher);
    let check = Check::of([7, 5000], &publisher, at(0));
    let checked = check.run(&mut Device::default(), |request| service.serve(request));
    assert_eq!(checked.codes(), ["listed", "not_listed"]);
    assert!(checked.report.outcomes.iter().all(|outcome| outcome.local.is_none()));
    assert!(!checked.paths().iter().any(|path| path.contains("/filter/")));
    let check = check.with(|check| check.settings.confirm = Confirm::Never);
    let checked = check.run(&mut Device::default(), |request| service.serve(request));
    assert_eq!(checked.codes(), ["no_answer confirmation_needed", "no_answer confirmation_needed"]);
}

#[test]
fn only_the_shards_that_are_needed() {
    let epoch = Epoch { shard_bits: 3, bits: 2, ..Epoch::default() };
    let publisher = published(&epoch);
    let service = Service::new(&publisher);
    let geometry = publisher.current().filter.as_ref().unwrap().geometry;
    let mut needed: Vec<u32> =
        [1, 2, 3].iter().map(|n| geometry.shard(&publisher.stretched(*n).filter_item())).collect();
    needed.sort_unstable();
    needed.dedup();
    let mut device = Device::default();
    let checked = Check::of([1, 2, 3], &publisher, at(0)).run(&mut device, |request| service.serve(request));
    assert_eq!(checked.codes(), ["listed", "listed", "listed"]);
    assert_eq!(device.shards.len(), needed.len());
    let fetched = checked.requests.iter().filter(|request| request.path.contains("/filter/"));
    assert!(fetched.clone().all(|request| request.tells.code() == "filter_shard"));
    assert_eq!(fetched.count(), needed.len());
}

#[test]
fn a_record_that_the_filter_lacks_is_listed_and_told() {
    let epoch = Epoch { left_out_of_filter: [7].into(), cover_percent: 100, ..Epoch::default() };
    let publisher = published(&epoch);
    let service = Service::new(&publisher);
    let checked = Check::of([7], &publisher, at(0)).run(&mut Device::default(), |request| service.serve(request));
    assert_eq!(checked.code(), "listed");
    assert_eq!(checked.report.outcomes[0].local, Some(Local::Miss));
    assert!(checked.report.outcomes[0].warnings.contains(&Warning::FilterLacksRecord));
    // The same by wish, where the cover coin does not ask for it.
    let publisher = published(&Epoch { cover_percent: 0, ..epoch });
    let service = Service::new(&publisher);
    let check = Check::of([7], &publisher, at(0));
    let silent = check.run(&mut Device::default(), |request| service.serve(request));
    assert_eq!(silent.code(), "not_listed");
    let check = check.with(|check| check.settings.confirm = Confirm::Everyone);
    let asked = check.run(&mut Device::default(), |request| service.serve(request));
    assert_eq!(asked.code(), "listed");
}

#[test]
fn a_record_that_does_not_open_is_no_answer() {
    let epoch = Epoch { sealed_wrongly: [7].into(), ..Epoch::default() };
    let publisher = published(&epoch);
    let service = Service::new(&publisher);
    let checked = Check::of([7, 8], &publisher, at(0)).run(&mut Device::default(), |request| service.serve(request));
    assert_eq!(checked.codes(), ["no_answer record_unreadable", "listed"]);
}

#[test]
fn ids_that_the_manifest_does_not_explain_are_shown_if_they_are_ids() {
    let publisher = published(&Epoch { candidate: "zz".into(), ..Epoch::default() });
    let service = Service::new(&publisher);
    let checked = Check::of([7], &publisher, at(0)).run(&mut Device::default(), |request| service.serve(request));
    let outcome = &checked.report.outcomes[0];
    assert!(outcome.warnings.contains(&Warning::UnexplainedId));
    assert!(matches!(&outcome.answer, Answer::Listed { supports } if supports[0].candidate == "zz"));
}

#[test]
fn trust_on_first_use_pins_the_policy_and_says_so() {
    let epoch = Epoch::default();
    let publisher = published(&epoch);
    let service = Service::new(&publisher);
    let mut device = Device::default();
    let check = Check::of([7], &publisher, at(0)).with(|check| check.policy = None);
    let first = check.run(&mut device, |request| service.serve(request));
    assert_eq!(first.code(), "listed");
    assert!(first.report.pinned_now());
    assert_eq!(first.paths()[0], "/v1/policy");
    assert_eq!(device.policy.as_deref(), Some(publisher.policy_text().as_bytes()));
    let again = check.run(&mut device, |request| service.serve(request));
    assert_eq!(again.report.trust.as_ref().unwrap().basis, TrustBasis::PinnedBefore);
    assert!(!again.paths().contains(&"/v1/policy"));
    // Another publisher in its place is not believed, whatever policy it offers.
    let mut impostor = Publisher::with_log_key(2);
    impostor.publish(&Epoch { listed: (0..41).collect(), ..epoch });
    let impostor = Service::new(&impostor);
    let refused = check.run(&mut device, |request| impostor.serve(request));
    assert_eq!(refused.code(), "no_answer policy");
    // A given policy counts for more than the pinned one, and does not replace it.
    let given = Check::of([7], impostor.publisher, at(0)).run(&mut device, |request| impostor.serve(request));
    assert_eq!(given.code(), "listed");
    assert!(given.report.outcomes[0].warnings.contains(&Warning::MemoryLost));
    assert_eq!(device.policy.as_deref(), Some(publisher.policy_text().as_bytes()));
}

#[test]
fn a_policy_is_pinned_only_with_a_list_that_verifies() {
    let publisher = published(&Epoch::default());
    let service = Service::new(&publisher);
    let mut device = Device::default();
    let check = Check::of([7], &publisher, at(8)).with(|check| check.policy = None);
    let checked = check.run(&mut device, |request| service.serve(request));
    assert_eq!(checked.code(), "no_answer stale");
    assert!(device.policy.is_none() && !checked.report.pinned_now());
    assert!(
        device.lists.is_empty() && device.checkpoints.is_empty(),
        "of a log that nobody vouched for nothing is kept"
    );
}

#[test]
fn a_pinned_policy_is_stored_when_the_list_was_cached_already() {
    let publisher = published(&Epoch::default());
    let service = Service::new(&publisher);
    let mut device = Device::default();
    Check::of([7], &publisher, at(0)).run(&mut device, |request| service.serve(request));
    assert!(device.policy.is_none());
    let check = Check::of([7], &publisher, at(0)).with(|check| check.policy = None);
    assert!(check.run(&mut device, |request| service.serve(request)).report.pinned_now());
    assert!(device.policy.is_some());
}

#[test]
fn a_damaged_pin_is_not_replaced() {
    let publisher = published(&Epoch::default());
    let service = Service::new(&publisher);
    let mut device = Device { policy: Some(b"log nonsense\n".to_vec()), ..Device::default() };
    let check = Check::of([7], &publisher, at(0)).with(|check| check.policy = None);
    let checked = check.run(&mut device, |request| service.serve(request));
    assert_eq!(checked.code(), "no_answer policy_damaged");
    assert!(checked.requests.is_empty());
}

#[test]
fn a_quorum_that_is_not_met_is_no_answer() {
    let mut publisher = published(&Epoch::default());
    let mut rng = ChaCha20Rng::seed_from_u64(9);
    let witnesses = [Cosigner::generate("w1", &mut rng).unwrap(), Cosigner::generate("w2", &mut rng).unwrap()];
    let mut policy = format!("log {}\n", publisher.signer().verifier_key());
    for (name, witness) in ["one", "two"].iter().zip(&witnesses) {
        policy.push_str(&format!("witness {name} {}\n", witness.verifier_key()));
    }
    policy.push_str("group both all one two\nquorum both\n");
    let policy = Policy::parse(policy.as_bytes()).unwrap();
    let check = Check::of([7], &publisher, at(0)).with(|check| check.policy = Some(policy));
    let plain = Policy::parse(publisher.policy_text().as_bytes()).unwrap();
    let checkpoint = publisher.checkpoint().verify(&plain).unwrap();
    let path = "/v1/jakarta-2024/epochs/1/proof";
    let mut device = Device::default();
    for (cosignatures, code) in [(0, "no_answer quorum_not_met"), (1, "no_answer quorum_not_met"), (2, "listed")] {
        let service = Service::new(&publisher);
        assert_eq!(check.run(&mut device, |request| service.serve(request)).code(), code, "{cosignatures}");
        if let Some(witness) = witnesses.get(cosignatures) {
            let line = witness.cosign(&checkpoint, 1_700_000_000).unwrap();
            publisher.files.get_mut(path).unwrap().extend(line);
        }
    }
}

#[test]
fn a_key_of_a_new_generation_is_followed_through_its_announcement() {
    let mut publisher = Publisher::new();
    let announcing = Epoch { next_key: Some((2, 4)), ..Epoch::default() };
    publisher.publish(&Epoch::default());
    let mut device = Device::default();
    {
        let service = Service::new(&publisher);
        Check::of([7], &publisher, at(0)).run(&mut device, |request| service.serve(request));
    }
    publisher.publish(&announcing);
    publisher.publish(&announcing);
    publisher.new_generation(2);
    publisher.publish(&Epoch::default());
    publisher.publish(&Epoch::default());
    let service = Service::new(&publisher);
    let checked = Check::of([7], &publisher, at(4)).run(&mut device, |request| service.serve(request));
    assert_eq!(checked.code(), "listed");
    let walked: Vec<_> = checked.paths().into_iter().filter(|path| path.ends_with("/manifest")).collect();
    let expected = ["manifest", "epochs/2/manifest", "epochs/3/manifest", "epochs/4/manifest"];
    assert_eq!(walked, expected.map(|path| format!("/v1/jakarta-2024/{path}")));
}

#[test]
fn one_list_after_another_follows_in_the_log() {
    let mut publisher = Publisher::new();
    publisher.publish(&Epoch::default());
    let mut device = Device::default();
    for day in 0..5 {
        let service = Service::new(&publisher);
        let checked = Check::of([7], &publisher, at(day)).run(&mut device, |request| service.serve(request));
        assert_eq!(checked.code(), "listed", "day {day}");
        assert_eq!(checked.paths().iter().any(|path| path.starts_with("/log/tile/")), day > 0);
        // Other lists of the publisher come between.
        for n in 0..70 * day {
            publisher.append(format!("another list's leaf {day} {n}").into_bytes());
        }
        publisher.publish(&Epoch::default());
    }
    // A log that removed its partial tiles once the full ones were there.
    let full = publisher.files.contains_key("/log/tile/0/000");
    assert!(full);
    publisher.files.retain(|path, _| !path.starts_with("/log/tile/0/000.p/"));
    let service = Service::new(&publisher);
    let checked = Check::of([7], &publisher, at(5)).run(&mut device, |request| service.serve(request));
    assert_eq!(checked.code(), "listed");
}

#[test]
fn an_older_checkpoint_with_the_newest_list_is_no_rollback() {
    let mut publisher = Publisher::new();
    publisher.publish(&Epoch::default());
    let mut device = Device::default();
    let earlier = publisher.files.clone();
    // The epoch's proof is written again under a later checkpoint.
    let first = publisher.current().to_bytes().unwrap();
    publisher.append(b"another list's leaf".to_vec());
    let second = publisher.append(b"yet another".to_vec());
    let plan = ceknik_core::log::TilePlan::edge(second.checkpoint().head().size).with_leaf(0);
    let tiles: Vec<_> =
        plan.tiles().iter().map(|tile| publisher.files[&crate::publisher::tile_path(*tile)].clone()).collect();
    let path = plan.authenticate(&second.checkpoint().head(), &tiles).unwrap().prove_leaf(0).unwrap();
    let proof = ceknik_core::log::TlogProof::new(0, path, publisher.checkpoint());
    publisher.files.insert("/v1/jakarta-2024/epochs/1/proof".into(), proof.to_bytes());
    {
        let service = Service::new(&publisher);
        Check::of([7], &publisher, at(0)).run(&mut device, |request| service.serve(request));
    }
    let largest = device.checkpoint().clone();
    // Another policy than the cached proof satisfies makes the client ask for the proof again; a stale copy answers.
    *device.list() = SeenList { manifest: first.clone(), proof: b"damaged".to_vec() };
    let mut old = publisher.clone();
    old.files.insert("/v1/jakarta-2024/epochs/1/proof".into(), earlier["/v1/jakarta-2024/epochs/1/proof"].clone());
    let service = Service::new(&old);
    let checked = Check::of([7], &old, at(0)).run(&mut device, |request| service.serve(request));
    assert_eq!(checked.code(), "listed");
    assert_eq!(*device.checkpoint(), largest, "the largest checkpoint stays remembered");
}

#[test]
fn of_two_lists_the_later_is_remembered_and_of_two_checkpoints_the_larger() {
    let mut publisher = Publisher::new();
    let (mut lists, mut checkpoints) = (Vec::new(), Vec::new());
    for day in 0..2 {
        publisher.publish(&Epoch::default());
        let mut device = Device::default();
        let service = Service::new(&publisher);
        Check::of([], &publisher, at(day)).run(&mut device, |request| service.serve(request));
        lists.push(device.list().clone());
        checkpoints.push(device.checkpoint().clone());
    }
    let [first, second] = [lists[0].clone(), lists[1].clone()];
    assert_eq!(SeenList::later(&first, second.clone()), second);
    assert_eq!(SeenList::later(&second, first.clone()), second);
    let damaged = SeenList { manifest: Vec::new(), ..second };
    assert_eq!(SeenList::later(&damaged, first.clone()), first);
    let [small, large] = [checkpoints[0].clone(), checkpoints[1].clone()];
    assert_eq!(larger_checkpoint(&small, large.clone()), large);
    assert_eq!(larger_checkpoint(&large, small.clone()), large);
    assert_eq!(larger_checkpoint(b"damaged", small.clone()), small);
}

/// Trust on first use went to somebody who calls his log by the true one's name. What the true log shows later, under the
/// policy that the person was given meanwhile, is compared with what the true log showed, and with nothing else.
#[test]
fn a_log_that_borrows_a_name_spoils_no_memory() {
    let mut liar = Publisher::with_log_key(2);
    for _ in 0..3 {
        liar.publish(&Epoch::default());
    }
    let mut device = Device::default();
    let lies = Service::new(&liar);
    let checked =
        Check::of([7], &liar, at(2)).with(|check| check.policy = None).run(&mut device, |request| lies.serve(request));
    assert_eq!(checked.code(), "listed");
    let mut publisher = Publisher::new();
    publisher.publish(&Epoch::default());
    let first = publisher.clone();
    publisher.publish(&Epoch::default());
    let service = Service::new(&publisher);
    let checked = Check::of([7], &publisher, at(2)).run(&mut device, |request| service.serve(request));
    assert_eq!(checked.code(), "listed");
    assert!(checked.report.outcomes[0].warnings.contains(&Warning::MemoryLost), "of this log there was none");
    assert_eq!((device.lists.len(), device.checkpoints.len()), (2, 2));
    let service = Service::new(&first);
    let checked = Check::of([7], &first, at(2)).run(&mut device, |request| service.serve(request));
    assert_eq!(checked.code(), "no_answer rollback");
}
