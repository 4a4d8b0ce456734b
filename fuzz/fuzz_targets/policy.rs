//! A policy that parses is written again as the same bytes once it was written.
#![no_main]
use ceknik_core::log::Policy;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(policy) = Policy::parse(bytes) {
        let written = policy.to_bytes();
        assert_eq!(Policy::parse(&written).expect("what is written parses").to_bytes(), written);
    }
});
