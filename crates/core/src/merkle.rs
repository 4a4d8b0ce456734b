//! The SHA-256 tree of RFC 6962, section 2.1: `SHA-256(0x00 || leaf)`, `SHA-256(0x01 || left || right)`.

use sha2::{Digest, Sha256};

/// A hash of the tree.
pub type NodeHash = [u8; 32];

/// The hash of a leaf.
pub fn leaf_hash(data: &[u8]) -> NodeHash {
    Sha256::new_with_prefix([0]).chain_update(data).finalize().into()
}

/// The hash of an inner node.
pub fn node_hash(left: &NodeHash, right: &NodeHash) -> NodeHash {
    Sha256::new_with_prefix([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root over leaf hashes in order; of none, the hash of nothing. Memory: the logarithm of the leaves.
pub fn root(leaves: impl IntoIterator<Item = NodeHash>) -> NodeHash {
    let mut tree = GrowingTree::default();
    leaves.into_iter().for_each(|leaf| tree.push(leaf));
    tree.root()
}

/// The root over hashes that stand one after another; bytes that are left over are passed over.
pub(crate) fn root_of_hashes(hashes: &[u8]) -> NodeHash {
    let mut tree = GrowingTree::default();
    for chunk in hashes.chunks_exact(32) {
        let mut hash = [0; 32];
        hash.copy_from_slice(chunk);
        tree.push(hash);
    }
    tree.root()
}

/// A tree while leaves are added.
#[derive(Default)]
struct GrowingTree {
    leaves: usize,
    /// One complete subtree for each set bit of the number of leaves so far, largest first.
    subtrees: Vec<NodeHash>,
}

impl GrowingTree {
    fn push(&mut self, leaf: NodeHash) {
        let mut hash = leaf;
        for _ in 0..self.leaves.trailing_ones() {
            if let Some(left) = self.subtrees.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.subtrees.push(hash);
        self.leaves += 1;
    }

    fn root(mut self) -> NodeHash {
        let Some(mut root) = self.subtrees.pop() else { return Sha256::digest([]).into() };
        while let Some(left) = self.subtrees.pop() {
            root = node_hash(&left, &root);
        }
        root
    }
}

/// The path of a leaf, its sibling first. None when there is no such leaf. Recomputes the tree: for one path.
pub fn path(leaves: &[NodeHash], index: usize) -> Option<Vec<NodeHash>> {
    if index >= leaves.len() {
        return None;
    }
    if leaves.len() == 1 {
        return Some(Vec::new());
    }
    let split = largest_power_of_two_below(leaves.len() as u64) as usize;
    let (left, right) = leaves.split_at(split);
    let (mut path, sibling) = if index < split {
        (path(left, index)?, root(right.iter().copied()))
    } else {
        (path(right, index - split)?, root(left.iter().copied()))
    };
    path.push(sibling);
    Some(path)
}

/// The largest power of two under `n`, which is at least 2.
pub(crate) fn largest_power_of_two_below(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

/// The root that a leaf and its path give, in a tree of `leaves`. None when the path's length does not fit.
pub fn root_from_path(leaf: NodeHash, index: u64, leaves: u64, path: &[NodeHash]) -> Option<NodeHash> {
    if index >= leaves {
        return None;
    }
    // RFC 9162, section 2.1.3.2.
    let (mut node, mut last, mut hash) = (index, leaves - 1, leaf);
    for sibling in path {
        if last == 0 {
            return None;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

/// A perfect tree with all its nodes: every path is read off. Memory: 64 bytes a leaf.
#[derive(Debug)]
pub struct PerfectTree {
    /// Leaves first, the root alone last.
    levels: Vec<Vec<NodeHash>>,
}

impl PerfectTree {
    /// A tree over a power of two of leaf hashes. None for any other number.
    pub fn new(leaves: Vec<NodeHash>) -> Option<Self> {
        if !leaves.len().is_power_of_two() {
            return None;
        }
        let mut levels = vec![leaves];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let next = level.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
            levels.push(next);
        }
        Some(Self { levels })
    }

    /// The root.
    pub fn root(&self) -> NodeHash {
        self.levels[self.levels.len() - 1][0]
    }

    /// The path of a leaf, its sibling first; as many hashes as the tree has levels above the leaves.
    pub fn path(&self, index: usize) -> Option<Vec<NodeHash>> {
        if index >= self.levels[0].len() {
            return None;
        }
        let below_root = &self.levels[..self.levels.len() - 1];
        Some(below_root.iter().enumerate().map(|(height, level)| level[(index >> height) ^ 1]).collect())
    }
}

#[cfg(test)]
mod tests;
