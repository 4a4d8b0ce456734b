//! Error answers: RFC 9457 problem documents, and the one place that gives an error its status code.
//!
//! `docs/problems.md` lists the types for callers. A detail never repeats what was sent: neither elements nor bucket numbers
//! nor addresses.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// Media type of a problem document.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// What all problems of one type share.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// Last part of `type`; in metrics, the reason.
    pub(crate) slug: &'static str,
    pub(crate) status: StatusCode,
    pub(crate) title: &'static str,
    /// Whether such an answer carries Retry-After.
    pub(crate) retry: bool,
}

macro_rules! kinds {
    ($($name:ident = $slug:literal, $status:ident, $title:literal $(, $retry:ident)?;)*) => {
        $(pub(crate) const $name: Kind = Kind {
            slug: $slug,
            status: StatusCode::$status,
            title: $title,
            retry: kinds!(@retry $($retry)?),
        };)*

        /// Every type that the service can answer with.
        pub(crate) const KINDS: &[&Kind] = &[$(&$name),*];
    };
    (@retry retry) => { true };
    (@retry) => { false };
}

kinds! {
    NOT_FOUND = "not-found", NOT_FOUND, "Not found";
    BUCKET_OUT_OF_RANGE = "bucket-out-of-range", NOT_FOUND, "No such bucket";
    METHOD_NOT_ALLOWED = "method-not-allowed", METHOD_NOT_ALLOWED, "Method not allowed";
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "Not JSON";
    BODY_TOO_LARGE = "body-too-large", PAYLOAD_TOO_LARGE, "Request body too large";
    BODY_TOO_SLOW = "body-too-slow", REQUEST_TIMEOUT, "Request body too slow";
    MALFORMED_BODY = "malformed-body", BAD_REQUEST, "Malformed request body";
    ELEMENT_COUNT = "element-count", BAD_REQUEST, "Wrong number of elements";
    INVALID_ELEMENT = "invalid-element", BAD_REQUEST, "Invalid element";
    INVALID_KEY = "invalid-key", BAD_REQUEST, "Invalid key";
    KEY_NOT_SERVED = "key-not-served", GONE, "Key not served";
    RATE_LIMITED = "rate-limited", TOO_MANY_REQUESTS, "Too many evaluations from this network", retry;
    SHARE_SPENT = "share-spent", TOO_MANY_REQUESTS, "This network's share of the list's evaluations is spent", retry;
    BUDGET_SPENT = "budget-spent", SERVICE_UNAVAILABLE, "The list's evaluations are spent", retry;
    OVERLOADED = "overloaded", SERVICE_UNAVAILABLE, "Overloaded", retry;
    NOT_READY = "not-ready", SERVICE_UNAVAILABLE, "Not ready", retry;
    INTERNAL = "internal", INTERNAL_SERVER_ERROR, "Internal error";
}

/// What is wrong with one element of a request, or with the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EncodingFault {
    /// Not 43 characters of canonical base64url, which are 32 bytes.
    Base64url,
    /// Not the canonical encoding of a group element.
    NotCanonical,
    /// The identity.
    Identity,
}

impl EncodingFault {
    fn detail(self) -> &'static str {
        match self {
            Self::Base64url => "is not 32 bytes in base64url without padding",
            Self::NotCanonical => "is not the canonical encoding of a ristretto255 element",
            Self::Identity => "is the identity element, which is refused",
        }
    }
}

/// Every error that a request can meet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Problem {
    /// No route has this path.
    NoSuchPath,
    /// No dataset of this id is served.
    NoSuchDataset,
    /// The epoch is not published, or the file asked for is kept no more.
    NoSuchEpoch,
    /// No such filter shard, tile or checkpoint.
    NoSuchFile,
    /// The number is not below the epoch's number of buckets.
    BucketOutOfRange { buckets: u32 },
    /// Not a number as a bucket's is written.
    BucketNumber { buckets: u32 },
    /// The path is served, by other methods.
    MethodNotAllowed,
    /// The body is not declared as JSON.
    MediaType,
    /// Longer than a request body may be.
    BodyTooLarge { most: usize },
    /// The body did not arrive in time.
    BodyTooSlow,
    /// The connection ended within the body.
    BodyIncomplete,
    /// Not the one form that a request body has.
    MalformedBody { line: usize, column: usize, reason: &'static str },
    /// Not one of the sizes of a request.
    ElementCount { got: usize },
    /// The element at `place`, from 0, is not acceptable.
    InvalidElement { place: usize, fault: EncodingFault },
    /// The key is not one.
    InvalidKey { fault: EncodingFault },
    /// The key is a key, but not one that is served.
    KeyNotServed,
    /// The network's evaluations are spent for the moment.
    RateLimited { wait: Duration },
    /// The network's share of the dataset's budget is spent for the moment.
    ShareSpent { wait: Duration },
    /// The dataset's budget is spent for the moment.
    BudgetSpent { wait: Duration },
    /// Too much at once, or too slow.
    Overloaded { wait: Duration },
    /// Not every dataset is served.
    NotReady { wait: Duration },
    /// A fault of the service.
    Internal,
}

impl Problem {
    /// The type, and with it the status code.
    pub(crate) fn kind(&self) -> &'static Kind {
        match self {
            Self::NoSuchPath | Self::NoSuchDataset | Self::NoSuchEpoch | Self::NoSuchFile => &NOT_FOUND,
            Self::BucketOutOfRange { .. } | Self::BucketNumber { .. } => &BUCKET_OUT_OF_RANGE,
            Self::MethodNotAllowed => &METHOD_NOT_ALLOWED,
            Self::MediaType => &UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge { .. } => &BODY_TOO_LARGE,
            Self::BodyTooSlow => &BODY_TOO_SLOW,
            Self::BodyIncomplete | Self::MalformedBody { .. } => &MALFORMED_BODY,
            Self::ElementCount { .. } => &ELEMENT_COUNT,
            Self::InvalidElement { .. } => &INVALID_ELEMENT,
            Self::InvalidKey { .. } => &INVALID_KEY,
            Self::KeyNotServed => &KEY_NOT_SERVED,
            Self::RateLimited { .. } => &RATE_LIMITED,
            Self::ShareSpent { .. } => &SHARE_SPENT,
            Self::BudgetSpent { .. } => &BUDGET_SPENT,
            Self::Overloaded { .. } => &OVERLOADED,
            Self::NotReady { .. } => &NOT_READY,
            Self::Internal => &INTERNAL,
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::NoSuchPath => "The service has no such path; /openapi.json lists those it has.".to_owned(),
            Self::NoSuchDataset => "No dataset of this id is served; /v1/datasets lists those that are.".to_owned(),
            Self::NoSuchEpoch => "This epoch is not published, or its file is kept no more.".to_owned(),
            Self::NoSuchFile => "There is no such file.".to_owned(),
            Self::BucketOutOfRange { buckets: 1 } => "This epoch has one bucket, number 0.".to_owned(),
            Self::BucketOutOfRange { buckets } => {
                format!("This epoch has {buckets} buckets, numbered 0 to {}.", buckets - 1)
            }
            Self::BucketNumber { buckets } => format!(
                "A bucket's number is written in decimal digits alone, without zeros before it; the last of this epoch is {}.",
                buckets - 1
            ),
            Self::MethodNotAllowed => "The Allow header lists the methods of this path.".to_owned(),
            Self::MediaType => "The body must be declared as application/json.".to_owned(),
            Self::BodyTooLarge { most } => format!("A request body has at most {most} bytes."),
            Self::BodyTooSlow => "The body did not arrive in time.".to_owned(),
            Self::BodyIncomplete => "The body ended early.".to_owned(),
            Self::MalformedBody { line, column, reason } => format!("Line {line}, column {column}: {reason}."),
            Self::ElementCount { got } => {
                format!("A request has exactly 1, 4 or 16 elements, this one {got}. Fill up with random elements.")
            }
            Self::InvalidElement { place, fault } => {
                format!("Element {place} of `blinded`, counted from 0, {}.", fault.detail())
            }
            Self::InvalidKey { fault } => format!("`key` {}.", fault.detail()),
            Self::KeyNotServed => {
                "This key is not, or no longer, served. Fetch the current manifest and use the key that it names."
                    .to_owned()
            }
            Self::RateLimited { .. } => {
                "Your network has asked for many evaluations. Other people may share it with you. Try again later."
                    .to_owned()
            }
            Self::ShareSpent { .. } => {
                "Your network has had its share of this list's evaluations for now. Try again later.".to_owned()
            }
            Self::BudgetSpent { .. } => {
                "The list's published number of evaluations is spent for now. Try again later.".to_owned()
            }
            Self::Overloaded { .. } => "The service has too much to do at the moment. Try again later.".to_owned(),
            Self::NotReady { .. } => "Not every dataset has an epoch that can be served.".to_owned(),
            Self::Internal => "The service failed. That is not your fault; its operator can see it.".to_owned(),
        }
    }

    fn wait(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { wait }
            | Self::ShareSpent { wait }
            | Self::BudgetSpent { wait }
            | Self::Overloaded { wait }
            | Self::NotReady { wait } => Some(*wait),
            _ => None,
        }
    }

    fn place(&self) -> Option<usize> {
        if let Self::InvalidElement { place, .. } = self { Some(*place) } else { None }
    }

    /// The document for a caller.
    pub(crate) fn document(&self) -> ProblemDocument {
        let kind = self.kind();
        ProblemDocument {
            kind: problem_type(kind),
            title: kind.title.to_owned(),
            status: kind.status.as_u16(),
            detail: self.detail(),
            place: self.place(),
        }
    }
}

/// The `type` of a problem: a URI reference. `docs/problems.md` explains each.
pub(crate) fn problem_type(kind: &Kind) -> String {
    format!("/problems/{}", kind.slug)
}

/// An error answer (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemDocument {
    /// Which kind of problem: a URI reference, listed in docs/problems.md.
    #[serde(rename = "type")]
    #[schema(pattern = "^/problems/[a-z-]+$")]
    kind: String,
    /// The kind in a few words.
    title: String,
    /// The status code again.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong and what to do next. Never repeats what was sent.
    detail: String,
    /// The place, from 0, of the element that is not acceptable.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0, maximum = 15)]
    place: Option<usize>,
}

/// Marks a response as a problem, for the metrics.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused(pub(crate) &'static Kind);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let kind = self.kind();
        // Serialising strings and numbers does not fail.
        let body = serde_json::to_vec(&self.document()).unwrap_or_default();
        let mut response = (kind.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = self.wait() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        response.extensions_mut().insert(Refused(kind));
        response
    }
}

/// Rounded up, and at least one: a client that waits this long does not come too early.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_of_each() -> Vec<Problem> {
        let wait = Duration::from_millis(1500);
        let fault = EncodingFault::Identity;
        vec![
            Problem::NoSuchPath,
            Problem::BucketOutOfRange { buckets: 8 },
            Problem::MethodNotAllowed,
            Problem::MediaType,
            Problem::BodyTooLarge { most: 4096 },
            Problem::BodyTooSlow,
            Problem::MalformedBody { line: 1, column: 2, reason: "expected an object" },
            Problem::ElementCount { got: 2 },
            Problem::InvalidElement { place: 3, fault },
            Problem::InvalidKey { fault },
            Problem::KeyNotServed,
            Problem::RateLimited { wait },
            Problem::ShareSpent { wait },
            Problem::BudgetSpent { wait },
            Problem::Overloaded { wait },
            Problem::NotReady { wait },
            Problem::Internal,
        ]
    }

    #[test]
    fn every_kind_has_its_own_slug_and_a_problem() {
        let slugs: std::collections::BTreeSet<_> = KINDS.iter().map(|kind| kind.slug).collect();
        assert_eq!(slugs.len(), KINDS.len());
        let given: Vec<_> = one_of_each().iter().map(|problem| problem.kind().slug).collect();
        assert_eq!(given, KINDS.iter().map(|kind| kind.slug).collect::<Vec<_>>());
    }

    #[test]
    fn every_type_is_documented_with_its_status() {
        let doc = include_str!("../docs/problems.md");
        for kind in KINDS {
            let row = format!("| `/problems/{}` | {} |", kind.slug, kind.status.as_u16());
            assert!(doc.contains(&row), "docs/problems.md lacks {row}");
        }
        let rows = doc.lines().filter(|line| line.starts_with("| `/problems/")).count();
        assert_eq!(rows, KINDS.len(), "docs/problems.md lists a type that is not served");
    }

    /// What the operator can do something about: all but the mistakes of callers.
    #[test]
    fn operators_are_told_what_to_do() {
        let document = include_str!("../docs/operations.md");
        let (_, section) = document.split_once("\n### What it refuses\n").unwrap();
        let (section, _) = section.split_once("\n## ").unwrap();
        let told: Vec<&str> =
            section.lines().filter_map(|line| line.strip_prefix("| `")?.split("` |").next()).collect();
        let ours = |kind: &&&Kind| matches!(kind.status.as_u16(), 408 | 410 | 429 | 500..);
        assert_eq!(told, KINDS.iter().filter(ours).map(|kind| kind.slug).collect::<Vec<_>>());
    }

    #[test]
    fn retry_after_comes_with_exactly_the_kinds_that_promise_it() {
        for problem in one_of_each() {
            let kind = problem.kind();
            let response = problem.clone().into_response();
            assert_eq!(response.status(), kind.status);
            assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
            let retry = response.headers().get(header::RETRY_AFTER);
            assert_eq!(retry.is_some(), kind.retry, "{}", kind.slug);
            assert!(retry.is_none_or(|seconds| seconds == "2"));
            assert_eq!(kind.retry, matches!(kind.status.as_u16(), 429 | 503), "{}", kind.slug);
        }
    }

    #[test]
    fn seconds_are_rounded_up() {
        for (millis, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (59_999, 60)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds);
        }
    }
}
