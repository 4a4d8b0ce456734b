//! The service's small parsers: `X-Forwarded-For`, `Forwarded`, the file of a budget, the settings. Input: which of the four,
//! then its text.
#![no_main]
use std::net::IpAddr;
use std::path::Path;

use ceknikd::{ProxyHeader, Settings, client_in_line, rewrite_budget};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((which, text)) = input.split_first() else { return };
    match which % 4 {
        0 => header(text, ProxyHeader::XForwardedFor, b", 203.0.113.7"),
        1 => header(text, ProxyHeader::Forwarded, b", for=203.0.113.7"),
        2 => {
            if let Some(written) = rewrite_budget(text) {
                assert_eq!(rewrite_budget(&written).expect("what is written is read"), written);
            }
        }
        _ => {
            let Ok(text) = std::str::from_utf8(text) else { return };
            if let Ok(settings) = Settings::from_toml(text, Path::new("ceknikd.toml")) {
                // No file that the input names is opened.
                let _ = Settings { passphrase_file: None, ..settings }.validate();
            }
        }
    }
});

/// Whatever a client writes, what its proxy appends to the same line counts, or nothing in that line does.
fn header(text: &[u8], header: ProxyHeader, appended: &[u8]) {
    let Some(client) = client_in_line(text, header) else { return };
    assert_eq!(client_in_line(client.to_string().as_bytes(), ProxyHeader::XForwardedFor), Some(client));
    let proxy: IpAddr = [10, 0, 0, 1].into();
    let told = client_in_line(&[text, appended].concat(), header).expect("a header holds it too");
    assert!(told == IpAddr::from([203, 0, 113, 7]) || told == proxy && (header == ProxyHeader::Forwarded || !text.is_ascii()));
}
