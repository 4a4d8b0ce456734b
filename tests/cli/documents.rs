//! What the documents say can be typed can be typed, and what they point to is there.

#![allow(clippy::unwrap_used, reason = "a failure is to be seen where it happens")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ceknik_client::Tells;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// README and changelog, and all below docs and keys.
fn documents() -> BTreeMap<PathBuf, String> {
    let below = |directory: &str| fs::read_dir(root().join(directory)).unwrap().map(|entry| entry.unwrap().path());
    let files = ["README.md", "CHANGELOG.md"].map(|name| root().join(name)).into_iter();
    let files = files.chain(below("docs")).chain(below("keys"));
    let files = files.filter(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.map(|file| (file.clone(), fs::read_to_string(&file).unwrap())).collect()
}

/// Everything in back quotes, and lines of code blocks that are commands.
fn code(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    let mut prose = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced || line.starts_with("    ") {
            found.push(line.trim().trim_start_matches("$ ").to_owned());
        } else {
            prose.push_str(line);
            prose.push(' ');
        }
    }
    found.extend(prose.split('`').skip(1).step_by(2).map(str::to_owned));
    found
}

/// Program and arguments, up to what a shell would make of the rest.
fn commands(text: &str) -> Vec<Vec<String>> {
    let ours = |line: &String| ["ceknik ", "ceknikd "].iter().any(|program| line.starts_with(program));
    let words = |line: String| -> Vec<String> {
        let line = line.split(" #").next().unwrap().to_owned();
        line.split_whitespace()
            .take_while(|word| !["|", "<", ">", "&&", "…"].contains(word))
            .map(str::to_owned)
            .collect()
    };
    code(text).into_iter().filter(ours).map(words).filter(|words| words.len() > 1).collect()
}

/// The help of a program, or of one of its commands.
fn help(program: &str, path: &[&str]) -> Option<String> {
    let binary = match program {
        "ceknik" => PathBuf::from(env!("CARGO_BIN_EXE_ceknik")),
        _ => Path::new(env!("CARGO_BIN_EXE_ceknik")).with_file_name("ceknikd"),
    };
    let ran = Command::new(binary).args(path).arg("--help").output().unwrap();
    ran.status.success().then(|| String::from_utf8(ran.stdout).unwrap())
}

#[test]
fn every_command_and_flag_is_there() {
    let mut seen = 0;
    for (file, text) in documents() {
        for command in commands(&text) {
            let (program, rest) = command.split_first().unwrap();
            let word = |at: usize| rest.get(at).map(String::as_str).filter(|word| word.starts_with(char::is_lowercase));
            let path: Vec<&str> = match (program.as_str(), word(0), word(1)) {
                ("ceknik", Some(first @ ("dataset" | "witness" | "log")), Some(second)) => vec![first, second],
                ("ceknik", Some("keygen"), Some("witness")) => vec!["keygen", "witness"],
                ("ceknik", Some(first), _) => vec![first],
                _ => Vec::new(),
            };
            let shown = command.join(" ");
            let help = help(program, &path).unwrap_or_else(|| panic!("{}: no such command: {shown}", file.display()));
            for flag in rest.iter().filter(|word| word.starts_with("--")) {
                let flag = flag.split(['=', ']', ',']).next().unwrap();
                let known = help.split(|c: char| c.is_whitespace() || c == ',' || c == '=').any(|word| word == flag);
                assert!(known, "{}: {flag} is no flag of: {shown}", file.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn what_is_pointed_to_is_there() {
    let mut seen = 0;
    for (file, text) in documents() {
        let beside = file.parent().unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap();
            if target.contains("://") || path.is_empty() {
                continue;
            }
            assert!(beside.join(path).exists(), "{} points to {target}", file.display());
            seen += 1;
        }
        for name in code(&text) {
            let ours = ["crates/", "src/", "tests/", "docs/", "scripts/"].iter().any(|part| name.starts_with(part));
            if ours && !name.contains([' ', '*', '<']) {
                assert!(root().join(&name).exists(), "{} names {name}", file.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 30, "{seen}");
}

/// The sentences about what was sent, in the README's sample.
/// Each drill of the threat model is a test that runs.
#[test]
fn every_drill_is_done() {
    let text = fs::read_to_string(root().join("docs/threat-model.md")).unwrap();
    let (_, drills) = text.split_once("\n### Drills\n").unwrap();
    let rows: Vec<Vec<&str>> = drills
        .lines()
        .skip_while(|line| !line.starts_with("| --- "))
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), 11);
    let mut tests = String::new();
    for directory in ["audit", "evidence", "proxy", "witness"] {
        for entry in fs::read_dir(root().join("tests/cli").join(directory)).unwrap() {
            tests += &fs::read_to_string(entry.unwrap().path()).unwrap();
        }
    }
    for row in rows {
        assert!(row.len() == 6 && row.iter().all(|cell| !cell.is_empty()), "{row:?}");
        let names: Vec<&str> = row[5].split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "{row:?}");
        for name in names {
            assert!(tests.contains(&format!("#[test]\nfn {name}() {{")), "no such test: {name}");
        }
    }
}

#[test]
fn the_sample_of_the_readme_says_what_is_said() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let sample = readme.split("```text demo").nth(1).unwrap().split("```").next().unwrap();
    let said = [Tells::PublicFile, Tells::BlindedElements { elements: 1 }, Tells::Bucket { buckets: 2, people: 1800 }]
        .map(|tells| tells.to_string());
    let shown: Vec<&str> = sample.lines().map(str::trim).filter(|line| line.starts_with("tells ")).collect();
    assert!(shown.len() >= 5 && shown.iter().all(|sentence| said.iter().any(|said| said == sentence)), "{shown:?}");
}

/// The README's table has the members that `check --json` prints, in their order.
#[test]
fn the_members_of_check_json_are_those_of_the_readme() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let table = readme.split("| member | what it is |\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let listed: Vec<&str> = table.lines().filter_map(|row| row.strip_prefix("| `")?.split('`').next()).collect();
    // Of a line that is no NIK nobody is asked, and all members are there all the same.
    let mut check = Command::new(env!("CARGO_BIN_EXE_ceknik"));
    check.args(["check", "--json", "--no-cache", "--dataset", "x", "--server", "http://127.0.0.1:9"]);
    let mut child = check.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"12\n").unwrap();
    let printed = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    // A value has no quotation marks before a colon.
    let names = printed.split("\":").map(|part| part.rsplit('"').next().unwrap());
    let names: Vec<&str> = names.take(printed.matches("\":").count()).collect();
    assert_eq!(names, listed, "{printed}");
}
