//! Reading what must not stand in arguments: NIKs and passphrases.

use std::fs::File;
use std::io::{self, BufRead, ErrorKind, IsTerminal, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ceknik_terminal::Hidden;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Longest line that is read, in bytes: a NIK in any form is far shorter, and so is a passphrase.
const MAX_LINE_BYTES: u64 = 4096;
/// Begins what keys send that write nothing, such as arrows.
const ESCAPE: char = '\u{1b}';

/// The lines that a person types without seeing them, until an empty one, or those of standard input when it is not a
/// terminal. Too long a line is cut, and no NIK then.
pub(crate) fn hidden_lines(prompt: &str) -> Result<Vec<Zeroizing<String>>, Failure> {
    let mut lines = Vec::new();
    if io::stdin().is_terminal() {
        let mut terminal =
            Hidden::open().map_err(|error| Failure::new(format!("{error}: pipe the NIKs in, one a line")))?;
        eprintln!("{prompt}");
        loop {
            match terminal.line("NIK: ") {
                // At Ctrl-D too, what was typed before it counts.
                Ok(typed) => match typed.map(|line| written(&line)).filter(|line| !line.trim().is_empty()) {
                    Some(line) => lines.push(line),
                    None => return Ok(lines),
                },
                Err(error) if error.kind() == ErrorKind::InvalidData => eprintln!(
                    "Baris itu terlalu panjang atau bukan teks (UTF-8), dan dilewati: ketik lagi. / That line is too long or no \
                     text (UTF-8), and was passed over: type it again."
                ),
                Err(error) => return Err(error.into()),
            }
        }
    }
    let mut input = io::stdin().lock();
    loop {
        let mut bytes = Zeroizing::new(Vec::new());
        if input.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(lines);
        }
        if bytes.last() != Some(&b'\n') && bytes.len() as u64 == MAX_LINE_BYTES {
            input.skip_until(b'\n')?;
        }
        // What is not UTF-8 has characters that no NIK has: it is told as such.
        let text = Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned());
        lines.push(Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned()));
    }
}

/// One line that a person types without seeing it, or the one of standard input that is not empty when that is no terminal.
pub(crate) fn hidden_line(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let mut lines = if io::stdin().is_terminal() {
        let mut terminal = Hidden::open().map_err(|error| Failure::new(format!("{error}: pipe the NIK in")))?;
        eprintln!("{prompt}");
        vec![terminal.line("NIK: ")?.map(|line| written(&line)).unwrap_or_default()]
    } else {
        hidden_lines(prompt)?
    };
    lines.retain(|line| !line.trim().is_empty());
    match (lines.pop(), lines.is_empty()) {
        (Some(line), true) => Ok(line),
        (Some(_), false) => Err(Failure::new("more than one line was given: a file is evidence for one NIK")),
        (None, _) => Err(Failure::new("no NIK was given: type the one on the identity card, or pipe it in")),
    }
}

/// What was written of a NIK, without what other keys send: control characters and escape sequences (ECMA-48, section 5.4).
fn written(line: &str) -> Zeroizing<String> {
    // Reserved at full length, so that no copy is left behind.
    let mut written = Zeroizing::new(String::with_capacity(line.len()));
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            ESCAPE => {
                if matches!(characters.next(), Some('[' | 'O')) {
                    characters.find(|character| ('@'..='~').contains(character));
                }
            }
            character if character.is_ascii_control() => {}
            character => written.push(character),
        }
    }
    written
}

/// A passphrase that is typed twice at a prompt.
pub(crate) fn new_passphrase() -> Result<Zeroizing<String>, Failure> {
    // One terminal for both, which may be pasted together.
    let mut terminal = passphrase_terminal()?;
    let first = typed_passphrase(&mut terminal, "New passphrase: ")?;
    let second = typed_passphrase(&mut terminal, "The same again: ")?;
    if *first != *second {
        return Err(Failure::new("the two passphrases differ: nothing was created"));
    }
    Ok(first)
}

fn passphrase_terminal() -> Result<Hidden, Failure> {
    Hidden::open().map_err(|error| Failure::new(format!("{error}: give the passphrase with --passphrase-file FILE")))
}

/// As it was typed: in a file, it has every character that it has.
fn typed_passphrase(terminal: &mut Hidden, prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let typed = terminal.line(prompt)?.filter(|typed| !typed.is_empty());
    typed.ok_or_else(|| Failure::new("no passphrase was given"))
}

/// The first line of a file that its owner alone may read, or what is typed at a prompt.
pub(crate) fn passphrase(file: Option<&Path>, prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let Some(path) = file else {
        if !io::stdin().is_terminal() {
            return Err(Failure::new("the keys are encrypted: give their passphrase with --passphrase-file FILE"));
        }
        return typed_passphrase(&mut passphrase_terminal()?, prompt);
    };
    let unreadable = |error| Failure::new(format!("cannot read the passphrase from {}: {error}", path.display()));
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        let path = path.display();
        return Err(Failure::new(format!(
            "{path} can be used by others than its owner (mode {mode:04o}): run `chmod 600 {path}`, and change the passphrase \
             if they may have read it"
        )));
    }
    // Reserved at full length, so that no copy is left behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_LINE_BYTES as usize + 32));
    file.take(MAX_LINE_BYTES).read_to_end(&mut bytes).map_err(unreadable)?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if line.len() as u64 == MAX_LINE_BYTES {
        let most = MAX_LINE_BYTES - 1;
        return Err(Failure::new(format!("the first line of {} is longer than {most} bytes", path.display())));
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match std::str::from_utf8(line) {
        Ok("") => Err(Failure::new(format!("{} has no passphrase in its first line", path.display()))),
        Ok(line) => Ok(Zeroizing::new(line.to_owned())),
        Err(_) => Err(Failure::new(format!("the first line of {} is not UTF-8", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_write_nothing_are_passed_over() {
        for (typed, text) in [
            ("tujuh belas", "tujuh belas"),
            ("a\u{1b}[Db\u{1b}OA\u{1b}[3~c", "abc"),
            ("\u{1a}a\tb\u{1b}", "ab"),
            ("é→", "é→"),
            ("", ""),
        ] {
            assert_eq!(*written(typed), text);
        }
    }
}
