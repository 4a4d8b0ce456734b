//! Publishing a million records.

use crate::measure::figure;
use crate::press::Press;

const RECORDS: u64 = 1_000_000;

pub(crate) fn run() {
    let press = Press::new(RECORDS, true);
    let list = press.sample(RECORDS);
    let imported = press.import(&list);
    println!("import of {RECORDS} rows, weak stretch: {:.1} s", imported.time.as_secs_f64());
    let took = press.publish();
    figure("publish-1m-time", format!("{:.1}", took.time.as_secs_f64()), "s", "<60");
    figure("publish-1m-memory", took.memory / 1_048_576, "MiB", "<500");
}
