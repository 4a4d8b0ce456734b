//! Does a newer checkpoint extend an older one?

use tlog_tiles::{Hash, check_tree};

use super::MAX_TREE_SIZE;
use super::checkpoint::{TreeHead, VerifiedCheckpoint};
use super::tile::TileId;
use super::tree::{TileError, TilePlan};
use crate::encoding::escaped;
use crate::merkle::NodeHash;

#[cfg(test)]
mod tests;

/// Why a newer checkpoint is not known to extend an older one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsistencyError {
    /// Checkpoints of two logs.
    #[error("the checkpoints are of two logs, \"{}\" and \"{}\"", escaped(old.as_bytes()), escaped(new.as_bytes()))]
    Origin {
        /// The older one's origin.
        old: String,
        /// The newer one's origin.
        new: String,
    },
    /// The newer one is smaller: an old state of the log is shown.
    #[error("the log was rolled back: it had {old} entries, and the new checkpoint has {new}")]
    RolledBack {
        /// The older one's size.
        old: u64,
        /// The newer one's size.
        new: u64,
    },
    /// Same size, different root: the log showed two histories. Both checkpoints together prove it.
    #[error("the log was forked: two checkpoints of size {size} have different roots")]
    Forked {
        /// The size of both.
        size: u64,
    },
    /// The newer tree does not begin with the older one: the log rewrote its history. Both checkpoints together
    /// prove it.
    #[error("the log rewrote its history: the tree of size {new} does not begin with the tree of size {old}")]
    Rewritten {
        /// The older one's size.
        old: u64,
        /// The newer one's size.
        new: u64,
    },
    /// Tiles that do not belong to the newer checkpoint. This says nothing about the log, but about who served them:
    /// fetch them anew or elsewhere.
    #[error("the log's tiles are not those of its checkpoint: {0}")]
    Tiles(#[from] TileError),
}

/// Most hashes of a consistency proof (tlog-witness, "add-checkpoint").
pub const MAX_CONSISTENCY_HASHES: usize = 63;

/// Whether `proof` shows that the tree `new` begins with the tree `old` (RFC 6962, section 2.1.2): what a witness is sent. It
/// must be empty when `old` is, or when both are of one size; then the roots must be the same. That it does not show it says
/// nothing about the trees: the proof may be of others.
pub fn proves_beginning(proof: &[NodeHash], old: &TreeHead, new: &TreeHead) -> bool {
    if old.size == 0 {
        return proof.is_empty();
    }
    let plausible = old.size <= new.size && new.size <= MAX_TREE_SIZE && proof.len() <= MAX_CONSISTENCY_HASHES;
    let proof = proof.iter().copied().map(Hash).collect();
    plausible && check_tree(&proof, new.size, Hash(new.root), old.size, Hash(old.root)).is_ok()
}

/// A check that one checkpoint extends another, from tiles of the newer one.
///
/// ```text
/// let check = ConsistencyCheck::new(&old, &new)?;     sizes and roots settle some cases at once
/// fetch PREFIX/PATH for each path in check.tiles()    some 8 KiB each, at most 16; none if the trees are the same
/// check.verify(&contents)?;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsistencyCheck {
    old: TreeHead,
    new: TreeHead,
    plan: Option<TilePlan>,
}

impl ConsistencyCheck {
    /// Compares sizes and roots, and plans which tiles decide the rest.
    ///
    /// # Errors
    /// [`ConsistencyError`], all but `Rewritten` and `Tiles`.
    pub fn new(old: &VerifiedCheckpoint, new: &VerifiedCheckpoint) -> Result<Self, ConsistencyError> {
        if old.origin() != new.origin() {
            let (old, new) = (old.origin().to_owned(), new.origin().to_owned());
            return Err(ConsistencyError::Origin { old, new });
        }
        Self::between(old.head(), new.head())
    }

    fn between(old: TreeHead, new: TreeHead) -> Result<Self, ConsistencyError> {
        if new.size < old.size {
            return Err(ConsistencyError::RolledBack { old: old.size, new: new.size });
        }
        if new.size == old.size && new.root != old.root {
            return Err(ConsistencyError::Forked { size: old.size });
        }
        // Every tree begins with the empty one, whose root was checked when the checkpoint was parsed.
        let plan = (old.size > 0 && old.size < new.size).then(|| TilePlan::edge(new.size).with_beginning(old.size));
        Ok(Self { old, new, plan })
    }

    /// The tiles to fetch, for [`ConsistencyCheck::verify`]. For a partial one that is gone,
    /// [`TileId::full_path`] serves as well.
    pub fn tiles(&self) -> &[TileId] {
        self.plan.as_ref().map_or(&[], TilePlan::tiles)
    }

    /// Decides, from the contents of [`ConsistencyCheck::tiles`] in that order.
    ///
    /// # Errors
    /// [`ConsistencyError::Tiles`] when they are not the newer tree's, which leaves the question open;
    /// [`ConsistencyError::Rewritten`] when they are, and the older tree is not in it.
    pub fn verify<B: AsRef<[u8]>>(&self, tiles: &[B]) -> Result<(), ConsistencyError> {
        let Some(plan) = &self.plan else {
            let none = tiles.is_empty().then_some(());
            return none.ok_or(TileError::Count { got: tiles.len(), want: 0 }.into());
        };
        let authentic = plan.authenticate(&self.new, tiles)?;
        if authentic.root_at(self.old.size)? != self.old.root {
            return Err(ConsistencyError::Rewritten { old: self.old.size, new: self.new.size });
        }
        Ok(())
    }
}
