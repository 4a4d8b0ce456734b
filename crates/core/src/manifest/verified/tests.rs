use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::super::tests::{example, time};
use super::*;
use crate::log::{Cosigner, LogSigner, SignedCheckpoint, TreeHead};
use crate::merkle::leaf_hash;

const ORIGIN: &str = "ceknik.example.org/log";

fn signer(seed: u64) -> LogSigner {
    LogSigner::generate(ORIGIN, &mut ChaCha20Rng::seed_from_u64(seed)).unwrap()
}

/// The proof of the one leaf of a log, with cosignatures.
fn proof(signer: &LogSigner, leaf: &[u8], cosigners: &[&Cosigner]) -> TlogProof {
    let signed = signer.sign(&TreeHead { size: 1, root: leaf_hash(leaf) }).unwrap();
    let seen = signed.verify(&Policy::for_log(signer.verifier_key())).unwrap();
    let mut note = signed.as_bytes().to_vec();
    for cosigner in cosigners {
        note.extend(cosigner.cosign(&seen, 1_800_000_000).unwrap());
    }
    TlogProof::new(0, vec![], SignedCheckpoint::parse(&note).unwrap())
}

fn unverified() -> UnverifiedManifest {
    UnverifiedManifest::parse(example().to_bytes().unwrap()).unwrap()
}

#[test]
fn a_logged_manifest_is_believed() {
    let manifest = unverified();
    let policy = Policy::for_log(signer(1).verifier_key());
    let proof = proof(&signer(1), &manifest.0.bytes, &[]);
    let sha256 = manifest.sha256();
    let verified = manifest.verify(&policy, &proof).unwrap();
    assert_eq!((verified.manifest(), verified.sha256()), (&example(), sha256));
    assert_eq!((verified.log_index(), verified.checkpoint().head().size), (0, 1));
    assert_eq!(verified.as_bytes(), example().to_bytes().unwrap());
}

#[test]
fn other_bytes_another_key_or_another_origin_are_not() {
    let bytes = unverified().0.bytes.clone();
    let policy = Policy::for_log(signer(1).verifier_key());
    let refused = |policy: &Policy, proof: &TlogProof| unverified().verify(policy, proof).unwrap_err();
    assert!(matches!(refused(&policy, &proof(&signer(2), &bytes, &[])), VerifyError::Proof(_)));
    assert!(matches!(refused(&policy, &proof(&signer(1), b"other", &[])), VerifyError::Proof(_)));
    let elsewhere = LogSigner::generate("other.example/log", &mut ChaCha20Rng::seed_from_u64(3)).unwrap();
    let policy = Policy::for_log(elsewhere.verifier_key());
    assert!(matches!(refused(&policy, &proof(&elsewhere, &bytes, &[])), VerifyError::Origin));
}

#[test]
fn without_the_quorum_there_is_no_answer() {
    let witness = |n: u8| Cosigner::from_seed(&format!("w{n}.example"), &[n; 32]).unwrap();
    let [one, two, stranger] = [1, 2, 3].map(witness);
    let text = format!(
        "log {}\nwitness a {}\nwitness b {}\ngroup both all a b\nquorum both\n",
        signer(1).verifier_key(),
        one.verifier_key(),
        two.verifier_key(),
    );
    let policy = Policy::parse(text.as_bytes()).unwrap();
    let bytes = unverified().0.bytes.clone();
    let verify = |cosigners: &[&Cosigner]| unverified().verify(&policy, &proof(&signer(1), &bytes, cosigners));
    assert_eq!(verify(&[&one, &two]).unwrap().checkpoint().witnessed().len(), 2);
    for short in [&[][..], &[&one], &[&two, &stranger]] {
        let refused = verify(short).unwrap_err();
        assert!(refused.to_string().starts_with("too few witnesses"), "{refused}");
    }
}

#[test]
fn freshness() {
    let policy = Policy::for_log(signer(1).verifier_key());
    let verified = |manifest: &Manifest| {
        let manifest = UnverifiedManifest::parse(manifest.to_bytes().unwrap()).unwrap();
        let proof = proof(&signer(1), &manifest.0.bytes, &[]);
        manifest.verify(&policy, &proof).unwrap()
    };
    let list = verified(&example());
    for (now, expected) in [
        ("2026-11-22T07:55:00Z", Ok(())),
        ("2026-11-22T07:54:59Z", Err(FreshnessError::Ahead { published_at: time("2026-11-22T08:00:00Z") })),
        ("2026-11-29T08:00:00Z", Ok(())),
        ("2026-11-29T08:00:01Z", Err(FreshnessError::Expired { valid_until: time("2026-11-29T08:00:00Z") })),
    ] {
        assert_eq!(list.check_fresh(time(now), false), expected, "{now}");
    }
    let mut weak = example();
    weak.stretch.cost = crate::StretchCost::WEAK;
    assert_eq!(verified(&weak).check_fresh(time("2026-11-23T00:00:00Z"), false), Err(FreshnessError::Weak));
    assert_eq!(verified(&weak).check_fresh(time("2026-11-23T00:00:00Z"), true), Ok(()));
}
