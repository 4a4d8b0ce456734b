//! `ceknik withdraw`.

use std::io::{self, BufReader, IsTerminal, Read};
use std::num::NonZeroUsize;
use std::process::ExitCode;

use ceknik_core::manifest::Id;
use ceknik_issuer::{NikLines, WithdrawSummary, Withdrawal};
use clap::Args;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::home::HomeArgs;
use crate::output::warnings;
use crate::progress::Progress;
use crate::prompt;

/// Exit code when somebody was not found, or a line was no NIK.
const NOT_ALL: u8 = 3;

#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 when everybody was withdrawn, 3 when a line is no NIK or there was nothing to withdraw for it \
                  (the others are withdrawn), 1 or 2 when it was not done, or not to the end."
)]
pub(crate) struct WithdrawArgs {
    #[command(flatten)]
    home: HomeArgs,
    /// The dataset's id.
    dataset: Id,
    /// Withdraw the support of this candidate alone; of all unless set.
    #[arg(long, value_name = "ID")]
    candidate: Option<String>,
    /// Threads that stretch; all cores unless set.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// One JSON object in place of text.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &WithdrawArgs) -> Result<ExitCode, Failure> {
    let mut home = args.home.open(&format!("a withdrawal from {}", args.dataset))?;
    let mut generations = Vec::new();
    for generation in home.store.generations_in_use(&args.dataset)? {
        let number = generation.number;
        let key = home.key(|keys, passphrase| keys.oprf_key(&args.dataset, number, passphrase))?;
        generations.push((generation, key));
    }
    let withdrawal = Withdrawal {
        store: &mut home.store,
        cipher: &home.cipher,
        generations: &generations,
        candidate: args.candidate.as_deref(),
        threads: args.threads,
    };
    let typed;
    let source: Box<dyn Read + Send> = if io::stdin().is_terminal() {
        let lines = prompt::hidden_lines("Type the NIKs to withdraw, one a line; an empty line ends.")?;
        typed = Zeroizing::new(lines.iter().map(|line| line.as_str()).collect::<Vec<_>>().join("\n"));
        Box::new(io::Cursor::new(typed.as_bytes()))
    } else {
        Box::new(io::stdin())
    };
    let mut progress = Progress::new(None, "lines");
    let summary = withdrawal.withdraw(NikLines::new(BufReader::new(source)), |done| progress.advance(done));
    drop(progress);
    let summary = summary?;
    let WithdrawSummary { withdrawn, not_listed, refused, .. } = &summary;
    if *withdrawn == 0 && not_listed.is_empty() && refused.is_empty() {
        return Err(Failure::new("no NIK was given: type one, or pipe NIKs in, one a line"));
    }
    if args.json {
        println!("{}", serde_json::to_string(&summary)?);
    } else {
        print!("{}", describe(&summary));
    }
    let all = not_listed.is_empty() && refused.is_empty();
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::from(NOT_ALL) })
}

fn describe(summary: &WithdrawSummary) -> String {
    let mut text = match summary.withdrawn {
        0 => "Nobody was withdrawn.\n".to_owned(),
        1 => "1 person withdrawn, who is gone from the next epoch on.\n".to_owned(),
        people => format!("{people} people withdrawn, who are gone from the next epoch on.\n"),
    };
    if summary.still_listed > 0 {
        text.push_str(&format!("  still listed for another candidate: {}\n", summary.still_listed));
    }
    if !summary.not_listed.is_empty() {
        text.push_str(&format!("  nothing to withdraw: line {}\n", numbers(&summary.not_listed)));
    }
    for (line, error) in &summary.refused {
        text.push_str(&format!("  line {line}: {error}\n"));
    }
    text + &warnings(&summary.left)
}

fn numbers(lines: &[u64]) -> String {
    lines.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}
