//! What is sent, and what it could tell.

use std::collections::BTreeSet;

use ceknik_client::{Answer, CacheMode, Method, Request, Response, Tells, Unconfirmed, Warning};
use ceknik_core::encoding::{base64url, hex};
use serde_json::Value;

use crate::publisher::{Epoch, Publisher, at, nik, oprf_key};
use crate::service::{Check, Checked, Device, Service, status};

fn published(epoch: &Epoch) -> Publisher {
    let mut publisher = Publisher::new();
    publisher.publish(epoch);
    publisher
}

fn run(publisher: &Publisher, niks: &[u32], seed: u64) -> Checked {
    let service = Service::new(publisher);
    let check = Check::of(niks.iter().copied(), publisher, at(0)).with(|check| check.seed = seed);
    check.run(&mut Device::with_secret(seed as u8), |request| service.serve(request))
}

fn bucket_numbers(checked: &Checked) -> Vec<u32> {
    checked.bucket_paths().iter().map(|path| path.rsplit('/').next().unwrap().parse().unwrap()).collect()
}

#[test]
fn requests_hold_blinded_elements_and_bucket_numbers_and_nothing_else() {
    let publisher = published(&Epoch { cover_percent: 100, ..Epoch::default() });
    let niks: Vec<u32> = (0..20).chain(2000..2010).collect();
    let checked = run(&publisher, &niks, 1);
    let mut derived = Vec::new();
    for &n in &niks {
        let h = publisher.stretched(n);
        let y = oprf_key(publisher.key_seed).evaluate(&h.oprf_input());
        derived.push(nik(n).expose_digits().to_vec());
        derived.push(h.expose_bytes().to_vec());
        derived.push(h.filter_item().expose_bytes().to_vec());
        derived.push(h.oprf_input().expose_bytes().to_vec());
        derived.push(y.expose_bytes().to_vec());
        derived.push(y.locator().expose_bytes().to_vec());
    }
    let mut all = String::new();
    for request in &checked.requests {
        let parts: Vec<&str> = request.path.split('/').skip(1).collect();
        match (request.method, parts.as_slice()) {
            (Method::Get, ["v1", "jakarta-2024", "manifest"]) => assert_eq!(request.tells, Tells::PublicFile),
            (Method::Get, ["v1", "jakarta-2024", "epochs", "1", "proof"]) => {}
            (Method::Get, ["v1", "jakarta-2024", "filter", name]) => {
                assert_eq!(*name, hex(&publisher.current().filter.as_ref().unwrap().shards[0].sha256));
            }
            (Method::Get, ["v1", "jakarta-2024", "epochs", "1", "buckets", index]) => {
                assert!(index.parse::<u32>().unwrap() < 8);
                assert_eq!(request.tells, Tells::Bucket { buckets: 8, people: 500 });
                assert_eq!(request.cache, CacheMode::NoStore);
            }
            (Method::Post, ["v1", "jakarta-2024", "evaluate"]) => {
                let body: Value = serde_json::from_str(request.body.as_ref().unwrap()).unwrap();
                let names: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
                assert_eq!(names, ["alone", "blinded", "key"]);
                assert_eq!(body["alone"], false);
                assert_eq!(request.cache, CacheMode::NoStore);
            }
            other => panic!("{other:?}"),
        }
        assert!(request.method == Method::Post || request.body.is_none());
        all.push_str(&request.path);
        all.push_str(request.body.as_deref().unwrap_or_default());
    }
    for secret in derived {
        let texts = [base64url(&secret), hex(&secret), String::from_utf8_lossy(&secret).into_owned()];
        assert!(texts.iter().all(|text| !all.contains(text)));
    }
    assert_eq!(checked.report.exchanges.len(), checked.requests.len());
    for (exchange, request) in checked.report.exchanges.iter().zip(&checked.requests) {
        assert_eq!((&exchange.path, &exchange.body, exchange.status), (&request.path, &request.body, Some(200)));
        assert!(exchange.received_bytes > 0 && !exchange.tells.to_string().is_empty());
    }
}

#[test]
fn elements_are_one_four_or_sixteen() {
    let publisher = published(&Epoch::default());
    for (niks, sizes) in [
        (1, vec![1]),
        (2, vec![4]),
        (4, vec![4]),
        (5, vec![16]),
        (16, vec![16]),
        (17, vec![16, 1]),
        (20, vec![16, 4]),
        (33, vec![16, 16, 1]),
    ] {
        let checked = run(&publisher, &(0..niks).collect::<Vec<_>>(), 1);
        assert_eq!(checked.evaluations().iter().map(Vec::len).collect::<Vec<_>>(), sizes, "{niks}");
        assert!(checked.codes().iter().all(|code| code == "listed"));
    }
}

#[test]
fn no_element_is_ever_sent_twice() {
    let publisher = published(&Epoch::default());
    let (first, second) = (run(&publisher, &[7, 8], 1), run(&publisher, &[7, 8], 2));
    let elements: Vec<_> = [first, second].iter().flat_map(Checked::evaluations).flatten().collect();
    assert_eq!(elements.len(), 8);
    assert_eq!(elements.iter().collect::<BTreeSet<_>>().len(), 8);
}

#[test]
fn an_attempt_is_made_again_with_fresh_blinds() {
    let publisher = published(&Epoch::default());
    let service = Service::new(&publisher);
    let mut refused = 0;
    let checked = Check::of([7, 8], &publisher, at(0)).run(&mut Device::default(), |request| {
        if request.method == Method::Post && refused < 2 {
            refused += 1;
            return status(503);
        }
        service.serve(request)
    });
    assert_eq!(checked.codes(), ["listed", "listed"]);
    let elements: Vec<_> = checked.evaluations().into_iter().flatten().collect();
    assert_eq!(elements.len(), 12);
    assert_eq!(elements.iter().collect::<BTreeSet<_>>().len(), 12);
}

#[test]
fn random_elements_have_buckets_like_the_others() {
    let publisher = published(&Epoch { bits: 10, ..Epoch::default() });
    let key = oprf_key(publisher.key_seed);
    let own: BTreeSet<u32> =
        [7, 8].iter().map(|n| key.evaluate(&publisher.stretched(*n).oprf_input()).locator().bucket(10)).collect();
    let (mut all, mut ranks) = (BTreeSet::new(), BTreeSet::new());
    for seed in 0..30 {
        let checked = run(&publisher, &[7, 8], seed);
        let numbers = bucket_numbers(&checked);
        assert!(numbers.is_sorted_by(|a, b| a < b), "in ascending order, each once");
        assert!(own.iter().all(|index| numbers.contains(index)));
        assert!((3..=4).contains(&numbers.len()));
        ranks.extend(own.iter().map(|index| numbers.iter().position(|number| number == index).unwrap()));
        all.extend(numbers);
    }
    // Two random ones a run, of 1024: hardly ever the same again.
    assert!(all.len() > 50, "{}", all.len());
    assert!(ranks.len() > 2, "own buckets stand at no fixed place");
}

#[test]
fn the_same_people_have_the_same_buckets_at_every_visit() {
    let publisher = published(&Epoch { bits: 10, ..Epoch::default() });
    let service = Service::new(&publisher);
    let visit = |device: &mut Device, niks: [u32; 2], seed| {
        let check = Check::of(niks, &publisher, at(0)).with(|check| check.seed = seed);
        bucket_numbers(&check.run(device, |request| service.serve(request)))
    };
    let mut device = Device::with_secret(1);
    let first = visit(&mut device, [7, 8], 1);
    assert_eq!(first.len(), 4);
    assert_eq!(visit(&mut device, [7, 8], 2), first);
    assert_eq!(visit(&mut device, [8, 7], 3), first, "whatever the order");
    let other = visit(&mut Device::with_secret(2), [7, 8], 1);
    let both = first.iter().filter(|number| other.contains(number)).count();
    assert_eq!(both, 2, "another device has other fillers");
}

/// A service that withholds one bucket, and has a newer list at hand, learns nothing from what comes then.
#[test]
fn a_bucket_withheld_tells_nothing_of_whose_it_is() {
    let mut publisher = published(&Epoch { bits: 10, ..Epoch::default() });
    let before = publisher.clone();
    publisher.publish(&Epoch { bits: 10, ..Epoch::default() });
    let (old, new) = (Service::new(&before), Service::new(&publisher));
    let run_withholding = |withheld: Option<&str>| {
        let mut gone = false;
        Check::of([7, 8], &publisher, at(1)).run(&mut Device::with_secret(1), |request| {
            gone |= withheld.is_some_and(|path| request.path == path);
            match (gone, withheld) {
                (true, Some(path)) if request.path == path => status(404),
                (true, _) => new.serve(request),
                (false, _) => old.serve(request),
            }
        })
    };
    let whole = run_withholding(None);
    let buckets: Vec<String> = whole.bucket_paths().iter().map(ToString::to_string).collect();
    assert_eq!(buckets.len(), 4);
    // Of the buckets after the one withheld, those that were asked for already come from the old list or the new one.
    for path in &buckets {
        let checked = run_withholding(Some(path));
        assert_eq!(checked.codes(), ["listed", "listed"]);
        assert_eq!(checked.evaluations().iter().map(Vec::len).collect::<Vec<_>>(), [4, 4], "{path}");
        let again = checked.bucket_paths().iter().filter(|path| path.contains("/epochs/2/")).count();
        assert_eq!(again, 4, "{path}");
    }
}

/// Nor does one that refuses a bucket for good, or alters it: all are told the same, so that whoever is told to come back, or
/// comes back by himself, does so whosever the bucket was.
#[test]
fn a_bucket_that_fails_is_everybodys() {
    let publisher = published(&Epoch { bits: 10, ..Epoch::default() });
    let service = Service::new(&publisher);
    let run_with = |failing: &str, failed: &dyn Fn(Response) -> Response| {
        Check::of([7, 8], &publisher, at(0)).run(&mut Device::with_secret(1), |request| {
            let response = service.serve(request);
            if request.path == failing { failed(response) } else { response }
        })
    };
    let whole = run_with("", &|response| response);
    assert_eq!(whole.codes(), ["listed", "listed"]);
    let buckets = whole.bucket_paths();
    assert_eq!(buckets.len(), 4);
    let altered = |mut response: Response| {
        if let Response::Received { body, .. } = &mut response {
            *body.last_mut().unwrap() ^= 1;
        }
        response
    };
    let refused = |_| status(503);
    let failures: [(&dyn Fn(Response) -> Response, _); 2] =
        [(&refused, "no_answer service_unavailable"), (&altered, "no_answer bucket_padding")];
    for (failed, code) in failures {
        let mut shapes = BTreeSet::new();
        for path in &buckets {
            let checked = run_with(path, failed);
            assert_eq!(checked.codes(), [code, code], "{path}");
            let mut shape: Vec<_> =
                shape(&checked.requests).into_iter().map(|(_, path, length)| (path, length)).collect();
            shape.sort();
            shapes.insert(shape);
        }
        assert_eq!(shapes.len(), 1, "{shapes:?}");
    }
}

#[test]
fn one_bucket_is_fetched_once() {
    let publisher = published(&Epoch { bits: 0, ..Epoch::default() });
    assert_eq!(run(&publisher, &[1, 2, 3, 4, 5], 1).bucket_paths(), ["/v1/jakarta-2024/epochs/1/buckets/0"]);
}

/// What an onlooker sees of a check: methods, paths without numbers, lengths of bodies.
fn shape(requests: &[Request]) -> Vec<(Method, String, Option<usize>)> {
    let path = |path: &str| match path.rsplit_once("/buckets/") {
        Some((epoch, _)) => format!("{epoch}/buckets/…"),
        None => path.to_owned(),
    };
    requests
        .iter()
        .map(|request| (request.method, path(&request.path), request.body.as_ref().map(String::len)))
        .collect()
}

#[test]
fn cover_looks_like_a_hit_in_success_and_in_failure() {
    let epoch = Epoch { cover_percent: 100, bits: 10, ..Epoch::default() };
    let publisher = published(&epoch);
    let miss = publisher.unlisted(&epoch, false).next().unwrap();
    let hit = publisher.unlisted(&epoch, true).next().unwrap();
    let service = Service::new(&publisher);
    let refuse = |part: &'static str, times: usize, given: u16| {
        let service = &service;
        let mut refused = 0;
        move |request: &Request| {
            if request.path.contains(part) && refused < times {
                refused += 1;
                return status(given);
            }
            service.serve(request)
        }
    };
    for (part, times, given) in [
        ("nothing", 0, 0),
        ("/evaluate", 1, 503),
        ("/evaluate", 99, 429),
        ("/buckets/", 2, 503),
        ("/buckets/", 99, 503),
        ("/buckets/", 99, 404),
        ("/evaluate", 99, 410),
    ] {
        let mut shapes = Vec::new();
        for n in [7, hit, miss] {
            let check = Check::of([n], &publisher, at(0));
            shapes.push(shape(&check.run(&mut Device::default(), refuse(part, times, given)).requests));
        }
        assert!(shapes[0] == shapes[1] && shapes[1] == shapes[2], "{part} {times} {given}");
    }
}

#[test]
fn a_cover_confirmation_that_cannot_be_had_leaves_the_miss() {
    let epoch = Epoch { cover_percent: 100, ..Epoch::default() };
    let publisher = published(&epoch);
    let miss = publisher.unlisted(&epoch, false).next().unwrap();
    let service = Service::new(&publisher);
    let refusing = |part: &'static str| {
        Check::of([miss, 7], &publisher, at(0)).run(&mut Device::default(), |request| {
            if request.path.contains(part) { status(429) } else { service.serve(request) }
        })
    };
    let checked = refusing("/evaluate");
    assert_eq!(checked.codes(), ["not_listed", "no_answer rate_limited"]);
    assert!(checked.report.outcomes[0].warnings.contains(&Warning::CoverUnconfirmed));
    // Whoever evaluates and withholds the bucket is no busy service.
    assert_eq!(refusing("/buckets/").codes(), ["no_answer rate_limited", "no_answer rate_limited"]);
}

#[test]
fn a_bucket_that_few_share_is_not_fetched() {
    let run = |bits: u8, least_people: u64, has_filter: bool| {
        let epoch = Epoch { bits, has_filter, ..Epoch::default() };
        let publisher = published(&epoch);
        let miss = if has_filter { publisher.unlisted(&epoch, false).next().unwrap() } else { 2000 };
        let service = Service::new(&publisher);
        let check = Check::of([7, miss], &publisher, at(0)).with(|check| check.settings.least_people = least_people);
        check.run(&mut Device::with_secret(1), |request| service.serve(request))
    };
    // 4000 people.
    let default = ceknik_client::Settings::default().least_people;
    assert_eq!(run(5, default, true).codes(), ["listed", "not_listed"]);
    let few = run(6, default, true);
    assert_eq!(few.codes(), ["maybe", "not_listed"]);
    assert!(few.evaluations().is_empty() && few.bucket_paths().is_empty());
    assert!(matches!(few.report.outcomes[0].answer, Answer::Maybe { because: Unconfirmed::TooFewPeople }));
    assert_eq!(run(6, 62, true).codes(), ["listed", "not_listed"], "whoever uses the client may say otherwise");
    assert_eq!(run(6, default, false).codes(), ["no_answer too_few_people", "no_answer too_few_people"]);
    assert_eq!(run(0, 10_000, true).codes(), ["listed", "not_listed"], "of one bucket nobody chooses");
}

#[test]
fn coins_that_nobody_keeps_are_told() {
    let told = |percent: u8, device: &mut Device| {
        let publisher = published(&Epoch { cover_percent: percent, ..Epoch::default() });
        let service = Service::new(&publisher);
        let checked = Check::of([7], &publisher, at(0)).run(device, |request| service.serve(request));
        assert_eq!(checked.code(), "listed");
        checked.report.outcomes[0].warnings.contains(&Warning::CoverForgotten)
    };
    assert!(told(10, &mut Device::default()));
    assert!(!told(10, &mut Device::with_secret(1)));
    assert!(
        told(10, &mut Device { passes: true, ..Device::with_secret(1) }),
        "one that goes with the page is not kept"
    );
    assert!(!told(0, &mut Device::default()) && !told(100, &mut Device::default()), "there is no coin");
}

#[test]
fn the_cover_coin_is_sticky_for_device_nik_and_generation() {
    let epoch = Epoch { cover_percent: 20, ..Epoch::default() };
    let publisher = published(&epoch);
    let service = Service::new(&publisher);
    let misses: Vec<u32> = publisher.unlisted(&epoch, false).take(300).collect();
    let confirming = |device: &mut Device, seed: u64| -> Vec<bool> {
        misses
            .iter()
            .map(|n| {
                let check = Check::of([*n], &publisher, at(0)).with(|check| check.seed = seed);
                let checked = check.run(device, |request| service.serve(request));
                assert_eq!(checked.code(), "not_listed");
                !checked.evaluations().is_empty()
            })
            .collect()
    };
    let mut device = Device::with_secret(1);
    let first = confirming(&mut device, 1);
    assert_eq!(confirming(&mut device, 2), first);
    let count = first.iter().filter(|coin| **coin).count();
    // Five standard deviations of Binomial(300, 0.2).
    assert!((26..=94).contains(&count), "{count}");
    assert_ne!(confirming(&mut Device::with_secret(2), 3), first, "another device has other coins");
}
