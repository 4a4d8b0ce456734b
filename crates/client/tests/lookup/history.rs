//! Lists that do not continue what the device saw before, or do not answer for the present.

use ceknik_client::{Request, Response};
use ceknik_core::log::Policy;

use crate::hostile::{code_on, on, published};
use crate::publisher::{Epoch, Publisher, at};
use crate::service::{Check, Device, Service, status};

#[test]
fn stale_early_and_weak_lists() {
    let publisher = published();
    assert_eq!(code_on(&mut Device::default(), &publisher, 7, |_, response| response), "no_answer stale");
    assert_eq!(code_on(&mut Device::default(), &publisher, -1, |_, response| response), "no_answer published_ahead");
    let service = Service::new(&publisher);
    let check = Check::of([7], &publisher, at(0)).with(|check| check.settings.accept_weak = false);
    let checked = check.run(&mut Device::default(), |request| service.serve(request));
    assert_eq!(checked.code(), "no_answer weak");
    // The same from the cache.
    let mut device = Device::default();
    assert_eq!(code_on(&mut device, &publisher, 0, |_, response| response), "listed");
    assert_eq!(code_on(&mut device, &publisher, 7, |_, response| response), "no_answer stale");
    assert_eq!(check.run(&mut device, |request| service.serve(request)).code(), "no_answer weak");
}

#[test]
fn rolled_back_epoch() {
    let mut publisher = published();
    let old = publisher.clone();
    publisher.publish(&Epoch { listed: (0..50).collect(), ..Epoch::default() });
    let mut device = Device::default();
    assert_eq!(code_on(&mut device, &publisher, 1, |_, response| response), "listed");
    let seen = device.lists.clone();
    assert_eq!(code_on(&mut device, &old, 1, |_, response| response), "no_answer rollback");
    assert_eq!(device.lists, seen, "what was seen stays remembered");
}

#[test]
fn an_expired_list_is_remembered_all_the_same() {
    let mut publisher = published();
    let old = publisher.clone();
    let mut expiring = publisher.lay_out(2, &Epoch { listed: (0..50).collect(), ..Epoch::default() });
    expiring.valid_until = at(2);
    publisher.log(expiring);
    let mut device = Device::default();
    assert_eq!(code_on(&mut device, &publisher, 3, |_, response| response), "no_answer stale");
    assert_eq!(code_on(&mut device, &old, 3, |_, response| response), "no_answer rollback");
}

#[test]
fn once_a_newer_list_verified_the_one_before_answers_no_more() {
    let mut publisher = published();
    let mut device = Device::default();
    assert_eq!(code_on(&mut device, &publisher, 0, |_, response| response), "listed");
    publisher.publish(&Epoch { listed: (0..50).collect(), ..Epoch::default() });
    let refused = |part: &'static str| {
        move |request: &Request, response| if request.path.contains(part) { status(503) } else { response }
    };
    let seen = device.clone();
    assert_eq!(code_on(&mut device, &publisher, 1, refused("/tile/")), "no_answer service_unavailable");
    // As long as it has not verified, it is the list of the cache that answers, and says so.
    device = seen;
    assert_eq!(code_on(&mut device, &publisher, 1, refused("/proof")), "maybe");
}

#[test]
fn a_policy_with_more_witnesses_forgets_no_epoch() {
    let mut publisher = published();
    let old = publisher.clone();
    publisher.publish(&Epoch::default());
    let mut device = Device::default();
    assert_eq!(code_on(&mut device, &publisher, 1, |_, response| response), "listed");
    // Under the new policy the cached list could not answer, and is remembered all the same.
    let mut rng = <rand_chacha::ChaCha20Rng as rand_core::SeedableRng>::seed_from_u64(4);
    let witness = ceknik_core::log::Cosigner::generate("w", &mut rng).unwrap();
    let log = publisher.signer().verifier_key();
    let policy = format!("log {log}\nwitness w {}\nquorum w\n", witness.verifier_key());
    let plain = Policy::parse(publisher.policy_text().as_bytes()).unwrap();
    let mut cosigned = old.clone();
    let line = witness.cosign(&old.checkpoint().verify(&plain).unwrap(), 1).unwrap();
    cosigned.files.get_mut("/v1/jakarta-2024/epochs/1/proof").unwrap().extend(line);
    let service = Service::new(&cosigned);
    let policy = Policy::parse(policy.as_bytes()).unwrap();
    let check = Check::of([7], &cosigned, at(1)).with(|check| check.policy = Some(policy));
    assert_eq!(check.run(&mut Device::default(), |request| service.serve(request)).code(), "listed");
    assert_eq!(check.run(&mut device, |request| service.serve(request)).code(), "no_answer rollback");
}

#[test]
fn second_manifest_for_one_epoch() {
    let publisher = published();
    let mut device = Device::default();
    assert_eq!(code_on(&mut device, &publisher, 0, |_, response| response), "listed");
    // In the same log, one entry later.
    let mut twice = publisher.clone();
    let second = Publisher::new().lay_out(1, &Epoch { listed: (0..30).collect(), ..Epoch::default() });
    twice.manifests.clear();
    twice.log(second);
    assert_eq!(code_on(&mut device, &twice, 0, |_, response| response), "no_answer second_manifest");
    // In a log of its own.
    let mut apart = Publisher::new();
    apart.publish(&Epoch { listed: (0..30).collect(), ..Epoch::default() });
    assert_eq!(code_on(&mut device, &apart, 0, |_, response| response), "no_answer second_manifest");
    // As the epoch that the next one names.
    apart.publish(&Epoch { listed: (0..30).collect(), ..Epoch::default() });
    assert_eq!(code_on(&mut device, &apart, 1, |_, response| response), "no_answer second_manifest");
}

#[test]
fn forked_log() {
    // Both histories begin with the same epoch 1. The device saw one of them go on with another list's leaf.
    let common = published();
    let mut seen = common.clone();
    let mut device = Device::default();
    assert_eq!(code_on(&mut device, &common, 0, |_, response| response), "listed");
    seen.append(b"another list's leaf".to_vec());
    *device.checkpoint() = seen.checkpoint().as_bytes().to_vec();
    let mut fork = common.clone();
    fork.publish(&Epoch::default());
    assert_eq!(code_on(&mut device, &fork, 1, |_, response| response), "no_answer fork");
    fork.publish(&Epoch::default());
    assert_eq!(code_on(&mut device, &fork, 2, |_, response| response), "no_answer log_inconsistent");
    seen.publish(&Epoch::default());
    assert_eq!(code_on(&mut device, &seen, 2, |_, response| response), "listed");
}

#[test]
fn tiles_altered_or_withheld() {
    let mut publisher = published();
    let mut device = Device::default();
    assert_eq!(code_on(&mut device, &publisher, 0, |_, response| response), "listed");
    publisher.publish(&Epoch::default());
    let seen = device.clone();
    let mut answer = |alter: &mut dyn FnMut(&Request, Response) -> Response| {
        device = seen.clone();
        code_on(&mut device, &publisher, 1, alter)
    };
    assert_eq!(answer(&mut on("/tile/", |bytes| bytes[40] ^= 1)), "no_answer log_tiles_invalid");
    assert_eq!(answer(&mut on("/tile/", |bytes| bytes.truncate(32))), "no_answer log_tiles_invalid");
    assert_eq!(answer(&mut on("/tile/", |bytes| bytes.resize(256 * 32 + 1, 0))), "no_answer response_too_long");
    let withheld = &mut |request: &Request, response| {
        if request.path.contains("/tile/") { status(404) } else { response }
    };
    assert_eq!(answer(withheld), "no_answer log_unavailable");
    assert_eq!(answer(&mut |_, response| response), "listed");
}

#[test]
fn key_changed_unannounced() {
    let mut publisher = published();
    let mut device = Device::default();
    assert_eq!(code_on(&mut device, &publisher, 0, |_, response| response), "listed");
    let seen = device.clone();
    publisher.new_generation(2);
    publisher.publish(&Epoch::default());
    assert_eq!(code_on(&mut device, &publisher, 1, |_, response| response), "no_answer wrong_key");
    // With epochs between, whose manifests are fetched.
    publisher.publish(&Epoch::default());
    publisher.publish(&Epoch::default());
    device = seen.clone();
    assert_eq!(code_on(&mut device, &publisher, 3, |_, response| response), "no_answer wrong_key");
    // Announced for another epoch than it came.
    let mut publisher = published();
    publisher.publish(&Epoch { next_key: Some((2, 4)), ..Epoch::default() });
    publisher.new_generation(2);
    publisher.publish(&Epoch::default());
    device = seen;
    assert_eq!(code_on(&mut device, &publisher, 2, |_, response| response), "no_answer wrong_key");
}

#[test]
fn key_change_that_cannot_be_followed() {
    let mut publisher = published();
    let mut device = Device::default();
    assert_eq!(code_on(&mut device, &publisher, 0, |_, response| response), "listed");
    publisher.publish(&Epoch { next_key: Some((2, 3)), ..Epoch::default() });
    publisher.new_generation(2);
    publisher.publish(&Epoch::default());
    let seen = device.clone();
    let mut answer = |alter: &mut dyn FnMut(&Request, Response) -> Response| {
        device = seen.clone();
        code_on(&mut device, &publisher, 2, alter)
    };
    let missing = &mut |request: &Request, response| {
        if request.path.contains("/epochs/2/manifest") { status(404) } else { response }
    };
    assert_eq!(answer(missing), "no_answer key_change_unproven");
    let altered = &mut on("/epochs/2/manifest", |bytes| bytes.push(b'\n'));
    assert_eq!(answer(altered), "no_answer key_change_unproven");
    assert_eq!(answer(&mut |_, response| response), "listed");
}

#[test]
fn what_is_fixed_within_a_generation_changed() {
    let mut publisher = published();
    let mut device = Device::default();
    assert_eq!(code_on(&mut device, &publisher, 0, |_, response| response), "listed");
    publisher.publish(&Epoch { cover_percent: 10, ..Epoch::default() });
    let seen = device.clone();
    assert_eq!(code_on(&mut device, &publisher, 1, |_, response| response), "no_answer succession_broken");
    // With epochs between, which are not fetched: the key is the same.
    publisher.publish(&Epoch { cover_percent: 10, ..Epoch::default() });
    publisher.publish(&Epoch { cover_percent: 10, ..Epoch::default() });
    device = seen;
    assert_eq!(code_on(&mut device, &publisher, 3, |_, response| response), "no_answer succession_broken");
}
