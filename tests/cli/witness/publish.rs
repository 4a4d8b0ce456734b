//! A publisher whose policy asks for witnesses, and clients who do.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use ceknik_core::log::{LogSigner, Policy, SignedCheckpoint, TlogProof, VerifierKey};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

use crate::support::citizen::Citizen;
use crate::support::home::{DATASET, TestHome, definition, list, nik};
use crate::support::service::Ceknikd;
use crate::support::witness::TestWitness;

/// A home whose policy asks for two of three witnesses, in groups within groups: `press`, or both of the others.
struct World {
    home: TestHome,
    witnesses: Vec<TestWitness>,
}

fn log_key(home: &TestHome) -> VerifierKey {
    let text = fs::read_to_string(home.path().join("keys/log.pub")).unwrap();
    VerifierKey::parse(text.trim_end().as_bytes()).unwrap()
}

impl World {
    fn new() -> Self {
        let home = TestHome::with_list(0..50);
        let key = log_key(&home);
        let witnesses = ["w1.example", "w2.example", "w3.example"].map(|name| TestWitness::started(name, &[&key]));
        let world = Self { home, witnesses: witnesses.into() };
        fs::write(world.home.policy(), world.policy("group rest all w2 w3\ngroup two any w1 rest\nquorum two\n"))
            .unwrap();
        world
    }

    /// The log, all witnesses with their addresses, and a rule.
    fn policy(&self, rule: &str) -> String {
        let mut text = format!("log {}\n", log_key(&self.home));
        for (number, witness) in (1..).zip(&self.witnesses) {
            text.push_str(&format!("witness w{number} {} {}\n", witness.key, witness.url()));
        }
        text + rule
    }

    fn policy_file(&self, name: &str, rule: &str) -> PathBuf {
        self.home.write(name, self.policy(rule))
    }

    /// `ceknik publish` with further options; waits two seconds for witnesses at most.
    fn publish(&self, options: &[&str]) -> crate::support::command::Ran {
        self.home.command("publish").args([DATASET, "--witness-seconds", "2"]).args(options).run()
    }

    fn current(&self) -> Option<String> {
        fs::read_to_string(self.home.public().join("datasets").join(DATASET).join("current")).ok()
    }

    /// The names of the witnesses' keys whose cosignatures are on the log's checkpoint, and on the proof of an epoch.
    fn cosigned(&self, epoch: u64) -> [Vec<String>; 2] {
        let names = |checkpoint: &SignedCheckpoint| {
            let verified = checkpoint.verify(&Policy::parse(self.policy("quorum none\n").as_bytes()).unwrap()).unwrap();
            let mut names: Vec<String> = verified.witnessed().iter().map(|w| w.key_name.clone()).collect();
            names.sort();
            names
        };
        let proof = TlogProof::parse(&fs::read(self.home.epoch_dir(epoch).join("proof")).unwrap()).unwrap();
        let manifest = fs::read(self.home.epoch_dir(epoch).join("manifest")).unwrap();
        let none = Policy::for_log(log_key(&self.home));
        proof.verify(&none, &manifest).unwrap();
        let checkpoint = fs::read(self.home.public().join("log/checkpoint")).unwrap();
        [names(&SignedCheckpoint::parse(&checkpoint).unwrap()), names(proof.checkpoint())]
    }

    fn stop(&mut self, numbers: &[usize]) {
        for number in numbers {
            self.witnesses[number - 1].kill();
        }
    }

    fn start(&mut self, numbers: &[usize]) {
        for number in numbers {
            self.witnesses[number - 1].start();
        }
    }
}

fn names(numbers: &[u8]) -> Vec<String> {
    numbers.iter().map(|number| format!("w{number}.example")).collect()
}

#[test]
fn a_quorum_is_gathered_before_anybody_is_shown_the_epoch() {
    let mut world = World::new();
    // All are there.
    let ran = world.publish(&["--json"]);
    assert_eq!(ran.code(), 0, "{ran:?}");
    let witnesses = &ran.json()["witnesses"];
    assert!(
        (0..3).all(|at| witnesses[at]["cosigned_at"].is_string() && witnesses[at]["failure"].is_null()),
        "{witnesses}"
    );
    assert_eq!(world.cosigned(1), [names(&[1, 2, 3]), names(&[1, 2, 3])]);
    let service = Ceknikd::start(&world.home);
    let strict = world.policy_file("strict", "group all3 all w1 w2 w3\nquorum all3\n");
    let citizen = |policy: &PathBuf| {
        let (seen, code) = Citizen::new(&service.url(), DATASET, Some(policy)).look(&[nik(7)], &["--accept-weak"]);
        (seen[0].answer().to_owned(), seen[0].reason().to_owned(), code)
    };
    assert_eq!(citizen(&strict), ("listed".to_owned(), String::new(), 0));

    // One is down: the quorum is met all the same, by those that are there.
    world.stop(&[1]);
    world.home.import(list(50..60));
    let ran = world.publish(&[]);
    assert_eq!(ran.code(), 0, "{ran:?}");
    assert!(ran.stdout.contains("  witness w2: cosigned at 20"), "{}", ran.stdout);
    let told =
        "  warning: witness w1: it could not be reached: no connection; `ceknik publish --cosign` asks it again\n";
    assert!(ran.stdout.contains(told), "{}", ran.stdout);
    assert_eq!(world.cosigned(2), [names(&[2, 3]), names(&[2, 3])]);
    wait_for(|| service.get(&format!("/v1/{DATASET}/manifest")).json()["epoch"] == 2);
    assert_eq!(citizen(&world.home.policy()).0, "listed");
    // A client who asks for more has no answer, and is told what is missing.
    assert_eq!(citizen(&strict), ("no_answer".to_owned(), "quorum_not_met".to_owned(), 4));
    let ran = Citizen::new(&service.url(), DATASET, Some(&strict)).command(&[nik(7)]).arg("--accept-weak").run();
    let told = "too few witnesses cosigned the checkpoint: \"all3\" needs 3 of its 3 and has 2 (2 of the policy's 3 witnesses \
                cosigned)";
    assert!(ran.stdout.contains(told), "{}", ran.stdout);

    // Once it is back, its cosignature is added, and that client has his answer.
    world.start(&[1]);
    let ran = world.publish(&["--cosign"]);
    assert_eq!(ran.code(), 0, "{ran:?}");
    assert!(
        ran.stdout.starts_with("The proof of epoch 2 of jakarta-2024 is under the log's checkpoint of 2 entries\n")
    );
    assert_eq!(world.cosigned(2), [names(&[1, 2, 3]), names(&[1, 2, 3])]);
    wait_for(|| citizen(&strict).0 == "listed");
}

#[track_caller]
fn wait_for(done: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !done() {
        assert!(begun.elapsed().as_secs() < 60, "it does not come");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn without_a_quorum_the_epoch_waits_and_what_was_published_stays() {
    let mut world = World::new();
    assert_eq!(world.publish(&[]).code(), 0);
    let before = fs::read(world.home.public().join("log/checkpoint")).unwrap();
    world.home.import(list(50..60));
    world.stop(&[1, 3]);
    let message = "epoch 2 of jakarta-2024 waits for witnesses: \"two\" needs 1 of its 2 and has 0 (1 of the policy's 3 witnesses \
                   cosigned). w1: it could not be reached: no connection; w3: it could not be reached: no connection. What was \
                   published before stays; run the same command again once they can be reached";
    for _ in 0..2 {
        let ran = world.publish(&[]);
        assert_eq!((ran.code(), ran.message().as_str()), (3, message));
        assert_eq!(world.current().as_deref(), Some("1\n"));
        assert_eq!(fs::read(world.home.public().join("log/checkpoint")).unwrap(), before);
        assert!(!world.home.epoch_dir(2).exists());
        // A dry run is of what comes after.
        assert!(world.publish(&["--dry-run"]).message().contains("was interrupted"));
    }
    // The one that cosigned then is gone by now: what it gave was kept.
    world.stop(&[2]);
    world.start(&[3]);
    let ran = world.publish(&["--json"]);
    assert_eq!(ran.code(), 0, "{ran:?}");
    assert_eq!((ran.json()["epoch"].as_u64(), ran.json()["resumed"].as_bool()), (Some(2), Some(true)));
    assert_eq!(world.current().as_deref(), Some("2\n"));
    assert_eq!(world.cosigned(2), [names(&[2, 3]), names(&[2, 3])]);
    assert!(!world.home.path().join("staging").exists());
}

/// Killed at any moment, while witnesses are asked or before or after: what can be seen has its quorum, and the next run ends it.
#[test]
fn a_publication_that_is_killed_shows_nothing_without_its_quorum() {
    let mut world = World::new();
    assert_eq!(world.publish(&[]).code(), 0);
    // Within the second after an epoch, the next waits for that second to end.
    std::thread::sleep(Duration::from_millis(1100));
    let begun = Instant::now();
    assert_eq!(world.publish(&[]).code(), 0);
    let mut took = begun.elapsed();
    let policy = Policy::parse(&fs::read(world.home.policy()).unwrap()).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let (mut epoch, mut killed) = (2, 0);
    for number in 0..15 {
        // One of the three is away each time, and the quorum can be met all the same.
        let away = [2, 3][number % 2];
        world.stop(&[away]);
        world.home.import(list(100 + number as u32..101 + number as u32));
        let command = world.home.command("publish").args([DATASET, "--witness-seconds", "2"]).into_command();
        match kill_after(command, took.mul_f64(rng.gen_range(0.1..0.9))) {
            None => killed += 1,
            // The moments are within what the fastest takes.
            Some(ended) => took = took.min(ended),
        }
        let current: u64 = world.current().unwrap().trim_end().parse().unwrap();
        assert!(current == epoch || current == epoch + 1);
        let read = |file: &str| fs::read(world.home.epoch_dir(current).join(file)).unwrap();
        TlogProof::parse(&read("proof")).unwrap().verify(&policy, &read("manifest")).unwrap();
        let checkpoint = fs::read(world.home.public().join("log/checkpoint")).unwrap();
        SignedCheckpoint::parse(&checkpoint).unwrap().verify(&policy).unwrap();
        world.start(&[away]);
        if world.publish(&["--renew"]).code() != 0 {
            // Nothing had been begun, and something has changed.
            assert_eq!(world.publish(&[]).code(), 0);
        }
        std::thread::sleep(Duration::from_millis(1100));
        epoch = world.current().unwrap().trim_end().parse().unwrap();
    }
    assert!(killed >= 8, "{killed}");
    // The witnesses have seen one history.
    for witness in &world.witnesses {
        let status: serde_json::Value = serde_json::from_slice(&witness.get("/status").body).unwrap();
        assert_eq!(status["logs"][0]["evidence"], serde_json::json!([]));
    }
}

/// Kills a command. When it had ended before, after how long.
fn kill_after(mut command: std::process::Command, wait: Duration) -> Option<Duration> {
    let begun = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while begun.elapsed() < wait {
        if child.try_wait().unwrap().is_some() {
            return Some(begun.elapsed());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap().success().then(|| begun.elapsed())
}

/// What a witness has cosigned binds the publisher: a home that was put back to an earlier state finds none.
#[test]
fn a_log_that_was_put_back_finds_no_witness() {
    let mut world = World::new();
    assert_eq!(world.publish(&[]).code(), 0);
    let old = world.home.copy();
    world.home.import(list(50..60));
    assert_eq!(world.publish(&[]).code(), 0);
    let newest = std::mem::replace(&mut world.home, old);
    world.home.import(list(60..61));
    let ran = world.publish(&[]);
    assert_eq!(ran.code(), 3);
    let forked = "w1: it answered 422 (what it cosigned last is not the beginning of this log: the log was forked, or rolled \
                  back): a checkpoint of size 2 with another root was cosigned before";
    assert!(ran.message().contains(forked), "{}", ran.message());
    assert_eq!(world.current().as_deref(), Some("1\n"));
    for witness in &world.witnesses {
        let status: serde_json::Value = serde_json::from_slice(&witness.get("/status").body).unwrap();
        let evidence = status["logs"][0]["evidence"].as_array().unwrap().clone();
        assert!(evidence.len() == 1 && evidence[0].as_str().unwrap().starts_with("fork-"), "{status}");
    }
    world.home = newest;
    assert_eq!(world.publish(&[]).code(), 0, "the true log goes on");
}

/// `--cosign` publishes nothing, although another list's epoch waits and there is something to publish of this one.
#[test]
fn cosign_publishes_nothing_while_an_epoch_waits() {
    let mut world = World::new();
    assert_eq!(world.publish(&[]).code(), 0);
    world.home.create_dataset(&definition("bandung-2024", ""));
    let other = world.home.write("other.csv", list(0..50));
    world.home.command("import").arg("bandung-2024").arg(other).done();
    world.home.import(list(50..51));
    world.stop(&[1, 2, 3]);
    let waits = world.home.command("publish").args(["bandung-2024", "--witness-seconds", "1"]).run();
    assert_eq!(waits.code(), 3, "{waits:?}");
    world.start(&[1, 2, 3]);
    for list in [DATASET, "bandung-2024"] {
        assert_eq!(
            world.home.command("publish").args([list, "--cosign"]).refused(),
            "the publication of epoch 1 of bandung-2024 was interrupted: `ceknik publish bandung-2024` finishes it; this is possible \
             then"
        );
    }
    assert_eq!(world.current().as_deref(), Some("1\n"));
    assert!(!world.home.epoch_dir(2).exists());
    world.home.command("publish").arg("bandung-2024").done();
    let ran = world.publish(&["--cosign"]);
    assert!(ran.stdout.starts_with("The proof of epoch 1 of jakarta-2024 is under"), "{ran:?}");
}

/// A policy that begins to ask for witnesses: the present epoch is cosigned, then clients can be given it.
#[test]
fn witnesses_can_be_added_to_a_log_that_had_none() {
    let home = TestHome::published(0..50);
    let key = log_key(&home);
    let witness = TestWitness::started("paper.example", &[&key]);
    let refused = home.command("publish").args(["bandung-2024", "--cosign"]).refused();
    assert!(refused.contains("bandung-2024"), "{refused}");
    let policy = format!("log {key}\nwitness paper {} {}\nquorum paper\n", witness.key, witness.url());
    fs::write(home.policy(), &policy).unwrap();
    let ran = home.command("publish").args([DATASET, "--cosign", "--json"]).done();
    assert_eq!((ran.json()["epoch"].as_u64(), ran.json()["log_size"].as_u64()), (Some(1), Some(1)));
    let service = Ceknikd::start(&home);
    let (seen, _) = Citizen::new(&service.url(), DATASET, Some(&home.policy())).look(&[nik(7)], &["--accept-weak"]);
    assert_eq!(seen[0].answer(), "listed");
    // A policy of another log is told, and nothing is published under it.
    let stranger = LogSigner::generate("other.example/log", &mut rand::rngs::OsRng).unwrap().verifier_key();
    fs::write(home.policy(), policy.replace(&key.to_string(), &stranger.to_string())).unwrap();
    assert_eq!(
        home.command("publish").arg(DATASET).refused(),
        "public/policy does not accept this log's checkpoint: the policy names no log with the origin \
         \"ceknik.example.org/log\". Put the right policy there"
    );
}

#[test]
fn a_renewal_is_the_same_but_for_its_time() {
    let home = TestHome::published(0..50);
    home.command("publish").args([DATASET, "--renew"]).done();
    let renewed = fs::read_to_string(home.epoch_dir(2).join("manifest")).unwrap();
    let first = fs::read_to_string(home.epoch_dir(1).join("manifest")).unwrap();
    let member = |text: &str, path: &str| {
        serde_json::from_str::<serde_json::Value>(text).unwrap().pointer(path).unwrap().clone()
    };
    for same in ["/buckets", "/filter", "/records", "/oprf"] {
        assert_eq!(member(&first, same), member(&renewed, same));
    }
    assert!(member(&first, "/valid_until").as_str() < member(&renewed, "/valid_until").as_str());
    let refused = "the next epoch of jakarta-2024 would not be the same as the one before: `ceknik publish jakarta-2024 --dry-run` \
                   shows what changes, and without --renew it is published";
    home.import(list(7..8).replace(",ms,", ",tms,"));
    assert_eq!(home.command("publish").args([DATASET, "--renew"]).refused(), refused);
    assert!(!home.epoch_dir(3).exists());
    home.publish();
    home.command("publish").args([DATASET, "--renew"]).done();
}
