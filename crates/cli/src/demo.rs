//! `ceknik demo`: the whole way of a list, in one directory.

mod browser;
mod interruption;

use std::fs::{self, File};
use std::io::{self, IsTerminal};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ceknik_client::{Answer, Cache, ClientConfig, Inquiry, Outcome, Report, ServerUrl, Settings};
use ceknik_core::filter::FilterShard;
use ceknik_core::log::Policy;
use ceknik_core::manifest::{Id, Manifest};
use ceknik_core::{Nik, Stretcher};
use ceknik_issuer::{Definition, ImportOptions, SampleOptions, sample_outsiders, write_sample};
use ceknikd::{Config, LogLevel};
use clap::Args;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use crate::check;
use crate::failure::Failure;
use crate::home::{self, HomeArgs};
use crate::{dataset, import, keygen, publish, sample};

use interruption::Interruption;

const DATASET: &str = "demo";
const ORIGIN: &str = "demo.ceknik.example/log";
const SAMPLE_SEED: u64 = 2024;
/// The demo's budget is for whoever tries, not for a surge.
const EVALUATIONS_PER_DAY: u64 = 1_000_000;
/// Of the log of a service that ended by itself, so much is shown.
const LAST_LINES: usize = 20;
/// So many outsiders are tried for one whom the filter hits; of ten, about one is.
const MOST_OUTSIDERS: usize = 2_000;

#[derive(Args)]
pub(crate) struct DemoArgs {
    /// Rows of the sample list.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    rows: u64,
    /// Where the service listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where everything is put and kept: a directory that is empty or not there yet. A temporary one, removed at the end
    /// however that comes, unless given.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// A built page for citizens, which the service serves as well.
    #[arg(long, value_name = "DIR")]
    page: Option<PathBuf>,
    /// Leaves the browser closed. Without it the page is opened where somebody sits at a terminal on a desktop.
    #[arg(long)]
    no_open: bool,
}

pub(crate) fn run(args: DemoArgs) -> Result<(), Failure> {
    // Before anything is made: what is wrong with the page or the address would be noticed only after the import.
    if let Some(page) = args.page.as_deref().filter(|page| !page.join("index.html").is_file()) {
        return Err(Failure::new(format!(
            "--page {}: there is no index.html in it; `make page` builds one",
            page.display()
        )));
    }
    let listener = TcpListener::bind(args.listen).map_err(|error| {
        Failure::new(format!("cannot listen on {}: {error}; choose another with --listen", args.listen))
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let interruption = Interruption::watch(&runtime)?;
    let temporary;
    let dir = match &args.dir {
        Some(dir) => {
            make_empty(dir)?;
            dir.as_path()
        }
        None => {
            temporary = interruption.temporary()?;
            temporary.path()
        }
    };
    let opens = !args.no_open && io::stdout().is_terminal();
    let done = play(args.rows, dir, args.page, opens, listener, &runtime, &interruption);
    // What fails because the directory is being removed does not fail.
    interruption.happened();
    done
}

/// Makes a directory, before anything is made in it: what is there already would be mixed with the demo's.
fn make_empty(dir: &Path) -> Result<(), Failure> {
    let failed = |what: &str, error: io::Error| {
        Failure::new(format!("cannot {what} {}: {error}; choose another --dir", dir.display()))
    };
    fs::create_dir_all(dir).map_err(|error| failed("make the directory", error))?;
    if fs::read_dir(dir).map_err(|error| failed("look into", error))?.next().is_some() {
        return Err(Failure::new(format!(
            "{} is not empty, and the demo mixes nothing with what is there: choose another --dir, or empty that one",
            dir.display()
        )));
    }
    Ok(())
}

/// An error of a file, which the system tells without its name.
fn of_file(path: &Path) -> impl Fn(io::Error) -> Failure {
    move |error| Failure::new(format!("{}: {error}", path.display()))
}

fn write(path: &Path, content: &str) -> Result<(), Failure> {
    fs::write(path, content).map_err(of_file(path))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(of_file(path))
}

/// All steps, until a signal ends the last.
fn play(
    rows: u64,
    dir: &Path,
    page: Option<PathBuf>,
    opens: bool,
    listener: TcpListener,
    runtime: &Runtime,
    interruption: &Interruption,
) -> Result<(), Failure> {
    let dataset = Id::new(DATASET)?;
    step(1, "Keys, an empty store and a policy");
    let log_key = keygen::generate(dir, ORIGIN, None)?.key;
    println!("   the log's public key: {log_key}");

    step(2, "A list of people who do not exist");
    let list = dir.join("list.csv");
    let options = SampleOptions { rows, seed: SAMPLE_SEED, bad_rows: false };
    let stats = File::create_new(&list).and_then(|file| write_sample(&options, file)).map_err(of_file(&list))?;
    println!("   {}: {} rows, {} people", list.display(), stats.good_rows, stats.people);

    step(3, "The dataset, and the import: each NIK is stretched, evaluated, and kept as a keyed hash");
    let definition = dir.join("dataset.toml");
    let budget = format!("evaluations_per_day = {EVALUATIONS_PER_DAY}\n");
    let text = sample::definition(DATASET, rows, &budget);
    write(&definition, &text)?;
    let definition = Definition::from_toml(&text, false)?;
    let manifest = {
        let mut home = HomeArgs { home: dir.to_owned(), passphrase_file: None }.open("the demo")?;
        dataset::create(&mut home, &definition)?;
        let summary = import::import(&mut home, &dataset, &list, ImportOptions::default())?;
        println!(
            "   {} rows: {} supports of {} people",
            summary.counters.rows, summary.counters.added, summary.records
        );

        step(4, "The first epoch: filter, sealed table, manifest, log");
        let published = publish::publish(&mut home, &dataset, home::now()?, publish::How::default())?;
        published.publication.manifest
    };
    tell_manifest(&manifest);
    let policy = read(&dir.join("public/policy"))?;
    let policy_file = dir.join("policy.txt");
    fs::write(&policy_file, &policy).map_err(of_file(&policy_file))?;
    let policy = Policy::parse(&policy)?;

    step(5, "The service");
    let has_page = page.is_some();
    let service = Service::start(dir, page, listener, runtime)?;
    println!("   {}", service.url);

    step(6, "Three NIKs to try, of nobody");
    let [listed, not_listed, false_positive] = three_niks(dir, &list, &manifest)?;
    let try_file = json!({
        "url": service.url,
        "dataset": DATASET,
        "listed": digits(&listed).as_str(),
        "not_listed": digits(&not_listed).as_str(),
        "false_positive": digits(&false_positive).as_str(),
    });
    write(&dir.join("demo.json"), &format!("{}\n", serde_json::to_string_pretty(&try_file)?))?;
    let mut good = true;
    for (name, nik, expected) in [
        ("listed", listed, "listed"),
        ("not listed", not_listed, "not_listed"),
        ("not listed, and hit by the filter", false_positive, "not_listed"),
    ] {
        println!("\n   {} ({name})", spaced(&nik));
        let report = check_one(dir, &service.url, &dataset, &policy, nik)?;
        good &= tell_answer(&report, expected);
    }
    if !good {
        return Err(Failure::new("an answer is not what it must be: this is a defect, please report it"));
    }

    println!("\nEverything is in {}. Try it yourself:", dir.display());
    println!("  ceknik check --server {} --dataset {DATASET} --policy {}", service.url, policy_file.display());
    if has_page {
        println!("Or open it in a browser: {}", service.url);
        if opens && browser::open(&service.url) {
            println!("It is being opened; --no-open leaves the browser closed.");
        }
    }
    println!("Serving until interrupted (Ctrl-C).");
    service.wait(runtime, interruption)
}

fn step(number: u8, what: &str) {
    println!("{number}. {what}");
}

fn tell_manifest(manifest: &Manifest) {
    if let Some(filter) = &manifest.filter {
        println!(
            "   filter: {} bytes, {} people and {} cells of noise",
            filter.geometry.shard_bytes(),
            filter.members,
            filter.noise
        );
    }
    let buckets = &manifest.buckets.geometry;
    println!(
        "   sealed table: {} records in {} buckets, {} people for each; every answer is {} bytes long",
        manifest.records,
        buckets.count(),
        manifest.disclosure.people_per_bucket,
        buckets.response_bytes()
    );
}

/// The service in this process.
struct Service {
    url: String,
    log: PathBuf,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), ceknikd::StartError>>,
}

impl Service {
    fn start(dir: &Path, page: Option<PathBuf>, listener: TcpListener, runtime: &Runtime) -> Result<Self, Failure> {
        let log = dir.join("ceknikd.log");
        let file = File::create(&log).map_err(of_file(&log))?;
        ceknikd::init_logging(LogLevel::default(), Mutex::new(file))?;
        let mut config = Config::new(dir.join("public"), dir.join("keys/oprf"), dir.join("state"));
        config.page = page;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", from_here(listener.local_addr()?));
        let (stop, stopped) = oneshot::channel::<()>();
        let served = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let shutdown = async {
                let _ = stopped.await;
            };
            Ok::<_, io::Error>(tokio::spawn(ceknikd::run(listener, config, shutdown)))
        })?;
        Ok(Self { url, log, stop, served })
    }

    /// Until interrupted or told to terminate.
    fn wait(self, runtime: &Runtime, interruption: &Interruption) -> Result<(), Failure> {
        interruption.serve(self.stop);
        let error = match runtime.block_on(self.served) {
            Ok(Ok(())) if interruption.happened() => return Ok(()),
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        Err(ended_by_itself(error, &self.log))
    }
}

/// The log is shown, since a temporary directory goes with the demo. It can be published: no NIK and no visitor is in it.
fn ended_by_itself(error: Option<String>, log: &Path) -> Failure {
    let mut message = "the service ended by itself".to_owned();
    if let Some(error) = error {
        message.push_str(": ");
        message.push_str(&error);
    }
    match fs::read_to_string(log) {
        Ok(text) if text.is_empty() => message.push_str("; its log is empty"),
        Ok(text) => {
            let lines: Vec<&str> = text.lines().collect();
            message.push_str("; the end of its log:");
            for line in &lines[lines.len().saturating_sub(LAST_LINES)..] {
                message.push_str("\n  ");
                message.push_str(line);
            }
        }
        Err(error) => message.push_str(&format!("; its log {} cannot be read: {error}", log.display())),
    }
    Failure::new(message)
}

/// Where this machine reaches a listener: one that listens everywhere, on loopback, the only place where plain HTTP will do.
fn from_here(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// One who is listed, one who is not, and one who is not although the filter hits.
fn three_niks(dir: &Path, list: &Path, manifest: &Manifest) -> Result<[Nik; 3], Failure> {
    let mut reader = csv::Reader::from_path(list)?;
    let column = reader.headers()?.iter().position(|name| name == "NIK");
    let first = reader.records().next().transpose()?;
    let listed = column.and_then(|column| first.as_ref()?.get(column).map(Nik::parse));
    let listed = listed.ok_or_else(|| Failure::new("the sample list has no NIK"))??;

    let filter = manifest.filter.as_ref().ok_or_else(|| Failure::new("the demo's list has no filter"))?;
    let shards: Vec<FilterShard> = filter
        .shards
        .iter()
        .zip(0..)
        .map(|(digest, number)| {
            let name = ceknik_core::encoding::hex(&digest.sha256);
            let file = read(&dir.join("public/datasets").join(DATASET).join("filter").join(name))?;
            Ok::<_, Failure>(FilterShard::open(&filter.geometry, number, digest, file)?)
        })
        .collect::<Result<_, _>>()?;
    let mut stretcher = Stretcher::new(manifest.stretch.cost, manifest.stretch.salt)?;
    let (mut miss, mut hit) = (None, None);
    for nik in sample_outsiders(SAMPLE_SEED).take(MOST_OUTSIDERS) {
        let item = stretcher.stretch(&nik)?.filter_item();
        let set = shards.iter().find_map(|shard| shard.contains(&item)).unwrap_or(false);
        let place = if set { &mut hit } else { &mut miss };
        place.get_or_insert(nik);
        if miss.is_some() && hit.is_some() {
            break;
        }
    }
    match (miss, hit) {
        (Some(miss), Some(hit)) => Ok([listed, miss, hit]),
        _ => Err(Failure::new(format!("of {MOST_OUTSIDERS} outsiders the filter hits all or none"))),
    }
}

fn check_one(dir: &Path, url: &str, dataset: &Id, policy: &Policy, nik: Nik) -> Result<Report, Failure> {
    let config = ClientConfig::new(ServerUrl::parse(url)?).with_cache(Cache::open(dir.join("cache"))?);
    let inquiry = Inquiry {
        dataset: dataset.clone(),
        niks: vec![nik],
        policy: Some(policy.clone()),
        settings: Settings::default(),
    };
    check::check(config, inquiry)
}

fn tell_answer(report: &Report, expected: &str) -> bool {
    let Some(Outcome { answer, local, .. }) = report.outcomes.first() else { return false };
    for exchange in &report.exchanges {
        let sent = exchange.body.as_ref().map_or(String::new(), |body| format!(" with {} bytes: {body}", body.len()));
        println!("   {} {}{sent}", exchange.method.as_str(), exchange.path);
        println!("      {}", exchange.tells);
    }
    if report.exchanges.iter().all(|exchange| exchange.body.is_none()) {
        println!("   nothing about this NIK was sent: the answer was computed here");
    }
    let local = local.map_or("not asked", |local| local.code());
    match answer {
        Answer::NoAnswer(none) => println!("   filter: {local}; no answer: {none}"),
        answer => println!("   filter: {local}; answer: {}", answer.code()),
    }
    answer.code() == expected
}

/// Sixteen digits, of nobody: the demo shows them so that they can be tried.
fn digits(nik: &Nik) -> Zeroizing<String> {
    Zeroizing::new(nik.expose_digits().iter().copied().map(char::from).collect())
}

fn spaced(nik: &Nik) -> String {
    nik.expose_digits()
        .chunks(4)
        .map(|four| four.iter().copied().map(char::from).collect::<String>())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_of_a_service_that_ended_by_itself_is_shown() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("ceknikd.log");
        let told = |error: Option<&str>| ended_by_itself(error.map(str::to_owned), &log).message().to_owned();
        assert_eq!(
            told(None),
            format!(
                "the service ended by itself; its log {} cannot be read: No such file or directory (os error 2)",
                log.display()
            )
        );
        fs::write(&log, "").unwrap();
        assert_eq!(told(Some("why")), "the service ended by itself: why; its log is empty");
        fs::write(&log, (1..=25).map(|line| format!("line {line}\n")).collect::<String>()).unwrap();
        let end: String = (6..=25).map(|line| format!("\n  line {line}")).collect();
        assert_eq!(told(None), format!("the service ended by itself; the end of its log:{end}"));
    }

    #[test]
    fn a_service_that_listens_everywhere_is_reached_on_loopback() {
        for (listens, reached) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "[::1]:8080"),
            ("127.0.0.2:1", "127.0.0.2:1"),
            ("[::1]:1", "[::1]:1"),
        ] {
            assert_eq!(from_here(listens.parse().unwrap()).to_string(), reached);
        }
    }
}
