//! A list, its service, and people who have evidence made.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::citizen::says_no_nik;
use crate::support::command::{Ceknik, Ran, ceknik};
use crate::support::home::{DATASET, TestHome};
use crate::support::service::Ceknikd;

/// People of these numbers are listed.
pub(crate) const LISTED: std::ops::Range<u32> = 0..200;

pub(crate) struct World {
    pub(crate) home: TestHome,
    pub(crate) service: Ceknikd,
    dir: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(TestHome::published(LISTED))
    }

    pub(crate) fn of(home: TestHome) -> Self {
        Self { service: Ceknikd::start(&home), home, dir: tempfile::tempdir().unwrap() }
    }

    /// Where evidence is written.
    pub(crate) fn dir(&self) -> PathBuf {
        self.dir.path().join("evidence")
    }

    /// `check --evidence`, for these lines of input.
    pub(crate) fn check<S: AsRef<str>>(&self, niks: &[S]) -> Ceknik {
        let url = self.service.url();
        let command = ceknik(["check", "--accept-weak", "--no-cache", "--dataset", DATASET, "--server", &url]);
        let command = command.arg("--policy").arg(self.home.policy()).arg("--evidence").arg(self.dir());
        let input: String = niks.iter().flat_map(|nik| [nik.as_ref(), "\n"]).collect();
        command.stdin(input)
    }

    /// The files that are written for these NIKs, all of which have an answer.
    #[track_caller]
    pub(crate) fn evidence<S: AsRef<str>>(&self, niks: &[S]) -> Vec<PathBuf> {
        let ran = self.check(niks).arg("--json").done();
        says_no_nik(&ran, niks);
        ran.json_lines().iter().map(|line| PathBuf::from(line["evidence"].as_str().unwrap())).collect()
    }

    /// The bytes of the evidence for a NIK.
    pub(crate) fn file(&self, nik: &str) -> Vec<u8> {
        fs::read(&self.evidence(&[nik])[0]).unwrap()
    }

    /// Writes bytes as a file of their own, whose path is given.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// `verify` under the publisher's policy.
    pub(crate) fn verify(&self, file: &Path, nik: &str) -> Ceknik {
        verify(file, &self.home.policy(), nik).arg("--accept-weak")
    }
}

/// `verify`, under some policy.
pub(crate) fn verify(file: &Path, policy: &Path, nik: &str) -> Ceknik {
    ceknik(["verify"]).arg(file).arg("--policy").arg(policy).stdin(format!("{nik}\n"))
}

/// The check that failed, and its detail.
#[track_caller]
pub(crate) fn failed(ran: &Ran) -> (String, String) {
    assert_eq!(ran.code(), 5, "{ran:?}");
    let json = ran.json();
    assert_eq!(json["verdict"], "invalid");
    let checks = json["checks"].as_array().unwrap();
    let at = checks.iter().position(|check| check["result"] == "failed").unwrap();
    // All before it passed, and none after it was reached.
    let results = |checks: &[Value], result: &str| checks.iter().all(|check| check["result"] == result);
    assert!(results(&checks[..at], "passed") && results(&checks[at + 1..], "not_reached"), "{json}");
    let text = |name: &str| checks[at][name].as_str().unwrap().to_owned();
    (text("check"), text("detail"))
}
