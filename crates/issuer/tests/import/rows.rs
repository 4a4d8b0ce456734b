//! What rows do to records, and what is counted and refused.

use std::num::NonZeroUsize;
use std::sync::Mutex;

use ceknik_issuer::{ImportError, ImportObserver, ImportOptions, ImportPhase, Progress, SnapshotOutcome};

use crate::desk::{DEFINITION, Desk, list, nik, support, supporters};

#[test]
fn rows_become_records() {
    let mut desk = Desk::new();
    let counters = desk.import(&list([
        format!("{},Anggrek,MS,2024-08-15", nik(1)),
        format!("{},b,tms,", nik(2)),
        format!("{},Bougainvillea,ms,15 Agustus 2024", nik(1)),
    ]));
    assert_eq!((counters.rows, counters.added, counters.people_added, counters.refused_rows()), (3, 3, 2, 0));
    let expected = vec![support("a", "ms", Some("2024-08-15")), support("b", "ms", Some("2024-08-15"))];
    assert_eq!(desk.look_up(&nik(1)), Some(expected));
    assert_eq!(desk.look_up(&nik(2)), Some(vec![support("b", "tms", None)]));
    assert_eq!(desk.look_up(&nik(3)), None);
    assert_eq!((desk.records().len(), desk.cells().len()), (2, 2));
}

#[test]
fn the_later_row_wins_within_a_list_and_across_lists() {
    let mut desk = Desk::new();
    let first = desk.import(&list([
        format!("{},a,tms,", nik(1)),
        format!("{},a,ms,2024-08-15", nik(1)),
        format!("{},a,ms,2024-08-15", nik(1)),
        format!("{},a,ms,", nik(2)),
    ]));
    assert_eq!((first.rows, first.added, first.repeated, first.repeated_differing), (4, 2, 2, 1));
    assert_eq!(desk.look_up(&nik(1)), Some(vec![support("a", "ms", Some("2024-08-15"))]));

    let second = desk.import(&list([
        format!("{},a,tms,2024-08-15", nik(1)),
        format!("{},a,ms,", nik(2)),
        format!("{},a,ms,", nik(3)),
    ]));
    assert_eq!((second.added, second.changed, second.unchanged, second.repeated, second.people_added), (1, 1, 1, 0, 1));
    assert_eq!(desk.look_up(&nik(1)), Some(vec![support("a", "tms", Some("2024-08-15"))]));
    // People who were there before are no members anew.
    assert_eq!(desk.store.members(&desk.generation()).unwrap().ever(), 3);
    assert_eq!(desk.cells().len(), 3);
}

#[test]
fn every_row_is_counted_once() {
    let mut desk = Desk::new();
    let mut rows = supporters("a", 0..300);
    rows.extend(supporters("b", 200..400));
    rows.extend(supporters("a", 100..200));
    rows.push("317101,a,ms,".into());
    rows.push(format!("{},x,ms,", nik(1)));
    rows.push(format!("{},a,ms,31-02-2024", nik(1)));
    rows.push("3171010000000001,a,ms,".into());
    let counters = desk.import(&list(rows));
    assert_eq!(counters.rows, 604);
    let outcomes = counters.refused_rows() + counters.added + counters.changed + counters.unchanged + counters.repeated;
    assert_eq!(outcomes, counters.rows);
    assert_eq!((counters.added, counters.repeated, counters.people_added), (501, 100, 401));
    let refused: Vec<_> = counters.refused.iter().map(|(code, count)| (code.as_str(), *count)).collect();
    assert_eq!(refused, [("candidate_unknown", 1), ("date_invalid", 1), ("nik_length", 1)]);
    assert_eq!(
        counters.warnings.iter().map(|(code, count)| (code.as_str(), *count)).collect::<Vec<_>>(),
        [("warn_date", 1)]
    );
    assert_eq!(counters.snapshot, SnapshotOutcome::NotAsked);
}

#[test]
fn the_report_tells_rows_and_reasons_and_no_nik() {
    let mut desk = Desk::with_definition(&DEFINITION.replace("payload_bytes = 320", "payload_bytes = 96"));
    let rows = [
        format!("{},a,ms,2024-08-15", nik(1)),
        "31710117089012,a,ms,".into(),
        format!("{},b,ms,2024-08-15", nik(1)),
        "3.17101E+15,a,ms,".into(),
    ];
    let summary = desk.try_import(&list(rows), ImportOptions::default()).unwrap();
    let report = std::fs::read_to_string(&summary.report).unwrap();
    assert_eq!(
        report,
        "row,column,code,reason\n\
         3,\"NIK\",nik_length,\"the NIK has 14 digits, not 16\"\n\
         4,\"\",record_too_long,\"the record needs 128 bytes with this support, and the dataset's payload_bytes is 96: \
         `ceknik dataset new-generation` begins one with larger records, into which the whole list is imported again\"\n\
         5,\"NIK\",nik_scientific,\"the NIK is in scientific notation and its last digits are lost: take it from the source \
         again, into a column formatted as text\"\n"
    );
    assert_eq!(summary.report, desk.home.directory().join("reports/list-import-1.csv"));
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&summary.report).unwrap().permissions().mode() & 0o777, 0o600);
    // What was there stays.
    assert_eq!(desk.look_up(&nik(1)), Some(vec![support("a", "ms", Some("2024-08-15"))]));
}

#[test]
fn more_supports_than_a_record_holds_are_refused() {
    let mut definition = DEFINITION.replace("payload_bytes = 320", "payload_bytes = 1024");
    for number in 0..9 {
        definition.push_str(&format!("[candidates.n{number}]\nid = \"Nomor {number}\"\nen = \"Number {number}\"\n"));
    }
    let mut desk = Desk::with_definition(&definition);
    let counters = desk.import(&list((0..9).map(|number| format!("{},n{number},ms,", nik(1)))));
    assert_eq!((counters.added, counters.refused["too_many_supports"]), (8, 1));
    assert_eq!(desk.look_up(&nik(1)).unwrap().len(), 8);
}

#[test]
fn a_list_that_is_wrong_as_a_whole_stores_nothing() {
    let mut desk = Desk::new();
    let before = desk.content();
    for (text, message) in [
        ("Nama,Calon,Status\nx,a,ms\n".to_owned(), "no column for the NIK in the header"),
        (format!("{}{},a", list(supporters("a", 0..50)), &nik(51)[..9]), "the list ends in the middle of row 52"),
        (String::new(), "the list is empty: export it again"),
    ] {
        let error = desk.try_import(&text, ImportOptions::default()).unwrap_err();
        assert!(matches!(error, ImportError::List(_)) && error.to_string().starts_with(message), "{error}");
    }
    assert_eq!(desk.content(), before);
    assert_eq!(desk.store.open_import(&desk.dataset()).unwrap(), None);
}

#[test]
fn the_order_of_rows_makes_no_difference() {
    let mut one = Desk::new();
    let (mut two, mut three) = (one.twin(), one.twin());
    let mut rows = supporters("a", 0..400);
    rows.extend(supporters("b", 300..500));
    rows.extend(supporters("c", (0..500).step_by(7)));
    one.import(&list(&rows));
    // Each second row from the back.
    let turned = rows.iter().rev().step_by(2).chain(rows.iter().rev().skip(1).step_by(2));
    two.import(&list(turned));
    assert_eq!(one.content(), two.content());
    // Nor do several lists instead of one, or more threads.
    let options = || ImportOptions { threads: NonZeroUsize::new(5), ..ImportOptions::default() };
    for part in rows.chunks(211) {
        three.try_import(&list(part), options()).unwrap();
    }
    assert_eq!(one.content(), three.content());
}

#[test]
fn a_dataset_without_a_filter_has_members_and_no_cells() {
    let mut desk = Desk::with_definition(&DEFINITION.replace("payload_bytes = 320", "filter = false"));
    desk.import(&list(supporters("a", 0..50)));
    assert_eq!((desk.cells().len(), desk.store.members(&desk.generation()).unwrap().ever()), (0, 50));
    assert_eq!(desk.look_up(&nik(7)), Some(vec![support("a", "ms", None)]));
}

#[test]
fn another_datasets_key_is_told() {
    let mut desk = Desk::new();
    let generation = desk.generation();
    let other = desk.keys().create_oprf_key(&desk.dataset(), 9, &mut crate::desk::rng(9), None).unwrap();
    let made =
        ceknik_issuer::Importer::new(&mut desk.store, &desk.cipher, &generation, &other, ImportOptions::default(), &());
    assert_eq!(
        made.err().unwrap().to_string(),
        "the evaluation key is not the one of dataset list, generation 1: were two files in keys/oprf swapped?"
    );
}

#[test]
fn additions_from_one_district_are_told() {
    let mut desk = Desk::new();
    // The numbers of `nik` go round eight districts.
    desk.import(&list(supporters("a", 0..80)));
    let generation = desk.generation();
    let concentration = desk.store.concentration(&generation).unwrap();
    assert_eq!((concentration.additions, concentration.most_from_one_district), (80, 10));
    // The next list is of one district; what was there before is no addition.
    desk.import(&list(supporters("b", (0..160).step_by(8))));
    let concentration = desk.store.concentration(&generation).unwrap();
    assert_eq!((concentration.additions, concentration.most_from_one_district), (90, 20));
}

#[derive(Default)]
struct Watcher {
    seen: Mutex<Vec<Progress>>,
    phases: Mutex<Vec<ImportPhase>>,
}

impl ImportObserver for Watcher {
    fn phase(&self, phase: ImportPhase) {
        self.phases.lock().unwrap().push(phase);
    }

    fn progress(&self, progress: &Progress) {
        self.seen.lock().unwrap().push(*progress);
    }
}

#[test]
fn progress_is_told_to_the_end() {
    let mut desk = Desk::new();
    let watcher = Watcher::default();
    let options = ImportOptions { snapshot: true, ..ImportOptions::default() };
    let text = list(supporters("a", 0..500));
    desk.import_watched(&text, options, &watcher).unwrap();
    let seen = watcher.seen.into_inner().unwrap();
    let last = |phase| *seen.iter().rfind(|progress| progress.phase == phase).unwrap();
    let rows = last(ImportPhase::Apply);
    assert_eq!((rows.done, rows.total, rows.seconds_left), (500, 500, Some(0.0)));
    assert!(rows.rate > 0.0);
    // Three times through the list before a row of it is stored, and never more than all of it.
    let scan = last(ImportPhase::Scan);
    assert!(scan.done < scan.total && scan.total == 3 * text.len() as u64, "{scan:?}");
    assert_eq!(last(ImportPhase::Snapshot).done, 500);
    let phases = watcher.phases.into_inner().unwrap();
    for phase in ImportPhase::ALL {
        assert!(phases.contains(&phase), "{phase:?}");
    }
}

#[test]
fn an_import_at_full_cost() {
    let definition = DEFINITION.replace("weak = true", "memory_kib = 19456\npasses = 2");
    let mut desk = Desk::with_definition(&definition);
    let mut rows = supporters("a", 0..12);
    rows.push(format!("{},b,tms,2024-08-15", nik(3)));
    rows.push("x,a,ms,".into());
    let summary = desk.try_import(&list(rows), ImportOptions::default()).unwrap();
    assert_eq!((summary.members_ever, summary.records, summary.capacity), (12, 12, Some(10_000)));
    assert_eq!(summary.counters.refused["nik_character"], 1);
    let expected = vec![support("a", "ms", None), support("b", "tms", Some("2024-08-15"))];
    assert_eq!(desk.look_up(&nik(3)), Some(expected));
    assert_eq!(desk.look_up(&nik(12)), None);
}
