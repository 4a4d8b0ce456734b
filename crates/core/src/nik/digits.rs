//! Which characters of an input are digits, and which are stripped (spec, step 1).

/// The zeros of all decimal digits (general category Nd) of Unicode 17.0, ascending: each is followed by its 1 to 9.
/// Fixed for the protocol: another version's digits would make another reader.
const ZEROS: [u32; 77] = [
    0x30, 0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0,
    0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620,
    0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x10D40, 0x11066, 0x110F0, 0x11136,
    0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x116D0, 0x116DA, 0x11730, 0x118E0, 0x11950, 0x11BF0,
    0x11C50, 0x11D50, 0x11DA0, 0x11DE0, 0x11F50, 0x16130, 0x16A60, 0x16AC0, 0x16B50, 0x16D70, 0x1CCF0, 0x1D7CE,
    0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E5F1, 0x1E950, 0x1FBF0,
];

/// The value of a decimal digit of any script, 0 to 9.
pub(super) fn digit_value(char: char) -> Option<u8> {
    let point = u32::from(char);
    let zero = *ZEROS.get(ZEROS.partition_point(|&zero| zero <= point).checked_sub(1)?)?;
    u8::try_from(point - zero).ok().filter(|&value| value <= 9)
}

/// Whether a character is left out: white space (Unicode's White_Space, 25 characters, stable since Unicode 6.3),
/// zero-width characters, and what people put between groups of digits.
pub(super) fn is_stripped(char: char) -> bool {
    matches!(char, '.' | '-' | '\u{200B}'..='\u{200D}' | '\u{2010}'..='\u{2013}' | '\u{2060}' | '\u{FEFF}')
        || char.is_whitespace()
}

#[cfg(test)]
mod tests {
    use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

    use super::*;

    #[test]
    fn the_digits_are_those_of_general_category_nd() {
        // Unicode 18.0, which the oracle may hold, has the decimal digits of 17.0.
        assert!(unicode_properties::UNICODE_VERSION >= (17, 0, 0));
        let mut digits = 0;
        for char in '\0'..=char::MAX {
            let is_nd = char.general_category() == GeneralCategory::DecimalNumber;
            assert_eq!(digit_value(char).is_some(), is_nd, "U+{:04X}", u32::from(char));
            digits += usize::from(is_nd);
        }
        assert_eq!(digits, 10 * ZEROS.len());
    }

    #[test]
    fn the_value_of_a_digit_is_its_place_after_its_zero() {
        for zero in ZEROS {
            for value in 0..=9u8 {
                let char = char::from_u32(zero + u32::from(value)).unwrap();
                assert_eq!(digit_value(char), Some(value));
            }
        }
        assert!(ZEROS.is_sorted_by(|a, b| a + 9 < *b));
    }

    #[test]
    fn exactly_these_characters_are_stripped() {
        let stripped: Vec<u32> = ('\0'..=char::MAX).filter(|&char| is_stripped(char)).map(u32::from).collect();
        let white_space = (0x9..=0xD).chain([0x20, 0x85, 0xA0, 0x1680]).chain(0x2000..=0x200A);
        let white_space = white_space.chain([0x2028, 0x2029, 0x202F, 0x205F, 0x3000]);
        let mut expected: Vec<u32> = white_space.collect();
        assert_eq!(expected.len(), 25);
        expected.extend([0x2D, 0x2E, 0x200B, 0x200C, 0x200D, 0x2010, 0x2011, 0x2012, 0x2013, 0x2060, 0xFEFF]);
        expected.sort_unstable();
        assert_eq!(stripped, expected);
    }
}
