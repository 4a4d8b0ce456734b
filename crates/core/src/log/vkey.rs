//! Verifier keys ("vkeys") of C2SP signed-note.

use core::fmt;

use ed25519_dalek::{Signature, VerifyingKey};

use super::MAX_ORIGIN_BYTES;
use super::note::{SignatureLine, is_name, key_id};
use crate::encoding::{base64, from_base64};

/// What a verifier key's type byte says about the signatures it verifies (signed-note, "Signature types").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// 0x01: Ed25519 over the note's text. What logs sign with here.
    Ed25519,
    /// 0x04: Ed25519 cosignature with a time (tlog-cosignature). What witnesses sign with here.
    Ed25519Cosignature,
    /// 0x06: ML-DSA-44 cosignature with a time (tlog-cosignature). Recognised, never verified.
    MlDsa44Cosignature,
    /// Any other type byte. Kept, never verified.
    Other(u8),
}

impl KeyType {
    fn from_byte(byte: u8) -> Self {
        match byte {
            0x01 => Self::Ed25519,
            0x04 => Self::Ed25519Cosignature,
            0x06 => Self::MlDsa44Cosignature,
            other => Self::Other(other),
        }
    }

    /// The type byte.
    pub fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Ed25519Cosignature => 0x04,
            Self::MlDsa44Cosignature => 0x06,
            Self::Other(other) => other,
        }
    }
}

/// Why a text is no verifier key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VkeyError {
    /// Not of the form `NAME+ID+KEY`.
    #[error("not a verifier key: it has the form NAME+ID+KEY, with the ID as 8 lower-case hexadecimal digits")]
    Form,
    /// A name that no signature line could carry.
    #[error("the key's name must have 1 to {MAX_ORIGIN_BYTES} bytes, no spaces, no plus and no control characters")]
    Name,
    /// The key is not base64.
    #[error("the key after the last plus is not standard base64")]
    Base64,
    /// Wrong length for the type.
    #[error("a key of type {key_type:#04x} has {want} bytes, this one has {got}")]
    Length {
        /// The type byte.
        key_type: u8,
        /// Its length in bytes, without the type byte.
        got: usize,
        /// The length that the type demands.
        want: usize,
    },
    /// The bytes are no Ed25519 key that one should trust: no point, not canonical, or of small order.
    #[error("the bytes are not a sound Ed25519 public key")]
    Ed25519,
    /// The ID is not the hash of name and key: a typing error, or a key under a changed name.
    #[error("the key ID is {got:08x}, but name and key hash to {want:08x}: copy the whole key again")]
    Id {
        /// The ID in the text.
        got: u32,
        /// The ID that name and key give.
        want: u32,
    },
}

#[derive(Clone, PartialEq, Eq)]
enum Material {
    Ed25519(VerifyingKey),
    Opaque(Vec<u8>),
}

/// A verifier key: the name and ID that its signature lines carry, and the public key.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: u32,
    key_type: KeyType,
    material: Material,
}

impl VerifierKey {
    /// Parses `NAME+ID+KEY` (signed-note, "Verifier keys").
    ///
    /// The ID is checked for the types whose derivation is known (0x01, 0x04, 0x06).
    ///
    /// # Errors
    /// [`VkeyError`] says which part is wrong.
    pub fn parse(text: &[u8]) -> Result<Self, VkeyError> {
        let text = core::str::from_utf8(text).map_err(|_| VkeyError::Form)?;
        let (name, rest) = text.split_once('+').ok_or(VkeyError::Form)?;
        let (id, key) = rest.split_once('+').ok_or(VkeyError::Form)?;
        check_name(name)?;
        let id = parse_id(id).ok_or(VkeyError::Form)?;
        let key = from_base64(key.as_bytes()).ok_or(VkeyError::Base64)?;
        let (&type_byte, bytes) = key.split_first().ok_or(VkeyError::Base64)?;
        let key_type = KeyType::from_byte(type_byte);
        let material = match key_type {
            KeyType::Ed25519 | KeyType::Ed25519Cosignature => {
                let bytes = exact_length::<32>(type_byte, bytes)?;
                Material::Ed25519(sound_ed25519(bytes)?)
            }
            KeyType::MlDsa44Cosignature => Material::Opaque(exact_length::<1312>(type_byte, bytes)?.to_vec()),
            KeyType::Other(_) => Material::Opaque(bytes.to_vec()),
        };
        if !matches!(key_type, KeyType::Other(_)) {
            let want = key_id(name, &key);
            if id != want {
                return Err(VkeyError::Id { got: id, want });
            }
        }
        Ok(Self { name: name.to_owned(), id, key_type, material })
    }

    /// The verifier key of an Ed25519 key; `key_type` is one of the two Ed25519 types.
    pub(super) fn ed25519(name: &str, key_type: KeyType, key: VerifyingKey) -> Self {
        let mut typed = vec![key_type.byte()];
        typed.extend_from_slice(key.as_bytes());
        let id = key_id(name, &typed);
        Self { name: name.to_owned(), id, key_type, material: Material::Ed25519(key) }
    }

    /// The name on its signature lines. For a log this is the origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The ID on its signature lines.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// What its signatures are.
    pub fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// The public key without its type byte: what decides whether two verifier keys are duplicates (tlog-policy).
    pub fn public_key(&self) -> &[u8] {
        match &self.material {
            Material::Ed25519(key) => key.as_bytes(),
            Material::Opaque(bytes) => bytes,
        }
    }

    /// Whether this key's signatures carry this name and ID.
    pub(super) fn signs_as(&self, line: &SignatureLine) -> bool {
        line.id == self.id && line.name == self.name
    }

    /// Whether `signature` is this Ed25519 key's over `message`. False for keys of other algorithms.
    pub(super) fn verify_ed25519(&self, message: &[u8], signature: &[u8]) -> bool {
        let Material::Ed25519(key) = &self.material else {
            return false;
        };
        // Strict: a signature that one verifier accepts and another refuses would split their views.
        Signature::from_slice(signature).is_ok_and(|s| key.verify_strict(message, &s).is_ok())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut typed = vec![self.key_type.byte()];
        typed.extend_from_slice(self.public_key());
        write!(f, "{}+{:08x}+{}", self.name, self.id, base64(&typed))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

/// Checks a key's name.
pub(crate) fn check_name(name: &str) -> Result<(), VkeyError> {
    if is_name(name) { Ok(()) } else { Err(VkeyError::Name) }
}

/// Eight lower-case hexadecimal digits.
pub(super) fn parse_id(text: &str) -> Option<u32> {
    let canonical = text.len() == 8 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    canonical.then(|| u32::from_str_radix(text, 16).ok()).flatten()
}

fn exact_length<const N: usize>(key_type: u8, bytes: &[u8]) -> Result<&[u8; N], VkeyError> {
    bytes.try_into().map_err(|_| VkeyError::Length { key_type, got: bytes.len(), want: N })
}

fn sound_ed25519(bytes: &[u8; 32]) -> Result<VerifyingKey, VkeyError> {
    let key = VerifyingKey::from_bytes(bytes).map_err(|_| VkeyError::Ed25519)?;
    // One key has one encoding, else the same witness could be listed twice; and a key of small order signs anything.
    let canonical = key.to_edwards().compress().to_bytes() == *bytes;
    if canonical && !key.is_weak() { Ok(key) } else { Err(VkeyError::Ed25519) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From signed-note, "Example".
    const OFFICIAL: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    #[test]
    fn official_example_parses_and_verifies_its_note() {
        let key = VerifierKey::parse(OFFICIAL.as_bytes()).unwrap();
        assert_eq!(key.name(), "example.com/foo");
        assert_eq!(key.id(), 0x530d_903a);
        assert_eq!(key.key_type(), KeyType::Ed25519);
        assert_eq!(key.to_string(), OFFICIAL);
        let line = "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=";
        let line = SignatureLine::parse(line).unwrap();
        assert!(key.signs_as(&line));
        assert!(key.verify_ed25519(b"This is an example message.\n", &line.signature));
        assert!(!key.verify_ed25519(b"This is an example message!\n", &line.signature));
    }

    #[test]
    fn each_flaw_has_its_error() {
        let parse = |text: &str| VerifierKey::parse(text.as_bytes()).unwrap_err();
        assert_eq!(parse("example.com/foo"), VkeyError::Form);
        assert_eq!(parse("example.com/foo+530d903a"), VkeyError::Form);
        assert_eq!(parse(&OFFICIAL.replace("530d903a", "530D903A")), VkeyError::Form);
        assert_eq!(parse(&OFFICIAL.replace("530d903a", "30d903a")), VkeyError::Form);
        assert_eq!(VerifierKey::parse(b"ex\xffample+530d903a+AekyeRrm").unwrap_err(), VkeyError::Form);
        assert_eq!(parse(&OFFICIAL.replace("example.com/foo", "")), VkeyError::Name);
        assert_eq!(parse(&OFFICIAL.replace("/foo", "\u{a0}foo")), VkeyError::Name);
        assert_eq!(parse(&OFFICIAL.replace("/foo", "\u{1}foo")), VkeyError::Name);
        assert_eq!(parse(&OFFICIAL.replace("/foo", "\u{202e}foo")), VkeyError::Name);
        assert_eq!(parse(&OFFICIAL.replace("/foo", &"o".repeat(300))), VkeyError::Name);
        assert_eq!(parse(&OFFICIAL.replace("U2k", "U2")), VkeyError::Base64);
        assert_eq!(parse("example.com/foo+530d903a+"), VkeyError::Base64);
        assert_eq!(parse("example.com/foo+530d903a+Aeky"), VkeyError::Length { key_type: 1, got: 2, want: 32 });
        assert_eq!(parse(&OFFICIAL.replace("foo", "bar")), VkeyError::Id { got: 0x530d_903a, want: 0xc6fb_2e3e });
    }

    fn vkey_of(key_type: u8, key: &[u8]) -> String {
        let typed = [&[key_type], key].concat();
        format!("w.example+{:08x}+{}", key_id("w.example", &typed), base64(&typed))
    }

    #[test]
    fn unsound_ed25519_keys_are_refused() {
        let mut identity = [0u8; 32];
        identity[0] = 1;
        // y = 2^255 - 18 is another encoding of y = 1.
        let mut not_canonical = [0xffu8; 32];
        not_canonical[0] = 0xee;
        not_canonical[31] = 0x7f;
        // y = 2 is on no point of the curve.
        let mut no_point = [0u8; 32];
        no_point[0] = 2;
        for bytes in [identity, not_canonical, no_point] {
            for key_type in [1, 4] {
                assert_eq!(VerifierKey::parse(vkey_of(key_type, &bytes).as_bytes()).unwrap_err(), VkeyError::Ed25519);
            }
        }
    }

    #[test]
    fn other_algorithms_are_kept_but_verify_nothing() {
        let ml_dsa = VerifierKey::parse(vkey_of(6, &[7; 1312]).as_bytes()).unwrap();
        assert_eq!(ml_dsa.key_type(), KeyType::MlDsa44Cosignature);
        assert!(!ml_dsa.verify_ed25519(b"", &[0; 64]));
        let short = VerifierKey::parse(vkey_of(6, &[7; 1311]).as_bytes()).unwrap_err();
        assert_eq!(short, VkeyError::Length { key_type: 6, got: 1311, want: 1312 });
        // The ID of an unassigned type may be anything.
        let future = VerifierKey::parse(b"w.example+00000000+dwAB").unwrap();
        assert_eq!(future.key_type(), KeyType::Other(0x77));
        assert_eq!(future.public_key(), [0, 1]);
        assert_eq!(future.to_string(), "w.example+00000000+dwAB");
    }
}
