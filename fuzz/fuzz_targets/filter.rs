//! A file is opened or refused, whatever its header says, in bounded time and memory.
#![no_main]
use ceknik_core::filter::{FilterGeometry, FilterItem, FilterShard, ShardDigest};

libfuzzer_sys::fuzz_target!(|input: (u64, [u8; 24], Vec<u8>)| {
    let (bytes, item, file) = input;
    let seed = std::array::from_fn(|i| i as u8);
    let Ok(geometry) = FilterGeometry::new(0, bytes % 4096, seed) else { return };
    let digest = ShardDigest::of(&file);
    if let Ok(shard) = FilterShard::open(&geometry, 0, &digest, file) {
        assert!(shard.contains(&FilterItem::from_bytes(item)).is_some());
    }
});
