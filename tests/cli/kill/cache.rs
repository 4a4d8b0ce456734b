//! `ceknik check`, killed while it writes its cache: the cache is usable afterwards.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

use super::import::{DEFINITION, plain_list};
use super::support::command::{Ceknik, ceknik};
use super::support::home::{DATASET, TestHome, nik};
use super::support::service::Ceknikd;

/// How deep the directories of a cache lie in which files are written: its own, those of the service and the log, of the
/// list, of its filter.
const DEPTHS: [usize; 4] = [0, 2, 4, 5];
/// Kills at each depth.
const KILLS: usize = 3;
/// A check that has written nothing by then has ended.
const MOST_RUNS: usize = 80;

fn check(service: &Ceknikd, cache: &Path) -> Ceknik {
    let url = service.url();
    ceknik(["check", "--accept-weak", "--confirm-all", "--json", "--server", &url, "--dataset", DATASET, "--cache"])
        .arg(cache)
        .stdin(format!("{}\n{}\n", nik(7), nik(100_007)))
}

/// Temporary files below a directory, each with how deep it lies.
fn unfinished(cache: &Path) -> Vec<(usize, PathBuf)> {
    let mut found = Vec::new();
    let mut waiting = vec![(0, cache.to_owned())];
    while let Some((depth, dir)) = waiting.pop() {
        // Directories and files come and go while the check runs.
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                waiting.push((depth + 1, path));
            } else if entry.file_name().to_string_lossy().starts_with(".unfinished-") {
                found.push((depth, path));
            }
        }
    }
    found
}

/// Kills a check some time after a temporary file came to be at this depth. Whether one was left there.
fn kill_while_it_writes(mut child: Child, cache: &Path, depth: usize, wait: Duration) -> bool {
    while child.try_wait().unwrap().is_none() {
        if unfinished(cache).iter().any(|(found, _)| *found == depth) {
            std::thread::sleep(wait);
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    unfinished(cache).iter().any(|(found, _)| *found == depth)
}

#[test]
fn a_check_killed_while_it_writes_leaves_a_cache_that_works() {
    let home = TestHome::new();
    // A filter of 1 MB, which takes a while to write.
    home.create_dataset(&DEFINITION.replacen("population = 400000", "population = 9000000\ncapacity = 1000000", 1));
    home.import(plain_list(0..50));
    home.publish();
    let service = Ceknikd::start(&home);
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let mut landed = [0; DEPTHS.len()];
    let mut runs = 0;
    while let Some(place) = landed.iter().position(|landed| *landed < KILLS) {
        runs += 1;
        assert!(runs <= MOST_RUNS, "kills while files were written, by depth: {landed:?}");
        let cache = tempfile::tempdir().unwrap();
        let mut command = check(&service, cache.path()).into_command();
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(format!("{}\n", nik(7)).as_bytes()).unwrap();
        let wait = Duration::from_micros(if runs % 2 == 0 { 0 } else { rng.gen_range(0..400) });
        landed[place] += usize::from(kill_while_it_writes(child, cache.path(), DEPTHS[place], wait));
        let answers: Vec<_> = check(&service, cache.path()).done().json_lines();
        let answers: Vec<_> = answers.iter().map(|line| line["answer"].as_str().unwrap()).collect();
        assert_eq!(answers, ["listed", "not_listed"]);
        assert_eq!(unfinished(cache.path()), [], "what a kill left is cleared away");
        // And without the service: everything of it was kept.
        let offline = check(&service, cache.path()).arg("--offline").run().json_lines();
        assert_eq!(offline[0]["local"], "hit");
    }
    let text = format!("check: kills landed while it wrote in its cache, in directories {DEPTHS:?} deep: {landed:?}\n");
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}
