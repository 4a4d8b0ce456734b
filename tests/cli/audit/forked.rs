//! A log that signs two histories, and does not serve what would prove it.

use std::fs;
use std::path::{Path, PathBuf};

use ceknik_core::log::{Policy, SignedCheckpoint};
use serde_json::json;

use crate::liar::{LIST, Liar, hosted};
use crate::support::command::ceknik;
use crate::support::http::Response;
use crate::support::proxy::Delivery;

/// Serves what the publisher published, but for some paths.
fn serve(liar: &Liar, other: impl Fn(&str) -> Option<Response> + Send + Sync + 'static) {
    let public = liar.publisher.public();
    liar.host.behave(move |request, _| -> Delivery {
        other(&request.path).unwrap_or_else(|| hosted(&public, request)).into()
    });
}

/// Evidence beneath a state: each directory, without the beginning of the root at its end, with its files.
fn evidence(state: &Path) -> Vec<(String, Vec<String>)> {
    let names = |dir: &Path| {
        let entries = fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap());
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let dir = state.join("evidence");
    let named = |name: String| (name.rsplit_once('-').unwrap().0.to_owned(), names(&dir.join(&name)));
    names(&dir).into_iter().map(named).collect()
}

fn open(old: u64, new: u64) -> (String, Vec<String>) {
    (format!("open-{old}-{new}"), ["seen-before", "shown-now"].map(str::to_owned).to_vec())
}

/// The directory of a case as it is told.
fn case(state: &Path, name: &str) -> PathBuf {
    let entries = fs::read_dir(state.join("evidence")).unwrap().map(|entry| entry.unwrap().path());
    entries.into_iter().find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(name)).unwrap()
}

/// Both notes of a case are signed, and of these sizes.
fn holds(liar: &Liar, case: &Path, sizes: [u64; 2]) {
    let policy = Policy::parse(&fs::read(liar.policy()).unwrap()).unwrap();
    let size = |name: &str| {
        let note = fs::read(case.join(name)).unwrap();
        SignedCheckpoint::parse(&note).unwrap().verify(&policy).unwrap().head().size
    };
    assert_eq!([size("seen-before"), size("shown-now")], sizes);
}

/// The same key signs another log, in which an epoch of the first stands beside something else. Gives the proof.
fn forked(liar: &Liar, before: &[&[u8]], epoch: u64) -> (Liar, Vec<u8>) {
    let mut other = Liar::with_nothing();
    for entry in before {
        other.publisher.append(entry.to_vec());
    }
    let manifest = fs::read(liar.publisher.epoch_dir(LIST, epoch).join("manifest")).unwrap();
    let proof = other.publisher.append(manifest);
    (other, proof)
}

fn read(path: PathBuf) -> Vec<u8> {
    fs::read(path).unwrap()
}

/// A list whose proof is of a larger log than the one that is shown.
#[test]
fn a_proof_beyond_the_log() {
    // Its tiles are withheld: nothing is known, and that is told, and what was signed is kept.
    let liar = Liar::new();
    liar.passes();
    let (_, proof) = forked(&liar, &[b"{}"], 1);
    let shown = proof.clone();
    serve(&liar, move |path| path.ends_with("/epochs/1/proof").then(|| Response::new(200, shown.clone())));
    let told = liar.told();
    let detail = "the log's tile/0/000.p/2: the service does not have it (status 404)";
    assert_eq!((told.code, told.findings()), (3, vec![("log_tiles", Some(1), detail)]));
    let files = ["manifest", "proof", "seen-before", "shown-now"].map(str::to_owned).to_vec();
    assert_eq!(evidence(&liar.state()), [("open-1-2".to_owned(), files.clone())]);
    let dir = case(&liar.state(), "open-1-2");
    holds(&liar, &dir, [1, 2]);
    assert_eq!(read(dir.join("proof")), proof);
    assert_eq!(read(dir.join("manifest")), read(liar.publisher.epoch_dir(LIST, 1).join("manifest")));
    // The memory of it stays, whatever is shown next.
    serve(&liar, |_| None);
    let told = liar.told();
    assert_eq!((told.code, told.codes()), (4, vec![]));
    assert_eq!(told.at("/unchecked/0/what"), "the log's signed state of 2 entries");
    let why = format!("whether it is of the history that was followed is not shown; it is kept in {}", dir.display());
    assert_eq!(told.at("/unchecked/0/why"), why.as_str());

    // Its tiles are served: they prove it.
    let liar = Liar::new();
    liar.passes();
    let (other, proof) = forked(&liar, &[b"{}"], 1);
    let tile = read(other.publisher.public().join("log/tile/0/000.p/2"));
    serve(&liar, move |path| match path {
        "/log/tile/0/000.p/2" => Some(Response::new(200, tile.clone())),
        _ => path.ends_with("/epochs/1/proof").then(|| Response::new(200, proof.clone())),
    });
    let told = liar.told();
    let (code, epoch, detail) = told.findings()[0];
    assert_eq!((told.code, code, epoch), (5, "log_rewritten", Some(1)));
    let words = "the log rewrote its history: the tree of size 2 does not begin with the tree of size 1; both checkpoints are in ";
    assert_eq!(detail, format!("{words}{}", case(&liar.state(), "log_rewritten-1-2").display()));
    assert_eq!(evidence(&liar.state()), [("log_rewritten-1-2".to_owned(), files)]);

    // A publisher who is ahead of the checkpoint that is shown is no forker: it is held to it as soon as the log is shown so far.
    let mut liar = Liar::new();
    liar.passes();
    let checkpoint = read(liar.publisher.public().join("log/checkpoint"));
    let first = read(liar.publisher.epoch_dir(LIST, 1).join("manifest"));
    let proof = liar.publisher.append(b"{}".to_vec());
    let of_first = re_proved(&liar, &first, &proof);
    serve(&liar, move |path| match path {
        "/log/checkpoint" => Some(Response::new(200, checkpoint.clone())),
        _ => path.ends_with("/epochs/1/proof").then(|| Response::new(200, of_first.clone())),
    });
    liar.passes();
    assert_eq!(evidence(&liar.state())[0].0, "open-1-2");
    serve(&liar, |_| None);
    assert_eq!(liar.told().codes(), ["leaf_malformed"]);
    assert_eq!(evidence(&liar.state()), []);
}

/// The proof of entry 0 of two, under the checkpoint of the proof of entry 1.
fn re_proved(liar: &Liar, first: &[u8], second: &[u8]) -> Vec<u8> {
    let policy = Policy::parse(&fs::read(liar.policy()).unwrap()).unwrap();
    let second = ceknik_core::log::TlogProof::parse(second).unwrap();
    let other = ceknik_core::merkle::leaf_hash(b"{}");
    let proof = ceknik_core::log::TlogProof::new(0, vec![other], second.checkpoint().clone());
    proof.verify(&policy, first).unwrap();
    proof.to_bytes()
}

/// A list whose proof is of another log, no larger than the one that is shown.
#[test]
fn a_proof_of_another_log() {
    let mut liar = Liar::new();
    liar.publish(|_| {});
    liar.passes();
    let (_, proof) = forked(&liar, &[], 2);
    serve(&liar, move |path| path.ends_with("/epochs/2/proof").then(|| Response::new(200, proof.clone())));
    let told = liar.told();
    let dir = case(&liar.state(), "log_forked-2-1");
    let detail = format!(
        "the proof's checkpoint of size 1 is of another log than the one followed; both checkpoints are in {}",
        dir.display()
    );
    assert_eq!((told.code, told.findings()), (5, vec![("log_forked", Some(2), &*detail)]));
    let files = ["manifest", "proof", "seen-before", "shown-now"].map(str::to_owned).to_vec();
    assert_eq!(evidence(&liar.state()), [("log_forked-2-1".to_owned(), files)]);
    holds(&liar, &dir, [2, 1]);
}

/// A larger state is signed, and what would show that it contradicts the one before is withheld.
#[test]
fn a_state_whose_tiles_are_withheld_is_remembered() {
    let next: [(u64, &str, &str); 2] = [
        (1, "log_forked", "the log was forked: two checkpoints of size 2 have different roots"),
        (2, "log_rewritten", "the log rewrote its history: the tree of size 3 does not begin with the tree of size 2"),
    ];
    for (epochs, code, words) in next {
        let mut liar = Liar::new();
        liar.passes();
        let (other, _) = forked(&liar, &[b"{}"], 1);
        let checkpoint = read(other.publisher.public().join("log/checkpoint"));
        serve(&liar, move |path| (path == "/log/checkpoint").then(|| Response::new(200, checkpoint.clone())));
        let told = liar.told();
        let detail = "the log's tile/0/000.p/2: the service does not have it (status 404)";
        assert_eq!((told.code, told.findings()), (3, vec![("log_tiles", None, detail)]));
        assert_eq!(told.at("/unchecked/1/what"), "the log's signed state of 2 entries");
        assert_eq!(evidence(&liar.state()), [open(1, 2)]);
        holds(&liar, &case(&liar.state(), "open-1-2"), [1, 2]);
        // The truth that is shown afterwards does not make it forgotten.
        serve(&liar, |_| None);
        let told = liar.told();
        assert_eq!((told.code, told.codes(), told.at("/unchecked/0/expected")), (4, vec![], &json!(false)));
        for _ in 0..epochs {
            liar.publish(|_| {});
        }
        let told = liar.told();
        let (found, _, detail) = told.findings()[0];
        assert_eq!((told.code, found), (5, code));
        let dir = case(&liar.state(), code);
        assert_eq!(detail, format!("{words}; both checkpoints are in {}", dir.display()));
        let (old, new) = (2, 1 + epochs);
        assert_eq!(evidence(&liar.state()), [(format!("{code}-{old}-{new}"), open(old, new).1)]);
        holds(&liar, &dir, [old, new]);
        liar.passes();
    }
}

/// What was late only leaves nothing behind.
#[test]
fn a_state_that_is_proved_later_is_kept_no_more() {
    let mut liar = Liar::new();
    liar.passes();
    assert_eq!(evidence(&liar.state()), []);
    liar.publish(|_| {});
    for part in ["/log/tile/0/000.p/2", "/log/tile/entries/000.p/2"] {
        serve(&liar, move |path| (path == part).then(|| Response::new(404, "later")));
        assert_eq!(liar.told().code, 3, "{part}");
        assert_eq!(evidence(&liar.state()), [open(1, 2)], "{part}");
    }
    serve(&liar, |_| None);
    liar.passes();
    assert_eq!(evidence(&liar.state()), []);
}

/// Entries of a log that contradicted itself do not stand in the way of those that are followed afterwards.
#[test]
fn entries_of_a_fork_are_fetched_anew() {
    let mut liar = Liar::new();
    let (other, _) = forked(&liar, &[b"{}"], 1);
    // First another state of two entries is signed, and not shown.
    let checkpoint = read(other.publisher.public().join("log/checkpoint"));
    serve(&liar, move |path| (path == "/log/checkpoint").then(|| Response::new(200, checkpoint.clone())));
    assert_eq!(liar.told().codes(), ["log_tiles"]);
    // Then a log of three entries, which is wholly there.
    let (third, _) = forked(&liar, &[b"[]", b"{}"], 1);
    let files = third.publisher.public();
    serve(&liar, move |path| {
        let file = files.join(path.trim_start_matches('/'));
        path.starts_with("/log")
            .then(|| fs::read(file).map_or(Response::new(404, "none"), |body| Response::new(200, body)))
    });
    let told = liar.told();
    assert_eq!((told.code, told.codes()), (5, vec!["log_rewritten"]));
    // Then a third history, of three entries as well.
    liar.publish(|_| {});
    liar.publish(|_| {});
    serve(&liar, |_| None);
    liar.passes();
}

/// A mirror takes over no proof of another log, and none beyond the one that it has followed.
#[test]
fn a_mirror_refuses_a_proof_of_another_log() {
    let mut liar = Liar::new();
    liar.publish(|_| {});
    let dir = liar.state();
    let run = |liar: &Liar| ceknik(["mirror", &liar.host.url()]).arg(&dir).arg("--policy").arg(liar.policy());
    let wrong = |why: &str| {
        format!("/v1/jakarta-2024/epochs/2/proof is not what the log vouches for: {why}; `ceknik audit` says more")
    };
    for (before, name, why) in [
        (
            &[][..],
            "log_forked-2-1",
            "the proof's checkpoint of size 1 is of another log than the one followed; both checkpoints are in ",
        ),
        (&[b"{}", b"[]"][..], "open-2-3", "the log's tile/0/000.p/3: the service does not have it (status 404)"),
    ] {
        let before: Vec<&[u8]> = before.iter().map(|entry: &&[u8; 2]| &entry[..]).collect();
        let (_, proof) = forked(&liar, &before, 2);
        serve(&liar, move |path| path.ends_with("/epochs/2/proof").then(|| Response::new(200, proof.clone())));
        let message = run(&liar).refused();
        let kept = case(&dir.join(".mirror"), name);
        let kept = if name.starts_with("log_forked") { kept.display().to_string() } else { String::new() };
        assert_eq!(message, wrong(&format!("{why}{kept}")));
        assert!(!dir.join("v1/jakarta-2024/epochs/2/proof").exists());
    }
    serve(&liar, |_| None);
    run(&liar).done();
    // One that is honestly ahead is of the next copy.
    let first = read(liar.publisher.epoch_dir(LIST, 2).join("manifest"));
    let checkpoint = read(liar.publisher.public().join("log/checkpoint"));
    let proof = liar.publisher.append(first);
    serve(&liar, move |path| match path {
        "/log/checkpoint" => Some(Response::new(200, checkpoint.clone())),
        _ => path.ends_with("/epochs/2/proof").then(|| Response::new(200, proof.clone())),
    });
    assert_eq!(run(&liar).refused(), wrong("its log has 3 entries, and the one that is shown 2"));
}
