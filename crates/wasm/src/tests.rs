//! The module by itself. That it finds answers is tested where it is whole: in JavaScript, against a service.

use ceknik_client::{Event, Response, Ticket};
use ceknik_core::Nik;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::{Value, json};

use crate::error::Refusal;
use crate::{Inquiry, Lookup, describe_nik, larger_checkpoint_is_old, later_list_is_old};

const NOW: f64 = 1_800_000_000_500.0;

fn refused<T>(result: Result<T, Refusal>) -> String {
    match result {
        Ok(_) => panic!("taken in"),
        Err(Refusal(text)) => text,
    }
}

fn begun(settings: &str, prepare: impl FnOnce(&mut Inquiry)) -> Lookup {
    let mut inquiry = Inquiry::new("jakarta-2024", settings).unwrap();
    inquiry.add_nik("3171 0117 0890 0001".to_owned()).unwrap();
    prepare(&mut inquiry);
    inquiry.begin_with(NOW, &mut ChaCha20Rng::seed_from_u64(1)).unwrap()
}

fn next(lookup: &mut Lookup) -> Value {
    serde_json::from_str(&lookup.next_action().unwrap()).unwrap()
}

#[test]
fn what_is_not_of_its_form_is_refused_and_not_repeated() {
    assert_eq!(refused(Inquiry::new("Jakarta", "{}")).split(':').next(), Some("dataset"));
    let settings = |text| refused(Inquiry::new("x", text));
    for (text, told) in [
        (r#"{"confrim":"never"}"#, "unknown field `confrim` at line 1 column 18"),
        (r#"{"offline":true,"offline":false}"#, "a name stands twice in one object at line 1 column 31"),
        (
            r#"{"confirm":"sometimes"}"#,
            "invalid value: expected `never`, `as_needed` or `everyone` at line 1 column 22",
        ),
        (
            r#"{"patienceSeconds":-1}"#,
            "invalid value: expected a whole number from 0 to 4294967295 at line 1 column 21",
        ),
        (r#"["never"]"#, "an array stands where none belongs at line 1 column 9"),
        ("{", "EOF while parsing an object at line 1 column 1"),
    ] {
        assert_eq!(settings(text), format!("settings: {told}"));
    }
    assert!(Inquiry::new("x", r#"{"confirm":null,"leastPeople":100}"#).is_ok());
    let mut inquiry = Inquiry::new("x", "{}").unwrap();
    assert_eq!(refused(inquiry.add_nik("317101170890000".into())), "NIK: there are 15 digits; a NIK has 16");
    assert!(refused(inquiry.trust(b"log x\n")).starts_with("policy: policy line 1: "));
    assert_eq!(refused(inquiry.cover_secret(vec![0; 31], false)), "the cover secret is not 32 bytes");
    assert!(!format!("{inquiry:?}").contains("3171"));
}

#[test]
fn a_clock_that_is_not_set_is_told() {
    for now in [f64::NAN, 0.0, 999.0, -1.0, 253_402_300_800_000.0, f64::INFINITY] {
        let inquiry = Inquiry::new("x", "{}").unwrap();
        let begun = inquiry.begin_with(now, &mut ChaCha20Rng::seed_from_u64(1));
        assert_eq!(refused(begun), "the clock of this device is not set");
    }
}

#[test]
fn a_request_goes_out_whole_and_a_response_comes_in() {
    let mut lookup = begun("{}", |_| ());
    let request = next(&mut lookup);
    let text = ceknik_client::Tells::PublicFile.to_string();
    let expected = json!({
        "do": "fetch", "ticket": 0, "method": "GET", "path": "/v1/policy", "body": null, "maxBytes": 262_144,
        "maxProblemBytes": 16_384, "whole": false, "cache": "revalidate", "tells": {"code": "public_file", "text": text},
    });
    assert_eq!(request, expected);
    assert_eq!(lookup.next_action(), None);
    let gone = Response::Received { status: 404, retry_after: None, body: Vec::new() };
    let event = Event::Responded { ticket: Ticket::from_number(0), response: gone };
    lookup.handle(event, NOW + 1000.0, &mut ChaCha20Rng::seed_from_u64(2)).unwrap();
    let report = next(&mut lookup);
    assert_eq!(report["do"], "done");
    let report = &report["report"];
    let answer = json!({
        "code": "no_answer", "reason": "policy_unavailable", "detail": "status 404", "retryAfter": null, "passing": false,
        "text": "no trust policy was given and the service's could not be fetched",
    });
    assert_eq!(report["outcomes"][0]["answer"], answer);
    assert_eq!((&report["list"], &report["trust"]), (&Value::Null, &Value::Null));
    assert_eq!(report["requests"][0]["at"], "2027-01-15T08:00:00Z");
    assert_eq!(report["requests"][0]["status"], 404);
    assert_eq!((lookup.next_action(), lookup.take_part()), (None, None));
}

#[test]
fn settings_reach_the_lookup() {
    let mut lookup = begun(r#"{"offline":true}"#, |_| ());
    assert_eq!(next(&mut lookup)["report"]["outcomes"][0]["answer"]["reason"], "offline");
    let mut lookup = begun(r#"{"offline":true}"#, Inquiry::remember_damaged_policy);
    assert_eq!(next(&mut lookup)["report"]["outcomes"][0]["answer"]["reason"], "policy_damaged");
}

#[test]
fn a_failed_request_is_made_again_after_a_wait() {
    let mut lookup = begun("{}", |_| ());
    next(&mut lookup);
    let response = Response::Received { status: 503, retry_after: Some(2), body: Vec::new() };
    let event = Event::Responded { ticket: Ticket::from_number(0), response };
    lookup.handle(event, NOW, &mut ChaCha20Rng::seed_from_u64(3)).unwrap();
    let told = next(&mut lookup);
    assert_eq!(told["progress"]["kind"], "waiting");
    assert_eq!(told["progress"]["because"]["code"], "service_unavailable");
    let wait = next(&mut lookup);
    assert_eq!((&wait["do"], &wait["milliseconds"]), (&json!("wait"), &told["progress"]["milliseconds"]));
    let ticket = wait["ticket"].as_u64().unwrap() as u32;
    lookup.woke(ticket, NOW + 3000.0).unwrap();
    assert_eq!(next(&mut lookup)["path"], "/v1/policy");
}

#[test]
fn a_field_is_told_what_it_holds() {
    let described = |text: &str| -> Value { serde_json::from_str(&describe_nik(text.to_owned())).unwrap() };
    let expected = json!({
        "digits": "3171015708900000", "missing": 0, "error": null, "position": null,
        "facts": {
            "district": "317101", "districtStanding": "current", "sex": "female",
            "birthDate": {"day": 17, "month": 8, "years": [1990, 2090]}, "serial": "0000",
        },
        "warnings": [{"code": "warn_serial", "text": "its serial number 0000 is never given out"}],
    });
    assert_eq!(described("3171.01.570890.0000"), expected);
    let half = described("3171 01x");
    assert_eq!((&half["digits"], &half["missing"], &half["position"]), (&json!("317101"), &json!(10), &json!(8)));
    assert_eq!(half["error"]["code"], "character");
    assert_eq!(half["facts"], Value::Null);
}

#[test]
fn what_is_damaged_gives_way() {
    assert!(!later_list_is_old(b"damaged".to_vec(), b"new".to_vec()));
    assert!(!larger_checkpoint_is_old(b"damaged", b"new".to_vec()));
    // Which of two real ones stays is tested in JavaScript, where there are real ones.
}

#[test]
fn digits_of_a_nik_are_in_no_debug_output() {
    let lookup = begun("{}", |_| ());
    let nik = Nik::parse("3171011708900001").unwrap();
    assert!(!format!("{lookup:?}").contains(core::str::from_utf8(nik.expose_digits()).unwrap()));
}
