//! How the service is set up: defaults, flags, file, and one validated result.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::HeaderValue;
use ceknik_core::oprf::SERVER_BATCH_MOST;
use thiserror::Error;

use crate::limit::{NetworkLimits, Rate, TrustedProxies};
use crate::secret_file::{Passphrase, SecretFileError};
use crate::telemetry::LogLevel;

mod settings;

pub use settings::Settings;
pub(crate) use settings::origin;

/// Why a setting is not acceptable.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("--config {}: cannot be read: {source}", path.display())]
    File {
        /// As given.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{}: {message}", path.display())]
    Syntax {
        /// As given.
        path: PathBuf,
        /// Where and what.
        message: String,
    },
    /// A directory must be named.
    #[error("--{setting} must be given")]
    Missing {
        /// Its name.
        setting: &'static str,
    },
    /// A value is out of bounds.
    #[error("--{setting} must be {must}")]
    Value {
        /// Its name.
        setting: &'static str,
        /// What it must be.
        must: &'static str,
    },
    /// The passphrase could not be had.
    #[error("--{setting}: the passphrase {source}")]
    Passphrase {
        /// The setting that names its source.
        setting: &'static str,
        /// Why.
        source: SecretFileError,
    },
    /// It could not be asked for.
    #[error("--passphrase-prompt: {source}: give the passphrase with --passphrase-file or --passphrase-fd")]
    Prompt {
        /// Why.
        source: std::io::Error,
    },
}

/// Which pages may call `evaluate` from a browser. Everything else is open to every page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Every page.
    Any,
    /// Pages of these origins.
    These(Vec<HeaderValue>),
}

/// Limits by client network, in elements of blind evaluation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NetworkSettings {
    /// Elements at once.
    pub burst: u32,
    /// Elements an hour, on the long run.
    pub per_hour: u32,
    /// Most that one network gets of a dataset's `evaluations_per_day`, in percent.
    pub share_percent: f64,
    /// Leading bits of an IPv4 address that make a network, to 32.
    pub ipv4_prefix: u8,
    /// Leading bits of an IPv6 address that make a network, to 128.
    pub ipv6_prefix: u8,
    /// Most networks remembered.
    pub remembered: usize,
}

impl NetworkSettings {
    pub(crate) fn limits(&self) -> NetworkLimits {
        NetworkLimits {
            rate: Rate { capacity: f64::from(self.burst), per_second: f64::from(self.per_hour) / 3600.0 },
            share: self.share_percent / 100.0,
            ipv4_prefix: self.ipv4_prefix,
            ipv6_prefix: self.ipv6_prefix,
            remembered: self.remembered,
        }
    }
}

/// Limits of the server itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerSettings {
    /// Most connections at once.
    pub connections: usize,
    /// Most connections at once of one client network, those of trusted proxies not among them.
    pub network_connections: usize,
    /// Most requests at once, evaluations not among them.
    pub requests: usize,
    /// Until a request's head has arrived, from the connection's start or the end of the request before.
    pub head_timeout: Duration,
    /// Until a request's body has arrived.
    pub body_timeout: Duration,
    /// Until an answer begins.
    pub request_timeout: Duration,
    /// How far a client may be behind `write_rate` while an answer waits for it; so also how long it may take nothing.
    pub write_timeout: Duration,
    /// Bytes a second that a client must take of an answer.
    pub write_rate: u32,
    /// How long requests may go on after the service was told to stop.
    pub shutdown_timeout: Duration,
}

/// The service's configuration. [`Config::new`] gives the defaults; [`Settings`] validates flags and file.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the publisher published.
    pub public: PathBuf,
    /// Key files `ID.G.key`.
    pub keys: PathBuf,
    /// Where budgets and compressed copies are kept. Of one process alone.
    pub state: PathBuf,
    /// The built citizens' page; none: a page of text that says what this is.
    pub page: Option<PathBuf>,
    /// Where the binary listens.
    pub listen: SocketAddr,
    /// Where metrics are served; none: nowhere.
    pub metrics_listen: Option<SocketAddr>,
    /// For encrypted key files.
    pub passphrase: Option<Passphrase>,
    /// For `evaluate`.
    pub origins: Origins,
    /// `max-age` of Strict-Transport-Security in seconds; none: no such header.
    pub hsts_seconds: Option<u32>,
    /// Whose word on a client's address counts.
    pub proxies: TrustedProxies,
    /// By client network.
    pub network: NetworkSettings,
    /// Of the server.
    pub server: ServerSettings,
    /// Threads that evaluate; none: one for each core.
    pub threads: Option<NonZeroUsize>,
    /// Evaluations that may wait for a thread.
    pub queue: usize,
    /// Elements of several callers that are evaluated under one proof.
    pub shared_proof: usize,
    /// How much is logged.
    pub log_level: LogLevel,
}

impl Config {
    /// The defaults, with the three directories.
    pub fn new(public: PathBuf, keys: PathBuf, state: PathBuf) -> Self {
        Self {
            public,
            keys,
            state,
            page: None,
            listen: (Ipv4Addr::LOCALHOST, 8080).into(),
            metrics_listen: None,
            passphrase: None,
            origins: Origins::Any,
            hsts_seconds: None,
            proxies: TrustedProxies::default(),
            network: NetworkSettings {
                // Five hundred people behind one carrier address who check at once, each filling up to 16 elements.
                burst: 8192,
                per_hour: 14_400,
                share_percent: 1.0,
                ipv4_prefix: 32,
                ipv6_prefix: 56,
                remembered: 262_144,
            },
            server: ServerSettings {
                connections: 4096,
                // Some hundred people behind one carrier address, with as many connections each as a browser opens.
                network_connections: 1024,
                requests: 1024,
                head_timeout: Duration::from_secs(15),
                body_timeout: Duration::from_secs(10),
                request_timeout: Duration::from_secs(30),
                write_timeout: Duration::from_secs(30),
                // Less than a hundredth of what a slow phone gets on slow 4G.
                write_rate: 1024,
                shutdown_timeout: Duration::from_secs(20),
            },
            threads: None,
            queue: 512,
            shared_proof: SERVER_BATCH_MOST,
            log_level: LogLevel::default(),
        }
    }
}
