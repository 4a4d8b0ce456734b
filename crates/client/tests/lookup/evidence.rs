//! Evidence that a lookup gathers: what it shows, and what gathering it tells.

use std::collections::BTreeSet;

use ceknik_client::{Answer, Confirm, Method, Tells};
use ceknik_core::evidence::{Check as Point, CheckResult, Finding, Terms, Verdict, verify};
use ceknik_core::log::Policy;
use serde_json::Value;

use crate::publisher::{Epoch, Publisher, at, nik};
use crate::service::{Check, Checked, Device, Service, status};

fn published(epoch: &Epoch) -> Publisher {
    let mut publisher = Publisher::new();
    publisher.publish(epoch);
    publisher
}

fn gather(publisher: &Publisher, niks: &[u32]) -> Checked {
    let service = Service::new(publisher);
    let check = Check::of(niks.iter().copied(), publisher, at(0)).with(|check| check.settings.evidence = true);
    check.run(&mut Device::with_secret(1), |request| service.serve(request))
}

/// What the evidence of the NIK at a place shows, to somebody who has the policy.
fn verdict(publisher: &Publisher, checked: &Checked, place: usize, of: u32) -> Verdict {
    let policy = Policy::parse(publisher.policy_text().as_bytes()).unwrap();
    let file = checked.report.outcomes[place].evidence.as_ref().unwrap().to_bytes();
    let terms = Terms { policy: &policy, dataset: None, accept_weak: true };
    verify(&file, &nik(of), &terms).unwrap()
}

#[test]
fn every_answer_has_its_evidence() {
    for (has_filter, shard_bits) in [(true, 0), (true, 2), (false, 0)] {
        // A list without a filter has everybody confirm.
        let cover_percent = if has_filter { 0 } else { 100 };
        let epoch = Epoch { has_filter, shard_bits, cover_percent, ..Epoch::default() };
        let publisher = published(&epoch);
        let strangers = match has_filter {
            true => [false, true].map(|hit| publisher.unlisted(&epoch, hit).next().unwrap()),
            false => [2000, 2001],
        };
        let niks = [7, strangers[0], strangers[1], 8];
        let checked = gather(&publisher, &niks);
        assert_eq!(checked.codes(), ["listed", "not_listed", "not_listed", "listed"]);
        let shown: Vec<Verdict> = (0..4).map(|place| verdict(&publisher, &checked, place, niks[place])).collect();
        let codes: Vec<_> = shown.iter().map(Verdict::code).collect();
        assert_eq!(codes, ["listed", "not_listed", "not_listed", "listed"]);
        let set: Vec<_> = shown.iter().map(|verdict| verdict.cell_is_set).collect();
        let wanted = [Some(true), Some(false), Some(true), Some(true)];
        assert_eq!(set, if has_filter { wanted } else { [None; 4] });
        let Answer::Listed { supports } = &checked.report.outcomes[0].answer else { panic!("not listed") };
        assert_eq!(shown[0].finding, Finding::Listed { supports: supports.clone() });
        assert!(Point::ALL.iter().all(|check| shown[1].result(*check) == CheckResult::Passed));
        // It is nobody else's.
        let other = verdict(&publisher, &checked, 0, 8);
        assert_eq!((other.code(), other.result(Point::Blinded)), ("invalid", CheckResult::Failed));
    }
}

#[test]
fn what_a_publisher_did_wrong_is_proved() {
    let epoch = Epoch { left_out_of_filter: [3].into(), sealed_wrongly: [4].into(), ..Epoch::default() };
    let publisher = published(&epoch);
    let checked = gather(&publisher, &[3, 4]);
    assert_eq!(checked.codes(), ["listed", "no_answer record_unreadable"]);
    let shown = [verdict(&publisher, &checked, 0, 3), verdict(&publisher, &checked, 1, 4)];
    assert_eq!([shown[0].code(), shown[1].code()], ["filter_lacks_record", "record_unreadable"]);
    assert!(shown.iter().all(Verdict::proves_misbehaviour));
    assert_eq!(shown[1].result(Point::BucketOrder), CheckResult::Passed);
    assert_eq!(shown[1].result(Point::Record), CheckResult::Failed);
}

/// The requests are the same whatever the answers are, and whatever the filter says.
#[test]
fn requests_do_not_tell_the_answer() {
    let epoch = Epoch::default();
    let publisher = published(&epoch);
    let misses: Vec<u32> = publisher.unlisted(&epoch, false).take(16).collect();
    for (niks, elements) in [(1, 1), (2, 4), (4, 4), (5, 16), (16, 16)] {
        for people in [&misses[..niks], &(0..niks as u32).collect::<Vec<_>>()] {
            let checked = gather(&publisher, people);
            assert!(checked.report.outcomes.iter().all(|outcome| outcome.evidence.is_some()));
            let posts: Vec<_> = checked.requests.iter().filter(|request| request.method == Method::Post).collect();
            assert_eq!(posts.len(), elements);
            for post in &posts {
                let body: Value = serde_json::from_str(post.body.as_ref().unwrap()).unwrap();
                assert_eq!((body["blinded"].as_array().unwrap().len(), &body["alone"]), (1, &Value::from(true)));
                assert_eq!(post.tells, Tells::EvidenceElement);
            }
            let sent: BTreeSet<_> = checked.evaluations().into_iter().flatten().collect();
            assert_eq!(sent.len(), elements, "an element was sent twice");
            // Buckets come after all evaluations, in ascending order, each once.
            let paths = checked.paths();
            let last_post = checked.requests.iter().rposition(|request| request.method == Method::Post).unwrap();
            assert!(paths[..last_post].iter().all(|path| !path.contains("/buckets/")));
            let numbers: Vec<u32> =
                checked.bucket_paths().iter().map(|path| path.rsplit('/').next().unwrap().parse().unwrap()).collect();
            assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        }
    }
    // The same buckets as without evidence: the fillers' are those of the device.
    let service = Service::new(&publisher);
    let usual = Check::of([7, 8], &publisher, at(0)).run(&mut Device::with_secret(1), |r| service.serve(r));
    assert_eq!(gather(&publisher, &[7, 8]).bucket_paths(), usual.bucket_paths());
    // And for one NIK, as far as lengths go, the same request.
    let usual = Check::of([7], &publisher, at(0)).run(&mut Device::with_secret(1), |r| service.serve(r));
    let lengths = |checked: &Checked| -> Vec<usize> {
        checked
            .requests
            .iter()
            .map(|request| request.path.len() + request.body.as_ref().map_or(0, String::len))
            .collect()
    };
    assert_eq!(lengths(&gather(&publisher, &[7])), lengths(&usual));
}

#[test]
fn an_attempt_is_made_again_with_a_fresh_element() {
    let publisher = published(&Epoch::default());
    let service = Service::new(&publisher);
    let mut refused = 0;
    let check = Check::of([7, 8], &publisher, at(0)).with(|check| check.settings.evidence = true);
    let checked = check.run(&mut Device::with_secret(1), |request| {
        if request.method == Method::Post && refused < 3 {
            refused += 1;
            return status(503);
        }
        service.serve(request)
    });
    assert_eq!(checked.codes(), ["listed", "listed"]);
    let sent: Vec<_> = checked.evaluations().into_iter().flatten().collect();
    assert_eq!((sent.len(), sent.iter().collect::<BTreeSet<_>>().len()), (7, 7));
    for (place, of) in [(0, 7), (1, 8)] {
        assert_eq!(verdict(&publisher, &checked, place, of).code(), "listed");
    }
}

#[test]
fn without_a_verified_answer_there_is_none() {
    let publisher = published(&Epoch::default());
    let service = Service::new(&publisher);
    let evidence = |check: Check| check.with(|check| check.settings.evidence = true);
    let none = |checked: &Checked| checked.report.outcomes.iter().all(|outcome| outcome.evidence.is_none());

    let check = evidence(Check::of([7, 8], &publisher, at(0))).with(|check| check.settings.confirm = Confirm::Never);
    let checked = check.run(&mut Device::default(), |request| service.serve(request));
    assert_eq!(checked.codes(), ["maybe", "maybe"]);
    assert!(none(&checked) && checked.evaluations().is_empty());

    let few = evidence(Check::of([7], &publisher, at(0))).with(|check| check.settings.least_people = 1000);
    let checked = few.run(&mut Device::default(), |request| service.serve(request));
    assert_eq!((checked.code().as_str(), none(&checked)), ("maybe", true));

    let checked = evidence(Check::of([7], &publisher, at(0))).run(&mut Device::default(), |request| {
        let mut response = service.serve(request);
        if let (true, ceknik_client::Response::Received { body, .. }) =
            (request.path.contains("/buckets/"), &mut response)
        {
            body[40] ^= 1;
        }
        response
    });
    assert_eq!((checked.code().as_str(), none(&checked)), ("no_answer bucket_root", true));

    // And where it is not wanted.
    let checked = Check::of([7], &publisher, at(0)).run(&mut Device::default(), |request| service.serve(request));
    assert_eq!((checked.code().as_str(), none(&checked)), ("listed", true));
}

/// The proof that was kept with a list goes into the evidence when the list is known already.
#[test]
fn a_known_list_gives_evidence_too() {
    let publisher = published(&Epoch::default());
    let service = Service::new(&publisher);
    let mut device = Device::with_secret(1);
    let check = Check::of([7], &publisher, at(0)).with(|check| check.settings.evidence = true);
    check.run(&mut device, |request| service.serve(request));
    let checked = check.run(&mut device, |request| service.serve(request));
    assert!(!checked.paths().iter().any(|path| path.ends_with("/proof")));
    assert_eq!(verdict(&publisher, &checked, 0, 7).code(), "listed");
}
