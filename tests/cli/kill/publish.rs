//! Publications that are killed.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use ceknik_core::manifest::Id;
use ceknik_issuer::{Home, PublishPhase};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

use super::child::{Task, Work};
use super::import::{DEFINITION, plain_list};
use super::killer::{self, Course, Moment, Tally};
use super::published::{self, Published};
use super::support::home::{DATASET, TestHome, nik};

/// Kills of a process that tells its phases, and of the command.
const TOLD: usize = 42;
const COMMANDS: usize = 8;
/// Kills aimed at each phase: half of them at its beginning, half somewhere in it.
const AT_EACH_PHASE: usize = 4;
const FIRST_EPOCH: &str = "2026-11-20T08:00:00Z";
const SECOND_EPOCH: &str = "2026-11-21T08:00:00Z";
const THIRD_EPOCH: &str = "2026-11-22T08:00:00Z";

/// A home whose second epoch is published again and again, each time from the same start, and how that ends when nobody
/// kills it.
struct Scene {
    start: TestHome,
    published: Published,
    /// The public files before, with the second epoch, and with a third one after it.
    first: BTreeMap<String, Vec<u8>>,
    second: BTreeMap<String, Vec<u8>>,
    third: BTreeMap<String, Vec<u8>>,
    took: Duration,
}

impl Scene {
    fn new() -> Self {
        let start = TestHome::new();
        start.create_dataset(DEFINITION);
        start.import(plain_list(0..3000));
        start.publish_at(FIRST_EPOCH);
        // Something added, something gone, something changed.
        start.import(plain_list(3000..6000));
        start.import(plain_list(100..200).replace(",ms", ",tms"));
        let gone: String = (0..50).map(|number| nik(number) + "\n").collect();
        start.command("withdraw").arg(DATASET).stdin(gone).done();
        let published = published::verify(&start, None);
        let first = published::files(&start.public());
        let uninterrupted = start.copy();
        let begun = Instant::now();
        uninterrupted.publish_at(SECOND_EPOCH);
        let took = begun.elapsed();
        published::verify(&uninterrupted, Some(&published));
        let second = published::files(&uninterrupted.public());
        uninterrupted.publish_at(THIRD_EPOCH);
        let third = published::files(&uninterrupted.public());
        assert!(first != second && second != third);
        Self { start, published, first, second, third, took }
    }

    fn task(home: &TestHome) -> Task {
        Task { home: home.path(), work: Work::Publish { now: SECOND_EPOCH.to_owned() }, hold: None }
    }

    /// Right after a kill: whatever can be seen is whole, and is one epoch or the other. Then the same command again ends
    /// as if nobody had killed the first, and so does the next publication.
    fn check_and_finish(&self, home: &TestHome) {
        let seen = published::verify(home, Some(&self.published));
        let public = published::files(&home.public());
        for (path, content) in &self.first {
            assert!(public[path] == *content || ["log/checkpoint", "datasets/jakarta-2024/current"].contains(&&**path));
        }
        let state = epoch_state(home);
        if seen.current == 2 {
            assert!(state.is_some());
        }
        match state.as_deref() {
            None => assert!(public == self.first, "nothing of the epoch can be seen before the store has it"),
            Some("published") => assert!(public == self.second),
            _ => {}
        }
        let again = home.command("publish").args([DATASET, "--ahead-of-clock", "--now", SECOND_EPOCH]);
        if state.as_deref() == Some("published") {
            let message = again.refused();
            assert!(message.starts_with(&format!("the time {SECOND_EPOCH} is not after {SECOND_EPOCH}")), "{message}");
        } else {
            let ran = again.arg("--json").done();
            assert_eq!(
                (ran.json()["epoch"].as_u64(), ran.json()["resumed"].as_bool()),
                (Some(2), Some(state.is_some()))
            );
        }
        assert!(published::files(&home.public()) == self.second);
        home.publish_at(THIRD_EPOCH);
        assert!(published::files(&home.public()) == self.third);
        assert!(!home.path().join("staging").exists());
    }
}

/// What the store says of the second epoch: `pending`, `published`, or that there is none.
fn epoch_state(home: &TestHome) -> Option<String> {
    let store = Home::open(&home.path()).unwrap().open_store().unwrap();
    let epoch = store.epoch(&Id::new(DATASET).unwrap(), 2).unwrap()?;
    Some(format!("{:?}", epoch.state).to_lowercase())
}

fn moments(course: &Course, rng: &mut ChaCha20Rng) -> Vec<Moment> {
    let mut moments = Vec::new();
    for phase in PublishPhase::ALL.map(PublishPhase::name) {
        for turn in 0..AT_EACH_PHASE {
            assert_eq!(course.beginnings[phase], 1);
            moments.push(match turn % 2 {
                0 => Moment::AtBeginning { phase, nth: 1 },
                _ => Moment::After { phase, nth: 1, wait: Duration::from_micros(rng.gen_range(0..3000)) },
            });
        }
    }
    while moments.len() < TOLD {
        moments.push(Moment::Anywhere { wait: course.took.mul_f64(rng.gen_range(0.0..0.9)) });
    }
    moments.shuffle(rng);
    moments
}

#[test]
fn a_publication_survives_fifty_kills() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let mut tally = Tally::new("publish", PublishPhase::ALL.map(PublishPhase::name));
    let scene = Scene::new();
    let course = killer::let_live(&Scene::task(&scene.start.copy()));
    for moment in moments(&course, &mut rng) {
        let home = scene.start.copy();
        let death = killer::kill(Scene::task(&home), &moment, rng.gen_range(0.0..1.0));
        tally.count(death.phase.as_deref());
        scene.check_and_finish(&home);
    }
    for _ in 0..COMMANDS {
        let home = scene.start.copy();
        fs::write(home.path().join("home.lock"), "").unwrap();
        let command = home.command("publish").args([DATASET, "--ahead-of-clock", "--now", SECOND_EPOCH]).into_command();
        let killed = killer::kill_command(command, scene.took.mul_f64(rng.gen_range(0.1..0.9)));
        let working = killed && !fs::read(home.path().join("home.lock")).unwrap().is_empty();
        let place = place(&home).filter(|_| working).map(|place| format!("ceknik publish, {place}"));
        tally.count(place.as_deref());
        scene.check_and_finish(&home);
    }
    tally.print();
    for phase in PublishPhase::ALL.map(PublishPhase::name) {
        assert!(tally.of(phase) >= 2, "{phase} was hit {} times", tally.of(phase));
    }
    assert_eq!(tally.all() as usize, TOLD + COMMANDS);
    assert!(tally.inside() >= 40);
}

/// Where the command was, by what it left.
fn place(home: &TestHome) -> Option<&'static str> {
    let staging = home.path().join("staging");
    match epoch_state(home).as_deref() {
        None if staging.exists() => Some("while it staged the epoch"),
        None => Some("while it drafted the epoch"),
        Some("pending") => Some("while it put the epoch into place"),
        // It is removed last.
        _ => staging.exists().then_some("while it cleared up"),
    }
}
