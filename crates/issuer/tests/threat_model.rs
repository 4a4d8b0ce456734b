//! The figures that `docs/threat-model.md` quotes are those that the plans it names compute.
//!
//! A figure is followed by a comment, `19.7 %<!--= jakarta /leak/listed_given_hit -->`: the plan, and where in its JSON the
//! value stands. A step `size=5,hits=4` takes the element of an array that has these values. The value, rounded to as many
//! decimals as the text shows, must be the text's.

// A helper that fails is a test that fails.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use ceknik_issuer::plan::{Plan, PlanInput};
use serde_json::Value;

const DOCUMENT: &str = include_str!("../../../docs/threat-model.md");
const MARK: &str = "<!--=";

/// A number as the text has it.
#[derive(Debug)]
struct Quoted<'a> {
    shown: &'a str,
    /// Units of the text for one of the value's.
    scale: f64,
    plan: &'a str,
    path: &'a str,
}

fn quotations(text: &str) -> Result<Vec<Quoted<'_>>, String> {
    let quotation = |(at, _): (usize, &str)| {
        let (before, after) = text.split_at(at);
        let context = before.lines().next_back().unwrap_or_default();
        let (reference, _) =
            after[MARK.len()..].split_once("-->").ok_or(format!("{context}: the comment does not end"))?;
        let (plan, path) =
            reference.trim().split_once(' ').ok_or(format!("{context}: `{reference}` names no place"))?;
        let (number, scale) = match before.strip_suffix(" %") {
            Some(number) => (number, 100.0),
            None => (before, 1.0),
        };
        let start = number.rfind(|c: char| !(c.is_ascii_digit() || ",.".contains(c))).map_or(0, |place| place + 1);
        let shown = &number[start..];
        if shown.is_empty() {
            return Err(format!("{context}: no number stands before `{reference}`"));
        }
        Ok(Quoted { shown, scale, plan, path: path.trim() })
    };
    text.match_indices(MARK).map(quotation).collect()
}

/// Plans are named where their commands stand: `    NAME: ceknik plan --records …`.
fn plans(text: &str) -> BTreeMap<&str, Value> {
    let named = text.lines().filter_map(|line| line.strip_prefix("    ")?.split_once(": ceknik plan "));
    named.map(|(name, options)| (name, serde_json::to_value(plan(options)).unwrap())).collect()
}

fn plan(options: &str) -> Plan {
    let words: Vec<_> = options.split_whitespace().collect();
    let options: BTreeMap<_, u64> = words.chunks(2).map(|pair| (pair[0], pair[1].parse().unwrap())).collect();
    let names: Vec<_> = options.keys().copied().collect();
    assert_eq!(names, ["--population", "--posterior", "--records"]);
    let percent = u8::try_from(options["--posterior"]).unwrap();
    Plan::compute(&PlanInput::new(options["--records"], options["--population"], percent)).unwrap()
}

fn find<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.strip_prefix('/')?.split('/').try_fold(value, |value, step| match value {
        Value::Array(rows) => rows.iter().find(|row| {
            step.split(',').all(|wanted| {
                let Some((name, number)) = wanted.split_once('=') else { return false };
                row[name].as_f64().is_some_and(|value| Ok(value) == number.parse())
            })
        }),
        value => value.get(step),
    })
}

fn check(quoted: &Quoted<'_>, plans: &BTreeMap<&str, Value>) -> Result<(), String> {
    let Quoted { shown, scale, plan, path } = quoted;
    let plan = plans.get(plan).ok_or(format!("{quoted:?}: no such plan"))?;
    let value = find(plan, path).and_then(Value::as_f64).ok_or(format!("{quoted:?}: no such figure"))?;
    let digits = shown.replace(',', "");
    let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let computed = format!("{:.decimals$}", value * scale);
    if computed == digits { Ok(()) } else { Err(format!("{quoted:?}: it is {computed}")) }
}

#[test]
fn every_figure_is_computed() {
    let plans = plans(DOCUMENT);
    let quotations = quotations(DOCUMENT).unwrap();
    let wrong: Vec<_> = quotations.iter().filter_map(|quoted| check(quoted, &plans).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(quotations.len() >= 75, "{} figures", quotations.len());
    let used: BTreeSet<_> = quotations.iter().map(|quoted| quoted.plan).collect();
    assert_eq!(used, plans.keys().copied().collect(), "each plan is named because it is quoted");
}

/// A share that stands in the text and names no source would drift.
#[test]
fn no_percentage_is_without_a_source() {
    let marked = |at: usize| DOCUMENT[at..].starts_with(" %<!--=");
    // Figures that are assumptions or settings, and not computed.
    let given = ["50 %", "1 %", "8 %", "20 %", "9 %", "0 %", "10 %", "30 %", "100 %"];
    for (at, _) in DOCUMENT.match_indices(" %").filter(|(at, _)| !marked(*at)) {
        let start = DOCUMENT[..at].rfind(|c: char| !(c.is_ascii_digit() || c == '.')).map_or(0, |place| place + 1);
        let figure = &DOCUMENT[start..at + 2];
        assert!(given.contains(&figure), "{figure} has no source: …{}", &DOCUMENT[at.saturating_sub(60)..at + 2]);
    }
}

#[test]
fn the_check_can_fail() {
    let text = "    a: ceknik plan --records 677065 --population 8214007 --posterior 50\n";
    let plans = plans(text);
    let checked = |sentence: &str| quotations(sentence).and_then(|quoted| check(&quoted[0], &plans));
    assert_eq!(checked("so 11.1<!--= a /promise/odds_factor --> times"), Ok(()));
    assert_eq!(checked("| 84 %<!--= a /cards/size=5,hits=4/average -->"), Ok(()));
    assert_eq!(checked("8,214,007<!--= a /population -->"), Ok(()));
    for wrong in [
        "11.2<!--= a /promise/odds_factor -->",
        "85 %<!--= a /cards/size=5,hits=4/average -->",
        "84<!--= a /cards/size=5,hits=4/average -->",
        "84 %<!--= a /cards/size=6,hits=4/average -->",
        "11.1<!--= b /promise/odds_factor -->",
        "eleven<!--= a /promise/odds_factor -->",
        "11.1<!--= a -->",
        "11.1<!--= a /promise/odds_factor",
    ] {
        assert!(checked(wrong).is_err(), "{wrong}");
    }
}
