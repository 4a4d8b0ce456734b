//! What is printed beside evidence.

use ceknik_core::evidence::{evidence_sha256, qr_content};
use wasm_bindgen::prelude::wasm_bindgen;

/// The content of the QR code that ties a printed sheet to an evidence file.
#[wasm_bindgen(js_name = evidenceQr)]
pub fn evidence_qr(file: &[u8]) -> String {
    qr_content(&evidence_sha256(file))
}
