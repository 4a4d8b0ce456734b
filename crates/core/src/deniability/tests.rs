use proptest::prelude::*;

use super::*;

const JAKARTA: (u64, u64) = (677_065, 8_214_007);

#[test]
fn jakarta_is_as_the_design_computed_it() {
    let (members, population) = JAKARTA;
    let promise = Promise::new(population, 50, 8 * 677_065).unwrap();
    let noise = promise.first_noise(members).unwrap();
    assert_eq!(noise, 486_582);
    assert_eq!(odds_factor(8 * 677_065, noise), 11.1);
    assert_eq!(epoch_odds_factor(8 * 677_065, 0, noise), Some(11.1));
    assert_eq!(people_per_bucket(population, 11, 0), 4010);
    let base_rate = members as f64 / population as f64;
    let share = promise.noise_share(members).unwrap();
    for (sharing, expected) in [(1, 0.500), (2, 0.353), (3, 0.278)] {
        assert!((posterior_sharing(base_rate, share, sharing) - expected).abs() < 0.001, "{sharing}");
    }
    assert!((posterior(base_rate, 1.0 / share) - 0.5).abs() < 1e-9);
}

#[test]
fn additions() {
    let promise = Promise::new(821_400, 50, 541_648).unwrap();
    assert_eq!(promise.added_noise(1000, 1000), Ok(0));
    assert_eq!(promise.added_noise(1000, 999), Ok(0));
    assert_eq!(promise.added_noise(1000, 1001), Ok(LEAST_NOISE));
    assert_eq!(promise.first_noise(0), Ok(LEAST_NOISE));
    assert_eq!(epoch_odds_factor(541_648, 1000, 0), None);
}

#[test]
fn the_base_rate_bounds_the_promise() {
    let promise = Promise::new(1000, 50, 65_536).unwrap();
    assert!(promise.first_noise(499).is_ok());
    let refused = PromiseError::BaseRate { members: 500, population: 1000, posterior_percent: 50 };
    assert_eq!(promise.first_noise(500), Err(refused));
    assert!(promise.added_noise(10, 1001).is_err() && promise.noise_share(1000).is_err());
    for (population, percent, cells, what) in [
        (0, 50, 10, "population"),
        (MOST_PEOPLE + 1, 50, 10, "population"),
        (10, 0, 10, "posterior_percent"),
        (10, 100, 10, "posterior_percent"),
        (10, 50, 0, "cells"),
        (10, 50, MOST_CELLS + 1, "cells"),
    ] {
        assert_eq!(Promise::new(population, percent, cells).unwrap_err(), PromiseError::Bounds { what });
    }
}

#[test]
fn factors_have_three_digits() {
    assert_eq!(odds_factor(65_536, 64), 1020.0);
    assert_eq!(odds_factor(1000, 7), 143.0);
    assert_eq!(odds_factor(100_000, 99_999), 1.0);
    // Ties go up, as nobody's formatting of doubles can be trusted to.
    for (cells, noise, factor) in [(98, 8, 12.3), (9995, 1000, 10.0), (1125, 1000, 1.13), (99_950, 1000, 100.0)] {
        assert_eq!(odds_factor(cells, noise), factor, "{cells}/{noise}");
    }
    assert_eq!(epoch_odds_factor(541_648, 48_656, 785), Some(628.0));
}

#[test]
fn floors() {
    assert_eq!(people_for_floor(1000).round(), 1158.0);
    assert!(bucket_bits_allowed(10, 0, 0, 1000), "one bucket is always allowed");
    assert!(bucket_bits_allowed(8_214_007, 12, 0, 1000) && !bucket_bits_allowed(8_214_007, 13, 0, 1000));
    assert!(bucket_bits_allowed(8_214_007, 10, 2, 1000) && !bucket_bits_allowed(8_214_007, 11, 2, 1000));
    assert_eq!(people_per_bucket(1, 255, 255), 0);
}

proptest! {
    /// The exact arithmetic is the formula's, rounded up.
    #[test]
    fn noise_is_the_formulas(population in 2u64..1 << 36, percent in 1u8..=99, cells in 65_536u64..1 << 40, share in 0.0f64..0.99) {
        let members = (population as f64 * f64::from(percent) / 100.0 * share) as u64;
        let promise = Promise::new(population, percent, cells).unwrap();
        let noise = promise.first_noise(members).unwrap() as f64;
        let formula = (cells as f64 * promise.noise_share(members).unwrap()).max(64.0);
        prop_assert!(noise >= formula * (1.0 - 1e-9) && noise <= formula * (1.0 + 1e-9) + 1.0);
    }

    /// The factor is the double nearest to a number of three digits, however large or small.
    #[test]
    fn a_factor_is_what_its_three_digits_read_as(n in 1u64.., d in 1u64.., shift in 0u32..64, other in 0u32..64) {
        let factor = odds_factor((n >> shift).max(1), (d >> other).max(1));
        prop_assert_eq!(format!("{factor:.2e}").parse(), Ok(factor));
        let exact = (n >> shift).max(1) as f64 / (d >> other).max(1) as f64;
        prop_assert!((factor / exact - 1.0).abs() <= 0.005 + 1e-9, "{factor} for {exact}");
    }

    /// However the members come in, the noise is at least what it would be had all come at once.
    #[test]
    fn steps_never_lose_noise(population in 1000u64..10_000_000, percent in 10u8..=90, steps in prop::collection::vec(1u64..1000, 1..20)) {
        let promise = Promise::new(population, percent, 1 << 22).unwrap();
        let (mut members, mut noise) = (0, 0);
        for (i, step) in steps.into_iter().enumerate() {
            let after = members + step;
            let added = if i == 0 { promise.first_noise(after) } else { promise.added_noise(members, after) };
            let Ok(added) = added else { break };
            noise += added;
            members = after;
            prop_assert!(noise >= promise.first_noise(members).unwrap());
        }
    }
}
