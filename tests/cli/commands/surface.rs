//! What holds for all commands: help, arguments, output that nobody reads; and `sample`.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::command::ceknik;
use crate::support::home::{TestHome, definition, nik};

/// Every command, by its words.
const COMMANDS: [&str; 22] = [
    "",
    "audit",
    "mirror",
    "check",
    "verify",
    "keygen",
    "keygen witness",
    "dataset",
    "dataset create",
    "dataset update",
    "dataset new-generation",
    "dataset show",
    "import",
    "withdraw",
    "publish",
    "log",
    "log show",
    "witness",
    "witness serve",
    "plan",
    "sample",
    "demo",
];

fn help(command: &str, flag: &str) -> String {
    let ran = ceknik(command.split_whitespace()).arg(flag).done();
    assert_eq!(ran.stderr, "");
    ran.stdout
}

#[test]
fn help_has_no_broken_lines() {
    for command in COMMANDS {
        for flag in ["--help", "-h"] {
            let text = help(command, flag);
            let where_ = |line: &str| format!("`ceknik {command} {flag}`: {line:?}");
            for line in text.lines() {
                assert!(line.chars().count() <= 100, "too long, {}", where_(line));
                assert_eq!(line.trim_end(), line, "white space at the end, {}", where_(line));
                let words = line.trim_start();
                // Between an option and its text there are two spaces at least; within a text there is one.
                assert!(
                    words.split("  ").filter(|part| !part.trim().is_empty()).count() <= 2,
                    "a gap, {}",
                    where_(line)
                );
                assert!(!words.contains("//") || words.contains("://"), "a comment's marks, {}", where_(line));
            }
            let usage = format!("Usage: ceknik {command}");
            assert!(text.contains(usage.trim_end()), "{text}");
            // An option without a word about it.
            let bare = text.lines().zip(text.lines().skip(1)).find(|(line, next)| {
                // Where options begin; a text that goes on stands further in.
                let is_option = |line: &str| line.starts_with("      --") || line.starts_with("  -");
                is_option(line) && !line.trim().contains("  ") && (next.trim().is_empty() || is_option(next))
            });
            assert_eq!(bare, None, "`ceknik {command} {flag}`");
        }
    }
}

#[test]
fn documented_exit_codes() {
    let text = help("", "--help");
    let codes = "Exit codes: 0 when it was done, 1 when it was not, 2 for wrong options.";
    assert!(text.contains(codes), "{text}");
    let text = help("check", "--help").split_whitespace().collect::<Vec<_>>().join(" ");
    let codes = "Exit codes: 0 when every NIK is listed or not listed, 3 when one is maybe, 4 when one has no answer, 1 or 2 when \
                 nothing was looked up, or evidence could not be written.";
    assert!(text.ends_with(codes), "{text}");
    let text = help("verify", "--help").split_whitespace().collect::<Vec<_>>().join(" ");
    let codes = "Exit codes: 0 when the NIK was listed, 3 when it was not listed, 4 when the file proves that the publisher broke the \
                 rules (the filter lacks a record, or the record cannot be read), 5 when a check failed and the file shows nothing, 1 \
                 or 2 when nothing was checked.";
    assert!(text.ends_with(codes), "{text}");
    let text = help("audit", "--help").split_whitespace().collect::<Vec<_>>().join(" ");
    let codes = "Exit codes: 0 when everything was checked that can be and keeps the rules; 3 when the publisher or the service broke \
                 one; 4 when something could not be checked; 5 when the log was forked, rewritten or rolled back; 6 when a \
                 figure is such as chance gives one honest epoch in 1,000, for the first time; 1 or 2 when nothing can be said.";
    assert!(text.ends_with(codes), "{text}");
    let text = help("publish", "--help").split_whitespace().collect::<Vec<_>>().join(" ");
    let codes = "Exit codes: 0 when it was published, 3 when too few witnesses cosigned (the same command, run again, goes on), \
                 1 or 2 when it was not done.";
    assert!(text.ends_with(codes), "{text}");
    let text = help("withdraw", "--help").split_whitespace().collect::<Vec<_>>().join(" ");
    let codes = "Exit codes: 0 when everybody was withdrawn, 3 when a line is no NIK or there was nothing to withdraw for it (the \
                 others are withdrawn), 1 or 2 when it was not done, or not to the end.";
    assert!(text.ends_with(codes), "{text}");
}

/// No figure is taken without a word about it.
#[test]
fn documented_defaults() {
    let text = help("plan", "--help").split_whitespace().collect::<Vec<_>>().join(" ");
    for (option, default) in [
        ("--least-people-per-bucket <K>", "1000"),
        ("--cells-per-record <CELLS>", "8"),
        ("--cover-percent <PERCENT>", "10"),
        ("--supports <N>", "1"),
        ("--id-bytes <BYTES>", "8"),
        ("--visitors-percent <PERCENT>", "100"),
        ("--network-share <PERCENT>", "1"),
    ] {
        let (_, after) = text.split_once(option).unwrap();
        let about = after.split(" --").next().unwrap();
        assert!(about.contains(&format!("[default: {default}]")), "{option}: {about}");
    }
}

/// No argument is a NIK, a passphrase or a key; one that is given all the same is not repeated.
#[test]
fn arguments_need_no_secret() {
    for command in COMMANDS {
        let text = help(command, "--help");
        for secret in ["<NIK>", "--nik", "<PASSPHRASE>", "--passphrase ", "<SECRET>", "--key "] {
            assert!(!text.contains(secret), "`ceknik {command}` takes {secret}");
        }
    }
    let home = TestHome::with_list(0..10);
    let (nik, grouped) = (nik(3), format!("{}.{}", &nik(3)[..6], &nik(3)[6..]));
    for given in [&nik, &grouped, &format!("--nik={nik}")] {
        for command in [
            ceknik(["check", "--server", "http://127.0.0.1:1", "--dataset", "jakarta-2024"]),
            home.command("withdraw").arg("jakarta-2024"),
            // Where a dataset's id is expected, sixteen digits would be one.
            home.command("withdraw"),
            home.command("publish"),
            home.command("import"),
            home.command("dataset show"),
            ceknik(["check"]),
            ceknik([] as [&str; 0]),
        ] {
            let ran = command.arg(given).run();
            assert_eq!((ran.code(), ran.stdout.as_str()), (2, ""));
            assert_eq!(
                ran.message(),
                "a NIK is never given with a command, where everybody on this machine can read it: type it at the prompt, or \
                 pipe it in, one a line. It may stand in the history of your shell now: remove it there"
            );
        }
    }
    // Neither was it written down, in the lock for instance.
    for file in files(&home.path()) {
        let bytes = fs::read(&file).unwrap();
        let digits = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!digits(&nik) && !digits(&grouped), "{}", file.display());
    }
    let named = home.write("named.toml", definition(&nik, ""));
    let told = home.command("dataset create").arg("--weak-stretch").arg(&named).refused();
    assert!(told.ends_with(": id: has the sixteen digits of a NIK: give the dataset a name"), "{told}");
    assert!(!told.contains(&nik));
    // A number that is none.
    let list = home.beside("sample.csv");
    for seed in [&["--seed", &nik][..], &[&format!("--seed={nik}")]] {
        ceknik(["sample", "--rows", "3"]).args(seed).arg(&list).done();
        fs::remove_file(&list).unwrap();
    }
    // Any other mistake is told as it is.
    let ran = ceknik(["check", "--sever", "x"]).run();
    assert_eq!(ran.code(), 2);
    assert!(ran.stderr.contains("unexpected argument '--sever' found"), "{ran:?}");
}

/// All files below a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn plan() -> Command {
    ceknik(["plan", "--records", "100000", "--population", "1200000", "--posterior", "50"]).into_command()
}

/// `ceknik … | head`: the reader has gone, and that is no fault.
#[test]
fn output_that_nobody_reads() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = plan().stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{output:?}");
    // A full disk is one.
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = plan().stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told, "ceknik: standard output cannot be written: No space left on device (os error 28)\n");
    // And without anybody to tell it to, the command ends all the same.
    let full = || File::options().write(true).open("/dev/full").unwrap();
    assert_eq!(plan().stdout(full()).stderr(full()).status().unwrap().code(), Some(1));
}

#[test]
fn a_sample_with_the_dataset_that_it_needs() {
    let home = TestHome::new();
    let (list, definition) = (home.beside("sample.csv"), home.beside("sample.toml"));
    let sample = || ceknik(["sample", "--rows", "100", "--definition"]).arg(&definition).arg(&list);
    let said = sample().done().stdout;
    let then = format!(
        "{}: a dataset for it, `sample`: `ceknik dataset create` takes it, then `ceknik import sample {}`\n",
        definition.display(),
        list.display()
    );
    assert!(said.ends_with(&then), "{said}");
    home.command("dataset create").arg(&definition).done();
    let summary = home.command("import").args(["--json", "sample"]).arg(&list).done().json();
    assert_eq!(
        (&summary["counters"]["rows"], summary["counters"]["refused"].as_object().unwrap().len()),
        (&100.into(), 0)
    );
    home.command("publish").arg("sample").done();
    // Neither is overwritten, and none is made without the other.
    fs::remove_file(&list).unwrap();
    let is_there = |path: &Path| {
        format!(
            "{} is there already and is left as it is: give the name of a file that is not there yet",
            path.display()
        )
    };
    assert_eq!(sample().refused(), is_there(&definition));
    assert!(!list.exists());
    // Under another name; without a definition there is nothing to be named.
    fs::remove_file(&definition).unwrap();
    let said = sample().args(["--id", "jakarta-contoh"]).done().stdout;
    assert!(said.contains(": a dataset for it, `jakarta-contoh`: "), "{said}");
    assert!(said.ends_with(&format!("then `ceknik import jakarta-contoh {}`\n", list.display())), "{said}");
    assert!(fs::read_to_string(&definition).unwrap().starts_with("id = \"jakarta-contoh\"\n"));
    home.command("dataset create").arg(&definition).done();
    let ran = ceknik(["sample", "--rows", "3", "--id", "x", "y.csv"]).run();
    assert_eq!(ran.code(), 2);
    assert!(ran.stderr.contains("--definition <FILE.toml>"), "{ran:?}");
}

/// Whoever writes a number as it is read is told how it is taken.
#[test]
fn numbers_with_separators() {
    let plan = |records: &str, population: &str| {
        let ran = ceknik(["plan", "--posterior", "50", "--records", records, "--population", population]).run();
        assert_eq!(ran.code(), 2);
        ran.stderr.lines().next().unwrap().to_owned()
    };
    for number in ["100,000", "100.000", "100 000", "100_000", "100'000"] {
        let told = format!(
            "error: invalid value '{number}' for '--population <P>': write digits alone, without separators: 100000"
        );
        assert_eq!(plan("1000", number), told);
    }
    assert_eq!(
        plan("many", "100000"),
        "error: invalid value 'many' for '--records <N>': invalid digit found in string"
    );
}

#[test]
fn a_demo_whose_address_is_taken_makes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = home.path().join("demo");
    let told = ceknik(["demo", "--listen", &address, "--dir"]).arg(&dir).refused();
    assert!(told.starts_with(&format!("cannot listen on {address}: ")), "{told}");
    assert!(!dir.exists());
}

/// What is wrong with its directory is told before there are keys in it.
#[test]
fn a_demo_takes_no_directory_but_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    let demo = |dir: &Path| ceknik(["demo", "--rows", "20", "--dir"]).arg(dir).refused();
    let list = dir.path().join("list.csv");
    fs::write(&list, "NIK\n").unwrap();
    assert_eq!(
        demo(dir.path()),
        format!(
            "{} is not empty, and the demo mixes nothing with what is there: choose another --dir, or empty that one",
            dir.path().display()
        )
    );
    assert_eq!(files(dir.path()), std::slice::from_ref(&list));
    for (place, why) in
        [(list.clone(), "File exists (os error 17)"), (list.join("demo"), "Not a directory (os error 20)")]
    {
        let told = format!("cannot make the directory {}: {why}; choose another --dir", place.display());
        assert_eq!(demo(&place), told);
    }
    let nowhere = demo(Path::new("/proc/nowhere/demo"));
    assert!(nowhere.starts_with("cannot make the directory /proc/nowhere/demo: "), "{nowhere}");
}

#[test]
fn samples_are_the_same_every_time() {
    let dir = tempfile::tempdir().unwrap();
    let sample = |name: &str, options: &[&str]| {
        let path = dir.path().join(name);
        let said = ceknik(["sample", "--rows", "500"]).args(options).arg(&path).done().stdout;
        (fs::read_to_string(&path).unwrap(), said.replace(&path.display().to_string(), "FILE"))
    };
    let first = sample("a.csv", &["--seed", "7"]);
    assert_eq!(first, sample("b.csv", &["--seed", "7"]));
    assert_ne!(first.0, sample("c.csv", &["--seed", "8"]).0);
    assert_eq!(first.0.lines().count(), 501);
    assert!(first.0.starts_with("No,NIK,Nama,"), "{}", &first.0[..100]);
    let hint = "; none of them exists\nIts candidates are ml, kn, cm, its statuses ms, tms, bms: a dataset needs these ids, and \
                --definition FILE.toml writes one that has them\n";
    assert!(first.1.starts_with("FILE: 500 good rows, ") && first.1.ends_with(hint), "{}", first.1);
    let bad = sample("d.csv", &["--seed", "7", "--bad-rows"]);
    assert_eq!(bad, sample("e.csv", &["--seed", "7", "--bad-rows"]));
    // In words, and with the code with which `import` refuses them.
    let told = "of the good rows are in an odd form; rows to be refused:\n       1  a NIK that lost its last digit to a numeric cell, \
                and has a zero for it (nik_false_zero)\n       1  a NIK as 3.17101E+15 (nik_scientific)\n";
    assert!(bad.1.contains(told), "{}", bad.1);

    let there = dir.path().join("a.csv");
    let told = ceknik(["sample", "--rows", "5"]).arg(&there).refused();
    assert_eq!(
        told,
        format!(
            "{} is there already and is left as it is: give the name of a file that is not there yet",
            there.display()
        )
    );
    assert_eq!(fs::read_to_string(&there).unwrap(), first.0);
    let nowhere = dir.path().join("nowhere/a.csv");
    let told = ceknik(["sample", "--rows", "5"]).arg(&nowhere).refused();
    assert_eq!(told, format!("cannot create {}: No such file or directory (os error 2)", nowhere.display()));
}
