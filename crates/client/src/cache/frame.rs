//! The form of cached files: a hash over the rest, names and lengths of parts, the parts.
//!
//! ```text
//! ceknik-cache 1 <SHA-256 of all that follows this line, in hex>
//! manifest 3121
//! proof 612
//!
//! <3121 bytes><612 bytes>
//! ```

use ceknik_core::encoding::hex;
use sha2::{Digest, Sha256};

/// Most bytes that the lines before the parts take.
pub(super) const MOST_HEADER_BYTES: usize = 512;
const MAGIC: &str = "ceknik-cache 1 ";

/// A file that was found whole.
pub(super) struct Frame<'a> {
    parts: Vec<(&'a str, &'a [u8])>,
}

impl<'a> Frame<'a> {
    pub(super) fn write(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let mut rest = Vec::new();
        for (name, part) in parts {
            rest.extend_from_slice(format!("{name} {}\n", part.len()).as_bytes());
        }
        rest.push(b'\n');
        for (_, part) in parts {
            rest.extend_from_slice(part);
        }
        let mut out = format!("{MAGIC}{}\n", hex(&Sha256::digest(&rest))).into_bytes();
        out.append(&mut rest);
        out
    }

    /// None for anything that [`Frame::write`] does not write.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (first, rest) = split_line(bytes)?;
        if first.strip_prefix(MAGIC)? != hex(&Sha256::digest(rest)) {
            return None;
        }
        let mut lengths = Vec::new();
        let mut rest = rest;
        loop {
            let (line, after) = split_line(rest)?;
            rest = after;
            if line.is_empty() {
                break;
            }
            let (name, length) = line.split_once(' ')?;
            let length = length.parse::<usize>().ok().filter(|number| number.to_string() == length)?;
            lengths.push((name, length));
        }
        let mut parts = Vec::new();
        for (name, length) in lengths {
            let (part, after) = rest.split_at_checked(length)?;
            parts.push((name, part));
            rest = after;
        }
        rest.is_empty().then_some(Self { parts })
    }

    /// The parts, if they have exactly these names in this order.
    pub(super) fn parts<const N: usize>(&self, names: [&str; N]) -> Option<[&'a [u8]; N]> {
        let matching = self.parts.iter().map(|(name, _)| *name).eq(names);
        let parts: Vec<&[u8]> = self.parts.iter().map(|(_, part)| *part).collect();
        if matching { parts.try_into().ok() } else { None }
    }
}

/// What is written of the parts that are read of a file whose first line is right and goes on with `rest`; none where it is
/// refused. For the fuzz target, which cannot find a hash.
#[doc(hidden)]
pub fn rewrite_cached_file(rest: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = format!("{MAGIC}{}\n", hex(&Sha256::digest(rest))).into_bytes();
    let first = bytes.len();
    bytes.extend_from_slice(rest);
    let parts = Frame::parse(&bytes)?.parts;
    Some(Frame::write(&parts).split_off(first))
}

fn split_line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().take(MOST_HEADER_BYTES).position(|byte| *byte == b'\n')?;
    let (line, rest) = bytes.split_at(end);
    Some((core::str::from_utf8(line).ok()?, &rest[1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let bytes = Frame::write(&[("a", b"one\n"), ("b", b""), ("c", &[0xff; 10])]);
        let parts = Frame::parse(&bytes).unwrap().parts(["a", "b", "c"]).unwrap();
        assert_eq!(parts, [&b"one\n"[..], b"", &[0xff; 10]]);
        assert!(Frame::parse(&bytes).unwrap().parts(["a", "c", "b"]).is_none());
        assert!(Frame::parse(&bytes).unwrap().parts(["a", "b"]).is_none());
    }

    #[test]
    fn every_altered_byte_is_noticed() {
        let bytes = Frame::write(&[("policy", b"log x\nquorum none\n")]);
        for at in 0..bytes.len() {
            for xor in [1, 0x20, 0x80] {
                let mut altered = bytes.clone();
                altered[at] ^= xor;
                assert!(Frame::parse(&altered).is_none(), "byte {at}");
            }
            assert!(Frame::parse(&bytes[..at]).is_none());
        }
        let mut longer = bytes.clone();
        longer.push(b'\n');
        assert!(Frame::parse(&longer).is_none());
    }
}
