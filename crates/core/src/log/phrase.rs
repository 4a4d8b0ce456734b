//! A checkpoint as a short phrase that two people read to each other (spec, "Comparing checkpoints").

use core::fmt;

use argon2::{Algorithm, Argon2, Params, Version};

use super::checkpoint::{SignedCheckpoint, TreeHead};
use crate::label;
use crate::stretch::{StretchError, cost};

/// Groups of a phrase.
const GROUPS: usize = 6;
/// Bytes that each comes from: 40 bits, so that no group is likelier than another by more than 10^-7.
const GROUP_BYTES: usize = 5;

/// Six groups of five digits for a log's name, size and root: 99 bits.
///
/// Digits, since every language reads them aloud and nobody misspells them. Short, since people compare them; so what would find
/// two trees with one phrase is made slow: a publisher who wants to show two histories under one phrase needs some 2^50 guesses,
/// each an Argon2id of the default cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CheckpointPhrase([u32; GROUPS]);

impl CheckpointPhrase {
    /// The phrase of a tree of the log `origin`. Takes 19 MiB and some 20 ms.
    ///
    /// # Errors
    /// [`StretchError`], when the memory cannot be had.
    pub fn new(origin: &str, head: &TreeHead) -> Result<Self, StretchError> {
        let (memory_kib, passes) = (cost::DEFAULT_MEMORY_KIB, cost::DEFAULT_PASSES);
        let refused = |_| StretchError::Cost { memory_kib, passes, wants: "what Argon2 allows" };
        let params = Params::new(memory_kib, passes, 1, Some(GROUPS * GROUP_BYTES)).map_err(refused)?;
        let mut memory = Vec::new();
        memory.try_reserve_exact(params.block_count()).map_err(|_| StretchError::Memory { memory_kib })?;
        memory.resize(params.block_count(), argon2::Block::new());
        let mut out = [0; GROUPS * GROUP_BYTES];
        let text = SignedCheckpoint::text_for(origin, head);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(&text, label::PHRASE, &mut out, &mut memory)
            .map_err(refused)?;
        let mut groups = [0; GROUPS];
        for (group, bytes) in groups.iter_mut().zip(out.as_chunks::<GROUP_BYTES>().0) {
            let number = bytes.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte)) % 100_000;
            // Below 100,000.
            *group = u32::try_from(number).unwrap_or_default();
        }
        Ok(Self(groups))
    }
}

impl fmt::Display for CheckpointPhrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, group) in self.0.iter().enumerate() {
            write!(f, "{}{group:05}", if at == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_size_and_root_all_change_it() {
        let phrase = |origin: &str, size, byte| {
            CheckpointPhrase::new(origin, &TreeHead { size, root: [byte; 32] }).unwrap().to_string()
        };
        let phrases = [phrase("a", 1, 1), phrase("b", 1, 1), phrase("a", 2, 1), phrase("a", 1, 2), phrase("a", 11, 1)];
        for (at, one) in phrases.iter().enumerate() {
            assert_eq!(one.split(' ').map(str::len).collect::<Vec<_>>(), [5; 6], "{one}");
            assert!(phrases[at + 1..].iter().all(|other| other != one));
        }
        assert_eq!(phrases[0], phrase("a", 1, 1));
    }
}
