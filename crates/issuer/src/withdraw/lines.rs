//! NIKs, one a line.

use std::io::{self, BufRead};

use ceknik_core::{Nik, NikError};
use zeroize::Zeroizing;

/// Longest line that is held, in bytes. What is longer is no NIK, whatever it is.
pub const MAX_NIK_LINE_BYTES: usize = 1024;

/// A line that is not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NikLine {
    /// From 1, empty lines counted.
    pub line: u64,
    /// What it is.
    pub nik: Result<Nik, NikError>,
}

/// Reads NIKs, one a line, empty lines passed over. What was read is wiped.
///
/// ```
/// use ceknik_issuer::NikLines;
///
/// let lines: Vec<_> = NikLines::new(&b"3171011708900001\n\n3171.01.570890.0002\nx\n"[..]).collect::<Result<_, _>>()?;
/// assert_eq!(lines.iter().map(|line| (line.line, line.nik.is_ok())).collect::<Vec<_>>(), [(1, true), (3, true), (4, false)]);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct NikLines<R> {
    source: R,
    line: u64,
    ended: bool,
}

impl<R: BufRead> NikLines<R> {
    /// From the start of `source`.
    pub fn new(source: R) -> Self {
        Self { source, line: 0, ended: false }
    }

    /// Reads a line without its end into `line`, of which the bytes over the limit are passed over. Gives its length; none
    /// at the end.
    fn read_line(&mut self, line: &mut Zeroizing<Vec<u8>>) -> io::Result<Option<usize>> {
        let mut length = 0;
        let mut any = false;
        loop {
            let available = match self.source.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                available => available?,
            };
            if available.is_empty() {
                return Ok(any.then_some(length));
            }
            any = true;
            let end = available.iter().position(|byte| *byte == b'\n');
            let part = &available[..end.unwrap_or(available.len())];
            let room = MAX_NIK_LINE_BYTES.saturating_sub(line.len());
            line.extend_from_slice(&part[..part.len().min(room)]);
            length += part.len();
            let used = part.len() + usize::from(end.is_some());
            self.source.consume(used);
            if end.is_some() {
                return Ok(Some(length));
            }
        }
    }
}

impl<R: BufRead> Iterator for NikLines<R> {
    type Item = io::Result<NikLine>;

    fn next(&mut self) -> Option<Self::Item> {
        // Reserved at full length, so that no copy is left behind by growing.
        let mut line = Zeroizing::new(Vec::with_capacity(MAX_NIK_LINE_BYTES));
        while !self.ended {
            line.clear();
            self.line += 1;
            let length = match self.read_line(&mut line) {
                Ok(Some(length)) => length,
                Ok(None) => {
                    self.ended = true;
                    break;
                }
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            };
            if line.trim_ascii().is_empty() && length <= line.len() {
                continue;
            }
            let nik = if length > line.len() { Err(NikError::TooLong { bytes: length }) } else { parse(&line) };
            return Some(Ok(NikLine { line: self.line, nik }));
        }
        None
    }
}

fn parse(line: &[u8]) -> Result<Nik, NikError> {
    match std::str::from_utf8(line) {
        Ok(text) => Nik::parse(text),
        Err(error) => {
            let before = line.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok());
            Err(NikError::Character { position: 1 + before.map_or(0, |valid| valid.chars().count()) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<NikLine> {
        // A buffer of three bytes, so that lines fall apart.
        NikLines::new(io::BufReader::with_capacity(3, text)).collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn lines_are_numbered_as_they_stand() {
        let got = read(b"\n3171011708900001\r\n  \n31710117\n\xef\xbb\xbf3171015708900001");
        let good = |digits| Ok(Nik::parse(digits).unwrap());
        assert_eq!(
            got,
            [
                NikLine { line: 2, nik: good("3171011708900001") },
                NikLine { line: 4, nik: Err(NikError::Length { digits: 8 }) },
                NikLine { line: 5, nik: good("3171015708900001") },
            ]
        );
        assert_eq!(read(b""), []);
    }

    #[test]
    fn a_long_line_is_passed_over() {
        let long = [&[b'1'; 100_000][..], b"\n3171011708900001\n"].concat();
        let got = read(&long);
        assert_eq!(got[0], NikLine { line: 1, nik: Err(NikError::TooLong { bytes: 100_000 }) });
        assert_eq!((got[1].line, got[1].nik.is_ok(), got.len()), (2, true, 2));
        let blank = [&[b' '; 2000][..], b"\n"].concat();
        assert_eq!(read(&blank)[0].nik, Err(NikError::TooLong { bytes: 2000 }));
    }

    #[test]
    fn bytes_that_are_no_text_are_told() {
        assert_eq!(read(b"317\xff")[0].nik, Err(NikError::Character { position: 4 }));
    }
}
