//! Files of a service or mirror, asked for again when a failure is passing.

use std::time::Duration;

use ceknik_client::{CacheMode, ClientError, Fetched, Fetcher, Response, ServerUrl, Timeouts, TransportFailure};

/// As often is a request made at most (spec, "Trying again").
const MOST_ATTEMPTS: u32 = 4;
/// Wait before the second attempt where the service does not say; twice as long after each further failure.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Longest wait for one attempt. Whoever is told to wait longer gives up.
const MOST_WAIT: Duration = Duration::from_secs(60);

/// Why a file was not had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// The service says that it has no such file: 404 or 410.
    #[error("the service does not have it (status {status})")]
    Gone {
        /// The status.
        status: u16,
    },
    /// The service refuses it for good: another status from 400 to 499, but for those that ask for patience.
    #[error("the service refuses it (status {status})")]
    Withheld {
        /// The status.
        status: u16,
    },
    /// More bytes than such a file can have.
    #[error("the service sends more bytes than it may have")]
    TooLong,
    /// No connection, or an answer that may be another one later.
    #[error("{why}")]
    Failed {
        /// What happened.
        why: String,
    },
}

/// One service.
#[derive(Clone, Debug)]
pub struct Source {
    server: ServerUrl,
    timeouts: Timeouts,
    fetcher: Fetcher,
}

impl Source {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError::Tls`].
    pub fn new(server: ServerUrl, timeouts: Timeouts) -> Result<Self, ClientError> {
        let fetcher = Fetcher::new(&server, timeouts)?;
        Ok(Self { server, timeouts, fetcher })
    }

    /// The address.
    pub fn server(&self) -> &ServerUrl {
        &self.server
    }

    /// The same service through connections of its own.
    pub(crate) fn fresh(&self) -> Result<Fetcher, ClientError> {
        Fetcher::new(&self.server, self.timeouts)
    }

    /// Fetches a file.
    ///
    /// # Errors
    /// [`Missing`], after four attempts where it is passing.
    pub async fn get(&self, path: &str, max_bytes: u64, cache: CacheMode) -> Result<Vec<u8>, Missing> {
        let mut attempt = 1;
        loop {
            let (missing, wait) = match outcome(self.fetcher.get(path, max_bytes, cache).await) {
                Ok(body) => return Ok(body),
                Err((missing, None)) => return Err(missing),
                Err((missing, Some(told))) => (missing, told.unwrap_or(FIRST_WAIT * 2u32.pow(attempt - 1))),
            };
            if attempt >= MOST_ATTEMPTS || wait > MOST_WAIT {
                return Err(missing);
            }
            attempt += 1;
            tokio::time::sleep(wait).await;
        }
    }
}

/// The body, or why there is none and, where the failure is passing, what the service says of waiting.
#[allow(clippy::type_complexity, reason = "a wait that is untold is not the same as a failure that stays")]
fn outcome(fetched: Fetched) -> Result<Vec<u8>, (Missing, Option<Option<Duration>>)> {
    match fetched.response {
        Response::Received { status: 200, body, .. } => Ok(body),
        Response::Received { status: status @ (404 | 410), .. } => Err((Missing::Gone { status }, None)),
        Response::Received { status: status @ 400..=499, .. } if !matches!(status, 408 | 429) => {
            Err((Missing::Withheld { status }, None))
        }
        Response::Received { status, retry_after, .. } => {
            let why = format!("the service answers with status {status}");
            let passing = matches!(status, 408 | 429 | 500..=599);
            let told = retry_after.map(Duration::from_secs);
            Err((Missing::Failed { why }, passing.then_some(told)))
        }
        Response::TooLong => Err((Missing::TooLong, None)),
        Response::Failed(failure) => Err((Missing::Failed { why: describe(failure).to_owned() }, Some(None))),
    }
}

/// What happened to a request without a response.
pub(crate) fn describe(failure: TransportFailure) -> &'static str {
    match failure {
        TransportFailure::Unreachable => "the service cannot be reached",
        TransportFailure::TimedOut => "the service did not answer in time",
        TransportFailure::Interrupted => "the response broke off",
        TransportFailure::NotTls => "what answers there speaks no TLS",
        TransportFailure::NotHttp => "what answers there speaks no HTTP",
    }
}
