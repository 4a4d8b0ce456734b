//! `ceknik mirror`: what it copies is whole, verified, and enough for citizens and auditors.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ceknik_core::log::{Cosigner, TlogProof};
use rand::rngs::OsRng;
use serde_json::{Value, json};

use crate::liar::{LIST, Liar, hosted};
use crate::support::command::{Ceknik, ceknik};
use crate::support::home::{DATASET, TestHome, list, nik};
use crate::support::http::{Request, Response};
use crate::support::proxy::{Delivery, Proxy};
use crate::support::service::Ceknikd;
use crate::{Told, audit};

fn mirror(url: &str, dir: &Path, policy: &Path) -> Ceknik {
    ceknik(["mirror", url]).arg(dir).arg("--policy").arg(policy)
}

/// A host that knows nothing but files.
fn host(dir: PathBuf) -> Proxy {
    let host = Proxy::before(([127, 0, 0, 1], 9).into());
    host.behave(move |request: &Request, _| -> Delivery {
        let file = fs::read(dir.join(request.path.trim_start_matches('/')));
        file.map_or_else(|_| Response::new(404, "none"), |body| Response::new(200, body)).into()
    });
    host
}

/// Every file below a directory, without the mirror's own.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        match entry.is_dir() {
            true if entry.ends_with(".mirror") => {}
            true => found.extend(files(&entry)),
            false => found.push(entry),
        }
    }
    found
}

#[test]
fn a_mirror_is_what_the_service_is_but_for_the_evaluation() {
    let home = TestHome::published(0..200);
    let mut service = Ceknikd::start(&home);
    let dir = home.beside("mirror");
    let run = |service: &Ceknikd, more: &[&str]| {
        mirror(&service.url(), &dir, &home.policy()).args(more).arg("--json").done().json()
    };
    let first = run(&service, &[]);
    // A shard, 16 buckets, manifest and proof; a tile and a bundle of the log.
    assert_eq!(
        first,
        json!({"log_size": 1, "lists": 1, "epochs": 1, "gone": 0, "fetched": 21, "kept": 0, "linked": 0})
    );
    assert_eq!(run(&service, &[])["fetched"], 0, "nothing new");
    home.import(list(200..210));
    home.publish();
    service.wait_for_log(|line| line["message"] == "epoch served" && line["epoch"] == 2);
    run(&service, &[]);
    // A renewal: the buckets are the same, and take no room.
    home.publish();
    service.wait_for_log(|line| line["message"] == "epoch served" && line["epoch"] == 3);
    let third = run(&service, &[]);
    assert_eq!((&third["linked"], &third["log_size"]), (&json!(16), &json!(3)));
    let bucket = |epoch: u64| dir.join(format!("v1/{DATASET}/epochs/{epoch}/buckets/7"));
    assert_eq!(fs::metadata(bucket(2)).unwrap().ino(), fs::metadata(bucket(3)).unwrap().ino());
    assert!(!bucket(1).exists(), "the one before the one before goes");

    // Every file is what the service answers, byte by byte.
    let mut seen = 0;
    for file in files(&dir) {
        let path = format!("/{}", file.strip_prefix(&dir).unwrap().to_str().unwrap());
        let served = service.get(&path);
        if path == "/v1/datasets" {
            assert_eq!(serde_json::from_slice::<Value>(&fs::read(&file).unwrap()).unwrap(), served.json());
        } else {
            assert_eq!((served.status, served.body == fs::read(&file).unwrap()), (200, true), "{path}");
        }
        seen += 1;
    }
    assert!(seen > 45, "{seen}");

    // A citizen has an answer from it, and an auditor nothing to find fault with.
    let host = host(dir.clone());
    let cache = home.beside("cache");
    let check =
        ceknik(["check", "--accept-weak", "--local-only", "--json", "--dataset", DATASET, "--server", &host.url()]);
    let ran = check.arg("--policy").arg(home.policy()).arg("--cache").arg(cache).stdin(nik(7)).run();
    assert_eq!(ran.json_lines()[0]["answer"], "maybe", "{ran:?}");
    let told = Told::but_for_chance(audit(&host.url(), &home.policy()).arg("--no-probes"));
    assert_eq!((told.code, told.codes()), (0, vec![]), "{:#}", told.report);
    let standing = |epoch: usize| told.at(&format!("/lists/0/epochs/{epoch}/files")).as_str().unwrap().to_owned();
    assert_eq!((standing(1), standing(2)), ("verified".to_owned(), "verified".to_owned()));
}

#[test]
fn an_archive_keeps_every_epoch() {
    let mut liar = Liar::new();
    liar.plan.records = 110;
    liar.publish(|_| {});
    liar.plan.records = 115;
    liar.publish(|_| {});
    let dir = liar.state();
    let run = || mirror(&liar.host.url(), &dir, &liar.policy()).args(["--archive", "--json"]).done().json();
    assert_eq!(run()["epochs"], 3);
    let host = host(dir.clone());
    let told = Told::of(audit(&host.url(), &liar.policy()).arg("--no-probes"));
    assert_eq!((told.code, told.codes()), (0, vec![]), "{:#}", told.report);
    let changes = json!({"since": 2, "added": 5, "removed": 0, "changed": 0});
    assert_eq!(told.at("/lists/0/epochs/2/audited/changes"), &changes);
    // What a disk altered is fetched again.
    let bucket = dir.join(format!("v1/{LIST}/epochs/2/buckets/3"));
    let whole = fs::read(&bucket).unwrap();
    fs::write(&bucket, "").unwrap();
    assert_eq!(run()["fetched"], 1);
    assert_eq!(fs::read(&bucket).unwrap(), whole);
}

/// What is not what the log vouches for is not taken over, and nothing points to what is missing.
#[test]
fn nothing_false_is_copied() {
    let mut liar = Liar::new();
    let dir = liar.state();
    mirror(&liar.host.url(), &dir, &liar.policy()).done();
    let before = fs::read(dir.join("log/checkpoint")).unwrap();
    liar.publish(|draft| draft.manifest.title.en = "Renewed".to_owned());
    liar.plan.records = 110;
    liar.publish(|_| {});
    let public = liar.publisher.public();
    liar.host.behave(move |request, _| -> Delivery {
        let mut response = hosted(&public, request);
        // The last of eight: some are here before it is asked for.
        if request.path.ends_with("/buckets/7") {
            response.body[110] ^= 1;
        }
        response.into()
    });
    let message = mirror(&liar.host.url(), &dir, &liar.policy()).refused();
    let path = "/v1/jakarta-2024/epochs/3/buckets/7";
    let why = "the bucket does not belong to the manifest's tree";
    assert_eq!(message, format!("{path} is not what the log vouches for: {why}; `ceknik audit` says more"));
    assert!(!dir.join(&path[1..]).exists());
    assert_eq!(fs::read(dir.join("log/checkpoint")).unwrap(), before);
    let current = fs::read_to_string(dir.join(format!("v1/{LIST}/manifest"))).unwrap();
    assert!(current.contains("\"epoch\": 1,"));
    // It goes on where it broke off.
    let public = liar.publisher.public();
    liar.host.behave(move |request, _| -> Delivery { hosted(&public, request).into() });
    liar.host.take_requests();
    mirror(&liar.host.url(), &dir, &liar.policy()).done();
    let asked = liar.host.take_requests();
    assert!(asked.iter().any(|request| request.path == path));
    let buckets = asked.iter().filter(|request| request.path.contains("/epochs/3/buckets/")).count();
    assert!(buckets < 8, "what was here is not asked for again");
    assert_eq!(mirror(&liar.host.url(), &dir, &liar.policy()).arg("other").refused(), "the log has no list other");
}

/// Cosignatures come later: whichever proof and checkpoint has more of them stays, and none is lost again.
#[test]
fn later_cosignatures_are_taken_over() {
    let liar = Liar::new();
    let witness = Cosigner::generate("paper.example.org", &mut OsRng).unwrap();
    let knowing = liar.state().with_extension("policy");
    let policy = String::from_utf8(liar.publisher.policy_with_witness(&witness)).unwrap();
    fs::write(&knowing, policy.replace("quorum paper", "quorum none")).unwrap();
    let public = liar.publisher.public();
    let files = [liar.publisher.epoch_dir(LIST, 1).join("proof"), public.join("log/checkpoint")];
    let plain = files.each_ref().map(|file| fs::read(file).unwrap());
    let proof = liar.publisher.cosigned_proof(LIST, 1, &witness);
    let checkpoint = TlogProof::parse(&proof).unwrap().checkpoint().as_bytes().to_vec();
    let serve =
        |contents: &[Vec<u8>; 2]| files.iter().zip(contents).for_each(|(file, bytes)| fs::write(file, bytes).unwrap());
    // Whether or not the mirror's policy knows the witness.
    for policy in [knowing, liar.policy()] {
        let dir = policy.with_extension("mirror");
        let here =
            || ["v1/jakarta-2024/epochs/1/proof", "log/checkpoint"].map(|path| fs::read(dir.join(path)).unwrap());
        let run = || mirror(&liar.host.url(), &dir, &policy).arg("--json").done().json();
        serve(&plain);
        run();
        assert_eq!((run()["fetched"].clone(), here()), (json!(0), plain.clone()));
        serve(&[proof.clone(), checkpoint.clone()]);
        assert_eq!((run()["fetched"].clone(), here()), (json!(1), [proof.clone(), checkpoint.clone()]));
        // Somebody who shows the old ones again takes none away.
        serve(&plain);
        assert_eq!((run()["fetched"].clone(), here()), (json!(0), [proof.clone(), checkpoint.clone()]));
        // Nor does one who shows none.
        fs::remove_file(&files[0]).unwrap();
        assert_eq!((run()["fetched"].clone(), here()), (json!(0), [proof.clone(), checkpoint.clone()]));
    }
}

/// What a disk altered in tiles and bundles is written anew.
#[test]
fn altered_tiles_are_written_anew() {
    let liar = Liar::new();
    let dir = liar.state();
    let run = || mirror(&liar.host.url(), &dir, &liar.policy()).arg("--json").done().json();
    run();
    for path in ["log/tile/0/000.p/1", "log/tile/entries/000.p/1"] {
        let file = dir.join(path);
        let whole = fs::read(&file).unwrap();
        let mut altered = whole.clone();
        altered[20] ^= 1;
        fs::write(&file, altered).unwrap();
        assert_eq!((run()["fetched"].clone(), fs::read(&file).unwrap()), (json!(1), whole), "{path}");
    }
}
