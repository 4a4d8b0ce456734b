//! Publishing a million records.

use std::thread;

use crate::measure::{MB, figure};
use crate::press::Press;

const RECORDS: u64 = 1_000_000;
/// Some rows of a sample repeat a person.
const ROWS: u64 = 1_060_000;

pub(crate) fn run() {
    let press = Press::new(ROWS, true);
    let imported = press.import(&press.sample(ROWS));
    println!("import of {ROWS} rows, weak stretch: {:.1} s", imported.time.as_secs_f64());
    let took = press.publish();
    let records = press.records();
    assert!(records >= RECORDS, "{records} records of {ROWS} rows");
    let cores = thread::available_parallelism().unwrap();
    println!("publication of {records} records on {cores} cores");
    figure("publish-1m-time", format!("{:.1}", took.time.as_secs_f64()), "s", "<60");
    figure("publish-1m-memory", format!("{:.0}", took.memory as f64 / MB), "MB", "<500");
}
