//! Secret files: opened only when nobody else can read them, decrypted when they are age files, wiped when dropped.

use std::fs::File;
use std::io::Read;
use std::iter;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use age::secrecy::SecretString;
use ceknik_core::key_file::{KeyFileKind, MAX_KEY_FILE_BYTES};
use thiserror::Error;
use zeroize::Zeroizing;

/// Longest passphrase read, in bytes.
const MOST_PASSPHRASE_BYTES: usize = 1024;
/// Largest scrypt work factor that is worked off, as log2 of N: 1 GiB of memory. The same as where the keys are made.
const MOST_SCRYPT_LOG_N: u8 = 20;

/// Why a secret file was not read. Never holds anything of its content.
#[derive(Debug, Error)]
pub enum SecretFileError {
    /// It could not be opened or read.
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// A directory, a device or the like.
    #[error("is not a regular file")]
    NotAFile,
    /// Its group or everybody may read or change it.
    #[error(
        "can be used by others than its owner (mode {mode:04o}): run `chmod 600` on it, and replace what it holds if they may have read it"
    )]
    Exposed {
        /// Its permission bits.
        mode: u32,
    },
    /// Longer than any secret file.
    #[error("is longer than {most} bytes, which no such file is")]
    TooLong {
        /// What is read at most.
        most: usize,
    },
    /// Encrypted, and no passphrase was given.
    #[error("is encrypted; give its passphrase with --passphrase-file, --passphrase-fd or --passphrase-prompt")]
    Encrypted,
    /// The passphrase does not fit.
    #[error("does not open with the passphrase that was given")]
    WrongPassphrase,
    /// An age file that cannot be read.
    #[error("is not an age file that can be read: encrypt it with a passphrase, without armor")]
    Age,
    /// An age file whose scrypt work factor is over the limit.
    #[error("demands more than 1 GiB of memory (scrypt N over 2^20); encrypt it again with a smaller work factor")]
    TooMuchWork,
    /// The passphrase is empty or not text.
    #[error("is missing: the first line must hold it, as text")]
    NoPassphrase,
}

/// What encrypted key files are encrypted under. Wiped when dropped.
#[derive(Clone)]
pub struct Passphrase(SecretString);

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(REDACTED)")
    }
}

impl Passphrase {
    /// Takes a passphrase over.
    pub fn new(passphrase: String) -> Self {
        Self(SecretString::from(passphrase))
    }

    /// The first line of a file that only its owner can read; what follows is not read.
    ///
    /// # Errors
    /// [`SecretFileError`].
    pub fn from_file(path: &Path) -> Result<Self, SecretFileError> {
        Self::from_first_line(open_private(path)?)
    }

    /// The first line of what an inherited file descriptor gives: a pipe, best, which leaves nothing behind.
    ///
    /// # Errors
    /// [`SecretFileError`].
    pub fn from_descriptor(descriptor: u32) -> Result<Self, SecretFileError> {
        Self::from_first_line(File::open(format!("/dev/fd/{descriptor}"))?)
    }

    /// Reads no further than the line's end: whoever writes into a pipe may keep it open.
    fn from_first_line(mut reader: impl Read) -> Result<Self, SecretFileError> {
        // Reserved at full length, so that no copy is left behind by growing; byte by byte, so that none is in a buffer.
        let mut line = Zeroizing::new(Vec::with_capacity(MOST_PASSPHRASE_BYTES + 2));
        let mut byte = Zeroizing::new([0u8]);
        while line.last() != Some(&b'\n') && line.len() <= MOST_PASSPHRASE_BYTES + 1 {
            match reader.read(&mut *byte) {
                Ok(0) => break,
                Ok(_) => line.push(byte[0]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        let ended = line.strip_suffix(b"\n").map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let line = ended.unwrap_or(&line);
        if line.len() > MOST_PASSPHRASE_BYTES {
            return Err(SecretFileError::TooLong { most: MOST_PASSPHRASE_BYTES });
        }
        let text = std::str::from_utf8(line).ok().filter(|text| !text.is_empty());
        text.map(|text| Self::new(text.to_owned())).ok_or(SecretFileError::NoPassphrase)
    }
}

/// The content of a secret file, decrypted where it is an age file.
pub(crate) fn read(path: &Path, passphrase: Option<&Passphrase>) -> Result<Zeroizing<Vec<u8>>, SecretFileError> {
    let mut file = open_private(path)?;
    let bytes = read_at_most(&mut file, MAX_KEY_FILE_BYTES)?;
    if KeyFileKind::of(&bytes) != Some(KeyFileKind::Age) {
        return Ok(bytes);
    }
    let Some(passphrase) = passphrase else { return Err(SecretFileError::Encrypted) };
    let decryptor = age::Decryptor::new_buffered(&bytes[..]).map_err(|_| SecretFileError::Age)?;
    if !decryptor.is_scrypt() {
        return Err(SecretFileError::Age);
    }
    let mut identity = age::scrypt::Identity::new(passphrase.0.clone());
    identity.set_max_work_factor(MOST_SCRYPT_LOG_N);
    let mut plaintext =
        decryptor.decrypt(iter::once(&identity as &dyn age::Identity)).map_err(|error| match error {
            age::DecryptError::DecryptionFailed
            | age::DecryptError::KeyDecryptionFailed
            | age::DecryptError::NoMatchingKeys => SecretFileError::WrongPassphrase,
            age::DecryptError::ExcessiveWork { .. } => SecretFileError::TooMuchWork,
            _ => SecretFileError::Age,
        })?;
    read_at_most(&mut plaintext, MAX_KEY_FILE_BYTES)
}

/// Opens first and looks at what was opened, so that nothing can be exchanged in between.
fn open_private(path: &Path) -> Result<File, SecretFileError> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(SecretFileError::NotAFile);
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(SecretFileError::Exposed { mode });
    }
    Ok(file)
}

fn read_at_most(reader: &mut impl Read, most: usize) -> Result<Zeroizing<Vec<u8>>, SecretFileError> {
    // Reserved at full length, so that no copy is left behind by growing.
    let mut bytes = Zeroizing::new(Vec::with_capacity(most + 1));
    reader.take(most as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > most { Err(SecretFileError::TooLong { most }) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(dir: &Path, name: &str, content: &[u8], mode: u32) -> std::path::PathBuf {
        let path = dir.join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    pub(crate) fn encrypted(content: &[u8], passphrase: &str) -> Vec<u8> {
        let mut recipient = age::scrypt::Recipient::new(SecretString::from(passphrase.to_owned()));
        recipient.set_work_factor(4);
        age::encrypt(&recipient, content).unwrap()
    }

    #[test]
    fn files_that_others_can_read_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        for mode in [0o640, 0o604, 0o660, 0o601, 0o620] {
            let path = file(dir.path(), &format!("{mode:o}"), b"secret", mode);
            let error = read(&path, None).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "can be used by others than its owner (mode {mode:04o}): run `chmod 600` on it, and replace what it holds if they may have read it"
                )
            );
        }
        for mode in [0o600, 0o400] {
            let path = file(dir.path(), &format!("{mode:o}"), b"secret", mode);
            assert_eq!(**read(&path, None).unwrap(), *b"secret");
        }
        assert!(matches!(read(dir.path(), None), Err(SecretFileError::NotAFile)));
    }

    #[test]
    fn encrypted_files_open_with_their_passphrase_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(dir.path(), "key", &encrypted(b"secret", "correct horse"), 0o600);
        let passphrase = |text: &str| Passphrase::new(text.to_owned());
        assert_eq!(**read(&path, Some(&passphrase("correct horse"))).unwrap(), *b"secret");
        assert!(matches!(read(&path, Some(&passphrase("wrong"))), Err(SecretFileError::WrongPassphrase)));
        assert!(matches!(read(&path, None), Err(SecretFileError::Encrypted)));
        let mut greedy = encrypted(b"secret", "correct horse");
        let factor = greedy.windows(3).position(|window| window == b" 4\n").unwrap();
        greedy.splice(factor..factor + 2, *b" 21");
        let path = file(dir.path(), "greedy", &greedy, 0o600);
        assert!(matches!(read(&path, Some(&passphrase("correct horse"))), Err(SecretFileError::TooMuchWork)));
        let path = file(dir.path(), "cut", &encrypted(b"secret", "correct horse")[..100], 0o600);
        assert!(matches!(read(&path, Some(&passphrase("correct horse"))), Err(SecretFileError::Age)));
    }

    #[test]
    fn long_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(dir.path(), "long", &[b'x'; MAX_KEY_FILE_BYTES + 1], 0o600);
        assert!(matches!(read(&path, None), Err(SecretFileError::TooLong { .. })));
    }

    #[test]
    fn a_passphrase_is_the_first_line() {
        let dir = tempfile::tempdir().unwrap();
        let second_line = [b"pass phrase\n".to_vec(), b"\xff".repeat(1 << 20)].concat();
        let lines: [&[u8]; 5] =
            [b"pass phrase", b"pass phrase\n", b"pass phrase\r\n", b"pass phrase\nof last year\n", &second_line];
        for good in lines {
            let path = file(dir.path(), "good", good, 0o600);
            use age::secrecy::ExposeSecret;
            assert_eq!(Passphrase::from_file(&path).unwrap().0.expose_secret(), "pass phrase");
        }
        for bad in [&b""[..], b"\n", b"\r\n", b"\nsecond\n", b"\xff\xfe"] {
            let path = file(dir.path(), "bad", bad, 0o600);
            assert!(matches!(Passphrase::from_file(&path), Err(SecretFileError::NoPassphrase)));
        }
        for (length, long) in [(1024, false), (1025, true), (1 << 20, true)] {
            let path = file(dir.path(), "long", &[&vec![b'x'; length][..], b"\r\n"].concat(), 0o600);
            let read = Passphrase::from_file(&path);
            assert_eq!(matches!(read, Err(SecretFileError::TooLong { most: 1024 })), long, "{length}");
        }
        assert_eq!(format!("{:?}", Passphrase::new("secret".into())), "Passphrase(REDACTED)");
    }
}
