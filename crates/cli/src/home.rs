//! The publisher's home as commands open it.

use std::path::PathBuf;

use ceknik_core::filter::NoiseKey;
use ceknik_core::key_file::StoreKey;
use ceknik_core::time::Timestamp;
use ceknik_issuer::{Home, HomeLock, KeyDir, KeyError, Passphrase, Store, StoreCipher};
use clap::Args;

use crate::failure::Failure;
use crate::prompt;

/// Where the publisher's home is, and how its keys open.
#[derive(Args, Clone)]
pub(crate) struct HomeArgs {
    /// The publisher's home: keys, store, public files.
    #[arg(long, value_name = "DIR", env = "CEKNIK_HOME", default_value = ".")]
    pub(crate) home: PathBuf,
    /// A file with the passphrase of encrypted keys in its first line; without it, a prompt asks.
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// A home in which this process alone writes.
pub(crate) struct OpenHome {
    pub(crate) home: Home,
    pub(crate) keys: KeyDir,
    pub(crate) store: Store,
    pub(crate) cipher: StoreCipher,
    pub(crate) store_key: StoreKey,
    passphrase: Option<Passphrase>,
    args: HomeArgs,
    _lock: HomeLock,
}

impl HomeArgs {
    /// Opens the home for a `task`, which another command that wants to write is told.
    pub(crate) fn open(&self, task: &str) -> Result<OpenHome, Failure> {
        let home = Home::open(&self.home)?;
        let lock = home.lock(task)?;
        let keys = KeyDir::of_home(&self.home);
        let mut passphrase = None;
        let store_key = self.with_passphrase(&mut passphrase, |passphrase| keys.store_key(passphrase))?;
        let store = home.open_store()?;
        let cipher = store.cipher(&store_key)?;
        Ok(OpenHome { home, keys, store, cipher, store_key, passphrase, args: self.clone(), _lock: lock })
    }

    /// Reads a key, asking for the passphrase when it turns out to be needed, once for all keys.
    fn with_passphrase<T>(
        &self,
        known: &mut Option<Passphrase>,
        read: impl Fn(Option<&Passphrase>) -> Result<T, KeyError>,
    ) -> Result<T, Failure> {
        match read(known.as_ref()) {
            Err(KeyError::PassphraseNeeded { .. }) if known.is_none() => {
                let text = prompt::passphrase(self.passphrase_file.as_deref(), "Passphrase of the keys: ")?;
                *known = Some(Passphrase::from(text.as_str()));
                Ok(read(known.as_ref())?)
            }
            read => Ok(read?),
        }
    }
}

impl OpenHome {
    /// Reads a key of this home.
    pub(crate) fn key<T>(
        &mut self,
        read: impl Fn(&KeyDir, Option<&Passphrase>) -> Result<T, KeyError>,
    ) -> Result<T, Failure> {
        let keys = &self.keys;
        self.args.with_passphrase(&mut self.passphrase, |passphrase| read(keys, passphrase))
    }

    /// What new keys of this home are encrypted under, if its keys are.
    pub(crate) fn passphrase(&self) -> Option<&Passphrase> {
        self.passphrase.as_ref()
    }

    /// What the noise follows from.
    pub(crate) fn noise_key(&self) -> NoiseKey {
        NoiseKey::from_bytes(*self.store_key.expose_bytes())
    }
}

/// The time of the system.
pub(crate) fn now() -> Result<Timestamp, Failure> {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seconds = since_1970.ok().and_then(|since| i64::try_from(since.as_secs()).ok());
    let now = seconds.and_then(|seconds| Timestamp::from_unix(seconds).ok());
    now.ok_or_else(|| Failure::new("the system's clock stands before 1970 or after 9999: set it"))
}
