//! The file, as bytes.

use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::encoding::{base64url, decode_base64url, from_base64url};
use crate::filter::FilterBlock;
use crate::json::{Json, JsonError, JsonWriter, Object};
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

impl From<JsonError> for EvidenceError {
    fn from(error: JsonError) -> Self {
        let place = error.place();
        Self::Json { line: place.line, column: place.column, reason: error.reason().to_owned() }
    }
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
        let json = Json::parse(file)?;
        let mut document = json.object()?;
        // The one member of every version.
        if document.take("evidence")?.text()? != FORMAT {
            return Err(EvidenceError::Format);
        }
        let evidence = Self::decode(document)?;
        // Another order, white space: JSON has many spellings, evidence one.
        if evidence.to_bytes()[..] == *file { Ok(evidence) } else { Err(EvidenceError::Spelling) }
    }

    fn decode(mut document: Object<'_>) -> Result<Self, EvidenceError> {
        let error = |member, reason| EvidenceError::Member { member, reason };
        let any = |member, json: &Json| -> Result<Vec<u8>, EvidenceError> {
            decode_base64url(json.text()?).ok_or(error(member, "not base64url without padding"))
        };
        let bytes32 = |member, json: &Json| -> Result<[u8; 32], EvidenceError> {
            from_base64url(json.text()?).ok_or(error(member, "not 32 bytes of base64url"))
        };
        let manifest = any("manifest", document.take("manifest")?)?;
        let log_proof = any("log_proof", document.take("log_proof")?)?;
        let filter = match document.take("filter")?.nullable() {
            None => None,
            Some(json) => {
                let mut filter = json.object()?;
                let block = any("filter.block", filter.take("block")?)?;
                let mut path = Vec::new();
                for hash in filter.take("path")?.elements()? {
                    path.push(bytes32("filter.path", hash)?);
                }
                filter.end()?;
                Some(FilterBlock::new(block, path))
            }
        };
        let blind = Zeroizing::new(bytes32("blind", document.take("blind")?)?);
        let mut evaluation = document.take("evaluation")?.object()?;
        let blinded = bytes32("evaluation.blinded", evaluation.take("blinded")?)?;
        let evaluated = bytes32("evaluation.evaluated", evaluation.take("evaluated")?)?;
        let proof = from_base64url(evaluation.take("proof")?.text()?)
            .ok_or(error("evaluation.proof", "not 64 bytes of base64url"))?;
        evaluation.end()?;
        let bucket = any("bucket", document.take("bucket")?)?;
        document.end()?;
        Ok(Self { manifest, log_proof, filter, blind, blinded, evaluated, proof, bucket })
    }

    /// The file: JSON without white space, members in the order of the specification, a line feed at the end.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let [manifest, log_proof, bucket] =
            [&self.manifest, &self.log_proof, &self.bucket].map(|bytes| base64url(bytes));
        let block = self.filter.as_ref().map(|filter| (base64url(filter.bytes()), filter.path()));
        let filter = block.as_ref().map_or(0, |(block, path)| block.len() + 46 * path.len());
        let mut json = JsonWriter::with_capacity(manifest.len() + log_proof.len() + bucket.len() + filter + 1024);
        json.open('{');
        json.member("evidence", FORMAT);
        json.member("manifest", &manifest);
        json.member("log_proof", &log_proof);
        json.name("filter");
        match block {
            None => json.null(),
            Some((block, path)) => {
                json.open('{');
                json.member("block", &block);
                json.name("path").open('[');
                path.iter().for_each(|hash| json.text(&base64url(hash)));
                json.close(']');
                json.close('}');
            }
        }
        json.member("blind", &Zeroizing::new(base64url(&*self.blind)));
        json.name("evaluation").open('{');
        json.member("blinded", &base64url(&self.blinded));
        json.member("evaluated", &base64url(&self.evaluated));
        json.member("proof", &base64url(&self.proof));
        json.close('}');
        json.member("bucket", &bucket);
        json.close('}');
        // Reserved at full length, so that no copy of the blind is left behind.
        let mut bytes = Zeroizing::new(json.finish().into_bytes());
        bytes.push(b'\n');
        bytes
    }
}
