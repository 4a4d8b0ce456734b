//! Elements, keys and proofs have one encoding. Input: 64 bytes, then text.
#![no_main]
use ceknik_core::encoding::{base64url, from_base64url};
use ceknik_core::oprf::{BlindedElement, OprfSecretKey, Proof};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((bytes, text)) = input.split_first_chunk::<64>() else { return };
    let half: &[u8; 32] = bytes.first_chunk().expect("64 bytes");
    if let Ok(element) = BlindedElement::from_bytes(half) {
        assert_eq!(&element.to_bytes(), half);
    }
    if let Ok(key) = OprfSecretKey::from_bytes(half) {
        assert_eq!(&*key.expose_bytes(), half);
    }
    if let Ok(proof) = Proof::from_bytes(bytes) {
        assert_eq!(&proof.to_bytes(), bytes);
    }
    let Ok(text) = std::str::from_utf8(text) else { return };
    if let Some(decoded) = from_base64url::<32>(text) {
        assert_eq!(base64url(&decoded), text);
    }
});
