//! Opening the page in the browser of whoever sits there.

use std::env;
use std::process::{Command, Stdio};

/// What opens an address on this system. None where nobody would see it: on Unix a desktop names its display.
fn opener(system: &str, has_display: bool) -> Option<&'static str> {
    match system {
        "macos" => Some("open"),
        "windows" => None,
        _ => has_display.then_some("xdg-open"),
    }
}

/// Opens an address. False where there is no desktop, or nothing that opens it.
pub(super) fn open(url: &str) -> bool {
    let has_display =
        ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| env::var_os(name).is_some_and(|is| !is.is_empty()));
    let Some(program) = opener(env::consts::OS, has_display) else { return false };
    // It is not waited for: some end only with the browser. What it says would stand among the demo's own lines.
    let mut command = Command::new(program);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().is_ok()
}

#[cfg(test)]
mod tests {
    use super::opener;

    #[test]
    fn only_a_desktop_has_a_browser_to_be_seen() {
        assert_eq!(opener("linux", true), Some("xdg-open"));
        assert_eq!(opener("freebsd", true), Some("xdg-open"));
        assert_eq!(opener("linux", false), None);
        assert_eq!(opener("macos", false), Some("open"));
        assert_eq!(opener("windows", true), None);
    }
}
