//! The identifier: a NIK read from what people type and publishers hold (spec, step 1).

mod digits;
mod district;
mod facts;

use core::fmt;

use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use digits::{digit_value, is_stripped};

pub use district::{District, DistrictStanding};
pub use facts::{BirthDate, NikWarning, NikWarnings, Sex};

/// Longest input that [`Nik::parse`] reads, in bytes of UTF-8. Sixteen digits of the widest script with as many
/// separators between them are 128 bytes.
pub const MAX_NIK_INPUT_BYTES: usize = 256;

/// Number of digits of a NIK.
const DIGITS: usize = 16;

/// A NIK, the number of an Indonesian identity card: exactly 16 ASCII digits. Never a number: 9671011708900123 does not
/// survive a double.
///
/// It is secret: it prints as `REDACTED`, is wiped when dropped, compares in constant time, and has neither `Display`
/// nor a serialised form.
///
/// ```
/// use ceknik_core::{Nik, NikError};
///
/// let nik = Nik::parse("3171.01.170890.0001")?;
/// assert_eq!(nik.expose_digits(), b"3171011708900001");
/// assert!(nik.warnings().is_empty());
/// assert_eq!(format!("{nik:?}"), "Nik(REDACTED)");
/// assert_eq!(Nik::parse("3171"), Err(NikError::Length { digits: 4 }));
/// # Ok::<(), NikError>(())
/// ```
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Nik([u8; DIGITS]);

/// Why an input is no NIK. Nothing in it, its message included, repeats the input.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum NikError {
    /// The input has more than [`MAX_NIK_INPUT_BYTES`]. It was not read.
    #[error("the input is {bytes} bytes long, a NIK at most {MAX_NIK_INPUT_BYTES} with its separators")]
    TooLong {
        /// Length of the input in bytes of UTF-8.
        bytes: usize,
    },
    /// A character is neither a decimal digit nor one that is stripped.
    #[error("character {position} is neither a digit nor a space, dot or hyphen")]
    Character {
        /// Where it stands in the input, in characters (Unicode scalar values) from 1.
        position: usize,
    },
    /// There is no digit.
    #[error("there is no digit; a NIK has 16")]
    Empty,
    /// There are digits, but not 16.
    #[error("there are {digits} digits; a NIK has 16")]
    Length {
        /// How many digits there are.
        digits: usize,
    },
}

impl NikError {
    /// The fixed code of this error, for machines: `too_long`, `character`, `empty` or `length`.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLong { .. } => "too_long",
            Self::Character { .. } => "character",
            Self::Empty => "empty",
            Self::Length { .. } => "length",
        }
    }
}

impl Nik {
    /// Reads a NIK: strips Unicode white space, U+200B to U+200D, U+2060, U+FEFF, `.`, `-` and U+2010 to U+2013, folds
    /// the decimal digits of every script (general category Nd of Unicode 17.0, and nothing else: `²` is no digit) to
    /// ASCII, and wants exactly 16 of them.
    ///
    /// What else may be wrong with a NIK is said by [`Nik::warnings`] and refuses nothing.
    ///
    /// # Errors
    /// In this order: [`NikError::TooLong`], [`NikError::Character`] for the first such character, [`NikError::Empty`],
    /// [`NikError::Length`].
    pub fn parse(input: &str) -> Result<Self, NikError> {
        if input.len() > MAX_NIK_INPUT_BYTES {
            return Err(NikError::TooLong { bytes: input.len() });
        }
        // The digits are gathered in the secret itself, which is wiped on every way out.
        let mut nik = Self([0; DIGITS]);
        let mut digits = 0;
        for (index, char) in input.chars().enumerate() {
            if is_stripped(char) {
                continue;
            }
            let value = digit_value(char).ok_or(NikError::Character { position: index + 1 })?;
            if let Some(place) = nik.0.get_mut(digits) {
                *place = b'0' + value;
            }
            digits += 1;
        }
        match digits {
            DIGITS => Ok(nik),
            0 => Err(NikError::Empty),
            digits => Err(NikError::Length { digits }),
        }
    }

    /// The 16 ASCII digits. Whoever calls this answers for where they go.
    pub fn expose_digits(&self) -> &[u8; DIGITS] {
        &self.0
    }

    /// The ASCII digits of an input that may not have 16 yet, for a field that shows them in groups while they are typed. What
    /// is neither a digit nor stripped is left out; of an input that [`Nik::parse`] would not read there are none.
    pub fn digits_typed(input: &str) -> Zeroizing<String> {
        let mut digits = Zeroizing::new(String::with_capacity(MAX_NIK_INPUT_BYTES));
        if input.len() <= MAX_NIK_INPUT_BYTES {
            digits.extend(input.chars().filter_map(digit_value).map(|value| char::from(b'0' + value)));
        }
        digits
    }

    /// The number that `count` digits from `start` make.
    fn number(&self, start: usize, count: usize) -> u32 {
        self.0.iter().skip(start).take(count).fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
    }
}

impl fmt::Debug for Nik {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nik(REDACTED)")
    }
}

impl ConstantTimeEq for Nik {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl PartialEq for Nik {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for Nik {}

#[cfg(test)]
mod tests;
