//! Whom the officer trusts, which list is meant, whose NIK it is; and what cannot be read.

use std::fs;

use ceknik_core::log::{Cosigner, Policy, SignedCheckpoint, TlogProof};

use crate::support::command::ceknik;
use crate::support::home::{DATASET, ORIGIN, TestHome, nik};
use crate::world::{World, failed, verify};

#[test]
fn another_nik() {
    let world = World::new();
    let file = world.evidence(&[nik(7)]).remove(0);
    for other in [8, 1000] {
        let ran = world.verify(&file, &nik(other)).arg("--json").run();
        assert_eq!(failed(&ran), ("blinded".into(), "the file was not made for this NIK".into()));
    }
    let ran = world.verify(&file, &nik(8)).run();
    let told = "BUKTI INI TIDAK SAH, dan tidak menunjukkan apa pun: bukan tercantum, dan bukan tidak tercantum / THIS EVIDENCE DOES NOT \
                HOLD, and shows nothing: neither that the NIK was listed nor that it was not\n   blinded: dibuat untuk NIK ini / made \
                for this NIK (the file was not made for this NIK)\n   Ketik ulang NIK dari KTP. Bila benar, bukti ini milik orang \
                lain. / Type the NIK on the identity card again. If it is right, the evidence is somebody else's.\n";
    assert!(ran.stdout.starts_with(told), "{ran:?}");
    assert!(ran.stdout.contains("\n  ok    filter_presence ") && ran.stdout.contains("\n  GAGAL blinded "), "{ran:?}");
    assert!(ran.stdout.contains("\n  -     bucket_root "), "{ran:?}");
}

#[test]
fn another_policy() {
    let world = World::new();
    let file = world.evidence(&[nik(7)]).remove(0);
    // Of another publisher whose log has the same name, and of one whose has another.
    let other = TestHome::new();
    let ran = verify(&file, &other.policy(), &nik(7)).args(["--accept-weak", "--json"]).run();
    let detail = format!("the checkpoint is not signed by the policy's key for the log {ORIGIN:?}");
    assert_eq!(failed(&ran), ("log_key".into(), detail));
    let renamed = tempfile::tempdir().unwrap();
    ceknik(["keygen", "--origin", "other.example.org/log", "--home"]).arg(renamed.path().join("home")).done();
    let policy = renamed.path().join("home/public/policy");
    let ran = verify(&file, &policy, &nik(7)).args(["--accept-weak", "--json"]).run();
    assert_eq!(failed(&ran), ("log_key".into(), format!("the policy names no log with the origin {ORIGIN:?}")));

    let ran = ceknik(["verify", "--accept-weak", "--unpinned-policy"]).arg(world.home.policy()).arg(&file);
    let ran = ran.stdin(nik(7)).done();
    assert!(ran.stdout.contains("/ NOTE: nobody vouched for the log's key. "), "{ran:?}");
    let ran = ceknik(["verify", "--accept-weak", "--json", "--unpinned-policy"]).arg(world.home.policy()).arg(&file);
    assert_eq!(ran.stdin(nik(7)).done().json()["policy_pinned"], false);
}

/// Witnesses that the policy wants, and their times.
#[test]
fn witnesses() {
    let home = TestHome::published(0..20);
    let witness = Cosigner::from_seed("koran.example", &[7; 32]).unwrap();
    let stranger = Cosigner::from_seed("lsm.example", &[8; 32]).unwrap();
    let log_line = fs::read_to_string(home.policy()).unwrap().replace("quorum none\n", "");
    // What a witness would add, by the time that the publisher asked it.
    let path = home.epoch_dir(1).join("proof");
    let proof = TlogProof::parse(&fs::read(&path).unwrap()).unwrap();
    let policy = Policy::parse(format!("{log_line}quorum none\n").as_bytes()).unwrap();
    let seen = proof.checkpoint().verify(&policy).unwrap();
    let mut note = proof.checkpoint().as_bytes().to_vec();
    note.extend(witness.cosign(&seen, 1_795_334_700).unwrap());
    let cosigned =
        TlogProof::new(proof.index(), proof.hashes().to_vec(), SignedCheckpoint::parse(&note).unwrap()).to_bytes();
    fs::write(&path, cosigned).unwrap();
    let world = World::of(home);
    let file = world.evidence(&[nik(7)]).remove(0);
    let policy = |quorum: &str| {
        let [one, two] = [&witness, &stranger].map(Cosigner::verifier_key);
        let text =
            format!("{log_line}witness koran {one}\nwitness lsm {two}\ngroup all 2 koran lsm\nquorum {quorum}\n");
        world.write("policy", text.as_bytes())
    };
    let ran = verify(&file, &policy("koran"), &nik(7)).arg("--accept-weak").done();
    assert!(ran.stdout.contains("\nSaksi / witness: koran (koran.example), 2026-11-22T08:05:00Z\n"), "{ran:?}");
    let ran = verify(&file, &policy("all"), &nik(7)).args(["--accept-weak", "--json"]).run();
    let detail = "too few witnesses cosigned the checkpoint: \"all\" needs 2 of its 2 and has 1 (1 of the policy's 2 witnesses cosigned)";
    assert_eq!(failed(&ran), ("witnesses".into(), detail.into()));
}

#[test]
fn another_list_or_one_for_tests() {
    let world = World::new();
    let file = world.evidence(&[nik(7)]).remove(0);
    assert_eq!(world.verify(&file, &nik(7)).args(["--dataset", DATASET]).run().code(), 0);
    let ran = world.verify(&file, &nik(7)).args(["--dataset", "bandung-2024", "--json"]).run();
    let detail = "the file is of the list jakarta-2024, not of bandung-2024";
    assert_eq!(failed(&ran), ("dataset".into(), detail.into()));
    // The list is told all the same: it is in the log.
    assert_eq!(ran.json()["list"]["dataset"], DATASET);
    let ran = verify(&file, &world.home.policy(), &nik(7)).arg("--json").run();
    assert_eq!(failed(&ran), ("weak".into(), "the list has a weak stretch, for tests only: it protects nobody".into()));
}

#[test]
fn what_cannot_be_read() {
    let world = World::new();
    let file = world.evidence(&[nik(7)]).remove(0);
    let policy = world.home.policy();
    let nowhere = world.write("x", b"").with_file_name("nowhere");
    let missing = |ran: String| ran.starts_with(&format!("cannot read {}: ", nowhere.display()));
    assert!(missing(verify(&nowhere, &policy, &nik(7)).refused()));
    assert!(missing(verify(&file, &nowhere, &nik(7)).refused()));
    let told = verify(&file, &file, &nik(7)).refused();
    assert!(told.starts_with(&format!("{}: policy line 1: ", file.display())), "{told}");
    let typed = |lines: &str| world.verify(&file, lines).refused();
    assert_eq!(typed(" "), "no NIK was given: type the one on the identity card, or pipe it in");
    assert_eq!(
        typed(&format!("{}\n{}", nik(7), nik(8))),
        "more than one line was given: a file is evidence for one NIK"
    );
    assert_eq!(typed("31710117"), "ada 8 angka; NIK terdiri dari 16 angka / there are 8 digits; a NIK has 16");
    assert_eq!(ceknik(["verify"]).arg(&file).run().code(), 2, "a policy is needed");
    let ran = ceknik(["verify", "--policy", "a", "--unpinned-policy", "b"]).arg(&file).run();
    assert_eq!(ran.code(), 2);

    // What is no evidence is told before a NIK is asked for.
    for (bytes, detail) in [
        (&b"{}"[..], "not an evidence file: line 1, column 2: missing field `evidence`"),
        (b"[\"ceknik/1\"]", "not an evidence file: line 1, column 12: an array stands where none belongs"),
        (
            b"{\"evidence\":\"ceknik/2\",\"x\":[]}",
            "the file is not evidence of format ceknik/1; a newer reader may be needed",
        ),
        (b"", "not an evidence file: line 1, column 0: EOF while parsing a value"),
    ] {
        let path = world.write("broken", bytes);
        let ran = world.verify(&path, "").arg("--json").run();
        assert_eq!(failed(&ran), ("evidence_form".into(), detail.into()));
    }
    let spelled = String::from_utf8(fs::read(&file).unwrap()).unwrap().replace("\",\"", "\", \"");
    let ran = world.verify(&world.write("broken", spelled.as_bytes()), "").arg("--json").run();
    let detail = "the file was written anew by another program: take the file as it was made, unopened";
    assert_eq!(failed(&ran), ("evidence_form".into(), detail.into()));
    // What an evidence file says is shown without what a terminal obeys.
    let ran = world.verify(&world.write("broken", b"{\"evidence\":\"ceknik/1\",\"\\u001b[2J\":1}"), "").run();
    assert!(ran.code() == 5 && !ran.stdout.contains('\u{1b}'), "{ran:?}");
}
