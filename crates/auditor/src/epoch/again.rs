//! What is served now of an epoch that an earlier audit verified: a sample of it.
//!
//! What was verified once stays true of the publisher; but who serves it may serve another thing the next day.

use ceknik_core::filter::FilterShard;
use ceknik_core::manifest::{FilterSpec, Manifest};
use futures_util::stream::{self, StreamExt};
use rand::rngs::OsRng;
use rand::seq::{SliceRandom, index};
use serde::Serialize;

use super::buckets::Faults;
use super::{Checked, Epochs, Stop, filter_code};
use crate::AT_ONCE;
use crate::findings::Finding;
use crate::history::LoggedEpoch;
use crate::state::StateError;

/// Buckets of a sample. Of a share a of altered ones it misses all with a chance of (1 − a)^64: half of all samples miss one
/// in a hundred, one in a thousand misses every tenth. docs/auditing.md, "What is looked at again", reckons with it.
const SAMPLED_BUCKETS: usize = 64;

/// What was looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Again {
    /// Buckets as they are served now.
    pub buckets: u64,
    /// Of so many.
    pub of_buckets: u64,
    /// Files of the filter as they are served now.
    pub shards: u64,
    /// Of so many.
    pub of_shards: u64,
}

impl Again {
    /// What was not, in words.
    pub(crate) fn left_out(&self) -> Option<String> {
        let (buckets, shards) = (self.of_buckets - self.buckets, self.of_shards - self.shards);
        let of_buckets = (buckets > 0).then(|| format!("{buckets} of {} buckets", self.of_buckets));
        let of_shards = (shards > 0).then(|| format!("{shards} of {} files of the filter", self.of_shards));
        let parts: Vec<String> = of_buckets.into_iter().chain(of_shards).collect();
        (!parts.is_empty()).then(|| format!("{} as they are served now", parts.join(" and ")))
    }
}

impl Epochs<'_> {
    /// Looks at a sample of an epoch's files, but for what this audit has fetched whole; none where that is all. Gives what was
    /// looked at, and what of it was not well.
    pub(crate) async fn look_again(
        &self,
        logged: &LoggedEpoch,
        findings: &mut Vec<Finding>,
    ) -> Result<Option<(Again, Vec<Checked>)>, StateError> {
        let manifest = &logged.manifest;
        let buckets = self.sampled_buckets(manifest);
        let shard = manifest.filter.as_ref().and_then(|filter| Some((filter, self.sampled_shard(filter)?)));
        if buckets.is_empty() && shard.is_none() {
            return Ok(None);
        }
        let again = self.extent(manifest, buckets.len() as u64, shard.is_some());
        let first = findings.len();
        let mut stops = Vec::new();
        if let Some((filter, shard)) = shard {
            stops.extend(self.look_at_shard(filter, shard, findings).await.err());
        }
        stops.extend(self.look_at_buckets(manifest, buckets, findings).await.err());
        for finding in &mut findings[first..] {
            *finding = finding.clone().of(self.dataset).at(manifest.epoch);
        }
        let mut outcomes = Vec::new();
        for stop in stops {
            match stop {
                Stop::Checked(checked) => outcomes.push(checked),
                Stop::State(error) => return Err(error),
            }
        }
        Ok(Some((again, outcomes)))
    }

    fn sampled_buckets(&self, manifest: &Manifest) -> Vec<u32> {
        if self.fetched.borrow().tables.contains(&manifest.epoch) {
            return Vec::new();
        }
        let count = manifest.buckets.geometry.count() as usize;
        let drawn = index::sample(&mut OsRng, count, count.min(SAMPLED_BUCKETS));
        let mut drawn: Vec<u32> = drawn.into_iter().filter_map(|index| u32::try_from(index).ok()).collect();
        drawn.sort_unstable();
        drawn
    }

    fn sampled_shard(&self, filter: &FilterSpec) -> Option<u32> {
        let fetched = self.fetched.borrow();
        let others = (0..).zip(&filter.shards).filter(|(_, digest)| !fetched.shards.contains(&digest.sha256));
        let others: Vec<u32> = others.map(|(shard, _)| shard).collect();
        others.choose(&mut OsRng).copied()
    }

    fn extent(&self, manifest: &Manifest, sampled: u64, one_shard: bool) -> Again {
        let fetched = self.fetched.borrow();
        let of_buckets = u64::from(manifest.buckets.geometry.count());
        let is_whole = fetched.tables.contains(&manifest.epoch);
        let shards = manifest.filter.iter().flat_map(|filter| &filter.shards);
        let known = shards.clone().filter(|digest| fetched.shards.contains(&digest.sha256)).count() as u64;
        Again {
            buckets: if is_whole { of_buckets } else { sampled },
            of_buckets,
            shards: known + u64::from(one_shard),
            of_shards: shards.count() as u64,
        }
    }

    async fn look_at_shard(&self, filter: &FilterSpec, shard: u32, findings: &mut Vec<Finding>) -> Result<(), Stop> {
        let file = self.fetch_shard(filter, shard, findings).await?;
        let opened = FilterShard::open(&filter.geometry, shard, &filter.shards[shard as usize], file);
        let Err(error) = opened else { return Ok(()) };
        findings.push(Finding::new(filter_code(&error), format_args!("shard {shard}: {error}")));
        Err(Stop::Checked(Checked::Wrong))
    }

    async fn look_at_buckets(
        &self,
        manifest: &Manifest,
        buckets: Vec<u32>,
        findings: &mut Vec<Finding>,
    ) -> Result<(), Stop> {
        let mut faults = Faults::default();
        let fetches = buckets.into_iter().map(|index| self.fetch_bucket(manifest, index));
        let mut arriving = stream::iter(fetches).buffered(AT_ONCE);
        while let Some(came) = arriving.next().await {
            if let Err((index, fault)) = came {
                faults.add(index, fault);
            }
        }
        faults.end(findings)
    }
}
