//! What a good list in the cache answers when the service cannot, or lies.

use std::time::{Duration, Instant};

use ceknik_core::time::Timestamp;

use crate::support::forger;
use crate::support::home::{DATASET, TestHome, definition, list};
use crate::support::http::Response;
use crate::support::proxy::{Delivery, altering, replacing};
use crate::world::{Device, LISTED, Said, World, ago, visited};

const MANIFEST: &str = "/v1/jakarta-2024/manifest";

/// Listed, and false positive, and miss.
fn answers(said: &Said) -> [(&str, Option<&str>); 3] {
    [0, 1, 2].map(|place| (said.answers[place].as_str(), said.reasons[place].as_deref()))
}

#[test]
fn offline() {
    let world = World::new();
    let proxy = world.proxy();
    let device = visited(&world, &proxy);
    proxy.take_requests();
    let said = world.ask(&proxy.url(), &device, &["--offline"]);
    assert_eq!(answers(&said), [("maybe", Some("offline")), ("maybe", Some("offline")), ("not_listed", None)]);
    assert_eq!((said.code, proxy.take_requests().len()), (3, 0), "no request is made");
    let told = world.told(&proxy.url(), &device, &["--offline"]);
    assert!(told.starts_with("MUNGKIN, belum dipastikan / maybe, not confirmed\n"), "{told}");
    assert!(told.ends_with(" / For a definite answer run it again without --offline."), "{told}");
    // With nothing in the cache there is nothing to say.
    let said = world.ask(&proxy.url(), &Device::new(), &["--offline"]);
    assert_eq!((said.reason(), said.code), ("offline", 4));
    let told = world.told(&proxy.url(), &Device::new(), &["--offline"]);
    assert_eq!(told, "BELUM ADA JAWABAN / no answer: offline, and the list is not in the cache");
}

#[test]
fn local_only() {
    let world = World::new();
    let proxy = world.proxy();
    let said = world.ask(&proxy.url(), &Device::new(), &["--local-only"]);
    assert_eq!(answers(&said), [("maybe", Some("local_only")), ("maybe", Some("local_only")), ("not_listed", None)]);
    let asked = proxy.take_requests();
    assert!(asked.iter().all(|request| !request.path.contains("/evaluate") && !request.path.contains("/buckets/")));
}

/// The service cannot be reached: the list that is there answers as long as it is valid, and says so.
#[test]
fn unreachable() {
    let world = World::new();
    for silent in [true, false] {
        let proxy = world.proxy();
        let device = visited(&world, &proxy);
        match silent {
            true => proxy.behave(|_, _| Delivery::Hangup),
            false => proxy.behave(|_, _| Response::new(503, "")),
        }
        let said = world.ask(&proxy.url(), &device, &[]);
        let maybe = ("maybe", Some("unreachable"));
        assert_eq!(answers(&said), [maybe, maybe, ("not_listed", None)]);
        assert_eq!(said.code, 3);
        for warnings in &said.warnings {
            assert_eq!(warnings, &["weak", "service_unreachable"]);
        }
    }
}

/// A service that is there and lies is not passed over in favour of the cache.
#[test]
fn a_lie_is_not_passed_over() {
    let world = World::new();
    let (broken, gone) = (world.proxy(), world.proxy());
    let devices = [visited(&world, &broken), visited(&world, &gone)];
    broken.behave(altering(MANIFEST, |body| body.truncate(100)));
    gone.behave(replacing(MANIFEST, |_, _| Response::new(404, "")));
    assert_eq!(world.ask(&broken.url(), &devices[0], &[]).reason(), "manifest_invalid");
    assert_eq!(world.ask(&gone.url(), &devices[1], &[]).reason(), "not_covered");
}

/// A list that expires while it is in the cache.
#[test]
fn expired_in_the_cache() {
    const LEFT: i64 = 10;
    let home = TestHome::new();
    home.create_dataset(&definition(DATASET, "cover_percent = 0\nvalidity = \"1h\""));
    home.import(list(LISTED));
    home.publish_at(&ago(3600 - LEFT));
    let expires = forger::manifest(&home, 1).valid_until;
    let world = World::of(home);
    let proxy = world.proxy();
    let device = visited(&world, &proxy);
    let said = world.ask(&proxy.url(), &device, &["--offline"]);
    assert_eq!(answers(&said)[2], ("not_listed", None), "before it expires");
    let begun = Instant::now();
    while ago(0) <= expires.to_string() {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(200));
    }
    let expired = Timestamp::to_string(&expires);
    let stale = format!(
        "BELUM ADA JAWABAN / no answer: the list has expired and there is no newer one: the answer could be out of date (the \
         list expired at {expired} and no newer one was given)"
    );
    for options in [&["--offline"][..], &[]] {
        let said = world.ask(&proxy.url(), &device, options);
        assert_eq!((said.reason(), said.code), ("stale", 4), "{options:?}");
        assert!(
            said.answers.iter().all(|answer| answer == "no_answer"),
            "a miss of an expired list is no answer either"
        );
        assert_eq!(world.told(&proxy.url(), &device, options), stale);
    }
    // Out of reach, that is what is said: another list may be there.
    proxy.behave(|_, _| Delivery::Hangup);
    assert_eq!(world.ask(&proxy.url(), &device, &[]).reason(), "interrupted");
}
