//! Import: its rate against the stretch alone, and its memory at several sizes.

use std::thread;
use std::time::Instant;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use ceknik_core::StretchCost;

use crate::measure::{MB, figure};
use crate::press::{Press, Took};

/// Rows at full cost: some 20 seconds on two cores.
const ROWS: u64 = 2_000;
/// Memory of the weak stretch that [`Press`] defines.
const WEAK_KIB: u32 = 8;
/// Stretches of one thread for the baseline.
const RAW: u32 = 250;

/// Argon2id a second on all cores: the crate `argon2` by itself, its memory taken once for each thread.
fn raw_rate(threads: usize) -> f64 {
    let StretchCost { memory_kib, passes, .. } = StretchCost::default();
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let params = Params::new(memory_kib, passes, 1, Some(32)).unwrap();
                let mut memory = vec![Block::default(); params.block_count()];
                let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
                for _ in 0..RAW {
                    let mut out = [0u8; 32];
                    argon2
                        .hash_password_into_with_memory(b"3171011708909001", &[7; 32], &mut out, &mut memory)
                        .unwrap();
                    std::hint::black_box(out);
                }
            });
        }
    });
    f64::from(RAW) * threads as f64 / start.elapsed().as_secs_f64()
}

/// What an import may take: the memory of a stretch for each thread, and 200 MB.
fn memory_figure(name: &str, took: &Took, threads: usize, memory_kib: u32) {
    let bound = threads as f64 * f64::from(memory_kib) * 1024.0 / MB + 200.0;
    figure(name, format!("{:.0}", took.memory as f64 / MB), "MB", &format!("<={bound:.0}"));
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
    memory_figure("import-memory", &took, threads, StretchCost::default().memory_kib);
}

pub(crate) fn memory() {
    let peak = |rows: u64| {
        let press = Press::new(rows, true);
        let took = press.import(&press.sample(rows));
        println!(
            "import of {rows} rows, weak stretch: {:.1} s, {:.1} MB",
            took.time.as_secs_f64(),
            took.memory as f64 / MB
        );
        took
    };
    let (small, large) = (peak(100_000), peak(1_000_000));
    let growth = large.memory as f64 / small.memory as f64;
    figure("import-memory-growth", format!("{growth:.3}"), "x-100k-rows", "0.90..1.10");
    let threads = thread::available_parallelism().unwrap().get();
    memory_figure("import-memory-1m", &large, threads, WEAK_KIB);
}
