use super::fault::{assert_durable_before, crash_after, recorded};
use super::*;

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn writes_replace_whole_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b/file");
    write_atomic(&path, b"old").unwrap();
    write_atomic(&path, b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(names(path.parent().unwrap()), ["file"]);
    let (result, done) = recorded(|| write_atomic(&dir.path().join("c/d/file"), b"x"));
    result.unwrap();
    assert_durable_before(&done, &dir.path().join("c/d/file"));
}

#[test]
fn a_crash_at_any_step_leaves_the_old_or_the_new_content() {
    let mut crashed = 0;
    for existing in [false, true] {
        for steps in 0.. {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("a/b/file");
            if existing {
                write_atomic(&path, b"old").unwrap();
            }
            let result = crash_after(steps, || write_atomic(&path, b"new content"));
            let found = read_limited(&path, 100).unwrap();
            if result.is_ok() {
                assert_eq!(found.as_deref(), Some(&b"new content"[..]));
                break;
            }
            crashed += 1;
            let old = existing.then_some(&b"old"[..]);
            assert!(found.as_deref() == old || found.as_deref() == Some(b"new content"), "step {steps}");
            write_atomic(&path, b"new content").unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"new content");
            assert_eq!(names(path.parent().unwrap()), ["file"], "step {steps}");
        }
    }
    assert!(crashed >= 14, "{crashed}");
}

#[test]
fn errors_clean_up_and_name_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("taken");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("inside"), b"").unwrap();
    let error = write_atomic(&path, b"x").unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot rename {}: ", path.display())), "{error}");
    assert_eq!(names(dir.path()), ["taken"]);
    let file = dir.path().join("file");
    fs::write(&file, b"").unwrap();
    let error = write_atomic(&file.join("below"), b"x").unwrap_err();
    assert!(error.to_string().starts_with("cannot create the directory"), "{error}");
}

#[test]
fn what_is_written_piece_by_piece_is_there_whole_or_not_at_all() {
    use std::os::unix::fs::PermissionsExt;
    let write = |path: &Path, text: &str| {
        write_atomic_0600(path, |out| {
            text.split_inclusive('\n')
                .try_for_each(|line| out.write_all(line.as_bytes()))
                .map_err(failed("write", path))
        })
    };
    for steps in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report");
        write(&path, "old\n").unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        let result = crash_after(steps, || write(&path, "new\ncontent\n"));
        let found = fs::read_to_string(&path).unwrap();
        assert!(found == "new\ncontent\n" || (result.is_err() && found == "old\n"), "step {steps}");
        if result.is_ok() {
            break;
        }
        write(&path, "new\ncontent\n").unwrap();
        assert_eq!(names(dir.path()), ["report"], "step {steps}");
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("report");
    let (result, done) = recorded(|| write(&path, "x"));
    result.unwrap();
    assert_durable_before(&done, &path);
    // Whoever writes may fail for a reason of his own.
    let stopped: Result<(), FileError> =
        write_atomic_0600(&path, |_| Err(failed("write", &path)(io::ErrorKind::Other.into())));
    assert!(stopped.is_err() && fs::read(&path).unwrap() == b"x" && names(dir.path()) == ["report"]);
}

#[test]
fn private_files_are_0600_and_never_replaced() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    create_new_0600(&path, b"secret").unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    let error = create_new_0600(&path, b"other").unwrap_err();
    assert_eq!(error.source.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read(&path).unwrap(), b"secret");
    assert_eq!(names(dir.path()), ["key"]);
    // A dangling link is a taken name too.
    std::os::unix::fs::symlink("nowhere", dir.path().join("link")).unwrap();
    let error = create_new_0600(&dir.path().join("link"), b"other").unwrap_err();
    assert_eq!(error.source.kind(), io::ErrorKind::AlreadyExists);
}

#[test]
fn a_crash_while_creating_a_private_file_leaves_none_or_all_of_it() {
    use std::os::unix::fs::PermissionsExt;
    for steps in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        // Something left by an earlier crash, readable by others.
        fs::write(dir.path().join(".key.tmp"), b"stale").unwrap();
        let result = crash_after(steps, || create_new_0600(&path, b"secret"));
        match read_limited(&path, 100).unwrap() {
            Some(bytes) => assert_eq!(bytes, b"secret"),
            None => {
                assert!(result.is_err());
                create_new_0600(&path, b"secret").unwrap();
                assert_eq!(names(dir.path()), ["key"]);
            }
        }
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        if result.is_ok() {
            assert_eq!(steps, 7);
            break;
        }
    }
}

#[test]
fn directories_move_whole_and_replace_nothing() {
    let make = |dir: &Path| {
        let from = dir.join("staging/epoch");
        fs::create_dir_all(from.join("inner")).unwrap();
        fs::write(from.join("manifest"), b"m").unwrap();
        fs::write(from.join("inner/buckets"), b"b").unwrap();
        (from, dir.join("public/epochs/3"))
    };
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = make(dir.path());
    let (result, done) = recorded(|| rename_dir(&from, &to));
    result.unwrap();
    assert_durable_before(&done, &to);
    for file in ["manifest", "inner/buckets"] {
        assert!(done.contains(&(Operation::SyncFile, from.join(file))));
    }
    assert!(!from.exists());
    assert_eq!(fs::read(to.join("inner/buckets")).unwrap(), b"b");
    // An empty directory, too, is in the way.
    let (from, _) = make(dir.path());
    let taken = dir.path().join("taken");
    fs::create_dir(&taken).unwrap();
    assert_eq!(rename_dir(&from, &taken).unwrap_err().source.kind(), io::ErrorKind::AlreadyExists);
    assert!(from.join("manifest").exists());

    for steps in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = make(dir.path());
        let result = crash_after(steps, || rename_dir(&from, &to));
        let place = if to.exists() { &to } else { &from };
        assert!(place.join("manifest").exists() && place.join("inner/buckets").exists());
        assert!(!(to.exists() && from.exists()));
        if result.is_ok() {
            break;
        }
        if from.exists() {
            rename_dir(&from, &to).unwrap();
        }
    }
}

#[test]
fn reading_is_limited() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    assert!(read_limited(&path, 3).unwrap().is_none());
    assert!(read_limited(&path.join("below"), 3).unwrap().is_none());
    fs::write(&path, b"1234").unwrap();
    assert_eq!(read_limited(&path, 4).unwrap().unwrap(), b"1234");
    assert_eq!(read_limited(&path, 3).unwrap_err().source.kind(), io::ErrorKind::FileTooLarge);
    assert!(read_limited(&path.join("below"), 3).unwrap().is_none());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported_as_such() {
    // Writes to /dev/full fail with ENOSPC; the message is what an operator sees.
    let mut file = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let source = file.write_all(b"x").unwrap_err();
    let error = FileError { action: Operation::Write.action(), path: "public/log/checkpoint".into(), source };
    assert_eq!(
        error.to_string(),
        "cannot write public/log/checkpoint: No space left on device (os error 28); free some space and run the same command again"
    );
}
