//! The vectors of evidence, with the command: what nobody here publishes by himself, a list that lies.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::command::ceknik;

#[test]
fn the_vectors_are_judged_by_the_command() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/evidence.json");
    let vectors: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &Value| {
        let path = dir.path().join(name);
        fs::write(&path, text.as_str().unwrap()).unwrap();
        path
    };
    let mut met = std::collections::BTreeSet::new();
    for case in vectors["evidence"].as_array().unwrap() {
        let (file, policy) = (write("file", &case["file"]), write("policy", &vectors["policy"]));
        let command = || {
            let command = ceknik(["verify"]).arg(&file).arg("--policy").arg(&policy);
            command.stdin(case["nik"].as_str().unwrap())
        };
        let ran = command().arg("--json").run();
        let verdict = ran.json();
        let name = verdict["verdict"].as_str().unwrap();
        assert_eq!(name, case["verdict"], "{}", case["what"]);
        let (code, told) = match name {
            "listed" => (0, "TERCANTUM / LISTED\n"),
            "not_listed" => (3, "TIDAK TERCANTUM / not listed\n"),
            "filter_lacks_record" => (
                4,
                "TERCANTUM, tetapi saringan (filter) penerbit menyatakan tidak / LISTED, although the publisher's filter says not \
                 listed\n",
            ),
            _ => (4, "ADA CATATAN yang tidak dapat dibaca siapa pun / THERE IS A RECORD that nobody can read\n"),
        };
        assert_eq!(ran.code(), code, "{}", case["what"]);
        let text = command().run();
        assert!(text.stdout.starts_with(told) && text.code() == code, "{text:?}");
        let proved = "This is the publisher's fault, and this file proves it";
        assert_eq!(text.stdout.contains(proved), code == 4, "{text:?}");
        assert_eq!(verdict["sha256"], case["sha256"]);
        met.insert(name.to_owned());
    }
    assert_eq!(met.len(), 4, "{met:?}");
}
