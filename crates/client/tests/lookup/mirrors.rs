//! Filter and buckets from mirrors, so that whoever evaluates does not see the buckets.

use std::collections::BTreeSet;

use ceknik_client::{Answer, Confirm, Request, Response, Unconfirmed};

use crate::publisher::{Epoch, Publisher, at};
use crate::service::{Check, Checked, Device, Service, ok, status};

const MIRRORS: [&str; 3] = ["https://a.example/ceknik", "https://b.example", "https://c.example"];

fn epoch() -> Epoch {
    Epoch { bits: 10, mirrors: MIRRORS.map(str::to_owned).into(), ..Epoch::default() }
}

fn published(epoch: &Epoch) -> Publisher {
    let mut publisher = Publisher::new();
    publisher.publish(epoch);
    publisher
}

/// Whom the requests for filter and buckets were made of.
fn asked<'a>(checked: &'a Checked, part: &str) -> Vec<&'a str> {
    let of = |request: &'a Request| request.mirror.as_deref().unwrap_or("the service");
    checked.requests.iter().filter(|request| request.path.contains(part)).map(of).collect()
}

/// The mirrors in the order of a device.
fn order(device: u8) -> Vec<&'static str> {
    let publisher = published(&epoch());
    let service = Service::new(&publisher);
    let checked = Check::of([7], &publisher, at(0)).run(&mut Device::with_secret(device), |request| {
        if request.mirror.is_some() { status(404) } else { service.serve(request) }
    });
    let asked = asked(&checked, "/filter/");
    asked.iter().filter_map(|of| MIRRORS.into_iter().find(|mirror| mirror == of)).collect()
}

/// Checks with a device of which the mirrors are known, where mirrors do what `alter` says.
fn run(
    publisher: &Publisher,
    change: impl FnOnce(&mut Check),
    alter: impl Fn(usize, &Request, Response) -> Response,
) -> Checked {
    let (service, order) = (Service::new(publisher), order(1));
    Check::of([7], publisher, at(0)).with(change).run(&mut Device::with_secret(1), |request| {
        let response = service.serve(request);
        match &request.mirror {
            None => response,
            Some(mirror) => alter(order.iter().position(|of| of == mirror).unwrap(), request, response),
        }
    })
}

fn damaged(response: Response) -> Response {
    let Response::Received { mut body, .. } = response else { return response };
    *body.last_mut().unwrap() ^= 1;
    ok(body)
}

#[test]
fn one_mirror_gives_filter_and_buckets_and_the_service_all_else() {
    let publisher = published(&epoch());
    let checked = run(&publisher, |check| check.settings.confirm = Confirm::Everyone, |_, _, response| response);
    assert_eq!(checked.code(), "listed");
    let first = order(1)[0];
    assert_eq!((asked(&checked, "/filter/"), asked(&checked, "/buckets/")), (vec![first], vec![first]));
    let others = |request: &&Request| !request.path.contains("/filter/") && !request.path.contains("/buckets/");
    assert!(checked.requests.iter().filter(others).all(|request| request.mirror.is_none()));
    // Told as it was asked.
    let told: Vec<_> = checked.report.exchanges.iter().map(|exchange| (&exchange.mirror, &exchange.path)).collect();
    assert_eq!(told, checked.requests.iter().map(|request| (&request.mirror, &request.path)).collect::<Vec<_>>());
    // Devices are spread over the mirrors, and each keeps to its own.
    let firsts: BTreeSet<_> = (0..20).map(|device| order(device)[0]).collect();
    assert_eq!(firsts.len(), 3);
    assert!(order(1) == order(1) && order(1).len() == 3);
}

#[test]
fn when_a_mirror_fails_the_next_is_asked_and_not_the_service() {
    let publisher = published(&epoch());
    let failures: [(&dyn Fn(Response) -> Response, _); 5] = [
        (&|_| status(404), 1),
        (&|_| status(403), 1),
        // What passes is tried twice.
        (&|_| status(503), 2),
        (&|_| Response::TooLong, 1),
        (&damaged, 1),
    ];
    for (failed, times) in failures {
        let checked = run(&publisher, |_| (), |place, _, response| if place < 2 { failed(response) } else { response });
        assert_eq!(checked.code(), "listed");
        let order = order(1);
        let wanted: Vec<_> = order
            .iter()
            .enumerate()
            .flat_map(|(place, mirror)| vec![*mirror; if place < 2 { times } else { 1 }])
            .collect();
        assert_eq!((asked(&checked, "/filter/"), asked(&checked, "/buckets/")), (wanted.clone(), wanted));
        assert_eq!(checked.requests.iter().filter(|request| request.path.ends_with("/manifest")).count(), 1);
    }
}

#[test]
fn without_a_mirror_a_hit_stays_maybe_unless_the_service_may_see_the_bucket() {
    let publisher = published(&epoch());
    let no_buckets = |_, request: &Request, response| {
        if request.path.contains("/buckets/") { damaged(response) } else { response }
    };
    // 7 is listed; 100 and others are not, and hit or miss.
    let check = |without_mirrors| {
        run(
            &publisher,
            |check| {
                check.niks = [7, 100, 101, 102, 103, 104].map(crate::publisher::nik).into();
                check.settings.confirm = Confirm::Everyone;
                check.settings.without_mirrors = without_mirrors;
            },
            no_buckets,
        )
    };
    let checked = check(false);
    assert!(asked(&checked, "/buckets/").iter().all(|of| *of != "the service"));
    for outcome in &checked.report.outcomes {
        match outcome.local.unwrap() {
            ceknik_client::Local::Hit => {
                assert_eq!(outcome.answer, Answer::Maybe { because: Unconfirmed::NoMirror });
            }
            ceknik_client::Local::Miss => {
                let Answer::NoAnswer(none) = &outcome.answer else { panic!("{:?}", outcome.answer) };
                assert_eq!(none.reason.code(), "no_mirror");
                assert!(!none.reason.is_passing(), "nobody comes back by himself");
                assert_eq!(
                    none.detail.as_deref(),
                    Some("the sealed bucket's padding is not empty (the bucket response's padding is not zero)")
                );
            }
        }
    }
    let codes: BTreeSet<_> = checked.codes().into_iter().collect();
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), ["maybe", "no_answer no_mirror"]);
    let allowed = check(true);
    assert_eq!(allowed.codes()[0], "listed");
    assert!(allowed.codes()[1..].iter().all(|code| code == "not_listed"));
    assert!(asked(&allowed, "/buckets/").contains(&"the service"));
}

/// Everybody fetches the one shard, or the one bucket: the service learns nothing by it.
#[test]
fn what_is_the_same_for_everybody_the_service_gives_too() {
    let gone = |_, _: &Request, _| status(410);
    let publisher = published(&Epoch { bits: 0, ..epoch() });
    let checked = run(&publisher, |_| (), gone);
    assert_eq!(checked.code(), "listed");
    assert_eq!(asked(&checked, "/filter/")[3..], ["the service"]);
    assert_eq!(asked(&checked, "/buckets/")[3..], ["the service"]);
    // One of several is another matter.
    let publisher = published(&Epoch { shard_bits: 2, ..epoch() });
    let checked = run(&publisher, |_| (), gone);
    assert_eq!(checked.code(), "no_answer no_mirror");
    assert!(asked(&checked, "/filter/").iter().all(|of| *of != "the service"));
    assert_eq!(run(&publisher, |check| check.settings.without_mirrors = true, gone).code(), "listed");
}

/// A mirror that gives one bucket and not another learns nothing of whose they are.
#[test]
fn whose_bucket_a_mirror_withholds_makes_no_difference() {
    let publisher = published(&epoch());
    let pair = |check: &mut Check| check.niks = [7, 8].map(crate::publisher::nik).into();
    let whole = run(&publisher, pair, |_, _, response| response);
    let buckets: Vec<String> = whole.bucket_paths().iter().map(ToString::to_string).collect();
    assert_eq!(buckets.len(), 4);
    for path in &buckets {
        let checked =
            run(
                &publisher,
                pair,
                |place, request, response| {
                    if place == 0 && request.path == *path { damaged(response) } else { response }
                },
            );
        assert_eq!(checked.codes(), ["listed", "listed"]);
        let mut asked = asked(&checked, "/buckets/");
        asked.sort_unstable();
        let mut wanted = vec![order(1)[0]; 4];
        wanted.push(order(1)[1]);
        wanted.sort_unstable();
        assert_eq!(asked, wanted);
    }
}

/// Mirrors that have the newer list already, and no more the old one: the newer is looked for, at the service.
#[test]
fn when_all_mirrors_went_on_so_does_the_check() {
    let mut publisher = published(&epoch());
    let before = publisher.clone();
    publisher.publish(&epoch());
    let (old, new) = (Service::new(&before), Service::new(&publisher));
    let mut asked_for_buckets = false;
    let checked = Check::of([7], &publisher, at(1)).run(&mut Device::with_secret(1), |request| {
        if request.path.contains("/epochs/1/buckets/") {
            asked_for_buckets = true;
            return status(404);
        }
        if asked_for_buckets { new.serve(request) } else { old.serve(request) }
    });
    assert_eq!(checked.code(), "listed");
    assert_eq!(checked.report.outcomes[0].epoch, Some(2));
}

/// However many a list names.
#[test]
fn a_device_asks_eight_mirrors_at_most() {
    let mirrors: Vec<String> = (0..100).map(|number| format!("https://{number}.example")).collect();
    let publisher = published(&Epoch { mirrors, ..epoch() });
    let service = Service::new(&publisher);
    let checked = Check::of([7], &publisher, at(0)).run(&mut Device::with_secret(1), |request| {
        if request.mirror.is_some() { status(403) } else { service.serve(request) }
    });
    assert_eq!(checked.code(), "maybe");
    assert_eq!(asked(&checked, "/buckets/").iter().collect::<BTreeSet<_>>().len(), 8);
}
