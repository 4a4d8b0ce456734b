//! What a publisher's machine does to him: a full disk, a limit, another command at work, a store of another version. Each is
//! told clearly, loses nothing, and the same command works when the fault is gone.

#![allow(clippy::unwrap_used, reason = "a failure is to be seen where it happens")]

#[path = "kill/published.rs"]
#[allow(dead_code, reason = "these tests compare no files")]
mod published;
mod support;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ceknik_issuer::Home;
use rusqlite::Connection;
use support::command::{Ceknik, ceknik};
use support::home::{DATASET, TestHome, definition, nik};
use support::service::Ceknikd;

/// Set for the process that runs on a small disk: where that is.
const SMALL_DISK: &str = "CEKNIK_TEST_SMALL_DISK";
const SMALL_DISK_BYTES: u64 = 24 << 20;
/// The shell's answer when there can be no small disk.
const NO_SMALL_DISK: i32 = 97;
const PEOPLE: u32 = 9000;
const DISK_FULL: &str = "the disk is full: nothing that was stored is lost and nothing is half done; free some space and run the \
                         same command again";
const NO_ROOM_FOR_FILE: &str =
    ": No space left on device (os error 28); free some space and run the same command again";
const FIRST_EPOCH: &str = "2026-11-20T08:00:00Z";

fn big_dataset() -> TestHome {
    let home = TestHome::new();
    let definition = definition(DATASET, "payload_bytes = 192");
    let definition =
        definition.replace("population = 4000", "population = 400000").replace("capacity = 1000", "capacity = 40000");
    home.create_dataset(&definition);
    home
}

fn big_list() -> String {
    support::home::list(0..PEOPLE)
}

/// Counters of an import of [`big_list`], whatever came between its beginning and its end.
fn assert_all_imported(ran: &support::command::Ran) {
    let summary = ran.json();
    for counter in ["rows", "added", "people_added"] {
        assert_eq!(summary["counters"][counter], PEOPLE, "{summary}");
    }
    assert_eq!(summary["records"], PEOPLE, "{summary}");
}

/// What lies on the small disk.
#[derive(PartialEq)]
enum OnIt {
    /// Homes and all other temporary directories.
    Everything,
    /// What the test puts there.
    Nothing,
}

/// Ways to a mount of one's own: for root, by sudo where that asks for nothing, and in a namespace of users.
const WAYS: [&[&str]; 3] = [
    &["unshare", "--mount"],
    &["sudo", "-n", "--preserve-env", "unshare", "--mount"],
    &["unshare", "--user", "--map-root-user", "--mount"],
];

/// Runs a test of this file once more, in a process that has a small disk of its own. Where there can be none, the test
/// fails, unless `CEKNIK_ALLOW_SKIP=1` says that it may be passed over.
fn on_a_small_disk(test: &str, on_it: &OnIt) {
    let mount_point = tempfile::tempdir().unwrap();
    let directory = if *on_it == OnIt::Everything { format!("TMPDIR=\"${SMALL_DISK}\"") } else { String::new() };
    let script = format!(
        "mount -t tmpfs -o size={SMALL_DISK_BYTES} tmpfs \"${SMALL_DISK}\" || exit {NO_SMALL_DISK}
         {directory} exec \"$0\" --exact {test} --nocapture --test-threads=1"
    );
    let program = std::env::current_exe().unwrap();
    let mut refusals = String::new();
    for way in WAYS {
        let mut command = Command::new(way[0]);
        command.args(&way[1..]).args(["sh", "-c", &script]).arg(&program).env(SMALL_DISK, mount_point.path());
        let Ok(output) = command.output() else { continue };
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        // Without a mount of its own the test did not begin.
        if output.status.code() == Some(NO_SMALL_DISK) || !said.contains("running 1 test") {
            refusals.push_str(&said);
            continue;
        }
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let may_skip = std::env::var_os("CEKNIK_ALLOW_SKIP").is_some_and(|allowed| allowed == "1");
    assert!(may_skip, "this system lets nobody mount a small disk, which {test} needs: {refusals}");
}

/// The small disk, in the process that has it.
fn small_disk() -> Option<PathBuf> {
    std::env::var_os(SMALL_DISK).map(PathBuf::from)
}

/// Takes up all of the small disk but so many bytes.
struct Ballast(PathBuf);

impl Ballast {
    fn leaving(bytes: u64) -> Self {
        let path = small_disk().unwrap().join("ballast");
        let mut file = fs::File::create(&path).unwrap();
        let mut written = 0;
        while let Ok(more) = file.write(&[1; 4096]) {
            written += more as u64;
        }
        file.set_len(written.saturating_sub(bytes)).unwrap();
        Self(path)
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}

/// Room on the disk, from none to all that is needed.
fn rooms() -> impl Iterator<Item = u64> {
    let kib = [0, 4, 8, 12, 20, 36, 60, 100, 200, 400, 700, 1000, 1500, 2000, 3000, 4000, 6000, 8000, 12_000];
    kib.into_iter().map(|kib| kib << 10)
}

#[test]
fn full_disk_while_importing() {
    if small_disk().is_none() {
        return on_a_small_disk("full_disk_while_importing", &OnIt::Everything);
    }
    let home = big_dataset();
    let list = home.write("list.csv", big_list());
    let import = || home.command("import").args(["--json", DATASET]).arg(&list);
    let mut messages = Vec::new();
    for room in rooms() {
        let ballast = Ballast::leaving(room);
        let ran = import().run();
        drop(ballast);
        if ran.code() == 0 {
            assert_all_imported(&ran);
            assert!(messages.len() > 3, "{messages:?}");
            return;
        }
        let message = ran.message();
        assert!(message == DISK_FULL || is_clear(&message, &home.path().join("reports")), "{message}");
        messages.push(message);
        drop(Home::open(&home.path()).unwrap().open_store().unwrap());
        let store = Connection::open(home.path().join("store.sqlite")).unwrap();
        let check: String = store.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(check, "ok");
    }
    panic!("{messages:?}");
}

/// Says which file of a directory could not be written, why, and what to do; and nothing else.
fn is_clear(message: &str, directory: &Path) -> bool {
    let file = message.strip_prefix("cannot write ").and_then(|rest| rest.strip_suffix(NO_ROOM_FOR_FILE));
    file.is_some_and(|file| Path::new(file).parent().is_some_and(|parent| parent.starts_with(directory)))
}

#[test]
fn full_disk_while_publishing() {
    if small_disk().is_none() {
        return on_a_small_disk("full_disk_while_publishing", &OnIt::Everything);
    }
    let home = big_dataset();
    home.import(big_list());
    let mut messages = Vec::new();
    for room in rooms() {
        let ballast = Ballast::leaving(room);
        let ran = home.command("publish").args([DATASET, "--ahead-of-clock", "--now", FIRST_EPOCH]).run();
        drop(ballast);
        if ran.code() == 0 {
            published::verify(&home, None);
            assert!(!home.path().join("staging").exists());
            assert!(messages.len() > 3, "{messages:?}");
            return;
        }
        let message = ran.message();
        assert!(message == DISK_FULL || is_clear(&message, &home.path()), "{message}");
        messages.push(message);
        assert!(!home.public().join(format!("datasets/{DATASET}/current")).exists());
    }
    panic!("{messages:?}");
}

/// The file of the cache that a message is about, which says where there was no room, and nothing else.
fn unwritten(message: &str, cache: &Path, consequence: &str) -> String {
    let file = message.strip_prefix("cache, ").and_then(|rest| rest.split_once(": ")).unwrap().0;
    let (_, temporary) = message.split_once("/.unfinished-").unwrap();
    let random = temporary.split('"').next().unwrap();
    let dir = Path::new(file).parent().unwrap().display();
    let no_room = "cannot write: No space left on device (os error 28)";
    assert_eq!(message, format!("cache, {file}: {no_room} at path \"{dir}/.unfinished-{random}\"{consequence}"));
    Path::new(file).strip_prefix(cache).unwrap().display().to_string()
}

#[test]
fn full_disk_while_checking() {
    let Some(disk) = small_disk() else { return on_a_small_disk("full_disk_while_checking", &OnIt::Nothing) };
    let home = TestHome::published(0..50);
    let service = Ceknikd::start(&home);
    let cache = disk.join("cache");
    fs::create_dir(&cache).unwrap();
    let url = service.url();
    let check = || {
        let check = ceknik(["check", "--accept-weak", "--server", &url, "--dataset", DATASET, "--json", "--cache"]);
        check.arg(&cache).stdin(nik(7))
    };
    let ballast = Ballast::leaving(0);
    // Trust on first use would have to be kept.
    let message = check().refused();
    assert_eq!(unwritten(&message, &cache, "; give a policy, or mend the cache"), "cover-secret");
    let ran = check().arg("--policy").arg(home.policy()).done();
    assert_eq!(ran.json()["answer"], "listed");
    let told = ran.stderr.lines().filter_map(|line| line.strip_prefix("ceknik: "));
    let files: Vec<_> = told.map(|message| unwritten(message, &cache, "; going on without it")).collect();
    assert!(
        matches!(&files[..], [secret, checkpoint, list, shard] if secret == "cover-secret"
            && checkpoint.starts_with("logs/") && checkpoint.ends_with("/checkpoint")
            && list.ends_with("/lists/jakarta-2024/list") && shard.contains("/lists/jakarta-2024/filter/")),
        "{files:?}"
    );
    drop(ballast);
    assert_eq!(check().done().json()["answer"], "listed");
    // What is kept is used when nothing more can be.
    let _ballast = Ballast::leaving(0);
    assert_eq!(check().done().json()["answer"], "listed");
}

/// A command whose files may have so many blocks of 512 bytes, and that is told rather than killed when one is longer.
fn limited(command: Ceknik, blocks: u64) -> Command {
    let command = command.into_command();
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")]);
    limited.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    limited
}

fn message_of(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    text.lines().last().unwrap().strip_prefix("ceknik: ").unwrap().to_owned()
}

#[test]
fn limit_on_the_length_of_files() {
    let home = big_dataset();
    let list = home.write("list.csv", big_list());
    let import = || home.command("import").args(["--json", DATASET]).arg(&list);
    assert_eq!(
        message_of(limited(import(), 1024)),
        "the record store cannot be written: the system's limits allow no more (a quota, or `ulimit -f`), or the disk has a \
         fault. Nothing that was stored is lost and nothing is half done; remedy that and run the same command again"
    );
    assert_all_imported(&import().done());

    let publish = || home.command("publish").args([DATASET, "--ahead-of-clock", "--now", FIRST_EPOCH]);
    let buckets = home.path().join("staging/epoch/buckets");
    assert_eq!(
        message_of(limited(publish(), 1024)),
        format!(
            "cannot write {}: File too large (os error 27); lift the limit on the length of files (`ulimit -f`) and run the \
             same command again",
            buckets.display()
        )
    );
    assert!(!home.public().join("datasets").exists());
    publish().done();
    published::verify(&home, None);
}

#[test]
fn second_publisher_is_told_who_works() {
    let home = TestHome::with_list(0..50);
    let working = format!(
        "the publication of {DATASET} is at work in {}: wait until it has ended and run this again",
        home.path().display()
    );
    let lock = Home::open(&home.path()).unwrap().lock(&format!("the publication of {DATASET}")).unwrap();
    assert_eq!(home.command("publish").arg(DATASET).refused(), working);
    assert_eq!(home.import_command(support::home::list(50..60)).refused(), working);
    drop(lock);
    home.publish();
}

#[test]
fn two_publishers_at_once() {
    let base = big_dataset();
    base.import(big_list());
    for _ in 0..20 {
        let home = base.copy();
        let publish = || {
            let command =
                home.command("publish").args([DATASET, "--ahead-of-clock", "--now", FIRST_EPOCH]).into_command();
            let mut command = command;
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let both = [publish(), publish()].map(|child| child.wait_with_output().unwrap());
        assert_eq!(both.iter().filter(|output| output.status.success()).count(), 1, "{both:?}");
        assert_eq!(published::verify(&home, None).current, 1);
        let second = both.into_iter().find(|output| !output.status.success()).unwrap();
        let message = String::from_utf8(second.stderr).unwrap();
        if message.contains(&format!("the publication of {DATASET} is at work in")) {
            return;
        }
        // The first had ended before the second began.
        assert!(message.contains("is not after"), "{message}");
    }
    panic!("they never met");
}

#[test]
fn store_of_another_version() {
    let home = TestHome::with_list(0..50);
    let path = home.path().join("store.sqlite");
    let set = |version: i32| Connection::open(&path).unwrap().pragma_update(None, "user_version", version).unwrap();
    for version in [0, 2] {
        set(version);
        let before = fs::read(&path).unwrap();
        let message = format!(
            "the record store {} is of version {version}, and this program reads version 1: use the version of ceknik that \
             wrote it",
            path.display()
        );
        assert_eq!(home.command("publish").arg(DATASET).refused(), message);
        assert_eq!(home.import_command(support::home::list(50..60)).refused(), message);
        assert_eq!(home.command("withdraw").arg(DATASET).stdin(nik(1)).refused(), message);
        assert!(fs::read(&path).unwrap() == before);
    }
    set(1);
    home.publish();
}
