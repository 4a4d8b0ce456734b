//! Homes, lists and commands for the figures: the real binary, in a temporary directory.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ceknik_client::ServerUrl;
use ceknik_core::Nik;
use ceknikd::Config;
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) const DATASET: &str = "bench";

/// A publisher's home.
pub(crate) struct Press {
    dir: TempDir,
}

/// What a command took.
pub(crate) struct Took {
    pub(crate) time: Duration,
    /// Largest resident memory, in bytes.
    pub(crate) memory: u64,
}

/// Somebody who is in a list.
pub(crate) fn first_nik(list: &Path) -> Nik {
    let text = fs::read_to_string(list).unwrap();
    Nik::parse(text.lines().nth(1).unwrap().split(',').nth(1).unwrap()).unwrap()
}

impl Press {
    /// A home with a dataset for `capacity` people among twelve times as many.
    pub(crate) fn new(capacity: u64, weak: bool) -> Self {
        let press = Self { dir: tempfile::tempdir().unwrap() };
        press.run(&["keygen", "--origin", "bench.example/log"]);
        let stretch = if weak { "[stretch]\nweak = true\nmemory_kib = 8\npasses = 1\n" } else { "" };
        let terms = [("candidates", ["ml", "kn", "cm"]), ("statuses", ["ms", "tms", "bms"])];
        let titles = ["Pasangan Melati", "Pasangan Kenanga", "Pasangan Cempaka", "Satu", "Dua", "Tiga"];
        let tables: String = terms
            .iter()
            .flat_map(|(table, ids)| ids.map(|id| (*table, id)))
            .zip(titles)
            .map(|((table, id), title)| format!("[{table}.{id}]\nid = \"{title}\"\nen = \"{title} (en)\"\n"))
            .collect();
        let definition = format!(
            "id = \"{DATASET}\"\npopulation = {}\ncapacity = {capacity}\npayload_bytes = 192\nevaluations_per_day = 100000000\n\
             {stretch}[title]\nid = \"a\"\nen = \"a\"\n[coverage]\nid = \"a\"\nen = \"a\"\n{tables}",
            12 * capacity
        );
        let file = press.path("dataset.toml");
        fs::write(&file, definition).unwrap();
        let mut create = vec!["dataset", "create", file.to_str().unwrap()];
        if weak {
            create.push("--weak-stretch");
        }
        press.run(&create);
        press
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a list.
    pub(crate) fn sample(&self, rows: u64) -> PathBuf {
        let file = self.path(&format!("list-{rows}.csv"));
        self.run(&["sample", "--rows", &rows.to_string(), file.to_str().unwrap()]);
        file
    }

    pub(crate) fn import(&self, list: &Path) -> Took {
        self.run(&["import", DATASET, list.to_str().unwrap()])
    }

    pub(crate) fn publish(&self) -> Took {
        self.run(&["publish", DATASET])
    }

    /// Serves what was published, for as long as the runtime lives.
    pub(crate) fn serve(&self, runtime: &Runtime) -> ServerUrl {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let server = ServerUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let mut config = Config::new(self.path("public"), self.path("keys/oprf"), self.path("state"));
        // The limits are not what is measured.
        config.network.burst = 1_000_000;
        config.network.per_hour = 1_000_000;
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            ceknikd::run(listener, config, std::future::pending()).await.unwrap();
        });
        server
    }

    /// Records of the first epoch, as its manifest says.
    pub(crate) fn records(&self) -> u64 {
        let manifest = fs::read(self.path("public/datasets").join(DATASET).join("epochs/1/manifest")).unwrap();
        ceknik_core::manifest::Manifest::parse(&manifest).unwrap().records
    }

    /// Runs `ceknik` and watches its memory.
    pub(crate) fn run(&self, args: &[&str]) -> Took {
        let start = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_ceknik"))
            .args(args)
            .env("CEKNIK_HOME", self.dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let status = format!("/proc/{}/status", child.id());
        let mut memory = 0;
        let ended = loop {
            // The kernel keeps the maximum, so that the last look before the end tells it.
            let peak = fs::read_to_string(&status).ok().and_then(|text| {
                let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
                line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
            });
            memory = memory.max(peak.unwrap_or(0) * 1024);
            if let Some(ended) = child.try_wait().unwrap() {
                break ended;
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let time = start.elapsed();
        if !ended.success() {
            let mut text = String::new();
            std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut text).unwrap();
            panic!("ceknik {args:?}: {text}");
        }
        Took { time, memory }
    }
}
