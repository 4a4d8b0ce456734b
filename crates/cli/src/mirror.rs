//! `ceknik mirror`: a verified copy of a publisher's public files.

use std::path::PathBuf;
use std::process::ExitCode;

use ceknik_auditor::{Mirror, Mirrored};
use ceknik_core::manifest::Id;
use clap::Args;

use crate::audit::source;
use crate::failure::Failure;
use crate::output::counted;
use crate::progress::Progress;
use crate::trust::read_policy;

#[derive(Args)]
pub(crate) struct MirrorArgs {
    /// The service, or another mirror: https://host/path, or http:// on this machine.
    #[arg(value_name = "URL")]
    server: String,
    /// Where to: what any static host can serve. It goes on from what is there.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Which lists; all that are in the log unless named.
    #[arg(value_name = "DATASET")]
    datasets: Vec<Id>,
    /// Whom to trust: the publisher's log and its witnesses (C2SP tlog-policy).
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// Copy every epoch whose files are there, and keep all of them: for auditors. Without it the current one is copied, and the
    /// one before is kept.
    #[arg(long)]
    archive: bool,
    /// One JSON object in place of text.
    #[arg(long)]
    json: bool,
    /// Allow http:// to another machine.
    #[arg(long)]
    allow_plain_http: bool,
    /// Seconds to wait for a response; a long file has a second more for every 16 KiB.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
}

pub(crate) fn run(args: MirrorArgs) -> Result<ExitCode, Failure> {
    let mirror = Mirror {
        source: source(&args.server, args.allow_plain_http, args.timeout)?,
        dir: args.dir,
        policy: read_policy(&args.policy)?,
        datasets: args.datasets,
        archive: args.archive,
    };
    let mut shown: Option<Progress> = None;
    let mut progress = |done, of| {
        let progress = shown.get_or_insert_with(|| Progress::new(Some(of), "buckets"));
        progress.advance(done);
        if done == of {
            shown = None;
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mirrored = runtime.block_on(mirror.run(&mut progress))?;
    if args.json {
        println!("{}", serde_json::to_string(&mirrored)?);
    } else {
        print!("{}", describe(&mirrored));
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(mirrored: &Mirrored) -> String {
    let Mirrored { log_size, lists, epochs, gone, fetched, kept, linked } = mirrored;
    let mut text = format!(
        "{}, {}, a log of {}: {fetched} files written, {kept} were here, {linked} linked\n",
        counted(*lists, "list", "lists"),
        counted(*epochs, "epoch", "epochs"),
        counted(*log_size, "entry", "entries")
    );
    if *gone > 0 {
        text.push_str(&format!("  files of {} are served no more\n", counted(*gone, "epoch", "epochs")));
    }
    text
}
