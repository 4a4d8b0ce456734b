//! A definition is read or refused; one that is read has figures.
#![no_main]
use ceknik_issuer::Definition;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(definition) = Definition::from_toml(text, true) {
        definition.figures().expect("they were checked");
    }
});
