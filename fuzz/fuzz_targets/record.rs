//! A payload that parses is written again as an equal record.
#![no_main]
use ceknik_core::record::Record;

libfuzzer_sys::fuzz_target!(|payload: &[u8]| {
    if payload.len() > 4096 {
        return;
    }
    if let Ok(record) = Record::from_payload(payload) {
        let written = record.to_payload(4096).expect("it came from as much");
        assert_eq!(Record::from_payload(&written).expect("what is written parses"), record);
    }
});
