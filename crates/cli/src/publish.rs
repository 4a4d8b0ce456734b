//! `ceknik publish`.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use ceknik_core::log::{Policy, SignedCheckpoint};
use ceknik_core::manifest::Id;
use ceknik_core::time::Timestamp;
use ceknik_issuer::{
    CosignRequest, CosignedEpoch, Publication, PublishError, Publisher, Unannounced, WitnessOutcome, Witnesses,
};
use ceknik_witness::{Patience, Request, collect};
use clap::Args;
use serde_json::json;

use crate::failure::Failure;
use crate::home::{self, HomeArgs, OpenHome};
use crate::output::{counted, warnings};
use crate::progress::Phases;
use crate::trust::{cosigned_at, read_policy};

/// Clients refuse an epoch that is further ahead of their clock, in seconds (spec, "Manifest").
const MOST_SECONDS_AHEAD: i64 = 300;

/// Exit code when too few witnesses cosigned.
const QUORUM_NOT_MET: u8 = 3;

#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 when it was published, 3 when too few witnesses cosigned (the same command, run again, goes on), \
                  1 or 2 when it was not done."
)]
pub(crate) struct PublishArgs {
    #[command(flatten)]
    home: HomeArgs,
    /// The dataset's id.
    dataset: Id,
    /// Show the manifest and what would change, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Publish although an import was interrupted or held back: what the store has now, so that people who are missing are told
    /// that they are not listed, and people of a wrong list that they are. For an epoch that must be renewed meanwhile.
    #[arg(long)]
    despite_unfinished_import: bool,
    /// Publish only if the epoch is the same as the one before but for its time: to go on answering for it.
    #[arg(long, conflicts_with_all = ["despite_unfinished_import", "despite_missing", "despite_empty"])]
    renew: bool,
    /// Publish nothing: ask the witnesses whose cosignatures the log's checkpoint lacks, and put them into the proof of the
    /// dataset's current epoch.
    #[arg(long, conflicts_with_all = ["renew", "dry_run", "despite_unfinished_import", "despite_missing", "despite_empty", "now"])]
    cosign: bool,
    /// Seconds to wait for the policy's witnesses, all together. None is waited for once enough have cosigned.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    witness_seconds: u64,
    /// Announce a generation that was begun although it has more than a quarter fewer people than are published.
    #[arg(long)]
    despite_missing: bool,
    /// Publish although nobody is on the list, so that everybody is told that he is not listed.
    #[arg(long)]
    despite_empty: bool,
    /// Publish as of this time, such as 2026-11-22T08:00:00Z, in place of the clock's.
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    now: Option<Timestamp>,
    /// Let --now be ahead of this machine's clock, for tests. Clients refuse such an epoch until its time has come, and no
    /// epoch can be published before that time any more: a year mistyped cannot be taken back.
    #[arg(long, requires = "now")]
    ahead_of_clock: bool,
    /// One JSON object in place of text.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &PublishArgs) -> Result<ExitCode, Failure> {
    let mut home = args.home.open(&format!("the publication of {}", args.dataset))?;
    if args.cosign {
        let cosigned = cosign(&mut home, &args.dataset, args.how())?;
        if args.json {
            println!("{}", cosigned_json(&args.dataset, &cosigned));
        } else {
            print!("{}", describe_cosigned(&args.dataset, &cosigned));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let now = match args.now {
        Some(now) if args.dry_run || args.ahead_of_clock => now,
        Some(now) => not_ahead(now, home::now()?)?,
        None => after_latest(&home, &args.dataset)?,
    };
    let published = publish(&mut home, &args.dataset, now, args.how())?;
    if args.json {
        println!("{}", to_json(&published, args.dry_run));
    } else {
        print!("{}", describe(&published.publication, args.dry_run));
    }
    Ok(ExitCode::SUCCESS)
}

/// How an epoch is published.
#[derive(Clone, Copy, Default)]
pub(crate) struct How {
    dry_run: bool,
    despite_unfinished_import: bool,
    despite_empty: bool,
    despite_missing: bool,
    renew: bool,
    patience: Patience,
}

impl PublishArgs {
    fn how(&self) -> How {
        How {
            dry_run: self.dry_run,
            despite_unfinished_import: self.despite_unfinished_import,
            despite_empty: self.despite_empty,
            despite_missing: self.despite_missing,
            renew: self.renew,
            patience: Patience { altogether: Duration::from_secs(self.witness_seconds), ..Patience::default() },
        }
    }
}

/// Times must grow from epoch to epoch, and the log forgets none: one far ahead would end the dataset.
fn not_ahead(now: Timestamp, clock: Timestamp) -> Result<Timestamp, Failure> {
    if now.unix() - clock.unix() <= MOST_SECONDS_AHEAD {
        return Ok(now);
    }
    Err(Failure::new(format!(
        "the time {now} is more than 5 minutes ahead of this machine's clock, {clock}: no client would accept the epoch before \
         that time, and no other could be published until then. Correct --now or the clock; --dry-run shows what would be \
         published"
    )))
}

/// The clock's time; within the second of the latest epoch, that second is waited for, since times must grow.
fn after_latest(home: &OpenHome, dataset: &Id) -> Result<Timestamp, Failure> {
    let now = home::now()?;
    let latest = home.store.latest_epoch(dataset)?;
    if latest.is_some_and(|latest| latest.published_at == now) {
        std::thread::sleep(std::time::Duration::from_secs(1));
        return home::now();
    }
    Ok(now)
}

/// What was published.
pub(crate) struct Published {
    pub(crate) publication: Publication,
    /// Another dataset's epoch, whose publication was interrupted.
    finished: Option<Publication>,
}

/// Does something with a home's publisher.
fn with_publisher<T>(
    home: &mut OpenHome,
    how: How,
    run: impl FnOnce(&mut Publisher<'_>) -> Result<T, PublishError>,
) -> Result<T, Failure> {
    let signer = home.key(|keys, passphrase| keys.log_key(passphrase))?;
    let noise_key = home.noise_key();
    let (public, staging) = (home.home.public(), home.home.staging());
    // Who must cosign is not guessed.
    let policy = read_policy(&home.home.policy())?;
    let mut phases = Phases::new();
    let mut ask = |request: &CosignRequest| ask(request, how.patience);
    let mut publisher = Publisher {
        store: &mut home.store,
        cipher: &home.cipher,
        noise_key: &noise_key,
        signer: &signer,
        public: &public,
        staging: &staging,
        despite_unfinished_import: how.despite_unfinished_import,
        despite_empty: how.despite_empty,
        despite_missing: how.despite_missing,
        renew: how.renew,
        witnesses: has_witnesses(&policy).then_some(Witnesses { policy: &policy, ask: &mut ask }),
        observer: &mut |_| (),
        progress: &mut |phase, done, buckets| phases.of(phase, buckets, "buckets").advance(done),
    };
    run(&mut publisher).map_err(|error| match error {
        error @ PublishError::Quorum { .. } => Failure::from(error).with_code(QUORUM_NOT_MET),
        error => error.into(),
    })
}

/// A policy that names none is satisfied by the log alone.
fn has_witnesses(policy: &Policy) -> bool {
    policy.needs_witnesses() || !policy.witnesses().is_empty()
}

/// Asks witnesses over the network.
fn ask(request: &CosignRequest, patience: Patience) -> Vec<Result<SignedCheckpoint, String>> {
    let count = request.witnesses.len() as u64;
    let seconds = patience.altogether.as_secs();
    eprintln!("Asking {} to cosign, for {seconds} s at most", counted(count, "witness", "witnesses"));
    let requests = request.witnesses.iter().map(|witness| Request {
        key: witness.key.clone(),
        url: witness.url.clone(),
        old: witness.old,
    });
    let requests: Vec<_> = requests.collect();
    let prover = request.clone();
    let prove = Arc::new(move |old| prover.prove(old).map_err(|error| error.to_string()));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return requests.iter().map(|_| Err(format!("it was not asked: {error}"))).collect(),
    };
    let enough = |answers: &[&SignedCheckpoint]| request.is_enough(answers);
    let asked = runtime.block_on(collect(&request.checkpoint, requests, prove, patience, enough));
    asked.into_iter().map(|asked| asked.cosigned.map_err(|failure| failure.to_string())).collect()
}

fn cosign(home: &mut OpenHome, dataset: &Id, how: How) -> Result<CosignedEpoch, Failure> {
    with_publisher(home, how, |publisher| publisher.cosign(dataset))
}

pub(crate) fn publish(home: &mut OpenHome, dataset: &Id, now: Timestamp, how: How) -> Result<Published, Failure> {
    with_publisher(home, how, |publisher| {
        if how.dry_run {
            return Ok(Published { publication: publisher.dry_run(dataset, now)?, finished: None });
        }
        let finished = match publisher.finish_pending()? {
            Some(publication) if publication.manifest.dataset == *dataset => {
                return Ok(Published { publication, finished: None });
            }
            finished => finished,
        };
        if let Some(Publication { manifest, left, .. }) = &finished {
            // Now, since what comes after may be refused.
            eprintln!(
                "ceknik: an interrupted publication was finished first: epoch {} of {}, as of {}",
                manifest.epoch, manifest.dataset, manifest.published_at
            );
            for what in left {
                eprintln!("ceknik: warning: {what}");
            }
        }
        Ok(Published { publication: publisher.publish(dataset, now)?, finished })
    })
}

/// What came of each witness, a line each.
fn describe_witnesses(witnesses: &[WitnessOutcome]) -> String {
    let line = |outcome: &WitnessOutcome| match &outcome.cosigned {
        Ok(time) => format!("  witness {}: cosigned at {}\n", outcome.name, cosigned_at(*time)),
        Err(reason) => {
            format!("  warning: witness {}: {reason}; `ceknik publish --cosign` asks it again\n", outcome.name)
        }
    };
    witnesses.iter().map(line).collect()
}

fn witnesses_json(witnesses: &[WitnessOutcome]) -> serde_json::Value {
    let object = |outcome: &WitnessOutcome| {
        let time = outcome.cosigned.as_ref().ok().map(|time| cosigned_at(*time));
        json!({"name": outcome.name, "cosigned_at": time, "failure": outcome.cosigned.as_ref().err()})
    };
    witnesses.iter().map(object).collect()
}

fn describe_cosigned(dataset: &Id, cosigned: &CosignedEpoch) -> String {
    let CosignedEpoch { epoch, head, witnesses } = cosigned;
    format!(
        "The proof of epoch {epoch} of {dataset} is under the log's checkpoint of {}\n{}",
        counted(head.size, "entry", "entries"),
        describe_witnesses(witnesses)
    )
}

fn cosigned_json(dataset: &Id, cosigned: &CosignedEpoch) -> serde_json::Value {
    json!({
        "dataset": dataset.as_str(),
        "epoch": cosigned.epoch,
        "log_size": cosigned.head.size,
        "witnesses": witnesses_json(&cosigned.witnesses),
    })
}

fn to_json(published: &Published, dry_run: bool) -> serde_json::Value {
    let Published { publication, finished } = published;
    let Publication {
        manifest,
        generation,
        changes,
        concentration,
        unfinished_import,
        doubtful_import,
        newly_empty,
        unannounced,
        resumed,
        witnesses,
        left,
        ..
    } = publication;
    json!({
        "dataset": manifest.dataset.as_str(),
        "epoch": manifest.epoch,
        "generation": generation,
        "published": !dry_run,
        "resumed": resumed,
        "finished_first": finished.as_ref().map(|finished| {
            json!({"dataset": finished.manifest.dataset.as_str(), "epoch": finished.manifest.epoch})
        }),
        "records": manifest.records,
        "added": changes.added,
        "removed": changes.removed,
        "changed": changes.changed,
        "unchanged": changes.unchanged,
        "held": changes.held,
        "unfinished_import": unfinished_import,
        "doubtful_import": doubtful_import,
        "newly_empty": newly_empty,
        "unannounced_generation": unannounced.as_ref().map(|unannounced| unannounced.generation),
        "unannounced_because": unannounced.as_ref().map(|unannounced| unannounced.because.to_string()),
        "witnesses": witnesses_json(witnesses),
        "left": left,
        "epoch_odds_factor": manifest.disclosure.epoch_odds_factor,
        "additions": concentration.additions,
        "most_additions_from_one_district": concentration.most_from_one_district,
        "manifest": serde_json::from_slice::<serde_json::Value>(&publication.bytes).unwrap_or_default(),
    })
}

fn describe(publication: &Publication, dry_run: bool) -> String {
    let Publication {
        manifest,
        generation,
        changes,
        concentration,
        bytes,
        unfinished_import,
        doubtful_import,
        newly_empty,
        unannounced,
        resumed,
        witnesses,
        left,
    } = publication;
    let mut text = String::new();
    let mut line = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    if *resumed {
        line(format!(
            "An interrupted publication was finished: epoch {} of {}, as of {}. Nothing else was published; run the command again \
             if there is more.",
            manifest.epoch, manifest.dataset, manifest.published_at
        ));
        return text + &describe_witnesses(witnesses) + &warnings(left);
    }
    if dry_run {
        line(String::from_utf8_lossy(bytes).trim_end().to_owned());
        line(String::new());
    }
    line(format!(
        "{} epoch {} of {} (generation {generation}), as of {}, valid until {}",
        if dry_run { "Would publish" } else { "Published" },
        manifest.epoch,
        manifest.dataset,
        manifest.published_at,
        manifest.valid_until,
    ));
    line(format!(
        "  {} records: {} added, {} removed, {} changed, {} unchanged",
        manifest.records, changes.added, changes.removed, changes.changed, changes.unchanged
    ));
    if *newly_empty {
        line(format!(
            "  warning: nobody is on the list, and everybody is told that he is not listed{}",
            if dry_run { ". `ceknik publish` refuses it" } else { "" }
        ));
    } else if changes.removes_many() {
        line(format!(
            "  warning: {} of the {} people of the epoch before are taken off. If that is not meant, import the whole list again{}",
            changes.removed,
            changes.before(),
            if dry_run { " first" } else { " and publish once more" }
        ));
    }
    if changes.held > 0 {
        line(format!("  {} additions are held back for the new generation that was begun", changes.held));
    }
    if let Some(import) = unfinished_import {
        line(format!(
            "  warning: import {import} has not ended, and this has only a part of its list: who is missing is told that he is not \
             listed{}",
            if dry_run {
                ". `ceknik publish` refuses it; import the list again, or abandon the import, first"
            } else {
                ""
            }
        ));
    }
    if let Some(import) = doubtful_import {
        line(format!(
            "  warning: import {import} is held back and may be of a wrong list; what it brought is in this epoch{}",
            if dry_run { ". `ceknik publish` refuses it" } else { "" }
        ));
    }
    if let Some(Unannounced { generation, because }) = unannounced {
        line(format!("  generation {generation} was begun and is not announced: {because}"));
    }
    if manifest.oprf.next.is_some() {
        line(format!("  the new generation's key is announced, and epoch {} has it", manifest.epoch + 1));
    }
    let disclosure = &manifest.disclosure;
    line(format!("  {} people for each bucket", disclosure.people_per_bucket));
    if let Some(factor) = disclosure.odds_factor {
        line(format!("  a hit multiplies the odds of being listed by {factor}"));
    }
    match disclosure.epoch_odds_factor {
        Some(factor) => {
            line(format!("  a hit in a cell that this epoch set multiplies them by {factor} (epoch_odds_factor)"))
        }
        None if manifest.filter.is_some() => line("  this epoch sets no cell (epoch_odds_factor: none)".to_owned()),
        None => {}
    }
    if concentration.additions > 0 {
        let share = 100.0 * concentration.most_from_one_district as f64 / concentration.additions as f64;
        line(format!("  of {} people added, at most {share:.0} % are of one district", concentration.additions));
        if disclosure.epoch_odds_factor.is_some_and(|factor| factor > 100.0) && share > 20.0 {
            line(
                "  warning: few additions that come from one area are exposed. Who knows the area's people learns much from \
                 the cells that this epoch sets. Publish them together with additions from elsewhere, or begin a new generation"
                    .to_owned(),
            );
        }
    }
    text + &describe_witnesses(witnesses) + &warnings(left)
}
