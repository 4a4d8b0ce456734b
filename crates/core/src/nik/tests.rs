use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Vector {
    input: String,
    why: String,
    suggested: Option<String>,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Deserialize)]
#[serde(tag = "expect", rename_all = "snake_case")]
enum Outcome {
    Ok { digits: String, warnings: Vec<NikWarning> },
    Error { error: String, position: Option<usize>, count: Option<usize>, bytes: Option<usize> },
}

#[derive(Deserialize)]
struct File {
    niks: Vec<Vector>,
}

fn vectors() -> Vec<Vector> {
    let file: File = serde_json::from_str(include_str!("../../../../tests/vectors/nik.json")).unwrap();
    file.niks
}

#[test]
fn every_vector_has_its_outcome() {
    let vectors = vectors();
    assert!(vectors.len() >= 80);
    for Vector { input, why, outcome, .. } in vectors {
        match (Nik::parse(&input), outcome) {
            (Ok(nik), Outcome::Ok { digits, warnings }) => {
                assert_eq!(nik.expose_digits().as_slice(), digits.as_bytes(), "{why}");
                assert_eq!(nik.warnings().iter().collect::<Vec<_>>(), warnings, "{why}");
            }
            (Err(found), Outcome::Error { error, position, count, bytes }) => {
                let expected = match (error.as_str(), position, count, bytes) {
                    ("character", Some(position), None, None) => NikError::Character { position },
                    ("length", None, Some(digits), None) => NikError::Length { digits },
                    ("too_long", None, None, Some(bytes)) => NikError::TooLong { bytes },
                    ("empty", None, None, None) => NikError::Empty,
                    _ => panic!("{why}: not a form of error"),
                };
                assert_eq!(found, expected, "{why}");
                assert_eq!(found.code(), error, "{why}");
            }
            (found, _) => panic!("{why}: {found:?}"),
        }
    }
}

/// What the inputs gathered from the field were marked with, and what came of it.
#[test]
fn every_suggestion_has_one_definite_outcome() {
    let mut seen = 0;
    for Vector { input, why, suggested, .. } in vectors() {
        let Some(suggested) = suggested else { continue };
        seen += 1;
        let parsed = Nik::parse(&input);
        let warnings: Vec<_> = parsed.iter().flat_map(|nik| nik.warnings().iter()).map(NikWarning::code).collect();
        let error = parsed.err().map(NikError::code);
        let (expected, error_expected): (&[&str], _) = match suggested.as_str() {
            "ok" | "ok_nit" | "ok_normalised" => (&[], None),
            "ok_or_old_region" => (&["warn_region"], None),
            "warn_date" => (&["warn_date"], None),
            "warn_region" => (&["warn_region"], None),
            "warn_serial" => (&["warn_serial"], None),
            "warn" => (&["warn_date", "warn_region", "warn_repeated"], None),
            "err_chars" => (&[], Some("character")),
            "err_len" => (&[], Some("length")),
            _ => panic!("{why}: {suggested} has no outcome"),
        };
        assert_eq!((warnings.as_slice(), error), (expected, error_expected), "{why}");
    }
    assert_eq!(seen, 33);
}

#[test]
fn messages_say_what_is_wrong_and_repeat_nothing() {
    let message = |input: &str| Nik::parse(input).unwrap_err().to_string();
    assert_eq!(message("317101170890000A"), "character 16 is neither a digit nor a space, dot or hyphen");
    assert_eq!(message("317101170890001"), "there are 15 digits; a NIK has 16");
    assert_eq!(message(" . "), "there is no digit; a NIK has 16");
    assert_eq!(message(&"1".repeat(300)), "the input is 300 bytes long, a NIK at most 256 with its separators");
}

#[test]
fn the_digits_typed_so_far_are_shown() {
    for (typed, digits) in [
        ("", ""),
        ("3171.01", "317101"),
        (" ٣١71 - 01a", "317101"),
        ("3171 0117 0890 0001", "3171011708900001"),
        ("31710117089000012", "31710117089000012"),
    ] {
        assert_eq!(Nik::digits_typed(typed).as_str(), digits);
    }
    assert_eq!(Nik::digits_typed(&"1".repeat(256)).len(), 256);
    assert_eq!(Nik::digits_typed(&"1".repeat(257)).len(), 0);
}

#[test]
fn a_nik_prints_nothing_and_is_wiped() {
    let mut nik = Nik::parse("3171011708900001").unwrap();
    assert_eq!(format!("{nik:?} {:#?}", Some(&nik)), "Nik(REDACTED) Some(\n    Nik(REDACTED),\n)");
    nik.zeroize();
    assert_eq!(nik.expose_digits(), &[0; 16]);
    assert!(std::mem::needs_drop::<Nik>());
}

#[test]
fn equal_are_those_of_equal_digits() {
    let nik = Nik::parse("3171011708900001").unwrap();
    assert_eq!(nik, Nik::parse("3171-0117-0890-0001").unwrap());
    assert_ne!(nik, Nik::parse("3171011708900002").unwrap());
}

/// A digit of some script for `value`, and what may stand before it without harm.
fn written(value: u8) -> impl Strategy<Value = String> {
    let zeros = prop::sample::select(vec!['0', '٠', '०', '０', '𝟎', '᭐']);
    let stripped = prop::sample::select(vec!["", "", " ", ".", "-", "\u{2013}", "\u{200B}", "\u{FEFF}"]);
    (zeros, stripped).prop_map(move |(zero, before)| {
        let digit = char::from_u32(u32::from(zero) + u32::from(value)).unwrap();
        format!("{before}{digit}")
    })
}

proptest! {
    #[test]
    fn any_way_of_writing_16_digits_is_read(
        (digits, written) in prop::collection::vec(0..=9u8, 16).prop_flat_map(|values| {
            let digits: String = values.iter().map(u8::to_string).collect();
            (Just(digits), values.into_iter().map(written).collect::<Vec<_>>())
        })
    ) {
        let nik = Nik::parse(&written.concat());
        prop_assert_eq!(nik.as_ref().map(|nik| nik.expose_digits().as_slice()), Ok(digits.as_bytes()));
        prop_assert_eq!(nik, Nik::parse(&digits));
    }

    #[test]
    fn any_other_number_of_digits_is_counted(digits in "[0-9]{0,15}|[0-9]{17,100}") {
        let expected = match digits.len() {
            0 => NikError::Empty,
            digits => NikError::Length { digits },
        };
        prop_assert_eq!(Nik::parse(&digits), Err(expected));
    }

    #[test]
    fn the_first_bad_character_is_reported(
        before in "[0-9 .-]{0,40}",
        bad in any::<char>().prop_filter("bad", |&char| digit_value(char).is_none() && !is_stripped(char)),
        after in "\\PC{0,40}",
    ) {
        let position = before.chars().count() + 1;
        prop_assert_eq!(Nik::parse(&format!("{before}{bad}{after}")), Err(NikError::Character { position }));
    }

    #[test]
    fn nothing_is_too_odd_to_be_read(input in any::<String>(), digits in "[0-9]{16}") {
        if let Ok(nik) = Nik::parse(&input) {
            prop_assert!(nik.expose_digits().iter().all(u8::is_ascii_digit));
        }
        // Facts of any 16 digits: no panic, and a sex whenever there is a date.
        let nik = Nik::parse(&digits)?;
        prop_assert_eq!(format!("{:06}", nik.district().expose_code()), &digits[..6]);
        prop_assert!(nik.birth_date().is_none() || nik.sex().is_some());
        prop_assert_eq!(nik.warnings().contains(NikWarning::Date), nik.birth_date().is_none());
    }
}
