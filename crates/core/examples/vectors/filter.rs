//! Filter files: members, noise, misses, and files that are not what the manifest says.

use ceknik_core::encoding::base64url;
use ceknik_core::filter::{
    FilterBits, FilterGeometry, FilterItem, HEADER_BYTES, MOST_SHARD_BYTES, NoiseKey, NoiseSequence, ShardDigest,
};
use hkdf::Hkdf;
use sha2::Sha512;

use crate::Vectors;
use crate::fixed::{Made, bytes, stretched, text};
use crate::json::{Json, object};

const DATASET: &str = "contoh";

fn geometry_json(geometry: &FilterGeometry) -> Json {
    object! {
        "shard_bits": geometry.shard_bits(),
        "bytes": geometry.shard_bytes(),
        "seed": text(geometry.seed()),
    }
}

fn shard_json(file: &[u8]) -> Json {
    let ShardDigest { sha256, root } = ShardDigest::of(file);
    object! { "sha256": text(sha256), "root": text(root), "file_base64url": base64url(file) }
}

/// A filter with members and noise, and what it answers.
struct Built {
    geometry: FilterGeometry,
    files: Vec<Vec<u8>>,
    json: Json,
}

fn built(name: &str, geometry: FilterGeometry, generation: u32, members: usize, noise: usize) -> Made<Built> {
    let store_key: [u8; 32] = bytes(&format!("store key of {name}"));
    let mut sequence = NoiseSequence::new(&NoiseKey::from_bytes(store_key), DATASET, generation, &geometry);
    let mut bits = FilterBits::new(geometry);
    let noise: Vec<_> = sequence.by_ref().take(noise).collect();
    for cell in &noise {
        bits.set(*cell);
    }
    let mut answers = Vec::new();
    for number in 0..members {
        let item = stretched(&format!("member {number} of {name}")).filter_item();
        bits.set(geometry.cell(&item));
    }
    for number in 0..members + 60 {
        let role = if number < members { "member" } else { "stranger" };
        let h = stretched(&format!("{role} {number} of {name}"));
        let item = h.filter_item();
        answers.push(object! {
            "h": text(h.expose_bytes()),
            "item": text(item.expose_bytes()),
            "shard": geometry.shard(&item),
            "cell": geometry.cell(&item).expose_number(),
            "member": number < members,
            "hit": bits.is_set(geometry.cell(&item)),
        });
    }
    let files: Vec<Vec<u8>> = bits.files().collect();
    let json = object! {
        "name": name,
        "dataset": DATASET,
        "generation": generation,
        "geometry": geometry_json(&geometry),
        "cells": geometry.cells(),
        "store_key": text(store_key),
        "noise_cells": noise.iter().map(|cell| cell.expose_number()).collect::<Vec<_>>(),
        "cells_set": bits.count(),
        "shards": files.iter().map(|file| shard_json(file)).collect::<Vec<_>>(),
        "answers": answers,
    };
    Ok(Built { geometry, files, json })
}

fn noise(dataset: &str, generation: u32, geometry: &FilterGeometry, take: usize) -> Made<Json> {
    let store_key: [u8; 32] = bytes("store key");
    let info = [
        b"ceknik/1/noise",
        &u16::try_from(dataset.len())?.to_be_bytes()[..],
        dataset.as_bytes(),
        &generation.to_be_bytes(),
        geometry.seed(),
    ]
    .concat();
    let mut key = [0; 32];
    Hkdf::<Sha512>::new(None, &store_key).expand(&info, &mut key).map_err(|_| "too long for HKDF")?;
    let sequence = NoiseSequence::new(&NoiseKey::from_bytes(store_key), dataset, generation, geometry);
    Ok(object! {
        "store_key": text(store_key),
        "dataset": dataset,
        "generation": generation,
        "geometry": geometry_json(geometry),
        "info": text(info),
        "key": text(key),
        "first_cells": sequence.take(take).map(|cell| cell.expose_number()).collect::<Vec<_>>(),
    })
}

/// Where items go whose first bytes are at the edges.
fn selectors() -> Vec<Json> {
    let mut selectors = Vec::new();
    for top in [0u64, 1, (1 << 63) - 1, 1 << 63, 0x5555_5555_5555_5555, u64::MAX] {
        let mut item: [u8; 24] = bytes(&format!("selector {top}"));
        item[..8].copy_from_slice(&top.to_be_bytes());
        let seed = bytes("seed of the selectors");
        let shards: Vec<Json> = [0, 1, 2, 8]
            .into_iter()
            .filter_map(|bits| FilterGeometry::new(bits, HEADER_BYTES + 1000, seed).ok())
            .map(|geometry| {
                let item = FilterItem::from_bytes(item);
                object! {
                    "geometry": geometry_json(&geometry),
                    "shard": geometry.shard(&item),
                    "cell": geometry.cell(&item).expose_number(),
                }
            })
            .collect();
        selectors.push(object! { "item": text(item), "in": shards });
    }
    selectors
}

/// Files that break one thing each. `digest` is that of the altered file, unless the digest itself is what is wrong.
fn refused_files(good: &Built) -> Vec<Json> {
    let file = &good.files[0];
    let altered = |at: usize| {
        let mut file = file.clone();
        file[at] ^= 1;
        file
    };
    let refused = |what: &str, file: Vec<u8>, digest: ShardDigest, error: &str| {
        object! {
            "what": what,
            "geometry": geometry_json(&good.geometry),
            "sha256": text(digest.sha256),
            "root": text(digest.root),
            "file_base64url": base64url(&file),
            "error": error,
        }
    };
    let own = |what: &str, file: Vec<u8>, error: &str| {
        let digest = ShardDigest::of(&file);
        refused(what, file, digest, error)
    };
    let digest = ShardDigest::of(file);
    let mut zero_length = file.clone();
    zero_length[1..9].fill(0);
    let mut huge_k = file.clone();
    huge_k[9..13].fill(0xff);
    vec![
        own("one byte short", file[..file.len() - 1].to_vec(), "filter_length"),
        own("one byte long", [&file[..], &[0]].concat(), "filter_length"),
        own("empty", Vec::new(), "filter_length"),
        own("another version", altered(0), "filter_header"),
        own("another length in the header", altered(1), "filter_header"),
        own("length 0 in the header", zero_length, "filter_header"),
        own("k = 0", altered(9), "filter_header"),
        own("k = 2^32 - 1", huge_k, "filter_header"),
        own("another seed", altered(13), "filter_header"),
        refused("a bit cleared or set", altered(60), digest, "filter_digest"),
        refused(
            "another SHA-256 in the manifest",
            file.clone(),
            ShardDigest { sha256: [7; 32], ..digest },
            "filter_digest",
        ),
        refused("another root in the manifest", file.clone(), ShardDigest { root: [7; 32], ..digest }, "filter_root"),
    ]
}

fn refused_geometries() -> Vec<Json> {
    let seed: [u8; 32] = bytes("seed");
    let mut halves = seed;
    halves.copy_within(..16, 16);
    [
        (9, 1000, seed, "filter_shard_bits"),
        (0, HEADER_BYTES, seed, "filter_shard_bytes"),
        (0, 0, seed, "filter_shard_bytes"),
        (0, MOST_SHARD_BYTES + 1, seed, "filter_shard_bytes"),
        (0, 1000, halves, "filter_seed"),
        (0, 1000, [0; 32], "filter_seed"),
    ]
    .map(|(shard_bits, bytes, seed, error): (u8, u64, [u8; 32], &str)| {
        object! { "shard_bits": shard_bits, "bytes": bytes, "seed": text(seed), "error": error }
    })
    .to_vec()
}

pub(crate) fn vectors() -> Made<Vectors> {
    let one = built("one shard", FilterGeometry::new(0, HEADER_BYTES + 64, bytes("seed"))?, 1, 8, 64)?;
    // 1,279 bytes: a block of 1,024 and a short one.
    let four = built("four shards", FilterGeometry::new(2, HEADER_BYTES + 1234, bytes("another seed"))?, 2, 40, 700)?;
    let sequences = vec![
        noise("contoh", 1, &one.geometry, 16)?,
        noise("contoh", 2, &one.geometry, 16)?,
        noise("jakarta-2024", 1, &one.geometry, 16)?,
        noise("contoh", 1, &four.geometry, 16)?,
        // Jakarta's geometry, whose number of cells is no power of two.
        noise("jakarta-2024", 1, &FilterGeometry::for_capacity(8, 677_065, 0, bytes("seed"))?, 16)?,
        // 24 cells: the sequence gives each of them once, and ends.
        noise("contoh", 1, &FilterGeometry::new(0, HEADER_BYTES + 3, bytes("seed"))?, 30)?,
    ];
    Ok(Vectors {
        file: "filter.json",
        about: "Filter files with members, noise and misses; the noise sequence; shards; files and geometries that are refused.",
        spec: "Step 3, Filter; Deniability, \"The noise sequence\"",
        members: &[
            ("filters", "whole filters"),
            ("name", "to tell them apart"),
            ("dataset", "its id"),
            ("generation", "its number"),
            ("geometry", "`shard_bits`, `bytes` and `seed` as in the manifest"),
            ("shard_bits", "as in the manifest"),
            ("bytes", "length of a shard's file"),
            ("seed", "32 bytes"),
            ("cells", "number of cells of all shards together"),
            ("store_key", "the key of which the noise is derived"),
            ("noise_cells", "the cells that noise sets, in the order of the sequence"),
            ("cells_set", "how many cells are set, by members and noise together"),
            ("shards", "the shards in order, each with `sha256`, `root` and its file"),
            ("sha256", "of the shard's file"),
            ("root", "of the tree over the file's blocks"),
            ("file_base64url", "the file"),
            ("answers", "what the filter says of some NIKs"),
            ("h", "a stretched NIK"),
            ("item", "f, the 24 bytes of selector and item"),
            ("shard", "the shard that it falls into"),
            ("cell", "its cell, numbered in the whole filter"),
            ("member", "whether it is one of the filter's members, all of whom are here"),
            ("hit", "whether the cell is set"),
            ("noise", "sequences of noise"),
            ("info", "the second argument of HKDF"),
            ("key", "what HKDF gives: the key of ChaCha20"),
            ("first_cells", "the first 16 cells; 24 where the filter has no more: then these are all"),
            ("selectors", "items whose selectors lie at the edges"),
            ("in", "where such an item falls in filters of several geometries"),
            ("files_refused", "files, each with what a manifest says of it"),
            ("geometries_refused", "geometries that a manifest must not name"),
        ],
        body: object! {
            "filters": vec![one.json.clone(), four.json],
            "noise": sequences,
            "selectors": selectors(),
            "files_refused": refused_files(&one),
            "geometries_refused": refused_geometries(),
        },
    })
}
