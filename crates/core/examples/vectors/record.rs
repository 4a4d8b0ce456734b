//! From the evaluation's output to what a record says.

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use ceknik_core::oprf::OprfOutput;
use ceknik_core::record::{Locator, Record, SealKey, Support, seal};

use crate::Vectors;
use crate::fixed::{Made, bytes, text};
use crate::json::{Json, object};

const DATASET: &str = "contoh";

pub(crate) fn support(candidate: &str, status: &str, submitted: Option<&str>) -> Support {
    Support { candidate: candidate.into(), status: status.into(), submitted: submitted.map(str::to_owned) }
}

pub(crate) fn record_json(record: &Record) -> Json {
    let supports = record.supports.iter().map(|support| {
        object! {
            "candidate": support.candidate.as_str(),
            "status": support.status.as_str(),
            "submitted": support.submitted.as_deref(),
        }
    });
    object! { "supports": supports.collect::<Vec<_>>() }
}

fn sealed_cases() -> Made<Vec<Json>> {
    let eight = (b'a'..=b'h').map(|c| support(&char::from(c).to_string(), "tms", None)).collect();
    let records = [
        (vec![support("dk", "ms", Some("2024-08-15"))], 96),
        (vec![support("dk", "ms", Some("2024-08-15"))], 72),
        (vec![support("a", "ms", None)], 96),
        (vec![support("a", "ms", None), support("a-b", "tms", Some("2024-02-29")), support("b", "ms", None)], 256),
        (eight, 512),
    ];
    let mut cases = Vec::new();
    for (number, (supports, payload_bytes)) in records.into_iter().enumerate() {
        let y = OprfOutput::from_bytes(bytes(&format!("output {number}")));
        let record = Record { supports };
        let payload = record.to_payload(payload_bytes)?;
        cases.push(object! {
            "y": text(y.expose_bytes()),
            "locator": text(y.locator().expose_bytes()),
            "seal_key": text(y.seal_key().expose_bytes()),
            "dataset": DATASET,
            "payload_bytes": payload_bytes,
            "record": record_json(&record),
            "payload": std::str::from_utf8(&payload)?,
            "sealed": text(seal(&y.seal_key(), DATASET, &record, payload_bytes)?),
        });
    }
    Ok(cases)
}

fn seal_anything(key: &SealKey, payload: &[u8]) -> Made<Vec<u8>> {
    Aes256GcmSiv::new(key.expose_bytes().into())
        .encrypt(&Nonce::default(), Payload { msg: payload, aad: DATASET.as_bytes() })
        .map_err(|_| "not sealed".into())
}

fn refused() -> Made<Vec<Json>> {
    let key = SealKey::from_bytes(bytes("seal key"));
    let record = Record { supports: vec![support("dk", "ms", Some("2024-08-15"))] };
    let good = seal(&key, DATASET, &record, 96)?;
    let mut cases = Vec::new();
    let mut case = |what: &str, dataset: &str, sealed: Vec<u8>, error: &str| {
        cases.push(object! {
            "what": what,
            "seal_key": text(key.expose_bytes()),
            "dataset": dataset,
            "sealed": text(sealed),
            "error": error,
        });
    };
    let altered = |at: usize| {
        let mut sealed = good.clone();
        sealed[at] ^= 1;
        sealed
    };
    case("another dataset's", "contoh-2", good.clone(), "record_sealed");
    case("the payload altered", DATASET, altered(0), "record_sealed");
    case("the tag altered", DATASET, altered(good.len() - 1), "record_sealed");
    case("cut short", DATASET, good[..good.len() - 1].to_vec(), "record_sealed");
    case("shorter than a tag", DATASET, good[..15].to_vec(), "record_sealed");
    case("empty", DATASET, Vec::new(), "record_sealed");
    let other = SealKey::from_bytes(bytes("another seal key"));
    case("under another key", DATASET, seal(&other, DATASET, &record, 96)?, "record_sealed");

    let one = |inside: &str| format!("{{\"supports\":[{inside}]}}");
    let nine: Vec<String> = (b'a'..=b'i')
        .map(|c| format!("{{\"candidate\":\"{}\",\"status\":\"ms\",\"submitted\":null}}", char::from(c)))
        .collect();
    let good_support = "{\"candidate\":\"a\",\"status\":\"ms\",\"submitted\":null}";
    for (what, payload) in [
        ("no support", one("")),
        ("nine supports", one(&nine.join(","))),
        ("no field submitted", one("{\"candidate\":\"a\",\"status\":\"ms\"}")),
        ("a name", one("{\"candidate\":\"a\",\"status\":\"ms\",\"submitted\":null,\"name\":\"x\"}")),
        ("a field twice", one("{\"candidate\":\"a\",\"candidate\":\"a\",\"status\":\"ms\",\"submitted\":null}")),
        ("fields in another order", one("{\"status\":\"ms\",\"candidate\":\"a\",\"submitted\":null}")),
        ("white space", one("{\"candidate\": \"a\",\"status\":\"ms\",\"submitted\":null}")),
        ("an escape", one("{\"candidate\":\"\\u0061\",\"status\":\"ms\",\"submitted\":null}")),
        ("arrays for objects", one("[\"a\",\"ms\",null]")),
        ("a day that is none", one("{\"candidate\":\"a\",\"status\":\"ms\",\"submitted\":\"2023-02-29\"}")),
        ("a day in another form", one("{\"candidate\":\"a\",\"status\":\"ms\",\"submitted\":\"15-08-2024\"}")),
        ("a candidate that is no id", one("{\"candidate\":\"A\",\"status\":\"ms\",\"submitted\":null}")),
        ("candidates twice", one(&format!("{good_support},{good_support}"))),
        ("candidates descending", one(&format!("{},{good_support}", good_support.replace("\"a\"", "\"b\"")))),
        ("something after it", one(good_support) + " x"),
        ("a line feed as padding", one(good_support) + "\n"),
        ("a zero as padding", one(good_support) + "\0"),
        ("spaces before it", format!(" {}", one(good_support))),
        ("only spaces", String::new()),
        ("an array", format!("[{good_support}]")),
        ("text", "not listed".to_owned()),
    ] {
        // Padded as others are, so that the content alone is wrong.
        let mut payload = payload.into_bytes();
        payload.resize(payload.len().max(96), b' ');
        case(what, DATASET, seal_anything(&key, &payload)?, "record_malformed");
    }
    Ok(cases)
}

fn buckets() -> Vec<Json> {
    let mut cases = Vec::new();
    for top in [0u32, 1, 0x7fff_ffff, 0x8000_0000, 0xa0f0_0001, u32::MAX] {
        let mut locator: [u8; 16] = bytes("locator");
        locator[..4].copy_from_slice(&top.to_be_bytes());
        let numbers: Vec<u32> = [0, 1, 3, 11, 24].map(|bits| Locator::from_bytes(locator).bucket(bits)).to_vec();
        cases.push(object! { "locator": text(locator), "bits": vec![0u8, 1, 3, 11, 24], "bucket": numbers });
    }
    cases
}

pub(crate) fn vectors() -> Made<Vectors> {
    let too_long = Record { supports: vec![support("dk", "ms", Some("2024-08-15"))] };
    Ok(Vectors {
        file: "record.json",
        about: "Locators, seal keys, payloads and sealed records, the buckets that locators number, and records that are refused.",
        spec: "Step 5, Keyed hash; step 6, Sealed record",
        members: &[
            ("records", "records and what they are sealed to"),
            ("y", "what the blind evaluation of a NIK gives"),
            ("locator", "the locator"),
            ("seal_key", "the key"),
            ("dataset", "the dataset's id"),
            ("payload_bytes", "as in the manifest"),
            ("record", "the record, as JSON of any spelling"),
            ("supports", "of the payload"),
            ("candidate", "of the payload"),
            ("status", "of the payload"),
            ("submitted", "of the payload"),
            ("payload", "the payload, exactly, with the spaces that fill it"),
            ("sealed", "the sealed record"),
            ("locators", "locators and their buckets"),
            ("bits", "several numbers of bits"),
            ("bucket", "the number of the bucket for each of them, in the same order"),
            ("sealed_refused", "what a reader refuses to open or to read"),
            ("payloads_refused", "records that an issuer refuses to seal"),
        ],
        body: object! {
            "records": sealed_cases()?,
            "locators": buckets(),
            "sealed_refused": refused()?,
            "payloads_refused": vec![object! {
                "what": "one byte more than fits",
                "record": record_json(&too_long),
                "payload_bytes": 71u32,
                "error": "record_too_long",
            }],
        },
    })
}
