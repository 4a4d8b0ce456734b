//! The wall clock, for what a manifest's times are compared with.

use std::time::{SystemTime, UNIX_EPOCH};

use ceknik_core::time::Timestamp;

/// The present. None when the clock stands before 1970 or after 9999.
pub(crate) fn now() -> Option<Timestamp> {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Timestamp::from_unix(i64::try_from(since_1970.as_secs()).ok()?).ok()
}
