//! `ceknik plan`: what a list would promise, cost and give away, before anything is imported.

use std::time::Instant;

use ceknik_core::{Nik, StretchError, Stretcher};
use ceknik_issuer::plan::{
    DEFAULT_ID_BYTES, DEFAULT_NETWORK_PERCENT, DEFAULT_SUPPORTS, DEFAULT_VISITORS_PERCENT, Plan, PlanInput,
    REFERENCE_TIMINGS, StretchTiming,
};
use ceknik_issuer::{DEFAULT_CELLS_PER_RECORD, DEFAULT_COVER_PERCENT, DEFAULT_LEAST_PEOPLE_PER_BUCKET};
use clap::Args;

use crate::failure::Failure;

mod tables;

/// Runs of one cost of which the fastest counts.
const MEASURED_RUNS: usize = 5;

/// Computes what a list would promise, cost and give away, and suggests the figures of its dataset.
///
/// Nothing is read or written. The tables speak of expectations for people of whom nothing is known but the base rate,
/// unless they say otherwise; docs/threat-model.md explains them.
#[derive(Args, Clone, Debug)]
pub(crate) struct PlanArgs {
    /// People on the list
    #[arg(long, value_name = "N", value_parser = parse_count)]
    records: u64,
    /// People who could be on it, the unlisted included
    #[arg(long, value_name = "P", value_parser = parse_count)]
    population: u64,
    /// The promise: how sure a hit may make somebody who knows only the base rate; 50, 50% and 0.5 are the same
    #[arg(long, value_name = "X", value_parser = parse_percent)]
    posterior: u8,
    /// K, the least people who share a bucket
    #[arg(long, visible_alias = "k", value_name = "K", value_parser = parse_count, default_value_t = DEFAULT_LEAST_PEOPLE_PER_BUCKET)]
    least_people_per_bucket: u64,
    /// Cells of the filter for each record of the capacity
    #[arg(long, value_name = "CELLS", default_value_t = DEFAULT_CELLS_PER_RECORD)]
    cells_per_record: u32,
    /// Most people ever added before the raw list is needed again; as many as there are records unless set
    #[arg(long, value_name = "N", value_parser = parse_count)]
    capacity: Option<u64>,
    /// Of a hundred whom the filter misses, how many confirm all the same
    #[arg(long, value_name = "PERCENT", default_value_t = DEFAULT_COVER_PERCENT)]
    cover_percent: u8,
    /// Bits of a bucket number; suggested unless set
    #[arg(long, value_name = "BITS")]
    bucket_bits: Option<u8>,
    /// Bits of a shard number; suggested unless set
    #[arg(long, value_name = "BITS")]
    shard_bits: Option<u8>,
    /// Bytes of a record before sealing; suggested for --supports and --id-bytes unless set
    #[arg(long, value_name = "BYTES")]
    payload_bytes: Option<u32>,
    /// Most candidates whom one person is listed for
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SUPPORTS)]
    supports: usize,
    /// Length of the longest candidate or status id
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_ID_BYTES)]
    id_bytes: usize,
    /// The evaluation budget of a day; suggested unless set
    #[arg(long, value_name = "N", value_parser = parse_count)]
    evaluations_per_day: Option<u64>,
    /// How much of the population may look on one day
    #[arg(long, value_name = "PERCENT", default_value_t = DEFAULT_VISITORS_PERCENT)]
    visitors_percent: u8,
    /// Most of the budget that one network gets, as the service's setting of this name
    #[arg(long, value_name = "PERCENT", default_value_t = DEFAULT_NETWORK_PERCENT)]
    network_share: f64,
    /// Time Argon2id on this machine, instead of taking a server's times
    #[arg(long)]
    measure: bool,
    /// Print one JSON document, with every figure unrounded
    #[arg(long)]
    json: bool,
}

/// Prints the plan on standard output.
///
/// # Errors
/// Figures that make no plan; a stretch that cannot be timed.
pub(crate) fn run(args: PlanArgs) -> Result<(), Failure> {
    let plan = Plan::compute(&args.input()?)?;
    let mut text = Vec::new();
    if args.json {
        serde_json::to_writer_pretty(&mut text, &plan)?;
        text.push(b'\n');
    } else {
        tables::write(&plan, args.measure, &mut text)?;
    }
    print!("{}", String::from_utf8_lossy(&text));
    Ok(())
}

impl PlanArgs {
    fn input(&self) -> Result<PlanInput, Failure> {
        let default = PlanInput::new(self.records, self.population, self.posterior);
        Ok(PlanInput {
            k: self.least_people_per_bucket,
            cells_per_record: self.cells_per_record,
            capacity: self.capacity,
            cover_percent: self.cover_percent,
            payload_bytes: self.payload_bytes,
            supports: self.supports,
            id_bytes: self.id_bytes,
            shard_bits: self.shard_bits,
            bucket_bits: self.bucket_bits,
            evaluations_per_day: self.evaluations_per_day,
            visitors_percent: self.visitors_percent,
            network_percent: self.network_share,
            stretches: if self.measure { measured().map_err(untimed)? } else { default.stretches },
            ..default
        })
    }
}

fn untimed(error: StretchError) -> Failure {
    Failure::new(format!(
        "cannot time the stretch on this machine: {error}; leave --measure out to plan with a server's times"
    ))
}

/// The costs of the table, timed on one core of this machine.
fn measured() -> Result<Vec<StretchTiming>, StretchError> {
    // Any 16 digits take as long.
    let Ok(nik) = Nik::parse("0000000000000000") else { return Ok(REFERENCE_TIMINGS.to_vec()) };
    let time = |timing: StretchTiming| {
        let mut stretcher = Stretcher::new(timing.cost, [0; 32])?;
        let mut fastest = f64::INFINITY;
        for _ in 0..MEASURED_RUNS {
            let start = Instant::now();
            stretcher.stretch(&nik)?;
            fastest = fastest.min(start.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(StretchTiming { milliseconds: fastest, ..timing })
    };
    REFERENCE_TIMINGS.into_iter().map(time).collect()
}

/// Reads a number of people or of anything else that is counted.
fn parse_count(text: &str) -> Result<u64, String> {
    let is_grouped = text.contains(['.', ',', ' ', '_', '\'']);
    text.parse().map_err(|error: std::num::ParseIntError| {
        if is_grouped { "write digits alone, without separators: 100000".to_owned() } else { error.to_string() }
    })
}

/// Reads a whole percentage, written as 50, 50% or 0.5.
fn parse_percent(text: &str) -> Result<u8, String> {
    let wants = "write a whole percentage from 1 to 99, such as 50, 50% or 0.5";
    let text = text.trim();
    let (number, is_percent) = match text.strip_suffix('%') {
        Some(number) => (number.trim_end(), true),
        None => (text, !text.contains('.')),
    };
    let number: f64 = number.parse().map_err(|_| wants.to_owned())?;
    let percent = if is_percent { number } else { number * 100.0 };
    // 0.07 × 100 is 7.000000000000001.
    let whole = percent.round();
    if !(1.0..=99.0).contains(&whole) || (percent - whole).abs() > 1e-9 {
        return Err(wants.to_owned());
    }
    Ok(whole as u8)
}

#[cfg(test)]
mod tests;
