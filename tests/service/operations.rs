//! What the document for operators quotes.

use std::fs;
use std::path::Path;

/// All source text below a directory, with lines joined that a string literal goes on over.
fn sources(dir: &Path, into: &mut String) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(path).unwrap();
            let mut pieces = text.split("\\\n");
            into.push_str(pieces.next().unwrap());
            pieces.for_each(|piece| into.push_str(piece.trim_start()));
        }
    }
}

/// In the table of what is seen, what is quoted and more than a name is a message of the programs.
#[test]
fn messages_that_are_quoted_are_messages() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut said = String::new();
    for dir in ["src", "crates/core/src", "crates/issuer/src", "crates/cli/src"] {
        sources(&root.join(dir), &mut said);
    }
    let document = include_str!("../../docs/operations.md");
    let (_, table) = document.split_once("\n| what you see |").unwrap();
    let seen = table.lines().skip(1).filter_map(|row| row.strip_prefix("| ")?.split(" |").next());
    let quoted: Vec<&str> =
        seen.flat_map(|cell| cell.split('`').skip(1).step_by(2)).filter(|text| text.contains(' ')).collect();
    assert!(quoted.len() >= 6, "{quoted:?}");
    for text in quoted {
        for part in text.split('…').map(str::trim).filter(|part| !part.is_empty()) {
            assert!(said.contains(part), "operations.md quotes `{text}`, which no program says");
        }
    }
}
