//! What is planted on purpose, one thing in each place, to see that the sweep looks there.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rusqlite::Connection;
use tokio::runtime::Runtime;

use super::forms::{self, Form, RAW};
use super::searcher::{Hit, Kind, Place, Searcher, Secret, canary};
use super::stage::Stage;
use super::wire::{self, Wire};
use super::{tables, watch};

/// Canaries by number: those that are there for a moment while the story goes on.
const ARGUMENT: usize = 0;
const VARIABLE: usize = 1;
const REMOVED: usize = 2;
const BRIEF: usize = 3;
const OUTPUT: usize = 4;
const ERROR_OUTPUT: usize = 5;
/// Those of the wires, of the tables, of the files.
const TO_SERVICE: usize = 10;
const FROM_SERVICE: usize = 11;
const TABLES: usize = 20;
const FILES: usize = 40;
/// More files than there are.
const MOST: usize = 600;

pub(crate) fn secrets() -> Vec<Secret> {
    (0..MOST).map(Secret::canary).collect()
}

/// The canaries that live only while processes run.
pub(crate) fn live() -> Vec<Secret> {
    (0..TO_SERVICE).map(Secret::canary).collect()
}

fn hit(number: usize, place: &Place) -> impl Fn(&Hit) -> bool {
    let (name, place) = (Secret::canary(number).name, place.clone());
    move |hit| hit.kind == Kind::Canary && hit.name == name && hit.place == place
}

#[track_caller]
fn assert_found(hits: &BTreeSet<Hit>, number: usize, place: &Place) {
    assert!(hits.iter().any(hit(number, place)), "the canary in {place} was not found");
}

/// Processes that do what none of ours may.
pub(crate) fn plant_live(stage: &mut Stage) {
    let shell = |stage: &Stage, script: &str| {
        let mut command: Command = stage.program("/bin/sh");
        command.args(["-c", script, "sh"]);
        command
    };
    let mut command = shell(stage, "sleep 0.3");
    command.arg(canary(ARGUMENT)).env("CANARY", canary(VARIABLE));
    stage.done("canary-arguments", command, "");
    let command = shell(stage, "exec 3> \"$TMPDIR/removed\"; rm \"$TMPDIR/removed\"; cat >&3; sleep 0.3");
    stage.done("canary-removed", command, &canary(REMOVED));
    let command = shell(stage, "cat > \"$TMPDIR/brief\"; sleep 0.3; rm \"$TMPDIR/brief\"");
    stage.done("canary-brief", command, &canary(BRIEF));
    let command = shell(stage, "read one; read two; echo \"$one\"; echo \"$two\" >&2");
    stage.done("canary-output", command, &format!("{}\n{}\n", canary(OUTPUT), canary(ERROR_OUTPUT)));
}

/// Whether it is what those processes said, which lies among what all said.
pub(crate) fn is_live_output(hit: &Hit) -> bool {
    matches!(&hit.place, Place::File(path) if hit.kind == Kind::Canary && path.contains("canary-output"))
}

/// Asserts that they were found; gives what else was.
pub(crate) fn take_live(mut hits: BTreeSet<Hit>) -> BTreeSet<Hit> {
    assert_found(&hits, ARGUMENT, &Place::Arguments);
    assert_found(&hits, VARIABLE, &Place::Environment);
    assert_found(&hits, REMOVED, &Place::Unnamed("tmp/removed".to_owned()));
    assert_found(&hits, BRIEF, &Place::File("tmp/brief".to_owned()));
    for (number, end) in [(OUTPUT, "out"), (ERROR_OUTPUT, "err")] {
        let name = Secret::canary(number).name;
        let in_output = |hit: &Hit| match &hit.place {
            Place::File(path) => hit.name == name && path.ends_with(&format!("canary-output.{end}")),
            _ => false,
        };
        assert!(hits.iter().any(in_output), "the canary in standard output or error was not found");
    }
    hits.retain(|hit| hit.kind != Kind::Canary);
    hits
}

/// Plants in everything that the story left, in a copy, one canary a file in ever another form, and one a table; then
/// something of each kind where it does not belong. Each is to be found where it is.
pub(crate) fn assert_files_and_tables_are_searched(stage: &Stage, searcher: &Searcher, secrets: &[Secret]) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("copy");
    assert!(Command::new("cp").arg("-a").arg(stage.root()).arg(&root).status().unwrap().success());
    let files = watch::files(&root);
    assert!(FILES + files.len() < MOST, "{} files", files.len());
    for (number, path) in (FILES..).zip(&files) {
        let forms = forms::of_nik(&canary(number));
        let (_, form): &Form = &forms[number % forms.len()];
        plant(path, form);
    }
    let mut hits = BTreeSet::new();
    watch::sweep(&root, searcher, &mut hits);
    for (number, path) in (FILES..).zip(&files) {
        let place = watch::place(&root, path);
        assert_found(&hits, number, &place);
        assert!(hits.iter().all(|found| found.name != Secret::canary(number).name || found.place == place));
    }
    let kinds: BTreeSet<_> = files.iter().map(|path| kind(&root, path)).collect();
    for kind_of_file in [
        "home/store.sqlite",
        "home/home.lock",
        "home/reports",
        "home/keys",
        "home/public/log",
        "home/public/datasets",
        "home/public/policy",
        "state/budget",
        "state/gzip",
        "said/out",
        "said/err",
        "said/metrics",
        "user/.cache",
        "crash/wal",
    ] {
        assert!(kinds.contains(kind_of_file), "no {kind_of_file} among {kinds:?}");
    }

    // One of each kind, in a log; a locator in the table that is published, where it is at home but not in hex.
    let log = files.iter().find(|path| path.extension().is_some_and(|end| end == "err")).unwrap();
    let table = files.iter().find(|path| path.ends_with("buckets")).unwrap();
    let kinds = [Kind::Nik, Kind::Text, Kind::Derived, Kind::Locator, Kind::Cells, Kind::Blinded, Kind::Client];
    for kind in kinds {
        append(log, first(secrets, kind, RAW));
    }
    append(table, first(secrets, Kind::Locator, "hex"));
    let mut hits = BTreeSet::new();
    watch::sweep(&root, searcher, &mut hits);
    let places = kinds.map(|kind| (kind, log)).into_iter().chain([(Kind::Locator, table)]);
    for (kind, path) in places {
        let place = watch::place(&root, path);
        assert!(hits.iter().any(|hit| hit.kind == kind && hit.place == place), "{kind:?} was not found in {place}");
    }
    assert_tables_are_searched(&stage.path("home/store.sqlite"), dir.path(), searcher, secrets);
}

/// A form of the first secret of a kind; its first form where it has none of that name.
pub(crate) fn first<'a>(secrets: &'a [Secret], kind: Kind, form: &str) -> &'a [u8] {
    let secret = secrets.iter().find(|secret| secret.kind == kind).unwrap();
    let found = secret.forms.iter().find(|(name, _)| name == form).or(secret.forms.first());
    &found.unwrap().1
}

/// In the middle, where there is a middle.
fn plant(path: &Path, bytes: &[u8]) {
    let mut content = fs::read(path).unwrap();
    let middle = content.len() / 2;
    content.splice(middle..middle, bytes.iter().copied());
    File::create(path).unwrap().write_all(&content).unwrap();
}

/// At the end, so that what was planted before stays whole.
fn append(path: &Path, bytes: &[u8]) {
    File::options().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

/// Where a file belongs: the first directories of its path, or what it says.
fn kind(root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).unwrap();
    let mut parts: Vec<String> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if parts[0] == "said" {
        return format!("said/{}", path.extension().unwrap().display());
    }
    if parts[0] == "crash" && parts[1].ends_with("-wal") {
        return "crash/wal".to_owned();
    }
    parts.truncate(if parts[1] == "public" { 3 } else { 2 });
    parts.join("/")
}

fn assert_tables_are_searched(store: &Path, dir: &Path, searcher: &Searcher, secrets: &[Secret]) {
    let copy = tables::copy(store, dir);
    let planted = [
        ("store", "key_check", false),
        ("generation", "definition", true),
        ("candidate WHERE number = 0", "id", true),
        ("record WHERE detail IS NOT NULL", "detail", false),
        ("record WHERE sealed IS NOT NULL", "sealed", false),
        ("cells", "sealed", false),
        ("import", "counters", true),
        ("epoch", "manifest", false),
    ];
    // One after another, and each time the rest as it was.
    for (number, (table, column, text)) in (TABLES..).zip(planted) {
        let value = if text { format!("'{}'", canary(number)) } else { format!("CAST('{}' AS BLOB)", canary(number)) };
        let (table, rows) = table.split_once(' ').unwrap_or((table, ""));
        let hits = with_change(&copy, &format!("UPDATE {table} SET {column} = {value} {rows}"), searcher);
        assert_found(&hits, number, &Place::Table(table.to_owned()));
    }
    let number = TABLES + planted.len();
    let sql = format!("UPDATE addition_segment SET additions = {}", canary(number));
    assert_found(&with_change(&copy, &sql, searcher), number, &Place::Table("addition_segment".to_owned()));
    let sql = format!(
        "INSERT INTO refused (import, row, code, reason) SELECT max(id), 1, 'x', '{}' FROM import",
        canary(number + 1)
    );
    assert_found(&with_change(&copy, &sql, searcher), number + 1, &Place::Table("refused".to_owned()));
    for kind in [Kind::Locator, Kind::Cells, Kind::Derived] {
        let hex: String = first(secrets, kind, RAW).iter().map(|byte| format!("{byte:02x}")).collect();
        let hits = with_change(&copy, &format!("UPDATE cells SET sealed = x'{hex}'"), searcher);
        let in_cells = |hit: &Hit| hit.kind == kind && hit.place == Place::Table("cells".to_owned());
        assert!(hits.iter().any(in_cells), "{kind:?} was not found in the table cells");
    }
}

/// What is found while the store is changed; then it is as before.
fn with_change(store: &Connection, sql: &str, searcher: &Searcher) -> BTreeSet<Hit> {
    let mut hits = BTreeSet::new();
    store.execute_batch("BEGIN").unwrap();
    assert!(store.execute(sql, []).unwrap() > 0, "{sql}");
    tables::search(store, searcher, &mut hits);
    store.execute_batch("ROLLBACK").unwrap();
    hits
}

/// Sends canaries over a wire, both ways.
pub(crate) fn plant_on_wire(wire: &Wire, runtime: &Runtime) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let beyond = listener.local_addr().unwrap();
    let service = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 16]).unwrap();
        stream.write_all(canary(FROM_SERVICE).as_bytes()).unwrap();
    });
    wire.lead_to(beyond);
    let mut stream = TcpStream::connect(wire.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(canary(TO_SERVICE).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, canary(FROM_SERVICE));
    service.join().unwrap();
    // The proxy keeps what it passes on before it does.
    runtime.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
}

/// Asserts that what was sent over a wire was found there; gives what else was.
pub(crate) fn take_from_wire(mut hits: BTreeSet<Hit>) -> BTreeSet<Hit> {
    assert_found(&hits, TO_SERVICE, &Place::ToService);
    assert_found(&hits, FROM_SERVICE, &Place::FromService);
    hits.retain(|hit| hit.kind != Kind::Canary);
    hits
}

/// A response that is not as published is not taken out, and then a locator in it is found.
pub(crate) fn assert_altered_responses_are_searched(
    responses: &wire::BucketResponses,
    searcher: &Searcher,
    sent: &[u8],
    secrets: &[Secret],
) {
    let mut altered = sent.to_vec();
    altered.extend_from_slice(first(secrets, Kind::Locator, RAW));
    let (rest, _) = responses.taken_out(&altered);
    let mut hits = BTreeSet::new();
    searcher.search(&Place::FromService, &rest, &mut hits);
    assert!(hits.iter().any(|hit| hit.kind == Kind::Locator), "no locator found in what the service sent");
}
