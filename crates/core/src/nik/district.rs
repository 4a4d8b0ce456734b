//! The district of first registration, and which district codes there are.

use core::fmt;

/// District codes as runs of consecutive codes, known ones and of these the former ones: see [`runs`].
///
/// Written by `cargo run -p ceknik-core --example districts` from `data/district_codes.csv`: the 7,879 codes of the
/// Ministry of Home Affairs' editions of 2015 to 2025, current being those of Kepmendagri 300.2.2-2430/2025.
static TABLE: &[u8] = include_bytes!("../../data/districts.bin");

/// Province digits of a NIT, the number of a citizen registered abroad: 99, country (3), mission (1).
const ABROAD: u32 = 99;

/// Place of first registration, the first six digits of a NIK: province, regency or city, district, two digits each.
/// Never changed afterwards, wherever its owner moves. Prints as `REDACTED`, being a part of a NIK.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct District(u32);

/// What is known of a district code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DistrictStanding {
    /// A district of today.
    Current,
    /// A code in use between 2015 and today, and no more. Its NIKs stay valid.
    Former,
    /// In no edition since 2015. Codes before that are in no public list, and their NIKs stay valid.
    Unknown,
    /// No district: a NIT, given by a mission abroad, equal to a NIK by law.
    Abroad,
}

impl District {
    /// `code` is under 1,000,000.
    pub(super) fn new(code: u32) -> Self {
        Self(code)
    }

    /// The six digits as a number, 0 to 999999. Whoever calls this answers for where they go.
    pub fn expose_code(self) -> u32 {
        self.0
    }

    /// What is known of this code. Reads an embedded table of 2 KB from its start, some microseconds.
    pub fn standing(self) -> DistrictStanding {
        let (known, former) = layers();
        if self.0 / 10_000 == ABROAD {
            DistrictStanding::Abroad
        } else if !contains(known, self.0) {
            DistrictStanding::Unknown
        } else if contains(former, self.0) {
            DistrictStanding::Former
        } else {
            DistrictStanding::Current
        }
    }

    /// The districts of today, ascending.
    pub fn current() -> impl Iterator<Item = Self> {
        let (known, former) = layers();
        let mut former = runs(former).flatten().peekable();
        runs(known).flatten().filter(move |code| former.next_if_eq(code).is_none()).map(Self)
    }
}

impl fmt::Debug for District {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("District(REDACTED)")
    }
}

fn contains(layer: &[u8], code: u32) -> bool {
    runs(layer).take_while(|run| run.start <= code).any(|run| run.contains(&code))
}

/// The runs of the known codes and those of the former ones. The table opens with the length in bytes of the first.
fn layers() -> (&'static [u8], &'static [u8]) {
    let mut rest = TABLE;
    let known = varint(&mut rest).unwrap_or(0) as usize;
    rest.split_at_checked(known).unwrap_or((rest, &[]))
}

/// The runs of a layer, ascending: of each, the gap from the end of the one before (from 0 at first) and the number of
/// codes, both LEB128.
fn runs(mut layer: &[u8]) -> impl Iterator<Item = core::ops::Range<u32>> {
    let mut end = 0;
    core::iter::from_fn(move || {
        let start = end + varint(&mut layer)?;
        end = start + varint(&mut layer)?;
        Some(start..end)
    })
}

fn varint(bytes: &mut &[u8]) -> Option<u32> {
    let mut value = 0;
    for shift in [0, 7, 14, 21] {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u32::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests;
