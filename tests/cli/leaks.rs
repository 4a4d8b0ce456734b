//! All of the product on known NIKs, at its most talkative and with crashes, and a sweep for what must not be anywhere.
//!
//! One story is played with the real commands and the real service: keys, import (killed, panicking, resumed), publication,
//! checks of all kinds, withdrawal, a new generation. Meanwhile and afterwards every file, temporary and removed ones
//! included, every process' arguments and environment, every output, log and metric, every table of the store and every byte
//! between clients and service is searched for the NIKs in any form, for what follows from them, and for who asked. In each
//! of these places something is planted that must be found.
//!
//! At its most talkative: `ceknikd` logs at its level `trace`. `ceknik` has no log and no levels; RUST_LOG and RUST_BACKTRACE
//! are set all the same, for whatever is in it that would heed them. The service within `ceknik demo` logs at its usual level.
//!
//! `ceknik demo` is played by itself: it shows NIKs, those of people who do not exist, as it should, and keeps their list.
//! Everywhere else there must be none of them.

#![allow(clippy::unwrap_used, reason = "a failure is to be seen where it happens")]

#[path = "leaks/canaries.rs"]
mod canaries;
#[path = "kill/child.rs"]
#[allow(dead_code, reason = "nobody reads here what it says")]
mod child;
#[path = "leaks/demo.rs"]
mod demo;
#[path = "leaks/evidence.rs"]
mod evidence;
#[path = "leaks/forms.rs"]
mod forms;
#[path = "leaks/known.rs"]
mod known;
#[path = "leaks/searcher.rs"]
mod searcher;
#[path = "leaks/stage.rs"]
mod stage;
#[path = "leaks/story.rs"]
mod story;
mod support;
#[path = "leaks/tables.rs"]
mod tables;
#[path = "leaks/watch.rs"]
mod watch;
#[path = "leaks/wire.rs"]
mod wire;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;

use known::LISTED;
use searcher::{Hit, Kind, Place, Searcher, Secret};
use stage::Stage;
use story::Served;
use watch::{Watched, Watcher};
use wire::{BucketResponses, Connection};

/// People whose rows are committed together in the import that is killed: as many as are stretched together.
const CHUNK_PEOPLE: usize = 64;

/// Started by the other test; run as one of them, it does nothing.
#[test]
fn the_process_that_is_killed() {
    child::work_if_told();
}

/// Searches everything that a story has left, and what passed over the wires.
fn sweep(stage: &Stage, searcher: &Searcher, connections: &[Connection]) -> BTreeSet<Hit> {
    let mut hits = BTreeSet::new();
    watch::sweep(stage.root(), searcher, &mut hits);
    let files = evidence::sweep(stage.root(), searcher, &mut hits);
    assert!(files >= 15, "{files} evidence files");
    // As it is now, and as the killed import left it.
    for store in ["home/store.sqlite", "crash/store.sqlite"] {
        let dir = tempfile::tempdir().unwrap();
        tables::search(&tables::copy(&stage.path(store), dir.path()), searcher, &mut hits);
    }
    let responses = BucketResponses::of(&stage.path("home/public/datasets/jakarta-2024/epochs"));
    let mut buckets = 0;
    for connection in connections {
        searcher.search(&Place::ToService, &connection.to_service, &mut hits);
        let (rest, count) = responses.taken_out(&connection.from_service);
        searcher.search(&Place::FromService, &rest, &mut hits);
        buckets += count;
    }
    assert!(buckets > 100, "{buckets} bucket responses");
    hits
}

/// What was seen of a watch beside what was planted for it.
fn end(watcher: Option<Watcher>) -> BTreeSet<Hit> {
    let Watched { hits, strangers, looks } = watcher.unwrap().end();
    assert!(looks > 100, "{looks}");
    assert_eq!(strangers, BTreeSet::new(), "files outside of what TMPDIR and HOME name");
    canaries::take_live(hits)
}

/// Where clients are.
fn clients() -> Vec<Secret> {
    let addresses = [("a connection's other end", wire::CLIENT), ("named by a proxy", story::FORWARDED_FOR)];
    let secret = |(name, address): (&str, [u8; 4])| Secret {
        kind: Kind::Client,
        name: name.to_owned(),
        forms: forms::of_address(address),
    };
    addresses.map(secret).to_vec()
}

/// The store as a killed import left it, with its write-ahead log, to be searched with the rest.
fn keep_crashed_store(stage: &Stage) {
    fs::create_dir(stage.path("crash")).unwrap();
    for end in ["", "-wal", "-shm"] {
        let copied =
            fs::copy(stage.path(&format!("home/store.sqlite{end}")), stage.path(&format!("crash/store.sqlite{end}")));
        assert!(copied.unwrap() > 0);
    }
}

#[test]
fn nothing_leaks() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut stage = Stage::new();
    let home = stage.path("home");
    let watch = |stage: &mut Stage, secrets: &[Secret]| {
        let watcher = Watcher::start(stage.root(), Searcher::new([secrets, &canaries::live()].concat()));
        stage.watch_with(watcher)
    };
    let (listed, unlisted): (Vec<usize>, Vec<usize>) = ((4..24).collect(), (LISTED + 5..LISTED + 25).collect());

    story::prepare(&mut stage);
    let mut secrets = [known::plain(), clients(), known::derived(&home)].concat();
    watch(&mut stage, &secrets);
    canaries::plant_live(&mut stage);
    story::import(&mut stage, keep_crashed_store);
    story::publish(&mut stage, &story::minute(1));
    let mut served = Served::start(&mut stage, &runtime);
    story::check(&mut stage, &mut served, &listed, &unlisted);
    served.read_metrics(&stage, "first");
    story::withdraw(&mut stage);
    story::publish(&mut stage, &story::minute(2));
    story::wait_for_epoch(&served, 2);
    story::check(&mut stage, &mut served, &listed, &unlisted);

    story::new_generation(&mut stage);
    secrets.extend(known::derived(&home));
    let mut hits = end(watch(&mut stage, &secrets));
    canaries::plant_live(&mut stage);
    story::import_anew(&mut stage);
    story::publish(&mut stage, &story::minute(3));
    story::publish(&mut stage, &story::minute(4));
    story::wait_for_epoch(&served, 4);
    story::check(&mut stage, &mut served, &listed, &unlisted);
    served.read_metrics(&stage, "last");
    story::stop(&mut stage, &mut served);
    let watcher = stage.end_watch();
    hits.append(&mut end(watcher));

    canaries::plant_on_wire(&served.wire, &runtime);
    let connections = [served.wire.recorded(), served.metrics.recorded()].concat();
    let blinded = wire::blinded(&connections);
    // How many there are depends on coins.
    assert!(blinded.len() > 500, "{} elements", blinded.len());
    secrets.extend(blinded);
    secrets.extend(canaries::secrets());
    let searcher = Searcher::new(secrets.clone());
    let mut left = sweep(&stage, &searcher, &connections);
    left.retain(|hit| !canaries::is_live_output(hit));
    hits.append(&mut canaries::take_from_wire(left));
    let text: String = hits.iter().map(|hit| format!("{hit}\n")).collect();
    assert!(hits.is_empty(), "{} leaks:\n{text}", hits.len());
    assert!(story::log(&stage).contains("\"level\":\"DEBUG\""));

    evidence::assert_searched(&searcher, 0);
    canaries::assert_files_and_tables_are_searched(&stage, &searcher, &secrets);
    let responses = BucketResponses::of(&stage.path("home/public/datasets/jakarta-2024/epochs"));
    let sent: Vec<u8> = connections.iter().flat_map(|connection| connection.from_service.clone()).collect();
    canaries::assert_altered_responses_are_searched(&responses, &searcher, &sent, &secrets);
    let bytes: usize = connections.iter().map(|seen| seen.to_service.len() + seen.from_service.len()).sum();
    let text = format!(
        "leaks: {} patterns searched for in {} files, {bytes} bytes on {} connections, and all processes: none found\n",
        searcher.patterns(),
        watch::files(stage.root()).len(),
        connections.len()
    );
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}
