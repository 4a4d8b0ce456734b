//! Lines that are typed at the terminal without being shown.
//!
//! What the lines are is not this crate's business: it hands them over as they were typed, and keeps none. The `ceknik` command
//! imports it for NIKs and passphrases, the service for the passphrase of its keys; no other crate may.
//!
//! The terminal edits the line, as always; only the echo is off, and Ctrl-C ends the line in place of the process, so that the
//! echo can be switched on again before the process is ended. Nothing here needs a signal handler, which would stay for as
//! long as the process lives.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};

use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

/// Longest line that is taken, in bytes. Terminals take no longer ones.
const MAX_LINE_BYTES: usize = 4096;
/// Begins what keys send that write nothing, such as arrows.
const ESCAPE: u8 = 0x1b;

/// A terminal whose echo is off. It is as it was when this is dropped.
pub struct Hidden {
    terminal: File,
    before: Termios,
    /// The character of Ctrl-C.
    interrupt: u8,
}

impl Hidden {
    /// Switches the echo of the process's terminal off.
    ///
    /// # Errors
    /// There is no terminal.
    pub fn open() -> io::Result<Self> {
        let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&terminal)?;
        let interrupt = before.special_codes[SpecialCodeIndex::VINTR];
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        silent.local_modes.insert(LocalModes::ICANON | LocalModes::ECHONL);
        silent.special_codes[SpecialCodeIndex::VEOL] = interrupt;
        tcsetattr(&terminal, OptionalActions::Now, &silent)?;
        Ok(Self { terminal, before, interrupt })
    }

    /// Asks for a line. None at Ctrl-D. At Ctrl-C the process ends as it always does, by the signal.
    ///
    /// # Errors
    /// The terminal is gone; what was typed is not UTF-8.
    pub fn line(&mut self, prompt: &str) -> io::Result<Option<Zeroizing<String>>> {
        self.terminal.write_all(prompt.as_bytes())?;
        // Reserved at full length, so that no copy is left behind.
        let mut line = Zeroizing::new(Vec::with_capacity(2 * MAX_LINE_BYTES));
        let mut piece = Zeroizing::new([0; MAX_LINE_BYTES]);
        loop {
            let read = match self.terminal.read(&mut *piece) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => read?,
            };
            // Ctrl-D hands over what stands in the line, and ends only where there is nothing.
            if read == 0 && line.is_empty() {
                self.terminal.write_all(b"\n")?;
                return Ok(None);
            }
            if line.len() + read > MAX_LINE_BYTES {
                return Err(io::Error::new(ErrorKind::InvalidData, "the line is too long"));
            }
            line.extend_from_slice(&piece[..read]);
            match line.last() {
                Some(b'\n') => break,
                // Zero stands for none.
                Some(&last) if last == self.interrupt && last != 0 => return Err(self.interrupted()),
                _ => {}
            }
        }
        let text = std::str::from_utf8(&written(&line)).map(|text| Zeroizing::new(text.to_owned()));
        text.map(Some).map_err(|_| io::Error::new(ErrorKind::InvalidData, "what was typed is not UTF-8"))
    }

    /// Ends the process by the signal that Ctrl-C stands for. Comes back where that is ignored.
    fn interrupted(&mut self) -> io::Error {
        let _ = self.terminal.write_all(b"\n");
        self.restore();
        let _ = kill_process(getpid(), Signal::INT);
        io::Error::new(ErrorKind::Interrupted, "interrupted")
    }

    fn restore(&self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        self.restore();
    }
}

/// What was written, without what other keys send: control characters and escape sequences (ECMA-48, section 5.4).
fn written(line: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut written = Zeroizing::new(Vec::with_capacity(line.len()));
    let mut bytes = line.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            ESCAPE => {
                if matches!(bytes.next(), Some(b'[' | b'O')) {
                    bytes.find(|byte| (0x40..=0x7e).contains(byte));
                }
            }
            byte if byte.is_ascii_control() => {}
            byte => written.push(byte),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_write_nothing_are_passed_over() {
        for (typed, text) in [
            ("tujuh belas\n", "tujuh belas"),
            ("a\u{1b}[Db\u{1b}OA\u{1b}[3~c\n", "abc"),
            ("\u{1a}a\tb\u{1b}\n", "ab"),
            ("é→\n", "é→"),
            ("\n", ""),
        ] {
            assert_eq!(written(typed.as_bytes()).as_slice(), text.as_bytes());
        }
    }
}
