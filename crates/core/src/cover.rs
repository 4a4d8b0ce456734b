//! Cover traffic: the sticky coin (spec, "Cover traffic").

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::label;
use crate::secret::secret_bytes;
use crate::stretch::Stretched;

secret_bytes! {
    /// A random secret of the device, kept there, from which every coin follows.
    CoverSecret, 32
}

/// Whether this device confirms this NIK although the filter misses it: with probability `cover_percent` / 100, and for one
/// device, NIK and generation always the same, so that checking again tells nothing.
///
/// The coin is the first 8 bytes, big-endian, of `HMAC-SHA-256(secret, "ceknik/1/cover" || I2OSP(generation, 4) || h)`; it
/// falls on yes when `coin × 100 < cover_percent × 2^64`.
pub fn covers(secret: &CoverSecret, generation: u32, h: &Stretched, cover_percent: u8) -> bool {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_bytes()) else { return true };
    mac.update(label::COVER);
    mac.update(&generation.to_be_bytes());
    mac.update(h.expose_bytes());
    let digest = mac.finalize().into_bytes();
    let coin = digest[..8].iter().fold(0u64, |n, byte| n << 8 | u64::from(*byte));
    u128::from(coin) * 100 < u128::from(cover_percent) << 64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sticky_and_at_the_rate() {
        let secret = CoverSecret::from_bytes([7; 32]);
        let heads = (0..20_000u32)
            .filter(|i| {
                let mut h = [0u8; 32];
                h[..4].copy_from_slice(&i.to_be_bytes());
                let h = Stretched::from_bytes(h);
                let first = covers(&secret, 1, &h, 10);
                assert_eq!(first, covers(&secret, 1, &h, 10));
                first
            })
            .count();
        // Five standard deviations of Binomial(20000, 0.1).
        assert!((1788..=2212).contains(&heads), "{heads}");
        let h = Stretched::from_bytes([1; 32]);
        assert!(covers(&secret, 1, &h, 100) && !covers(&secret, 1, &h, 0));
    }

    #[test]
    fn depends_on_secret_and_generation() {
        let h: Vec<_> = (0..200u8).map(|i| Stretched::from_bytes([i; 32])).collect();
        let coins = |secret: u8, generation| -> Vec<bool> {
            h.iter().map(|h| covers(&CoverSecret::from_bytes([secret; 32]), generation, h, 50)).collect()
        };
        assert_ne!(coins(1, 1), coins(2, 1));
        assert_ne!(coins(1, 1), coins(1, 2));
    }
}
