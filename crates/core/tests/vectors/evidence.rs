use ceknik_core::Nik;
use ceknik_core::encoding::{base64url as encode, hex};
use ceknik_core::evidence::{CheckResult, EvidenceFile, Finding, Terms, evidence_sha256, qr_content, verify};
use ceknik_core::log::Policy;
use ceknik_core::manifest::Id;
use serde_json::Value;

use super::read::{base64url, bytes, error, file, list, small, text, what};

#[test]
fn verdicts() {
    let file = file("evidence.json");
    let policy = Policy::parse(text(&file["policy"]).as_bytes()).unwrap();
    for case in list(&file["evidence"]) {
        let bytes = text(&case["file"]).as_bytes();
        assert_eq!(&EvidenceFile::parse(bytes).unwrap().to_bytes()[..], bytes, "{}", what(case));
        let nik = Nik::parse(text(&case["nik"])).unwrap();
        let terms = Terms { policy: &policy, dataset: None, accept_weak: false };
        let verdict = verify(bytes, &nik, &terms).unwrap();
        assert_eq!(verdict.code(), text(&case["verdict"]), "{}", what(case));
        assert_eq!(verdict.cell_is_set, case["cell_is_set"].as_bool(), "{}", what(case));
        let supports = match &verdict.finding {
            Finding::Listed { supports } => serde_json::to_value(supports).unwrap(),
            _ => Value::Array(Vec::new()),
        };
        assert_eq!(supports, case["supports"], "{}", what(case));
        let sha256 = evidence_sha256(bytes);
        assert_eq!((hex(&sha256), qr_content(&sha256)), (text(&case["sha256"]).into(), text(&case["qr"]).into()));
    }
}

/// The first file, altered as a case says, or the case's own.
fn altered(first: &str, case: &Value) -> String {
    if let Some(file) = case["file"].as_str() {
        return file.to_owned();
    }
    if let Some(find) = case["find"].as_str() {
        assert_eq!(first.matches(find).count(), 1, "{}", what(case));
        return first.replace(find, text(&case["put_text"]));
    }
    let json: Value = serde_json::from_str(first).unwrap();
    let member = json.pointer(&format!("/{}", text(&case["member"]).replace('.', "/"))).unwrap();
    let (old, from, to) = (base64url(member), small::<usize>(&case["from"]), small::<usize>(&case["to"]));
    let new = [&old[..from], &bytes(&case["put"]), &old[to..]].concat();
    first.replace(&format!("\"{}\"", text(member)), &format!("\"{}\"", encode(&new)))
}

#[test]
fn refusals() {
    let file = file("evidence.json");
    let policy = Policy::parse(text(&file["policy"]).as_bytes()).unwrap();
    let first = &file["evidence"][0];
    for case in list(&file["refused"]) {
        let bytes = altered(text(&first["file"]), case);
        let nik = case["nik"].as_str().unwrap_or(text(&first["nik"]));
        let dataset = case["dataset"].as_str().map(|dataset| Id::new(dataset).unwrap());
        let terms = Terms { policy: &policy, dataset: dataset.as_ref(), accept_weak: false };
        let verdict = verify(bytes.as_bytes(), &Nik::parse(nik).unwrap(), &terms).unwrap();
        let Finding::Nothing { check, detail } = &verdict.finding else { panic!("{}: {verdict:?}", what(case)) };
        assert_eq!(Some(check.code()), error(case), "{}: {detail}", what(case));
        assert_eq!((verdict.code(), verdict.result(*check)), ("invalid", CheckResult::Failed));
    }
}
