//! `ceknik audit` of the real service: a clean history gives the exact figures, and each rule that is broken is found and named.

#![allow(clippy::unwrap_used, reason = "a failure is to be seen where it happens")]

#[path = "../fixture/publication.rs"]
#[allow(dead_code, reason = "each user needs a part of it")]
mod publication;
mod support;

#[path = "audit/clean.rs"]
mod clean;
#[path = "audit/forked.rs"]
mod forked;
#[path = "audit/liar.rs"]
mod liar;
#[path = "audit/lies.rs"]
mod lies;
#[path = "audit/list.rs"]
mod list;
#[path = "audit/long_log.rs"]
mod long_log;
#[path = "audit/mirror.rs"]
mod mirror;
#[path = "audit/served.rs"]
mod served;
#[path = "audit/standing.rs"]
mod standing;

use std::path::Path;

use serde_json::Value;

use crate::support::command::{Ceknik, Ran, ceknik};

/// `ceknik audit URL` under a policy, of lists with a weak stretch.
fn audit(url: &str, policy: &Path) -> Ceknik {
    ceknik(["audit", url, "--accept-weak", "--policy"]).arg(policy)
}

/// A report as JSON, and the codes in it.
struct Told {
    report: Value,
    code: i32,
}

impl Told {
    #[track_caller]
    fn of(audit: Ceknik) -> Self {
        let ran: Ran = audit.arg("--json").run();
        let report = ran.json();
        Self { report, code: ran.code() }
    }

    /// What was found: code, epoch, particulars.
    fn findings(&self) -> Vec<(&str, Option<u64>, &str)> {
        let findings = self.report["findings"].as_array().unwrap().iter();
        findings
            .map(|finding| {
                (finding["code"].as_str().unwrap(), finding["epoch"].as_u64(), finding["detail"].as_str().unwrap())
            })
            .collect()
    }

    fn codes(&self) -> Vec<&str> {
        self.findings().into_iter().map(|(code, ..)| code).collect()
    }

    fn at(&self, pointer: &str) -> &Value {
        self.report.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is not in {:#}", self.report))
    }
}
