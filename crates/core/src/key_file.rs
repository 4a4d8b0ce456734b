//! Secret key files: their text, and which kind a file is.
//!
//! ```text
//! ceknik-oprf-key-v1:<base64url of the 32 bytes>        the blind evaluation's key of one generation
//! ceknik-store-key-v1:<base64url of the 32 bytes>       the publisher's store key
//! PRIVATE+KEY+<origin>+<id>+<base64>                    the log's key (the reference form of C2SP signed-note)
//! ```
//!
//! One line, with its newline, and nothing else. Encrypted, the same bytes are the plaintext of an age file. Opening files,
//! their permissions and passphrases are the business of whoever reads them.

use core::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::encoding::{base64url, fill_from_base64url};
use crate::log::{LogSigner, NoteKeyError, VerifierKey};
use crate::oprf::{OprfSecretKey, SecretKeyError};
use crate::secret::secret_bytes;

const OPRF_PREFIX: &str = "ceknik-oprf-key-v1:";
const STORE_PREFIX: &str = "ceknik-store-key-v1:";
const KEY_BYTES: usize = 32;

/// Longest key file read, in bytes: an age file around the longest line, several times over.
pub const MAX_KEY_FILE_BYTES: usize = 4096;

secret_bytes! {
    /// The publisher's store key: what the store keeps beside sealed records is encrypted under it, and all noise follows
    /// from it.
    StoreKey, 32
}

/// What a key file is, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFileKind {
    /// A key of the blind evaluation.
    Oprf,
    /// A store key.
    Store,
    /// A log's signing key.
    Log,
    /// A log's verifier key, which is public.
    LogPublic,
    /// An age file: some key under a passphrase.
    Age,
    /// An age file in its text armor, which is not read here.
    AgeArmor,
}

impl fmt::Display for KeyFileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Oprf => "an OPRF key",
            Self::Store => "a store key",
            Self::Log => "a log key",
            Self::LogPublic => "the public half of a log key",
            Self::Age => "an encrypted key (age)",
            Self::AgeArmor => "an encrypted key in text armor (age)",
        })
    }
}

impl KeyFileKind {
    /// The kind of a key file. None for what is no key file at all.
    pub fn of(file: &[u8]) -> Option<Self> {
        let kinds = [
            ("ceknik-oprf-key-v", Self::Oprf),
            ("ceknik-store-key-v", Self::Store),
            ("PRIVATE+KEY+", Self::Log),
            ("age-encryption.org/", Self::Age),
            ("-----BEGIN AGE ENCRYPTED FILE-----", Self::AgeArmor),
        ];
        let by_prefix = kinds.iter().find(|(prefix, _)| file.starts_with(prefix.as_bytes())).map(|&(_, kind)| kind);
        let public = || VerifierKey::parse(file.strip_suffix(b"\n")?).ok().map(|_| Self::LogPublic);
        by_prefix.or_else(public)
    }
}

/// Why a file is not the key that was asked for. Never holds key material.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum KeyFileError {
    /// Another kind of key: files were swapped.
    #[error("this is {found}, not {wanted}: were two key files swapped?")]
    Kind {
        /// What was asked for.
        wanted: KeyFileKind,
        /// What it is.
        found: KeyFileKind,
    },
    /// No key file at all, or one cut short.
    #[error("this is not {wanted}: the file is empty, cut short or altered")]
    Form {
        /// What was asked for.
        wanted: KeyFileKind,
    },
    /// The 32 bytes are no OPRF key.
    #[error("the OPRF key in this file is unusable: {0}")]
    Oprf(#[from] SecretKeyError),
    /// The log key is no note signing key.
    #[error("the log key in this file is unusable: {0}")]
    Log(#[from] NoteKeyError),
}

/// Reads the decrypted text of an OPRF key file.
///
/// # Errors
/// [`KeyFileError`]; it names the kind when it is another key.
pub fn parse_oprf_key(text: &[u8]) -> Result<OprfSecretKey, KeyFileError> {
    let bytes = parse_bytes(text, OPRF_PREFIX, KeyFileKind::Oprf)?;
    Ok(OprfSecretKey::from_bytes(&bytes)?)
}

/// Reads the decrypted text of a store key file.
///
/// # Errors
/// [`KeyFileError`]; it names the kind when it is another key.
pub fn parse_store_key(text: &[u8]) -> Result<StoreKey, KeyFileError> {
    Ok(StoreKey::from_bytes(*parse_bytes(text, STORE_PREFIX, KeyFileKind::Store)?))
}

/// Reads the decrypted text of a log key file.
///
/// # Errors
/// [`KeyFileError`]; it names the kind when it is another key.
pub fn parse_log_key(text: &[u8]) -> Result<LogSigner, KeyFileError> {
    let line = one_line(text, KeyFileKind::Log)?;
    Ok(LogSigner::from_skey(line)?)
}

/// The text of an OPRF key file.
pub fn oprf_key_text(key: &OprfSecretKey) -> Zeroizing<String> {
    text(OPRF_PREFIX, &key.expose_bytes())
}

/// The text of a store key file.
pub fn store_key_text(key: &StoreKey) -> Zeroizing<String> {
    text(STORE_PREFIX, key.expose_bytes())
}

/// The text of a log key file.
pub fn log_key_text(key: &LogSigner) -> Zeroizing<String> {
    let skey = key.expose_skey();
    let mut text = Zeroizing::new(String::with_capacity(skey.len() + 1));
    text.push_str(&skey);
    text.push('\n');
    text
}

fn text(prefix: &str, key: &[u8; KEY_BYTES]) -> Zeroizing<String> {
    let encoded = Zeroizing::new(base64url(key));
    // Reserved at full length, so that no copy is left behind by growing.
    let mut text = Zeroizing::new(String::with_capacity(prefix.len() + encoded.len() + 1));
    text.push_str(prefix);
    text.push_str(&encoded);
    text.push('\n');
    text
}

fn one_line(text: &[u8], wanted: KeyFileKind) -> Result<&str, KeyFileError> {
    match KeyFileKind::of(text) {
        Some(found) if found != wanted => return Err(KeyFileError::Kind { wanted, found }),
        Some(_) => {}
        None => return Err(KeyFileError::Form { wanted }),
    }
    let line = text.strip_suffix(b"\n").and_then(|line| core::str::from_utf8(line).ok());
    line.ok_or(KeyFileError::Form { wanted })
}

fn parse_bytes(text: &[u8], prefix: &str, wanted: KeyFileKind) -> Result<Zeroizing<[u8; KEY_BYTES]>, KeyFileError> {
    let encoded = one_line(text, wanted)?.strip_prefix(prefix).ok_or(KeyFileError::Form { wanted })?;
    let mut key = Zeroizing::new([0u8; KEY_BYTES]);
    if fill_from_base64url(encoded, &mut *key) { Ok(key) } else { Err(KeyFileError::Form { wanted }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;

    fn rng() -> ChaCha20Rng {
        ChaCha20Rng::seed_from_u64(3)
    }

    fn texts() -> [(KeyFileKind, String); 3] {
        [
            (KeyFileKind::Oprf, oprf_key_text(&OprfSecretKey::generate(&mut rng())).to_string()),
            (KeyFileKind::Store, store_key_text(&StoreKey::from_bytes([0xfb; 32])).to_string()),
            (KeyFileKind::Log, log_key_text(&LogSigner::generate("example.org/log", &mut rng()).unwrap()).to_string()),
        ]
    }

    fn parse(kind: KeyFileKind, text: &[u8]) -> Result<(), KeyFileError> {
        match kind {
            KeyFileKind::Oprf => parse_oprf_key(text).map(|_| ()),
            KeyFileKind::Store => parse_store_key(text).map(|_| ()),
            _ => parse_log_key(text).map(|_| ()),
        }
    }

    #[test]
    fn texts_are_pinned_and_round_trip() {
        assert_eq!(
            *store_key_text(&StoreKey::from_bytes([0xfb; 32])),
            "ceknik-store-key-v1:-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s\n"
        );
        let mut one = [0; 32];
        one[0] = 1;
        let key = OprfSecretKey::from_bytes(&one).unwrap();
        let text = oprf_key_text(&key);
        assert_eq!(*text, "ceknik-oprf-key-v1:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
        assert_eq!(*parse_oprf_key(text.as_bytes()).unwrap().expose_bytes(), one);
        let store = parse_store_key(store_key_text(&StoreKey::from_bytes([0xfb; 32])).as_bytes()).unwrap();
        assert_eq!(store, StoreKey::from_bytes([0xfb; 32]));
        let (_, log) = &texts()[2];
        assert_eq!(*log_key_text(&parse_log_key(log.as_bytes()).unwrap()), *log);
    }

    #[test]
    fn swapped_keys_are_named() {
        for (wanted, _) in texts() {
            for (found, text) in texts() {
                assert_eq!(KeyFileKind::of(text.as_bytes()), Some(found));
                let result = parse(wanted, text.as_bytes());
                if wanted == found {
                    result.unwrap();
                } else {
                    assert_eq!(result, Err(KeyFileError::Kind { wanted, found }));
                }
            }
            for (text, found) in [
                ("age-encryption.org/v1\n-> scrypt", KeyFileKind::Age),
                ("-----BEGIN AGE ENCRYPTED FILE-----\n", KeyFileKind::AgeArmor),
                ("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n", KeyFileKind::LogPublic),
            ] {
                assert_eq!(parse(wanted, text.as_bytes()), Err(KeyFileError::Kind { wanted, found }));
            }
        }
        let (_, store) = &texts()[1];
        assert_eq!(
            parse_oprf_key(store.as_bytes()).unwrap_err().to_string(),
            "this is a store key, not an OPRF key: were two key files swapped?"
        );
    }

    #[test]
    fn other_spellings_are_refused() {
        for (wanted, text) in texts() {
            let line = text.trim_end();
            let mut cases = vec![
                String::new(),
                "\n".into(),
                line.to_owned(),
                format!("{line}\r\n"),
                format!("{line}\n\n"),
                format!(" {line}\n"),
                format!("{}\n", &line[..line.len() - 1]),
                format!("{line}A\n"),
                line[..10].to_owned(),
            ];
            if wanted != KeyFileKind::Log {
                cases.push(format!("{}=\n", line));
                cases.push(text.replace("-v1:", "-v2:"));
                cases.push(text.replace("-v1:", "-v1: "));
            }
            for case in cases {
                let error = parse(wanted, case.as_bytes()).unwrap_err();
                assert!(matches!(error, KeyFileError::Form { .. } | KeyFileError::Log(_)), "{error}");
            }
            assert!(parse(wanted, b"\xff\xfe\n").is_err());
        }
        // Zero, and the order of the group, are no keys.
        for (encoded, error) in [
            ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", SecretKeyError::Zero),
            ("7dP1XBpjEljWnPei3vneFAAAAAAAAAAAAAAAAAAAABA", SecretKeyError::NotCanonical),
        ] {
            let text = format!("ceknik-oprf-key-v1:{encoded}\n");
            assert_eq!(parse_oprf_key(text.as_bytes()).unwrap_err(), KeyFileError::Oprf(error));
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        assert_eq!(format!("{:?}", StoreKey::from_bytes([1; 32])), "StoreKey(REDACTED)");
        for (wanted, text) in texts() {
            let cut = format!("{}\n", &text[..text.len() - 3]);
            let error = parse(wanted, cut.as_bytes()).unwrap_err();
            let secret = &text[text.len() - 20..text.len() - 3];
            assert!(!format!("{error} {error:?}").contains(secret));
        }
    }

    proptest! {
        #[test]
        fn store_keys_round_trip(bytes: [u8; 32]) {
            let key = StoreKey::from_bytes(bytes);
            prop_assert_eq!(parse_store_key(store_key_text(&key).as_bytes()), Ok(key));
        }

        #[test]
        fn bytes_never_panic(text in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = (parse_oprf_key(&text), parse_store_key(&text), parse_log_key(&text));
        }
    }
}
