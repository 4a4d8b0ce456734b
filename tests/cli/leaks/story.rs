//! The whole life of a list, with everything in it that goes wrong.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU64;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use ceknik_core::time::Timestamp;
use tokio::runtime::Runtime;

use super::CHUNK_PEOPLE;
use super::child::{Hold, TASK, Task, Work};
use super::evidence;
use super::known::{LISTED, OTHERS, TEXTS, person};
use super::stage::{Running, Stage, read};
use super::support::home::{DATASET, ORIGIN};
use super::support::http::Request;
use super::wire::Wire;

/// The address that a client's proxy names, which the service was told to believe.
pub(crate) const FORWARDED_FOR: [u8; 4] = [198, 51, 100, 77];

/// Sixteen million cells, so that a cell is no small number; few buckets.
const DEFINITION: &str = r#"
id = "jakarta-2024"
population = 20000000
capacity = 2000000
bucket_bits = 6
payload_bytes = 256
cover_percent = 50

[stretch]
weak = true

[title]
id = "Daftar"
en = "List"

[coverage]
id = "Kota"
en = "City"

[candidates.dk]
id = "Pasangan D-K"
en = "Pair D-K"

[candidates.pw]
id = "Pasangan P-W"
en = "Pair P-W"

[statuses.ms]
id = "Memenuhi syarat"
en = "Eligible"

[statuses.tms]
id = "Tidak memenuhi syarat"
en = "Not eligible"
"#;

const HEADER: &str = "No,NIK,Nama,Alamat,Kandidat,Status,Tanggal\n";

/// Rows as publishers have them, for people of these numbers.
fn rows(people: impl IntoIterator<Item = usize>, candidate: &str) -> String {
    let [name, address, ..] = TEXTS;
    let row = |number| format!("{number},{},{name},{address},{candidate},ms,2024-08-15\n", person(number));
    people.into_iter().map(row).collect()
}

/// All of the list, and below it whatever is refused.
pub(crate) fn full_list() -> String {
    let [name, address, candidate, status, date, niks @ ..] = TEXTS;
    let other = person(LISTED + 1);
    let mut text = HEADER.to_owned() + &rows(0..LISTED, "dk") + &rows(0..7, "pw");
    text += &format!("1,{other},{name},{address},{candidate},ms,2024-08-15\n");
    text += &format!("2,{other},{name},{address},dk,{status},2024-08-15\n");
    text += &format!("3,{other},{name},{address},dk,ms,{date}\n");
    for nik in niks {
        text += &format!("4,\"{}\",{name},{address},dk,ms,2024-08-15\n", nik.replace('"', "\"\""));
    }
    text
}

/// Publications follow one another by the minute.
pub(crate) fn minute(number: i64) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64;
    Timestamp::from_unix(now - 3600 + 60 * number).unwrap().to_string()
}

/// Makes keys and the dataset. No NIK is known to anybody yet.
pub(crate) fn prepare(stage: &mut Stage) {
    let command = stage.ceknik("plan --records 200 --population 20000000 --posterior 50");
    stage.done("plan", command, "");
    let command = stage.ceknik(&format!("keygen --origin {ORIGIN}"));
    stage.done("keygen", command, "");
    let file = stage.list("definition.toml", DEFINITION);
    let mut command = stage.ceknik("dataset create --weak-stretch");
    command.arg(file);
    stage.done("create", command, "");
}

/// Imports the list: killed in the middle, panicking in the middle, refused for all kinds of reasons, and in the end done.
pub(crate) fn import(stage: &mut Stage, after_the_kill: impl FnOnce(&Stage)) {
    let list = stage.list("list.csv", full_list());
    let command = child(stage, &list, "commit", false);
    let mut running = stage.start("import-killed", command, "");
    wait_until("it commits", || read(&running.out).contains("begins commit 3"));
    running.child.kill().unwrap();
    assert_eq!(running.child.wait().unwrap().signal(), Some(9));
    stage.wait(running);
    after_the_kill(stage);

    for phase in ["stretch", "apply", "snapshot"] {
        let command = child(stage, &list, phase, true);
        let said = stage.refused(&format!("import-panics-in-{phase}"), command, "");
        assert!(said.err.contains("panicked") && said.err.contains("as the test wants it"), "{}", said.err);
    }
    refusals(stage);
    let mut command = stage.ceknik("import --snapshot --despite-refused --despite-missing --json");
    command.arg(DATASET).arg(&list);
    let said = stage.done("import", command, "");
    assert!(said.out.contains(&format!("\"people_added\":{LISTED}")), "{said:?}");
    let mut command = stage.ceknik("import");
    command.arg(DATASET).arg(&list);
    stage.done("import-again", command, "");
    for name in ["long-row", "nul"] {
        let mut command = stage.ceknik("import");
        command.arg(DATASET).arg(stage.path(&format!("lists/{name}.csv")));
        stage.run(&format!("import-{name}-alone"), command, "");
    }
}

/// This test binary as an importer with a fate.
fn child(stage: &Stage, list: &std::path::Path, phase: &str, panics: bool) -> Command {
    let chunk_rows = NonZeroU64::new(CHUNK_PEOPLE as u64).unwrap();
    let nth = if phase == "commit" { 3 } else { 1 };
    let milliseconds = if panics { 0 } else { 60_000 };
    let task = Task {
        home: stage.path("home"),
        work: Work::Import { list: list.to_owned(), chunk_rows },
        hold: Some(Hold { phase: phase.to_owned(), nth, milliseconds, panics }),
    };
    let mut command = stage.program(std::env::current_exe().unwrap());
    command.args(["--exact", "the_process_that_is_killed", "--nocapture", "--test-threads=1"]);
    command.env(TASK, serde_json::to_string(&task).unwrap());
    command
}

/// Lists that are refused as a whole, while another import stands open.
fn refusals(stage: &mut Stage) {
    let lists = [
        ("without-header", rows(0..10, "dk")),
        ("without-nik-column", full_list().replacen("NIK", "Nomor", 1)),
        ("another", HEADER.to_owned() + &rows(5..10, "dk")),
        ("nothing-but-niks", (0..10).map(|number| person(number) + "\n").collect()),
        ("quote-that-does-not-end", HEADER.to_owned() + "1,\"" + &rows(0..10, "dk")),
        ("long-row", HEADER.to_owned() + &format!("1,{},{}", person(0), person(1).repeat(100_000))),
        ("nul", HEADER.to_owned() + &format!("1,{}\0,x,y,dk,ms,", person(2))),
    ];
    for (name, text) in lists {
        let file = stage.list(&format!("{name}.csv"), text);
        let mut command = stage.ceknik("import --snapshot --despite-refused --despite-missing");
        command.arg(DATASET).arg(&file);
        stage.refused(&format!("import-{name}"), command, "");
        // And into a dataset that there is not.
        let mut command = stage.ceknik("import nowhere");
        command.arg(&file);
        stage.refused(&format!("import-nowhere-{name}"), command, "");
    }
}

pub(crate) fn publish(stage: &mut Stage, time: &str) {
    for (name, flags) in [("dry-run", "--dry-run"), ("publish", "--json")] {
        let command = stage.ceknik(&format!("publish {DATASET} --now {time} {flags}"));
        stage.done(name, command, "");
    }
    let command = stage.ceknik(&format!("publish {DATASET} --now {time}"));
    stage.refused("publish-again", command, "");
    let command = stage.ceknik("dataset show --json");
    stage.done("show", command, "");
}

/// The service with the wires that lead to it.
pub(crate) struct Served {
    pub(crate) service: Running,
    pub(crate) address: SocketAddr,
    pub(crate) wire: Wire,
    pub(crate) metrics: Wire,
}

impl Served {
    pub(crate) fn start(stage: &mut Stage, runtime: &Runtime) -> Self {
        let (service, address, metrics) = stage.serve();
        Self { service, address, wire: Wire::to(address, runtime), metrics: Wire::to(metrics, runtime) }
    }

    /// kill -9, and another one in its place.
    pub(crate) fn restart(&mut self, stage: &mut Stage) {
        self.kill();
        let (service, address, metrics) = stage.serve();
        self.wire.lead_to(address);
        self.metrics.lead_to(metrics);
        (self.service, self.address) = (service, address);
    }

    fn kill(&mut self) {
        self.service.child.kill().unwrap();
        self.service.child.wait().unwrap();
    }

    fn check(&self, stage: &Stage, flags: &str) -> Command {
        let url = format!("http://{}", self.wire.address());
        stage.ceknik(&format!("check --accept-weak --dataset {DATASET} --server {url} {flags}"))
    }

    /// What Prometheus would read.
    pub(crate) fn read_metrics(&self, stage: &Stage, name: &str) {
        let answer = send(self.metrics.address(), b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        assert!(String::from_utf8_lossy(&answer).contains("ceknikd_requests_total"));
        fs::write(stage.path(&format!("said/{name}.metrics")), answer).unwrap();
    }
}

fn typed(people: impl IntoIterator<Item = usize>) -> String {
    people.into_iter().map(|number| person(number) + "\n").collect()
}

/// Checks of all kinds; `listed` and `unlisted` are numbers of people, sixteen at least of each.
pub(crate) fn check(stage: &mut Stage, served: &mut Served, listed: &[usize], unlisted: &[usize]) {
    let one = &listed[..1];
    let said = stage.done("check", served.check(stage, "--json"), &typed(one.to_vec()));
    assert_eq!(said.answers(), ["listed"]);
    let four = [&listed[..2], &unlisted[..2]].concat();
    let said = stage.done("check-show-requests", served.check(stage, "--confirm-all --show-requests"), &typed(four));
    assert!(said.out.contains("sent: "), "{said:?}");
    // Evidence of all kinds of answers, and what others make of it.
    let five = [&listed[..3], &unlisted[..2]].concat();
    let dir = stage.path(evidence::DIR);
    for flags in ["--show-requests", "--json"] {
        let check = served.check(stage, &format!("--evidence {} {flags}", dir.display()));
        let said = stage.done(&format!("check-evidence{flags}"), check, &typed(five.clone()));
        assert!(said.out.contains("evidence-jakarta-2024-"), "{said:?}");
    }
    let newest =
        fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).max_by_key(|path| modified(path)).unwrap();
    for flags in ["", "--json"] {
        let mut verify = stage.ceknik(&format!("verify --accept-weak {flags} --policy"));
        verify.arg(stage.path("home/public/policy")).arg(&newest);
        // It is of one of them.
        for person in &five {
            stage.run(&format!("verify{flags}"), verify_again(stage, &verify), &typed([*person]));
        }
    }
    let many = [listed, unlisted].concat();
    let said = stage.done("check-many", served.check(stage, "--json --confirm-all"), &typed(many.clone()));
    let answers = said.answers();
    assert!(answers[..listed.len()].iter().all(|answer| answer == "listed"), "{said:?}");
    assert!(answers[listed.len()..].iter().all(|answer| answer == "not_listed"), "{said:?}");
    // As most people check: who is not listed confirms sometimes.
    stage.done("check-without-cache", served.check(stage, "--no-cache"), &typed(many.clone()));
    let policy = stage.path("home/public/policy");
    stage.done("check-policy", served.check(stage, &format!("--policy {}", policy.display())), &typed(many.clone()));
    stage.refused("check-no-nik", served.check(stage, ""), "\n");

    let mut lines = TEXTS.join("\n");
    lines += &format!("\n{} \n {}\n", person(listed[0]), spaced(&person(unlisted[0])));
    for flags in ["", "--json"] {
        let said = stage.run("check-bad-lines", served.check(stage, flags), &lines);
        assert_eq!(said.code, Some(4), "{said:?}");
    }
    for flags in ["--local-only --json", "--offline", "--offline --json"] {
        let said = stage.run("check-without-service", served.check(stage, flags), &typed(many.clone()));
        assert_eq!(said.code, Some(3), "{said:?}");
    }
    let mut nowhere = stage.ceknik("check --accept-weak --dataset nowhere --json --server");
    nowhere.arg(format!("http://{}", served.wire.address()));
    stage.run("check-nowhere", nowhere, &typed(one.to_vec()));
    let mut weak = stage.ceknik("check --json --server");
    weak.arg(format!("http://{}", served.wire.address())).args(["--dataset", DATASET]);
    stage.run("check-weak", weak, &typed(one.to_vec()));
    // Nobody takes what it says: it may end as it likes, with a panic too.
    let check = served.check(stage, "");
    let mut full = stage.program("/bin/sh");
    full.args(["-c", "exec \"$@\" > /dev/full", "sh"]).arg(check.get_program()).args(check.get_args());
    stage.run("check-nobody-listens", full, &typed(many.clone()));

    let mut killed = stage.start("check-killed", served.check(stage, "--confirm-all --no-cache"), &typed(many.clone()));
    std::thread::sleep(Duration::from_millis(30));
    killed.child.kill().unwrap();
    stage.wait(killed);

    misdirect(stage, served.address, unlisted);
    served.kill();
    let said = stage.run("check-service-dead", served.check(stage, "--json"), &typed(one.to_vec()));
    assert!(["maybe", "no_answer"].contains(&&*said.answers()[0]), "{said:?}");
    served.restart(stage);
    let said = stage.done("check-again", served.check(stage, "--json"), &typed(one.to_vec()));
    assert_eq!(said.answers(), ["listed"]);
}

fn modified(path: &std::path::Path) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

/// The same command once more.
fn verify_again(stage: &Stage, command: &Command) -> Command {
    let mut again = stage.program(command.get_program());
    again.args(command.get_args());
    again
}

fn spaced(nik: &str) -> String {
    format!("{}.{} {}-{}", &nik[..6], &nik[6..8], &nik[8..12], &nik[12..])
}

/// What clients send that were written by somebody who did not understand: NIKs, wherever there is room for them. What the
/// service answers is kept as well.
fn misdirect(stage: &Stage, service: SocketAddr, people: &[usize]) {
    let nik = |number: usize| person(people[number % people.len()]);
    let from = FORWARDED_FOR.map(|octet| octet.to_string()).join(".");
    let get = |path: &str, header: &str| {
        format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-forwarded-for: {from}\r\n{header}\r\n\r\n")
    };
    let post = |body: &str, kind: &str| {
        format!(
            "POST /v1/{DATASET}/evaluate HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-forwarded-for: {from}\r\n\
             content-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let json = "application/json";
    let requests = [
        get(&format!("/{}", nik(0)), "x-a: b"),
        get(&format!("/v1/{}/manifest", nik(1)), "x-a: b"),
        get(&format!("/v1/{DATASET}/{}", nik(2)), "x-a: b"),
        get(&format!("/v1/{DATASET}/manifest?nik={}", nik(3)), "x-a: b"),
        get(&format!("/v1/{DATASET}/epochs/{}/manifest", nik(4)), "x-a: b"),
        get(&format!("/v1/{DATASET}/epochs/1/buckets/{}", nik(5)), "x-a: b"),
        get(&format!("/v1/{DATASET}/filter/{}", nik(6)), "x-a: b"),
        get(&format!("/log/tile/0/{}", nik(7)), "x-a: b"),
        get("/v1/datasets", &format!("x-nik: {}", nik(8))),
        get("/v1/datasets", &format!("user-agent: {}", nik(9))),
        get("/v1/datasets", &format!("if-none-match: \"{}\"", nik(10))),
        get("/v1/datasets", &format!("cookie: nik={}", nik(11))),
        get("/v1/datasets", &format!("origin: https://{}.example", nik(12))),
        post(&nik(13), json),
        post(&format!("{{\"nik\":\"{}\"}}", nik(14)), json),
        post(&format!("{{\"key\":\"{}\",\"blinded\":[\"x\"],\"alone\":false}}", nik(15)), json),
        post(&format!("{{\"key\":\"x\",\"blinded\":[\"{}\"],\"alone\":false}}", nik(0)), json),
        post(&format!("{{\"key\":\"x\",\"blinded\":[{}],\"alone\":false}}", nik(1)), json),
        post(&format!("{{\"{}\":1}}", nik(2)), json),
        post("{}", &nik(3)),
        post(&nik(4).repeat(1000), json),
        format!("{} {} {}\r\n\r\n", nik(5), nik(6), nik(7)),
        format!("GET / HTTP/{}\r\n\r\n", nik(8)),
        format!("{}\r\n\r\n", nik(9)),
    ];
    let mut answers = Vec::new();
    for request in requests {
        answers.extend(send(service, request.as_bytes()));
        answers.push(b'\n');
    }
    for status in ["200", "400", "404", "413", "415"] {
        assert!(String::from_utf8_lossy(&answers).contains(&format!("HTTP/1.1 {status} ")), "{status}");
    }
    let number = fs::read_dir(stage.path("said")).unwrap().count();
    fs::write(stage.path(&format!("said/{number:02}-misdirected.answers")), answers).unwrap();
}

/// Sends bytes, and takes whatever comes back.
fn send(to: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // A service that has read enough answers before it has read all.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// People leave, in both ways, and others come.
pub(crate) fn withdraw(stage: &mut Stage) {
    let lines = typed([0, 1, LISTED + 2]) + &TEXTS[12..].join("\n") + "\n";
    let command = stage.ceknik(&format!("withdraw {DATASET} --candidate pw"));
    stage.run("withdraw-candidate", command, &lines);
    let command = stage.ceknik(&format!("withdraw {DATASET} --json"));
    stage.run("withdraw", command, &(lines + &typed([2, 3])));
    let command = stage.ceknik("withdraw nowhere");
    stage.refused("withdraw-nowhere", command, &typed([4]));
    // A snapshot that leaves out ten and brings five.
    let people = (4..LISTED - 10).chain(LISTED..LISTED + 5);
    let list = stage.list("snapshot.csv", HEADER.to_owned() + &rows(people, "dk"));
    let mut command = stage.ceknik("import --snapshot");
    command.arg(DATASET).arg(list);
    stage.done("snapshot", command, "");
    // Another begins to read people who are there already, is given up, and leaves everything as it is.
    let list = stage.list("given-up.csv", HEADER.to_owned() + &rows(10..20, "dk"));
    let command = child(stage, &list, "apply", true);
    stage.refused("import-given-up", command, "");
    let command = stage.ceknik(&format!("import {DATASET} --abandon"));
    let said = stage.done("abandon", command, "");
    assert!(said.out.contains("was ended after"), "{said:?}");
    let file = stage.list("definition-changed.toml", DEFINITION.replace("en = \"List\"", "en = \"Another list\""));
    let mut command = stage.ceknik("dataset update");
    command.arg(file);
    let said = stage.done("update", command, "");
    assert!(said.out.starts_with("Changed title;"), "{said:?}");
}

/// Everything anew, under other keys: two epochs, of which the second has them.
pub(crate) fn new_generation(stage: &mut Stage) {
    let command = stage.ceknik(&format!("dataset new-generation --weak-stretch {DATASET}"));
    stage.done("new-generation", command, "");
}

pub(crate) fn import_anew(stage: &mut Stage) {
    let list = stage.list("list-anew.csv", HEADER.to_owned() + &rows(0..LISTED, "dk"));
    let mut command = stage.ceknik("import --json");
    command.arg(DATASET).arg(list);
    stage.done("import-anew", command, "");
    // Withdrawn from both generations.
    let command = stage.ceknik(&format!("withdraw {DATASET}"));
    stage.run("withdraw-from-both", command, &typed([LISTED - 1, OTHERS]));
}

/// Tells the service to end, as an administrator would.
pub(crate) fn stop(stage: &mut Stage, served: &mut Served) {
    let mut command = stage.program("/bin/sh");
    command.args(["-c", "kill -TERM \"$1\"", "sh", &served.service.child.id().to_string()]);
    stage.done("stop", command, "");
    wait_until("the service ends", || served.service.child.try_wait().unwrap().is_some());
    assert!(log(stage).contains("\"message\":\"stopped\""));
}

/// What all services wrote.
pub(crate) fn log(stage: &Stage) -> String {
    let files = fs::read_dir(stage.path("said")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.display().to_string().ends_with("ceknikd.err")).map(|path| read(&path)).collect()
}

/// Waits until the service has an epoch.
pub(crate) fn wait_for_epoch(served: &Served, epoch: u64) {
    let request = Request::get(&format!("/v1/{DATASET}/manifest"));
    wait_until("the epoch is served", || request.send(served.address).unwrap().json()["epoch"] == epoch);
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(60), "in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
