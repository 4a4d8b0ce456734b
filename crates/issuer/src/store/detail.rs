//! What the store knows of a record beside its sealed form, under the store key.
//!
//! ```text
//! detail  = count (u8) || (candidate (u16 BE) || import (u64 BE)) × count || variant × (2^count - 2)
//! variant = the sealed record with the supports whose bits are set in its number, which counts from 1
//! ```
//!
//! Variants are there for records with several supports, because nobody can open or seal a record without the NIK: when a
//! snapshot takes one candidate's support away from somebody who is not in its file, the record that remains must be at
//! hand. Bit i of a variant's number stands for support i, in the record's order.

use ceknik_core::record::MOST_SUPPORTS;
use zeroize::Zeroizing;

use super::StoreError;

const SEEN_BYTES: usize = 10;

/// Where a support was last seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The candidate's number in the store.
    pub(crate) candidate: u16,
    /// The import that had it last.
    pub(crate) import: u64,
}

/// Supports of a record in its order, and what remains of it when some of them go.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Detail {
    pub(crate) supports: Vec<Seen>,
    /// Number m at index m - 1.
    pub(crate) variants: Vec<Vec<u8>>,
}

/// What taking supports away leaves.
#[derive(PartialEq, Eq)]
pub(crate) enum Remainder {
    /// None was taken away.
    Unchanged,
    /// The record with fewer supports.
    Record { sealed: Vec<u8>, detail: Detail },
    /// None is left.
    Nothing,
}

/// Numbers of the variants of a record with so many supports: every choice of some but not all of them.
pub(crate) fn variant_numbers(supports: usize) -> std::ops::Range<u32> {
    1..(1 << supports.min(MOST_SUPPORTS)) - 1
}

/// Whether a variant has the support at this place.
pub(crate) fn variant_has(number: u32, place: usize) -> bool {
    number >> place & 1 == 1
}

impl Detail {
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let variants = self.variants.first().map_or(0, Vec::len) * self.variants.len();
        let mut out = Zeroizing::new(Vec::with_capacity(1 + SEEN_BYTES * self.supports.len() + variants));
        out.push(u8::try_from(self.supports.len()).unwrap_or(u8::MAX));
        for seen in &self.supports {
            out.extend(seen.candidate.to_be_bytes());
            out.extend(seen.import.to_be_bytes());
        }
        self.variants.iter().for_each(|variant| out.extend(variant));
        out
    }

    /// Reads what [`Detail::encode`] wrote, with sealed records of `sealed_bytes`.
    pub(crate) fn decode(bytes: &[u8], sealed_bytes: usize) -> Result<Self, StoreError> {
        Self::parse(bytes, sealed_bytes).ok_or(StoreError::Damaged { what: "a record's detail is malformed" })
    }

    fn parse(bytes: &[u8], sealed_bytes: usize) -> Option<Self> {
        let (count, rest) = bytes.split_first()?;
        let count = usize::from(*count);
        if !(1..=MOST_SUPPORTS).contains(&count) {
            return None;
        }
        let (seen, variants) = rest.split_at_checked(SEEN_BYTES * count)?;
        if variants.len() != variant_numbers(count).len() * sealed_bytes {
            return None;
        }
        let (seen, _) = seen.as_chunks::<SEEN_BYTES>();
        let supports = seen
            .iter()
            .map(|[high, low, import @ ..]| Seen {
                candidate: u16::from_be_bytes([*high, *low]),
                import: u64::from_be_bytes(*import),
            })
            .collect();
        Some(Self { supports, variants: variants.chunks_exact(sealed_bytes.max(1)).map(<[u8]>::to_vec).collect() })
    }

    /// Takes supports away.
    pub(crate) fn without(&self, gone: impl Fn(&Seen) -> bool) -> Remainder {
        let stays: Vec<usize> = (0..self.supports.len()).filter(|place| !gone(&self.supports[*place])).collect();
        if stays.len() == self.supports.len() {
            return Remainder::Unchanged;
        }
        // A choice among those that stay, as a choice among all.
        let among_all = |number: u32| {
            stays.iter().enumerate().map(|(place, old)| (number >> place & 1) << old).fold(0, |all, bit| all | bit)
        };
        let variant = |number| self.variants.get(usize::try_from(among_all(number)).ok()?.checked_sub(1)?).cloned();
        let whole = (1 << stays.len()) - 1;
        match variant(whole) {
            None => Remainder::Nothing,
            Some(sealed) => Remainder::Record {
                sealed,
                detail: Self {
                    supports: stays.iter().map(|place| self.supports[*place]).collect(),
                    variants: variant_numbers(stays.len()).filter_map(variant).collect(),
                },
            },
        }
    }
}

/// What is written of a detail as it is read, with sealed records of `sealed_bytes`; none where it is refused. For the fuzz
/// target.
#[doc(hidden)]
pub fn rewrite_detail(bytes: &[u8], sealed_bytes: usize) -> Option<Zeroizing<Vec<u8>>> {
    Detail::decode(bytes, sealed_bytes).ok().map(|detail| detail.encode())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record with these candidates, whose "sealed" variants spell out which they have.
    fn detail(candidates: &[u16]) -> Detail {
        let supports: Vec<_> = candidates.iter().map(|candidate| Seen { candidate: *candidate, import: 7 }).collect();
        let variants = variant_numbers(candidates.len()).map(|number| spelled(candidates, number)).collect();
        Detail { supports, variants }
    }

    fn spelled(candidates: &[u16], number: u32) -> Vec<u8> {
        let mut sealed = vec![0; 8];
        let chosen = candidates.iter().enumerate().filter(|(place, _)| variant_has(number, *place));
        chosen.for_each(|(_, candidate)| sealed[usize::from(*candidate)] = 1);
        sealed
    }

    #[test]
    fn encoding_is_exact() {
        for count in 1..=MOST_SUPPORTS as u16 {
            let detail = detail(&(0..count).collect::<Vec<_>>());
            assert_eq!(detail.variants.len(), (1 << count) - 2);
            let bytes = detail.encode();
            assert!(Detail::decode(&bytes, 8).unwrap() == detail);
            assert!(Detail::decode(&bytes[..bytes.len() - 1], 8).is_err());
            assert!(Detail::decode(&[&bytes[..], &[0]].concat(), 8).is_err());
        }
        assert!(Detail::decode(&[], 8).is_err());
        assert!(Detail::decode(&[0], 8).is_err());
        assert!(Detail::decode(&[9; 4096], 8).is_err());
    }

    #[test]
    fn what_remains_is_the_record_with_the_others() {
        let all: Vec<u16> = vec![0, 2, 3, 5, 7];
        for gone in 0u32..32 {
            let goes = |seen: &Seen| {
                let place = all.iter().position(|candidate| *candidate == seen.candidate).unwrap();
                variant_has(gone, place)
            };
            let stays: Vec<u16> = all
                .iter()
                .enumerate()
                .filter(|(place, _)| !variant_has(gone, *place))
                .map(|(_, candidate)| *candidate)
                .collect();
            match detail(&all).without(goes) {
                Remainder::Unchanged => assert_eq!(gone, 0),
                Remainder::Nothing => assert_eq!(gone, 31),
                Remainder::Record { sealed, detail: left } => {
                    assert_eq!(sealed, spelled(&stays, u32::MAX));
                    assert!(left == detail(&stays));
                }
            }
        }
    }
}
