//! Somebody who checks NIKs with `ceknik check`.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::command::{Ceknik, Ran, ceknik};

/// A device: the client's cache, and where it looks.
pub(crate) struct Citizen {
    dir: TempDir,
    url: String,
    dataset: String,
    policy: Option<PathBuf>,
}

/// A line of `ceknik check --json`.
#[derive(Clone, Debug)]
pub(crate) struct Seen(pub(crate) Value);

impl Seen {
    pub(crate) fn answer(&self) -> &str {
        self.0["answer"].as_str().unwrap()
    }

    /// `hit`, `miss`, or nothing.
    pub(crate) fn local(&self) -> &str {
        self.0["local"].as_str().unwrap_or_default()
    }

    pub(crate) fn reason(&self) -> &str {
        self.0["reason"].as_str().unwrap_or_default()
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.0["epoch"].as_u64().unwrap()
    }

    pub(crate) fn supports(&self) -> &Value {
        &self.0["supports"]
    }

    pub(crate) fn status(&self) -> &str {
        self.0["supports"][0]["status"].as_str().unwrap_or_default()
    }

    pub(crate) fn warnings(&self) -> Vec<&str> {
        self.0["warnings"].as_array().unwrap().iter().map(|warning| warning.as_str().unwrap()).collect()
    }
}

impl Citizen {
    /// On a new device, with a policy from elsewhere or none.
    pub(crate) fn new(url: &str, dataset: &str, policy: Option<&Path>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { dir, url: url.to_owned(), dataset: dataset.to_owned(), policy: policy.map(Path::to_owned) }
    }

    /// The command, for these lines of input.
    pub(crate) fn command<S: AsRef<str>>(&self, lines: &[S]) -> Ceknik {
        let cache = self.dir.path().join("cache");
        let mut command = ceknik(["check", "--server", &self.url, "--dataset", &self.dataset, "--cache"]).arg(cache);
        if let Some(policy) = &self.policy {
            command = command.arg("--policy").arg(policy);
        }
        let input: String = lines.iter().flat_map(|line| [line.as_ref(), "\n"]).collect();
        command.stdin(input)
    }

    /// Checks these NIKs. Gives what was seen of each, in order, and the exit code.
    #[track_caller]
    pub(crate) fn look<S: AsRef<str>>(&self, niks: &[S], options: &[&str]) -> (Vec<Seen>, i32) {
        let ran = self.command(niks).arg("--json").args(options).run();
        says_no_nik(&ran, niks);
        let seen: Vec<_> = ran.json_lines().into_iter().map(Seen).collect();
        assert_eq!(seen.len(), niks.len(), "{ran:?}");
        (seen, ran.code())
    }

    /// Checks these NIKs, all of which have an answer.
    #[track_caller]
    pub(crate) fn check<S: AsRef<str>>(&self, niks: &[S], options: &[&str]) -> Vec<Seen> {
        let (seen, code) = self.look(niks, options);
        assert_eq!(code, 0, "{seen:?}");
        assert!(seen.iter().all(|seen| ["listed", "not_listed"].contains(&seen.answer())), "{seen:?}");
        seen
    }

    /// Checks one.
    #[track_caller]
    pub(crate) fn check_one(&self, nik: &str, options: &[&str]) -> Seen {
        self.check(&[nik], options).remove(0)
    }
}

/// Nothing that was said has one of these NIKs in it.
#[track_caller]
pub(crate) fn says_no_nik<S: AsRef<str>>(ran: &Ran, niks: &[S]) {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    for nik in niks.iter().map(|nik| digits(nik.as_ref())).filter(|nik| nik.len() == 16) {
        assert!(!ran.stdout.contains(&nik) && !ran.stderr.contains(&nik), "a NIK is printed");
    }
}
