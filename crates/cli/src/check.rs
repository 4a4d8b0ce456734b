//! `ceknik check`: the citizen's command.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use ceknik_client::{
    Answer, Cache, Client, ClientConfig, Confirm, Inquiry, Local, Observer, Outcome, Progress, Reason, Report,
    ServerUrl, ServerUrlError, Settings, TrustBasis,
};
use ceknik_core::log::CheckpointPhrase;
use ceknik_core::manifest::{Id, Manifest, Texts};
use ceknik_core::record::Support;
use ceknik_core::{Nik, NikError};
use clap::Args;
use serde::Serialize;

use crate::failure::Failure;
use crate::prompt;
use crate::trust::{read_policy, tell_first_use};

mod advice;
mod evidence;
pub(crate) mod words;

use advice::{Circumstances, advice};
use evidence::{EvidenceDir, Written};

/// Some NIK has no more than "maybe".
const SOME_MAYBE: u8 = 3;
/// Some NIK has no answer.
const SOME_WITHOUT_ANSWER: u8 = 4;

#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 when every NIK is listed or not listed, 3 when one is maybe, 4 when one has no answer, \
                        1 or 2 when nothing was looked up, or evidence could not be written."
)]
pub(crate) struct CheckArgs {
    /// The service: https://host/path, or http:// on this machine.
    #[arg(long, value_name = "URL")]
    server: String,
    /// The dataset's id.
    #[arg(long, value_name = "ID")]
    dataset: Id,
    /// Whom to trust: the publisher's log and its witnesses (C2SP tlog-policy). Without it the service's own policy is taken
    /// at the first visit, and kept.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Make no request: answer from what is cached.
    #[arg(long)]
    offline: bool,
    /// Never contact the service about a NIK: a hit of the filter stays "maybe".
    #[arg(long, conflicts_with = "confirm_all")]
    local_only: bool,
    /// Confirm every NIK with the service, those whom the filter misses included.
    #[arg(long)]
    confirm_all: bool,
    /// Write evidence of every answer into this directory, a file for each NIK, to be checked by others with `ceknik verify`. The
    /// service is asked about every NIK then, and sees that evidence is wanted. A file names its owner to whoever can guess
    /// the NIK.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["local_only", "offline"])]
    evidence: Option<PathBuf>,
    /// Where public files are kept between checks; $XDG_CACHE_HOME/ceknik or ~/.cache/ceknik unless set.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Keep nothing, and use nothing that was kept: no list is compared with what was seen before, and whether a check is
    /// confirmed for cover is decided anew each time, so that several checks together can tell a hit from a miss.
    #[arg(long, conflicts_with_all = ["cache", "offline"])]
    no_cache: bool,
    /// Ask the service only where at least so many people share each bucket.
    #[arg(long, value_name = "N", default_value_t = Settings::LEAST_PEOPLE)]
    least_people: u64,
    /// Where the list names mirrors and none of them gives a bucket, take it from the service, which then sees it beside the
    /// evaluation. Without this the answer stays "maybe".
    #[arg(long)]
    without_mirrors: bool,
    /// Accept lists with a weak stretch, which are for tests.
    #[arg(long)]
    accept_weak: bool,
    /// Allow http:// to another machine, where everybody on the way sees who asks.
    #[arg(long)]
    allow_plain_http: bool,
    /// Seconds to wait for a response; a long file has a second more for every 16 KiB.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
    /// List every request that was made, the address and body that were sent, and what they tell.
    #[arg(long, conflicts_with = "json")]
    show_requests: bool,
    /// One JSON object a line in place of text.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: CheckArgs) -> Result<ExitCode, Failure> {
    let parse = if args.allow_plain_http { ServerUrl::parse_allowing_plain_http } else { ServerUrl::parse };
    let server = parse(&args.server).map_err(|error| match error {
        ServerUrlError::PlainHttp => Failure::new(format!("--server: {error} (--allow-plain-http)")),
        error => Failure::new(format!("--server: {error}")),
    })?;
    let policy = args.policy.as_deref().map(read_policy).transpose()?;
    let mut config = ClientConfig::new(server);
    config.timeouts = config.timeouts.with_response(Duration::from_secs(args.timeout));
    if !args.no_cache {
        let directory = args.cache.clone().or_else(default_cache);
        let directory = directory.ok_or_else(|| Failure::new("no home directory: give --cache DIR or --no-cache"))?;
        config = config.with_cache(Cache::open(directory)?);
    }
    let server = config.server.clone();
    let pinned = config.cache.as_ref().map(|cache| cache.shelf(&server, &args.dataset).policy_path());
    // Before anybody types a NIK, and before the service evaluates for nothing.
    let evidence = args.evidence.as_deref().map(EvidenceDir::prepare).transpose()?;
    let lines = Lines::read()?;
    let inquiry = Inquiry {
        dataset: args.dataset.clone(),
        niks: lines.niks.iter().filter_map(|(_, nik)| nik.as_ref().ok().cloned()).collect(),
        policy,
        settings: Settings {
            accept_weak: args.accept_weak,
            offline: args.offline,
            confirm: match (args.local_only, args.confirm_all) {
                (true, _) => Confirm::Never,
                (_, true) => Confirm::Everyone,
                _ => Confirm::AsNeeded,
            },
            least_people: args.least_people,
            without_mirrors: args.without_mirrors,
            evidence: evidence.is_some(),
            ..Settings::default()
        },
    };
    let kept = config.cache.is_some();
    let report = if inquiry.niks.is_empty() { nothing_to_check() } else { check(config, inquiry)? };
    tell_trust(&report, kept);
    let trust = report.trust.as_ref().map(|trust| trust.basis);
    let circumstances = Circumstances { server: &server, trust, pinned: pinned.as_deref() };
    // What was answered is told whether or not there is room for the evidence of it.
    let written = evidence.as_ref().map(|dir| dir.write(&report)).transpose();
    let files = written.as_ref().ok().and_then(Option::as_deref);
    let code =
        if args.json { lines.print_json(&report, files) } else { lines.print_text(&report, &circumstances, files) };
    if args.show_requests {
        print_requests(&report);
    }
    written.map(|_| code)
}

/// What came of lines none of which is a NIK: nothing is asked about them.
fn nothing_to_check() -> Report {
    Report { outcomes: Vec::new(), list: None, trust: None, exchanges: Vec::new() }
}

/// Runs a lookup, with progress on standard error.
pub(crate) fn check(config: ClientConfig, inquiry: Inquiry) -> Result<Report, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(Client::new(config).check(inquiry, &mut Teller))?)
}

fn default_cache() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("XDG_CACHE_HOME")
        .or_else(|| variable("HOME").map(|home| home.join(".cache")))
        .map(|dir| dir.join("ceknik"))
}

/// Says on standard error what takes its time.
struct Teller;

impl Observer for Teller {
    fn progress(&mut self, progress: &Progress) {
        match progress {
            Progress::Waiting { milliseconds, because } => {
                let seconds = milliseconds.div_ceil(1000);
                let code = because.code();
                eprintln!(
                    "Menunggu {seconds} detik, lalu dicoba lagi / waiting {seconds} s, then trying again ({code})"
                );
            }
            Progress::Restarted => {
                eprintln!(
                    "Daftar baru saja diperbarui; mulai lagi dengan yang baru. / The list was published anew meanwhile; \
                     beginning again with the new one."
                )
            }
            Progress::Stretched { done, of } if *of >= 50 && done % 25 == 0 => {
                eprintln!("{done} of {of} NIKs computed")
            }
            _ => {}
        }
    }

    fn cache_failed(&mut self, error: &ceknik_client::CacheError) {
        eprintln!("ceknik: {error}; going on without it");
    }
}

/// What was typed or piped: non-empty lines by number, from 1.
struct Lines {
    niks: Vec<(usize, Result<Nik, NikError>)>,
}

impl Lines {
    fn read() -> Result<Self, Failure> {
        let lines = prompt::hidden_lines(
            "Ketik NIK, satu per baris; baris kosong mengakhiri. / One NIK a line; an empty line ends.",
        )?;
        let numbered = lines.iter().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let niks: Vec<_> = numbered.map(|(place, line)| (place + 1, Nik::parse(line))).collect();
        if niks.is_empty() {
            return Err(Failure::new("no NIK was given: type one, or pipe NIKs in, one a line"));
        }
        Ok(Self { niks })
    }

    /// Every line with its outcome, and with what was written of it; lines that are no NIK have none.
    fn outcomes<'a>(
        &'a self,
        report: &'a Report,
        files: Option<&'a [Option<Written>]>,
    ) -> impl Iterator<Item = (usize, Result<Told<'a>, &'a NikError>)> {
        let files = files.unwrap_or_default().iter().map(Option::as_ref).chain(std::iter::repeat(None));
        let mut outcomes = report.outcomes.iter().zip(files);
        self.niks.iter().filter_map(move |(line, nik)| match nik {
            Ok(_) => outcomes.next().map(|outcome| (*line, Ok(outcome))),
            Err(error) => Some((*line, Err(error))),
        })
    }

    fn print_json(&self, report: &Report, files: Option<&[Option<Written>]>) -> ExitCode {
        let mut code = 0;
        let (log_size, log_phrase) = seen_log(report).map(|(size, phrase)| (size, phrase.to_string())).unzip();
        for (line, outcome) in self.outcomes(report, files) {
            let object = match outcome {
                Ok((outcome, written)) => {
                    code = code.max(exit_code(outcome));
                    let (supports, reason) = match &outcome.answer {
                        Answer::Listed { supports } => (supports.as_slice(), None),
                        Answer::NotListed => (&[][..], None),
                        Answer::Maybe { because } => (&[][..], Some(because.code())),
                        Answer::NoAnswer(none) => (&[][..], Some(none.reason.code())),
                    };
                    JsonOutcome {
                        line,
                        answer: outcome.answer.code(),
                        local: outcome.local.map(Local::code),
                        as_of: outcome.as_of.map(|time| time.to_string()),
                        epoch: outcome.epoch,
                        supports,
                        warnings: outcome.warnings.iter().map(|warning| warning.code()).collect(),
                        reason,
                        log_size,
                        log_phrase: log_phrase.clone(),
                        evidence: written.map(|written| written.path.display().to_string()),
                    }
                }
                Err(error) => {
                    code = SOME_WITHOUT_ANSWER;
                    JsonOutcome { line, answer: "no_answer", reason: Some(error.code()), ..JsonOutcome::default() }
                }
            };
            println!("{}", serde_json::to_string(&object).unwrap_or_default());
        }
        ExitCode::from(code)
    }

    fn print_text(
        &self,
        report: &Report,
        circumstances: &Circumstances<'_>,
        files: Option<&[Option<Written>]>,
    ) -> ExitCode {
        let manifest = report.list.as_ref().map(|list| list.manifest());
        if let Some(manifest) = manifest {
            println!("{}", words::pair(&manifest.title));
            println!("Cakupan / coverage: {}", words::pair(&manifest.coverage));
            println!(
                "Daftar per / list as of {}, berlaku sampai / valid until {}",
                manifest.published_at, manifest.valid_until
            );
            println!("Catatan publik / public log: {}", manifest.log);
            if let Some((size, phrase)) = seen_log(report) {
                println!("   {size} entri / entries: {phrase}");
            }
            println!("");
        }
        let mut code = 0;
        let mut listed = false;
        for (line, outcome) in self.outcomes(report, files) {
            match outcome {
                Err(error) => {
                    code = SOME_WITHOUT_ANSWER;
                    println!("{line}. BELUM ADA JAWABAN / no answer: {} / {error}", words::no_nik(*error));
                }
                Ok((outcome, written)) => {
                    code = code.max(exit_code(outcome));
                    listed |= matches!(outcome.answer, Answer::Listed { .. });
                    print_outcome(line, outcome, manifest);
                    if files.is_some() {
                        evidence::print(written);
                    }
                }
            }
        }
        if let Some(manifest) = manifest.filter(|_| listed) {
            println!(
                "\nTercantum bukan berarti Anda melakukan kesalahan. / Being listed does not mean you did anything wrong."
            );
            for guidance in &manifest.guidance {
                let region =
                    guidance.region.as_ref().map_or(String::new(), |region| format!("{}: ", words::line(region)));
                println!("  {region}{} {}", words::pair(&guidance.text), guidance.url);
            }
        }
        let reasons = report.outcomes.iter().filter_map(|outcome| match &outcome.answer {
            Answer::NoAnswer(none) => Some(none.reason),
            _ => None,
        });
        let reasons: BTreeSet<Reason> = reasons.collect();
        if !reasons.is_empty() {
            println!("\nYang dapat Anda lakukan / what you can do next:");
        }
        for reason in reasons {
            println!("  {}", advice(reason, circumstances));
        }
        ExitCode::from(code)
    }
}

/// A line of `--json`. Never the NIK.
#[derive(Default, Serialize)]
struct JsonOutcome<'a> {
    line: usize,
    answer: &'static str,
    local: Option<&'static str>,
    as_of: Option<String>,
    epoch: Option<u64>,
    supports: &'a [Support],
    warnings: Vec<&'static str>,
    reason: Option<&'static str>,
    /// Of the checkpoint under which the list was verified.
    log_size: Option<u64>,
    log_phrase: Option<String>,
    evidence: Option<String>,
}

/// Size and phrase of the checkpoint under which the list was verified: what two people compare. None without a list, and where
/// there is no memory for the phrase, without which the answer is the same.
fn seen_log(report: &Report) -> Option<(u64, CheckpointPhrase)> {
    let checkpoint = report.list.as_ref()?.checkpoint();
    let phrase = CheckpointPhrase::new(checkpoint.origin(), &checkpoint.head()).ok()?;
    Some((checkpoint.head().size, phrase))
}

/// The answer for a NIK, and the evidence that was written of it.
type Told<'a> = (&'a Outcome, Option<&'a Written>);

fn exit_code(outcome: &Outcome) -> u8 {
    match outcome.answer {
        Answer::Listed { .. } | Answer::NotListed => 0,
        Answer::Maybe { .. } => SOME_MAYBE,
        Answer::NoAnswer(_) => SOME_WITHOUT_ANSWER,
    }
}

fn print_outcome(line: usize, outcome: &Outcome, manifest: Option<&Manifest>) {
    match &outcome.answer {
        Answer::Listed { supports } => {
            println!("{line}. TERCANTUM / LISTED");
            print_supports(supports, manifest);
        }
        Answer::NotListed => println!("{line}. TIDAK TERCANTUM / not listed"),
        Answer::Maybe { because } => {
            println!("{line}. MUNGKIN, belum dipastikan / maybe, not confirmed");
            let posterior = manifest.and_then(|manifest| manifest.disclosure.posterior_percent);
            println!("   {}", words::worth_of_a_hit(posterior));
            println!("   {}", words::confirm(*because));
        }
        Answer::NoAnswer(none) => {
            println!("{line}. BELUM ADA JAWABAN / no answer: {} / {none}", none.reason.indonesian());
            if let Some(seconds) = none.retry_after {
                println!("   coba lagi dalam / try again in {seconds} s");
            }
        }
    }
    for warning in &outcome.warnings {
        println!("   perhatian / note: {} / {warning}", warning.indonesian());
    }
}

/// What a record says, in the words of the list.
pub(crate) fn print_supports(supports: &[Support], manifest: Option<&Manifest>) {
    for support in supports {
        let named = |texts: Option<&Texts>, id: &str| {
            let text = texts.and_then(|texts| texts.get(id));
            text.map_or_else(|| shown(id), words::pair)
        };
        println!("   {}", named(manifest.map(|manifest| &manifest.candidates), &support.candidate));
        println!("   status: {}", named(manifest.map(|manifest| &manifest.statuses), &support.status));
        if let Some(day) = &support.submitted {
            println!("   diserahkan / submitted: {}", shown(day));
        }
    }
}

/// An id that the manifest does not explain, safe for a terminal.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

/// `kept`: whether there is a cache, in which the policy stands from now on.
fn tell_trust(report: &Report, kept: bool) {
    let Some(trust) = report.trust.as_ref().filter(|trust| trust.basis == TrustBasis::PinnedNow) else { return };
    let (id, en) = if kept {
        (
            "Kunjungan pertama: kebijakan layanan ini dipercaya mulai sekarang.",
            "First visit: this service's policy is trusted from now on.",
        )
    } else {
        (
            "Kebijakan layanan ini dipercaya untuk pemeriksaan ini saja.",
            "This service's policy is trusted for this check alone.",
        )
    };
    tell_first_use((id, en), trust.policy.logs().iter().map(|log| log.key().to_string()));
}

/// Every request, for whoever wants to know what left the device.
pub(crate) fn print_requests(report: &Report) {
    if report.exchanges.is_empty() {
        println!("\nTidak ada yang meninggalkan perangkat ini. / Nothing left this device.");
        return;
    }
    println!("\nYang meninggalkan perangkat ini / what left this device:");
    for exchange in &report.exchanges {
        let status = exchange.status.map_or_else(|| "no response".to_owned(), |status| status.to_string());
        println!(
            "  {} {} {}{} → {status}, {} bytes received",
            exchange.at,
            exchange.method.as_str(),
            exchange.mirror.as_deref().unwrap_or_default(),
            exchange.path,
            exchange.received_bytes
        );
        if let Some(body) = &exchange.body {
            println!("    sent: {body}");
        }
        println!("    {}", exchange.tells);
    }
}
