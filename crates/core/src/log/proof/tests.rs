use proptest::prelude::*;

use super::*;
use crate::log::MAX_CHECKPOINT_BYTES;
use crate::log::fixture::{TestLog, leaf, policy};

/// The example of tlog-proof, with what it leaves out in its signatures put in: keys and signatures are made up.
const OFFICIAL: &str = "c2sp.org/tlog-proof@v1
extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6kYXJ3aW4tYXJ
index 73894
gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=
RoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=
AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=

example.com/fancylog
109482
sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=

— example.com/fancylog hI2DJwAB
— witness1.example mJirIklj
";

#[test]
fn official_example_parses() {
    let proof = TlogProof::parse(OFFICIAL.as_bytes()).unwrap();
    assert_eq!(proof.index(), 73894);
    assert_eq!(proof.hashes().len(), 5);
    assert!(proof.extra().unwrap().starts_with(b"age-v1.2.1-darwin-arm64.tar.gz"));
    assert_eq!(proof.checkpoint().head().size, 109_482);
    assert_eq!(proof.to_bytes(), OFFICIAL.as_bytes());
}

#[test]
fn leaves_are_proved_to_be_in_the_log() {
    let log = TestLog::new(700);
    let policy = policy(2, "group g all w1 w2\nquorum g\n");
    for (index, size) in [(0, 1), (0, 2), (4, 5), (255, 256), (256, 257), (3, 700), (699, 700)] {
        let bytes = log.proof(index, size, &[(1, 10), (2, 11)]).to_bytes();
        let proof = TlogProof::parse(&bytes).unwrap();
        assert_eq!(proof.to_bytes(), bytes);
        let verified = proof.verify(&policy, &leaf(index)).unwrap();
        assert_eq!(verified.index(), index);
        assert_eq!(verified.leaf_hash(), leaf_hash(&leaf(index)));
        assert_eq!(verified.checkpoint().head(), log.head(size));
        assert_eq!(verified.checkpoint().witnessed().len(), 2);
        // Another leaf, at the same place.
        assert_eq!(proof.verify(&policy, b"another"), Err(ProofError::NotIncluded { index }));
    }
}

#[test]
fn false_proofs_are_told_apart() {
    let log = TestLog::new(9);
    let none = policy(0, "quorum none\n");
    let proof = log.proof(4, 9, &[]);
    let with = |index, hashes: Vec<NodeHash>| TlogProof::new(index, hashes, proof.checkpoint().clone());
    let verify = |proof: &TlogProof| proof.verify(&none, &leaf(4)).unwrap_err();
    proof.verify(&none, &leaf(4)).unwrap();

    let hashes = proof.hashes().to_vec();
    assert_eq!(verify(&with(5, hashes.clone())), ProofError::NotIncluded { index: 5 });
    assert_eq!(verify(&with(9, hashes.clone())), ProofError::IndexOutside { index: 9, size: 9 });
    assert_eq!(verify(&with(u64::MAX, hashes.clone())), ProofError::IndexOutside { index: u64::MAX, size: 9 });
    assert_eq!(verify(&with(4, hashes[1..].to_vec())), ProofError::NotIncluded { index: 4 });
    assert_eq!(verify(&with(4, [&hashes[..], &[[0; 32]]].concat())), ProofError::NotIncluded { index: 4 });
    for at in 0..hashes.len() {
        let mut altered = hashes.clone();
        altered[at][31] ^= 1;
        assert_eq!(verify(&with(4, altered)), ProofError::NotIncluded { index: 4 });
    }
    assert_eq!(verify(&with(9, hashes)).to_string(), "the log proof is for entry 9, but the checkpoint has 9 entries");

    let needs = policy(2, "group g all w1 w2\nquorum g\n");
    let one = log.proof(4, 9, &[(1, 10)]);
    let error = one.verify(&needs, &leaf(4)).unwrap_err();
    let ProofError::Checkpoint(CheckpointError::Quorum(shortfall)) = error else { panic!("{error}") };
    assert_eq!((shortfall.have, shortfall.need), (1, 2));
    assert!(matches!(
        proof.verify(&Policy::parse(b"quorum none\n").unwrap(), &leaf(4)).unwrap_err(),
        ProofError::Checkpoint(CheckpointError::UnknownOrigin { .. })
    ));
}

#[test]
fn an_empty_log_proves_nothing() {
    let log = TestLog::new(0);
    let checkpoint = SignedCheckpoint::parse(&log.note(0, &[])).unwrap();
    let error = TlogProof::new(0, Vec::new(), checkpoint).verify(&policy(0, "quorum none\n"), b"").unwrap_err();
    assert_eq!(error, ProofError::IndexOutside { index: 0, size: 0 });
}

#[test]
fn malformed_proofs_are_refused_by_line() {
    let line_of = |text: &str| match TlogProof::parse(text.as_bytes()).unwrap_err() {
        ProofError::Malformed { line, .. } => line,
        other => panic!("{other}"),
    };
    let hash = "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n";
    for (text, line) in [
        (String::new(), 1),
        (OFFICIAL.replace("@v1", "@v2"), 1),
        (OFFICIAL.replacen('\n', "\r\n", 1), 1),
        ("c2sp.org/tlog-proof@v1".into(), 1),
        ("c2sp.org/tlog-proof@v1\n".into(), 2),
        (OFFICIAL.replace("extra YWdl", "extra  YWdl"), 2),
        (OFFICIAL.replace("extra YWdl", "extra YWd"), 2),
        (OFFICIAL.replace("extra ", "EXTRA "), 2),
        ("c2sp.org/tlog-proof@v1\nextra \nindex 0\n\n".into(), 2),
        ("c2sp.org/tlog-proof@v1\nextra YQ==\nextra YQ==\nindex 0\n\n".into(), 3),
        (OFFICIAL.replace("index 73894", "index 073894"), 3),
        (OFFICIAL.replace("index 73894", "index +73894"), 3),
        (OFFICIAL.replace("index 73894", "index 73894 "), 3),
        (OFFICIAL.replace("index 73894", "index"), 3),
        (OFFICIAL.replace("index 73894", "index 18446744073709551616"), 3),
        (OFFICIAL.replace("B95l", "B95"), 5),
        (OFFICIAL.replace("XmA=", "XmB="), 5),
        (OFFICIAL.replace("\n\nexample", "\nexample"), 9),
        (format!("c2sp.org/tlog-proof@v1\nindex 0\n{}\n", hash.repeat(65)), 67),
    ] {
        assert_ne!(text, OFFICIAL);
        assert_eq!(line_of(&text), line, "{text}");
    }
    let error = TlogProof::parse(b"c2sp.org/tlog-proof@v1\nindex -1\n").unwrap_err();
    assert_eq!(error.to_string(), "log proof, line 2: expected \"index\" and the entry's number in decimal");
    for (tail, expected) in [
        ("", CheckpointError::MalformedNote),
        ("o\n1\n", CheckpointError::MalformedNote),
        ("o\nx\ny\n\n— x AAAAAAA=\n", CheckpointError::MalformedText),
    ] {
        let error = TlogProof::parse(format!("c2sp.org/tlog-proof@v1\nindex 0\n\n{tail}").as_bytes()).unwrap_err();
        assert_eq!(error, ProofError::Checkpoint(expected));
    }
}

#[test]
fn sizes_are_limited() {
    let long = vec![b'a'; MAX_PROOF_BYTES + 1];
    assert_eq!(TlogProof::parse(&long).unwrap_err(), ProofError::TooLarge { bytes: long.len() });
    let long = format!("c2sp.org/tlog-proof@v1\nindex 0\n\n{}", "a".repeat(MAX_CHECKPOINT_BYTES + 1));
    let error = TlogProof::parse(long.as_bytes()).unwrap_err();
    assert!(matches!(error, ProofError::Checkpoint(CheckpointError::TooLarge { .. })));
}

proptest! {
    #[test]
    fn what_parses_is_written_as_it_was(flip in 0usize..700, bit in 0u8..8, cut in 0usize..3) {
        let mut bytes = TestLog::new(9).proof(4, 9, &[(1, 10)]).to_bytes();
        if let Some(byte) = bytes.get_mut(flip) {
            *byte ^= 1 << bit;
        }
        bytes.truncate(bytes.len() - cut);
        if let Ok(proof) = TlogProof::parse(&bytes) {
            prop_assert_eq!(proof.to_bytes(), bytes);
        }
    }

    #[test]
    fn texts_never_panic(text in "(c2sp.org/tlog-proof@v1\n)?(index |extra |[0-9]|=|\n|— |\\PC){0,60}") {
        let _ = TlogProof::parse(text.as_bytes());
    }
}
