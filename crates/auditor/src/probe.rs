//! Asks a service for evaluations as strangers do, each time through a connection of its own, and looks at what comes.

use std::collections::BTreeMap;

use ceknik_client::evaluation::{self, EvaluationError};
use ceknik_client::{CacheMode, ClientError, Fetched, Response};
use ceknik_core::encoding::base64url;
use ceknik_core::manifest::{Id, Manifest};
use ceknik_core::oprf::{BlindedElement, OprfPublicKey, OprfSecretKey};
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};

use crate::findings::{Code, Finding, Unchecked};
use crate::source::{Source, describe};

/// Most bytes of a problem document that are read.
const MOST_PROBLEM_BYTES: u64 = 16 * 1024;
/// How often each kind of request is made, so that equal ones can be compared.
const ROUNDS: usize = 2;
/// Elements of a request, and whether it asks to be evaluated alone.
const KINDS: [(usize, bool); 4] = [(1, true), (1, false), (16, true), (16, false)];

/// What was asked and came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Probes {
    /// Requests for evaluations that were made.
    pub evaluations: u64,
    /// Elements in them, which the budget of the list pays for.
    pub elements: u64,
    /// Of the requests, those whose proof was verified.
    pub proved: u64,
    /// Requests that had to be answered with an error.
    pub errors: u64,
    /// The limits as the service told them (docs/problems.md); none where it told none.
    pub limits: Option<String>,
}

/// A member of a problem document, RFC 9457.
#[derive(Deserialize)]
struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    detail: String,
}

/// Probes one list.
pub(crate) struct Prober<'a> {
    pub(crate) source: &'a Source,
    pub(crate) dataset: &'a Id,
    pub(crate) manifest: &'a Manifest,
    pub(crate) findings: &'a mut Vec<Finding>,
    pub(crate) unchecked: &'a mut Vec<Unchecked>,
}

impl Prober<'_> {
    fn path(&self) -> String {
        format!("/v1/{}/evaluate", self.dataset)
    }

    fn found(&mut self, code: Code, detail: impl core::fmt::Display) {
        let finding = Finding::new(code, detail).of(self.dataset);
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    fn not_checked(&mut self, what: &str, why: String) {
        let dataset = Some(self.dataset.to_string());
        self.unchecked.push(Unchecked { dataset, epoch: None, what: what.to_owned(), why, expected: false });
    }

    /// Makes all probes: [`KINDS`] twice, then the mistakes.
    pub(crate) async fn run(&mut self) -> Result<Probes, ClientError> {
        let mut probes = Probes::default();
        let mut lengths: BTreeMap<(usize, bool), usize> = BTreeMap::new();
        for (elements, alone) in KINDS.into_iter().cycle().take(KINDS.len() * ROUNDS) {
            let sent: Vec<_> = (0..elements).map(|_| BlindedElement::random(&mut OsRng)).collect();
            let key = &self.manifest.oprf.public_key;
            let body = evaluation::request_body(key, &sent, alone);
            let fetched = self.source.fresh()?.post(&self.path(), body, evaluation::MOST_RESPONSE_BYTES).await;
            probes.evaluations += 1;
            probes.elements += elements as u64;
            let body = match &fetched.response {
                Response::Received { status: 200, body, .. } => body,
                Response::Received { status: status @ (408 | 429 | 500..=599), .. } => {
                    self.check_problem(&fetched, *status, None, "an evaluation that was turned away");
                    self.not_checked("the evaluation", format!("the service answered with status {status}"));
                    return Ok(probes);
                }
                Response::Received { status, .. } => {
                    let code = if *status == 410 { Code::KeyNotServed } else { Code::EvaluationInvalid };
                    self.found(code, format_args!("status {status} for {}", kind(elements, alone)));
                    continue;
                }
                Response::TooLong => {
                    self.found(
                        Code::EvaluationInvalid,
                        format_args!("{}: more bytes than 64 pairs have", kind(elements, alone)),
                    );
                    continue;
                }
                Response::Failed(failure) => {
                    self.not_checked("the evaluation", describe(*failure).to_owned());
                    return Ok(probes);
                }
            };
            match evaluation::open_response(body, key, &sent, alone) {
                Ok(_) => probes.proved += 1,
                Err(error) => {
                    let code = match &error {
                        EvaluationError::Malformed { .. } => Code::EvaluationInvalid,
                        EvaluationError::Foreign { .. } => Code::EvaluationForeign,
                        EvaluationError::Proof(_) => Code::ProofInvalid,
                    };
                    self.found(code, format_args!("{}: {error}", kind(elements, alone)));
                }
            }
            // Beside strangers the batch is as long as there happen to be.
            let length = *lengths.entry((elements, alone)).or_insert(body.len());
            if alone && length != body.len() {
                let detail = format_args!("{}: {length} bytes, then {}", kind(elements, alone), body.len());
                self.found(Code::EvaluationSize, detail);
            }
            self.check_limits(&fetched, &mut probes);
        }
        self.make_mistakes(&mut probes).await?;
        Ok(probes)
    }

    /// The limits in the headers (docs/problems.md): two policies, neither of which gives one network more than all may have.
    fn check_limits(&mut self, fetched: &Fetched, probes: &mut Probes) {
        let (policy, left) = (fetched.header("ratelimit-policy"), fetched.header("ratelimit"));
        let (Some(policy), Some(_)) = (policy, left) else {
            return self.found(Code::LimitsUntold, "RateLimit-Policy and RateLimit are not both there");
        };
        let quotas: Option<Vec<(&str, u64, u64)>> = policy.split(',').map(|item| quota(item.trim())).collect();
        let share = quotas.as_ref().and_then(|quotas| quotas.iter().find(|(name, ..)| *name == "share"));
        let network = quotas.as_ref().and_then(|quotas| quotas.iter().find(|(name, ..)| *name == "network"));
        let (Some((_, quota, seconds)), Some(_)) = (share, network) else {
            return self.found(Code::LimitsUntold, format_args!("RateLimit-Policy is {policy:?}"));
        };
        let budget = self.manifest.disclosure.evaluations_per_day;
        let a_day = u128::from(*quota) * 86_400 / u128::from((*seconds).max(1));
        if *quota > budget || a_day > u128::from(budget) {
            let detail = format_args!(
                "one network's share is {quota} within {seconds} seconds, the disclosed budget {budget} a day"
            );
            self.found(Code::LimitOverBudget, detail);
        }
        probes.limits = Some(policy.to_owned());
    }

    /// What has to be answered with an error, and with which.
    async fn make_mistakes(&mut self, probes: &mut Probes) -> Result<(), ClientError> {
        let element = || base64url(&BlindedElement::random(&mut OsRng).to_bytes());
        let key = base64url(&self.manifest.oprf.public_key.to_bytes());
        let foreign: OprfPublicKey = *OprfSecretKey::generate(&mut OsRng).public_key();
        let foreign = base64url(&foreign.to_bytes());
        let body = |key: &str, elements: &[String]| {
            serde_json::json!({ "key": key, "blinded": elements, "alone": false }).to_string()
        };
        let mistakes = [
            ("what is no JSON", "{".to_owned(), 400, "malformed-body"),
            ("two elements", body(&key, &[element(), element()]), 400, "element-count"),
            ("the identity for an element", body(&key, &[base64url(&[0; 32])]), 400, "invalid-element"),
            ("a key that nobody has", body(&foreign, &[element()]), 410, "key-not-served"),
            ("a body of more than 4,096 bytes", " ".repeat(4097), 413, "body-too-large"),
        ];
        for (what, body, status, slug) in mistakes {
            let fetched = self.source.fresh()?.post(&self.path(), body, MOST_PROBLEM_BYTES).await;
            probes.errors += 1;
            self.check_answer(&fetched, status, slug, what);
        }
        let get = self.source.fresh()?.get(&self.path(), MOST_PROBLEM_BYTES, CacheMode::NoStore).await;
        self.check_answer(&get, 405, "method-not-allowed", "GET in place of POST");
        // No list has this id: it is the id of no chance.
        let nowhere = format!(
            "/v1/{}-{:016x}/manifest",
            &self.dataset.as_str()[..self.dataset.as_str().len().min(40)],
            rand::random::<u64>()
        );
        let nowhere = self.source.fresh()?.get(&nowhere, MOST_PROBLEM_BYTES, CacheMode::NoStore).await;
        self.check_answer(&nowhere, 404, "not-found", "a list that there is not");
        probes.errors += 2;
        Ok(())
    }

    fn check_answer(&mut self, fetched: &Fetched, status: u16, slug: &str, what: &str) {
        match &fetched.response {
            // It is busy: that says nothing of the mistake.
            Response::Received { status: status @ (408 | 429 | 500..=599), .. } => {
                self.check_problem(fetched, *status, None, what);
            }
            Response::Received { status: got, .. } if *got == status => {
                self.check_problem(fetched, status, Some(slug), what);
            }
            Response::Received { status: got, .. } => {
                self.found(Code::ProblemDocument, format_args!("{what}: status {got}, not {status}"));
            }
            Response::TooLong => self.found(Code::ProblemDocument, format_args!("{what}: the answer is too long")),
            Response::Failed(failure) => {
                self.not_checked(&format!("the answer to {what}"), describe(*failure).to_owned())
            }
        }
    }

    fn check_problem(&mut self, fetched: &Fetched, status: u16, slug: Option<&str>, what: &str) {
        let Response::Received { body, .. } = &fetched.response else { return };
        let declared =
            fetched.header("content-type").is_some_and(|declared| declared.starts_with("application/problem+json"));
        let problem: Option<Problem> = serde_json::from_slice(body).ok().filter(|_| declared);
        let Some(problem) = problem.filter(|problem| !problem.title.is_empty() && !problem.detail.is_empty()) else {
            return self
                .found(Code::ProblemDocument, format_args!("{what}: status {status} without a problem document"));
        };
        let last = problem.kind.rsplit('/').next().unwrap_or_default();
        if problem.status != status || slug.is_some_and(|slug| slug != last) {
            // What a server writes is shown as far as it is a name.
            let shown: String = last.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect();
            let detail = format_args!(
                "{what}: the document says {} {shown:?}, not {status} {:?}",
                problem.status,
                slug.unwrap_or("")
            );
            self.found(Code::ProblemDocument, detail);
        }
    }
}

fn kind(elements: usize, alone: bool) -> String {
    let noun = if elements == 1 { "element" } else { "elements" };
    format!("{elements} {noun}, {}", if alone { "alone" } else { "beside others" })
}

/// `"name";q=1;w=2`.
fn quota(item: &str) -> Option<(&str, u64, u64)> {
    let mut parts = item.split(';').map(str::trim);
    let name = parts.next()?.strip_prefix('"')?.strip_suffix('"')?;
    let quota = parts.next()?.strip_prefix("q=")?.parse().ok()?;
    let seconds = parts.next()?.strip_prefix("w=")?.parse().ok()?;
    Some((name, quota, seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_read_as_they_are_documented() {
        assert_eq!(quota("\"share\";q=15000;w=43200"), Some(("share", 15_000, 43_200)));
        for other in ["share;q=1;w=1", "\"share\";q=1", "\"share\";w=1;q=1", "\"share\";q=-1;w=1", ""] {
            assert_eq!(quota(other), None, "{other}");
        }
    }
}
