//! What a lookup waits for: requests with their retries, and jobs of the driver.
//!
//! Retries are the same whatever a request is for and whoever it is for, so that they tell nothing.

use std::collections::VecDeque;

use ceknik_core::time::Timestamp;
use rand_core::CryptoRngCore;

use crate::exchange::{Exchange, Method, Request, Response, Ticket};
use crate::failure::Failure;
use crate::lookup::{Action, Progress};

/// Most times that a request is made.
const MOST_ATTEMPTS: u32 = 4;
/// Most times that a mirror is asked for the same: after it come others.
const MOST_ATTEMPTS_AT_A_MIRROR: u32 = 2;
/// First wait where the service names none, in milliseconds; it doubles with every attempt.
const FIRST_BACKOFF_MS: u64 = 500;
/// Least wait where the service names one, in milliseconds: "0 seconds" is no wish to be asked in a loop.
const LEAST_WAIT_MS: u64 = 250;
/// Most that a wait is lengthened at random, in milliseconds.
const MOST_JITTER_MS: u64 = 2000;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Policy,
    Manifest,
    Proof,
    /// By its place in the plan; `full` when the full tile is asked for instead of the partial one.
    Tile {
        place: usize,
        full: bool,
    },
    /// The manifest of an earlier epoch.
    Epoch {
        number: u64,
    },
    /// `source`: the place of the mirror among those of the list, in the device's order; after the last, the service.
    Shard {
        shard: u32,
        source: usize,
    },
    /// By the place of its first element.
    Evaluate {
        place: usize,
    },
    Bucket {
        index: u32,
        source: usize,
    },
}

/// A request without its ticket.
pub(crate) type Draft = Request;

struct Fetch {
    purpose: Purpose,
    request: Request,
    /// Place among the exchanges.
    exchange: usize,
    attempts: u32,
    waited_ms: u64,
}

enum Pending {
    Reply(Fetch),
    Wait(Fetch),
    Stretch { subject: usize },
    Load { shard: u32 },
}

/// Something that was waited for.
pub(crate) enum Arrival {
    Reply {
        purpose: Purpose,
        reply: Result<Vec<u8>, Failure>,
    },
    /// A request with a body is to be made again, with a body of its own: [`Wire::resend`].
    Rebuild {
        purpose: Purpose,
        retry: Retry,
    },
}

/// A request that is to be made again.
pub(crate) struct Retry(Fetch);

/// Tickets, queue of actions, list of exchanges.
pub(crate) struct Wire {
    next: u32,
    /// A few: each request, job and wait under its own ticket.
    pending: Vec<(Ticket, Pending)>,
    actions: VecDeque<Action>,
    pub(crate) exchanges: Vec<Exchange>,
    patience_ms: u64,
    pub(crate) now: Timestamp,
}

impl Wire {
    pub(crate) fn new(patience_seconds: u32, now: Timestamp) -> Self {
        Self {
            next: 0,
            pending: Vec::new(),
            actions: VecDeque::new(),
            exchanges: Vec::new(),
            patience_ms: u64::from(patience_seconds) * 1000,
            now,
        }
    }

    fn ticket(&mut self) -> Ticket {
        let ticket = Ticket::from_number(self.next);
        self.next = self.next.wrapping_add(1);
        ticket
    }

    pub(crate) fn push(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    pub(crate) fn pop(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Makes a request.
    pub(crate) fn fetch(&mut self, purpose: Purpose, request: Draft) {
        self.send(Fetch { purpose, request, exchange: 0, attempts: 0, waited_ms: 0 });
    }

    /// Makes a request again, with another body.
    pub(crate) fn resend(&mut self, retry: Retry, request: Draft) {
        self.send(Fetch { request, ..retry.0 });
    }

    fn send(&mut self, mut fetch: Fetch) {
        let ticket = self.ticket();
        fetch.request.ticket = ticket;
        fetch.attempts += 1;
        fetch.exchange = self.exchanges.len();
        self.exchanges.push(Exchange {
            at: self.now,
            method: fetch.request.method,
            mirror: fetch.request.mirror.clone(),
            path: fetch.request.path.clone(),
            body: fetch.request.body.clone(),
            tells: fetch.request.tells,
            status: None,
            received_bytes: 0,
        });
        self.push(Action::Fetch(fetch.request.clone()));
        self.pending.push((ticket, Pending::Reply(fetch)));
    }

    /// A ticket for the stretch of a subject.
    pub(crate) fn expect_stretch(&mut self, subject: usize) -> Ticket {
        let ticket = self.ticket();
        self.pending.push((ticket, Pending::Stretch { subject }));
        ticket
    }

    /// A ticket for a shard from the cache.
    pub(crate) fn expect_load(&mut self, shard: u32) -> Ticket {
        let ticket = self.ticket();
        self.pending.push((ticket, Pending::Load { shard }));
        ticket
    }

    /// What is waited for under a ticket, if it is of the kind that `wanted` says: a driver may mix them up.
    fn take(&mut self, ticket: Ticket, wanted: fn(&Pending) -> bool) -> Option<Pending> {
        let at = self.pending.iter().position(|(waited, pending)| *waited == ticket && wanted(pending))?;
        Some(self.pending.swap_remove(at).1)
    }

    /// Whose stretch a ticket is. None for tickets that are not waited for.
    pub(crate) fn take_stretch(&mut self, ticket: Ticket) -> Option<usize> {
        match self.take(ticket, |pending| matches!(pending, Pending::Stretch { .. }))? {
            Pending::Stretch { subject } => Some(subject),
            _ => None,
        }
    }

    /// Which shard a ticket is for.
    pub(crate) fn take_load(&mut self, ticket: Ticket) -> Option<u32> {
        match self.take(ticket, |pending| matches!(pending, Pending::Load { .. }))? {
            Pending::Load { shard } => Some(shard),
            _ => None,
        }
    }

    /// Takes a response in. None when the request is to be made again later, or was not waited for.
    pub(crate) fn take_response(
        &mut self,
        ticket: Ticket,
        response: Response,
        rng: &mut impl CryptoRngCore,
    ) -> Option<Arrival> {
        let reply = self.take(ticket, |pending| matches!(pending, Pending::Reply(_)));
        let Some(Pending::Reply(mut fetch)) = reply else { return None };
        let response = Self::cap(&fetch.request, response);
        if let (Some(exchange), Response::Received { status, body, .. }) =
            (self.exchanges.get_mut(fetch.exchange), &response)
        {
            exchange.status = Some(*status);
            exchange.received_bytes = body.len() as u64;
        }
        let reply = Failure::of(response);
        if let Err(Failure::Passing { reason, retry_after, .. }) = &reply
            && let Some(milliseconds) = self.next_wait(&fetch, *retry_after, rng)
        {
            self.push(Action::Progress(Progress::Waiting { milliseconds, because: *reason }));
            let ticket = self.ticket();
            self.push(Action::Wait { ticket, milliseconds });
            fetch.waited_ms += milliseconds;
            self.pending.push((ticket, Pending::Wait(fetch)));
            return None;
        }
        Some(Arrival::Reply { purpose: fetch.purpose, reply })
    }

    /// A driver that reads too much is not relied on.
    fn cap(request: &Request, response: Response) -> Response {
        match response {
            Response::Received { status, ref body, .. } if body.len() as u64 > request.most_bytes(status) => {
                Response::TooLong
            }
            response => response,
        }
    }

    /// How long to wait before the next attempt; none when there is to be none.
    fn next_wait(&self, fetch: &Fetch, retry_after: Option<u64>, rng: &mut impl CryptoRngCore) -> Option<u64> {
        let most = if fetch.request.mirror.is_some() { MOST_ATTEMPTS_AT_A_MIRROR } else { MOST_ATTEMPTS };
        if fetch.attempts >= most {
            return None;
        }
        let base = match retry_after {
            Some(seconds) => seconds.saturating_mul(1000).max(LEAST_WAIT_MS),
            None => FIRST_BACKOFF_MS << (fetch.attempts - 1),
        };
        // Spread, so that those who were turned away together do not come back together.
        let jitter = (u64::from(rng.next_u32()) * (base / 2).min(MOST_JITTER_MS)) >> 32;
        let wait = base.saturating_add(jitter);
        (fetch.waited_ms.saturating_add(wait) <= self.patience_ms).then_some(wait)
    }

    /// A wait is over: files are asked for again, requests with a body are handed back to be built anew.
    pub(crate) fn take_wake(&mut self, ticket: Ticket) -> Option<Arrival> {
        let wait = self.take(ticket, |pending| matches!(pending, Pending::Wait(_)));
        let Some(Pending::Wait(fetch)) = wait else { return None };
        match fetch.request.method {
            Method::Get => {
                self.send(fetch);
                None
            }
            Method::Post => Some(Arrival::Rebuild { purpose: fetch.purpose, retry: Retry(fetch) }),
        }
    }

    /// Waits for nothing any more: whatever comes for an old ticket is passed over, and what was to be begun is not.
    pub(crate) fn forget_all(&mut self) {
        // Newest first, so that the places of the others stay.
        for action in self.actions.iter().rev() {
            let Action::Fetch(request) = action else { continue };
            let pending = self.pending.iter().find(|(ticket, _)| *ticket == request.ticket);
            if let Some((_, Pending::Reply(fetch))) = pending {
                self.exchanges.remove(fetch.exchange);
            }
        }
        for _ in 0..self.actions.len() {
            if let Some(action @ (Action::Store(_) | Action::Progress(_))) = self.actions.pop_front() {
                self.actions.push_back(action);
            }
        }
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::lookup::Settings;

    #[test]
    fn figures_are_the_specifications() {
        let text = include_str!("../../../docs/spec.md").split_whitespace().collect::<Vec<_>>().join(" ");
        for sentence in [
            format!(
                "a request is made at most {MOST_ATTEMPTS} times, of a mirror at most {MOST_ATTEMPTS_AT_A_MIRROR} times."
            ),
            format!(
                "at least {LEAST_WAIT_MS} milliseconds, or where nothing is said for {FIRST_BACKOFF_MS} milliseconds, twice"
            ),
            format!("from none to half of it, of {} seconds at most.", MOST_JITTER_MS / 1000),
            format!("would come to more than {} seconds together", Settings::default().patience_seconds),
        ] {
            assert!(text.contains(&sentence), "not in the specification: {sentence}");
        }
    }

    /// The waits of a request that fails until it is made no more, in milliseconds.
    fn waits(retry_after: Option<u64>, rng: &mut ChaCha20Rng) -> Vec<u64> {
        let mut wire =
            Wire::new(Settings::default().patience_seconds, Timestamp::parse("2026-11-22T08:00:00Z").unwrap());
        let request = Request {
            ticket: Ticket::from_number(0),
            method: Method::Get,
            mirror: None,
            path: String::new(),
            body: None,
            max_bytes: 0,
            cache: crate::exchange::CacheMode::NoStore,
            tells: crate::exchange::Tells::PublicFile,
        };
        wire.fetch(Purpose::Manifest, request);
        let mut waits = Vec::new();
        while let Some(action) = wire.pop() {
            match action {
                Action::Fetch(request) => {
                    let response = Response::Received { status: 503, retry_after, body: Vec::new() };
                    wire.take_response(request.ticket, response, rng);
                }
                Action::Wait { ticket, milliseconds } => {
                    waits.push(milliseconds);
                    assert!(wire.take_wake(ticket).is_none());
                }
                _ => {}
            }
        }
        waits
    }

    #[test]
    fn waits_are_as_specified() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for (said, least, most) in [
            (None, [500, 1000, 2000], [750, 1500, 3000]),
            (Some(0), [250; 3], [375; 3]),
            (Some(2), [2000; 3], [3000; 3]),
            (Some(15), [15_000; 3], [17_000; 3]),
        ] {
            let (mut shortest, mut longest) = ([u64::MAX; 3], [0; 3]);
            for _ in 0..2000 {
                for (place, wait) in waits(said, &mut rng).into_iter().enumerate() {
                    shortest[place] = shortest[place].min(wait);
                    longest[place] = longest[place].max(wait);
                }
            }
            for place in 0..3 {
                let spread = most[place] - least[place];
                assert!((least[place]..least[place] + spread / 20).contains(&shortest[place]), "{said:?} {shortest:?}");
                assert!((most[place] - spread / 20..most[place]).contains(&longest[place]), "{said:?} {longest:?}");
            }
        }
        // Two waits of 30 seconds and something are over a minute.
        assert_eq!(waits(Some(30), &mut rng).len(), 1);
        assert_eq!(waits(Some(61), &mut rng), [0; 0]);
    }
}
