//! `ceknik` as a child process.

use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use serde_json::Value;

/// A command line that was not run yet.
pub(crate) struct Ceknik {
    command: Command,
    stdin: Vec<u8>,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// `ceknik ARGUMENTS`, with nothing on its standard input.
pub(crate) fn ceknik<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ceknik {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ceknik"));
    command.args(arguments);
    // What the caller's shell has set is not the test's.
    for variable in ["CEKNIK_HOME", "XDG_CACHE_HOME", "HOME", "http_proxy", "https_proxy", "all_proxy", "RUST_LOG"] {
        command.env_remove(variable);
    }
    Ceknik { command, stdin: Vec::new() }
}

impl Ceknik {
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// What is piped in.
    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// The command, for whoever starts it himself.
    pub(crate) fn into_command(self) -> Command {
        self.command
    }

    /// Runs it to its end.
    pub(crate) fn run(mut self) -> Ran {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // From a thread, as the command may write before it has read all. One that fails at once reads nothing.
        let writer = thread::spawn(move || drop(stdin.write_all(&self.stdin)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs it, and fails unless it was done.
    #[track_caller]
    pub(crate) fn done(self) -> Ran {
        let ran = self.run();
        assert_eq!(ran.code(), 0, "{ran:?}");
        ran
    }

    /// Runs it, and fails unless it was not done. Gives the message, without the name before it.
    #[track_caller]
    pub(crate) fn refused(self) -> String {
        let ran = self.run();
        assert_eq!(ran.code(), 1, "{ran:?}");
        ran.message()
    }
}

impl Ran {
    pub(crate) fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    /// The last line of standard error, which is the message of a command that was not done.
    #[track_caller]
    pub(crate) fn message(&self) -> String {
        let line = self.stderr.lines().last().unwrap_or_default();
        line.strip_prefix("ceknik: ").unwrap_or_else(|| panic!("no message: {self:?}")).to_owned()
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Standard output as one JSON document a line.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// The service's binary, which is built beside the one under test.
pub(crate) fn ceknikd_path() -> PathBuf {
    let path = PathBuf::from(env!("CARGO_BIN_EXE_ceknik")).with_file_name("ceknikd");
    assert!(path.exists(), "{} is missing: run `cargo build --workspace --bins` first", path.display());
    path
}
