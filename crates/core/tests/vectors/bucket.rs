use ceknik_core::bucket::{BucketError, BucketGeometry};
use ceknik_core::merkle::{PerfectTree, leaf_hash};
use ceknik_core::record::Locator;
use serde_json::Value;

use super::read::{array, base64url, bytes, error, file, list, small, what};

fn name(error: &BucketError) -> &'static str {
    match error {
        BucketError::Geometry { .. } => "bucket_geometry",
        BucketError::Index { .. } => "bucket_index",
        BucketError::ResponseLength { .. } => "bucket_length",
        BucketError::Hashes { .. } => "bucket_hashes",
        BucketError::EntriesLength { .. } => "bucket_entries",
        BucketError::Padding => "bucket_padding",
        BucketError::Root => "bucket_root",
        BucketError::Order { .. } => "bucket_order",
        BucketError::TooFull { .. } => "bucket_too_full",
    }
}

fn geometry(value: &Value) -> Result<BucketGeometry, BucketError> {
    BucketGeometry::new(small(&value["bits"]), small(&value["payload_bytes"]), small(&value["response_bytes"]))
}

#[test]
fn tables() {
    for table in list(&file("bucket.json")["tables"]) {
        let geometry = geometry(&table["geometry"]).unwrap();
        let responses = list(&table["responses"]);
        let entries =
            |case: &Value| -> Vec<Vec<u8>> { case["entries"].as_array().unwrap().iter().map(bytes).collect() };
        let leaves = responses.iter().map(|case| leaf_hash(&entries(case).concat())).collect();
        let tree = PerfectTree::new(leaves).unwrap();
        assert_eq!(tree.root(), array(&table["root"]));
        for case in responses {
            let index: u32 = small(&case["index"]);
            let response = base64url(&case["response_base64url"]);
            let made = geometry.encode_response(&tree.path(index as usize).unwrap(), &entries(case).concat()).unwrap();
            assert_eq!(made, response);
            let bucket = geometry.open_response(index, &tree.root(), &response).unwrap();
            assert_eq!(bucket.len(), entries(case).len());
            for entry in entries(case) {
                let locator = Locator::from_bytes(entry[..16].try_into().unwrap());
                assert_eq!(bucket.find(&locator), Some(&entry[16..]));
            }
        }
    }
}

#[test]
fn refusals() {
    let file = file("bucket.json");
    for case in list(&file["responses_refused"]) {
        let response = base64url(&case["response_base64url"]);
        let geometry = geometry(&case["geometry"]).unwrap();
        let refused = geometry.open_response(small(&case["index"]), &array(&case["root"]), &response).unwrap_err();
        assert_eq!(Some(name(&refused)), error(case), "{}", what(case));
    }
    for case in list(&file["geometries_refused"]) {
        assert_eq!(Some(name(&geometry(case).unwrap_err())), error(case), "{case}");
    }
}
