//! `ceknik demo`, at full cost.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::citizen::Citizen;
use crate::support::command::ceknik;

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
    /// Starts it, with what it says in a file.
    fn start(options: &[&str], said: &Path) -> Self {
        let mut command = ceknik(["demo"]).args(options).into_command();
        command.stdin(Stdio::null()).stdout(File::create(said).unwrap());
        Self { begun: Instant::now(), child: command.spawn().unwrap() }
    }

    /// Waits until it serves. Gives what it said and how long it took.
    fn serving(&mut self, said: &Path) -> (String, Duration) {
        loop {
            let text = fs::read_to_string(said).unwrap();
            if text.contains("Serving until interrupted") {
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
    let (home, said) = (dir.path().join("demo"), dir.path().join("said"));
    let mut demo = Demo::start(&["--rows", "300", "--dir", home.to_str().unwrap()], &said);
    let (text, took) = demo.serving(&said);
    println!("serves after {:.1} s", took.as_secs_f64());
    assert!(took < GOAL, "{took:?}");

    let facts: Value = serde_json::from_slice(&fs::read(home.join("demo.json")).unwrap()).unwrap();
    let fact = |name: &str| facts[name].as_str().unwrap();
    assert_eq!(facts.as_object().unwrap().len(), 5);
    let (url, dataset) = (fact("url"), fact("dataset"));
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
    let some: Vec<_> = niks.iter().step_by(7).take(40).collect();
    assert!(citizen.check(&some, &[]).iter().all(|seen| seen.answer() == "listed"));

    let address = url.strip_prefix("http://").unwrap();
    assert!(TcpStream::connect(address).is_ok());
    assert_eq!(demo.end(Signal::INT).code(), Some(0));
    assert!(TcpStream::connect(address).is_err());
    assert!(home.join("list.csv").exists());
}

#[test]
fn a_demo_without_a_directory_leaves_none() {
    let dir = tempfile::tempdir().unwrap();
    let said = dir.path().join("said");
    let mut demo = Demo::start(&["--rows", "40", "--listen", "0.0.0.0:0"], &said);
    let (text, _) = demo.serving(&said);
    // Everywhere; here it is reached on loopback.
    assert!(text.contains("ceknik check --server http://127.0.0.1:"), "{text}");
    let home = text.lines().find_map(|line| line.strip_prefix("Everything is in ")?.strip_suffix(". Try it yourself:"));
    let home = Path::new(home.unwrap());
    assert!(home.join("store.sqlite").exists());
    assert_eq!(demo.end(Signal::TERM).code(), Some(0));
    assert!(!home.exists());
}
