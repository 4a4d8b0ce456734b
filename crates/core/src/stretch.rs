//! Stretch: the slow hash that makes every guess at a NIK cost an Argon2id (spec, step 2).

use argon2::{Algorithm, Argon2, Block, Params, Version};
use thiserror::Error;
use zeroize::Zeroize;

use crate::filter::FilterItem;
use crate::label;
use crate::nik::Nik;
use crate::oprf::OprfInput;
use crate::secret::{hkdf, secret_bytes};

/// The named set of Argon2id figures.
pub mod cost {
    /// Memory of a new generation unless set, in KiB (OWASP's first recommendation for Argon2id: 19 MiB, two passes).
    pub const DEFAULT_MEMORY_KIB: u32 = 19_456;
    /// Passes of a new generation unless set.
    pub const DEFAULT_PASSES: u32 = 2;
    /// Least memory of a stretch that is not marked weak, in KiB.
    pub const LEAST_MEMORY_KIB: u32 = 19_456;
    /// Least product of memory in KiB and passes of a stretch that is not marked weak.
    pub const LEAST_WORK: u64 = 2 * 19_456;
    /// Most memory that a client is asked for, in KiB: a quarter of a small phone.
    pub const MOST_MEMORY_KIB: u32 = 262_144;
    /// Most passes that a client is asked for.
    pub const MOST_PASSES: u32 = 16;
    /// Memory of a weak stretch, in KiB: the least that Argon2 allows with one lane. For tests and benchmarks.
    pub const WEAK_MEMORY_KIB: u32 = 8;
}

/// The cost of a stretch. Lanes are always one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StretchCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Whether the cost may lie under the least that protects anybody. Clients refuse a weak list unless told.
    pub weak: bool,
}

impl Default for StretchCost {
    fn default() -> Self {
        Self { memory_kib: cost::DEFAULT_MEMORY_KIB, passes: cost::DEFAULT_PASSES, weak: false }
    }
}

impl StretchCost {
    /// The cheapest stretch there is, marked weak: for tests and benchmarks, never for people.
    pub const WEAK: Self = Self { memory_kib: cost::WEAK_MEMORY_KIB, passes: 1, weak: true };

    /// Checks the bounds of [`cost`].
    ///
    /// # Errors
    /// [`StretchError::Cost`] when the cost is under the least and not marked weak, or over the most.
    pub fn check(self) -> Result<Self, StretchError> {
        let refuse = |wants| Err(StretchError::Cost { memory_kib: self.memory_kib, passes: self.passes, wants });
        if self.memory_kib > cost::MOST_MEMORY_KIB || self.passes > cost::MOST_PASSES {
            return refuse("at most 262144 KiB and 16 passes");
        }
        if self.memory_kib < cost::WEAK_MEMORY_KIB || self.passes == 0 {
            return refuse("at least 8 KiB and one pass");
        }
        let work = u64::from(self.memory_kib) * u64::from(self.passes);
        if !self.weak && (self.memory_kib < cost::LEAST_MEMORY_KIB || work < cost::LEAST_WORK) {
            return refuse("at least 19456 KiB, and memory times passes at least 38912, unless marked weak");
        }
        Ok(self)
    }
}

/// Why a stretch cannot be computed.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum StretchError {
    /// The cost is out of bounds.
    #[error("stretch of {memory_kib} KiB and {passes} passes is out of bounds: {wants}")]
    Cost {
        /// Memory asked for, in KiB.
        memory_kib: u32,
        /// Passes asked for.
        passes: u32,
        /// The bound.
        wants: &'static str,
    },
    /// The memory could not be had. The cost is never lowered: the result would be another value.
    #[error(
        "not enough memory for the stretch: {memory_kib} KiB are needed at once; close other programs and try again"
    )]
    Memory {
        /// Memory asked for, in KiB.
        memory_kib: u32,
    },
}

secret_bytes! {
    /// `h`, the stretched NIK: 32 bytes. As good as the NIK itself, for whoever can afford the guesses.
    Stretched, 32
}

impl Stretched {
    /// `f`, what the filter is asked for (spec, step 3).
    pub fn filter_item(&self) -> FilterItem {
        FilterItem::from_bytes(hkdf(&self.0, &[label::FILTER]))
    }

    /// The input of the blind evaluation (spec, step 4).
    pub fn oprf_input(&self) -> OprfInput {
        OprfInput::from_bytes(hkdf(&self.0, &[label::OPRF]))
    }
}

/// A stretch with its memory, which is allocated once and used for every NIK.
pub struct Stretcher {
    argon2: Argon2<'static>,
    salt: [u8; 32],
    memory: Vec<Block>,
}

impl Stretcher {
    /// Checks the cost and allocates its memory.
    ///
    /// # Errors
    /// [`StretchError::Cost`] out of bounds; [`StretchError::Memory`] when the allocation fails.
    pub fn new(cost: StretchCost, salt: [u8; 32]) -> Result<Self, StretchError> {
        let StretchCost { memory_kib, passes, .. } = cost.check()?;
        let params = Params::new(memory_kib, passes, 1, Some(32)).map_err(|_| StretchError::Cost {
            memory_kib,
            passes,
            wants: "what Argon2 allows",
        })?;
        let blocks = params.block_count();
        let mut memory = Vec::new();
        memory.try_reserve_exact(blocks).map_err(|_| StretchError::Memory { memory_kib })?;
        memory.resize(blocks, Block::new());
        Ok(Self { argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params), salt, memory })
    }

    /// `h = Argon2id(v = 0x13, P = the 16 digits, S = salt, m, t, p = 1, T = 32)`.
    ///
    /// # Errors
    /// None for a stretcher that [`Stretcher::new`] made; the primitive's refusal is passed on rather than believed away.
    pub fn stretch(&mut self, nik: &Nik) -> Result<Stretched, StretchError> {
        let mut out = Stretched([0; 32]);
        self.argon2
            .hash_password_into_with_memory(nik.expose_digits(), &self.salt, &mut out.0, &mut self.memory)
            .map_err(|_| StretchError::Cost {
                memory_kib: self.argon2.params().m_cost(),
                passes: self.argon2.params().t_cost(),
                wants: "what Argon2 allows",
            })?;
        Ok(out)
    }
}

impl Drop for Stretcher {
    fn drop(&mut self) {
        // Argon2's memory holds what the last NIK was mixed into.
        for block in &mut self.memory {
            block.zeroize();
        }
    }
}

#[cfg(test)]
mod tests;
