//! The proof that every element of a batch was multiplied by the same secret (RFC 9497, section 2.2).
//!
//! `lp(x)` is `I2OSP(len(x), 2) || x`. The composites of n elements are weighted by scalars from a seed:
//!
//! * n = 1: `seed = SHA-512(lp(B) || lp("Seed-" || contextString))`, the RFC's;
//! * n > 1: `seed = SHA-512(lp(B) || lp("Seed-" || contextString) || I2OSP(n, 2) || C0 || D0 || … || Cn-1 || Dn-1)`.
//!
//! With the RFC's seed for n > 1, a weight depends on its own pair alone. A prover who may invent the other pairs can then
//! search for a set whose weighted errors cancel (a generalised birthday problem: 2^36 steps for 64 elements). Binding the
//! seed to all pairs leaves him one try for each choice of all of them.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity, VartimeMultiscalarMul};
use sha2::{Digest, Sha512};
use thiserror::Error;

use super::element::hash_to_scalar;
use super::{BlindedElement, CLIENT_BATCH_MOST, EvaluatedElement, OprfPublicKey};
use crate::label;

/// Bytes of an encoded proof.
pub const PROOF_BYTES: usize = 64;

/// Why a batch of evaluations is not believed.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum ProofError {
    /// No element, more than a client accepts, or not as many evaluated as blinded.
    #[error("a batch has 1 to {CLIENT_BATCH_MOST} elements, this one {count}")]
    BatchSize {
        /// Elements in the batch.
        count: usize,
    },
    /// A scalar of the proof is not below the group's order.
    #[error("the proof is not canonically encoded")]
    NotCanonical,
    /// The equations do not hold: not evaluated with this key, or altered on the way.
    #[error("the proof does not verify under the key of the manifest")]
    Invalid,
}

/// A proof: challenge `c` and response `s`, 32 bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    c: Scalar,
    s: Scalar,
}

impl Proof {
    /// Decodes `c || s`, strictly.
    ///
    /// # Errors
    /// [`ProofError::NotCanonical`].
    pub fn from_bytes(bytes: &[u8; PROOF_BYTES]) -> Result<Self, ProofError> {
        let scalar = |half: usize| {
            let mut encoded = [0u8; 32];
            encoded.copy_from_slice(&bytes[32 * half..32 * (half + 1)]);
            Option::from(Scalar::from_canonical_bytes(encoded)).ok_or(ProofError::NotCanonical)
        };
        Ok(Self { c: scalar(0)?, s: scalar(1)? })
    }

    /// `c || s`.
    pub fn to_bytes(&self) -> [u8; PROOF_BYTES] {
        let mut out = [0u8; PROOF_BYTES];
        out[..32].copy_from_slice(self.c.as_bytes());
        out[32..].copy_from_slice(self.s.as_bytes());
        out
    }
}

/// One element of a batch: what was sent and what came back.
pub(super) type Pair = (BlindedElement, EvaluatedElement);

/// The weights `d_i`. `batch` holds 1 to 65,535 pairs.
fn weights(public_key: &OprfPublicKey, batch: &[Pair]) -> Vec<Scalar> {
    let mut hash = Sha512::new();
    hash.update(32u16.to_be_bytes());
    hash.update(public_key.to_bytes());
    let seed_label = b"Seed-";
    hash.update(u16_be(seed_label.len() + label::OPRF_CONTEXT.len()));
    hash.update(seed_label);
    hash.update(label::OPRF_CONTEXT);
    if batch.len() > 1 {
        hash.update(u16_be(batch.len()));
        for (blinded, evaluated) in batch {
            hash.update(blinded.to_bytes());
            hash.update(evaluated.to_bytes());
        }
    }
    let seed = hash.finalize();
    let element_len = 32u16.to_be_bytes();
    batch
        .iter()
        .enumerate()
        .map(|(i, (blinded, evaluated))| {
            hash_to_scalar(&[
                &64u16.to_be_bytes(),
                &seed,
                &u16_be(i),
                &element_len,
                &blinded.to_bytes(),
                &element_len,
                &evaluated.to_bytes(),
                b"Composite",
            ])
        })
        .collect()
}

/// The lengths here are all bounded by the batch and the labels.
fn u16_be(n: usize) -> [u8; 2] {
    debug_assert!(n <= usize::from(u16::MAX));
    (n as u16).to_be_bytes()
}

/// `M = Σ d_i C_i`. Everything in it is public.
fn composite(weights: &[Scalar], points: &[RistrettoPoint]) -> RistrettoPoint {
    // In pieces, of which no client ever has a second: the library has another method for hundreds of points, which a module
    // for browsers need not bring along.
    const PIECE: usize = CLIENT_BATCH_MOST;
    let mut sum = RistrettoPoint::identity();
    for (weights, points) in weights.chunks(PIECE).zip(points.chunks(PIECE)) {
        let places = || 0..weights.len().min(points.len()).min(PIECE);
        sum += RistrettoPoint::vartime_multiscalar_mul(places().map(|i| weights[i]), places().map(|i| points[i]));
    }
    sum
}

fn blinded(batch: &[Pair]) -> Vec<RistrettoPoint> {
    batch.iter().map(|(c, _)| *c.point()).collect()
}

fn challenge(
    b: &OprfPublicKey,
    m: &RistrettoPoint,
    z: &RistrettoPoint,
    t2: &RistrettoPoint,
    t3: &RistrettoPoint,
) -> Scalar {
    let len = 32u16.to_be_bytes();
    let encoded = [m, z, t2, t3].map(|point| point.compress().to_bytes());
    hash_to_scalar(&[
        &len,
        &b.to_bytes(),
        &len,
        &encoded[0],
        &len,
        &encoded[1],
        &len,
        &encoded[2],
        &len,
        &encoded[3],
        b"Challenge",
    ])
}

/// Proves that every pair of `batch` has the relation of `public_key = secret × G`. Constant time in `secret` and `nonce`.
///
/// `nonce` is given the encoded composite `M` and returns `r`, which must be unpredictable and never used for two proofs.
pub(super) fn prove(
    secret: &Scalar,
    public_key: &OprfPublicKey,
    batch: &[Pair],
    nonce: impl FnOnce(&CompressedRistretto) -> Scalar,
) -> Proof {
    let d = weights(public_key, batch);
    let m = composite(&d, &blinded(batch));
    let z = secret * m;
    let r = zeroize::Zeroizing::new(nonce(&m.compress()));
    let t2 = RistrettoPoint::mul_base(&r);
    let t3 = *r * m;
    let c = challenge(public_key, &m, &z, &t2, &t3);
    Proof { c, s: *r - c * secret }
}

/// Checks a proof over a whole batch. Everything in it is public, so the time may vary.
pub(super) fn verify(public_key: &OprfPublicKey, batch: &[Pair], proof: &Proof) -> Result<(), ProofError> {
    if batch.is_empty() || batch.len() > CLIENT_BATCH_MOST {
        return Err(ProofError::BatchSize { count: batch.len() });
    }
    let d = weights(public_key, batch);
    let m = composite(&d, &blinded(batch));
    let z = composite(&d, &batch.iter().map(|(_, d)| *d.point()).collect::<Vec<_>>());
    let t2 = RistrettoPoint::vartime_double_scalar_mul_basepoint(&proof.c, public_key.point(), &proof.s);
    let t3 = composite(&[proof.s, proof.c], &[m, z]);
    if challenge(public_key, &m, &z, &t2, &t3) == proof.c { Ok(()) } else { Err(ProofError::Invalid) }
}
