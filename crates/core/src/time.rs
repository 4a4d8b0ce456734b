//! Points in time as the manifest writes them: RFC 3339, UTC, whole seconds.

use core::fmt;

use thiserror::Error;

/// Seconds of a day.
const DAY: i64 = 86_400;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH: i64 = 719_468;

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
        let (year, month, day) = parse_date(&b[..10]).ok_or(TimestampError)?;
        let part = |start: usize, under: u32| digits(&b[start..start + 2]).filter(|n| *n < under).ok_or(TimestampError);
        let (hour, minute, second) = (part(11, 24)?, part(14, 60)?, part(17, 60)?);
        Self::from_unix(DAY * days(year, month, day) + i64::from(3600 * hour + 60 * minute + second))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date(self.0 / DAY);
        let second = self.0 % DAY;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0u32, |n, byte| byte.is_ascii_digit().then(|| n * 10 + u32::from(byte - b'0')))
}

/// Year, month and day, where there is such a day.
fn parse_date(b: &[u8]) -> Option<(u32, u32, u32)> {
    if b.len() != 10 || b[4] != b'-' || b[7] != b'-' {
        return None;
    }
    let (year, month, day) = (digits(&b[..4])?, digits(&b[5..7])?, digits(&b[8..])?);
    (1..=days_in(month, year)).contains(&day).then_some((year, month, day))
}

/// Days of a month, 0 for a month that is none.
pub(crate) fn days_in(month: u32, year: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => 0,
    }
}

/// Days from 1970-01-01 to a day. Years are counted from March, so that a leap day is the last of its year: then the months
/// have 31, 30, 31, 30 and 31 days in turns, 153 in five.
fn days(year: u32, month: u32, day: u32) -> i64 {
    let (year, month) = if month > 2 { (i64::from(year), month - 3) } else { (i64::from(year) - 1, month + 9) };
    365 * year + year / 4 - year / 100 + year / 400 + i64::from((153 * month + 2) / 5 + day - 1) - EPOCH
}

/// The day that lies so many days, from 0, after 1970-01-01: [`days`] turned round.
fn date(days: i64) -> (i64, i64, i64) {
    let (era, day) = ((days + EPOCH) / 146_097, (days + EPOCH) % 146_097);
    // Of the era of 400 years, without the leap days that went before.
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let year = 400 * era + year;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

/// Whether a text is a day `YYYY-MM-DD` that exists.
pub fn is_date(text: &str) -> bool {
    parse_date(text.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every day and some of its seconds are those of another implementation.
    #[test]
    fn days_are_everybodys() {
        for day in 0..=(253_402_300_799 / DAY) {
            let seconds = day * DAY + day * 7919 % DAY;
            let theirs = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            let (date, (hour, minute, second)) = (theirs.date(), theirs.to_hms());
            let text = format!("{date}T{hour:02}:{minute:02}:{second:02}Z");
            assert_eq!(Timestamp(seconds).to_string(), text);
            assert_eq!(Timestamp::parse(&text), Ok(Timestamp(seconds)));
            assert!(is_date(&date.to_string()));
        }
        for (year, month) in (0..=9999).flat_map(|year| (0..=13).map(move |month| (year, month))) {
            let there = |day| {
                let month = u8::try_from(month).ok().and_then(|month| time::Month::try_from(month).ok());
                month.is_some_and(|month| time::Date::from_calendar_date(year, month, day).is_ok())
            };
            for day in [0, 1, 28, 29, 30, 31, 32] {
                assert_eq!(is_date(&format!("{year:04}-{month:02}-{day:02}")), there(day), "{year}-{month}-{day}");
            }
        }
    }

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
