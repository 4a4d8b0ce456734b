//! `ceknik log show`: what two people compare.

use std::fs;

use ceknik_core::encoding::hex;
use ceknik_core::log::{CheckpointPhrase, LogSigner, SignedCheckpoint, TreeHead};
use sha2::{Digest, Sha256};

use crate::log::{ORIGIN, TestLog, signer};
use crate::support::command::ceknik;
use crate::support::home::TestHome;
use crate::support::service::Ceknikd;
use crate::support::witness::TestWitness;

#[test]
fn everywhere_the_same_log_has_the_same_phrase() {
    let home = TestHome::published(0..20);
    let service = Ceknikd::start(&home);
    let checkpoint = SignedCheckpoint::parse(&fs::read(home.public().join("log/checkpoint")).unwrap()).unwrap();
    let phrase = CheckpointPhrase::new(checkpoint.origin(), &checkpoint.head()).unwrap().to_string();
    let url = service.url();
    let places = [
        url.clone(),
        format!("{url}/"),
        home.public().display().to_string(),
        home.public().join("log").display().to_string(),
        home.public().join("log/checkpoint").display().to_string(),
    ];
    for place in &places {
        let shown = ceknik(["log", "show", place, "--json", "--policy"]).arg(home.policy()).done().json();
        assert_eq!((shown["phrase"].as_str(), shown["size"].as_u64()), (Some(phrase.as_str()), Some(1)), "{place}");
        assert_eq!(shown["verified"], true);
        assert_eq!(shown["checkpoint"].as_str().unwrap().as_bytes(), checkpoint.as_bytes());
    }
    let shown = ceknik(["log", "show", &url]).done().stdout;
    let head = "Catatan publik / public log: ceknik.example.org/log\nEntri / entries: 1\nHash akar / root hash: ";
    assert!(shown.starts_with(head), "{shown}");
    assert!(shown.contains("Belum diperiksa: beri --policy. / Not verified: give --policy.\n"));
    assert!(shown.ends_with(
        "verify both with --policy: without signatures that satisfy it, anybody on the way may have changed them.\n"
    ));
    let (_, code) = shown.split_once(&format!("\nBacakan / read aloud:\n\n    {phrase}\n\n")).unwrap();
    // A square, two rows a line: for paper, as it is written to no terminal.
    let code: Vec<&str> = code.lines().take_while(|line| line.chars().all(|c| " ▀▄█".contains(c))).collect();
    let width = code[0].chars().count();
    assert!(code.len() == width.div_ceil(2) && code.iter().all(|line| line.chars().count() == width), "{shown}");
}

/// Two histories of one size are two phrases; a witness shows which it has cosigned.
#[test]
fn two_histories_are_two_phrases() {
    let (log, fork) = (TestLog::new(9), TestLog::forked(9, 3));
    let witness = TestWitness::started("w.example", &[&signer().verifier_key()]);
    assert_eq!(witness.add(log.body(0, 9)).status, 200);
    let address = format!("{}/{}", witness.url(), hex(&Sha256::digest(ORIGIN)));
    let dir = tempfile::tempdir().unwrap();
    let policy = dir.path().join("policy");
    fs::write(&policy, format!("log {}\nwitness w {}\nquorum w\n", signer().verifier_key(), witness.key)).unwrap();
    let seen = ceknik(["log", "show", &address, "--policy"]).arg(&policy).done().stdout;
    assert!(seen.contains(
        "Tanda tangan cocok dengan kebijakan. / The signatures satisfy the policy.\n  saksi / witness w: 20"
    ));
    assert!(seen.ends_with("the log was forked: keep what --json prints for both of you, and report it.\n"));
    let phrase = |checkpoint: &SignedCheckpoint| {
        let file = dir.path().join("checkpoint");
        fs::write(&file, checkpoint.as_bytes()).unwrap();
        let shown = ceknik(["log", "show", "--json"]).arg(&file).done().json();
        shown["phrase"].as_str().unwrap().to_owned()
    };
    let ours = phrase(&log.signed(9));
    assert!(seen.contains(&ours));
    assert_ne!(ours, phrase(&fork.signed(9)));
    // Not cosigned: the policy says so.
    let message = ceknik(["log", "show"]).arg(dir.path()).arg("--policy").arg(&policy).refused();
    let told = "too few witnesses cosigned the checkpoint: \"w\" needs 1 of its 1 and has 0 (0 of the policy's 1 witnesses cosigned)";
    assert_eq!(message, format!("{}: {told}", dir.path().display()));
}

#[test]
fn what_is_no_checkpoint_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().display().to_string();
    let show = |place: &str| ceknik(["log", "show", place]).refused();
    assert_eq!(show(&place), format!("{place} is neither an address nor a checkpoint, nor has it one"));
    fs::write(dir.path().join("checkpoint"), "ceknik\n").unwrap();
    assert_eq!(show(&place), format!("{place}: the checkpoint is not a signed note"));
    fs::write(dir.path().join("checkpoint"), vec![b'x'; 200_000]).unwrap();
    assert_eq!(show(&place), format!("{place}/checkpoint is longer than any checkpoint"));
    let nobody = "http://127.0.0.1:9";
    assert_eq!(show(nobody), format!("{nobody}/log/checkpoint: it could not be reached: no connection"));
    // The longest name still makes a code.
    let long = LogSigner::generate(&"o".repeat(255), &mut rand::rngs::OsRng).unwrap();
    fs::write(dir.path().join("checkpoint"), long.sign(&TreeHead { size: 1, root: [1; 32] }).unwrap().as_bytes())
        .unwrap();
    assert!(ceknik(["log", "show", &place]).done().stdout.contains('\u{2588}'));
}
