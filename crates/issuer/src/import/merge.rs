//! One row into one record.

use ceknik_core::manifest::Id;
use ceknik_core::record::{self, MOST_SUPPORTS, Record, RecordError, SealKey, Support};
use thiserror::Error;

use crate::store::{Detail, Seen, StoreError, variant_has, variant_numbers};

/// What a row did to the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// The support was not there.
    Added,
    /// Its status or date changed.
    Changed,
    /// It was there just so.
    Unchanged,
    /// An earlier row of the same import had it.
    Repeated {
        /// And said something else.
        differing: bool,
    },
}

/// Why a row that could be read is refused. Fixed codes; the message is its `Display`.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum Unfit {
    /// `record_too_long`.
    #[error(
        "the record needs {needs} bytes with this support, and the dataset's payload_bytes is {has}: `ceknik dataset \
         new-generation` begins one with larger records, into which the whole list is imported again"
    )]
    TooLong { needs: usize, has: u32 },
    /// `too_many_supports`.
    #[error(
        "this NIK supports {MOST_SUPPORTS} candidates already, and the format has no record for more: `ceknik withdraw \
         --candidate ID` takes one away"
    )]
    TooMany,
    /// `withdrawn`.
    #[error("the person was withdrawn, and --keep-withdrawn leaves it at that")]
    Withdrawn,
}

impl Unfit {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "record_too_long",
            Self::TooMany => "too_many_supports",
            Self::Withdrawn => WITHDRAWN,
        }
    }
}

/// Codes of the reasons for which a row that could be read is refused, beside
/// [`RowReason::CODES`](crate::RowReason::CODES).
pub const UNFIT_CODES: [&str; 3] = ["record_too_long", "too_many_supports", WITHDRAWN];

/// Code of a row whose person stays withdrawn. Nobody is missing in a snapshot for that.
pub(super) const WITHDRAWN: &str = "withdrawn";

/// A record to be stored.
pub(super) struct Merged {
    pub(super) sealed: Vec<u8>,
    pub(super) detail: Detail,
    pub(super) effect: Effect,
    /// The import that had the support last; none when it was not there.
    pub(super) last_seen: Option<u64>,
}

/// How records of a dataset are sealed.
pub(super) struct Sealing<'a> {
    pub(super) dataset: &'a Id,
    pub(super) payload_bytes: u32,
    pub(super) key: &'a SealKey,
}

impl Sealing<'_> {
    fn seal(&self, supports: Vec<Support>) -> Result<Vec<u8>, RecordError> {
        record::seal(self.key, self.dataset.as_str(), &Record { supports }, self.payload_bytes)
    }

    /// Puts a support into a record, or makes one of it. The later row wins.
    ///
    /// # Errors
    /// The outer one when the stored record does not open or is not sealed as it should be, the inner one when the row is
    /// to be refused.
    pub(super) fn merge(
        &self,
        stored: Option<(Vec<u8>, Detail)>,
        support: Support,
        seen: Seen,
    ) -> Result<Result<Merged, Unfit>, StoreError> {
        let (mut supports, mut seens, stored) = match stored {
            None => (vec![], vec![], None),
            Some((sealed, detail)) => {
                let opened = record::open(self.key, self.dataset.as_str(), &sealed);
                let record = opened.map_err(|_| StoreError::Damaged { what: "a record does not open" })?;
                if record.supports.len() != detail.supports.len() {
                    return Err(StoreError::Damaged { what: "a record and its detail disagree" });
                }
                (record.supports, detail.supports.clone(), Some((sealed, detail)))
            }
        };
        let mut last_seen = None;
        let effect = match supports.binary_search_by(|known| known.candidate.cmp(&support.candidate)) {
            Ok(place) => {
                last_seen = Some(seens[place].import);
                let differing = supports[place] != support;
                let repeated = seens[place].import == seen.import;
                supports[place] = support;
                seens[place] = seen;
                match (repeated, differing) {
                    (true, differing) => Effect::Repeated { differing },
                    (false, true) => Effect::Changed,
                    (false, false) => Effect::Unchanged,
                }
            }
            Err(_) if supports.len() >= MOST_SUPPORTS => return Ok(Err(Unfit::TooMany)),
            Err(place) => {
                supports.insert(place, support);
                seens.insert(place, seen);
                Effect::Added
            }
        };
        if let (Effect::Unchanged | Effect::Repeated { differing: false }, Some((sealed, detail))) = (effect, stored) {
            let detail = Detail { supports: seens, variants: detail.variants };
            return Ok(Ok(Merged { sealed, detail, effect, last_seen }));
        }
        match self.seal_all(supports, seens) {
            Ok((sealed, detail)) => Ok(Ok(Merged { sealed, detail, effect, last_seen })),
            Err(RecordError::TooLong { needs, payload_bytes: has }) => Ok(Err(Unfit::TooLong { needs, has })),
            Err(_) => Err(StoreError::Damaged { what: "a row that was read makes no record" }),
        }
    }

    fn seal_all(&self, supports: Vec<Support>, seens: Vec<Seen>) -> Result<(Vec<u8>, Detail), RecordError> {
        let variants = variant_numbers(supports.len())
            .map(|number| {
                let chosen = supports.iter().enumerate().filter(|(place, _)| variant_has(number, *place));
                self.seal(chosen.map(|(_, support)| support.clone()).collect())
            })
            .collect::<Result<_, _>>()?;
        Ok((self.seal(supports)?, Detail { supports: seens, variants }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Remainder;

    fn support(candidate: &str, status: &str) -> Support {
        Support { candidate: candidate.into(), status: status.into(), submitted: None }
    }

    fn seen(candidate: u16, import: u64) -> Seen {
        Seen { candidate, import }
    }

    fn with_sealing<T>(payload_bytes: u32, run: impl FnOnce(&Sealing<'_>) -> T) -> T {
        run(&Sealing { dataset: &Id::new("d").unwrap(), payload_bytes, key: &SealKey::from_bytes([1; 32]) })
    }

    fn opened(sealing: &Sealing<'_>, sealed: &[u8]) -> Vec<(String, String)> {
        let record = record::open(sealing.key, "d", sealed).unwrap();
        record.supports.into_iter().map(|support| (support.candidate, support.status)).collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(candidate, status)| ((*candidate).into(), (*status).into())).collect()
    }

    #[test]
    fn the_later_row_wins_and_candidates_stand_in_order() {
        with_sealing(256, |sealing| {
            let merge = |stored, support, seen| sealing.merge(stored, support, seen).unwrap().unwrap();
            let first = merge(None, support("b", "ms"), seen(1, 1));
            assert_eq!(first.effect, Effect::Added);
            let second = merge(Some((first.sealed, first.detail)), support("a", "ms"), seen(0, 1));
            assert_eq!(second.effect, Effect::Added);
            assert_eq!(second.detail.supports, [seen(0, 1), seen(1, 1)]);
            let repeated = merge(Some((second.sealed, second.detail)), support("b", "ms"), seen(1, 1));
            assert_eq!(repeated.effect, Effect::Repeated { differing: false });
            let differing = merge(Some((repeated.sealed, repeated.detail)), support("b", "tms"), seen(1, 1));
            assert_eq!(differing.effect, Effect::Repeated { differing: true });
            assert_eq!(opened(sealing, &differing.sealed), pairs(&[("a", "ms"), ("b", "tms")]));
            // In a later import.
            let unchanged = merge(Some((differing.sealed, differing.detail)), support("b", "tms"), seen(1, 2));
            assert_eq!(unchanged.effect, Effect::Unchanged);
            assert_eq!(unchanged.detail.supports, [seen(0, 1), seen(1, 2)]);
            let changed = merge(Some((unchanged.sealed, unchanged.detail)), support("a", "tms"), seen(0, 2));
            assert_eq!(changed.effect, Effect::Changed);
            assert_eq!(opened(sealing, &changed.sealed), pairs(&[("a", "tms"), ("b", "tms")]));
        });
    }

    #[test]
    fn what_remains_without_a_candidate_is_at_hand_and_opens() {
        with_sealing(512, |sealing| {
            let mut stored = None;
            for (number, candidate) in ["a", "b", "c", "d"].into_iter().enumerate() {
                let merged = sealing.merge(stored, support(candidate, "ms"), seen(number as u16, 1)).unwrap().unwrap();
                stored = Some((merged.sealed, merged.detail));
            }
            let (_, detail) = stored.unwrap();
            let Remainder::Record { sealed, detail } = detail.without(|seen| seen.candidate == 1) else { panic!() };
            assert_eq!(opened(sealing, &sealed), pairs(&[("a", "ms"), ("c", "ms"), ("d", "ms")]));
            let Remainder::Record { sealed, detail } = detail.without(|seen| seen.candidate != 2) else { panic!() };
            assert_eq!(opened(sealing, &sealed), pairs(&[("c", "ms")]));
            assert!(detail.variants.is_empty());
            assert!(matches!(detail.without(|_| true), Remainder::Nothing));
        });
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        with_sealing(64, |sealing| {
            let first = sealing.merge(None, support("a", "ms"), seen(0, 1)).unwrap().unwrap();
            let unfit =
                sealing.merge(Some((first.sealed, first.detail)), support("b", "ms"), seen(1, 1)).unwrap().err();
            let unfit = unfit.unwrap();
            assert_eq!(unfit, Unfit::TooLong { needs: 112, has: 64 });
            assert_eq!(
                unfit.to_string(),
                "the record needs 112 bytes with this support, and the dataset's payload_bytes is 64: `ceknik dataset \
                 new-generation` begins one with larger records, into which the whole list is imported again"
            );
        });
        with_sealing(1024, |sealing| {
            let mut stored = None;
            for number in 0..8u16 {
                let merged =
                    sealing.merge(stored, support(&format!("c{number}"), "ms"), seen(number, 1)).unwrap().unwrap();
                stored = Some((merged.sealed, merged.detail));
            }
            let unfit = sealing.merge(stored, support("c8", "ms"), seen(8, 1)).unwrap().err().unwrap();
            assert_eq!(unfit, Unfit::TooMany);
            assert_eq!(
                unfit.to_string(),
                "this NIK supports 8 candidates already, and the format has no record for more: `ceknik withdraw --candidate \
                 ID` takes one away"
            );
        });
        let codes = [Unfit::TooLong { needs: 1, has: 1 }.code(), Unfit::TooMany.code(), Unfit::Withdrawn.code()];
        assert_eq!(codes, UNFIT_CODES);
    }

    #[test]
    fn a_record_that_does_not_open_is_told() {
        with_sealing(64, |sealing| {
            let first = sealing.merge(None, support("a", "ms"), seen(0, 1)).unwrap().unwrap();
            let other = Sealing { key: &SealKey::from_bytes([2; 32]), ..*sealing };
            let error = other.merge(Some((first.sealed, first.detail)), support("a", "ms"), seen(0, 2)).err().unwrap();
            assert_eq!(
                error.to_string(),
                "the record store is damaged (a record does not open): restore it from a copy, with the keys that belong to it"
            );
        });
    }
}
