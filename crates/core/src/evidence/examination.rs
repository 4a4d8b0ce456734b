//! Every step of a lookup, computed again from the file.

use super::{Check, CheckResult, EvidenceFile, evidence_sha256};
use crate::bucket::BucketError;
use crate::encoding::presentable;
use crate::log::{CheckpointError, Policy, ProofError, TlogProof};
use crate::manifest::{Id, Manifest, StretchSpec, UnverifiedManifest, VerifiedManifest, VerifyError};
use crate::nik::Nik;
use crate::oprf::{Blind, BlindedElement, EvaluatedElement, Proof, VerifiedBatch, blind as blind_input, verify_batch};
use crate::record::{self, Support};
use crate::stretch::{StretchError, Stretched, Stretcher};

/// Under which terms evidence is accepted.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// Which log, and which witnesses of it, are trusted. It must not come from whoever shows the file.
    pub policy: &'a Policy,
    /// The list that the file must be of; none: any, and the verdict tells which.
    pub dataset: Option<&'a Id>,
    /// Whether lists with a weak stretch, which are for tests, are accepted.
    pub accept_weak: bool,
}

/// What a file shows of a NIK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A record was on the list, and says this.
    Listed {
        /// At least one.
        supports: Vec<Support>,
    },
    /// No record was on the list.
    NotListed,
    /// A record was on the list that nobody can read: its publisher's doing.
    Unreadable {
        /// Why it does not open, or is none. English.
        detail: String,
    },
    /// Nothing: a check failed.
    Nothing {
        /// Which.
        check: Check,
        /// Particulars, in English. Never of the NIK.
        detail: String,
    },
}

/// What came of an examination.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// SHA-256 of the file, which tells whether a printed sheet belongs to it.
    pub sha256: [u8; 32],
    /// The list, once it was found in the log under the policy: what it is called, its dates, its log and witnesses.
    pub list: Option<VerifiedManifest>,
    /// Whether the filter's cell for the NIK is set; none where the list has no filter, or a check failed before.
    pub cell_is_set: Option<bool>,
    /// What the file shows.
    pub finding: Finding,
}

impl Verdict {
    fn failed(sha256: [u8; 32], list: Option<VerifiedManifest>, check: Check, detail: impl core::fmt::Display) -> Self {
        let finding = Finding::Nothing { check, detail: presentable(&detail) };
        Self { sha256, list, cell_is_set: None, finding }
    }

    /// The fixed code: `listed`, `not_listed`, `filter_lacks_record`, `record_unreadable` or `invalid`.
    pub fn code(&self) -> &'static str {
        match self.finding {
            Finding::Listed { .. } if self.cell_is_set == Some(false) => "filter_lacks_record",
            Finding::Listed { .. } => "listed",
            Finding::NotListed => "not_listed",
            Finding::Unreadable { .. } => "record_unreadable",
            Finding::Nothing { .. } => "invalid",
        }
    }

    /// Whether the file proves that the publisher broke the rules: the filter lacks a record that is sealed, or the record
    /// cannot be read.
    pub fn proves_misbehaviour(&self) -> bool {
        match self.finding {
            Finding::Listed { .. } => self.cell_is_set == Some(false),
            Finding::Unreadable { .. } => true,
            Finding::NotListed | Finding::Nothing { .. } => false,
        }
    }

    /// What came of one check.
    pub fn result(&self, check: Check) -> CheckResult {
        let failed = match self.finding {
            Finding::Listed { .. } | Finding::NotListed => return CheckResult::Passed,
            Finding::Unreadable { .. } => Check::Record,
            Finding::Nothing { check, .. } => check,
        };
        match check.cmp(&failed) {
            core::cmp::Ordering::Less => CheckResult::Passed,
            core::cmp::Ordering::Equal => CheckResult::Failed,
            core::cmp::Ordering::Greater => CheckResult::NotReached,
        }
    }
}

/// A file of which everything holds that can be checked without the NIK.
pub struct Examination {
    sha256: [u8; 32],
    file: EvidenceFile,
    list: VerifiedManifest,
    blind: Blind,
    batch: VerifiedBatch,
}

impl core::fmt::Debug for Examination {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Examination").field("dataset", &self.list.manifest().dataset).finish_non_exhaustive()
    }
}

/// Checks all of a file that can be checked without the NIK, before anything costly is done for it.
///
/// # Errors
/// The verdict, when a check failed.
pub fn examine(file: &[u8], terms: &Terms<'_>) -> Result<Examination, Box<Verdict>> {
    let sha256 = evidence_sha256(file);
    let (file, list) =
        open_list(file, terms).map_err(|(check, detail)| Verdict::failed(sha256, None, check, detail))?;
    match check_without_nik(&file, list.manifest(), terms) {
        Ok((blind, batch)) => Ok(Examination { sha256, file, list, blind, batch }),
        Err((check, detail)) => Err(Box::new(Verdict::failed(sha256, Some(list), check, detail))),
    }
}

/// A check that failed, and why.
type Failed = (Check, String);

fn fail<E: core::fmt::Display>(check: Check) -> impl Fn(E) -> Failed {
    move |error| (check, error.to_string())
}

fn open_list(file: &[u8], terms: &Terms<'_>) -> Result<(EvidenceFile, VerifiedManifest), Failed> {
    let file = EvidenceFile::parse(file).map_err(fail(Check::Form))?;
    let manifest = UnverifiedManifest::parse(file.manifest.clone()).map_err(fail(Check::Manifest))?;
    let proof = TlogProof::parse(&file.log_proof).map_err(fail(Check::LogProof))?;
    let list = manifest.verify(terms.policy, &proof).map_err(|error| (log_check(&error), error.to_string()))?;
    Ok((file, list))
}

fn log_check(error: &VerifyError) -> Check {
    let VerifyError::Proof(error) = error else { return Check::Origin };
    match error {
        ProofError::TooLarge { .. } | ProofError::Malformed { .. } => Check::LogProof,
        ProofError::IndexOutside { .. } | ProofError::NotIncluded { .. } => Check::Inclusion,
        ProofError::Checkpoint(error) => match error {
            CheckpointError::TooLarge { .. }
            | CheckpointError::MalformedNote
            | CheckpointError::MalformedText
            | CheckpointError::OriginTooLong
            | CheckpointError::SizeTooLarge { .. }
            | CheckpointError::EmptyRoot => Check::LogProof,
            CheckpointError::UnknownOrigin { .. }
            | CheckpointError::UnsupportedLogKey { .. }
            | CheckpointError::NoLogSignature { .. }
            | CheckpointError::BadLogSignature { .. } => Check::LogKey,
            CheckpointError::BadCosignature { .. } | CheckpointError::Quorum(_) => Check::Witnesses,
        },
    }
}

fn check_without_nik(
    file: &EvidenceFile,
    manifest: &Manifest,
    terms: &Terms<'_>,
) -> Result<(Blind, VerifiedBatch), Failed> {
    let refuse = |check, detail: &str| Err((check, detail.to_owned()));
    if let Some(wanted) = terms.dataset.filter(|wanted| **wanted != manifest.dataset) {
        return refuse(Check::Dataset, &format!("the file is of the list {}, not of {wanted}", manifest.dataset));
    }
    if manifest.stretch.cost.weak && !terms.accept_weak {
        return refuse(Check::Weak, "the list has a weak stretch, for tests only: it protects nobody");
    }
    let Some(blind) = Blind::from_bytes(*file.blind) else {
        return refuse(Check::Blind, "the blind is zero, or not the canonical encoding of a scalar");
    };
    let blinded = BlindedElement::from_bytes(&file.blinded).map_err(fail(Check::Elements))?;
    let evaluated = EvaluatedElement::from_bytes(&file.evaluated).map_err(fail(Check::Elements))?;
    let proof = Proof::from_bytes(&file.proof).map_err(fail(Check::Elements))?;
    let batch =
        verify_batch(&manifest.oprf.public_key, vec![(blinded, evaluated)], &proof).map_err(fail(Check::Evaluation))?;
    match (&file.filter, &manifest.filter) {
        (Some(_), None) => refuse(Check::FilterPresence, "the list has no filter, and a block of one is in the file"),
        (None, Some(_)) => refuse(Check::FilterPresence, "the list has a filter, and no block of it is in the file"),
        _ => Ok((blind, batch)),
    }
}

impl Examination {
    /// The list that the file is of.
    pub fn list(&self) -> &VerifiedManifest {
        &self.list
    }

    /// With which salt and at which cost the NIK is to be stretched.
    pub fn stretch(&self) -> &StretchSpec {
        &self.list.manifest().stretch
    }

    /// Checks the rest, for the NIK that was stretched.
    pub fn conclude(self, stretched: &Stretched) -> Verdict {
        let concluded = self.check_with(stretched);
        let Self { sha256, list, .. } = self;
        match concluded {
            Ok((cell_is_set, finding)) => Verdict { sha256, list: Some(list), cell_is_set, finding },
            Err((check, detail)) => Verdict::failed(sha256, Some(list), check, detail),
        }
    }

    fn check_with(&self, stretched: &Stretched) -> Result<(Option<bool>, Finding), Failed> {
        let manifest = self.list.manifest();
        let input = stretched.oprf_input();
        let blinded = blind_input(&input, &self.blind).map_err(fail(Check::Blinded))?;
        let output = self.batch.finalize(0, &input, &self.blind).filter(|_| self.batch.blinded(0) == Some(&blinded));
        let Some(output) = output else {
            return Err((Check::Blinded, "the file was not made for this NIK".to_owned()));
        };
        let cell_is_set = match (&manifest.filter, &self.file.filter) {
            (Some(filter), Some(block)) => {
                let item = stretched.filter_item();
                let shard = usize::try_from(filter.geometry.shard(&item)).ok();
                let digest = shard.and_then(|shard| filter.shards.get(shard));
                let digest = digest.ok_or_else(|| (Check::FilterBlock, "the list has no such shard".to_owned()))?;
                Some(block.open(&filter.geometry, digest, &item).map_err(fail(Check::FilterBlock))?)
            }
            _ => None,
        };
        let buckets = &manifest.buckets;
        let locator = output.locator();
        let index = locator.bucket(buckets.geometry.bits());
        let bucket = buckets.geometry.open_response(index, &buckets.root, &self.file.bucket);
        let bucket = bucket.map_err(|error| (bucket_check(&error), error.to_string()))?;
        let Some(sealed) = bucket.find(&locator) else { return Ok((cell_is_set, Finding::NotListed)) };
        let finding = match record::open(&output.seal_key(), manifest.dataset.as_str(), sealed) {
            Ok(record) => Finding::Listed { supports: record.supports },
            Err(error) => Finding::Unreadable { detail: presentable(&error) },
        };
        Ok((cell_is_set, finding))
    }
}

fn bucket_check(error: &BucketError) -> Check {
    match error {
        // The index is of the locator's own bits, and the geometry is the manifest's.
        BucketError::ResponseLength { .. }
        | BucketError::Geometry { .. }
        | BucketError::Index { .. }
        | BucketError::TooFull { .. } => Check::BucketLength,
        BucketError::Hashes { .. } => Check::BucketHashes,
        BucketError::EntriesLength { .. } => Check::BucketEntries,
        BucketError::Padding => Check::BucketPadding,
        BucketError::Root => Check::BucketRoot,
        BucketError::Order { .. } => Check::BucketOrder,
    }
}

/// Checks a file for a NIK, the stretch included.
///
/// # Errors
/// [`StretchError`] when the stretch could not be computed: that says nothing of the file.
pub fn verify(file: &[u8], nik: &Nik, terms: &Terms<'_>) -> Result<Verdict, StretchError> {
    let examination = match examine(file, terms) {
        Ok(examination) => examination,
        Err(verdict) => return Ok(*verdict),
    };
    let StretchSpec { cost, salt } = *examination.stretch();
    let stretched = Stretcher::new(cost, salt)?.stretch(nik)?;
    Ok(examination.conclude(&stretched))
}
