//! The binary: its signals, its logs, and what a kill leaves behind.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use ceknik_core::encoding::{base64url, hex};
use ceknik_core::key_file::oprf_key_text;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::http::Connection;
use crate::publication::EpochPlan;
use crate::support::{Home, JAKARTA, body, elements, good_body};

fn command(home: &Home, flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ceknikd"));
    command
        .arg("--public")
        .arg(home.publisher.public())
        .arg("--keys")
        .arg(home.publisher.keys())
        .arg("--state")
        .arg(home.path().join("state"))
        .args(["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"])
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

struct Process {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    address: SocketAddr,
    metrics: SocketAddr,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    fn start(home: &Home, flags: &[&str]) -> Self {
        Self::of(command(home, flags).spawn().unwrap())
    }

    fn of(mut child: Child) -> Self {
        let (send, lines) = channel();
        let log = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || log.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut process = Self { child, lines, seen: Vec::new(), address: unknown, metrics: unknown };
        let serving = process.line("serving");
        process.address = serving["listen"].as_str().unwrap().parse().unwrap();
        process.metrics = serving["metrics_listen"].as_str().unwrap().parse().unwrap();
        process
    }

    /// Reads the log up to a message.
    fn line(&mut self, message: &str) -> Value {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(30)).unwrap_or_else(|_| panic!("{:?}", self.seen));
            let parsed: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
            self.seen.push(line);
            if parsed["message"] == message {
                return parsed;
            }
        }
    }

    /// A line that was read already.
    fn seen(&self, message: &str) -> Value {
        let parsed = self.seen.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        parsed.into_iter().find(|line| line["message"] == message).unwrap_or_else(|| panic!("{:?}", self.seen))
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end, and gives the whole log.
    fn end(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().unwrap();
        self.seen.extend(self.lines.iter());
        (status.code(), self.seen.join("\n"))
    }

    async fn connect(&self) -> Connection {
        Connection::open(self.address).await.unwrap()
    }

    async fn metrics(&self) -> String {
        let answer = Connection::open(self.metrics).await.unwrap().get("/metrics").await.unwrap();
        assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text"));
        answer.text()
    }
}

fn metric(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} is not in\n{metrics}")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_end_it_in_order() {
    let home = Home::published();
    for signal in [Signal::TERM, Signal::INT] {
        let process = Process::start(&home, &[]);
        assert_eq!(process.connect().await.get("/readyz").await.unwrap().status, 200);
        process.signal(signal);
        let (code, log) = process.end();
        assert_eq!(code, Some(0));
        assert!(
            log.contains("\"message\":\"stopping\"")
                && log.ends_with("\"message\":\"stopped\",\"target\":\"ceknikd::service\"}"),
            "{log}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_survives_a_kill() {
    let mut home = Home::empty();
    // 4,000 at once: leases of 62.5.
    home.publisher.publish(JAKARTA, &EpochPlan { evaluations_per_day: 8000, ..EpochPlan::now() });
    let name = "ceknikd_budget_elements{dataset=\"jakarta-2024\"}";
    let mut least_left = 4000.0;
    for _ in 0..3 {
        let mut process = Process::start(&home, &["--network-share", "100"]);
        let before = metric(&process.metrics().await, name);
        assert!(before <= least_left + 2.0 && before >= least_left - 63.0, "{before} of {least_left}");
        let mut connection = process.connect().await;
        for _ in 0..20 {
            let answer = connection.evaluate(JAKARTA, &good_body(&home.publisher, 16), "").await.unwrap();
            assert_eq!(answer.status, 200);
        }
        least_left = metric(&process.metrics().await, name);
        assert!(least_left <= before - 319.0, "{least_left} of {before}");
        process.child.kill().unwrap();
        process.child.wait().unwrap();
    }
}

/// Where something stands that must not be there, in any way in which it could be written.
fn traces<'a>(secrets: &'a [(String, Vec<u8>)], text: &[u8]) -> Vec<&'a str> {
    let found = |needle: &[u8]| !needle.is_empty() && text.windows(needle.len()).any(|window| window == needle);
    let traces = secrets.iter().filter(|(_, secret)| {
        let spellings = [secret.clone(), base64url(secret).into_bytes(), hex(secret).into_bytes()];
        let listed = format!("{secret:?}");
        spellings.iter().any(|spelling| found(spelling)) || found(listed.as_bytes())
    });
    traces.map(|(name, _)| &**name).collect()
}

fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push((path.display().to_string(), std::fs::read(path).unwrap()));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_metrics_and_state_say_nothing_about_who_asked_for_what() {
    let home = Home::published();
    let page = home.page(&[("index.html", "x"), ("404.html", "x"), ("assets/index-x.js", "x")]);
    let flags = ["--log-level", "trace", "--trusted-proxy", "127.0.0.0/8", "--network-burst", "64", "--page"];
    let process = Process::start(&home, &[&flags[..], &[page.to_str().unwrap()]].concat());
    let asked = elements(4, 4711);
    let mut secrets: Vec<(String, Vec<u8>)> = Vec::new();
    for element in &asked {
        secrets.push(("a blinded element".to_owned(), element.to_bytes().to_vec()));
    }
    for (name, text) in [
        ("an IPv4 client", "203.0.113.77"),
        ("an IPv6 client", "2001:db8:77:7700"),
        ("a query", "nik=3174043102800001"),
        ("the NIK in it", "3174043102800001"),
        ("a path", "canary-path"),
        ("a header", "canary-header"),
        ("a body", "canary-body"),
        ("a host", "canary-host"),
        ("a bucket", "buckets/5"),
    ] {
        secrets.push((name.to_owned(), text.as_bytes().to_vec()));
    }
    let key = home.publisher.key(JAKARTA);
    secrets.push(("the key".to_owned(), key.expose_bytes().to_vec()));
    let mut connection = process.connect().await;
    let good = body(&key.public_key().to_bytes(), &asked);
    let from = "x-forwarded-for: 203.0.113.77\r\nuser-agent: canary-header\r\nhost: canary-host\r\n";
    let answer = connection.evaluate(JAKARTA, &good, from).await.unwrap();
    assert_eq!(answer.status, 200);
    for pair in serde_json::from_slice::<Value>(&answer.body).unwrap()["batch"].as_array().unwrap() {
        secrets.push(("an evaluated element".to_owned(), pair["evaluated"].as_str().unwrap().as_bytes().to_vec()));
    }
    let six = "x-forwarded-for: 2001:db8:77:7700::1\r\n";
    let mut statuses = Vec::new();
    for body in [
        good.replace("false", "\"canary-body\""),
        good.replacen('A', "_", 30),
        "canary-body".to_owned(),
        "x".repeat(5000),
    ] {
        // After a body that is too long the connection ends.
        statuses.push(process.connect().await.evaluate(JAKARTA, &body, six).await.unwrap().status);
    }
    for _ in 0..40 {
        statuses.push(process.connect().await.evaluate(JAKARTA, &good, six).await.unwrap().status);
    }
    let browser = format!("accept: text/html\r\nreferer: /canary-path\r\n{from}");
    for path in [
        "/3174043102800001",
        "/assets/3174043102800001",
        "/?nik=3174043102800001",
        "/assets/index-x.js?nik=3174043102800001",
        "/assets/index-x.js/3174043102800001",
        "/assets/..%2f3174043102800001%00",
    ] {
        statuses.push(connection.get_with(path, &browser).await.unwrap().status);
        statuses.push(connection.get_with(path, from).await.unwrap().status);
    }
    for path in [
        "/canary-path",
        "/v1/canary-path/manifest",
        "/v1/jakarta-2024/manifest?nik=3174043102800001",
        "/v1/jakarta-2024/epochs/1/buckets/5",
    ] {
        statuses.push(connection.get_with(path, from).await.unwrap().status);
    }
    for status in [200, 400, 404, 413, 429] {
        assert!(statuses.contains(&status), "{status} in {statuses:?}");
    }
    let mut broken = process.connect().await;
    broken.send("canary-body\r\n\r\n").await.unwrap();
    let _ = broken.answer().await;
    let metrics = process.metrics().await;
    process.signal(Signal::TERM);
    let (code, log) = process.end();
    assert_eq!(code, Some(0));
    // What is to be there is there.
    assert!(log.contains("\"route\":\"/v1/{dataset}/epochs/{epoch}/buckets/{index}\""), "{log}");
    assert!(log.contains("\"route\":\"page\"") && metrics.contains("route=\"page\""), "{log}\n{metrics}");
    assert!(metrics.contains("route=\"/v1/{dataset}/evaluate\",method=\"POST\",status=\"429\""), "{metrics}");
    let mut places = vec![("log".to_owned(), log.into_bytes()), ("metrics".to_owned(), metrics.into_bytes())];
    places.extend(files(&home.path().join("state")));
    assert!(places.len() > 4);
    for (place, text) in &places {
        assert_eq!(traces(&secrets, text), Vec::<&str>::new(), "in {place}");
        // The search finds what is planted.
        for spelling in [secrets[0].1.clone(), base64url(&secrets[0].1).into_bytes(), hex(&secrets[0].1).into_bytes()] {
            let planted = [&text[..], &spelling].concat();
            assert_eq!(traces(&secrets, &planted), ["a blinded element"]);
        }
    }
}

const REFUSED: &str = "epoch refused; what was served goes on being served";

/// Each way of copying an epoch by halves, and what the operator reads.
#[test]
fn half_copied_epoch_is_named_in_the_log() {
    let mut home = Home::published();
    let published_at = EpochPlan::now().published_at + 60;
    let epoch = home.publisher.publish(JAKARTA, &EpochPlan { members: 150, published_at, ..EpochPlan::now() });
    let manifest = home.publisher.manifest(JAKARTA);
    let shard = &manifest.filter.as_ref().unwrap().shards[1];
    let shard = format!("filter/{}", hex(&shard.sha256));
    let bytes = 8 * u64::from(manifest.buckets.geometry.response_bytes());
    let [manifest, proof, buckets] = ["manifest", "proof", "buckets"].map(|name| format!("epochs/{epoch}/{name}"));
    let missing = "is missing: was the directory copied whole?";
    let cases = [
        (&manifest, None, format!("epochs/2/manifest: {missing}")),
        (&proof, None, format!("epochs/2/proof: {missing}")),
        (&buckets, None, format!("epochs/2/buckets: {missing}")),
        (&shard, None, format!("{shard}: {missing}")),
        (&manifest, Some(0), "epochs/2/manifest: line 1, column 0: EOF while parsing a value".to_owned()),
        (&proof, Some(0), "epochs/2/proof: log proof, line 1: expected a line that ends with a newline".to_owned()),
        (
            &buckets,
            Some(bytes - 1),
            format!(
                "epochs/2/buckets: is {} bytes long, 8 responses of 4096 make {bytes}: was it copied whole?",
                bytes - 1
            ),
        ),
        (&shard, Some(4140), format!("{shard}: the filter shard is 4140 bytes long, the manifest says 4141")),
    ];
    for (file, cut, want) in cases {
        let path = home.publisher.dataset_dir(JAKARTA).join(file);
        let whole = std::fs::read(&path).unwrap();
        match cut {
            None => std::fs::remove_file(&path).unwrap(),
            Some(bytes) => std::fs::write(&path, &whole[..bytes as usize]).unwrap(),
        }
        let process = Process::start(&home, &[]);
        let line = process.seen(REFUSED);
        assert_eq!((&line["level"], &line["dataset"], &line["epoch"]), (&"ERROR".into(), &JAKARTA.into(), &2.into()));
        assert_eq!(line["reason"], want);
        assert_eq!(process.seen("an older epoch is served in its place")["epoch"], 1);
        std::fs::write(&path, whole).unwrap();
    }
}

#[test]
fn swapped_keys_are_named_in_the_log() {
    let home = Home::published();
    let keys = home.publisher.keys();
    std::fs::rename(keys.join("jakarta-2024.1.key"), keys.join("other.1.key")).unwrap();
    let process = Process::start(&home, &[]);
    let public_key = base64url(&home.publisher.key(JAKARTA).public_key().to_bytes());
    assert_eq!(
        process.seen(REFUSED)["reason"],
        format!(
            "the secret of the manifest's key {public_key} of dataset jakarta-2024 is in other.1.key: were two key files swapped?"
        )
    );
}

fn refusal(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn bad_settings_are_refused_before_anything_happens() {
    let home = Home::published();
    for (flags, want) in [
        (&["--network-burst", "3"][..], "ceknikd: --network-burst must be at least 16, the largest request\n"),
        (
            &["--config", "/nowhere.toml"],
            "ceknikd: --config /nowhere.toml: cannot be read: No such file or directory (os error 2)\n",
        ),
        (
            &["--passphrase-file", "/nowhere"],
            "ceknikd: --passphrase-file: the passphrase cannot be read: No such file or directory (os error 2)\n",
        ),
    ] {
        assert_eq!(refusal(&mut command(&home, flags)), (Some(2), want.to_owned()));
    }
    let (code, text) = refusal(&mut command(&home, &["--passphrase", "secret"]));
    assert_eq!(code, Some(2));
    assert!(text.contains("unexpected argument"), "{text}");
    assert!(!home.path().join("state").exists());
}

#[test]
fn what_keeps_it_from_starting_stands_in_the_log() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::published();
    let key = home.publisher.keys().join("jakarta-2024.1.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (code, log) = refusal(&mut command(&home, &[]));
    assert_eq!(code, Some(1));
    assert!(
        log.contains("jakarta-2024.1.key can be used by others than its owner (mode 0644): run `chmod 600` on it, and replace what it holds if they may have read it"),
        "{log}"
    );
}

#[test]
fn a_page_that_cannot_be_served_is_named_with_its_flag() {
    let home = Home::published();
    let page = home.page(&[("index.html", "x"), ("v1/datasets", "x")]);
    let (code, log) = refusal(&mut command(&home, &["--page", page.to_str().unwrap()]));
    let last: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!((code, &last["message"]), (Some(1), &Value::from("the service does not run")));
    assert_eq!(
        last["reason"],
        format!("--page {}: v1: the service itself answers at /v1: rename it, and what refers to it", page.display())
    );
    assert!(!home.path().join("state").exists());
}

/// A home has its public files a step below, and nothing would ever be found in it.
#[test]
fn the_home_in_place_of_its_public_directory() {
    let home = Home::published();
    let mut service = Command::new(env!("CARGO_BIN_EXE_ceknikd"));
    service.arg("--public").arg(home.path()).arg("--keys").arg(home.publisher.keys());
    service.arg("--state").arg(home.path().join("state")).args(["--listen", "127.0.0.1:0", "--metrics-listen", "off"]);
    let (code, log) = refusal(&mut service);
    let last: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!((code, &last["message"]), (Some(1), &Value::from("the service does not run")));
    let (given, wanted) = (home.path().display(), home.publisher.public());
    assert_eq!(
        last["reason"],
        format!(
            "--public {given}: this is a publisher's home, of which no more than {} is to be served: give that",
            wanted.display()
        )
    );
    assert!(!home.path().join("state").exists());
}

#[test]
fn an_address_that_is_taken_is_named_with_its_flag() {
    let home = Home::published();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--listen", "--metrics-listen"] {
        let flags = match flag {
            "--listen" => ["--listen", &address, "--metrics-listen", "off"],
            _ => ["--listen", "127.0.0.1:0", "--metrics-listen", &address],
        };
        let (public, keys, state) =
            (home.publisher.public(), home.publisher.keys(), home.path().join(format!("state{flag}")));
        let mut service = Command::new(env!("CARGO_BIN_EXE_ceknikd"));
        service.arg("--public").arg(public).arg("--keys").arg(keys).arg("--state").arg(state).args(flags);
        let (code, log) = refusal(&mut service);
        let last: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
        assert_eq!((code, &last["message"]), (Some(1), &Value::from("the service does not run")));
        assert_eq!(last["reason"], format!("{flag} {address}: Address already in use (os error 98)"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn encrypted_keys_open_with_a_passphrase_from_a_descriptor() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::published();
    let mut recipient = age::scrypt::Recipient::new("correct horse".to_owned().into());
    recipient.set_work_factor(4);
    let text = oprf_key_text(home.publisher.key(JAKARTA));
    let path = home.publisher.keys().join("jakarta-2024.1.key");
    std::fs::write(&path, age::encrypt(&recipient, text.as_bytes()).unwrap()).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();

    let (code, log) = refusal(&mut command(&home, &[]));
    assert_eq!(code, Some(1));
    assert!(log.contains("jakarta-2024.1.key is encrypted; give its passphrase with"), "{log}");

    let start = |passphrase: &str| {
        let mut child = command(&home, &["--passphrase-fd", "0"]).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(passphrase.as_bytes()).unwrap();
        child
    };
    let mut wrong = start("wrong\n");
    let mut log = String::new();
    wrong.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(wrong.wait().unwrap().code(), Some(1));
    assert!(log.contains("does not open with the passphrase that was given"), "{log}");

    let process = Process::of(start("correct horse\n"));
    let answer = process.connect().await.evaluate(JAKARTA, &good_body(&home.publisher, 1), "").await.unwrap();
    assert_eq!(answer.status, 200);
}
