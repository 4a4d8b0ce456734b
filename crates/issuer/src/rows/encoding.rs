//! What the bytes of a list are: which encoding, and whether they are text at all.

use std::borrow::Cow;
use std::fmt;
use std::io::{ErrorKind, Read};

use zeroize::Zeroizing;

use super::ReadError;

/// Encoding of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Encoding {
    /// UTF-8, with or without byte order mark: the file holds nothing that is not.
    #[serde(rename = "utf-8")]
    Utf8,
    /// Windows-1252, what older spreadsheets export. Assumed of a whole file that is not UTF-8.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf8 => "UTF-8",
            Self::Windows1252 => "Windows-1252",
        })
    }
}

impl Encoding {
    /// The text of a cell. Wiped when dropped: it may be a NIK.
    pub(super) fn decode(self, bytes: &[u8]) -> Zeroizing<String> {
        let text = match self {
            Self::Utf8 => String::from_utf8_lossy(bytes),
            Self::Windows1252 => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0,
        };
        Zeroizing::new(match text {
            Cow::Borrowed(text) => text.to_owned(),
            Cow::Owned(text) => text,
        })
    }
}

/// What a pass over all bytes of a file tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Survey {
    pub(super) encoding: Encoding,
    /// Length of the byte order mark, 0 or 3.
    pub(super) mark: u64,
    /// Length of the file.
    pub(super) bytes: u64,
    /// The file is UTF-8 up to its end, and ends in the middle of a character.
    pub(super) cut_in_character: bool,
}

/// Bytes at the start of a file in which text has no more than [`MOST_NULS`].
const START_BYTES: usize = 4096;
/// NUL bytes below the first line that may be damage of single rows, which are refused by themselves.
const MOST_NULS: usize = 16;
const BUFFER_BYTES: usize = 65_536;
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Reads `source` to its end.
///
/// # Errors
/// [`ReadError::Io`], [`ReadError::Empty`], and what the first bytes show to be no CSV: [`ReadError::Workbook`],
/// [`ReadError::Utf16`], [`ReadError::Binary`].
pub(super) fn survey(mut source: impl Read) -> Result<Survey, ReadError> {
    let mut buffer = Zeroizing::new(vec![0; BUFFER_BYTES]);
    let mut bytes = 0;
    // Bytes at the start of the buffer that are the first part of a character.
    let mut carried = 0;
    let mut survey = Survey { encoding: Encoding::Utf8, mark: 0, bytes: 0, cut_in_character: false };
    loop {
        let read = fill(&mut source, &mut buffer[carried..])?;
        if read == 0 {
            break;
        }
        let filled = carried + read;
        if bytes == 0 {
            refuse_what_is_no_text(&buffer[..filled])?;
            survey.mark = if buffer[..filled].starts_with(MARK) { MARK.len() as u64 } else { 0 };
        }
        bytes += read as u64;
        carried = 0;
        if survey.encoding == Encoding::Utf8
            && let Err(error) = std::str::from_utf8(&buffer[..filled])
        {
            if error.error_len().is_some() {
                survey.encoding = Encoding::Windows1252;
            } else {
                carried = filled - error.valid_up_to();
                buffer.copy_within(error.valid_up_to()..filled, 0);
            }
        }
    }
    if bytes == survey.mark {
        return Err(ReadError::Empty);
    }
    survey.bytes = bytes;
    survey.cut_in_character = carried > 0;
    Ok(survey)
}

fn refuse_what_is_no_text(start: &[u8]) -> Result<(), ReadError> {
    const ZIP: &[u8] = b"PK\x03\x04";
    const COMPOUND_FILE: &[u8] = b"\xD0\xCF\x11\xE0";
    // What begins like text: gzip and PDF.
    const OTHERS: [&[u8]; 2] = [b"\x1F\x8B", b"%PDF-"];
    // Without a mark: the first character of a header is ASCII, and one byte of it is zero.
    let utf16 = matches!(start, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, _, ..] | [_, 0, ..]);
    if start.starts_with(ZIP) || start.starts_with(COMPOUND_FILE) {
        Err(ReadError::Workbook)
    } else if utf16 {
        Err(ReadError::Utf16)
    } else if OTHERS.iter().any(|other| start.starts_with(other)) || has_nuls(start) {
        Err(ReadError::Binary)
    } else {
        Ok(())
    }
}

fn has_nuls(start: &[u8]) -> bool {
    let start = &start[..start.len().min(START_BYTES)];
    let nuls = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == 0).count();
    let line = start.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(start.len());
    nuls(&start[..line]) > 0 || nuls(start) > MOST_NULS
}

/// Reads until the buffer is full or the source is at its end.
fn fill(source: &mut impl Read, buffer: &mut [u8]) -> Result<usize, ReadError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surveyed(bytes: &[u8]) -> Survey {
        survey(bytes).unwrap()
    }

    #[test]
    fn characters_may_fall_apart_between_two_reads() {
        for before in BUFFER_BYTES - 5..BUFFER_BYTES + 2 {
            let text = "x".repeat(before) + "é३𝟎".repeat(BUFFER_BYTES / 8).as_str();
            let survey = surveyed(text.as_bytes());
            assert_eq!((survey.encoding, survey.bytes), (Encoding::Utf8, text.len() as u64));
            assert!(surveyed(&text.as_bytes()[..text.len() - 1]).cut_in_character);
            let with_latin = [text.as_bytes(), b"\xE9\n"].concat();
            assert_eq!(surveyed(&with_latin).encoding, Encoding::Windows1252);
        }
    }

    #[test]
    fn what_is_all_utf8_is_utf8() {
        assert_eq!(surveyed("NIK,Nama\n1,Siti é 𝟎 ३\n".as_bytes()).encoding, Encoding::Utf8);
        assert_eq!(surveyed(b"NIK\n").mark, 0);
        assert_eq!(surveyed(b"\xEF\xBB\xBFNIK\n").mark, 3);
        assert_eq!(surveyed(b"NIK\n").bytes, 4);
    }

    #[test]
    fn what_is_not_all_utf8_is_windows_1252() {
        assert_eq!(surveyed(b"NIK,Nama\n1,Ren\xE9\n2,Siti\n").encoding, Encoding::Windows1252);
        // Also when most of it would be UTF-8.
        let mixed = ["NIK,é\n1,é\n".as_bytes(), b"\xE9\n"].concat();
        assert_eq!(surveyed(&mixed).encoding, Encoding::Windows1252);
        assert_eq!(&*Encoding::Windows1252.decode(b"Ren\xE9 \x96"), "René –");
    }

    #[test]
    fn a_character_cut_off_at_the_end_is_no_other_encoding() {
        let survey = surveyed(b"NIK,Nama\n1,Ren\xC3");
        assert_eq!((survey.encoding, survey.cut_in_character), (Encoding::Utf8, true));
        assert!(!surveyed("NIK,Nama\n1,é".as_bytes()).cut_in_character);
        assert!(!surveyed(b"NIK,Nama\n1,Ren\xE9 \xC3").cut_in_character);
    }

    #[test]
    fn what_is_no_csv_is_refused() {
        assert!(matches!(survey(&b"PK\x03\x04..."[..]), Err(ReadError::Workbook)));
        assert!(matches!(survey(&b"\xD0\xCF\x11\xE0\xA1\xB1"[..]), Err(ReadError::Workbook)));
        for utf16 in [&b"\xFF\xFEN\0I\0"[..], b"\xFE\xFF\0N\0I", b"N\0I\0K\0", b"\0N\0I\0K"] {
            assert!(matches!(survey(utf16), Err(ReadError::Utf16)));
        }
        assert!(matches!(survey(&b""[..]), Err(ReadError::Empty)));
        assert!(matches!(survey(&b"\xEF\xBB\xBF"[..]), Err(ReadError::Empty)));
    }
}
