use std::fs;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;
use crate::durable::fault::crash_after;

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(5)
}

fn home() -> (tempfile::TempDir, KeyDir) {
    let dir = tempfile::tempdir().unwrap();
    let keys = KeyDir::of_home(dir.path());
    (dir, keys)
}

fn dataset() -> Id {
    Id::new("jakarta-2024").unwrap()
}

fn passphrase(text: &str) -> Passphrase {
    Passphrase::from(text.to_owned())
}

/// Puts a key file there as a user might, with mode 0600.
fn put(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let _ = fs::remove_file(path);
    create_new_0600(path, bytes).unwrap();
}

/// An age file of little work.
fn encrypted(text: &[u8], secret: &str) -> Vec<u8> {
    encrypt(Path::new("x"), text, &passphrase(secret), 4).unwrap()
}

#[test]
fn keys_are_created_and_read_back() {
    let (dir, keys) = home();
    let log = keys.create_log_key("ceknik.example.org/log", &mut rng(), None).unwrap();
    let store = keys.create_store_key(&mut rng(), None).unwrap();
    let oprf = keys.create_oprf_key(&dataset(), 1, &mut rng(), None).unwrap();

    assert_eq!(keys.log_key(None).unwrap().verifier_key(), log.verifier_key());
    assert_eq!(keys.log_public_key().unwrap(), log.verifier_key());
    assert_eq!(keys.store_key(None).unwrap(), store);
    assert_eq!(keys.oprf_key(&dataset(), 1, None).unwrap().public_key().to_bytes(), oprf.public_key().to_bytes());
    // A passphrase that is not needed does no harm.
    assert_eq!(keys.store_key(Some(&passphrase("unneeded"))).unwrap(), store);

    let mut paths: Vec<_> = walk(dir.path());
    paths.sort();
    assert_eq!(paths, ["keys/log.key", "keys/log.pub", "keys/oprf/jakarta-2024.1.key", "keys/store.key"]);
    assert!(fs::read_to_string(keys.log_path()).unwrap().starts_with("PRIVATE+KEY+ceknik.example.org/log+"));
    assert!(fs::read_to_string(keys.store_path()).unwrap().starts_with("ceknik-store-key-v1:"));
    assert!(fs::read_to_string(keys.oprf_path(&dataset(), 1)).unwrap().starts_with("ceknik-oprf-key-v1:"));
}

fn walk(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found
}

#[cfg(unix)]
#[test]
fn secrets_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (_dir, keys) = home();
    keys.create_log_key("o.example", &mut rng(), None).unwrap();
    keys.create_store_key(&mut rng(), None).unwrap();
    keys.create_oprf_key(&dataset(), 1, &mut rng(), None).unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    for path in [keys.log_path(), keys.store_path(), keys.oprf_path(&dataset(), 1)] {
        assert_eq!(mode(&path), 0o600);
    }
    for dir in [&keys.dir, &keys.dir.join("oprf")] {
        assert_eq!(mode(dir), 0o700);
    }
    let (_other, first) = home();
    first.create_oprf_key(&dataset(), 1, &mut rng(), None).unwrap();
    assert_eq!(mode(&first.dir), 0o700);
    for bad in [0o640, 0o604, 0o610, 0o620, 0o602, 0o601, 0o644, 0o777] {
        let path = keys.store_path();
        fs::set_permissions(&path, fs::Permissions::from_mode(bad)).unwrap();
        let error = keys.store_key(None).unwrap_err();
        let shown = path.display();
        assert_eq!(
            error.to_string(),
            format!(
                "{shown} can be used by others than its owner (mode {bad:04o}): run `chmod 600 {shown}`, and replace the key if they may have read it"
            )
        );
    }
    for good in [0o600, 0o400] {
        fs::set_permissions(keys.store_path(), fs::Permissions::from_mode(good)).unwrap();
        keys.store_key(None).unwrap();
    }
}

#[test]
fn keys_are_never_overwritten() {
    let (_dir, keys) = home();
    keys.create_log_key("o.example", &mut rng(), None).unwrap();
    keys.create_store_key(&mut rng(), None).unwrap();
    keys.create_oprf_key(&dataset(), 1, &mut rng(), None).unwrap();
    let before = (fs::read(keys.log_path()).unwrap(), fs::read(keys.log_public_path()).unwrap());
    let rng = &mut ChaCha20Rng::seed_from_u64(6);
    let errors = [
        keys.create_log_key("o.example", rng, None).map(|_| ()).unwrap_err(),
        keys.create_store_key(rng, None).map(|_| ()).unwrap_err(),
        keys.create_oprf_key(&dataset(), 1, rng, Some(&passphrase("x"))).map(|_| ()).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, KeyError::Exists { .. }), "{error}");
    }
    assert_eq!((fs::read(keys.log_path()).unwrap(), fs::read(keys.log_public_path()).unwrap()), before);
    // Not even something that is no key.
    put(&keys.oprf_path(&dataset(), 2), b"");
    assert!(matches!(keys.create_oprf_key(&dataset(), 2, rng, None).unwrap_err(), KeyError::Exists { .. }));
    keys.create_oprf_key(&dataset(), 3, rng, None).unwrap();
}

#[test]
fn swapped_files_are_named() {
    let (_dir, keys) = home();
    keys.create_log_key("o.example", &mut rng(), None).unwrap();
    keys.create_store_key(&mut rng(), None).unwrap();
    keys.create_oprf_key(&dataset(), 1, &mut rng(), None).unwrap();
    let (store, oprf) = (keys.store_path(), keys.oprf_path(&dataset(), 1));
    let text = fs::read(&store).unwrap();
    put(&store, &fs::read(&oprf).unwrap());
    put(&oprf, &text);
    assert_eq!(
        keys.store_key(None).unwrap_err().to_string(),
        format!("{}: this is an OPRF key, not a store key: were two key files swapped?", store.display())
    );
    assert_eq!(
        keys.oprf_key(&dataset(), 1, None).unwrap_err().to_string(),
        format!("{}: this is a store key, not an OPRF key: were two key files swapped?", oprf.display())
    );
    // Also when encrypted.
    put(&store, &encrypted(&fs::read(keys.log_path()).unwrap(), "open"));
    assert_eq!(
        keys.store_key(Some(&passphrase("open"))).unwrap_err().to_string(),
        format!("{}: this is a log key, not a store key: were two key files swapped?", store.display())
    );
    put(&keys.log_path(), &fs::read(keys.log_public_path()).unwrap());
    let error = keys.log_key(None).unwrap_err().to_string();
    assert!(
        error.ends_with("this is the public half of a log key, not a log key: were two key files swapped?"),
        "{error}"
    );
}

#[test]
fn passphrases_protect() {
    let (_dir, keys) = home();
    let secret = passphrase("benar kuda baterai");
    // Written at full cost once, as a publisher does.
    let key = keys.create_oprf_key(&dataset(), 1, &mut rng(), Some(&secret)).unwrap();
    let path = keys.oprf_path(&dataset(), 1);
    let file = fs::read(&path).unwrap();
    assert!(file.starts_with(b"age-encryption.org/v1\n-> scrypt "));
    assert!(String::from_utf8_lossy(&file).lines().nth(1).unwrap().ends_with(" 17"));
    assert!(!file.windows(8).any(|w| w == b"oprf-key"));
    let read = keys.oprf_key(&dataset(), 1, Some(&secret)).unwrap();
    assert_eq!(read.expose_bytes(), key.expose_bytes());

    let error = keys.oprf_key(&dataset(), 1, None).unwrap_err();
    assert_eq!(error.to_string(), format!("{} is encrypted: its passphrase is needed", path.display()));
    let error = keys.oprf_key(&dataset(), 1, Some(&passphrase("salah"))).unwrap_err();
    assert_eq!(error.to_string(), format!("wrong passphrase for {}", path.display()));
    let error = keys.create_store_key(&mut rng(), Some(&passphrase(""))).unwrap_err();
    assert!(matches!(error, KeyError::EmptyPassphrase));
    assert!(!keys.store_path().exists());
}

#[test]
fn damaged_encrypted_files_are_refused() {
    let (_dir, keys) = home();
    let path = keys.store_path();
    let secret = passphrase("s");
    let text = store_key_text(&StoreKey::from_bytes([9; 32]));
    let good = encrypted(text.as_bytes(), "s");
    put(&path, &good);
    assert_eq!(keys.store_key(Some(&secret)).unwrap(), StoreKey::from_bytes([9; 32]));
    for cut in [22, 60, good.len() / 2, good.len() - 1] {
        put(&path, &good[..cut]);
        let error = keys.store_key(Some(&secret)).unwrap_err();
        assert!(error.to_string().ends_with("cannot be decrypted: it is cut short or altered"), "{cut}: {error}");
    }
    for at in 25..good.len() {
        let mut altered = good.clone();
        altered[at] ^= 1;
        put(&path, &altered);
        let error = keys.store_key(Some(&secret)).unwrap_err();
        assert!(matches!(error, KeyError::Encrypted { .. } | KeyError::WrongPassphrase { .. }), "{at}: {error}");
    }
    let work = String::from_utf8_lossy(&good).find(" 4\n").unwrap();
    put(&path, &[&good[..work], b" 21\n", &good[work + 3..]].concat());
    let error = keys.store_key(Some(&secret)).unwrap_err();
    assert!(error.to_string().ends_with("it demands more than 1 GiB of memory (scrypt N over 2^20)"), "{error}");
    put(&path, &[b"age-encryption.org/v9\n", &good[22..]].concat());
    let error = keys.store_key(Some(&secret)).unwrap_err();
    assert!(matches!(error, KeyError::Encrypted { .. }), "{error}");
    // Text armor is not read.
    put(&path, b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n");
    let error = keys.store_key(Some(&secret)).unwrap_err().to_string();
    assert!(error.contains("this is an encrypted key in text armor (age), not a store key"), "{error}");
}

#[test]
fn other_files_are_refused() {
    let (dir, keys) = home();
    let error = keys.store_key(None).unwrap_err();
    assert!(matches!(error, KeyError::Missing { .. }), "{error}");
    assert!(matches!(keys.log_public_key().unwrap_err(), KeyError::Missing { .. }));
    for bytes in [&b""[..], b"\n", b"ceknik-store-key-v1:", b"ceknik-store-key-v1:AAAA\n", b"\0\xff"] {
        put(&keys.store_path(), bytes);
        let error = keys.store_key(None).unwrap_err().to_string();
        assert!(error.ends_with("this is not a store key: the file is empty, cut short or altered"), "{error}");
    }
    put(&keys.store_path(), &vec![b'a'; MAX_KEY_FILE_BYTES + 1]);
    let error = keys.store_key(None).unwrap_err();
    assert!(matches!(&error, KeyError::File(f) if f.source.kind() == io::ErrorKind::FileTooLarge), "{error}");
    put(&keys.store_path(), &vec![b'a'; MAX_KEY_FILE_BYTES]);
    assert!(matches!(keys.store_key(None).unwrap_err(), KeyError::Content { .. }));
    fs::remove_file(keys.store_path()).unwrap();
    fs::create_dir(keys.store_path()).unwrap();
    assert!(matches!(keys.store_key(None).unwrap_err(), KeyError::NotAFile { .. }));
    fs::write(keys.log_public_path(), b"o.example+00000000+AAAA").unwrap();
    let error = keys.log_public_key().unwrap_err();
    assert!(matches!(error, KeyError::Public { reason: VkeyError::Form, .. }), "{error}");
    let error = keys.create_log_key("two words", &mut rng(), None).unwrap_err();
    assert!(error.to_string().starts_with("the log's origin cannot be used: "), "{error}");
    assert!(!dir.path().join("keys/log.key").exists());
}

#[test]
fn a_crash_while_creating_the_log_key_is_repaired_by_the_next_run() {
    for steps in 0.. {
        let (_dir, keys) = home();
        let crashed = crash_after(steps, || keys.create_log_key("o.example", &mut rng(), None)).is_err();
        if keys.log_path().exists() {
            // Whole, and with its public half.
            let key = keys.log_key(None).unwrap();
            assert_eq!(keys.log_public_key().unwrap(), key.verifier_key(), "step {steps}");
        } else {
            assert!(crashed);
            let key = keys.create_log_key("o.example", &mut ChaCha20Rng::seed_from_u64(6), None).unwrap();
            assert_eq!(keys.log_public_key().unwrap(), key.verifier_key(), "step {steps}");
        }
        if !crashed {
            assert!(steps > 10);
            break;
        }
    }
}

#[test]
fn errors_hold_no_secrets() {
    let (_dir, keys) = home();
    let secret = "kata-sandi-rahasia";
    let store = store_key_text(&StoreKey::from_bytes([0xab; 32]));
    put(&keys.store_path(), &encrypted(&store.as_bytes()[..store.len() - 2], secret));
    let with_content = keys.store_key(Some(&passphrase(secret))).unwrap_err();
    put(&keys.store_path(), &store.as_bytes()[..store.len() - 2]);
    let plain = keys.store_key(None).unwrap_err();
    for error in [with_content, plain] {
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("q6ur") && !shown.contains(secret), "{shown}");
    }
    assert!(!format!("{:?}", passphrase(secret)).contains(secret));
}
