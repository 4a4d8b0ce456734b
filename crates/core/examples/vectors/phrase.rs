//! Checkpoints as phrases.

use ceknik_core::encoding::hex;
use ceknik_core::log::{CheckpointPhrase, EMPTY_ROOT, TreeHead};

use crate::Vectors;
use crate::fixed::{Made, bytes};
use crate::json::object;

pub(crate) fn vectors() -> Made<Vectors> {
    let heads = [
        ("ceknik.example.org/log", TreeHead { size: 0, root: EMPTY_ROOT }),
        ("ceknik.example.org/log", TreeHead { size: 1, root: bytes("phrase 1") }),
        ("ceknik.example.org/log", TreeHead { size: 2, root: bytes("phrase 1") }),
        ("ceknik.example.org/log", TreeHead { size: 2, root: bytes("phrase 2") }),
        ("cek.example.net/catatan", TreeHead { size: 2, root: bytes("phrase 2") }),
        ("ceknik.example.org/log", TreeHead { size: 1 << 62, root: bytes("phrase 3") }),
    ];
    let mut cases = Vec::new();
    for (origin, head) in heads {
        let phrase = CheckpointPhrase::new(origin, &head)?.to_string();
        // As text: a large size is no number of JSON.
        cases.push(
            object! { "origin": origin, "size": head.size.to_string(), "root": hex(&head.root), "phrase": phrase },
        );
    }
    Ok(Vectors {
        file: "phrase.json",
        about: "Checkpoints as phrases that two people compare.",
        spec: "Comparing checkpoints",
        members: &[
            ("cases", "checkpoints"),
            ("origin", "the log's name"),
            ("size", "of the tree, in decimal"),
            ("root", "of the tree"),
            ("phrase", "what is read aloud"),
        ],
        body: object! { "cases": cases },
    })
}
