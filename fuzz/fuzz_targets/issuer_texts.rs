//! The publisher's small parsers: NIKs by the line, `--map`, what the store knows of a record. Input: which of the three, then
//! its text.
#![no_main]
use std::io::BufReader;

use ceknik_issuer::{Column, ColumnMap, NikLine, NikLines, rewrite_detail};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((which, text)) = input.split_first() else { return };
    match which % 3 {
        0 => nik_lines(text),
        1 => column_map(text),
        _ => {
            let Some((sealed_bytes, detail)) = text.split_first() else { return };
            if let Some(written) = rewrite_detail(detail, usize::from(*sealed_bytes)) {
                assert_eq!(&written[..], detail);
            }
        }
    }
});

/// Lines are the same however they arrive, and counted up.
fn nik_lines(text: &[u8]) {
    let lines: Vec<NikLine> = NikLines::new(text).collect::<Result<_, _>>().expect("memory can be read");
    let in_pieces = NikLines::new(BufReader::with_capacity(3, text)).collect::<Result<Vec<_>, _>>();
    assert!(in_pieces.expect("memory can be read") == lines);
    assert!(lines.is_sorted_by(|before, after| before.line < after.line));
    assert!(lines.len() <= 1 + text.iter().filter(|byte| **byte == b'\n').count());
}

/// What is mapped is mapped again by what it was mapped to.
fn column_map(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let mut map = ColumnMap::default();
    if map.add(text).is_err() {
        return;
    }
    let keys = [(Column::Nik, "nik"), (Column::Candidate, "candidate"), (Column::Status, "status"), (Column::Submitted, "submitted")];
    let mut again = ColumnMap::default();
    for (column, key) in keys {
        if let Some(name) = map.get(column) {
            again.add(&format!("{key}={name}")).expect("it was a mapping");
        }
    }
    assert_eq!(again, map);
}
