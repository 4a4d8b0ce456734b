//! What a field shows of a NIK while it is typed.

use ceknik_core::json::JsonWriter;
use ceknik_core::{DistrictStanding, Nik, NikError, Sex};
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

use crate::forms::write_said;

/// Digits of a NIK.
const DIGITS: i64 = 16;

/// What a text says as a NIK, as JSON: the digits that are there; how many more are wanted, or below 0 how many are too many;
/// why it is no NIK, and where the first character stands that is none of a NIK's, from 1; what it says, and what is odd about
/// it. It holds the NIK, for the field it was typed into.
#[wasm_bindgen(js_name = describeNik)]
pub fn describe_nik(text: String) -> String {
    let text = Zeroizing::new(text);
    let digits = Nik::digits_typed(&text);
    let nik = Nik::parse(&text);
    let mut json = JsonWriter::default();
    json.open('{');
    json.member("digits", &digits);
    json.name("missing").signed(DIGITS - digits.len() as i64);
    json.name("error");
    match nik {
        Ok(_) => json.null(),
        Err(error) => write_said(&mut json, error.code(), &error),
    }
    json.name("position").maybe_number(match nik {
        Err(NikError::Character { position }) => Some(position as u64),
        _ => None,
    });
    json.name("facts");
    match &nik {
        Ok(nik) => write_facts(&mut json, nik, &digits),
        Err(_) => json.null(),
    }
    json.name("warnings").open('[');
    for warning in nik.iter().flat_map(|nik| nik.warnings().iter()) {
        write_said(&mut json, warning.code(), &warning);
    }
    json.close(']');
    json.close('}');
    json.finish()
}

/// What it says.
fn write_facts(json: &mut JsonWriter, nik: &Nik, digits: &str) {
    json.open('{');
    json.member("district", digits.get(..6).unwrap_or_default());
    json.member(
        "districtStanding",
        match nik.district().standing() {
            DistrictStanding::Current => "current",
            DistrictStanding::Former => "former",
            DistrictStanding::Unknown => "unknown",
            DistrictStanding::Abroad => "abroad",
        },
    );
    json.name("sex").maybe_text(nik.sex().map(|sex| match sex {
        Sex::Female => "female",
        Sex::Male => "male",
    }));
    json.name("birthDate");
    match nik.birth_date() {
        Some(date) => {
            json.open('{');
            json.member_number("day", date.day().into());
            json.member_number("month", date.month().into());
            json.name("years").open('[');
            date.years().for_each(|year| json.number(year.into()));
            json.close(']');
            json.close('}');
        }
        None => json.null(),
    }
    json.member("serial", digits.get(12..).unwrap_or_default());
    json.close('}');
}
