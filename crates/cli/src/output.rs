//! Standard output and error. The standard library's macros panic when whoever read has gone (`ceknik … | head`) or the disk
//! behind is full; the ones of this crate, which stand in `main.rs`, do not.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};

/// Writes to standard output. That the reader has gone is his affair, and what is left is passed over; when it fails
/// otherwise, nothing more can be said there, and the command ends as not done, with the reason.
pub(crate) fn print(text: Arguments<'_>) {
    let mut output = io::stdout().lock();
    match output.write_fmt(text).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln(format_args!("ceknik: standard output cannot be written: {error}"));
            std::process::exit(1);
        }
        _ => {}
    }
}

/// Writes to standard output and ends the line.
pub(crate) fn println(text: Arguments<'_>) {
    print(format_args!("{text}\n"));
}

/// A number with its noun.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// What was left undone, a line each, for the end of what a command says it did.
pub(crate) fn warnings(left: &[String]) -> String {
    left.iter().map(|what| format!("  warning: {what}\n")).collect()
}

/// Writes a line to standard error, in one piece and as far as somebody listens.
pub(crate) fn eprintln(text: Arguments<'_>) {
    let _ = io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}
