//! The log's side: asks witnesses for their cosignatures on a new checkpoint, all at once, each until it answers, refuses, or the
//! time is over.
//!
//! What a witness answers is believed only if it verifies under the key that the policy names. [`Asking`] decides, without I/O;
//! the rest here makes requests as they stand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ceknik_core::encoding::decimal;
use ceknik_core::log::{KeyType, MAX_CHECKPOINT_BYTES, SignedCheckpoint, VerifierKey};
use ceknik_core::merkle::NodeHash;
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::request::AddCheckpoint;

mod http;
#[cfg(test)]
mod tests;

use http::Http;

/// How often a witness may say that it cosigned another size, before nobody believes it: once is usual, and each further time
/// another checkpoint of the log came between.
const MOST_CORRECTIONS: u32 = 3;
/// Pause before the first retry; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Longest answer read, in bytes.
const MOST_ANSWER_BYTES: usize = MAX_CHECKPOINT_BYTES;
/// Most of what a witness says that is shown, in characters.
const MOST_SHOWN: usize = 200;

/// Why there is no cosignature of a witness.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// The policy says not where it is.
    #[error("the policy has no address of it: the third item of its line")]
    NoAddress,
    /// An address that is none.
    #[error("its address {0:?} is neither https:// nor http://")]
    Address(String),
    /// A key whose cosignatures are not verified.
    #[error("its key is of type {0:#04x}, and only Ed25519 cosignatures (0x04) are verified")]
    KeyType(u8),
    /// It could not be asked in the time there was.
    #[error("it could not be reached: {0}")]
    Unreachable(String),
    /// It refuses.
    #[error("it answered {status}{}: {said}", meaning(*.status))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it says.
        said: String,
    },
    /// It cosigned a larger tree of this log.
    #[error(
        "it has cosigned {known} entries of this log, and the checkpoint has {size}: is this an old copy of the log, or was the log \
         shown with other entries?"
    )]
    Ahead {
        /// What it has cosigned.
        known: u64,
        /// What was shown to it.
        size: u64,
    },
    /// It names another size each time.
    #[error("it names another size of the log each time that it is asked")]
    Unsteady,
    /// What it answered is no cosignature.
    #[error("what it answered is no cosignature by its key: {0}")]
    BadAnswer(String),
    /// The proof that it needs cannot be made.
    #[error("the consistency proof cannot be made: {0}")]
    Proof(String),
}

fn meaning(status: u16) -> &'static str {
    match status {
        400 => " (malformed)",
        403 => " (it has another key of this log)",
        404 => " (it does not follow this log, or that is not its address)",
        413 => " (too large)",
        422 => " (what it cosigned last is not the beginning of this log: the log was forked, or rolled back)",
        _ => "",
    }
}

/// A witness to be asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its key in the policy.
    pub key: VerifierKey,
    /// Its submission prefix in the policy.
    pub url: Option<Vec<u8>>,
    /// Size of the checkpoint that it is believed to have cosigned last; 0 where nobody knows.
    pub old: u64,
}

/// What came of asking a witness.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Its place among the requests.
    pub place: usize,
    /// The checkpoint with its cosignature and no other; or why there is none.
    pub cosigned: Result<SignedCheckpoint, Failure>,
}

/// How long witnesses are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For all of them together.
    pub altogether: Duration,
    /// For one answer.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { altogether: Duration::from_secs(30), answer: Duration::from_secs(10) }
    }
}

/// Makes the proof that the tree of a size is the beginning of the checkpoint's; says why where it cannot.
pub type Prove = dyn Fn(u64) -> Result<Vec<NodeHash>, String> + Send + Sync;

/// Asks all witnesses at once. Gives an outcome for each request, in their order, after [`Patience::altogether`] at the latest;
/// once those that have answered are `enough`, no other is asked again.
///
/// The checkpoint binds the log from the moment that this is called: what it states must be on the disk.
pub async fn collect(
    checkpoint: &SignedCheckpoint,
    requests: Vec<Request>,
    prove: Arc<Prove>,
    patience: Patience,
    enough: impl Fn(&[&SignedCheckpoint]) -> bool,
) -> Vec<Asked> {
    let until = Instant::now() + patience.altogether;
    let (stop, stopped) = watch::channel(false);
    let mut asking = JoinSet::new();
    for (place, request) in requests.into_iter().enumerate() {
        let (checkpoint, prove, stopped) = (checkpoint.clone(), Arc::clone(&prove), stopped.clone());
        asking.spawn(async move {
            let cosigned = ask(checkpoint, &request, &*prove, patience, until, stopped).await;
            Asked { place, cosigned }
        });
    }
    let mut asked: BTreeMap<usize, Asked> = BTreeMap::new();
    while let Some(joined) = asking.join_next().await {
        if let Ok(outcome) = joined {
            asked.insert(outcome.place, outcome);
        }
        let cosigned: Vec<_> = asked.values().filter_map(|asked| asked.cosigned.as_ref().ok()).collect();
        if enough(&cosigned) {
            let _ = stop.send(true);
        }
    }
    asked.into_values().collect()
}

async fn ask(
    checkpoint: SignedCheckpoint,
    request: &Request,
    prove: &Prove,
    patience: Patience,
    until: Instant,
    mut stopped: watch::Receiver<bool>,
) -> Result<SignedCheckpoint, Failure> {
    if request.key.key_type() != KeyType::Ed25519Cosignature {
        return Err(Failure::KeyType(request.key.key_type().byte()));
    }
    let url = request.url.as_deref().ok_or(Failure::NoAddress)?;
    let http = Http::new(url, patience.answer)?;
    let mut asking = Asking::new(checkpoint, request.key.clone(), request.old);
    let mut pause = FIRST_PAUSE;
    let mut last = "no answer in time".to_owned();
    loop {
        let body = asking.body(prove)?;
        match tokio::time::timeout_at(until, http.post(body, MOST_ANSWER_BYTES)).await {
            Err(_) => return Err(Failure::Unreachable(last)),
            Ok(Ok(answer)) => match asking.answered(&answer) {
                Next::Done(done) => return done.map(|cosigned| *cosigned),
                Next::Again => continue,
                Next::Later(said) => last = said,
            },
            Ok(Err(failure)) => last = failure,
        }
        if Instant::now() + pause >= until {
            return Err(Failure::Unreachable(last));
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return Err(Failure::Unreachable(last)),
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Fetches `checkpoint` below an address, such as a log's or `WITNESS/ORIGIN-HASH`. Nothing of it is verified.
///
/// # Errors
/// [`Failure::Address`], [`Failure::Unreachable`], [`Failure::Refused`].
pub async fn fetch_checkpoint(prefix: &str, timeout: Duration) -> Result<Vec<u8>, Failure> {
    let http = Http::below(prefix, "checkpoint", timeout)?;
    let received = http.get(MAX_CHECKPOINT_BYTES + 1).await.map_err(Failure::Unreachable)?;
    match received.status {
        200 => Ok(received.body),
        status => Err(Failure::Refused { status, said: shown(&received.body) }),
    }
}

/// An answer as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Received {
    status: u16,
    /// The media type, without parameters.
    kind: String,
    body: Vec<u8>,
}

/// What to do next.
#[derive(Debug, PartialEq)]
enum Next {
    /// Nothing more.
    Done(Result<Box<SignedCheckpoint>, Failure>),
    /// Ask once more, at once.
    Again,
    /// Ask once more after a pause.
    Later(String),
}

/// The asking of one witness, without I/O.
struct Asking {
    checkpoint: SignedCheckpoint,
    key: VerifierKey,
    old: u64,
    corrections: u32,
}

impl Asking {
    fn new(checkpoint: SignedCheckpoint, key: VerifierKey, old: u64) -> Self {
        // More than there is was never cosigned of this log; the witness will say what was.
        let old = if old > checkpoint.head().size { 0 } else { old };
        Self { checkpoint, key, old, corrections: 0 }
    }

    fn body(&self, prove: &Prove) -> Result<Vec<u8>, Failure> {
        let same = self.old == 0 || self.old == self.checkpoint.head().size;
        let proof = if same { Vec::new() } else { prove(self.old).map_err(Failure::Proof)? };
        Ok(AddCheckpoint { old: self.old, proof, checkpoint: self.checkpoint.clone() }.to_bytes())
    }

    fn answered(&mut self, answer: &Received) -> Next {
        match answer.status {
            200 => Next::Done(self.cosigned(&answer.body).map(Box::new)),
            409 => self.corrected(answer),
            // The witness's own trouble, or too much at once.
            408 | 429 | 500..=599 => Next::Later(format!("it answered {}", answer.status)),
            status => Next::Done(Err(Failure::Refused { status, said: shown(&answer.body) })),
        }
    }

    fn cosigned(&self, lines: &[u8]) -> Result<SignedCheckpoint, Failure> {
        let bad = |reason: String| Failure::BadAnswer(reason);
        let cosigned = self.checkpoint.with_cosignature(lines, &self.key).map_err(|error| bad(error.to_string()))?;
        cosigned.map(|(checkpoint, _)| checkpoint).ok_or_else(|| bad("no line is of that key".to_owned()))
    }

    /// It cosigned another size last, and says which.
    fn corrected(&mut self, answer: &Received) -> Next {
        let size = self.checkpoint.head().size;
        let known = answer.body.strip_suffix(b"\n").and_then(decimal).filter(|_| answer.kind == "text/x.tlog.size");
        let Some(known) = known else {
            return Next::Done(Err(Failure::Refused { status: 409, said: shown(&answer.body) }));
        };
        if known > size {
            return Next::Done(Err(Failure::Ahead { known, size }));
        }
        self.corrections += 1;
        if known == self.old || self.corrections > MOST_CORRECTIONS {
            return Next::Done(Err(Failure::Unsteady));
        }
        self.old = known;
        Next::Again
    }
}

/// What a stranger says, on one line and safe for a terminal.
fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * MOST_SHOWN)]).into_owned();
    let line = text.lines().next().unwrap_or_default();
    let plain = |c: &char| !c.is_control() && !ceknik_core::encoding::turns_direction(*c);
    let line: String = line.chars().filter(plain).take(MOST_SHOWN).collect();
    if line.is_empty() { "(nothing)".to_owned() } else { line }
}
