//! What is served at this moment.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use ceknik_core::encoding::hex;
use ceknik_core::log::Policy;
use ceknik_core::manifest::Id;
use serde::Serialize;

use super::dataset::{Dataset, Document};
use super::files::FileStamp;
use crate::metrics::Metrics;

/// The publisher's policy.
pub(crate) struct PolicyText {
    pub(crate) policy: Policy,
    pub(crate) document: Document,
    pub(super) stamp: FileStamp,
}

/// All that is served at one moment. A request keeps the one that it began with.
pub(crate) struct Publication {
    pub(crate) policy: Option<Arc<PolicyText>>,
    /// The log's.
    pub(crate) checkpoint: Option<Document>,
    pub(crate) datasets: BTreeMap<Id, Arc<Dataset>>,
    /// The answer to `/v1/datasets`.
    pub(crate) listing: Document,
    /// Whether there is a dataset, and an epoch is served of each that is on disk.
    pub(crate) complete: bool,
}

/// The publication of the moment.
pub(crate) struct Catalog(RwLock<Arc<Publication>>);

impl Catalog {
    pub(crate) fn new(publication: Publication) -> Self {
        Self(RwLock::new(Arc::new(publication)))
    }

    pub(crate) fn now(&self) -> Arc<Publication> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives the publication to whoever asks next. The one before comes back.
    pub(crate) fn replace(&self, publication: Publication) -> Arc<Publication> {
        let mut served = self.0.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *served, Arc::new(publication))
    }
}

impl Publication {
    /// Says in the log and the metrics what is served now and was not before. To be called once it is served: whoever reads
    /// the line may ask for the epoch.
    pub(crate) fn announce(&self, before: Option<&Self>, metrics: &Metrics) {
        for (id, dataset) in &self.datasets {
            let current = &dataset.current;
            let manifest = current.manifest();
            let known = before.and_then(|before| before.datasets.get(id)).map(|dataset| &dataset.current);
            match known.filter(|known| known.number() == current.number()) {
                None => {
                    metrics.epoch(id, manifest.epoch, manifest.valid_until);
                    tracing::info!(
                        dataset = %id,
                        epoch = manifest.epoch,
                        valid_until = %manifest.valid_until,
                        records = manifest.records,
                        manifest = %hex(&current.verified.sha256()),
                        keys = dataset.keys.len(),
                        "epoch served"
                    );
                }
                Some(known) if known.proof.sha256 != current.proof.sha256 => {
                    tracing::info!(dataset = %id, epoch = manifest.epoch, "proof replaced");
                }
                Some(_) => {}
            }
        }
    }
}

#[derive(Serialize)]
struct Listing<'a> {
    datasets: Vec<Listed<'a>>,
}

#[derive(Serialize)]
struct Listed<'a> {
    id: &'a Id,
    title: &'a ceknik_core::manifest::Text,
    epoch: u64,
    manifest: String,
    valid_until: String,
}

/// The answer to `/v1/datasets`; its schema is `DatasetList` in the OpenAPI document.
pub(super) fn listing(datasets: &BTreeMap<Id, Arc<Dataset>>) -> Document {
    let datasets = datasets.values().map(|dataset| {
        let manifest = dataset.current.manifest();
        Listed {
            id: &dataset.id,
            title: &manifest.title,
            epoch: manifest.epoch,
            manifest: hex(&dataset.current.verified.sha256()),
            valid_until: manifest.valid_until.to_string(),
        }
    });
    // Serialising strings and numbers does not fail.
    Document::new(serde_json::to_vec(&Listing { datasets: datasets.collect() }).unwrap_or_default())
}
