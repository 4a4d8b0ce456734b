//! `ceknikd` as a child process, on a free port, with its log.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::command::ceknikd_path;
use super::home::TestHome;
use super::http::{Request, Response};

/// A service that does not come up within this time never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running service. It ends when this is dropped.
pub(crate) struct Ceknikd {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    address: SocketAddr,
    _state: TempDir,
}

/// `ceknikd` on these directories, not started. Metrics off.
pub(crate) fn ceknikd(public: &Path, keys: &Path, state: &Path) -> Command {
    let mut command = Command::new(ceknikd_path());
    command.arg("--public").arg(public).arg("--keys").arg(keys).arg("--state").arg(state);
    command.args(["--listen", "127.0.0.1:0", "--metrics-listen", "off"]);
    command
}

impl Ceknikd {
    /// A service of a home's publication.
    pub(crate) fn start(home: &TestHome) -> Self {
        Self::start_on(&home.public(), &home.oprf_keys(), &[])
    }

    /// A service of a public directory, with further options.
    pub(crate) fn start_on(public: &Path, keys: &Path, options: &[&str]) -> Self {
        let state = tempfile::tempdir().unwrap();
        let mut command = ceknikd(public, keys, state.path());
        command.args(options).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(Vec::new()));
        let written = log.clone();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                written.lock().unwrap().push(line);
            }
        });
        let address = ([127, 0, 0, 1], 0).into();
        let mut service = Self { child, log, address, _state: state };
        let serving = service.wait_for_log(|line| line["message"] == "serving");
        service.address = serving["listen"].as_str().unwrap().parse().unwrap();
        service
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        Request::get(path).send(self.address).unwrap()
    }

    pub(crate) fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> Response {
        Request::post(path, body).send(self.address).unwrap()
    }

    /// The lines of the log so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Waits for a line of the log.
    #[track_caller]
    pub(crate) fn wait_for_log(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let lines = self.log();
            let lines = lines.iter().filter_map(|line| serde_json::from_str(line).ok());
            if let Some(found) = lines.into_iter().find(|line| wanted(line)) {
                return found;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "{ended:?}: {:#?}", self.log());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Ceknikd {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
