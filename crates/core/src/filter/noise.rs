//! Noise: cells that are set although nobody's item falls there (spec, "Deniability").

use hkdf::Hkdf;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use sha2::Sha512;

use super::{Cell, FilterGeometry};
use crate::label;
use crate::secret::secret_bytes;

secret_bytes! {
    /// The store key, from which every generation's noise follows. Whoever has it can tell noise from members.
    NoiseKey, 32
}

/// The pseudorandom sequence of cells of one generation. Its first c distinct cells are the noise of an epoch, so the
/// noise of a later epoch contains that of an earlier one.
///
/// Key: `HKDF(store key, "ceknik/1/noise" || I2OSP(len(dataset), 2) || dataset || I2OSP(generation, 4) || filter seed, 32)`.
/// The sequence is ChaCha20's key stream (zero nonce, counter from 0) in words of 8 bytes, little-endian; a word at or over
/// the largest multiple of the number of cells is passed over, any other taken modulo the number of cells.
pub struct NoiseSequence {
    stream: ChaCha20Rng,
    cells: u64,
    /// Words from here on would favour low cells.
    limit: u64,
    drawn: Vec<u64>,
    distinct: u64,
}

impl NoiseSequence {
    /// The sequence of a generation. Memory: an eighth of a byte a cell.
    pub fn new(key: &NoiseKey, dataset: &str, generation: u32, geometry: &FilterGeometry) -> Self {
        let dataset_len = u16::try_from(dataset.len()).unwrap_or(u16::MAX).to_be_bytes();
        let mut seed = zeroize::Zeroizing::new([0u8; 32]);
        let expanded = Hkdf::<Sha512>::new(None, key.expose_bytes()).expand_multi_info(
            &[label::NOISE, &dataset_len, dataset.as_bytes(), &generation.to_be_bytes(), geometry.seed()],
            &mut *seed,
        );
        debug_assert!(expanded.is_ok(), "32 bytes are under HKDF's limit");
        let cells = geometry.cells();
        Self {
            stream: ChaCha20Rng::from_seed(*seed),
            cells,
            limit: u64::MAX - (u64::MAX % cells + 1) % cells,
            drawn: vec![0; usize::try_from(cells.div_ceil(64)).unwrap_or(usize::MAX)],
            distinct: 0,
        }
    }

    /// Distinct cells given so far.
    pub fn distinct(&self) -> u64 {
        self.distinct
    }
}

impl Iterator for NoiseSequence {
    type Item = Cell;

    /// The next cell not given before; none when every cell was given.
    fn next(&mut self) -> Option<Cell> {
        if self.distinct >= self.cells {
            return None;
        }
        loop {
            let word = self.stream.next_u64();
            if word > self.limit {
                continue;
            }
            let cell = word % self.cells;
            // The vector covers all cells, so the index is in range.
            let slot = &mut self.drawn[(cell / 64) as usize];
            let mask = 1 << (cell % 64);
            if *slot & mask == 0 {
                *slot |= mask;
                self.distinct += 1;
                return Some(Cell(cell));
            }
        }
    }
}
