//! A checkpoint keeps its bytes.
#![no_main]
use ceknik_core::log::SignedCheckpoint;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(checkpoint) = SignedCheckpoint::parse(bytes) {
        assert_eq!(checkpoint.as_bytes(), bytes);
    }
});
