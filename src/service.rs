//! The service as a whole: opened, routed, run.

use std::collections::HashMap;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};
use std::{fs, io, thread};

use axum::http::HeaderValue;
use ceknik_core::manifest::Id;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::evaluator::Evaluator;
use crate::key_ring::{KeyError, KeyRing};
use crate::limit::{Budget, Loads, Networks, Used};
use crate::metrics::Metrics;
use crate::page::{Page, PageError};
use crate::publication::{Catalog, Document, Loader, Publication, watch};
use crate::{clock, openapi, routes, server};

/// How often the public directory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Buckets of past epochs being verified at once: each takes memory for one response, which is then sent from the file piece
/// by piece, as fast as its reader takes it.
const PAST_READERS: usize = 4;

/// The public directory of a publisher's home.
const PUBLIC_OF_HOME: &str = "public";

/// Why the service does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A directory that cannot be used.
    #[error("--{setting} {}: {source}", path.display())]
    Directory {
        /// The setting that names it.
        setting: &'static str,
        /// As configured.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The publisher's home in place of what is published.
    #[error(
        "--public {}: this is a publisher's home, of which no more than {} is to be served: give that",
        path.display(),
        path.join(PUBLIC_OF_HOME).display()
    )]
    PublishersHome {
        /// As configured.
        path: PathBuf,
    },
    /// Another process uses the state directory.
    #[error("--state {}: another ceknikd uses this state directory; each needs its own", path.display())]
    StateInUse {
        /// As configured.
        path: PathBuf,
    },
    /// The clock stands outside of all times.
    #[error("the system's clock stands before 1970 or after 9999")]
    Clock,
    /// The metrics cannot be served there.
    #[error("--metrics-listen {address}: {source}")]
    MetricsListener {
        /// As configured.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The page cannot be served.
    #[error(transparent)]
    Page(#[from] PageError),
    /// A thread cannot be had.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// The client's end of a connection, which the server puts into each request. Does not print.
#[derive(Clone, Copy)]
pub struct Peer(pub IpAddr);

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Peer(REDACTED)")
    }
}

struct Inner {
    config: Config,
    hsts: Option<HeaderValue>,
    catalog: Catalog,
    evaluator: Evaluator,
    networks: Networks,
    budgets: Mutex<HashMap<Id, Arc<Budget>>>,
    loads: Mutex<Loads>,
    metrics: Arc<Metrics>,
    request_places: Semaphore,
    past_readers: Semaphore,
    openapi: Document,
    page: Option<Page>,
    /// Held locked for as long as the process lives.
    _state_lock: fs::File,
}

/// The opened service: verified epochs, keys, budgets, worker threads. Cheap to clone. When the last clone is dropped, its
/// threads end.
#[derive(Clone)]
pub struct ServiceState(Arc<Inner>);

impl ServiceState {
    /// Opens keys and state, verifies what is published, and from then on looks for new epochs.
    ///
    /// Blocks, for seconds where there is much to verify.
    ///
    /// # Errors
    /// [`StartError`]. An epoch that cannot be served is none: it is reported in the log and tried again.
    pub fn open(config: Config) -> Result<Self, StartError> {
        fs::read_dir(&config.public).map_err(|source| StartError::Directory {
            setting: "public",
            path: config.public.clone(),
            source,
        })?;
        // Nothing would ever be found there, and nothing would say why.
        let has_policy = |directory: &Path| directory.join("policy").exists();
        if !has_policy(&config.public) && has_policy(&config.public.join(PUBLIC_OF_HOME)) {
            return Err(StartError::PublishersHome { path: config.public });
        }
        let page = config.page.as_deref().map(Page::read).transpose()?;
        if let Some(page) = &page {
            tracing::info!(paths = page.files().count(), "page read");
        }
        let state_lock = lock_state(&config.state)?;
        let keys = KeyRing::read(&config.keys, config.passphrase.clone())?;
        tracing::info!(keys = keys.len(), "keys read");
        let metrics = Arc::new(Metrics::new());
        let mut loader = Loader::new(&config.public, &config.state, &config.keys, keys, Arc::clone(&metrics));
        let publication = loader.first_look(clock::now().ok_or(StartError::Clock)?);
        let threads = config.threads.unwrap_or_else(|| thread::available_parallelism().unwrap_or(NonZeroUsize::MIN));
        let system = |what| move |source| StartError::System { what, source };
        let inner = Inner {
            hsts: config.hsts_seconds.and_then(|seconds| HeaderValue::from_str(&format!("max-age={seconds}")).ok()),
            catalog: Catalog::new(publication),
            evaluator: Evaluator::start(threads, config.queue, config.shared_proof, &metrics.proofs)
                .map_err(system("the evaluation threads"))?,
            networks: Networks::new(config.network.limits()),
            budgets: Mutex::default(),
            loads: Mutex::default(),
            metrics,
            request_places: Semaphore::new(config.server.requests.min(Semaphore::MAX_PERMITS)),
            past_readers: Semaphore::new(PAST_READERS),
            openapi: openapi::document(),
            page,
            _state_lock: state_lock,
            config,
        };
        let inner = Arc::new(inner);
        let publication = inner.catalog.now();
        inner.continue_budgets(&publication);
        publication.announce(None, &inner.metrics);
        let weak = Arc::downgrade(&inner);
        watch(loader, LOOK_EVERY, move |publication| publish(&weak, publication))
            .map_err(system("the publication thread"))?;
        Ok(Self(inner))
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn hsts(&self) -> Option<&HeaderValue> {
        self.0.hsts.as_ref()
    }

    pub(crate) fn publication(&self) -> Arc<Publication> {
        self.0.catalog.now()
    }

    pub(crate) fn evaluator(&self) -> &Evaluator {
        &self.0.evaluator
    }

    pub(crate) fn networks(&self) -> &Networks {
        &self.0.networks
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn request_places(&self) -> &Semaphore {
        &self.0.request_places
    }

    pub(crate) fn past_readers(&self) -> &Semaphore {
        &self.0.past_readers
    }

    pub(crate) fn openapi(&self) -> &Document {
        &self.0.openapi
    }

    pub(crate) fn page(&self) -> Option<&Page> {
        self.0.page.as_ref()
    }

    /// The budget of a dataset that is served.
    pub(crate) fn budget(&self, dataset: &Id) -> Option<Arc<Budget>> {
        self.0.budgets.lock().unwrap_or_else(PoisonError::into_inner).get(dataset).cloned()
    }

    /// How busy the service is, as told to everybody.
    pub(crate) fn loads(&self) -> MutexGuard<'_, Loads> {
        let now = Instant::now();
        let budgets = self.0.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let used = budgets.iter().map(|(dataset, budget)| {
            let quota = budget.quota(now);
            (dataset, Used::of_budget(quota.remaining, quota.rate.capacity))
        });
        let mut loads = self.0.loads.lock().unwrap_or_else(PoisonError::into_inner);
        loads.look(now, self.0.evaluator.used(), used, &mut rand::thread_rng());
        loads
    }

    /// The metrics as text, with what is measured at the moment of asking.
    ///
    /// # Errors
    /// When they cannot be written as text.
    pub fn metrics_text(&self) -> Result<String, std::fmt::Error> {
        let now = Instant::now();
        for (dataset, budget) in self.0.budgets.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            self.0.metrics.budget(dataset, budget.quota(now).remaining);
        }
        self.0.metrics.encode()
    }

    /// Writes down what is left of the budgets. Without it, as after a crash, a little less is left.
    pub fn close(&self) {
        let budgets: Vec<_> = self.0.budgets.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for budget in budgets {
            if let Err(error) = budget.close(Instant::now(), SystemTime::now()) {
                self.0.metrics.state_errors.inc();
                tracing::error!(%error, "a budget could not be written");
            }
        }
    }
}

impl Inner {
    /// Opens budgets of new datasets and follows the figures of the manifests.
    fn continue_budgets(&self, publication: &Publication) {
        for (id, dataset) in &publication.datasets {
            let per_day = dataset.current.manifest().disclosure.evaluations_per_day;
            let known = self.budgets.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
            if let Some(budget) = known {
                budget.set_per_day(per_day, Instant::now());
                continue;
            }
            let dir = budget_dir(&self.config.state);
            let (budget, error) = Budget::open(&dir, id, per_day, Instant::now(), SystemTime::now());
            if let Some(error) = error {
                self.metrics.state_errors.inc();
                tracing::error!(%error, "a budget cannot be continued");
            }
            self.budgets.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), Arc::new(budget));
        }
    }
}

/// Gives the new publication to whoever asks next. False when the service is gone.
fn publish(service: &Weak<Inner>, publication: Option<Publication>) -> bool {
    let Some(service) = service.upgrade() else { return false };
    if let Some(publication) = publication {
        service.continue_budgets(&publication);
        let before = service.catalog.replace(publication);
        service.catalog.now().announce(Some(&before), &service.metrics);
    }
    true
}

fn budget_dir(state: &Path) -> PathBuf {
    state.join("budget")
}

fn lock_state(state: &Path) -> Result<fs::File, StartError> {
    let failed = |source| StartError::Directory { setting: "state", path: state.to_owned(), source };
    fs::create_dir_all(budget_dir(state)).map_err(failed)?;
    fs::create_dir_all(state.join("gzip")).map_err(failed)?;
    let lock = fs::File::create(state.join("lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => Err(StartError::StateInUse { path: state.to_owned() }),
        Err(fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Runs the service on a listener until `shutdown` is ready: then no connection is accepted any more, requests are
/// finished, and the budgets are written down.
///
/// # Errors
/// [`StartError`].
pub async fn run(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), StartError> {
    let opened = tokio::task::spawn_blocking(move || ServiceState::open(config)).await;
    let state = opened.map_err(|error| StartError::System { what: "opening", source: io::Error::other(error) })??;
    let metrics = match state.config().metrics_listen {
        None => None,
        Some(address) => {
            let failed = |source| StartError::MetricsListener { address, source };
            Some(TcpListener::bind(address).await.map_err(failed)?)
        }
    };
    if let Ok(address) = listener.local_addr() {
        let metrics = metrics.as_ref().and_then(|listener| listener.local_addr().ok());
        tracing::info!(listen = %address, metrics_listen = metrics.map(tracing::field::display), "serving");
    }
    server::serve(listener, metrics, &state, routes::router(state.clone()), shutdown).await;
    let closing = state.clone();
    if tokio::task::spawn_blocking(move || closing.close()).await.is_err() {
        tracing::error!("the budgets were not written down");
    }
    tracing::info!("stopped");
    Ok(())
}
