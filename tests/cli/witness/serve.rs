//! `ceknik keygen witness` and `ceknik witness serve`, by themselves.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

use ceknik_core::encoding::hex;
use sha2::{Digest, Sha256};

use crate::log::{ORIGIN, TestLog, signer};
use crate::support::command::ceknik;
use crate::support::http::Response;
use crate::support::witness::TestWitness;

#[test]
fn a_witness_is_made_once_and_says_how_it_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (key, state) = (dir.path().join("witness.key"), dir.path().join("state"));
    let make = || {
        let command = ceknik(["keygen", "witness", "saksi.example.org", "--key-file"]).arg(&key);
        command.arg("--state").arg(&state)
    };
    let said = make().done().stdout;
    let vkey = fs::read_to_string(state.join("witness")).unwrap();
    assert!(said.contains(&format!("  witness saksi {} https://saksi.example.org\n", vkey.trim_end())), "{said}");
    assert!(vkey.starts_with("saksi.example.org+"));
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!said.contains(fs::read_to_string(&key).unwrap().trim_end()), "a secret was printed");
    assert_eq!(
        make().refused(),
        format!("{} exists and is not empty: a witness begins with a state of its own", state.display())
    );
    fs::remove_dir_all(&state).unwrap();
    assert_eq!(
        make().refused(),
        format!(
            "{} exists already, and a key is never overwritten: what it signed or sealed would be lost; move it away if you mean to",
            key.display()
        )
    );
    // Its key without its state could cosign a second history.
    let serve = ceknik(["witness", "serve", "--key-file"]).arg(&key).arg("--state").arg(&state);
    let message = serve.args(["--log", &signer().verifier_key().to_string()]).refused();
    assert!(message.starts_with(&format!("{} is no state of a witness: ", state.display())), "{message}");
    let serve = || ceknik(["witness", "serve", "--key-file"]).arg(&key).arg("--state").arg(&state);
    assert_eq!(
        serve().refused(),
        "no log to follow was given: name one with --log VKEY, or a policy with --policy FILE"
    );
    let ran = serve().args(["--log", "example.com/foo"]).run();
    assert_eq!(ran.code(), 2);
    assert!(ran.stderr.contains("not a verifier key: it has the form NAME+ID+KEY"), "{}", ran.stderr);
}

#[test]
fn one_process_has_a_state_and_its_log_names_nobody() {
    let key = signer().verifier_key();
    let witness = TestWitness::started("w.example", &[&key]);
    let mut second = witness.command();
    let output = second.args(["--listen", "127.0.0.1:0"]).output();
    // The option was given already.
    assert_eq!(output.unwrap().status.code(), Some(2));
    let state = witness.state();
    let output = ceknik(["witness", "serve", "--key-file"])
        .arg(state.with_file_name("key"))
        .arg("--state")
        .arg(&state)
        .args(["--listen", "127.0.0.1:0", "--log", &key.to_string()])
        .refused();
    assert_eq!(output, format!("another process has {}: one witness runs at a time", state.display()));

    let (log, fork) = (TestLog::new(9), TestLog::forked(9, 3));
    let answer = witness.add(log.body(0, 7));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain; charset=utf-8")));
    assert!(log.signed(7).with_cosignature(&answer.body, &witness.key).unwrap().is_some());
    let conflict = witness.add(log.body(0, 9));
    assert_eq!((conflict.status, conflict.header("content-type")), (409, Some("text/x.tlog.size")));
    assert_eq!(conflict.body, b"7\n");
    assert_eq!(witness.add(fork.body(7, 7)).status, 422);
    let hash = hex(&Sha256::digest(ORIGIN));
    let status: serde_json::Value = serde_json::from_slice(&witness.get("/status").body).unwrap();
    let name = status["logs"][0]["evidence"][0].as_str().unwrap().to_owned();
    assert_eq!(witness.get(&format!("/{hash}/evidence/{name}")).status, 200);
    assert_eq!(fs::read_dir(state.join("logs").join(&hash).join("evidence")).unwrap().count(), 1);
    let lines = witness.log();
    assert!(lines.iter().any(|line| line.contains("the log signed a fork; the evidence is kept")), "{lines:#?}");
    let port = |line: &&String| line.contains("127.0.0.1") && !line.contains("serving");
    assert_eq!(lines.iter().find(port), None, "who asked is nobody's business");
}

/// Connections that say nothing, or too much, hold nobody up.
#[test]
fn idle_and_endless_requests_are_cut_off() {
    let witness = TestWitness::started("w.example", &[&signer().verifier_key()]);
    let idle: Vec<TcpStream> = (0..256).map(|_| TcpStream::connect(witness.address()).unwrap()).collect();
    // There is no place left: whoever comes is closed without a word.
    let refused = crate::support::http::Request::get("/status").send(witness.address());
    assert!(refused.is_err(), "{refused:?}");
    drop(idle);
    let mut tries = 0;
    while crate::support::http::Request::get("/status").send(witness.address()).is_err() {
        tries += 1;
        assert!(tries < 500, "the places stay taken");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let mut endless = TcpStream::connect(witness.address()).unwrap();
    endless.write_all(b"POST /add-checkpoint HTTP/1.1\r\nhost: w\r\ncontent-length: 999999999\r\n\r\n").unwrap();
    let answer = Response::read(&endless).unwrap();
    assert_eq!(answer.status, 413);
}
