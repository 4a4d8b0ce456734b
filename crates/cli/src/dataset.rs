//! `ceknik dataset`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ceknik_core::manifest::{Id, Text};
use ceknik_issuer::{
    BegunGeneration, DatasetSummary, Definition, Figures, KeyDir, begin_generation, create_dataset, delete_dataset,
    summarize_dataset, update_dataset,
};
use clap::{Args, Subcommand};
use rand::rngs::OsRng;

use crate::failure::Failure;
use crate::home::{HomeArgs, OpenHome};
use crate::output::{counted, warnings};

#[derive(Subcommand)]
pub(crate) enum DatasetCommand {
    /// Create a dataset from its definition, with the salt, filter seed and evaluation key of its first generation.
    Create(FileArgs),
    /// Change texts, candidates, statuses, guidance, mirrors, budget, validity and bucket bits; the next epoch shows it.
    Update(UpdateArgs),
    /// Begin a new generation with a fresh salt, filter seed and key, into which the whole list is imported again.
    NewGeneration(GenerationArgs),
    /// Show datasets, their figures and how far they are.
    Show(ShowArgs),
    /// Remove a dataset of which nothing was published, with its keys.
    Delete(DeleteArgs),
}

#[derive(Args)]
pub(crate) struct FileArgs {
    #[command(flatten)]
    home: HomeArgs,
    /// The definition (docs/examples has one that explains itself).
    file: PathBuf,
    /// Accept a stretch that is marked weak, for tests and benchmarks: it protects nobody, and clients refuse it.
    #[arg(long)]
    weak_stretch: bool,
}

#[derive(Args)]
pub(crate) struct UpdateArgs {
    #[command(flatten)]
    home: HomeArgs,
    /// The definition; what it leaves out stays.
    file: PathBuf,
}

#[derive(Args)]
pub(crate) struct GenerationArgs {
    #[command(flatten)]
    home: HomeArgs,
    /// The dataset's id.
    dataset: Id,
    /// A definition with other figures; the present ones unless given.
    file: Option<PathBuf>,
    /// Accept a stretch that is marked weak.
    #[arg(long)]
    weak_stretch: bool,
    /// Erase what was imported into a generation of which nothing was published yet. The new one takes its place at once.
    #[arg(long)]
    erase_unpublished: bool,
}

#[derive(Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    home: HomeArgs,
    /// The dataset's id; all unless given.
    dataset: Option<Id>,
    /// One JSON object a dataset in place of text.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    home: HomeArgs,
    /// The dataset's id.
    dataset: Id,
    /// Erase what was imported with it.
    #[arg(long)]
    erase_unpublished: bool,
}

pub(crate) fn run(command: &DatasetCommand) -> Result<(), Failure> {
    match command {
        DatasetCommand::Create(args) => {
            let definition = read_definition(&args.file, args.weak_stretch)?;
            let mut home = args.home.open("the creation of a dataset")?;
            create(&mut home, &definition)?;
            println!("Created dataset {}, generation 1.", definition.id);
            print!("{}", describe_figures(&definition.figures()?));
            println!("  its evaluation key is {}", home.keys.oprf_path(&definition.id, 1).display());
            if definition.guidance.is_empty() {
                println!(
                    "  it has no [[guidance]]: whoever finds himself listed is not told where to object. `ceknik dataset update` adds it"
                );
            }
        }
        DatasetCommand::Update(args) => {
            let text = read(&args.file)?;
            let mut home = args.home.open("the update of a dataset")?;
            let update = update_dataset(&mut home.store, &text)?;
            let changed = update.changed();
            if changed.is_empty() {
                println!("Nothing differs from what {} has.", update.after.id);
            } else {
                println!("Changed {}; the next epoch of {} shows it.", changed.join(", "), update.after.id);
            }
        }
        DatasetCommand::NewGeneration(args) => {
            let definition = args.file.as_ref().map(|file| read_definition(file, args.weak_stretch)).transpose()?;
            let mut home = args.home.open("the beginning of a generation")?;
            let keys = KeyDir::of_home(home.home.directory());
            let passphrase = home.passphrase().cloned();
            let begun = begin_generation(
                &mut home.store,
                &keys,
                &args.dataset,
                definition.as_ref(),
                args.erase_unpublished,
                passphrase.as_ref(),
                &mut OsRng,
            )?;
            let BegunGeneration { generation: begun, left } = begun;
            let key = home.keys.oprf_path(&begun.dataset, begun.number);
            if home.store.latest_epoch(&args.dataset)?.is_none() {
                println!(
                    "Began generation {} of {}, in place of the one before, of which nothing was published. Import the whole \
                     list into it, then publish.",
                    begun.number, begun.dataset
                );
            } else {
                println!(
                    "Began generation {} of {}. Import the whole list into it, then publish twice:",
                    begun.number, begun.dataset
                );
                println!("the first epoch announces the new key, the second one has it.");
                println!(
                    "The new generation does not know who was withdrawn: take them out of the list, or withdraw them again after the \
                     import."
                );
            }
            print!("{}", describe_figures(&begun.definition.figures()?));
            println!("  its evaluation key is {}: the service needs it before its first epoch", key.display());
            print!("{}", warnings(&left));
        }
        DatasetCommand::Delete(args) => {
            let mut home = args.home.open("the removal of a dataset")?;
            let keys = KeyDir::of_home(home.home.directory());
            let deleted = delete_dataset(&mut home.store, &keys, &args.dataset, args.erase_unpublished)?;
            let records = counted(deleted.records, "record", "records");
            println!(
                "Removed dataset {}, {records} and its keys. Reports of its imports stay in reports/.",
                args.dataset
            );
            print!("{}", warnings(&deleted.left));
        }
        DatasetCommand::Show(args) => {
            let home = args.home.open("a look at the datasets")?;
            let ids = match &args.dataset {
                Some(id) => vec![id.clone()],
                None => home.store.datasets()?.into_iter().map(|entry| entry.id).collect(),
            };
            if ids.is_empty() && !args.json {
                println!("There is no dataset yet: `ceknik dataset create FILE.toml` makes one.");
            }
            for id in ids {
                let summary = summarize_dataset(&home.store, &id)?;
                if args.json {
                    println!("{}", serde_json::to_string(&summary)?);
                } else {
                    print!("{}", describe(&summary));
                }
            }
        }
    }
    Ok(())
}

/// Creates a dataset in a home.
pub(crate) fn create(home: &mut OpenHome, definition: &Definition) -> Result<(), Failure> {
    let keys = KeyDir::of_home(home.home.directory());
    let passphrase = home.passphrase().cloned();
    create_dataset(&mut home.store, &keys, definition, passphrase.as_ref(), &mut OsRng)?;
    Ok(())
}

fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| Failure::new(format!("cannot read {}: {error}", file.display())))
}

fn read_definition(file: &Path, weak_stretch: bool) -> Result<Definition, Failure> {
    let definition = Definition::from_toml(&read(file)?, weak_stretch);
    definition.map_err(|error| Failure::new(format!("{}: {error}", file.display())))
}

fn describe(summary: &DatasetSummary) -> String {
    let mut text = format!("{}\n", summary.id);
    match &summary.epoch {
        None => text.push_str("  nothing is published\n"),
        Some(epoch) => text.push_str(&format!(
            "  epoch {} of {}, generation {}: {} records{}\n",
            epoch.number,
            epoch.published_at,
            epoch.generation,
            epoch.records,
            if epoch.pending { "; interrupted, `ceknik publish` finishes it" } else { "" }
        )),
    }
    if let Some(import) = summary.open_import {
        text.push_str(&format!("  import {import} was interrupted: run it again to finish it\n"));
    }
    if let Some(import) = summary.held_import {
        text.push_str(&format!(
            "  import {import} is held back: its rows are in, and what its list lacks was not withdrawn\n"
        ));
    }
    for generation in &summary.generations {
        text.push_str(&format!(
            "  generation {}: {} records for the next epoch, {} withdrawn; {} people ever published, {} since\n",
            generation.number,
            generation.records,
            generation.withdrawn,
            generation.members_published,
            generation.members_unpublished
        ));
        text.push_str(&describe_figures(&generation.figures));
        text.push_str(&format!("  candidates: {}\n", describe_terms(&generation.candidates)));
        text.push_str(&format!("  statuses: {}\n", describe_terms(&generation.statuses)));
    }
    text
}

fn describe_terms(terms: &BTreeMap<Id, Text>) -> String {
    let term = |(id, title): (&Id, &Text)| format!("{id} ({} / {})", title.id, title.en);
    terms.iter().map(term).collect::<Vec<_>>().join(", ")
}

/// Among how many a visitor hides. One bucket for everybody is no promise of K: it is had however few there are.
fn describe_buckets(figures: &Figures) -> String {
    let people = counted(figures.population, "person", "people");
    let (k, shards) = (figures.least_people_per_bucket, figures.filter.as_ref().map_or(1, |filter| filter.shards));
    if figures.bucket_bits == 0 && shards == 1 {
        let floor = if figures.population < k { "fewer than" } else { "at least" };
        return format!("one bucket for everybody: {people}, {floor} K = {k}");
    }
    let each = if shards == 1 { String::new() } else { format!(" and {shards} files of the filter") };
    format!(
        "{people}; {} for each of {}{each} (at least K = {k} almost surely)",
        figures.people_per_bucket,
        counted(1 << figures.bucket_bits, "bucket", "buckets"),
    )
}

fn describe_figures(figures: &Figures) -> String {
    let mut text = String::new();
    let mut line = |words: String| {
        text.push_str("  ");
        text.push_str(&words);
        text.push('\n');
    };
    line(describe_buckets(figures));
    match &figures.filter {
        None => line("no filter: everybody confirms".to_owned()),
        Some(filter) => line(format!(
            "filter: {} of {} bytes, for up to {} people ever; a promise of {} %, cover {} %",
            counted(u64::from(filter.shards), "file", "files"),
            filter.shard_bytes,
            filter.capacity,
            filter.posterior_percent,
            filter.cover_percent
        )),
    }
    line(format!(
        "stretch: {} KiB, {}{}; records of {} bytes; {} evaluations a day",
        figures.memory_kib,
        counted(u64::from(figures.passes), "pass", "passes"),
        if figures.weak { ", WEAK: for tests only" } else { "" },
        figures.payload_bytes,
        figures.evaluations_per_day
    ));
    if let Some(bytes) = figures.suggested_payload_bytes {
        line(format!(
            "a record has room for {} with the longest ids, and there are more candidates: what is too long is refused at the \
             import; payload_bytes = {bytes} has room for all, and is fixed within a generation",
            counted(figures.supports_per_record as u64, "support", "supports")
        ));
    }
    if let Some(bits) = figures.suggested_shard_bits {
        line(format!("the filter is long for a phone: shard_bits = {bits} would have clients fetch a part of it"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    /// What is said of a sample's dataset of twelve people a row.
    fn buckets(rows: u64, keys: &str) -> String {
        let definition = Definition::from_toml(&sample::definition("sample", rows, keys), false).unwrap();
        describe_buckets(&definition.figures().unwrap())
    }

    #[test]
    fn one_bucket_promises_no_more_than_its_people() {
        assert_eq!(buckets(20, ""), "one bucket for everybody: 240 people, fewer than K = 1000");
        assert_eq!(buckets(90, ""), "one bucket for everybody: 1080 people, at least K = 1000");
        assert_eq!(
            buckets(1_000, "bucket_bits = 3\n"),
            "12000 people; 1500 for each of 8 buckets (at least K = 1000 almost surely)"
        );
        assert_eq!(
            buckets(1_000, "bucket_bits = 1\nshard_bits = 2\n"),
            "12000 people; 1500 for each of 2 buckets and 4 files of the filter (at least K = 1000 almost surely)"
        );
    }
}
