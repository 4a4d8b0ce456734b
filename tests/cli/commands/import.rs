//! `ceknik import`.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::support::home::{DATASET, TestHome, definition, list, nik};

/// What counts of an import.
fn counts(summary: &Value) -> [&Value; 6] {
    ["added", "changed", "unchanged", "repeated", "withdrawn", "people_added"].map(|name| &summary["counters"][name])
}

fn numbers(counts: [u64; 6]) -> [Value; 6] {
    counts.map(Value::from)
}

#[track_caller]
fn assert_counts(summary: &Value, expected: [u64; 6]) {
    assert_eq!(counts(summary).map(Clone::clone), numbers(expected), "{summary}");
}

#[test]
fn columns_by_map_and_values_for_the_whole_file() {
    let home = TestHome::with_dataset();
    // Names that nobody guesses, one of them twice, in Windows-1252.
    let mut file = b"Urut\tIdentitas\tPilihan\tHasil\tKapan d\xe9pos\xe9\n".to_vec();
    for number in 0..3 {
        file.extend(
            format!("{number}\t{}\tPasangan P-W\tTIDAK MEMENUHI SYARAT\t15 Agustus 2024\n", nik(number)).bytes(),
        );
    }
    let told = home.import_command(&file).refused();
    assert!(told.starts_with("no column for the NIK in the header; its columns are: Urut | Identitas"), "{told}");
    let map = ["--map", "nik=identitas,candidate=#3", "--map", "status=HASIL", "--map", "submitted=Kapan déposé"];
    let ran = home.import_command(&file).args(map).done();
    let first = "Read as Windows-1252, separated by tabs; columns: nik = “Identitas”, candidate = “Pilihan”, status = “Hasil”, \
                 submitted = “Kapan déposé”";
    assert_eq!(ran.stdout.lines().next(), Some(first));
    let summary = home.import_command(&file).args(map).arg("--json").done().json();
    assert_counts(&summary, [0, 0, 3, 0, 0, 0]);

    let bare = format!("NIK\n{}\n{}\n", nik(0), nik(5));
    let told = home.import_command(&bare).refused();
    assert!(told.ends_with("Name it with --map candidate=COLUMN, or give --candidate ID for the whole file"), "{told}");
    let summary =
        home.import_command(&bare).args(["--candidate", "Pair D-K", "--status", "ms", "--json"]).done().json();
    assert_counts(&summary, [2, 0, 0, 0, 0, 1]);
    assert_eq!(
        home.import_command(list([0])).args(["--candidate", "dk", "--map", "candidate=Kandidat"]).refused(),
        "the candidate is given for the whole file and by a column: leave out --candidate or --map candidate=COLUMN"
    );
    assert_eq!(
        home.import_command(list([0])).args(["--map", "ktp=NIK"]).refused(),
        "`ktp=NIK` is no mapping: write nik=COLUMN, candidate=COLUMN, status=COLUMN or submitted=COLUMN, COLUMN being a name in \
         the header or #N; for all but the NIK - says that no column is meant"
    );
    // A value for the whole file does not silently win over what the rows say.
    let told = home.import_command(list([0])).args(["--candidate", "pw"]).refused();
    assert_eq!(
        told,
        "row 1 has a column \"Kandidat\" for the candidate, and --candidate was given for the whole file: leave --candidate out, so \
         that what each row says counts; if the column means something else, add --map candidate=-"
    );
    let meant = ["--candidate", "pw", "--map", "candidate=-", "--json"];
    assert_counts(&home.import_command(list([7])).args(meant).done().json(), [1, 0, 0, 0, 0, 1]);
}

#[test]
fn the_later_row_wins() {
    let home = TestHome::with_list(0..10);
    let again = list(0..4).replace(",ms,", ",tms,") + &list([0, 12]).split_once('\n').unwrap().1.repeat(2);
    let ran = home.import_command(&again).done();
    let text: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(text[1], "8 rows: 1 support added, 4 changed, 0 unchanged, 3 repeated, 0 refused");
    assert_eq!(
        text[2..],
        [
            "  repeated: an earlier row has the same NIK and candidate; 1 said something else, and the later row won",
            "  people: 1 new in this generation; the next epoch has 11 records",
            "  people ever added: 11, of a capacity of 1000",
        ]
    );
}

#[test]
fn a_snapshot_withdraws_what_it_has_not() {
    let home = TestHome::with_list(0..10);
    // Three are gone, one is new, one row is bad.
    let snapshot = list((3..10).chain([20])) + "317101,dk,ms,2024-08-15\n";
    let ran = home.import_command(&snapshot).arg("--snapshot").run();
    assert_eq!(ran.code(), 3, "{ran:?}");
    let held = "  snapshot: nothing was withdrawn, because rows were refused and their people would have been. Mend the rows and \
                import again, or run the same command with --despite-refused, and with --despite-missing: the list lacks 3 of the 10 \
                supports that were listed of its candidates";
    assert!(ran.stdout.lines().any(|line| line == held), "{ran:?}");
    let records =
        |home: &TestHome| home.command("dataset show").arg("--json").done().json()["generations"][0]["records"].clone();
    assert_eq!(records(&home), 11);
    let shown = home.command("dataset show").done().stdout;
    let told = "\n  import 2 is held back: its rows are in, and what its list lacks was not withdrawn\n";
    assert!(shown.contains(told), "{shown}");
    // What a wrong list brought is not published untold.
    let told = "import 2 into jakarta-2024 lacks much of what was listed, and may be of a wrong list: what it brought would be published. \
                Run the same command with --despite-missing, or import the right list with --snapshot, or keep what it brought with \
                `ceknik import jakarta-2024 --abandon`; --despite-unfinished-import publishes what the store has now";
    assert_eq!(home.command("publish").arg(DATASET).refused(), told);
    let dry = home.command("publish").args([DATASET, "--dry-run"]).done().stdout;
    let warning = "  warning: import 2 is held back and may be of a wrong list; what it brought is in this epoch. `ceknik publish` refuses it\n";
    assert!(dry.contains(warning), "{dry}");
    home.command("publish").args([DATASET, "--despite-unfinished-import"]).done();
    // More than a quarter of what was listed is missing: that takes a word too.
    let ran = home.import_command(&snapshot).args(["--snapshot", "--despite-refused"]).run();
    assert_eq!(ran.code(), 3, "{ran:?}");
    let held = "  snapshot: nothing was withdrawn, because the list lacks 3 of the 10 supports that were listed of its candidates: is \
                it the right file, and whole? If so, run the same command with --despite-missing. If not, import the right one with \
                --snapshot, which withdraws what this one brought. `ceknik publish` waits for either";
    assert!(ran.stdout.lines().any(|line| line == held), "{ran:?}");
    assert_eq!(records(&home), 11);
    let despite = ["--snapshot", "--despite-refused", "--despite-missing"];
    let ran = home.import_command(&snapshot).args(despite).done();
    let done = "  snapshot: 3 supports withdrawn, which the list does not have; 3 people with them";
    assert!(ran.stdout.lines().any(|line| line == done), "{ran:?}");
    assert_eq!(records(&home), 8);
    // Without a bad row it is done at once; who is listed again comes back and is no addition.
    let summary = home.import_command(list(0..10)).args(["--snapshot", "--json"]).done().json();
    assert_eq!(summary["counters"]["snapshot"], "done");
    assert_counts(&summary, [3, 0, 7, 0, 1, 0]);
    assert_eq!((&summary["counters"]["people_returned"], &summary["members_ever"]), (&json!(3), &json!(11)));
    for flag in ["--despite-refused", "--despite-missing"] {
        let ran = home.import_command(list([1])).arg(flag).run();
        assert_eq!(ran.code(), 2, "it says nothing without --snapshot: {ran:?}");
    }
}

#[test]
fn whoever_was_withdrawn_is_told_when_he_comes_back() {
    let home = TestHome::with_list(0..10);
    let warning = "listed again, because the list has them. Whoever objected and was taken off is on it again: `ceknik withdraw` takes \
                   people off, and an import with --keep-withdrawn leaves them off";
    for (niks, said) in [
        (vec![nik(0)], "  warning: a person who had been withdrawn is "),
        (vec![nik(1), nik(2)], "  warning: 2 people who had been withdrawn are "),
    ] {
        let niks = niks.join("\n");
        home.command("withdraw").arg(DATASET).stdin(niks).done();
        let kept = home.import_command(list(0..10)).arg("--keep-withdrawn").done().stdout;
        assert!(kept.contains(" refused: withdrawn\n") && !kept.contains("listed again"), "{kept}");
        let ran = home.import(list(0..10)).stdout;
        assert!(ran.lines().any(|line| line == format!("{said}{warning}")), "{ran}");
        assert!(!home.import(list(0..10)).stdout.contains("listed again"));
    }
}

/// Rows that the open import has committed.
fn rows_done(home: &TestHome) -> u64 {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let Ok(store) = Connection::open_with_flags(home.path().join("store.sqlite"), flags) else { return 0 };
    let rows = store.query_row("SELECT max(rows_done) FROM import", [], |row| row.get::<_, Option<u64>>(0));
    rows.ok().flatten().unwrap_or(0)
}

#[test]
fn killed_and_resumed_or_abandoned() {
    const ROWS: u32 = 25_000;
    let home = TestHome::new();
    let keys = definition(DATASET, "").replace("population = 4000", "population = 1000000");
    home.create_dataset(&keys.replace("capacity = 1000", "capacity = 100000"));
    let file = list(0..ROWS);
    let mut command = home.import_command(&file).into_command();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let begun = Instant::now();
    while rows_done(&home) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let done = rows_done(&home);
    assert!(done > 0 && done < u64::from(ROWS), "killed too late: {done}");

    let shown = home.command("dataset show").done().stdout;
    assert!(shown.contains("\n  import 1 was interrupted: run it again to finish it\n"), "{shown}");
    assert_eq!(
        home.import_command(list([1])).refused(),
        format!(
            "import 1 of another list into jakarta-2024 was interrupted after {done} rows: import that list again to finish it, \
             or end it as it stands with `ceknik import jakarta-2024 --abandon`"
        )
    );
    let told = home.import_command(&file).arg("--snapshot").refused();
    let other = format!(
        "import 1 of this list into jakarta-2024 was begun with other options and interrupted after {done} rows"
    );
    assert!(told.starts_with(&other), "{told}");

    // Half a list is not published: who is missing would get a verified "not listed".
    let told = format!(
        "import 1 into {DATASET} has not ended, and only a part of its list would be published: who is missing would be told that \
         he is not listed. Import the same list again to finish it, or end it as it stands with `ceknik import {DATASET} \
         --abandon`; --despite-unfinished-import publishes what the store has now, to renew meanwhile"
    );
    assert_eq!(home.command("publish").arg(DATASET).refused(), told);
    assert!(!home.epoch_dir(1).exists());
    let warning = "\n  warning: import 1 has not ended, and this has only a part of its list: who is missing is told that he is not \
                   listed";
    let shown = home.command("publish").args([DATASET, "--dry-run"]).done().stdout;
    assert!(shown.contains(&format!("{warning}. `ceknik publish` refuses it;")), "{shown}");
    let renewed = home.copy();
    let shown = renewed.command("publish").args([DATASET, "--despite-unfinished-import"]).done().stdout;
    assert!(shown.contains(&format!("\n  {done} records: ")) && shown.contains(&format!("{warning}\n")), "{shown}");

    let abandoned = home.copy();
    let ran = abandoned.command("import").args([DATASET, "--abandon"]).done();
    let report = abandoned.path().join("reports/jakarta-2024-import-1.csv");
    assert_eq!(
        ran.stdout,
        format!("Import 1 was ended after {done} rows; what it did stays. Refused rows: {}\n", report.display())
    );
    assert_eq!(fs::read_to_string(report).unwrap(), "row,column,code,reason\n");
    assert_eq!(
        abandoned.command("import").args([DATASET, "--abandon"]).refused(),
        "no import into jakarta-2024 is open"
    );
    let summary = abandoned.import_command(&file).arg("--json").done().json();
    assert_eq!(summary["resumed_at"], 0);
    assert_counts(&summary, [u64::from(ROWS) - done, 0, done, 0, 0, u64::from(ROWS) - done]);

    let ran = home.import_command(&file).done();
    let text: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(text[0], format!("Went on after row {done} of an import that was interrupted."));
    assert_eq!(text[2], format!("{ROWS} rows: {ROWS} supports added, 0 changed, 0 unchanged, 0 repeated, 0 refused"));
    let summary = home.import_command(&file).arg("--json").done().json();
    assert_counts(&summary, [0, 0, u64::from(ROWS), 0, 0, 0]);
    assert_eq!((&summary["members_ever"], &summary["records"]), (&json!(ROWS), &json!(ROWS)));
    assert_eq!(summary["counters"].get("candidates"), None, "the store's own numbers are nobody's");
}
