//! Whom to trust: policies in files, and what is told at a first visit.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ceknik_core::log::{MAX_POLICY_BYTES, Policy};
use ceknik_core::time::Timestamp;

use crate::failure::Failure;

/// Reads a file of at most so many bytes and one more, by which its reader sees that it is too long.
pub(crate) fn read_file(path: &Path, most: usize) -> Result<Vec<u8>, Failure> {
    let unreadable = |error| Failure::new(format!("cannot read {}: {error}", path.display()));
    let mut bytes = Vec::new();
    File::open(path).map_err(unreadable)?.take(most as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// Reads a policy.
pub(crate) fn read_policy(path: &Path) -> Result<Policy, Failure> {
    let text = read_file(path, MAX_POLICY_BYTES)?;
    Policy::parse(&text).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

/// When a witness cosigned, as it says: a time that need not be one of a manifest.
pub(crate) fn cosigned_at(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_unix(seconds).ok());
    time.map_or_else(|| format!("{seconds} s after 1970"), |time| time.to_string())
}

/// Says what a first visit does not know, after a sentence in Indonesian and in English: from now on, or this once.
pub(crate) fn tell_first_use((id, en): (&str, &str), log_keys: impl ExactSizeIterator<Item = String>) {
    eprintln!("{id} / {en}");
    eprintln!(
        "Apakah semua orang melihat yang sama belum diketahui; bandingkan kunci catatannya dengan yang diumumkan penerbit di \
         tempat lain. / Whether everybody is shown the same is not known; compare the {} of its log with what the publisher \
         made known elsewhere:",
        if log_keys.len() == 1 { "key" } else { "keys" }
    );
    for key in log_keys {
        eprintln!("  {key}");
    }
}
