//! A response that opens is the one encoding of its entries. Input: bits, payload bytes over 32, index (2 bytes), response.
#![no_main]
use ceknik_core::bucket::BucketGeometry;
use ceknik_core::merkle::{leaf_hash, root_from_path};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some(([bits, payload, high, low], response)) = input.split_first_chunk() else { return };
    let bits = bits % 8;
    let index = u32::from(u16::from_be_bytes([*high, *low]));
    let Ok(geometry) = BucketGeometry::new(bits, 32 + u32::from(payload % 64), response.len() as u32) else { return };
    // A root that fits whatever the response holds, so that what comes after the tree is reached too.
    let path_end = 1 + 32 * usize::from(response[0]);
    let Some(length) = response.get(path_end..path_end + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]])) else { return };
    let Some(entries) = response.get(path_end + 4..path_end + 4 + length as usize) else { return };
    let path: Vec<[u8; 32]> = response[1..path_end].chunks_exact(32).map(|hash| hash.try_into().expect("32 bytes")).collect();
    let Some(root) = root_from_path(leaf_hash(entries), u64::from(index), 1 << bits, &path) else { return };
    if let Ok(bucket) = geometry.open_response(index, &root, response) {
        assert_eq!(bucket.len() * geometry.entry_bytes(), entries.len());
        assert_eq!(geometry.encode_response(&path, entries).expect("it was one"), response);
    }
});
