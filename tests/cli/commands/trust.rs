//! `ceknik check`, and whom it trusts.

use std::fs;
use std::path::Path;

use ceknik_core::log::Cosigner;
use rand::rngs::OsRng;

use crate::check::World;
use crate::support::command::ceknik;
use crate::support::home::{DATASET, nik};

/// What is told of trust is what became of it.
#[test]
fn trust_is_told_as_it_is() {
    let world = World::new();
    let cache = world.home.beside("cache");
    let check = |dataset: &str, options: &[&str]| {
        let url = world.service.url();
        let command = ceknik(["check", "--accept-weak", "--server", &url, "--dataset", dataset]);
        command.args(options).stdin(nik(7)).run().stderr
    };
    let cached = ["--cache", cache.to_str().unwrap()];
    assert_eq!(check("bandung-2024", &cached), "", "no list, no trust");
    assert!(check(DATASET, &["--no-cache"]).contains("This service's policy is trusted for this check alone."));
    assert!(check(DATASET, &cached).contains("First visit: this service's policy is trusted from now on."));
    assert_eq!(check(DATASET, &cached), "");
}

/// The file of another publisher: both logs are named, and only then an attack.
#[test]
fn a_policy_of_another_publisher() {
    let world = World::new();
    let other = world.home.beside("other");
    ceknik(["keygen", "--origin", "elsewhere.example.org/log", "--home"]).arg(&other).done();
    let check = |policy: &Path| {
        let command = ceknik(["check", "--accept-weak", "--no-cache", "--dataset", DATASET, "--server"]);
        let ran = command.arg(world.service.url()).arg("--policy").arg(policy).stdin(nik(7)).run();
        assert_eq!(ran.code(), 4);
        ran.stdout
    };
    assert_eq!(
        check(&other.join("public/policy")),
        "1. BELUM ADA JAWABAN / no answer: daftar ini tidak ditandatangani seperti yang diminta kebijakan kepercayaan / the \
         list is not signed as the trust policy demands (the list is of the log \"ceknik.example.org/log\", and the policy \
         names \"elsewhere.example.org/log\")\n\
         \n\
         Yang dapat Anda lakukan / what you can do next:\n\
         \x20 Berkas --policy itu mungkin milik penerbit lain, atau sudah lama: bandingkan catatan di dalamnya dengan yang \
         diumumkan penerbit daftar ini, atau mintalah yang sekarang kepadanya. Bila berkas itu memang benar, daftar ini diganti \
         di jalan atau oleh layanan: coba dari jaringan lain, dan laporkan kode ini kepada penerbit dan pengawas: policy. / The \
         file of --policy may be another publisher's, or an old one: compare the log in it with what this list's publisher \
         made known, or ask there for the present file. If it is the right one, the list was exchanged on the way or by the \
         service: try from another network, and tell the publisher and the supervisor this code: policy.\n"
    );
    // A witness whom nobody asked.
    let log_key = fs::read_to_string(world.home.path().join("keys/log.pub")).unwrap();
    let witness = Cosigner::generate("paper", &mut OsRng).unwrap().verifier_key();
    let text = format!("log {log_key}witness paper {witness}\nquorum paper\n");
    assert_eq!(
        check(&world.home.write("with-witness", text)),
        "1. BELUM ADA JAWABAN / no answer: terlalu sedikit saksi dalam kebijakan kepercayaan yang telah melihat daftar ini / too \
         few witnesses of the trust policy have seen this list (too few witnesses cosigned the checkpoint: \"paper\" needs 1 of \
         its 1 and has 0 (0 of the policy's 1 witnesses cosigned))\n\
         \n\
         Yang dapat Anda lakukan / what you can do next:\n\
         \x20 Kebijakan ini meminta lebih banyak saksi daripada yang telah melihat daftar ini. Saksi mungkin terlambat: coba lagi \
         nanti. Kebijakan itu mungkin pula milik penerbit lain, atau sudah lama: bandingkan dengan yang diumumkan penerbit. Bila \
         tetap begitu, daftar ini mungkin hanya ditunjukkan kepada Anda: laporkan kode ini kepada penerbit dan pengawas: \
         quorum_not_met. / The policy asks for more witnesses than have seen this list. They may be late: try again later. The \
         policy may be another publisher's, or an old one: compare it with what the publisher made known. If it stays so, this \
         list may have been shown to you alone: tell the publisher and the supervisor this code: quorum_not_met.\n"
    );
}

/// A damaged policy is not replaced by whatever the service has.
#[test]
fn damaged_pinned_policy() {
    let world = World::new();
    let cache = world.home.beside("cache");
    let check = || {
        let command =
            ceknik(["check", "--accept-weak", "--dataset", DATASET, "--server", &world.service.url(), "--cache"]);
        command.arg(&cache).stdin(nik(7)).run()
    };
    assert_eq!(check().code(), 0);
    let servers = fs::read_dir(cache.join("servers")).unwrap().map(|entry| entry.unwrap().path());
    let policy = servers.map(|server| server.join("policy")).next().unwrap();
    let mut bytes = fs::read(&policy).unwrap();
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    fs::write(&policy, bytes).unwrap();
    let ran = check();
    assert_eq!(ran.code(), 4);
    let sentence = "the pinned trust policy in the cache is damaged: give the policy, or remove the file to trust the service anew";
    let first = ran.stdout.lines().next().unwrap();
    assert!(first.starts_with("1. BELUM ADA JAWABAN / no answer: ") && first.ends_with(sentence), "{ran:?}");
    let advice =
        format!("Give the policy with --policy FILE, or remove {} to trust the service anew.\n", policy.display());
    assert!(ran.stdout.ends_with(&advice), "{ran:?}");
    fs::remove_file(policy).unwrap();
    let ran = check();
    assert!(ran.code() == 0 && ran.stderr.contains(" / First visit: "), "{ran:?}");
}
