//! Evidence that somebody brings: the file in, the verdict out.

use ceknik_core::Nik;
use ceknik_core::encoding::{base64url, hex};
use ceknik_core::evidence::{Check, Finding, Terms, Verdict, verify};
use ceknik_core::json::JsonWriter;
use ceknik_core::log::Policy;
use ceknik_core::manifest::{Id, VerifiedManifest};
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

use crate::error::Refusal;

fn write_list(json: &mut JsonWriter, list: &VerifiedManifest) {
    let checkpoint = list.checkpoint();
    json.open('{');
    json.member("sha256", &hex(&list.sha256()));
    json.member("log", &checkpoint.log().to_string());
    json.member_number("logIndex", list.log_index());
    json.member_number("logSize", checkpoint.head().size);
    json.name("witnesses").open('[');
    for witnessed in checkpoint.witnessed() {
        json.open('{');
        json.member("name", &String::from_utf8_lossy(&witnessed.witness));
        json.member("keyName", &witnessed.key_name);
        // Seconds since 1970, by the witness's clock.
        json.member_number("time", witnessed.time);
        json.close('}');
    }
    json.close(']');
    json.member("evaluationKey", &base64url(&list.manifest().oprf.public_key.to_bytes()));
    json.close('}');
}

/// A verdict as JSON.
fn json(verdict: &Verdict) -> String {
    let (supports, failed) = match &verdict.finding {
        Finding::Listed { supports } => (supports.as_slice(), None),
        Finding::NotListed => (&[][..], None),
        Finding::Unreadable { detail } => (&[][..], Some((Check::Record, detail))),
        Finding::Nothing { check, detail } => (&[][..], Some((*check, detail))),
    };
    let mut json = JsonWriter::default();
    json.open('{');
    json.member("verdict", verdict.code());
    json.member("sha256", &hex(&verdict.sha256));
    json.name("cellIsSet");
    match verdict.cell_is_set {
        Some(is_set) => json.truth(is_set),
        None => json.null(),
    }
    json.name("supports").open('[');
    supports.iter().for_each(|support| support.write(&mut json));
    json.close(']');
    // The manifest's exact bytes; none where the list is not in the log.
    let list = verdict.list.as_ref();
    json.name("manifest").maybe_text(list.and_then(|list| core::str::from_utf8(list.as_bytes()).ok()));
    json.name("list");
    match list {
        Some(list) => write_list(&mut json, list),
        None => json.null(),
    }
    json.name("checks").open('[');
    for check in Check::ALL {
        json.open('{');
        json.member("code", check.code());
        json.member("result", verdict.result(*check).code());
        // Particulars in English; none unless it failed.
        json.name("detail").maybe_text(failed.filter(|(failed, _)| failed == check).map(|(_, detail)| detail.as_str()));
        json.close('}');
    }
    json.close(']');
    json.close('}');
    json.finish()
}

/// Checks an evidence file for a NIK under a policy, and gives the verdict as JSON. `dataset` is the list that it must be of;
/// none: any. The stretch is computed in here, once the log has vouched for the file: half a second on a slow phone.
///
/// # Errors
/// [`Refusal`] when NIK, policy or dataset are none, or the memory cannot be had. A file that does not hold is a verdict.
#[wasm_bindgen(js_name = verifyEvidence)]
pub fn verify_evidence(
    file: &[u8],
    nik: String,
    policy: &[u8],
    dataset: Option<String>,
    accept_weak: bool,
) -> Result<String, Refusal> {
    let text = Zeroizing::new(nik);
    let nik = Nik::parse(&text).map_err(|error| Refusal::because("NIK", &error))?;
    let policy = Policy::parse(policy).map_err(|error| Refusal::because("policy", &error))?;
    let dataset = dataset.map(|dataset| Id::new(&dataset).map_err(|error| Refusal::because("dataset", &error)));
    let dataset = dataset.transpose()?;
    let terms = Terms { policy: &policy, dataset: dataset.as_ref(), accept_weak };
    let verdict = verify(file, &nik, &terms).map_err(|error| Refusal::because("stretch", &error))?;
    Ok(json(&verdict))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_vectors_are_judged_as_core_judges_them() {
        let vectors: Value = serde_json::from_str(include_str!("../../../tests/vectors/evidence.json")).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let policy = text(&vectors["policy"]);
        for case in vectors["evidence"].as_array().unwrap() {
            let file = text(&case["file"]);
            let said = verify_evidence(file.as_bytes(), text(&case["nik"]), policy.as_bytes(), None, false).unwrap();
            let said: Value = serde_json::from_str(&said).unwrap();
            for (name, wanted) in
                [("verdict", "verdict"), ("sha256", "sha256"), ("cellIsSet", "cell_is_set"), ("supports", "supports")]
            {
                assert_eq!(said[name], case[wanted], "{name} of {}", case["what"]);
            }
            assert_eq!((said["checks"].as_array().unwrap().len(), &said["list"]["logSize"]), (22, &Value::from(6)));
            assert_eq!(crate::evidence_qr(file.as_bytes()), text(&case["qr"]));
        }
        let first = &vectors["evidence"][0];
        let of = |nik: &str, dataset: Option<&str>| {
            let dataset = dataset.map(str::to_owned);
            verify_evidence(text(&first["file"]).as_bytes(), nik.to_owned(), policy.as_bytes(), dataset, false)
        };
        assert_eq!(of("12", None).unwrap_err().0, "NIK: there are 2 digits; a NIK has 16");
        assert!(of(&text(&first["nik"]), Some("Lain")).unwrap_err().0.starts_with("dataset: an id is "));
        let said: Value = serde_json::from_str(&of(&text(&first["nik"]), Some("lain")).unwrap()).unwrap();
        let failed = said["checks"].as_array().unwrap().iter().find(|check| check["result"] == "failed").unwrap();
        assert_eq!((&said["verdict"], &failed["code"]), (&Value::from("invalid"), &Value::from("dataset")));
        assert_eq!(failed["detail"], "the file is of the list contoh, not of lain");
    }
}
