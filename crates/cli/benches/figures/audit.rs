//! An audit of an epoch of 677,000 records, from the real service on this machine: its time and its memory.

use std::net::TcpListener;

use ceknikd::Config;

use crate::measure::{MB, figure};
use crate::press::Press;

const RECORDS: u64 = 677_000;
/// Some rows of a sample repeat a person.
const ROWS: u64 = 720_000;

pub(crate) fn run() {
    let press = Press::new(ROWS, true);
    press.import(&press.sample(ROWS));
    press.publish();
    let records = press.records();
    assert!(records >= RECORDS, "{records} records of {ROWS} rows");

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let url = format!("http://{address}");
    let config = Config::new(press.path("public"), press.path("keys/oprf"), press.path("state"));
    runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        ceknikd::run(listener, config, std::future::pending()).await.unwrap();
    });
    let policy = press.path("public/policy");
    let arguments = ["audit", &url, "--accept-weak", "--policy", policy.to_str().unwrap()];
    let took = press.run(&arguments);
    println!(
        "audit of {records} records: {:.1} s, {:.1} MB, the service on the same cores",
        took.time.as_secs_f64(),
        took.memory as f64 / MB
    );
    figure("audit-time", format!("{:.1}", took.time.as_secs_f64()), "s", "<60");
    figure("audit-memory", format!("{:.0}", took.memory as f64 / MB), "MB", "<300");
}
