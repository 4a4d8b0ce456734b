//! A list is read or refused as a whole; every row is a support or a refusal, and what it gives out is what it counted.
#![no_main]
use ceknik_issuer::{ReaderOptions, Row, Terms, read_bytes};

libfuzzer_sys::fuzz_target!(|list: &[u8]| {
    let terms = |ids: &[(&'static str, &'static str)]| Terms::new(ids.iter().map(|(id, title)| (*id, [*title]))).expect("they differ");
    let options = ReaderOptions {
        candidates: terms(&[("ml", "Melati"), ("kn", "Kenanga")]),
        statuses: terms(&[("ms", "Memenuhi syarat")]),
        ..ReaderOptions::default()
    };
    if let Ok(rows) = read_bytes(list, &options) {
        for row in rows {
            if let Row::Refused(refused) = row {
                assert!(!serde_json::to_string(&refused).expect("it is plain").is_empty());
            }
        }
    }
});
