//! Blind evaluation: RFC 9497, mode VOPRF, suite ristretto255-SHA512 (spec, step 4).
//!
//! The caller blinds its input with a fresh random scalar, the key holder multiplies what it gets by its secret, and the
//! caller divides the blind out. What the key holder sees is a uniformly random group element; what the caller gets is a
//! value that only the key holder could have made, with a proof that it was made with the key that the manifest names.
//!
//! One departure from the RFC, for batches of more than one element: the seed of the composites binds every element
//! (`proof`), because here a prover may choose elements of its own. For one element everything is the RFC's, byte for byte.

mod client;
mod element;
mod proof;
mod server;

pub use client::{Blind, OprfInput, OprfOutput, VerifiedBatch, blind, verify_batch};
pub use element::{BlindedElement, ElementError, EvaluatedElement, OprfPublicKey};
pub use proof::{PROOF_BYTES, Proof, ProofError};
pub use server::{BatchEvaluation, OprfSecretKey, SecretKeyError};

/// Bytes of an encoded group element.
pub const ELEMENT_BYTES: usize = 32;
/// Most elements in a batch that a client accepts.
pub const CLIENT_BATCH_MOST: usize = 64;
/// Most elements that a server gathers into a batch.
pub const SERVER_BATCH_MOST: usize = 16;
/// The numbers of elements that one request may hold. A caller fills up with random elements.
pub const REQUEST_SIZES: [usize; 3] = [1, 4, 16];

#[cfg(test)]
mod tests;
