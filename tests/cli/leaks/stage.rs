//! The place where the story is played: one directory for everything, and every process seen from its start to its end.

use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::support::command::ceknikd_path;
use super::watch::Watcher;

/// A process that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// ```text
/// home/     the publisher's        lists/    what he reads, and the only place for NIKs
/// state/    the service's          tmp/      TMPDIR of all
/// user/     HOME of all            said/     standard output and error of every process
/// ```
pub(crate) struct Stage {
    dir: TempDir,
    watcher: Option<Watcher>,
    said: usize,
}

/// What a process said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A process that runs.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) out: PathBuf,
    pub(crate) err: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed leaves nobody behind; one that has ended is ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Stage {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["lists", "state", "tmp", "user", "said"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        Self { dir, watcher: None, said: 0 }
    }

    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Watches with this one from now on; gives the one before.
    pub(crate) fn watch_with(&mut self, watcher: Watcher) -> Option<Watcher> {
        self.watcher.replace(watcher)
    }

    pub(crate) fn end_watch(&mut self) -> Option<Watcher> {
        self.watcher.take()
    }

    pub(crate) fn list(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path("lists").join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// `ceknik` with these words, as talkative as it can be made.
    pub(crate) fn ceknik(&self, words: &str) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_ceknik"));
        command.args(words.split_whitespace());
        command
    }

    /// A program in the stage's surroundings and no others.
    pub(crate) fn program(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(self.root()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.path("user")).env("TMPDIR", self.path("tmp")).env("CEKNIK_HOME", self.path("home"));
        command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
        command
    }

    /// Starts a process with something on its standard input, under watch.
    pub(crate) fn start(&mut self, name: &str, mut command: Command, stdin: &str) -> Running {
        self.said += 1;
        let file = |end: &str| self.path(&format!("said/{:02}-{name}.{end}", self.said));
        let (out, err) = (file("out"), file("err"));
        command.stdin(Stdio::piped()).stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        let mut child = command.spawn().unwrap();
        if let Some(watcher) = &self.watcher {
            watcher.watch(child.id());
        }
        // One that fails at once reads nothing.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        Running { child, out, err }
    }

    /// Waits until it ends.
    pub(crate) fn wait(&mut self, mut running: Running) -> Said {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = running.child.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < PATIENCE, "{}", running.err.display());
            std::thread::sleep(Duration::from_millis(2));
        };
        if let Some(watcher) = &self.watcher {
            watcher.forget(running.child.id());
        }
        Said { code: status.code(), out: read(&running.out), err: read(&running.err) }
    }

    /// Runs a process to its end.
    pub(crate) fn run(&mut self, name: &str, command: Command, stdin: &str) -> Said {
        let running = self.start(name, command, stdin);
        self.wait(running)
    }

    /// Runs a process that must do what it was told.
    #[track_caller]
    pub(crate) fn done(&mut self, name: &str, command: Command, stdin: &str) -> Said {
        let said = self.run(name, command, stdin);
        assert_eq!(said.code, Some(0), "{said:?}");
        said
    }

    /// Runs a process that must not do it, and say why.
    #[track_caller]
    pub(crate) fn refused(&mut self, name: &str, command: Command, stdin: &str) -> Said {
        let said = self.run(name, command, stdin);
        assert!(said.code.is_some_and(|code| code != 0) && !said.err.is_empty(), "{said:?}");
        said
    }

    /// Starts the service at its most talkative; gives where it and its metrics are.
    pub(crate) fn serve(&mut self) -> (Running, SocketAddr, SocketAddr) {
        let mut command = self.program(ceknikd_path());
        command.arg("--public").arg(self.path("home/public")).arg("--keys").arg(self.path("home/keys/oprf"));
        command.arg("--state").arg(self.path("state")).args(["--log-level", "trace", "--trusted-proxy", "127.0.0.0/8"]);
        command.args(["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
        let running = self.start("ceknikd", command, "");
        let begun = Instant::now();
        loop {
            let serving = read(&running.err).lines().filter_map(parse).find(|line| line["message"] == "serving");
            if let Some(line) = serving {
                let address = |name: &str| line[name].as_str().unwrap().parse().unwrap();
                return (running, address("listen"), address("metrics_listen"));
            }
            assert!(begun.elapsed() < PATIENCE, "{}", read(&running.err));
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn parse(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok()
}

pub(crate) fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
}

impl Said {
    /// What `check --json` answered, line by line.
    #[track_caller]
    pub(crate) fn answers(&self) -> Vec<String> {
        let lines = self.out.lines().filter_map(parse).map(|line| line["answer"].as_str().map(str::to_owned));
        lines.collect::<Option<_>>().unwrap_or_else(|| panic!("{self:?}"))
    }
}
