use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;
use crate::log::fixture::{ORIGIN, TestLog, cosigner, policy, signer};
use crate::log::{LogSigner, VerifierKey};

/// From tlog-cosignature. Its keys are not published.
const OFFICIAL: &str = "example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
";

/// A checkpoint of a Sigsum test log of December 2025, with the cosignatures of eight independent witnesses.
const SIGSUM: &[u8] = include_bytes!("../../../../../tests/vectors/sigsum-2025-12/checkpoint");
const SIGSUM_POLICY: &[u8] = include_bytes!("../../../../../tests/vectors/sigsum-2025-12/policy");

fn verify(note: &[u8], policy: &Policy) -> Result<VerifiedCheckpoint, CheckpointError> {
    SignedCheckpoint::parse(note)?.verify(policy)
}

#[test]
fn official_example_parses() {
    let checkpoint = SignedCheckpoint::parse(OFFICIAL.as_bytes()).unwrap();
    assert_eq!(checkpoint.origin(), "example.com/behind-the-sofa");
    assert_eq!(checkpoint.head().size, 20_852_163);
    assert_eq!(STANDARD.encode(checkpoint.head().root), "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=");
    assert_eq!(checkpoint.0.signatures.len(), 2);
    assert_eq!(checkpoint.as_bytes(), OFFICIAL.as_bytes());
    let text_end = OFFICIAL.find("\n\n").unwrap() + 1;
    assert_eq!(checkpoint.text(), &OFFICIAL.as_bytes()[..text_end]);
}

#[test]
fn a_public_log_and_its_witnesses_verify() {
    let policy = Policy::parse(SIGSUM_POLICY).unwrap();
    let checkpoint = verify(SIGSUM, &policy).unwrap();
    assert_eq!(checkpoint.head().size, 17157);
    let witnessed = checkpoint.witnessed();
    assert_eq!(witnessed.len(), 8);
    assert!(witnessed.iter().all(|w| w.time == 1_765_558_886));
    assert_eq!(witnessed[0].key_name, "poc.sigsum.org/nisse");

    // Without the Glasklar witnesses (lines 7, 8 and 10, 12 stay: 4 of 6 without the group) the quorum still holds,
    // with three left it does not.
    let text = core::str::from_utf8(SIGSUM).unwrap();
    let keep = |names: &[&str]| {
        let lines = text.lines().filter(|l| !l.starts_with("— ") || names.iter().any(|n| l.contains(n)));
        lines.map(|l| format!("{l}\n")).collect::<String>().into_bytes()
    };
    let four = ["sigsum.org/v1", "tillitis.se", "navigli", "remora", "stagemole"];
    assert_eq!(verify(&keep(&four), &policy).unwrap().witnessed().len(), 4);
    let CheckpointError::Quorum(shortfall) = verify(&keep(&four[..4]), &policy).unwrap_err() else { panic!() };
    assert_eq!((shortfall.have, shortfall.need, shortfall.members), (3, 4, 6));
    // Two of the three Glasklar witnesses count as one member.
    let group = ["sigsum.org/v1", "poc.sigsum.org", "rgdd.se", "tillitis.se", "navigli", "remora"];
    assert_eq!(verify(&keep(&group), &policy).unwrap().witnessed().len(), 5);
}

#[test]
fn cosigned_checkpoints_state_who_and_when() {
    let log = TestLog::new(5);
    let policy = policy(3, "group g 2 w1 w2 w3\nquorum g\n");
    let checkpoint = verify(&log.note(5, &[(3, 30), (1, 0)]), &policy).unwrap();
    assert_eq!(checkpoint.origin(), ORIGIN);
    assert_eq!(checkpoint.head(), log.head(5));
    let seen: Vec<_> = checkpoint.witnessed().iter().map(|w| (&w.witness[..], w.key_name.as_str(), w.time)).collect();
    assert_eq!(seen, [(&b"w1"[..], "w1.example", 0), (b"w3", "w3.example", 30)]);
    // What was kept verifies again.
    assert_eq!(verify(checkpoint.as_bytes(), &policy).unwrap(), checkpoint);
}

#[test]
fn one_witness_counts_once() {
    let log = TestLog::new(5);
    let policy = policy(2, "group g all w1 w2\nquorum g\n");
    let note = log.note(5, &[(1, 10), (1, 30), (1, 20)]);
    let expected = CheckpointError::Quorum(QuorumShortfall {
        rule: "g".into(),
        have: 1,
        need: 2,
        members: 2,
        cosigned: 1,
        witnesses: 2,
    });
    assert_eq!(verify(&note, &policy).unwrap_err(), expected);
    let note = log.note(5, &[(1, 10), (1, 30), (1, 20), (2, 5)]);
    let witnessed = verify(&note, &policy).unwrap();
    assert_eq!(witnessed.witnessed().iter().map(|w| w.time).collect::<Vec<_>>(), [30, 5]);
}

#[test]
fn strangers_do_not_count() {
    let log = TestLog::new(5);
    let policy = policy(1, "quorum w1\n");
    let error = verify(&log.note(5, &[(2, 10), (3, 10)]), &policy).unwrap_err();
    assert_eq!(
        error.to_string(),
        "too few witnesses cosigned the checkpoint: \"w1\" needs 1 of its 1 and has 0 (0 of the policy's 1 witnesses cosigned)"
    );
    // A stranger under the witness's name has another key ID and is ignored.
    let imposter = crate::log::Cosigner::from_seed("w1.example", &[99; 32]).unwrap();
    let seen = log.checkpoint(5);
    let note = [seen.as_bytes(), &imposter.cosign(&seen, 10).unwrap()].concat();
    assert!(matches!(verify(&note, &policy).unwrap_err(), CheckpointError::Quorum(_)));
    let note = [&note[..], &cosigner(1).cosign(&seen, 10).unwrap()].concat();
    assert_eq!(verify(&note, &policy).unwrap().witnessed().len(), 1);
}

/// A signature line with the name and ID of a key and any bytes as the signature.
fn line_as(key: &VerifierKey, signature: &[u8]) -> Vec<u8> {
    let blob = [&key.id().to_be_bytes()[..], signature].concat();
    format!("— {} {}\n", key.name(), STANDARD.encode(blob)).into_bytes()
}

#[test]
fn forged_cosignatures_are_named() {
    let log = TestLog::new(5);
    let policy = policy(2, "group g any w1 w2\nquorum g\n");
    let key = cosigner(1).verifier_key();
    let forged = CheckpointError::BadCosignature { key_name: "w1.example".into() };
    let good = log.note(5, &[(2, 10)]);
    let genuine = SignedCheckpoint::parse(&log.note(5, &[(1, 10)])).unwrap();
    let genuine = genuine.0.signatures[1].signature.clone();

    let mut other_time = genuine.clone();
    other_time[7] ^= 1;
    let mut other_bits = genuine.clone();
    other_bits[20] ^= 1;
    let of_another_tree = SignedCheckpoint::parse(&log.note(4, &[(1, 10)])).unwrap();
    let mut beyond = genuine.clone();
    beyond[0] |= 0x80;
    let too_long = [&genuine[..], &[0]].concat();
    for signature in
        [&other_time, &other_bits, &of_another_tree.0.signatures[1].signature, &beyond, &too_long, &genuine[..71], &[0]]
    {
        // Quorum g is met by w2 alone, and yet the note is refused.
        let note = [&good[..], &line_as(&key, signature)].concat();
        assert_eq!(verify(&note, &policy).unwrap_err(), forged);
        // Also after a genuine one of the same witness.
        let note = [&log.note(5, &[(1, 10), (2, 10)])[..], &line_as(&key, signature)].concat();
        assert_eq!(verify(&note, &policy).unwrap_err(), forged);
    }
    assert_eq!(forged.to_string(), "the cosignature of the witness \"w1.example\" on the checkpoint is false");
}

#[test]
fn a_plain_signature_is_no_cosignature() {
    // The witness's key as a note key signs the bare text; under the ID of type 0x04 it must not pass.
    use ed25519_dalek::{Signer, SigningKey};
    let log = TestLog::new(5);
    let policy = policy(1, "quorum w1\n");
    let seen = log.checkpoint(5);
    let signature = SigningKey::from_bytes(&[1; 32]).sign(seen.text()).to_bytes();
    for timestamped in [signature.to_vec(), [&[0; 8][..], &signature].concat()] {
        let note = [seen.as_bytes(), &line_as(&cosigner(1).verifier_key(), &timestamped)].concat();
        assert!(matches!(verify(&note, &policy).unwrap_err(), CheckpointError::BadCosignature { .. }));
    }
}

#[test]
fn other_algorithms_never_count() {
    let log = TestLog::new(5);
    let typed = [&[6u8][..], &[42; 1312]].concat();
    let key = format!("pq.example+{:08x}+{}", crate::log::note::key_id("pq.example", &typed), STANDARD.encode(&typed));
    let key = VerifierKey::parse(key.as_bytes()).unwrap();
    let note = [&log.note(5, &[(1, 10)])[..], &line_as(&key, &[0; 8 + 2420])].concat();
    let policy = |rest: &str| {
        let w1 = cosigner(1).verifier_key();
        let text = format!("log {}\nwitness pq {key}\nwitness w1 {w1}\n{rest}", signer().verifier_key());
        Policy::parse(text.as_bytes()).unwrap()
    };
    // It stands in the note, is not verified, and is not taken for a cosignature.
    let checkpoint = verify(&note, &policy("group g any pq w1\nquorum g\n")).unwrap();
    assert_eq!(checkpoint.witnessed().len(), 1);
    let error = verify(&note, &policy("group g all pq w1\nquorum g\n")).unwrap_err();
    assert!(matches!(error, CheckpointError::Quorum(QuorumShortfall { have: 1, need: 2, .. })));
    assert!(matches!(verify(&note, &policy("quorum pq\n")).unwrap_err(), CheckpointError::Quorum(_)));
}

#[test]
fn log_signatures() {
    let log = TestLog::new(5);
    let note = log.note(5, &[]);
    let policy = Policy::for_log(signer().verifier_key());
    verify(&note, &policy).unwrap();

    let other = |origin: &str| {
        LogSigner::generate(origin, &mut <rand_chacha::ChaCha20Rng as rand_core::SeedableRng>::seed_from_u64(8))
            .unwrap()
    };
    let origin = || ORIGIN.to_owned();
    // Unknown origin.
    let error = verify(&note, &Policy::for_log(other("other.example/log").verifier_key())).unwrap_err();
    assert_eq!(error, CheckpointError::UnknownOrigin { origin: origin() });
    assert_eq!(error.to_string(), "the policy names no log with the origin \"ceknik.example.org/log\"");
    // The right origin, another key.
    let error = verify(&note, &Policy::for_log(other(ORIGIN).verifier_key())).unwrap_err();
    assert_eq!(error, CheckpointError::NoLogSignature { origin: origin() });
    // Signed by a known log, but under the name of another.
    let foreign = other("other.example/log").sign_text(SignedCheckpoint::parse(&note).unwrap().text()).unwrap();
    let both =
        format!("log {}\nlog {}\nquorum none\n", signer().verifier_key(), other("other.example/log").verifier_key());
    let both = Policy::parse(both.as_bytes()).unwrap();
    assert_eq!(verify(&foreign, &both).unwrap_err(), CheckpointError::NoLogSignature { origin: origin() });
    // A false signature, alone and after a genuine one.
    let bad = line_as(&signer().verifier_key(), &[7; 64]);
    let text = SignedCheckpoint::parse(&note).unwrap().text().to_vec();
    for note in [[&text[..], b"\n", &bad].concat(), [&note[..], &bad].concat()] {
        assert_eq!(verify(&note, &policy).unwrap_err(), CheckpointError::BadLogSignature { origin: origin() });
    }
    // Two keys for one origin, as while a key is replaced: either will do.
    let rotating = format!("log {}\nlog {}\nquorum none\n", other(ORIGIN).verifier_key(), signer().verifier_key());
    verify(&note, &Policy::parse(rotating.as_bytes()).unwrap()).unwrap();
    // A key of an algorithm that is not verified.
    let odd = VerifierKey::parse(format!("{ORIGIN}+00000000+dwAB").as_bytes()).unwrap();
    let error = verify(&note, &Policy::for_log(odd)).unwrap_err();
    assert_eq!(error, CheckpointError::UnsupportedLogKey { origin: origin() });
    // An altered text.
    let altered = String::from_utf8(note.clone()).unwrap().replace("\n5\n", "\n6\n");
    assert!(matches!(verify(altered.as_bytes(), &policy).unwrap_err(), CheckpointError::BadLogSignature { .. }));
}

#[test]
fn extension_lines_are_signed_and_kept() {
    let head = TestLog::new(5).head(5);
    let text = [SignedCheckpoint::text_for(ORIGIN, &head), b"first extension\n2\n".to_vec()].concat();
    let note = signer().sign_text(&text).unwrap();
    let policy = Policy::for_log(signer().verifier_key());
    let checkpoint = SignedCheckpoint::parse(&note).unwrap();
    assert_eq!(checkpoint.extensions(), ["first extension", "2"]);
    let verified = checkpoint.verify(&policy).unwrap();
    assert_eq!(verified.head(), head);
    // The witness signs them too.
    let cosigned = [&note[..], &cosigner(1).cosign(&verified, 9).unwrap()].concat();
    let witnessed = crate::log::fixture::policy(1, "quorum w1\n");
    verify(&cosigned, &witnessed).unwrap();
    let altered = String::from_utf8(note).unwrap().replace("first", "First");
    assert!(matches!(verify(altered.as_bytes(), &policy).unwrap_err(), CheckpointError::BadLogSignature { .. }));
}

#[test]
fn malformed_notes_are_refused() {
    let note = String::from_utf8(TestLog::new(5).note(5, &[])).unwrap();
    let parse = |note: &str| SignedCheckpoint::parse(note.as_bytes()).unwrap_err();
    let (text, signature) = note.split_once("\n\n").unwrap();
    for bad in [
        String::new(),
        "\n".into(),
        "\n\n".into(),
        text.to_owned(),
        format!("{text}\n\n"),
        note.trim_end().to_owned(),
        format!("{note}\n"),
        note.replace('\n', "\r\n"),
        format!("\u{1}{note}"),
        note.replace("— ", "- "),
        format!("{text}\n\n{signature}{}", "— x AAAA\n"),
        format!("{text}\n\n{}", signature.replace(" ", "  ")),
        format!("{text}\n\n{}", signature.repeat(101)),
        format!("{text}\n\n{}", "— two words AAAAAAA=\n"),
        // The last bits of the base64 are not zero.
        format!("{text}\n\n{}", "— x AAAAAAB=\n"),
    ] {
        assert_eq!(parse(&bad), CheckpointError::MalformedNote, "{bad:?}");
    }
    assert_eq!(SignedCheckpoint::parse(b"a\xff\n\n").unwrap_err(), CheckpointError::MalformedNote);
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    for text in [
        String::new(),
        "o".into(),
        "o\n1".into(),
        format!("\n1\n{root}"),
        format!("o\n01\n{root}"),
        format!("o\n+1\n{root}"),
        format!("o\n-1\n{root}"),
        format!("o\n 1\n{root}"),
        format!("o\n18446744073709551616\n{root}"),
        format!("o\n1\n{}", &root[..43]),
        format!("o\n1\n{root} "),
        format!("o\n1\n{}", root.replace("q2I=", "q2J=")),
        format!("o\n1\n\n{root}"),
        format!("o\n1\n{root}\n\next"),
        format!("o\n1\n{root}\n"),
    ] {
        assert_eq!(parse(&format!("{text}\n\n— x AAAAAAA=\n")), CheckpointError::MalformedText, "{text:?}");
    }
    let with = |origin: &str, size: u64| format!("{origin}\n{size}\n{root}\n\n— x AAAAAAA=\n");
    assert_eq!(parse(&with("o", 0)), CheckpointError::EmptyRoot);
    assert_eq!(SignedCheckpoint::parse_with_any_root(with("o", 0).as_bytes()).unwrap().head().size, 0);
    assert_eq!(parse(&with("o", MAX_TREE_SIZE + 1)), CheckpointError::SizeTooLarge { size: MAX_TREE_SIZE + 1 });
    assert_eq!(parse(&with(&"o".repeat(256), 1)), CheckpointError::OriginTooLong);
    SignedCheckpoint::parse(with(&"o".repeat(255), MAX_TREE_SIZE).as_bytes()).unwrap();
    let long = format!("{}{}", with("o", 1), "— x AAAAAAA=\n".repeat(10_000));
    assert_eq!(parse(&long), CheckpointError::TooLarge { bytes: long.len() });
}

#[test]
fn sixteen_large_signatures_fit() {
    let mut note = TestLog::new(5).note(5, &[]);
    for i in 0..16u8 {
        let blob = [&[i; 4][..], &[7; 5000]].concat();
        note.extend(format!("— pq{i}.example {}\n", STANDARD.encode(blob)).into_bytes());
    }
    verify(&note, &Policy::for_log(signer().verifier_key())).unwrap();
}

proptest! {
    #[test]
    fn whatever_parses_is_kept_byte_by_byte(
        flip in 0usize..400, bit in 0u8..8, insert in prop::option::of((0usize..400, any::<char>()))
    ) {
        let mut note = TestLog::new(5).note(5, &[(1, 10)]);
        if let Some(byte) = note.get_mut(flip) {
            *byte ^= 1 << bit;
        }
        if let Some((at, c)) = insert {
            let at = at.min(note.len());
            note.splice(at..at, c.to_string().into_bytes());
        }
        let policy = policy(1, "quorum w1\n");
        if let Ok(checkpoint) = SignedCheckpoint::parse(&note) {
            prop_assert_eq!(checkpoint.as_bytes(), &note[..]);
            // No alteration keeps both signatures intact, unless it made a line that nobody knows.
            if let Ok(verified) = checkpoint.verify(&policy) {
                prop_assert_eq!(verified.head(), TestLog::new(5).head(5));
            }
        }
    }

    #[test]
    fn texts_never_panic(text in "(\\PC|\n|— |=|[0-9]{1,3}){0,60}") {
        let _ = SignedCheckpoint::parse(text.as_bytes());
    }
}

#[test]
fn the_answer_of_a_witness_is_taken_over() {
    let log = TestLog::new(7);
    let alone = SignedCheckpoint::parse(&log.note(7, &[])).unwrap();
    let line = |size: u64, number: u8, time: u64| {
        let note = log.note(size, &[(number, time)]);
        note[log.note(size, &[]).len()..].to_vec()
    };
    let w1 = cosigner(1).verifier_key();
    // Lines of others are passed over, and of two the later counts.
    let lines = [line(7, 2, 9), line(7, 1, 100), line(7, 1, 50)].concat();
    let (with, time) = alone.with_cosignature(&lines, &w1).unwrap().unwrap();
    assert_eq!((with.as_bytes(), time), (&*log.note(7, &[(1, 100)]), 100));
    // It takes the place of an older one, and leaves the others.
    let (two, _) = with.with_cosignature(&line(7, 2, 101), &cosigner(2).verifier_key()).unwrap().unwrap();
    let (again, _) = two.with_cosignature(&line(7, 1, 200), &w1).unwrap().unwrap();
    assert_eq!(again.as_bytes(), log.note(7, &[(2, 101), (1, 200)]));
    again.verify(&policy(2, "group both all w1 w2\nquorum both\n")).unwrap();

    assert_eq!(alone.with_cosignature(&line(7, 2, 9), &w1), Ok(None));
    let of_another_tree = alone.with_cosignature(&line(6, 1, 9), &w1);
    assert_eq!(of_another_tree, Err(CheckpointError::BadCosignature { key_name: "w1.example".to_owned() }));
    for malformed in [&b""[..], b"ok\n", &line(7, 1, 9)[..20]] {
        assert_eq!(alone.with_cosignature(malformed, &w1), Err(CheckpointError::MalformedNote));
    }
}
