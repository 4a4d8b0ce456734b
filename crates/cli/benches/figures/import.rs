//! Import: its rate against the stretch alone, and its memory at several sizes.

use std::thread;
use std::time::Instant;

use ceknik_core::{Nik, StretchCost, Stretcher};

use crate::measure::figure;
use crate::press::Press;

/// Rows at full cost: some 20 seconds on two cores.
const ROWS: u64 = 2_000;
/// Stretches of one thread for the baseline.
const RAW: u32 = 250;
const MIB: f64 = 1_048_576.0;

/// Stretches a second on all cores, by the primitive alone.
fn raw_rate(threads: usize) -> f64 {
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut stretcher = Stretcher::new(StretchCost::default(), [7; 32]).unwrap();
                let nik = Nik::parse("3171011708909001").unwrap();
                for _ in 0..RAW {
                    std::hint::black_box(stretcher.stretch(&nik).unwrap());
                }
            });
        }
    });
    f64::from(RAW) * threads as f64 / start.elapsed().as_secs_f64()
}

pub(crate) fn run() {
    let threads = thread::available_parallelism().unwrap().get();
    let press = Press::new(10_000, false);
    let list = press.sample(ROWS);
    // Before and after, so that a machine that gets slower or faster meanwhile counts on both sides.
    let before = raw_rate(threads);
    let took = press.import(&list);
    let after = raw_rate(threads);
    let rate = ROWS as f64 / took.time.as_secs_f64();
    let raw = (before + after) / 2.0;
    println!("import at full cost: {rate:.1} rows/s whole process, Argon2id alone {raw:.1}/s on {threads} threads");
    figure("import-rate", format!("{:.3}", rate / raw), "x-raw-argon2", ">=0.95");
    let bound = threads as f64 * f64::from(StretchCost::default().memory_kib) / 1024.0 + 200.0;
    figure("import-memory", format!("{:.0}", took.memory as f64 / MIB), "MiB", &format!("<={bound:.0}"));
}

pub(crate) fn memory() {
    let peak = |rows: u64| {
        let press = Press::new(rows, true);
        let took = press.import(&press.sample(rows));
        println!(
            "import of {rows} rows, weak stretch: {:.1} s, {:.1} MiB",
            took.time.as_secs_f64(),
            took.memory as f64 / MIB
        );
        took.memory as f64
    };
    let (small, large) = (peak(100_000), peak(1_000_000));
    figure("import-memory-growth", format!("{:.3}", large / small), "x-100k-rows", "0.90..1.10");
}
