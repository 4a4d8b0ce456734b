//! A key file that parses is written as it was read.
#![no_main]
use ceknik_core::key_file::{oprf_key_text, parse_log_key, parse_oprf_key, parse_store_key, store_key_text};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(key) = parse_oprf_key(bytes) {
        assert_eq!(oprf_key_text(&key).as_bytes(), bytes);
    }
    if let Ok(key) = parse_store_key(bytes) {
        assert_eq!(store_key_text(&key).as_bytes(), bytes);
    }
    let _ = parse_log_key(bytes);
});
