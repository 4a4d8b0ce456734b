use std::collections::BTreeSet;
use std::hash::Hash;

use bloomfilter::Bloom;
use proptest::prelude::*;

use super::*;

fn seed() -> [u8; 32] {
    core::array::from_fn(|i| i as u8)
}

fn item(n: u32) -> FilterItem {
    let mut bytes = [0u8; 24];
    bytes[..4].copy_from_slice(&n.wrapping_mul(0x9e37_79b9).to_be_bytes());
    bytes[20..].copy_from_slice(&n.to_be_bytes());
    FilterItem::from_bytes(bytes)
}

fn shards(bits: &FilterBits) -> Vec<FilterShard> {
    let open = |(i, file): (usize, Vec<u8>)| {
        FilterShard::open(bits.geometry(), i as u32, &ShardDigest::of(&file), file).unwrap()
    };
    bits.files().enumerate().map(open).collect()
}

#[test]
fn geometry() {
    let of = |per_record, capacity, bits| FilterGeometry::for_capacity(per_record, capacity, bits, seed()).unwrap();
    let jakarta = of(8, 677_065, 0);
    assert_eq!((jakarta.shard_bytes(), jakarta.cells(), jakarta.shards()), (677_110, 5_416_520, 1));
    assert_eq!(of(8, 10, 0).cells(), LEAST_CELLS);
    assert_eq!(of(8, 10, 3).cells(), LEAST_CELLS);
    let four = of(8, 3_000_001, 2);
    assert_eq!((four.shards(), four.cells()), (4, 4 * four.shard_cells()));
    assert!(four.cells() >= 24_000_008 && four.cells() < 24_000_008 + 32);

    let new = |bits, bytes, seed| FilterGeometry::new(bits, bytes, seed).unwrap_err();
    assert_eq!(new(9, 1000, seed()), FilterError::ShardBits { shard_bits: 9 });
    assert_eq!(new(0, 45, seed()), FilterError::ShardBytes { bytes: 45 });
    assert_eq!(new(0, MOST_SHARD_BYTES + 1, seed()), FilterError::ShardBytes { bytes: MOST_SHARD_BYTES + 1 });
    assert_eq!(new(0, 1000, [7; 32]), FilterError::SeedHalves);
}

/// An item for the crate, hashed as its bytes alone.
struct BloomItem(FilterItem);

impl Hash for BloomItem {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.0.hashed());
    }
}

/// The cell computed here is the one that the crate sets and asks, and the file is the crate's own.
#[test]
fn the_format_is_the_crates() {
    let geometry = FilterGeometry::for_capacity(8, 9000, 0, seed()).unwrap();
    let mut ours = FilterBits::new(geometry);
    let empty = ours.files().next().unwrap();
    let mut theirs: Bloom<BloomItem> = Bloom::from_bytes(empty).unwrap();
    assert_eq!(theirs.number_of_hash_functions(), 1);
    for n in 0..9000 {
        ours.set(geometry.cell(&item(n)));
        theirs.set(&BloomItem(item(n)));
    }
    let file = ours.files().next().unwrap();
    assert_eq!(file, theirs.to_bytes());
    let shard = FilterShard::open(&geometry, 0, &ShardDigest::of(&file), file).unwrap();
    for n in 0..20_000 {
        assert_eq!(shard.contains(&item(n)), Some(theirs.check(&BloomItem(item(n)))));
    }
    let cell = geometry.cell(&item(3));
    assert!(cell.expose_number() < geometry.cells());
    assert_eq!(format!("{cell:?} {:?}", item(3)), "Cell(REDACTED) FilterItem(REDACTED)");
}

#[test]
fn what_was_set_is_found_in_its_shard() {
    for shard_bits in [0u8, 1, 3] {
        let geometry = FilterGeometry::for_capacity(8, 1000, shard_bits, seed()).unwrap();
        let mut bits = FilterBits::new(geometry);
        let mut fresh = 0;
        for n in 0..1000 {
            fresh += u64::from(bits.set(geometry.cell(&item(n))));
        }
        assert_eq!(bits.count(), fresh);
        let shards = shards(&bits);
        assert_eq!(shards.len(), 1 << shard_bits);
        let ask = |n: u32| -> Vec<bool> { shards.iter().filter_map(|shard| shard.contains(&item(n))).collect() };
        assert!((0..1000).all(|n| ask(n) == [true]));
        let hits = (1000..11_000).filter(|n| ask(*n) == [true]).count();
        // 1,000 of 65,536 cells.
        assert!((70..=240).contains(&hits), "{hits}");
        if shard_bits > 0 {
            let in_first = (0..1000).filter(|n| geometry.shard(&item(*n)) == 0).count();
            let expected = 1000 >> shard_bits;
            assert!(in_first.abs_diff(expected) < 100, "{in_first}");
        }
    }
}

#[test]
fn a_file_that_is_not_the_manifests_is_refused() {
    let geometry = FilterGeometry::new(0, 45 + 100, seed()).unwrap();
    let mut bits = FilterBits::new(geometry);
    bits.set(Cell::from_number(17));
    assert!(bits.is_set(Cell::from_number(17)) && !bits.is_set(Cell::from_number(18)));
    assert!(!bits.set(Cell::from_number(800)) && !bits.is_set(Cell::from_number(800)), "outside");
    let file = bits.files().next().unwrap();
    let digest = ShardDigest::of(&file);
    let open = |digest: &ShardDigest, file: Vec<u8>| FilterShard::open(&geometry, 0, digest, file).unwrap_err();
    let altered = |place: usize, value: &[u8]| {
        let mut file = file.clone();
        file[place..place + value.len()].copy_from_slice(value);
        open(&ShardDigest::of(&file), file)
    };
    assert_eq!(open(&digest, vec![]), FilterError::Length { want: 145, got: 0 });
    assert_eq!(open(&digest, file[..144].to_vec()), FilterError::Length { want: 145, got: 144 });
    assert_eq!(altered(0, &[2]), FilterError::Header { field: "version" });
    assert_eq!(altered(1, &[0; 8]), FilterError::Header { field: "length" }, "a filter of zero length");
    assert_eq!(altered(9, &[0xff; 4]), FilterError::Header { field: "k" }, "k = 2^32 - 1");
    assert_eq!(altered(13, &[9]), FilterError::Header { field: "seed" });
    let mut flipped = file.clone();
    flipped[60] ^= 1;
    assert_eq!(open(&digest, flipped), FilterError::Digest);
    assert_eq!(open(&ShardDigest { root: [0; 32], ..digest }, file.clone()), FilterError::Root);
    let digest_blocks = ShardDigest::of(&[7u8; 2500]);
    let blocks = [&[7u8; 1024][..], &[7; 1024], &[7; 452]].map(crate::merkle::leaf_hash);
    assert_eq!(digest_blocks.root, crate::merkle::root(blocks));
}

#[test]
fn noise_is_distinct_uniform_and_a_prefix_of_later_noise() {
    let geometry = FilterGeometry::for_capacity(8, 10, 0, seed()).unwrap();
    let key = NoiseKey::from_bytes([3; 32]);
    let noise = |dataset: &str, generation, c: usize| -> Vec<u64> {
        NoiseSequence::new(&key, dataset, generation, &geometry).take(c).map(Cell::expose_number).collect()
    };
    let first = noise("a", 1, 20_000);
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 20_000);
    assert!(first.iter().all(|cell| *cell < geometry.cells()));
    assert_eq!(noise("a", 1, 500), first[..500]);
    assert_ne!(noise("b", 1, 500), first[..500]);
    assert_ne!(noise("a", 2, 500), first[..500]);
    // Sixteen equal parts of the cells, 1250 expected in each; chi-squared with 15 degrees, 0.001 quantile 37.7.
    let mut parts = [0f64; 16];
    first.iter().for_each(|cell| parts[(cell / 4096) as usize] += 1.0);
    let chi: f64 = parts.iter().map(|n| (n - 1250.0).powi(2) / 1250.0).sum();
    assert!(chi < 37.7, "{chi}");
    let mut all = NoiseSequence::new(&key, "a", 1, &geometry);
    assert_eq!(all.by_ref().count() as u64, geometry.cells());
    assert_eq!((all.distinct(), all.next()), (geometry.cells(), None));
}

proptest! {
    #[test]
    fn any_item_has_a_cell_in_its_shard(bytes: [u8; 24], shard_bits in 0u8..=MOST_SHARD_BITS, shard_bytes in 46u64..100_000) {
        let geometry = FilterGeometry::new(shard_bits, shard_bytes, seed()).unwrap();
        let item = FilterItem::from_bytes(bytes);
        let cell = geometry.cell(&item).expose_number();
        prop_assert!(cell < geometry.cells());
        prop_assert_eq!(cell / geometry.shard_cells(), u64::from(geometry.shard(&item)));
        let top = u64::from_be_bytes(bytes[..8].try_into().unwrap());
        prop_assert_eq!(u64::from(geometry.shard(&item)), top.checked_shr(64 - u32::from(shard_bits)).unwrap_or(0));
    }
}
