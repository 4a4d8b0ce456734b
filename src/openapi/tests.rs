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

/// Whether a value is of a schema, as far as the schemas of this document go. Gives the place and what is wrong there.
fn fault(document: &Value, schema: &Value, value: &Value, place: &str) -> Option<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        return fault(document, document.pointer(reference.strip_prefix('#').unwrap()).unwrap(), value, place);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let faults: Vec<_> = choices.iter().map(|choice| fault(document, choice, value, place)).collect();
        return if faults.contains(&None) { None } else { Some(format!("{faults:?}")) };
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        one => vec![one.clone()],
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !types.iter().any(|named| named == kind || (named == "number" && kind == "integer")) {
        return Some(format!("{place}: {kind} is none of {types:?}"));
    }
    match value {
        Value::Number(number) => {
            let number = number.as_f64().unwrap();
            let low = schema["minimum"].as_f64().is_some_and(|least| number < least);
            let high = schema["maximum"].as_f64().is_some_and(|most| number > most);
            (low || high).then(|| format!("{place}: out of range"))
        }
        Value::Array(items) => items.iter().find_map(|item| fault(document, &schema["items"], item, place)),
        Value::Object(members) => {
            let properties = schema["properties"].as_object();
            let required: Vec<&str> =
                schema["required"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap()).collect();
            if let Some(missing) = required.iter().find(|name| !members.contains_key(**name)) {
                return Some(format!("{place}: {missing} is missing"));
            }
            members.iter().find_map(|(name, value)| {
                let place = format!("{place}.{name}");
                match (properties.and_then(|properties| properties.get(name)), &schema["additionalProperties"]) {
                    (Some(schema), _) => fault(document, schema, value, &place),
                    (None, Value::Bool(false)) => Some(format!("{place} is not described")),
                    (None, Value::Object(any)) => fault(document, &Value::Object(any.clone()), value, &place),
                    _ => None,
                }
            })
        }
        _ => None,
    }
}

/// Every member of the manifest has its place in the schema, and no other: by the example of the specification, which the
/// reader takes.
#[test]
fn the_manifest_is_described_as_it_is_specified() {
    let document = description();
    let schema = &document["components"]["schemas"]["Manifest"];
    let specification = include_str!("../../docs/spec.md");
    let example = specification.split_once("```json manifest\n").unwrap().1.split_once("```").unwrap().0;
    let example: Value = serde_json::from_str(example).unwrap();
    assert_eq!(fault(&document, schema, &example, ""), None);

    // All places of the example, by what leads there; of a list the first.
    fn places(value: &Value, here: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => members.iter().for_each(|(name, value)| {
                found.push(format!("{here}/{name}"));
                places(value, &format!("{here}/{name}"), found);
            }),
            Value::Array(items) => items.iter().take(1).for_each(|item| places(item, &format!("{here}/0"), found)),
            _ => {}
        }
    }
    let mut all = Vec::new();
    places(&example, "", &mut all);
    assert!(all.len() > 50, "{all:?}");
    for place in &all {
        let (parent, name) = place.rsplit_once('/').unwrap();
        let mut without = example.clone();
        without.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        // Ids may be any.
        let free = ["/candidates", "/statuses"].contains(&parent);
        assert_eq!(fault(&document, schema, &without, "").is_none(), free, "without {place}");
        if !free && place != "/extensions" {
            let mut other = example.clone();
            *other.pointer_mut(place).unwrap() = Value::Array(vec![Value::Bool(true)]);
            assert!(fault(&document, schema, &other, "").is_some(), "{place} may be anything");
        }
        let mut more = example.clone();
        if let Some(members) = more.pointer_mut(place).unwrap().as_object_mut() {
            members.insert("more".to_owned(), Value::Null);
            assert_eq!(fault(&document, schema, &more, "").is_none(), place == "/extensions", "more in {place}");
        }
    }
    // Null is taken where the specification has it.
    for (place, may) in [
        ("/previous", true),
        ("/filter", true),
        ("/oprf/next", true),
        ("/disclosure/posterior_percent", true),
        ("/disclosure/odds_factor", true),
        ("/disclosure/epoch_odds_factor", true),
        ("/guidance/0/region", true),
        ("/epoch", false),
        ("/oprf", false),
        ("/disclosure/people_per_bucket", false),
    ] {
        let mut null = example.clone();
        *null.pointer_mut(place).unwrap() = Value::Null;
        assert_eq!(fault(&document, schema, &null, "").is_none(), may, "{place}");
    }
}
