//! The lookup: from a NIK to one of four answers, without the NIK leaving the device.
//!
//! [`Lookup`] is a state machine without I/O: it says which public files to fetch, what to compute, what to keep, and ends
//! with a [`Report`]. It knows the protocol and decides everything that protects the person; whoever drives it (the HTTP
//! driver here, a browser) only does what it is told. Every byte that comes back is untrusted: capped before it is read,
//! compared with the manifest, verified.
//!
//! ```text
//! let mut lookup = Lookup::new(inquiry, cached, now, &mut OsRng);
//! loop {
//!     match lookup.next_action() {
//!         Some(Action::Fetch(request)) => …        start it; on its end lookup.handle(Event::Responded { … }, now, &mut OsRng)
//!         Some(Action::Stretch(job)) => …          StretchWorker::run, elsewhere
//!         Some(Action::Load { .. } | Action::Store(_) | Action::Wait { .. } | Action::Progress(_)) => …
//!         Some(Action::Done(report)) => break report,
//!         None => …                                wait for the next end of one of them
//!     }
//! }
//! ```
//!
//! With the feature `driver` come an on-disk `Cache` and a `Client` over HTTP. Without it nothing here needs an operating
//! system, and it builds for `wasm32-unknown-unknown`.
//!
//! Not in here: the protocol's primitives (`ceknik-core`), how answers are shown, and anything that touches a list of
//! NIKs. May be imported by the CLI, the WebAssembly package, and tests.

mod answer;
#[cfg(feature = "driver")]
mod cache;
#[cfg(feature = "driver")]
mod driver;
mod exchange;
mod failure;
mod lookup;
mod reason;
#[cfg(feature = "driver")]
mod server_url;
mod stretching;
mod wire;

pub mod evaluation;

pub use answer::{Answer, Local, NoAnswer, Outcome, Report, Trust, TrustBasis, Unconfirmed, Warning};
#[cfg(feature = "driver")]
#[doc(hidden)]
pub use cache::rewrite_cached_file;
#[cfg(feature = "driver")]
pub use cache::{Cache, CacheError, Shelf};
#[cfg(feature = "driver")]
pub use driver::{Client, ClientConfig, ClientError, Fetched, Fetcher, Observer, Timeouts};
pub use exchange::{
    CacheMode, Exchange, Method, Request, Response, Tells, Ticket, TransportFailure, parse_retry_after,
};
pub use lookup::{
    Action, Cached, Confirm, Event, Inquiry, Item, Lookup, Progress, Seen, SeenList, Settings, larger_checkpoint,
};
pub use reason::Reason;
#[cfg(feature = "driver")]
pub use server_url::{ServerUrl, ServerUrlError};
pub use stretching::{StretchJob, StretchWorker};
