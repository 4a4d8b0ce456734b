//! Counters for the operator, in Prometheus' format. No label holds anything that a caller chose, save which of the
//! service's own routes and datasets it asked for.

use std::fmt;
use std::time::Duration;

use ceknik_core::manifest::Id;
use ceknik_core::time::Timestamp;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::problem::KINDS;

/// Media type of the text format.
pub(crate) const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the latency histogram, in seconds: an evaluation alone takes about 0.0002.
const LATENCIES: [f64; 12] = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DatasetLabels {
    dataset: String,
}

impl DatasetLabels {
    fn of(id: &Id) -> Self {
        Self { dataset: id.as_str().to_owned() }
    }
}

/// All metrics and the registry that prints them.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    latency: Family<RouteLabels, Histogram>,
    elements: Family<DatasetLabels, Counter>,
    /// Proofs made: with the elements, how many share one.
    pub(crate) proofs: Counter,
    refused: Family<ReasonLabels, Counter>,
    epoch: Family<DatasetLabels, Gauge>,
    valid_until: Family<DatasetLabels, Gauge>,
    budget: Family<DatasetLabels, Gauge>,
    load_errors: Family<DatasetLabels, Counter>,
    policy_errors: Counter,
    /// Checkpoints of the log refused.
    pub(crate) log_errors: Counter,
    /// Open connections.
    pub(crate) connections: Gauge,
    /// Connections turned away because too many were open.
    pub(crate) connections_refused: Counter,
    /// Connections closed because their network had too many open.
    pub(crate) network_connections_refused: Counter,
    /// Requests being worked on.
    pub(crate) in_flight: Gauge,
    /// Panics caught.
    pub(crate) panics: Counter,
    /// Panics caught in the thread that looks for new epochs.
    pub(crate) look_panics: Counter,
    /// Budget files that could not be written.
    pub(crate) state_errors: Counter,
    /// Published files that are not what they were.
    pub(crate) damaged_files: Counter,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("ceknikd");
        let metrics = Self {
            requests: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new(LATENCIES)),
            elements: Family::default(),
            proofs: Counter::default(),
            refused: Family::default(),
            epoch: Family::default(),
            valid_until: Family::default(),
            budget: Family::default(),
            load_errors: Family::default(),
            policy_errors: Counter::default(),
            log_errors: Counter::default(),
            connections: Gauge::default(),
            connections_refused: Counter::default(),
            network_connections_refused: Counter::default(),
            in_flight: Gauge::default(),
            panics: Counter::default(),
            look_panics: Counter::default(),
            state_errors: Counter::default(),
            damaged_files: Counter::default(),
            registry: Registry::default(),
        };
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program", version);
        registry.register("requests", "Requests answered", metrics.requests.clone());
        registry.register_with_unit(
            "request_duration",
            "Until the answer's head",
            Unit::Seconds,
            metrics.latency.clone(),
        );
        registry.register("elements_evaluated", "Blinded elements evaluated", metrics.elements.clone());
        registry.register(
            "proofs",
            "Proofs of evaluation made, each over one or several requests",
            metrics.proofs.clone(),
        );
        registry.register("refused", "Requests answered with a problem, by its type", metrics.refused.clone());
        registry.register("epoch", "Number of the epoch served", metrics.epoch.clone());
        registry.register(
            "epoch_valid_until",
            "When the epoch served expires, in seconds since 1970",
            metrics.valid_until.clone(),
        );
        registry.register("budget_elements", "Evaluations left of the dataset's budget", metrics.budget.clone());
        registry.register("load_errors", "Epochs, proofs and current files refused", metrics.load_errors.clone());
        registry.register("policy_errors", "Policies refused", metrics.policy_errors.clone());
        registry.register("log_errors", "Checkpoints of the log refused", metrics.log_errors.clone());
        registry.register("connections", "Open connections", metrics.connections.clone());
        registry.register("connections_refused", "Connections turned away", metrics.connections_refused.clone());
        registry.register(
            "network_connections_refused",
            "Connections closed because their network had too many open",
            metrics.network_connections_refused.clone(),
        );
        registry.register("requests_in_flight", "Requests being worked on", metrics.in_flight.clone());
        registry.register("panics", "Requests that ended in a panic", metrics.panics.clone());
        registry.register("look_panics", "Looks for new epochs that ended in a panic", metrics.look_panics.clone());
        registry.register("state_errors", "Budget files that could not be written", metrics.state_errors.clone());
        registry.register("damaged_files", "Published files found altered", metrics.damaged_files.clone());
        // What was never counted stands there as zero: an alert that waits for growth would miss the first.
        for kind in KINDS {
            drop(metrics.refused.get_or_create(&ReasonLabels { reason: kind.slug }));
        }
        Self { registry, ..metrics }
    }

    /// A dataset was found, whether or not an epoch of it can be served.
    pub(crate) fn found(&self, dataset: &Id) {
        drop(self.load_errors.get_or_create(&DatasetLabels::of(dataset)));
        drop(self.elements.get_or_create(&DatasetLabels::of(dataset)));
    }

    pub(crate) fn request(&self, route: &'static str, method: &'static str, status: u16, took: Duration) {
        self.requests.get_or_create(&RequestLabels { route, method, status }).inc();
        self.latency.get_or_create(&RouteLabels { route }).observe(took.as_secs_f64());
    }

    pub(crate) fn evaluated(&self, dataset: &Id, elements: usize) {
        self.elements.get_or_create(&DatasetLabels::of(dataset)).inc_by(elements as u64);
    }

    pub(crate) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&ReasonLabels { reason }).inc();
    }

    pub(crate) fn epoch(&self, dataset: &Id, number: u64, valid_until: Timestamp) {
        let labels = DatasetLabels::of(dataset);
        self.epoch.get_or_create(&labels).set(i64::try_from(number).unwrap_or(i64::MAX));
        self.valid_until.get_or_create(&labels).set(valid_until.unix());
    }

    pub(crate) fn budget(&self, dataset: &Id, elements: f64) {
        // Whole elements; the cast saturates.
        self.budget.get_or_create(&DatasetLabels::of(dataset)).set(elements.floor() as i64);
    }

    /// Of a dataset or, without one, of the policy.
    pub(crate) fn load_errors(&self, dataset: Option<&Id>) {
        match dataset {
            Some(dataset) => self.load_errors.get_or_create(&DatasetLabels::of(dataset)).inc(),
            None => self.policy_errors.inc(),
        };
    }

    /// All of them in text.
    pub(crate) fn encode(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}
