use std::fs;
use std::path::PathBuf;
use std::thread;

use ceknik_core::log::{LogSigner, Policy, SignedCheckpoint};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::TempDir;

use super::*;
use crate::fixture::{ORIGIN, TestLog, cosigner, followed, signer, witness_key};

/// 2026-11-22T08:00:00Z.
const NOW: i64 = 1_795_334_400;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(NOW + seconds).unwrap()
}

struct Scene {
    dir: TempDir,
    witness: Witness,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        create_state(&dir.path().join("state"), &witness_key(1)).unwrap();
        let witness = Witness::open(&dir.path().join("state"), cosigner(1), followed()).unwrap();
        Self { dir, witness }
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    fn log(&self) -> PathBuf {
        self.state().join("logs").join(followed::origin_hash(ORIGIN))
    }

    fn reopened(self) -> Self {
        let Self { dir, witness } = self;
        drop(witness);
        let witness = Witness::open(&dir.path().join("state"), cosigner(1), followed()).unwrap();
        Self { dir, witness }
    }

    fn add(&self, body: &[u8]) -> Result<Answer, Refusal> {
        self.witness.add_checkpoint(body, at(0))
    }

    #[track_caller]
    fn refused(&self, body: &[u8]) -> String {
        self.add(body).unwrap_err().to_string()
    }

    fn evidence(&self) -> Vec<Evidence> {
        let hash = followed::origin_hash(ORIGIN);
        let names = self.witness.status().unwrap()[0].evidence.clone();
        let read = |name: &String| self.witness.evidence(&hash, name).unwrap().unwrap();
        names.iter().map(|name| serde_json::from_slice(&read(name)).unwrap()).collect()
    }
}

/// Verifies that the witness's line is its cosignature on a checkpoint of the log, at a time.
#[track_caller]
fn check(answer: &Answer, log: &TestLog, size: u64, seconds: i64) {
    assert_eq!(answer.head, log.head(size));
    let (cosigned, time) = log.signed(size).with_cosignature(&answer.line, &witness_key(1)).unwrap().unwrap();
    assert_eq!(i64::try_from(time).unwrap(), NOW + seconds);
    let policy = format!("log {}\nwitness w {}\nquorum w\n", signer().verifier_key(), witness_key(1));
    cosigned.verify(&Policy::parse(policy.as_bytes()).unwrap()).unwrap();
}

#[test]
fn a_growing_log_is_cosigned_and_remembered() {
    let log = TestLog::new(300);
    let mut scene = Scene::new();
    assert_eq!(scene.witness.checkpoint(&followed::origin_hash(ORIGIN)).unwrap(), None);
    let mut old = 0;
    for size in [0, 1, 1, 2, 7, 256, 257, 300, 300] {
        let answer = scene.add(&log.body(old, size)).unwrap();
        check(&answer, &log, size, 0);
        scene = scene.reopened();
        let shown = scene.witness.checkpoint(&followed::origin_hash(ORIGIN)).unwrap().unwrap();
        assert_eq!(shown, [log.signed(size).as_bytes(), &answer.line].concat());
        old = size;
    }
    let status = &scene.witness.status().unwrap()[0];
    assert_eq!((status.size, status.cosigned_at.as_deref()), (Some(300), Some("2026-11-22T08:00:00Z")));
    assert!(status.evidence.is_empty());
    let mut before: Vec<u64> = fs::read_dir(scene.log().join("cosigned"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap().parse().unwrap())
        .collect();
    before.sort_unstable();
    assert_eq!(before, [0, 1, 2, 7, 256, 257]);
}

#[test]
fn each_refusal_is_the_one_that_the_specification_names() {
    let (log, fork) = (TestLog::new(20), TestLog::forked(20, 3));
    let scene = Scene::new();
    // Before anything was cosigned.
    assert!(matches!(scene.add(&log.body(5, 7)).unwrap_err(), Refusal::Conflict { known: 0 }));
    let mut with_proof = log.request(0, 7);
    with_proof.proof = log.proof(5, 7);
    assert!(matches!(scene.add(&with_proof.to_bytes()).unwrap_err(), Refusal::Unproven { old: 0, size: 7 }));
    scene.add(&log.body(0, 7)).unwrap();

    assert_eq!(scene.refused(b"old 7\n"), "line 2 of the body: expected a line that ends with a newline");
    let stranger = LogSigner::generate("other.example/log", &mut ChaCha20Rng::seed_from_u64(1)).unwrap();
    let body = |checkpoint: SignedCheckpoint| AddCheckpoint { old: 7, proof: log.proof(7, 9), checkpoint }.to_bytes();
    let unknown = body(stranger.sign(&log.head(9)).unwrap());
    assert!(matches!(scene.add(&unknown).unwrap_err(), Refusal::UnknownLog { .. }));
    assert_eq!(scene.refused(&unknown), "this witness does not follow the log \"other.example/log\"");
    // The right name, another key; and the right name and ID with a signature on something else.
    let borrowed = LogSigner::generate(ORIGIN, &mut ChaCha20Rng::seed_from_u64(2)).unwrap();
    let unsigned = body(borrowed.sign(&log.head(9)).unwrap());
    assert!(matches!(scene.add(&unsigned).unwrap_err(), Refusal::NotSigned(CheckpointError::NoLogSignature { .. })));
    let (nine, eight) = (log.signed(9), log.signed(8));
    let false_signature = [nine.text(), &eight.as_bytes()[eight.text().len()..]].concat();
    let false_signature = body(SignedCheckpoint::parse(&false_signature).unwrap());
    let refusal = scene.add(&false_signature).unwrap_err();
    assert!(matches!(refusal, Refusal::NotSigned(CheckpointError::BadLogSignature { .. })));

    assert!(matches!(scene.add(&log.body(8, 7)).unwrap_err(), Refusal::OldBeyond { old: 8, size: 7 }));
    assert!(matches!(scene.add(&log.body(6, 9)).unwrap_err(), Refusal::Conflict { known: 7 }));
    assert!(matches!(scene.add(&log.body(0, 9)).unwrap_err(), Refusal::Conflict { known: 7 }));
    assert!(matches!(scene.add(&log.body(3, 5)).unwrap_err(), Refusal::Conflict { known: 7 }), "a rollback");
    assert!(matches!(scene.add(&fork.body(7, 7)).unwrap_err(), Refusal::Forked { size: 7 }));
    assert!(matches!(scene.add(&fork.body(7, 9)).unwrap_err(), Refusal::Unproven { old: 7, size: 9 }));
    let mut same_with_proof = log.request(7, 7);
    same_with_proof.proof = vec![[1; 32]];
    assert!(matches!(scene.add(&same_with_proof.to_bytes()).unwrap_err(), Refusal::Unproven { old: 7, size: 7 }));
    // None of them changed anything.
    check(&scene.reopened().add(&log.body(7, 9)).unwrap(), &log, 9, 0);
}

#[test]
fn an_empty_tree_with_a_root_of_its_own_is_refused_after_its_signature() {
    let scene = Scene::new();
    let text = format!("{ORIGIN}\n0\n{}\n", state::base64(&[1; 32]));
    let strangers = format!("old 0\n\n{text}\n— {ORIGIN} AAAAAAA=\n");
    assert!(matches!(scene.add(strangers.as_bytes()).unwrap_err(), Refusal::NotSigned(_)));
    let request = AddCheckpoint::parse(strangers.as_bytes()).unwrap();
    assert!(matches!(judge(&request, &EMPTY), Err(Refusal::EmptyRoot)));
    assert!(matches!(judge(&request, &TestLog::new(1).head(1)), Err(Refusal::Conflict { known: 1 })));
}

#[test]
fn evidence_of_a_fork_is_kept_whatever_the_answer_is() {
    let (log, fork) = (TestLog::new(20), TestLog::forked(20, 3));
    let mut scene = Scene::new();
    for (old, size) in [(0, 7), (7, 9), (9, 12)] {
        scene.add(&log.body(old, size)).unwrap();
    }
    // At the present size, at an earlier one, and by a request that is refused for its old size already.
    let requests = [fork.body(12, 12), fork.body(0, 9), fork.body(12, 7)];
    for body in &requests {
        scene.add(body).unwrap_err();
        scene.add(body).unwrap_err();
    }
    // What is old and true is no fork, and what was cosigned last is none with any proof.
    scene.add(&log.body(0, 9)).unwrap_err();
    scene.add(&AddCheckpoint { proof: vec![[1; 32]], ..log.request(12, 12) }.to_bytes()).unwrap_err();
    scene = scene.reopened();
    let kept = scene.evidence();
    assert_eq!(kept.len(), 3);
    let policy = Policy::for_log(signer().verifier_key());
    for evidence in kept {
        assert_eq!((evidence.kind, evidence.origin.as_str()), (EvidenceKind::Fork, ORIGIN));
        assert_eq!(evidence.witness, witness_key(1).to_string());
        assert_eq!(evidence.received_at, "2026-11-22T08:00:00Z");
        assert!(requests.iter().any(|body| body == evidence.request.as_bytes()));
        // Two checkpoints of one size, both signed by the log: whoever has its key sees it.
        let theirs = AddCheckpoint::parse(evidence.request.as_bytes()).unwrap().checkpoint.verify(&policy).unwrap();
        let ours = SignedCheckpoint::parse(evidence.cosigned.as_bytes()).unwrap().verify(&policy).unwrap();
        assert!(theirs.head().size == ours.head().size && theirs.head().root != ours.head().root);
    }
}

/// A log that signs and signs fills no disk.
#[test]
fn of_forks_there_are_so_many_and_no_more() {
    let log = TestLog::new(7);
    let scene = Scene::new();
    scene.add(&log.body(0, 7)).unwrap();
    for number in 0..70 {
        let head = TreeHead { size: 7, root: [number; 32] };
        let checkpoint = signer().sign(&head).unwrap();
        let refused = scene.refused(&AddCheckpoint { old: 7, proof: Vec::new(), checkpoint }.to_bytes());
        assert_eq!(refused, "a checkpoint of size 7 with another root was cosigned before");
    }
    assert_eq!(scene.reopened().evidence().len(), 64);
}

#[test]
fn what_only_lacks_a_proof_is_told_apart_and_forgotten_once_it_has_one() {
    let log = TestLog::new(200);
    let mut scene = Scene::new();
    scene.add(&log.body(0, 7)).unwrap();
    let without_proof = |size| AddCheckpoint { proof: Vec::new(), ..log.request(7, size) }.to_bytes();
    for size in 8..100 {
        scene.add(&without_proof(size)).unwrap_err();
    }
    scene = scene.reopened();
    let kept = scene.evidence();
    assert_eq!(kept.len(), 64, "strangers do not fill the disk");
    assert!(kept.iter().all(|evidence| evidence.kind == EvidenceKind::Unproven));
    scene.add(&log.body(7, 8)).unwrap();
    assert_eq!(scene.evidence().len(), 63);
    assert_eq!(scene.reopened().evidence().len(), 63);
}

#[test]
fn no_cosignature_is_earlier_than_the_one_before() {
    let log = TestLog::new(9);
    let scene = Scene::new();
    scene.add(&log.body(0, 7)).unwrap();
    let behind = scene.witness.add_checkpoint(&log.body(7, 9), at(-301)).unwrap_err();
    assert_eq!(
        behind.to_string(),
        "this witness's clock stands 301 seconds before its last cosignature: it signs nothing until that is put right"
    );
    let answer = scene.witness.add_checkpoint(&log.body(7, 9), at(-300)).unwrap();
    check(&answer, &log, 9, 0);
}

#[test]
fn signatures_of_strangers_are_neither_kept_nor_shown() {
    let log = TestLog::new(7);
    let scene = Scene::new();
    let stranger =
        cosigner(9).cosign(&log.signed(7).verify(&Policy::for_log(signer().verifier_key())).unwrap(), 5).unwrap();
    let note = [log.signed(7).as_bytes(), &stranger].concat();
    let request = AddCheckpoint { old: 0, proof: Vec::new(), checkpoint: SignedCheckpoint::parse(&note).unwrap() };
    let answer = scene.add(&request.to_bytes()).unwrap();
    let shown = scene.witness.checkpoint(&followed::origin_hash(ORIGIN)).unwrap().unwrap();
    assert_eq!(shown, [log.signed(7).as_bytes(), &answer.line].concat());
}

/// From many threads, honest and forked at once: what is signed is one history.
#[test]
fn of_requests_at_once_one_history_is_signed() {
    let (log, fork) = (TestLog::new(40), TestLog::forked(40, 10));
    let scene = Scene::new();
    scene.add(&log.body(0, 10)).unwrap();
    let signed: Vec<Answer> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let (scene, mine) = (&scene, if number % 2 == 0 { &log } else { &fork });
                scope.spawn(move || {
                    let mut signed = Vec::new();
                    let mut old = 10;
                    for size in 11..=40 {
                        match scene.add(&mine.body(old, size)) {
                            Ok(answer) => {
                                signed.push(answer);
                                old = size;
                            }
                            Err(Refusal::Conflict { known }) => old = known,
                            Err(Refusal::Forked { .. } | Refusal::Unproven { .. } | Refusal::OldBeyond { .. }) => {}
                            Err(other) => panic!("{other}"),
                        }
                    }
                    signed
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(!signed.is_empty());
    let of = |log: &TestLog| signed.iter().all(|answer| answer.head == log.head(answer.head.size));
    assert!(of(&log) != of(&fork), "{} cosignatures", signed.len());
}

#[test]
fn a_state_is_that_of_one_witness_and_of_one_process() {
    let scene = Scene::new();
    let state = scene.state();
    let message = |witness: u8, dir: &Path| Witness::open(dir, cosigner(witness), followed()).unwrap_err().to_string();
    assert_eq!(message(1, &state), format!("another process has {}: one witness runs at a time", state.display()));
    assert_eq!(
        message(2, &state),
        format!(
            "{} is the state of the witness {}, not of {}: give the state and the key of one witness",
            state.display(),
            witness_key(1),
            witness_key(2)
        )
    );
    let none = scene.dir.path().join("none");
    assert_eq!(
        message(1, &none),
        format!(
            "{} is no state of a witness: `ceknik keygen witness` makes one with its key. A state that was lost cannot be made \
             anew: without it the witness could cosign a second history. Restore the newest, or make a new witness",
            none.display()
        )
    );
    assert_eq!(
        create_state(&state, &witness_key(1)).unwrap_err().to_string(),
        format!("{} exists and is not empty: a witness begins with a state of its own", state.display())
    );
}

#[test]
fn a_state_that_was_altered_signs_nothing() {
    let log = TestLog::new(9);
    let scene = Scene::new();
    scene.add(&log.body(0, 7)).unwrap();
    let last = scene.add(&log.body(7, 9)).unwrap();
    let (log_dir, state) = (scene.log(), scene.state());
    let Scene { dir: _dir, witness } = scene;
    drop(witness);
    let open = || Witness::open(&state, cosigner(1), followed()).unwrap_err().to_string();
    let path = log_dir.join("checkpoint");
    for (content, reason) in [
        (log.signed(9).as_bytes().to_vec(), "this witness did not cosign it".to_owned()),
        (
            [log.signed(7).as_bytes(), &last.line].concat(),
            "the cosignature of the witness \"w1.example\" on the checkpoint is false".to_owned(),
        ),
        (b"ceknik".to_vec(), "the checkpoint is not a signed note".to_owned()),
    ] {
        fs::write(&path, content).unwrap();
        assert_eq!(
            open(),
            format!(
                "{} was altered: {reason}. Nothing is cosigned while this log is followed: restore the newest state, follow the \
                 others alone, or make a new witness",
                path.display()
            )
        );
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(
        open(),
        format!(
            "{} is missing, but checkpoints of this log were cosigned: nothing is cosigned while it is followed. Restore the \
             newest state, follow the others alone, or make a new witness",
            path.display()
        )
    );
}

/// What cannot be written is not answered, and what is on the disk decides afterwards.
#[test]
fn a_disk_that_fails_gives_no_cosignature() {
    let log = TestLog::new(9);
    let scene = Scene::new();
    scene.add(&log.body(0, 7)).unwrap();
    // In the way of the temporary file.
    let obstacle = scene.log().join(".checkpoint.tmp");
    fs::create_dir(&obstacle).unwrap();
    assert!(matches!(scene.add(&log.body(7, 9)).unwrap_err(), Refusal::State(StateError::Io { .. })));
    fs::remove_dir(&obstacle).unwrap();
    assert!(matches!(scene.add(&log.body(9, 9)).unwrap_err(), Refusal::Conflict { known: 7 }));
    check(&scene.add(&log.body(7, 9)).unwrap(), &log, 9, 0);
}

#[test]
fn logs_that_cannot_be_followed_are_named() {
    assert_eq!(Followed::new([]).unwrap_err().to_string(), "no log to follow was given");
    assert_eq!(
        Followed::new([witness_key(1)]).unwrap_err().to_string(),
        "the key of the log \"w1.example\" is not an Ed25519 note key (type 0x01), and no other is verified"
    );
    let twice = Followed::new([signer().verifier_key(), signer().verifier_key()]).unwrap_err().to_string();
    assert_eq!(twice, "the logs cannot be followed together: policy line 2: this public key stands in line 1 already");
}
