//! What is sticky for a device: the coin, the buckets of fillers, the mirrors (spec, "Cover traffic", "Mirrors").

use hmac::digest::KeyInit;
use hmac::digest::generic_array::GenericArray;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::label;
use crate::record::{LOCATOR_BYTES, Locator};
use crate::secret::secret_bytes;
use crate::stretch::Stretched;

secret_bytes! {
    /// A random secret of the device, kept there, from which every coin, every filler's bucket and the order of mirrors follow.
    CoverSecret, 32
}

/// Whether this device confirms this NIK although the filter misses it: with probability `cover_percent` / 100, and for one
/// device, NIK and generation always the same, so that checking again tells nothing.
///
/// The coin is the first 8 bytes, big-endian, of `HMAC-SHA-256(secret, "ceknik/1/cover" || I2OSP(generation, 4) || h)`; it
/// falls on yes when `coin × 100 < cover_percent × 2^64`.
pub fn covers(secret: &CoverSecret, generation: u32, h: &Stretched, cover_percent: u8) -> bool {
    let digest = hmac(secret, &[label::COVER, &generation.to_be_bytes(), h.expose_bytes()]);
    let coin = digest[..8].iter().fold(0u64, |n, byte| n << 8 | u64::from(*byte));
    u128::from(coin) * 100 < u128::from(cover_percent) << 64
}

/// The locator by which the bucket is chosen that is fetched for a filler, the `place`-th of a request from 0, beside those
/// of `own`. The same people on one device always have the same fillers: were they drawn anew, those buckets that come
/// again would be the people's.
///
/// It is the first 16 bytes of `HMAC-SHA-256(secret, "ceknik/1/filler" || I2OSP(place, 1) || h₁ || … || hₙ)`, with the
/// people's `h` in ascending order.
pub fn filler_locator(secret: &CoverSecret, own: &[&Stretched], place: u8) -> Locator {
    let mut parts: Vec<&[u8]> = vec![label::FILLER, core::slice::from_ref(&place)];
    for h in own {
        let h = &h.expose_bytes()[..];
        let at = parts[2..].partition_point(|other| *other < h);
        parts.insert(2 + at, h);
    }
    let digest = hmac(secret, &parts);
    let mut locator = [0; LOCATOR_BYTES];
    locator.copy_from_slice(&digest[..LOCATOR_BYTES]);
    Locator::from_bytes(locator)
}

/// Where a mirror stands among those of a list: a device asks them in ascending order, so that mostly one of them sees all its
/// buckets, however the list is changed, and the devices are spread over all.
///
/// It is `HMAC-SHA-256(secret, "ceknik/1/mirror" || address)`.
pub fn mirror_rank(secret: &CoverSecret, address: &str) -> [u8; 32] {
    hmac(secret, &[label::MIRROR, address.as_bytes()])
}

fn hmac(secret: &CoverSecret, parts: &[&[u8]]) -> [u8; 32] {
    // HMAC's key is of one block here, whatever is left of it zero: RFC 2104 says the same of any shorter key.
    let mut key = Zeroizing::new([0u8; 64]);
    key[..32].copy_from_slice(secret.expose_bytes());
    let mut mac = <Hmac<Sha256> as KeyInit>::new(GenericArray::from_slice(&*key));
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
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
    fn fillers_are_sticky_and_spread() {
        let secret = CoverSecret::from_bytes([7; 32]);
        let [a, b] = [1, 2].map(|byte| Stretched::from_bytes([byte; 32]));
        let pair = filler_locator(&secret, &[&a, &b], 0);
        assert_eq!(filler_locator(&secret, &[&b, &a], 0), pair, "whatever the order in which people are typed");
        let others = [
            filler_locator(&secret, &[&a, &b], 1),
            filler_locator(&secret, &[&a], 0),
            filler_locator(&secret, &[&b], 0),
            filler_locator(&CoverSecret::from_bytes([8; 32]), &[&a, &b], 0),
        ];
        assert!(others.iter().all(|other| *other != pair));
        let buckets = (0..=255u8).map(|place| filler_locator(&secret, &[&a], place).bucket(3));
        let mut counts = [0; 8];
        buckets.for_each(|bucket| counts[bucket as usize] += 1);
        // Five standard deviations of Binomial(256, 1/8).
        assert!(counts.iter().all(|count| (5..=59).contains(count)), "{counts:?}");
    }

    #[test]
    fn mirrors_keep_their_order_and_devices_are_spread() {
        let order = |secret: u8, mirrors: &[&'static str]| {
            let secret = CoverSecret::from_bytes([secret; 32]);
            let mut order = mirrors.to_vec();
            order.sort_by_key(|mirror| mirror_rank(&secret, mirror));
            order
        };
        let all = ["https://a.example", "https://b.example", "https://c.example/ceknik"];
        let mut firsts = [0; 3];
        for secret in 0..=255 {
            let first = order(secret, &all);
            firsts[all.iter().position(|mirror| *mirror == first[0]).unwrap()] += 1;
            // One that goes leaves the order of the others.
            let left: Vec<_> = first.iter().copied().filter(|mirror| *mirror != all[1]).collect();
            assert_eq!(order(secret, &[all[2], all[0]]), left);
        }
        // Five standard deviations of Binomial(256, 1/3).
        assert!(firsts.iter().all(|count| (48..=123).contains(count)), "{firsts:?}");
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
