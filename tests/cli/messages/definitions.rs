//! Definitions of datasets that cannot be.

use crate::support::command::Ceknik;
use crate::support::home::{TestHome, definition};

fn create(home: &TestHome, definition: &str) -> Ceknik {
    let file = home.write("definition.toml", definition);
    home.command("dataset create").arg("--weak-stretch").arg(file)
}

/// What is told of a definition that is refused, without the name of its file.
fn refusal(home: &TestHome, definition: &str) -> String {
    let told = create(home, definition).refused();
    let file = format!("{}: ", home.beside("definition.toml").display());
    told.strip_prefix(&file).unwrap_or_else(|| panic!("{told}")).to_owned()
}

#[test]
fn unknown_keys_and_wrong_values() {
    let home = TestHome::new();
    let with = |keys: &str| refusal(&home, &definition("jakarta-2024", keys));
    let unknown = with("poluation = 5");
    assert!(
        unknown.starts_with("line 5: unknown field `poluation`, expected one of `id`, `population`, `filter`"),
        "{unknown}"
    );
    assert_eq!(
        with("cover_percent = \"ten\""),
        "line 5: cover_percent: invalid type: string \"ten\", expected a whole number"
    );
    assert_eq!(with("cover_percent = 101"), "cover_percent: must be 0 to 100");
    assert_eq!(
        with("bucket_bits = 7"),
        "bucket_bits: 7 bits leave 31 people to a bucket, where at least 150 must share one for least_people_per_bucket to \
         hold: at most 4 bits are possible"
    );
    assert_eq!(
        with("validity = \"8d\""),
        "validity: must be hours or days, such as \"12h\" or \"7d\", and at most \"7d\""
    );
    let named = definition("Jakarta 2024", "");
    assert_eq!(refusal(&home, &named), "id: is 1 to 63 of the characters a-z, 0-9 and -, and does not start with -");
}

#[test]
fn weak_stretch_that_was_not_allowed() {
    let home = TestHome::new();
    let file = home.write("definition.toml", definition("jakarta-2024", ""));
    assert_eq!(
        home.command("dataset create").arg(&file).refused(),
        format!(
            "{}: stretch.weak: a weak stretch is for tests and benchmarks, it protects nobody; say --weak-stretch to create \
             such a dataset all the same",
            file.display()
        )
    );
}

/// Texts that could make a manifest of 65,536 bytes, with the figures that grow, are refused when they are given; one byte
/// less is not, and is published.
#[test]
fn manifest_of_65536_bytes() {
    let home = TestHome::new();
    let with = |bytes: usize| definition("jakarta-2024", "").replace("All of the sample", &"x".repeat(bytes));
    let told = |over: usize| {
        format!(
            "the manifest could be {over} bytes longer than the 65535 that it may have: shorten title, coverage, candidates, \
             statuses, guidance or mirrors"
        )
    };
    let long = refusal(&home, &with(70_000));
    let over: usize = long.split(' ').nth(4).unwrap().parse().unwrap();
    assert_eq!(long, told(over));
    let fits = 70_000 - over;
    assert_eq!(refusal(&home, &with(fits + 1)), told(1));
    create(&home, &with(fits)).done();
    home.command("publish").args(["jakarta-2024", "--despite-empty"]).done();
}
