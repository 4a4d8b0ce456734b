//! Where a formula speaks of averages, the dice speak too: each simulation is seeded, and its tolerance is four standard
//! errors of what it counts.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

use super::*;

const CELLS: u64 = 65_536;
const PEOPLE: u64 = 100_000;
const LISTED: u64 = 8_243;

fn rates() -> HitRates {
    let noise = Promise::new(PEOPLE, 50, CELLS).unwrap().first_noise(LISTED).unwrap();
    HitRates::of(CELLS, noise, LISTED, PEOPLE)
}

/// Counts how often something happens among how many.
#[derive(Default)]
struct Share {
    yes: f64,
    all: f64,
}

impl Share {
    fn count(&mut self, yes: bool) {
        self.yes += f64::from(u8::from(yes));
        self.all += 1.0;
    }

    /// `cluster`: how many counts at most depend on each other.
    #[track_caller]
    fn agrees(&self, expected: f64, cluster: f64) {
        let tolerance = 4.0 * (cluster * expected * (1.0 - expected) / self.all).sqrt();
        let got = self.yes / self.all;
        assert!(self.all > 100.0 && (got - expected).abs() < tolerance, "{got} for {expected} ± {tolerance}");
    }
}

/// A filter as published: people with a cell each, set by noise and by the listed.
struct World {
    cell: Vec<u64>,
    listed: Vec<bool>,
    set: Vec<bool>,
    inhabitants: Vec<u32>,
}

impl World {
    fn hit(&self, person: usize) -> bool {
        self.set[self.cell[person] as usize]
    }

    fn alone(&self, person: usize) -> bool {
        self.inhabitants[self.cell[person] as usize] == 1
    }
}

fn world(rng: &mut ChaCha20Rng, listed: Vec<bool>) -> World {
    let cell: Vec<u64> = listed.iter().map(|_| rng.gen_range(0..CELLS)).collect();
    let mut set = vec![false; CELLS as usize];
    let noise = (rates().noise_share * CELLS as f64).round() as usize;
    rand::seq::index::sample(rng, CELLS as usize, noise).iter().for_each(|cell| set[cell] = true);
    let mut inhabitants = vec![0; CELLS as usize];
    for (cell, listed) in cell.iter().zip(&listed) {
        set[*cell as usize] |= *listed;
        inhabitants[*cell as usize] += 1;
    }
    World { cell, listed, set, inhabitants }
}

fn independent(rng: &mut ChaCha20Rng) -> Vec<bool> {
    let mut listed = vec![false; PEOPLE as usize];
    rand::seq::index::sample(rng, PEOPLE as usize, LISTED as usize).iter().for_each(|person| listed[person] = true);
    listed
}

#[test]
fn hits_and_posteriors() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let rates = rates();
    let (mut unlisted, mut hit, mut given_hit, mut given_alone) =
        (Share::default(), Share::default(), Share::default(), Share::default());
    for _ in 0..4 {
        let listed = independent(&mut rng);
        let world = world(&mut rng, listed);
        for person in 0..PEOPLE as usize {
            let (is_hit, is_listed) = (world.hit(person), world.listed[person]);
            hit.count(is_hit);
            if !is_listed {
                unlisted.count(is_hit);
            }
            if is_hit {
                given_hit.count(is_listed);
                if world.alone(person) {
                    given_alone.count(is_listed);
                }
            }
        }
    }
    // People of one cell hit together: some two or three at a time.
    unlisted.agrees(rates.set_share, 2.5);
    hit.agrees(rates.hit(), 2.5);
    given_hit.agrees(rates.posterior_average(rates.base_rate), 2.5);
    given_alone.agrees(rates.posterior_alone(rates.base_rate), 1.0);
}

/// Families of four on one device: who confirms, how many elements are sent, and who is listed given that.
#[test]
fn contacts() {
    let rates = rates();
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    for together in [false, true] {
        let expected = contact_figures(&rates, 10);
        let family = if together { expected.family_together } else { expected.family };
        let (mut single, mut given_single) = (Share::default(), Share::default());
        let (mut any, mut four, mut given_any, mut given_four, mut anyone) =
            (Share::default(), Share::default(), Share::default(), Share::default(), Share::default());
        let (mut elements, families) = (0.0, 200_000);
        for _ in 0..families {
            let all = rng.gen_bool(rates.base_rate);
            let listed: [bool; 4] = std::array::from_fn(|_| if together { all } else { rng.gen_bool(rates.base_rate) });
            let confirms = listed.map(|listed| listed || rng.gen_bool(rates.set_share) || rng.gen_bool(0.1));
            let confirming = confirms.iter().filter(|confirms| **confirms).count();
            single.count(confirms[0]);
            if confirms[0] {
                given_single.count(listed[0]);
            }
            any.count(confirming > 0);
            four.count(confirming > 1);
            elements += [0.0, 1.0, 4.0, 4.0, 4.0][confirming];
            if confirming > 0 {
                given_any.count(listed[0]);
                anyone.count(listed.contains(&true));
            }
            if confirming > 1 {
                given_four.count(listed[0]);
            }
        }
        single.agrees(expected.single.contact, 1.0);
        given_single.agrees(expected.single.listed_given_contact, 1.0);
        any.agrees(family.contact, 1.0);
        four.agrees(family.four_elements, 1.0);
        given_any.agrees(family.listed_given_contact, 1.0);
        given_four.agrees(family.listed_given_four, 1.0);
        anyone.agrees(family.anyone_given_contact, 1.0);
        // An element count lies between 0 and 4: its deviation is at most 2.
        let mean = elements / f64::from(families);
        assert!((mean - family.elements).abs() < 4.0 * 2.0 / f64::from(families).sqrt(), "{mean}");
    }
}

/// Two generations, independent of each other: who hits in both.
#[test]
fn generations() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let (mut both, mut both_alone) = (Share::default(), Share::default());
    for _ in 0..10 {
        let listed = independent(&mut rng);
        let (one, two) = (world(&mut rng, listed.clone()), world(&mut rng, listed));
        for person in (0..PEOPLE as usize).filter(|person| one.hit(*person) && two.hit(*person)) {
            both.count(one.listed[person]);
            if one.alone(person) && two.alone(person) {
                both_alone.count(one.listed[person]);
            }
        }
    }
    let noise = (rates().noise_share * CELLS as f64).round() as u64;
    let figures = GenerationFigures { cells: CELLS, noise, members: LISTED };
    let expected = intersection(LISTED, PEOPLE, &[figures; 2]).unwrap();
    both.agrees(expected.average, 1.5);
    both_alone.agrees(expected.alone, 1.0);
}

/// Cards of five of whom four are listed on average, on a list of the same base rate.
#[test]
fn cards() {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let rates = rates();
    let mut found: [Share; 6] = Default::default();
    for _ in 0..5 {
        let cards = PEOPLE / 5;
        let on_list = (LISTED as f64 / (5.0 * LISTED_ON_A_CARD)).round() as usize;
        let mut listed = vec![false; PEOPLE as usize];
        for card in rand::seq::index::sample(&mut rng, cards as usize, on_list) {
            listed[5 * card..5 * card + 5].fill_with(|| rng.gen_bool(LISTED_ON_A_CARD));
        }
        let world = world(&mut rng, listed);
        for card in 0..cards as usize {
            let people: Vec<_> = (5 * card..5 * card + 5).filter(|person| world.hit(*person)).collect();
            people.iter().for_each(|person| found[people.len()].count(world.listed[*person]));
        }
    }
    for hits in 1..=5 {
        found[hits as usize].agrees(card_posterior(&rates, 5, hits).average, f64::from(hits));
    }
}

/// The fullest of many buckets: the plan's room is exceeded in no more than one of a hundred tables.
#[test]
fn fullest_buckets() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    for (records, bits) in [(20_000, 6), (20_000, 10), (500, 8)] {
        let room = fullest_bucket(records, bits);
        let tables = 200;
        let overfull = (0..tables)
            .filter(|_| {
                let mut buckets = vec![0u64; 1 << bits];
                (0..records).for_each(|_| buckets[rng.gen_range(0..1 << bits)] += 1);
                buckets.iter().any(|records| *records > room)
            })
            .count();
        assert!(
            overfull <= 7,
            "{overfull} of {tables} tables; 2 are expected at most, 7 is 3.5 standard deviations above"
        );
        let mean = records as f64 / f64::from(1 << bits);
        assert!((room as f64) < mean + 6.5 * mean.sqrt() + 6.0, "{room} is no wasteful room for {mean}");
    }
    assert_eq!((fullest_bucket(77, 0), fullest_bucket(0, 5)), (77, 0));
}
