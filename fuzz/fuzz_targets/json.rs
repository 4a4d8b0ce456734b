//! What is read as JSON is JSON to another reader too, and what that reader refuses is refused.
#![no_main]
use ceknik_core::json::Json;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let theirs = serde_json::from_slice::<serde_json::Value>(bytes);
    match Json::parse(bytes) {
        Ok(json) => {
            let theirs = theirs.expect("what is read is JSON");
            assert_eq!(json.text().ok(), theirs.as_str());
            assert_eq!(json.whole(u64::MAX).ok(), theirs.as_u64());
            assert_eq!(json.elements().ok().map(<[_]>::len), theirs.as_array().map(Vec::len));
            assert_eq!(json.members().ok().map(<[_]>::len), theirs.as_object().map(serde_json::Map::len));
        }
        Err(error) => assert!(theirs.is_err() || error.reason() == "a name stands twice in one object", "{error}"),
    }
});
