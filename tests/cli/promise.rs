//! The promise, measured on what a publisher published: lists imported, three epochs of one generation with additions and
//! withdrawals, and everybody's NIK put to the client.
//!
//! `crates/issuer/tests/promise_model.rs` measures the same rules on random items of a whole city's tenth. Here nothing is
//! a model but the people: NIKs go in, files come out, and the client reads them. Keys, salts and people follow from seeds,
//! so that a figure that is too high is too high in every run. The stretch is the weak one; it changes no figure.

#![allow(clippy::unwrap_used, reason = "a failure is to be seen where it happens")]

#[path = "promise/onlooker.rs"]
mod onlooker;
#[path = "promise/publisher.rs"]
mod publisher;

use std::collections::BTreeSet;

use ceknik_core::deniability;
use ceknik_core::manifest::Manifest;
use ceknik_core::record::Locator;
use ceknik_core::{CoverSecret, Nik};
use ceknik_issuer::plan::{
    HitRates, LISTED_ON_A_CARD, Measured, Person, Subgroup, SubgroupFigures, card_posterior, measure_promise,
};
use ceknik_issuer::sample_outsiders;
use onlooker::{Archive, locators};
use publisher::{Desk, Figures};
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

/// How far a measured share may lie above the promise, and a measured figure beside the one disclosed.
const STANDARD_ERRORS: f64 = 3.0;
/// Of so many people one is listed, as in Jakarta in 2024.
const PEOPLE_PER_MEMBER: f64 = 8_214_007.0 / 677_065.0;

/// A person of the population, and what becomes of him: the epoch that lists him first, the one from which he is
/// withdrawn.
struct Citizen {
    nik: Nik,
    added: Option<u64>,
    withdrawn: Option<u64>,
    card: Option<u32>,
}

fn population(people: usize) -> Vec<Citizen> {
    let citizen = |nik| Citizen { nik, added: None, withdrawn: None, card: None };
    let citizens: Vec<_> = sample_outsiders(2024).take(people).map(citizen).collect();
    assert_eq!(citizens.len(), people);
    citizens
}

fn niks(citizens: &[Citizen]) -> Vec<Nik> {
    citizens.iter().map(|citizen| citizen.nik.clone()).collect()
}

/// People in whom who is listed, when, and who is withdrawn is independent of everything else. Of a hundred members 84 come
/// with the first epoch, 6 with the second, 10 with the third; of the first a twentieth is withdrawn with the second, and
/// some of those before with the third.
fn independent(people: usize, seed: u64) -> Vec<Citizen> {
    let mut citizens = population(people);
    let members = (people as f64 / PEOPLE_PER_MEMBER) as usize;
    let (first, second) = (members * 84 / 100, members * 90 / 100);
    let mut order: Vec<usize> = (0..people).collect();
    order.shuffle(&mut ChaCha20Rng::seed_from_u64(seed));
    for (place, &person) in order.iter().take(members).enumerate() {
        citizens[person].added = Some(if place < first {
            1
        } else if place < second {
            2
        } else {
            3
        });
        citizens[person].withdrawn = match place {
            _ if place < first / 20 => Some(2),
            _ if place < first / 14 => Some(3),
            _ if (first..first + members / 200).contains(&place) => Some(3),
            _ => None,
        };
    }
    citizens
}

/// Publishes so many epochs of what becomes of the people. Each is archived as its files are.
fn publish(desk: &mut Desk, citizens: &[Citizen], epochs: u64) -> Vec<Archive> {
    let mut archives = Vec::new();
    for epoch in 1..=epochs {
        let select = |wanted: fn(&Citizen) -> Option<u64>| {
            let niks: Vec<_> =
                citizens.iter().filter(|citizen| wanted(citizen) == Some(epoch)).map(|c| &c.nik).collect();
            niks
        };
        let (added, withdrawn) = (select(|citizen| citizen.added), select(|citizen| citizen.withdrawn));
        let people = added.len() as u64;
        // Whoever was withdrawn and comes back is no addition.
        let again: Vec<_> = if epoch == 3 { returned(citizens).collect() } else { vec![] };
        assert_eq!(desk.import(added.into_iter().chain(again)), people);
        let people = withdrawn.len() as u64;
        assert_eq!(desk.withdraw(withdrawn), people);
        let manifest = desk.publish();
        archives.push(Archive::open(desk, &manifest));
    }
    archives
}

/// Some of those whom the second epoch withdrew: the third has them back.
fn returned(citizens: &[Citizen]) -> impl Iterator<Item = &Nik> {
    citizens.iter().filter(|citizen| citizen.withdrawn == Some(2)).take(50).map(|citizen| &citizen.nik)
}

/// What the archived filters give away of these people. That they answer what the client answers was checked for every
/// person and epoch.
fn measure(archives: &[Archive], citizens: &[Citizen]) -> Measured {
    let stretched = archives[0].stretch(&niks(citizens));
    let people: Vec<_> = citizens
        .iter()
        .zip(&stretched)
        .map(|(citizen, h)| Person {
            item: h.filter_item(),
            added: citizen.added,
            withdrawn: citizen.withdrawn,
            card: citizen.card,
        })
        .collect();
    let filters: Vec<_> = archives.iter().map(Archive::filter).collect();
    for (archive, filter) in archives.iter().zip(&filters) {
        let answers = archive.local_answers(&niks(citizens));
        assert_eq!(answers.len(), people.len());
        let differ = people.iter().zip(answers).filter(|(person, hit)| filter.contains(&person.item) != *hit);
        assert_eq!(differ.count(), 0);
    }
    measure_promise(&filters, &people).unwrap()
}

fn print(measured: &Measured) {
    for SubgroupFigures { epoch, subgroup, hits, posterior, standard_error, .. } in &measured.subgroups {
        println!("epoch {epoch}  {subgroup:?}: {:.4} ± {standard_error:.4} of {hits}", posterior.unwrap_or(f64::NAN));
    }
}

fn find(measured: &Measured, epoch: u64, subgroup: Subgroup) -> SubgroupFigures {
    *measured.subgroups.iter().find(|row| (row.epoch, row.subgroup) == (epoch, subgroup)).unwrap()
}

/// By how much these hits multiply the odds, with its relative standard error. `members` and `others` are those who could
/// have hit so: of the ones `true_hits` did, of the others the rest of the hits.
fn measured_factor(row: &SubgroupFigures, members: usize, others: usize) -> (f64, f64) {
    let (true_hits, false_hits) = (row.true_hits as f64, (row.hits - row.true_hits) as f64);
    let factor = (true_hits / false_hits) / (members as f64 / others as f64);
    (factor, (1.0 / true_hits + 1.0 / false_hits).sqrt())
}

fn assert_near(what: &str, measured: f64, relative_error: f64, disclosed: f64) {
    println!("{what}: {measured:.4} ± {:.4}, disclosed {disclosed}", measured * relative_error);
    assert!((measured / disclosed - 1.0).abs() < STANDARD_ERRORS * relative_error, "{what}");
}

fn figures(people: usize) -> Figures {
    let members = (people as f64 / PEOPLE_PER_MEMBER) as u64;
    Figures { population: people as u64, capacity: members, shard_bits: 0, least_people_per_bucket: 1000 }
}

#[test]
fn the_promise_holds_in_every_subgroup_of_every_epoch() {
    const PEOPLE: usize = 200_000;
    let citizens = independent(PEOPLE, 1);
    let mut desk = Desk::new(10, &Figures { shard_bits: 1, ..figures(PEOPLE) });
    let archives = publish(&mut desk, &citizens, 3);
    let measured = measure(&archives, &citizens);
    print(&measured);

    assert_eq!((measured.missing_members, measured.cleared), (0, 0));
    for row in &measured.subgroups {
        assert!(row.keeps_promise(STANDARD_ERRORS), "{row:?}");
    }
    // Every subgroup is there, and large enough to say something.
    for epoch in 1..=3 {
        for subgroup in [Subgroup::Hit, Subgroup::Sharing(1), Subgroup::Sharing(2), Subgroup::Sharing(3)] {
            assert!(find(&measured, epoch, subgroup).hits > 5_000, "{epoch} {subgroup:?}");
        }
    }
    for epoch in 2..=3 {
        for subgroup in [
            Subgroup::NewlySetAlone,
            Subgroup::NewlySet,
            Subgroup::SetLaterAlone,
            Subgroup::SetLater,
            Subgroup::WithdrawnAlone,
            Subgroup::Withdrawn,
        ] {
            assert!(find(&measured, epoch, subgroup).hits > 350, "{epoch} {subgroup:?}");
        }
    }
    // Somebody who was withdrawn still hits, as likely as not a member like any other.
    let (gone, members) = (find(&measured, 3, Subgroup::WithdrawnAlone), find(&measured, 3, Subgroup::Sharing(1)));
    let withdrawn = citizens.iter().filter(|citizen| citizen.withdrawn.is_some()).count() as f64;
    let part = withdrawn / citizens.iter().filter(|citizen| citizen.added.is_some()).count() as f64;
    assert_near(
        "withdrawn",
        gone.posterior.unwrap(),
        gone.standard_error / gone.posterior.unwrap(),
        part * members.posterior.unwrap(),
    );

    disclosed_factors_are_those_measured(&archives, &citizens, &measured);
}

/// `odds_factor` and `epoch_odds_factor` of each manifest against what the hits of people alone in their cells do to the odds.
fn disclosed_factors_are_those_measured(archives: &[Archive], citizens: &[Citizen], measured: &Measured) {
    let geometry = &archives[0].manifest.filter.as_ref().unwrap().geometry;
    let mut by_cell: Vec<_> =
        archives[0].stretch(&niks(citizens)).iter().map(|h| geometry.cell(&h.filter_item())).zip(citizens).collect();
    by_cell.sort_by_key(|(cell, _)| *cell);
    let alone: Vec<_> =
        by_cell.chunk_by(|a, b| a.0 == b.0).filter(|cell| cell.len() == 1).map(|cell| cell[0].1).collect();
    for Archive { manifest, .. } in archives {
        let (epoch, disclosure) = (manifest.epoch, &manifest.disclosure);
        let added = |when: fn(u64, u64) -> bool| {
            alone.iter().filter(|citizen| citizen.added.is_some_and(|added| when(added, epoch))).count()
        };
        let members = added(|added, epoch| added <= epoch);
        let others = alone.len() - members;
        let (factor, error) = measured_factor(&find(measured, epoch, Subgroup::Sharing(1)), members, others);
        assert_near("odds_factor", factor, error, disclosure.odds_factor.unwrap());
        if epoch > 1 {
            let added = added(|added, epoch| added == epoch);
            let (factor, error) = measured_factor(&find(measured, epoch, Subgroup::NewlySetAlone), added, others);
            assert_near("epoch_odds_factor", factor, error, disclosure.epoch_odds_factor.unwrap());
        }
    }
    assert_eq!(archives[0].manifest.disclosure.epoch_odds_factor, archives[0].manifest.disclosure.odds_factor);
}

/// The other figures of the manifest, from what was published and the key: who is in the table, how many people share what a
/// client tells of itself, how often it confirms for cover.
#[test]
fn the_figures_disclosed_are_those_of_what_was_published() {
    const PEOPLE: usize = 60_000;
    /// The most with which 32 shares of 1,875 people each are allowed.
    const K: u64 = 1_670;
    let citizens = independent(PEOPLE, 2);
    let figures = Figures { shard_bits: 1, least_people_per_bucket: K, ..figures(PEOPLE) };
    let mut desk = Desk::new(20, &figures);
    let archives = publish(&mut desk, &citizens, 3);
    let archive = &archives[2];
    let manifest = &archive.manifest;
    let stretched = archive.stretch(&niks(&citizens));
    let locators = locators(&desk.oprf_key(), &stretched);

    let back: BTreeSet<_> = returned(&citizens).map(|nik| *nik.expose_digits()).collect();
    let live = |citizen: &Citizen| {
        citizen.added.is_some() && (citizen.withdrawn.is_none() || back.contains(citizen.nik.expose_digits()))
    };
    let bits = manifest.buckets.geometry.bits();
    let buckets = archive.buckets();
    let mut listed: Vec<Vec<Locator>> = vec![vec![]; buckets.len()];
    for (_, locator) in citizens.iter().zip(&locators).filter(|(citizen, _)| live(citizen)) {
        listed[locator.bucket(bits) as usize].push(*locator);
    }
    listed.iter_mut().for_each(|bucket| bucket.sort());
    assert!(buckets == listed, "the sealed table holds those who are listed, and nobody else");
    assert_eq!(manifest.records, listed.iter().map(|bucket| bucket.len() as u64).sum::<u64>());
    let members = citizens.iter().filter(|citizen| citizen.added.is_some()).count() as u64;
    assert_eq!(manifest.filter.as_ref().unwrap().members, members);

    // Who fetches a shard and a bucket is one of so many.
    let share_with = |bits: u8| {
        let mut people = vec![0u64; 2 << bits];
        for (h, locator) in stretched.iter().zip(&locators) {
            people[((archive.shard_number(&h.filter_item()) << bits) | locator.bucket(bits)) as usize] += 1;
        }
        people
    };
    let people = share_with(bits);
    let (least, average) = (*people.iter().min().unwrap(), PEOPLE as u64 / people.len() as u64);
    println!("{} shards and buckets: {average} people on average, {least} at least, {K} promised", people.len());
    assert_eq!((people.len(), manifest.disclosure.people_per_bucket), (32, average));
    assert!(least >= K);
    // One bit more would not do: the rule that refuses it is no stricter than need be.
    assert!(!deniability::bucket_bits_allowed(PEOPLE as u64, bits + 1, 1, K));
    assert!(*share_with(bits + 1).iter().min().unwrap() < K);

    cover_is_as_often_as_disclosed(archive, &citizens, manifest);
}

fn cover_is_as_often_as_disclosed(archive: &Archive, citizens: &[Citizen], manifest: &Manifest) {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let (mut misses, mut covered, mut devices) = (0, 0, 0);
    for family in niks(citizens).chunks(40).take(600) {
        let secret = CoverSecret::from_bytes(rng.r#gen());
        let counts = archive.covered(family, &secret);
        // The same device would do the same again.
        assert!(devices % 50 > 0 || archive.covered(family, &secret) == counts);
        (misses, covered, devices) = (misses + counts.0, covered + counts.1, devices + 1);
    }
    let (rate, disclosed) = (covered as f64 / misses as f64, f64::from(manifest.disclosure.cover_percent) / 100.0);
    let error = (disclosed * (1.0 - disclosed) / misses as f64).sqrt();
    assert!(misses > 15_000);
    assert_near(&format!("cover, on {devices} devices"), rate, error / rate, disclosed);
}

/// A publisher who says that there are more people than there are sets less noise, and everything else is in order: the
/// client believes the list. Whoever counts sees it at once. (That these assertions can fail is what this shows.)
#[test]
fn noise_that_falls_short_is_seen() {
    const PEOPLE: usize = 60_000;
    let citizens = independent(PEOPLE, 4);
    let members = figures(PEOPLE).capacity;
    // Half of the noise, A/(2(P-A)) of the cells, which leaves 2/3; and next to none, as in a filter with one hash and
    // nothing else.
    let half = 2 * PEOPLE as u64 - members;
    let none = 1000 * PEOPLE as u64;
    for (seed, population, alone) in [(40, half, 0.63..0.70), (50, none, 0.90..1.0)] {
        let mut desk = Desk::new(seed, &Figures { population, ..figures(PEOPLE) });
        let measured = measure(&publish(&mut desk, &citizens, 3), &citizens);
        print(&measured);
        for epoch in 1..=3 {
            let row = find(&measured, epoch, Subgroup::Sharing(1));
            assert!(!row.keeps_promise(10.0), "{row:?}");
            assert!(alone.contains(&row.posterior.unwrap()), "{row:?}");
        }
        for subgroup in [Subgroup::NewlySetAlone, Subgroup::SetLaterAlone] {
            let row = find(&measured, 3, subgroup);
            assert!(!row.keeps_promise(STANDARD_ERRORS), "{row:?}");
        }
    }
}

/// A figure of `docs/threat-model.md`, which stands before the comment that says where it is from.
fn stated(place: &str) -> f64 {
    let document = include_str!("../../docs/threat-model.md");
    let (before, _) = document.split_once(&format!("<!--= {place} -->")).unwrap();
    let figure = before.strip_suffix(" %").and_then(|before| before.rsplit(|c: char| !c.is_ascii_digit()).next());
    figure.unwrap().parse::<f64>().unwrap() / 100.0
}

/// What the promise does not cover: who is listed comes by cards of five, on which four are listed on average.
#[test]
fn cards_of_five_give_away_what_the_threat_model_states() {
    const PEOPLE: usize = 200_000;
    let mut citizens = population(PEOPLE);
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let members = figures(PEOPLE).capacity as f64;
    let mut cards: Vec<_> = citizens.chunks_mut(5).zip(0..).collect();
    cards.iter_mut().for_each(|(card, number)| card.iter_mut().for_each(|citizen| citizen.card = Some(*number)));
    cards.shuffle(&mut rng);
    // As many that the members of all just do not exceed the capacity.
    let listed = (members / (5.0 * LISTED_ON_A_CARD)) as usize - 60;
    for (card, _) in cards.iter_mut().take(listed) {
        card.iter_mut().for_each(|citizen| citizen.added = rng.gen_bool(LISTED_ON_A_CARD).then_some(1));
    }
    let mut desk = Desk::new(60, &figures(PEOPLE));
    let archives = publish(&mut desk, &citizens, 1);
    let measured = measure(&archives, &citizens);

    let filter = archives[0].manifest.filter.as_ref().unwrap();
    let rates = HitRates::of(filter.geometry.cells(), filter.noise, filter.members, PEOPLE as u64);
    for (hits, in_words) in [(4, 0.84), (5, 0.95)] {
        let row = measured.cards.iter().find(|row| (row.size, row.hits) == (5, hits)).unwrap();
        let stated = stated(&format!("jakarta /cards/size=5,hits={hits}/average"));
        println!(
            "cards of five, {hits} hits: {:.4} ± {:.4} of {}, stated {stated}",
            row.posterior, row.standard_error, row.cards
        );
        assert_eq!(stated, in_words);
        // It is stated in whole percents.
        assert!((row.posterior - stated).abs() < STANDARD_ERRORS * row.standard_error + 0.005, "{row:?}");
        let expected = card_posterior(&rates, 5, hits).average;
        assert!((row.posterior - expected).abs() < STANDARD_ERRORS * row.standard_error, "{row:?} for {expected}");
        assert!(row.posterior > 0.5 + 10.0 * row.standard_error);
    }
    // Without the cards, the same filter keeps its promise to everybody of whom nothing else is known.
    let alone = find(&measured, 1, Subgroup::Sharing(1));
    assert!(alone.keeps_promise(STANDARD_ERRORS), "{alone:?}");
}
