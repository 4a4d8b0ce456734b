//! The sealed table of an epoch: buckets in order, and what changed against the table before.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use ceknik_core::bucket::BucketGeometry;
use ceknik_core::manifest::BucketsSpec;
use ceknik_core::merkle::{self, NodeHash, PerfectTree};
use ceknik_core::record::{LOCATOR_BYTES, Locator};

use super::PublishError;
use crate::loss;
use crate::store::{Generation, Store};

/// What an epoch adds, removes and changes in the sealed table, compared with the epoch before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Records under locators that the epoch before did not have.
    pub added: u64,
    /// Locators that the epoch before had and this one does not.
    pub removed: u64,
    /// Records with other content under the same locator.
    pub changed: u64,
    /// Records that stay as they were.
    pub unchanged: u64,
    /// Records that wait for the next generation, because this one takes no more.
    pub held: u64,
}

impl Changes {
    /// Records of the epoch before.
    pub fn before(&self) -> u64 {
        self.removed + self.changed + self.unchanged
    }

    /// Whether so many of them are removed that it is to be asked about.
    pub fn removes_many(&self) -> bool {
        loss::is_large(self.removed, self.before())
    }
}

/// The table of a published epoch, entry after entry. Every bucket is verified against the manifest as it is read.
pub(super) struct PublishedTable {
    file: BufReader<File>,
    spec: BucketsSpec,
    bucket: u32,
    entries: std::vec::IntoIter<(Locator, Vec<u8>)>,
}

impl PublishedTable {
    pub(super) fn open(path: &Path, spec: &BucketsSpec) -> Result<Self, PublishError> {
        let file = File::open(path).map_err(|source| PublishError::io("read", path, source))?;
        let damaged =
            || PublishError::Damaged { path: path.to_owned(), reason: "it is not as long as its manifest says" };
        let length = file.metadata().map_err(|source| PublishError::io("read", path, source))?.len();
        if length != u64::from(spec.geometry.count()) * u64::from(spec.geometry.response_bytes()) {
            return Err(damaged());
        }
        Ok(Self { file: BufReader::new(file), spec: spec.clone(), bucket: 0, entries: Vec::new().into_iter() })
    }

    fn next(&mut self) -> Result<Option<(Locator, Vec<u8>)>, PublishError> {
        loop {
            if let Some(entry) = self.entries.next() {
                return Ok(Some(entry));
            }
            if self.bucket == self.spec.geometry.count() {
                return Ok(None);
            }
            let geometry = &self.spec.geometry;
            let mut response = vec![0; geometry.response_bytes() as usize];
            self.file.read_exact(&mut response).map_err(PublishError::PublishedTable)?;
            let bucket = geometry
                .open_response(self.bucket, &self.spec.root, &response)
                .map_err(|error| PublishError::PublishedTable(io::Error::other(error)))?;
            self.entries = bucket.into_entries().into_iter();
            self.bucket += 1;
        }
    }
}

/// Goes through the records that the epoch will have, bucket after bucket, empty ones included, and counts what changed.
/// Memory: one bucket of each table.
///
/// With `hold`, records that `before` does not have are left out.
pub(super) fn for_each_bucket(
    store: &Store,
    generation: &Generation,
    bits: u8,
    mut before: Option<PublishedTable>,
    hold: bool,
    mut each: impl FnMut(u32, &[u8]) -> Result<(), PublishError>,
) -> Result<Changes, PublishError> {
    let mut changes = Changes::default();
    let mut waiting = match &mut before {
        Some(before) => before.next()?,
        None => None,
    };
    let mut advance = move || before.as_mut().map_or(Ok(None), PublishedTable::next);
    let (mut bucket, mut entries) = (0, Vec::new());
    store.for_each_record(generation, |locator, sealed| {
        while let Some((old, _)) = waiting.as_ref().filter(|(old, _)| *old < locator) {
            debug_assert!(old < &locator);
            changes.removed += 1;
            waiting = advance()?;
        }
        match waiting.as_ref().filter(|(old, _)| *old == locator) {
            Some((_, old)) => {
                if old == sealed {
                    changes.unchanged += 1;
                } else {
                    changes.changed += 1;
                }
                waiting = advance()?;
            }
            None if hold => {
                changes.held += 1;
                return Ok(());
            }
            None => changes.added += 1,
        }
        while bucket < locator.bucket(bits) {
            each(bucket, &entries)?;
            entries.clear();
            bucket += 1;
        }
        entries.extend(locator.expose_bytes());
        entries.extend(sealed);
        Ok::<_, PublishError>(())
    })?;
    while waiting.is_some() {
        changes.removed += 1;
        waiting = advance()?;
    }
    for bucket in bucket..1 << bits {
        each(bucket, &entries)?;
        entries.clear();
    }
    Ok(changes)
}

/// The figures of a table, from a first pass over the records.
pub(super) struct Survey {
    pub(super) geometry: BucketGeometry,
    pub(super) tree: PerfectTree,
    pub(super) records: u64,
    pub(super) changes: Changes,
}

/// `progress` is told how many buckets are done.
pub(super) fn survey(
    store: &Store,
    generation: &Generation,
    before: Option<PublishedTable>,
    hold: bool,
    progress: &mut dyn FnMut(u64),
) -> Result<Survey, PublishError> {
    let definition = &generation.definition;
    let entry_bytes = LOCATOR_BYTES + definition.payload_bytes as usize + ceknik_core::record::TAG_BYTES;
    let mut leaves: Vec<NodeHash> = Vec::with_capacity(1 << definition.bucket_bits);
    let (mut fullest, mut records) = (0, 0);
    let changes = for_each_bucket(store, generation, definition.bucket_bits, before, hold, |index, entries| {
        let count = (entries.len() / entry_bytes) as u64;
        fullest = count.max(fullest);
        records += count;
        leaves.push(merkle::leaf_hash(entries));
        progress(u64::from(index) + 1);
        Ok(())
    })?;
    let geometry = BucketGeometry::for_fullest(definition.bucket_bits, definition.payload_bytes, fullest)?;
    let tree = PerfectTree::new(leaves).ok_or(PublishError::Changed)?;
    Ok(Survey { geometry, tree, records, changes })
}

/// Writes the responses of all buckets one after another, and syncs the file. A second pass over the same records.
/// `progress` is told how many buckets are done.
pub(super) fn write(
    path: &Path,
    store: &Store,
    generation: &Generation,
    survey: &Survey,
    before: Option<PublishedTable>,
    hold: bool,
    progress: &mut dyn FnMut(u64),
) -> Result<(), PublishError> {
    let failed = |source| PublishError::io("write", path, source);
    let mut file = BufWriter::with_capacity(1 << 20, File::create_new(path).map_err(failed)?);
    for_each_bucket(store, generation, survey.geometry.bits(), before, hold, |index, entries| {
        let proof = survey.tree.path(index as usize).ok_or(PublishError::Changed)?;
        let response = survey.geometry.encode_response(&proof, entries)?;
        // The first pass saw the same records: a response that would not open is never written.
        survey.geometry.open_response(index, &survey.tree.root(), &response)?;
        file.write_all(&response).map_err(failed)?;
        progress(u64::from(index) + 1);
        Ok(())
    })?;
    file.into_inner().map_err(|error| failed(error.into_error()))?.sync_all().map_err(failed)
}
