//! A NIK from a spreadsheet's cell.

use ceknik_core::{Nik, NikWarning};

use super::RowReason;

/// Reads a NIK, with what spreadsheets put around it: an apostrophe before (a cell marked as text) or `="…"`.
///
/// What shows that the cell was a number is refused: a spreadsheet keeps 15 significant digits, so the last of 16 would
/// have to be guessed. A CSV shows it by scientific notation, a decimal part, groups of thousands, or the serial number
/// 0000. Any other false zero at the end, 0120 for 0123, looks like a NIK and cannot be told from one by itself; for the
/// column as a whole see [`Scan`](super::Scan).
pub(super) fn nik(cell: &str, trust_final_zeros: bool) -> Result<Nik, RowReason> {
    let text = cell.trim();
    let text = text
        .strip_prefix('\'')
        .or_else(|| text.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')))
        .unwrap_or(text);
    if is_scientific(text) {
        return Err(RowReason::NikScientific);
    }
    if has_decimal_part(text) || has_thousands(text) {
        return Err(RowReason::NikNumber);
    }
    let nik = Nik::parse(text)?;
    if nik.warnings().contains(NikWarning::Serial) && !trust_final_zeros {
        return Err(RowReason::NikFalseZero);
    }
    Ok(nik)
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `3.17101E+15`, `3,17101170890e15`.
fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return false };
    let mantissa = match mantissa.split_once(['.', ',']) {
        Some((whole, part)) => all_digits(whole) && all_digits(part),
        None => all_digits(mantissa),
    };
    mantissa && all_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))
}

/// `3171011708900001.0`, `3171011708900000,00`.
fn has_decimal_part(text: &str) -> bool {
    text.split_once(['.', ','])
        .is_some_and(|(whole, part)| all_digits(whole) && whole.len() >= 15 && all_digits(part) && part.len() <= 2)
}

/// `3.171.011.708.900.000`, with commas or spaces too, and a decimal part or none.
fn has_thousands(text: &str) -> bool {
    [('.', ','), (',', '.'), (' ', ','), ('\u{A0}', ',')].iter().any(|&(thousands, decimal)| {
        let (whole, part) = text.split_once(decimal).map_or((text, None), |(whole, part)| (whole, Some(part)));
        let groups: Vec<_> = whole.split(thousands).collect();
        groups.len() >= 5
            && groups.iter().all(|group| all_digits(group))
            && groups[0].len() <= 3
            && groups[1..].iter().all(|group| group.len() == 3)
            && part.is_none_or(all_digits)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheets_marks_are_taken_off() {
        for cell in [
            "3171011708900001",
            " 3171011708900001\u{A0}",
            "'3171011708900001",
            "=\"3171011708900001\"",
            "'3171 0117 0890 0001",
            "3171.0117.0890.0001",
            "31.71.01.170890.0001",
        ] {
            assert_eq!(nik(cell, false).unwrap().expose_digits(), b"3171011708900001", "{cell}");
        }
        for cell in ["''3171011708900001", "=3171011708900001", "=\"3171011708900001", "3171011708900001'"] {
            assert!(matches!(nik(cell, false), Err(RowReason::NikCharacter { .. })), "{cell}");
        }
    }

    #[test]
    fn a_number_is_never_guessed() {
        for cell in ["3.17101E+15", "3,17101E+15", "3.171011708900e15", "3E15", "'3.17101E+15", "3171011E9"] {
            assert_eq!(nik(cell, false), Err(RowReason::NikScientific), "{cell}");
        }
        for cell in [
            "3171011708900001.0",
            "3171011708900000,00",
            "3.171.011.708.900.000",
            "3,171,011,708,900,000",
            "3 171 011 708 900 000",
            "3.171.011.708.900.000,00",
            "3,171,011,708,900,001.0",
        ] {
            assert_eq!(nik(cell, true), Err(RowReason::NikNumber), "{cell}");
        }
        assert_eq!(nik("3171011708900000", false), Err(RowReason::NikFalseZero));
        assert_eq!(nik("3171011708900000", true).unwrap().expose_digits(), b"3171011708900000");
        // It may be a genuine serial number, and nothing tells.
        assert!(nik("3171011708900010", false).is_ok());
    }

    #[test]
    fn what_is_no_nik_is_refused() {
        assert_eq!(nik("", false), Err(RowReason::NikEmpty));
        assert_eq!(nik("'", false), Err(RowReason::NikEmpty));
        assert_eq!(nik(" - ", false), Err(RowReason::NikEmpty));
        assert_eq!(nik("317101170890001", false), Err(RowReason::NikLength { digits: 15 }));
        assert_eq!(nik("31710117089000011", false), Err(RowReason::NikLength { digits: 17 }));
        assert_eq!(nik("317101170890000O", false), Err(RowReason::NikCharacter { position: 16 }));
        assert_eq!(nik("E", false), Err(RowReason::NikCharacter { position: 1 }));
        assert_eq!(nik(&"1".repeat(300), false), Err(RowReason::NikTooLong { bytes: 300 }));
    }
}
