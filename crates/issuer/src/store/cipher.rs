//! What the store keeps under the store key: details of records, cells, and which list an import reads.
//!
//! ```text
//! detail key = HKDF(store key, "ceknik/store/1/detail", 32)      cells key = HKDF(store key, "ceknik/store/1/cells", 32)
//! list key   = HKDF(store key, "ceknik/store/1/list", 32)        check     = HKDF(store key, "ceknik/store/1/check", 16)
//!
//! detail = AES-256-GCM-SIV(detail key, nonce = locator[..12], aad = lp(dataset) || generation (u32 BE) || locator, …)
//! cells  = AES-256-GCM-SIV(cells key, nonce = chunk (12 bytes, BE), aad = lp(dataset) || generation || chunk (u64 BE), …)
//! ```
//!
//! Nonces are no random numbers: a place in the store always has the same one, and SIV tells of two versions at one place no
//! more than whether they are equal.

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use ceknik_core::filter::Cell;
use ceknik_core::key_file::StoreKey;
use ceknik_core::manifest::Id;
use ceknik_core::record::{LOCATOR_BYTES, Locator};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::StoreError;

const DETAIL: &[u8] = b"ceknik/store/1/detail";
const CELLS: &[u8] = b"ceknik/store/1/cells";
const LIST: &[u8] = b"ceknik/store/1/list";
const CHECK: &[u8] = b"ceknik/store/1/check";

/// Bytes by which a store knows its key again.
pub(super) const CHECK_BYTES: usize = 16;
const CELL_BYTES: usize = 8;

/// What follows from the store key. Given by [`Store::cipher`](super::Store::cipher), which checks that key and store
/// belong together.
pub struct StoreCipher {
    detail: Aes256GcmSiv,
    cells: Aes256GcmSiv,
    list: Hmac<Sha256>,
}

impl std::fmt::Debug for StoreCipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreCipher(REDACTED)")
    }
}

fn derive<const N: usize>(store_key: &StoreKey, label: &[u8]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 255 * 64, "HKDF-SHA-512 gives at most 255 blocks") }
    let mut out = Zeroizing::new([0; N]);
    let expanded = Hkdf::<Sha512>::new(None, store_key.expose_bytes()).expand(label, &mut *out);
    debug_assert!(expanded.is_ok(), "the length was checked at compile time");
    out
}

/// What the store keeps of its key. A hash of 32 random bytes, from which nobody guesses them.
pub(super) fn key_check(store_key: &StoreKey) -> [u8; CHECK_BYTES] {
    *derive(store_key, CHECK)
}

fn place(dataset: &Id, generation: u32, rest: &[u8]) -> Vec<u8> {
    let name = dataset.as_str().as_bytes();
    let length = u16::try_from(name.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&length[..], name, &generation.to_be_bytes(), rest].concat()
}

impl StoreCipher {
    pub(super) fn new(store_key: &StoreKey, check: &[u8]) -> Result<Self, StoreError> {
        if !bool::from(key_check(store_key)[..].ct_eq(check)) {
            return Err(StoreError::WrongKey);
        }
        let cipher = |label| Aes256GcmSiv::new((&*derive::<32>(store_key, label)).into());
        let list =
            <Hmac<Sha256> as Mac>::new_from_slice(&*derive::<32>(store_key, LIST)).map_err(|_| StoreError::WrongKey)?;
        Ok(Self { detail: cipher(DETAIL), cells: cipher(CELLS), list })
    }

    /// Encrypts what the store knows of a record beside its sealed form.
    pub(crate) fn seal_detail(
        &self,
        dataset: &Id,
        generation: u32,
        locator: &Locator,
        detail: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let aad = place(dataset, generation, locator.expose_bytes());
        self.detail
            .encrypt(&detail_nonce(locator), Payload { msg: detail, aad: &aad })
            .map_err(|_| StoreError::Damaged { what: "a record too large to encrypt" })
    }

    /// The reverse of [`StoreCipher::seal_detail`].
    pub(crate) fn open_detail(
        &self,
        dataset: &Id,
        generation: u32,
        locator: &Locator,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let aad = place(dataset, generation, locator.expose_bytes());
        self.detail
            .decrypt(&detail_nonce(locator), Payload { msg: sealed, aad: &aad })
            .map(Zeroizing::new)
            .map_err(|_| StoreError::Damaged { what: "a record's detail does not open" })
    }

    /// Sorts and encrypts the cells of a chunk.
    pub(super) fn seal_cells(
        &self,
        dataset: &Id,
        generation: u32,
        chunk: u64,
        mut cells: Vec<Cell>,
    ) -> Result<Vec<u8>, StoreError> {
        cells.sort_unstable();
        let plain: Vec<u8> = cells.iter().flat_map(|cell| cell.expose_number().to_be_bytes()).collect();
        let plain = Zeroizing::new(plain);
        let aad = place(dataset, generation, &chunk.to_be_bytes());
        self.cells
            .encrypt(&cells_nonce(chunk), Payload { msg: &plain, aad: &aad })
            .map_err(|_| StoreError::Damaged { what: "a chunk too large to encrypt" })
    }

    /// The reverse of [`StoreCipher::seal_cells`].
    pub(super) fn open_cells(
        &self,
        dataset: &Id,
        generation: u32,
        chunk: u64,
        sealed: &[u8],
    ) -> Result<Vec<Cell>, StoreError> {
        let aad = place(dataset, generation, &chunk.to_be_bytes());
        let damaged = StoreError::Damaged { what: "a chunk of cells does not open" };
        let plain = self.cells.decrypt(&cells_nonce(chunk), Payload { msg: sealed, aad: &aad }).map(Zeroizing::new);
        let Ok(plain) = plain else { return Err(damaged) };
        let (numbers, []) = plain.as_chunks::<CELL_BYTES>() else { return Err(damaged) };
        Ok(numbers.iter().map(|number| Cell::from_number(u64::from_be_bytes(*number))).collect())
    }

    /// A keyed hash for the bytes of a list. Never a plain one: of a list with one row, that would be a fast hash of a NIK.
    pub(crate) fn list_mac(&self) -> ListMac {
        ListMac { inner: self.list.clone() }
    }
}

fn detail_nonce(locator: &Locator) -> Nonce {
    let mut nonce = Nonce::default();
    nonce.copy_from_slice(&locator.expose_bytes()[..12]);
    nonce
}

fn cells_nonce(chunk: u64) -> Nonce {
    let mut nonce = Nonce::default();
    nonce[4..].copy_from_slice(&chunk.to_be_bytes());
    nonce
}

const _: () = assert!(LOCATOR_BYTES >= 12, "the nonce is a part of the locator");

/// HMAC-SHA-256 over a list's bytes while it is computed.
pub(crate) struct ListMac {
    inner: Hmac<Sha256>,
}

impl ListMac {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.inner.update(bytes);
    }

    pub(crate) fn finish(self) -> ListTag {
        ListTag(self.inner.finalize().into_bytes().into())
    }
}

/// By which an open import knows its list again. Compares in constant time.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct ListTag([u8; 32]);

impl ListTag {
    pub(super) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) fn expose_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for ListTag {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> StoreKey {
        StoreKey::from_bytes([byte; 32])
    }

    fn cipher() -> StoreCipher {
        StoreCipher::new(&key(7), &key_check(&key(7))).unwrap()
    }

    #[test]
    fn a_detail_opens_in_its_place_alone() {
        let (cipher, id, locator) = (cipher(), Id::new("a").unwrap(), Locator::from_bytes([3; 16]));
        let sealed = cipher.seal_detail(&id, 1, &locator, b"detail").unwrap();
        assert_eq!(*cipher.open_detail(&id, 1, &locator, &sealed).unwrap(), b"detail");
        let mut other = *locator.expose_bytes();
        other[15] ^= 1;
        assert!(cipher.open_detail(&id, 1, &Locator::from_bytes(other), &sealed).is_err());
        assert!(cipher.open_detail(&id, 2, &locator, &sealed).is_err());
        assert!(cipher.open_detail(&Id::new("b").unwrap(), 1, &locator, &sealed).is_err());
    }

    #[test]
    fn cells_are_sorted_and_open_in_their_chunk_alone() {
        let (cipher, id) = (cipher(), Id::new("a").unwrap());
        let cells = |numbers: [u64; 3]| numbers.map(Cell::from_number).to_vec();
        let sealed = cipher.seal_cells(&id, 1, 5, cells([9, 1 << 40, 2])).unwrap();
        assert_eq!(sealed, cipher.seal_cells(&id, 1, 5, cells([2, 9, 1 << 40])).unwrap());
        assert!(cipher.open_cells(&id, 1, 5, &sealed).unwrap() == cells([2, 9, 1 << 40]));
        assert!(cipher.open_cells(&id, 1, 6, &sealed).is_err());
        assert!(cipher.open_cells(&id, 2, 5, &sealed).is_err());
    }

    #[test]
    fn a_store_knows_its_key() {
        assert!(matches!(StoreCipher::new(&key(8), &key_check(&key(7))), Err(StoreError::WrongKey)));
    }

    #[test]
    fn a_list_is_known_again_under_its_key_alone() {
        let tag = |byte: u8, list: &[u8]| {
            let mut mac = StoreCipher::new(&key(byte), &key_check(&key(byte))).unwrap().list_mac();
            mac.update(list);
            mac.finish()
        };
        assert!(tag(7, b"list") == tag(7, b"list"));
        assert!(tag(7, b"list") != tag(7, b"List"));
        assert!(tag(7, b"list") != tag(8, b"list"));
    }
}
