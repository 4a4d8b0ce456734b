//! The sticky coin of cover traffic, and the sticky locators of fillers.

use ceknik_core::{CoverSecret, Stretched, covers, filler_locator, mirror_rank};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::Vectors;
use crate::fixed::{Made, bytes, stretched, text};
use crate::json::{Json, object};

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
        about: "What is sticky for a device. The coin: whether it confirms a NIK that the filter misses; the locators of the elements that fill up a request, in which the people stand in any order; and in which order it asks mirrors.",
        spec: "Cover traffic",
        members: &[
            ("cases", "coins"),
            ("secret", "the device's"),
            ("generation", "its number"),
            ("h", "the stretched NIK; of fillers, those of all NIKs of the request, in any order"),
            ("cover_percent", "as in the manifest"),
            ("coin", "the coin, its 8 bytes"),
            ("covers", "whether a miss is confirmed: of a hit no coin is asked"),
            ("fillers", "the fillers of requests"),
            ("locators", "of the fillers 0, 1 and so on"),
            ("mirrors", "orders of mirrors"),
            ("listed", "addresses, as a manifest names them"),
            ("asked", "the same in the device's order"),
        ],
        body: object! { "cases": cases, "fillers": fillers(), "mirrors": mirrors() },
    })
}

fn mirrors() -> Vec<Json> {
    let listed = ["https://cermin.example.org/ceknik", "https://mirror.example.net", "http://127.0.0.1:8080"];
    let of = |device: u8, listed: &[&str]| {
        let secret: [u8; 32] = bytes(&format!("device secret {device}"));
        let mut asked = listed.to_vec();
        asked.sort_by_key(|mirror| mirror_rank(&CoverSecret::from_bytes(secret), mirror));
        object! { "secret": text(secret), "listed": listed.to_vec(), "asked": asked }
    };
    vec![of(0, &listed), of(1, &listed), of(0, &listed[1..]), of(2, &listed)]
}

fn fillers() -> Vec<Json> {
    let of = |device: u8, people: &[&str], requested: u8| {
        let secret: [u8; 32] = bytes(&format!("device secret {device}"));
        let own: Vec<Stretched> = people.iter().map(|name| stretched(name)).collect();
        let refs: Vec<&Stretched> = own.iter().collect();
        let locator = |place| text(filler_locator(&CoverSecret::from_bytes(secret), &refs, place).expose_bytes());
        object! {
            "secret": text(secret),
            "h": own.iter().map(|h| text(h.expose_bytes())).collect::<Vec<_>>(),
            "locators": (0..requested - people.len() as u8).map(locator).collect::<Vec<_>>(),
        }
    };
    vec![
        of(0, &["one", "two"], 4),
        of(0, &["two", "one"], 4),
        of(1, &["one", "two"], 4),
        of(0, &["one", "two", "three"], 4),
        of(0, &["one", "two", "three", "four", "five"], 16),
    ]
}
