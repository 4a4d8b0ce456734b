//! `ceknik demo` and `ceknik sample`, on people who do not exist, as if they did.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::forms;
use super::known::derived_from;
use super::searcher::{Hit, Kind, Place, Searcher, Secret};
use super::stage::{Stage, read};
use super::watch::{self, Watched, Watcher};

const ROWS: &str = "24";
/// The demo's.
const SEED: &str = "2024";
/// A demo that takes longer to serve never will.
const PATIENCE: Duration = Duration::from_secs(120);
/// Where NIKs are, and are to be.
const SHOWN: [&str; 2] = ["demo/list.csv", "demo/demo.json"];

fn secrets(niks: &[String]) -> Vec<Secret> {
    let secret = |(number, nik): (usize, &String)| Secret {
        kind: Kind::Nik,
        name: format!("of nobody {number}"),
        forms: forms::of_nik(nik),
    };
    niks.iter().enumerate().map(secret).collect()
}

fn is_shown(hit: &Hit) -> bool {
    let Place::File(path) = &hit.place else { return false };
    SHOWN.contains(&path.as_str()) || path.ends_with("-demo.out")
}

#[test]
fn a_demo_keeps_niks_where_it_shows_them() {
    let mut stage = Stage::new();
    let sample = stage.path("lists/sample.csv");
    let mut command = stage.ceknik(&format!("sample --rows {ROWS} --seed {SEED} --definition lists/sample.toml"));
    command.arg(&sample);
    stage.done("sample", command, "");
    let mut reader = csv::Reader::from_path(&sample).unwrap();
    let mut niks: Vec<String> = reader.records().map(|row| row.unwrap()[1].to_owned()).collect();
    assert_eq!(niks.len().to_string(), ROWS);
    let watcher = Watcher::start(stage.root(), Searcher::new(secrets(&niks)));
    assert!(stage.watch_with(watcher).is_none());

    let command = stage.ceknik(&format!("demo --rows {ROWS} --dir demo"));
    let mut demo = stage.start("demo", command, "");
    let begun = Instant::now();
    while !read(&demo.out).contains("Serving until interrupted") {
        assert!(demo.child.try_wait().unwrap().is_none() && begun.elapsed() < PATIENCE, "{}", read(&demo.err));
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut command = stage.program("/bin/sh");
    command.args(["-c", "kill -TERM \"$1\"", "sh", &demo.child.id().to_string()]);
    stage.done("stop", command, "");
    assert_eq!(stage.wait(demo).code, Some(0));
    let Watched { mut hits, strangers, .. } = stage.end_watch().unwrap().end();
    assert_eq!(strangers, BTreeSet::new(), "files outside of what TMPDIR and HOME name");

    // The same people; with the two who are not on the list, and with what follows from all of them.
    assert_eq!(read(&sample), read(&stage.path("demo/list.csv")));
    let facts: Value = serde_json::from_str(&read(&stage.path("demo/demo.json"))).unwrap();
    niks.extend(["not_listed", "false_positive"].map(|name| facts[name].as_str().unwrap().to_owned()));
    let (derived, ..) = derived_from(&stage.path("demo"), "demo", &niks);
    watch::sweep(stage.root(), &Searcher::new([secrets(&niks), derived].concat()), &mut hits);

    // What it keeps and shows is the canary.
    for shown in SHOWN.map(str::to_owned).into_iter().chain([said(&stage)]) {
        assert!(hits.iter().any(|hit| hit.place == Place::File(shown.clone())), "no NIK was found in {shown}");
    }
    hits.retain(|hit| !is_shown(hit));
    let text: String = hits.iter().map(|hit| format!("{hit}\n")).collect();
    assert!(hits.is_empty(), "{} leaks:\n{text}", hits.len());
}

/// What the demo printed, as a place.
fn said(stage: &Stage) -> String {
    let mut files = fs::read_dir(stage.path("said")).unwrap().map(|entry| entry.unwrap().file_name());
    let file = files.find(|name| name.to_string_lossy().ends_with("-demo.out")).unwrap();
    format!("said/{}", file.display())
}
