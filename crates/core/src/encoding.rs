//! Bytes in text: base64url without padding, and lower-case hex for SHA-256; and what no text that is shown may hold.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// base64url without padding.
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes exactly N bytes of canonical base64url without padding. None for anything else.
pub fn from_base64url<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut out = [0u8; N];
    // The engine refuses padding, other alphabets and trailing bits that are not zero.
    if text.len() != (8 * N).div_ceil(6) {
        return None;
    }
    let written = URL_SAFE_NO_PAD.decode_slice(text, &mut out).ok()?;
    (written == N).then_some(out)
}

/// Decodes canonical base64url without padding, of any length. None for anything else.
pub fn decode_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]).map(char::from).collect()
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

/// Whether a character turns the writing direction, by which a text shows as another than it is.
pub fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
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
    fn hex_is_strict() {
        let bytes: [u8; 32] = core::array::from_fn(|i| (i * 9) as u8);
        assert_eq!(from_hex(&hex(&bytes)), Some(bytes));
        assert_eq!(from_hex(&hex(&bytes).to_uppercase()), None);
        assert_eq!(from_hex(&hex(&bytes)[1..]), None);
    }
}
