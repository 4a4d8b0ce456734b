//! Who may depend on whom (docs/architecture.md), and what the core must never touch. By what Cargo resolves and by the
//! sources, not by custom.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Every crate of the workspace, and which others it may depend on. Dev-dependencies are free: tests join what they like.
const BORDERS: [(&str, &[&str]); 9] = [
    ("ceknik-core", &[]),
    ("ceknik-terminal", &[]),
    ("ceknik-client", &["ceknik-core"]),
    ("ceknik-auditor", &["ceknik-core", "ceknik-client"]),
    ("ceknik-issuer", &["ceknik-core"]),
    ("ceknikd", &["ceknik-core", "ceknik-terminal"]),
    ("ceknik-witness", &["ceknik-core"]),
    (
        "ceknik-cli",
        &[
            "ceknik-core",
            "ceknik-client",
            "ceknik-auditor",
            "ceknik-issuer",
            "ceknik-terminal",
            "ceknik-witness",
            "ceknikd",
        ],
    ),
    ("ceknik-wasm", &["ceknik-core", "ceknik-client"]),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).arg("--locked").current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Names of all packages that end up in a build of `package`, with the features that they are built with.
fn linked(package: &str, target: &str, more: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let format = ["--prefix", "none", "--no-dedupe", "--format", "{p}\t{f}"];
    let tree = cargo(&[&["tree", "-p", package, "-e", "normal", "--target", target][..], &format, more].concat());
    let mut linked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in tree.lines() {
        let (package, features) = line.split_once('\t').unwrap();
        let name = package.split(' ').next().unwrap();
        linked.entry(name.to_owned()).or_default().extend(features.split(',').map(str::to_owned));
    }
    assert!(linked.contains_key(package));
    linked
}

#[test]
fn crates_depend_on_whom_they_may() {
    let metadata: Value = serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let borders = BTreeMap::from(BORDERS);
    let names: BTreeSet<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    assert_eq!(names, borders.keys().copied().collect(), "a crate without borders, or borders without a crate");
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let ours: BTreeSet<&str> = dependencies
            .filter(|dependency| dependency["kind"] != "dev")
            .map(|dependency| dependency["name"].as_str().unwrap())
            .filter(|dependency| names.contains(dependency))
            .collect();
        let stray: Vec<_> = ours.iter().filter(|dependency| !borders[name].contains(dependency)).collect();
        assert!(stray.is_empty(), "{name} depends on {stray:?}");
    }
}

/// docs/architecture.md says the same.
#[test]
fn the_documented_borders_are_these() {
    let text = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let code = |cell: &str| -> Vec<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let rows: BTreeMap<String, Vec<String>> = text
        .lines()
        .filter(|line| line.starts_with("| `ceknik"))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            assert!(root().join(&code(cells[2])[0]).is_dir(), "{line}");
            (code(cells[1])[0].clone(), code(cells[3]))
        })
        .collect();
    let borders = BORDERS.map(|(name, may)| (name.to_owned(), may.iter().map(ToString::to_string).collect()));
    assert_eq!(rows, borders.into());
}

/// Whoever breaks into the service finds no code that reads lists or opens the store.
#[test]
fn the_service_cannot_read_lists() {
    let service = linked("ceknikd", "x86_64-unknown-linux-gnu", &[]);
    for name in ["ceknik-issuer", "ceknik-client", "rusqlite", "csv", "csv-core", "calamine", "encoding_rs", "reqwest"]
    {
        assert!(!service.contains_key(name), "the service links {name}");
    }
    // Who looks from outside holds no list and no key either.
    let auditor = linked("ceknik-auditor", "x86_64-unknown-linux-gnu", &[]);
    for name in ["ceknik-issuer", "ceknikd", "rusqlite", "csv-core", "age"] {
        assert!(!auditor.contains_key(name), "the auditor links {name}");
    }
    let tool = linked("ceknik-cli", "x86_64-unknown-linux-gnu", &[]);
    assert!(tool.contains_key("rusqlite") && tool.contains_key("ceknikd"), "this test sees what is linked");
}

/// In a browser the core finds no randomness, clock, files or sockets of a system, and asks for none.
#[test]
fn the_core_brings_no_system_along() {
    let core = linked("ceknik-core", "wasm32-unknown-unknown", &[]);
    for name in ["getrandom", "rand", "tokio", "mio", "socket2", "wasm-bindgen", "js-sys", "libc", "rayon", "tracing"] {
        assert!(!core.contains_key(name), "the core links {name}");
    }
    for (name, features) in &core {
        assert!(!features.contains("getrandom"), "{name} is built with its feature getrandom");
    }
    let client = linked("ceknik-client", "wasm32-unknown-unknown", &["--no-default-features"]);
    for name in ["getrandom", "tokio", "reqwest", "tempfile", "wasm-bindgen"] {
        assert!(!client.contains_key(name), "the client's state machine links {name}");
    }
    // The module asks the browser for random numbers itself, and for nothing else.
    let module = linked("ceknik-wasm", "wasm32-unknown-unknown", &[]);
    for name in ["getrandom", "tokio", "reqwest", "js-sys", "web-sys", "wasm-bindgen-futures"] {
        assert!(!module.contains_key(name), "the module for browsers links {name}");
    }
    assert!(module.contains_key("wasm-bindgen"), "this test sees what is linked");
}

/// `hazmat` gives a key away when it is misused.
#[test]
fn no_program_is_built_with_hazardous_functions() {
    for program in ["ceknikd", "ceknik-cli", "ceknik-client", "ceknik-auditor", "ceknik-issuer", "ceknik-witness"] {
        let linked = linked(program, "x86_64-unknown-linux-gnu", &[]);
        assert!(!linked["ceknik-core"].contains("hazmat"), "{program} enables hazmat");
    }
    assert!(linked("ceknik-core", "x86_64-unknown-linux-gnu", &["-F", "hazmat"])["ceknik-core"].contains("hazmat"));
}

/// Two generations of one cryptographic library would be two to review, and their types do not fit each other.
#[test]
fn the_core_has_one_generation_of_its_cryptography() {
    let tree =
        cargo(&["tree", "-p", "ceknik-core", "-e", "normal", "--prefix", "none", "--no-dedupe", "--format", "{p}"]);
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in tree.lines() {
        let mut words = package.split(' ');
        versions.entry(words.next().unwrap()).or_default().insert(words.next().unwrap());
    }
    for name in [
        "aead",
        "aes",
        "cipher",
        "crypto-common",
        "curve25519-dalek",
        "digest",
        "hkdf",
        "rand_core",
        "sha2",
        "subtle",
        "zeroize",
    ] {
        assert_eq!(versions.get(name).map(BTreeSet::len), Some(1), "{name}: {:?}", versions.get(name));
    }
}

/// What gives other values on a machine of another byte order. What depends on the width of a pointer is seen by the
/// vectors, which run on 32 bits as well.
#[test]
fn the_core_has_no_byte_order_of_its_own() {
    let mut files = Vec::new();
    sources(&root().join("crates/core/src"), &mut files);
    for file in files {
        let source = std::fs::read_to_string(&file).unwrap();
        for native in ["to_ne_bytes", "from_ne_bytes", "target_endian", "transmute", "align_to"] {
            assert!(!source.contains(native), "{} has {native}", file.display());
        }
    }
}

/// What stands for I/O, clocks, randomness of the system, threads and async.
const SYSTEM: [&str; 19] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::io",
    "std::process",
    "std::thread",
    "std::time",
    "std::os",
    "std::{",
    "SystemTime",
    "Instant",
    "OsRng",
    "thread_rng",
    "getrandom",
    "async fn",
    ".await",
    "println!",
    "eprintln!",
    "dbg!",
];

/// The words of [`SYSTEM`] in a source, outside of comments and of the tests at its end.
fn system_in(source: &str) -> Vec<&'static str> {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines: Vec<&str> = code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let word = |line: &str, word: &str| {
        line.match_indices(word).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + word.len()..].chars().next();
            let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            let open = word.ends_with(|c: char| c.is_alphanumeric());
            !(part(before) && !word.starts_with('.') || open && part(after))
        })
    };
    SYSTEM.into_iter().filter(|wanted| lines.iter().any(|line| word(line, wanted))).collect()
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn clean(directory: &str, passed_over: impl Fn(&Path) -> bool) -> usize {
    let base = root().join(directory);
    let mut files = Vec::new();
    sources(&base, &mut files);
    files.retain(|file| !file.ends_with("tests.rs") && !passed_over(file.strip_prefix(&base).unwrap()));
    for file in &files {
        let found = system_in(&std::fs::read_to_string(file).unwrap());
        assert!(found.is_empty(), "{} has {found:?}", file.display());
    }
    files.len()
}

#[test]
fn the_core_is_bytes_in_bytes_out() {
    assert!(clean("crates/core/src", |_| false) > 20);
}

/// Without its feature `driver`, the client is as clean. What that feature brings is in these files.
#[test]
fn the_lookup_is_a_state_machine() {
    let driver = ["driver", "cache", "server_url"];
    let of_driver = |file: &Path| {
        file.components().next().is_some_and(|first| {
            let first = first.as_os_str().to_str().unwrap();
            driver.contains(&first.trim_end_matches(".rs"))
        })
    };
    assert!(clean("crates/client/src", of_driver) > 8);
    let lib = std::fs::read_to_string(root().join("crates/client/src/lib.rs")).unwrap();
    for module in driver {
        assert!(lib.contains(&format!("#[cfg(feature = \"driver\")]\nmod {module};")), "{module} is behind no feature");
    }
}

#[test]
fn the_search_finds_what_it_looks_for() {
    for (source, found) in [
        ("use std::fs;", vec!["std::fs"]),
        ("    let now = Instant::now();", vec!["Instant"]),
        ("x.await?;", vec![".await"]),
        ("eprintln!(\"\");", vec!["eprintln!"]),
        ("use std::{fs, io};", vec!["std::{"]),
        ("// std::fs is not used here", vec![]),
        ("fn Instantly() {}", vec![]),
        ("use crate::time::Timestamp;", vec![]),
        ("fn f() {}\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}", vec![]),
    ] {
        assert_eq!(system_in(source), found, "{source}");
    }
}
