//! A body is refused or asks for a number of elements that a request may hold.
#![no_main]
use ceknik_core::oprf::REQUEST_SIZES;

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    if let Some(elements) = ceknikd::elements_asked(body) {
        assert!(REQUEST_SIZES.contains(&elements));
    }
});
