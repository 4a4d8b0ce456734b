//! The ways in which a value can be written: as bytes, text, number, in whatever encoding somebody might log or store it.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256, Sha512};

/// Of a derived value this many bytes are searched for: enough to be no chance, and a part that leaks leaks.
const ENOUGH: usize = 12;

/// A name of the form, and the bytes to find.
pub(crate) type Form = (String, Vec<u8>);

/// The name of the form that is nothing but the bytes.
pub(crate) const RAW: &str = "raw";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Base64 of the bytes at each place that they can have in a longer value, without the characters that depend on what is
/// before or after them.
fn base64(bytes: &[u8]) -> impl Iterator<Item = (String, String)> + '_ {
    (0..3).flat_map(move |before| {
        let mut padded = vec![0; before];
        padded.extend_from_slice(bytes);
        // Whole groups of three bytes, but for those before; a character holds six bits.
        let from = (before * 8).div_ceil(6);
        let to = padded.len() * 8 / 6;
        [("base64", STANDARD_NO_PAD.encode(&padded)), ("base64url", URL_SAFE_NO_PAD.encode(&padded))]
            .map(|(name, text)| (format!("{name} at {before}"), text[from..to].to_owned()))
    })
}

/// Bytes, as they are and as text.
pub(crate) fn of_bytes(bytes: &[u8]) -> Vec<Form> {
    let list = |write: fn(&u8) -> String, between: &str| bytes.iter().map(write).collect::<Vec<_>>().join(between);
    let texts = [
        ("hex", hex(bytes)),
        ("HEX", hex(bytes).to_uppercase()),
        // As `{:?}`, JSON and `{:#?}` write them, the last at two depths.
        ("list of numbers", list(u8::to_string, ", ")),
        ("list of numbers, close", list(u8::to_string, ",")),
        ("list of numbers on lines", list(u8::to_string, ",\n    ")),
        ("list of numbers on lines, deeper", list(u8::to_string, ",\n        ")),
        ("list of hex", list(|byte| format!("{byte:02x}"), ", ")),
        ("list of HEX", list(|byte| format!("{byte:02X}"), ", ")),
        ("list of short hex", list(|byte| format!("{byte:x}"), ", ")),
        ("list of short HEX", list(|byte| format!("{byte:X}"), ", ")),
        ("list of 0x", list(|byte| format!("0x{byte:02x}"), ", ")),
        ("hex by colons", list(|byte| format!("{byte:02x}"), ":")),
        ("escaped", list(|byte| format!("\\x{byte:02x}"), "")),
    ];
    let texts = texts.map(|(name, text)| (name.to_owned(), text));
    let mut forms = vec![(RAW.to_owned(), bytes.to_vec())];
    forms.extend(texts.into_iter().chain(base64(bytes)).map(|(name, text)| (name, text.into_bytes())));
    let mut known = BTreeSet::new();
    forms.retain(|(_, form)| known.insert(form.clone()));
    forms
}

/// A value that was derived with a key or a salt: its beginning.
pub(crate) fn of_derived(bytes: &[u8]) -> Vec<Form> {
    of_bytes(&bytes[..ENOUGH.min(bytes.len())])
}

/// Text that stood in a list or was typed.
pub(crate) fn of_text(text: &str) -> Vec<Form> {
    let mut forms = of_bytes(text.as_bytes());
    forms.push(("UTF-16LE".to_owned(), text.encode_utf16().flat_map(u16::to_le_bytes).collect()));
    forms.push(("UTF-16BE".to_owned(), text.encode_utf16().flat_map(u16::to_be_bytes).collect()));
    forms
}

/// A NIK: 16 digits.
pub(crate) fn of_nik(nik: &str) -> Vec<Form> {
    let number: u64 = nik.parse().unwrap();
    let mut forms = of_text(nik);
    let mut add = |name: &str, bytes: Vec<u8>| forms.push((name.to_owned(), bytes));
    add("UTF-32LE", nik.chars().flat_map(|digit| u32::from(digit).to_le_bytes()).collect());
    add("backwards", nik.bytes().rev().collect());
    add("first 12 digits", nik.as_bytes()[..12].to_vec());
    add("last 10 digits", nik.as_bytes()[6..].to_vec());
    let groups: [&[usize]; 4] = [&[4, 4, 4, 4], &[6, 6, 4], &[2, 2, 2, 6, 4], &[1, 3, 3, 3, 3, 3]];
    for (group, separator) in groups.into_iter().flat_map(|group| [" ", ".", "-", ",", "_"].map(|by| (group, by))) {
        let mut rest = nik;
        let parts = group.iter().map(|length| {
            let (part, after) = rest.split_at(*length);
            rest = after;
            part
        });
        let text = parts.collect::<Vec<_>>().join(separator);
        add(&format!("in groups {group:?} by {separator:?}"), text.into_bytes());
    }
    // A number of 64 bits; one of 128 has these bytes in it.
    for (order, bytes) in [("little-endian", number.to_le_bytes()), ("big-endian", number.to_be_bytes())] {
        // The highest byte is zero. The other seven are no chance.
        for (name, bytes) in of_bytes(&bytes) {
            add(&format!("{order} integer, {name}"), bytes);
        }
    }
    add("integer in hex", format!("{number:x}").into_bytes());
    add("integer in HEX", format!("{number:X}").into_bytes());
    let float = number as f64;
    add("double, little-endian", float.to_le_bytes().to_vec());
    add("double, big-endian", float.to_be_bytes().to_vec());
    add("scientific", format!("{float:e}").into_bytes());
    let digits: Vec<u8> = nik.bytes().map(|digit| digit - b'0').collect();
    add("digits as bytes", digits.clone());
    add("BCD", digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect());
    add("BCD, low digit first", digits.chunks(2).map(|pair| pair[1] << 4 | pair[0]).collect());
    add("varint, low bits first", varint(number, false));
    add("varint, high bits first", varint(number, true));
    // A fast hash of a NIK is a NIK.
    for (name, digest) in [("SHA-256", Sha256::digest(nik).to_vec()), ("SHA-512", Sha512::digest(nik).to_vec())] {
        for (form, bytes) in of_derived(&digest) {
            add(&format!("{name}, {form}"), bytes);
        }
    }
    forms
}

/// Seven bits a byte, the highest bit set on all bytes but the last.
fn varint(mut number: u64, high_first: bool) -> Vec<u8> {
    let mut groups = Vec::new();
    while number > 0 {
        groups.push((number & 0x7f) as u8);
        number >>= 7;
    }
    if high_first {
        groups.reverse();
    }
    let last = groups.len() - 1;
    groups.iter().enumerate().map(|(place, group)| if place == last { *group } else { group | 0x80 }).collect()
}

/// Two cells, side by side as they would stand in a list in order: one alone is too short to be no chance.
pub(crate) fn of_cells(first: u64, second: u64) -> Vec<Form> {
    let long = |bytes: fn(u64) -> [u8; 8]| [bytes(first), bytes(second)].concat();
    let short = |bytes: fn(u32) -> [u8; 4]| [bytes(first as u32), bytes(second as u32)].concat();
    vec![
        ("64 bits, big-endian".to_owned(), long(u64::to_be_bytes)),
        ("64 bits, little-endian".to_owned(), long(u64::to_le_bytes)),
        ("32 bits, big-endian".to_owned(), short(u32::to_be_bytes)),
        ("32 bits, little-endian".to_owned(), short(u32::to_le_bytes)),
        ("decimal".to_owned(), format!("{first},{second}").into_bytes()),
        ("decimal, as printed".to_owned(), format!("{first}, {second}").into_bytes()),
    ]
}

/// An IPv4 address. Its four bytes alone would be found by chance in anything compressed.
pub(crate) fn of_address(octets: [u8; 4]) -> Vec<Form> {
    let text = octets.map(|octet| octet.to_string()).join(".");
    let mut forms = of_text(&text);
    forms.push(("address in hex".to_owned(), hex(&octets).into_bytes()));
    forms.push(("address mapped to IPv6".to_owned(), [&[0, 0, 0xff, 0xff], &octets[..]].concat()));
    forms
}

#[test]
fn base64_is_found_wherever_it_stands() {
    let secret = b"sixteen letters!";
    let mut alignments = [0; 3];
    for before in 0..9 {
        for after in 0..4 {
            let longer = [&vec![0xa5; before][..], secret, &vec![0x5a; after][..]].concat();
            let text = STANDARD_NO_PAD.encode(longer);
            let found = base64(secret).filter(|(_, form)| text.contains(form)).map(|(name, _)| name);
            assert!(found.collect::<Vec<_>>().contains(&format!("base64 at {}", before % 3)));
            alignments[before % 3] += 1;
        }
    }
    assert!(alignments.iter().all(|count| *count == 12));
}

#[test]
fn forms_of_a_nik_are_what_they_say() {
    let forms = of_nik("3171011708900123");
    let form = |name: &str| forms.iter().find(|(found, _)| found == name).unwrap().1.clone();
    assert_eq!(form("BCD"), [0x31, 0x71, 0x01, 0x17, 0x08, 0x90, 0x01, 0x23]);
    assert_eq!(form("big-endian integer, raw"), 3_171_011_708_900_123_u64.to_be_bytes());
    assert_eq!(form("in groups [6, 6, 4] by \".\""), b"317101.170890.0123");
    assert_eq!(form("in groups [1, 3, 3, 3, 3, 3] by \",\""), b"3,171,011,708,900,123");
    assert_eq!(form("scientific"), b"3.171011708900123e15");
    assert_eq!(form("hex"), b"33313731303131373038393030313233");
    assert_eq!(form("list of numbers"), b"51, 49, 55, 49, 48, 49, 49, 55, 48, 56, 57, 48, 48, 49, 50, 51");
    assert_eq!(form("varint, low bits first").len(), 8);
}
