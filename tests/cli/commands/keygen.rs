//! `ceknik keygen` and `ceknik dataset`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::command::{Ceknik, ceknik};
use crate::support::home::{DATASET, ORIGIN, TestHome, definition, list};

fn keygen(home: &Path) -> Ceknik {
    ceknik(["keygen", "--origin", ORIGIN, "--home"]).arg(home)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn is_there(home: &Path) -> String {
    format!(
        "{} is a publisher's home already and is left as it is: choose another with --home, or go on in this one with `ceknik \
         dataset create`",
        home.display()
    )
}

#[test]
fn keys_and_an_empty_store() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("new/home");
    let said = keygen(&home).done().stdout;
    let public = fs::read_to_string(home.join("keys/log.pub")).unwrap();
    assert!(public.starts_with("ceknik.example.org/log+"), "{public}");
    // The key, and what a file for `check --policy` has to have in it.
    let policy = home.join("public/policy");
    let told = format!(
        "Make the log's public key known where nobody can exchange it, in print for instance:\n  {public}Whoever checks a list \
         saves it as a policy, for `ceknik check --policy FILE`; these two lines are one, and stand in {}:\n  log {public}  \
         quorum none\n",
        policy.display()
    );
    assert!(said.ends_with(&told), "{said}");
    for secret in ["keys/log.key", "keys/store.key", "store.sqlite"] {
        assert_eq!(mode(&home.join(secret)), 0o600, "{secret}");
    }
    assert_eq!((mode(&home.join("keys")), mode(&home.join("public"))), (0o700, 0o755));
    assert_eq!(fs::read_to_string(policy).unwrap(), format!("log {public}quorum none\n"));
    for key in ["keys/log.key", "keys/store.key"] {
        let key = fs::read_to_string(home.join(key)).unwrap();
        assert!(!said.contains(key.trim_end()), "a secret was printed");
    }
    let shown = ceknik(["dataset", "show", "--home"]).arg(&home).done();
    assert_eq!(shown.stdout, "There is no dataset yet: `ceknik dataset create FILE.toml` makes one.\n");
}

#[test]
fn twice_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path();
    keygen(home).done();
    let read = |name: &str| fs::read(home.join(name)).unwrap();
    let before = ["keys/log.key", "keys/store.key", "public/policy"].map(read);
    assert_eq!(keygen(home).refused(), is_there(home));
    assert_eq!(["keys/log.key", "keys/store.key", "public/policy"].map(read), before);
}

/// A policy that was lost follows from the log's key.
#[test]
fn a_lost_policy_is_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path();
    keygen(home).done();
    let read = |name: &str| fs::read(home.join(name)).unwrap();
    let before = ["keys/log.key", "keys/store.key", "store.sqlite", "public/policy"].map(read);
    for lose in [|policy: &Path| fs::remove_file(policy), |policy: &Path| fs::write(policy, "")] {
        lose(&home.join("public/policy")).unwrap();
        let elsewhere = ceknik(["keygen", "--origin", "elsewhere.example.org/log", "--home"]).arg(home).refused();
        assert_eq!(elsewhere, is_there(home));
        assert_eq!(
            keygen(home).done().stdout,
            format!(
                "{} is a publisher's home already. Its policy was missing and is written anew; keys and store are as they were.\n",
                home.display()
            )
        );
        assert_eq!(["keys/log.key", "keys/store.key", "store.sqlite", "public/policy"].map(read), before);
    }
}

/// Killed before the store was made, the same command goes on with the keys that are there.
#[test]
fn an_interrupted_run_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path();
    keygen(home).done();
    let log_key = fs::read(home.join("keys/log.key")).unwrap();
    fs::remove_file(home.join("store.sqlite")).unwrap();
    fs::remove_file(home.join("keys/store.key")).unwrap();
    let told = ceknik(["keygen", "--origin", "elsewhere.example.org/log", "--home"]).arg(home).refused();
    assert_eq!(told, "the log's key is there already, with the name ceknik.example.org/log");
    keygen(home).done();
    assert_eq!(fs::read(home.join("keys/log.key")).unwrap(), log_key);
}

#[test]
fn names_that_no_log_can_have() {
    let dir = tempfile::tempdir().unwrap();
    for origin in ["", "two words", "a+b"] {
        let told = ceknik(["keygen", "--origin", origin, "--home"]).arg(dir.path()).refused();
        let must = "the key's name must have 1 to 255 bytes, no spaces, no plus and no control characters";
        assert_eq!(told, format!("the log's origin cannot be used: {must}"));
    }
    // The name of a log is no address. It is kept for good, so it is told before there is one.
    for (origin, name) in [
        ("https://cek.example.org/log", "cek.example.org/log"),
        ("HTTP://cek.example.org/log/", "cek.example.org/log"),
        ("https://cek.example.org", "cek.example.org"),
        ("cek.example.org/log/", "cek.example.org/log"),
    ] {
        let told = ceknik(["keygen", "--origin", origin, "--home"]).arg(dir.path()).refused();
        assert_eq!(
            told,
            format!(
                "--origin: a log's name is no address, and has neither a scheme nor a slash at its end: give {name}"
            )
        );
    }
    let told = ceknik(["keygen", "--origin", "https://", "--home"]).arg(dir.path()).refused();
    assert_eq!(
        told,
        "--origin: a log's name is no address, and has neither a scheme nor a slash at its end: give a host name that is yours, \
         and a path, such as ceknik.example.org/log"
    );
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing was made");
}

#[test]
fn under_a_passphrase() {
    let dir = tempfile::tempdir().unwrap();
    let (home, file) = (dir.path().join("home"), dir.path().join("passphrase"));
    let told = keygen(&home).arg("--encrypt").refused();
    assert_eq!(told, "--encrypt asks for the passphrase at a terminal: give --passphrase-file FILE in its place");
    assert!(!home.exists(), "nothing is made before the passphrase is there");
    fs::write(&file, "tujuh belas agustus\nthis line is none\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let long = dir.path().join("long");
    for (content, told) in
        [("x".repeat(5000), "is longer than 4095 bytes"), ("\nx".to_owned(), "has no passphrase in its")]
    {
        fs::write(&long, content).unwrap();
        fs::set_permissions(&long, fs::Permissions::from_mode(0o600)).unwrap();
        let refused = keygen(&home).arg("--passphrase-file").arg(&long).refused();
        assert!(refused.contains(told), "{refused}");
    }
    keygen(&home).arg("--encrypt").arg("--passphrase-file").arg(&file).done();
    let definition_file = dir.path().join("definition.toml");
    fs::write(&definition_file, definition(DATASET, "")).unwrap();
    let create = ceknik(["dataset", "create", "--weak-stretch", "--home"]).arg(&home).arg(&definition_file);
    create.arg("--passphrase-file").arg(&file).done();
    for key in ["keys/log.key", "keys/store.key", "keys/oprf/jakarta-2024.1.key"] {
        let bytes = fs::read(home.join(key)).unwrap();
        assert!(bytes.starts_with(b"age-encryption.org/v1\n"), "{key}");
        assert_eq!(mode(&home.join(key)), 0o600, "{key}");
    }
}

#[test]
fn a_generation_before_anything_was_published() {
    let home = TestHome::with_list(0..10);
    let told = home.command("dataset new-generation").arg(DATASET).refused();
    assert_eq!(
        told,
        "nothing of generation 1 of jakarta-2024 was published yet, so that a new one takes its place at once, and the 10 records \
         that were imported into it are erased: publish them first, or say --erase-unpublished and import the whole list again"
    );
    assert_eq!(home.command("dataset show").arg("--json").done().json()["generations"][0]["records"], 10);
    let said = home.command("dataset new-generation").args([DATASET, "--erase-unpublished"]).done().stdout;
    let begun = "Began generation 2 of jakarta-2024, in place of the one before, of which nothing was published. Import the \
                 whole list into it, then publish.\n";
    assert!(said.starts_with(begun), "{said}");
    let key = home.path().join("keys/oprf/jakarta-2024.2.key");
    let needed = format!("  its evaluation key is {}: the service needs it before its first epoch\n", key.display());
    assert!(said.contains(&needed), "{said}");
    home.import(list(0..10));
    home.publish();
    let said = home.command("dataset new-generation").arg(DATASET).done().stdout;
    assert!(
        said.starts_with("Began generation 3 of jakarta-2024. Import the whole list into it, then publish twice:\n")
    );
    // Without the list in it, publishing goes on with the one before, and says so.
    let waits = "\n  generation 3 was begun and is not announced: the list is not in it yet: import the whole list into it first\n";
    let said = home.publish().stdout;
    assert!(said.contains("epoch 2 of jakarta-2024 (generation 2)") && said.contains(waits), "{said}");
    home.import(list(0..10));
    let said = home.publish().stdout;
    assert!(said.contains("the new generation's key is announced") && !said.contains(waits), "{said}");
}

#[test]
fn a_mistaken_dataset_is_removed() {
    let home = TestHome::with_list(0..10);
    let delete = || home.command("dataset delete").arg(DATASET);
    assert_eq!(
        delete().refused(),
        "10 records were imported into jakarta-2024: say --erase-unpublished, and they are erased with it"
    );
    let said = delete().arg("--erase-unpublished").done().stdout;
    assert_eq!(
        said,
        "Removed dataset jakarta-2024, 10 records and its keys. Reports of its imports stay in reports/.\n"
    );
    assert!(!home.path().join("keys/oprf/jakarta-2024.1.key").exists());
    home.create_dataset(&definition(DATASET, ""));
    home.import(list(0..10));
    home.publish();
    let told = delete().arg("--erase-unpublished").refused();
    assert!(told.starts_with("epochs of jakarta-2024 are published, and the log forgets none: "), "{told}");
}

/// More candidates than a record has room for are told before a list is imported.
#[test]
fn records_that_are_short_for_the_candidates() {
    let home = TestHome::new();
    let third = "[candidates.ml]\nid = \"Pasangan M-L\"\nen = \"Pair M-L\"\n\n[statuses.ms]";
    let create =
        |id: &str, keys: &str| home.create_dataset(&definition(id, keys).replacen("[statuses.ms]", third, 1)).stdout;
    let told = "  a record has room for 2 supports with the longest ids, and there are more candidates: what is too long is refused \
                at the import; payload_bytes = 192 has room for all, and is fixed within a generation\n";
    let said = create(DATASET, "");
    assert!(said.contains(told), "{said}");
    let said = create("bandung-2024", "payload_bytes = 192");
    assert!(!said.contains("a record has room for"), "{said}");
    let rows: String =
        ["dk", "pw", "ml"].map(|id| format!("{},{id},tms,2024-08-15\n", crate::support::home::nik(1))).concat();
    let list = format!("NIK,Kandidat,Status,Tanggal\n{rows}");
    let report = home.import_command(list).arg("--json").done().json()["report"].as_str().unwrap().to_owned();
    let report = fs::read_to_string(report).unwrap();
    assert!(report.contains("4,,record_too_long,") || report.contains("4,\"\",record_too_long,"), "{report}");
    assert!(report.contains(": `ceknik dataset new-generation` begins one with larger records"), "{report}");
}

#[test]
fn datasets_are_created_once_and_changed() {
    let home = TestHome::with_dataset();
    let file = home.write("again.toml", definition(DATASET, ""));
    let told = home.command("dataset create").arg("--weak-stretch").arg(&file).refused();
    assert_eq!(
        told,
        "there is a dataset jakarta-2024 already: `ceknik dataset update` changes it, `ceknik dataset new-generation` begins \
         it anew"
    );
    let same = home.command("dataset update").arg(&file).done().stdout;
    assert_eq!(same, "Nothing differs from what jakarta-2024 has.\n");
    let other = home.write("other.toml", definition(DATASET, "").replace("Sample list", "Another list"));
    let changed = home.command("dataset update").arg(&other).done().stdout;
    assert_eq!(changed, "Changed title; the next epoch of jakarta-2024 shows it.\n");
    let fixed = home.write("fixed.toml", definition(DATASET, "posterior_percent = 40"));
    assert_eq!(
        home.command("dataset update").arg(&fixed).refused(),
        "posterior_percent is fixed within a generation: `ceknik dataset new-generation` begins one with another value, for \
         which the whole list is imported again"
    );
    assert_eq!(
        home.command("dataset show").arg("bandung-2024").refused(),
        "there is no dataset bandung-2024 here; there are: jakarta-2024"
    );
    let shown = home.command("dataset show").done().stdout;
    assert!(
        shown.starts_with("jakarta-2024\n  nothing is published\n  generation 1: 0 records for the next epoch"),
        "{shown}"
    );
    assert!(shown.contains("\n  filter: 1 file of 8237 bytes,"), "{shown}");
    assert!(shown.contains("\n  stretch: 8 KiB, 1 pass, WEAK: for tests only;"), "{shown}");
}
