//! What the project is built from: licences, sources, and crates that have no business in it. What `cargo deny` checks, as far
//! as it goes without a network; known vulnerabilities are not among it.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

/// Licences that may be distributed with a program under MIT or Apache-2.0.
const LICENCES: [&str; 9] =
    ["MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "0BSD", "Unicode-3.0", "CC0-1.0"];

/// A second TLS, other sources of randomness for keys, and what reviewed crates replace.
const BANNED: [&str; 4] = ["openssl", "openssl-sys", "native-tls", "rust-crypto"];

fn metadata() -> Value {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"]);
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn packages(metadata: &Value) -> &[Value] {
    metadata["packages"].as_array().unwrap()
}

fn allowed(licence: &str) -> bool {
    let expression = spdx::Expression::parse_mode(licence, spdx::ParseMode::LAX).unwrap();
    expression.evaluate(|requirement| {
        requirement.license.id().is_some_and(|id| LICENCES.contains(&id.name)) && requirement.addition.is_none()
    })
}

#[test]
fn licences_allow_distribution() {
    let metadata = metadata();
    let refused: Vec<_> = packages(&metadata)
        .iter()
        .filter(|package| !package["license"].as_str().is_some_and(allowed))
        .map(|package| format!("{} ({})", package["name"], package["license"]))
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
    assert!(!allowed("GPL-3.0-only") && !allowed("MIT AND GPL-2.0-only") && allowed("GPL-2.0-only OR MIT"));
}

#[test]
fn everything_comes_from_the_registry_or_from_here() {
    let metadata = metadata();
    let sources: BTreeSet<_> = packages(&metadata).iter().filter_map(|package| package["source"].as_str()).collect();
    assert_eq!(sources.len(), 1, "{sources:?}");
    assert!(sources.iter().all(|source| source.starts_with("registry+")));
    let without: Vec<_> = packages(&metadata)
        .iter()
        .filter(|package| package["source"].is_null())
        .map(|package| package["name"].as_str().unwrap())
        .collect();
    assert_eq!(BTreeSet::from_iter(without).len(), 5, "the workspace's own");
}

#[test]
fn what_has_no_business_here_is_not_here() {
    let metadata = metadata();
    for package in packages(&metadata) {
        let name = package["name"].as_str().unwrap();
        assert!(!BANNED.contains(&name), "{name}");
    }
}
