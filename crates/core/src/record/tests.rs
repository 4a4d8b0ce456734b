use proptest::prelude::*;

use super::*;

fn support(candidate: &str) -> Support {
    Support { candidate: candidate.into(), status: "ms".into(), submitted: Some("2024-08-15".into()) }
}

fn key() -> SealKey {
    SealKey::from_bytes([5; 32])
}

#[test]
fn a_payload_is_json_padded_with_spaces() {
    let record = Record { supports: vec![support("dk")] };
    let payload = record.to_payload(96).unwrap();
    let json = br#"{"supports":[{"candidate":"dk","status":"ms","submitted":"2024-08-15"}]}"#;
    assert_eq!(&payload[..json.len()], json);
    assert!(payload.len() == 96 && payload[json.len()..].iter().all(|byte| *byte == b' '));
    assert_eq!(Record::from_payload(&payload).unwrap(), record);
    assert_eq!(record.to_payload(71), Err(RecordError::TooLong { needs: 72, payload_bytes: 71 }));
    assert!(record.to_payload(72).is_ok());
}

#[test]
fn payloads_are_parsed_strictly() {
    let no_date = br#"{"supports":[{"candidate":"a","status":"ms","submitted":null}]}  "#;
    assert_eq!(Record::from_payload(no_date).unwrap().supports[0].submitted, None);
    for (payload, reason) in [
        (&br#"{"supports":[]}"#[..], "no support in it"),
        (br#"{"supports":[{"candidate":"a","status":"ms"}]}"#, "not the JSON of a record"),
        (br#"{"supports":[{"candidate":"a","status":"ms","submitted":null,"name":"x"}]}"#, "not the JSON of a record"),
        (br#"{"supports":[{"candidate":"a","status":"ms","submitted":null}]} x"#, "not the JSON of a record"),
        (b"{\"supports\":[{\"candidate\":\"a\",\"status\":\"ms\",\"submitted\":null}]}\n", "the padding is not spaces"),
        (b"", "not the JSON of a record"),
        (br#"[[["a","ms",null]]]"#, "not the JSON of a record"),
        (br#"{"supports":[["a","ms",null]]}"#, "not the JSON of a record"),
        (br#"{"supports":[{"candidate":"a", "status":"ms","submitted":null}]}"#, "not spelled as a record is"),
        (br#"{"supports":[{"candidate":"\u0061","status":"ms","submitted":null}]}"#, "not spelled as a record is"),
        (br#"{"supports":[{"status":"ms","candidate":"a","submitted":null}]}"#, "not spelled as a record is"),
        (br#"{"supports":[{"candidate":"a","candidate":"a","status":"ms","submitted":null}]}"#, "not the JSON of a record"),
        (br#"{"supports":[{"candidate":"A b","status":"ms","submitted":null}]}"#, "a candidate or status is no id"),
        (br#"{"supports":[{"candidate":"a","status":"ms","submitted":"15-08-2024"}]}"#, "a submission date is not YYYY-MM-DD"),
        (
            br#"{"supports":[{"candidate":"b","status":"ms","submitted":null},{"candidate":"a","status":"ms","submitted":null}]}"#,
            "supports are not in ascending order of candidate",
        ),
    ] {
        assert_eq!(Record::from_payload(payload), Err(RecordError::Malformed { reason }));
    }
    let many = Record { supports: (b'a'..=b'i').map(|c| support(&char::from(c).to_string())).collect() };
    assert_eq!(many.to_payload(4096), Err(RecordError::Malformed { reason: "more than 8 supports in it" }));
}

#[test]
fn sealed_records_open_under_their_key_and_dataset_alone() {
    let record = Record { supports: vec![support("dk")] };
    let sealed = seal(&key(), "jakarta-2024", &record, 96).unwrap();
    assert_eq!(sealed.len(), 96 + TAG_BYTES);
    assert_eq!(sealed, seal(&key(), "jakarta-2024", &record, 96).unwrap(), "publishing is reproducible");
    assert_eq!(open(&key(), "jakarta-2024", &sealed).unwrap(), record);
    assert_eq!(open(&key(), "jakarta-2025", &sealed), Err(RecordError::Sealed));
    assert_eq!(open(&SealKey::from_bytes([6; 32]), "jakarta-2024", &sealed), Err(RecordError::Sealed));
    for place in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[place] ^= 0x80;
        assert_eq!(open(&key(), "jakarta-2024", &altered), Err(RecordError::Sealed));
    }
    assert_eq!(open(&key(), "jakarta-2024", &sealed[..15]), Err(RecordError::Sealed));
}

/// RFC 8452, appendix C.2: AES-256, one block of plaintext, no additional data; the nonce is not ours, the primitive is.
#[test]
fn rfc8452_aes_256_gcm_siv() {
    let mut key = [0u8; 32];
    key[0] = 1;
    let mut nonce = [0u8; 12];
    nonce[0] = 3;
    let mut plain = [0u8; 16];
    plain[0] = 1;
    let sealed = cipher(&SealKey::from_bytes(key)).encrypt(&nonce.into(), &plain[..]).unwrap();
    assert_eq!(crate::encoding::hex(&sealed), "85a01b63025ba19b7fd3ddfc033b3e76c9eac6fa700942702e90862383c6c366");
}

#[test]
fn locators() {
    let mut bytes = [0u8; 16];
    bytes[..4].copy_from_slice(&0b1010_0000_1111_0000_0000_0000_0000_0001u32.to_be_bytes());
    let locator = Locator::from_bytes(bytes);
    assert_eq!([0, 1, 3, 12, 32].map(|bits| locator.bucket(bits)), [0, 1, 0b101, 0b1010_0000_1111, 0xa0f0_0001]);
    assert!(locator.ct_eq(&bytes) && !locator.ct_eq(&bytes[..15]) && !locator.ct_eq(&[0; 16]));
    assert_eq!(format!("{locator:?} {:?}", key()), "Locator(REDACTED) SealKey(REDACTED)");
    let y = OprfOutput::from_bytes([1; 64]);
    assert_ne!(y.locator().expose_bytes()[..], y.seal_key().expose_bytes()[..16]);
}

proptest! {
    #[test]
    fn sealing_round_trips(
        candidates in prop::collection::btree_set("[a-z0-9][a-z0-9-]{0,20}", 1..=8),
        status in "[a-z]{1,10}",
        dated: bool,
        key: [u8; 32],
    ) {
        let supports = candidates
            .into_iter()
            .map(|candidate| Support { candidate, status: status.clone(), submitted: dated.then(|| "2024-02-29".into()) })
            .collect();
        let record = Record { supports };
        let key = SealKey::from_bytes(key);
        let sealed = seal(&key, "d", &record, 1024).unwrap();
        prop_assert_eq!(sealed.len(), 1040);
        prop_assert_eq!(open(&key, "d", &sealed).unwrap(), record);
    }

    #[test]
    fn odd_payloads_are_refused_and_not_followed(bytes: Vec<u8>) {
        if let Ok(record) = Record::from_payload(&bytes) {
            prop_assert_eq!(Record::from_payload(&record.to_payload(4096).unwrap()).unwrap(), record);
        }
    }
}
