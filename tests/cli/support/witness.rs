//! `ceknik witness serve` as a child process.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ceknik_core::log::VerifierKey;
use serde_json::Value;
use tempfile::TempDir;

use super::command::ceknik;
use super::http::{Request, Response};

const PATIENCE: Duration = Duration::from_secs(60);

/// A witness, running or not. It ends when this is dropped.
pub(crate) struct TestWitness {
    dir: TempDir,
    pub(crate) key: VerifierKey,
    logs: Vec<String>,
    running: Option<Running>,
    /// The port of the first start, so that its address in a policy stays right.
    port: u16,
}

struct Running {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    address: SocketAddr,
}

impl TestWitness {
    /// A witness of this name that follows these logs, not started.
    pub(crate) fn new(name: &str, logs: &[&VerifierKey]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let made = ceknik(["keygen", "witness", name, "--key-file"]).arg(dir.path().join("key"));
        let made = made.arg("--state").arg(dir.path().join("state")).done();
        let line = made.stdout.lines().find_map(|line| line.trim().strip_prefix("witness ")).unwrap();
        let key = VerifierKey::parse(line.split(' ').nth(1).unwrap().as_bytes()).unwrap();
        let logs = logs.iter().map(|key| key.to_string()).collect();
        Self { dir, key, logs, running: None, port: 0 }
    }

    pub(crate) fn started(name: &str, logs: &[&VerifierKey]) -> Self {
        let mut witness = Self::new(name, logs);
        witness.start();
        witness
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// The command line.
    pub(crate) fn command(&self) -> Command {
        let serve = ceknik(["witness", "serve", "--key-file"]).arg(self.dir.path().join("key"));
        let serve = serve.arg("--state").arg(self.state()).arg(format!("--listen=127.0.0.1:{}", self.port));
        self.logs.iter().fold(serve, |serve, key| serve.args(["--log", key])).into_command()
    }

    pub(crate) fn start(&mut self) {
        let begun = Instant::now();
        while !self.try_to_start() {
            // Somebody else on this machine may have the port of the first start for a moment.
            assert!(begun.elapsed() < PATIENCE, "the port {} stays taken", self.port);
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Whether it serves: the port may be taken.
    fn try_to_start(&mut self) -> bool {
        let mut command = self.command();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(Vec::new()));
        let written = log.clone();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                written.lock().unwrap().push(line);
            }
        });
        self.running = Some(Running { child, log, address: ([127, 0, 0, 1], 0).into() });
        let taken = |line: &String| line.contains("Address already in use");
        let begun = Instant::now();
        while self.serving_at().is_none() && begun.elapsed() < PATIENCE {
            if self.log().iter().any(taken) {
                self.kill();
                return false;
            }
            thread::sleep(Duration::from_millis(3));
        }
        let address = self.serving_at().unwrap_or_else(|| panic!("it does not serve: {:#?}", self.log()));
        self.port = address.port();
        self.running.as_mut().unwrap().address = address;
        true
    }

    fn serving_at(&self) -> Option<SocketAddr> {
        let lines = self.log();
        let mut lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let serving = lines.find(|line| line["message"] == "serving")?;
        Some(serving["listen"].as_str().unwrap().parse().unwrap())
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        let mut running = self.running.take().unwrap();
        running.child.kill().unwrap();
        running.child.wait().unwrap();
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.running.as_ref().unwrap().child.id()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.as_ref().unwrap().address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        Request::get(path).send(self.address()).unwrap()
    }

    pub(crate) fn add(&self, body: impl Into<Vec<u8>>) -> Response {
        Request::post("/add-checkpoint", body).send(self.address()).unwrap()
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.running.as_ref().unwrap().log.lock().unwrap().clone()
    }
}

impl Drop for TestWitness {
    fn drop(&mut self) {
        if let Some(running) = &mut self.running {
            drop(running.child.kill());
            drop(running.child.wait());
        }
    }
}
