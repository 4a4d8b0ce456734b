//! The key of a witness, which is in no publisher's home. Here because secret files are opened here: they are kept alike.

use std::path::Path;

use ceknik_core::log::{Cosigner, NoteKeyError};
use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use super::{KeyError, Passphrase, read_text, refuse_existing, write_key};

/// Creates the key of a new witness: one line, `PRIVATE+KEY+NAME+ID+KEY` with a key of type 0x04.
///
/// # Errors
/// [`KeyError`]; [`KeyError::Exists`] when there is one.
pub fn create_witness_key(
    path: &Path,
    name: &str,
    rng: &mut (impl CryptoRng + RngCore),
    passphrase: Option<&Passphrase>,
) -> Result<Cosigner, KeyError> {
    refuse_existing(path)?;
    let key = Cosigner::generate(name, rng).map_err(KeyError::WitnessName)?;
    let skey = key.expose_skey();
    // Reserved at full length, so that no copy is left behind.
    let mut text = Zeroizing::new(String::with_capacity(skey.len() + 1));
    text.push_str(&skey);
    text.push('\n');
    write_key(path, text.as_bytes(), passphrase)?;
    Ok(key)
}

/// Reads the key of a witness.
///
/// # Errors
/// [`KeyError`]; [`KeyError::PassphraseNeeded`] when it is encrypted and `passphrase` is `None`.
pub fn witness_key(path: &Path, passphrase: Option<&Passphrase>) -> Result<Cosigner, KeyError> {
    let text = read_text(path, passphrase).map_err(|error| match error {
        KeyError::Missing { path } => KeyError::MissingWitness { path },
        error => error,
    })?;
    let line = text.strip_suffix(b"\n").and_then(|line| std::str::from_utf8(line).ok());
    let key = line.ok_or(NoteKeyError::CosignerForm).and_then(Cosigner::from_skey);
    key.map_err(|reason| KeyError::Witness { path: path.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::keys::KeyDir;

    #[test]
    fn a_key_is_made_once_read_again_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/witness.key");
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        let missing = witness_key(&path, None).unwrap_err().to_string();
        assert_eq!(
            missing,
            format!(
                "{} does not exist: put the witness's key back from a copy; `ceknik keygen witness` makes a new witness",
                path.display()
            )
        );
        let key = create_witness_key(&path, "w.example", &mut rng, None).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(witness_key(&path, None).unwrap().verifier_key(), key.verifier_key());
        assert!(matches!(create_witness_key(&path, "w.example", &mut rng, None), Err(KeyError::Exists { .. })));

        let encrypted = dir.path().join("encrypted.key");
        let passphrase = Passphrase::from("tujuh belas");
        let key = create_witness_key(&encrypted, "w.example", &mut rng, Some(&passphrase)).unwrap();
        assert!(matches!(witness_key(&encrypted, None), Err(KeyError::PassphraseNeeded { .. })));
        assert_eq!(witness_key(&encrypted, Some(&passphrase)).unwrap().verifier_key(), key.verifier_key());
    }

    #[test]
    fn other_keys_and_names_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        let keys = KeyDir::of_home(dir.path());
        keys.create_log_key("example.org/log", &mut rng, None).unwrap();
        assert_eq!(
            witness_key(&keys.log_path(), None).unwrap_err().to_string(),
            format!(
                "{}: not a witness's signing key: it has the form PRIVATE+KEY+NAME+ID+KEY, with an Ed25519 cosignature key (type \
                 0x04)",
                keys.log_path().display()
            )
        );
        let path = dir.path().join("w.key");
        assert_eq!(
            create_witness_key(&path, "two words", &mut rng, None).unwrap_err().to_string(),
            "the witness's name cannot be used: the key's name must have 1 to 255 bytes, no spaces, no plus and no control characters"
        );
        assert!(!path.exists());
    }
}
