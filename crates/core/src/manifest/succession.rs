//! What one epoch may change of another (spec, step 8 and "Deniability").

use thiserror::Error;

use super::Manifest;
use crate::deniability::{self, Promise};

/// Why a manifest cannot come after another.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum SuccessionError {
    /// Another list, or another log.
    #[error("{field} changed")]
    Identity {
        /// `dataset` or `log`.
        field: &'static str,
    },
    /// Not the epoch after.
    #[error("epoch {got} does not follow epoch {before}")]
    Epoch {
        /// Of the earlier manifest.
        before: u64,
        /// Of the later one.
        got: u64,
    },
    /// `previous` is not the earlier manifest's hash.
    #[error("`previous` is not the SHA-256 of epoch {before}'s manifest")]
    Previous {
        /// Of the earlier manifest.
        before: u64,
    },
    /// `published_at` does not grow.
    #[error("published_at does not lie after that of epoch {before}")]
    Time {
        /// Of the earlier manifest.
        before: u64,
    },
    /// The key changed without having been announced, or at another epoch than announced.
    #[error("the key of the evaluation changed unannounced")]
    Key,
    /// An announced change of key did not happen or was altered.
    #[error("the announced key did not come")]
    Announced,
    /// Something that is fixed within a generation changed.
    #[error("{field} changed within a generation")]
    Generation {
        /// Which.
        field: &'static str,
    },
    /// The generation number does not go up. It may skip: one may have been begun and given up.
    #[error("generation {got} does not follow generation {before}")]
    GenerationNumber {
        /// Of the earlier manifest.
        before: u32,
        /// Of the later one.
        got: u32,
    },
    /// A new generation uses something of the old one again.
    #[error("a new generation uses the old one's {field} again")]
    Reuse {
        /// Which.
        field: &'static str,
    },
    /// Members or noise shrank, or noise did not grow as the rule says.
    #[error("filter.{field} does not follow from the epoch before")]
    Noise {
        /// `members` or `noise`.
        field: &'static str,
    },
    /// The disclosed factor of the epoch is not what the two manifests give.
    #[error("disclosure.epoch_odds_factor does not follow from the epoch before")]
    EpochFactor,
}

/// How the generations of two epochs are related.
enum Generation {
    Same,
    New,
}

impl Manifest {
    /// Checks that this manifest may come right after `before`, whose exact bytes hash to `before_sha256`.
    ///
    /// # Errors
    /// [`SuccessionError`]: the first rule that is broken.
    pub fn check_follows(&self, before: &Self, before_sha256: &[u8; 32]) -> Result<(), SuccessionError> {
        self.check_order(before, before.epoch.checked_add(1) == Some(self.epoch))?;
        if self.previous.as_ref() != Some(before_sha256) {
            return Err(SuccessionError::Previous { before: before.epoch });
        }
        self.check_key(before)?;
        match self.check_generation(before)? {
            Generation::Same => self.check_noise(before),
            Generation::New => self.check_first_of_generation(),
        }
    }

    /// Checks what holds between any two epochs, however many lie between them: same list and log, a later epoch, a later
    /// time, an announced key that came or still stands, and what a generation fixes, by which it is known again, or else
    /// nothing of the old one. A reader that saw `before` believes nothing that fails this.
    ///
    /// # Errors
    /// [`SuccessionError`]: the first rule that is broken.
    pub fn check_later(&self, before: &Self) -> Result<(), SuccessionError> {
        self.check_order(before, self.epoch > before.epoch)?;
        self.check_later_key(before)?;
        self.check_generation(before).map(|_| ())
    }

    fn check_order(&self, before: &Self, epoch_is_right: bool) -> Result<(), SuccessionError> {
        if self.dataset != before.dataset {
            return Err(SuccessionError::Identity { field: "dataset" });
        }
        if self.log != before.log {
            return Err(SuccessionError::Identity { field: "log" });
        }
        if !epoch_is_right {
            return Err(SuccessionError::Epoch { before: before.epoch, got: self.epoch });
        }
        if self.published_at <= before.published_at {
            return Err(SuccessionError::Time { before: before.epoch });
        }
        Ok(())
    }

    fn check_key(&self, before: &Self) -> Result<(), SuccessionError> {
        let announced = before.oprf.next.as_ref();
        match announced.filter(|next| next.from_epoch == self.epoch) {
            Some(next) if next.public_key == self.oprf.public_key => Ok(()),
            Some(_) => Err(SuccessionError::Announced),
            None if self.oprf.public_key != before.oprf.public_key => Err(SuccessionError::Key),
            None if announced.is_some() && announced != self.oprf.next.as_ref() => Err(SuccessionError::Announced),
            None => Ok(()),
        }
    }

    /// What is known of the key when epochs lie between. Without an announcement it may have been announced in one of those.
    fn check_later_key(&self, before: &Self) -> Result<(), SuccessionError> {
        let Some(next) = &before.oprf.next else { return Ok(()) };
        if self.epoch <= next.from_epoch {
            return self.check_key(before);
        }
        // It came, and no key comes back.
        if self.oprf.public_key == before.oprf.public_key { Err(SuccessionError::Announced) } else { Ok(()) }
    }

    /// Whether both are of one generation, whose rules they then keep; those of another have nothing in common.
    fn check_generation(&self, before: &Self) -> Result<Generation, SuccessionError> {
        let same_key = self.oprf.public_key == before.oprf.public_key;
        let fixed = |holds: bool, field| if holds { Ok(()) } else { Err(SuccessionError::Generation { field }) };
        match (&before.filter, &self.filter) {
            (Some(old), Some(new)) if old.generation == new.generation => {
                fixed(self.stretch == before.stretch, "stretch")?;
                fixed(same_key, "oprf.public_key")?;
                fixed(new.geometry == old.geometry, "filter")?;
                fixed(self.population == before.population, "population")?;
                let (disclosure, disclosed) = (&self.disclosure, &before.disclosure);
                fixed(disclosure.posterior_percent == disclosed.posterior_percent, "disclosure.posterior_percent")?;
                fixed(disclosure.cover_percent == disclosed.cover_percent, "disclosure.cover_percent")?;
                let grows = |grows: bool, field| if grows { Ok(()) } else { Err(SuccessionError::Noise { field }) };
                grows(new.members >= old.members, "members")?;
                grows(new.noise >= old.noise, "noise")?;
                Ok(Generation::Same)
            }
            (None, None) if self.stretch == before.stretch => {
                fixed(same_key, "oprf.public_key")?;
                fixed(self.population == before.population, "population")?;
                Ok(Generation::Same)
            }
            (old, new) => {
                let reused = |reuses: bool, field| if reuses { Err(SuccessionError::Reuse { field }) } else { Ok(()) };
                reused(self.stretch.salt == before.stretch.salt, "stretch.salt")?;
                reused(same_key, "oprf.public_key")?;
                if let (Some(old), Some(new)) = (old, new) {
                    reused(new.geometry.seed() == old.geometry.seed(), "filter.seed")?;
                    if new.generation < old.generation {
                        return Err(SuccessionError::GenerationNumber { before: old.generation, got: new.generation });
                    }
                }
                Ok(Generation::New)
            }
        }
    }

    /// What holds of the first epoch of a generation.
    fn check_first_of_generation(&self) -> Result<(), SuccessionError> {
        let factor_of_all = self.disclosure.odds_factor;
        if self.disclosure.epoch_odds_factor == factor_of_all { Ok(()) } else { Err(SuccessionError::EpochFactor) }
    }

    /// What holds of noise from one epoch of a generation to the next. Without a filter there is none.
    fn check_noise(&self, before: &Self) -> Result<(), SuccessionError> {
        let (Some(old), Some(new)) = (&before.filter, &self.filter) else { return Ok(()) };
        let cells = new.geometry.cells();
        let percent = self.disclosure.posterior_percent.unwrap_or(0);
        let added = Promise::new(self.population, percent, cells)
            .and_then(|promise| promise.added_noise(old.members, new.members))
            .map_err(|_| SuccessionError::Noise { field: "noise" })?;
        if old.noise.checked_add(added) != Some(new.noise) {
            return Err(SuccessionError::Noise { field: "noise" });
        }
        if self.disclosure.epoch_odds_factor != deniability::epoch_odds_factor(cells, old.noise, added) {
            return Err(SuccessionError::EpochFactor);
        }
        Ok(())
    }
}
