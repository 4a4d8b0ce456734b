//! What a response means, before its content is looked at.

use serde::Deserialize;

use crate::answer::NoAnswer;
use crate::exchange::{Response, TransportFailure};
use crate::reason::Reason;

/// Why a request brought no content, after all retries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The service could not be had, or turned the request away; nobody did wrong.
    Passing { reason: Reason, status: Option<u16>, particulars: Option<&'static str>, retry_after: Option<u64> },
    /// There is no such thing, or no more: 404 or 410.
    Gone { status: u16 },
    /// Another status.
    Status { status: u16 },
    /// More bytes than a correct response can have.
    TooLong,
}

/// The only member of a problem document (RFC 9457) that decides anything here.
#[derive(Deserialize)]
struct Problem {
    #[serde(rename = "type", default)]
    kind: String,
}

/// Said where `https://` leads to what speaks no TLS. Whoever is on the way can make it so: nobody is sent to `http://` for it.
const NO_TLS: &str =
    "what answers there speaks no TLS: a network that wants a login first, another port, or something on the way";
/// Said where `http://` leads to what speaks no HTTP.
const NO_HTTP: &str = "what answers there speaks no HTTP: is its address one with https://, or with another port?";

/// The type of problem with which the service says that a dataset's budget is used up: the last segment of the type's URI.
const BUDGET_PROBLEM: &str = "budget-spent";

impl Failure {
    /// Takes a response apart into content and failure.
    pub(crate) fn of(response: Response) -> Result<Vec<u8>, Self> {
        let (status, retry_after, body) = match response {
            Response::Received { status: 200, body, .. } => return Ok(body),
            Response::Received { status, retry_after, body } => (status, retry_after, body),
            Response::TooLong => return Err(Self::TooLong),
            Response::Failed(failure) => {
                let (reason, particulars) = match failure {
                    TransportFailure::Unreachable => (Reason::Unreachable, None),
                    TransportFailure::TimedOut => (Reason::TimedOut, None),
                    TransportFailure::Interrupted => (Reason::Interrupted, None),
                    TransportFailure::NotTls => (Reason::Unreachable, Some(NO_TLS)),
                    TransportFailure::NotHttp => (Reason::Unreachable, Some(NO_HTTP)),
                };
                return Err(Self::Passing { reason, status: None, particulars, retry_after: None });
            }
        };
        let budget = || {
            let problem: Option<Problem> = serde_json::from_slice(&body).ok();
            problem.is_some_and(|problem| problem.kind.rsplit(['/', ':', '#']).next() == Some(BUDGET_PROBLEM))
        };
        let reason = match status {
            404 | 410 => return Err(Self::Gone { status }),
            429 | 503 if budget() => Reason::BudgetExhausted,
            408 => Reason::TimedOut,
            429 => Reason::RateLimited,
            500..=599 => Reason::ServiceUnavailable,
            _ => return Err(Self::Status { status }),
        };
        Err(Self::Passing { reason, status: Some(status), particulars: None, retry_after })
    }

    /// Whether nobody did wrong and later may be better.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Passing { .. })
    }

    /// The reason to give; `gone` for what is not there.
    pub(crate) fn no_answer(&self, gone: Reason) -> NoAnswer {
        match self {
            Self::Passing { reason, status, particulars, retry_after } => NoAnswer {
                reason: *reason,
                detail: status.map(|status| format!("status {status}")).or(particulars.map(str::to_owned)),
                retry_after: *retry_after,
            },
            Self::Gone { status } => NoAnswer::because(gone, format_args!("status {status}")),
            Self::Status { status } => NoAnswer::because(Reason::UnexpectedStatus, format_args!("status {status}")),
            Self::TooLong => NoAnswer::plain(Reason::ResponseTooLong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(status: u16, body: &str) -> Result<Vec<u8>, Failure> {
        Failure::of(Response::Received { status, retry_after: Some(3), body: body.as_bytes().to_vec() })
    }

    #[test]
    fn each_status_has_its_meaning() {
        assert_eq!(received(200, "x"), Ok(b"x".to_vec()));
        let passing = |reason, status| {
            Err(Failure::Passing { reason, status: Some(status), particulars: None, retry_after: Some(3) })
        };
        assert_eq!(received(429, ""), passing(Reason::RateLimited, 429));
        let budget = r#"{"type":"/problems/budget-spent","title":"x"}"#;
        assert_eq!(received(503, budget), passing(Reason::BudgetExhausted, 503));
        assert_eq!(received(429, budget), passing(Reason::BudgetExhausted, 429));
        assert_eq!(received(503, r#"{"type":"/problems/overloaded"}"#), passing(Reason::ServiceUnavailable, 503));
        assert_eq!(received(500, "not json"), passing(Reason::ServiceUnavailable, 500));
        assert_eq!(received(429, r#"{"type":"/problems/share-spent"}"#), passing(Reason::RateLimited, 429));
        assert_eq!(received(408, ""), passing(Reason::TimedOut, 408));
        assert_eq!(received(404, ""), Err(Failure::Gone { status: 404 }));
        assert_eq!(received(410, ""), Err(Failure::Gone { status: 410 }));
        for status in [201, 204, 206, 301, 302, 304, 400, 401, 403, 413, 418, 600] {
            assert_eq!(received(status, budget), Err(Failure::Status { status }));
        }
        assert_eq!(Failure::of(Response::TooLong), Err(Failure::TooLong));
    }
}
