use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

use super::*;

/// Newly set cells, thrown as the formula says that they fall.
fn thrown(growth: &CellGrowth, rng: &mut ChaCha20Rng) -> u64 {
    let CellGrowth { cells, set_before, noise_before, noise_added, members_added } = *growth;
    // Which cells are set does not matter: the first ones, those of noise before the others.
    let mut set: Vec<bool> = (0..cells).map(|cell| cell < set_before).collect();
    let mut noise: Vec<bool> = (0..cells).map(|cell| cell < noise_before).collect();
    let mut newly_set = 0;
    let mut drawn = 0;
    while drawn < noise_added {
        let cell = (rng.next_u64() % cells) as usize;
        if !std::mem::replace(&mut noise[cell], true) {
            drawn += 1;
            newly_set += u64::from(!std::mem::replace(&mut set[cell], true));
        }
    }
    for _ in 0..members_added {
        let cell = (rng.next_u64() % cells) as usize;
        newly_set += u64::from(!std::mem::replace(&mut set[cell], true));
    }
    newly_set
}

#[test]
fn filters_that_are_thrown_lie_where_they_are_expected() {
    const ROUNDS: u64 = 4000;
    let whole = CellGrowth::whole;
    let later = |set_before, noise_before, noise_added, members_added| CellGrowth {
        cells: 2000,
        set_before,
        noise_before,
        noise_added,
        members_added,
    };
    let mut rng = ChaCha20Rng::seed_from_u64(11);
    for growth in [
        whole(2000, 250, 180),
        whole(2000, 3, 64),
        whole(2000, 3000, 900),
        whole(800, 0, 64),
        whole(100, 20, 0),
        later(420, 180, 64, 1),
        later(420, 180, 64, 40),
        later(1200, 700, 200, 300),
        later(180, 180, 64, 5),
        later(420, 180, 0, 10),
    ] {
        let interval = growth.expected().unwrap();
        let counts: Vec<u64> = (0..ROUNDS).map(|_| thrown(&growth, &mut rng)).collect();
        let mean = counts.iter().sum::<u64>() as f64 / ROUNDS as f64;
        let variance = counts.iter().map(|count| (*count as f64 - mean).powi(2)).sum::<f64>() / (ROUNDS - 1) as f64;
        // Five standard errors of a mean; of a variance the relative one is about the root of 2 / rounds.
        let error = 5.0 * interval.deviation / (ROUNDS as f64).sqrt();
        assert!((mean - interval.expected).abs() <= error + 1e-9, "{growth:?}: {mean}, {interval:?}");
        let (want, relative) = (interval.deviation.powi(2), 6.0 * (2.0 / ROUNDS as f64).sqrt());
        // The variance of something rare is known less well.
        assert!((variance - want).abs() <= relative * want + 0.02, "{growth:?}: {variance}, {interval:?}");
        let outside = counts.iter().filter(|count| interval.place(**count) != Place::Within).count();
        // Four are expected; 16 or more come once in some hundred thousand runs.
        assert!(outside < 16, "{growth:?}: {outside} outside of {interval:?}");
        // And the interval is no wider than it must be: one step in on either side is left by more than the tails.
        let narrower =
            counts.iter().filter(|count| (interval.low + 8..interval.high.saturating_sub(8)).contains(count));
        if interval.deviation > 4.0 {
            assert!(narrower.count() < counts.len() - 4, "{growth:?}: {interval:?}");
        }
    }
}

#[test]
fn both_ways_to_an_interval_agree() {
    for growth in [
        CellGrowth::whole(65_536, 9000, 5000),
        CellGrowth { cells: 65_536, set_before: 12_000, noise_before: 4000, noise_added: 3000, members_added: 2500 },
    ] {
        let interval = growth.expected().unwrap();
        for (tails, deviations, apart) in
            [(INTERVAL_TAILS, INTERVAL_DEVIATIONS, 3.0), (WIDE_TAILS, WIDE_DEVIATIONS, 6.0)]
        {
            let (low, high) = growth.exact_bounds(tails);
            let reach = deviations * interval.deviation;
            for (exact, normal) in [(low, interval.expected - reach), (high, interval.expected + reach)] {
                assert!((exact as f64 - normal).abs() < apart, "{growth:?}: {exact} {normal}");
            }
        }
    }
}

#[test]
fn nothing_added_sets_nothing() {
    let renewal = CellGrowth { cells: 65_536, set_before: 4000, noise_before: 3000, noise_added: 0, members_added: 0 };
    assert_eq!(renewal.expected().unwrap(), Interval { expected: 0.0, deviation: 0.0, low: 0, high: 0 });
    assert_eq!(renewal.expected().unwrap().place(1), Place::Above);
    assert_eq!(renewal.expected_widely(), renewal.expected(), "there is no chance in it");
}

#[test]
fn jakarta() {
    // docs/spec.md, step 8.
    let growth = CellGrowth::whole(8 * 677_065, 677_065, 486_582);
    let interval = growth.expected().unwrap();
    // In 60 decimal digits: N - (N - c) (1 - 1/N)^A, and the variance above.
    assert!((interval.expected - 1_065_865.035_3).abs() < 0.001, "{interval:?}");
    assert!((interval.deviation - 272.761_8).abs() < 0.001, "{interval:?}");
    assert_eq!(interval.place(interval.expected as u64), Place::Within);
    let noise = growth.noise_from(interval.expected.round() as u64).unwrap();
    assert!((noise - 486_582.0).abs() < 1.0, "{noise}");
    // A thousand people who are missing, or as much noise, are noticed.
    assert_eq!(interval.place(interval.expected as u64 - 950), Place::Below);
    assert_eq!(interval.place(interval.expected as u64 + 950), Place::Above);
    // Beyond some 1,330 it is no chance.
    let wide = growth.expected_widely().unwrap();
    assert_eq!((wide.expected, wide.deviation), (interval.expected, interval.deviation));
    assert!((wide.high as f64 - wide.expected - 4.891_638 * wide.deviation).abs() < 1.0, "{wide:?}");
    assert!((wide.expected - wide.low as f64 - 4.891_638 * wide.deviation).abs() < 1.0, "{wide:?}");
}

#[test]
fn figures_of_no_filter_have_no_expectation() {
    let of = |cells, set_before, noise_before, noise_added| {
        CellGrowth { cells, set_before, noise_before, noise_added, members_added: 1 }.expected()
    };
    assert_eq!(of(0, 0, 0, 0), None);
    assert_eq!(of(10, 11, 0, 0), None);
    assert_eq!(of(10, 5, 6, 0), None);
    assert_eq!(of(10, 5, 5, 6), None);
    assert!(of(10, 5, 5, 5).is_some());
}
