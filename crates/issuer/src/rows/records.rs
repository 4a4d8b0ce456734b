//! CSV records from a stream, in memory that does not grow with what the file holds.

use std::io::Read;

use zeroize::Zeroizing;

use super::ReadError;

/// Longest row that is read, in bytes without its quotes. A spreadsheet's cell holds at most 32,767 characters.
pub const MAX_ROW_BYTES: usize = 65_536;
/// Most cells of a row that is read.
pub const MAX_ROW_CELLS: usize = 1_024;
/// Most lines that a row may run over, by line breaks in its quoted cells. What is longer is a quote that was never
/// closed, and would swallow the rows after it.
pub const MAX_ROW_LINES: u64 = 100;

const BUFFER_BYTES: usize = 65_536;

/// Why a row cannot be read as cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Over [`MAX_ROW_BYTES`] or [`MAX_ROW_CELLS`].
    TooLong,
    /// A NUL byte in it.
    Nul,
    /// A quoted cell goes on after its closing quote. Then that quote was meant to open another cell, and what is between
    /// may be other rows.
    Quotes,
}

/// Where in a cell a byte stands, as far as quotes are concerned. The parser reads any quotes somehow; this tells whether
/// they can be meant so.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Plain,
    Quoted,
    /// After a quote within quotes, which closes them unless another follows.
    Closing,
}

impl Place {
    /// The place after `byte`, and whether it may stand there.
    fn after(self, byte: u8, delimiter: u8) -> (Self, bool) {
        match (self, byte) {
            (Self::Start | Self::Closing, b'"') => (Self::Quoted, true),
            (Self::Quoted, b'"') => (Self::Closing, true),
            (Self::Quoted, _) => (Self::Quoted, true),
            (_, b'\n' | b'\r') => (Self::Start, true),
            (_, byte) if byte == delimiter => (Self::Start, true),
            (Self::Closing, b' ') => (Self::Closing, true),
            (place, _) => (Self::Plain, place != Self::Closing),
        }
    }
}

/// Reads one record after another. A row that is too long is passed over without being held.
pub(super) struct Records<R> {
    source: R,
    buffer: Zeroizing<Vec<u8>>,
    unread: std::ops::Range<usize>,
    parser: csv_core::Reader,
    delimiter: u8,
    text: Zeroizing<Vec<u8>>,
    ends: Vec<usize>,
    cells: usize,
    fault: Option<Fault>,
    lines: u64,
    ended_by_line: bool,
    row: u64,
    bytes_read: u64,
    /// The last byte was a CR that ended a row: an LF after it belongs to the same line end.
    after_cr: bool,
}

impl<R: Read> Records<R> {
    /// Reads `source` from where it stands, which is past a byte order mark of `skipped` bytes.
    pub(super) fn new(source: R, delimiter: u8, skipped: u64) -> Self {
        Self {
            source,
            buffer: Zeroizing::new(vec![0; BUFFER_BYTES]),
            unread: 0..0,
            parser: csv_core::ReaderBuilder::new().delimiter(delimiter).build(),
            delimiter,
            // One more than is read, so that a row of just that length does not look cut off.
            text: Zeroizing::new(vec![0; MAX_ROW_BYTES + 1]),
            ends: vec![0; MAX_ROW_CELLS],
            cells: 0,
            fault: None,
            lines: 1,
            ended_by_line: true,
            row: 0,
            bytes_read: skipped,
            after_cr: false,
        }
    }

    /// Goes to the next row that is not an empty line. `false` at the end of the file.
    ///
    /// # Errors
    /// [`ReadError::Io`]; [`ReadError::UnclosedQuote`] at the end of the file or after [`MAX_ROW_LINES`].
    pub(super) fn advance(&mut self) -> Result<bool, ReadError> {
        self.pass_empty_lines()?;
        self.row += 1;
        self.cells = 0;
        self.fault = None;
        let first_line = self.parser.line();
        let mut text_len = 0;
        let mut place = Place::Start;
        let mut started = false;
        loop {
            if self.unread.is_empty() && !self.fill()? {
                if !started {
                    self.row -= 1;
                    return Ok(false);
                }
                if place == Place::Quoted {
                    return Err(ReadError::UnclosedQuote { row: self.row });
                }
                let (_, _, _, ends) = self.parser.read_record(&[], &mut [], &mut self.ends[self.cells..]);
                self.cells += ends;
                self.ended_by_line = false;
                break;
            }
            started = true;
            let input = &self.buffer[self.unread.clone()];
            let (result, read, written, ends) =
                self.parser.read_record(input, &mut self.text[text_len..], &mut self.ends[self.cells..]);
            let consumed = &input[..read];
            if consumed.contains(&0) {
                self.fault.get_or_insert(Fault::Nul);
            }
            for &byte in consumed {
                let (after, fits) = place.after(byte, self.delimiter);
                place = after;
                if !fits {
                    self.fault = Some(Fault::Quotes);
                }
            }
            self.after_cr = consumed.last() == Some(&b'\r');
            self.unread.start += read;
            self.bytes_read += read as u64;
            text_len += written;
            self.cells += ends;
            let ended = result == csv_core::ReadRecordResult::Record;
            let own_line_feed = ended && consumed.last() == Some(&b'\n');
            self.lines = 1 + self.parser.line() - first_line - u64::from(own_line_feed);
            if self.lines > MAX_ROW_LINES {
                return Err(ReadError::UnclosedQuote { row: self.row });
            }
            if ended {
                self.ended_by_line = true;
                break;
            }
            if text_len == self.text.len() || self.cells == self.ends.len() {
                // The rest of the row is read over what was read of it.
                self.fault.get_or_insert(Fault::TooLong);
                text_len = 0;
                self.cells = 0;
            }
        }
        Ok(true)
    }

    /// Number of the row, as a spreadsheet shows it: from 1, the header and empty lines counted, a row with line breaks
    /// in quoted cells counted once.
    pub(super) fn row(&self) -> u64 {
        self.row
    }

    /// Bytes of the file up to the end of this row.
    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// What is wrong with the row. If anything is, its cells are not there.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// How many lines the row runs over.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// Whether the row ended with a line end, and not with the file.
    pub(super) fn ended_by_line(&self) -> bool {
        self.ended_by_line
    }

    /// Number of cells.
    pub(super) fn cells(&self) -> usize {
        self.cells
    }

    /// The bytes of a cell, without its quotes. Empty when there is no such cell.
    pub(super) fn cell(&self, index: usize) -> &[u8] {
        if index >= self.cells || self.fault.is_some() {
            return &[];
        }
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(start..self.ends[index]).unwrap_or(&[])
    }

    /// Counts empty lines before a row as the rows that they are, and the LF of a CR LF as none.
    fn pass_empty_lines(&mut self) -> Result<(), ReadError> {
        while !self.unread.is_empty() || self.fill()? {
            let byte = self.buffer[self.unread.start];
            match byte {
                b'\n' if self.after_cr => self.after_cr = false,
                b'\n' => self.row += 1,
                b'\r' => {
                    self.row += 1;
                    self.after_cr = true;
                }
                _ => break,
            }
            self.unread.start += 1;
            self.bytes_read += 1;
        }
        Ok(())
    }

    /// Reads on. `false` at the end of the file.
    fn fill(&mut self) -> Result<bool, ReadError> {
        loop {
            match self.source.read(&mut self.buffer) {
                Ok(read) => {
                    self.unread = 0..read;
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests;
