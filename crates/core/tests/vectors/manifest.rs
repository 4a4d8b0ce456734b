use std::collections::BTreeMap;

use ceknik_core::manifest::{Manifest, ManifestError, SuccessionError, manifest_sha256};
use serde_json::Value;

use super::read::{array, base64url, error, file, list, number, text, what};

/// Name of the error, and the field that it is about.
fn name(error: &ManifestError) -> (&'static str, Option<&str>) {
    match error {
        ManifestError::TooLong { .. } => ("manifest_too_long", None),
        ManifestError::Json { .. } => ("manifest_json", None),
        ManifestError::Protocol => ("manifest_protocol", None),
        ManifestError::Field { field, .. } => ("manifest_field", Some(field)),
        ManifestError::Stretch(_) => ("manifest_field", Some("stretch")),
        ManifestError::Filter(_) => ("manifest_field", Some("filter")),
        ManifestError::Buckets(_) => ("manifest_field", Some("buckets")),
        ManifestError::Promise(_) => ("manifest_field", Some("disclosure")),
    }
}

fn succession_name(error: &SuccessionError) -> (&'static str, Option<&str>) {
    match error {
        SuccessionError::Identity { field } => ("succession_identity", Some(field)),
        SuccessionError::Epoch { .. } => ("succession_epoch", None),
        SuccessionError::Previous { .. } => ("succession_previous", None),
        SuccessionError::Time { .. } => ("succession_time", None),
        SuccessionError::Key => ("succession_key", None),
        SuccessionError::Announced => ("succession_announced", None),
        SuccessionError::Generation { field } => ("succession_generation", Some(field)),
        SuccessionError::GenerationNumber { .. } => ("succession_generation_number", None),
        SuccessionError::Reuse { field } => ("succession_reuse", Some(field)),
        SuccessionError::Noise { field } => ("succession_noise", Some(field)),
        SuccessionError::EpochFactor => ("succession_epoch_factor", None),
    }
}

fn documents(file: &Value) -> BTreeMap<&str, &str> {
    list(&file["manifests"]).iter().map(|case| (text(&case["name"]), text(&case["text"]))).collect()
}

fn altered(document: &str, case: &Value) -> String {
    let find = text(&case["find"]);
    assert_eq!(document.matches(find).count(), 1, "{find}");
    document.replacen(find, text(&case["put"]), 1)
}

fn field(case: &Value) -> Option<&str> {
    case["field"].as_str()
}

#[test]
fn manifests() {
    let file = file("manifest.json");
    for case in list(&file["manifests"]) {
        let bytes = text(&case["text"]).as_bytes();
        let manifest = Manifest::parse(bytes).unwrap();
        assert_eq!(manifest.to_bytes().unwrap(), bytes, "{}", text(&case["name"]));
        assert_eq!(manifest_sha256(bytes), array(&case["sha256"]));
    }
}

#[test]
fn spellings() {
    let file = file("manifest.json");
    let documents = documents(&file);
    for case in list(&file["spellings"]) {
        let document = altered(documents[text(&case["manifest"])], case);
        assert!(Manifest::parse(document.as_bytes()).is_ok(), "{}", what(case));
    }
}

#[test]
fn refusals() {
    let file = file("manifest.json");
    let documents = documents(&file);
    for case in list(&file["refused"]) {
        let document = altered(documents[text(&case["manifest"])], case);
        let refused = Manifest::parse(document.as_bytes()).expect_err(&what(case));
        let (name, of) = name(&refused);
        assert_eq!((Some(name), of), (error(case), field(case)), "{}: {refused}", what(case));
    }
    for case in list(&file["lengths"]) {
        let spaces = " ".repeat(number(&case["spaces_after"]) as usize);
        let document = format!("{}{spaces}", documents[text(&case["manifest"])]);
        let refused = Manifest::parse(document.as_bytes()).err();
        assert_eq!(refused.as_ref().map(|refused| name(refused).0), error(case), "{}", what(case));
    }
    for case in list(&file["bytes_refused"]) {
        let refused = Manifest::parse(&base64url(&case["manifest_base64url"])).unwrap_err();
        assert_eq!(Some(name(&refused).0), error(case), "{}", what(case));
    }
}

#[test]
fn succession() {
    let file = file("manifest.json");
    let documents = documents(&file);
    let follows = |before: &str, after: &str| {
        let (old, new) = (Manifest::parse(before.as_bytes()).unwrap(), Manifest::parse(after.as_bytes()).unwrap());
        new.check_follows(&old, &manifest_sha256(before.as_bytes()))
    };
    for case in list(&file["follow"]) {
        assert_eq!(follows(documents[text(&case["before"])], documents[text(&case["after"])]), Ok(()), "{case}");
    }
    for case in list(&file["follow_refused"]) {
        let after = altered(documents[text(&case["after"])], case);
        let refused = follows(documents[text(&case["before"])], &after).expect_err(&case.to_string());
        let (name, of) = succession_name(&refused);
        assert_eq!((Some(name), of), (error(case), field(case)), "{case}");
    }
    let comes_later = |before: &str, after: &str| {
        let (old, new) = (Manifest::parse(before.as_bytes()).unwrap(), Manifest::parse(after.as_bytes()).unwrap());
        new.check_later(&old)
    };
    for case in list(&file["follow"]).iter().chain(list(&file["later"])) {
        assert_eq!(comes_later(documents[text(&case["before"])], documents[text(&case["after"])]), Ok(()), "{case}");
    }
    for case in list(&file["later_refused"]) {
        let after = altered(documents[text(&case["after"])], case);
        let refused = comes_later(documents[text(&case["before"])], &after).expect_err(&case.to_string());
        let (name, of) = succession_name(&refused);
        assert_eq!((Some(name), of), (error(case), field(case)), "{case}");
    }
}
