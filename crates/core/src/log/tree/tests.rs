use proptest::prelude::*;

use super::*;
use crate::log::fixture::{TestLog, leaf};
use crate::merkle::{leaf_hash, root_from_path};

/// Sizes at which tiles fill up, and some between.
const SIZES: [u64; 21] =
    [0, 1, 2, 3, 7, 8, 255, 256, 257, 258, 511, 512, 513, 775, 1024, 65_535, 65_536, 65_537, 65_800, 66_000, 131_073];

#[test]
fn edges_authenticate_and_prove_their_leaves() {
    let log = TestLog::new(131_073);
    for size in SIZES {
        let plan = TilePlan::edge(size);
        assert!(plan.tiles().iter().all(|tile| !tile.is_full()));
        let held = log.authentic(&plan, size);
        assert_eq!(held.head(), log.head(size));
        for index in [0, 1, 6, 254, 255, 256, 511, 774, 65_535, 65_536, 65_999, size.saturating_sub(1)] {
            let plan = TilePlan::edge(size).with_leaf(index);
            if index >= size {
                assert_eq!(plan, TilePlan::edge(size));
                assert_eq!(log.authentic(&plan, size).prove_leaf(index), Err(TileError::OutOfReach));
                continue;
            }
            assert!(plan.tiles().len() <= 6);
            let held = log.authentic(&plan, size);
            let proof = held.prove_leaf(index).unwrap();
            assert_eq!(held.leaf(index).unwrap(), leaf_hash(&leaf(index)));
            let root = root_from_path(leaf_hash(&leaf(index)), index, size, &proof);
            assert_eq!(root, Some(log.head(size).root), "leaf {index} of {size}");
        }
    }
}

#[test]
fn every_altered_tile_is_noticed() {
    // At 775 = 3 * 256 + 7 several subtrees of the right edge lie in one tile: the case in which a tile below must not
    // escape being compared with its parent.
    let log = TestLog::new(66_000);
    for (size, index) in [(775, 0), (775, 300), (775, 770), (66_000, 5), (66_000, 65_540), (513, 511), (257, 3)] {
        let plan = TilePlan::edge(size).with_leaf(index);
        let contents = log.contents(plan.tiles());
        for (at, &tile) in plan.tiles().iter().enumerate() {
            for byte in [0, contents[at].len() / 2, contents[at].len() - 1] {
                let mut altered = contents.clone();
                altered[at][byte] ^= 1;
                let expected = if tile.is_full() { TileError::Altered { tile } } else { TileError::Edge { size } };
                assert_eq!(plan.authenticate(&log.head(size), &altered), Err(expected), "{} of {size}", tile.path());
            }
        }
    }
}

#[test]
fn a_full_tile_serves_for_the_partial_one_it_grew_into() {
    let log = TestLog::new(1024);
    let (size, index) = (775, 300);
    let plan = TilePlan::edge(size).with_leaf(index);
    let contents: Vec<_> =
        plan.tiles().iter().map(|tile| log.tile(TileId::in_tree(tile.level(), tile.index(), 1024).unwrap())).collect();
    assert_eq!(contents[1].len(), 8192);
    plan.authenticate(&log.head(size), &contents).unwrap_err(); // the level 1 tile has width 4, not 3 and not 256
    let contents = [log.tile(plan.tiles()[0]), contents[1].clone(), contents[2].clone()];
    let held = plan.authenticate(&log.head(size), &contents).unwrap();
    assert_eq!(held, log.authentic(&plan, size));
}

#[test]
fn wrong_shapes_are_refused() {
    let log = TestLog::new(775);
    let plan = TilePlan::edge(775).with_leaf(0);
    let contents = log.contents(plan.tiles());
    let head = log.head(775);
    assert_eq!(plan.authenticate(&head, &contents[..2]), Err(TileError::Count { got: 2, want: 3 }));
    let mut short = contents.clone();
    short[1].pop();
    let error = plan.authenticate(&head, &short).unwrap_err();
    assert_eq!(error.to_string(), "tile/0/003.p/7 has 223 bytes instead of 224");
    assert_eq!(plan.authenticate(&log.head(774), &contents), Err(TileError::Edge { size: 774 }));
    let none: [&[u8]; 0] = [];
    let empty = TilePlan::edge(0);
    empty.authenticate(&log.head(0), &none).unwrap();
    let false_root = TreeHead { size: 0, root: [0; 32] };
    assert_eq!(empty.authenticate(&false_root, &none), Err(TileError::Edge { size: 0 }));
}

#[test]
fn appending_gives_the_tiles_of_the_definition() {
    let log = TestLog::new(66_000);
    for range in [0..600, 65_270..65_290, 65_530..65_545] {
        let mut held = log.authentic(&TilePlan::edge(range.start), range.start);
        for index in range {
            let appended = held.append(leaf_hash(&leaf(index))).unwrap();
            let size = index + 1;
            assert_eq!(appended.head, log.head(size));
            for (tile, bytes) in &appended.tiles {
                assert_eq!(bytes, &log.tile(*tile), "{} at {size}", tile.path());
            }
            // Whatever the new tree has at its edge and the old one had not is among them.
            let before = TilePlan::edge(index);
            let fresh = |tile: &&TileId| !before.tiles().contains(tile);
            for tile in TilePlan::edge(size).tiles().iter().filter(fresh) {
                assert!(appended.tiles.iter().any(|(t, _)| t == tile), "{} at {size}", tile.path());
            }
            let root = root_from_path(leaf_hash(&leaf(index)), index, size, &appended.proof);
            assert_eq!(root, Some(appended.head.root));
            held = log.authentic(&TilePlan::edge(size), size);
        }
    }
}

#[test]
fn sizes_at_the_limit_are_counted_without_overflow() {
    let plan = TilePlan::edge(MAX_TREE_SIZE)
        .with_leaf(MAX_TREE_SIZE - 1)
        .with_leaf(u64::MAX)
        .with_beginning(MAX_TREE_SIZE - 1);
    let contents: Vec<Vec<u8>> = plan.tiles().iter().map(|tile| vec![7; tile.bytes()]).collect();
    let head = TreeHead { size: MAX_TREE_SIZE, root: [7; 32] };
    assert_eq!(plan.authenticate(&head, &contents), Err(TileError::Edge { size: MAX_TREE_SIZE }));
    // A true one, all of whose subtrees are the same.
    let mut level = [0u8; 32];
    let mut tiles = Vec::new();
    for _ in 0..8 {
        tiles.push(level.repeat(256));
        level = tlog_tiles::Tile::subtree_hash(tiles.last().unwrap()).0;
    }
    let root = tlog_tiles::Tile::subtree_hash(&tiles[7][..64 * 32]).0;
    let head = TreeHead { size: MAX_TREE_SIZE, root };
    let contents: Vec<_> = plan.tiles().iter().map(|tile| &tiles[usize::from(tile.level())][..tile.bytes()]).collect();
    let held = plan.authenticate(&head, &contents).unwrap();
    let proof = held.prove_leaf(MAX_TREE_SIZE - 1).unwrap();
    assert_eq!(proof.len(), 62);
    assert_eq!(root_from_path([0; 32], MAX_TREE_SIZE - 1, MAX_TREE_SIZE, &proof), Some(root));
    assert_eq!(held.append([0; 32]), Err(TileError::Full));
    held.root_at(MAX_TREE_SIZE - 1).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn leaves_of_any_tree_are_proved(size in 1u64..1500, at: prop::sample::Index) {
        let index = at.index(usize::try_from(size).unwrap()) as u64;
        let log = TestLog::new(size);
        let held = log.authentic(&TilePlan::edge(size).with_leaf(index), size);
        let proof = held.prove_leaf(index).unwrap();
        prop_assert_eq!(root_from_path(leaf_hash(&leaf(index)), index, size, &proof), Some(log.head(size).root));
    }
}
