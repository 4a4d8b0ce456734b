//! Actions and reports as JSON.

use core::fmt;

use ceknik_client::{Answer, CacheMode, Exchange, NoAnswer, Outcome, Progress, Report, Request, Tells, Trust};
use ceknik_core::json::JsonWriter;
use ceknik_core::manifest::VerifiedManifest;

/// An action, by what is to be done, of which `write` adds the rest.
pub(crate) fn action(what: &str, write: impl FnOnce(&mut JsonWriter)) -> String {
    let mut json = JsonWriter::default();
    json.open('{');
    json.member("do", what);
    write(&mut json);
    json.close('}');
    json.finish()
}

/// A code, and the English sentence.
pub(crate) fn write_said(json: &mut JsonWriter, code: &str, sentence: &dyn fmt::Display) {
    json.open('{');
    members_said(json, code, &sentence.to_string());
    json.close('}');
}

fn members_said(json: &mut JsonWriter, code: &str, sentence: &str) {
    json.member("code", code);
    json.member("text", sentence);
}

/// The members of a request that is to be made.
pub(crate) fn write_fetch(json: &mut JsonWriter, request: &Request) {
    json.member_number("ticket", request.ticket.number().into());
    json.member("method", request.method.as_str());
    json.member("path", &request.path);
    json.name("body").maybe_text(request.body.as_deref());
    json.member_number("maxBytes", request.most_bytes(200));
    json.member_number("maxProblemBytes", request.most_bytes(500));
    // Whether a right response has exactly `maxBytes`: then they say how far it is.
    let whole = matches!(request.tells, Tells::FilterShard { .. } | Tells::Bucket { .. });
    json.name("whole").truth(whole || request.path.split('/').any(|part| part == "filter"));
    json.member(
        "cache",
        match request.cache {
            CacheMode::NoStore => "no_store",
            CacheMode::Revalidate => "revalidate",
            CacheMode::Immutable => "immutable",
        },
    );
    write_tells(json, &request.tells);
}

fn write_tells(json: &mut JsonWriter, tells: &Tells) {
    json.name("tells").open('{');
    members_said(json, tells.code(), &tells.to_string());
    match *tells {
        Tells::PublicFile | Tells::History | Tells::EvidenceElement => {}
        Tells::FilterShard { shards, people } => {
            json.member_number("shards", shards.into());
            json.member_number("people", people);
        }
        Tells::BlindedElements { elements } => json.member_number("elements", elements as u64),
        Tells::Bucket { buckets, people } => {
            json.member_number("buckets", buckets.into());
            json.member_number("people", people);
        }
    }
    json.close('}');
}

/// How far a lookup is.
pub(crate) fn write_progress(json: &mut JsonWriter, progress: Progress) {
    json.name("progress").open('{');
    json.member(
        "kind",
        match progress {
            Progress::List { .. } => "list",
            Progress::Filter { .. } => "filter",
            Progress::Stretched { .. } => "stretched",
            Progress::Local { .. } => "local",
            Progress::Evaluated { .. } => "evaluated",
            Progress::Waiting { .. } => "waiting",
            Progress::Restarted => "restarted",
        },
    );
    let mut numbers = |numbers: &[(&str, usize)]| {
        numbers.iter().for_each(|&(name, number)| json.member_number(name, number as u64));
    };
    match progress {
        Progress::List { epoch, published_at, valid_until, from_cache } => {
            json.member_number("epoch", epoch);
            json.member("publishedAt", &published_at.to_string());
            json.member("validUntil", &valid_until.to_string());
            json.name("fromCache").truth(from_cache);
        }
        Progress::Filter { bytes, from_cache } => {
            json.member_number("bytes", bytes);
            json.name("fromCache").truth(from_cache);
        }
        Progress::Stretched { done, of } => numbers(&[("done", done), ("of", of)]),
        Progress::Local { hits, misses, confirming } => {
            numbers(&[("hits", hits), ("misses", misses), ("confirming", confirming)]);
        }
        Progress::Evaluated { elements, batch, buckets } => {
            numbers(&[("elements", elements), ("batch", batch), ("buckets", buckets)]);
        }
        Progress::Waiting { milliseconds, because } => {
            json.member_number("milliseconds", milliseconds);
            json.name("because");
            write_said(json, because.code(), &because);
        }
        Progress::Restarted => {}
    }
    json.close('}');
}

/// A report. The manifest's exact bytes and the policy's are parts beside it.
pub(crate) fn write_report(json: &mut JsonWriter, report: &Report) {
    json.name("report").open('{');
    json.name("outcomes").open('[');
    report.outcomes.iter().for_each(|outcome| write_outcome(json, outcome));
    json.close(']');
    json.name("list");
    match &report.list {
        Some(list) => write_list(json, list),
        None => json.null(),
    }
    json.name("trust");
    match &report.trust {
        Some(trust) => write_trust(json, trust),
        None => json.null(),
    }
    json.name("requests").open('[');
    report.exchanges.iter().for_each(|exchange| write_exchange(json, exchange));
    json.close(']');
    json.close('}');
}

fn write_outcome(json: &mut JsonWriter, outcome: &Outcome) {
    json.open('{');
    json.name("answer").open('{');
    json.member("code", outcome.answer.code());
    match &outcome.answer {
        Answer::Listed { supports } => {
            json.name("supports").open('[');
            for support in supports {
                support.write(json);
            }
            json.close(']');
        }
        Answer::NotListed => {}
        Answer::Maybe { because } => json.member("because", because.code()),
        Answer::NoAnswer(none) => {
            let NoAnswer { reason, detail, retry_after } = &**none;
            json.member("reason", reason.code());
            json.member("text", &reason.to_string());
            json.name("detail").maybe_text(detail.as_deref());
            json.name("retryAfter").maybe_number(*retry_after);
            json.name("passing").truth(reason.is_passing());
        }
    }
    json.close('}');
    json.name("local").maybe_text(outcome.local.map(|local| local.code()));
    json.name("asOf").maybe_text(outcome.as_of.map(|at| at.to_string()).as_deref());
    json.name("epoch").maybe_number(outcome.epoch);
    json.name("warnings").open('[');
    outcome.warnings.iter().for_each(|warning| write_said(json, warning.code(), warning));
    json.close(']');
    // The evidence file, which is text.
    let file = outcome.evidence.as_ref().map(|file| file.to_bytes());
    json.name("evidence").maybe_text(file.as_ref().and_then(|file| core::str::from_utf8(file).ok()));
    json.close('}');
}

fn write_list(json: &mut JsonWriter, list: &VerifiedManifest) {
    json.open('{');
    json.member("sha256", &ceknik_core::encoding::hex(&list.sha256()));
    json.member("log", &list.checkpoint().log().to_string());
    json.member_number("logIndex", list.log_index());
    json.close('}');
}

fn write_trust(json: &mut JsonWriter, trust: &Trust) {
    json.open('{');
    json.member("basis", trust.basis.code());
    json.name("logs").open('[');
    trust.policy.logs().iter().for_each(|log| json.text(&log.key().to_string()));
    json.close(']');
    json.name("witnesses").open('[');
    trust.policy.witnesses().iter().for_each(|witness| json.text(&witness.key().to_string()));
    json.close(']');
    json.close('}');
}

fn write_exchange(json: &mut JsonWriter, exchange: &Exchange) {
    json.open('{');
    json.member("at", &exchange.at.to_string());
    json.member("method", exchange.method.as_str());
    json.member("path", &exchange.path);
    json.name("body").maybe_text(exchange.body.as_deref());
    write_tells(json, &exchange.tells);
    json.name("status").maybe_number(exchange.status.map(u64::from));
    json.member_number("receivedBytes", exchange.received_bytes);
    json.close('}');
}
