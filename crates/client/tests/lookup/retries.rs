//! Waiting, retrying, and looking for a newer list.

use ceknik_client::{Answer, Method, Progress, Request, Response, TransportFailure};
use ceknik_core::time::Timestamp;

use crate::publisher::{Epoch, Publisher, at};
use crate::service::{Check, Checked, Device, Service, status};

fn published() -> Publisher {
    let mut publisher = Publisher::new();
    publisher.publish(&Epoch::default());
    publisher
}

fn later(given: u16, seconds: u64, problem: &str) -> Response {
    let body = format!(r#"{{"type":"/problems/{problem}","title":"x"}}"#).into_bytes();
    Response::Received { status: given, retry_after: Some(seconds), body }
}

/// Gives `refusal` the first `times` that a path with `part` is asked for.
fn refusing(publisher: &Publisher, part: &str, times: usize, refusal: &Response) -> Checked {
    let service = Service::new(publisher);
    let mut refused = 0;
    Check::of([7], publisher, at(0)).run(&mut Device::default(), |request| {
        if request.path.contains(part) && refused < times {
            refused += 1;
            return refusal.clone();
        }
        service.serve(request)
    })
}

fn retry_after(checked: &Checked) -> Option<u64> {
    match &checked.report.outcomes[0].answer {
        Answer::NoAnswer(no_answer) => no_answer.retry_after,
        answer => panic!("{answer:?}"),
    }
}

#[test]
fn retry_after_is_waited_for() {
    let publisher = published();
    for part in ["/manifest", "/proof", "/filter/", "/evaluate", "/buckets/"] {
        for given in [429, 503] {
            let checked = refusing(&publisher, part, 2, &later(given, 5, "overloaded"));
            assert_eq!(checked.code(), "listed");
            assert!((10.0..20.0).contains(&checked.waited), "{part} {}", checked.waited);
            let waits = checked.progress.iter().filter(|step| matches!(step, Progress::Waiting { .. }));
            assert_eq!(waits.count(), 2);
        }
    }
}

#[test]
fn no_longer_than_patience_lasts() {
    let publisher = published();
    let checked = refusing(&publisher, "/evaluate", 9, &later(429, 3600, "rate-limited"));
    assert_eq!(checked.code(), "no_answer rate_limited");
    assert_eq!((retry_after(&checked), checked.waited), (Some(3600), 0.0));
    assert_eq!(checked.evaluations().len(), 1);
    let checked = refusing(&publisher, "/evaluate", 9, &later(503, u64::MAX, "overloaded"));
    assert_eq!(checked.code(), "no_answer service_unavailable");
    let checked = refusing(&publisher, "/evaluate", 9, &later(503, 20, "overloaded"));
    assert_eq!(checked.code(), "no_answer service_unavailable");
    assert!(checked.waited <= 60.0);
}

#[test]
fn no_more_than_four_attempts() {
    let publisher = published();
    for refusal in [later(503, 0, "overloaded"), Response::Failed(TransportFailure::Interrupted), status(500)] {
        for part in ["/manifest", "/evaluate", "/buckets/"] {
            let checked = refusing(&publisher, part, 99, &refusal);
            assert!(checked.code().starts_with("no_answer"));
            assert_eq!(checked.paths().iter().filter(|path| path.contains(part)).count(), 4, "{part}");
            assert!(checked.waited > 0.5, "not in a loop without a pause");
        }
    }
}

#[test]
fn the_budget_is_told_from_the_rate() {
    let publisher = published();
    let checked = refusing(&publisher, "/evaluate", 9, &later(503, 7200, "budget-spent"));
    assert_eq!(checked.code(), "no_answer budget_exhausted");
    assert_eq!(retry_after(&checked), Some(7200));
}

#[test]
fn a_broken_connection_is_tried_again() {
    let publisher = published();
    for failure in [TransportFailure::Unreachable, TransportFailure::TimedOut, TransportFailure::Interrupted] {
        for part in ["/manifest", "/proof", "/filter/", "/evaluate", "/buckets/"] {
            assert_eq!(refusing(&publisher, part, 3, &Response::Failed(failure)).code(), "listed", "{part}");
        }
    }
    let checked = refusing(&publisher, "/evaluate", 99, &Response::Failed(TransportFailure::TimedOut));
    assert_eq!(checked.code(), "no_answer timed_out");
}

/// Epoch 1 until a path with `part` is asked for the first time, which is refused as gone; then what `change` published.
fn overtaken(part: &str, gone: u16, change: impl FnOnce(&mut Publisher)) -> Checked {
    let old = {
        let mut publisher = Publisher::new();
        publisher.publish(&Epoch { next_key: Some((2, 2)), ..Epoch::default() });
        publisher
    };
    let mut new = old.clone();
    change(&mut new);
    let (before, after) = (Service::new(&old), Service::new(&new));
    let mut turned = false;
    let check = Check::of([7, 8], &old, at(1));
    check.run(&mut Device::default(), |request| {
        if request.path.contains(part) && !turned {
            turned = true;
            return status(gone);
        }
        if turned { after.serve(request) } else { before.serve(request) }
    })
}

#[test]
fn a_retired_key_makes_it_look_for_a_newer_list_once() {
    let next = |publisher: &mut Publisher| {
        publisher.new_generation(2);
        publisher.publish(&Epoch { listed: (8..50).collect(), ..Epoch::default() });
    };
    let checked = overtaken("/evaluate", 410, next);
    assert_eq!(checked.codes(), ["not_listed", "listed"]);
    assert!(checked.report.outcomes.iter().all(|outcome| outcome.epoch == Some(2)));
    assert!(checked.progress.contains(&Progress::Restarted));
    // The same list again: nothing is won by trying on.
    let checked = overtaken("/evaluate", 410, |_| {});
    assert_eq!(checked.codes(), ["no_answer key_retired", "no_answer key_retired"]);
    let manifests = checked.paths().iter().filter(|path| path.ends_with("/manifest")).count();
    assert_eq!((checked.evaluations().len(), manifests), (1, 2));
}

#[test]
fn files_of_an_epoch_that_is_over_are_looked_for_in_the_next() {
    let next = |publisher: &mut Publisher| {
        publisher.new_generation(2);
        publisher.publish(&Epoch::default());
    };
    for part in ["/filter/", "/buckets/"] {
        for gone in [404, 410] {
            let checked = overtaken(part, gone, next);
            assert_eq!(checked.codes(), ["listed", "listed"], "{part} {gone}");
        }
    }
    assert_eq!(overtaken("/filter/", 404, |_| {}).codes(), ["no_answer filter_unavailable"; 2]);
}

#[test]
fn a_service_that_always_has_a_newer_list_does_not_keep_it_running() {
    let mut publisher = Publisher::new();
    publisher.publish(&Epoch::default());
    let mut current = publisher.clone();
    let check = Check::of([7], &publisher, at(0));
    let checked = check.run(&mut Device::default(), |request: &Request| {
        if request.method == Method::Post {
            return status(410);
        }
        if request.path.ends_with("/manifest") && current.manifests.len() < 9 {
            let number = current.manifests.len() as u64 + 1;
            let mut next = current.lay_out(number, &Epoch::default());
            next.published_at = publisher.current().published_at;
            let seconds = next.published_at.unix() + number as i64;
            next.published_at = Timestamp::from_unix(seconds).unwrap();
            next.valid_until = Timestamp::from_unix(seconds + 3600).unwrap();
            current.log(next);
        }
        Service::new(&current).serve(request)
    });
    assert_eq!(checked.code(), "no_answer key_retired");
    assert_eq!(checked.evaluations().len(), 2);
}

#[test]
fn events_that_nobody_waits_for_are_passed_over() {
    use ceknik_client::{Action, Cached, Event, Inquiry, Lookup, Settings, Ticket};
    use rand_core::SeedableRng;
    let publisher = published();
    let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(1);
    let inquiry = Inquiry {
        dataset: publisher.current().dataset.clone(),
        niks: vec![crate::publisher::nik(7)],
        policy: None,
        settings: Settings::default(),
    };
    let mut lookup = Lookup::new(inquiry, Cached::default(), at(0), &mut rng);
    let Some(Action::Fetch(request)) = lookup.next_action() else { panic!("no request") };
    let ticket = Ticket::from_number(99);
    lookup.handle(Event::Woke { ticket: request.ticket }, at(0), &mut rng);
    lookup.handle(Event::Woke { ticket }, at(0), &mut rng);
    lookup.handle(Event::Loaded { ticket: request.ticket, file: None }, at(0), &mut rng);
    lookup.handle(Event::Stretched { ticket: request.ticket, result: Ok(publisher.stretched(7)) }, at(0), &mut rng);
    lookup.handle(Event::Responded { ticket, response: status(200) }, at(0), &mut rng);
    assert!(lookup.next_action().is_none(), "still waiting for the first response");
    assert!(!format!("{lookup:?}").contains("3171"));
}
