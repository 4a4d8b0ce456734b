//! What an epoch's figures come to, for a report.

use ceknik_core::deniability::{people_per_bucket, posterior};
use ceknik_core::encoding::hex;
use ceknik_core::manifest::Manifest;
use serde::{Deserialize, Serialize};

use crate::epoch::AuditedEpoch;
use crate::history::LoggedEpoch;

/// How it stands with an epoch's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Files {
    /// Every byte was verified, now or in an earlier audit.
    Verified,
    /// They are served no more.
    Gone,
    /// Some are not those of the manifest or are withheld, or were so before they went.
    Wrong,
    /// They could not be had, or were not asked for.
    Unchecked,
}

/// An epoch as the log has it, and what was counted in its files.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LoggedFigures {
    /// Its number.
    pub epoch: u64,
    /// Place in the log, from 0.
    pub log_index: u64,
    /// Whether it was logged since the audit before; at the first audit none is.
    pub new: bool,
    /// SHA-256 of its manifest, in hex.
    pub sha256: String,
    /// When it was published.
    pub published_at: String,
    /// Until when it answers.
    pub valid_until: String,
    /// Its generation; none without a filter.
    pub generation: Option<u32>,
    /// Records, as the manifest says.
    pub records: u64,
    /// Members ever in the generation, as the manifest says; none without a filter.
    pub members: Option<u64>,
    /// Cells of noise, as the manifest says; none without a filter.
    pub noise: Option<u64>,
    /// How it stands with its files.
    pub files: Files,
    /// What was counted in them.
    pub audited: Option<AuditedEpoch>,
}

impl LoggedFigures {
    pub(crate) fn new(logged: &LoggedEpoch, new: bool, files: Files, audited: Option<AuditedEpoch>) -> Self {
        let manifest = &logged.manifest;
        let filter = manifest.filter.as_ref();
        Self {
            epoch: manifest.epoch,
            log_index: logged.index,
            new,
            sha256: hex(&logged.sha256),
            published_at: manifest.published_at.to_string(),
            valid_until: manifest.valid_until.to_string(),
            generation: filter.map(|filter| filter.generation),
            records: manifest.records,
            members: filter.map(|filter| filter.members),
            noise: filter.map(|filter| filter.noise),
            files,
            audited,
        }
    }
}

/// What a filter tells, by the cells that are set in it and not by what its manifest says. Percents, for somebody of whom nothing
/// is known but that he is one of the population.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PromiseFigures {
    /// The promise: somebody alone in a cell that is set is listed with this chance at most.
    pub promised_percent: u8,
    /// Listed before anything is asked.
    pub base_rate_percent: f64,
    /// Listed if the filter hits, on average over all who hit.
    pub hit_percent: f64,
    /// Listed if the filter hits and nobody else has the cell.
    pub alone_percent: f64,
    /// Added since the epoch that was audited before, if the cell is set since then and nobody else has it; none where nobody was.
    pub newly_set_percent: Option<f64>,
    /// By how much a hit multiplies the odds, as disclosed.
    pub odds_factor: f64,
    /// The same by the cells that are set.
    pub odds_factor_counted: f64,
    /// By how much a newly set cell multiplies the odds, as disclosed.
    pub epoch_odds_factor: Option<f64>,
    /// The same by the cells that are newly set.
    pub epoch_odds_factor_counted: Option<f64>,
    /// People who share a bucket.
    pub people_per_bucket: u64,
}

impl PromiseFigures {
    /// `members_before`: of the epoch that the filter was compared with.
    pub(crate) fn new(manifest: &Manifest, audited: &AuditedEpoch, members_before: Option<u64>) -> Option<Self> {
        let (filter, cells) = (manifest.filter.as_ref()?, audited.cells.as_ref()?);
        let (all, population, members) = (cells.cells as f64, manifest.population as f64, filter.members as f64);
        let percent = |share: f64| (share * 1000.0).round() / 10.0;
        let base_rate = members / population;
        let others_hit = cells.set as f64 / all;
        let counted = all / cells.noise_estimate.max(1.0);
        let growth = cells.growth.as_ref().zip(members_before);
        let growth = growth.filter(|(growth, before)| filter.members > *before && growth.newly_set > 0);
        let newly = growth.map(|(growth, before)| {
            // Noise before is what the manifests say: how much of it there was is asked of the epoch before.
            let noise_before = filter.noise as f64 - (growth.noise_estimate).min(filter.noise as f64);
            let factor = (all - noise_before) / growth.noise_estimate.max(1.0);
            let prior = (filter.members - before) as f64 / (population - before as f64);
            (factor, percent(posterior(prior, factor)))
        });
        let bits = manifest.buckets.geometry.bits();
        Some(Self {
            promised_percent: manifest.disclosure.posterior_percent?,
            base_rate_percent: percent(base_rate),
            hit_percent: percent(members / (members + (population - members) * others_hit)),
            alone_percent: percent(posterior(base_rate, counted)),
            newly_set_percent: newly.map(|(_, percent)| percent),
            odds_factor: manifest.disclosure.odds_factor?,
            odds_factor_counted: (counted * 10.0).round() / 10.0,
            epoch_odds_factor: manifest.disclosure.epoch_odds_factor,
            epoch_odds_factor_counted: newly.map(|(factor, _)| (factor * 10.0).round() / 10.0),
            people_per_bucket: people_per_bucket(manifest.population, bits, filter.geometry.shard_bits()),
        })
    }
}
