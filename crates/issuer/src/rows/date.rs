//! Days of submission, in the forms in which lists hold them.

use time::{Date, Month};

/// First year that is a day of submission. Spreadsheets show an empty cell as a day of 1899 or 1900, other programs as
/// one of 1970.
const FIRST_YEAR: i32 = 2000;
/// Last year.
const LAST_YEAR: i32 = 2099;

/// Reads a day as `YYYY-MM-DD`.
///
/// Forms: `2024-08-15`, `2024/08/15`, `15/8/2024`, `15-08-2024`, `15.08.2024` (day before month, as Indonesia writes),
/// `15 Agustus 2024` with `-` or `/` for the spaces too, Indonesian and English names and their abbreviations. A day of
/// the week may stand before; a time, with fraction, half of the day and zone, may follow and is checked and left out:
/// the day is the one that is written, in whatever zone. Years have four digits.
pub(super) fn day(text: &str) -> Option<String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let mut rest = text.as_str();
    if let Some(after) = WEEKDAYS.iter().find_map(|name| rest.strip_prefix(name)) {
        rest = after.trim_start_matches([',', ' ']);
        if rest.len() == after.len() {
            return None;
        }
    }
    let (date, rest) = date(rest)?;
    let in_range = (FIRST_YEAR..=LAST_YEAR).contains(&date.year());
    (in_range && is_time_or_nothing(rest))
        .then(|| format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day()))
}

const WEEKDAYS: [&str; 16] = [
    "senin",
    "selasa",
    "rabu",
    "kamis",
    "jumat",
    "jum'at",
    "sabtu",
    "minggu",
    "ahad",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

const MONTHS: [&[&str]; 12] = [
    &["januari", "january", "jan"],
    &["februari", "pebruari", "february", "feb", "peb"],
    &["maret", "march", "mar", "mrt"],
    &["april", "apr"],
    &["mei", "may"],
    &["juni", "june", "jun"],
    &["juli", "july", "jul"],
    &["agustus", "august", "agust", "agu", "agt", "ags", "aug"],
    &["september", "sept", "sep"],
    &["oktober", "october", "okt", "oct"],
    &["november", "nopember", "nov", "nop"],
    &["desember", "december", "des", "dec"],
];

/// A date at the start, and what follows it.
fn date(text: &str) -> Option<(Date, &str)> {
    let (first, rest) = digits(text)?;
    let (separator, rest) = separator(rest)?;
    if let Some((month, rest)) = month_name(rest) {
        // `15 Agt. 2024`, `15-Agu-2024`.
        let rest = if separator == ' ' { rest.strip_prefix('.').unwrap_or(rest) } else { rest };
        let (year, rest) = digits(rest.strip_prefix(separator)?)?;
        return Some((checked(year, month, first)?, rest));
    }
    let (middle, rest) = digits(rest)?;
    let (last, rest) = digits(rest.strip_prefix(separator).filter(|_| separator != ' ')?)?;
    let month = || Month::try_from(middle.parse::<u8>().ok().filter(|_| middle.len() <= 2)?).ok();
    let date = match first.len() {
        4 if separator != '.' && middle.len() == 2 && last.len() == 2 => checked(first, month()?, last)?,
        1 | 2 => checked(last, month()?, first)?,
        _ => return None,
    };
    Some((date, rest))
}

fn checked(year: &str, month: Month, day: &str) -> Option<Date> {
    if year.len() != 4 || day.len() > 2 {
        return None;
    }
    Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()
}

/// Digits at the start, and what follows them.
fn digits(text: &str) -> Option<(&str, &str)> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at_checked(end).filter(|(digits, _)| !digits.is_empty())
}

fn separator(text: &str) -> Option<(char, &str)> {
    let mut chars = text.chars();
    let separator = chars.next().filter(|char| matches!(char, '-' | '/' | '.' | ' '))?;
    Some((separator, chars.as_str()))
}

/// A whole word that names a month, and what follows it.
fn month_name(text: &str) -> Option<(Month, &str)> {
    let end = text.find(|char: char| !char.is_ascii_alphabetic()).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end)?;
    let index = MONTHS.iter().position(|names| names.contains(&word))?;
    Some((Month::try_from(u8::try_from(index + 1).ok()?).ok()?, rest))
}

/// Whether what follows a date is nothing, or a time of the day: `T20:15:30.5Z`, ` 20:15 WIB`, `, pukul 20.15`, ` 8:15 PM`.
fn is_time_or_nothing(text: &str) -> bool {
    if text.is_empty() {
        return true;
    }
    let Some(rest) = text.strip_prefix('t').or_else(|| text.strip_prefix(", ")).or_else(|| text.strip_prefix(' '))
    else {
        return false;
    };
    let rest = ["pukul ", "jam "].iter().find_map(|word| rest.strip_prefix(word)).unwrap_or(rest);
    let Some((hour, rest)) = below(rest, 24) else { return false };
    let Some(mark) = rest.chars().next().filter(|mark| matches!(mark, ':' | '.')) else { return false };
    let Some((_, mut rest)) = below(&rest[1..], 60) else { return false };
    if let Some(seconds) = rest.strip_prefix(mark) {
        let Some((_, after)) = below(seconds, 60) else { return false };
        rest = after;
        if let Some((_, after)) = rest.strip_prefix(['.', ',']).and_then(digits) {
            rest = after;
        }
    }
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    match rest {
        "" | "z" | "wib" | "wita" | "wit" | "utc" | "gmt" => true,
        "am" | "pm" => (1..=12).contains(&hour),
        offset => is_offset(offset),
    }
}

/// Two digits, or one, of a number under `limit`, and what follows.
fn below(text: &str, limit: u8) -> Option<(u8, &str)> {
    let (number, rest) = digits(text)?;
    let number = number.parse().ok().filter(|&value| number.len() <= 2 && value < limit)?;
    Some((number, rest))
}

/// `+07`, `+0700`, `+07:00`.
fn is_offset(text: &str) -> bool {
    let Some(digits) = text.strip_prefix(['+', '-']) else { return false };
    let (hours, minutes) = match digits.len() {
        2 => (digits, "00"),
        4 if digits.is_char_boundary(2) => digits.split_at(2),
        _ => match digits.split_once(':') {
            Some(parts) => parts,
            None => return false,
        },
    };
    let two = |text: &str, limit| text.len() == 2 && below(text, limit).is_some_and(|(_, rest)| rest.is_empty());
    two(hours, 15) && two(minutes, 60)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn forms_of_one_day() {
        for text in [
            "2024-08-15",
            "2024/08/15",
            " 2024-08-15 ",
            "2024-08-15T20:15:30Z",
            "2024-08-15T20:15:30.123+07:00",
            "2024-08-15 20:15",
            "2024-08-15 00:00:00",
            "15/08/2024",
            "15/8/2024",
            "15-08-2024",
            "15.08.2024",
            "15/08/2024 20:15:30",
            "15/08/2024 20.15 WIB",
            "15/08/2024, pukul 20.15 WIB",
            "15/08/2024 8:15 PM",
            "15/08/2024 08:15:00 AM",
            "15 Agustus 2024",
            "15  AGUSTUS\u{A0}2024",
            "15 agustus 2024 20:15",
            "15 Agt 2024",
            "15 Agt. 2024",
            "15 Agu 2024",
            "15-Agu-2024",
            "15/Aug/2024",
            "15 August 2024",
            "Kamis, 15 Agustus 2024",
            "kamis 15/08/2024",
            "Thursday, 15 August 2024",
        ] {
            assert_eq!(day(text).as_deref(), Some("2024-08-15"), "{text}");
        }
        assert_eq!(day("5 Mei 2024").as_deref(), Some("2024-05-05"));
        assert_eq!(day("29/02/2024").as_deref(), Some("2024-02-29"));
        assert_eq!(day("1 Nopember 2024").as_deref(), Some("2024-11-01"));
        assert_eq!(day("Jum'at, 1 Maret 2024").as_deref(), Some("2024-03-01"));
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "-",
            "kemarin",
            "45519",
            "2024",
            "20240815",
            "15082024",
            "08/2024",
            "Agustus 2024",
            "15 Agustus",
            "31/02/2024",
            "29/02/2023",
            "31 Juni 2024",
            "00/01/1900",
            "01/01/1900",
            "1970-01-01",
            "0202-08-15",
            // The month first is no form; some of its days are none at all.
            "08/15/2024",
            "August 15, 2024",
            "2024-13-01",
            "2024-8-1",
            "2024-08-1",
            "2024-00-10",
            "2024.08.15",
            "15/08/24",
            "15-Agu-24",
            "15/08-2024",
            "15 08 2024",
            "015/08/2024",
            "15/008/2024",
            "15/08/02024",
            "15 Agustusan 2024",
            "15Agustus2024",
            "15 Agt.. 2024",
            "Kamisan, 15/08/2024",
            "Kamis15/08/2024",
            "2024-08-15 24:00",
            "2024-08-15 20:60",
            "2024-08-15 20",
            "2024-08-15T",
            "2024-08-15 besok",
            "15/08/2024 13:00 PM",
            "15/08/2024 0:15 AM",
            "2024-08-15T20:15+7",
            "2024-08-15T20:15+99:00",
            "2024-08-15T20:15 WIBB",
            "2024-08-15x",
            "-2024-08-15",
            "١٥/٠٨/٢٠٢٤",
            "15/08/2024 20:15:30é",
        ] {
            assert_eq!(day(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_day_is_read_back(ordinal in 0..36_525i64) {
            let date = Date::from_calendar_date(2000, Month::January, 1)? + time::Duration::days(ordinal);
            let (y, m, d) = (date.year(), u8::from(date.month()), date.day());
            let iso = format!("{y}-{m:02}-{d:02}");
            let month = MONTHS[usize::from(m) - 1][0];
            for text in [iso.clone(), format!("{d}/{m}/{y}"), format!("{d:02}-{m:02}-{y}"), format!("{d} {month} {y}")] {
                prop_assert_eq!(day(&text), Some(iso.clone()));
            }
        }

        #[test]
        fn nothing_is_too_odd_to_be_read(text in any::<String>(), near in "[0-9a-zé:/.+ t-]{0,24}") {
            for text in [text, format!("2024-08-15{near}"), near] {
                if let Some(day) = day(&text) {
                    prop_assert_eq!(super::day(&day), Some(day));
                }
            }
        }
    }
}
