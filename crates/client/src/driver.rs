//! The native driver: a [`Lookup`] over HTTP, with threads for the stretch and a cache on disk.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ceknik_core::time::Timestamp;
use rand::rngs::OsRng;
use thiserror::Error;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::answer::Report;
use crate::cache::{Cache, CacheError, Shelf};
use crate::exchange::{Request, Ticket};
use crate::lookup::{Action, Cached, Event, Inquiry, Item, Lookup, Progress};
use crate::server_url::ServerUrl;

mod fetcher;
mod http;
mod pool;

pub use fetcher::{Fetched, Fetcher};
use http::Http;
pub use http::Timeouts;
use pool::StretchPool;

/// What a [`Client`] is made from.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The service.
    pub server: ServerUrl,
    /// Where public files and what was seen are kept; none: every lookup is the first.
    pub cache: Option<Cache>,
    /// How long to wait for the service.
    pub timeouts: Timeouts,
}

impl ClientConfig {
    /// Without a cache.
    pub fn new(server: ServerUrl) -> Self {
        Self { server, cache: None, timeouts: Timeouts::default() }
    }

    /// With a cache.
    #[must_use]
    pub fn with_cache(self, cache: Cache) -> Self {
        Self { cache: Some(cache), ..self }
    }
}

/// Why a lookup could not be made at all. What goes wrong within one is in its answers.
#[derive(Debug, Error)]
pub enum ClientError {
    /// What is needed for HTTPS is not there.
    #[error("HTTPS cannot be used on this machine: {reason}")]
    Tls {
        /// Why.
        reason: String,
    },
    /// The cache may hold a pinned policy and cannot be read: to go on would be to trust the service anew.
    #[error("{0}; give a policy, or mend the cache")]
    Cache(#[from] CacheError),
    /// The clock stands before 1970 or after 9999.
    #[error("the clock of this machine is not set")]
    Clock,
}

/// Somebody to whom a lookup is shown while it runs.
pub trait Observer {
    /// It came further.
    fn progress(&mut self, _progress: &Progress) {}
    /// A request is made. It may be shown to the person, and must not be logged.
    fn request(&mut self, _request: &Request) {}
    /// So many bytes of the response have come.
    fn receiving(&mut self, _ticket: Ticket, _bytes: u64, _of: Option<u64>) {}
    /// Something could not be kept. The lookup goes on without.
    fn cache_failed(&mut self, _error: &CacheError) {}
}

/// Nobody.
impl Observer for () {}

/// Looks NIKs up in the lists of one service.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    /// Made when the first lookup needs it: reading a machine's root certificates takes some milliseconds.
    http: std::sync::Mutex<Option<Http>>,
}

/// The mirrors that are asked in one lookup.
struct Mirrors {
    server: ServerUrl,
    timeouts: Timeouts,
    /// By address; `None` where nothing is to be asked.
    known: BTreeMap<String, Option<Http>>,
}

impl Mirrors {
    fn new(config: &ClientConfig) -> Self {
        Self { server: config.server.clone(), timeouts: config.timeouts, known: BTreeMap::new() }
    }

    /// What asks a mirror. None for one on the service's own host and port, which would see both after all; for plain HTTP to
    /// another machine, where everybody on the way could see the bucket; and for this machine, unless the service is on it: who
    /// lists a mirror has no business there.
    fn http(&mut self, address: &str) -> Option<Http> {
        if !self.known.contains_key(address) {
            let fits = |mirror: &ServerUrl| {
                !mirror.is_beside(&self.server) && (!mirror.is_loopback() || self.server.is_loopback())
            };
            let mirror = ServerUrl::parse(address).ok().filter(fits);
            let http = mirror.and_then(|mirror| Http::new(&mirror, self.timeouts).ok());
            self.known.insert(address.to_owned(), http);
        }
        self.known.get(address).cloned().flatten()
    }
}

/// What tasks tell the loop.
enum Tick {
    Event(Event),
    Receiving(Ticket, u64, Option<u64>),
}

impl Client {
    /// A client. Nothing is sent or read yet.
    pub fn new(config: ClientConfig) -> Self {
        Self { config, http: std::sync::Mutex::new(None) }
    }

    /// The service.
    pub fn server(&self) -> &ServerUrl {
        &self.config.server
    }

    /// Looks up, within a tokio runtime. Dropping the future ends it at once.
    ///
    /// # Errors
    /// [`ClientError`] when the lookup could not be made. Whatever fails within it is an answer.
    pub async fn check(&self, inquiry: Inquiry, observer: &mut impl Observer) -> Result<Report, ClientError> {
        let http = if inquiry.settings.offline { None } else { Some(self.http()?) };
        let shelf = self.config.cache.as_ref().map(|cache| cache.shelf(&self.config.server, &inquiry.dataset));
        let cached = load(shelf.clone(), &inquiry, observer).await?;
        let lookup = Lookup::new(inquiry, cached, now()?, &mut OsRng);
        let (sender, receiver) = unbounded_channel();
        let pool = StretchPool::new(sender.clone());
        let mirrors = Mirrors::new(&self.config);
        let run =
            Run { lookup, http, mirrors, shelf, pool, tasks: JoinSet::new(), stores: JoinSet::new(), sender, receiver };
        run.drive(observer).await
    }

    fn http(&self) -> Result<Http, ClientError> {
        let mut http = self.http.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match &*http {
            Some(http) => Ok(http.clone()),
            None => Ok(http.insert(Http::new(&self.config.server, self.config.timeouts)?).clone()),
        }
    }
}

async fn load(shelf: Option<Shelf>, inquiry: &Inquiry, observer: &mut impl Observer) -> Result<Cached, ClientError> {
    let Some(shelf) = shelf else { return Ok(Cached::default()) };
    match blocking(move || shelf.load()).await {
        Ok(cached) => Ok(cached),
        // With a policy at hand, no cache is worse than a first visit.
        Err(error) if inquiry.policy.is_some() => {
            observer.cache_failed(&error);
            Ok(Cached::default())
        }
        Err(error) => Err(error.into()),
    }
}

/// Runs something that blocks, and passes its panic on.
async fn blocking<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(job).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn now() -> Result<Timestamp, ClientError> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| ClientError::Clock)?.as_secs();
    i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_unix(seconds).ok()).ok_or(ClientError::Clock)
}

struct Run {
    lookup: Lookup,
    http: Option<Http>,
    mirrors: Mirrors,
    shelf: Option<Shelf>,
    pool: StretchPool,
    tasks: JoinSet<()>,
    stores: JoinSet<Result<(), CacheError>>,
    sender: UnboundedSender<Tick>,
    receiver: UnboundedReceiver<Tick>,
}

impl Run {
    async fn drive(mut self, observer: &mut impl Observer) -> Result<Report, ClientError> {
        loop {
            while let Some(action) = self.lookup.next_action() {
                if let Action::Done(report) = action {
                    while let Some(stored) = self.stores.join_next().await {
                        if let Ok(Err(error)) = stored {
                            observer.cache_failed(&error);
                        }
                    }
                    return Ok(*report);
                }
                self.start(action, observer);
            }
            let event = tokio::select! {
                Some(tick) = self.receiver.recv() => match tick {
                    Tick::Event(event) => event,
                    Tick::Receiving(ticket, bytes, of) => {
                        observer.receiving(ticket, bytes, of);
                        continue;
                    }
                },
                Some(ended) = self.tasks.join_next() => {
                    // A task that ended has told its event. One that panicked has not, and would be waited for in vain.
                    if let Err(error) = ended && error.is_panic() {
                        std::panic::resume_unwind(error.into_panic());
                    }
                    continue;
                }
            };
            self.lookup.handle(event, now()?, &mut OsRng);
        }
    }

    fn start(&mut self, action: Action, observer: &mut impl Observer) {
        let sender = self.sender.clone();
        match action {
            Action::Fetch(request) => {
                observer.request(&request);
                let http = match &request.mirror {
                    None => self.http.clone(),
                    Some(mirror) => self.mirrors.http(mirror),
                };
                self.tasks.spawn(async move {
                    let ticket = request.ticket;
                    let response = match http {
                        Some(http) => {
                            let receiving = |bytes, of| drop(sender.send(Tick::Receiving(ticket, bytes, of)));
                            http.perform(&request, receiving).await
                        }
                        None => http::NO_NETWORK,
                    };
                    tell(&sender, Event::Responded { ticket, response });
                });
            }
            Action::Stretch(job) => self.pool.push(job, &mut self.tasks),
            Action::Load { ticket, sha256 } => {
                let shelf = self.shelf.clone();
                self.tasks.spawn_blocking(move || {
                    let file = shelf.and_then(|shelf| shelf.shard(&sha256));
                    tell(&sender, Event::Loaded { ticket, file });
                });
            }
            Action::Store(item) => self.store(item),
            Action::Wait { ticket, milliseconds } => {
                self.tasks.spawn(async move {
                    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                    tell(&sender, Event::Woke { ticket });
                });
            }
            Action::Progress(progress) => observer.progress(&progress),
            // Taken out before.
            Action::Done(_) => {}
        }
    }

    fn store(&mut self, item: Item) {
        if let Some(shelf) = self.shelf.clone() {
            self.stores.spawn_blocking(move || shelf.store(&item));
        }
    }
}

/// Nobody listens any more when the lookup was dropped.
fn tell(sender: &UnboundedSender<Tick>, event: Event) {
    drop(sender.send(Tick::Event(event)));
}
