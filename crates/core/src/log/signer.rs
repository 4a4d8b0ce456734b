//! The log's signing key, in the form of signed-note's reference implementation.

use core::fmt;

use ed25519_dalek::{Signer, SigningKey};
use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use super::checkpoint::{SignedCheckpoint, TreeHead};
use super::note::SignatureLine;
use super::vkey::{KeyType, VerifierKey, VkeyError, check_name, parse_id};
use super::{EMPTY_ROOT, MAX_TREE_SIZE};
use crate::encoding::{base64, from_base64};

const PREFIX: &str = "PRIVATE+KEY+";

/// What is wrong with a note signing key, or with what it was asked to sign. Never holds key material.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteKeyError {
    /// Not of the form `PRIVATE+KEY+NAME+ID+KEY`.
    #[error("not a note signing key: it has the form PRIVATE+KEY+NAME+ID+KEY, with an Ed25519 key (type 0x01)")]
    Form,
    /// Not of that form, with the key of a witness.
    #[error(
        "not a witness's signing key: it has the form PRIVATE+KEY+NAME+ID+KEY, with an Ed25519 cosignature key (type 0x04)"
    )]
    CosignerForm,
    /// A name that no signature line could carry.
    #[error(transparent)]
    Name(VkeyError),
    /// The ID is not that of the name and the public key.
    #[error("the key's ID does not belong to its name and key: the file was altered")]
    Id,
    /// A tree that no log has.
    #[error("a tree of size {size} cannot be signed")]
    Tree {
        /// The size.
        size: u64,
    },
    /// A time of a cosignature beyond 2^63 - 1 seconds.
    #[error("the time of a cosignature is beyond what the format allows")]
    Time,
}

/// A log's Ed25519 signing key, together with the log's origin, which is the key's name.
///
/// Wiped when dropped; `Debug` shows the origin alone.
pub struct LogSigner {
    origin: String,
    key: SigningKey,
}

impl LogSigner {
    /// A new key for the log `origin`: a name without spaces and plus signs, best a URL without its scheme.
    ///
    /// # Errors
    /// [`NoteKeyError::Name`].
    pub fn generate<R: CryptoRng + RngCore>(origin: &str, rng: &mut R) -> Result<Self, NoteKeyError> {
        check_name(origin).map_err(NoteKeyError::Name)?;
        Ok(Self { origin: origin.to_owned(), key: SigningKey::generate(rng) })
    }

    /// Parses `PRIVATE+KEY+NAME+ID+KEY`, without line end.
    ///
    /// # Errors
    /// [`NoteKeyError`], all but `CosignerForm`, `Tree` and `Time`.
    pub fn from_skey(skey: &str) -> Result<Self, NoteKeyError> {
        let (origin, id, key) = parse_skey(skey, KeyType::Ed25519).ok_or(NoteKeyError::Form)?;
        check_name(origin).map_err(NoteKeyError::Name)?;
        let signer = Self { origin: origin.to_owned(), key };
        if signer.verifier_key().id() != id {
            return Err(NoteKeyError::Id);
        }
        Ok(signer)
    }

    /// The secret key as [`LogSigner::from_skey`] reads it. Whoever calls this answers for where it goes.
    pub fn expose_skey(&self) -> Zeroizing<String> {
        skey_text(&self.verifier_key(), &self.key)
    }

    /// The log's origin, the first line of its checkpoints.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The key for policies, of type 0x01.
    pub fn verifier_key(&self) -> VerifierKey {
        VerifierKey::ed25519(&self.origin, KeyType::Ed25519, self.key.verifying_key())
    }

    /// Signs a checkpoint without extension lines. The same head gives the same bytes.
    ///
    /// Signing two heads that are not prefixes of one another proves the log a liar: the caller must know that this
    /// head extends all that were signed before.
    ///
    /// # Errors
    /// [`NoteKeyError::Tree`] for a size beyond [`MAX_TREE_SIZE`], or size 0 with another root than [`EMPTY_ROOT`].
    pub fn sign(&self, head: &TreeHead) -> Result<SignedCheckpoint, NoteKeyError> {
        let impossible = || NoteKeyError::Tree { size: head.size };
        if head.size > MAX_TREE_SIZE || (head.size == 0 && head.root != EMPTY_ROOT) {
            return Err(impossible());
        }
        SignedCheckpoint::parse(&self.sign_text(&SignedCheckpoint::text_for(&self.origin, head))?)
            .map_err(|_| impossible())
    }

    /// The signed note with this text, which ends with a newline.
    pub(super) fn sign_text(&self, text: &[u8]) -> Result<Vec<u8>, NoteKeyError> {
        let signature = self.key.sign(text).to_bytes().to_vec();
        let line = SignatureLine { name: self.origin.clone(), id: self.verifier_key().id(), signature };
        Ok([text, b"\n", &line.to_bytes()].concat())
    }
}

/// Name, ID and key of a signing key of this type. `None` for anything else; name and ID are not checked.
pub(super) fn parse_skey(skey: &str, key_type: KeyType) -> Option<(&str, u32, SigningKey)> {
    let (name, rest) = skey.strip_prefix(PREFIX)?.split_once('+')?;
    let (id, key) = rest.split_once('+')?;
    let id = parse_id(id)?;
    let key = Zeroizing::new(from_base64(key.as_bytes())?);
    let (&typed, seed) = key.split_first()?;
    let seed: &[u8; 32] = seed.try_into().ok()?;
    (typed == key_type.byte()).then(|| (name, id, SigningKey::from_bytes(seed)))
}

/// What [`parse_skey`] reads.
pub(super) fn skey_text(public: &VerifierKey, key: &SigningKey) -> Zeroizing<String> {
    let mut typed = Zeroizing::new([0u8; 33]);
    typed[0] = public.key_type().byte();
    typed[1..].copy_from_slice(key.as_bytes());
    let encoded = Zeroizing::new(base64(&*typed));
    let id = format!("{:08x}", public.id());
    // Reserved at full length, so that no copy is left behind by growing.
    let parts = [PREFIX, public.name(), "+", &id, "+", &encoded];
    let mut skey = Zeroizing::new(String::with_capacity(parts.iter().map(|p| p.len()).sum()));
    for part in parts {
        skey.push_str(part);
    }
    skey
}

impl fmt::Debug for LogSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogSigner({}, REDACTED)", self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    /// From the documentation of golang.org/x/mod/sumdb/note, where this format comes from.
    const PETER: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";

    #[test]
    fn reference_key_signs_as_the_reference_does() {
        let signer = LogSigner::from_skey(PETER).unwrap();
        assert_eq!(
            signer.verifier_key().to_string(),
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
        );
        let text =
            "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
        let note = format!(
            "{text}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
        );
        assert_eq!(signer.sign_text(text.as_bytes()).unwrap(), note.into_bytes());
        assert_eq!(*signer.expose_skey(), PETER);
    }

    #[test]
    fn bad_keys_are_refused() {
        let read = |skey: &str| LogSigner::from_skey(skey).map(|_| ()).unwrap_err();
        assert_eq!(read(""), NoteKeyError::Form);
        assert_eq!(read("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"), NoteKeyError::Form);
        assert_eq!(read(&format!("{PETER}\n")), NoteKeyError::Form);
        assert_eq!(read(&PETER.replace("c74f20a3", "C74F20A3")), NoteKeyError::Form);
        assert_eq!(read(&PETER.replace("+AYEK", "+BIEK")), NoteKeyError::Form);
        assert_eq!(read(&PETER.replace("Peter", "Paul")), NoteKeyError::Id);
        assert_eq!(read(&PETER.replace("Neumann", " Neumann")), NoteKeyError::Name(VkeyError::Name));
    }

    #[test]
    fn generated_keys_round_trip_and_stay_hidden() {
        let signer = LogSigner::generate("example.org/log", &mut ChaCha20Rng::seed_from_u64(1)).unwrap();
        let again = LogSigner::from_skey(&signer.expose_skey()).unwrap();
        assert_eq!(again.verifier_key(), signer.verifier_key());
        assert_eq!(format!("{signer:?}"), "LogSigner(example.org/log, REDACTED)");
        for bad in ["", "two words", "a+b", "a\nb"] {
            assert!(LogSigner::generate(bad, &mut ChaCha20Rng::seed_from_u64(1)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn impossible_trees_are_not_signed() {
        let signer = LogSigner::from_skey(PETER).unwrap();
        let huge = TreeHead { size: MAX_TREE_SIZE + 1, root: [0; 32] };
        assert_eq!(signer.sign(&huge).unwrap_err(), NoteKeyError::Tree { size: huge.size });
        let empty = TreeHead { size: 0, root: [0; 32] };
        assert_eq!(signer.sign(&empty).unwrap_err(), NoteKeyError::Tree { size: 0 });
        let head = TreeHead { size: 0, root: EMPTY_ROOT };
        let first = signer.sign(&head).unwrap();
        assert_eq!(first.head(), head);
        assert_eq!(first, signer.sign(&head).unwrap());
    }
}
