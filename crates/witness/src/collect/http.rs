//! One request to a witness: no redirects, no cookies, bytes counted before they are kept.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use rustls::ClientConfig as TlsConfig;
use rustls_platform_verifier::BuilderVerifierExt;

use super::{Failure, Received};

/// A witness's address.
pub(super) struct Http {
    client: reqwest::Client,
    address: reqwest::Url,
}

impl Http {
    /// For the submission prefix in a policy.
    pub(super) fn new(prefix: &[u8], timeout: Duration) -> Result<Self, Failure> {
        Self::below(&String::from_utf8_lossy(prefix), "add-checkpoint", timeout)
    }

    /// For a file below an address.
    pub(super) fn below(prefix: &str, name: &str, timeout: Duration) -> Result<Self, Failure> {
        let address = reqwest::Url::parse(&format!("{}/{name}", prefix.trim_end_matches('/'))).ok();
        let address = address.filter(|address| ["http", "https"].contains(&address.scheme()) && address.has_host());
        let address = address.ok_or_else(|| Failure::Address(prefix.to_owned()))?;
        let https = address.scheme() == "https";
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(https).map_err(Failure::Unreachable)?)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .user_agent(concat!("ceknik/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout);
        if !https {
            // Mostly this machine, which is not reached through another.
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| Failure::Unreachable(error.to_string()))?;
        Ok(Self { client, address })
    }

    /// Posts a body. The error says in words what came in between.
    pub(super) async fn post(&self, body: Vec<u8>, most_bytes: usize) -> Result<Received, String> {
        self.exchange(self.client.post(self.address.clone()).body(body), most_bytes).await
    }

    /// Gets the file.
    pub(super) async fn get(&self, most_bytes: usize) -> Result<Received, String> {
        self.exchange(self.client.get(self.address.clone()), most_bytes).await
    }

    async fn exchange(&self, request: reqwest::RequestBuilder, most_bytes: usize) -> Result<Received, String> {
        Self::send(request, most_bytes).await.map_err(|error| {
            let what = if error.is_timeout() {
                "no answer in time"
            } else if error.is_connect() {
                "no connection"
            } else {
                "the connection broke"
            };
            what.to_owned()
        })
    }

    async fn send(request: reqwest::RequestBuilder, most_bytes: usize) -> reqwest::Result<Received> {
        let mut response = request.send().await?;
        let status = response.status().as_u16();
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            let room = most_bytes - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                break;
            }
        }
        Ok(Received { status, kind, body })
    }
}

/// TLS 1.2 and 1.3 with the machine's root certificates. Without HTTPS none is trusted, and none is read.
fn tls(https: bool) -> Result<TlsConfig, String> {
    let failed = |error: rustls::Error| format!("TLS cannot be set up: {error}");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = TlsConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(failed)?;
    if https {
        Ok(builder.with_platform_verifier().map_err(failed)?.with_no_client_auth())
    } else {
        Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
    }
}
