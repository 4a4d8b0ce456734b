use proptest::prelude::*;

use super::*;

fn leaves(n: usize) -> Vec<NodeHash> {
    (0..n).map(|i| leaf_hash(&(i as u32).to_be_bytes())).collect()
}

/// RFC 6962, section 2.1, as it is written there.
fn definition(leaves: &[NodeHash]) -> NodeHash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => *leaf,
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            node_hash(&definition(&leaves[..split]), &definition(&leaves[split..]))
        }
    }
}

#[test]
fn roots_are_the_definitions_and_another_implementations() {
    for n in 0..130 {
        let leaves = leaves(n);
        assert_eq!(root(leaves.iter().copied()), definition(&leaves), "{n}");
    }
    assert_eq!(leaf_hash(b"x"), tlog_tiles::record_hash(b"x").0);
    let (left, right) = (leaf_hash(b"l"), leaf_hash(b"r"));
    assert_eq!(node_hash(&left, &right), tlog_tiles::node_hash(tlog_tiles::Hash(left), tlog_tiles::Hash(right)).0);
}

#[test]
fn every_path_of_every_small_tree() {
    for n in 1..40usize {
        let leaves = leaves(n);
        let root = definition(&leaves);
        for i in 0..n {
            let path = path(&leaves, i).unwrap();
            let given = |i: usize, n: usize, path: &[NodeHash]| root_from_path(leaves[i], i as u64, n as u64, path);
            assert_eq!(given(i, n, &path), Some(root));
            let mut longer = path.clone();
            longer.push([0; 32]);
            assert_eq!(given(i, n, &longer), None);
            if let Some((_, shorter)) = path.split_last() {
                assert_ne!(given(i, n, shorter), Some(root));
            }
            assert_eq!(root_from_path(leaves[i], n as u64, n as u64, &path), None);
        }
        assert_eq!(path(&leaves, n), None);
    }
}

#[test]
fn a_perfect_tree_agrees() {
    for bits in 0..8 {
        let leaves = leaves(1 << bits);
        let tree = PerfectTree::new(leaves.clone()).unwrap();
        assert_eq!(tree.root(), definition(&leaves));
        for i in 0..leaves.len() {
            assert_eq!(tree.path(i), path(&leaves, i));
        }
        assert_eq!(tree.path(leaves.len()), None);
    }
    assert!(PerfectTree::new(leaves(3)).is_none() && PerfectTree::new(vec![]).is_none());
}

proptest! {
    #[test]
    fn an_altered_path_leads_elsewhere(n in 2usize..200, at: prop::sample::Index, level: prop::sample::Index, bit in 0usize..256) {
        let leaves = leaves(n);
        let i = at.index(n);
        let mut altered = path(&leaves, i).unwrap();
        let level = level.index(altered.len());
        altered[level][bit / 8] ^= 1 << (bit % 8);
        prop_assert_ne!(root_from_path(leaves[i], i as u64, n as u64, &altered), Some(definition(&leaves)));
    }
}
