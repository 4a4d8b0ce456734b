use super::file::EvidenceError;
use super::*;
use crate::filter::{
    BLOCK_BYTES, BlockError, FilterBits, FilterBlock, FilterGeometry, FilterItem, FilterShard, ShardDigest,
};
use crate::nik::Nik;

/// The first file of the vectors, with the NIK that it was made for, and the policy.
fn first() -> (Vec<u8>, Nik, crate::log::Policy) {
    let text = include_str!("../../../../tests/vectors/evidence.json");
    let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let case = &vectors["evidence"][0];
    let policy = crate::log::Policy::parse(text(&vectors["policy"]).as_bytes()).unwrap();
    (text(&case["file"]).into_bytes(), Nik::parse(&text(&case["nik"])).unwrap(), policy)
}

#[test]
fn results_are_told_in_order() {
    let (file, nik, policy) = first();
    let terms = Terms { policy: &policy, dataset: None, accept_weak: false };
    let verdict = verify(&file, &nik, &terms).unwrap();
    assert!(Check::ALL.iter().all(|check| verdict.result(*check) == CheckResult::Passed));
    let failing =
        Verdict { finding: Finding::Nothing { check: Check::Weak, detail: String::new() }, ..verdict.clone() };
    let told: Vec<_> = Check::ALL.iter().map(|check| failing.result(*check)).collect();
    let place = Check::ALL.iter().position(|check| *check == Check::Weak).unwrap();
    assert!(told[..place].iter().all(|result| *result == CheckResult::Passed));
    assert_eq!(told[place], CheckResult::Failed);
    assert!(told[place + 1..].iter().all(|result| *result == CheckResult::NotReached));
    // Whoever cannot read the record is not told that there is none.
    let unreadable = Verdict { finding: Finding::Unreadable { detail: String::new() }, ..verdict };
    assert!(unreadable.proves_misbehaviour() && unreadable.code() == "record_unreadable");
    assert_eq!(unreadable.result(Check::Record), CheckResult::Failed);
}

#[test]
fn checks_have_codes_of_their_own() {
    let mut codes: Vec<_> = Check::ALL.iter().map(|check| check.code()).collect();
    assert!(
        Check::ALL.is_sorted() && codes.iter().all(|code| code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
    );
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), Check::ALL.len());
}

/// Nothing of the file is shown by accident, and the NIK's stretch is not computed for what nobody signed.
#[test]
fn what_is_held_does_not_print() {
    let (file, _, policy) = first();
    let parsed = EvidenceFile::parse(&file).unwrap();
    assert_eq!(format!("{parsed:?}"), "EvidenceFile(REDACTED)");
    let terms = Terms { policy: &policy, dataset: None, accept_weak: false };
    let examination = examine(&file, &terms).unwrap();
    assert_eq!(format!("{examination:?}"), "Examination { dataset: Id(\"contoh\"), .. }");
    let nobody = crate::log::Policy::parse(b"quorum none\n").unwrap();
    let verdict = examine(&file, &Terms { policy: &nobody, ..terms }).unwrap_err();
    assert_eq!(verdict.result(Check::LogKey), CheckResult::Failed);
    assert!(verdict.list.is_none());
}

#[test]
fn a_file_has_one_spelling() {
    let (file, _, _) = first();
    let text = String::from_utf8(file).unwrap();
    let refused = |text: &str| EvidenceFile::parse(text.as_bytes()).unwrap_err();
    assert_eq!(refused(&text.replace(",\"blind\"", " ,\"blind\"")), EvidenceError::Spelling);
    assert_eq!(refused(text.trim_end()), EvidenceError::Spelling);
    assert_eq!(refused(&format!("{text}\n")), EvidenceError::Spelling);
    assert_eq!(refused(&text.replace("\"ceknik/1\",\"manifest\"", "\"ceknik/2\",\"x\"")), EvidenceError::Format);
    let absent = text.split_once("\"filter\":").unwrap().0.to_owned() + "\"blind\":\"\"}";
    assert!(matches!(refused(&absent), EvidenceError::Json { reason, .. } if reason.contains("missing field")));
    let long = vec![b' '; MOST_EVIDENCE_BYTES + 1];
    assert_eq!(EvidenceFile::parse(&long).unwrap_err(), EvidenceError::TooLong { bytes: MOST_EVIDENCE_BYTES + 1 });
}

/// With the sizes of the specification's manifest, and a log of a million leaves with seven witnesses.
#[test]
fn a_file_of_the_default_sizes_is_under_200_kb() {
    let (file, _, _) = first();
    let mut parsed = EvidenceFile::parse(&file).unwrap();
    parsed.bucket = vec![7; 57_344];
    parsed.manifest.resize(4096, b' ');
    parsed.log_proof.resize(parsed.log_proof.len() + 20 * 45 + 5 * 140, b' ');
    parsed.filter = Some(FilterBlock::new(vec![7; BLOCK_BYTES], vec![[7; 32]; 10]));
    let bytes = parsed.to_bytes().len();
    assert!((80_000..100_000).contains(&bytes), "{bytes}");
    parsed.bucket.truncate(0);
    assert_eq!(bytes - parsed.to_bytes().len(), 76_459, "what the specification says of the bucket");
}

#[test]
fn the_longest_parts_fit() {
    let base64url = |bytes: usize| (8 * bytes).div_ceil(6);
    let longest = base64url(crate::manifest::MOST_MANIFEST_BYTES)
        + base64url(crate::log::MAX_PROOF_BYTES)
        + base64url(BLOCK_BYTES)
        + 16 * 46
        + base64url(crate::bucket::MOST_RESPONSE_BYTES as usize)
        + 1024;
    assert!(longest < MOST_EVIDENCE_BYTES, "{longest}");
}

#[test]
fn a_code_is_of_capitals_and_digits() {
    let code = qr_content(&[0xab; 32]);
    assert_eq!(code, format!("CEKNIK-EVIDENCE-1:{}", "AB".repeat(32)));
    assert!(code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-:".contains(&byte)));
}

/// A block shows its cell as the whole shard does, in the first, a middle and the last, shorter block.
#[test]
fn blocks_answer_as_the_shard_does() {
    for (shard_bits, shard_bytes) in [(0, 8237), (2, 3000), (0, 1024), (1, 1025)] {
        let geometry = FilterGeometry::new(shard_bits, shard_bytes, core::array::from_fn(|n| n as u8)).unwrap();
        let item = |n: u16| {
            let mut bytes = [0u8; 24];
            bytes[0] = (n << 6) as u8;
            bytes[8..10].copy_from_slice(&n.to_be_bytes());
            FilterItem::from_bytes(bytes)
        };
        let mut bits = FilterBits::new(geometry);
        for n in (0..600).step_by(2) {
            bits.set(geometry.cell(&item(n)));
        }
        let files: Vec<Vec<u8>> = bits.files().collect();
        let digests: Vec<ShardDigest> = files.iter().map(|file| ShardDigest::of(file)).collect();
        let open = |at: usize| FilterShard::open(&geometry, at as u32, &digests[at], files[at].clone()).unwrap();
        let shards: Vec<FilterShard> = (0..files.len()).map(open).collect();
        let mut lengths = std::collections::BTreeSet::new();
        for n in 0..600 {
            let item = item(n);
            let at = geometry.shard(&item) as usize;
            let block = shards[at].block(&item).unwrap();
            lengths.insert(block.bytes().len());
            assert_eq!(block.open(&geometry, &digests[at], &item), Ok(shards[at].contains(&item).unwrap()));
            assert!(shards.iter().enumerate().all(|(other, shard)| (other == at) == shard.block(&item).is_some()));
            let mut altered = block.bytes().to_vec();
            let place = usize::from(n) % altered.len();
            altered[place] ^= 1;
            let altered = FilterBlock::new(altered, block.path().to_vec());
            assert_eq!(altered.open(&geometry, &digests[at], &item), Err(BlockError::Root));
            let longer = FilterBlock::new([block.bytes(), &[0]].concat(), block.path().to_vec());
            let (want, got) = (block.bytes().len() as u64, block.bytes().len() as u64 + 1);
            assert_eq!(longer.open(&geometry, &digests[at], &item), Err(BlockError::Length { want, got }));
        }
        // One of 1,025 bytes ends with a block of one, which hardly anybody falls into.
        let last = (shard_bytes % 1024) as usize;
        assert!(lengths.contains(&1024) && (last <= 1 || lengths.contains(&last)), "{lengths:?}");
    }
}
