//! QR codes, drawn with letters.

use std::io::{self, IsTerminal};

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// Draws a code for where standard output goes: a terminal has light letters on dark, a file is printed dark on light. None where
/// the content is too long for any code.
pub(crate) fn drawn(content: &[u8]) -> Option<String> {
    draw(content, io::stdout().is_terminal())
}

fn draw(content: &[u8], on_dark: bool) -> Option<String> {
    let code = QrCode::with_error_correction_level(content, EcLevel::M).ok()?;
    let (dark, light) = if on_dark { (Dense1x2::Light, Dense1x2::Dark) } else { (Dense1x2::Dark, Dense1x2::Light) };
    Some(code.render::<Dense1x2>().dark_color(dark).light_color(light).build())
}

#[cfg(test)]
mod tests {
    use ceknik_core::evidence::qr_content;

    use super::draw;

    #[test]
    fn the_code_is_small_and_drawn_for_dark_and_light() {
        // Of letters, which take more room than digits: as much as any hash may take.
        let content = qr_content(&[0xab; 32]);
        let [terminal, paper] = [true, false].map(|on_dark| draw(content.as_bytes(), on_dark).unwrap());
        let lines: Vec<_> = paper.lines().collect();
        // Version 4: 33 modules, and a margin of four on each side; two modules to a line.
        assert!(lines.len() == 21 && lines.iter().all(|line| line.chars().count() == 41), "{paper}");
        assert!(lines[0].chars().all(|c| c == ' '), "{paper}");
        assert!(terminal.lines().next().unwrap().chars().all(|c| c == '█'), "{terminal}");
        assert_eq!(draw(&[0; 4000], true), None);
    }
}
