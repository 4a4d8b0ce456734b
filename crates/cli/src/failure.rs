//! How a command fails: one message, which says what is wrong and what to do.

use std::error::Error;
use std::io::IsTerminal;

/// A command that was not done.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    code: u8,
}

/// The exit code of most failures.
const NOT_DONE: u8 = 1;

impl Failure {
    /// A failure of the command's own.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: NOT_DONE }
    }

    /// This failure with an exit code of its own.
    pub(crate) fn with_code(self, code: u8) -> Self {
        Self { code, ..self }
    }

    /// What the command exits with.
    pub(crate) fn code(&self) -> u8 {
        self.code
    }

    /// What is printed, without the name before it.
    #[cfg(test)]
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// To standard error.
    pub(crate) fn print(&self) {
        if std::io::stderr().is_terminal() {
            eprintln!("\x1b[1mceknik:\x1b[0m {}", self.message);
        } else {
            eprintln!("ceknik: {}", self.message);
        }
    }
}

/// Errors of the libraries say all by themselves; what is behind them is added where they do not repeat it.
impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            let text = inner.to_string();
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            source = inner.source();
        }
        Self::new(message)
    }
}
