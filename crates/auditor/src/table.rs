//! The sealed table as an audit keeps it: of every record, in order, its locator and a hash of what is sealed under it. Enough to
//! tell exactly what a later epoch added, removed and changed.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use ceknik_core::bucket::Bucket;
use ceknik_core::record::{LOCATOR_BYTES, Locator};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

/// Bytes of a row: 16 of locator, 16 of the SHA-256 of the sealed record.
const ROW_BYTES: usize = 2 * LOCATOR_BYTES;

type Row = [u8; ROW_BYTES];

/// What differs between two tables of one generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// The epoch that it is compared with.
    pub since: u64,
    /// Records under locators that were not there.
    pub added: u64,
    /// Locators that are not there any more.
    pub removed: u64,
    /// Records that are sealed otherwise than before.
    pub changed: u64,
}

/// A table that is read again row by row.
pub(crate) struct OldTable {
    rows: BufReader<File>,
    digest: Sha256,
    next: Option<Row>,
}

impl OldTable {
    pub(crate) fn open(file: File) -> io::Result<Self> {
        let mut table = Self { rows: BufReader::with_capacity(1 << 16, file), digest: Sha256::new(), next: None };
        table.advance()?;
        Ok(table)
    }

    fn advance(&mut self) -> io::Result<()> {
        let mut row = [0; ROW_BYTES];
        self.next = match self.rows.read_exact(&mut row) {
            Ok(()) => {
                self.digest.update(row);
                Some(row)
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            Err(error) => return Err(error),
        };
        Ok(())
    }
}

/// Writes a table, and compares it with the one before on the way.
pub(crate) struct NewTable {
    out: BufWriter<NamedTempFile>,
    digest: Sha256,
    old: Option<OldTable>,
    changes: Changes,
    records: u64,
}

/// A table that was written.
pub(crate) struct Written {
    pub(crate) file: NamedTempFile,
    pub(crate) sha256: [u8; 32],
    pub(crate) records: u64,
    /// Since the old table; none without one.
    pub(crate) changes: Option<Changes>,
    /// SHA-256 of the old table as it was read.
    pub(crate) old_sha256: Option<[u8; 32]>,
}

impl NewTable {
    /// `old` with the epoch that it is of.
    pub(crate) fn new(file: NamedTempFile, old: Option<(u64, OldTable)>) -> Self {
        let since = old.as_ref().map_or(0, |(since, _)| *since);
        let out = BufWriter::with_capacity(1 << 16, file);
        let changes = Changes { since, ..Changes::default() };
        Self { out, digest: Sha256::new(), old: old.map(|(_, old)| old), changes, records: 0 }
    }

    /// The next bucket, in order.
    pub(crate) fn push(&mut self, bucket: Bucket) -> io::Result<()> {
        for (locator, sealed) in bucket.into_entries() {
            let mut row = [0; ROW_BYTES];
            row[..LOCATOR_BYTES].copy_from_slice(locator.expose_bytes());
            row[LOCATOR_BYTES..].copy_from_slice(&Sha256::digest(&sealed)[..LOCATOR_BYTES]);
            self.compare(&row)?;
            self.digest.update(row);
            self.out.write_all(&row)?;
            self.records += 1;
        }
        Ok(())
    }

    fn compare(&mut self, row: &Row) -> io::Result<()> {
        let Some(old) = &mut self.old else { return Ok(()) };
        let locator = &row[..LOCATOR_BYTES];
        while let Some(before) = old.next.filter(|before| before[..LOCATOR_BYTES] < *locator) {
            debug_assert!(before != *row);
            self.changes.removed += 1;
            old.advance()?;
        }
        match old.next.filter(|before| before[..LOCATOR_BYTES] == *locator) {
            Some(before) => {
                self.changes.changed += u64::from(before != *row);
                old.advance()?;
            }
            None => self.changes.added += 1,
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> io::Result<Written> {
        while let Some(old) = self.old.as_mut().filter(|old| old.next.is_some()) {
            self.changes.removed += 1;
            old.advance()?;
        }
        let changes = self.old.is_some().then_some(self.changes);
        let old_sha256 = self.old.map(|old| old.digest.finalize().into());
        let file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(Written { file, sha256: self.digest.finalize().into(), records: self.records, changes, old_sha256 })
    }
}

/// Whether a table holds a locator: a search by halves.
pub(crate) fn holds(file: &mut File, records: u64, locator: &Locator) -> io::Result<bool> {
    let (mut low, mut high) = (0, records);
    while low < high {
        let middle = low + (high - low) / 2;
        file.seek(SeekFrom::Start(middle * ROW_BYTES as u64))?;
        let mut found = [0; LOCATOR_BYTES];
        file.read_exact(&mut found)?;
        match found.cmp(locator.expose_bytes()) {
            core::cmp::Ordering::Equal => return Ok(true),
            core::cmp::Ordering::Less => low = middle + 1,
            core::cmp::Ordering::Greater => high = middle,
        }
    }
    Ok(false)
}
