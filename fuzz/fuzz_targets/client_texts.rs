//! The client's small parsers: files of the cache, addresses, `Retry-After`. What is accepted has one form.
//! Input: which of the three, then its text.
#![no_main]
use ceknik_client::{ServerUrl, parse_retry_after, rewrite_cached_file};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((which, bytes)) = input.split_first() else { return };
    if which % 3 == 0 {
        if let Some(again) = rewrite_cached_file(bytes) {
            assert_eq!(again, bytes);
        }
        return;
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if which % 3 == 1 {
        if let Ok(url) = ServerUrl::parse_allowing_plain_http(text) {
            let again = ServerUrl::parse_allowing_plain_http(url.as_str()).expect("it was one");
            assert_eq!(again.as_str(), url.as_str());
        }
    } else if let Some(seconds) = parse_retry_after(text) {
        assert!(seconds < 1_000_000_000);
    }
});
