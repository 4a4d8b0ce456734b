use super::*;

mod simulation;

const RECORDS: u64 = 677_065;
const POPULATION: u64 = 8_214_007;

fn jakarta() -> Plan {
    Plan::compute(&PlanInput::new(RECORDS, POPULATION, 50)).unwrap()
}

/// Compares as the specification prints: to so many decimals.
#[track_caller]
fn prints(value: f64, decimals: usize, expected: &str) {
    assert_eq!(format!("{value:.decimals$}"), expected);
}

#[test]
fn jakarta_s_promise() {
    let plan = jakarta();
    let promise = &plan.promise;
    assert_eq!((promise.cells, promise.noise, promise.odds_factor), (8 * RECORDS, 486_582, 11.1));
    prints(100.0 * promise.rates.base_rate, 1, "8.2");
    prints(promise.posteriors[1].alone, 2, "0.49");
    // The promise itself: a hit at the base rate.
    prints(promise.rates.posterior_alone(promise.rates.base_rate), 5, "0.50000");
    let sharing: Vec<_> = promise.sharing.iter().map(|row| format!("{:.3}", row.posterior)).collect();
    assert_eq!(sharing, ["0.500", "0.353", "0.278"]);
}

#[test]
fn jakarta_s_filters() {
    let plan = jakarta();
    let row = |size| *plan.filters.iter().find(|row| row.cells_per_record == size).unwrap();
    // Cells for each record, unlisted who hit, visitors who confirm, bytes.
    for (size, hit, confirm, bytes) in [(5, "25", "32", 423_211), (8, "20", "26", 677_110), (12, "16", "23", 1_015_643)]
    {
        prints(100.0 * row(size).unlisted_hit, 0, hit);
        prints(100.0 * row(size).visitors_confirm, 0, confirm);
        assert_eq!((row(size).bytes, row(size).shards), (bytes, 1));
    }
    prints(100.0 * row(8).unlisted_hit, 1, "19.7");
    prints(100.0 * row(12).unlisted_hit, 1, "16.3");
    prints(100.0 * row(8).visitors_contact, 0, "34");
    prints(row(8).entropy_bits_per_record, 1, "5.7");
    assert!(row(8).planned && !row(5).planned);
    assert_eq!(row(8).room, RECORDS, "the capacity is used up");
}

#[test]
fn jakarta_s_leak() {
    let plan = jakarta();
    prints(plan.leak.core_hours, 0, "41");
    prints(plan.leak.hits / 1e6, 1, "2.2");
    assert_eq!(plan.leak.evaluations_per_day, 3_000_000);
    prints(plan.leak.hours_at_full_budget, 0, "17");
    prints(plan.leak.days_at_network_share, 0, "72");
    prints(plan.leak.listed_given_alone_hit, 3, "0.500");
    prints(plan.stretches[0].import_core_hours, 1, "3.4");
    assert!((plan.leak.hits + plan.leak.misses - POPULATION as f64).abs() < 1e-3);
}

#[test]
fn jakarta_s_table() {
    let plan = jakarta();
    let Suggested { shard_bits, bucket_bits, payload_bytes, evaluations_per_day, .. } = plan.suggested;
    assert_eq!((shard_bits, bucket_bits, payload_bytes, evaluations_per_day), (0, 11, 96, 3_000_000));
    assert_eq!((plan.bucket.people, plan.bucket.response_bytes), (4010, Some(57_344)));
    prints(plan.bucket.other_pairs, 0, "35");
    prints(plan.bucket.other_threes, 3, "0.023");
    assert!(plan.bucket.other_families < 1e-5, "a family of four is alone");
    let floor: Vec<_> = plan.buckets.iter().map(|row| (row.bits, row.keeps_floor)).collect();
    assert_eq!(floor, [(9, true), (10, true), (11, true), (12, true), (13, false)]);
}

#[test]
fn jakarta_s_cards_and_generations() {
    let plan = jakarta();
    let card = |hits| *plan.cards.iter().find(|row| (row.size, row.hits) == (5, hits)).unwrap();
    // Four listed of five: 0.84 when one misses, 0.95 when all hit.
    prints(card(4).average, 2, "0.84");
    prints(card(5).average, 2, "0.95");
    prints(card(5).alone, 2, "0.98");
    // A card of one is a person.
    let one = plan.cards[0];
    prints(one.average - plan.leak.listed_given_hit, 12, "0.000000000000");
    prints(one.alone, 5, "0.50000");
    let two = plan.generations[0];
    assert_eq!(two.generations, 2);
    prints(two.average, 2, "0.70");
    prints(two.alone, 3, "0.918");
}

#[test]
fn jakarta_s_contacts() {
    let plan = jakarta();
    assert_eq!(plan.contact, *plan.contacts.iter().find(|row| row.cover_percent == 10).unwrap());
    prints(plan.contact.single.contact, 3, "0.337");
    prints(plan.contact.single.listed_given_contact, 3, "0.245");
    let full = plan.contacts.last().unwrap();
    // With everybody confirming, a contact says nothing.
    for family in [full.family, full.family_together] {
        assert!(
            (family.contact - 1.0).abs() < 1e-12
                && (family.listed_given_four - plan.promise.rates.base_rate).abs() < 1e-12
        );
        assert!((family.elements - 4.0).abs() < 1e-12);
    }
    for pair in plan.contacts.windows(2) {
        assert!(pair[0].single.contact < pair[1].single.contact);
        assert!(pair[0].single.listed_given_contact > pair[1].single.listed_given_contact);
    }
}

#[test]
fn jakarta_s_additions() {
    let plan = jakarta();
    let rows: Vec<_> = plan.additions.iter().map(|row| (row.added, row.epoch_odds_factor)).collect();
    assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), [10, 100, 1_000, 10_000, 100_000]);
    // The fewer are added, the more a newly set cell says of whoever is known to be among few.
    assert!(rows.windows(2).all(|pair| pair[0].1 > pair[1].1), "{rows:?}");
    for row in &plan.additions {
        assert!(row.alone <= 0.5 && row.average <= row.alone, "{row:?}");
    }
    let thousand = plan.additions[2];
    assert!(thousand.epoch_odds_factor > 100.0 && thousand.one_area.unwrap() > 0.95, "{thousand:?}");
    assert_eq!(plan.additions[4].one_area, None, "more than live there");
}

#[test]
fn warnings() {
    let codes =
        |input: &PlanInput| Plan::compute(input).unwrap().warnings.iter().map(PlanWarning::code).collect::<Vec<_>>();
    let base = PlanInput { capacity: Some(800_000), ..PlanInput::new(RECORDS, POPULATION, 50) };
    assert_eq!(codes(&base), Vec::<&str>::new());
    assert_eq!(codes(&PlanInput { capacity: None, ..base.clone() }), ["no_room"]);
    let with = |change: &dyn Fn(&mut PlanInput)| {
        let mut input = base.clone();
        change(&mut input);
        codes(&input)
    };
    assert_eq!(with(&|input| input.posterior_percent = 10), ["half_set"]);
    assert_eq!(with(&|input| input.posterior_percent = 13), ["half_set"]);
    assert_eq!(with(&|input| input.posterior_percent = 18), ["most_confirm"]);
    assert_eq!(with(&|input| input.posterior_percent = 60), ["high_posterior"]);
    assert_eq!(with(&|input| input.bucket_bits = Some(13)), ["under_floor"]);
    assert_eq!(with(&|input| input.bucket_bits = Some(12)), ["few_contact"]);
    assert_eq!(with(&|input| input.bucket_bits = Some(0)), ["response_too_long"]);
    assert_eq!(with(&|input| input.bucket_bits = Some(8)), ["response_slow"]);
    assert_eq!(with(&|input| input.cover_percent = 0), ["few_contact", "little_cover"]);
    assert_eq!(with(&|input| input.evaluations_per_day = Some(1_000_000)), ["small_budget"]);
    assert_eq!(with(&|input| input.network_percent = 10.0), ["fast_reading"]);
    assert_eq!(codes(&PlanInput { capacity: Some(100), ..PlanInput::new(80, 1_000, 50) })[..1], ["floor_out_of_reach"]);
    assert_eq!(
        codes(&PlanInput { capacity: Some(20_000), ..PlanInput::new(10_000, 8_214_007, 50) })[..1],
        ["high_factor"]
    );
}

#[test]
fn every_warning_says_what_to_do() {
    let mut input = PlanInput::new(RECORDS, POPULATION, 10);
    let half_set = Plan::compute(&input).unwrap().warnings[0].to_string();
    assert!(half_set.contains("is refused: promise a posterior of at least 18 %"), "{half_set}");
    // And what it says helps.
    input.posterior_percent = 18;
    assert!(Plan::compute(&input).unwrap().warnings.iter().all(|warning| warning.code() != "half_set"));
}

#[test]
fn impossible_inputs() {
    let message = |change: &dyn Fn(&mut PlanInput)| {
        let mut input = PlanInput::new(RECORDS, POPULATION, 50);
        change(&mut input);
        Plan::compute(&input).unwrap_err().to_string()
    };
    for (got, expected) in [
        (message(&|input| input.records = 0), "the number of records is 0; a list has at least one"),
        (message(&|input| input.population = 0), "the population is 0; it must be between 1 and 2^36 people"),
        (
            message(&|input| input.records = POPULATION + 1),
            "the number of records is 8214008; it cannot exceed the population: count people, not supports, and everybody who \
             could have been listed",
        ),
        (message(&|input| input.posterior_percent = 100), "the posterior is 100; it must be between 1 and 99 percent"),
        (message(&|input| input.k = 0), "K is 0; at least one person is in a bucket"),
        (
            message(&|input| input.cells_per_record = 1),
            "cells per record is 1; it must be between 2 and 64; 8 is usual",
        ),
        (message(&|input| input.capacity = Some(9)), "the capacity is 9; it must be at least the number of records"),
        (message(&|input| input.cover_percent = 101), "the cover rate is 101; it must be between 0 and 100 percent"),
        (
            message(&|input| input.network_percent = 0.0),
            "one network's share of the budget is 0; it must be over 0 and at most 100 percent",
        ),
        (
            message(&|input| input.evaluations_per_day = Some(0)),
            "the evaluation budget is 0; with none nobody can confirm",
        ),
        (message(&|input| input.shard_bits = Some(13)), "the number of shard bits is 13; it must be between 0 and 12"),
        (
            message(&|input| input.bucket_bits = Some(25)),
            "the number of bucket bits is 25; it must be between 0 and 24",
        ),
        (message(&|input| input.payload_bytes = Some(31)), "the payload is 31; it must be between 32 and 4096 bytes"),
        (message(&|input| input.supports = 9), "the number of supports in a record is 9; it must be between 1 and 8"),
        (
            message(&|input| input.stretches.clear()),
            "the number of costs of the stretch is 0; at least the planned one must be there",
        ),
        (
            message(&|input| input.posterior_percent = 8),
            "677065 of 8214007 people are listed, 8.2 %: whoever knows only that believes it of everybody, and no filter leaves \
             less; promise at least 18 %, or publish without a filter, so that everybody confirms",
        ),
        (
            message(&|input| input.population = RECORDS),
            "677065 of 677065 people are listed, 100.0 %: whoever knows only that believes it of everybody, and no filter leaves \
             less; publish without a filter, so that everybody confirms",
        ),
        (
            message(&|input| {
                input.population = 1 << 36;
                input.capacity = Some(1 << 30);
                input.shard_bits = Some(1);
            }),
            "the filter of 8589934592 cells does not fit into 2 shards of 64 MiB: use fewer cells per record or more shard bits",
        ),
    ] {
        assert_eq!(got, expected);
    }
}

#[test]
fn a_national_list_gets_shards() {
    let plan = Plan::compute(&PlanInput::new(17_000_000, 204_800_000, 50)).unwrap();
    let Suggested { shard_bits, bucket_bits, .. } = plan.suggested;
    assert_eq!(shard_bits, 3, "17 MB in shards of at most 4 MiB");
    assert!(deniability::bucket_bits_allowed(204_800_000, bucket_bits, shard_bits, 1000));
    // Shards and floor leave no more bits, so that responses get longer than the target.
    assert_eq!(bucket_bits, most_bucket_bits(204_800_000, shard_bits, 1000));
    assert!(plan.bucket.keeps_floor && plan.bucket.response_bytes.is_some_and(|bytes| bytes > RESPONSE_TARGET_BYTES));
}

#[test]
fn the_smallest_lists_have_figures_too() {
    for (records, population) in [(1, 2_000), (1, 3), (25, 300), (40, 3_000)] {
        let plan = Plan::compute(&PlanInput::new(records, population, 50)).unwrap();
        assert!(plan.promise.noise >= 64 && plan.bucket.response_bytes.is_some(), "{plan:?}");
        let json = serde_json::to_value(&plan).unwrap();
        fn no_null_numbers(value: &serde_json::Value, path: &str) {
            match value {
                // serde_json writes a number that is none as null.
                serde_json::Value::Null => assert!(path.ends_with("one_area"), "{path}"),
                serde_json::Value::Array(list) => {
                    list.iter().enumerate().for_each(|(i, v)| no_null_numbers(v, &format!("{path}/{i}")))
                }
                serde_json::Value::Object(map) => {
                    map.iter().for_each(|(k, v)| no_null_numbers(v, &format!("{path}/{k}")))
                }
                _ => {}
            }
        }
        no_null_numbers(&json, "");
    }
}

#[test]
fn intersections_need_something_to_intersect() {
    let one = GenerationFigures { cells: 8 * RECORDS, noise: 486_582, members: RECORDS };
    assert_eq!(intersection(RECORDS, POPULATION, &[]), None);
    assert_eq!(intersection(0, POPULATION, &[one]), None);
    assert_eq!(intersection(POPULATION, POPULATION, &[one]), None);
    prints(intersection(RECORDS, POPULATION, &[one]).unwrap().alone, 5, "0.50000");
}
