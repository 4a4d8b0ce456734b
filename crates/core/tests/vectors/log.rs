use std::collections::BTreeMap;

use ceknik_core::log::{
    CheckpointError, ConsistencyCheck, ConsistencyError, Cosigner, LogSigner, Policy, PolicyError, ProofError,
    SignedCheckpoint, TileId, TlogProof, TreeHead, VerifiedCheckpoint,
};
use ceknik_core::manifest::{FreshnessError, UnverifiedManifest, VerifyError};
use ceknik_core::merkle::leaf_hash;
use ceknik_core::time::Timestamp;
use serde_json::Value;

use super::read::{array, base64url, bytes, error, file, list, number, small, text, what};

fn checkpoint_name(error: &CheckpointError) -> &'static str {
    match error {
        CheckpointError::TooLarge { .. } | CheckpointError::MalformedNote => "note_malformed",
        CheckpointError::MalformedText
        | CheckpointError::OriginTooLong
        | CheckpointError::SizeTooLarge { .. }
        | CheckpointError::EmptyRoot => "checkpoint_malformed",
        CheckpointError::UnknownOrigin { .. } => "log_unknown",
        CheckpointError::UnsupportedLogKey { .. } => "log_key_unsupported",
        CheckpointError::NoLogSignature { .. } => "log_signature_missing",
        CheckpointError::BadLogSignature { .. } => "log_signature_false",
        CheckpointError::BadCosignature { .. } => "cosignature_false",
        CheckpointError::Quorum(_) => "quorum_not_met",
    }
}

fn proof_name(error: &ProofError) -> &'static str {
    match error {
        ProofError::TooLarge { .. } | ProofError::Malformed { .. } => "proof_malformed",
        ProofError::Checkpoint(error) => checkpoint_name(error),
        ProofError::IndexOutside { .. } => "index_outside",
        ProofError::NotIncluded { .. } => "not_included",
    }
}

fn consistency_name(error: &ConsistencyError) -> &'static str {
    match error {
        ConsistencyError::Origin { .. } => "log_origin",
        ConsistencyError::RolledBack { .. } => "log_rolled_back",
        ConsistencyError::Forked { .. } => "log_forked",
        ConsistencyError::Rewritten { .. } => "log_rewritten",
        ConsistencyError::Tiles(_) => "log_tiles",
    }
}

fn policy(case: &Value) -> Policy {
    Policy::parse(text(&case["policy"]).as_bytes()).unwrap()
}

fn checkpoint(note: &str, policy: &Policy) -> Result<VerifiedCheckpoint, CheckpointError> {
    SignedCheckpoint::parse(note.as_bytes())?.verify(policy)
}

#[test]
fn policies() {
    for case in list(&file("policy.json")["policies"]) {
        match Policy::parse(text(&case["text"]).as_bytes()) {
            Ok(policy) => {
                assert_eq!(error(case), None, "{}", what(case));
                let logs: Vec<String> = policy.logs().iter().map(|log| log.key().to_string()).collect();
                assert_eq!(logs, list(&case["logs"]).iter().map(text).collect::<Vec<_>>());
                let witnesses = case["witnesses"].as_array().unwrap();
                assert_eq!(policy.witnesses().len(), witnesses.len());
                for (got, want) in policy.witnesses().iter().zip(witnesses) {
                    assert_eq!(got.name(), text(&want["name"]).as_bytes());
                    assert_eq!(got.key().to_string(), text(&want["vkey"]));
                }
                assert_eq!(Policy::parse(&policy.to_bytes()).unwrap(), policy);
            }
            Err(PolicyError::Line { line, .. }) => {
                assert_eq!(
                    (error(case), Some(line as u64)),
                    (Some("policy_invalid"), case["line"].as_u64()),
                    "{}",
                    what(case)
                );
            }
            Err(other) => panic!("{other}: {}", what(case)),
        }
    }
}

#[test]
fn checkpoints() {
    let file = file("checkpoint.json");
    for case in list(&file["checkpoints"]) {
        match checkpoint(text(&case["note"]), &policy(case)) {
            Ok(seen) => {
                assert_eq!(error(case), None, "{}", what(case));
                assert_eq!(seen.origin(), text(&case["origin"]));
                assert_eq!(seen.head(), TreeHead { size: number(&case["size"]), root: array(&case["root"]) });
                let witnessed: BTreeMap<&[u8], u64> =
                    seen.witnessed().iter().map(|seen| (&seen.witness[..], seen.time)).collect();
                let want = case["witnessed"].as_array().unwrap().iter();
                assert_eq!(
                    witnessed,
                    want.map(|seen| (text(&seen["witness"]).as_bytes(), number(&seen["time"]))).collect()
                );
            }
            Err(refused) => assert_eq!(Some(checkpoint_name(&refused)), error(case), "{}: {refused}", what(case)),
        }
    }
}

/// The signatures come from the keys in the file.
#[test]
fn signatures_are_reproducible() {
    let file = file("checkpoint.json");
    let signer = LogSigner::from_skey(text(&file["log_key"])).unwrap();
    let case = list(&file["checkpoints"]).iter().find(|case| what(case) == "all of three witnesses").unwrap();
    let signed = signer.sign(&TreeHead { size: number(&case["size"]), root: array(&case["root"]) }).unwrap();
    let mut note = signed.as_bytes().to_vec();
    let seen = signed.verify(&Policy::for_log(signer.verifier_key())).unwrap();
    let times: BTreeMap<&str, u64> =
        list(&case["witnessed"]).iter().map(|seen| (text(&seen["witness"]), number(&seen["time"]))).collect();
    for number in [3, 2, 1] {
        let seed = array(&file["witness_seeds"][number - 1]);
        let witness = Cosigner::from_seed(&format!("witness{number}.example"), &seed).unwrap();
        note.extend(witness.cosign(&seen, times[format!("w{number}").as_str()]).unwrap());
    }
    assert_eq!(String::from_utf8(note).unwrap(), text(&case["note"]));
}

#[test]
fn proofs() {
    for case in list(&file("tlog-proof.json")["proofs"]) {
        let (leaf, proof) = (bytes(&case["leaf"]), text(&case["proof"]).as_bytes());
        let verified = TlogProof::parse(proof).and_then(|proof| proof.verify(&policy(case), &leaf));
        match verified {
            Ok(inclusion) => {
                assert_eq!((error(case), case["index"].as_u64()), (None, Some(inclusion.index())), "{}", what(case));
                assert_eq!(TlogProof::parse(proof).unwrap().to_bytes(), proof);
            }
            Err(refused) => assert_eq!(Some(proof_name(&refused)), error(case), "{}: {refused}", what(case)),
        }
    }
}

#[test]
fn manifests_in_a_log() {
    for case in list(&file("tlog-proof.json")["manifests"]) {
        let manifest = UnverifiedManifest::parse(text(&case["manifest"]).as_bytes().to_vec()).unwrap();
        let proof = TlogProof::parse(text(&case["proof"]).as_bytes()).unwrap();
        let refused = manifest.verify(&policy(case), &proof).err().map(|refused| match refused {
            VerifyError::Proof(error) => proof_name(&error),
            VerifyError::Origin => "manifest_origin",
        });
        assert_eq!(refused, error(case));
    }
}

#[test]
fn consistency() {
    let file = file("consistency.json");
    for case in list(&file["consistency"]) {
        let policy = policy(case);
        let (old, new) =
            (checkpoint(text(&case["old"]), &policy).unwrap(), checkpoint(text(&case["new"]), &policy).unwrap());
        let tiles = case["tiles"].as_array().unwrap();
        let decided = ConsistencyCheck::new(&old, &new).and_then(|check| {
            let paths: Vec<String> = check.tiles().iter().map(|tile| tile.path()).collect();
            assert_eq!(paths, tiles.iter().map(|tile| text(&tile["path"])).collect::<Vec<_>>(), "{}", what(case));
            let contents: Vec<Vec<u8>> = tiles.iter().map(|tile| base64url(&tile["bytes_base64url"])).collect();
            check.verify(&contents)
        });
        assert_eq!(decided.as_ref().err().map(consistency_name), error(case), "{}", what(case));
    }
    for case in list(&file["tile_paths"]) {
        let tile = TileId::in_tree(small(&case["level"]), number(&case["index"]), number(&case["size"])).unwrap();
        assert_eq!(tile.path(), text(&case["path"]));
        assert_eq!(TileId::from_path(&tile.path()), Some(tile));
    }
}

/// Whether a manifest answers for the present is asked of manifests that are in a log: here, of one leaf.
#[test]
fn freshness() {
    let file = file("manifest.json");
    let signer = LogSigner::from_skey(text(&self::file("checkpoint.json")["log_key"])).unwrap();
    for case in list(&file["fresh"]) {
        let manifests = list(&file["manifests"]);
        let document = manifests.iter().find(|document| document["name"] == case["manifest"]).unwrap();
        let manifest = text(&document["text"]).as_bytes().to_vec();
        let head = TreeHead { size: 1, root: leaf_hash(&manifest) };
        let proof = TlogProof::new(0, Vec::new(), signer.sign(&head).unwrap());
        let policy = Policy::for_log(signer.verifier_key());
        let manifest = UnverifiedManifest::parse(manifest).unwrap().verify(&policy, &proof).unwrap();
        let now = Timestamp::parse(text(&case["now"])).unwrap();
        let refused =
            manifest.check_fresh(now, case["accept_weak"].as_bool().unwrap()).err().map(|error| match error {
                FreshnessError::Expired { .. } => "stale",
                FreshnessError::Ahead { .. } => "published_ahead",
                FreshnessError::Weak => "weak",
            });
        assert_eq!(refused, error(case), "{case}");
    }
}
