//! Fixed-length secrets: redacted, wiped, compared in constant time.

/// Defines a newtype over `[u8; N]` that prints as `REDACTED`, is wiped when dropped and compares in constant time.
macro_rules! secret_bytes {
    ($(#[$doc:meta])* $name:ident, $len:expr) => {
        $(#[$doc])*
        #[derive(Clone, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Takes the bytes over.
            pub fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The secret bytes. Whoever calls this answers for where they go.
            pub fn expose_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(concat!(stringify!($name), "(REDACTED)"))
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                subtle::ConstantTimeEq::ct_eq(&self.0[..], &other.0[..]).into()
            }
        }

        impl Eq for $name {}
    };
}

pub(crate) use secret_bytes;

use hkdf::Hkdf;
use sha2::Sha512;

/// HKDF-SHA-512 (RFC 5869), extract and expand, empty salt.
pub(crate) fn hkdf<const N: usize>(ikm: &[u8], info: &[&[u8]]) -> [u8; N] {
    const { assert!(N <= 255 * 64, "HKDF-SHA-512 gives at most 255 blocks") }
    let mut out = [0u8; N];
    let expanded = Hkdf::<Sha512>::new(None, ikm).expand_multi_info(info, &mut out);
    debug_assert!(expanded.is_ok(), "the length was checked at compile time");
    out
}

#[cfg(test)]
mod tests {
    use zeroize::ZeroizeOnDrop;

    use crate::filter::{FilterItem, NoiseKey};
    use crate::key_file::StoreKey;
    use crate::oprf::{Blind, OprfInput, OprfOutput, OprfSecretKey};
    use crate::record::SealKey;
    use crate::{CoverSecret, Nik, Stretched};

    /// Compiles, or not.
    #[test]
    fn secrets_are_wiped_when_they_are_dropped() {
        fn wiped<T: ZeroizeOnDrop>() {}
        wiped::<Nik>();
        wiped::<Stretched>();
        wiped::<FilterItem>();
        wiped::<OprfInput>();
        wiped::<OprfOutput>();
        wiped::<SealKey>();
        wiped::<StoreKey>();
        wiped::<NoiseKey>();
        wiped::<CoverSecret>();
        wiped::<Blind>();
        wiped::<OprfSecretKey>();
        // The log's signing key is ed25519-dalek's, which wipes it.
        wiped::<ed25519_dalek::SigningKey>();
    }

    #[test]
    fn secrets_are_redacted() {
        let shown = [
            format!("{:?}", Stretched::from_bytes([7; 32])),
            format!("{:?}", OprfOutput::from_bytes([7; 64])),
            format!("{:?}", SealKey::from_bytes([7; 32])),
            format!("{:?}", CoverSecret::from_bytes([7; 32])),
            format!("{:?}", Blind::from_bytes([7; 32]).unwrap()),
            format!("{:?}", OprfSecretKey::from_bytes(&[7; 32]).unwrap()),
            format!("{:?}", Nik::parse("3171011708909001").unwrap()),
        ];
        for text in shown {
            assert!(text.ends_with("(REDACTED)") && !text.contains('7'), "{text}");
        }
    }
}
