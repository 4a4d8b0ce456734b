//! A tree to bytes, without one.

/// Writes JSON without white space, as Serde writes it. What it is told is written in that order: whoever opens something
/// closes it, and gives a name before each member of an object.
///
/// ```
/// # use ceknik_core::json::JsonWriter;
/// let mut json = JsonWriter::default();
/// json.open('{');
/// json.name("epoch").number(7);
/// json.name("mirrors").open('[');
/// json.text("https://example.org/");
/// json.close(']');
/// json.close('}');
/// assert_eq!(json.finish(), r#"{"epoch":7,"mirrors":["https://example.org/"]}"#);
/// ```
#[derive(Default)]
pub struct JsonWriter {
    out: String,
}

impl core::fmt::Debug for JsonWriter {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("JsonWriter(REDACTED)")
    }
}

impl JsonWriter {
    /// One that does not grow up to so many bytes, and so leaves no copy behind.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { out: String::with_capacity(bytes) }
    }

    fn raw(&mut self, text: &str) -> &mut Self {
        // A string's last byte is its quote.
        if !matches!(self.out.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.out.push(',');
        }
        self.out.push_str(text);
        self
    }

    /// Begins an object or an array, by its bracket.
    pub fn open(&mut self, bracket: char) {
        self.raw("");
        self.out.push(bracket);
    }

    /// Ends it.
    pub fn close(&mut self, bracket: char) {
        self.out.push(bracket);
    }

    /// The name of a member: its value follows.
    pub fn name(&mut self, name: &str) -> &mut Self {
        self.text(name);
        self.out.push(':');
        self
    }

    /// A number.
    pub fn number(&mut self, number: u64) {
        self.raw(&number.to_string());
    }

    /// A number that may be below 0.
    pub fn signed(&mut self, number: i64) {
        self.raw(if number < 0 { "-" } else { "" });
        self.out.push_str(&number.unsigned_abs().to_string());
    }

    /// `true` or `false`.
    pub fn truth(&mut self, truth: bool) {
        self.raw(if truth { "true" } else { "false" });
    }

    /// A string, or null.
    pub fn maybe_text(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.null(),
        }
    }

    /// A member that is a string.
    pub fn member(&mut self, name: &str, text: &str) {
        self.name(name).text(text);
    }

    /// A member that is a number.
    pub fn member_number(&mut self, name: &str, number: u64) {
        self.name(name).number(number);
    }

    /// A number, or null.
    pub fn maybe_number(&mut self, number: Option<u64>) {
        match number {
            Some(number) => self.number(number),
            None => self.null(),
        }
    }

    /// `null`.
    pub fn null(&mut self) {
        self.raw("null");
    }

    /// A string.
    pub fn text(&mut self, text: &str) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.raw("\"");
        for char in text.chars() {
            let escaped = match char {
                '"' | '\\' => char,
                '\u{8}' => 'b',
                '\u{c}' => 'f',
                '\n' => 'n',
                '\r' => 'r',
                '\t' => 't',
                '\0'..='\u{1f}' => {
                    self.out.push_str("\\u00");
                    self.out.push(if char < '\u{10}' { '0' } else { '1' });
                    self.out.push(DIGITS[char as usize % 16].into());
                    continue;
                }
                _ => {
                    self.out.push(char);
                    continue;
                }
            };
            self.out.push('\\');
            self.out.push(escaped);
        }
        self.out.push('"');
    }

    /// What was written.
    pub fn finish(self) -> String {
        self.out
    }
}
