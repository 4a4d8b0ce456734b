//! The raw list beside the published one, by somebody who has no secret key.

use serde_json::json;

use crate::support::citizen::says_no_nik;
use crate::support::home::{DATASET, TestHome, list, nik};
use crate::support::service::Ceknikd;
use crate::{Told, audit};

fn people() -> Vec<String> {
    (0..230).map(nik).collect()
}

#[test]
fn who_has_the_list_sees_that_it_is_that() {
    let home = TestHome::published(0..200);
    let service = Ceknikd::start(&home);
    let raw = |text: String| home.write("raw.csv", text);
    let with = |file: &std::path::Path, more: &[&str]| {
        audit(&service.url(), &home.policy()).arg("--no-probes").arg("--list").arg(file).args(more)
    };

    // A row that is repeated, and one that names nobody.
    let file = raw(list((0..200).chain([7])) + "12,dk,ms,2024-08-15\n");
    let told = Told::but_for_chance(with(&file, &["--sample", "20"]));
    assert_eq!((told.code, told.codes()), (0, vec![]), "{:#}", told.report);
    let figures = told.at("/lists/0/list");
    for (name, value) in
        [("epoch", 1), ("people", 200), ("refused", 1), ("hits", 200), ("sampled", 20), ("in_table", 20)]
    {
        assert_eq!(figures[name], value, "{name}: {figures:#}");
    }
    // What is left over is noise: 3,450 cells, but for those that somebody has as well.
    let set = told.at("/lists/0/epochs/0/audited/cells/set").as_u64().unwrap();
    let (cells, remaining) = (figures["cells"].as_u64().unwrap(), figures["remaining"].as_u64().unwrap());
    assert_eq!(remaining, set - cells);
    let mean = figures["expected"]["mean"].as_f64().unwrap();
    assert!((mean - 3450.0 * (65_536 - cells) as f64 / 65_536.0).abs() < 1e-6, "{figures:#}");
    assert_eq!(told.at("/unchecked/0/what"), "1 rows of the raw list");
    says_no_nik(&with(&file, &["--sample", "3"]).run(), &people());

    // Thirty whom the publisher has left out: most of them miss, and a sample of all finds some.
    let file = raw(list(0..230));
    let told = Told::but_for_chance(with(&file, &["--sample", "230"]));
    assert_eq!(told.code, 3);
    let figures = told.at("/lists/0/list");
    let hits = figures["hits"].as_u64().unwrap();
    assert!((200..215).contains(&hits), "{figures:#}");
    assert_eq!(figures["in_table"], 200);
    let missing = format!("{} of 230 people", 230 - hits);
    let findings = told.findings();
    assert!(findings.contains(&("list_row_misses", Some(1), &missing)), "{findings:?}");
    assert!(
        findings.contains(&("list_more_members", Some(1), "230 people, and 200 members are disclosed")),
        "{findings:?}"
    );
    assert!(findings.contains(&("list_sample_missing", Some(1), "30 of 230 sampled people")), "{findings:?}");
    says_no_nik(&with(&file, &[]).run(), &people());

    // A list that lacks thirty: they are members of whom the auditor does not know, and no more.
    let file = raw(list(0..170));
    let told = Told::but_for_chance(with(&file, &[]));
    assert_eq!((told.code, told.codes()), (0, vec![]), "{:#}", told.report);

    // Somebody who was withdrawn still hits, and is no longer in the table.
    home.command("withdraw").arg(DATASET).stdin(nik(3)).done();
    home.publish();
    let mut service = service;
    service.wait_for_log(|line| line["message"] == "epoch served" && line["epoch"] == 2);
    let file = raw(list(0..200));
    let told = Told::but_for_chance(
        audit(&service.url(), &home.policy()).args(["--no-probes", "--sample", "200", "--list"]).arg(&file),
    );
    assert_eq!(told.findings(), [("list_sample_missing", Some(2), "1 of 200 sampled people")]);
    assert_eq!(told.at("/lists/0/list/hits"), &json!(200));
}

/// What an import refuses, or takes on its user's word, an audit refuses and takes alike.
#[test]
fn rows_are_read_as_in_an_import() {
    let raw = list(0..20) + "3171011708900000,dk,ms,2024-08-15\n";
    for trust in [&[][..], &["--trust-final-zeros"]] {
        let home = TestHome::with_dataset();
        let imported = home.import_command(&raw).args(trust).arg("--json").run();
        let refused = 1 - trust.len();
        assert_eq!(imported.json()["scan"]["refused"], refused, "{imported:?}");
        home.publish();
        let service = Ceknikd::start(&home);
        let file = home.write("raw.csv", &raw);
        let with = |more: &[&str]| {
            let audit = audit(&service.url(), &home.policy()).arg("--no-probes").arg("--list").arg(&file);
            Told::but_for_chance(audit.args(["--sample", "21"]).args(more))
        };
        let told = with(trust);
        let people = 20 + trust.len();
        let figures = told.at("/lists/0/list");
        for (name, value) in [("people", people), ("refused", refused), ("hits", people), ("in_table", people)] {
            assert_eq!(figures[name], value, "{name}: {figures:#}");
        }
        assert!(told.codes().is_empty(), "{:?}", told.findings());
        let unchecked = told.at("/unchecked").as_array().unwrap();
        let rows = unchecked.iter().filter(|unchecked| unchecked["what"] == "1 rows of the raw list");
        let whys: Vec<&str> = rows.map(|unchecked| unchecked["why"].as_str().unwrap()).collect();
        let why =
            "they name nobody, as in an import: no NIK, one that ends in 0000, or words that the list does not explain";
        assert_eq!(whys, vec![why; refused]);
        // One who believes what the import did not believe is told of rows that nobody imported.
        if trust.is_empty() {
            let codes = with(&["--trust-final-zeros"]);
            assert!(codes.codes().contains(&"list_more_members"), "{:?}", codes.findings());
        }
    }
}

#[test]
fn a_list_that_cannot_be_compared() {
    let home = TestHome::published(0..20);
    let service = Ceknikd::start(&home);
    let with = |text: &str| {
        let file = home.write("raw.csv", text);
        let message = audit(&service.url(), &home.policy()).args(["--no-probes", "--list"]).arg(&file).refused();
        message.replace(file.to_str().unwrap(), "FILE")
    };
    assert_eq!(with("NIK,Kandidat,Status\n12,dk,ms\n"), "FILE: no row of it can be used");
    let missing = home.beside("none.csv");
    let message = audit(&service.url(), &home.policy()).args(["--no-probes", "--list"]).arg(&missing).refused();
    assert!(message.starts_with(&format!("{}: ", missing.display())), "{message}");
}
