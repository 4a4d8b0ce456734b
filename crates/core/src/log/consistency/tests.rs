use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::log::fixture::{TestLog, leaf, signer};
use crate::log::{LogSigner, Policy, SignedCheckpoint};
use crate::merkle::leaf_hash;

fn check(log: &TestLog, old: u64, new: u64) -> Result<(), ConsistencyError> {
    let check = ConsistencyCheck::new(&log.checkpoint(old), &log.checkpoint(new))?;
    check.verify(&log.contents(check.tiles()))
}

#[test]
fn later_checkpoints_extend_earlier_ones() {
    let log = TestLog::new(66_000);
    for new in [1, 2, 255, 256, 257, 600, 65_535, 65_536, 65_537, 66_000] {
        for old in [0, 1, 2, 3, 254, 255, 256, 257, 511, 512, 599, 600, 65_534, 65_535, 65_536, 65_537, 66_000] {
            match check(&log, old, new) {
                Ok(()) => assert!(old <= new),
                Err(ConsistencyError::RolledBack { old: o, new: n }) => {
                    assert!(new < old);
                    assert_eq!((o, n), (old, new));
                }
                Err(error) => panic!("{old} to {new}: {error}"),
            }
        }
    }
}

/// From the tiles that are planned for it and no others.
fn proof(log: &TestLog, old: u64, new: u64) -> Vec<NodeHash> {
    log.authentic(&TilePlan::edge(new).with_beginning(old), new).prove_beginning(old).unwrap()
}

#[test]
fn proofs_are_made_and_verified() {
    let log = TestLog::new(66_000);
    let mut heads = BTreeMap::new();
    let mut head = |size| *heads.entry(size).or_insert_with(|| log.head(size));
    for new in [1, 2, 3, 255, 256, 257, 600, 65_535, 65_536, 65_537, 66_000] {
        for old in [0, 1, 2, 3, 254, 255, 256, 257, 511, 512, 599, 600, 65_534, 65_535, 65_536, 65_537, 66_000] {
            if old > new {
                assert!(!proves_beginning(&[], &head(old), &head(new)));
                continue;
            }
            let plan = TilePlan::edge(new).with_beginning(old);
            let held = plan.authenticate(&head(new), &log.contents(plan.tiles())).unwrap();
            let proof = held.prove_beginning(old).unwrap();
            assert!(proves_beginning(&proof, &head(old), &head(new)), "{old} to {new}");
            assert!(proof.len() <= MAX_CONSISTENCY_HASHES);
            // Nothing but that very proof.
            let longer = [&proof[..], &[[0; 32]]].concat();
            assert!(!proves_beginning(&longer, &head(old), &head(new)));
            for at in 0..proof.len() {
                let mut altered = proof.clone();
                altered[at][7] ^= 1;
                assert!(!proves_beginning(&altered, &head(old), &head(new)));
                altered.remove(at);
                assert!(!proves_beginning(&altered, &head(old), &head(new)));
            }
        }
    }
}

#[test]
fn no_proof_hides_a_rewritten_leaf() {
    let honest = TestLog::new(700);
    for (old, new, index) in [(5, 9, 0), (5, 9, 4), (256, 700, 100), (300, 700, 0), (300, 700, 299), (700, 700, 3)] {
        let liar = rewritten(700, index);
        for log in [&honest, &liar] {
            assert!(!proves_beginning(&proof(log, old, new), &honest.head(old), &liar.head(new)));
        }
    }
}

#[test]
fn few_tiles_are_asked_for() {
    let log = TestLog::new(66_000);
    let paths = |old, new| -> Vec<String> {
        let check = ConsistencyCheck::new(&log.checkpoint(old), &log.checkpoint(new)).unwrap();
        check.tiles().iter().map(|tile| tile.path()).collect()
    };
    assert_eq!(paths(5, 5), [""; 0]);
    assert_eq!(paths(0, 5), [""; 0]);
    assert_eq!(paths(3, 5), ["tile/0/000.p/5"]);
    assert_eq!(paths(3, 300), ["tile/1/000.p/1", "tile/0/001.p/44", "tile/0/000"]);
    assert_eq!(
        paths(700, 66_000),
        ["tile/2/000.p/1", "tile/1/001.p/1", "tile/0/257.p/208", "tile/1/000", "tile/0/002"]
    );
}

/// A log that differs from [`TestLog::new`] in one leaf.
fn rewritten(size: u64, index: u64) -> TestLog {
    let hash = |at| {
        if at == index { leaf_hash(b"rewritten") } else { leaf_hash(&leaf(at)) }
    };
    TestLog::with_leaves((0..size).map(hash).collect())
}

#[test]
fn a_rewritten_leaf_is_noticed() {
    let honest = TestLog::new(700);
    for (old, new, index) in [(5, 9, 0), (5, 9, 4), (256, 700, 100), (300, 700, 0), (300, 700, 299), (699, 700, 260)] {
        let liar = rewritten(700, index);
        let check = ConsistencyCheck::new(&honest.checkpoint(old), &liar.checkpoint(new)).unwrap();
        let error = check.verify(&liar.contents(check.tiles())).unwrap_err();
        assert_eq!(error, ConsistencyError::Rewritten { old, new });
        // With the honest log's tiles it would seem to extend; they are not those of the liar's root.
        let error = check.verify(&honest.contents(check.tiles())).unwrap_err();
        assert!(matches!(error, ConsistencyError::Tiles(_)), "{error}");
        // Neither does any mixture of both pass.
        for mixture in 0..1u32 << check.tiles().len() {
            let pick = |(at, &tile)| {
                if mixture >> at & 1 == 1 { honest.tile(tile) } else { liar.tile(tile) }
            };
            let contents: Vec<_> = check.tiles().iter().enumerate().map(pick).collect();
            check.verify(&contents).unwrap_err();
        }
    }
    // A leaf after the old size may be anything.
    let other = rewritten(700, 300);
    let check = ConsistencyCheck::new(&honest.checkpoint(300), &other.checkpoint(700)).unwrap();
    check.verify(&other.contents(check.tiles())).unwrap();
}

#[test]
fn forks_and_rollbacks_need_no_tiles() {
    let honest = TestLog::new(9);
    let liar = rewritten(9, 3);
    let new = |old: &TestLog, size, new: &TestLog, new_size| {
        ConsistencyCheck::new(&old.checkpoint(size), &new.checkpoint(new_size)).unwrap_err()
    };
    assert_eq!(new(&honest, 9, &liar, 9), ConsistencyError::Forked { size: 9 });
    assert_eq!(new(&honest, 9, &honest, 8), ConsistencyError::RolledBack { old: 9, new: 8 });
    assert_eq!(new(&honest, 9, &honest, 0), ConsistencyError::RolledBack { old: 9, new: 0 });
    assert_eq!(
        new(&honest, 9, &honest, 8).to_string(),
        "the log was rolled back: it had 9 entries, and the new checkpoint has 8"
    );
}

#[test]
fn checkpoints_of_two_logs_are_not_compared() {
    let log = TestLog::new(9);
    let seed = &mut <rand_chacha::ChaCha20Rng as rand_core::SeedableRng>::seed_from_u64(8);
    let other = LogSigner::generate("other.example/log", seed).unwrap();
    let signed = other.sign(&log.head(9)).unwrap();
    let other = SignedCheckpoint::parse(signed.as_bytes()).unwrap().verify(&Policy::for_log(other.verifier_key()));
    let error = ConsistencyCheck::new(&log.checkpoint(5), &other.unwrap()).unwrap_err();
    let origin = signer().origin().to_owned();
    assert_eq!(error, ConsistencyError::Origin { old: origin, new: "other.example/log".into() });
}

#[test]
fn surplus_tiles_are_refused() {
    let log = TestLog::new(9);
    let check = ConsistencyCheck::new(&log.checkpoint(9), &log.checkpoint(9)).unwrap();
    let error = check.verify(&[vec![0; 32]]).unwrap_err();
    assert_eq!(error, ConsistencyError::Tiles(TileError::Count { got: 1, want: 0 }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_two_sizes(old in 0u64..1200, more in 0u64..1200) {
        check(&TestLog::new(old + more), old, old + more).unwrap();
    }
}
