//! `ceknik demo`, at full cost.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::citizen::Citizen;
use crate::support::command::ceknik;
use crate::support::http::Request;

/// What the demo of 300 rows may take until it serves.
const GOAL: Duration = Duration::from_secs(60);

struct Demo {
    child: Child,
    begun: Instant,
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Demo {
    /// Starts it, with what it says in a file `said` of a directory, where its temporary files are too.
    fn start(options: &[&str], dir: &Path) -> Self {
        let said = dir.join("said");
        let temporary = dir.join("tmp");
        fs::create_dir(&temporary).unwrap();
        let mut command = ceknik(["demo"]).args(options).env("TMPDIR", temporary).into_command();
        command.stdin(Stdio::null()).stdout(File::create(said).unwrap());
        Self { begun: Instant::now(), child: command.spawn().unwrap() }
    }

    /// Waits until it serves. Gives what it said and how long it took.
    fn serving(&mut self, dir: &Path) -> (String, Duration) {
        self.saying("Serving until interrupted", dir)
    }

    fn saying(&mut self, words: &str, dir: &Path) -> (String, Duration) {
        loop {
            let text = fs::read_to_string(dir.join("said")).unwrap();
            if text.contains(words) {
                return (text, self.begun.elapsed());
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && self.begun.elapsed() < 3 * GOAL, "{ended:?}: {text}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn end(&mut self, signal: Signal) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        self.child.wait().unwrap()
    }
}

#[test]
fn the_demo_of_300_rows_serves_within_a_minute() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("demo");
    // A port that was free just now.
    let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let options = ["--rows", "300", "--listen", &listen, "--dir", home.to_str().unwrap()];
    let mut demo = Demo::start(&options, dir.path());
    let (text, took) = demo.serving(dir.path());
    println!("serves after {:.1} s", took.as_secs_f64());
    assert!(took < GOAL, "{took:?}");

    let steps: Vec<_> = text.lines().filter_map(|line| line.split_once(". ")?.0.parse::<u8>().ok()).collect();
    assert_eq!(steps, [1, 2, 3, 4, 5, 6]);
    for (method, sent) in [("GET", false), ("POST", true)] {
        let shown = |line: &str| line.starts_with(&format!("   {method} /")) && is_sent(line) == sent;
        assert!(text.lines().any(shown), "{text}");
    }
    let manifest = fs::read(home.join("public/datasets/demo/epochs/1/manifest")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&manifest).unwrap()["population"], 12 * 300);

    let facts: Value = serde_json::from_slice(&fs::read(home.join("demo.json")).unwrap()).unwrap();
    let fact = |name: &str| facts[name].as_str().unwrap();
    assert_eq!(facts.as_object().unwrap().len(), 5);
    let (url, dataset) = (fact("url"), fact("dataset"));
    assert_eq!(url, format!("http://{listen}"));
    assert!(text.contains(&format!("ceknik check --server {url} --dataset {dataset} ")), "{text}");
    let three = ["listed", "not_listed", "false_positive"].map(fact);
    for nik in three {
        let spaced: Vec<_> = (0..4).map(|four| &nik[4 * four..4 * four + 4]).collect();
        assert!(text.contains(&spaced.join(" ")), "{text}");
    }

    let policy = home.join("policy.txt");
    let lines = fs::read_to_string(&policy).unwrap();
    let key = lines.lines().find_map(|line| line.strip_prefix("log ")).unwrap();
    assert_eq!(key, fs::read_to_string(home.join("keys/log.pub")).unwrap().trim_end());

    let citizen = Citizen::new(url, dataset, Some(&policy));
    let seen: Vec<_> = citizen.check(&three, &[]);
    let seen: Vec<_> = seen.iter().map(|seen| (seen.answer(), seen.local())).collect();
    assert_eq!(seen, [("listed", "hit"), ("not_listed", "miss"), ("not_listed", "hit")]);

    let mut list = csv::Reader::from_path(home.join("list.csv")).unwrap();
    let column = list.headers().unwrap().iter().position(|name| name == "NIK").unwrap();
    let niks: Vec<_> = list.records().map(|record| record.unwrap()[column].to_owned()).collect();
    assert_eq!(niks.len(), 300);
    assert!(citizen.check(&niks, &[]).iter().all(|seen| seen.answer() == "listed"));

    let address = url.strip_prefix("http://").unwrap();
    assert!(TcpStream::connect(address).is_ok());
    assert_eq!(demo.end(Signal::INT).code(), Some(0));
    assert!(TcpStream::connect(address).is_err());
    assert!(home.join("list.csv").exists());
}

/// Whether a line on a request tells a body and its length: `   POST /… with 120 bytes: {…}`.
fn is_sent(line: &str) -> bool {
    let Some((_, body)) = line.split_once(" with ") else { return false };
    let Some((bytes, body)) = body.split_once(" bytes: ") else { return false };
    bytes.parse() == Ok(body.len())
}

#[test]
fn a_demo_without_a_directory_leaves_none() {
    let dir = tempfile::tempdir().unwrap();
    let page = dir.path().join("page");
    fs::create_dir(&page).unwrap();
    let missing = ceknik(["demo", "--page"]).arg(&page).refused();
    let told = format!("--page {}: there is no index.html in it; `make page` builds one", page.display());
    assert_eq!(missing, told);
    fs::write(page.join("index.html"), "<!doctype html><title>cek</title>").unwrap();
    let options = ["--rows", "40", "--listen", "0.0.0.0:0", "--page", page.to_str().unwrap()];
    let mut demo = Demo::start(&options, dir.path());
    let (text, _) = demo.serving(dir.path());
    let url = text.lines().find_map(|line| line.strip_prefix("Or open it in a browser: http://")).unwrap();
    assert_eq!(Request::get("/").send(url.parse().unwrap()).unwrap().body, fs::read(page.join("index.html")).unwrap());
    // Everywhere; here it is reached on loopback.
    assert!(text.contains("ceknik check --server http://127.0.0.1:"), "{text}");
    let home = text.lines().find_map(|line| line.strip_prefix("Everything is in ")?.strip_suffix(". Try it yourself:"));
    let home = Path::new(home.unwrap());
    assert!(home.join("store.sqlite").exists());
    assert_eq!(demo.end(Signal::TERM).code(), Some(0));
    assert!(!home.exists());
}

/// Keys and list are in it from the first steps on.
#[test]
fn a_demo_interrupted_at_the_import_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let temporary = || fs::read_dir(dir.path().join("tmp")).unwrap().map(|entry| entry.unwrap().path());
    let mut demo = Demo::start(&["--rows", "20000"], dir.path());
    demo.saying("\n3. ", dir.path());
    let home = temporary().next().unwrap();
    while !home.join("keys/oprf/demo.1.key").exists() {
        thread::sleep(Duration::from_millis(10));
    }
    thread::sleep(Duration::from_secs(1));
    assert!(home.join("keys/log.key").exists() && home.join("list.csv").exists());
    assert_eq!(demo.end(Signal::INT).code(), Some(1));
    assert_eq!(temporary().count(), 0);
    let said = fs::read_to_string(dir.path().join("said")).unwrap();
    assert!(!said.contains("\n4. "), "{said}");
}
