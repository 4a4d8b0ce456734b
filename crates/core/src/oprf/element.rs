//! Group elements and their one encoding.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use rand_core::CryptoRngCore;
use sha2::{Digest, Sha512};
use thiserror::Error;

use super::ELEMENT_BYTES;
use crate::label;

/// Why 32 bytes are not an acceptable group element.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum ElementError {
    /// Not the canonical encoding of a ristretto255 element (RFC 9496, section 4.3.1).
    #[error("not the canonical encoding of a ristretto255 element")]
    NotCanonical,
    /// The identity, which RFC 9497, section 2.1, refuses.
    #[error("the identity element is refused")]
    Identity,
}

/// A point together with its canonical bytes.
#[derive(Clone, Copy)]
struct Element {
    point: RistrettoPoint,
    bytes: [u8; ELEMENT_BYTES],
}

impl Element {
    fn decode(bytes: &[u8; ELEMENT_BYTES]) -> Result<Self, ElementError> {
        let point = CompressedRistretto(*bytes).decompress().ok_or(ElementError::NotCanonical)?;
        if point.is_identity() {
            return Err(ElementError::Identity);
        }
        Ok(Self { point, bytes: *bytes })
    }
}

macro_rules! element {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name(Element);

        impl $name {
            /// Decodes 32 bytes, strictly.
            ///
            /// # Errors
            /// [`ElementError`]: not canonical, or the identity.
            pub fn from_bytes(bytes: &[u8; ELEMENT_BYTES]) -> Result<Self, ElementError> {
                Element::decode(bytes).map(Self)
            }

            /// The canonical encoding.
            pub fn to_bytes(&self) -> [u8; ELEMENT_BYTES] {
                self.0.bytes
            }

            pub(super) fn point(&self) -> &RistrettoPoint {
                &self.0.point
            }

            /// From a point that was computed here, and its encoding.
            pub(super) fn from_computed(point: RistrettoPoint, encoded: CompressedRistretto) -> Self {
                Self(Element { point, bytes: encoded.to_bytes() })
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.bytes == other.0.bytes
            }
        }

        impl Eq for $name {}

        // An element of a request is never to be logged, so it does not print.
        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(concat!(stringify!($name), "(REDACTED)"))
            }
        }
    };
}

element! {
    /// `C`, what a caller sends: blind × HashToGroup(input). Uniformly random to whoever does not know the blind.
    BlindedElement
}
element! {
    /// `D`, what the key holder answers: secret × `C`. Worth nothing before its proof is verified.
    EvaluatedElement
}
element! {
    /// `B`, the public key: secret × generator.
    OprfPublicKey
}

impl BlindedElement {
    /// A random element, for filling up a request: nobody, the caller included, knows an input to it.
    pub fn random(rng: &mut impl CryptoRngCore) -> Self {
        loop {
            let mut uniform = [0u8; 64];
            rng.fill_bytes(&mut uniform);
            let point = RistrettoPoint::from_uniform_bytes(&uniform);
            if !point.is_identity() {
                return Self::from_computed(point, point.compress());
            }
        }
    }
}

/// `expand_message_xmd` of RFC 9380, section 5.3.1, with SHA-512 and 64 bytes out, which takes one block.
fn expand_message_xmd(message: &[&[u8]], dst_prefix: &[u8]) -> [u8; 64] {
    const SHA512_BLOCK_BYTES: usize = 128;
    let dst_len = u8::try_from(dst_prefix.len() + label::OPRF_CONTEXT.len()).unwrap_or(u8::MAX);
    let mut hash = Sha512::new_with_prefix([0u8; SHA512_BLOCK_BYTES]);
    for part in message {
        hash.update(part);
    }
    hash.update(64u16.to_be_bytes());
    hash.update([0]);
    hash.update(dst_prefix);
    hash.update(label::OPRF_CONTEXT);
    hash.update([dst_len]);
    let b0 = hash.finalize();
    let mut hash = Sha512::new_with_prefix(b0);
    hash.update([1]);
    hash.update(dst_prefix);
    hash.update(label::OPRF_CONTEXT);
    hash.update([dst_len]);
    hash.finalize().into()
}

/// `HashToGroup` of the suite (RFC 9497, section 4.1).
pub(super) fn hash_to_group(input: &[u8]) -> RistrettoPoint {
    RistrettoPoint::from_uniform_bytes(&expand_message_xmd(&[input], b"HashToGroup-"))
}

/// `HashToScalar` of the suite (RFC 9497, section 4.1).
pub(super) fn hash_to_scalar(message: &[&[u8]]) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&expand_message_xmd(message, b"HashToScalar-"))
}

#[cfg(test)]
pub(super) fn derive_key_pair(seed: &[u8; 32], info: &[u8]) -> Scalar {
    // RFC 9497, section 3.2.1; its counter is 0 unless the scalar is zero.
    let info_len = u16::try_from(info.len()).unwrap().to_be_bytes();
    let expanded = expand_message_xmd(&[seed, &info_len, info, &[0]], b"DeriveKeyPair");
    Scalar::from_bytes_mod_order_wide(&expanded)
}
