//! `ceknik sample`.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use ceknik_issuer::{SampleOptions, SampleStats, write_sample};
use clap::Args;

use crate::failure::Failure;

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
    /// The file to write; it must not exist.
    file: PathBuf,
}

pub(crate) fn run(args: &SampleArgs) -> Result<(), Failure> {
    let options = SampleOptions { rows: args.rows, seed: args.seed, bad_rows: args.bad_rows };
    let path = args.file.display();
    let mut file =
        File::create_new(&args.file).map_err(|error| Failure::new(format!("cannot create {path}: {error}")))?;
    let stats = write_sample(&options, &mut file).and_then(|stats| file.flush().map(|()| stats));
    let stats = stats.map_err(|error| {
        // Half a list would pass for a short one.
        let _ = std::fs::remove_file(&args.file);
        Failure::new(format!("cannot write {path}: {error}"))
    })?;
    let SampleStats { good_rows, people, supports, odd_rows, bad_rows } = &stats;
    println!("{path}: {good_rows} good rows, {people} people, {supports} supports; none of them exists");
    if args.bad_rows {
        println!("{odd_rows} of the good rows are in an odd form; rows to be refused:");
        for (kind, rows) in bad_rows {
            println!("{rows:>8}  {kind:?}");
        }
    }
    Ok(())
}
