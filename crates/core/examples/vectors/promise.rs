//! The arithmetic of the promise.

use ceknik_core::deniability::{Promise, bucket_bits_allowed, epoch_odds_factor, odds_factor, people_per_bucket};

use crate::Vectors;
use crate::fixed::Made;
use crate::json::object;

pub(crate) fn vectors() -> Made<Vectors> {
    let jakarta = (8_214_007u64, 50u8, 5_416_520u64);
    let mut noise = Vec::new();
    for ((population, percent, cells), before, after) in [
        (jakarta, 0u64, 677_065u64),
        (jakarta, 677_065, 677_065),
        (jakarta, 677_065, 677_066),
        (jakarta, 677_065, 680_065),
        (jakarta, 0, 1),
        (jakarta, 0, 4_107_003),
        (jakarta, 0, 4_107_004),
        ((1_000, 50, 65_536), 0, 8),
        ((1_000, 1, 65_536), 0, 9),
        ((1_000, 1, 65_536), 0, 10),
        ((1_000, 99, 65_536), 500, 501),
        ((1 << 36, 33, 1 << 40), 1 << 33, (1 << 33) + 1),
        ((1 << 36, 50, 1 << 40), 0, 20_000_000_000),
    ] {
        let promise = Promise::new(population, percent, cells)?;
        let added = if before == 0 { promise.first_noise(after) } else { promise.added_noise(before, after) };
        noise.push(object! {
            "population": population, "posterior_percent": percent, "cells": cells,
            "members_before": before, "members": after,
            "noise_added": added.as_ref().ok().copied(),
            "error": added.is_err().then_some("base_rate"),
        });
    }
    let odds = [
        (5_416_520u64, 486_582u64),
        (65_536, 64),
        (65_536, 32_768),
        (98, 8),
        (99, 8),
        (9_995, 1_000),
        (99_949, 1_000),
        (99_950, 1_000),
        (1_125, 1_000),
        (1 << 40, 7),
    ];
    let odds =
        odds.map(|(cells, noise)| object! { "cells": cells, "noise": noise, "odds_factor": odds_factor(cells, noise) });
    let epochs =
        [(5_416_520u64, 486_582u64, 0u64), (5_416_520, 486_582, 64), (5_416_520, 0, 486_582), (65_536, 529, 64)];
    let epochs = epochs.map(|(cells, before, added)| {
        object! {
            "cells": cells, "noise_before": before, "noise_added": added,
            "epoch_odds_factor": epoch_odds_factor(cells, before, added),
        }
    });
    let buckets = [
        (8_214_007u64, 11u8, 0u8, 1000u64),
        (8_214_007, 12, 0, 1000),
        (8_214_007, 9, 2, 1000),
        (2_316, 1, 0, 1000),
        (2_317, 1, 0, 1000),
        (100, 0, 0, 1000),
        (100, 0, 1, 1000),
        (1 << 36, 24, 12, 1),
    ];
    let buckets = buckets.map(|(population, bits, shard_bits, floor)| {
        object! {
            "population": population, "bits": bits, "shard_bits": shard_bits, "floor": floor,
            "people_per_bucket": people_per_bucket(population, bits, shard_bits),
            "allowed": bucket_bits_allowed(population, bits, shard_bits, floor),
        }
    });
    Ok(Vectors {
        file: "promise.json",
        about: "How much noise keeps the promise, the factors that are disclosed, and how many people share a bucket.",
        spec: "Deniability",
        members: &[
            ("noise", "how much noise an epoch adds; in it `error` for what a publisher must refuse"),
            ("population", "P"),
            ("posterior_percent", "the promise in percent"),
            ("cells", "number of cells of all shards together"),
            ("members_before", "A: members of the epoch before, 0 for the first epoch"),
            ("members", "members of this epoch: A′, of the first epoch A"),
            ("noise_added", "cells of noise that it adds; null where it is refused"),
            ("odds_factor", "factors of `cells` and `noise`; in it the factor"),
            ("epoch_odds_factor", "factors of the epoch; in it the factor, null where no noise was added"),
            ("noise_before", "cells of noise before this epoch"),
            ("buckets", "how many people share a bucket, and whether a publisher may have so many buckets"),
            ("bits", "of the buckets"),
            ("shard_bits", "of the filter"),
            ("floor", "K"),
            ("people_per_bucket", "as in the manifest"),
            ("allowed", "whether bits and shard_bits may be so"),
        ],
        body: object! {
            "noise": noise,
            "odds_factor": odds.to_vec(),
            "epoch_odds_factor": epochs.to_vec(),
            "buckets": buckets.to_vec(),
        },
    })
}
