use std::collections::BTreeMap;
use std::fs;

use ceknik_core::log::{ConsistencyCheck, Cosigner, SignedCheckpoint, TilePlan};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;
use crate::durable::fault::{assert_durable_before, crash_after, recorded};

const ORIGIN: &str = "ceknik.example.org/log";

fn signer() -> LogSigner {
    LogSigner::generate(ORIGIN, &mut ChaCha20Rng::seed_from_u64(7)).unwrap()
}

fn leaf(index: u64) -> Vec<u8> {
    format!("{{\"epoch\":{index}}}").into_bytes()
}

fn log_in(dir: &Path) -> LogDir {
    LogDir::new(dir, signer().verifier_key())
}

fn append(log: &LogDir, index: u64) -> PreparedAppend {
    let prepared = log.prepare(&signer(), index, &leaf(index)).unwrap();
    log.write(&prepared).unwrap();
    prepared
}

/// A log of some size, made without waiting for the disk.
fn grown_to(size: u64) -> (tempfile::TempDir, LogDir) {
    let dir = tempfile::tempdir().unwrap();
    let log = log_in(dir.path());
    for index in 0..size {
        append_fast(&log, index);
    }
    (dir, log)
}

fn append_fast(log: &LogDir, index: u64) -> PreparedAppend {
    let prepared = log.prepare(&signer(), index, &leaf(index)).unwrap();
    for (path, bytes) in prepared.files() {
        put(&log.root().join(path), bytes);
    }
    put(&log.root().join("checkpoint"), prepared.checkpoint_note());
    prepared
}

fn put(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// All files of a directory but temporary ones, with their contents.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(&at).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if !path.to_str().unwrap().ends_with(".tmp") {
                found.insert(path.strip_prefix(dir).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn size(log: &LogDir) -> u64 {
    log.checkpoint().unwrap().map_or(0, |checkpoint| checkpoint.head().size)
}

#[test]
fn appended_leaves_are_provable_at_every_size() {
    let dir = tempfile::tempdir().unwrap();
    let log = log_in(&dir.path().join("public/log"));
    let policy = Policy::for_log(signer().verifier_key());
    assert!(log.checkpoint().unwrap().is_none());
    let mut before = None;
    for index in 0..=520 {
        let at_a_border = (index + 2) % 256 < 4;
        let prepared = if at_a_border { append(&log, index) } else { append_fast(&log, index) };
        assert_eq!((prepared.index(), prepared.head().size), (index, index + 1));
        let proof = TlogProof::parse(prepared.proof()).unwrap();
        let verified = proof.verify(&policy, &leaf(index)).unwrap();
        assert_eq!(verified.index(), index);
        let after = verified.checkpoint().clone();
        assert_eq!(fs::read(log.root().join("checkpoint")).unwrap(), prepared.checkpoint_note());
        if let Some(before) = before.replace(after.clone()) {
            let check = ConsistencyCheck::new(&before, &after).unwrap();
            let tiles: Vec<_> = check.tiles().iter().map(|t| fs::read(log.root().join(t.path())).unwrap()).collect();
            check.verify(&tiles).unwrap();
        }
    }
    for index in [0, 1, 255, 256, 257, 511, 512, 520] {
        assert_eq!(log.entry(index).unwrap(), leaf(index));
    }
    assert!(matches!(log.entry(521), Err(LogDirError::Gap { index: 521, size: 521 })));
}

#[test]
fn the_files_are_those_of_tlog_tiles() {
    let (dir, _) = grown_to(257);
    let found = files(dir.path());
    let mut expected = vec!["checkpoint".to_owned()];
    for kind in ["0", "entries"] {
        expected.extend((1..256).map(|width| format!("tile/{kind}/000.p/{width}")));
        expected.push(format!("tile/{kind}/000"));
        expected.push(format!("tile/{kind}/001.p/1"));
    }
    expected.push("tile/1/000.p/1".into());
    expected.sort();
    let mut paths: Vec<_> = found.keys().map(|path| path.to_str().unwrap().to_owned()).collect();
    paths.sort();
    assert_eq!(paths, expected);
    assert_eq!(found[Path::new("tile/0/000")].len(), 8192);
    assert_eq!(found[Path::new("tile/entries/001.p/1")], [&[0, 13][..], b"{\"epoch\":256}"].concat());
}

#[test]
fn an_append_touches_few_files() {
    let (_dir, log) = grown_to(300);
    let prepared = log.prepare(&signer(), 300, &leaf(300)).unwrap();
    let paths: Vec<_> = prepared.files().iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["tile/entries/001.p/45", "tile/0/001.p/45"]);
    // Nothing but the edge is needed: the full tile and bundle may be away (on a mirror, say).
    fs::remove_file(log.root().join("tile/0/000")).unwrap();
    fs::remove_file(log.root().join("tile/entries/000")).unwrap();
    append(&log, 300);
    assert_eq!(size(&log), 301);
}

#[test]
fn preparing_writes_nothing_and_is_deterministic() {
    let (dir, log) = grown_to(255);
    let before = files(dir.path());
    let prepared = log.prepare(&signer(), 255, &leaf(255)).unwrap();
    assert_eq!(prepared, log.prepare(&signer(), 255, &leaf(255)).unwrap());
    assert_eq!(files(dir.path()), before);
    let paths: Vec<_> = prepared.files().iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
}

#[test]
fn doing_it_again_changes_nothing() {
    let (dir, log) = grown_to(3);
    let prepared = append(&log, 3);
    let before = files(dir.path());
    log.write(&prepared).unwrap();
    assert_eq!(files(dir.path()), before);
    // Prepared anew, it is found in the log, with the same proof and checkpoint.
    let again = log.prepare(&signer(), 3, &leaf(3)).unwrap();
    assert!(again.files().is_empty());
    assert_eq!((again.proof(), again.checkpoint_note()), (prepared.proof(), prepared.checkpoint_note()));
    log.write(&again).unwrap();
    // So are earlier leaves, under the present checkpoint.
    let first = log.prepare(&signer(), 0, &leaf(0)).unwrap();
    let verified = TlogProof::parse(first.proof()).unwrap().verify(&Policy::for_log(signer().verifier_key()), &leaf(0));
    assert_eq!(verified.unwrap().checkpoint().head().size, 4);
    log.write(&first).unwrap();
    assert_eq!(files(dir.path()), before);
}

#[test]
fn gained_signatures_are_kept() {
    let (_dir, log) = grown_to(3);
    let prepared = append(&log, 3);
    let checkpoint = log.checkpoint().unwrap().unwrap();
    let cosigner = Cosigner::from_seed("w1.example", &[1; 32]).unwrap();
    let cosigned = [checkpoint.as_bytes(), &cosigner.cosign(&checkpoint, 1_800_000_000).unwrap()].concat();
    fs::write(log.root().join("checkpoint"), &cosigned).unwrap();
    log.write(&prepared).unwrap();
    assert_eq!(fs::read(log.root().join("checkpoint")).unwrap(), cosigned);
    let again = log.prepare(&signer(), 3, &leaf(3)).unwrap();
    assert_eq!(again.checkpoint_note(), cosigned);
    append(&log, 4);
    assert_eq!(size(&log), 5);
}

#[test]
fn a_taken_place_is_refused() {
    let (_dir, log) = grown_to(3);
    let error = log.prepare(&signer(), 1, b"another").unwrap_err();
    assert_eq!(error.to_string(), "the log holds another entry at position 1; what is logged cannot be changed");
    let error = log.prepare(&signer(), 4, b"x").unwrap_err();
    assert_eq!(
        error.to_string(),
        "position 4 was asked for, but the log has 3 entries: is this the right log, or an old copy of it?"
    );
    // An append that was begun: its checkpoint may have been shown.
    let begun = log.prepare(&signer(), 3, &leaf(3)).unwrap();
    crash_after(8, || log.write(&begun)).unwrap_err();
    assert_eq!(size(&log), 3);
    let error = log.prepare(&signer(), 3, b"another").unwrap_err();
    let path = log.root().join("tile/entries/000.p/4");
    assert!(matches!(&error, LogDirError::Conflict { path: p } if *p == path), "{error}");
    append(&log, 3);

    // Prepared before, written after someone else's.
    let mine = log.prepare(&signer(), 4, b"mine").unwrap();
    append(&log, 4);
    append(&log, 5);
    let error = log.write(&mine).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the log has 6 entries by now, and the append was prepared to make it 5: prepare it again"
    );
}

#[test]
fn an_existing_full_tile_is_never_overwritten() {
    let (_dir, log) = grown_to(255);
    let prepared = log.prepare(&signer(), 255, &leaf(255)).unwrap();
    let path = log.root().join("tile/0/000");
    fs::write(&path, b"something else").unwrap();
    let error = log.write(&prepared).unwrap_err();
    assert!(matches!(&error, LogDirError::Conflict { path: p } if *p == path), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"something else");
    assert_eq!(size(&log), 255);
}

#[test]
fn long_leaves_are_refused() {
    let (_dir, log) = grown_to(1);
    let longest = vec![b'a'; 65_535];
    let error = log.prepare(&signer(), 1, &[&longest[..], b"a"].concat()).unwrap_err();
    assert!(matches!(error, LogDirError::LeafTooLong { bytes: 65_536 }));
    log.write(&log.prepare(&signer(), 1, &longest).unwrap()).unwrap();
    assert_eq!(log.entry(1).unwrap(), longest);
    log.write(&log.prepare(&signer(), 2, b"").unwrap()).unwrap();
    assert_eq!(log.entry(2).unwrap(), b"");
}

#[test]
fn another_key_is_refused() {
    let (dir, log) = grown_to(2);
    let other = |origin| LogSigner::generate(origin, &mut ChaCha20Rng::seed_from_u64(8)).unwrap();
    assert!(matches!(log.prepare(&other(ORIGIN), 2, b"x").unwrap_err(), LogDirError::OtherKey { .. }));
    for (key, reason) in [(other(ORIGIN), "is not signed by"), (other("o.example"), "names no log with the origin")] {
        let error = LogDir::new(dir.path(), key.verifier_key()).prepare(&key, 2, b"x").unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert!(error.to_string().starts_with(dir.path().join("checkpoint").to_str().unwrap()), "{error}");
    }
}

/// The error when appending to a log of which one file was changed, and that file's path. Puts the file back.
fn damaged(log: &LogDir, path: &str, change: impl FnOnce(&Path)) -> (LogDirError, PathBuf) {
    let path = log.root().join(path);
    let good = fs::read(&path).unwrap();
    let size = size(log);
    change(&path);
    let error = log.prepare(&signer(), size, b"next").unwrap_err();
    fs::write(&path, good).unwrap();
    (error, path)
}

fn flip(at: usize) -> impl FnOnce(&Path) {
    move |path| {
        let mut bytes = fs::read(path).unwrap();
        bytes[at] ^= 1;
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn missing_and_altered_files_are_named() {
    let (_dir, log) = grown_to(258);
    let remove = |path: &Path| fs::remove_file(path).unwrap();
    for path in ["tile/0/001.p/2", "tile/1/000.p/1", "tile/entries/001.p/2"] {
        let (error, expected) = damaged(&log, path, remove);
        assert!(matches!(&error, LogDirError::Missing { path } if *path == expected), "{error}");
        for change in [flip(0), flip(15), flip(29)] {
            let (error, expected) = damaged(&log, path, change);
            assert!(matches!(&error, LogDirError::Altered { path } if *path == expected), "{error}");
        }
        for bytes in [&b""[..], &[0; 33], &[0; 9000]] {
            let (error, expected) = damaged(&log, path, |path| fs::write(path, bytes).unwrap());
            assert!(matches!(&error, LogDirError::Altered { path } if *path == expected), "{error}");
        }
    }
    let (error, expected) = damaged(&log, "checkpoint", flip(30));
    assert!(matches!(&error, LogDirError::Checkpoint { path, .. } if *path == expected), "{error}");
    let (error, expected) = damaged(&log, "checkpoint", |path| fs::write(path, b"").unwrap());
    assert_eq!(
        error.to_string(),
        format!("{}: the checkpoint is not a signed note: put it back from a backup or a mirror", expected.display())
    );
    let (error, expected) = damaged(&log, "checkpoint", remove);
    assert!(matches!(&error, LogDirError::NoCheckpoint { path } if *path == expected), "{error}");
}

#[test]
fn damage_behind_the_edge_is_found_when_an_entry_is_read() {
    let (_dir, log) = grown_to(258);
    for path in ["tile/0/000", "tile/entries/000"] {
        let path = log.root().join(path);
        let good = fs::read(&path).unwrap();
        flip(good.len() - 1)(&path);
        let error = log.prepare(&signer(), 3, &leaf(3)).unwrap_err();
        assert!(matches!(&error, LogDirError::Altered { path: p } if *p == path), "{error}");
        fs::remove_file(&path).unwrap();
        let error = log.entry(3).unwrap_err();
        assert!(matches!(&error, LogDirError::Missing { path: p } if *p == path), "{error}");
        fs::write(&path, good).unwrap();
    }
    log.prepare(&signer(), 3, &leaf(3)).unwrap();
}

#[test]
fn two_altered_files_are_told_as_candidates() {
    let (_dir, log) = grown_to(258);
    for path in ["tile/0/001.p/2", "tile/1/000.p/1"] {
        flip(0)(&log.root().join(path));
    }
    let LogDirError::Mismatch { paths } = log.checkpoint().unwrap_err() else { panic!() };
    let expected = ["checkpoint", "tile/1/000.p/1", "tile/0/001.p/2"].map(|path| log.root().join(path));
    assert_eq!(paths, expected);
}

#[test]
fn an_old_checkpoint_is_not_extended() {
    for old in [0, 1, 255, 256, 300] {
        let (_dir, log) = grown_to(old + 1);
        let note = fs::read(log.root().join("checkpoint")).unwrap();
        append(&log, old + 1);
        append(&log, old + 2);
        fs::write(log.root().join("checkpoint"), note).unwrap();
        let error = log.prepare(&signer(), old + 1, b"fork").unwrap_err();
        assert!(matches!(&error, LogDirError::BeyondCheckpoint { size, .. } if *size == old + 1), "{error}");
    }
}

/// Appends one leaf, dying after each possible number of file operations.
fn crash_everywhere(before: u64) {
    let (seed, log) = grown_to(before);
    // What lies behind the edge plays no part.
    let mut needed: Vec<PathBuf> = TilePlan::edge(before).tiles().iter().map(|tile| tile.path().into()).collect();
    needed.extend(BundleId::in_tree(before >> 8, before).map(|bundle| bundle.path().into()));
    needed.push("checkpoint".into());
    let mut old = files(seed.path());
    old.retain(|path, _| needed.contains(path));
    let prepared = log.prepare(&signer(), before, &leaf(before)).unwrap();
    let mut new = old.clone();
    new.insert("checkpoint".into(), prepared.checkpoint_note().to_vec());
    new.extend(prepared.files().iter().map(|(path, bytes)| (path.into(), bytes.clone())));

    for steps in 0.. {
        let dir = tempfile::tempdir().unwrap();
        for (path, bytes) in &old {
            put(&dir.path().join(path), bytes);
        }
        let log = log_in(dir.path());
        let done = crash_after(steps, || log.write(&prepared)).is_ok();

        // The old log or the new one, whole.
        let reached = size(&log);
        assert!(reached == before || reached == before + 1, "step {steps}");
        if reached == before {
            assert_eq!(fs::read(dir.path().join("checkpoint")).ok().as_ref(), old.get(Path::new("checkpoint")));
        } else {
            assert_eq!(files(dir.path()), new, "step {steps}");
        }
        // No file holds anything but its old or its new content.
        for (path, bytes) in files(dir.path()) {
            assert!(old.get(&path) == Some(&bytes) || new.get(&path) == Some(&bytes), "{}", path.display());
        }
        if done {
            assert_eq!(reached, before + 1);
            assert!(steps > 10, "{steps}");
            break;
        }
        // The same append, prepared before or anew, completes it; so does a second crash and a third try.
        if steps % 2 == 0 {
            log.write(&prepared).unwrap();
        } else {
            let again = log.prepare(&signer(), before, &leaf(before)).unwrap();
            assert_eq!(again.checkpoint_note(), prepared.checkpoint_note());
            assert_eq!(again.proof(), prepared.proof());
            let _ = crash_after(steps / 2, || log.write(&again));
            append(&log, before);
        }
        assert_eq!(files(dir.path()), new, "step {steps}");
        append(&log, before + 1);
        assert_eq!(size(&log), before + 2);
    }
}

#[test]
fn a_crash_at_any_step_leaves_the_old_or_the_new_log() {
    // The first append of all, one within a tile, one that fills it, one that begins the next.
    for before in [0, 1, 7, 255, 256] {
        crash_everywhere(before);
    }
}

#[test]
fn everything_is_on_the_disk_before_the_checkpoint() {
    for before in [0, 5, 255, 256] {
        let (_dir, log) = grown_to(before);
        let prepared = log.prepare(&signer(), before, &leaf(before)).unwrap();
        let (result, done) = recorded(|| log.write(&prepared));
        result.unwrap();
        assert_durable_before(&done, &log.root().join("checkpoint"));
        // And files that a killed run may have left in memory only are brought there by the next.
        let (_dir, log) = grown_to(before);
        crash_after(done.len() - 7, || log.write(&prepared)).unwrap_err();
        let (result, again) = recorded(|| log.write(&prepared));
        result.unwrap();
        for (path, _) in prepared.files() {
            let path = log.root().join(path);
            let synced = |(operation, at): &(crate::durable::Operation, PathBuf)| {
                *operation == crate::durable::Operation::SyncDir && at == path.parent().unwrap()
            };
            assert!(again.iter().any(synced), "{}", path.display());
        }
    }
}

#[test]
fn checkpoints_parse_as_their_tree() {
    let (_dir, log) = grown_to(2);
    let prepared = log.prepare(&signer(), 2, &leaf(2)).unwrap();
    let checkpoint = SignedCheckpoint::parse(prepared.checkpoint_note()).unwrap();
    assert_eq!(checkpoint.head(), prepared.head());
    assert_eq!(checkpoint.origin(), ORIGIN);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_leaves_are_read_back(leaves in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 1..20)) {
        let dir = tempfile::tempdir().unwrap();
        let log = log_in(dir.path());
        for (index, leaf) in (0u64..).zip(&leaves) {
            log.write(&log.prepare(&signer(), index, leaf).unwrap()).unwrap();
        }
        for (index, leaf) in (0u64..).zip(&leaves) {
            prop_assert_eq!(&log.entry(index).unwrap(), leaf);
        }
    }
}
