//! Datasets that begin, change, and begin anew.

use ceknik_core::filter::NoiseKey;
use ceknik_core::log::LogSigner;
use ceknik_core::manifest::Id;
use ceknik_core::time::Timestamp;
use ceknik_issuer::{
    Definition, DefinitionError, ImportOptions, Publication, PublishError, Publisher, abandon_import, begin_generation,
    create_dataset, delete_dataset, summarize_dataset, update_dataset,
};

use crate::desk::{DEFINITION, Desk, list, nik, rng, support, supporters};

/// Publishes an epoch, in the hour of that number.
fn publish(desk: &mut Desk, hour: i64) -> Publication {
    try_publish(desk, hour).unwrap()
}

fn try_publish(desk: &mut Desk, hour: i64) -> Result<Publication, PublishError> {
    let signer = LogSigner::generate("ceknik.example/log", &mut rng(9)).unwrap();
    let noise_key = NoiseKey::from_bytes([5; 32]);
    let (dataset, public, staging) = (desk.dataset(), desk.home.public(), desk.home.staging());
    let mut publisher = Publisher {
        store: &mut desk.store,
        cipher: &desk.cipher,
        noise_key: &noise_key,
        signer: &signer,
        public: &public,
        staging: &staging,
        despite_unfinished_import: false,
        despite_empty: false,
        despite_missing: false,
        renew: false,
        witnesses: None,
        observer: &mut |_| (),
        progress: &mut |_, _, _| (),
    };
    publisher.publish(&dataset, Timestamp::from_unix(1_800_000_000 + 3600 * hour).unwrap())
}

#[test]
fn a_dataset_is_created_once() {
    let mut desk = Desk::new();
    let definition = Definition::from_toml(DEFINITION, true).unwrap();
    let keys = desk.keys();
    let error = create_dataset(&mut desk.store, &keys, &definition, None, &mut rng(3)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is a dataset list already: `ceknik dataset update` changes it, `ceknik dataset new-generation` begins it anew"
    );
    let generation = desk.generation();
    assert_eq!(generation.public_key, *desk.key(&generation).public_key());
    assert_ne!(generation.seed[..16], generation.seed[16..]);
    assert_ne!(generation.salt, [0; 32]);
}

#[test]
fn a_key_that_was_left_over_is_told_and_not_used() {
    let mut desk = Desk::new();
    let other = Definition::from_toml(&DEFINITION.replace("id = \"list\"", "id = \"other\""), true).unwrap();
    let keys = desk.keys();
    keys.create_oprf_key(&other.id, 1, &mut rng(4), None).unwrap();
    let error = create_dataset(&mut desk.store, &keys, &other, None, &mut rng(3)).unwrap_err().to_string();
    let path = desk.home.directory().join("keys/oprf/other.1.key");
    assert_eq!(
        error,
        format!(
            "{} exists, and the record store knows no such generation: an interrupted command left it, or the store is an \
             older copy than the keys. If nothing was ever published with this key, move the file away and run this again",
            path.display()
        )
    );
    assert!(desk.store.dataset(&other.id).is_err());
}

#[test]
fn texts_change_and_figures_do_not() {
    let mut desk = Desk::new();
    desk.import(&list(supporters("a", 0..5)));
    let renamed = DEFINITION.replace("Orchid", "The orchid") + "[candidates.d]\nid = \"Dahlia\"\nen = \"Dahlia\"\n";
    let update = update_dataset(&mut desk.store, &renamed).unwrap();
    assert_eq!(update.changed(), ["candidates"]);
    assert_eq!(desk.generation().definition, update.after);
    // The new candidate can be imported at once.
    assert_eq!(desk.import(&list(supporters("Dahlia", 5..7))).added, 2);
    assert_eq!(desk.look_up(&nik(6)), Some(vec![support("d", "ms", None)]));
    let error = update_dataset(&mut desk.store, &DEFINITION.replace("100000", "100001")).unwrap_err().to_string();
    assert_eq!(
        error,
        "population is fixed within a generation: `ceknik dataset new-generation` begins one with another value, for which \
         the whole list is imported again"
    );
    let error = update_dataset(&mut desk.store, &DEFINITION.replace("\"list\"", "\"lists\"")).unwrap_err().to_string();
    assert_eq!(error, "there is no dataset lists here; there are: list");
}

#[test]
fn a_generation_begins_beside_the_published_one() {
    let mut desk = Desk::new();
    desk.import(&list(supporters("a", 0..30)));
    publish(&mut desk, 1);
    let (dataset, keys) = (desk.dataset(), desk.keys());
    let first = desk.generation();
    let wider =
        DEFINITION.replace("100000", "200000").replace("[candidates.c]\nid = \"Cempaka\"\nen = \"Champaca\"\n", "");
    let wider = Definition::from_toml(&wider, true).unwrap();
    let begun = begin_generation(&mut desk.store, &keys, &dataset, Some(&wider), false, None, &mut rng(5)).unwrap();
    let second = begun.generation;
    assert_eq!((second.number, second.definition.population), (2, 200_000));
    assert!(second.salt != first.salt && second.seed != first.seed && second.public_key != first.public_key);
    // Imports go to the new one, withdrawals to both.
    desk.import(&list(supporters("b", 0..22)));
    assert_eq!(desk.look_up_in(&first, &nik(3)), Some(vec![support("a", "ms", None)]));
    assert_eq!(desk.look_up_in(&second, &nik(3)), Some(vec![support("b", "ms", None)]));
    let summary = desk.withdraw(&format!("{}\n{}\n{}\n", nik(3), nik(25), nik(50)), None);
    assert_eq!((summary.withdrawn, summary.not_listed), (2, vec![3]));
    for generation in [&first, &second] {
        assert_eq!(desk.look_up_in(generation, &nik(3)), None);
    }

    // Texts change in both, each keeping its own ids and figures.
    let renamed = DEFINITION.replace("100000", "200000").replace("Orchid", "The orchid");
    let removed = update_dataset(&mut desk.store, &renamed.replace("[candidates.b]", "[candidates.x]")).unwrap_err();
    assert!(removed.to_string().starts_with("candidates.b cannot be taken away"), "{removed}");
    update_dataset(&mut desk.store, &renamed).unwrap();
    let old = desk.store.generation(&dataset, 1).unwrap().definition;
    assert_eq!((old.population, old.candidates[&Id::new("a").unwrap()].en.as_str()), (100_000, "The orchid"));
    assert!(old.candidates.contains_key(&Id::new("c").unwrap()));

    let summary = summarize_dataset(&desk.store, &dataset).unwrap();
    assert_eq!(summary.generations.iter().map(|generation| generation.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((summary.generations[0].records, summary.generations[0].withdrawn), (28, 2));
    assert_eq!((summary.generations[1].records, summary.generations[1].members_unpublished), (21, 22));
    assert!(publish(&mut desk, 2).manifest.oprf.next.is_some());
    publish(&mut desk, 3);
    let summary = summarize_dataset(&desk.store, &dataset).unwrap();
    assert_eq!(summary.generations.iter().map(|generation| generation.number).collect::<Vec<_>>(), [2]);
    assert_eq!(summary.epoch.unwrap().number, 3);
    desk.store.erase_unused_generations(&dataset).unwrap();
    assert!(desk.records_of(&first).is_empty());
}

/// Nothing may come between announcement and takeover that could keep the generation from being published.
#[test]
fn a_generation_that_was_announced_is_published_first() {
    let mut desk = Desk::new();
    desk.import(&list(supporters("a", 0..30)));
    publish(&mut desk, 1);
    let (dataset, keys) = (desk.dataset(), desk.keys());
    begin_generation(&mut desk.store, &keys, &dataset, None, false, None, &mut rng(5)).unwrap();
    desk.import(&list(supporters("a", 0..30)));
    assert!(publish(&mut desk, 2).manifest.oprf.next.is_some());
    let told = "generation 2 of list was announced and takes over with the next epoch: publish that first with `ceknik publish \
                list`, then ";
    let refused = desk.try_import(&list(supporters("a", 30..31)), ImportOptions::default()).unwrap_err().to_string();
    assert_eq!(refused, format!("{told}import"));
    let refused = begin_generation(&mut desk.store, &keys, &dataset, None, true, None, &mut rng(6)).unwrap_err();
    assert_eq!(refused.to_string(), format!("{told}begin another"));
    assert_eq!(publish(&mut desk, 3).generation, 2);
    desk.import(&list(supporters("a", 30..31)));
}

#[test]
fn a_generation_that_was_begun_gives_way_to_another() {
    let mut desk = Desk::new();
    desk.import(&list(supporters("a", 0..30)));
    publish(&mut desk, 1);
    let (dataset, keys) = (desk.dataset(), desk.keys());
    begin_generation(&mut desk.store, &keys, &dataset, None, false, None, &mut rng(5)).unwrap();
    desk.import(&list(supporters("a", 0..20)));
    let second = desk.generation();
    let refused = begin_generation(&mut desk.store, &keys, &dataset, None, false, None, &mut rng(6)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "nothing of generation 2 of list was published yet, so that a new one takes its place at once, and the 20 records that \
         were imported into it are erased: publish them first, or say --erase-unpublished and import the whole list again"
    );
    begin_generation(&mut desk.store, &keys, &dataset, None, true, None, &mut rng(6)).unwrap();
    assert!(desk.records_of(&second).is_empty());
    desk.import(&list(supporters("a", 0..30)));
    assert!(publish(&mut desk, 2).manifest.oprf.next.is_some());
    let taken_over = publish(&mut desk, 3);
    assert_eq!((taken_over.generation, taken_over.manifest.records), (3, 30));
}

#[test]
fn a_dataset_of_which_nothing_was_published_can_be_removed() {
    let mut desk = Desk::new();
    let other = Definition::from_toml(&DEFINITION.replace("id = \"list\"", "id = \"other\""), true).unwrap();
    let (dataset, keys) = (desk.dataset(), desk.keys());
    create_dataset(&mut desk.store, &keys, &other, None, &mut rng(7)).unwrap();
    let rows = [supporters("a", 0..20), vec!["1234,a,ms,".to_owned()]].concat();
    desk.try_import(&list(rows), ImportOptions { snapshot: true, ..ImportOptions::default() }).unwrap();
    begin_generation(&mut desk.store, &keys, &dataset, None, true, None, &mut rng(6)).unwrap();
    desk.import(&list(supporters("a", 0..30)));

    let refused = delete_dataset(&mut desk.store, &keys, &dataset, false).unwrap_err().to_string();
    assert_eq!(refused, "30 records were imported into list: say --erase-unpublished, and they are erased with it");
    let deleted = delete_dataset(&mut desk.store, &keys, &dataset, true).unwrap();
    assert_eq!((deleted.records, deleted.left), (30, vec![]));
    let left: Vec<Id> = desk.store.datasets().unwrap().into_iter().map(|entry| entry.id).collect();
    assert_eq!(left, std::slice::from_ref(&other.id));
    assert!((1..=2).all(|generation| !keys.oprf_path(&dataset, generation).exists()));
    assert!(keys.oprf_path(&other.id, 1).exists());

    // Its id is free again, and what comes under it has nothing of the old one.
    let definition = Definition::from_toml(DEFINITION, true).unwrap();
    create_dataset(&mut desk.store, &keys, &definition, None, &mut rng(8)).unwrap();
    assert_eq!(desk.records().len(), 0);
    assert_eq!(desk.import(&list(supporters("a", 0..5))).people_added, 5);
    publish(&mut desk, 1);
    let refused = delete_dataset(&mut desk.store, &keys, &dataset, true).unwrap_err().to_string();
    assert_eq!(
        refused,
        "epochs of list are published, and the log forgets none: it cannot be removed. Publish no more of it, and take it off the \
         service: its last epoch then expires"
    );
    assert_eq!(desk.records().len(), 5);
}

#[test]
fn before_anything_is_published_a_new_generation_takes_the_place_of_the_first() {
    let mut desk = Desk::new();
    desk.import(&list(supporters("a", 0..30)));
    let (dataset, keys, first) = (desk.dataset(), desk.keys(), desk.generation());
    let error =
        begin_generation(&mut desk.store, &keys, &dataset, None, false, None, &mut rng(4)).unwrap_err().to_string();
    assert!(
        error.starts_with("nothing of generation 1 of list was published yet")
            && error.contains("the 30 records that were imported into it are erased"),
        "{error}"
    );
    assert_eq!((desk.records_of(&first).len(), keys.oprf_path(&dataset, 2).exists()), (30, false));
    let begun = begin_generation(&mut desk.store, &keys, &dataset, None, true, None, &mut rng(5)).unwrap();
    let second = begun.generation;
    let entry = desk.store.dataset(&dataset).unwrap();
    assert_eq!((entry.current, entry.next, second.number), (2, None, 2));
    assert!(desk.records_of(&first).is_empty());
    assert_eq!(desk.import(&list(supporters("a", 0..30))).people_added, 30);
}

#[test]
fn a_held_snapshot_is_none_of_the_next_generations() {
    let mut desk = Desk::new();
    desk.import(&list(supporters("a", 0..30)));
    publish(&mut desk, 1);
    let text = list([supporters("a", 0..5), vec!["x,a,ms,".into()]].concat());
    let options = ImportOptions { snapshot: true, ..ImportOptions::default() };
    desk.try_import(&text, options.clone()).unwrap();
    let (dataset, keys) = (desk.dataset(), desk.keys());
    begin_generation(&mut desk.store, &keys, &dataset, None, false, None, &mut rng(5)).unwrap();
    let despite = ImportOptions { despite_refused: true, despite_missing: true, ..options };
    let summary = desk.try_import(&text, despite).unwrap();
    assert_eq!((summary.resumed_at, summary.counters.added, summary.counters.withdrawn), (0, 5, 0));
}

#[test]
fn a_held_snapshot_ends_when_the_definition_changes() {
    let mut desk = Desk::new();
    desk.import(&list(supporters("a", 0..30)));
    let text = list([supporters("a", 0..5), supporters("d", 5..7)].concat());
    let options = ImportOptions { snapshot: true, ..ImportOptions::default() };
    let held = desk.try_import(&text, options.clone()).unwrap();
    assert_eq!(held.counters.refused["candidate_unknown"], 2);
    let added = DEFINITION.to_owned() + "[candidates.d]\nid = \"Dahlia\"\nen = \"Dahlia\"\n";
    update_dataset(&mut desk.store, &added).unwrap();
    // The rows that were refused are read again, as they would be under the new definition.
    let despite = ImportOptions { despite_refused: true, despite_missing: true, ..options };
    let again = desk.try_import(&text, despite).unwrap();
    assert_eq!((again.import, again.resumed_at, again.counters.refused_rows()), (held.import + 1, 0, 0));
    assert_eq!((again.counters.added, again.counters.withdrawn), (2, 25));
}

#[test]
fn an_open_import_stands_in_the_way_of_changes() {
    let mut desk = crate::interrupted::half_imported();
    let import = desk.store.open_import(&desk.dataset()).unwrap().unwrap();
    let wanted = format!(
        "import {import} of dataset list has not ended: run the same `ceknik import` again to finish it, or `ceknik import \
         list --abandon` to end it as it stands"
    );
    assert_eq!(update_dataset(&mut desk.store, DEFINITION).unwrap_err().to_string(), wanted);
    let (dataset, keys) = (desk.dataset(), desk.keys());
    let error =
        begin_generation(&mut desk.store, &keys, &dataset, None, false, None, &mut rng(5)).unwrap_err().to_string();
    assert_eq!(error, wanted);
    // Refused before its key was made, it can be begun later.
    abandon_import(&mut desk.store, &dataset, |_, _| desk.home.report(&dataset, import)).unwrap();
    publish(&mut desk, 1);
    begin_generation(&mut desk.store, &keys, &dataset, None, false, None, &mut rng(5)).unwrap();
}

/// Whatever the store refuses a generation for, its key does not stay in the way.
#[test]
fn a_generation_that_is_refused_leaves_no_key() {
    let mut desk = Desk::new();
    let (dataset, keys) = (desk.dataset(), desk.keys());
    // The same randomness as the first generation's, of which no generation may have anything.
    let error =
        begin_generation(&mut desk.store, &keys, &dataset, None, false, None, &mut rng(2)).unwrap_err().to_string();
    assert_eq!(error, "a salt, filter seed or evaluation key would be used twice: nothing was created");
    assert!(!keys.oprf_path(&dataset, 2).exists());
    begin_generation(&mut desk.store, &keys, &dataset, None, false, None, &mut rng(5)).unwrap();
}

#[test]
fn a_definition_of_another_dataset_is_told() {
    let mut desk = Desk::new();
    let other = Definition::from_toml(&DEFINITION.replace("id = \"list\"", "id = \"other\""), true).unwrap();
    let (dataset, keys) = (desk.dataset(), desk.keys());
    let error = begin_generation(&mut desk.store, &keys, &dataset, Some(&other), false, None, &mut rng(5)).unwrap_err();
    assert_eq!(error.to_string(), "the definition is of dataset other, not list");
    assert!(matches!(Definition::from_toml(DEFINITION, false), Err(DefinitionError::Weak)));
}

/// What a wrong list brought is there whatever comes after it, until somebody decides.
#[test]
fn what_is_in_doubt_stays_so_until_it_is_decided() {
    let snapshot = ImportOptions { snapshot: true, ..ImportOptions::default() };
    let in_doubt = || {
        let mut desk = Desk::new();
        desk.import(&list(supporters("a", 0..30)));
        publish(&mut desk, 1);
        let held = desk.try_import(&list(supporters("a", 100..130)), snapshot.clone()).unwrap();
        // Neither a change of texts nor another list decides, nor a snapshot of somebody else.
        let renamed = DEFINITION.replace("Orchid", "The orchid");
        update_dataset(&mut desk.store, &renamed).unwrap();
        desk.import(&list(supporters("b", 0..5)));
        assert_eq!(desk.try_import(&list(supporters("b", 0..5)), snapshot.clone()).unwrap().counters.missing, 0);
        let refused = try_publish(&mut desk, 2).unwrap_err();
        assert!(matches!(refused, PublishError::SnapshotHeld { import, .. } if import == held.import), "{refused}");
        (desk, held.import)
    };

    // The right list.
    let (mut desk, _) = in_doubt();
    let right = desk.try_import(&list(supporters("a", 0..30)), snapshot.clone()).unwrap().counters;
    assert_eq!((right.missing, right.withdrawn), (0, 30));
    assert_eq!(publish(&mut desk, 2).manifest.records, 30);
    // Whoever keeps what it brought, though its import has ended meanwhile.
    let (mut desk, held) = in_doubt();
    let (home, dataset) = (desk.home.clone(), desk.dataset());
    let kept = abandon_import(&mut desk.store, &dataset, |dataset, import| home.report(dataset, import)).unwrap();
    assert_eq!(kept.unwrap().import, held);
    assert_eq!(publish(&mut desk, 2).manifest.records, 60);
    assert!(
        abandon_import(&mut desk.store, &dataset, |dataset, import| home.report(dataset, import)).unwrap().is_none()
    );
}
