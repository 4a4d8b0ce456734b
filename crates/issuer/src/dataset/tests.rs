use ceknik_core::StretchCost;
use ceknik_core::manifest::{Id, Text};

use super::*;
use crate::plan::{Plan, PlanInput};

const LEAST: &str = r#"
[title]
id = "Dukungan"
en = "Support"

[coverage]
id = "Satu kota"
en = "One city"

[candidates.dk]
id = "Calon D"
en = "Candidate D"

[statuses.ms]
id = "Memenuhi syarat"
en = "Eligible"
"#;

/// A definition with weak stretch, to which lines are added at the top; they may replace the default ones.
pub(crate) fn toml(lines: &str) -> String {
    let mut text = String::new();
    for (key, line) in [("id", "id = \"list\""), ("population", "population = 100000")] {
        if !lines.lines().any(|given| given.starts_with(key)) {
            text.push_str(line);
            text.push('\n');
        }
    }
    text + lines + "\n[stretch]\nweak = true\n" + LEAST
}

pub(crate) fn definition(lines: &str) -> Definition {
    Definition::from_toml(&toml(lines), true).unwrap()
}

fn refused(lines: &str) -> String {
    Definition::from_toml(&toml(lines), true).unwrap_err().to_string()
}

const EXAMPLE: &str = include_str!("../../../../docs/examples/jakarta-2024.toml");

#[test]
fn the_documented_example_is_read() {
    let definition = Definition::from_toml(EXAMPLE, false).unwrap();
    assert_eq!(definition.id.as_str(), "jakarta-2024");
    assert_eq!(definition.population, 8_214_007);
    assert_eq!(definition.stretch, StretchCost::default());
    let filter = definition.filter.unwrap();
    assert_eq!((filter.capacity, filter.posterior_percent, filter.cover_percent), (800_000, 50, 10));
    assert_eq!(definition.people_per_bucket(), 2005);
    assert_eq!(definition.validity_seconds, 7 * 86_400);
    assert_eq!(definition.guidance[1].region.as_deref(), Some("Kepulauan Seribu"));
    assert_eq!(definition.candidates[&Id::new("pw").unwrap()].en, "Pair P-W");
}

#[test]
fn the_example_shows_every_key_and_states_the_defaults() {
    let keys =
        ["filter", "least_people_per_bucket", "posterior_percent", "cells_per_record", "shard_bits", "cover_percent"];
    let keys = [&keys[..], &["bucket_bits", "validity", "mirrors", "memory_kib", "passes"]].concat();
    let stated = Definition::from_toml(EXAMPLE, false).unwrap();
    let left_out: String = EXAMPLE
        .lines()
        .filter(|line| !keys.iter().any(|key| line.starts_with(&format!("{key} ="))))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(left_out.lines().count(), EXAMPLE.lines().count() - keys.len());
    assert_eq!(Definition::from_toml(&left_out, false).unwrap(), stated);
    // Every key that the stored form has, which is every key there is, stands in the example.
    let json: serde_json::Value = serde_json::from_str(&stated.to_json().unwrap()).unwrap();
    for (key, value) in json.as_object().unwrap() {
        let stands = [format!("{key} = "), format!("[{key}]"), format!("[{key}."), format!("[[{key}]]")];
        assert!(EXAMPLE.lines().any(|line| stands.iter().any(|form| line.starts_with(form))), "{key}: {value}");
    }
}

/// What a plan for the same figures suggests.
#[test]
fn the_default_of_bucket_bits_is_the_plans_suggestion() {
    for population in [20_000, 100_000, 8_214_007] {
        let made = definition(&format!("population = {population}"));
        let capacity = made.filter.unwrap().capacity;
        let plan = Plan::compute(&PlanInput {
            payload_bytes: Some(made.payload_bytes),
            shard_bits: Some(0),
            ..PlanInput::new(capacity, population, 50)
        });
        assert_eq!(made.bucket_bits, plan.unwrap().suggested.bucket_bits, "{population}");
    }
}

#[test]
fn defaults_are_as_documented() {
    let made = definition("");
    let filter = made.filter.unwrap();
    let want = FilterFigures {
        posterior_percent: 50,
        cells_per_record: 8,
        capacity: 10_000,
        shard_bits: 0,
        cover_percent: 10,
    };
    assert_eq!(filter, want);
    assert_eq!(
        (made.least_people_per_bucket, made.evaluations_per_day, made.validity_seconds),
        (1000, 100_000, 604_800)
    );
    // 10,000 records in 2^5 buckets make responses of less than 64 KiB. K would allow 2^6, of 1562 people.
    assert_eq!((made.bucket_bits, made.people_per_bucket()), (5, 3125));
    assert_eq!(made.stretch, StretchCost::WEAK);
    assert!(made.guidance.is_empty());

    let capacity = |population| definition(&format!("population = {population}")).filter.unwrap().capacity;
    assert_eq!((capacity(3_000), capacity(50_000), capacity(8_214_007)), (1_499, 8_192, 821_401));
    let evaluations = |population| definition(&format!("population = {population}")).evaluations_per_day;
    assert_eq!((evaluations(3_000), evaluations(8_214_007)), (100_000, 2_738_003));
    let full_cost = toml("").replace("weak = true", "");
    assert_eq!(Definition::from_toml(&full_cost, false).unwrap().stretch, StretchCost::default());
}

#[test]
fn payloads_hold_two_supports_with_the_longest_ids() {
    // {"supports":[{"candidate":"dk","status":"ms","submitted":"2024-08-15"}]} is 72 bytes long, a second support 58 more.
    assert_eq!(definition("").payload_bytes, 96);
    let two = toml("") + "[candidates.pw]\nid = \"Calon P\"\nen = \"Candidate P\"\n";
    assert_eq!(Definition::from_toml(&two, true).unwrap().payload_bytes, 160);
    assert_eq!(
        refused("payload_bytes = 71"),
        "payload_bytes: must be 72 (one support with the longest ids and a date) to 4096, not 71"
    );
    assert_eq!(definition("payload_bytes = 72").payload_bytes, 72);
    assert!(refused("payload_bytes = 4097").contains("to 4096, not 4097"));
    // The longest ids there can be.
    let long = two.replace("candidates.pw", &format!("candidates.{}", "x".repeat(63)));
    let long = long.replace("statuses.ms", &format!("statuses.{}", "y".repeat(63)));
    assert_eq!(Definition::from_toml(&long, true).unwrap().payload_bytes, 320);
}

#[test]
fn unknown_and_missing_keys_are_named_with_their_line() {
    let error = refused("\npeople = 5");
    assert!(error.starts_with("line 4: unknown field `people`, expected one of `id`, `population`"), "{error}");
    let error = Definition::from_toml(&toml("").replace("[stretch]", "[stretch]\nlanes = 2"), true).unwrap_err();
    assert!(error.to_string().starts_with("line 5: unknown field `lanes`"), "{error}");
    let error = Definition::from_toml("id = \"x\"\n", true).unwrap_err().to_string();
    assert_eq!(error, "line 1: missing field `population`");
    let error = refused("capacity = \"many\"");
    assert_eq!(error, "line 3: capacity: invalid type: string \"many\", expected a whole number");
    assert!(refused("capacity = -1").starts_with("line 3: capacity: invalid value: integer `-1`"));
    assert!(refused("capacity = 1\ncapacity = 2").starts_with("line 4: duplicate key"));
    for number in ["8,214,007", "8.214.007", "8 214 007 # people", "50,000", "50.000"] {
        assert_eq!(
            refused(&format!("capacity = {number}")),
            "line 3: capacity: write the number in digits alone, or with _ between them: 8214007 or 8_214_007"
        );
    }
    let error = Definition::from_toml(&"#".repeat(MAX_DEFINITION_BYTES + 1), true).unwrap_err().to_string();
    assert_eq!(error, "the definition is 262145 bytes long, at most 262144 are read");
}

#[test]
fn impossible_values_are_told_with_what_is_possible() {
    let cases = [
        ("id = \"List\"", "id: is 1 to 63 of the characters a-z, 0-9 and -, and does not start with -"),
        ("population = 0", "population: must be 1 to 68719476736 people"),
        ("posterior_percent = 0", "posterior_percent: must be 1 to 99"),
        ("posterior_percent = 100", "posterior_percent: must be 1 to 99"),
        ("cells_per_record = 1", "cells_per_record: must be 2 to 64"),
        (
            "capacity = 50000",
            "capacity: must be at most 49999 of 100000 people, not 50000: with more on the list 50 % of the people are, and nothing \
             can promise less than that",
        ),
        ("capacity = 0", "capacity: must be at least 1"),
        ("cover_percent = 101", "cover_percent: must be 0 to 100"),
        ("shard_bits = 13", "shard_bits: 13 shard bits; at most 8"),
        (
            "shard_bits = 7",
            "shard_bits: leave 781 people to a shard, where at least 1159 must share one for least_people_per_bucket to hold",
        ),
        (
            "bucket_bits = 7",
            "bucket_bits: 7 bits leave 781 people to a bucket, where at least 1159 must share one for \
             least_people_per_bucket to hold: at most 6 bits are possible",
        ),
        (
            "shard_bits = 2\nbucket_bits = 5",
            "bucket_bits: 5 bits leave 781 people to a bucket, where at least 1159 must share one for \
             least_people_per_bucket to hold: at most 4 bits are possible",
        ),
        ("least_people_per_bucket = 0", "least_people_per_bucket: must be at least 1"),
        ("validity = \"8d\"", "validity: must be hours or days, such as \"12h\" or \"7d\", and at most \"7d\""),
        ("validity = \"0d\"", "validity: must be hours or days, such as \"12h\" or \"7d\", and at most \"7d\""),
        ("validity = \"+1d\"", "validity: must be hours or days, such as \"12h\" or \"7d\", and at most \"7d\""),
        ("validity = \"\u{e9}\"", "validity: must be hours or days, such as \"12h\" or \"7d\", and at most \"7d\""),
        (
            "evaluations_per_day = 0",
            "no manifest can be made of this: disclosure.evaluations_per_day: must be at least 1",
        ),
        (
            "population = 2",
            "population: 1 of 2 people are listed, which is 50 % or more: nothing can promise less than the base rate; promise \
             a higher posterior in a new generation",
        ),
        (
            "population = 9000000000\ncapacity = 300000000",
            "capacity: a shard of 300000045 bytes; 46 to 67108864 are possible; set more shard_bits",
        ),
    ];
    for (lines, error) in cases {
        assert_eq!(refused(lines), error, "{lines}");
    }
    let error = refused("population = 9000000\ncapacity = 1000000\nbucket_bits = 0");
    assert!(
        error.starts_with("bucket_bits: 0 bits make buckets of 1006001 records of 96 bytes, more than the 16 MiB"),
        "{error}"
    );
    let error =
        Definition::from_toml(&toml("").replace("[statuses.ms]", "[statuses.MS]"), true).unwrap_err().to_string();
    assert_eq!(
        error,
        "statuses: `MS` is no id: an id is 1 to 63 of the characters a-z, 0-9 and -, and does not start with -"
    );
    let none = toml("candidates = {}").replace("[candidates.dk]\nid = \"Calon D\"\nen = \"Candidate D\"", "");
    let error = Definition::from_toml(&none, true).unwrap_err().to_string();
    assert_eq!(error, "candidates: there must be at least one, and at most 65,535");
    let same = toml("") + "[statuses.tms]\nid = \"memenuhi  SYARAT\"\nen = \"Failed\"\n";
    let error = Definition::from_toml(&same, true).unwrap_err().to_string();
    assert_eq!(error, "statuses: `memenuhi syarat` means both ms and tms: change one title");
}

#[test]
fn texts_that_no_reader_would_show_are_refused() {
    let with_title = |title: &str| toml("").replace("\"Support\"", title);
    let error = Definition::from_toml(&with_title("\"\\u0007\""), true).unwrap_err().to_string();
    assert_eq!(error, "no manifest can be made of this: title: empty, or with a control character in it");
    let error = Definition::from_toml(&toml("mirrors = [\"ftp://cermin.example\"]\n"), true).unwrap_err().to_string();
    assert_eq!(error, "no manifest can be made of this: mirrors: not an http or https address");
    let guidance = toml("") + "[[guidance]]\nid = \"a\"\nen = \"b\"\nurl = \"javascript:alert(1)\"\n";
    let error = Definition::from_toml(&guidance, true).unwrap_err().to_string();
    assert_eq!(error, "no manifest can be made of this: guidance.url: not an http or https address");
    let long = with_title(&format!("\"{}\"", "x".repeat(64_000)));
    let error = Definition::from_toml(&long, true).unwrap_err().to_string();
    let shorten = "bytes longer than the 65535 that it may have: shorten title, coverage, candidates, statuses, guidance or mirrors";
    assert!(error.starts_with("the manifest could be ") && error.ends_with(shorten), "{error}");
    // Texts that fit by themselves, and not beside the hashes of 256 shards.
    let many = toml("population = 60000000000\ncapacity = 400000000\nshard_bits = 8");
    let many = many.replace("\"Support\"", &format!("\"{}\"", "x".repeat(32_000)));
    let error = Definition::from_toml(&many, true).unwrap_err().to_string();
    assert!(error.ends_with("bytes longer than the 65535 that it may have: set fewer shard_bits"), "{error}");
}

#[test]
fn a_file_alone_weakens_nothing() {
    let error = Definition::from_toml(&toml(""), false).unwrap_err().to_string();
    assert_eq!(
        error,
        "stretch.weak: a weak stretch is for tests and benchmarks, it protects nobody; say --weak-stretch to create such a \
         dataset all the same"
    );
    let unmarked = toml("").replace("weak = true", "memory_kib = 8\npasses = 1");
    let error = Definition::from_toml(&unmarked, true).unwrap_err().to_string();
    assert_eq!(
        error,
        "stretch: stretch of 8 KiB and 1 passes is out of bounds: at least 19456 KiB, and memory times passes at least 38912, \
         unless marked weak"
    );
}

#[test]
fn without_a_filter_its_figures_have_no_meaning() {
    let made = definition("filter = false");
    assert_eq!((made.filter, made.shard_bits(), made.bucket_bits), (None, 0, 6));
    for line in
        ["capacity = 5", "posterior_percent = 50", "cells_per_record = 8", "shard_bits = 0", "cover_percent = 100"]
    {
        let key = line.split(' ').next().unwrap();
        assert_eq!(
            refused(&format!("filter = false\n{line}")),
            format!("{key}: has no meaning without a filter, where everybody confirms: leave it out")
        );
    }
}

#[test]
fn the_stored_form_is_the_definition() {
    for made in [
        definition(""),
        definition("filter = false\nvalidity = \"36h\""),
        Definition::from_toml(EXAMPLE, false).unwrap(),
    ] {
        let json = made.to_json().unwrap();
        let read = Definition::from_json(&json).unwrap();
        assert_eq!(read, made);
        assert_eq!(read.to_json().unwrap(), json);
    }
    assert_eq!(Definition::from_json("{}"), None);
}

#[test]
fn an_update_keeps_what_it_leaves_out_and_changes_no_figure() {
    let made = definition("capacity = 9000\nvalidity = \"12h\"\nevaluations_per_day = 5000\nposterior_percent = 40");
    let updated = made.updated_from_toml(&toml("").replace("\"Support\"", "\"Supporters\"")).unwrap();
    assert_eq!(updated, Definition { title: Text { id: "Dukungan".into(), en: "Supporters".into() }, ..made.clone() });
    let updated = made.updated_from_toml(&toml("validity = \"1d\"\nevaluations_per_day = 6000")).unwrap();
    assert_eq!((updated.validity_seconds, updated.evaluations_per_day), (86_400, 6000));

    // Longer ids need more than the payload that is fixed, as long as one support of them still fits.
    let longer = toml("") + "[statuses.tmstmstms]\nid = \"Tidak\"\nen = \"Failed\"\n";
    assert_eq!(made.updated_from_toml(&longer).unwrap().payload_bytes, 96);
    let too_long = longer.replace("tmstmstms", &"t".repeat(40));
    let error = made.updated_from_toml(&too_long).unwrap_err().to_string();
    assert_eq!(error, "payload_bytes: must be 110 (one support with the longest ids and a date) to 4096, not 96");

    for line in [
        "id = \"other\"",
        "population = 100001",
        "capacity = 9001",
        "posterior_percent = 50",
        "cells_per_record = 9",
        "cover_percent = 11",
        "shard_bits = 1",
        "least_people_per_bucket = 999",
        "payload_bytes = 128",
    ] {
        let key = line.split(' ').next().unwrap();
        assert_eq!(
            made.updated_from_toml(&toml(line)).unwrap_err().to_string(),
            format!(
                "{key} is fixed within a generation: `ceknik dataset new-generation` begins one with another value, for which \
                 the whole list is imported again"
            )
        );
    }
    let error = made.updated_from_toml(&toml("filter = false")).unwrap_err();
    assert!(matches!(error, DefinitionError::Fixed { key: "filter" }), "{error}");
    let error = made.updated_from_toml(&toml("").replace("weak = true", "weak = true\npasses = 2")).unwrap_err();
    assert!(matches!(error, DefinitionError::Fixed { key: "stretch" }), "{error}");
    let error =
        made.updated_from_toml(&toml("").replace("[candidates.dk]", "[candidates.pw]")).unwrap_err().to_string();
    assert_eq!(
        error,
        "candidates.dk cannot be taken away within a generation, as records may name it: keep it, or begin a generation with \
         `ceknik dataset new-generation`"
    );
}

#[test]
fn shards_are_suggested_for_long_filters() {
    assert_eq!(definition("").suggested_shard_bits(), None);
    assert_eq!(definition("population = 8214007\ncapacity = 800000").suggested_shard_bits(), None);
    let long = "population = 204800000\ncapacity = 20000000";
    assert_eq!(definition(long).suggested_shard_bits(), Some(3));
    assert_eq!(definition(&format!("{long}\nshard_bits = 3")).suggested_shard_bits(), None);
}
