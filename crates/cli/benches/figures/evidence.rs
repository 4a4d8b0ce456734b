//! How long an evidence file is, and how long it takes to verify beside its Argon2.

use std::hint::black_box;
use std::time::Duration;

use ceknik_client::{Client, ClientConfig, Inquiry, Settings};
use ceknik_core::evidence::{Terms, Verdict, examine};
use ceknik_core::log::Policy;
use ceknik_core::manifest::Id;
use ceknik_core::{Stretched, Stretcher};

use crate::measure::{figure, interleaved};
use crate::press::{DATASET, Press, first_nik};

/// As many records share a bucket as of Jakarta's list, give or take, and they are longer: 192 bytes of payload for its 96.
const ROWS: u64 = 40_000;
/// Jakarta's list: its filter has 677,110 bytes.
const CAPACITY: u64 = 677_065;
const ROUNDS: usize = 60;
/// What the buckets of the specification's manifest have.
const SPECIFIED_RESPONSE: usize = 57_344;

pub(crate) fn run() {
    // The filter of one, the buckets of the other: no list of both is imported in a bench's time.
    for (name, capacity, rows) in [("evidence", ROWS, ROWS), ("evidence-large-filter", CAPACITY, 200)] {
        let press = Press::new(capacity, true);
        let list = press.sample(rows);
        press.import(&list);
        press.publish();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let client = Client::new(ClientConfig::new(press.serve(&runtime)));
        let nik = first_nik(&list);
        let policy = Policy::parse(&std::fs::read(press.path("public/policy")).unwrap()).unwrap();
        let settings = Settings { evidence: true, accept_weak: true, ..Settings::default() };
        let file = loop {
            let inquiry = Inquiry {
                dataset: Id::new(DATASET).unwrap(),
                niks: vec![nik.clone()],
                policy: Some(policy.clone()),
                settings,
            };
            let report = runtime.block_on(client.check(inquiry, &mut ())).unwrap();
            if let Some(file) = report.outcomes.into_iter().next().and_then(|outcome| outcome.evidence) {
                break file.to_bytes();
            }
            // The service is not up yet.
            std::thread::sleep(Duration::from_millis(50));
        };

        let terms = Terms { policy: &policy, dataset: None, accept_weak: true };
        let examination = examine(&file, &terms).unwrap();
        let buckets = examination.list().manifest().buckets.geometry;
        let stretch = examination.stretch().clone();
        let stretched: Stretched = Stretcher::new(stretch.cost, stretch.salt).unwrap().stretch(&nik).unwrap();
        let verify = || {
            let verdict: Verdict = examine(black_box(&file), &terms).unwrap().conclude(&stretched);
            assert_eq!(verdict.code(), "listed");
        };
        let [time] = interleaved(ROUNDS, 1, [Box::new(verify) as Box<dyn FnMut()>]);
        let response = buckets.response_bytes() as usize;
        // Base64 makes four bytes of three.
        let specified = file.len() + (SPECIFIED_RESPONSE * 4).div_ceil(3) - (response * 4).div_ceil(3);
        println!(
            "{} records, {} buckets of {response} bytes: a file of {} bytes; {specified} with a bucket of {SPECIFIED_RESPONSE}",
            press.records(),
            buckets.count(),
            file.len()
        );
        figure(&format!("{name}-size"), format!("{:.1}", specified.max(file.len()) as f64 / 1e3), "KB", "<200");
        figure(
            &format!("{name}-verification"),
            format!("{:.2}", time.as_secs_f64() * 1e3),
            "ms-beyond-argon2",
            "<1000",
        );
    }
}
