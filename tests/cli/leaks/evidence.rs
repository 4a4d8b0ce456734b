//! Evidence files, which hold what is nowhere else: an element, its blind, a bucket. Nothing beside that, also below the base64.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::searcher::{Hit, Kind, Place, Searcher, canary};

/// Where the story has them written, below the stage.
pub(crate) const DIR: &str = "user/evidence";

/// The bytes of all members.
fn decoded(value: &Value, found: &mut Vec<Vec<u8>>) {
    match value {
        Value::String(text) => found.extend(URL_SAFE_NO_PAD.decode(text)),
        Value::Array(items) => items.iter().for_each(|item| decoded(item, found)),
        Value::Object(members) => members.values().for_each(|value| decoded(value, found)),
        _ => {}
    }
}

/// Searches what is in all files. Gives how many there are.
pub(crate) fn sweep(root: &Path, searcher: &Searcher, hits: &mut BTreeSet<Hit>) -> usize {
    let files: Vec<_> = fs::read_dir(root.join(DIR)).unwrap().map(|entry| entry.unwrap().path()).collect();
    for file in &files {
        let json: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        let mut parts = Vec::new();
        decoded(&json, &mut parts);
        assert!(parts.len() >= 8, "{}", file.display());
        for part in parts {
            searcher.search(&Place::Evidence, &part, hits);
        }
    }
    files.len()
}

/// A NIK below the base64 of a file is found.
pub(crate) fn assert_searched(searcher: &Searcher, number: usize) {
    let json = serde_json::json!({"evidence": "ceknik/1", "manifest": URL_SAFE_NO_PAD.encode(canary(number))});
    let (mut parts, mut hits) = (Vec::new(), BTreeSet::new());
    decoded(&json, &mut parts);
    for part in parts {
        searcher.search(&Place::Evidence, &part, &mut hits);
    }
    assert!(hits.iter().any(|hit| hit.kind == Kind::Canary), "a NIK in an evidence file is not found");
}
