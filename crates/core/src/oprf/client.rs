//! The caller's side: blind, verify, finalize.

use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use rand_core::CryptoRngCore;
use sha2::{Digest, Sha512};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::element::hash_to_group;
use super::proof::{self, Pair};
use super::{BlindedElement, ElementError, EvaluatedElement, OprfPublicKey, Proof, ProofError};
use crate::secret::secret_bytes;

secret_bytes! {
    /// What the blind evaluation is asked for: 32 bytes derived from the stretched NIK (spec, step 4).
    OprfInput, 32
}
secret_bytes! {
    /// `y`, the output of the evaluation: 64 bytes, from which locator and seal key follow (spec, step 5).
    OprfOutput, 64
}

/// The blind: a secret scalar, fresh for every attempt, retries included.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Blind(Scalar);

impl core::fmt::Debug for Blind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Blind(REDACTED)")
    }
}

impl Blind {
    /// A uniformly random scalar other than zero.
    pub fn random(rng: &mut impl CryptoRngCore) -> Self {
        loop {
            let scalar = Scalar::random(rng);
            if scalar != Scalar::ZERO {
                return Self(scalar);
            }
        }
    }

    /// A canonical scalar other than zero, for vectors and for evidence, in which the blind is told.
    pub fn from_bytes(bytes: [u8; 32]) -> Option<Self> {
        let scalar: Option<Scalar> = Scalar::from_canonical_bytes(bytes).into();
        scalar.filter(|scalar| *scalar != Scalar::ZERO).map(Self)
    }

    /// The scalar, for evidence. Whoever has it can test guesses of the NIK against the blinded element.
    pub fn expose_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }
}

/// `C = blind × HashToGroup(input)` (RFC 9497, section 3.3.2, Blind).
///
/// # Errors
/// [`ElementError::Identity`] when the input hashes to the identity, which no one has ever seen.
pub fn blind(input: &OprfInput, blind: &Blind) -> Result<BlindedElement, ElementError> {
    blind_bytes(input.expose_bytes(), blind)
}

/// [`blind()`] for an input of any length, as the RFC has it.
pub(super) fn blind_bytes(input: &[u8], blind: &Blind) -> Result<BlindedElement, ElementError> {
    let point = Zeroizing::new(hash_to_group(input));
    if point.is_identity() {
        return Err(ElementError::Identity);
    }
    let blinded = blind.0 * *point;
    Ok(BlindedElement::from_computed(blinded, blinded.compress()))
}

/// A batch whose proof was verified: the only thing that can be finalized.
#[derive(Debug)]
pub struct VerifiedBatch(Vec<Pair>);

/// Verifies the proof over a whole batch, in the order in which the key holder gave it (spec, step 4).
///
/// # Errors
/// [`ProofError`]: 0 or more than 64 elements, or the proof does not hold under `public_key`.
pub fn verify_batch(
    public_key: &OprfPublicKey,
    batch: Vec<(BlindedElement, EvaluatedElement)>,
    proof: &Proof,
) -> Result<VerifiedBatch, ProofError> {
    proof::verify(public_key, &batch, proof)?;
    Ok(VerifiedBatch(batch))
}

impl VerifiedBatch {
    /// Elements in the batch.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never: a batch of none is not verified.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The blinded element at a place in the batch.
    pub fn blinded(&self, place: usize) -> Option<&BlindedElement> {
        self.0.get(place).map(|(blinded, _)| blinded)
    }

    /// The evaluated element at a place in the batch.
    pub fn evaluated(&self, place: usize) -> Option<&EvaluatedElement> {
        self.0.get(place).map(|(_, evaluated)| evaluated)
    }

    /// `y` for the element at `place` (RFC 9497, section 3.3.2, Finalize). None when `place` lies outside of the batch.
    ///
    /// The caller has checked that [`VerifiedBatch::blinded`] at that place is the element it sent.
    pub fn finalize(&self, place: usize, input: &OprfInput, blind: &Blind) -> Option<OprfOutput> {
        self.finalize_bytes(place, input.expose_bytes(), blind)
    }

    pub(super) fn finalize_bytes(&self, place: usize, input: &[u8], blind: &Blind) -> Option<OprfOutput> {
        let (_, evaluated) = self.0.get(place)?;
        let inverse = Zeroizing::new(blind.0.invert());
        let unblinded = Zeroizing::new(*inverse * evaluated.point());
        Some(finalize_hash(input, &Zeroizing::new(unblinded.compress().to_bytes())))
    }
}

/// `Hash(lp(input) || lp(unblinded) || "Finalize")`. Inputs are 32 bytes long here, and a few in the RFC's vectors.
pub(super) fn finalize_hash(input: &[u8], unblinded: &[u8; 32]) -> OprfOutput {
    let mut hash = Sha512::new();
    hash.update((input.len() as u16).to_be_bytes());
    hash.update(input);
    hash.update(32u16.to_be_bytes());
    hash.update(unblinded);
    hash.update(b"Finalize");
    OprfOutput::from_bytes(hash.finalize().into())
}
