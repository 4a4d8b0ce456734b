//! What a witness is sent: it is written again as it was.
#![no_main]
use ceknik_witness::AddCheckpoint;

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    if let Ok(request) = AddCheckpoint::parse(body) {
        assert_eq!(request.to_bytes(), body);
    }
});
