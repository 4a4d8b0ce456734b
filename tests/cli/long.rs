//! A publisher's list of 20,000 rows at the full cost of the stretch: real district codes, every kind of bad row, two kills.
//!
//! Minutes long, and so no part of a plain `cargo test`: `cargo test -p ceknik-cli --test long` runs it, as `make test` does.

#![allow(clippy::unwrap_used, reason = "a failure is to be seen where it happens")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use ceknik_issuer::{RowReason, UNFIT_CODES};
use serde_json::{Value, json};
use support::citizen::Citizen;
use support::home::TestHome;
use support::sample::{Sample, outsiders, sample_definition};
use support::service::Ceknikd;

const DATASET: &str = "contoh-20000";
const ROWS: u64 = 20_000;
/// Memory of a stretch, in KiB.
const STRETCH_KIB: u64 = 19_456;
/// What an import may take beside the memory of its stretches, in KiB: 200 MB.
const BESIDE_KIB: u64 = 200_000_000 / 1024;
/// The seconds of work that an interruption may cost. A chunk of rows is two.
const LOST_SECONDS: f64 = 6.0;

/// A run of `ceknik import`.
struct Run {
    status: ExitStatus,
    stdout: String,
    /// The largest resident set, in KiB.
    peak_kib: u64,
    /// Rows done, and done a second, as it last said.
    told: Option<(u64, f64)>,
    took: Duration,
}

/// Rows done and rate of a line such as "5000 of 20000 rows: 101 a second, 2 minutes left".
fn progress(line: &str) -> Option<(u64, f64)> {
    let (done, rest) = line.split_once(" of 20000 rows: ")?;
    let (rate, _) = rest.split_once(" a second, ")?;
    Some((done.parse().ok()?, rate.parse().ok()?))
}

fn peak_kib(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Runs an import to its end, or kills it when it first tells how far it is.
fn import(home: &TestHome, list: &Sample, kill: bool) -> Run {
    let begun = Instant::now();
    let mut command = home.command("import").arg(DATASET).arg(&list.path).arg("--json").into_command();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = stderr_lines(&mut child);
    let (mut peak, mut told) = (0, None);
    loop {
        peak = peak_kib(&child).unwrap_or(0).max(peak);
        match lines.recv_timeout(Duration::from_millis(20)) {
            Ok(line) => {
                println!("  {line}");
                told = progress(&line).or(told);
                if kill && told.is_some() {
                    child.kill().unwrap();
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    Run { status: child.wait().unwrap(), stdout, peak_kib: peak, told, took: begun.elapsed() }
}

fn stderr_lines(child: &mut Child) -> Receiver<String> {
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

#[test]
fn twenty_thousand_rows_at_full_cost() {
    let home = TestHome::new();
    let list = Sample::write(&home.beside("list.csv"), ROWS, 20);
    let keys = "population = 240000\ncapacity = 22000\nevaluations_per_day = 1000000";
    let file = home.write("contoh-20000.toml", sample_definition(DATASET, keys));
    home.command("dataset create").arg(file).done();
    println!("{} good rows of {} people, {} to be refused", list.good_rows, list.people, ROWS - list.good_rows);

    let runs = [true, true, false].map(|kill| import(&home, &list, kill));
    let [first, second, last] = &runs;
    assert!(last.status.success(), "{}", last.stdout);
    let summary: Value = serde_json::from_str(&last.stdout).unwrap();
    each_went_on_where_the_one_before_was_killed([first, second], &summary);
    counts_are_those_of_the_list(&summary, &list);
    let cores = thread::available_parallelism().unwrap().get() as u64;
    let peak = runs.iter().map(|run| run.peak_kib).max().unwrap();
    let took: f64 = runs.iter().map(|run| run.took.as_secs_f64()).sum();
    println!(
        "import: {took:.0} s, {:.0} rows a second on {cores} cores, {} MB at most",
        ROWS as f64 / took,
        peak / 1000
    );
    assert!(peak > cores * STRETCH_KIB, "the largest resident set was not seen");
    assert!(peak <= cores * STRETCH_KIB + BESIDE_KIB, "{peak} KiB");

    let begun = Instant::now();
    let published = home.command("publish").args([DATASET, "--json"]).done().json();
    println!("publish: {:.1} s", begun.elapsed().as_secs_f64());
    assert_eq!((&published["records"], &published["added"]), (&json!(list.people), &json!(list.people)));
    assert_eq!(published["manifest"]["stretch"]["weak"], false);
    assert!(published["manifest"]["disclosure"]["people_per_bucket"].as_u64() >= Some(1158));

    let service = Ceknikd::start(&home);
    let citizen = Citizen::new(&service.url(), DATASET, Some(&home.policy()));
    let some: Vec<_> = list.supporters.iter().step_by(list.supporters.len() / 50).take(50).collect();
    let niks: Vec<_> = some.iter().map(|supporter| &supporter.nik).collect();
    for (seen, supporter) in citizen.check(&niks, &[]).iter().zip(&some) {
        assert_eq!((seen.answer(), seen.local()), ("listed", "hit"));
        assert_eq!(*seen.supports(), supporter.supports);
    }
    let seen = citizen.check(&outsiders(100), &["--confirm-all"]);
    assert!(seen.iter().all(|seen| seen.answer() == "not_listed"));
    let hits = seen.iter().filter(|seen| seen.local() == "hit").count();
    println!("50 of the list are on it; 100 others are not, of whom the filter hits {hits}");
}

fn each_went_on_where_the_one_before_was_killed(killed: [&Run; 2], summary: &Value) {
    for run in killed {
        assert_eq!((run.status.code(), run.stdout.as_str()), (None, ""), "it was to be killed at work");
    }
    let [(first, _), (second, rate)] = killed.map(|run| run.told.unwrap());
    let resumed = summary["resumed_at"].as_u64().unwrap();
    println!("killed after {first} and {second} rows; went on after {resumed}");
    assert!(0 < first && first < second && second < ROWS);
    assert!(resumed as f64 >= second as f64 - LOST_SECONDS * rate);
}

/// Nothing is lost over the interruptions, nothing counted twice, and every bad row is refused for its reason.
fn counts_are_those_of_the_list(summary: &Value, list: &Sample) {
    let counters = &summary["counters"];
    assert_eq!(counters["rows"], ROWS);
    assert_eq!(counters["refused"], json!(list.refused));
    // All that there are for rows; those of records cannot occur with a sample's three candidates.
    let codes: BTreeSet<_> = counters["refused"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(codes, BTreeSet::from(RowReason::CODES));
    assert!(UNFIT_CODES.iter().all(|code| !codes.contains(code)));
    assert_eq!(counters["added"], list.supports);
    assert_eq!(counters["people_added"], list.people);
    let again = ["changed", "unchanged", "repeated"].map(|count| counters[count].as_u64().unwrap());
    assert_eq!(again.iter().sum::<u64>(), list.good_rows - list.supports);
    assert_eq!((&again[0], &summary["records"]), (&0, &json!(list.people)));
    let report = fs::read_to_string(summary["report"].as_str().unwrap()).unwrap();
    assert_eq!(csv::Reader::from_reader(report.as_bytes()).records().count() as u64, ROWS - list.good_rows);
    println!("refused, as many as were mixed in: {}", counters["refused"]);
}
