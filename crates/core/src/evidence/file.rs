//! The file, as bytes.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::encoding::{base64url, decode_base64url, from_base64url};
use crate::filter::FilterBlock;
use crate::json::JsonObject;
use crate::manifest::VerifiedManifest;
use crate::oprf::{Blind, BlindedElement, EvaluatedElement, PROOF_BYTES, Proof};

/// Most bytes of a file: the longest manifest, log proof, filter block and bucket response, in base64url.
pub const MOST_EVIDENCE_BYTES: usize = 24 << 20;

/// The value of `evidence`: the format and its version.
const FORMAT: &str = "ceknik/1";

/// Why bytes are no evidence file.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum EvidenceError {
    /// Longer than one can be.
    #[error("an evidence file has at most {MOST_EVIDENCE_BYTES} bytes, this one {bytes}")]
    TooLong {
        /// As given.
        bytes: usize,
    },
    /// Not JSON, or not with these members.
    #[error("not an evidence file: line {line}, column {column}: {reason}")]
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// A version that this reader does not know.
    #[error("the file is not evidence of format {FORMAT}; a newer reader may be needed")]
    Format,
    /// A member's value is not of its form.
    #[error("{member}: {reason}")]
    Member {
        /// Its name, with the name around it.
        member: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
    /// It says the same, spelled otherwise: a program opened it and wrote it anew.
    #[error("the file was written anew by another program: take the file as it was made, unopened")]
    Spelling,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'a> {
    #[serde(borrow, rename = "evidence")]
    _format: Cow<'a, str>,
    #[serde(borrow)]
    manifest: Cow<'a, str>,
    #[serde(borrow)]
    log_proof: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "nullable")]
    filter: Option<Block<'a>>,
    #[serde(borrow)]
    blind: Cow<'a, str>,
    #[serde(borrow)]
    evaluation: Evaluation<'a>,
    #[serde(borrow)]
    bucket: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Block<'a> {
    #[serde(borrow)]
    block: Cow<'a, str>,
    #[serde(borrow)]
    path: Vec<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Evaluation<'a> {
    #[serde(borrow)]
    blinded: Cow<'a, str>,
    #[serde(borrow)]
    evaluated: Cow<'a, str>,
    #[serde(borrow)]
    proof: Cow<'a, str>,
}

/// The one member of every version.
#[derive(Deserialize)]
struct Version<'a> {
    #[serde(borrow)]
    evidence: Cow<'a, str>,
}

/// Present, and maybe null.
fn nullable<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Block<'de>>, D::Error> {
    Option::deserialize(d)
}

fn describe(error: &serde_json::Error) -> EvidenceError {
    let text = error.to_string();
    let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason).to_owned();
    EvidenceError::Json { line: error.line(), column: error.column(), reason }
}

/// What is in a file, decoded and nothing more: no part was compared with another.
#[derive(Clone)]
pub struct EvidenceFile {
    pub(super) manifest: Vec<u8>,
    pub(super) log_proof: Vec<u8>,
    pub(super) filter: Option<FilterBlock>,
    pub(super) blind: Zeroizing<[u8; 32]>,
    pub(super) blinded: [u8; 32],
    pub(super) evaluated: [u8; 32],
    pub(super) proof: [u8; PROOF_BYTES],
    pub(super) bucket: Vec<u8>,
}

impl core::fmt::Debug for EvidenceFile {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("EvidenceFile(REDACTED)")
    }
}

impl PartialEq for EvidenceFile {
    fn eq(&self, other: &Self) -> bool {
        self.to_bytes().ct_eq(&other.to_bytes()).into()
    }
}

impl Eq for EvidenceFile {}

impl EvidenceFile {
    /// From what a lookup saw and verified: the list, the block of the filter if the list has one, an element that was
    /// evaluated alone, with its blind and proof, and the response with its bucket.
    pub fn new(
        list: &VerifiedManifest,
        filter: Option<FilterBlock>,
        blind: &Blind,
        (blinded, evaluated): (&BlindedElement, &EvaluatedElement),
        proof: &Proof,
        bucket: Vec<u8>,
    ) -> Self {
        Self {
            manifest: list.as_bytes().to_vec(),
            log_proof: list.proof().to_vec(),
            filter,
            blind: blind.expose_bytes(),
            blinded: blinded.to_bytes(),
            evaluated: evaluated.to_bytes(),
            proof: proof.to_bytes(),
            bucket,
        }
    }

    /// Parses a file, strictly: it must be what [`EvidenceFile::to_bytes`] writes, byte for byte. So its SHA-256 is that of
    /// what it says, and no two readers can read it differently.
    ///
    /// # Errors
    /// [`EvidenceError`]: the first thing that is wrong.
    pub fn parse(file: &[u8]) -> Result<Self, EvidenceError> {
        if file.len() > MOST_EVIDENCE_BYTES {
            return Err(EvidenceError::TooLong { bytes: file.len() });
        }
        let JsonObject(version): JsonObject<Version<'_>> =
            serde_json::from_slice(file).map_err(|error| describe(&error))?;
        if version.evidence != FORMAT {
            return Err(EvidenceError::Format);
        }
        let JsonObject(document): JsonObject<Document<'_>> =
            serde_json::from_slice(file).map_err(|error| describe(&error))?;
        let evidence = Self::decode(&document)?;
        // Names twice, arrays for objects, another order, white space: JSON has many spellings, evidence one.
        if evidence.to_bytes()[..] == *file { Ok(evidence) } else { Err(EvidenceError::Spelling) }
    }

    fn decode(document: &Document<'_>) -> Result<Self, EvidenceError> {
        let error = |member, reason| EvidenceError::Member { member, reason };
        let any = |member, text: &str| decode_base64url(text).ok_or(error(member, "not base64url without padding"));
        let bytes32 = |member, text: &str| from_base64url::<32>(text).ok_or(error(member, "not 32 bytes of base64url"));
        let block = |block: &Block<'_>| -> Result<FilterBlock, EvidenceError> {
            let path = block.path.iter().map(|hash| bytes32("filter.path", hash)).collect::<Result<_, _>>()?;
            Ok(FilterBlock::new(any("filter.block", &block.block)?, path))
        };
        let evaluation = &document.evaluation;
        Ok(Self {
            manifest: any("manifest", &document.manifest)?,
            log_proof: any("log_proof", &document.log_proof)?,
            filter: document.filter.as_ref().map(block).transpose()?,
            blind: Zeroizing::new(bytes32("blind", &document.blind)?),
            blinded: bytes32("evaluation.blinded", &evaluation.blinded)?,
            evaluated: bytes32("evaluation.evaluated", &evaluation.evaluated)?,
            proof: from_base64url(&evaluation.proof).ok_or(error("evaluation.proof", "not 64 bytes of base64url"))?,
            bucket: any("bucket", &document.bucket)?,
        })
    }

    /// The file: JSON without white space, members in the order of the specification, a line feed at the end.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let blind = Zeroizing::new(base64url(&*self.blind));
        let parts = [&self.manifest, &self.log_proof, &self.bucket].map(|part| base64url(part));
        let [manifest, log_proof, bucket] = &parts;
        let filter = self.filter.as_ref().map_or("null".to_owned(), |filter| {
            let path: Vec<String> = filter.path().iter().map(|hash| format!("\"{}\"", base64url(hash))).collect();
            format!("{{\"block\":\"{}\",\"path\":[{}]}}", base64url(filter.bytes()), path.join(","))
        });
        let [blinded, evaluated] = [&self.blinded, &self.evaluated].map(|element| base64url(element));
        let proof = base64url(&self.proof);
        // Nothing in it needs an escape.
        let text = [
            "{\"evidence\":\"",
            FORMAT,
            "\",\"manifest\":\"",
            manifest,
            "\",\"log_proof\":\"",
            log_proof,
            "\",\"filter\":",
            &filter,
            ",\"blind\":\"",
            &blind,
            "\",\"evaluation\":{\"blinded\":\"",
            &blinded,
            "\",\"evaluated\":\"",
            &evaluated,
            "\",\"proof\":\"",
            &proof,
            "\"},\"bucket\":\"",
            bucket,
            "\"}\n",
        ];
        // In one piece, so that no copy of the blind is left behind.
        Zeroizing::new(text.concat().into_bytes())
    }
}
