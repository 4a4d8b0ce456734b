//! Signed notes, and what stands in those of a log (C2SP signed-note, tlog-checkpoint).
//!
//! The readers of `signed_note` and `tlog_tiles` are not used: they take notes that are not written as one is written, and
//! bring into the module for browsers what is no part of this. The tests hold this one to them.

use sha2::{Digest, Sha256};

use super::MAX_ORIGIN_BYTES;
use crate::encoding::{base64, decimal, from_base64, turns_direction};
use crate::merkle::NodeHash;

#[cfg(test)]
mod tests;

/// Most signatures read of a note: signed-note wants 16 supported.
const MOST_SIGNATURES: usize = 100;

/// A signature line. Nothing is known about the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignatureLine {
    pub(super) name: String,
    pub(super) id: u32,
    pub(super) signature: Vec<u8>,
}

impl SignatureLine {
    /// Parses a line, without its newline: `— name base64(ID || signature)`.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
        let blob = from_base64(encoded.as_bytes())?;
        let (id, signature) = blob.split_first_chunk::<4>()?;
        if !is_name(name) || signature.is_empty() {
            return None;
        }
        Some(Self { name: name.to_owned(), id: u32::from_be_bytes(*id), signature: signature.to_vec() })
    }

    /// The line with its newline.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let blob = base64(&[&self.id.to_be_bytes(), &self.signature[..]].concat());
        ["— ", &self.name, " ", &blob, "\n"].concat().into_bytes()
    }
}

/// Parses a signed note: gives its text, which ends with a newline, and its signature lines, of which there is at least one.
pub(super) fn parse_note(note: &[u8]) -> Option<(&str, Vec<SignatureLine>)> {
    let note = core::str::from_utf8(note).ok()?;
    if note.bytes().any(|byte| byte < b' ' && byte != b'\n') {
        return None;
    }
    // The text may hold empty lines: the last one ends it.
    let end = note.as_bytes().windows(2).rposition(|pair| pair == b"\n\n")? + 1;
    let (text, block) = note.split_at(end);
    let mut signatures = Vec::new();
    for line in block[1..].strip_suffix('\n')?.split('\n') {
        if signatures.len() == MOST_SIGNATURES {
            return None;
        }
        signatures.push(SignatureLine::parse(line)?);
    }
    Some((text, signatures))
}

/// What a checkpoint says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CheckpointText<'a> {
    pub(super) origin: &'a str,
    pub(super) size: u64,
    pub(super) root: NodeHash,
    /// Lines after the root, none of them empty.
    pub(super) extensions: Vec<String>,
}

impl<'a> CheckpointText<'a> {
    /// Parses the text of a note: origin, size, root and extensions, a line each.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let origin = lines.next().filter(|origin| !origin.is_empty())?;
        let size = decimal(lines.next()?.as_bytes())?;
        let root = from_base64(lines.next()?.as_bytes())?.try_into().ok()?;
        let mut extensions = Vec::new();
        for line in lines {
            if line.is_empty() {
                return None;
            }
            extensions.push(line.to_owned());
        }
        Some(Self { origin, size, root, extensions })
    }
}

/// The ID of a key: the first 4 bytes of `SHA-256(name || 0x0A || type || key)`. `typed` begins with the type.
pub(super) fn key_id(name: &str, typed: &[u8]) -> u32 {
    let hash = Sha256::new().chain_update(name).chain_update(b"\n").chain_update(typed).finalize();
    u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
}

/// Whether a name can stand in a signature line and, for a log, in an origin line. It is shown on terminals: nothing in it
/// turns the writing direction.
pub(super) fn is_name(name: &str) -> bool {
    let plain = |c: char| c != '+' && !c.is_whitespace() && !c.is_control() && !turns_direction(c);
    (1..=MAX_ORIGIN_BYTES).contains(&name.len()) && name.chars().all(plain)
}
