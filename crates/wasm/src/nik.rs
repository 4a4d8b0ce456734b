//! What a field shows of a NIK while it is typed.

use ceknik_core::{DistrictStanding, Nik, NikError, Sex};
use serde::Serialize;
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

use crate::forms::Said;

/// Digits of a NIK.
const DIGITS: i64 = 16;

/// What was read of a text.
#[derive(Serialize)]
struct Described<'a> {
    /// The digits that are there.
    digits: &'a str,
    /// How many more are wanted; below 0, how many are too many.
    missing: i64,
    /// Why it is no NIK; none when it is one.
    error: Option<Said>,
    /// Where the first character stands that is none of a NIK's, from 1.
    position: Option<usize>,
    /// What it says; none when it is no NIK.
    facts: Option<Facts<'a>>,
    /// What is odd about it.
    warnings: Vec<Said>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Facts<'a> {
    district: &'a str,
    district_standing: &'static str,
    sex: Option<&'static str>,
    birth_date: Option<BirthDate>,
    serial: &'a str,
}

#[derive(Serialize)]
struct BirthDate {
    day: u8,
    month: u8,
    years: Vec<u16>,
}

/// What a text says as a NIK, as JSON. It holds the NIK, for the field it was typed into.
#[wasm_bindgen(js_name = describeNik)]
pub fn describe_nik(text: String) -> String {
    let text = Zeroizing::new(text);
    let digits = Nik::digits_typed(&text);
    let missing = DIGITS - digits.len() as i64;
    let mut described =
        Described { digits: &digits, missing, error: None, position: None, facts: None, warnings: Vec::new() };
    match Nik::parse(&text) {
        Ok(nik) => {
            described.facts = Some(facts(&nik, &digits));
            described.warnings = nik.warnings().iter().map(|warning| Said::new(warning.code(), warning)).collect();
        }
        Err(error) => {
            if let NikError::Character { position } = error {
                described.position = Some(position);
            }
            described.error = Some(Said::new(error.code(), error));
        }
    }
    // Strings and numbers: always encodable.
    serde_json::to_string(&described).unwrap_or_default()
}

fn facts<'a>(nik: &Nik, digits: &'a str) -> Facts<'a> {
    Facts {
        district: digits.get(..6).unwrap_or_default(),
        district_standing: match nik.district().standing() {
            DistrictStanding::Current => "current",
            DistrictStanding::Former => "former",
            DistrictStanding::Unknown => "unknown",
            DistrictStanding::Abroad => "abroad",
        },
        sex: nik.sex().map(|sex| match sex {
            Sex::Female => "female",
            Sex::Male => "male",
        }),
        birth_date: nik.birth_date().map(|date| BirthDate {
            day: date.day(),
            month: date.month(),
            years: date.years().collect(),
        }),
        serial: digits.get(12..).unwrap_or_default(),
    }
}
