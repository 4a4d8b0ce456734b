//! Whatever a service answers that knows no key of a log, a lookup ends, soon, without an answer that could be believed.
#![no_main]
use ceknik_client::{Action, Answer, Cached, Event, Inquiry, Lookup, Response, Settings, StretchWorker, TransportFailure};
use ceknik_core::log::Policy;
use ceknik_core::manifest::Id;
use ceknik_core::time::Timestamp;
use ceknik_core::{CoverSecret, Nik};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

/// Of a log whose key the input does not sign with.
const POLICY: &str = "log ceknik.example.org/log+24fee88d+AQNdchKoUkqT8roh+SDa/ne41NU4wi53PTExzgFar/Fq\nquorum none\n";

libfuzzer_sys::fuzz_target!(|input: (bool, Vec<(u16, Option<u64>, Vec<u8>)>)| {
    let (given, responses) = input;
    let mut responses = responses.into_iter();
    let now = Timestamp::parse("2026-11-22T09:00:00Z").expect("a time");
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let policy = given.then(|| Policy::parse(POLICY.as_bytes()).expect("a policy"));
    let inquiry = Inquiry {
        dataset: Id::new("jakarta-2024").expect("an id"),
        niks: vec![Nik::parse("3171011708909001").expect("16 digits")],
        policy,
        settings: Settings { accept_weak: true, ..Settings::default() },
    };
    let cached = Cached { cover_secret: Some(CoverSecret::from_bytes([2; 32])), ..Cached::default() };
    let mut lookup = Lookup::new(inquiry, cached, now, &mut rng);
    let mut worker = StretchWorker::new();
    for _ in 0..5_000 {
        let event = match lookup.next_action().expect("a lookup waits for something until it is done") {
            Action::Fetch(request) => {
                let ticket = request.ticket;
                let response = match responses.next() {
                    Some((0, ..)) => Response::Failed(TransportFailure::TimedOut),
                    Some((status, retry_after, body)) => Response::Received { status: status % 600, retry_after, body },
                    None => Response::Failed(TransportFailure::Unreachable),
                };
                Event::Responded { ticket, response }
            }
            Action::Stretch(job) => Event::Stretched { ticket: job.ticket(), result: worker.run(&job) },
            Action::Load { ticket, .. } => Event::Loaded { ticket, file: None },
            Action::Wait { ticket, .. } => Event::Woke { ticket },
            Action::Store(_) | Action::Progress(_) => continue,
            Action::Done(report) => {
                assert!(report.list.is_none());
                assert!(matches!(report.outcomes[0].answer, Answer::NoAnswer(_)));
                return;
            }
        };
        lookup.handle(event, now, &mut rng);
    }
    panic!("the lookup does not end");
});
