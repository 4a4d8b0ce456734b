//! Points in time as the manifest writes them: RFC 3339, UTC, whole seconds.

use core::fmt;

use thiserror::Error;
use time::{Date, Month, OffsetDateTime, UtcOffset};

/// Not `YYYY-MM-DDTHH:MM:SSZ`, or no such day or hour.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[error("not a time of the form 2026-11-22T08:00:00Z")]
pub struct TimestampError;

/// Seconds since 1970-01-01T00:00:00Z, within the years 1970 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From seconds since 1970.
    ///
    /// # Errors
    /// [`TimestampError`] before 1970 or after 9999.
    pub fn from_unix(seconds: i64) -> Result<Self, TimestampError> {
        const YEAR_10000: i64 = 253_402_300_800;
        if (0..YEAR_10000).contains(&seconds) { Ok(Self(seconds)) } else { Err(TimestampError) }
    }

    /// Seconds since 1970.
    pub fn unix(self) -> i64 {
        self.0
    }

    /// Parses `YYYY-MM-DDTHH:MM:SSZ` and no other form.
    ///
    /// # Errors
    /// [`TimestampError`].
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let b = text.as_bytes();
        if b.len() != 20 || b[10] != b'T' || b[13] != b':' || b[16] != b':' || b[19] != b'Z' {
            return Err(TimestampError);
        }
        let date = parse_date(text.get(..10).ok_or(TimestampError)?).ok_or(TimestampError)?;
        let part = |range| digits(&b[range]).and_then(|n| u8::try_from(n).ok()).ok_or(TimestampError);
        let at = date.with_hms(part(11..13)?, part(14..16)?, part(17..19)?).map_err(|_| TimestampError)?;
        Self::from_unix(at.assume_offset(UtcOffset::UTC).unix_timestamp())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The range was checked when it was made.
        let at = OffsetDateTime::from_unix_timestamp(self.0).map_err(|_| fmt::Error)?;
        let (year, month, day) = at.to_calendar_date();
        let (hour, minute, second) = at.to_hms();
        write!(f, "{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", u8::from(month))
    }
}

fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0u32, |n, byte| byte.is_ascii_digit().then(|| n * 10 + u32::from(byte - b'0')))
}

fn parse_date(text: &str) -> Option<Date> {
    let b = text.as_bytes();
    if b.len() != 10 || b[4] != b'-' || b[7] != b'-' {
        return None;
    }
    let month = Month::try_from(u8::try_from(digits(&b[5..7])?).ok()?).ok()?;
    Date::from_calendar_date(i32::try_from(digits(&b[..4])?).ok()?, month, u8::try_from(digits(&b[8..])?).ok()?).ok()
}

/// Whether a text is a day `YYYY-MM-DD` that exists.
pub fn is_date(text: &str) -> bool {
    parse_date(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_strictness() {
        for text in ["1970-01-01T00:00:00Z", "2026-11-22T08:00:00Z", "2024-02-29T23:59:59Z", "9999-12-31T23:59:59Z"] {
            assert_eq!(Timestamp::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "2026-11-22T08:00:00+00:00",
            "2026-11-22 08:00:00Z",
            "2026-11-22t08:00:00z",
            "2026-11-22T08:00:00.0Z",
            "2023-02-29T00:00:00Z",
            "2026-11-22T24:00:00Z",
            "2026-11-22T08:00:60Z",
            "2026-13-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "+026-11-22T08:00:00Z",
            "２026-11-22T08:00Z",
            "",
        ] {
            assert_eq!(Timestamp::parse(text), Err(TimestampError), "{text}");
        }
    }

    #[test]
    fn dates() {
        assert!(is_date("2024-08-15") && is_date("2024-02-29"));
        assert!(!is_date("2023-02-29") && !is_date("2024-8-15") && !is_date("2024-08-15 ") && !is_date("15-08-2024"));
    }
}
