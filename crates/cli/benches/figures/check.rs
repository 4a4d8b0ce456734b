//! What a check costs beyond Argon2: alone with a cached filter of 677,000 records, and with the confirmation.

use std::hint::black_box;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, Version};
use ceknik_client::{Answer, Cache, Client, ClientConfig, Confirm, Inquiry, Settings};
use ceknik_core::manifest::Id;

use crate::measure::{figure, interleaved};
use crate::press::{DATASET, Press, first_nik};

/// Jakarta's list: its filter has 677,110 bytes.
const CAPACITY: u64 = 677_065;
const ROWS: u64 = 200;
const ROUNDS: usize = 60;

pub(crate) fn run() {
    let press = Press::new(CAPACITY, false);
    let list = press.sample(ROWS);
    press.import(&list);
    press.publish();

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let server = press.serve(&runtime);
    let listed = first_nik(&list);
    let client = Client::new(ClientConfig::new(server).with_cache(Cache::open(press.path("cache")).unwrap()));
    let check = |settings: Settings| {
        let inquiry =
            Inquiry { dataset: Id::new(DATASET).unwrap(), niks: vec![listed.clone()], policy: None, settings };
        let report = runtime.block_on(client.check(inquiry, &mut ())).unwrap();
        report.outcomes.into_iter().next().unwrap().answer
    };
    let online = Settings { confirm: Confirm::Everyone, ..Settings::default() };
    let local = Settings { offline: true, confirm: Confirm::Never, ..Settings::default() };
    while !matches!(check(online), Answer::Listed { .. }) {
        std::thread::sleep(Duration::from_millis(50));
    }

    // As a program would call the primitive: with memory of its own for every call.
    let raw = || {
        let params = Params::new(19_456, 2, 1, Some(32)).unwrap();
        let mut out = [0u8; 32];
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon2.hash_password_into(black_box(listed.expose_digits()), &[7; 32], &mut out).unwrap();
        black_box(out);
    };
    let local_check = || assert!(matches!(check(local), Answer::Maybe { .. }));
    let confirmed_check = || assert!(matches!(check(online), Answer::Listed { .. }));
    let [raw, local, confirmed] =
        interleaved(ROUNDS, 1, [Box::new(raw) as Box<dyn FnMut()>, Box::new(local_check), Box::new(confirmed_check)]);
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "Argon2id alone {:.2} ms; local check {:.2} ms; check with confirmation {:.2} ms",
        milliseconds(raw),
        milliseconds(local),
        milliseconds(confirmed)
    );
    figure("local-check", format!("{:.2}", milliseconds(local) - milliseconds(raw)), "ms-beyond-argon2", "<=5");
    figure("confirmation", format!("{:.2}", milliseconds(confirmed) - milliseconds(raw)), "ms-beyond-argon2", "<5");
}
