//! A list answers for the present while it is valid, and is renewed by the next epoch.

use std::time::{SystemTime, UNIX_EPOCH};

use ceknik_core::time::Timestamp;

use crate::support::citizen::Citizen;
use crate::support::home::{DATASET, TestHome, definition, list, nik};
use crate::support::service::Ceknikd;

const WEAK: &[&str] = &["--accept-weak"];
/// On the list; not on it.
const PEOPLE: [u32; 2] = [7, 2000];

fn minutes_ago(minutes: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    Timestamp::from_unix(now - 60 * minutes).unwrap().to_string()
}

/// A list that is valid for an hour, published so long ago.
fn published(minutes: i64) -> TestHome {
    let home = TestHome::new();
    home.create_dataset(&definition(DATASET, "validity = \"1h\"\ncover_percent = 0"));
    home.import(list(0..200));
    home.publish_at(&minutes_ago(minutes));
    home
}

#[test]
fn a_list_that_has_expired_answers_nothing_until_it_is_renewed() {
    let home = published(61);
    let mut service = Ceknikd::start(&home);
    let citizen = Citizen::new(&service.url(), DATASET, Some(&home.policy()));
    let niks = PEOPLE.map(nik);
    for options in [WEAK, &["--accept-weak", "--confirm-all"], &["--accept-weak", "--local-only"]] {
        let (seen, code) = citizen.look(&niks, options);
        assert_eq!(code, 4);
        assert!(seen.iter().all(|seen| (seen.answer(), seen.reason()) == ("no_answer", "stale")), "{seen:?}");
    }
    home.publish();
    service.wait_for_log(|line| line["message"] == "epoch served" && line["epoch"] == 2);
    let seen = citizen.check(&niks, WEAK);
    assert_eq!(seen.iter().map(|seen| seen.answer()).collect::<Vec<_>>(), ["listed", "not_listed"]);
}

#[test]
fn a_renewal_changes_nothing_but_the_time() {
    let home = published(30);
    let mut service = Ceknikd::start(&home);
    let citizen = Citizen::new(&service.url(), DATASET, Some(&home.policy()));
    let niks = PEOPLE.map(nik);
    let before = citizen.check(&niks, WEAK);
    assert!(before.iter().all(|seen| seen.epoch() == 1));

    let renewed = home.command("publish").args([DATASET, "--json"]).done().json();
    assert_eq!((&renewed["unchanged"], renewed["epoch_odds_factor"].is_null()), (&200.into(), true));
    service.wait_for_log(|line| line["message"] == "epoch served" && line["epoch"] == 2);
    let manifest = |epoch: u64| service.get(&format!("/v1/{DATASET}/epochs/{epoch}/manifest")).json();
    let (old, new) = (manifest(1), manifest(2));
    assert!(old["valid_until"].as_str() < new["valid_until"].as_str());
    for same in ["filter", "buckets", "oprf", "stretch", "records", "population"] {
        assert_eq!(old[same], new[same], "{same}");
    }

    // The device has the filter already.
    let ran = citizen.command(&niks).args(WEAK).arg("--show-requests").done();
    assert!(!ran.stdout.contains("/filter/") && ran.stdout.contains("/epochs/2/proof"), "{}", ran.stdout);
    let after = citizen.check(&niks, WEAK);
    let answer = |seen: &crate::support::citizen::Seen| (seen.answer().to_owned(), seen.supports().clone());
    assert!(after.iter().map(answer).eq(before.iter().map(answer)));
    assert!(after.iter().all(|seen| seen.epoch() == 2));
}
