//! `ceknik import`.

use std::fs::File;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Duration;

use ceknik_core::manifest::Id;
use ceknik_issuer::{
    AbandonedImport, ColumnMap, ImportObserver, ImportOptions, ImportPhase, ImportSummary, Importer,
    Progress as ImportProgress, SnapshotOutcome, abandon_import,
};
use clap::Args;

use crate::failure::Failure;
use crate::home::{HomeArgs, OpenHome};
use crate::output::{counted, warnings};
use crate::progress::Phases;

/// Exit code when the rows are in, and what a snapshot was to withdraw is not withdrawn.
const HELD: u8 = 3;

#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 when the list is in, though rows of it may have been refused; 3 when it is in and --snapshot withdrew \
                  nothing; 1 when every row was refused; 1 or 2 when it was not done, or not to the end."
)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    home: HomeArgs,
    /// The dataset's id.
    dataset: Id,
    /// The list: CSV in UTF-8 or Windows-1252, separated by commas, semicolons or tabs.
    #[arg(required_unless_present = "abandon")]
    file: Option<PathBuf>,
    /// Which column is which, where the header does not tell: nik=…, candidate=…, status=…, submitted=…; a name of the header, its
    /// number as #N, or - for a column that is not to be read.
    #[arg(long, value_name = "KEY=COLUMN")]
    map: Vec<String>,
    /// The candidate of all rows: an id, or a title.
    #[arg(long, value_name = "ID")]
    candidate: Option<String>,
    /// The status of all rows: an id, or a title.
    #[arg(long, value_name = "ID")]
    status: Option<String>,
    /// The list is the whole truth for its candidates: withdraw what it does not have of theirs. Those are the candidates
    /// that accepted rows name, and the one of --candidate; one of whom a list of several has no row at all keeps his
    /// supports: import a list of his own, with --candidate.
    #[arg(long)]
    snapshot: bool,
    /// Withdraw all the same when rows were refused, whose people then count as missing.
    #[arg(long, requires = "snapshot")]
    despite_refused: bool,
    /// Withdraw all the same when the list lacks more than a quarter of what was listed of its candidates, as a wrong file does,
    /// or one that was cut short.
    #[arg(long, requires = "snapshot")]
    despite_missing: bool,
    /// Leave whoever was withdrawn off the list though the file has him, and tell his rows. Without it the list is believed, and
    /// he is listed again.
    #[arg(long)]
    keep_withdrawn: bool,
    /// Switch off three checks for numeric cells, whose last digits a spreadsheet has lost, so that other people would be
    /// listed in place of those meant: of NIKs that end in 0000 (refused row by row), of a list in which every NIK ends in 0,
    /// and of one in which more do than chance explains (refused whole).
    #[arg(long)]
    trust_final_zeros: bool,
    /// Threads that stretch; all cores unless set. Each takes the memory of one stretch.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// End an import that was interrupted, as it stands.
    #[arg(long, conflicts_with = "file")]
    abandon: bool,
    /// One JSON object in place of text.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: ImportArgs) -> Result<ExitCode, Failure> {
    let mut home = args.home.open(&format!("an import into {}", args.dataset))?;
    let Some(file) = &args.file else {
        let reports = home.home.clone();
        let abandoned =
            abandon_import(&mut home.store, &args.dataset, |dataset, import| reports.report(dataset, import))?;
        let Some(abandoned) = abandoned else {
            return Err(Failure::new(format!("no import into {} is open", args.dataset)));
        };
        show(args.json, &abandoned, describe_abandoned)?;
        return Ok(ExitCode::SUCCESS);
    };
    let mut map = ColumnMap::default();
    for text in &args.map {
        map.add(text)?;
    }
    let options = ImportOptions {
        map,
        candidate: args.candidate,
        status: args.status,
        trust_final_zeros: args.trust_final_zeros,
        snapshot: args.snapshot,
        despite_refused: args.despite_refused,
        despite_missing: args.despite_missing,
        keep_withdrawn: args.keep_withdrawn,
        threads: args.threads,
        ..ImportOptions::default()
    };
    let summary = import(&mut home, &args.dataset, file, options)?;
    show(args.json, &summary, describe)?;
    if summary.counters.unread_rows() == summary.counters.rows {
        return Err(Failure::new(format!(
            "nothing of the list was imported: every row of it was refused, for the reasons in {}",
            summary.report.display()
        )));
    }
    Ok(if summary.counters.snapshot.is_held() { ExitCode::from(HELD) } else { ExitCode::SUCCESS })
}

/// Imports a list into the dataset's newest generation, with progress on standard error.
pub(crate) fn import(
    home: &mut OpenHome,
    dataset: &Id,
    file: &Path,
    options: ImportOptions,
) -> Result<ImportSummary, Failure> {
    let generation = home.store.newest_generation(dataset)?;
    let number = generation.number;
    let key = home.key(|keys, passphrase| keys.oprf_key(dataset, number, passphrase))?;
    let list = File::open(file).map_err(|error| Failure::new(format!("cannot open {}: {error}", file.display())))?;
    let watch = Watch(Mutex::new(Phases::new()));
    let reports = home.home.clone();
    let importer = Importer::new(&mut home.store, &home.cipher, &generation, &key, options, &watch)?;
    let summary = importer.import(list, |dataset, import| reports.report(dataset, import));
    watch.end();
    Ok(summary?)
}

fn show<T: serde::Serialize>(json: bool, what: &T, describe: impl Fn(&T) -> String) -> Result<(), Failure> {
    if json {
        println!("{}", serde_json::to_string(what)?);
    } else {
        print!("{}", describe(what));
    }
    Ok(())
}

fn describe(summary: &ImportSummary) -> String {
    let ImportSummary { scan, counters, .. } = summary;
    let mut text = String::new();
    let mut line = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    if summary.resumed_at > 0 {
        line(format!("Went on after row {} of an import that was interrupted.", summary.resumed_at));
    }
    let columns: Vec<String> =
        scan.columns.iter().map(|(column, name)| format!("{} = “{name}”", column.key())).collect();
    let separator = match scan.delimiter {
        '\t' => "tabs".to_owned(),
        delimiter => format!("“{delimiter}”"),
    };
    line(format!("Read as {}, separated by {separator}; columns: {}", scan.encoding, columns.join(", ")));
    line(format!(
        "{}: {} added, {} changed, {} unchanged, {} repeated, {} refused",
        counted(counters.rows, "row", "rows"),
        counted(counters.added, "support", "supports"),
        counters.changed,
        counters.unchanged,
        counters.repeated,
        counters.refused_rows()
    ));
    if counters.repeated > 0 {
        line(format!(
            "  repeated: an earlier row has the same NIK and candidate; {} said something else, and the later row won",
            counters.repeated_differing
        ));
    }
    line(format!(
        "  people: {} new in this generation; the next epoch has {}",
        counters.people_added,
        counted(summary.records, "record", "records")
    ));
    if counters.people_returned > 0 {
        line(format!(
            "  warning: {} listed again, because the list has them. Whoever objected and was taken off is on it again: \
             `ceknik withdraw` takes people off, and an import with --keep-withdrawn leaves them off",
            if counters.people_returned == 1 {
                "a person who had been withdrawn is".to_owned()
            } else {
                format!("{} people who had been withdrawn are", counters.people_returned)
            }
        ));
    }
    if let Some(capacity) = summary.capacity {
        line(format!("  people ever added: {}, of a capacity of {capacity}", summary.members_ever));
        if summary.members_ever > capacity {
            line(
                "  warning: that is over the capacity, and nothing more can be published in this generation. `ceknik publish` \
                 says what can be done"
                    .to_owned(),
            );
        }
    }
    if counters.refused_rows() > 0 {
        for (code, rows) in &counters.refused {
            line(format!("  {rows:>8} refused: {code}"));
        }
        line(format!(
            "  every refused row with its number (the header counts) and reason: {}",
            summary.report.display()
        ));
    }
    for (code, rows) in &counters.warnings {
        line(format!("  {rows:>8} accepted with a warning: {code}"));
    }
    let suspected = scan.suspected_zeros();
    if suspected > 0 {
        line(format!(
            "  warning: {suspected} more NIKs end in 0 than chance explains, and were believed (--trust-final-zeros). A numeric \
             cell of a spreadsheet loses the last digit of a NIK, and another person is listed then"
        ));
    }
    match counters.snapshot {
        SnapshotOutcome::Done => line(format!(
            "  snapshot: {} supports withdrawn, which the list does not have; {} people with them",
            counters.withdrawn, counters.people_withdrawn
        )),
        SnapshotOutcome::Held => line(format!(
            "  snapshot: nothing was withdrawn, because rows were refused and their people would have been. Mend the rows and \
             import again, or run the same command with --despite-refused{}",
            if counters.missing > 0 {
                format!(
                    ", and with --despite-missing: the list lacks {} of the {} supports that were listed of its candidates",
                    counters.missing, counters.listed_before
                )
            } else {
                String::new()
            }
        )),
        SnapshotOutcome::HeldMissing => line(format!(
            "  snapshot: nothing was withdrawn, because the list lacks {} of the {} supports that were listed of its candidates: is \
             it the right file, and whole? If so, run the same command with --despite-missing. If not, import the right one with \
             --snapshot, which withdraws what this one brought. `ceknik publish` waits for either",
            counters.missing, counters.listed_before
        )),
        SnapshotOutcome::NotAsked | SnapshotOutcome::Asked => {}
    }
    text + &warnings(&summary.left)
}

fn describe_abandoned(abandoned: &AbandonedImport) -> String {
    format!(
        "Import {} was ended after {} rows; what it did stays. Refused rows: {}\n{}",
        abandoned.import,
        abandoned.rows_done,
        abandoned.report.display(),
        warnings(&abandoned.left)
    )
}

/// Draws progress.
struct Watch(Mutex<Phases<ImportPhase>>);

impl Watch {
    fn end(&self) {
        if let Ok(mut phases) = self.0.lock() {
            phases.end();
        }
    }
}

impl ImportObserver for Watch {
    fn progress(&self, progress: &ImportProgress) {
        let Ok(mut phases) = self.0.lock() else { return };
        let what = match progress.phase {
            ImportPhase::Scan => "bytes",
            ImportPhase::Compare | ImportPhase::Snapshot => "records",
            _ => "rows",
        };
        let left = progress.seconds_left.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        phases.of(progress.phase, progress.total, what).at(progress.done, progress.rate, left);
    }
}
