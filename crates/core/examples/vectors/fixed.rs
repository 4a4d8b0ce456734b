//! The fixed inputs: each is the hash of its name, so that none has a meaning that could help to pass.

use std::error::Error;

use ceknik_core::encoding::hex;
use ceknik_core::oprf::{Blind, OprfSecretKey};
use ceknik_core::{Nik, StretchCost, Stretched, Stretcher};
use curve25519_dalek::scalar::Scalar;
use sha2::{Digest, Sha512};

/// What every part of the generator gives.
pub(crate) type Made<T> = Result<T, Box<dyn Error>>;

/// The first N bytes of `SHA-512("ceknik vectors: " || name)`. N is at most 64.
pub(crate) fn bytes<const N: usize>(name: &str) -> [u8; N] {
    let digest = Sha512::digest(format!("ceknik vectors: {name}"));
    let mut out = [0; N];
    out.copy_from_slice(&digest[..N]);
    out
}

/// A canonical scalar, from the same hash.
pub(crate) fn scalar(name: &str) -> [u8; 32] {
    Scalar::from_bytes_mod_order_wide(&bytes::<64>(name)).to_bytes()
}

/// A secret key of the blind evaluation.
pub(crate) fn oprf_key(name: &str) -> Made<OprfSecretKey> {
    Ok(OprfSecretKey::from_bytes(&scalar(name))?)
}

/// A blind.
pub(crate) fn blind(name: &str) -> Made<Blind> {
    Ok(Blind::from_bytes(scalar(name)).ok_or("no blind")?)
}

/// A stretched NIK that is none: for steps that begin behind the stretch.
pub(crate) fn stretched(name: &str) -> Stretched {
    Stretched::from_bytes(bytes(name))
}

/// A NIK that nobody has: districts give out serials from 0001, and far fewer than 9,900 on one day.
pub(crate) fn nik(number: u32) -> String {
    const PEOPLE: [&str; 6] =
        ["317101170890", "317405550185", "327504010199", "320112711203", "357807040475", "920204680688"];
    format!("{}{}", PEOPLE[number as usize % PEOPLE.len()], 9900 + number)
}

/// The stretch of a NIK given as digits.
pub(crate) fn stretch(cost: StretchCost, salt: [u8; 32], nik: &str) -> Made<Stretched> {
    Ok(Stretcher::new(cost, salt)?.stretch(&Nik::parse(nik)?)?)
}

/// Hex of anything.
pub(crate) fn text(bytes: impl AsRef<[u8]>) -> String {
    hex(bytes.as_ref())
}
