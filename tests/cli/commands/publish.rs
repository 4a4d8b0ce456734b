//! `ceknik publish`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::support::home::{DATASET, TestHome, definition, list, nik};

const NOW: &str = "2026-11-22T08:00:00Z";

/// Every file below a directory, with its bytes.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).into_iter().flatten().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.insert(entry.path(), fs::read(entry.path()).unwrap());
        }
    }
    found
}

#[test]
fn dry_run_shows_all_and_writes_nothing() {
    let home = TestHome::with_list(0..50);
    home.publish_at("2026-11-21T08:00:00Z");
    // Twelve of one district, four of another; one is withdrawn, one changed.
    let mut more = list(100..112);
    for number in 200..204 {
        more.push_str(&format!("{},dk,ms,2024-08-15\n", nik(number).replacen("317101", "327301", 1)));
    }
    let changed = list([7]).replace(",ms,", ",tms,");
    home.import(more + changed.split_once('\n').unwrap().1);
    home.command("withdraw").arg(DATASET).stdin(nik(3)).done();
    let before = files(&home.public());

    let ran = home.command("publish").args([DATASET, "--dry-run", "--now", NOW]).done();
    let (manifest, rest) = ran.stdout.split_once("\n\n").unwrap();
    let shown: Value = serde_json::from_str(manifest).unwrap();
    assert_eq!((&shown["epoch"], &shown["published_at"]), (&json!(2), &json!(NOW)));
    let odds = shown["disclosure"]["epoch_odds_factor"].as_f64().unwrap();
    let odds_of_all = shown["disclosure"]["odds_factor"].as_f64().unwrap();
    assert!(odds > 200.0 && odds_of_all < 100.0, "{odds}, {odds_of_all}");
    let people = shown["disclosure"]["people_per_bucket"].as_u64().unwrap();
    let expected = [
        format!("Would publish epoch 2 of jakarta-2024 (generation 1), as of {NOW}, valid until 2026-11-29T08:00:00Z"),
        "  65 records: 16 added, 1 removed, 1 changed, 48 unchanged".to_owned(),
        format!("  {people} people for each bucket"),
        format!("  a hit multiplies the odds of being listed by {odds_of_all}"),
        format!("  a hit in a cell that this epoch set multiplies them by {odds} (epoch_odds_factor)"),
        "  of 16 people added, at most 75 % are of one district".to_owned(),
        "  warning: few additions that come from one area are exposed. Who knows the area's people learns much from the cells \
         that this epoch sets. Publish them together with additions from elsewhere, or begin a new generation"
            .to_owned(),
    ];
    assert_eq!(rest.lines().collect::<Vec<_>>(), expected);
    assert_eq!(files(&home.public()), before, "a dry run writes nothing");
    assert!(!home.path().join("staging").exists() || files(&home.path().join("staging")).is_empty());

    let planned = home.command("publish").args([DATASET, "--dry-run", "--now", NOW, "--json"]).done().json();
    let published = home.command("publish").args([DATASET, "--ahead-of-clock", "--now", NOW, "--json"]).done().json();
    assert_eq!((&planned["published"], &published["published"]), (&json!(false), &json!(true)));
    assert_eq!(published["most_additions_from_one_district"], 12);
    for field in
        ["epoch", "generation", "records", "added", "removed", "changed", "unchanged", "epoch_odds_factor", "manifest"]
    {
        assert_eq!(planned[field], published[field], "{field}");
    }
    // What was shown is what was published, byte for byte.
    assert_eq!(fs::read_to_string(home.epoch_dir(2).join("manifest")).unwrap().trim_end(), manifest);
    assert_ne!(files(&home.public()), before);
}

#[test]
fn the_same_store_keys_and_time_give_the_same_bytes() {
    let home = TestHome::with_list(0..50);
    let copy = home.copy();
    home.publish_at(NOW);
    copy.publish_at(NOW);
    let relative = |home: &TestHome| -> BTreeMap<PathBuf, Vec<u8>> {
        let public = home.public();
        let files = files(&public).into_iter();
        files.map(|(path, bytes)| (path.strip_prefix(&public).unwrap().to_owned(), bytes)).collect()
    };
    assert_eq!(relative(&home), relative(&copy));
}

#[test]
fn times_that_cannot_be() {
    let home = TestHome::with_list(0..50);
    home.publish_at(NOW);
    let told = home.command("publish").args([DATASET, "--ahead-of-clock", "--now", NOW]).refused();
    assert_eq!(
        told,
        format!("the time {NOW} is not after {NOW}, when epoch 1 was published: check the clock, or --now")
    );
    // A year mistyped would end the dataset: nothing before it could be published any more.
    let future = "2199-11-22T08:00:00Z";
    let told = home.command("publish").args([DATASET, "--now", future]).refused();
    assert!(
        told.starts_with(&format!("the time {future} is more than 5 minutes ahead of this machine's clock, 20"))
            && told.ends_with("Correct --now or the clock; --dry-run shows what would be published"),
        "{told}"
    );
    assert!(!home.epoch_dir(2).exists());
    let shown = home.command("publish").args([DATASET, "--dry-run", "--now", future]).done().stdout;
    assert!(shown.contains(&format!("Would publish epoch 2 of {DATASET} (generation 1), as of {future}")), "{shown}");
    let ran = home.command("publish").args([DATASET, "--now", "yesterday"]).run();
    assert_eq!(ran.code(), 2);
    assert!(ran.stderr.contains("not a time of the form 2026-11-22T08:00:00Z"), "{ran:?}");
}

/// A backup tool reads the store for long. Until the checkpoint an operation has not ended, and the same command goes on with
/// it; afterwards it is done, whatever was left.
#[test]
fn beside_a_long_reader() {
    let home = TestHome::with_dataset();
    let reader = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let reader = Connection::open_with_flags(home.path().join("store.sqlite"), flags).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM record;").unwrap();
        reader
    };
    let busy = "another program has the record store locked: close it and run the same command again";

    let reading = reader();
    assert_eq!(home.import_command(list(0..50)).refused(), busy);
    drop(reading);
    let summary = home.import_command(list(0..50)).arg("--json").done().json();
    assert_eq!((&summary["import"], &summary["resumed_at"], &summary["left"]), (&json!(1), &json!(50), &json!([])));

    let reading = reader();
    // What there is to bring into the file.
    home.command("dataset update").arg(home.beside("definition.toml")).done();
    assert_eq!(home.command("publish").arg(DATASET).refused(), busy);
    drop(reading);
    let finished = home.publish().stdout;
    assert!(finished.starts_with("An interrupted publication was finished: epoch 1 of "), "{finished}");
    assert!(!home.epoch_dir(2).exists());

    // Another dataset's publication finishes it too, and says so.
    home.create_dataset(&definition("bandung-2024", ""));
    let reading = reader();
    home.command("dataset update").arg(home.beside("definition.toml")).done();
    assert_eq!(home.command("publish").args(["bandung-2024", "--despite-empty"]).refused(), busy);
    drop(reading);
    let ran = home.command("publish").args([DATASET, "--json"]).done();
    let told = "ceknik: an interrupted publication was finished first: epoch 1 of bandung-2024, as of ";
    assert!(ran.stderr.starts_with(told), "{ran:?}");
    assert_eq!(
        (&ran.json()["dataset"], &ran.json()["epoch"], &ran.json()["finished_first"]),
        (&json!(DATASET), &json!(2), &json!({"dataset": "bandung-2024", "epoch": 1}))
    );

    let reading = reader();
    let said = home.command("withdraw").arg(DATASET).stdin(nik(1)).done().stdout;
    assert_eq!(
        said,
        "1 person withdrawn, who is gone from the next epoch on.\n  warning: another program reads the record store, so that what \
         was removed lingers in store.sqlite-wal: the next command empties it\n"
    );
    drop(reading);
}

/// A generation takes so many and no more, and what a new one would tell is said before it is begun.
#[test]
fn over_capacity() {
    let home = TestHome::with_dataset();
    let said = home.import(list(0..1001)).stdout;
    let warning = "  people ever added: 1001, of a capacity of 1000\n  warning: that is over the capacity, and nothing more can be \
                   published in this generation. `ceknik publish` says what can be done\n";
    assert!(said.ends_with(warning), "{said}");
    let told = home.command("publish").arg(DATASET).refused();
    assert_eq!(
        told,
        "1001 people were added to generation 1, whose capacity is 1000. Nothing of it was published yet: `ceknik dataset \
         new-generation jakarta-2024 FILE --erase-unpublished`, FILE being a definition with a larger capacity, puts another in its \
         place; then import the whole list again"
    );
    let dry = home.command("publish").args([DATASET, "--dry-run"]).refused();
    assert_eq!(dry, told);
    assert!(!home.epoch_dir(1).exists());
    // What it says works.
    let wider = home.path().join("wider.toml");
    std::fs::write(&wider, definition(DATASET, "").replace("capacity = 1000", "capacity = 1100")).unwrap();
    let new_generation =
        home.command("dataset new-generation").args([DATASET, "--weak-stretch", "--erase-unpublished"]);
    new_generation.arg(&wider).done();
    home.import(list(0..1001));
    home.publish();
    home.import(list(1001..1101));
    let begin = "1101 people were added to generation 2, whose capacity is 1100. Begin a new generation with `ceknik dataset \
                 new-generation jakarta-2024 FILE`, FILE being a definition with a larger capacity, and import the whole list into \
                 it. Know before you do: whoever kept this generation's filter and has everybody's NIK can intersect the two; a hit \
                 in both leaves ";
    let told = home.command("publish").arg(DATASET).refused();
    assert!(told.starts_with(begin), "{told}");
}

#[test]
fn a_list_without_anybody() {
    let home = TestHome::with_dataset();
    let told = home.command("publish").arg(DATASET).refused();
    assert_eq!(
        told,
        "nobody is on jakarta-2024, and everybody who checks would be told that he is not listed: import a list first, with `ceknik \
         import jakarta-2024 FILE`; --despite-empty publishes an empty list"
    );
    let warning = "  warning: nobody is on the list, and everybody is told that he is not listed";
    let dry = home.command("publish").args([DATASET, "--dry-run"]).done().stdout;
    assert!(dry.contains(&format!("{warning}. `ceknik publish` refuses it\n")), "{dry}");
    let said = home.command("publish").args([DATASET, "--despite-empty"]).done().stdout;
    assert!(said.contains(&format!("{warning}\n")), "{said}");
    // A renewal of it needs no word.
    home.publish();
}

#[test]
fn many_taken_off_are_told() {
    let home = TestHome::with_list(0..12);
    home.publish();
    let withdraw = |people: std::ops::Range<u32>| {
        home.command("withdraw").arg(DATASET).stdin(people.map(nik).collect::<Vec<_>>().join("\n")).done();
    };
    withdraw(0..3);
    assert!(!home.publish().stdout.contains("are taken off"));
    withdraw(3..6);
    let warning = "  warning: 3 of the 9 people of the epoch before are taken off. If that is not meant, import the whole list again";
    let dry = home.command("publish").args([DATASET, "--dry-run"]).done().stdout;
    assert!(dry.contains(&format!("{warning} first\n")), "{dry}");
    let said = home.publish().stdout;
    assert!(said.contains(&format!("{warning} and publish once more\n")), "{said}");
}
