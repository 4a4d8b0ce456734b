//! What a NIK says of its owner, and what may be wrong with it.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::{District, DistrictStanding, Nik};
use crate::time::days_in;

/// Added to the day of birth of women.
const FEMALE_DAYS: u8 = 40;

/// What is odd about a NIK. Never a refusal: such NIKs exist, are valid, and are never reissued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NikWarning {
    /// Digits 7 to 12 are no date, for a man or a woman, in 1900 to 1999 or 2000 to 2099.
    #[serde(rename = "warn_date")]
    Date,
    /// The district code is former or unknown, and not that of a citizen registered abroad.
    #[serde(rename = "warn_region")]
    Region,
    /// The serial number is 0000; they are given out from 0001. In a list it is most often the mark of a spreadsheet
    /// that held the NIK as a number and lost its last digit.
    #[serde(rename = "warn_serial")]
    Serial,
    /// All 16 digits are the same: a placeholder that lists are found to hold.
    #[serde(rename = "warn_repeated")]
    Repeated,
}

impl NikWarning {
    /// All warnings, in the order in which they are given.
    pub const ALL: [Self; 4] = [Self::Date, Self::Region, Self::Serial, Self::Repeated];

    /// The fixed code of this warning, which is its serialised form too.
    pub fn code(self) -> &'static str {
        match self {
            Self::Date => "warn_date",
            Self::Region => "warn_region",
            Self::Serial => "warn_serial",
            Self::Repeated => "warn_repeated",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for NikWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Date => "the birth date in it does not exist",
            Self::Region => "its district code is of no district of today",
            Self::Serial => "its serial number 0000 is never given out",
            Self::Repeated => "all its digits are the same",
        })
    }
}

/// A set of [`NikWarning`]s. Serialised as the list of their codes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct NikWarnings(u8);

impl NikWarnings {
    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this one is among them.
    pub fn contains(self, warning: NikWarning) -> bool {
        self.0 & warning.bit() != 0
    }

    /// The warnings, in the order of [`NikWarning::ALL`].
    pub fn iter(self) -> impl Iterator<Item = NikWarning> {
        NikWarning::ALL.into_iter().filter(move |&warning| self.contains(warning))
    }
}

impl fmt::Debug for NikWarnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for NikWarnings {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// Sex, as the day of birth tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sex {
    /// The day is 41 to 71.
    Female,
    /// The day is 1 to 31.
    Male,
}

/// The birth date in a NIK, which gives two digits of the year. It may differ from the true one, and the NIK stays
/// valid. Prints as `REDACTED`, being a part of a NIK.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BirthDate {
    day: u8,
    month: u8,
    year: u8,
}

impl BirthDate {
    /// `None` when the date is in neither century.
    fn new(day: u8, month: u8, year: u8) -> Option<Self> {
        let date = Self { day, month, year };
        date.years().next().is_some().then_some(date)
    }

    /// Day of the month, 1 to 31.
    pub fn day(self) -> u8 {
        self.day
    }

    /// Month, 1 to 12.
    pub fn month(self) -> u8 {
        self.month
    }

    /// The years that may be meant, one or two, ascending: `19yy` and `20yy`, if the date exists in them.
    pub fn years(self) -> impl Iterator<Item = u16> {
        [1900, 2000]
            .map(|century| century + u16::from(self.year))
            .into_iter()
            .filter(move |&year| (1..=days_in(self.month.into(), year.into())).contains(&u32::from(self.day)))
    }
}

impl fmt::Debug for BirthDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BirthDate(REDACTED)")
    }
}

impl Nik {
    /// Place of first registration: digits 1 to 6.
    pub fn district(&self) -> District {
        District::new(self.number(0, 6))
    }

    /// Sex: `None` when digits 7 and 8 are the day of neither.
    pub fn sex(&self) -> Option<Sex> {
        match self.two_digits(6) {
            1..=31 => Some(Sex::Male),
            41..=71 => Some(Sex::Female),
            _ => None,
        }
    }

    /// Birth date: digits 7 to 12, `None` when they are no date. No clock is asked: a date to come is a date.
    pub fn birth_date(&self) -> Option<BirthDate> {
        let day = match self.sex()? {
            Sex::Female => self.two_digits(6) - FEMALE_DAYS,
            Sex::Male => self.two_digits(6),
        };
        BirthDate::new(day, self.two_digits(8), self.two_digits(10))
    }

    /// What is odd about this NIK.
    pub fn warnings(&self) -> NikWarnings {
        let region = matches!(self.district().standing(), DistrictStanding::Former | DistrictStanding::Unknown);
        let repeated = self.0.iter().all(|digit| *digit == self.0[0]);
        let found = [
            (NikWarning::Date, self.birth_date().is_none()),
            (NikWarning::Region, region),
            (NikWarning::Serial, self.number(12, 4) == 0),
            (NikWarning::Repeated, repeated),
        ];
        NikWarnings(found.into_iter().filter(|(_, is)| *is).fold(0, |bits, (warning, _)| bits | warning.bit()))
    }

    fn two_digits(&self, start: usize) -> u8 {
        (self.0[start] - b'0') * 10 + (self.0[start + 1] - b'0')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nik(digits: &str) -> Nik {
        Nik::parse(digits).unwrap()
    }

    fn codes(digits: &str) -> Vec<&'static str> {
        nik(digits).warnings().iter().map(NikWarning::code).collect()
    }

    #[test]
    fn a_date_counts_if_either_century_has_it() {
        let years = |digits| nik(digits).birth_date().map(|date| date.years().collect::<Vec<_>>());
        assert_eq!(years("3171011708900001"), Some(vec![1990, 2090]));
        assert_eq!(years("3171012902040001"), Some(vec![1904, 2004]));
        // 1900 was no leap year, 2000 was one.
        assert_eq!(years("3171012902000001"), Some(vec![2000]));
        assert_eq!(years("3171012902010001"), None);
        assert_eq!(years("3171013006900001"), Some(vec![1990, 2090]));
        assert_eq!(years("3171013106900001"), None);
    }

    #[test]
    fn women_are_born_forty_days_later() {
        let woman = nik("3171015708900001");
        let date = woman.birth_date().unwrap();
        assert_eq!((woman.sex(), date.day(), date.month()), (Some(Sex::Female), 17, 8));
        assert_eq!(nik("3171017112900001").birth_date().unwrap().day(), 31);
        assert_eq!(nik("3171011708900001").sex(), Some(Sex::Male));
        for day in ["00", "32", "40", "72", "99"] {
            assert_eq!(nik(&format!("317101{day}08900001")).sex(), None);
        }
    }

    #[test]
    fn all_that_is_odd_is_told_in_order() {
        assert_eq!(codes("0000000000000000"), ["warn_date", "warn_region", "warn_serial", "warn_repeated"]);
        assert_eq!(codes("2222222222222222"), ["warn_date", "warn_region", "warn_repeated"]);
        // A district, a date and a serial that exist, and a placeholder all the same.
        assert_eq!(codes("1111111111111111"), ["warn_repeated"]);
        assert_eq!(codes("9999999999999999"), ["warn_date", "warn_repeated"]);
        assert_eq!(codes("9984011708900001"), [""; 0]);
    }

    #[test]
    fn codes_are_the_serialised_form() {
        for warning in NikWarning::ALL {
            assert_eq!(serde_json::to_value(warning).unwrap(), warning.code());
        }
        let warnings = nik("2222222222222222").warnings();
        assert_eq!(serde_json::to_string(&warnings).unwrap(), r#"["warn_date","warn_region","warn_repeated"]"#);
        assert_eq!(format!("{warnings:?}"), "{Date, Region, Repeated}");
    }

    #[test]
    fn a_birth_date_prints_nothing() {
        assert_eq!(format!("{:?}", nik("3171011708900001").birth_date().unwrap()), "BirthDate(REDACTED)");
    }
}
