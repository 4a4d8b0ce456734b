//! Ed25519 cosignatures: a witness's statement that it saw a checkpoint, and when (C2SP tlog-cosignature).

use core::fmt;

use ed25519_dalek::{Signer, SigningKey};
use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use super::checkpoint::VerifiedCheckpoint;
use super::note::SignatureLine;
use super::signer::{NoteKeyError, parse_skey, skey_text};
use super::vkey::{KeyType, VerifierKey, check_name};

/// Bytes of a `timestamped_signature` with Ed25519: a big-endian time and the signature.
const COSIGNATURE_BYTES: usize = 8 + 64;

/// Latest time that a cosignature may state, in seconds since 1970: tlog-cosignature keeps the top bit clear.
const MAX_TIME: u64 = (1 << 63) - 1;

/// What is signed: two lines that keep cosignatures apart from all other signatures, then the checkpoint's text.
fn message(time: u64, text: &[u8]) -> Vec<u8> {
    let mut message = format!("cosignature/v1\ntime {time}\n").into_bytes();
    message.extend_from_slice(text);
    message
}

/// The time stated in `signature`, if that is `key`'s cosignature on the checkpoint with this text.
pub(super) fn verify_cosignature(key: &VerifierKey, text: &[u8], signature: &[u8]) -> Option<u64> {
    let signature: &[u8; COSIGNATURE_BYTES] = signature.try_into().ok()?;
    let (time, signature) = signature.split_first_chunk::<8>()?;
    let time = u64::from_be_bytes(*time);
    (time <= MAX_TIME && key.verify_ed25519(&message(time, text), signature)).then_some(time)
}

/// A witness's signing key.
///
/// It signs whatever it is given. That it signs no fork and no rollback is the duty of the witness that holds it.
pub struct Cosigner {
    name: String,
    key: SigningKey,
}

impl Cosigner {
    /// The cosigner with this name and Ed25519 seed. The seed must not be used for anything else: the signed message
    /// does not hold the name.
    ///
    /// # Errors
    /// [`NoteKeyError::Name`].
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, NoteKeyError> {
        check_name(name).map_err(NoteKeyError::Name)?;
        Ok(Self { name: name.to_owned(), key: SigningKey::from_bytes(seed) })
    }

    /// Parses `PRIVATE+KEY+NAME+ID+KEY`, without line end, with a key of type 0x04.
    ///
    /// # Errors
    /// [`NoteKeyError::CosignerForm`], [`NoteKeyError::Name`], [`NoteKeyError::Id`].
    pub fn from_skey(skey: &str) -> Result<Self, NoteKeyError> {
        let (name, id, key) = parse_skey(skey, KeyType::Ed25519Cosignature).ok_or(NoteKeyError::CosignerForm)?;
        check_name(name).map_err(NoteKeyError::Name)?;
        let cosigner = Self { name: name.to_owned(), key };
        if cosigner.verifier_key().id() != id {
            return Err(NoteKeyError::Id);
        }
        Ok(cosigner)
    }

    /// The secret key as [`Cosigner::from_skey`] reads it. Whoever calls this answers for where it goes.
    pub fn expose_skey(&self) -> Zeroizing<String> {
        skey_text(&self.verifier_key(), &self.key)
    }

    /// A new cosigner.
    ///
    /// # Errors
    /// [`NoteKeyError::Name`].
    pub fn generate<R: CryptoRng + RngCore>(name: &str, rng: &mut R) -> Result<Self, NoteKeyError> {
        check_name(name).map_err(NoteKeyError::Name)?;
        Ok(Self { name: name.to_owned(), key: SigningKey::generate(rng) })
    }

    /// The key for policies, of type 0x04.
    pub fn verifier_key(&self) -> VerifierKey {
        VerifierKey::ed25519(&self.name, KeyType::Ed25519Cosignature, self.key.verifying_key())
    }

    /// Signs that the checkpoint was seen at `time` (seconds since 1970) and is the largest seen: gives the signature
    /// line, with its newline, that is appended to the note.
    ///
    /// # Errors
    /// [`NoteKeyError::Time`] for a time beyond 2^63 - 1.
    pub fn cosign(&self, checkpoint: &VerifiedCheckpoint, time: u64) -> Result<Vec<u8>, NoteKeyError> {
        if time > MAX_TIME {
            return Err(NoteKeyError::Time);
        }
        let mut cosignature = time.to_be_bytes().to_vec();
        cosignature.extend_from_slice(&self.key.sign(&message(time, checkpoint.text())).to_bytes());
        let line = SignatureLine { name: self.name.clone(), id: self.verifier_key().id(), signature: cosignature };
        Ok(line.to_bytes())
    }
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cosigner({}, REDACTED)", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::LogSigner;
    use crate::log::fixture::{cosigner, signer};

    #[test]
    fn keys_round_trip_stay_hidden_and_are_not_taken_for_a_logs() {
        let key = cosigner(1);
        let text = key.expose_skey();
        assert_eq!(Cosigner::from_skey(&text).unwrap().verifier_key(), key.verifier_key());
        assert_eq!(format!("{key:?}"), "Cosigner(w1.example, REDACTED)");
        let read = |skey: &str| Cosigner::from_skey(skey).map(|_| ()).unwrap_err();
        assert_eq!(read(&signer().expose_skey()), NoteKeyError::CosignerForm);
        assert_eq!(LogSigner::from_skey(&text).map(|_| ()).unwrap_err(), NoteKeyError::Form);
        assert_eq!(read(&text.replace("w1.example", "w2.example")), NoteKeyError::Id);
        assert_eq!(read(&text.replace("w1.example", "w1 example")), NoteKeyError::Name(super::super::VkeyError::Name));
        assert_eq!(read(&format!("{}\n", *text)), NoteKeyError::CosignerForm);
        assert_eq!(read(""), NoteKeyError::CosignerForm);
    }
}
