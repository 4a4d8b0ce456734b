//! Every sample and every figure in `docs/spec.md`.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ceknik_core::bucket::{MOST_BUCKET_BITS, MOST_RESPONSE_BYTES, RESPONSE_STEP};
use ceknik_core::encoding::{from_base64url, hex};
use ceknik_core::evidence::{Check, MOST_EVIDENCE_BYTES};
use ceknik_core::filter::{BLOCK_BYTES, HEADER_BYTES, LEAST_CELLS, MOST_SHARD_BITS, MOST_SHARD_BYTES};
use ceknik_core::log::{MAX_CHECKPOINT_BYTES, MAX_POLICY_BYTES, MAX_PROOF_BYTES, Policy, SignedCheckpoint};
use ceknik_core::manifest::{CLOCK_SKEW_SECONDS, MOST_MANIFEST_BYTES, Manifest, manifest_sha256};
use ceknik_core::oprf::{BlindedElement, CLIENT_BATCH_MOST, EvaluatedElement, Proof, SERVER_BATCH_MOST, verify_batch};
use ceknik_core::record::{LEAST_PAYLOAD_BYTES, MOST_PAYLOAD_BYTES, MOST_SUPPORTS, Record};
use ceknik_core::{MAX_NIK_INPUT_BYTES, Nik, NikError, cost};
use curve25519_dalek::constants::EIGHT_TORSION;
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn spec() -> String {
    std::fs::read_to_string(root().join("docs/spec.md")).unwrap()
}

fn vectors(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(root().join("tests/vectors").join(name)).unwrap()).unwrap()
}

/// The fenced blocks by what they hold, each with its last line feed, and the text around them.
fn blocks() -> (BTreeMap<String, String>, String) {
    let (mut blocks, mut around) = (BTreeMap::new(), String::new());
    let text = spec();
    let mut parts = text.split("\n```");
    around.push_str(parts.next().unwrap());
    while let Some(block) = parts.next() {
        let (info, body) = block.split_once('\n').unwrap();
        let body = if body.is_empty() { String::new() } else { format!("{body}\n") };
        assert!(blocks.insert(info.to_owned(), body).is_none(), "two blocks {info:?}");
        around.push_str(parts.next().expect("an open block"));
    }
    (blocks, around)
}

fn served(path: &str) -> String {
    vectors("walk.json")["get"][path]["text"].as_str().unwrap().to_owned()
}

#[test]
fn samples() {
    let (mut blocks, _) = blocks();
    let mut sample = |info: &str| blocks.remove(info).unwrap_or_else(|| panic!("no block {info:?}"));
    let walks = vectors("walk.json")["walks"].clone();

    let walk = sample("text walk");
    assert_eq!(walk.lines().count(), 12);
    for line in walk.lines() {
        let (name, value) = line.split_once(' ').unwrap();
        let want = &walks[0][name];
        assert_eq!(want.as_str().map_or_else(|| want.to_string(), str::to_owned), value.trim(), "{name}");
    }

    let payload = sample("json payload");
    let record = Record::from_payload(payload.trim_end().as_bytes()).unwrap();
    assert_eq!(serde_json::to_value(record).unwrap(), walks[2]["record"]);

    let manifest = sample("json manifest");
    Manifest::parse(manifest.as_bytes()).unwrap();
    let known = vectors("manifest.json");
    let third = known["manifests"].as_array().unwrap().iter().find(|known| known["name"] == "third").unwrap();
    assert_eq!(third["text"].as_str().unwrap(), manifest);

    let checkpoint = sample("text checkpoint");
    assert_eq!(checkpoint, served("/log/checkpoint"));
    let policy = sample("text policy");
    assert_eq!(policy, served("/v1/policy"));
    SignedCheckpoint::parse(checkpoint.as_bytes()).unwrap().verify(&Policy::parse(policy.as_bytes()).unwrap()).unwrap();
    let proof = sample("text tlog-proof");
    assert_eq!(format!("{proof}{checkpoint}"), served("/v1/contoh/epochs/2/proof"));

    let datasets: Value = serde_json::from_str(&sample("json datasets")).unwrap();
    let current = served("/v1/contoh/manifest");
    let listed = &datasets["datasets"][0];
    assert_eq!(listed["manifest"], hex(&manifest_sha256(current.as_bytes())));
    let current: Value = serde_json::from_str(&current).unwrap();
    for (name, of) in [("id", "dataset"), ("title", "title"), ("epoch", "epoch"), ("valid_until", "valid_until")] {
        assert_eq!(listed[name], current[of]);
    }

    let status: Value = serde_json::from_str(&sample("json status")).unwrap();
    for (name, value) in status["datasets"][0].as_object().unwrap().iter().filter(|(name, _)| *name != "load") {
        assert_eq!(value, &listed[name]);
    }

    let request: Value = serde_json::from_str(&sample("json evaluate-request")).unwrap();
    let response: Value = serde_json::from_str(&sample("json evaluate-response")).unwrap();
    assert_eq!(request, serde_json::from_str::<Value>(walks[0]["request"].as_str().unwrap()).unwrap());
    let bytes = |value: &Value| from_base64url::<32>(value.as_str().unwrap()).unwrap();
    let pair = &response["batch"][0];
    assert_eq!(pair["blinded"], request["blinded"][0]);
    let key = ceknik_core::oprf::OprfPublicKey::from_bytes(&bytes(&request["key"])).unwrap();
    let batch = vec![(
        BlindedElement::from_bytes(&bytes(&pair["blinded"])).unwrap(),
        EvaluatedElement::from_bytes(&bytes(&pair["evaluated"])).unwrap(),
    )];
    let proof = from_base64url(response["proof"].as_str().unwrap()).unwrap();
    verify_batch(&key, batch, &Proof::from_bytes(&proof).unwrap()).unwrap();

    let small: BTreeSet<String> = sample("text small-order").lines().map(str::to_owned).collect();
    assert_eq!(small, EIGHT_TORSION.iter().map(|point| hex(&point.compress().to_bytes())).collect());

    let zeros = sample("text zeros");
    let zeros: Vec<u32> = zeros.split_whitespace().map(|zero| u32::from_str_radix(zero, 16).unwrap()).collect();
    assert_eq!(digits(), zeros.iter().flat_map(|zero| *zero..zero + 10).collect::<Vec<_>>());

    assert!(blocks.is_empty(), "not checked: {:?}", blocks.keys());
}

/// The code points that are read as digits, after their values were compared with their places after the zeros.
fn digits() -> Vec<u32> {
    let mut found = Vec::new();
    for char in '\0'..=char::MAX {
        if let Ok(nik) = Nik::parse(&format!("{char}171011708900001")) {
            assert_eq!(usize::from(nik.expose_digits()[0] - b'0'), found.len() % 10, "U+{:04X}", u32::from(char));
            found.push(u32::from(char));
        }
    }
    found
}

#[test]
fn characters_that_are_left_out() {
    let left_out = |char: &char| Nik::parse(&char.to_string()) == Err(NikError::Empty);
    let left_out: Vec<u32> = ('\0'..=char::MAX).filter(left_out).map(u32::from).collect();
    let runs = left_out.chunk_by(|a, b| a + 1 == *b).map(|run| match *run {
        [one] => format!("U+{one:04X}"),
        _ => format!("U+{:04X} to U+{:04X}", run[0], run[run.len() - 1]),
    });
    let sentence = format!("They are {}.", runs.collect::<Vec<_>>().join(", "));
    assert!(spec().split_whitespace().collect::<Vec<_>>().join(" ").contains(&sentence), "{sentence}");
}

/// Of every member that occurs in a file of vectors the file itself says what it means.
#[test]
fn vectors_explain_their_members() {
    fn collect(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                // Members of `get` in walk.json are paths.
                found.extend(members.keys().filter(|name| !name.starts_with('/')).cloned());
                members.values().for_each(|value| collect(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let text = spec();
    let (_, section) = text.split_once("\n## Write a client\n").unwrap();
    let mut files = 0;
    for entry in std::fs::read_dir(root().join("tests/vectors")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name != "check" {
            assert!(section.contains(&format!("`{name}`")), "\"Write a client\" does not name {name}");
        }
        // The RFC's own file is as it is, and "Write a client" says so.
        if !name.ends_with(".json") || name.starts_with("rfc9497") {
            continue;
        }
        files += 1;
        let mut file = vectors(&name);
        let about = file.as_object_mut().unwrap();
        let mut take = |member: &str| about.remove(member).unwrap_or_else(|| panic!("{name} has no {member}"));
        let said = ["about", "spec", "conventions"].map(|member| take(member).as_str().unwrap().to_owned());
        assert!(said.iter().all(|text| !text.is_empty()), "{name}");
        let members = take("members");
        let explained: BTreeSet<String> = members.as_object().unwrap().keys().cloned().collect();
        about.remove("made_by");
        let mut found = BTreeSet::new();
        collect(&file, &mut found);
        found.retain(|member| {
            !said[2].contains(&format!("`{member}` says")) && !said[2].contains(&format!("`{member}` is"))
        });
        assert_eq!(explained, found, "{name}: what `members` explains, and what occurs");
    }
    assert_eq!(files, 19);
}

/// Long hexadecimal figures stand in samples alone, where they are compared.
#[test]
fn no_figure_outside_of_samples() {
    let (_, around) = blocks();
    let figure = around.split(|c: char| !c.is_ascii_hexdigit()).find(|word| word.len() >= 17);
    assert_eq!(figure, None);
}

fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}

#[test]
fn limits_are_cores() {
    let text = spec().split_whitespace().collect::<Vec<_>>().join(" ");
    let n = with_commas;
    for sentence in [
        format!("is at most {} bytes of UTF-8 and becomes a NIK", n(MAX_NIK_INPUT_BYTES as u64)),
        format!("within 8 to {} KiB and 1 to {} passes", n(cost::MOST_MEMORY_KIB.into()), cost::MOST_PASSES),
        format!(
            "at least {} and `memory_kib × passes` at least {}",
            n(cost::LEAST_MEMORY_KIB.into()),
            n(cost::LEAST_WORK)
        ),
        format!("shard_bits MUST be 0 to {MOST_SHARD_BITS}"),
        format!("`bytes` {} to {} (`filter_shard_bytes`)", HEADER_BYTES + 1, n(MOST_SHARD_BYTES)),
        format!("the blocks of the file, {} bytes each", n(BLOCK_BYTES as u64)),
        format!("gathers at most {SERVER_BATCH_MOST} into a batch; a caller MUST accept 1 to {CLIENT_BATCH_MOST}"),
        format!("`supports`: 1 to {MOST_SUPPORTS} of them"),
        format!("smallest multiple of {} that", n(RESPONSE_STEP.into())),
        format!(
            "bits MUST be 0 to {MOST_BUCKET_BITS}, payload_bytes {LEAST_PAYLOAD_BYTES} to {}, response_bytes at least \
             `5 + 32 × bits` and at most {} (`bucket_geometry`)",
            n(MOST_PAYLOAD_BYTES.into()),
            n(MOST_RESPONSE_BYTES.into())
        ),
        format!("as exact bytes, at most {} (`manifest_too_long`)", n(MOST_MANIFEST_BYTES as u64)),
        format!("not more than {} minutes ahead", CLOCK_SKEW_SECONDS / 60),
        format!("at most 100 signatures and {} bytes", n(MAX_CHECKPOINT_BYTES as u64)),
        format!("At most {} bytes. What is not so is `policy_invalid`", n(MAX_POLICY_BYTES as u64)),
        format!("At most {} bytes (`proof_malformed`)", n(MAX_PROOF_BYTES as u64)),
        format!("bytes in every shard, and at least {}", n(LEAST_CELLS)),
        format!("At most {} bytes; with the sizes of the manifest above", n(MOST_EVIDENCE_BYTES as u64)),
    ] {
        assert!(text.contains(&sentence), "not in the specification: {sentence}");
    }
}

/// The table of checks is the code's list, in its order, and numbered.
#[test]
fn checks_of_evidence_are_cores() {
    let text = spec();
    let (_, table) = text.split_once("\n| | check | holds if |\n").unwrap();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.split(" | ").map(|cell| cell.trim_matches(['|', ' ', '`'])).collect())
        .collect();
    let told: Vec<(String, &str)> = rows.iter().map(|row| (row[0].to_owned(), row[1])).collect();
    let checks = Check::ALL.iter().enumerate().map(|(at, check)| ((at + 1).to_string(), check.code()));
    assert_eq!(told, checks.collect::<Vec<_>>());
}

/// Every error that a vector expects is named where the rule stands, and every name there has a vector.
#[test]
fn errors_have_names_and_vectors() {
    fn collect(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("error").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|value| collect(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let mut expected = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("tests/vectors")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            collect(&vectors(path.file_name().unwrap().to_str().unwrap()), &mut expected);
        }
    }
    let text = spec();
    let named: BTreeSet<String> = text
        .split("(`")
        .skip(1)
        .filter_map(|rest| rest.split_once("`)").map(|(name, _)| name.to_owned()))
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
        .filter(|name| name.contains('_') || ["stale", "weak", "character", "empty", "length"].contains(&&**name))
        .collect();
    let outside: Vec<_> = expected.iter().filter(|name| !text.contains(&format!("`{name}`"))).collect();
    assert!(outside.is_empty(), "not in the specification: {outside:?}");
    let members = blocks().0["json manifest"].clone();
    let untested: Vec<_> =
        named.difference(&expected).filter(|name| !members.contains(&format!("\"{name}\":"))).collect();
    assert!(untested.is_empty(), "without a vector: {untested:?}");
}
