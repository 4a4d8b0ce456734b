//! Imports that are killed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ceknik_core::filter::Cell;
use ceknik_core::manifest::Id;
use ceknik_core::record::Locator;
use ceknik_issuer::{Home, ImportPhase, StoreError};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use rusqlite::{Connection, OptionalExtension};
use serde_json::Value;

use super::child::{Task, Work};
use super::killer::{self, Course, Moment, Tally};
use super::published;
use super::support::home::{DATASET, TestHome, nik};

/// Kills of a process that tells its phases, and of the command.
const TOLD: usize = 42;
const COMMANDS: usize = 8;
/// Kills aimed at each phase: half of them at its beginning, half somewhere in it.
const AT_EACH_PHASE: usize = 4;
const CHUNK_ROWS: u64 = 150;
const HEADER: &str = "NIK,Kandidat,Status\n";
const FIRST_EPOCH: &str = "2026-11-20T08:00:00Z";
const SECOND_EPOCH: &str = "2026-11-21T08:00:00Z";

/// A definition with room for the longer list.
pub(super) const DEFINITION: &str = r#"
id = "jakarta-2024"
population = 400000
payload_bytes = 192

[stretch]
weak = true

[title]
id = "Daftar"
en = "List"

[coverage]
id = "Kota"
en = "City"

[candidates.dk]
id = "Pasangan D-K"
en = "Pair D-K"

[candidates.pw]
id = "Pasangan P-W"
en = "Pair P-W"

[statuses.ms]
id = "Memenuhi syarat"
en = "Eligible"

[statuses.tms]
id = "Tidak memenuhi syarat"
en = "Not eligible"
"#;

/// A list of people of one candidate and status.
pub(super) fn plain_list(numbers: impl IntoIterator<Item = u32>) -> String {
    let mut text = HEADER.to_owned();
    numbers.into_iter().for_each(|number| text.push_str(&format!("{},dk,ms\n", nik(number))));
    text
}

/// A row of a list.
#[derive(Clone, Copy)]
enum Row {
    Support { number: u32, candidate: &'static str, status: &'static str },
    Bad,
}

/// A list, row by row.
struct List(Vec<Row>);

impl List {
    /// People before, people who are new, a second candidate, repeats, repeats that say otherwise, refused rows. Those below
    /// `first` are in no row of it, so that a snapshot withdraws them.
    fn new(first: u32, people: u32, rng: &mut ChaCha20Rng) -> Self {
        let support = |number, candidate, status| Row::Support { number, candidate, status };
        let mut rows: Vec<Row> = (first..first + people).map(|number| support(number, "dk", "ms")).collect();
        rows.extend((first..first + people / 8).map(|number| support(number, "pw", "ms")));
        rows.extend((first..first + people / 16).map(|number| support(number, "dk", "ms")));
        rows.extend((first + 20..first + 20 + people / 32).map(|number| support(number, "dk", "tms")));
        rows.extend((0..people / 50).map(|_| Row::Bad));
        rows.shuffle(rng);
        Self(rows)
    }

    fn text(&self) -> String {
        let mut text = HEADER.to_owned();
        for row in &self.0 {
            text.push_str(&match row {
                Row::Support { number, candidate, status } => format!("{},{candidate},{status}\n", nik(*number)),
                Row::Bad => "31710,dk,ms\n".to_owned(),
            });
        }
        text
    }

    /// What the first rows must have done to a store that had `before` people of candidate dk and status ms.
    fn counts(&self, rows: u64, before: std::ops::Range<u32>) -> Counts {
        let mut counts = Counts { rows, ..Counts::default() };
        let mut people: BTreeSet<u32> = before.clone().collect();
        let mut stored: BTreeMap<(u32, &str), &str> = before.map(|number| ((number, "dk"), "ms")).collect();
        let mut seen = BTreeSet::new();
        for row in self.0.iter().take(usize::try_from(rows).unwrap()) {
            let Row::Support { number, candidate, status } = *row else {
                counts.refused += 1;
                continue;
            };
            let old = stored.insert((number, candidate), status);
            if !seen.insert((number, candidate)) {
                counts.repeated += 1;
            } else if old.is_none() {
                counts.added += 1;
            } else if old == Some(status) {
                counts.unchanged += 1;
            } else {
                counts.changed += 1;
            }
            if people.insert(number) {
                counts.people_added += 1;
            }
        }
        counts
    }
}

/// What is counted, as the store has it and as it must be.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    rows: u64,
    refused: u64,
    added: u64,
    changed: u64,
    unchanged: u64,
    repeated: u64,
    people_added: u64,
}

impl Counts {
    fn of(counters: &Value) -> Self {
        let count = |name: &str| counters[name].as_u64().unwrap();
        Self {
            rows: count("rows"),
            refused: counters["refused"].as_object().unwrap().values().map(|rows| rows.as_u64().unwrap()).sum(),
            added: count("added"),
            changed: count("changed"),
            unchanged: count("unchanged"),
            repeated: count("repeated"),
            people_added: count("people_added"),
        }
    }
}

/// What an epoch is made of.
#[derive(PartialEq)]
struct Content {
    records: BTreeMap<[u8; 16], Vec<u8>>,
    cells: Vec<u64>,
    members: u64,
    withdrawn: u64,
}

fn content(home: &TestHome) -> Content {
    let home = Home::open(&home.path()).unwrap();
    let store = home.open_store().unwrap();
    let cipher = store.cipher(&home.keys().store_key(None).unwrap()).unwrap();
    let generation = store.newest_generation(&Id::new(DATASET).unwrap()).unwrap();
    let mut records = BTreeMap::new();
    let each = |locator: Locator, sealed: &[u8]| {
        assert!(records.insert(*locator.expose_bytes(), sealed.to_vec()).is_none());
        Ok::<_, StoreError>(())
    };
    store.for_each_record(&generation, each).unwrap();
    let mut cells = Vec::new();
    store.for_each_cell(&generation, &cipher, false, |cell: Cell| cells.push(cell.expose_number())).unwrap();
    cells.sort_unstable();
    let withdrawn = store.record_counts(&generation).unwrap().withdrawn;
    Content { records, cells, members: store.members(&generation).unwrap().ever(), withdrawn }
}

/// How far the second import, the one that is killed, has come.
struct Progress {
    state: String,
    counters: Value,
}

/// Opens the store as a command would, which also brings in what a killed process left in the write-ahead log, and looks.
fn progress(home: &TestHome) -> Option<Progress> {
    drop(Home::open(&home.path()).unwrap().open_store().unwrap());
    let store = Connection::open(home.path().join("store.sqlite")).unwrap();
    let check: String = store.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    let sql = "SELECT state, rows_done, counters FROM import WHERE id = 2";
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let (state, rows_done, counters): (String, u64, String) = store.query_row(sql, [], row).optional().unwrap()?;
    let counters: Value = serde_json::from_str(&counters).unwrap();
    assert_eq!(counters["rows"].as_u64().unwrap(), rows_done);
    Some(Progress { state, counters })
}

/// A home whose list is imported again and again, each time from the same start, and how that ends when nobody kills it.
struct Scene {
    start: TestHome,
    list: List,
    file: PathBuf,
    /// People in the first epoch; the list leaves out those below `list_from`.
    before: std::ops::Range<u32>,
    whole: Whole,
}

/// What is to come out.
struct Whole {
    counters: Value,
    content: Content,
    report: Vec<u8>,
    public: BTreeMap<String, Vec<u8>>,
}

impl Scene {
    fn new(before: std::ops::Range<u32>, list_from: u32, people: u32, rng: &mut ChaCha20Rng) -> (Self, Duration) {
        let start = TestHome::new();
        start.create_dataset(DEFINITION);
        start.import(plain_list(before.clone()));
        start.publish_at(FIRST_EPOCH);
        let list = List::new(list_from, people, rng);
        let file = start.write("list-to-be-killed-over.csv", list.text());
        let first = published::verify(&start, None);
        let uninterrupted = start.copy();
        let begun = Instant::now();
        import_command(&uninterrupted, &file).done();
        let took = begun.elapsed();
        let whole = Whole::of(&uninterrupted);
        assert_eq!(published::verify(&uninterrupted, Some(&first)).current, 2);
        assert_eq!(Counts::of(&whole.counters), list.counts(list.0.len() as u64, before.clone()));
        let withdrawn = u64::from(list_from - before.start);
        assert_eq!(
            (whole.content.withdrawn, whole.counters["people_withdrawn"].as_u64()),
            (withdrawn, Some(withdrawn))
        );
        (Self { start, list, file, before, whole }, took)
    }

    fn task(&self, home: &TestHome) -> Task {
        let chunk_rows = NonZeroU64::new(CHUNK_ROWS).unwrap();
        Task { home: home.path(), work: Work::Import { list: self.file.clone(), chunk_rows }, hold: None }
    }

    /// Right after a kill: the store opens and holds what the rows done must have given, each counted once, and what is
    /// published is what it was.
    fn check(&self, home: &TestHome) -> Option<Progress> {
        let progress = progress(home);
        let counters = progress.as_ref().map(|progress| &progress.counters);
        let counted = counters.map(Counts::of).unwrap_or_default();
        assert_eq!(counted, self.list.counts(counted.rows, self.before.clone()));
        let content = content(home);
        let before = u64::from(self.before.end - self.before.start);
        assert_eq!(content.members, before + counted.people_added);
        assert_eq!(content.cells.len() as u64, content.members);
        let withdrawn = counters.map_or(0, |counters| counters["people_withdrawn"].as_u64().unwrap());
        assert_eq!((content.withdrawn, content.records.len() as u64), (withdrawn, content.members - withdrawn));
        assert!(published::files(&home.public()) == published::files(&self.start.public()));
        progress
    }

    /// Runs the same import again, unless it has ended, and publishes: all as if nobody had killed it.
    fn finish(&self, home: &TestHome, ended: bool) {
        if !ended {
            import_command(home, &self.file).done();
        }
        let whole = Whole::of(home);
        assert_eq!(whole.counters, self.whole.counters);
        assert!(whole.content == self.whole.content);
        assert!(whole.report == self.whole.report);
        assert!(whole.public == self.whole.public);
    }
}

impl Whole {
    fn of(home: &TestHome) -> Self {
        let progress = progress(home).unwrap();
        assert_eq!(progress.state, "ended");
        let content = content(home);
        let report = fs::read(home.path().join(format!("reports/{DATASET}-import-2.csv"))).unwrap();
        home.publish_at(SECOND_EPOCH);
        Self { counters: progress.counters, content, report, public: published::files(&home.public()) }
    }
}

fn import_command(home: &TestHome, list: &PathBuf) -> super::support::command::Ceknik {
    home.command("import").args(["--snapshot", "--despite-refused", "--despite-missing", DATASET]).arg(list)
}

/// Moments in every phase, then moments anywhere.
fn moments(course: &Course, rng: &mut ChaCha20Rng) -> Vec<Moment> {
    let mut moments = Vec::new();
    for phase in ImportPhase::ALL.map(ImportPhase::name) {
        for turn in 0..AT_EACH_PHASE {
            let nth = rng.gen_range(1..=course.beginnings[phase]);
            moments.push(match turn % 2 {
                0 => Moment::AtBeginning { phase, nth },
                _ => Moment::After { phase, nth, wait: Duration::from_micros(rng.gen_range(0..1500)) },
            });
        }
    }
    while moments.len() < TOLD {
        moments.push(Moment::Anywhere { wait: course.took.mul_f64(rng.gen_range(0.0..0.9)) });
    }
    moments.shuffle(rng);
    moments
}

#[test]
fn an_import_survives_fifty_kills() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let mut tally = Tally::new("import", ImportPhase::ALL.map(ImportPhase::name));
    let (scene, _) = Scene::new(0..400, 150, 1200, &mut rng);
    let course = killer::let_live(&scene.task(&scene.start.copy()));
    for moment in moments(&course, &mut rng) {
        let home = scene.start.copy();
        let death = killer::kill(scene.task(&home), &moment, rng.gen_range(0.0..1.0));
        tally.count(death.phase.as_deref());
        let progress = scene.check(&home);
        scene.finish(&home, progress.is_some_and(|progress| progress.state == "ended"));
    }
    kill_the_command(&mut tally, &mut rng);
    tally.print();
    for phase in ImportPhase::ALL.map(ImportPhase::name) {
        assert!(tally.of(phase) >= 2, "{phase} was hit {} times", tally.of(phase));
    }
    assert_eq!(tally.all() as usize, TOLD + COMMANDS);
    assert!(tally.inside() >= 40);
}

/// Kills `ceknik import` again and again over one list, which is long enough for several chunks.
fn kill_the_command(tally: &mut Tally, rng: &mut ChaCha20Rng) {
    let (scene, took) = Scene::new(0..200, 100, 16_000, rng);
    let mut home = scene.start.copy();
    let mut rows_done = 0;
    for _ in 0..COMMANDS {
        // Whoever comes second finds this text; it tells that the command was at work.
        fs::write(home.path().join("home.lock"), "").unwrap();
        let command = import_command(&home, &scene.file).into_command();
        let killed = killer::kill_command(command, took.mul_f64(rng.gen_range(0.1..0.7)));
        let working = killed && !fs::read(home.path().join("home.lock")).unwrap().is_empty();
        let progress = scene.check(&home);
        let state = progress.as_ref().map_or("scan", |progress| progress.state.as_str());
        let place = format!("ceknik import, its state: {state}");
        tally.count((working && state != "ended").then_some(&place));
        let rows = progress.as_ref().map_or(0, |progress| Counts::of(&progress.counters).rows);
        assert!(rows >= rows_done, "rows that were done are done");
        rows_done = rows;
        if state == "ended" {
            scene.finish(&home, true);
            (home, rows_done) = (scene.start.copy(), 0);
        }
    }
    scene.finish(&home, progress(&home).is_some_and(|progress| progress.state == "ended"));
}
