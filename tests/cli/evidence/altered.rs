//! Bytes that are altered, in every part of a file: the check that is about this part fails, and no other answer is given.

use ceknik_core::encoding::base64url;
use ceknik_core::oprf::BlindedElement;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use crate::support::home::nik;
use crate::world::{World, failed};

/// The bytes of a member.
fn decoded(text: &Value) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap()
}

/// A file with one of its members replaced, spelled as a file is: members keep their places.
fn with(file: &str, pointer: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    let json: Value = serde_json::from_str(file).unwrap();
    let old = json.pointer(pointer).unwrap();
    let (old, new) = (old.as_str().unwrap().to_owned(), base64url(&change(decoded(old))));
    assert_eq!(file.matches(&format!("\"{old}\"")).count(), 1, "{pointer}");
    file.replace(&format!("\"{old}\""), &format!("\"{new}\"")).into_bytes()
}

fn flip(at: usize) -> impl Fn(Vec<u8>) -> Vec<u8> {
    move |mut bytes| {
        bytes[at] ^= 1;
        bytes
    }
}

#[test]
fn a_byte_in_every_region() {
    let world = World::new();
    let file = String::from_utf8(world.file(&nik(7))).unwrap();
    let json: Value = serde_json::from_str(&file).unwrap();
    let bytes = |pointer: &str| decoded(json.pointer(pointer).unwrap());
    let manifest = String::from_utf8(bytes("/manifest")).unwrap();
    let within = |text: &str| manifest.find(text).unwrap_or_else(|| panic!("no {text}")) + text.len() - 1;
    let proof = String::from_utf8(bytes("/log_proof")).unwrap();
    let bucket = bytes("/bucket");
    let bits = usize::from(bucket[0]);
    let length_at = 1 + 32 * bits;
    let entries = u32::from_be_bytes(bucket[length_at..length_at + 4].try_into().unwrap()) as usize;
    assert!(bits > 0 && entries > 0 && length_at + 4 + entries < bucket.len());
    let cases = [
        // A title is any text, a number follows from others.
        ("/manifest", within("Sample list"), "inclusion"),
        ("/manifest", within("\"people_per_bucket\": 2"), "manifest"),
        ("/manifest", 0, "manifest"),
        ("/log_proof", 0, "log_proof"),
        ("/log_proof", proof.find("\nceknik.").unwrap() + 1, "log_key"),
        ("/log_proof", proof.len() - 3, "log_proof"),
        ("/blind", 0, "blinded"),
        ("/blind", 31, "blinded"),
        ("/evaluation/proof", 0, "evaluation"),
        ("/evaluation/proof", 40, "evaluation"),
        ("/filter/block", 0, "filter_block"),
        ("/filter/block", 1000, "filter_block"),
        ("/filter/path/0", 5, "filter_block"),
        ("/bucket", 0, "bucket_hashes"),
        ("/bucket", 1, "bucket_root"),
        ("/bucket", length_at + 3, "bucket_entries"),
        ("/bucket", length_at + 4, "bucket_root"),
        ("/bucket", length_at + 4 + entries - 1, "bucket_root"),
        ("/bucket", bucket.len() - 1, "bucket_padding"),
    ];
    for (pointer, at, check) in cases {
        let path = world.write("altered", &with(&file, pointer, flip(at)));
        let ran = world.verify(&path, &nik(7)).arg("--json").run();
        assert_eq!(failed(&ran).0, check, "{pointer}, byte {at}");
    }
    // An element of which a bit was turned is none, mostly; another one is not this person's, or not evaluated.
    let other = BlindedElement::random(&mut rand::thread_rng()).to_bytes();
    // Another letter of the log's signature, which ends the proof.
    let mut signature = proof.clone().into_bytes();
    let letter = proof.len() - 10;
    signature[letter] = if signature[letter] == b'A' { b'B' } else { b'A' };
    for (pointer, change, check) in [
        ("/log_proof", signature, "log_key"),
        ("/evaluation/blinded", vec![0; 32], "elements"),
        ("/evaluation/evaluated", vec![0xff; 32], "elements"),
        ("/evaluation/proof", vec![0xff; 64], "elements"),
        ("/evaluation/blinded", other.to_vec(), "evaluation"),
        ("/evaluation/evaluated", other.to_vec(), "evaluation"),
        ("/blind", vec![0; 32], "blind"),
        ("/blind", vec![0xff; 32], "blind"),
        ("/bucket", bucket[..bucket.len() - 1].to_vec(), "bucket_length"),
        ("/bucket", vec![], "bucket_length"),
    ] {
        let path = world.write("altered", &with(&file, pointer, |_| change));
        let ran = world.verify(&path, &nik(7)).arg("--json").run();
        assert_eq!(failed(&ran).0, check, "{pointer}");
    }
    let (_, rest) = file.split_once("\"filter\":").unwrap();
    let (block, _) = rest.split_once(",\"blind\":").unwrap();
    let path = world.write("altered", file.replace(block, "null").as_bytes());
    assert_eq!(failed(&world.verify(&path, &nik(7)).arg("--json").run()).0, "filter_presence");
}

/// Wherever a byte of the file is altered, nothing is shown.
#[test]
fn any_byte() {
    let world = World::new();
    let file = world.file(&nik(7));
    let mut rng = StdRng::seed_from_u64(20_261);
    let mut met = std::collections::BTreeMap::new();
    for _ in 0..150 {
        let mut altered = file.clone();
        let at = rng.gen_range(0..altered.len());
        match rng.gen_range(0..8) {
            0 => altered.truncate(at),
            1 => altered.insert(at, b'A'),
            2 => drop(altered.remove(at)),
            // Another character of base64, so that more is met than the form.
            _ => altered[at] = if altered[at] == b'A' { b'B' } else { b'A' },
        }
        let ran = world.verify(&world.write("altered", &altered), &nik(7)).arg("--json").run();
        *met.entry(failed(&ran).0).or_insert(0) += 1;
    }
    println!("{met:?}");
    assert!(met.len() >= 4, "too few different checks were met: {met:?}");
}

/// Parts of another's evidence, each whole by itself, do not fit.
#[test]
fn parts_of_anothers() {
    let world = World::new();
    let mine = String::from_utf8(world.file(&nik(7))).unwrap();
    let parsed = |file: &[u8]| serde_json::from_slice::<Value>(file).unwrap();
    // The first one who is in another bucket: there are few.
    let mut others = (1000..1100).map(|number| parsed(&world.file(&nik(number))));
    let theirs = others.find(|theirs| theirs["bucket"] != parsed(mine.as_bytes())["bucket"]).unwrap();
    for (pointer, checks) in [
        ("/blind", &["blinded"][..]),
        ("/evaluation/blinded", &["evaluation"]),
        ("/evaluation/evaluated", &["evaluation"]),
        ("/evaluation/proof", &["evaluation"]),
        ("/bucket", &["bucket_root"]),
    ] {
        let part = decoded(theirs.pointer(pointer).unwrap());
        let path = world.write("mixed", &with(&mine, pointer, |_| part));
        let ran = world.verify(&path, &nik(7)).arg("--json").run();
        assert!(checks.contains(&&*failed(&ran).0), "{pointer}: {ran:?}");
    }
}
