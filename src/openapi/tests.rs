use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::problem::KINDS;
use crate::routes;

fn description() -> Value {
    serde_json::from_slice(&document().bytes).unwrap()
}

#[test]
fn every_route_is_described_and_no_other() {
    let described: BTreeSet<String> = description()["paths"].as_object().unwrap().keys().cloned().collect();
    let served: BTreeSet<String> = routes::paths().iter().map(|path| path.replace("{*", "{")).collect();
    assert_eq!(described, served);
}

#[test]
fn it_is_of_version_3_1_and_every_reference_leads_somewhere() {
    let document = description();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 10);
    for reference in found {
        assert!(document.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
    }
}

#[test]
fn every_problem_but_method_not_allowed_is_described_where_it_can_happen() {
    let text = description().to_string();
    for kind in KINDS {
        // That one is a matter of which operations there are.
        let described = text.contains(&problem::problem_type(kind));
        assert_eq!(described, kind.slug != "method-not-allowed", "{}", kind.slug);
    }
}
