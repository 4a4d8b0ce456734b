//! One request over HTTP: no cookies, no referrer, no redirects, no cache; bytes counted before they are kept.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use rustls::ClientConfig as TlsConfig;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::sync::Semaphore;

use super::ClientError;
use crate::exchange::{CacheMode, Method, Request, Response, TransportFailure, parse_retry_after};
use crate::server_url::ServerUrl;

/// Most requests at once.
const MOST_AT_ONCE: usize = 6;
/// Slowest line that a response is waited for on, in bytes a second, beside [`Timeouts::response`].
const SLOWEST_BYTES_PER_SECOND: u64 = 16 * 1024;

/// What is told where there is no network to be used.
pub(super) const NO_NETWORK: Response = Response::Failed(TransportFailure::Unreachable);

/// How long to wait for a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For the next bytes.
    pub idle: Duration,
    /// For a whole small response; a long one has a second more for every 16 KiB that it may have.
    pub response: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), idle: Duration::from_secs(20), response: Duration::from_secs(30) }
    }
}

impl Timeouts {
    /// These, as far as they are not longer, with `response` for a whole small response.
    #[must_use]
    pub fn with_response(self, response: Duration) -> Self {
        Self { connect: self.connect.min(response), idle: self.idle.min(response), response }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Http {
    client: reqwest::Client,
    /// For what must not be compressed on the way: a compressed response is not understood, and no answer.
    plain: reqwest::Client,
    server: ServerUrl,
    timeouts: Timeouts,
    places: Arc<Semaphore>,
}

impl Http {
    pub(super) fn new(server: &ServerUrl, timeouts: Timeouts) -> Result<Self, ClientError> {
        let tls = tls(server)?;
        let client = |gzip| Self::client(server, timeouts, tls.clone(), gzip);
        let (client, plain) = (client(true)?, client(false)?);
        let places = Arc::new(Semaphore::new(MOST_AT_ONCE));
        Ok(Self { client, plain, server: server.clone(), timeouts, places })
    }

    fn client(
        server: &ServerUrl,
        timeouts: Timeouts,
        tls: TlsConfig,
        gzip: bool,
    ) -> Result<reqwest::Client, ClientError> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .gzip(gzip)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .user_agent(concat!("ceknik/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(timeouts.connect)
            .read_timeout(timeouts.idle)
            .pool_max_idle_per_host(MOST_AT_ONCE);
        if !server.is_https() {
            // This machine is not reached through another.
            builder = builder.no_proxy();
        }
        builder.build().map_err(|error| ClientError::Tls { reason: error.to_string() })
    }

    /// Makes a request; `receiving` is told the bytes received so far and, where it is known, of how many.
    pub(super) async fn perform(&self, request: &Request, receiving: impl Fn(u64, Option<u64>)) -> Response {
        self.perform_with_headers(request, receiving, |_| {}).await
    }

    /// The same; `headers` sees those of the response, if one comes.
    pub(super) async fn perform_with_headers(
        &self,
        request: &Request,
        receiving: impl Fn(u64, Option<u64>),
        headers: impl FnOnce(&HeaderMap),
    ) -> Response {
        // Closed never.
        let _place = self.places.acquire().await;
        match self.exchange(request, receiving, headers).await {
            Ok(response) => response,
            Err(error) => Response::Failed(self.failure(&error)),
        }
    }

    fn failure(&self, error: &reqwest::Error) -> TransportFailure {
        if error.is_timeout() {
            TransportFailure::TimedOut
        } else if let Some(rustls::Error::InvalidMessage(_)) = behind(error) {
            TransportFailure::NotTls
        } else if error.is_connect() {
            TransportFailure::Unreachable
        } else if !self.server.is_https() && behind(error).is_some_and(hyper::Error::is_parse) {
            TransportFailure::NotHttp
        } else {
            TransportFailure::Interrupted
        }
    }

    async fn exchange(
        &self,
        request: &Request,
        receiving: impl Fn(u64, Option<u64>),
        headers: impl FnOnce(&HeaderMap),
    ) -> reqwest::Result<Response> {
        let address = self.server.join(&request.path);
        let as_it_is = request.cache == CacheMode::NoStore;
        let client = if as_it_is { &self.plain } else { &self.client };
        let mut builder = match request.method {
            Method::Get => client.get(address),
            Method::Post => client.post(address),
        };
        let transfer = Duration::from_secs(request.max_bytes / SLOWEST_BYTES_PER_SECOND);
        builder = builder.timeout(self.timeouts.response + transfer);
        if as_it_is {
            builder = builder.header(ACCEPT_ENCODING, "identity");
        }
        if let Some(body) = &request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let mut response = builder.send().await?;
        let status = response.status().as_u16();
        headers(response.headers());
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(parse_retry_after);
        let (most, length) = (request.most_bytes(status), response.content_length());
        if status == 200 && length.is_some_and(|length| length > most) {
            return Ok(Response::TooLong);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            let room = usize::try_from(most - body.len() as u64).unwrap_or(usize::MAX);
            if chunk.len() > room {
                if status == 200 {
                    return Ok(Response::TooLong);
                }
                body.extend_from_slice(&chunk[..room]);
                break;
            }
            body.extend_from_slice(&chunk);
            receiving(body.len() as u64, length);
        }
        Ok(Response::Received { status, retry_after, body })
    }
}

/// The error of this type that is behind another.
fn behind<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<E>() {
            return error.downcast_ref();
        }
        // What an I/O error was made of is not its source.
        let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = inside.map(|inside| inside as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}

/// TLS 1.2 and 1.3 with the machine's root certificates. Without HTTPS none is trusted, and none is read.
fn tls(server: &ServerUrl) -> Result<TlsConfig, ClientError> {
    let failed = |error: rustls::Error| ClientError::Tls { reason: error.to_string() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = TlsConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(failed)?;
    if server.is_https() {
        Ok(builder.with_platform_verifier().map_err(failed)?.with_no_client_auth())
    } else {
        Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
    }
}
