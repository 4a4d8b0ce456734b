use super::*;
use crate::lookup::Item;

fn shelf(dir: &Path) -> Shelf {
    let server = ServerUrl::parse("https://ceknik.example.org/lists").unwrap();
    Cache::open(dir).unwrap().shelf(&server, &Id::new("jakarta-2024").unwrap())
}

fn list(text: &str) -> SeenList {
    let part = |name: &str| format!("{name} of {text}").into_bytes();
    SeenList { manifest: part("manifest"), proof: part("proof"), checkpoint: part("checkpoint") }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() { found.extend(files(&entry.path())) } else { found.push(entry.path()) }
    }
    found
}

#[test]
fn what_was_stored_is_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = shelf(dir.path());
    let empty = shelf.load().unwrap();
    assert!(empty.policy.is_none() && empty.list.is_none() && !empty.policy_damaged && !empty.list_damaged);
    shelf.store(&Item::Policy(b"log x\nquorum none\n".to_vec())).unwrap();
    shelf.store(&Item::List(list("epoch 1"))).unwrap();
    shelf.store(&Item::Shard { sha256: [7; 32], file: b"shard".to_vec() }).unwrap();
    let cached = shelf.load().unwrap();
    assert_eq!(cached.policy.as_deref(), Some(&b"log x\nquorum none\n"[..]));
    assert_eq!(cached.list, Some(list("epoch 1")));
    assert_eq!(cached.cover_secret, empty.cover_secret);
    assert_eq!(shelf.shard(&[7; 32]).as_deref(), Some(&b"shard"[..]));
    assert_eq!(shelf.shard(&[8; 32]), None);
    // Another list of the same service shares its policy, and nothing else.
    let other = Cache::open(dir.path()).unwrap();
    let server = ServerUrl::parse("https://ceknik.example.org/lists").unwrap();
    let other = other.shelf(&server, &Id::new("bandung-2024").unwrap()).load().unwrap();
    assert!(other.policy.is_some() && other.list.is_none());
    // An address that looks alike shares nothing but the secret.
    let server = ServerUrl::parse("https://ceknik.example.org_lists").unwrap();
    let alike = Cache::open(dir.path()).unwrap().shelf(&server, &Id::new("jakarta-2024").unwrap()).load().unwrap();
    assert!(alike.policy.is_none() && alike.list.is_none());
    assert_eq!(alike.cover_secret, cached.cover_secret);
}

#[test]
fn damage_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = shelf(dir.path());
    shelf.load().unwrap();
    shelf.store(&Item::Policy(b"log x\nquorum none\n".to_vec())).unwrap();
    shelf.store(&Item::List(list("epoch 1"))).unwrap();
    for (path, policy) in [(shelf.policy_path(), true), (shelf.list_path(), false)] {
        let good = fs::read(&path).unwrap();
        let mut flipped = good.clone();
        *flipped.last_mut().unwrap() ^= 1;
        for bad in [&flipped[..], &good[..good.len() - 1], b""] {
            fs::write(&path, bad).unwrap();
            let cached = shelf.load().unwrap();
            assert_eq!((cached.policy_damaged, cached.policy.is_none()), (policy, policy));
            assert_eq!((cached.list_damaged, cached.list.is_none()), (!policy, !policy));
        }
        fs::write(&path, good).unwrap();
    }
    // A damaged policy is not replaced, a damaged list is.
    fs::write(shelf.policy_path(), b"x").unwrap();
    shelf.store(&Item::Policy(b"log y\nquorum none\n".to_vec())).unwrap();
    assert!(shelf.load().unwrap().policy_damaged);
    fs::write(shelf.list_path(), b"x").unwrap();
    shelf.store(&Item::List(list("epoch 2"))).unwrap();
    assert_eq!(shelf.load().unwrap().list, Some(list("epoch 2")));
}

#[test]
fn the_first_policy_stays() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = shelf(dir.path());
    for text in ["first", "second"] {
        shelf.store(&Item::Policy(text.as_bytes().to_vec())).unwrap();
    }
    assert_eq!(shelf.load().unwrap().policy.as_deref(), Some(&b"first"[..]));
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let shelf = shelf(&dir.path().join("new/cache"));
    let first = shelf.load().unwrap().cover_secret;
    shelf.store(&Item::List(list("epoch 1"))).unwrap();
    let root = dir.path().join("new/cache");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&root), 0o700);
    let secret = root.join("cover-secret");
    assert_eq!(mode(&secret), 0o600);
    assert_eq!(mode(&shelf.list_path()), 0o600);
    assert_eq!(shelf.load().unwrap().cover_secret, first);
    // A secret that others could read is one no more.
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o640)).unwrap();
    let second = shelf.load().unwrap().cover_secret;
    assert_ne!(second, first);
    assert_eq!(mode(&secret), 0o600);
    fs::write(&secret, "ceknik-cover-secret-v1:short\n").unwrap();
    let third = shelf.load().unwrap().cover_secret;
    assert!(third != second && shelf.load().unwrap().cover_secret == third);
}

#[test]
fn many_at_once_leave_whole_files() {
    let dir = tempfile::tempdir().unwrap();
    let secrets: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                let shelf = shelf(dir.path());
                scope.spawn(move || {
                    let secret = shelf.load().unwrap().cover_secret.unwrap();
                    for round in 0..20 {
                        shelf.store(&Item::Policy(format!("policy {thread}").into_bytes())).unwrap();
                        shelf.store(&Item::List(list(&format!("{thread} {round}")))).unwrap();
                        let cached = shelf.load().unwrap();
                        assert!(cached.policy.is_some() && cached.list.is_some());
                    }
                    secret
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(secrets.iter().all(|secret| *secret == secrets[0]));
    let mut names: Vec<_> =
        files(dir.path()).iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort_unstable();
    assert_eq!(names, ["cover-secret", "list", "lock", "policy"], "no temporary file is left");
}

#[test]
fn what_a_killed_process_left_is_cleared_away() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = shelf(dir.path());
    let shard = Item::Shard { sha256: [7; 32], file: b"shard".to_vec() };
    shelf.store(&shard).unwrap();
    let before = files(dir.path());
    for place in [&shelf.root, &shelf.server, &shelf.dataset_dir(), &shelf.dataset_dir().join("filter")] {
        fs::write(place.join(format!("{UNFINISHED_PREFIX}x1")), "half").unwrap();
    }
    assert_eq!(files(dir.path()).len(), before.len() + 4);
    shelf.load().unwrap();
    assert!(files(dir.path()).iter().all(|path| !path.to_str().unwrap().contains(UNFINISHED_PREFIX)));
    assert_eq!(shelf.shard(&[7; 32]).as_deref(), Some(&b"shard"[..]));
}
