//! `ceknik withdraw`.

use serde_json::json;

use crate::support::home::{DATASET, TestHome, list, nik};

#[test]
fn niks_on_standard_input() {
    let home = TestHome::with_list(0..10);
    home.import(list(0..2).replace(",dk,", ",pw,"));
    // A listed one, an empty line, one who is not listed, one line that is no NIK, a listed one in groups, the first again.
    let grouped = format!("{} {}", &nik(3)[..6], &nik(3)[6..]);
    let lines = format!("{}\r\n\n{}\nselamat\n{grouped}\n{}\n", nik(2), nik(500), nik(2));
    let ran = home.command("withdraw").arg(DATASET).stdin(lines).run();
    assert_eq!(ran.code(), 3, "two lines had nothing to withdraw, and one is no NIK: {ran:?}");
    assert_eq!(
        ran.stdout,
        "2 people withdrawn, who are gone from the next epoch on.\n  nothing to withdraw: line 3, 6\n  line 4: character 1 is \
         neither a digit nor a space, dot or hyphen\n"
    );
    for number in [2, 3, 500] {
        assert!(!ran.stdout.contains(&nik(number)) && !ran.stderr.contains(&nik(number)), "a NIK was repeated");
    }
    // One candidate's support alone; the person stays for the other.
    let ran = home.command("withdraw").args([DATASET, "--candidate", "dk"]).stdin(nik(0)).done();
    assert_eq!(
        ran.stdout,
        "1 person withdrawn, who is gone from the next epoch on.\n  still listed for another candidate: 1\n"
    );
    let ran = home.command("withdraw").args([DATASET, "--json"]).stdin(format!("{}\n123\n", nik(0))).run();
    assert_eq!(ran.code(), 3, "{ran:?}");
    let told = json!([{"line": 2, "code": "length", "message": "there are 3 digits; a NIK has 16"}]);
    assert_eq!(ran.json(), json!({"withdrawn": 1, "still_listed": 0, "not_listed": [], "refused": told, "left": []}));
    let ran = home.command("withdraw").arg(DATASET).stdin(nik(0)).run();
    assert_eq!(ran.code(), 3, "{ran:?}");
    assert_eq!(ran.stdout, "Nobody was withdrawn.\n  nothing to withdraw: line 1\n");
    let shown = home.command("dataset show").arg("--json").done().json();
    assert_eq!((&shown["generations"][0]["records"], &shown["generations"][0]["withdrawn"]), (&json!(7), &json!(3)));
}

#[test]
fn nothing_and_wrong_things() {
    let home = TestHome::with_list(0..10);
    let nobody = home.command("withdraw").arg(DATASET).refused();
    assert_eq!(nobody, "no NIK was given: type one, or pipe NIKs in, one a line");
    let unknown = home.command("withdraw").args([DATASET, "--candidate", "xy"]).stdin(nik(1)).refused();
    assert_eq!(unknown, "\"xy\" is none of the dataset's candidates; there are: dk, pw");
    let elsewhere = home.command("withdraw").arg("bandung-2024").stdin(nik(1)).refused();
    assert_eq!(elsewhere, "there is no dataset bandung-2024 here; there are: jakarta-2024");
}
