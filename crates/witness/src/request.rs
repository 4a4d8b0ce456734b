//! The body of `add-checkpoint` (C2SP tlog-witness).
//!
//! ```text
//! old 20852014
//! PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=      the consistency proof, at most 63 hashes
//!
//! example.com/behind-the-sofa                       the checkpoint, with the log's signatures
//! 20852163
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+…
//! ```

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ceknik_core::encoding::decimal;
use ceknik_core::log::{CheckpointError, MAX_CHECKPOINT_BYTES, MAX_CONSISTENCY_HASHES, SignedCheckpoint};
use ceknik_core::merkle::NodeHash;
use thiserror::Error;

/// Longest body read, in bytes: the line of the old size (25), 63 hashes of 45 bytes, an empty line, the longest checkpoint.
pub const MAX_REQUEST_BYTES: usize = 25 + MAX_CONSISTENCY_HASHES * 45 + 1 + MAX_CHECKPOINT_BYTES;

/// Why bytes are no body of `add-checkpoint`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// Longer than [`MAX_REQUEST_BYTES`].
    #[error("the body is longer than the {MAX_REQUEST_BYTES} bytes that are read")]
    TooLarge,
    /// A line that is not what it should be.
    #[error("line {line} of the body: expected {expected}")]
    Malformed {
        /// The line, from 1.
        line: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// The checkpoint is none.
    #[error("{0}")]
    Checkpoint(CheckpointError),
}

/// A request to a witness, well-formed and nothing verified.
#[derive(Clone, Debug, PartialEq)]
pub struct AddCheckpoint {
    /// Size of the checkpoint that the witness is believed to have cosigned last; 0 for none.
    pub old: u64,
    /// The consistency proof from there to the checkpoint (RFC 6962, section 2.1.2).
    pub proof: Vec<NodeHash>,
    /// The new checkpoint. Of size 0 it may have any root.
    pub checkpoint: SignedCheckpoint,
}

impl AddCheckpoint {
    /// Parses a body.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        if body.len() > MAX_REQUEST_BYTES {
            return Err(RequestError::TooLarge);
        }
        let mut lines = Lines { rest: body, line: 0 };
        let old = lines.next()?.strip_prefix(b"old ").and_then(decimal);
        let old = old.ok_or(lines.expected("\"old\", a space, and a tree size in decimal"))?;
        let mut proof = Vec::new();
        loop {
            let line = lines.next()?;
            if line.is_empty() {
                break;
            }
            if proof.len() == MAX_CONSISTENCY_HASHES {
                return Err(lines.expected("an empty line: no consistency proof has more than 63 hashes"));
            }
            let hash = STANDARD.decode(line).ok().and_then(|hash| NodeHash::try_from(hash).ok());
            proof.push(hash.ok_or(lines.expected("a SHA-256 hash in standard base64, or an empty line"))?);
        }
        let checkpoint = SignedCheckpoint::parse_with_any_root(lines.rest).map_err(RequestError::Checkpoint)?;
        Ok(Self { old, proof, checkpoint })
    }

    /// Writes the body. Gives back the very bytes that [`AddCheckpoint::parse`] read.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("old {}\n", self.old);
        for hash in &self.proof {
            text.push_str(&STANDARD.encode(hash));
            text.push('\n');
        }
        text.push('\n');
        let mut body = text.into_bytes();
        body.extend_from_slice(self.checkpoint.as_bytes());
        body
    }
}

struct Lines<'a> {
    rest: &'a [u8],
    line: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Result<&'a [u8], RequestError> {
        self.line += 1;
        let end = self.rest.iter().position(|&b| b == b'\n');
        let end = end.ok_or(self.expected("a line that ends with a newline"))?;
        let (line, rest) = self.rest.split_at(end);
        self.rest = &rest[1..];
        Ok(line)
    }

    fn expected(&self, expected: &'static str) -> RequestError {
        RequestError::Malformed { line: self.line, expected }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::TestLog;

    /// From tlog-witness.
    const OFFICIAL: &str = "old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
";

    fn parse(text: &str) -> Result<AddCheckpoint, RequestError> {
        AddCheckpoint::parse(text.as_bytes())
    }

    #[test]
    fn the_official_example_parses_and_is_written_again() {
        let request = parse(OFFICIAL).unwrap();
        assert_eq!((request.old, request.proof.len()), (20_852_014, 4));
        assert_eq!(request.checkpoint.origin(), "example.com/behind-the-sofa");
        assert_eq!(request.to_bytes(), OFFICIAL.as_bytes());
    }

    #[test]
    fn each_flaw_has_its_message() {
        let message = |text: &str| parse(text).unwrap_err().to_string();
        let size = "line 1 of the body: expected \"old\", a space, and a tree size in decimal";
        for old in
            ["", "Old 1", "old", "old ", "old  1", "old 01", "old +1", "old -1", "old 1 ", "old 18446744073709551616"]
        {
            assert_eq!(message(&OFFICIAL.replace("old 20852014", old)), size, "{old:?}");
        }
        assert_eq!(message(""), "line 1 of the body: expected a line that ends with a newline");
        assert_eq!(message("old 1\n"), "line 2 of the body: expected a line that ends with a newline");
        let hash = "line 3 of the body: expected a SHA-256 hash in standard base64, or an empty line";
        let third = "jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=";
        for line in [&third[..43], " ", "jrJZ", &format!("{third}\r"), &third.replace("swk=", "swl=")] {
            assert_eq!(message(&OFFICIAL.replace(third, line)), hash, "{line:?}");
        }
        let full = OFFICIAL.replace(third, &[third; 60].join("\n"));
        assert_eq!(parse(&full).unwrap().proof.len(), 63);
        assert_eq!(
            message(&full.replacen(third, &format!("{third}\n{third}"), 1)),
            "line 65 of the body: expected an empty line: no consistency proof has more than 63 hashes"
        );
        assert_eq!(message("old 1\n\n"), "the checkpoint is not a signed note");
        assert_eq!(message(OFFICIAL.trim_end()), "the checkpoint is not a signed note");
        assert_eq!(
            message(&"x".repeat(MAX_REQUEST_BYTES + 1)),
            "the body is longer than the 133933 bytes that are read"
        );
    }

    proptest! {
        #[test]
        fn requests_round_trip(old: u64, proof in prop::collection::vec(any::<NodeHash>(), 0..=63)) {
            let checkpoint = TestLog::new(3).signed(3);
            let request = AddCheckpoint { old, proof, checkpoint };
            prop_assert_eq!(AddCheckpoint::parse(&request.to_bytes()), Ok(request));
        }

        #[test]
        fn bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(request) = AddCheckpoint::parse(&body) {
                prop_assert_eq!(request.to_bytes(), body);
            }
        }
    }
}
