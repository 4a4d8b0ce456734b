//! Timing and printing.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// Bytes of a megabyte, as the goals count.
pub(crate) const MB: f64 = 1e6;

/// One line a figure.
pub(crate) fn figure(name: &str, value: impl Display, unit: &str, goal: &str) {
    println!("figure {name} {value} {unit} goal {goal}");
}

/// The time of one call, over `rounds` rounds that interleave all candidates, so that a slow moment of the machine falls on
/// all of them. A round calls each `repeat` times. What is returned is the lowest decile: a longer call is interrupted more
/// often by other programs than a short one, and a median would count that against it.
pub(crate) fn interleaved<const N: usize>(
    rounds: usize,
    repeat: u32,
    mut candidates: [Box<dyn FnMut() + '_>; N],
) -> [Duration; N] {
    let mut times: [Vec<Duration>; N] = std::array::from_fn(|_| Vec::with_capacity(rounds));
    for _ in 0..rounds {
        for (candidate, times) in candidates.iter_mut().zip(&mut times) {
            let start = Instant::now();
            for _ in 0..repeat {
                candidate();
            }
            times.push(start.elapsed() / repeat);
        }
    }
    times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 10]
    })
}

/// Microseconds, with one decimal.
pub(crate) fn micros(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e6)
}
