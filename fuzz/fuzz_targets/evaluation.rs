//! No response passes that was not made for what was sent: nobody here knows a key. Input: whether `alone` was
//! asked for, then the body.
#![no_main]
use ceknik_client::evaluation::open_response;
use ceknik_core::encoding::from_base64url;
use ceknik_core::oprf::{BlindedElement, OprfPublicKey};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((alone, body)) = input.split_first() else { return };
    // The generator stands for a key and for an element.
    let generator = from_base64url::<32>("4vKuCmq8TnGohKlhxQBRX1jjC2qlgt2NtqZZReCNLXY").expect("32 bytes");
    let key = OprfPublicKey::from_bytes(&generator).expect("RFC 9496, the generator");
    let sent = BlindedElement::from_bytes(&generator).expect("likewise");
    assert!(open_response(body, &key, &[sent], alone & 1 == 1).is_err());
});
