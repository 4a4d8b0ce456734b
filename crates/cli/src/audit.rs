//! `ceknik audit`: a publisher from outside.

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use ceknik_auditor::{
    Audit, ListOpener, Phase, RawList, Report, Source, State, TrustBasis, Verdict, html, text, write_whole,
};
use ceknik_client::{ServerUrl, ServerUrlError, Timeouts};
use ceknik_core::Nik;
use ceknik_core::manifest::{Id, Manifest, Texts};
use ceknik_issuer::{ColumnMap, ReaderOptions, Row, RowReader, Terms};
use clap::Args;

use crate::failure::Failure;
use crate::home;
use crate::progress::Phases;
use crate::trust::{read_policy, tell_first_use};

/// The publisher or the service broke a rule.
const PROBLEM: u8 = 3;
/// Something could not be checked.
const NOT_WHOLE: u8 = 4;
/// The log shows two histories.
const FORK: u8 = 5;
/// Figures that chance gives one honest epoch in 1,000.
const UNLIKELY: u8 = 6;

#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 when everything was checked that can be and keeps the rules; 3 when the publisher or the service broke \
                  one; 4 when something could not be checked; 5 when the log was forked, rewritten or rolled back; 6 when a figure is \
                  such as chance gives one honest epoch in 1,000, for the first time; 1 or 2 when nothing can be said."
)]
pub(crate) struct AuditArgs {
    /// The service: https://host/path, or http:// on this machine.
    #[arg(value_name = "URL")]
    server: String,
    /// Which lists; all that are in the log unless named.
    #[arg(value_name = "DATASET")]
    datasets: Vec<Id>,
    /// Whom to trust: the publisher's log and its witnesses (C2SP tlog-policy). Without it the service's own policy is taken at
    /// the first audit, and kept in --state.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Where this audit goes on from the one before, and the next one from this: one directory for each publisher. Without it
    /// the whole history is audited, and nothing is kept.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Write the report as a page that stands alone.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The report as one JSON object in place of text.
    #[arg(long)]
    json: bool,
    /// Ask for no evaluation. Otherwise 15 requests are made for each list: 8 with 68 random elements, 7 with mistakes.
    #[arg(long)]
    no_probes: bool,
    /// The raw list (CSV), of one dataset: does everybody on it hit the filter, and is nobody else in it?
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
    /// Which column of the raw list is which, as in `ceknik import`.
    #[arg(long, value_name = "KEY=COLUMN", requires = "list")]
    map: Vec<String>,
    /// The candidate of all rows of the raw list: an id, or a title.
    #[arg(long, value_name = "ID", requires = "list")]
    candidate: Option<String>,
    /// The status of all rows of the raw list: an id, or a title.
    #[arg(long, value_name = "ID", requires = "list")]
    status: Option<String>,
    /// Compare rows whose NIK ends in 0000 as well, and read a list in which every NIK ends in 0: where the list was imported with
    /// this, and only there.
    #[arg(long, requires = "list")]
    trust_final_zeros: bool,
    /// People of the raw list, drawn at random, who are looked for in the sealed table: an evaluation each, from the list's budget.
    #[arg(long, value_name = "N", requires = "list", default_value_t = 0, value_parser = sample_size)]
    sample: usize,
    /// Threads that stretch; all cores unless set. Each takes the memory of one stretch.
    #[arg(long, value_name = "N", requires = "list")]
    threads: Option<NonZeroUsize>,
    /// Do not find fault with a weak stretch, which is for tests.
    #[arg(long)]
    accept_weak: bool,
    /// Allow http:// to another machine.
    #[arg(long)]
    allow_plain_http: bool,
    /// Seconds to wait for a response; a long file has a second more for every 16 KiB.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
}

/// A sample is no copy of the list.
const MOST_SAMPLED: usize = 4096;

fn sample_size(text: &str) -> Result<usize, String> {
    let size = text.parse().ok().filter(|size| *size <= MOST_SAMPLED);
    size.ok_or_else(|| format!("a number of people, {MOST_SAMPLED} at most"))
}

pub(crate) fn run(args: &AuditArgs) -> Result<ExitCode, Failure> {
    let source = source(&args.server, args.allow_plain_http, args.timeout)?;
    let policy = args.policy.as_deref().map(read_policy).transpose()?;
    let state = match &args.state {
        Some(dir) => State::open(dir)?,
        None => State::temporary()?,
    };
    let is_kept = state.is_kept();
    let audit = Audit {
        source,
        state,
        policy,
        datasets: args.datasets.clone(),
        probes: !args.no_probes,
        accept_weak: args.accept_weak,
        list: args.list.as_deref().map(|list| opener(args, list)),
        now: home::now()?,
    };
    let mut phases = Phases::new();
    let mut progress = |phase, done, of| {
        let what = match phase {
            Phase::Log => "entries of the log",
            Phase::Buckets(_) => "buckets",
            Phase::People => "people",
        };
        phases.of(phase, of, what).advance(done);
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(audit.run(&mut progress));
    phases.end();
    let report = report?;
    tell_trust(&report, is_kept);
    if let Some(file) = &args.html {
        write_whole(file, html(&report).as_bytes())?;
    }
    if args.json {
        println!("{}", report.to_json());
    } else {
        print!("{}", text(&report));
    }
    Ok(ExitCode::from(match report.verdict {
        Verdict::AllWell => 0,
        Verdict::Problem => PROBLEM,
        Verdict::NotWhole => NOT_WHOLE,
        Verdict::Fork => FORK,
        Verdict::Unlikely => UNLIKELY,
    }))
}

/// The service or mirror at an address.
pub(crate) fn source(address: &str, allow_plain_http: bool, timeout: u64) -> Result<Source, Failure> {
    let parse = if allow_plain_http { ServerUrl::parse_allowing_plain_http } else { ServerUrl::parse };
    let server = parse(address).map_err(|error| match error {
        ServerUrlError::PlainHttp => Failure::new(format!("URL: {error} (--allow-plain-http)")),
        error => Failure::new(format!("URL: {error}")),
    })?;
    Ok(Source::new(server, Timeouts::default().with_response(Duration::from_secs(timeout)))?)
}

/// Reads the raw list as `ceknik import` does, with the words of the published one.
fn opener<'a>(args: &'a AuditArgs, file: &'a Path) -> ListOpener<'a> {
    Box::new(move |manifest: &Manifest| {
        let mut map = ColumnMap::default();
        for text in &args.map {
            map.add(text)?;
        }
        fn terms(of: &Texts) -> Result<Terms, ceknik_issuer::TermsError> {
            Terms::new(of.iter().map(|(id, text)| (id.as_str(), [text.id.as_str(), text.en.as_str()])))
        }
        let options = ReaderOptions {
            map,
            candidates: terms(&manifest.candidates)?,
            statuses: terms(&manifest.statuses)?,
            candidate: args.candidate.clone(),
            status: args.status.clone(),
            trust_final_zeros: args.trust_final_zeros,
        };
        let shown = file.display();
        let reader = RowReader::open(file, &options).map_err(|error| format!("{shown}: {error}"))?;
        let scan = reader.scanned();
        let (total, refused) = (scan.rows - scan.refused, scan.refused);
        if total == 0 {
            return Err(Box::<dyn Error>::from(format!("{shown}: no row of it can be used")));
        }
        let people = reader.filter_map(|row| -> Option<Result<Nik, String>> {
            match row {
                Ok(Row::Support(support)) => Some(Ok(support.nik)),
                Ok(Row::Refused(_)) => None,
                Err(error) => Some(Err(error.to_string())),
            }
        });
        Ok(RawList { people: Box::new(people), total, refused, sample: args.sample, threads: args.threads })
    })
}

/// Says what a first visit does not know.
fn tell_trust(report: &Report, is_kept: bool) {
    if report.trust.basis != TrustBasis::FirstUse {
        return;
    }
    let (id, en) = if is_kept {
        (
            "Audit pertama: kebijakan layanan ini dipercaya mulai sekarang.",
            "First audit: this service's policy is trusted from now on.",
        )
    } else {
        (
            "Kebijakan layanan ini dipercaya untuk audit ini saja.",
            "This service's policy is trusted for this audit alone.",
        )
    };
    tell_first_use((id, en), report.trust.logs.iter().cloned());
}
