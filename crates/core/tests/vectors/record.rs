use ceknik_core::oprf::OprfOutput;
use ceknik_core::record::{Locator, Record, RecordError, SealKey, open, seal};
use serde_json::Value;

use super::read::{array, bytes, error, file, list, small, text, what};

fn name(error: &RecordError) -> &'static str {
    match error {
        RecordError::TooLong { .. } => "record_too_long",
        RecordError::Sealed => "record_sealed",
        RecordError::Malformed { .. } => "record_malformed",
    }
}

pub(super) fn record(value: &Value) -> Record {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn records() {
    for case in list(&file("record.json")["records"]) {
        let y = OprfOutput::from_bytes(array(&case["y"]));
        assert_eq!(y.locator().expose_bytes(), &array::<16>(&case["locator"]));
        assert_eq!(y.seal_key().expose_bytes(), &array::<32>(&case["seal_key"]));
        let (dataset, record, payload_bytes) =
            (text(&case["dataset"]), record(&case["record"]), small(&case["payload_bytes"]));
        let payload = record.to_payload(payload_bytes).unwrap();
        assert_eq!(*payload, text(&case["payload"]).as_bytes());
        assert_eq!(Record::from_payload(&payload).unwrap(), record);
        let sealed = seal(&y.seal_key(), dataset, &record, payload_bytes).unwrap();
        assert_eq!(sealed, bytes(&case["sealed"]));
        assert_eq!(open(&y.seal_key(), dataset, &sealed).unwrap(), record);
    }
}

#[test]
fn locators() {
    for case in list(&file("record.json")["locators"]) {
        let locator = Locator::from_bytes(array(&case["locator"]));
        for (bits, bucket) in list(&case["bits"]).iter().zip(list(&case["bucket"])) {
            assert_eq!(locator.bucket(small(bits)), small::<u32>(bucket));
        }
    }
}

#[test]
fn refusals() {
    let file = file("record.json");
    for case in list(&file["sealed_refused"]) {
        let key = SealKey::from_bytes(array(&case["seal_key"]));
        let refused = open(&key, text(&case["dataset"]), &bytes(&case["sealed"])).unwrap_err();
        assert_eq!(Some(name(&refused)), error(case), "{}", what(case));
    }
    for case in list(&file["payloads_refused"]) {
        let refused = record(&case["record"]).to_payload(small(&case["payload_bytes"])).unwrap_err();
        assert_eq!(Some(name(&refused)), error(case), "{}", what(case));
    }
}
