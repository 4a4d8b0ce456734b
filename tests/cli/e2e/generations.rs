//! A new generation, and a device that comes back after it.

use crate::support::citizen::{Citizen, Seen};
use crate::support::home::{DATASET, TestHome, list, nik};
use crate::support::service::Ceknikd;

/// Stays; is withdrawn while the generations change; comes with the new one; is never there.
const PEOPLE: [u32; 4] = [7, 5, 205, 2000];
const WEAK: &[&str] = &["--accept-weak"];

fn answers(seen: &[Seen]) -> Vec<&str> {
    seen.iter().map(Seen::answer).collect()
}

#[test]
fn a_device_with_an_old_list_follows_into_a_new_generation() {
    let home = TestHome::published(0..200);
    let mut service = Ceknikd::start(&home);
    let niks = PEOPLE.map(nik);
    let citizen = || Citizen::new(&service.url(), DATASET, Some(&home.policy()));
    let (long_away, back_between) = (citizen(), citizen());
    let before = long_away.check(&niks, WEAK);
    assert_eq!(answers(&before), ["listed", "listed", "not_listed", "not_listed"]);
    back_between.check(&niks, WEAK);

    home.command("dataset new-generation").arg(DATASET).done();
    // Without the list in it, the new generation is no generation yet.
    let summary = home.import_command(list(0..210)).arg("--json").done().json();
    assert_eq!((&summary["generation"], &summary["counters"]["people_added"]), (&2.into(), &210.into()));
    let announced = home.publish().stdout;
    assert!(announced.contains("the new generation's key is announced, and epoch 3 has it"), "{announced}");
    assert!(announced.contains("epoch 2 of jakarta-2024 (generation 1)"), "{announced}");
    service.wait_for_log(|line| line["message"] == "epoch served" && line["epoch"] == 2);
    // The old list still answers: nobody was added to it.
    let between = back_between.check(&niks, WEAK);
    assert_eq!(answers(&between), ["listed", "listed", "not_listed", "not_listed"]);
    assert!(between.iter().all(|seen| seen.epoch() == 2));

    // A withdrawal in between counts in both.
    home.command("withdraw").arg(DATASET).stdin(nik(PEOPLE[1])).done();
    let taken_over = home.publish().stdout;
    assert!(taken_over.contains("epoch 3 of jakarta-2024 (generation 2)"), "{taken_over}");
    home.publish();
    service.wait_for_log(|line| line["message"] == "epoch served" && line["epoch"] == 4);

    for (citizen, walked) in [(&long_away, &["2", "3"][..]), (&back_between, &["3"])] {
        let ran = citizen.command(&niks).args(WEAK).arg("--show-requests").done();
        for epoch in ["2", "3"] {
            let fetched = ran.stdout.contains(&format!("GET /v1/{DATASET}/epochs/{epoch}/manifest "));
            assert_eq!(fetched, walked.contains(&epoch), "epoch {epoch}: {}", ran.stdout);
        }
        let after = citizen.check(&niks, WEAK);
        assert_eq!(answers(&after), ["listed", "not_listed", "listed", "not_listed"]);
        assert!(after.iter().all(|seen| seen.epoch() == 4));
    }
    // The new filter does not know whom the old one listed.
    let manifest = |epoch: u64| service.get(&format!("/v1/{DATASET}/epochs/{epoch}/manifest")).json();
    for secret in ["/stretch/salt", "/filter/seed", "/oprf/public_key"] {
        assert_ne!(manifest(1).pointer(secret), manifest(4).pointer(secret), "{secret}");
    }
    assert_eq!(manifest(2)["oprf"]["next"]["public_key"], manifest(3)["oprf"]["public_key"]);
    assert_eq!(manifest(4)["filter"]["members"], 210);
}
