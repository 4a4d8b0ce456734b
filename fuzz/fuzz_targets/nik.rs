//! Any text is 16 digits, which read as themselves, or an error.
#![no_main]
use ceknik_core::Nik;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(nik) = Nik::parse(text) {
        let digits = std::str::from_utf8(nik.expose_digits()).expect("digits are ASCII");
        assert_eq!(Nik::parse(digits).expect("digits read as themselves").expose_digits(), nik.expose_digits());
        let _ = nik.warnings();
    }
});
