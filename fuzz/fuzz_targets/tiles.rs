//! Paths of tiles and bundles have one form, and a bundle is exactly its entries. Input: a path, a line feed,
//! a bundle.
#![no_main]
use ceknik_core::log::{BundleId, TileId, append_entry, parse_bundle};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else { return };
    let (Ok(path), bundle) = (std::str::from_utf8(&input[..end]), &input[end + 1..]) else { return };
    if let Some(tile) = TileId::from_path(path) {
        assert_eq!(tile.path(), path);
    }
    let id = BundleId::from_path(path);
    if let Some(id) = id {
        assert_eq!(id.path(), path);
    }
    let Some(id) = id.or_else(|| BundleId::in_tree(0, 2)) else { return };
    if let Ok(entries) = parse_bundle(id, bundle) {
        let mut again = Vec::new();
        for entry in entries {
            append_entry(&mut again, entry).expect("it was one");
        }
        assert_eq!(again, bundle);
    }
});
