//! Whatever a service answers, a lookup ends, soon; without an answer that could be believed, if the service knows no key of
//! a log, and never with "listed", for which it would have to know the list's key. Input: a byte of flags, then answers: status
//! (2 bytes), `Retry-After` (8 bytes, all ones for none), length of the body (4 bytes), body.
#![no_main]
use ceknik_client::{Action, Answer, Cached, Event, Inquiry, Lookup, Response, Settings, StretchWorker, TransportFailure};
use ceknik_core::log::Policy;
use ceknik_core::manifest::Id;
use ceknik_core::time::Timestamp;
use ceknik_core::{CoverSecret, Nik};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

/// The policy is given, and not the service's to name.
const GIVEN: u8 = 1;
/// The list is that of `tests/vectors/walk.json`, of which the input may have the signatures.
const SIGNED: u8 = 2;
/// The NIK is on that list.
const LISTED: u8 = 4;

/// Of the log of the vectors, whose key signs nothing else that the input may have.
const POLICY: &str = "log ceknik.example.org/log+24fee88d+AQNdchKoUkqT8roh+SDa/ne41NU4wi53PTExzgFar/Fq\nquorum none\n";

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((flags, mut answers)) = input.split_first() else { return };
    let (given, signed) = (flags & GIVEN != 0, flags & SIGNED != 0);
    let nik = if flags & LISTED != 0 { "3171011708909900" } else { "3171011708909001" };
    let now = Timestamp::parse("2026-11-24T12:00:00Z").expect("a time");
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let policy = given.then(|| Policy::parse(POLICY.as_bytes()).expect("a policy"));
    let inquiry = Inquiry {
        dataset: Id::new(if signed { "contoh" } else { "jakarta-2024" }).expect("an id"),
        niks: vec![Nik::parse(nik).expect("16 digits")],
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
                let response = response(&mut answers).unwrap_or(Response::Failed(TransportFailure::Unreachable));
                Event::Responded { ticket, response }
            }
            Action::Stretch(job) => Event::Stretched { ticket: job.ticket(), result: worker.run(&job) },
            Action::Load { ticket, .. } => Event::Loaded { ticket, file: None },
            Action::Wait { ticket, .. } => Event::Woke { ticket },
            Action::Store(_) | Action::Progress(_) => continue,
            Action::Done(report) => {
                let answer = &report.outcomes[0].answer;
                assert!(signed || report.list.is_none() && matches!(answer, Answer::NoAnswer(_)));
                assert!(!matches!(answer, Answer::Listed { .. }));
                return;
            }
        };
        lookup.handle(event, now, &mut rng);
    }
    panic!("the lookup does not end");
});

fn response(answers: &mut &[u8]) -> Option<Response> {
    let (status, rest) = answers.split_first_chunk()?;
    let (retry_after, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = u32::from_be_bytes(*length) as usize;
    let (body, rest) = rest.split_at(length.min(rest.len()));
    *answers = rest;
    let retry_after = Some(u64::from_be_bytes(*retry_after)).filter(|seconds| *seconds != u64::MAX);
    Some(match u16::from_be_bytes(*status) {
        0 => Response::Failed(TransportFailure::TimedOut),
        status => Response::Received { status: status % 600, retry_after, body: body.to_vec() },
    })
}
