//! Evidence that somebody brings: the file in, the verdict out.

use ceknik_core::Nik;
use ceknik_core::encoding::{base64url, hex};
use ceknik_core::evidence::{Check, Finding, Terms, Verdict, verify};
use ceknik_core::log::Policy;
use ceknik_core::manifest::{Id, VerifiedManifest};
use ceknik_core::record::Support;
use serde::Serialize;
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

use crate::error::Refusal;

/// A verdict as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerdictForm<'a> {
    verdict: &'static str,
    sha256: String,
    /// Whether the filter's cell is set; none without a filter.
    cell_is_set: Option<bool>,
    supports: &'a [Support],
    /// The manifest's exact bytes; none where the list is not in the log.
    manifest: Option<&'a str>,
    list: Option<ListForm>,
    checks: Vec<CheckForm<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListForm {
    sha256: String,
    log: String,
    log_index: u64,
    log_size: u64,
    witnesses: Vec<WitnessForm>,
    evaluation_key: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WitnessForm {
    name: String,
    key_name: String,
    /// Seconds since 1970, by the witness's clock.
    time: u64,
}

#[derive(Serialize)]
struct CheckForm<'a> {
    code: &'static str,
    result: &'static str,
    /// Particulars in English; none unless it failed.
    detail: Option<&'a str>,
}

impl ListForm {
    fn new(list: &VerifiedManifest) -> Self {
        let checkpoint = list.checkpoint();
        let witnesses = checkpoint.witnessed().iter().map(|witnessed| WitnessForm {
            name: String::from_utf8_lossy(&witnessed.witness).into_owned(),
            key_name: witnessed.key_name.clone(),
            time: witnessed.time,
        });
        Self {
            sha256: hex(&list.sha256()),
            log: checkpoint.log().to_string(),
            log_index: list.log_index(),
            log_size: checkpoint.head().size,
            witnesses: witnesses.collect(),
            evaluation_key: base64url(&list.manifest().oprf.public_key.to_bytes()),
        }
    }
}

fn json(verdict: &Verdict) -> String {
    let (supports, failed) = match &verdict.finding {
        Finding::Listed { supports } => (supports.as_slice(), None),
        Finding::NotListed => (&[][..], None),
        Finding::Unreadable { detail } => (&[][..], Some((Check::Record, detail))),
        Finding::Nothing { check, detail } => (&[][..], Some((*check, detail))),
    };
    let check = |check: &Check| CheckForm {
        code: check.code(),
        result: verdict.result(*check).code(),
        detail: failed.filter(|(failed, _)| failed == check).map(|(_, detail)| detail.as_str()),
    };
    let form = VerdictForm {
        verdict: verdict.code(),
        sha256: hex(&verdict.sha256),
        cell_is_set: verdict.cell_is_set,
        supports,
        manifest: verdict.list.as_ref().and_then(|list| core::str::from_utf8(list.as_bytes()).ok()),
        list: verdict.list.as_ref().map(ListForm::new),
        checks: Check::ALL.iter().map(check).collect(),
    };
    // Strings, numbers and lists: always encodable.
    serde_json::to_string(&form).unwrap_or_default()
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
    let nik = Nik::parse(&text).map_err(|error| Refusal::because("NIK", error))?;
    let policy = Policy::parse(policy).map_err(|error| Refusal::because("policy", error))?;
    let dataset = dataset.map(|dataset| Id::new(&dataset).map_err(|error| Refusal::because("dataset", error)));
    let dataset = dataset.transpose()?;
    let terms = Terms { policy: &policy, dataset: dataset.as_ref(), accept_weak };
    let verdict = verify(file, &nik, &terms).map_err(|error| Refusal::because("stretch", error))?;
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
