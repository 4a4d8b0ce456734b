use ceknik_core::deniability::{
    Promise, PromiseError, bucket_bits_allowed, epoch_odds_factor, odds_factor, people_per_bucket,
};

use super::read::{error, file, list, number, small};

#[test]
fn noise() {
    for case in list(&file("promise.json")["noise"]) {
        let promise =
            Promise::new(number(&case["population"]), small(&case["posterior_percent"]), number(&case["cells"]))
                .unwrap();
        let (before, after) = (number(&case["members_before"]), number(&case["members"]));
        let added = if before == 0 { promise.first_noise(after) } else { promise.added_noise(before, after) };
        match added {
            Ok(added) => assert_eq!((Some(added), None), (case["noise_added"].as_u64(), error(case)), "{case}"),
            Err(PromiseError::BaseRate { .. }) => assert_eq!(error(case), Some("base_rate"), "{case}"),
            Err(other) => panic!("{other}: {case}"),
        }
        // From nothing on, both formulas are one.
        if before == 0 && error(case).is_none() {
            assert_eq!(promise.added_noise(0, after).ok(), case["noise_added"].as_u64());
        }
    }
}

#[test]
fn factors() {
    let file = file("promise.json");
    for case in list(&file["odds_factor"]) {
        assert_eq!(Some(odds_factor(number(&case["cells"]), number(&case["noise"]))), case["odds_factor"].as_f64());
    }
    for case in list(&file["epoch_odds_factor"]) {
        let factor =
            epoch_odds_factor(number(&case["cells"]), number(&case["noise_before"]), number(&case["noise_added"]));
        assert_eq!(factor, case["epoch_odds_factor"].as_f64(), "{case}");
    }
}

#[test]
fn buckets() {
    for case in list(&file("promise.json")["buckets"]) {
        let (population, bits, shard_bits) =
            (number(&case["population"]), small(&case["bits"]), small(&case["shard_bits"]));
        assert_eq!(people_per_bucket(population, bits, shard_bits), number(&case["people_per_bucket"]));
        let allowed = bucket_bits_allowed(population, bits, shard_bits, number(&case["floor"]));
        assert_eq!(Some(allowed), case["allowed"].as_bool(), "{case}");
    }
}
