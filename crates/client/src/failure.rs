//! What a response means, before its content is looked at.

use ceknik_core::json::Json;

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
        let reason = match status {
            404 | 410 => return Err(Self::Gone { status }),
            429 | 503 if is_budget_problem(&body) => Reason::BudgetExhausted,
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
    pub(crate) fn no_answer(&self, gone: Reason) -> Box<NoAnswer> {
        match self {
            Self::Passing { reason, status, particulars, retry_after } => {
                let mut none = match status {
                    Some(status) => with_status(*reason, *status),
                    None => NoAnswer::plain(*reason),
                };
                none.detail = none.detail.or(particulars.map(str::to_owned));
                none.retry_after = *retry_after;
                none
            }
            Self::Gone { status } => with_status(gone, *status),
            Self::Status { status } => with_status(Reason::UnexpectedStatus, *status),
            Self::TooLong => NoAnswer::plain(Reason::ResponseTooLong),
        }
    }
}

fn with_status(reason: Reason, status: u16) -> Box<NoAnswer> {
    NoAnswer::because(reason, format_args!("status {status}"))
}

/// Whether a body is a problem document (RFC 9457) of that type, the only member that decides anything here.
fn is_budget_problem(body: &[u8]) -> bool {
    let Ok(json) = Json::parse(body) else { return false };
    let kind = json.object().ok().and_then(|mut problem| problem.optional("type")?.text().ok());
    // The last segment of a URI.
    let last = kind.and_then(|kind| kind.as_bytes().rsplit(|byte| matches!(byte, b'/' | b':' | b'#')).next());
    last == Some(BUDGET_PROBLEM.as_bytes())
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
