//! Keys that others can read, under another passphrase, swapped, missing.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::support::command::ceknik;
use crate::support::home::{DATASET, TestHome, definition, list};
use crate::support::service::ceknikd;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Why a service that is started on a home does not run: the reason in its log.
fn service_refusal(home: &TestHome, options: &[&str]) -> String {
    let mut command = ceknikd(&home.public(), &home.oprf_keys(), &home.beside("state"));
    let output = command.args(options).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let log = String::from_utf8(output.stderr).unwrap();
    let line: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!((line["level"].as_str(), line["message"].as_str()), (Some("ERROR"), Some("the service does not run")));
    line["reason"].as_str().unwrap().to_owned()
}

#[test]
fn keys_readable_by_others() {
    let home = TestHome::published(0..20);
    let key = |name: &str| home.path().join("keys").join(name);
    let told = |path: &Path, mode: u32| {
        let path = path.display();
        format!(
            "{path} can be used by others than its owner (mode {mode:04o}): run `chmod 600 {path}`, and replace the key if \
             they may have read it"
        )
    };
    for (name, mode) in [("store.key", 0o644), ("log.key", 0o604), ("log.key", 0o620)] {
        set_mode(&key(name), mode);
        assert_eq!(home.command("publish").arg(DATASET).refused(), told(&key(name), mode));
        set_mode(&key(name), 0o600);
    }
    let oprf = key("oprf/jakarta-2024.1.key");
    set_mode(&oprf, 0o640);
    assert_eq!(home.import_command(list([1])).refused(), told(&oprf, 0o640));
    assert_eq!(
        service_refusal(&home, &[]),
        format!(
            "{} can be used by others than its owner (mode 0640): run `chmod 600` on it, and replace what it holds if they may have read it",
            oprf.display()
        )
    );
}

#[test]
fn wrong_passphrase() {
    let home = TestHome::with_passphrase("tujuh belas agustus");
    let definition = home.write("definition.toml", definition(DATASET, ""));
    let create = || ceknik(["dataset", "create", "--weak-stretch", "--home"]).arg(home.path()).arg(&definition);
    let store_key = home.path().join("keys/store.key");
    let file = |name: &str, text: &str| home.write_private(name, text);
    let wrong = file("wrong", "delapan belas agustus\n");
    assert_eq!(
        create().arg("--passphrase-file").arg(&wrong).refused(),
        format!("wrong passphrase for {}", store_key.display())
    );
    assert_eq!(create().refused(), "the keys are encrypted: give their passphrase with --passphrase-file FILE");
    let empty = file("empty", "\ntujuh belas agustus\n");
    assert_eq!(
        create().arg("--passphrase-file").arg(&empty).refused(),
        format!("{} has no passphrase in its first line", empty.display())
    );
    let missing = home.beside("missing");
    assert_eq!(
        create().arg("--passphrase-file").arg(&missing).refused(),
        format!("cannot read the passphrase from {}: No such file or directory (os error 2)", missing.display())
    );
    let right = home.beside("passphrase");
    set_mode(&right, 0o644);
    assert_eq!(
        create().arg("--passphrase-file").arg(&right).refused(),
        format!(
            "{0} can be used by others than its owner (mode 0644): run `chmod 600 {0}`, and change the passphrase if they may \
             have read it",
            right.display()
        )
    );
    set_mode(&right, 0o600);
    create().arg("--passphrase-file").arg(&right).done();

    let oprf = home.oprf_keys().join("jakarta-2024.1.key");
    assert_eq!(
        service_refusal(&home, &["--passphrase-file", wrong.to_str().unwrap()]),
        format!("{} does not open with the passphrase that was given", oprf.display())
    );
    assert_eq!(
        service_refusal(&home, &[]),
        format!(
            "{} is encrypted; give its passphrase with --passphrase-file, --passphrase-fd or --passphrase-prompt",
            oprf.display()
        )
    );
}

#[test]
fn keys_of_another_kind() {
    let home = TestHome::with_list(0..20);
    let key = |name: &str| home.path().join("keys").join(name);
    let swapped = |home: &TestHome, one: &str, other: &str| {
        let path = |name: &str| home.path().join("keys").join(name);
        fs::rename(path(one), path("aside")).unwrap();
        fs::rename(path(other), path(one)).unwrap();
        fs::rename(path("aside"), path(other)).unwrap();
    };
    swapped(&home, "log.key", "store.key");
    assert_eq!(
        home.command("publish").arg(DATASET).refused(),
        format!("{}: this is a log key, not a store key: were two key files swapped?", key("store.key").display())
    );
    swapped(&home, "log.key", "store.key");
    let oprf = "oprf/jakarta-2024.1.key";
    swapped(&home, "store.key", oprf);
    let is_oprf =
        format!("{}: this is an OPRF key, not a store key: were two key files swapped?", key("store.key").display());
    assert_eq!(home.import_command(list([1])).refused(), is_oprf);
    assert_eq!(
        service_refusal(&home, &[]),
        format!("{}: this is a store key, not an OPRF key: were two key files swapped?", key(oprf).display())
    );
    swapped(&home, "store.key", oprf);
    fs::copy(key("log.pub"), key("log.key")).unwrap();
    set_mode(&key("log.key"), 0o600);
    assert_eq!(
        home.command("publish").arg(DATASET).refused(),
        format!(
            "{}: this is the public half of a log key, not a log key: were two key files swapped?",
            key("log.key").display()
        )
    );
    fs::write(key("log.key"), "PRIVATE+KEY+").unwrap();
    let told = home.command("publish").arg(DATASET).refused();
    assert!(told.starts_with(&format!("{}: ", key("log.key").display())), "{told}");
}

/// Each of the right kind, and of another dataset, or another publisher.
#[test]
fn keys_of_another_owner() {
    let home = TestHome::published(0..20);
    home.create_dataset(&definition("bandung-2024", ""));
    let other = TestHome::with_list(0..20);
    let untouched = home.copy();
    let key = |home: &TestHome, name: &str| home.path().join("keys").join(name);
    let take = |name: &str, from: &TestHome| fs::copy(key(from, name), key(&home, name)).unwrap();

    let oprf = "oprf/jakarta-2024.1.key";
    fs::copy(key(&home, "oprf/bandung-2024.1.key"), key(&home, oprf)).unwrap();
    assert_eq!(
        home.import_command(list([1])).refused(),
        "the evaluation key is not the one of dataset jakarta-2024, generation 1: were two files in keys/oprf swapped?"
    );
    take(oprf, &untouched);

    take("store.key", &other);
    assert_eq!(
        home.command("publish").arg(DATASET).refused(),
        "the store key does not belong to this record store: use the keys/store.key that was made with it"
    );
    take("store.key", &untouched);

    take("log.key", &other);
    assert_eq!(
        home.command("publish").arg(DATASET).refused(),
        format!(
            "{}: the checkpoint is not signed by the policy's key for the log \"ceknik.example.org/log\": use the keys/log.key \
             that made this log",
            home.public().join("log/checkpoint").display()
        )
    );
    take("log.key", &untouched);
    // Nothing was begun by all this.
    let published = home.command("publish").args([DATASET, "--json"]).done().json();
    assert_eq!((&published["epoch"], &published["resumed"]), (&2.into(), &false.into()));
}

#[test]
fn keys_and_stores_that_are_missing() {
    let home = TestHome::with_list(0..20);
    let publish = |home: &TestHome| home.command("publish").arg(DATASET).refused();
    let without = |name: &str| {
        let home = home.copy();
        let path = home.path().join(name);
        fs::remove_file(&path).unwrap();
        let told = publish(&home);
        told.strip_prefix(&format!("{} ", path.display())).unwrap_or(&told).to_owned()
    };
    let put_back = "put it back from a copy, or name the right home with --home; `ceknik keygen` makes a new home";
    for name in ["keys/log.key", "keys/store.key"] {
        assert_eq!(without(name), format!("does not exist: {put_back}"));
    }
    let copy = home.copy();
    for file in ["store.sqlite", "store.sqlite-wal", "store.sqlite-shm"] {
        drop(fs::remove_file(copy.path().join(file)));
    }
    let store = copy.path().join("store.sqlite");
    assert_eq!(publish(&copy), format!("there is no record store at {}: {put_back}", store.display()));
    fs::write(&store, "something else").unwrap();
    assert_eq!(
        publish(&copy),
        format!(
            "{} is no record store of ceknik: put it back from a copy, or name the right home with --home",
            store.display()
        )
    );
    let nowhere = home.beside("nowhere");
    assert_eq!(
        ceknik(["publish", DATASET, "--home"]).arg(&nowhere).refused(),
        format!(
            "there is no publisher's home at {}: `ceknik keygen` makes one, --home DIR names another",
            nowhere.display()
        )
    );
}
