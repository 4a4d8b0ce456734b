//! Generations: begun, announced, taken over, and full.

use ceknik_core::deniability;
use ceknik_core::manifest::OprfSpec;

use super::*;
use crate::plan::{GenerationFigures, Intersection, intersection};

impl Press {
    /// Publishes whatever the number of people in the generation that was begun.
    fn announce(&mut self, hour: i64) -> Publication {
        let (paths, dataset) = (self.paths(), self.dataset.clone());
        let mut observer = |_| ();
        let publisher = self.publisher(&mut observer, &paths);
        Publisher { despite_missing: true, ..publisher }.publish(&dataset, time(hour)).unwrap()
    }
}

#[test]
fn a_new_generation_is_announced_and_takes_over() {
    let mut press = press("");
    press.add(0..1000);
    press.publish(0).unwrap();
    press.add(1000..1500);
    press.begin_generation(2, "posterior_percent = 60");

    // Not announced before the list is in it: until then the old one goes on.
    let renewal = press.publish(1).unwrap();
    let waits = Some(Unannounced { generation: 2, because: NotAnnounced::Unfilled });
    assert_eq!((renewal.generation, renewal.changes.held, renewal.unannounced), (1, 500, waits));
    assert_eq!(renewal.manifest.oprf.next, None);

    press.add(0..1500);
    let announcement = press.publish(2).unwrap();
    assert_eq!((announcement.generation, announcement.manifest.records), (1, 1000));
    assert_eq!(announcement.unannounced, None);
    assert_eq!(announcement.changes, Changes { unchanged: 1000, held: 500, ..Changes::default() });
    assert_eq!(announcement.manifest.disclosure.epoch_odds_factor, None);
    let next = announcement.manifest.oprf.next.clone().unwrap();
    assert_eq!((next.public_key, next.from_epoch), (public_key(2), 4));

    let taken_over = press.publish(3).unwrap();
    assert_eq!((taken_over.generation, taken_over.manifest.records), (2, 1500));
    assert_eq!(taken_over.changes, Changes { added: 1500, ..Changes::default() });
    assert_eq!(taken_over.manifest.disclosure.posterior_percent, Some(60));
    assert_eq!(taken_over.manifest.oprf, OprfSpec { public_key: public_key(2), next: None });
    assert_eq!(press.publish(4).unwrap().generation, 2);
}

#[test]
fn a_generation_begun_before_anything_was_published_takes_over_at_once() {
    let mut press = press("");
    press.begin_generation(2, "");
    press.add(0..100);
    let publication = press.publish(0).unwrap();
    assert_eq!((publication.generation, publication.manifest.epoch), (2, 1));
}

/// One that was announced must be published next, whatever comes. Meanwhile the one before is renewed.
#[test]
fn a_generation_that_could_not_be_published_is_not_announced() {
    let mut press = press("");
    press.add(0..1000);
    press.publish(0).unwrap();
    press.begin_generation(2, "capacity = 1200");
    press.add(0..1201);
    let renewal = press.publish(1).unwrap();
    assert_eq!((renewal.manifest.epoch, renewal.manifest.oprf.next), (2, None));
    assert_eq!(
        renewal.unannounced.unwrap().because.to_string(),
        "1201 people were added to generation 2, whose capacity is 1200. `ceknik dataset new-generation list FILE \
         --erase-unpublished`, FILE being a definition with a larger capacity, puts another in its place"
    );
    // The one that takes its place need not have the next number.
    press.begin_generation(3, "capacity = 1201");
    press.add(0..1201);
    assert_eq!(press.publish(2).unwrap().manifest.oprf.next.unwrap().public_key, public_key(3));
    let taken_over = press.publish(3).unwrap();
    assert_eq!((taken_over.generation, taken_over.manifest.records), (3, 1201));
}

/// The first page of a list is no list.
#[test]
fn a_generation_with_many_fewer_people_is_announced_by_whoever_means_it() {
    let prepared = |people| {
        let mut press = press("");
        press.add(0..1000);
        press.publish(0).unwrap();
        press.begin_generation(2, "");
        press.add(0..people);
        press
    };
    assert!(prepared(750).publish(1).unwrap().manifest.oprf.next.is_some());
    let mut press = prepared(749);
    let renewal = press.publish(1).unwrap();
    assert_eq!(
        renewal.unannounced.unwrap().because.to_string(),
        "it has 749 records where 1000 are published: import the rest, or publish with --despite-missing if that is meant"
    );
    assert!(press.announce(2).manifest.oprf.next.is_some());
    assert_eq!(press.publish(3).unwrap().manifest.records, 749);
}

/// The epoch that announces a generation, and the one that takes over.
#[test]
fn lost_files_of_a_change_of_generation_are_made_again() {
    for announced in [false, true] {
        let prepared = || {
            let mut press = press("");
            press.add(0..1000);
            press.publish(0).unwrap();
            press.begin_generation(2, "");
            press.add(0..100);
            if announced {
                press.announce(1);
            }
            press
        };
        let mut whole = prepared();
        whole.announce(2);
        let mut press = prepared();
        let (paths, dataset) = (press.paths(), press.dataset.clone());
        let died = catch_unwind(AssertUnwindSafe(|| {
            let mut observer = |phase| assert_ne!(phase, PublishPhase::PlaceEpoch, "dies here");
            Publisher { despite_missing: true, ..press.publisher(&mut observer, &paths) }.publish(&dataset, time(2))
        }));
        assert!(died.is_err());
        fs::remove_dir_all(press.home.staging()).unwrap();
        assert!(press.publish(99).unwrap().resumed);
        assert_eq!(press.published(), whole.published());
    }
}

/// What a new generation costs is said before it is begun, from the filter that was published.
#[test]
fn a_refusal_states_what_two_filters_leave() {
    let figures = |press: &Press, noise, members| {
        let definition = press.store.newest_generation(&press.dataset).unwrap().definition;
        let cells = definition.filter_geometry(seed(1)).unwrap().unwrap().cells();
        GenerationFigures { cells, noise, members }
    };
    let told = |both: Intersection| {
        format!(
            ". Know before you do: whoever kept this generation's filter and has everybody's NIK can intersect the two; a hit in both \
             leaves {:.2} on average, and {:.2} for a person alone in both cells",
            both.average, both.alone
        )
    };

    let mut full = press("capacity = 9000");
    full.add(0..8000);
    let noise = full.publish(0).unwrap().manifest.filter.unwrap().noise;
    full.add(8000..9001);
    let promise = deniability::Promise::new(100_000, 50, figures(&full, 0, 0).cells).unwrap();
    let more = promise.added_noise(8000, 9001).unwrap();
    let both = intersection(9001, 100_000, &[figures(&full, noise, 8000), figures(&full, noise + more, 9001)]).unwrap();
    assert!(both.average > 0.5 && both.alone > 0.9, "{both:?}");
    let refusal = full.publish(1).unwrap_err().to_string();
    assert!(refusal.ends_with(&told(both)), "{refusal}");
}

#[test]
fn more_than_half_of_the_cells_is_refused() {
    let mut press = press("population = 20000\ncapacity = 9900\ncells_per_record = 2\nleast_people_per_bucket = 100");
    press.add(0..9900);
    let text = press.publish(0).unwrap_err().to_string();
    assert!(text.contains("cells would be set, which is more than half. Nothing of it was published yet: "), "{text}");
}
