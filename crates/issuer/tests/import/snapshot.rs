//! Lists that are the whole truth.

use ceknik_issuer::{ImportOptions, SnapshotOutcome};

use crate::desk::{Desk, list, nik, support, supporters};

/// Who supports whom in these tests: a 0 to 99, b 50 to 149, c 90 to 109.
fn filled() -> Desk {
    let mut desk = Desk::new();
    let mut rows = supporters("a", 0..100);
    rows.extend(supporters("b", 50..150));
    rows.extend(supporters("c", 90..110));
    desk.import(&list(rows));
    desk
}

fn candidates(desk: &Desk, number: u32) -> String {
    desk.look_up(&nik(number)).unwrap_or_default().into_iter().map(|(candidate, ..)| candidate).collect()
}

#[test]
fn what_the_list_has_not_is_withdrawn() {
    let mut desk = filled();
    let members = desk.store.members(&desk.generation()).unwrap().ever();
    let cells = desk.cells();
    // The list is of `a` alone: 0 to 9 and 95 to 99 have gone, 200 is new.
    let counters = desk.snapshot(&list(supporters("a", (10..95).chain([200]))));
    assert_eq!(counters.snapshot, SnapshotOutcome::Done);
    assert_eq!((counters.withdrawn, counters.people_withdrawn), (15, 10));
    assert_eq!((counters.added, counters.unchanged), (1, 85));
    for (number, expected) in [
        (0, ""),
        (9, ""),
        (10, "a"),
        (49, "a"),
        (50, "ab"),
        (94, "abc"),
        (95, "bc"),
        (99, "bc"),
        (100, "bc"),
        (149, "b"),
        (200, "a"),
    ] {
        assert_eq!(candidates(&desk, number), expected, "{number}");
    }
    // The records of 95 to 99 were resealed without their NIKs.
    assert_eq!(desk.look_up(&nik(97)), Some(vec![support("b", "ms", None), support("c", "ms", None)]));
    // Nobody stops being a member.
    assert_eq!(desk.store.members(&desk.generation()).unwrap().ever(), members + 1);
    assert!(cells.iter().all(|cell| desk.cells().contains(cell)));

    // Of those that remain, further supports go.
    let counters = desk.snapshot(&list(supporters("c", [105])));
    assert_eq!((counters.withdrawn, counters.people_withdrawn), (19, 0));
    assert_eq!(
        (candidates(&desk, 94), candidates(&desk, 97), candidates(&desk, 105)),
        ("ab".into(), "b".into(), "bc".into())
    );
}

#[test]
fn a_snapshot_of_what_is_there_changes_nothing() {
    let mut desk = filled();
    let before = desk.content();
    let counters = desk.snapshot(&list(supporters("b", 50..150)));
    assert_eq!((counters.withdrawn, counters.unchanged), (0, 100));
    assert_eq!(desk.content(), before);
}

#[test]
fn people_may_come_back_without_being_added_again() {
    let mut desk = filled();
    desk.snapshot(&list(supporters("a", 10..100)));
    let (members, cells) = (desk.store.members(&desk.generation()).unwrap().ever(), desk.cells());
    let counters = desk.import(&list(supporters("a", 0..5)));
    assert_eq!((counters.added, counters.people_added, counters.people_returned), (5, 0, 5));
    assert_eq!(desk.store.members(&desk.generation()).unwrap().ever(), members);
    assert_eq!(desk.cells(), cells);
    assert_eq!(candidates(&desk, 3), "a");
}

#[test]
fn whoever_was_withdrawn_can_be_left_off() {
    let mut desk = filled();
    desk.withdraw(&format!("{}\n{}\n", nik(0), nik(99)), None);
    let options = ImportOptions { keep_withdrawn: true, snapshot: true, ..ImportOptions::default() };
    let summary = desk.try_import(&list(supporters("a", 0..100)), options).unwrap();
    let counters = summary.counters;
    assert_eq!((counters.refused["withdrawn"], counters.people_returned, counters.unchanged), (2, 0, 98));
    // Nobody's row could not be read.
    assert_eq!((counters.snapshot, counters.withdrawn), (SnapshotOutcome::Done, 0));
    assert_eq!((candidates(&desk, 0), candidates(&desk, 99)), (String::new(), String::new()));
    assert_eq!(
        std::fs::read_to_string(&summary.report).unwrap(),
        "row,column,code,reason\n\
         2,\"\",withdrawn,\"the person was withdrawn, and --keep-withdrawn leaves it at that\"\n\
         101,\"\",withdrawn,\"the person was withdrawn, and --keep-withdrawn leaves it at that\"\n"
    );
    // Without it the list is believed.
    assert_eq!(desk.import(&list(supporters("a", 0..100))).people_returned, 2);
}

#[test]
fn refused_rows_hold_a_snapshot_back() {
    let mut desk = filled();
    let mut rows = supporters("a", 20..100);
    rows.push("1234,a,ms,".into());
    let text = list(rows);
    let options = ImportOptions { snapshot: true, ..ImportOptions::default() };
    let despite = ImportOptions { despite_refused: true, ..options.clone() };
    let before = desk.content();
    let held = desk.try_import(&text, options.clone()).unwrap();
    assert_eq!((held.counters.snapshot, held.counters.withdrawn), (SnapshotOutcome::Held, 0));
    assert_eq!(desk.content(), before);
    // Nothing is in the way of a publication or of another command.
    assert_eq!(desk.store.open_import(&desk.dataset()).unwrap(), None);

    // Told to, it is carried out without stretching anything again.
    let done = desk.try_import(&text, despite.clone()).unwrap();
    assert_eq!((done.import, done.resumed_at), (held.import, 81));
    assert_eq!((done.counters.snapshot, done.counters.withdrawn, done.counters.rows), (SnapshotOutcome::Done, 20, 81));
    assert_eq!((candidates(&desk, 19), candidates(&desk, 20)), (String::new(), "a".into()));
    assert!(std::fs::read_to_string(&done.report).unwrap().contains("nik_length"));

    // Once it has ended, the same list is a new import.
    let again = desk.try_import(&text, despite).unwrap();
    assert_eq!((again.import, again.resumed_at, again.counters.unchanged), (held.import + 1, 0, 80));
}

#[test]
fn a_held_snapshot_gives_way_to_the_corrected_list() {
    let mut desk = filled();
    let options = ImportOptions { snapshot: true, ..ImportOptions::default() };
    let mut rows = supporters("a", 20..99);
    rows.push(format!("{} x,a,ms,", nik(99)));
    let held = desk.try_import(&list(&rows), options.clone()).unwrap();
    assert_eq!(held.counters.snapshot, SnapshotOutcome::Held);
    rows.pop();
    rows.push(format!("{},a,ms,", nik(99)));
    let corrected = desk.try_import(&list(&rows), options).unwrap();
    assert_eq!((corrected.counters.snapshot, corrected.counters.withdrawn), (SnapshotOutcome::Done, 20));
    assert_eq!(candidates(&desk, 99), "abc");
}

#[test]
fn a_list_of_refused_rows_withdraws_nobody() {
    let mut desk = filled();
    let before = desk.content();
    let options = ImportOptions { snapshot: true, despite_refused: true, ..ImportOptions::default() };
    let counters = desk.try_import(&list(["1,a,ms,", "2,a,ms,"]), options).unwrap().counters;
    assert_eq!((counters.snapshot, counters.withdrawn), (SnapshotOutcome::Done, 0));
    assert_eq!(desk.content(), before);
}

/// The list of another district, or the first page of this one's: it takes a word to withdraw nearly everybody.
#[test]
fn a_list_that_lacks_many_is_held_back() {
    let mut desk = filled();
    let options = ImportOptions { snapshot: true, ..ImportOptions::default() };
    let despite = ImportOptions { despite_missing: true, ..options.clone() };
    // A quarter may be missing, and not one more. Whoever is new does not count.
    let quarter = [supporters("a", 25..100), supporters("a", 300..400)].concat();
    let counters = desk.twin().try_import(&list(&quarter), options.clone()).unwrap().counters;
    assert_eq!((counters.snapshot, counters.withdrawn, counters.missing), (SnapshotOutcome::Done, 25, 0));
    let wrong = list([supporters("a", 26..100), supporters("a", 300..400)].concat());
    let held = desk.try_import(&wrong, options.clone()).unwrap();
    let told = (held.counters.snapshot, held.counters.withdrawn, held.counters.missing, held.counters.listed_before);
    assert_eq!(told, (SnapshotOutcome::HeldMissing, 0, 26, 100));
    assert_eq!(desk.store.open_import(&desk.dataset()).unwrap(), None);
    assert_eq!((candidates(&desk, 25), candidates(&desk, 399)), ("a".into(), "a".into()));

    // Told to, it is carried out without stretching anything again.
    let done = desk.twin().try_import(&wrong, despite.clone()).unwrap();
    assert_eq!((done.import, done.resumed_at), (held.import, 174));
    assert_eq!(
        (done.counters.snapshot, done.counters.withdrawn, done.counters.missing),
        (SnapshotOutcome::Done, 26, 0)
    );
    // The same command again changes nothing, and stretches nothing.
    let again = desk.try_import(&wrong, options.clone()).unwrap();
    assert_eq!((again.import, again.resumed_at, again.counters.missing), (held.import, 174, 26));
    assert_eq!((candidates(&desk, 25), candidates(&desk, 399)), ("a".into(), "a".into()));
    // Nor does a list that is as wrong get through on what the first one brought.
    let as_wrong = list([supporters("a", 26..100), supporters("a", 300..401)].concat());
    let counters = desk.twin().try_import(&as_wrong, options.clone()).unwrap().counters;
    assert_eq!((counters.snapshot, counters.missing, counters.listed_before), (SnapshotOutcome::HeldMissing, 26, 100));
    // The right list undoes what the wrong one brought, without a word.
    let right = desk.try_import(&list(supporters("a", 0..100)), options.clone()).unwrap().counters;
    assert_eq!((right.snapshot, right.withdrawn, right.people_withdrawn), (SnapshotOutcome::Done, 100, 100));
    assert_eq!((candidates(&desk, 25), candidates(&desk, 399)), ("a".into(), String::new()));

    // Either word alone is not enough where both are needed.
    let both = list([supporters("a", 50..100), vec!["1234,a,ms,".into()]].concat());
    let mut outcome = |despite_refused, despite_missing| {
        let options = ImportOptions { despite_refused, despite_missing, ..options.clone() };
        desk.try_import(&both, options).unwrap().counters.snapshot
    };
    assert_eq!(outcome(false, false), SnapshotOutcome::Held);
    assert_eq!(outcome(false, true), SnapshotOutcome::Held);
    assert_eq!(outcome(true, false), SnapshotOutcome::HeldMissing);
    assert_eq!(outcome(true, true), SnapshotOutcome::Done);
}

/// A list of several tells nothing about one whom it does not name: the sheet may be missing.
#[test]
fn a_candidate_whom_the_list_does_not_name_stays() {
    let mut desk = filled();
    let rows = [supporters("a", 0..100), supporters("c", 90..110)].concat();
    let counters = desk.snapshot(&list(rows));
    assert_eq!((counters.snapshot, counters.withdrawn), (SnapshotOutcome::Done, 0));
    assert_eq!((candidates(&desk, 60), candidates(&desk, 149)), ("ab".into(), "b".into()));
}

/// A list that was said to be of one is the whole truth for him, even if no row of it can be used.
#[test]
fn the_candidate_of_the_whole_file_counts() {
    for given in ["b", "Bougenvil"] {
        let mut desk = filled();
        let candidate = Some(given.to_owned());
        let options = ImportOptions {
            candidate,
            snapshot: true,
            despite_refused: true,
            despite_missing: true,
            ..ImportOptions::default()
        };
        let counters = desk.try_import("NIK,Status\n1,ms\n2,ms\n", options).unwrap().counters;
        assert_eq!((counters.snapshot, counters.withdrawn), (SnapshotOutcome::Done, 100));
        assert_eq!([60, 95, 149].map(|number| candidates(&desk, number)), ["a", "ac", ""]);
    }
}

#[test]
fn supports_of_more_candidates_than_two_are_resealed() {
    let mut desk = Desk::new();
    let rows = ["a", "b", "c"].map(|candidate| format!("{},{candidate},ms,", nik(1)));
    desk.import(&list(rows));
    desk.import(&list(supporters("b", [2])));
    let counters = desk.snapshot(&list(supporters("b", [2])));
    assert_eq!((counters.withdrawn, candidates(&desk, 1)), (1, "ac".into()));
    desk.snapshot(&list([format!("{},c,ms,", nik(2))]));
    assert_eq!(candidates(&desk, 1), "a");
    desk.snapshot(&list([format!("{},a,ms,", nik(2))]));
    assert_eq!((candidates(&desk, 1), candidates(&desk, 2)), (String::new(), "abc".into()));
}
