//! Lines that are typed at the terminal without being shown.
//!
//! What the lines are is not this crate's business: it hands them over as they were typed, and keeps none. The `ceknik` command
//! imports it for NIKs and passphrases, the service for the passphrase of its keys; no other crate may.
//!
//! The terminal edits the line, as always; only the echo is off, and its keys send no signals. Ctrl-C ends the line in place of
//! the process, so that the echo can be switched on again before all that Ctrl-C ends is ended. Ctrl-\ is taken for Ctrl-C: the
//! core that it would leave behind holds what was typed. Ctrl-Z stops nothing, and stands in the line as it is.
//!
//! Nothing here needs a signal handler, which would stay for as long as the process lives. So a process that is ended by
//! another's signal at the prompt (SIGTERM, SIGHUP, SIGKILL) leaves the terminal silent and without Ctrl-C. Many shells set that
//! right by themselves; elsewhere, `stty sane` does, typed unseen.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};

use rustix::process::{Signal, kill_current_process_group};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

/// The terminal that the process belongs to, whatever its standard input is.
const TERMINAL: &str = "/dev/tty";
/// Longest line that is taken, in bytes. Terminals take no longer ones at once.
const MAX_LINE_BYTES: usize = 4096;
/// How long nothing must come until no more of a paste is expected, in tenths of a second.
const PASTE_PAUSE: u8 = 1;
/// Most pieces of [`MAX_LINE_BYTES`] of a paste that are thrown away: an end, should it have none.
const MOST_PIECES: usize = 1024;

/// A terminal whose echo is off. It is as it was when this is dropped, and what was typed or pasted beyond the last line that
/// was asked for is gone: a shell would show it, run it, and keep it in its history.
pub struct Hidden {
    terminal: File,
    before: Termios,
    silent: Termios,
}

impl Hidden {
    /// Switches the echo of the process's terminal off.
    ///
    /// # Errors
    /// There is no terminal.
    pub fn open() -> io::Result<Self> {
        let opened = OpenOptions::new().read(true).write(true).open(TERMINAL);
        let terminal = opened.map_err(|error| {
            io::Error::new(error.kind(), format!("there is no terminal to ask at ({TERMINAL}: {error})"))
        })?;
        let before = tcgetattr(&terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        silent.local_modes.insert(LocalModes::ICANON | LocalModes::ECHONL);
        silent.special_codes[SpecialCodeIndex::VEOL] = before.special_codes[SpecialCodeIndex::VINTR];
        silent.special_codes[SpecialCodeIndex::VEOL2] = before.special_codes[SpecialCodeIndex::VQUIT];
        tcsetattr(&terminal, OptionalActions::Now, &silent)?;
        Ok(Self { terminal, before, silent })
    }

    /// Asks for a line, and gives it as it was typed, without its end. None at Ctrl-D. At Ctrl-C the process ends as it always
    /// does, by the signal, and with it what runs beside it at the terminal.
    ///
    /// # Errors
    /// The terminal is gone. With [`ErrorKind::InvalidData`], the line is too long or not UTF-8; the next can be asked for.
    pub fn line(&mut self, prompt: &str) -> io::Result<Option<Zeroizing<String>>> {
        self.terminal.write_all(prompt.as_bytes())?;
        // Reserved at full length, so that no copy is left behind.
        let mut line = Zeroizing::new(Vec::with_capacity(MAX_LINE_BYTES));
        let mut piece = Zeroizing::new([0; MAX_LINE_BYTES]);
        let mut too_long = false;
        loop {
            let read = match self.terminal.read(&mut *piece) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => read?,
            };
            let (typed, ended) = match piece[..read].split_last() {
                Some((b'\n', typed)) => (typed, true),
                Some((&last, _)) if self.interrupts(last) => return Err(self.interrupted()),
                // Ctrl-D hands over what stands in the line.
                Some(_) => (&piece[..read], false),
                // Where nothing does, it ends the line, and so does a terminal that is gone.
                None => {
                    self.terminal.write_all(b"\n")?;
                    if line.is_empty() && !too_long {
                        return Ok(None);
                    }
                    (&[][..], true)
                }
            };
            too_long |= line.len() + typed.len() > MAX_LINE_BYTES;
            if !too_long {
                line.extend_from_slice(typed);
            }
            if ended {
                break;
            }
        }
        if too_long {
            return Err(io::Error::new(ErrorKind::InvalidData, "the line is too long"));
        }
        let text = std::str::from_utf8(&line).map(|text| Zeroizing::new(text.to_owned()));
        text.map(Some).map_err(|_| io::Error::new(ErrorKind::InvalidData, "what was typed is not UTF-8"))
    }

    /// Whether this is the character of Ctrl-C or Ctrl-\. Zero stands for none.
    fn interrupts(&self, character: u8) -> bool {
        let of = |key| self.before.special_codes[key];
        character != 0 && [of(SpecialCodeIndex::VINTR), of(SpecialCodeIndex::VQUIT)].contains(&character)
    }

    /// Ends what Ctrl-C ends: the process and all that run with it, such as the script that called it. Comes back where the
    /// signal is ignored.
    fn interrupted(&mut self) -> io::Error {
        let _ = self.terminal.write_all(b"\n");
        self.restore();
        let _ = kill_current_process_group(Signal::INT);
        io::Error::new(ErrorKind::Interrupted, "interrupted")
    }

    /// Makes the terminal as it was, once nothing comes any more. A long paste comes in pieces, so that to throw away what is
    /// there is not enough.
    fn restore(&mut self) {
        let mut at_once = self.silent.clone();
        at_once.local_modes.remove(LocalModes::ICANON | LocalModes::ECHONL);
        at_once.special_codes[SpecialCodeIndex::VMIN] = 0;
        at_once.special_codes[SpecialCodeIndex::VTIME] = PASTE_PAUSE;
        if tcsetattr(&self.terminal, OptionalActions::Now, &at_once).is_ok() {
            let mut piece = Zeroizing::new([0; MAX_LINE_BYTES]);
            for _ in 0..MOST_PIECES {
                if !matches!(self.terminal.read(&mut *piece), Ok(1..)) {
                    break;
                }
            }
        }
        let _ = tcsetattr(&self.terminal, OptionalActions::Flush, &self.before);
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        self.restore();
    }
}
