//! `ceknik`, the command: for citizens `check`, for publishers the rest.
//!
//! Commands read their options here and do their work in the libraries; what they share is how they speak. Results go to
//! standard output, progress and errors to standard error. NIKs and passphrases come from a prompt or standard input, never
//! from arguments, which everybody on the machine can read. Exit codes: 0 done, 1 not done, 2 wrong options; `check`, `verify`,
//! `audit`, `import`, `withdraw` and `publish` add their own.

// In place of the standard library's, in all modules below: see `output`.
macro_rules! print {
    ($($text:tt)*) => { $crate::output::print(format_args!($($text)*)) };
}
macro_rules! println {
    ($($text:tt)*) => { $crate::output::println(format_args!($($text)*)) };
}
macro_rules! eprintln {
    ($($text:tt)*) => { $crate::output::eprintln(format_args!($($text)*)) };
}

mod audit;
mod check;
mod dataset;
mod demo;
mod failure;
mod home;
mod import;
mod keygen;
mod log;
mod mirror;
mod output;
mod plan;
mod progress;
mod prompt;
mod publish;
mod qr;
mod sample;
mod trust;
mod verify;
mod withdraw;
mod witness;

use std::ffi::OsString;
use std::process::ExitCode;

use ceknik_core::Nik;
use clap::{Parser, Subcommand};

/// Check whether a NIK stands on a list of supporters, without the NIK leaving this device; publish such lists.
#[derive(Parser)]
#[command(
    name = "ceknik",
    version,
    max_term_width = 100,
    propagate_version = true,
    after_help = "Exit codes: 0 when it was done, 1 when it was not, 2 for wrong options. `check`, `verify`, `audit`, `import`, `withdraw` and `publish` have further ones."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Look up NIKs, which are read from a hidden prompt or from standard input, one a line.
    Check(check::CheckArgs),
    /// Check evidence that somebody brings: was this NIK on a list? The NIK is read from a hidden prompt or from standard input.
    Verify(verify::VerifyArgs),
    /// Look at a publisher from outside: follow its log, verify every epoch, report.
    Audit(audit::AuditArgs),
    /// Copy a publisher's public files, verified, for any static host.
    Mirror(mirror::MirrorArgs),
    /// Make a publisher's home: the log key, the store key, an empty store, the policy; or a witness.
    Keygen(keygen::KeygenArgs),
    /// Create a dataset, change its texts, begin a new generation.
    #[command(subcommand)]
    Dataset(dataset::DatasetCommand),
    /// Read a list (CSV) into the store.
    Import(import::ImportArgs),
    /// Take people off a list: their NIKs are read from a hidden prompt or from standard input, one a line.
    Withdraw(withdraw::WithdrawArgs),
    /// Publish the next epoch of a dataset.
    Publish(publish::PublishArgs),
    /// Show a public log.
    #[command(subcommand)]
    Log(log::LogCommand),
    /// Be a witness: follow the logs of publishers, and vouch that each shows everybody one history.
    #[command(subcommand)]
    Witness(witness::WitnessCommand),
    /// Work out the figures of a list before publishing it: what the filter costs, and what it tells whom.
    Plan(plan::PlanArgs),
    /// Write a list of people who do not exist, as publishers hold them.
    Sample(sample::SampleArgs),
    /// Do all of it in one directory: keys, list, import, publication, service, and three NIKs to try.
    Demo(demo::DemoArgs),
}

/// Most digits together that are repeated of an argument: those of a date. A NIK, or what was to be one, has more.
const MOST_DIGITS_TOLD: usize = 8;

/// Options whose values may well have the sixteen digits of a NIK.
const NUMBERS: [&str; 1] = ["--seed"];

fn main() -> ExitCode {
    // Before anything is read of them: sixteen digits can be the id of a dataset, which is told and written down.
    if has_nik(std::env::args_os().skip(1)) {
        eprintln!(
            "ceknik: a NIK is never given with a command, where everybody on this machine can read it: type it at the prompt, or \
             pipe it in, one a line. It may stand in the history of your shell now: remove it there"
        );
        return ExitCode::from(2);
    }
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) if error.use_stderr() => {
            eprintln!("{}", masked(&error.to_string()).trim_end());
            return ExitCode::from(2);
        }
        // The help, or the version.
        Err(error) => error.exit(),
    };
    let done = match command {
        Command::Check(args) => check::run(args),
        Command::Verify(args) => verify::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Mirror(args) => mirror::run(args),
        Command::Keygen(args) => keygen::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Dataset(command) => dataset::run(&command).map(|()| ExitCode::SUCCESS),
        Command::Import(args) => import::run(args),
        Command::Withdraw(args) => withdraw::run(&args),
        Command::Publish(args) => publish::run(&args),
        Command::Log(command) => log::run(&command).map(|()| ExitCode::SUCCESS),
        Command::Witness(command) => witness::run(&command).map(|()| ExitCode::SUCCESS),
        Command::Plan(args) => plan::run(args).map(|()| ExitCode::SUCCESS),
        Command::Sample(args) => sample::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Demo(args) => demo::run(args).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|failure| {
        failure.print();
        ExitCode::from(failure.code())
    })
}

/// What is wrong with arguments, without what is nearly a NIK.
fn masked(text: &str) -> String {
    // Digits, and what may stand between those of a NIK.
    let near = |c: char| c.is_numeric() || matches!(c, ' ' | '.' | '-');
    let mut masked = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(char::is_numeric) {
        let (before, from) = rest.split_at(start);
        let (number, after) = from.split_at(from.find(|c| !near(c)).unwrap_or(from.len()));
        masked.push_str(before);
        let digits = number.chars().filter(|c| c.is_numeric()).count();
        masked.push_str(if digits <= MOST_DIGITS_TOLD { number } else { "…" });
        rest = after;
    }
    masked + rest
}

/// Whether an argument is a NIK, in whatever form, or an option's value is.
fn has_nik(arguments: impl Iterator<Item = OsString>) -> bool {
    let mut is_number = false;
    arguments.into_iter().any(|argument| {
        let Some(text) = argument.to_str() else { return false };
        if std::mem::replace(&mut is_number, NUMBERS.contains(&text)) {
            return false;
        }
        let (option, value) = text.split_once('=').unwrap_or((text, ""));
        !NUMBERS.contains(&option) && [option].into_iter().chain(value.split('=')).any(|part| Nik::parse(part).is_ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nearly_a_nik_is_not_repeated() {
        for (text, told) in [
            ("unexpected argument '317101170890900' found", "unexpected argument '…' found"),
            ("'\'3171-0117-0890-9900\''", "'\'…\''"),
            ("'3171 0117 0890 990'", "'…'"),
            ("invalid value '100,000' for '--rows <ROWS>': 7", "invalid value '100,000' for '--rows <ROWS>': 7"),
            ("'2026-11-22 at eight'", "'2026-11-22 at eight'"),
            ("'٣١٧١٠١١٧٠٨٩٠'", "'…'"),
            ("", ""),
        ] {
            assert_eq!(masked(text), told);
        }
    }
}
