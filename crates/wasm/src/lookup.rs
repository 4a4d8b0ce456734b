//! The state machine, by tickets.

use ceknik_client::{Action, Event, Item, Response, Ticket, TransportFailure, parse_retry_after};
use ceknik_core::StretchError;
use ceknik_core::encoding::hex;
use rand_core::CryptoRngCore;
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

use crate::error::Refusal;
use crate::forms;
use crate::inquiry::timestamp;
use crate::random::BrowserRandom;
use crate::stretcher::read_result;

/// One lookup ([`ceknik_client::Lookup`]). Times are in milliseconds since 1970.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Lookup {
    lookup: ceknik_client::Lookup,
    /// What the latest action holds of bytes.
    parts: Vec<Zeroizing<Vec<u8>>>,
}

#[wasm_bindgen]
impl Lookup {
    /// What to do next, as JSON; none when an event must come first, or after the end.
    #[wasm_bindgen(js_name = nextAction)]
    pub fn next_action(&mut self) -> Option<String> {
        self.parts.clear();
        let action = self.lookup.next_action()?;
        Some(self.write(action))
    }

    /// The next part of the latest action: of `stretch` the job, of `store` what is to be kept (a list's manifest, then its
    /// proof), of `done` the manifest and the policy.
    #[wasm_bindgen(js_name = takePart)]
    pub fn take_part(&mut self) -> Option<Vec<u8>> {
        if self.parts.is_empty() { None } else { Some(std::mem::take(&mut *self.parts.remove(0))) }
    }

    /// A response came. `retry_after` is that header, as it stands.
    ///
    /// # Errors
    /// [`Refusal`] when the clock is not set.
    pub fn responded(
        &mut self,
        ticket: u32,
        status: u16,
        retry_after: Option<String>,
        body: Vec<u8>,
        now: f64,
    ) -> Result<(), Refusal> {
        let retry_after = retry_after.as_deref().and_then(parse_retry_after);
        self.respond(ticket, Response::Received { status, retry_after, body }, now)
    }

    /// A success had more bytes than it may have.
    ///
    /// # Errors
    /// As [`Lookup::responded`].
    #[wasm_bindgen(js_name = respondedTooLong)]
    pub fn responded_too_long(&mut self, ticket: u32, now: f64) -> Result<(), Refusal> {
        self.respond(ticket, Response::TooLong, now)
    }

    /// No response came: `unreachable`, `timed_out`, or else it was interrupted.
    ///
    /// # Errors
    /// As [`Lookup::responded`].
    #[wasm_bindgen(js_name = requestFailed)]
    pub fn request_failed(&mut self, ticket: u32, how: &str, now: f64) -> Result<(), Refusal> {
        let failure = match how {
            "unreachable" => TransportFailure::Unreachable,
            "timed_out" => TransportFailure::TimedOut,
            _ => TransportFailure::Interrupted,
        };
        self.respond(ticket, Response::Failed(failure), now)
    }

    /// A job was done: what [`Stretcher::run`](crate::Stretcher::run) gave.
    ///
    /// # Errors
    /// As [`Lookup::responded`].
    pub fn stretched(&mut self, ticket: u32, result: Vec<u8>, now: f64) -> Result<(), Refusal> {
        let result = read_result(&Zeroizing::new(result));
        self.handle(Event::Stretched { ticket: Ticket::from_number(ticket), result }, now, &mut BrowserRandom)
    }

    /// The memory for a job could not be had.
    ///
    /// # Errors
    /// As [`Lookup::responded`].
    #[wasm_bindgen(js_name = stretchedWithoutMemory)]
    pub fn stretched_without_memory(&mut self, ticket: u32, memory_kib: u32, now: f64) -> Result<(), Refusal> {
        let result = Err(StretchError::Memory { memory_kib });
        self.handle(Event::Stretched { ticket: Ticket::from_number(ticket), result }, now, &mut BrowserRandom)
    }

    /// A shard was looked for in storage; none when it is not there.
    ///
    /// # Errors
    /// As [`Lookup::responded`].
    pub fn loaded(&mut self, ticket: u32, file: Option<Vec<u8>>, now: f64) -> Result<(), Refusal> {
        self.handle(Event::Loaded { ticket: Ticket::from_number(ticket), file }, now, &mut BrowserRandom)
    }

    /// A wait is over.
    ///
    /// # Errors
    /// As [`Lookup::responded`].
    pub fn woke(&mut self, ticket: u32, now: f64) -> Result<(), Refusal> {
        self.handle(Event::Woke { ticket: Ticket::from_number(ticket) }, now, &mut BrowserRandom)
    }
}

impl Lookup {
    pub(crate) fn new(lookup: ceknik_client::Lookup) -> Self {
        Self { lookup, parts: Vec::new() }
    }

    fn respond(&mut self, ticket: u32, response: Response, now: f64) -> Result<(), Refusal> {
        self.handle(Event::Responded { ticket: Ticket::from_number(ticket), response }, now, &mut BrowserRandom)
    }

    pub(crate) fn handle(&mut self, event: Event, now: f64, rng: &mut impl CryptoRngCore) -> Result<(), Refusal> {
        self.lookup.handle(event, timestamp(now)?, rng);
        Ok(())
    }

    fn write(&mut self, action: Action) -> String {
        match action {
            Action::Fetch(request) => forms::action("fetch", |json| forms::write_fetch(json, &request)),
            Action::Stretch(job) => {
                self.parts.push(job.expose_bytes());
                forms::action("stretch", |json| {
                    json.member_number("ticket", job.ticket().number().into());
                    json.member_number("memoryKib", job.cost().memory_kib.into());
                })
            }
            Action::Load { ticket, sha256 } => forms::action("load", |json| {
                json.member_number("ticket", ticket.number().into());
                json.member("sha256", &hex(&sha256));
            }),
            Action::Store(item) => self.write_item(item),
            Action::Wait { ticket, milliseconds } => forms::action("wait", |json| {
                json.member_number("ticket", ticket.number().into());
                json.member_number("milliseconds", milliseconds);
            }),
            Action::Progress(progress) => forms::action("progress", |json| forms::write_progress(json, progress)),
            Action::Done(report) => {
                if let Some(list) = &report.list {
                    self.parts.push(Zeroizing::new(list.as_bytes().to_vec()));
                }
                if let Some(trust) = &report.trust {
                    self.parts.push(Zeroizing::new(trust.policy.to_bytes()));
                }
                forms::action("done", |json| forms::write_report(json, &report))
            }
        }
    }

    fn write_item(&mut self, item: Item) -> String {
        let (name, log, sha256, part) = match item {
            Item::Policy(policy) => ("policy", None, None, policy),
            Item::List { log, list } => {
                self.parts.push(Zeroizing::new(list.manifest));
                ("list", Some(log), None, list.proof)
            }
            Item::Checkpoint { log, checkpoint } => ("checkpoint", Some(log), None, checkpoint),
            Item::Shard { log, sha256, file } => ("shard", Some(log), Some(hex(&sha256)), file),
        };
        self.parts.push(Zeroizing::new(part));
        forms::action("store", |json| {
            json.member("item", name);
            json.name("log").maybe_text(log.as_deref());
            json.name("sha256").maybe_text(sha256.as_deref());
        })
    }
}
