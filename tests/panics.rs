//! A panic's message may hold anything: the log names its place alone. In a process of its own, since it sets its log up.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use ceknikd::{LogLevel, init_logging};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_panic_is_logged_without_its_message() {
    let log = Log::default();
    let writer = log.clone();
    init_logging(LogLevel::Error, move || writer.clone()).unwrap();
    let message = format!("{} was asked for", 3_174_043_102_800_001_u64);
    let panicked = std::thread::spawn(move || {
        if !message.is_empty() {
            std::panic::panic_any(message);
        }
    });
    assert!(panicked.join().is_err());
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("\"message\":\"panic\"") && text.contains("tests/panics.rs:"), "{text}");
    assert!(!text.contains("3174043102800001"), "{text}");
    assert!(init_logging(LogLevel::Error, io::stderr).is_err());
}
