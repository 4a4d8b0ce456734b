//! Imports that are killed, in every phase, and go on.

use std::fs::File;
use std::num::NonZeroU64;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use ceknik_issuer::{
    Home, ImportCounters, ImportError, ImportObserver, ImportOptions, ImportPhase, Importer, abandon_import,
};

use crate::desk::{Desk, list, nik, supporters};

/// Ends the process in the nth occurrence of a phase, without unwinding or flushing anything.
struct Killer {
    phase: String,
    left: AtomicU64,
}

impl ImportObserver for Killer {
    fn phase(&self, phase: ImportPhase) {
        if phase.name() == self.phase && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            std::process::abort();
        }
    }
}

fn options() -> ImportOptions {
    ImportOptions {
        snapshot: true,
        despite_refused: true,
        despite_missing: true,
        chunk_rows: NonZeroU64::new(150),
        ..ImportOptions::default()
    }
}

/// What the other tests start as a process of its own; it does nothing when it is run as a test.
#[test]
fn child() {
    let Ok(arguments) = std::env::var("IMPORT_CHILD") else { return };
    let [home, phase, nth] = arguments.split('|').collect::<Vec<_>>()[..] else { panic!("{arguments}") };
    let home = Home::open(Path::new(home)).unwrap();
    let mut store = home.open_store().unwrap();
    let cipher = store.cipher(&home.keys().store_key(None).unwrap()).unwrap();
    let dataset = store.datasets().unwrap()[0].id.clone();
    let generation = store.newest_generation(&dataset).unwrap();
    let key = home.keys().oprf_key(&dataset, generation.number, None).unwrap();
    let killer = Killer { phase: phase.to_owned(), left: AtomicU64::new(nth.parse().unwrap()) };
    let list = File::open(home.directory().join("list.csv")).unwrap();
    let importer = Importer::new(&mut store, &cipher, &generation, &key, options(), &killer).unwrap();
    importer.import(list, |dataset, import| home.report(dataset, import)).unwrap();
}

/// Imports the home's list in a process of its own. Whether it came to the end.
fn import_killed(desk: &mut Desk, phase: &str, nth: u64) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "interrupted::child", "--test-threads=1"])
        .env("IMPORT_CHILD", format!("{}|{phase}|{nth}", desk.home.directory().display()))
        .output()
        .unwrap()
        .status;
    desk.reopen();
    status.success()
}

/// A list with repeats, refused rows and several candidates, over a store from which a snapshot of it withdraws people.
fn prepared() -> (Desk, String) {
    let mut desk = Desk::new();
    desk.import(&list(supporters("a", 0..300)));
    let mut rows = supporters("a", 100..700);
    rows.extend(supporters("b", 600..900));
    rows.extend(supporters("a", 100..150));
    for place in (0..rows.len()).step_by(97) {
        rows.insert(place, format!("{place},a,ms,"));
    }
    let text = list(rows);
    (desk, text)
}

fn finish(desk: &mut Desk, text: &str) -> ImportCounters {
    desk.try_import(text, options()).unwrap().counters
}

#[test]
fn an_import_killed_in_any_phase_ends_as_one_that_was_not() {
    let (desk, text) = prepared();
    std::fs::write(desk.home.directory().join("list.csv"), &text).unwrap();
    let mut whole = desk.twin();
    let counters = finish(&mut whole, &text);
    assert!(counters.refused_rows() > 9 && counters.repeated == 50 && counters.withdrawn == 100);
    let content = whole.content();
    let report = std::fs::read(whole.home.report(&whole.dataset(), 2)).unwrap();

    let points = [
        ("scan", 1),
        ("stretch", 1),
        ("stretch", 9),
        ("apply", 1),
        ("apply", 8),
        ("commit", 1),
        ("commit", 4),
        // The last of the rows, and that of the snapshot.
        ("commit", 5),
        ("commit", 6),
        ("snapshot", 1),
        ("snapshot", 2),
        ("report", 1),
        ("checkpoint", 1),
    ];
    for (phase, nth) in points {
        let mut desk = desk.twin();
        assert!(!import_killed(&mut desk, phase, nth), "{phase} {nth} was not reached");
        assert_eq!(finish(&mut desk, &text), counters, "{phase} {nth}");
        assert!(desk.content() == content, "{phase} {nth}");
        assert_eq!(std::fs::read(desk.home.report(&desk.dataset(), 2)).unwrap(), report, "{phase} {nth}");
        assert_eq!(desk.store.open_import(&desk.dataset()).unwrap(), None);
    }
}

#[test]
fn an_import_killed_again_and_again_ends() {
    let (desk, text) = prepared();
    std::fs::write(desk.home.directory().join("list.csv"), &text).unwrap();
    let mut whole = desk.twin();
    let counters = finish(&mut whole, &text);
    let mut desk = desk.twin();
    let mut runs = 1;
    // Each run commits one chunk of rows and dies over the next.
    while !import_killed(&mut desk, "commit", 2) {
        runs += 1;
        assert!(runs < 20, "no run comes to the end");
    }
    assert!(runs > 3, "{runs}");
    assert!(desk.content() == whole.content());
    // What the runs counted together, by their reports and in a list that is imported once more.
    let report = |desk: &Desk| std::fs::read(desk.home.report(&desk.dataset(), 2)).unwrap();
    assert_eq!(report(&desk), report(&whole));
    let (once, again) = (finish(&mut whole, &text), finish(&mut desk, &text));
    assert_eq!(
        (once.unchanged, again.unchanged),
        (counters.added + counters.unchanged + counters.changed, once.unchanged)
    );
}

/// A desk whose import was killed after some chunks.
pub(crate) fn half_imported() -> Desk {
    let (mut desk, text) = prepared();
    std::fs::write(desk.home.directory().join("list.csv"), &text).unwrap();
    assert!(!import_killed(&mut desk, "commit", 3));
    desk
}

#[test]
fn an_import_goes_on_where_it_stood() {
    let mut desk = half_imported();
    let text = std::fs::read_to_string(desk.home.directory().join("list.csv")).unwrap();
    let summary = desk.try_import(&text, options()).unwrap();
    assert!(summary.resumed_at >= 300, "{}", summary.resumed_at);
    assert_eq!(summary.counters.rows, summary.scan.rows);
}

#[test]
fn another_list_is_refused_while_one_is_open() {
    let mut desk = half_imported();
    let content = desk.content();
    let text = std::fs::read_to_string(desk.home.directory().join("list.csv")).unwrap();
    let error = desk.try_import(&list(supporters("a", 0..5)), options()).unwrap_err();
    let ImportError::OtherList { rows_done, .. } = error else { panic!("{error}") };
    assert_eq!(
        error.to_string(),
        format!(
            "import 2 of another list into list was interrupted after {rows_done} rows: import that list again to finish it, \
             or end it as it stands with `ceknik import list --abandon`"
        )
    );
    let error = desk.try_import(&text, ImportOptions { snapshot: false, ..options() }).unwrap_err();
    assert!(matches!(error, ImportError::OtherOptions { .. }));
    assert!(error.to_string().contains("\"snapshot\":true"), "{error}");
    assert!(desk.content() == content);

    // Abandoned, it ends as it stands.
    let home = desk.home.clone();
    let dataset = desk.dataset();
    let report = |dataset: &_, import| home.report(dataset, import);
    let abandoned = abandon_import(&mut desk.store, &dataset, report).unwrap().unwrap();
    assert_eq!((abandoned.import, abandoned.rows_done, abandoned.counters.rows), (2, rows_done, rows_done));
    assert_eq!(abandoned.counters.withdrawn, 0);
    let refused = std::fs::read_to_string(&abandoned.report).unwrap().lines().count() as u64 - 1;
    assert_eq!(refused, abandoned.counters.refused_rows());
    assert!(desk.content() == content);
    assert!(abandon_import(&mut desk.store, &dataset, report).unwrap().is_none());
    assert_eq!(desk.import(&list(supporters("c", 5000..5005))).people_added, 5);
}

#[test]
fn a_list_that_changes_under_the_import_is_told() {
    use std::io::{Cursor, Read, Seek, SeekFrom};
    /// Gives other bytes from its fifth reading on: survey, header, scan, keyed hash come first.
    struct Changing(Cursor<Vec<u8>>, u32);
    impl Read for Changing {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(buffer)
        }
    }
    impl Seek for Changing {
        fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
            if to == SeekFrom::Start(0) {
                self.1 += 1;
                let last = self.0.get_ref().len() - 3;
                if self.1 > 4 {
                    self.0.get_mut()[last] = b't';
                }
            }
            self.0.seek(to)
        }
    }
    let mut desk = Desk::new();
    let generation = desk.generation();
    let key = desk.key(&generation);
    let text = list([format!("{},a,ms,", nik(1)), format!("{},a,ms,x", nik(2))]).into_bytes();
    let importer =
        Importer::new(&mut desk.store, &desk.cipher, &generation, &key, ImportOptions::default(), &()).unwrap();
    let home = &desk.home;
    let error = importer.import(Changing(Cursor::new(text), 0), |dataset, import| home.report(dataset, import));
    assert_eq!(
        error.unwrap_err().to_string(),
        "the list changed while it was imported: put back what it was and run the same command again, or end this import as \
         it stands with `ceknik import list --abandon`"
    );
    assert!(desk.store.open_import(&desk.dataset()).unwrap().is_some());
}
