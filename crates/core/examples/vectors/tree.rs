//! The SHA-256 tree that buckets, filter blocks and the log have in common.

use ceknik_core::merkle::{leaf_hash, path, root};

use crate::Vectors;
use crate::fixed::{Made, text};
use crate::json::{Json, object};

pub(crate) fn vectors() -> Made<Vectors> {
    let leaf = |i: usize| (0..i).map(|byte| byte as u8).collect::<Vec<_>>();
    let mut trees = Vec::new();
    for size in [0, 1, 2, 3, 5, 7, 8, 9] {
        let leaves: Vec<Vec<u8>> = (0..size).map(leaf).collect();
        let hashes: Vec<_> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
        let mut paths: Vec<Json> = Vec::new();
        for index in 0..size {
            let hashes = path(&hashes, index).ok_or("no path")?;
            paths.push(hashes.iter().map(text).collect::<Vec<_>>().into());
        }
        trees.push(object! {
            "leaves": leaves.iter().map(text).collect::<Vec<_>>(),
            "root": text(root(hashes.iter().copied())),
            "paths": paths,
        });
    }
    Ok(Vectors {
        file: "tree.json",
        about: "Merkle tree roots over lists of leaves, with the path of every leaf, its sibling first.",
        spec: "Conventions, \"Trees\"",
        members: &[
            ("trees", "one tree each"),
            ("leaves", "the leaves, in order, before they are hashed"),
            ("root", "the root"),
            ("paths", "of every leaf in order its path"),
        ],
        body: object! { "trees": trees },
    })
}
