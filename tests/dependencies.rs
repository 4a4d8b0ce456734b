//! What the project is built from: licences, sources, and crates that have no business in it. What `cargo deny` checks, as far
//! as it goes without a network; known vulnerabilities are not among it.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Licences that may be distributed with a program under MIT or Apache-2.0.
const LICENCES: [&str; 10] =
    ["MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "0BSD", "Unicode-3.0", "CC0-1.0", "NCSA"];

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// A second TLS, other sources of randomness for keys, and what reviewed crates replace.
const BANNED: [&str; 4] = ["openssl", "openssl-sys", "native-tls", "rust-crypto"];

/// The project's own lock, that of its fuzz targets and that of the tool that writes JavaScript, with how many packages of each
/// are the project's own.
const LOCKS: [(&str, usize); 3] = [(".", 9), ("fuzz", 7), ("crates/wasm/bindgen", 1)];

/// The packages that are built in a directory.
fn packages(directory: &str) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"]);
    let output = command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// The packages of a lock, of all platforms.
fn locked(directory: &str) -> Vec<toml::Table> {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory).join("Cargo.lock");
    let lock: toml::Table = std::fs::read_to_string(lock).unwrap().parse().unwrap();
    let packages = lock["package"].as_array().unwrap();
    packages.iter().map(|package| package.as_table().unwrap().clone()).collect()
}

fn allowed(licence: &str) -> bool {
    let expression = spdx::Expression::parse_mode(licence, spdx::ParseMode::LAX).unwrap();
    expression.evaluate(|requirement| {
        requirement.license.id().is_some_and(|id| LICENCES.contains(&id.name)) && requirement.addition.is_none()
    })
}

#[test]
fn licences_allow_distribution() {
    for (directory, _) in LOCKS {
        let refused: Vec<_> = packages(directory)
            .iter()
            .filter(|package| !package["license"].as_str().is_some_and(allowed))
            .map(|package| format!("{} ({})", package["name"], package["license"]))
            .collect();
        assert!(refused.is_empty(), "{directory}: {refused:?}");
    }
    assert!(!allowed("GPL-3.0-only") && !allowed("MIT AND GPL-2.0-only") && allowed("GPL-2.0-only OR MIT"));
}

#[test]
fn everything_comes_from_the_registry_or_from_here() {
    for (directory, own) in LOCKS {
        let (foreign, from_here): (Vec<_>, Vec<_>) =
            locked(directory).into_iter().partition(|package| package.contains_key("source"));
        for package in &foreign {
            let (name, source) = (&package["name"], package["source"].as_str().unwrap());
            assert_eq!(source, REGISTRY, "{directory}: {name}");
            assert!(package.contains_key("checksum"), "{directory}: {name}");
        }
        let from_here: BTreeSet<_> = from_here.iter().map(|package| package["name"].as_str().unwrap()).collect();
        assert_eq!(from_here.len(), own, "{directory}: the workspace's own: {from_here:?}");
    }
}

#[test]
fn what_has_no_business_here_is_not_here() {
    for (directory, _) in LOCKS {
        for package in locked(directory) {
            let name = package["name"].as_str().unwrap();
            assert!(!BANNED.contains(&name), "{directory}: {name}");
        }
    }
}
