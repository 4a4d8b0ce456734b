use ceknik_core::Stretched;
use ceknik_core::filter::{
    Cell, FilterBits, FilterError, FilterGeometry, FilterItem, FilterShard, NoiseKey, NoiseSequence, ShardDigest,
};
use serde_json::Value;

use super::read::{array, base64url, error, file, list, number, small, text, what};

fn name(error: &FilterError) -> &'static str {
    match error {
        FilterError::ShardBits { .. } => "filter_shard_bits",
        FilterError::ShardBytes { .. } => "filter_shard_bytes",
        FilterError::SeedHalves => "filter_seed",
        FilterError::Length { .. } => "filter_length",
        FilterError::Header { .. } => "filter_header",
        FilterError::Digest => "filter_digest",
        FilterError::Root => "filter_root",
    }
}

fn geometry(value: &Value) -> Result<FilterGeometry, FilterError> {
    FilterGeometry::new(small(&value["shard_bits"]), number(&value["bytes"]), array(&value["seed"]))
}

fn sequence(case: &Value) -> NoiseSequence {
    let key = NoiseKey::from_bytes(array(&case["store_key"]));
    NoiseSequence::new(&key, text(&case["dataset"]), small(&case["generation"]), &geometry(&case["geometry"]).unwrap())
}

#[test]
fn filters_answer() {
    let file = file("filter.json");
    for filter in list(&file["filters"]) {
        let geometry = geometry(&filter["geometry"]).unwrap();
        assert_eq!(geometry.cells(), number(&filter["cells"]));
        let shards: Vec<FilterShard> = list(&filter["shards"])
            .iter()
            .zip(0..)
            .map(|(shard, number)| {
                let digest = ShardDigest { sha256: array(&shard["sha256"]), root: array(&shard["root"]) };
                FilterShard::open(&geometry, number, &digest, base64url(&shard["file_base64url"])).unwrap()
            })
            .collect();
        let mut seen = [0, 0];
        for answer in list(&filter["answers"]) {
            let item = Stretched::from_bytes(array(&answer["h"])).filter_item();
            assert_eq!(item.expose_bytes(), &array::<24>(&answer["item"]));
            assert_eq!(geometry.shard(&item), small::<u32>(&answer["shard"]));
            assert_eq!(geometry.cell(&item).expose_number(), number(&answer["cell"]));
            let shard = &shards[geometry.shard(&item) as usize];
            let hit = answer["hit"].as_bool().unwrap();
            assert_eq!(shard.contains(&item), Some(hit));
            assert!(hit || !answer["member"].as_bool().unwrap());
            seen[usize::from(hit)] += 1;
        }
        assert!(seen.iter().all(|seen| *seen > 5), "{seen:?}");
    }
}

/// Members and noise together give the files.
#[test]
fn filters_are_built() {
    let file = file("filter.json");
    for filter in list(&file["filters"]) {
        let mut bits = FilterBits::new(geometry(&filter["geometry"]).unwrap());
        for (cell, want) in sequence(filter).zip(list(&filter["noise_cells"])) {
            assert_eq!(cell, Cell::from_number(number(want)));
            bits.set(cell);
        }
        for answer in list(&filter["answers"]).iter().filter(|answer| answer["member"] == true) {
            bits.set(Cell::from_number(number(&answer["cell"])));
        }
        assert_eq!(bits.count(), number(&filter["cells_set"]));
        let shards = list(&filter["shards"]);
        assert_eq!(bits.files().count(), shards.len());
        for (file, shard) in bits.files().zip(shards) {
            assert_eq!(file, base64url(&shard["file_base64url"]));
        }
    }
}

#[test]
fn noise() {
    for case in list(&file("filter.json")["noise"]) {
        let cells = list(&case["first_cells"]);
        // A list shorter than was asked for is the whole sequence.
        let got: Vec<u64> = sequence(case).take(30).map(Cell::expose_number).collect();
        let want: Vec<u64> = cells.iter().map(number).collect();
        assert_eq!(got[..want.len()], want);
        assert!(want.len() == 16 || got.len() == want.len());
    }
}

#[test]
fn selectors() {
    for case in list(&file("filter.json")["selectors"]) {
        let item = FilterItem::from_bytes(array(&case["item"]));
        for place in list(&case["in"]) {
            let geometry = geometry(&place["geometry"]).unwrap();
            assert_eq!(geometry.shard(&item), small::<u32>(&place["shard"]));
            assert_eq!(geometry.cell(&item).expose_number(), number(&place["cell"]));
        }
    }
}

#[test]
fn refusals() {
    let file = file("filter.json");
    for case in list(&file["files_refused"]) {
        let digest = ShardDigest { sha256: array(&case["sha256"]), root: array(&case["root"]) };
        let geometry = geometry(&case["geometry"]).unwrap();
        let refused = FilterShard::open(&geometry, 0, &digest, base64url(&case["file_base64url"])).unwrap_err();
        assert_eq!(Some(name(&refused)), error(case), "{}", what(case));
    }
    for case in list(&file["geometries_refused"]) {
        assert_eq!(Some(name(&geometry(case).unwrap_err())), error(case), "{case}");
    }
}
