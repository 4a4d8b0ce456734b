//! Actions and reports as JSON.

use core::fmt;

use ceknik_client::{Answer, CacheMode, Exchange, NoAnswer, Outcome, Progress, Report, Request, Tells, Trust};
use ceknik_core::manifest::VerifiedManifest;
use ceknik_core::record::Support;
use serde::Serialize;

/// A code, and the English sentence.
#[derive(Serialize)]
pub(crate) struct Said {
    code: &'static str,
    text: String,
}

impl Said {
    pub(crate) fn new(code: &'static str, sentence: impl fmt::Display) -> Self {
        Self { code, text: sentence.to_string() }
    }
}

#[derive(Serialize)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum ActionForm<'a> {
    Fetch(FetchForm<'a>),
    Stretch { ticket: u32, memory_kib: u32 },
    Load { ticket: u32, sha256: String },
    Store { item: &'static str, log: Option<&'a str>, sha256: Option<String> },
    Wait { ticket: u32, milliseconds: u64 },
    Progress { progress: ProgressForm },
    Done { report: ReportForm<'a> },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FetchForm<'a> {
    ticket: u32,
    method: &'static str,
    path: &'a str,
    body: Option<&'a str>,
    max_bytes: u64,
    max_problem_bytes: u64,
    /// Whether a right response has exactly `max_bytes`: then they say how far it is.
    whole: bool,
    cache: &'static str,
    tells: TellsForm,
}

impl<'a> FetchForm<'a> {
    pub(crate) fn new(request: &'a Request) -> Self {
        Self {
            ticket: request.ticket.number(),
            method: request.method.as_str(),
            path: &request.path,
            body: request.body.as_deref(),
            max_bytes: request.most_bytes(200),
            max_problem_bytes: request.most_bytes(500),
            whole: matches!(request.tells, Tells::FilterShard { .. } | Tells::Bucket { .. })
                || request.path.contains("/filter/"),
            cache: match request.cache {
                CacheMode::NoStore => "no_store",
                CacheMode::Revalidate => "revalidate",
                CacheMode::Immutable => "immutable",
            },
            tells: TellsForm::new(&request.tells),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct TellsForm {
    #[serde(flatten)]
    said: Said,
    #[serde(skip_serializing_if = "Option::is_none")]
    shards: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    elements: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    buckets: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    people: Option<u64>,
}

impl TellsForm {
    fn new(tells: &Tells) -> Self {
        let mut form =
            Self { said: Said::new(tells.code(), tells), shards: None, elements: None, buckets: None, people: None };
        match *tells {
            Tells::PublicFile | Tells::History | Tells::EvidenceElement => {}
            Tells::FilterShard { shards, people } => (form.shards, form.people) = (Some(shards), Some(people)),
            Tells::BlindedElements { elements } => form.elements = Some(elements),
            Tells::Bucket { buckets, people } => (form.buckets, form.people) = (Some(buckets), Some(people)),
        }
        form
    }
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum ProgressForm {
    List { epoch: u64, published_at: String, valid_until: String, from_cache: bool },
    Filter { bytes: u64, from_cache: bool },
    Stretched { done: usize, of: usize },
    Local { hits: usize, misses: usize, confirming: usize },
    Evaluated { elements: usize, batch: usize, buckets: usize },
    Waiting { milliseconds: u64, because: Said },
    Restarted,
}

impl ProgressForm {
    pub(crate) fn new(progress: Progress) -> Self {
        match progress {
            Progress::List { epoch, published_at, valid_until, from_cache } => Self::List {
                epoch,
                published_at: published_at.to_string(),
                valid_until: valid_until.to_string(),
                from_cache,
            },
            Progress::Filter { bytes, from_cache } => Self::Filter { bytes, from_cache },
            Progress::Stretched { done, of } => Self::Stretched { done, of },
            Progress::Local { hits, misses, confirming } => Self::Local { hits, misses, confirming },
            Progress::Evaluated { elements, batch, buckets } => Self::Evaluated { elements, batch, buckets },
            Progress::Waiting { milliseconds, because } => {
                Self::Waiting { milliseconds, because: Said::new(because.code(), because) }
            }
            Progress::Restarted => Self::Restarted,
        }
    }
}

/// A report. The manifest's exact bytes and the policy's are parts beside it.
#[derive(Serialize)]
pub(crate) struct ReportForm<'a> {
    outcomes: Vec<OutcomeForm<'a>>,
    list: Option<ListForm>,
    trust: Option<TrustForm>,
    requests: Vec<ExchangeForm<'a>>,
}

impl<'a> ReportForm<'a> {
    pub(crate) fn new(report: &'a Report) -> Self {
        Self {
            outcomes: report.outcomes.iter().map(OutcomeForm::new).collect(),
            list: report.list.as_ref().map(ListForm::new),
            trust: report.trust.as_ref().map(TrustForm::new),
            requests: report.exchanges.iter().map(ExchangeForm::new).collect(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutcomeForm<'a> {
    answer: AnswerForm<'a>,
    local: Option<&'static str>,
    as_of: Option<String>,
    epoch: Option<u64>,
    warnings: Vec<Said>,
    /// The evidence file, which is text.
    evidence: Option<String>,
}

impl<'a> OutcomeForm<'a> {
    fn new(outcome: &'a Outcome) -> Self {
        Self {
            answer: AnswerForm::new(&outcome.answer),
            local: outcome.local.map(|local| local.code()),
            as_of: outcome.as_of.map(|at| at.to_string()),
            epoch: outcome.epoch,
            warnings: outcome.warnings.iter().map(|warning| Said::new(warning.code(), warning)).collect(),
            evidence: outcome.evidence.as_ref().map(|file| String::from_utf8_lossy(&file.to_bytes()).into_owned()),
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "code", rename_all = "snake_case", rename_all_fields = "camelCase")]
enum AnswerForm<'a> {
    Listed { supports: &'a [Support] },
    NotListed,
    Maybe { because: &'static str },
    NoAnswer { reason: &'static str, text: String, detail: Option<&'a str>, retry_after: Option<u64>, passing: bool },
}

impl<'a> AnswerForm<'a> {
    fn new(answer: &'a Answer) -> Self {
        match answer {
            Answer::Listed { supports } => Self::Listed { supports },
            Answer::NotListed => Self::NotListed,
            Answer::Maybe { because } => Self::Maybe { because: because.code() },
            Answer::NoAnswer(NoAnswer { reason, detail, retry_after }) => Self::NoAnswer {
                reason: reason.code(),
                text: reason.to_string(),
                detail: detail.as_deref(),
                retry_after: *retry_after,
                passing: reason.is_passing(),
            },
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListForm {
    sha256: String,
    log: String,
    log_index: u64,
}

impl ListForm {
    fn new(list: &VerifiedManifest) -> Self {
        Self {
            sha256: ceknik_core::encoding::hex(&list.sha256()),
            log: list.checkpoint().log().to_string(),
            log_index: list.log_index(),
        }
    }
}

#[derive(Serialize)]
struct TrustForm {
    basis: &'static str,
    logs: Vec<String>,
    witnesses: Vec<String>,
}

impl TrustForm {
    fn new(trust: &Trust) -> Self {
        Self {
            basis: trust.basis.code(),
            logs: trust.policy.logs().iter().map(|log| log.key().to_string()).collect(),
            witnesses: trust.policy.witnesses().iter().map(|witness| witness.key().to_string()).collect(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExchangeForm<'a> {
    at: String,
    method: &'static str,
    path: &'a str,
    body: Option<&'a str>,
    tells: TellsForm,
    status: Option<u16>,
    received_bytes: u64,
}

impl<'a> ExchangeForm<'a> {
    fn new(exchange: &'a Exchange) -> Self {
        Self {
            at: exchange.at.to_string(),
            method: exchange.method.as_str(),
            path: &exchange.path,
            body: exchange.body.as_deref(),
            tells: TellsForm::new(&exchange.tells),
            status: exchange.status,
            received_bytes: exchange.received_bytes,
        }
    }
}

/// As JSON.
pub(crate) fn json(form: &ActionForm<'_>) -> String {
    // Strings, numbers and lists: always encodable.
    serde_json::to_string(form).unwrap_or_default()
}
