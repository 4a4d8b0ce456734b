//! `ceknik sample`.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use ceknik_core::manifest::Id;
use ceknik_issuer::{
    SAMPLE_CANDIDATES, SAMPLE_PAYLOAD_BYTES, SAMPLE_STATUSES, SampleOptions, SampleStats, SampleTerm, write_sample,
};
use clap::Args;

use crate::failure::Failure;

/// People for each row: one in twelve is listed, as in Jakarta in 2024.
const PEOPLE_PER_ROW: u64 = 12;

#[derive(Args)]
pub(crate) struct SampleArgs {
    /// Rows under the header.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    rows: u64,
    /// Chooses the list: the same rows and seed give the same file on any machine.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Mix in what real spreadsheets contain: rows that an import must refuse.
    #[arg(long)]
    bad_rows: bool,
    /// Write the definition of a dataset for the list too, which `ceknik dataset create` takes; it must not exist.
    #[arg(long, value_name = "FILE.toml")]
    definition: Option<PathBuf>,
    /// The id of the dataset in that definition.
    #[arg(long, value_name = "ID", default_value = "sample", requires = "definition")]
    id: Id,
    /// The file to write; it must not exist.
    file: PathBuf,
}

pub(crate) fn run(args: &SampleArgs) -> Result<(), Failure> {
    let options = SampleOptions { rows: args.rows, seed: args.seed, bad_rows: args.bad_rows };
    let mut file = create(&args.file)?;
    if let Some(path) = &args.definition {
        let written = create(path).and_then(|mut file| {
            let written = file.write_all(definition(args.id.as_str(), args.rows, "").as_bytes());
            written.map_err(|error| unwritten(path, &error))
        });
        // One without the other is of no use.
        written.inspect_err(|_| drop(std::fs::remove_file(&args.file)))?;
    }
    let stats = write_sample(&options, &mut file).and_then(|stats| file.flush().map(|()| stats));
    let stats = stats.map_err(|error| unwritten(&args.file, &error))?;
    let SampleStats { good_rows, people, supports, odd_rows, bad_rows } = &stats;
    let path = args.file.display();
    println!("{path}: {good_rows} good rows, {people} people, {supports} supports; none of them exists");
    if args.bad_rows {
        println!("{odd_rows} of the good rows are in an odd form; rows to be refused:");
        for (kind, rows) in bad_rows {
            println!("{rows:>8}  {kind} ({})", kind.reason());
        }
    }
    match &args.definition {
        Some(definition) => println!(
            "{}: a dataset for it, `{id}`: `ceknik dataset create` takes it, then `ceknik import {id} {path}`",
            definition.display(),
            id = args.id
        ),
        None => println!(
            "Its candidates are {}, its statuses {}: a dataset needs these ids, and --definition FILE.toml writes one that has \
             them",
            ids(&SAMPLE_CANDIDATES),
            ids(&SAMPLE_STATUSES)
        ),
    }
    Ok(())
}

fn create(path: &Path) -> Result<File, Failure> {
    File::create_new(path).map_err(|error| {
        let path = path.display();
        Failure::new(match error.kind() {
            ErrorKind::AlreadyExists => {
                format!("{path} is there already and is left as it is: give the name of a file that is not there yet")
            }
            _ => format!("cannot create {path}: {error}"),
        })
    })
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    // Half a list would pass for a short one.
    let _ = std::fs::remove_file(path);
    Failure::new(format!("cannot write {}: {error}", path.display()))
}

fn ids(terms: &[SampleTerm]) -> String {
    terms.iter().map(|term| term.id).collect::<Vec<_>>().join(", ")
}

/// The definition of a dataset for a sample list of so many rows, with further `keys`, a line each.
pub(crate) fn definition(id: &str, rows: u64, keys: &str) -> String {
    let population = rows.saturating_mul(PEOPLE_PER_ROW);
    let terms = |table: &str, terms: &[SampleTerm]| -> String {
        let one = |term: &SampleTerm| {
            format!("[{table}.{}]\nid = \"{}\"\nen = \"{}\"\n\n", term.id, term.indonesian, term.english)
        };
        terms.iter().map(one).collect()
    };
    format!(
        "id = \"{id}\"\npopulation = {population}\ncapacity = {rows}\npayload_bytes = {SAMPLE_PAYLOAD_BYTES}\n{keys}\n\
         [title]\nid = \"Daftar contoh\"\nen = \"Sample list\"\n\n\
         [coverage]\nid = \"Orang-orang yang tidak ada\"\nen = \"People who do not exist\"\n\n{}{}\
         [[guidance]]\nid = \"Daftar ini hanya contoh; tidak ada yang perlu dilaporkan\"\n\
         en = \"This list is an example; there is nothing to report\"\nurl = \"https://demo.ceknik.example/\"\n",
        terms("candidates", &SAMPLE_CANDIDATES),
        terms("statuses", &SAMPLE_STATUSES),
    )
}
