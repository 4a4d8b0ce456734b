//! What is written, and what it shows.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use ceknik_core::encoding::hex;
use ceknik_core::evidence::evidence_sha256;
use serde_json::{Value, json};

use crate::support::citizen::says_no_nik;
use crate::support::command::ceknik;
use crate::support::home::{DATASET, TestHome, definition, list, nik};
use crate::support::http::Response;
use crate::support::proxy::{Proxy, replacing};
use crate::world::{LISTED, World};

const NOTICE: &str = "Setiap berkas bukti dapat menunjukkan pemiliknya kepada siapa pun yang dapat menebak NIK-nya, dan apa yang \
    tercatat tentangnya: perlihatkan hanya kepada orang yang boleh melihat KTP Anda. Untuk membuatnya layanan ditanya tentang setiap \
    NIK, dan melihat bahwa bukti diminta. / Each evidence file names its owner to whoever can guess the NIK, with what is recorded: \
    show it to those alone who may see your identity card. To make it, the service is asked about every NIK, and sees that evidence \
    is wanted.\n";

#[test]
fn listed_and_absent() {
    let world = World::new();
    // Of the strangers some hit the filter and some miss; of all there is evidence.
    let niks: Vec<String> = [7, 8].into_iter().chain(1000..1090).map(nik).collect();
    let files = world.evidence(&niks);
    let mut hits = 0;
    for (place, (file, nik)) in files.iter().zip(&niks).enumerate() {
        let ran = world.verify(file, nik).arg("--json").run();
        says_no_nik(&ran, &niks);
        let verdict = ran.json();
        let listed = place < 2;
        let told = (ran.code(), verdict["verdict"].as_str().unwrap());
        assert_eq!(told, if listed { (0, "listed") } else { (3, "not_listed") });
        let supports = json!([{"candidate": "dk", "status": "ms", "submitted": "2024-08-15"}]);
        assert_eq!(verdict["supports"], if listed { supports } else { json!([]) });
        hits += usize::from(verdict["cell_is_set"] == true);
        assert!(!listed || verdict["cell_is_set"] == true);
        assert_eq!(verdict["sha256"], hex(&evidence_sha256(&fs::read(file).unwrap())));
        let checks = verdict["checks"].as_array().unwrap();
        assert!(checks.len() == 22 && checks.iter().all(|check| check["result"] == "passed"), "{verdict}");
    }
    assert!((3..92).contains(&hits), "{hits}");
}

#[test]
fn the_list_is_told() {
    let world = World::new();
    let file = world.evidence(&[nik(7)]).remove(0);
    let verdict = world.verify(&file, &nik(7)).arg("--json").done().json();
    let manifest: Value = serde_json::from_slice(&fs::read(world.home.epoch_dir(1).join("manifest")).unwrap()).unwrap();
    let told = &verdict["list"];
    for name in ["dataset", "epoch", "title", "coverage", "published_at", "valid_until"] {
        assert_eq!(told[name], manifest[name], "{name}");
    }
    assert_eq!(told["evaluation_key"], manifest["oprf"]["public_key"]);
    let policy = fs::read_to_string(world.home.policy()).unwrap();
    assert!(policy.contains(&format!("log {}\n", told["log"].as_str().unwrap())), "{policy}");
    assert_eq!((&told["log_index"], &told["log_size"], &told["witnesses"]), (&json!(0), &json!(1), &json!([])));
    assert_eq!(verdict["policy_pinned"], true);
}

#[test]
fn files_are_their_owners_alone() {
    let world = World::new();
    let said = world.check(&[nik(7), nik(8), nik(7)]).arg("--json").done();
    assert_eq!(said.stderr, NOTICE);
    let names = |said: &Value| said["evidence"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let told: Vec<String> = said.json_lines().iter().map(names).collect();
    let expected =
        ["evidence-jakarta-2024-1-1.json", "evidence-jakarta-2024-1-2.json", "evidence-jakarta-2024-1-1.json"];
    assert_eq!(told, expected, "equal NIKs share a file");
    let before = fs::read(world.dir().join(expected[0])).unwrap();
    // Another time, other files.
    let again = world.evidence(&[nik(7)]).remove(0);
    assert_eq!(again.file_name().unwrap(), "evidence-jakarta-2024-1-3.json");
    assert_eq!(fs::read(world.dir().join(expected[0])).unwrap(), before);
    assert_ne!(fs::read(&again).unwrap(), before, "the blind is fresh");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&world.dir()), mode(&again)), (0o700, 0o600));
    assert_eq!(fs::read_dir(world.dir()).unwrap().count(), 3, "nothing unfinished is left");
}

#[test]
fn for_people() {
    let world = World::new();
    let said = world.check(&[nik(7), "12".to_owned()]).run();
    let path = world.dir().join("evidence-jakarta-2024-1-1.json");
    let bytes = fs::read(&path).unwrap();
    let groups: Vec<String> = evidence_sha256(&bytes).chunks(4).map(hex).collect();
    let told =
        format!("   bukti / evidence: {} ({} bytes)\n   SHA-256: {}\n", path.display(), bytes.len(), groups.join(" "));
    assert!(said.stdout.contains(&told) && said.stdout.contains("█▀▀▀▀▀█"), "{said:?}");

    let ran = world.verify(&path, &nik(7)).run();
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines.len() <= 45, "more than a page: {}", lines.len());
    let expected = [
        "TERCANTUM / LISTED",
        "   Pasangan D-K / Pair D-K",
        "   status: Memenuhi syarat / Eligible",
        "   diserahkan / submitted: 2024-08-15",
        "",
        "Daftar / list: Daftar contoh / Sample list (jakarta-2024)",
        "Cakupan / coverage: Seluruh contoh / All of the sample",
    ];
    assert_eq!(lines[..expected.len()], expected);
    for part in [
        " (tidak diperiksa: bukti tidak kedaluwarsa, dan mungkin sudah ada terbitan yang lebih baru / not applied: evidence does not \
         expire, and there may be a later epoch)\n",
        "   entri / entry 1 dari / of 1\nSaksi / witnesses: tidak ada / none\n",
        "It must not come from whoever brought the evidence.\n",
        "\nPemeriksaan / checks:\n  ok    evidence_form   berkas bukti utuh / the file is whole\n",
        "  ok    record          catatan terbaca, bila ada / the record, if any, can be read\n",
    ] {
        assert!(ran.stdout.contains(part), "{part:?} is not in:\n{}", ran.stdout);
    }
    assert_eq!(ran.stderr, "");
}

/// Evidence is of what was published then, whatever came after it.
#[test]
fn of_an_old_epoch() {
    let world = World::new();
    let file = world.evidence(&[nik(7), nik(500)]);
    world.home.import(list(LISTED.end..LISTED.end + 50));
    world.home.command("withdraw").arg(DATASET).stdin(nik(7) + "\n").done();
    world.home.publish();
    assert_eq!(world.verify(&file[0], &nik(7)).run().code(), 0);
    assert_eq!(world.verify(&file[1], &nik(500)).run().code(), 3);
    // And of the new one.
    let anew = World::of(world.home.copy());
    let file = anew.evidence(&[nik(7)]).remove(0);
    let ran = anew.verify(&file, &nik(7)).arg("--json").run();
    assert_eq!((ran.code(), &ran.json()["list"]["epoch"]), (3, &json!(2)));
}

#[test]
fn of_a_list_without_a_filter() {
    let home = TestHome::new();
    let without_filter = definition(DATASET, "filter = false").replace("capacity = 1000\n", "");
    home.create_dataset(&without_filter);
    home.import(list(LISTED));
    home.publish();
    let world = World::of(home);
    let files = world.evidence(&[nik(7), nik(1000)]);
    let text = fs::read_to_string(&files[0]).unwrap();
    assert!(text.contains("\"filter\":null,"), "no block where there is no filter");
    for (file, nik, code) in [(&files[0], nik(7), 0), (&files[1], nik(1000), 3)] {
        let ran = world.verify(file, &nik).arg("--json").run();
        assert_eq!((ran.code(), &ran.json()["cell_is_set"]), (code, &Value::Null));
    }
}

/// Where there is no confirmed answer there is no evidence, and that is said.
#[test]
fn no_answer_no_evidence() {
    let world = World::new();
    let proxy = Proxy::before(world.service.address());
    proxy.behave(replacing("/evaluate", |_, _| Response::new(400, "")));
    let ran =
        ceknik(["check", "--accept-weak", "--no-cache", "--dataset", DATASET, "--server", &proxy.url(), "--evidence"])
            .arg(world.dir())
            .arg("--policy")
            .arg(world.home.policy())
            .stdin(nik(7))
            .run();
    assert_eq!(ran.code(), 4, "{ran:?}");
    let told =
        "   bukti / evidence: tidak ada, karena tidak ada jawaban pasti / none, as there is no confirmed answer\n";
    assert!(ran.stdout.contains(told), "{ran:?}");
    assert_eq!(fs::read_dir(world.dir()).unwrap().count(), 0);
}
