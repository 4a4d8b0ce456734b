//! `ceknik audit` of the real service: a clean history gives the exact figures, and each rule that is broken is found and named.

#![allow(clippy::unwrap_used, reason = "a failure is to be seen where it happens")]

#[path = "../fixture/publication.rs"]
#[allow(dead_code, reason = "each user needs a part of it")]
mod publication;
mod support;

#[path = "audit/chance.rs"]
mod chance;
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

/// The exit code of figures that chance gives one honest epoch in 1,000.
const UNLIKELY: i32 = 6;

/// An audit of a list whose keys were drawn for this run, which finds nothing but what chance may have done. Gives its verdict.
#[track_caller]
fn is_well(audit: Ceknik) -> (Ran, &'static str) {
    let ran = audit.run();
    match ran.code() {
        0 => (ran, "SEMUA SESUAI / ALL IS WELL"),
        UNLIKELY => (ran, "ANGKA YANG JARANG TERJADI / UNLIKELY FIGURES"),
        _ => panic!("{ran:?}"),
    }
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

    /// The same, of a list whose keys were drawn for this run, without what chance does to one such list in 1,000. What it is that
    /// chance does is tested with fixed keys.
    #[track_caller]
    fn but_for_chance(audit: Ceknik) -> Self {
        let mut told = Self::of(audit);
        let is_chance = |finding: &Value| finding["weight"] == "chance";
        told.report["findings"].as_array_mut().unwrap().retain(|finding| !is_chance(finding));
        let epochs =
            told.report["lists"].as_array_mut().unwrap().iter_mut().flat_map(|list| list["epochs"].as_array_mut());
        for findings in epochs.flatten().filter_map(|epoch| epoch["audited"]["findings"].as_array_mut()) {
            findings.retain(|finding| !is_chance(finding));
        }
        if told.code == UNLIKELY {
            assert_eq!(told.at("/verdict"), "unlikely");
            let whole = told.at("/unchecked").as_array().unwrap().iter().all(|unchecked| unchecked["expected"] == true);
            let (code, verdict) = if whole { (0, "all_well") } else { (4, "not_whole") };
            told.code = code;
            told.report["verdict"] = verdict.into();
        }
        told
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
