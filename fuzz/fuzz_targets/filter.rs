//! A file is opened or refused, whatever its header says, in bounded time and memory. Input: the file's length that the
//! geometry says (2 bytes), its seed (32), an item (24), the file.
#![no_main]
use ceknik_core::filter::{FilterGeometry, FilterItem, FilterShard, ShardDigest};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((length, rest)) = input.split_first_chunk() else { return };
    let Some((seed, rest)) = rest.split_first_chunk() else { return };
    let Some((item, file)) = rest.split_first_chunk() else { return };
    let Ok(geometry) = FilterGeometry::new(0, u16::from_be_bytes(*length).into(), *seed) else { return };
    let digest = ShardDigest::of(file);
    if let Ok(shard) = FilterShard::open(&geometry, 0, &digest, file.to_vec()) {
        assert!(shard.contains(&FilterItem::from_bytes(*item)).is_some());
    }
});
