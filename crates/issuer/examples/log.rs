//! Writes a log of synthetic leaves, cosigned by two witnesses, for implementations that are not ours to read (`tests/tlog`):
//! `log DIR LEAVES`. Prints as JSON what they should find.

#![allow(clippy::unwrap_used, missing_docs, reason = "a failure is to be seen where it happens")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use ceknik_core::encoding::hex;
use ceknik_core::log::{Cosigner, LogSigner, Policy, SignedCheckpoint, TlogProof};
use ceknik_issuer::LogDir;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().unwrap());
    let leaves: u64 = arguments.next().unwrap().parse().unwrap();
    let signer = LogSigner::generate("ceknik.example.org/log", &mut ChaCha20Rng::seed_from_u64(1)).unwrap();
    let log = LogDir::new(&dir, signer.verifier_key());
    let leaf = |index: u64| format!("leaf {index}").into_bytes();
    let mut roots = BTreeMap::new();
    for index in 0..leaves {
        let prepared = log.prepare(&signer, index, &leaf(index)).unwrap();
        roots.insert(prepared.head().size, hex(&prepared.head().root));
        if index + 1 == leaves {
            log.write(&prepared).unwrap();
            continue;
        }
        // As `write` does it, without waiting for the disk each time.
        let checkpoint = [("checkpoint".to_owned(), prepared.checkpoint_note().to_vec())];
        for (path, bytes) in prepared.files().iter().chain(&checkpoint) {
            let path = dir.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
    let witnesses = [1u8, 2].map(|number| Cosigner::from_seed(&format!("w{number}.example"), &[number; 32]).unwrap());
    let verified = log.checkpoint().unwrap().unwrap();
    let mut cosigned = SignedCheckpoint::parse(verified.as_bytes()).unwrap();
    for (witness, time) in witnesses.iter().zip(1_795_334_400..) {
        let line = witness.cosign(&verified, time).unwrap();
        (cosigned, _) = cosigned.with_cosignature(&line, &witness.verifier_key()).unwrap().unwrap();
    }
    log.write_checkpoint(&cosigned).unwrap();
    let policy = Policy::for_log(signer.verifier_key());
    let mut inclusion = BTreeMap::new();
    for index in [0, 1, 254, 255, 256, 257, 511, leaves - 1].into_iter().filter(|index| *index < leaves) {
        let prepared = log.prepare(&signer, index, &leaf(index)).unwrap();
        let proof = TlogProof::parse(prepared.proof()).unwrap();
        proof.verify(&policy, &leaf(index)).unwrap();
        inclusion.insert(index, proof.hashes().iter().map(|hash| hex(hash)).collect::<Vec<_>>());
    }
    let mut consistency = BTreeMap::new();
    for old in [1, 2, 255, 256, 257, 511, 512, leaves - 1, leaves].into_iter().filter(|old| *old <= leaves) {
        let proof = log.prove_beginning(&verified.head(), old).unwrap();
        consistency.insert(old, proof.iter().map(|hash| hex(hash)).collect::<Vec<_>>());
    }
    let document = serde_json::json!({
        "log": signer.verifier_key().to_string(),
        "witnesses": witnesses.map(|witness| witness.verifier_key().to_string()),
        "size": leaves,
        "roots": roots,
        "inclusion": inclusion,
        "consistency": consistency,
    });
    println!("{document}");
}
