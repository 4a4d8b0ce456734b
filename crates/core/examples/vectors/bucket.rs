//! Bucket responses, whole tables of them, and what a caller refuses.

use ceknik_core::bucket::BucketGeometry;
use ceknik_core::encoding::base64url;
use ceknik_core::merkle::{NodeHash, PerfectTree, leaf_hash};

use crate::Vectors;
use crate::fixed::{Made, bytes, text};
use crate::json::{Json, object};

/// A table: entries by bucket, ready to be answered from.
struct Table {
    geometry: BucketGeometry,
    tree: PerfectTree,
    buckets: Vec<Vec<u8>>,
}

impl Table {
    fn new(geometry: BucketGeometry, buckets: Vec<Vec<u8>>) -> Made<Self> {
        let leaves = buckets.iter().map(|entries| leaf_hash(entries)).collect();
        let tree = PerfectTree::new(leaves).ok_or("no power of two")?;
        Ok(Self { geometry, tree, buckets })
    }

    fn response(&self, index: usize) -> Made<Vec<u8>> {
        let path = self.tree.path(index).ok_or("no such bucket")?;
        Ok(self.geometry.encode_response(&path, &self.buckets[index])?)
    }

    fn json(&self) -> Made<Json> {
        let mut responses = Vec::new();
        for (index, entries) in self.buckets.iter().enumerate() {
            responses.push(object! {
                "index": index,
                "entries": entries.chunks(self.geometry.entry_bytes()).map(text).collect::<Vec<_>>(),
                "response_base64url": base64url(&self.response(index)?),
            });
        }
        Ok(object! {
            "geometry": geometry_json(&self.geometry),
            "root": text(self.tree.root()),
            "responses": responses,
        })
    }
}

fn geometry_json(geometry: &BucketGeometry) -> Json {
    object! {
        "bits": geometry.bits(),
        "payload_bytes": geometry.payload_bytes(),
        "response_bytes": geometry.response_bytes(),
    }
}

/// The nth entry of a bucket: its locator has the bucket's number on top, then n; what is sealed in it opens with nothing.
fn entry(bits: u8, bucket: u32, n: u8, payload_bytes: u32) -> Vec<u8> {
    let mut entry: Vec<u8> = (0..16 + payload_bytes + 16).map(|i| i as u8).collect();
    let random: [u8; 64] = bytes(&format!("entry {n} of bucket {bucket}"));
    entry[..64].copy_from_slice(&random);
    let top = if bits == 0 { 0 } else { bucket << (32 - u32::from(bits)) } | u32::from(n);
    entry[..4].copy_from_slice(&top.to_be_bytes());
    entry
}

fn refused(table: &Table) -> Made<Vec<Json>> {
    let (geometry, root) = (table.geometry, table.tree.root());
    let bits = geometry.bits();
    let frame = 1 + 32 * usize::from(bits);
    let index = 5;
    let good = table.response(index)?;
    let mut cases = Vec::new();
    let mut case = |what: &str, index: usize, root: NodeHash, response: Vec<u8>, error: &str| {
        cases.push(object! {
            "what": what,
            "geometry": geometry_json(&geometry),
            "root": text(root),
            "index": index,
            "response_base64url": base64url(&response),
            "error": error,
        });
    };
    let with = |at: usize, value: u8| {
        let mut response = good.clone();
        response[at] = value;
        response
    };
    case("an index out of range", 8, root, good.clone(), "bucket_index");
    case("one byte short", index, root, good[..good.len() - 1].to_vec(), "bucket_length");
    case("one byte long", index, root, [&good[..], &[0]].concat(), "bucket_length");
    case("empty", index, root, Vec::new(), "bucket_length");
    case("a hash too few", index, root, with(0, bits - 1), "bucket_hashes");
    case("a hash too many", index, root, with(0, bits + 1), "bucket_hashes");
    case("entries that are not whole", index, root, with(frame + 3, good[frame + 3] + 1), "bucket_entries");
    case("entries longer than the response", index, root, with(frame, 1), "bucket_entries");
    case("the last byte not zero", index, root, with(good.len() - 1, 1), "bucket_padding");
    let entries_end = frame + 4 + table.buckets[index].len();
    case("the first byte after the entries not zero", index, root, with(entries_end, 1), "bucket_padding");
    case("an entry altered", index, root, with(frame + 4 + 20, good[frame + 4 + 20] ^ 1), "bucket_root");
    case("a hash altered", index, root, with(1, good[1] ^ 1), "bucket_root");
    case("another bucket's response", index, root, table.response(index + 1)?, "bucket_root");
    case("the right response for another index", index - 1, root, good.clone(), "bucket_root");
    case("another epoch's root", index, [7; 32], good.clone(), "bucket_root");
    // The last entry hidden: the length says one less, and zeros stand in its place.
    let mut hidden = good.clone();
    let left = table.buckets[index].len() - geometry.entry_bytes();
    hidden[frame..frame + 4].copy_from_slice(&u32::try_from(left)?.to_be_bytes());
    hidden[frame + 4 + left..].fill(0);
    case("an entry hidden", index, root, hidden, "bucket_root");

    // Tables whose root is right and whose content is not.
    let swapped = |entries: &[u8]| {
        let size = geometry.entry_bytes();
        [&entries[size..2 * size], &entries[..size], &entries[2 * size..]].concat()
    };
    let doubled = |entries: &[u8]| [&entries[..geometry.entry_bytes()], entries].concat();
    for (what, entries) in [
        ("entries descending", swapped(&table.buckets[index])),
        ("an entry twice", doubled(&table.buckets[index])),
        ("entries of another bucket", table.buckets[index + 1].clone()),
    ] {
        let mut buckets = table.buckets.clone();
        buckets[index] = entries;
        let wrong = Table::new(geometry, buckets)?;
        case(what, index, wrong.tree.root(), wrong.response(index)?, "bucket_order");
    }
    Ok(cases)
}

fn refused_geometries() -> Vec<Json> {
    [(25u8, 96u32, 8192u32), (3, 31, 8192), (3, 4097, 8192), (3, 96, 100), (3, 96, (16 << 20) + 1)]
        .map(|(bits, payload_bytes, response_bytes)| {
            object! {
                "bits": bits, "payload_bytes": payload_bytes, "response_bytes": response_bytes, "error": "bucket_geometry",
            }
        })
        .to_vec()
}

pub(crate) fn vectors() -> Made<Vectors> {
    // Eight buckets with 0, 1, 2, … entries, in the least that holds the fullest.
    let counts = 0..8u32;
    let buckets = counts.map(|bucket| (0..bucket as u8).flat_map(|n| entry(3, bucket, n, 32)).collect()).collect();
    let eight = Table::new(BucketGeometry::new(3, 32, 1 + 3 * 32 + 4 + 8 * 64)?, buckets)?;
    let single = (0..3).flat_map(|n| entry(0, 0, n, 96)).collect();
    let single = Table::new(BucketGeometry::for_fullest(0, 96, 3)?, vec![single])?;
    let empty = Table::new(BucketGeometry::new(1, 32, 37)?, vec![Vec::new(), Vec::new()])?;
    Ok(Vectors {
        file: "bucket.json",
        about: "Tables of buckets with all their responses; responses and geometries that are refused.",
        spec: "Step 7, Buckets",
        members: &[
            ("tables", "whole tables, with all their buckets"),
            ("geometry", "`bits`, `payload_bytes` and `response_bytes` as in the manifest"),
            ("bits", "as in the manifest"),
            ("payload_bytes", "as in the manifest"),
            ("response_bytes", "as in the manifest"),
            ("root", "of the tree over the buckets, as in the manifest"),
            ("responses", "of every bucket in order"),
            ("index", "the number of the bucket that was asked for"),
            ("entries", "its entries in order, each whole: locator and sealed record"),
            ("response_base64url", "the response"),
            ("responses_refused", "responses that a reader refuses"),
            ("geometries_refused", "geometries that a manifest must not name"),
        ],
        body: object! {
            "tables": vec![eight.json()?, single.json()?, empty.json()?],
            "responses_refused": refused(&eight)?,
            "geometries_refused": refused_geometries(),
        },
    })
}
