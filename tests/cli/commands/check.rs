//! `ceknik check`.

use std::fs;

use ceknik_core::log::{CheckpointPhrase, SignedCheckpoint};
use serde_json::Value;

use crate::support::command::{Ceknik, ceknik};
use crate::support::home::{DATASET, TestHome, nik};
use crate::support::http::Response;
use crate::support::proxy::{Proxy, altering, replacing};
use crate::support::service::Ceknikd;

/// The fields of an answer, in their order.
const FIELDS: [&str; 11] = [
    "line",
    "answer",
    "local",
    "as_of",
    "epoch",
    "supports",
    "warnings",
    "reason",
    "log_size",
    "log_phrase",
    "evidence",
];

/// A list of two hundred, and its service.
pub(crate) struct World {
    pub(crate) home: TestHome,
    pub(crate) service: Ceknikd,
}

impl World {
    pub(crate) fn new() -> Self {
        let home = TestHome::published(0..200);
        Self { service: Ceknikd::start(&home), home }
    }

    fn check(&self) -> Ceknik {
        self.check_at(&self.service.url())
    }

    fn check_at(&self, url: &str) -> Ceknik {
        let policy = self.home.policy();
        let command =
            ceknik(["check", "--accept-weak", "--dataset", DATASET, "--server", url, "--no-cache", "--policy"]);
        command.arg(policy)
    }

    /// Somebody who is not listed and whom the filter hits, or misses.
    fn outsider(&self, local: &str) -> String {
        let outsiders: Vec<String> = (1000..1200).map(nik).collect();
        let lines = self.check().args(["--json", "--local-only"]).stdin(outsiders.join("\n")).run().json_lines();
        outsiders[lines.iter().position(|line| line["local"] == local).unwrap()].clone()
    }
}

/// The names in a line of JSON, in the order in which they stand there.
fn names(line: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = line.strip_prefix('{').unwrap();
    while let Some((name, after)) = rest.strip_prefix('"').and_then(|rest| rest.split_once("\":")) {
        names.push(name.to_owned());
        let mut values = serde_json::Deserializer::from_str(after).into_iter::<Value>();
        values.next().unwrap().unwrap();
        rest = after[values.byte_offset()..].trim_start_matches(',');
    }
    names
}

#[test]
fn an_object_a_line() {
    let world = World::new();
    let (hit, miss) = (world.outsider("hit"), world.outsider("miss"));
    let lines = format!("{}\r\n\n {hit}\n{miss}\nselamat\n{}\n2222222222222222\n", nik(7), nik(8));
    let ran = world.check().arg("--json").stdin(lines).run();
    assert_eq!((ran.code(), ran.stderr.as_str()), (4, ""), "{ran:?}");
    for line in ran.stdout.lines() {
        assert_eq!(names(line), FIELDS);
    }
    for nik in [&nik(7), &nik(8), &hit, &miss] {
        assert!(!ran.stdout.contains(nik));
    }
    let answers = ran.json_lines();
    // Lines are counted as they came, the empty one among them.
    let numbers: Vec<_> = answers.iter().map(|answer| answer["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 3, 4, 5, 6, 7]);
    let published = fs::read(world.home.epoch_dir(1).join("manifest")).unwrap();
    let published: Value = serde_json::from_slice(&published).unwrap();
    let expected = |line: u64, answer: &str, local: &str, supports: Value, warnings: Value| {
        serde_json::json!({
            "line": line, "answer": answer, "local": local, "as_of": published["published_at"], "epoch": 1,
            "supports": supports, "warnings": warnings, "reason": null, "log_size": 1, "log_phrase": phrase(&world),
            "evidence": null,
        })
    };
    let support = serde_json::json!([{"candidate": "dk", "status": "ms", "submitted": "2024-08-15"}]);
    let (none, weak) = (serde_json::json!([]), serde_json::json!(["weak"]));
    assert_eq!(answers[0], expected(1, "listed", "hit", support.clone(), weak.clone()));
    assert_eq!(answers[1], expected(3, "not_listed", "hit", none.clone(), weak.clone()));
    assert_eq!(answers[2], expected(4, "not_listed", "miss", none.clone(), weak.clone()));
    assert_eq!(
        answers[3],
        serde_json::json!({
            "line": 5, "answer": "no_answer", "local": null, "as_of": null, "epoch": null, "supports": [], "warnings": [],
            "reason": "character", "log_size": null, "log_phrase": null, "evidence": null,
        })
    );
    assert_eq!(answers[4], expected(6, "listed", "hit", support, weak));
    let odd = ["warn_date", "warn_region", "warn_repeated", "weak"];
    assert_eq!(answers[5]["warnings"], serde_json::json!(odd));
}

#[test]
fn exit_codes() {
    let world = World::new();
    let (hit, miss) = (world.outsider("hit"), world.outsider("miss"));
    let code = |options: &[&str], niks: &[&str]| world.check().args(options).stdin(niks.join("\n")).run().code();
    let listed = nik(7);
    assert_eq!(code(&[], &[&listed, &hit, &miss]), 0);
    assert_eq!(code(&["--json"], &[&listed, &hit, &miss]), 0);
    assert_eq!(code(&["--local-only"], &[&miss]), 0);
    assert_eq!(code(&["--local-only"], &[&miss, &hit]), 3);
    assert_eq!(code(&["--local-only"], &[&miss, &hit, "12"]), 4);
    assert_eq!(code(&[], &["12"]), 4);
    assert_eq!(code(&[], &[]), 1);
    assert_eq!(code(&["--offline"], &[&listed]), 2, "a cache is needed");
    assert_eq!(code(&["--local-only", "--confirm-all"], &[&listed]), 2);
    assert_eq!(code(&["--json", "--show-requests"], &[&listed]), 2);
    assert_eq!(code(&["--evidence", "x", "--local-only"], &[&listed]), 2);
    let unlisted_dataset =
        ceknik(["check", "--dataset", "bandung-2024", "--no-cache", "--server", &world.service.url()]);
    let ran = unlisted_dataset.stdin(listed).run();
    assert_eq!(ran.code(), 4);
    assert!(
        ran.stdout.starts_with(
            "1. BELUM ADA JAWABAN / no answer: layanan ini tidak mempunyai daftar itu / the service has no such list (status 404)\n"
        ),
        "{ran:?}"
    );
}

/// More than one request's worth of people, some of them twice.
#[test]
fn a_village() {
    let world = World::new();
    let numbers: Vec<u32> = (0..45).chain(1000..1010).chain(0..3).collect();
    let niks: Vec<String> = numbers.iter().map(|number| nik(*number)).collect();
    let proxy = Proxy::before(world.service.address());
    let ran = world.check_at(&proxy.url()).arg("--json").stdin(niks.join("\n")).run();
    assert_eq!(ran.code(), 0);
    let answers = ran.json_lines();
    assert_eq!(answers.len(), numbers.len());
    for (answer, number) in answers.iter().zip(&numbers) {
        assert_eq!(answer["answer"], if *number < 200 { "listed" } else { "not_listed" });
    }
    let evaluations: Vec<usize> = proxy
        .take_requests()
        .iter()
        .filter(|request| request.path.ends_with("/evaluate"))
        .map(|request| serde_json::from_slice::<Value>(&request.body).unwrap()["blinded"].as_array().unwrap().len())
        .collect();
    // Each person once, in full requests.
    assert!(evaluations.len() >= 3 && evaluations.len() <= 4, "{evaluations:?}");
    assert!(evaluations.iter().all(|elements| [1, 4, 16].contains(elements)), "{evaluations:?}");
}

/// What everybody who sees this log reads to the others.
fn phrase(world: &World) -> String {
    let checkpoint = fs::read(world.home.public().join("log/checkpoint")).unwrap();
    let checkpoint = SignedCheckpoint::parse(&checkpoint).unwrap();
    CheckpointPhrase::new(checkpoint.origin(), &checkpoint.head()).unwrap().to_string()
}

#[test]
fn for_people() {
    let world = World::new();
    let miss = world.outsider("miss");
    let ran = world.check().stdin(format!("{}\n{miss}\nselamat\n", nik(7))).run();
    let published = fs::read(world.home.epoch_dir(1).join("manifest")).unwrap();
    let published: Value = serde_json::from_slice(&published).unwrap();
    let time = |name: &str| published[name].as_str().unwrap().to_owned();
    let weak = "   perhatian / note: daftar ini memakai penguatan lemah, hanya untuk percobaan: tidak melindungi siapa pun / \
                this list has a weak stretch, for tests only: it protects nobody\n";
    assert_eq!(
        ran.stdout,
        format!(
            "Daftar contoh / Sample list\n\
             Cakupan / coverage: Seluruh contoh / All of the sample\n\
             Daftar per / list as of {}, berlaku sampai / valid until {}\n\
             Catatan publik / public log: ceknik.example.org/log\n\
             \x20  1 entri / entries: {}\n\
             \n\
             1. TERCANTUM / LISTED\n\
             \x20  Pasangan D-K / Pair D-K\n\
             \x20  status: Memenuhi syarat / Eligible\n\
             \x20  diserahkan / submitted: 2024-08-15\n\
             {weak}\
             2. TIDAK TERCANTUM / not listed\n\
             {weak}\
             3. BELUM ADA JAWABAN / no answer: karakter ke-1 bukan angka, spasi, titik, atau tanda hubung / character 1 is \
             neither a digit nor a space, dot or hyphen\n\
             \n\
             Tercantum bukan berarti Anda melakukan kesalahan. / Being listed does not mean you did anything wrong.\n\
             \x20 Ajukan tanggapan / File an objection https://example.org/tanggapan\n",
            time("published_at"),
            time("valid_until"),
            phrase(&world)
        )
    );
    assert_eq!(ran.stderr, "");
}

/// A hit that is not confirmed: what it is worth, and the way to a definite answer.
#[test]
fn maybe() {
    let world = World::new();
    let ran = world.check().arg("--local-only").stdin(nik(7)).run();
    assert_eq!(ran.code(), 3);
    let told = "1. MUNGKIN, belum dipastikan / maybe, not confirmed\n   NIK ini cocok dengan saringan, yang juga terjadi pada \
                orang yang tidak tercantum: bila hanya ini yang diketahui, peluang tercantum paling tinggi 50 % / the filter \
                hits, which it does for people who are not listed as well: to somebody who knows nothing else, listed with a \
                chance of 50 % at most\n   Untuk jawaban pasti, jalankan lagi tanpa --local-only. / For a definite answer run \
                it again without --local-only.\n";
    assert!(ran.stdout.contains(told), "{ran:?}");
    // Of 4000 people, at least 150 share a bucket.
    let ran = world.check().args(["--least-people", "4000"]).stdin(nik(7)).run();
    assert_eq!(ran.code(), 3);
    assert!(ran.stdout.contains("--least-people allows it.\n"), "{ran:?}");
}

/// Whoever typed no NIK is told so, and nothing is asked.
#[test]
fn no_nik_at_all() {
    let world = World::new();
    let proxy = Proxy::before(world.service.address());
    let ran = ceknik(["check", "--dataset", DATASET, "--no-cache", "--server", &proxy.url()]).stdin("12\n").run();
    assert_eq!((ran.code(), ran.stderr.as_str()), (4, ""));
    let told =
        "1. BELUM ADA JAWABAN / no answer: ada 2 angka; NIK terdiri dari 16 angka / there are 2 digits; a NIK has 16\n";
    assert_eq!(ran.stdout, told);
    assert!(proxy.take_requests().is_empty());
}

/// Whoever has no answer is told what to do, according to why: to try again, or not to believe.
#[test]
fn advice() {
    let world = World::new();
    let proxy = Proxy::before(world.service.address());
    let advice = |options: &[&str]| {
        let ran = world.check_at(&proxy.url()).args(options).stdin(format!("{}\n{}\n", nik(7), nik(8))).run();
        assert_eq!(ran.code(), 4);
        let (_, advice) = ran.stdout.split_once("\nYang dapat Anda lakukan / what you can do next:\n").unwrap();
        advice.to_owned()
    };
    proxy.behave(replacing("/evaluate", |_, _| Response::new(429, "").with("retry-after", "3600")));
    assert_eq!(advice(&[]), "  Coba lagi nanti. / Try again later.\n");
    proxy.behave(altering("/buckets/", |body| body[10] ^= 1));
    assert_eq!(
        advice(&[]),
        "  Yang dikirim tidak lolos pemeriksaan. Coba dari jaringan lain; bila tetap begitu, laporkan kode ini kepada penerbit \
         dan pengawas: bucket_root. / What was sent did not pass a check, altered on the way or by the service. Try from \
         another network; if it stays so, tell the publisher and the supervisor this code: bucket_root.\n"
    );
    proxy.behave_honestly();
    let weak = ceknik(["check", "--dataset", DATASET, "--no-cache", "--server", &proxy.url()]).stdin(nik(7)).run();
    let told =
        "  Daftar ini hanya untuk percobaan. / This list is for tests; --accept-weak looks into it all the same.\n";
    assert!(weak.stdout.ends_with(told), "{weak:?}");
}

/// The address of a page, or of something below the service, in place of the service's own.
#[test]
fn an_address_with_a_path() {
    let world = World::new();
    let advice = |[id, en]: [&str; 2]| {
        format!(
            "\nYang dapat Anda lakukan / what you can do next:\n  Alamat layanan hampir selalu tanpa jalur di belakangnya: coba --server \
         {url}. {id} / The address of a service has hardly ever a path: try --server {url}, without what follows there. {en}\n",
            url = world.service.url()
        )
    };
    // With a policy the list is not found, at a first visit the policy.
    let given = advice([
        "Periksa alamat layanan dan id daftar.",
        "Check --server and --dataset; SERVER/v1/datasets names the lists that are there.",
    ]);
    let first = advice([
        "Berikan kebijakan kepercayaan dari penerbit.",
        "Get the policy from the publisher and give it with --policy FILE.",
    ]);
    for path in ["/foo", "/v1", "/v1/datasets/"] {
        let url = world.service.url() + path;
        let visit = ceknik(["check", "--dataset", DATASET, "--no-cache", "--server", &url]);
        for (command, advice) in [(world.check_at(&url), &given), (visit, &first)] {
            let ran = command.stdin(nik(7)).run();
            assert!(ran.code() == 4 && ran.stdout.ends_with(advice), "{ran:?}");
        }
    }
}

#[test]
fn what_left_the_device() {
    let world = World::new();
    let ran = world.check().arg("--show-requests").stdin(nik(7)).done();
    let (_, sent) = ran.stdout.split_once("\nYang meninggalkan perangkat ini / what left this device:\n").unwrap();
    let requests: Vec<&str> = sent.lines().filter(|line| line.contains(" → ")).collect();
    for part in ["GET /v1/jakarta-2024/manifest → 200", "POST /v1/jakarta-2024/evaluate → 200", "/epochs/1/buckets/"]
    {
        assert!(requests.iter().any(|line| line.contains(part)), "{part}: {sent}");
    }
    assert!(sent.contains("    sent: {\"key\":\""), "{sent}");
    assert!(!ran.stdout.contains(&nik(7)));
    // Of 4000 people in 16 buckets.
    let bucket = "    tells something: one of 16 buckets, of a NIK or drawn at random, and the same at the next visit; to one who \
                  has the list's key and everybody's NIK it means, taken alone, one of those among some 250 people who would \
                  ask as well\n";
    assert!(sent.contains(bucket), "{sent}");
}

#[test]
fn nothing_left_the_device() {
    let world = World::new();
    let cache = world.home.beside("cache");
    let check = |options: &[&str], lines: &str| {
        let url = world.service.url();
        let command = ceknik(["check", "--accept-weak", "--show-requests", "--dataset", DATASET, "--server", &url]);
        command.arg("--cache").arg(&cache).args(options).stdin(lines).run()
    };
    assert!(check(&[], &nik(7)).stdout.contains("\nYang meninggalkan perangkat ini / what left this device:\n"));
    let nothing = "\nTidak ada yang meninggalkan perangkat ini. / Nothing left this device.\n";
    for ran in [check(&["--offline"], &nik(7)), check(&[], "12")] {
        assert!(ran.stdout.ends_with(nothing) && !ran.stdout.contains("what left this device:"), "{ran:?}");
    }
}

#[test]
fn wrong_addresses_and_files() {
    let world = World::new();
    let refused = |server: &str| {
        ceknik(["check", "--dataset", DATASET, "--no-cache", "--server", server]).stdin(nik(7)).refused()
    };
    assert_eq!(
        refused("http://cek.example.org"),
        "--server: http:// is allowed to this machine alone (127.0.0.1, ::1, localhost): use https://, or allow plain HTTP \
         explicitly (--allow-plain-http)"
    );
    assert_eq!(refused("cek.example.org"), "--server: not an address of the form https://host/");
    assert_eq!(refused("ftp://cek.example.org"), "--server: the address must begin with https://");
    let policy = world.home.write("no-policy", "this is none\n");
    let command = |policy: &std::path::Path| {
        let command =
            ceknik(["check", "--dataset", DATASET, "--no-cache", "--server", &world.service.url(), "--policy"]);
        // Nothing is asked for before the policy is read.
        command.arg(policy).refused()
    };
    assert_eq!(
        command(&policy),
        format!(
            "{}: policy line 1: unknown keyword \"this\": a line begins with log, witness, group, quorum or #",
            policy.display()
        )
    );
    // The key alone, as keygen prints it.
    let key = fs::read_to_string(world.home.path().join("keys/log.pub")).unwrap();
    let key = key.trim_end();
    for text in [format!("{key}\n"), key.to_owned()] {
        let policy = world.home.write("key", text);
        let told = format!(
            "{}: policy line 1: this is a key, which becomes a policy with \"log\" before it: write the line \"log {key}\" and \
             below it the line \"quorum none\"",
            policy.display()
        );
        assert_eq!(command(&policy), told);
    }
    let missing = world.home.beside("missing");
    let told = format!("cannot read {}: No such file or directory (os error 2)", missing.display());
    assert_eq!(command(&missing), told);
}
