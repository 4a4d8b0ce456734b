//! The secret keys of the blind evaluation, read from files `ID.G.key` (dataset id, generation).

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ceknik_core::encoding::base64url;
use ceknik_core::key_file::{KeyFileError, parse_oprf_key};
use ceknik_core::manifest::Id;
use ceknik_core::oprf::{OprfPublicKey, OprfSecretKey};
use thiserror::Error;

use crate::publication::FileStamp;
use crate::secret_file::{self, Passphrase, SecretFileError};

/// Why a key cannot be used. Never holds key material.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The directory cannot be read.
    #[error("--keys {}: cannot be read: {source}", dir.display())]
    Directory {
        /// As configured.
        dir: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file whose name is not one of a key.
    #[error("{}: a key file is named ID.G.key, by the dataset's id and the number of the generation", path.display())]
    Name {
        /// The file.
        path: PathBuf,
    },
    /// A file that was not read.
    #[error("{} {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: SecretFileError,
    },
    /// A file that holds something else.
    #[error("{}: {source}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Why.
        source: KeyFileError,
    },
    /// No file holds the key that a manifest names.
    #[error("no key file of dataset {dataset} holds the secret of the manifest's key {public_key}; put it into {}", dir.display())]
    Missing {
        /// The manifest's.
        dataset: Id,
        /// In base64url.
        public_key: String,
        /// As configured.
        dir: PathBuf,
    },
    /// The key that a manifest names is in a file of another dataset.
    #[error(
        "the secret of the manifest's key {public_key} of dataset {dataset} is in {file}: were two key files swapped?"
    )]
    Swapped {
        /// The manifest's.
        dataset: Id,
        /// In base64url.
        public_key: String,
        /// The file that holds it.
        file: String,
    },
}

struct RingKey {
    file: String,
    stamp: FileStamp,
    dataset: Id,
    secret: Arc<OprfSecretKey>,
}

/// All keys of the directory.
pub(crate) struct KeyRing {
    dir: PathBuf,
    passphrase: Option<Passphrase>,
    keys: Vec<RingKey>,
}

impl KeyRing {
    /// Reads every `*.key` of a directory. Other files are left alone.
    pub(crate) fn read(dir: &Path, passphrase: Option<Passphrase>) -> Result<Self, KeyError> {
        let mut ring = Self { dir: dir.to_owned(), passphrase, keys: Vec::new() };
        ring.read_again()?;
        Ok(ring)
    }

    /// Reads what is new or changed. Keys stay as they were when anything is wrong.
    pub(crate) fn read_again(&mut self) -> Result<(), KeyError> {
        let unreadable = |source| KeyError::Directory { dir: self.dir.clone(), source };
        let mut keys = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name();
            if !name.as_bytes().ends_with(b".key") {
                continue;
            }
            let path = self.dir.join(&name);
            let Some((file, dataset)) = name.to_str().and_then(|name| Some((name.to_owned(), dataset_of(name)?)))
            else {
                return Err(KeyError::Name { path });
            };
            let metadata =
                fs::metadata(&path).map_err(|source| KeyError::File { path: path.clone(), source: source.into() })?;
            let stamp = FileStamp::of(&metadata);
            let known = self.keys.iter().find(|key| key.file == file && key.stamp == stamp);
            let secret = match known {
                Some(known) => Arc::clone(&known.secret),
                None => Arc::new(self.read_key(&path)?),
            };
            keys.push(RingKey { file, stamp, dataset, secret });
        }
        self.keys = keys;
        Ok(())
    }

    fn read_key(&self, path: &Path) -> Result<OprfSecretKey, KeyError> {
        let text = secret_file::read(path, self.passphrase.as_ref())
            .map_err(|source| KeyError::File { path: path.to_owned(), source })?;
        parse_oprf_key(&text).map_err(|source| KeyError::Content { path: path.to_owned(), source })
    }

    /// Number of keys.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The secret of a dataset's public key.
    pub(crate) fn find(&self, dataset: &Id, public_key: &OprfPublicKey) -> Result<Arc<OprfSecretKey>, KeyError> {
        let holders = || self.keys.iter().filter(|key| key.secret.public_key() == public_key);
        if let Some(key) = holders().find(|key| key.dataset == *dataset) {
            return Ok(Arc::clone(&key.secret));
        }
        let (dataset, public_key) = (dataset.clone(), base64url(&public_key.to_bytes()));
        Err(match holders().next() {
            Some(key) => KeyError::Swapped { dataset, public_key, file: key.file.clone() },
            None => KeyError::Missing { dataset, public_key, dir: self.dir.clone() },
        })
    }
}

/// The dataset that a file name `ID.G.key` belongs to.
fn dataset_of(name: &str) -> Option<Id> {
    let (dataset, generation) = name.strip_suffix(".key")?.split_once('.')?;
    let number: u32 = generation.parse().ok()?;
    (number > 0 && number.to_string() == generation).then(|| Id::new(dataset).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use ceknik_core::key_file::{StoreKey, oprf_key_text, store_key_text};
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    fn write(dir: &Path, name: &str, text: &str, mode: u32) {
        let path = dir.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn key(seed: u64) -> OprfSecretKey {
        OprfSecretKey::generate(&mut ChaCha20Rng::seed_from_u64(seed))
    }

    fn refusal(result: Result<impl Sized, KeyError>, dir: &Path) -> String {
        let error = result.map(|_| ()).unwrap_err();
        error.to_string().replace(&dir.display().to_string(), "KEYS")
    }

    #[test]
    fn keys_are_found_by_dataset_and_public_key() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        write(dir, "jakarta.1.key", &oprf_key_text(&key(1)), 0o600);
        write(dir, "jakarta.2.key", &oprf_key_text(&key(2)), 0o600);
        write(dir, "README", "anything", 0o644);
        let mut ring = KeyRing::read(dir, None).unwrap();
        let jakarta = Id::new("jakarta").unwrap();
        assert_eq!(ring.len(), 2);
        assert_eq!(ring.find(&jakarta, key(2).public_key()).unwrap().public_key(), key(2).public_key());

        write(dir, "jakarta.3.key", &oprf_key_text(&key(3)), 0o600);
        assert!(ring.find(&jakarta, key(3).public_key()).is_err());
        ring.read_again().unwrap();
        ring.find(&jakarta, key(3).public_key()).unwrap();
    }

    #[test]
    fn swapped_keys_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        write(dir, "a.1.key", &oprf_key_text(&key(2)), 0o600);
        write(dir, "b.1.key", &oprf_key_text(&key(1)), 0o600);
        let ring = KeyRing::read(dir, None).unwrap();
        let a = Id::new("a").unwrap();
        let named = base64url(&key(1).public_key().to_bytes());
        assert_eq!(
            refusal(ring.find(&a, key(1).public_key()), dir),
            format!("the secret of the manifest's key {named} of dataset a is in b.1.key: were two key files swapped?")
        );
        let named = base64url(&key(9).public_key().to_bytes());
        assert_eq!(
            refusal(ring.find(&a, key(9).public_key()), dir),
            format!("no key file of dataset a holds the secret of the manifest's key {named}; put it into KEYS")
        );
    }

    #[test]
    fn bad_files_are_refused_by_name() {
        let cases = [
            (
                "a.1.key",
                oprf_key_text(&key(1)).to_string(),
                0o644,
                "KEYS/a.1.key can be used by others than its owner (mode 0644): run `chmod 600` on it, and replace what it holds if they may have read it",
            ),
            (
                "a.1.key",
                store_key_text(&StoreKey::from_bytes([7; 32])).to_string(),
                0o600,
                "KEYS/a.1.key: this is a store key, not an OPRF key: were two key files swapped?",
            ),
            (
                "a.1.key",
                String::new(),
                0o600,
                "KEYS/a.1.key: this is not an OPRF key: the file is empty, cut short or altered",
            ),
            (
                "a.key",
                oprf_key_text(&key(1)).to_string(),
                0o600,
                "KEYS/a.key: a key file is named ID.G.key, by the dataset's id and the number of the generation",
            ),
            (
                "a.01.key",
                oprf_key_text(&key(1)).to_string(),
                0o600,
                "KEYS/a.01.key: a key file is named ID.G.key, by the dataset's id and the number of the generation",
            ),
        ];
        for (name, text, mode, want) in cases {
            let dir = tempfile::tempdir().unwrap();
            write(dir.path(), name, &text, mode);
            assert_eq!(refusal(KeyRing::read(dir.path(), None), dir.path()), want);
        }
        let dir = tempfile::tempdir().unwrap();
        assert!(
            refusal(KeyRing::read(&dir.path().join("none"), None), dir.path())
                .starts_with("--keys KEYS/none: cannot be read: ")
        );
    }

    #[test]
    fn a_bad_file_leaves_the_ring_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "a.1.key", &oprf_key_text(&key(1)), 0o600);
        let mut ring = KeyRing::read(dir.path(), None).unwrap();
        write(dir.path(), "a.2.key", &oprf_key_text(&key(2)), 0o666);
        assert!(ring.read_again().is_err());
        ring.find(&Id::new("a").unwrap(), key(1).public_key()).unwrap();
    }
}
