//! One epoch's files against its manifest: every shard of the filter, every bucket of the sealed table.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::File;

use ceknik_client::CacheMode;
use ceknik_core::audit::{CellGrowth, Interval, Place};
use ceknik_core::bucket::{Bucket, BucketError, BucketGeometry};
use ceknik_core::encoding::hex;
use ceknik_core::filter::{FilterError, FilterShard, HEADER_BYTES};
use ceknik_core::manifest::{FilterSpec, Id, Manifest};
use futures_util::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};

use self::buckets::Faults;
use crate::AT_ONCE;
use crate::findings::{Code, Finding};
use crate::history::LoggedEpoch;
use crate::source::{Missing, Source};
use crate::state::{State, StateError, failed};
use crate::table::{Changes, NewTable, OldTable};

mod again;
mod buckets;

pub use again::Again;

/// Classes of a histogram of bucket sizes.
const HISTOGRAM_CLASSES: u64 = 20;

/// How far an epoch's files were checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Checked {
    /// All of them, and they are those that the manifest names.
    Wholly(Box<AuditedEpoch>),
    /// They are served no more.
    Gone,
    /// Some of them are not those that the manifest names.
    Wrong,
    /// The service refuses them.
    Withheld(String),
    /// They could not be had now.
    NotNow(String),
}

/// What an audit keeps of an epoch whose files it has checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditedEpoch {
    /// Its number.
    pub epoch: u64,
    /// SHA-256 of its manifest, in hex.
    pub sha256: String,
    /// Records that were counted.
    pub records: u64,
    /// The filter, if there is one.
    pub cells: Option<Cells>,
    /// The sealed table.
    pub buckets: Buckets,
    /// What differs from the epoch that was audited before, of the same generation.
    pub changes: Option<Changes>,
    /// What was found, and stays true.
    pub findings: Vec<Finding>,
    /// SHA-256 of the table that is kept, in hex.
    pub(crate) table_sha256: String,
    /// The epoch whose table that is: this one, or an earlier one that had the same.
    pub(crate) table_epoch: u64,
}

/// The cells of a filter as they were counted, beside what members and noise explain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cells {
    /// Cells in all.
    pub cells: u64,
    /// Cells that are set.
    pub set: u64,
    /// How many are expected.
    pub expected: Expected,
    /// Noise that so many cells speak for, if members are as many as the manifest says.
    pub noise_estimate: f64,
    /// Against the filter that was audited before, in the same generation.
    pub growth: Option<Growth>,
}

/// What was newly set since the filter that was audited before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// That filter's epoch.
    pub since: u64,
    /// Cells that are set and were not.
    pub newly_set: u64,
    /// Cells that were set and are not: never allowed.
    pub cleared: u64,
    /// How many newly set ones are expected; none where the figures are no filter's.
    pub expected: Expected,
    /// Noise added that so many cells speak for.
    pub noise_estimate: f64,
}

/// An expectation with its 99.9 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub deviation: f64,
    /// The least number in the interval.
    pub low: u64,
    /// The largest.
    pub high: u64,
}

impl From<Interval> for Expected {
    fn from(interval: Interval) -> Self {
        let Interval { expected, deviation, low, high } = interval;
        Self { mean: expected, deviation, low, high }
    }
}

/// Sizes of the buckets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buckets {
    /// How many there are.
    pub count: u64,
    /// Records in the emptiest.
    pub least: u64,
    /// Records in the fullest.
    pub most: u64,
    /// Bytes of every response.
    pub response_bytes: u64,
    /// Records of the first class of the histogram.
    pub histogram_from: u64,
    /// Records that a class spans.
    pub histogram_step: u64,
    /// Buckets in each class.
    pub histogram: Vec<u64>,
}

impl Buckets {
    fn of(sizes: &[u64], response_bytes: u32) -> Self {
        let (least, most) = (sizes.iter().copied().min().unwrap_or(0), sizes.iter().copied().max().unwrap_or(0));
        let step = (most - least + 1).div_ceil(HISTOGRAM_CLASSES);
        let mut histogram = vec![0; usize::try_from((most - least) / step + 1).unwrap_or(1)];
        for size in sizes {
            if let Some(class) = usize::try_from((size - least) / step).ok().and_then(|class| histogram.get_mut(class))
            {
                *class += 1;
            }
        }
        Self {
            count: sizes.len() as u64,
            least,
            most,
            response_bytes: u64::from(response_bytes),
            histogram_from: least,
            histogram_step: step,
            histogram,
        }
    }
}

/// Where an audit stands in a list.
#[derive(Debug)]
pub(crate) struct Epochs<'a> {
    pub(crate) source: &'a Source,
    pub(crate) state: &'a State,
    pub(crate) dataset: &'a Id,
    fetched: RefCell<Fetched>,
}

/// What this audit has fetched whole.
#[derive(Debug, Default)]
struct Fetched {
    tables: BTreeSet<u64>,
    shards: BTreeSet<[u8; 32]>,
}

/// An epoch that was audited, with its manifest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before<'a> {
    pub(crate) logged: &'a LoggedEpoch,
    pub(crate) audited: &'a AuditedEpoch,
}

/// What an epoch is among the others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// The newest: its files must be there.
    pub(crate) is_newest: bool,
    /// An earlier one has the same filter, and its cells were counted.
    pub(crate) is_judged: bool,
}

/// Whether two epochs are of one generation: with the same key, everything that a generation fixes is the same.
fn same_generation(one: &Manifest, other: &Manifest) -> bool {
    one.oprf.public_key == other.oprf.public_key
}

/// Why files were not checked to the end.
enum Stop {
    Checked(Checked),
    State(StateError),
}

impl From<StateError> for Stop {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

impl<'a> Epochs<'a> {
    pub(crate) fn new(source: &'a Source, state: &'a State, dataset: &'a Id) -> Self {
        Self { source, state, dataset, fetched: RefCell::default() }
    }
}

impl Epochs<'_> {
    pub(crate) fn shard_file(&self, sha256: &[u8; 32]) -> String {
        format!("lists/{}/shard-{}", self.dataset, hex(sha256))
    }

    pub(crate) fn table_file(&self, epoch: u64) -> String {
        format!("lists/{}/table-{epoch}", self.dataset)
    }

    /// Checks the files of an epoch. What is wrong with them is added to `findings`; what is wrong with what they say is in the
    /// result.
    pub(crate) async fn check(
        &self,
        logged: &LoggedEpoch,
        before: Option<Before<'_>>,
        part: Part,
        findings: &mut Vec<Finding>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Checked, StateError> {
        let first = findings.len();
        let done = self.check_files(logged, before, part, findings, progress).await;
        for finding in &mut findings[first..] {
            *finding = finding.clone().of(self.dataset).at(logged.manifest.epoch);
        }
        match done {
            Ok(audited) => Ok(Checked::Wholly(Box::new(audited))),
            Err(Stop::State(error)) => Err(error),
            Err(Stop::Checked(Checked::Gone | Checked::Withheld(_))) if part.is_newest => Ok(Checked::Wrong),
            Err(Stop::Checked(checked)) => {
                if matches!(checked, Checked::Gone | Checked::Withheld(_)) {
                    // Files of an earlier epoch may go; that they are withheld is said of the newest alone.
                    findings.truncate(first);
                }
                Ok(checked)
            }
        }
    }

    async fn check_files(
        &self,
        logged: &LoggedEpoch,
        before: Option<Before<'_>>,
        part: Part,
        findings: &mut Vec<Finding>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<AuditedEpoch, Stop> {
        let manifest = &logged.manifest;
        let before = before.filter(|before| same_generation(manifest, &before.logged.manifest));
        let mut lasting = Vec::new();
        let cells = match &manifest.filter {
            Some(filter) => Some(self.check_filter(filter, before, part.is_judged, findings, &mut lasting).await?),
            None => None,
        };
        let same_table = |before: &Before<'_>| before.logged.manifest.buckets == manifest.buckets;
        let (records, buckets, changes, table_sha256, table_epoch) = match before.filter(same_table) {
            Some(Before { audited, .. }) => {
                let changes = Changes { since: audited.epoch, ..Changes::default() };
                let AuditedEpoch { records, buckets, table_sha256, table_epoch, .. } = audited.clone();
                (records, buckets, Some(changes), table_sha256, table_epoch)
            }
            None => {
                let (records, buckets, changes, sha256) =
                    self.check_table(manifest, before, findings, progress).await?;
                (records, buckets, changes, hex(&sha256), manifest.epoch)
            }
        };
        if records != manifest.records {
            let detail = format_args!("{records} records were counted, the manifest says {}", manifest.records);
            lasting.push(Finding::new(Code::RecordsCount, detail));
        }
        let geometry = &manifest.buckets.geometry;
        let smallest = BucketGeometry::for_fullest(geometry.bits(), geometry.payload_bytes(), buckets.most);
        if let Ok(smallest) = smallest.map(|smallest| smallest.response_bytes())
            && smallest != geometry.response_bytes()
        {
            let detail = format_args!("{} bytes, where {smallest} are enough", geometry.response_bytes());
            lasting.push(Finding::new(Code::ResponseBytes, detail));
        }
        let lasting = lasting.into_iter().map(|finding| finding.of(self.dataset).at(manifest.epoch)).collect();
        Ok(AuditedEpoch {
            epoch: manifest.epoch,
            sha256: hex(&logged.sha256),
            records,
            cells,
            buckets,
            changes,
            findings: lasting,
            table_sha256,
            table_epoch,
        })
    }

    async fn check_filter(
        &self,
        filter: &FilterSpec,
        before: Option<Before<'_>>,
        is_judged: bool,
        findings: &mut Vec<Finding>,
        lasting: &mut Vec<Finding>,
    ) -> Result<Cells, Stop> {
        let old = before
            .and_then(|before| Some((before, before.logged.manifest.filter.as_ref()?, before.audited.cells.as_ref()?)));
        let (mut set, mut newly_set, mut cleared) = (0, 0, 0);
        for (shard, digest) in (0..).zip(&filter.shards) {
            let name = self.shard_file(&digest.sha256);
            let old_name =
                old.and_then(|(_, old, _)| old.shards.get(shard as usize)).map(|old| self.shard_file(&old.sha256));
            let file = match self.state.read(&name, filter.geometry.shard_bytes() as usize)? {
                Some(file) => file,
                None => self.fetch_shard(filter, shard, findings).await?,
            };
            if let Err(error) = FilterShard::open(&filter.geometry, shard, digest, file.clone()) {
                // What is kept was checked when it came.
                if self.state.path(&name).exists() {
                    return Err(self.state.damaged(&name).into());
                }
                findings.push(Finding::new(filter_code(&error), format_args!("shard {shard}: {error}")));
                return Err(Stop::Checked(Checked::Wrong));
            }
            let bits = &file[HEADER_BYTES as usize..];
            set += count(bits.iter().copied());
            if let Some(old_name) = old_name.filter(|old_name| *old_name != name) {
                let most = filter.geometry.shard_bytes() as usize;
                let old = self.state.read(&old_name, most)?.ok_or_else(|| self.state.damaged(&old_name))?;
                let old = old.get(HEADER_BYTES as usize..).ok_or_else(|| self.state.damaged(&old_name))?;
                newly_set += count(bits.iter().zip(old).map(|(new, old)| new & !old));
                cleared += count(bits.iter().zip(old).map(|(new, old)| old & !new));
            }
            if !self.state.path(&name).exists() {
                self.fetched.borrow_mut().shards.insert(digest.sha256);
                self.state.write(&name, &file)?;
            }
        }
        let whole = CellGrowth::whole(filter.geometry.cells(), filter.members, filter.noise);
        // One filter is judged once: whether chance gave it so is not asked anew by each renewal.
        let mut judged = Vec::new();
        let expected = judge(&whole, set, "are set", Judged::Whole, if is_judged { &mut judged } else { lasting });
        let growth = old.map(|(before, old, cells)| {
            let since = before.audited.epoch;
            if cleared > 0 {
                let detail = format_args!("{cleared} cells that were set in epoch {since} are not set");
                lasting.push(Finding::new(Code::CellsCleared, detail));
            }
            let growth = CellGrowth {
                cells: filter.geometry.cells(),
                set_before: cells.set,
                noise_before: old.noise.min(cells.set),
                noise_added: filter.noise.saturating_sub(old.noise),
                members_added: filter.members.saturating_sub(old.members),
            };
            let words = format!("are newly set since epoch {since}");
            let expected = judge(&growth, newly_set, &words, Judged::Growth, lasting);
            let noise_estimate = growth.noise_from(newly_set).unwrap_or(0.0);
            Growth { since, newly_set, cleared, expected, noise_estimate }
        });
        let noise_estimate = whole.noise_from(set).unwrap_or(0.0);
        Ok(Cells { cells: filter.geometry.cells(), set, expected, noise_estimate, growth })
    }

    async fn fetch_shard(&self, filter: &FilterSpec, shard: u32, findings: &mut Vec<Finding>) -> Result<Vec<u8>, Stop> {
        let digest = hex(&filter.shards[shard as usize].sha256);
        let path = format!("/v1/{}/filter/{digest}", self.dataset);
        let fetched = self.source.get(&path, filter.geometry.shard_bytes(), CacheMode::Immutable).await;
        fetched.map_err(|why| match why {
            Missing::Gone { .. } => {
                findings.push(Finding::new(Code::FilterWithheld, format_args!("shard {shard}: {why}")));
                Stop::Checked(Checked::Gone)
            }
            Missing::Withheld { .. } => {
                findings.push(Finding::new(Code::FilterWithheld, format_args!("shard {shard}: {why}")));
                Stop::Checked(Checked::Withheld(format!("shard {shard} of the filter: {why}")))
            }
            Missing::TooLong => {
                findings.push(Finding::new(Code::FilterLength, format_args!("shard {shard}: {why}")));
                Stop::Checked(Checked::Wrong)
            }
            Missing::Failed { why } => Stop::Checked(Checked::NotNow(format!("shard {shard} of the filter: {why}"))),
        })
    }

    /// Streams all buckets in order. Memory: those that are under way.
    async fn check_table(
        &self,
        manifest: &Manifest,
        before: Option<Before<'_>>,
        findings: &mut Vec<Finding>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(u64, Buckets, Option<Changes>, [u8; 32]), Stop> {
        let geometry = manifest.buckets.geometry;
        let name = self.table_file(manifest.epoch);
        let old = match before {
            Some(before) => {
                let name = self.table_file(before.audited.table_epoch);
                let path = self.state.path(&name);
                let file = File::open(&path).map_err(failed("open", &path))?;
                Some((before.audited.epoch, OldTable::open(file).map_err(failed("read", &path))?))
            }
            None => None,
        };
        let mut table = NewTable::new(self.state.begin(&name)?, old);
        let count = geometry.count();
        let mut faults = Faults::default();
        let mut sizes = Vec::with_capacity(count as usize);
        let mut arriving = stream::iter((0..count).map(|index| self.fetch_bucket(manifest, index))).buffered(AT_ONCE);
        while let Some(came) = arriving.next().await {
            match came {
                Ok(bucket) => {
                    sizes.push(bucket_len(&bucket));
                    table.push(bucket).map_err(failed("write", &self.state.path(&name)))?;
                    progress(sizes.len() as u64, u64::from(count));
                }
                Err((index, fault)) => faults.add(index, fault),
            }
            // One that is gone tells that the epoch is: the others are not asked for.
            if faults.missing.is_some() {
                break;
            }
        }
        faults.end(findings)?;
        let written = table.finish().map_err(failed("write", &self.state.path(&name)))?;
        if let Some(before) = before
            && written.old_sha256.map(|sha256| hex(&sha256)).as_ref() != Some(&before.audited.table_sha256)
        {
            return Err(self.state.damaged(&self.table_file(before.audited.table_epoch)).into());
        }
        self.state.finish(&name, written.file)?;
        self.fetched.borrow_mut().tables.insert(manifest.epoch);
        Ok((written.records, Buckets::of(&sizes, geometry.response_bytes()), written.changes, written.sha256))
    }
}

fn bucket_len(bucket: &Bucket) -> u64 {
    bucket.len() as u64
}

fn count(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.map(|byte| u64::from(byte.count_ones())).sum()
}

/// What a count of cells is of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Judged {
    Whole,
    Growth,
    BesideList,
}

impl Judged {
    /// What is said of a count that chance gives one honest filter in 1,000, and of those that it does not give.
    fn codes(self) -> (Code, [Code; 2]) {
        match self {
            Self::Whole => (Code::CellsUnlikely, [Code::CellsFewer, Code::CellsMore]),
            Self::Growth => (Code::NewCellsUnlikely, [Code::NewCellsFewer, Code::NewCellsMore]),
            Self::BesideList => (Code::ListCellsUnlikely, [Code::ListCellsFewer, Code::ListCellsMore]),
        }
    }
}

/// Compares a count with what is expected, and says where it lies outside.
pub(crate) fn judge(
    growth: &CellGrowth,
    counted: u64,
    words: &str,
    judged: Judged,
    findings: &mut Vec<Finding>,
) -> Expected {
    let (unlikely, [fewer, more]) = judged.codes();
    let (Some(interval), Some(wide)) = (growth.expected(), growth.expected_widely()) else {
        findings.push(Finding::new(
            fewer,
            format_args!("{counted} cells {words}, and the manifest's figures are no filter's"),
        ));
        return Expected { mean: 0.0, deviation: 0.0, low: 0, high: 0 };
    };
    let code = match (interval.place(counted), wide.place(counted)) {
        (Place::Within, _) => None,
        (_, Place::Within) => Some(unlikely),
        (_, Place::Below) => Some(fewer),
        (_, Place::Above) => Some(more),
    };
    if let Some(code) = code {
        let Interval { expected, low, high, .. } = interval;
        let detail = format_args!(
            "{counted} cells {words}; expected are {expected:.1}, and 999 of 1,000 filters have {low} to {high}"
        );
        findings.push(Finding::new(code, detail));
    }
    interval.into()
}

pub(crate) fn filter_code(error: &FilterError) -> Code {
    match error {
        FilterError::Digest => Code::FilterDigest,
        FilterError::Root => Code::FilterRoot,
        FilterError::Header { .. } => Code::FilterHeader,
        // The geometry was checked with the manifest.
        FilterError::Length { .. }
        | FilterError::ShardBits { .. }
        | FilterError::ShardBytes { .. }
        | FilterError::SeedHalves => Code::FilterLength,
    }
}

pub(crate) fn bucket_code(error: &BucketError) -> Code {
    match error {
        BucketError::Hashes { .. } => Code::BucketHashes,
        BucketError::EntriesLength { .. } | BucketError::TooFull { .. } => Code::BucketEntries,
        BucketError::Padding => Code::BucketPadding,
        BucketError::Root => Code::BucketRoot,
        BucketError::Order { .. } => Code::BucketOrder,
        // Geometry and index are the manifest's own.
        BucketError::ResponseLength { .. } | BucketError::Geometry { .. } | BucketError::Index { .. } => {
            Code::BucketLength
        }
    }
}
