//! Bytes that parse are written again as a manifest that is equal.
#![no_main]
use ceknik_core::manifest::Manifest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(manifest) = Manifest::parse(bytes) {
        let written = manifest.to_bytes().expect("what parses can be written");
        assert_eq!(Manifest::parse(&written).expect("what is written parses"), manifest);
    }
});
