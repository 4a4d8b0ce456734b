//! The sticky coin of cover traffic.

use ceknik_core::{CoverSecret, covers};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::Vectors;
use crate::fixed::{Made, bytes, stretched, text};
use crate::json::object;

pub(crate) fn vectors() -> Made<Vectors> {
    let mut cases = Vec::new();
    for (number, percent) in [0u8, 1, 10, 50, 90, 99, 100].into_iter().enumerate() {
        for generation in [1u32, 2] {
            let secret: [u8; 32] = bytes(&format!("device secret {}", number % 2));
            let h = stretched(&format!("cover {number}"));
            // Computed here as well, so that the vectors show the coin and not its outcome alone.
            let mut mac = Hmac::<Sha256>::new_from_slice(&secret)?;
            mac.update(b"ceknik/1/cover");
            mac.update(&generation.to_be_bytes());
            mac.update(h.expose_bytes());
            let coin = &mac.finalize().into_bytes()[..8];
            cases.push(object! {
                "secret": text(secret),
                "generation": generation,
                "h": text(h.expose_bytes()),
                "cover_percent": percent,
                "coin": text(coin),
                "covers": covers(&CoverSecret::from_bytes(secret), generation, &h, percent),
            });
        }
    }
    Ok(Vectors {
        file: "cover.json",
        about: "The sticky coin: whether a device confirms a NIK that the filter misses.",
        spec: "Cover traffic",
        body: object! { "cases": cases },
    })
}
