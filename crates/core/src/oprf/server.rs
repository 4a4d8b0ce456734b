//! The key holder's side: evaluate batches with a proof, and, for the importer, evaluate an input directly.

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use rand_core::CryptoRngCore;
use sha2::{Digest, Sha512};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::client::finalize_hash;
use super::element::hash_to_group;
use super::proof::{self, Pair};
use super::{
    BlindedElement, CLIENT_BATCH_MOST, EvaluatedElement, OprfInput, OprfOutput, OprfPublicKey, Proof, ProofError,
};
use crate::label;

/// Why 32 bytes are no secret key.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum SecretKeyError {
    /// Not a canonical scalar.
    #[error("not a canonical ristretto255 scalar")]
    NotCanonical,
    /// Zero.
    #[error("the key is zero")]
    Zero,
}

/// The secret key of one generation of one dataset: a ristretto255 scalar other than zero.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct OprfSecretKey {
    scalar: Scalar,
    /// `scalar / 2`: a batch is multiplied by this, and doubled while it is encoded, which shares one inversion.
    half: Scalar,
    #[zeroize(skip)]
    public_key: OprfPublicKey,
}

impl core::fmt::Debug for OprfSecretKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("OprfSecretKey(REDACTED)")
    }
}

/// A batch's answers, in its order, and the one proof over all of it.
#[derive(Debug)]
pub struct BatchEvaluation {
    /// One for each blinded element.
    pub evaluated: Vec<EvaluatedElement>,
    /// Over the whole batch.
    pub proof: Proof,
}

impl OprfSecretKey {
    /// A uniformly random key.
    pub fn generate(rng: &mut impl CryptoRngCore) -> Self {
        loop {
            let scalar = Scalar::random(rng);
            if scalar != Scalar::ZERO {
                return Self::from_scalar(scalar);
            }
        }
    }

    /// Decodes a canonical scalar, little-endian.
    ///
    /// # Errors
    /// [`SecretKeyError`]: not canonical, or zero.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, SecretKeyError> {
        let scalar: Option<Scalar> = Scalar::from_canonical_bytes(*bytes).into();
        match scalar {
            None => Err(SecretKeyError::NotCanonical),
            Some(scalar) if scalar == Scalar::ZERO => Err(SecretKeyError::Zero),
            Some(scalar) => Ok(Self::from_scalar(scalar)),
        }
    }

    fn from_scalar(scalar: Scalar) -> Self {
        let half = scalar * Scalar::from(2u8).invert();
        let public = RistrettoPoint::mul_base(&scalar);
        let public_key = OprfPublicKey::from_computed(public, public.compress());
        Self { scalar, half, public_key }
    }

    /// The canonical scalar, for the key file alone.
    pub fn expose_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.scalar.to_bytes())
    }

    /// `B`, as the manifest names it.
    pub fn public_key(&self) -> &OprfPublicKey {
        &self.public_key
    }

    /// `D_i = secret × C_i` for all elements, with one proof over all of them (RFC 9497, BlindEvaluate; the seed for more
    /// than one element is ours, see the crate's `oprf::proof`). Constant time in the key.
    ///
    /// # Errors
    /// [`ProofError::BatchSize`] for none or more than 64 elements.
    pub fn evaluate_batch(
        &self,
        blinded: &[BlindedElement],
        rng: &mut impl CryptoRngCore,
    ) -> Result<BatchEvaluation, ProofError> {
        let mut random = Zeroizing::new([0u8; 32]);
        rng.fill_bytes(&mut *random);
        self.evaluate_with_nonce(blinded, |m| {
            // Hedged: should the generator fail, two different composites still get two different nonces.
            let mut hash = Sha512::new_with_prefix(label::PROOF_NONCE);
            hash.update(self.scalar.as_bytes());
            hash.update(*random);
            hash.update(m.as_bytes());
            Scalar::from_hash(hash)
        })
    }

    /// [`OprfSecretKey::evaluate_batch`] with a nonce that the caller chose, for vectors.
    pub(super) fn evaluate_with_nonce(
        &self,
        blinded: &[BlindedElement],
        nonce: impl FnOnce(&curve25519_dalek::ristretto::CompressedRistretto) -> Scalar,
    ) -> Result<BatchEvaluation, ProofError> {
        if blinded.is_empty() || blinded.len() > CLIENT_BATCH_MOST {
            return Err(ProofError::BatchSize { count: blinded.len() });
        }
        let halves: Vec<RistrettoPoint> = blinded.iter().map(|c| self.half * c.point()).collect();
        let encoded = RistrettoPoint::double_and_compress_batch(&halves);
        let batch: Vec<Pair> = blinded
            .iter()
            .zip(halves.iter().zip(&encoded))
            .map(|(c, (half, encoded))| (*c, EvaluatedElement::from_computed(half + half, *encoded)))
            .collect();
        let proof = proof::prove(&self.scalar, &self.public_key, &batch, nonce);
        Ok(BatchEvaluation { evaluated: batch.into_iter().map(|(_, evaluated)| evaluated).collect(), proof })
    }

    /// `y` for an input that is known: what the importer computes for every row (RFC 9497, Evaluate).
    pub fn evaluate(&self, input: &OprfInput) -> OprfOutput {
        let point = Zeroizing::new(hash_to_group(input.expose_bytes()));
        let element = Zeroizing::new(self.scalar * *point);
        finalize_hash(input.expose_bytes(), &Zeroizing::new(element.compress().to_bytes()))
    }
}

/// What gives the key away in the wrong hands, for vectors and benchmarks.
#[cfg(feature = "hazmat")]
impl OprfSecretKey {
    /// Evaluates one element without a proof: the baseline that benchmarks compare with. No client accepts it.
    pub fn evaluate_unproved(&self, blinded: &[u8; 32]) -> Option<[u8; 32]> {
        let element = BlindedElement::from_bytes(blinded).ok()?;
        Some((self.scalar * element.point()).compress().to_bytes())
    }

    /// For the generator of the vectors: a proof with a given nonce, which is no proof's but this one's. None for zero and
    /// what is no scalar.
    pub fn evaluate_batch_with_nonce(&self, blinded: &[BlindedElement], nonce: [u8; 32]) -> Option<BatchEvaluation> {
        let nonce: Option<Scalar> = Scalar::from_canonical_bytes(nonce).into();
        let nonce = nonce.filter(|nonce| *nonce != Scalar::ZERO)?;
        self.evaluate_with_nonce(blinded, |_| nonce).ok()
    }
}
