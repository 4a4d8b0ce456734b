//! Bytes to a tree.

use super::number::is_beyond_doubles;
use super::{Json, JsonError, Place, Value};

/// How deep values may lie within one another: each level takes some of the stack.
const MOST_DEPTH: usize = 127;
/// Most values in a document, those within others too: more than any manifest has, and few enough that a hostile document of
/// megabytes takes neither a hundred times its length in memory nor, with its names kept in order, hours.
const MOST_VALUES: usize = 16_384;

pub(super) fn parse(bytes: &[u8]) -> Result<Json, JsonError> {
    let valid = core::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    let mut parser = Parser { bytes: &bytes[..valid], at: 0, line: 1, line_begin: 0, values: 0 };
    let parsed = parser.document();
    // Of two faults the first is told.
    if valid < bytes.len() && parser.next().is_none() {
        let place = Place { line: parser.line, column: valid + 1 - parser.line_begin };
        return Err(JsonError::new(place, "invalid unicode code point"));
    }
    parsed
}

struct Parser<'a> {
    /// UTF-8.
    bytes: &'a [u8],
    /// Where the next byte is.
    at: usize,
    /// From 1. Between values alone a line ends.
    line: usize,
    /// Where the line begins.
    line_begin: usize,
    /// How many values were begun.
    values: usize,
}

impl Parser<'_> {
    /// The place where what was read ends.
    fn place(&self) -> Place {
        Place { line: self.line, column: self.at - self.line_begin }
    }

    /// An error at the next byte.
    fn error(&self, reason: &str) -> JsonError {
        let place = match self.next() {
            Some(b'\n') => Place { line: self.line + 1, column: 0 },
            Some(_) => Place { line: self.line, column: self.at + 1 - self.line_begin },
            None => self.place(),
        };
        JsonError::new(place, reason)
    }

    fn document(&mut self) -> Result<Json, JsonError> {
        let json = self.value(0)?;
        match self.peek() {
            None => Ok(json),
            Some(_) => Err(self.error("trailing characters")),
        }
    }

    fn next(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        while let Some(byte @ (b' ' | b'\t' | b'\n' | b'\r')) = self.next() {
            self.at += 1;
            if byte == b'\n' {
                (self.line, self.line_begin) = (self.line + 1, self.at);
            }
        }
        self.next()
    }

    fn value(&mut self, depth: usize) -> Result<Json, JsonError> {
        let first = self.peek();
        self.values += 1;
        if self.values > MOST_VALUES {
            return Err(self.error("more values than any document has"));
        }
        let value = match first {
            None => return Err(self.error("EOF while parsing a value")),
            Some(b'[' | b'{') if depth == MOST_DEPTH => return Err(self.error("recursion limit exceeded")),
            Some(b'[') => Value::Array(self.array(depth + 1)?),
            Some(b'{') => Value::Object(self.object(depth + 1)?),
            Some(b'"') => Value::Text(self.text()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            Some(b'n') => self.word("null", Value::Null)?,
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(_) => return Err(self.error("expected value")),
        };
        Ok(Json { place: self.place(), value })
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, JsonError> {
        for byte in word.bytes() {
            match self.next() {
                Some(next) if next == byte => self.at += 1,
                Some(_) => return Err(self.error("expected ident")),
                None => return Err(self.error("EOF while parsing a value")),
            }
        }
        Ok(value)
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Json>, JsonError> {
        let mut elements = Vec::new();
        self.at += 1;
        match self.peek() {
            Some(b']') => {
                self.at += 1;
                return Ok(elements);
            }
            Some(_) => {}
            None => return Err(self.error("EOF while parsing a list")),
        }
        loop {
            if self.peek() == Some(b']') {
                return Err(self.error("trailing comma"));
            }
            elements.push(self.value(depth)?);
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                Some(_) => return Err(self.error("expected `,` or `]`")),
                None => return Err(self.error("EOF while parsing a list")),
            }
        }
        self.at += 1;
        Ok(elements)
    }

    fn object(&mut self, depth: usize) -> Result<Vec<(String, Json)>, JsonError> {
        let mut members: Vec<(String, Json)> = Vec::new();
        // The members' places in the order of their names.
        let mut order: Vec<usize> = Vec::new();
        self.at += 1;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(members);
        }
        loop {
            match self.peek() {
                Some(b'"') => {}
                Some(b'}') if !members.is_empty() => return Err(self.error("trailing comma")),
                Some(_) => return Err(self.error("key must be a string")),
                None if members.is_empty() => return Err(self.error("EOF while parsing an object")),
                None => return Err(self.error("EOF while parsing a value")),
            }
            let name = self.text()?;
            match self.peek() {
                Some(b':') => self.at += 1,
                Some(_) => return Err(self.error("expected `:`")),
                None => return Err(self.error("EOF while parsing an object")),
            }
            let value = self.value(depth)?;
            match order.binary_search_by(|&earlier| members[earlier].0.cmp(&name)) {
                Ok(_) => return Err(JsonError::new(value.place, "a name stands twice in one object")),
                Err(at) => order.insert(at, members.len()),
            }
            members.push((name, value));
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                Some(_) => return Err(self.error("expected `,` or `}`")),
                None => return Err(self.error("EOF while parsing an object")),
            }
        }
        self.at += 1;
        Ok(members)
    }

    /// Passes over digits, of which there must be one.
    fn digits(&mut self) -> Result<(), JsonError> {
        match self.next() {
            Some(b'0'..=b'9') => {}
            Some(_) => return Err(self.error("invalid number")),
            None => return Err(self.error("EOF while parsing a value")),
        }
        while let Some(b'0'..=b'9') = self.next() {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<String, JsonError> {
        let begin = self.at;
        if self.next() == Some(b'-') {
            self.at += 1;
        }
        if self.next() == Some(b'0') {
            self.at += 1;
            if let Some(b'0'..=b'9') = self.next() {
                return Err(self.error("invalid number"));
            }
        } else {
            self.digits()?;
        }
        if self.next() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.next() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.next() {
                self.at += 1;
            }
            self.digits()?;
        }
        let number = self.slice(begin);
        if is_beyond_doubles(number) {
            return Err(JsonError::new(self.place(), "number out of range"));
        }
        Ok(number.to_owned())
    }

    /// What stands from `begin` to here, both of which lie between characters.
    fn slice(&self, begin: usize) -> &str {
        core::str::from_utf8(&self.bytes[begin..self.at]).unwrap_or_default()
    }

    fn text(&mut self) -> Result<String, JsonError> {
        self.at += 1;
        let mut text = String::new();
        let mut begin = self.at;
        loop {
            match self.next() {
                None => return Err(self.error("EOF while parsing a string")),
                Some(b'"') => {
                    text.push_str(self.slice(begin));
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    text.push_str(self.slice(begin));
                    self.at += 1;
                    text.push(self.escape()?);
                    begin = self.at;
                }
                Some(0..=0x1f) => {
                    return Err(self.error("control character (\\u0000-\\u001F) found while parsing a string"));
                }
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let Some(byte) = self.next() else { return Err(self.error("EOF while parsing a string")) };
        let char = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err(self.error("invalid escape")),
        };
        self.at += 1;
        Ok(char.into())
    }

    /// What follows `\u`: a character, or two halves of one.
    fn unicode(&mut self) -> Result<char, JsonError> {
        let first = self.hex()?;
        let code = if (0xd800..0xdc00).contains(&first) {
            for byte in *b"\\u" {
                if self.next() != Some(byte) {
                    return Err(self.error("unexpected end of hex escape"));
                }
                self.at += 1;
            }
            let second = self.hex()?;
            // What is below the second half's range becomes a number that is no character's.
            0x10000
                + ((first - 0xd800) << 10)
                + if (0xdc00..0xe000).contains(&second) { second - 0xdc00 } else { 0x11_0000 }
        } else {
            first
        };
        char::from_u32(code).ok_or_else(|| self.error("lone leading surrogate in hex escape"))
    }

    fn hex(&mut self) -> Result<u32, JsonError> {
        let mut number = 0;
        for _ in 0..4 {
            let Some(byte) = self.next() else { return Err(self.error("EOF while parsing a string")) };
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'f' => byte - b'a' + 10,
                b'A'..=b'F' => byte - b'A' + 10,
                _ => return Err(self.error("invalid escape")),
            };
            self.at += 1;
            number = number << 4 | u32::from(digit);
        }
        Ok(number)
    }
}
