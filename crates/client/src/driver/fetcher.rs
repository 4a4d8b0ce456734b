//! Single requests, for whoever looks at a service from outside: auditors and mirrors. [`Client`](super::Client) asks for itself.

use super::ClientError;
use super::http::{Http, Timeouts};
use crate::exchange::{CacheMode, Method, Request, Response, Tells, Ticket};
use crate::server_url::ServerUrl;

/// Makes requests to one service, six at a time at most: the same driver as the lookup's, with its caps, and without cookies,
/// redirects and retries.
#[derive(Clone, Debug)]
pub struct Fetcher {
    http: Http,
}

/// A response with its headers.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// What came.
    pub response: Response,
    /// Names in lower case, and values, as far as they are text.
    pub headers: Vec<(String, String)>,
}

impl Fetched {
    /// The first value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

impl Fetcher {
    /// Nothing is sent yet. Another fetcher has connections of its own.
    ///
    /// # Errors
    /// [`ClientError::Tls`].
    pub fn new(server: &ServerUrl, timeouts: Timeouts) -> Result<Self, ClientError> {
        Ok(Self { http: Http::new(server, timeouts)? })
    }

    /// Fetches a file of at most `max_bytes`; `path` begins with a slash.
    pub async fn get(&self, path: &str, max_bytes: u64, cache: CacheMode) -> Fetched {
        self.perform(Method::Get, path, None, max_bytes, cache).await
    }

    /// Sends JSON.
    pub async fn post(&self, path: &str, body: String, max_bytes: u64) -> Fetched {
        self.perform(Method::Post, path, Some(body), max_bytes, CacheMode::NoStore).await
    }

    async fn perform(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        max_bytes: u64,
        cache: CacheMode,
    ) -> Fetched {
        let (ticket, path) = (Ticket::from_number(0), path.to_owned());
        // What a request tells is for the person who looks somebody up; nobody is looked up here.
        let request = Request { ticket, method, mirror: None, path, body, max_bytes, cache, tells: Tells::PublicFile };
        let mut headers = Vec::new();
        let response = self.http.perform_with_headers(
            &request,
            |_, _| {},
            |came| {
                let text = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
                    Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
                };
                headers = came.iter().filter_map(text).collect();
            },
        );
        let response = response.await;
        Fetched { response, headers }
    }
}
