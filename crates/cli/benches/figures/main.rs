//! The figures that ceknik is held to, each beside its baseline in the same run.
//!
//! `cargo bench -p ceknik-cli --bench figures [-- NAME…]` runs all or the named ones. Every figure is one line,
//! `figure NAME VALUE UNIT goal GOAL`; other lines say what was measured. A missed goal does not fail the run: a benchmark
//! reports, and a busy machine is no defect of the code.

#![allow(clippy::unwrap_used, missing_docs)]

mod audit;
mod check;
mod evaluate;
mod evidence;
mod import;
mod measure;
mod oprf;
mod press;
mod publish;

type Bench = (&'static str, fn());

const BENCHES: &[Bench] = &[
    ("proof", oprf::run),
    ("check", check::run),
    ("evaluate", evaluate::run),
    ("evidence", evidence::run),
    ("import", import::run),
    ("import-memory", import::memory),
    ("publish", publish::run),
    ("audit", audit::run),
];

fn main() {
    // Cargo passes `--bench`.
    let names: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    if let Some(unknown) = names.iter().find(|name| !BENCHES.iter().any(|(known, _)| known == name)) {
        let known: Vec<_> = BENCHES.iter().map(|(name, _)| *name).collect();
        eprintln!("no benchmark {unknown}; there are: {}", known.join(", "));
        std::process::exit(2);
    }
    for (name, run) in BENCHES {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            println!("# {name}");
            run();
        }
    }
}
