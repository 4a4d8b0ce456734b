//! An evidence file is written as it was read; and whatever is in one, nobody who is listed by it is shown as not listed.
#![no_main]
use std::sync::OnceLock;

use ceknik_core::evidence::{EvidenceFile, Finding, Terms, examine};
use ceknik_core::log::Policy;
use ceknik_core::{Nik, Stretched, Stretcher};

/// Of the log of the vectors, whose key signs nothing else that the input may have.
const POLICY: &str = "log ceknik.example.org/log+24fee88d+AQNdchKoUkqT8roh+SDa/ne41NU4wi53PTExzgFar/Fq\nquorum none\n";

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    static POLICY_AND_NIK: OnceLock<(Policy, Nik)> = OnceLock::new();
    static STRETCHED: OnceLock<Stretched> = OnceLock::new();
    if let Ok(file) = EvidenceFile::parse(bytes) {
        assert_eq!(&file.to_bytes()[..], bytes);
    }
    let (policy, nik) = POLICY_AND_NIK.get_or_init(|| {
        // The person of the first file of `tests/vectors/evidence.json`.
        (Policy::parse(POLICY.as_bytes()).expect("a policy"), Nik::parse("3171011708909900").expect("16 digits"))
    });
    let Ok(examination) = examine(bytes, &Terms { policy, dataset: None, accept_weak: false }) else { return };
    // Salts differ from list to list, and the first that is met is that of the seeds.
    let stretched = STRETCHED.get_or_init(|| {
        let stretch = examination.stretch();
        Stretcher::new(stretch.cost, stretch.salt).and_then(|mut stretcher| stretcher.stretch(nik)).expect("a stretch")
    });
    assert!(!matches!(examination.conclude(stretched).finding, Finding::NotListed));
});
