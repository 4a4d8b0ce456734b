//! Bytes and numbers in text: base64, lower-case hex for SHA-256, decimals; and what no text that is shown may hold.

use base64ct::{Base64, Encoding as _};
use zeroize::Zeroizing;

/// base64url without padding.
pub fn base64url(bytes: &[u8]) -> String {
    let mut text = base64(bytes).into_bytes();
    text.truncate((8 * bytes.len()).div_ceil(6));
    for byte in &mut text {
        match byte {
            b'+' => *byte = b'-',
            b'/' => *byte = b'_',
            _ => {}
        }
    }
    String::from_utf8(text).unwrap_or_default()
}

/// Decodes exactly N bytes of canonical base64url without padding. None for anything else.
pub fn from_base64url<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut out = [0u8; N];
    fill_from_base64url(text, &mut out).then_some(out)
}

/// Fills `out` from canonical base64url without padding: neither padding, other alphabets, nor last bits that are not zero.
/// What is read may be a key.
pub(crate) fn fill_from_base64url(text: &str, out: &mut [u8]) -> bool {
    if text.len() != (8 * out.len()).div_ceil(6) {
        return false;
    }
    let mut standard = Zeroizing::new(vec![b'='; text.len().next_multiple_of(4)]);
    for (standard, byte) in standard.iter_mut().zip(text.bytes()) {
        *standard = match byte {
            b'-' => b'+',
            b'_' => b'/',
            b'+' | b'/' | b'=' => return false,
            byte => byte,
        };
    }
    Base64::decode(&*standard, out).is_ok()
}

/// Standard base64 with padding, as the log's formats have it.
pub(crate) fn base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

/// Decodes canonical standard base64 with padding. None for anything else.
pub(crate) fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![0; text.len() / 4 * 3];
    let bytes = Base64::decode(text, &mut out).ok()?.len();
    out.truncate(bytes);
    Some(out)
}

/// Reads a decimal number without sign or leading zeros.
pub fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || (digits[0] == b'0' && digits.len() > 1) {
        return None;
    }
    let mut number = 0u64;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
    }
    Some(number)
}

/// Decodes canonical base64url without padding, of any length. None for anything else.
pub fn decode_base64url(text: &str) -> Option<Vec<u8>> {
    let mut out = vec![0; text.len() / 4 * 3 + (text.len() % 4).saturating_sub(1)];
    fill_from_base64url(text, &mut out).then_some(out)
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)].into());
        text.push(DIGITS[usize::from(byte & 15)].into());
    }
    text
}

/// Decodes the lower-case hex of a SHA-256. None for anything else.
pub fn from_hex(text: &str) -> Option<[u8; 32]> {
    let text = text.as_bytes();
    if text.len() != 64 {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut out = [0u8; 32];
    for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

/// A name from elsewhere, for an error's text: quotes, backslashes and all that is not printable ASCII are escaped.
pub fn escaped(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for &byte in name {
        match byte {
            b'"' | b'\'' | b'\\' => text.extend(['\\', byte.into()]),
            b' '..=b'~' => text.push(byte.into()),
            _ => {
                text.push_str("\\x");
                text.push_str(&hex(&[byte]));
            }
        }
    }
    text
}

/// Whether a character turns the writing direction, by which a text shows as another than it is.
pub fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Most characters of [`presentable`].
const MOST_PRESENTABLE: usize = 300;

/// An error's text, parts of which may be a stranger's: on one line, nothing in it that a terminal obeys or that turns the writing
/// direction, and not much.
pub fn presentable(error: &dyn core::fmt::Display) -> String {
    let mut text = String::new();
    for char in error.to_string().chars().take(MOST_PRESENTABLE) {
        text.push(if char.is_control() || turns_direction(char) { ' ' } else { char });
    }
    text
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn base64url_is_strict() {
        assert_eq!(from_base64url::<2>("_-8"), Some([0xff, 0xef]));
        assert_eq!(base64url(&[0xff, 0xef]), "_-8");
        for text in ["_-9", "_-8=", "/+8", "_-8A", "_-", " _-8", ""] {
            assert_eq!(from_base64url::<2>(text), None, "{text}");
            assert!(decode_base64url(text).is_none_or(|bytes| bytes.len() != 2), "{text}");
        }
        assert_eq!(from_base64url::<0>(""), Some([]));
        assert_eq!(decode_base64url("_-8"), Some(vec![0xff, 0xef]));
    }

    #[test]
    fn base64_is_strict() {
        for (text, bytes) in [("", &[][..]), ("/w==", &[0xff]), ("/+8=", &[0xff, 0xef]), ("AAAA", &[0; 3])] {
            assert_eq!(from_base64(text.as_bytes()).as_deref(), Some(bytes), "{text}");
            assert_eq!(base64(bytes), text);
        }
        for text in
            ["/w", "/w=", "/x==", "/+9=", "_-8=", "/+8=\n", " /+8=", "/+8==", "=", "====", "AAAA=", "A", "/w==/w=="]
        {
            assert_eq!(from_base64(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        /// Another implementation reads and writes the same.
        #[test]
        fn base64_is_everybodys(bytes in prop::collection::vec(any::<u8>(), 0..100), text in "[A-Za-z0-9+/_=\n -]{0,9}") {
            prop_assert_eq!(base64(&bytes), STANDARD.encode(&bytes));
            prop_assert_eq!(base64url(&bytes), URL_SAFE_NO_PAD.encode(&bytes));
            prop_assert_eq!(from_base64(STANDARD.encode(&bytes).as_bytes()), Some(bytes));
            prop_assert_eq!(from_base64(text.as_bytes()), STANDARD.decode(&text).ok());
            let three = URL_SAFE_NO_PAD.decode(&text).ok().and_then(|bytes| bytes.try_into().ok());
            prop_assert_eq!(from_base64url::<3>(&text), three);
            prop_assert_eq!(decode_base64url(&text), URL_SAFE_NO_PAD.decode(&text).ok());
        }
    }

    #[test]
    fn what_a_stranger_wrote_is_presentable() {
        assert_eq!(presentable(&"a\u{1b}[2J\n\u{202e}b"), "a [2J  b");
        assert_eq!(presentable(&"\u{e9}".repeat(400)).chars().count(), MOST_PRESENTABLE);
    }

    #[test]
    fn decimals_are_strict() {
        for (text, number) in [("0", 0), ("7", 7), ("10", 10), ("18446744073709551615", u64::MAX)] {
            assert_eq!(decimal(text.as_bytes()), Some(number));
        }
        for text in
            ["", "00", "01", "+1", "-1", " 1", "1 ", "1_0", "a", "18446744073709551616", "99999999999999999999", "１"]
        {
            assert_eq!(decimal(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn names_are_escaped() {
        assert_eq!(escaped(b"a.example/log 1"), "a.example/log 1");
        assert_eq!(escaped("\"'\\\t\u{e9}\u{202e}".as_bytes()), r#"\"\'\\\x09\xc3\xa9\xe2\x80\xae"#);
    }

    #[test]
    fn hex_is_strict() {
        let bytes: [u8; 32] = core::array::from_fn(|i| (i * 9) as u8);
        assert_eq!(from_hex(&hex(&bytes)), Some(bytes));
        assert_eq!(from_hex(&hex(&bytes).to_uppercase()), None);
        assert_eq!(from_hex(&hex(&bytes)[1..]), None);
    }
}
