//! `ceknik verify`: the officer's command.

use std::path::PathBuf;
use std::process::ExitCode;

use ceknik_core::encoding::{base64url, hex};
use ceknik_core::evidence::{Check, Finding, MOST_EVIDENCE_BYTES, Terms, Verdict, examine};
use ceknik_core::log::Witnessed;
use ceknik_core::manifest::{Id, Text, VerifiedManifest};
use ceknik_core::record::Support;
use ceknik_core::{Nik, Stretcher};
use clap::Args;
use serde::Serialize;

use crate::check::words::no_nik;
use crate::failure::Failure;
use crate::prompt;
use crate::trust::{cosigned_at, read_file, read_policy};

mod report;
pub(crate) mod words;

/// The NIK was not on the list.
const NOT_LISTED: u8 = 3;
/// The file proves that the publisher broke the rules.
const MISBEHAVIOUR: u8 = 4;
/// A check failed: the file shows nothing.
const INVALID: u8 = 5;

#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 when the NIK was listed, 3 when it was not listed, 4 when the file proves that the publisher broke \
                  the rules (the filter lacks a record, or the record cannot be read), 5 when a check failed and the file shows \
                  nothing, 1 or 2 when nothing was checked."
)]
pub(crate) struct VerifyArgs {
    /// The evidence, as `ceknik check --evidence` or the citizens' page made it.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Whom to trust: the publisher's log and its witnesses (C2SP tlog-policy), from the publisher or from somebody whom you
    /// trust, and never from whoever brings the evidence.
    #[arg(long, value_name = "FILE", required_unless_present = "unpinned_policy")]
    policy: Option<PathBuf>,
    /// The same, from wherever it came: the verdict says that nobody vouched for it.
    #[arg(long, value_name = "FILE", conflicts_with = "policy")]
    unpinned_policy: Option<PathBuf>,
    /// The list that the evidence must be of; any, unless set, and the verdict tells which.
    #[arg(long, value_name = "ID")]
    dataset: Option<Id>,
    /// Accept lists with a weak stretch, which are for tests.
    #[arg(long)]
    accept_weak: bool,
    /// One JSON object in place of text.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &VerifyArgs) -> Result<ExitCode, Failure> {
    let (path, pinned) = match (&args.policy, &args.unpinned_policy) {
        (Some(path), _) => (path, true),
        (None, Some(path)) => (path, false),
        (None, None) => return Err(Failure::new("give the policy with --policy FILE")),
    };
    let policy = read_policy(path)?;
    let file = read_file(&args.file, MOST_EVIDENCE_BYTES)?;
    let terms = Terms { policy: &policy, dataset: args.dataset.as_ref(), accept_weak: args.accept_weak };
    // A file that does not hold is told before anybody types a NIK.
    let verdict = match examine(&file, &terms) {
        Err(verdict) => *verdict,
        Ok(examination) => {
            let line = prompt::hidden_line("Ketik NIK dari KTP. / Type the NIK on the identity card.")?;
            let nik = Nik::parse(&line).map_err(|error| Failure::new(format!("{} / {error}", no_nik(error))))?;
            let stretch = examination.stretch();
            let stretched = Stretcher::new(stretch.cost, stretch.salt)?.stretch(&nik)?;
            examination.conclude(&stretched)
        }
    };
    if args.json {
        let json = Json::new(&verdict, pinned);
        println!("{}", serde_json::to_string(&json).unwrap_or_default());
    } else {
        report::print(&verdict, pinned);
    }
    Ok(ExitCode::from(exit_code(&verdict)))
}

fn exit_code(verdict: &Verdict) -> u8 {
    match verdict.finding {
        Finding::Nothing { .. } => INVALID,
        _ if verdict.proves_misbehaviour() => MISBEHAVIOUR,
        Finding::NotListed => NOT_LISTED,
        Finding::Listed { .. } | Finding::Unreadable { .. } => 0,
    }
}

/// The verdict for machines. Never the NIK.
#[derive(Serialize)]
struct Json<'a> {
    verdict: &'static str,
    sha256: String,
    policy_pinned: bool,
    supports: &'a [Support],
    cell_is_set: Option<bool>,
    list: Option<JsonList<'a>>,
    checks: Vec<JsonCheck<'a>>,
}

#[derive(Serialize)]
struct JsonList<'a> {
    dataset: &'a Id,
    epoch: u64,
    title: &'a Text,
    coverage: &'a Text,
    published_at: String,
    valid_until: String,
    manifest_sha256: String,
    log: String,
    log_index: u64,
    log_size: u64,
    witnesses: Vec<JsonWitness>,
    evaluation_key: String,
}

#[derive(Serialize)]
struct JsonWitness {
    name: String,
    key_name: String,
    time: String,
}

#[derive(Serialize)]
struct JsonCheck<'a> {
    check: &'static str,
    result: &'static str,
    detail: Option<&'a str>,
}

impl<'a> Json<'a> {
    fn new(verdict: &'a Verdict, pinned: bool) -> Self {
        let (supports, failed) = match &verdict.finding {
            Finding::Listed { supports } => (supports.as_slice(), None),
            Finding::NotListed => (&[][..], None),
            Finding::Unreadable { detail } => (&[][..], Some((Check::Record, detail))),
            Finding::Nothing { check, detail } => (&[][..], Some((*check, detail))),
        };
        let check = |check: &Check| JsonCheck {
            check: check.code(),
            result: verdict.result(*check).code(),
            detail: failed.filter(|(failed, _)| failed == check).map(|(_, detail)| detail.as_str()),
        };
        Self {
            verdict: verdict.code(),
            sha256: hex(&verdict.sha256),
            policy_pinned: pinned,
            supports,
            cell_is_set: verdict.cell_is_set,
            list: verdict.list.as_ref().map(JsonList::new),
            checks: Check::ALL.iter().map(check).collect(),
        }
    }
}

impl<'a> JsonList<'a> {
    fn new(list: &'a VerifiedManifest) -> Self {
        let (manifest, checkpoint) = (list.manifest(), list.checkpoint());
        let witness = |witnessed: &Witnessed| JsonWitness {
            name: String::from_utf8_lossy(&witnessed.witness).into_owned(),
            key_name: witnessed.key_name.clone(),
            time: cosigned_at(witnessed.time),
        };
        Self {
            dataset: &manifest.dataset,
            epoch: manifest.epoch,
            title: &manifest.title,
            coverage: &manifest.coverage,
            published_at: manifest.published_at.to_string(),
            valid_until: manifest.valid_until.to_string(),
            manifest_sha256: hex(&list.sha256()),
            log: checkpoint.log().to_string(),
            log_index: list.log_index(),
            log_size: checkpoint.head().size,
            witnesses: checkpoint.witnessed().iter().map(witness).collect(),
            evaluation_key: base64url(&manifest.oprf.public_key.to_bytes()),
        }
    }
}
