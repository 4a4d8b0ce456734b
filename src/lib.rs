//! The online service of ceknik: it serves what a publisher has published, and evaluates blinded elements.
//!
//! It knows no NIK and cannot come to know one: what it is sent is uniformly random, and nothing in this crate can read a
//! list. It reads a public directory, of which it verifies everything before it serves it, the OPRF keys, and, where that is
//! set, the files of a page for citizens.
//! Lists, stores and publishing are not its business; of the project's crates it may import `ceknik-core` alone. Only the
//! `ceknik` command imports it, for its demonstration and to read what is typed unseen as the service does.
//!
//! ```text
//! routes ── publication ── load            files that were verified, and what verifies them
//!    │  └── evaluator                      threads with the keys
//!    ├── limit                             networks and budgets, in elements
//!    ├── page                              the citizens' page, held in memory
//!    └── problem                           every error and its status
//! envelope, server                         what goes around every answer, and every connection
//! ```

mod clock;
mod config;
mod durable;
mod envelope;
mod evaluator;
mod hidden;
mod key_ring;
mod limit;
mod metrics;
mod negotiation;
mod openapi;
mod page;
mod problem;
mod publication;
mod reply;
mod routes;
mod secret_file;
mod server;
mod service;
mod telemetry;

pub use config::{Config, ConfigError, NetworkSettings, Origins, ServerSettings, Settings};
pub use hidden::Hidden;
pub use key_ring::KeyError;
pub use limit::{ProxyHeader, TrustedProxies};
#[doc(hidden)]
pub use limit::{client_in_line, rewrite_budget};
pub use page::PageError;
#[doc(hidden)]
pub use routes::evaluate::elements_asked;
pub use routes::router;
pub use secret_file::{Passphrase, SecretFileError};
pub use service::{Peer, ServiceState, StartError, run};
pub use telemetry::{LogLevel, init_logging};
