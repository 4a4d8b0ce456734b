//! New epochs, while people check.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::support::citizen::Citizen;
use crate::support::home::{DATASET, TestHome, definition, list, nik};
use crate::support::service::Ceknikd;

/// Stays; gets another status; is withdrawn; comes; is never there.
const PEOPLE: [u32; 5] = [70, 5, 105, 310, 2000];

/// What each of them is told in an epoch.
fn truth(epoch: u64) -> [(&'static str, &'static str); 5] {
    let listed = |status| ("listed", status);
    let not_listed = ("not_listed", "");
    match epoch {
        1 => [listed("ms"), listed("ms"), listed("ms"), not_listed, not_listed],
        _ => [listed("ms"), listed("tms"), not_listed, listed("ms"), not_listed],
    }
}

/// Checks, over and over, until told to stop. Gives the epochs that were seen, in order.
fn check_until(stop: &AtomicBool, citizen: impl Fn() -> Citizen, remembers: bool) -> Vec<u64> {
    let niks = PEOPLE.map(nik);
    let mut device = citizen();
    let mut epochs = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let seen = device.check(&niks, &["--accept-weak"]);
        let epoch = seen[0].epoch();
        assert!(seen.iter().all(|seen| seen.epoch() == epoch));
        assert_eq!(seen.iter().map(|seen| (seen.answer(), seen.status())).collect::<Vec<_>>(), truth(epoch));
        epochs.push(epoch);
        if !remembers {
            device = citizen();
        }
    }
    epochs
}

#[test]
fn a_new_epoch_is_taken_up_while_people_check() {
    // With a budget for people who do nothing but check, from one address.
    let home = TestHome::new();
    home.create_dataset(&definition(DATASET, "cover_percent = 0\nevaluations_per_day = 10000000"));
    home.import(list(0..300));
    home.publish();
    let mut service = Ceknikd::start(&home);
    let (url, policy, stop) = (service.url(), home.policy(), AtomicBool::new(false));
    let citizen = || Citizen::new(&url, DATASET, Some(&policy));
    let seen = thread::scope(|scope| {
        let remembers = scope.spawn(|| check_until(&stop, citizen, true));
        let forgets = scope.spawn(|| check_until(&stop, citizen, false));

        let changed: String = (0..50).map(|number| format!("{},dk,tms,2024-08-16\n", nik(number))).collect();
        home.import(list(300..340) + &changed);
        let withdrawn: String = (100..110).map(|number| nik(number) + "\n").collect();
        home.command("withdraw").arg(DATASET).stdin(withdrawn).done();
        // And then some that change nothing but the time.
        for epoch in 2..=5 {
            let said = home.publish().stdout;
            let changes = match epoch {
                2 => "330 records: 40 added, 10 removed, 50 changed, 240 unchanged",
                _ => "330 records: 0 added, 0 removed, 0 changed, 330 unchanged",
            };
            assert!(said.contains(changes), "{said}");
            service.wait_for_log(|line| line["message"] == "epoch served" && line["epoch"] == epoch);
        }
        stop.store(true, Ordering::Relaxed);
        [remembers.join().unwrap(), forgets.join().unwrap()]
    });
    for epochs in seen {
        println!(
            "{} checks in epochs {} to {}, none of them failed",
            epochs.len(),
            epochs[0],
            epochs[epochs.len() - 1]
        );
        assert!(epochs.is_sorted() && epochs[0] == 1 && epochs[epochs.len() - 1] >= 2);
    }
    assert!(service.log().iter().all(|line| !line.contains("\"WARN\"") && !line.contains("\"ERROR\"")));
}
