use std::sync::Mutex;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;
use tokio::net::TcpListener;

use super::*;
use crate::fixture::{TestLog, cosigner, followed, witness_key};
use crate::witness::{Witness, create_state};

const PATIENCE: Patience = Patience { altogether: Duration::from_secs(4), answer: Duration::from_millis(500) };

fn prove(log: &'static TestLog, size: u64) -> Arc<Prove> {
    Arc::new(move |old| Ok(log.proof(old, size)))
}

fn log() -> &'static TestLog {
    Box::leak(Box::new(TestLog::new(20)))
}

async fn listen(router: Router) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/below/").into_bytes()
}

/// A witness that has cosigned a size, behind HTTP below a path.
async fn witness(number: u8, dir: &tempfile::TempDir, cosigned: u64) -> Request {
    let state = dir.path().join(number.to_string());
    create_state(&state, &witness_key(number)).unwrap();
    let witness = Witness::open(&state, cosigner(number), followed()).unwrap();
    let now = || ceknik_core::time::Timestamp::from_unix(1_795_334_400).ok();
    if cosigned > 0 {
        witness.add_checkpoint(&log().body(0, cosigned), now().unwrap()).unwrap();
    }
    let router = Router::new().nest("/below", crate::router(Arc::new(witness), now));
    Request { key: witness_key(number), url: Some(listen(router).await), old: 0 }
}

/// Answers one after another, the last for good.
async fn says(key: u8, answers: Vec<(u16, &'static str, String)>) -> Request {
    let answers = Arc::new(Mutex::new(answers));
    let answer = move || async move {
        let mut answers = answers.lock().unwrap();
        let (status, kind, body) = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        (StatusCode::from_u16(status).unwrap(), [(header::CONTENT_TYPE, kind)], body).into_response()
    };
    let router = Router::new().route("/below/add-checkpoint", post(answer));
    Request { key: witness_key(key), url: Some(listen(router).await), old: 0 }
}

async fn ask(size: u64, requests: Vec<Request>) -> Vec<Result<SignedCheckpoint, String>> {
    let asked = collect(&log().signed(size), requests, prove(log(), size), PATIENCE, |_| false).await;
    let outcome = |asked: Asked| asked.cosigned.map_err(|failure| failure.to_string());
    asked.into_iter().map(outcome).collect()
}

#[tokio::test]
async fn witnesses_are_asked_from_whatever_size_they_have() {
    let dir = tempfile::tempdir().unwrap();
    let mut requests = vec![witness(1, &dir, 0).await, witness(2, &dir, 7).await, witness(3, &dir, 12).await];
    // Once rightly remembered, once wrongly, once more than there is.
    requests[1].old = 7;
    requests[2].old = 99;
    let asked = ask(12, requests.clone()).await;
    for (number, outcome) in (1..).zip(&asked) {
        let cosigned = outcome.as_ref().unwrap();
        let lines = &cosigned.as_bytes()[cosigned.text().len() + 1..];
        assert!(log().signed(12).with_cosignature(lines, &witness_key(number)).unwrap().is_some());
    }
    // The same once more, as after a crash.
    assert!(ask(12, requests.clone()).await.iter().all(Result::is_ok));
    // A log that lost entries.
    assert_eq!(
        ask(9, requests).await[0].as_ref().unwrap_err(),
        "it has cosigned 12 entries of this log, and the checkpoint has 9: is this an old copy of the log, or was the log shown \
         with other entries?"
    );
}

#[tokio::test]
async fn each_failure_is_told_and_keeps_no_other_from_answering() {
    let dir = tempfile::tempdir().unwrap();
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap()).into_bytes()
    };
    let size = "text/x.tlog.size";
    let of_another = {
        let verified =
            log().signed(9).verify(&ceknik_core::log::Policy::for_log(crate::fixture::signer().verifier_key()));
        String::from_utf8(cosigner(4).cosign(&verified.unwrap(), 5).unwrap()).unwrap()
    };
    let requests = vec![
        witness(1, &dir, 0).await,
        Request { key: witness_key(2), url: None, old: 0 },
        Request { key: witness_key(2), url: Some(b"ftp://w.example".to_vec()), old: 0 },
        Request { key: crate::fixture::signer().verifier_key(), url: None, old: 0 },
        Request { key: witness_key(2), url: Some(nobody), old: 0 },
        says(2, vec![(404, "text/plain", "go away\u{1b}[31m\nsecond line".to_owned())]).await,
        says(2, vec![(422, "text/plain", String::new())]).await,
        says(2, vec![(200, "text/plain", "ok\n".to_owned())]).await,
        says(2, vec![(200, "text/plain", of_another.clone())]).await,
        says(4, vec![(200, "text/plain", of_another)]).await,
        says(
            2,
            vec![
                (409, size, "3\n".to_owned()),
                (409, size, "4\n".to_owned()),
                (409, size, "3\n".to_owned()),
                (409, size, "5\n".to_owned()),
            ],
        )
        .await,
        says(2, vec![(409, "text/plain", "3\n".to_owned())]).await,
        says(2, vec![(409, size, "03\n".to_owned())]).await,
        says(2, vec![(503, "text/plain", "later".to_owned())]).await,
        says(2, vec![(302, "text/plain", String::new())]).await,
    ];
    let asked = ask(12, requests).await;
    assert!(asked[0].is_ok());
    let told: Vec<&str> = asked[1..].iter().map(|outcome| outcome.as_ref().unwrap_err().as_str()).collect();
    assert_eq!(
        told,
        [
            "the policy has no address of it: the third item of its line",
            "its address \"ftp://w.example\" is neither https:// nor http://",
            "its key is of type 0x01, and only Ed25519 cosignatures (0x04) are verified",
            "it could not be reached: no connection",
            "it answered 404 (it does not follow this log, or that is not its address): go away[31m",
            "it answered 422 (what it cosigned last is not the beginning of this log: the log was forked, or rolled back): (nothing)",
            "what it answered is no cosignature by its key: the checkpoint is not a signed note",
            "what it answered is no cosignature by its key: no line is of that key",
            "what it answered is no cosignature by its key: the cosignature of the witness \"w4.example\" on the checkpoint is false",
            "it names another size of the log each time that it is asked",
            "it answered 409: 3",
            "it answered 409: 03",
            "it could not be reached: it answered 503",
            "it answered 302: (nothing)",
        ]
    );
}

#[tokio::test]
async fn a_witness_that_comes_back_is_asked_again() {
    let dir = tempfile::tempdir().unwrap();
    let line = {
        let state = dir.path().join("state");
        create_state(&state, &witness_key(1)).unwrap();
        let witness = Witness::open(&state, cosigner(1), followed()).unwrap();
        let now = ceknik_core::time::Timestamp::from_unix(1_795_334_400).unwrap();
        String::from_utf8(witness.add_checkpoint(&log().body(0, 12), now).unwrap().line).unwrap()
    };
    let request = says(1, vec![(503, "", String::new()), (429, "", String::new()), (200, "text/plain", line)]).await;
    assert!(ask(12, vec![request]).await[0].is_ok());
}

#[test]
fn a_proof_that_cannot_be_made_is_told() {
    let mut asking = Asking::new(log().signed(12), witness_key(1), 7);
    let cannot: &Prove = &|_| Err("tile/0/000 is missing".to_owned());
    assert_eq!(
        asking.body(cannot).unwrap_err().to_string(),
        "the consistency proof cannot be made: tile/0/000 is missing"
    );
    // None is needed from nothing, or to the same.
    for old in [0, 12] {
        asking.old = old;
        asking.body(cannot).unwrap();
    }
}

/// Who does not answer is not waited for once the others are enough.
#[tokio::test]
async fn enough_is_enough() {
    let dir = tempfile::tempdir().unwrap();
    let down = says(2, vec![(503, "", String::new())]).await;
    let requests = vec![down, witness(1, &dir, 0).await];
    let patience = Patience { altogether: Duration::from_secs(3600), ..PATIENCE };
    let asked = collect(&log().signed(12), requests, prove(log(), 12), patience, |cosigned| cosigned.len() == 1).await;
    assert!(asked[1].cosigned.is_ok());
    assert_eq!(asked[0].cosigned.as_ref().unwrap_err().to_string(), "it could not be reached: it answered 503");
}
