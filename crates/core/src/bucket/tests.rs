use proptest::prelude::*;

use super::*;
use crate::merkle::{PerfectTree, leaf_hash};

const PAYLOAD: u32 = 32;
const ENTRY: usize = 64;

/// Eight buckets with 0, 1, 2, … entries.
fn table() -> (BucketGeometry, PerfectTree, Vec<Vec<u8>>) {
    let entry = |bucket: u8, n: u8| {
        let mut entry = [n; ENTRY];
        entry[0] = bucket << 5 | n;
        entry
    };
    let buckets: Vec<Vec<u8>> = (0..8).map(|bucket| (0..bucket).flat_map(|n| entry(bucket, n)).collect()).collect();
    let geometry = BucketGeometry::for_fullest(3, PAYLOAD, 7).unwrap();
    let tree = PerfectTree::new(buckets.iter().map(|entries| leaf_hash(entries)).collect()).unwrap();
    (geometry, tree, buckets)
}

fn response(index: u32) -> (BucketGeometry, NodeHash, Vec<u8>) {
    let (geometry, tree, buckets) = table();
    let path = tree.path(index as usize).unwrap();
    (geometry, tree.root(), geometry.encode_response(&path, &buckets[index as usize]).unwrap())
}

#[test]
fn every_bucket_opens_and_all_are_of_one_length() {
    let (geometry, _, buckets) = table();
    assert_eq!((geometry.response_bytes(), geometry.count(), geometry.entry_bytes()), (4096, 8, ENTRY));
    for (index, entries) in buckets.iter().enumerate() {
        let (_, root, response) = response(index as u32);
        assert_eq!(response.len(), 4096);
        let bucket = geometry.open_response(index as u32, &root, &response).unwrap();
        assert_eq!((bucket.len(), bucket.is_empty()), (index, index == 0));
        for entry in entries.chunks(ENTRY) {
            let locator = Locator::from_bytes(entry[..16].try_into().unwrap());
            assert_eq!(bucket.find(&locator), Some(&entry[16..]));
        }
        assert_eq!(bucket.find(&Locator::from_bytes([0xff; 16])), None);
    }
}

#[test]
fn one_bucket_for_everybody() {
    let geometry = BucketGeometry::for_fullest(0, PAYLOAD, 1).unwrap();
    let entries = [7u8; ENTRY];
    let response = geometry.encode_response(&[], &entries).unwrap();
    assert_eq!(response[..5], [0, 0, 0, 0, 64]);
    assert_eq!(geometry.open_response(0, &leaf_hash(&entries), &response).unwrap().len(), 1);
    let index = BucketError::Index { index: 1, count: 1 };
    assert_eq!(geometry.open_response(1, &leaf_hash(&entries), &response).unwrap_err(), index);
}

#[test]
fn every_alteration_has_its_name() {
    let (geometry, root, good) = response(5);
    let length_at = 1 + 3 * 32;
    let refuse = |response: &[u8]| geometry.open_response(5, &root, response).unwrap_err();
    let altered = |place: usize, value: &[u8]| {
        let mut response = good.clone();
        response[place..place + value.len()].copy_from_slice(value);
        refuse(&response)
    };
    assert_eq!(refuse(&good[..4095]), BucketError::ResponseLength { want: 4096, got: 4095 });
    assert_eq!(refuse(&[]), BucketError::ResponseLength { want: 4096, got: 0 });
    assert_eq!(altered(0, &[2]), BucketError::Hashes { want: 3, got: 2 });
    assert_eq!(altered(1, &[good[1] ^ 1]), BucketError::Root);
    assert_eq!(altered(length_at, &[0, 0, 0, 63]), BucketError::EntriesLength { bytes: 63 });
    assert_eq!(altered(length_at, &[0xff; 4]), BucketError::EntriesLength { bytes: u32::MAX });
    assert_eq!(altered(length_at, &[0, 0, 0, 0]), BucketError::Padding, "entries outside of their length");
    assert_eq!(altered(length_at + 4 + 20, &[9]), BucketError::Root);
    assert_eq!(altered(4095, &[1]), BucketError::Padding);
    assert_eq!(geometry.open_response(4, &root, &good).unwrap_err(), BucketError::Root, "swapped bucket");
    assert_eq!(geometry.open_response(8, &root, &good).unwrap_err(), BucketError::Index { index: 8, count: 8 });
}

#[test]
fn a_table_built_against_the_rules_is_refused_although_its_tree_fits() {
    let geometry = BucketGeometry::for_fullest(1, PAYLOAD, 4).unwrap();
    let entry = |first: u8| {
        let mut entry = [0u8; ENTRY];
        entry[0] = first;
        entry
    };
    for (entries, place) in [
        (vec![entry(2), entry(1)], 1),
        (vec![entry(1), entry(1)], 1),
        (vec![entry(1), entry(0x80)], 1),
        (vec![entry(0xff)], 0),
    ] {
        let entries = entries.concat();
        let tree = PerfectTree::new(vec![leaf_hash(&entries), leaf_hash(&[])]).unwrap();
        let response = geometry.encode_response(&tree.path(0).unwrap(), &entries).unwrap();
        assert_eq!(geometry.open_response(0, &tree.root(), &response).unwrap_err(), BucketError::Order { place });
    }
}

#[test]
fn geometry_has_bounds() {
    let what = |bits, payload, response| match BucketGeometry::new(bits, payload, response) {
        Err(BucketError::Geometry { what }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(what(25, 96, 4096), "buckets.bits");
    assert_eq!(what(1, 31, 4096), "buckets.payload_bytes");
    assert_eq!(what(1, 4097, 4096), "buckets.payload_bytes");
    assert_eq!(what(24, 96, 772), "buckets.response_bytes");
    assert_eq!(what(1, 96, MOST_RESPONSE_BYTES + 1), "buckets.response_bytes");
    assert!(BucketGeometry::for_fullest(0, 96, u64::MAX).is_err());
    let geometry = BucketGeometry::new(0, PAYLOAD, 5 + 63).unwrap();
    assert!(matches!(geometry.encode_response(&[], &[0; ENTRY]), Err(BucketError::TooFull { .. })));
    assert!(matches!(geometry.encode_response(&[[0; 32]], &[]), Err(BucketError::Hashes { .. })));
}

proptest! {
    /// A response with any byte altered is refused.
    #[test]
    fn no_byte_is_free(index in 0u32..8, place: prop::sample::Index, by in 1u8..=255) {
        let (geometry, root, mut response) = response(index);
        let place = place.index(response.len());
        response[place] ^= by;
        prop_assert!(geometry.open_response(index, &root, &response).is_err());
    }

    #[test]
    fn odd_bytes_are_refused_and_not_followed(mut bytes: Vec<u8>, bits in 0u8..4, index in 0u32..16) {
        bytes.resize(1024, 0);
        let geometry = BucketGeometry::new(bits, PAYLOAD, 1024).unwrap();
        prop_assert!(geometry.open_response(index, &[0; 32], &bytes).is_err());
    }
}
