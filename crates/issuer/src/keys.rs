//! The publisher's secret key files.
//!
//! ```text
//! keys/log.key           the log's signing key          keys/log.pub   its verifier key, for policies
//! keys/store.key         the store key
//! keys/oprf/ID.G.key     the blind evaluation's key of dataset ID, generation G
//! ```
//!
//! Their text is that of [`ceknik_core::key_file`]. A file is created once, with mode 0600, and never written again; one
//! that its group or others may read, write or run is refused, since somebody may have read it. Under a passphrase the same
//! text lies in an age file (scrypt).

use std::fs::File;
use std::io::{self, Read, Write};
use std::iter::once;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use age::{DecryptError, Decryptor, Encryptor, scrypt};
use ceknik_core::key_file::{
    KeyFileError, KeyFileKind, MAX_KEY_FILE_BYTES, StoreKey, log_key_text, oprf_key_text, parse_log_key,
    parse_oprf_key, parse_store_key, store_key_text,
};
use ceknik_core::log::{LogSigner, NoteKeyError, VerifierKey, VkeyError};
use ceknik_core::manifest::Id;
use ceknik_core::oprf::OprfSecretKey;
use rand_core::{CryptoRng, RngCore};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::durable::{FileError, create_dir_all, create_new_0600, read_limited, remove, write_atomic};

pub use age::secrecy::SecretString as Passphrase;
pub use witness::{create_witness_key, witness_key};

#[cfg(test)]
mod tests;
mod witness;

/// scrypt work factor of the files written, N = 2^17: 128 MiB and about half a second. RFC 7914's parameters r = 8, p = 1
/// are fixed by age; OWASP recommends this N for them.
const WORK_FACTOR: u8 = 17;

/// Largest scrypt work factor accepted, N = 2^20: 1 GiB. For files that somebody made with another age tool.
const MAX_WORK_FACTOR: u8 = 20;

/// Why a key file cannot be read or written. Never holds key material.
#[derive(Debug, Error)]
pub enum KeyError {
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no such file.
    #[error("{} does not exist: put it back from a copy, or name the right home with --home; `ceknik keygen` makes a new home", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// There is one already; a key is never overwritten.
    #[error("{} exists already, and a key is never overwritten: what it signed or sealed would be lost; move it away if you mean to", path.display())]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// A directory, a pipe or the like.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Others than the owner have permissions on it.
    #[error(
        "{path} can be used by others than its owner (mode {mode:04o}): run `chmod 600 {path}`, and replace the key if they may have read it",
        path = path.display()
    )]
    ReadableByOthers {
        /// The path.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is encrypted, and no passphrase was given.
    #[error("{} is encrypted: its passphrase is needed", path.display())]
    PassphraseNeeded {
        /// The path.
        path: PathBuf,
    },
    /// The passphrase does not open the file.
    #[error("wrong passphrase for {}", path.display())]
    WrongPassphrase {
        /// The path.
        path: PathBuf,
    },
    /// An age file that no passphrase would open here.
    #[error("{} cannot be decrypted: {reason}", path.display())]
    Encrypted {
        /// The path.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// An empty passphrase for a new key.
    #[error("an empty passphrase protects nothing: give one, or leave the key unencrypted")]
    EmptyPassphrase,
    /// Encryption failed.
    #[error("{} cannot be encrypted: {source}", path.display())]
    Encrypting {
        /// The path.
        path: PathBuf,
        /// What age says.
        source: io::Error,
    },
    /// Not the key that it should be.
    #[error("{}: {reason}", path.display())]
    Content {
        /// The path.
        path: PathBuf,
        /// What is wrong.
        reason: KeyFileError,
    },
    /// The file of the verifier key holds none.
    #[error("{}: {reason}", path.display())]
    Public {
        /// The path.
        path: PathBuf,
        /// What is wrong.
        reason: VkeyError,
    },
    /// There is no key of a witness.
    #[error("{} does not exist: put the witness's key back from a copy; `ceknik keygen witness` makes a new witness", path.display())]
    MissingWitness {
        /// The path.
        path: PathBuf,
    },
    /// The file holds no key of a witness.
    #[error("{}: {reason}", path.display())]
    Witness {
        /// The path.
        path: PathBuf,
        /// What is wrong.
        reason: NoteKeyError,
    },
    /// No witness can have this name.
    #[error("the witness's name cannot be used: {0}")]
    WitnessName(NoteKeyError),
    /// No log can have this origin.
    #[error("the log's origin cannot be used: {0}")]
    Origin(#[from] NoteKeyError),
}

/// The directory `keys` of a publisher.
#[derive(Clone, Debug)]
pub struct KeyDir {
    dir: PathBuf,
}

impl KeyDir {
    /// The key directory of a publisher's home. Nothing is read or created.
    pub fn of_home(home: &Path) -> Self {
        Self { dir: home.join("keys") }
    }

    /// Where the log's signing key is.
    pub fn log_path(&self) -> PathBuf {
        self.dir.join("log.key")
    }

    /// Where the log's verifier key is.
    pub fn log_public_path(&self) -> PathBuf {
        self.dir.join("log.pub")
    }

    /// Where the store key is.
    pub fn store_path(&self) -> PathBuf {
        self.dir.join("store.key")
    }

    /// Where the OPRF key of a dataset's generation is.
    pub fn oprf_path(&self, dataset: &Id, generation: u32) -> PathBuf {
        self.dir.join("oprf").join(format!("{dataset}.{generation}.key"))
    }

    /// Creates the log's key pair, for a new log of this origin.
    ///
    /// # Errors
    /// [`KeyError`]; [`KeyError::Exists`] when there is one.
    pub fn create_log_key(
        &self,
        origin: &str,
        rng: &mut (impl CryptoRng + RngCore),
        passphrase: Option<&Passphrase>,
    ) -> Result<LogSigner, KeyError> {
        let path = self.log_path();
        refuse_existing(&path)?;
        let key = LogSigner::generate(origin, rng)?;
        create_private_dir(&self.dir)?;
        // Public half first: should the run end between the two, the next one replaces it, while a signing key without it
        // would be in the way.
        write_atomic(&self.log_public_path(), format!("{}\n", key.verifier_key()).as_bytes())?;
        self.write(&path, log_key_text(&key).as_bytes(), passphrase)?;
        Ok(key)
    }

    /// Reads the log's signing key.
    ///
    /// # Errors
    /// [`KeyError`]; [`KeyError::PassphraseNeeded`] when it is encrypted and `passphrase` is `None`.
    pub fn log_key(&self, passphrase: Option<&Passphrase>) -> Result<LogSigner, KeyError> {
        read_key(&self.log_path(), passphrase, parse_log_key)
    }

    /// Reads the log's verifier key.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn log_public_key(&self) -> Result<VerifierKey, KeyError> {
        let path = self.log_public_path();
        let Some(text) = read_limited(&path, MAX_KEY_FILE_BYTES)? else { return Err(KeyError::Missing { path }) };
        let line = text.strip_suffix(b"\n").ok_or(VkeyError::Form);
        line.and_then(VerifierKey::parse).map_err(|reason| KeyError::Public { path, reason })
    }

    /// Creates the store key.
    ///
    /// # Errors
    /// [`KeyError`]; [`KeyError::Exists`] when there is one.
    pub fn create_store_key(
        &self,
        rng: &mut (impl CryptoRng + RngCore),
        passphrase: Option<&Passphrase>,
    ) -> Result<StoreKey, KeyError> {
        let mut bytes = Zeroizing::new([0u8; 32]);
        rng.fill_bytes(&mut *bytes);
        let key = StoreKey::from_bytes(*bytes);
        self.write(&self.store_path(), store_key_text(&key).as_bytes(), passphrase)?;
        Ok(key)
    }

    /// Reads the store key.
    ///
    /// # Errors
    /// [`KeyError`]; [`KeyError::PassphraseNeeded`] when it is encrypted and `passphrase` is `None`.
    pub fn store_key(&self, passphrase: Option<&Passphrase>) -> Result<StoreKey, KeyError> {
        read_key(&self.store_path(), passphrase, parse_store_key)
    }

    /// Creates the OPRF key of a dataset's generation.
    ///
    /// # Errors
    /// [`KeyError`]; [`KeyError::Exists`] when there is one.
    pub fn create_oprf_key(
        &self,
        dataset: &Id,
        generation: u32,
        rng: &mut (impl CryptoRng + RngCore),
        passphrase: Option<&Passphrase>,
    ) -> Result<OprfSecretKey, KeyError> {
        let key = OprfSecretKey::generate(rng);
        self.write(&self.oprf_path(dataset, generation), oprf_key_text(&key).as_bytes(), passphrase)?;
        Ok(key)
    }

    /// Removes the OPRF key of a generation of which nothing was published; that there is none is no error.
    pub(crate) fn remove_oprf_key(&self, dataset: &Id, generation: u32) -> Result<(), FileError> {
        match remove(&self.oprf_path(dataset, generation)) {
            Err(error) if error.source.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Reads the OPRF key of a dataset's generation.
    ///
    /// # Errors
    /// [`KeyError`]; [`KeyError::PassphraseNeeded`] when it is encrypted and `passphrase` is `None`.
    pub fn oprf_key(
        &self,
        dataset: &Id,
        generation: u32,
        passphrase: Option<&Passphrase>,
    ) -> Result<OprfSecretKey, KeyError> {
        read_key(&self.oprf_path(dataset, generation), passphrase, parse_oprf_key)
    }

    fn write(&self, path: &Path, text: &[u8], passphrase: Option<&Passphrase>) -> Result<(), KeyError> {
        create_private_dir(&self.dir)?;
        write_key(path, text, passphrase)
    }
}

/// Creates a key file, in a directory that is created for it where missing.
fn write_key(path: &Path, text: &[u8], passphrase: Option<&Passphrase>) -> Result<(), KeyError> {
    // Before the work of encryption; what decides is the creation itself.
    refuse_existing(path)?;
    create_private_dir(path.parent().unwrap_or(Path::new("")))?;
    let created = match passphrase {
        None => create_new_0600(path, text),
        Some(passphrase) => create_new_0600(path, &encrypt(path, text, passphrase, WORK_FACTOR)?),
    };
    created.map_err(|error| match error.source.kind() {
        io::ErrorKind::AlreadyExists => KeyError::Exists { path: path.to_owned() },
        _ => KeyError::File(error),
    })
}

fn refuse_existing(path: &Path) -> Result<(), KeyError> {
    match path.symlink_metadata() {
        Ok(_) => Err(KeyError::Exists { path: path.to_owned() }),
        Err(_) => Ok(()),
    }
}

/// Creates a directory for keys that its owner alone can enter; one that exists keeps its permissions.
fn create_private_dir(dir: &Path) -> Result<(), KeyError> {
    let fresh = !dir.as_os_str().is_empty() && !dir.exists();
    create_dir_all(dir)?;
    if fresh {
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(dir, private).map_err(|source| FileError {
            action: "restrict the permissions of",
            path: dir.to_owned(),
            source,
        })?;
    }
    Ok(())
}

fn encrypt(path: &Path, text: &[u8], passphrase: &Passphrase, work_factor: u8) -> Result<Vec<u8>, KeyError> {
    use age::secrecy::ExposeSecret;
    if passphrase.expose_secret().is_empty() {
        return Err(KeyError::EmptyPassphrase);
    }
    let mut recipient = scrypt::Recipient::new(passphrase.clone());
    recipient.set_work_factor(work_factor);
    let failed = |source| KeyError::Encrypting { path: path.to_owned(), source };
    let encryptor = Encryptor::with_recipients(once(&recipient as &dyn age::Recipient))
        .map_err(|error| failed(io::Error::other(error.to_string())))?;
    let mut encrypted = Vec::new();
    let mut writer = encryptor.wrap_output(&mut encrypted).map_err(failed)?;
    writer.write_all(text).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(encrypted)
}

fn read_key<K>(
    path: &Path,
    passphrase: Option<&Passphrase>,
    parse: impl FnOnce(&[u8]) -> Result<K, KeyFileError>,
) -> Result<K, KeyError> {
    let text = read_text(path, passphrase)?;
    parse(&text).map_err(|reason| KeyError::Content { path: path.to_owned(), reason })
}

/// The text of a key file, decrypted. Whoever parses it names what it may be.
fn read_text(path: &Path, passphrase: Option<&Passphrase>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let file = read_private(path)?;
    match (KeyFileKind::of(&file), passphrase) {
        (Some(KeyFileKind::Age), Some(passphrase)) => decrypt(path, &file, passphrase),
        (Some(KeyFileKind::Age), None) => Err(KeyError::PassphraseNeeded { path: path.to_owned() }),
        _ => Ok(file),
    }
}

/// Reads a file that its owner alone may use.
fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let failed = |source| FileError { action: "read", path: path.to_owned(), source };
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => KeyError::Missing { path: path.to_owned() },
        _ => failed(error).into(),
    })?;
    // Of the open file, so that what is checked is what is read.
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(KeyError::NotAFile { path: path.to_owned() });
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyError::ReadableByOthers { path: path.to_owned(), mode });
    }
    read_wiped(file).map_err(|error| failed(error).into())
}

/// Reads at most [`MAX_KEY_FILE_BYTES`] into one buffer that is wiped.
fn read_wiped(reader: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let limit = MAX_KEY_FILE_BYTES + 1;
    // Reserved at full length, with the room that reading to the end probes for, so that no copy is left behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit + 32));
    reader.take(limit as u64).read_to_end(&mut bytes)?;
    if bytes.len() == limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

fn decrypt(path: &Path, file: &[u8], passphrase: &Passphrase) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let unusable = |reason| KeyError::Encrypted { path: path.to_owned(), reason };
    let refused = |error| match error {
        DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => {
            KeyError::WrongPassphrase { path: path.to_owned() }
        }
        DecryptError::NoMatchingKeys => unusable("it is encrypted to a key pair, not under a passphrase"),
        DecryptError::ExcessiveWork { .. } => unusable("it demands more than 1 GiB of memory (scrypt N over 2^20)"),
        DecryptError::UnknownFormat => unusable("its version of the age format is not known"),
        _ => unusable("it is cut short or altered"),
    };
    let decryptor = Decryptor::new_buffered(file).map_err(refused)?;
    let mut identity = scrypt::Identity::new(passphrase.clone());
    identity.set_max_work_factor(MAX_WORK_FACTOR);
    let reader = decryptor.decrypt(once(&identity as &dyn age::Identity)).map_err(refused)?;
    read_wiped(reader).map_err(|_| unusable("it is cut short or altered"))
}
